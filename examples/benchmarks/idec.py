"""
IDEC against ClustPy's
======================

``DCEC`` on the fully connected autoencoder is IDEC. This fits it and ClustPy's IDEC (on PyTorch) to the same
images, with the same layers, batches and numbers of epochs, in processes that take turns. It needs clustpy
and torch, which the package does not. The first fit of a process compiles or warms up, and is not counted.

Run it, from the folder above ``examples``, as::

    python examples/benchmarks/idec.py usps.npz [--threads 2] [--rounds 3]
"""

import argparse
import multiprocessing
import time

import numpy as np
from _common import print_table, write

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("data", help="an .npz file with x_train and y_train")
parser.add_argument("--output", default="idec.json", help="file of all numbers")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--pretraining-epochs", type=int, default=10)
parser.add_argument("--clustering-epochs", type=int, default=10)


def ours(args):
    """Return a function of a seed that fits DCEC and returns labels."""
    import tensorflow as tf

    from skdcec import DCEC, DenseAutoencoder
    from skdcec.datasets import load_npz

    tf.config.threading.set_intra_op_parallelism_threads(args.threads)
    X = load_npz(args.data).data
    n_batches = args.clustering_epochs * -(-len(X) // 256)
    autoencoder = DenseAutoencoder(epochs=args.pretraining_epochs)
    # ClustPy computes targets from each batch, skdcec from all images once per epoch
    model = DCEC(autoencoder=autoencoder, batches_per_update="epoch", max_batches=n_batches, tol=0)
    return lambda seed: model.set_params(random_state=seed).fit_predict(X)


def clustpy(args):
    """Return a function of a seed that fits ClustPy's IDEC and returns labels."""
    import torch
    from clustpy.deep import IDEC

    from skdcec.datasets import load_npz

    torch.set_num_threads(args.threads)
    X = load_npz(args.data).data
    epochs = {"pretrain_epochs": args.pretraining_epochs, "clustering_epochs": args.clustering_epochs}

    def fit(seed):
        return IDEC(10, embedding_size=10, random_state=seed, **epochs).fit(X).labels_

    return fit


def work(connection, make, args):
    """Fit for each seed received, and send the seconds and labels."""
    fit = make(args)
    while (seed := connection.recv()) is not None:
        start = time.perf_counter()
        labels = fit(seed)
        connection.send((time.perf_counter() - start, labels))


def main():
    from skdcec.datasets import load_npz
    from skdcec.metrics import clustering_accuracy_score

    args = parser.parse_args()
    y = load_npz(args.data).target
    context = multiprocessing.get_context("spawn")
    workers, rows = {}, {"skdcec": [], "clustpy": []}
    for name, make in (("skdcec", ours), ("clustpy", clustpy)):
        workers[name], theirs = context.Pipe()
        context.Process(target=work, args=(theirs, make, args), daemon=True).start()
    for seed in range(args.rounds + 1):
        for name, worker in workers.items():
            worker.send(seed)
            seconds, labels = worker.recv()
            if seed:
                rows[name].append((seconds, clustering_accuracy_score(y, labels)))
    for worker in workers.values():
        worker.send(None)
    lines = []
    for name, measured in rows.items():
        seconds, accuracy = np.array(measured).T
        ratio = np.median(seconds / np.array(rows["clustpy"])[:, 0])
        scores = ", ".join(f"{a:.3f}" for a in accuracy)
        lines.append([name, f"{np.median(seconds):.1f}", f"{ratio:.2f}", scores])
    print_table(["package", "seconds", "over clustpy", "accuracy"], lines)
    write(args.output, {"threads": args.threads, "seconds and accuracy": rows})


if __name__ == "__main__":
    main()
