"""The rows of the data, wherever they live, in internal units and block by block.

An array, a CSR matrix, a memory-mapped file and a dask array all answer the same few questions:
``map`` and ``reduce`` a pure function over blocks, ``apply`` one to every row, ``sample`` some rows. The
blocks are the same whatever the number of threads, and their results are combined in a fixed order.
"""

import copy
import functools
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from sklearn.utils.random import sample_without_replacement
from threadpoolctl import ThreadpoolController

from skdcec._cluster._blocks import Block, evenly
from skdcec._sklearn import _openmp_effective_n_threads


class Units(NamedTuple):
    """Internal units: a typical row is subtracted, and everything is divided by a power of two."""

    origin: np.ndarray | None = None  # (d,); None for sparse rows, which are not shifted
    scale: float = 1.0

    def convert(self, X):
        """Express rows in internal units."""
        inverse = X.dtype.type(1 / self.scale)
        if self.origin is None:
            return X * inverse
        x = np.subtract(X, self.origin, subok=False)
        x *= inverse
        return x

    def restore(self, x):
        """Express internal rows in the units of the data."""
        x = x * x.dtype.type(self.scale)
        return x if self.origin is None else x + self.origin


UNITS_OF_THE_DATA = Units()
# Values should be below 2 to these powers: then distances have their type, and sums of squares are finite.
LARGEST_EXPONENT = {np.dtype(np.float32): 120, np.dtype(np.float64): 500}
# The origin of internal units is the median of no more rows than this.
MEDIAN_SAMPLE = 1000


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
        Where blocks are mapped, several at once.
    weight_unit : float or None
        A power of two near the largest weight, so that weights fit into the type of the data.
    all_rows : bool
        Whether rows of weight zero are looked at too.
    """

    def __init__(
        self,
        X,
        sample_weight,
        block_size,
        *,
        weight_unit=None,
        units=UNITS_OF_THE_DATA,
        pool=None,
        all_rows=False,
    ):
        if not (all_rows or is_mapped(X) or sample_weight.all()):
            X, sample_weight = X[sample_weight > 0], sample_weight[sample_weight > 0]
        self.X, self.block_size, self.units, self.pool = X, block_size, units, pool
        self.weight_unit = weight_unit or power_of_two(sample_weight.max(initial=0))
        self.sample_weight = sample_weight / self.weight_unit
        self.all_rows = all_rows
        self._kept = None

    def __len__(self):
        return self.X.shape[0]

    @property
    def total_weight(self):
        """The sum of all weights, divided by ``weight_unit``."""
        return float(self.sample_weight.sum())

    def in_units(self, units, keep_blocks=False):
        """Return the same rows in other units.

        Converted blocks may be kept in memory between passes; those of a mapped file never are.
        """
        other = copy.copy(self)
        other.units, other._kept = units, {} if keep_blocks and not is_mapped(self.X) else None
        return other

    def raw(self, start):
        """Return the block of rows, and their weights, from a start on, in the units of the data."""
        X = self.X[start : start + self.block_size]
        weight = self.sample_weight[start : start + self.block_size]
        if self.all_rows or weight.all():
            return X, weight
        return X[weight > 0], weight[weight > 0]

    def block(self, start):
        """Return the Block from a start on."""
        if self._kept is not None and start in self._kept:
            return self._kept[start]
        X, weight = self.raw(start)
        block = Block.of(self.units.convert(X), weight)
        if self._kept is not None:
            self._kept[start] = block
        return block

    def _each(self, function):
        starts = range(0, len(self), self.block_size)
        if not self.all_rows:
            starts = [i for i in starts if self.sample_weight[i : i + self.block_size].any()]
        parallel = self.pool is not None and len(starts) > 1
        return (self.pool.map if parallel else map)(function, starts)

    def map(self, function):
        """Return an iterator over ``function(block)``, in the order of the rows."""
        return self._each(lambda start: function(self.block(start)))

    def reduce(self, function, combine):
        """Return ``function(block)`` of all blocks, combined from left to right."""
        return functools.reduce(combine, self.map(function))

    def reduce_raw(self, function, combine):
        """Return ``function(rows, weight)`` of all blocks in the units of the data, combined."""
        return functools.reduce(combine, self._each(lambda start: function(*self.raw(start))))

    def apply(self, function, n_columns, dtype):
        """Return ``function(block)``, with one row or number for each row, as one array."""
        if not len(self):
            return np.empty(0 if n_columns is None else (0, n_columns), dtype)
        return np.concatenate(list(self.map(function))).astype(dtype, copy=False)

    def sample(self, size, random_state):
        """Return at most size rows of positive weight in internal units, and their weights."""
        chosen = some_of(np.flatnonzero(self.sample_weight), size, random_state)
        return self.units.convert(self.X[chosen]), self.sample_weight[chosen]


class DaskRows(Rows):
    """The rows of a dask array; each of its chunks is a task, which sees its rows as `Rows`.

    Chunks are not kept between passes: persist the array where it fits the memory of the cluster.
    """

    def __init__(self, X, sample_weight, block_size, *, units=UNITS_OF_THE_DATA, pool=None, all_rows=False):
        # workers have pools of their own
        self.X, self.block_size, self.units, self.all_rows = X, block_size, units, all_rows
        self.weight_unit = power_of_two(float(sample_weight.max()))
        self.sample_weight = sample_weight / self.weight_unit

    def _options(self, **others):
        return {"block_size": self.block_size, "units": self.units, "weight_unit": 1.0} | others

    def _tasks(self, method, *args):
        import dask

        run = dask.delayed(run_on_chunk, pure=False)
        chunks = zip(self.X.to_delayed().ravel(), self.sample_weight.to_delayed(), strict=True)
        options = self._options(all_rows=self.all_rows)
        tasks = [run(X, weight, options, method, *args) for X, weight in chunks]
        return [result for result in dask.compute(*tasks) if result is not None]

    def map(self, function):
        """Return an iterator over ``function(block)``, in the order of the rows."""
        return chain.from_iterable(self._tasks("map", function))

    def reduce(self, function, combine):
        """Return ``function(block)`` of all blocks, combined from left to right."""
        return functools.reduce(combine, self._tasks("reduce", function, combine))

    def reduce_raw(self, function, combine):
        """Return ``function(rows, weight)`` of all blocks in the units of the data, combined."""
        return functools.reduce(combine, self._tasks("reduce_raw", function, combine))

    def apply(self, function, n_columns, dtype):
        """Return ``function(block)``, with one row or number for each row, as a dask array."""
        run = functools.partial(apply_to_chunk, self._options(all_rows=True), function, n_columns, dtype)
        if n_columns is None:
            return self.X.map_blocks(run, dtype=dtype, drop_axis=1, meta=np.empty(0, dtype))
        chunks = (self.X.chunks[0], (n_columns,))
        return self.X.map_blocks(run, dtype=dtype, chunks=chunks, meta=np.empty((0, 0), dtype))

    def sample(self, size, random_state):
        """Return at most size rows of positive weight in internal units, and their weights."""
        weight = self.sample_weight.compute()
        chosen = some_of(np.flatnonzero(weight), size, random_state)
        X = self.X if len(chosen) == len(weight) else self.X[chosen]
        return self.units.convert(X.compute()), weight[chosen]


def some_of(indices, size, random_state):
    """Return at most size of the indices, in their order."""
    if len(indices) <= size:
        return indices
    return indices[np.sort(sample_without_replacement(len(indices), size, random_state=random_state))]


def run_on_chunk(X, weight, options, method, *args):
    """Call a method of the Rows of a chunk; None if it has no rows to look at."""
    rows = Rows(X, weight, **options)
    if not (len(weight) if rows.all_rows else weight.any()):
        return None
    result = getattr(rows, method)(*args)
    return list(result) if method == "map" else result


def apply_to_chunk(options, function, n_columns, dtype, X):
    """Call ``Rows.apply`` on a chunk without weights."""
    return Rows(X, np.ones(len(X)), **options).apply(function, n_columns, dtype)


def is_mapped(X):
    """Return whether an array is a view of a memory-mapped file, which may not fit into memory."""
    while isinstance(X, np.ndarray) and not isinstance(X, np.memmap):
        X = X.base
    return isinstance(X, np.memmap)


def is_dask(X):
    """Return whether X is a dask array, without importing dask."""
    return type(X).__module__.startswith("dask.array")


def check_dask_array(X, sample_weight, n_features=None):
    """Return a dask array of floats, whole rows in each chunk, and its weights in chunks alike.

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


