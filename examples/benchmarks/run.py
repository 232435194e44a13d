"""
All benchmarks
==============

Runs the named benchmarks, or all, one after the other. Each writes its numbers to a JSON file and its tables
to a Markdown file. A benchmark is left out if a requirement (torch, clustpy, an ``.npz`` file of images) is
missing.

Run it, from the folder above ``examples``, as::

    python examples/benchmarks/run.py [startup centers ...] [--data usps.npz] [--output benchmarks]
"""

import argparse
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

# Benchmarks, their additional packages, and whether they need images.
BENCHMARKS = {
    "quality": ([], True),
    "unequal": ([], False),
    "losses": ([], True),
    "gpu": (["jax"], True),
    "swap": ([], False),
    "startup": ([], False),
    "centers": ([], False),
    "growth": (["dask", "distributed"], False),
    "collapse": ([], False),
    "where_time_goes": ([], True),
    "training": (["torch"], False),
    "idec": (["torch", "clustpy"], True),
    "faults": (["pandas"], False),
    "doubts": (["PIL"], False),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(BENCHMARKS)}; all if there are none")
    parser.add_argument("--data", help="an .npz file with x_train and y_train, such as usps.npz")
    parser.add_argument("--output", type=Path, default="benchmarks", help="folder for numbers and tables")
    args = parser.parse_args()
    if unknown := set(args.names) - set(BENCHMARKS):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")

    args.output.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in args.names or BENCHMARKS:
        packages, needs_data = BENCHMARKS[name]
        missing = [package for package in packages if find_spec(package) is None]
        if missing or (needs_data and not args.data):
            print(f"{name}: left out, for lack of {', '.join(missing) or '--data'}", flush=True)
            continue
        print(f"{name}:", flush=True)
        command = [sys.executable, Path(__file__).with_name(f"{name}.py"), *[args.data] * needs_data]
        with (args.output / f"{name}.md").open("w") as tables:
            process = subprocess.Popen(
                [*command, "--output", args.output / f"{name}.json"], stdout=subprocess.PIPE, text=True
            )
            for line in process.stdout:
                print(line, end="", flush=True)
                tables.write(line)
        if process.wait():
            failed.append(name)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
