"""
How K-harmonic means works
==========================

k-means depends on its start: centers that begin in the wrong place often stay there.
:class:`~skdcec.KHarmonicMeans` hardly does. Why? This page takes the method apart, picture by picture, and
ends with the price: in high dimension its centers can meet.
"""

# %%
# A bad start
# -----------
# Five groups in the plane, and five centers that all begin in the same group, the one on the left. k-means
# ends with two centers in that group, and with one center for two of the others.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score

from skdcec import KHarmonicMeans
from skdcec.plotting import HistoryDisplay

means = np.array([[-6, 0], [-1, 4], [0, -3], [5, 3], [6, -2]])
X, group = make_blobs(n_samples=600, centers=means, cluster_std=0.8, random_state=0)
rng = np.random.default_rng(0)
bad_start = X[rng.choice(np.flatnonzero(group == 0), size=5, replace=False)]

kmeans = KMeans(5, init=bad_start, n_init=1).fit(X)


def draw(ax, centers, title=None, trail=None):
    """Draw the samples in gray, and centers, with the way that they came."""
    ax.scatter(*X.T, s=4, color="0.75", linewidths=0)
    for j, center in enumerate(centers):
        if trail is not None:
            ax.plot(*np.array(trail)[:, j].T, color=f"C{j}", lw=1.5)
        ax.scatter(*center, s=90, marker="X", color=f"C{j}", edgecolors="w", zorder=3)
    ax.set(xticks=[], yticks=[], aspect="equal", xlabel="feature 0", ylabel="feature 1")
    ax.set_title(title, fontsize=10)


figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
draw(axes[0], bad_start, "five centers begin in one group")
draw(axes[1], kmeans.cluster_centers_, f"where k-means ends, after {kmeans.n_iter_} iterations")
figure.suptitle("A bad start for k-means")
plt.show()

# %%
# From the minimum to the harmonic mean
# -------------------------------------
# In the objective of k-means each sample counts its squared distance to the *nearest* center. Move any other
# center a little, and nothing changes: those centers do not feel the sample. K-harmonic means [1]_ [2]_
# replaces the minimum by the harmonic mean, over *all* centers, of the distances to the power p:
#
# .. math:: Q = \sum_i \frac{k}{\sum_j d_{ij}^{-p}}
#
# The harmonic mean is ruled by its smallest member, so it still asks for one near center. But it has a slope
# everywhere. The picture shows what one sample adds to the objective. Its first center stays at distance 1,
# and a second one comes nearer. For k-means nothing happens before it is the nearer one. For K-harmonic
# means every step towards the sample pays.

second = np.linspace(0.02, 4, 200)
figure, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
ax.plot(second, np.minimum(1, second**2), label="minimum (k-means)")
ax.plot(second, 2 / (1 + second**-2), label="harmonic mean, p = 2")
ax.plot(second, 2 / (1 + second**-4), label="harmonic mean, p = 4")
ax.axvline(1, color="0.6", ls=":")
ax.set(xlabel="distance of the second center (the first is at 1)", ylabel="term of the sample")
ax.set_title("What one sample adds to the objective")
ax.legend()
plt.show()

# %%
# Two weights: whose sample it is, and how much it matters
# --------------------------------------------------------
# Set the derivative of Q to zero, and each center becomes a weighted mean of *all* samples. The weight is
# the product of two parts:
#
# .. math::
#
#    c_j = \frac{\sum_i u_{ij} w_i x_i}{\sum_i u_{ij} w_i}, \qquad
#    u_{ij} = \frac{d_{ij}^{-p-2}}{\sum_l d_{il}^{-p-2}}, \qquad
#    w_i = \frac{\sum_l d_{il}^{-p-2}}{(\sum_l d_{il}^{-p})^2}
#
# The membership u says how a sample is divided among the centers. The weight w says how much the sample
# matters at all, and it is what moves centers out of a crowd. For p = 2 it lies between 1/k and 1: it is 1
# on a center, and 1/k at points that are equally far from all k centers. (Fuzzy c-means with m = 2 is the
# same method; there the product u w is the square of the membership.) For larger p, w also grows with the
# distance to the nearest center, so that samples far from all of them gain weight.


def weights(X, centers, p=2):
    """Return the memberships u (n, k) and the weights w (n,) of K-harmonic means."""
    d = cdist(X, centers)
    pull = d ** (-p - 2)
    return pull / pull.sum(axis=1, keepdims=True), pull.sum(axis=1) / (d**-p).sum(axis=1) ** 2