def without_duplicates(X):
    """Return sparse rows with each entry in one piece, as squares are taken of them; others as they are."""
    if sp.issparse(X) and not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


def power_of_two(value):
    """Return the power of two just above a positive value."""
    return 2.0 ** np.frexp(value)[1]


@contextmanager
def block_pool():
    """Provide the threads that map blocks, and leave BLAS with one of its own meanwhile.

    Their number is that of scikit-learn's own threads, which joblib's workers keep small. Threads start
    when the first block is submitted.
    """
    n_threads = _openmp_effective_n_threads()
    with blas_threads().limit(limits=1, user_api="blas"):
        if n_threads == 1:
            yield None
            return
        with ThreadPoolExecutor(n_threads) as pool:
            yield pool


@functools.cache
def blas_threads():
    """Return what knows the loaded BLAS libraries; finding them takes milliseconds."""
    return ThreadpoolController()


def check_range(rows):
    """Return the largest absolute value of the data.

    Raises
    ------
    ValueError
        Where it is not finite, or not below 2 to the power of LARGEST_EXPONENT.
    """
    largest, dtype = float(rows.reduce_raw(largest_value, np.maximum)), rows.X.dtype
    if not np.isfinite(largest):
        raise ValueError(f"Input X contains NaN, infinity or a value too large for {dtype!r}.")
    if largest >= (bound := 2.0 ** LARGEST_EXPONENT[dtype]):
        raise ValueError(
            f"Input X contains {largest:.3g}, too large for squared distances in {dtype}: values should be "
            f"below {bound:.3g}. Divide X by a power of ten."
        )
    return largest


