"""The formulas of Mahalanobis k-means: linear maps of covariances, distances, and sums over blocks."""

from functools import partial

import numpy as np
from numpy import ndarray
from scipy import linalg

from skdcec._cluster._blocks import (
    Block,
    Centers,
    Statistics,
    owners,
    scratch,
    squared_distances,
    weighted_statistics,
)
from skdcec._cluster._covariances import Covariance
from skdcec._cluster._rows import Rows
from skdcec._cluster._rule import DistanceFunction

# In internal units, the inverse of a smaller variance may overflow in the units of the data.
VANISHING_VARIANCE = {np.dtype(np.float32): 4.0**-50, np.dtype(np.float64): 4.0**-450}
# Samples with the covariance towards which shrinkage leads, for each feature. Of 1, 2, 4 and 8, on 199
# labeled data sets, 1 found most, and 2 nearly as much with fewer losses.
PRIOR_SAMPLES = 2
# Relative rounding error of a variance: of float32 rows, of float64 moments.
ROUNDING = {np.dtype(np.float32): 2.0**-46, np.dtype(np.float64): 2.0**-49}


def whitening(
    V: ndarray, varies: ndarray | bool = True, rounding: float = ROUNDING[np.dtype(np.float64)]
) -> tuple[ndarray, float]:
    """Return the linear map to unit covariance, on the range of V.

    Directions without variance (constant features, dead units of a network) are dropped: there is
    nothing to scale them by.

    Parameters
    ----------
    V : ndarray of shape (n_features, n_features)
        A covariance matrix.
    varies : ndarray of shape (n_features,), bool
        Features that are not constant, as far as is known without V.
    rounding : float
        The share of the variance of a feature that is rounding error.

    Returns
    -------
    components : ndarray of shape (rank, n_features)
        ``components @ V @ components.T`` is the identity.
    log_det : float
        Logarithm of the determinant of V on its range.
    """
    scale = np.sqrt(np.maximum(np.diag(V), 0))
    used = np.flatnonzero((scale > 0) & varies)
    if not len(used):
        return np.zeros((0, len(V))), 0.0
    scale = scale[used]
    # of the correlations, so that the threshold does not depend on units; this driver of LAPACK finds zeros
    # most exactly
    values, vectors = linalg.eigh(V[np.ix_(used, used)] / np.outer(scale, scale), driver="evd")
    kept = values > len(used) * rounding * values[-1]
    components = np.zeros((kept.sum(), len(V)))
    components[:, used] = (vectors[:, kept] / np.sqrt(values[kept])).T / scale
    # the units of dropped directions do not count
    dropped = vectors[:, ~kept]
    _, log_det_dropped = np.linalg.slogdet((dropped.T / scale**2) @ dropped)
    return components, float(np.log(values[kept]).sum() + 2 * np.log(scale).sum() + log_det_dropped)


def standardization(V: ndarray, varies: ndarray | bool = True) -> tuple[ndarray, float]:
    """Return the map of `whitening` for a diagonal covariance, as vectors; 0 without variance."""
    used = (V > 0) & varies
    components = np.divide(1, np.sqrt(V), out=np.zeros_like(V), where=used)
    return components, float(np.log(V, out=np.zeros_like(V), where=used).sum())


def variances(C: ndarray, *, of_matrices: bool) -> ndarray:
    """Return the variances (k, n_features or 1) in one or several covariances."""
    return np.atleast_2d(np.einsum("...ii->...i", C) if of_matrices else C)


