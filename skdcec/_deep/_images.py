"""Images of any accepted layout and type: checked once, then read as float32 batches."""

import hashlib
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from skdcec._deep._chunks import slices
from skdcec._deep._streams import is_stream, iterate_stream, store_stream
from skdcec._deep._value_range import UNCHANGED, Range, extremes, range_of_fit, range_of_new
from skdcec._image_shape import (
    Shape,
    as_array,
    check_row_layout,
    check_sample_layout,
    flatten,
    is_image_with_label,
    resolve_image_shape,
    shape_of,
    with_channels,
)
from skdcec._lazy import opened
from skdcec._sklearn import refuse_masked, validate_known_data, validate_new_data
from skdcec._warn import warn

# Names of columns that are likely classes.
LABELS = {"label", "labels", "target", "class"}
# Of fewer columns, one more than a square means nothing.
FEWEST_BESIDE_LABEL = 257


class Layout(NamedTuple):
    """The layout, type and scale of the images of a fit."""

    image_shape: Shape  # (height, width, channels)
    sample_shape: Shape  # of one sample of X
    n_features: int
    feature_names: Any
    dtype: str
    value_range: Range  # the values that become 0 and 1
    data_range: Range  # the smallest and the largest value

    def attributes(self) -> dict[str, Any]:
        """Return the fitted attributes that describe the images."""
        return {
            "n_features_in_": self.n_features,
            "feature_names_in_": self.feature_names,
            "image_shape_": self.image_shape,
            "sample_shape_": self.sample_shape,
            "input_dtype_": self.dtype,
            "value_range_": self.value_range,
            "data_range_": self.data_range,
        }


