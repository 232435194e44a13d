"""Networks and layers of users, precision, and side effects of many fits."""

import json
import os
import pickle
import random
import subprocess
import sys
from pathlib import Path

import joblib
import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from skdcec import DCEC, ConvAutoencoder, DenseAutoencoder, KerasAutoencoder, KHarmonicMeans
from skdcec._deep._keras_json import augmentation_json, network_json
from skdcec.layers import RandomAffine

SHAPE = (8, 8, 1)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # hardly trained


def network(image_shape):
    """A deep encoder and its decoder, with batch normalization and dropout."""
    layers = keras.layers
    x = inputs = keras.Input(image_shape)
    for units in (8, 8):
        x = layers.Conv2D(units, 3, padding="same", kernel_initializer="he_normal")(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
        x = layers.MaxPooling2D(padding="same")(x)
    x = layers.Dropout(0.2)(layers.Flatten()(x))
    encoder = keras.Model(inputs, layers.Dense(3)(x))
    pixels = int(np.prod(image_shape))
    decoder = keras.Sequential([keras.Input((3,)), layers.Dense(pixels), layers.Reshape(image_shape)])
    return encoder, decoder


def own(**params):
    return KerasAutoencoder(**{"network": network, "epochs": 2, "random_state": 0} | params)


def augmentation():
    return keras.Sequential(
        [
            keras.layers.RandomTranslation(0.1, 0.1, fill_mode="nearest"),
            keras.layers.RandomRotation(0.03, fill_mode="nearest"),
        ]
    )


@pytest.fixture(scope="module")
def X(digits):
    return digits.images[:300]


def assert_equal_weights(one, other):
    for a, b in zip(one.weights_, other.weights_, strict=True):
        np.testing.assert_array_equal(a, b)


# --------------------------------------------------------------------------- networks of users


def test_own_network_trains_alone_and_jointly(X):
    model = DCEC(
        4,
        autoencoder=own(),
        init=KHarmonicMeans(),
        max_batches=6,
        batches_per_update=3,
        keep="last",
        random_state=0,
    )
    model.fit(X)
    before, after = own().fit(X), model.autoencoder_
    assert before.n_components_ == 3
    assert model.cluster_centers_.shape == (4, 3)
    # batch normalization updates its statistics in both stages
    statistics = [i for i, w in enumerate(before.to_keras()[0].weights) if "moving_mean" in w.path]
    assert len(statistics) == 2
    for i in statistics:
        assert np.abs(before.weights_[i]).max() > 0
        assert not np.array_equal(before.weights_[i], after.weights_[i])
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    # dropout and batch statistics are used in training only
    np.testing.assert_array_equal(model.transform(X[5:6]), model.transform(X)[5:6])
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.transform(X), model.transform(X))
    np.testing.assert_array_equal(clone(model).fit(X).labels_, model.labels_)


def test_initializers_of_a_function_follow_random_state(X):
    state = random.getstate()
    first, again, other = own().fit(X), own().fit(X), own(random_state=1).fit(X)
    assert random.getstate() == state
    assert_equal_weights(first, again)
    assert not np.array_equal(first.weights_[0], other.weights_[0])
    assert first.architecture_ == other.architecture_
    start = own()._initial_weights(own()._recipe(SHAPE), np.random.RandomState(0))
    # he_normal, for a kernel of 3 x 3 on 8 channels
    kernels = [w for w in start if w.shape == (3, 3, 8, 8)]
    assert kernels[0].std() == pytest.approx(np.sqrt(2 / 72), rel=0.15)


