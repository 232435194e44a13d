"""The threads that map blocks of rows."""

import functools
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager

from threadpoolctl import ThreadpoolController

from skdcec._sklearn import _openmp_effective_n_threads


@contextmanager
def block_pool() -> Iterator[Executor | None]:
    """Provide the threads that map blocks, and leave one thread to BLAS meanwhile.

    Their number is that of scikit-learn's own threads, which joblib keeps small in its workers. Threads start
    when the first block is submitted.
    """
    n_threads = _openmp_effective_n_threads()
    with blas_threads().limit(limits=1, user_api="blas"):
        if n_threads == 1:
            yield None
            return
        with ThreadPoolExecutor(n_threads) as pool:
            yield pool


@functools.cache
def blas_threads() -> ThreadpoolController:
    """Return the controller of the loaded BLAS libraries; finding them takes milliseconds."""
    return ThreadpoolController()
