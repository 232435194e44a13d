"""Mini-batch K-harmonic means: moving averages, streams and passes."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.metrics import adjusted_rand_score

from skdcec import KHarmonicMeans, MiniBatchKHarmonicMeans

CENTERS = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0]])


def blobs(n, seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n)
    return scale * (CENTERS[y] + rng.normal(size=(n, 2))), y


def sums_and_weights(X, C, p, degree):
    """The sums of the published update, as written: a_ij = d_ij^-(p+2) / (sum_l d_il^-p)^(degree/p + 1)."""
    D = np.sqrt(((X[:, None] - C) ** 2).sum(axis=2))
    A = D ** -(p + 2.0) / (D**-p).sum(axis=1, keepdims=True) ** (degree / p + 1)
    return A.T @ X, A.sum(axis=0)


def by_hand(batches, C, p, degree):
    """Moving averages of sums and weights; for degree > 2 the step is 2 / degree of the way."""
    S = W = 0.0
    for t, X in enumerate(batches, start=1):
        share = t**-0.6
        if degree > 2:
            sums, weights = (a / len(X) for a in sums_and_weights(X, C, p, degree))
            W = (1 - share) * W + share * weights
            step = 2 / degree * share * weights / W
            C = C + step[:, None] * (sums / weights[:, None] - C)
        else:
            sums, weights = (a / len(X) for a in sums_and_weights(X, C, p, degree))
            S, W = (1 - share) * S + share * sums, (1 - share) * W + share * weights
            C = S / W[:, None]
    return C


@pytest.mark.parametrize(("p", "degree"), [(2.0, 2.0), (5.0, 2.0), (3.5, 3.5), (8.0, 4.0)])
def test_batches_are_moving_averages(p, degree):
    X, _ = blobs(400)
    batches = [X[:50], X[50:150], X[150:160], X[160:]]
    start = X[:3] + 0.1
    model = MiniBatchKHarmonicMeans(3, init=start, p=p, degree=degree)
    for batch in batches:
        model.partial_fit(batch)
    assert_allclose(model.cluster_centers_, by_hand(batches, start, p, degree), rtol=1e-9)
    assert model.n_steps_ == 4


def test_the_first_batch_takes_the_step_of_k_harmonic_means():
    X, _ = blobs(200)
    params = {"init": X[:3] + 0.1, "p": 4.0, "degree": 2.0}
    with pytest.warns(match="did not converge"):
        whole = KHarmonicMeans(3, max_iter=1, **params).fit(X)
    model = MiniBatchKHarmonicMeans(3, **params).partial_fit(X)
    assert_allclose(model.cluster_centers_, whole.cluster_centers_, rtol=1e-12)
    assert_array_equal(model.labels_, whole.labels_)
    assert model.inertia_ == pytest.approx(whole.inertia_)


@pytest.mark.parametrize("p", ["auto", 4.0])
def test_passes_come_close_to_the_objective_of_all_rows(p):
    X, y = blobs(5000)
    whole = KHarmonicMeans(3, p=p, random_state=0).fit(X)
    model = MiniBatchKHarmonicMeans(3, init="random", n_init=5, p=p, batch_size=200, random_state=0).fit(X)
    assert model.p_ == whole.p_
    assert whole.objective_ < model.objective_ < 1.002 * whole.objective_
    assert model.score(X) == pytest.approx(-model.objective_)
    assert adjusted_rand_score(y, model.labels_) > 0.98
    assert_array_equal(model.predict(X), model.labels_)
    assert len(model.history_["objective"]) == model.n_iter_ + 1
    assert model.n_steps_ == 1 + 25 * model.n_iter_


def test_a_stream_is_learned_and_followed():
    model = MiniBatchKHarmonicMeans(3, random_state=0)
    for seed in range(30):
        model.partial_fit(blobs(100, seed)[0])
    found = model.cluster_centers_[np.argsort(model.cluster_centers_ @ [1, 2])]
    assert_allclose(found, CENTERS, atol=0.3)
    # the clusters move
    for seed in range(200):
        model.partial_fit(blobs(100, seed)[0] + 2)
    found = model.cluster_centers_[np.argsort(model.cluster_centers_ @ [1, 2])]
    assert_allclose(found, CENTERS + 2, atol=0.3)


def test_a_fit_goes_on_with_batches_and_a_pickle_as_well():
    X, _ = blobs(500)
    model = MiniBatchKHarmonicMeans(3, batch_size=100, max_iter=2, random_state=0)
    with pytest.warns(match="did not converge"):
        model.set_params(tol=0.0).fit(X)
    n_steps, before = model.n_steps_, model.cluster_centers_.copy()
    copy = pickle.loads(pickle.dumps(model))
    batch = blobs(50, 1)[0]
    for each in (model, copy):
        each.partial_fit(batch)
        assert each.n_steps_ == n_steps + 1
    assert_array_equal(model.cluster_centers_, copy.cluster_centers_)
    # late batches have small shares
    assert 0 < np.abs(model.cluster_centers_ - before).max() < 0.3
    assert not hasattr(model, "objective_")
    assert model.labels_.shape == (50,)


def test_only_ratios_of_weights_in_a_batch_matter():
    X, _ = blobs(120)
    weight = np.random.default_rng(0).integers(0, 3, size=120)
    start = X[:3] + 0.1
    one, other, repeated = (MiniBatchKHarmonicMeans(3, init=start, p=4.0) for _ in range(3))
    for rows in (slice(0, 40), slice(40, 120)):
        one.partial_fit(X[rows], sample_weight=weight[rows])
        other.partial_fit(X[rows], sample_weight=1e3 * weight[rows])
        repeated.partial_fit(np.repeat(X[rows], weight[rows], axis=0))
    assert_allclose(one.cluster_centers_, other.cluster_centers_, rtol=1e-9)
    assert_allclose(one.cluster_centers_, repeated.cluster_centers_, rtol=1e-9)


def test_batches_of_weight_zero_change_nothing(tmp_path):
    X, _ = blobs(300)
    X[:3] = CENTERS
    np.save(tmp_path / "X.npy", X)
    weight = (np.arange(300) < 3).astype(float)
    params = {"init": CENTERS + 0.1, "p": 8.0, "degree": 2, "batch_size": 10, "max_iter": 5, "tol": 0.0}
    with pytest.warns(match="did not converge"):
        mapped = MiniBatchKHarmonicMeans(3, random_state=0, **params).fit(
            np.load(tmp_path / "X.npy", mmap_mode="r"), None, weight
        )
    # at most three of the thirty batches of a pass hold a row that counts
    assert 6 <= mapped.n_steps_ <= 16
    assert np.abs(mapped.cluster_centers_ - CENTERS).max() < 0.01
    with pytest.raises(ValueError, match="at least one non-zero"):
        mapped.partial_fit(X, sample_weight=np.zeros(300))


@pytest.mark.parametrize("scale", [1e-20, 1e20])
def test_units_do_not_matter(scale):
    X, _ = blobs(300)
    one = MiniBatchKHarmonicMeans(3, batch_size=50, random_state=0).fit(X)
    other = MiniBatchKHarmonicMeans(3, batch_size=50, random_state=0).fit(scale * X)
    assert_array_equal(one.labels_, other.labels_)
    assert_allclose(other.cluster_centers_, scale * one.cluster_centers_, rtol=1e-6, atol=1e-8 * scale)


def test_sparse_rows_and_float32_are_kept():
    X, _ = blobs(300)
    params = {"p": 4.0, "init": X[:3] + 0.1, "batch_size": 100, "random_state": 0}
    dense = MiniBatchKHarmonicMeans(3, **params).fit(X)
    sparse = MiniBatchKHarmonicMeans(3, **params).fit(sp.csr_array(X))
    assert_allclose(sparse.cluster_centers_, dense.cluster_centers_, rtol=1e-6)
    single = MiniBatchKHarmonicMeans(3, **params).fit(X.astype(np.float32))
    assert single.cluster_centers_.dtype == np.float32
    assert_allclose(single.cluster_centers_, dense.cluster_centers_, atol=1e-3)
    assert single.partial_fit(X[:20].astype(np.float32)).cluster_centers_.dtype == np.float32


def test_the_seed_repeats_the_fit_and_batches_depend_on_it():
    X, _ = blobs(600)
    model = MiniBatchKHarmonicMeans(3, init=X[:3] + 0.1, p=4.0, batch_size=50, random_state=0)
    assert_array_equal(clone(model).fit(X).cluster_centers_, model.fit(X).cluster_centers_)
    other = clone(model).set_params(random_state=1).fit(X)
    assert not np.array_equal(other.cluster_centers_, model.cluster_centers_)


def test_mapped_files_are_read(tmp_path):
    X, _ = blobs(500)
    np.save(tmp_path / "X.npy", X)
    model = MiniBatchKHarmonicMeans(3, batch_size=64, random_state=0)
    mapped = clone(model).fit(np.load(tmp_path / "X.npy", mmap_mode="r"))
    assert_allclose(mapped.cluster_centers_, model.fit(X).cluster_centers_)


def test_a_callback_ends_the_passes():
    class Stop:
        """Callback that stops after the second pass."""

        def setup(self, estimator, context):
            self.n_passes = 0

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context):
            self.n_passes += context.task_name == "iteration"
            return self.n_passes == 2

    model = MiniBatchKHarmonicMeans(3, tol=0.0, random_state=0).set_callbacks(Stop()).fit(blobs(100)[0])
    assert model.n_iter_ == 2


def test_names_and_numbers_of_features_are_checked():
    X, _ = blobs(100)
    model = MiniBatchKHarmonicMeans(3, random_state=0).partial_fit(pd.DataFrame(X, columns=["a", "b"]))
    assert_array_equal(model.feature_names_in_, ["a", "b"])
    model.partial_fit(pd.DataFrame(X, columns=["a", "b"]))
    assert_array_equal(model.feature_names_in_, ["a", "b"])
    with pytest.raises(ValueError, match="feature names"):
        model.partial_fit(pd.DataFrame(X, columns=["b", "c"]))
    with pytest.raises(ValueError, match="feature names"):
        model.partial_fit(pd.DataFrame(X[:, :1], columns=["a"]))
    model = MiniBatchKHarmonicMeans(3, random_state=0).partial_fit(X)
    before = model.cluster_centers_
    with pytest.raises(ValueError, match="X has 1 features"):
        model.partial_fit(X[:, :1])
    with pytest.raises(ValueError, match="NaN"):
        model.partial_fit(np.full((2, 2), np.nan))
    assert model.cluster_centers_ is before


def test_a_first_batch_that_is_too_small_and_dask_arrays_raise():
    X, _ = blobs(100)
    with pytest.raises(ValueError, match="n_samples=2 should be >= n_clusters=3"):
        MiniBatchKHarmonicMeans(3).partial_fit(X[:2])
    # later ones may be small
    MiniBatchKHarmonicMeans(3, random_state=0).partial_fit(X).partial_fit(X[:1])
    dask_array = pytest.importorskip("dask.array")
    with pytest.raises(TypeError, match="call partial_fit on its blocks"):
        MiniBatchKHarmonicMeans(3).fit(dask_array.from_array(X))
    with pytest.raises(ValueError, match="'batch_size' parameter"):
        MiniBatchKHarmonicMeans(3, batch_size=0).fit(X)
