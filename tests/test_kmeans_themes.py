"""Properties that scikit-learn tests for KMeans, if no other file tests them for the clusterers here."""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score

from _registry import HARMONIC, KINDS, MAHALANOBIS, UNFINISHED, fit, harmonic, siblings
from skdcec import KHarmonicMeans, MahalanobisKMeans


@pytest.fixture(scope="module")
def blobs():
    return make_blobs(n_samples=200, centers=4, n_features=3, random_state=3)


@pytest.fixture(scope="module")
def weight():
    return np.random.default_rng(0).exponential(size=200)


@pytest.fixture(scope="module")
def counts():
    """Mostly zero rows in four clusters of 50; the first row of each cluster is its initial center."""
    y = np.repeat(np.arange(4), 50)
    return np.random.default_rng(0).poisson(np.eye(4).repeat(2, axis=1)[y] * 5).astype(float)


def assert_same_model(model, expected):
    """Compare all fitted attributes, to the last bit."""
    found, wanted = ({k: v for k, v in vars(m).items() if k.strip("_") != k} for m in (model, expected))
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        same = joblib.hash(found[name]) == joblib.hash(value)
        assert same or np.array_equal(found[name], value), name


def assert_close_model(model, expected):
    np.testing.assert_allclose(model.cluster_centers_, expected.cluster_centers_, rtol=1e-7, atol=1e-7)
    np.testing.assert_array_equal(model.labels_, expected.labels_)
    assert model.inertia_ == pytest.approx(expected.inertia_, rel=1e-9)
    assert model.objective_ == pytest.approx(expected.objective_, rel=1e-9)


# ------------------------------------------------------------------------------ initial centers


@siblings
def test_a_callable_sees_the_data_and_its_centers_are_used(estimator, blobs):
    X, calls = blobs[0].astype(np.float32), []

    def init(X, n_clusters, random_state):
        calls.append((X, n_clusters, random_state))
        return X[:n_clusters].tolist()

    model = fit(estimator, X, init=init, n_init=1)
    ((seen, k, random_state),) = calls
    np.testing.assert_array_equal(seen, X)
    assert seen.dtype == X.dtype
    assert k == 4
    assert isinstance(random_state, np.random.RandomState)
    assert_same_model(model, fit(estimator, X, init=X[:4]))


@harmonic
def test_a_callable_sees_sparse_rows_as_they_are(estimator, counts):
    def init(X, n_clusters, random_state):
        assert sparse.issparse(X)
        return X[::50].toarray()

    rows = sparse.csr_array(counts)
    assert_same_model(fit(estimator, rows, init=init, n_init=1), fit(estimator, rows, init=counts[::50]))


@siblings
@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"init": "k-means++"}, 1),
        ({"init": np.str_("random")}, 10),
        ({"init": "random", "n_init": 3}, 3),
        ({"init": lambda X, n_clusters, random_state: X[-n_clusters:]}, 10),
        ({"init": np.eye(4, 3)}, 1),
    ],
    ids=["k-means++", "random", "random, 3", "callable", "array"],
)
def test_auto_runs_ten_times_where_starts_are_drawn(estimator, params, expected, blobs, monkeypatch):
    runs, run = [], type(estimator)._run

    def counted(self, *args, **kwargs):
        runs.append(run(self, *args, **kwargs))
        return runs[-1]

    monkeypatch.setattr(type(estimator), "_run", counted)
    model = fit(estimator, blobs[0], **params)
    assert len(runs) == expected
    assert model.n_iter_ in [run.n_iter for run in runs]


@UNFINISHED
@siblings
def test_of_several_starts_the_best_is_kept_as_if_alone(estimator, blobs):
    X, rng = blobs[0], np.random.default_rng(0)
    starts = [X[rng.choice(len(X), 6, replace=False)] for _ in range(5)]
    # 'auto' chooses from the first start
    fixed = {"p": 4.0, "sigma": "scale"}
    params = {"n_clusters": 6} | {name: fixed[name] for name in fixed if hasattr(estimator, name)}
    alone = [fit(estimator, X, init=start, **params) for start in starts]
    remaining = iter(starts)
    model = fit(estimator, X, init=lambda *_, **__: next(remaining), n_init=5, **params)
    objectives = [one.objective_ for one in alone]
    assert min(objectives) < max(objectives)
    assert_same_model(model, alone[int(np.argmin(objectives))])


