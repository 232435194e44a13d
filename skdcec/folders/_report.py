"""The files of a report: tables, contact sheets, a map, and one page with all of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray
from sklearn.utils import Bunch

from skdcec.folders import _html as page
from skdcec.folders._output import OutputFolder
from skdcec.folders._sheets import as_jpeg, contact_sheet, image_map, members
from skdcec.folders._trust import Trust

# No more files that were left out are listed on the page.
MOST_LISTED = 50


def write_report(
    out: OutputFolder,
    folder: Path,
    data: Bunch,
    images: ndarray,
    model: Any,
    trust: Trust,
    settings: dict[str, Any],
    random_state: int,
) -> None:
    """Write all files of a report.

    Parameters
    ----------
    out : OutputFolder
    folder : path
        The folder of pictures.
    data : Bunch
        Its files and notes.
    images : ndarray
        The images of the fit.
    model : DCEC
    trust : Trust
    settings : dict
        Shown on the page.
    random_state : int
        Of the map.
    """
    labels, confidence, files = model.labels_, model.confidence_, data.filenames
    shown = ["" if np.isnan(c) else f"{c:.3f}" for c in confidence]
    out.write_table("labels.csv", ("file", "cluster", "confidence"), zip(files, labels, shown, strict=True))
    if data.notes:
        out.write_table("left_out.csv", ("file", "reason"), data.notes.items())
    Z = model.transform(images)
    placed = as_jpeg(image_map(images, Z, random_state))
    out.write("map.jpg", placed)
    name = folder.resolve().name
    found = counted(int(np.count_nonzero(model.cluster_sizes_)), "cluster")
    whole = page.whole_page(
        f"Clusters of {name}",
        [
            page.heading(f"{found} of {counted(len(files), 'picture')} in {name}", 1),
            page.verdict(verdict_on(trust.doubts), trust.doubts),
            *clusters(out, folder, files, model, Z),
            page.heading("Map"),
            page.paragraph("Pictures that the network finds similar lie close to each other."),
            page.picture(placed, "Map of the pictures"),
            *other_partitions(trust),
            *left_out(data.notes),
            page.heading("Settings"),
            page.table(("setting", "value"), [(name, str(value)) for name, value in settings.items()]),
        ],
    )
    out.write("report.html", whole)


def clusters(out: OutputFolder, folder: Path, files: Sequence[str], model: Any, Z: ndarray) -> list[str]:
    """Write the contact sheets; return the part of the page on the clusters."""
    parts = [
        page.heading("Clusters"),
        page.paragraph(
            "Each cluster shows the pictures nearest to its center, those in the middle, and the farthest. "
            "The confidence of a picture is the share of its similarity to neighbors within its cluster."
        ),
    ]
    for cluster in np.flatnonzero(model.cluster_sizes_):
        own = np.flatnonzero(model.labels_ == cluster)
        sheet = as_jpeg(contact_sheet(folder, files, members(Z, model.cluster_centers_[cluster], own)))
        out.write(f"cluster_{cluster:02d}.jpg", sheet)
        confidence = model.confidence_[own]
        known = confidence[np.isfinite(confidence)]
        mean = f" Mean confidence {known.mean():.2f}." if len(known) else ""
        parts += [
            page.heading(f"Cluster {cluster}", 3),
            page.paragraph(f"{counted(len(own), 'picture')}.{mean}", "small"),
            page.picture(sheet, f"Nearest, typical and farthest pictures of cluster {cluster}"),
        ]
    return parts


def other_partitions(trust: Trust) -> list[str]:
    """Return the part of the page on other partitions."""
    rows = [(p.name, p.n_clusters, round(p.agreement, 2), round(p.modularity, 3)) for p in trust.partitions]
    return [
        page.heading("Other partitions"),
        page.paragraph(
            "Agreement with these clusters is the adjusted Rand index: 1 is equal, 0 is chance. Modularity "
            "tells how well the neighbors of the pictures fit a partition; larger is better."
        ),
        page.table(("partition", "clusters", "agreement", "modularity"), rows),
    ]


def counted(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def verdict_on(doubts: Sequence[str]) -> str:
    """Return the first sentence of the page."""
    if doubts:
        return "These clusters may be wrong:"
    return "No check found a problem. Look at the pictures all the same."


def left_out(notes: dict[str, str]) -> list[str]:
    """Return the part of the page on files that were not read as a whole."""
    if not notes:
        return []
    rows = list(notes.items())[:MOST_LISTED]
    more = f" The first {len(rows)}:" if len(notes) > len(rows) else ""
    return [
        page.heading("Left out, or read in part"),
        page.paragraph(f"left_out.csv lists {counted(len(notes), 'file')}.{more}"),
        page.table(("file", "reason"), rows),
    ]
