"""What goes in: layouts, scales, types, containers, and arrays that are not in memory."""

import ast
import contextlib
import copy
import csv
import importlib.util
import logging
import os
import subprocess
import sys
import warnings
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.base import clone
from sklearn.cluster import Birch, KMeans
from sklearn.frozen import FrozenEstimator
from sklearn.utils import Bunch

from skdcec import (
    DCEC,
    ConvAutoencoder,
    DenseAutoencoder,
    KernelKHarmonicMeans,
    KHarmonicMeans,
    MahalanobisKMeans,
    MiniBatchKHarmonicMeans,
    ModularityClustering,
)
from skdcec.exceptions import InitializationError

TABLE = Path(__file__).parents[1] / "docs" / "input.csv"
CLUSTERERS = [KHarmonicMeans, KernelKHarmonicMeans, MahalanobisKMeans, MiniBatchKHarmonicMeans]


def small(**params):
    params = {"n_components": 2, "epochs": 1, "augmentation": None, "random_state": 0} | params
    return ConvAutoencoder((4,), (3,), **params)


@pytest.fixture(scope="module")
def X(digits):
    return digits.images[:200]


@pytest.fixture(scope="module")
def fitted(X):
    return small().fit(X)


@pytest.fixture(scope="module")
def fitted_to_bytes(X):
    return small().fit((255 * X).astype(np.uint8))


# --------------------------------------------------------------------------- the table of the guide


with TABLE.open(newline="") as file:
    ROWS = [row | {"X": row["X"].strip("`")} for row in csv.DictReader(file)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["X"])
def test_the_table_of_the_guide_is_true(row):
    rng = np.random.default_rng(0)
    names = {"np": np, "rng": rng, "gray": rng.random((40, 8, 8))}
    X = eval(row["X"], names)
    model = small()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if row["outcome"] in ("ValueError", "TypeError"):
            with pytest.raises({"ValueError": ValueError, "TypeError": TypeError}[row["outcome"]], match="X"):
                model.fit(X)
            assert not hasattr(model, "weights_")
            return
        model.fit(X)
    found = [str(warning.message) for warning in caught if "X has dtype" in str(warning.message)]
    assert len(found) == (row["outcome"] == "warns")
    assert model.image_shape_ == ast.literal_eval(row["shape"])
    assert model.value_range_ == ast.literal_eval(row["range"])


# --------------------------------------------------------------------------- layout


@pytest.mark.parametrize(
    ("shape", "image_shape"), [((40, 3, 32, 32), (3, 32, 32)), ((40, 785), (1, 785)), ((28, 28), (1, 28))]
)
def test_an_implausible_layout_can_be_confirmed(shape, image_shape):
    X = np.random.default_rng(0).random(shape)
    with pytest.raises(ValueError, match="image_shape"):
        small().fit(X)
    assert small(image_shape=image_shape).fit(X).image_shape_ == (*image_shape, 1)[:3]


def test_a_layout_does_not_matter_to_a_dense_network():
    X = np.random.default_rng(0).random((40, 3072))
    assert DenseAutoencoder((4,), 2, epochs=1).fit(X).n_features_in_ == 3072
    with pytest.raises(ValueError, match=r"set image_shape=\(32, 32, 3\)"):
        DenseAutoencoder((4,), 2, epochs=1, augmentation="affine").fit(X)


@pytest.mark.parametrize("shape", [(20, 1, 200, 8), (20, 3, 3, 103), (50, 128, 3), (20, 64, 1)])
def test_signals_and_spectra_are_no_images_in_another_order(shape):
    X = np.random.default_rng(0).random(shape)
    assert small().fit(X).image_shape_ == (*shape[1:], 1)[:3]


@pytest.mark.parametrize("shape", [(20, 13, 32, 32), (20, 2, 32, 32), (28, 28, 1), (20, 3073), (200, 300, 3)])
def test_other_implausible_layouts_are_refused(shape):
    with pytest.raises(ValueError, match="image_shape="):
        small().fit(np.random.default_rng(0).random(shape))


@pytest.mark.parametrize("n_samples", [16, 64])
def test_as_many_rows_as_pixels_are_no_single_image(n_samples):
    X = np.random.default_rng(0).random((n_samples, n_samples))
    side = int(n_samples**0.5)
    assert small().fit(X).image_shape_ == (side, side, 1)


