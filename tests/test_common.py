"""The estimator checks of scikit-learn, without expected failures."""

import inspect
import math

import pytest
from sklearn.base import ClusterMixin
from sklearn.utils.estimator_checks import parametrize_with_checks

import skdcec
from _registry import INITIALIZERS, SIBLINGS, UNFINISHED
from skdcec import (
    DCEC,
    ConvAutoencoder,
    DenseAutoencoder,
    KerasAutoencoder,
    MiniBatchKHarmonicMeans,
    ModularityClustering,
)


def small_dcec(**params):
    autoencoder = ConvAutoencoder(filters=(16, 16), kernel_sizes=(3, 3), epochs=15)
    return DCEC(autoencoder=autoencoder, batches_per_update=5, max_batches=10, **params)


def network(image_shape):
    import keras

    encoder = keras.Sequential([keras.Input(image_shape), keras.layers.Flatten(), keras.layers.Dense(2)])
    decoder = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(math.prod(image_shape)), keras.layers.Reshape(image_shape)]
    )
    return encoder, decoder


# the checks cluster a handful of rows, and several clusterings rightly warn
@UNFINISHED
@parametrize_with_checks(
    [
        *SIBLINGS,
        MiniBatchKHarmonicMeans(),
        MiniBatchKHarmonicMeans(p=4.0),
        ModularityClustering(),
        ModularityClustering(None, n_neighbors=3),
    ]
)
def test_check_estimator(estimator, check):
    check(estimator)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:X has dtype:UserWarning")  # checks use values of 100
@UNFINISHED
@parametrize_with_checks(
    [
        ConvAutoencoder(filters=(8, 8), kernel_sizes=(3, 3), epochs=3),
        DenseAutoencoder(hidden_layer_sizes=(16,), epochs=3, augmentation="affine"),
        KerasAutoencoder(network, epochs=3),
        *[small_dcec(init=init) for init in [*INITIALIZERS, "auto"]],
    ]
)
def test_check_estimator_of_networks(estimator, check):
    check(estimator)


def test_every_clusterer_of_the_package_is_checked():
    public = {value for value in vars(skdcec).values() if inspect.isclass(value)}
    clusterers = {value for value in public if issubclass(value, ClusterMixin)}
    clusterers -= {DCEC, MiniBatchKHarmonicMeans, ModularityClustering}
    assert clusterers == {type(estimator) for estimator in SIBLINGS}
