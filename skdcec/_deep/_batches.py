"""Mini-batches of rows, with the transforms of their augmentation, drawn by NumPy."""

from itertools import count, islice
from typing import NamedTuple

import numpy as np
from numpy import ndarray

# The affine augmentation: largest shift as a share of the side, and largest rotation.
LARGEST_SHIFT, LARGEST_ROTATION = 0.1, np.deg2rad(10)


def random_affine(n: int, image_shape: tuple[int, ...], rng: np.random.Generator) -> ndarray:
    """Draw shifts of up to a tenth of each side and rotations of up to ten degrees.

    Returns
    -------
    transforms : ndarray of shape (n, 8), float32
        Projective transforms about the middle of the image, as `keras.ops.image` takes them.
    """
    height, width = image_shape[:2]
    angle = rng.uniform(-LARGEST_ROTATION, LARGEST_ROTATION, n)
    dx, dy = rng.uniform(-LARGEST_SHIFT, LARGEST_SHIFT, (2, n)) * [[width], [height]]
    cos, sin = np.cos(angle), np.sin(angle)
    cx, cy = (width - 1) / 2, (height - 1) / 2
    first = [cos, -sin, cx + dx - cos * cx + sin * cy]
    second = [sin, cos, cy + dy - sin * cx - cos * cy]
    perspective = [np.zeros(n), np.zeros(n)]
    return np.stack([*first, *second, *perspective], axis=1).astype(np.float32)


class Batch(NamedTuple):
    """Rows of a mini-batch; rows of weight 0 only fill it up."""

    rows: np.ndarray  # (batch_size,)
    weight: np.ndarray  # (batch_size,) float32, sums to batch_size
    transforms: np.ndarray | None  # (batch_size, 8)


def batches(n_samples, image_shape, batch_size, augmentation, seed, first=0, n_devices=1):
    """Yield full batches for ever, from a first one on, shuffling in each epoch with a generator of its own.

    The last batch of an epoch is filled up with rows of weight 0, and its real rows weigh as much
    as a whole batch. So is every batch that would not fall into equal shares for all devices.
    """
    epoch, skipped = divmod(first, batches_per_epoch(n_samples, batch_size))
    stream = batches_of_epochs(n_samples, image_shape, batch_size, augmentation, seed, epoch, n_devices)
    return islice(stream, skipped, None)


def batches_of_epochs(n_samples, image_shape, batch_size, augmentation, seed, first, n_devices):
    """Yield the batches of all epochs from a first one on."""
    size = min(batch_size, n_samples)
    full = -(-size // n_devices) * n_devices
    for epoch in count(first):
        rng = np.random.default_rng([seed, epoch])
        order = rng.permutation(n_samples)
        for start in range(0, n_samples, size):
            rows = order[start : start + size]
            weight = np.zeros(full, np.float32)
            weight[: len(rows)] = full / len(rows)
            rows = np.concatenate([rows, np.resize(order, full - len(rows))])
            transforms = None
            if augmentation == "affine":
                # drawn for as many whatever the number of devices
                transforms = np.resize(random_affine(size, image_shape, rng), (full, 8))
            yield Batch(rows, weight, transforms)


def batches_per_epoch(n_samples, batch_size):
    """Return how many batches `batches` makes of an epoch."""
    return -(-n_samples // min(batch_size, n_samples))
