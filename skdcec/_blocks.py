"""Arithmetic on blocks of rows: their internal units, their distances to centers, sums over them.

Sums are additive over blocks, so that a pass over the data never needs more memory than one block.
"""

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components
from sklearn.utils.extmath import row_norms

# Centers closer than this fraction of the data's total standard deviation count as one.
COINCIDENCE_RADIUS = 1e-3


class Statistics(NamedTuple):
    """Additive sums over rows, from which the next centers follow.

    The true sums are ``sums * exp(log_scale)`` and ``weights * exp(log_scale)``, row by row: a
    common scale per center keeps weights of 1e-300 as exact as weights of 1.
    """

    sums: np.ndarray  # (k, d)  sum_i a_ij x_i
    weights: np.ndarray  # (k,)    sum_i a_ij
    objective: float
    log_scale: np.ndarray | float = 0.0  # (k,)


def add_statistics(left, right):
    """Return the statistics of two disjoint sets of rows together."""
    log_scale = np.maximum(left.log_scale, right.log_scale)
    f, g = np.exp(left.log_scale - log_scale), np.exp(right.log_scale - log_scale)
    return Statistics(
        (f * left.sums.T + g * right.sums.T).T,
        f * left.weights + g * right.weights,
        left.objective + right.objective,
        log_scale,
    )


def squared_distances(x, centers):
    """Return squared Euclidean distances of shape (k, b) between rows of x (b, d) and centers (k, d).

    Where the expanded form |x|^2 + |c|^2 - 2 x.c would lose most of its digits, the difference is
    squared directly.
    """
    x_norms, center_norms = row_norms(x, squared=True), row_norms(centers, squared=True)
    if sp.issparse(x):
        D = (x @ (-2 * centers.T)).T
        D += x_norms
        D += center_norms[:, None]
        return np.maximum(D, 0, out=D)
    norms = np.add.outer(center_norms, x_norms)
    D = (-2 * centers) @ x.T
    D += norms
    norms *= 1e-3 if D.dtype == np.float32 else 1e-6
    j, i = np.nonzero(D < norms)
    if len(j):
        difference = x[i] - centers[j]
        D[j, i] = np.einsum("ij,ij->i", difference, difference)
    return D


def empty_last(labels, n_clusters):
    """Return the order of the clusters in which those that no label names come last."""
    return np.argsort(np.bincount(labels, minlength=n_clusters) == 0, kind="stable")


def count_distinct(centers, radius):
    """Return how many groups of centers are farther than radius from each other."""
    D = squared_distances(centers, centers)
    return int(connected_components(D <= radius**2, directed=False)[0])


class Rows:
    """The rows of a matrix in internal units, with their weights, block by block.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    sample_weight : ndarray of shape (n_samples,)
        Kept divided by ``weight_unit``.
    origin : ndarray of shape (n_features,), or None for a sparse X
        What is subtracted from each row.
    unit : float
        What each row is divided by; a power of two.
    block_size : int
    """

    def __init__(self, X, sample_weight, origin, unit, block_size):
        # a power of two near the largest weight, so that weights fit into the type of the data
        self.weight_unit = 2.0 ** np.frexp(sample_weight.max())[1]
        self.X, self.sample_weight = X, sample_weight / self.weight_unit
        self.origin, self.unit, self.block_size = origin, unit, block_size

    @classmethod
    def measure(cls, X, sample_weight, block_size):
        """Choose origin and unit from the data; return the rows and the variance of each feature."""
        sparse = sp.issparse(X)
        values = X.data if sparse else X
        largest = max(abs(float(values.max())), abs(float(values.min()))) if values.size else 0.0
        exponent = np.frexp(largest)[1]
        # bounded, so that neither the unit nor its inverse overflows
        bound = 120 if X.dtype == np.float32 else 1000
        unit = 2.0 ** np.clip(exponent, -bound, bound)
        rough = cls(X, sample_weight, None, unit, block_size)
        total = rough.sample_weight.sum()
        mean = sum(np.asarray(x.T @ w).ravel() for x, w in rough.float64_blocks()) / total
        if sparse:
            squares = sum(x.multiply(x).T @ w for x, w in rough.float64_blocks())
            variance = np.maximum(np.asarray(squares).ravel() / total - mean**2, 0)
        else:
            variance = sum(w @ (x - mean) ** 2 for x, w in rough.float64_blocks()) / total
        spread = np.sqrt(variance.sum())
        origin = None if sparse else (mean * unit).astype(X.dtype)
        finer = 2.0 ** np.clip(exponent + np.frexp(spread)[1], -bound, bound) / unit
        return cls(X, sample_weight, origin, unit * finer, block_size), variance / finer**2

    def __len__(self):
        return self.X.shape[0]

    def convert(self, X):
        """Express rows in internal units."""
        inverse = X.dtype.type(1 / self.unit)
        if self.origin is None:
            return X * inverse
        x = np.subtract(X, self.origin, subok=False)
        x *= inverse
        return x

    def restore(self, x):
        """Express internal rows in the units of the data."""
        x = x * x.dtype.type(self.unit)
        return x if self.origin is None else x + self.origin

    def __iter__(self):
        for start in range(0, len(self), self.block_size):
            block = slice(start, start + self.block_size)
            yield self.convert(self.X[block]), self.sample_weight[block]

    def float64_blocks(self):
        """Yield the blocks in double precision, for sums over the whole data."""
        for x, w in self:
            yield x.astype(np.float64, copy=False), w

    def sample(self, size, random_state):
        """Return at most size rows in internal units, and their weights."""
        n = len(self)
        if n <= size:
            return self.convert(self.X[:]), self.sample_weight
        chosen = np.sort(random_state.choice(n, size, replace=False))
        return self.convert(self.X[chosen]), self.sample_weight[chosen]


def seeding_order(x, norms):
    """Return an order of the rows of x in which draws by a cumulative sum are reproducible.

    Rows are sorted by their norm in the estimator's metric, then along a fixed direction: the order
    does not depend on how they were ordered before, nor (but for ties) on maps of the space that the
    metric ignores, and repeated rows are neighbours, so that repeating a row is giving it weight.
    """
    direction = np.random.default_rng(0).standard_normal(x.shape[1]).astype(x.dtype)
    # not a BLAS product: equal rows must get equal keys wherever they stand
    along = x @ direction if sp.issparse(x) else np.einsum("ij,j->i", x, direction)
    # to a few digits, so that rounding errors do not order rows that lie equally far out
    return np.lexsort((along, np.round(norms / max(norms.max(), np.finfo(x.dtype).tiny), 4)))
