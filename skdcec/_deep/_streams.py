"""Streams of images: batches that come one after the other, perhaps more than memory can hold.

A stream is a Keras ``PyDataset``, a ``tf.data.Dataset`` or a dask array. Joint training needs any image at
any time, together with its target. So a stream is read once, into a temporary file of its own type; there
it costs no memory, and is not decoded again in each epoch.
"""

import tempfile

import numpy as np

# Classes that are streams: their package and their name, known without importing them.
STREAMS = {("keras", "PyDataset"), ("tensorflow", "DatasetV2"), ("dask", "Array")}


def is_stream(X):
    """Return whether X is a stream of batches."""
    return any((cls.__module__.split(".")[0], cls.__name__) in STREAMS for cls in type(X).__mro__)


def store_stream(X):
    """Read a stream into a temporary file, which is gone when its array is.

    Returns
    -------
    rows : memmap of shape (n_samples, n_features), uint8 or float32
    sample_shape : tuple or None
        Of an image; None where images are flat rows.

    Raises
    ------
    ValueError
        As `checked_batches` does, and for a stream without images.
    OSError
        Where the disk is full.
    """
    n_samples = 0
    # without a buffer, so that a full disk is met where it is told
    with tempfile.TemporaryFile(buffering=0) as file:
        for rows, sample_shape in checked_batches(X):  # noqa: B007 - all have one
            write(file, rows)
            n_samples += len(rows)
        if not n_samples:
            raise ValueError("X has no images; a minimum of 1 is required.")
        return np.memmap(file, rows.dtype, "r", shape=(n_samples, rows.shape[1])), sample_shape


def iterate_stream(X, size):
    """Yield the rows of a stream, at least so many at a time but for the last, and the shape of an image.

    Raises
    ------
    ValueError
        As `checked_batches` does, and for a stream without images.
    """
    waiting, sample_shape, rows = [], None, None
    for rows, sample_shape in checked_batches(X):
        waiting.append(rows)
        if sum(map(len, waiting)) >= size:
            yield np.concatenate(waiting), sample_shape
            waiting = []
    if rows is None:
        raise ValueError("X has no images; a minimum of 1 is required.")
    if waiting:
        yield np.concatenate(waiting), sample_shape


def checked_batches(X):
    """Yield the batches of a stream as flat rows of uint8 or float32, and the shape of an image.

    Raises
    ------
    ValueError
        For a stream without end, and where a batch is not one of images, not finite, or unlike the others.
    """
    first = None
    for i, batch in enumerate(batches_of(X)):
        images = np.asarray(batch[0] if isinstance(batch, tuple | list) else batch)
        if images.ndim not in (2, 3, 4) or images.dtype.kind not in "biuf":
            raise ValueError(
                f"Batch {i} of X has shape {images.shape} and dtype={images.dtype}; it should be real "
                "numbers of shape (n, height, width), (n, height, width, channels) or (n, n_features), or a "
                "tuple that begins with them."
            )
        if not len(images):
            continue
        if images.dtype != np.uint8:
            with np.errstate(over="ignore"):
                images = images.astype(np.float32, copy=False)
            if not np.isfinite(images).all():
                raise ValueError(f"Batch {i} of X contains NaN, infinity or a value too large for float32.")
        sample_shape = None if images.ndim == 2 else images.shape[1:]
        rows = np.ascontiguousarray(images.reshape(len(images), -1))
        description = rows.dtype, rows.shape[1], sample_shape
        first = first or description
        if description != first:
            raise ValueError(
                f"X has a batch of {describe(*description)} after batches of {describe(*first)}; all should "
                "be alike."
            )
        yield rows, sample_shape


def batches_of(X):
    """Yield the batches of a stream as they are."""
    if hasattr(X, "as_numpy_iterator"):
        if X.cardinality() == -1:  # tf.data.INFINITE_CARDINALITY
            raise ValueError("X is a dataset without end; leave out its repeat().")
        yield from X.as_numpy_iterator()
    elif hasattr(X, "to_delayed"):
        whole = X.rechunk(dict.fromkeys(range(1, X.ndim), -1))
        for chunk in whole.to_delayed().ravel():
            yield chunk.compute()
    else:
        if X.num_batches is None:
            raise ValueError("X is a PyDataset without end; its num_batches should be a number.")
        for i in range(X.num_batches):
            yield X[i]


def write(file, rows):
    """Write rows to a temporary file; say what to do where the disk is full."""
    rest = memoryview(rows).cast("B")
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        raise OSError(
            error.errno,
            f"The images of X were to be kept in the folder of temporary files, {tempfile.gettempdir()!r}, "
            f"which failed: {error.strerror}. The environment variable TMPDIR names another one",
        ) from error


def describe(dtype, n_features, sample_shape):
    """Return images in words."""
    return f"{dtype} images of shape {sample_shape or (n_features,)}"
