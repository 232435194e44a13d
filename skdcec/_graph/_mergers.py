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
        i, j = left[sorted(np.unravel_index(value.argmin(), value.shape))]
        self.owner[self.owner == j] = i
        self.weights[i] += self.weights[j]
        self.weights[:, i] += self.weights[:, j]
        for sums in (self.degrees, self.sizes):
            sums[i] += sums[j]
        self.left = left[left != j]


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

    The fewest clusters of which so many have at least the smallest size are chosen; if there are none, those
    of which the last of so many is largest. The small ones that are left join the most similar of them.
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
    return absorbed(graph, compact(best[labels]), n_clusters)


def absorbed(graph: Graph, labels: ndarray, n_clusters: int) -> ndarray:
    """Return the labels after the smallest clusters have joined the most similar of so many larger ones."""
    pairs = graph.contracted(labels)
    separations = separation(pairs.weights.toarray(), pairs.degrees, graph.total)
    order = np.argsort(-np.bincount(labels), kind="stable")
    larger, smaller = order[:n_clusters], order[n_clusters:]
    owner = np.arange(len(pairs))
    owner[smaller] = larger[separations[np.ix_(smaller, larger)].argmin(axis=1)]
    return compact(owner[labels])