@siblings
def test_containers_of_initial_centers_do_not_matter(estimator, blobs):
    X, init = blobs[0], blobs[0][:4].astype(np.float32).astype(np.float64)
    expected = fit(estimator, X, init=init)
    read_only = init.copy()
    read_only.flags.writeable = False
    others = [
        init.tolist(),
        init.astype(np.float32),
        np.asfortranarray(init),
        init[::-1][::-1],
        read_only,
        pd.DataFrame(init, columns=list("abc")),
    ]
    for other in others:
        assert_same_model(fit(estimator, X, init=other), expected)


@siblings
@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (np.full((2, 2), np.nan), ValueError, "init contains NaN"),
        (np.zeros(2), ValueError, "Expected 2D array"),
        ([["a", "b"], ["c", "d"]], ValueError, "could not convert string"),
        (sparse.csr_array(np.eye(2)), TypeError, "[Ss]parse"),
        (np.full((2, 2), 1e300), ValueError, "too large"),
    ],
    ids=["nan", "one row", "words", "sparse", "large"],
)
def test_bad_initial_centers_raise_from_arrays_and_callables(estimator, bad, error, message):
    X = np.random.default_rng(0).normal(size=(10, 2))
    for init in (bad, lambda X, n_clusters, random_state: bad):
        with pytest.raises(error, match=message):
            fit(estimator, X, init=init, n_init=1, n_clusters=2)


@UNFINISHED
@siblings
@pytest.mark.parametrize("init", ["k-means++", "random"])
def test_drawn_starts_are_distinct_rows_and_prefer_weight(estimator, init, blobs, monkeypatch):
    X, y = blobs
    starts, run = [], type(estimator)._run

    def spied(self, problem, task, inputs, rule, start):
        starts.append(problem.rows.units.restore(start.centers))
        return run(self, problem, task, inputs, rule, start)

    monkeypatch.setattr(type(estimator), "_run", spied)
    weight = np.where(y == 0, 1.0, 1e-9)
    weight[y == 1] = 0
    for seed in range(3):
        params = {"init": init, "n_init": 1, "max_iter": 1, "tol": 1e9, "random_state": seed}
        fit(estimator, X, **params)
        nearest = cdist(starts[-1], X)
        assert nearest.min(axis=1).max() < 1e-12 * np.abs(X).max()
        assert len(set(nearest.argmin(axis=1))) == 4
        fit(estimator, X, sample_weight=weight, **params)
        # no rows of weight zero, and none that are a billion times lighter
        assert (y[cdist(starts[-1], X).argmin(axis=1)] == 0).all()


# --------------------------------------------------------------------------- no side effects


@siblings
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_the_user_passes_is_neither_changed_nor_kept(estimator, dtype, blobs, weight):
    X = blobs[0].astype(dtype)
    given = {"X": X, "init": X[:4].copy(), "sample_weight": weight.copy()}
    given["sample_weight"][:5] = 0
    before = {name: value.copy() for name, value in given.items()}
    model = fit(estimator, **given)
    for method in ("predict", "transform", "score"):
        getattr(model, method)(X)
    for name, value in given.items():
        np.testing.assert_array_equal(value, before[name])
    fitted = {name: value for name, value in vars(model).items() if name not in model.get_params()}
    for name, value in fitted.items():
        if isinstance(value, np.ndarray):
            assert not any(np.may_share_memory(value, own) for own in given.values()), name


@harmonic
def test_sparse_rows_of_the_user_are_not_changed(estimator, counts):
    rows = sparse.csr_matrix(counts)
    parts = [part.copy() for part in (rows.data, rows.indices, rows.indptr)]
    fit(estimator, rows, sample_weight=np.arange(200.0)).predict(rows)
    for part, before in zip((rows.data, rows.indices, rows.indptr), parts, strict=True):
        np.testing.assert_array_equal(part, before)


