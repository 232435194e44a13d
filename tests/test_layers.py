"""Deeper networks, and the training of their layers one by one."""

import random

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import subspace_angles
from sklearn.base import clone
from sklearn.decomposition import PCA

from skdcec import DCEC, ConvAutoencoder, DenseAutoencoder, KHarmonicMeans
from skdcec.networks import conv_autoencoder, dense_autoencoder

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # hardly trained

DEEP = {"convolutions_per_stage": 2, "batch_normalization": True, "residual": True}
SMALL = {"epochs": 2, "batch_size": 64, "random_state": 0}


@pytest.fixture(scope="module")
def X(digits):
    return digits.images[:200]


def assert_equal_weights(one, other):
    for a, b in zip(one.weights_, other.weights_, strict=True):
        assert_array_equal(a, b)


def count(model):
    return sum(np.prod(w.shape) for w in model.weights)


# --------------------------------------------------------------------------- deeper networks


@pytest.mark.parametrize("n_convolutions", [1, 2, 4])
@pytest.mark.parametrize("normalized", [False, True])
def test_numbers_of_parameters_are_those_of_the_layers(n_convolutions, normalized):
    encoder, decoder = conv_autoencoder((12, 12, 3), (4, 6), (5, 3), 7, n_convolutions, normalized)
    # a bias for each filter, or the four vectors of a batch normalization
    vectors = 4 if normalized else 1
    inner = sum((n_convolutions - 1) * (9 * n * n + vectors * n) for n in (4, 6))
    down = 25 * 3 * 4 + vectors * 4 + 9 * 4 * 6 + vectors * 6
    assert count(encoder) == down + inner + 3 * 3 * 6 * 7 + 7
    # the pixels are not normalized
    up = 25 * 4 * 3 + 3 + 9 * 6 * 4 + vectors * 4
    assert count(decoder) == up + inner + 7 * 3 * 3 * 6 + 3 * 3 * 6


@pytest.mark.parametrize("shape", [(13, 17, 3), (1, 40, 2)])
@pytest.mark.parametrize("params", [{}, DEEP])
def test_images_of_every_shape_come_back_in_it(shape, params):
    images = np.random.default_rng(0).random((6, *shape), dtype=np.float32)
    model = ConvAutoencoder((3, 4, 5), n_components=2, **params, **SMALL | {"epochs": 1}).fit(images)
    assert model.inverse_transform(model.transform(images)).shape == images.shape


def test_a_deep_network_trains_jointly_and_maps_each_image_for_itself(X):
    model = DCEC(
        4,
        init=KHarmonicMeans(),
        autoencoder=ConvAutoencoder((4, 8), (3, 3), 3, **DEEP, **SMALL),
        max_batches=6,
        batches_per_update=3,
        keep="last",
        random_state=0,
    ).fit(X)
    assert_array_equal(model.transform(X[7:8]), model.transform(X)[7:8])
    assert_array_equal(model.predict(X), model.labels_)
    assert_array_equal(clone(model).fit(X).cluster_centers_, model.cluster_centers_)


def test_a_residual_stage_whose_convolutions_are_zero_passes_its_input_on(X):
    """The stages then are those of the plain network."""
    deep = conv_autoencoder((8, 8, 1), (4, 8), (3, 3), 3, convolutions_per_stage=3, residual=True)
    plain = conv_autoencoder((8, 8, 1), (4, 8), (3, 3), 3)
    for one, other in zip(deep, plain, strict=True):
        for layer in one.layers:
            if layer.name.count("_") == 2 and layer.weights:
                layer.set_weights([np.zeros(w.shape) for w in layer.get_weights()])
            elif layer.weights:
                layer.set_weights(other.get_layer(layer.name).get_weights())
        inputs = X[:5, ..., None] if one is deep[0] else np.random.default_rng(0).normal(size=(5, 3))
        assert_allclose(one.predict(inputs, verbose=0), other.predict(inputs, verbose=0), atol=1e-6)


def test_the_embedding_is_a_convolution_of_all_features(X):
    """So that the encoder is fully convolutional."""
    encoder, _ = conv_autoencoder((8, 8, 1), (4, 8), (3, 3), 3)
    features = keras.Model(encoder.input, encoder.get_layer("flatten").input)
    convolution = keras.layers.Conv2D(3, features.output_shape[1])
    x = convolution(features.output)
    kernel, bias = encoder.get_layer("embedding").get_weights()
    convolution.set_weights([kernel.reshape(convolution.kernel.shape), bias])
    fully = keras.Model(encoder.input, x).predict(X[..., None], verbose=0)
    assert fully.shape == (200, 1, 1, 3)
    assert_allclose(fully[:, 0, 0], encoder.predict(X[..., None], verbose=0), atol=1e-5)


