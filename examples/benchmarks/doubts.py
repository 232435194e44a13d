"""
Doubts of a report, and accuracy
================================

Writes labeled images as pictures, clusters their folder with `skdcec.folders.cluster_folder`, and compares
the doubts of the report with the accuracy of the clusters. *noise* has no classes. Each run is a row of the
CSV file. If the benchmark is stopped and started again, it goes on. Needs Pillow.

Run it, from the folder above ``examples``, as::

    python examples/benchmarks/doubts.py [usps.npz letters.npz ...] [--minutes 10]
"""

import argparse
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from _common import print_table, resume
from PIL import Image
from quality import load

from skdcec.folders import cluster_folder
from skdcec.metrics import clustering_accuracy_score

COLUMNS = ["data", "budget", "classes", "accuracy", "confidence", "minutes", "doubts"]
# The doubts, by their beginnings.
NAMES = {
    "The neighbors of the images suit another": "another partition",
    "Another number": "another number",
    "Starts with other": "starts disagree",
    "Only ": "not separate",
    "Clusters ": "some not separate",
    "The time was": "time",
    "Training did not": "start kept",
}


def run(name, minutes):
    """Return the row of one data set."""
    if name == "noise":
        X, y = np.random.default_rng(0).random((600, 16, 16)), np.repeat(range(6), 100)
    else:
        X, y = load(name)
    k, digits = len(np.unique(y)), len(str(len(X)))
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder) / "pictures"
        pictures.mkdir()
        for i, image in enumerate(np.round(255 * X).astype(np.uint8)):
            Image.fromarray(image).save(pictures / f"{i:0{digits}d}.png")
        size = max(X.shape[1:3])
        found = cluster_folder(
            pictures, Path(folder) / "report", k, image_size=size, fit="stretch", minutes=minutes
        )
    order = [int(Path(file).stem) for file in found.filenames]
    doubts = [
        next((short for beginning, short in NAMES.items() if doubt.startswith(beginning)), doubt)
        for doubt in found.doubts
    ]
    values = [
        Path(name).stem,
        minutes,
        k,
        f"{clustering_accuracy_score(y[order], found.labels):.3f}".lstrip("0"),
        f"{np.nanmean(found.confidence):.2f}".lstrip("0"),
        f"{(time.perf_counter() - began) / 60:.1f}",
        ", ".join(doubts),
    ]
    return dict(zip(COLUMNS, values, strict=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument(
        "data", nargs="*", default=["noise", "digits", "few digits"], help="names or .npz files"
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="time for each report")
    parser.add_argument("--output", type=Path, default="doubts.csv", help="the CSV file of all runs")
    args = parser.parse_args()
    tasks = (
        ({"data": Path(name).stem, "budget": args.minutes}, partial(run, name, args.minutes))
        for name in args.data
    )
    rows = resume(args.output, COLUMNS, tasks)
    print_table(COLUMNS, [[row[name] for name in COLUMNS] for row in rows])


if __name__ == "__main__":
    main()
