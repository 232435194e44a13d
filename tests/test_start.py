"""The start of DCEC from labels, and the update that it keeps."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from _registry import UNFINISHED
from skdcec import DCEC, ConvAutoencoder, ModularityClustering
from skdcec.losses import KLDivergence
from skdcec.metrics import clustering_accuracy_score


def small(**params):
    autoencoder = ConvAutoencoder((16, 32), (3, 3), augmentation=None, epochs=20, batch_size=64)
    defaults = {"autoencoder": autoencoder, "batches_per_update": 50, "max_batches": 400, "tol": 0.0}
    return DCEC(**{"n_clusters": 10, "random_state": 0} | defaults | params)


@pytest.fixture(scope="module")
def X(digits):
    return digits.images[:400]


@pytest.fixture(scope="module")
def y(digits):
    return digits.target[:400]


class Recorded(KLDivergence):
    """Keeps the number of images whose targets are asked for."""

    calls: list[int] = []

    def targets(self, Z, centers):
        self.calls.append(len(Z))
        return super().targets(Z, centers)


class Scattered(KLDivergence):
    """Draws images to random clusters, once the labels are learned."""

    def targets(self, Z, centers):
        return np.eye(len(centers))[np.random.default_rng(0).integers(len(centers), size=len(Z))]


@UNFINISHED
def test_the_default_starts_from_communities_of_the_images(X):
    model = small(max_batches=1).fit(X)
    assert isinstance(model.init_, ModularityClustering)
    assert model.init_.n_features_in_ == 64
    np.testing.assert_array_equal(model.initial_labels_, model.init_.labels_)
    # rows of a table are not compared as images
    table = small(max_batches=1).fit(X.reshape(400, 64))
    assert table.init_.shift_ == table.init_.rotation_ == table.init_.blur_ == 0


@UNFINISHED
def test_initial_centers_are_the_means_of_the_labels(X, y):
    frozen = FrozenEstimator(ConvAutoencoder((8,), (3,), epochs=2, random_state=0).fit(X))
    model = small(init=y, autoencoder=frozen, max_batches=1).fit(X)
    Z = frozen.estimator.transform(X)
    means = [Z[y == j].mean(axis=0) for j in range(10)]
    np.testing.assert_allclose(model.initial_centers_, means, rtol=1e-5)


def test_the_network_learns_the_labels_that_it_starts_from(X, y):
    model = small(init=y, label_batches=400).fit(X)
    np.testing.assert_array_equal(model.initial_labels_, y)
    nearest = small(init=model.initial_centers_).set_params(max_batches=1, gamma=0.0).fit(X).initial_labels_
    assert np.mean(model.predict(X) == y) > max(0.95, np.mean(nearest == y) + 0.05)


@UNFINISHED
def test_targets_of_the_loss_take_over_after_the_labels(X, y):
    Recorded.calls.clear()
    model = small(init=y, clustering_loss=Recorded(), label_batches=30, batches_per_update=20, max_batches=70)
    assert model.fit(X).history_["n_batches"].tolist() == [20, 30, 50, 70]
    assert Recorded.calls == [400, 400]
    # from centers, there are no labels to learn
    Recorded.calls.clear()
    small(init=None, clustering_loss=Recorded(), batches_per_update=20, max_batches=40, keep="last").fit(X)
    assert Recorded.calls == [400, 400]


def test_an_update_before_the_partition_falls_apart_is_kept(X, y):
    params = {"init": y, "clustering_loss": Scattered(), "label_batches": 400, "max_batches": 800}
    model = small(**params).fit(X)
    history = model.history_
    kept = np.searchsorted(history["n_batches"], model.n_batches_)
    largest = history["modularity"][: kept + 1].max()
    assert model.modularity_ == history["modularity"][kept] >= largest - 0.005
    assert (history["modularity"][kept + 1 :] < largest - 0.005).all()
    assert model.n_batches_ < history["n_batches"][-1] < 800
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    with pytest.warns(ConvergenceWarning) as caught:
        last = small(**params, keep="last").fit(X)
    assert any("Joint training lowered the modularity from" in str(w.message) for w in caught)
    assert last.n_batches_ == 800
    assert last.modularity_ < model.modularity_


def test_one_image_has_no_neighbors():
    with pytest.raises(ValueError, match="n_samples=1 should be >= 2 for communities"):
        DCEC(1, autoencoder=small().autoencoder).fit(np.zeros((1, 8, 8)))


def test_labels_that_the_network_cannot_learn_are_returned(X, y):
    with pytest.warns(ConvergenceWarning, match="has not learned the initial labels, which are labels_"):
        model = small(init=y, max_batches=1).fit(X)
    np.testing.assert_array_equal(model.labels_, y)
    assert model.modularity_ == model.initial_modularity_
    np.testing.assert_array_equal(model.cluster_sizes_, np.bincount(y))


@pytest.mark.parametrize("n_updates", [3, 9])
def test_a_killed_fit_remembers_the_update_that_it_keeps(X, y, tmp_path, n_updates):
    class Die:
        def setup(self, estimator, context):
            self.left = n_updates

        def teardown(self, estimator, context): ...

        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context):
            self.left -= context.task_name == "update"
            if not self.left:
                raise KeyboardInterrupt

    params = {"init": y, "clustering_loss": Scattered(), "label_batches": 400, "max_batches": 800}
    expected = small(**params).fit(X)
    with pytest.raises(KeyboardInterrupt):
        small(checkpoint=tmp_path, **params).set_callbacks(Die()).fit(X)
    for _ in range(2):
        resumed = small(checkpoint=tmp_path, **params).fit(X)
        assert resumed.n_batches_ == expected.n_batches_
        np.testing.assert_array_equal(resumed.labels_, expected.labels_)
        np.testing.assert_array_equal(resumed.cluster_centers_, expected.cluster_centers_)
        for name, values in expected.history_.items():
            np.testing.assert_array_equal(resumed.history_[name], values)


def test_max_minutes_end_both_stages(X, y, tmp_path):
    model = small(init=y, max_minutes=1e-9, keep="last", checkpoint=tmp_path)
    with pytest.warns(ConvergenceWarning) as caught:
        model.fit(X)
    assert any("max_minutes=1e-09 ended the fit after 50 batches" in str(w.message) for w in caught)
    assert len(model.autoencoder_.history_["reconstruction_loss"]) == 1
    assert model.history_["n_batches"].tolist() == [50]
    # with more time, joint training goes on from there
    first = model.initial_centers_
    with pytest.warns(UserWarning, match="Pretraining ended early in an earlier fit, after 1 of 20"):
        model.set_params(max_minutes=None).fit(X)
    assert model.history_["n_batches"][-1] == 400
    np.testing.assert_array_equal(model.initial_centers_, first)


@UNFINISHED
def test_communities_of_the_images_may_have_parameters(X):
    start = ModularityClustering(min_cluster_size=20, shift=0.0, random_state=3)
    model = small(init=start, max_batches=1).fit(X)
    expected = start.set_params(n_clusters=model.n_clusters).fit_predict(X)
    np.testing.assert_array_equal(model.initial_labels_, expected)
    free = small(init=ModularityClustering(3), n_clusters=None, max_batches=1).fit(X)
    assert len(free.cluster_centers_) == free.init_.n_communities_ > 3
    for wrong in ({"min_cluster_size": 200}, {"max_samples": 2}, {"image_shape": (8, 8)}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))}=.* should be"):
            small(init=ModularityClustering(**wrong)).fit(X)


@UNFINISHED
def test_confidence_is_the_share_of_the_edges_within_the_cluster(X):
    model = ModularityClustering(10, random_state=0).fit(X)
    W = model.affinity_matrix_.toarray()
    same = model.labels_[:, None] == model.labels_
    np.testing.assert_allclose(model.confidence_, (W * same).sum(axis=1) / W.sum(axis=1))
    deep = small(max_batches=1).fit(X)
    np.testing.assert_allclose(
        deep.confidence_, (W * (deep.labels_[:, None] == deep.labels_)).sum(axis=1) / W.sum(axis=1)
    )


@pytest.mark.slow
def test_the_defaults_find_the_digits(digits):
    labels = DCEC(10, random_state=0).fit_predict(digits.images)
    # k-means on pixels has .79, the published settings .72 to .93
    assert clustering_accuracy_score(digits.target, labels) > 0.94


class Stripes(ClusterMixin, BaseEstimator):
    """A clusterer with the documented API of scikit-learn, and nothing more."""

    def __init__(self, n_clusters=3):
        self.n_clusters = n_clusters

    def fit(self, X, y=None):
        self.labels_ = np.argsort(np.argsort(X[:, 0])) * self.n_clusters // len(X)
        return self


@UNFINISHED
@pytest.mark.parametrize(
    "init", [Stripes(), make_pipeline(StandardScaler(), Stripes())], ids=["alone", "last"]
)
def test_a_clusterer_without_private_methods_is_an_init(digits, init):
    autoencoder = ConvAutoencoder((4,), (3,), n_components=3, epochs=1)
    params = {"autoencoder": autoencoder, "max_batches": 1, "keep": "last", "random_state": 0}
    model = DCEC(4, init=init, **params).fit(digits.images[:60])
    assert model.initial_centers_.shape == (4, 3)
    with pytest.raises(ValueError, match="X is a masked array with 64 masked values"):
        model.predict(np.ma.masked_array(digits.images[:2], np.arange(2)[:, None, None] * np.ones((1, 8, 8))))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_large_images_are_scaled_down_for_the_graph(digits):
    X = digits.images[:120]
    large = np.kron(X, np.ones((1, 12, 12)))  # 96 x 96 pixels
    model = small(init="auto", max_batches=2, autoencoder=ConvAutoencoder((2,), (3,), epochs=1)).fit(large)
    assert model.init_.affinity_matrix_.shape == (120, 120)
    expected = ModularityClustering(model.n_clusters, random_state=model.init_.random_state)
    halves = large.reshape(120, 48, 2, 48, 2).mean(axis=(2, 4)).astype(np.float32)
    np.testing.assert_array_equal(expected.fit_predict(halves), model.initial_labels_)
