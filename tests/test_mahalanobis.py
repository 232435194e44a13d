"""K-means with the Mahalanobis distance: invariances, and k-means on whitened data."""

import warnings

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.cluster import KMeans
from sklearn.covariance import ledoit_wolf, shrunk_covariance
from sklearn.datasets import load_iris, load_wine, make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score

from skdcec import MahalanobisKMeans
from skdcec._cluster._mahalanobis_metric import (
    ledoit_wolf_shrinkage,
    mean_and_covariance,
    moments,
    rewhitening,
    whitening,
)
from skdcec._cluster._rows import Rows


@pytest.fixture(scope="module")
def iris():
    return load_iris().data


@pytest.mark.parametrize("covariance_type", ["full", "diag"])
def test_features_with_few_values_are_named(covariance_type):
    rng = np.random.default_rng(0)
    blobs, y = make_blobs(600, 3, centers=4, random_state=5)
    model = MahalanobisKMeans(4, covariance_type=covariance_type, random_state=0)
    with pytest.warns(ConvergenceWarning, match=r"constant values in the features \[3\]"):
        model.fit(np.column_stack([blobs, rng.integers(0, 2, 600)]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # equal constants do no harm
        model.fit(np.column_stack([blobs, np.where(y == 0, rng.normal(size=600), 0)]))


def test_global_is_kmeans_on_whitened_data(iris):
    V = np.cov(iris.T, ddof=0)
    L = np.linalg.cholesky(np.linalg.inv(V))
    init = iris[[0, 60, 120]]
    params = {"covariance_type": "global", "shrinkage": 0.0, "tol": 0.0}
    ours = MahalanobisKMeans(3, init=init, **params).fit(iris)
    kmeans = KMeans(3, init=init @ L, n_init=1, tol=0.0).fit(iris @ L)
    np.testing.assert_array_equal(ours.labels_, kmeans.labels_)
    np.testing.assert_allclose(ours.cluster_centers_ @ L, kmeans.cluster_centers_, atol=1e-12)
    assert ours.inertia_ == pytest.approx(kmeans.inertia_, rel=1e-12)
    np.testing.assert_allclose(ours.transform(iris), kmeans.transform(iris @ L), atol=1e-11)
    np.testing.assert_allclose(ours.covariances_, V, atol=1e-12)


def test_tied_minimizes_the_determinant_within_clusters(iris):
    model = MahalanobisKMeans(3, covariance_type="tied", shrinkage=0.0, n_init=10, random_state=0).fit(iris)
    within = sum(
        np.cov(iris[model.labels_ == j].T, ddof=0) * np.sum(model.labels_ == j) for j in range(3)
    ) / len(iris)
    np.testing.assert_allclose(model.covariances_, within, atol=1e-10)
    # Friedman and Rubin's criterion, plus the constant n d
    expected = len(iris) * (np.linalg.slogdet(within)[1] + iris.shape[1])
    assert model.objective_ == pytest.approx(expected, rel=1e-9)
    assert adjusted_rand_score(load_iris().target, model.labels_) > 0.85


@pytest.mark.parametrize("covariance_type", ["global", "tied", "full"])
def test_linear_maps_of_the_features_do_not_matter(iris, covariance_type):
    params = {"covariance_type": covariance_type, "shrinkage": 0.0, "random_state": 0}
    params |= {"init": "k-means++", "n_init": 5}  # k-means has another metric
    model = MahalanobisKMeans(3, **params).fit(iris)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        A, shift = rng.normal(size=(4, 4)) * 10.0 ** rng.integers(-3, 4), 100 * rng.normal(size=4)
        mapped = MahalanobisKMeans(3, **params).fit(iris @ A + shift)
        assert adjusted_rand_score(mapped.labels_, model.labels_) == 1
        distances = [np.sort(model.transform(iris)), np.sort(mapped.transform(iris @ A + shift))]
        np.testing.assert_allclose(*distances, rtol=1e-5)
        assert mapped.inertia_ == pytest.approx(model.inertia_, rel=1e-6)


@pytest.mark.parametrize("covariance_type", ["global", "tied"])
def test_directions_without_variance_are_dropped(iris, covariance_type):
    padded = np.column_stack([iris, np.full(len(iris), 7.0), iris[:, 0]])
    model, expected = (
        MahalanobisKMeans(3, covariance_type=covariance_type, shrinkage=0.0, init=X[[0, 60, 120]]).fit(X)
        for X in (padded, iris)
    )
    assert model.components_.shape == (4, 6)
    np.testing.assert_array_equal(model.labels_, expected.labels_)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # deliberately bad starts
@pytest.mark.parametrize("shrinkage", [0.0, 1e-6, 0.1, 0.9])
def test_tied_objective_never_rises_for_any_shrinkage(shrinkage):
    for seed in range(10):
        X, _ = make_blobs(n_samples=40, n_features=5, centers=6, random_state=seed)
        params = {"covariance_type": "tied", "shrinkage": shrinkage, "init": "random", "n_init": 1}
        model = MahalanobisKMeans(6, random_state=seed, tol=0.0, **params).fit(X)
        assert (np.diff(model.history_["objective"]) <= 0).all()
        assert model.score(X) == pytest.approx(-model.objective_, rel=1e-9)


@pytest.mark.parametrize(
    ("dtype", "distance"), [(np.float32, 3.0), (np.float32, 3e3), (np.float64, 3.0), (np.float64, 3e5)]
)
def test_the_pooled_covariance_keeps_its_digits_however_far_clusters_are_apart(dtype, distance):
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(300, 3)) + distance * np.repeat(np.eye(3), 100, axis=0)).astype(dtype)
    weight = rng.integers(1, 4, 300)
    model = MahalanobisKMeans(3, covariance_type="tied", shrinkage=0.0, init=X[[0, 100, 200]])
    model.fit(X, sample_weight=weight)
    Z = X.astype(float)
    within = (
        sum(
            np.cov(Z[own].T, ddof=0, fweights=weight[own]) * weight[own].sum()
            for own in (model.labels_ == j for j in range(3))
        )
        / weight.sum()
    )
    np.testing.assert_allclose(model.covariances_, within, rtol=2e-5, atol=2e-5)
    expected = weight.sum() * (np.linalg.slogdet(within)[1] + 3)
    assert model.objective_ == pytest.approx(expected, rel=1e-4)


