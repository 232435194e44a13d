"""The progress of a fit in a folder, from which an equal fit goes on.

Each phase of the fit has one file. The same arrays lead on to the same bits, so that a fit that was killed
and called again ends as if it had never been interrupted.
"""

import inspect
import os
import time
import warnings
from functools import partial
from pathlib import Path

import joblib
import numpy as np

from skdcec._deep._storage import check_folder, load_arrays, save_arrays

# The parts of a fit, each with a file of its own.
PHASES = ("pretraining", "refinement")
# Values that say all of themselves.
PLAIN = (str, bytes, int, float, complex, type(None), type(...))
# Seconds between two files of one phase, so that short epochs do not spend their time on the disk.
SAVE_EVERY = 5.0


class Checkpoint:
    """The files of one fit.

    Parameters
    ----------
    folder : str or path-like
    identity : dict of str to str
        What the result of the fit depends on.
    seeds : list of int
        Drawn for this fit; those of an interrupted one take their place.

    Raises
    ------
    ValueError
        If the folder cannot be written to, or holds the progress of a fit with another identity.
    """

    def __init__(self, folder, identity, seeds):
        check_folder(folder, "checkpoint")
        self.folder, self.identity, self.seeds = Path(folder), identity, seeds
        self._saved_at = -np.inf
        self._found = {}
        for phase in PHASES:
            # what a kill left of a file that was being written; no other process has business here
            for path in self.folder.glob(f"{phase}.npz*.tmp"):
                path.unlink(missing_ok=True)
            self._read(phase)

    def _read(self, phase):
        path = self.folder / f"{phase}.npz"
        try:
            arrays, description = load_arrays(path)
            if not (isinstance(description, dict) and description.keys() == {"identity", "seeds"}):
                raise ValueError(f"{os.fspath(path)!r} is no checkpoint of skdcec.")
        except FileNotFoundError:
            return
        except ValueError as error:
            warnings.warn(f"{error} That part of the fit starts anew.", UserWarning, stacklevel=5)
            return
        theirs = description["identity"]
        for name in sorted(self.identity | theirs):
            old, new = theirs.get(name), self.identity.get(name)
            if old != new:
                raise ValueError(
                    f"checkpoint={os.fspath(self.folder)!r} holds the progress of another fit: {name} was "
                    f"{old} and is {new}. Use another folder, or delete that one."
                )
        self.seeds = description["seeds"]
        self._found[phase] = arrays

    def load(self, phase):
        """Return the arrays that were last saved in a phase, or None."""
        return self._found.get(phase)

    def save(self, phase, get_arrays, final=False):
        """Save what get_arrays returns, unless something was saved just now; the final arrays always."""
        if not final and time.monotonic() - self._saved_at < SAVE_EVERY:
            return
        description = {"identity": self.identity, "seeds": self.seeds}
        save_arrays(self.folder / f"{phase}.npz", get_arrays(), description)
        self._saved_at = time.monotonic()


def pack(**groups):
    """Return one dict of arrays from several lists of arrays and single ones."""
    arrays = {}
    for name, group in groups.items():
        if isinstance(group, list):
            arrays |= {f"{name}.{i}": array for i, array in enumerate(group)}
        else:
            arrays[name] = np.asarray(group)
    return arrays


def unpack(arrays, name):
    """Return the list of arrays that was packed under a name."""
    n = sum(key.startswith(f"{name}.") for key in arrays)
    return [arrays[f"{name}.{i}"] for i in range(n)]


def as_text(value):
    """Return a text that differs where a parameter does.

    Of an estimator it says the type and, where it will not be trained anew, the weights: its parameters have
    texts of their own.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, str | int | float):
        return repr(value)
    if isinstance(value, tuple | list):
        return repr([as_text(v) for v in value])
    if hasattr(value, "get_params"):
        # a list where it is a fitted autoencoder; only those do not start anew
        weights = getattr(value, "weights_", None)
        starts = f" with weights {joblib.hash(weights)}" if isinstance(weights, list) else ""
        return type(value).__name__ + starts
    if inspect.isfunction(value) or isinstance(value, partial):
        return f"{getattr(value, '__qualname__', 'partial')} {joblib.hash(repr(described(value)))}"
    if callable(value):
        return getattr(value, "__qualname__", type(value).__name__)
    return joblib.hash(value)


def described(value, outer=()):
    """Return what a function does, or what a value in it is, as far as it can be told: equal in any process.

    Of what may change while the function runs, or is not known to be one of these, only the type counts.
    """
    if any(value is other for other in outer):
        return "itself"
    if isinstance(value, partial):
        return [described(part, outer) for part in (value.func, value.args, in_order(value.keywords))]
    if inspect.isfunction(value):
        defaults = (value.__defaults__, in_order(value.__kwdefaults__ or {}))
        outer = (*outer, value)
        cells = [
            described(cell.cell_contents, outer) for cell in value.__closure__ or () if not is_empty(cell)
        ]
        return [described(value.__code__, outer), *[described(d, outer) for d in defaults], cells]
    if inspect.iscode(value):
        return [value.co_code, value.co_names, described(value.co_consts, outer)]
    if isinstance(value, tuple | frozenset):
        parts = [described(v, outer) for v in value]
        return sorted(map(repr, parts)) if isinstance(value, frozenset) else parts
    if hasattr(value, "get_params") and not inspect.isclass(value):
        return [type(value).__qualname__, described(in_order(value.get_params(deep=False)), outer)]
    if isinstance(value, np.ndarray | np.generic) and not value.dtype.hasobject:
        return joblib.hash(value)
    return repr(value) if isinstance(value, PLAIN) else type(value).__qualname__


def in_order(values):
    """Return the items of a dict of texts in an order that does not depend on how it was filled."""
    return tuple(sorted(values.items()))


def is_empty(cell):
    """Return whether a function's cell has no value yet."""
    try:
        _ = cell.cell_contents
    except ValueError:
        return True
    return False
