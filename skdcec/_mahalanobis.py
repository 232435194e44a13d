"""k-means under the Mahalanobis distance.

A Mahalanobis metric is a linear map: with V^-1 = L'L the distance between x and c is the Euclidean
one between Lx and Lc. The estimator keeps L (``components_``); the rest is Euclidean.
"""

from numbers import Real

import numpy as np
from scipy import linalg

from skdcec._blocks import Statistics, squared_distances
from skdcec._centers import BaseCenterClusterer
from skdcec._sklearn import Interval, StrOptions


def whitening(V):
    """Return the linear map to unit covariance, on the range of V.

    Directions without variance (constant features, dead units of a network) are dropped: there is
    nothing to scale them by.

    Parameters
    ----------
    V : ndarray of shape (n_features, n_features)
        A covariance matrix.

    Returns
    -------
    components : ndarray of shape (rank, n_features)
        ``components @ V @ components.T`` is the identity.
    log_det : float
        Logarithm of the determinant of V on its range.
    """
    scale = np.sqrt(np.maximum(np.diag(V), 0))
    used = np.flatnonzero(scale)
    if not len(used):
        # no variance at all: any metric will do
        return np.eye(len(V)), 0.0
    # of the correlations, so that what counts as no variance does not depend on units
    values, vectors = linalg.eigh(V[np.ix_(used, used)] / np.outer(scale[used], scale[used]))
    kept = values > len(used) * np.finfo(V.dtype).eps * values[-1]
    components = np.zeros((kept.sum(), len(V)))
    components[:, used] = (vectors[:, kept] / np.sqrt(values[kept])).T / scale[used]
    return components, float(np.log(values[kept]).sum() + 2 * np.log(scale[used]).sum())


def total_covariance(rows):
    """Return the weighted covariance (maximum likelihood) of all rows."""
    total, second, mean = 0.0, 0.0, 0.0
    for x, w in rows.float64_blocks():
        total += w.sum()
        mean = mean + w @ x
        second = second + (x.T * w) @ x
    mean /= total
    return second / total - np.outer(mean, mean)


def within_covariance(V, statistics):
    """Return the pooled covariance around the means of the clusters.

    It is what the total covariance V (around the origin) leaves after the spread of the means.
    """
    found = statistics.weights > 0
    weights, sums = statistics.weights[found], statistics.sums[found]
    total = weights.sum()
    mean = sums.sum(axis=0) / total
    between = (sums.T / weights) @ sums / total - np.outer(mean, mean)
    return V - between