class Images:
    """Images of any type, which become float32 (n, height, width, channels) when they are read.

    They stay as they were given, in memory or in a mapped file; the batches of training are copies.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, height * width * channels)
        Real numbers.
    image_shape : tuple of (height, width, channels)
    value_range : tuple of float
        The values that become 0 and 1.
    layout : Layout or None
        Of the images of a fit.
    """

    def __init__(
        self, rows: ndarray, image_shape: Shape, value_range: Range, layout: Layout | None = None
    ) -> None:
        self.rows, self.value_range, self.layout = rows, value_range, layout
        self.shape = (len(rows), *image_shape)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: Any) -> ndarray:
        """Return the images of a slice or an array of indices."""
        images, (low, high) = self.rows[rows], self.value_range
        if low:
            images = images - np.float64(low)
        images = images.astype(np.float32, order="C", copy=self.value_range != UNCHANGED)
        if high - low != 1:
            images /= np.float32(high - low)  # in place, in a copy
        return images.reshape(-1, *self.shape[1:])

    def scaled_down(self, largest: int) -> ndarray:
        """Return all images in one array, as means of pixels if their sides are longer than this."""
        height, width, channels = self.shape[1:]
        f = -(-max(height, width) // largest)
        if f == 1:
            return self[:]
        rows, columns = max(1, height // f), max(1, width // f)
        g, f = min(f, height), min(f, width)
        result = np.empty((len(self), rows, columns, channels), np.float32)
        for chunk in slices(self.shape):
            cut = self[chunk][:, : rows * g, : columns * f]
            result[chunk] = cut.reshape(-1, rows, g, columns, f, channels).mean(axis=(2, 4))
        return result

    @cached_property
    def fingerprint(self) -> str:
        """The number of images, for messages, and a hash of them."""
        result = hashlib.sha256(repr(self.shape).encode())
        for rows in slices(self.shape):
            result.update(np.ascontiguousarray(self[rows]).data)
        return f"{len(self)} {result.hexdigest()}"

    def attributes(self) -> dict[str, Any]:
        """Return the fitted attributes that describe the images."""
        return {} if self.layout is None else self.layout.attributes()


def readable(X: Any) -> Any:
    """Return X as an array, frame or stream: a list of images as one array, a lazy array as a mapped file.

    Raises
    ------
    TypeError, ValueError
        As `as_array` does.
    """
    refuse_masked(X)
    return X if is_stream(X) else opened(as_array(X))


def check_images(
    estimator: Any,
    X: Any,
    image_shape: Any = None,
    value_range: Any = "auto",
    *,
    ignores_shape: bool = False,
    frozen: Any = None,
) -> Images:
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
    value_range : 'auto' or pair of float
        The values that become 0 and 1.
    ignores_shape : bool
        Whether the network treats all pixels alike, so that the layout of flat rows does not matter.
    frozen : autoencoder or None
        A fitted one, whose scale the images should have.

    Returns
    -------
    images : Images

    Raises
    ------
    TypeError, ValueError
        For images that are not finite, not of the expected shape, of an implausible layout, on another scale,
        or beyond float32.
    """
    X = readable(X)
    if is_stream(X):
        rows, sample_shape, dtype = store_stream(X, check=image_shape is None)
        n_samples, names = None, None
    else:
        X, sample_shape = flatten(X)
        rows, attributes = validate_new_data(estimator, X, dtype="numeric")
        n_samples, names, dtype = len(rows), attributes["feature_names_in_"], rows.dtype.name
    n_features = rows.shape[1]
    if image_shape is None:
        if sample_shape is not None:
            if n_samples is not None:
                check_sample_layout(n_samples, sample_shape)
        elif not ignores_shape:
            check_row_layout(n_samples, n_features)
        else:
            warn_of_labels(n_features, [] if names is None else names)
    shape = resolve_image_shape(n_features, sample_shape, image_shape)
    seen = check_float32(rows)
    if frozen is None:
        value_range = range_of_fit(value_range, rows, seen, is_table=sample_shape is None)
    else:
        value_range = range_of_new(frozen, rows)
    layout = Layout(shape, sample_shape or (n_features,), n_features, names, dtype, value_range, seen)
    return Images(rows, shape, value_range, layout)


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
    X = readable(X)
    if is_stream(X):
        return stream_parts(estimator, X), np.dtype(np.float32)
    refuse_single_image(estimator, X)
    X, sample_shape = flatten(X)
    check_sample_shape(estimator, sample_shape)
    rows = validate_known_data(estimator, X, dtype="numeric")
    check_float32(rows)
    dtype = np.dtype(np.float64 if rows.dtype == np.float64 else np.float32)
    return [Images(rows, estimator.image_shape_, range_of_new(estimator, rows))], dtype


def stream_parts(estimator: Any, stream: Any) -> Iterator[Images]:
    """Yield the images of a stream, many at a time, checked against those of the fit."""
    for rows, sample_shape in iterate_stream(stream):
        check_sample_shape(estimator, sample_shape)
        if rows.shape[1] != estimator.n_features_in_:
            raise ValueError(
                f"X has {rows.shape[1]} features, but {type(estimator).__name__} is expecting "
                f"{estimator.n_features_in_} features as input."
            )
        yield Images(rows, estimator.image_shape_, range_of_new(estimator, rows))


def is_table(X: Any) -> bool:
    """Return whether X holds flat rows, not images; for streams of which the shape is unknown, no."""
    if is_stream(X) and not hasattr(X, "ndim"):
        return False
    return len(shape_of(X)) == 2


def warn_of_labels(n_features: int, names: Iterable[Any]) -> None:
    """Warn if a column holds classes, by its name or by the number of columns."""
    found = [name for name in names if str(name).lower() in LABELS]
    if found or (n_features >= FEWEST_BESIDE_LABEL and is_image_with_label(n_features)):
        column = f"a column {found[0]!r}" if found else f"{n_features} features, one more than an image"
        warn(f"X has {column}, which is used like the others; leave it out if it holds classes.")


def check_float32(rows: ndarray) -> Range:
    """Return the extremes of the rows; raise unless they are real numbers that float32 can hold."""
    if rows.dtype.kind not in "biuf":
        raise ValueError(f"X has dtype={rows.dtype}, which should be real numbers.")
    low, high = extremes(rows)
    if max(high, -low) > float(np.finfo(np.float32).max):
        raise ValueError("X has values beyond the range of float32, in which networks compute.")
    return low, high


def check_sample_shape(estimator: Any, sample_shape: Shape | None) -> None:
    """Raise if images have another shape than those of the fit; flat rows are checked elsewhere."""
    if sample_shape is not None and with_channels(sample_shape) != estimator.image_shape_:
        raise ValueError(
            f"X has images of shape {sample_shape}, but {type(estimator).__name__} was fitted "
            f"with images of shape {estimator.image_shape_}."
        )


def refuse_single_image(estimator: Any, X: Any) -> None:
    """Raise if X is one image of the fit without the axis of samples."""
    shape = shape_of(X)
    is_rows = len(shape) == 2 and shape[1] == estimator.n_features_in_
    if not is_rows and len(shape) in (2, 3) and with_channels(shape) == estimator.image_shape_:
        raise ValueError(f"X has shape {shape}, that of a single image; pass X[np.newaxis].")
