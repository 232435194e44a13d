"""
The clusterers on toy data
==========================
Which shapes of clusters can each center-based clusterer find? Six data sets in the plane, one in each row,
and six clusterers, one in each column: k-means of scikit-learn, :class:`~skdcec.KHarmonicMeans`,
:class:`~skdcec.KernelKHarmonicMeans`, and :class:`~skdcec.MahalanobisKMeans` with three types of covariance.
"""

# %%
# Six data sets
# -------------
# All but the blobs break one assumption: that clusters are round, of one width, of one size, or have a center
# at all. All are standardized.

import time

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs, make_circles, make_moons
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.cluster import contingency_matrix
from sklearn.preprocessing import StandardScaler

from skdcec import KernelKHarmonicMeans, KHarmonicMeans, MahalanobisKMeans

n, triangle = 600, [[-6, -4], [6, -3], [0, 6]]
blobs, y = make_blobs(n, centers=triangle, cluster_std=1.5, random_state=0)
stretched, y_stretched = make_blobs(n, centers=[[-4, -2], [0, 0], [4, 2]], random_state=0)
varied, y_varied = make_blobs(n, centers=triangle, cluster_std=[1, 3, 0.6], random_state=0)
large_and_small = {"centers": [[0, 0], [6, 5], [7, -4]], "cluster_std": [2, 0.6, 0.6]}
unequal, y_unequal = make_blobs([450, 90, 60], **large_and_small, random_state=0)
sets = {
    "blobs": (blobs, y),
    "stretched": (stretched @ [[0.6, -0.6], [-0.4, 0.9]], y_stretched),
    "varied widths": (varied, y_varied),
    "unequal sizes": (unequal, y_unequal),
    "moons": make_moons(n, noise=0.06, random_state=0),
    "circles": make_circles(n, factor=0.5, noise=0.05, random_state=0),
}
sets = {name: (StandardScaler().fit_transform(X), y) for name, (X, y) in sets.items()}

# %%
# Six clusterers
# --------------
# With their defaults, and ten starts of k-means.

clusterers = {
    "k-means": KMeans(n_init=10),
    "K-harmonic": KHarmonicMeans(),
    "kernel K-harmonic": KernelKHarmonicMeans(),
    "Mahalanobis, global": MahalanobisKMeans(covariance_type="global"),
    "Mahalanobis, tied": MahalanobisKMeans(covariance_type="tied"),
    "Mahalanobis, full": MahalanobisKMeans(covariance_type="full"),
}

# %%
# One figure
# ----------
# Colors are clusters, pale for the predictions between samples. Crosses are centers. In the corners are the
# time of the fit, and the adjusted Rand index with the true groups: 1 is perfect, and 0 is chance.

colors = ListedColormap(["#0072b2", "#e69f00", "#009e73"])


def matched(y, labels):
    """Return for each cluster the group that it matches best."""
    counts = contingency_matrix(y, labels)
    order = np.empty(counts.shape[1], dtype=int)
    groups, found = linear_sum_assignment(-counts)
    order[found] = groups
    return order


figure, axes = plt.subplots(len(sets), len(clusterers), figsize=(12, 12.3), layout="constrained")
figure.suptitle("Clusters of six clusterers in six data sets", fontsize=14)
for row, (set_name, (X, y)) in zip(axes, sets.items(), strict=True):
    low, high = X.min(axis=0) - 0.3, X.max(axis=0) + 0.3
    plane = np.meshgrid(np.linspace(low[0], high[0], 150), np.linspace(low[1], high[1], 150))
    for ax, clusterer in zip(row, clusterers.values(), strict=True):
        clusterer.set_params(n_clusters=len(set(y)), random_state=0)
        begin = time.perf_counter()
        labels = clusterer.fit(X).labels_
        seconds = time.perf_counter() - begin

        color_of = matched(y, labels)
        regions = color_of[clusterer.predict(np.stack(plane, axis=-1).reshape(-1, 2))]
        options = {"cmap": colors, "vmin": 0, "vmax": 2}
        ax.pcolormesh(*plane, regions.reshape(150, 150), alpha=0.13, rasterized=True, **options)
        ax.scatter(*X.T, c=color_of[labels], s=5, linewidths=0, **options)
        ax.scatter(*clusterer.cluster_centers_.T, s=80, marker="X", color="k", edgecolors="w")
        ax.set(xticks=[], yticks=[], xlim=(low[0], high[0]), ylim=(low[1], high[1]))
        corner = {"transform": ax.transAxes, "va": "bottom", "fontsize": 9}
        corner["bbox"] = {"facecolor": "w", "alpha": 0.7, "edgecolor": "none", "pad": 1.5}
        ax.text(0.97, 0.03, f"{seconds:.2f} s", ha="right", **corner)
        ax.text(0.03, 0.03, f"{adjusted_rand_score(y, labels):z.2f}", ha="left", weight="bold", **corner)
    row[0].set_ylabel(set_name, fontsize=12)
for ax, name in zip(axes[0], clusterers, strict=True):
    ax.set_title(name, fontsize=12)
plt.show()

# %%
# Summary
# -------
# - Round clusters of one width are easy for all.
# - If all clusters have the same stretched shape, the covariance *within* the clusters helps (``"tied"``,
#   ``"full"``). The covariance of all data (``"global"``) removes the stretch of the data instead, which is
#   different.
# - If clusters differ in width or size, only ``"full"`` gets nearly all samples right, with the longest fit
#   of the three Mahalanobis types.
# - K-harmonic means and its kernel form start from k-means, and find nearly the same partitions here. From a
#   bad start they find more: see :ref:`sphx_glr_auto_examples_centers_plot_corner_start.py`.
# - Moons and circles cannot be separated by centers, so no method of this kind finds them. Use HDBSCAN or
#   spectral clustering, or learn an embedding first, as :class:`~skdcec.DCEC` does for images.
