"""The networks: architectures as JSON, weights as arrays, live Keras models on demand.

An architecture is the JSON of an encoder's and a decoder's Keras configuration. Together with a list of
arrays (the encoder's weights, then the decoder's) it says everything about a network; nothing else
is kept on a fitted estimator.
"""

import json
from functools import lru_cache

import keras
import numpy as np
from keras import layers, ops

from skdcec._deep._keras_json import network_json

# Weights are drawn with NumPy (see `initial_weights`), so that nothing here draws from Keras'
# generators; types and layout are spelled out, so that global Keras settings do not matter.
LAYER = {"kernel_initializer": "zeros"}
IMAGE_LAYER = {**LAYER, "strides": 2, "data_format": "channels_last"}


@lru_cache(32)
def conv_architecture(image_shape, filters, kernel_sizes, n_components, dtype="float32"):
    """Return the convolutional autoencoder of Guo et al. (2017) for any image shape.

    Convolutions of stride 2, a linear embedding, and their mirror image. The last convolution is
    unpadded where that divides all sides without remainder (28 -> 3), else padded (16 -> 2); what
    padding adds to a side is cropped again on the way back.

    Parameters
    ----------
    image_shape : tuple of (height, width, channels)
    filters, kernel_sizes : tuples of int, of equal length
    n_components : int
    dtype : str
        Name of a Keras policy for all layers but the embedding, which stays float32.

    Returns
    -------
    architecture : str
        JSON.
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
    x = layers.Dense(n_components, name="embedding", dtype="float32", **LAYER)(x)
    encoder = keras.Model(inputs, x, name="encoder")

    x = inputs = keras.Input((n_components,), dtype="float32", name="embeddings")
    x = layers.Dense(int(np.prod(features)), activation="relu", name="features", dtype=dtype, **LAYER)(x)
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
    return network_json(encoder, keras.Model(inputs, x, name="decoder"))


@lru_cache(32)
def dense_architecture(image_shape, hidden_layer_sizes, n_components, dtype="float32"):
    """Return the fully connected autoencoder of Xie et al. (2016).

    Parameters
    ----------
    image_shape : tuple of (height, width, channels)
    hidden_layer_sizes : tuple of int
        Units of the encoder's hidden layers; the decoder mirrors them.
    n_components : int
    dtype : str
        Name of a Keras policy for all layers but the embedding, which stays float32.

    Returns
    -------
    architecture : str
        JSON.
    """
    x = inputs = keras.Input(image_shape, dtype="float32", name="images")
    x = layers.Flatten(data_format="channels_last", dtype=dtype, name="flatten")(x)
    for i, units in enumerate(hidden_layer_sizes, start=1):
        x = layers.Dense(units, activation="relu", name=f"hidden_{i}", dtype=dtype, **LAYER)(x)
    x = layers.Dense(n_components, name="embedding", dtype="float32", **LAYER)(x)
    encoder = keras.Model(inputs, x, name="encoder")

    x = inputs = keras.Input((n_components,), dtype="float32", name="embeddings")
    for i, units in reversed(list(enumerate(hidden_layer_sizes, start=1))):
        x = layers.Dense(units, activation="relu", name=f"mirrored_{i}", dtype=dtype, **LAYER)(x)
    x = layers.Dense(int(np.prod(image_shape)), name="pixels", dtype=dtype, **LAYER)(x)
    x = layers.Reshape(image_shape, dtype=dtype, name="reshape")(x)
    return network_json(encoder, keras.Model(inputs, x, name="decoder"))


def build(architecture, weights=None):
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
def embedding_size(architecture):
    """Return the number of components of the embedding."""
    return build(architecture)[0].output_shape[1]


def clustering_model(encoder, centers):
    """Return a Keras model from images to soft assignments (eq 6 of the paper).

    It is made of Keras' own layers and operations, so that it saves and loads without our code: a
    linear layer gives 1 + |mu|^2 - 2 z.mu, to which |z|^2 is added.
    """
    z = ops.cast(encoder.output, "float32")
    linear = layers.Dense(len(centers), name="centers", dtype="float32", **LAYER)
    similarity = 1 / (linear(z) + ops.sum(z * z, axis=1, keepdims=True))
    q = similarity / ops.sum(similarity, axis=1, keepdims=True)
    linear.set_weights([-2 * centers.T, 1 + np.square(centers).sum(axis=1)])
    return keras.Model(encoder.input, q, name="dcec")


@lru_cache(32)
def _built_weights(architecture):
    """Return the weights as their layers start them, for reading only."""
    encoder, decoder = build(architecture)
    weights = encoder.get_weights() + decoder.get_weights()
    for w in weights:
        w.flags.writeable = False
    return tuple(weights)


def initial_weights(architecture, random_state):
    """Return fresh weights: kernels Glorot uniform, everything else as its layer starts.

    Drawn with NumPy, they are the same for every Keras backend and leave its generators alone.
    """
    weights = list(_built_weights(architecture))
    for i, w in enumerate(weights):
        if w.ndim > 1:
            field = np.prod(w.shape[:-2])
            limit = np.sqrt(6 / (field * (w.shape[-2] + w.shape[-1])))
            weights[i] = random_state.uniform(-limit, limit, w.shape).astype(w.dtype)
    return weights
