"""
A whole fit on an accelerator
=============================

Times the phases of `DCEC` with the network and the start of the paper: pretraining, k-means in the embedding,
joint training. Prints the device, seconds for each phase and step, the mean utilization (NVIDIA only) and the
accuracy. Needs no internet, and of Keras' backends only the one in ``KERAS_BACKEND``.

Run it, from the folder above ``examples``, as::

    KERAS_BACKEND=jax python examples/benchmarks/gpu.py mnist.npz [--epochs 500] [--batches 5000]

With ``digits --epochs 2 --batches 20`` and TensorFlow, it is a test of seconds on a CPU.
"""

import argparse
import json
import shutil
import subprocess
import threading
import time
import warnings
from pathlib import Path

import keras
import numpy as np
from quality import load
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import normalized_mutual_info_score

from skdcec import DCEC, ConvAutoencoder
from skdcec.metrics import clustering_accuracy_score


def load_all(path):
    """Return all images of a file, of both parts if there are two, and their classes."""
    X, y = load(path)
    if path.endswith(".npz"):
        with np.load(path) as file:
            if "x_test" in file:
                rest = file["x_test"]
                rest = rest / np.float32(255) if rest.dtype == np.uint8 else rest
                X, y = np.concatenate([X, rest]), np.concatenate([y, file["y_test"].astype(int)])
    return X.astype(np.float32), y


def device_name():
    """Return the name of the device that Keras uses."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        name = jax.devices()[0].device_kind
    elif backend == "torch":
        import torch

        name = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    else:
        import tensorflow as tf

        found = tf.config.list_physical_devices("GPU")
        name = tf.config.experimental.get_device_details(found[0])["device_name"] if found else "cpu"
    return f"{name}, Keras {keras.__version__} on {backend}"


class Clock:
    """Callback that keeps the time of the beginning and end of each task, also of the autoencoder."""

    max_propagation_depth = None

    def setup(self, estimator, context):
        self.began, self.ended = {}, {}

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        self.began.setdefault(context.task_name, []).append(time.perf_counter())

    def on_fit_task_end(self, estimator, context):
        self.ended.setdefault(context.task_name, []).append(time.perf_counter())

    def seconds(self, name):
        """Return the seconds of each task of a name."""
        return np.array(self.ended[name]) - self.began[name]


class Utilization:
    """The utilization of the first NVIDIA device, sampled twice a second by a thread."""

    def __init__(self):
        self.samples, self.stopped = [], threading.Event()
        self.thread = threading.Thread(target=self.sample, daemon=True)

    def __enter__(self):
        if shutil.which("nvidia-smi"):
            self.thread.start()
        return self

    def __exit__(self, *error):
        self.stopped.set()

    def sample(self):
        query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--id=0"]
        while not self.stopped.wait(0.5):
            done = subprocess.run(query, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                self.samples.append((time.perf_counter(), float(done.stdout.split()[0])))

    def between(self, start, end):
        """Return the mean utilization in a time, as text."""
        found = [value for when, value in self.samples if start <= when <= end]
        return f"{np.mean(found):.0f} %" if found else "unknown"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("data", nargs="?", default="digits", help="a name or an .npz file")
    parser.add_argument("--epochs", type=int, default=500)
    parser.add_argument("--batches", type=int, default=5000)
    parser.add_argument("--images", type=int, help="use the first images only")
    parser.add_argument("--policy", default="float32", help="dtype_policy of the layers")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default="gpu.json", help="the JSON file of all numbers")
    args = parser.parse_args()
    X, y = (array[: args.images] for array in load_all(args.data))
    print(f"device: {device_name()}; {len(X)} images of {X.shape[1:]}, {args.policy}", flush=True)
    dcec = DCEC(
        len(np.unique(y)),
        init=KMeans(n_init=20),
        autoencoder=ConvAutoencoder(epochs=args.epochs, dtype_policy=args.policy),
        gamma=0.1,
        batches_per_update=140,
        max_batches=args.batches,
        tol=0.0,
        keep="last",
        random_state=args.seed,
    )
    clock = Clock()
    with Utilization() as use, warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        began = time.perf_counter()
        dcec.set_callbacks(clock).fit(X)
        total = time.perf_counter() - began
    steps = -(-len(X) // 256)
    epochs, updates = clock.seconds("epoch"), clock.seconds("update")
    print(f"whole fit: {total:.1f} s")
    # the task of the autoencoder takes the place of the end of the phase
    spans = {"pretrain": (clock.began["pretrain"][0], clock.ended["epoch"][-1])}
    spans |= {name: (clock.began[name][0], clock.ended[name][0]) for name in ("initialize", "refine")}
    for name, (start, end) in spans.items():
        print(f"{name}: {end - start:.1f} s, utilization {use.between(start, end)}")
    rest = total - sum(end - start for start, end in spans.values())
    print(f"the rest (checks, graph of the score, last labels): {rest:.1f} s")
    print(f"first epoch {epochs[0]:.2f} s, median epoch {np.median(epochs):.3f} s, ", end="")
    print(f"{1e3 * np.median(epochs) / steps:.3f} ms for each of its {steps} steps")
    print(f"first update {updates[0]:.2f} s, median update {np.median(updates):.3f} s")
    found = []
    for labels in (dcec.initial_labels_, dcec.labels_):
        scores = clustering_accuracy_score(y, labels), normalized_mutual_info_score(y, labels)
        found.append("{:.4f} / {:.4f}".format(*scores))
    print("accuracy / NMI: {} at the start, {} at the end".format(*found))
    numbers = {"device": device_name(), "seconds": total, "scores": found, "epochs": epochs.tolist()}
    numbers |= {name: end - start for name, (start, end) in spans.items()} | {"updates": updates.tolist()}
    args.output.write_text(json.dumps(numbers, indent=1))


if __name__ == "__main__":
    main()