def test_ellipses_need_the_metric():
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(size=(200, 2)) * [10, 0.3] + [0, 3 * j] for j in range(3)])
    y = np.repeat(range(3), 200)
    params = {"covariance_type": "tied", "shrinkage": 1e-6, "init": "k-means++", "n_init": 10}
    model = MahalanobisKMeans(3, **params, random_state=0).fit(X)
    assert adjusted_rand_score(y, model.labels_) > 0.95
    assert adjusted_rand_score(y, KMeans(3, n_init=10, random_state=0).fit_predict(X)) < 0.3


def test_whitening_is_blind_to_units():
    V = np.cov(np.random.default_rng(0).normal(size=(5, 40)))
    units = np.array([1e-9, 1e9, 1.0, 1e3, 0.0])
    L, log_det = whitening(V * np.outer(units, units))
    assert L.shape == (4, 5)
    np.testing.assert_allclose(L @ (V * np.outer(units, units)) @ L.T, np.eye(4), atol=1e-9)
    expected = np.linalg.slogdet(V[:4, :4])[1] + 2 * np.log(units[:4]).sum()
    assert log_det == pytest.approx(expected)


@pytest.mark.parametrize("covariance_type", ["global", "tied", "full"])
@pytest.mark.parametrize("seed", range(5))
def test_dependent_features_do_not_count(covariance_type, seed):
    Y = np.random.default_rng(seed).normal(size=(500, 3))
    X = np.column_stack([Y, Y[:, 0] + Y[:, 1]])
    params = {"covariance_type": covariance_type, "shrinkage": 0.0}
    model = MahalanobisKMeans(2, init=X[:2], **params).fit(X)
    expected = MahalanobisKMeans(2, init=Y[:2], **params).fit(Y)
    assert model.components_.shape[-2:] == (3, 4)
    np.testing.assert_array_equal(model.labels_, expected.labels_)


