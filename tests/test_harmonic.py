"""K-harmonic means and its kernel version, against independent computations of the same formulas."""

import itertools
import warnings

import mpmath
import numpy as np
import pytest
from scipy.optimize import approx_fprime
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score

from skdcec import KernelKHarmonicMeans, KHarmonicMeans, critical_exponent
from skdcec._cluster._blocks import Block, Centers
from skdcec._cluster._critical_exponent import collapse_strength
from skdcec._cluster._fixed_point import total_statistics
from skdcec._cluster._harmonic_weights import (
    harmonic_memberships,
    harmonic_statistics,
    harmonic_weights,
    kernel_statistics,
    kernel_weights,
    power,
)
from skdcec._cluster._kernels import RBF
from skdcec._cluster._measure import measure
from skdcec._cluster._rows import Rows
from skdcec._cluster._rule import Problem

mpmath.mp.dps = 50


def exact_step(X, C, p, sigma=None, degree=None):
    """One update of the centers by the written formulas, with 50 digits."""
    s, t = mpmath.mpf(p) / 2, mpmath.mpf(degree or p) / 2
    X, C = (np.vectorize(mpmath.mpf, otypes=[object])(M.astype(float)) for M in (X, C))
    D = ((X - C[:, None]) ** 2).sum(axis=2)
    K = np.full(D.shape, mpmath.mpf(1))
    if sigma is not None:
        K = np.vectorize(lambda d: mpmath.exp(-d / mpmath.mpf(sigma) ** 2), otypes=[object])(D)
        D = 2 * (1 - K)
    D[D == 0] = mpmath.mpf(10) ** -(10**8)  # the limit of a row on a center
    A = K * D ** -(s + 1) / (D**-s).sum(axis=0) ** (1 + t / s)
    return (A @ X / A.sum(axis=1)[:, None]).astype(float)


def one_step(estimator, X, C):
    """One plain iteration of the estimator: a huge tol stops it after the first."""
    return estimator.set_params(n_clusters=len(C), init=C, accelerate=False, tol=1e300).fit(X)


def hard_cases():
    """Yield rows and centers of unit size that are numerically hard."""
    rng = np.random.default_rng(0)
    X, C = rng.normal(size=(20, 3)), rng.normal(size=(3, 3))
    yield "ordinary", X, C
    yield "a row on a center", np.vstack([X, C[:1]]), C
    yield "coinciding centers", X, C[[0, 1, 1]]
    yield "outlier", np.vstack([X, [[1e6, 0, 0]]]), C
    yield "far center", X, np.vstack([C, [[0, 1e6, 0]]])


CASES = {name: (X, C) for name, X, C in hard_cases()}


def assert_exact_step(X, C, scale, dtype, p, sigma=None, degree="auto"):
    """Compare the step from the statistics of a fit with 50 digits."""
    X, C = (scale * X).astype(dtype), (scale * C).astype(dtype)
    params = {"p": p, "degree": degree}
    if sigma is None:
        estimator = KHarmonicMeans(**params)
    else:
        estimator = KernelKHarmonicMeans(**params, sigma=sigma * scale)
    rows, variance = measure(Rows(X, np.ones(len(X)), 8))
    rule = estimator._rule(Problem(rows, variance, None, None))
    state = rule.start(rows.units.convert(C))
    new = rule.update(state, total_statistics(rule, state, rows)).centers
    exact = exact_step(X, C, p, sigma and sigma * scale, p if degree == "auto" else degree)
    error = np.abs(rows.units.restore(new) - exact).max()
    tolerance = 1e-6 if dtype == np.float32 else 1e-14
    if sigma is not None:
        # the exponent of the kernel has the relative precision of the distances
        D = ((X[:, None].astype(float) - C.astype(float)) ** 2).sum(axis=2)
        tolerance *= max(1.0, D.min(axis=0).max() / (sigma * scale) ** 2)
    assert error / X.astype(float).std(axis=0).max() < tolerance


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
@pytest.mark.parametrize("p", [2.0, 3.5, 10.0])
@pytest.mark.parametrize("case", CASES)
def test_a_step_agrees_with_fifty_digits(case, p, scale, dtype):
    assert_exact_step(*CASES[case], scale, dtype, p)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("p", "degree"), [(4.0, 2.0), (10.0, 3.0), (32.0, 2.0)])
