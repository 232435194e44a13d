"""Slices of many samples, so that work on all of them takes the memory of a few."""

import math
from collections.abc import Iterator

# A chunk has no more rows, and no more bytes of float32.
CHUNK, CHUNK_BYTES = 2048, 2**23


def chunk_size(shape: tuple[int, ...]) -> int:
    """Return the number of samples of this shape in a chunk."""
    return max(1, min(CHUNK, CHUNK_BYTES // (4 * math.prod(shape))))


def slices(shape: tuple[int, ...]) -> Iterator[slice]:
    """Yield slices that together are all samples of an array of this shape, a chunk each."""
    n_samples, size = shape[0], chunk_size(shape[1:])
    for start in range(0, n_samples, size):
        yield slice(start, min(start + size, n_samples))
