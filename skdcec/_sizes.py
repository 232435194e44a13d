"""Parameters that are sequences of sizes."""

from typing import Any

import numpy as np


def check_sizes(name: str, sizes: Any, *, empty: bool = False, wanted: str | None = None) -> list[int]:
    """Return sizes as a list; raise unless they are positive integers, and some unless it may be empty.

    Parameters
    ----------
    name : str
    sizes : int or sequence of int
    empty : bool
    wanted : str or None
        What the sizes should be, for the message.
    """
    # a single value stays one, so that the message has it as it was given
    given = np.asarray(sizes).tolist()
    values: list[Any] = given if isinstance(given, list) else [given]
    if not (values or empty) or not all(isinstance(s, int) and s > 0 for s in values):
        kind = "a sequence" if empty else "a non-empty sequence"
        raise ValueError(f"{name}={given!r} should be {wanted or f'{kind} of positive integers'}.")
    return values