def test_a_pair_starts_from_its_own_weights_and_is_not_trained(X):
    encoder, decoder = network(SHAPE)
    before = [w.copy() for w in encoder.get_weights() + decoder.get_weights()]
    still = keras.optimizers.SGD(0.0)
    model = own(network=(encoder, decoder), optimizer=still, epochs=1).fit(X)
    kernels = [i for i, w in enumerate(before) if w.ndim > 1]
    for i in kernels:
        np.testing.assert_array_equal(model.weights_[i], before[i])
    trained = own(network=(encoder, decoder)).fit(X)
    assert not np.array_equal(trained.weights_[kernels[0]], before[kernels[0]])
    for a, b in zip(before, encoder.get_weights() + decoder.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert_equal_weights(clone(trained).fit(X), trained)


def test_frozen_layers_stay_as_they_are(X):
    encoder, decoder = network(SHAPE)
    encoder.layers[1].trainable = False
    kernel = encoder.get_weights()[0].copy()
    model = own(network=(encoder, decoder)).fit(X)
    np.testing.assert_array_equal(model.weights_[0], kernel)
    assert not np.array_equal(model.weights_[-2], decoder.get_weights()[-2])


def test_architecture_is_the_same_however_often_it_was_built():
    texts = {network_json(*network(SHAPE)) for _ in range(3)}
    assert len(texts) == 1
    config = json.loads(texts.pop())
    names = [layer["name"] for layer in config[0]["config"]["layers"]]
    assert len(set(names)) == len(names)


def test_names_of_the_user_are_kept():
    encoder = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(name="mine")])
    text = network_json(encoder, encoder)
    assert '"mine"' in text


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (lambda shape: keras.Sequential([keras.Input(shape), keras.layers.Dense(2)]), "should be a pair"),
        (
            lambda shape: network((4, 4, 1)),
            r"maps images of shape \(4, 4, 1\) to images of shape \(4, 4, 1\)",
        ),
        (lambda shape: (network(shape)[0], keras.Sequential([keras.layers.Dense(3)])), "with an Input"),
        (
            lambda shape: (
                network(shape)[0],
                keras.Sequential([keras.Input((5,)), keras.layers.Dense(64), keras.layers.Reshape(shape)]),
            ),
            r"embeddings of shape \(3,\), and a decoder that takes embeddings of shape \(5,\)",
        ),
        ("dense", "The 'network' parameter of KerasAutoencoder"),
        ((1, 2), "should be a pair"),
        (
            lambda shape: (
                keras.Sequential([keras.Input(shape), keras.layers.Lambda(lambda x: x[:, 0, :3, 0])]),
                network(shape)[1],
            ),
            "cannot be rebuilt",
        ),
    ],
)
def test_bad_networks_raise_before_training(X, monkeypatch, network, message):
    monkeypatch.setattr("skdcec._deep._training.pretrain", lambda *_, **__: pytest.fail("training began"))
    for model in (own(network=network), DCEC(4, autoencoder=own(network=network))):
        with pytest.raises(ValueError, match=message):
            model.fit(X)


def test_default_network_is_that_of_the_paper(X):
    ours = KerasAutoencoder(epochs=1, random_state=0)
    plain = ConvAutoencoder(epochs=1, augmentation=None, random_state=0)
    assert_equal_weights(ours.fit(X), plain.fit(X))


# --------------------------------------------------------------------------- augmentation


def test_a_layer_augments_both_stages(X):
    def fit(layer):
        autoencoder = ConvAutoencoder((4,), (3,), epochs=2, augmentation=layer)
        params = {"max_batches": 4, "batches_per_update": 2, "keep": "last", "random_state": 0}
        return DCEC(4, init=None, autoencoder=autoencoder, **params).fit(X)

    plain, moved = fit(None), fit(augmentation())
    assert not np.array_equal(plain.autoencoder_.weights_[0], moved.autoencoder_.weights_[0])
    # equal new layers give equal results, although Keras gave them other seeds
    again = fit(augmentation())
    assert_equal_weights(moved.autoencoder_, again.autoencoder_)
    # in joint training too: with the same autoencoder, the layer alone makes the difference
    frozen = clone(plain.autoencoder_).fit(X)
    refined = []
    for layer in (None, augmentation()):
        model = DCEC(
            4,
            init=None,
            autoencoder=FrozenEstimator(frozen.set_params(augmentation=layer)),
            max_batches=2,
            keep="last",
            random_state=0,
        )
        refined.append(model.fit(X).autoencoder_)
    assert not np.array_equal(refined[0].weights_[0], refined[1].weights_[0])


