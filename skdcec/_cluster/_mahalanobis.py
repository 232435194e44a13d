"""k-means under the Mahalanobis distance.

A Mahalanobis metric is a linear map: with V^-1 = L'L the distance between x and c is the Euclidean
one between Lx and Lc. The estimator keeps L (``components_``). With one metric for all clusters the rest
is Euclidean; if each has its own, its log-determinant counts as well.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from numbers import Real
from typing import Any, ClassVar, Self, cast

import numpy as np
from numpy import ndarray
from scipy import linalg
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.extmath import row_norms

from skdcec._cluster._base import BaseCenterClusterer
from skdcec._cluster._blocks import Block, Centers, Statistics
from skdcec._cluster._covariances import COVARIANCES, Covariance, Spherical, check_covariance
from skdcec._cluster._distinct import count_distinct
from skdcec._cluster._fixed_point import Best
from skdcec._cluster._mahalanobis_metric import (
    ROUNDING,
    VANISHING_VARIANCE,
    assigned_labels,
    ledoit_wolf_shrinkage,
    mahalanobis_statistics,
    mean_and_covariance,
    moments,
    own_distances,
    relative_distances,
    rewhitening,
    scatter_from_moments,
    shared_distances,
    shrinkage_of_prior,
    standardization,
    transformed,
    variances,
    whitening,
)
from skdcec._cluster._rule import DistanceFunction, LabelFunction, Problem, Rule, State
from skdcec._cluster._units import Units
from skdcec._sklearn import Interval, StrOptions
from skdcec._warn import warn

# Largest part of a covariance of clusters that an estimated shrinkage may replace.
LARGEST_SHRINKAGE = 0.99
# Less shrinkage does not make up for a lack of samples.
SLIGHT_SHRINKAGE = 0.05
# A variance within clusters may follow from the moments of all data if it is no smaller than this fraction of
# the variance of all data: otherwise too few digits would be left.
SHORTCUT = {np.dtype(np.float32): 1e-2, np.dtype(np.float64): 1e-5}
# A feature is constant within a cluster if its variance is not larger than this many rounding errors.
FEW_ROUNDINGS = 16
# Messages name no more features than this.
MOST_NAMED = 5
# Fewer samples per feature than this are few for a cluster with (True) or without its own covariance.
FEW_SAMPLES = {True: 4, False: 2}


# --------------------------------------------------------------------------- rule


@dataclass(frozen=True)
class DataMetric:
    """The metric of all data, from which a run starts, and in which convergence is measured."""

    covariance: ndarray  # T, (d, d), (d,) or (1,)
    target: ndarray  # (d,) or (1,)  diag(T), towards which covariances shrink
    components: ndarray  # L, (rank, d), (d,) or (1,)
    log_det: float
    rounding: float
    moments: ndarray  # (d + 1, d + 1) of the rows with a 1 appended
    shortcut: float  # the least relative variance that may follow from the moments


@dataclass(frozen=True)
class MahalanobisState(State):
    """Centers, and the metric of the clusters."""

    covariances: ndarray  # V, after shrinkage
    components: ndarray
    offset: ndarray | float  # added to the objective for each sample, besides its distance
    estimates: ndarray | None = None  # S, before shrinkage
    # whether sums over all data may take the place of a pass over the rows, because enough digits are left
    from_moments: bool = False


@dataclass(frozen=True)
class MahalanobisRule(Rule):
    """Mahalanobis k-means with a type of covariance."""

    covariance: Covariance
    shrinkage: float
    rank: int
    multiplicity: int
    inertia_components: ndarray  # of the covariance of all data, without shrinkage
    data_metric: DataMetric | None = None  # known during a fit only

    powers_of_length: ClassVar[Mapping[str, int]] = {
        "covariances_": 2,
        "components_": -1,
        "_inertia_components": -1,
    }
    distances_have_units = False

    @property
    def per_cluster(self) -> tuple[str, ...]:  # type: ignore[override]
        """The fitted attributes with one entry for each cluster."""
        own = ("covariances_", "components_", "_offset") if self.covariance.per_cluster else ()
        return ("cluster_centers_", *own)

    @property
    def _factor(self) -> float:
        """The factor of squared distances in the objective."""
        return 1.0 if self.covariance.is_fixed else 1 - self.shrinkage

    @property
    def _data(self) -> DataMetric:
        if self.data_metric is None:
            raise RuntimeError("This rule was restored from a fit, and cannot iterate.")
        return self.data_metric

    def start(self, centers: ndarray) -> MahalanobisState:
        """Return the state of initial centers, under the metric of all data."""
        T = self._data.covariance
        state = self._with_metric(centers, np.stack([T] * len(centers)) if self.covariance.per_cluster else T)
        return replace(state, from_moments=False)

    def _with_metric(self, centers: ndarray, S: ndarray) -> MahalanobisState:
        """Return the state of centers and the covariances that are estimated from the clusters."""
        data, factor = self._data, 1 - self.shrinkage
        L, ridge = data.components, self.shrinkage * data.target
        if L.ndim == 2:
            constrain = self.covariance.constrain
            S = np.stack([constrain(s) for s in S]) if self.covariance.per_cluster else constrain(S)
        V = factor * S + (np.diag(ridge) if L.ndim == 2 else ridge)
        if self.covariance.is_fixed:
            return MahalanobisState(centers, V, L, 0.0)
        try:
            maps = [rewhitening(v, L, data.rounding) for v in (V if self.covariance.per_cluster else [V])]
        except linalg.LinAlgError:
            raise ValueError(
                "The clusters have no variance left in some direction, and "
                f"shrinkage={self.shrinkage} does not keep their covariance from becoming singular; "
                "it should be larger."
            ) from None
        # the log-determinant, and the penalty without which shrinkage could raise the objective
        offsets = [
            self.multiplicity * (data.log_det + log_det + float((C**2 @ ridge).sum()))
            for C, log_det, _ in maps
        ]
        if self.covariance.per_cluster:
            return MahalanobisState(centers, V, np.stack([C for C, *_ in maps]), np.array(offsets), S)
        components, _, least = maps[0]
        from_moments = self.covariance._is_pooled and least >= data.shortcut and len(L) > 0
        return MahalanobisState(centers, V, components, offsets[0], S, from_moments)

    def _least_variance(self, S: ndarray) -> float:
        """Return the smallest variance of an estimate after shrinkage, over that of all data."""
        data = self._data
        V = (1 - self.shrinkage) * self.covariance.constrain(S) + np.diag(self.shrinkage * data.target)
        return float(linalg.eigvalsh(data.components @ V @ data.components.T)[0])

    def statistics(self, state: MahalanobisState) -> Callable[[Block], Statistics]:
        """Return the function from a block to its statistics."""
        assignment = self._shortcut(state) if state.from_moments else self._assignment(state)
        needs_scatter = not (self.covariance.is_fixed or state.from_moments)
        covariance = self.covariance if needs_scatter else None
        return partial(mahalanobis_statistics, **assignment, centers=state.centers, covariance=covariance)

    def update(self, state: MahalanobisState, statistics: Statistics) -> MahalanobisState:
        """Return the state of the means and covariances of the clusters."""
        new: MahalanobisState = super().update(state, statistics)
        if self.covariance.is_fixed:
            # the mean squared distance per direction, over the 1 that it has in all data
            least = self._data.shortcut * self.rank * self._data.moments[-1, -1]
            is_enough = bool(statistics.objective >= least)
            return replace(new if is_enough or not state.from_moments else state, from_moments=is_enough)
        shift = new.centers - state.centers
        scatter = np.asarray(statistics.scatter)
        if state.from_moments:
            scatter = scatter_from_moments(self._data.moments, statistics, state.centers)
        S = self.covariance._of_clusters(scatter, statistics.weights, shift)
        if state.from_moments and self._least_variance(S) < self._data.shortcut:
            return replace(state, from_moments=False)  # once more, with all digits
        if self.covariance.per_cluster and state.estimates is not None:
            empty = statistics.weights == 0
            S[empty] = state.estimates[empty]
        return self._with_metric(new.centers, S)

    def has_converged(
        self, state: MahalanobisState, target: MahalanobisState, tol: float, problem: Problem
    ) -> bool:
        """Return whether centers and covariances move by less than the tolerance.

        Measured in the metric of all data, so that units do not decide when a run ends.
        """
        if state.from_moments and not target.from_moments:
            return False
        L = self._data.components
        change = float(np.sum(transformed(target.centers - state.centers, L) ** 2))
        if not self.covariance.is_fixed:
            V = target.covariances - state.covariances
            change += float(np.sum((L @ V @ L.T if L.ndim == 2 else V * L**2) ** 2))
        return change <= tol

    def metric_rows(self, x: Any) -> Any:
        """Map rows to a space in which the metric of all data is Euclidean."""
        L = self._data.components
        return transformed(x, L) if L.size else x

    def kmeans_scales(self, problem: Problem) -> list[ndarray]:
        """Return the factors that leave the features as they are, and those that standardize them."""
        scale, _ = standardization(problem.variance)
        return [np.ones_like(scale), np.where(scale > 0, scale, 1)]

    def distances(self, state: MahalanobisState) -> DistanceFunction:
        """Return the function from a block to its squared Mahalanobis distances."""
        centers, components = state.centers, state.components
        if self.covariance.per_cluster:
            return partial(own_distances, centers=centers, components=components)
        mapped = Centers.of(transformed(centers, components))
        return partial(shared_distances, centers=mapped, components=components)

    def _assignment(self, state: MahalanobisState) -> dict[str, Any]:
        return {"distances": self.distances(state), "offset": state.offset, "factor": self._factor}

    def _shortcut(self, state: MahalanobisState) -> dict[str, Any]:
        """Return the assignment without the images of the rows under the metric.

        Their squared norms are the same for all centers, and on average they follow from the moments.
        """
        L, (M, total) = state.components, (self._data.moments[:-1, :-1], self._data.moments[-1, -1])
        images = transformed(state.centers, L)
        coefficients = np.column_stack([-2 * images @ L, row_norms(images, squared=True)])
        mean_norm = float(np.einsum("ij,ij->", L @ M, L) / total)
        return {
            "distances": partial(relative_distances, coefficients=coefficients),
            "offset": state.offset + self._factor * mean_norm,
            "factor": self._factor,
        }

    def labels(self, state: MahalanobisState) -> LabelFunction:
        """Return the function from a block to its labels and its part of the inertia."""
        return partial(
            assigned_labels,
            **self._assignment(state),
            centers=state.centers,
            components_of_data=None if self.covariance.is_fixed else self.inertia_components,
        )

    def count_distinct(self, state: MahalanobisState, problem: Problem) -> int:
        """Return the number of centers that are noticeably different in their metric."""
        if self.covariance.per_cluster:
            # clusters of unlike shapes may share a center
            return len(state.centers)
        x, weight = problem.distinct_sample()
        centers, x = (transformed(rows, state.components) for rows in (state.centers, x))
        return count_distinct(centers, float(np.sqrt(self.rank)), x, weight)

    def objective(self, value: Any, state: MahalanobisState, units: Units, total_weight: float) -> Any:
        """Add the log-determinant of the units to an objective."""
        if self.covariance.is_fixed:
            return value
        return value + total_weight * (2 * self.multiplicity * self.rank * np.log(units.scale))

    def attributes(self, state: MahalanobisState) -> dict[str, Any]:
        """Return the fitted attributes of a state."""
        covariances, components = state.covariances, state.components
        if isinstance(self.covariance, Spherical):
            covariances, components = covariances[:, 0], components[:, 0]
        return super().attributes(state) | {
            "covariances_": covariances,
            "components_": components,
            "shrinkage_": self.shrinkage,
            "_offset": state.offset,
            "_rank": self.rank,
            "_multiplicity": self.multiplicity,
            "_covariance": self.covariance,
            "_inertia_components": self.inertia_components,
        }

    @classmethod
    def restored(cls, attributes: Mapping[str, Any]) -> tuple[Self, MahalanobisState]:
        """Return the rule and the state of fitted attributes."""
        names = ("_covariance", "shrinkage_", "_rank", "_multiplicity", "_inertia_components")
        covariances, components = attributes["covariances_"], attributes["components_"]
        if isinstance(attributes["_covariance"], Spherical):
            covariances, components = covariances[:, None], components[:, None]
        state = MahalanobisState(
            attributes["cluster_centers_"], covariances, components, attributes["_offset"]
        )
        return cls(*(attributes[name] for name in names)), state


# --------------------------------------------------------------------------- estimator


class MahalanobisKMeans(BaseCenterClusterer):
    """Mahalanobis k-means clustering.

    Clusters are ellipsoids rather than balls, with a common shape or one for each, and the result does not
    depend on the units of the features (except for 'spherical') or, for most covariance types, on any other
    invertible linear map of them.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters.

    covariance_type : {'global', 'tied', 'full', 'diag', 'spherical'} or Covariance, default='full'
        The covariance that gives the metric, by name or as an object such as those of `skdcec.covariances`:

        - 'global': that of all data, estimated once. This is k-means on whitened data, with the distance of
          [1]_. It also shrinks the directions that separate clusters, and is rarely better than k-means.
        - 'tied': the pooled covariance within the clusters, estimated together with them. This
          minimizes its determinant.
        - 'full': the covariance of each cluster.
        - 'diag': the variances of each cluster, feature by feature.
        - 'spherical': the mean variance of each cluster.

    init : {'kmeans', 'k-means++', 'random'}, callable or array-like of shape \
            (n_clusters, n_features), default='kmeans'
        Initial centers: those of scikit-learn's ``KMeans`` (on at most 8,192 samples, or 64 for each
        cluster if that is more), drawn by k-means++ under the metric of all data (on at most 131,072
        samples), drawn at random from the samples, returned by ``init(X, n_clusters, random_state=...)``, or
        given. For 'kmeans' there are two runs, one from k-means on the features as they are, the other from
        k-means on standardized features; the one with the lower objective is kept.

    n_init : 'auto' or int, default='auto'
        For 'kmeans' the number of runs of each k-means. Otherwise the number of runs from different initial
        centers, of which the one with the lowest objective is kept. 'auto' is 20 for 'kmeans', and fewer
        beyond 50 clusters; 1 for 'k-means++' and arrays; else 10.

    max_iter : int, default=300
        Largest number of iterations of a run.

    tol : float, default=1e-6
        A run has converged once the squared change of centers and covariances is below ``tol``, in
        coordinates in which the covariance of all data is the identity ('diag': its variances are one;
        'spherical': their mean is one).

    shrinkage : {'auto', 'ledoit_wolf'} or float, default='auto'
        Replaces a covariance V by ``(1 - shrinkage) * V + shrinkage * diag(T)``, where T is the covariance of
        all data: a number from 0 to 1, or one of

        - 'auto': ``2 d / (2 d + n)`` with the number d of features and the mean cluster size n, not counting
          repeated samples; for 'global', n is the total number of samples. This is as if each cluster had two
          extra samples per feature, with the covariance diag(T).
        - 'ledoit_wolf': the estimate of Ledoit and Wolf [3]_ on standardized features.

        1e-6 only keeps V from becoming singular. With 0, the metric of 'global', 'tied' and 'full' is
        invariant to any invertible linear map of the features; with more, it is still invariant to their
        units. With 1, 'global' only removes the units of the features. For the other types some of V must
        remain: 1 is an error, and an estimate is at most .99.

    verbose : int, default=0
        If positive, print the objective at each iteration.

    random_state : int, RandomState instance or None, default=None
        Determines the initial centers. Pass an int for reproducible results.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        The centers.

    labels_ : ndarray of shape (n_samples,), int32
        Index of the closest center of each sample. If each cluster has a covariance of its own, its
        log-determinant counts as well: see the notes. Clusters without samples come last.

    covariances_ : ndarray
        The covariance of the metric, of shape (n_features, n_features); for 'full' one for each cluster,
        (n_clusters, n_features, n_features); for 'diag' the variances, (n_clusters, n_features); for
        'spherical' the mean variances, (n_clusters,).

    components_ : ndarray
        The linear map L of the metric, of shape (rank, n_features): the Mahalanobis distance is the
        Euclidean one after ``X @ components_.T``. Features without variance are dropped, and with
        ``shrinkage=0`` all directions without variance. For 'full' one for each cluster, (n_clusters, rank,
        n_features); for 'diag' and 'spherical' the inverse standard deviations, in the shape of
        ``covariances_``.

    shrinkage_ : float
        The shrinkage that was used.

    inertia_ : float
        Weighted sum of squared distances of samples to the center of their cluster: for 'global' in its
        metric, otherwise under the covariance of all data without shrinkage. So, as in ``KMeans``, it falls
        as ``n_clusters`` grows.

    objective_ : float
        For 'global' the inertia; otherwise the squared distances under the covariance of the cluster plus,
        for each sample, the log-determinant of that covariance, and a penalty for ``shrinkage``.

    history_ : dict of ndarray
        'objective', of shape (`n_iter_` + 1,): the objective before the first and after each iteration; it
        never rises.

    n_iter_ : int
        Number of iterations of the best run.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X has string column names.

    See Also
    --------
    KHarmonicMeans : Depends less on the initial centers.
    sklearn.mixture.GaussianMixture : The soft relative.

    Notes
    -----
    The distance is equation 10 of [1]_ (Nogueira and Serapiao). 'tied' alternates between nearest
    centers, means and pooled covariance W/n, which lowers n log det(W/n) + n d, the criterion of [2]_. With a
    covariance V_j for each cluster of n_j samples the criterion is sum_j n_j (log det V_j + d), and a sample
    goes where its squared distance plus log det V_j is least. With s = shrinkage the covariance is V = (1 -
    s) W/n + s diag(T) for the covariance T of all data; the squared distances count 1 - s times, and n s
    tr(V^-1 diag(T)) is added to the objective, which never rises then; with a covariance for each cluster, s
    tr(V_j^-1 diag(T)) also counts in the assignment of samples.

    If there are no more samples than features, all samples lie equally far from each other under their own
    covariance, and the metric is uninformative. With few samples in a cluster, covariances are fitted to
    noise. A warning then recommends setting ``shrinkage``, or reducing the features first.

    The criterion of 'full', 'diag' and 'spherical' has no mixing proportions: if clusters overlap and
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
    >>> from sklearn.metrics import adjusted_rand_score
    >>> from skdcec import MahalanobisKMeans
    >>> X = np.array([[1, 2], [1.5, 4], [0.5, 0.3], [10, 2.2], [9.7, 4.1], [10.4, 0], [5, 11]])
    >>> labels = MahalanobisKMeans(n_clusters=3, random_state=0).fit_predict(X)
    >>> labels
    array([0, 0, 0, 1, 1, 1, 2], dtype=int32)
    >>> units = np.array([1, 1000])
    >>> other = MahalanobisKMeans(n_clusters=3, random_state=0).fit_predict(X * units)
    >>> adjusted_rand_score(labels, other)
    1.0
    """

    _rule_type = MahalanobisRule
    _parameter_constraints: dict = {
        **BaseCenterClusterer._parameter_constraints,
        "covariance_type": [StrOptions(set(COVARIANCES)), Covariance],
        "shrinkage": [StrOptions({"auto", "ledoit_wolf"}), Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        covariance_type: str | Covariance = "full",
        init: Any = "kmeans",
        n_init: int | str = "auto",
        max_iter: int = 300,
        tol: float = 1e-6,
        shrinkage: float | str = "auto",
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.covariance_type = covariance_type
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.shrinkage = shrinkage
        self.verbose = verbose
        self.random_state = random_state

    def _rule(self, problem: Problem) -> MahalanobisRule:
        covariance, rows = check_covariance(self.covariance_type), problem.rows
        all_moments = rows.reduce(moments, np.add)
        mean, T = mean_and_covariance(all_moments)
        varies: ndarray | bool = np.diag(T) > VANISHING_VARIANCE[rows.X.dtype]
        shrinkage = self._choose_shrinkage(covariance, problem, mean, T)
        S = covariance._of_data(T)
        target = np.diag(S) if S.ndim == 2 else S
        if len(S) != len(T):
            varies = True
        n_varying = np.count_nonzero(varies)
        if S.ndim == 2 and shrinkage < SLIGHT_SHRINKAGE:
            self._warn_of_few_samples(covariance, len(problem.weight), int(n_varying))
        rounding, ridge = ROUNDING[rows.X.dtype], shrinkage * target
        if S.ndim == 2:
            L, log_det = whitening((1 - shrinkage) * S + np.diag(ridge), varies, rounding)
            rank = len(L)
        else:
            L, log_det = standardization((1 - shrinkage) * S + ridge, varies)
            rank = int(np.count_nonzero(L))
        data_metric = DataMetric(S, target, L, log_det, rounding, all_moments, SHORTCUT[rows.X.dtype])
        # without shrinkage, which depends on n_clusters
        of_data, _ = whitening(S, varies, rounding) if S.ndim == 2 else standardization(S, varies)
        return MahalanobisRule(
            covariance, shrinkage, rank, covariance._multiplicity(len(T)), of_data, data_metric
        )

    def _doubts(self, problem: Problem, best: Best, rule: MahalanobisRule, state: State) -> Iterator[str]:
        """Say that features with few values decide about the clusters."""
        found: MahalanobisState = best.run.state
        data = cast(MahalanobisRule, best.rule)._data
        if found.estimates is None:
            return
        of_matrices = data.covariance.ndim == 2
        V, T = (variances(C, of_matrices=of_matrices) for C in (found.estimates, data.covariance))
        is_constant = V <= FEW_ROUNDINGS * data.rounding * T
        # equal samples say nothing about single features
        is_constant &= ~is_constant.all(axis=1, keepdims=True)
        centers = np.where(is_constant, found.centers, np.nan)
        # clusters that differ in their constant values
        spread = np.nanmax(centers, axis=0, initial=-np.inf) - np.nanmin(centers, axis=0, initial=np.inf)
        features = np.flatnonzero((spread > np.sqrt(T[0])) & (is_constant.mean(axis=0) >= 0.5))
        if len(features):
            named = ", ".join(map(str, features[:MOST_NAMED])) + ", ..." * (len(features) > MOST_NAMED)
            yield (
                f"half of the clusters or more have constant values in the features [{named}], which makes "
                "covariances small, whatever the other features say. Leave out features with few different "
                "values, or use another clusterer."
            )

    def _warn_of_few_samples(self, covariance: Covariance, n_samples: int, n_features: int) -> None:
        """Warn if there are too few samples for covariance matrices without shrinkage."""
        message = ""
        if n_samples <= n_features:
            message = (
                f"With only {n_samples} samples for {n_features} features, all of them lie equally far from "
                "each other under their own covariance, which tells nothing about clusters."
            )
        elif not covariance.is_fixed:
            n_each, n_wanted = n_samples / self._k, FEW_SAMPLES[covariance.per_cluster] * n_features
            if n_each < n_wanted:
                message = (
                    f"With about {n_each:.0f} samples in a cluster, covariances of {n_features} features are "
                    "fitted to noise."
                )
        if message:
            warn(
                f"{message} Set shrinkage='auto', or reduce the number of features first.", ConvergenceWarning
            )

    def _choose_shrinkage(self, covariance: Covariance, problem: Problem, mean: ndarray, T: ndarray) -> float:
        """Return the shrinkage as a number."""
        if isinstance(self.shrinkage, str):
            if self.shrinkage == "auto":
                n_clusters = 1 if covariance.is_fixed else self._k
                n_each = problem.n_distinct_rows() / n_clusters
                shrinkage = shrinkage_of_prior(n_each, int(np.count_nonzero(np.diag(T))))
            else:
                shrinkage = ledoit_wolf_shrinkage(problem.rows, mean, T)
            # something must be left to the clusters
            return shrinkage if covariance.is_fixed else min(shrinkage, LARGEST_SHRINKAGE)
        if self.shrinkage == 1 and not covariance.is_fixed:
            raise ValueError(
                f"shrinkage={self.shrinkage} leaves nothing to estimate from the clusters; it should be "
                "below 1, or covariance_type='global'."
            )
        return float(self.shrinkage)
