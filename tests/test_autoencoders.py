"""The autoencoders as transformers of images."""

import pickle
import random
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skdcec import ConvAutoencoder, DenseAutoencoder


def small(**params):
    return ConvAutoencoder(
        **{"filters": (4, 8), "kernel_sizes": (3, 3), "epochs": 2, "random_state": 0} | params
    )


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((40, 6, 9, 3), dtype=np.float32)


def test_training_learns_to_reproduce(digits, autoencoder):
    loss = autoencoder.history_["reconstruction_loss"]
    assert len(loss) == autoencoder.epochs
    assert loss[-1] < 0.6 * loss[0]
    assert -autoencoder.score(digits.images) < 0.7 * digits.images.var()
    reconstructed = autoencoder.inverse_transform(autoencoder.transform(digits.images))
    assert reconstructed.shape == digits.images.shape
    assert -autoencoder.score(digits.images) == pytest.approx(np.mean((reconstructed - digits.images) ** 2))


@pytest.mark.parametrize("estimator", [small(), DenseAutoencoder((16,), epochs=2, random_state=0)], ids=repr)
def test_layouts_of_the_same_images_agree(estimator, images):
    gray = images[..., 0]
    expected = estimator.fit(gray).transform(gray)
    assert estimator.image_shape_ == (6, 9, 1)
    assert estimator.n_features_in_ == 54
    flat = gray.reshape(len(gray), -1)
    for layout in (flat, gray[..., None], gray.tolist(), flat.astype(float), np.asfortranarray(flat)):
        np.testing.assert_array_equal(estimator.transform(layout), expected)
    refitted = estimator.set_params(image_shape=(6, 9)).fit(flat)
    np.testing.assert_array_equal(refitted.transform(flat), expected)
    assert refitted.inverse_transform(expected).shape == flat.shape
    estimator.set_params(image_shape=None)


def test_flat_rows_are_square_images_or_signals():
    X = np.random.default_rng(0).random((10, 16))
    assert small().fit(X).image_shape_ == (4, 4, 1)
    assert small().fit(X[:, :15]).image_shape_ == (1, 15, 1)
    named = pd.DataFrame(X, columns=[f"pixel {i}" for i in range(16)])
    assert list(small().fit(named).feature_names_in_) == list(named.columns)
    assert list(small(n_components=2).fit(X).get_feature_names_out()) == [
        "convautoencoder0",
        "convautoencoder1",
    ]


def test_bytes_are_scaled_and_nothing_else_is(images):
    pixels = (images * 255).astype(np.uint8)
    model = small().fit(pixels)
    np.testing.assert_array_equal(model.transform(pixels), model.transform(pixels / np.float32(255)))
    frame = pd.DataFrame(pixels.reshape(40, -1))
    np.testing.assert_array_equal(model.transform(frame), model.transform(pixels))


def test_bytes_in_another_type_are_not_taken_for_other_images(images):
    pixels = (images * 255).astype(np.uint8)
    model = small().fit(pixels)
    for other in (pixels.astype(int), pixels.astype(np.float32), pixels.tolist()):
        with pytest.raises(
            ValueError, match=r"values from 0 to 254, but .* was fitted with dtype=uint8.*X / 255"
        ):
            model.transform(other)
    pixels[0, 0, :2] = [[0], [255]]
    with pytest.warns(UserWarning, match=r"dtype=int64 and values from 0 to 255.*only uint8 is divided"):
        small().fit(pixels.astype(np.int64))


def test_types_come_back_as_they_came(images):
    model = small().fit(images)
    for dtype in (np.float32, np.float64):
        Z = model.transform(images.astype(dtype))
        assert Z.dtype == model.inverse_transform(Z).dtype == dtype


