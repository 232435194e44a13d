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
# A modularity that is lower by more than this is worse.
WORSE = 0.005
# If less of the weight of the edges stays within the clusters, they are not separate.
SEPARATE = 0.6


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
        "DCEC": labels,
        "its start": model.initial_labels_,
        "k-means on pixels": kmeans.fit_predict(pixels),
        "k-means on the embedding": kmeans.fit_predict(model.transform(images)),
    }
    restarts = []
    if isinstance(model.init_, ModularityClustering) and len(images) <= MOST_RESTARTED:
        for seed in RESTART_SEEDS:
            start = clone(model.init_).set_params(n_clusters=k, random_state=random_state + seed)
            restarts.append(start.fit_predict(images))
            found[f"another start ({seed})"] = restarts[-1]
    partitions = [
        Partition(
            name, len(np.unique(other)), float(adjusted_rand_score(labels, other)), judge.modularity(other)
        )
        for name, other in found.items()
    ]
    doubts = [*dict.fromkeys(warned)]
    own, best = partitions[0].modularity, max(partitions, key=lambda partition: partition.modularity)
    if best.modularity > own + WORSE:
        doubts.append(
            f"The neighbors of the images suit another partition better: {best.name} has a modularity of "
            f"{best.modularity:.3f}, DCEC of {own:.3f}."
        )
    agreements = [adjusted_rand_score(model.initial_labels_, other) for other in restarts]
    if agreements and min(agreements) < STABLE:
        doubts.append(
            f"Starts with other random numbers agree only to {min(agreements):.2f} (adjusted Rand index; 1 "
            "is equal), so there are several ways to divide these images."
        )
    confidence = float(np.nanmean(model.confidence_))
    if confidence < SEPARATE:
        doubts.append(
            f"Only {confidence:.0%} of the similarity between neighboring images lies within clusters: they "
            "are not separate."
        )
    return Trust(partitions, doubts)
