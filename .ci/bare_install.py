"""Import everything and fit something, with nothing installed but the package and its dependencies."""

import importlib.util

import numpy as np

import skdcec
import skdcec.datasets
import skdcec.metrics
import skdcec.plotting

for module in ("matplotlib", "pandas", "PIL", "dask", "pytest"):
    assert importlib.util.find_spec(module) is None, f"{module} is installed"
X = np.random.default_rng(0).random((60, 8, 8))
for clusterer in (skdcec.KHarmonicMeans, skdcec.KernelKHarmonicMeans, skdcec.MahalanobisKMeans):
    assert clusterer(3, random_state=0).fit(X.reshape(60, -1)).labels_.shape == (60,)
autoencoder = skdcec.ConvAutoencoder((4,), (3,), 2, epochs=1)
dcec = skdcec.DCEC(3, autoencoder=autoencoder, max_iter=2, random_state=0).fit(X)
assert skdcec.metrics.clustering_accuracy_score(dcec.labels_, dcec.predict(X)) == 1
