"""The shape of the images in an array: given by the array, or by the parameter ``image_shape``."""

from collections.abc import Iterable
from typing import Any

import numpy as np

Shape = tuple[int, ...]


def flatten(X: Any) -> tuple[Any, Shape | None]:
    """Return images as flat rows, and the shape of one of them, None if they were flat."""
    shape = X.shape if hasattr(X, "shape") else np.asarray(X).shape
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
    side = round(n_features**0.5)
    return (side, side, 1) if side * side == n_features else (1, n_features, 1)
