"""Image data sets as float32 in [0, 1].

Only the ``fetch_*`` functions use the network; they keep their downloads in scikit-learn's cache.
"""

from os import PathLike
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy import ndarray
from sklearn.datasets import fetch_openml, load_digits
from sklearn.utils import Bunch

from skdcec._sizes import check_sizes

__all__ = ["fetch_mnist", "fetch_usps", "load_digits_images", "load_image_folder", "load_npz"]

IMAGE_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}

# The value of white in images of more than 8 bits.
LARGEST_PIXEL = 65535

NPZ_SUBSETS = {"train": ["train"], "test": ["test"], "all": ["train", "test"]}


def load_digits_images() -> Bunch:
    """Load the 1,797 digits of 8 x 8 pixels that come with scikit-learn.

    Returns
    -------
    digits : Bunch
        The arrays `images` of shape (1797, 8, 8), float32 in [0, 1]; `data` of shape (1797, 64), the images
        as flat rows; and `target` of shape (1797,), the digits.

    See Also
    --------
    sklearn.datasets.load_digits : The same images with values in 0..16.

    Examples
    --------
    >>> from skdcec.datasets import load_digits_images
    >>> load_digits_images().images.shape
    (1797, 8, 8)
    """
    digits = load_digits()
    return _bunch(digits.images / 16, digits.target)


def fetch_usps(*, data_home: str | PathLike[str] | None = None, cache: bool = True) -> Bunch:
    """Fetch the 9,298 USPS digits of 16 x 16 pixels (Hull, 1994) from OpenML.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder for the download; None is scikit-learn's folder.
    cache : bool, default=True
        Whether to keep the download there.

    Returns
    -------
    usps : Bunch
        The arrays `images` of shape (9298, 16, 16), float32 in [0, 1]; `data` of shape (9298, 256), the
        images as flat rows; and `target` of shape (9298,), the classes as 0..9.

    Raises
    ------
    ImportError
        Without pandas (extra ``paper``), which scikit-learn needs to read the download.

    Notes
    -----
    Data set 41082 of OpenML holds training and test images together. Its pixels are rescaled so that the
    smallest value is 0 and the largest is 1.
    """
    usps = fetch_openml(data_id=41082, as_frame=False, data_home=data_home, cache=cache)
    pixels = usps.data - usps.data.min()
    target = np.unique(usps.target.astype(int), return_inverse=True)[1]
    return _bunch((pixels / pixels.max()).reshape(-1, 16, 16), target)


def fetch_mnist(
    *, subset: str = "train", data_home: str | PathLike[str] | None = None, cache: bool = True
) -> Bunch:
    """Fetch the MNIST digits of 28 x 28 pixels (LeCun et al., 1998) from OpenML.

    Parameters
    ----------
    subset : {'train', 'test', 'all'}, default='train'
        The first 60,000 images, the other 10,000, or all.
    data_home : str or path-like, default=None
        Folder for the download; None is scikit-learn's folder.
    cache : bool, default=True
        Whether to keep the download there.

    Returns
    -------
    mnist : Bunch
        The arrays `images` of shape (n_samples, 28, 28), float32 in [0, 1]; `data` of shape (n_samples, 784),
        the images as flat rows; and `target` of shape (n_samples,), the digits.

    Raises
    ------
    ValueError
        If the subset is unknown.
    ImportError
        Without pandas (extra ``paper``), which scikit-learn needs to read the download.
    """
    _check_subset(subset)
    mnist = fetch_openml("mnist_784", version=1, as_frame=False, data_home=data_home, cache=cache)
    rows = {"train": slice(60000), "test": slice(60000, None), "all": slice(None)}[subset]
    return _bunch(mnist.data[rows].reshape(-1, 28, 28) / 255, mnist.target[rows].astype(int))


def load_npz(path: str | PathLike[str], *, subset: str = "train") -> Bunch:
    """Load images from a local ``.npz`` file with the array names of the well-known MNIST file.

    Parameters
    ----------
    path : str or path-like
        A file with the arrays ``x_train``, ``y_train``, ``x_test`` and ``y_test``; the arrays of a subset
        that is not loaded may be missing. It is read without unpickling.
    subset : {'train', 'test', 'all'}, default='train'
        The images to return.

    Returns
    -------
    data : Bunch
        The arrays `images` of shape (n_samples, ...), float32, with uint8 divided by 255; `data` of shape
        (n_samples, n_features), the images as flat rows; and `target` of shape (n_samples,).

    Raises
    ------
    ValueError
        If the subset is unknown, the file is not an ``.npz`` file, an array is missing, arrays do not fit
        together, or targets are not one integer for each image (a column of them is fine).
    FileNotFoundError
        If there is no such file.
    """
    _check_subset(subset)
    with open(path, "rb") as file:
        try:
            archive = np.load(file, allow_pickle=False)
        except (ValueError, EOFError, BadZipFile) as error:
            raise ValueError(f"{path} is not an .npz file of plain arrays.") from error
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError(f"{path} holds a single array; expected an .npz file with named arrays.")
        names = [f"{kind}_{part}" for part in NPZ_SUBSETS[subset] for kind in "xy"]
        if missing := [name for name in names if name not in archive]:
            raise ValueError(f"{path} has no array {missing}, only {sorted(archive.files)}.")
        arrays = [archive[name] for name in names]
    for images, target, name in zip(arrays[::2], arrays[1::2], names[::2], strict=True):
        if target.dtype.kind not in "biu":
            raise ValueError(f"{path} has targets of dtype={target.dtype}, which should be integers.")
        if target.ndim != 1 and target.shape != (len(target), 1):
            raise ValueError(
                f"{path} has targets of shape {target.shape}, which should be one integer for each image."
            )
        if len(images) != len(target):
            raise ValueError(f"{path} has {len(images)} images in {name}, but {len(target)} targets.")
    parts = [part / np.float32(255) if part.dtype == np.uint8 else part for part in arrays[::2]]
    return _bunch(np.concatenate(parts), np.concatenate([np.ravel(target) for target in arrays[1::2]]))


