"""What all autoencoders share: scikit-learn transformers of images, whatever their network.

Keras is imported when a network is first needed, never with this module.
"""

import math
import random
import warnings
from contextlib import contextmanager
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import NamedTuple

import joblib
import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted

from skdcec._deep._checkpoint import pack, unpack
from skdcec._deep._images import check_images, check_new_images, check_sizes, slices
from skdcec._deep._storage import load_arrays, save_arrays
from skdcec._sklearn import (
    DOC_LINK,
    Interval,
    StrOptions,
    _fit_context,
    report,
    set_fitted,
)

LARGEST_SEED = np.iinfo(np.int32).max


@contextmanager
def undisturbed_random():
    """Leave Python's generator as it was: Keras draws default seeds from it whenever it makes a layer."""
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)


class Recipe(NamedTuple):
    """What a fit needs to know of the parameters that Keras describes: all of it JSON."""

    architecture: str
    optimizer: str
    augmentation: str | None


class BaseAutoencoder(ClassNamePrefixFeaturesOutMixin, CallbackSupportMixin, TransformerMixin, BaseEstimator):
    """What the autoencoders share: everything but the network.

    A sibling implements ``_architecture(image_shape)``, and ``_initial_weights`` where these are not drawn
    Glorot uniform.
    """

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "image_shape": [None, tuple, list],
        "augmentation": "no_validation",  # see `_check_params`
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "optimizer": "no_validation",  # Keras knows best, see `optimizer_json`
        "dtype_policy": [StrOptions({"float32", "mixed_bfloat16", "mixed_float16"}), None],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }
    _doc_link_module, _doc_link_template = DOC_LINK

    def _architecture(self, image_shape):
        """Return the JSON of the network for images of this shape."""
        raise NotImplementedError

    def _initial_weights(self, recipe, random_state):
        """Return the weights to start from."""
        from skdcec._deep._networks import initial_weights

        return initial_weights(recipe.architecture, random_state)

    def _start(self, recipe):
        """Return a text that differs where networks start from other weights, whatever the seed."""
        return joblib.hash(self._initial_weights(recipe, np.random.RandomState(0)))

    def _recipe(self, image_shape, architecture=None):
        """Return what Keras makes of the parameters; raise where it makes nothing of them."""
        from skdcec._deep._keras_json import augmentation_json, optimizer_json

        return Recipe(
            architecture or self._architecture(image_shape),
            optimizer_json(self.optimizer),
            augmentation_json(self.augmentation, image_shape),
        )

    def _policy(self):
        """Return the name of the Keras policy of the layers."""
        import keras

        return keras.config.dtype_policy().name if self.dtype_policy is None else self.dtype_policy

    def _check_params(self):
        """Raise for parameters that are wrong on their own, before any data are seen."""
        augmentation = self.augmentation
        is_layer = callable(augmentation) and hasattr(augmentation, "get_config")
        if not (
            is_layer or augmentation is None or (isinstance(augmentation, str) and augmentation == "affine")
        ):
            raise ValueError(f"augmentation={self.augmentation!r} should be None, 'affine' or a Keras layer.")
        if self.image_shape is not None:
            sides = check_sizes("image_shape", self.image_shape)
            if len(sides) not in (2, 3):
                raise ValueError(
                    f"image_shape={self.image_shape} should be (height, width) or (height, width, channels)."
                )

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Train the autoencoder to reproduce the images.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width), (n_samples, height, width, channels) or \
                (n_samples, n_features), or a stream of batches of them
            Images, best scaled to [0, 1]; uint8 is divided by 255. A flat row whose length is a perfect
            square is a square grey image, any other an image of one row, unless `image_shape` says
            otherwise. Arrays, mapped files included, are converted to float32 batch by batch. A stream (a
            Keras ``PyDataset``, a ``tf.data.Dataset`` or a dask array) is read once, into a temporary file.
        y : array-like of shape (n_samples,), default=None
            Not used for training; it is only handed to the callbacks.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            For bad parameters or data, before any training.
        FloatingPointError
            If the loss stops being finite; the estimator is then as before.
        """
        self._check_params()
        return self._fit_images(X, y, *check_images(self, X, self.image_shape))

    @_fit_context(prefer_skip_nested_validation=True)
    def _fit_images(self, X, y, images, inputs, checkpoint=None, kept=None):
        """Fit to the checked images of X.

        An equal fit may have been interrupted, and goes on from its checkpoint; or its result was kept.
        """
        recipe = self._recipe(inputs["image_shape_"])
        root = self._init_callback_context(max_subtasks=self.epochs)
        hooks = {"estimator": self, "X": X, "y": y}
        root.call_on_fit_task_begin(**hooks)

        if kept is None:
            weights, losses, steps = self._training(recipe, images, checkpoint)
        else:
            weights, losses, steps = unpack(kept, "weights"), kept["losses"].tolist(), ()

        def attributes(trainer):
            return self._attributes(inputs, recipe, trainer.arrays(), losses)

        def progress(trainer, stopped):
            arrays = {"weights": trainer.arrays(), "progress": trainer.progress()}
            return pack(**arrays, losses=np.array(losses), stopped=stopped)

        fitted = self._attributes(inputs, recipe, weights, losses)
        for loss, trainer in steps:
            task = root.subcontext("epoch").call_on_fit_task_begin(**hooks)
            losses.append(loss)
            report(self, f"Epoch {len(losses)}/{self.epochs}, reconstruction loss {loss:.5f}.")
            stop = task.call_on_fit_task_end(**hooks, reconstruction_attributes=partial(attributes, trainer))
            last = len(losses) == self.epochs
            if checkpoint:
                checkpoint.save("pretraining", partial(progress, trainer, bool(stop)), final=stop or last)
            if stop or last:
                fitted = attributes(trainer)
                steps.close()
                break
        set_fitted(self, fitted)
        root.call_on_fit_task_end(**hooks, reconstruction_attributes={})
        return self

    def _training(self, recipe, images, checkpoint):
        """Return weights and losses to start from, and the training that is left to do."""
        from skdcec._deep._training import pretrain

        random_state = check_random_state(self.random_state)
        weights, losses, resume, stopped = self._initial_weights(recipe, random_state), [], None, False
        if checkpoint and (saved := checkpoint.load("pretraining")):
            weights, losses = unpack(saved, "weights"), saved["losses"].tolist()
            resume, stopped = (len(losses), unpack(saved, "progress")), bool(saved.get("stopped"))
        steps = pretrain(
            recipe.architecture,
            weights,
            images,
            epochs=self.epochs,
            batch_size=self.batch_size,
            optimizer=recipe.optimizer,
            augmentation=recipe.augmentation,
            seed=random_state.randint(LARGEST_SEED),
            resume=resume,
        )
        return weights, losses, () if stopped else steps

    def _attributes(self, inputs, recipe, weights, losses):
        """Return all fitted attributes."""
        from skdcec._deep._networks import embedding_size

        return inputs | {
            "architecture_": recipe.architecture,
            "n_components_": embedding_size(recipe.architecture),
            "weights_": weights,
            "history_": {"reconstruction_loss": np.array(losses)},
        }

    def _fit_cached(self, X, y, images, inputs, checkpoint, folder):
        """Fit to the checked images of X, or take the result of an equal fit from a folder."""
        from skdcec._deep._training import software

        recipe = self._recipe(inputs["image_shape_"])
        # all that the result depends on
        training = [self.epochs, self.batch_size, self.random_state, software()]
        key = joblib.hash([*recipe, self._start(recipe), *training, images.fingerprint])
        path = Path(folder) / f"{key}.npz"
        try:
            kept, _ = load_arrays(path)
        except (FileNotFoundError, ValueError):
            kept = None  # not there, or damaged: then it is written anew
        self._fit_images(X, y, images, inputs, checkpoint, kept)
        losses = self.history_["reconstruction_loss"]
        # a callback may have ended it early
        if kept is None and len(losses) == self.epochs:
            try:
                save_arrays(path, pack(weights=self.weights_, losses=losses), {"content": "pretraining"})
            except OSError as error:
                # the fit can do without; what was trained should not be lost with it
                message = f"The pretrained autoencoder could not be kept in memory={folder!r}: {error}."
                warnings.warn(message, UserWarning, stacklevel=5)
        return self

    def transform(self, X):
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

    def inverse_transform(self, X):
        """Return the images that the decoder makes of embeddings.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Embeddings.

        Returns
        -------
        images : ndarray
            In the layout of the training data; where those were uint8, divided by 255.
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
        return images.reshape(len(Z), *self._sample_shape).astype(Z.dtype, copy=False)

    def score(self, X, y=None):
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

    def _embed_and_compare(self, parts):
        """Return the embeddings of images, and the mean squared error per pixel of their reconstructions."""
        from skdcec._deep._training import decode, encode

        network, Z, total = (self.architecture_, self.weights_), [], 0.0
        for images in parts:
            for rows in slices(len(images)):
                chunk = images[rows]
                Z.append(encode(*network, chunk))
                total += float(np.square(decode(*network, Z[-1]) - chunk).sum(dtype=np.float64))
        Z = np.concatenate(Z)
        return Z, total / (len(Z) * math.prod(self.image_shape_))

    @property
    def encoder_(self):
        """The encoder as a live Keras model: a copy, whose training leaves the estimator alone."""
        return self._live_models()[0]

    @property
    def decoder_(self):
        """The decoder as a live Keras model: a copy, whose training leaves the estimator alone."""
        return self._live_models()[1]

    def _live_models(self):
        from skdcec._deep._networks import build

        check_is_fitted(self)
        return build(self.architecture_, self.weights_)

    @property
    def _n_features_out(self):
        return self.n_components_

    def __sklearn_is_fitted__(self):
        return "weights_" in vars(self)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
