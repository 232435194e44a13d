"""Layer-wise denoising pretraining: the stages of an autoencoder learn one after the other."""

import time
from collections.abc import Callable, Sequence
from itertools import accumulate, chain
from typing import Any

from numpy import ndarray

from skdcec._deep._keras import keras, layers
from skdcec._deep._keras_json import network_json, undisturbed_random
from skdcec._deep._models import Recipe
from skdcec._deep._stages import Stage, mirrored
from skdcec._deep._storage import Weights
from skdcec._deep._training import encode, pretrain


class Hidden:
    """The output of a trained encoder for all images, computed when rows are read.

    Parameters
    ----------
    architecture : str
    weights : list of ndarray
    images : Images, or ndarray of shape (n_samples, height, width, channels), float32
    shape : tuple
        The shape of an output.
    """

    def __init__(self, architecture: str, weights: Weights, images: Any, shape: tuple[int, ...]) -> None:
        self.architecture, self.weights, self.images = architecture, weights, images
        self.shape = (len(images), *shape)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def __getitem__(self, rows: Any) -> ndarray:
        """Return the output for a slice or an array of indices."""
        return encode(self.architecture, self.weights, self.images[rows])


class LayerWatcher:
    """Follows the training of one stage: tells the loss of each epoch, and stops in time.

    Parameters
    ----------
    say : callable
        Prints a line.
    number : int
    deadline : float or None
        When to stop, on the clock of `time.monotonic`.
    """

    def __init__(self, say: Callable[[str], None], number: int, deadline: float | None) -> None:
        self.say, self.number, self.deadline = say, number, deadline
        self.n_epochs = 0

    def begin(self) -> None:
        """Begin an epoch."""
        self.n_epochs += 1

    def end(self, outcome: Any, losses: dict[str, float], progress: Any) -> bool:
        """Tell the loss of an epoch; return whether to stop."""
        loss = losses["reconstruction"]
        self.say(f"Layer {self.number}, epoch {self.n_epochs}, reconstruction loss {loss:.5f}.")
        return self.deadline is not None and time.monotonic() >= self.deadline


def train_stages(
    stages: Sequence[Stage],
    weights: Weights,
    images: Any,
    *,
    optimizer: str,
    epochs: int,
    batch_size: int,
    corruption: float,
    draw_seed: Callable[[], int],
    say: Callable[[str], None],
    deadline: float | None,
) -> Weights:
    """Train each stage to reproduce its input, the output of those before it; return all weights.

    Inputs and outputs of a stage lose a random fraction of their values, which have to be restored (Vincent
    et al. 2010, section 3.5; Xie et al. 2016, section 3.2).

    Parameters
    ----------
    stages : sequence of Stage
    weights : list of ndarray
        The weights of the autoencoder to start from.
    images : Images, or ndarray of shape (n_samples, height, width, channels), float32
    optimizer : str
        JSON of the Keras optimizer.
    epochs : int
        Passes over the images for each stage.
    batch_size : int
    corruption : float
        The fraction that is set to zero.
    draw_seed : callable
        Draws the seed of a stage.
    say : callable
        Prints a line.
    deadline : float or None
        When to stop, on the clock of `time.monotonic`.
    """
    shape, pairs = tuple(images.shape[1:]), []
    with undisturbed_random():
        for stage in stages:
            pairs.append(mirrored(shape, [stage]))
            shape = pairs[-1][0].output_shape[1:]
    # the encoder's weights, then those of the decoder, which ends with the first stage
    parts = [encoder for encoder, _ in pairs] + [decoder for _, decoder in reversed(pairs)]
    ends = list(accumulate(len(part.weights) for part in parts))
    of_parts = [weights[end - len(part.weights) : end] for part, end in zip(parts, ends, strict=True)]
    for i, (encoder, decoder) in enumerate(pairs):
        hidden = images
        with undisturbed_random():
            pair = network_json(corrupted(encoder, corruption), corrupted(decoder, corruption))
            architecture = network_json(*mirrored(tuple(images.shape[1:]), stages[:i])) if i else ""
        if i:
            trained = [*chain(*of_parts[:i], *of_parts[-i:])]
            hidden = Hidden(architecture, trained, images, encoder.input_shape[1:])
        trained = pretrain(
            Recipe(pair, optimizer, None),
            of_parts[i] + of_parts[-1 - i],
            hidden,
            epochs=epochs,
            batch_size=batch_size,
            seed=draw_seed(),
            watcher=LayerWatcher(say, i + 1, deadline),
        )
        n = len(encoder.weights)
        of_parts[i], of_parts[-1 - i] = trained[:n], trained[n:]
    return [*chain(*of_parts)]


def corrupted(part: keras.Model, corruption: float) -> keras.Model:
    """Return a network that sets a fraction of its input to zero in training."""
    inputs = keras.Input(part.input_shape[1:], dtype="float32")
    return keras.Model(inputs, part(layers.Dropout(corruption, dtype="float32")(inputs)))
