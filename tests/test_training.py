"""The formulas and loops of training, against batches made by hand."""

from itertools import islice

import numpy as np
import pytest

from skdcec import ConvAutoencoder
from skdcec._deep import _training
from skdcec._deep._batches import batches, batches_per_epoch, random_affine
from skdcec._deep._keras_json import optimizer_json
from skdcec._deep._losses import soft_assignment, target_distribution
from skdcec._deep._networks import build, conv_architecture, dense_architecture, initial_weights
from skdcec._deep._training import Trainer, borrowed, decode, encode, pretrain, refine

SHAPE = (6, 5, 2)


@pytest.fixture(scope="module")
def network():
    architecture = conv_architecture(SHAPE, (4, 8), (3, 3), 3)
    return architecture, initial_weights(architecture, np.random.RandomState(0))


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((50, *SHAPE), dtype=np.float32)


# --------------------------------------------------------------------------- formulas


def test_soft_assignment_and_target_by_hand():
    Z, centers = np.array([[0.0], [1.0]]), np.array([[0.0], [2.0]])
    Q = soft_assignment(Z, centers)
    np.testing.assert_allclose(Q, [[5 / 6, 1 / 6], [1 / 2, 1 / 2]])
    f = np.array([5 / 6 + 1 / 2, 1 / 6 + 1 / 2])
    rows = np.array([[25 / 36, 1 / 36], [1 / 4, 1 / 4]]) / f
    np.testing.assert_allclose(target_distribution(Q, f), rows / rows.sum(axis=1, keepdims=True))


def test_loss_has_the_scale_of_the_published_code(network, images):
    # mean over pixels, plus gamma times the sum over clusters, both averaged over samples
    architecture, weights = network
    centers = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)
    targets = np.random.default_rng(2).dirichlet(np.ones(4), 50).astype(np.float32)
    batch = next(batches(50, SHAPE, 50, None, 0))
    with borrowed(Trainer, architecture, optimizer_json("sgd"), 4) as trainer:
        trainer.load(weights, centers)
        losses = trainer.train(images, [batch], targets, gamma=0.1)
        moved = trainer.centers.numpy()
    Z = encode(architecture, weights, images).astype(float)
    error = np.mean((decode(architecture, weights, Z) - images) ** 2)
    D = ((Z[:, None] - centers) ** 2).sum(axis=2)
    Q = 1 / (1 + D)
    Q /= Q.sum(axis=1, keepdims=True)
    assert losses["reconstruction"] == pytest.approx(error, rel=1e-5)
    assert losses["clustering"] == pytest.approx(
        np.mean(np.sum(targets * np.log(targets / Q), axis=1)), rel=1e-4
    )
    # the gradient for the centers, which published ports forget to train
    pull = 2 * ((targets - Q) / (1 + D))[:, :, None] * (centers - Z[:, None])
    np.testing.assert_allclose(moved, centers - 0.01 * 0.1 * pull.mean(axis=0), atol=1e-6)


def test_padding_of_the_last_batch_does_not_count(network, images):
    architecture, weights = network
    with borrowed(Trainer, architecture, optimizer_json("sgd"), 0) as trainer:
        trainer.load(weights)
        padded = list(islice(batches(50, SHAPE, 32, None, 0), 2))[1]
        assert np.count_nonzero(padded.weight) == 18
        assert padded.weight.sum() == pytest.approx(32)
        trainer.train(images, [padded])
        one = trainer.arrays()
        real = padded.rows[:18]
        trainer.load(weights)
        trainer.train(images, [padded._replace(rows=real, weight=np.ones(18, np.float32))])
        other = trainer.arrays()
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-7)


@pytest.mark.parametrize(("n", "size"), [(50, 32), (64, 32), (7, 256), (1, 1)])
def test_an_epoch_sees_every_row_once_in_a_new_order(n, size):
    m = batches_per_epoch(n, size)
    stream = batches(n, SHAPE, size, None, 0)
    epochs = [list(islice(stream, m)) for _ in range(2)]
    seen = [np.concatenate([b.rows[b.weight > 0] for b in epoch]) for epoch in epochs]
    for rows in seen:
        np.testing.assert_array_equal(np.sort(rows), np.arange(n))
    assert {len(b.rows) for epoch in epochs for b in epoch} == {min(n, size)}
    assert n < 10 or not np.array_equal(*seen)
    again = next(batches(n, SHAPE, size, None, 0))
    np.testing.assert_array_equal(again.rows, epochs[0][0].rows)


def test_affine_augmentation_moves_within_its_bounds():
    from keras import ops

    def apply(image, transforms):
        stack = np.repeat(image[None], len(transforms), axis=0)
        moved = ops.image.affine_transform(
            stack, transforms, fill_mode="nearest", data_format="channels_last"
        )
        return ops.convert_to_numpy(moved)

    image = np.zeros((21, 21, 1), np.float32)
    image[9:12, 9:12] = 1
    moved = apply(image, random_affine(200, image.shape, np.random.default_rng(0)))
    grid = np.arange(21)
    mass = moved.sum(axis=(1, 2, 3))
    np.testing.assert_allclose(mass, 9, rtol=0.05)
    for axis in (1, 2):
        where = (moved.sum(axis=(3 - axis, 3)) @ grid) / mass - 10
        # a tenth of 21 pixels along each axis, turned by up to ten degrees
        assert 1.9 < np.abs(where).max() <= 2.1 * (np.cos(np.pi / 18) + np.sin(np.pi / 18))
        assert abs(where.mean()) < 0.3
    # no shift and no rotation is the identity
    still = np.array([[1, 0, 0, 0, 1, 0, 0, 0]], np.float32)
    np.testing.assert_allclose(apply(image, still)[0], image, atol=1e-6)


