"""Properties of all center-based clusterers, independent of their formulas."""

import pickle
import re
import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_iris, make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from _registry import HARMONIC, NEAREST, SIBLINGS, fit, siblings
from skdcec import KernelKHarmonicMeans, KHarmonicMeans, MahalanobisKMeans
from skdcec._cluster._blocks import Block, Centers, Statistics, add_statistics, owners, squared_distances
from skdcec._cluster._distinct import count_distinct
from skdcec._cluster._fixed_point import total_statistics
from skdcec._cluster._measure import measure
from skdcec._cluster._partition import empty_last
from skdcec._cluster._rows import Rows
from skdcec._cluster._threads import block_pool


@pytest.fixture(scope="module")
def blobs():
    return make_blobs(n_samples=400, centers=4, n_features=3, random_state=3)


@pytest.mark.parametrize("estimator", SIBLINGS, ids=repr)
def test_finds_blobs_and_agrees_with_itself(estimator, blobs):
    X, y = blobs
    model = fit(estimator, X)
    assert adjusted_rand_score(y, model.labels_) > 0.95
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    np.testing.assert_array_equal(clone(model).fit_transform(X), model.transform(X))
    assert model.score(X) == pytest.approx(-model.objective_)
    if getattr(estimator, "covariance_type", "global") == "global":
        own = model.transform(X)[np.arange(len(X)), model.labels_]
        assert model.inertia_ == pytest.approx(np.sum(own**2))
    assert list(model.get_feature_names_out()) == [f"{type(model).__name__.lower()}{i}" for i in range(4)]


@pytest.mark.parametrize("estimator", NEAREST, ids=repr)
def test_labels_are_those_of_the_shortest_distance(estimator, blobs):
    model = fit(estimator, blobs[0])
    np.testing.assert_array_equal(model.transform(blobs[0]).argmin(axis=1), model.labels_)


@pytest.mark.parametrize("estimator", SIBLINGS, ids=repr)
def test_objective_never_rises(estimator, blobs):
    history = fit(estimator, blobs[0], init="random", n_init=3, n_clusters=7).history_["objective"]
    assert (np.diff(history) <= 0).all()
    assert history[-1] < history[0]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # deliberately bad starts
@pytest.mark.parametrize(
    "estimator",
    [
        KHarmonicMeans(p=2.0, accelerate=False),
        KHarmonicMeans(p=3.5, accelerate=False),
        KHarmonicMeans(p=8.0, degree=2.0, accelerate=False),
        KernelKHarmonicMeans(p=2.0, sigma=0.5, accelerate=False),
        MahalanobisKMeans(),
        *(
            MahalanobisKMeans(covariance_type=kind, shrinkage=0.4)
            for kind in ("tied", "full", "diag", "spherical")
        ),
    ],
    ids=repr,
)
def test_a_plain_step_never_raises_the_objective(estimator, blobs, monkeypatch):
    # the history omits rejected steps
    computed = []

    def record(rule, state, rows):
        result = total_statistics(rule, state, rows)
        computed.append(result.objective)
        return result

    monkeypatch.setattr("skdcec._cluster._fixed_point.total_statistics", record)
    for seed in range(5):
        computed.clear()
        fit(estimator, blobs[0], init="random", n_init=1, n_clusters=7, tol=1e-9, random_state=seed)
        assert len(computed) > 2
        assert (np.diff(computed) <= 1e-9 * abs(computed[0])).all()


@pytest.mark.parametrize("estimator", SIBLINGS, ids=repr)
def test_integer_weights_are_repeated_rows(estimator, blobs):
    X = blobs[0]
    weight = np.random.default_rng(0).integers(0, 4, len(X))
    init = X[:4]
    weighted = clone(estimator).set_params(n_clusters=4, init=init).fit(X, sample_weight=weight)
    repeated = clone(estimator).set_params(n_clusters=4, init=init).fit(np.repeat(X, weight, axis=0))
    scaled = clone(estimator).set_params(n_clusters=4, init=init).fit(X, sample_weight=7.5 * weight)
    np.testing.assert_allclose(weighted.cluster_centers_, repeated.cluster_centers_, rtol=1e-9)
    np.testing.assert_allclose(weighted.cluster_centers_, scaled.cluster_centers_, rtol=1e-9)
    assert scaled.inertia_ == pytest.approx(7.5 * weighted.inertia_)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("estimator", SIBLINGS, ids=repr)
