"""DCEC, from single features to real images."""

import copy
import os
import pickle
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from functools import partial

import joblib
import keras
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.cluster import (
    HDBSCAN,
    AgglomerativeClustering,
    KMeans,
    SpectralClustering,
)
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import make_scorer, normalized_mutual_info_score
from sklearn.metrics.pairwise import pairwise_distances_argmin
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from _registry import INITIALIZERS
from skdcec import (
    DCEC,
    ConvAutoencoder,
    DenseAutoencoder,
    KernelKHarmonicMeans,
    KHarmonicMeans,
    MahalanobisKMeans,
)
from skdcec._deep._identity import as_text
from skdcec._deep._storage import load_arrays
from skdcec.losses import soft_assignment
from skdcec.metrics import cluster_health, clustering_accuracy_score


@pytest.fixture
def dcec(autoencoder):
    """A few steps of joint training with a shared autoencoder."""
    return DCEC(
        init=None,
        autoencoder=FrozenEstimator(autoencoder),
        batches_per_update=4,
        max_batches=8,
        tol=0.0,
        keep="last",
        random_state=0,
    )


@pytest.fixture(scope="module")
def X(digits):
    return digits.images[:600]


@pytest.mark.parametrize(
    "init",
    [*INITIALIZERS, SpectralClustering(affinity="nearest_neighbors", assign_labels="cluster_qr")],
    ids=repr,
)
@pytest.mark.filterwarnings("ignore:Graph is not fully connected")
# communities of the images are not learned in so few batches
@pytest.mark.filterwarnings("ignore:Joint training lowered the modularity")
def test_any_clusterer_initializes(dcec, X, autoencoder, init):
    before = repr(init)
    model = dcec.set_params(init=init).fit(X)
    assert model.initial_centers_.shape == model.cluster_centers_.shape == (10, 10)
    # the centers start inside the embedding, in its units
    Z = autoencoder.transform(X)
    assert np.abs(model.initial_centers_ - Z.mean(axis=0)).max() < np.abs(Z - Z.mean(axis=0)).max()
    again = clone(dcec).fit(X)
    np.testing.assert_array_equal(again.cluster_centers_, model.cluster_centers_)
    assert repr(init) == before


def test_centers_of_each_kind(dcec, X, autoencoder):
    Z = autoencoder.transform(X)
    for init in (GaussianMixture(), AgglomerativeClustering()):
        model = dcec.set_params(init=init).fit(X)
        if isinstance(init, GaussianMixture):
            np.testing.assert_allclose(model.initial_centers_, model.init_.means_)
        else:
            means = [Z[model.init_.labels_ == j].mean(axis=0) for j in range(10)]
            np.testing.assert_allclose(model.initial_centers_, means, rtol=1e-5)
        # in the Euclidean metric, even if the init uses another one
        nearest = pairwise_distances_argmin(Z, model.initial_centers_)
        np.testing.assert_array_equal(model.initial_labels_, nearest)
    np.testing.assert_array_equal(dcec.set_params(init=Z[:10]).fit(X).initial_centers_, Z[:10])
    model = dcec.set_params(init=lambda Z, n_clusters, random_state: Z[:n_clusters]).fit(X)
    np.testing.assert_array_equal(model.initial_centers_, Z[:10])


def test_number_of_clusters_may_come_from_the_init(dcec, X, autoencoder):
    model = dcec.set_params(n_clusters=None, init=HDBSCAN(min_cluster_size=5, copy=True)).fit(X)
    found = len(set(model.init_.labels_) - {-1})
    assert model.cluster_centers_.shape == (found, 10)
    assert dcec.set_params(init=autoencoder.transform(X[:4])).fit(X).predict_proba(X).shape == (600, 4)


def test_training_moves_centers_and_network(dcec, X, autoencoder):
    model = dcec.fit(X)
    assert model.n_batches_ == 8
    assert model.history_["n_batches"].tolist() == [4, 8]
    assert (np.abs(model.cluster_centers_ - model.initial_centers_).max(axis=1) > 1e-4).all()
    for refined, pretrained in zip(model.autoencoder_.weights_, autoencoder.weights_, strict=True):
        assert not np.array_equal(refined, pretrained)


def test_a_frozen_autoencoder_is_left_as_it_is(dcec, X, autoencoder):
    before = copy.deepcopy(autoencoder.weights_)
    dcec.fit(X)
    for a, b in zip(before, autoencoder.weights_, strict=True):
        np.testing.assert_array_equal(a, b)