# --------------------------------------------------------------------------- networks


@pytest.mark.parametrize(
    ("shape", "features"),
    [((28, 28, 1), (3, 3)), ((16, 16, 1), (2, 2)), ((20, 28, 3), (2, 3)), ((8, 8, 1), (1, 1))],
)
def test_the_network_of_the_paper(shape, features):
    encoder, decoder = build(conv_architecture(shape, (32, 64, 128), (5, 5, 3), 10))
    assert encoder.get_layer("convolution_3").output.shape[1:3] == features
    assert decoder.output_shape[1:] == shape
    assert not [layer.name for layer in decoder.layers if layer.name.startswith("crop")]
    if shape == (28, 28, 1):
        assert encoder.count_params() == 832 + 51264 + 73856 + 11530


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 50, 1), (7, 3, 4), (13, 30, 1), (4, 4, 1), (31, 1, 2)])
def test_any_image_shape(shape):
    architecture = conv_architecture(shape, (4, 4, 4), (5, 5, 3), 2)
    weights = initial_weights(architecture, np.random.RandomState(0))
    images = np.random.default_rng(0).random((3, *shape), dtype=np.float32)
    assert decode(architecture, weights, encode(architecture, weights, images)).shape == images.shape


def test_initial_weights_are_glorot_uniform():
    architecture = dense_architecture((8, 8, 1), (500,), 10)
    weights = initial_weights(architecture, np.random.RandomState(0))
    limit = np.sqrt(6 / (64 + 500))
    assert 0.99 * limit < np.abs(weights[0]).max() <= limit
    assert not weights[1].any()
    assert conv_architecture(SHAPE, (4,), (3,), 2) == conv_architecture(SHAPE, (4,), (3,), 2)


@pytest.mark.parametrize("shape", [(28, 28, 1), (16, 16, 1), (1, 3, 1), (9, 7, 3)])
def test_a_row_does_not_depend_on_the_others(shape):
    # bit by bit, also at the sizes where kernels choose their blocking by batch
    architecture = conv_architecture(shape, (32, 64, 128), (5, 5, 3), 10)
    weights = initial_weights(architecture, np.random.RandomState(0))
    images = np.random.default_rng(0).random((100, *shape), dtype=np.float32)
    Z = encode(architecture, weights, images)
    order = np.random.default_rng(1).permutation(100)
    np.testing.assert_array_equal(encode(architecture, weights, images[order]), Z[order])
    for rows in (slice(0, 1), slice(40, 73), slice(99, 100)):
        np.testing.assert_array_equal(encode(architecture, weights, images[rows]), Z[rows])
    Q = soft_assignment(Z, Z[:10])
    np.testing.assert_array_equal(soft_assignment(Z[17:18], Z[:10])[0], Q[17])


# --------------------------------------------------------------------------- loops


def test_a_borrowed_model_remembers_nothing(network, images):
    architecture, weights = network
    params = {"epochs": 2, "batch_size": 16, "augmentation": "affine", "seed": 0}

    def run(optimizer):
        return [
            (loss, trainer.arrays())
            for loss, trainer in pretrain(architecture, weights, images, optimizer=optimizer, **params)
        ]

    adam = optimizer_json("adam")
    first, second = run(adam), run(adam)
    assert [loss for loss, _ in first] == [loss for loss, _ in second]
    for a, b in zip(first[-1][1], second[-1][1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_each_fit_gives_its_compiled_model_back(images):
    model = ConvAutoencoder((3,), (3,), n_components=2, epochs=1, random_state=0)

    def idle():
        trainers = [key for key, _ in _training._idle if key[0] is Trainer]
        return [key for key in trainers if key[1] == model.fit(images).architecture_]

    model.fit(images).fit(images)
    first = {id(kept) for _, kept in _training._idle}
    assert len(idle()) == 1
    assert {id(kept) for _, kept in _training._idle} == first
    assert len(_training._idle) <= _training.MOST_IDLE


def test_refinement_stops_when_labels_stand_still_or_batches_run_out(network, images):
    architecture, weights = network
    Z = encode(architecture, weights, images)
    params = {
        "gamma": 0.1,
        "reconstruction_weight": 1.0,
        "update_interval": 3,
        "batch_size": 16,
        "optimizer": optimizer_json("adam"),
        "augmentation": None,
        "seed": 0,
    }
    still = list(refine(architecture, weights, Z[:4], images, max_iter=100, tol=1.1, **params))
    assert [update.n_iter for update in still] == [3]
    spent = list(refine(architecture, weights, Z[:4], images, max_iter=7, tol=0.0, **params))
    assert [update.n_iter for update in spent] == [3, 6, 7]


def test_a_loss_that_is_not_finite_names_the_likely_cause(network, images):
    architecture, weights = network
    steps = pretrain(
        architecture,
        weights,
        images * np.float32(1e25),
        epochs=1,
        batch_size=16,
        optimizer=optimizer_json("adam"),
        augmentation=None,
        seed=0,
    )
    with pytest.raises(FloatingPointError, match=r"unscaled input.*learning rate"):
        list(steps)


@pytest.mark.parametrize("optimizer", ["adamant", 3, None])
def test_unknown_optimizers_raise(optimizer):
    with pytest.raises(ValueError, match="should be the name of a Keras optimizer"):
        optimizer_json(optimizer)
