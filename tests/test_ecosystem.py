"""The clusterers with data frames, serialization, meta-estimators and callbacks."""

import copy
import html
import inspect

import joblib
import numpy as np
import pandas as pd
import pytest
from numpydoc.docscrape import NumpyDocString
from sklearn import config_context
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.compose import ColumnTransformer
from sklearn.datasets import make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler

from _registry import SIBLINGS
from skdcec import KernelKHarmonicMeans, KHarmonicMeans, MahalanobisKMeans

# all of them make one run
PARAMS = {"n_clusters": 3, "init": "k-means++", "random_state": 0}
CLUSTERERS = [kind(**PARAMS) for kind in dict.fromkeys(map(type, SIBLINGS))]
NAMES = ["a", "b", "c"]


@pytest.fixture(params=CLUSTERERS, ids=lambda estimator: type(estimator).__name__)
def clusterer(request):
    return clone(request.param)


@pytest.fixture(scope="module")
def blobs():
    return make_blobs(n_samples=150, centers=3, n_features=3, random_state=3)


@pytest.fixture(scope="module")
def weight():
    return np.random.default_rng(0).exponential(size=150)


def fitted_attributes(estimator):
    """Names of the attributes that a fit sets, without callbacks."""
    return {name for name in vars(estimator) if name not in estimator.get_params()} - {"_skl_callbacks"}


# --------------------------------------------------------------------------- data frames


def test_polars_frames_give_what_arrays_give(clusterer, blobs):
    pl = pytest.importorskip("polars")
    X = blobs[0]
    frame = pl.DataFrame(X, schema=NAMES)
    expected, model = clone(clusterer).fit(X), clusterer.fit(frame)
    np.testing.assert_array_equal(model.cluster_centers_, expected.cluster_centers_)
    np.testing.assert_array_equal(model.predict(frame), expected.predict(X))
    assert list(model.feature_names_in_) == NAMES
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame.rename({"a": "z"}))


@pytest.mark.parametrize("dtype", ["Float64", "Int64"])
def test_nullable_columns_of_pandas_are_numbers(clusterer, blobs, dtype):
    X = np.round(blobs[0] * 100)
    frame = pd.DataFrame(X, columns=NAMES).astype(dtype)
    expected = clone(clusterer).fit(X)
    np.testing.assert_array_equal(clusterer.fit(frame).cluster_centers_, expected.cluster_centers_)
    frame.loc[0, "a"] = pd.NA
    with pytest.raises(ValueError, match="NaN"):
        clusterer.fit(frame)


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_transform_returns_the_frame_that_was_asked_for(clusterer, blobs, container):
    library = pytest.importorskip(container)
    X = blobs[0]
    model = clusterer.fit(X)
    plain = model.transform(X)
    output = model.set_output(transform=container)
    for frame in (output.transform(X), output.fit_transform(X)):
        assert isinstance(frame, library.DataFrame)
        assert list(frame.columns) == list(model.get_feature_names_out())
        np.testing.assert_array_equal(frame.to_numpy(), plain)
    # only transform returns frames
    assert isinstance(output.predict(X), np.ndarray)


def test_transformed_frames_keep_their_index(clusterer, blobs):
    frame = pd.DataFrame(blobs[0], columns=NAMES, index=[f"row {i}" for i in range(150)])
    distances = clusterer.set_output(transform="pandas").fit_transform(frame)
    pd.testing.assert_index_equal(distances.index, frame.index)


# --------------------------------------------------------------------------- copies


def test_skops_stores_nothing_but_known_types(clusterer, blobs):
    sio = pytest.importorskip("skops.io")
    X = blobs[0]
    data = sio.dumps(clusterer.fit(X))
    untrusted = sio.get_untrusted_types(data=data)
    assert [name for name in untrusted if not name.startswith("skdcec.")] == []
    loaded = sio.loads(data, trusted=untrusted)
    np.testing.assert_array_equal(loaded.predict(X), clusterer.predict(X))
    np.testing.assert_array_equal(loaded.transform(X), clusterer.transform(X))
    assert loaded.score(X) == clusterer.score(X)
    np.testing.assert_array_equal(loaded.fit(X).cluster_centers_, clusterer.cluster_centers_)


