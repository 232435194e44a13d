"""The scikit-learn face of the center-based clusterers: checks, callbacks, ``predict`` and so on.

The mathematics is in rules (`_rule`), the iteration in `_fixed_point`. This class connects them to
scikit-learn, and contains no formula.

During a fit, rows and centers are in internal units: a typical row is subtracted, and everything is divided
by a power of two near the spread of the data. Neither step rounds the result noticeably, and together they
make it independent of the position of the data and of their physical unit.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from functools import partial
from itertools import chain
from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import scipy.sparse as sp
from numpy import ndarray
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
)
from sklearn.callback import CallbackSupportMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted

from skdcec._cluster._blocks import Block
from skdcec._cluster._dask import DaskRows, check_dask_array
from skdcec._cluster._fixed_point import Best, Run, best_run, fixed_point, total_statistics
from skdcec._cluster._measure import check_magnitude, measure
from skdcec._cluster._partition import empty_last, renumbered
from skdcec._cluster._rows import Rows, without_duplicates
from skdcec._cluster._rule import DistanceFunction, LabelFunction, Problem, Rule
from skdcec._cluster._seeding import (
    SEEDING_SAMPLE,
    draw_centers,
    few_rows,
    kmeans_centers,
    seeding_order,
)
from skdcec._cluster._threads import block_pool
from skdcec._cluster._units import Units
from skdcec._image_shape import as_array
from skdcec._lazy import is_dask, opened
from skdcec._sklearn import (
    DOC_LINK,
    Interval,
    StrOptions,
    _check_sample_weight,
    _fit_context,
    refuse_masked,
    set_fitted,
    validate_known_data,
    validate_new_data,
)
from skdcec._task import Task
from skdcec._warn import warn

# n_init='auto'. One run of k-means in five may find the best partition; of many clusters, none does.
N_INIT = {"kmeans": 20, "k-means++": 1, "random": 10}
MANY_CLUSTERS, FEWEST_KMEANS = 50, 3

# What X may be, for messages.
ROWS = (
    "an array, a frame, a CSR matrix or a dask array of shape (n_samples, n_features); for images, there is "
    "DCEC"
)


class Inputs(NamedTuple):
    """The checked data of a fit."""

    X: Any
    sample_weight: Any
    all_positive: bool  # whether every row has a positive weight
    attributes: dict[str, Any]  # fitted attributes that describe X


class Beginning(NamedTuple):
    """The start of a fit, in internal units."""

    problem: Problem
    all_rows: Rows  # of zero weight, too
    rule: Any
    starts: Iterator[ndarray]  # the initial centers of each run
    n_runs: int


def block_size(n_clusters: int, n_features: int) -> int:
    """Return the number of rows in a block.

    Arrays (k, b) should not be much larger than a cache, but operations on them should take long enough that
    other threads do not wait for the interpreter all the time.
    """
    size = int(np.clip(2**18 // n_clusters, 256, 2**15))
    return min(size, max(256, 2**22 // n_features))


def labels_and_sizes(block: Block, labels: LabelFunction, n_clusters: int) -> tuple[ndarray, float, ndarray]:
    """Return the labels of a block, its part of the inertia, and the weight of the rows of each cluster."""
    found, inertia = labels(block)
    return found, inertia, np.bincount(found, block.weight, n_clusters)


def labels_only(block: Block, labels: LabelFunction) -> ndarray:
    """Return the labels of a block."""
    return labels(block)[0]


def largest_norm(block: Block) -> float:
    """Return the largest squared norm in the block (`Block.of` has checked that it is finite)."""
    return block.largest_norm


def distances_in_units(block: Block, distances: DistanceFunction, unit: float) -> ndarray:
    """Return the distances (b, k), not squared."""
    result: ndarray = np.sqrt(distances(block)[0]).T * unit
    return result


class BaseCenterClusterer(
    ClassNamePrefixFeaturesOutMixin,
    CallbackSupportMixin,
    TransformerMixin,
    ClusterMixin,
    BaseEstimator,
):
    """Base class of the center-based clusterers.

    A sibling names its ``_rule_type`` and implements `_rule`, which makes the rule of a fit from its
    parameters and the data.
    """

    _rule_type: ClassVar[type[Rule]]

    _parameter_constraints: dict = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "init": [StrOptions({"kmeans", "k-means++", "random"}), callable, "array-like"],
        "n_init": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }
    _accepts_sparse = False
    _doc_link_module, _doc_link_template = DOC_LINK

    @property
    def _k(self) -> int:
        """The number of clusters as a Python integer, because sums of np.uint8 overflow."""
        return int(self.n_clusters)

    # ---------------------------------------------------------------- hooks

    def _rule(self, problem: Problem) -> Rule:
        """Return the rule of a fit to these data."""
        raise NotImplementedError

    def _complete(self, rule: Any, problem: Problem, centers: ndarray) -> Any:
        """Return the rule with the parameters that are chosen by tries from the first initial centers."""
        return rule

    def _advice(self, problem: Problem, rule: Any) -> str:
        """Explain why centers may coincide or clusters stay empty, and suggest a remedy."""
        return "Possibly due to duplicate points in X, or to a bad start: try another random_state."

    def _doubts(self, problem: Problem, best: Best, rule: Any, state: Any) -> Iterator[str]:
        """Say why the result is doubtful; rule and state are the fitted ones in internal units."""
        yield from ()

    # ------------------------------------------------------------------ fit

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Compute the cluster centers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to cluster. Estimators whose tag ``input_tags.sparse`` is True accept CSR too.
            float32 and float64 are kept, other types become float64. A ``numpy.memmap`` is read block by
            block; each chunk of a dask array is a task on the dask scheduler in use.
        y : array-like of shape (n_samples,), default=None
            Not used for fitting; it is only handed to the callbacks.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weight of each row; None is 1 for each. A weight of 2 is the row repeated.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            For bad parameters or data, before any iteration.
        FloatingPointError
            If the objective stops being finite, for parameters that are too extreme.
        """
        # callbacks see the data as they were given, names of columns included
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        data = {"X": X, "y": y, "metadata": metadata}
        inputs = self._check_data(X, sample_weight)
        with block_pool() as pool:
            problem, all_rows, rule, starts, n_runs = self._begin(inputs, pool)
            task = Task.fit(self, data, n_runs)
            run_from = partial(self._run, problem, task, inputs.attributes)
            best = best_run(rule, problem, starts, run_from)
            fitted, n_used = self._finish(all_rows, best)
        fitted = inputs.attributes | fitted
        self._warn(problem, best, n_used, self._in_internal_units(fitted, problem.rows.units))
        set_fitted(self, fitted)
        task.end({})
        return self

    def _begin(self, inputs: Inputs, pool: Executor | None) -> Beginning:
        """Choose the units, the rule and the initial centers."""
        init, n_init = self._check_init(inputs.X)
        random_state = check_random_state(self.random_state)
        problem, all_rows = self._problem(inputs, random_state, pool)
        rule = self._rule(problem)
        metric_rows = rule.metric_rows(problem.sample)
        problem = problem.reordered(seeding_order(problem.sample, problem.weight, metric_rows))
        is_kmeans = isinstance(init, str) and init == "kmeans"
        n_runs = len(rule.kmeans_scales(problem)) if is_kmeans else n_init
        starts = self._starts(init, n_init, inputs.X, rule, problem, random_state)
        first = next(starts)
        rule = self._complete(rule, problem, first)
        return Beginning(problem, all_rows, rule, chain([first], starts), n_runs)

    def _problem(
        self, inputs: Inputs, random_state: np.random.RandomState, pool: Executor | None
    ) -> tuple[Problem, Rows]:
        """Return the problem in internal units, and all rows in them: rows of weight zero get labels, too.

        They take no other part, not even in the choice of units.
        """
        rows, variance = measure(self._rows(inputs.X, inputs.sample_weight, pool=pool))
        all_rows = rows
        if not inputs.all_positive:
            all_rows = self._rows(inputs.X, inputs.sample_weight, pool=pool, all_rows=True)
            all_rows = all_rows.in_units(rows.units)
            all_rows.reduce(largest_norm, max)
        return Problem(rows, variance, *rows.sample(SEEDING_SAMPLE, random_state)), all_rows

    def _run(self, problem: Problem, task: Task, inputs: dict[str, Any], rule: Rule, start: Any) -> Run:
        """Iterate from one set of initial centers, telling the callbacks of each iteration."""
        units = problem.rows.units
        run = task.subtask("init", max_subtasks=self.max_iter)
        iterations = fixed_point(rule, start, problem, self.tol)
        current = next(iterations)
        objectives, stop = [current.objective], False
        for n_iter in range(1, self.max_iter + 1):
            iteration = run.subtask("iteration")
            try:
                current = next(iterations)
            except FloatingPointError as error:
                raise FloatingPointError(
                    f"The objective of {self!r} is not finite on these data; its parameters are too "
                    "extreme for their precision."
                ) from error
            objectives.append(current.objective)
            attributes = partial(self._attributes, inputs, rule, current.state, units)
            objective = self._objective(current.objective, rule, current.state, problem.rows)
            stop = iteration.end(attributes, f"Iteration {n_iter}, objective {objective:.6g}.")
            if current.converged or stop:
                break
        stopped = run.end(attributes)
        ended = current.converged or stop
        return Run(start, current.state, np.array(objectives), n_iter, ended, stopped)

    def _attributes(self, inputs: dict[str, Any], rule: Rule, state: Any, units: Units) -> dict[str, Any]:
        """Return the fitted attributes of a state in the units of the data."""
        attributes = rule.attributes(state)
        for name, power in rule.powers_of_length.items():
            attributes[name] = attributes[name] * units.scale**power
        return (
            inputs
            | attributes
            | {
                "cluster_centers_": units.restore(state.centers),
                "_origin": units.origin,
                "_scale": units.scale,
            }
        )

    def _objective(self, value: Any, rule: Rule, state: Any, rows: Rows) -> Any:
        """Return an objective in the units of the data; raise a ValueError if float64 cannot hold it."""
        with np.errstate(over="ignore"):
            objective = rule.objective(value, state, rows.units, rows.total_weight) * rows.weight_unit
        if not np.all(np.isfinite(objective)):
            raise ValueError(
                f"The objective of {self!r} on these data is beyond float64. Divide X or sample_weight by a "
                "power of ten."
            )
        return objective

    def _in_internal_units(self, fitted: Mapping[str, Any], units: Units) -> tuple[Rule, Any]:
        """Return rule and state of fitted attributes in internal units."""
        attributes = dict(fitted) | {"cluster_centers_": units.convert(fitted["cluster_centers_"])}
        for name, power in self._rule_type.powers_of_length.items():
            attributes[name] = attributes[name] / units.scale**power
        return self._rule_type.restored(attributes)

    def _finish(self, rows: Rows, best: Best) -> tuple[dict[str, Any], int]:
        """Return all fitted attributes of the best run, and the number of clusters that own a sample."""
        run, rule, units = best.run, best.rule, rows.units
        attributes = self._attributes({}, rule, run.state, units)
        # labels come from the stored centers, through the code of predict, so that both agree
        labels, inertia, sizes = self._label(rows, *self._in_internal_units(attributes, units))
        order = empty_last(sizes)
        attributes |= {name: attributes[name][order] for name in rule.per_cluster}
        history = self._objective(run.objectives, rule, run.state, rows)
        unit = units.scale if rule.distances_have_units else 1.0
        attributes |= {
            "labels_": renumbered(labels, order),
            "inertia_": inertia * unit**2 * rows.weight_unit,
            "history_": {"objective": history},
            "objective_": float(history[-1]),
            "n_iter_": run.n_iter,
        }
        return attributes, int(np.count_nonzero(sizes))

    def _label(self, rows: Rows, rule: Rule, state: Any) -> tuple[ndarray, float, ndarray]:
        """Return the label of each row, the inertia and the weight of each cluster."""
        function = partial(labels_and_sizes, labels=rule.labels(state), n_clusters=self._k)
        labels, inertias, sizes = zip(*rows.map(function), strict=True)
        return np.concatenate(labels), sum(inertias), sum(sizes)

    def _warn(self, problem: Problem, best: Best, n_used: int, fitted: tuple[Rule, Any]) -> None:
        """Warn if the fit has not converged, if centers coincide or clusters stay empty."""
        if not best.run.ended:
            warn(
                f"{type(self).__name__} did not converge in max_iter={self.max_iter} iterations. "
                "Increase max_iter or tol.",
                ConvergenceWarning,
            )
        problem_found = ""
        if best.n_distinct < self._k:
            problem_found = f"only {best.n_distinct} of the {self._k} cluster centers are distinct"
        elif n_used < self._k:
            problem_found = f"only {n_used} of the {self._k} clusters own a sample"
        if problem_found:
            warn(
                f"{type(self).__name__}: {problem_found}. {self._advice(problem, best.rule)}",
                ConvergenceWarning,
            )
        for doubt in self._doubts(problem, best, *fitted):
            warn(f"{type(self).__name__}: {doubt}", ConvergenceWarning)

    # ------------------------------------------------- validation and seeding

    def _check_data(self, X: Any, sample_weight: Any) -> Inputs:
        """Return the checked data and weights; raise unless there are enough of them."""
        X = opened(as_array(X, ROWS))
        refuse_masked(sample_weight, "sample_weight")
        if is_dask(X):
            X, sample_weight = check_dask_array(X, sample_weight)
            attributes = {"n_features_in_": X.shape[1], "feature_names_in_": None}
            n_positive = int((sample_weight > 0).sum())
        else:
            X, attributes = validate_new_data(self, X, **self._check_params())
            X = without_duplicates(X)
            sample_weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
            n_positive = int(np.count_nonzero(sample_weight))
        if X.shape[0] < self._k:
            raise ValueError(f"n_samples={X.shape[0]} should be >= n_clusters={self._k}.")
        if n_positive < self._k:
            raise ValueError(
                f"Only {n_positive} samples have a positive sample_weight, which should be >= "
                f"n_clusters={self._k}."
            )
        return Inputs(X, sample_weight, n_positive == X.shape[0], attributes)

    def _check_params(self) -> dict[str, Any]:
        """Return the arguments of scikit-learn's validation of X."""
        return {
            "accept_sparse": "csr" if self._accepts_sparse else False,
            "dtype": [np.float64, np.float32],
        }

    def _check_init(self, X: Any) -> tuple[Any, int]:
        """Return ``init``, as an array if it is one, and the number of runs."""
        if inspect.isclass(self.init):
            raise TypeError(
                f"init={self.init!r} is a class. init should be 'kmeans', 'k-means++', 'random', an array of "
                "centers, or a function of X, n_clusters and random_state; for the centers of a fitted "
                "clusterer, pass its cluster_centers_."
            )
        if isinstance(self.init, str) or callable(self.init):
            n_init = self.n_init
            if n_init == "auto":
                n_init = N_INIT[self.init] if isinstance(self.init, str) else N_INIT["random"]
                if self.init == "kmeans":
                    few = n_init * MANY_CLUSTERS // self._k
                    n_init = min(n_init, max(few, FEWEST_KMEANS))
            return self.init, n_init
        centers = self._check_centers(self.init, X)
        if self.n_init not in ("auto", 1):
            warn(
                "Explicit initial center position passed: performing only one init in "
                f"{type(self).__name__} instead of n_init={self.n_init}.",
                RuntimeWarning,
            )
        return centers, 1

    def _check_centers(self, centers: Any, X: Any) -> ndarray:
        """Return initial centers of the type of X; raise unless they fit."""
        refuse_masked(centers, "init")
        centers = check_array(centers, dtype=X.dtype, order="C", copy=True, input_name="init")
        expected = (self._k, X.shape[1])
        if centers.shape != expected:
            raise ValueError(
                f"init has shape {centers.shape}, but n_clusters={self._k} and "
                f"n_features={X.shape[1]} ask for initial centers of shape {expected}."
            )
        check_magnitude(self._rows(centers, np.ones(len(centers))))
        return centers

    def _starts(
        self,
        init: Any,
        n_init: int,
        X: Any,
        rule: Rule,
        problem: Problem,
        random_state: np.random.RandomState,
    ) -> Iterator[ndarray]:
        """Return the initial centers of each run, in internal units."""
        if isinstance(init, str) and init == "kmeans":
            few = problem.thinned(few_rows(self._k))
            for scale in rule.kmeans_scales(problem):
                yield kmeans_centers(self._k, few.sample, few.weight, scale, n_init, random_state)
            return
        for _ in range(n_init):
            if isinstance(init, str):
                sample, weight = problem.sample, problem.weight
                rows = rule.metric_rows(sample)
                yield draw_centers(init, self._k, sample, weight, rows, random_state)
            else:
                centers = init
                if callable(init):
                    centers = self._check_centers(init(X, self._k, random_state=random_state), X)
                yield problem.rows.units.convert(centers)

    def _rows(self, X: Any, sample_weight: Any, **options: Any) -> Rows:
        """Return the rows of X in blocks."""
        kind = DaskRows if is_dask(X) else Rows
        return kind(X, sample_weight, block_size(self._k, X.shape[1]), **options)

    # ------------------------------------------------------- fitted estimator

    def _fitted_rows(
        self, X: Any, sample_weight: Any = None, pool: Executor | None = None
    ) -> tuple[Rows, Rule, Any]:
        """Return new rows in the internal units of the fit, and the fitted rule and state."""
        check_is_fitted(self)
        X = opened(as_array(X, ROWS))
        refuse_masked(sample_weight, "sample_weight")
        if is_dask(X):
            X, sample_weight = check_dask_array(X, sample_weight, n_features=self.n_features_in_)
        else:
            X = without_duplicates(validate_known_data(self, X, **self._check_params()))
            sample_weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        units = Units(None if sp.issparse(X) else self._origin, self._scale)
        rows = self._rows(X, sample_weight, units=units, pool=pool, all_rows=True)
        return rows, *self._in_internal_units(vars(self), units)

    def _apply(self, X: Any, function: Callable[[Any, Any, Units], Callable[[Block], ndarray]]) -> Any:
        """Return function(rule, state, units)(block) of all blocks: a number for each row and cluster."""
        with block_pool() as pool:
            rows, rule, state = self._fitted_rows(X, pool=pool)
            return rows.apply(function(rule, state, rows.units), self._n_features_out, rows.X.dtype)

    def predict(self, X: Any) -> ndarray:
        """Return the index of the closest center of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            New rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,), int32
            Index of the closest center in the estimator's own metric; a dask array for a dask array.
        """
        with block_pool() as pool:
            rows, rule, state = self._fitted_rows(X, pool=pool)
            labels: ndarray = rows.apply(partial(labels_only, labels=rule.labels(state)), None, np.int32)
        return labels

    def transform(self, X: Any) -> ndarray:
        """Return the distance of each row to each center.

        It is measured in the metric of the estimator; with a kernel, it is the Euclidean distance.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            New rows.

        Returns
        -------
        distances : ndarray of shape (n_samples, n_clusters)
            Distances, not squared; a dask array for a dask array.
        """

        def function(rule: Rule, state: Any, units: Units) -> Callable[[Block], ndarray]:
            unit = units.scale if rule.distances_have_units else 1.0
            return partial(distances_in_units, distances=rule.distances(state), unit=unit)

        distances: ndarray = self._apply(X, function)
        return distances

    def fit_transform(self, X: Any, y: Any = None, sample_weight: Any = None) -> ndarray:
        """Compute the centers and return the distance of each row to each of them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to cluster.
        y : array-like of shape (n_samples,), default=None
            Only handed to the callbacks.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.

        Returns
        -------
        distances : ndarray of shape (n_samples, n_clusters)
            What ``fit(X).transform(X)`` returns.
        """
        return self.fit(X, y, sample_weight=sample_weight).transform(X)

    def fit_predict(self, X: Any, y: Any = None, sample_weight: Any = None) -> ndarray:
        """Compute the centers and return the index of the closest one for each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to cluster.
        y : array-like of shape (n_samples,), default=None
            Only handed to the callbacks.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.

        Returns
        -------
        labels : ndarray of shape (n_samples,), int32
            The attribute ``labels_``.
        """
        labels: ndarray = self.fit(X, y, sample_weight=sample_weight).labels_
        return labels

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return minus the objective of the fitted centers on X.

        It has the unit of the objective of this fit. Scores of fits that choose their exponent, kernel or
        metric from the data are not comparable: fix those parameters, or pass a score of labels as
        ``scoring`` to a search.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            New rows.
        y : Ignored
            Not used, present for API consistency.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.

        Returns
        -------
        score : float
            The opposite of the value that fitting minimizes; larger is better.
        """
        with block_pool() as pool:
            rows, rule, state = self._fitted_rows(X, sample_weight, pool)
            value = total_statistics(rule, state, rows).objective
        return -float(self._objective(value, rule, state, rows))

    @property
    def _n_features_out(self) -> int:
        return int(self.cluster_centers_.shape[0])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self._accepts_sparse
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
