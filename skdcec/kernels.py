"""Kernels of `KernelKHarmonicMeans`, and the base class for others."""

from skdcec._cluster._kernels import RBF, Kernel

__all__ = ["RBF", "Kernel"]
