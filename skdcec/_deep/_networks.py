"""The networks: builders of Keras models, architectures as JSON, weights as arrays.

An architecture is the JSON of an encoder's and a decoder's Keras configuration. Together with a list of
arrays (the encoder's weights, then the decoder's) it describes a network completely; nothing else is kept on
a fitted estimator.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy import ndarray

from skdcec._deep._identity import json_identity
from skdcec._deep._keras import keras, ops
from skdcec._deep._losses import soft_assignment
from skdcec._deep._stages import conv_stages, dense_stages, mirrored
from skdcec._deep._storage import Weights


def conv_autoencoder(
    image_shape: tuple[int, int, int],
    filters: Sequence[int] = (32, 64, 128),
    kernel_sizes: Sequence[int] = (5, 5, 3),
    n_components: int = 10,
    convolutions_per_stage: int = 1,
    batch_normalization: bool = False,
    residual: bool = False,
    dtype: str = "float32",
) -> tuple[keras.Model, keras.Model]:
    """Build the convolutional autoencoder of DCEC for any image shape.

    Convolutions of stride 2, a linear embedding, and their mirror image [1]_. The last convolution is
    unpadded if that divides all sides without remainder (28 -> 3), else padded (16 -> 2); padding that
    enlarges a side is cropped again on the way back.

    The embedding is a dense layer of all features, that is, a convolution whose kernel is as large as the
    feature maps: the encoder is fully convolutional.

    Parameters
    ----------
    image_shape : tuple of (height, width, channels)
        Shape of the images.
    filters : sequence of int, default=(32, 64, 128)
        Filters of each stage.
    kernel_sizes : sequence of int, default=(5, 5, 3)
        Side of the kernel of the convolution of stride 2 of each stage, in pixels; as many as filters.
    n_components : int, default=10
        Dimension of the embedding.
    convolutions_per_stage : int, default=1
        One convolution of stride 2, the others of stride 1 and kernel size 3, as in VGG [2]_.
    batch_normalization : bool, default=False
        Whether each convolution is followed by batch normalization; that of the pixels is not.
    residual : bool, default=False
        Whether the convolutions of stride 1 of a stage are added to their input, as in ResNet [3]_.
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
    .. [2] K. Simonyan, A. Zisserman (2015). "Very deep convolutional networks for large-scale image
       recognition". ICLR 2015.
    .. [3] K. He, X. Zhang, S. Ren, J. Sun (2016). "Deep residual learning for image recognition". CVPR 2016.

    Examples
    --------
    >>> from skdcec.networks import conv_autoencoder
    >>> encoder, decoder = conv_autoencoder((28, 28, 1))
    >>> encoder.output_shape, decoder.output_shape
    ((None, 10), (None, 28, 28, 1))
    """
    options = convolutions_per_stage, batch_normalization, residual, dtype
    return mirrored(image_shape, conv_stages(image_shape, filters, kernel_sizes, n_components, *options))


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
        Units of the hidden layers of the encoder; the decoder mirrors them [1]_. Without any, the
        autoencoder is linear.
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
    return mirrored(image_shape, dense_stages(hidden_layer_sizes, n_components, dtype))


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


def embedding_size(architecture: str) -> int:
    """Return the number of components of the embedding."""
    return _embedding_size(architecture, json_identity(architecture))


@lru_cache(32)
def _embedding_size(architecture: str, user_code: str) -> int:
    return int(build(architecture)[0].output_shape[1])


def clustering_model(encoder: keras.Model, centers: ndarray) -> keras.Model:
    """Return a Keras model from images to soft assignments.

    It consists of Keras' own layers and operations, so that it can be saved and loaded without this package.
    Differences to the centers are taken before they are squared, so that nothing cancels.
    """
    z = ops.cast(encoder.output, "float32")
    return keras.Model(encoder.input, soft_assignment(z, centers.astype(np.float32), ops), name="dcec")


@lru_cache(32)
def _built_weights(architecture: str, user_code: str) -> tuple[ndarray, ...]:
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
    weights: list[Any] = list(_built_weights(architecture, json_identity(architecture)))
    for i, w in enumerate(weights):
        if w.ndim > 1:
            field = np.prod(w.shape[:-2])
            limit = np.sqrt(6 / (field * (w.shape[-2] + w.shape[-1])))
            weights[i] = random_state.uniform(-limit, limit, w.shape).astype(w.dtype)
    return weights
