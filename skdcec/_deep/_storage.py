"""Files of arrays: written whole or not at all, checked when read, and without pickles.

A file is a NumPy ``.npz`` of the arrays and a JSON header with the format, a description of the arrays, and
their SHA-256. Reading it cannot run code, whoever wrote it.
"""

import hashlib
import json
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

Arrays = dict[str, ndarray]
# Of an encoder, then of a decoder.
Weights = list[ndarray]

FORMAT = 1
# The name of the header among the arrays.
HEADER = "header"
# The errors that Python and NumPy raise on damaged files.
DAMAGE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    EOFError,
    MemoryError,
    RuntimeError,
    zipfile.BadZipFile,
)


def save_arrays(path: Any, arrays: Arrays, description: dict[str, Any]) -> None:
    """Write arrays to a file, atomically.

    Parameters
    ----------
    path : str or path-like
        The file; its folder is made unless it exists.
    arrays : dict of str to ndarray
    description : dict
        The meaning of the arrays, as JSON can hold it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {name: np.asarray(array) for name, array in arrays.items()}
    header = {"format": FORMAT, "description": description, "sha256": digest(arrays)}
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **{**arrays, HEADER: text})  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def load_arrays(path: Any) -> tuple[Arrays, Any]:
    """Return the arrays of a file and their description.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged, of another format, or no such file at all.
    """
    try:
        check_member_sizes(path)
        with open(path, "rb") as handle, np.load(handle, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(bytes(arrays.pop(HEADER)))
        intact = header["format"] == FORMAT and header["sha256"] == digest(arrays)
        description = header["description"]
    except FileNotFoundError:
        raise
    except DAMAGE as error:
        raise ValueError(f"{os.fspath(path)!r} is damaged, or not a file of skdcec.") from error
    if not intact:
        raise ValueError(f"{os.fspath(path)!r} is damaged, or of another version of skdcec.")
    return arrays, description


def check_member_sizes(path: Any) -> None:
    """Raise a ValueError if the arrays of a file, which is not compressed, claim to be larger."""
    with zipfile.ZipFile(path) as file:
        members = file.infolist()
    if sum(member.file_size for member in members) > os.path.getsize(path):
        raise ValueError("its arrays are larger than the file")


def check_folder(path: Any, name: str) -> None:
    """Make a folder unless it exists.

    Raises
    ------
    ValueError
        If files cannot be written to it; the message gives the name of the parameter.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise ValueError(f"{name}={path!r} should be a folder that can be written to: {error}.") from error


def digest(arrays: Arrays) -> str:
    """Return the SHA-256 of arrays, their names, types and shapes."""
    result = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        result.update(f"{name} {array.dtype.str} {array.shape};".encode())
        result.update(array.data)
    return result.hexdigest()