def test_batches_that_are_single_images_are_refused():
    class Sequence(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, i):
            return images[i]

    images = np.random.default_rng(0).random((3, 28, 28))
    with pytest.raises(ValueError, match=r"All batches of X have shape \(28, 28\), like single images"):
        small().fit(Sequence())
    images = images[..., np.newaxis]
    with pytest.raises(ValueError, match=r"likely a single image.*X\.batch\(256\)"):
        small().fit(Sequence())
    images = np.ma.masked_less(np.ones((3, 5, 8, 8)), 2)
    with pytest.raises(ValueError, match="Batch 0 of X is a masked array"):
        small().fit(Sequence())


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", [np.uint8, np.int16])
def test_integers_of_any_type_are_numbers_of_clusters_and_batches(X, kind):
    network = DenseAutoencoder((8,), 2, epochs=1, batch_size=kind(100), random_state=0)
    numbers = {"batches_per_update": kind(2), "max_batches": kind(100), "label_batches": kind(2)}
    model = DCEC(kind(100), init=KMeans(n_init=1), autoencoder=network, tol=1.0, random_state=0)
    assert model.set_params(**numbers).fit(X).cluster_centers_.shape == (100, 2)
    assert ModularityClustering(kind(100)).fit(X).n_clusters_ == 100
    assert DCEC(kind(3), autoencoder=network, max_batches=2).fit(X).cluster_centers_.shape == (3, 2)


def test_a_column_of_labels_is_noticed_by_the_number_of_columns():
    with pytest.warns(UserWarning, match="X has 785 features, one more than an image"):
        DenseAutoencoder((4,), 2, epochs=1).fit(np.random.default_rng(0).random((20, 785)))


def test_a_column_of_labels_is_noticed_by_its_name():
    frame = pd.DataFrame(np.random.default_rng(0).random((40, 9)), columns=[f"p{i}" for i in range(9)])
    with pytest.warns(UserWarning, match="X has a column 'Label'"):
        DenseAutoencoder((4,), 2, epochs=1).fit(frame.rename(columns={"p0": "Label"}))


def test_a_single_image_is_told_how_to_become_a_batch(fitted, X):
    with pytest.raises(ValueError, match=r"shape \(8, 8\), that of a single image; pass X\[np\.newaxis\]"):
        fitted.transform(X[0])
    assert fitted.transform(X[:1]).shape == (1, 2)


def test_a_dataset_of_single_images_is_refused(fitted, X):
    tf = pytest.importorskip("tensorflow")
    for images in (X, X[..., np.newaxis], X.reshape(len(X), -1)):
        single = tf.data.Dataset.from_tensor_slices(images)
        for call in (small().fit, fitted.transform):
            with pytest.raises(ValueError, match=r"like single images.*X\.batch\(256\)"):
                call(single)
    assert fitted.transform(tf.data.Dataset.from_tensor_slices(X).batch(64)).shape == (200, 2)


# --------------------------------------------------------------------------- scale


def test_a_range_is_the_scale_of_any_type(X, fitted):
    scan = np.round(4095 * X).astype(np.uint16)
    model = small(value_range=(0, 4095)).fit(scan)
    expected = small().fit(scan / np.float32(4095))
    assert_array_equal(model.transform(scan), expected.transform(scan / np.float32(4095)))
    assert_array_equal(model.transform(scan.astype(float)).astype(np.float32), model.transform(scan))
    assert (model.value_range_, model.data_range_, model.input_dtype_) == ((0, 4095), (0, 4095), "uint16")
    hounsfield = scan.astype(np.int16) - 1024
    shifted = small(value_range=(-1024, 3071)).fit(hounsfield)
    assert_array_equal(shifted.transform(hounsfield), model.transform(scan))


@pytest.mark.parametrize("value_range", [(1, 0), (0, 0), (0, 1, 2), "bytes", None, 255, (0, np.inf)])
def test_a_range_that_is_none_is_refused(X, value_range):
    with pytest.raises(ValueError, match=r"value_range=.* should be 'auto' or a pair \(low, high\)"):
        small(value_range=value_range).fit(X)


def test_values_outside_of_the_range_are_refused(X):
    model = small(value_range=(0, 1)).fit(X)
    for call in (model.fit, model.transform):
        with pytest.raises(ValueError, match=r"values from 0 to 255, outside of value_range=\(0, 1\)"):
            call(255 * X)


