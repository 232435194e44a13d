"""
A better k-means?
=================

Clusters labeled tables with the center-based clusterers as they are, and with ``KMeans(n_init=10)``, whose
place they take. The adjusted Rand index compares clusters with classes; labels have no other part. Features
are standardized, except for the artificial data, whose units are alike.

The data are those of scikit-learn and some artificial ones, besides any .npz files with the arrays X and y.
Each run is a row of the CSV file. If the benchmark is stopped and started again, it goes on.

Run it, from the folder above ``examples``, as::

    python examples/benchmarks/swap.py [glass.npz ...] [--seeds 3] [--methods KHarmonicMeans ...]
"""

import argparse
import time
import warnings
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from _common import print_table, resume
from sklearn import datasets
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler

from skdcec import KernelKHarmonicMeans, KHarmonicMeans, MahalanobisKMeans

COLUMNS = ["data", "n_samples", "n_features", "n_clusters", "method", "seed", "ari", "seconds", "warnings"]
METHODS = {
    "KMeans(n_init=10)": KMeans(n_init=10),
    "KMeans(n_init=1)": KMeans(n_init=1),
    "KHarmonicMeans": KHarmonicMeans(),
    "KernelKHarmonicMeans": KernelKHarmonicMeans(),
    "MahalanobisKMeans": MahalanobisKMeans(),
    "MahalanobisKMeans, tied": MahalanobisKMeans(covariance_type="tied"),
    "MahalanobisKMeans, global": MahalanobisKMeans(covariance_type="global", shrinkage=1e-6),
    "GaussianMixture": GaussianMixture(),
}
BASELINE = "KMeans(n_init=10)"
# A difference of scores that counts.
NOTICEABLE = 0.02


def real(load, n_components=None):
    """Return standardized features of a data set of scikit-learn, or some of their principal components."""
    X, y = load(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    return (PCA(n_components, random_state=0).fit_transform(X) if n_components else X), y


def gaussians(sizes, centers, deviations, seed=0):
    """Return balls of points of the given sizes around centers."""
    rng = np.random.default_rng(seed)
    centers, y = np.asarray(centers, float), np.repeat(np.arange(len(sizes)), sizes)
    deviations = np.broadcast_to(deviations, len(sizes))[y]
    return centers[y] + deviations[:, None] * rng.normal(size=(len(y), centers.shape[1])), y


def unequal_blobs():
    """Return the blobs of 500, 100 and 10 points of scikit-learn's example on assumptions of k-means."""
    X, y = datasets.make_blobs(1500, random_state=170)
    chosen = np.concatenate([np.flatnonzero(y == c)[:size] for c, size in enumerate([500, 100, 10])])
    return X[chosen], y[chosen]


def stretched_blobs():
    """Return the anisotropic blobs of that example."""
    X, y = datasets.make_blobs(1500, random_state=170)
    return X @ [[0.60834549, -0.63667341], [-0.40887718, 0.85253229]], y


def grid(side, n, deviation):
    """Return clusters of n points on a grid."""
    centers = np.stack(np.meshgrid(range(side), range(side)), axis=-1).reshape(-1, 2)
    return gaussians([n] * len(centers), centers, deviation)


def far_apart(k, d, spread):
    """Return clusters of 60 points around random centers."""
    return gaussians([60] * k, spread * np.random.default_rng(1).normal(size=(k, d)), 1)


DATA = {
    "iris": lambda: real(datasets.load_iris),
    "wine": lambda: real(datasets.load_wine),
    "breast cancer": lambda: real(datasets.load_breast_cancer),
    "digits": lambda: real(datasets.load_digits),
    "digits, 10 components": lambda: real(datasets.load_digits, 10),
    "blobs": lambda: datasets.make_blobs(1500, random_state=170),
    "blobs, stretched": stretched_blobs,
    "blobs, unequal variance": lambda: datasets.make_blobs(1500, cluster_std=[1, 2.5, 0.5], random_state=170),
    "blobs, unequal size": unequal_blobs,
    "moons": lambda: datasets.make_moons(500, noise=0.05, random_state=30),
    "circles": lambda: datasets.make_circles(500, factor=0.5, noise=0.05, random_state=30),
    "two balls, 10:1": lambda: gaussians([1000, 100], [[0, 0], [8, 0]], 1),
    "769:77:77:77": lambda: gaussians([769, 77, 77, 77], [[0, 0], [5, 0], [0, 5], [-4, -4]], 1),
    "grid of 25, apart": lambda: grid(5, 60, 0.12),
    "grid of 36, overlapping": lambda: grid(6, 60, 0.3),
    "20 clusters, 10 features": lambda: far_apart(20, 10, 2),
    "6 clusters, 50 features": lambda: far_apart(6, 50, 0.8),
}


def load(name):
    """Return features and classes."""
    if name in DATA:
        return DATA[name]()
    with np.load(name) as file:
        X, y = file["X"].astype(float), file["y"]
    X = X.reshape(len(X), -1)
    return StandardScaler().fit_transform(X[:, X.std(axis=0) > 0]), y


def run(name, method, seed):
    """Cluster one data set once, and return the row of the table."""
    X, y = load(name)
    k = len(np.unique(y))
    model = METHODS[method]
    model.set_params(**{"n_components" if "n_components" in model.get_params() else "n_clusters": k})
    model.set_params(random_state=seed)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        start = time.perf_counter()
        labels = model.fit_predict(X)
        seconds = time.perf_counter() - start
    told = sum(issubclass(warning.category, ConvergenceWarning) for warning in caught)
    score = adjusted_rand_score(y, labels)
    values = [Path(name).stem, *X.shape, k, method, seed, f"{score:.4f}", f"{seconds:.4f}", told]
    return dict(zip(COLUMNS, map(str, values), strict=True))


def summary(rows):
    """Return head and lines of the table that compares each method with the baseline."""
    scores = {}
    for row in rows:
        scores.setdefault(row["method"], {}).setdefault(row["data"], []).append(float(row["ari"]))
    seconds = {m: np.median([float(r["seconds"]) for r in rows if r["method"] == m]) for m in scores}
    reference = {name: np.mean(values) for name, values in scores[BASELINE].items()}
    lines = []
    for method, found in scores.items():
        means = {name: np.mean(values) for name, values in found.items()}
        gains = np.array([means[name] - reference[name] for name in means])
        losses = sorted((means[name] - reference[name], name) for name in means)
        lost = [f"{name} {loss:.2f}" for loss, name in losses[:4] if loss < -NOTICEABLE]
        lines.append(
            [
                method,
                f"{(gains > NOTICEABLE).sum()} / {(gains < -NOTICEABLE).sum()} of {len(gains)}",
                f"{np.mean(list(means.values())):.3f}",
                f"{np.mean([np.std(values) for values in found.values()]):.3f}",
                f"{seconds[method]:.3f}",
                ", ".join(lost),
            ]
        )
    head = ["method", "better / worse", "mean ARI", "s.d. over seeds", "median s", "most lost"]
    return head, lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("files", nargs="*", help=".npz files with X and y, besides the built-in data")
    parser.add_argument("--methods", nargs="*", default=list(METHODS), help=", ".join(METHODS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--output", type=Path, default="swap.csv", help="the CSV file of all runs")
    args = parser.parse_args()
    tasks = (
        ({"data": Path(name).stem, "method": method, "seed": seed}, partial(run, name, method, seed))
        for name, method, seed in product([*DATA, *args.files], args.methods, range(args.seeds))
    )
    print_table(*summary(resume(args.output, COLUMNS, tasks)))


if __name__ == "__main__":
    main()
