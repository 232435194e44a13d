"""
What the centers look like
==========================

What does a cluster stand for? The decoder of DCEC makes an image of any point of the embedding, so of the
centers too. This page sets them beside the images nearest to them, beside the mean images of the clusters,
and walks from one center to another.
"""

# %%
# Decoded centers
# ---------------
# A cluster can be told from its column: the decoded center on top, and below it the images that are nearest
# to it in the embedding.

# sphinx_gallery_thumbnail_number = 3
import matplotlib.pyplot as plt
import numpy as np

from skdcec import DCEC, ConvAutoencoder, MahalanobisKMeans
from skdcec.datasets import load_digits_images
from skdcec.plotting import CenterImagesDisplay

X = load_digits_images().images

autoencoder = ConvAutoencoder(kernel_sizes=(3, 3, 3), epochs=40, batch_size=32, random_state=0)
dcec = DCEC(
    init=MahalanobisKMeans(covariance_type="tied", n_init=20),
    autoencoder=autoencoder,
    batch_size=64,
    max_batches=420,
    random_state=0,
).fit(X)

display = CenterImagesDisplay.from_estimator(dcec, X)
display.figure_.suptitle("Decoded centers, and the images nearest to them")
plt.show()

# %%
# Mean images
# -----------
# ``from_predictions`` needs labels only, and shows the mean image of each cluster instead. With the
# embedding, the members are those nearest to the mean there.

display = CenterImagesDisplay.from_predictions(X, dcec.labels_, embedding=dcec.transform(X), n_members=3)
display.figure_.suptitle("Mean images of the clusters, and the images nearest to their means")
plt.show()

# %%
# Decoded center and mean image look much alike here. They need not: the mean image blurs whatever the members
# disagree on, such as the position of a stroke, while the decoded center is what the network makes of one
# point of the embedding. Where the two differ, the members in the columns tell which is right.
#
# A walk between two centers
# --------------------------
# What is between two clusters? The points of a straight line from one center to another decode to images.
# Below them, for comparison, is a mixture of the first and the last image, pixel by pixel; and at the bottom
# how much of each image of the upper row belongs to which cluster, by ``predict_proba`` (gray: all other
# clusters). The first images of the data set are a zero and a one; the walk goes from the cluster of the
# former to that of the latter.

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
    axes[2].set(xlabel="way from the first center to the second", ylabel="share of the image")
    axes[2].legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    figure.suptitle(title)
    plt.show()


zero, one, four, seven = dcec.predict(X[[0, 1, 4, 7]])
walk(zero, one, "From the cluster of a zero to that of a one")

# %%
# And from the cluster of the first four to that of the first seven:

walk(four, seven, "From the cluster of a four to that of a seven")

# %%
# What to take from it
# --------------------
# - A decoded center with its nearest members says at a glance what a cluster holds, and whether two clusters
#   hold the same: look for two columns of one digit. The sizes below the columns tell which are small.
# - The decoder answers for any point of the embedding, also where no image is. Half way between two clusters
#   the shares tell that such an image belongs to neither: on the walk from zero to one, each end has a fifth
#   of it there, hardly more than some clusters off the way.
# - On images as small as these, the decoded walk differs little from the mixture of pixels.
#
# See :class:`~skdcec.plotting.CenterImagesDisplay`, and ``inverse_transform`` and ``predict_proba`` of
# :class:`~skdcec.DCEC`.