@pytest.mark.parametrize("factor", [16, 255, 65535])
def test_images_on_a_larger_scale_are_refused(X, fitted, factor):
    with pytest.raises(ValueError, match=f"values from 0 to {factor}, but ConvAutoencoder was fitted with"):
        fitted.transform(factor * X)


@pytest.mark.filterwarnings("ignore:X has dtype:UserWarning")
def test_a_row_does_not_depend_on_the_values_of_others(X, fitted):
    pixels = (255 * X[:10]).astype(np.uint8)
    pixels[0] %= 2
    assert_array_equal(fitted.transform(pixels[:1]), fitted.transform(pixels)[:1])


@pytest.mark.parametrize("value_range", ["auto", (0, 255)])
def test_dark_images_are_noticed(X, value_range):
    for images in (X / 255, X / 255 / 255):
        with pytest.warns(UserWarning, match="which are dark for a range"):
            small(value_range=value_range).fit(images)


def test_negative_images_are_noticed(X, fitted):
    with pytest.warns(UserWarning, match="without negative values"):
        fitted.transform(2 * X - 1)


def test_outliers_in_rows_of_a_table_only_warn():
    rows = np.random.default_rng(0).random((60, 5))
    model = DenseAutoencoder((4,), 2, epochs=1, random_state=0).fit(rows)
    with pytest.warns(UserWarning, match="Scale X as it was scaled for fit"):
        assert model.transform(100 * rows).shape == (60, 2)
    assert DenseAutoencoder((4,), 2, epochs=1).fit(np.zeros((20, 5))).transform(rows).shape == (60, 2)


@pytest.mark.filterwarnings("ignore:X has dtype:UserWarning")
def test_images_on_a_smaller_scale_are_noticed(X, fitted):
    unscaled = small().fit(255 * X)
    for model, images in ((fitted, X / 255), (unscaled, X)):
        with pytest.warns(UserWarning, match="Scale X as it was scaled for fit"):
            model.transform(images)


def test_bytes_and_floats_agree(X, fitted, fitted_to_bytes):
    pixels = (255 * X).astype(np.uint8)
    scaled = pixels / np.float32(255)
    assert_array_equal(fitted.transform(pixels), fitted.transform(scaled))
    assert_array_equal(fitted_to_bytes.transform(scaled), fitted_to_bytes.transform(pixels))
    masks = X > 0.5
    of_masks = small().fit(masks)
    assert_array_equal(of_masks.transform(masks.astype(np.uint8)), of_masks.transform(masks))
    with pytest.warns(UserWarning, match="dtype=uint8 and values from 0 to 1, but.*unless these images are"):
        fitted.transform(masks.astype(np.uint8))
    with pytest.raises(ValueError, match="was fitted with dtype=uint8"):
        fitted_to_bytes.transform(pixels.astype(float))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("value_range", ["auto", (0, 255)])
def test_dcec_has_the_scale_of_its_autoencoder(X, value_range):
    pixels = (255 * X).astype(np.uint8)
    model = DCEC(3, init=KMeans(n_init=1), autoencoder=small(value_range=value_range), max_batches=2)
    model.set_params(random_state=0).fit(pixels)
    assert model.value_range_ == (0, 255)
    assert_array_equal(model.predict(pixels), model.labels_)
    if value_range == "auto":
        with pytest.raises(ValueError, match="DCEC was fitted with dtype=uint8"):
            model.predict(pixels.astype(float))
    else:
        assert_array_equal(model.predict(pixels.astype(float)), model.labels_)
    frozen = DCEC(3, init=KMeans(n_init=1), autoencoder=FrozenEstimator(model.autoencoder_), max_batches=2)
    with pytest.raises(ValueError, match="65535"):
        frozen.fit(65535 * X)


# --------------------------------------------------------------------------- containers