# %%
# Here are both, and their product, for four centers of which three crowd on the left. Each map colors a
# plane of possible samples. The three share what lies around them: a sample that is about equally far from
# them belongs to each by a third. And what they share loses weight: its w is about a third. So a center of
# the crowd is held by only a third of a third of such a sample. The center on the right is held by nearly
# the full weight of the samples next to it. The crowd sits loosely, and samples that no center serves well
# can draw a member away.

crowd = np.array([[-5.5, 0.8], [-5.5, -0.8], [-4.2, 0], [5.5, 0]])
x, y = np.meshgrid(np.linspace(-9, 9, 240), np.linspace(-6, 6, 160))
u, w = weights(np.column_stack([x.ravel(), y.ravel()]), crowd)

names = [["u, one of the crowd", "w", "u w, one of the crowd"], ["u, on the right", "w", "u w, on the right"]]
maps = [u[:, 2], w, u[:, 2] * w, u[:, 3], u[:, 3] * w]
figure, axes = plt.subplot_mosaic(names, figsize=(10.5, 4.9), layout="constrained")
figure.suptitle("Membership u, weight w, and their product, for two of four centers")
for (name, ax), values in zip(axes.items(), maps, strict=True):
    image = ax.pcolormesh(x, y, values.reshape(x.shape), vmin=0, vmax=1, cmap="viridis", rasterized=True)
    ax.scatter(*crowd.T, s=60, marker="X", color="k", edgecolors="w")
    ax.set(xticks=[], yticks=[], aspect="equal", xlabel="feature 0", ylabel="feature 1")
    ax.set_title(name, fontsize=10)
figure.colorbar(image, ax=list(axes.values()), label="weight of a sample at this place", shrink=0.9)
plt.show()

# %%
# Step by step out of the crowd
# -----------------------------
# That is all the mathematics. Written down, an iteration is two lines, and the estimator does the same:


def step(X, centers, p=2):
    """Return the next centers."""
    u, w = weights(X, centers, p)
    pull = u * w[:, None]
    return pull.T @ X / pull.sum(axis=0)[:, None]


# a start beside the samples, for the formulas as written divide by zero on a sample
start = bad_start + 0.01
trail = [start]
for _ in range(30):
    trail.append(step(X, trail[-1]))
khm = KHarmonicMeans(5, init=start, p=2.0, tol=1e-12).fit(X)
print(f"largest difference in a coordinate after 30 steps: {abs(trail[-1] - khm.cluster_centers_).max():.0e}")

# %%
# Side by side with k-means, from the same start. The lines are the ways of the centers. In k-means, a center
# hears only the samples that no other center is nearer to. It stops where each is the mean of its own. In
# K-harmonic means all samples pull at all centers: at first nearly alike, so that all five leave together
# for the middle. As they part, each sample pulls more at one center than at the others. After 6 iterations
# there is one in each group.

shown = [0, 1, 3, 6, 12, 30]
figure, axes = plt.subplots(2, len(shown), figsize=(12, 3.9), layout="constrained")
figure.suptitle("The centers after so many iterations")
lloyd = [start]
for _ in range(30):
    lloyd.append(KMeans(5, init=lloyd[-1], n_init=1, max_iter=1).fit(X).cluster_centers_)
for column, t in zip(axes.T, shown, strict=True):
    draw(column[0], lloyd[t], f"k-means, {t}", lloyd[: t + 1])
    draw(column[1], trail[t], f"K-harmonic means, {t}", trail[: t + 1])
for ax in axes.flat:
    ax.set(xlabel="", ylabel="")
plt.show()

# %%
# The objective falls, and faster with longer steps
# -------------------------------------------------
# For p = 2 such a step never raises Q. For larger p it can, so the estimator shortens it to 2/p of its
# length, and halves it as long as Q would rise. While Q falls, it lengthens the steps (``accelerate=True``,
# the default). With groups as clean as those above that does not pay. Where groups overlap, the end is the
# same, in fewer iterations. Here is p = 4, first with the clean groups, then, in the picture, with wider
# ones:

for accelerate in False, True:
    fitted = KHarmonicMeans(5, p=4.0, accelerate=accelerate, random_state=0).fit(X)
    print(f"clean, accelerate={accelerate}: Q = {fitted.objective_:.1f} after {fitted.n_iter_} iterations")