def test_rows_of_weight_zero_take_no_part(estimator, blobs, dtype):
    X, weight = blobs[0].astype(dtype), np.ones(401)
    weight[400] = 0
    model = fit(estimator, X)
    for far in (1e6, 1e12):
        other = clone(estimator).set_params(n_clusters=4, random_state=0)
        other.fit(np.vstack([X, np.full((1, 3), far, dtype)]), sample_weight=weight)
        np.testing.assert_array_equal(other.cluster_centers_, model.cluster_centers_)
        assert len(other.labels_) == 401


@pytest.mark.parametrize("estimator", SIBLINGS, ids=repr)
def test_the_scale_of_weights_only_scales_the_objective(estimator, blobs):
    X = blobs[0].astype(np.float32)
    model = fit(estimator, X)
    for scale in (1e-50, 1e50):
        other = clone(estimator).set_params(n_clusters=4, random_state=0)
        other.fit(X, sample_weight=np.full(400, scale))
        np.testing.assert_allclose(other.cluster_centers_, model.cluster_centers_, atol=0.02)
        assert other.inertia_ == pytest.approx(scale * model.inertia_, rel=1e-3)


@pytest.mark.parametrize("estimator", SIBLINGS, ids=repr)
def test_unit_and_position_of_the_data_do_not_matter(estimator, blobs):
    X = blobs[0]
    model = fit(estimator, X)
    for factor, shift in [(1e-30, 0.0), (1e30, 0.0), (1.0, 1e6), (1e-3, -5.0)]:
        moved = fit(estimator, factor * X + shift)
        np.testing.assert_array_equal(moved.labels_, model.labels_)
        expected = factor * model.cluster_centers_ + shift
        tolerance = 1e-7 * factor + 1e-14 * abs(shift)
        np.testing.assert_allclose(moved.cluster_centers_, expected, rtol=1e-6, atol=tolerance)


@pytest.mark.parametrize("estimator", SIBLINGS, ids=repr)
def test_order_of_rows_does_not_matter(estimator, blobs):
    X = blobs[0]
    order = np.random.default_rng(1).permutation(len(X))
    shuffled = fit(estimator, X[order])
    np.testing.assert_allclose(shuffled.cluster_centers_, fit(estimator, X).cluster_centers_, rtol=1e-8)


@pytest.mark.parametrize("estimator", SIBLINGS, ids=repr)
def test_float32_stays_float32(estimator, blobs):
    X = blobs[0]
    model, exact = (fit(estimator, Z, tol=1e-10) for Z in (X.astype(np.float32), X))
    assert model.cluster_centers_.dtype == model.transform(X.astype(np.float32)).dtype == np.float32
    np.testing.assert_array_equal(model.labels_, exact.labels_)
    np.testing.assert_allclose(model.cluster_centers_, exact.cluster_centers_, atol=1e-3)


@pytest.mark.parametrize("estimator", SIBLINGS, ids=repr)
def test_containers_of_rows_do_not_matter(estimator, blobs, tmp_path):
    X = np.round(blobs[0] * 100)
    expected = fit(estimator, X)
    frame = pd.DataFrame(X, columns=list("abc"))
    on_disk = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", X.dtype, X.shape)
    on_disk[:] = X
    read_only = X.copy()
    read_only.flags.writeable = False
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    for other in [frame, np.asfortranarray(X), X.astype(int), X.tolist(), read_only, mapped]:
        model = fit(estimator, other)
        np.testing.assert_array_equal(model.cluster_centers_, expected.cluster_centers_)
    assert list(fit(estimator, frame).feature_names_in_) == ["a", "b", "c"]


@pytest.mark.parametrize("estimator", HARMONIC, ids=repr)
def test_sparse_rows_give_the_dense_answer(estimator):
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(4), 75)
    X = rng.poisson(np.eye(4).repeat(2, axis=1)[y] * 5).astype(float)
    dense, csr = (fit(estimator, Z, init=X[::75]) for Z in (X, sparse.csr_matrix(X)))
    assert adjusted_rand_score(y, csr.labels_) > 0.9
    np.testing.assert_allclose(csr.cluster_centers_, dense.cluster_centers_, atol=1e-6)
    np.testing.assert_allclose(csr.transform(sparse.csr_array(X)), dense.transform(X), atol=1e-6)
    # a model fitted to dense rows accepts sparse rows too
    np.testing.assert_allclose(dense.transform(sparse.csr_matrix(X)), dense.transform(X), atol=1e-6)
    assert dense.score(sparse.csr_matrix(X)) == pytest.approx(dense.score(X))
    with pytest.raises(TypeError, match="sparse"):
        csr.predict_proba(sparse.csr_matrix(X))