def test_without_reconstruction_it_is_dec(dcec, X):
    # the decoder then has no gradient
    model = dcec.set_params(reconstruction_weight=0.0).fit(X)
    n_encoder = 8
    start = dcec.autoencoder.estimator.weights_
    for i, (a, b) in enumerate(zip(model.autoencoder_.weights_, start, strict=True)):
        assert np.array_equal(a, b) == (i >= n_encoder)


def test_data_frames_are_images_too(autoencoder, X):
    frame = pd.DataFrame(X.reshape(len(X), -1), columns=[f"pixel {i}" for i in range(64)])
    named = ConvAutoencoder((4,), (3,), epochs=1, random_state=0).fit(frame)
    model = DCEC(
        4, init=None, autoencoder=FrozenEstimator(named), batches_per_update=1, max_batches=1, random_state=0
    )
    assert list(model.fit(frame).feature_names_in_) == list(frame.columns)
    assert model.score(frame) < 0


def test_results_agree_with_each_other(dcec, X):
    model = dcec.fit(X)
    Q, Z = model.predict_proba(X), model.transform(X)
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    np.testing.assert_array_equal(Q.argmax(axis=1), model.labels_)
    np.testing.assert_allclose(Q, soft_assignment(Z, model.cluster_centers_), rtol=1e-6)
    np.testing.assert_allclose(model.to_keras().predict_on_batch(X[..., None]), Q, atol=1e-5)
    np.testing.assert_array_equal(np.bincount(model.labels_, minlength=10), model.cluster_sizes_)
    assert model.inverse_transform(model.cluster_centers_).shape == (10, 8, 8)
    assert model.transform(X[3:4]).tolist() == Z[3:4].tolist()
    assert model.score(X) < 0
    np.testing.assert_array_equal(clone(model).fit_predict(X), model.labels_)


def test_same_seed_same_bits_through_all_phases(X):
    autoencoder = ConvAutoencoder(filters=(4, 4), kernel_sizes=(3, 3), epochs=2, augmentation="affine")
    model = DCEC(
        4, init=KHarmonicMeans(), autoencoder=autoencoder, batches_per_update=2, max_batches=4, random_state=3
    )
    first, second = clone(model).fit(X), clone(model).fit(X)
    np.testing.assert_array_equal(first.labels_, second.labels_)
    for a, b in zip(first.autoencoder_.weights_, second.autoencoder_.weights_, strict=True):
        np.testing.assert_array_equal(a, b)
    assert autoencoder.random_state is None


def test_dense_autoencoder_makes_idec(X):
    idec = DCEC(init=None, autoencoder=DenseAutoencoder((32,), epochs=2), max_batches=4, random_state=0)
    assert idec.fit(X).autoencoder_.weights_[0].shape == (64, 32)


def test_persistence(dcec, X, tmp_path):
    model = dcec.fit(X)
    Z = model.transform(X)
    joblib.dump(model, tmp_path / "model.joblib")
    for other in (
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
        joblib.load(tmp_path / "model.joblib"),
    ):
        np.testing.assert_array_equal(other.transform(X), Z)
        assert joblib.hash(other) == joblib.hash(model)


def test_saved_keras_model_needs_nothing_of_ours(dcec, X, tmp_path):
    import keras

    model = dcec.fit(X)
    model.to_keras().save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict_on_batch(X[..., None]), model.predict_proba(X), atol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # the folds have few images
def test_grid_search_over_initializers_and_their_parameters(dcec, digits, X):
    y = digits.target[:600]
    scorer = make_scorer(clustering_accuracy_score)
    grid = [
        {"init": [None, KHarmonicMeans()], "gamma": [0.1]},
        {"init": [KHarmonicMeans()], "init__p": [4.0, 6.0]},
    ]
    search = GridSearchCV(dcec.set_params(max_batches=4), grid, scoring=scorer, cv=2).fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    # every combination was fitted, and parameters of init make a difference
    assert np.isfinite(scores).all()
    assert scores[2] != scores[3]
    pipeline = make_pipeline(
        StandardScaler(), DCEC(autoencoder=ConvAutoencoder((4,), (3,), epochs=1), max_batches=2)
    )
    assert pipeline.fit_predict(X.reshape(600, -1)).shape == (600,)


# --------------------------------------------------------------------------- callbacks


class Recorder:
    def __init__(self):
        self.tasks, self.scores = [], []

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        self.tasks.append(context.task_name)
        if context.task_name == "update":
            self.scores.append(normalized_mutual_info_score(y, fitted_estimator.predict(X)))


class Looker(Recorder):
    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        if context.task_name in ("epoch", "update"):
            fitted_estimator.transform(X)


