"""The formulas and loops of training, against computations by hand."""

from itertools import islice

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.utils._testing import ignore_warnings

from skdcec import DCEC, ConvAutoencoder
from skdcec._deep import _pool
from skdcec._deep._batches import batches, batches_per_epoch
from skdcec._deep._keras_json import augmentation_json, network_json, optimizer_json
from skdcec._deep._models import Recipe, Trainer
from skdcec._deep._networks import glorot_weights
from skdcec._deep._pool import lend
from skdcec._deep._schedule import Position, Schedule
from skdcec._deep._training import decode, encode, pretrain, refine
from skdcec.layers import RandomAffine
from skdcec.losses import KLDivergence, soft_assignment, target_distribution
from skdcec.networks import conv_autoencoder, dense_autoencoder

SHAPE = (6, 5, 2)


class Watcher:
    """Records the reports of a loop, and stops it after a number of subtasks."""

    def __init__(self, stop_after=None):
        self.outcomes, self.losses, self.stop_after, self.n_begun = [], [], stop_after, 0

    def begin(self):
        self.n_begun += 1

    def end(self, outcome, losses, progress):
        self.outcomes.append(outcome)
        self.losses.append(losses)
        return len(self.losses) == self.stop_after


def recipe_of(architecture, optimizer="adam", augmentation=None):
    return Recipe(architecture, optimizer_json(optimizer), augmentation)


@pytest.fixture(scope="module")
def network():
    architecture = network_json(*conv_autoencoder(SHAPE, (4, 8), (3, 3), 3))
    return architecture, glorot_weights(architecture, np.random.RandomState(0))


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
    batch = next(batches(50, 50, 0))
    with lend(Trainer, recipe_of(architecture, "sgd"), KLDivergence(), 4) as trainer:
        trainer.start(weights, centers)
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
    # the gradient of the centers, which published ports omit
    pull = 2 * ((targets - Q) / (1 + D))[:, :, None] * (centers - Z[:, None])
    np.testing.assert_allclose(moved, centers - 0.01 * 0.1 * pull.mean(axis=0), atol=1e-6)


def test_padding_of_the_last_batch_does_not_count(network, images):
    architecture, weights = network
    with lend(Trainer, recipe_of(architecture, "sgd")) as trainer:
        trainer.start(weights)
        padded = list(islice(batches(50, 32, 0), 2))[1]
        assert np.count_nonzero(padded.weight) == 18
        assert padded.weight.sum() == pytest.approx(32)
        trainer.train(images, [padded])
        one = trainer.arrays()
        real = padded.rows[:18]
        trainer.start(weights)
        trainer.train(images, [padded._replace(rows=real, weight=np.ones(18, np.float32))])
        other = trainer.arrays()
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-7)


@pytest.mark.parametrize(("n", "size"), [(50, 32), (64, 32), (7, 256), (1, 1)])
def test_an_epoch_sees_every_row_once_in_a_new_order(n, size):
    m = batches_per_epoch(n, size)
    stream = batches(n, size, 0)
    epochs = [list(islice(stream, m)) for _ in range(2)]
    seen = [np.concatenate([b.rows[b.weight > 0] for b in epoch]) for epoch in epochs]
    for rows in seen:
        np.testing.assert_array_equal(np.sort(rows), np.arange(n))
    assert {len(b.rows) for epoch in epochs for b in epoch} == {min(n, size)}
    assert n < 10 or not np.array_equal(*seen)
    again = next(batches(n, size, 0))
    np.testing.assert_array_equal(again.rows, epochs[0][0].rows)


def test_affine_augmentation_moves_within_its_bounds():
    from keras import ops

    image = np.zeros((21, 21, 1), np.float32)
    image[9:12, 9:12] = 1
    stack = np.repeat(image[None], 200, axis=0)
    moved = ops.convert_to_numpy(RandomAffine(seed=0)(stack, training=True))
    grid = np.arange(21)
    mass = moved.sum(axis=(1, 2, 3))
    np.testing.assert_allclose(mass, 9, rtol=0.05)
    for axis in (1, 2):
        where = (moved.sum(axis=(3 - axis, 3)) @ grid) / mass - 10
        # a tenth of 21 pixels along each axis, rotated by up to ten degrees
        assert 1.9 < np.abs(where).max() <= 2.1 * (np.cos(np.pi / 18) + np.sin(np.pi / 18))
        assert abs(where.mean()) < 0.3
    # without shift and rotation it is the identity, and also in inference
    still = RandomAffine(shift=0.0, rotation=0.0, seed=0)(stack, training=True)
    np.testing.assert_allclose(ops.convert_to_numpy(still), stack, atol=1e-6)
    np.testing.assert_array_equal(ops.convert_to_numpy(RandomAffine()(stack)), stack)


