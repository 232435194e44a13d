"""Several devices, by the framework's own means: which there are, and what each gets of a batch.

With TensorFlow, a fit under the scope of a ``tf.distribute.MirroredStrategy`` runs on all of its devices;
with JAX, one after ``keras.distribution.set_distribution(keras.distribution.DataParallel())``. Each device
gets an equal share of every batch, so that sums over a batch, and with them the weights, are those of one.
"""

import os

import keras

BACKEND = keras.backend.backend()


def current_devices():
    """Return the strategy or distribution that is in force, None for a single device; check that it works.

    Raises
    ------
    RuntimeError
        Where Keras would train a wrong model, or waste all devices but one, without a word.
    """
    # PyTorch's ranks know nothing of this module in Keras 3.15
    distribution = getattr(keras.distribution, "distribution", lambda: None)()
    if BACKEND == "tensorflow":
        import tensorflow as tf

        if distribution is not None:
            raise RuntimeError(
                "keras.distribution is set, which does nothing with TensorFlow: training would run on one "
                "device. Unset it with keras.distribution.set_distribution(None), and fit under the scope of "
                "a tf.distribute.MirroredStrategy, or use the backend JAX."
            )
        if not tf.distribute.has_strategy():
            return None
        strategy = tf.distribute.get_strategy()
        if type(strategy) not in (tf.distribute.MirroredStrategy, tf.distribute.OneDeviceStrategy):
            raise RuntimeError(
                f"The fit is under the scope of a {type(strategy).__name__}, with which skdcec was never "
                "run. Use a tf.distribute.MirroredStrategy: all devices of one machine."
            )
        return strategy
    if BACKEND == "jax":
        import jax

        if jax.process_count() > 1:
            raise RuntimeError(
                f"JAX runs in {jax.process_count()} processes, where Keras cannot predict. Use the devices "
                "of one."
            )
        if distribution is not None and not isinstance(distribution, keras.distribution.DataParallel):
            raise RuntimeError(
                f"keras.distribution is a {type(distribution).__name__}, with which skdcec was never run. "
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
                f"PyTorch runs with {ranks} ranks, each of which would train a model of its own. Use one "
                "process."
            )
    return None


def count_devices(devices):
    """Return how many devices share a batch."""
    if devices is None:
        return 1
    return devices.num_replicas_in_sync if BACKEND == "tensorflow" else devices.device_mesh.devices.size


def share(batch):
    """Return what this one of TensorFlow's replicas gets of the tensors of a batch."""
    import tensorflow as tf

    context = tf.distribute.get_replica_context()

    def part(values):
        n = tf.shape(values)[0] // context.num_replicas_in_sync
        return values[n * context.replica_id_in_sync_group :][:n]

    return tf.nest.map_structure(part, batch)