def test_callbacks_see_the_phases_and_usable_estimators(dcec, digits, X):
    recorder = Recorder()
    model = dcec.set_callbacks(recorder).fit(X, digits.target[:600])
    assert recorder.tasks == ["pretrain", "initialize", "update", "update", "refine", "fit"]
    assert recorder.scores[-1] == normalized_mutual_info_score(digits.target[:600], model.labels_)
    assert recorder.scores[0] != recorder.scores[1]


@pytest.mark.slow
def test_progress_bar_and_score_monitor(X, digits, capsys):
    from sklearn.callback import ProgressBar, ScoringMonitor

    monitor = ScoringMonitor(scoring="adjusted_rand_score")
    autoencoder = ConvAutoencoder((4,), (3,), epochs=2)
    model = DCEC(
        init=KHarmonicMeans(), autoencoder=autoencoder, batches_per_update=2, max_batches=4, random_state=0
    )
    model.set_callbacks(ProgressBar(), monitor).fit(X, digits.target[:600])
    shown = capsys.readouterr().out
    assert "ConvAutoencoder" in shown
    assert "DCEC - refine" in shown
    rows = monitor.get_logs().data
    assert [row["task_name"] for row in rows].count("update") == 2


def test_verbose_says_what_happens(dcec, X, capsys):
    dcec.fit(X)
    assert capsys.readouterr().out == ""
    dcec.set_params(verbose=1).fit(X)
    assert "Placing the cluster centers by KMeans.\nBatch 4: reconstruction loss" in capsys.readouterr().out


def test_verbose_shows_the_epochs_of_the_autoencoder(X, capsys):
    autoencoder = ConvAutoencoder((4,), (3,), epochs=2)
    model = DCEC(3, init=farthest, autoencoder=autoencoder, max_batches=2, random_state=0, verbose=1).fit(X)
    lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("TensorFlow")]
    assert [" ".join(line.split()[:2]) for line in lines] == [
        "Pretraining the",
        "Epoch 1/2,",
        "Epoch 2/2,",
        "Placing the",
        "Batch 2:",
    ]
    assert lines[3] == "Placing the cluster centers by farthest."
    assert all(line.endswith("left.") for line in lines if line[0] in "EB")
    assert autoencoder.verbose == 0
    assert model.autoencoder.verbose == 0


def farthest(Z, n_clusters, random_state):
    """Return the rows with the largest norms."""
    return Z[np.argsort(np.linalg.norm(Z, axis=1))[-n_clusters:]]


# --------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"n_clusters": 0}, ValueError, "n_clusters"),
        ({"n_clusters": 601}, ValueError, "n_samples=600 should be >= n_clusters=601"),
        ({"n_clusters": None, "init": None}, ValueError, "n_clusters=None needs an init"),
        ({"label_batches": -1}, ValueError, "label_batches"),
        ({"max_minutes": 0}, ValueError, "max_minutes"),
        ({"keep": "first"}, ValueError, "keep"),
        ({"init": np.zeros(600, int)}, ValueError, r"init has the labels \[0\], which should be 0 to 9"),
        ({"init": np.arange(7) % 10}, ValueError, r"init of shape \(7,\)"),
        ({"init": np.linspace(0, 9, 600)}, ValueError, "dtype float64 should be an integer label"),
        ({"gamma": -0.1}, ValueError, "gamma"),
        ({"gamma": 0, "reconstruction_weight": 0}, ValueError, "leave nothing to train"),
        ({"batches_per_update": 0}, ValueError, "batches_per_update"),
        ({"batches_per_update": -0.5}, ValueError, "batches_per_update"),
        ({"max_batches": 0}, ValueError, "max_batches"),
        ({"tol": -1}, ValueError, "tol"),
        ({"batch_size": 0}, ValueError, "batch_size"),
        ({"optimizer": "adamant"}, ValueError, "optimizer='adamant' should be"),
        ({"init": "k-means++"}, TypeError, "init='k-means.*should be a clusterer instance"),
        ({"init": StandardScaler()}, TypeError, "should be a clusterer instance"),
        ({"init": KHarmonicMeans(p=1.0)}, ValueError, "The 'p' parameter of KHarmonicMeans"),
        ({"autoencoder": ConvAutoencoder(epochs=0)}, ValueError, "epochs"),
        ({"init": KMeans}, TypeError, "should be a clusterer instance"),
        ({"init": np.ones((10, 3))}, ValueError, "n_components=10 columns"),
        ({"init": np.ones((9, 10))}, ValueError, "init found 9 clusters, but n_clusters=10"),
        ({"init": np.full((10, 10), np.nan)}, ValueError, "init contains NaN"),
        ({"autoencoder": KMeans()}, TypeError, "should be a ConvAutoencoder"),
        ({"autoencoder": FrozenEstimator(ConvAutoencoder())}, NotFittedError, "not fitted"),
        ({"autoencoder": ConvAutoencoder(filters=(0,))}, ValueError, "filters"),
    ],
)
def test_bad_parameters_raise_before_training(X, monkeypatch, params, error, message):
    for loop in ("pretrain", "refine"):
        monkeypatch.setattr(f"skdcec._deep._training.{loop}", lambda *_, **__: pytest.fail("training began"))
    with pytest.raises(error, match=message):
        DCEC(**params).fit(X)


