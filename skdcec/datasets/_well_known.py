"""Well-known digits: those of scikit-learn, USPS and MNIST."""

from os import PathLike

import numpy as np
from sklearn.datasets import fetch_openml, load_digits
from sklearn.utils import Bunch

from skdcec.datasets._bunch import as_bunch, check_subset


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
    return as_bunch(digits.images / 16, digits.target)


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
    return as_bunch((pixels / pixels.max()).reshape(-1, 16, 16), target)


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
    check_subset(subset)
    mnist = fetch_openml("mnist_784", version=1, as_frame=False, data_home=data_home, cache=cache)
    rows = {"train": slice(60000), "test": slice(60000, None), "all": slice(None)}[subset]
    return as_bunch(mnist.data[rows].reshape(-1, 28, 28) / 255, mnist.target[rows].astype(int))
