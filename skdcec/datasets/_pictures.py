"""Pictures in a folder: finding the files, and reading one as gray values or colors. Needs Pillow."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

# Formats of Pillow and their suffixes. No other is opened, whatever the content of a file: Pillow would start
# Ghostscript for PostScript, for example.
FORMATS = ("AVIF", "BMP", "DIB", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
SUFFIXES = {".avif", ".bmp", ".dib", ".gif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg"}
SUFFIXES |= {".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"}
# Files that are not pictures, and need not be reported.
NO_PICTURES = {".csv", ".db", ".htm", ".html", ".ini", ".json", ".log", ".md", ".py", ".txt", ".xml"}
NO_PICTURES |= {".yaml", ".yml"}
# Formats whose files may hold several pictures.
PAGED_FORMATS = {"AVIF", "GIF", "PNG", "TIFF", "WEBP"}
# The value of white in pictures of more than 8 bits.
LARGEST_PIXEL = 65535
# Decoding a JPEG may skip detail that scaling removes, down to this multiple of the size that is asked for.
DRAFT = 2


class Look(NamedTuple):
    """How pictures become arrays of one shape."""

    size: tuple[int, int] | None  # (height, width)
    fit: str  # 'crop', 'pad' or 'stretch'
    color: bool
    background: tuple[int, int, int]


class Found(NamedTuple):
    """The files of a folder, relative to it."""

    pictures: list[Path]
    others: dict[str, str]  # why a file is not read


def find_pictures(folder: Path) -> Found:
    """Return the pictures in a folder and its subfolders, also behind links, in alphabetical order.

    Names that begin with a dot are ignored.
    """
    pictures: list[Path] = []
    others: dict[str, str] = {}
    for file in files_below(folder, ()):
        path, suffix = file.relative_to(folder), file.suffix.lower()
        if not file.exists():
            others[path.as_posix()] = "the link leads nowhere"
        elif suffix in SUFFIXES:
            pictures.append(path)
        elif suffix not in NO_PICTURES:
            others[path.as_posix()] = f"the suffix {suffix!r} is not that of a picture that is read"
    return Found(sorted(pictures), dict(sorted(others.items())))


def files_below(folder: Path, outer: tuple[str, ...]) -> Iterator[Path]:
    """Yield the files of a folder and its subfolders, except for links to a folder that they are in."""
    real = os.path.realpath(folder)
    if real in outer:
        return
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from files_below(entry, (*outer, real))
        else:
            yield entry


def as_rgb(background: Any) -> tuple[int, int, int]:
    """Return a color as red, green and blue in 0..255; raise a ValueError unless it is one."""
    from PIL import ImageColor

    try:
        color = ImageColor.getrgb(background) if isinstance(background, str) else tuple(background)
        values = [int(value) for value in color]
        if len(values) != 3 or not all(0 <= value <= 255 for value in values):
            raise ValueError("three values in 0..255 are expected")
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"background={background!r} should be the name of a color, or red, green and blue in 0..255."
        ) from error
    return values[0], values[1], values[2]


def read_picture(path: Path, look: Look) -> tuple[ndarray, str]:
    """Return the pixels of a file, uint8 or, if they have more bits, float32 in [0, 1]; and what is lost.

    Raises
    ------
    ValueError
        If Pillow cannot read it, or its values have no known limit; the message names the file.
    """
    from PIL import Image, ImageOps

    Image.init()
    try:
        with Image.open(path, formats=[name for name in FORMATS if name in Image.OPEN]) as file:
            lost = losses_of(file)
            if look.size is not None and file.format == "JPEG":
                file.draft(None, (DRAFT * max(look.size),) * 2)
            image = ImageOps.exif_transpose(file)
            image.load()
            is_deep = image.mode[0] in "IF"
            image = scaled_by_depth(image, path) if is_deep else flattened(image, look)
    except MemoryError:
        raise
    except Exception as error:  # Pillow raises many, of damaged files
        if isinstance(error, ValueError) and str(path) in str(error):
            raise
        raise ValueError(f"{path} is not an image that Pillow can read: {error}") from error
    if look.size is not None:
        image = resized(image, look)
    pixels = np.asarray(image)
    if is_deep:
        pixels = np.clip(pixels, 0, 1)
        pixels = np.repeat(pixels[..., np.newaxis], 3, axis=2) if look.color else pixels
    return pixels, lost


def losses_of(file: Any) -> str:
    """Return a text on what is not read of an open file, or nothing."""
    n_pages = getattr(file, "n_frames", 1) if file.format in PAGED_FORMATS else 1
    if n_pages > 1:
        return f"only the first of its {n_pages} pages is read"
    # Pillow reads these with 8 bits, and tells it nowhere else
    if file.mode[0] not in "IF" and any(";16" in str(tile) for tile in getattr(file, "tile", ())):
        return "its values have 16 bits, of which 8 are read"
    return ""


def scaled_by_depth(image: Any, path: Path) -> Any:
    """Return a gray picture of more than 8 bits as floats in [0, 1]."""
    from PIL import Image

    pixels = np.asarray(image)
    if image.mode == "F" or pixels.min() < 0 or pixels.max() > LARGEST_PIXEL:
        raise ValueError(
            f"{path} has pixels of dtype={pixels.dtype} from {pixels.min()} to {pixels.max()}; they "
            f"should be integers from 0 to {LARGEST_PIXEL}."
        )
    return Image.fromarray(pixels.astype(np.float32) / np.float32(LARGEST_PIXEL))


def flattened(image: Any, look: Look) -> Any:
    """Return a picture of 8 bits in gray or color, on its background."""
    from PIL import Image

    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, look.background), image.convert("RGBA"))
    return image.convert("RGB" if look.color else "L")


def resized(image: Any, look: Look) -> Any:
    """Return a picture of the size that is asked for."""
    from PIL import Image, ImageOps

    height, width = look.size  # type: ignore[misc]
    lanczos = Image.Resampling.LANCZOS
    if look.fit == "crop":
        return ImageOps.fit(image, (width, height), lanczos)
    if look.fit == "stretch":
        return image.resize((width, height), lanczos)
    background: Any = look.background
    if image.mode != "RGB":
        background = Image.new("RGB", (1, 1), look.background).convert("L").getpixel((0, 0))
        background = background / 255 if image.mode == "F" else background
    return ImageOps.pad(image, (width, height), lanczos, color=background)


def read_all(
    folder: Path, files: list[Path], look: Look, dtype: Any, skip: bool, tell: Callable[[int], None]
) -> tuple[ndarray, list[Path], dict[str, str]]:
    """Read pictures into one array, allocated once.

    Parameters
    ----------
    folder : path
    files : list of path
    look : Look
    dtype : {float32, uint8}
    skip : bool
        Whether to leave out files that cannot be read.
    tell : callable
        Called with the number of files after each.

    Returns
    -------
    images : ndarray of shape (n_images, height, width) or (n_images, height, width, 3)
    read : list of path
    notes : dict of str to str
        Why a file was left out, or read in part.

    Raises
    ------
    ValueError
        If files differ in size; or cannot be read, unless they are left out.
    """
    images: ndarray | None = None
    read: list[Path] = []
    notes: dict[str, str] = {}
    for n, file in enumerate(files, 1):
        try:
            pixels, lost = read_picture(folder / file, look)
        except ValueError as error:
            if not skip:
                raise
            notes[file.as_posix()] = "it " + str(error).removeprefix(f"{folder / file} ")
            tell(n)
            continue
        if images is None:
            images = np.empty((len(files), *pixels.shape), dtype)
        if pixels.shape != images.shape[1:]:
            raise ValueError(
                f"{file} has {pixels.shape[0]} x {pixels.shape[1]} pixels (height x width), {read[0]} has "
                f"{images.shape[1]} x {images.shape[2]}. Set image_size=(height, width) to scale them."
            )
        if lost:
            notes[file.as_posix()] = lost
        images[len(read)] = converted(pixels, dtype)
        read.append(file)
        tell(n)
    if images is None:
        name, reason = next(iter(notes.items()))
        raise ValueError(
            f"path={str(folder)!r} has no picture that can be read; {name} {reason.removeprefix('it ')}"
        )
    return images[: len(read)], read, notes


def converted(pixels: ndarray, dtype: Any) -> ndarray:
    """Return pixels as float32 in [0, 1], or as uint8."""
    if dtype == np.uint8:
        return pixels if pixels.dtype == np.uint8 else np.round(pixels * 255).astype(np.uint8)
    return pixels / np.float32(255) if pixels.dtype == np.uint8 else pixels
