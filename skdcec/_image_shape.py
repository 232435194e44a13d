"""The shape of the images in X: given by the array, or by the parameter ``image_shape``."""

import os
from collections.abc import Iterable, Mapping, Sequence
from math import isqrt
from typing import Any

import numpy as np
from numpy import ndarray

Shape = tuple[int, ...]

ACCEPTED = (
    "an array of shape (n_samples, height, width), (n_samples, height, width, channels) or (n_samples, "
    "n_features), a list of images of one shape, or a stream: a tf.data.Dataset, a keras.utils.PyDataset or "
    "a dask array"
)
# Modes of Pillow whose arrays are not gray values or red, green and blue.
CODED_MODES = {"P", "PA", "CMYK", "YCbCr", "LAB", "HSV"}
# Rows shorter than this are no images whose layout could be recognized.
FEWEST_PIXELS = 64


def as_array(X: Any) -> Any:
    """Return X if it is an array, a frame or a matrix, and the images of a sequence as one array.

    Raises
    ------
    TypeError
        If X is something else, such as a path or a generator.
    ValueError
        If the images of a sequence differ in shape or type.
    """
    if isinstance(X, str | bytes | os.PathLike):
        raise TypeError(f"X={X!r} is a path; load its images first, with load_image_folder, say.")
    is_object = getattr(X, "dtype", None) == np.dtype(object) and getattr(X, "ndim", 0) == 1
    if not is_object:
        if hasattr(X, "shape") or hasattr(X, "__array__"):
            return X
        if isinstance(X, Mapping) or not isinstance(X, Sequence):
            keys = f" with the keys {sorted(map(str, X))[:6]}" if isinstance(X, Mapping) else ""
            raise TypeError(f"X is a {type(X).__name__}{keys}; it should be {ACCEPTED}.")
    images = list(X)
    if images and isinstance(images[0], str | os.PathLike):
        raise TypeError(f"X holds paths such as {images[0]!r}; load the images first.")
    if not images or ndim(images[0]) < 2:
        return X
    return stacked(images)


def ndim(image: Any) -> int:
    """Return the number of axes of an image; 0 if it is no array."""
    try:
        return int(np.ndim(image))
    except ValueError:  # of lists of unequal length
        return 0


def stacked(images: Sequence[Any]) -> ndarray:
    """Return images of one shape and type as one array."""
    first = None
    for i, image in enumerate(images):
        if getattr(image, "mode", None) in CODED_MODES:
            raise ValueError(f"X[{i}] is a picture in mode {image.mode!r}; pass image.convert('RGB').")
        array = np.asarray(image)
        if first is None:
            first, result = array, np.empty((len(images), *array.shape), array.dtype)
        if array.shape != first.shape:
            raise ValueError(
                f"X[0] has shape {first.shape}, but X[{i}] has shape {array.shape}; all images should have "
                "the same shape. Scale or crop them first."
            )
        if array.dtype != first.dtype:
            raise ValueError(
                f"X[0] has dtype={first.dtype}, but X[{i}] has dtype={array.dtype}; all images should have "
                "the same dtype."
            )
        result[i] = array
    return result


def shape_of(X: Any) -> Shape:
    """Return the shape of an array or a list of rows; raise a ValueError if the rows differ in length."""
    if hasattr(X, "shape"):
        return tuple(X.shape)
    try:
        return np.asarray(X).shape
    except ValueError as error:
        raise ValueError("X is a list whose rows differ in length; they should be equally long.") from error


def flatten(X: Any) -> tuple[Any, Shape | None]:
    """Return images as flat rows, and the shape of one of them, None if they were flat."""
    X = as_array(X)
    shape = shape_of(X)
    if len(shape) > 4:
        raise ValueError(f"X has shape {shape}; it should be {ACCEPTED}.")
    if len(shape) not in (3, 4):
        return X, None
    if 0 in shape:
        raise ValueError(f"Found images of shape {shape}; a minimum of 1 is required on each axis.")
    X = np.asarray(X)
    return X.reshape(len(X), -1), tuple(int(side) for side in shape[1:])


def with_channels(shape: Iterable[int]) -> Shape:
    """Return (height, width, channels) of a shape that may leave one channel out."""
    return (*shape, 1)[:3]


def resolve_image_shape(n_features: int, sample_shape: Shape | None, image_shape: Any) -> Shape:
    """Return (height, width, channels) from the data and the parameter."""
    if image_shape is not None:
        expected = with_channels(int(side) for side in image_shape)
        if sample_shape is not None and with_channels(sample_shape) != expected:
            raise ValueError(
                f"image_shape={image_shape} does not match X, whose images have shape {sample_shape}."
            )
        if int(np.prod(expected)) != n_features:
            raise ValueError(
                f"image_shape={image_shape} asks for {int(np.prod(expected))} features, but X has "
                f"{n_features} features."
            )
        return expected
    if sample_shape is not None:
        return with_channels(sample_shape)
    side = isqrt(n_features)
    return (side, side, 1) if side * side == n_features else (1, n_features, 1)


def check_sample_layout(sample_shape: Shape) -> None:
    """Raise a ValueError if the axes of images are likely in another order, or are those of one image."""
    n_first, *others = sample_shape
    confirm = f"If that is right, set image_shape={sample_shape}."
    if len(sample_shape) == 3:
        width, channels = others
        is_signal = n_first == 1 and 4 * channels <= width
        if n_first in (1, 3, 4) and channels > 4 and not is_signal:
            raise ValueError(
                f"X holds images of shape {sample_shape}, that is, {n_first} x {width} pixels with "
                f"{channels} channels; the channels are likely first. Pass np.moveaxis(X, 1, -1). {confirm}"
            )
    elif others[0] in (3, 4) and n_first >= 8:
        raise ValueError(
            f"X holds images of shape {sample_shape}, only {others[0]} pixels wide; it is likely a single "
            f"color image. Pass X[np.newaxis]. {confirm}"
        )


def check_row_layout(n_samples: int | None, n_features: int) -> None:
    """Raise a ValueError if flat rows are likely color images, one image, or have a column of labels.

    Parameters
    ----------
    n_samples : int or None
        None if it is unknown.
    n_features : int
    """
    confirm = f"If they are images of one row, set image_shape=(1, {n_features})."
    side = isqrt(n_features)
    if n_samples == n_features and n_features >= 8:
        raise ValueError(
            f"X has shape ({n_samples}, {n_features}), like a single image; pass X[np.newaxis]. If it holds "
            f"{n_samples} flat rows, set image_shape."
        )
    if n_features < FEWEST_PIXELS or side * side == n_features:
        return
    if side * side + 1 == n_features:
        raise ValueError(
            f"X has {n_features} features, that is, {side} x {side} pixels and one more; is that a label? "
            f"Leave it out. {confirm}"
        )
    for channels in (3, 4):
        side = isqrt(n_features // channels)
        if channels * side * side == n_features:
            raise ValueError(
                f"X has {n_features} features, likely color images; set image_shape=({side}, {side}, "
                f"{channels}), or, if the channels are first, pass X.reshape(-1, {channels}, {side}, "
                f"{side}).transpose(0, 2, 3, 1). {confirm}"
            )
