"""Slices of many samples, so that work on all of them takes the memory of a few."""

from collections.abc import Iterator

# Rows per chunk; also the number of rows from which the scale of images is guessed.
CHUNK = 2048


def slices(n_samples: int) -> Iterator[slice]:
    """Yield slices that together are all samples, a chunk each."""
    for start in range(0, n_samples, CHUNK):
        yield slice(start, min(start + CHUNK, n_samples))
