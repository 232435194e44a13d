"""The command ``python -m skdcec PICTURES -k 8 -o OUT``."""

import argparse
import sys
from collections.abc import Sequence

from skdcec._version import __version__


def number(text: str) -> float:
    """Return the number of a text, an int if it is whole."""
    return int(text) if text.isdecimal() else float(text)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    p = argparse.ArgumentParser(
        prog="python -m skdcec",
        description="Cluster the pictures of a folder, and write a report on their clusters.",
    )
    p.add_argument("pictures", help="the folder of pictures, with its subfolders")
    p.add_argument("-k", "--clusters", type=int, help="number of clusters (default: chosen automatically)")
    p.add_argument(
        "-o", "--output", required=True, help="new or empty folder, or an earlier report to replace"
    )
    p.add_argument(
        "--min-cluster-size",
        type=number,
        help="if clusters differ much in size: about half the size of the smallest, as a number of pictures "
        "or, below 1, as a fraction of them",
    )
    p.add_argument("--minutes", type=float, default=10.0, help="time for all of it (default: 10)")
    p.add_argument(
        "--image-size", type=int, default=32, help="side to which pictures are scaled (default: 32)"
    )
    p.add_argument(
        "--fit", choices=["crop", "pad", "stretch"], default="crop", help="how pictures are made square"
    )
    p.add_argument("--copy", action="store_true", help="copy the pictures into a folder for each cluster")
    p.add_argument("--resume", action="store_true", help="continue an interrupted run")
    p.add_argument("--seed", type=int, default=0, help="seed of all random numbers (default: 0)")
    p.add_argument("--quiet", action="store_true", help="print only doubts and the path of the report")
    p.add_argument("--version", action="version", version=__version__)
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    args = parser().parse_args(arguments)
    try:
        from skdcec.folders import cluster_folder

        result = cluster_folder(
            args.pictures,
            args.output,
            args.clusters,
            min_cluster_size=args.min_cluster_size,
            image_size=args.image_size,
            fit=args.fit,
            minutes=args.minutes,
            copy=args.copy,
            resume=args.resume,
            random_state=args.seed,
            verbose=0 if args.quiet else 1,
        )
    except KeyboardInterrupt:
        print("Interrupted. Continue with --resume.", file=sys.stderr)  # noqa: T201
        return 130
    except (OSError, ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 2
    for doubt in result.doubts:
        print(f"doubt: {doubt}")  # noqa: T201
    print(result.report)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
