"""The versions of the software that the bits of a result depend on."""

import importlib

import numpy as np

from skdcec._deep._keras import ONEDNN, VARIABLE, keras
from skdcec._version import __version__


def software() -> str:
    """Return the versions of this package, Keras, its backend and NumPy, and the kernels of TensorFlow."""
    backend = keras.config.backend()
    version = importlib.import_module(backend).__version__
    kernels = f" (oneDNN {ONEDNN})" if backend == "tensorflow" else ""
    versions = f"keras {keras.__version__} on {backend} {version}{kernels}, numpy {np.__version__}"
    return f"skdcec {__version__}, {versions}"


def doubts_of_speed() -> list[str]:
    """Return why training may be slower than it could be."""
    if keras.config.backend() != "tensorflow" or ONEDNN != "default":
        return []
    return [f"TensorFlow was imported before skdcec; on some CPUs, training is faster with {VARIABLE}=1."]
