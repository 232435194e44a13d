"""The base class of the autoencoders: scikit-learn transformers of images, with any network.

Keras is imported when a network is first needed, never with this module.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import joblib
import numpy as np
from numpy import ndarray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted

from skdcec._deep._batches import batches_per_epoch
from skdcec._deep._cache import Cache
from skdcec._deep._checkpoint import Checkpoint, Saved
from skdcec._deep._identity import json_identity
from skdcec._deep._images import Images, check_images, check_new_images
from skdcec._deep._storage import Arrays
from skdcec._deep._value_range import check_value_range, scale_of
from skdcec._deep._watcher import Record, TrainingWatcher
from skdcec._sizes import check_sizes
from skdcec._sklearn import DOC_LINK, Interval, StrOptions, _fit_context, may_be_stopped, report, set_fitted
from skdcec._task import Task
from skdcec._warn import warn

if TYPE_CHECKING:
    import keras

    from skdcec._deep._models import Recipe

LARGEST_SEED = np.iinfo(np.int32).max
# With epochs='auto': embeddings need steps, however few images there are.
STEPS, FEWEST_EPOCHS = 750, 5


@dataclass(frozen=True)
class AutoencoderFit:
    """The arguments that the phases of a fit share."""

    X: Any  # as given, for the callbacks
    y: Any
    images: Images
    recipe: "Recipe"
    checkpoint: Checkpoint | None = None
    cache: Cache | None = None
    deadline: float | None = None  # on the clock of `time.monotonic`


class EpochWatcher(TrainingWatcher):
    """Follows the epochs of an autoencoder; an outcome is a function that returns the weights."""

    name, phase = "epoch", "pretraining"
    ends_for_good = True  # joint training goes on from there

    def __init__(
        self,
        make_attributes: Callable[..., dict[str, Any]],
        epochs: int,
        *args: Any,
    ) -> None:
        super().__init__(*args)
        self.make_attributes, self.n_to_do, self.n_before = make_attributes, epochs, len(self.records)

    def describe(self, outcome: Any, losses: dict[str, float]) -> tuple[Record, str]:
        """Return the loss of the epoch."""
        loss, epoch = losses["reconstruction"], len(self.records) + 1
        return {"reconstruction_loss": loss}, f"Epoch {epoch}/{self.n_to_do}, reconstruction loss {loss:.5f}"

    def attributes(self, outcome: Any) -> dict[str, Any]:
        """Return the fitted attributes after the epoch."""
        return self.make_attributes(outcome(), self.history())

    def arrays(self, outcome: Any) -> tuple[list[ndarray], Arrays]:
        """Return the weights after the epoch."""
        return outcome(), {}

    def n_done(self, outcome: Any) -> int:
        """Return the number of epochs so far."""
        return len(self.records)

    def is_last(self, outcome: Any) -> bool:
        """Return whether this was the last epoch."""
        return len(self.records) == self.n_to_do


class BaseAutoencoder(ClassNamePrefixFeaturesOutMixin, CallbackSupportMixin, TransformerMixin, BaseEstimator):
    """Base class of the autoencoders, to write others that `DCEC` can train.

    A subclass implements one method, `build_network`. Its constructor takes the parameters below, and
    parameters of its own; it only assigns them. Fitting, embedding, decoding, callbacks, persistence and
    joint training are inherited. If the network is only a function of the shape of the images,
    `KerasAutoencoder` does without a subclass.

    Parameters
    ----------
    image_shape : tuple, default=None
        (height, width) or (height, width, channels) of images given as flat rows. None means a square gray
        image if the row length is a perfect square, else an image of one row.

    augmentation : {None, 'affine'} or keras.layers.Layer, default=None
        Changes the images of each batch at random. 'affine' is `skdcec.layers.RandomAffine`.

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
    KerasAutoencoder : The autoencoder of a function that builds a network.
    DCEC : Clusters in the embedding, and refines it.
    """

    _parameter_constraints: dict = {
        "image_shape": [None, tuple, list],
        "augmentation": "no_validation",  # see `_check_params`
        "value_range": "no_validation",
        "epochs": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "optimizer": "no_validation",  # Keras knows best, see `optimizer_json`
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }
    _doc_link_module, _doc_link_template = DOC_LINK
    # whether the network treats all pixels alike
    _ignores_shape = False

    def __init__(
        self,
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
        self.image_shape = image_shape
        self.augmentation = augmentation
        self.value_range = value_range
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.verbose = verbose
        self.random_state = random_state

    # -------------------------------------------------------------- network

    def build_network(self, image_shape: tuple[int, int, int]) -> "tuple[keras.Model, keras.Model]":
        """Build the network for images of a shape.

        Parameters
        ----------
        image_shape : tuple of (height, width, channels)
            Shape of the images.

        Returns
        -------
        encoder : keras.Model
            A functional or sequential model from images to embeddings of shape (n_components,). The
            initializers of its layers draw its initial weights.
        decoder : keras.Model
            From embeddings to images.
        """
        raise NotImplementedError

    def _checked_network(self, image_shape: tuple[int, ...]) -> "tuple[keras.Model, keras.Model]":
        """Build the network; raise a ValueError unless it maps images of this shape and back."""
        from skdcec._deep._keras_json import undisturbed_random

        name, value = self._network_parameter()
        try:
            with undisturbed_random():
                encoder, decoder = self.build_network(image_shape)  # type: ignore[arg-type]
            images = encoder.input_shape[1:], decoder.output_shape[1:]
            embeddings = encoder.output_shape[1:], decoder.input_shape[1:]
        except (TypeError, ValueError, AttributeError) as error:
            raise ValueError(
                f"{name}={value!r} should be a pair of functional or sequential Keras models with an Input, "
                f"encoder and decoder, or a function of the image shape that returns one: {error}"
            ) from error
        if shared := {id(w) for w in encoder.weights} & {id(w) for w in decoder.weights}:
            names = [w.path for w in encoder.weights if id(w) in shared]
            raise ValueError(
                f"{name}={value!r} has an encoder and a decoder that share the weights {names}. They are "
                "trained apart; give each a layer of its own."
            )
        if images != (image_shape, image_shape):
            raise ValueError(
                f"{name}={value!r} maps images of shape {images[0]} to images of shape {images[1]}, but X "
                f"has images of shape {image_shape}."
            )
        if len(embeddings[0]) != 1 or embeddings[0] != embeddings[1]:
            raise ValueError(
                f"{name}={value!r} has an encoder that makes embeddings of shape {embeddings[0]}, and a "
                f"decoder that takes embeddings of shape {embeddings[1]}; both should be (n_components,)."
            )
        return encoder, decoder

    def _architecture(self, image_shape: tuple[int, ...]) -> str:
        """Return the JSON of the network."""
        from skdcec._deep._keras_json import named, network_json
        from skdcec._deep._networks import embedding_size

        pair = self._checked_network(image_shape)
        with named(*self._network_parameter()):
            architecture = network_json(*pair)
            embedding_size(architecture)  # rebuilds it, once for each architecture
        return architecture

    def _network_parameter(self) -> tuple[str, Any]:
        """Return the name and value that messages about the network give."""
        return "build_network", self.build_network

    def _initial_weights(self, recipe: "Recipe", random_state: np.random.RandomState) -> list[ndarray]:
        """Return the weights to start from, drawn by the initializers of the layers."""
        from skdcec._deep._keras_json import network_json
        from skdcec._deep._networks import build

        seeds = iter(lambda: random_state.randint(LARGEST_SEED), None)
        pair = self._checked_network(build(recipe.architecture)[0].input_shape[1:])
        encoder, decoder = build(network_json(*pair, seeds))
        weights: list[ndarray] = encoder.get_weights() + decoder.get_weights()
        return weights

    def _train_layers(
        self, fit: AutoencoderFit, weights: list[ndarray], random_state: np.random.RandomState
    ) -> list[ndarray]:
        """Return the weights after the layers were trained one by one; by default they are not."""
        return weights

    def _start_hash(self, recipe: "Recipe") -> str:
        """Return a hash of the initial weights of one seed: it differs if their distribution does."""
        return str(joblib.hash(self._initial_weights(recipe, np.random.RandomState(0))))

    def _recipe(self, image_shape: tuple[int, ...], architecture: str | None = None) -> "Recipe":
        """Return the Keras objects of the parameters as JSON; raise a ValueError if there are none."""
        from skdcec._deep._keras_json import augmentation_json, optimizer_json
        from skdcec._deep._models import Recipe

        return Recipe(
            architecture or self._architecture(image_shape),
            optimizer_json(self.optimizer),
            augmentation_json(self.augmentation, image_shape),
        )

    def _check_params(self) -> None:
        """Raise for parameters that are wrong on their own, before any data are seen."""
        check_augmentation(self.augmentation)
        check_value_range(scale_of(self))
        if self.image_shape is not None:
            sides = check_sizes("image_shape", self.image_shape)
            if len(sides) not in (2, 3):
                raise ValueError(
                    f"image_shape={self.image_shape} should be (height, width) or (height, width, channels)."
                )

    # ------------------------------------------------------------------ fit

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Train the autoencoder to reproduce the images.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width), (n_samples, height, width, channels) or \
                (n_samples, n_features), or a stream of batches of them
            Images, best scaled to [0, 1]; uint8 is divided by 255. A flat row whose length is a perfect
            square is a square gray image, any other an image of one row, unless `image_shape` says
            otherwise. Arrays, mapped files included, are converted to float32 batch by batch. A stream (a
            Keras ``PyDataset``, a ``tf.data.Dataset`` or a dask array) and an array of a file (HDF5, Zarr)
            are read once, into a temporary file.
        y : array-like of shape (n_samples,), default=None
            Not used for training, only passed to the callbacks.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            For bad parameters or data, before any training.
        FloatingPointError
            If the loss becomes non-finite; the estimator is then unchanged.
        """
        self._check_params()
        images = check_images(self, X, self.image_shape, scale_of(self), ignores_shape=self._ignores_shape)
        return self._fit_checked(AutoencoderFit(X, y, images, self._recipe(images.shape[1:])))

    @_fit_context(prefer_skip_nested_validation=True)
    def _fit_checked(self, fit: AutoencoderFit) -> Self:
        """Train on checked images, or take the result of an equal fit from the cache."""
        epochs = self._n_epochs(len(fit.images))
        task = Task.fit(self, {"X": fit.X, "y": fit.y}, max_subtasks=epochs)
        key = self._cache_key(fit) if fit.cache else ""
        # a callback has to see the epochs, and may end them early
        kept = fit.cache.load(key) if fit.cache and not may_be_stopped(self) else None
        if kept is None:
            weights, history = self._train(fit, task)
            losses = history["reconstruction_loss"]
            # not if a callback has ended it early
            if fit.cache and len(losses) == epochs:
                fit.cache.save(key, weights, losses.tolist())
        else:
            weights, history = kept[0], {"reconstruction_loss": np.array(kept[1])}
        set_fitted(self, self._attributes(fit, weights, history))
        task.end({})
        return self

    def _train(self, fit: AutoencoderFit, task: Task) -> tuple[list[ndarray], dict[str, ndarray]]:
        """Train all epochs that are left; return weights and history."""
        from skdcec._deep._software import doubts_of_speed
        from skdcec._deep._training import pretrain

        for doubt in doubts_of_speed():
            report(self, doubt)
        random_state = check_random_state(self.random_state)
        weights = self._initial_weights(fit.recipe, random_state)
        seed = random_state.randint(LARGEST_SEED)
        saved = Saved.load(fit.checkpoint, "pretraining")
        records, progress, stopped = [], None, False
        if saved:
            weights, records, progress, stopped = saved.weights, saved.records, saved.progress, saved.stopped
        else:
            weights = self._train_layers(fit, weights, random_state)
        epochs = self._n_epochs(len(fit.images))
        make_attributes = partial(self._attributes, fit)
        watcher = EpochWatcher(make_attributes, epochs, task, fit.checkpoint, records, fit.deadline)
        if stopped and len(records) < epochs:
            warn(
                f"Pretraining ended early in an earlier fit, after {len(records)} of {epochs} epochs, "
                "and is not continued. To train it longer, delete the folder of the checkpoint."
            )
        if not stopped and len(records) < epochs:
            weights = pretrain(
                fit.recipe,
                weights,
                fit.images,
                epochs=epochs,
                batch_size=self.batch_size,
                seed=seed,
                watcher=watcher,
                done=len(records),
                progress=progress,
            )
        return weights, watcher.history()

    def _n_epochs(self, n_samples: int) -> int:
        """Return the number of epochs."""
        if not isinstance(self.epochs, str):
            return int(self.epochs)
        return max(FEWEST_EPOCHS, -(-STEPS // batches_per_epoch(n_samples, self.batch_size)))

    def _attributes(
        self, fit: AutoencoderFit, weights: list[ndarray], history: dict[str, ndarray]
    ) -> dict[str, Any]:
        """Return all fitted attributes."""
        from skdcec._deep._networks import embedding_size

        return fit.images.attributes() | {
            "architecture_": fit.recipe.architecture,
            "n_components_": embedding_size(fit.recipe.architecture),
            "weights_": weights,
            "history_": history,
        }

    def _cache_key(self, fit: AutoencoderFit) -> str:
        """Return a hash of everything that the result of the fit depends on."""
        from skdcec._deep._software import software

        training = [self.epochs, self.batch_size, self.random_state, software()]
        code = [json_identity(text) for text in fit.recipe]
        start = self._start_hash(fit.recipe)
        return str(joblib.hash([*fit.recipe, *code, start, *training, fit.images.fingerprint]))

    # ------------------------------------------------------- fitted estimator

    def transform(self, X: Any) -> ndarray:
        """Return the embedding of each image.

        Parameters
        ----------
        X : array-like
            Images in any layout that `fit` accepts.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            A row does not depend on the other rows.
        """
        from skdcec._deep._training import encode

        check_is_fitted(self)
        parts, dtype = check_new_images(self, X)
        Z = [encode(self.architecture_, self.weights_, images) for images in parts]
        return np.concatenate(Z).astype(dtype, copy=False)

    def inverse_transform(self, X: Any) -> ndarray:
        """Return the images that the decoder makes of embeddings.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Embeddings.

        Returns
        -------
        images : ndarray
            In the layout of the training data, on the scale that the network sees (see `value_range_`).
        """
        from skdcec._deep._training import decode

        check_is_fitted(self)
        Z = check_array(X, dtype=[np.float32, np.float64], input_name="X")
        if Z.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {Z.shape[1]} features, but {type(self).__name__} makes embeddings of "
                f"n_components={self._n_features_out}."
            )
        images = decode(self.architecture_, self.weights_, Z)
        return images.reshape(len(Z), *self.sample_shape_).astype(Z.dtype, copy=False)

    def score(self, X: Any, y: Any = None) -> float:
        """Return minus the mean squared reconstruction error per pixel.

        Parameters
        ----------
        X : array-like
            Images in any layout that `fit` accepts.
        y : Ignored
            Not used, present for API consistency.

        Returns
        -------
        score : float
            Larger is better; 0 is a perfect reconstruction.
        """
        check_is_fitted(self)
        return -self._embed_and_compare(check_new_images(self, X)[0])[1]

    def _embed_and_compare(self, parts: Iterable[Images]) -> tuple[ndarray, float]:
        """Return the embeddings of images, and the mean squared error per pixel of their reconstructions."""
        from skdcec._deep._training import reconstruction_error

        results = [reconstruction_error(self.architecture_, self.weights_, images) for images in parts]
        Z = np.concatenate([embeddings for embeddings, _ in results])
        return Z, math.fsum(total for _, total in results) / len(Z)

    def to_keras(self) -> "tuple[keras.Model, keras.Model]":
        """Make live Keras models of the network: copies, whose training leaves the estimator alone.

        Returns
        -------
        encoder : keras.Model
            From images of shape (height, width, channels) to embeddings.
        decoder : keras.Model
            From embeddings to images.
        """
        from skdcec._deep._networks import build

        check_is_fitted(self)
        return build(self.architecture_, self.weights_)

    @property
    def _n_features_out(self) -> int:
        return int(self.n_components_)

    def __sklearn_is_fitted__(self) -> bool:
        return "weights_" in vars(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def check_augmentation(augmentation: Any) -> None:
    """Raise a ValueError unless an augmentation is None, a name or a layer."""
    is_layer = callable(augmentation) and hasattr(augmentation, "get_config")
    is_name = isinstance(augmentation, str) and augmentation == "affine"
    if not (is_layer or is_name or augmentation is None):
        raise ValueError(f"augmentation={augmentation!r} should be None, 'affine' or a Keras layer.")