def rewhitening(V: ndarray, L: ndarray, rounding: float) -> tuple[ndarray, float, float]:
    """Return the linear map to unit covariance V, relative to the map L to unit covariance of all data.

    So all V have the same range, and neither units nor linear maps of the features matter.

    Parameters
    ----------
    V : ndarray of shape (n_features, n_features), or (n_features,) for a diagonal one
    L : ndarray of shape (rank, n_features) or (n_features,)
    rounding : float
        As in `whitening`.

    Returns
    -------
    components : ndarray of the shape of L
    log_det : float
        Logarithm of the determinant of V over that of the covariance of all data, on their range.
    least : float
        The smallest variance of V over that of all data, in any direction.

    Raises
    ------
    LinAlgError
        If V is singular there.
    """
    if L.ndim == 1:
        values, least = np.where(L > 0, V * L**2, 1.0), 0.0
    elif len(L):
        values, vectors = linalg.eigh(L @ V @ L.T, driver="evd")
        least = len(L) * rounding * values[-1]
    else:
        return L, 0.0, 1.0
    if values.min() <= least:
        raise linalg.LinAlgError("singular covariance")
    deviations = np.sqrt(values)
    components = L / deviations if L.ndim == 1 else (vectors / deviations).T @ L
    return components, float(np.log(values).sum()), float(values.min())


def transformed(x: ndarray, components: ndarray) -> ndarray:
    """Apply the linear map of a metric, or of one cluster, to rows."""
    components = components.astype(x.dtype, copy=False)
    return x @ components.T if components.ndim == 2 else x * components


def moments(block: Block) -> ndarray:
    """Return the weighted second moments of the rows with a 1 appended (d + 1, d + 1)."""
    x = block.augmented[:, :-1]
    return (x.T * block.weight) @ x


def fourth_moments(block: Block, mean: ndarray, scale: ndarray) -> float:
    """Return the weighted sum of |z|^4 over the standardized rows z."""
    z = (block.x - mean) * scale
    return block.weight @ np.einsum("ij,ij->i", z, z) ** 2


def mean_and_covariance(M: ndarray) -> tuple[ndarray, ndarray]:
    """Return the weighted mean and covariance (maximum likelihood) of all rows from their moments."""
    mean = M[-1, :-1] / M[-1, -1]
    return mean, M[:-1, :-1] / M[-1, -1] - np.outer(mean, mean)


def scatter_from_moments(M: ndarray, statistics: Statistics, centers: ndarray) -> ndarray:
    """Return the second moments of all rows around the centers of their clusters (d, d).

    They follow from the moments of all rows and the sums of each cluster, so that no pass over the rows is
    needed: sum (x - c)(x - c)' = sum x x' - sum s c' - sum c s' + sum n c c'.
    """
    crossed = statistics.sums.T @ centers.astype(np.float64)
    weighted = centers.T * statistics.weights
    scatter: ndarray = M[:-1, :-1] - crossed - crossed.T + weighted @ centers
    return scatter


def ledoit_wolf_shrinkage(rows: Rows, mean: ndarray, T: ndarray) -> float:
    """Return the optimal shrinkage of the correlations towards the identity.

    The estimate of Ledoit and Wolf (2004) for standardized features; weights count as repetitions.

    Parameters
    ----------
    rows : Rows
    mean : ndarray of shape (n_features,)
    T : ndarray of shape (n_features, n_features)
        The covariance of the rows.

    Returns
    -------
    shrinkage : float
        Between 0 and 1.
    """
    variance = np.diag(T)
    scale, _ = standardization(variance)
    used = np.count_nonzero(scale)
    spread = float(((T * scale * scale[:, None]) ** 2).sum())
    fourth = rows.reduce(partial(fourth_moments, mean=mean, scale=scale), np.add) / rows.total_weight
    delta = spread - used
    beta = (fourth - spread) / (rows.total_weight * rows.weight_unit)
    return float(min(beta, delta) / delta) if delta > 1e-10 * used else 0.0


def shrinkage_of_prior(n_samples: float, n_features: int) -> float:
    """Return the shrinkage that adds PRIOR_SAMPLES for each feature to the samples of a covariance."""
    n_prior = PRIOR_SAMPLES * n_features
    return n_prior / (n_prior + n_samples)


