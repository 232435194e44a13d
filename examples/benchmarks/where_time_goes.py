"""
Where does the time of a fit go?
================================

Fits DCEC to the USPS images twice, with few epochs of pretraining and some hundred batches of joint training,
and prints the seconds of each part. The networks of the second fit are compiled already.

Run it, from the folder above ``examples``, as::

    python examples/benchmarks/where_time_goes.py usps.npz [--epochs 10] [--output where_time_goes.json]
"""

import argparse
import cProfile
import pstats
import time

from _common import print_table, write

from skdcec import DCEC, ConvAutoencoder
from skdcec.datasets import load_npz

# Functions that do not call each other, by their file and name.
PARTS = {
    "training steps, in Keras": ("_models.py", "_take_steps"),
    "images of the batches": ("_images.py", "__getitem__"),
    "targets of the batches": ("_losses.py", "__getitem__"),
    "embedding all images": ("_training.py", "encode"),
    "making networks": ("_models.py", "__init__"),
    "frequencies of the targets": ("_losses.py", "targets"),
    "assigning all images": ("_losses.py", "nearest_centers"),
    "placing the centers": ("_initializers.py", "place_centers"),
}


def profile(dcec, X):
    """Fit; return the seconds of each part, of the rest, and in total."""
    profiler = cProfile.Profile()
    start = time.perf_counter()
    profiler.runcall(dcec.fit, X)
    total = time.perf_counter() - start
    spent = dict.fromkeys(PARTS, 0.0)
    for (file, _, function), (_, _, _, cumulative, _) in pstats.Stats(profiler).stats.items():
        for part, (module, name) in PARTS.items():
            if function == name and file.endswith(f"skdcec/_deep/{module}"):
                spent[part] += cumulative
    return spent | {"all else": total - sum(spent.values()), "total": total}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("data", help="an .npz file with x_train and y_train")
    parser.add_argument("--epochs", type=int, default=10, help="of pretraining")
    parser.add_argument("--batches", type=int, default=420, help="of joint training")
    parser.add_argument("--output", default="where_time_goes.json", help="file of all numbers")
    args = parser.parse_args()

    X = load_npz(args.data).images
    autoencoder = ConvAutoencoder(augmentation="affine", epochs=args.epochs)
    dcec = DCEC(autoencoder=autoencoder, max_batches=args.batches, tol=0, random_state=0)
    first, second = profile(dcec, X), profile(dcec, X)
    lines = [
        [part, f"{first[part]:.2f}", f"{second[part]:.2f}", f"{second[part] / second['total']:.1%}"]
        for part in first
    ]
    print_table(["part", "first fit, s", "second fit, s", "fraction"], lines)
    write(args.output, {"epochs": args.epochs, "batches": args.batches, "first": first, "second": second})


if __name__ == "__main__":
    main()
