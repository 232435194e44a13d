"""The progress of a fit in a folder, from which an equal or longer fit goes on.

Each phase of the fit has one file. The same arrays lead on to the same bits, so that a fit that was killed
and called again ends as if it had never been interrupted.
"""

import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from skdcec._deep._storage import Arrays, check_folder, load_arrays, save_arrays
from skdcec._warn import warn

# The parts of a fit, each with a file of its own.
PHASES = ("pretraining", "refinement")
# Parameters that are compared as numbers, even if they are 'auto'.
RESOLVED = ("label_batches", "batches_per_update")
# What a file tells besides arrays.
DESCRIPTION = {"identity", "seeds", "lengths"}
# Seconds between two files of one phase, so that short epochs do not spend their time on the disk.
SAVE_EVERY = 5.0
# Hashes in the text of a value, after its type, and the JSON of a Keras object.
HASHES = re.compile(r"(?: with weights)? ?[0-9a-f]{32}.*", re.DOTALL)
KERAS_CLASS = re.compile(r'{.*?"class_name": "(\w+)".*', re.DOTALL)
# Longer lists are not printed.
LONGEST_LIST = 40


class Checkpoint:
    """The files of one fit.

    Parameters
    ----------
    folder : str or path-like
    identity : dict of str to str
        Everything that the result of the fit depends on.
    seeds : list of int
        Drawn for this fit; replaced by those of an interrupted one.
    lengths : dict of str to int
        How long each phase lasts, by the name of the parameter; a longer one goes on with a shorter one.

    Raises
    ------
    ValueError
        If the folder cannot be written to, or holds the progress of a fit with another identity, or of a
        longer one.
    """

    def __init__(
        self, folder: Any, identity: dict[str, str], seeds: list[int], lengths: dict[str, int]
    ) -> None:
        if Path(folder).is_file():
            raise ValueError(f"checkpoint={os.fspath(folder)!r} is a file; it should be a folder.")
        check_folder(folder, "checkpoint")
        self.folder, self.identity, self.seeds, self.lengths = Path(folder), identity, seeds, lengths
        self._saved_at = -np.inf
        self._found: dict[str, Arrays] = {}
        for phase in PHASES:
            # left by a kill while the file was written; no other process writes here
            for path in self.folder.glob(f"{phase}.npz*.tmp"):
                path.unlink(missing_ok=True)
            self._read(phase)

    def _read(self, phase: str) -> None:
        path = self.folder / f"{phase}.npz"
        try:
            arrays, description = load_arrays(path)
            if not (isinstance(description, dict) and description.keys() == DESCRIPTION):
                raise ValueError(f"{os.fspath(path)!r} is no checkpoint of skdcec.")
        except FileNotFoundError:
            return
        except ValueError as error:
            warn(f"{error} That part of the fit starts again.")
            return
        theirs = description["identity"]
        for name in sorted(self.identity | theirs):
            old, new = theirs.get(name), self.identity.get(name)
            if old != new:
                # 'auto' may be another number in a longer fit
                remedy = f"Set {name}={old}, use" if name in RESOLVED else "Use"
                raise ValueError(
                    f"checkpoint={os.fspath(self.folder)!r} holds the progress of another fit: "
                    f"{difference(name, old, new)}. {remedy} another folder, or delete that one."
                )
        longer = {name for name, length in self.lengths.items() if length > description["lengths"][name]}
        for name, length in self.lengths.items():
            if length < description["lengths"][name]:
                raise ValueError(
                    f"checkpoint={os.fspath(self.folder)!r} holds the progress of a longer fit: {name} was "
                    f"{description['lengths'][name]} and is {length}. Use another folder, or delete that one."
                )
        self.seeds = description["seeds"]
        # a longer pretraining ends elsewhere, where the later phase has to start again
        if phase == PHASES[0] or "epochs" not in longer:
            self._found[phase] = arrays

    def load(self, phase: str) -> Arrays | None:
        """Return the arrays that were last saved in a phase, or None."""
        return self._found.get(phase)

    def save(self, phase: str, get_arrays: Callable[[], Arrays], final: bool = False) -> None:
        """Save the arrays that a function returns, unless some were saved just now; the final ones always."""
        if not final and time.monotonic() - self._saved_at < SAVE_EVERY:
            return
        description = {"identity": self.identity, "seeds": self.seeds, "lengths": self.lengths}
        save_arrays(self.folder / f"{phase}.npz", get_arrays(), description)
        self._saved_at = time.monotonic()


def difference(name: str, old: str | None, new: str | None) -> str:
    """Return how two texts of an identity differ, in words."""
    if name == "random_state":  # of which the texts are seeds that were drawn
        return "random_state differs"
    before, now = readable(old), readable(new)
    if name == "X":
        return "X has other images" + (f" ({before} before, {now} now)" if before and before != now else "")
    return f"{name} was {before} and is {now}" if before != now else f"{name} was different"


def readable(text: str | None) -> str:
    """Return a text of an identity if it is short, else what kind of value it is of."""
    text = str(text)
    if text.startswith("[") and len(text) > LONGEST_LIST:
        return "a list"
    kind = HASHES.sub("", KERAS_CLASS.sub(r"\1", text))
    return "an array" if kind == "numpy.ndarray" else kind


class Saved(NamedTuple):
    """The progress of a phase: everything from which it can go on."""

    weights: list[ndarray]
    progress: list[ndarray]  # of the `Trainer`
    records: list[dict[str, float]]  # the history so far
    stopped: bool  # by a callback
    others: Arrays  # arrays of one phase only

    def arrays(self) -> Arrays:
        """Return one dict of arrays."""
        history = np.frombuffer(json.dumps(self.records).encode(), np.uint8)
        lists = pack(weights=self.weights, progress=self.progress)
        return lists | self.others | {"history": history, "stopped": np.array(self.stopped)}

    @classmethod
    def load(cls, checkpoint: Checkpoint | None, phase: str) -> "Saved | None":
        """Return the last progress of a phase, or None."""
        arrays = checkpoint.load(phase) if checkpoint else None
        if arrays is None:
            return None
        others = {name: array for name, array in arrays.items() if "." not in name}
        records = json.loads(bytes(others.pop("history")))
        stopped = bool(others.pop("stopped"))
        return cls(unpack(arrays, "weights"), unpack(arrays, "progress"), records, stopped, others)


def pack(**lists: list[ndarray]) -> Arrays:
    """Return one dict of arrays from several lists of them."""
    return {f"{name}.{i}": array for name, arrays in lists.items() for i, array in enumerate(arrays)}


def unpack(arrays: Arrays, name: str) -> list[ndarray]:
    """Return the list of arrays that was packed under a name."""
    n = sum(key.startswith(f"{name}.") for key in arrays)
    return [arrays[f"{name}.{i}"] for i in range(n)]
