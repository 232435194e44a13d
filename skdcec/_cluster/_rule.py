"""The mathematics of a center-based clusterer, as an object: a rule.

All of them are one fixed point: *distances -> weights -> weighted means*. A rule is immutable, knows nothing
of scikit-learn, and works on blocks of rows in internal units. Whatever it returns as functions of a block is
pure and can be pickled, because blocks may live in other processes.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from numpy import ndarray

from skdcec._cluster._blocks import Block, Centers, Statistics, owners, squared_distances
from skdcec._cluster._distinct import DISTINCT_SAMPLE, count_distinct
from skdcec._cluster._rows import Rows, evenly_spaced
from skdcec._cluster._seeding import SEEDING_SAMPLE, row_keys
from skdcec._cluster._units import Units

# From a block to squared distances (k, b) and the smallest of each row (b,).
DistanceFunction = Callable[[Block], tuple[ndarray, ndarray]]
# From a block to the label of each row and the weighted sum of squared distances to the labeled centers.
LabelFunction = Callable[[Block], tuple[ndarray, float]]


@dataclass(frozen=True)
class Problem:
    """The data of a fit in internal units, and a sample of them."""

    rows: Rows  # of positive weight
    variance: ndarray  # (d,) of each feature
    sample: Any  # (n, d) the rows from which initial centers are drawn
    weight: ndarray  # (n,)

    def reordered(self, order: ndarray | slice) -> Self:
        """Return the problem with the sample in another order."""
        return replace(self, sample=self.sample[order], weight=self.weight[order])

    def thinned(self, size: int) -> Self:
        """Return the problem of at most size rows of the sample, evenly spaced."""
        few = self.reordered(evenly_spaced(len(self.weight), size))
        return replace(few, rows=Rows(few.sample, few.weight, self.rows.block_size))

    def n_distinct_rows(self) -> float:
        """Return the number of different rows; of many rows, it is estimated from the sample."""
        n_distinct = len(np.unique(row_keys(self.sample)))
        n_sampled = len(self.weight)
        return n_distinct if n_sampled < SEEDING_SAMPLE else n_distinct * len(self.rows) / n_sampled

    def distinct_sample(self) -> tuple[Any, ndarray]:
        """Return the few rows, and their weights, that tell whether centers coincide."""
        chosen = evenly_spaced(len(self.weight), DISTINCT_SAMPLE)
        return self.sample[chosen], self.weight[chosen]


@dataclass(frozen=True)
class State:
    """The estimates of a run at one iteration: the centers (k, d), and whatever a rule adds to them."""

    centers: ndarray


class Rule(ABC):
    """The rule of one clusterer. A sibling implements `statistics` and overrides what its metric needs.

    Its fitted attributes are made by `attributes` and read by `restored`, both in internal units;
    ``powers_of_length`` says how each is converted to the units of the data.
    """

    powers_of_length: ClassVar[Mapping[str, int]] = {}
    # Fitted attributes with one entry for each cluster.
    per_cluster: tuple[str, ...] = ("cluster_centers_",)
    # Whether distances have the unit of the data.
    distances_have_units = True

    # ------------------------------------------------------------ iteration

    @abstractmethod
    def statistics(self, state: Any) -> Callable[[Block], Statistics]:
        """Return the function from a block to its statistics."""

    def start(self, centers: ndarray) -> Any:
        """Return the state of initial centers."""
        return State(centers)

    def update(self, state: Any, statistics: Statistics) -> Any:
        """Return the state to which the plain fixed-point map leads; centers without rows stay."""
        centers = state.centers.copy()
        used = statistics.weights > 0
        centers[used] = statistics.sums[used] / statistics.weights[used, None]
        return replace(state, centers=centers)

    def step_lengths(self) -> tuple[float, float]:
        """Return the length of the plain step and the largest length to which it may grow."""
        return 1.0, 1.0

    def has_converged(self, state: Any, target: Any, tol: float, problem: Problem) -> bool:
        """Return whether the plain map moves the state by less than the tolerance."""
        move = target.centers - state.centers
        return float(np.sum(move**2)) <= tol * float(problem.variance.mean())

    # --------------------------------------------------------------- metric

    def metric_rows(self, x: Any) -> Any:
        """Map rows to a space in which the metric, before any update, is Euclidean."""
        return x

    def kmeans_scales(self, problem: Problem) -> list[ndarray]:
        """Return the factors of the features with which k-means looks for initial centers, one run each."""
        return [np.ones_like(problem.variance)]

    def distances(self, state: Any) -> DistanceFunction:
        """Return the function from a block to its squared distances in the metric of the rule."""
        return partial(squared_distances, centers=Centers.of(state.centers))

    def labels(self, state: Any) -> LabelFunction:
        """Return the function from a block to its labels and its part of the inertia."""
        return partial(nearest_labels, distances=self.distances(state))

    def count_distinct(self, state: Any, problem: Problem) -> int:
        """Return the number of centers that are noticeably different."""
        spread = float(np.sqrt(problem.variance.sum()))
        return count_distinct(state.centers, spread, *problem.distinct_sample())

    # --------------------------------------------------------------- result

    def objective(self, value: Any, state: Any, units: Units, total_weight: float) -> Any:
        """Express an objective of internal units in the units of the data."""
        return value * units.scale**2

    def attributes(self, state: Any) -> dict[str, Any]:
        """Return the fitted attributes of a state."""
        return {"cluster_centers_": state.centers}

    @classmethod
    @abstractmethod
    def restored(cls, attributes: Mapping[str, Any]) -> tuple[Self, Any]:
        """Return the rule and the state of fitted attributes."""


def nearest_labels(block: Block, distances: DistanceFunction) -> tuple[ndarray, float]:
    """Return the index of the nearest center of each row, and the weighted sum of the distances to it."""
    D, nearest = distances(block)
    return owners(D, nearest)[0], float(nearest @ block.weight)
