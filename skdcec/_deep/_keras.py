"""Keras, imported so that TensorFlow uses its fastest kernels on a CPU.

TensorFlow decides about oneDNN's kernels when it is first imported, by an environment variable, and leaves
them out on some processors. If neither the variable is set nor TensorFlow imported, the variable is set for
the time of the import. Every module of this package takes Keras from here.
"""

import os
import sys

VARIABLE = "TF_ENABLE_ONEDNN_OPTS"
# What TensorFlow has read, or will have; 'default' if it was imported before this module.
ONEDNN = os.environ.get(VARIABLE) or ("default" if "tensorflow" in sys.modules else "1")

_was_set = VARIABLE in os.environ
os.environ.setdefault(VARIABLE, ONEDNN)
try:
    import keras
    from keras import layers, ops
except ImportError as error:
    raise ImportError(
        f"Networks need a backend of Keras, which cannot be imported: {error}. Install tensorflow, or the "
        "extra jax or torch of skdcec, and name the backend in the environment variable KERAS_BACKEND."
    ) from error
finally:
    if not _was_set:
        del os.environ[VARIABLE]

__all__ = ["ONEDNN", "VARIABLE", "keras", "layers", "ops"]