@pytest.mark.parametrize("mmap_mode", [None, "r"])
def test_joblib_brings_a_model_back(clusterer, blobs, tmp_path, mmap_mode):
    X = blobs[0]
    joblib.dump(clusterer.fit(X), tmp_path / "model.joblib")
    # with mmap_mode="r", all fitted arrays are read-only
    loaded = joblib.load(tmp_path / "model.joblib", mmap_mode=mmap_mode)
    np.testing.assert_array_equal(loaded.predict(X), clusterer.predict(X))
    np.testing.assert_array_equal(loaded.transform(X), clusterer.transform(X))
    assert loaded.score(X) == clusterer.score(X)


def test_a_deep_copy_shares_no_memory_with_the_model(clusterer, blobs):
    X = blobs[0]
    twin = copy.deepcopy(clusterer.fit(X))
    np.testing.assert_array_equal(twin.predict(X), clusterer.predict(X))
    expected = clusterer.transform(X)
    twin.cluster_centers_[:] = 0
    np.testing.assert_array_equal(clusterer.transform(X), expected)


def test_a_clone_of_a_model_is_not_fitted(clusterer, blobs):
    X = blobs[0]
    twin = clone(clusterer.set_params(init=X[:3]).fit(X))
    params, expected = twin.get_params(), clusterer.get_params()
    np.testing.assert_array_equal(params.pop("init"), expected.pop("init"))
    assert params == expected
    assert fitted_attributes(twin) == set()
    with pytest.raises(NotFittedError):
        twin.predict(X)


# --------------------------------------------------------------------------- HTML


@pytest.mark.parametrize("section", ["Parameters", "Attributes"])
def test_the_html_describes_parameters_and_attributes(clusterer, blobs, section):
    model = clusterer.fit(pd.DataFrame(blobs[0], columns=NAMES))
    text = model._repr_html_()
    assert type(model).__name__ in text
    described = {entry.name: entry.desc for entry in NumpyDocString(inspect.getdoc(type(model)))[section]}
    public = {name for name in fitted_attributes(model) if not name.startswith("_")}
    assert set(described) == (set(model.get_params()) if section == "Parameters" else public)
    for name, lines in described.items():
        assert "<br>".join(html.escape(line) for line in lines) in text, name


def test_the_html_of_a_pipeline_shows_its_clusterer(clusterer):
    assert type(clusterer).__name__ in make_pipeline(StandardScaler(), clusterer)._repr_html_()


# --------------------------------------------------------------------------- meta-estimators


@pytest.mark.parametrize(
    ("cls", "grid"),
    [
        (KHarmonicMeans, {"p": [2.0, 4.0]}),
        (KernelKHarmonicMeans, {"p": [2.0, 4.0], "sigma": ["scale", 0.5]}),
        (MahalanobisKMeans, {"covariance_type": ["global", "tied"]}),
    ],
)
def test_a_grid_search_refits_what_it_found(cls, grid, blobs):
    X, y = blobs
    pipeline = make_pipeline(StandardScaler(), cls(n_clusters=3, random_state=0))
    grid = {f"{cls.__name__.lower()}__{name}": values for name, values in grid.items()}
    search = GridSearchCV(pipeline, grid, scoring="adjusted_rand_score", cv=3, error_score="raise")
    search.fit(X, y)
    assert search.best_score_ > 0.9
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    labels = search.best_estimator_.predict(X)
    assert adjusted_rand_score(y, labels) > 0.9
    np.testing.assert_array_equal(search.predict(X), labels)
    by_hand = clone(pipeline).set_params(**search.best_params_).fit(X)
    np.testing.assert_array_equal(by_hand[-1].cluster_centers_, search.best_estimator_[-1].cluster_centers_)


def test_distances_to_centers_tell_classes_apart(clusterer, blobs):
    X_train, X_test, y_train, y_test = train_test_split(*blobs, random_state=0)
    model = make_pipeline(clusterer, LogisticRegression(max_iter=1000)).fit(X_train, y_train)
    assert model.score(X_test, y_test) > 0.9


