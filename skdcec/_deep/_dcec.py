"""Deep convolutional embedded clustering: pretrain, initialise, refine.

Keras is imported when a network is first needed, never with this module.
"""

import copy
import json
import os
import re
import warnings
from functools import partial
from numbers import Integral, Real

import joblib
import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
    clone,
)
from sklearn.callback import CallbackSupportMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skdcec._cluster._partition import cluster_health, count_distinct_centers, empty_last, renumbered
from skdcec._deep._autoencoders import ConvAutoencoder
from skdcec._deep._base_autoencoder import LARGEST_SEED, BaseAutoencoder, undisturbed_random
from skdcec._deep._batches import batches_per_epoch
from skdcec._deep._checkpoint import Checkpoint, as_text, pack, unpack
from skdcec._deep._images import check_images, check_new_images, check_scale, slices
from skdcec._deep._initializers import check_init, place_centers, seed_estimator
from skdcec._deep._losses import Targets, soft_assignment
from skdcec._deep._storage import check_folder
from skdcec._sklearn import DOC_LINK, Interval, _fit_context, report, set_fitted


def progress(update, records, stopped):
    """Return what joint training can go on from, unless a callback stopped it."""
    return pack(
        weights=update.weights,
        centers=update.centers,
        labels=update.labels,
        progress=update.trainer.progress(),
        stopped=stopped,
        history=np.frombuffer(json.dumps(records).encode(), np.uint8),
    )


