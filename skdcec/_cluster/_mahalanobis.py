"""k-means under the Mahalanobis distance.

A Mahalanobis metric is a linear map: with V^-1 = L'L the distance between x and c is the Euclidean
one between Lx and Lc. The estimator keeps L (``components_``). With one metric for all clusters the rest
is Euclidean; where each has its own, its log-determinant counts as well.
"""

import warnings
from functools import partial
from numbers import Real

import numpy as np
from scipy import linalg
from sklearn.exceptions import ConvergenceWarning

from skdcec._cluster._base import BaseCenterClusterer
from skdcec._cluster._blocks import Centers, count_distinct
from skdcec._cluster._covariances import (
    ROUNDING,
    VANISHING_VARIANCE,
    assigned_labels,
    cluster_covariances,
    common_distances,
    ledoit_wolf_shrinkage,
    mahalanobis_statistics,
    mean_and_covariance,
    own_distances,
    rewhitening,
    standardisation,
    transformed,
    whitening,
)
from skdcec._sklearn import Interval, StrOptions

# Where each cluster has a metric of its own.
OWN_METRICS = ("full", "diag", "spherical")
# How much of a covariance of clusters shrinkage='auto' may replace.
LARGEST_SHRINKAGE = 0.99
# A smaller share of the diagonal does not make up for a lack of samples.
SLIGHT_RIDGE = 1e-3


