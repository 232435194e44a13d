"""
How long does it take to start?
===============================

The time of ``import skdcec`` relative to ``import sklearn.cluster``, in fresh processes that take turns, and
the time of scikit-learn's ``check_estimator`` for every estimator: a hundred small fits each, as in
interactive use. The networks of DCEC are small here.

Run it, from the folder above ``examples``, as::

    python examples/benchmarks/startup.py [--rounds 15] [--output startup.json]
"""

import argparse
import subprocess
import sys
import warnings

import numpy as np
from _common import print_table, seconds, write
from sklearn.utils.estimator_checks import check_estimator

from skdcec import (
    DCEC,
    ConvAutoencoder,
    DenseAutoencoder,
    KernelKHarmonicMeans,
    KHarmonicMeans,
    MahalanobisKMeans,
)

MODULES = ["sklearn.cluster", "skdcec"]
NETWORK = {"filters": (4,), "kernel_sizes": (3,), "epochs": 2}
ESTIMATORS = [
    KHarmonicMeans(),
    KernelKHarmonicMeans(),
    MahalanobisKMeans(),
    DenseAutoencoder((8,), 2, epochs=2),
    ConvAutoencoder(n_components=2, **NETWORK),
    DCEC(3, autoencoder=ConvAutoencoder(n_components=2, **NETWORK), max_batches=4, batches_per_update=2),
]
CLOCK = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"


def time_import(module):
    """Return the seconds of an import in a fresh process."""
    command = [sys.executable, "-c", CLOCK.format(module)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("--rounds", type=int, default=15, help="how often to time imports")
    parser.add_argument("--output", default="startup.json", help="file of all numbers")
    args = parser.parse_args()
    warnings.simplefilter("ignore")

    imports = {module: [] for module in MODULES}
    for _ in range(args.rounds):
        for module, times in imports.items():
            times.append(time_import(module))
    reference = np.array(imports[MODULES[0]])
    lines = [
        [module, f"{np.median(times):.2f}", f"{np.median(times / reference):.2f}"]
        for module, times in imports.items()
    ]
    print_table(["import", "seconds", f"over {MODULES[0]}"], lines)

    checks = {}
    for estimator in ESTIMATORS:
        checks[type(estimator).__name__] = seconds(check_estimator, estimator)
    print_table(["check_estimator of", "seconds"], [[name, f"{spent:.1f}"] for name, spent in checks.items()])
    write(args.output, {"imports": imports, "check_estimator": checks})


if __name__ == "__main__":
    main()
