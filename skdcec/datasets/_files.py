"""Arrays of images in files: NumPy's, IDX and MATLAB's."""

import gzip
import math
import zlib
from os import PathLike
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy import ndarray
from scipy.io import loadmat
from sklearn.utils import Bunch

from skdcec._warn import warn
from skdcec.datasets._bunch import SUBSETS, as_bunch, check_subset

# Names of images and targets, of well-known files.
NPZ_NAMES = (("x_{}", "y_{}"), ("{}_images", "{}_labels"))
# The types of IDX files by their number, and the first bytes of gzip files.
IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP = b"\x1f\x8b"


def load_npz(
    path: str | PathLike[str],
    *,
    subset: str = "train",
    images: str | None = None,
    target: str | None = None,
) -> Bunch:
    """Load images from a local ``.npz`` file.

    Parameters
    ----------
    path : str or path-like
        A file with the arrays ``x_train``, ``y_train``, ``x_test`` and ``y_test`` (MNIST), or
        ``train_images``, ``train_labels``, ``test_images`` and ``test_labels`` (MedMNIST); the arrays of a
        subset that is not loaded may be missing. It is read without unpickling.
    subset : {'train', 'val', 'test', 'all'}, default='train'
        The images to return, unless `images` names them; 'all' returns every part that exists.
    images : str, default=None
        Name of the array of images, if it has another name, such as 'arr_0' (KMNIST).
    target : str, default=None
        Name of the array of their classes, if `images` is given. None means no classes.

    Returns
    -------
    data : Bunch
        The arrays `images` of shape (n_samples, ...), float32, with uint8 divided by 255; `data` of shape
        (n_samples, n_features), the images as flat rows; and `target` of shape (n_samples,), None without
        classes.

    Raises
    ------
    ValueError
        If the subset is unknown, the file is not an ``.npz`` file, an array is missing, arrays do not fit
        together, or targets are not one integer for each image (a column of them is fine).
    FileNotFoundError
        If there is no such file.

    Notes
    -----
    Integers of more than 8 bits are not scaled, and a warning says so.
    """
    check_subset(subset, SUBSETS)
    with open(path, "rb") as file:
        try:
            archive = np.load(file, allow_pickle=False)
        except (ValueError, EOFError, BadZipFile) as error:
            raise ValueError(f"{path} is not an .npz file of plain arrays.") from error
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError(f"{path} holds a single array; expected an .npz file with named arrays.")
        pairs = [(images, target)] if images is not None else well_known_names(archive, subset)
        names = [name for pair in pairs for name in pair if name is not None]
        if missing := [name for name in names if name not in archive]:
            raise ValueError(f"{path} has no array {missing}, only {sorted(archive.files)}.")
        try:
            parts = [(archive[x], None if y is None else archive[y], x) for x, y in pairs]
        except ValueError as error:
            raise ValueError(
                f"{path} has arrays of Python objects, which pickle would have to read."
            ) from error
    return joined(path, parts)


def well_known_names(archive: Any, subset: str) -> list[tuple[str, str | None]]:
    """Return the names of images and targets of each part of a subset: those that a file has, or MNIST's."""
    kinds: list[list[tuple[str, str | None]]] = [
        [(x.format(part), y.format(part)) for part in SUBSETS[subset]] for x, y in NPZ_NAMES
    ]
    found = [kind for kind in kinds if any(name in archive for pair in kind for name in pair)]
    names = (found or kinds)[0]
    # the file of MNIST has no validation set
    return [pair for pair in names if len(names) == 1 or "val" not in pair[0] or pair[0] in archive]


def load_idx(path: str | PathLike[str], target_path: str | PathLike[str] | None = None) -> Bunch:
    """Load images from files in the IDX format, in which MNIST was published (``...-idx3-ubyte``).

    Parameters
    ----------
    path : str or path-like
        The images; the file may be compressed by gzip.
    target_path : str or path-like, default=None
        Their classes.

    Returns
    -------
    data : Bunch
        As that of `load_npz`.

    Raises
    ------
    ValueError
        If a file is not in this format or damaged, or the files do not fit together.
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skdcec.datasets import load_idx
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "images-idx3-ubyte"
    ...     _ = path.write_bytes(bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 255]))
    ...     load_idx(path).images
    array([[[0., 1.]]], dtype=float32)
    """
    target = None if target_path is None else read_idx(target_path)
    return joined(path, [(read_idx(path), target, "the file")])