@pytest.mark.parametrize("estimator", SIBLINGS, ids=repr)
def test_fitted_centers_are_a_fixed_point(estimator, blobs):
    X = blobs[0]
    model = fit(estimator, X, tol=1e-12)
    init = model.cluster_centers_.copy()
    again = fit(estimator, X, init=init, tol=1e-12)
    np.testing.assert_allclose(again.cluster_centers_, model.cluster_centers_, atol=1e-4)
    np.testing.assert_array_equal(init, model.cluster_centers_)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # deliberately bad starts
@pytest.mark.parametrize("estimator", SIBLINGS, ids=repr)
def test_more_runs_are_never_worse(estimator, blobs):
    X = blobs[0]
    one_run, many_runs = (fit(estimator, X, init="random", n_init=n, n_clusters=6) for n in (1, 8))
    assert many_runs.objective_ <= one_run.objective_


@pytest.mark.parametrize("estimator", SIBLINGS, ids=repr)
def test_same_seed_same_result_also_after_pickling(estimator, blobs):
    X = blobs[0]
    model = fit(estimator, X)
    np.testing.assert_array_equal(fit(estimator, X).cluster_centers_, model.cluster_centers_)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).transform(X), model.transform(X))


@pytest.mark.parametrize("estimator", SIBLINGS, ids=repr)
def test_works_in_a_grid_search_over_a_pipeline(estimator, blobs):
    X, y = blobs
    pipeline = make_pipeline(StandardScaler(), clone(estimator).set_params(random_state=0))
    name = type(estimator).__name__.lower()
    search = GridSearchCV(pipeline, {f"{name}__n_clusters": [2, 4]}, scoring="adjusted_rand_score")
    assert search.fit(X, y).best_params_ == {f"{name}__n_clusters": 4}


@pytest.mark.parametrize("estimator", SIBLINGS, ids=repr)
def test_duplicates_warn_and_empty_clusters_come_last(estimator):
    X = np.repeat([[0.0, 0.0], [1.0, 1.0]], 10, axis=0)
    with pytest.warns(ConvergenceWarning, match="only 2 of the 3 cluster"):
        model = fit(estimator, X, n_clusters=3)
    assert sorted(set(model.labels_)) == [0, 1]


NESTED = np.repeat([0.0, 10, 1000, 1010], 100)
CROWDED = {"clusters of clusters": NESTED, "an outlier": np.append(np.repeat([0.0, 10, 20], 100), 3e4)}


@pytest.mark.parametrize("estimator", NEAREST, ids=repr)
@pytest.mark.parametrize("places", CROWDED.values(), ids=list(CROWDED))
def test_centers_apart_are_told_apart_however_far_others_are(estimator, places):
    X = np.random.default_rng(0).normal(size=(len(places), 2))
    X[:, 0] += places
    init = np.column_stack([np.unique(places), np.zeros(4)])
    model = fit(estimator, X, init=init)  # a warning would be an error
    assert len(np.unique(model.labels_)) == 4


def test_rows_on_one_point_do_not_hide_that_centers_meet():
    X = np.random.default_rng(1).normal(size=(500, 5))
    X[:275] = 0
    with pytest.warns(ConvergenceWarning, match="only 4 of the 5 cluster centers are distinct"):
        fit(KHarmonicMeans(p=2), X, n_clusters=5, init="k-means++")
    assert fit(KHarmonicMeans(), X, n_clusters=5).p_ > 2


@pytest.mark.parametrize("estimator", HARMONIC, ids=repr)
def test_centers_on_one_of_two_far_clusters_are_told_to_be_one(estimator):
    X = np.random.default_rng(0).normal(size=(200, 2))
    X[100:, 0] += 1000
    init = [[0.0, 0], [1000.0, 0], [1000.0, 1e-3]]
    with pytest.warns(ConvergenceWarning, match="only 2 of the 3 cluster centers are distinct"):
        fit(estimator, X, n_clusters=3, init=init, max_iter=1, tol=1e9)


