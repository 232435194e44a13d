"""
Types of covariance
===================

The five covariance types of :class:`~skdcec.MahalanobisKMeans` as ellipses, beside scikit-learn's
``GaussianMixture``, its soft relative.
"""

# %%
# The five types
# --------------
# These fits have no shrinkage, except for what keeps matrices from becoming singular.
#
# Three groups of the same stretched shape. The upper row has the types of ``MahalanobisKMeans``:
#
# - ``"global"``: the covariance of all data, the same for each cluster. This is k-means on whitened data.
# - ``"tied"``: the pooled covariance within the clusters.
# - ``"full"``: the covariance of each cluster.
# - ``"diag"`` and ``"spherical"``: the variances of each cluster, by feature, or one for all features.
#
# The lower row has k-means, with the covariances of its clusters, and the types of the Gaussian mixture.
# Colors are clusters, crosses their centers, and ellipses are at two standard deviations. The number is the
# adjusted Rand index (ARI) with the groups; 1 is perfect.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris, load_wine, make_blobs
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler

from skdcec import MahalanobisKMeans
from skdcec.plotting import CovarianceEllipsesDisplay

types = ["global", "tied", "full", "diag", "spherical"]


def draw(ax, model, X, y, name):
    """Draw the clusters of a fit as ellipses."""
    score = adjusted_rand_score(y, model.predict(X))
    CovarianceEllipsesDisplay.from_estimator(model, X, ax=ax)
    ax.get_legend().remove()
    ax.set(title=f"{name}: {score:.2f}", xticks=[], yticks=[], xlabel="", ylabel="")


def compare(X, y, title):
    """Draw all types, and those of the Gaussian mixture."""
    k = len(np.unique(y))
    figure, axes = plt.subplots(2, 5, figsize=(13, 5.5), sharex=True, sharey=True, layout="constrained")
    figure.suptitle(title)
    for (top, bottom), covariance_type in zip(axes.T, types, strict=True):
        hard = MahalanobisKMeans(k, covariance_type=covariance_type, shrinkage=1e-6, random_state=0).fit(X)
        draw(top, hard, X, y, covariance_type)
        if covariance_type == "global":
            kmeans = KMeans(k, n_init=10, random_state=0).fit(X)
            CovarianceEllipsesDisplay.from_predictions(X, kmeans.labels_, ax=bottom)
            bottom.get_legend().remove()
            score = adjusted_rand_score(y, kmeans.labels_)
            bottom.set(title=f"k-means: {score:.2f}", xticks=[], yticks=[], xlabel="", ylabel="")
        else:
            soft = GaussianMixture(k, covariance_type=covariance_type, n_init=10, random_state=0).fit(X)
            draw(bottom, soft, X, y, f"mixture, {covariance_type}")
    axes[0, 0].set_ylabel("MahalanobisKMeans")
    axes[1, 0].set_ylabel("scikit-learn")


stretch = np.array([[0.6, -0.6], [-0.4, 0.9]])
X, y = make_blobs(600, centers=[[-3.5, -2], [0, 0], [3.5, 2]], random_state=0)
X = X @ stretch
compare(X, y, "Groups of one stretched shape: type of covariance, and adjusted Rand index")
plt.show()

# %%
# ``"tied"`` and ``"full"`` find the three. ``"global"`` does not: the covariance of all data includes the
# variance between the groups, so whitening shrinks the directions that separate them. ``"diag"`` and
# ``"spherical"`` cannot rotate their ellipses. The mixture agrees, type by type.
#
# Groups of different shapes
# --------------------------
# The groups differ in shape and size.

rng = np.random.default_rng(0)
shapes = [[[1.6, 1.2], [0, 0.4]], [[0.4, 0], [0, 1.6]], [[0.4, 0], [0, 0.4]]]
centers = [[0, 0], [5, 1], [2, -3]]
sizes = [300, 200, 100]
X = np.vstack([rng.normal(size=(n, 2)) @ s + c for n, s, c in zip(sizes, shapes, centers, strict=True)])
y = np.repeat([0, 1, 2], sizes)
compare(X, y, "Groups of different shapes: type of covariance, and adjusted Rand index")
plt.show()

# %%
# Now ``"full"`` is needed. A pooled covariance fits none of the groups: the ellipses of ``"tied"`` lie across
# two of them. Hard and soft assignments are nearly the same for groups as clean as these.
#
# Few samples, many features
# --------------------------
# A covariance for each cluster has many parameters. Two standardized data sets of scikit-learn show the
# problem: iris has 150 samples of 4 features, wine has 178 of 13, so a cluster has about 60 samples for the
# 91 parameters of its covariance. ``shrinkage`` replaces a part of the covariance with the diagonal of the
# covariance of all data; without it, the fit warns. Here the fits start from k-means++.

print(f"{'ARI':<11}{'iris':>7}{'shrunk':>8}{'mixture':>9}{'wine':>10}{'shrunk':>8}{'mixture':>9}")
datasets = [load_iris(), load_wine()]
for covariance_type in types:
    row = f"{covariance_type:<11}"
    for data, widths in zip(datasets, [(7, 8, 9), (10, 8, 9)], strict=True):
        X, options = StandardScaler().fit_transform(data.data), {"n_init": 10, "random_state": 0}
        options["covariance_type"] = covariance_type
        starts = options | {"init": "k-means++"}
        models = [MahalanobisKMeans(3, shrinkage=shrinkage, **starts) for shrinkage in (1e-6, "auto")]
        if covariance_type != "global":
            models.append(GaussianMixture(3, **options))
        scores = [adjusted_rand_score(data.target, model.fit_predict(X)) for model in models]
        cells = [f"{score:.2f}" for score in scores] + ["-"] * (3 - len(scores))
        row += "".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
    print(row)

# %%
# On iris, the three species on two of the four features, and the effect of shrinkage on ``"full"``:

iris = load_iris(as_frame=True)
figure, axes = plt.subplots(1, 3, figsize=(12, 4.1), sharex=True, sharey=True, layout="constrained")
figure.suptitle("The species of iris, and clusters without and with shrinkage")
CovarianceEllipsesDisplay.from_predictions(iris.data, iris.target, features=(2, 3), ax=axes[0])
axes[0].set_title("the species")
for ax, shrinkage in zip(axes[1:], [1e-6, "auto"], strict=True):
    full = MahalanobisKMeans(3, init="k-means++", n_init=10, shrinkage=shrinkage, random_state=0)
    full.fit(iris.data)
    CovarianceEllipsesDisplay.from_estimator(full, iris.data, features=(2, 3), ax=ax)
    ax.set_title(f"full, shrinkage={shrinkage!r}: {adjusted_rand_score(iris.target, full.labels_):.2f}")
for ax in axes:
    ax.get_legend().remove()
    ax.set(xlabel="petal length (cm)", ylabel="petal width (cm)")
plt.show()

# %%
# Summary
# -------
# - Use ``"tied"`` for clusters of the same stretched shape, ``"full"``, the default, for different shapes,
#   and ``"diag"`` for shapes along the axes, with fewer parameters.
# - ``"global"`` estimates one covariance, once. It ignores the clusters, so it can whiten away their
#   differences.
# - With few samples for the number of features, ``"full"`` fails first, and needs shrinkage.
# - The Gaussian mixture estimates the sizes of the clusters and divides samples between them.
#
# See the references of :class:`~skdcec.MahalanobisKMeans` and of
# :class:`~skdcec.plotting.CovarianceEllipsesDisplay`.