@siblings
def test_only_the_generator_that_was_passed_is_used(estimator, blobs):
    X = blobs[0]
    state = pickle.dumps(np.random.get_state())  # noqa: NPY002
    expected = fit(estimator, X, init="random", n_init=1)
    assert pickle.dumps(np.random.get_state()) == state  # noqa: NPY002
    generator = np.random.RandomState(0)
    assert_same_model(fit(estimator, X, init="random", n_init=1, random_state=generator), expected)
    # it has advanced
    assert not np.array_equal(generator.get_state()[1], np.random.RandomState(0).get_state()[1])


# ------------------------------------------------------------------------------ weights


@siblings
def test_unit_weights_are_no_weights(estimator, blobs):
    X = blobs[0]
    expected = fit(estimator, X)
    for ones in (np.ones(200), [1] * 200, np.ones(200, np.float32), pd.Series(np.ones(200)), 1):
        assert_same_model(fit(estimator, X, sample_weight=ones), expected)


@UNFINISHED
@siblings
@pytest.mark.parametrize("init", ["k-means++", "random"])
def test_scaled_weights_draw_the_same_starts(estimator, init, blobs, weight):
    X = blobs[0]
    params = {"init": init, "n_init": 1, "tol": 1e-10}
    expected = fit(estimator, X, sample_weight=weight, **params)
    for scale in (0.5, 3.0):
        model = fit(estimator, X, sample_weight=scale * weight, **params)
        np.testing.assert_array_equal(model.labels_, expected.labels_)
        np.testing.assert_allclose(model.cluster_centers_, expected.cluster_centers_, rtol=1e-6)
        assert model.inertia_ == pytest.approx(scale * expected.inertia_)


@siblings
def test_weights_are_repetitions_for_labels_inertia_and_score(estimator, blobs):
    X = blobs[0]
    weight = np.random.default_rng(0).integers(0, 4, 200)
    repeated = np.repeat(X, weight, axis=0)
    model, expected = (
        fit(estimator, X, sample_weight=weight, init=X[:4]),
        fit(estimator, repeated, init=X[:4]),
    )
    np.testing.assert_array_equal(np.repeat(model.labels_, weight), expected.labels_)
    assert model.inertia_ == pytest.approx(expected.inertia_)
    assert model.score(X, sample_weight=weight) == pytest.approx(model.score(repeated))
    assert model.score(X, sample_weight=weight) == pytest.approx(-model.objective_)
    if getattr(estimator, "covariance_type", "global") == "global":
        own = model.transform(X)[np.arange(200), model.labels_]
        assert model.inertia_ == pytest.approx(weight @ own**2)


@siblings
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.ones(3), "sample_weight.shape"),
        (np.ones((200, 1)), "1D"),
        (np.full(200, np.nan), "NaN"),
        (np.full(200, np.inf), "infinity"),
        (-np.ones(200), "[Nn]egative"),
        (np.zeros(200), "Only 0 samples have a positive sample_weight|zero"),
    ],
    ids=["short", "column", "nan", "inf", "negative", "zeros"],
)
def test_bad_weights_raise(estimator, bad, message, blobs):
    with pytest.raises(ValueError, match=message):
        fit(estimator, blobs[0], sample_weight=bad)


# ------------------------------------------------------------------------------ kinds of rows


@siblings
@pytest.mark.parametrize("dtype", [">f8", ">f4", "f2", "i1", "i4", "u1", "O", "g", "?"])
def test_numbers_of_other_types_become_float64(estimator, dtype, blobs):
    X = np.clip(np.round(3 * np.abs(blobs[0])), 0, 100)
    X = (X % 2).astype(dtype) if dtype == "?" else X.astype(dtype)
    model = fit(estimator, X, n_clusters=2, init=[[0, 0, 0], [1, 1, 1]])
    assert model.cluster_centers_.dtype == np.float64
    assert_same_model(model, fit(estimator, X.astype(float), n_clusters=2, init=[[0, 0, 0], [1, 1, 1]]))