def test_rounding_of_single_precision_is_no_direction(iris):
    X = np.column_stack([iris, iris[:, 0] + 1.37 * iris[:, 1]]).astype(np.float32)
    init = [0, 60, 120]
    params = {"covariance_type": "tied", "shrinkage": 0.0}
    expected = MahalanobisKMeans(3, init=iris[init], **params).fit(iris)
    model = MahalanobisKMeans(3, init=X[init], **params).fit(X)
    assert model.components_.shape == (4, 5)
    np.testing.assert_array_equal(model.labels_, expected.labels_)


@pytest.mark.parametrize("covariance_type", ["global", "tied", "full", "diag"])
def test_units_do_not_decide_when_a_run_ends(covariance_type):
    X = np.random.default_rng(0).normal(size=(3000, 4)) ** 3
    units = np.array([1024.0, 1, 1, 1])  # powers of two cause no rounding
    params = {"covariance_type": covariance_type, "tol": 1e-3, "max_iter": 1000}
    model = MahalanobisKMeans(5, init=X[:5], **params).fit(X)
    other = MahalanobisKMeans(5, init=X[:5] * units, **params).fit(X * units)
    assert 5 < model.n_iter_ < 1000
    assert other.n_iter_ == model.n_iter_
    np.testing.assert_array_equal(other.labels_, model.labels_)


@pytest.mark.parametrize("covariance_type", ["global", "tied", "full", "diag", "spherical"])
def test_single_precision_has_its_whole_range(iris, covariance_type):
    params = {"covariance_type": covariance_type, "random_state": 0}
    expected = MahalanobisKMeans(3, **params).fit(iris.astype(np.float32))
    X = (iris * 2.0**100).astype(np.float32)
    model = MahalanobisKMeans(3, **params).fit(X)
    np.testing.assert_array_equal(model.labels_, expected.labels_)
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    np.testing.assert_allclose(model.covariances_, expected.covariances_ * 4.0**100, rtol=1e-6)


@pytest.mark.filterwarnings("ignore:With about 2 samples in a cluster")
def test_singular_clusters_ask_for_a_ridge():
    X = np.random.default_rng(0).normal(size=(8, 5))
    model = MahalanobisKMeans(5, covariance_type="tied", shrinkage=0.0, random_state=0)
    with pytest.raises(ValueError, match=r"shrinkage=0.0 does not keep"):
        model.fit(X)
    assert model.set_params(shrinkage=0.1).fit(X).components_.shape == (5, 5)


@pytest.mark.parametrize("params", [{"covariance_type": "round"}, {"shrinkage": -1.0}])
def test_bad_parameters_raise(iris, params):
    with pytest.raises(ValueError, match=next(iter(params))):
        MahalanobisKMeans(3, **params).fit(iris)


OWN = ["full", "diag", "spherical"]


@pytest.mark.parametrize("covariance_type", OWN)
def test_own_covariances_are_those_of_the_clusters(iris, covariance_type):
    params = {"covariance_type": covariance_type, "shrinkage": 0.0, "random_state": 0}
    params |= {"init": "k-means++", "n_init": 5}  # k-means has another metric
    model = MahalanobisKMeans(3, **params).fit(iris)
    n, log_dets = np.bincount(model.labels_), []
    distances, scores = np.empty((150, 3)), np.empty((150, 3))
    for j in range(3):
        own = iris[model.labels_ == j]
        V = np.cov(own.T, ddof=0)
        if covariance_type == "full":
            np.testing.assert_allclose(model.covariances_[j], V, atol=1e-12)
        elif covariance_type == "diag":
            V = np.diag(np.diag(V))
            np.testing.assert_allclose(model.covariances_[j], np.diag(V), atol=1e-12)
        else:
            V = np.eye(4) * np.trace(V) / 4
            np.testing.assert_allclose(model.covariances_[j], V[0, 0], atol=1e-12)
        log_dets.append(np.linalg.slogdet(V)[1])
        centered = iris - own.mean(axis=0)
        squares = np.einsum("ij,jk,ik->i", centered, np.linalg.inv(V), centered)
        distances[:, j], scores[:, j] = np.sqrt(squares), squares + log_dets[-1]
    assert model.objective_ == pytest.approx(n @ np.array(log_dets) + 150 * 4, rel=1e-9)
    np.testing.assert_allclose(model.transform(iris), distances, rtol=1e-7)
    np.testing.assert_array_equal(model.labels_, scores.argmin(axis=1))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # deliberately bad starts
