"""Scores of a clustering against known classes, and signs that something is wrong with clusters."""

import numpy as np
import scipy.sparse as sp
from numpy import ndarray
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment
from scipy.sparse.csgraph import connected_components
from sklearn.metrics import make_scorer
from sklearn.metrics.cluster import contingency_matrix
from sklearn.utils.validation import check_consistent_length, column_or_1d

from skdcec._cluster._partition import cluster_health
from skdcec._sklearn import refuse_masked

__all__ = [
    "align_labels",
    "cluster_health",
    "clustering_accuracy_score",
    "clustering_accuracy_scorer",
]


def clustering_accuracy_score(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the share of samples that the best matching of clusters to classes gets right.

    Each cluster is matched to at most one class, and each class to at most one cluster, such that as many
    samples as possible agree (the Hungarian method). Groups of clusters and classes that share no samples
    with each other are matched separately, which saves memory if there are many.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Classes.
    y_pred : array-like of shape (n_samples,)
        Cluster labels; their names do not matter. -1 (noise) matches no class.

    Returns
    -------
    accuracy : float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If the two have different lengths, are empty or not one-dimensional, or hold NaN, masked or continuous
        values.

    See Also
    --------
    sklearn.metrics.adjusted_rand_score : Corrected for chance.
    sklearn.metrics.normalized_mutual_info_score : From information theory.

    References
    ----------
    .. [1] J. Xie, R. Girshick, A. Farhadi (2016). "Unsupervised deep embedding for clustering
       analysis", equation 10. ICML 2016.

    Examples
    --------
    >>> from skdcec.metrics import clustering_accuracy_score
    >>> clustering_accuracy_score([0, 0, 1, 1], [5, 5, 3, 5])
    0.75
    """
    classes, labels = check_labels("y_true", y_true), check_labels("y_pred", y_pred)
    check_consistent_length(classes, labels)
    if not len(classes):
        raise ValueError("y_true and y_pred are empty; a minimum of 1 sample is required.")
    clustered = labels != -1
    if not np.any(clustered):
        return 0.0
    table = contingency_matrix(classes[clustered], labels[clustered], sparse=True)
    return float(largest_agreement(table) / len(classes))


def align_labels(labels: ArrayLike, reference: ArrayLike) -> ndarray:
    """Rename the clusters of one partition after those of another, so that they agree as far as possible.

    Two runs may give the same clusters different numbers. Here each cluster gets the number of at most one
    reference cluster, such that as many samples as possible agree (the Hungarian method).

    Parameters
    ----------
    labels : array-like of shape (n_samples,), int
        The cluster of each sample; -1 is noise, and stays.
    reference : array-like of shape (n_samples,), int
        Their clusters in another partition.

    Returns
    -------
    aligned : ndarray of shape (n_samples,), int
        The same partition as `labels`. Clusters without a partner get the smallest numbers that the reference
        does not use.

    Raises
    ------
    ValueError
        If the two have different lengths, or values other than integers.

    See Also
    --------
    skdcec.plotting.ContingencyDisplay : Classes against clusters, in matched order.

    Examples
    --------
    >>> from skdcec.metrics import align_labels
    >>> align_labels([2, 2, 0, 0, 1], [0, 0, 1, 1, 1]).tolist()
    [0, 0, 1, 1, 2]
    """
    named = {"labels": check_labels("labels", labels), "reference": check_labels("reference", reference)}
    check_consistent_length(*named.values())
    for name, values in named.items():
        if values.dtype.kind not in "iuf":
            raise ValueError(f"{name} has type {values.dtype}; it should hold integers.")
    clusters, others = (values.astype(np.int64) for values in named.values())
    both = (clusters != -1) & (others != -1)
    names, wanted = (np.unique(values[values != -1]) for values in (clusters, others))
    table = np.zeros((len(names), len(wanted)), np.int64)
    np.add.at(table, (np.searchsorted(names, clusters[both]), np.searchsorted(wanted, others[both])), 1)
    matched, partners = linear_sum_assignment(table, maximize=True)
    agree = table[matched, partners] > 0
    matched, partners = matched[agree], partners[agree]
    unused = np.setdiff1d(np.arange(len(names) + len(wanted)), wanted)
    new = unused[: len(names)].copy()
    new[np.setdiff1d(np.arange(len(names)), matched)] = unused[: len(names) - len(matched)]
    new[matched] = wanted[partners]
    aligned = clusters.copy()
    aligned[clusters != -1] = new[np.searchsorted(names, clusters[clusters != -1])]
    return aligned


def check_labels(name: str, labels: ArrayLike) -> ndarray:
    """Return labels as an array; raise a ValueError unless they name classes or clusters."""
    refuse_masked(labels, name)
    values: ndarray = column_or_1d(labels)
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise ValueError(f"{name} contains NaN or infinity.")
        if (values != np.rint(values)).any():
            raise ValueError(f"{name} has continuous values; it should name classes or clusters.")
    are_texts = {isinstance(value, str) for value in values} if values.dtype.kind == "O" else ()
    if len(are_texts) > 1 or (are_texts and any(value is None for value in values)):
        raise ValueError(f"{name} mixes types, or has None; it should hold either texts or numbers.")
    return values


def largest_agreement(table: sp.csr_matrix) -> int:
    """Return the largest sum of entries of a table, of which no two share a row or a column."""
    n_rows = table.shape[0]
    graph = sp.block_array([[None, table], [table.T, None]], format="csr")
    # without an entry in common, parts can be matched one by one
    part = connected_components(graph, directed=False)[1]
    columns = np.argsort(part[n_rows:], kind="stable")
    rows = np.argsort(part[:n_rows], kind="stable")
    numbers = np.arange(part.max() + 2)
    row_ends = np.searchsorted(part[:n_rows][rows], numbers)
    column_ends = np.searchsorted(part[n_rows:][columns], numbers)
    by_part, total = table.tocsr()[rows][:, columns], 0
    for i in numbers[:-1]:
        block = by_part[row_ends[i] : row_ends[i + 1], column_ends[i] : column_ends[i + 1]].toarray()
        total += int(block[linear_sum_assignment(block, maximize=True)].sum())
    return total


clustering_accuracy_scorer = make_scorer(clustering_accuracy_score)