def test_images_in_other_containers_are_stacked(X, fitted):
    expected = fitted.transform(X)
    objects = np.empty(len(X), dtype=object)
    objects[:] = list(X)
    mixed = [*X[:100].astype(np.float64), *X[100:]]
    rows = pd.Series(list(X.reshape(len(X), -1)))
    for images in (list(X), tuple(X), pd.Series(list(X), index=range(5, 205)), objects, mixed, rows):
        assert_array_equal(fitted.transform(images), expected)
    pixels = (255 * X).astype(np.uint8)
    pictures = [Image.fromarray(image) for image in pixels]
    assert_array_equal(fitted.transform(pictures), fitted.transform(pixels))


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (
            [np.ones((8, 8)), np.ones((8, 8)), np.ones((8, 9))],
            ValueError,
            r"\(8, 8\), but X\[2\] has .*\(8, 9\)",
        ),
        (
            [Image.new("L", (8, 8)), Image.new("L", (9, 8))],
            ValueError,
            r"\(8, 8\), but X\[1\] has .*\(8, 9\)",
        ),
        ([np.ones((8, 8)), np.ones((8, 8), np.uint8)], ValueError, "X.1. has dtype=uint8"),
        ([np.ones((8, 8)), np.ma.masked_greater(np.eye(8), 0)], ValueError, "X.1. is a masked array"),
        ([Image.new("P", (8, 8))], ValueError, "mode 'P'"),
        ([[1.0, 2.0], [3.0]], ValueError, "rows differ in length"),
        (np.ones((2, 2, 8, 8, 1)), ValueError, r"X has shape \(2, 2, 8, 8, 1\); it should be an array of"),
        (Path("photos"), TypeError, "is a path"),
        (["a.png", "b.png"], TypeError, "X holds paths such as 'a.png'"),
        ({"images": np.ones((8, 8, 8))}, TypeError, r"X is a dict with the keys \['images'\].*dask array\.$"),
        (Bunch(data=[[1.0]], images=[1.0]), TypeError, r"X is a Bunch .*dask array\. Pass X\.images\.$"),
        (Bunch(data=[[1.0]], target=[1]), TypeError, r"X is a Bunch .* Pass X\.data\.$"),
        (Bunch(x=[[1.0]]), TypeError, r"X is a Bunch with the keys \['x'\].*dask array\.$"),
        (iter([np.ones((8, 8))]), TypeError, "X is a list_iterator; it should be"),
        ({1.0, 2.0}, TypeError, "X is a set"),
    ],
)
def test_other_containers_are_refused_by_name(images, error, message):
    for call in (small().fit, DCEC(2, autoencoder=small()).fit, ModularityClustering(2).fit):
        with pytest.raises(error, match=message):
            call(images)


@pytest.mark.parametrize("clusterer", CLUSTERERS)
def test_masked_values_are_refused_everywhere(X, clusterer):
    rows = X.reshape(len(X), -1).astype(float)
    weight = np.ma.masked_less(np.arange(200.0), 10)
    with pytest.raises(ValueError, match="sample_weight is a masked array"):
        clusterer(3).fit(rows, sample_weight=weight)
    with pytest.raises(ValueError, match="init is a masked array"):
        clusterer(3, init=np.ma.masked_less(rows[:3], 0.5)).fit(rows)
    for init in (np.ma.masked_less(rows[:3, :2], 2), np.ma.masked_equal(np.arange(200) % 3, 1)):
        with pytest.raises(ValueError, match="init is a masked array"):
            DCEC(3, init=init, autoencoder=small()).fit(X)


@pytest.mark.parametrize("clusterer", CLUSTERERS)
def test_other_containers_of_rows_are_refused_by_name(clusterer):
    bunch = Bunch(data=[[1.0]], images=[1.0])
    for rows, message in (
        (iter([1.0]), "X is a list_iterator"),
        ({}, "X is a dict"),
        ("a.csv", "is a path"),
        (bunch, r"X is a Bunch .* Pass X\.data\."),
    ):
        with pytest.raises(TypeError, match=message):
            clusterer(3).fit(rows)


@pytest.mark.parametrize("clusterer", CLUSTERERS)
def test_rows_are_asked_for_if_there_are_images(X, clusterer):
    for images in (X, X[..., np.newaxis], list(X)):
        with pytest.raises(ValueError, match=r"Pass X\.reshape\(len\(X\), -1\), or cluster images with DCEC"):
            clusterer(3).fit(images)


# --------------------------------------------------------------------------- arrays that are not in memory


class Lazy:
    """An array that counts the rows that are read at a time, as those of HDF5 and Zarr files."""

    def __init__(self, values):
        self.values, self.shape, self.dtype, self.largest = values, values.shape, values.dtype, 0

    def __getitem__(self, rows):
        assert isinstance(rows, slice)
        chunk = self.values[rows]
        self.largest = max(self.largest, chunk.nbytes)
        return chunk