@siblings
def test_strides_of_rows_do_not_matter(estimator, blobs):
    X = blobs[0]
    wide = np.zeros((400, 6))
    wide[::2, ::2] = X
    for view in (wide[::2, ::2], X[::-1, ::-1].copy()[::-1, ::-1], np.broadcast_to(X, (1, *X.shape))[0]):
        assert_same_model(fit(estimator, view), fit(estimator, X))


@siblings
def test_one_precision_predicts_rows_of_the_other(estimator, blobs):
    double, single = blobs[0], blobs[0].astype(np.float32)
    for own, other in [(double, single), (single, double)]:
        model = fit(estimator, own)
        np.testing.assert_array_equal(model.predict(other), model.labels_)
        assert model.transform(other).dtype == other.dtype
        np.testing.assert_allclose(model.transform(other), model.transform(own), rtol=1e-3, atol=1e-3)
        assert model.score(other) == pytest.approx(model.score(own), rel=1e-4)
        assert model.cluster_centers_.dtype == own.dtype


def shuffled(rows):
    """The same rows, with unsorted entries."""
    rows = rows.copy()
    for i in range(rows.shape[0]):
        part = slice(rows.indptr[i], rows.indptr[i + 1])
        rows.indices[part], rows.data[part] = rows.indices[part][::-1].copy(), rows.data[part][::-1].copy()
    rows.has_sorted_indices = False
    return rows


def in_pieces(rows):
    """The same rows, each number as the sum of two entries."""
    pieces = (rows.data * [[0.25], [0.75]]).T.ravel()
    return sparse.csr_matrix((pieces, rows.indices.repeat(2), 2 * rows.indptr), shape=rows.shape)


def with_zeros(rows):
    """The same rows, with explicit zeros."""
    full = np.indices(rows.shape)
    return sparse.csr_array((rows.toarray().ravel(), full[1].ravel(), np.arange(0, full[1].size + 1, 8)))


def wide_indices(rows):
    """The same rows, with 64-bit indices."""
    rows = rows.copy()
    rows.indices, rows.indptr = rows.indices.astype(np.int64), rows.indptr.astype(np.int64)
    return rows


@harmonic
@pytest.mark.parametrize(
    "form",
    [
        sparse.csr_array,
        sparse.csc_matrix,
        sparse.coo_array,
        sparse.lil_matrix,
        lambda rows: rows.astype(int),
        wide_indices,
        shuffled,
        with_zeros,
        in_pieces,
    ],
    ids="csr_array csc coordinates lil int wide shuffled zeros duplicates".split(),
)
def test_forms_of_sparse_rows_do_not_matter(estimator, form, counts):
    rows = form(sparse.csr_matrix(counts))
    np.testing.assert_array_equal(rows.toarray(), counts)
    weight = np.random.default_rng(1).integers(0, 3, 200)
    model, expected = (
        fit(estimator, Z, sample_weight=weight, init=counts[::50], tol=1e-12) for Z in (rows, counts)
    )
    assert_close_model(model, expected)
    for Z in (rows, counts):
        # both models accept both kinds of rows
        for fitted in (model, expected):
            np.testing.assert_array_equal(fitted.predict(Z), expected.labels_)
            np.testing.assert_allclose(fitted.transform(Z), expected.transform(counts), atol=1e-6)
            assert fitted.score(Z, sample_weight=weight) == pytest.approx(-expected.objective_)


@harmonic
@pytest.mark.parametrize("init", ["k-means++", "random"])
def test_sparse_rows_draw_starts_as_good_as_dense_ones(estimator, init, counts):
    weight = np.random.default_rng(1).integers(1, 4, 200)
    sparse_model, dense = (
        fit(estimator, Z, sample_weight=weight, init=init, p=4.0, tol=1e-12)
        for Z in (sparse.csr_matrix(counts), counts)
    )
    # starts come from rows in another order, so clusters have other numbers
    assert adjusted_rand_score(dense.labels_, sparse_model.labels_) == 1
    assert sparse_model.objective_ == pytest.approx(dense.objective_, rel=1e-6)


