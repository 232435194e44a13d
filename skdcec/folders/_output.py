"""The folder that a report is written to: it belongs to one run, and files of others are left alone."""

import csv
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

# The file by which a folder is recognized, and the folder of the progress of the fit.
MARKER, PROGRESS = "skdcec.json", ".progress"


class OutputFolder:
    """A folder for the files of one run.

    Parameters
    ----------
    path : str or path-like
    resume : bool
        Whether to go on with the progress that an interrupted run has left there.

    Raises
    ------
    FileExistsError
        If there are files in it that no report has made.
    """

    def __init__(self, path: str | os.PathLike[str], *, resume: bool) -> None:
        self.path = Path(path)
        if self.path.exists() and not self.path.is_dir():
            raise FileExistsError(f"output={os.fspath(path)!r} is a file; it should be a folder.")
        if self.path.is_dir() and any(self.path.iterdir()) and not (self.path / MARKER).is_file():
            raise FileExistsError(
                f"output={os.fspath(path)!r} has files that were not made by skdcec. Name another folder."
            )
        self.path.mkdir(parents=True, exist_ok=True)
        if not resume:
            shutil.rmtree(self.progress, ignore_errors=True)

    @property
    def progress(self) -> Path:
        """The folder of the progress."""
        return self.path / PROGRESS

    def mark(self, **description: Any) -> None:
        """Make the folder known as one of this package, with a description of the run."""
        self.write(MARKER, json.dumps(description, indent=2).encode())

    def clear(self, names: Iterable[str]) -> None:
        """Remove files and folders of an earlier run."""
        for name in names:
            for path in self.path.glob(name):
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()

    def write(self, name: str, content: bytes) -> Path:
        """Write a file as a whole or not at all."""
        path, temporary = self.path / name, self.path / f"{name}.tmp"
        temporary.write_bytes(content)
        temporary.replace(path)
        return path

    def write_table(self, name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Path:
        """Write a CSV file, whose names of files may hold any bytes."""
        path, temporary = self.path / name, self.path / f"{name}.tmp"
        with temporary.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            writer.writerows(rows)
        temporary.replace(path)
        return path

    def copy_sorted(self, folder: Path, files: Sequence[str], clusters: Sequence[int]) -> None:
        """Copy files into one folder for each cluster; subfolders are kept, so that no name meets another."""
        for file, cluster in zip(files, clusters, strict=True):
            target = self.path / "clusters" / f"{cluster:02d}" / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(folder / file, target)
