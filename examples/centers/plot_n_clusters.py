"""
How many clusters?
==================
The center-based clusterers need the number of clusters. Two common criteria for choosing it, the silhouette
and the stability under subsampling, are applied to blobs, iris and digits. They do not always agree with each
other or with the classes.
"""

# %%
# Two criteria
# ------------
# The *silhouette* is high if samples are nearer to their own cluster than to the next. *Stability* is high if
# two random halves of the data lead to the same partition: both fits label all samples, and the adjusted Rand
# index (ARI) compares the labels. Neither needs classes.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_iris, make_blobs
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, silhouette_score

from skdcec import KHarmonicMeans


def stability(estimator, X, n_pairs=6):
    """Return the adjusted Rand index between fits on two random halves, for a number of pairs."""
    rng, scores = np.random.default_rng(0), []
    for pair in range(n_pairs):
        labels = []
        for half in range(2):
            rows = rng.choice(len(X), size=len(X) // 2, replace=False)
            fitted = clone(estimator).set_params(random_state=2 * pair + half).fit(X[rows])
            labels.append(fitted.predict(X))
        scores.append(adjusted_rand_score(*labels))
    return scores


# %%
# Three data sets
# ---------------
# Five blobs in the plane, some close to each other; the 150 flowers of iris, of three species; the digits of
# scikit-learn in ten principal components, with ten classes.

digits = load_digits()
sets = {
    "blobs": make_blobs(600, centers=5, cluster_std=1.0, random_state=3),
    "iris": load_iris(return_X_y=True),
    "digits": (PCA(10, random_state=0).fit_transform(digits.data), digits.target),
}
figure, axes = plt.subplots(1, 3, figsize=(11, 3.7), layout="constrained")
figure.suptitle("Three data sets, on their first two principal components")
for ax, (name, (X, y)) in zip(axes, sets.items(), strict=True):
    ax.scatter(*PCA(2).fit_transform(X).T, c=y, cmap="tab10", vmin=0, vmax=9, s=5, linewidths=0)
    ax.set(title=f"{name}, colored by class", xlabel="principal component 1", ylabel="principal component 2")
plt.show()

# %%
# Both criteria for K-harmonic means and for k-means, each from one start:

numbers = {"blobs": range(2, 9), "iris": range(2, 9), "digits": [4, 6, 8, 9, 10, 11, 12, 14, 16]}
methods = {"K-harmonic means": KHarmonicMeans(), "k-means": KMeans()}
silhouette, stable, truth = {}, {}, {}
for name, (X, y) in sets.items():
    for method, estimator in methods.items():
        models = [clone(estimator).set_params(n_clusters=k, random_state=0) for k in numbers[name]]
        labels = [model.fit_predict(X) for model in models]
        silhouette[name, method] = [silhouette_score(X, found) for found in labels]
        stable[name, method] = np.array([stability(model, X) for model in models])
        truth[name, method] = [adjusted_rand_score(y, found) for found in labels]

# %%
# Results
# -------
# The upper row has the silhouette, the middle one the stability: a dot for each of six pairs of halves, and a
# line for their mean. The lower row has the ARI with the classes, which is unknown in practice. The dotted
# line is the number of classes.

figure, axes = plt.subplots(3, 3, figsize=(11, 7.8), sharex="col", sharey="row", layout="constrained")
figure.suptitle("Silhouette, stability and agreement with the classes, by number of clusters")
for column, name in zip(axes.T, sets, strict=True):
    k = numbers[name]
    for color, method in zip(["C0", "C1"], methods, strict=True):
        column[0].plot(k, silhouette[name, method], "o-", ms=4, color=color, label=method)
        column[1].plot(k, stable[name, method], ".", ms=4, alpha=0.4, color=color)
        column[1].plot(k, stable[name, method].mean(axis=1), color=color)
        column[2].plot(k, truth[name, method], "o-", ms=4, color=color)
    for ax in column:
        ax.axvline(len(set(sets[name][1])), color="k", ls=":", lw=1)
    column[0].set_title(name)
    column[2].set_xlabel("number of clusters")
axes[0, 0].legend(fontsize="small")
for ax, label in zip(axes[:, 0], ["silhouette", "stability", "ARI with the classes"], strict=True):
    ax.set_ylabel(label)
plt.show()

print(f"{'best number of clusters by':<32}{'silhouette':>11}{'stability':>11}{'the classes':>13}")
for name, method in silhouette:
    curves = [silhouette[name, method], stable[name, method].mean(axis=1), truth[name, method]]
    best = [numbers[name][np.argmax(curve)] for curve in curves]
    print(f"{name + ', ' + method:<32}{best[0]:>11}{best[1]:>11}{best[2]:>13}")

# %%
# Summary
# -------
# - On the blobs, the silhouette finds the five. Stability prefers two, because the coarsest division is easy
#   to repeat; five is the next peak. Consider all peaks, not only the highest.
# - On iris, both favor two. Two of the species touch, and without labels these scores cannot separate them.
# - On the digits, the silhouette hardly changes from eight to sixteen, so its maximum means little. Stability
#   has a peak at nine or ten. The classes agree best with more than ten clusters, perhaps because a digit is
#   written in more than one way.
# - On the digits, partitions of K-harmonic means are more stable than those of k-means from one start, for
#   each number of clusters. Stable does not mean right: they agree with the classes to much the same degree.
# - The dots are widely spread. With few pairs of halves, a difference of a few hundredths means nothing.
#
# All scores come from scikit-learn, and work with any clusterer that has ``predict``, such as
# :class:`~skdcec.KHarmonicMeans`, :class:`~skdcec.MahalanobisKMeans` or :class:`~skdcec.DCEC`.

# sphinx_gallery_thumbnail_number = 2
