"""
Clustering losses and networks beside each other
================================================

Clusters labeled images with `DCEC`, from one pretrained autoencoder for each seed, with several clustering
losses; and with several networks, each pretrained for itself. All arms of a seed have the same batches, so
that they are compared in pairs. Accuracy is that of the best one-to-one matching of clusters and classes;
labels have no other part.

Data sets are as in ``quality.py``. A name that ends in ``:skewed`` keeps one image in ten of half of the
classes. Each run is a row of the CSV file. If the benchmark is stopped and started again, it goes on.

Run it, from the folder above ``examples``, as::

    python examples/benchmarks/losses.py [usps.npz usps.npz:skewed ...] [--seeds 5] [--arms DCEC DCN ...]
"""

import argparse
import tempfile
import time
import warnings
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from _common import print_table, resume
from quality import load
from sklearn.metrics import normalized_mutual_info_score

from skdcec import DCEC, ConvAutoencoder
from skdcec.losses import KLDivergence, KMeansLoss
from skdcec.metrics import clustering_accuracy_score

COLUMNS = ["data", "arm", "start", "seed", "accuracy", "nmi", "initial", "batches", "seconds"]
NORMALIZED = {"batch_normalization": True, "residual": True}
ARMS = {
    "DCEC": {},
    "balance .5": {"clustering_loss": KLDivergence(target_balance=0.5)},
    "balance 0": {"clustering_loss": KLDivergence(target_balance=0.0)},
    "power 3": {"clustering_loss": KLDivergence(target_power=3.0)},
    "power 3, balance 0": {"clustering_loss": KLDivergence(3.0, 0.0)},
    "DBC": {"clustering_loss": KLDivergence(3.0), "reconstruction_weight": 0.0},
    "DCN": {"clustering_loss": KMeansLoss(), "gamma": 0.1},
    # Lloyd's centers run away from augmented images
    "DCN, Lloyd": {"clustering_loss": KMeansLoss("lloyd"), "gamma": 0.1, "augmentation": None},
    "DCN, fixed": {"clustering_loss": KMeansLoss("fixed"), "gamma": 0.1},
    "layer by layer": {"autoencoder": ConvAutoencoder(layerwise_epochs=10)},
    "2 convolutions": {"autoencoder": ConvAutoencoder(convolutions_per_stage=2)},
    "3, residual": {"autoencoder": ConvAutoencoder(convolutions_per_stage=3, **NORMALIZED)},
}
STARTS = {"graph": "auto", "k-means": None}


def load_named(name):
    """Return the images and classes of a name, with the second half of the classes thinned if it says so."""
    name, *rest = name.split(":")
    images, classes = load(name)
    if rest == ["skewed"]:
        rng = np.random.default_rng(0)
        rows = [np.flatnonzero(classes == c) for c in np.unique(classes)]
        rare = [rng.choice(r, max(1, len(r) // 10), replace=False) for r in rows[len(rows) // 2 :]]
        kept = np.sort(np.concatenate(rows[: len(rows) // 2] + rare))
        images, classes = images[kept], classes[kept]
    return images, classes


def short(name):
    """Return the name of a data set in the tables."""
    return Path(name).name.replace(".npz", "")


def run(name, arm, start, seed, memory):
    """Return the row of one run."""
    X, y = load_named(name)
    dcec = DCEC(len(np.unique(y)), init=STARTS[start], memory=memory, random_state=seed, **ARMS[arm])
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        labels = dcec.fit_predict(X)
    seconds = time.perf_counter() - began
    scores = clustering_accuracy_score(y, labels), normalized_mutual_info_score(y, labels)
    initial = clustering_accuracy_score(y, dcec.initial_labels_)
    values = [*(f"{score:.4f}" for score in (*scores, initial)), dcec.n_batches_, f"{seconds:.1f}"]
    return dict(zip(COLUMNS, [short(name), arm, start, seed, *values], strict=True))


def summary(rows):
    """Return the lines of a table: means, and how often an arm beats DCEC in the same seed."""
    lines = []
    groups = dict.fromkeys((row["data"], row["start"]) for row in rows)
    for data, start in groups:
        group = [row for row in rows if (row["data"], row["start"]) == (data, start)]
        base = {row["seed"]: row for row in group if row["arm"] == "DCEC"}
        for arm in dict.fromkeys(row["arm"] for row in group):
            found = [row for row in group if row["arm"] == arm]
            values = np.array([[float(row[s]) for s in ("accuracy", "nmi", "seconds")] for row in found])
            ours = np.array([float(base[row["seed"]]["nmi"]) for row in found if row["seed"] in base])
            pairs = f"{np.sum(values[:, 1] > ours)} of {len(ours)}" if len(ours) == len(found) else ""
            mean, spread = values.mean(axis=0), values.std(axis=0)
            scores = (f"{mean[i]:.4f} ({spread[i]:.4f})" for i in (0, 1))
            lines.append([data, start, arm, len(found), *scores, pairs, f"{np.median(values[:, 2]):.0f}"])
    return [
        "data",
        "start",
        "arm",
        "runs",
        "accuracy (s.d.)",
        "NMI (s.d.)",
        "NMI above DCEC",
        "seconds",
    ], lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("data", nargs="*", default=["digits"], help="names or .npz files")
    parser.add_argument("--arms", nargs="*", default=list(ARMS), choices=ARMS, help=", ".join(ARMS))
    parser.add_argument("--starts", nargs="*", default=["graph"], choices=STARTS, help=", ".join(STARTS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--output", type=Path, default="losses.csv", help="the CSV file of all runs")
    parser.add_argument("--memory", help="a folder that keeps the pretrained autoencoders")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        memory = args.memory or folder
        # arms of a seed one after the other, because they share the pretrained network
        combinations = product(range(args.seeds), args.data, args.starts, args.arms)
        tasks = (
            (
                {"data": short(name), "arm": arm, "start": start, "seed": seed},
                partial(run, name, arm, start, seed, memory),
            )
            for seed, name, start, arm in combinations
        )
        print_table(*summary(resume(args.output, COLUMNS, tasks)))


if __name__ == "__main__":
    main()