def test_the_image_before_augmentation_is_what_is_reconstructed(X):
    # from a layer that blackens all images, nothing is better than the mean of the originals
    black = keras.layers.Rescaling(0.0)
    model = ConvAutoencoder((4,), (3,), epochs=60, batch_size=300, optimizer=keras.optimizers.Adam(0.01))
    model.set_params(augmentation=black, random_state=0).fit(X)
    assert model.history_["reconstruction_loss"][-1] > 0.99 * np.mean(X.var(axis=0))


def test_layers_that_change_the_shape_or_cannot_be_rebuilt_raise(X):
    class Unknown(keras.layers.Layer):
        def call(self, x):
            return x

    for layer, message in [
        (
            keras.layers.CenterCrop(4, 4),
            r"makes images of shape \(4, 4, 1\) from images of shape \(8, 8, 1\)",
        ),
        (Unknown(), "register_keras_serializable"),
        (keras.layers.Lambda(lambda x: x), "augmentation=.*cannot be rebuilt"),
    ]:
        with pytest.raises(ValueError, match=message):
            ConvAutoencoder((4,), (3,), epochs=1, augmentation=layer).fit(X)


def test_augmentation_json_forgets_numbers_of_names_and_seeds():
    assert augmentation_json(augmentation(), SHAPE) == augmentation_json(augmentation(), SHAPE)
    assert augmentation_json("affine", SHAPE) == augmentation_json(RandomAffine(), SHAPE)


@pytest.mark.slow
def test_memory_and_checkpoint_tell_layers_and_networks_apart(X, tmp_path):
    def fit(autoencoder, **params):
        return DCEC(4, autoencoder=autoencoder, max_batches=2, random_state=0, **params).fit(X)

    encoder, decoder = network(SHAPE)
    pairs = [own(network=(encoder, decoder)), own(network=network(SHAPE))]
    for autoencoder in [own(), own(), *pairs, own(augmentation=augmentation()), own(augmentation="affine")]:
        fit(autoencoder, memory=tmp_path / "memory")
    assert len(list((tmp_path / "memory").iterdir())) == 5
    fit(pairs[0], checkpoint=tmp_path / "a")
    with pytest.raises(ValueError, match="autoencoder__network was"):
        fit(pairs[1], checkpoint=tmp_path / "a")
    fit(own(augmentation=augmentation()), checkpoint=tmp_path / "b")
    fit(own(augmentation=augmentation()), checkpoint=tmp_path / "b")
    with pytest.raises(ValueError, match="autoencoder__augmentation was"):
        fit(own(augmentation=keras.layers.RandomFlip()), checkpoint=tmp_path / "b")


# --------------------------------------------------------------------------- precision


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("kind", [ConvAutoencoder, DenseAutoencoder])
def test_mixed_precision_trains_to_a_similar_loss(X, policy, kind):
    params = {"epochs": 15, "batch_size": 64, "random_state": 0, "augmentation": "affine"}
    params["filters" if kind is ConvAutoencoder else "hidden_layer_sizes"] = (8, 16, 16)
    plain, mixed = kind(**params).fit(X), kind(**params, dtype_policy=policy).fit(X)
    assert policy in mixed.architecture_
    assert {w.dtype for w in mixed.weights_} == {np.dtype(np.float32)}
    assert mixed.transform(X).dtype == np.float32
    assert mixed.score(X) == pytest.approx(plain.score(X), rel=0.1)
    assert mixed.score(X) != plain.score(X)
    model = DCEC(4, init=None, autoencoder=FrozenEstimator(mixed), max_batches=4, keep="last", random_state=0)
    model.fit(X)
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    np.testing.assert_array_equal(clone(model).fit(X).labels_, model.labels_)


def test_float16_scales_its_loss():
    from skdcec._deep._models import Trainer

    recipe = ConvAutoencoder((4,), (3,), dtype_policy="mixed_float16")._recipe(SHAPE)
    assert isinstance(Trainer(recipe).optimizer, keras.optimizers.LossScaleOptimizer)


