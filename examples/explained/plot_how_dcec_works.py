r"""
How DCEC works
==============

What happens between ``fit`` and ``labels_``? This page takes deep convolutional embedded clustering apart and
does each phase by hand: an autoencoder that turns images into a few numbers, centers among these numbers,
soft assignments of images to centers, targets that are surer than the assignments, and the joint training
that brings the two together.

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
# common. Nothing in this phase knows of clusters. The package takes the mean over pixels, not the sum.

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

autoencoder = ConvAutoencoder(kernel_sizes=(3, 3, 3), epochs=40, batch_size=32, random_state=0)
autoencoder.fit(X)
display = ReconstructionDisplay.from_estimator(autoencoder, X)
display.figure_.suptitle("Ten images, and what the autoencoder makes of them")
plt.show()

# %%
# The decoded images are blurred, but can be read. What is lost is what few images share.
#
# The embedding
# -------------
# Here is the embedding, as its first two principal components show it. The colors are the digits, which the
# autoencoder has never seen. Images of one digit are near one another already, but there are no gaps
# between the digits.

Z = autoencoder.transform(X)
display = EmbeddingDisplay.from_predictions(Z, y, label_name="class")
display.ax_.set_title("The embedding after pretraining")
plt.show()

# %%
# Place the centers
# -----------------
# The second phase places cluster centers :math:`\mu_j` in the embedding. Any clusterer can do this; the
# published method takes k-means, this page K-harmonic means. The decoder shows what the centers look like.

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
    """Return Q: similarities to the centers, as shares of each row."""
    similarity = 1 / (1 + np.square(Z[:, None] - centers).sum(axis=2))
    return similarity / similarity.sum(axis=1, keepdims=True)


Q = soft_assignment(Z, centers)

# %%
# Aim at what is surer
# --------------------
# Without labels, what should the assignments become? Surer versions of themselves. The target distribution
# squares each assignment and divides by how much its cluster has of all images (equation 8):
#
# .. math:: p_{ij} = \frac{q_{ij}^2 / f_j}{\sum_l q_{il}^2 / f_l}, \qquad f_j = \sum_i q_{ij} .
#
# The square favors the large entries of a row over the small ones; the division holds back large clusters,
# which would swallow the small ones otherwise.


def target_distribution(Q):
    """Return P: assignments that are surer than Q."""
    weight = Q**2 / Q.sum(axis=0)
    return weight / weight.sum(axis=1, keepdims=True)


P = target_distribution(Q)


def framed(images):
    """Return the images with a blank frame around each."""
    return np.pad(images, ((0, 0), (1, 1), (1, 1)), constant_values=np.nan)


def draw_assignments(chosen, matrices, center_images):
    """Draw assignments of some images (rows) to the centers (columns)."""
    names = list(matrices)
    figure, axes = plt.subplot_mosaic(
        [["."] + [f"centers {name}" for name in names], ["images", *names]],
        figsize=(8.5, 4.7),
        width_ratios=[1.3] + [10] * len(names),
        height_ratios=[1.1, len(chosen)],
        layout="constrained",
    )
    figure.suptitle("Shares of eight images in the ten clusters")
    for name, ax in axes.items():
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(name in names)
    axes["images"].imshow(np.vstack(framed(X[chosen])), cmap="gray_r", aspect="auto")
    for name, matrix in matrices.items():
        strip = np.hstack(framed(center_images))
        axes[f"centers {name}"].imshow(strip, cmap="gray_r", vmin=0, vmax=1, aspect="auto")
        axes[f"centers {name}"].set_title(name)
        colors = axes[name].imshow(matrix[chosen], cmap="Blues", vmin=0, vmax=1, aspect="auto")
    figure.colorbar(colors, ax=[axes[name] for name in names], label="share of the image")
    plt.show()


# from the least sure to the surest image
chosen = Q.max(axis=1).argsort()[np.linspace(0, len(X) - 1, 8).astype(int)]
draw_assignments(chosen, {"assignment Q": Q, "target P": P}, autoencoder.inverse_transform(centers))

print("median of the largest share of an image:")
print(f"    in Q {np.median(Q.max(axis=1)):.2f}, in P {np.median(P.max(axis=1)):.2f}")

# %%
# Each row is an image, each column a center. The images stand in the order of how sure their assignments are.
# The assignments in the upper rows are spread over many centers, and so are their targets, which say little.
# Where Q has a favorite, P insists on it.
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
# of which the package takes the mean over the images. Its gradient moves images towards the centers that
# their targets favor, and the centers with them. The reconstruction loss sees to it that the embedding goes
# on telling images apart; without it the method is that of Xie et al. P is computed anew from time to time,
# as Q has become surer by then; here every 100 batches.
#
# ``DCEC`` does all three phases in one ``fit``. Given a pretrained autoencoder and an array of centers, what
# is left is the third. A score monitor notes the accuracy at each new target; ``fit`` hands the digits to it,
# and to nothing else.

monitor = ScoringMonitor(scoring={"accuracy": clustering_accuracy_scorer})
dcec = DCEC(
    init=centers,
    autoencoder=FrozenEstimator(autoencoder),
    batches_per_update=100,
    batch_size=64,
    max_batches=700,
    random_state=0,
)
dcec.set_callbacks(monitor).fit(X, y)

accuracy = [row["accuracy"] for row in monitor.get_logs().data if row["task_name"] == "update"]
display = HistoryDisplay.from_estimator(dcec, scores={"accuracy": accuracy})
display.figure_.suptitle("Losses and accuracy during joint training")
plt.show()

# %%
# The clustering loss does not fall: each new target is surer than the one before, so that the assignments
# have a way to go again. The reconstruction loss grows a little, as the embedding now serves two ends. Few
# labels change, and the accuracy gains .05 on that of the initial clusters: the centers decide which
# partition is refined.
#
# What has changed
# ----------------
# The soft assignments are those of ``predict_proba``, the formula above on the refined embedding and centers.
# Most images have become surer; of the same eight as before, the first stays undecided. The centers on top
# are the refined ones.

Q_after = dcec.predict_proba(X)
by_hand = soft_assignment(dcec.transform(X), dcec.cluster_centers_)
print(f"predict_proba is the formula: {np.allclose(Q_after, by_hand, atol=1e-6)}")
print("median of the largest share of an image:")
print(f"    before {np.median(Q.max(axis=1)):.2f}, after {np.median(Q_after.max(axis=1)):.2f}")

refined = dcec.inverse_transform(dcec.cluster_centers_)
draw_assignments(chosen, {"Q before": Q, "Q after": Q_after}, refined)

# %%
# In the embedding, the digits have drawn together, and gaps have opened between them. The axes are the
# principal components of the refined embedding, so they are not those of the first picture.

display = EmbeddingDisplay.from_estimator(dcec, X, y)
display.ax_.set_title("The embedding after joint training")
plt.show()

# %%
# The decoded centers after training:

draw_centers(refined, "Decoded refined centers")
print(f"accuracy: {clustering_accuracy_score(y, dcec.labels_):.3f}")

# %%
# What to take from it
# --------------------
# - Pretraining makes an embedding in which similar images are near one another; ``init`` finds clusters
#   there; joint training makes them denser and moves the images at their borders.
# - Joint training believes what is likely already. Where two digits share a center, they usually go on
#   sharing it, so the start matters.
# - All of it is in :class:`~skdcec.DCEC`; the phases alone are :class:`~skdcec.ConvAutoencoder` and any
#   clusterer, such as :class:`~skdcec.KHarmonicMeans`. How the latter works is the subject of
#   :ref:`sphx_glr_auto_examples_explained_plot_how_khm_works.py`.
