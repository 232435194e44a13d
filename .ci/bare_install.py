"""Import everything and fit something, with nothing installed but the package and its dependencies.

Networks are left out if Keras is not installed.
"""

import importlib.util

import numpy as np

import skdcec
import skdcec.datasets
import skdcec.metrics
import skdcec.plotting

for module in ("matplotlib", "pandas", "PIL", "dask", "pytest"):
    assert importlib.util.find_spec(module) is None, f"{module} is installed"
X = np.random.default_rng(0).random((60, 8, 8))
rows = X.reshape(60, -1)
for name in (
    "KHarmonicMeans",
    "KernelKHarmonicMeans",
    "MahalanobisKMeans",
    "MiniBatchKHarmonicMeans",
    "ModularityClustering",
):
    clusterer = getattr(skdcec, name)(3, random_state=0).fit(rows)
    assert clusterer.labels_.shape == clusterer.predict(rows).shape == (60,)

autoencoder = skdcec.ConvAutoencoder((4,), (3,), 2, epochs=1)
dcec = skdcec.DCEC(3, autoencoder=autoencoder, max_batches=2, random_state=0)
if importlib.util.find_spec("keras"):
    dcec.fit(X)
    assert len(dcec.labels_) == len(dcec.predict(X))
else:
    message = ""
    try:
        dcec.fit(X)
    except ImportError as error:
        message = str(error)
    assert "KERAS_BACKEND" in message, message
print("Everything fits.")
