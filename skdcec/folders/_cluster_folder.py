"""The way from a folder of pictures to a report."""

import io
import os
import shutil
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray
from sklearn.utils import Bunch

from skdcec._deep._autoencoders import ConvAutoencoder
from skdcec._deep._dcec import DCEC
from skdcec._task import as_duration
from skdcec._version import __version__
from skdcec.datasets import load_image_folder
from skdcec.folders import _html as html
from skdcec.folders._output import OutputFolder
from skdcec.folders._sheets import contact_sheet, image_map, members
from skdcec.folders._trust import Trust, examine

# Part of the time that the fit may take; the rest is for reading, comparing and drawing.
SHARE_OF_FIT = 0.8
# Files of an earlier run, which are replaced.
OURS = ("labels.csv", "left_out.csv", "cluster_*.jpg", "map.jpg", "report.html", "clusters")
# Shades of red, green and blue that differ by no more than this are gray.
GRAY = 2


def cluster_folder(
    path: str | os.PathLike[str],
    output: str | os.PathLike[str],
    n_clusters: int | None = None,
    *,
    image_size: int = 32,
    fit: str = "crop",
    minutes: float = 10.0,
    copy: bool = False,
    resume: bool = False,
    random_state: int = 0,
    verbose: int = 0,
) -> Bunch:
    """Cluster the pictures of a folder, and write a report on their clusters.

    Parameters
    ----------
    path : str or path-like
        The folder of pictures, as for `skdcec.datasets.load_image_folder`.
    output : str or path-like
        The folder to write to. It is made, or has to be empty, or of an earlier run.
    n_clusters : int or None, default=None
        Number of clusters; None finds it.
    image_size : int, default=32
        Side of the images, in pixels, to which pictures are scaled.
    fit : {'crop', 'pad', 'stretch'}, default='crop'
        How pictures become square.
    minutes : float, default=10.0
        The fit ends after four fifths of this time.
    copy : bool, default=False
        Whether to copy the pictures into a folder for each cluster, ``clusters/00`` and so on.
    resume : bool, default=False
        Whether to go on with the fit of an interrupted run in the same folder.
    random_state : int, default=0
        Determines all random numbers.
    verbose : int, default=0
        If positive, print the progress.

    Returns
    -------
    result : Bunch
        `model`, the fitted `DCEC`; `filenames`; `labels` and `confidence` of each picture; `doubts`, a list
        of reasons not to trust the clusters; and `report`, the path of the report.

    Raises
    ------
    FileExistsError
        If the output has files that no report has made.
    NotADirectoryError, ValueError
        As `skdcec.datasets.load_image_folder` and `DCEC.fit` do; damaged pictures are left out.
    ImportError
        Without Pillow (extra ``images``).

    Notes
    -----
    Files that it writes: ``labels.csv`` with file, cluster and confidence; ``cluster_00.jpg`` and so on, with
    the nearest, typical and farthest members; ``map.jpg``, on which similar images are close;
    ``left_out.csv``, if pictures were not read; and ``report.html`` with all of it, which opens offline.
    """
    began = time.monotonic()
    if not minutes > 0:
        raise ValueError(f"minutes={minutes} should be > 0.")
    folder, out = Path(path), OutputFolder(output, resume=resume)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # files that are left out are in the report
        data = load_image_folder(
            folder,
            image_size=image_size,
            fit=fit,
            color=True,
            on_error="skip",
            dtype="uint8",
            verbose=verbose,
        )
    images = without_colors(data.images)
    settings = {
        "folder": str(folder.resolve()),
        "n_clusters": n_clusters,
        "image_size": image_size,
        "fit": fit,
        "minutes": minutes,
        "random_state": random_state,
        "version": __version__,
    }
    out.mark(**settings)
    out.clear(OURS)
    left = max(1.0, 60 * SHARE_OF_FIT * minutes - (time.monotonic() - began))
    model = DCEC(
        n_clusters,
        autoencoder=ConvAutoencoder(value_range=(0, 255)),
        max_minutes=left / 60,
        checkpoint=out.progress,
        verbose=verbose,
        random_state=random_state,
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        model.fit(images)
    say("Comparing with other partitions.", verbose)
    warned = [str(warning.message) for warning in caught if issubclass(warning.category, UserWarning)]
    trust = examine(model, images, warned, random_state)
    say("Drawing.", verbose)
    report = write_report(out, folder, data, images, model, trust, settings)
    if copy:
        out.copy_sorted(folder, data.filenames, model.labels_.tolist())
    shutil.rmtree(out.progress, ignore_errors=True)
    say(f"Done in {as_duration(time.monotonic() - began)}: {report}", verbose)
    return Bunch(
        model=model,
        filenames=data.filenames,
        labels=model.labels_,
        confidence=model.confidence_,
        doubts=trust.doubts,
        report=report,
    )


def without_colors(images: ndarray) -> ndarray:
    """Return images without channels if all of them are gray."""
    low, high = images.min(axis=3), images.max(axis=3)
    return images[..., 0] if (high - low).max() <= GRAY else images


def say(message: str, verbose: int) -> None:
    """Print a message if that is wanted."""
    if verbose:
        print(message)  # noqa: T201


def write_report(
    out: OutputFolder,
    folder: Path,
    data: Bunch,
    images: ndarray,
    model: DCEC,
    trust: Trust,
    settings: dict[str, Any],
) -> Path:
    """Write all files of a report; the page itself comes last."""
    labels, confidence, files = model.labels_, model.confidence_, data.filenames
    shown = ["" if np.isnan(c) else f"{c:.3f}" for c in confidence]
    out.write_table("labels.csv", ("file", "cluster", "confidence"), zip(files, labels, shown, strict=True))
    if data.notes:
        out.write_table("left_out.csv", ("file", "reason"), data.notes.items())
    Z, parts = model.transform(images), []
    sizes = model.cluster_sizes_
    for cluster in np.flatnonzero(sizes):
        own = np.flatnonzero(labels == cluster)
        sheet = contact_sheet(folder, files, members(Z, model.cluster_centers_[cluster], own))
        out.write(f"cluster_{cluster:02d}.jpg", as_jpeg(sheet))
        mean = np.nanmean(confidence[own]) if np.isfinite(confidence[own]).any() else np.nan
        parts += [
            html.heading(f"Cluster {cluster}: {sizes[cluster]} pictures", 3),
            html.paragraph(f"Mean confidence {mean:.2f}.", "small") if np.isfinite(mean) else "",
            html.picture(sheet, f"Nearest, typical and farthest pictures of cluster {cluster}"),
        ]
    placed = image_map(images, Z, settings["random_state"])
    out.write("map.jpg", as_jpeg(placed))
    n_found = int(np.count_nonzero(sizes))
    text = (
        "Nothing speaks against these clusters."
        if not trust.doubts
        else "Do not trust these clusters before you have looked at them:"
    )
    compared = [(p.name, p.n_clusters, f"{p.agreement:.2f}", f"{p.modularity:.3f}") for p in trust.partitions]
    page = html.page(
        f"Clusters of {folder.name}",
        [
            html.heading(f"{n_found} clusters of {len(files)} pictures in {folder.name}", 1),
            html.verdict(text, trust.doubts),
            html.heading("Clusters"),
            html.paragraph(
                "Of each cluster, the pictures nearest to its center, those in the middle, and the "
                "farthest. The confidence of a picture is the share of its similarity to its neighbors "
                "that lies in its cluster."
            ),
            *parts,
            html.heading("Map"),
            html.paragraph("Pictures that the network finds similar lie close to each other."),
            html.picture(placed, "Map of the pictures"),
            html.heading("Other partitions"),
            html.paragraph(
                "Agreement with these clusters is the adjusted Rand index: 1 is equal, 0 is chance. "
                "Modularity tells how well the neighbors of the pictures fit a partition; larger is better."
            ),
            html.table(("partition", "clusters", "agreement", "modularity"), compared),
            *left_out(data.notes),
            html.heading("Settings"),
            html.table(("setting", "value"), settings.items()),
        ],
    )
    return out.write("report.html", page)


def left_out(notes: dict[str, str]) -> list[str]:
    """Return the part of the page on files that were not read as a whole."""
    if not notes:
        return []
    rows = list(notes.items())[:50]
    more = f" The first {len(rows)} of {len(notes)}:" if len(notes) > len(rows) else ""
    return [
        html.heading("Left out, or read in part"),
        html.paragraph(f"left_out.csv lists {len(notes)} files.{more}"),
        html.table(("file", "reason"), rows),
    ]


def as_jpeg(image: Any) -> bytes:
    """Return a picture of Pillow as a file."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
