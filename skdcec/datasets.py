"""Image data sets in the form that the estimators like: float32 in [0, 1].

Only the ``fetch_*`` functions use the network, and they keep what they download in scikit-learn's cache.
"""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from sklearn.datasets import fetch_openml, load_digits
from sklearn.utils import Bunch

from skdcec._deep._images import check_sizes

__all__ = ["fetch_mnist", "fetch_usps", "load_digits_images", "load_image_folder", "load_npz"]

IMAGE_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}

# White, in images of more than 8 bits.
LARGEST_PIXEL = 65535

NPZ_SUBSETS = {"train": ["train"], "test": ["test"], "all": ["train", "test"]}


def load_digits_images():
    """Load the 1,797 digits of 8 x 8 pixels that come with scikit-learn.

    Returns
    -------
    digits : Bunch
        The arrays `images` of shape (1797, 8, 8), float32, in [0, 1]; `data` of shape
        (1797, 64), the same, flat; and `target` of shape (1797,), the digits.

    See Also
    --------
    sklearn.datasets.load_digits : The same values in 0..16.

    Examples
    --------
    >>> from skdcec.datasets import load_digits_images
    >>> load_digits_images().images.shape
    (1797, 8, 8)
    """
    digits = load_digits()
    return _bunch(digits.images / 16, digits.target)


def fetch_usps(*, data_home=None, cache=True):
    """Fetch the 9,298 USPS digits of 16 x 16 pixels (Hull, 1994) from OpenML.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder for the download; None is scikit-learn's.
    cache : bool, default=True
        Whether to keep the download there.

    Returns
    -------
    usps : Bunch
        The arrays `images` of shape (9298, 16, 16), float32, in [0, 1]; `data` of shape
        (9298, 256), the same, flat; and `target` of shape (9298,), the classes as 0..9.

    Raises
    ------
    ImportError
        Without pandas (extra ``paper``), with which scikit-learn reads what comes.

    Notes
    -----
    This is data set 41082 of OpenML, of training and test images together; its pixels are rescaled
    from their smallest and largest value to 0 and 1.
    """
    usps = fetch_openml(data_id=41082, as_frame=False, data_home=data_home, cache=cache)
    pixels = usps.data - usps.data.min()
    target = np.unique(usps.target.astype(int), return_inverse=True)[1]
    return _bunch((pixels / pixels.max()).reshape(-1, 16, 16), target)


def fetch_mnist(*, subset="train", data_home=None, cache=True):
    """Fetch the MNIST digits of 28 x 28 pixels (LeCun et al., 1998) from OpenML.

    Parameters
    ----------
    subset : {'train', 'test', 'all'}, default='train'
        The first 60,000 images, the other 10,000, or all.
    data_home : str or path-like, default=None
        Folder for the download; None is scikit-learn's.
    cache : bool, default=True
        Whether to keep the download there.

    Returns
    -------
    mnist : Bunch
        The arrays `images` of shape (n_samples, 28, 28), float32, in [0, 1]; `data` of shape
        (n_samples, 784), the same, flat; and `target` of shape (n_samples,), the digits.

    Raises
    ------
    ValueError
        For an unknown subset.
    ImportError
        Without pandas (extra ``paper``), with which scikit-learn reads what comes.
    """
    _check_subset(subset)
    mnist = fetch_openml("mnist_784", version=1, as_frame=False, data_home=data_home, cache=cache)
    part = {"train": slice(60000), "test": slice(60000, None), "all": slice(None)}[subset]
    return _bunch(mnist.data[part].reshape(-1, 28, 28) / 255, mnist.target[part].astype(int))


def load_npz(path, *, subset="train"):
    """Load images from a local ``.npz`` file with the array names of the well-known MNIST file.

    Parameters
    ----------
    path : str or path-like
        A file with the arrays ``x_train``, ``y_train``, ``x_test``, ``y_test``; those of a subset that
        is not asked for may be missing. It is read without unpickling.
    subset : {'train', 'test', 'all'}, default='train'
        Which images to return.

    Returns
    -------
    data : Bunch
        The arrays `images` of shape (n_samples, ...), float32; uint8 is divided by 255; `data` of shape
        (n_samples, n_features), the same, flat; and `target` of shape (n_samples,).

    Raises
    ------
    ValueError
        For an unknown subset, a file that is no ``.npz``, a missing array, or arrays that do not fit.
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
        if len(images) != len(target):
            raise ValueError(f"{path} has {len(images)} images in {name}, but {len(target)} targets.")
    images = [part / np.float32(255) if part.dtype == np.uint8 else part for part in arrays[::2]]
    return _bunch(np.concatenate(images), np.concatenate(arrays[1::2]))


def load_image_folder(path, *, image_size=None, color=False):
    """Load the images of a folder and its subfolders.

    Parameters
    ----------
    path : str or path-like
        The folder. Files are images by their suffix (.bmp, .gif, .jpeg, .jpg, .pgm, .png, .ppm, .tif, .tiff
        or .webp); others, HEIC among them, are passed over, as are names that begin with a dot.
    image_size : tuple of int, default=None
        (height, width) in pixels to which images are scaled, after cropping the middle to the same
        proportions. None takes them as they are; they must then have one size.
    color : bool, default=False
        Whether to keep three channels, red, green and blue, instead of grey values.

    Returns
    -------
    data : Bunch
        The arrays `images` of shape (n_samples, height, width) or (n_samples, height, width, 3), float32, in
        [0, 1]; `data` of shape (n_samples, n_features), the same, flat; `filenames`, the paths below the
        folder, in alphabetical order; `target` of shape (n_samples,), the index of the subfolder of each
        image; and `target_names`, the subfolders ('.' is the folder itself).

    Raises
    ------
    NotADirectoryError
        If there is no such folder.
    ValueError
        For a folder without images, a file that is no image, or has values that have no known limit, or
        images of different sizes where `image_size` is None; the message names the file.
    ImportError
        Without Pillow (extra ``images``).

    Notes
    -----
    Images are turned as their camera says they were taken. What is transparent becomes white. Grey values of
    more than 8 bits are taken to reach up to 65535; floating point has no such limit, and is refused.

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
    if image_size is not None:
        image_size = check_sizes("image_size", image_size)
        if len(image_size) != 2:
            raise ValueError(f"image_size={image_size} should be (height, width).")
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
    images = []
    for file in files:
        image = _read_image(folder / file, image_size, color)
        if images and image.shape != images[0].shape:
            raise ValueError(
                f"{file} has {image.shape[0]} x {image.shape[1]} pixels (height x width), {files[0]} has "
                f"{images[0].shape[0]} x {images[0].shape[1]}. Set image_size=(height, width) to scale them."
            )
        images.append(image)
    names, target = np.unique([file.parent.as_posix() for file in files], return_inverse=True)
    bunch = _bunch(np.stack(images), target)
    return Bunch(**bunch, target_names=names, filenames=[file.as_posix() for file in files])


def _read_image(path, image_size, color):
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
    if image.mode[0] in "IF":  # more than 8 bits for each pixel, which convert would cut to 255
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


def _check_subset(subset):
    if subset not in NPZ_SUBSETS:
        raise ValueError(f"subset={subset!r} should be one of {sorted(NPZ_SUBSETS)}.")


def _bunch(images, target):
    images = np.ascontiguousarray(images, dtype=np.float32)
    return Bunch(images=images, data=images.reshape(len(images), -1), target=target.astype(int))
