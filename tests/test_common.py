"""scikit-learn's own checks, none expected to fail."""

import math

import pytest
from sklearn.cluster import AgglomerativeClustering, BisectingKMeans, KMeans, MiniBatchKMeans
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdcec import (
    DCEC,
    ConvAutoencoder,
    DenseAutoencoder,
    KerasAutoencoder,
    KernelKHarmonicMeans,
    KHarmonicMeans,
    MahalanobisKMeans,
)


def small_dcec(**params):
    autoencoder = ConvAutoencoder(filters=(16, 16), kernel_sizes=(3, 3), epochs=15)
    return DCEC(autoencoder=autoencoder, update_interval=5, max_iter=10, **params)


def network(image_shape):
    import keras

    encoder = keras.Sequential([keras.Input(image_shape), keras.layers.Flatten(), keras.layers.Dense(2)])
    decoder = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(math.prod(image_shape)), keras.layers.Reshape(image_shape)]
    )
    return encoder, decoder


KINDS = ["global", "tied", "full", "diag", "spherical"]
INITS = [
    None,
    KHarmonicMeans(),
    KernelKHarmonicMeans(),
    MahalanobisKMeans(),
    KMeans(),
    MiniBatchKMeans(),
    BisectingKMeans(),
    GaussianMixture(),
    AgglomerativeClustering(),
    make_pipeline(StandardScaler(), KMeans()),
]


@parametrize_with_checks(
    [
        KHarmonicMeans(),
        KHarmonicMeans(p=3.5, accelerate=False),
        KernelKHarmonicMeans(),
        KernelKHarmonicMeans(p=4.0),
        *[MahalanobisKMeans(covariance_type=kind) for kind in KINDS],
        ConvAutoencoder(filters=(8, 8), kernel_sizes=(3, 3), epochs=3),
        DenseAutoencoder(hidden_layer_sizes=(16,), epochs=3, augmentation="affine"),
        KerasAutoencoder(network, epochs=3),
        *[small_dcec(init=init) for init in INITS],
    ]
)
# the checks cluster a handful of rows, of which several clusterings rightly complain
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_check_estimator(estimator, check):
    check(estimator)
