"""The beginning of joint training, and the watcher that keeps its best update."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import ndarray

from skdcec._deep._images import Images
from skdcec._deep._judge import Judge
from skdcec._deep._losses import nearest_centers
from skdcec._deep._schedule import Position, Schedule
from skdcec._deep._storage import Arrays
from skdcec._deep._watcher import Record, TrainingWatcher

# An update is kept unless an earlier one has a modularity that is larger by more than this. A good network
# does not agree with the graph everywhere, so small losses mean nothing.
LOSS_OF_MODULARITY = 0.005
# The initial labels are better than those of the network if their modularity is larger by more than this.
LARGEST_LOSS = 0.04


@dataclass(frozen=True)
class Beginning:
    """The start of joint training."""

    position: Position
    labels: ndarray | None  # those to learn first
    judge: Judge
    modularity: float  # of the initial labels
    attributes: dict[str, Any]  # fitted attributes so far

    def has_better_labels(self, modularity: float) -> bool:
        """Return whether labels were given that are better than those of a network with this modularity."""
        return self.labels is not None and modularity < self.modularity - LARGEST_LOSS


class UpdateWatcher(TrainingWatcher):
    """Follows the updates of joint training, and keeps the best; an outcome is a `Position`.

    Parameters
    ----------
    make_attributes : callable
        Makes fitted attributes of a position and the history.
    beginning : Beginning
    schedule : Schedule
    keeps_best : bool
        Whether to keep an earlier update if its modularity is clearly larger, and then end the training.
    kept : Position or None
        That of an interrupted fit, if it is not the last one.
    *args : object
        Arguments of `TrainingWatcher`.
    """

    name, phase = "update", "refinement"
    ends_for_good = False

    def __init__(
        self,
        make_attributes: Callable[..., dict[str, Any]],
        beginning: Beginning,
        schedule: Schedule,
        *args: Any,
        keeps_best: bool,
        kept: Position | None,
    ) -> None:
        super().__init__(*args)
        self.make_attributes, self.beginning, self.schedule = make_attributes, beginning, schedule
        self.keeps_best, self.kept = keeps_best, kept
        self.n_to_do = schedule.max_batches
        self.n_before = int(self.records[-1]["n_batches"]) if self.records else 0

    @property
    def largest(self) -> float:
        """The largest modularity so far, of positions that can be returned."""
        first = [] if self.beginning.labels is not None else [self.beginning.modularity]
        return max(first + [record["modularity"] for record in self.records], default=-np.inf)

    def describe(self, outcome: Position, losses: dict[str, float]) -> tuple[Record, str]:
        """Return both parts of the loss, the modularity, and the fraction of the labels that changed."""
        modularity = self.beginning.judge.modularity(outcome.labels)
        if not self.keeps_best or modularity >= self.largest - LOSS_OF_MODULARITY:
            self.kept = outcome
        record: Record = {"n_batches": outcome.n_batches}
        record |= {f"{name}_loss": value for name, value in losses.items()}
        record |= {"modularity": modularity, "label_change": outcome.label_change}
        return record, (
            "Batch {n_batches}: reconstruction loss {reconstruction_loss:.5f}, clustering loss "
            "{clustering_loss:.5f}, modularity {modularity:.4f}, {label_change:.2%} of labels changed".format(
                **record
            )
        )

    def n_done(self, outcome: Position) -> int:
        """Return the number of batches so far."""
        return outcome.n_batches

    def attributes(self, outcome: Position) -> dict[str, Any]:
        """Return the fitted attributes at the update."""
        return self.make_attributes(outcome, self.history())

    def arrays(self, outcome: Position) -> tuple[list[ndarray], Arrays]:
        """Return the weights, centers and labels, and those of the position that is kept."""
        others = {"centers": outcome.centers, "labels": outcome.labels, "counts": outcome.counts}
        if self.kept is not None and self.kept is not outcome:
            others |= kept_arrays(self.kept)
        return outcome.weights, others

    def is_last(self, outcome: Position) -> bool:
        """Return whether joint training ends here."""
        return self.schedule.is_done(outcome) or self.is_lost(outcome)

    def is_lost(self, outcome: Position) -> bool:
        """Return whether the modularity has fallen so far that the training is not worth going on."""
        if not self.keeps_best or outcome.n_batches <= self.schedule.label_batches:
            return False
        return self.records[-1]["modularity"] < self.largest - 2 * LOSS_OF_MODULARITY


def kept_arrays(position: Position) -> Arrays:
    """Return the arrays of a checkpoint from which `kept_position` makes a position."""
    listed = [*position.weights, position.centers, position.counts]
    arrays = {f"kept_{i}": array for i, array in enumerate(listed)}
    return arrays | {"kept_at": np.array([position.n_batches, position.label_change])}


def kept_position(architecture: str, images: Images, others: Arrays) -> Position | None:
    """Return the position that a checkpoint has kept besides the last one."""
    from skdcec._deep._training import encode

    if "kept_at" not in others:
        return None
    n_batches, change = others["kept_at"].tolist()
    n_kept = sum(name.startswith("kept_") for name in others) - 1
    *weights, centers, counts = (others[f"kept_{i}"] for i in range(n_kept))
    Z = encode(architecture, weights, images)
    return Position(int(n_batches), weights, centers, Z, nearest_centers(Z, centers), counts, change)
