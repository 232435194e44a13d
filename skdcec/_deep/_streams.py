"""Streams of images: batches in sequence, possibly more than fit in memory.

A stream is a Keras ``PyDataset``, a ``tf.data.Dataset`` or a dask array. Joint training needs any image at
any time, together with its target. So a stream is read once, into a temporary file of the same dtype, which
takes no memory and saves decoding the images again in each epoch.
"""

import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy import ndarray

from skdcec._deep._chunks import chunk_size
from skdcec._image_shape import check_sample_layout
from skdcec._lazy import write
from skdcec._sklearn import refuse_masked

# Package and name of the classes that are streams; none of them needs an import.
STREAMS = {("keras", "PyDataset"), ("tensorflow", "DatasetV2"), ("dask", "Array")}


def is_stream(X: Any) -> bool:
    """Return whether X is a stream of batches."""
    return any((cls.__module__.split(".")[0], cls.__name__) in STREAMS for cls in type(X).__mro__)


def store_stream(X: Any, check: bool = True) -> tuple[ndarray, tuple[int, ...] | None, str]:
    """Read a stream into a temporary file, which exists as long as the returned array.

    Parameters
    ----------
    X : stream
    check : bool
        Whether to refuse images of an implausible layout, before more than one batch is read.

    Returns
    -------
    rows : memmap of shape (n_samples, n_features), uint8 or float32
    sample_shape : tuple or None
        Shape of an image; None if images are flat rows.
    dtype : str
        Type of the batches.

    Raises
    ------
    ValueError
        As in `checked_batches`, if the stream has no images, or if its batches are likely single images.
    OSError
        If the disk is full.
    """
    n_samples, lengths, dtype = 0, [], ""
    # without a buffer, so that `write` itself notices a full disk
    with tempfile.TemporaryFile(buffering=0) as file:
        for rows, sample_shape, dtype in checked_batches(X):  # noqa: B007 - it is the same for all batches
            if check and not n_samples and sample_shape is not None:
                check_sample_layout(len(rows), sample_shape, of_stream=True)
            write(file, rows)
            n_samples += len(rows)
            lengths.append(len(rows))
        if not n_samples:
            raise ValueError("X has no images; a minimum of 1 is required.")
        if check and sample_shape is None and len(lengths) > 1 and set(lengths) == {rows.shape[1]}:
            shape = (lengths[0], rows.shape[1])
            raise ValueError(
                f"All batches of X have shape {shape}, like single images; each should be a batch of images. "
                "If they hold flat rows, set image_shape."
            )
        return np.memmap(file, rows.dtype, "r", shape=(n_samples, rows.shape[1])), sample_shape, dtype


def iterate_stream(X: Any) -> Iterator[tuple[ndarray, tuple[int, ...] | None]]:
    """Yield the rows of a stream, at least a chunk at a time except for the last, and the shape of an image.

    Raises
    ------
    ValueError
        As in `checked_batches`, and if the stream has no images.
    """
    pending: list[ndarray] = []
    sample_shape, rows = None, None
    for rows, sample_shape, _ in checked_batches(X):
        pending.append(rows)
        if sum(map(len, pending)) >= chunk_size(rows.shape[1:]):
            yield np.concatenate(pending), sample_shape
            pending = []
    if rows is None:
        raise ValueError("X has no images; a minimum of 1 is required.")
    if pending:
        yield np.concatenate(pending), sample_shape


def checked_batches(X: Any) -> Iterator[tuple[ndarray, tuple[int, ...] | None, str]]:
    """Yield the batches of a stream as flat rows of uint8 or float32, the shape of an image, and their type.

    Raises
    ------
    ValueError
        If the stream has no end, or a batch does not hold images, is not finite, or differs from the others
        in dtype or shape.
    """
    expected = None
    for i, batch in enumerate(batches_of(X)):
        batch = batch[0] if isinstance(batch, tuple | list) else batch
        refuse_masked(batch, f"Batch {i} of X")
        images = np.asarray(batch)
        if images.ndim not in (2, 3, 4) or images.dtype.kind not in "biuf":
            raise ValueError(
                f"Batch {i} of X has shape {images.shape} and dtype={images.dtype}; it should be real "
                "numbers of shape (n, height, width), (n, height, width, channels) or (n, n_features), or a "
                "tuple that begins with them."
            )
        if not len(images):
            continue
        dtype = images.dtype.name
        if images.dtype != np.uint8:
            with np.errstate(over="ignore"):
                images = images.astype(np.float32, copy=False)
            if not np.isfinite(images).all():
                raise ValueError(f"Batch {i} of X contains NaN, infinity or a value too large for float32.")
        sample_shape = None if images.ndim == 2 else images.shape[1:]
        rows = np.ascontiguousarray(images.reshape(len(images), -1))
        description = rows.dtype, rows.shape[1], sample_shape
        expected = expected or description
        if description != expected:
            raise ValueError(
                f"X has a batch of {describe(*description)} after batches of {describe(*expected)}; all "
                "should be alike."
            )
        yield rows, sample_shape, dtype


def batches_of(X: Any) -> Iterator[Any]:
    """Yield the batches of a stream, unchanged."""
    if hasattr(X, "as_numpy_iterator"):
        if X.cardinality() == -1:  # tf.data.INFINITE_CARDINALITY
            raise ValueError("X is a dataset without end; leave out its repeat().")
        check_batched(X)
        yield from X.as_numpy_iterator()
    elif hasattr(X, "to_delayed"):
        chunks_of_images = X.rechunk(dict.fromkeys(range(1, X.ndim), -1))
        for chunk in chunks_of_images.to_delayed().ravel():
            yield chunk.compute()
    else:
        if X.num_batches is None:
            raise ValueError("X is a PyDataset without end; its num_batches should be a number.")
        for i in range(X.num_batches):
            yield X[i]


def check_batched(dataset: Any) -> None:
    """Raise a ValueError if the elements of a ``tf.data.Dataset`` may be single images."""
    spec = dataset.element_spec
    spec = spec[0] if isinstance(spec, tuple | list) else spec
    shape = tuple(getattr(spec, "shape", None) or ())
    if shape and shape[0] is not None and len(shape) < 4:
        raise ValueError(
            f"X is a dataset whose elements have the shape {shape}, like single images; pass X.batch(256). "
            "If they are batches, do not set drop_remainder, which loses images."
        )


def describe(dtype: Any, n_features: int, sample_shape: tuple[int, ...] | None) -> str:
    """Return dtype and shape of images in words."""
    return f"{dtype} images of shape {sample_shape or (n_features,)}"