@pytest.mark.parametrize("augmentation", [None, "affine"])
def test_same_seed_same_bits_and_no_side_effects(images, augmentation):
    import keras

    random.seed(1)
    np.random.seed(1)  # noqa: NPY002 - the state that must not change
    before = random.getstate(), pickle.dumps(np.random.get_state()), keras.config.floatx()  # noqa: NPY002
    models = [small(augmentation=augmentation, random_state=seed).fit(images) for seed in (0, 0, 1)]
    after = random.getstate(), pickle.dumps(np.random.get_state()), keras.config.floatx()  # noqa: NPY002
    assert before == after
    for a, b in zip(models[0].weights_, models[1].weights_, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(models[0].weights_[0], models[2].weights_[0])


def test_augmentation_changes_the_weights(images):
    plain, augmented = small(augmentation=None).fit(images), small().fit(images)
    assert not np.array_equal(plain.weights_[0], augmented.weights_[0])


def test_an_optimizer_is_used_and_not_changed(images):
    import keras

    optimizer = keras.optimizers.SGD(0.0)
    still, moving = (small(optimizer=o, augmentation=None).fit(images) for o in (optimizer, "sgd"))
    assert not optimizer.built
    np.testing.assert_array_equal(
        still.history_["reconstruction_loss"][0], still.history_["reconstruction_loss"][1]
    )
    assert moving.history_["reconstruction_loss"][1] < moving.history_["reconstruction_loss"][0]


def test_keras_models_are_copies(images):
    model = small().fit(images)
    Z = model.to_keras()[0].predict_on_batch(images)
    np.testing.assert_allclose(Z, model.transform(images), atol=1e-6)
    np.testing.assert_allclose(
        model.to_keras()[1].predict_on_batch(Z), model.inverse_transform(model.transform(images)), atol=1e-6
    )
    encoder, _ = model.to_keras()
    encoder.set_weights([0 * w for w in encoder.get_weights()])
    np.testing.assert_allclose(model.transform(images), Z, atol=1e-6)


@pytest.mark.slow
def test_pickles_hold_arrays_and_load_without_keras(images, tmp_path):
    model = small().fit(images)
    size = len(pickle.dumps(model))
    assert size < sum(w.nbytes for w in model.weights_) + 20_000
    (tmp_path / "model.pickle").write_bytes(pickle.dumps((model, images, model.transform(images))))
    script = f"""if True:
        import pickle, sys
        import numpy as np
        model, images, Z = pickle.load(open({str(tmp_path / "model.pickle")!r}, "rb"))
        assert "keras" not in sys.modules
        np.testing.assert_array_equal(model.transform(images), Z)
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_interrupted_fit_leaves_the_earlier_one(images):
    class Interrupt:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context):
            raise KeyboardInterrupt

    model = small().fit(images)
    before = model.transform(images)
    with pytest.raises(KeyboardInterrupt):
        model.set_callbacks(Interrupt()).fit(images[:, :4])
    np.testing.assert_array_equal(model.set_callbacks().transform(images), before)


BAD_DATA = [
    (np.full((4, 6, 9, 3), np.nan), "NaN"),
    (np.full((4, 6, 9, 3), 1e300), "beyond the range of float32"),
    (np.ones((4, 6, 9, 3)) * 1j, "Complex data not supported"),
    (np.empty((0, 6, 9, 3)), "minimum of 1"),
    (np.empty((4, 0, 9, 3)), "minimum of 1"),
    (np.ones(6), "Expected 2D array"),
    (np.ones((1, 1, 1, 1, 1)), "it should be an array of shape"),
    ([["a", "b"]], "not compatible with arrays of bytes/strings"),
]


@pytest.mark.parametrize(("X", "message"), BAD_DATA)
def test_bad_data_raise_before_training(X, message):
    with pytest.raises(ValueError, match=message):
        small().fit(X)


def test_sparse_data_raise():
    with pytest.raises(TypeError, match="Sparse data was passed"):
        small().fit(sparse.csr_matrix(np.eye(4)))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"filters": ()}, "filters"),
        ({"filters": (4, 0)}, r"filters=\[4, 0\] should be a non-empty sequence of positive integers"),
        ({"filters": (4,)}, "should have equal lengths"),
        ({"kernel_sizes": (3, 2.5)}, "kernel_sizes"),
        ({"n_components": 0}, "n_components"),
        ({"epochs": 0}, "epochs"),
        ({"batch_size": -1}, "batch_size"),
        ({"augmentation": "flip"}, "augmentation"),
        ({"optimizer": "adamant"}, "optimizer='adamant' should be"),
        ({"image_shape": (6,)}, r"image_shape=\(6,\) should be \(height, width\)"),
        ({"image_shape": (9, 6)}, r"image_shape=\(9, 6\) does not match X"),
    ],
)
def test_bad_parameters_raise_before_training(images, monkeypatch, params, message):
    monkeypatch.setattr("skdcec._deep._training.pretrain", lambda *_, **__: pytest.fail("training began"))
    with pytest.raises(ValueError, match=message):
        small(**params).fit(images)


def test_bad_layers_raise(images):
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        DenseAutoencoder(hidden_layer_sizes=(0,)).fit(images)


def test_numpy_integers_are_integers(images):
    model = small(
        filters=np.array([4]), kernel_sizes=np.array([3]), n_components=np.int64(2), epochs=np.int64(1)
    )
    assert model.fit(images).transform(images).shape == (40, 2)
    assert DenseAutoencoder(np.array([4]), np.int64(2), epochs=1).fit(images).n_components_ == 2


def test_image_shape_must_fit_flat_rows():
    with pytest.raises(ValueError, match="asks for 12 features, but X has 16 features"):
        small(image_shape=(3, 4)).fit(np.ones((5, 16)))


def test_other_shapes_at_predict_raise(images):
    model = small().fit(images)
    with pytest.raises(ValueError, match="was fitted with images of shape"):
        model.transform(images[:, :, :8])
    with pytest.raises(ValueError, match="was fitted with images of shape"):
        model.transform(images.swapaxes(1, 2))
    with pytest.raises(ValueError, match="expecting 162 features"):
        model.transform(np.ones((3, 100)))
    with pytest.raises(ValueError, match="n_components=10"):
        model.inverse_transform(np.ones((3, 9)))