def test_residual_stages_need_two_convolutions(X):
    with pytest.raises(ValueError, match="convolutions_per_stage=1 should be at least 2"):
        ConvAutoencoder(residual=True).fit(X)


# --------------------------------------------------------------------------- training of layers


@pytest.mark.parametrize("kind", [ConvAutoencoder, DenseAutoencoder])
def test_no_epochs_of_layers_leave_the_bits_alone(X, kind):
    plain = kind(n_components=3, **SMALL).fit(X)
    assert_equal_weights(kind(n_components=3, layerwise_epochs=0, corruption=0.5, **SMALL).fit(X), plain)


def test_one_linear_layer_spans_the_principal_components(digits):
    X = digits.images - digits.images.mean(axis=0)
    params = {"layerwise_epochs": 500, "corruption": 0.0, "epochs": 1, "batch_size": 600}
    rate = keras.optimizers.schedules.ExponentialDecay(1e-2, 300, 0.5)
    optimizer = keras.optimizers.Adam(rate)
    model = DenseAutoencoder((), 3, optimizer=optimizer, random_state=0, **params).fit(X)
    decoder = model.weights_[2].astype(float)
    principal = PCA(3).fit(X.reshape(len(X), -1)).components_
    assert np.degrees(subspace_angles(decoder.T, principal.T)).max() < 3
    # those of random weights are far away
    start = DenseAutoencoder((), 3, epochs=1, random_state=0).fit(X).weights_[2]
    assert np.degrees(subspace_angles(start.T, principal.T)).max() > 45


@pytest.mark.parametrize(
    "autoencoder",
    [DenseAutoencoder((40, 20), 5), ConvAutoencoder((8, 8), (3, 3), 5, augmentation=None, **DEEP)],
    ids=["dense", "deep"],
)
def test_trained_layers_are_a_better_start(digits, autoencoder):
    """The first epoch is better, because all stages reproduce their input: each one has its own weights."""
    autoencoder.set_params(epochs=1, batch_size=64, random_state=0)
    before = clone(autoencoder).fit(digits.images).history_["reconstruction_loss"]
    after = autoencoder.set_params(layerwise_epochs=5).fit(digits.images).history_["reconstruction_loss"]
    assert after < 0.8 * before


def test_each_stage_learns(digits, capsys):
    params = {"layerwise_epochs": 4, "epochs": 1, "random_state": 0, "batch_size": 64, "verbose": 1}
    DenseAutoencoder((30, 20), 5, **params).fit(digits.images)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Layer")]
    losses = np.array([float(line.split()[-1].rstrip(".")) for line in lines]).reshape(3, 4)
    assert (losses[:, -1] < losses[:, 0]).all()


def test_corruption_changes_the_weights_and_the_seed_repeats_them(X):
    model = DenseAutoencoder((10,), 3, layerwise_epochs=1, **SMALL)
    assert_equal_weights(clone(model).fit(X), model.fit(X))
    other = clone(model).set_params(corruption=0.5).fit(X)
    assert not np.array_equal(other.weights_[0], model.weights_[0])


def test_memory_and_checkpoint_tell_layerwise_training_apart(X, tmp_path):
    def fit(memory=None, **params):
        autoencoder = DenseAutoencoder((10,), 3, **params, **SMALL)
        params = {"max_batches": 2, "keep": "last", "random_state": 0, "memory": memory}
        return DCEC(4, init=KHarmonicMeans(), autoencoder=autoencoder, **params).fit(X)

    for params in ({}, {"layerwise_epochs": 1}, {"layerwise_epochs": 1, "corruption": 0.0}):
        fresh, cold, warm = fit(**params), fit(tmp_path, **params), fit(tmp_path, **params)
        assert_array_equal(fresh.cluster_centers_, cold.cluster_centers_)
        assert_array_equal(fresh.cluster_centers_, warm.cluster_centers_)
    assert len(list(tmp_path.glob("*.npz"))) == 3


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"corruption": 1.0}, "'corruption' parameter"),
        ({"layerwise_epochs": -1}, "'layerwise_epochs' parameter"),
        ({"hidden_layer_sizes": (0,)}, "should be a sequence of positive integers"),
    ],
)
def test_bad_parameters_raise(X, params, message):
    with pytest.raises(ValueError, match=message):
        DenseAutoencoder(**params).fit(X)


def test_without_hidden_layers_the_dense_autoencoder_is_linear():
    encoder, decoder = dense_autoencoder((4, 5, 1), (), 2)
    assert [w.shape for w in encoder.weights + decoder.weights] == [(20, 2), (2,), (2, 20), (20,)]


def test_training_of_layers_leaves_the_generator_of_python_alone(X):
    state = random.getstate()
    DenseAutoencoder((10,), 3, layerwise_epochs=1, **SMALL).fit(X)
    assert random.getstate() == state