class DCEC(
    ClassNamePrefixFeaturesOutMixin,
    CallbackSupportMixin,
    TransformerMixin,
    ClusterMixin,
    BaseEstimator,
):
    """Deep convolutional embedded clustering.

    Trains an autoencoder, places cluster centers in its embedding, then trains encoder, decoder and
    centers together, so that the embedding becomes one in which clusters are easy to tell apart.

    Parameters
    ----------
    n_clusters : int or None, default=10
        Number of clusters; None is as many as `init` finds.

    init : None, clusterer, callable or array-like of shape (n_clusters, n_components), default=None
        What places the centers in the embedding:

        - None: ``KMeans(n_init=20)``, as in [1]_;
        - any scikit-learn clusterer or mixture, such as `KHarmonicMeans()`, ``GaussianMixture()`` or
          ``AgglomerativeClustering()``. A clone is fitted, with its ``n_clusters`` (or
          ``n_components``) set, unless `n_clusters` is None. Centers are its ``cluster_centers_`` or
          ``means_``, or the mean of each label; images go to the nearest of them in Euclidean distance,
          whatever that of the clusterer is;
        - a callable ``init(Z, n_clusters, random_state=...)`` that returns centers;
        - the centers.

    autoencoder : ConvAutoencoder, DenseAutoencoder, KerasAutoencoder or FrozenEstimator of one, default=None
        A clone is trained; None is ``ConvAutoencoder()``. A fitted one in scikit-learn's
        ``FrozenEstimator`` is not trained again, only refined (a copy of it). To set parameters such as
        ``autoencoder__epochs`` or ``init__p`` by name, pass the objects first; None has none.

    gamma : float, default=0.1
        Weight of the clustering loss.

    reconstruction_weight : float, default=1.0
        Weight of the reconstruction loss. With 0 this is DEC [2]_.

    update_interval : int or float, default=140
        How often the target distribution is computed anew: an int counts batches, a float epochs.

    max_iter : int, default=20000
        Largest number of batches in joint training.

    tol : float, default=1e-3
        Joint training ends when a smaller share of the labels changes from one update to the next.

    batch_size : int, default=256
        Images per step of joint training.

    optimizer : str or keras.optimizers.Optimizer, default='adam'
        Keras optimizer of joint training; an object is copied, never trained itself.

    checkpoint : str, path-like or None, default=None
        A folder that keeps the progress of the fit. If the fit is interrupted, even killed, and called again
        with equal parameters and images, it goes on from there and ends as if it had not been. What was
        saved by a fit with other parameters or images is refused.

    memory : str, path-like or None, default=None
        A folder that keeps pretrained autoencoders. A fit on the same images, with the same autoencoder and
        seed, takes the one from there, so that several values of `init` or `gamma` share it. Its files
        hold arrays and JSON only; a damaged one is computed and written anew. Where the disk is full, a
        warning says so, and the fit goes on.

    verbose : int, default=0
        If positive, print what happens.

    random_state : int, RandomState instance or None, default=None
        Determines everything that is drawn at random, also in `init` and `autoencoder` where their own
        ``random_state`` is None. Pass an int for results that are the same, bit by bit, on the same
        machine.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,), int32
        Cluster of each image. Clusters without images come last.

    cluster_centers_ : ndarray of shape (n_clusters, n_components)
        The centers in the refined embedding.

    cluster_sizes_ : ndarray of shape (n_clusters,), int
        Number of images in each cluster.

    cluster_health_ : dict of int
        How many clusters are 'empty', 'starved' (fewer images than a tenth of the mean size) or 'merged'
        (a center that coincides with another one).

    autoencoder_ : ConvAutoencoder, DenseAutoencoder or KerasAutoencoder
        The refined autoencoder.

    init_ : object
        The fitted clusterer that placed the centers; the parameter itself if it was none.

    initial_centers_ : ndarray of shape (n_clusters, n_components)
        The centers that it placed, in the embedding before joint training.

    initial_labels_ : ndarray of shape (n_samples,), int32
        The nearest of them for each image: the partition that joint training starts from.

    history_ : dict of ndarray
        For each update of the target distribution: 'n_iter', 'reconstruction_loss',
        'clustering_loss' and 'label_change' (the share of labels that changed).

    n_iter_ : int
        Number of batches of joint training.

    model_ : keras.Model
        A live Keras model from images to soft assignments, made anew from the fitted arrays.

    n_features_in_ : int
        Number of pixels times channels.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has string column names.

    See Also
    --------
    KHarmonicMeans : An initialiser that hardly depends on its own start.
    ConvAutoencoder : The network.

    Notes
    -----
    The loss is the mean squared error of the pixels plus gamma times the Kullback-Leibler divergence
    between target distribution and soft assignments, summed over clusters; both are means over images.
    This is the scale of the published code of [1]_, where gamma is 0.1. If the autoencoder has an
    augmentation, targets come from clean images, and batches are augmented.

    The method assumes clusters of similar size: it tends to merge small clusters and split large ones.

    Do not fork a process after a fit: TensorFlow hangs in the child. joblib's 'loky' and 'threading'
    are fine.

    References
    ----------
    .. [1] X. Guo, X. Liu, E. Zhu, J. Yin (2017). "Deep clustering with convolutional autoencoders".
       ICONIP 2017.
    .. [2] J. Xie, R. Girshick, A. Farhadi (2016). "Unsupervised deep embedding for clustering
       analysis". ICML 2016.
    .. [3] L. G. Nogueira, A. B. S. Serapiao. "Exploring centroids initialization within Deep
       Convolutional Embedded Clustering".

    Examples
    --------
    >>> from skdcec import DCEC, ConvAutoencoder, KHarmonicMeans
    >>> from skdcec.datasets import load_digits_images
    >>> X = load_digits_images().images
    >>> dcec = DCEC(
    ...     init=KHarmonicMeans(),
    ...     autoencoder=ConvAutoencoder(epochs=3),
    ...     max_iter=20,
    ...     random_state=0,
    ... )
    >>> dcec.fit_predict(X).shape
    (1797,)
    """

    _parameter_constraints: dict = {
        "n_clusters": [Interval(Integral, 1, None, closed="left"), None],
        "init": "no_validation",
        "autoencoder": "no_validation",
        "gamma": [Interval(Real, 0, None, closed="left")],
        "reconstruction_weight": [Interval(Real, 0, None, closed="left")],
        "update_interval": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, None, closed="neither"),
        ],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "optimizer": "no_validation",
        "checkpoint": [str, os.PathLike, None],
        "memory": [str, os.PathLike, None],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }
    _doc_link_module, _doc_link_template = DOC_LINK

    def __init__(
        self,
        n_clusters=10,
        *,
        init=None,
        autoencoder=None,
        gamma=0.1,
        reconstruction_weight=1.0,
        update_interval=140,
        max_iter=20000,
        tol=1e-3,
        batch_size=256,
        optimizer="adam",
        checkpoint=None,
        memory=None,
        verbose=0,
        random_state=None,
    ):
        self.n_clusters = n_clusters
        self.init = init
        self.autoencoder = autoencoder
        self.gamma = gamma
        self.reconstruction_weight = reconstruction_weight
        self.update_interval = update_interval
        self.max_iter = max_iter
        self.tol = tol
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.checkpoint = checkpoint
        self.memory = memory
        self.verbose = verbose
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None):
        """Pretrain the autoencoder, place the centers, and refine both together.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width), (n_samples, height, width, channels) or \
                (n_samples, n_features), or a stream of batches of them
            Images, best scaled to [0, 1]; uint8 is divided by 255. A flat row whose length is a perfect
            square is a square grey image, any other an image of one row, unless the ``image_shape`` of
            the autoencoder says otherwise. Arrays, mapped files included, are converted to float32 batch by
            batch. A stream (a Keras ``PyDataset``, a ``tf.data.Dataset`` or a dask array) is read once,
            into a temporary file.
        y : array-like of shape (n_samples,), default=None
            Not used for training; it is only handed to the callbacks.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            For bad parameters or data, before any training; after pretraining, what `init` itself raises,
            and where it finds another number of clusters than it was asked for.
        FloatingPointError
            If the loss stops being finite; the estimator is then as before.
        """
        from skdcec._deep._keras_json import optimizer_json
        from skdcec._deep._networks import embedding_size
        from skdcec._deep._training import encode

        if self.gamma == 0 and self.reconstruction_weight == 0:
            raise ValueError("gamma=0 and reconstruction_weight=0 leave nothing to train; one must be > 0.")
        autoencoder, frozen = self._check_autoencoder()
        shape = autoencoder.image_shape_ if frozen else autoencoder.image_shape
        images, inputs = check_images(self, X, shape)
        if frozen:
            check_scale(autoencoder, images.rows)
        recipe = autoencoder._recipe(inputs["image_shape_"], autoencoder.architecture_ if frozen else None)
        if self.n_clusters is not None and len(images) < self.n_clusters:
            raise ValueError(f"n_samples={len(images)} should be >= n_clusters={self.n_clusters}.")
        init = check_init(self.init, self.n_clusters, embedding_size(recipe.architecture))
        if self.memory is not None:
            check_folder(self.memory, "memory")
        optimizer = optimizer_json(self.optimizer)
        random_state = check_random_state(self.random_state)
        seeds = random_state.randint(LARGEST_SEED, size=3).tolist()
        checkpoint = self._open_checkpoint(images, seeds, recipe, None if frozen else autoencoder, optimizer)
        if checkpoint:
            seeds = checkpoint.seeds

        root = self._init_callback_context(max_subtasks=3)
        root.call_on_fit_task_begin(estimator=self, X=X, y=y)
        if not frozen:
            seed_estimator(autoencoder, seeds[0])
        self._pretrain(root, autoencoder, frozen, X, y, images, inputs, checkpoint)
        Z = encode(autoencoder.architecture_, autoencoder.weights_, images)
        init, centers = self._initialise(root, init, Z, seeds[1], y)
        self._warn_of_coincidence(centers, Z)
        targets = Targets(Z, centers.astype(np.float32))
        fitted = inputs | {"init_": init, "initial_centers_": centers, "initial_labels_": targets.labels}
        fitted = self._refine(
            root, autoencoder, recipe, targets, images, optimizer, seeds[2], fitted, X, y, checkpoint
        )
        set_fitted(self, fitted)
        health = fitted["cluster_health_"]
        if any(health.values()):
            what = ", ".join(f"{number} {name}" for name, number in health.items() if number)
            warnings.warn(
                f"Of {len(centers)} clusters, {what}; see cluster_health_ and cluster_sizes_. Try another "
                "init, a smaller gamma or longer pretraining.",
                ConvergenceWarning,
                stacklevel=3,
            )
        root.call_on_fit_task_end(estimator=self, X=X, y=y, reconstruction_attributes={})
        return self

    # ------------------------------------------------------------- validation

    def _check_autoencoder(self):
        """Return an autoencoder that may be changed, and whether it is fitted already."""
        frozen = isinstance(self.autoencoder, FrozenEstimator)
        autoencoder = self.autoencoder.estimator if frozen else self.autoencoder
        if autoencoder is None:
            autoencoder = ConvAutoencoder()
        if not isinstance(autoencoder, BaseAutoencoder):
            raise TypeError(
                f"autoencoder={self.autoencoder!r} should be a ConvAutoencoder, a DenseAutoencoder, a "
                "KerasAutoencoder, or a fitted one of them in a FrozenEstimator."
            )
        if frozen:
            check_is_fitted(autoencoder)
            return copy.copy(autoencoder), True
        autoencoder._validate_params()
        autoencoder._check_params()
        with undisturbed_random():
            return clone(autoencoder), False

    def _open_checkpoint(self, images, seeds, recipe, autoencoder, optimizer):
        """Return the checkpoint of this fit, or None."""
        from skdcec._deep._training import software

        if self.checkpoint is None:
            return None
        unimportant = ("verbose", "memory", "checkpoint")
        # Keras describes these, below
        described = re.compile(r"(autoencoder__.*)?optimizer|autoencoder__.*(augmentation|network)")
        identity = {
            name: as_text(value)
            for name, value in self.get_params(deep=True).items()
            if name.split("__")[-1] not in unimportant and not described.fullmatch(name)
        }
        start = autoencoder and autoencoder._start(recipe)
        identity |= {
            "optimizer": optimizer,
            "autoencoder__network": joblib.hash([recipe.architecture, start]),
        }
        for name in ("optimizer", "augmentation"):
            identity[f"autoencoder__{name}"] = str(getattr(recipe, name))
        # without a seed of its own, a fit goes on with those of the interrupted one
        identity["random_state"] = "None" if self.random_state is None else repr(seeds)
        identity |= {"X": images.fingerprint, "software": software()}
        return Checkpoint(self.checkpoint, identity, seeds)

    def _warn_of_coincidence(self, centers, Z):
        n_distinct = count_distinct_centers(centers, Z)
        if n_distinct < len(centers):
            warnings.warn(
                f"init placed only {n_distinct} distinct centers for {len(centers)} clusters; those on "
                "one point will stay together.",
                ConvergenceWarning,
                stacklevel=4,
            )

    # ----------------------------------------------------------------- phases

    def _pretrain(self, root, autoencoder, frozen, X, y, *data):
        """Train the autoencoder, unless it is."""
        # a leaf: the sub-estimator's own task takes its place
        ctx = root.subcontext("pretrain")
        ctx.call_on_fit_task_begin(estimator=self, X=X, y=y)
        if not frozen:
            report(self, "Pretraining the autoencoder.")
            with ctx.propagate_callback_context(autoencoder):
                if self.memory is None:
                    autoencoder._fit_images(X, y, *data)
                else:
                    autoencoder._fit_cached(X, y, *data, self.memory)
        ctx.call_on_fit_task_end(estimator=self, X=X, y=y)

    def _initialise(self, root, init, Z, seed, y):
        """Return the fitted init and the centers that it places in the embedding Z."""
        ctx = root.subcontext("initialise").call_on_fit_task_begin(estimator=self, X=Z, y=y)
        report(self, "Placing the cluster centers.")
        if hasattr(init, "set_callbacks"):
            with ctx.propagate_callback_context(init):
                centers = place_centers(init, Z, self.n_clusters, seed)
        else:
            centers = place_centers(init, Z, self.n_clusters, seed)
        ctx.call_on_fit_task_end(estimator=self, X=Z, y=y)
        return init, centers

    def _refine(self, root, autoencoder, recipe, targets, images, optimizer, seed, known, X, y, checkpoint):
        """Train jointly from the first targets; return all fitted attributes, those known before included."""
        from skdcec._deep._training import refine

        start = {"weights": autoencoder.weights_, "centers": targets.centers, "targets": targets}
        records, last, interval = [], None, self._interval(len(images))
        if checkpoint and (saved := checkpoint.load("refinement")):
            start, records, last = self._restored(saved, recipe.architecture, images)
        updates = refine(
            recipe.architecture,
            images=images,
            **start,
            gamma=self.gamma,
            reconstruction_weight=self.reconstruction_weight,
            update_interval=interval,
            max_iter=self.max_iter,
            tol=self.tol,
            batch_size=self.batch_size,
            optimizer=optimizer,
            augmentation=recipe.augmentation,
            seed=seed,
        )
        hooks = {"estimator": self, "X": X, "y": y}
        ctx = root.subcontext("refine", max_subtasks=-(-self.max_iter // interval))
        ctx.call_on_fit_task_begin(**hooks)
        update = last
        for update in updates if last is None else ():
            task = ctx.subcontext("update").call_on_fit_task_begin(**hooks)
            records.append(update.record())
            report(
                self,
                "Batch {n_iter}: reconstruction loss {reconstruction_loss:.5f}, clustering loss "
                "{clustering_loss:.5f}, {label_change:.2%} of the labels changed.".format(**records[-1]),
            )
            is_last = update.label_change < self.tol or update.n_iter >= self.max_iter
            if checkpoint:
                checkpoint.save("refinement", partial(progress, update, records, False), final=is_last)
            attributes = partial(self._attributes, known, autoencoder, update, records)
            stop = task.call_on_fit_task_end(**hooks, reconstruction_attributes=attributes)
            if stop:
                if checkpoint:
                    checkpoint.save("refinement", partial(progress, update, records, True), final=True)
                updates.close()
                break
        attributes = partial(self._attributes, known, autoencoder, update, records)
        ctx.call_on_fit_task_end(**hooks, reconstruction_attributes=attributes)
        return attributes()

    def _interval(self, n_images):
        """Return the number of batches from one update of the targets to the next."""
        if isinstance(self.update_interval, Integral):
            return self.update_interval
        n_batches = self.update_interval * batches_per_epoch(n_images, self.batch_size)
        return int(np.clip(np.round(n_batches), 1, self.max_iter))

    def _restored(self, saved, architecture, images):
        """Return where a saved joint training left off.

        Returns
        -------
        start : dict
            What `refine` goes on from.
        records : list of dict
            Those of the updates so far.
        last : Update or None
            The last one, where nothing is left to do.
        """
        from skdcec._deep._training import Update, encode

        weights, centers = unpack(saved, "weights"), saved["centers"]
        records = json.loads(bytes(saved["history"]))
        n_iter, change = records[-1]["n_iter"], records[-1]["label_change"]
        start = {"weights": weights, "centers": centers, "resume": (n_iter, unpack(saved, "progress"))}
        if change >= self.tol and n_iter < self.max_iter and not saved.get("stopped"):
            return start, records, None
        Z = encode(architecture, weights, images)
        return start, records, Update(n_iter, {}, change, saved["labels"], Z, weights, centers, None)

    @staticmethod
    def _attributes(known, autoencoder, update, records):
        """Return the fitted attributes at one update of joint training."""
        sizes = np.bincount(update.labels, minlength=len(update.centers))
        order = empty_last(sizes)
        refined = copy.copy(autoencoder)
        refined.weights_ = update.weights
        return known | {
            "autoencoder_": refined,
            "cluster_centers_": update.centers[order],
            "labels_": renumbered(update.labels, order),
            "cluster_sizes_": sizes[order],
            "cluster_health_": cluster_health(update.embedding, update.labels, update.centers),
            "history_": {name: np.array([r[name] for r in records]) for name in records[0]},
            "n_iter_": update.n_iter,
        }

    # ------------------------------------------------------- fitted estimator

    def _encode(self, X):
        """Return the embedding of new images, and the type of X."""
        from skdcec._deep._training import encode

        check_is_fitted(self)
        parts, dtype = check_new_images(self, X)
        network = self.autoencoder_.architecture_, self.autoencoder_.weights_
        return np.concatenate([encode(*network, images) for images in parts]), dtype

    def predict_proba(self, X):
        """Return the soft assignment of each image (Student's t; Xie et al. 2016, equation 1).

        Parameters
        ----------
        X : array-like
            Images in any layout that `fit` accepts.

        Returns
        -------
        Q : ndarray of shape (n_samples, n_clusters)
            Rows sum to one. A row does not depend on the other rows.
        """
        Z, dtype = self._encode(X)
        return soft_assignment(Z, self.cluster_centers_).astype(dtype, copy=False)

    def predict(self, X):
        """Return the cluster of each image.

        Parameters
        ----------
        X : array-like
            Images in any layout that `fit` accepts.

        Returns
        -------
        labels : ndarray of shape (n_samples,), int32
            The cluster whose center is closest in the embedding.
        """
        Z, _ = self._encode(X)
        return Targets(Z, self.cluster_centers_).labels

    def transform(self, X):
        """Return the refined embedding of each image.

        Parameters
        ----------
        X : array-like
            Images in any layout that `fit` accepts.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            A row does not depend on the other rows.
        """
        Z, dtype = self._encode(X)
        return Z.astype(dtype, copy=False)

    def inverse_transform(self, X):
        """Return the images that the decoder makes of embeddings, such as ``cluster_centers_``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Embeddings.

        Returns
        -------
        images : ndarray
            In the layout of the training data; where those were uint8, divided by 255.
        """
        check_is_fitted(self)
        images = self.autoencoder_.inverse_transform(X)
        return images.reshape(len(images), *self._sample_shape)

    def score(self, X, y=None):
        """Return minus the joint loss on X, with the target distribution of X itself.

        Do not compare it between fits of different `gamma`, which weighs the loss: the smallest would win.

        Parameters
        ----------
        X : array-like
            Images in any layout that `fit` accepts.
        y : Ignored
            Not used, present for API consistency.

        Returns
        -------
        score : float
            Larger is better.
        """
        check_is_fitted(self)
        Z, error = self.autoencoder_._embed_and_compare(check_new_images(self, X)[0])
        targets = Targets(Z, self.cluster_centers_)
        divergence = 0.0
        for rows in slices(len(Z)):
            P, Q = targets[rows], soft_assignment(Z[rows], self.cluster_centers_)
            divergence += np.sum(P * np.log(P / Q))
        return -float(self.reconstruction_weight * error + self.gamma * divergence / len(Z))

    @property
    def model_(self):
        """A live Keras model from images to soft assignments: a copy of the fitted arrays."""
        from skdcec._deep._networks import clustering_model

        check_is_fitted(self)
        return clustering_model(self.autoencoder_.encoder_, self.cluster_centers_)

    @property
    def _n_features_out(self):
        return self.cluster_centers_.shape[1]

    def __sklearn_is_fitted__(self):
        return "cluster_centers_" in vars(self)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
