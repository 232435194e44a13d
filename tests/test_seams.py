"""Parts that users can replace: losses, networks, autoencoders, augmentation, kernels and covariances."""

import os
import pickle
import subprocess
import sys

import joblib
import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.utils._testing import ignore_warnings

from skdcec import (
    DCEC,
    BaseAutoencoder,
    ConvAutoencoder,
    DenseAutoencoder,
    KerasAutoencoder,
    KernelKHarmonicMeans,
    MahalanobisKMeans,
)
from skdcec.covariances import Full, Tied
from skdcec.kernels import RBF, Kernel
from skdcec.losses import ClusteringLoss, KLDivergence, KMeansLoss, soft_assignment
from skdcec.metrics import clustering_accuracy_score
from skdcec.networks import conv_autoencoder, dense_autoencoder


@pytest.fixture(scope="module")
def X(digits):
    return digits.images[:200]


def small(**params):
    network = ConvAutoencoder((4, 8), (3, 3), n_components=4, epochs=2, batch_size=64, augmentation=None)
    defaults = {"init": KMeans(n_init=1), "autoencoder": network, "max_batches": 6, "batches_per_update": 3}
    return DCEC(4, **defaults | {"random_state": 0, "tol": 0.0, "keep": "last"} | params)


def assert_equal_fits(one, other):
    assert_array_equal(one.labels_, other.labels_)
    assert_array_equal(one.cluster_centers_, other.cluster_centers_)
    for left, right in zip(one.autoencoder_.weights_, other.autoencoder_.weights_, strict=True):
        assert_array_equal(left, right)


# --------------------------------------------------------------------------- clustering losses


def targets_of(loss, Z, centers):
    return np.asarray(loss.targets(Z, centers)[:])


@pytest.fixture
def embedding():
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 3)), rng.normal(size=(5, 3))


@pytest.mark.parametrize("power", [1.0, 2.0, 3.0, 7.5])
@pytest.mark.parametrize("balance", [0.0, 0.5, 1.0])
def test_targets_are_as_written(embedding, power, balance):
    Z, centers = embedding
    Q = 1 / (1 + ((Z[:, None] - centers) ** 2).sum(axis=2))
    Q /= Q.sum(axis=1, keepdims=True)
    P = Q**power / Q.sum(axis=0) ** balance
    P /= P.sum(axis=1, keepdims=True)
    assert_allclose(targets_of(KLDivergence(power, balance), Z, centers), P, rtol=1e-12)
    loss = KLDivergence(power, balance).loss(Z, centers, P, np)
    assert_allclose(loss, (P * np.log(P / Q)).sum(axis=1), atol=1e-5)  # clipped at 1e-7


@pytest.mark.parametrize("power", [1e8, np.inf])
def test_a_large_power_leaves_the_nearest_cluster_only(embedding, power):
    Z, centers = embedding
    expected = np.eye(5)[soft_assignment(Z, centers).argmax(axis=1)]
    assert_allclose(targets_of(KLDivergence(power, 0.0), Z, centers), expected, atol=1e-6)


def test_balance_does_not_matter_between_clusters_of_equal_size():
    corners = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    Z = np.vstack([2 * corners, corners])
    assert_allclose(
        targets_of(KLDivergence(2, 1), Z, corners), targets_of(KLDivergence(2, 0), Z, corners), rtol=1e-12
    )


def test_the_default_is_the_loss_of_dcec(X):
    assert_equal_fits(small().fit(X), small(clustering_loss=KLDivergence(2, 1)).fit(X))


@pytest.mark.parametrize("params", [{"target_power": 0.5}, {"target_balance": 1.5}, {"target_power": "two"}])
def test_bad_parameters_of_a_loss_raise_before_training(X, params):
    (name,) = params
    with pytest.raises(ValueError, match=f"'{name}' parameter of KLDivergence"):
        small(clustering_loss=KLDivergence(**params)).fit(X)
    with pytest.raises(ValueError, match="clustering_loss"):
        small(clustering_loss="kl").fit(X)


