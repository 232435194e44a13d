"""Image data sets in the form that the estimators like: float32 in [0, 1].

Only the ``fetch_*`` functions use the network, and they keep what they download in scikit-learn's cache.
"""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from sklearn.datasets import fetch_openml, load_digits
from sklearn.utils import Bunch

__all__ = ["fetch_mnist", "fetch_usps", "load_digits_images", "load_npz"]

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
    try:
        archive = np.load(Path(path), allow_pickle=False)
    except (ValueError, EOFError, BadZipFile) as error:
        raise ValueError(f"{path} is not an .npz file of plain arrays.") from error
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise ValueError(f"{path} holds a single array; expected an .npz file with named arrays.")
    with archive:
        names = [f"{kind}_{part}" for part in NPZ_SUBSETS[subset] for kind in "xy"]
        if missing := [name for name in names if name not in archive]:
            raise ValueError(f"{path} has no array {missing}, only {sorted(archive.files)}.")
        arrays = [archive[name] for name in names]
    images, target = np.concatenate(arrays[::2]), np.concatenate(arrays[1::2])
    if len(images) != len(target):
        raise ValueError(f"{path} has {len(images)} images, but {len(target)} targets.")
    return _bunch(images / 255 if images.dtype == np.uint8 else images, target)


def _check_subset(subset):
    if subset not in NPZ_SUBSETS:
        raise ValueError(f"subset={subset!r} should be one of {sorted(NPZ_SUBSETS)}.")


def _bunch(images, target):
    images = np.ascontiguousarray(images, dtype=np.float32)
    return Bunch(images=images, data=images.reshape(len(images), -1), target=target.astype(int))
