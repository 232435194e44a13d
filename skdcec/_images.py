"""The layouts of images that are accepted, and what becomes of them."""

from numbers import Integral

import numpy as np
from sklearn.utils.validation import validate_data

from skdcec._sklearn import validate_new_data


def check_images(estimator, X, image_shape=None, *, reset):
    """Validate images in any of the accepted layouts.

    Accepted are (n, h, w), (n, h, w, c), and flat rows (n, h * w * c). uint8 is divided by 255; other
    types are taken as they are.

    Parameters
    ----------
    estimator : estimator
        On whose behalf; it is not changed.
    X : array-like
    image_shape : tuple or None
        (h, w) or (h, w, c), for flat rows. None guesses: a square grey image where the length is a
        perfect square, else an image of one row.
    reset : bool
        Whether X is for a new fit; else it must match the fitted estimator.

    Returns
    -------
    images : ndarray of shape (n, h, w, c), float32
    attributes : dict
        The fitted attributes that describe the input; empty unless reset.
    dtype : dtype
        float32 or float64, in which results are returned.

    Raises
    ------
    ValueError
        For images that are not finite, not of the expected shape, or beyond float32.
    """
    shape = X.shape if hasattr(X, "shape") else np.asarray(X).shape
    sample_shape = None
    if len(shape) in (3, 4):
        X = np.asarray(X)
        if 0 in shape:
            raise ValueError(f"Found images of shape {shape}; a minimum of 1 is required on each axis.")
        sample_shape = tuple(int(side) for side in shape[1:])
        X = X.reshape(len(X), -1)
    # a data frame keeps its types by column
    types = list(X.dtypes) if hasattr(X, "columns") else [getattr(X, "dtype", None)]
    bytes_only = all(dtype == np.uint8 for dtype in types)
    options = {"dtype": [np.float32, np.float64], "order": "C"}
    if reset:
        X, attributes = validate_new_data(estimator, X, **options)
        image_shape = resolve_image_shape(X.shape[1], sample_shape, image_shape)
        attributes |= {
            "image_shape_": image_shape,
            "_sample_shape": sample_shape or (X.shape[1],),
        }
    else:
        image_shape, attributes = estimator.image_shape_, {}
        if sample_shape is not None and (*sample_shape, 1)[:3] != image_shape:
            raise ValueError(
                f"X has images of shape {sample_shape}, but {type(estimator).__name__} was fitted "
                f"with images of shape {image_shape}."
            )
        X = validate_data(estimator, X, reset=False, **options)
    if bytes_only:
        X /= np.float32(255)  # in place, as bytes have just become float32
    if X.dtype == np.float64 and max(X.max(), -X.min()) > np.finfo(np.float32).max:
        raise ValueError("X has values beyond the range of float32, in which networks compute.")
    images = X.astype(np.float32, copy=False).reshape(len(X), *image_shape)
    return images, attributes, X.dtype


def resolve_image_shape(n_features, sample_shape, image_shape):
    """Return (height, width, channels) from what the data and the parameter say."""
    if image_shape is not None:
        expected = (*(int(side) for side in image_shape), 1)[:3]
        if sample_shape is not None and (*sample_shape, 1)[:3] != expected:
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
        return (*sample_shape, 1)[:3]
    side = round(n_features**0.5)
    return (side, side, 1) if side * side == n_features else (1, n_features, 1)


def check_sizes(name, sizes):
    """Raise unless sizes is a non-empty sequence of positive integers."""
    sizes = np.atleast_1d(sizes).tolist()
    if not sizes or not all(isinstance(s, Integral) and s > 0 for s in sizes):
        raise ValueError(f"{name}={sizes} should be a non-empty sequence of positive integers.")
    return sizes
