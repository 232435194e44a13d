"""The scale of images: the two values that become 0 and 1, told by a parameter or by the data."""

from typing import Any

import numpy as np
from numpy import ndarray

from skdcec._warn import warn

Range = tuple[float, float]

UNCHANGED: Range = (0.0, 1.0)
BYTES: Range = (0.0, 255.0)
# Values up to this count as scaled to [0, 1]: resizing with Lanczos overshoots, but by less.
LARGEST_SCALED = 2.0
# Tables may have larger values, as may data with negative ones: not all features are standardized.
LARGEST_OF_TABLES = 10.0
# Images that use no more than this of their range are worth a warning.
DARK = 0.1
# New images whose values are larger or smaller by this factor have another scale.
LARGEST_RATIO = 10.0
# The largest values of common kinds of images.
COMMON = (16, 255, 4095, 65535)


def check_value_range(value_range: Any) -> None:
    """Raise a ValueError unless the parameter is 'auto' or a pair of increasing numbers."""
    if isinstance(value_range, str) and value_range == "auto":
        return
    try:
        low, high = map(float, value_range)
        valid = low < high and bool(np.isfinite([low, high]).all())
    except (TypeError, ValueError):
        valid = False
    if not valid:
        raise ValueError(
            f"value_range={value_range!r} should be 'auto' or a pair (low, high) of numbers, low < high."
        )


def scale_of(autoencoder: Any) -> Any:
    """Return ``value_range`` of an autoencoder, or 'auto' if it has none."""
    return getattr(autoencoder, "value_range", "auto")


def extremes(rows: ndarray) -> Range:
    """Return the smallest and the largest value."""
    return float(rows.min()), float(rows.max())


def range_of_fit(parameter: Any, rows: ndarray, seen: Range, *, is_table: bool) -> Range:
    """Return the values that become 0 and 1 in a fit; warn if they are doubtful.

    Parameters
    ----------
    parameter : 'auto' or pair of float
    rows : ndarray of shape (n_samples, n_features)
    seen : pair of float
        Their extremes.
    is_table : bool
        Whether they were flat rows, not images.

    Raises
    ------
    ValueError
        If the values are outside of a range that was passed.
    """
    told = f"X has dtype={rows.dtype} and values from {seen[0]:g} to {seen[1]:g}"
    is_auto = isinstance(parameter, str)
    if not is_auto:
        value_range = float(parameter[0]), float(parameter[1])
        check_inside(value_range, seen)
    elif rows.dtype == np.uint8:
        value_range = range_of_bytes(seen, is_table=is_table)
    else:
        value_range = UNCHANGED
        if is_unscaled(rows, seen, is_table=is_table):
            warn(
                f"{told}, which are used as they are; only uint8 is divided by 255. {remedy(seen, is_table)}"
            )
    if not is_table and 0 < size_of(seen, value_range) < DARK:
        low, high = value_range
        warn(f"{told}, which are dark for a range from {low:g} to {high:g}. {remedy(seen, is_table)}")
    return value_range


def is_unscaled(rows: ndarray, seen: Range, *, is_table: bool) -> bool:
    """Return whether values that are not bytes look neither scaled nor standardized."""
    low, high = seen
    if low >= 0:
        return high > (LARGEST_OF_TABLES if is_table else LARGEST_SCALED)
    sample = rows[:2048].astype(np.float64)
    return bool(np.sqrt(np.mean(np.square(sample))) > LARGEST_OF_TABLES)


def remedy(seen: Range, is_table: bool) -> str:
    """Return advice for values of another scale."""
    low, high = seen
    if is_table:
        return "Networks learn best from standardized features, or values in [0, 1]: scale X."
    top = next((value for value in COMMON if 2 < high <= value), high)
    suggested = f"({low:g}, {high:g})" if low < 0 else f"(0, {top:g})"
    return f"Networks learn best on a scale of [0, 1]: set value_range={suggested} of the autoencoder."


def range_of_bytes(seen: Range, *, is_table: bool) -> Range:
    """Return the range of uint8; warn of masks."""
    if seen[1] != 1:
        return BYTES
    if not is_table:
        warn(
            "X has dtype=uint8 and no value above 1, so that it is not divided by 255. Pass X.astype(bool) "
            "for masks, or set value_range of the autoencoder."
        )
    return UNCHANGED


def check_inside(value_range: Range, seen: Range) -> None:
    """Raise a ValueError if values are outside of a range by more than half of it."""
    slack = (value_range[1] - value_range[0]) / 2
    if seen[0] < value_range[0] - slack or seen[1] > value_range[1] + slack:
        raise ValueError(
            f"X has values from {seen[0]:g} to {seen[1]:g}, outside of "
            f"value_range=({value_range[0]:g}, {value_range[1]:g})."
        )


def range_of_new(estimator: Any, rows: ndarray) -> Range:
    """Return the values that become 0 and 1 in images for a fitted estimator, which may have another type.

    Only the type decides, not the values, because a row must not depend on the others.

    Raises
    ------
    ValueError
        If their scale is not that of the fit; rows of a table, which may have outliers, only warn.
    """
    seen, fitted = extremes(rows), estimator.data_range_
    value_range: Range = estimator.value_range_
    told = (
        f"X has dtype={rows.dtype} and values from {seen[0]:g} to {seen[1]:g}, but "
        f"{type(estimator).__name__} was fitted with dtype={estimator.input_dtype_} and values from "
        f"{fitted[0]:g} to {fitted[1]:g}."
    )
    if not isinstance(scale_of(getattr(estimator, "autoencoder_", estimator)), str):
        check_inside(value_range, seen)
    elif value_range == BYTES and rows.dtype != np.uint8:
        if seen[1] > LARGEST_SCALED:
            raise ValueError(f"{told} Pass X.astype(np.uint8) or X / 255.")
        value_range = UNCHANGED
    elif rows.dtype == np.uint8 and estimator.input_dtype_ not in ("uint8", "bool"):
        value_range = BYTES if fitted[1] <= LARGEST_SCALED else UNCHANGED
    size, fitted_size = size_of(seen, value_range), size_of(fitted, estimator.value_range_)
    is_table = len(estimator.sample_shape_) == 1
    if size > LARGEST_RATIO * fitted_size > 0:
        if not is_table and fitted_size <= LARGEST_SCALED:
            raise ValueError(f"{told} Scale X as it was scaled for fit.")
        warn(f"{told} Scale X as it was scaled for fit.")
    elif 0 < size < fitted_size / LARGEST_RATIO and not is_table:
        warn(f"{told} Scale X as it was scaled for fit, unless these images are that dark.")
    elif fitted[0] >= 0 and seen[0] < -0.5 * fitted[1] and not is_table:
        warn(f"{told} Scale X as it was scaled for fit, without negative values.")
    return value_range


def size_of(seen: Range, value_range: Range) -> float:
    """Return the largest absolute value on the scale of a network."""
    low, high = value_range
    return max(abs(value - low) / (high - low) for value in seen)
