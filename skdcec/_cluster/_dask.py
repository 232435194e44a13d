"""The rows of dask arrays: every chunk is a task on the dask scheduler in use."""

import functools
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from itertools import chain
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.typing import DTypeLike

from skdcec._cluster._blocks import Block
from skdcec._cluster._rows import Rows, sorted_sample
from skdcec._cluster._units import UNITS_OF_THE_DATA, Units, power_of_two


class DaskRows(Rows):
    """The rows of a dask array; each chunk is a task, in which it is `Rows`.

    Chunks are not kept between passes: persist the array if it fits into the memory of the cluster.
    """

    def __init__(
        self,
        X: Any,
        sample_weight: Any,
        block_size: int,
        *,
        units: Units = UNITS_OF_THE_DATA,
        pool: Executor | None = None,
        all_rows: bool = False,
    ) -> None:
        # the pool is not used: workers have pools of their own
        self.X, self.block_size, self.units, self.all_rows = X, block_size, units, all_rows
        self.weight_unit = power_of_two(float(sample_weight.max()))
        self.sample_weight = sample_weight / self.weight_unit

    def _options(self, **options: Any) -> dict[str, Any]:
        return {"block_size": self.block_size, "units": self.units, "weight_unit": 1.0} | options

    def _run(self, method: str, *args: Any) -> list[Any]:
        from dask.base import compute
        from dask.delayed import delayed

        run = delayed(run_on_chunk, pure=False)
        chunks = zip(self.X.to_delayed().ravel(), self.sample_weight.to_delayed(), strict=True)
        options = self._options(all_rows=self.all_rows)
        tasks = [run(X, weight, options, method, *args) for X, weight in chunks]
        return [result for result in compute(*tasks) if result is not None]

    def map(self, function: Callable[[Block], Any]) -> Iterator[Any]:
        """Return an iterator over ``function(block)``, in the order of the rows."""
        return chain.from_iterable(self._run("map", function))

    def reduce(self, function: Callable[[Block], Any], combine: Callable[[Any, Any], Any]) -> Any:
        """Return ``function(block)`` of all blocks, combined from left to right."""
        return functools.reduce(combine, self._run("reduce", function, combine))

    def reduce_data(self, function: Callable[[Any, ndarray], Any], combine: Callable[[Any, Any], Any]) -> Any:
        """Return ``function(rows, weight)`` of all blocks in the units of the data, combined."""
        return functools.reduce(combine, self._run("reduce_data", function, combine))

    def apply(self, function: Callable[[Block], ndarray], n_columns: int | None, dtype: DTypeLike) -> Any:
        """Return ``function(block)``, with one row or number for each row, as a dask array."""
        run = functools.partial(apply_to_chunk, self._options(all_rows=True), function, n_columns, dtype)
        if n_columns is None:
            return self.X.map_blocks(run, dtype=dtype, drop_axis=1, meta=np.empty(0, dtype))
        chunks = (self.X.chunks[0], (n_columns,))
        return self.X.map_blocks(run, dtype=dtype, chunks=chunks, meta=np.empty((0, 0), dtype))

    def sample(self, size: int, random_state: np.random.RandomState) -> tuple[Any, ndarray]:
        """Return at most size rows of positive weight in internal units, and their weights."""
        weight = self.sample_weight.compute()
        chosen = sorted_sample(np.flatnonzero(weight), size, random_state)
        X = self.X if len(chosen) == len(weight) else self.X[chosen]
        return self.units.convert(X.compute()), weight[chosen]


def run_on_chunk(X: ndarray, weight: ndarray, options: dict[str, Any], method: str, *args: Any) -> Any:
    """Call a method of the Rows of a chunk; return None if the chunk has no rows to include."""
    rows = Rows(X, weight, **options)
    if not (len(weight) if rows.all_rows else weight.any()):
        return None
    result = getattr(rows, method)(*args)
    return list(result) if method == "map" else result


def apply_to_chunk(
    options: dict[str, Any],
    function: Callable[[Block], ndarray],
    n_columns: int | None,
    dtype: DTypeLike,
    X: ndarray,
) -> ndarray:
    """Call ``Rows.apply`` on a chunk without weights."""
    result: ndarray = Rows(X, np.ones(len(X)), **options).apply(function, n_columns, dtype)
    return result


def check_dask_array(X: Any, sample_weight: Any, n_features: int | None = None) -> tuple[Any, Any]:
    """Return a dask array of floats, whole rows in each chunk, and its weights in equal chunks.

    Raises
    ------
    ValueError
        For a wrong shape, chunks of unknown size, or weights that do not fit or are negative.
    """
    import dask.array as da

    if X.ndim != 2:
        raise ValueError(f"Expected 2D array, got a dask array of shape {X.shape} instead.")
    if np.isnan(X.shape[0]):
        raise ValueError("The chunks of X have unknown sizes; call X.compute_chunk_sizes() first.")
    if n_features not in (None, X.shape[1]):
        raise ValueError(f"X has {X.shape[1]} features, but {n_features} features were seen during fit.")
    if X.dtype not in (np.float32, np.float64):
        if X.dtype.kind not in "biuf":
            raise ValueError(f"X has dtype={X.dtype}, which should be real numbers.")
        X = X.astype(np.float64)
    X = X.rechunk({1: -1})
    if sample_weight is None:
        return X, da.ones(X.shape[0], chunks=X.chunks[0])
    weight = da.asarray(sample_weight).astype(np.float64)
    if weight.ndim == 0:
        weight = da.broadcast_to(weight, X.shape[:1])
    if weight.shape != X.shape[:1]:
        raise ValueError(f"sample_weight has shape {weight.shape}, which should be {X.shape[:1]}.")
    for extreme in (float(weight.min()), float(weight.max())):
        if not 0 <= extreme < np.inf:
            raise ValueError(f"sample_weight has the value {extreme}; it should be finite and not negative.")
    return X, weight.rechunk(X.chunks[:1])
