"""The experiment of the paper: which initializer suits deep convolutional embedded clustering?
For each seed one autoencoder is pretrained, and refined once from the centers of each initializer, so
that the initializers can be compared in pairs:
    python examples/paper/experiment.py usps --output results
prints the tables of the paper at the end. The data are 'usps' or 'mnist' (from OpenML), 'digits', or an .npz
file with the arrays x_train and y_train. Each finished run is a file in the folder ``runs`` of the output,
and a row of ``results.csv``. If the experiment is stopped and started again, finished runs are not repeated,
and an unfinished one continues from its checkpoint. A ``results.csv`` that is copied into a new folder is
continued in the same way.
"""

import argparse
import json
import os
import shutil
import sys
import time
import warnings
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import report
from joblib import Parallel, cpu_count, delayed
from sklearn.callback import ProgressBar
from sklearn.cluster import AgglomerativeClustering, KMeans, SpectralClustering
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline

from skdcec import (
    DCEC,
    ConvAutoencoder,
    KernelKHarmonicMeans,
    KHarmonicMeans,
    MahalanobisKMeans,
    ModularityClustering,
)
from skdcec.datasets import fetch_mnist, fetch_usps, load_digits_images, load_npz
from skdcec.metrics import clustering_accuracy_score


def random_centers(Z, n_clusters, random_state):
    """Return images drawn at random, as a control."""
    return Z[random_state.choice(len(Z), n_clusters, replace=False)]


PAPER = {
    "kmeans": KMeans(n_init=20),
    "kmeans-1": KMeans(n_init=1),
    "mahalanobis": MahalanobisKMeans(covariance_type="global", init="k-means++", shrinkage=1e-6),
    "mahalanobis-tied": MahalanobisKMeans(
        covariance_type="tied", init="k-means++", n_init=20, shrinkage=1e-6
    ),
    "khm-2": KHarmonicMeans(p=2, init="k-means++"),
    "khm": KHarmonicMeans(),
    "kernel-1": KernelKHarmonicMeans(p=2, sigma=1.0, init="k-means++"),
    "kernel": KernelKHarmonicMeans(sigma="scale"),
    "gmm": GaussianMixture(),
    "random": random_centers,
}
INITIALIZERS = PAPER | {
    # in a pipeline, a clusterer is fitted to the embedding
    "graph": make_pipeline("passthrough", ModularityClustering()),
    "auto": "auto",
    "ward": AgglomerativeClustering(),
    "spectral": SpectralClustering(affinity="nearest_neighbors"),
}
SMOKE = {"data": "digits", "seeds": 2, "epochs": 2, "batches_per_update": 3, "max_batches": 6}
LEVELS = (0.95, 0.98)


def settings(args):
    """Return the settings that all runs of a folder must have in common."""
    names = ["augmentation", "epochs", "batch_size", "batches_per_update", "max_batches"]
    return {"data": Path(args.data).stem} | {name: getattr(args, name) for name in names}


@cache
def load(data):
    """Return images and true classes of a data set, by name or file."""
    fetch = {"digits": load_digits_images, "usps": fetch_usps, "mnist": fetch_mnist}
    bunch = fetch[data]() if data in fetch else load_npz(data)
    return bunch.images, bunch.target


class Record:
    """Callback that records the seconds of each phase, the initial embedding, and the time to each level."""

    def __init__(self, y):
        self.y, self.begin, self.seconds, self.passed = y, {}, {}, {}

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context):
        self.begin[context.task_name] = time.perf_counter()

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        task = context.task_name
        self.seconds[task] = time.perf_counter() - self.begin[task]
        if task == "initialize":
            self.embedding = X
        if task == "update":
            accuracy = clustering_accuracy_score(self.y, fitted_estimator.labels_)
            for level in LEVELS:
                if accuracy >= level:
                    self.passed.setdefault(level, time.perf_counter() - self.begin["refine"])


def scores(prefix, y, labels):
    return {
        f"{prefix}accuracy": clustering_accuracy_score(y, labels),
        f"{prefix}nmi": normalized_mutual_info_score(y, labels),
        f"{prefix}ari": adjusted_rand_score(y, labels),
        f"{prefix}clusters": len(np.unique(labels)),
    }


def distinct(centers, Z):
    """Count the centers that are further than a hundredth of the data's spread from all before them."""
    limit = 0.01 * Z.std(axis=0).mean()
    gaps = [np.linalg.norm(centers[:i] - center, axis=1) for i, center in enumerate(centers)]
    return sum(bool(gap.min(initial=np.inf) > limit) for gap in gaps)