@pytest.mark.parametrize("sigma", [None, 1.0, 1e4])
@pytest.mark.parametrize("case", CASES)
def test_a_step_of_a_lower_degree_agrees_with_fifty_digits(case, sigma, p, degree, dtype):
    assert_exact_step(*CASES[case], 1.0, dtype, p, sigma, degree)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
@pytest.mark.parametrize("p", [2.0, 4.0])
@pytest.mark.parametrize("sigma", [1e-3, 1e-1, 1.0, 1e4, 1e9])
@pytest.mark.parametrize("case", CASES)
def test_a_step_of_the_kernel_agrees_with_fifty_digits(case, sigma, p, scale, dtype):
    assert_exact_step(*CASES[case], scale, dtype, p, sigma)


@pytest.mark.parametrize("s", [1.0, 1.25, 1.5, 1.75, 2.0, 2.3, 3.0, 3.75, 5.0, 8.0, 20.0])
def test_powers_without_the_general_power(s):
    r = np.random.default_rng(0).random(100)
    np.testing.assert_allclose(power(r, s, out=np.empty(100)), r**s, rtol=1e-14)


def harmonic(D, p, degree=None):
    A, factor, Q, log_scale = harmonic_weights(D.copy(), D.min(axis=0), p, degree or p)
    return A * factor, Q, log_scale


def kernel(D, sigma, p, degree=None):
    A, factor, Q, log_scale = kernel_weights(D.copy(), D.min(axis=0), RBF(), sigma, p, degree or p)
    return A * factor, Q, log_scale


@pytest.mark.parametrize("p", [2.0, 3.0, 3.3, 3.5, 4.0, 7.0, 10.0])
def test_weights_agree_with_the_written_formula(p):
    rng = np.random.default_rng(0)
    x, centers = rng.normal(size=(30, 2)), rng.normal(size=(4, 2))
    D = ((x - centers[:, None]) ** 2).sum(axis=2)
    s = p / 2
    A, Q, log_scale = harmonic(D, p)
    np.testing.assert_allclose(A * np.exp(log_scale), D ** -(s + 1) / (D**-s).sum(axis=0) ** 2)
    np.testing.assert_allclose(Q, 4 / (D**-s).sum(axis=0))
    U = harmonic_memberships(Block.of(x, None), Centers.of(centers), p).T
    np.testing.assert_allclose(U, D ** -(s + 1) / (D ** -(s + 1)).sum(axis=0))
    np.testing.assert_allclose(U.sum(axis=0), 1)


