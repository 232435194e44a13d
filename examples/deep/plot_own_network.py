"""
A network of your own
=====================

Can DCEC cluster with an encoder and a decoder that are not those of the package?
:class:`~skdcec.KerasAutoencoder` takes any pair of Keras models, one from images to embeddings and one back.
This page writes such a pair, trains it on the digits of scikit-learn, and clusters with it.
"""

# %%
# A function of the image shape
# -----------------------------
# The function gets ``(height, width, channels)`` and returns the two models. This encoder has batch
# normalization and dropout. The decoder need not mirror it: here two dense layers paint the image. The
# embedding has as many dimensions as the encoder has outputs.

import keras
import matplotlib.pyplot as plt
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import normalized_mutual_info_score

from skdcec import DCEC, KerasAutoencoder, MahalanobisKMeans
from skdcec.datasets import load_digits_images
from skdcec.metrics import clustering_accuracy_score
from skdcec.plotting import CenterImagesDisplay, ContingencyDisplay, ReconstructionDisplay


def network(image_shape):
    """Return an encoder and a decoder for images of this shape."""
    layers = keras.layers
    encoder = keras.Sequential(
        [
            keras.Input(image_shape),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.Conv2D(32, 3, strides=2, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dropout(0.1),
            layers.Dense(8),
        ]
    )
    height, width, channels = image_shape
    decoder = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(128, activation="relu"),
            layers.Dense(height * width * channels),
            layers.Reshape(image_shape),
        ]
    )
    return encoder, decoder


# %%
# Fit and reconstruct
# -------------------
# The estimator builds the networks when it is fitted, so it is the images that set the shape. Weights,
# batches and dropout draw from ``random_state``. Augmentation, epochs and optimizer are parameters, as in
# :class:`~skdcec.ConvAutoencoder`.

digits = load_digits_images()
X, y = digits.images, digits.target

autoencoder = KerasAutoencoder(network, epochs=60, batch_size=32, random_state=0)
autoencoder.fit(X)
print(f"images {autoencoder.image_shape_} -> embeddings of {autoencoder.n_components_} dimensions")
print(f"mean squared error of a pixel: {-autoencoder.score(X):.4f}")

display = ReconstructionDisplay.from_estimator(autoencoder, X)
display.figure_.suptitle("Ten images, and their reconstructions by a network of our own")
plt.show()

# %%
# Upper row: the first ten images. Lower row: what the decoder makes of their eight numbers, with the error of
# each below. ``autoencoder.to_keras()`` makes encoder and decoder, ordinary Keras models, copies of the
# fitted ones.

autoencoder.to_keras()[0].summary(line_length=80)

# %%
# Cluster
# -------
# :class:`~skdcec.DCEC` trains such networks jointly as it does its own. ``FrozenEstimator`` hands over the
# fitted one, of which it refines a copy. Without it, DCEC would train a clone from the start.

dcec = DCEC(
    init=MahalanobisKMeans(covariance_type="tied", n_init=20),
    autoencoder=FrozenEstimator(autoencoder),
    batch_size=64,
    max_batches=700,
    batches_per_update=100,
    random_state=0,
).fit(X)
print(f"accuracy {clustering_accuracy_score(y, dcec.labels_):.3f}")
print(f"NMI      {normalized_mutual_info_score(y, dcec.labels_):.3f}")
print(f"health   {dcec.cluster_health_}")

# %%
# The centers, decoded, above the images that are nearest to them in the embedding:

display = CenterImagesDisplay.from_estimator(dcec, X, n_members=4)
display.figure_.suptitle("Decoded centers, and the images nearest to them")
plt.show()

# %%
# And the true digits against the clusters. Numbers off the diagonal are digits that ended in the cluster of
# another one. In this run more than half of the ones share a cluster with most of the eights, and other
# eights are with the nines and the threes.

display = ContingencyDisplay.from_estimator(dcec, X, y)
display.ax_.set_title("Digits against clusters")
plt.show()

# %%
# What to take from it
# --------------------
# Write a function, not a model, where each fit should start anew: with ``random_state`` it gives the same
# clustering again, and a grid search can clone it. A pair of models instead of the function starts from the
# weights that it has, which is the way to bring a network that was trained elsewhere. The encoder should
# end in a flat layer without an activation, and the decoder should return images of the shape that came in.