wide, _ = make_blobs(n_samples=600, centers=means, cluster_std=1.8, random_state=0)
figure, axes = plt.subplots(1, 2, figsize=(9, 3.9), sharex=True, sharey=True, layout="constrained")
figure.suptitle("The objective Q on the wider groups")
for ax, accelerate in zip(axes, [False, True], strict=True):
    fitted = KHarmonicMeans(5, p=4.0, accelerate=accelerate, random_state=0).fit(wide)
    HistoryDisplay.from_estimator(fitted, ax=ax)
    ax.set_title(f"accelerate={accelerate}: {fitted.n_iter_} iterations", fontsize=10, pad=22)
    print(f"wide, accelerate={accelerate}: Q = {fitted.objective_:.1f} after {fitted.n_iter_} iterations")
axes[0].set_ylabel("objective Q")
axes[1].set_ylabel("")
plt.show()

# %%
# Many bad starts
# ---------------
# One start proves little. Here are 50, each with all five centers in one of the five groups. A run is good
# if its sum of squared distances to the nearest center is within 5 % of the best one found, for either
# method.

inertia = {"k-means": [], "K-harmonic means": []}
for seed in range(50):
    home = np.flatnonzero(group == seed % 5)
    start = X[np.random.default_rng(seed).choice(home, size=5, replace=False)]
    inertia["k-means"].append(KMeans(5, init=start, n_init=1).fit(X).inertia_)
    inertia["K-harmonic means"].append(KHarmonicMeans(5, init=start, p=2.0).fit(X).inertia_)
best = min(min(values) for values in inertia.values())

figure, ax = plt.subplots(figsize=(7, 2.6), layout="constrained")
for row, (name, values) in enumerate(inertia.items()):
    jitter = np.random.default_rng(0).uniform(-0.2, 0.2, size=50)
    ax.scatter(values, row + jitter, s=18, color=f"C{row}", alpha=0.7, linewidths=0)
    print(f"{name}: {np.mean(np.array(values) < 1.05 * best):.0%} of the starts end well")
ax.set(yticks=[0, 1], yticklabels=list(inertia), ylim=(1.5, -0.5), xlabel="inertia at the end of each run")
ax.set_title("Fifty bad starts")
plt.show()

# %%
# The price: in high dimension all pull alike
# -------------------------------------------
# What frees the centers can also bind them. A sample pulls at one center more than at the others only as far
# as its distances differ, and in high dimension distances are alike. Here are the same five groups with more
# and more features of noise, and with the true means as centers. The memberships of p = 2 become equal, 1/5
# for each center. A larger exponent makes the small differences count.

dimensions = np.array([2, 3, 5, 10, 20, 40])
figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.4), layout="constrained")
largest = {2: [], 4: [], 8: []}
for shade, d in zip(np.linspace(0, 0.85, len(dimensions)), dimensions, strict=True):
    Z = np.column_stack([X, rng.normal(scale=3, size=(len(X), d - 2))])
    centers = np.column_stack([means, np.zeros((5, d - 2))])
    distances = np.sort(cdist(Z, centers), axis=1)
    axes[0].ecdf(distances[:, 0] / distances[:, 4], color=plt.colormaps["viridis"](shade), label=f"d = {d}")
    for p, values in largest.items():
        values.append(weights(Z, centers, p)[0].max(axis=1).mean())
axes[0].set(xlabel="nearest / farthest center, in distance", ylabel="share of the samples", xlim=(0, 1))
axes[0].set_title("Distances become alike")
axes[1].set_title("Memberships become equal")
axes[0].legend(fontsize="small")
for p, values in largest.items():
    axes[1].plot(dimensions, values, "o-", label=f"p = {p}")
axes[1].axhline(1 / 5, color="0.6", ls=":")
axes[1].set(xlabel="number of features d", ylabel="largest membership, mean", ylim=(0, 1.02))
axes[1].legend(fontsize="small")
plt.show()

# %%
# The critical exponent
# ---------------------
# Where all pull alike, all centers are drawn to the same point: they *collapse*. Theory says when this is
# stable. With all centers on the best single center m, let y be the samples seen from m, D their squared
# lengths, and s = p/2. That point is a local minimum of Q exactly when (p + 2) λ < 1, where
#
# .. math:: \lambda = \text{largest eigenvalue of } \frac{\sum_i D_i^{s-2} \, y_i y_i^T}{\sum_i D_i^{s-1}}
#
# The p with equality is the critical exponent p*. All eigenvalues add up to 1, so λ is at least 1/d. It is
# 1/d if no direction is preferred, and then p* = d - 2. So the hardest case is a ball of samples without any
# groups. The map shows how far apart four centers end in it, for each dimension and exponent. Where it is
# dark they are all on one point. The drawn line is (p + 2) λ = 1, and the dashed one is p = d - 2; they
# differ because a finite sample always prefers some direction.