def load_mat(
    path: str | PathLike[str],
    images: str,
    target: str | None = None,
    *,
    sample_axis: int | tuple[int, ...] = 0,
) -> Bunch:
    """Load images from a MATLAB file (``.mat``, up to version 7).

    Parameters
    ----------
    path : str or path-like
        The file.
    images : str
        Name of the array of images.
    target : str, default=None
        Name of the array of their classes, one integer each.
    sample_axis : int or tuple of int, default=0
        The axis of `images` that runs over the samples, such as -1 for SVHN. If there are two, the first runs
        over the classes, such as (2, 1) for the file ``usps_all.mat``, of shape (256, 1100, 10).

    Returns
    -------
    data : Bunch
        As that of `load_npz`.

    Raises
    ------
    ValueError
        If the file is not of this format, or as `load_npz` does.
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from scipy.io import savemat
    >>> from skdcec.datasets import load_mat
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "usps.mat"
    ...     savemat(path, {"data": np.zeros((256, 5, 10), np.uint8)})
    ...     usps = load_mat(path, "data", sample_axis=(2, 1))
    >>> usps.images.shape, np.bincount(usps.target).tolist()
    ((50, 256), [5, 5, 5, 5, 5, 5, 5, 5, 5, 5])
    """
    with open(path, "rb") as file:
        try:
            arrays = loadmat(file, mat_dtype=True)
        except Exception as error:  # of many types, for damaged files
            raise ValueError(f"{path} is not a MATLAB file up to version 7: {error}") from error
    names = [name for name in (images, target) if name is not None]
    if missing := [name for name in names if name not in arrays]:
        known = sorted(name for name in arrays if not name.startswith("__"))
        raise ValueError(f"{path} has no array {missing}, only {known}.")
    axes = np.atleast_1d(sample_axis).tolist()
    array = np.asarray(arrays[images])
    try:
        array = np.moveaxis(array, axes, range(len(axes)))
    except ValueError as error:
        raise ValueError(
            f"sample_axis={sample_axis} does not match {images} of shape {array.shape}."
        ) from error
    counts = array.shape[: len(axes)]
    array = array.reshape(-1, *array.shape[len(axes) :])
    classes: ndarray | None = None
    if target is not None:
        classes = np.asarray(arrays[target])
        # MATLAB has no arrays of one dimension
        classes = classes.ravel() if 1 in classes.shape else classes
    elif len(counts) == 2:
        classes = np.repeat(np.arange(counts[0]), counts[1])
    return joined(path, [(array, classes, images)])


def read_idx(path: str | PathLike[str]) -> ndarray:
    """Return the array of an IDX file: two zeros, its type, its number of axes, their lengths, the values."""
    with open(path, "rb") as file:
        content = file.read()
    if content[:2] == GZIP:
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is a damaged gzip file: {error}") from error
    kind = IDX_TYPES.get(content[2]) if len(content) >= 4 and content[:2] == bytes(2) else None
    if kind is None:
        raise ValueError(f"{path} is not a file of the IDX format.")
    n_axes = content[3]
    begin = 4 + 4 * n_axes
    shape = np.frombuffer(content[4:begin].ljust(begin - 4, b"\0"), ">i4").tolist()
    dtype = np.dtype(kind)
    expected = begin + math.prod(shape) * dtype.itemsize
    if min(shape, default=-1) < 0 or len(content) != expected:
        raise ValueError(f"{path} is damaged: it has {len(content)} bytes, which should be {expected}.")
    return np.frombuffer(content, dtype, offset=begin).reshape(shape).astype(dtype.newbyteorder("="))


def joined(path: Any, parts: list[tuple[ndarray, ndarray | None, str]]) -> Bunch:
    """Return images and targets of several parts (images, targets, name) of a file in one Bunch."""
    for images, target, name in parts:
        if target is None:
            continue
        is_whole = target.dtype.kind == "f" and bool((target == np.round(target)).all())
        if target.dtype.kind not in "biu" and not is_whole:
            raise ValueError(f"{path} has targets of dtype={target.dtype}, which should be integers.")
        if target.size and not -(2.0**63) <= float(target.min()) <= float(target.max()) < 2.0**63:
            raise ValueError(f"{path} has targets up to {target.max()}, beyond int64.")
        if target.ndim != 1 and target.shape != (len(target), 1):
            raise ValueError(
                f"{path} has targets of shape {target.shape}, which should be one integer for each image."
            )
        if len(images) != len(target):
            raise ValueError(f"{path} has {len(images)} images in {name}, but {len(target)} targets.")
    first, _, first_name = parts[0]
    for images, _, name in parts:
        if images.shape[1:] != first.shape[1:]:
            raise ValueError(
                f"{path} has images of shape {first.shape[1:]} in {first_name}, but of shape "
                f"{images.shape[1:]} in {name}."
            )
        if images.dtype.kind not in "biuf":
            raise ValueError(
                f"{path} has images of dtype={images.dtype} in {name}; they should be real numbers."
            )
        if images.dtype.kind in "iu" and images.dtype != np.uint8 and images.max(initial=0) > 1:
            warn(
                f"{path} has images of dtype={images.dtype} with values up to {images.max()}, which are not "
                "scaled: only uint8 is divided by 255."
            )
            if any(other.dtype == np.uint8 for other, _, _ in parts):
                raise ValueError(f"{path} has uint8 images in one array, and dtype={images.dtype} in {name}.")
    is_mask = all(images.dtype == np.uint8 and images.max(initial=0) == 1 for images, _, _ in parts)
    if is_mask:
        warn(f"{path} has uint8 images with no value above 1, which are not divided by 255.")
    scaled = [
        images / np.float32(255) if images.dtype == np.uint8 and not is_mask else images
        for images, _, _ in parts
    ]
    targets = [np.ravel(target) for _, target, _ in parts if target is not None]
    return as_bunch(np.concatenate(scaled), np.concatenate(targets) if targets else None)
