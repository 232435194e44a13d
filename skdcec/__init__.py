"""Clusters images with a neural network, and rows with the K-harmonic-means family, in scikit-learn.

Where to begin:

- ``DCEC(n_clusters).fit_predict(images)`` clusters images: deep convolutional embedded clustering.
- ``KHarmonicMeans(n_clusters).fit_predict(X)`` clusters the rows of a table, as do `KernelKHarmonicMeans`,
  `MiniBatchKHarmonicMeans` and `MahalanobisKMeans`; they never import Keras.
- ``ModularityClustering(n_clusters).fit_predict(images)`` clusters images or rows by their neighbors, without
  training.
- `ConvAutoencoder`, `DenseAutoencoder` and `KerasAutoencoder` embed images, alone or within `DCEC`;
  `BaseAutoencoder` is their base class.

The parts that can be replaced are in `skdcec.losses`, `skdcec.kernels`, `skdcec.covariances`,
`skdcec.networks` and `skdcec.layers`; scores in `skdcec.metrics`, images in `skdcec.datasets`, displays in
`skdcec.plotting`, and the way from a folder of pictures to a report in `skdcec.folders`.
"""

from skdcec._cluster._critical_exponent import critical_exponent
from skdcec._cluster._harmonic import KernelKHarmonicMeans, KHarmonicMeans
from skdcec._cluster._mahalanobis import MahalanobisKMeans
from skdcec._cluster._mini_batch import MiniBatchKHarmonicMeans
from skdcec._deep._autoencoders import ConvAutoencoder, DenseAutoencoder
from skdcec._deep._base_autoencoder import BaseAutoencoder
from skdcec._deep._dcec import DCEC
from skdcec._deep._keras_autoencoder import KerasAutoencoder
from skdcec._graph._modularity_clustering import ModularityClustering
from skdcec._version import __version__

__all__ = [
    "DCEC",
    "BaseAutoencoder",
    "ConvAutoencoder",
    "DenseAutoencoder",
    "KHarmonicMeans",
    "KerasAutoencoder",
    "KernelKHarmonicMeans",
    "MahalanobisKMeans",
    "MiniBatchKHarmonicMeans",
    "ModularityClustering",
    "__version__",
    "critical_exponent",
]