def write_atomically(path, write):
    """Call `write` with a temporary path, then move the file to `path`."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    write(temporary)
    os.replace(temporary, path)


def finished(output):
    """Return the rows of the finished runs, in the order of their seeds and initializers."""
    rows = [json.loads(path.read_text()) for path in (output / "runs").glob("*.json")]
    if (output / "results.csv").exists():
        rows = pd.read_csv(output / "results.csv").replace({np.nan: None}).to_dict("records") + rows
    order = list(INITIALIZERS)
    unique = {(row["seed"], order.index(row["init"])): row for row in rows}
    return [row for _, row in sorted(unique.items())]


def run(seed, name, args):
    """Refine the autoencoder of `seed` from the centers of one initializer; return the row of the result."""
    X, y = load(args.data)
    checkpoint = args.output / "checkpoints" / f"{seed}-{name}"
    dcec = DCEC(
        n_clusters=len(np.unique(y)),
        init=INITIALIZERS[name],
        autoencoder=ConvAutoencoder(
            augmentation=None if args.augmentation == "none" else args.augmentation,
            epochs=args.epochs,
            batch_size=args.batch_size,
        ),
        # the settings of the paper, of which the defaults of DCEC differ
        gamma=0.1,
        label_batches=0,
        batches_per_update=args.batches_per_update,
        max_batches=args.max_batches,
        tol=1e-3,
        keep="last",
        batch_size=args.batch_size,
        memory=args.output / "pretrained",
        checkpoint=checkpoint,
        random_state=seed,
    )
    resumed = any(checkpoint.glob("*.npz"))
    record = Record(y)
    # bars need rich and a terminal, and those of several processes would overwrite each other
    bars = args.jobs == 1 and sys.stdout.isatty() and find_spec("rich")
    dcec.set_callbacks(record, *[ProgressBar()] * bool(bars))
    with warnings.catch_warnings():
        # the row has the number of clusters and of distinct centers
        warnings.simplefilter("ignore", ConvergenceWarning)
        dcec.fit(X)
    Z = record.embedding
    write_atomically(args.output / "embeddings" / f"{seed}.npy", lambda path: save(path, Z))
    row = settings(args) | {"images": len(X), "seed": seed, "init": name}
    row |= scores("initial_", y, dcec.initial_labels_) | scores("", y, dcec.labels_)
    row |= {"distinct_centers": distinct(dcec.initial_centers_, Z)}
    row |= {"initial_iterations": getattr(dcec.init_, "n_iter_", None), "batches": dcec.n_batches_}
    row |= {"resumed": int(resumed)}
    row |= {f"{task}_seconds": record.seconds[task] for task in ("pretrain", "initialize", "refine")}
    row |= {f"seconds_to_{level}": record.passed.get(level) for level in LEVELS}
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}


def save(path, array):
    with open(path, "wb") as file:  # np.save would add a suffix to a path
        np.save(file, array)


def run_seed(seed, args):
    """Make the missing runs of one seed, one after the other, because they share an autoencoder."""
    done = {row["init"] for row in finished(args.output) if row["seed"] == seed}
    for name in args.initializers:
        checkpoint = args.output / "checkpoints" / f"{seed}-{name}"
        if name in done:
            # a run may have been killed before it deleted this folder
            shutil.rmtree(checkpoint, ignore_errors=True)
            continue
        result = args.output / "runs" / f"{seed}-{name}.json"
        row = run(seed, name, args)
        write_atomically(result, lambda path, row=row: path.write_text(json.dumps(row)))
        shutil.rmtree(checkpoint)
        rows = finished(args.output)
        write_results(rows, args.output)
        print(
            f"{len(rows):>3} done: seed {seed}, {name}: accuracy {row['initial_accuracy']:.3f} -> "
            f"{row['accuracy']:.3f}, NMI {row['nmi']:.3f}, {row['refine_seconds']:.0f} s",
            flush=True,
        )


def write_results(rows, output):
    table = pd.DataFrame(rows)
    write_atomically(output / "results.csv", lambda path: table.to_csv(path, index=False))


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", help="'usps', 'mnist', 'digits' or an .npz file")
    parser.add_argument("--output", type=Path, required=True, help="folder of the results")
    parser.add_argument("--seeds", type=int, default=10, help="how many seeds (default: 10)")
    parser.add_argument("--first-seed", type=int, default=0, help="(default: 0)")
    parser.add_argument(
        "--initializers",
        type=lambda names: names.split(","),
        default=list(PAPER),
        help=f"of {','.join(INITIALIZERS)} (default: all but the last four)",
    )
    parser.add_argument("--augmentation", choices=["none", "affine"], default="none")
    parser.add_argument("--epochs", type=int, default=200, help="of pretraining (default: 200)")
    parser.add_argument("--batch-size", type=int, default=256, help="(default: 256)")
    parser.add_argument("--batches-per-update", type=int, default=140, help="batches between targets (140)")
    parser.add_argument(
        "--max-batches", type=int, default=20000, help="most batches of joint training (20000)"
    )
    parser.add_argument("--jobs", type=int, default=1, help="seeds at a time, in processes of their own")
    parser.add_argument(
        "--smoke",
        action="store_true",
        help="only check that everything runs: two seeds of the digits, hardly trained",
    )
    args = parser.parse_args()
    if args.smoke:
        vars(args).update(SMOKE)
    if args.data is None:
        parser.error("name a data set, or pass --smoke")
    if unknown := set(args.initializers) - set(INITIALIZERS):
        parser.error(f"--initializers {sorted(unknown)} should be some of {list(INITIALIZERS)}")
    return parser, args


def main():
    parser, args = parse()
    for folder in ("runs", "checkpoints", "pretrained", "embeddings"):
        (args.output / folder).mkdir(parents=True, exist_ok=True)
    for row in finished(args.output):
        if other := {key: row[key] for key, value in settings(args).items() if row[key] != value}:
            parser.error(f"--output {args.output} holds runs with {other}; name another folder")
    if args.jobs > 1:
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(max(cpu_count() // args.jobs, 1)))
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    Parallel(n_jobs=args.jobs)(delayed(run_seed)(seed, args) for seed in seeds)
    rows = finished(args.output)
    write_results(rows, args.output)
    report.show(pd.DataFrame(rows))


if __name__ == "__main__":
    main()
