"""When all centers of K-harmonic means on one point are a local minimum."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy import ndarray
from scipy import linalg
from scipy.optimize import brentq

from skdcec._cluster._blocks import evenly

# The estimate looks at no more rows than this, and at exponents in this range.
COLLAPSE_SAMPLE = 2048
SMALLEST_EXPONENT, LARGEST_EXPONENT = 2.0, 20.0


def collapse_strength(y: ndarray, weight: ndarray, p: float, center: ndarray) -> tuple[float, ndarray]:
    """Return (p + 2) lam_p and the one-center solution of K-harmonic means with exponent p.

    All centers on that one point are a local minimum exactly when the first is below 1, where
    lam_p is the largest eigenvalue of sum_i D_i^(s-2) y_i y_i' over sum_i D_i^(s-1), with y_i the
    samples seen from the center and D_i = |y_i|^2 (from the second-order expansion of Q).
    """
    s = p / 2
    for _ in range(20):
        shifted = y - center
        D = np.einsum("ij,ij->i", shifted, shifted)
        largest = D.max()
        if largest == 0:
            return np.inf, center
        pull = weight * (D / largest) ** (s - 1)
        move = pull @ shifted / pull.sum()
        center = center + min(1.0, 2 / p) * move
        if move @ move < 1e-6 * largest:
            break
    # no weight where the square is not a normal number, as at the center itself
    direction = shifted * np.sqrt(pull / np.where(D > np.finfo(D.dtype).tiny, D, np.inf))[:, None]
    tall = len(direction) > direction.shape[1]
    gram = direction.T @ direction if tall else direction @ direction.T
    last = len(gram) - 1
    lam = linalg.eigvalsh(gram, subset_by_index=[last, last])[0] / pull.sum()
    return (p + 2) * lam, center


def critical_exponent(x: Any, weight: ndarray) -> float:
    """Return p*, below which all centers on one point are a local minimum of K-harmonic means.

    Parameters
    ----------
    x : ndarray or sparse matrix of shape (n_samples, n_features)
        Samples; of more than a few thousand, evenly spaced ones are used.
    weight : ndarray of shape (n_samples,)
        Weights of the samples.

    Returns
    -------
    p_star : float
        0 where it is below 2, and never more than 20.
    """
    some = evenly(x.shape[0], COLLAPSE_SAMPLE)
    y = x[some]
    y = np.asarray(y.todense() if sp.issparse(y) else y, dtype=np.float64)
    w = weight[some]
    mean = w @ y / w.sum()

    def excess(p: float) -> float:
        return collapse_strength(y, w, p, mean)[0] - 1

    if excess(SMALLEST_EXPONENT) >= 0:
        return 0.0
    if excess(LARGEST_EXPONENT) <= 0:
        return LARGEST_EXPONENT
    return float(brentq(excess, SMALLEST_EXPONENT, LARGEST_EXPONENT, xtol=1e-2))
