"""Rows outside memory: mapped files and dask arrays give the same results as arrays."""

import logging
import os
import signal
import subprocess
import sys
import tracemalloc

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.model_selection import GridSearchCV

from skdcec import KernelKHarmonicMeans, KHarmonicMeans, MahalanobisKMeans
from skdcec._cluster._rows import Rows, is_mapped

CLUSTERERS = [
    KHarmonicMeans(),
    KHarmonicMeans(p=4.0),
    KernelKHarmonicMeans(),
    *(MahalanobisKMeans(covariance_type=kind) for kind in ("global", "tied", "full", "diag", "spherical")),
]


@pytest.fixture(scope="module")
def blobs():
    return make_blobs(n_samples=1000, centers=4, n_features=3, random_state=3)[0]


@pytest.fixture(scope="module")
def da():
    return pytest.importorskip("dask.array")


def fit(estimator, X, **params):
    weight = params.pop("sample_weight", None)
    model = clone(estimator).set_params(**({"n_clusters": 4, "random_state": 0} | params))
    return model.fit(X, sample_weight=weight)


def assert_same_fit(model, expected):
    np.testing.assert_allclose(model.cluster_centers_, expected.cluster_centers_, rtol=1e-10, atol=1e-10)
    np.testing.assert_array_equal(model.labels_, expected.labels_)
    assert model.objective_ == pytest.approx(expected.objective_, rel=1e-10)
    assert model.inertia_ == pytest.approx(expected.inertia_, rel=1e-10)


@pytest.mark.parametrize("estimator", CLUSTERERS, ids=repr)
def test_a_dask_array_gives_the_answer_of_the_array(estimator, blobs, da):
    lazy = da.from_array(blobs, chunks=(300, 2))
    expected, model = fit(estimator, blobs), fit(estimator, lazy)
    assert_same_fit(model, expected)
    assert isinstance(model.labels_, np.ndarray)
    assert model.score(lazy) == pytest.approx(expected.score(blobs), rel=1e-10)
    methods = ["predict", "transform"] + ["predict_proba"] * hasattr(estimator, "predict_proba")
    for method in methods:
        result = getattr(model, method)(lazy)
        assert isinstance(result, da.Array)
        now = getattr(expected, method)(blobs)
        assert (result.shape, result.dtype, result.numblocks[0]) == (now.shape, now.dtype, 4)
        np.testing.assert_allclose(result.compute(), now, rtol=1e-8, atol=1e-10)
    np.testing.assert_array_equal(model.predict(blobs), model.labels_)


@pytest.mark.parametrize("estimator", CLUSTERERS, ids=repr)
def test_weights_of_a_dask_array_may_be_an_array_or_lazy(estimator, blobs, da):
    weight = np.random.default_rng(0).integers(0, 3, len(blobs)).astype(float)
    weight[300:600] = 0  # a complete chunk has no weight
    init = blobs[[0, 1, 2, 700]]
    expected = fit(estimator, blobs, sample_weight=weight, init=init)
    lazy = da.from_array(blobs, chunks=(300, 3))
    for given in (weight, da.from_array(weight, chunks=250)):
        assert_same_fit(fit(estimator, lazy, sample_weight=given, init=init), expected)


@pytest.mark.parametrize("p", [2.0, 4.0])
def test_a_chunk_that_lies_on_a_center_pulls_as_in_memory(p, da):
    rng = np.random.default_rng(0)
    X = np.zeros((600, 2))
    X[300:] = rng.normal(size=(300, 2))
    X[450:, 0] += 6
    params = {"init": [[0.0, 0], [6, 0]], "n_clusters": 2, "p": p, "max_iter": 1, "tol": 1e9}
    model = fit(KHarmonicMeans(), da.from_array(X, chunks=(300, 2)), **params)
    assert_same_fit(model, fit(KHarmonicMeans(), X, **params))


def test_chunks_may_be_empty(blobs, da):
    lazy = da.from_array(blobs[np.argsort(blobs[:, 0])], chunks=(100, 3))
    chosen = lazy[lazy[:, 0] > -5]
    chosen.compute_chunk_sizes()
    assert 0 in chosen.chunks[0]
    model = fit(KHarmonicMeans(), chosen)
    np.testing.assert_array_equal(model.predict(chosen).compute(), model.labels_)
    assert model.transform(chosen).compute().shape == (len(chosen), 4)


@pytest.mark.parametrize("size", [20, 2**17])
def test_rows_of_weight_zero_are_not_sampled(size, da, tmp_path, monkeypatch):
    monkeypatch.setattr("skdcec._cluster._base.SEEDING_SAMPLE", size)
    X = make_blobs(180, centers=3, n_features=2, random_state=0)[0]
    X[1::30] = 1e6
    weight = np.zeros(180)
    weight[::30] = 1
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    expected = fit(KHarmonicMeans(), X, sample_weight=weight, n_clusters=2)
    for rows in (mapped, da.from_array(X, chunks=40), da.from_array(mapped, chunks=40)):
        assert_same_fit(fit(KHarmonicMeans(), rows, sample_weight=weight, n_clusters=2), expected)


