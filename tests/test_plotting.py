"""The displays draw the data that they were given."""

import re
from itertools import product

import matplotlib as mpl
import numpy as np
import pytest
from sklearn.cluster import DBSCAN, KMeans
from sklearn.datasets import load_iris, make_blobs
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdcec import DCEC, ConvAutoencoder, KHarmonicMeans, MahalanobisKMeans, ModularityClustering
from skdcec.datasets import load_digits_images
from skdcec.metrics import clustering_accuracy_score
from skdcec.plotting import (
    CenterImagesDisplay,
    ContingencyDisplay,
    CovarianceEllipsesDisplay,
    EmbeddingDisplay,
    HistoryDisplay,
    ModularityCurveDisplay,
    ReconstructionDisplay,
)

DIGITS = load_digits_images()
X, y = DIGITS.images[:300], DIGITS.target[:300]


@pytest.fixture(autouse=True)
def no_windows():
    """Draw without a screen, and close all figures."""
    import matplotlib.pyplot as plt

    with mpl.rc_context({"backend": "agg"}):
        yield
        plt.close("all")


def small():
    return ConvAutoencoder((4,), (3,), epochs=1, random_state=0)


@pytest.fixture(scope="module")
def dcec():
    autoencoder = ConvAutoencoder(filters=(8, 16, 16), epochs=15, batch_size=32)
    return DCEC(
        4,
        init=KMeans(n_init=1),
        autoencoder=autoencoder,
        max_batches=6,
        batches_per_update=3,
        keep="last",
        random_state=0,
    ).fit(X)


@pytest.fixture(scope="module")
def kmeans():
    return KMeans(5, random_state=0).fit(X.reshape(len(X), -1))


def tile(display, row, column, side=8):
    """Return the pixels of an image in the mosaic; images have one blank pixel between them."""
    image = np.asarray(display.im_.get_array())
    top, left = row * (side + 1), column * (side + 1)
    return image[top : top + side, left : left + side]


def test_centers_stand_above_the_images_nearest_to_them(dcec):
    display = CenterImagesDisplay.from_estimator(dcec, X, n_members=3)
    assert np.asarray(display.im_.get_array()).shape == (4 * 9 - 1, 4 * 9 - 1)
    Z, labels = dcec.transform(X), dcec.predict(X)
    decoded = dcec.inverse_transform(dcec.cluster_centers_)
    for j in range(4):
        np.testing.assert_allclose(tile(display, 0, j), decoded[j], rtol=1e-6)
        own = [i for i in range(len(X)) if labels[i] == j]
        nearest = sorted(own, key=lambda i: np.linalg.norm(Z[i] - dcec.cluster_centers_[j]))
        for rank in range(3):
            np.testing.assert_allclose(tile(display, 1 + rank, j), X[nearest[rank]], rtol=1e-6)
    assert [int(text.get_text()) for text in display.ax_.get_xticklabels()] == list(np.bincount(labels))


def test_centers_in_the_space_of_pixels_are_images_themselves(kmeans):
    display = CenterImagesDisplay.from_estimator(kmeans, X.reshape(len(X), -1), n_members=1)
    for j, center in enumerate(kmeans.cluster_centers_):
        np.testing.assert_allclose(tile(display, 0, j), center.reshape(8, 8), rtol=1e-6)


