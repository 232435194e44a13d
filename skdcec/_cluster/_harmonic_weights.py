"""The formulas of K-harmonic means and its kernel version, as pure functions of a block of rows."""

from collections.abc import Callable

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

# 1 - exp(-t) is evaluated with the care it needs for t below this; above, it loses no more than 3 bits.
NEAR_KERNEL = 1 / 8
# Below this sum, the weights of a center are recomputed from their logarithms.
UNDERFLOW = {np.dtype(np.float32): 1e-25, np.dtype(np.float64): 1e-200}


def power(r: ndarray, s: float, out: ndarray) -> ndarray:
    """Store r**s in out, by products and square roots where s is a small multiple of 1/4."""
    quarters = 4 * s
    if quarters != int(quarters) or s > 16:
        return np.power(r, s, out=out)
    whole, rest = divmod(int(quarters), 4)
    out[:] = r if whole else 1
    for bit in bin(whole)[3:]:
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
    D: ndarray, nearest: ndarray, p: float, sample_weight: ndarray | float = 1.0
) -> tuple[ndarray, ndarray, ndarray, float]:
    """Return what each sample contributes to K-harmonic means with exponent p.

    Zhang (2000): with s = p/2 the objective is Q = sum_i v_i k / sum_j D_ij^-s and the weight of sample
    i in center j is v_i a_ij with a_ij = D_ij^-(s+1) / (sum_l D_il^-s)^2. Both are evaluated from the
    ratios r_ij = min_l D_il / D_ij in [0, 1], which neither overflow nor divide by zero.

    Parameters
    ----------
    D : ndarray of shape (n_clusters, n_samples)
        Squared distances; overwritten.
    nearest : ndarray of shape (n_samples,)
        The smallest of each sample.
    p : float
        Exponent of the distance, at least 2.
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
    s = p / 2
    r = ratios(D, nearest)
    t = r if s == 1 else power(r, s, out=scratch("power", r.shape, r.dtype))
    S = (np.ones(len(r), r.dtype) @ t).astype(np.float64)
    Q = nearest / S
    factor = sample_weight / (S * S)
    log_scale, largest = 0.0, float(nearest.max())
    if s != 1:
        largest = largest or 1.0
        share = nearest / largest
        share = power(share, s - 1, out=np.empty_like(share))
        factor *= share
        Q *= share
        log_scale = (s - 1) * np.log(largest)
    return np.multiply(t, r, out=r), factor, len(r) * np.exp(log_scale) * Q, log_scale


def ratios(D: ndarray, nearest: ndarray) -> ndarray:
    """Return nearest / D with 0/0 = 1: a sample on its center belongs to it. D is overwritten."""
    if nearest.all():
        return np.divide(nearest, D, out=D)
    with np.errstate(invalid="ignore"):
        np.divide(nearest, D, out=D)
    D[np.isnan(D)] = 1
    return D


def feature_distances(
    D: ndarray, nearest: ndarray, sigma: float
) -> tuple[ndarray, ndarray, ndarray, ndarray]:
    """Return half the squared distances in the feature space of a Gaussian kernel.

    Parameters
    ----------
    D : ndarray of shape (n_clusters, n_samples)
        Squared distances in the input space; overwritten.
    nearest : ndarray of shape (n_samples,)
        The smallest of each sample.
    sigma : float
        Width of the kernel K = exp(-D / sigma^2) (eq 15), in the same units.

    Returns
    -------
    G : ndarray of shape (n_clusters, n_samples)
        1 - K.
    nearest : ndarray of shape (n_samples,)
        The smallest of each sample.
    log_kernel : ndarray of shape (n_clusters, n_samples)
        log K.
    K : ndarray of shape (n_clusters, n_samples)
    """
    inverse = D.dtype.type(1 / sigma)
    log_kernel = np.multiply(D, inverse, out=D)
    log_kernel *= -inverse
    K = np.exp(log_kernel, out=scratch("kernel", D.shape, D.dtype))
    G = np.subtract(1, K, out=scratch("feature", D.shape, D.dtype))
    log_nearest = nearest * inverse * -inverse
    if log_nearest.max() > -NEAR_KERNEL:
        # 1 - K has lost digits there; the function that keeps them is slow
        near = log_kernel > -NEAR_KERNEL
        G[near] = -np.expm1(log_kernel[near])
    return G, -np.expm1(log_nearest), log_kernel, K


def kernel_weights(
    D: ndarray, nearest: ndarray, sigma: float, p: float, sample_weight: ndarray | float = 1.0
) -> tuple[ndarray, ndarray, ndarray, float]:
    """Return what each sample contributes to kernel K-harmonic means.

    With the Gaussian kernel K = exp(-D / sigma^2), the squared distance in its feature space is
    2 (1 - K). The weights are those of K-harmonic means on that distance, times K, the derivative
    of the distance (Li et al. 2007; eqs 15-18 of Nogueira and Serapiao, where the square in eq 18
    belongs outside the sum).

    Parameters
    ----------
    D : ndarray of shape (n_clusters, n_samples)
        Squared distances in the input space; overwritten.
    nearest : ndarray of shape (n_samples,)
        The smallest of each sample.
    sigma : float
        Width of the kernel, in the units of the data.
    p : float
        Exponent of the distance in feature space, at least 2.
    sample_weight : ndarray of shape (n_samples,) or 1.0
        The weights of the samples.

    Returns
    -------
    A, factor, Q, log_scale
        As for `harmonic_weights`, for twice the feature distances of `feature_distances`; A leaves out
        the factor that all its entries share.
    """
    G, nearest, _, K = feature_distances(D, nearest, sigma)
    A, factor, Q, log_scale = harmonic_weights(G, nearest, p, sample_weight)
    A *= K
    return A, factor, 2 ** (p / 2) * Q, log_scale


def log_pulls(D: ndarray, nearest: ndarray, p: float) -> ndarray:
    """Return the logarithms of r**(s + 1), what the weights of a sample in the centers differ by."""
    with np.errstate(divide="ignore"):
        return (p / 2 + 1) * np.log(ratios(D, nearest), dtype=np.float64)


def log_weights(pulls: ndarray, nearest: ndarray, p: float, sample_weight: ndarray | float) -> ndarray:
    """Return the logarithms of the weights A, which underflow where a center is far from all samples.

    Parameters
    ----------
    pulls : ndarray of shape (n_clusters, n_samples)
        What `log_pulls` returns.
    nearest : ndarray of shape (n_samples,)
        The smallest squared distances.
    p : float
        Exponent of the distance.
    sample_weight : ndarray of shape (n_samples,)
        The weights of the samples.

    Returns
    -------
    logs : ndarray of shape (n_clusters, n_samples), float64
    """
    s = p / 2
    S = np.exp(pulls * s / (s + 1)).sum(axis=0)
    with np.errstate(divide="ignore"):
        rows = np.log(sample_weight) - 2 * np.log(S)
        if s != 1:
            rows += (s - 1) * np.log(nearest.astype(np.float64))
    return pulls + rows


def without_underflow(statistics: Statistics, block: Block, get_logs: Callable[[], ndarray]) -> Statistics:
    """Return the statistics with those of the far centers, whose weights underflow, computed from logs."""
    lost = np.flatnonzero(statistics.weights < UNDERFLOW[block.augmented.dtype])
    if not len(lost):
        return statistics
    logs = get_logs()[lost]
    shift = logs.max(axis=1)
    known = np.isfinite(shift)
    lost, shift = lost[known], shift[known]
    A = np.exp(logs[known] - shift[:, None]).astype(block.augmented.dtype)
    rescued = weighted_statistics(block, A, np.ones(A.shape[1]), 0.0)
    log_scale = np.full(len(statistics.weights), statistics.log_scale)
    statistics.sums[lost], statistics.weights[lost] = rescued.sums, rescued.weights
    log_scale[lost] = shift
    return statistics._replace(log_scale=log_scale)


def normalised(logs: ndarray) -> ndarray:
    """Return exp(logs) (k, b) with columns that sum to one."""
    U = np.exp(logs - logs.max(axis=0))
    return U / U.sum(axis=0)


def harmonic_statistics(block: Block, centers: Centers, p: float) -> Statistics:
    """Return the Statistics of a block for K-harmonic means."""
    A, factor, Q, log_scale = harmonic_weights(*squared_distances(block, centers), p, block.weight)

    def get_logs() -> ndarray:
        D, nearest = squared_distances(block, centers)
        return log_weights(log_pulls(D, nearest, p), nearest, p, block.weight)

    statistics = weighted_statistics(block, A, factor, Q @ block.weight, log_scale)
    return without_underflow(statistics, block, get_logs)


def kernel_statistics(block: Block, centers: Centers, sigma: float, p: float) -> Statistics:
    """Return the Statistics of a block for kernel K-harmonic means."""
    A, factor, Q, log_scale = kernel_weights(*squared_distances(block, centers), sigma, p, block.weight)

    def get_logs() -> ndarray:
        G, nearest, log_kernel, _ = feature_distances(*squared_distances(block, centers), sigma)
        return log_weights(log_pulls(G, nearest, p), nearest, p, block.weight) + log_kernel

    statistics = weighted_statistics(block, A, factor, Q @ block.weight, log_scale)
    return without_underflow(statistics, block, get_logs)


def harmonic_memberships(block: Block, centers: Centers, p: float) -> ndarray:
    """Return u_ij (b, k), proportional to a_ij over the centers j (Zhang 2000; eq 12)."""
    return normalised(log_pulls(*squared_distances(block, centers), p)).T


def kernel_memberships(block: Block, centers: Centers, sigma: float, p: float) -> ndarray:
    """Return u_ij (b, k), proportional to a_ij over the centers j (eq 17)."""
    G, nearest, log_kernel, _ = feature_distances(*squared_distances(block, centers), sigma)
    return normalised(log_pulls(G, nearest, p) + log_kernel).T
