"""Image data sets, and readers of files and folders.

Only the ``fetch_*`` functions use the network; they keep their downloads in scikit-learn's cache.
"""

from skdcec.datasets._files import load_idx, load_mat, load_npz
from skdcec.datasets._folder import load_image_folder
from skdcec.datasets._well_known import fetch_mnist, fetch_usps, load_digits_images

__all__ = [
    "fetch_mnist",
    "fetch_usps",
    "load_digits_images",
    "load_idx",
    "load_image_folder",
    "load_mat",
    "load_npz",
]
