"""Mergers of communities, pair by pair, in several orders."""

from collections.abc import Callable

import numpy as np
from numpy import ndarray

from skdcec._graph._communities import Graph, compact


class Mergers:
    """Clusters that merge, pair by pair.

    Parameters
    ----------
    graph : Graph
    labels : ndarray of shape (n,)
        The clusters to begin with.
    order : callable
        Returns a matrix from weights, degrees and the sum of all degrees. The pair with the least value is
        the first to merge.
    """

    def __init__(
        self, graph: Graph, labels: ndarray, order: Callable[[ndarray, ndarray, float], ndarray]
    ) -> None:
        pairs = graph.contracted(labels)
        self.weights, self.degrees, self.total = pairs.weights.toarray(), pairs.degrees.copy(), graph.total
        self.sizes = np.bincount(labels, minlength=len(pairs))
        self.order = order
        self.owner = np.arange(len(pairs))
        self.left = np.arange(len(pairs))

    def merge(self) -> None:
        """Merge the pair that is first in the order."""
        left = self.left
        value = self.order(self.weights[np.ix_(left, left)], self.degrees[left], self.total)
        np.fill_diagonal(value, np.inf)
        self.join(*left[sorted(np.unravel_index(value.argmin(), value.shape))])

    def merge_smallest(self) -> None:
        """Merge the smallest cluster with the one that is first in its row of the order."""
        left = self.left
        i = int(self.sizes[left].argmin())
        value = self.order(self.weights[np.ix_(left, left)], self.degrees[left], self.total)[i]
        value[i] = np.inf
        self.join(*left[sorted((i, int(value.argmin())))])

    def join(self, i: int, j: int) -> None:
        """Let cluster j become a part of cluster i."""
        self.owner[self.owner == j] = i
        self.weights[i] += self.weights[j]
        self.weights[:, i] += self.weights[:, j]
        for sums in (self.degrees, self.sizes):
            sums[i] += sums[j]
        self.left = self.left[self.left != j]


def loss_of_merger(weights: ndarray, degrees: ndarray, total: float) -> ndarray:
    """Return how much modularity is lost by merging each pair, in units of weight."""
    return np.outer(degrees, degrees) / total - weights


def dissimilarity(weights: ndarray, degrees: ndarray, total: float) -> ndarray:
    """Return how little weight joins each pair, relative to its expectation; least for nodes without edges.

    These are outliers, which should join a cluster before two large ones do.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return -np.nan_to_num(weights / np.outer(degrees, degrees), nan=np.inf)


def separation(weights: ndarray, degrees: ndarray, total: float) -> ndarray:
    """Return how little weight joins each pair, relative to the geometric mean of their degrees.

    Unlike by `loss_of_merger` and `dissimilarity`, halves of a large cluster merge before two small ones.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return -np.nan_to_num(weights / np.sqrt(np.outer(degrees, degrees)), nan=np.inf)


def merged(graph: Graph, labels: ndarray, n_communities: int) -> ndarray:
    """Return the labels after merging communities, pair by pair, until so many are left."""
    # by loss, far communities merge if they are small; by dissimilarity, sizes may become very different
    candidates = (merged_by(order, graph, labels, n_communities) for order in (loss_of_merger, dissimilarity))
    return max(candidates, key=graph.modularity)


def merged_by(
    order: Callable[[ndarray, ndarray, float], ndarray], graph: Graph, labels: ndarray, n_communities: int
) -> ndarray:
    """Return the labels after merging the pairs that are first in an order."""
    mergers = Mergers(graph, labels, order)
    while len(mergers.left) > n_communities:
        mergers.merge()
    return compact(mergers.owner[labels])


def of_unequal_sizes(graph: Graph, labels: ndarray, n_clusters: int, min_size: float) -> ndarray:
    """Return the labels after merging communities into clusters that may differ much in size.

    Chooses the last step at which so many clusters have at least the smallest size or, if there is none, at
    which the last of them is largest. Then the smallest join the most similar ones.
    """
    mergers = Mergers(graph, labels, separation)
    best, largest = mergers.owner.copy(), 0.0
    while True:
        last = min(np.sort(mergers.sizes[mergers.left])[-n_clusters], min_size)
        if last >= largest:
            best, largest = mergers.owner.copy(), last
        if len(mergers.left) == n_clusters:
            break
        mergers.merge()
    labels = compact(best[labels])
    mergers = Mergers(graph, labels, separation)
    while len(mergers.left) > n_clusters:
        mergers.merge_smallest()
    return compact(mergers.owner[labels])


def of_size(graph: Graph, labels: ndarray, min_size: float) -> ndarray:
    """Return the labels after communities below the smallest size have joined the most similar ones."""
    mergers = Mergers(graph, labels, separation)
    while len(mergers.left) > 1 and mergers.sizes[mergers.left].min() < min_size:
        mergers.merge_smallest()
    return compact(mergers.owner[labels])
