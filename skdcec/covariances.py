"""Covariances of `MahalanobisKMeans`, and the base class for others."""

from skdcec._cluster._covariances import Covariance, Diagonal, Full, Global, Spherical, Tied

__all__ = ["Covariance", "Diagonal", "Full", "Global", "Spherical", "Tied"]
