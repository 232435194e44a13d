r"""
How DCEC works
==============

This page works through deep convolutional embedded clustering by hand, phase by phase: an autoencoder that
embeds images in a few dimensions, centers in this embedding, soft assignments of images to centers, targets
that are more confident than the assignments, and joint training, which moves the assignments to the targets.

The method is that of Guo, Liu, Zhu and Yin, *Deep clustering with convolutional autoencoders* (2017); soft
assignment and target go back to Xie, Girshick and Farhadi, *Unsupervised deep embedding for clustering
analysis* (2016). Equations are numbered as in Nogueira and Serapião, *Exploring centroids initialization
within Deep Convolutional Embedded Clustering*.
"""

# %%
# Learn to reproduce the images
# -----------------------------
# The encoder :math:`f` turns an image :math:`x_i` into a point :math:`z_i = f(x_i)` of the embedding, here of
# ten numbers; the decoder :math:`g` makes an image of such a point. In the first phase, pretraining, they
# learn to reproduce the images: they minimize the reconstruction loss (equation 4)
#
# .. math:: L_r = \frac{1}{n} \sum_{i=1}^n \lVert g(f(x_i)) - x_i \rVert^2 .
#
# An image of 64 pixels does not fit into ten numbers, so the encoder has to find what the images have in
# common. This phase does not use clusters. The package takes the mean over pixels, not the sum.

# sphinx_gallery_thumbnail_number = 4
import matplotlib.pyplot as plt
import numpy as np
from sklearn.callback import ScoringMonitor
from sklearn.frozen import FrozenEstimator

from skdcec import DCEC, ConvAutoencoder, KHarmonicMeans
from skdcec.datasets import load_digits_images
from skdcec.metrics import clustering_accuracy_score, clustering_accuracy_scorer
from skdcec.plotting import EmbeddingDisplay, HistoryDisplay, ReconstructionDisplay

digits = load_digits_images()
X, y = digits.images, digits.target

autoencoder = ConvAutoencoder(
    kernel_sizes=(3, 3, 3), epochs=40, batch_size=32, random_state=0, augmentation=None
)
autoencoder.fit(X)
display = ReconstructionDisplay.from_estimator(autoencoder, X)
display.figure_.suptitle("Ten images and their reconstructions")
plt.show()

# %%
# The decoded images are blurred but legible. The lost details are those that few images have in common.
#
# The embedding
# -------------
# The figure shows the first two principal components of the embedding. The colors are the digits, which the
# autoencoder did not use. Images of the same digit are already close to each other, but there are no gaps
# between the digits.

Z = autoencoder.transform(X)
display = EmbeddingDisplay.from_predictions(Z, y, label_name="class")
display.ax_.set_title("The embedding after pretraining")
plt.show()

# %%
# Place the centers
# -----------------
# The second phase places cluster centers :math:`\mu_j` in the embedding. Any clusterer can do this; the
# published method uses k-means, this page K-harmonic means. The decoder turns the centers into images.

init = KHarmonicMeans(10, random_state=0).fit(Z)
centers = init.cluster_centers_
print(f"accuracy of the initial clusters: {clustering_accuracy_score(y, init.labels_):.3f}")


def draw_centers(images, title):
    """Draw one image for each center."""
    figure, axes = plt.subplots(1, len(images), figsize=(8, 1.3), layout="constrained")
    for j, (ax, image) in enumerate(zip(axes, images, strict=True)):
        ax.imshow(image, cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[], xlabel=j)
    figure.suptitle(title)
    plt.show()


draw_centers(autoencoder.inverse_transform(centers), "Decoded initial centers")

# %%
# Assign softly
# -------------
# An image belongs to every cluster to some degree, and more to those whose centers are near. The degree is a
# Student's t-distribution of one degree of freedom, scaled such that the degrees of an image sum to one
# (equation 6):
#
# .. math:: q_{ij} = \frac{(1 + \lVert z_i - \mu_j \rVert^2)^{-1}}
#           {\sum_l (1 + \lVert z_i - \mu_l \rVert^2)^{-1}} .
#
# The cluster of an image is the one with its largest :math:`q_{ij}`.


def soft_assignment(Z, centers):
    """Return Q: similarities to the centers, scaled to sum to one in each row."""
    similarity = 1 / (1 + np.square(Z[:, None] - centers).sum(axis=2))
    return similarity / similarity.sum(axis=1, keepdims=True)


Q = soft_assignment(Z, centers)

# %%
# Confident targets
# -----------------
# Without labels, the targets are more confident versions of the assignments. The target distribution squares
# each assignment and divides it by the size of its cluster (equation 8):
#
# .. math:: p_{ij} = \frac{q_{ij}^2 / f_j}{\sum_l q_{il}^2 / f_l}, \qquad f_j = \sum_i q_{ij} .
#
# The square favors the large entries of a row over the small ones; the division holds back large clusters,
# which would otherwise absorb the small ones.


def target_distribution(Q):
    """Return P: assignments that are more confident than Q."""
    weight = Q**2 / Q.sum(axis=0)
    return weight / weight.sum(axis=1, keepdims=True)


P = target_distribution(Q)


def framed(images):
    """Return the images with a blank frame around each."""
    return np.pad(images, ((0, 0), (1, 1), (1, 1)), constant_values=np.nan)