class MahalanobisKMeans(BaseCenterClusterer):
    """Mahalanobis k-means clustering.

    Clusters are ellipsoids rather than balls, of one shape or each of its own, and the result does not
    depend on the units of the features ('spherical' apart), nor for most covariance types on any other
    invertible linear map of them.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters.

    covariance_type : {'global', 'tied', 'full', 'diag', 'spherical'}, default='global'
        Whose covariance gives the metric:

        - 'global': that of all data, once. This is k-means on whitened data, which also evens out the
          directions that tell clusters apart.
        - 'tied': the pooled covariance within the clusters, estimated together with them. This
          minimises its determinant. On irises and handwritten digits this finds more, with some starts
          (``n_init=20``).
        - 'full': that of each cluster.
        - 'diag': the variances of each cluster, feature by feature.
        - 'spherical': the mean variance of each cluster.

    init : {'k-means++', 'random'}, callable or array-like of shape \
            (n_clusters, n_features), default='k-means++'
        Initial centers: drawn by k-means++ under the metric of all data (on at most 131,072 samples),
        drawn at random from the samples, returned by ``init(X, n_clusters, random_state=...)``, or
        given.

    n_init : 'auto' or int, default='auto'
        Number of runs from different initial centers, of which the one with the lowest objective is
        kept. 'auto' is 1 for 'k-means++' and arrays, else 10.

    max_iter : int, default=300
        Largest number of iterations of a run.

    tol : float, default=1e-6
        A run has converged once the squared change of centers and covariances is below ``tol``, under the
        metric of all data: in coordinates that make their covariance the identity; for 'diag' and
        'spherical', their variances or the mean variance one.

    reg_covar : float, default=1e-6
        Share of the variance of each feature that is added to the diagonal of the covariance, to keep
        it from becoming singular. With 0 the result of 'global', 'tied' and 'full' does not depend on any
        invertible linear map of the features; with more, it still does not depend on their units.

    shrinkage : 'auto', float or None, default=None
        Replaces a covariance V by ``(1 - shrinkage) * V + shrinkage * diag(T)``, where T is the
        covariance of all data: a number from 0 to 1, or 'auto' for the estimate of Ledoit and Wolf on
        standardised features. With 1, 'global' only undoes the units of the features. Where there are
        few samples for the number of features, this helps more than ``reg_covar``. The other covariance
        types need something to be left of V: for them 1 is an error, and 'auto' is .99 at most.

    verbose : int, default=0
        If positive, print the objective at each iteration.

    random_state : int, RandomState instance or None, default=None
        Determines the initial centers. Pass an int for reproducible results.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        The centers.

    labels_ : ndarray of shape (n_samples,), int32
        Index of the closest center of each sample. Where each cluster has a covariance of its own, its share
        of the objective decides: see the notes. Clusters without samples come last.

    covariances_ : ndarray
        The covariance of the metric, of shape (n_features, n_features); for 'full' one for each cluster,
        (n_clusters, n_features, n_features); for 'diag' the variances, (n_clusters, n_features); for
        'spherical' the mean variances, (n_clusters,).

    components_ : ndarray
        The linear map L of the metric, of shape (rank, n_features): the Mahalanobis distance is the
        Euclidean one after ``X @ components_.T``. Features without variance are dropped, and with
        ``reg_covar=0`` all directions without. For 'full' one for each cluster, (n_clusters, rank,
        n_features); for 'diag' and 'spherical' the inverse standard deviations, in the shape of
        ``covariances_``.

    shrinkage_ : float
        The shrinkage that was used.

    inertia_ : float
        Weighted sum of squared Mahalanobis distances of samples to the center of their cluster.

    objective_ : float
        For 'global' the inertia; otherwise the inertia plus, for each sample, the log-determinant of the
        covariance of its cluster, and penalties for ``reg_covar`` and ``shrinkage``.

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
    covariance W/n, which lowers n log det(W/n) + n d, the criterion of [2]_. With a covariance V_j for
    each cluster of n_j samples the criterion is sum_j n_j (log det V_j + d), and a sample goes where its
    squared distance plus log det V_j is least. With s = shrinkage and r = reg_covar, the covariance is
    V = (1 - s) W/n + (s + r) diag(T) for the covariance T of all data; the squared distances count 1 - s
    times, and n (s + r) tr(V^-1 diag(T)) is added to the objective, which never rises then; with a
    covariance for each cluster, (s + r) tr(V_j^-1 diag(T)) is added where samples choose, too.

    Where there are no more samples than features, all samples lie equally far from each other under
    their own covariance, and the metric says nothing: set shrinkage, or reduce the features first. A
    warning says so.

    The criterion of 'full', 'diag' and 'spherical' has no mixing proportions: where clusters overlap and
    differ much in size, its lowest value may split the largest. A Gaussian mixture suits such data better.

    An iteration costs O(n_samples * n_features * (n_clusters + n_features)), and 'full'
    O(n_samples * n_features**2 * n_clusters).

    References
    ----------
    .. [1] L. G. Nogueira, A. B. S. Serapiao. "Exploring centroids initialization within Deep
       Convolutional Embedded Clustering".
    .. [2] H. P. Friedman, J. Rubin (1967). "On some invariant criteria for grouping data". Journal of
       the American Statistical Association 62, 1159-1178.
    .. [3] O. Ledoit, M. Wolf (2004). "A well-conditioned estimator for large-dimensional covariance
       matrices". Journal of Multivariate Analysis 88(2), 365-411.

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
        "covariance_type": [StrOptions({"global", "tied", "full", "diag", "spherical"})],
        "reg_covar": [Interval(Real, 0, None, closed="left")],
        "shrinkage": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="both"), None],
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
        shrinkage=None,
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
        self.shrinkage = shrinkage
        self.verbose = verbose
        self.random_state = random_state

    @property
    def _own_metrics(self):
        """Whether each cluster has a metric of its own."""
        return self.covariance_type in OWN_METRICS

    def _prepare(self, rows, sample, sample_weight, variance):
        mean, T = mean_and_covariance(rows)
        shrinkage = self._choose_shrinkage(rows, mean, T)
        target = np.diag(T)
        varies = target > VANISHING_VARIANCE[rows.X.dtype]
        if self.covariance_type == "diag":
            T = target
        elif self.covariance_type == "spherical":
            T = target = target.mean(keepdims=True)
            varies = True
        n_varying = np.count_nonzero(varies)
        if T.ndim == 2 and len(sample) <= n_varying and self.reg_covar + shrinkage < SLIGHT_RIDGE:
            warnings.warn(
                f"With only {len(sample)} samples for {n_varying} features, all of them lie equally far from "
                "each other under their own covariance, which says nothing of clusters. Set "
                "shrinkage='auto', or reduce the number of features first.",
                ConvergenceWarning,
                stacklevel=4,
            )
        ridge, rounding = (self.reg_covar + shrinkage) * target, ROUNDING[rows.X.dtype]
        if T.ndim == 2:
            L, log_det = whitening((1 - shrinkage) * T + np.diag(ridge), varies, rounding)
            rank = len(L)
        else:
            L, log_det = standardisation((1 - shrinkage) * T + ridge, varies)
            rank = np.count_nonzero(L)
        prepared = {
            "shrinkage_": shrinkage,
            "_ridge": ridge,
            "_rounding": rounding,
            # the metric of all data, before any update
            "_whole": L,
            "_whole_log_det": log_det,
            "_rank": rank,
            # a spherical covariance is one number for all features
            "_multiplicity": len(variance) if self.covariance_type == "spherical" else 1,
            # the metric of a fit stays, whatever becomes of the parameter
            "_metric_type": self.covariance_type,
        }
        S = np.repeat(T[None], self.n_clusters, axis=0) if self._own_metrics else T
        return prepared | self._metric(S, prepared)

    def _choose_shrinkage(self, rows, mean, T):
        """Return the number that the parameter stands for."""
        if self.shrinkage == "auto":
            shrinkage = ledoit_wolf_shrinkage(rows, mean, T)
            # something must be left to the clusters
            return shrinkage if self.covariance_type == "global" else min(shrinkage, LARGEST_SHRINKAGE)
        if self.shrinkage == 1 and self.covariance_type != "global":
            raise ValueError(
                f"shrinkage={self.shrinkage} leaves nothing to estimate from the clusters; it should be "
                "below 1, or covariance_type='global'."
            )
        return float(self.shrinkage or 0)

    def _metric(self, S, state):
        """Return the part of the state that describes the metric for the covariance S.

        ``_offset`` is what a sample adds to the objective besides ``_share`` of its squared distance.
        """
        ridge, share, L = state["_ridge"], 1 - state["shrinkage_"], state["_whole"]
        V = share * S + (np.diag(ridge) if L.ndim == 2 else ridge)
        metric = {"covariances_": V, "_share": share, "_cluster_covariances": S}
        if self.covariance_type == "global":
            return metric | {"components_": L, "_offset": 0.0, "_share": 1.0}
        try:
            maps = [rewhitening(v, L, state["_rounding"]) for v in (V if self._own_metrics else [V])]
        except linalg.LinAlgError:
            raise ValueError(
                f"The clusters have no variance left in some direction, where reg_covar={self.reg_covar} "
                "does not keep their covariance from becoming singular; it should be larger."
            ) from None
        # the log-determinant, and the penalty without which the ridge could raise the objective
        offset = [
            state["_multiplicity"] * (state["_whole_log_det"] + log_det + float((C**2 @ ridge).sum()))
            for C, log_det in maps
        ]
        if self._own_metrics:
            return metric | {"components_": np.stack([C for C, _ in maps]), "_offset": np.array(offset)}
        return metric | {"components_": maps[0][0], "_offset": offset[0]}

    def _metric_rows(self, x, state):
        return transformed(x, state["_whole"]) if state["_whole"].size else x

    def _has_converged(self, state, target, variance):
        # measured by the covariance of all data, so that units do not decide when a run ends
        L = state["_whole"]
        moves = transformed(target["cluster_centers_"] - state["cluster_centers_"], L)
        change = float(np.sum(moves**2))
        if self.covariance_type != "global":
            V = target["covariances_"] - state["covariances_"]
            change += float(np.sum((L @ V @ L.T if L.ndim == 2 else V * L**2) ** 2))
        return change <= self.tol

    def _count_distinct(self, state, sample, weight, variance):
        if self._own_metrics:
            # clusters of unlike shapes may share a center
            return self.n_clusters
        centers, sample = (transformed(x, state["components_"]) for x in (state["cluster_centers_"], sample))
        return count_distinct(centers, np.sqrt(state["_rank"]), sample, weight)

    def _distance_function(self, state):
        centers, components = state["cluster_centers_"], state["components_"]
        if state["_metric_type"] in OWN_METRICS:
            return partial(own_distances, centers=centers, components=components)
        return partial(
            common_distances, centers=Centers.of(transformed(centers, components)), components=components
        )

    def _assignment(self, state):
        return {
            "distances": self._distance_function(state),
            "offset": state["_offset"],
            "share": state["_share"],
        }

    def _label_function(self, state):
        return partial(assigned_labels, **self._assignment(state))

    def _statistics_function(self, state):
        return partial(
            mahalanobis_statistics,
            **self._assignment(state),
            centers=state["cluster_centers_"],
            covariance_type=state["_metric_type"],
        )

    def _update(self, statistics, state):
        new = super()._update(statistics, state)
        if self.covariance_type == "global":
            return new
        centers, means = state["cluster_centers_"], new["cluster_centers_"]
        S = cluster_covariances(statistics, centers, means, self.covariance_type)
        if self._own_metrics:
            empty = statistics.weights == 0
            S[empty] = state["_cluster_covariances"][empty]
        return new | self._metric(S, state)

    def _to_attributes(self, state, units):
        # only needed on the way
        on_the_way = ("_cluster_covariances", "_rounding", "_whole", "_whole_log_det")
        state = {name: value for name, value in state.items() if name not in on_the_way}
        covariances, components = state["covariances_"], state["components_"]
        if state["_metric_type"] == "spherical":
            covariances, components = covariances[:, 0], components[:, 0]
        return super()._to_attributes(state, units) | {
            "covariances_": covariances * units.scale**2,
            "components_": components / units.scale,
        }

    def _to_state(self, attributes, units):
        covariances, components = attributes["covariances_"], attributes["components_"]
        if attributes["_metric_type"] == "spherical":
            covariances, components = covariances[:, None], components[:, None]
        return super()._to_state(attributes, units) | {
            "covariances_": covariances / units.scale**2,
            "components_": components * units.scale,
        }

    def _distance_unit(self, units):
        return 1.0

    def _per_cluster(self):
        own = ["covariances_", "components_", "_offset"] if self._own_metrics else []
        return [*super()._per_cluster(), *own]

    def _restore_objective(self, objective, state, rows):
        if state["_metric_type"] == "global":
            return objective
        # the log-determinant of a covariance in other units
        shift = 2 * state["_multiplicity"] * state["_rank"] * np.log(rows.units.scale)
        return objective + rows.total_weight * shift
