"""The formulas of Mahalanobis k-means: covariances, their linear maps, and distances, as pure functions."""

from collections.abc import Callable
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
from skdcec._cluster._rows import Rows

# From a block to squared distances (k, b) and the nearest of them (b,).
Distances = Callable[[Block], tuple[ndarray, ndarray]]

# In internal units, a smaller variance has no inverse that could be written down in any units.
VANISHING_VARIANCE = {np.dtype(np.float32): 4.0**-50, np.dtype(np.float64): 4.0**-450}
# So much of a variance is rounding error: of rows in float32, of the moments in float64.
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
        Features that are not constant, for all that is known without V.
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
    # of the correlations, so that what counts as no variance does not depend on units; of the drivers of
    # LAPACK, this one finds zeros most exactly
    values, vectors = linalg.eigh(V[np.ix_(used, used)] / np.outer(scale, scale), driver="evd")
    kept = values > len(used) * rounding * values[-1]
    components = np.zeros((kept.sum(), len(V)))
    components[:, used] = (vectors[:, kept] / np.sqrt(values[kept])).T / scale
    # the units of what is dropped do not count
    dropped = vectors[:, ~kept]
    _, log_det_dropped = np.linalg.slogdet((dropped.T / scale**2) @ dropped)
    return components, float(np.log(values[kept]).sum() + 2 * np.log(scale).sum() + log_det_dropped)


def standardisation(V: ndarray, varies: ndarray | bool = True) -> tuple[ndarray, float]:
    """Return the same as `whitening` for a diagonal covariance, all as vectors; without variance it is 0."""
    used = (V > 0) & varies
    components = np.divide(1, np.sqrt(V), out=np.zeros_like(V), where=used)
    return components, float(np.log(V, out=np.zeros_like(V), where=used).sum())


def rewhitening(V: ndarray, L: ndarray, rounding: float) -> tuple[ndarray, float]:
    """Return the linear map to unit covariance V, by way of the map L to unit covariance of all data.

    So V and all others have the same range, and neither units nor linear maps of the features matter.

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
        return L, 0.0
    if values.min() <= least:
        raise linalg.LinAlgError("singular covariance")
    deviations = np.sqrt(values)
    components = L / deviations if L.ndim == 1 else (vectors / deviations).T @ L
    return components, float(np.log(values).sum())


def transformed(x: ndarray, components: ndarray) -> ndarray:
    """Apply the linear map of a metric, or of one cluster, to rows."""
    components = components.astype(x.dtype, copy=False)
    return x @ components.T if components.ndim == 2 else x * components


def moments(block: Block) -> ndarray:
    """Return the weighted second moments of the rows and of the one behind each (d + 1, d + 1)."""
    x = block.augmented[:, :-1]
    return (x.T * block.weight) @ x


def fourth_moments(block: Block, mean: ndarray, scale: ndarray) -> float:
    """Return the weighted sum of |z|^4 over the standardised rows z."""
    z = (block.x - mean) * scale
    return block.weight @ np.einsum("ij,ij->i", z, z) ** 2


def mean_and_covariance(rows: Rows) -> tuple[ndarray, ndarray]:
    """Return the weighted mean and covariance (maximum likelihood) of all rows."""
    M = rows.reduce(moments, np.add)
    mean = M[-1, :-1] / M[-1, -1]
    return mean, M[:-1, :-1] / M[-1, -1] - np.outer(mean, mean)


def ledoit_wolf_shrinkage(rows: Rows, mean: ndarray, T: ndarray) -> float:
    """Return the optimal shrinkage of the correlations towards the identity.

    The estimate of Ledoit and Wolf (2004) for standardised features; weights count as repetitions.

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
    scale, _ = standardisation(variance)
    used = np.count_nonzero(scale)
    spread = float(((T * scale * scale[:, None]) ** 2).sum())
    fourth = rows.reduce(partial(fourth_moments, mean=mean, scale=scale), np.add) / rows.total_weight
    delta = spread - used
    beta = (fourth - spread) / (rows.total_weight * rows.weight_unit)
    return float(min(beta, delta) / delta) if delta > 1e-10 * used else 0.0


def common_distances(block: Block, centers: Centers, components: ndarray) -> tuple[ndarray, ndarray]:
    """Return squared Mahalanobis distances (k, b) under one metric, and the nearest of them.

    The Centers are those that the components map the centers to.
    """
    return squared_distances(Block.of(transformed(block.x, components), None), centers)


