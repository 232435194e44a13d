"""Nearest neighbors of samples over several views, and the graph that they make."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy import ndarray

# Distances of a block of rows to all points are held at a time, in so many bytes.
BLOCK_BYTES = 2**23
# The scale of a sample is its distance to this neighbor (Zelnik-Manor and Perona 2004, section 2.1).
SCALE_NEIGHBOR = 7


class Neighbors(NamedTuple):
    """The nearest points of each row, the nearest first."""

    squared_distances: ndarray  # (n, n_neighbors)
    indices: ndarray

    def first(self, n_neighbors: int) -> "Neighbors":
        """Return the first neighbors of each row."""
        return Neighbors(self.squared_distances[:, :n_neighbors], self.indices[:, :n_neighbors])


def squared_distance_blocks(views: list[ndarray], points: ndarray) -> Iterator[tuple[slice, ndarray]]:
    """Yield slices of rows, and their least squared distances (b, n_points) over the views."""
    norms = np.square(points).sum(axis=1)
    # one product gives |x|^2 - 2 x.p + |p|^2
    right = np.column_stack([points, np.ones_like(norms), norms]).T
    size = max(1, BLOCK_BYTES // (len(points) * points.dtype.itemsize))
    for start in range(0, len(views[0]), size):
        rows = slice(start, start + size)
        least: Any = None
        for view in views:
            block = view[rows]
            own = np.square(block).sum(axis=1)
            D = np.column_stack([-2 * block, own, np.ones_like(own)]) @ right
            least = D if least is None else np.minimum(least, D, out=least)
        yield rows, np.maximum(least, 0, out=least)


def nearest_neighbors(
    views: list[ndarray],
    points: ndarray,
    n_neighbors: int,
    *,
    leave_out_self: bool,
    groups: ndarray | None = None,
) -> Neighbors:
    """Return the nearest points of each row, by the least distance over the views of the row.

    Parameters
    ----------
    views : list of ndarray of shape (n, n_components)
    points : ndarray of shape (n_points, n_components)
    n_neighbors : int
    leave_out_self : bool
        Whether the rows are the points, so that a row is not its own neighbor.
    groups : ndarray of shape (n,), int, or None
        If the rows are the points: rows of one group are no neighbors of each other.
    """
    n = len(views[0])
    squared = np.empty((n, n_neighbors), points.dtype)
    indices = np.empty((n, n_neighbors), np.int32)
    for rows, D in squared_distance_blocks(views, points):
        if leave_out_self:
            D[np.arange(len(D)), np.arange(n)[rows]] = np.inf
        if groups is not None:
            D[groups[rows, np.newaxis] == groups] = np.inf
        found = np.argpartition(D, n_neighbors - 1, axis=1)[:, :n_neighbors]
        values = np.take_along_axis(D, found, axis=1)
        order = np.lexsort((found, values), axis=1)
        squared[rows] = np.take_along_axis(values, order, axis=1)
        indices[rows] = np.take_along_axis(found, order, axis=1)
    return Neighbors(squared, indices)


def scales(neighbors: Neighbors) -> ndarray:
    """Return the scale of each row: the distance to its seventh neighbor, or the last if there are fewer."""
    squared = neighbors.squared_distances
    scale: ndarray = np.sqrt(squared[:, min(SCALE_NEIGHBOR, squared.shape[1]) - 1])
    return np.maximum(scale, np.sqrt(np.finfo(scale.dtype).tiny))


def similarities(neighbors: Neighbors, own_scales: ndarray, scales: ndarray) -> ndarray:
    """Return exp(-d^2 / (s_i s_j)) of rows i and neighbors j (Zelnik-Manor and Perona 2004, section 2.1)."""
    units = own_scales[:, np.newaxis] * scales[neighbors.indices]
    with np.errstate(over="ignore"):
        return np.exp(-neighbors.squared_distances.astype(np.float64) / units)


def neighbor_graph(neighbors: Neighbors, n_neighbors: int) -> sp.csr_array:
    """Return the weights (n, n) of the edges to nearest neighbors, the larger of both directions."""
    own_scales = scales(neighbors)
    kept = neighbors.first(n_neighbors)
    weights = similarities(kept, own_scales, own_scales)
    n = len(weights)
    pointers = np.arange(0, weights.size + 1, weights.shape[1])
    graph = sp.csr_array((weights.ravel(), kept.indices.ravel(), pointers), shape=(n, n))
    graph = graph.maximum(graph.T).tocsr()
    graph.eliminate_zeros()
    return graph


def votes(neighbors: Neighbors, scales_of_points: ndarray, labels: ndarray) -> ndarray:
    """Return for each row the label with the largest sum of similarities among its neighbors."""
    weights = similarities(neighbors, scales(neighbors), scales_of_points)
    # a row without similar neighbors goes to the nearest of them
    weights[:, 0] = np.maximum(weights[:, 0], np.finfo(np.float64).tiny)
    n, m = weights.shape
    members = sp.csr_array(
        (weights.ravel(), labels[neighbors.indices].ravel(), np.arange(0, n * m + 1, m)),
        shape=(n, int(labels.max()) + 1),
    )
    return np.asarray(members.argmax(axis=1)).ravel()