def test_the_global_policy_counts_only_where_it_is_asked_for(X):
    small = ConvAutoencoder((4,), (3,), epochs=1, random_state=0)
    expected = small.fit(X).weights_
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        same, followed = clone(small).fit(X), clone(small).set_params(dtype_policy=None).fit(X)
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy("float32")
    for a, b in zip(same.weights_, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    assert "mixed_bfloat16" in followed.architecture_


def test_unknown_policies_raise(X):
    with pytest.raises(ValueError, match="dtype_policy"):
        ConvAutoencoder(dtype_policy="float8").fit(X)


# --------------------------------------------------------------------------- side effects

FIT = """
import joblib, sys
from skdcec import DCEC, ConvAutoencoder, KHarmonicMeans
from skdcec.datasets import load_digits_images
X = load_digits_images().images[:300]
autoencoder = ConvAutoencoder((4, 4), (3, 3), epochs=2, augmentation="affine")
params = {"max_batches": 6, "batches_per_update": 3, "random_state": 0}
model = DCEC(4, init=KHarmonicMeans(), autoencoder=autoencoder, **params)
"""


def run_python(script, **environment):
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.split()


@pytest.mark.slow
def test_another_process_gets_the_same_bits():
    script = FIT + "model.fit(X); print(joblib.hash([model.labels_, model.autoencoder_.weights_]))"
    namespace = {}
    exec(FIT, namespace)
    model = namespace["model"].fit(namespace["X"])
    assert run_python(script)[-1] == joblib.hash([model.labels_, model.autoencoder_.weights_])


def test_a_fit_has_no_side_effects(X):
    def state():
        return (
            random.getstate(),
            pickle.dumps(np.random.get_state()),  # noqa: NPY002
            keras.config.floatx(),
            keras.config.dtype_policy().name,
            keras.config.image_data_format(),
            dict(os.environ),
        )

    model = DCEC(4, autoencoder=own(augmentation=augmentation()), max_batches=2, random_state=0)
    before = state()
    model.fit(X).predict(X)
    assert state() == before


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the memory of a process from /proc")
def test_many_fits_take_no_more_memory_than_few():
    script = (
        FIT
        + """
import os
from pathlib import Path
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
for i in range(5):
    model.set_params(random_state=i).fit(X)
from skdcec._deep._pool import POOL
known, before = {id(m) for _, m in POOL._idle}, resident()
for i in range(50):
    model.set_params(random_state=i).fit(X)
assert {id(m) for _, m in POOL._idle} == known, "a network was compiled again"
print(resident() - before)
"""
    )
    assert float(run_python(script)[-1]) < 50


def test_regularizers_of_layers_are_trained_on(X):
    def regularized(strength):
        def network(image_shape):
            layers = keras.layers
            narrow = layers.Dense(3, kernel_regularizer=keras.regularizers.L2(strength))
            encoder = keras.Sequential([keras.Input(image_shape), layers.Flatten(), narrow])
            pixels = int(np.prod(image_shape))
            decoder = keras.Sequential([keras.Input((3,)), layers.Dense(pixels), layers.Reshape(image_shape)])
            return encoder, decoder

        return KerasAutoencoder(network, epochs=60, batch_size=50, random_state=0).fit(X)

    free, strict = (np.abs(regularized(strength).weights_[0]).mean() for strength in (0.0, 100.0))
    assert strict < 0.2 * free


def test_a_decoder_may_have_no_weights(X):
    encoder = keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(64)])
    decoder = keras.Sequential([keras.Input((64,)), keras.layers.Reshape(SHAPE)])
    model = KerasAutoencoder((encoder, decoder), epochs=2, random_state=0).fit(X)
    Z = model.transform(X)
    np.testing.assert_array_equal(model.inverse_transform(Z).reshape(len(X), -1), Z)


@pytest.mark.parametrize(
    "optimizer",
    [keras.optimizers.Adam(use_ema=True), keras.optimizers.ScheduleFreeAdamW()],
    ids=["ema", "free"],
)
def test_optimizers_that_keep_other_weights_are_refused(X, optimizer):
    with pytest.raises(ValueError, match=r"optimizer=.* keeps averaged weights"):
        ConvAutoencoder((4,), (3,), epochs=1, optimizer=optimizer).fit(X)