def shared_distances(block: Block, centers: Centers, components: ndarray) -> tuple[ndarray, ndarray]:
    """Return squared Mahalanobis distances (k, b) under one metric, and the nearest of them.

    The Centers are the images of the centers under the components.
    """
    return squared_distances(Block.of(transformed(block.x, components), None), centers)


def relative_distances(block: Block, coefficients: ndarray) -> tuple[ndarray, ndarray]:
    """Return squared Mahalanobis distances minus the squared norm of each row, and the least of them.

    Under one metric, the coefficients (k, d + 1) of a row with a 1 appended are -2 V^-1 c and c' V^-1 c.
    """
    x = block.augmented[:, :-1]
    D = scratch("distances", (len(coefficients), len(x)), x.dtype)
    np.matmul(coefficients.astype(x.dtype), x.T, out=D)
    return D, D.min(axis=0)


def own_distances(block: Block, centers: ndarray, components: ndarray) -> tuple[ndarray, ndarray]:
    """Return squared Mahalanobis distances (k, b) under the metric of each cluster, and the nearest."""
    dtype, n = block.augmented.dtype, len(block.norms)
    D = scratch("distances", (len(centers), n), dtype)
    # features in rows, so that all operations run along the samples
    x = np.ascontiguousarray(block.x.T)
    difference = scratch("difference", x.shape, dtype)
    for j, (center, L) in enumerate(zip(centers.astype(dtype), components.astype(dtype), strict=True)):
        np.subtract(x, center[:, None], out=difference)
        y = difference
        if L.ndim == 2:
            y = np.matmul(L, difference, out=scratch("mapped", (len(L), n), dtype))
        else:
            y *= L[:, None]
        np.einsum("ij,ij->j", y, y, out=D[j])
    return D, D.min(axis=0)


def assignment(
    block: Block, distances: DistanceFunction, offset: ndarray | float, factor: float
) -> tuple[ndarray, ndarray, ndarray]:
    """Return the label of each row, the same as an indicator (k, b), and the distance to its center.

    A row goes to the cluster with the least ``factor`` times squared distance plus ``offset``.
    """
    D, nearest = distances(block)
    if not isinstance(offset, ndarray):
        return *owners(D, nearest), nearest
    scores = np.multiply(D, D.dtype.type(factor), out=scratch("scores", D.shape, D.dtype))
    scores += offset.astype(D.dtype)[:, None]
    labels, A = owners(scores, scores.min(axis=0))
    return labels, A, D[labels, np.arange(len(labels))]


def assigned_labels(
    block: Block,
    distances: DistanceFunction,
    offset: ndarray | float,
    factor: float,
    centers: ndarray,
    components_of_data: ndarray | None,
) -> tuple[ndarray, float]:
    """Return the label of each row, and the weighted sum of squared distances to its center.

    They are measured in the metric of all data, if it is given.
    """
    labels, _, own = assignment(block, distances, offset, factor)
    if components_of_data is not None:
        y = transformed(block.x - centers[labels].astype(block.augmented.dtype), components_of_data)
        own = np.einsum("ij,ij->i", y, y)
    return labels, float(own @ block.weight)


def mahalanobis_statistics(
    block: Block,
    distances: DistanceFunction,
    offset: ndarray | float,
    factor: float,
    centers: ndarray,
    covariance: Covariance | None,
) -> Statistics:
    """Return the Statistics of a block for Mahalanobis k-means, with the scatter of a covariance, if any."""
    labels, A, own = assignment(block, distances, offset, factor)
    objective = factor * (own @ block.weight) + np.broadcast_to(offset, len(A))[labels] @ block.weight
    scatter = 0.0
    if covariance is not None:
        residual = block.x.astype(np.float64) - centers[labels]
        scatter = covariance._scatter(residual, block.weight, labels, A)
    return weighted_statistics(block, A, block.weight, objective, scatter=scatter)
