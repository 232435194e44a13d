"""
How fast does the network train?
================================

The time of a training step of the paper's network, relative to a plain PyTorch loop of the same network, and
to the floating-point rate of the machine. Each has its own process, and they take turns, epoch by epoch, with
the same number of threads. It needs torch, which the package does not.

Run it, from the folder above ``examples``, as::

    python examples/benchmarks/training.py [--threads 2] [--rounds 7]

On CPUs without instructions for neural networks, TensorFlow uses its fastest kernels (oneDNN) only if the
environment variable TF_ENABLE_ONEDNN_OPTS is 1: try it with and without.
"""

import argparse
import multiprocessing
import os
import threading
import time

import numpy as np
from _common import print_table, write
from threadpoolctl import threadpool_limits

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--rounds", type=int, default=7)
parser.add_argument("--images", type=int, default=2560)
parser.add_argument("--sides", type=int, nargs="+", default=[16, 28])
parser.add_argument("--output", default="training.json", help="file of all numbers")
BATCH_SIZE = 256
# Floating-point operations of one image, forward and backward.
FLOP = {16: 14.0e6, 28: 40.0e6}


def torch_epochs(images, threads):
    """Train the same network with a plain loop: channels last, fused Adam; yield after each epoch."""
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    side = images.shape[1]
    unpadded = side == 28
    features = 3 if unpadded else 2
    padding = 0 if unpadded else 1
    encoder = nn.Sequential(
        nn.Conv2d(1, 32, 5, 2, 2), nn.ReLU(),
        nn.Conv2d(32, 64, 5, 2, 2), nn.ReLU(),
        nn.Conv2d(64, 128, 3, 2, padding), nn.ReLU(),
        nn.Flatten(), nn.Linear(128 * features**2, 10),
    )  # fmt: skip
    decoder = nn.Sequential(
        nn.Linear(10, 128 * features**2), nn.ReLU(), nn.Unflatten(1, (128, features, features)),
        nn.ConvTranspose2d(128, 64, 3, 2, padding, output_padding=0 if unpadded else 1), nn.ReLU(),
        nn.ConvTranspose2d(64, 32, 5, 2, 2, output_padding=1), nn.ReLU(),
        nn.ConvTranspose2d(32, 1, 5, 2, 2, output_padding=1),
    )  # fmt: skip
    model = nn.Sequential(encoder, decoder).to(memory_format=torch.channels_last)
    X = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    while True:
        for rows in torch.randperm(len(X)).split(BATCH_SIZE):
            x = X[rows]
            optimizer.zero_grad()
            loss = ((model(x) - x) ** 2).mean()
            loss.backward()
            optimizer.step()
        yield


def our_epochs(images, threads, augmentation=None):
    """Train the autoencoder of skdcec in a thread; yield after each epoch."""
    import tensorflow as tf

    from skdcec import ConvAutoencoder

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    turns = Turns()
    autoencoder = ConvAutoencoder(
        batch_size=BATCH_SIZE, augmentation=augmentation, epochs=10**6, random_state=0
    ).set_callbacks(turns)
    threading.Thread(target=autoencoder.fit, args=(images,), daemon=True).start()
    while True:
        turns.take()
        yield


class Turns:
    """Callback that lets a fit train one epoch for each call of ``take``."""

    max_propagation_depth = 0

    def __init__(self):
        self.may_train, self.trained = threading.Semaphore(0), threading.Semaphore(0)

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch":
            self.may_train.acquire()

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch":
            self.trained.release()

    def teardown(self, estimator, context):
        pass

    def take(self):
        self.may_train.release()
        self.trained.acquire()


def our_augmented_epochs(images, threads):
    """Train the autoencoder of skdcec on augmented images."""
    return our_epochs(images, threads, "affine")


def matrix_products(images, threads):
    """Multiply matrices, with the floating-point operations of an epoch."""
    A = np.random.default_rng(0).random((1500, 1500), dtype=np.float32)
    n = max(1, round(len(images) * FLOP[images.shape[1]] / (2 * 1500**3)))
    with threadpool_limits(threads, "blas"):
        while True:
            for _ in range(n):
                A @ A
            yield


LOOPS = {
    "skdcec": our_epochs,
    "skdcec, augmented": our_augmented_epochs,
    "torch": torch_epochs,
    "matrix products": matrix_products,
}


def work(connection, name, images, threads):
    """Run an epoch for each request, and send its seconds."""
    loop = LOOPS[name](images, threads)
    while connection.recv():
        start = time.perf_counter()
        next(loop)
        connection.send(time.perf_counter() - start)


def main():
    args = parser.parse_args()
    onednn = os.environ.get("TF_ENABLE_ONEDNN_OPTS", "unset")
    print(f"{args.threads} threads, TF_ENABLE_ONEDNN_OPTS {onednn}; microseconds an image, median (least)")
    context = multiprocessing.get_context("spawn")
    numbers, lines = {"threads": args.threads, "onednn": onednn}, []
    for side in args.sides:
        images = np.random.default_rng(0).random((args.images, side, side, 1), dtype=np.float32)
        workers, times = {}, {name: [] for name in LOOPS}
        for name in LOOPS:
            workers[name], theirs = context.Pipe()
            context.Process(target=work, args=(theirs, name, images, args.threads), daemon=True).start()
        for turn in range(args.rounds + 2):
            for name, worker in workers.items():
                worker.send(True)
                seconds = worker.recv()
                if turn > 1:  # the first ones compile
                    times[name].append(seconds / len(images) * 1e6)
        for worker in workers.values():
            worker.send(False)
        numbers[f"{side} x {side}"] = times
        for name, t in times.items():
            over = [f"{np.median(np.divide(t, times[other])):.2f}" for other in ("torch", "matrix products")]
            lines.append([f"{side} x {side}", name, f"{np.median(t):.0f} ({min(t):.0f})", *over])
    print_table(["images", "loop", "microseconds an image", "over torch", "over the matrix products"], lines)
    write(args.output, numbers)


if __name__ == "__main__":
    main()
