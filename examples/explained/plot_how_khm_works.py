"""
How K-harmonic means works
==========================
k-means depends on its start: centers in the wrong place often stay there. :class:`~skdcec.KHarmonicMeans`
hardly depends on it. This page explains why, and ends with the drawback: in high dimension its centers can
coincide.
"""

# %%
# A bad start
# -----------
# Five groups in the plane, and five centers that all begin in the group on the left. k-means ends with two
# centers in that group, and with one center for two other groups.

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
    """Draw the samples in gray, and centers with their paths."""
    ax.scatter(*X.T, s=4, color="0.75", linewidths=0)
    for j, center in enumerate(centers):
        if trail is not None:
            ax.plot(*np.array(trail)[:, j].T, color=f"C{j}", lw=1.5)
        ax.scatter(*center, s=90, marker="X", color=f"C{j}", edgecolors="w", zorder=3)
    ax.set(xticks=[], yticks=[], aspect="equal", xlabel="feature 1", ylabel="feature 2")
    ax.set_title(title, fontsize=10)


figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
draw(axes[0], bad_start, "five centers begin in one group")
draw(axes[1], kmeans.cluster_centers_, f"the end of k-means, after {kmeans.n_iter_} iterations")
figure.suptitle("A bad start for k-means")
plt.show()

# %%
# From the minimum to the harmonic mean
# -------------------------------------
# In the objective of k-means each sample contributes its squared distance to the *nearest* center. If another
# center moves a little, the contribution stays the same. K-harmonic means [1]_ [2]_ replaces the minimum by
# the harmonic mean, over *all* centers, of the distances to the power p:
#
# .. math:: Q = \sum_i \frac{k}{\sum_j d_{ij}^{-p}}
#
# The harmonic mean is dominated by its smallest term, so one near center is still enough. But it has a slope
# everywhere. The figure shows the contribution of one sample to the objective. One center stays at distance
# 1, and a second one comes nearer. In k-means the contribution only changes once the second is the nearer
# one. In K-harmonic means every step toward the sample lowers it.

distance = np.linspace(0.02, 4, 200)
figure, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
ax.plot(distance, np.minimum(1, distance**2), label="minimum (k-means)")
ax.plot(distance, 2 / (1 + distance**-2), label="harmonic mean, p = 2")
ax.plot(distance, 2 / (1 + distance**-4), label="harmonic mean, p = 4")
ax.axvline(1, color="0.6", ls=":")
ax.set(xlabel="distance of the second center (the first is at 1)", ylabel="term of the sample")
ax.set_title("Contribution of one sample to the objective")
ax.legend()
plt.show()

# %%
# Two weights: membership and importance
# --------------------------------------
# Set the derivative of Q to zero, and each center becomes a weighted mean of *all* samples. The weight is
# the product of two parts:
#
# .. math::
#
#    c_j = \frac{\sum_i u_{ij} w_i x_i}{\sum_i u_{ij} w_i}, \qquad
#    u_{ij} = \frac{d_{ij}^{-p-2}}{\sum_l d_{il}^{-p-2}}, \qquad
#    w_i = \frac{\sum_l d_{il}^{-p-2}}{(\sum_l d_{il}^{-p})^2}
#
# The membership u divides a sample among the centers. The weight w is the importance of the sample, and moves
# centers out of a crowd. For p = 2 it lies between 1/k and 1: it is 1
# on a center, and 1/k at points that are equally far from all k centers. (Fuzzy c-means with m = 2 is the
# same method; there the product u w is the square of the membership.) For larger p, w also grows with the
# distance to the nearest center, so that samples far from all of them gain weight.


def weights(X, centers, p=2):
    """Return the memberships u (n, k) and the weights w (n,) of K-harmonic means."""
    d = cdist(X, centers)
    pull = d ** (-p - 2)
    return pull / pull.sum(axis=1, keepdims=True), pull.sum(axis=1) / (d**-p).sum(axis=1) ** 2


# %%
# The figure shows both, and their product, for four centers of which three crowd on the left. Each map colors
# the plane of possible samples. The three share the samples around them: a sample that is about equally far
# from all three belongs to each by a third. Shared samples also lose weight: their w is about a third. So
# only a ninth of such a sample holds a center of the crowd, while the center on the right is held by nearly
# the full weight of the samples next to it. So samples far from all centers can draw a center out of the
# crowd.

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
    ax.set(xticks=[], yticks=[], aspect="equal", xlabel="feature 1", ylabel="feature 2")
    ax.set_title(name, fontsize=10)
figure.colorbar(image, ax=list(axes.values()), label="weight of a sample at this place", shrink=0.9)
plt.show()

# %%
# Step by step out of the crowd
# -----------------------------
# An iteration is two lines, and the estimator does the same:


def step(X, centers, p=2):
    """Return the next centers."""
    u, w = weights(X, centers, p)
    pull = u * w[:, None]
    return pull.T @ X / pull.sum(axis=0)[:, None]


# a start beside the samples, because the formulas divide by zero on a sample
start = bad_start + 0.01
trail = [start]
for _ in range(30):
    trail.append(step(X, trail[-1]))
khm = KHarmonicMeans(5, init=start, p=2.0, tol=1e-12).fit(X)
print(f"largest difference in a coordinate after 30 steps: {abs(trail[-1] - khm.cluster_centers_).max():.0e}")

# %%
# Here are k-means and K-harmonic means from the same start. The lines are the paths of the centers. In
# k-means, only the samples that are nearest to a center move it; it stops when each center is the mean of its
# samples. In K-harmonic means all samples pull all centers: at first almost equally, so that all five move to
# the middle together. As they separate, each sample pulls one center more than the others. After 6 iterations
# there is one center in each group.

