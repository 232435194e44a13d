"""Fixtures and settings for all test files."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from skdcec import ConvAutoencoder
from skdcec.datasets import load_digits_images, load_npz

settings.register_profile("default", max_examples=40, deadline=None, derandomize=True, database=None)
settings.register_profile("nightly", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile("default")


@pytest.fixture(scope="session")
def usps():
    """The 7,291 USPS training images from the folder SKDCEC_DATA."""
    folder = os.environ.get("SKDCEC_DATA")
    if not folder or not (Path(folder) / "usps.npz").exists():
        pytest.skip("SKDCEC_DATA does not name a folder with usps.npz")
    return load_npz(Path(folder) / "usps.npz")


@pytest.fixture(scope="session")
def digits():
    return load_digits_images()


@pytest.fixture(scope="session")
def autoencoder(digits):
    """An autoencoder trained just enough for an embedding that separates digits."""
    return ConvAutoencoder(filters=(8, 16, 16), augmentation=None, epochs=15, random_state=0).fit(
        digits.images
    )


@pytest.fixture
def count_pretraining(monkeypatch):
    """Count the pretraining runs."""
    import skdcec._deep._training as training

    calls, pretrain = [], training.pretrain

    def counted(*args, **kwargs):
        calls.append(1)
        return pretrain(*args, **kwargs)

    monkeypatch.setattr(training, "pretrain", counted)
    return calls
