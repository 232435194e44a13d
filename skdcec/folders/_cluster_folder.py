"""The way from a folder of pictures to a report."""

import os
import time
import warnings
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from numpy import ndarray
from sklearn.utils import Bunch

from skdcec._deep._autoencoders import ConvAutoencoder
from skdcec._deep._dcec import DCEC
from skdcec._graph._modularity_clustering import ModularityClustering
from skdcec._task import as_duration
from skdcec._version import __version__
from skdcec.datasets import load_image_folder
from skdcec.folders._output import OutputFolder
from skdcec.folders._report import write_report
from skdcec.folders._trust import examine

# Part of the time that the fit may take; the rest is for reading, comparing and drawing.
SHARE_OF_FIT = 0.8
# The shortest fit, in seconds.
SHORTEST_FIT = 1.0
# If red, green and blue of all pixels differ by no more than this, images are gray.
LARGEST_COLOR_SPREAD = 2
# Fewer pictures cannot be clustered.
FEWEST_PICTURES = 2


def cluster_folder(
    path: str | os.PathLike[str],
    output: str | os.PathLike[str],
    n_clusters: int | None = None,
    *,
    min_cluster_size: float | None = None,
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
        The folder to write to: a new one, an empty one, or that of an earlier report, which is replaced. It
        must not contain the pictures, nor lie among them.
    n_clusters : int or None, default=None
        Number of clusters; None chooses it.
    min_cluster_size : int, float or None, default=None
        If clusters should differ much in size, about half the size of the smallest, as a number of pictures
        or a fraction of them (see `skdcec.ModularityClustering`).
    image_size : int, default=32
        Side of the images, in pixels, to which pictures are scaled.
    fit : {'crop', 'pad', 'stretch'}, default='crop'
        How pictures are made square.
    minutes : float, default=10.0
        The fit ends after four fifths of this time.
    copy : bool, default=False
        Whether to copy the pictures into a folder for each cluster, ``clusters/00`` and so on.
    resume : bool, default=False
        Whether to continue the fit of an interrupted run in the same output folder.
    random_state : int, default=0
        Determines all random numbers.
    verbose : int, default=0
        If positive, print the progress.

    Returns
    -------
    result : Bunch
        `model`, the fitted `DCEC`; `filenames`; `labels` and `confidence` of each picture; `doubts`, a list
        of reasons why the clusters may be wrong; and `report`, the path of the report.

    Raises
    ------
    FileExistsError
        If the output folder contains other files, or an interrupted run.
    NotADirectoryError, ValueError
        For bad parameters, and as `skdcec.datasets.load_image_folder` and `DCEC.fit` do; damaged pictures are
        left out.
    ImportError
        Without Pillow (extra ``images``).

    Notes
    -----
    Files that it writes: ``labels.csv`` with file, cluster and confidence; ``cluster_00.jpg`` and so on, with
    the nearest, typical and farthest members; ``map.jpg``, on which similar images are close;
    ``left_out.csv``, if pictures were not read; and ``report.html`` with all of it, which opens offline. An
    earlier report stays until the new one is finished.
    """
    began = time.monotonic()
    folder = Path(path)
    check_numbers(n_clusters, min_cluster_size, minutes)
    out = OutputFolder(output, folder, resume=resume)
    needed = max(FEWEST_PICTURES, (n_clusters or 1) * max(1, int(min_cluster_size or 1)))
    data = read_pictures(folder, needed, image_size, fit, verbose)
    images = without_colors(data.images)
    time_left = max(SHORTEST_FIT, 60 * SHARE_OF_FIT * minutes - (time.monotonic() - began))
    model = DCEC(
        n_clusters,
        init=ModularityClustering(n_clusters, min_cluster_size=min_cluster_size),
        autoencoder=ConvAutoencoder(value_range=(0, 255)),
        max_minutes=time_left / 60,
        checkpoint=out.progress,
        verbose=verbose,
        random_state=random_state,
    )
    warned = warnings_of_fit(model, images)
    if verbose:
        print("Comparing with other partitions, and drawing.")  # noqa: T201
    trust = examine(model, images, warned, random_state)
    settings = {
        "folder": folder.resolve(),
        "n_clusters": n_clusters,
        "min_cluster_size": min_cluster_size,
        "image_size": image_size,
        "fit": fit,
        "minutes": minutes,
        "random_state": random_state,
        "version": __version__,
    }
    out.begin()
    write_report(out, folder, data, images, model, trust, settings, random_state)
    if copy:
        copy_pictures(out, folder, data.filenames, model.labels_)
    out.finish(**{name: str(value) for name, value in settings.items()})
    if verbose:
        print(f"Done in {as_duration(time.monotonic() - began)}.")  # noqa: T201
    return Bunch(
        model=model,
        filenames=data.filenames,
        labels=model.labels_,
        confidence=model.confidence_,
        doubts=trust.doubts,
        report=out.path / "report.html",
    )


def check_numbers(n_clusters: Any, min_cluster_size: Any, minutes: float) -> None:
    """Raise a ValueError unless the number and size of clusters and the time are positive."""
    if not minutes > 0:
        raise ValueError(f"minutes={minutes} should be > 0.")
    if n_clusters is not None and not (isinstance(n_clusters, Integral) and int(n_clusters) >= 1):
        raise ValueError(f"n_clusters={n_clusters!r} should be an integer of at least 1, or None.")
    size: Any = min_cluster_size
    is_fraction = isinstance(size, Real) and 0 < float(size) < 1
    if not (size is None or is_fraction or (isinstance(size, Integral) and int(size) >= 1)):
        raise ValueError(
            f"min_cluster_size={size!r} should be an integer of at least 1, a fraction below 1, or None."
        )


def read_pictures(folder: Path, needed: int, image_size: int, fit: str, verbose: int) -> Bunch:
    """Return the pictures of a folder; those that are left out will be in the report."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        data = load_image_folder(
            folder,
            image_size=image_size,
            fit=fit,
            color=True,
            on_error="skip",
            dtype="uint8",
            verbose=verbose,
        )
    if len(data.filenames) < needed:
        raise ValueError(
            f"path={str(folder)!r} has only {len(data.filenames)} pictures; n_clusters and min_cluster_size "
            f"need at least {needed}."
        )
    return data


def warnings_of_fit(model: DCEC, images: ndarray) -> list[str]:
    """Fit a model, and return the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        model.fit(images)
    return [str(warning.message) for warning in caught if issubclass(warning.category, UserWarning)]


def copy_pictures(out: OutputFolder, folder: Path, filenames: list[str], labels: ndarray) -> None:
    """Copy the pictures into a folder for each cluster."""
    for file, label in zip(filenames, labels, strict=True):
        # subfolders are kept, so that equal names do not clash
        out.copy(folder / file, f"clusters/{label:02d}/{file}")


def without_colors(images: ndarray) -> ndarray:
    """Return images without channels if all of them are gray."""
    low, high = images.min(axis=3), images.max(axis=3)
    return images[..., 0] if (high - low).max() <= LARGEST_COLOR_SPREAD else images
