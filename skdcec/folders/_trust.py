"""Whether the clusters of a fit can be trusted: other partitions, and what speaks against them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import ndarray
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from skdcec._deep._judge import Judge
from skdcec._graph._modularity_clustering import ModularityClustering

# Restarts of the start of a fit, on no more images than this.
RESTART_SEEDS, MOST_RESTARTED = (1, 2), 10_000
# Restarts that agree less than this are unstable.
STABLE = 0.8
# A modularity that is lower by more than this is worse. Labels of a network may be better than those of its
# start although their modularity is lower by up to .03.
WORSE = 0.03
# If less of the weight of the edges stays within the clusters, or within one of them, they are not separate.
SEPARATE = 0.6
# Warnings of a fit, by their beginnings, in the words of somebody who has only named a folder.
PLAIN = {
    "max_minutes=": "The time was too short: the fit was ended early. Allow more minutes.",
    "The network has not learned": (
        "Training did not improve the first grouping, which is shown here. More minutes may help."
    ),
    "Pretraining ended early": "The training of the interrupted run was short. Start again without resume.",
}


@dataclass(frozen=True)
class Partition:
    """A partition beside that of the fit."""

    name: str
    n_clusters: int
    agreement: float  # adjusted Rand index with that of the fit
    modularity: float


@dataclass(frozen=True)
class Trust:
    """Other partitions, and the doubts that they and the fit itself raise."""

    partitions: list[Partition]
    doubts: list[str]


def examine(model: Any, images: ndarray, warned: Sequence[str], random_state: int) -> Trust:
    """Compare a fit with k-means on pixels and on the embedding, and with other starts.

    Parameters
    ----------
    model : DCEC
        Fitted to the images.
    images : ndarray of shape (n_samples, height, width[, channels])
    warned : sequence of str
        The warnings of the fit.
    random_state : int
    """
    labels, pixels = model.labels_, images.reshape(len(images), -1).astype(np.float32)
    judge = Judge.of(pixels.reshape(-1, *model.image_shape_), model.init_)
    k = len(model.cluster_centers_)
    kmeans = KMeans(k, n_init=10, random_state=random_state)
    found = {
        "these clusters": labels,
        "their start": model.initial_labels_,
        "k-means on pixels": kmeans.fit_predict(pixels),
        "k-means on the embedding": kmeans.fit_predict(model.transform(images)),
    }
    restarts = []
    if isinstance(model.init_, ModularityClustering) and len(images) <= MOST_RESTARTED:
        for seed in RESTART_SEEDS:
            start = clone(model.init_).set_params(n_clusters=k, random_state=random_state + seed)
            restarts.append(start.fit_predict(images))
            found[f"another start ({seed})"] = restarts[-1]
        free = clone(model.init_).set_params(n_clusters=None, random_state=random_state)
        found["any number of clusters"] = free.fit_predict(images)
    partitions = [
        Partition(
            name, len(np.unique(other)), float(adjusted_rand_score(labels, other)), judge.modularity(other)
        )
        for name, other in found.items()
    ]
    doubts = [*dict.fromkeys(map(in_plain_words, warned))]
    own = partitions[0].modularity
    *same, free_of_k = partitions if restarts else [*partitions, partitions[0]]
    best = max(same, key=lambda partition: partition.modularity)
    # modularity favors clusters of similar size
    is_fair = getattr(model.init_, "min_cluster_size", None) is None
    if is_fair and best.modularity > own + WORSE:
        doubts.append(
            f"The neighbors of the images suit another partition better: {best.name} has a modularity of "
            f"{best.modularity:.3f}, instead of {own:.3f}."
        )
    if is_fair and free_of_k.modularity > own + WORSE:
        doubts.append(
            "Another number of clusters may suit these images better: if it is free, "
            f"{free_of_k.n_clusters} are found, with a modularity of {free_of_k.modularity:.3f} instead of "
            f"{own:.3f}."
        )
    agreements = [adjusted_rand_score(model.initial_labels_, other) for other in restarts]
    if agreements and min(agreements) < STABLE:
        doubts.append(
            f"Starts with other random numbers agree only to {min(agreements):.2f} (adjusted Rand index; 1 "
            "is equal), so there are several ways to divide these images."
        )
    confidence = mean_of(model.confidence_)
    if confidence < SEPARATE:
        doubts.append(
            f"Only {confidence:.0%} of the similarity between neighboring images lies within clusters: they "
            "are not separate."
        )
    elif weak := [str(j) for j in range(k) if mean_of(model.confidence_[labels == j]) < SEPARATE]:
        doubts.append(f"Clusters {', '.join(weak)} are not separate from the others.")
    return Trust(partitions, doubts)


def in_plain_words(warning: str) -> str:
    """Return a warning of a fit in other words, if there are any."""
    return next((text for beginning, text in PLAIN.items() if warning.startswith(beginning)), warning)


def mean_of(confidence: ndarray) -> float:
    """Return the mean of the values that are known; 1 if none is."""
    known = confidence[np.isfinite(confidence)]
    return float(known.mean()) if len(known) else 1.0
