"""Soft assignments to clusters, and the targets of joint training: formulas of NumPy alone."""

import numpy as np
from numpy import ndarray

from skdcec._deep._images import slices


def soft_assignment(Z: ndarray, centers: ndarray) -> ndarray:
    """Return Q, the Student's t similarity of embeddings to centers (eq 6 of the paper).

    q_ij is proportional to 1 / (1 + |z_i - mu_j|^2) over the centers j. In float64 and without a
    matrix product, so that each row is computed the same way wherever it stands.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_components)
    centers : ndarray of shape (n_clusters, n_components)

    Returns
    -------
    Q : ndarray of shape (n_samples, n_clusters), float64
    """
    centers = centers.astype(np.float64)
    Q = np.empty((len(Z), len(centers)))
    for j, center in enumerate(centers):
        Q[:, j] = 1 / (1 + np.square(Z - center).sum(axis=1))
    return Q / Q.sum(axis=1, keepdims=True)


def target_distribution(Q: ndarray, frequencies: ndarray) -> ndarray:
    """Return P, the sharpened soft assignments (eq 8 of the paper; Xie et al. 2016).

    p_ij is proportional to q_ij^2 / f_j over the clusters j, with f_j = sum_i q_ij on all data.

    Parameters
    ----------
    Q : ndarray of shape (n, n_clusters)
        Of some of the data.
    frequencies : ndarray of shape (n_clusters,)
        The f_j.

    Returns
    -------
    P : ndarray of shape (n, n_clusters)
    """
    P = Q**2 / frequencies
    return P / P.sum(axis=1, keepdims=True)


class Targets:
    """The target distribution of all images, computed where it is read.

    What it keeps of an image is the embedding, which is there anyway, and the label.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_components)
    centers : ndarray of shape (n_clusters, n_components)
    """

    def __init__(self, Z, centers):
        self.Z, self.centers = Z, centers
        self.labels = np.empty(len(Z), np.int32)
        self.frequencies = np.zeros(len(centers))
        for rows in slices(len(Z)):
            Q = soft_assignment(Z[rows], centers)
            self.labels[rows] = Q.argmax(axis=1)
            self.frequencies += Q.sum(axis=0)

    def __getitem__(self, rows):
        """Return P of a slice or an array of indices, float64."""
        return target_distribution(soft_assignment(self.Z[rows], self.centers), self.frequencies)
