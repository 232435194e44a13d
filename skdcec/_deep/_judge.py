"""The judgment of partitions without labels: their modularity in a graph of the neighbors of the images.

The network has no part in it, so it notices if joint training pulls a good partition apart.
"""

from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy import ndarray

from skdcec._graph._communities import Graph
from skdcec._graph._modularity_clustering import ModularityClustering
from skdcec._graph._neighbor_graph import NeighborGraph
from skdcec._graph._views import Tolerance

# Without a graph of the images, no more than this are compared, by so many neighbors and components.
JUDGED_IMAGES, N_NEIGHBORS, N_COMPONENTS = 4096, 10, 40


class Judge:
    """The graph, and the images that are its nodes.

    Parameters
    ----------
    affinity_matrix : CSR array of shape (n, n)
    nodes : slice or ndarray of shape (n,)
        Indices of the images.
    """

    def __init__(self, affinity_matrix: sp.csr_array, nodes: Any) -> None:
        self.graph, self.nodes = Graph.of(affinity_matrix), nodes

    @classmethod
    def of(cls, images: Any, init: Any) -> Self:
        """Return a judge with the graph of the fitted `init`, if it has made one of the images, or an own."""
        if isinstance(init, ModularityClustering) and init._image_shape is not None:
            return cls(init.affinity_matrix_, init._nodes)
        n = len(images)
        if n == 1:
            return cls(sp.csr_array((1, 1)), slice(None))
        nodes = np.linspace(0, n - 1, min(n, JUDGED_IMAGES)).astype(int)
        graph = NeighborGraph.of(
            images[nodes].reshape(len(nodes), -1),
            n_components=N_COMPONENTS,
            image_shape=None,
            tolerance=Tolerance(),
            n_neighbors=N_NEIGHBORS,
        )
        return cls(graph.weights(N_NEIGHBORS), nodes)

    def modularity(self, labels: ndarray) -> float:
        """Return the modularity of the labels of all images."""
        return self.graph.modularity(labels[self.nodes])

    def confidence(self, labels: ndarray) -> ndarray:
        """Return the fraction of the weight of each image that stays in its cluster; NaN beyond the graph."""
        confidence = np.full(len(labels), np.nan)
        confidence[self.nodes] = self.graph.cohesion(labels[self.nodes])
        return confidence
