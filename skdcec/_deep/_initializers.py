"""Initializers of DCEC: checking the parameter `init`, and making the start of joint training from it."""

import copy
import inspect
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.utils import check_array, check_random_state

from skdcec._graph._modularity_clustering import FEWEST_SAMPLES, ModularityClustering
from skdcec._sklearn import refuse_masked, validate_parameter_constraints
from skdcec._warn import warn


class Start(NamedTuple):
    """The cluster centers, and the labels that joint training learns first, if there are any."""

    centers: ndarray
    labels: ndarray | None = None


def name_of(init: Any) -> str:
    """Return a name for what `check_init` returned."""
    if hasattr(init, "fit"):
        return type(init).__name__
    return (
        getattr(getattr(init, "func", init), "__name__", "a function") if callable(init) else "the array init"
    )


def check_init(init: Any, n_clusters: int | None, n_components: int, n_samples: int) -> Any:
    """Return `init` ready for use: a clone of the clusterer, the array, or the callable.

    Raises
    ------
    TypeError
        If `init` is none of them.
    ValueError
        If the array has the wrong shape, parameters of the clusterer are invalid, or the number of clusters
        cannot be set.
    """
    if isinstance(init, str) and init == "auto":
        init = ModularityClustering(n_clusters)
    if init is None:
        if n_clusters is None:
            raise ValueError(
                "n_clusters=None needs an init that finds the number of clusters itself, but "
                "init=None is KMeans. Pass a number, or an init such as HDBSCAN()."
            )
        init = KMeans(n_init=20)
    estimator = hasattr(init, "fit") and not inspect.isclass(init)
    if inspect.isclass(init) or isinstance(init, str) or (estimator and not hasattr(init, "fit_predict")):
        raise TypeError(
            f"init={init!r} should be a clusterer instance such as KHarmonicMeans(), an array of "
            "centers or labels, a callable, 'auto' or None."
        )
    if estimator:
        init = clone(init)
        validate_parameter_constraints(init)
        if isinstance(init, ModularityClustering):
            init.set_params(n_clusters=n_clusters)
            check_communities(init, n_samples)
        elif n_clusters is not None:
            set_cluster_number(init, n_clusters)
        return init
    if callable(init):
        check_signature(init)
        return init
    refuse_masked(init, "init")
    if np.ndim(init) == 1:
        return check_labels(np.asarray(init), n_clusters, n_samples)
    centers = check_array(init, dtype=np.float64, input_name="init")
    return check_centers(centers, n_clusters, n_components)


def check_communities(init: ModularityClustering, n_samples: int) -> None:
    """Raise a ValueError if communities of the images cannot be found with these parameters."""
    if n_samples < FEWEST_SAMPLES:
        raise ValueError(f"n_samples={n_samples} should be >= {FEWEST_SAMPLES} for communities of images.")
    if init.image_shape is not None:
        raise ValueError(
            f"image_shape={init.image_shape} of init should be None: set the shape of the images in the "
            "autoencoder."
        )
    init._check_params()
    init._check_sizes(n_samples)


def rehearse(init: Any, n_clusters: int | None, n_components: int, n_samples: int) -> None:
    """Place centers in a random embedding with clear clusters, so that errors show before pretraining.

    Raises
    ------
    TypeError, ValueError
        If `init` fails, or a callable returns another number of centers than it was asked for.
    """
    small = min(n_samples, max(200, 20 * (n_clusters or 1)))
    # a function may expect all images, and a clusterer too, with a connectivity matrix, say
    for size in (n_samples,) if callable(init) else (small, n_samples):
        Z = random_embedding(size, n_components, n_clusters or 5)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                centers = place(silent_copy(init), Z.copy, Z, n_clusters, 0).centers
            break
        except Exception as error:
            failure = error
    else:
        kind = TypeError if isinstance(failure, TypeError) else ValueError
        raise kind(
            f"init={init!r} fails in a random embedding of shape ({n_samples}, {n_components}), before "
            f"pretraining: {type(failure).__name__}: {failure}"
        ) from failure
    problem = wrong_components(centers, n_components)
    if callable(init) and len(centers):
        problem = problem or wrong_number(centers, n_clusters)
    if problem:
        raise ValueError(problem)
    if problem := wrong_number(centers, n_clusters):
        # it may find as many in other data
        warn(f"In a random embedding, {problem}")


def random_embedding(n_samples: int, n_components: int, n_clusters: int) -> ndarray:
    """Return an embedding of well-separated clusters, always the same."""
    rng = np.random.default_rng(0)
    centers = 10 * rng.standard_normal((n_clusters, n_components))
    noise = rng.standard_normal((n_samples, n_components))
    return (centers[np.arange(n_samples) % n_clusters] + noise).astype(np.float32)


def silent_copy(init: Any) -> Any:
    """Return a clone without callbacks of a clusterer, and a copy of anything else that can be copied."""
    if not hasattr(init, "fit"):
        try:
            return copy.deepcopy(init)
        except Exception:
            return init
    init = clone(init)
    return init.set_callbacks() if hasattr(init, "set_callbacks") else init


def check_signature(init: Callable[..., Any]) -> None:
    """Raise if a callable does not accept the arguments that `place_centers` passes."""
    try:
        signature = inspect.signature(init)
    except ValueError:  # some compiled functions have no signature
        return
    try:
        signature.bind(None, None, random_state=None)
    except TypeError as error:
        raise TypeError(
            f"init={init!r} should be callable as init(Z, n_clusters, random_state=random_state), but it is "
            f"not: {error}."
        ) from error