def test_an_init_that_finds_other_numbers_names_the_remedy(dcec, X):
    def seven(Z, n_clusters, random_state):
        return Z[:7]

    with pytest.raises(ValueError, match=r"init found 7 clusters, but n_clusters=10. Set n_clusters=None"):
        dcec.set_params(init=seven).fit(X)


def test_an_init_that_finds_no_cluster_is_told_from_one_that_finds_others(dcec, X):
    init = HDBSCAN(min_cluster_size=len(X) - 1, copy=True)
    with pytest.warns(UserWarning, match="In a random embedding, init found no clusters"):
        with pytest.raises(ValueError, match=r"init found no clusters.*min_cluster_size"):
            dcec.set_params(n_clusters=None, init=init).fit(X)


def test_a_callable_init_of_other_arguments_is_refused_before_training(X, count_pretraining):
    with pytest.raises(TypeError, match=r"should be callable as init\(Z, n_clusters, random_state="):
        DCEC(init=lambda Z, n_clusters, rng: Z[:n_clusters]).fit(X)
    assert not count_pretraining


def test_a_frozen_autoencoder_of_bytes_is_given_bytes(dcec, X):
    pixels = (X * 250).astype(np.uint8)
    autoencoder = ConvAutoencoder((4,), (3,), epochs=1, random_state=0).fit(pixels)
    with pytest.raises(ValueError, match=r"ConvAutoencoder was fitted with dtype=uint8"):
        dcec.set_params(autoencoder=FrozenEstimator(autoencoder)).fit(pixels.astype(np.float32))


@pytest.mark.parametrize("steps", [(), (StandardScaler(),)])
def test_an_init_that_cannot_be_asked_for_a_number_is_refused_before_training(X, count_pretraining, steps):
    init = make_pipeline(*steps, HDBSCAN(copy=True)) if steps else HDBSCAN(copy=True)
    with pytest.raises(ValueError, match=r"has no parameter n_clusters.*Set n_clusters=None"):
        DCEC(init=init).fit(X)
    assert not count_pretraining


def test_warnings_as_errors_cost_no_fit(dcec, X, autoencoder):
    centers = np.vstack([autoencoder.transform(X[:9]), np.full((1, autoencoder.n_components_), 1e3)])
    with pytest.raises(ConvergenceWarning, match="1 empty"):
        dcec.set_params(init=centers).fit(X)
    assert dcec.cluster_health_["empty"] == 1
    assert len(dcec.predict(X)) == len(X)


@pytest.mark.filterwarnings("ignore:Of 4 clusters:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "estimator", [DCEC(4, max_batches=2), ConvAutoencoder((4,), (3,), epochs=1)], ids=repr
)
def test_callbacks_do_not_see_names_of_an_earlier_fit(digits, estimator):
    X = digits.images[:60].reshape(60, -1)
    model = clone(estimator).set_params(random_state=0)
    if hasattr(model, "autoencoder"):
        model.set_params(autoencoder=ConvAutoencoder((4,), (3,), epochs=1), init=X[:4, :10])
    model.fit(pd.DataFrame(X).add_prefix("pixel "))
    assert len(model.feature_names_in_) == 64
    model.set_callbacks(Looker()).fit(X)  # a warning would be an error
    assert not hasattr(model, "feature_names_in_")


def test_coinciding_centers_warn_and_run(dcec, X, autoencoder):
    centers = autoencoder.transform(X)[[0, 0, *range(1, 9)]]
    with pytest.warns(ConvergenceWarning) as caught:
        model = dcec.set_params(init=centers).fit(X)
    assert any("only 9 distinct centers for 10 clusters" in str(w.message) for w in caught)
    assert model.cluster_health_["merged"] == 1
    assert model.cluster_centers_.shape == (10, 10)


