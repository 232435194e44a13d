"""
How well the classes are found
==============================

Clusters labeled images with `DCEC` and `ModularityClustering` as they are, and with methods that their users
would choose instead. Accuracy is that of the best one-to-one matching of clusters and classes; labels have no
other part. UMAP and ClustPy are left out if they are not installed.

Data sets are files with the arrays x_train and y_train (or X and y), besides the built-in digits. Each run is
a row of the CSV file. If the benchmark is stopped and started again, it goes on.

Run it, from the folder above ``examples``, as::

    python examples/benchmarks/quality.py [usps.npz letters.npz ...] [--seeds 3] [--methods DCEC ...]
"""

import argparse
import time
import warnings
from functools import partial
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np
from _common import print_table, resume
from sklearn.cluster import HDBSCAN, AgglomerativeClustering, KMeans, SpectralClustering
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.mixture import GaussianMixture

from skdcec import DCEC, ModularityClustering
from skdcec.metrics import clustering_accuracy_score

COLUMNS = ["data", "method", "seed", "accuracy", "nmi", "ari", "clusters", "seconds", "warnings"]


def load(name):
    """Return images of [0, 1] and their classes: the digits, some of them, or those of a file."""
    if name in ("digits", "few digits"):
        digits = load_digits()
        images, classes = (digits.images / 16).astype(np.float32), digits.target
        if name == "few digits":
            rng = np.random.default_rng(0)
            rows = [rng.choice(np.flatnonzero(classes == c), 20, replace=False) for c in range(10)]
            rows = rng.permutation(np.concatenate(rows))
            images, classes = images[rows], classes[rows]
        return images, classes
    with np.load(name) as file:
        names = ("x_train", "y_train") if "x_train" in file else ("X", "y")
        images, classes = (file[name] for name in names)
    if images.dtype == np.uint8:
        images = images / np.float32(255)
    return images.astype(np.float32), classes.astype(int)


def components(X, d=50):
    """Return the principal components of flat images."""
    X = X.reshape(len(X), -1)
    return PCA(min(d, min(X.shape) - 1), random_state=0).fit_transform(X)


def manifold(X, seed):
    """Return the UMAP embedding of images."""
    from umap import UMAP

    params = {"n_neighbors": min(30, len(X) - 1), "min_dist": 0.0, "n_components": 10}
    return UMAP(**params, random_state=seed, n_jobs=1).fit_transform(X.reshape(len(X), -1)).astype(float)


def clustpy(name):
    """Return a function that clusters by a method of ClustPy."""

    def cluster(X, k, seed):
        import clustpy.deep

        model = getattr(clustpy.deep, name)(k, random_state=seed)
        return model.fit(X.reshape(len(X), -1)).labels_

    return cluster


def spectral(X, k, seed):
    params = {"affinity": "nearest_neighbors", "n_neighbors": 10, "random_state": seed}
    return SpectralClustering(k, **params).fit_predict(components(X))


def hdbscan(X, k, seed):
    return HDBSCAN(min_cluster_size=max(5, len(X) // (10 * k)), copy=True).fit_predict(manifold(X, seed))


METHODS = {
    "k-means": lambda X, k, seed: KMeans(k, n_init=10, random_state=seed).fit_predict(X.reshape(len(X), -1)),
    "PCA, k-means": lambda X, k, seed: KMeans(k, n_init=10, random_state=seed).fit_predict(components(X)),
    "PCA, mixture": lambda X, k, seed: GaussianMixture(k, reg_covar=1e-3, random_state=seed).fit_predict(
        components(X)
    ),
    "PCA, tied mixture": lambda X, k, seed: GaussianMixture(
        k, covariance_type="tied", reg_covar=1e-3, random_state=seed
    ).fit_predict(components(X)),
    "PCA, Ward": lambda X, k, seed: AgglomerativeClustering(k).fit_predict(components(X)),
    "PCA, spectral": spectral,
    "UMAP, HDBSCAN": hdbscan,
    "UMAP, mixture": lambda X, k, seed: GaussianMixture(k, random_state=seed).fit_predict(manifold(X, seed)),
    "ClustPy DEC": clustpy("DEC"),
    "ClustPy IDEC": clustpy("IDEC"),
    "ClustPy DCN": clustpy("DCN"),
    "ModularityClustering": lambda X, k, seed: ModularityClustering(k, random_state=seed).fit_predict(X),
    "DCEC": lambda X, k, seed: DCEC(k, random_state=seed).fit_predict(X),
}
NEEDS = {"UMAP": "umap", "ClustPy": "clustpy"}


def run(name, method, seed):
    """Return the row of one run."""
    X, y = load(name)
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        labels = METHODS[method](X, len(np.unique(y)), seed)
    seconds = time.perf_counter() - start
    scores = (clustering_accuracy_score, normalized_mutual_info_score, adjusted_rand_score)
    told = "; ".join(str(w.message) for w in caught if issubclass(w.category, ConvergenceWarning))
    values = [
        *(f"{score(y, labels):.4f}" for score in scores),
        len(np.unique(labels)),
        f"{seconds:.1f}",
        told,
    ]
    return dict(zip(COLUMNS, [Path(name).stem, method, seed, *values], strict=True))


def summary(rows):
    """Return the lines of a table: mean accuracy and NMI of each method on each data set."""
    datasets = list(dict.fromkeys(row["data"] for row in rows))
    methods = [method for method in METHODS if any(row["method"] == method for row in rows)]
    lines = []
    for method in methods:
        line = [method]
        for data in datasets:
            found = [row for row in rows if (row["data"], row["method"]) == (data, method)]
            means = (
                np.mean([float(row[score]) for row in found] or [np.nan]) for score in ("accuracy", "nmi")
            )
            line.append(" / ".join(f"{mean:.3f}".lstrip("0") for mean in means) if found else "")
        lines.append(line)
    return ["method", *datasets], lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("data", nargs="*", default=["digits", "few digits"], help="names or .npz files")
    parser.add_argument("--methods", nargs="*", default=list(METHODS), help=", ".join(METHODS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--output", type=Path, default="quality.csv", help="the CSV file of all runs")
    args = parser.parse_args()
    missing = tuple(prefix for prefix, package in NEEDS.items() if find_spec(package) is None)
    tasks = (
        ({"data": Path(name).stem, "method": method, "seed": seed}, partial(run, name, method, seed))
        for name, method, seed in product(args.data, args.methods, range(args.seeds))
        if not method.startswith(missing)
    )
    print_table(*summary(resume(args.output, COLUMNS, tasks)))


if __name__ == "__main__":
    main()
