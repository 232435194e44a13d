"""The autoencoders that make their own network: a convolutional one, and a fully connected one."""

from skdcec._deep._base_autoencoder import BaseAutoencoder
from skdcec._deep._images import check_sizes


class ConvAutoencoder(BaseAutoencoder):
    """Convolutional autoencoder of images.

    The network of DCEC: convolutions of stride 2, a small linear embedding, and their mirror image,
    trained on the mean squared error of the pixels.

    Parameters
    ----------
    filters : sequence of int, default=(32, 64, 128)
        Filters of each convolution.

    kernel_sizes : sequence of int, default=(5, 5, 3)
        Side of the kernel of each convolution, in pixels; as many as filters.

    n_components : int, default=10
        Dimension of the embedding.

    image_shape : tuple, default=None
        (height, width) or (height, width, channels) of the images that flat rows hold. None: a square
        grey image where the length of a row is a perfect square, else an image of one row.

    augmentation : {None, 'affine'} or keras.layers.Layer, default=None
        'affine' trains on images shifted by up to a tenth of their sides and rotated by up to ten
        degrees [2]_, a layer on what it makes of the images, drawn anew for each batch. `DCEC` uses it in
        joint training too.

    epochs : int, default=200
        Passes over the images.

    batch_size : int, default=256
        Images per step.

    optimizer : str or keras.optimizers.Optimizer, default='adam'
        Keras optimizer; an object is copied, never trained itself.

    dtype_policy : {'float32', 'mixed_bfloat16', 'mixed_float16'} or None, default='float32'
        Keras policy of the layers. The mixed ones compute in half precision, which is faster on GPUs and
        some CPUs; weights and embeddings stay float32. None is Keras' own, ``keras.config.dtype_policy()``.

    verbose : int, default=0
        If positive, print the loss of each epoch.

    random_state : int, RandomState instance or None, default=None
        Determines initial weights and batches. Pass an int for results that are the same, bit by bit,
        on the same machine.

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
    DenseAutoencoder : The fully connected sibling.
    DCEC : Clusters in the embedding, and refines it.

    Notes
    -----
    The network is that of [1]_, section 4.1: the last convolution is unpadded where this divides the
    sides without remainder (28 becomes 3), else padded (16 becomes 2). Other sides than multiples of
    4 work too: what padding adds is cropped again in the decoder. Weights start Glorot uniform.

    References
    ----------
    .. [1] X. Guo, X. Liu, E. Zhu, J. Yin (2017). "Deep clustering with convolutional autoencoders".
       ICONIP 2017.
    .. [2] X. Guo, E. Zhu, X. Liu, J. Yin (2018). "Deep embedded clustering with data augmentation".
       ACML 2018.

    Examples
    --------
    >>> from skdcec import ConvAutoencoder
    >>> from skdcec.datasets import load_digits_images
    >>> X = load_digits_images().images
    >>> autoencoder = ConvAutoencoder(epochs=2, random_state=0).fit(X)
    >>> autoencoder.transform(X).shape
    (1797, 10)
    >>> autoencoder.inverse_transform(autoencoder.transform(X)).shape
    (1797, 8, 8)
    """

    _parameter_constraints: dict = {
        **BaseAutoencoder._parameter_constraints,
        "filters": ["array-like"],
        "kernel_sizes": ["array-like"],
    }

    def __init__(
        self,
        filters=(32, 64, 128),
        kernel_sizes=(5, 5, 3),
        n_components=10,
        *,
        image_shape=None,
        augmentation=None,
        epochs=200,
        batch_size=256,
        optimizer="adam",
        dtype_policy="float32",
        verbose=0,
        random_state=None,
    ):
        self.filters = filters
        self.kernel_sizes = kernel_sizes
        self.n_components = n_components
        self.image_shape = image_shape
        self.augmentation = augmentation
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.dtype_policy = dtype_policy
        self.verbose = verbose
        self.random_state = random_state

    def _check_params(self):
        super()._check_params()
        filters = check_sizes("filters", self.filters)
        kernel_sizes = check_sizes("kernel_sizes", self.kernel_sizes)
        if len(filters) != len(kernel_sizes):
            raise ValueError(
                f"filters={filters} and kernel_sizes={kernel_sizes} should have equal lengths, one "
                "entry per convolution."
            )

    def _architecture(self, image_shape):
        from skdcec._deep._networks import conv_architecture

        filters = tuple(check_sizes("filters", self.filters))
        kernel_sizes = tuple(check_sizes("kernel_sizes", self.kernel_sizes))
        return conv_architecture(image_shape, filters, kernel_sizes, int(self.n_components), self._policy())


class DenseAutoencoder(BaseAutoencoder):
    """Fully connected autoencoder.

    The network of DEC and IDEC; with it, `DCEC` is IDEC.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, default=(500, 500, 2000)
        Units of the hidden layers of the encoder; the decoder mirrors them.

    n_components : int, default=10
        Dimension of the embedding.

    image_shape : tuple, default=None
        (height, width) or (height, width, channels) of the images that flat rows hold; only the
        augmentation needs to know. None: a square grey image where the length of a row is a perfect
        square, else an image of one row.

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

    dtype_policy : {'float32', 'mixed_bfloat16', 'mixed_float16'} or None, default='float32'
        Keras policy of the layers. The mixed ones compute in half precision, which is faster on GPUs and
        some CPUs; weights and embeddings stay float32. None is Keras' own, ``keras.config.dtype_policy()``.

    verbose : int, default=0
        If positive, print the loss of each epoch.

    random_state : int, RandomState instance or None, default=None
        Determines initial weights and batches. Pass an int for results that are the same, bit by bit,
        on the same machine.

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
    ConvAutoencoder : The convolutional sibling.

    Notes
    -----
    The layers are those of [1]_, section 5; they are trained end to end rather than one by one, as in
    [2]_. Weights start Glorot uniform.

    References
    ----------
    .. [1] J. Xie, R. Girshick, A. Farhadi (2016). "Unsupervised deep embedding for clustering
       analysis". ICML 2016.
    .. [2] X. Guo, L. Gao, X. Liu, J. Yin (2017). "Improved deep embedded clustering with local
       structure preservation". IJCAI 2017.

    Examples
    --------
    >>> from skdcec import DenseAutoencoder
    >>> from skdcec.datasets import load_digits_images
    >>> X = load_digits_images().data
    >>> DenseAutoencoder((100,), n_components=3, epochs=2, random_state=0).fit_transform(X).shape
    (1797, 3)
    """

    _parameter_constraints: dict = {
        **BaseAutoencoder._parameter_constraints,
        "hidden_layer_sizes": ["array-like"],
    }

    def __init__(
        self,
        hidden_layer_sizes=(500, 500, 2000),
        n_components=10,
        *,
        image_shape=None,
        augmentation=None,
        epochs=200,
        batch_size=256,
        optimizer="adam",
        dtype_policy="float32",
        verbose=0,
        random_state=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.n_components = n_components
        self.image_shape = image_shape
        self.augmentation = augmentation
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.dtype_policy = dtype_policy
        self.verbose = verbose
        self.random_state = random_state

    def _check_params(self):
        super()._check_params()
        check_sizes("hidden_layer_sizes", self.hidden_layer_sizes)

    def _architecture(self, image_shape):
        from skdcec._deep._networks import dense_architecture

        hidden_layer_sizes = tuple(check_sizes("hidden_layer_sizes", self.hidden_layer_sizes))
        return dense_architecture(image_shape, hidden_layer_sizes, int(self.n_components), self._policy())
