"""Files of arrays: damage is detected, and hostile files are refused."""

import contextlib
import copy
import io
import json
import os
import pickle
import zipfile
from itertools import product

import numpy as np
import pytest

from skdcec._deep._checkpoint import Checkpoint
from skdcec._deep._storage import digest, load_arrays, save_arrays

ARRAYS = {"weights": np.arange(12.0).reshape(3, 4), "labels": np.array([1, 2], np.int32), "n": np.array(3)}


@pytest.fixture
def path(tmp_path):
    save_arrays(tmp_path / "new folder" / "file.npz", ARRAYS, {"what": "a test"})
    return tmp_path / "new folder" / "file.npz"


def test_arrays_come_back_as_they_were(path):
    arrays, description = load_arrays(path)
    assert description == {"what": "a test"}
    assert arrays.keys() == ARRAYS.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, ARRAYS[name])
        assert array.dtype == ARRAYS[name].dtype
    assert os.listdir(path.parent) == ["file.npz"]


def test_missing_and_damaged_files_raise_different_errors(path):
    with pytest.raises(FileNotFoundError):
        load_arrays(path.parent / "other.npz")


@pytest.mark.slow
def test_damage_anywhere_is_found(path):
    good = path.read_bytes()
    for position, bit in product(range(len(good)), range(8)):
        flipped = bytearray(good)
        flipped[position] ^= 1 << bit
        path.write_bytes(flipped)
        with contextlib.suppress(ValueError):
            arrays, description = load_arrays(path)
            # the bit belonged to the container and does not affect the arrays
            np.testing.assert_array_equal(arrays["weights"], ARRAYS["weights"])
            assert description == {"what": "a test"}
    for length in (0, 1, len(good) // 2, len(good) - 1):
        path.write_bytes(good[:length])
        with pytest.raises(ValueError, match="damaged"):
            load_arrays(path)


def test_a_failed_write_leaves_the_earlier_file(path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("skdcec._deep._storage.np.savez", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*file\.npz'"):
        save_arrays(path, {"weights": np.zeros(3)}, {})
    np.testing.assert_array_equal(load_arrays(path)[0]["weights"], ARRAYS["weights"])
    assert os.listdir(path.parent) == ["file.npz"]


class Payload:
    """Creates a folder when it is unpickled."""

    def __init__(self, trace):
        self.trace = str(trace)

    def __reduce__(self):
        return os.mkdir, (self.trace,)


def forge(path, arrays, savez=np.savez, **changes):
    """Write arrays like `save_arrays`, with changes to the header."""
    header = {"format": 1, "description": {}, **changes}
    header.setdefault("sha256", digest(arrays))
    savez(path, **arrays, header=np.frombuffer(json.dumps(header).encode(), np.uint8))


def test_hostile_files_are_refused(path):
    trace = path.parent / "the file ran code"
    path.write_bytes(pickle.dumps(Payload(trace)))
    with pytest.raises(ValueError, match="damaged"):
        load_arrays(path)
    forge(path, {"weights": np.array([Payload(trace)], dtype=object)}, sha256="")
    with pytest.raises(ValueError, match="damaged"):
        load_arrays(path)
    assert not trace.exists()
    # names are not used as paths
    forge(path, {"../../outside": np.zeros(2)})
    assert list(load_arrays(path)[0]) == ["../../outside"]
    assert not (path.parent.parent.parent / "outside.npy").exists()


@pytest.mark.parametrize(
    "other",
    [
        {"weights": np.arange(12.0).reshape(3, 4)},
        ARRAYS | {"weights": ARRAYS["weights"] + 1},
        ARRAYS | {"weights": ARRAYS["weights"].reshape(4, 3)},
        ARRAYS | {"labels": ARRAYS["labels"].view(np.uint32)},
        {f"other {name}": array for name, array in ARRAYS.items()},
    ],
)
def test_arrays_are_those_of_the_digest(path, other):
    forge(path, ARRAYS)
    assert load_arrays(path)[0].keys() == ARRAYS.keys()
    forge(path, other, sha256=digest(ARRAYS))
    with pytest.raises(ValueError, match="damaged, or of another version"):
        load_arrays(path)


def test_another_format_is_refused(path):
    forge(path, ARRAYS, format=2)
    with pytest.raises(ValueError, match="of another version"):
        load_arrays(path)


def test_files_that_grow_where_they_are_read_are_refused(path):
    large = {"weights": np.zeros(10**6)}
    forge(path, large, np.savez_compressed)
    assert path.stat().st_size < 10**5
    with pytest.raises(ValueError, match="damaged"):
        load_arrays(path)
    # two members with the same bytes
    forge(path, large, sha256=digest(large | {"twin": large["weights"]}))
    with zipfile.ZipFile(path, "a") as file:
        twin = copy.copy(file.infolist()[0])
        twin.filename = "twin.npy"
        file.filelist.append(twin)
        file.NameToInfo[twin.filename] = twin
        file._didModify = True
    with pytest.raises(ValueError, match="damaged"):
        load_arrays(path)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(pickle.dumps(Payload(path.parent / "ran"))),
        lambda path: np.savez(path, header=np.array([Payload(path.parent / "ran")], dtype=object)),
        lambda path: save_arrays(path, {"weights.0": np.zeros(2)}, ["a list"]),
        lambda path: save_arrays(path, {"../../outside": np.zeros(2)}, {"content": "pretraining"}),
    ],
)
def test_a_hostile_checkpoint_is_left_aside(tmp_path, spoil):
    path = tmp_path / "checkpoint" / "pretraining.npz"
    path.parent.mkdir()
    spoil(path)
    with pytest.warns(UserWarning, match="That part of the fit starts again"):
        checkpoint = Checkpoint(path.parent, {"X": "these"}, [1, 2, 3], {"epochs": 4})
    assert checkpoint.load("pretraining") is None
    assert checkpoint.seeds == [1, 2, 3]
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["checkpoint", "pretraining.npz"]


def test_a_checkpoint_sweeps_up_what_a_kill_left(tmp_path):
    Checkpoint(tmp_path, {"X": "these"}, [1], {}).save("pretraining", lambda: ARRAYS, final=True)
    (tmp_path / "pretraining.npzab12.tmp").write_bytes(b"half")
    (tmp_path / "notes.tmp").write_text("not ours")
    arrays = Checkpoint(tmp_path, {"X": "these"}, [2], {}).load("pretraining")
    np.testing.assert_array_equal(arrays["weights"], ARRAYS["weights"])
    assert sorted(os.listdir(tmp_path)) == ["notes.tmp", "pretraining.npz"]


def test_an_array_that_claims_to_be_huge_is_refused(path):
    member = io.BytesIO()
    np.lib.format.write_array_header_1_0(member, {"descr": "<f8", "fortran_order": False, "shape": (10**15,)})
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("weights.npy", member.getvalue())
        file.writestr("header.npy", member.getvalue())
    with pytest.raises(ValueError, match="damaged"):
        load_arrays(path)
