"""The rules of K-harmonic means and its kernel version, whose formulas are in `_harmonic_weights`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from numpy import ndarray

from skdcec._cluster._blocks import Block, Centers, Statistics
from skdcec._cluster._harmonic_weights import (
    harmonic_memberships,
    harmonic_statistics,
    kernel_memberships,
    kernel_statistics,
)
from skdcec._cluster._kernels import RBF, Kernel
from skdcec._cluster._rule import Rule, State
from skdcec._cluster._units import Units

# Over-relaxation stops growing at this multiple of the plain step.
LARGEST_STEP = 8.0
# Range of sigma in internal units. A narrower kernel is zero off the centers anyway; for a wider one, 1 - K
# would underflow.
WIDTHS = {np.dtype(np.float32): (2.0**-45, 2.0**20), np.dtype(np.float64): (2.0**-400, np.inf)}


@dataclass(frozen=True)
class HarmonicRule(Rule):
    """K-harmonic means with exponent p."""

    p: float
    degree: float
    accelerate: bool = True

    def statistics(self, state: State) -> Callable[[Block], Statistics]:
        """Return the function from a block to its statistics."""
        return partial(harmonic_statistics, centers=Centers.of(state.centers), p=self.p, degree=self.degree)

    def memberships(self, state: State) -> Callable[[Block], ndarray]:
        """Return the function from a block to its memberships (b, k)."""
        return partial(harmonic_memberships, centers=Centers.of(state.centers), p=self.p)

    def step_lengths(self) -> tuple[float, float]:
        """Return the plain step, which minimizes a majorant for degree = 2 only, and the longest one."""
        plain = min(1.0, 2 / self.degree)
        return plain, LARGEST_STEP if self.accelerate else plain

    def objective(self, value: Any, state: State, units: Units, total_weight: float) -> Any:
        """Express an objective in the units of the data, whose power is the degree."""
        with np.errstate(divide="ignore", over="ignore"):
            return np.exp(np.log(value) + self.degree * np.log(units.scale))

    def attributes(self, state: State) -> dict[str, Any]:
        """Return the fitted attributes of a state."""
        return super().attributes(state) | {"p_": self.p, "degree_": self.degree}

    @classmethod
    def restored(cls, attributes: Mapping[str, Any]) -> tuple[Self, State]:
        """Return the rule and the state of fitted attributes."""
        return cls(attributes["p_"], attributes["degree_"]), State(attributes["cluster_centers_"])


@dataclass(frozen=True)
class KernelHarmonicRule(HarmonicRule):
    """K-harmonic means with exponent p in the feature space of a kernel."""

    sigma: float = 1.0
    kernel: Kernel = field(default_factory=RBF)

    powers_of_length: ClassVar[Mapping[str, int]] = {"sigma_": 1}

    def _arguments(self, state: State) -> dict[str, Any]:
        centers = Centers.of(state.centers)
        return {"centers": centers, "kernel": self.kernel, "sigma": self._width(state), "p": self.p}

    def _width(self, state: State) -> float:
        return float(np.clip(self.sigma, *WIDTHS[state.centers.dtype]))

    def statistics(self, state: State) -> Callable[[Block], Statistics]:
        """Return the function from a block to its statistics."""
        return partial(kernel_statistics, **self._arguments(state), degree=self.degree)

    def memberships(self, state: State) -> Callable[[Block], ndarray]:
        """Return the function from a block to its memberships (b, k)."""
        return partial(kernel_memberships, **self._arguments(state))

    def objective(self, value: Any, state: State, units: Units, total_weight: float) -> Any:
        """Return the objective, which has no unit, corrected for a width outside of the range."""
        return value * min(self._width(state) / self.sigma, 1.0) ** (self.degree * self.kernel.order)

    def attributes(self, state: State) -> dict[str, Any]:
        """Return the fitted attributes of a state."""
        return super().attributes(state) | {"sigma_": self.sigma, "_kernel": self.kernel}

    @classmethod
    def restored(cls, attributes: Mapping[str, Any]) -> tuple[Self, State]:
        """Return the rule and the state of fitted attributes."""
        rule = cls(
            attributes["p_"],
            attributes["degree_"],
            sigma=attributes["sigma_"],
            kernel=attributes["_kernel"],
        )
        return rule, State(attributes["cluster_centers_"])
