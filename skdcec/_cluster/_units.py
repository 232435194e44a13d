"""Internal units, in which a fit does not depend on the position of the data or on their physical unit."""

from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray


class Units(NamedTuple):
    """Internal units: a typical row is subtracted, then everything is divided by a power of two."""

    origin: ndarray | None = None  # (d,); None for sparse rows, which are not shifted
    scale: float = 1.0

    def convert(self, X: Any) -> Any:
        """Express rows in internal units."""
        inverse = X.dtype.type(1 / self.scale)
        if self.origin is None:
            return X * inverse
        x = np.subtract(X, self.origin, subok=False)
        x *= inverse
        return x

    def restore(self, x: ndarray) -> ndarray:
        """Express internal rows in the units of the data."""
        x = x * x.dtype.type(self.scale)
        return x if self.origin is None else x + self.origin


UNITS_OF_THE_DATA = Units()
# Of a power of two in float64.
LARGEST_EXPONENT = 1023


def power_of_two(value: float) -> float:
    """Return the power of two just above a positive value, or just below it if that is beyond float64."""
    return float(2.0 ** min(np.frexp(value)[1], LARGEST_EXPONENT))
