"""The fixed-point iteration of the center-based clusterers, and the best of several runs.

Pure functions of rules and rows; neither knows of scikit-learn, of callbacks or of an estimator.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from skdcec._cluster._blocks import Statistics, add_statistics
from skdcec._cluster._rows import Rows
from skdcec._cluster._rule import Problem, Rule

# Over-relaxation lengthens the step by this factor as long as the objective falls.
STEP_GROWTH = 1.2
# After so many halvings without a lower objective, the working precision is reached.
MAX_HALVINGS = 10
# Objectives that differ by less than this fraction are equal.
EQUAL_OBJECTIVE = 1e-5


class StepLength:
    """The length of the step from the centers C towards the fixed-point map T(C), 1 being the map itself."""

    def __init__(self, shortest: float, longest: float) -> None:
        self.shortest, self.longest = shortest, longest
        self.value, self.n_halvings = shortest, 0

    def lengthen(self) -> None:
        """Take a longer step after the objective has fallen."""
        self.value, self.n_halvings = min(self.value * STEP_GROWTH, self.longest), 0

    def shorten(self) -> None:
        """Take the plain step, or half of a plain one, after the objective has not fallen."""
        self.value = self.shortest if self.value > self.shortest else self.value / 2
        self.n_halvings += 1

    @property
    def is_exhausted(self) -> bool:
        """Whether shorter steps cannot lower the objective any more."""
        return self.n_halvings > MAX_HALVINGS


class Iteration(NamedTuple):
    """The outcome of one iteration."""

    state: Any
    objective: float
    converged: bool


class Run(NamedTuple):
    """The result of one set of initial centers."""

    start: Any  # the state of the initial centers
    state: Any
    objectives: ndarray  # before the first and after each iteration
    n_iter: int
    ended: bool  # it converged, or a callback stopped it
    stopped: bool  # a callback asked for no more runs

    @property
    def objective(self) -> float:
        """The objective of the last state."""
        return float(self.objectives[-1])


class Best(NamedTuple):
    """The best run, the rule that it followed, and the number of its centers that are distinct."""

    run: Run
    rule: Rule
    n_distinct: int


def total_statistics(rule: Rule, state: Any, rows: Rows) -> Statistics:
    """Add up the statistics of all blocks, always in the same order."""
    total: Statistics = rows.reduce(rule.statistics(state), add_statistics)
    return total


def fixed_point(rule: Rule, state: Any, problem: Problem, tol: float) -> Iterator[Iteration]:
    """Iterate from a state; the first item is the objective of that state itself.

    The step is lengthened while the objective falls and shortened if it would rise; a step that raises it is
    never taken.

    Raises
    ------
    FloatingPointError
        If the objective is not finite.
    """
    statistics = total_statistics(rule, state, problem.rows)
    objective = statistics.objective
    yield Iteration(state, objective, False)
    step = StepLength(*rule.step_lengths())
    while True:
        target = rule.update(state, statistics)
        converged = rule.has_converged(state, target, tol, problem)
        trial = target
        measured_again = target.centers is state.centers
        if step.value != 1.0 and not measured_again:
            move = target.centers - state.centers
            trial = replace(target, centers=state.centers + move.dtype.type(step.value) * move)
        new = total_statistics(rule, trial, problem.rows)
        if not np.isfinite(new.objective):
            raise FloatingPointError("The objective is not finite.")
        if measured_again:
            # with all digits, whatever its objective was without them
            state, statistics, objective = trial, new, new.objective
        elif new.objective < objective:
            state, statistics, objective = trial, new, new.objective
            step.lengthen()
        else:
            if new.objective == objective:
                state, statistics = trial, new
            step.shorten()
        yield Iteration(state, objective, converged or step.is_exhausted)


def last_state(rule: Rule, state: Any, problem: Problem, tol: float, max_iter: int) -> Any:
    """Return the state in which the iteration ends."""
    for current in islice(fixed_point(rule, state, problem, tol), max_iter + 1):
        state = current.state
        if current.converged:
            break
    return state


def best_run(
    rule: Rule, problem: Problem, starts: Iterable[ndarray], run_from: Callable[[Rule, Any], Run]
) -> Best:
    """Return the run with the lowest objective.

    Parameters
    ----------
    rule : Rule
    problem : Problem
    starts : iterable of ndarray of shape (n_clusters, n_features)
        The initial centers of each run.
    run_from : callable
        Returns the run from a state.
    """
    runs: list[Run] = []
    for centers in starts:
        runs.append(run_from(rule, rule.start(centers)))
        if runs[-1].stopped:
            break
    run = runs[0]
    for other in runs[1:]:
        # of equally good runs the first one, whatever the rounding
        if other.objective < run.objective - EQUAL_OBJECTIVE * abs(run.objective):
            run = other
    return Best(run, rule, rule.count_distinct(run.state, problem))
