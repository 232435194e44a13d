"""Any finite input either gives a fit with valid results or raises a ValueError that names the cause.

``pytest tests/test_any_input.py --hypothesis-profile=nightly`` tries thousands of inputs.
"""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import clone

from _registry import SIBLINGS
from skdcec import KHarmonicMeans

pytestmark = pytest.mark.slow

# possible faults of finite rows
CAUSES = re.compile(r"minimum of 1 is required|n_samples=\d+ should be >= n_clusters|too large for")
EXTREMES = {
    "float16": [0.0, -0.0, 6e-8, -6e-5, 1.0, 2.0, 65504.0, -65504.0],
    "float32": [0.0, -0.0, 1e-45, -1e-38, 1e-20, 1.0, 2.0, 1e20, 3.4e38, -3.4e38],
    "float64": [0.0, -0.0, 5e-324, -1e-308, 1e-160, 1.0, 2.0, 1e160, 1e300, -1.7e308],
}


@st.composite
def tables(draw):
    """Finite rows that are hard on arithmetic: extremes, repeated rows, constant columns, no rows."""
    dtype = draw(st.sampled_from(list(EXTREMES)))
    n, d = draw(st.integers(0, 12)), draw(st.integers(0, 4))
    width = np.dtype(dtype).itemsize * 8
    numbers = st.one_of(
        st.sampled_from(EXTREMES[dtype]),
        st.integers(-3, 3).map(float),
        st.floats(allow_nan=False, allow_infinity=False, width=width),
    )
    X = draw(
        arrays(dtype, (n, d), elements=numbers, fill=draw(st.sampled_from([st.nothing(), st.just(1.0)])))
    )
    if n and draw(st.booleans()):
        X = X[draw(st.lists(st.integers(0, n - 1), min_size=n, max_size=2 * n))]
    if d and n and draw(st.booleans()):
        X[:, draw(st.integers(0, d - 1))] = X[0, 0]
    return X, draw(st.integers(1, max(n, 1) + 1))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
# the sum over X in scikit-learn's search for values that are not finite
@pytest.mark.filterwarnings("ignore:invalid value encountered in reduce:RuntimeWarning")
@pytest.mark.parametrize("clusterer", SIBLINGS, ids=repr)
@given(problem=tables())
def test_finite_rows_fit_or_the_cause_is_named(clusterer, problem):
    X, k = problem
    model = clone(clusterer).set_params(n_clusters=k, max_iter=20, random_state=0)
    refusal = None
    try:
        model.fit(X)
    except ValueError as error:
        refusal = str(error)
    if refusal:
        assert CAUSES.search(refusal), refusal
        assert not hasattr(model, "labels_")
        return
    n, d = X.shape
    assert model.cluster_centers_.shape == (k, d)
    assert model.labels_.shape == (n,)
    assert model.labels_.dtype == np.int32
    assert 0 <= model.labels_.min() <= model.labels_.max() < k
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    results = [model.cluster_centers_, model.inertia_, model.transform(X)]
    farthest = np.ptp(np.vstack([X, model.cluster_centers_]).astype(float), axis=0).sum()
    if not isinstance(model, KHarmonicMeans) or model.p_ * np.log(1 + farthest) < 600:
        results += [model.objective_, model.history_["objective"], model.score(X)]
    if hasattr(model, "predict_proba"):
        U = model.predict_proba(X)
        np.testing.assert_allclose(U.sum(axis=1), 1, rtol=1e-5)
        results.append(U)
    for result in results:
        assert np.isfinite(result).all()
