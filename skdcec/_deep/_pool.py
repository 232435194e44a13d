"""A pool of compiled Keras models, which are expensive to make and cheap to refill.

Making a model costs seconds and tens of megabytes that TensorFlow never returns. So each loop borrows a model
of its kind, fills it with arrays, and gives it back. No state of one fit reaches another: weights, optimizer
and metrics are all overwritten on loan.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import joblib

from skdcec._deep._devices import current_devices
from skdcec._deep._identity import as_text, json_identity

# The pool keeps no more idle models than this.
MOST_IDLE = 16


class Pool:
    """Idle models by the arguments that they were made from; the most recently used come last."""

    def __init__(self) -> None:
        self._idle: list[tuple[Any, Any]] = []
        self._lock = threading.Lock()

    def take(self, key: Any) -> Any:
        """Return an idle model of this key, or None."""
        with self._lock:
            for i in reversed(range(len(self._idle))):
                if self._idle[i][0] == key:
                    return self._idle.pop(i)[1]
        return None

    def give_back(self, key: Any, model: Any) -> None:
        """Keep a model until it is needed again."""
        with self._lock:
            self._idle.append((key, model))
            del self._idle[:-MOST_IDLE]


POOL = Pool()


def key_of(argument: Any) -> Any:
    """Return a hashable value that is equal for equal arguments.

    Of an object with parameters, these and the code of its class; of JSON, the code of the user's classes in
    it, too.
    """
    if hasattr(argument, "get_params"):
        return as_text(argument), joblib.hash(argument.get_params())
    if isinstance(argument, tuple):
        return tuple(map(key_of, argument))
    if isinstance(argument, str):
        return argument, json_identity(argument)
    return argument


@contextmanager
def lend(kind: Any, *args: Any) -> Iterator[Any]:
    """Lend a compiled model ``kind(*args, devices=...)``; one borrower at a time.

    A model whose borrower has failed is not used again.
    """
    devices = current_devices()
    key = (kind, *map(key_of, args), devices)
    model = POOL.take(key)
    if model is None:
        model = kind(*args, devices=devices)
    yield model
    POOL.give_back(key, model)