class MahalanobisKMeans(BaseCenterClusterer):
    """Mahalanobis k-means clustering.

    Clusters are ellipsoids rather than balls, and the result does not depend on the units of the
    features, nor on any other invertible linear map of them.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters.

    covariance_type : {'global', 'tied'}, default='global'
        Whose covariance gives the metric:

        - 'global': that of all data, once. This is k-means on whitened data.
        - 'tied': the pooled covariance within the clusters, estimated together with them. This
          minimises its determinant.

    init : {'k-means++', 'random'}, callable or array-like of shape \
            (n_clusters, n_features), default='k-means++'
        Initial centers: drawn by k-means++ under the 'global' metric (on at most 131,072 samples),
        drawn at random from the samples, returned by ``init(X, n_clusters, random_state=...)``, or
        given.

    n_init : 'auto' or int, default='auto'
        Number of runs from different initial centers, of which the one with the lowest objective is
        kept. 'auto' is 1 for 'k-means++' and arrays, else 10.

    max_iter : int, default=300
        Largest number of iterations of a run.

    tol : float, default=1e-6
        A run has converged once the squared change of centers and covariance is below ``tol`` times
        the mean variance of the features.

    reg_covar : float, default=1e-6
        Share of the variance of each feature that is added to the diagonal of the covariance, to keep
        it from becoming singular. With 0 the result does not depend on any invertible linear map of
        the features; with more, only on none of their units.

    verbose : int, default=0
        If positive, print the objective at each iteration.

    random_state : int, RandomState instance or None, default=None
        Determines the initial centers. Pass an int for reproducible results.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        The centers.

    labels_ : ndarray of shape (n_samples,), int32
        Index of the closest center of each sample. Clusters without samples come last.

    covariances_ : ndarray of shape (n_features, n_features)
        The covariance of the metric.

    components_ : ndarray of shape (rank, n_features)
        The linear map L of the metric: the Mahalanobis distance is the Euclidean one after
        ``X @ components_.T``. Directions without variance are dropped.

    inertia_ : float
        Weighted sum of squared Mahalanobis distances to the closest center.

    objective_ : float
        For 'global' the inertia; for 'tied' the inertia plus n_samples times the log-determinant of
        the covariance and a penalty for ``reg_covar``.

    objective_history_ : ndarray of shape (`n_iter_` + 1,)
        The objective before the first and after each iteration; it never rises.

    n_iter_ : int
        Number of iterations of the best run.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has string column names.

    See Also
    --------
    KHarmonicMeans : Depends less on the initial centers.
    sklearn.mixture.GaussianMixture : The soft relative.

    Notes
    -----
    The distance is equation 10 of [1]_. 'tied' alternates between nearest centers, means and pooled
    covariance W/n, which lowers n log det(W/n) + n d, the criterion of [2]_. With reg_covar = r the
    covariance is V = W/n + r diag(T) for the covariance T of all data, and n r tr(V^-1 diag(T)) is added
    to the objective, without which it could rise.

    Where there are no more samples than features, all samples lie equally far from each other under
    their own covariance, and the metric says nothing: raise reg_covar, or reduce the features first.

    An iteration costs O(n_samples * n_features * (n_clusters + n_features)).

    References
    ----------
    .. [1] L. G. Nogueira, A. B. S. Serapiao. "Exploring centroids initialization within Deep
       Convolutional Embedded Clustering".
    .. [2] H. P. Friedman, J. Rubin (1967). "On some invariant criteria for grouping data". Journal of
       the American Statistical Association 62, 1159-1178.

    Examples
    --------
    >>> import numpy as np
    >>> from skdcec import MahalanobisKMeans
    >>> X = np.array([[1, 2], [1.5, 4], [0.5, 0.3], [10, 2.2], [9.7, 4.1], [10.4, 0], [5, 11]])
    >>> MahalanobisKMeans(n_clusters=3, random_state=0).fit_predict(X)
    array([0, 0, 0, 1, 1, 1, 2], dtype=int32)
    >>> units = np.array([1, 1000])
    >>> MahalanobisKMeans(n_clusters=3, random_state=0).fit_predict(X * units)
    array([0, 0, 0, 1, 1, 1, 2], dtype=int32)
    """

    _parameter_constraints: dict = {
        **BaseCenterClusterer._parameter_constraints,
        "covariance_type": [StrOptions({"global", "tied"})],
        "reg_covar": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        n_clusters=8,
        *,
        covariance_type="global",
        init="k-means++",
        n_init="auto",
        max_iter=300,
        tol=1e-6,
        reg_covar=1e-6,
        verbose=0,
        random_state=None,
    ):
        self.n_clusters = n_clusters
        self.covariance_type = covariance_type
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.reg_covar = reg_covar
        self.verbose = verbose
        self.random_state = random_state

    def _prepare(self, rows, sample, sample_weight, variance):
        V = total_covariance(rows)
        return self._metric(V, V) | {"_total_covariance": V}

    def _metric(self, V, total):
        """Return the part of the state that describes the metric with covariance V plus the ridge.

        ``_offset`` is what a sample adds to the objective besides its squared distance.
        """
        ridge = self.reg_covar * np.diag(total)
        V = V + np.diag(ridge)
        components, log_det = whitening(V)
        metric = {"covariances_": V, "components_": components, "_offset": 0.0}
        if self.covariance_type == "tied":
            metric["_offset"] = log_det + float((components**2 @ ridge).sum())
        return metric

    def _metric_rows(self, x, state):
        return x @ state["components_"].T.astype(x.dtype)

    def _distances(self, x, state):
        centers = state["cluster_centers_"].astype(x.dtype, copy=False)
        return squared_distances(self._metric_rows(x, state), self._metric_rows(centers, state))

    def _block_statistics(self, x, sample_weight, state):
        D = self._distances(x, state)
        nearest = D.argmin(axis=0)
        A = (nearest == np.arange(len(D))[:, None]) * sample_weight
        objective = (D.min(axis=0) + state["_offset"]) @ sample_weight
        return Statistics(A @ x, A.sum(axis=1), float(objective))

    def _update(self, statistics, state):
        state = super()._update(statistics, state)
        if self.covariance_type == "global":
            return state
        total = state["_total_covariance"]
        metric = self._metric(within_covariance(total, statistics), total)
        if len(metric["components_"]) < len(state["components_"]):
            raise ValueError(
                f"The clusters have no variance left in some direction, where reg_covar={self.reg_covar} "
                "does not keep their covariance from becoming singular; it should be larger."
            )
        return state | metric

    def _to_attributes(self, state, rows):
        attributes = super()._to_attributes(state, rows)
        del attributes["_total_covariance"]
        return attributes | {
            "covariances_": state["covariances_"] * rows.unit**2,
            "components_": state["components_"] / rows.unit,
        }

    def _to_state(self, attributes, rows):
        return super()._to_state(attributes, rows) | {
            "covariances_": attributes["covariances_"] / rows.unit**2,
            "components_": attributes["components_"] * rows.unit,
        }

    def _distance_unit(self, rows):
        return 1.0

    def _restore_objective(self, objective, state, rows):
        if self.covariance_type == "global":
            return objective
        # the log-determinant of a covariance in other units
        shift = 2 * len(state["components_"]) * np.log(rows.unit)
        return objective + rows.sample_weight.sum() * shift