@pytest.mark.parametrize("covariance_type", ["tied", *OWN])
@pytest.mark.parametrize("params", [{"shrinkage": 1e-6}, {"shrinkage": 0.1}, {"shrinkage": 0.6}])
def test_objective_never_rises_for_any_covariance(covariance_type, params):
    for seed in range(8):
        X, _ = make_blobs(n_samples=60, n_features=4, centers=5, random_state=seed)
        model = MahalanobisKMeans(5, covariance_type=covariance_type, init="random", n_init=1, tol=0.0)
        model.set_params(random_state=seed, **params).fit(X)
        assert (np.diff(model.history_["objective"]) <= 0).all()
        assert model.score(X) == pytest.approx(-model.objective_, rel=1e-9)


def test_clusters_of_unlike_shapes_need_their_own_metrics():
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(size=(300, 2)) * [6, 0.2], rng.normal(size=(300, 2)) * [0.2, 6]])
    y = np.repeat([0, 1], 300)
    params = {"shrinkage": 1e-6, "init": "k-means++", "n_init": 20}
    scores = {
        kind: adjusted_rand_score(
            y, MahalanobisKMeans(2, covariance_type=kind, **params, random_state=0).fit_predict(X)
        )
        for kind in ("global", "tied", "full", "diag")
    }
    assert scores["full"] > 0.9
    assert scores["diag"] > 0.9
    assert max(scores["global"], scores["tied"]) < 0.1


@pytest.mark.parametrize("shrinkage", ["ledoit_wolf", 0.4])
def test_global_shrinkage_is_that_of_discriminant_analysis(shrinkage):
    # as in scikit-learn: standardized features, shrunk toward the identity
    X = load_wine().data[:40]
    model = MahalanobisKMeans(2, covariance_type="global", shrinkage=shrinkage, random_state=0).fit(X)
    scale = X.std(axis=0)
    Z = (X - X.mean(axis=0)) / scale
    if shrinkage == "ledoit_wolf":
        expected, model_shrinkage = ledoit_wolf(Z, assume_centered=True)
        assert 0 < model_shrinkage < 1
        assert model.shrinkage_ == pytest.approx(model_shrinkage, rel=1e-9)
    else:
        expected = shrunk_covariance(np.cov(Z.T, ddof=0), shrinkage)
    np.testing.assert_allclose(model.covariances_, expected * np.outer(scale, scale), rtol=1e-9)


@pytest.mark.parametrize("covariance_type", ["global", "tied", *OWN])
def test_auto_shrinkage_adds_two_samples_for_each_feature_to_a_cluster(covariance_type):
    X = np.column_stack([load_wine().data, np.ones(178)])  # a constant feature does not count
    n = 178 / (1 if covariance_type == "global" else 3)
    model = MahalanobisKMeans(3, covariance_type=covariance_type, init=X[[0, 80, 170]])
    assert model.fit(X).shrinkage_ == pytest.approx(26 / (26 + n))
    # neither repeated samples nor the scale of weights count
    for Z, weight in [(np.repeat(X, 3, axis=0), None), (X, np.full(178, 1e3))]:
        assert model.fit(Z, sample_weight=weight).shrinkage_ == pytest.approx(26 / (26 + n))


def test_weights_count_as_repetitions_in_the_estimated_shrinkage():
    X = load_wine().data
    weight = np.random.default_rng(0).integers(0, 3, len(X))
    weighted = MahalanobisKMeans(2, shrinkage="ledoit_wolf", init=X[:2]).fit(X, sample_weight=weight)
    repeated = MahalanobisKMeans(2, shrinkage="ledoit_wolf", init=X[:2]).fit(np.repeat(X, weight, axis=0))
    assert weighted.shrinkage_ == pytest.approx(repeated.shrinkage_, rel=1e-9)


