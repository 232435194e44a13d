"""The formulas of K-harmonic means and its kernel version, as pure functions of a block of rows."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from skdcec._cluster._blocks import (
    Block,
    Centers,
    Statistics,
    scratch,
    squared_distances,
    weighted_statistics,
)
from skdcec._cluster._kernels import Kernel

# 1 - exp(-t) is evaluated with the care it needs for t below this; above, it loses no more than 3 bits.
NEAR_KERNEL = 1 / 8
# Below this sum, the weights of a center are recomputed from their logarithms.
UNDERFLOW = {np.dtype(np.float32): 1e-25, np.dtype(np.float64): 1e-200}


def power(r: ndarray, s: float, out: ndarray) -> ndarray:
    """Store r**s in out, by multiplications and square roots if s is a small multiple of 1/4.

    Repeated squaring along the bits of s, which is several times as fast as ``np.power``.
    """
    quarters = 4 * s
    if quarters != int(quarters) or s > 32:
        return np.power(r, s, out=out)
    whole, rest = divmod(int(quarters), 4)
    out[:] = r if whole else 1
    for bit in f"{whole:b}"[1:]:  # the leading bit is done
        out *= out
        if bit == "1":
            out *= r
    if rest:
        root = np.sqrt(r, out=scratch("root", r.shape, r.dtype))
        if rest & 2:
            out *= root
        if rest & 1:
            out *= np.sqrt(root, out=root)
    return out


def harmonic_weights(
    D: ndarray, nearest: ndarray, p: float, degree: float, sample_weight: ndarray | float = 1.0
) -> tuple[ndarray, ndarray, ndarray, float]:
    """Return the weights and objectives of each sample in K-harmonic means with exponent p.

    With s = p/2 and t = degree/2 the objective is Q = sum_i v_i (k / sum_j D_ij^-s)^(t/s), and the weight
    of sample i in center j is v_i a_ij with a_ij = D_ij^-(s+1) / (sum_l D_il^-s)^(1+t/s). For t = s these are
    the formulas of Zhang (2000); for t = 1 those of fuzzy c-means with m = 1 + 1/s (Bezdek 1981). Both are
    evaluated from the ratios r_ij = min_l D_il / D_ij in [0, 1], which neither overflow nor divide by zero.

    Parameters
    ----------
    D : ndarray of shape (n_clusters, n_samples)
        Squared distances; overwritten.
    nearest : ndarray of shape (n_samples,)
        The smallest of each sample.
    p : float
        Exponent of the distance, at least 2.
    degree : float
        The power of the distance that the objective is, from 2 to p.
    sample_weight : ndarray of shape (n_samples,) or 1.0
        The weights v.

    Returns
    -------
    A : ndarray of shape (n_clusters, n_samples)
    factor : ndarray of shape (n_samples,)
        The weights v a are A times this, times exp(log_scale).
    Q : ndarray of shape (n_samples,), float64
        The terms of the objective, without the weights v.
    log_scale : float
        Logarithm of the common factor of the weights.
    """
    s, t = p / 2, degree / 2
    r = ratios(D, nearest)
    r_s = r if s == 1 else power(r, s, out=scratch("power", r.shape, r.dtype))
    S = (np.ones(len(r), r.dtype) @ r_s).astype(np.float64)
    mean = len(r) / S  # the power mean of the D_ij is nearest * mean^(1/s)
    if t == s:
        Q, factor = nearest * mean, sample_weight / (S * S)
    else:
        share = mean ** (t / s)
        Q = nearest * share
        factor = sample_weight * share / S
    log_scale, largest = 0.0, float(nearest.max())
    if t != 1:
        largest = largest or 1.0
        relative = nearest / largest
        relative = power(relative, t - 1, out=np.empty_like(relative))
        factor *= relative
        Q *= relative
        log_scale = (t - 1) * np.log(largest)
    return np.multiply(r_s, r, out=r), factor, np.exp(log_scale) * Q, log_scale


def ratios(D: ndarray, nearest: ndarray) -> ndarray:
    """Return nearest / D with 0/0 = 1: a sample on its center belongs to it. D is overwritten."""
    if nearest.all():
        return np.divide(nearest, D, out=D)
    with np.errstate(invalid="ignore"):
        np.divide(nearest, D, out=D)
    D[np.isnan(D)] = 1
    return D


class FeatureDistances(NamedTuple):
    """Half the squared distances in the feature space of a kernel."""

    G: ndarray  # (k, b)  1 - K
    nearest: ndarray  # (b,)  the smallest of each sample
    log_kernel: ndarray  # (k, b)  log K
    kernel: ndarray  # (k, b)  K
    decay: ndarray | float  # (k, b)  -d log K / dt


def feature_distances(D: ndarray, nearest: ndarray, kernel: Kernel, sigma: float) -> FeatureDistances:
    """Return half the squared distances in the feature space of a kernel.

    Parameters
    ----------
    D : ndarray of shape (n_clusters, n_samples)
        Squared distances in the input space; overwritten.
    nearest : ndarray of shape (n_samples,)
        The smallest of each sample.
    kernel : Kernel
    sigma : float
        Width of the kernel, in the same units: K is a function of t = D / sigma^2.
    """
    inverse = D.dtype.type(1 / sigma)
    t = np.multiply(D, inverse, out=D)
    t *= inverse
    decay = kernel.decay(t)
    log_kernel = kernel.log(t)
    K = np.exp(log_kernel, out=scratch("kernel", D.shape, D.dtype))
    G = np.subtract(1, K, out=scratch("feature", D.shape, D.dtype))
    log_nearest = kernel.log(nearest * inverse * inverse)
    if log_nearest.max() > -NEAR_KERNEL:
        # 1 - K has lost digits there; the function that keeps them is slow
        near = log_kernel > -NEAR_KERNEL
        G[near] = -np.expm1(log_kernel[near])
    return FeatureDistances(G, -np.expm1(log_nearest), log_kernel, K, decay)


def kernel_weights(
    D: ndarray,
    nearest: ndarray,
    kernel: Kernel,
    sigma: float,
    p: float,
    degree: float,
    sample_weight: ndarray | float = 1.0,
) -> tuple[ndarray, ndarray, ndarray, float]:
    """Return the weights and objectives of each sample in kernel K-harmonic means.

    The squared distance in the feature space of a kernel K is 2 (1 - K). The weights are those of K-harmonic
    means on that distance, times its derivative -dK/dt (Li et al. 2007; equations 15 to 18 of Nogueira and
    Serapiao for the Gaussian kernel, whose derivative is K itself; the square in their equation 18 belongs
    outside the sum).

    Parameters
    ----------
    D : ndarray of shape (n_clusters, n_samples)
        Squared distances in the input space; overwritten.
    nearest : ndarray of shape (n_samples,)
        The smallest of each sample.
    kernel : Kernel
    sigma : float
        Width of the kernel, in the units of the data.
    p : float
        Exponent of the distance in feature space, at least 2.
    degree : float
        The power of that distance that the objective is, from 2 to p.
    sample_weight : ndarray of shape (n_samples,) or 1.0
        The weights of the samples.

    Returns
    -------
    A, factor, Q, log_scale
        As for `harmonic_weights`, for twice the feature distances of `feature_distances`; A leaves out
        the factor that all its entries share.
    """
    features = feature_distances(D, nearest, kernel, sigma)
    A, factor, Q, log_scale = harmonic_weights(features.G, features.nearest, p, degree, sample_weight)
    A *= features.kernel
    if isinstance(features.decay, ndarray):
        A *= features.decay
    return A, factor, 2 ** (degree / 2) * Q, log_scale


def log_pulls(D: ndarray, nearest: ndarray, p: float) -> ndarray:
    """Return log r**(s + 1): the weights of a sample are proportional to r**(s + 1) over the centers."""
    with np.errstate(divide="ignore"):
        return (p / 2 + 1) * np.log(ratios(D, nearest), dtype=np.float64)


def log_weights(
    pulls: ndarray, nearest: ndarray, p: float, degree: float, sample_weight: ndarray | float
) -> ndarray:
    """Return the logarithms of the weights A, which underflow if a center is far from all samples.

    Parameters
    ----------
    pulls : ndarray of shape (n_clusters, n_samples)
        From `log_pulls`.
    nearest : ndarray of shape (n_samples,)
        The smallest squared distances.
    p, degree : float
        As in `harmonic_weights`.
    sample_weight : ndarray of shape (n_samples,)
        The weights of the samples.

    Returns
    -------
    logs : ndarray of shape (n_clusters, n_samples), float64
    """
    s, t = p / 2, degree / 2
    S = np.exp(pulls * s / (s + 1)).sum(axis=0)
    with np.errstate(divide="ignore"):
        rows = np.log(sample_weight) - (1 + t / s) * np.log(S)
        if t != s:
            rows += t / s * np.log(len(pulls))
        if t != 1:
            rows += (t - 1) * np.log(nearest.astype(np.float64))
    return pulls + rows


def without_underflow(statistics: Statistics, block: Block, get_logs: Callable[[], ndarray]) -> Statistics:
    """Recompute the statistics of far centers, whose weights underflow, from logarithms."""
    lost = np.flatnonzero(statistics.weights < UNDERFLOW[block.augmented.dtype])
    if not len(lost):
        return statistics
    logs = get_logs()[lost]
    shift = logs.max(axis=1)
    finite = np.isfinite(shift)
    lost, shift = lost[finite], shift[finite]
    A = np.exp(logs[finite] - shift[:, None]).astype(block.augmented.dtype)
    rescued = weighted_statistics(block, A, np.ones(A.shape[1]), 0.0)
    log_scale = np.full(len(statistics.weights), statistics.log_scale)
    statistics.sums[lost], statistics.weights[lost] = rescued.sums, rescued.weights
    log_scale[lost] = shift
    return statistics._replace(log_scale=log_scale)


def normalized(logs: ndarray) -> ndarray:
    """Return exp(logs) (k, b) with columns that sum to one."""
    U = np.exp(logs - logs.max(axis=0))
    return U / U.sum(axis=0)


def harmonic_statistics(block: Block, centers: Centers, p: float, degree: float) -> Statistics:
    """Return the Statistics of a block for K-harmonic means."""
    A, factor, Q, log_scale = harmonic_weights(*squared_distances(block, centers), p, degree, block.weight)

    def get_logs() -> ndarray:
        D, nearest = squared_distances(block, centers)
        return log_weights(log_pulls(D, nearest, p), nearest, p, degree, block.weight)

    statistics = weighted_statistics(block, A, factor, Q @ block.weight, log_scale)
    return without_underflow(statistics, block, get_logs)


def kernel_statistics(
    block: Block, centers: Centers, kernel: Kernel, sigma: float, p: float, degree: float
) -> Statistics:
    """Return the Statistics of a block for kernel K-harmonic means."""
    distances = squared_distances(block, centers)
    A, factor, Q, log_scale = kernel_weights(*distances, kernel, sigma, p, degree, block.weight)

    def get_logs() -> ndarray:
        features = feature_distances(*squared_distances(block, centers), kernel, sigma)
        log_slope = features.log_kernel + np.log(features.decay)
        pulls = log_pulls(features.G, features.nearest, p)
        return log_weights(pulls, features.nearest, p, degree, block.weight) + log_slope

    statistics = weighted_statistics(block, A, factor, Q @ block.weight, log_scale)
    return without_underflow(statistics, block, get_logs)


def harmonic_memberships(block: Block, centers: Centers, p: float) -> ndarray:
    """Return u_ij (b, k), proportional to a_ij over the centers j.

    Zhang (2000); equation 12 of Nogueira and Serapiao.
    """
    return normalized(log_pulls(*squared_distances(block, centers), p)).T


def kernel_memberships(block: Block, centers: Centers, kernel: Kernel, sigma: float, p: float) -> ndarray:
    """Return u_ij (b, k), proportional to a_ij over the centers j (Nogueira and Serapiao, equation 17)."""
    features = feature_distances(*squared_distances(block, centers), kernel, sigma)
    log_slope = features.log_kernel + np.log(features.decay)
    return normalized(log_pulls(features.G, features.nearest, p) + log_slope).T
