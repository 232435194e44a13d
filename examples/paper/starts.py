"""How much does each initializer depend on its random start?
Runs every initializer of the paper from random images, once for each of many random states, on the embeddings
that ``experiment.py`` saved, without any training of networks:
    python examples/paper/starts.py usps results/embeddings --output starts.csv
The row of a start has the accuracy of the partition into nearest centers, the objective of the initializer,
the exponent p if there is one, and the number of distinct centers.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import report
from experiment import PAPER, distinct, load, write_atomically
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import pairwise_distances_argmin

from skdcec.metrics import clustering_accuracy_score

RANDOM = {"n_init": 1, "init": "random", "init_params": "random_from_data"}


def single_start(name):
    """Return the clusterer of that name, started once, from random rows."""
    init = clone(PAPER[name])
    return init.set_params(**{key: value for key, value in RANDOM.items() if key in init.get_params()})


def objective(init, Z):
    """Return the objective of the fitted clusterer."""
    for name in ("objective_", "inertia_"):
        if hasattr(init, name):
            return getattr(init, name)
    return -init.score(Z)  # of a mixture: the mean log-likelihood


def run(path, name, start, y):
    Z = np.load(path)
    init = single_start(name).set_params(random_state=start)
    init.set_params(**{"n_clusters" if hasattr(init, "n_clusters") else "n_components": len(np.unique(y))})
    begin = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        init.fit(Z)
    seconds = time.perf_counter() - begin
    centers = init.cluster_centers_ if hasattr(init, "cluster_centers_") else init.means_
    return {
        "seed": int(path.stem),
        "init": name,
        "start": start,
        "accuracy": round(clustering_accuracy_score(y, pairwise_distances_argmin(Z, centers)), 4),
        "p": getattr(init, "p_", None),
        "objective": float(f"{objective(init, Z):.6g}"),
        "distinct_centers": distinct(centers, Z),
        "seconds": round(seconds, 3),
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", help="'usps', 'mnist', 'digits' or an .npz file, for the true classes")
    parser.add_argument("embeddings", type=Path, help="folder of .npy files, one for each seed")
    parser.add_argument("--output", type=Path, required=True, help="CSV file")
    parser.add_argument("--starts", type=int, default=50, help="(default: 50)")
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args()
    _, y = load(args.data)
    names = [name for name in PAPER if name not in ("kmeans", "random")]
    work = [
        (p, n, s)
        for p in sorted(args.embeddings.glob("[0-9]*.npy"))
        for n in names
        for s in range(args.starts)
    ]
    rows = pd.DataFrame(Parallel(n_jobs=args.jobs)(delayed(run)(*item, y) for item in work))
    write_atomically(args.output, lambda path: rows.to_csv(path, index=False))
    report.show(rows)


if __name__ == "__main__":
    main()
