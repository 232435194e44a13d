"""The critical exponent: all centers of K-harmonic means on one point are a local minimum below it."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy import ndarray
from numpy.typing import ArrayLike
from scipy import linalg
from scipy.optimize import brentq
from sklearn.utils import check_array

from skdcec._cluster._rows import evenly_spaced
from skdcec._cluster._units import power_of_two
from skdcec._sklearn import _check_sample_weight

# The estimate looks at no more rows than this, and at exponents in this range.
COLLAPSE_SAMPLE = 2048
SMALLEST_CRITICAL, LARGEST_CRITICAL = 2.0, 20.0


def collapse_strength(
    y: ndarray, weight: ndarray, p: float, degree: float, center: ndarray
) -> tuple[float, ndarray]:
    """Return (p + 2) lam and the one-center solution of K-harmonic means.

    All centers on that one point are a local minimum exactly when the first is below 1, where
    lam is the largest eigenvalue of sum_i D_i^(t-2) y_i y_i' over sum_i D_i^(t-1), with t = degree / 2, y_i
    the samples seen from the center and D_i = |y_i|^2 (from the second-order expansion of Q).
    """
    t = degree / 2
    for _ in range(20):
        shifted = y - center
        D = np.einsum("ij,ij->i", shifted, shifted)
        largest = D.max()
        if largest == 0:
            return np.inf, center
        pull = weight * (D / largest) ** (t - 1)
        move = pull @ shifted / pull.sum()
        center = center + min(1.0, 1 / t) * move
        if move @ move < 1e-6 * largest:
            break
    # no weight for squares that are not normal numbers, as at the center itself
    direction = shifted * np.sqrt(pull / np.where(D > np.finfo(D.dtype).tiny, D, np.inf))[:, None]
    tall = len(direction) > direction.shape[1]
    gram = direction.T @ direction if tall else direction @ direction.T
    last = len(gram) - 1
    lam = linalg.eigvalsh(gram, subset_by_index=[last, last])[0] / pull.sum()
    return (p + 2) * lam, center


def estimate_critical_exponent(x: Any, weight: ndarray, degree: float | None = None) -> float:
    """Return the critical exponent p* of checked samples.

    Parameters
    ----------
    x : ndarray or sparse matrix of shape (n_samples, n_features)
        Samples; of more than a few thousand, evenly spaced ones are used.
    weight : ndarray of shape (n_samples,)
        Weights of the samples.
    degree : float or None
        The power of the distance that the objective is; None is the exponent itself.

    Returns
    -------
    p_star : float
        0 where it is below 2, and never more than 20.
    """
    chosen = evenly_spaced(x.shape[0], COLLAPSE_SAMPLE)
    y = x[chosen]
    y = np.asarray(y.todense() if sp.issparse(y) else y, dtype=np.float64)
    w = weight[chosen]
    mean = w @ y / w.sum()

    def excess(p: float) -> float:
        return collapse_strength(y, w, p, degree or p, mean)[0] - 1

    if excess(SMALLEST_CRITICAL) >= 0:
        return 0.0
    if excess(LARGEST_CRITICAL) <= 0:
        return LARGEST_CRITICAL
    return float(brentq(excess, SMALLEST_CRITICAL, LARGEST_CRITICAL, xtol=1e-2))


def critical_exponent(
    X: ArrayLike, sample_weight: ArrayLike | None = None, *, degree: float | None = None
) -> float:
    """Return the exponent below which K-harmonic means can collapse onto one point.

    Below p* all centers on the same point are a local minimum of the objective of `KHarmonicMeans`, so that
    centers attract each other. In low dimension there is no such exponent; it grows with the dimension.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The samples; of more than 2,048, evenly spaced ones are used.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weight of each sample.
    degree : float, default=None
        The parameter ``degree`` of the clusterer, at least 2; None is the exponent itself, as in Zhang's
        K-harmonic means.

    Returns
    -------
    p_star : float
        0 if p* is below 2, and at most 20.

    Raises
    ------
    ValueError
        For bad data, weights or degree.

    See Also
    --------
    KHarmonicMeans : The clusterer.

    Notes
    -----
    p* solves (p + 2) lam = 1. Here lam is the largest eigenvalue of sum_i D_i^(t - 2) y_i y_i' over
    sum_i D_i^(t - 1), with t = degree / 2, y_i the samples around the best single center and D_i their
    squared lengths. It follows from the second-order expansion of the objective.

    Examples
    --------
    >>> import numpy as np
    >>> from skdcec import critical_exponent
    >>> rng = np.random.default_rng(0)
    >>> critical_exponent(rng.normal(size=(1000, 2)))
    0.0
    >>> 6 < critical_exponent(rng.normal(size=(1000, 10))) < 10
    True
    """
    rows: Any = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32])
    weight = _check_sample_weight(sample_weight, rows, dtype=np.float64, ensure_non_negative=True)
    if degree is not None and not degree >= 2:
        raise ValueError(f"degree={degree!r} should be at least 2, or None for the exponent itself.")
    positive = weight > 0
    if not positive.any():
        raise ValueError("sample_weight is zero for all samples; one must be positive.")
    # a power of two, so that squares neither overflow nor vanish, and nothing is rounded
    scale = power_of_two(abs(rows).max())
    return estimate_critical_exponent(rows[positive] / scale, weight[positive], degree)
