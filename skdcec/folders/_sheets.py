"""Pictures of clusters: contact sheets, and a map of all images. Needs Pillow."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray
from sklearn.manifold import TSNE

from skdcec.datasets._pictures import Look, read_picture

# Sides of a thumbnail and its caption, in pixels, and pictures in a row.
THUMBNAIL, CAPTION, PER_ROW = 96, 14, 8
# The map has this side, thumbnails of this side, and no more of them.
MAP, MAP_THUMBNAIL, MOST_ON_MAP = 1200, 28, 1500
# t-SNE needs more samples than this.
FEWEST_ON_MAP = 5

BACKGROUND, INK, MISSING = (255, 255, 255), (70, 70, 70), (220, 220, 220)


class Members(NamedTuple):
    """Images of a cluster by their distance to its center, one row of a sheet each."""

    nearest: ndarray
    typical: ndarray
    farthest: ndarray


def members(Z: ndarray, center: ndarray, cluster: ndarray) -> Members:
    """Return the nearest, the median and the farthest images of a cluster, as indices."""
    order = cluster[np.argsort(np.linalg.norm(Z[cluster] - center, axis=1), kind="stable")]
    if len(order) <= 3 * PER_ROW:  # each of them once
        return Members(*(part for part in np.array_split(order, 3)))
    middle = max(0, len(order) // 2 - PER_ROW // 2)
    return Members(order[:PER_ROW], order[middle : middle + PER_ROW], order[-PER_ROW:][::-1])


def thumbnail(path: Path) -> Any:
    """Return a picture of a file, as it is, on a square; an empty one if the file is gone."""
    from PIL import Image

    try:
        pixels, _ = read_picture(path, Look((THUMBNAIL, THUMBNAIL), "pad", True, BACKGROUND))
    except ValueError:
        return Image.new("RGB", (THUMBNAIL, THUMBNAIL), MISSING)
    if pixels.dtype != np.uint8:
        pixels = np.round(255 * pixels / max(float(pixels.max()), 1e-9)).astype(np.uint8)
    return Image.fromarray(pixels)


def contact_sheet(folder: Path, files: Sequence[str], rows: Members) -> Any:
    """Return a picture with a row for the nearest, typical and farthest members, with the names of files."""
    from PIL import Image, ImageDraw

    cell = THUMBNAIL + CAPTION
    sheet = Image.new("RGB", (PER_ROW * (THUMBNAIL + 4), 3 * (cell + CAPTION + 4)), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for i, (name, chosen) in enumerate(zip(rows._fields, rows, strict=True)):
        top = i * (cell + CAPTION + 4)
        draw.text((2, top), printable(name), fill=INK)
        for j, index in enumerate(chosen):
            left = j * (THUMBNAIL + 4)
            sheet.paste(thumbnail(folder / files[index]), (left, top + CAPTION))
            draw.text((left, top + CAPTION + THUMBNAIL), caption(files[index]), fill=INK)
    return sheet


def caption(file: str) -> str:
    """Return the end of a name that fits below a thumbnail."""
    name = printable(Path(file).name)
    return name if len(name) <= 15 else f"..{name[-13:]}"


def printable(text: str) -> str:
    """Return a text that the built-in font of Pillow can draw."""
    return text.encode("latin-1", "replace").decode("latin-1")


def image_map(images: ndarray, Z: ndarray, random_state: int) -> Any:
    """Return a map of images, on which those of similar embeddings lie close to each other."""
    from PIL import Image

    rng = np.random.default_rng(random_state)
    chosen = np.sort(rng.permutation(len(Z))[:MOST_ON_MAP])
    places = two_dimensional(Z[chosen], random_state)
    places = (places - places.min(axis=0)) / np.maximum(np.ptp(places, axis=0), 1e-12)
    sheet = Image.new("RGB", (MAP, MAP), BACKGROUND)
    for (x, y), index in zip(places, chosen, strict=True):
        picture = Image.fromarray(images[index]).convert("RGB")
        picture = picture.resize((MAP_THUMBNAIL, MAP_THUMBNAIL))
        sheet.paste(picture, (int(x * (MAP - MAP_THUMBNAIL)), int((1 - y) * (MAP - MAP_THUMBNAIL))))
    return sheet


def as_jpeg(image: Any) -> bytes:
    """Return a picture of Pillow as a file."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def two_dimensional(Z: ndarray, random_state: int) -> ndarray:
    """Return two coordinates of each row."""
    if len(Z) <= FEWEST_ON_MAP or not np.ptp(Z):
        return np.asarray(Z[:, :2], dtype=float)
    perplexity = min(30, (len(Z) - 1) / 3)
    return np.asarray(TSNE(perplexity=perplexity, random_state=random_state).fit_transform(Z))
