"""
Cluster signals
===============
A signal is an image of one row. ``ModularityClustering`` compares signals up to small shifts, which k-means
cannot, and ``DCEC`` trains a network on them.
"""

# %%
# Pulses in noise
# ---------------
# Four kinds of pulses, at random places and with random strengths.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from skdcec import DCEC, ConvAutoencoder, ModularityClustering

rng = np.random.default_rng(0)
time = np.linspace(-1, 1, 96)
kinds = {
    "bump": lambda t: np.exp(-((8 * t) ** 2)),
    "step": lambda t: 1 / (1 + np.exp(-25 * t)),
    "wave": lambda t: np.sin(25 * t) * np.exp(-((3 * t) ** 2)),
    "double": lambda t: np.exp(-((14 * (t - 0.2)) ** 2)) + np.exp(-((14 * (t + 0.2)) ** 2)),
}
y = rng.integers(len(kinds), size=800)
signals = np.stack(
    [
        rng.uniform(0.7, 1.3) * list(kinds.values())[kind](time - rng.uniform(-0.25, 0.25))
        + 0.1 * rng.standard_normal(len(time))
        for kind in y
    ]
)
X = (signals - signals.min()) / np.ptp(signals)

# %%
# Three clusterers
# ----------------
# Shifts of up to an eighth of the window are more than the default tolerance, so ``shift`` is set; there is
# nothing to rotate. The network learns the labels of the graph, from signals that are shifted at random.

shape = (1, len(time))
graph = ModularityClustering(
    len(kinds), image_shape=shape, shift=(0.0, 0.05, 0.1), rotation=0.0, random_state=0
)
dcec = DCEC(
    len(kinds),
    init=graph.fit_predict(X),
    autoencoder=ConvAutoencoder(image_shape=shape, filters=(16, 32), kernel_sizes=(5, 5)),
    max_batches=600,
    random_state=0,
)
found = {
    "k-means": KMeans(len(kinds), n_init=10, random_state=0).fit_predict(X),
    "communities": graph.labels_,
    "DCEC": dcec.fit_predict(X),
}
for name, labels in found.items():
    print(f"{name:12} adjusted Rand index {adjusted_rand_score(y, labels):.2f}")

# %%
# Members
# -------
# Twenty signals of each cluster. In those of k-means, all pulses are at one place, whatever their kind.

figure, axes = plt.subplots(
    len(found), len(kinds), figsize=(10, 6), sharex=True, sharey=True, layout="constrained"
)
for row, (name, labels) in zip(axes, found.items(), strict=True):
    for j, ax in enumerate(row):
        ax.plot(time, X[labels == j][:20].T, color=f"C{j}", alpha=0.3, linewidth=0.8)
        ax.set(xticks=[], yticks=[])
    row[0].set_ylabel(name)
plt.show()