def test_a_union_joins_the_distances_of_all_clusterers(blobs):
    X = blobs[0]
    frame = make_union(*map(clone, CLUSTERERS)).set_output(transform="pandas").fit_transform(X)
    names = [type(e).__name__.lower() for e in CLUSTERERS]
    assert list(frame.columns) == [f"{name}__{name}{i}" for name in names for i in range(3)]
    expected = np.hstack([clone(e).fit_transform(X) for e in CLUSTERERS])
    np.testing.assert_array_equal(frame.to_numpy(), expected)


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_a_column_transformer_picks_the_columns(clusterer, blobs, container):
    library = pytest.importorskip(container)
    X = blobs[0]
    frame = library.DataFrame(dict(zip(NAMES, X.T, strict=True)))
    columns = ColumnTransformer([("near", clusterer, ["a", "c"])], remainder="passthrough")
    out = columns.set_output(transform=container).fit_transform(frame)
    name = type(clusterer).__name__.lower()
    assert list(out.columns) == [f"near__{name}{i}" for i in range(3)] + ["remainder__b"]
    expected = clone(clusterer).set_output(transform="default").fit_transform(X[:, [0, 2]])
    np.testing.assert_array_equal(out.to_numpy()[:, :3], expected)


# --------------------------------------------------------------------------- routing


def test_a_pipeline_routes_weights_on_request(clusterer, blobs, weight):
    X, y = blobs
    Z = StandardScaler().fit_transform(X)
    expected = clone(clusterer).fit(Z, sample_weight=weight)
    assert not np.allclose(expected.cluster_centers_, clone(clusterer).fit(Z).cluster_centers_)
    with config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        clusterer.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        last = make_pipeline(scaler, clusterer)
        inner = make_pipeline(
            scaler, clusterer, LogisticRegression(max_iter=1000).set_fit_request(sample_weight=False)
        )
        last = clone(last).fit(X, sample_weight=weight)
        score = last.score(X, sample_weight=weight)
        labels = clone(last).fit_predict(X, sample_weight=weight)
        inner = clone(inner).fit(X, y, sample_weight=weight)
    for model in (last[-1], inner[-2]):
        np.testing.assert_array_equal(model.cluster_centers_, expected.cluster_centers_)
    assert score == expected.score(Z, sample_weight=weight)
    np.testing.assert_array_equal(labels, expected.labels_)


def test_a_grid_search_routes_weights_on_request(clusterer, blobs, weight):
    X = blobs[0]
    with config_context(enable_metadata_routing=True):
        clusterer.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = GridSearchCV(clusterer, {"n_clusters": [3]}, cv=2, error_score="raise")
        search.fit(X, sample_weight=weight)
    half = np.arange(75)
    fold = clone(clusterer).fit(X[75:], sample_weight=weight[75:])
    assert search.cv_results_["split0_test_score"][0] == fold.score(X[half], sample_weight=weight[half])
    expected = clone(clusterer).fit(X, sample_weight=weight)
    np.testing.assert_array_equal(search.best_estimator_.cluster_centers_, expected.cluster_centers_)


def test_a_pipeline_passes_weights_by_name(clusterer, blobs, weight):
    X = blobs[0]
    pipeline = make_pipeline(StandardScaler(), clusterer)
    pipeline.fit(X, **{f"{type(clusterer).__name__.lower()}__sample_weight": weight})
    expected = clone(clusterer).fit(StandardScaler().fit_transform(X), sample_weight=weight)
    np.testing.assert_array_equal(pipeline[-1].cluster_centers_, expected.cluster_centers_)


# --------------------------------------------------------------------------- callbacks


class AtEnd:
    """A callback that calls a function at the end of each task."""

    def __init__(self, function):
        self.function, self.tasks, self.n_setups, self.n_teardowns = function, [], 0, 0

    def setup(self, estimator, context):
        self.n_setups += 1

    def teardown(self, estimator, context):
        self.n_teardowns += 1

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.tasks.append(context.task_name)
        return self.function(context)


def at_second_iteration(context):
    return context.task_name == "iteration" and context.task_id == 1


def own_score(estimator, X, y, sample_weight=None):
    """The score method as a scorer of a monitor; a dict, because scoring=None fails in scikit-learn 1.9."""
    return {"score": estimator.score(X, sample_weight=sample_weight)}


def runs_of(log):
    """The scores of the iterations of each run."""
    runs = {}
    for row in log.data:
        if row["task_name"] == "iteration":
            runs.setdefault(row["parent_task_id_path"], []).append(row["score"])
    return list(runs.values())


@pytest.fixture
def shown(capsys):
    """A function that returns the output of progress bars so far, in any terminal."""
    rich = pytest.importorskip("rich")
    rich.reconfigure(width=200, force_terminal=False)
    yield lambda: capsys.readouterr().out
    rich.reconfigure()


