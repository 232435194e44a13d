"""Parameters that are sequences of sizes."""

from typing import Any

import numpy as np


def check_sizes(name: str, sizes: Any) -> list[int]:
    """Return sizes as a list; raise unless it is a non-empty sequence of positive integers."""
    values: list[Any] = np.atleast_1d(sizes).tolist()
    if not values or not all(isinstance(s, int) and s > 0 for s in values):
        raise ValueError(f"{name}={values} should be a non-empty sequence of positive integers.")
    return values