@pytest.mark.parametrize("far", [np.float32(1e30), 1e200])
@pytest.mark.parametrize("estimator", SIBLINGS, ids=repr)
def test_a_row_of_weight_zero_that_is_too_large_is_refused_before_any_iteration(estimator, blobs, far):
    X, weight = np.vstack([blobs[0], np.full((1, 3), far)]).astype(type(far)), np.ones(401)
    weight[400] = 0
    model = clone(estimator).set_params(n_clusters=4)

    def init(*args, **kwargs):
        pytest.fail("the fit began")

    with pytest.raises(ValueError, match="too large for squared distances"):
        model.set_params(init=init).fit(X, sample_weight=weight)


def test_a_callable_init_gets_all_rows(blobs):
    X, weight = blobs[0], np.ones(400)
    weight[::4] = 0
    seen = []

    def init(rows, n_clusters, random_state):
        seen.append(rows)
        return rows[:n_clusters]

    KHarmonicMeans(4, init=init, n_init=1).fit(X, sample_weight=weight)
    np.testing.assert_array_equal(seen[0], X)


@pytest.mark.parametrize("estimator", NEAREST, ids=repr)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_clusters_that_own_only_rows_of_weight_zero_come_last(estimator):
    X, weight = [[0.0], [0.1], [10], [10.1], [50]], [1, 1, 1, 1, 0]
    init = [[50.0], [0], [10]]
    model = clone(estimator).set_params(n_clusters=3, init=init, max_iter=1, tol=1e9)
    model.fit(X, sample_weight=weight)
    removed = clone(model).fit(X[:4])
    np.testing.assert_allclose(model.cluster_centers_, removed.cluster_centers_)


@pytest.mark.parametrize("estimator", SIBLINGS, ids=repr)
def test_non_convergence_warns(estimator):
    X = np.random.default_rng(0).normal(size=(200, 2))
    with pytest.warns(ConvergenceWarning, match="did not converge in max_iter=1"):
        fit(estimator, X, max_iter=1, tol=0.0, init=X[:4])


@pytest.mark.parametrize("estimator", SIBLINGS, ids=repr)
def test_constant_data_are_one_cluster(estimator):
    model = fit(estimator, np.full((10, 2), 3.0), n_clusters=1)
    np.testing.assert_array_equal(model.cluster_centers_, [[3, 3]])


@pytest.mark.parametrize("estimator", SIBLINGS, ids=repr)
@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_clusters": 0}, "n_clusters"),
        ({"n_clusters": 11}, "n_samples=10 should be >= n_clusters=11"),
        ({"init": "k-medoids"}, "init"),
        ({"init": np.zeros((3, 3))}, r"init has shape \(3, 3\), but n_clusters=2 and n_features=2"),
        ({"init": lambda X, k, random_state: X[:1]}, r"init has shape \(1, 2\)"),
        ({"max_iter": 0}, "max_iter"),
        ({"tol": -1.0}, "tol"),
        ({"n_init": 0}, "n_init"),
    ],
)
def test_bad_parameters_raise(estimator, params, message):
    X = np.random.default_rng(0).normal(size=(10, 2))
    with pytest.raises(ValueError, match=message):
        fit(estimator, X, **({"n_clusters": 2} | params))


@pytest.mark.parametrize("estimator", SIBLINGS, ids=repr)
@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([[np.nan, 1.0]] * 4, "NaN"),
        ([[np.inf, 1.0]] * 4, "infinity"),
        (np.array([[1j, 1.0]] * 4), "Complex data not supported"),
        ([1.0, 2.0], "Expected 2D array"),
        (np.empty((0, 2)), "0 sample"),
    ],
)
def test_bad_data_raise_and_leave_the_earlier_fit(estimator, X, message, blobs):
    model = fit(estimator, blobs[0])
    before = pickle.dumps(vars(model))
    with pytest.raises(ValueError, match=message):
        model.fit(X)
    assert pickle.dumps(vars(model)) == before


def test_negative_or_missing_weights_raise():
    X = np.random.default_rng(0).normal(size=(10, 2))
    with pytest.raises(ValueError, match="sample_weight"):
        KHarmonicMeans(2).fit(X, sample_weight=-np.ones(10))
    with pytest.raises(ValueError, match="Only 1 samples have a positive sample_weight"):
        KHarmonicMeans(2).fit(X, sample_weight=[1] + [0] * 9)


def test_explicit_init_with_several_runs_warns(blobs):
    with pytest.warns(RuntimeWarning, match="performing only one init"):
        fit(KHarmonicMeans(), blobs[0], init=blobs[0][:4], n_init=3)