def test_health_counts_empty_starved_and_merged_clusters():
    labels = np.repeat([0, 2, 3, -1], [100, 3, 97, 50])  # noise does not count
    Z = np.resize([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]], (250, 2))
    centers = np.array([[0.0, 0.0], [9.0, 9.0], [0.01, 0.0], [5.0, 0.0]])
    assert cluster_health(Z, labels, centers) == {"empty": 1, "starved": 1, "merged": 1}
    with pytest.raises(ValueError, match="centers have 1 features, but X has 2"):
        cluster_health(Z, labels, centers[:, :1])
    with pytest.raises(ValueError, match="below the number of centers, 3"):
        cluster_health(Z, labels, centers[:3])


def test_unused_clusters_warn_and_come_last(dcec, X, autoencoder):
    centers = autoencoder.transform(X)[:10]
    centers[3] += 1e4
    with pytest.warns(ConvergenceWarning, match="Of 10 clusters, 1 empty"):
        model = dcec.set_params(init=centers).fit(X)
    assert model.cluster_health_["empty"] == 1
    assert model.cluster_sizes_[-1] == 0
    assert model.labels_.max() == 8


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.full((20, 8, 8), np.inf), ValueError, "infinity"),
        (np.ones((20, 8, 9)), ValueError, "does not match X|features"),
        (np.ones(20), ValueError, "Expected 2D array"),
        (sparse.csr_matrix(np.ones((20, 64))), TypeError, "Sparse data was passed"),
        (np.full((20, 64), "a", dtype=object), ValueError, "could not convert"),
    ],
)
def test_bad_data_raise(dcec, X, error, message):
    with pytest.raises(error, match=message):
        dcec.fit(X)


@pytest.mark.filterwarnings("ignore:X has dtype")
def test_a_failed_refit_leaves_the_earlier_fit(dcec, X):
    model = dcec.fit(X)
    before = joblib.hash(model)
    with pytest.raises(ValueError, match="n_samples=5"):
        model.fit(X[:5])
    assert joblib.hash(model) == before
    model.set_params(autoencoder=ConvAutoencoder((4,), (3,), epochs=1))
    fitted = {name: value for name, value in vars(model).items() if name.endswith("_")}
    with pytest.raises(FloatingPointError, match="no longer finite"):
        model.fit(X * np.float32(1e30))
    assert fitted.items() <= vars(model).items()
    with pytest.raises(ValueError, match="was fitted with images of shape"):
        model.predict(X[:, :7])


@pytest.mark.parametrize("max_batches", [1, 8])
def test_a_diverging_step_raises_even_if_it_is_the_last(dcec, X, max_batches):
    # after one step the weights are finite, but distances in the embedding are not
    dcec.set_params(optimizer=keras.optimizers.SGD(1e30), max_batches=max_batches)
    with pytest.raises(FloatingPointError, match="no longer finite"):
        dcec.fit(X)
    assert not hasattr(dcec, "labels_")


# --------------------------------------------------------------------------- real data


@pytest.mark.slow
def test_real_images(usps):
    images, y = usps.images[:1000], usps.target[:1000]
    autoencoder = ConvAutoencoder(epochs=60, batch_size=64, random_state=0).fit(images)
    frozen = FrozenEstimator(autoencoder)
    pixels = KMeans(10, n_init=10, random_state=0).fit_predict(usps.data[:1000])
    for init in (None, KHarmonicMeans(), KernelKHarmonicMeans(), MahalanobisKMeans()):
        model = DCEC(init=init, autoencoder=frozen, batch_size=64, max_batches=560, random_state=0).fit(
            images
        )
        assert (model.cluster_sizes_ > 0).all()
        if init is None:
            for score in (clustering_accuracy_score, normalized_mutual_info_score):
                assert score(y, model.labels_) > score(y, pixels)


# --------------------------------------------------------------------------- memory


def small(**params):
    autoencoder = params.pop("autoencoder", ConvAutoencoder((4, 4, 4), epochs=2, n_components=4))
    defaults = {"init": None, "autoencoder": autoencoder, "max_batches": 4, "keep": "last", "random_state": 0}
    return DCEC(4, **defaults | params)


def test_memory_shares_pretraining_between_fits(digits, tmp_path, count_pretraining):
    X = digits.images[:200]
    expected = small(gamma=0.5, init=KHarmonicMeans()).fit(X)
    count_pretraining.clear()
    small(memory=tmp_path / "cache").fit(X)
    shared = small(memory=str(tmp_path / "cache"), gamma=0.5, init=KHarmonicMeans()).fit(X)
    assert len(count_pretraining) == 1
    np.testing.assert_array_equal(shared.labels_, expected.labels_)
    np.testing.assert_array_equal(shared.cluster_centers_, expected.cluster_centers_)
    loss = shared.autoencoder_.history_["reconstruction_loss"]
    np.testing.assert_array_equal(loss, expected.autoencoder_.history_["reconstruction_loss"])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # hardly trained