@pytest.mark.parametrize("covariance_type", ["global", "tied", *OWN])
def test_estimated_shrinkage_works_with_one_feature(iris, covariance_type):
    model = MahalanobisKMeans(3, covariance_type=covariance_type, shrinkage="ledoit_wolf", random_state=0)
    assert model.fit(iris[:, 2:3]).shrinkage_ < 1


def test_shrinkage_to_nothing_is_refused(iris):
    with pytest.raises(ValueError, match=r"shrinkage=1.0 leaves nothing to estimate"):
        MahalanobisKMeans(3, covariance_type="full", shrinkage=1.0).fit(iris)


@pytest.mark.parametrize("covariance_type", ["global", "tied", *OWN])
def test_constant_features_do_not_matter(iris, covariance_type):
    params = {"covariance_type": covariance_type, "init": iris[[0, 60, 120]]}
    expected = MahalanobisKMeans(3, **params).fit(iris).labels_
    padded = np.column_stack([iris, np.full(150, 3.0)])
    model = MahalanobisKMeans(3, **params | {"init": padded[[0, 60, 120]]}).fit(padded)
    if covariance_type == "spherical":
        # the single variance is the mean over all features
        assert model.covariances_.shape == (3,)
    else:
        np.testing.assert_array_equal(model.labels_, expected)


@pytest.mark.parametrize("covariance_type", ["global", "tied", "full"])
def test_too_few_samples_for_a_metric_warn(covariance_type):
    X = np.random.default_rng(0).normal(size=(20, 20))
    model = MahalanobisKMeans(2, covariance_type=covariance_type, shrinkage=1e-6, random_state=0)
    with pytest.warns(ConvergenceWarning, match="only 20 samples for 20 features.*shrinkage='auto'"):
        model.fit(X)
    # constant features do not count, and shrinkage is the remedy
    X[:, 15:] = 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if covariance_type == "global":
            model.fit(X)
        model.set_params(shrinkage=0.3).fit(X[:10])


@pytest.mark.parametrize(("covariance_type", "n_samples"), [("tied", 40), ("full", 80)])
def test_covariances_of_few_samples_warn(covariance_type, n_samples):
    X = np.random.default_rng(0).normal(size=(n_samples, 11))
    model = MahalanobisKMeans(2, covariance_type=covariance_type, shrinkage=1e-6, random_state=0)
    with pytest.warns(ConvergenceWarning, match=f"about {n_samples // 2} samples in a cluster.* 11 features"):
        model.fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X[:, :9])
        model.set_params(shrinkage=0.3).fit(X)


def test_too_few_samples_have_equal_distances_under_the_metric_of_all():
    X = np.random.default_rng(0).normal(size=(20, 50))
    with pytest.warns(ConvergenceWarning, match="only 20 samples for 50 features"):
        model = MahalanobisKMeans(2, covariance_type="global", shrinkage=1e-6, random_state=0).fit(X)
    np.testing.assert_allclose(pdist(X @ model.components_.T), np.sqrt(2 * 20), rtol=1e-5)


@pytest.mark.parametrize("covariance_type", ["tied", *OWN])
def test_the_objective_is_the_documented_sum(iris, covariance_type):
    s = 0.3
    model = MahalanobisKMeans(3, covariance_type=covariance_type, shrinkage=s, random_state=0)
    model.fit(iris)
    V = {
        "tied": lambda V: np.stack([V] * 3),
        "full": lambda V: V,
        "diag": lambda V: V[:, :, None] * np.eye(4),
        "spherical": lambda V: V[:, None, None] * np.eye(4),
    }[covariance_type](model.covariances_)
    T = iris.var(axis=0)
    if covariance_type == "spherical":
        T = np.full(4, T.mean())
    penalties = np.linalg.slogdet(V)[1] + s * np.einsum("kii,i->k", np.linalg.inv(V), T)
    own = model.transform(iris)[np.arange(len(iris)), model.labels_]
    expected = (1 - s) * (own**2).sum() + np.bincount(model.labels_) @ penalties
    assert model.objective_ == pytest.approx(expected)


