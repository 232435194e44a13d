"""The examples of scikit-learn's KMeans, with the class swapped and nothing else set."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_sample_image, make_blobs, make_circles, make_moons
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler

from skdcec import KernelKHarmonicMeans, KHarmonicMeans, MahalanobisKMeans

SWAPPED = [KHarmonicMeans(), KernelKHarmonicMeans(), MahalanobisKMeans()]
swapped = pytest.mark.parametrize("estimator", SWAPPED, ids=repr)


def scores(estimator, X, y, n_seeds=3):
    """Return the adjusted Rand index for several seeds."""
    k = len(np.unique(y))
    models = [clone(estimator).set_params(n_clusters=k, random_state=seed) for seed in range(n_seeds)]
    return [adjusted_rand_score(y, model.fit_predict(X)) for model in models]


def unequal_blobs():
    X, y = make_blobs(1500, random_state=170)
    rows = np.concatenate([np.flatnonzero(y == c)[:size] for c, size in enumerate([500, 100, 10])])
    return X[rows], y[rows]


def stretched_blobs():
    X, y = make_blobs(1500, random_state=170)
    return X @ [[0.60834549, -0.63667341], [-0.40887718, 0.85253229]], y


ASSUMPTIONS = {
    "blobs": lambda: make_blobs(1500, random_state=170),
    "stretched": stretched_blobs,
    "unequal variance": lambda: make_blobs(1500, cluster_std=[1.0, 2.5, 0.5], random_state=170),
    "unequal size": unequal_blobs,
    "moons": lambda: make_moons(500, noise=0.05, random_state=30),
    "circles": lambda: make_circles(500, factor=0.5, noise=0.05, random_state=30),
}


@swapped
@pytest.mark.parametrize("make", ASSUMPTIONS.values(), ids=list(ASSUMPTIONS))
def test_no_worse_where_kmeans_is_put_to_the_test(estimator, make):
    X, y = make()
    assert np.mean(scores(estimator, X, y)) > np.mean(scores(KMeans(n_init=10), X, y)) - 0.02


def test_a_covariance_for_each_cluster_finds_what_kmeans_does_not():
    for name in ("stretched", "unequal variance"):
        X, y = ASSUMPTIONS[name]()
        assert np.mean(scores(MahalanobisKMeans(), X, y)) > np.mean(scores(KMeans(n_init=10), X, y)) + 0.1


@swapped
def test_the_digits_are_found_as_well(estimator):
    digits = load_digits()
    X = StandardScaler().fit_transform(digits.data)
    assert min(scores(estimator, X, digits.target)) > 0.44


@swapped
def test_colors_are_quantized_as_well(estimator):
    pixels = load_sample_image("china.jpg").reshape(-1, 3)[::97] / 255.0
    errors = []
    for model in (estimator, KMeans(n_init=10)):
        model = clone(model).set_params(n_clusters=64, random_state=0).fit(pixels[::7])
        errors.append(((pixels - model.cluster_centers_[model.predict(pixels)]) ** 2).mean())
    assert errors[0] < 1.1 * errors[1]


@pytest.mark.parametrize("estimator", SWAPPED[:2], ids=repr)
def test_documents_are_clustered_as_well_and_their_centers_stay_apart(estimator):
    rng = np.random.default_rng(0)
    topics, y = rng.dirichlet(np.full(2000, 0.02), 5), rng.integers(5, size=1000)
    words = 0.3 * topics + 0.7 * topics.mean(axis=0)
    counts = np.stack([rng.multinomial(rng.integers(30, 120), words[topic]) for topic in y])
    X = TfidfTransformer(sublinear_tf=True).fit_transform(csr_array(counts))
    assert min(scores(estimator, X, y)) > 0.93  # a warning would be an error


@swapped
def test_many_clusters_are_all_found(estimator):
    grid = np.stack(np.meshgrid(range(6), range(5)), axis=-1).reshape(-1, 2)
    X, y = make_blobs(1500, centers=grid, cluster_std=0.1, random_state=0)
    assert min(scores(estimator, X, y)) > 0.99