class Recorder:
    """A callback that records its tasks and can stop a run."""

    def __init__(self, stop_after=None):
        self.tasks, self.inertias, self.torn_down, self.stop_after = [], [], 0, stop_after

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        self.torn_down += 1

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        self.tasks.append(context.task_name)
        if context.task_name == "iteration":
            self.inertias.append(-fitted_estimator.score(X))
            return self.tasks.count("iteration") == self.stop_after
        return False


@pytest.mark.parametrize("estimator", HARMONIC, ids=repr)
def test_sparse_rows_stay_as_they_were_given(estimator):
    # one entry is stored in two parts
    parts = ([1.0, 2.0, 4.0, 5.0, 0.5], ([0, 0, 1, 2, 3], [0, 0, 1, 0, 1]))
    X = sparse.csr_matrix((parts[0], parts[1][1], [0, 2, 3, 4, 5]), shape=(4, 2))
    assert not X.has_canonical_format
    sparse_model, dense = (fit(estimator, Z, n_clusters=2, init=[[3.0, 0], [0, 3]]) for Z in (X, X.toarray()))
    assert X.nnz == 5
    np.testing.assert_allclose(sparse_model.cluster_centers_, dense.cluster_centers_, atol=1e-9)


@pytest.mark.parametrize("estimator", SIBLINGS, ids=repr)
def test_callbacks_see_every_iteration(estimator, blobs):
    recorder = Recorder()
    model = clone(estimator).set_params(n_clusters=4, init="k-means++", random_state=0)
    model.set_callbacks(recorder).fit(blobs[0])
    assert recorder.tasks == ["iteration"] * model.n_iter_ + ["init", "fit"]
    # at each iteration, callbacks get an estimator with the objective of that iteration
    np.testing.assert_allclose(recorder.inertias, model.history_["objective"][1:], rtol=1e-6)
    assert recorder.torn_down == 1


def test_a_callback_can_stop_a_run():
    X = np.random.default_rng(0).normal(size=(200, 2))
    model = KHarmonicMeans(5, init=X[:5], tol=0.0).set_callbacks(Recorder(stop_after=2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.fit(X).n_iter_ == 2


class StopAfterOneRun(Recorder):
    """A callback that stops after the first run."""

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        self.tasks.append(context.task_name)
        return context.task_name == "init"


def test_a_callback_can_stop_all_runs(blobs):
    recorder = StopAfterOneRun()
    fit(KHarmonicMeans().set_callbacks(recorder), blobs[0])
    recorder.tasks.clear()
    KHarmonicMeans(4, init="random", n_init=5, random_state=0).set_callbacks(recorder).fit(blobs[0])
    assert recorder.tasks.count("init") == 1


@pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"
)  # centers meet for small exponents
@pytest.mark.parametrize("estimator", [KHarmonicMeans(), KernelKHarmonicMeans(sigma="scale")], ids=repr)
def test_auto_takes_the_exponent_of_lowest_inertia_and_shows_callbacks_one_run(estimator):
    rng = np.random.default_rng(3)
    X = np.vstack([size * rng.normal(size=(90, 6)) + rng.normal(size=6) for size in (1, 1, 2, 3)])
    inertias = {}
    for p in (2, 4, 8, 16, 32, 64):
        labels = fit(estimator, X, init=X[::90], p=p, degree=2).labels_
        inertias[p] = sum(((X[labels == j] - X[labels == j].mean(axis=0)) ** 2).sum() for j in range(4))
    assert len(set(inertias.values())) > 1
    recorder = Recorder()
    model = fit(clone(estimator).set_callbacks(recorder), X, init=X[::90])
    assert (model.p_, model.degree_) == (min(inertias, key=inertias.get), 2)
    assert recorder.tasks.count("init") == 1


@pytest.mark.parametrize("scale", [1.0, 1e20])
def test_auto_takes_the_narrowest_kernel_whose_inertia_is_nearly_the_lowest(scale):
    X = scale * load_iris().data
    wide, inertias = scale * np.sqrt(load_iris().data.var(axis=0).sum()), {}
    for factor in (1, 2, 4):
        model = fit(KernelKHarmonicMeans(sigma=factor * wide), X, n_clusters=3)
        means = np.stack([X[model.labels_ == j].mean(axis=0) for j in range(3)])
        inertias[factor] = ((X - means[model.labels_]) ** 2).sum()
    expected = next(f for f, inertia in inertias.items() if inertia <= 1.01 * min(inertias.values()))
    assert fit(KernelKHarmonicMeans(), X, n_clusters=3).sigma_ == pytest.approx(expected * wide)


@pytest.mark.parametrize("estimator", [KHarmonicMeans(), KernelKHarmonicMeans()], ids=repr)
def test_a_degree_above_the_exponent_is_refused(estimator, blobs):
    with pytest.raises(ValueError, match=r"degree=5.0 should not be larger than p=4.0"):
        fit(estimator, blobs[0], p=4.0, degree=5.0)
    assert fit(estimator, blobs[0], degree=5.0).p_ >= 5


def test_outliers_that_own_centers_are_told():
    X = StandardScaler().fit_transform(load_digits().data)
    with pytest.warns(ConvergenceWarning, match=r"inertia of the clusters.*above.*Set p='auto'"):
        fit(KHarmonicMeans(p=6.5), X, n_clusters=10)
    fit(KHarmonicMeans(), X, n_clusters=10)  # a warning would be an error


def test_objectives_beyond_the_precision_are_refused():
    X = load_iris().data
    model = KHarmonicMeans(1, p=100, init=np.full((1, 4), 1e10))
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match="is not finite on these data"):
        model.fit(X)
    assert not hasattr(model, "labels_")


