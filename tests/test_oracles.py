"""The clusterers against other implementations and mathematical facts."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.stats import ortho_group
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris, load_wine, make_blobs
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.neighbors import KernelDensity

from _registry import UNFINISHED
from skdcec import KernelKHarmonicMeans, KHarmonicMeans, MahalanobisKMeans

HARMONIC = [
    KHarmonicMeans(p=2.0, accelerate=False),
    KHarmonicMeans(p=3.5),
    KernelKHarmonicMeans(),
    KernelKHarmonicMeans(p=4.0, accelerate=False),
]
# without a ridge, which is not invariant to rotation; one covariance per cluster would need a ridge, because
# some of the small random clusters are singular
MAHALANOBIS = [MahalanobisKMeans(covariance_type=kind, shrinkage=0.0) for kind in ("global", "tied")]
SIBLINGS = [*HARMONIC, *MAHALANOBIS]
# for rows with many duplicates
WITH_RIDGE = [*HARMONIC, *(MahalanobisKMeans(covariance_type=kind) for kind in ("global", "tied"))]

AUTOMATIC = [KHarmonicMeans(random_state=0), KernelKHarmonicMeans(p="auto", random_state=0)]
AFFINE_INVARIANT = ["global", "tied", "full"]

WIDTHS_AND_EXPONENTS = [(None, 2.0), (None, 3.5), (None, 6.0), (0.7, 2.0), (2.0, 2.0), (2.0, 4.0), (9.0, 6.0)]


@pytest.fixture(scope="module")
def iris():
    return load_iris().data


def steps(estimator, X, init, n, sample_weight=None):
    """The model after n iterations from initial centers."""
    model = clone(estimator).set_params(n_clusters=len(init), init=init, max_iter=n, tol=0.0)
    return model.fit(X, sample_weight=sample_weight)


# ------------------------------------------------------------ K-harmonic means and fuzzy c-means


@UNFINISHED
@pytest.mark.parametrize("load", [load_iris, load_wine])
@pytest.mark.parametrize("n", [1, 2, 3, 10, 25])
@pytest.mark.parametrize("p", [2.0, 4.0, 8.0])
def test_degree_2_is_the_fuzzy_c_means_of_scikit_fuzzy_step_by_step(load, n, p):
    skfuzzy = pytest.importorskip("skfuzzy")
    X = load().data
    # not on samples, so that the initial partition for scikit-fuzzy is finite
    init = X[[0, 60, 120]] + 0.1 * X.std(axis=0)
    partition, m = cdist(init, X, "sqeuclidean") ** (-p / 2), 1 + 2 / p
    partition /= partition.sum(axis=0)
    centers, u, *_ = skfuzzy.cmeans(X.T, 3, m=m, error=0, maxiter=n, init=partition)
    model = steps(KHarmonicMeans(p=p, degree=2.0, accelerate=False), X, init, n)
    np.testing.assert_allclose(model.cluster_centers_, centers, rtol=1e-10)
    # memberships of K-harmonic means are powers of those of fuzzy c-means
    np.testing.assert_allclose(model.predict_proba(X), (u**m / (u**m).sum(axis=0)).T, atol=1e-10)
    # J = sum u^m D, at the memberships of the final centers
    D = cdist(model.cluster_centers_, X, "sqeuclidean")
    assert model.objective_ / 3 ** (2 / p) == pytest.approx((u**m * D).sum(), rel=1e-10)


@pytest.mark.parametrize("accelerate", [False, True])
def test_iris_reaches_the_published_optimum_of_fuzzy_c_means(iris, accelerate):
    model = KHarmonicMeans(3, p=2.0, accelerate=accelerate, tol=1e-16, max_iter=1000, random_state=0)
    model.fit(iris)
    assert model.objective_ / 3 == pytest.approx(60.505710629488554, rel=1e-12)


# ---------------------------------------------- the Mahalanobis distance in scikit-learn and scipy


@pytest.mark.parametrize("load", [load_iris, load_wine])
@pytest.mark.parametrize("seed", range(3))
def test_global_is_kmeans_after_whitening_by_pca(load, seed):
    X = load().data
    n = len(X)
    pca = PCA(whiten=True).fit(X)
    init = X[np.random.default_rng(seed).choice(n, 4, replace=False)]
    ours = MahalanobisKMeans(4, covariance_type="global", init=init, shrinkage=0.0, tol=0.0).fit(X)
    kmeans = KMeans(4, init=pca.transform(init), n_init=1, tol=0.0, algorithm="lloyd").fit(pca.transform(X))
    np.testing.assert_array_equal(ours.labels_, kmeans.labels_)
    centers = pca.inverse_transform(kmeans.cluster_centers_)
    np.testing.assert_allclose(ours.cluster_centers_, centers, rtol=1e-9)
    # PCA divides by n - 1
    assert ours.inertia_ == pytest.approx(kmeans.inertia_ * n / (n - 1), rel=1e-9)
    assert ours.score(X) == pytest.approx(kmeans.score(pca.transform(X)) * n / (n - 1), rel=1e-9)


def test_global_is_kmeans_on_whitened_data_with_weights(iris):
    weight = np.random.default_rng(0).integers(1, 5, len(iris))
    pca = PCA(whiten=True).fit(np.repeat(iris, weight, axis=0))
    init = iris[[0, 60, 120]]
    ours = MahalanobisKMeans(3, covariance_type="global", init=init, shrinkage=0.0, tol=0.0)
    ours.fit(iris, sample_weight=weight)
    kmeans = KMeans(3, init=pca.transform(init), n_init=1, tol=0.0)
    kmeans.fit(pca.transform(iris), sample_weight=weight)
    np.testing.assert_array_equal(ours.labels_, kmeans.labels_)
    centers = pca.inverse_transform(kmeans.cluster_centers_)
    np.testing.assert_allclose(ours.cluster_centers_, centers, rtol=1e-9)


@pytest.mark.parametrize("shrinkage", [0.0, 0.1])
@pytest.mark.parametrize("kind", ["global", "tied"])
def test_distances_are_those_of_scipy(iris, kind, shrinkage):
    model = MahalanobisKMeans(3, covariance_type=kind, shrinkage=shrinkage, random_state=0).fit(iris)
    expected = cdist(iris, model.cluster_centers_, "mahalanobis", VI=np.linalg.inv(model.covariances_))
    np.testing.assert_allclose(model.transform(iris), expected, rtol=1e-9)


@pytest.mark.parametrize("load", [load_iris, load_wine])
def test_tied_has_the_covariance_and_labels_of_linear_discriminant_analysis(load):
    X = load().data
    params = {"covariance_type": "tied", "shrinkage": 0.0, "n_init": 5, "random_state": 0}
    model = MahalanobisKMeans(3, tol=0.0, **params).fit(X)
    # equal priors: the sizes of clusters do not matter
    lda = LinearDiscriminantAnalysis(store_covariance=True, priors=[1 / 3] * 3).fit(X, model.labels_)
    np.testing.assert_allclose(model.cluster_centers_, lda.means_, rtol=1e-9)
    np.testing.assert_array_equal(model.predict(X), lda.predict(X))
    priors = np.bincount(model.labels_) / len(X)
    pooled = LinearDiscriminantAnalysis(store_covariance=True, priors=priors).fit(X, model.labels_)
    np.testing.assert_allclose(model.covariances_, pooled.covariance_, rtol=1e-8, atol=1e-12)


# ------------------------------------------------------------------- objectives and gradients


def written_objective(X, C, p, sigma=None):
    """The objective as in the docstrings."""
    D = cdist(C, X, "sqeuclidean")
    if sigma is not None:
        D = 2 * (1 - np.exp(-D / sigma**2))
    return np.sum(len(C) / np.sum(D ** (-p / 2), axis=0))


def written_gradient(X, C, p, sigma=None, h=1e-5):
    """Central differences of the written objective with respect to the centers."""
    gradient = np.zeros_like(C)
    for entry in np.ndindex(C.shape):
        up, down = C.copy(), C.copy()
        up[entry] += h
        down[entry] -= h
        gradient[entry] = written_objective(X, up, p, sigma) - written_objective(X, down, p, sigma)
    return gradient / (2 * h)


def harmonic(p, sigma, **params):
    if sigma is None:
        return KHarmonicMeans(p=p, **params)
    return KernelKHarmonicMeans(p=p, sigma=sigma, **params)


@UNFINISHED
@pytest.mark.parametrize(("sigma", "p"), WIDTHS_AND_EXPONENTS)
def test_objectives_are_as_written_at_every_step(iris, sigma, p):
    init = iris[[0, 60, 120]] + 0.1
    weight = np.random.default_rng(0).integers(0, 4, len(iris))
    repeated = np.repeat(iris, weight, axis=0)
    for n in (1, 4):
        model = steps(harmonic(p, sigma), iris, init, n, sample_weight=weight)
        first, last = (written_objective(repeated, C, p, sigma) for C in (init, model.cluster_centers_))
        assert model.history_["objective"][0] == pytest.approx(first, rel=1e-11)
        assert model.history_["objective"][-1] == model.objective_ == pytest.approx(last, rel=1e-11)
        new = written_objective(iris[::3], model.cluster_centers_, p, sigma)
        assert model.score(iris[::3]) == pytest.approx(-new, rel=1e-11)


@UNFINISHED
@pytest.mark.parametrize(("sigma", "p"), WIDTHS_AND_EXPONENTS)
def test_memberships_are_as_written(iris, sigma, p):
    model = harmonic(p, sigma, n_clusters=3, random_state=0).fit(iris)
    D = cdist(iris, model.cluster_centers_, "sqeuclidean")
    K = 1.0 if sigma is None else np.exp(-D / sigma**2)
    D = D if sigma is None else 2 * (1 - K)
    U = K * D ** (-p / 2 - 1)
    np.testing.assert_allclose(model.predict_proba(iris), U / U.sum(axis=1, keepdims=True), atol=1e-10)


@UNFINISHED
@pytest.mark.parametrize("accelerate", [False, True])
@pytest.mark.parametrize(("sigma", "p"), WIDTHS_AND_EXPONENTS)
def test_the_gradient_vanishes_where_a_fit_ends(iris, sigma, p, accelerate):
    model = harmonic(p, sigma, n_clusters=3, accelerate=accelerate, tol=1e-14, max_iter=5000, random_state=0)
    centers = model.fit(iris).cluster_centers_
    nearby = centers + 0.1 * np.random.default_rng(0).normal(size=centers.shape)
    typical = np.linalg.norm(written_gradient(iris, nearby, p, sigma))
    assert np.linalg.norm(written_gradient(iris, centers, p, sigma)) < 1e-5 * typical


@UNFINISHED
@pytest.mark.parametrize(("sigma", "p"), WIDTHS_AND_EXPONENTS)
def test_a_step_moves_every_center_down_its_gradient(iris, sigma, p):
    init = iris[[0, 60, 120]] + 0.1
    move = steps(harmonic(p, sigma, accelerate=False), iris, init, 1).cluster_centers_ - init
    gradient = written_gradient(iris, init, p, sigma)
    cosine = (move * gradient).sum(axis=1)
    cosine /= np.linalg.norm(move, axis=1) * np.linalg.norm(gradient, axis=1)
    np.testing.assert_allclose(cosine, -1, atol=1e-9)


@pytest.mark.parametrize("p", [2.0, 3.5, 6.0, 20.0])
def test_the_objective_lies_between_the_powers_of_the_smallest_distance(iris, p):
    model = KHarmonicMeans(3, p=p, random_state=0).fit(iris)
    hard = np.sum(model.transform(iris).min(axis=1) ** p)
    assert hard < model.objective_ < 3 * hard


# ----------------------------------------------------------------------------- one center


def test_one_center_with_p_2_is_the_mean_and_the_inertia_its_variance(iris):
    model = KHarmonicMeans(1, p=2.0, random_state=0).fit(iris)
    np.testing.assert_allclose(model.cluster_centers_[0], iris.mean(axis=0), rtol=1e-12)
    assert model.objective_ == pytest.approx(len(iris) * iris.var(axis=0).sum(), rel=1e-12)
    assert model.inertia_ == pytest.approx(model.objective_, rel=1e-12)


def test_one_center_on_a_line_with_p_4_is_the_root_of_a_cubic():
    x = np.random.default_rng(0).exponential(size=100)
    model = KHarmonicMeans(1, p=4.0, tol=1e-20, init=[[0.0]], random_state=0).fit(x[:, None])
    # sum (x - c)^3 = 0
    roots = np.roots([-len(x), 3 * x.sum(), -3 * (x**2).sum(), (x**3).sum()])
    root = roots[np.abs(roots.imag) < 1e-9].real
    np.testing.assert_allclose(model.cluster_centers_[0], root, rtol=1e-9)


@UNFINISHED
@pytest.mark.parametrize("sigma", [0.5, 2.0, 10.0])
def test_one_center_of_the_kernel_makes_gaussian_mean_shifts(iris, sigma):
    center = iris[70] + 0.1
    for n in range(1, 6):
        kernel = np.exp(-((iris - center) ** 2).sum(axis=1) / sigma**2)
        center = kernel @ iris / kernel.sum()
        model = steps(KernelKHarmonicMeans(p=2.0, sigma=sigma, accelerate=False), iris, iris[[70]] + 0.1, n)
        np.testing.assert_allclose(model.cluster_centers_[0], center, rtol=1e-11)


@pytest.mark.parametrize("accelerate", [False, True])
@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_one_center_of_the_kernel_ends_on_a_mode_of_the_density(iris, sigma, accelerate):
    params = {"p": 2.0, "sigma": sigma, "accelerate": accelerate, "init": iris[[20]]}
    model = KernelKHarmonicMeans(1, tol=1e-14, max_iter=2000, **params).fit(iris)
    bandwidth = sigma / np.sqrt(2)
    density = KernelDensity(bandwidth=bandwidth).fit(iris)
    top = density.score_samples(model.cluster_centers_)[0]
    around = np.random.default_rng(0).normal(size=(200, 4))
    for radius in (1e-3, 0.05):
        assert density.score_samples(model.cluster_centers_ + radius * around).max() < top
    kernels = len(iris) * np.exp(top) * (2 * np.pi * bandwidth**2) ** 2
    assert model.objective_ == pytest.approx(2 * (len(iris) - kernels), rel=1e-10)


# -------------------------------------------------------------------------- the wide kernel


@UNFINISHED
@pytest.mark.parametrize("accelerate", [False, True])
@pytest.mark.parametrize("p", [2.0, 3.5, 6.0])
@pytest.mark.parametrize("load", [load_iris, load_wine])
def test_a_wide_kernel_repeats_every_step_of_k_harmonic_means(load, p, accelerate):
    X = load().data
    init = X[[0, 60, 120]]
    sigma = 1e6 * np.sqrt(X.var(axis=0).sum())
    for n in (1, 2, 5, 20):
        plain, wide = (steps(harmonic(p, s, accelerate=accelerate), X, init, n) for s in (None, sigma))
        np.testing.assert_allclose(wide.cluster_centers_, plain.cluster_centers_, rtol=1e-8)
        limit = wide.history_["objective"] * (sigma**2 / 2) ** (p / 2)
        np.testing.assert_allclose(limit, plain.history_["objective"], rtol=1e-9)


@UNFINISHED
def test_a_kernel_never_counts_more_than_two_per_sample(iris):
    for sigma in (1e-3, 0.1, 1.0, 10.0):
        model = steps(KernelKHarmonicMeans(p=2.0, sigma=sigma), iris, iris[[0, 60, 120]] + 0.05, 5)
        assert 0 < model.objective_ <= 2 * len(iris)
    narrow = steps(KernelKHarmonicMeans(p=2.0, sigma=1e-3), iris, iris[[0, 60, 120]] + 0.05, 5)
    assert narrow.objective_ == pytest.approx(2 * len(iris), rel=0.02)


# ------------------------------------------------------------------- motions and permutations

many = settings(max_examples=30, deadline=None, derandomize=True, database=None)
seeds = st.integers(0, 10**6)


def random_problem(seed):
    """Rows in general position, without equal distances; initial centers; and the generator."""
    rng = np.random.default_rng(seed)
    d, k = rng.integers(1, 5), rng.integers(1, 5)
    X = rng.normal(size=(rng.integers(30, 60), d))
    X += 3 * rng.normal(size=(4, d))[rng.integers(0, 4, len(X))]
    init = X[rng.choice(len(X), k, replace=False)] + 0.1 * rng.normal(size=(k, d))
    return X, init, rng


def assert_near(centers, expected, X):
    """Compare centers to a millionth of the spread of the rows: an iteration amplifies rounding errors."""
    np.testing.assert_allclose(centers, expected, rtol=0, atol=1e-6 * np.sqrt(X.var(axis=0).sum()))


@UNFINISHED
@pytest.mark.parametrize("estimator", SIBLINGS, ids=repr)
@many
@given(seed=seeds)
def test_rigid_motions_move_the_centers_and_nothing_else(estimator, seed):
    X, init, rng = random_problem(seed)
    d = X.shape[1]
    turn = ortho_group.rvs(d, random_state=rng) if d > 1 else -np.eye(1)
    shift = 100 * rng.normal(size=d)
    model = steps(estimator, X, init, 5)
    moved = steps(estimator, X @ turn + shift, init @ turn + shift, 5)
    assert_near(moved.cluster_centers_, model.cluster_centers_ @ turn + shift, X)
    np.testing.assert_array_equal(moved.labels_, model.labels_)
    # a log-likelihood may be near zero
    assert moved.objective_ == pytest.approx(model.objective_, rel=1e-6, abs=1e-6)
    assert moved.inertia_ == pytest.approx(model.inertia_, rel=1e-6)


@UNFINISHED
@pytest.mark.parametrize("estimator", SIBLINGS, ids=repr)
@many
@given(seed=seeds, exponent=st.floats(-5, 5))
def test_another_unit_scales_the_centers_and_nothing_else(estimator, seed, exponent):
    X, init, _ = random_problem(seed)
    factor = 10**exponent
    model, scaled = steps(estimator, X, init, 5), steps(estimator, factor * X, factor * init, 5)
    assert_near(scaled.cluster_centers_ / factor, model.cluster_centers_, X)
    np.testing.assert_array_equal(scaled.labels_, model.labels_)
    if isinstance(estimator, KHarmonicMeans):
        assert scaled.objective_ == pytest.approx(model.objective_ * factor**estimator.p, rel=1e-6)
        np.testing.assert_allclose(scaled.transform(factor * X), factor * model.transform(X), rtol=1e-5)
    elif isinstance(estimator, MahalanobisKMeans):
        assert scaled.inertia_ == pytest.approx(model.inertia_, rel=1e-6)
        log_det = 0.0 if estimator.covariance_type == "global" else 2 * X.size * np.log(factor)
        assert scaled.objective_ == pytest.approx(model.objective_ + log_det, rel=1e-6, abs=1e-6)
        np.testing.assert_allclose(scaled.transform(factor * X), model.transform(X), rtol=1e-5)
    else:
        assert scaled.objective_ == pytest.approx(model.objective_, rel=1e-6)
        assert scaled.sigma_ == pytest.approx(factor * model.sigma_)


@UNFINISHED
@pytest.mark.parametrize("estimator", SIBLINGS, ids=repr)
@many
@given(seed=seeds)
def test_the_order_of_rows_moves_no_center(estimator, seed):
    X, init, rng = random_problem(seed)
    order = rng.permutation(len(X))
    weight = rng.integers(1, 4, len(X))
    model = steps(estimator, X, init, 5, sample_weight=weight)
    shuffled = steps(estimator, X[order], init, 5, sample_weight=weight[order])
    assert_near(shuffled.cluster_centers_, model.cluster_centers_, X)
    np.testing.assert_array_equal(shuffled.labels_, model.labels_[order])


@UNFINISHED
@pytest.mark.parametrize("estimator", SIBLINGS, ids=repr)
@many
@given(seed=seeds)
def test_the_order_of_initial_centers_is_that_of_the_clusters(estimator, seed):
    X, init, rng = random_problem(seed)
    order = rng.permutation(len(init))
    model, permuted = steps(estimator, X, init, 5), steps(estimator, X, init[order], 5)
    if len(np.unique(model.labels_)) == len(init):
        match = order
    else:
        # clusters without samples come last in both
        match = linear_sum_assignment(cdist(permuted.cluster_centers_, model.cluster_centers_))[1]
    assert_near(permuted.cluster_centers_, model.cluster_centers_[match], X)
    np.testing.assert_array_equal(match[permuted.labels_], model.labels_)


# ------------------------------------------- properties for any rows, including duplicates and ties


@st.composite
def tables(draw):
    """Rows of small integers with many duplicates and equal distances; some of them as centers."""
    n, d = draw(st.integers(4, 25)), draw(st.integers(1, 3))
    X = draw(arrays(np.float64, (n, d), elements=st.integers(-3, 3).map(float)))
    init = draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=4, unique=True))
    return X, X[init]


problems = st.one_of(tables(), seeds.map(lambda seed: random_problem(seed)[:2]))


@UNFINISHED
@pytest.mark.parametrize("estimator", WITH_RIDGE, ids=repr)
@many
@given(problem=problems)
def test_the_objective_never_rises_and_is_minus_the_score(estimator, problem):
    X, init = problem
    model = steps(estimator, X, init, 8)
    history = model.history_["objective"]
    assert (np.diff(history) <= 0).all()
    assert history[-1] == model.objective_
    assert model.score(X) == pytest.approx(-model.objective_, rel=1e-9, abs=1e-12 * np.abs(history).max())
    if not estimator.get_params().get("accelerate"):
        # centers are means of rows; accelerated steps may leave the range of the rows
        assert (model.cluster_centers_ >= X.min(axis=0) - 1e-12).all()
        assert (model.cluster_centers_ <= X.max(axis=0) + 1e-12).all()


@UNFINISHED
@pytest.mark.parametrize("estimator", WITH_RIDGE, ids=repr)
@many
@given(problem=problems)
def test_labels_are_nearest_centers_and_clusters_without_samples_come_last(estimator, problem):
    X, init = problem
    model = steps(estimator, X, init, 3)
    labels, distances = model.predict(X), model.transform(X)
    np.testing.assert_array_equal(labels, model.labels_)
    # not argmin: the square root may round different distances to the same number
    np.testing.assert_array_equal(distances[np.arange(len(X)), labels], distances.min(axis=1))
    np.testing.assert_array_equal(np.unique(labels), np.arange(labels.max() + 1))


@UNFINISHED
@pytest.mark.parametrize("estimator", HARMONIC, ids=repr)
@many
@given(problem=problems)
def test_memberships_sum_to_one_and_are_largest_for_the_label(estimator, problem):
    X, init = problem
    model = steps(estimator, X, init, 3)
    U, labels = model.predict_proba(X), model.predict(X)
    assert (U >= 0).all()
    np.testing.assert_allclose(U.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_array_equal(U[np.arange(len(X)), labels], U.max(axis=1))
    # argmax returns the first of equal memberships
    alone = np.sum(U == U.max(axis=1, keepdims=True), axis=1) == 1
    np.testing.assert_array_equal(U.argmax(axis=1)[alone], labels[alone])


@UNFINISHED
@pytest.mark.parametrize("estimator", AUTOMATIC, ids=repr)
@many
@given(problem=problems)
@example(problem=(np.array([[0.0], [1.0], [1.0], [-2.0]]), np.zeros((2, 1))))
def test_the_automatic_exponent_exists_for_any_rows(estimator, problem):
    X, init = problem
    model = clone(estimator).set_params(n_clusters=len(init)).fit(X)
    assert 2 <= model.p_ <= 100
    assert np.isfinite(model.cluster_centers_).all()


# --------------------------------------------------------------------- affine maps, end to end


@pytest.mark.parametrize("kind", AFFINE_INVARIANT)
@many
@given(seed=seeds)
def test_affine_maps_do_not_change_the_labels(kind, seed):
    rng = np.random.default_rng(seed)
    d = int(rng.integers(2, 6))
    X, _ = make_blobs(n_samples=300, n_features=d, centers=4, cluster_std=1.5, random_state=seed)
    # a rotation, units that differ by a factor of up to 100, another rotation
    left, right = ortho_group.rvs(d, size=2, random_state=rng)
    A = left * 10 ** rng.uniform(-1, 1, d) @ right
    model = MahalanobisKMeans(4, covariance_type=kind, shrinkage=0.0, init="k-means++", random_state=0)
    labels = clone(model).fit_predict(X)
    mapped = clone(model).fit(X @ A + 10 * rng.normal(size=d))
    np.testing.assert_array_equal(mapped.labels_, labels)
