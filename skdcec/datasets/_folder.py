"""Pictures in a folder and its subfolders."""

import time
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from sklearn.utils import Bunch

from skdcec._sizes import check_sizes
from skdcec._task import as_duration
from skdcec._warn import warn
from skdcec.datasets._pictures import SUFFIXES, Look, as_rgb, find_pictures, read_all


def load_image_folder(
    path: str | PathLike[str],
    *,
    image_size: int | tuple[int, int] | None = None,
    fit: str = "crop",
    color: bool = False,
    background: Any = "white",
    on_error: str = "raise",
    dtype: DTypeLike = "float32",
    verbose: int = 0,
) -> Bunch:
    """Load the images of a folder and its subfolders.

    Parameters
    ----------
    path : str or path-like
        The folder. Images are the files with the suffix of AVIF, BMP, GIF, JPEG, JPEG 2000, PNG, PBM, PGM,
        PPM, TIFF or WebP, also in linked folders. Names that begin with a dot are ignored.
    image_size : int or tuple of int, default=None
        (height, width) in pixels, or the side of a square. None leaves images unchanged; all must then have
        the same size.
    fit : {'crop', 'pad', 'stretch'}, default='crop'
        How images of other proportions are brought to this size: cut to the middle part, put on the
        background, or distorted.
    color : bool, default=False
        Whether to return three channels (red, green and blue) instead of gray values.
    background : str or tuple of int, default='white'
        The color behind transparent pixels, and beside padded images: a name, or red, green and blue in
        0..255.
    on_error : {'raise', 'skip'}, default='raise'
        Whether a file that cannot be read raises, or is left out with a warning.
    dtype : {'float32', 'uint8'} or the same as a NumPy dtype, default='float32'
        'uint8' takes a quarter of the memory; estimators of this package divide it by 255. Gray values of
        more than 8 bits are then rounded.
    verbose : int, default=0
        If positive, print the progress.

    Returns
    -------
    data : Bunch
        The arrays `images` of shape (n_samples, height, width) or (n_samples, height, width, 3), float32 in
        [0, 1] or uint8; `data` of shape (n_samples, n_features), the images as flat rows; `filenames`, the
        paths relative to the folder, in alphabetical order; `target` of shape (n_samples,), the index of the
        subfolder of each image; `target_names`, the subfolders ('.' is the folder itself); and `notes`, a
        dict from files to why they were left out, or read in part.

    Raises
    ------
    NotADirectoryError
        If there is no such folder.
    ValueError
        For bad parameters; if the folder has no images, a file is not an image, its values have no known
        limit, or images differ in size and `image_size` is None. The message names the file.
    ImportError
        Without Pillow (extra ``images``).

    Warns
    -----
    UserWarning
        If pictures were left out, because they are damaged or of another format, such as HEIC, or if a file
        has further pages.

    Notes
    -----
    Images are rotated according to the orientation that the camera recorded. Gray values of more than 8 bits
    are assumed to have a maximum of 65535, and keep their precision; floating point values have no such limit
    and are refused. Colors of more than 8 bits are read with 8.

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
    ...     load_image_folder(folder, image_size=16).images.shape
    (2, 16, 16)
    """
    try:
        import PIL  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "load_image_folder needs Pillow; install it, or skdcec with the extra 'images'."
        ) from error
    folder = Path(path)
    if not folder.is_dir():
        raise NotADirectoryError(f"path={str(path)!r} is not a folder.")
    for name, value, known in (
        ("fit", fit, ("crop", "pad", "stretch")),
        ("on_error", on_error, ("raise", "skip")),
        # np.uint8 by its name; np.dtype("uint8") is equal to it already
        ("dtype", getattr(dtype, "__name__", dtype), ("float32", "uint8")),
    ):
        if value not in known:
            raise ValueError(f"{name}={value!r} should be one of {list(known)}.")
    if not isinstance(color, bool | np.bool_):
        raise ValueError(f"color={color!r} should be True or False.")
    size = None
    if image_size is not None:
        wanted = "a positive integer, or (height, width)"
        sides = check_sizes("image_size", image_size, wanted=wanted)
        if len(sides) > 2:
            raise ValueError(f"image_size={sides} should be {wanted}.")
        size = sides[0], sides[-1]
    look = Look(size, fit, color, as_rgb(background))
    found = find_pictures(folder)
    if not found.pictures:
        raise ValueError(f"path={str(path)!r} has no files that end in {sorted(SUFFIXES)}.")
    tell = _Progress(len(found.pictures), verbose)
    images, files, notes = read_all(
        folder, found.pictures, look, np.dtype(dtype).type, on_error == "skip", tell
    )
    if notes := found.others | notes:
        first, reason = next(iter(notes.items()))
        warn(
            f"{len(notes)} files were left out, or read in part; the first is {first}: {reason}. The Bunch "
            "has them all under 'notes'."
        )
    names, target = np.unique([file.parent.as_posix() for file in files], return_inverse=True)
    return Bunch(
        images=images,
        data=images.reshape(len(images), -1),
        target=target.astype(int),
        target_names=names,
        filenames=[file.as_posix() for file in files],
        notes=notes,
    )


class _Progress:
    """Prints how many files are read, some ten times, with the time left."""

    def __init__(self, n_files: int, verbose: int) -> None:
        self.n_files, self.verbose, self.began = n_files, verbose, time.monotonic()

    def __call__(self, n: int) -> None:
        every = max(1, self.n_files // 10)
        if self.verbose and (n % every == 0 or n == self.n_files):
            left = (time.monotonic() - self.began) / n * (self.n_files - n)
            print(f"Read {n} of {self.n_files} files, {as_duration(left)} left.")  # noqa: T201