@harmonic
def test_sparse_rows_of_float32_stay_float32(estimator, counts):
    single, double = (
        fit(estimator, sparse.csr_matrix(counts, dtype=t), init=counts[::50]) for t in (np.float32, float)
    )
    assert single.cluster_centers_.dtype == np.float32
    np.testing.assert_allclose(single.cluster_centers_, double.cluster_centers_, atol=0.02)
    np.testing.assert_array_equal(single.labels_, double.labels_)


@pytest.mark.parametrize("estimator", MAHALANOBIS, ids=repr)
def test_a_metric_of_covariances_refuses_sparse_rows(estimator, counts, blobs):
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        fit(estimator, sparse.csr_matrix(counts))
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        fit(estimator, blobs[0]).predict(sparse.csr_matrix(blobs[0]))


# ------------------------------------------------------------------- results of a fit


@UNFINISHED
@siblings
@pytest.mark.parametrize("max_iter", [1, 2, 100])
def test_all_ways_to_the_labels_agree_also_before_convergence(estimator, max_iter, blobs, weight):
    X, y = blobs
    params = {"n_clusters": 6, "init": X[:6], "max_iter": max_iter, "tol": 0.0}
    model = fit(estimator, X, sample_weight=weight, **params)
    assert model.n_iter_ <= max_iter
    assert len(model.history_["objective"]) == model.n_iter_ + 1
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    np.testing.assert_array_equal(clone(model).fit_predict(X, y, sample_weight=weight), model.labels_)
    np.testing.assert_array_equal(clone(model).fit_transform(X, y, weight), model.transform(X))


@siblings
def test_each_center_belongs_to_itself(estimator, blobs):
    model = fit(estimator, blobs[0])
    np.testing.assert_array_equal(model.predict(model.cluster_centers_), range(4))
    np.testing.assert_array_equal(model.transform(model.cluster_centers_).diagonal(), 0)


