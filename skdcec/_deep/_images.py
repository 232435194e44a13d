"""Images of any accepted layout and type: checked once, then read as float32 batches."""

import hashlib
import warnings
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from skdcec._deep._chunks import CHUNK, slices
from skdcec._deep._streams import is_stream, iterate_stream, store_stream
from skdcec._image_shape import Shape, flatten, resolve_image_shape, with_channels
from skdcec._sklearn import refuse_masked, validate_known_data, validate_new_data

# Resizing with Lanczos overshoots [0, 1], but by less than this.
LARGEST_OVERSHOOT = 2


class Layout(NamedTuple):
    """The layout of the images of a fit."""

    image_shape: Shape  # (height, width, channels)
    sample_shape: Shape  # of one sample of X
    n_features: int
    feature_names: Any
    from_bytes: bool

    def attributes(self) -> dict[str, Any]:
        """Return the fitted attributes that describe the images."""
        return {
            "n_features_in_": self.n_features,
            "feature_names_in_": self.feature_names,
            "image_shape_": self.image_shape,
            "_sample_shape": self.sample_shape,
            "_from_bytes": self.from_bytes,
        }


class Images:
    """Images of any type, which become float32 (n, height, width, channels) when they are read.

    They stay as they were given, in memory or in a mapped file; the batches of training are copies.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, height * width * channels)
        Real numbers; uint8 is divided by 255.
    image_shape : tuple of (height, width, channels)
    layout : Layout or None
        Of the images of a fit.
    """

    def __init__(self, rows: ndarray, image_shape: Shape, layout: Layout | None = None) -> None:
        self.rows, self.layout = rows, layout
        self.shape = (len(rows), *image_shape)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: Any) -> ndarray:
        """Return the images of a slice or an array of indices."""
        images = self.rows[rows].astype(np.float32, order="C", copy=False)
        if self.rows.dtype == np.uint8:
            images /= np.float32(255)  # in place: the conversion of bytes has made a copy
        return images.reshape(-1, *self.shape[1:])

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the images."""
        result = hashlib.sha256(repr(self.shape).encode())
        for rows in slices(len(self)):
            result.update(np.ascontiguousarray(self[rows]).data)
        return result.hexdigest()

    def attributes(self) -> dict[str, Any]:
        """Return the fitted attributes that describe the images."""
        return {} if self.layout is None else self.layout.attributes()


def check_images(estimator: Any, X: Any, image_shape: Any = None) -> Images:
    """Check the images of a fit.

    Accepted are (n, h, w), (n, h, w, c), and flat rows (n, h * w * c), of any real type; or a stream of
    batches of them, which is read once, into a temporary file.

    Parameters
    ----------
    estimator : estimator
        For scikit-learn's validation; it is not changed.
    X : array-like or stream
    image_shape : tuple or None
        (h, w) or (h, w, c), for flat rows. None guesses: a square gray image if the length is a perfect
        square, else an image of one row.

    Returns
    -------
    images : Images

    Raises
    ------
    ValueError
        For images that are not finite, not of the expected shape, or beyond float32.
    """
    if is_stream(X):
        rows, sample_shape = store_stream(X)
        names = None
    else:
        refuse_masked(X)
        X, sample_shape = flatten(X)
        rows, attributes = validate_new_data(estimator, X, dtype="numeric")
        names = attributes["feature_names_in_"]
        check_float32(rows)
    warn_of_large_bytes(rows)
    n_features = rows.shape[1]
    shape = resolve_image_shape(n_features, sample_shape, image_shape)
    sample_shape = sample_shape or (n_features,)
    return Images(rows, shape, Layout(shape, sample_shape, n_features, names, rows.dtype == np.uint8))


def check_new_images(estimator: Any, X: Any) -> tuple[Iterable[Images], Any]:
    """Check images for a fitted estimator, in any of the layouts that `check_images` accepts.

    Returns
    -------
    parts : iterable of Images
        All of them at once, or the parts of a stream as they are read.
    dtype : dtype
        float32 or float64, in which results are returned.

    Raises
    ------
    ValueError
        As `check_images` does, and if they do not match those of the fit.
    """
    if is_stream(X):
        return stream_parts(estimator, X), np.dtype(np.float32)
    refuse_masked(X)
    X, sample_shape = flatten(X)
    check_sample_shape(estimator, sample_shape)
    rows = validate_known_data(estimator, X, dtype="numeric")
    check_float32(rows)
    check_scale(estimator, rows)
    dtype = np.dtype(np.float64 if rows.dtype == np.float64 else np.float32)
    return [Images(rows, estimator.image_shape_)], dtype


def stream_parts(estimator: Any, stream: Any) -> Iterator[Images]:
    """Yield the images of a stream, many at a time, checked against those of the fit."""
    for rows, sample_shape in iterate_stream(stream, CHUNK):
        check_sample_shape(estimator, sample_shape)
        if rows.shape[1] != estimator.n_features_in_:
            raise ValueError(
                f"X has {rows.shape[1]} features, but {type(estimator).__name__} is expecting "
                f"{estimator.n_features_in_} features as input."
            )
        check_scale(estimator, rows)
        yield Images(rows, estimator.image_shape_)


def is_table(X: Any) -> bool:
    """Return whether X holds flat rows, not images; for streams of which the shape is unknown, no."""
    if is_stream(X) and not hasattr(X, "ndim"):
        return False
    return (X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim) == 2


def check_float32(rows: ndarray) -> None:
    """Raise unless the rows are real numbers that float32 can hold."""
    if rows.dtype.kind not in "biuf":
        raise ValueError(f"X has dtype={rows.dtype}, which should be real numbers.")
    largest = float(np.finfo(np.float32).max)
    if rows.dtype.itemsize > 4 and max(float(rows.max()), -float(rows.min())) > largest:
        raise ValueError("X has values beyond the range of float32, in which networks compute.")


def warn_of_large_bytes(rows: ndarray) -> None:
    """Warn of likely bytes in another type, which are not divided by 255."""
    sample = rows[:CHUNK]
    if rows.dtype != np.uint8 and sample.max() == 255 and sample.min() == 0:
        warnings.warn(
            f"X has dtype={rows.dtype} and values from 0 to 255, which are used as they are: only uint8 is "
            "divided by 255. Pass X.astype(np.uint8) or X / 255.",
            UserWarning,
            stacklevel=5,
        )


def check_scale(estimator: Any, rows: ndarray) -> None:
    """Raise if the estimator was fitted to bytes, and the rows are numbers of another scale."""
    if not estimator._from_bytes or rows.dtype == np.uint8:
        return
    largest = rows[:CHUNK].max()
    if largest > LARGEST_OVERSHOOT:
        raise ValueError(
            f"X has dtype={rows.dtype} and values up to {largest:g}, but {type(estimator).__name__} was "
            "fitted with uint8, which is divided by 255. Pass X.astype(np.uint8) or X / 255."
        )


def check_sample_shape(estimator: Any, sample_shape: Shape | None) -> None:
    """Raise if images have another shape than those of the fit; flat rows are checked elsewhere."""
    if sample_shape is not None and with_channels(sample_shape) != estimator.image_shape_:
        raise ValueError(
            f"X has images of shape {sample_shape}, but {type(estimator).__name__} was fitted "
            f"with images of shape {estimator.image_shape_}."
        )
