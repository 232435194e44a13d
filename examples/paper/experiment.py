"""The experiment of the paper: which initialiser suits deep convolutional embedded clustering?

For each seed one autoencoder is pretrained, and refined once from the centers of each initialiser, so
that the initialisers can be compared in pairs. Each finished run is a file of its own in the output
folder, and ``results.csv`` holds them all; what is there is not run again, and a run that was killed goes
on from its checkpoint.

    python examples/paper/experiment.py usps.npz --output results --seeds 10

Where a CPU lacks AVX-512, setting the environment variable TF_ENABLE_ONEDNN_OPTS=1 makes TensorFlow train
these networks up to 1.7 times as fast.
"""

import argparse
import json
import os
import shutil
import time
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from sklearn.cluster import AgglomerativeClustering, KMeans, SpectralClustering
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.mixture import GaussianMixture

from skdcec import DCEC, ConvAutoencoder, KernelKHarmonicMeans, KHarmonicMeans, MahalanobisKMeans
from skdcec.datasets import load_digits_images, load_npz
from skdcec.metrics import clustering_accuracy_score


def random_centers(Z, n_clusters, random_state):
    """Return images drawn at random: the control that any initialiser should beat."""
    return Z[random_state.choice(len(Z), n_clusters, replace=False)]


INITIALIZERS = {
    "kmeans": KMeans(n_init=20),
    "kmeans-1": KMeans(n_init=1),
    "mahalanobis": MahalanobisKMeans(),
    "mahalanobis-tied": MahalanobisKMeans(covariance_type="tied", n_init=20),
    "khm-2": KHarmonicMeans(p=2),
    "khm": KHarmonicMeans(),
    "kernel-1": KernelKHarmonicMeans(p=2, sigma=1.0),
    "kernel": KernelKHarmonicMeans(),
    "gmm": GaussianMixture(),
    "ward": AgglomerativeClustering(),
    "spectral": SpectralClustering(affinity="nearest_neighbors"),
    "random": random_centers,
}
PAPER = [
    "kmeans",
    "kmeans-1",
    "mahalanobis",
    "mahalanobis-tied",
    "khm-2",
    "khm",
    "kernel-1",
    "kernel",
    "gmm",
    "random",
]
LEVELS = (0.95, 0.98)


class Clock:
    """Callback that notes the seconds of each phase, the first embedding, and when accuracy was reached."""

    def __init__(self, y):
        self.y, self.begin, self.seconds, self.passed = y, {}, {}, {}

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context):
        self.begin[context.task_name] = time.perf_counter()

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        task = context.task_name
        self.seconds[task] = time.perf_counter() - self.begin[task]
        if task == "initialise":
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


def write_atomically(path, text):
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(text)
    os.replace(temporary, path)


def run(seed, name, args):
    """Make one run, unless its result is there; return its row."""
    result = args.output / "runs" / f"{seed}-{name}.json"
    if result.exists():
        return json.loads(result.read_text())
    data = load_digits_images() if args.data == "digits" else load_npz(args.data)
    X, y = data.images, data.target
    checkpoint = args.output / "checkpoints" / f"{seed}-{name}"
    autoencoder = ConvAutoencoder(
        augmentation=None if args.augmentation == "none" else args.augmentation,
        epochs=args.epochs,
        batch_size=args.batch_size,
    )
    dcec = DCEC(
        n_clusters=len(np.unique(y)),
        init=INITIALIZERS[name],
        autoencoder=autoencoder,
        update_interval=args.update_interval,
        max_iter=args.max_iter,
        batch_size=args.batch_size,
        memory=args.output / "pretrained",
        checkpoint=checkpoint,
        random_state=seed,
    )
    resumed = checkpoint.exists()
    clock = Clock(y)
    dcec.set_callbacks(clock).fit(X)
    Z = clock.embedding
    D = np.stack([np.square(Z - center).sum(axis=1) for center in dcec.initial_centers_], axis=1)
    row = {"seed": seed, "init": name}
    row |= scores("initial_", y, D.argmin(axis=1)) | scores("", y, dcec.labels_)
    row |= {"batches": dcec.n_iter_, "resumed": int(resumed)}
    row |= {f"{task}_seconds": clock.seconds[task] for task in ("pretrain", "initialise", "refine")}
    row |= {f"seconds_to_{level}": clock.passed.get(level, "") for level in LEVELS}
    row = {key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}
    write_atomically(result, json.dumps(row))
    shutil.rmtree(checkpoint)
    print(
        "seed {seed}, {init}: accuracy {initial_accuracy:.3f} -> {accuracy:.3f}, NMI {nmi:.3f}".format(**row),
        flush=True,
    )
    return row


def run_seed(seed, args):
    """Make the runs of one seed one after the other, as they share an autoencoder."""
    return [run(seed, name, args) for name in args.initializers]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", help="'digits', or an .npz file with x_train and y_train")
    parser.add_argument("--output", type=Path, required=True, help="folder of the results")
    parser.add_argument("--seeds", type=int, default=10, help="how many seeds")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--initializers", type=lambda s: s.split(","), default=PAPER)
    parser.add_argument("--augmentation", choices=["none", "affine"], default="none")
    parser.add_argument("--epochs", type=int, default=200, help="of pretraining")
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--update-interval", type=int, default=140, help="batches between targets")
    parser.add_argument("--max-iter", type=int, default=20000, help="most batches of joint training")
    parser.add_argument("--jobs", type=int, default=1, help="seeds at a time, in processes of their own")
    args = parser.parse_args()
    for folder in ("runs", "checkpoints", "pretrained"):
        (args.output / folder).mkdir(parents=True, exist_ok=True)
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    tables = Parallel(n_jobs=args.jobs)(delayed(run_seed)(seed, args) for seed in seeds)
    rows = [row for table in tables for row in table]
    lines = [",".join(rows[0])] + [",".join(str(v) for v in row.values()) for row in rows]
    write_atomically(args.output / "results.csv", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
