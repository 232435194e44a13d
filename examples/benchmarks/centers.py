"""
How fast are the clusterers?
============================

Three comparisons with scikit-learn's ``KMeans``, in one process and with the same number of threads:

1. the time of one iteration, relative to one iteration of Lloyd's algorithm, from the same initial centers.
   A callback records the time after each iteration of ours; for Lloyd's algorithm, which takes no callbacks,
   it is the difference between a long and a short fit. The fits of all clusterers take turns, and the table
   has the median and the smallest of the repetitions;
2. the time of a fit with default settings, and its adjusted Rand index, against ``KMeans(n_init=20)``;
3. the peak memory of a fit in addition to its data.

Run it, from the folder above ``examples``, as::

    python examples/benchmarks/centers.py [--threads 2] [--repetitions 7] [--output centers.json]

It takes about a quarter of an hour on two cores.
"""

import argparse
import tracemalloc
import warnings

import numpy as np
from _common import make_data, print_table, seconds, time_iteration, write
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from skdcec import KernelKHarmonicMeans, KHarmonicMeans, MahalanobisKMeans

SIZES = [(70_000, 10, 10), (70_000, 10, 100), (200_000, 50, 100)]
LLOYD = "Lloyd"
ITERATIONS = {
    LLOYD: KMeans(n_init=1),
    "KHM, p=2": KHarmonicMeans(p=2.0),
    "KHM, p=4": KHarmonicMeans(p=4.0),
    "kernel KHM": KernelKHarmonicMeans(p=2.0, sigma="scale"),
    "Mahalanobis": MahalanobisKMeans(covariance_type="global"),
    "Mahalanobis, full": MahalanobisKMeans(),
    "Mahalanobis, tied": MahalanobisKMeans(covariance_type="tied"),
}
FITS = {
    "KMeans, n_init=20": KMeans(n_init=20),
    "KMeans": KMeans(),
    "KHM": KHarmonicMeans(),
    "kernel KHM": KernelKHarmonicMeans(),
    "Mahalanobis": MahalanobisKMeans(),
}


def time_iterations(X, k, repetitions):
    """Return the seconds of an iteration of each clusterer, in each repetition."""
    max_iter = 8 if X.size > 5_000_000 else 40
    for model in ITERATIONS.values():
        model.set_params(n_clusters=k, init=X[:k].copy(), tol=0)
    results = {name: [] for name in ITERATIONS}
    for _ in range(repetitions):
        for name, model in ITERATIONS.items():
            results[name].append(time_iteration(model, X, max_iter))
    return results


def report_iterations(results):
    """Return one cell for each clusterer: the ratio to an iteration of Lloyd's algorithm."""
    lloyd = np.array(results[LLOYD])
    cells = [f"{1e3 * np.median(lloyd):.2f} ms"]
    for name, times in results.items():
        if name != LLOYD:
            cells.append(f"{np.median(times / lloyd):.2f} ({min(times) / lloyd.min():.2f})")
    return cells


def report_fits(X, y, k):
    """Return the seconds, the score and the relative memory of a fit of each clusterer."""
    results = {}
    for name, model in FITS.items():
        model.set_params(n_clusters=k, random_state=0)
        spent = seconds(model.fit, X)
        score = adjusted_rand_score(y, model.labels_)
        tracemalloc.start()
        model.set_params(max_iter=2).fit(X)
        memory = tracemalloc.get_traced_memory()[1] / X.nbytes
        tracemalloc.stop()
        model.set_params(max_iter=300)
        results[name] = {"seconds": spent, "adjusted_rand_score": score, "memory": memory}
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("--threads", type=int, default=None, help="threads of all clusterers, by default all")
    parser.add_argument("--repetitions", type=int, default=7, help="how often to time iterations")
    parser.add_argument("--no-fits", action="store_true", help="leave out the full fits, which take longest")
    parser.add_argument("--output", default="centers.json", help="file of all numbers")
    args = parser.parse_args()
    # fits are cut short on purpose
    warnings.simplefilter("ignore", ConvergenceWarning)

    numbers = {"threads": args.threads, "iterations": {}, "fits": {}}
    iterations, fits = [], []
    with threadpool_limits(args.threads):
        for n, d, k in SIZES:
            for dtype in (np.float32, np.float64):
                X, y = make_data(n, d, k, dtype)
                case = f"{n:,} x {d}, k={k}, {np.dtype(dtype)}"
                results = numbers["iterations"][case] = time_iterations(X, k, args.repetitions)
                iterations.append([case, *report_iterations(results)])
                if not args.no_fits:
                    numbers["fits"][case] = report_fits(X, y, k)
                    for name, fit in numbers["fits"][case].items():
                        score = f"{fit['adjusted_rand_score']:.3f}"
                        fits.append([case, name, f"{fit['seconds']:.2f}", score, f"{fit['memory']:.1f}"])
                print(case, "done", flush=True)
    print("\nTime of an iteration relative to Lloyd's: median (and ratio of the smallest)")
    print_table(["data", *ITERATIONS], iterations)
    if fits:
        print("\nFull fit: seconds, adjusted Rand index, peak memory relative to the data")
        print_table(["data", "clusterer", "seconds", "ARI", "memory"], fits)
    write(args.output, numbers)


if __name__ == "__main__":
    main()
