"""
Quickstart
==========

Cluster the 1,797 handwritten digits of scikit-learn with DCEC, and inspect the result.
"""

# %%
# Fit
# ---
# The images are an array of shape (n_samples, height, width), with values from 0 to 1. ``DCEC`` trains an
# autoencoder on them, divides the images into ten communities of neighbors, and then trains the autoencoder
# and ten cluster centers in its embedding together. This takes about half a minute on one core.

import matplotlib.pyplot as plt

from skdcec import DCEC
from skdcec.datasets import load_digits_images
from skdcec.metrics import clustering_accuracy_score
from skdcec.plotting import CenterImagesDisplay, ContingencyDisplay

X = load_digits_images().images

dcec = DCEC(n_clusters=10, random_state=0)
labels = dcec.fit_predict(X)
print(labels)

# %%
# Inspect the clusters
# --------------------
# Each column is a cluster: the decoded center on top, the images nearest to it in the embedding below, and
# the number of images at the bottom.

display = CenterImagesDisplay.from_estimator(dcec, X)
display.figure_.suptitle("Decoded centers, and the images nearest to them")
plt.show()

# %%
# Compare clusters and digits
# ---------------------------
# Clustering did not use the true digits. To compute the accuracy, each cluster is matched to one digit such
# that as many images as possible agree; the accuracy is the fraction that does. The columns of the table are
# ordered by this matching, so the images that agree are on the diagonal.

y = load_digits_images().target
print(f"accuracy: {clustering_accuracy_score(y, labels):.3f}")
display = ContingencyDisplay.from_predictions(y, labels)
display.ax_.set_title("Digits against clusters")
plt.show()

# %%
# Each digit has a cluster of its own. Some eights and nines are in the cluster of the ones, and some nines
# with the sevens.
#
# :class:`~skdcec.DCEC` also predicts new images (``dcec.predict``), with soft assignments
# (``dcec.predict_proba``). :class:`~skdcec.plotting.CenterImagesDisplay`,
# :class:`~skdcec.plotting.ContingencyDisplay` and :func:`~skdcec.metrics.clustering_accuracy_score` work with
# any clusterer. For the method, see :ref:`sphx_glr_auto_examples_explained_plot_how_dcec_works.py`.
