"""ModularityClustering against oracles: another library's communities, and distances written out."""

import warnings

import igraph
import numpy as np
import pytest
from scipy import ndimage
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import make_blobs, make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score

from skdcec import ModularityClustering
from skdcec.metrics import clustering_accuracy_score


@pytest.fixture(scope="module")
def strokes():
    """Noisy images of four strokes with empty margins, each shifted by up to a pixel, and their kind."""
    rng = np.random.default_rng(0)
    patterns = np.zeros((4, 14, 14))
    patterns[0, 4:10, 6:8] = patterns[1, 6:8, 4:10] = 1
    for i in range(4, 10):
        patterns[2, i, i] = patterns[2, i, i - 1] = patterns[3, i, 13 - i] = patterns[3, i, 12 - i] = 1
    y = rng.integers(4, size=240)
    images = patterns[y] * rng.uniform(0.8, 1, (240, 14, 14)) + 0.02 * rng.random((240, 14, 14))
    shifts = rng.integers(-1, 2, size=(240, 2))
    return np.array([np.roll(x, shift, (0, 1)) for x, shift in zip(images, shifts, strict=True)], "f"), y


def graph_of(affinity_matrix):
    upper = csr_array(affinity_matrix).tocoo()
    i, j = upper.coords
    kept = i < j
    graph = igraph.Graph(n=affinity_matrix.shape[0], edges=np.column_stack([i[kept], j[kept]]))
    return graph, upper.data[kept]


@pytest.mark.parametrize("n_neighbors", [5, 10, 20])
def test_modularity_is_that_of_leiden_or_larger(digits, n_neighbors):
    X = digits.images.reshape(-1, 64)
    model = ModularityClustering(None, n_neighbors=n_neighbors, random_state=0).fit(X)
    graph, weights = graph_of(model.affinity_matrix_)
    leiden = max(
        graph.community_leiden("modularity", weights=weights, n_iterations=10).modularity for _ in range(3)
    )
    assert graph.modularity(model.labels_.tolist(), weights=weights) == pytest.approx(model.modularity_)
    assert model.modularity_ > leiden - 0.002
    assert model.n_communities_ == model.n_clusters_ == len(np.unique(model.labels_))


def test_finds_the_digits(digits, usps):
    # k-means finds .79 and .68
    for images, y, least in ((digits.images, digits.target, 0.95), (usps.images, usps.target, 0.97)):
        labels = ModularityClustering(10, random_state=0).fit_predict(images)
        assert clustering_accuracy_score(y, labels) > least


def test_near_copies_do_not_hide_the_classes(digits):
    # a graph of copies has a community for each of the 60 digits
    rng = np.random.default_rng(0)
    chosen = np.concatenate([np.flatnonzero(digits.target == c)[:10] for c in (0, 1, 2, 4, 6, 7)])
    copies = np.repeat(digits.images[chosen], 12, axis=0)
    X = np.clip(copies + 0.03 * rng.standard_normal(copies.shape), 0, 1)
    y = np.repeat(digits.target[chosen], 12)
    model = ModularityClustering(6, random_state=0).fit(X)
    assert model.n_communities_ > 24
    assert model.n_clusters_ == 6
    # by the few edges between copies, mergers have .32
    assert clustering_accuracy_score(y, model.labels_) > 0.6
    # copies stay together
    assert (model.labels_.reshape(-1, 12) == model.labels_[::12, np.newaxis]).all()
    assert np.mean(model.predict(X) == model.labels_) > 0.99


def test_parts_of_the_graph_stay_even_if_communities_are_many():
    rng = np.random.default_rng(0)
    y = np.repeat(range(3), 300)
    lines = np.column_stack([rng.uniform(0, 20, 900), 1.5 * y + 0.1 * rng.standard_normal(900)])
    angle = rng.uniform(0, 2 * np.pi, 900)
    rings = (1 + y)[:, np.newaxis] * np.column_stack([np.cos(angle), np.sin(angle)])
    for X in (lines, rings + 0.05 * rng.standard_normal((900, 2))):
        model = ModularityClustering(3, random_state=0).fit(X)
        assert model.n_communities_ > 6
        assert adjusted_rand_score(y, model.labels_) == 1
    # an outlier is a part of its own
    labels = ModularityClustering(3, random_state=0).fit_predict(np.vstack([lines, [[1e5, 1e5]]]))
    assert adjusted_rand_score(y, labels[:900]) == 1


def test_classes_of_unequal_size(digits):
    rng = np.random.default_rng(2)
    sizes = [170, 132, 102, 79, 61, 47, 37, 28, 22, 17]
    chosen = np.concatenate(
        [
            rng.choice(np.flatnonzero(digits.target == c), size, replace=False)
            for c, size in zip(rng.permutation(10), sizes, strict=True)
        ]
    )
    X, y = digits.images[chosen], digits.target[chosen]
    found = {
        size: ModularityClustering(10, min_cluster_size=size, random_state=0).fit_predict(X)
        for size in (None, 8, 8 / len(X))
    }
    assert clustering_accuracy_score(y, found[8]) > 0.85 > 0.8 > clustering_accuracy_score(y, found[None])
    assert np.bincount(found[8]).min() >= 8
    np.testing.assert_array_equal(found[8], found[8 / len(X)])


