"""Arrays that are read on demand, such as those of HDF5 and Zarr files, as mapped temporary files.

Training reads the rows many times, and in any order. So an array of this kind is read once, in
blocks, into a temporary file, which takes no memory.
"""

import tempfile
from typing import Any

import numpy as np
from numpy import ndarray

# The bytes that are read at a time.
BLOCK_BYTES = 2**25
# Attributes of arrays, frames and matrices that are in memory already.
IN_MEMORY = ("__array_interface__", "__dlpack__", "__cuda_array_interface__", "iloc", "tocsr")


def is_lazy(X: Any) -> bool:
    """Return whether X has a shape, a type and slices of rows, but its values are elsewhere."""
    is_array = all(hasattr(X, name) for name in ("shape", "dtype", "__getitem__"))
    return is_array and not is_dask(X) and not any(hasattr(X, name) for name in IN_MEMORY)


def is_dask(X: Any) -> bool:
    """Return whether X is a dask array, without importing dask."""
    return type(X).__module__.startswith("dask.array")


def opened(X: Any) -> Any:
    """Return a lazy array as a mapped file, a dask DataFrame as a dask array, and anything else as it is.

    Raises
    ------
    TypeError
        For a dask array of sparse chunks.
    ValueError
        For one of masked chunks.
    """
    if type(X).__module__.startswith("dask") and hasattr(X, "to_dask_array"):
        X = X.to_dask_array(lengths=True)
    if is_dask(X) and hasattr(getattr(X, "_meta", None), "tocsr"):
        raise TypeError(
            "X is a dask array of sparse chunks; they should be dense. Pass "
            "X.map_blocks(lambda chunk: chunk.toarray()), or one CSR matrix that fits in memory."
        )
    if is_dask(X) and isinstance(getattr(X, "_meta", None), np.ma.MaskedArray):
        raise ValueError(
            "X is a dask array of masked arrays; fill in values with X.map_blocks(np.ma.filled)."
        )
    return mapped(X) if is_lazy(X) else X


def mapped(X: Any) -> ndarray:
    """Return a lazy array as a mapped temporary file, which exists as long as the returned array.

    Raises
    ------
    ValueError
        If it is empty, or does not hold real numbers.
    OSError
        If the disk is full.
    """
    shape = tuple(int(side) for side in X.shape)
    if not shape or 0 in shape:
        raise ValueError(f"X has shape {shape}; a minimum of 1 is required on each axis.")
    if np.dtype(X.dtype).kind not in "biuf":
        raise ValueError(f"X has dtype={X.dtype}, which should be real numbers.")
    size = rows_per_block(int(np.prod(shape[1:])) * np.dtype(X.dtype).itemsize)
    with tempfile.TemporaryFile(buffering=0) as file:
        for start in range(0, shape[0], size):
            write(file, np.ascontiguousarray(X[start : start + size], dtype=X.dtype))
        return np.memmap(file, X.dtype, "r", shape=shape)


def rows_per_block(row_bytes: int) -> int:
    """Return the number of rows that are read at a time."""
    return max(1, BLOCK_BYTES // max(1, row_bytes))


def write(file: Any, rows: ndarray) -> None:
    """Write rows to a temporary file without a buffer; the error for a full disk names the remedy."""
    remaining = rows.reshape(-1).view(np.uint8).data
    try:
        while remaining:
            remaining = remaining[file.write(remaining) :]
    except OSError as error:
        raise OSError(
            error.errno,
            "The rows of X could not be stored in the folder of temporary files, "
            f"{tempfile.gettempdir()!r}: {error.strerror}. The environment variable TMPDIR names another one",
        ) from error