def own_distances(block: Block, centers: ndarray, components: ndarray) -> tuple[ndarray, ndarray]:
    """Return squared Mahalanobis distances (k, b) under the metric of each cluster, and the nearest."""
    D = scratch("distances", (len(centers), len(block.norms)), block.augmented.dtype)
    for j, center in enumerate(centers.astype(D.dtype, copy=False)):
        y = transformed(block.x - center, components[j])
        np.einsum("ij,ij->i", y, y, out=D[j])
    return D, D.min(axis=0)


def assignment(
    block: Block, distances: Distances, offset: ndarray | float, share: float
) -> tuple[ndarray, ndarray, ndarray]:
    """Return the label of each row, the same as an indicator (k, b), and the distance to its center.

    A row goes where ``share`` times the squared distance plus the ``offset`` of the cluster is least.
    """
    D, nearest = distances(block)
    if not isinstance(offset, ndarray):
        return *owners(D, nearest), nearest
    scores = np.multiply(D, D.dtype.type(share), out=scratch("scores", D.shape, D.dtype))
    scores += offset.astype(D.dtype)[:, None]
    labels, A = owners(scores, scores.min(axis=0))
    return labels, A, D[labels, np.arange(len(labels))]


def assigned_labels(
    block: Block, distances: Distances, offset: ndarray | float, share: float
) -> tuple[ndarray, float]:
    """Return the label of each row, and the weighted sum of squared distances to its center."""
    labels, _, own = assignment(block, distances, offset, share)
    return labels, float(own @ block.weight)


def scatter_matrix(
    block: Block, labels: ndarray, A: ndarray, centers: ndarray, covariance_type: str
) -> ndarray:
    """Return the weighted second moments of rows around their centers, as the covariance needs them."""
    residual = block.x.astype(np.float64) - centers[labels]
    if covariance_type == "tied":
        return (residual.T * block.weight) @ residual
    if covariance_type == "diag":
        return A @ (residual.T**2 * block.weight).T
    if covariance_type == "spherical":
        return A @ ((residual**2).sum(axis=1) * block.weight)[:, None]
    scatter = np.zeros((len(A), residual.shape[1], residual.shape[1]))
    for j in np.unique(labels):
        own = labels == j
        scatter[j] = (residual[own].T * block.weight[own]) @ residual[own]
    return scatter


def mahalanobis_statistics(
    block: Block,
    distances: Distances,
    offset: ndarray | float,
    share: float,
    centers: ndarray,
    covariance_type: str,
) -> Statistics:
    """Return the Statistics of a block for Mahalanobis k-means."""
    labels, A, own = assignment(block, distances, offset, share)
    objective = share * (own @ block.weight) + np.broadcast_to(offset, len(A))[labels] @ block.weight
    scatter: ndarray | float = 0.0
    if covariance_type != "global":
        scatter = scatter_matrix(block, labels, A, centers, covariance_type)
    return weighted_statistics(block, A, block.weight, objective, scatter=scatter)


def cluster_covariances(
    statistics: Statistics, centers: ndarray, means: ndarray, covariance_type: str
) -> ndarray:
    """Return the covariances of the clusters (pooled for 'tied') from sums around other centers.

    Parameters
    ----------
    statistics : Statistics
    centers, means : ndarray of shape (n_clusters, n_features)
        What the scatter was taken around, and the means that it should be taken around. Clusters
        without samples have an undefined covariance.
    covariance_type : {'tied', 'full', 'diag', 'spherical'}

    Returns
    -------
    covariances : ndarray of shape (d, d), (k, d, d), (k, d) or (k, 1)
    """
    shift, N = means - centers, statistics.weights
    if covariance_type == "tied":
        return (statistics.scatter - (shift.T * N) @ shift) / N.sum()
    N = np.where(N > 0, N, np.nan)
    if covariance_type == "full":
        return statistics.scatter / N[:, None, None] - np.einsum("ki,kj->kij", shift, shift)
    if covariance_type == "diag":
        return statistics.scatter / N[:, None] - shift**2
    total = statistics.scatter / N[:, None] - (shift**2).sum(axis=1, keepdims=True)
    return total / centers.shape[1]