def test_whole_blocks_of_a_mapped_file_may_weigh_nothing(blobs, tmp_path, monkeypatch):
    monkeypatch.setattr("skdcec._cluster._base.block_size", lambda k, d: 256)
    weight = np.ones(1000)
    weight[256:512] = 0
    np.save(tmp_path / "x.npy", blobs)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    expected = fit(KHarmonicMeans(), blobs, sample_weight=weight)
    assert_same_fit(fit(KHarmonicMeans(), mapped, sample_weight=weight), expected)


@pytest.mark.parametrize("scale", [1e-50, 2.0, 1e50])
def test_weights_of_dask_arrays_may_be_of_any_size_and_one_number(blobs, da, scale):
    X = blobs.astype(np.float32)
    lazy = da.from_array(X, chunks=(300, 3))
    expected = fit(KHarmonicMeans(), X, sample_weight=np.full(1000, scale))
    for weight in (scale, np.full(1000, scale), da.full(1000, scale, chunks=300)):
        model = fit(KHarmonicMeans(), lazy, sample_weight=weight)
        np.testing.assert_allclose(model.cluster_centers_, expected.cluster_centers_, atol=1e-3)
        assert model.inertia_ == pytest.approx(expected.inertia_, rel=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("estimator", CLUSTERERS, ids=repr)
def test_most_rows_may_weigh_nothing_wherever_they_are(estimator, dtype, blobs, da, tmp_path):
    X = np.concatenate([blobs, np.full((1500, 3), 1e12)]).astype(dtype)
    order = np.random.default_rng(0).permutation(2500)
    X, weight = X[order], (order < 1000).astype(float)
    np.save(tmp_path / "x.npy", X)
    expected = fit(estimator, X, sample_weight=weight, tol=1e-9)
    assert expected.inertia_ > 1
    for rows in (np.load(tmp_path / "x.npy", mmap_mode="r"), da.from_array(X, chunks=(600, 3))):
        model = fit(estimator, rows, sample_weight=weight, tol=1e-9)
        np.testing.assert_array_equal(model.labels_, expected.labels_)
        tolerance = 1e-9 if dtype == np.float64 else 1e-3
        np.testing.assert_allclose(model.cluster_centers_, expected.cluster_centers_, atol=tolerance)


def test_types_of_dask_arrays_are_kept_or_become_float64(blobs, da):
    rounded = np.round(blobs)
    lazy = da.from_array(rounded, chunks=300)
    assert fit(KHarmonicMeans(), lazy.astype(np.float32)).cluster_centers_.dtype == np.float32
    assert_same_fit(fit(KHarmonicMeans(), lazy.astype(int)), fit(KHarmonicMeans(), rounded))


def test_seeds_are_drawn_from_the_same_sample(blobs, da, monkeypatch):
    monkeypatch.setattr("skdcec._cluster._base.SEEDING_SAMPLE", 100)
    assert_same_fit(
        fit(KHarmonicMeans(), da.from_array(blobs, chunks=(300, 3))), fit(KHarmonicMeans(), blobs)
    )


def test_a_fit_runs_on_the_workers_of_a_cluster(blobs, da):
    distributed = pytest.importorskip("distributed")
    lazy = da.from_array(blobs, chunks=(300, 3))
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": False, "dashboard_address": None}
    with distributed.Client(**options) as client:
        assert_same_fit(fit(KHarmonicMeans(), lazy), fit(KHarmonicMeans(), blobs))
        done = client.run(lambda dask_worker: dask_worker.state.executed_count)
    assert min(done.values()) > 0


class KillWorker:
    """A callback that kills a worker process of the cluster, once, during a fit."""

    def __init__(self, client):
        self.client = client

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "iteration" and self.client:
            workers, self.client = self.client.run(os.getpid), None
            os.kill(next(iter(workers.values())), signal.SIGKILL)


@pytest.fixture
def cluster():
    distributed = pytest.importorskip("distributed")
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # it reports lost workers
    with distributed.Client(n_workers=2, threads_per_worker=1, dashboard_address=None) as client:
        yield client


@pytest.mark.slow
@pytest.mark.parametrize("estimator", [KHarmonicMeans(), MahalanobisKMeans(covariance_type="tied")], ids=repr)
def test_a_fit_survives_a_worker_with_the_same_bits(estimator, blobs, da, cluster):
    lazy = da.from_array(blobs, chunks=(100, 3)).persist()
    expected, killer = fit(estimator, lazy), KillWorker(cluster)
    assert expected.n_iter_ > 1
    model = clone(estimator).set_params(n_clusters=4, random_state=0).set_callbacks(killer).fit(lazy)
    assert killer.client is None
    np.testing.assert_array_equal(model.cluster_centers_, expected.cluster_centers_)
    np.testing.assert_array_equal(model.labels_, expected.labels_)
    np.testing.assert_array_equal(model.history_["objective"], expected.history_["objective"])


def test_the_dask_backend_of_joblib_gives_the_answer_of_one_process(blobs, cluster):
    search = GridSearchCV(KHarmonicMeans(random_state=0, n_init=2), {"n_clusters": [2, 4], "p": [2.0, 4.0]})
    expected = clone(search).fit(blobs)
    with joblib.parallel_config("dask"):
        parallel = clone(search).fit(blobs)
        several = fit(KHarmonicMeans(), blobs, n_init=5)
    np.testing.assert_array_equal(
        parallel.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"]
    )
    np.testing.assert_array_equal(
        parallel.best_estimator_.cluster_centers_, expected.best_estimator_.cluster_centers_
    )
    one = fit(KHarmonicMeans(), blobs, n_init=5)
    np.testing.assert_array_equal(several.cluster_centers_, one.cluster_centers_)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda X: X[:, 0], "Expected 2D array"),
        (lambda X: X[X[:, 0] > 0], "compute_chunk_sizes"),
        (lambda X: X[:3], "n_samples=3 should be >= n_clusters=4"),
        (lambda X: X * np.nan, "NaN"),
        (lambda X: X.astype(complex), "real numbers"),
        (lambda X: X.astype("U8"), "real numbers"),
    ],
)
def test_bad_dask_arrays_raise(spoil, message, blobs, da):
    with pytest.raises(ValueError, match=message):
        fit(KHarmonicMeans(), spoil(da.from_array(blobs, chunks=300)))


