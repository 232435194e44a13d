"""The loaders, with downloads replaced by local data."""

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.utils import Bunch

from skdcec import datasets


def check(data, shape):
    assert data.images.shape == shape
    assert data.data.shape == (shape[0], np.prod(shape[1:]))
    assert data.images.dtype == np.float32
    assert data.images.min() == 0
    assert data.images.max() == 1
    assert np.issubdtype(data.target.dtype, np.integer)


def test_digits():
    digits = datasets.load_digits_images()
    check(digits, (1797, 8, 8))
    np.testing.assert_array_equal(digits.target, load_digits().target)


def test_usps_from_openml(monkeypatch):
    rng = np.random.default_rng(0)
    pixels, names = rng.uniform(-1, 1, (30, 256)), np.repeat([str(i) for i in range(1, 11)], 3)
    asked = {}

    def fetch_openml(**kwargs):
        asked.update(kwargs)
        return Bunch(data=pixels, target=names)

    monkeypatch.setattr("skdcec.datasets._well_known.fetch_openml", fetch_openml)
    usps = datasets.fetch_usps(data_home="here", cache=False)
    assert asked == {"data_id": 41082, "as_frame": False, "data_home": "here", "cache": False}
    check(usps, (30, 16, 16))
    assert usps.target.tolist() == np.repeat(range(10), 3).tolist()


def test_mnist_from_openml(monkeypatch):
    pixels = np.zeros((70000, 784), np.uint8)
    pixels[0, 5] = pixels[60000, 7] = 255
    names = np.array(["3"] * 60000 + ["4"] * 10000)
    monkeypatch.setattr(
        "skdcec.datasets._well_known.fetch_openml", lambda *args, **kwargs: Bunch(data=pixels, target=names)
    )
    for subset, n, digit in [("train", 60000, {3}), ("test", 10000, {4}), ("all", 70000, {3, 4})]:
        mnist = datasets.fetch_mnist(subset=subset)
        check(mnist, (n, 28, 28))
        assert set(mnist.target) == digit
    with pytest.raises(ValueError, match="subset='validation' should be one of"):
        datasets.fetch_mnist(subset="validation")


def test_local_files(tmp_path):
    x = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4) * 11 + 2
    x[0, 0, 0], x[1, 0, 0] = 0, 255
    path = tmp_path / "images.npz"
    np.savez(path, x_train=x, y_train=[1, 2], x_test=x[:1] / np.float32(255), y_test=[3])
    check(datasets.load_npz(path), (2, 3, 4))
    np.testing.assert_allclose(datasets.load_npz(path).images, x / 255, rtol=1e-6)
    assert datasets.load_npz(path, subset="test").target.tolist() == [3]
    both = datasets.load_npz(path, subset="all")
    assert both.target.tolist() == [1, 2, 3]
    # the subsets differ in dtype
    np.testing.assert_allclose(both.images, x[[0, 1, 0]] / 255, rtol=1e-6)


def test_a_column_of_targets_is_flattened_and_a_table_refused(tmp_path):
    path, x = tmp_path / "images.npz", np.zeros((4, 8, 8, 3), np.uint8)
    np.savez(path, x_train=x, y_train=np.array([[3], [1], [2], [0]], np.uint8))
    assert datasets.load_npz(path).target.tolist() == [3, 1, 2, 0]
    np.savez(path, x_train=x, y_train=np.eye(4, dtype=int))
    with pytest.raises(ValueError, match=r"targets of shape \(4, 4\), which should be one integer"):
        datasets.load_npz(path)


def test_real_usps_file(usps):
    check(usps, (7291, 16, 16))
    assert np.bincount(usps.target).tolist() == [1194, 1005, 731, 658, 652, 556, 664, 645, 542, 644]


def test_bad_files_raise(tmp_path):
    path = tmp_path / "images.npz"
    with pytest.raises(FileNotFoundError):
        datasets.load_npz(path)
    np.savez(path, x_train=np.ones((2, 3)), y_train=[1, 2])
    for content in (b"", b"not a zip file", path.read_bytes()[:-30]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"is not an \.npz file"):
            datasets.load_npz(path)
    np.save(tmp_path / "single.npy", np.ones(3))
    with pytest.raises(ValueError, match="holds a single array"):
        datasets.load_npz(tmp_path / "single.npy")
    np.savez(path, x_train=np.ones((2, 3)), labels=[1, 2])
    with pytest.raises(ValueError, match=r"has no array \['y_train'\], only \['labels', 'x_train'\]"):
        datasets.load_npz(path)
    np.savez(path, x_train=np.ones((2, 3)), y_train=[1])
    with pytest.raises(ValueError, match="has 2 images in x_train, but 1 targets"):
        datasets.load_npz(path)
    x = np.ones((2, 3))
    np.savez(path, x_train=x, y_train=[1], x_test=x, y_test=[1, 2, 3])
    with pytest.raises(ValueError, match="has 2 images in x_train, but 1 targets"):
        datasets.load_npz(path, subset="all")
    np.savez(path, x_train=x, y_train=["cat", "dog"])
    with pytest.raises(ValueError, match="has targets of dtype=<U3, which should be integers"):
        datasets.load_npz(path)
    np.savez(path, x_train=np.array([{}], dtype=object), y_train=[1])
    with pytest.raises(ValueError, match="pickle"):
        datasets.load_npz(path)
    with pytest.raises(ValueError, match="should be one of"):
        datasets.load_npz(path, subset="dev")


