"""Mini-batches of rows, drawn by NumPy."""

from collections.abc import Iterator
from itertools import count, islice
from typing import NamedTuple

import numpy as np
from numpy import ndarray


class Batch(NamedTuple):
    """Rows of a mini-batch; rows of weight 0 only fill it up."""

    rows: ndarray  # (batch_size,)
    weight: ndarray  # (batch_size,) float32, sums to batch_size


def batches(
    n_samples: int, batch_size: int, seed: int, first: int = 0, n_devices: int = 1
) -> Iterator[Batch]:
    """Yield batches of equal size without end, from a first one on.

    Each epoch is shuffled by a generator of its own. Its last batch is filled up with rows of weight 0, and
    the real rows weigh as much as a whole batch; so is any batch that cannot be shared equally by all
    devices.
    """
    epoch, n_skipped = divmod(first, batches_per_epoch(n_samples, batch_size))
    return islice(batches_from_epoch(n_samples, batch_size, seed, epoch, n_devices), n_skipped, None)


def batches_from_epoch(
    n_samples: int, batch_size: int, seed: int, first: int, n_devices: int
) -> Iterator[Batch]:
    """Yield the batches of all epochs from a first one on."""
    size = min(int(batch_size), n_samples)
    full = -(-size // n_devices) * n_devices
    for epoch in count(first):
        order = np.random.default_rng([seed, epoch]).permutation(n_samples)
        for start in range(0, n_samples, size):
            rows = order[start : start + size]
            weight = np.zeros(full, np.float32)
            weight[: len(rows)] = full / len(rows)
            yield Batch(np.concatenate([rows, np.resize(order, full - len(rows))]), weight)


def batches_per_epoch(n_samples: int, batch_size: int) -> int:
    """Return the number of batches in an epoch."""
    return -(-n_samples // min(int(batch_size), n_samples))