def test_the_smallest_size_holds_for_communities(digits):
    least = ModularityClustering(None, random_state=0).fit(digits.images)
    assert np.bincount(least.labels_).min() < 50
    model = ModularityClustering(None, min_cluster_size=50, random_state=0).fit(digits.images)
    assert np.bincount(model.labels_).min() >= 50
    # whole communities join others
    assert adjusted_rand_score(least.labels_, model.labels_) > 0.85
    with pytest.warns(UserWarning, match=r"The smallest cluster has .* fewer than min_cluster_size=0\.2"):
        ModularityClustering(5, min_cluster_size=0.2, random_state=0).fit(digits.images)


def test_no_cluster_is_empty_and_sizes_are_exact():
    for seed in range(300, 330):
        X = np.random.default_rng(seed).normal(size=(25, 2))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            model = ModularityClustering(8, min_cluster_size=3, random_state=0).fit(X)
        assert model.n_clusters_ == len(np.unique(model.labels_)) == 8
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0, 1, (63, 2)), rng.normal(20, 1, (11, 2)), rng.normal(-20, 1, (11, 2))])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        labels = ModularityClustering(3, min_cluster_size=11, random_state=0).fit_predict(X)
    assert sorted(np.bincount(labels)) == [11, 11, 63]


def test_small_communities_may_join_each_other():
    rng = np.random.default_rng(0)
    far = np.column_stack([np.linspace(0, 90, 90), 0.1 * rng.standard_normal(90)]) + 1000
    X = np.concatenate([rng.standard_normal((200, 2)), far])
    free = ModularityClustering(None, random_state=0).fit_predict(X)
    assert np.bincount(free[200:]).max() < 60
    labels = ModularityClustering(None, min_cluster_size=60, random_state=0).fit_predict(X)
    assert len(np.unique(labels[200:])) == 1
    assert labels[200] not in labels[:200]


