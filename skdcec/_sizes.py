"""Parameters that are sequences of sizes."""

from typing import Any

import numpy as np


def check_sizes(name: str, sizes: Any, *, empty: bool = False) -> list[int]:
    """Return sizes as a list; raise unless they are positive integers, and some unless it may be empty."""
    values: list[Any] = np.atleast_1d(sizes).tolist()
    if not (values or empty) or not all(isinstance(s, int) and s > 0 for s in values):
        kind = "a sequence" if empty else "a non-empty sequence"
        raise ValueError(f"{name}={values} should be {kind} of positive integers.")
    return values
