"""The shape of the images in X: given by the array, or by the parameter ``image_shape``."""

import os
from collections.abc import Iterable, Mapping, Sequence
from math import isqrt
from typing import Any

import numpy as np
from numpy import ndarray

from skdcec._sklearn import refuse_masked

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


def as_array(X: Any, accepted: str = ACCEPTED) -> Any:
    """Return X if it is an array, a frame or a matrix, and the images or rows of a sequence as one array.

    Parameters
    ----------
    X : object
    accepted : str
        What X should be, for the message.

    Raises
    ------
    TypeError
        If X is something else, such as a path or a generator.
    ValueError
        If the images of a sequence differ in shape, or only some of them are bytes.
    """
    if isinstance(X, str | bytes | os.PathLike):
        raise TypeError(f"X={X!r} is a path; load its images first, with load_image_folder, say.")
    is_object = getattr(X, "dtype", None) == np.dtype(object) and getattr(X, "ndim", 0) == 1
    if not is_object:
        if hasattr(X, "shape") or hasattr(X, "__array__"):
            return X
        if isinstance(X, Mapping) or not isinstance(X, Sequence):
            keys = f" with the keys {sorted(map(str, X))[:6]}" if isinstance(X, Mapping) else ""
            raise TypeError(
                f"X is a {type(X).__name__}{keys}; it should be {accepted}.{part_of(X, accepted)}"
            )
    images = list(X)
    if images and isinstance(images[0], str | os.PathLike):
        raise TypeError(f"X holds paths such as {images[0]!r}; load the images first.")
    for i, image in enumerate(images):
        refuse_masked(image, f"X[{i}]")
    if not images or ndim(images[0]) < (1 if is_object else 2):
        return X
    return stacked(images)


def part_of(X: Any, accepted: str) -> str:
    """Return a hint on the part of a scikit-learn `Bunch` to pass instead, or nothing."""
    names = ("images", "data") if accepted == ACCEPTED else ("data",)
    # the keys of a Bunch are attributes, those of a dict are not
    found = [name for name in names if isinstance(X, Mapping) and name in X and hasattr(X, name)]
    return f" Pass X.{found[0]}." if found else ""


def ndim(image: Any) -> int:
    """Return the number of axes of an image; 0 if it is no array."""
    try:
        return int(np.ndim(image))
    except ValueError:  # of lists of unequal length
        return 0


def stacked(images: Sequence[Any]) -> ndarray:
    """Return images of one shape as one array."""
    arrays = []
    for i, image in enumerate(images):
        if getattr(image, "mode", None) in CODED_MODES:
            raise ValueError(f"X[{i}] is a picture in mode {image.mode!r}; pass image.convert('RGB').")
        arrays.append(np.asarray(image))
        first, last = arrays[0], arrays[-1]
        if last.shape != first.shape:
            raise ValueError(
                f"X[0] has shape {first.shape}, but X[{i}] has shape {last.shape}; all should have the same "
                "shape. Scale or crop images first."
            )
        if (last.dtype == np.uint8) != (first.dtype == np.uint8):
            raise ValueError(
                f"X[0] has dtype={first.dtype}, but X[{i}] has dtype={last.dtype}; only uint8 is divided by "
                "255, so all should have the same dtype."
            )
    return np.stack(arrays)


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
            first = len(sample_shape) == 3 and (*sample_shape[1:], sample_shape[0]) == expected
            hint = " Pass np.moveaxis(X, 1, -1)." if first else ""
            raise ValueError(
                f"image_shape={image_shape} does not match X, whose images have shape {sample_shape}.{hint}"
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


def check_sample_layout(n_samples: int, sample_shape: Shape, *, of_stream: bool = False) -> None:
    """Raise a ValueError if the axes of images are likely in another order, or are those of one image.

    Parameters
    ----------
    n_samples : int
        Of a stream, the length of a batch.
    sample_shape : tuple
    of_stream : bool
    """
    confirm = f"If that is right, set image_shape={sample_shape}."
    if len(sample_shape) == 3:
        first, width, channels = sample_shape
        is_signal = first == 1 and 4 * channels <= width
        is_color = first in (1, 3, 4) and min(width, channels) > 4 and not is_signal
        if is_color or (first < width == channels and channels > 4):
            raise ValueError(
                f"X holds images of shape {sample_shape}, that is, {first} x {width} pixels with {channels} "
                f"channels; the channels are likely first. Pass np.moveaxis(X, 1, -1). {confirm}"
            )
        return
    width, channels = sample_shape
    is_like_an_image = n_samples == width if channels == 1 else 0.5 <= n_samples / width <= 2
    if channels in (1, 3, 4) and width >= 8 and is_like_an_image:
        remedy = "Batch the dataset, with X.batch(256)." if of_stream else "Pass X[np.newaxis]."
        raise ValueError(
            f"X holds images of shape {sample_shape}; it is likely a single image of shape "
            f"{(n_samples, *sample_shape)}. {remedy} {confirm}"
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
    if side * side == n_features:
        return
    if n_samples == n_features and n_features >= 8:
        raise ValueError(
            f"X has shape ({n_samples}, {n_features}), like a single image; pass X[np.newaxis]. If it holds "
            f"{n_samples} flat rows, set image_shape."
        )
    if is_image_with_label(n_features):
        raise ValueError(
            f"X has {n_features} features, one more than an image; is it a label? Leave it out. {confirm}"
        )
    if channels := channels_of(n_features):
        side = isqrt(n_features // channels)
        raise ValueError(
            f"X has {n_features} features, likely color images; set image_shape=({side}, {side}, "
            f"{channels}), or, if the channels are first, pass X.reshape(-1, {channels}, {side}, "
            f"{side}).transpose(0, 2, 3, 1). {confirm}"
        )


def channels_of(n_features: int) -> int:
    """Return the channels of a square color image with so many features; 0 if it is none."""
    for channels in (3, 4):
        side = isqrt(n_features // channels)
        if channels * side * side == n_features >= FEWEST_PIXELS:
            return channels
    return 0


def is_image_with_label(n_features: int) -> bool:
    """Return whether there is one feature more than a square image has."""
    n_pixels = n_features - 1
    is_square = n_pixels >= FEWEST_PIXELS and isqrt(n_pixels) ** 2 == n_pixels
    return is_square or channels_of(n_pixels) > 0
