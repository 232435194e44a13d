"""Partitions of a graph into a given number of clusters, from its communities."""

import numpy as np
import scipy.sparse as sp
from numpy import ndarray

from skdcec._graph._communities import SMALLEST_GAIN, Graph, communities, moved
from skdcec._graph._mergers import merged, of_size, of_unequal_sizes

# At a larger resolution each node is a community.
LARGEST_RESOLUTION = 2**20
# The resolution at which clusters of unequal sizes are merged: at 1, small classes are parts of communities.
FINE_RESOLUTION = 4.0
# Clusters are separate parts of a graph if no more than this fraction of its weight is between them, and none
# is smaller than this fraction of their mean size. On 287 data sets, .05 and .2 found fewer of the classes.
LARGEST_SEPARATE_CUT, SMALLEST_PART = 0.001, 0.1


def split_and_merged(graph: Graph, labels: ndarray, rng: np.random.Generator) -> ndarray:
    """Return a partition of modularity at least as large, after splits of one cluster and mergers of two."""
    n_communities = int(labels.max()) + 1
    largest = graph.modularity(labels)
    improved = True
    while improved and n_communities > 2:
        improved = False
        for cluster in range(n_communities):
            nodes = np.flatnonzero(labels == cluster)
            parts = communities(graph.part(nodes), rng)
            if parts.max() == 0:
                continue
            finer = labels.copy()
            finer[nodes] = np.where(parts == 0, cluster, n_communities + parts - 1)
            candidate = moved(graph, merged(graph, finer, n_communities), rng)
            modularity = graph.modularity(candidate)
            if modularity > largest + SMALLEST_GAIN and len(np.unique(candidate)) == n_communities:
                labels, largest, improved = candidate, modularity, True
    return labels


def partition(
    weights: sp.csr_array, n_clusters: int | None, rng: np.random.Generator, min_size: float | None = None
) -> tuple[ndarray, ndarray]:
    """Return a partition into so many clusters, and the communities that it merges.

    Its modularity is large or, with a smallest size, its clusters are well separated. None keeps the
    communities, except for those that are too small.
    """
    graph = Graph.of(weights)
    if n_clusters is not None and min_size is not None:
        found = at_least(graph, n_clusters, FINE_RESOLUTION, rng)
        labels = of_unequal_sizes(graph, found, n_clusters, min_size)
        better = moved(graph, labels, rng)
        return better if keeps_sizes(better, labels, min_size) else labels, found
    found = communities(graph, rng)
    if n_clusters is not None:
        return split_and_merged(graph, resized(graph, found, n_clusters, rng), rng), found
    return found if min_size is None else of_size(graph, found, min_size), found


def separate_parts(weights: sp.csr_array, n_clusters: int, rng: np.random.Generator) -> ndarray | None:
    """Return a partition into so many nearly separate parts of a graph, if it has them."""
    least = SMALLEST_PART * weights.shape[0] / n_clusters
    labels, _ = partition(weights, n_clusters, rng, least)
    cut, sizes = Graph.of(weights).cut(labels), np.bincount(labels)
    return labels if cut <= LARGEST_SEPARATE_CUT and sizes.min() >= least else None


def keeps_sizes(labels: ndarray, before: ndarray, min_size: float) -> bool:
    """Return whether no cluster has become empty or too small."""
    sizes, sizes_before = (np.bincount(a, minlength=before.max() + 1) for a in (labels, before))
    return bool((sizes >= np.minimum(sizes_before, max(min_size, 1))).all())


def regrouped(weights: sp.csr_array, groups: ndarray, n_clusters: int, rng: np.random.Generator) -> ndarray:
    """Return a partition of groups of nodes of large modularity in a graph between them."""
    between = Graph.of(weights).contracted(groups)
    return partition(between.weights, n_clusters, rng)[0][groups]


def at_least(graph: Graph, n_communities: int, resolution: float, rng: np.random.Generator) -> ndarray:
    """Return the labels of at least so many communities, at this resolution or a larger one."""
    while resolution < LARGEST_RESOLUTION:
        labels = communities(Graph.of(graph.weights, resolution), rng)
        if labels.max() + 1 >= n_communities:
            return labels
        resolution *= 2
    return np.arange(len(graph))


def resized(graph: Graph, labels: ndarray, n_clusters: int, rng: np.random.Generator) -> ndarray:
    """Return a partition into so many clusters, by mergers and moves, from that into communities.

    If these are too few, smaller ones are sought first.
    """
    if labels.max() + 1 < n_clusters:
        labels = at_least(graph, n_clusters, 2.0, rng)
    labels = merged(graph, labels, n_clusters)
    better = moved(graph, labels, rng)
    return better if len(np.unique(better)) == n_clusters else labels


def modularities(
    weights: sp.csr_array, n_clusters: int | None, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the modularity of a quick partition into so many clusters, and that of the communities."""
    graph = Graph.of(weights)
    labels = communities(graph, rng)
    of_communities = graph.modularity(labels)
    if n_clusters is None:
        return of_communities, of_communities
    return graph.modularity(resized(graph, labels, n_clusters, rng)), of_communities
