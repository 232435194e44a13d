"""
A pretrained network as the encoder
===================================
Pixels of photographs say little about their content; features of a network that was trained on other
photographs say more. Any model of ``keras.applications`` can be the encoder of `DCEC`, with its weights or
without.
"""

# %%
# Pictures
# --------
# Tiles of two photographs that come with scikit-learn. DCEC is not told which photograph a tile is from.

import warnings

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_images
from sklearn.exceptions import ConvergenceWarning

from skdcec import DCEC, KerasAutoencoder, ModularityClustering
from skdcec.metrics import clustering_accuracy_score
from skdcec.networks import conv_autoencoder

warnings.simplefilter("ignore", ConvergenceWarning)  # this page trains briefly
SIDE = 32
tiles = [
    photo[i : i + SIDE, j : j + SIDE]
    for photo in load_sample_images().images
    for i in range(0, photo.shape[0] - SIDE + 1, SIDE)
    for j in range(0, photo.shape[1] - SIDE + 1, SIDE)
]
X, y = np.array(tiles) / np.float32(255), np.repeat([0, 1], len(tiles) // 2)
figure, axes = plt.subplots(2, 10, figsize=(10, 2.2), layout="constrained")
for ax, i in zip(axes.flat, np.linspace(0, len(X) - 1, 20, dtype=int), strict=True):
    ax.imshow(X[i])
    ax.set_axis_off()
figure.suptitle(f"{len(X)} tiles of two photographs")
plt.show()

# %%
# The network
# -----------
# The encoder is a small MobileNet, an average over all positions, and a linear embedding; the decoder is that
# of `ConvAutoencoder`. ``WEIGHTS = "imagenet"`` downloads weights (once), and a path reads a file; ``None``
# starts at random, as here, so that this page needs no download. A pair of models starts from its own
# weights. With ``TRAINABLE = False`` only the embedding and the decoder are trained.

WEIGHTS, TRAINABLE = None, True
keras.utils.set_random_seed(0)


def backbone():
    """Return a model from images in [0, 1] to features."""
    inputs = keras.Input((SIDE, SIDE, 3))
    network = keras.applications.MobileNet(
        (SIDE, SIDE, 3), alpha=0.25, include_top=False, pooling="avg", weights=WEIGHTS
    )
    network.trainable = TRAINABLE
    return keras.Model(inputs, network(keras.layers.Rescaling(2.0, -1.0)(inputs)))


features = backbone()
encoder = keras.Model(features.input, keras.layers.Dense(10)(features.output))
_, decoder = conv_autoencoder((SIDE, SIDE, 3))
autoencoder = KerasAutoencoder((encoder, decoder), epochs=20, batch_size=64)
dcec = DCEC(2, autoencoder=autoencoder, max_batches=150, random_state=0).fit(X)
print(f"DCEC with a MobileNet: {clustering_accuracy_score(y, dcec.labels_):.3f}")

# %%
# Features as rows
# ----------------
# With good weights it is often enough to cluster the features as they are. This takes seconds, and works with
# any clusterer. (From random weights they say little, of course.)

rows = features.predict(X, verbose=0)
labels = ModularityClustering(2, random_state=0).fit_predict(rows)
print(f"communities of features: {clustering_accuracy_score(y, labels):.3f}")
labels = ModularityClustering(2, random_state=0).fit_predict(X)
print(f"communities of pixels: {clustering_accuracy_score(y, labels):.3f}")

# %%
# `DCEC` on rows trains a fully connected autoencoder of them: ``DCEC(2).fit(rows)``.
