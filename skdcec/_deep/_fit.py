"""The checks of a fit of `DCEC`, before any training, and the arguments that its phases share."""

import copy
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
from numpy import ndarray
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skdcec._deep._autoencoders import ConvAutoencoder, DenseAutoencoder
from skdcec._deep._base_autoencoder import LARGEST_SEED, BaseAutoencoder, check_augmentation
from skdcec._deep._batches import batches_per_epoch
from skdcec._deep._cache import Cache
from skdcec._deep._checkpoint import RESOLVED, Checkpoint
from skdcec._deep._identity import as_text, json_identity
from skdcec._deep._images import Images, check_images, is_table, readable
from skdcec._deep._initializers import check_init, rehearse, seed_estimator
from skdcec._deep._losses import ClusteringLoss
from skdcec._deep._schedule import Schedule
from skdcec._deep._value_range import scale_of
from skdcec._graph._modularity_clustering import ModularityClustering
from skdcec._sklearn import validate_parameter_constraints

if TYPE_CHECKING:
    from skdcec._deep._models import Recipe

# With max_batches='auto', joint training has so many batches or epochs, whichever is more.
BATCHES, EPOCHS = 2400, 20
# An update embeds all images, which should not take longer than the batches between two of them.
BATCHES_PER_UPDATE, EPOCHS_PER_UPDATE = 30, 0.5
# Images whose sides are longer than this are scaled down before they are compared.
LARGEST_COMPARED = 48
# Of max_minutes, so much is for pretraining.
SHARE_OF_PRETRAINING = 0.4


@dataclass(frozen=True)
class Fit:
    """The checked arguments that the phases of a fit share."""

    X: Any  # as given, for the callbacks
    y: Any
    images: Images
    autoencoder: BaseAutoencoder  # a copy, which may be changed
    is_frozen: bool  # whether it is fitted already
    pretraining: "Recipe"
    refinement: "Recipe"
    schedule: Schedule
    n_clusters: int | None
    init: Any
    is_table: bool  # whether X holds rows that are no images
    loss: ClusteringLoss
    seeds: list[int]  # of pretraining, initialization and refinement
    checkpoint: Checkpoint | None
    cache: Cache | None
    began: float  # on the clock of `time.monotonic`
    deadline: float | None

    def arrays(self) -> ndarray:
        """Return all images as floats, scaled down if they are large, or the rows of a table."""
        if self.is_table:
            return self.images[:].reshape(len(self.images), -1)
        return self.images.scaled_down(LARGEST_COMPARED)

    @property
    def deadline_of_pretraining(self) -> float | None:
        """When pretraining should end."""
        if self.deadline is None:
            return None
        return self.began + SHARE_OF_PRETRAINING * (self.deadline - self.began)

    @property
    def data(self) -> dict[str, Any]:
        """The data for the callbacks."""
        return {"X": self.X, "y": self.y}


def is_autoencoders(value: Any) -> bool:
    """Return whether a parameter of joint training is that of the autoencoder."""
    return isinstance(value, str) and value == "autoencoder"


def gives_labels(init: Any) -> bool:
    """Return whether the parameter `init` gives labels of the images, not centers."""
    if hasattr(init, "fit"):
        return isinstance(init, ModularityClustering)
    return isinstance(init, str) or np.ndim(init) == 1


def check_fit(dcec: Any, X: Any, y: Any, began: float) -> Fit:
    """Check everything that can be checked before training.

    Parameters
    ----------
    dcec : DCEC
        With checked types of its parameters.
    X, y : object
        The arguments of its fit.
    began : float
        When it began, on the clock of `time.monotonic`.
    """
    from skdcec._deep._networks import embedding_size

    if dcec.gamma == 0 and dcec.reconstruction_weight == 0:
        raise ValueError("gamma=0 and reconstruction_weight=0 leave nothing to train; one must be > 0.")
    loss = dcec._loss()
    validate_parameter_constraints(loss)
    opened = readable(X)
    is_rows = is_table(opened)
    autoencoder, is_frozen = check_autoencoder(dcec, is_rows)
    images = check_images(
        dcec,
        opened,
        autoencoder.image_shape_ if is_frozen else autoencoder.image_shape,
        scale_of(autoencoder),
        ignores_shape=autoencoder._ignores_shape,
        frozen=autoencoder if is_frozen else None,
    )
    pretraining, refinement = recipes(dcec, autoencoder, is_frozen, images.shape[1:])
    n_clusters, init = check_start(dcec, len(images), embedding_size(pretraining.architecture))
    cache = Cache.of(dcec.memory)
    seeds = check_random_state(dcec.random_state).randint(LARGEST_SEED, size=3).tolist()
    schedule = schedule_of(dcec, len(images), autoencoder)
    checkpoint = None
    if dcec.checkpoint is not None:
        start = "" if is_frozen else autoencoder._start_hash(pretraining)
        identity = identity_of(dcec, images, seeds, pretraining, refinement, start)
        epochs = 0 if is_frozen else autoencoder._n_epochs(len(images))
        checkpoint = checkpoint_of(dcec.checkpoint, identity, seeds, schedule, epochs)
        seeds = checkpoint.seeds
    if not is_frozen:
        seed_estimator(autoencoder, seeds[0])
    return Fit(
        X=X,
        y=y,
        images=images,
        autoencoder=autoencoder,
        is_frozen=is_frozen,
        pretraining=pretraining,
        refinement=refinement,
        schedule=schedule,
        n_clusters=n_clusters,
        init=init,
        is_table=is_rows and autoencoder.image_shape is None,
        loss=loss,
        seeds=seeds,
        checkpoint=checkpoint,
        cache=cache,
        began=began,
        deadline=None if dcec.max_minutes is None else began + 60 * dcec.max_minutes,
    )


