"""The autoencoder of networks that users bring.

Keras is imported when a network is first needed, never with this module.
"""

from skdcec._deep._base_autoencoder import LARGEST_SEED, BaseAutoencoder, undisturbed_random


class KerasAutoencoder(BaseAutoencoder):
    """Autoencoder of your own Keras networks.

    Any pair of functional or sequential models that maps images to embeddings and embeddings to images:
    of any depth, with batch normalization, dropout or mixed precision as its layers say. `DCEC` trains it
    jointly as it does the others.

    Parameters
    ----------
    network : callable or pair of keras.Model, default=None
        A function ``network(image_shape)`` that returns an encoder and a decoder for images of shape
        (height, width, channels), or such a pair itself. The function's networks are initialised anew in
        each fit, by their own initializers and `random_state`; a pair starts from the weights that it has,
        and is never trained itself. None is the network of `ConvAutoencoder`.

    image_shape : tuple, default=None
        (height, width) or (height, width, channels) of the images that flat rows hold. None: a square
        grey image where the length of a row is a perfect square, else an image of one row.

    augmentation : {None, 'affine'} or keras.layers.Layer, default=None
        'affine' trains on images shifted by up to a tenth of their sides and rotated by up to ten
        degrees, a layer on what it makes of the images, drawn anew for each batch. `DCEC` uses it in joint
        training too.

    epochs : int, default=200
        Passes over the images.

    batch_size : int, default=256
        Images per step.

    optimizer : str or keras.optimizers.Optimizer, default='adam'
        Keras optimizer; an object is copied, never trained itself.

    verbose : int, default=0
        If positive, print the loss of each epoch.

    random_state : int, RandomState instance or None, default=None
        Determines initial weights, batches, and what layers draw. Pass an int for results that are the
        same, bit by bit, on the same machine.

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

    history_ : dict
        'reconstruction_loss': ndarray of shape (n_epochs,), the mean loss of each epoch.

    encoder_ : keras.Model
        A live copy of the encoder.

    decoder_ : keras.Model
        A live copy of the decoder.

    n_features_in_ : int
        Number of pixels times channels.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has string column names.

    See Also
    --------
    ConvAutoencoder : The network of DCEC.
    DCEC : Clusters in the embedding, and refines it.

    Notes
    -----
    Layer classes of your own need ``@keras.saving.register_keras_serializable()``, as the networks are
    rebuilt from their configuration. Lambda layers are refused, because they could not be read safely. What
    layers add to the loss, by regularizers say, is trained on, but is not part of ``history_``.

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
        network=None,
        *,
        image_shape=None,
        augmentation=None,
        epochs=200,
        batch_size=256,
        optimizer="adam",
        verbose=0,
        random_state=None,
    ):
        self.network = network
        self.image_shape = image_shape
        self.augmentation = augmentation
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.verbose = verbose
        self.random_state = random_state

    _parameter_constraints: dict = {
        **BaseAutoencoder._parameter_constraints,
        "network": [None, callable, tuple, list],
    }

    def _architecture(self, image_shape):
        from skdcec._deep._keras_json import named, network_json
        from skdcec._deep._networks import build, conv_architecture

        if self.network is None:
            return conv_architecture(image_shape, (32, 64, 128), (5, 5, 3), 10)
        with named("network", self.network):
            architecture = network_json(*self._pair(image_shape))
            build(architecture)
        return architecture

    def _initial_weights(self, recipe, random_state):
        from skdcec._deep._keras_json import network_json
        from skdcec._deep._networks import build

        if self.network is None:
            return super()._initial_weights(recipe, random_state)
        encoder, decoder = self._pair(build(recipe.architecture)[0].input_shape[1:])
        if callable(self.network):
            seeds = iter(lambda: random_state.randint(LARGEST_SEED), None)
            encoder, decoder = build(network_json(encoder, decoder, seeds))
        return encoder.get_weights() + decoder.get_weights()

    def _pair(self, image_shape):
        """Return encoder and decoder; raise unless they suit images of this shape."""
        network = self.network
        try:
            with undisturbed_random():
                encoder, decoder = network(image_shape) if callable(network) else network
            shapes = (
                encoder.input_shape[1:],
                decoder.output_shape[1:],
                encoder.output_shape[1:],
                decoder.input_shape[1:],
            )
        except (TypeError, ValueError, AttributeError) as error:
            raise ValueError(
                f"network={network!r} should be a pair of functional or sequential Keras models with an "
                f"Input, encoder and decoder, or a function of the image shape that returns one: {error}"
            ) from error
        images_in, images_out, embedding, embedding_in = shapes
        if images_in != image_shape or images_out != image_shape:
            raise ValueError(
                f"network={network!r} maps images of shape {images_in} to images of shape {images_out}, but "
                f"X has images of shape {image_shape}."
            )
        if len(embedding) != 1 or embedding != embedding_in:
            raise ValueError(
                f"network={network!r} has an encoder that makes embeddings of shape {embedding}, and a "
                f"decoder that takes embeddings of shape {embedding_in}; both should be (n_components,)."
            )
        return encoder, decoder
