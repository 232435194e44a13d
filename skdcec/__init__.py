"""Deep convolutional embedded clustering and the K-harmonic-means family, for scikit-learn."""

from skdcec._cluster._critical_exponent import critical_exponent
from skdcec._cluster._harmonic import KernelKHarmonicMeans, KHarmonicMeans
from skdcec._cluster._mahalanobis import MahalanobisKMeans
from skdcec._deep._autoencoders import ConvAutoencoder, DenseAutoencoder
from skdcec._deep._dcec import DCEC
from skdcec._deep._keras_autoencoder import KerasAutoencoder
from skdcec._version import __version__

__all__ = [
    "DCEC",
    "ConvAutoencoder",
    "DenseAutoencoder",
    "KHarmonicMeans",
    "KerasAutoencoder",
    "KernelKHarmonicMeans",
    "MahalanobisKMeans",
    "__version__",
    "critical_exponent",
]