def test_bad_weights_and_new_rows_raise(blobs, da):
    lazy = da.from_array(blobs, chunks=300)
    model = fit(KHarmonicMeans(), lazy)
    with pytest.raises(ValueError, match="sample_weight has the value -1"):
        fit(KHarmonicMeans(), lazy, sample_weight=-np.ones(1000))
    with pytest.raises(ValueError, match=r"sample_weight has shape \(3,\)"):
        fit(KHarmonicMeans(), lazy, sample_weight=np.ones(3))
    with pytest.raises(ValueError, match="X has 2 features, but 3 features"):
        model.predict(lazy[:, :2])
    with pytest.raises(ValueError, match="NaN"):
        model.predict(lazy * np.nan).compute()
    with pytest.raises(ValueError, match="NaN"):
        model.score(lazy * np.nan)
    with pytest.raises(ValueError, match="sample_weight has the value inf"):
        fit(KHarmonicMeans(), lazy, sample_weight=np.full(1000, np.inf))
    spoiled, weight = blobs.copy(), np.ones(1000)
    spoiled[1], weight[1] = np.nan, 0
    with pytest.raises(ValueError, match="NaN"):
        fit(KHarmonicMeans(), da.from_array(spoiled, chunks=300), sample_weight=weight)


# ------------------------------------------------------------------------- mapped files


@pytest.mark.parametrize("estimator", CLUSTERERS, ids=repr)
def test_a_mapped_file_gives_the_answer_of_the_array(estimator, blobs, tmp_path):
    np.save(tmp_path / "x.npy", blobs)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    weight = np.ones(len(blobs))
    weight[:600] = 0
    init = blobs[-4:]
    for sample_weight in (None, weight):
        expected = fit(estimator, blobs, init=init, sample_weight=sample_weight)
        assert_same_fit(fit(estimator, mapped, init=init, sample_weight=sample_weight), expected)


def test_views_of_mapped_files_are_known(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((10, 3)))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert is_mapped(mapped)
    assert is_mapped(np.asarray(mapped)[2:, :2])
    assert not is_mapped(np.array(mapped))


def test_memory_does_not_grow_with_a_mapped_file(tmp_path):
    def peak(n):
        X = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.float32, (n, 20))
        X[:] = np.random.default_rng(0).normal(size=(n, 20)).astype(np.float32)
        X.flush()
        mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
        model = KHarmonicMeans(4, p=3.0, init=X[:4].copy(), max_iter=2, tol=1e9)
        tracemalloc.start()
        model.fit(mapped)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    small, large = peak(200_000), peak(600_000)
    # labels, weights and a seeding sample may grow; the 80 bytes of data per row must not
    assert (large - small) / 400_000 < 60


def test_converted_blocks_are_kept_only_where_asked(blobs):
    ones = np.ones(len(blobs))
    rows = Rows(blobs, ones, 300)
    kept, fresh = (rows.in_units(rows.units, keep_blocks=keep) for keep in (True, False))
    assert kept.block(300) is kept.block(300)
    assert fresh.block(300) is not fresh.block(300)


OVERLAPPING = """
import threading, warnings
import numpy as np
from threadpoolctl import threadpool_info
from skdcec import KHarmonicMeans

warnings.simplefilter("ignore")
X = np.random.default_rng(0).normal(size=(4000, 5))
KHarmonicMeans(3, random_state=0).fit(X)
before = threadpool_info()
for _ in range(10):
    fits = [KHarmonicMeans(3, p=2, max_iter=n, random_state=0).fit for n in (3, 12)]
    threads = [threading.Thread(target=fit, args=(X,)) for fit in fits]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert threadpool_info() == before
"""


def test_fits_that_overlap_in_threads_leave_the_threads_of_blas_as_they_were():
    # a process of its own, whose BLAS has several threads
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "4", "OMP_NUM_THREADS": "4"}
    done = subprocess.run(
        [sys.executable, "-c", OVERLAPPING], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
