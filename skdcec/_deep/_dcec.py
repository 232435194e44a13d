"""Deep convolutional embedded clustering: pretrain, initialize, refine.

Keras is imported when a network is first needed, never with this module.
"""

import copy
import os
import time
from functools import partial
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Self

import joblib
import numpy as np
from numpy import ndarray
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
)
from sklearn.callback import CallbackSupportMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from skdcec._cluster._partition import cluster_health, count_distinct_centers, empty_last, renumbered
from skdcec._deep._base_autoencoder import AutoencoderFit, BaseAutoencoder
from skdcec._deep._checkpoint import Saved
from skdcec._deep._endings import warn_of_bad_health, warn_of_the_end
from skdcec._deep._fit import Fit, check_fit
from skdcec._deep._images import check_new_images
from skdcec._deep._initializers import name_of, start_from
from skdcec._deep._judge import Judge
from skdcec._deep._losses import ClusteringLoss, KLDivergence, mean_loss, nearest_centers, soft_assignment
from skdcec._deep._refinement import Beginning, UpdateWatcher, kept_position
from skdcec._deep._schedule import Position
from skdcec._sklearn import (
    DOC_LINK,
    Interval,
    StrOptions,
    _fit_context,
    report,
    set_fitted,
)
from skdcec._task import Task
from skdcec._warn import warn
from skdcec.exceptions import InitializationError

if TYPE_CHECKING:
    import keras


