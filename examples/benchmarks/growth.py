"""
How do time and memory grow?
============================

1. The seconds of an iteration and the peak memory of a fit, for more and more rows, features and clusters.
2. Ten million rows of 50 float32, 2 GB: an iteration on the array in memory, on a memory-mapped file, and on
   two processes of a dask cluster that read the file; and an iteration of dask-ml's k-means, if installed.
   The memory is the peak allocation of the fitting process, without pages of the file in the system's cache.
3. The microseconds of an image in training and in an embedding, for larger and larger images.

The rows are noise without clusters, so no algorithm converges before its last iteration. Each case of 2 has
its own process. Run it, from the folder above ``examples``, as::

    python examples/benchmarks/growth.py [--rows 10000000] [--folder /tmp] [--output growth.json]
"""

import argparse
import importlib.util
import multiprocessing
import tempfile
import threading
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
from _common import print_table, seconds, time_iteration, write
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from skdcec import ConvAutoencoder, KHarmonicMeans

BASE = {"n": 200_000, "d": 20, "k": 10}
VALUES = {"n": [200_000, 400_000, 800_000, 1_600_000], "d": [10, 20, 40, 80], "k": [5, 10, 20, 40, 80]}
SIDES = [8, 16, 28, 32, 64, 128]
FEATURES, CLUSTERS, CHUNK, ITERATIONS = 50, 10, 250_000, 20


def growth():
    """Yield the cost of an iteration for growing n, d or k."""
    for axis, values in VALUES.items():
        for value in values:
            size = BASE | {axis: value}
            X = np.random.default_rng(0).normal(size=(size["n"], size["d"])).astype(np.float32)
            init = X[: size["k"]].copy()
            models = {
                "KMeans": KMeans(size["k"], init=init, n_init=1, tol=0),
                "KHM": KHarmonicMeans(size["k"], init=init, p=2.0, tol=0),
            }
            times = {name: [] for name in models}
            for _ in range(5):
                for name, model in models.items():
                    times[name].append(time_iteration(model, X, 60))
            tracemalloc.start()
            models["KHM"].set_params(max_iter=2).set_callbacks().fit(X)
            memory = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            yield axis, size, {name: float(np.median(spent)) for name, spent in times.items()}, memory


