"""How many centers are distinct, judged by the spread of the data and by the rows near the centers."""

from typing import Any

import numpy as np
from numpy import ndarray
from scipy.sparse.csgraph import connected_components

from skdcec._cluster._blocks import Block, Centers, squared_distances

# Two centers coincide within r = min(.05, .5 / k) spread, but not more than the distance that nine of ten
# rows have to their nearest center (outliers and clusters of clusters make the spread large), and at least
# 1e-5 spread.
LARGEST_RADIUS, SPACING, SMALLEST_RADIUS = 0.05, 0.5, 1e-5
MOST_ROWS = 0.9
# That distance is estimated from no more rows than this.
DISTINCT_SAMPLE = 2048


def distance_quantile(x: Any, weight: ndarray, centers: ndarray, quantile: float) -> float:
    """Return a weighted quantile of the distances of rows to their nearest center."""
    _, nearest = squared_distances(Block.of(x, None), Centers.of(centers))
    return float(np.sqrt(np.quantile(nearest, quantile, weights=weight, method="inverted_cdf")))


def count_distinct(centers: ndarray, spread: float, x: Any, weight: ndarray) -> int:
    """Return the number of groups of centers that are apart.

    Parameters
    ----------
    centers : ndarray of shape (n_clusters, n_features)
    spread : float
        The total standard deviation of the data.
    x, weight : ndarray or CSR of shape (n, n_features), ndarray of shape (n,)
        Some of the rows, at most DISTINCT_SAMPLE, and their weights.
    """
    radius = min(LARGEST_RADIUS, SPACING / len(centers)) * spread
    nearness = distance_quantile(x, weight, centers, MOST_ROWS)
    radius = min(radius, max(nearness, SMALLEST_RADIUS * spread))
    D, _ = squared_distances(Block.of(centers, None), Centers.of(centers))
    return int(connected_components(D <= radius**2, directed=False)[0])
