"""The schedule of joint training, and the position in it."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from skdcec._deep._storage import Weights


@dataclass(frozen=True)
class Position:
    """The state of joint training at one update."""

    n_batches: int
    weights: Weights
    centers: ndarray
    Z: ndarray  # the embedding
    labels: ndarray
    counts: ndarray  # images given to each center so far
    label_change: float = np.inf  # fraction of the labels that changed since the last update


class Schedule(NamedTuple):
    """The lengths of joint training."""

    batch_size: int
    batches_per_update: int
    max_batches: int
    label_batches: int  # in which the initial labels are learned
    tol: float

    @property
    def n_updates(self) -> int:
        """The largest number of updates."""
        parts = self.label_batches, self.max_batches - self.label_batches
        return sum(-(-part // self.batches_per_update) for part in parts)

    def is_done(self, position: Position) -> bool:
        """Return whether joint training ends at a position."""
        settled = position.label_change < self.tol and position.n_batches >= self.label_batches
        return settled or position.n_batches >= self.max_batches