@pytest.mark.parametrize("covariance_type", ["global", "tied", *OWN])
@pytest.mark.parametrize("shrinkage", [1e-6, "auto"])
def test_the_inertia_is_under_the_covariance_of_all_and_falls_with_n_clusters(
    iris, covariance_type, shrinkage
):
    V = np.cov(iris.T, ddof=0)
    if covariance_type in ("diag", "spherical"):
        V = np.diag(np.diag(V)) if covariance_type == "diag" else np.eye(4) * np.diag(V).mean()
    inertias = []
    for k in (1, 2, 4, 8):
        model = MahalanobisKMeans(k, covariance_type=covariance_type, shrinkage=shrinkage, random_state=0)
        residual = iris - model.fit(iris).cluster_centers_[model.labels_]
        inertias.append(model.inertia_)
        if covariance_type == "global":
            V = model.covariances_
        expected = np.einsum("ij,jk,ik->", residual, np.linalg.inv(V), residual)
        assert model.inertia_ == pytest.approx(expected)
    assert (np.diff(inertias) < 0).all()
    if covariance_type != "global":
        assert inertias[0] == pytest.approx(iris.size)


def test_shrinkage_does_not_weigh_the_objective_of_one_metric(iris):
    model = MahalanobisKMeans(3, covariance_type="global", shrinkage=0.4, random_state=0).fit(iris)
    assert model.objective_ == pytest.approx(model.inertia_)


def test_a_metric_that_still_changes_has_not_converged():
    # the centers start at the solution, but the covariance does not
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(size=(200, 2)) * [1, 0.1], rng.normal(size=(200, 2)) * [1, 0.1] + [0, 5]])
    means = [X[:200].mean(axis=0), X[200:].mean(axis=0)]
    assert MahalanobisKMeans(2, covariance_type="tied", init=means).fit(X).n_iter_ > 1


def test_estimated_shrinkage_of_noise_is_that_of_ledoit_and_wolf_and_leaves_something():
    X = np.random.default_rng(0).normal(size=(200, 4))
    rows = Rows(X, np.ones(200), 50)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    mean_and_T = mean_and_covariance(rows.reduce(moments, np.add))
    assert ledoit_wolf_shrinkage(rows, *mean_and_T) == pytest.approx(ledoit_wolf(Z)[1])
    # for pure noise, the estimate would leave nothing of the covariance
    MahalanobisKMeans(3, covariance_type="tied", shrinkage="ledoit_wolf", random_state=0).fit(X)
    for seed in range(30):
        rows = Rows(np.random.default_rng(seed).normal(size=(50, 1)), np.ones(50), 50)
        mean_and_T = mean_and_covariance(rows.reduce(moments, np.add))
        assert ledoit_wolf_shrinkage(rows, *mean_and_T) == 0


def test_the_determinant_is_that_of_the_directions_that_vary():
    B = np.random.default_rng(0).normal(size=(5, 3)) * [[1], [10], [0.1], [1], [3]]
    L, log_det = whitening(B @ B.T)
    assert L.shape == (3, 5)
    assert log_det == pytest.approx(np.log(np.linalg.eigvalsh(B @ B.T)[-3:]).sum())
    with pytest.raises(np.linalg.LinAlgError):
        rewhitening(np.diag([1, 1e-17]), np.eye(2), 2.0**-49)


def test_variances_that_vanish_in_float32_are_none():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 5))
    X[:, 4] *= 1e-16
    for covariance_type in ("global", "tied", "diag"):
        model = MahalanobisKMeans(2, covariance_type=covariance_type, random_state=0).fit(
            X.astype(np.float32)
        )
        assert (model.components_[..., 4] == 0).all()


def test_metrics_of_clusters_move_with_them_where_empty_ones_come_last(iris):
    far = np.vstack([[1e3] * 4, iris[[0, 60, 120]]])
    with pytest.warns(ConvergenceWarning, match="only 3 of the 4"):
        four = MahalanobisKMeans(4, covariance_type="diag", shrinkage=0.3, init=far).fit(iris)
    three = MahalanobisKMeans(3, covariance_type="diag", shrinkage=0.3, init=far[1:]).fit(iris)
    np.testing.assert_allclose(four.covariances_[:3], three.covariances_)
    np.testing.assert_array_equal(four.labels_, three.labels_)
