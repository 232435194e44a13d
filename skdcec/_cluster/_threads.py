"""The threads that map blocks of rows."""

import functools
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from threadpoolctl import ThreadpoolController

from skdcec._sklearn import _openmp_effective_n_threads


@contextmanager
def block_pool() -> Iterator[Executor | None]:
    """Provide the threads that map blocks, and leave one thread to BLAS meanwhile.

    Their number is that of scikit-learn's own threads, which joblib keeps small in its workers. Threads start
    when the first block is submitted.
    """
    n_threads = _openmp_effective_n_threads()
    with one_blas_thread:
        if n_threads == 1:
            yield None
            return
        with ThreadPoolExecutor(n_threads) as pool:
            yield pool


@functools.cache
def native_threads() -> ThreadpoolController:
    """Return the controller of the loaded BLAS and OpenMP libraries; finding them takes milliseconds."""
    return ThreadpoolController()


class OneBlasThread:
    """Limits BLAS to one thread for as long as any fit runs.

    The number is one of the whole process. If each fit put back what it had found, fits that overlap in
    several threads would leave the limit of another one behind.
    """

    def __init__(self) -> None:
        self._lock, self._n_users = threading.Lock(), 0
        self._limiter: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if not self._n_users:
                self._limiter = native_threads().limit(limits=1, user_api="blas")
            self._n_users += 1

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._n_users -= 1
            if not self._n_users:
                self._limiter.restore_original_limits()


one_blas_thread = OneBlasThread()
