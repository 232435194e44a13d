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
from sklearn.utils.extmath import row_norms

# Below these fractions of |x|^2 + |c|^2 the expanded form of |x - c|^2 has lost too many digits.
CANCELLATION = {np.dtype(np.float32): 1e-3, np.dtype(np.float64): 1e-6}

_buffers = threading.local()


def scratch(name: str, shape: tuple[int, ...], dtype: DTypeLike) -> ndarray:
    """Return an uninitialized array, the same one whenever this thread asks for this name.

    Fresh arrays of the size of a block cost more than the arithmetic on them, because the system has to
    provide their pages each time.
    """
    size = math.prod(shape)
    buffer = getattr(_buffers, name, None)
    if buffer is None or buffer.dtype != dtype or buffer.size < size:
        buffer = np.empty(size, dtype)
        setattr(_buffers, name, buffer)
    return buffer[:size].reshape(shape)


class Block(NamedTuple):
    """Some rows, ready for matrix products.

    Two extra columns, 1 and |x|^2, are appended to each row: one matrix product with the centers then gives
    all squared distances, one with the weights gives both weighted sums and total weights.
    """

    augmented: Any  # ndarray (b, d + 2) or CSR: each row x, followed by 1 and |x|^2
    norms: ndarray  # (b,) the |x|^2 again, contiguous
    largest_norm: float
    weight: ndarray  # (b,) weights of the samples

    @classmethod
    def of(cls, x: Any, weight: Any) -> Self:
        """Return the block of the rows x (b, d); raise ValueError unless their squares are finite."""
        if sp.issparse(x):
            norms = row_norms(x, squared=True)
            extra = sp.csr_matrix(np.column_stack([np.ones_like(norms), norms]))
            augmented = sp.hstack([sp.csr_matrix(x), extra], format="csr")
        else:
            augmented = np.empty((x.shape[0], x.shape[1] + 2), x.dtype)
            augmented[:, :-2] = x
            norms = row_norms(augmented[:, :-2], squared=True)
            augmented[:, -2], augmented[:, -1] = 1, norms
        largest_norm = norms.max(initial=0)
        if not np.isfinite(largest_norm):
            # only new rows: those of a fit have been checked
            raise ValueError(
                f"Input X contains NaN, infinity or rows too large for squared distances in {x.dtype}."
            )
        return cls(augmented, norms, largest_norm, weight)

    @property
    def x(self) -> Any:
        """The rows alone."""
        return self.augmented[:, :-2]


class Centers(NamedTuple):
    """Centers, prepared for their distances to any block."""

    points: ndarray  # (k, d)
    norms: ndarray  # (k,) squared norms
    expanded: ndarray  # (k, d + 2): times an augmented row, |c|^2 - 2 x.c + |x|^2

    @classmethod
    def of(cls, points: ndarray) -> Self:
        """Prepare centers (k, d)."""
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
    scatter: ndarray | float = 0.0  # second moments around the centers, if the metric needs them


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
        Factors of the weights of each row.
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

    If the expanded form |x|^2 + |c|^2 - 2 x.c loses most of its digits, the difference is squared directly.

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
    cancellation, largest_norm = CANCELLATION[D.dtype], centers.norms.max()
    if nearest.min(initial=np.inf) < cancellation * (block.largest_norm + largest_norm):
        close = np.flatnonzero(nearest < cancellation * (norms + largest_norm))
        pairs = np.nonzero(D[:, close] < cancellation * np.add.outer(centers.norms, norms[close]))
        # as many pairs at a time as there are rows, because each pair takes d numbers
        for start in range(0, len(pairs[0]), len(norms)):
            j, i = (index[start : start + len(norms)] for index in pairs)
            i = close[i]
            difference = block.x[i] - centers.points[j]
            D[j, i] = np.einsum("ij,ij->i", difference, difference)
        nearest[close] = D[:, close].min(axis=0)
    return D, nearest


def owners(D: ndarray, nearest: ndarray) -> tuple[ndarray, ndarray]:
    """Return the index of the nearest center of each row, also as an indicator matrix (k, b).

    Of equally near centers the first one counts.
    """
    A = scratch("indicator", D.shape, D.dtype)
    np.equal(D, nearest, out=A, casting="unsafe")
    tied = np.flatnonzero(np.ones(len(D), D.dtype) @ A != 1)
    if len(tied):
        A[:, tied] = 0
        A[D[:, tied].argmin(axis=0), tied] = 1
    return (np.arange(len(D), dtype=D.dtype) @ A).astype(np.int32), A
