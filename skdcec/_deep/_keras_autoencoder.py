"""The autoencoder of a network that the user brings.

Keras is imported when a network is first needed, never with this module.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import ndarray

from skdcec._deep._base_autoencoder import BaseAutoencoder

if TYPE_CHECKING:
    import keras

    from skdcec._deep._models import Recipe


class KerasAutoencoder(BaseAutoencoder):
    """Autoencoder for your own Keras networks.

    Takes any pair of functional or sequential models that maps images to embeddings and embeddings to images,
    of any depth, with batch normalization, dropout or mixed precision. `DCEC` trains it jointly, like the
    other autoencoders.

    Parameters
    ----------
    network : callable or pair of keras.Model, default=None
        A function ``network(image_shape)`` that returns an encoder and a decoder for images of shape (height,
        width, channels), or such a pair itself. The networks of a function start from weights that their own
        initializers draw, determined by `random_state`; of a pair, a copy is trained, starting from its
        current weights. None is `skdcec.networks.conv_autoencoder`.

    image_shape : tuple, default=None
        (height, width) or (height, width, channels) of images given as flat rows. None means a square gray
        image if the row length is a perfect square, else an image of one row.

    augmentation : {None, 'affine'} or keras.layers.Layer, default=None
        Changes the images of each batch at random. 'affine' is `skdcec.layers.RandomAffine`: shifts of up to
        a tenth of the sides and rotations of up to ten degrees. Joint training of `DCEC` uses it, too, unless
        its own ``augmentation`` says otherwise.

    value_range : 'auto' or tuple of (low, high), default='auto'
        The values of X that become 0 and 1. 'auto' divides uint8 by 255 and leaves other types as they are; a
        warning is issued for values for which that is doubtful.

    epochs : int or 'auto', default='auto'
        Passes over the images; 'auto' is enough for 750 steps, and at least 5.

    batch_size : int, default=256
        Images per step.

    optimizer : str or keras.optimizers.Optimizer, default='adam'
        Keras optimizer; an object is copied and left unchanged.

    verbose : int, default=0
        If positive, print the loss of each epoch.

    random_state : int, RandomState instance or None, default=None
        Determines initial weights, batches, and the random numbers of layers. Pass an int for results that
        are the same, bit by bit, on the same machine.

    Attributes
    ----------
    image_shape_ : tuple
        (height, width, channels) of an image.

    architecture_ : str
        JSON of the Keras configuration of encoder and decoder.

    weights_ : list of ndarray
        The weights of the encoder, then those of the decoder.

    n_components_ : int
        Dimension of the embedding.

    sample_shape_ : tuple
        Shape of one sample of X, as it was given.

    input_dtype_ : str
        Type of X.

    value_range_ : tuple of (low, high)
        The values of X that become 0 and 1.

    data_range_ : tuple of (min, max)
        Smallest and largest value of X.

    history_ : dict of ndarray
        'reconstruction_loss', of shape (n_epochs,): the mean loss of each epoch.

    n_features_in_ : int
        Number of pixels times channels.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X has string column names.

    See Also
    --------
    ConvAutoencoder : The network of DCEC.
    DCEC : Clusters in the embedding, and refines it.

    Notes
    -----
    Your own layer classes need ``@keras.saving.register_keras_serializable()``, because networks are rebuilt
    from their configuration. Lambda layers are refused, because they cannot be read safely. Losses of layers,
    such as those of regularizers, are part of training, but not of ``history_``.

    Examples
    --------
    >>> import keras
    >>> from skdcec import KerasAutoencoder
    >>> from skdcec.datasets import load_digits_images
    >>> def network(image_shape):
    ...     encoder = keras.Sequential(
    ...         [
    ...             keras.Input(image_shape),
    ...             keras.layers.Flatten(),
    ...             keras.layers.Dense(64, activation="relu"),
    ...             keras.layers.BatchNormalization(),
    ...             keras.layers.Dense(5),
    ...         ]
    ...     )
    ...     decoder = keras.Sequential(
    ...         [keras.Input((5,)), keras.layers.Dense(64), keras.layers.Reshape(image_shape)]
    ...     )
    ...     return encoder, decoder
    >>> X = load_digits_images().images
    >>> KerasAutoencoder(network, epochs=2, random_state=0).fit_transform(X).shape
    (1797, 5)
    """

    def __init__(
        self,
        network: Any = None,
        *,
        image_shape: tuple[int, ...] | None = None,
        augmentation: Any = None,
        value_range: Any = "auto",
        epochs: int | str = "auto",
        batch_size: int = 256,
        optimizer: Any = "adam",
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        self.network = network
        self.image_shape = image_shape
        self.augmentation = augmentation
        self.value_range = value_range
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.verbose = verbose
        self.random_state = random_state

    _parameter_constraints: dict = {
        **BaseAutoencoder._parameter_constraints,
        "network": [None, callable, tuple, list],
    }

    def build_network(self, image_shape: Any) -> "tuple[keras.Model, keras.Model]":
        """Return the network for images of a shape.

        Parameters
        ----------
        image_shape : tuple of (height, width, channels)
            Shape of the images.

        Returns
        -------
        encoder : keras.Model
            From images to embeddings.
        decoder : keras.Model
            From embeddings to images.
        """
        if callable(self.network):
            return self.network(image_shape)
        if self.network is not None:
            return self.network
        from skdcec._deep._networks import conv_autoencoder

        return conv_autoencoder(image_shape)

    def _network_parameter(self) -> tuple[str, Any]:
        return "network", self.network

    def _initial_weights(self, recipe: "Recipe", random_state: np.random.RandomState) -> list[ndarray]:
        from skdcec._deep._networks import glorot_weights

        if self.network is None:
            return glorot_weights(recipe.architecture, random_state)
        if callable(self.network):
            return super()._initial_weights(recipe, random_state)
        encoder, decoder = self.network
        weights: list[ndarray] = encoder.get_weights() + decoder.get_weights()
        return weights