def test_weights_have_their_limits_where_distances_vanish():
    centers, x = np.array([[0.0], [0.0], [3.0]]), np.array([[0.0], [1.0]])
    A, Q, _ = harmonic(np.array([[0.0, 1.0], [0.0, 1.0], [9.0, 4.0]]), 2.0)
    np.testing.assert_allclose(A[:, 0], [1 / 4, 1 / 4, 0])  # two centers share the sample
    assert Q[0] == 0
    np.testing.assert_allclose(
        harmonic_memberships(Block.of(x, None), Centers.of(centers), 2.0)[0], [0.5, 0.5, 0]
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_survive_underflow(dtype):
    # exp(-1e4) is zero in floating point, but the closest sample still dominates
    block = Block.of(np.sqrt([[1e4], [1e4 + 1], [1e4 + 2]]).astype(dtype), np.ones(3))
    statistics = kernel_statistics(block, Centers.of(np.zeros((1, 1), dtype)), RBF(), 1.0, 2.0, 2.0)
    assert statistics.log_scale[0] == pytest.approx(-1e4, rel=1e-6)
    assert statistics.weights[0] == pytest.approx(1 + np.exp(-1) + np.exp(-2), rel=1e-2)


@pytest.mark.parametrize("sigma", [None, 0.7, 3.0])
@pytest.mark.parametrize(("p", "degree"), [(2.0, 2.0), (3.5, 3.5), (6.0, 6.0), (6.0, 2.0), (8.0, 3.0)])
def test_weights_point_along_the_gradient(p, degree, sigma):
    rng = np.random.default_rng(1)
    X, C = rng.normal(size=(40, 2)), rng.normal(size=(3, 2))

    def contributions(c):
        D = ((X - c.reshape(3, 1, 2)) ** 2).sum(axis=2)
        return harmonic(D, p, degree) if sigma is None else kernel(D, sigma, p, degree)

    A, _, log_scale = contributions(C.ravel())
    A = A * np.exp(np.reshape(log_scale, (-1, 1)))
    pull = np.einsum("ki,kid->kd", A, C[:, None] - X)
    gradient = approx_fprime(C.ravel(), lambda c: contributions(c)[1].sum(), 1e-7).reshape(3, 2)
    # the weights omit a common factor
    factor = degree * (3 if degree == p else 1)
    factor *= 1 if sigma is None else 2 ** (degree / 2) / sigma**2
    np.testing.assert_allclose(gradient, factor * pull, rtol=1e-4, atol=1e-4)


def test_p_2_is_fuzzy_c_means():
    # the optimum of fuzzy c-means with m = 2 on iris, from scikit-fuzzy
    X = load_iris().data
    model = KHarmonicMeans(3, p=2.0, accelerate=False, tol=1e-16, random_state=0).fit(X)
    assert model.objective_ / 3 == pytest.approx(60.505710629488554, rel=1e-12)


def test_acceleration_finds_the_same_optimum_sooner():
    X = load_iris().data
    for estimator in (KHarmonicMeans(3), KHarmonicMeans(3, p=3.5), KernelKHarmonicMeans(3)):
        estimator.set_params(random_state=0, tol=1e-10)
        fast, plain = estimator.fit(X), estimator.set_params(accelerate=False)
        steps, objective = fast.n_iter_, fast.objective_
        plain.fit(X)
        assert steps < plain.n_iter_
        assert objective == pytest.approx(plain.objective_, rel=1e-6)


@pytest.mark.parametrize("p", [2.0, 6.0, 10.0])
@pytest.mark.parametrize("accelerate", [True, False])
def test_float32_converges_within_its_precision(p, accelerate):
    X = PCA(10, random_state=0).fit_transform(load_digits().data[:300])
    init = X[:10]
    single, double = (
        KHarmonicMeans(10, p=p, init=init, accelerate=accelerate, max_iter=600).set_params(tol=tol)
        for tol in (0.0, 1e-8)
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*cluster centers are distinct")
        single.fit(X.astype(np.float32))
        double.fit(X)
    # it converges even with tol=0, to the objective of float64
    assert single.objective_ == pytest.approx(double.objective_, rel=1e-4)


def test_a_wide_kernel_is_p_2():
    X = load_iris().data
    plain = KHarmonicMeans(3, p=2.0, random_state=0, tol=1e-14).fit(X)
    wide = KernelKHarmonicMeans(3, sigma=1e6, p=2.0, random_state=0, tol=1e-14).fit(X)
    np.testing.assert_allclose(wide.cluster_centers_, plain.cluster_centers_, atol=1e-5)


@pytest.mark.parametrize(("scale", "sigma"), [(1e-30, 1.0), (1e-20, 1e-3), (1e-14, 1e9), (1.0, 1e9)])
def test_a_kernel_far_wider_than_data_in_single_precision_is_p_2(scale, sigma):
    X = load_iris().data.astype(np.float32)
    plain = KHarmonicMeans(3, p=2.0, random_state=0, tol=1e-10).fit(X)
    model = KernelKHarmonicMeans(3, sigma=sigma, p=2.0, random_state=0, tol=1e-10)
    model.fit((X * scale).astype(np.float32))
    np.testing.assert_allclose(model.cluster_centers_ / scale, plain.cluster_centers_, atol=1e-3)
    assert model.objective_ * sigma**2 / 2 == pytest.approx(plain.objective_ * scale**2, rel=1e-3)


def test_one_center_is_the_mean_or_a_mean_shift():
    X = load_iris().data
    mean = X.mean(axis=0)
    np.testing.assert_allclose(KHarmonicMeans(1, p=2.0).fit(X).cluster_centers_[0], mean)
    step = one_step(KernelKHarmonicMeans(p=2.0, sigma=2.0), X, X[:1])
    kernel = np.exp(-((X - X[0]) ** 2).sum(axis=1) / 4)
    np.testing.assert_allclose(step.cluster_centers_[0], kernel @ X / kernel.sum())


@pytest.mark.parametrize("p", [2.0, 3.5, 10.0])
@pytest.mark.parametrize("sigma", [None, 1e-3, 1.0, 1e9])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # deliberately extreme
def test_objective_never_rises_under_extreme_settings(p, sigma):
    X = np.random.default_rng(0).normal(size=(150, 3))
    X[0] = 1e6
    for accelerate in (True, False):
        model = KHarmonicMeans(4) if sigma is None else KernelKHarmonicMeans(4, sigma=sigma)
        model.set_params(p=p, accelerate=accelerate, random_state=0).fit(X)
        assert (np.diff(model.history_["objective"]) <= 0).all()
        assert np.isfinite(model.cluster_centers_).all()


def test_weights_count_as_repetitions_where_a_center_is_far_from_all_samples():
    rng = np.random.default_rng(0)
    X, weight = rng.normal(size=(30, 2)), rng.integers(1, 5, 30)
    centers = Centers.of(np.array([[0.0, 0.0], [1e60, 0.0]]))
    repeated = np.repeat(X, weight, axis=0)
    one = harmonic_statistics(Block.of(X, weight.astype(float)), centers, 2.0, 2.0)
    two = harmonic_statistics(Block.of(repeated, np.ones(len(repeated))), centers, 2.0, 2.0)
    np.testing.assert_allclose(one.sums.T / one.weights, two.sums.T / two.weights)


def test_memberships_agree_with_labels():
    X = load_iris().data
    for model in (KHarmonicMeans(3, random_state=0).fit(X), KernelKHarmonicMeans(3, random_state=0).fit(X)):
        U = model.predict_proba(X)
        np.testing.assert_array_equal(U.argmax(axis=1), model.labels_)
        np.testing.assert_allclose(U.sum(axis=1), 1)


# --------------------------------------------------------------------------- collapse


def test_critical_exponent_of_isotropic_data_is_d_minus_2():
    for d in (5, 9):
        corners = np.array(list(itertools.product([-1.0, 1.0], repeat=d)))
        assert critical_exponent(corners, np.ones(2**d)) == pytest.approx(d - 2, abs=0.02)


def test_critical_exponent_is_looked_for_from_2_to_20():
    rng = np.random.default_rng(0)
    assert critical_exponent(rng.normal(size=(2000, 60)), np.ones(2000)) == 20
    assert critical_exponent(rng.normal(size=(2000, 2)), np.ones(2000)) == 0
    assert critical_exponent(np.full((20, 3), 7.0), np.ones(20)) == 0


def test_critical_exponent_counts_weights_and_looks_at_all_parts_of_the_data():
    rng = np.random.default_rng(0)
    X, weight = rng.normal(size=(300, 8)) ** 3, rng.integers(0, 5, 300)
    weighted = critical_exponent(X, weight.astype(float))
    repeated = np.repeat(X, weight, axis=0)
    assert weighted == pytest.approx(critical_exponent(repeated, np.ones(len(repeated))), abs=0.02)
    assert weighted != pytest.approx(critical_exponent(X, np.ones(300)), abs=0.05)
    X = rng.normal(size=(12_000, 8))
    X = X[np.argsort(np.linalg.norm(X, axis=1))]
    shuffled = critical_exponent(rng.permutation(X), np.ones(len(X)))
    assert critical_exponent(X, np.ones(len(X))) == pytest.approx(shuffled, abs=0.3)


@pytest.mark.parametrize("degree", [None, 2.0])
def test_collapse_is_predicted(degree):
    # centers leave a common point above the critical exponent, and return to it below
    X = PCA(10, random_state=0).fit_transform(load_digits().data)
    p_star = critical_exponent(X, np.ones(len(X)), degree=degree)
    assert 2.5 < p_star < 20
    for p in (0.8 * p_star, 1.25 * p_star):
        _, point = collapse_strength(X, np.ones(len(X)), p, degree or p, X.mean(axis=0))
        nearby = point + 0.05 * np.random.default_rng(0).normal(size=(2, 10))
        model = KHarmonicMeans(2, p=p, degree=degree or "auto", init=nearby, max_iter=60, tol=0.0)
        with pytest.warns(ConvergenceWarning):
            model.fit(X)
        spread = np.linalg.norm(np.diff(model.cluster_centers_, axis=0))
        assert (spread > np.linalg.norm(np.diff(nearby, axis=0))) == (p > p_star)


@pytest.mark.parametrize("n_components", [10, 64])
def test_auto_exponent_saves_the_centers_that_p_2_loses(n_components):
    digits = load_digits()
    X = PCA(n_components, random_state=0).fit_transform(digits.data)
    auto = KHarmonicMeans(10, random_state=0).fit(X)
    assert adjusted_rand_score(digits.target, auto.labels_) > 0.55
    with pytest.warns(ConvergenceWarning, match=r"centers are distinct.*Set p='auto'.*p\*="):
        KHarmonicMeans(10, p=2.0, random_state=0).fit(X)


def test_the_warning_of_a_collapse_does_not_blame_the_exponent_for_duplicates():
    X = np.repeat(np.random.default_rng(0).normal(size=(3, 30)), 10, axis=0)
    with pytest.warns(ConvergenceWarning, match="duplicate points"):
        KHarmonicMeans(5, p=2, random_state=0).fit(X)


def test_the_warning_of_a_collapse_gives_the_critical_exponent_also_below_2():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    init = 1e-3 * X[:4]  # close together from the start, and p* of these data is 0
    with pytest.warns(ConvergenceWarning, match=r"centers are distinct.*Set p='auto'.*p\*<2"):
        KHarmonicMeans(4, p=2.0, init=init, max_iter=1, tol=1e9).fit(X)


@pytest.mark.parametrize(
    ("estimator", "advice"),
    [
        (KHarmonicMeans(p=10), r"Set p='auto', or set p to 28\.0 or more \(p\*>=20;"),
        (
            KHarmonicMeans(p=64, degree=2),
            r"Reduce the number of features, or set p to 89\.6 or more \(p\*>=20;",
        ),
        (KHarmonicMeans(), "p='auto' tries, which ends at 64: reduce the number of features, set p, or use"),
        (KernelKHarmonicMeans(p=64, degree=2), r"Reduce the number of features, or set a larger p\."),
        (KernelKHarmonicMeans(), "p='auto' tries, which ends at 64: reduce the number of features, set p"),
    ],
    ids=repr,
)
def test_the_warning_of_a_collapse_does_not_repeat_what_failed(estimator, advice):
    X = np.random.default_rng(0).normal(size=(500, 400))
    estimator = clone(estimator).set_params(n_clusters=5, init="k-means++", random_state=0)
    with pytest.warns(ConvergenceWarning, match=f"centers are distinct.*{advice}"):
        estimator.fit(X)
    assert estimator.p_ <= 64


def test_centers_that_start_together_are_not_pulled_apart_by_larger_exponents():
    X = load_iris().data
    with pytest.warns(ConvergenceWarning, match="only 2 of the 3 cluster centers are distinct.*duplicate"):
        KHarmonicMeans(3, init=X[[0, 0, 80]]).fit(X)


@pytest.mark.parametrize(("exponent", "flat"), [(14, False), (16, True)])
def test_a_kernel_is_flat_below_exp_minus_15_for_half_of_the_samples(exponent, flat):
    X = np.array([[-1.0], [1.0]])  # both at distance 1 from their center
    model = KernelKHarmonicMeans(1, sigma=exponent**-0.5, init=[[0.0]])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X)
    assert [f"below exp(-{exponent})" in str(warning.message) for warning in caught] == [True] * flat


def test_flat_kernel_warns():
    X = load_digits().data
    with pytest.warns(ConvergenceWarning, match="the kernel is flat.*Increase sigma"):
        KernelKHarmonicMeans(10, sigma=1.0, random_state=0).fit(X)


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (KHarmonicMeans(p=1.5), "'p'"),
        (KHarmonicMeans(p="large"), "'p'"),
        (KHarmonicMeans(accelerate=2), "'accelerate'"),
        (KernelKHarmonicMeans(sigma=0.0), "'sigma'"),
        (KernelKHarmonicMeans(sigma="wide"), "'sigma'"),
    ],
)
def test_bad_parameters_raise(estimator, name):
    with pytest.raises(ValueError, match=f"The {name} parameter of"):
        estimator.fit(load_iris().data)
