"""Keras layers for the augmentation of images. Importing this module imports Keras."""

from skdcec._deep._augmentation import RandomAffine

__all__ = ["RandomAffine"]