class Pull(ClusteringLoss):
    """A quadratic loss whose centers are the means of their images."""

    train_centers = False

    def __init__(self, weight=1.0):
        self.weight = weight

    def targets(self, Z, centers):
        return np.eye(len(centers))[soft_assignment(Z, centers).argmax(axis=1)]

    def loss(self, Z, centers, targets, xp):
        return self.weight * xp.sum(xp.square(Z - xp.matmul(targets, centers)), axis=1)

    def update_centers(self, Z, centers, labels, counts):
        return np.array([Z[labels == j].mean(axis=0) for j in range(len(centers))])


@ignore_warnings()
def test_a_loss_of_the_user_moves_network_and_centers(X):
    model = small(clustering_loss=Pull(), gamma=1.0).fit(X)
    weaker = small(clustering_loss=Pull(0.01), gamma=1.0).fit(X)
    plain = small(gamma=0.0).fit(X)

    def spread(fitted):
        return fitted.history_["clustering_loss"]

    assert spread(model)[-1] < spread(model)[0]
    assert not np.array_equal(model.autoencoder_.weights_[0], plain.autoencoder_.weights_[0])
    assert not np.array_equal(model.autoencoder_.weights_[0], weaker.autoencoder_.weights_[0])
    # the last update moved the centers to the means of the labels before it
    Z = model.transform(X)
    means = [Z[model.labels_ == j].mean(axis=0) for j in range(4)]
    assert np.abs(model.cluster_centers_ - means).max() < 0.2 * Z.std()
    assert_equal_fits(clone(model).fit(X), model)
    assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.labels_)


def linear_autoencoder(image_shape):
    """Return a network of two matrices, whose gradients can be written by hand."""
    layers = keras.layers
    encoder = keras.Sequential([keras.Input(image_shape), layers.Flatten(), layers.Dense(3, use_bias=False)])
    pixels = layers.Dense(int(np.prod(image_shape)), use_bias=False)
    return encoder, keras.Sequential([keras.Input((3,)), pixels, layers.Reshape(image_shape)])