shown = [0, 1, 3, 6, 12, 30]
figure, axes = plt.subplots(2, len(shown), figsize=(12, 3.9), layout="constrained")
figure.suptitle("The centers, by number of iterations")
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
# the default). This does not help with groups as clean as above. If groups overlap, it reaches the same end
# in fewer iterations. Here is p = 4, first with the clean groups, then, in the figure, with wider ones:

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
# One start proves little. Here are 50, each with all five centers in one of the five groups. A run is good if
# its sum of squared distances to the nearest center is within 5 % of the best run of either method.

inertia = {"k-means": [], "K-harmonic means": []}
for seed in range(50):
    members = np.flatnonzero(group == seed % 5)
    start = X[np.random.default_rng(seed).choice(members, size=5, replace=False)]
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
# The drawback: equal pulls in high dimension
# -------------------------------------------
# A sample pulls one center more than the others only if its distances differ, and in high dimension distances
# are similar. Here are the same five groups with more and more features of noise, and with the true means as
# centers. The memberships of p = 2 become equal, 1/5 for each center. A larger exponent amplifies the small
# differences.

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
axes[0].set(xlabel="nearest / farthest center, in distance", ylabel="fraction of the samples", xlim=(0, 1))
axes[0].set_title("Distances become equal")
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
# If all samples pull equally, all centers are drawn to the same point: they *collapse*. With all centers on
# the best single center m, let y be the samples minus m, D their squared lengths, and s = p/2. That point is
# a local minimum of Q exactly when (p + 2) λ < 1, where
#
# .. math:: \lambda = \text{largest eigenvalue of } \frac{\sum_i D_i^{s-2} \, y_i y_i^T}{\sum_i D_i^{s-1}}
#
# The p with equality is the critical exponent p* (:func:`skdcec.critical_exponent`). All eigenvalues add up
# to 1, so λ is at least 1/d. It is 1/d if no direction is preferred, and then p* = d - 2. So the hardest case
# is a ball of samples without any groups. The map shows the final spread of four centers in it, for each
# dimension and exponent. In dark cells all are on one point. The solid line is (p + 2) λ = 1, and the dashed
# one is p = d - 2; they differ because a finite sample always prefers some direction.


def strength(X, p):
    """Return (p + 2) lambda, with the mean in place of m."""
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
            # the figure shows collapsed centers; the estimator would warn of each
            warnings.filterwarnings("ignore", "KHarmonicMeans: ", ConvergenceWarning)
            centers = KHarmonicMeans(4, p=p, init="k-means++", random_state=0).fit(ball).cluster_centers_
        spread[i, j] = np.sqrt(centers.var(axis=0).sum() / ball.var(axis=0).sum())
        strengths[i, j] = strength(ball, p)

figure, ax = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
image = ax.pcolormesh(dimensions, exponents, spread, cmap="magma", vmin=0)
ax.contour(dimensions, exponents, strengths, levels=[1], colors="w", linewidths=2)
ax.plot(dimensions, dimensions - 2, "w--", lw=1)
ax.set(xlabel="number of features d", ylabel="exponent p", ylim=(1.75, 10.25))
ax.set_title("The collapse of four centers")
figure.colorbar(image, label="spread of the centers / spread of the samples")
plt.show()

# %%
# The default ``p="auto"``
# ------------------------
# Five overlapping groups in ten dimensions, in five colors, on their first two principal components. With p =
# 2 all centers coincide (the one cross marks all five), and the estimator warns. The default ``p="auto"``
# tries exponents from 2 to 64 and takes the one whose clusters have the lowest inertia. It keeps all five,
# and agrees with k-means.

Z, group = make_blobs(
    n_samples=1000, centers=5, n_features=10, center_box=(-3.5, 3.5), cluster_std=2, random_state=1
)
plane = PCA(2, random_state=0).fit(Z)
figure, axes = plt.subplots(1, 2, figsize=(9.5, 4.5), sharex=True, sharey=True, layout="constrained")
figure.suptitle("Five groups in ten dimensions, and the centers")
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
    ax.set(title=f"p={p!r}: p_ = {khm.p_}", xlabel="principal component 1", ylabel="principal component 2")
kmeans = KMeans(5, random_state=0).fit(Z)
print(f"k-means: adjusted Rand index {adjusted_rand_score(group, kmeans.labels_):.2f}")
plt.show()

# %%
# Summary
# -------
# - Every sample pulls every center, so a group without a center always attracts one.
# - Samples near several centers lose weight, so a crowd dissolves. So the start matters little.
# - In high dimension all pulls become equal, and centers can coincide. A larger exponent keeps them apart;
#   ``p="auto"`` finds one.
# - It is not always better: in the last figure, k-means scored the same.
#
# See also :ref:`the corner start <sphx_glr_auto_examples_centers_plot_corner_start.py>`, :ref:`exponent and
# collapse <sphx_glr_auto_examples_centers_plot_exponent_collapse.py>`, and the reference of
# :class:`~skdcec.KHarmonicMeans` and of its kernel form, :class:`~skdcec.KernelKHarmonicMeans`.
#
# .. [1] B. Zhang, M. Hsu, U. Dayal (1999). "K-harmonic means - a data clustering algorithm". Technical
#    report HPL-1999-124, Hewlett-Packard Labs.
# .. [2] B. Zhang (2000). "Generalized K-harmonic means - boosting in unsupervised learning". Technical
#    report HPL-2000-137, Hewlett-Packard Labs.

# sphinx_gallery_thumbnail_number = 3
