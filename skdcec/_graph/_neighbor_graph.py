"""The graph of the nearest neighbors of samples, under a tolerance to changes of images."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy import ndarray

from skdcec._cluster._rows import evenly_spaced
from skdcec._graph._neighbors import Neighbors, nearest_neighbors, neighbor_graph
from skdcec._graph._views import PCA_SAMPLE, Projection, Tolerance


@dataclass(frozen=True)
class NeighborGraph:
    """The neighbors of samples under a tolerance, and all that finds those of new samples."""

    tolerance: Tolerance
    projection: Projection
    points: ndarray
    neighbors: Neighbors

    @classmethod
    def of(
        cls,
        X: Any,
        *,
        n_components: int | None,
        image_shape: tuple[int, ...] | None,
        tolerance: Tolerance,
        n_neighbors: int,
    ) -> Self:
        """Find the neighbors of all rows of X; of few rows all others."""
        n = X.shape[0]
        projection = Projection.fit(X[evenly_spaced(n, PCA_SAMPLE)], n_components, image_shape, tolerance)
        views = projection(X)
        neighbors = nearest_neighbors(views, views[0], min(n_neighbors, n - 1), leave_out_self=True)
        return cls(tolerance, projection, views[0], neighbors)

    def weights(self, n_neighbors: int) -> sp.csr_array:
        """Return the weights of the graph."""
        return neighbor_graph(self.neighbors, n_neighbors)

    def weights_between(self, X: Any, groups: ndarray, n_neighbors: int) -> sp.csr_array:
        """Return the weights of a graph of the same rows, whose neighbors are of other groups.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
            The rows from which the graph was made.
        groups : ndarray of shape (n,), int
        n_neighbors : int
        """
        n_others = len(groups) - int(np.bincount(groups).max())
        m = min(n_neighbors, n_others)
        found = nearest_neighbors(self.projection(X), self.points, m, leave_out_self=True, groups=groups)
        return neighbor_graph(found, m)
