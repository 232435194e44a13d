"""Mini-batch K-harmonic means: learning from a stream, or from some rows at a time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy import ndarray
from sklearn.utils import check_random_state

from skdcec._cluster._base import Inputs
from skdcec._cluster._fixed_point import Run, total_statistics
from skdcec._cluster._harmonic import MAX_TRY_ITER, _BaseHarmonicMeans
from skdcec._cluster._harmonic_rules import HarmonicRule
from skdcec._cluster._rows import Rows
from skdcec._cluster._rule import Problem, State
from skdcec._cluster._threads import block_pool
from skdcec._lazy import is_dask
from skdcec._sklearn import Interval, _fit_context, set_fitted
from skdcec._task import Task

# Batch t has the share t**-DECAY in the moving averages. Below 1, so that early batches are forgotten; above
# 1/2, so that the centers settle (Cappe and Moulines 2009).
DECAY = 0.6
SMALLEST_LOG = np.finfo(float).min


@dataclass(frozen=True)
class OnlineState(State):
    """Centers, the logarithms of the moving averages of their weights, and the number of batches so far."""

    log_weights: ndarray  # (k,)
    n_steps: int


@dataclass(frozen=True)
class OnlineHarmonicRule(HarmonicRule):
    """K-harmonic means whose sums are moving averages over batches."""

    per_cluster = ("cluster_centers_", "_log_weights")

    def start(self, centers: ndarray) -> OnlineState:
        """Return the state of initial centers."""
        return OnlineState(centers, np.full(len(centers), -np.inf), 0)

    def learn(self, state: OnlineState, rows: Rows) -> tuple[OnlineState, float]:
        """Return the state after a batch, and the objective of the batch before.

        With sums and weights that are moving averages, centers = sums / weights; written as a step, so that
        it can be damped like that of the other rules.
        """
        total = rows.total_weight
        if not total:
            return state, 0.0
        statistics = total_statistics(self, state, rows)
        target = self.update(state, statistics).centers
        n_steps = state.n_steps + 1
        share = n_steps**-DECAY
        with np.errstate(divide="ignore"):
            of_batch = np.log(statistics.weights) + statistics.log_scale + np.log(share / total)
            log_weights = np.logaddexp(state.log_weights + np.log1p(-share), of_batch)
        # a center without any weight stays
        step = self.step_lengths()[0] * np.exp(of_batch - np.maximum(log_weights, SMALLEST_LOG))
        move = step[:, np.newaxis] * (target - state.centers)
        centers = (state.centers + move).astype(state.centers.dtype)
        state = replace(state, centers=centers, log_weights=log_weights, n_steps=n_steps)
        return state, float(statistics.objective)

    def attributes(self, state: State) -> dict[str, Any]:
        """Return the fitted attributes of a state."""
        assert isinstance(state, OnlineState)
        return super().attributes(state) | {"_log_weights": state.log_weights, "n_steps_": state.n_steps}

    @classmethod
    def restored(cls, attributes: Mapping[str, Any]) -> tuple[Self, OnlineState]:
        """Return the rule and the state of fitted attributes."""
        state = OnlineState(*(attributes[name] for name in ("cluster_centers_", "_log_weights", "n_steps_")))
        return cls(attributes["p_"], attributes["degree_"]), state


def shuffled_batches(
    n_samples: int, batch_size: int, random_state: np.random.RandomState
) -> Iterator[ndarray]:
    """Return the rows of each batch of one pass, all batches of about the same size."""
    order = random_state.permutation(n_samples)
    for chosen in np.array_split(order, -(-n_samples // batch_size)):
        yield np.sort(chosen)  # mapped files are read in order


class MiniBatchKHarmonicMeans(_BaseHarmonicMeans):
    """K-harmonic means that learns from a batch of rows at a time.

    The sums of `KHarmonicMeans` become moving averages over batches. `partial_fit` learns from a stream;
    `fit` makes passes over shuffled rows.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters.

    init : {'kmeans', 'k-means++', 'random'}, callable or array-like of shape \
            (n_clusters, n_features), default='kmeans'
        Initial centers, as in `KHarmonicMeans`; `partial_fit` makes them from the first batch.

    n_init : 'auto' or int, default='auto'
        The number of runs of k-means, or of runs from different initial centers, as in `KHarmonicMeans`.

    max_iter : int, default=100
        Largest number of passes that `fit` makes.

    batch_size : int, default=1024
        Largest number of rows in a batch of `fit`.

    tol : float, default=1e-4
        `fit` ends once the squared movement of all centers in one pass is below ``tol`` times the mean
        variance of the features.

    p : 'auto' or float, default='auto'
        Exponent of the distance, between 2 and 100. 'auto' chooses it on some of the rows, as in
        `KHarmonicMeans`; `partial_fit` on the first batch.

    degree : 'auto' or float, default='auto'
        Degree of the objective in the distance, as in `KHarmonicMeans`.

    verbose : int, default=0
        If positive, print the objective at each pass.

    random_state : int, RandomState instance or None, default=None
        Determines initial centers and batches. Pass an int for reproducible results.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        The centers.

    labels_ : ndarray of shape (n_samples,), int32
        Index of the closest center of each row of the fit, or of the last batch of `partial_fit`.

    inertia_ : float
        Weighted sum of squared distances of these rows to the closest center.

    objective_ : float
        The objective of the centers on all rows. Only after `fit`.

    history_ : dict of ndarray
        'objective', of shape (`n_iter_` + 1,): for each pass the sum over its batches before their steps;
        then `objective_`. Only after `fit`.

    p_ : float
        The exponent that was used.

    degree_ : float
        The degree that was used.

    n_iter_ : int
        Number of passes. Only after `fit`.

    n_steps_ : int
        Number of batches so far, including the sample of rows with which `fit` begins.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X has string column names.

    See Also
    --------
    KHarmonicMeans : Sees all rows in each iteration.
    sklearn.cluster.MiniBatchKMeans : The hard relative.

    Notes
    -----
    The published update is a ratio of two sums over rows. Batch t gets the share t^-0.6 of their moving
    averages, as in the online expectation-maximization algorithm of [1]_.

    References
    ----------
    .. [1] O. Cappe, E. Moulines (2009). "On-line expectation-maximization algorithm for latent data models",
       section 2. Journal of the Royal Statistical Society B 71, 593-613.

    Examples
    --------
    >>> import numpy as np
    >>> from skdcec import MiniBatchKHarmonicMeans
    >>> rng = np.random.default_rng(0)
    >>> khm = MiniBatchKHarmonicMeans(n_clusters=2, random_state=0)
    >>> for _ in range(20):
    ...     khm = khm.partial_fit(rng.normal(size=(50, 1)) + rng.choice([0, 10], size=(50, 1)))
    >>> np.sort(khm.cluster_centers_[:, 0]).round()
    array([ 0., 10.])
    """

    _rule_type = OnlineHarmonicRule

    _parameter_constraints: dict = {
        **_BaseHarmonicMeans._parameter_constraints,
        "batch_size": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Any = "kmeans",
        n_init: int | str = "auto",
        max_iter: int = 100,
        batch_size: int = 1024,
        tol: float = 1e-4,
        p: float | str = "auto",
        degree: float | str = "auto",
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.tol = tol
        self.p = p
        self.degree = degree
        self.verbose = verbose
        self.random_state = random_state

    def _rule(self, problem: Problem) -> OnlineHarmonicRule:
        exponents, degree = self._exponents()
        return OnlineHarmonicRule(exponents[0], degree)

    def _max_try_iter(self) -> int:
        return MAX_TRY_ITER

    def _check_data(self, X: Any, sample_weight: Any) -> Inputs:
        if is_dask(X):
            raise TypeError(
                "MiniBatchKHarmonicMeans does not take a dask array as a whole; call partial_fit on its "
                "blocks, or use KHarmonicMeans."
            )
        return super()._check_data(X, sample_weight)

    def _run(self, problem: Problem, task: Task, inputs: dict[str, Any], rule: Any, start: Any) -> Run:
        """Make passes from one set of initial centers, telling the callbacks of each pass."""
        rows, random_state = problem.rows, check_random_state(self.random_state)
        run = task.subtask("init", max_subtasks=self.max_iter)
        # a sample of rows first: if a small batch lacks a cluster, the center of that cluster would move away
        state, objectives = rule.learn(start, self._few(problem).rows)[0], []
        for n_iter in range(1, self.max_iter + 1):
            iteration, before, total = run.subtask("iteration"), state, 0.0
            for chosen in shuffled_batches(len(rows), int(self.batch_size), random_state):
                state, objective = rule.learn(state, rows.take(chosen))
                total += objective
            if not np.isfinite(total):
                raise FloatingPointError(f"The objective of {self!r} is not finite on these data.")
            objectives.append(total)
            converged = rule.has_converged(before, state, self.tol, problem)
            attributes = partial(self._attributes, inputs, rule, state, rows.units)
            objective = self._objective(total, rule, state, rows)
            stop = iteration.end(attributes, f"Pass {n_iter}, objective {objective:.6g}.")
            if converged or stop:
                break
        stopped = run.end(attributes)
        objectives.append(total_statistics(rule, state, rows).objective)
        return Run(start, state, np.array(objectives), n_iter, converged or stop, stopped)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn from a batch of rows.

        The first batch also determines the initial centers and, with ``p='auto'``, the exponent, so it should
        have many rows of every cluster.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The batch; the first one has at least n_clusters rows.
        y : Ignored
            Not used, present for API consistency.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weight of each row. Only the ratios within a batch matter.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            For bad parameters or data; the estimator is then unchanged.
        """
        rule: Any
        with block_pool() as pool:
            if hasattr(self, "cluster_centers_"):
                rows, rule, state = self._fitted_rows(X, sample_weight, pool)
                inputs = {name: vars(self).get(name) for name in ("n_features_in_", "feature_names_in_")}
            else:
                checked = self._check_data(X, sample_weight)
                _, rows, rule, starts, _ = self._begin(checked, pool)
                state, inputs = rule.start(next(starts)), checked.attributes
            state, _ = rule.learn(state, rows)
            attributes = self._attributes(inputs, rule, state, rows.units)
            labels, inertia, _ = self._label(rows, *self._in_internal_units(attributes, rows.units))
        attributes |= {"labels_": labels, "inertia_": inertia * rows.units.scale**2 * rows.weight_unit}
        set_fitted(self, attributes)
        return self
