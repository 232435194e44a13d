"""The start of a run: the order of the samples, and initial centers drawn from them."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy import ndarray
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.utils.extmath import row_norms

from skdcec._cluster._threads import native_threads

# Initial centers are drawn from no more rows than this; estimates of scale use no more either.
SEEDING_SAMPLE = 2**17
# k-means looks for initial centers, and parameters are tried, on no more rows than the larger of these
# numbers, the second for each cluster.
FEW_ROWS, FEW_ROWS_PER_CLUSTER = 2**13, 2**6


def few_rows(n_clusters: int) -> int:
    """Return the number of rows on which initial centers and parameters are chosen."""
    return max(FEW_ROWS, FEW_ROWS_PER_CLUSTER * n_clusters)


def row_keys(x: Any) -> ndarray:
    """Return a number for each row, the same for equal rows: its coordinate along a fixed direction."""
    direction = np.random.default_rng(0).standard_normal(x.shape[1]).astype(x.dtype)
    # not a BLAS product: equal rows must get equal keys at every position
    keys: ndarray = x @ direction if sp.issparse(x) else np.einsum("ij,j->i", x, direction)
    return keys


def seeding_order(x: Any, weight: ndarray, metric_rows: Any) -> ndarray:
    """Return an order of the rows of x in which draws by a cumulative sum are reproducible.

    Rows are sorted by the distance of metric_rows to their mean, then along a fixed direction. So the order
    depends neither on the previous order nor, except for ties, on maps of the space that the metric ignores,
    and repeated rows are neighbors: repeating a row is giving it weight. Sparse rows have the same order.

    Parameters
    ----------
    x : ndarray or CSR matrix of shape (n, n_features)
    weight : ndarray of shape (n,)
    metric_rows : ndarray or CSR matrix of shape (n, rank)
        The rows of x in a space in which the metric is Euclidean.
    """
    distances = distances_to_mean(metric_rows, weight)
    # rounded, so that rounding errors do not order rows at equal distance
    unit = max(distances.max(), np.finfo(x.dtype).tiny)
    return np.lexsort((row_keys(x), np.round(distances / unit, 10)))


def distances_to_mean(x: Any, weight: ndarray) -> ndarray:
    """Return the distances of rows to their mean, float64; of sparse rows without making them dense."""
    if not sp.issparse(x):
        return row_norms(x - np.average(x, axis=0, weights=weight).astype(np.float64))
    x = x.astype(np.float64)
    mean = x.T @ weight / weight.sum()
    distances: ndarray = row_norms(x, squared=True) - 2 * (x @ mean) + mean @ mean
    return np.sqrt(np.maximum(distances, 0))


def draw_centers(
    init: str,
    n_clusters: int,
    x: Any,
    weight: ndarray,
    metric_rows: Any,
    random_state: np.random.RandomState,
) -> ndarray:
    """Draw initial centers from the rows of x.

    Parameters
    ----------
    init : {'k-means++', 'random'}
    n_clusters : int
    x, weight, metric_rows
        As in `seeding_order`, in that order.
    random_state : RandomState instance

    Returns
    -------
    centers : ndarray of shape (n_clusters, n_features)
    """
    if init == "random":
        chosen = random_state.choice(len(weight), n_clusters, replace=False, p=weight / weight.sum())
    else:
        _, chosen = kmeans_plusplus(metric_rows, n_clusters, sample_weight=weight, random_state=random_state)
    centers = x[chosen]
    return centers.toarray() if sp.issparse(centers) else centers


def kmeans_centers(
    n_clusters: int,
    x: Any,
    weight: ndarray,
    scale: ndarray,
    n_init: int,
    random_state: np.random.RandomState,
) -> ndarray:
    """Return the centers of scikit-learn's k-means, on rows whose features are multiplied by scale.

    Parameters
    ----------
    n_clusters : int
    x, weight
        As in `seeding_order`, in that order.
    scale : ndarray of shape (n_features,)
        Positive.
    n_init : int
        Number of runs of k-means.
    random_state : RandomState instance

    Returns
    -------
    centers : ndarray of shape (n_clusters, n_features)
    """
    scale = scale.astype(x.dtype)
    z = x @ sp.diags_array(scale).tocsr() if sp.issparse(x) else x * scale
    if len(np.unique(row_keys(x))) < n_clusters:
        # k-means would warn of duplicates, as the fit will
        return draw_centers("k-means++", n_clusters, x, weight, z, random_state)
    # no tolerance: it would depend on how often a row is repeated
    kmeans = KMeans(n_clusters, n_init=n_init, tol=0, random_state=random_state)
    # one thread: several would add up in an order that varies
    with native_threads().limit(limits=1, user_api="openmp"):
        centers: ndarray = kmeans.fit(z, sample_weight=weight).cluster_centers_
    return (centers / scale).astype(x.dtype, copy=False)
