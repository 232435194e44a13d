"""What the loaders share: subsets, and the Bunch that they return."""

from collections.abc import Collection

import numpy as np
from numpy import ndarray
from sklearn.utils import Bunch

SUBSETS = {"train": ["train"], "val": ["val"], "test": ["test"], "all": ["train", "val", "test"]}


def check_subset(subset: str, known: Collection[str] = ("train", "test", "all")) -> None:
    """Raise a ValueError unless a subset is known."""
    if subset not in known:
        raise ValueError(f"subset={subset!r} should be one of {sorted(known)}.")


def as_bunch(images: ndarray, target: ndarray | None) -> Bunch:
    """Return images as float32 and as flat rows, and targets as integers."""
    images = np.ascontiguousarray(images, dtype=np.float32)
    target = None if target is None else target.astype(int)
    return Bunch(images=images, data=images.reshape(len(images), -1), target=target)
