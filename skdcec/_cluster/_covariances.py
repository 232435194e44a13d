"""The types of covariance of Mahalanobis k-means: whose it is, its shape, and how it is estimated."""

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy import ndarray
from sklearn.base import BaseEstimator


class Covariance(BaseEstimator):  # type: ignore[misc]
    """Base class of the covariances of `MahalanobisKMeans`.

    To constrain the covariances to a family of your own, derive from `Tied` or `Full` and override
    `constrain`. Another shape than a matrix or a diagonal needs all methods.

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

    def of_data(self, T: ndarray) -> ndarray:
        """Return the covariance of all data in the shape of this type.

        Parameters
        ----------
        T : ndarray of shape (n_features, n_features)

        Returns
        -------
        S : ndarray of shape (n_features, n_features), (n_features,) or (1,)
        """
        return T

    def multiplicity(self, n_features: int) -> int:
        """Return the number of features that one entry of a diagonal stands for.

        Parameters
        ----------
        n_features : int

        Returns
        -------
        multiplicity : int
        """
        return 1

    @abstractmethod
    def scatter(self, residual: ndarray, weight: ndarray, labels: ndarray, indicator: ndarray) -> Any:
        """Return the weighted second moments of a block of rows around their centers, summed over rows.

        Parameters
        ----------
        residual : ndarray of shape (n, n_features)
            Differences between rows and their centers.
        weight : ndarray of shape (n,)
        labels : ndarray of shape (n,)
        indicator : ndarray of shape (n_clusters, n)
            The labels as zeros and ones.

        Returns
        -------
        scatter : ndarray
        """

    @abstractmethod
    def of_clusters(self, scatter: ndarray, weights: ndarray, shift: ndarray) -> ndarray:
        """Return the covariance from sums around centers that are not the means.

        Parameters
        ----------
        scatter : ndarray
            Of all rows.
        weights : ndarray of shape (n_clusters,)
            The weight of each cluster. A cluster without weight has an undefined covariance.
        shift : ndarray of shape (n_clusters, n_features)
            Means minus centers.

        Returns
        -------
        S : ndarray
            In the shape of `of_data`, for types with one for each cluster stacked along a first axis.
        """


class Global(Covariance):
    """The covariance of all data, once: k-means on whitened data."""

    is_fixed = True

    def scatter(self, residual: ndarray, weight: ndarray, labels: ndarray, indicator: ndarray) -> Any:
        """Return nothing: the clusters do not matter."""
        return 0.0

    def of_clusters(self, scatter: ndarray, weights: ndarray, shift: ndarray) -> ndarray:
        """Return nothing: the clusters do not matter."""
        return scatter


class Tied(Covariance):
    """The pooled covariance within the clusters."""

    def scatter(self, residual: ndarray, weight: ndarray, labels: ndarray, indicator: ndarray) -> Any:
        """Return the sum over all clusters (d, d)."""
        return (residual.T * weight) @ residual

    def of_clusters(self, scatter: ndarray, weights: ndarray, shift: ndarray) -> ndarray:
        """Return the pooled covariance (d, d)."""
        S: ndarray = (scatter - (shift.T * weights) @ shift) / weights.sum()
        return S


class Full(Covariance):
    """The covariance of each cluster."""

    per_cluster = True

    def scatter(self, residual: ndarray, weight: ndarray, labels: ndarray, indicator: ndarray) -> Any:
        """Return the sum of each cluster (k, d, d)."""
        scatter = np.zeros((len(indicator), residual.shape[1], residual.shape[1]))
        for j in np.unique(labels):
            own = labels == j
            scatter[j] = (residual[own].T * weight[own]) @ residual[own]
        return scatter

    def of_clusters(self, scatter: ndarray, weights: ndarray, shift: ndarray) -> ndarray:
        """Return the covariance of each cluster (k, d, d)."""
        means = scatter / positive(weights)[:, None, None]
        S: ndarray = means - np.einsum("ki,kj->kij", shift, shift)
        return S


class Diagonal(Covariance):
    """The variances of each cluster, feature by feature."""

    per_cluster = True

    def of_data(self, T: ndarray) -> ndarray:
        """Return the variances (d,)."""
        return np.diag(T)

    def scatter(self, residual: ndarray, weight: ndarray, labels: ndarray, indicator: ndarray) -> Any:
        """Return the sum of squares of each cluster and feature (k, d)."""
        return indicator @ (residual.T**2 * weight).T

    def of_clusters(self, scatter: ndarray, weights: ndarray, shift: ndarray) -> ndarray:
        """Return the variances of each cluster (k, d)."""
        S: ndarray = scatter / positive(weights)[:, None] - shift**2
        return S


class Spherical(Covariance):
    """The mean variance of each cluster."""

    per_cluster = True

    def of_data(self, T: ndarray) -> ndarray:
        """Return the mean variance (1,)."""
        return np.diag(T).mean(keepdims=True)

    def multiplicity(self, n_features: int) -> int:
        """Return the number of features: all share one variance."""
        return n_features

    def scatter(self, residual: ndarray, weight: ndarray, labels: ndarray, indicator: ndarray) -> Any:
        """Return the sum of squares of each cluster (k, 1)."""
        return indicator @ ((residual**2).sum(axis=1) * weight)[:, None]

    def of_clusters(self, scatter: ndarray, weights: ndarray, shift: ndarray) -> ndarray:
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
