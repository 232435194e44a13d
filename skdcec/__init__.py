"""Deep convolutional embedded clustering and the K-harmonic-means family, for scikit-learn."""

from skdcec._autoencoders import ConvAutoencoder, DenseAutoencoder
from skdcec._dcec import DCEC
from skdcec._harmonic import KernelKHarmonicMeans, KHarmonicMeans
from skdcec._keras_autoencoder import KerasAutoencoder
from skdcec._mahalanobis import MahalanobisKMeans

__all__ = [
    "DCEC",
    "ConvAutoencoder",
    "DenseAutoencoder",
    "KHarmonicMeans",
    "KerasAutoencoder",
    "KernelKHarmonicMeans",
    "MahalanobisKMeans",
    "__version__",
]
__version__ = "0.1.0"