def test_progress_goes_through_verbose(blobs, capsys):
    fit(KHarmonicMeans(), blobs[0])
    assert capsys.readouterr().out == ""
    model = fit(KHarmonicMeans(), blobs[0], verbose=1)
    printed = re.findall(r"Iteration (\d+), objective (\S+)\.\n", capsys.readouterr().out)
    assert [int(n) for n, _ in printed] == list(range(1, model.n_iter_ + 1))
    np.testing.assert_allclose([float(q) for _, q in printed], model.history_["objective"][1:], rtol=1e-5)


def test_iris_is_the_same_in_every_block_size(monkeypatch):
    X = load_iris().data
    whole = KHarmonicMeans(3, random_state=0).fit(X)
    monkeypatch.setattr("skdcec._cluster._base.block_size", lambda k, d: 7)
    blocks = KHarmonicMeans(3, random_state=0).fit(X)
    np.testing.assert_allclose(blocks.cluster_centers_, whole.cluster_centers_, rtol=1e-12)


@pytest.mark.parametrize("estimator", SIBLINGS, ids=repr)
def test_the_number_of_threads_does_not_matter(estimator, monkeypatch):
    X = np.random.default_rng(0).normal(size=(3000, 3))
    monkeypatch.setattr("skdcec._cluster._base.block_size", lambda k, d: 256)
    results = []
    for n_threads in (1, 3):
        monkeypatch.setattr("skdcec._cluster._threads._openmp_effective_n_threads", lambda n=n_threads: n)
        model = fit(estimator, X, max_iter=5, tol=1.0)
        results.append([model.cluster_centers_, model.labels_, model.transform(X)])
    for one, three in zip(*results, strict=True):
        np.testing.assert_array_equal(one, three)


def test_threads_end_with_the_fit():
    with block_pool() as pool:
        if pool is None:
            pytest.skip("one processor only")
        pool.submit(int).result()
    with pytest.raises(RuntimeError, match="shutdown"):
        pool.submit(int)


# --------------------------------------------------------------------------- the parts


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_distances_of_many_close_pairs_take_little_memory(dtype):
    scale = 1e-4 if dtype == np.float32 else 1e-6
    x = (1 + np.random.default_rng(0).normal(scale=scale, size=(300, 200))).astype(dtype)
    block, centers = Block.of(x, None), Centers.of(x[:100])
    squared_distances(block, centers)  # its scratch memory stays allocated
    tracemalloc.start()
    D, _ = squared_distances(block, centers)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * x.nbytes  # all 30,000 differences at once take 100 times x
    exact = np.square(x.astype(np.longdouble)[107] - x[3]).sum()
    assert D[3, 107] == pytest.approx(float(exact), rel=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_distances_keep_their_digits_where_rows_meet_centers(dtype):
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(3, 4)) + 100
    x = np.vstack([centers, centers + 1e-3 * rng.normal(size=(3, 4)), rng.normal(size=(5, 4))]).astype(dtype)
    centers = centers.astype(dtype)
    exact = ((x.astype(np.longdouble) - centers.astype(np.longdouble)[:, None]) ** 2).sum(axis=2)
    D, nearest = squared_distances(Block.of(x, None), Centers.of(centers))
    assert (np.diag(D) == 0).all()
    np.testing.assert_array_equal(nearest, D.min(axis=0))
    np.testing.assert_allclose(D, exact.astype(float), rtol=200 * np.finfo(dtype).eps * 1e3)
    D, _ = squared_distances(Block.of(sparse.csr_matrix(x), None), Centers.of(centers))
    np.testing.assert_allclose(D, exact.astype(float), atol=1e-1)