def draw_assignments(chosen, matrices, center_images):
    """Draw assignments of the chosen images (rows) to the centers (columns)."""
    names = list(matrices)
    figure, axes = plt.subplot_mosaic(
        [["."] + [f"centers {name}" for name in names], ["images", *names]],
        figsize=(8.5, 4.7),
        width_ratios=[1.3] + [10] * len(names),
        height_ratios=[1.1, len(chosen)],
        layout="constrained",
    )
    figure.suptitle("Assignments of eight images to the ten clusters")
    for name, ax in axes.items():
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(name in names)
    axes["images"].imshow(np.vstack(framed(X[chosen])), cmap="gray_r", aspect="auto")
    for name, matrix in matrices.items():
        strip = np.hstack(framed(center_images))
        axes[f"centers {name}"].imshow(strip, cmap="gray_r", vmin=0, vmax=1, aspect="auto")
        axes[f"centers {name}"].set_title(name)
        colors = axes[name].imshow(matrix[chosen], cmap="Blues", vmin=0, vmax=1, aspect="auto")
    figure.colorbar(colors, ax=[axes[name] for name in names], label="assignment")
    plt.show()


# from the least to the most confident assignment
chosen = Q.max(axis=1).argsort()[np.linspace(0, len(X) - 1, 8).astype(int)]
draw_assignments(chosen, {"assignment Q": Q, "target P": P}, autoencoder.inverse_transform(centers))

print("median of the largest assignment of an image:")
print(f"    in Q {np.median(Q.max(axis=1)):.2f}, in P {np.median(P.max(axis=1)):.2f}")

# %%
# Each row is an image, each column a center. The images are ordered by the confidence of their assignments.
# The assignments in the upper rows are spread over many centers, and so are their targets, which carry little
# information. If Q prefers one center, P prefers it more.
#
# Train encoder, decoder and centers together
# -------------------------------------------
# The third phase minimizes (equation 5)
#
# .. math:: L = L_r + \gamma L_c .
#
# The clustering loss :math:`L_c` is the Kullback-Leibler divergence between target and assignments (equation
# 7),
#
# .. math:: L_c = \mathrm{KL}(P \Vert Q) = \sum_i \sum_j p_{ij} \log \frac{p_{ij}}{q_{ij}} ,
#
# of which the package takes the mean over the images. Its gradient moves images toward the centers that their
# targets favor, and the centers toward these images. The reconstruction loss keeps different images apart in
# the embedding; without it this is the method of Xie et al. P is updated from time to time, because Q becomes
# more confident; here every 100 batches.
#
# ``DCEC`` does all three phases in one ``fit``. Given a pretrained autoencoder and an array of centers, only
# the third is left. A score monitor records the accuracy at each update; ``fit`` passes the digits to the
# monitor only.

monitor = ScoringMonitor(scoring={"accuracy": clustering_accuracy_scorer})
dcec = DCEC(
    init=centers,
    autoencoder=FrozenEstimator(autoencoder),
    batches_per_update=100,
    batch_size=64,
    max_batches=700,
    random_state=0,
    gamma=0.1,
    tol=1e-3,
    keep="last",
)
dcec.set_callbacks(monitor).fit(X, y)

accuracy = [row["accuracy"] for row in monitor.get_logs().data if row["task_name"] == "update"]
display = HistoryDisplay.from_estimator(dcec, scores={"accuracy": accuracy})
display.figure_.suptitle("Losses and accuracy during joint training")
plt.show()

# %%
# The clustering loss does not fall, because each target is more confident than the one before. The
# reconstruction loss grows a little, because the embedding now serves two purposes. Few labels change, and
# the accuracy is .05 above the initial clusters: the centers decide which partition is refined.
#
# Changes
# -------
# ``predict_proba`` gives the soft assignments, by the formula above on the refined embedding and centers.
# Most assignments have become more confident; of the same eight images as before, the first stays undecided.
# The centers on top are the refined ones.

Q_after = dcec.predict_proba(X)
by_hand = soft_assignment(dcec.transform(X), dcec.cluster_centers_)
print(f"predict_proba is the formula: {np.allclose(Q_after, by_hand, atol=1e-6)}")
print("median of the largest assignment of an image:")
print(f"    before {np.median(Q.max(axis=1)):.2f}, after {np.median(Q_after.max(axis=1)):.2f}")

refined = dcec.inverse_transform(dcec.cluster_centers_)
draw_assignments(chosen, {"Q before": Q, "Q after": Q_after}, refined)

# %%
# In the embedding, the digits have contracted, with gaps between them. The axes are the principal components
# of the refined embedding, so they differ from the first figure.

display = EmbeddingDisplay.from_estimator(dcec, X, y)
display.ax_.set_title("The embedding after joint training")
plt.show()

# %%
# The decoded centers after training:

draw_centers(refined, "Decoded refined centers")
print(f"accuracy: {clustering_accuracy_score(y, dcec.labels_):.3f}")

# %%
# Summary
# -------
# - In the embedding after pretraining, similar images are close to each other; ``init`` finds clusters there;
#   joint training makes them denser and moves the images at their borders.
# - Joint training reinforces likely assignments. If two digits share a center, they usually keep sharing it,
#   so the start matters.
# - :class:`~skdcec.DCEC` does all of it; the phases alone are :class:`~skdcec.ConvAutoencoder` and any
#   clusterer, such as :class:`~skdcec.KHarmonicMeans`, which
#   :ref:`sphx_glr_auto_examples_explained_plot_how_khm_works.py` explains.
