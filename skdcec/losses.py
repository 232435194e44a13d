"""Clustering losses of `DCEC`, the base class for others, and their formulas."""

from skdcec._deep._losses import (
    ClusteringLoss,
    KLDivergence,
    KMeansLoss,
    soft_assignment,
    target_distribution,
)

__all__ = ["ClusteringLoss", "KLDivergence", "KMeansLoss", "soft_assignment", "target_distribution"]
