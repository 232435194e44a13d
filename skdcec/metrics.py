"""Scores of a clustering against known classes, and signs that something is wrong with clusters."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import make_scorer
from sklearn.metrics.cluster import contingency_matrix
from sklearn.utils.validation import check_consistent_length, column_or_1d

from skdcec._cluster._partition import cluster_health

__all__ = ["cluster_health", "clustering_accuracy_score", "clustering_accuracy_scorer"]


def clustering_accuracy_score(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the share of samples that the best matching of clusters to classes gets right.

    Each cluster is matched to at most one class, and each class to at most one cluster, so that the
    number of agreements is largest (the Hungarian method).

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
        If the two have different lengths, are empty or not one-dimensional.

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
    classes, labels = column_or_1d(y_true), column_or_1d(y_pred)
    check_consistent_length(classes, labels)
    if not len(classes):
        raise ValueError("y_true and y_pred are empty; a minimum of 1 sample is required.")
    clustered = labels != -1
    if not np.any(clustered):
        return 0.0
    table = contingency_matrix(classes[clustered], labels[clustered])
    agreements = table[linear_sum_assignment(table, maximize=True)].sum()
    return float(agreements / len(classes))


clustering_accuracy_scorer = make_scorer(clustering_accuracy_score)