def write(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, dtype=np.uint8)).save(path)


def test_a_folder_of_images_with_its_subfolders_as_classes(tmp_path):
    gray = np.arange(35).reshape(5, 7) * 7
    gray[4, 6] = 255
    write(tmp_path / "b" / "2.png", gray)
    write(tmp_path / "b" / "10.PNG", 255 - gray)
    write(tmp_path / "a" / "deep" / "1.png", gray)
    write(tmp_path / ".hidden" / "3.png", gray[:2])
    (tmp_path / "notes.txt").write_text("no image")
    data = datasets.load_image_folder(tmp_path)
    check(data, (3, 5, 7))
    assert data.filenames == ["a/deep/1.png", "b/10.PNG", "b/2.png"]
    assert [data.target_names[j] for j in data.target] == ["a/deep", "b", "b"]
    np.testing.assert_allclose(data.images[2], gray / np.float32(255), atol=1e-7)


def test_images_are_cropped_to_the_middle_and_scaled(tmp_path):
    # a white middle between black sides
    pixels = np.zeros((20, 60))
    pixels[:, 20:40] = 255
    write(tmp_path / "wide.png", pixels)
    write(tmp_path / "tall.png", pixels.T)
    images = datasets.load_image_folder(tmp_path, image_size=(10, 10)).images
    np.testing.assert_allclose(images, 1, atol=0.1)  # scaling mixes a little black into the edges
    assert datasets.load_image_folder(tmp_path, image_size=(10, 20)).images.shape == (2, 10, 20)
    with pytest.raises(
        ValueError, match=r"wide\.png has 20 x 60 pixels .* tall\.png has 60 x 20\. Set image_size"
    ):
        datasets.load_image_folder(tmp_path)


def test_colors_transparency_and_deep_pixels(tmp_path):
    rgba = np.zeros((4, 4, 4), dtype=np.uint8)
    rgba[:2] = [255, 0, 0, 255]  # red above, transparent below
    write(tmp_path / "red.png", rgba)
    (image,) = datasets.load_image_folder(tmp_path, color=True).images
    assert image[0, 0].tolist() == [1, 0, 0]
    assert image[3, 3].tolist() == [1, 1, 1]
    Image.fromarray(np.array([[0, 32768, 65535]], dtype=np.uint16)).save(tmp_path / "red.png")
    (image,) = datasets.load_image_folder(tmp_path).images
    np.testing.assert_allclose(image, [[0, 0.5, 1]], atol=0.005)


@pytest.mark.parametrize("pixels", [np.float32([[0, 0.5]]), np.int32([[0, 65536]]), np.int32([[-1, 0]])])
def test_pixels_without_a_known_limit_are_refused(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "deep.tif")
    with pytest.raises(ValueError, match=r"deep\.tif has pixels of dtype=.*integers from 0 to 65535"):
        datasets.load_image_folder(tmp_path)


def test_folders_and_huge_images_are_told_apart_from_images(tmp_path, monkeypatch):
    write(tmp_path / "folder.png" / "1.png", np.zeros((8, 8)))
    assert datasets.load_image_folder(tmp_path).filenames == ["folder.png/1.png"]
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(ValueError, match=r"1\.png is not an image that Pillow can read: Image size"):
        datasets.load_image_folder(tmp_path)


def test_photographs_are_upright(tmp_path):
    image = Image.fromarray(np.array([[0] * 8, [255] * 8] * 4, dtype=np.uint8).repeat(8, axis=0))
    exif = Image.Exif()
    exif[274] = 6  # rotate by 90 degrees
    image.save(tmp_path / "turned.jpg", exif=exif)
    assert datasets.load_image_folder(tmp_path).images.shape == (1, 8, 64)


def test_bad_folders_raise(tmp_path):
    with pytest.raises(NotADirectoryError, match="is not a folder"):
        datasets.load_image_folder(tmp_path / "missing")
    with pytest.raises(ValueError, match=r"has no files that end in \['\.avif'"):
        datasets.load_image_folder(tmp_path)
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    with pytest.raises(ValueError, match=r"broken\.png is not an image"):
        datasets.load_image_folder(tmp_path)
    with pytest.raises(ValueError, match=r"image_size=\[16, 16, 3\] should be \(height, width\)"):
        datasets.load_image_folder(tmp_path, image_size=(16, 16, 3))
    with pytest.raises(ValueError, match="image_size"):
        datasets.load_image_folder(tmp_path, image_size=(0, 16))
