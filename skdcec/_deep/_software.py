"""The versions of the software that the bits of a result depend on."""

import importlib

import keras
import numpy as np

from skdcec._version import __version__


def software() -> str:
    """Return the versions of this package, Keras, its backend and NumPy."""
    backend = keras.config.backend()
    version = importlib.import_module(backend).__version__
    return f"skdcec {__version__}, keras {keras.__version__} on {backend} {version}, numpy {np.__version__}"
