"""The loops of mini-batches: pretraining, joint training and inference, on plain arrays."""

from collections.abc import Callable
from itertools import islice
from typing import Any, Protocol

import numpy as np
from numpy import ndarray

from skdcec._deep._batches import batches, batches_per_epoch
from skdcec._deep._chunks import slices
from skdcec._deep._devices import count_devices
from skdcec._deep._keras import ops
from skdcec._deep._losses import ClusteringLoss, Targets, nearest_centers
from skdcec._deep._models import Mapper, Progress, Recipe, Resident, Trainer, check_finite, squared_error
from skdcec._deep._pool import lend
from skdcec._deep._schedule import Position, Schedule
from skdcec._deep._storage import Weights


class Watcher(Protocol):
    """Follows a loop: told when an epoch or interval begins, and asked at its end whether to stop."""

    def begin(self) -> None:
        """Begin the next epoch or interval."""

    def end(self, outcome: Any, losses: dict[str, float], progress: Callable[[], Progress]) -> bool:
        """Return whether to stop; progress makes the state from which training can go on."""


def encode(architecture: str, weights: Weights, images: Any) -> ndarray:
    """Return the embeddings (n_samples, n_components) of images (n_samples, h, w, c), float32."""
    return _map_rows(architecture, weights, images, part=0)


def decode(architecture: str, weights: Weights, Z: ndarray) -> ndarray:
    """Return the images (n_samples, h, w, c) of embeddings (n_samples, n_components), float32."""
    return _map_rows(architecture, weights, Z, part=1)


def _map_rows(architecture: str, weights: Weights, rows: Any, part: int) -> ndarray:
    with lend(Mapper, architecture, part) as mapper:
        n = len(mapper.network.weights)
        mapper.network.set_weights(weights[len(weights) - n :] if part else weights[:n])
        return np.concatenate([mapper.map(rows[chunk]) for chunk in slices(rows.shape)])


def reconstruction_error(architecture: str, weights: Weights, images: Any) -> tuple[ndarray, float]:
    """Return the embeddings of images, and the sum of the squared errors of their reconstructions.

    The error of an image is averaged over its pixels and channels.
    """
    embeddings, total = [], 0.0
    for rows in slices(images.shape):
        chunk = images[rows]
        Z = encode(architecture, weights, chunk)
        total += float(squared_error(chunk.astype(np.float64), decode(architecture, weights, Z), np).sum())
        embeddings.append(Z)
    return np.concatenate(embeddings), total


def pretrain(
    recipe: Recipe,
    weights: Weights,
    images: Any,
    *,
    epochs: int,
    batch_size: int,
    seed: int,
    watcher: Watcher,
    done: int = 0,
    progress: Progress | None = None,
) -> Weights:
    """Train an autoencoder alone (equation 4 of Nogueira and Serapiao); return its weights.

    Parameters
    ----------
    recipe : Recipe
    weights : list of ndarray
        The weights to start from.
    images : Images, or ndarray of shape (n_samples, height, width, channels), float32
    epochs, batch_size : int
    seed : int
        Determines the batches, and the random numbers of layers.
    watcher : Watcher
        Gets the weights after each epoch.
    done : int
        The number of epochs that led to these weights.
    progress : list of ndarray or None
        The `Trainer.progress` after them.
    """
    n_batches = batches_per_epoch(len(images), batch_size)
    with lend(Trainer, recipe) as trainer:
        n_devices = count_devices(trainer.devices)
        stream = batches(len(images), batch_size, seed, done * n_batches, n_devices)
        trainer.start(weights, seed=seed, progress=progress)
        near = Resident.of(images, trainer)
        for _ in range(done, epochs):
            watcher.begin()
            losses = trainer.train(near, islice(stream, n_batches))
            if watcher.end(trainer.arrays, losses, trainer.progress):
                break
        return trainer.arrays()


def refine(
    recipe: Recipe,
    loss: ClusteringLoss,
    images: Any,
    start: Position,
    *,
    gamma: float,
    reconstruction_weight: float,
    schedule: Schedule,
    seed: int,
    watcher: Watcher,
    initial_labels: ndarray | None = None,
    label_targets: Targets | None = None,
    progress: Progress | None = None,
) -> Position:
    """Train encoder, decoder and centers together (equation 5 of Nogueira and Serapiao).

    Targets come from all images without augmentation; the batches are augmented. The first batches teach the
    initial labels, if the schedule says so.

    Parameters
    ----------
    recipe : Recipe
    loss : ClusteringLoss
    images : Images, or ndarray of shape (n_samples, height, width, channels), float32
    start : Position
    gamma, reconstruction_weight : float
        Weights of the two terms of the loss.
    schedule : Schedule
    seed : int
        Determines the batches, and the random numbers of layers.
    watcher : Watcher
        Gets the position after each update.
    initial_labels : ndarray of shape (n_samples,), int, or None
    label_targets : Targets or None
        Their targets.
    progress : list of ndarray or None
        The `Trainer.progress` at the start; None starts afresh.

    Returns
    -------
    position : Position
        The last one.
    """
    position = start
    with lend(Trainer, recipe, loss, len(start.centers)) as trainer:
        n_devices = count_devices(trainer.devices)
        stream = batches(len(images), schedule.batch_size, seed, start.n_batches, n_devices)
        trainer.start(start.weights, start.centers, seed, progress)
        near = Resident.of(images, trainer)
        while not schedule.is_done(position):
            watcher.begin()
            labels, targets, end = initial_labels, label_targets, schedule.label_batches
            if position.n_batches >= schedule.label_batches:
                labels, targets = None, loss.targets(position.Z, position.centers.astype(np.float64))
                end = schedule.max_batches
            n_batches = min(schedule.batches_per_update, end - position.n_batches)
            losses = trainer.train(near, islice(stream, n_batches), targets, gamma, reconstruction_weight)
            position = updated(position, n_batches, trainer, recipe, loss, images, labels)
            if watcher.end(position, losses, trainer.progress):
                break
    return position


def updated(
    position: Position,
    n_batches: int,
    trainer: Trainer,
    recipe: Recipe,
    loss: ClusteringLoss,
    images: Any,
    taught: ndarray | None,
) -> Position:
    """Return the position after some more batches: embed all images, then move and assign centers.

    Centers move by the labels that are taught, if any, else by those of the nearest centers.
    """
    weights, centers = trainer.arrays(), np.array(ops.convert_to_numpy(trainer.centers))
    Z = encode(recipe.architecture, weights, images)
    check_finite(have_finite_squares(Z) and have_finite_squares(centers))
    labels = nearest_centers(Z, centers)
    given = labels if taught is None else taught
    moved = np.asarray(loss.update_centers(Z, centers, given, position.counts), dtype=np.float32)
    counts = position.counts + np.bincount(given, minlength=len(centers))
    if moved is not centers:
        check_finite(have_finite_squares(moved))
        trainer.centers.assign(moved)
        centers, labels = moved, nearest_centers(Z, moved)
    change = float(np.mean(labels != position.labels))
    return Position(position.n_batches + n_batches, weights, centers, Z, labels, counts, change)


def have_finite_squares(A: ndarray) -> bool:
    """Return whether squared distances of rows are finite in their type."""
    with np.errstate(over="ignore"):
        return bool(np.isfinite(np.square(A).sum(axis=1)).all())
