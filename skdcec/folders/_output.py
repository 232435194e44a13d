"""The folder that a report is written to: only files that a report has written are ever replaced."""

import csv
import io
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

# The file that lists what a report has written, and the folders of a run that is not finished.
MANIFEST, PROGRESS, UNFINISHED = "skdcec.json", ".progress", ".unfinished"


class OutputFolder:
    """A folder for the files of one report, which appear all at once, when it is finished.

    Parameters
    ----------
    path : str or path-like
    pictures : path
        The folder of pictures, which has to lie elsewhere.
    resume : bool
        Whether to continue the fit of an interrupted run.

    Raises
    ------
    FileExistsError
        If the folder contains other files, or the progress of an interrupted run that is not to be continued.
    ValueError
        If one of the folders lies in the other one.
    """

    def __init__(self, path: str | os.PathLike[str], pictures: Path, *, resume: bool) -> None:
        self.path, shown = Path(path), f"output={os.fspath(path)!r}"
        own, other = self.path.resolve(), pictures.resolve()
        if own == other or own in other.parents or other in own.parents:
            raise ValueError(f"{shown} and the folder of pictures should not lie in each other.")
        if self.path.exists() and not self.path.is_dir():
            raise FileExistsError(f"{shown} is a file; it should be a folder.")
        names = {entry.name for entry in self.path.iterdir()} if self.path.is_dir() else set()
        if names - {PROGRESS, UNFINISHED} and MANIFEST not in names:
            raise FileExistsError(f"{shown} contains other files. Name another folder.")
        if PROGRESS in names and not resume:
            raise FileExistsError(
                f"{shown} holds an interrupted run. Continue it with resume (--resume), or delete the folder "
                f"{PROGRESS} in it."
            )
        self.written: list[str] = []

    @property
    def progress(self) -> Path:
        """The folder of the progress."""
        return self.path / PROGRESS

    @property
    def unfinished(self) -> Path:
        """The folder of the new files."""
        return self.path / UNFINISHED

    def begin(self) -> None:
        """Make an empty folder for the new files."""
        shutil.rmtree(self.unfinished, ignore_errors=True)
        self.unfinished.mkdir(parents=True)

    def write(self, name: str, content: bytes) -> None:
        """Write a new file."""
        path = self.unfinished / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self.written.append(name)

    def write_table(self, name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Write a new CSV file, whose names of files may hold any bytes."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(header)
        writer.writerows(rows)
        self.write(name, text.getvalue().encode("utf-8", "surrogateescape"))

    def copy(self, file: Path, name: str) -> None:
        """Copy a file under a new name."""
        path = self.unfinished / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, path)
        self.written.append(name)

    def finish(self, **description: Any) -> None:
        """Replace the files of an earlier report by the new ones, and forget the progress."""
        self._remove_earlier()
        for name in self.written:
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            (self.unfinished / name).replace(target)
        manifest = json.dumps({**description, "files": self.written}, indent=2)
        (self.unfinished / MANIFEST).write_text(manifest, encoding="utf-8", errors="backslashreplace")
        (self.unfinished / MANIFEST).replace(self.path / MANIFEST)
        shutil.rmtree(self.unfinished, ignore_errors=True)
        shutil.rmtree(self.progress, ignore_errors=True)

    def _remove_earlier(self) -> None:
        """Remove the files of an earlier report, and folders that are empty then."""
        try:
            earlier = json.loads((self.path / MANIFEST).read_text(encoding="utf-8"))["files"]
        except (OSError, ValueError, KeyError):
            return
        for name in earlier:
            path = self.path / name
            if path.is_file() and self.path.resolve() in path.resolve().parents:
                path.unlink()
                for folder in path.parents:
                    if folder == self.path or any(folder.iterdir()):
                        break
                    folder.rmdir()
