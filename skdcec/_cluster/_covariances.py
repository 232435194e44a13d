"""The types of covariance of Mahalanobis k-means: whose it is, its shape, and how it is estimated."""

import itertools
from typing import Any

import numpy as np
from numpy import ndarray
from sklearn.base import BaseEstimator


class Covariance(BaseEstimator):
    """Base class of the covariances of `MahalanobisKMeans`.

    For a family of covariances of your own, derive from `Tied` (one for all clusters) or `Full` (one for each
    cluster) and override `constrain`.

    Attributes
    ----------
    per_cluster : bool
        Whether each cluster has a covariance of its own.
    is_fixed : bool
        Whether the covariance of all data is used as it is, without the clusters.

    See Also
    --------
    MahalanobisKMeans : The clusterer.
    """

    per_cluster = False
    is_fixed = False
    # whether the scatter within clusters follows from the moments of all data and the sums of the clusters
    _is_pooled = False

    def constrain(self, S: ndarray) -> ndarray:
        """Return the covariance of this family that is estimated from S.

        Parameters
        ----------
        S : ndarray of shape (n_features, n_features)
            Covariance (maximum likelihood) of a cluster, within all clusters, or of all data.

        Returns
        -------
        V : ndarray of shape (n_features, n_features)
            Symmetric, positive semidefinite. The objective never rises if V minimizes log det V + tr(V^-1 S)
            in the family; steps that would raise it are not taken.
        """
        return S

    # The shape of a covariance: a matrix unless a type overrides these methods.

    def _of_data(self, T: ndarray) -> ndarray:
        """Return the covariance T (d, d) of all data in the shape of this type: (d, d), (d,) or (1,)."""
        return T

    def _multiplicity(self, n_features: int) -> int:
        """Return the number of features that one entry of a diagonal stands for."""
        return 1

    def _scatter(self, residual: ndarray, weight: ndarray, labels: ndarray, indicator: ndarray) -> Any:
        """Return the weighted second moments of rows around their centers, summed over a block.

        Parameters
        ----------
        residual : ndarray of shape (n, n_features)
            Differences between rows and their centers.
        weight, labels : ndarray of shape (n,)
        indicator : ndarray of shape (n_clusters, n)
            The labels as zeros and ones.
        """
        raise NotImplementedError

    def _of_clusters(self, scatter: ndarray, weights: ndarray, shift: ndarray) -> ndarray:
        """Return the covariance from the scatter of all rows, one for each cluster if they differ.

        Parameters
        ----------
        scatter : ndarray
        weights : ndarray of shape (n_clusters,)
            A cluster without weight has an undefined covariance.
        shift : ndarray of shape (n_clusters, n_features)
            Means minus the centers of the scatter.
        """
        raise NotImplementedError


class Global(Covariance):
    """The covariance of all data, once: k-means on whitened data."""

    is_fixed = True

    def _scatter(self, residual: ndarray, weight: ndarray, labels: ndarray, indicator: ndarray) -> Any:
        """Return nothing: the clusters do not matter."""
        return 0.0

    def _of_clusters(self, scatter: ndarray, weights: ndarray, shift: ndarray) -> ndarray:
        """Return nothing: the clusters do not matter."""
        return scatter


class Tied(Covariance):
    """The pooled covariance within the clusters."""

    _is_pooled = True

    def _scatter(self, residual: ndarray, weight: ndarray, labels: ndarray, indicator: ndarray) -> Any:
        """Return the sum over all clusters (d, d)."""
        return (residual.T * weight) @ residual

    def _of_clusters(self, scatter: ndarray, weights: ndarray, shift: ndarray) -> ndarray:
        """Return the pooled covariance (d, d)."""
        S: ndarray = (scatter - (shift.T * weights) @ shift) / weights.sum()
        return S


class Full(Covariance):
    """The covariance of each cluster."""

    per_cluster = True

    def _scatter(self, residual: ndarray, weight: ndarray, labels: ndarray, indicator: ndarray) -> Any:
        """Return the sum of each cluster (k, d, d)."""
        order = np.argsort(labels, kind="stable")
        residual, weighted = residual[order], (residual * weight[:, None])[order]
        bounds = np.searchsorted(labels[order], np.arange(len(indicator) + 1))
        parts = [slice(*bound) for bound in itertools.pairwise(bounds)]
        return np.stack([weighted[own].T @ residual[own] for own in parts])

    def _of_clusters(self, scatter: ndarray, weights: ndarray, shift: ndarray) -> ndarray:
        """Return the covariance of each cluster (k, d, d)."""
        means = scatter / positive(weights)[:, None, None]
        S: ndarray = means - np.einsum("ki,kj->kij", shift, shift)
        return S


class Diagonal(Covariance):
    """The variances of each cluster, feature by feature."""

    per_cluster = True

    def _of_data(self, T: ndarray) -> ndarray:
        """Return the variances (d,)."""
        return np.diag(T)

    def _scatter(self, residual: ndarray, weight: ndarray, labels: ndarray, indicator: ndarray) -> Any:
        """Return the sum of squares of each cluster and feature (k, d)."""
        return indicator @ (residual.T**2 * weight).T

    def _of_clusters(self, scatter: ndarray, weights: ndarray, shift: ndarray) -> ndarray:
        """Return the variances of each cluster (k, d)."""
        S: ndarray = scatter / positive(weights)[:, None] - shift**2
        return S


class Spherical(Covariance):
    """The mean variance of each cluster."""

    per_cluster = True

    def _of_data(self, T: ndarray) -> ndarray:
        """Return the mean variance (1,)."""
        return np.diag(T).mean(keepdims=True)

    def _multiplicity(self, n_features: int) -> int:
        """Return the number of features: all share one variance."""
        return n_features

    def _scatter(self, residual: ndarray, weight: ndarray, labels: ndarray, indicator: ndarray) -> Any:
        """Return the sum of squares of each cluster (k, 1)."""
        return indicator @ ((residual**2).sum(axis=1) * weight)[:, None]

    def _of_clusters(self, scatter: ndarray, weights: ndarray, shift: ndarray) -> ndarray:
        """Return the mean variance of each cluster (k, 1)."""
        total = scatter / positive(weights)[:, None] - (shift**2).sum(axis=1, keepdims=True)
        S: ndarray = total / shift.shape[1]
        return S


# The types that have a name.
COVARIANCES: dict[str, type[Covariance]] = {
    "global": Global,
    "tied": Tied,
    "full": Full,
    "diag": Diagonal,
    "spherical": Spherical,
}


def positive(weights: ndarray) -> ndarray:
    """Return the weights, with NaN for those of clusters without rows."""
    return np.where(weights > 0, weights, np.nan)


def check_covariance(covariance: str | Covariance) -> Covariance:
    """Return the covariance of a name, or the object itself."""
    return COVARIANCES[covariance]() if isinstance(covariance, str) else covariance