def image_sizes():
    """Yield the microseconds of an image of each size in a training step and in an embedding."""
    for side in SIDES:
        n = max(512, 2**18 // side**2)
        X = np.random.default_rng(0).random((n, side, side), dtype=np.float32)
        trained = []
        for epochs in (1, 3):
            # the difference of a long and a short fit; the network is compiled in the first
            model = ConvAutoencoder(epochs=epochs, random_state=0).fit(X)
            trained.append(min(seconds(model.fit, X) for _ in range(3)))
        embedded = min(seconds(model.transform, X) for _ in range(3))
        yield side, 1e6 * (trained[1] - trained[0]) / (2 * n), 1e6 * embedded / n


def allocated():
    """Return the bytes of private memory of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024


def watched(function):
    """Return the result of a function, and the peak of the additional memory of the process."""
    start, peak, done = allocated(), [0], threading.Event()

    def watch():
        while not done.wait(0.02):
            peak[0] = max(peak[0], allocated())

    watcher = threading.Thread(target=watch)
    watcher.start()
    result = function()
    done.set()
    watcher.join()
    return result, peak[0] - start


def read_chunk(path, start):
    """Return a chunk of the rows of a file, which the worker maps."""
    return np.asarray(np.load(path, mmap_mode="r")[start : start + CHUNK])


def lazy_rows(path):
    """Return the rows of a file as a dask array whose chunks the workers read."""
    import dask
    import dask.array as da

    n, d = np.load(path, mmap_mode="r").shape
    chunks = [
        da.from_delayed(dask.delayed(read_chunk)(path, start), (min(CHUNK, n - start), d), np.float32)
        for start in range(0, n, CHUNK)
    ]
    return da.concatenate(chunks)


def in_memory(path, model):
    """Return the seconds of an iteration on the array in memory, and the additional memory."""
    X = np.load(path)
    return watched(lambda: time_iteration(model, X, ITERATIONS))


def mapped(path, model):
    """Return the seconds of an iteration on the mapped file, and the memory."""
    return watched(lambda: time_iteration(model, np.load(path, mmap_mode="r"), ITERATIONS))


def on_cluster(path, model):
    """Return the seconds of an iteration on two processes, and the memory of this one, the driver."""
    from distributed import Client

    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None):
        return watched(lambda: time_iteration(model, lazy_rows(path), ITERATIONS))


def dask_ml(path, model):
    """Return the seconds and memory of the k-means of dask-ml, which takes no callbacks."""
    from dask_ml.cluster import KMeans as DaskKMeans

    init = np.asarray(model.init, dtype=np.float64)
    return on_cluster(path, DaskKMeans(model.n_clusters, init=init, tol=0))


def write_rows(path, n):
    """Write a file of rows, chunk by chunk."""
    file = np.lib.format.open_memmap(path, "w+", np.float32, (n, FEATURES))
    rng = np.random.default_rng(0)
    for start in range(0, n, CHUNK):
        file[start : start + CHUNK] = rng.normal(size=(min(CHUNK, n - start), FEATURES))


def answer(queue, measure, path, model):
    """Measure in a process of its own."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    queue.put(measure(path, model))


def large(folder, n):
    """Yield the cost of an iteration on many rows, in memory, in a file and on a cluster."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        path = str(Path(temporary) / "rows.npy")
        write_rows(path, n)
        init = np.load(path, mmap_mode="r")[:CLUSTERS].copy()
        ours = KHarmonicMeans(CLUSTERS, p=2.0, init=init, tol=0)
        cases = {
            "KMeans, in memory": (in_memory, KMeans(CLUSTERS, init=init, n_init=1, tol=0)),
            "KHM, in memory": (in_memory, ours),
            "KHM, mapped file": (mapped, ours),
            "KHM, dask, two processes": (on_cluster, ours),
        }
        if importlib.util.find_spec("dask_ml"):
            cases["KMeans of dask-ml, two processes"] = (dask_ml, ours)
        for name, (measure, model) in cases.items():
            queue = context.Queue()
            process = context.Process(target=answer, args=(queue, measure, path, model))
            process.start()
            yield name, *queue.get()
            process.join()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows of the large file")
    parser.add_argument("--folder", help="folder of the large file, by default for temporary files")
    parser.add_argument("--output", default="growth.json", help="file of all numbers")
    args = parser.parse_args()
    # fits are cut short on purpose
    warnings.simplefilter("ignore", ConvergenceWarning)

    numbers = {"growth": [], "large": {}, "images": {}}
    lines = []
    for axis, size, times, memory in growth():
        numbers["growth"].append({"axis": axis, **size, **times, "memory": memory})
        ours, theirs = times["KHM"], times["KMeans"]
        cells = [f"{1e3 * ours:.1f}", f"{1e3 * theirs:.1f}", f"{ours / theirs:.2f}", f"{memory / 1e6:.0f}"]
        lines.append([f"{axis} = {size[axis]:,}", *cells])
    print(f"An iteration, if one size grows and the others are {BASE}; memory in addition to the data")
    print_table(["size", "KHM, ms", "KMeans, ms", "ratio", "memory, MB"], lines)

    print(f"An iteration on {args.rows:,} rows of {FEATURES} float32, {CLUSTERS} clusters")
    lines = []
    for name, spent, memory in large(args.folder, args.rows):
        numbers["large"][name] = {"seconds": spent, "memory": memory}
        lines.append([name, f"{spent:.2f}", f"{memory / 1e6:.0f}"])
    print_table(["rows", "seconds an iteration", "memory of the fitting process, MB"], lines)

    print("An image in training and in an embedding, microseconds")
    lines = []
    for side, training, embedding in image_sizes():
        numbers["images"][f"{side} x {side}"] = {"training": training, "embedding": embedding}
        lines.append([f"{side} x {side}", f"{training:.0f}", f"{embedding:.0f}"])
    print_table(["image", "training", "embedding"], lines)
    write(args.output, numbers)


if __name__ == "__main__":
    main()
