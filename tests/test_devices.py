"""The same fit on several devices, simulated on the CPU, gives the result of one device."""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

pytestmark = pytest.mark.slow

# four divides neither the batch size, the size of the last batch, nor the number of rows
FIT = """
import sys
import numpy as np
from sklearn.cluster import KMeans
from skdcec import DCEC, ConvAutoencoder
from skdcec.datasets import load_digits_images

X = load_digits_images().images[:303]
dcec = DCEC(
    5,
    init=KMeans(n_init=2),
    autoencoder=ConvAutoencoder((4, 8), (3, 3), 4, epochs=4, batch_size=50, augmentation="affine"),
    batch_size=50,
    max_batches=12,
    batches_per_update=6,
    random_state=0,
)
dcec.fit(X)
fresh = dcec.predict_proba(X[:7])
weights = np.concatenate([w.ravel() for w in dcec.autoencoder_.weights_])
losses = dcec.history_["reconstruction_loss"]
"""
SAVE = """
np.savez(sys.argv[1], labels=dcec.labels_, weights=weights, fresh=fresh, losses=losses, n=n)
"""
TENSORFLOW = """
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 4)
strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(4)])
n = strategy.num_replicas_in_sync
scope = strategy.scope()
"""
JAX = """
import keras

keras.distribution.set_distribution(keras.distribution.DataParallel())
n = keras.distribution.distribution().device_mesh.devices.size
"""


def indented(script):
    return "".join(f"    {line}\n" for line in script.splitlines())


def run(script, path, backend):
    environment = os.environ | {
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
    }
    command = [sys.executable, "-c", script, str(path)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def result(script, path, backend):
    done = run(script, path, backend)
    assert done.returncode == 0, done.stderr
    return np.load(path)


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_several_devices_give_the_answer_of_one(tmp_path, backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    one = result(FIT + "n = 1" + SAVE, tmp_path / "one.npz", backend)
    several = {"tensorflow": TENSORFLOW + "with scope:\n" + indented(FIT), "jax": JAX + FIT}[backend]
    four = result(several + SAVE, tmp_path / "four.npz", backend)
    assert four["n"] == 4
    np.testing.assert_array_equal(four["labels"], one["labels"])
    for name in ("weights", "fresh", "losses"):
        np.testing.assert_allclose(four[name], one[name], rtol=0, atol=1e-6)


ONE_DEVICE = """
import tensorflow as tf


for strategy in (tf.distribute.MirroredStrategy(["CPU:0"]), tf.distribute.OneDeviceStrategy("CPU:0")):
    with strategy.scope():
        own = DCEC(**dcec.get_params(deep=False)).fit(X)
    assert strategy.num_replicas_in_sync == 1
    np.testing.assert_array_equal(own.labels_, dcec.labels_)
    np.testing.assert_allclose(own.predict_proba(X[:7]), fresh, rtol=0, atol=1e-6)
"""


def test_strategies_of_one_device_give_the_answer_of_none(tmp_path):
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("tensorflow is not installed")
    result(FIT + "n = 1" + SAVE + ONE_DEVICE, tmp_path / "one.npz", "tensorflow")


REFUSED = {
    "keras.distribution is set, which does nothing with TensorFlow": (
        "tensorflow",
        "import keras; D = keras.distribution; D.set_distribution(D.DataParallel(devices=['cpu:0']))",
    ),
    "under the scope of a CollectiveAllReduceStrategy": (
        "tensorflow",
        "import tensorflow as tf; tf.distribute.MultiWorkerMirroredStrategy().scope().__enter__()",
    ),
    "keras.distribution is a ModelParallel": (
        "jax",
        "import keras; D = keras.distribution\n"
        "mesh = D.DeviceMesh((2, 2), ['batch', 'model'], D.list_devices())\n"
        "D.set_distribution(D.ModelParallel(layout_map=D.LayoutMap(mesh), batch_dim_name='batch'))",
    ),
    "PyTorch runs with 2 ranks": ("torch", "import os; os.environ['WORLD_SIZE'] = '2'"),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_would_train_a_wrong_model_is_refused_by_name(tmp_path, message):
    backend, setting = REFUSED[message]
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    done = run(setting + "\n" + FIT, tmp_path / "none.npz", backend)
    assert "RuntimeError" in done.stderr
    assert message in done.stderr