def test_a_progress_bar_shows_the_fit(clusterer, blobs, shown):
    clusterer.set_callbacks(ProgressBar()).fit(blobs[0])
    out = shown()
    assert f"{type(clusterer).__name__} - fit" in out
    assert "100%" in out


def test_a_progress_bar_changes_nothing(clusterer, blobs, tmp_path):
    pytest.importorskip("rich")
    X = blobs[0]
    expected = clone(clusterer).fit(X)
    model = clusterer.set_callbacks(ProgressBar()).fit(X)
    np.testing.assert_array_equal(model.cluster_centers_, expected.cluster_centers_)
    assert fitted_attributes(model) == fitted_attributes(expected)
    # the model keeps no threads or sockets of the bar
    joblib.dump(model, tmp_path / "model.joblib")
    np.testing.assert_array_equal(joblib.load(tmp_path / "model.joblib").predict(X), expected.labels_)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # deliberately bad starts
@pytest.mark.parametrize("n_init", [1, 3])
def test_a_monitor_scores_every_iteration(clusterer, blobs, n_init):
    X, y = blobs
    monitor = ScoringMonitor(scoring=own_score)
    model = clusterer.set_params(init="random", n_init=n_init).set_callbacks(monitor).fit(X, y)
    log = monitor.get_logs()
    runs = runs_of(log)
    assert len(runs) == n_init
    assert all((np.diff(scores) >= -1e-9 * abs(scores[0])).all() for scores in runs)
    score = model.score(X)
    assert max(scores[-1] for scores in runs) == pytest.approx(score, rel=1e-4)
    assert any(len(scores) == model.n_iter_ and scores[-1] == pytest.approx(score) for scores in runs)
    (whole,) = [row["score"] for row in log.data if row["task_name"] == "fit"]
    assert whole == model.score(X)


def test_a_monitor_scores_against_known_classes(clusterer, blobs):
    X, y = blobs
    monitor = ScoringMonitor(scoring="adjusted_rand_score")
    model = clusterer.set_callbacks(monitor).fit(X, y)
    scores = [row["adjusted_rand_score"] for row in monitor.get_logs().data]
    assert scores[-1] == adjusted_rand_score(y, model.labels_)


def test_a_monitor_scores_with_the_weights_of_the_fit(clusterer, blobs, weight):
    X, y = blobs
    monitor = ScoringMonitor(scoring=own_score)
    model = clusterer.set_callbacks(monitor).fit(X, y, sample_weight=weight)
    (scores,) = runs_of(monitor.get_logs())
    assert scores[-1] == pytest.approx(model.score(X, sample_weight=weight))


def test_a_monitor_knows_the_names_of_the_features(clusterer, blobs):
    X, y = blobs
    monitor = ScoringMonitor(scoring=own_score)
    # without them, scikit-learn would warn at every iteration
    model = clusterer.set_callbacks(monitor).fit(pd.DataFrame(X, columns=NAMES), y)
    (scores,) = runs_of(monitor.get_logs())
    assert scores[-1] == pytest.approx(model.score(pd.DataFrame(X, columns=NAMES)))


def test_a_monitor_ignores_an_earlier_fit(clusterer, blobs):
    X, y = blobs
    monitor = ScoringMonitor(scoring=own_score)
    model = clusterer.fit(pd.DataFrame(X, columns=NAMES)).set_callbacks(monitor).fit(X, y)
    assert not hasattr(model, "feature_names_in_")
    (scores,) = runs_of(monitor.get_logs())
    assert scores[-1] == pytest.approx(model.score(X))


