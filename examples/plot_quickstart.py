"""
Quickstart
==========

How does one cluster a set of images with DCEC, and look at the result? This page does it with the 1,797
handwritten digits that come with scikit-learn.
"""

# %%
# Fit
# ---
# The images are an array of shape (n_samples, height, width), with values from 0 to 1. ``DCEC`` trains an
# autoencoder on them, places ten centers in its embedding, here by kernel K-harmonic means, and then trains
# all of it together. The images have 8 x 8 pixels only, so the kernels of the convolutions are smaller than
# by default; both trainings are short, to keep the page quick.

import matplotlib.pyplot as plt

from skdcec import DCEC, ConvAutoencoder, KernelKHarmonicMeans
from skdcec.datasets import load_digits_images
from skdcec.metrics import clustering_accuracy_score
from skdcec.plotting import CenterImagesDisplay, ContingencyDisplay

X = load_digits_images().images

autoencoder = ConvAutoencoder(kernel_sizes=(3, 3, 3), epochs=40, batch_size=32)
dcec = DCEC(
    n_clusters=10,
    init=KernelKHarmonicMeans(),
    autoencoder=autoencoder,
    batch_size=64,
    max_batches=700,
    random_state=0,
)
labels = dcec.fit_predict(X)
print(labels)

# %%
# Look at the clusters
# --------------------
# Each column is a cluster. On top is its center, which the decoder turns into an image, below it are the
# images nearest to it in the embedding, and at the bottom is the number of images in the cluster.

display = CenterImagesDisplay.from_estimator(dcec, X)
display.figure_.suptitle("Decoded centers, and the images nearest to them")
plt.show()

# %%
# Compare them with the digits
# ----------------------------
# Nothing above has seen the digits that the images stand for. The accuracy matches each cluster to one
# digit, so that as many images as possible agree, and is the share that does. The columns of the table stand
# in the order of this matching, so the images that agree are on the diagonal.

y = load_digits_images().target
print(f"accuracy: {clustering_accuracy_score(y, labels):.3f}")
display = ContingencyDisplay.from_predictions(y, labels)
display.ax_.set_title("Digits against clusters")
plt.show()

# %%
# Most digits have a cluster nearly to themselves. The cluster of the ones holds a third of the eights as
# well, and most of the ones that it lacks are with the twos and the eights. A longer training, more images,
# or another ``init`` may do better; the page :ref:`sphx_glr_auto_examples_deep_plot_any_initializer.py`
# tries some.
#
# :class:`~skdcec.DCEC` predicts new images too (``dcec.predict``), and tells how sure it is of each
# (``dcec.predict_proba``). :class:`~skdcec.plotting.CenterImagesDisplay`,
# :class:`~skdcec.plotting.ContingencyDisplay` and :func:`~skdcec.metrics.clustering_accuracy_score` work with
# any clusterer. What happens inside is the subject of
# :ref:`sphx_glr_auto_examples_explained_plot_how_dcec_works.py`.