def strength(X, p):
    """Return (p + 2) lambda, with the mean in the place of m."""
    y = X - X.mean(axis=0)
    D = (y**2).sum(axis=1)
    matrix = (y.T * D ** (p / 2 - 2)) @ y / (D ** (p / 2 - 1)).sum()
    return (p + 2) * np.linalg.eigvalsh(matrix)[-1]


dimensions, exponents = np.arange(2, 13), np.arange(2, 10.1, 0.5)
spread, strengths = np.zeros((2, len(exponents), len(dimensions)))
for j, d in enumerate(dimensions):
    ball = np.random.default_rng(0).normal(size=(1000, d))
    for i, p in enumerate(exponents):
        with warnings.catch_warnings():
            # centers that meet are what this picture is about; the estimator would warn of each
            warnings.filterwarnings("ignore", "KHarmonicMeans: only", ConvergenceWarning)
            centers = KHarmonicMeans(4, p=p, random_state=0).fit(ball).cluster_centers_
        spread[i, j] = np.sqrt(centers.var(axis=0).sum() / ball.var(axis=0).sum())
        strengths[i, j] = strength(ball, p)

figure, ax = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
image = ax.pcolormesh(dimensions, exponents, spread, cmap="magma", vmin=0)
ax.contour(dimensions, exponents, strengths, levels=[1], colors="w", linewidths=2)
ax.plot(dimensions, dimensions - 2, "w--", lw=1)
ax.set(xlabel="number of features d", ylabel="exponent p", ylim=(1.75, 10.25))
ax.set_title("Where four centers collapse")
figure.colorbar(image, label="spread of the centers / spread of the samples")
plt.show()

# %%
# What it looks like, and what ``p="auto"`` does
# ----------------------------------------------
# Five overlapping groups in ten dimensions, seen on their first two principal components, each in its
# color. With p = 2 all centers meet (the one cross is five), and the estimator says so. The default
# ``p="auto"`` starts with 2, or with 1.4 p* if that is larger, and goes on to a larger exponent as long as
# centers have met. It keeps all five. It does not beat k-means here, which has a good start of its own, from
# k-means++.

Z, group = make_blobs(
    n_samples=1000, centers=5, n_features=10, center_box=(-3.5, 3.5), cluster_std=2, random_state=1
)
plane = PCA(2, random_state=0).fit(Z)
figure, axes = plt.subplots(1, 2, figsize=(9.5, 4.5), sharex=True, sharey=True, layout="constrained")
figure.suptitle("Five groups in ten dimensions, and the centers that are found")
for ax, p in zip(axes, [2.0, "auto"], strict=True):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        khm = KHarmonicMeans(5, p=p, random_state=0).fit(Z)
    for warning in caught:
        print(f"Warning: {warning.message}")
    score = adjusted_rand_score(group, khm.labels_)
    print(f"p={p!r}: p_ = {khm.p_}, adjusted Rand index {score:.2f}")
    for j in range(5):
        ax.scatter(*plane.transform(Z[group == j]).T, s=6, linewidths=0)
    ax.scatter(*plane.transform(khm.cluster_centers_).T, s=100, marker="X", color="k", edgecolors="w")
    ax.set(title=f"p={p!r}: p_ = {khm.p_}", xlabel="principal component 0", ylabel="principal component 1")
kmeans = KMeans(5, random_state=0).fit(Z)
print(f"k-means: adjusted Rand index {adjusted_rand_score(group, kmeans.labels_):.2f}")
plt.show()

# %%
# What to take from it
# --------------------
# - Every sample pulls at every center, so no center is ever cut off from a group that needs one.
# - Samples that several centers serve lose weight, so a crowd dissolves. That makes the start matter little.
# - In high dimension all pulls become alike, and centers can meet. A larger exponent keeps them apart;
#   ``p="auto"`` looks for one.
# - It is no cure for everything: in the last picture, k-means from a good start scored the same.
#
# Go on with :ref:`the corner start <sphx_glr_auto_examples_centers_plot_corner_start.py>` and with
# :ref:`exponent and collapse <sphx_glr_auto_examples_centers_plot_exponent_collapse.py>`, or read the
# reference of :class:`~skdcec.KHarmonicMeans` and of its kernel form, :class:`~skdcec.KernelKHarmonicMeans`.
#
# .. [1] B. Zhang, M. Hsu, U. Dayal (1999). "K-harmonic means - a data clustering algorithm". Technical
#    report HPL-1999-124, Hewlett-Packard Labs.
# .. [2] B. Zhang (2000). "Generalized K-harmonic means - boosting in unsupervised learning". Technical
#    report HPL-2000-137, Hewlett-Packard Labs.

# sphinx_gallery_thumbnail_number = 3
