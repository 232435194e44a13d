"""
Does a swarm find better centers?
=================================
Particle swarms are often proposed for placing cluster centers. All clusterers of this package, `DCEC`
included, and scikit-learn's ``KMeans`` take a function as ``init``, so a swarm can be a function. Here it is
compared with restarts.
"""

# %%
# A swarm as an initializer
# -------------------------
# A particle is a set of centers. It moves on with some inertia, and is drawn to the best place that it has
# seen and to the best one of the whole swarm [1]_. After each generation, some iterations of a clusterer may
# improve these places: with K-harmonic means this is PSOKHM [2]_. (In [2]_, the iterations improve the last
# places of the particles. That missed the best objective in half of our runs on many clusters; this did not.)

import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_iris, load_wine, make_blobs
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning

from skdcec import DCEC, ConvAutoencoder, KernelKHarmonicMeans, KHarmonicMeans, MahalanobisKMeans
from skdcec.datasets import load_digits_images

warnings.simplefilter("ignore", ConvergenceWarning)  # four iterations do not converge
INERTIA, PULL = 0.73, 1.496  # as in [1]_


class ParticleSwarm:
    """Initial centers of a low objective, by a swarm whose particles may be improved."""

    def __init__(self, objective, improve=None, n_particles=18, n_generations=5, n_moves=8):
        self.objective, self.improve = objective, improve
        self.n_particles, self.n_generations, self.n_moves = n_particles, n_generations, n_moves

    def __call__(self, X, n_clusters, random_state):
        rows = [random_state.choice(len(X), n_clusters, replace=False) for _ in range(self.n_particles)]
        places = X[np.array(rows)].astype(float)
        speeds, best = np.zeros_like(places), places.copy()
        values = np.array([self.objective(X, centers) for centers in places])
        for move in range(1, self.n_generations * self.n_moves + 1):
            to_own, to_all = random_state.random_sample((2, *places.shape))
            leader = best[values.argmin()]
            speeds = INERTIA * speeds + PULL * (to_own * (best - places) + to_all * (leader - places))
            places = places + speeds
            if self.improve is not None and move % self.n_moves == 0:
                places = np.array([self.improve(X, centers) for centers in best])
            reached = np.array([self.objective(X, centers) for centers in places])
            better = reached < values
            best[better], values[better] = places[better], reached[better]
        return best[values.argmin()].astype(X.dtype)


# %%
# Objectives are functions of rows and centers: that of k-means, and that of K-harmonic means.


def squared_distances(X, centers):
    squares = (X**2).sum(axis=1)[:, None] - 2 * X @ centers.T + (centers**2).sum(axis=1)
    return np.maximum(squares, 1e-12)


def inertia(X, centers):
    return squared_distances(X, centers).min(axis=1).sum()


def harmonic(p):
    return lambda X, centers: (len(centers) / (squared_distances(X, centers) ** (-p / 2)).sum(axis=1)).sum()


def four_iterations(p):
    """Return the improvement of PSOKHM."""

    def improve(X, centers):
        return KHarmonicMeans(len(centers), p=p, init=centers, max_iter=4).fit(X).cluster_centers_

    return improve


# %%
# It works wherever a function does:

X = load_iris().data
swarm = ParticleSwarm(inertia)
for clusterer in (KMeans, KHarmonicMeans, KernelKHarmonicMeans, MahalanobisKMeans):
    fitted = clusterer(3, init=swarm, n_init=1, random_state=0).fit(X)
    print(f"{clusterer.__name__}: cluster sizes {np.bincount(fitted.labels_)}")

dcec = DCEC(10, init=swarm, autoencoder=ConvAutoencoder(epochs=20), max_batches=300, random_state=0)
dcec.fit(load_digits_images().images)
print(f"DCEC: {len(np.unique(dcec.labels_))} clusters")

# %%
# Swarms against restarts
# -----------------------
# Five data sets, three with many clusters or many dimensions. K-harmonic means with a given exponent starts
# from one k-means++ draw, from the best of five, from k-means (the default), or from a swarm; the iteration
# then runs to its end. The table has means over three seeds: by how much the objective is above the best one
# found, and the seconds of a fit.

grid = np.array([(i, j) for i in range(5) for j in range(5)], dtype=float)
sets = {
    "iris": (load_iris().data, 3, 3.5),
    "wine": (load_wine().data, 3, 3.5),
    "digits, 10 components": (PCA(10, random_state=0).fit_transform(load_digits().data), 10, 4.0),
    "25 blobs on a grid": (make_blobs(2000, centers=grid, cluster_std=0.18, random_state=0)[0], 25, 3.5),
    "30 blobs, 10 features": (make_blobs(3000, 10, centers=30, cluster_std=1.2, random_state=0)[0], 30, 5.0),
}


def starts(p):
    """Return the values of ``init`` and ``n_init`` that are compared."""
    return {
        "k-means++, once": ("k-means++", 1),
        "k-means++, 5 times": ("k-means++", 5),
        "k-means": ("kmeans", "auto"),
        "swarm alone": (ParticleSwarm(harmonic(p)), 1),
        "PSOKHM": (ParticleSwarm(harmonic(p), four_iterations(p)), 1),
    }


names, n_seeds = list(starts(2)), 3
objectives, times = np.empty((2, len(sets), len(names), n_seeds))
for i, (X, k, p) in enumerate(sets.values()):
    for j, (init, n_init) in enumerate(starts(p).values()):
        for seed in range(n_seeds):
            began = time.perf_counter()
            khm = KHarmonicMeans(k, p=p, init=init, n_init=n_init, random_state=seed).fit(X)
            times[i, j, seed], objectives[i, j, seed] = time.perf_counter() - began, khm.objective_
excess = (objectives / objectives.min(axis=(1, 2), keepdims=True)).mean(axis=2) - 1
seconds = times.mean(axis=2)

print(f"{'':24}" + "".join(f"{name:>20}" for name in names))
for name, above, took in zip(sets, excess, seconds, strict=True):
    print(f"{name:24}" + "".join(f"{a:>11.2%} {s:>6.2f} s" for a, s in zip(above, took, strict=True)))

figure, axes = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained", sharey=True)
panels = (
    (100 * excess, "objective above the best, %", "symlog"),
    (seconds, "seconds", "log"),
)
for ax, (values, label, scale) in zip(axes, panels, strict=True):
    for j, name in enumerate(names):
        ax.plot(values[:, j], np.arange(len(sets)), "osD^v"[j], label=name, alpha=0.8)
    ax.set_xscale(scale, **({"linthresh": 0.1} if scale == "symlog" else {}))
    ax.set(xlabel=label, yticks=range(len(sets)), yticklabels=sets)
    ax.grid(alpha=0.3)
axes[0].set_xlim(-0.02, None)
axes[0].invert_yaxis()
axes[1].legend(loc="center left", bbox_to_anchor=(1, 0.5))
figure.suptitle("K-harmonic means from several starts")
plt.show()

# %%
# With many clusters, a swarm without K-harmonic means is worse than five restarts. PSOKHM finds the best
# objective everywhere. So do five restarts and the default, more than ten times faster: a swarm buys nothing
# that ``n_init`` does not buy for less.
#
# .. [1] D. van der Merwe, A. Engelbrecht (2003). "Data clustering using particle swarm optimization".
#        CEC 2003.
# .. [2] F. Yang, T. Sun, C. Zhang (2009). "An efficient hybrid data clustering method based on K-harmonic
#        means and particle swarm optimization". Expert Systems with Applications 36, 9847-9852.
