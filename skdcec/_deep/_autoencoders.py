"""The autoencoders with a network of their own: a convolutional one, and a fully connected one."""

from abc import abstractmethod
from collections.abc import Sequence
from functools import partial
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
from numpy import ndarray

from skdcec._deep._base_autoencoder import LARGEST_SEED, AutoencoderFit, BaseAutoencoder
from skdcec._sizes import check_sizes
from skdcec._sklearn import Interval, StrOptions, report

if TYPE_CHECKING:
    import keras

    from skdcec._deep._models import Recipe
    from skdcec._deep._stages import Stage


class _BuiltInAutoencoder(BaseAutoencoder):
    """Base class of both: their size and policy, and initial weights that NumPy draws."""

    _parameter_constraints: dict = {
        **BaseAutoencoder._parameter_constraints,
        "layerwise_epochs": [Interval(Integral, 0, None, closed="left")],
        "corruption": [Interval(Real, 0, 1, closed="left")],
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "dtype_policy": [StrOptions({"float32", "mixed_bfloat16", "mixed_float16"}), None],
    }

    def _initial_weights(self, recipe: "Recipe", random_state: np.random.RandomState) -> list[ndarray]:
        from skdcec._deep._networks import glorot_weights

        return glorot_weights(recipe.architecture, random_state)

    @abstractmethod
    def _stages(self, image_shape: Any) -> "list[Stage]":
        """Return the stages of the network, which are trained one by one."""

    def build_network(self, image_shape: Any) -> "tuple[keras.Model, keras.Model]":
        """Build the network for images of a shape.

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
        from skdcec._deep._stages import mirrored

        return mirrored(image_shape, self._stages(image_shape))

    def _train_layers(
        self, fit: AutoencoderFit, weights: list[ndarray], random_state: np.random.RandomState
    ) -> list[ndarray]:
        if not self.layerwise_epochs:
            return weights
        from skdcec._deep._layerwise import train_stages

        report(self, "Training the layers one by one.")
        return train_stages(
            self._stages(fit.images.shape[1:]),
            weights,
            fit.images,
            optimizer=fit.recipe.optimizer,
            epochs=self.layerwise_epochs,
            batch_size=self.batch_size,
            corruption=self.corruption,
            draw_seed=lambda: random_state.randint(LARGEST_SEED),
            say=partial(report, self),
            deadline=fit.deadline,
        )

    def _start_hash(self, recipe: "Recipe") -> str:
        start = super()._start_hash(recipe)
        if not self.layerwise_epochs:
            return start
        return str(joblib.hash([start, self.layerwise_epochs, self.corruption]))

    def _policy(self) -> str:
        """Return the name of the Keras policy of the layers."""
        from skdcec._deep._keras import keras

        return str(keras.config.dtype_policy().name) if self.dtype_policy is None else self.dtype_policy


class ConvAutoencoder(_BuiltInAutoencoder):
    """Convolutional autoencoder of images.

    The network of DCEC: convolutions of stride 2, a small linear embedding, and their mirror image,
    trained on the mean squared error of the pixels.

    Parameters
    ----------
    filters : sequence of int, default=(32, 64, 128)
        Filters of each stage, a convolution of stride 2.

    kernel_sizes : sequence of int, default=(5, 5, 3)
        Side of the convolution kernel in each stage, in pixels; one for each entry of `filters`.

    n_components : int, default=10
        Dimension of the embedding.

    convolutions_per_stage : int, default=1
        Number of convolutions in each stage. Those after the first have stride 1 and kernels of 3 x 3
        pixels, as in VGG [2]_.

    batch_normalization : bool, default=False
        Whether to normalize each batch after each convolution.

    residual : bool, default=False
        Whether to add the input of the convolutions of stride 1 to their output, as in ResNet [3]_.

    image_shape : tuple, default=None
        (height, width) or (height, width, channels) of images given as flat rows. None means a square gray
        image if the row length is a perfect square, else an image of one row.

    augmentation : {'affine', None} or keras.layers.Layer, default='affine'
        Changes the images of each batch at random. 'affine' is `skdcec.layers.RandomAffine`: shifts of up to
        a tenth of the sides and rotations of up to ten degrees. Joint training of `DCEC` uses it, too, unless
        its own ``augmentation`` says otherwise.

    value_range : 'auto' or tuple of (low, high), default='auto'
        The values of X that become 0 and 1. 'auto' divides uint8 by 255 and leaves other types as they are; a
        warning is issued for values for which that is doubtful.

    layerwise_epochs : int, default=0
        Passes over the images in which each layer first learns alone to restore its own input, a random
        fraction of which is set to zero, as in the stacked denoising autoencoder of [4]_. 0 omits this.

    corruption : float, default=0.2
        The fraction that is set to zero.

    epochs : int or 'auto', default='auto'
        Passes over the images; 'auto' is enough for 750 steps, and at least 5.

    batch_size : int, default=256
        Images per step.

    optimizer : str or keras.optimizers.Optimizer, default='adam'
        Keras optimizer; an object is copied and left unchanged.

    dtype_policy : {'float32', 'mixed_bfloat16', 'mixed_float16'} or None, default='float32'
        Keras policy of the layers. The mixed ones compute in half precision, which is faster on GPUs and
        some CPUs; weights and embeddings stay float32. None is the global one,
        ``keras.config.dtype_policy()``.

    verbose : int, default=0
        If positive, print the loss of each epoch.

    random_state : int, RandomState instance or None, default=None
        Determines initial weights, batches and augmentation. Pass an int for results that are the same, bit
        by bit, on the same machine.

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
    DenseAutoencoder : The fully connected sibling.
    DCEC : Clusters in the embedding, and refines it.

    Notes
    -----
    The network is that of [1]_, section 4.1: the last convolution is unpadded if that divides the
    sides without remainder (28 becomes 3), else padded (16 becomes 2). Sides that are not multiples of 4 also
    work: the decoder crops padding that enlarges a side. Weights start Glorot uniform.

    References
    ----------
    .. [1] X. Guo, X. Liu, E. Zhu, J. Yin (2017). "Deep clustering with convolutional autoencoders".
       ICONIP 2017.
    .. [2] K. Simonyan, A. Zisserman (2015). "Very deep convolutional networks for large-scale image
       recognition". ICLR 2015.
    .. [3] K. He, X. Zhang, S. Ren, J. Sun (2016). "Deep residual learning for image recognition". CVPR 2016.
    .. [4] P. Vincent, H. Larochelle, I. Lajoie, Y. Bengio, P.-A. Manzagol (2010). "Stacked denoising
       autoencoders". JMLR 11, 3371-3408.

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
        **_BuiltInAutoencoder._parameter_constraints,
        "filters": ["array-like"],
        "kernel_sizes": ["array-like"],
        "convolutions_per_stage": [Interval(Integral, 1, None, closed="left")],
        "batch_normalization": ["boolean"],
        "residual": ["boolean"],
    }

    def __init__(
        self,
        filters: Sequence[int] = (32, 64, 128),
        kernel_sizes: Sequence[int] = (5, 5, 3),
        n_components: int = 10,
        *,
        convolutions_per_stage: int = 1,
        batch_normalization: bool = False,
        residual: bool = False,
        image_shape: tuple[int, ...] | None = None,
        augmentation: Any = "affine",
        value_range: Any = "auto",
        layerwise_epochs: int = 0,
        corruption: float = 0.2,
        epochs: int | str = "auto",
        batch_size: int = 256,
        optimizer: Any = "adam",
        dtype_policy: str | None = "float32",
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        self.filters = filters
        self.kernel_sizes = kernel_sizes
        self.n_components = n_components
        self.convolutions_per_stage = convolutions_per_stage
        self.batch_normalization = batch_normalization
        self.residual = residual
        self.image_shape = image_shape
        self.augmentation = augmentation
        self.value_range = value_range
        self.layerwise_epochs = layerwise_epochs
        self.corruption = corruption
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.dtype_policy = dtype_policy
        self.verbose = verbose
        self.random_state = random_state

    def _check_params(self) -> None:
        super()._check_params()
        filters = check_sizes("filters", self.filters)
        kernel_sizes = check_sizes("kernel_sizes", self.kernel_sizes)
        if len(filters) != len(kernel_sizes):
            raise ValueError(
                f"filters={filters} and kernel_sizes={kernel_sizes} should have equal lengths, one "
                "entry per stage."
            )
        if self.residual and self.convolutions_per_stage < 2:
            raise ValueError(
                f"residual=True adds the input of the convolutions of stride 1 to their output, so "
                f"convolutions_per_stage={self.convolutions_per_stage} should be at least 2."
            )

    def _stages(self, image_shape: Any) -> "list[Stage]":
        from skdcec._deep._stages import conv_stages

        filters, kernel_sizes = (
            check_sizes(name, getattr(self, name)) for name in ("filters", "kernel_sizes")
        )
        return conv_stages(
            image_shape,
            filters,
            kernel_sizes,
            int(self.n_components),
            int(self.convolutions_per_stage),
            bool(self.batch_normalization),
            bool(self.residual),
            self._policy(),
        )


class DenseAutoencoder(_BuiltInAutoencoder):
    """Fully connected autoencoder.

    The network of DEC and IDEC; with it, `DCEC` is IDEC.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, default=(500, 500, 2000)
        Units of the hidden layers of the encoder; the decoder mirrors them. Without any, the autoencoder is
        linear.

    n_components : int, default=10
        Dimension of the embedding.

    image_shape : tuple, default=None
        (height, width) or (height, width, channels) of images given as flat rows; only the augmentation needs
        it. None means a square gray image if the row length is a perfect square, else an image of one row.

    augmentation : {None, 'affine'} or keras.layers.Layer, default=None
        Changes the images of each batch at random. 'affine' is `skdcec.layers.RandomAffine`: shifts of up to
        a tenth of the sides and rotations of up to ten degrees. Joint training of `DCEC` uses it, too, unless
        its own ``augmentation`` says otherwise.

    value_range : 'auto' or tuple of (low, high), default='auto'
        The values of X that become 0 and 1. 'auto' divides uint8 by 255 and leaves other types as they are; a
        warning is issued for values for which that is doubtful.

    layerwise_epochs : int, default=0
        Passes over the images in which each layer first learns alone to restore its own input, a random
        fraction of which is set to zero, as in the stacked denoising autoencoder of [3]_. 0 omits this.

    corruption : float, default=0.2
        The fraction that is set to zero.

    epochs : int or 'auto', default='auto'
        Passes over the images; 'auto' is enough for 750 steps, and at least 5.

    batch_size : int, default=256
        Images per step.

    optimizer : str or keras.optimizers.Optimizer, default='adam'
        Keras optimizer; an object is copied and left unchanged.

    dtype_policy : {'float32', 'mixed_bfloat16', 'mixed_float16'} or None, default='float32'
        Keras policy of the layers. The mixed ones compute in half precision, which is faster on GPUs and
        some CPUs; weights and embeddings stay float32. None is the global one,
        ``keras.config.dtype_policy()``.

    verbose : int, default=0
        If positive, print the loss of each epoch.

    random_state : int, RandomState instance or None, default=None
        Determines initial weights, batches and augmentation. Pass an int for results that are the same, bit
        by bit, on the same machine.

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
    ConvAutoencoder : The convolutional sibling.

    Notes
    -----
    The layers are those of [1]_, section 5. By default they are trained end to end, as in [2]_; with
    ``layerwise_epochs`` one by one before that, as in [1]_. Weights start Glorot uniform.

    References
    ----------
    .. [1] J. Xie, R. Girshick, A. Farhadi (2016). "Unsupervised deep embedding for clustering
       analysis". ICML 2016.
    .. [2] X. Guo, L. Gao, X. Liu, J. Yin (2017). "Improved deep embedded clustering with local
       structure preservation". IJCAI 2017.
    .. [3] P. Vincent, H. Larochelle, I. Lajoie, Y. Bengio, P.-A. Manzagol (2010). "Stacked denoising
       autoencoders". JMLR 11, 3371-3408.

    Examples
    --------
    >>> from skdcec import DenseAutoencoder
    >>> from skdcec.datasets import load_digits_images
    >>> X = load_digits_images().data
    >>> DenseAutoencoder((100,), n_components=3, epochs=2, random_state=0).fit_transform(X).shape
    (1797, 3)
    """

    _parameter_constraints: dict = {
        **_BuiltInAutoencoder._parameter_constraints,
        "hidden_layer_sizes": ["array-like"],
    }

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (500, 500, 2000),
        n_components: int = 10,
        *,
        image_shape: tuple[int, ...] | None = None,
        augmentation: Any = None,
        value_range: Any = "auto",
        layerwise_epochs: int = 0,
        corruption: float = 0.2,
        epochs: int | str = "auto",
        batch_size: int = 256,
        optimizer: Any = "adam",
        dtype_policy: str | None = "float32",
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.n_components = n_components
        self.image_shape = image_shape
        self.augmentation = augmentation
        self.value_range = value_range
        self.layerwise_epochs = layerwise_epochs
        self.corruption = corruption
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.dtype_policy = dtype_policy
        self.verbose = verbose
        self.random_state = random_state

    def _check_params(self) -> None:
        super()._check_params()
        check_sizes("hidden_layer_sizes", self.hidden_layer_sizes, empty=True)

    @property
    def _ignores_shape(self) -> bool:  # type: ignore[override]
        return self.augmentation is None

    def _stages(self, image_shape: Any) -> "list[Stage]":
        from skdcec._deep._stages import dense_stages

        hidden_layer_sizes = check_sizes("hidden_layer_sizes", self.hidden_layer_sizes, empty=True)
        return dense_stages(hidden_layer_sizes, int(self.n_components), self._policy())
