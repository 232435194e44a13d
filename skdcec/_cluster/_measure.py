"""The choice of internal units: the range, the typical row and the spread of the data."""

import functools
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy import ndarray

from skdcec._cluster._blocks import Block
from skdcec._cluster._rows import Rows, evenly_spaced
from skdcec._cluster._units import Units

# Values should be below 2 to these powers: then squared distances have their type, and sums of them are
# finite.
LARGEST_POWER_OF_TWO = {np.dtype(np.float32): 120, np.dtype(np.float64): 500}
# The origin of internal units is the median of no more rows than this.
MEDIAN_SAMPLE = 1000


def check_magnitude(rows: Rows) -> float:
    """Return the largest absolute value of the data.

    Raises
    ------
    ValueError
        If it is not finite, or not below 2 to the power of LARGEST_POWER_OF_TWO.
    """
    largest, dtype = float(rows.reduce_data(largest_value, np.maximum)), rows.X.dtype
    if not np.isfinite(largest):
        raise ValueError(f"Input X contains NaN, infinity or a value too large for {dtype!r}.")
    if largest >= (bound := 2.0 ** LARGEST_POWER_OF_TWO[dtype]):
        raise ValueError(
            f"Input X contains {largest:.3g}, too large for squared distances in {dtype}: values should be "
            f"below {bound:.3g}. Divide X by a power of ten."
        )
    return largest


def measure(rows: Rows) -> tuple[Rows, ndarray]:
    """Choose internal units from the data; return the rows in them and the variance of each feature.

    Raises
    ------
    ValueError
        If the data are not finite, or too large.
    """
    bound = LARGEST_POWER_OF_TWO[rows.X.dtype]
    exponent = np.frexp(check_magnitude(rows))[1]
    # first by the range, bounded so that squares of the unit do not vanish; then by the spread
    scale = 2.0 ** np.clip(exponent, -bound, bound)
    by_range = rows.in_units(Units(None, scale))
    *sums, total = by_range.reduce(first_moments, np.add)
    mean = np.array(sums) / total
    sparse = sp.issparse(rows.X)
    squares = by_range.reduce(functools.partial(second_moments, mean=None if sparse else mean), np.add)
    variance = np.maximum(squares / total - mean**2, 0) if sparse else squares / total
    origin = None if sparse else typical_row(rows)
    spread = np.sqrt(variance.sum())
    factor = 2.0 ** np.clip(exponent + np.frexp(spread)[1], -bound, bound) / scale
    return rows.in_units(Units(origin, float(scale * factor)), keep_blocks=True), variance / factor**2


def typical_row(rows: Rows) -> ndarray:
    """Return the median of each feature over some of the rows of positive weight.

    Subtracting it costs no digits, even if a few outliers drag the mean away.
    """
    # NumPy, also for dask's X and weights
    chosen = np.flatnonzero(np.asarray(rows.sample_weight))
    sample = np.asarray(rows.X[chosen[evenly_spaced(len(chosen), MEDIAN_SAMPLE)]])
    return np.median(sample, axis=0).astype(sample.dtype)


def largest_value(X: Any, weight: ndarray) -> Any:
    """Return the largest absolute value of a block in the units of the data."""
    values = X.data if sp.issparse(X) else X
    return max(abs(values.max()), abs(values.min())) if values.size else X.dtype.type(0)


def first_moments(block: Block) -> ndarray:
    """Return the weighted sum of the rows, followed by the sum of their weights."""
    return np.asarray(block.augmented.T @ block.weight).ravel()[:-1]


def second_moments(block: Block, mean: ndarray | None) -> ndarray:
    """Return the weighted sum of the squared features, around a mean unless the rows are sparse."""
    if sp.issparse(block.augmented):
        return np.asarray(block.x.multiply(block.x).T @ block.weight).ravel()
    result: ndarray = block.weight @ (block.x.astype(np.float64) - mean) ** 2
    return result
