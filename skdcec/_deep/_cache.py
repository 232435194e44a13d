"""A folder of pretrained autoencoders, shared between fits."""

import os
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from skdcec._deep._checkpoint import pack, unpack
from skdcec._deep._storage import Weights, check_folder, load_arrays, save_arrays
from skdcec._warn import warn


class Cache:
    """The files of a folder, which hold arrays and JSON only.

    Parameters
    ----------
    memory : str, path-like or joblib.Memory
        The folder, or a memory whose location it is.

    Raises
    ------
    ValueError
        If the folder cannot be written to.
    """

    def __init__(self, memory: Any) -> None:
        self.folder = Path(memory.location) / "skdcec" if isinstance(memory, joblib.Memory) else Path(memory)
        check_folder(self.folder, "memory")

    @classmethod
    def of(cls, memory: Any) -> "Cache | None":
        """Return the cache of the parameter ``memory``, or None if it asks for none."""
        if memory is None or (isinstance(memory, joblib.Memory) and memory.location is None):
            return None
        return cls(memory)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.npz"

    def load(self, key: str) -> tuple[Weights, list[float]] | None:
        """Return the weights and losses of a key, or None if they are missing or damaged."""
        try:
            arrays, _ = load_arrays(self._path(key))
        except (FileNotFoundError, ValueError):
            return None
        return unpack(arrays, "weights"), arrays["losses"].tolist()

    def save(self, key: str, weights: Weights, losses: list[float]) -> None:
        """Keep weights and losses; warn if that fails, because the fit can do without."""
        arrays = pack(weights=weights) | {"losses": np.array(losses)}
        try:
            save_arrays(self._path(key), arrays, {"content": "pretraining"})
        except OSError as error:
            warn(
                f"The pretrained autoencoder could not be kept in memory={os.fspath(self.folder)!r}: {error}."
            )
