"""Images in batches or from a file give the same results as an array in memory."""

import tempfile
import tracemalloc

import keras
import numpy as np
import pytest
from sklearn.cluster import KMeans

from skdcec import DCEC, DenseAutoencoder

BATCH = 17

# after a few batches some clusters are empty
pytestmark = pytest.mark.filterwarnings("ignore:Of .* clusters:sklearn.exceptions.ConvergenceWarning")


class Batches(keras.utils.PyDataset):
    """Images as a PyDataset, with targets that are ignored."""

    def __init__(self, images):
        super().__init__()
        self.images = images

    def __len__(self):
        return -(-len(self.images) // BATCH)

    def __getitem__(self, i):
        rows = slice(i * BATCH, (i + 1) * BATCH)
        return self.images[rows], np.zeros(len(self.images[rows]))


def py_dataset(images):
    return Batches(images)


def tf_dataset(images):
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices(images).batch(BATCH)


def dask_array(images):
    return pytest.importorskip("dask.array").from_array(images, chunks=(BATCH, *[3] * (images.ndim - 1)))


STREAMS = [py_dataset, tf_dataset, dask_array]


@pytest.fixture(scope="module", params=["float32", "uint8", "flat"])
def images(request, digits):
    X = digits.images[:300]
    if request.param == "flat":
        return X.reshape(len(X), -1)
    return X if request.param == "float32" else (X * 255).astype(np.uint8)


def small(**params):
    options = {"autoencoder": DenseAutoencoder((16,), 4, epochs=2), "max_batches": 6, "batches_per_update": 3}
    return DCEC(init=KMeans(10, n_init=1), random_state=0, **options | params)


@pytest.mark.parametrize("stream", STREAMS)
def test_a_stream_gives_the_answer_of_the_array(images, stream):
    expected, X = small().fit(images), stream(images)
    model = small().fit(X)
    np.testing.assert_array_equal(model.labels_, expected.labels_)
    for ours, theirs in zip(model.autoencoder_.weights_, expected.autoencoder_.weights_, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert model.n_features_in_ == 64
    for method in ("predict", "predict_proba", "transform"):
        np.testing.assert_array_equal(getattr(model, method)(X), getattr(expected, method)(images))
    assert model.score(X) == expected.score(images)
    assert model.autoencoder_.score(X) == expected.autoencoder_.score(images)
    np.testing.assert_array_equal(model.predict(images), model.labels_)
    reconstructed = model.inverse_transform(model.cluster_centers_)
    assert reconstructed.shape == (10, *images.shape[1:])


@pytest.mark.filterwarnings("ignore:X has dtype")
@pytest.mark.parametrize("kind", ["float32", "float64", "uint8", "int64"])
def test_types_of_a_mapped_file_do_not_matter(digits, tmp_path, kind):
    X = np.round(digits.images[:200] * 16)
    if kind == "uint8":
        X *= 15
    X = X.astype(kind)
    np.save(tmp_path / "images.npy", X)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    model, expected = small().fit(mapped), small().fit(X / np.float32(255) if kind == "uint8" else X)
    np.testing.assert_array_equal(model.labels_, expected.labels_)
    np.testing.assert_array_equal(model.transform(mapped), expected.transform(X).astype("float32"))


def test_chunks_of_dask_may_be_of_unknown_size(digits):
    X = dask_array(digits.images[:100].reshape(100, -1))
    chosen = X[X[:, 20] >= 0]
    assert np.isnan(chosen.shape[0])
    np.testing.assert_array_equal(small().fit(chosen).labels_, small().fit(X).labels_)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_images(tmp_path):
    # 80,000 images: 63 MB as bytes, 251 MB as float32
    path = tmp_path / "images.npy"
    mapped = np.lib.format.open_memmap(path, "w+", np.uint8, (80_000, 28, 28))
    mapped[:] = np.random.default_rng(0).integers(256, size=(80_000, 1, 28), dtype=np.uint8)
    model = small(autoencoder=DenseAutoencoder((8,), 2, epochs=1, batch_size=64), batch_size=64)
    for X in (np.load(path, mmap_mode="r"), py_dataset(mapped)):
        model.fit(X[:100] if isinstance(X, np.ndarray) else X.images[:100])
        tracemalloc.start()
        model.fit(X).predict(X)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 80e6


def test_nothing_is_left_of_a_stream(digits, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    small().fit(py_dataset(digits.images[:100]))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_raises_before_training(monkeypatch):
    monkeypatch.setattr("skdcec._deep._training.pretrain", lambda *_, **__: pytest.fail("training began"))
    resource = pytest.importorskip("resource", reason="limits the size of files")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, limit[1]))
    try:
        with pytest.raises(OSError, match="TMPDIR names another"):
            small().fit(py_dataset(np.zeros((4000, 32, 32), np.uint8)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)


def poisoned(images):
    images = images.copy()
    images[40] = np.nan
    return py_dataset(images)


class Uneven(Batches):
    def __getitem__(self, i):
        return self.images[:5, :, : 8 - i]


class Unlike(Batches):
    def __getitem__(self, i):
        return self.images[:5].astype(np.float32 if i else np.uint8)


class Endless(Batches):
    num_batches = None


def forever(images):
    return tf_dataset(images).repeat()


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (poisoned, "Batch 2 of X contains NaN"),
        (Uneven, r"images of shape \(8, 7\) after batches of float32 images of shape \(8, 8\)"),
        (Endless, "its num_batches should be a number"),
        (forever, r"leave out its repeat\(\)"),
        (lambda images: py_dataset(images[:0]), "X has no images"),
        (lambda images: py_dataset(images[:, 0, 0]), r"Batch 0 of X has shape \(17,\)"),
        (lambda images: py_dataset(images.astype(str)), "should be real numbers"),
    ],
)
def test_bad_streams_raise(digits, stream, message):
    with pytest.raises(ValueError, match=message):
        small().fit(stream(digits.images[:60]))


def test_other_images_at_predict_raise(digits):
    model = small().fit(digits.images[:60])
    with pytest.raises(ValueError, match="was fitted with images of shape"):
        model.predict(py_dataset(digits.images[:60, :7]))
    with pytest.raises(
        ValueError, match=r"of shape \(8, 7\) after batches of float32 images of shape \(8, 8\)"
    ):
        model.predict(Uneven(digits.images[:60]))
    with pytest.raises(
        ValueError, match=r"X has a batch of float32 images of shape .* after batches of uint8"
    ):
        model.predict(Unlike((digits.images[:60] * 255).astype(np.uint8)))
    with pytest.raises(ValueError, match="X has no images"):
        model.predict(py_dataset(digits.images[:0]))
    with pytest.raises(ValueError, match="X has 9 features, but DCEC is expecting 64 features"):
        model.predict(py_dataset(np.ones((5, 9))))
