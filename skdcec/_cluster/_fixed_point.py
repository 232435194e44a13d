"""The fixed-point iteration of the center-based clusterers, and the best of several runs.

Pure functions of rules and rows; neither knows of scikit-learn, of callbacks or of an estimator.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
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
        if step.value != 1.0:
            move = target.centers - state.centers
            trial = replace(target, centers=state.centers + move.dtype.type(step.value) * move)
        new = total_statistics(rule, trial, problem.rows)
        if not np.isfinite(new.objective):
            raise FloatingPointError("The objective is not finite.")
        if new.objective <= objective:
            state, statistics = trial, new
        if new.objective < objective:
            step.lengthen()
        else:
            step.shorten()
        objective = min(new.objective, objective)
        yield Iteration(state, objective, converged or step.is_exhausted)


def best_run(
    rule: Rule,
    problem: Problem,
    n_init: int,
    draw_centers: Callable[[Rule], ndarray],
    run_from: Callable[[Rule, Any], Run],
) -> Best:
    """Return the run with the lowest objective of n_init runs.

    If centers have met that started apart, the rule may name a stronger one to try; of all tries the first
    with the most distinct centers is kept.

    Parameters
    ----------
    rule : Rule
    problem : Problem
    n_init : int
    draw_centers : callable
        Returns initial centers.
    run_from : callable
        Returns the run from a state.
    """
    best, attempt = None, rule
    while True:
        runs: list[Run] = []
        while len(runs) < n_init and not (runs and runs[-1].stopped):
            runs.append(run_from(attempt, attempt.start(draw_centers(attempt))))
        run = min(runs, key=lambda run: run.objective)
        n_started, n_left = (attempt.count_distinct(state, problem) for state in (run.start, run.state))
        if best is None or n_left > best.n_distinct:
            best = Best(run, attempt, n_left)
        stronger = attempt.stronger() if n_left < n_started and not runs[-1].stopped else None
        if stronger is None:
            return best
        attempt = stronger