def test_memory_tells_other_pretraining_apart(digits, tmp_path, count_pretraining):
    X = digits.images[:200]
    small(memory=tmp_path).fit(X)
    others = [
        ConvAutoencoder((4, 4, 4), epochs=3, n_components=4),
        ConvAutoencoder((4, 4, 5), epochs=2, n_components=4),
        ConvAutoencoder((4, 4, 4), epochs=2, n_components=4, augmentation=None),
        ConvAutoencoder((4, 4, 4), epochs=2, n_components=4, optimizer="sgd"),
        ConvAutoencoder((4, 4, 4), epochs=2, n_components=4, random_state=5),
    ]
    for autoencoder in others:
        small(memory=tmp_path, autoencoder=autoencoder).fit(X)
    small(memory=tmp_path, random_state=1).fit(X)
    small(memory=tmp_path).fit(1 - X)
    assert len(count_pretraining) == len(list(tmp_path.iterdir())) == 3 + len(others)


def test_a_damaged_entry_of_the_memory_is_computed_again(digits, tmp_path, count_pretraining):
    X = digits.images[:200]
    expected = small(memory=tmp_path).fit(X)
    (entry,) = tmp_path.iterdir()
    entry.write_bytes(entry.read_bytes()[:-100])
    again = small(memory=tmp_path).fit(X)
    np.testing.assert_array_equal(again.cluster_centers_, expected.cluster_centers_)
    small(memory=tmp_path).fit(X)
    assert len(count_pretraining) == 2


def test_a_full_disk_under_the_memory_costs_no_fit(digits, tmp_path, monkeypatch):
    X = digits.images[:200]
    expected = small().fit(X)

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("skdcec._deep._storage.np.savez", full)
    with pytest.warns(UserWarning, match="could not be kept in memory=.*No space left"):
        model = small(memory=tmp_path).fit(X)
    np.testing.assert_array_equal(model.cluster_centers_, expected.cluster_centers_)
    assert not list(tmp_path.iterdir())


def test_a_memory_that_cannot_be_written_is_refused_before_training(digits, tmp_path, count_pretraining):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ValueError, match=r"memory=.*should be a folder that can be written to"):
        small(memory=tmp_path / "file").fit(digits.images)
    with pytest.raises(ValueError, match="memory"):
        small(memory=3).fit(digits.images)
    assert not count_pretraining


# --------------------------------------------------------------------------- checkpoint


class Killed(BaseException):
    """Ends a fit without its exception handlers."""


@pytest.fixture
def kill_after(monkeypatch):
    """Kill a fit after it has saved a phase n times."""

    def arm(phase, n):
        from skdcec._deep._checkpoint import Checkpoint

        save, seen = Checkpoint.save, []

        def save_and_die(self, name, *args, **kwargs):
            save(self, name, *args, **kwargs)
            seen.extend([name] * (name == phase))
            if len(seen) == n:
                monkeypatch.setattr(Checkpoint, "save", save)
                raise Killed

        monkeypatch.setattr(Checkpoint, "save", save_and_die)

    monkeypatch.setattr("skdcec._deep._checkpoint.SAVE_EVERY", 0.0)
    return arm


def resumable(folder, **params):
    autoencoder = ConvAutoencoder((4, 4, 4), epochs=4, n_components=4, augmentation="affine", batch_size=64)
    defaults = {"init": KHarmonicMeans(p=4.0), "max_batches": 33, "batches_per_update": 4, "tol": 0.0}
    defaults |= {
        "keep": "last",
        "batch_size": 64,
        "autoencoder": autoencoder,
        "random_state": 0,
        "checkpoint": folder,
    }
    return DCEC(4, **defaults | params)


def assert_equal_fits(one, other):
    np.testing.assert_array_equal(one.labels_, other.labels_)
    np.testing.assert_array_equal(one.cluster_centers_, other.cluster_centers_)
    np.testing.assert_array_equal(one.initial_centers_, other.initial_centers_)
    for left, right in zip(one.autoencoder_.weights_, other.autoencoder_.weights_, strict=True):
        np.testing.assert_array_equal(left, right)
    assert one.n_batches_ == other.n_batches_
    for name in one.history_:
        np.testing.assert_array_equal(one.history_[name], other.history_[name])
    losses = [model.autoencoder_.history_["reconstruction_loss"] for model in (one, other)]
    np.testing.assert_array_equal(*losses)