@harmonic
def test_distances_of_the_harmonic_pair_are_euclidean(estimator, blobs):
    model = fit(estimator, blobs[0])
    C, new = model.cluster_centers_, blobs[0][:50] * 3 + 1
    np.testing.assert_allclose(model.transform(new), cdist(new, C), rtol=1e-10)
    np.testing.assert_allclose(model.transform(C), cdist(C, C), rtol=1e-10)
    np.testing.assert_array_equal(model.predict(new), cdist(new, C).argmin(axis=1))
    np.testing.assert_allclose(model.transform(sparse.csr_array(new)), cdist(new, C), rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_an_iteration_assigns_then_averages_then_measures(kind, blobs):
    X, init = blobs[0], blobs[0][:4]
    n, d = X.shape
    T = np.cov(X.T, ddof=0)
    start = {"diag": np.diag(np.diag(T)), "spherical": np.eye(d) * np.trace(T) / d}.get(kind, T)
    # at the start all clusters have the metric of all data
    labels = cdist(X, init, "mahalanobis", VI=np.linalg.inv(start)).argmin(axis=1)
    means = np.stack([X[labels == j].mean(axis=0) for j in range(4)])
    scatters = [np.cov(X[labels == j].T, ddof=0) for j in range(4)]
    if kind == "global":
        covariances = [T] * 4
    elif kind == "tied":
        covariances = [sum(S * np.sum(labels == j) for j, S in enumerate(scatters)) / n] * 4
    elif kind == "full":
        covariances = scatters
    elif kind == "diag":
        covariances = [np.diag(np.diag(S)) for S in scatters]
    else:
        covariances = [np.eye(d) * np.trace(S) / d for S in scatters]
    squares = np.stack(
        [
            cdist(X, means[[j]], "mahalanobis", VI=np.linalg.inv(V))[:, 0] ** 2
            for j, V in enumerate(covariances)
        ]
    )
    log_dets = np.array([np.linalg.slogdet(V)[1] for V in covariances])
    expected = (squares + log_dets[:, None]).argmin(axis=0)
    model = MahalanobisKMeans(4, covariance_type=kind, init=init, max_iter=1, tol=1e9, shrinkage=0.0).fit(X)
    assert model.n_iter_ == 1
    assert len(set(expected)) == 4  # otherwise clusters would be renumbered
    np.testing.assert_allclose(model.cluster_centers_, means, rtol=1e-10)
    np.testing.assert_array_equal(model.labels_, expected)
    np.testing.assert_allclose(model.transform(X), np.sqrt(squares).T, rtol=1e-7)


@siblings
def test_a_run_ends_by_itself_where_no_tolerance_would_end_it(estimator):
    X = np.random.default_rng(0).normal(size=(500, 4))
    model = fit(estimator, X, n_clusters=5, tol=0.0, max_iter=1000)  # no warning
    assert model.n_iter_ < 1000


@siblings
def test_numbers_that_describe_a_fit_are_plain(estimator, blobs):
    model = fit(estimator, blobs[0])
    assert type(model.n_iter_) is int
    assert isinstance(model.inertia_, float)
    assert isinstance(model.objective_, float)
    assert isinstance(model.score(blobs[0]), float)
    assert model.inertia_ > 0


@siblings
def test_every_iteration_of_every_run_is_printed(estimator, blobs, capsys):
    history = fit(estimator, blobs[0], init="random", n_init=3, verbose=2, random_state=1).history_[
        "objective"
    ]
    lines = capsys.readouterr().out.splitlines()
    assert all("objective" in line for line in lines)
    assert sum(line.startswith("Iteration 1,") for line in lines) == 3
    assert any(line.startswith(f"Iteration {len(history) - 1},") for line in lines)


# ---------------------------------------------------------------- number of clusters


@siblings
def test_one_cluster_owns_all_rows(estimator, blobs, weight):
    X = blobs[0]
    model = fit(estimator, X, sample_weight=weight, n_clusters=1, tol=1e-14)
    assert not model.labels_.any()
    assert model.transform(X).shape == (200, 1)
    if hasattr(model, "predict_proba"):
        np.testing.assert_array_equal(model.predict_proba(X), np.ones((200, 1)))
    else:
        np.testing.assert_allclose(
            model.cluster_centers_[0], np.average(X, axis=0, weights=weight), rtol=1e-9
        )


@siblings
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_as_many_clusters_as_rows_leave_each_row_alone(estimator, dtype, blobs):
    X = blobs[0][:12].astype(dtype)
    model = fit(estimator, X, n_clusters=12)
    assert sorted(model.labels_) == list(range(12))
    np.testing.assert_allclose(model.cluster_centers_[model.labels_], X, rtol=1e-5)
    assert model.inertia_ == pytest.approx(0, abs=1e-6)


@UNFINISHED
@siblings
def test_more_clusters_than_rows_in_a_block_give_the_same(estimator, monkeypatch):
    X = make_blobs(n_samples=150, centers=12, n_features=2, cluster_std=0.3, random_state=1)[0]
    params = {"n_clusters": 12, "init": X[:12], "max_iter": 3, "tol": 1e9}
    whole = fit(estimator, X, **params)
    monkeypatch.setattr("skdcec._cluster._base.block_size", lambda k, d: 5)
    blocks = fit(estimator, X, **params)
    np.testing.assert_allclose(blocks.cluster_centers_, whole.cluster_centers_, rtol=1e-9)
    np.testing.assert_array_equal(blocks.labels_, whole.labels_)
    np.testing.assert_allclose(blocks.transform(X), whole.transform(X), rtol=1e-6, atol=1e-8)


@siblings
def test_hundreds_of_clusters_are_found(estimator):
    centers = 10 * np.stack(np.meshgrid(range(20), range(15)), axis=-1).reshape(-1, 2)
    X, y = make_blobs(n_samples=900, centers=centers, cluster_std=0.1, random_state=0)
    model = fit(estimator, X, n_clusters=300, init=centers + 1.0)
    assert adjusted_rand_score(y, model.labels_) == 1
    assert model.predict(X).max() == 299


@harmonic
@pytest.mark.parametrize("far", [10.0, 500.0, 1e6])
def test_a_center_that_starts_far_from_all_rows_is_called_back(estimator, far, blobs):
    # k-means would have to move its empty cluster
    X, y = blobs
    init = np.vstack([X[[np.flatnonzero(y == j)[0] for j in range(3)]], np.full(3, far)])
    model = fit(estimator, X, init=init)
    assert len(set(model.labels_)) == 4
    assert np.abs(model.cluster_centers_).max() < np.abs(X).max()
    if isinstance(estimator, KHarmonicMeans):
        assert adjusted_rand_score(y, model.labels_) == 1


@pytest.mark.parametrize("estimator", MAHALANOBIS, ids=repr)
def test_a_center_without_rows_stays_comes_last_and_warns(estimator, blobs):
    X, far = blobs[0], np.full((1, 3), 500.0)
    with pytest.warns(ConvergenceWarning, match="only 3 of the 4 clusters own a sample"):
        model = fit(estimator, X, init=np.vstack([far, X[:3]]))
    np.testing.assert_array_equal(model.cluster_centers_[3:], far)
    assert sorted(set(model.labels_)) == [0, 1, 2]
    # it does not influence the others
    others = fit(estimator, X, init=X[:3], n_clusters=3)
    np.testing.assert_array_equal(model.labels_, others.labels_)
    np.testing.assert_allclose(model.cluster_centers_[:3], others.cluster_centers_, rtol=1e-9)
    assert np.isfinite(model.transform(X)).all()


@siblings
def test_repeated_rows_as_centers_stop_at_once_and_warn(estimator):
    X = np.array([[0, 0], [1, 1], [1, 1], [1, 0], [0, 1]])
    with pytest.warns(ConvergenceWarning, match="only 4 of the 5 cluster"):
        model = fit(estimator, X, n_clusters=5, init=X)
    assert model.n_iter_ <= 2
    assert model.labels_.tolist() == [0, 1, 1, 2, 3]


# --------------------------------------------------------------------------- another fit


@siblings
def test_another_fit_forgets_the_first(estimator, blobs, counts):
    frame = pd.DataFrame(blobs[0], columns=list("abc"))
    model = fit(estimator, frame, n_clusters=5)
    assert_same_model(model.set_params(n_clusters=2).fit(counts), fit(estimator, counts, n_clusters=2))
    if estimator in HARMONIC:
        rows = sparse.csr_matrix(counts[:, :6])
        assert_same_model(model.fit(rows), fit(estimator, rows, n_clusters=2))
        assert_same_model(model.fit(counts), fit(estimator, counts, n_clusters=2))
    else:
        for kind in KINDS:
            expected = fit(estimator, counts, n_clusters=2, covariance_type=kind)
            assert_same_model(model.set_params(covariance_type=kind).fit(counts), expected)


@siblings
def test_parameters_set_after_a_fit_wait_for_the_next(estimator, blobs):
    X = blobs[0]
    model = fit(estimator, X)
    expected = model.predict(X), model.transform(X), model.score(X), model.get_feature_names_out()
    other = {"p": 7.0, "sigma": 9.0, "covariance_type": "global", "shrinkage": 0.5, "accelerate": False}
    if model.get_params().get("covariance_type") == "global":
        other["covariance_type"] = "full"
    other = {name: value for name, value in other.items() if name in model.get_params()}
    model.set_params(n_clusters=7, init="random", tol=1.0, **other)
    found = model.predict(X), model.transform(X), model.score(X), model.get_feature_names_out()
    for now, before in zip(found, expected, strict=True):
        np.testing.assert_array_equal(now, before)


@siblings
def test_numbers_among_the_parameters_may_be_of_any_type(estimator, blobs):
    X = blobs[0]
    plain = {"n_clusters": 4, "tol": 0.25, "max_iter": 50, "n_init": 2}
    types = [np.int64, np.float32, np.int32, np.uint8]
    typed = {name: kind(value) for kind, (name, value) in zip(types, plain.items(), strict=True)}
    if isinstance(estimator.get_params().get("p"), float):
        typed["p"], plain["p"] = 3, 3.0
    assert_same_model(fit(estimator, X, init="random", **typed), fit(estimator, X, init="random", **plain))
