"""
All centers begin in one corner
===============================
Does K-harmonic means find the groups from a very bad start? :class:`~skdcec.KHarmonicMeans` and k-means start
with all centers in one corner of the data, on many random data sets.
"""

# %%
# One data set
# ------------
# Eight groups whose means are drawn at random, but not too close to each other. The black dots in the lower
# left are the eight initial centers. Lines connect them to the final centers.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score

from skdcec import KHarmonicMeans


def random_groups(n_groups, seed):
    """Return samples, their groups, and initial centers in the lower left corner."""
    rng = np.random.default_rng(seed)
    means = []
    while len(means) < n_groups:
        mean = rng.uniform(0, 10, size=2)
        if all(np.linalg.norm(mean - other) > 2 for other in means):
            means.append(mean)
    X, y = make_blobs(50 * n_groups, centers=np.array(means), cluster_std=0.45, random_state=seed)
    return X, y, X.min(axis=0) + rng.uniform(0, 1, size=(n_groups, 2))


def draw(ax, clusterer, X, y, corner):
    """Draw samples in the colors of their clusters, and lines from initial to final centers."""
    score = adjusted_rand_score(y, clusterer.labels_)
    ax.scatter(*X.T, c=clusterer.labels_, cmap="tab10", vmin=0, vmax=9, s=6, linewidths=0)
    for begin, end in zip(corner, clusterer.cluster_centers_, strict=True):
        ax.plot(*np.array([begin, end]).T, color="0.5", lw=0.8)
    ax.scatter(*corner.T, s=12, color="k")
    ax.scatter(*clusterer.cluster_centers_.T, s=70, marker="X", color="k", edgecolors="w", zorder=3)
    ax.set(xticks=[], yticks=[])
    ax.set_title(f"{type(clusterer).__name__}: ARI {score:.2f}", fontsize=10)


X, y, corner = random_groups(8, seed=0)
figure, axes = plt.subplots(1, 2, figsize=(9, 4.3), layout="constrained")
draw(axes[0], KMeans(8, init=corner, n_init=1).fit(X), X, y, corner)
draw(axes[1], KHarmonicMeans(8, p=2, init=corner).fit(X), X, y, corner)
for ax in axes:
    ax.set(xlabel="feature 1", ylabel="feature 2")
figure.suptitle("Eight centers that begin in one corner")
plt.show()

# %%
# More of them
# ------------
# The next five data sets, with seeds 1 to 5. The adjusted Rand index (ARI) compares clusters with groups: 1
# is perfect.

figure, axes = plt.subplots(2, 5, figsize=(12, 5.3), layout="constrained")
figure.suptitle("Five more data sets, from the corner: k-means above, K-harmonic means below")
for column, seed in zip(axes.T, range(1, 6), strict=True):
    X, y, corner = random_groups(8, seed)
    draw(column[0], KMeans(8, init=corner, n_init=1).fit(X), X, y, corner)
    draw(column[1], KHarmonicMeans(8, p=2, init=corner).fit(X), X, y, corner)
plt.show()

# %%
# Twenty data sets for each number of groups
# ------------------------------------------
# For comparison, both also start from a single k-means++, which spreads the initial centers over the data. A
# dot is a data set, the bar is the mean.

methods = {
    "k-means, corner": lambda k, corner: KMeans(k, init=corner, n_init=1),
    "K-harmonic, corner": lambda k, corner: KHarmonicMeans(k, p=2, init=corner),
    "k-means, k-means++": lambda k, corner: KMeans(k, n_init=1, random_state=0),
    "K-harmonic, k-means++": lambda k, corner: KHarmonicMeans(k, p=2, init="k-means++", random_state=0),
}
figure, axes = plt.subplots(1, 3, figsize=(11, 3.7), sharex=True, sharey=True, layout="constrained")
figure.suptitle("Agreement with the groups on twenty data sets, by method and start")
print(f"{'mean ARI (fraction above .95)':<30}" + "".join(f"{f'{k} groups':>14}" for k in (4, 8, 12)))
table = {name: "" for name in methods}
for ax, k in zip(axes, (4, 8, 12), strict=True):
    data = [random_groups(k, seed) for seed in range(20)]
    for row, (name, method) in enumerate(methods.items()):
        scores = np.array([adjusted_rand_score(y, method(k, corner).fit_predict(X)) for X, y, corner in data])
        jitter = np.random.default_rng(0).uniform(-0.2, 0.2, size=20)
        ax.scatter(scores, row + jitter, s=16, color=f"C{row}", alpha=0.7, linewidths=0)
        ax.vlines(scores.mean(), row - 0.35, row + 0.35, color="k")
        table[name] += f"{scores.mean():>7.2f} ({np.mean(scores > 0.95):>4.0%})"
    ax.set(title=f"{k} groups", xlabel="adjusted Rand index")
axes[0].set(yticks=range(4), yticklabels=list(methods), ylim=(3.6, -0.6))
for name, cells in table.items():
    print(f"{name:<30}{cells}")
plt.show()

# %%
# Summary
# -------
# - From the corner, K-harmonic means is far ahead of k-means for each number of groups.
# - Its start has some effect, but little: with more groups, more runs end with two centers in one group, and
#   one center between two others, as in the first of the five panels.
# - A good start closes the gap. From a single k-means++, k-means does about as well as K-harmonic means, and
#   better than K-harmonic means from the corner. So the method is most useful if you cannot choose or trust
#   the start.
# - By default, K-harmonic means starts from the best of twenty runs of k-means.
#
# For the reasons, see :ref:`sphx_glr_auto_examples_explained_plot_how_khm_works.py`; for the parameters, the
# reference of :class:`~skdcec.KHarmonicMeans`.

# sphinx_gallery_thumbnail_number = 2