PHASES = [("pretraining", 1), ("pretraining", 4), ("refinement", 1), ("refinement", 5)]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # hardly trained
@pytest.mark.parametrize("random_state", [0, None])
@pytest.mark.parametrize(("phase", "n"), PHASES)
def test_a_killed_fit_ends_as_if_it_had_not_been(digits, tmp_path, kill_after, phase, n, random_state):
    X = digits.images[:200]
    kill_after(phase, n)
    with pytest.raises(Killed):
        resumable(tmp_path / "a", random_state=random_state).fit(X)
    # an uninterrupted fit with the seeds of the killed one
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    resumed = resumable(tmp_path / "a", random_state=random_state).fit(X)
    if random_state is None:
        expected = resumable(tmp_path / "b", random_state=None).fit(X)
    else:
        expected = resumable(None).fit(X)
    assert_equal_fits(resumed, expected)
    # a finished fit is loaded at once
    assert_equal_fits(resumable(tmp_path / "a", random_state=random_state).fit(X), expected)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_another_fit_in_the_folder_is_refused(digits, tmp_path, kill_after):
    X = digits.images[:200]
    kill_after("refinement", 2)
    with pytest.raises(Killed):
        resumable(tmp_path).fit(X)
    files = {path: path.read_bytes() for path in tmp_path.iterdir()}
    others = [
        (resumable(tmp_path, gamma=0.2), X, r"gamma was 1.0 and is 0.2"),
        (resumable(tmp_path, init=KHarmonicMeans(p=5.0)), X, r"init__p was 4.0 and is 5.0"),
        (resumable(tmp_path, optimizer="sgd"), X, "optimizer was"),
        (resumable(tmp_path, random_state=1), X, "random_state differs"),
        (resumable(tmp_path), 1 - X, "X has other images"),
    ]
    for model, images, message in others:
        with pytest.raises(ValueError, match=f"checkpoint=.*another fit: {message}"):
            model.fit(images)
    assert files == {path: path.read_bytes() for path in tmp_path.iterdir()}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_equal_keras_objects_do_not_make_another_fit(digits, tmp_path):
    import keras

    X = digits.images[:200]
    for _ in range(2):
        adam = keras.optimizers.Adam(1e-3)
        autoencoder = ConvAutoencoder((4,), (3,), epochs=1, optimizer=adam, random_state=0).fit(X)
        model = resumable(tmp_path, autoencoder=FrozenEstimator(autoencoder), optimizer=adam).fit(X)
    with pytest.raises(ValueError, match="another fit: optimizer was"):
        model.set_params(optimizer=keras.optimizers.Adam(1e-2)).fit(X)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:Pretraining ended early in an earlier fit, after 2 of 4:UserWarning")
def test_what_a_callback_stopped_stays_stopped(digits, tmp_path):
    class Stop(Recorder):
        def on_fit_task_end(self, estimator, context):
            self.tasks.append(context.task_name)
            return self.tasks.count(context.task_name) == {"epoch": 2, "update": 3}.get(context.task_name)

    X = digits.images[:200]
    stop, autoencoder = Stop(), ConvAutoencoder((4, 4, 4), epochs=4, n_components=4, batch_size=64)
    model = resumable(tmp_path, autoencoder=autoencoder.set_callbacks(stop)).set_callbacks(stop)
    first = copy.copy(model.fit(X))
    assert len(first.autoencoder_.history_["reconstruction_loss"]) == 2
    assert first.n_batches_ == 12
    stop.tasks.clear()
    again = model.fit(X)
    assert not {"epoch", "update"} & set(stop.tasks)
    assert_equal_fits(again, first)
    np.testing.assert_array_equal(again.initial_centers_, first.initial_centers_)
    assert len(again.autoencoder_.history_["reconstruction_loss"]) == 2


class Ends(Recorder):
    """Records the tasks that end, including tasks of nested estimators."""

    max_propagation_depth = None

    def on_fit_task_end(self, estimator, context):
        self.tasks.append((type(estimator).__name__, context.task_name))


def test_callbacks_see_all_epochs_also_where_pretraining_was_kept(digits, tmp_path):
    ends = Ends(), Ends()
    for callback in ends:
        model = small(memory=tmp_path, init=KHarmonicMeans()).set_callbacks(callback)
        model.fit(digits.images[:200])
    first, second = (callback.tasks for callback in ends)
    assert ("ConvAutoencoder", "epoch") in first
    assert second == first


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_memory_and_checkpoint_may_share_a_folder(digits, tmp_path, kill_after):
    X = digits.images[:200]
    kill_after("refinement", 2)
    with pytest.raises(Killed):
        resumable(tmp_path, memory=tmp_path).fit(X)
    assert_equal_fits(resumable(tmp_path, memory=tmp_path).fit(X), resumable(None).fit(X))


