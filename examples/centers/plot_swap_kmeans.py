"""
In place of k-means
===================
The examples of scikit-learn's ``KMeans``, with the class swapped and nothing else set: its assumptions put to
the test, the digits, and the colors of a photograph.
"""

# %%
# Four kinds of blobs
# -------------------
# These are the data of scikit-learn's example on the assumptions of k-means. The numbers are means of the
# adjusted Rand index over five seeds: 1 is perfect, and 0 is chance.

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_sample_image, make_blobs
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler

from skdcec import KernelKHarmonicMeans, KHarmonicMeans, MahalanobisKMeans

X, y = make_blobs(1500, random_state=170)
few = np.concatenate([np.flatnonzero(y == c)[:size] for c, size in enumerate([500, 100, 10])])
sets = {
    "round": (X, y),
    "stretched": (X @ [[0.60834549, -0.63667341], [-0.40887718, 0.85253229]], y),
    "unequal variance": make_blobs(1500, cluster_std=[1.0, 2.5, 0.5], random_state=170),
    "unequal size": (X[few], y[few]),
}
clusterers = {
    "k-means, 10 starts": KMeans(n_init=10),
    "K-harmonic": KHarmonicMeans(),
    "kernel K-harmonic": KernelKHarmonicMeans(),
    "Mahalanobis, full": MahalanobisKMeans(),
    "Mahalanobis, tied": MahalanobisKMeans(covariance_type="tied"),
}


def scores(clusterer, X, y):
    """Return the adjusted Rand index for five seeds, and the seconds of a fit."""
    clusterer.set_params(n_clusters=len(np.unique(y)))
    start = time.perf_counter()
    found = [clusterer.set_params(random_state=seed).fit(X).labels_ for seed in range(5)]
    seconds = (time.perf_counter() - start) / 5
    return [adjusted_rand_score(y, labels) for labels in found], seconds


figure, axes = plt.subplots(
    len(sets), len(clusterers), figsize=(12, 9.5), layout="constrained", sharex="row", sharey="row"
)
for ax, name in zip(axes[0], clusterers, strict=True):
    ax.set_title(name)
for row, (set_name, (X, y)) in zip(axes, sets.items(), strict=True):
    for ax, clusterer in zip(row, clusterers.values(), strict=True):
        found, _ = scores(clusterer, X, y)
        labels = clusterer.set_params(random_state=0).fit(X).labels_
        ax.scatter(*X.T, c=plt.cm.Set2(labels), s=4, linewidths=0)
        ax.scatter(*clusterer.cluster_centers_.T, s=60, marker="X", color="k", edgecolors="w")
        ax.text(0.03, 0.03, f"{np.mean(found):.2f}", transform=ax.transAxes, weight="bold")
        ax.set(xticks=[], yticks=[])
    row[0].set_ylabel(set_name)
plt.show()

# %%
# A covariance for each cluster adapts to clusters of different shapes. Its criterion ignores cluster sizes,
# so it may split a large cluster if clusters overlap: use ``"tied"`` then, or a Gaussian mixture.

# %%
# The digits
# ----------
# Standardized pixels, as in scikit-learn's example. Most of the time goes into the twenty runs of k-means
# from which the others start.

digits = load_digits()
X = StandardScaler().fit_transform(digits.data)
print(f"{'':20} mean  min  seconds")
for name, clusterer in clusterers.items():
    found, seconds = scores(clusterer, X, digits.target)
    print(f"{name:20} {np.mean(found):.2f}  {min(found):.2f}  {seconds:.2f}")

# %%
# Colors of a photograph
# ----------------------
# Sixty-four colors, learned from a thousand pixels. The peak signal-to-noise ratio in decibels says how close
# the result is to the photograph: more is better.

photograph = load_sample_image("china.jpg") / 255.0
pixels = photograph.reshape(-1, 3)
sample = np.random.default_rng(0).choice(pixels, 1000, replace=False)

figure, axes = plt.subplots(2, 3, figsize=(12, 5.8), layout="constrained")
axes[0, 0].imshow(photograph)
axes[0, 0].set_title("photograph")
for ax, (name, clusterer) in zip(axes.flat[1:], clusterers.items(), strict=True):
    clusterer.set_params(n_clusters=64, random_state=0).fit(sample)
    quantized = clusterer.cluster_centers_[clusterer.predict(pixels)]
    noise = ((pixels - quantized) ** 2).mean()
    ax.imshow(quantized.reshape(photograph.shape).clip(0, 1))
    ax.set_title(f"{name}: {-10 * np.log10(noise):.1f} dB")
for ax in axes.flat:
    ax.axis("off")
plt.show()