def test_equal_samples_are_reported():
    with pytest.warns(ConvergenceWarning, match="Only 1 samples are distinct, fewer than n_clusters=3"):
        ModularityClustering(3, random_state=0).fit(np.ones((30, 4)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = ModularityClustering(2, random_state=0).fit(np.repeat([[0.0, 0], [1, 1]], 20, axis=0))
    assert sorted(np.bincount(model.labels_)) == [20, 20]


def test_separate_clusters_of_unequal_size_are_found():
    rng = np.random.default_rng(0)
    sizes = [(1000, 100), (769, 77, 77, 77), (300, 300, 60)]
    for size in sizes:
        centers = 8 * np.column_stack([np.arange(len(size)), np.arange(len(size)) % 2])
        y = np.repeat(range(len(size)), size)
        X = centers[y] + rng.standard_normal((len(y), 2))
        assert adjusted_rand_score(y, ModularityClustering(len(size), random_state=0).fit_predict(X)) > 0.99


def test_clusters_of_any_shape():
    X, y = make_moons(400, noise=0.05, random_state=0)
    labels = ModularityClustering(2, random_state=0).fit_predict(X)
    assert adjusted_rand_score(y, labels) > 0.9


def test_weights_are_those_of_the_least_distance_over_shifts(strokes):
    X = np.where(strokes[0] > 0.1, strokes[0], 0).astype(np.float64)  # empty margins
    model = ModularityClustering(
        4, n_neighbors=9, n_components=None, shift=0.05, rotation=0.0, blur=0.0, random_state=0
    ).fit(X)
    n = len(X)
    shifted = [np.roll(X, (dy, dx), (1, 2)).reshape(n, -1) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    squared = np.min([((S[:, np.newaxis] - X.reshape(n, -1)) ** 2).sum(axis=2) for S in shifted], axis=0)
    np.fill_diagonal(squared, np.inf)
    nearest = np.argsort(squared, axis=1)[:, :9]
    scale = np.sqrt(np.take_along_axis(squared, nearest[:, 6:7], axis=1)).ravel()
    expected = np.zeros((n, n))
    for i in range(n):
        expected[i, nearest[i]] = np.exp(-squared[i, nearest[i]] / (scale[i] * scale[nearest[i]]))
    np.testing.assert_allclose(model.affinity_matrix_.toarray(), np.maximum(expected, expected.T), atol=1e-8)


def test_rotations_and_shifts_are_ignored(strokes):
    X, y = strokes
    angles = np.random.default_rng(1).uniform(-10, 10, len(X))
    X = np.array(
        [ndimage.rotate(x, angle, reshape=False, order=1) for x, angle in zip(X, angles, strict=True)]
    )
    tolerant = ModularityClustering(4, random_state=0).fit(X)
    plain = ModularityClustering(4, shift=0, rotation=0, blur=0, random_state=0).fit(X)
    assert adjusted_rand_score(y, tolerant.labels_) > 0.95
    assert tolerant.modularity_ > plain.modularity_
    assert tolerant.shift_ > 0


def test_layouts_and_types_agree(strokes):
    X, _ = strokes
    model = ModularityClustering(4, random_state=0)
    labels = model.fit_predict(X)
    flat = X.reshape(len(X), -1)
    for other, image_shape in (
        (X[..., np.newaxis], None),
        (flat, (14, 14)),
        ((X * 255).astype(np.uint8), None),
        (X.astype(np.float64), None),
    ):
        found = clone(model).set_params(image_shape=image_shape).fit_predict(other)
        assert adjusted_rand_score(labels, found) == 1
    with pytest.raises(ValueError, match="image_shape=\\(5, 5\\)"):
        clone(model).set_params(image_shape=(5, 5)).fit(flat)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_rows_are_those_of_the_dense(dtype):
    rng = np.random.default_rng(0)
    X, y = make_blobs(300, 60, centers=4, random_state=0)
    X = np.where(rng.random(X.shape) < 0.7, 0, X).astype(dtype)
    model = ModularityClustering(4, n_components=50, random_state=0)
    dense = clone(model).fit(X)
    sparse = clone(model).fit(csr_array(X))
    assert adjusted_rand_score(dense.labels_, sparse.labels_) > 0.95
    assert adjusted_rand_score(y, sparse.labels_) > 0.9
    np.testing.assert_array_equal(sparse.predict(csr_array(X)), sparse.predict(X))


def test_new_samples_follow_their_neighbors(digits):
    X = digits.images
    model = ModularityClustering(10, random_state=0).fit(X[:1400])
    assert clustering_accuracy_score(digits.target[1400:], model.predict(X[1400:])) > 0.85
    assert np.mean(model.predict(X[:1400]) == model.labels_) > 0.98
    with pytest.raises(ValueError, match="fitted with images of shape"):
        model.predict(X[:, :4])


def test_more_samples_than_the_graph_holds_get_votes(digits):
    X = digits.images
    model = ModularityClustering(10, max_samples=900, random_state=0).fit(X)
    assert model.affinity_matrix_.shape == (900, 900)
    assert model.labels_.shape == (1797,)
    assert clustering_accuracy_score(digits.target, model.labels_) > 0.85


def test_more_clusters_than_communities():
    X, _ = make_blobs(120, random_state=0)
    for k in (1, 3, 30, 120):
        model = ModularityClustering(k, random_state=0).fit(X)
        assert len(np.unique(model.labels_)) == k == model.n_clusters_


def test_units_and_positions_do_not_matter(digits):
    X = digits.data[:500]
    labels = ModularityClustering(10, random_state=0).fit_predict(X)
    for scaled in (X * 1e-12, X * 1e12, X + 100.0):
        assert (
            adjusted_rand_score(labels, ModularityClustering(10, random_state=0).fit_predict(scaled)) > 0.99
        )


def test_equal_rows():
    X = np.repeat([[0.0, 1.0], [5.0, 5.0]], 20, axis=0)
    labels = ModularityClustering(2, random_state=0).fit_predict(X)
    assert len(np.unique(labels[:20])) == len(np.unique(labels[20:])) == 1
    assert labels[0] != labels[-1]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_neighbors": ()}, "n_neighbors=\\(\\)"),
        ({"n_neighbors": (5, 0)}, "n_neighbors=\\(5, 0\\)"),
        ({"shift": (0.0, 2.0)}, "shift=\\(0.0, 2.0\\)"),
        ({"rotation": "some"}, "rotation"),
        ({"blur": ("auto",)}, "blur=\\('auto',\\)"),
        ({"n_clusters": 31}, "n_samples=30 should be >= n_clusters=31"),
        ({"min_cluster_size": 4}, "min_cluster_size=4 should be at most n_samples / n_clusters = 3\\."),
        ({"min_cluster_size": 0.2}, "min_cluster_size=0.2 should be at most 1 / n_clusters = 0.125"),
        (
            {"min_cluster_size": 31, "n_clusters": None},
            "min_cluster_size=31 .* n_samples = 30",
        ),
        ({"min_cluster_size": 0}, "min_cluster_size"),
        ({"n_clusters": 10, "max_samples": 5}, "max_samples=5 should be >= n_clusters=10"),
    ],
)
def test_bad_parameters(params, message):
    X = np.random.default_rng(0).normal(size=(30, 3))
    with pytest.raises(ValueError, match=message):
        ModularityClustering().set_params(**params).fit(X)
