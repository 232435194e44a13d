"""The loaders, with downloads replaced by local data."""

import gzip
import re
import sys
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
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
    for size in (0, 32.0, "32", (16, 16, 3), (0, 16), ()):
        shown = re.escape(repr(list(size) if isinstance(size, tuple) else size))
        message = rf"^image_size={shown} should be a positive integer, or \(height, width\)\.$"
        with pytest.raises(ValueError, match=message):
            datasets.load_image_folder(tmp_path, image_size=size)


# --------------------------------------------------------------------------- pictures that are lost easily


def test_gray_values_of_more_than_8_bits_keep_their_precision(tmp_path):
    pixels = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    Image.fromarray(pixels).save(tmp_path / "b.tif")
    images = datasets.load_image_folder(tmp_path).images
    np.testing.assert_allclose(images, np.stack([pixels, pixels]) / 65535, atol=1e-7)
    half = datasets.load_image_folder(tmp_path, image_size=32, color=True).images
    assert half.shape == (2, 32, 32, 3)
    means = pixels.reshape(32, 2, 32, 2).mean(axis=(1, 3)) / 65535
    np.testing.assert_allclose(half[0, 4:-4, 4:-4, 0], means[4:-4, 4:-4], rtol=0.01)
    rounded = datasets.load_image_folder(tmp_path, dtype="uint8").images
    assert rounded.dtype == np.uint8
    np.testing.assert_array_equal(rounded[0], np.round(pixels / 257))


@pytest.mark.skipif(sys.platform == "win32", reason="links need privileges on Windows")
def test_links_formats_and_pages(tmp_path):
    write(tmp_path / "elsewhere" / "1.png", np.zeros((4, 4)))
    folder = tmp_path / "folder"
    write(folder / "a" / "2.png", np.full((4, 4), 255))
    (folder / "b").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (folder / "b" / "circle").symlink_to(folder, target_is_directory=True)
    Image.new("1", (4, 4)).save(folder / "c.pbm")
    Image.new("L", (4, 4)).save(folder / "d.jfif", format="JPEG")
    pages = [Image.new("L", (4, 4), value) for value in (10, 20, 30)]
    pages[0].save(folder / "e.tif", save_all=True, append_images=pages[1:])
    (folder / "f.heic").write_bytes(b"a picture that is not read")
    (folder / "g.txt").write_text("no picture")
    with pytest.warns(UserWarning, match="2 files were left out, or read in part; the first is f.heic"):
        data = datasets.load_image_folder(folder)
    assert data.filenames == ["a/2.png", "b/1.png", "c.pbm", "d.jfif", "e.tif"]
    assert data.images[4, 0, 0] == np.float32(10) / np.float32(255)
    assert data.notes == {
        "f.heic": "the suffix '.heic' is not that of a picture that is read",
        "e.tif": "only the first of its 3 pages is read",
    }


@pytest.mark.skipif(sys.platform == "win32", reason="links need privileges on Windows")
def test_every_class_behind_a_link_is_kept(tmp_path):
    write(tmp_path / "a" / "1.png", np.zeros((4, 4)))
    (tmp_path / "b").symlink_to(tmp_path / "a", target_is_directory=True)
    (tmp_path / "dogs").symlink_to(tmp_path / "nowhere", target_is_directory=True)
    with pytest.warns(UserWarning, match="the first is dogs: the link leads nowhere"):
        data = datasets.load_image_folder(tmp_path)
    assert data.filenames == ["a/1.png", "b/1.png"]
    assert list(data.notes) == ["dogs"]


def test_colors_of_16_bits_are_noted(tmp_path):
    header = b"\x89PNG\r\n\x1a\n"
    ihdr = (4).to_bytes(4, "big") * 2 + bytes([16, 2, 0, 0, 0])
    data = zlib.compress(bytes(4 * (1 + 4 * 6)))
    chunks = [(b"IHDR", ihdr), (b"IDAT", data), (b"IEND", b"")]
    for kind, content in chunks:
        checksum = zlib.crc32(kind + content).to_bytes(4, "big")
        header += len(content).to_bytes(4, "big") + kind + content + checksum
    (tmp_path / "deep.png").write_bytes(header)
    with pytest.warns(UserWarning, match=r"deep\.png: its values have 16 bits, of which 8 are read"):
        assert datasets.load_image_folder(tmp_path, color=True).images.shape == (1, 4, 4, 3)


