"""
Which exponents keep the centers apart?
=======================================

In high dimension, the centers of K-harmonic means with a small exponent p collapse onto each other. This
benchmark counts the distinct centers for a range of exponents, each with a single start, and for
``p="auto"``, which draws new initial centers for each exponent that it tries; likewise for the kernel form
(with ``sigma="scale"``), and for k-means with a single start. Distinct means farther apart than a twentieth
of the total standard deviation.

Run it, from the folder above ``examples``, as::

    python examples/benchmarks/collapse.py [--seeds 5] [--output collapse.json]

The embedding of the USPS images is included if the environment variable ``SKDCEC_DATA`` names a folder with
``usps.npz``. Training its autoencoder takes minutes; ``--save-embedding usps.npy`` keeps the embedding, and
``--embedding usps.npy`` uses it the next time. ``--labels`` names a file of labels for any other embedding.
"""

import argparse
import os
import warnings
from itertools import chain
from pathlib import Path

import numpy as np
from _common import print_table, write
from sklearn.cluster import DBSCAN, KMeans
from sklearn.datasets import load_iris, load_wine, make_blobs
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import scale

from skdcec import ConvAutoencoder, KernelKHarmonicMeans, KHarmonicMeans
from skdcec.datasets import load_digits_images, load_npz

TABLES = {
    "K-harmonic means": {
        f"p={p}": KHarmonicMeans(p=p, init="k-means++") for p in [2, 2.5, 3, 3.5, 4, 5, 6, 8]
    }
    | {"k-means": KMeans(n_init=1)},
    "kernel K-harmonic means": {
        f"p={p}": KernelKHarmonicMeans(p=p, sigma="scale", init="k-means++") for p in [2, 3, 4]
    },
}


def load_data(args):
    """Yield the name, the rows and the true labels of each data set."""
    yield "iris", *load_iris(return_X_y=True)
    yield "wine, standardized", scale(load_wine().data), load_wine().target
    digits = load_digits_images()
    yield "digits", digits.data, digits.target
    yield "digits, 10 PCA dimensions", PCA(10, random_state=0).fit_transform(digits.data), digits.target
    directions = np.random.default_rng(0).standard_normal((10, 10))
    for separation in [1, 2, 3, 5]:
        X, y = make_blobs(2000, centers=separation * directions, random_state=0)
        yield f"10 Gaussians, separation {separation}", X, y
    if embedded := embed_usps(args):
        yield "USPS embedding", *embedded


def embed_usps(args):
    """Return an embedding and its labels, or None if there are no images to embed."""
    if args.embedding and args.labels:
        return np.load(args.embedding), np.load(args.labels)
    path = Path(os.environ.get("SKDCEC_DATA", "")) / "usps.npz"
    if not path.exists():
        print("The USPS embedding is left out: SKDCEC_DATA does not name a folder with usps.npz.\n")
        return None
    usps = load_npz(path)
    train = ConvAutoencoder(epochs=args.epochs, random_state=0).fit_transform
    Z = np.load(args.embedding) if args.embedding else train(usps.images)
    if args.save_embedding:
        np.save(args.save_embedding, Z)
    return Z, usps.target


def count_distinct(centers, X):
    """Count the centers, those closer than a twentieth of the total standard deviation as one."""
    radius = 0.05 * np.sqrt(X.var(axis=0).sum())
    return len(set(DBSCAN(eps=radius, min_samples=1).fit_predict(centers)))


def run(clusterer, data, X, y, seed):
    """Fit a clusterer; return the row of the result."""
    model = clusterer.set_params(n_clusters=len(np.unique(y)), random_state=seed).fit(X)
    distinct, ari = count_distinct(model.cluster_centers_, X), adjusted_rand_score(y, model.labels_)
    about = {"data": data, "algorithm": type(model).__name__, "p": getattr(model, "p", ""), "seed": seed}
    return about | {"distinct": distinct, "ari": ari, "n_iter": model.n_iter_}


def cell(runs):
    """Summarize the runs of all seeds."""
    distinct, ari = [r["distinct"] for r in runs], np.median([r["ari"] for r in runs])
    fewest, median = min(distinct), np.median(distinct)
    text = f"{fewest}" if fewest == median else f"{fewest}/{median:g}"
    return text + f" ({ari:.2f})".replace("0.", ".")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("--seeds", type=int, default=5, help="runs of each clusterer")
    parser.add_argument("--output", default="collapse.json", help="file of all runs")
    parser.add_argument("--epochs", type=int, default=200, help="epochs of the autoencoder")
    parser.add_argument("--embedding", type=Path, help=".npy file to use instead of training")
    parser.add_argument("--labels", type=Path, help=".npy file, by default the digits of USPS")
    parser.add_argument("--save-embedding", type=Path, help=".npy file for the embedding of the USPS images")
    args = parser.parse_args()
    # the benchmark counts coinciding centers itself
    warnings.simplefilter("ignore", ConvergenceWarning)

    tables, runs = {title: [] for title in TABLES}, []
    for data, X, y in load_data(args):
        for title, columns in TABLES.items():
            groups = [[run(m, data, X, y, seed) for seed in range(args.seeds)] for m in columns.values()]
            tables[title].append([data, *map(cell, groups)])
            runs += chain(*groups)

    print("Cells: fewest distinct centers of any seed, /median if it differs, (median ARI).")
    for title, lines in tables.items():
        print_table([title, *TABLES[title]], lines)
    write(args.output, {"runs": runs})


if __name__ == "__main__":
    main()
