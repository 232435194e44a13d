"""The watcher of a training: its history, its lines on the screen, its checkpoint and its callbacks."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy import ndarray

from skdcec._deep._checkpoint import Checkpoint, Saved
from skdcec._deep._storage import Arrays
from skdcec._task import Task, as_duration

Record = dict[str, float]


class TrainingWatcher(ABC):
    """Follows a loop of `_training`, one epoch or one interval between updates after the other.

    Parameters
    ----------
    task : Task
        Its subtasks are the epochs or updates.
    checkpoint : Checkpoint or None
    records : list of dict
        Those of an interrupted fit.
    deadline : float or None
        When to stop, on the clock of `time.monotonic`.
    """

    name: str  # of a subtask
    phase: str  # of the checkpoint
    n_to_do: int  # of the whole loop, in the units of `n_done`
    n_before: int  # done before this fit
    ends_for_good: bool  # whether a fit that ran out of time does not go on with this loop

    def __init__(
        self,
        task: Task,
        checkpoint: Checkpoint | None,
        records: Sequence[Record] = (),
        deadline: float | None = None,
    ) -> None:
        self.task, self.checkpoint, self.records, self.deadline = task, checkpoint, list(records), deadline
        self._subtasks: list[Task] = []
        self._began = time.monotonic()

    @abstractmethod
    def describe(self, outcome: Any, losses: dict[str, float]) -> tuple[Record, str]:
        """Return the record of an outcome, and its line on the screen."""

    @abstractmethod
    def attributes(self, outcome: Any) -> dict[str, Any]:
        """Return the fitted attributes at an outcome."""

    @abstractmethod
    def arrays(self, outcome: Any) -> tuple[list[ndarray], Arrays]:
        """Return the weights and the other arrays of a checkpoint."""

    @abstractmethod
    def n_done(self, outcome: Any) -> int:
        """Return how much of the loop is done."""

    @abstractmethod
    def is_last(self, outcome: Any) -> bool:
        """Return whether nothing is left to do."""

    def begin(self) -> None:
        """Begin an epoch or interval."""
        self._subtasks.append(self.task.subtask(self.name))

    def end(self, outcome: Any, losses: dict[str, float], progress: Callable[[], list[ndarray]]) -> bool:
        """Record, save and tell the outcome; return whether to stop before everything is done."""
        record, message = self.describe(outcome, losses)
        self.records.append(record)
        is_last = self.is_last(outcome)
        out_of_time = self.deadline is not None and time.monotonic() >= self.deadline
        self._save(outcome, progress, stopped=False, final=is_last or out_of_time)
        message = f"{message}, {self._time_left(outcome)}."
        stop = self._subtasks.pop().end(partial(self.attributes, outcome), message)
        if stop or (out_of_time and self.ends_for_good):
            self._save(outcome, progress, stopped=True, final=True)
        return stop or is_last or out_of_time

    def _time_left(self, outcome: Any) -> str:
        """Return a text with the time that the rest of the loop takes at the speed so far."""
        n_done = self.n_done(outcome)
        per_unit = (time.monotonic() - self._began) / max(1, n_done - self.n_before)
        left = per_unit * (self.n_to_do - n_done)
        if self.deadline is not None:
            left = max(0.0, min(left, self.deadline - time.monotonic()))
        return f"at most {as_duration(left)} left"

    def history(self) -> dict[str, ndarray]:
        """Return the records so far as arrays by name."""
        return {name: np.array([record[name] for record in self.records]) for name in self.records[0]}

    def _save(
        self, outcome: Any, progress: Callable[[], list[ndarray]], *, stopped: bool, final: bool
    ) -> None:
        if self.checkpoint is None:
            return

        def everything() -> Arrays:
            weights, others = self.arrays(outcome)
            return Saved(weights, progress(), self.records, stopped, others).arrays()

        self.checkpoint.save(self.phase, everything, final=final)
