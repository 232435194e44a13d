"""The base class of the centre-based clusterers.

All of them are one fixed point: *distances -> weights -> weighted means*. The base class owns what
users of scikit-learn's ``KMeans`` expect (validation, seeding, restarts, the fit loop, ``predict``,
``transform``, ``score``) and contains no formula of any algorithm. A sibling supplies its rule, as
pure functions of a block of rows and a *state*: a plain dict whose keys are names of fitted attributes.

During a fit, rows and state are expressed in internal units: a typical row is subtracted and everything is
divided by a power of two near the spread of the data. Neither step rounds the result of a fit
noticeably, and together they make it independent of where the data lie and of their physical unit.
"""

import warnings
from functools import partial
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
)
from sklearn.callback import CallbackSupportMixin
from sklearn.cluster import kmeans_plusplus
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skdcec._cluster._blocks import (
    NEARNESS_SAMPLE,
    Centers,
    add_statistics,
    count_distinct,
    empty_last,
    evenly,
    owners,
    renumbered,
    seeding_order,
    squared_distances,
)
from skdcec._cluster._rows import (
    DaskRows,
    Rows,
    Units,
    block_pool,
    check_dask_array,
    check_range,
    is_dask,
    measure,
    without_duplicates,
)
from skdcec._sklearn import (
    DOC_LINK,
    Interval,
    StrOptions,
    _check_sample_weight,
    _fit_context,
    report,
    set_fitted,
    validate_new_data,
)

# Seeding and the estimates of scale look at no more rows than this.
SEEDING_SAMPLE = 2**17
# Over-relaxation lengthens the step by this factor while the objective falls.
STEP_GROWTH = 1.2
# A step halved this often without lowering the objective has met the working precision.
MAX_HALVINGS = 10


class Run(NamedTuple):
    """What came of one set of initial centers."""

    state: dict
    history: np.ndarray  # objectives
    n_iter: int
    ended: bool  # it converged, or a callback stopped it
    stopped: bool  # a callback asked for no more runs

    @property
    def objective(self):
        """The objective of the last state."""
        return self.history[-1]


def nearest_labels(block, distances):
    """Return the index of the nearest center of each row, and the weighted sum of the distances to it."""
    D, nearest = distances(block)
    return owners(D, nearest)[0], float(nearest @ block.weight)


def labels_and_sizes(block, function, n_clusters):
    """Return what a label function returns for a block, and the weight of the rows of each cluster."""
    labels, inertia = function(block)
    return labels, inertia, np.bincount(labels, block.weight, n_clusters)


def first(function, block):
    """Return the first of what a function returns for a block."""
    return function(block)[0]


def reach(block):
    """Return the largest squared norm of the rows of a block, which had to be finite for the block to be."""
    return block.reach


def distances_in_units(block, distances, unit):
    """Return the distances (b, k), not squared."""
    return np.sqrt(distances(block)[0]).T * unit


