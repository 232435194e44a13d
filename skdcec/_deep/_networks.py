"""The networks: builders of Keras models, architectures as JSON, weights as arrays.

An architecture is the JSON of an encoder's and a decoder's Keras configuration. Together with a list of
arrays (the encoder's weights, then the decoder's) it describes a network completely; nothing else is kept on
a fitted estimator.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy import ndarray

from skdcec._deep._losses import soft_assignment
from skdcec._deep._storage import Weights

# Spelled out, so that global Keras settings do not matter.
IMAGE_LAYER = {"strides": 2, "data_format": "channels_last"}


def conv_autoencoder(
    image_shape: tuple[int, int, int],
    filters: Sequence[int] = (32, 64, 128),
    kernel_sizes: Sequence[int] = (5, 5, 3),
    n_components: int = 10,
    dtype: str = "float32",
) -> tuple[keras.Model, keras.Model]:
    """Build the convolutional autoencoder of DCEC for any image shape.

    Convolutions of stride 2, a linear embedding, and their mirror image [1]_. The last convolution is
    unpadded if that divides all sides without remainder (28 -> 3), else padded (16 -> 2); padding that
    enlarges a side is cropped again on the way back.

    Parameters
    ----------
    image_shape : tuple of (height, width, channels)
        Shape of the images.
    filters : sequence of int, default=(32, 64, 128)
        Filters of each convolution.
    kernel_sizes : sequence of int, default=(5, 5, 3)
        Side of the kernel of each convolution, in pixels; as many as filters.
    n_components : int, default=10
        Dimension of the embedding.
    dtype : str, default='float32'
        Name of a Keras policy for all layers but the embedding, which stays float32.

    Returns
    -------
    encoder : keras.Model
        From images to embeddings.
    decoder : keras.Model
        From embeddings to images.

    References
    ----------
    .. [1] X. Guo, X. Liu, E. Zhu, J. Yin (2017). "Deep clustering with convolutional autoencoders",
       section 4.1. ICONIP 2017.

    Examples
    --------
    >>> from skdcec.networks import conv_autoencoder
    >>> encoder, decoder = conv_autoencoder((28, 28, 1))
    >>> encoder.output_shape, decoder.output_shape
    ((None, 10), (None, 28, 28, 1))
    """
    depth = len(filters)
    halved, kernel = 2 ** (depth - 1), kernel_sizes[-1]
    unpadded = all(
        side % (2 * halved) == halved and side // halved >= kernel and kernel % 2 for side in image_shape[:2]
    )
    paddings = ["same"] * (depth - 1) + ["valid" if unpadded else "same"]

    x = inputs = keras.Input(image_shape, dtype="float32", name="images")
    sides = []
    for i in range(depth):
        sides.append(x.shape[1:3])
        x = layers.Conv2D(
            filters[i],
            kernel_sizes[i],
            padding=paddings[i],
            activation="relu",
            name=f"convolution_{i + 1}",
            dtype=dtype,
            **IMAGE_LAYER,
        )(x)
    features = x.shape[1:]
    x = layers.Flatten(data_format="channels_last", dtype=dtype, name="flatten")(x)
    x = layers.Dense(n_components, name="embedding", dtype="float32")(x)
    encoder = keras.Model(inputs, x, name="encoder")

    x = inputs = keras.Input((n_components,), dtype="float32", name="embeddings")
    x = layers.Dense(int(np.prod(features)), activation="relu", name="features", dtype=dtype)(x)
    x = layers.Reshape(features, dtype=dtype, name="reshape")(x)
    for i in reversed(range(depth)):
        x = layers.Conv2DTranspose(
            filters[i - 1] if i else image_shape[2],
            kernel_sizes[i],
            padding=paddings[i],
            activation="relu" if i else "linear",
            name=f"deconvolution_{i + 1}",
            dtype=dtype,
            **IMAGE_LAYER,
        )(x)
        extra = [(0, made - wanted) for made, wanted in zip(x.shape[1:3], sides[i], strict=True)]
        if extra != [(0, 0), (0, 0)]:
            x = layers.Cropping2D(extra, data_format="channels_last", dtype=dtype, name=f"crop_{i + 1}")(x)
    return encoder, keras.Model(inputs, x, name="decoder")


def dense_autoencoder(
    image_shape: tuple[int, int, int],
    hidden_layer_sizes: Sequence[int] = (500, 500, 2000),
    n_components: int = 10,
    dtype: str = "float32",
) -> tuple[keras.Model, keras.Model]:
    """Build the fully connected autoencoder of DEC and IDEC.

    Parameters
    ----------
    image_shape : tuple of (height, width, channels)
        Shape of the images.
    hidden_layer_sizes : sequence of int, default=(500, 500, 2000)
        Units of the hidden layers of the encoder; the decoder mirrors them [1]_.
    n_components : int, default=10
        Dimension of the embedding.
    dtype : str, default='float32'
        Name of a Keras policy for all layers but the embedding, which stays float32.

    Returns
    -------
    encoder : keras.Model
        From images to embeddings.
    decoder : keras.Model
        From embeddings to images.

    References
    ----------
    .. [1] J. Xie, R. Girshick, A. Farhadi (2016). "Unsupervised deep embedding for clustering analysis",
       section 5. ICML 2016.

    Examples
    --------
    >>> from skdcec.networks import dense_autoencoder
    >>> encoder, decoder = dense_autoencoder((8, 8, 1), (100,), n_components=3)
    >>> encoder.output_shape, decoder.output_shape
    ((None, 3), (None, 8, 8, 1))
    """
    x = inputs = keras.Input(image_shape, dtype="float32", name="images")
    x = layers.Flatten(data_format="channels_last", dtype=dtype, name="flatten")(x)
    for i, units in enumerate(hidden_layer_sizes, start=1):
        x = layers.Dense(units, activation="relu", name=f"hidden_{i}", dtype=dtype)(x)
    x = layers.Dense(n_components, name="embedding", dtype="float32")(x)
    encoder = keras.Model(inputs, x, name="encoder")

    x = inputs = keras.Input((n_components,), dtype="float32", name="embeddings")
    for i, units in reversed(list(enumerate(hidden_layer_sizes, start=1))):
        x = layers.Dense(units, activation="relu", name=f"mirrored_{i}", dtype=dtype)(x)
    x = layers.Dense(int(np.prod(image_shape)), name="pixels", dtype=dtype)(x)
    x = layers.Reshape(image_shape, dtype=dtype, name="reshape")(x)
    return encoder, keras.Model(inputs, x, name="decoder")


def build(architecture: str, weights: Weights | None = None) -> tuple[keras.Model, keras.Model]:
    """Return a fresh Keras encoder and decoder, with the given weights."""
    encoder, decoder = (
        keras.models.model_from_json(json.dumps(config)) for config in json.loads(architecture)
    )
    if weights is not None:
        n = len(encoder.weights)
        encoder.set_weights(weights[:n])
        decoder.set_weights(weights[n:])
    return encoder, decoder


@lru_cache(32)
def embedding_size(architecture: str) -> int:
    """Return the number of components of the embedding."""
    return int(build(architecture)[0].output_shape[1])


def clustering_model(encoder: keras.Model, centers: ndarray) -> keras.Model:
    """Return a Keras model from images to soft assignments.

    It consists of Keras' own layers and operations, so that it can be saved and loaded without this package.
    Differences to the centers are taken before they are squared, so that nothing cancels.
    """
    z = ops.cast(encoder.output, "float32")
    return keras.Model(encoder.input, soft_assignment(z, centers.astype(np.float32), ops), name="dcec")


@lru_cache(32)
def _built_weights(architecture: str) -> tuple[ndarray, ...]:
    """Return the weights as their layers initialize them, for reading only."""
    encoder, decoder = build(architecture)
    weights = encoder.get_weights() + decoder.get_weights()
    for w in weights:
        w.flags.writeable = False
    return tuple(weights)


def glorot_weights(architecture: str, random_state: np.random.RandomState) -> Weights:
    """Return fresh weights: kernels Glorot uniform, all others as their layers initialize them.

    NumPy draws them, so that they are the same under every backend.
    """
    weights: list[Any] = list(_built_weights(architecture))
    for i, w in enumerate(weights):
        if w.ndim > 1:
            field = np.prod(w.shape[:-2])
            limit = np.sqrt(6 / (field * (w.shape[-2] + w.shape[-1])))
            weights[i] = random_state.uniform(-limit, limit, w.shape).astype(w.dtype)
    return weights