# all clusterers with threads, which are cheap; one with processes, the default of n_jobs
@pytest.mark.parametrize(
    ("estimator", "backend"), [(CLUSTERERS[0], "loky"), *((e, "threading") for e in CLUSTERERS)]
)
def test_callbacks_report_from_all_fits_of_a_parallel_search(estimator, backend, blobs, shown):
    X, y = blobs
    monitor = ScoringMonitor(scoring="adjusted_rand_score")
    search = GridSearchCV(
        clone(estimator).set_callbacks(monitor),
        {"n_init": [1, 2]},
        scoring="adjusted_rand_score",
        cv=2,
        n_jobs=2,
        error_score="raise",
    )
    # scikit-learn allows bars on the outermost estimator only; they propagate to the others
    search.set_callbacks(ProgressBar(max_propagation_depth=None))
    with joblib.parallel_config(backend=backend):
        search.fit(X, y)
    (log,) = monitor.get_logs("all")
    assert log.estimator_name == "GridSearchCV"
    fits, inits, iterations = (
        [row for row in log.data if row["task_name"] == name] for name in ("fit", "init", "iteration")
    )
    assert len(fits) == 2 * 2 + 1  # candidates times folds, plus the refit
    assert {row["parent_task_id_path"] for row in inits} == {row["task_id_path"] for row in fits}
    assert {row["parent_task_id_path"] for row in iterations} == {row["task_id_path"] for row in inits}
    assert shown().count(f"{type(estimator).__name__} - fit") == len(fits)


def test_bars_reach_a_clusterer_in_a_pipeline(clusterer, blobs, shown):
    model = make_pipeline(clusterer, LogisticRegression(max_iter=1000)).set_callbacks(ProgressBar())
    model.fit(*blobs)
    assert f"{type(clusterer).__name__} - fit" in shown()
    # afterwards they are removed
    assert "_skl_callbacks" not in vars(model[0])


@pytest.mark.parametrize("task", ["iteration", "init"])
def test_an_error_in_a_callback_leaves_no_half_fitted_model(clusterer, blobs, task):
    def fail(context):
        if context.task_name == task:
            raise RuntimeError("the callback broke")

    callback = AtEnd(fail)
    clusterer.set_callbacks(callback)
    with pytest.raises(RuntimeError, match="the callback broke"):
        clusterer.fit(blobs[0])
    assert callback.n_setups == callback.n_teardowns == 1
    assert fitted_attributes(clusterer) == set()


def test_an_error_in_a_callback_leaves_the_earlier_fit(clusterer, blobs):
    def fail(context):
        if at_second_iteration(context):
            raise RuntimeError("the callback broke")

    X = blobs[0]
    callback = AtEnd(fail)
    clusterer.fit(X)
    before = {name: vars(clusterer)[name] for name in fitted_attributes(clusterer)}
    clusterer.set_callbacks(callback)
    with pytest.raises(RuntimeError, match="the callback broke"):
        clusterer.fit(X[:100, :2])
    assert callback.tasks == ["iteration"] * 2
    assert callback.n_setups == callback.n_teardowns == 1
    assert fitted_attributes(clusterer) == set(before)
    assert all(vars(clusterer)[name] is value for name, value in before.items())
    # the estimator can be fitted again
    clusterer.set_callbacks().fit(X)
    np.testing.assert_array_equal(clusterer.cluster_centers_, before["cluster_centers_"])


def test_a_callback_stops_a_fit_early_and_quietly(clusterer, blobs):
    X = blobs[0]
    callback = AtEnd(at_second_iteration)
    model = clusterer.set_params(init=X[:3], tol=0.0).set_callbacks(callback).fit(X)
    assert callback.tasks == ["iteration", "iteration", "init", "fit"]
    assert callback.n_teardowns == 1
    assert model.n_iter_ == len(model.history_["objective"]) - 1 == 2
    assert model.score(X) == pytest.approx(-model.objective_)
    np.testing.assert_array_equal(model.predict(X), model.labels_)


def test_stopping_one_run_leaves_the_others_to_run(clusterer, blobs):
    # scikit-learn: a true return value stops the current level of iterations
    callback = AtEnd(at_second_iteration)
    model = clusterer.set_params(init="random", n_init=3, tol=0.0).set_callbacks(callback).fit(blobs[0])
    assert callback.tasks == ["iteration", "iteration", "init"] * 3 + ["fit"]
    assert model.n_iter_ == 2


def test_other_callbacks_hear_of_a_stop(clusterer, blobs):
    X, y = blobs
    monitor = ScoringMonitor(scoring=own_score)
    callbacks = [AtEnd(at_second_iteration), monitor, AtEnd(lambda context: False)]
    model = clusterer.set_params(tol=0.0).set_callbacks(*callbacks).fit(X, y)
    (scores,) = runs_of(monitor.get_logs())
    assert len(scores) == model.n_iter_ == 2
    assert callbacks[0].tasks == callbacks[2].tasks