def test_lazy_arrays_are_read_in_blocks(X, fitted, monkeypatch):
    monkeypatch.setattr("skdcec._lazy.BLOCK_BYTES", 4096)
    images = Lazy(X)
    assert_array_equal(small().fit(images).transform(images), fitted.transform(X))
    rows = Lazy(X.reshape(len(X), -1).astype(np.float64))
    for clusterer in CLUSTERERS:
        model = clusterer(3, random_state=0)
        expected = clone(model).fit(rows.values)
        model.fit(rows)
        assert_array_equal(model.labels_, expected.labels_)
        assert_array_equal(model.predict(rows), expected.labels_)
    assert max(images.largest, rows.largest) <= 4096
    for values, message in ((np.array(["a"] * 9, dtype=object), "dtype=object"), (X[:0], "minimum of 1")):
        with pytest.raises(ValueError, match=message):
            small().fit(Lazy(values))


def test_lazy_arrays_of_common_libraries(X, fitted, tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "images.h5", "w") as file:
        file["images"] = X
        assert_array_equal(fitted.transform(file["images"]), fitted.transform(X))
        assert ModularityClustering(3).fit(file["images"]).labels_.shape == (200,)
    xarray = pytest.importorskip("xarray")
    assert_array_equal(fitted.transform(xarray.DataArray(X)), fitted.transform(X))


def test_dask_frames_are_read_in_chunks_and_sparse_chunks_refused(X):
    da = pytest.importorskip("dask.array")
    rows = X.reshape(len(X), -1)
    sparse = da.from_array(rows, chunks=(50, -1)).map_blocks(sp.csr_matrix)
    with pytest.raises(TypeError, match=r"dask array of sparse chunks.*toarray"):
        KHarmonicMeans(3).fit(sparse)
    pytest.importorskip("pyarrow")
    dd = pytest.importorskip("dask.dataframe")
    frame = dd.from_pandas(pd.DataFrame(rows).rename(columns=str), npartitions=4)
    labels = KHarmonicMeans(3, random_state=0).fit(frame).predict(frame)
    assert_array_equal(labels.compute(), KHarmonicMeans(3, random_state=0).fit(rows).labels_)


