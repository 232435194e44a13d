"""
A custom network
================
:class:`~skdcec.KerasAutoencoder` takes any pair of Keras models, one from images to embeddings and one back.
This page defines such a pair, trains it on the digits of scikit-learn, and clusters with it.
"""

# %%
# A function of the image shape
# -----------------------------
# The function gets ``(height, width, channels)`` and returns the two models. This encoder has batch
# normalization and dropout. The decoder need not mirror it: here it has two dense layers. The embedding has
# as many dimensions as the encoder has outputs.

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
# ``fit`` builds the networks for the shape of the images. ``random_state`` determines weights, batches and
# dropout. Augmentation, epochs and optimizer are parameters, as in :class:`~skdcec.ConvAutoencoder`.

digits = load_digits_images()
X, y = digits.images, digits.target

autoencoder = KerasAutoencoder(network, epochs=60, batch_size=32, random_state=0)
autoencoder.fit(X)
print(f"images {autoencoder.image_shape_} -> embeddings of {autoencoder.n_components_} dimensions")
print(f"mean squared error of a pixel: {-autoencoder.score(X):.4f}")

display = ReconstructionDisplay.from_estimator(autoencoder, X)
display.figure_.suptitle("Ten images, and their reconstructions by a custom network")
plt.show()

# %%
# Upper row: the first ten images. Lower row: their reconstructions from eight numbers, with the error of each
# below. ``autoencoder.to_keras()`` returns copies of encoder and decoder as Keras models.

autoencoder.to_keras()[0].summary(line_length=80)

# %%
# Cluster
# -------
# :class:`~skdcec.DCEC` trains custom networks jointly, like its default. With ``FrozenEstimator`` it refines
# a copy of the fitted one; otherwise it would train a clone from scratch.

dcec = DCEC(
    init=MahalanobisKMeans(covariance_type="tied"),
    autoencoder=FrozenEstimator(autoencoder),
    batch_size=64,
    max_batches=700,
    batches_per_update=100,
    random_state=0,
    gamma=0.1,
    tol=1e-3,
    keep="last",
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
# The true digits against the clusters. Numbers off the diagonal are digits in the cluster of another one. In
# this run more than half of the ones share a cluster with most of the eights, and other eights are with the
# nines and the threes.

display = ContingencyDisplay.from_estimator(dcec, X, y)
display.ax_.set_title("Digits against clusters")
plt.show()

# %%
# Summary
# -------
# Pass a function, rather than models, if each fit should start from new weights: results are reproducible
# with ``random_state``, and a grid search can clone the estimator. A pair of models starts from its present
# weights, for networks that were trained elsewhere. The encoder should end in a flat layer without an
# activation, and the decoder should return images of the input shape. For an autoencoder with parameters,
# write a subclass of :class:`~skdcec.BaseAutoencoder`: :ref:`write-your-own`.
