"""The layouts of images that are accepted, and what becomes of them."""

import hashlib
import warnings
from functools import cached_property
from numbers import Integral

import numpy as np
from sklearn.utils.validation import validate_data

from skdcec._deep._streams import is_stream, iterate_stream, store_stream
from skdcec._sklearn import validate_new_data

# So many images are looked at at a time where all of them are, and at most for how they are scaled.
CHUNK = 2048
# What is in [0, 1] may leave it where images are scaled to another size, but not by so much.
LARGEST_OVERSHOOT = 2


class Images:
    """Images of any layout and type, which become float32 (n, height, width, channels) where they are read.

    They stay as they were given, in memory or in a mapped file; the batches of training are copies.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, height * width * channels)
        Real numbers; uint8 is divided by 255.
    image_shape : tuple of (height, width, channels)
    """

    def __init__(self, rows, image_shape):
        self.rows = rows
        self.shape = (len(rows), *image_shape)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, rows):
        """Return the images of a slice or an array of indices."""
        images = self.rows[rows].astype(np.float32, order="C", copy=False)
        if self.rows.dtype == np.uint8:
            images /= np.float32(255)  # in place, as bytes have just become float32
        return images.reshape(-1, *self.shape[1:])

    @cached_property
    def fingerprint(self):
        """A text that differs where images do."""
        result = hashlib.sha256(repr(self.shape).encode())
        for rows in slices(len(self)):
            result.update(self[rows])
        return result.hexdigest()


def slices(n_samples):
    """Yield slices that together are all samples, a chunk each."""
    for start in range(0, n_samples, CHUNK):
        yield slice(start, min(start + CHUNK, n_samples))


def check_images(estimator, X, image_shape=None):
    """Validate the images of a fit in any of the accepted layouts.

    Accepted are (n, h, w), (n, h, w, c), and flat rows (n, h * w * c), of any real type; or a stream of
    batches of them, which is read once, into a temporary file.

    Parameters
    ----------
    estimator : estimator
        On whose behalf; it is not changed.
    X : array-like or stream
    image_shape : tuple or None
        (h, w) or (h, w, c), for flat rows. None guesses: a square grey image where the length is a
        perfect square, else an image of one row.

    Returns
    -------
    images : Images
    attributes : dict
        The fitted attributes that describe the input.

    Raises
    ------
    ValueError
        For images that are not finite, not of the expected shape, or beyond float32.
    """
    if is_stream(X):
        rows, sample_shape = store_stream(X)
        attributes = {"n_features_in_": rows.shape[1], "feature_names_in_": None}
    else:
        X, sample_shape = flatten(X)
        rows, attributes = validate_new_data(estimator, X, dtype="numeric")
        check_range(rows)
    warn_of_large_bytes(rows)
    image_shape = resolve_image_shape(rows.shape[1], sample_shape, image_shape)
    attributes |= {
        "image_shape_": image_shape,
        "_sample_shape": sample_shape or (rows.shape[1],),
        "_saw_bytes": rows.dtype == np.uint8,
    }
    return Images(rows, image_shape), attributes


def check_new_images(estimator, X):
    """Validate images for a fitted estimator, in any of the layouts that `check_images` accepts.

    Returns
    -------
    parts : iterable of Images
        All of them at once, or the parts of a stream as they are read.
    dtype : dtype
        float32 or float64, in which results are returned.

    Raises
    ------
    ValueError
        As `check_images` does, and where they do not match those of the fit.
    """
    if is_stream(X):
        return new_parts(estimator, X), np.dtype(np.float32)
    X, sample_shape = flatten(X)
    check_sample_shape(estimator, sample_shape)
    rows = validate_data(estimator, X, reset=False, dtype="numeric")
    check_range(rows)
    check_scale(estimator, rows)
    dtype = np.dtype(np.float64 if rows.dtype == np.float64 else np.float32)
    return [Images(rows, estimator.image_shape_)], dtype


def new_parts(estimator, stream):
    """Yield the images of a stream, many at a time, as those of the fit were."""
    for rows, sample_shape in iterate_stream(stream, CHUNK):
        check_sample_shape(estimator, sample_shape)
        if rows.shape[1] != estimator.n_features_in_:
            raise ValueError(
                f"X has {rows.shape[1]} features, but {type(estimator).__name__} is expecting "
                f"{estimator.n_features_in_} features as input."
            )
        check_scale(estimator, rows)
        yield Images(rows, estimator.image_shape_)


def flatten(X):
    """Return images as flat rows, and the shape of one of them; None where they were flat."""
    shape = X.shape if hasattr(X, "shape") else np.asarray(X).shape
    if len(shape) not in (3, 4):
        return X, None
    if 0 in shape:
        raise ValueError(f"Found images of shape {shape}; a minimum of 1 is required on each axis.")
    X = np.asarray(X)
    return X.reshape(len(X), -1), tuple(int(side) for side in shape[1:])


def check_range(rows):
    """Raise unless the rows are real numbers that float32 can hold."""
    if rows.dtype.kind not in "biuf":
        raise ValueError(f"X has dtype={rows.dtype}, which should be real numbers.")
    largest = float(np.finfo(np.float32).max)
    if rows.dtype.itemsize > 4 and max(float(rows.max()), -float(rows.min())) > largest:
        raise ValueError("X has values beyond the range of float32, in which networks compute.")


def warn_of_large_bytes(rows):
    """Warn of what seem to be bytes in another type, which nobody divides by 255."""
    some = rows[:CHUNK]
    if rows.dtype != np.uint8 and some.max() == 255 and some.min() == 0:
        warnings.warn(
            f"X has dtype={rows.dtype} and values from 0 to 255, which are used as they are: only uint8 is "
            "divided by 255. Pass X.astype(np.uint8) or X / 255.",
            UserWarning,
            stacklevel=5,
        )


def check_scale(estimator, rows):
    """Raise where a network that was fitted to bytes gets numbers of another scale."""
    if not estimator._saw_bytes or rows.dtype == np.uint8:
        return
    largest = rows[:CHUNK].max()
    if largest > LARGEST_OVERSHOOT:
        raise ValueError(
            f"X has dtype={rows.dtype} and values up to {largest:g}, but {type(estimator).__name__} was "
            "fitted with uint8, which is divided by 255. Pass X.astype(np.uint8) or X / 255."
        )


def check_sample_shape(estimator, sample_shape):
    """Raise where images that are not flat are of another shape than those of the fit."""
    if sample_shape is not None and with_channels(sample_shape) != estimator.image_shape_:
        raise ValueError(
            f"X has images of shape {sample_shape}, but {type(estimator).__name__} was fitted "
            f"with images of shape {estimator.image_shape_}."
        )


def with_channels(shape):
    """Return (height, width, channels) of a shape that may leave one channel out."""
    return (*shape, 1)[:3]


def resolve_image_shape(n_features, sample_shape, image_shape):
    """Return (height, width, channels) from what the data and the parameter say."""
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


def check_sizes(name, sizes):
    """Raise unless sizes is a non-empty sequence of positive integers."""
    sizes = np.atleast_1d(sizes).tolist()
    if not sizes or not all(isinstance(s, Integral) and s > 0 for s in sizes):
        raise ValueError(f"{name}={sizes} should be a non-empty sequence of positive integers.")
    return sizes
