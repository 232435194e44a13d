"""Arithmetic on blocks of rows: their distances to centers, and sums over them.

Sums are additive over blocks, so that a pass over the data never needs more memory than a few blocks,
and the blocks may live anywhere.
"""

import math
import threading
from typing import Any, NamedTuple, Self

import numpy as np
import scipy.sparse as sp
from numpy import ndarray
from numpy.typing import DTypeLike
from scipy.sparse.csgraph import connected_components
from sklearn.utils.extmath import row_norms

# Centers closer than this fraction of the data's total standard deviation count as one, as do those closer
# than this fraction of the spacing that they would have on a line. Outliers, or clusters of clusters, make
# the deviation large: where most of the rows are nearer to their centers than that, centers that are one must
# be as near to each other. The last fraction of the deviation is near enough wherever rows lie.
COINCIDENCE_RADIUS, COINCIDENCE_SPACING, LEAST_RADIUS = 0.05, 0.5, 1e-5
# How large a share most of the rows are, which can be told from so few of them.
MOST_ROWS, NEARNESS_SAMPLE = 0.9, 2048
# Below these fractions of |x|^2 + |c|^2 the expanded form of |x - c|^2 has lost too many digits.
CANCELLATION = {np.dtype(np.float32): 1e-3, np.dtype(np.float64): 1e-6}

_buffers = threading.local()


def scratch(name: str, shape: tuple[int, ...], dtype: DTypeLike) -> ndarray:
    """Return an uninitialised array that this thread gets again when it asks for the same name.

    Fresh arrays of the size of a block cost more than the arithmetic on them, as the system hands out
    their pages anew each time.
    """
    size = math.prod(shape)
    buffer = getattr(_buffers, name, None)
    if buffer is None or buffer.dtype != dtype or buffer.size < size:
        buffer = np.empty(size, dtype)
        setattr(_buffers, name, buffer)
    return buffer[:size].reshape(shape)


class Block(NamedTuple):
    """Some rows, ready for matrix products.

    With what stands behind each row, one product with centers gives all distances, and one with weights
    gives their sums as well.
    """

    augmented: Any  # ndarray (b, d + 2) or CSR: each row x, followed by 1 and |x|^2
    norms: ndarray  # (b,) the |x|^2 again, in one piece
    reach: float  # the largest of them
    weight: ndarray  # (b,) weights of the samples

    @classmethod
    def of(cls, x: Any, weight: Any) -> Self:
        """Return the block of the rows x (b, d); raise ValueError where their squares are not finite."""
        if sp.issparse(x):
            norms = row_norms(x, squared=True)
            behind = sp.csr_matrix(np.column_stack([np.ones_like(norms), norms]))
            augmented = sp.hstack([sp.csr_matrix(x), behind], format="csr")
        else:
            augmented = np.empty((x.shape[0], x.shape[1] + 2), x.dtype)
            augmented[:, :-2] = x
            norms = row_norms(augmented[:, :-2], squared=True)
            augmented[:, -2], augmented[:, -1] = 1, norms
        reach = norms.max(initial=0)
        if not np.isfinite(reach):
            # only new rows, as those of a fit are checked before
            raise ValueError(
                f"Input X contains NaN, infinity or rows too large for squared distances in {x.dtype}."
            )
        return cls(augmented, norms, reach, weight)

    @property
    def x(self) -> Any:
        """The rows alone."""
        return self.augmented[:, :-2]


class Centers(NamedTuple):
    """Centers, and what their distances to any block need."""

    points: ndarray  # (k, d)
    norms: ndarray  # (k,) squared norms
    expanded: ndarray  # (k, d + 2): times an augmented row, |c|^2 - 2 x.c + |x|^2

    @classmethod
    def of(cls, points: ndarray) -> Self:
        """Return the prepared centers."""
        norms = row_norms(points, squared=True)
        return cls(points, norms, np.column_stack([-2 * points, norms, np.ones_like(norms)]))


class Statistics(NamedTuple):
    """Additive sums over rows, from which the next centers follow.

    The true sums are ``sums * exp(log_scale)`` and ``weights * exp(log_scale)``, row by row: a
    common scale per center keeps weights of 1e-300 as exact as weights of 1.
    """

    sums: ndarray  # (k, d)  sum_i a_ij x_i
    weights: ndarray  # (k,)    sum_i a_ij
    objective: float
    log_scale: ndarray | float = 0.0  # (k,)
    scatter: ndarray | float = 0.0  # second moments around the centers, where a metric needs them


def add_statistics(left: Statistics, right: Statistics) -> Statistics:
    """Return the statistics of two disjoint sets of rows together."""
    log_scale = np.maximum(left.log_scale, right.log_scale)
    f, g = np.exp(left.log_scale - log_scale), np.exp(right.log_scale - log_scale)
    return Statistics(
        (f * left.sums.T + g * right.sums.T).T,
        f * left.weights + g * right.weights,
        left.objective + right.objective,
        log_scale,
        left.scatter + right.scatter,
    )


def weighted_statistics(
    block: Block,
    A: ndarray,
    factor: ndarray,
    objective: float,
    log_scale: ndarray | float = 0.0,
    scatter: ndarray | float = 0.0,
) -> Statistics:
    """Return the Statistics of a block.

    Parameters
    ----------
    block : Block
    A : ndarray of shape (k, b)
        The weight of each row in each center, up to a factor of the row; may be overwritten.
    factor : ndarray of shape (b,)
        What the weights of each row are multiplied by.
    objective, log_scale, scatter
        As in Statistics.
    """
    x, factor = block.augmented, factor.astype(A.dtype, copy=False)
    if sp.issparse(x) or len(A) < x.shape[1]:
        A *= factor
    else:
        x = np.multiply(x, factor[:, None], out=scratch("weighted", x.shape, x.dtype))
    moments = ((x.T @ A.T).T if sp.issparse(x) else A @ x).astype(np.float64)
    return Statistics(moments[:, :-2], moments[:, -2], float(objective), log_scale, scatter)