MEMORY = """
import resource, sys, tempfile
import numpy as np
from skdcec import ConvAutoencoder

side = int(sys.argv[1])
n = 2**25 // side**2
file = tempfile.TemporaryFile()
file.truncate(n * side * side * 3)
X = np.memmap(file, "u1", "r", shape=(n, side, side, 3))
model = ConvAutoencoder((4, 4, 4), n_components=2, epochs=1, batch_size=4, random_state=0).fit(X[:4])
model.transform(X[:4])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
model.transform(X)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="units of ru_maxrss")
@pytest.mark.parametrize("side", [128, 512])
def test_large_images_take_little_memory(side):
    result = subprocess.run(
        [sys.executable, "-c", MEMORY, str(side)], capture_output=True, text=True, check=True
    )
    assert float(result.stdout) < 300  # MB; 96 of them are the pages of the mapped file itself


# --------------------------------------------------------------------------- numbers


@pytest.mark.parametrize("clusterer", [KHarmonicMeans, KernelKHarmonicMeans, MiniBatchKHarmonicMeans])
@pytest.mark.parametrize("seed", range(3))
def test_sparse_rows_get_the_labels_of_dense_ones(clusterer, seed):
    rng = np.random.default_rng(seed)
    centers = 5 * rng.random((5, 40)) * (rng.random((5, 40)) < 0.3)
    rows = centers[rng.integers(5, size=600)] + 0.1 * rng.random((600, 40)) * (rng.random((600, 40)) < 0.2)
    dense = clusterer(5, random_state=seed).fit(rows)
    sparse = clusterer(5, random_state=seed).fit(sp.csr_matrix(rows))
    assert_array_equal(sparse.labels_, dense.labels_)


@pytest.mark.parametrize("clusterer", CLUSTERERS)
def test_objectives_beyond_float64_are_refused(X, clusterer):
    rows = X.reshape(len(X), -1).astype(float)
    with pytest.raises(ValueError, match=f"objective of {clusterer.__name__}.*beyond float64.*sample_weight"):
        clusterer(3, random_state=0).fit(rows, sample_weight=np.full(len(rows), 1e308))
    if clusterer is KHarmonicMeans:
        model = clusterer(3, p=9.0, degree=9.0, random_state=0)
        with pytest.raises(ValueError, match=r"objective of KHarmonicMeans.*beyond float64. Divide X"):
            model.fit(rows * 1e36)
        with pytest.raises(ValueError, match="beyond float64"):
            model.fit(rows * 1e30).score(rows * 1e36)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("sigma", [1e-160, 1e160])
def test_extreme_widths_have_results(X, sigma):
    model = KernelKHarmonicMeans(3, sigma=sigma, random_state=0).fit(X.reshape(len(X), -1).astype(float))
    assert np.isfinite(model.cluster_centers_).all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_exported_model_agrees_for_long_embeddings(X):
    autoencoder = DenseAutoencoder((16,), 4, epochs=1, random_state=0).fit(X)
    for length in (1, 1e3, 1e5):
        encoder = copy_with_scaled_embedding(autoencoder, length / np.abs(autoencoder.transform(X)).max())
        model = DCEC(5, init=KMeans(n_init=1), autoencoder=FrozenEstimator(encoder), max_batches=1)
        model.set_params(optimizer=keras.optimizers.SGD(0.0), random_state=0, keep="last").fit(X)
        Z, centers = model.transform(X.astype(float)), model.cluster_centers_.astype(float)
        similarity = 1 / (1 + np.square(Z[:, np.newaxis] - centers).sum(axis=2))
        expected = similarity / similarity.sum(axis=1, keepdims=True)
        exported = np.asarray(model.to_keras().predict_on_batch(X[..., np.newaxis]))
        assert np.abs(Z).max() == pytest.approx(length, rel=0.01)
        assert_allclose(exported, expected, atol=1e-4)
        assert_allclose(model.predict_proba(X), expected, atol=1e-4)


def copy_with_scaled_embedding(autoencoder, factor):
    scaled = copy.copy(autoencoder)
    n = len(autoencoder.to_keras()[0].weights)
    last = [w * np.float32(factor) for w in autoencoder.weights_[n - 2 : n]]
    scaled.weights_ = [*autoencoder.weights_[: n - 2], *last, *autoencoder.weights_[n:]]
    return scaled


# --------------------------------------------------------------------------- noise


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_warnings_point_at_the_call(X):
    masks = (X > 0.5).astype(np.uint8)
    calls = [
        lambda: small().fit(masks),
        lambda: small().fit_transform(X / 255),
        lambda: DCEC(2, init=KMeans(n_init=1), autoencoder=small(), max_batches=1).fit_predict(masks),
        lambda: small().fit(X).transform(X / 255),
        lambda: DCEC(3, autoencoder=small(), init=Birch(threshold=1e9)).fit(X),
    ]
    for call in calls:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            with contextlib.suppress(InitializationError):
                call()
        ours = [w for w in caught if "X has" in str(w.message) or "random embedding" in str(w.message)]
        assert {w.filename for w in ours} == {__file__}


def test_new_image_shapes_make_tensorflow_say_nothing(caplog):
    pytest.importorskip("tensorflow")
    with caplog.at_level(logging.WARNING, logger="tensorflow"):
        for side in range(6, 13):
            images = np.random.default_rng(0).random((40 + side, side, side))
            model = small(batch_size=16).fit(images)
            for n in (1, 7, 30):
                model.inverse_transform(model.transform(images[:n]))
    assert "retracing" not in caplog.text


@pytest.mark.slow
def test_a_missing_backend_is_told_with_the_choices():
    if importlib.util.find_spec("jax"):
        pytest.skip("jax is installed")
    code = "import numpy as np; from skdcec import DCEC; DCEC(2).fit(np.random.rand(20, 8, 8))"
    command = [sys.executable, "-c", code]
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith(
        "ImportError: Networks need a backend of Keras, which cannot be imported: No module"
    )
    assert "KERAS_BACKEND" in last


KERNELS = """
import os
before = os.environ.get("TF_ENABLE_ONEDNN_OPTS")
if {first}:
    import tensorflow
from skdcec._deep._software import software
assert os.environ.get("TF_ENABLE_ONEDNN_OPTS") == before
print(software())
"""


@pytest.mark.slow
@pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="a setting of TensorFlow")
@pytest.mark.parametrize(
    ("value", "first", "expected"), [(None, 0, "1"), ("0", 0, "0"), (None, 1, "default")]
)
def test_the_kernels_of_tensorflow_are_chosen_and_told(value, first, expected):
    environment = {name: text for name, text in os.environ.items() if name != "TF_ENABLE_ONEDNN_OPTS"}
    environment |= {} if value is None else {"TF_ENABLE_ONEDNN_OPTS": value}
    command = [sys.executable, "-c", KERNELS.format(first=first)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert f"(oneDNN {expected})" in result.stdout
