"""Several devices: the devices in use, and the part of a batch for each.

With TensorFlow, a fit under the scope of a ``tf.distribute.MirroredStrategy`` runs on all of its devices;
with JAX, a fit after ``keras.distribution.set_distribution(keras.distribution.DataParallel())``. Each device
gets an equal part of every batch. So sums over a batch, and with them the weights, are the same as on one
device.
"""

import os
from typing import Any

from skdcec._deep._keras import keras, ops

BACKEND = keras.backend.backend()


def current_devices() -> Any:
    """Return the current strategy or distribution, None for a single device; check that it is supported.

    Raises
    ------
    RuntimeError
        If Keras would silently train a wrong model, or use only one of the devices.
    """
    # keras.distribution has no such function for PyTorch in Keras 3.15
    distribution = getattr(keras.distribution, "distribution", lambda: None)()
    if BACKEND == "tensorflow":
        import tensorflow as tf

        if distribution is not None:
            raise RuntimeError(
                "keras.distribution is set, which does nothing with TensorFlow: training would run on one "
                "device. Unset it with keras.distribution.set_distribution(None) and fit under the scope of "
                "a tf.distribute.MirroredStrategy, or use the backend JAX."
            )
        if not tf.distribute.has_strategy():
            return None
        strategy = tf.distribute.get_strategy()
        if type(strategy) not in (tf.distribute.MirroredStrategy, tf.distribute.OneDeviceStrategy):
            raise RuntimeError(
                f"The fit is under the scope of a {type(strategy).__name__}, which skdcec does not support. "
                "Use a tf.distribute.MirroredStrategy: all devices of one machine."
            )
        return strategy
    if BACKEND == "jax":
        import jax

        if jax.process_count() > 1:
            raise RuntimeError(
                f"JAX runs in {jax.process_count()} processes, in which Keras cannot predict. Use the "
                "devices of a single process."
            )
        if distribution is not None and not isinstance(distribution, keras.distribution.DataParallel):
            raise RuntimeError(
                f"keras.distribution is a {type(distribution).__name__}, which skdcec does not support. "
                "Use keras.distribution.DataParallel."
            )
        return distribution
    if BACKEND == "torch":
        import torch.distributed

        ranks = int(os.environ.get("WORLD_SIZE", 1))
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            ranks = torch.distributed.get_world_size()
        if ranks > 1:
            raise RuntimeError(
                f"PyTorch runs with {ranks} ranks, each of which would train a separate model. Use a single "
                "process."
            )
    return None


def has_accelerator() -> bool:
    """Return whether networks run on a device other than the CPU, with a memory of its own."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_logical_devices("GPU"))
    if BACKEND == "jax":
        import jax

        return str(jax.default_backend()) != "cpu"
    return str(ops.zeros(()).device) != "cpu"


def count_devices(devices: Any) -> int:
    """Return the number of devices that a batch is divided among."""
    if devices is None:
        return 1
    return devices.num_replicas_in_sync if BACKEND == "tensorflow" else devices.device_mesh.devices.size


def part_of_replica(batch: Any) -> Any:
    """Return the part of a batch for the current TensorFlow replica."""
    import tensorflow as tf

    context = tf.distribute.get_replica_context()

    def part(values: Any) -> Any:
        n = tf.shape(values)[0] // context.num_replicas_in_sync
        return values[n * context.replica_id_in_sync_group :][:n]

    return tf.nest.map_structure(part, batch)