def test_affine_augmentation_interpolates_linearly():
    from keras import ops

    # the two channels are the coordinates of the pixels
    y, x = np.mgrid[:30, :20].astype(np.float32)
    images = np.repeat(np.stack([x, y], axis=2)[None], 50, axis=0)
    moved = ops.convert_to_numpy(RandomAffine(shift=0.1, rotation=10.0, seed=0)(images, training=True))
    basis = np.column_stack([x.ravel(), y.ravel(), np.ones(600)])
    inside = ((moved > 0.01) & (moved < [18.99, 28.99])).all(axis=3)
    for image, used in zip(moved.reshape(50, 600, 2), inside.reshape(50, 600), strict=True):
        affine = np.linalg.lstsq(basis[used], image[used])[0]
        (a, b), (c, d) = affine[:2]
        # a rotation, and beyond the margin the nearest pixel
        np.testing.assert_allclose([a, b, a * a + b * b], [d, -c, 1], atol=1e-3)
        np.testing.assert_allclose(np.clip(basis @ affine, 0, [19, 29]), image, atol=1e-2)
    half = RandomAffine(seed=0, dtype="bfloat16")(images, training=True)
    assert keras.backend.standardize_dtype(half.dtype) == "bfloat16"


def test_random_numbers_of_the_augmentation_are_uniform_and_follow_seed_and_call():
    from keras import ops
    from scipy.stats import kstest

    from skdcec._deep._augmentation import uniform

    def draw(seed, call):
        return ops.convert_to_numpy(uniform(np.array([seed, call]), 20_000, 3))

    u = draw(3, 0)
    assert u.min() >= -1
    assert u.max() < 1
    for numbers in (u[:, 0], u[:, 2], u[1:, 1], draw(3, 1).ravel(), draw(4, 0).ravel()):
        assert kstest(numbers, "uniform", (-1, 2)).pvalue > 1e-3
    # neighbors, columns, calls and seeds are independent
    others = [u[1:, 0], u[:-1, 1], draw(3, 1)[:-1, 0], draw(4, 0)[:-1, 0], draw(2**31 - 1, 0)[:-1, 0]]
    assert np.abs(np.corrcoef([u[:-1, 0], *others])[0, 1:]).max() < 0.03
    np.testing.assert_array_equal(draw(3, 0), u)


def test_random_numbers_of_the_augmentation_are_the_same_everywhere():
    # computed in plain Python with unbounded integers
    from keras import ops

    from skdcec._deep._augmentation import uniform

    def scramble(x):
        for bits, multiplier in ((16, 0x21F0AAAD), (15, 0x735A2D97), (15, 1)):
            x = ((x ^ (x >> bits)) * multiplier) % 2**32
        return x

    key = scramble(scramble(2_000_000_011) ^ 7)
    expected = [(scramble(scramble(i) ^ key) >> 8) / 2**23 - 1 for i in range(6)]
    found = ops.convert_to_numpy(uniform(np.array([2_000_000_011, 7]), 3, 2))
    np.testing.assert_array_equal(found.ravel(), np.float32(expected))


# --------------------------------------------------------------------------- networks


@pytest.mark.parametrize(
    ("shape", "features"),
    [((28, 28, 1), (3, 3)), ((16, 16, 1), (2, 2)), ((20, 28, 3), (2, 3)), ((8, 8, 1), (1, 1))],
)
def test_the_network_of_the_paper(shape, features):
    encoder, decoder = conv_autoencoder(shape)
    assert encoder.get_layer("convolution_3").output.shape[1:3] == features
    assert decoder.output_shape[1:] == shape
    assert not [layer.name for layer in decoder.layers if layer.name.startswith("crop")]
    if shape == (28, 28, 1):
        assert encoder.count_params() == 832 + 51264 + 73856 + 11530


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 50, 1), (7, 3, 4), (13, 30, 1), (4, 4, 1), (31, 1, 2)])
def test_any_image_shape(shape):
    architecture = network_json(*conv_autoencoder(shape, (4, 4, 4), (5, 5, 3), 2))
    weights = glorot_weights(architecture, np.random.RandomState(0))
    images = np.random.default_rng(0).random((3, *shape), dtype=np.float32)
    assert decode(architecture, weights, encode(architecture, weights, images)).shape == images.shape


def test_initial_weights_are_glorot_uniform():
    architecture = network_json(*dense_autoencoder((8, 8, 1), (500,), 10))
    weights = glorot_weights(architecture, np.random.RandomState(0))
    limit = np.sqrt(6 / (64 + 500))
    assert 0.99 * limit < np.abs(weights[0]).max() <= limit
    assert not weights[1].any()
    again = network_json(*dense_autoencoder((8, 8, 1), (500,), 10))
    assert again == architecture