class DCEC(
    ClassNamePrefixFeaturesOutMixin,
    CallbackSupportMixin,
    TransformerMixin,
    ClusterMixin,
    BaseEstimator,
):
    """Deep convolutional embedded clustering.

    Trains an autoencoder, places cluster centers in its embedding, then trains encoder, decoder and
    centers together, so that the clusters of the embedding move apart [1]_ [3]_.

    Parameters
    ----------
    n_clusters : int or None, default=10
        Number of clusters; None is as many as `init` finds: all communities, or the ``n_clusters`` of another
        clusterer.

    init : 'auto', None, clusterer, callable or array-like, default='auto'
        The start of joint training:

        - 'auto' or a `ModularityClustering`: communities of the images themselves, scaled down to sides of at
          most 48 pixels;
        - None: ``KMeans(n_init=20)`` in the embedding, as in [1]_;
        - any other scikit-learn clusterer or mixture, such as `KHarmonicMeans()`, ``GaussianMixture()`` or
          ``AgglomerativeClustering()``. A clone is fitted to the embedding, with its ``n_clusters`` (or
          ``n_components``) set, unless `n_clusters` is None. Centers are its ``cluster_centers_`` or
          ``means_``, or the mean of each label; images go to the nearest of them in Euclidean distance,
          whatever the distance of the clusterer is;
        - a callable ``init(Z, n_clusters, random_state=...)`` that returns centers;
        - the centers, of shape (n_clusters, n_components);
        - a label for each image, integers of shape (n_samples,), from any clustering of the images.

    autoencoder : autoencoder, FrozenEstimator of one or None, default=None
        A `ConvAutoencoder`, `DenseAutoencoder`, `KerasAutoencoder` or other subclass of `BaseAutoencoder`; a
        clone of it is trained. None is ``ConvAutoencoder()`` for images, and ``DenseAutoencoder()`` for the
        rows of a table. A fitted one in scikit-learn's ``FrozenEstimator`` is not pretrained again; a copy of
        it is refined. To set parameters such as ``autoencoder__epochs`` or ``init__p`` by name, pass the
        objects first.

    clustering_loss : ClusteringLoss or None, default=None
        The loss that draws embeddings to centers, such as those of `skdcec.losses`. None is `KLDivergence`,
        the loss of [1]_.

    gamma : float, default=1.0
        Weight of the clustering loss; 0.1 in [1]_.

    reconstruction_weight : float, default=1.0
        Weight of the reconstruction loss. With 0 this is DEC [2]_.

    label_batches : int or 'auto', default='auto'
        Number of batches that first teach the network the initial labels, before those with the targets of
        `clustering_loss`. 'auto' is half of `max_batches` if `init` gives labels ('auto', a
        `ModularityClustering` or an array of them), else 0.

    batches_per_update : int, 'epoch' or 'auto', default='auto'
        Number of batches from one update of the targets to the next; 'epoch' is one pass over the images, and
        'auto' is 30 or half a pass, whichever is more.

    max_batches : int or 'auto', default='auto'
        Largest number of batches in joint training; 'auto' is 2,400 or 20 passes over the images, whichever
        is more.

    max_minutes : float or None, default=None
        End pretraining at the first epoch after two fifths of this time, and joint training at the first
        update after all of it. Results then depend on the speed of the machine.

    tol : float, default=1e-4
        Joint training ends when a smaller fraction of the labels changes from one update to the next.

    keep : {'best', 'last'}, default='best'
        The update that is returned. 'best' is the last one, unless the modularity of its labels in a
        nearest-neighbor graph of the images has fallen by more than 0.005; joint training then ends early. If
        even the best is more than 0.04 worse than the initial labels, `labels_` holds the initial ones, and a
        warning is issued.

    batch_size : int or 'autoencoder', default='autoencoder'
        Images per step of joint training; 'autoencoder' uses the value of the autoencoder, here and below.

    optimizer : str or keras.optimizers.Optimizer, default='autoencoder'
        Keras optimizer of joint training; an object is copied and left unchanged.

    augmentation : {'autoencoder', 'affine', None} or keras.layers.Layer, default='autoencoder'
        Changes the images of each batch of joint training at random. To augment only one stage, set it here
        and on the autoencoder to different values.

    checkpoint : str, path-like or None, default=None
        Folder for the progress of the fit. If the fit is interrupted, even killed, calling it again with
        equal parameters and images resumes it, with the same result as without the interruption. A finished
        fit continues if `max_batches` or the ``epochs`` of the autoencoder have been increased. The progress
        of a fit with other parameters or images is refused.

    memory : str, path-like, joblib.Memory or None, default=None
        Folder for pretrained autoencoders, or a memory whose location is used. A fit on the same images, with
        the same autoencoder and seed, reuses the one stored there, so that several values of `init` or
        `gamma` share it. With callbacks other than a ``ProgressBar``, which may end the training, it is not
        reused. The files contain only arrays and JSON; a damaged one is rewritten. If the disk is full, a
        warning is issued and the fit continues.

    verbose : int, default=0
        If positive, print the progress of the fit, with the epochs of the autoencoder.

    random_state : int, RandomState instance or None, default=None
        Determines all random numbers, also in `init` and `autoencoder` if their own ``random_state`` is None.
        Pass an int for results that are the same, bit by bit, on the same machine.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,), int32
        Cluster of each image. Clusters without images come last.

    cluster_centers_ : ndarray of shape (n_clusters, n_components)
        The centers in the refined embedding.

    cluster_sizes_ : ndarray of shape (n_clusters,), int
        Number of images in each cluster.

    cluster_health_ : dict of int
        The number of clusters that are 'empty', 'starved' (fewer images than a tenth of the mean size) or
        'merged' (a center that coincides with another one); see `skdcec.metrics.cluster_health`.

    autoencoder_ : BaseAutoencoder
        The refined autoencoder.

    modularity_ : float
        Modularity of `labels_` in a nearest-neighbor graph of the images (of a subset, if there are many): a
        label-free score that does not involve the network.

    confidence_ : ndarray of shape (n_samples,)
        The fraction of the weight of an image's edges in this graph that stays in its cluster; NaN for images
        that are not in the graph.

    init_ : object
        The fitted clusterer that gave the start, or the parameter itself if it is not a clusterer.

    initial_centers_ : ndarray of shape (n_clusters, n_components)
        The initial centers, in the embedding before joint training.

    initial_labels_ : ndarray of shape (n_samples,), int32
        The partition that joint training starts from: the labels that `init` gives, or the nearest of its
        centers for each image.

    initial_modularity_ : float
        Modularity of `initial_labels_`.

    history_ : dict of ndarray
        For each update of the targets: 'n_batches', 'reconstruction_loss', 'clustering_loss', 'modularity'
        and 'label_change' (the fraction of labels that changed).

    n_batches_ : int
        Number of batches of joint training up to the update that is returned.

    image_shape_ : tuple
        (height, width, channels) of an image.

    sample_shape_ : tuple
        Shape of one sample of X, as it was given.

    input_dtype_ : str
        Type of X.

    value_range_ : tuple of (low, high)
        The values of X that become 0 and 1; see ``value_range`` of the autoencoder.

    data_range_ : tuple of (min, max)
        Smallest and largest value of X.

    n_features_in_ : int
        Number of pixels times channels.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X has string column names.

    See Also
    --------
    KHarmonicMeans : An initializer that hardly depends on its own start.
    ConvAutoencoder : The network.
    skdcec.losses.KLDivergence : The clustering loss.

    Notes
    -----
    The loss is the mean squared error of the pixels plus gamma times the clustering loss, by
    default the Kullback-Leibler divergence between targets and soft assignments, summed over clusters; both
    are means over images. This is the scale of the published code of [1]_, in which gamma is 0.1. Targets
    come from images without augmentation; batches are augmented.

    The default loss assumes clusters of similar size: it tends to merge small clusters and split large ones.

    Do not fork a process after a fit: TensorFlow hangs in the child. joblib's 'loky' and 'threading'
    are fine.

    References
    ----------
    .. [1] X. Guo, X. Liu, E. Zhu, J. Yin (2017). "Deep clustering with convolutional autoencoders".
       ICONIP 2017.
    .. [2] J. Xie, R. Girshick, A. Farhadi (2016). "Unsupervised deep embedding for clustering
       analysis". ICML 2016.
    .. [3] L. G. Nogueira, A. B. S. Serapiao. "Exploring centroids initialization within Deep
       Convolutional Embedded Clustering". The comparison of initializers.

    Examples
    --------
    >>> from skdcec import DCEC, ConvAutoencoder, KHarmonicMeans
    >>> from skdcec.datasets import load_digits_images
    >>> X = load_digits_images().images
    >>> dcec = DCEC(
    ...     init=KHarmonicMeans(),
    ...     autoencoder=ConvAutoencoder(epochs=3),
    ...     max_batches=20,
    ...     random_state=0,
    ... )
    >>> dcec.fit_predict(X).shape
    (1797,)
    """

    _parameter_constraints: dict = {
        "n_clusters": [Interval(Integral, 1, None, closed="left"), None],
        "init": "no_validation",
        "autoencoder": "no_validation",
        "clustering_loss": [ClusteringLoss, None],
        "gamma": [Interval(Real, 0, None, closed="left")],
        "reconstruction_weight": [Interval(Real, 0, None, closed="left")],
        "label_batches": [Interval(Integral, 0, None, closed="left"), StrOptions({"auto"})],
        "batches_per_update": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto", "epoch"})],
        "max_batches": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "max_minutes": [Interval(Real, 0, None, closed="neither"), None],
        "tol": [Interval(Real, 0, None, closed="left")],
        "keep": [StrOptions({"best", "last"})],
        "batch_size": [Interval(Integral, 1, None, closed="left"), StrOptions({"autoencoder"})],
        "optimizer": "no_validation",
        "augmentation": "no_validation",
        "checkpoint": [str, os.PathLike, None],
        "memory": [str, os.PathLike, joblib.Memory, None],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }
    _doc_link_module, _doc_link_template = DOC_LINK

    def __init__(
        self,
        n_clusters: int | None = 10,
        *,
        init: Any = "auto",
        autoencoder: Any = None,
        clustering_loss: ClusteringLoss | None = None,
        gamma: float = 1.0,
        reconstruction_weight: float = 1.0,
        label_batches: int | str = "auto",
        batches_per_update: int | str = "auto",
        max_batches: int | str = "auto",
        max_minutes: float | None = None,
        tol: float = 1e-4,
        keep: str = "best",
        batch_size: int | str = "autoencoder",
        optimizer: Any = "autoencoder",
        augmentation: Any = "autoencoder",
        checkpoint: str | os.PathLike[str] | None = None,
        memory: Any = None,
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.autoencoder = autoencoder
        self.clustering_loss = clustering_loss
        self.gamma = gamma
        self.reconstruction_weight = reconstruction_weight
        self.label_batches = label_batches
        self.batches_per_update = batches_per_update
        self.max_batches = max_batches
        self.max_minutes = max_minutes
        self.tol = tol
        self.keep = keep
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.augmentation = augmentation
        self.checkpoint = checkpoint
        self.memory = memory
        self.verbose = verbose
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Pretrain the autoencoder, place the centers, and refine both together.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width), (n_samples, height, width, channels) or \
                (n_samples, n_features), or a stream of batches of them
            Images, best scaled to [0, 1]; uint8 is divided by 255. A flat row whose length is a perfect
            square is a square gray image, any other an image of one row, unless the ``image_shape`` of
            the autoencoder says otherwise. Arrays, mapped files included, are converted to float32 batch by
            batch. A stream (a Keras ``PyDataset``, a ``tf.data.Dataset`` or a dask array) and an array of a
            file (HDF5, Zarr) are read once, into a temporary file.
        y : array-like of shape (n_samples,), default=None
            Not used for training, only passed to the callbacks.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            For bad parameters or data, before any training; this includes a trial of `init` on a random
            embedding.
        InitializationError
            If `init` still fails after pretraining; the error keeps the pretrained autoencoder.
        FloatingPointError
            If the loss becomes non-finite; the estimator is then unchanged.
        """
        began = time.monotonic()
        fit = check_fit(self, X, y, began)
        task = Task.fit(self, fit.data, max_subtasks=3)
        self._pretrain(fit, task)
        beginning = self._initialize(fit, task)
        fitted = self._refine(fit, task, beginning)
        set_fitted(self, fitted)
        warn_of_bad_health(self)
        warn_of_the_end(self, fit, beginning)
        task.end({})
        return self

    def _loss(self) -> ClusteringLoss:
        """Return the clustering loss."""
        return KLDivergence() if self.clustering_loss is None else self.clustering_loss

    # --------------------------------------------------------------- phases

    def _pretrain(self, fit: Fit, task: Task) -> None:
        """Train the autoencoder, unless it is fitted."""
        # a leaf: the task of the autoencoder takes its place
        task = task.subtask("pretrain")
        if not fit.is_frozen:
            report(self, "Pretraining the autoencoder.")
            arguments = AutoencoderFit(
                fit.X,
                fit.y,
                fit.images,
                fit.pretraining,
                fit.checkpoint,
                fit.cache,
                fit.deadline_of_pretraining,
            )
            with task.context.propagate_callback_context(fit.autoencoder):
                fit.autoencoder._fit_checked(arguments)
        task.end()

    def _initialize(self, fit: Fit, task: Task) -> Beginning:
        """Make the start of joint training."""
        from skdcec._deep._training import encode

        autoencoder, init = fit.autoencoder, fit.init
        Z = encode(autoencoder.architecture_, autoencoder.weights_, fit.images)
        task = task.subtask("initialize", X=Z)
        report(self, f"Placing the cluster centers by {name_of(init)}.")
        place = partial(start_from, init, fit.arrays, Z, fit.n_clusters, fit.seeds[1])
        try:
            if hasattr(init, "set_callbacks"):
                with task.context.propagate_callback_context(init):
                    start = place()
            else:
                start = place()
        except Exception as error:
            if fit.is_frozen:
                raise
            raise InitializationError(
                f"init={self.init!r} failed after pretraining: {type(error).__name__}: {error} The "
                "pretrained autoencoder is kept as the attribute autoencoder of this error; fit again with "
                "autoencoder=FrozenEstimator(error.autoencoder).",
                autoencoder,
            ) from error
        task.end()
        n_distinct = count_distinct_centers(start.centers, Z)
        if n_distinct < len(start.centers) and start.labels is None:
            warn(
                f"init placed only {n_distinct} distinct centers for {len(start.centers)} clusters; those on "
                "one point will stay together.",
                ConvergenceWarning,
            )
        centers = start.centers.astype(np.float32)
        nearest = nearest_centers(Z, centers)
        labels = nearest if start.labels is None else start.labels
        counts = np.bincount(labels, minlength=len(centers))
        judge = Judge.of(fit.images, init)
        fitted = {"init_": init, "initial_centers_": start.centers, "initial_labels_": labels}
        return Beginning(
            Position(0, autoencoder.weights_, centers, Z, nearest, counts),
            start.labels,
            judge,
            judge.modularity(labels),
            fit.images.attributes() | fitted,
        )

    def _refine(self, fit: Fit, task: Task, beginning: Beginning) -> dict[str, Any]:
        """Train encoder, decoder and centers together; return all fitted attributes."""
        from skdcec._deep._training import refine

        schedule, start = fit.schedule, beginning.position
        initial_labels, label_targets = beginning.attributes["initial_labels_"], None
        if schedule.label_batches:
            label_targets = fit.loss.label_targets(initial_labels, len(start.centers))
            if label_targets is None:
                schedule = schedule._replace(label_batches=0)
        # labels of the initial centers can be returned, others are not those of the network
        kept = start if beginning.labels is None else None
        records, progress, stopped = [], None, False
        saved = Saved.load(fit.checkpoint, "refinement")
        if saved:
            start = self._restored(fit, saved)
            kept = kept_position(fit.refinement.architecture, fit.images, saved.others) or start
            records, progress, stopped = saved.records, saved.progress, saved.stopped
        task = task.subtask("refine", max_subtasks=schedule.n_updates)
        watcher = UpdateWatcher(
            partial(self._attributes, beginning, fit.autoencoder),
            beginning,
            schedule,
            task,
            fit.checkpoint,
            records,
            fit.deadline,
            keeps_best=self.keep == "best",
            kept=kept,
        )
        if not stopped and not (records and watcher.is_last(start)):
            refine(
                fit.refinement,
                fit.loss,
                fit.images,
                start,
                gamma=self.gamma,
                reconstruction_weight=self.reconstruction_weight,
                schedule=schedule,
                seed=fit.seeds[2],
                watcher=watcher,
                initial_labels=initial_labels,
                label_targets=label_targets,
                progress=progress,
            )
        assert watcher.kept is not None  # the first update, if no other
        attributes = watcher.attributes(watcher.kept)
        task.end(attributes)
        return attributes

    @staticmethod
    def _restored(fit: Fit, saved: Saved) -> Position:
        """Return the position of a saved joint training."""
        from skdcec._deep._training import encode

        Z = encode(fit.refinement.architecture, saved.weights, fit.images)
        last, labels = saved.records[-1], saved.others["labels"]
        centers, counts = saved.others["centers"], saved.others["counts"]
        n_batches, change = int(last["n_batches"]), last["label_change"]
        return Position(n_batches, saved.weights, centers, Z, labels, counts, change)

    def _attributes(
        self,
        beginning: Beginning,
        autoencoder: BaseAutoencoder,
        position: Position,
        history: dict[str, ndarray],
    ) -> dict[str, Any]:
        """Return the fitted attributes at one update of joint training."""
        labels, modularity = position.labels, beginning.judge.modularity(position.labels)
        if self.keep == "best" and beginning.has_better_labels(modularity):
            labels, modularity = beginning.attributes["initial_labels_"], beginning.modularity
        sizes = np.bincount(labels, minlength=len(position.centers))
        order = empty_last(sizes)
        refined = copy.copy(autoencoder)
        refined.weights_ = position.weights
        refined.verbose = getattr(self.autoencoder, "verbose", 0)
        return beginning.attributes | {
            "autoencoder_": refined,
            "cluster_centers_": position.centers[order],
            "labels_": renumbered(labels, order),
            "cluster_sizes_": sizes[order],
            "cluster_health_": cluster_health(position.Z, labels, position.centers),
            "modularity_": modularity,
            "confidence_": beginning.judge.confidence(labels),
            "initial_modularity_": beginning.modularity,
            "history_": history,
            "n_batches_": position.n_batches,
        }

    # ------------------------------------------------------- fitted estimator

    def _encode(self, X: Any) -> tuple[ndarray, Any]:
        """Return the embedding of new images, and the type of X."""
        from skdcec._deep._training import encode

        check_is_fitted(self)
        parts, dtype = check_new_images(self, X)
        network = self.autoencoder_.architecture_, self.autoencoder_.weights_
        return np.concatenate([encode(*network, images) for images in parts]), dtype

    def predict_proba(self, X: Any) -> ndarray:
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
        Q: ndarray = soft_assignment(Z, self.cluster_centers_.astype(np.float64))
        return Q.astype(dtype, copy=False)

    def predict(self, X: Any) -> ndarray:
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
        return nearest_centers(Z, self.cluster_centers_)

    def transform(self, X: Any) -> ndarray:
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

    def inverse_transform(self, X: Any) -> ndarray:
        """Return the images that the decoder makes of embeddings, such as ``cluster_centers_``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Embeddings.

        Returns
        -------
        images : ndarray
            In the layout of the training data, on the scale that the network sees (see `value_range_`).
        """
        check_is_fitted(self)
        images: ndarray = self.autoencoder_.inverse_transform(X)
        return images.reshape(len(images), *self.sample_shape_)

    def score(self, X: Any, y: Any = None) -> float:
        """Return minus the joint loss on X, with targets from X itself.

        Do not compare it between fits of different `gamma` or `clustering_loss`: the smallest would win.

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
        clustering = mean_loss(self._loss(), Z, self.cluster_centers_)
        return -float(self.reconstruction_weight * error + self.gamma * clustering)

    def to_keras(self) -> "keras.Model":
        """Make a live Keras model from images to soft assignments, a copy of the fitted arrays.

        It can be saved and loaded without this package. ``dcec.autoencoder_.to_keras()`` makes encoder and
        decoder.

        Returns
        -------
        model : keras.Model
            From images of shape (height, width, channels) to assignments (n_clusters,).
        """
        from skdcec._deep._networks import clustering_model

        check_is_fitted(self)
        return clustering_model(self.autoencoder_.to_keras()[0], self.cluster_centers_)

    @property
    def _n_features_out(self) -> int:
        return int(self.cluster_centers_.shape[1])

    def __sklearn_is_fitted__(self) -> bool:
        return "cluster_centers_" in vars(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
