"""The scale of images: the two values that become 0 and 1, told by a parameter or by the data."""

import warnings
from typing import Any

import numpy as np
from numpy import ndarray

Range = tuple[float, float]

UNCHANGED: Range = (0.0, 1.0)
BYTES: Range = (0.0, 255.0)
# Values up to this count as scaled to [0, 1]: resizing with Lanczos overshoots, but by less.
LARGEST_SCALED = 2.0
# Tables may have larger values, as may data with negative ones: not all features are standardized.
LARGEST_OF_TABLES = 10.0
# Bytes that use less than half of their range are worth a warning.
DARK_BYTES = 127
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
    """Return the parameter of an autoencoder; subclasses need not have it."""
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
    if not isinstance(parameter, str):
        low, high = map(float, parameter)
        check_inside((low, high), seen)
        return low, high
    if rows.dtype == np.uint8:
        return range_of_bytes(seen)
    low, high = seen
    if max(high, -low) > (LARGEST_OF_TABLES if is_table or low < 0 else LARGEST_SCALED):
        top = next((value for value in COMMON if high <= value), high)
        suggested = f"({low:g}, {high:g})" if low < 0 else f"(0, {top:g})"
        warn(
            f"X has dtype={rows.dtype} and values from {low:g} to {high:g}, which are used as they are; only "
            f"uint8 is divided by 255. Networks learn best on a scale of [0, 1]: set value_range={suggested} "
            "of the autoencoder, or scale X."
        )
    return UNCHANGED


def range_of_bytes(seen: Range) -> Range:
    """Return the range of uint8; warn of masks, and of images that would be dark."""
    high = seen[1]
    if high == 1:
        warn(
            "X has dtype=uint8 and no value above 1, so that it is not divided by 255. Pass X.astype(bool) "
            "for masks, or set value_range of the autoencoder."
        )
        return UNCHANGED
    if 0 < high <= DARK_BYTES:
        warn(
            f"X has dtype=uint8 and no value above {high:g}, but is divided by 255. If {high:g} is white, "
            f"set value_range=(0, {high:g}) of the autoencoder."
        )
    return BYTES


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

    Raises
    ------
    ValueError
        If their scale is not that of the fit.
    """
    seen = extremes(rows)
    value_range: Range = estimator.value_range_
    parameter = scale_of(getattr(estimator, "autoencoder_", estimator))
    if not isinstance(parameter, str):
        check_inside(value_range, seen)
        return value_range
    told = f"X has dtype={rows.dtype} and values from {seen[0]:g} to {seen[1]:g}"
    fitted = (
        f"{type(estimator).__name__} was fitted with dtype={estimator.input_dtype_} and values from "
        f"{estimator.data_range_[0]:g} to {estimator.data_range_[1]:g}"
    )
    if value_range == BYTES and rows.dtype != np.uint8:
        if seen[1] > LARGEST_SCALED:
            raise ValueError(f"{told}, but {fitted}. Pass X.astype(np.uint8) or X / 255.")
        value_range = UNCHANGED
    elif value_range == UNCHANGED and rows.dtype == np.uint8 and estimator.input_dtype_ != "uint8":
        is_scaled = estimator.data_range_[1] <= LARGEST_SCALED
        value_range = BYTES if is_scaled and seen[1] > 1 else UNCHANGED
    size, fitted_size = size_of(seen, value_range), size_of(estimator.data_range_, estimator.value_range_)
    if size > LARGEST_RATIO * fitted_size:
        message = f"{told}, but {fitted}. Scale X as it was scaled for fit."
        if fitted_size <= LARGEST_SCALED and min(estimator.data_range_) >= 0:
            raise ValueError(message)
        warn(message)
    elif 0 < size < fitted_size / LARGEST_RATIO:
        warn(f"{told}, but {fitted}. Scale X as it was scaled for fit, unless these images are that dark.")
    return value_range


def size_of(seen: Range, value_range: Range) -> float:
    """Return the largest absolute value on the scale of a network."""
    low, high = value_range
    return max(abs(value - low) / (high - low) for value in seen)


def warn(message: str) -> None:
    """Warn at the call of the public method, as far as that can be told."""
    warnings.warn(message, UserWarning, stacklevel=6)