@pytest.mark.parametrize("shape", [(28, 28, 1), (16, 16, 1), (1, 3, 1), (9, 7, 3)])
def test_a_row_does_not_depend_on_the_others(shape):
    # bit by bit, even for sizes at which kernels choose their blocks by batch
    architecture = network_json(*conv_autoencoder(shape))
    weights = glorot_weights(architecture, np.random.RandomState(0))
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
    layer = augmentation_json("affine", SHAPE)

    def run(optimizer):
        watcher = Watcher()
        recipe = recipe_of(architecture, optimizer, layer)
        params = {"epochs": 2, "batch_size": 16, "seed": 0}
        return pretrain(recipe, weights, images, watcher=watcher, **params), watcher.losses

    first, second = run("adam"), run("adam")
    assert first[1] == second[1]
    for a, b in zip(first[0], second[0], strict=True):
        np.testing.assert_array_equal(a, b)


def test_each_fit_gives_its_compiled_model_back(images):
    model = ConvAutoencoder((3,), (3,), n_components=2, epochs=1, random_state=0)

    def trainers():
        architecture = model.architecture_
        return [kept for key, kept in _pool.POOL._idle if key[0] is Trainer and key[1][0][0] == architecture]

    model.fit(images)
    (first,) = trainers()
    model.fit(images)
    (second,) = trainers()
    assert first is second
    assert len(_pool.POOL._idle) <= _pool.MOST_IDLE


def test_a_watcher_stops_both_loops(network, images):
    architecture, weights = network
    watcher = Watcher(stop_after=2)
    pretrain(recipe_of(architecture), weights, images, epochs=9, batch_size=16, seed=0, watcher=watcher)
    assert watcher.n_begun == len(watcher.losses) == 2
    watcher = Watcher(stop_after=1)
    position = run_refinement(network, images, watcher, max_batches=9, tol=0.0)
    assert watcher.n_begun == 1
    assert position.n_batches == 3


def run_refinement(network, images, watcher, **schedule):
    architecture, weights = network
    Z = encode(architecture, weights, images)
    labels = soft_assignment(Z, Z[:4]).argmax(axis=1)
    start = Position(0, weights, Z[:4], Z, labels, np.bincount(labels, minlength=4))
    schedule = Schedule(**{"batch_size": 16, "batches_per_update": 3, "label_batches": 0} | schedule)
    weights_of_losses = {"gamma": 0.1, "reconstruction_weight": 1.0}
    recipe, loss = recipe_of(architecture), KLDivergence()
    return refine(
        recipe, loss, images, start, schedule=schedule, seed=0, watcher=watcher, **weights_of_losses
    )


def test_refinement_stops_when_labels_stand_still_or_batches_run_out(network, images):
    watcher = Watcher()
    run_refinement(network, images, watcher, max_batches=100, tol=1.1)
    assert [position.n_batches for position in watcher.outcomes] == [3]
    watcher = Watcher()
    run_refinement(network, images, watcher, max_batches=7, tol=0.0)
    assert [position.n_batches for position in watcher.outcomes] == [3, 6, 7]


def test_a_loss_that_is_not_finite_names_the_likely_cause(network, images):
    architecture, weights = network
    params = {"epochs": 1, "batch_size": 16, "seed": 0, "watcher": Watcher()}
    with pytest.raises(FloatingPointError, match=r"unscaled input.*learning rate"):
        pretrain(recipe_of(architecture), weights, images * np.float32(1e25), **params)


@pytest.mark.parametrize("optimizer", ["adamant", 3, None])
def test_unknown_optimizers_raise(optimizer):
    with pytest.raises(ValueError, match="should be the name of a Keras optimizer"):
        optimizer_json(optimizer)


def test_images_that_stay_on_the_device_give_the_same_bits(images, monkeypatch):
    """A CPU has no memory of its own for them, so that has to be pretended."""
    autoencoder = ConvAutoencoder((4,), (3,), n_components=3, epochs=3, batch_size=16)
    model = DCEC(4, init=KMeans(n_init=1), autoencoder=autoencoder, max_batches=9, batches_per_update=4)
    model.set_params(keep="last", random_state=0)
    with ignore_warnings():
        travelling = clone(model).fit(images)
        monkeypatch.setattr("skdcec._deep._models.has_accelerator", lambda: True)
        resident = clone(model).fit(images)
    # JAX then takes its steps in one loop, which may round otherwise
    equal = assert_allclose if keras.backend.backend() == "jax" else assert_array_equal
    for one, other in zip(travelling.autoencoder_.weights_, resident.autoencoder_.weights_, strict=True):
        equal(one, other, **({"atol": 1e-5} if equal is assert_allclose else {}))
    assert_allclose(resident.history_["clustering_loss"], travelling.history_["clustering_loss"], rtol=1e-4)


def test_the_history_is_a_mean_over_all_batches(images):
    model = ConvAutoencoder((4,), (3,), epochs=1, batch_size=16, augmentation=None, random_state=0)
    images = images[:48] * np.linspace(0, 1, 48, dtype=np.float32).reshape(-1, 1, 1, 1)
    model.set_params(optimizer=keras.optimizers.SGD(0.0)).fit(images)
    assert model.history_["reconstruction_loss"][0] == pytest.approx(-model.score(images), rel=1e-4)