def check_centers(centers: ndarray, n_clusters: int | None, n_components: int) -> ndarray:
    """Return the centers; raise if their number or their number of components is wrong."""
    if problem := wrong_components(centers, n_components) or wrong_number(centers, n_clusters):
        raise ValueError(problem)
    return centers


def wrong_components(centers: ndarray, n_components: int) -> str:
    """Return what is wrong with the shape of centers, or nothing."""
    if centers.ndim == 2 and centers.shape[1] == n_components:
        return ""
    return (
        f"init returned centers of shape {centers.shape}; they should have the n_components={n_components} "
        "columns of the embedding."
    )


def wrong_number(centers: ndarray, n_clusters: int | None) -> str:
    """Return what is wrong with the number of centers, or nothing."""
    if not len(centers):
        return (
            "init found no clusters; pass one that finds clusters in the embedding, such as HDBSCAN with a "
            "smaller min_cluster_size."
        )
    if len(centers) != (n_clusters or len(centers)):
        return (
            f"init found {len(centers)} clusters, but n_clusters={n_clusters}. Set n_clusters=None to use as "
            "many as it finds."
        )
    return ""


def check_labels(labels: ndarray, n_clusters: int | None, n_samples: int) -> ndarray:
    """Return the labels as int32; raise unless there is one for each image, and an image for each cluster."""
    if labels.dtype.kind not in "iu" or labels.shape != (n_samples,):
        raise ValueError(
            f"init of shape {labels.shape} and dtype {labels.dtype} should be an integer label for each of "
            f"the n_samples={n_samples} images, or an array of centers."
        )
    found = np.unique(labels)
    expected = n_clusters or len(found)
    if not np.array_equal(found, np.arange(expected)):
        raise ValueError(
            f"init has the labels {found.tolist()}, which should be 0 to {expected - 1}, each at least once. "
            "Give noise (-1) to a cluster first."
        )
    return labels.astype(np.int32)


def start_from(
    init: Any,
    images: Callable[[], ndarray],
    Z: ndarray,
    n_clusters: int | None,
    seed: int,
) -> Start:
    """Return the start of joint training that a checked init makes; raise if it is not of the right shape."""
    start = place(init, images, Z, n_clusters, seed)
    check_centers(start.centers, n_clusters, Z.shape[1])
    return start


def place(
    init: Any,
    images: Callable[[], ndarray],
    Z: ndarray,
    n_clusters: int | None,
    seed: int,
) -> Start:
    """Return the centers that a checked init places in the embedding Z, and the labels to learn, if any.

    A `ModularityClustering` is fitted to the images, other clusterers to the embedding; `seed` replaces each
    ``random_state`` that is None.
    """
    labels = None
    if hasattr(init, "fit"):
        seed_estimator(init, seed)
        if isinstance(init, ModularityClustering):
            labels = init.fit_predict(images())
            centers = means_of(Z, labels)
        else:
            centers = centers_of(init, Z, checked_labels(init, init.fit_predict(Z), len(Z)))
    elif np.ndim(init) == 1 and not callable(init):
        labels = init
        centers = means_of(Z, labels)
    elif callable(init):
        centers = init(Z, n_clusters, random_state=check_random_state(seed))
        refuse_masked(centers, "init")
        if not np.size(centers):
            centers = np.empty((0, Z.shape[1]))
        centers = check_array(centers, dtype=np.float64, input_name="init", ensure_min_samples=0)
    else:
        centers = init
    return Start(centers, labels)


def seed_estimator(estimator: Any, seed: int) -> Any:
    """Set each ``random_state`` that is None in an estimator and the estimators inside it."""
    params = estimator.get_params(deep=True)
    unset = [name for name in params if name.split("__")[-1] == "random_state" and params[name] is None]
    return estimator.set_params(**dict.fromkeys(unset, seed))


def set_cluster_number(estimator: Any, n_clusters: int) -> Any:
    """Set the number of clusters of a clusterer, or of the last step of a Pipeline."""
    clusterer = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    for name in ("n_clusters", "n_components"):
        if name in clusterer.get_params(deep=False):
            clusterer.set_params(**{name: n_clusters})
            return estimator
    raise ValueError(
        f"init={estimator!r} has no parameter n_clusters, so it cannot find n_clusters={n_clusters}. "
        "Set n_clusters=None to use as many as it finds."
    )


def centers_of(clusterer: Any, Z: ndarray, labels: ndarray) -> ndarray:
    """Return the centers that a fitted clusterer found in Z.

    They are its ``cluster_centers_`` or ``means_`` if these are points in the space of Z, else the mean of
    each label. Noise (-1) is left out.
    """
    for name in ("cluster_centers_", "means_"):
        centers = getattr(clusterer, name, None)
        if centers is not None and np.ndim(centers) == 2 and centers.shape[1] == Z.shape[1]:
            return check_array(centers, dtype=np.float64, input_name=f"{name} of init")
    return means_of(Z, labels)


def checked_labels(init: Any, labels: Any, n_samples: int) -> ndarray:
    """Return the labels of a clusterer; raise unless they are an integer for each sample."""
    labels = np.asarray(labels)
    if labels.shape != (n_samples,) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"init={init!r} returned labels of shape {labels.shape} and dtype={labels.dtype}, which should "
            f"be an integer for each of the n_samples={n_samples}."
        )
    return labels


def means_of(Z: ndarray, labels: ndarray) -> ndarray:
    """Return the mean of the rows of each label (n_clusters, n_components); noise (-1) is left out."""
    found = np.unique(labels[labels >= 0])
    means = [Z[labels == label].mean(axis=0, dtype=np.float64) for label in found]
    return np.array(means).reshape(-1, Z.shape[1])