def truncated_pgm(path):
    path.write_bytes(b"P5 8 8 255\n" + bytes(10))


def nonsense_ppm(path):
    path.write_bytes(b"P6 8 8 2x5\n" + bytes(192))


def lab_tif(path):
    Image.new("LAB", (8, 8)).save(path)


def wide_gif(path):
    Image.new("L", (8, 8)).save(path)
    data = bytearray(path.read_bytes())
    data[data.index(b",") + 5] = 200  # the width of the frame
    path.write_bytes(data)


def wrong_tag_tif(path):
    Image.fromarray(np.full((8, 8), 999, np.uint16)).save(path)
    data = bytearray(path.read_bytes())
    data[data.index(b"\x11\x01") + 2] = 12  # the type of a tag
    path.write_bytes(data)


def empty_png(path):
    path.write_bytes(b"")


DAMAGED = [truncated_pgm, nonsense_ppm, lab_tif, wide_gif, wrong_tag_tif, empty_png]


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_picture_is_named_and_can_be_skipped(tmp_path, damage):
    name = damage.__name__.replace("_", ".")
    damage(tmp_path / name)
    with pytest.raises(ValueError, match=name):
        datasets.load_image_folder(tmp_path)
    with pytest.raises(ValueError, match=rf"has no picture that can be read; {name} is not an image"):
        datasets.load_image_folder(tmp_path, on_error="skip")
    write(tmp_path / "good.png", np.zeros((8, 8)))
    with pytest.warns(UserWarning, match=f"the first is {name}: it is not an image"):
        data = datasets.load_image_folder(tmp_path, on_error="skip")
    assert data.filenames == ["good.png"]
    assert data.images.shape == (1, 8, 8)
    assert list(data.notes) == [name]


def test_no_program_is_started_for_a_file_that_pretends_to_be_a_picture(tmp_path, monkeypatch):
    started = tmp_path / "started"
    interpreter = tmp_path / "bin" / "gs"
    interpreter.parent.mkdir()
    interpreter.write_text(f"#!/bin/sh\ntouch {started}\n")
    interpreter.chmod(0o755)
    monkeypatch.setenv("PATH", str(interpreter.parent), prepend=":")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "cat.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\nshowpage\n"
    )
    with pytest.raises(ValueError, match=r"cat\.png is not an image"):
        datasets.load_image_folder(tmp_path / "images")
    assert not started.exists()


def test_proportions_and_backgrounds(tmp_path):
    write(tmp_path / "wide.png", np.full((10, 40, 3), [0, 0, 255]))
    load = datasets.load_image_folder
    crop, stretch = (
        load(tmp_path, image_size=20, fit=fit, color=True).images[0] for fit in ("crop", "stretch")
    )
    np.testing.assert_array_equal(crop, stretch)
    padded = load(tmp_path, image_size=20, fit="pad", color=True, background="red").images[0]
    np.testing.assert_array_equal(padded[0, 0], [1, 0, 0])
    np.testing.assert_allclose(padded[10, 10], [0, 0, 1], atol=0.01)
    gray = load(tmp_path, image_size=20, fit="pad", background=(255, 255, 255)).images[0]
    assert gray[0, 0] == 1
    write(tmp_path / "wide.png", np.zeros((4, 4, 4)))
    assert (load(tmp_path, color=True, background="lime").images == [0, 1, 0]).all()
    Image.fromarray(np.full((10, 40), 65535, np.uint16)).save(tmp_path / "wide.png")
    deep = load(tmp_path, image_size=20, fit="pad", background="black").images[0]
    assert (deep[0, 0], deep[10, 10]) == (0, 1)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"fit": "squeeze"}, "fit='squeeze' should be one of"),
        ({"on_error": "ignore"}, "on_error='ignore' should be one of"),
        ({"dtype": "float64"}, "dtype='float64' should be one of"),
        ({"dtype": np.float64}, "dtype='float64' should be one of"),
        ({"dtype": np.dtype(">f4")}, "dtype=dtype.'>f4'. should be one of"),
        ({"dtype": None}, "dtype=None should be one of"),
        ({"color": "rgb"}, "color='rgb' should be True or False"),
        ({"color": 3}, "color=3 should be True or False"),
        ({"background": "greenish"}, "background='greenish' should be the name of a color"),
        ({"background": (1, 2)}, r"background=\(1, 2\) should be"),
        ({"background": 300}, "background=300 should be"),
    ],
)
def test_bad_parameters_of_a_folder_raise(tmp_path, params, message):
    write(tmp_path / "a.png", np.zeros((4, 4)))
    with pytest.raises(ValueError, match=message):
        datasets.load_image_folder(tmp_path, **params)


