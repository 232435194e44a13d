"""
Images of the centers
=====================
The decoder of DCEC turns any point of the embedding into an image, including the centers. This page compares
the decoded centers with the images nearest to them and with the mean images of the clusters, and walks from
one center to another.
"""

# %%
# Decoded centers
# ---------------
# Each column is a cluster: the decoded center on top, and below it the images nearest to it in the embedding.

# sphinx_gallery_thumbnail_number = 3
import matplotlib.pyplot as plt
import numpy as np

from skdcec import DCEC, ConvAutoencoder, MahalanobisKMeans
from skdcec.datasets import load_digits_images
from skdcec.plotting import CenterImagesDisplay

X = load_digits_images().images

autoencoder = ConvAutoencoder(
    kernel_sizes=(3, 3, 3), epochs=40, batch_size=32, random_state=0, augmentation=None
)
dcec = DCEC(
    init=MahalanobisKMeans(covariance_type="tied"),
    autoencoder=autoencoder,
    batch_size=64,
    max_batches=420,
    random_state=0,
    gamma=0.1,
    batches_per_update=140,
    tol=1e-3,
    keep="last",
).fit(X)

display = CenterImagesDisplay.from_estimator(dcec, X)
display.figure_.suptitle("Decoded centers, and the images nearest to them")
plt.show()

# %%
# Mean images
# -----------
# ``from_predictions`` only needs labels, and shows the mean image of each cluster instead. Given an
# embedding, the members are nearest to the mean in the embedding.

display = CenterImagesDisplay.from_predictions(X, dcec.labels_, embedding=dcec.transform(X), n_members=3)
display.figure_.suptitle("Mean images of the clusters, and the images nearest to their means")
plt.show()

# %%
# Decoded centers and mean images are very similar here. They may differ: the mean image blurs the differences
# between members, such as the position of a stroke, while the decoded center is the output of the network at
# one point of the embedding. If the two differ, the members in the columns show which is right.
#
# A walk between two centers
# --------------------------
# The upper row decodes the points of a straight line from one center to another. Below it, for comparison,
# are pixelwise mixtures of the first and the last image; at the bottom, the soft assignments of the images of
# the upper row by ``predict_proba`` (gray: all other clusters). The first images of the data set are a zero
# and a one; the walk goes from the cluster of the zero to the cluster of the one.

steps = np.linspace(0, 1, 11)


def strip(images):
    """Join images into one row, with a blank frame around each."""
    return np.hstack(np.pad(images, ((0, 0), (1, 1), (1, 1)), constant_values=np.nan))


def walk(start, end, title):
    """Draw the images between two centers, and their clusters."""
    weights = steps[:, None]
    path = (1 - weights) * dcec.cluster_centers_[start] + weights * dcec.cluster_centers_[end]
    decoded = dcec.inverse_transform(path)
    mixed = (1 - weights[..., None]) * decoded[0] + weights[..., None] * decoded[-1]

    figure, axes = plt.subplots(
        3, 1, figsize=(8, 4.3), height_ratios=[1, 1, 3], sharex=True, layout="constrained"
    )
    for ax, images, name in zip(axes, (decoded, mixed), ("decoded", "mixed"), strict=False):
        ax.imshow(strip(images), cmap="gray_r", vmin=0, vmax=1, aspect="auto", extent=(-0.05, 1.05, 0, 1))
        ax.set(yticks=[], ylabel=name)
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)

    Q = dcec.predict_proba(decoded)
    axes[2].plot(steps, Q, color="0.85")
    axes[2].plot(steps, Q[:, start], label="start")
    axes[2].plot(steps, Q[:, end], label="end")
    axes[2].set(xlabel="position between the two centers", ylabel="assignment")
    axes[2].legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    figure.suptitle(title)
    plt.show()


zero, one, four, seven = dcec.predict(X[[0, 1, 4, 7]])
walk(zero, one, "From the cluster of a zero to that of a one")

# %%
# And from the cluster of the first four to that of the first seven:

walk(four, seven, "From the cluster of a four to that of a seven")

# %%
# Summary
# -------
# - A decoded center with its nearest members shows the content of a cluster, and whether two clusters are the
#   same: look for two columns of one digit. The sizes below the columns show which clusters are small.
# - The decoder gives an image for any point of the embedding, even far from all images. The assignments show
#   that an image half way between two clusters belongs to neither: on the walk from zero to one, each end has
#   a fifth of it, hardly more than some of the other clusters.
# - On images as small as these, the decoded walk differs little from the mixture of pixels.
#
# See :class:`~skdcec.plotting.CenterImagesDisplay`, and ``inverse_transform`` and ``predict_proba`` of
# :class:`~skdcec.DCEC`.