def check_start(dcec: Any, n_samples: int, n_components: int) -> tuple[int | None, Any]:
    """Return the number of clusters and `init`, ready for use and tried on a random embedding."""
    # whatever integer it was given as
    k = None if dcec.n_clusters is None else int(dcec.n_clusters)
    if k is not None and n_samples < k:
        raise ValueError(f"n_samples={n_samples} should be >= n_clusters={k}.")
    init = check_init(dcec.init, k, n_components, n_samples)
    if not gives_labels(dcec.init) and dcec.init is not None:
        rehearse(init, k, n_components, n_samples)
    return k, init


def checkpoint_of(
    folder: Any, identity: dict[str, str], seeds: list[int], schedule: Schedule, epochs: int
) -> Checkpoint:
    """Return the checkpoint in a folder, of a fit with this identity and these lengths."""
    # numbers, because 'auto' may depend on max_batches
    identity = identity | {name: str(getattr(schedule, name)) for name in RESOLVED}
    return Checkpoint(folder, identity, seeds, {"epochs": epochs, "max_batches": schedule.max_batches})


def schedule_of(dcec: Any, n_samples: int, autoencoder: BaseAutoencoder) -> Schedule:
    """Return the lengths of joint training in numbers."""
    batch_size = int(autoencoder.batch_size if isinstance(dcec.batch_size, str) else dcec.batch_size)
    epoch = batches_per_epoch(n_samples, batch_size)
    per_update, most, first = dcec.batches_per_update, dcec.max_batches, dcec.label_batches
    if isinstance(per_update, str):
        is_epoch = per_update == "epoch"
        per_update = epoch if is_epoch else max(BATCHES_PER_UPDATE, int(EPOCHS_PER_UPDATE * epoch))
    if isinstance(most, str):
        most = max(BATCHES, EPOCHS * epoch)
    if isinstance(first, str):
        first = most // 2 if gives_labels(dcec.init) else 0
    per_update, most, first = int(per_update), int(most), int(first)
    return Schedule(batch_size, per_update, most, min(first, most), dcec.tol)


def check_autoencoder(dcec: Any, is_rows: bool) -> tuple[BaseAutoencoder, bool]:
    """Return an autoencoder that may be changed, and whether it is fitted already."""
    is_frozen = isinstance(dcec.autoencoder, FrozenEstimator)
    autoencoder = dcec.autoencoder.estimator if is_frozen else dcec.autoencoder
    if autoencoder is None:
        autoencoder = DenseAutoencoder() if is_rows else ConvAutoencoder()
    if not isinstance(autoencoder, BaseAutoencoder):
        raise TypeError(
            f"autoencoder={dcec.autoencoder!r} should be a ConvAutoencoder, a DenseAutoencoder, a "
            "KerasAutoencoder, another BaseAutoencoder, or a fitted one of them in a FrozenEstimator."
        )
    if is_frozen:
        check_is_fitted(autoencoder)
        return copy.copy(autoencoder), True
    from skdcec._deep._keras_json import undisturbed_random

    autoencoder._validate_params()
    autoencoder._check_params()
    with undisturbed_random():
        autoencoder = clone(autoencoder)
    autoencoder.verbose = max(autoencoder.verbose, dcec.verbose)
    return autoencoder, False


def recipes(
    dcec: Any, autoencoder: BaseAutoencoder, is_frozen: bool, image_shape: tuple[int, ...]
) -> "tuple[Recipe, Recipe]":
    """Return the recipes of pretraining and refinement; raise if Keras refuses a parameter."""
    from skdcec._deep._keras_json import augmentation_json, optimizer_json

    recipe = autoencoder._recipe(image_shape, autoencoder.architecture_ if is_frozen else None)
    refinement = recipe
    if not is_autoencoders(dcec.optimizer):
        refinement = refinement._replace(optimizer=optimizer_json(dcec.optimizer))
    if not is_autoencoders(dcec.augmentation):
        check_augmentation(dcec.augmentation)
        augmentation = augmentation_json(dcec.augmentation, image_shape)
        refinement = refinement._replace(augmentation=augmentation)
    return recipe, refinement


def identity_of(
    dcec: Any, images: Images, seeds: list[int], pretraining: "Recipe", refinement: "Recipe", start: str
) -> dict[str, str]:
    """Return texts of everything that the result of the fit depends on."""
    from skdcec._deep._software import software

    # the lengths of phases may grow, see `Checkpoint`
    unimportant = ("verbose", "memory", "checkpoint", "max_minutes")
    # described by the recipes
    in_recipes = re.compile(r"(autoencoder__.*)?(optimizer|augmentation)|autoencoder__.*network")
    lengths = ("max_batches", "autoencoder__epochs")
    identity = {
        name: as_text(value)
        for name, value in dcec.get_params(deep=True).items()
        if name not in lengths and name.split("__")[-1] not in unimportant and not in_recipes.fullmatch(name)
    }
    architecture = pretraining.architecture
    identity["autoencoder__network"] = str(joblib.hash([architecture, json_identity(architecture), start]))
    for name in ("optimizer", "augmentation"):
        texts = [getattr(recipe, name) for recipe in (pretraining, refinement)]
        first, second = (f"{text} {json_identity(text)}".rstrip() for text in texts)
        identity[f"autoencoder__{name}"] = first
        own = not is_autoencoders(getattr(dcec, name))
        identity[name] = second if own else "that of the autoencoder"
    # without a seed of its own, a fit goes on with those of the interrupted one
    identity["random_state"] = "None" if dcec.random_state is None else repr(seeds)
    return identity | {"X": images.fingerprint, "software": software()}