def load_image_folder(
    path: str | PathLike[str], *, image_size: tuple[int, int] | None = None, color: bool = False
) -> Bunch:
    """Load the images of a folder and its subfolders.

    Parameters
    ----------
    path : str or path-like
        The folder. Images are the files with the suffix .bmp, .gif, .jpeg, .jpg, .pgm, .png, .ppm, .tif,
        .tiff or .webp. Other files, such as HEIC, and names that begin with a dot are ignored.
    image_size : tuple of int, default=None
        (height, width) in pixels. Images are cropped to the middle part of these proportions, then scaled.
        None leaves images unchanged; all must then have the same size.
    color : bool, default=False
        Whether to return three channels (red, green and blue) instead of gray values.

    Returns
    -------
    data : Bunch
        The arrays `images` of shape (n_samples, height, width) or (n_samples, height, width, 3), float32 in
        [0, 1]; `data` of shape (n_samples, n_features), the images as flat rows; `filenames`, the paths
        relative to the folder, in alphabetical order; `target` of shape (n_samples,), the index of the
        subfolder of each image; and `target_names`, the subfolders ('.' is the folder itself).

    Raises
    ------
    NotADirectoryError
        If there is no such folder.
    ValueError
        If the folder has no images, a file is not an image, its values have no known limit, or images differ
        in size and `image_size` is None. The message names the file.
    ImportError
        Without Pillow (extra ``images``).

    Notes
    -----
    Images are rotated according to the orientation that the camera recorded. Transparent pixels become white.
    Gray values of more than 8 bits are assumed to have a maximum of 65535; floating point values have no such
    limit and are refused.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from PIL import Image
    >>> from skdcec.datasets import load_image_folder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("a.png", "b.png"):
    ...         Image.fromarray(np.full((20, 30), 255, dtype=np.uint8)).save(Path(folder) / name)
    ...     load_image_folder(folder, image_size=(16, 16)).images.shape
    (2, 16, 16)
    """
    folder = Path(path)
    if not folder.is_dir():
        raise NotADirectoryError(f"path={str(path)!r} is not a folder.")
    size = None if image_size is None else check_sizes("image_size", image_size)
    if size is not None and len(size) != 2:
        raise ValueError(f"image_size={size} should be (height, width).")
    files = [file.relative_to(folder) for file in sorted(folder.rglob("*"))]
    files = [
        file
        for file in files
        if file.suffix.lower() in IMAGE_SUFFIXES
        and not any(part[0] == "." for part in file.parts)
        and (folder / file).is_file()
    ]
    if not files:
        raise ValueError(f"path={str(path)!r} has no files that end in {sorted(IMAGE_SUFFIXES)}.")
    images: list[ndarray] = []
    for file in files:
        image = _read_image(folder / file, size, color)
        if images and image.shape != images[0].shape:
            raise ValueError(
                f"{file} has {image.shape[0]} x {image.shape[1]} pixels (height x width), {files[0]} has "
                f"{images[0].shape[0]} x {images[0].shape[1]}. Set image_size=(height, width) to scale them."
            )
        images.append(image)
    names, target = np.unique([file.parent.as_posix() for file in files], return_inverse=True)
    bunch = _bunch(np.stack(images), target)
    return Bunch(**bunch, target_names=names, filenames=[file.as_posix() for file in files])


def _read_image(path: Path, image_size: Any, color: bool) -> ndarray:
    """Return the pixels of a file as float32 in [0, 1]."""
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise ImportError(
            "load_image_folder needs Pillow; install it, or skdcec with the extra 'images'."
        ) from error
    try:
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file)
            image.load()
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} is not an image that Pillow can read: {error}") from error
    if image.mode[0] in "IF":  # more than 8 bits per pixel, which convert would clip to 255
        pixels = np.asarray(image)
        if image.mode == "F" or pixels.min() < 0 or pixels.max() > LARGEST_PIXEL:
            raise ValueError(
                f"{path} has pixels of dtype={pixels.dtype} from {pixels.min()} to {pixels.max()}; they "
                f"should be integers from 0 to {LARGEST_PIXEL}."
            )
        image = Image.fromarray((pixels / 257).astype(np.uint8))
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    image = image.convert("RGB" if color else "L")
    if image_size is not None:
        image = ImageOps.fit(image, image_size[::-1], Image.Resampling.LANCZOS)
    return np.asarray(image, dtype=np.float32) / 255


def _check_subset(subset: str) -> None:
    if subset not in NPZ_SUBSETS:
        raise ValueError(f"subset={subset!r} should be one of {sorted(NPZ_SUBSETS)}.")


def _bunch(images: ndarray, target: ndarray) -> Bunch:
    images = np.ascontiguousarray(images, dtype=np.float32)
    return Bunch(images=images, data=images.reshape(len(images), -1), target=target.astype(int))
