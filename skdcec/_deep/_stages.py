"""The stages of the built-in autoencoders: parts of an encoder, each with its mirror image in the decoder."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np

from skdcec._deep._keras import keras, layers

# Spelled out, so that global Keras settings do not matter.
CHANNELS = {"data_format": "channels_last"}
# Side of the kernels of stride 1 between those of stride 2, as in VGG and ResNet.
INNER_KERNEL_SIZE = 3


class Stage(Protocol):
    """A part of an encoder, and its mirror image in the decoder."""

    def encode(self, x: Any) -> Any:
        """Return the output of the stage for a Keras tensor."""

    def decode(self, x: Any, shape: tuple[int, ...]) -> Any:
        """Return a tensor with the shape (without batch) of the stage's input, from one like its output."""


@dataclass(frozen=True)
class DenseStage:
    """A fully connected layer."""

    units: int
    name: str
    mirror_name: str
    activation: str = "linear"
    mirror_activation: str = "linear"
    dtype: str = "float32"
    mirror_dtype: str = "float32"

    def encode(self, x: Any) -> Any:
        """Flatten, and apply the layer."""
        if len(x.shape) > 2:
            x = layers.Flatten(**CHANNELS, dtype=self.mirror_dtype, name="flatten")(x)
        return layers.Dense(self.units, activation=self.activation, name=self.name, dtype=self.dtype)(x)

    def decode(self, x: Any, shape: tuple[int, ...]) -> Any:
        """Apply a layer with as many units as the stage has inputs, and reshape."""
        options = {"activation": self.mirror_activation, "name": self.mirror_name}
        x = layers.Dense(int(np.prod(shape)), **options, dtype=self.mirror_dtype)(x)
        if len(shape) > 1:
            x = layers.Reshape(shape, dtype=self.mirror_dtype, name="reshape")(x)
        return x


@dataclass(frozen=True)
class ConvStage:
    """A convolution of stride 2, and some of stride 1 after it."""

    number: int  # from 1 at the images
    filters: int
    kernel_size: int
    padding: str
    n_convolutions: int
    batch_normalization: bool
    residual: bool
    dtype: str

    def encode(self, x: Any) -> Any:
        """Halve the sides, then apply the convolutions of stride 1."""
        layer = partial(layers.Conv2D, self.filters, self.kernel_size, strides=2, padding=self.padding)
        x = self._activated(x, layer, f"convolution_{self.number}", self.batch_normalization)
        return self._inner(x, "convolution")

    def decode(self, x: Any, shape: tuple[int, ...]) -> Any:
        """Apply convolutions of stride 1, then double the sides; the first stage makes pixels."""
        x = self._inner(x, "deconvolution")
        is_hidden = self.number > 1
        layer = partial(layers.Conv2DTranspose, shape[-1], self.kernel_size, strides=2, padding=self.padding)
        name, activation = f"deconvolution_{self.number}", "relu" if is_hidden else "linear"
        x = self._activated(x, layer, name, self.batch_normalization and is_hidden, activation)
        # padding may have enlarged a side
        extra = [(0, made - wanted) for made, wanted in zip(x.shape[1:3], shape[:2], strict=True)]
        if extra != [(0, 0), (0, 0)]:
            x = layers.Cropping2D(extra, **CHANNELS, dtype=self.dtype, name=f"crop_{self.number}")(x)
        return x

    def _inner(self, x: Any, kind: str) -> Any:
        """Apply the convolutions of stride 1, and add their input to their output if residual."""
        start, last = x, self.n_convolutions - 1
        for i in range(1, self.n_convolutions):
            layer = partial(layers.Conv2D, self.filters, INNER_KERNEL_SIZE, padding="same")
            activation = "linear" if self.residual and i == last else "relu"
            x = self._activated(x, layer, f"{kind}_{self.number}_{i}", self.batch_normalization, activation)
        if self.residual:
            x = layers.Add(dtype=self.dtype, name=f"{kind}_{self.number}_sum")([start, x])
            x = layers.ReLU(dtype=self.dtype, name=f"{kind}_{self.number}_relu")(x)
        return x

    def _activated(
        self, x: Any, layer: Any, name: str, batch_normalization: bool, activation: str = "relu"
    ) -> Any:
        """Apply a layer and its activation, with batch normalization between them if asked."""
        if not batch_normalization:
            return layer(activation=activation, name=name, dtype=self.dtype, **CHANNELS)(x)
        x = layer(use_bias=False, name=name, dtype=self.dtype, **CHANNELS)(x)
        x = layers.BatchNormalization(dtype=self.dtype, name=f"{name}_normalization")(x)
        return layers.Activation(activation, dtype=self.dtype, name=f"{name}_activation")(x)


def conv_stages(
    image_shape: tuple[int, int, int],
    filters: Sequence[int] = (32, 64, 128),
    kernel_sizes: Sequence[int] = (5, 5, 3),
    n_components: int = 10,
    convolutions_per_stage: int = 1,
    batch_normalization: bool = False,
    residual: bool = False,
    dtype: str = "float32",
) -> list[Stage]:
    """Return the stages of `conv_autoencoder`."""
    depth = len(filters)
    halved, kernel = 2 ** (depth - 1), kernel_sizes[-1]
    unpadded = all(
        side % (2 * halved) == halved and side // halved >= kernel and kernel % 2 for side in image_shape[:2]
    )
    paddings = ["same"] * (depth - 1) + ["valid" if unpadded else "same"]
    stages: list[Stage] = []
    for i, (n, kernel, padding) in enumerate(zip(filters, kernel_sizes, paddings, strict=True), start=1):
        options = convolutions_per_stage, batch_normalization, residual, dtype
        stages.append(ConvStage(i, n, kernel, padding, *options))
    activations = {"mirror_activation": "relu", "mirror_dtype": dtype}
    return [*stages, DenseStage(n_components, "embedding", "features", **activations)]


def dense_stages(
    hidden_layer_sizes: Sequence[int] = (500, 500, 2000), n_components: int = 10, dtype: str = "float32"
) -> list[Stage]:
    """Return the stages of `dense_autoencoder`."""
    names = [f"hidden_{i}" for i in range(1, len(hidden_layer_sizes) + 1)] + ["embedding"]
    stages: list[Stage] = []
    for i, (units, name) in enumerate(zip([*hidden_layer_sizes, n_components], names, strict=True)):
        is_embedding = name == "embedding"
        stages.append(
            DenseStage(
                units,
                name,
                f"mirrored_{i}" if i else "pixels",
                "linear" if is_embedding else "relu",
                "relu" if i else "linear",
                "float32" if is_embedding else dtype,
                dtype,
            )
        )
    return stages


def mirrored(
    shape: tuple[int, ...], stages: Sequence[Stage], names: tuple[str, str] = ("images", "embeddings")
) -> tuple[keras.Model, keras.Model]:
    """Build the autoencoder of some stages, from and to arrays of a shape (without batch)."""
    x = inputs = keras.Input(shape, dtype="float32", name=names[0])
    shapes = []
    for stage in stages:
        shapes.append(x.shape[1:])
        x = stage.encode(x)
    encoder = keras.Model(inputs, x, name="encoder")

    x = inputs = keras.Input(x.shape[1:], dtype="float32", name=names[1])
    for stage, wanted in zip(reversed(stages), reversed(shapes), strict=True):
        x = stage.decode(x, wanted)
    return encoder, keras.Model(inputs, x, name="decoder")
