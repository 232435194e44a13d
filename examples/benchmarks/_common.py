"""The common parts of the benchmarks: data, a clock, tables and files."""

import csv
import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np


def make_data(n, d, k, dtype):
    """Return overlapping Gaussian clusters and their labels."""
    rng = np.random.default_rng(0)
    y = rng.integers(k, size=n)
    X = 2 * rng.normal(size=(k, d))[y] + 1.5 * rng.normal(size=(n, d))
    return X.astype(dtype), y


def seconds(function, *args):
    """Return the seconds of a call."""
    start = time.perf_counter()
    function(*args)
    return time.perf_counter() - start


class Stopwatch:
    """Callback that records the time after each iteration."""

    def setup(self, estimator, context):
        self.times = []

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "iteration":
            self.times.append(time.perf_counter())


def time_iteration(model, X, max_iter):
    """Return the seconds of an iteration: ours by a callback, others by a long and a short fit."""
    if not hasattr(model, "set_callbacks"):
        model.set_params(max_iter=1).fit(X)  # the first fit has cold caches
        short = seconds(model.fit, X)
        long = seconds(model.set_params(max_iter=max_iter).fit, X)
        return (long - short) / (model.n_iter_ - 1)
    watch = Stopwatch()
    model.set_callbacks(watch).set_params(max_iter=max_iter).fit(X)
    return (watch.times[-1] - watch.times[0]) / (len(watch.times) - 1)


def print_table(head, lines):
    """Print a Markdown table."""
    rows = [head, ["---"] * len(head), *lines]
    print("", *(f"| {' | '.join(map(str, row))} |" for row in rows), "", sep="\n", flush=True)


def resume(path, columns, tasks):
    """Run the tasks that have no row in a CSV file yet, add their rows to the file, and return all rows.

    A task is a pair: the values of columns that identify it, by name, and a function that returns the row.
    """
    path = Path(path).with_suffix(".csv")
    rows = []
    if path.exists():
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, columns)
        if not rows:
            writer.writeheader()
        for key, task in tasks:
            if not any(all(str(row[name]) == str(value) for name, value in key.items()) for row in rows):
                rows.append(task())
                writer.writerow(rows[-1])
                file.flush()
                print(*rows[-1].values(), flush=True)
    return rows


def write(path, numbers):
    """Write all numbers and the machine as JSON."""
    packages = ("skdcec", "scikit-learn", "numpy", "keras", "tensorflow")
    machine = {
        "platform": platform.platform(),
        "processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
    }
    Path(path).write_text(json.dumps({"machine": machine, **numbers}, indent=1))