@pytest.mark.parametrize("name", ["float32", "uint8"])
def test_types_of_numpy_are_accepted_for_their_names(tmp_path, name):
    write(tmp_path / "a.png", np.full((4, 4), 51))
    expected = datasets.load_image_folder(tmp_path, dtype=name, color=True).images
    for dtype in (np.dtype(name), np.dtype(name).type):
        images = datasets.load_image_folder(tmp_path, dtype=dtype, color=np.True_).images
        assert images.dtype == expected.dtype == name
        np.testing.assert_array_equal(images, expected)


def test_large_photographs_are_decoded_at_a_smaller_size_but_look_the_same(tmp_path):
    rows, columns = np.mgrid[:1200, :1600] / 200
    pixels = 127 * (1 + np.sin(rows) * np.cos(columns))
    Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "a.jpg", quality=95)
    small = datasets.load_image_folder(tmp_path, image_size=(24, 32)).images[0]
    means = pixels.reshape(24, 50, 32, 50).mean(axis=(1, 3)) / 255
    np.testing.assert_allclose(small, means, atol=0.02)


def test_bytes_take_the_memory_of_the_pixels_and_progress_is_told(tmp_path, capsys):
    for i in range(30):
        write(tmp_path / f"{i}.png", np.full((64, 64, 3), i))
    tracemalloc.start()
    data = datasets.load_image_folder(tmp_path, color=True, dtype="uint8", verbose=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert data.images.nbytes == 30 * 64 * 64 * 3
    assert np.shares_memory(data.data, data.images)
    assert peak < 3 * data.images.nbytes
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10
    assert lines[-1] == "Read 30 of 30 files, 0 s left."


# --------------------------------------------------------------------------- files of arrays


def test_npz_files_of_other_names(tmp_path):
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    np.savez(tmp_path / "med.npz", train_images=images, train_labels=[[1], [0]], val_images=images)
    data = datasets.load_npz(tmp_path / "med.npz")
    assert data.target.tolist() == [1, 0]
    parts = {f"{part}_images": images for part in ("train", "val", "test")}
    parts |= {f"{part}_labels": [0.0, 1.0] for part in ("train", "val", "test")}
    np.savez(tmp_path / "med.npz", **parts)
    assert datasets.load_npz(tmp_path / "med.npz", subset="val").target.tolist() == [0, 1]
    assert datasets.load_npz(tmp_path / "med.npz", subset="all").target.tolist() == [0, 1] * 3
    np.savez(tmp_path / "kmnist.npz", images)
    data = datasets.load_npz(tmp_path / "kmnist.npz", images="arr_0")
    assert data.target is None
    np.testing.assert_allclose(data.images, images / 255, rtol=1e-6)
    with pytest.raises(ValueError, match=r"no array \['labels'\], only \['arr_0'\]"):
        datasets.load_npz(tmp_path / "kmnist.npz", images="arr_0", target="labels")
    np.savez(tmp_path / "deep.npz", x_train=images.astype(np.uint16) * 100, y_train=[0, 1])
    with pytest.warns(UserWarning, match="dtype=uint16 with values up to 2300, which are not scaled"):
        datasets.load_npz(tmp_path / "deep.npz")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x_train": np.ones((2, 3)), "y_train": [0.5, 1]}, "targets of dtype=float64"),
        ({"x_train": np.ones((2, 3)), "y_train": np.array([0, 2**64 - 1], np.uint64)}, "beyond int64"),
        ({"x_train": np.ones((2, 3)), "x_test": np.ones((2, 4))}, r"\(3,\) in x_train, but of shape \(4,\)"),
        ({"x_train": np.ones((2, 3), np.uint8), "x_test": np.full((2, 3), 9, np.uint16)}, "dtype=uint16"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*which are not scaled:UserWarning")
def test_arrays_that_do_not_fit_together_are_named(tmp_path, arrays, message):
    np.savez(tmp_path / "images.npz", **{"y_train": [0, 1], "y_test": [0, 1]} | arrays)
    subset = "all" if "x_test" in arrays else "train"
    with pytest.raises(ValueError, match=f"images.npz.*{message}"):
        datasets.load_npz(tmp_path / "images.npz", subset=subset)


def test_masks_of_bytes_are_not_divided(tmp_path):
    masks = np.eye(4, dtype=np.uint8)[np.newaxis]
    np.savez(tmp_path / "masks.npz", x_train=masks, y_train=[0])
    with pytest.warns(UserWarning, match="no value above 1, which are not divided by 255"):
        np.testing.assert_array_equal(datasets.load_npz(tmp_path / "masks.npz").images, masks)


def idx(array, kind):
    header = bytes([0, 0, kind, array.ndim]) + np.array(array.shape, ">i4").tobytes()
    return header + array.tobytes()


@pytest.mark.parametrize("compress", [False, True])
def test_idx_files(tmp_path, compress):
    images = np.random.default_rng(0).integers(256, size=(5, 4, 3), dtype=np.uint8)
    paths = tmp_path / "images-idx3-ubyte", tmp_path / "labels-idx1-ubyte"
    for path, array in zip(paths, (images, np.arange(5, dtype=np.uint8)), strict=True):
        content = idx(array, 8)
        path.write_bytes(gzip.compress(content) if compress else content)
    data = datasets.load_idx(*paths)
    np.testing.assert_allclose(data.images, images / 255, rtol=1e-6)
    assert data.target.tolist() == [0, 1, 2, 3, 4]
    floats = (images / 255).astype(">f4")
    paths[0].write_bytes(idx(floats, 13))
    np.testing.assert_array_equal(datasets.load_idx(paths[0]).images, floats.astype("f4"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0",
        b"no such file",
        bytes([0, 0, 8, 3, 0, 0]),
        bytes([0, 0, 8, 1, 0, 0, 0, 9, 1]),
        b"\x1f\x8bbad",
    ],
)
def test_damaged_idx_files_are_named(tmp_path, content):
    path = tmp_path / "images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="images-idx3-ubyte is"):
        datasets.load_idx(path)


def test_matlab_files(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(6, 4, 4, 3), dtype=np.uint8)
    savemat(tmp_path / "svhn.mat", {"X": np.moveaxis(images, 0, -1), "y": np.arange(6)[:, np.newaxis]})
    data = datasets.load_mat(tmp_path / "svhn.mat", "X", "y", sample_axis=-1)
    np.testing.assert_allclose(data.images, images / 255, rtol=1e-6)
    assert data.target.tolist() == list(range(6))
    classes = rng.integers(256, size=(3, 2, 16), dtype=np.uint8)
    savemat(tmp_path / "usps.mat", {"data": classes.transpose(2, 1, 0)})
    data = datasets.load_mat(tmp_path / "usps.mat", "data", sample_axis=(2, 1))
    np.testing.assert_allclose(data.images, classes.reshape(6, 16) / 255, rtol=1e-6)
    assert data.target.tolist() == [0, 0, 1, 1, 2, 2]
    with pytest.raises(ValueError, match=r"no array \['fea'\], only \['data'\]"):
        datasets.load_mat(tmp_path / "usps.mat", "fea")
    with pytest.raises(ValueError, match=r"sample_axis=5 does not match data of shape \(16, 2, 3\)"):
        datasets.load_mat(tmp_path / "usps.mat", "data", sample_axis=5)
    (tmp_path / "bad.mat").write_bytes(b"MATLAB 7.3 or nonsense")
    with pytest.raises(ValueError, match=r"bad\.mat is not a MATLAB file"):
        datasets.load_mat(tmp_path / "bad.mat", "data")