def measure(rows):
    """Choose internal units from the data; return the rows in them and the variance of each feature.

    Raises
    ------
    ValueError
        Where the data are not finite, or too large.
    """
    bound = LARGEST_EXPONENT[rows.X.dtype]
    exponent = np.frexp(check_range(rows))[1]
    # bounded, so that squares of the unit do not vanish
    scale = 2.0 ** np.clip(exponent, -bound, bound)
    rough = rows.in_units(Units(None, scale))
    *sums, total = rough.reduce(first_moments, np.add)
    mean = np.array(sums) / total
    sparse = sp.issparse(rows.X)
    squares = rough.reduce(functools.partial(second_moments, mean=None if sparse else mean), np.add)
    variance = np.maximum(squares / total - mean**2, 0) if sparse else squares / total
    origin = None if sparse else typical_row(rows)
    spread = np.sqrt(variance.sum())
    finer = 2.0 ** np.clip(exponent + np.frexp(spread)[1], -bound, bound) / scale
    return rows.in_units(Units(origin, scale * finer), keep_blocks=True), variance / finer**2


def typical_row(rows):
    """Return the median of each feature in some of the rows of positive weight.

    Rows lose no digits when it is subtracted, wherever a few outliers put the mean.
    """
    # of NumPy, also where X and weights are dask's
    chosen = np.flatnonzero(np.asarray(rows.sample_weight))
    some = np.asarray(rows.X[chosen[evenly(len(chosen), MEDIAN_SAMPLE)]])
    return np.median(some, axis=0).astype(some.dtype)


def largest_value(X, weight):
    """Return the largest absolute value of some rows."""
    values = X.data if sp.issparse(X) else X
    return max(abs(values.max()), abs(values.min())) if values.size else X.dtype.type(0)


def first_moments(block):
    """Return the weighted sum of the rows, and behind it the sum of their weights."""
    return np.asarray(block.augmented.T @ block.weight).ravel()[:-1]


def second_moments(block, mean):
    """Return the weighted sum of the squared features, seen from a mean."""
    if sp.issparse(block.augmented):
        return np.asarray(block.x.multiply(block.x).T @ block.weight).ravel()
    return block.weight @ (block.x.astype(np.float64) - mean) ** 2