def test_labels_alone_give_mean_images_and_leave_noise_out():
    labels = np.array([5, 5, -1, 9, 9, 9])
    display = CenterImagesDisplay.from_predictions(X[:6], labels, n_members=4)
    np.testing.assert_allclose(tile(display, 0, 0), X[:2].mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(tile(display, 0, 1), X[3:6].mean(axis=0), rtol=1e-6)
    assert display.sizes.tolist() == [2, 3]
    # two images of the first cluster, then blanks
    blank = np.ma.getmaskarray(np.ma.masked_invalid(display.im_.get_array()))
    assert [bool(blank[9 * row + 3, 3]) for row in range(5)] == [False, False, False, True, True]


def test_many_centers_stand_in_bands():
    labels = np.arange(len(X)) % 25
    display = CenterImagesDisplay.from_predictions(X, labels, n_members=1)
    # nine clusters in a band of two rows, and a blank row between bands
    assert np.asarray(display.im_.get_array()).shape == (8 * 9 - 1, 9 * 9 - 1)
    for j in range(25):
        row, column = 3 * (j // 9), j % 9
        np.testing.assert_allclose(tile(display, row, column), X[labels == j].mean(axis=0), rtol=1e-6)
        np.testing.assert_array_equal(tile(display, row + 1, column), display.members[j, 0, :, :, 0])
    for row, column in ((2, 0), (5, 8), (6, 7), (7, 8)):
        assert np.isnan(np.ma.filled(tile(display, row, column), np.nan)).all()
    numbers = [*display.ax_.texts, *display.ax_.get_xticklabels()]
    assert [int(text.get_text()) for text in numbers] == display.sizes.tolist()
    assert [text.get_text() for text in display.ax_.get_yticklabels()] == ["center", "nearest"] * 3


def test_the_farthest_images_come_last(dcec):
    display = CenterImagesDisplay.from_estimator(dcec, X, n_members=2, n_farthest=2)
    Z, labels = dcec.transform(X), dcec.predict(X)
    for j in range(4):
        own = np.flatnonzero(labels == j)
        distances = np.linalg.norm(Z[own] - dcec.cluster_centers_[j], axis=1)
        farthest = own[np.argsort(distances, kind="stable")[-2:]]
        for rank, i in enumerate(farthest):
            np.testing.assert_allclose(tile(display, 3 + rank, j), X[i], rtol=1e-6)
    names = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert names == ["center", "nearest", "farthest"]


def test_drawings_are_dark_on_white_and_photographs_positives():
    rng = np.random.default_rng(0)
    photographs = rng.uniform(0.1, 0.9, (8, 8, 8))
    drawings = np.where(rng.random((8, 8, 8)) < 0.5, 0, photographs)
    for images, name in ((X, "gray_r"), (drawings, "gray_r"), (photographs, "gray"), (1 - drawings, "gray")):
        display = CenterImagesDisplay.from_predictions(images, np.arange(len(images)) % 2)
        assert display.im_.get_cmap().name == name
        assert display.plot(cmap="viridis").im_.get_cmap().name == "viridis"
        assert ReconstructionDisplay.from_predictions(images, images).im_.get_cmap().name == name


def test_color_images_keep_their_colors():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    display = CenterImagesDisplay.from_predictions(images, [0, 0, 0, 1, 1, 1], n_members=1)
    np.testing.assert_allclose(tile(display, 0, 1)[..., :3], images[3:].mean(axis=0) / 255, atol=1e-6)
    # also in another dtype, which has no known limits
    images[3, 0, 0] = 255
    display = CenterImagesDisplay.from_predictions(images.astype(int), [0, 0, 0, 1, 1, 1], n_members=3)
    np.testing.assert_allclose(tile(display, 0, 1)[..., :3], images[3:].mean(axis=0) / 255, atol=1e-6)


def test_reconstructions_stand_below_their_images(dcec):
    display = ReconstructionDisplay.from_estimator(dcec, X, n_images=5)
    decoded = dcec.inverse_transform(dcec.transform(X[:5]))
    for i in range(5):
        np.testing.assert_allclose(tile(display, 0, i), X[i], rtol=1e-6)
        np.testing.assert_allclose(tile(display, 1, i), decoded[i], rtol=1e-6)
    np.testing.assert_allclose(display.errors_, np.square(X[:5] - decoded).mean(axis=(1, 2)), rtol=1e-5)
    # values that only the decoder adds do not change the gray scale
    assert display.im_.get_clim() == (X[:5].min(), X[:5].max())
    with pytest.raises(ValueError, match="X_reconstructed has shape"):
        ReconstructionDisplay.from_predictions(X[:5], decoded[:4])


def test_each_label_has_its_points_and_its_color(dcec):
    display = EmbeddingDisplay.from_estimator(dcec, X, y)
    plane = PCA(2, random_state=0).fit(dcec.transform(X))
    points, centers = plane.transform(dcec.transform(X)), plane.transform(dcec.cluster_centers_)
    assert sorted(display.scatters_) == list(range(10))
    for digit, scatter in display.scatters_.items():
        drawn = np.asarray(scatter.get_offsets())
        # principal components are defined up to their signs
        np.testing.assert_allclose(np.abs(drawn), np.abs(points[y == digit]), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(np.abs(display.centers_.get_offsets()), np.abs(centers), rtol=1e-3, atol=1e-4)
    colors = {tuple(scatter.get_facecolor()[0]) for scatter in display.scatters_.values()}
    assert len(colors) == 10
    legend = display.ax_.get_legend()
    assert legend.get_title().get_text() == "class"
    assert [text.get_text() for text in legend.get_texts()] == [*map(str, range(10)), "center"]
    assert legend.legend_handles[-1].get_sizes() == display.centers_.get_sizes()
    assert display.ax_.get_xlabel() == "principal component 1"


def test_what_has_no_embedding_is_drawn_as_it_is(kmeans):
    rows, _ = make_blobs(60, n_features=2, centers=3, random_state=0)
    khm = KHarmonicMeans(3, random_state=0).fit(rows)
    display = EmbeddingDisplay.from_estimator(khm, rows)
    np.testing.assert_array_equal(display.points, rows)
    np.testing.assert_array_equal(display.centers, khm.cluster_centers_)
    np.testing.assert_array_equal(display.labels, khm.labels_)


def test_an_autoencoder_has_points_of_one_color():
    autoencoder = ConvAutoencoder(filters=(4, 8, 8), epochs=1, random_state=0).fit(X)
    display = EmbeddingDisplay.from_estimator(autoencoder, X)
    assert len(display.scatters_) == 1
    assert display.centers_ is None


def test_noise_is_gray():
    rows, _ = make_blobs(100, random_state=0)
    labels = DBSCAN(eps=0.5).fit_predict(rows)
    assert -1 in labels
    display = EmbeddingDisplay.from_predictions(rows, labels)
    assert tuple(display.scatters_[-1].get_facecolor()[0]) == (0.7, 0.7, 0.7, 1)
    assert "noise" in [text.get_text() for text in display.ax_.get_legend().get_texts()]


def test_projections_and_samples_of_the_embedding(dcec):
    Z, labels = dcec.transform(X), dcec.labels_
    display = EmbeddingDisplay.from_predictions(
        Z[:60], labels[:60], centers=dcec.cluster_centers_, method="tsne", random_state=0
    )
    assert display.axis_names == ("t-SNE 1", "t-SNE 2")
    assert (display.points.shape, display.centers.shape) == ((60, 2), (4, 2))
    scaled = EmbeddingDisplay.from_predictions(Z, labels, method=StandardScaler())
    np.testing.assert_allclose(scaled.points, StandardScaler().fit_transform(Z)[:, :2])
    few = EmbeddingDisplay.from_estimator(dcec, X, y, subsample=50, random_state=0)
    again = EmbeddingDisplay.from_estimator(dcec, X, y, subsample=50, random_state=0)
    assert few.points.shape == (50, 2)
    np.testing.assert_array_equal(few.points, again.points)
    with pytest.raises(ValueError, match="method='lda' should be 'pca', 'tsne', 'umap' or a transformer"):
        EmbeddingDisplay.from_predictions(Z, labels, method="lda")
    with pytest.raises(ValueError, match="centers have 3 columns, but the embedding has 10"):
        EmbeddingDisplay.from_predictions(Z, labels, centers=np.ones((2, 3)))


def test_the_diagonal_of_the_contingency_is_the_accuracy():
    rng = np.random.default_rng(0)
    truth = rng.integers(4, size=200)
    # each class has a cluster of another name with two thirds of its samples; two more clusters, and noise
    labels = np.where(rng.random(200) < 2 / 3, (truth + 2) % 4, rng.integers(-1, 6, size=200))
    display = ContingencyDisplay.from_predictions(truth, labels)
    assert np.trace(display.matrix[:, :4]) / 200 == clustering_accuracy_score(truth, labels)
    assert display.clusters.tolist() == [2, 3, 0, 1, 4, 5, -1]
    for j, name in enumerate(display.clusters):
        for i in range(4):
            count = np.sum((truth == i) & (labels == name))
            assert (display.text_[i, j].get_text() if count else "0") == str(count)
    assert display.ax_.get_xticklabels()[-1].get_text() == "noise"
    for normalize, total in {"true": 4, "pred": 7, "all": 1}.items():
        fractions = ContingencyDisplay.from_predictions(truth, labels, normalize=normalize).matrix
        assert fractions.sum() == pytest.approx(total)
    with pytest.raises(ValueError, match="normalize='row' should be"):
        ContingencyDisplay.from_predictions(truth, labels, normalize="row")


def test_fewer_clusters_than_classes(kmeans):
    display = ContingencyDisplay.from_estimator(kmeans, X.reshape(len(X), -1), y)
    assert display.matrix.shape == (10, 5)
    assert display.matrix.sum() == 300
    assert sorted(display.clusters) == list(range(5))


def test_many_clusters_have_colors_instead_of_numbers():
    labels = np.arange(80) % 40
    display = ContingencyDisplay.from_predictions(labels % 10, labels - 1)
    assert not display.text_.any()
    assert "samples" in [ax.get_ylabel() for ax in display.figure_.axes]
    names = [text.get_text() for text in display.ax_.get_xticklabels()]
    assert len(names) <= 20
    assert names == [str(name) for name in display.clusters[1:-1:2]] + ["noise"]
    assert [text.get_text() for text in display.ax_.get_yticklabels()] == [str(name) for name in range(10)]
    assert max(display.figure_.get_size_inches()) < 15


def test_history_of_joint_training(dcec):
    scores = {"accuracy": np.linspace(0.3, 0.5, len(dcec.history_["n_batches"]))}
    display = HistoryDisplay.from_estimator(dcec, scores=scores)
    assert list(display.lines_) == [
        "reconstruction loss",
        "clustering loss",
        "modularity",
        "label change",
        "accuracy",
    ]
    for name, line in display.lines_.items():
        np.testing.assert_array_equal(line.get_xdata(), dcec.history_["n_batches"])
        expected = scores[name] if name in scores else dcec.history_[name.replace(" ", "_")]
        np.testing.assert_array_equal(line.get_ydata(), expected)
    assert display.lines_["accuracy"].axes is display.right_ax_
    assert display.right_ax_.get_ylabel() == "modularity, label change, accuracy"
    names = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert [name for name in names if "(right)" not in name] == ["reconstruction loss", "clustering loss"]
    assert display.lines_["clustering loss"].axes is display.ax_
    assert display.ax_.get_xlabel() == "batch"
    with pytest.raises(ValueError, match=r"'accuracy' has shape \(1,\)"):
        HistoryDisplay.from_estimator(dcec, scores={"accuracy": [1]})


def test_histories_of_other_estimators(kmeans):
    autoencoder = ConvAutoencoder(filters=(4, 8, 8), epochs=3, random_state=0).fit(X)
    display = HistoryDisplay.from_estimator(autoencoder)
    assert display.ax_.get_xlabel() == "epoch"
    line = display.lines_["reconstruction loss"]
    np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3])
    np.testing.assert_array_equal(line.get_ydata(), autoencoder.history_["reconstruction_loss"])
    khm = KHarmonicMeans(3, random_state=0).fit(load_iris().data)
    np.testing.assert_array_equal(
        HistoryDisplay.from_estimator(khm).lines_["objective"].get_ydata(), khm.history_["objective"]
    )
    # a monitor records a score after each iteration, but none before the first
    noted = np.linspace(0.1, 0.9, khm.n_iter_)
    line = HistoryDisplay.from_estimator(khm, scores={"ARI": noted}).lines_["ARI"]
    np.testing.assert_array_equal(line.get_ydata(), [np.nan, *noted])
    with pytest.raises(TypeError, match="KMeans keeps no history"):
        HistoryDisplay.from_estimator(kmeans)
    with pytest.raises(ValueError, match="should have a curve"):
        HistoryDisplay.from_history({})


@pytest.mark.parametrize(
    ("values", "scale"), [([9, 1, 5], "linear"), ([10, 1, 5], "log"), ([10, 0, -1], "linear")]
)
def test_only_losses_of_different_magnitudes_have_a_log_scale(values, scale):
    ax = HistoryDisplay.from_history({"reconstruction_loss": values, "modularity": [0, 0, 0]}).ax_
    assert (ax.get_yscale(), ax.get_ylabel()) == (scale, "loss")
    ax.set_yscale("log")
    assert HistoryDisplay.from_history({"total": values}, ax=ax).ax_.get_yscale() == "log"


def test_a_small_fall_of_the_objective_is_readable():
    khm = KHarmonicMeans(3, random_state=0).fit(load_iris().data)
    display = HistoryDisplay.from_estimator(khm)
    display.figure_.draw_without_rendering()
    ax = display.ax_
    assert ax.get_ylabel() == ax.get_legend().get_texts()[0].get_text() == "objective"
    assert all(float(tick).is_integer() for tick in ax.get_xticks())
    # whole numbers, not differences from an offset
    ticks = [float(text.get_text()) for text in ax.get_yticklabels()]
    np.testing.assert_allclose(ticks, ax.get_yticks())


def test_what_cannot_be_drawn_is_named(dcec, kmeans):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        EmbeddingDisplay.from_estimator(dcec, X[100:], y[:-50])
    with pytest.raises(ValueError, match="labels are all -1"):
        CenterImagesDisplay.from_predictions(X[:5], np.full(5, -1))
    with pytest.raises(TypeError, match="KMeans has no inverse_transform"):
        ReconstructionDisplay.from_estimator(kmeans, X)
    with pytest.raises(ValueError, match=r"features=\('sepal', 'petal'\) should be two columns of X"):
        CovarianceEllipsesDisplay.from_predictions(
            load_iris().data, np.zeros(150), features=("sepal", "petal")
        )


def boundary(ellipse, n_points=50):
    """Return points on the boundary of an ellipse."""
    t = np.linspace(0, 2 * np.pi, n_points)
    turn = np.radians(ellipse.angle)
    flat = np.stack([np.cos(t) * ellipse.width / 2, np.sin(t) * ellipse.height / 2])
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return (rotation @ flat).T + ellipse.center


TYPES = ["tied", "full", "diag", "spherical"]


@pytest.mark.parametrize(
    ("kind", "covariance_type"),
    [(MahalanobisKMeans, "global"), *product([MahalanobisKMeans, GaussianMixture], TYPES)],
)
def test_ellipses_are_curves_of_equal_mahalanobis_distance(kind, covariance_type):
    rows = load_iris().data
    model = kind(3, covariance_type=covariance_type, random_state=0).fit(rows)
    display = CovarianceEllipsesDisplay.from_estimator(model, rows, features=(2, 1), n_std=1.5)
    centers = model.means_ if kind is GaussianMixture else model.cluster_centers_
    for j, ellipse in enumerate(display.ellipses_):
        V = model.covariances_
        V = V if covariance_type in ("global", "tied") else V[j]
        V = {"diag": np.diag, "spherical": lambda v: v * np.eye(4)}.get(covariance_type, np.asarray)(V)
        difference = boundary(ellipse) - centers[j, [2, 1]]
        squared = np.einsum("ni,ij,nj->n", difference, np.linalg.inv(V[np.ix_([2, 1], [2, 1])]), difference)
        np.testing.assert_allclose(np.sqrt(squared), 1.5)


def test_ellipses_of_labels():
    rows = load_iris().data
    display = CovarianceEllipsesDisplay.from_predictions(rows, load_iris().target)
    np.testing.assert_allclose(display.centers[1], rows[50:100, :2].mean(axis=0))
    np.testing.assert_allclose(display.covariances[1], np.cov(rows[50:100, :2].T, bias=True))
    assert len(display.ellipses_) == 3
    assert display.axis_names == ("feature 1 of 4", "feature 2 of 4")
    assert CovarianceEllipsesDisplay.from_predictions(rows[:, :2], load_iris().target).axis_names == (
        "feature 1",
        "feature 2",
    )
    named = GaussianMixture(3, random_state=0).fit(load_iris(as_frame=True).data)
    display = CovarianceEllipsesDisplay.from_estimator(named, load_iris(as_frame=True).data, features=(2, 0))
    assert display.axis_names == ("petal length (cm)", "sepal length (cm)")
    with pytest.raises(TypeError, match="KMeans has no covariances_"):
        CovarianceEllipsesDisplay.from_estimator(KMeans(3, random_state=0).fit(rows), rows)
    with pytest.raises(ValueError, match=re.escape("features=(0, 4) should be two columns of X")):
        CovarianceEllipsesDisplay.from_predictions(rows, load_iris().target, features=(0, 4))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_curve_has_the_modularity_of_each_number_of_clusters(dcec):
    model = ModularityClustering(8, random_state=0).fit(X)
    display = ModularityCurveDisplay.from_estimator(model, n_clusters=[9, 1, 8])
    assert display.line_.get_xdata().tolist() == [1, 8, 9]
    assert abs(display.modularity[0]) < 1e-12
    assert display.modularity[1] == pytest.approx(model.modularity_, abs=0.02)
    whole = ModularityCurveDisplay.from_estimator(model)
    assert whole.n_clusters[0] == 2
    assert whole.n_clusters[-1] >= whole.n_communities > 2
    started = ModularityCurveDisplay.from_estimator(DCEC(8, autoencoder=small(), max_batches=2).fit(X))
    assert started.line_.get_xdata()[0] == 2
    import matplotlib.pyplot as plt

    _, logarithmic = plt.subplots()
    logarithmic.set_xscale("log")
    assert whole.plot(logarithmic).ax_ is logarithmic
    pair = ModularityClustering(1).fit(X[:2])
    assert ModularityCurveDisplay.from_estimator(pair).n_clusters.tolist() == [2]
    again = ModularityCurveDisplay.from_estimator(model)
    np.testing.assert_array_equal(again.modularity, whole.modularity)
    with pytest.raises(TypeError, match="DCEC has no graph"):
        ModularityCurveDisplay.from_estimator(dcec)
    for bad in ([0, 2], [2, len(X) + 1], [2.0], []):
        with pytest.raises(ValueError, match="should be integers from 1 to the"):
            ModularityCurveDisplay.from_estimator(model, n_clusters=bad)


def test_displays_draw_on_given_axes_and_again():
    import matplotlib.pyplot as plt

    _, (left, right) = plt.subplots(1, 2)
    display = ContingencyDisplay.from_predictions([0, 1], [1, 0], ax=left)
    assert display.ax_ is left
    assert display.plot(right) is display
    assert display.ax_ is right
    assert display.figure_ is right.figure
    with pytest.raises(TypeError, match="DBSCAN has no cluster_centers_"):
        CenterImagesDisplay.from_estimator(DBSCAN().fit(X.reshape(len(X), -1)), X)


def test_bytes_and_what_was_made_of_them_have_one_scale():
    whole = np.round(X * 255).astype(np.uint8).reshape(len(X), -1)
    model = KMeans(5, random_state=0).fit(whole)
    display = CenterImagesDisplay.from_estimator(model, whole)
    assert 0.5 < display.members.max() <= 1
    np.testing.assert_allclose(display.centers.reshape(5, -1), model.cluster_centers_ / 255)
    exact = ReconstructionDisplay.from_estimator(PCA().fit(whole), whole)
    np.testing.assert_allclose(exact.reconstructions, exact.images, atol=1e-9)
    ours = ConvAutoencoder((4,), (3,), epochs=1, random_state=0).fit(whole)
    bare, piped = (
        ReconstructionDisplay.from_estimator(estimator, whole).reconstructions
        for estimator in (ours, make_pipeline("passthrough", FrozenEstimator(ours)).fit(whole))
    )
    np.testing.assert_array_equal(piped, bare)


def test_legends_leave_out_what_others_drew(kmeans):
    import matplotlib.pyplot as plt

    ax = plt.figure().add_subplot()
    ax.plot([0, 1], label="not ours")
    EmbeddingDisplay.from_predictions(X.reshape(len(X), -1), kmeans.labels_, ax=ax)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [str(label) for label in range(5)]


def test_ellipses_are_those_of_the_fit_even_if_the_parameter_changes():
    iris = load_iris().data
    model = MahalanobisKMeans(3, random_state=0).fit(iris)
    expected = CovarianceEllipsesDisplay.from_estimator(model, iris).covariances
    model.set_params(covariance_type="full")
    display = CovarianceEllipsesDisplay.from_estimator(model, iris)
    np.testing.assert_array_equal(display.covariances, expected)