def test_ties_go_to_the_first_center():
    D = np.array([[1.0, 4.0, 0.0], [1.0, 2.0, 0.0], [3.0, 2.0, 0.0]])
    labels, A = owners(D, D.min(axis=0))
    assert labels.tolist() == [0, 1, 0]
    np.testing.assert_array_equal(A, [[1, 0, 1], [0, 1, 0], [0, 0, 0]])


def test_statistics_add_up_under_any_scale():
    rng = np.random.default_rng(0)
    sums, weights = rng.normal(size=(2, 3, 4)), rng.random((2, 3))
    plain = add_statistics(Statistics(sums[0], weights[0], 1.0), Statistics(sums[1], weights[1], 2.0))
    shift = np.array([-3.0, 0.0, 2.0])
    scaled = Statistics((sums[1].T * np.exp(-shift)).T, weights[1] * np.exp(-shift), 2.0, shift)
    both = add_statistics(Statistics(sums[0], weights[0], 1.0), scaled)
    factor = np.exp(both.log_scale)
    np.testing.assert_allclose((both.sums.T * factor).T, plain.sums)
    np.testing.assert_allclose(both.weights * factor, plain.weights)
    assert both.objective == 3.0


def test_internal_units_are_exact_powers_of_two():
    X = np.random.default_rng(0).normal(size=(50, 3)) * 37
    rows, variance = measure(Rows(X, np.ones(50), 16))
    units = rows.units
    assert np.frexp(units.scale)[0] == 0.5
    np.testing.assert_allclose(variance * units.scale**2, X.var(axis=0))
    np.testing.assert_allclose(units.restore(units.convert(X)), X, rtol=1e-13)
    assert 0.25 <= variance.sum() <= 1


def test_small_helpers():
    assert empty_last(np.array([1, 0, 2, 0])).tolist() == [0, 2, 1, 3]
    centers = np.array([[0.0], [0.5], [1.0], [9.0]])
    # centers are distinct a twentieth of the spread apart, or less if rows are nearer to their centers
    assert count_distinct(centers, 12.0, np.array([[0.0], [7.0]]), np.ones(2)) == 2
    assert count_distinct(centers, 12.0, np.array([[0.1], [8.8]]), np.ones(2)) == 4
    # here nine of ten rows are, by weight
    rows, weight = np.array([[0.1], [7.0]]), np.array([9.0, 1.0])
    assert count_distinct(centers, 12.0, rows, weight) == 4
    assert count_distinct(centers, 12.0, rows, weight[::-1]) == 2
    # rounding errors do not count as distance; 100 centers cannot all be a twentieth of the spread apart
    assert count_distinct(centers * 1e-6, 12.0, centers * 1e-6, np.ones(4)) == 1
    many = np.arange(100.0)[:, None] * 0.15
    assert count_distinct(many, 12.0, np.array([[-50.0]]), np.ones(1)) == 100


@siblings
def test_masked_values_are_refused(estimator):
    X = np.ma.masked_array(np.random.default_rng(0).normal(size=(40, 3)))
    model = fit(estimator, X, n_clusters=2)
    X[3, 1] = np.ma.masked
    for method in (model.fit, model.predict, model.transform, model.score):
        with pytest.raises(ValueError, match="X is a masked array with 1 masked values"):
            method(X)


def test_a_class_as_init_is_told():
    with pytest.raises(TypeError, match=r"KMeans'> is a class.*pass its cluster_centers_"):
        KHarmonicMeans(2, init=KMeans).fit(np.eye(4))


@siblings
def test_bytes_count_clusters_like_other_integers(estimator):
    X = np.random.default_rng(0).normal(size=(60, 2)) + np.repeat([[0], [9], [18]], 20, axis=0)
    expected = fit(estimator, X, n_clusters=3).labels_
    np.testing.assert_array_equal(fit(estimator, X, n_clusters=np.uint8(3)).labels_, expected)
