"""Communities of large modularity in a weighted graph.

Modularity compares the weight inside the communities with its expectation if edges were drawn at random
between nodes of the same degrees (Newman and Girvan 2004). The search is that of Rotta and Noack (2011):
coarsen the graph by joining clusters, then refine the partition at each level from the coarsest to the
finest. Every node decides at the same time, which suits arrays; a random half of them may move at once, so
that neighbors do not swap places forever.

References
----------
.. [1] M. E. J. Newman, M. Girvan (2004). "Finding and evaluating community structure in networks". Physical
   Review E 69, 026113.
.. [2] R. Rotta, A. Noack (2011). "Multilevel local search algorithms for modularity clustering". Journal of
   Experimental Algorithmics 16, 2.3.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
import scipy.sparse as sp
from numpy import ndarray
from scipy.sparse.csgraph import connected_components

# Moves end after so many rounds without a larger modularity, and at the latest after MOST_ROUNDS.
PATIENCE, MOST_ROUNDS = 3, 50
# Gains of modularity below this fraction of all weight are rounding errors.
SMALLEST_GAIN = 1e-12
# So often the communities are sought from nodes that settle in random order.
N_SETTLED = 3
# Each level is kept while they have no more edges than this together, then only if it is half as large.
MOST_EDGES = 2**24
# Links of nodes to communities are a dense matrix if it has no more entries than this: most graphs of a
# search are small, and the overhead of a sparse product is a third of a millisecond.
DENSE_LINKS = 2**15


@dataclass(frozen=True)
class Graph:
    """A weighted undirected graph, or a part of one.

    Parameters
    ----------
    weights : CSR array of shape (n, n)
        Symmetric. The diagonal is twice the weight inside a node that stands for several.
    degrees : ndarray of shape (n,)
        The weight at each node; in a part of a graph that in the whole.
    total : float
        The sum of the degrees of the whole graph.
    """

    weights: sp.csr_array
    degrees: ndarray
    total: float

    @classmethod
    def of(cls, weights: sp.csr_array, resolution: float = 1.0) -> Self:
        """Return the graph of symmetric weights; a larger resolution makes communities smaller."""
        degrees = np.asarray(weights.sum(axis=1), dtype=np.float64)
        total = float(degrees.sum()) or 1.0
        return cls(weights, degrees, total / resolution)

    def __len__(self) -> int:
        return len(self.degrees)

    @cached_property
    def edges(self) -> tuple[ndarray, ndarray, ndarray]:
        """Both ends and the weight of each edge between two nodes, in both directions."""
        edges = self.weights.tocoo()
        i, j = edges.coords
        between = i != j
        return i[between], j[between], edges.data[between]

    @cached_property
    def between(self) -> sp.csr_array:
        """The weights of the edges between two nodes."""
        i, j, weight = self.edges
        return sp.csr_array((weight, (i, j)), shape=self.weights.shape)

    @cached_property
    def inside(self) -> float:
        """The weight inside of nodes."""
        return float(self.weights.diagonal().sum())

    def contracted(self, labels: ndarray) -> Self:
        """Return the graph in which each community is one node."""
        n_communities = int(labels.max()) + 1
        members = indicator(labels, n_communities)
        weights = (members.T @ self.weights @ members).tocsr()
        return type(self)(weights, np.bincount(labels, self.degrees, n_communities), self.total)

    def part(self, nodes: ndarray) -> Self:
        """Return the graph of some of the nodes, with their degrees in the whole."""
        return type(self)(self.weights[nodes][:, nodes], self.degrees[nodes], self.total)

    def modularity(self, labels: ndarray) -> float:
        """Return the modularity of a partition (Newman and Girvan 2004, equation 5)."""
        graph = self.contracted(compact(labels))
        expected = np.square(graph.degrees).sum() / self.total
        return float((graph.weights.diagonal().sum() - expected) / self.total)

    def cut(self, labels: ndarray) -> float:
        """Return the fraction of the weight between communities."""
        inside = self.contracted(compact(labels)).weights.diagonal().sum()
        return 1 - float(inside / max(self.degrees.sum(), np.finfo(float).tiny))

    def in_largest_parts(self, n_parts: int) -> float:
        """Return the fraction of the nodes in the largest connected parts, so many of them."""
        part = connected_components(self.weights, directed=False)[1]
        return float(np.sort(np.bincount(part))[-n_parts:].sum() / len(self))

    def cohesion(self, labels: ndarray) -> ndarray:
        """Return the fraction of the weight of each node that stays in its community; 0 without edges."""
        edges = self.weights.tocoo()
        i, j = edges.coords
        inside = np.bincount(i, edges.data * (labels[i] == labels[j]), len(self))
        return inside / np.where(self.degrees > 0, self.degrees, 1)


def indicator(labels: ndarray, n_communities: int) -> sp.csr_array:
    """Return the matrix (n, n_communities) that is 1 where a node belongs to a community."""
    n = len(labels)
    return sp.csr_array((np.ones(n), labels, np.arange(n + 1)), shape=(n, n_communities))


def compact(labels: ndarray) -> ndarray:
    """Return the labels renumbered as 0, 1, ..., in the same order."""
    return np.unique(labels, return_inverse=True)[1]


def first_of_rows(rows: ndarray, values: ndarray) -> ndarray:
    """Return the position of the largest value of each row that occurs; of equal values the first.

    Rows are in order.
    """
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    largest = np.maximum.reduceat(values, starts)
    at = np.flatnonzero(values == np.repeat(largest, np.diff(starts, append=len(rows))))
    return at[np.diff(rows[at], prepend=-1) != 0]


def joined(graph: Graph, rng: np.random.Generator) -> ndarray | None:
    """Return labels that join pairs of nodes, or None if no pair gains.

    Each node proposes to the neighbor with the largest gain; mutual proposals are accepted.
    """
    edges = graph.weights.tocoo()
    i, j = edges.coords
    gain = edges.data - graph.degrees[i] * graph.degrees[j] / graph.total
    useful = (i != j) & (gain > SMALLEST_GAIN * graph.total)
    i, j, gain = i[useful], j[useful], gain[useful]
    if not len(i):
        return None
    best = first_of_rows(i, gain)
    partner = np.full(len(graph), -1)
    partner[i[best]] = j[best]
    node = np.arange(len(graph))
    accepted = (partner >= 0) & (partner[partner] == node)
    # among neighbors of equal gain, proposals can go around in a circle
    if not accepted.any():
        first = best[np.argmax(gain[best])]
        accepted[[i[first], j[first]]] = True
        partner[j[first]] = i[first]
    return compact(np.where(accepted, np.minimum(node, partner), node))


class Moves(NamedTuple):
    """The best community for each node, if the others stay."""

    target: ndarray
    gain: ndarray  # in units of weight
    modularity: float  # before any move


def moved(graph: Graph, labels: ndarray, rng: np.random.Generator) -> ndarray:
    """Return a partition of modularity at least as large, after moves of single nodes.

    No new community is made; one may lose all its nodes.
    """
    n_communities = int(labels.max()) + 1
    best, largest, waited = labels, -np.inf, 0
    for _ in range(MOST_ROUNDS):
        moves = best_moves(graph, labels, n_communities)
        waited += 1
        if moves.modularity > largest:
            best, largest, waited = labels, moves.modularity, 0
        willing = moves.gain > SMALLEST_GAIN * graph.total
        if waited == PATIENCE or not willing.any():
            break
        labels = np.where(willing & (rng.random(len(labels)) < 0.5), moves.target, labels)
    return best


def best_moves(graph: Graph, labels: ndarray, n_communities: int) -> Moves:
    """Return the best move of each node."""
    if len(graph) * n_communities <= DENSE_LINKS:
        i, community, links = dense_links(graph, labels, n_communities)
    else:
        i, community, links = sparse_links(graph, labels, n_communities)
    volume = np.bincount(labels, graph.degrees, n_communities)
    own = community == labels[i]
    modularity = (links[own].sum() + graph.inside - np.square(volume).sum() / graph.total) / graph.total
    others = volume[community] - np.where(own, graph.degrees[i], 0)
    value = links - graph.degrees[i] * others / graph.total
    stay = -graph.degrees * (volume[labels] - graph.degrees) / graph.total
    stay[i[own]] = value[own]
    target, largest = labels.copy(), stay.copy()
    if len(i):
        best = first_of_rows(i, value)
        target[i[best]], largest[i[best]] = community[best], value[best]
    return Moves(target, largest - stay, float(modularity))


def dense_links(graph: Graph, labels: ndarray, n_communities: int) -> tuple[ndarray, ndarray, ndarray]:
    """Return the nodes, communities and weights of all links between them."""
    i, j, weight = graph.edges
    links = np.bincount(i * n_communities + labels[j], weight, len(graph) * n_communities)
    linked = np.flatnonzero(links)
    return linked // n_communities, linked % n_communities, links[linked]


def sparse_links(graph: Graph, labels: ndarray, n_communities: int) -> tuple[ndarray, ndarray, ndarray]:
    """Return the same as `dense_links`, the communities of a node in any order."""
    links = (graph.between @ indicator(labels, n_communities)).tocoo()
    return *links.coords, links.data


def settled(graph: Graph, rng: np.random.Generator) -> ndarray | None:
    """Return labels that nodes settle on if each starts alone, or None if none moves."""
    labels = compact(moved(graph, np.arange(len(graph)), rng))
    return labels if labels.max() + 1 < len(graph) else None


def refined(
    graph: Graph, coarsen: Callable[[Graph, np.random.Generator], ndarray | None], rng: np.random.Generator
) -> ndarray:
    """Return the labels of communities: coarsen the graph as often as possible, then refine each level."""
    graphs, levels, n_edges = [graph], [], 0
    coarsest, labels = graph, np.arange(len(graph))
    while (joins := coarsen(coarsest, rng)) is not None:
        coarsest, labels = coarsest.contracted(joins), joins[labels]
        n_edges += coarsest.weights.nnz
        if n_edges <= MOST_EDGES or len(coarsest) < len(graphs[-1]) / 2:
            graphs.append(coarsest)
            levels.append(labels)
            labels = np.arange(len(coarsest))
    if graphs[-1] is not coarsest:
        labels = moved(graphs[-1], labels, rng)
    for level, finer in zip(reversed(levels), reversed(graphs[:-1]), strict=True):
        labels = moved(finer, labels[level], rng)
    return compact(labels)


def communities(graph: Graph, rng: np.random.Generator) -> ndarray:
    """Return the labels of communities of large modularity; their number is found."""
    # neither way of coarsening is always the better one, and the second is random
    ways = (joined, *[settled] * N_SETTLED)
    return max((refined(graph, coarsen, rng) for coarsen in ways), key=graph.modularity)
