"""The clusters of a partition: their order, and signs that something is wrong with them."""

from typing import Any

import numpy as np
from numpy import ndarray
from numpy.typing import ArrayLike
from scipy.sparse import csr_array
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils.extmath import row_norms

from skdcec._cluster._distinct import DISTINCT_SAMPLE, count_distinct
from skdcec._cluster._rows import evenly_spaced
from skdcec._cluster._rule import Problem, Rule

# A cluster is starved if it has fewer samples than this fraction of the mean size.
STARVED = 0.1


def empty_last(sizes: ndarray) -> ndarray:
    """Return the order of the clusters in which those of size zero come last."""
    return np.argsort(sizes == 0, kind="stable")


def renumbered(labels: ndarray, order: ndarray) -> ndarray:
    """Return the labels after the clusters were put into another order."""
    return np.argsort(order)[labels].astype(np.int32)


def partition_inertia(rule: Rule, state: Any, problem: Problem) -> float:
    """Return the inertia of the clusters of a state around their own means, on the sample of a problem.

    Unlike objectives, it is comparable between rules.
    """
    find = rule.labels(state)
    labels = np.concatenate(list(problem.rows.map(lambda block: find(block)[0])))
    x, weight = problem.sample, problem.weight
    n, k = len(labels), len(state.centers)
    sums = csr_array((weight, (labels, np.arange(n))), shape=(k, n)) @ x
    sizes = np.bincount(labels, weight, k)
    explained = row_norms(sums, squared=True)[sizes > 0] / sizes[sizes > 0]
    return float(weight @ row_norms(x, squared=True) - explained.sum())


def count_distinct_centers(centers: ndarray, Z: ndarray) -> int:
    """Return the number of groups of centers that are apart, judged by the rows of Z."""
    spread = float(np.sqrt(Z.var(axis=0, dtype=np.float64).sum()))
    sample = Z[evenly_spaced(len(Z), DISTINCT_SAMPLE)]
    return count_distinct(centers.astype(Z.dtype), spread, sample, np.ones(len(sample)))


def cluster_health(X: ArrayLike, labels: ArrayLike, centers: ArrayLike) -> dict[str, int]:
    """Count the clusters that are empty, starved or merged.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The samples; for `DCEC` the embedding.
    labels : array-like of shape (n_samples,), int
        The cluster of each sample; negative labels (noise) do not count.
    centers : array-like of shape (n_clusters, n_features)
        The cluster centers.

    Returns
    -------
    health : dict of int
        'empty', the clusters without samples; 'starved', those with fewer than a tenth of the mean size;
        'merged', the centers that coincide with another one.

    Raises
    ------
    ValueError
        For arrays that do not fit together.

    Examples
    --------
    >>> from skdcec.metrics import cluster_health
    >>> cluster_health([[0.0], [1.0], [5.0], [6.0]], [0, 0, 1, 1], [[0.5], [5.5], [5.5]])
    {'empty': 1, 'starved': 0, 'merged': 1}
    """
    rows = check_array(X, dtype=[np.float64, np.float32], input_name="X")
    points = check_array(centers, dtype=[np.float64, np.float32], input_name="centers")
    clusters = column_or_1d(labels)
    check_consistent_length(rows, clusters)
    if points.shape[1] != rows.shape[1]:
        raise ValueError(f"centers have {points.shape[1]} features, but X has {rows.shape[1]}.")
    if clusters.dtype.kind not in "iu" or clusters.max() >= len(points):
        raise ValueError(f"labels should be integers below the number of centers, {len(points)}.")
    sizes = np.bincount(clusters[clusters >= 0], minlength=len(points))
    return {
        "empty": int(np.count_nonzero(sizes == 0)),
        "starved": int(np.count_nonzero((sizes > 0) & (sizes < STARVED * sizes.mean()))),
        "merged": len(points) - count_distinct_centers(points, rows),
    }