def squared_distances(block: Block, centers: Centers) -> tuple[ndarray, ndarray]:
    """Return the squared Euclidean distances between the rows of a block and Centers.

    Where the expanded form |x|^2 + |c|^2 - 2 x.c would lose most of its digits, the difference is
    squared directly.

    Returns
    -------
    D : ndarray of shape (k, b)
        Scratch: the next call in this thread overwrites it.
    nearest : ndarray of shape (b,)
        The smallest distance of each row.
    """
    x, norms = block.augmented, block.norms
    D = scratch("distances", (len(centers.points), len(norms)), x.dtype)
    if sp.issparse(x):
        D[:] = (x @ centers.expanded.T).T
        np.maximum(D, 0, out=D)
        return D, D.min(axis=0)
    np.matmul(centers.expanded, x.T, out=D)
    nearest = D.min(axis=0)
    cancellation, farthest = CANCELLATION[D.dtype], centers.norms.max()
    if nearest.min(initial=np.inf) < cancellation * (block.reach + farthest):
        close = np.flatnonzero(nearest < cancellation * (norms + farthest))
        pairs = np.nonzero(D[:, close] < cancellation * np.add.outer(centers.norms, norms[close]))
        # no more of them at once than there are rows, as each has d numbers
        for start in range(0, len(pairs[0]), len(norms)):
            j, i = (index[start : start + len(norms)] for index in pairs)
            i = close[i]
            difference = block.x[i] - centers.points[j]
            D[j, i] = np.einsum("ij,ij->i", difference, difference)
        nearest[close] = D[:, close].min(axis=0)
    return D, nearest


def owners(D: ndarray, nearest: ndarray) -> tuple[ndarray, ndarray]:
    """Return which center is nearest to each row, and the same as an indicator (k, b).

    Equally near centers leave the row to the first of them.
    """
    A = scratch("indicator", D.shape, D.dtype)
    np.equal(D, nearest, out=A, casting="unsafe")
    tied = np.flatnonzero(np.ones(len(D), D.dtype) @ A != 1)
    if len(tied):
        A[:, tied] = 0
        A[D[:, tied].argmin(axis=0), tied] = 1
    return (np.arange(len(D), dtype=D.dtype) @ A).astype(np.int32), A


def empty_last(sizes: ndarray) -> ndarray:
    """Return the order of the clusters in which those of size zero come last."""
    return np.argsort(sizes == 0, kind="stable")


def renumbered(labels: ndarray, order: ndarray) -> ndarray:
    """Return the labels of clusters that were put into another order."""
    return np.argsort(order)[labels].astype(np.int32)


def evenly(n: int, most: int) -> slice:
    """Return a slice of at most so many of n rows, evenly spaced."""
    return slice(None, None, -(-n // most))


def distance_quantile(x: Any, weight: ndarray, centers: ndarray, share: float) -> float:
    """Return how far that share of the rows is, at most, from their nearest center."""
    _, nearest = squared_distances(Block.of(x, None), Centers.of(centers))
    return float(np.sqrt(np.quantile(nearest, share, weights=weight, method="inverted_cdf")))


def count_distinct(centers: ndarray, spread: float, x: Any, weight: ndarray) -> int:
    """Return how many groups of centers are apart.

    Parameters
    ----------
    centers : ndarray of shape (n_clusters, n_features)
    spread : float
        The total standard deviation of the data.
    x, weight : ndarray or CSR of shape (n, n_features), ndarray of shape (n,)
        A few rows and their weights.
    """
    radius = min(COINCIDENCE_RADIUS, COINCIDENCE_SPACING / len(centers)) * spread
    nearness = distance_quantile(x, weight, centers, MOST_ROWS)
    radius = min(radius, max(nearness, LEAST_RADIUS * spread))
    D, _ = squared_distances(Block.of(centers, None), Centers.of(centers))
    return int(connected_components(D <= radius**2, directed=False)[0])


def seeding_order(x: Any, weight: ndarray, metric_rows: Any) -> ndarray:
    """Return an order of the rows of x in which draws by a cumulative sum are reproducible.

    Rows are sorted by their distance to the mean in the metric, where they are metric_rows (sparse
    ones: by their norm), then along a fixed direction: the order does not depend on how they were
    ordered before, nor (but for ties) on maps of the space that the metric ignores, and repeated rows
    are neighbours, so that repeating a row is giving it weight.
    """
    if not sp.issparse(x):
        metric_rows = metric_rows - np.average(metric_rows, axis=0, weights=weight)
    norms = row_norms(metric_rows)
    direction = np.random.default_rng(0).standard_normal(x.shape[1]).astype(x.dtype)
    # not a BLAS product: equal rows must get equal keys wherever they stand
    along = x @ direction if sp.issparse(x) else np.einsum("ij,j->i", x, direction)
    # to fewer digits than there are, so that rounding errors do not order rows that lie equally far out
    digits = 4 if norms.dtype == np.float32 else 10
    return np.lexsort((along, np.round(norms / max(norms.max(), np.finfo(x.dtype).tiny), digits)))