class BaseCenterClusterer(
    ClassNamePrefixFeaturesOutMixin,
    CallbackSupportMixin,
    TransformerMixin,
    ClusterMixin,
    BaseEstimator,
):
    """What the centre-based clusterers share; see the module's docstring.

    A sibling implements ``_prepare`` and ``_statistics_function``, and overrides what its metric needs
    of the other hooks. What it returns as functions are pure and can be pickled, so that they can
    be sent to where the blocks are.
    """

    _parameter_constraints: dict = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "init": [StrOptions({"k-means++", "random"}), callable, "array-like"],
        "n_init": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }
    _accepts_sparse = False
    _doc_link_module, _doc_link_template = DOC_LINK

    # ---------------------------------------------------------------- hooks

    def _prepare(self, rows, sample, sample_weight, variance):
        """Return the part of the state that depends on the data but not on the centers.

        The sample, in internal units, has at most SEEDING_SAMPLE rows; variance is that of each
        feature over all rows.
        """
        raise NotImplementedError

    def _statistics_function(self, state):
        """Return the function from a Block to its Statistics."""
        raise NotImplementedError

    def _metric_rows(self, x, state):
        """Map rows to a space where the estimator's metric, before any update, is Euclidean."""
        return x

    def _distance_function(self, state):
        """Return the function from a Block to squared distances (k, b) and the nearest of them.

        They are those of the estimator's own metric.
        """
        return partial(squared_distances, centers=Centers.of(state["cluster_centers_"]))

    def _label_function(self, state):
        """Return the function from a Block to the label of each row and their share of the inertia."""
        return partial(nearest_labels, distances=self._distance_function(state))

    def _update(self, statistics, state):
        """Return the state to which the plain fixed-point map leads."""
        centers = state["cluster_centers_"]
        found = statistics.weights > 0
        means = statistics.sums[found] / statistics.weights[found, None]
        new = centers.copy()
        new[found] = means
        return state | {"cluster_centers_": new}

    def _has_converged(self, state, target, variance):
        """Return whether the way from a state to where the plain map leads is within the tolerance."""
        move = target["cluster_centers_"] - state["cluster_centers_"]
        return float(np.sum(move**2)) <= self.tol * variance.mean()

    def _count_distinct(self, state, sample, weight, variance):
        """Return how many centers differ noticeably, for a few rows and the variances of the features."""
        return count_distinct(state["cluster_centers_"], np.sqrt(variance.sum()), sample, weight)

    def _reconsider(self, prepared):
        """Return what to prepare for another try after centers have met, or None to accept that."""
        return None

    def _max_runs(self, n_init):
        """Return the largest number of runs, or None if it is not known beforehand."""
        return n_init

    def _step(self, state):
        """Return the length of the plain step and the largest length to which it may grow."""
        return 1.0, 1.0

    def _to_attributes(self, state, units):
        """Express a state in the units of the data."""
        return state | {
            "cluster_centers_": units.restore(state["cluster_centers_"]),
            "_origin": units.origin,
            "_scale": units.scale,
        }

    def _to_state(self, attributes, units):
        """Express fitted attributes in internal units."""
        return attributes | {"cluster_centers_": units.convert(attributes["cluster_centers_"])}

    def _distance_unit(self, units):
        """Return what an internal distance of one is in the units of the data."""
        return units.scale

    def _restore_objective(self, objective, state, rows):
        """Express internal objectives in the units of the data."""
        return objective * rows.units.scale**2

    def _advice(self, sample, sample_weight, state):
        """Say why centers may coincide or clusters stay empty, and what to do."""
        return "Possibly due to duplicate points in X, or to a bad start: try another random_state."

    def _check_fit(self, sample, weight, state):
        """Warn of what users should know about the finished fit."""

    def _per_cluster(self):
        """Return the names of the fitted attributes that have one entry per cluster."""
        return ["cluster_centers_"]

    def _transform_function(self, state):
        """Return the function from a Block to the distances (b, k) in the units of the data."""
        unit = self._distance_unit(Units(state["_origin"], state["_scale"]))
        return partial(distances_in_units, distances=self._distance_function(state), unit=unit)

    # ------------------------------------------------------------------ fit

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
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
        # callbacks see the data as they were given, names of columns and all
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        hooks = {"estimator": self, "X": X, "y": y, "metadata": metadata}
        X, sample_weight, complete, inputs = self._validate(X, sample_weight)
        initial, n_init = self._check_init(X)
        random_state = check_random_state(self.random_state)
        with block_pool() as pool:
            everyone = self._rows(X, sample_weight, pool=pool, all_rows=True)
            # rows without weight take no part, not even in the choice of units; but they get labels
            rows, variance = measure(self._rows(X, sample_weight, pool=pool))
            if not complete:
                everyone.in_units(rows.units).reduce(reach, max)
            sample, weight = rows.sample(SEEDING_SAMPLE, random_state)
            prepared = inputs | self._prepare(rows, sample, weight, variance)
            order = seeding_order(sample, weight, self._metric_rows(sample, prepared))
            sample, weight = sample[order], weight[order]
            some = evenly(len(weight), NEARNESS_SAMPLE)
            few = {"sample": sample[some], "weight": weight[some]}

            root = self._init_callback_context(max_subtasks=self._max_runs(n_init))
            root.call_on_fit_task_begin(**hooks)
            start = partial(self._initial_centers, initial, X, rows.units, sample, weight, random_state)
            converged = partial(self._has_converged, variance=variance)
            attempt = partial(self._single_run, rows, converged=converged, root=root, hooks=hooks)
            distinct = partial(self._count_distinct, **few, variance=variance)
            best, n_distinct = self._best_run(prepared, n_init, start, attempt, distinct)
            if not best.ended:
                warnings.warn(
                    f"{type(self).__name__} did not converge in max_iter={self.max_iter} iterations. "
                    "Increase max_iter or tol.",
                    ConvergenceWarning,
                    stacklevel=3,
                )
            fitted, n_used = self._finish(rows if complete else everyone.in_units(rows.units), best)
        state = self._to_state(fitted, rows.units)
        self._warn_of_lost_clusters(sample, weight, n_distinct, n_used, state)
        self._check_fit(**few, state=state)
        set_fitted(self, fitted)
        root.call_on_fit_task_end(**hooks, reconstruction_attributes={})
        return self

    def _validate(self, X, sample_weight):
        """Return checked data and weights, whether all are positive, and attributes that describe X."""
        if is_dask(X):
            X, sample_weight = check_dask_array(X, sample_weight)
            inputs = {"n_features_in_": X.shape[1], "feature_names_in_": None}
            n_positive = int((sample_weight > 0).sum())
        else:
            X, inputs = validate_new_data(self, X, **self._check_params())
            X = without_duplicates(X)
            sample_weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
            n_positive = np.count_nonzero(sample_weight)
        if X.shape[0] < self.n_clusters:
            raise ValueError(f"n_samples={X.shape[0]} should be >= n_clusters={self.n_clusters}.")
        if n_positive < self.n_clusters:
            raise ValueError(
                f"Only {n_positive} samples have a positive sample_weight, which should be >= "
                f"n_clusters={self.n_clusters}."
            )
        return X, sample_weight, n_positive == X.shape[0], inputs

    def _best_run(self, prepared, n_init, start, attempt, distinct):
        """Return the best of n_init runs, and how many of its centers are distinct.

        Where centers have met that started apart, the sibling may prepare another try; of all tries
        the first with the most distinct centers is kept.

        Parameters
        ----------
        prepared : dict
            The state without centers.
        n_init : int
        start : callable
            Returns initial centers for a prepared state.
        attempt : callable
            Returns the Run from a state.
        distinct : callable
            Returns how many centers of a state are distinct.
        """
        best, n_distinct = None, 0
        while prepared is not None:
            candidate = None
            for _ in range(n_init):
                state = prepared | {"cluster_centers_": start(prepared)}
                run = attempt(state)
                if candidate is None or run.objective < candidate.objective:
                    candidate, n_started = run, distinct(state)
                if run.stopped:
                    break
            n_left = distinct(candidate.state)
            if n_left > n_distinct:
                best, n_distinct = candidate, n_left
            met = n_left < n_started and not run.stopped
            prepared = self._reconsider(prepared) if met else None
        return best, n_distinct

    def _single_run(self, rows, state, converged, root, hooks):
        """Iterate from one set of initial centers; return the finished Run.

        The step from the centers C towards the fixed-point map T(C) is lengthened while the
        objective falls and shortened when it would rise; a step that raises it is never taken.
        """
        shortest, longest = self._step(state)
        step, halvings, stop = shortest, 0, False
        statistics = self._statistics(rows, state)
        history = [statistics.objective]
        ctx = root.subcontext("init", max_subtasks=self.max_iter).call_on_fit_task_begin(**hooks)
        for n_iter in range(1, self.max_iter + 1):
            task = ctx.subcontext("iteration").call_on_fit_task_begin(**hooks)
            target = self._update(statistics, state)
            move = target["cluster_centers_"] - state["cluster_centers_"]
            arrived = converged(state, target)
            trial = target
            if step != 1.0:
                moved = state["cluster_centers_"] + move.dtype.type(step) * move
                trial = target | {"cluster_centers_": moved}
            new = self._statistics(rows, trial)
            if not np.isfinite(new.objective):
                raise FloatingPointError(
                    f"The objective of {self!r} is not finite on these data; its parameters are too "
                    "extreme for their precision."
                )
            if new.objective <= history[-1]:
                state, statistics = trial, new
            if new.objective < history[-1]:
                step, halvings = min(step * STEP_GROWTH, longest), 0
            else:
                step, halvings = shortest if step > shortest else step / 2, halvings + 1
            history.append(min(new.objective, history[-1]))
            attributes = partial(self._to_attributes, state, rows.units)
            objective = self._restore_objective(history[-1], state, rows) * rows.weight_unit
            report(self, f"Iteration {n_iter}, objective {objective:.6g}.")
            stop = task.call_on_fit_task_end(**hooks, reconstruction_attributes=attributes)
            arrived = arrived or halvings > MAX_HALVINGS
            if arrived or stop:
                break
        enough = ctx.call_on_fit_task_end(**hooks, reconstruction_attributes=attributes)
        return Run(state, np.array(history), n_iter, arrived or stop, enough)

    def _statistics(self, rows, state):
        """Add up the statistics of all blocks, always in the same order."""
        return rows.reduce(self._statistics_function(state), add_statistics)

    def _finish(self, rows, run):
        """Return all fitted attributes of a finished run, and how many clusters own a sample."""
        # labels come from the stored centers, through the code of predict, so that both agree
        attributes = self._to_attributes(run.state, rows.units)
        labels, inertia, sizes = self._label(rows, self._to_state(attributes, rows.units))
        order = empty_last(sizes)
        attributes |= {name: attributes[name][order] for name in self._per_cluster()}
        history = self._restore_objective(run.history, run.state, rows) * rows.weight_unit
        attributes |= {
            "labels_": renumbered(labels, order),
            "inertia_": inertia * self._distance_unit(rows.units) ** 2 * rows.weight_unit,
            "objective_history_": history,
            "objective_": float(history[-1]),
            "n_iter_": run.n_iter,
        }
        return attributes, np.count_nonzero(sizes)

    def _warn_of_lost_clusters(self, sample, weight, n_distinct, n_used, state):
        """Warn where centers coincide or clusters stay empty."""
        if n_distinct < self.n_clusters:
            found = f"only {n_distinct} of the {self.n_clusters} cluster centers are distinct"
        elif n_used < self.n_clusters:
            found = f"only {n_used} of the {self.n_clusters} clusters own a sample"
        else:
            return
        warnings.warn(
            f"{type(self).__name__}: {found}. {self._advice(sample, weight, state)}",
            ConvergenceWarning,
            stacklevel=4,
        )

    def _label(self, rows, state):
        """Return the nearest center of each row, the inertia and the weight of each cluster."""
        function = partial(labels_and_sizes, function=self._label_function(state), n_clusters=self.n_clusters)
        labels, inertias, sizes = zip(*rows.map(function), strict=True)
        return np.concatenate(labels), sum(inertias), sum(sizes)

    # ------------------------------------------------- validation and seeding

    def _check_params(self):
        return {
            "accept_sparse": "csr" if self._accepts_sparse else False,
            "dtype": [np.float64, np.float32],
        }

    def _check_init(self, X):
        """Return ``init``, as an array where it is one, and the number of runs."""
        if isinstance(self.init, str) or callable(self.init):
            fallback = 1 if self.init == "k-means++" else 10
            return self.init, fallback if self.n_init == "auto" else self.n_init
        centers = self._check_centers(self.init, X)
        if self.n_init not in ("auto", 1):
            warnings.warn(
                "Explicit initial center position passed: performing only one init in "
                f"{type(self).__name__} instead of n_init={self.n_init}.",
                RuntimeWarning,
                stacklevel=4,
            )
        return centers, 1

    def _check_centers(self, centers, X):
        centers = check_array(centers, dtype=X.dtype, order="C", copy=True, input_name="init")
        expected = (self.n_clusters, X.shape[1])
        if centers.shape != expected:
            raise ValueError(
                f"init has shape {centers.shape}, but n_clusters={self.n_clusters} and "
                f"n_features={X.shape[1]} ask for initial centers of shape {expected}."
            )
        check_range(self._rows(centers, np.ones(len(centers))))
        return centers

    def _initial_centers(self, init, X, units, sample, weight, random_state, prepared):
        """Return the initial centers in internal units."""
        if callable(init):
            init = self._check_centers(init(X, self.n_clusters, random_state=random_state), X)
        if not isinstance(init, str):
            return units.convert(init)
        if init == "random":
            chosen = random_state.choice(len(weight), self.n_clusters, replace=False, p=weight / weight.sum())
        else:
            metric_rows = self._metric_rows(sample, prepared)
            _, chosen = kmeans_plusplus(
                metric_rows, self.n_clusters, sample_weight=weight, random_state=random_state
            )
        centers = sample[chosen]
        return centers.toarray() if sp.issparse(centers) else centers

    def _block_size(self, n_features):
        # arrays (k, b) should not be much larger than a cache, but each operation on them should take long
        # enough for other threads not to wait for the interpreter all the time
        size = int(np.clip(2**18 // self.n_clusters, 256, 2**15))
        return min(size, max(256, 2**22 // n_features))

    def _rows(self, X, sample_weight, **options):
        kind = DaskRows if is_dask(X) else Rows
        return kind(X, sample_weight, self._block_size(X.shape[1]), **options)

    # ------------------------------------------------------- fitted estimator

    def _fitted_rows(self, X, sample_weight=None, pool=None):
        """Return new rows in the internal units of the fit, and the fitted state."""
        check_is_fitted(self)
        if is_dask(X):
            X, sample_weight = check_dask_array(X, sample_weight, n_features=self.n_features_in_)
        else:
            X = without_duplicates(validate_data(self, X, reset=False, **self._check_params()))
            sample_weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        units = Units(None if sp.issparse(X) else self._origin, self._scale)
        rows = self._rows(X, sample_weight, units=units, pool=pool, all_rows=True)
        return rows, self._to_state(vars(self), units)

    def _for_each_row(self, X, function):
        """Return function(state)(block) of all blocks: one number of X's type for each row and cluster."""
        with block_pool() as pool:
            rows, state = self._fitted_rows(X, pool=pool)
            return rows.apply(function(state), self._n_features_out, rows.X.dtype)

    def predict(self, X):
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
            rows, state = self._fitted_rows(X, pool=pool)
            return rows.apply(partial(first, self._label_function(state)), None, np.int32)

    def transform(self, X):
        """Return the distance of each row to each center.

        It is that in the estimator's own metric; with a kernel, the Euclidean distance that the kernel is a
        function of.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            New rows.

        Returns
        -------
        distances : ndarray of shape (n_samples, n_clusters)
            Distances, not squared; a dask array for a dask array.
        """
        return self._for_each_row(X, self._transform_function)

    def fit_transform(self, X, y=None, sample_weight=None):
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

    def fit_predict(self, X, y=None, sample_weight=None):
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
        return self.fit(X, y, sample_weight=sample_weight).labels_

    def score(self, X, y=None, sample_weight=None):
        """Return minus the objective of the fitted centers on X.

        It is in the units that the objective of this fit has. Where fits choose their exponent, kernel or
        metric from the data, their scores are not comparable: fix those parameters, or pass a score of labels
        as ``scoring`` to a search.

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
            The opposite of the value that fitting minimises; larger is better.
        """
        with block_pool() as pool:
            rows, state = self._fitted_rows(X, sample_weight, pool)
            objective = self._statistics(rows, state).objective
        return -float(self._restore_objective(objective, state, rows) * rows.weight_unit)

    @property
    def _n_features_out(self):
        return self.cluster_centers_.shape[0]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self._accepts_sparse
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
