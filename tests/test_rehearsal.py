"""What an init would refuse is told before pretraining, and what fails later loses nothing."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import DBSCAN, AgglomerativeClustering, Birch, KMeans
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import kneighbors_graph

from skdcec import DCEC, DenseAutoencoder, KHarmonicMeans
from skdcec.exceptions import InitializationError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def X(digits):
    return digits.images[:120]


def dcec(init, n_clusters=3, **params):
    network = DenseAutoencoder((8,), 2, epochs=2, batch_size=64)
    return DCEC(n_clusters, init=init, autoencoder=network, max_batches=2, random_state=0, **params)


class Labels(ClusterMixin, BaseEstimator):
    def __init__(self, n_clusters=3, make=None):
        self.n_clusters = n_clusters
        self.make = make

    def fit(self, X, y=None):
        self.labels_ = self.make(len(X), self.n_clusters)
        return self


REFUSED = [
    (GaussianMixture(means_init=np.zeros((3, 5))), "should have the shape"),
    (AgglomerativeClustering(distance_threshold=1.0), "distance_threshold"),
    (KHarmonicMeans(init=np.zeros((2, 2))), r"init has shape \(2, 2\)"),
    (lambda Z, k, random_state: np.full((k, 2), np.nan), "NaN"),
    (lambda Z, k, random_state: np.ones((k, 2)) * 1j, "Complex"),
    (lambda Z, k, random_state: Z[: k - 1], "found 2 clusters, but n_clusters=3"),
    (lambda Z, k, random_state: Z[:k, :1], r"centers of shape \(3, 1\)"),
    (lambda Z, k, random_state: Z[0] / 0 + undefined, "undefined"),  # noqa: F821
    (Labels(make=lambda n, k: np.array(["a", "b", "c"])[np.arange(n) % k]), r"dtype=<U1.*integer"),
    (Labels(make=lambda n, k: np.arange(n - 1) % k), r"labels of shape \(119,\)"),
    (Labels(make=lambda n, k: (np.arange(n) % k).astype(float)), "dtype=float64"),
]


@pytest.mark.parametrize(("init", "message"), REFUSED, ids=lambda value: str(value)[:30])
def test_what_an_init_would_refuse_is_found_before_pretraining(X, count_pretraining, init, message):
    with pytest.raises((ValueError, TypeError), match=f"(?s){message}"):
        dcec(init).fit(X)
    assert not count_pretraining


def test_a_clusterer_of_too_few_clusters_warns_before_pretraining(X):
    model = dcec(Birch(threshold=1e9))
    with pytest.warns(UserWarning, match="In a random embedding, init found 1 clusters"):
        with pytest.raises(InitializationError, match="init found 1 clusters, but n_clusters=3"):
            model.fit(X)


@pytest.mark.parametrize("n_clusters", [None, 3])
def test_an_init_that_finds_nothing_warns_before_pretraining(X, n_clusters):
    def of_a_small_radius(Z, n_clusters, random_state):
        labels = DBSCAN(eps=1e-9).fit_predict(Z)
        return np.array([Z[labels == label].mean(axis=0) for label in range(labels.max() + 1)])

    inits = [of_a_small_radius] if n_clusters else [of_a_small_radius, DBSCAN(eps=1e-9)]
    for init in inits:
        with pytest.warns(UserWarning, match="In a random embedding, init found no clusters"):
            with pytest.raises(InitializationError, match="init found no clusters"):
                dcec(init, n_clusters).fit(X)


def test_a_callable_with_a_state_is_rehearsed_in_a_copy(X):
    class Draws:
        def __init__(self):
            self.rng = np.random.default_rng(0)

        def __call__(self, Z, n_clusters, random_state):
            return Z[self.rng.permutation(len(Z))[:n_clusters]]

    model = dcec(Draws()).fit(X)
    chosen = np.random.default_rng(0).permutation(len(X))[:3]
    centers = dcec(lambda Z, k, random_state: Z[chosen]).fit(X).initial_centers_
    assert_array_equal(model.initial_centers_, centers)


def test_what_needs_all_images_is_not_refused(X):
    graph = kneighbors_graph(X.reshape(len(X), -1), 10, include_self=False)
    assert dcec(AgglomerativeClustering(connectivity=graph)).fit(X).labels_.shape == (120,)
    assert dcec(lambda Z, k, random_state: Z[[3, 60, 110]]).fit(X).labels_.shape == (120,)
    assert dcec(DBSCAN(eps=3.0), n_clusters=None).fit(X).labels_.shape == (120,)


def test_a_rehearsal_changes_nothing(X):
    calls = []

    def first_rows(Z, n_clusters, random_state):
        calls.append(random_state.randint(1000))
        return Z[:n_clusters]

    model = dcec(first_rows).fit(X)
    assert calls[1] == np.random.RandomState(np.random.RandomState(0).randint(2**31 - 1, size=3)[1]).randint(
        1000
    )
    clusterer = KMeans(3, n_init=1)
    assert_array_equal(dcec(clusterer).fit(X).labels_, dcec(clusterer).fit(X).labels_)
    assert not hasattr(clusterer, "labels_")
    assert model.init_ is first_rows


def test_a_failed_init_keeps_the_pretrained_autoencoder(X):
    def moody(Z, n_clusters, random_state):
        if len(calls) == 1:
            raise RuntimeError("not today")
        calls.append(1)
        return Z[:n_clusters]

    calls = []
    model = dcec(moody)
    with pytest.raises(InitializationError, match=r"not today.*autoencoder=FrozenEstimator\(error") as caught:
        model.fit(X)
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert not hasattr(model, "labels_")
    assert caught.value.autoencoder.transform(X).shape == (120, 2)
    frozen = FrozenEstimator(caught.value.autoencoder)
    again = dcec(KMeans(n_init=1)).set_params(autoencoder=frozen).fit(X)
    assert_array_equal(again.initial_centers_, dcec(KMeans(n_init=1)).fit(X).initial_centers_)
