"""
Classes of unequal size
=======================

Draws images so that the sizes of their classes fall, in random order, to a tenth of the largest. Clusters
them by `ModularityClustering` as it is and with a ``min_cluster_size`` of half the smallest class, and by
methods of ``quality.py``. Each run is a row of the CSV file. If the benchmark is stopped and started again,
it goes on.

Run it, from the folder above ``examples``, as::

    python examples/benchmarks/unequal.py [usps.npz letters.npz ...] [--seeds 3] [--methods k-means ...]
"""

import argparse
from functools import partial
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np
from _common import print_table, resume
from quality import METHODS, NEEDS, load
from sklearn.metrics import normalized_mutual_info_score

from skdcec import ModularityClustering
from skdcec.metrics import clustering_accuracy_score

COLUMNS = ["data", "method", "seed", "ratio", "images", "smallest", "accuracy", "nmi"]
OWN = "ModularityClustering, min_cluster_size"
# The largest class has no more images than this.
LARGEST = 900


def draw(name, seed, ratio):
    """Return images and classes of unequal sizes, the classes in random order of size."""
    X, y = load(name)
    y = np.unique(y, return_inverse=True)[1]
    rng = np.random.default_rng(seed)
    k = y.max() + 1
    order = rng.permutation(k)
    fraction = ratio ** (np.arange(k) / (k - 1))
    largest = min(LARGEST, *(np.bincount(y)[order] / fraction))
    chosen = [
        rng.choice(np.flatnonzero(y == c), round(largest * f), replace=False)
        for c, f in zip(order, fraction, strict=True)
    ]
    rows = rng.permutation(np.concatenate(chosen))
    return X[rows], y[rows]


def run(name, method, seed, ratio):
    """Return the row of one run."""
    X, y = draw(name, seed, ratio)
    k, smallest = y.max() + 1, np.bincount(y).min()
    if method == OWN:
        model = ModularityClustering(k, min_cluster_size=int(smallest // 2), random_state=seed)
        labels = model.fit_predict(X)
    else:
        labels = METHODS[method](X, k, seed)
    scores = [clustering_accuracy_score(y, labels), normalized_mutual_info_score(y, labels)]
    values = [Path(name).stem, method, seed, ratio, len(X), smallest, *(f"{score:.4f}" for score in scores)]
    return dict(zip(COLUMNS, values, strict=True))


def summary(rows):
    """Return the lines of a table: the mean accuracy of each method on each data set."""
    datasets, methods = (list(dict.fromkeys(row[name] for row in rows)) for name in ("data", "method"))
    lines = []
    for method in methods:
        found = [
            [float(row["accuracy"]) for row in rows if (row["data"], row["method"]) == (data, method)]
            for data in datasets
        ]
        means = [np.mean(values) if values else np.nan for values in found]
        lines.append([method, *(f"{mean:.3f}".lstrip("0") for mean in [*means, np.mean(means)])])
    return ["method", *datasets, "mean"], lines


def main():
    methods = [OWN, *METHODS]
    chosen = ["k-means", "PCA, spectral", "UMAP, HDBSCAN", "ModularityClustering", OWN]
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("data", nargs="*", default=["digits"], help="names or .npz files")
    parser.add_argument("--methods", nargs="*", default=chosen, choices=methods, help=", ".join(methods))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--output", type=Path, default="unequal.csv", help="the CSV file of all runs")
    parser.add_argument(
        "--ratio", type=float, default=0.1, help="size of the smallest class over the largest"
    )
    args = parser.parse_args()
    missing = tuple(prefix for prefix, package in NEEDS.items() if find_spec(package) is None)
    tasks = (
        (
            {"data": Path(name).stem, "method": method, "seed": seed, "ratio": args.ratio},
            partial(run, name, method, seed, args.ratio),
        )
        for name, method, seed in product(args.data, args.methods, range(args.seeds))
        if not method.startswith(missing)
    )
    rows = resume(args.output, COLUMNS, tasks)
    print_table(*summary([row for row in rows if float(row["ratio"]) == args.ratio]))


if __name__ == "__main__":
    main()
