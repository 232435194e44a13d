"""The start of a run: the order of the samples, and initial centers drawn from them."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy import ndarray
from sklearn.cluster import kmeans_plusplus
from sklearn.utils.extmath import row_norms

# Initial centers are drawn from no more rows than this; estimates of scale use no more either.
SEEDING_SAMPLE = 2**17


def seeding_order(x: Any, weight: ndarray, metric_rows: Any) -> ndarray:
    """Return an order of the rows of x in which draws by a cumulative sum are reproducible.

    Rows are sorted by the distance of metric_rows to their mean (sparse ones: by their norm), then along a
    fixed direction. So the order depends neither on the previous order nor, except for ties, on maps of the
    space that the metric ignores, and repeated rows are neighbors: repeating a row is giving it weight.

    Parameters
    ----------
    x : ndarray or CSR matrix of shape (n, n_features)
    weight : ndarray of shape (n,)
    metric_rows : ndarray or CSR matrix of shape (n, rank)
        The rows of x in a space in which the metric is Euclidean.
    """
    if not sp.issparse(x):
        metric_rows = metric_rows - np.average(metric_rows, axis=0, weights=weight)
    norms = row_norms(metric_rows)
    direction = np.random.default_rng(0).standard_normal(x.shape[1]).astype(x.dtype)
    # not a BLAS product: equal rows must get equal keys at every position
    along = x @ direction if sp.issparse(x) else np.einsum("ij,j->i", x, direction)
    # rounded, so that rounding errors do not order rows at equal distance
    digits = 4 if norms.dtype == np.float32 else 10
    return np.lexsort((along, np.round(norms / max(norms.max(), np.finfo(x.dtype).tiny), digits)))


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