def test_texts_tell_what_would_change_a_fit():
    fitted = GaussianMixture(2).fit(np.arange(8.0).reshape(4, 2))
    assert as_text(fitted) == as_text(GaussianMixture(3))
    assert as_text(np.float64(0.1)) == as_text(0.1)

    def make(p, calls=()):
        import time

        def init(Z, n_clusters, random_state, *, power=p):
            calls.append((time.time(), init))
            return Z[:n_clusters] ** p

        return init

    def add_one(Z):
        return Z + 1

    def add_two(Z):
        return Z + 2

    def wrap(function):
        return lambda *args: function(*args)

    def each(i):
        yield partial(max, key=i)
        yield make(i, [])
        yield add_two if i else add_one
        yield wrap(add_two if i else add_one)
        yield wrap(KMeans(2 + i))
        yield partial(make, np.arange(i))

    for one, equal, unlike in zip(each(0), each(0), each(1), strict=True):
        assert as_text(one) == as_text(equal) != as_text(unlike)
    recording = make(2, [])
    before = as_text(recording)
    assert as_text(recording) == before
    recording(np.ones((3, 2)), 2, None)
    assert as_text(recording) != before  # what it has recorded may matter


@pytest.mark.slow
def test_functions_have_the_same_text_in_every_process():
    script = """
        from skdcec._deep._identity import as_text
        print(as_text(lambda name: (name in {"Ada", "Bell", "Carol", "Dora"}, name in ["e", "f"])))
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    environments = [os.environ | {"PYTHONHASHSEED": seed} for seed in "123"]
    texts = {subprocess.run(command, env=e, capture_output=True, check=True).stdout for e in environments}
    assert len(texts) == 1


def test_functions_in_lists_are_the_same_in_every_process():
    steps = [("scale", FunctionTransformer(np.sqrt)), ("cluster", KHarmonicMeans())]
    assert "0x" not in as_text(steps)
    assert as_text(steps) != as_text(steps[:1])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_damaged_checkpoint_warns_and_is_computed_again(digits, tmp_path, kill_after):
    X = digits.images[:200]
    expected = resumable(tmp_path).fit(X)
    path = tmp_path / "refinement.npz"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.warns(UserWarning, match="refinement.npz' is damaged.*starts again"):
        again = resumable(tmp_path).fit(X)
    assert_equal_fits(again, expected)


def test_a_full_disk_stops_the_fit_with_its_cause(digits, tmp_path, kill_after, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("skdcec._deep._storage.np.savez", full)
    model = resumable(tmp_path)
    with pytest.raises(OSError, match="No space left"):
        model.fit(digits.images[:200])
    assert not list(tmp_path.iterdir())
    assert not hasattr(model, "labels_")


LONG_FIT = """
import sys, warnings
import joblib
from skdcec import DCEC, ConvAutoencoder
from skdcec._deep import _checkpoint
from skdcec.datasets import load_digits_images
warnings.simplefilter("ignore")
_checkpoint.SAVE_EVERY = 0.0
autoencoder = ConvAutoencoder((4, 4), (3, 3), epochs=40, n_components=4, augmentation="affine")
model = DCEC(4, autoencoder=autoencoder, batches_per_update=2, max_batches=80, tol=0.0, random_state=0)
model.set_params(checkpoint=sys.argv[1] if len(sys.argv) > 1 else None)
model.fit(load_digits_images().images[:600])
weights = model.autoencoder_.weights_
print(joblib.hash([model.labels_, model.cluster_centers_, weights, model.history_]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_fit_killed_by_the_system_goes_on(tmp_path):
    rng, folder = np.random.default_rng(0), tmp_path / "checkpoint"

    def start(*arguments):
        return subprocess.Popen(
            [sys.executable, "-c", LONG_FIT, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    # at a random moment after the first file of each phase; a fit that is already complete loses nothing
    for phase in ("pretraining", "refinement"):
        process = start(folder)
        for _ in range(30_000):  # some minutes
            if process.poll() is not None or (folder / f"{phase}.npz").exists():
                break
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.5))
        process.kill()
        process.communicate()
        # files with final names are complete
        for path in folder.glob("*.npz"):
            load_arrays(path)
    resumed, whole = start(folder).communicate()[0], start().communicate()[0]
    assert resumed == whole != b""
