"""The rows of an array, a CSR matrix or a mapped file, in internal units and block by block.

Rows answer a few questions: ``map`` and ``reduce`` a pure function over blocks, ``apply`` one to every row,
``sample`` some rows. The blocks do not depend on the number of threads, and their results are combined in
a fixed order.
"""

import copy
import functools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy import ndarray
from numpy.typing import DTypeLike
from sklearn.utils.random import sample_without_replacement

from skdcec._cluster._blocks import Block
from skdcec._cluster._units import UNITS_OF_THE_DATA, Units, power_of_two


class Rows:
    """The rows of a matrix in internal units, with their weights, block by block.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    sample_weight : ndarray of shape (n_samples,)
        Kept divided by ``weight_unit``.
    block_size : int
    units : Units
    pool : executor or None
        Maps several blocks at once.
    weight_unit : float or None
        A power of two near the largest weight, so that weights fit into the type of the data.
    all_rows : bool
        Whether to include rows of weight zero.
    """

    X: Any
    sample_weight: Any

    def __init__(
        self,
        X: Any,
        sample_weight: ndarray,
        block_size: int,
        *,
        weight_unit: float | None = None,
        units: Units = UNITS_OF_THE_DATA,
        pool: Executor | None = None,
        all_rows: bool = False,
    ) -> None:
        if not (all_rows or is_mapped(X) or sample_weight.all()):
            X, sample_weight = X[sample_weight > 0], sample_weight[sample_weight > 0]
        self.X, self.block_size, self.units, self.pool = X, block_size, units, pool
        self.weight_unit = weight_unit or power_of_two(sample_weight.max(initial=0))
        self.sample_weight = sample_weight / self.weight_unit
        self.all_rows = all_rows
        self._converted_blocks: dict[int, Block] | None = None

    def __len__(self) -> int:
        return int(self.X.shape[0])

    @property
    def total_weight(self) -> float:
        """The sum of all weights, divided by ``weight_unit``."""
        return float(self.sample_weight.sum())

    def in_units(self, units: Units, keep_blocks: bool = False) -> Self:
        """Return the same rows in other units.

        Converted blocks may be kept in memory between passes; those of a mapped file never are.
        """
        other = copy.copy(self)
        other.units = units
        other._converted_blocks = {} if keep_blocks and not is_mapped(self.X) else None
        return other

    def take(self, chosen: ndarray) -> Self:
        """Return some of the rows, in the order of their indices."""
        other = copy.copy(self)
        other.X, other.sample_weight = self.X[chosen], self.sample_weight[chosen]
        other._converted_blocks = None
        return other

    def block_of_data(self, start: int) -> tuple[Any, ndarray]:
        """Return the rows of the block that begins at start, in the units of the data, and their weights."""
        X = self.X[start : start + self.block_size]
        weight = self.sample_weight[start : start + self.block_size]
        if self.all_rows or weight.all():
            return X, weight
        return X[weight > 0], weight[weight > 0]

    def block(self, start: int) -> Block:
        """Return the block that begins at start, in internal units."""
        if self._converted_blocks is not None and start in self._converted_blocks:
            return self._converted_blocks[start]
        X, weight = self.block_of_data(start)
        block = Block.of(self.units.convert(X), weight)
        if self._converted_blocks is not None:
            self._converted_blocks[start] = block
        return block

    def _map_starts(self, function: Callable[[int], Any]) -> Iterator[Any]:
        starts: Iterable[int] = range(0, len(self), self.block_size)
        if not self.all_rows:
            starts = [i for i in starts if self.sample_weight[i : i + self.block_size].any()]
        if self.pool is not None and len(self) > self.block_size:
            return self.pool.map(function, starts)
        return map(function, starts)

    def map(self, function: Callable[[Block], Any]) -> Iterator[Any]:
        """Return an iterator over ``function(block)``, in the order of the rows."""
        return self._map_starts(lambda start: function(self.block(start)))

    def reduce(self, function: Callable[[Block], Any], combine: Callable[[Any, Any], Any]) -> Any:
        """Return ``function(block)`` of all blocks, combined from left to right."""
        return functools.reduce(combine, self.map(function))

    def reduce_data(self, function: Callable[[Any, ndarray], Any], combine: Callable[[Any, Any], Any]) -> Any:
        """Return ``function(rows, weight)`` of all blocks in the units of the data, combined."""
        return functools.reduce(combine, self._map_starts(lambda start: function(*self.block_of_data(start))))

    def apply(self, function: Callable[[Block], ndarray], n_columns: int | None, dtype: DTypeLike) -> Any:
        """Return ``function(block)``, with one row or number for each row, as one array."""
        if not len(self):
            return np.empty(0 if n_columns is None else (0, n_columns), dtype)
        return np.concatenate(list(self.map(function))).astype(dtype, copy=False)

    def sample(self, size: int, random_state: np.random.RandomState) -> tuple[Any, ndarray]:
        """Return at most size rows of positive weight in internal units, and their weights."""
        chosen = sorted_sample(np.flatnonzero(self.sample_weight), size, random_state)
        return self.units.convert(self.X[chosen]), self.sample_weight[chosen]


def sorted_sample(indices: ndarray, size: int, random_state: np.random.RandomState) -> ndarray:
    """Return at most size of the indices, in their order."""
    if len(indices) <= size:
        return indices
    return indices[np.sort(sample_without_replacement(len(indices), size, random_state=random_state))]


def evenly_spaced(n: int, size: int) -> slice:
    """Return a slice of at most size of n rows, evenly spaced."""
    return slice(None, None, -(-n // size))


def is_mapped(X: Any) -> bool:
    """Return whether an array is a view of a memory-mapped file, which may not fit into memory."""
    while isinstance(X, ndarray) and not isinstance(X, np.memmap):
        X = X.base
    return isinstance(X, np.memmap)


def without_duplicates(X: Any) -> Any:
    """Return sparse rows with each entry in one piece, because entries are squared."""
    if sp.issparse(X) and not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X
