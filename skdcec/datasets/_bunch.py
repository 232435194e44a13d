"""What the loaders share: subsets, and the Bunch that they return."""

import numpy as np
from numpy import ndarray
from sklearn.utils import Bunch

SUBSETS = {"train": ["train"], "test": ["test"], "all": ["train", "test"]}


def check_subset(subset: str) -> None:
    """Raise a ValueError unless a subset is known."""
    if subset not in SUBSETS:
        raise ValueError(f"subset={subset!r} should be one of {sorted(SUBSETS)}.")


def as_bunch(images: ndarray, target: ndarray | None) -> Bunch:
    """Return images as float32 and as flat rows, and targets as integers."""
    images = np.ascontiguousarray(images, dtype=np.float32)
    target = None if target is None else target.astype(int)
    return Bunch(images=images, data=images.reshape(len(images), -1), target=target)