@ignore_warnings()
@pytest.mark.parametrize("center_update", ["count", "lloyd", "fixed"])
def test_steps_of_dcn_are_those_written_by_hand(X, center_update):
    network = FrozenEstimator(KerasAutoencoder(linear_autoencoder, epochs=2, random_state=0).fit(X))
    gamma, rate, n_steps = 0.3, 0.05, 3
    model = small(
        autoencoder=network,
        clustering_loss=KMeansLoss(center_update),
        gamma=gamma,
        batch_size=len(X),
        max_batches=n_steps,
        batches_per_update=1,
        optimizer=keras.optimizers.SGD(rate),
    ).fit(X)

    x = X.reshape(len(X), -1).astype(float)
    V, W = (w.astype(float) for w in network.estimator.weights_)
    centers = model.initial_centers_.copy()
    labels = ((x @ V)[:, None] - centers).__pow__(2).sum(axis=2).argmin(axis=1)
    counts = np.bincount(labels, minlength=4)
    for _ in range(n_steps):
        error = x @ V @ W - x
        slope_W = 2 / x.size * V.T @ x.T @ error
        slope_V = 2 / x.size * x.T @ error @ W.T + gamma / len(x) * x.T @ (x @ V - centers[labels])
        V, W = V - rate * slope_V, W - rate * slope_W
        Z = x @ V
        labels = ((Z[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1)
        if center_update == "count":
            for z, j in zip(Z, labels, strict=True):
                counts[j] += 1
                centers[j] -= (centers[j] - z) / counts[j]
        elif center_update == "lloyd":
            centers = np.array([Z[labels == j].mean(axis=0) for j in range(4)])
        labels = ((Z[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1)
    assert_allclose(model.autoencoder_.weights_[0], V, rtol=1e-4, atol=1e-6)
    assert_allclose(model.autoencoder_.weights_[1], W, rtol=1e-4, atol=1e-6)
    # clusters are numbered alike unless one is empty
    assert_allclose(model.cluster_centers_, centers, rtol=1e-4)
    assert not np.allclose(V, network.estimator.weights_[0], rtol=1e-3, atol=1e-4)


def test_dcn_leaves_a_center_without_images_where_it_is():
    Z, centers = np.array([[0.0], [2.0]]), np.array([[1.0], [9.0]])
    for center_update in ("count", "lloyd"):
        moved = KMeansLoss(center_update).update_centers(Z, centers, np.array([0, 0]), np.array([0, 0]))
        assert_array_equal(moved, centers)
    with pytest.raises(ValueError, match="'center_update' parameter of KMeansLoss"):
        small(clustering_loss=KMeansLoss("mean")).fit(np.zeros((9, 4, 4)))


@ignore_warnings()
def test_an_interrupted_fit_of_dcn_remembers_its_counts(X, tmp_path):
    class Kill:
        """Callback that ends the process of training after some updates."""

        def setup(self, estimator, context):
            self.n_left = 2

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context):
            self.n_left -= context.task_name == "update"
            if not self.n_left:
                raise KeyboardInterrupt

    params = {"clustering_loss": KMeansLoss(), "batches_per_update": 1}
    with pytest.raises(KeyboardInterrupt):
        small(checkpoint=tmp_path, **params).set_callbacks(Kill()).fit(X)
    assert_equal_fits(small(checkpoint=tmp_path, **params).fit(X), small(**params).fit(X))


def test_parameters_of_a_loss_can_be_searched(digits, X):
    search = GridSearchCV(
        small(clustering_loss=KLDivergence()),
        {"clustering_loss__target_power": [2.0, 3.0]},
        scoring=lambda model, X, y: clustering_accuracy_score(y, model.predict(X)),
        cv=2,
    )
    with ignore_warnings():
        search.fit(X, digits.target[:200])
    assert search.best_params_["clustering_loss__target_power"] in (2.0, 3.0)


def test_the_loss_is_part_of_the_identity_of_a_checkpoint(X, tmp_path):
    small(checkpoint=tmp_path, clustering_loss=KLDivergence()).fit(X)
    with pytest.raises(ValueError, match=r"another fit: clustering_loss__target_power was 2\.0 and is 3\.0"):
        small(checkpoint=tmp_path, clustering_loss=KLDivergence(3.0)).fit(X)


@ignore_warnings()
@pytest.mark.parametrize(("gamma", "weight"), [(0.1, 1.0), (2.0, 0.0), (0.7, 0.3)])
def test_score_is_the_joint_loss_computed_by_hand(X, gamma, weight):
    model = small(gamma=gamma, reconstruction_weight=weight).fit(X)
    encoder, decoder = model.autoencoder_.to_keras()
    Z = encoder.predict(X[..., None], verbose=0).astype(float)
    error = np.mean((decoder.predict(Z, verbose=0)[..., 0] - X) ** 2)
    Q = 1 / (1 + ((Z[:, None] - model.cluster_centers_) ** 2).sum(axis=2))
    Q /= Q.sum(axis=1, keepdims=True)
    P = Q**2 / Q.sum(axis=0)
    P /= P.sum(axis=1, keepdims=True)
    divergence = np.mean(np.sum(P * np.log(P / Q), axis=1))
    assert model.score(X) == pytest.approx(-(weight * error + gamma * divergence), rel=1e-4)


# --------------------------------------------------------------------------- networks and autoencoders


def test_builders_return_networks_that_keras_autoencoder_takes(X):
    for builder in (conv_autoencoder, dense_autoencoder):
        encoder, decoder = builder((8, 8, 1), n_components=3)
        assert encoder.output_shape == (None, 3)
        assert decoder.output_shape == (None, 8, 8, 1)
        # Keras has initialized them
        assert np.abs(encoder.get_weights()[0]).max() > 0
        model = KerasAutoencoder(lambda shape, build=builder: build(shape, n_components=3), epochs=1)
        assert model.fit_transform(X).shape == (200, 3)


class Narrow(BaseAutoencoder):
    """An autoencoder with an additional parameter."""

    def __init__(self, n_components=3, *, image_shape=None, augmentation=None, epochs=2, batch_size=64,
                 optimizer="adam", verbose=0, random_state=None):  # fmt: skip
        super().__init__(
            image_shape=image_shape, augmentation=augmentation, epochs=epochs, batch_size=batch_size,
            optimizer=optimizer, verbose=verbose, random_state=random_state,
        )  # fmt: skip
        self.n_components = n_components

    def build_network(self, image_shape):
        return dense_autoencoder(image_shape, (12,), self.n_components)


@ignore_warnings()
def test_an_autoencoder_of_the_user_is_trained_alone_and_jointly(X, tmp_path):
    alone = Narrow(random_state=0).fit(X)
    assert alone.transform(X).shape == (200, 3)
    assert len(alone.history_["reconstruction_loss"]) == 2
    params = {"autoencoder": Narrow(), "memory": tmp_path / "cache", "checkpoint": tmp_path / "fit"}
    joint = small(**params).fit(X)
    assert isinstance(joint.autoencoder_, Narrow)
    assert_equal_fits(small(autoencoder=Narrow()).fit(X), joint)
    assert small(autoencoder=Narrow(2)).fit(X).cluster_centers_.shape == (4, 2)
    assert_equal_fits(
        small(autoencoder=FrozenEstimator(alone)).fit(X), small(autoencoder=FrozenEstimator(alone)).fit(X)
    )


def test_networks_that_do_not_fit_name_the_method(X):
    class Wrong(Narrow):
        def build_network(self, image_shape):
            return dense_autoencoder((4, 4, 1), (12,), 3)

    with pytest.raises(ValueError, match=r"build_network=.* maps images of shape \(4, 4, 1\)"):
        Wrong().fit(X)


def test_without_an_autoencoder_a_table_gets_a_dense_network_and_images_a_convolutional_one(X):
    short = {"autoencoder": None, "max_batches": 1}
    dcec = small(**short)
    with pytest.MonkeyPatch.context() as patch:
        for kind in (ConvAutoencoder, DenseAutoencoder):
            patch.setattr(kind.__init__, "__kwdefaults__", kind.__init__.__kwdefaults__ | {"epochs": 1})
        with ignore_warnings():
            assert isinstance(dcec.fit(X).autoencoder_, ConvAutoencoder)
            assert isinstance(dcec.fit(X.reshape(200, -1)).autoencoder_, DenseAutoencoder)


def test_reprs_of_a_loaded_model_leave_keras_alone(X, tmp_path):
    path = tmp_path / "model.pickle"
    path.write_bytes(pickle.dumps(small().fit(X)))
    script = (
        "import pickle, sys; model = pickle.load(open(sys.argv[1], 'rb')); repr(model); "
        "assert 'cluster_centers_' in model._repr_html_(); sys.exit('keras' in sys.modules)"
    )
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    assert (
        subprocess.run([sys.executable, "-c", script, str(path)], env=environment, check=False).returncode
        == 0
    )


@pytest.mark.parametrize("length", [1.0, 1e3, 1e5])
def test_the_exported_model_keeps_its_digits_far_from_the_origin(length):
    from skdcec._deep._networks import clustering_model

    rng = np.random.default_rng(0)
    inputs = keras.Input((4,))
    encoder = keras.Model(inputs, keras.layers.Identity()(inputs))
    centers = (length + rng.normal(size=(5, 4))).astype(np.float32)
    Z = (length + rng.normal(size=(50, 4))).astype(np.float32)
    Q = clustering_model(encoder, centers).predict_on_batch(Z)
    assert_allclose(Q, soft_assignment(Z.astype(float), centers.astype(float)), rtol=1e-5)


# --------------------------------------------------------------------------- stages


@ignore_warnings()
def test_one_stage_alone_can_be_augmented(X):
    plain = ConvAutoencoder((4,), (3,), n_components=4, epochs=2, augmentation=None)
    augmented = clone(plain).set_params(augmentation="affine")
    neither, both = small(autoencoder=plain).fit(X), small(autoencoder=augmented).fit(X)
    only_first = small(autoencoder=augmented, augmentation=None).fit(X)
    only_second = small(autoencoder=plain, augmentation="affine").fit(X)
    first = [
        model.autoencoder_.history_["reconstruction_loss"]
        for model in (neither, both, only_first, only_second)
    ]
    assert_array_equal(first[0], first[3])
    assert_array_equal(first[1], first[2])
    assert not np.array_equal(first[0], first[1])
    ends = [joblib.hash(model.cluster_centers_) for model in (neither, both, only_first, only_second)]
    assert len(set(ends)) == 4


@ignore_warnings()
def test_joint_training_takes_batches_and_optimizer_of_the_autoencoder(X):
    network = ConvAutoencoder((4,), (3,), n_components=4, epochs=1, batch_size=50, optimizer="sgd")
    taken = small(autoencoder=network).fit(X)
    spelled = small(autoencoder=network, batch_size=50, optimizer="sgd").fit(X)
    other = small(autoencoder=network, batch_size=50, optimizer="adam").fit(X)
    assert_equal_fits(taken, spelled)
    assert not np.array_equal(taken.cluster_centers_, other.cluster_centers_)
    epoch = small(autoencoder=network, batches_per_update="epoch", max_batches=8).fit(X)
    assert epoch.history_["n_batches"].tolist() == [4, 8]


def test_memory_may_be_that_of_joblib(X, tmp_path):
    fit = small(memory=joblib.Memory(tmp_path, verbose=0)).fit(X)
    assert len(list((tmp_path / "joblib" / "skdcec").glob("*.npz")) or list(tmp_path.rglob("*.npz"))) == 1
    assert_equal_fits(small(memory=joblib.Memory(tmp_path, verbose=0)).fit(X), fit)
    assert_equal_fits(small(memory=joblib.Memory(None)).fit(X), fit)


# --------------------------------------------------------------------------- kernels and covariances


class Cauchy(Kernel):
    def log(self, t):
        return -np.log1p(t)

    def decay(self, t):
        return 1 / (1 + t)


@pytest.mark.parametrize("p", [2.0, 3.0])
def test_a_kernel_of_the_user_has_its_written_objective(p):
    X = load_iris().data
    model = KernelKHarmonicMeans(3, kernel=Cauchy(), sigma=1.3, p=p, random_state=0, tol=1e-14, max_iter=2000)
    model.fit(X)
    D = ((X[:, None] - model.cluster_centers_) ** 2).sum(axis=2) / 1.3**2

    def objective(D):
        G = 2 * (1 - 1 / (1 + D))
        return (3 / (G ** (-p / 2)).sum(axis=1)).sum()

    assert model.objective_ == pytest.approx(objective(D), rel=1e-9)
    # a minimum: no small move of a center lowers it
    for j, step in ((0, 0.05), (1, -0.05), (2, 0.05)):
        moved = model.cluster_centers_.copy()
        moved[j, 0] += step
        assert objective(((X[:, None] - moved) ** 2).sum(axis=2) / 1.3**2) > model.objective_


def test_the_named_kernel_is_the_object():
    X = load_iris().data
    named, given = (
        KernelKHarmonicMeans(3, kernel=kernel, random_state=0).fit(X) for kernel in ("rbf", RBF())
    )
    assert_array_equal(named.cluster_centers_, given.cluster_centers_)
    assert_array_equal(named.predict_proba(X), given.predict_proba(X))


def test_a_kernel_that_does_not_fall_is_refused():
    class Flat(Cauchy):
        def log(self, t):
            return 0 * t

    with pytest.raises(ValueError, match=r"kernel=Flat\(\) should fall from K\(0\) = 1"):
        KernelKHarmonicMeans(2, kernel=Flat()).fit(load_iris().data)


class DiagonalTied(Tied):
    def constrain(self, S):
        return np.diag(np.diag(S))


class DiagonalFull(Full):
    def constrain(self, S):
        return np.diag(np.diag(S))


@pytest.mark.parametrize("covariance", [DiagonalTied(), DiagonalFull()], ids=repr)
def test_a_covariance_of_the_user_is_that_of_its_family(covariance):
    X = load_iris().data
    model = MahalanobisKMeans(3, covariance_type=covariance, shrinkage=0.0, n_init=5, random_state=0).fit(X)
    V = np.broadcast_to(model.covariances_, (3, 4, 4))
    assert_allclose(V * (1 - np.eye(4)), 0, atol=1e-12)
    assert (np.diff(model.history_["objective"]) <= 0).all()
    assert_array_equal(clone(model).fit(X).labels_, model.labels_)
    assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.labels_)
    if covariance.per_cluster:
        named = MahalanobisKMeans(3, covariance_type="diag", shrinkage=0.0, n_init=5, random_state=0).fit(X)
        assert model.objective_ == pytest.approx(named.objective_, rel=1e-6)


def test_objects_and_names_of_covariances_agree():
    X = load_iris().data
    for name, kind in (("tied", Tied), ("full", Full)):
        named, given = (
            MahalanobisKMeans(3, covariance_type=c, random_state=0).fit(X) for c in (name, kind())
        )
        assert_array_equal(named.covariances_, given.covariances_)
        assert_array_equal(named.transform(X), given.transform(X))
