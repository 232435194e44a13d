"""
On a dask cluster
=================
Do data on several machines give the same centers as data in memory? :class:`~skdcec.KHarmonicMeans` is fitted
to a dask array on a local cluster of two workers, and to the same rows in memory.
"""

# %%
# A small cluster
# ---------------
# Two workers, which are threads of this process, stand for two machines. On a real cluster only these lines
# differ: ``Client`` gets the address of the scheduler. While a client is connected, fits compute on its
# workers. (If the workers were separate processes, the script would need ``if __name__ == "__main__":``.)

import time

import dask
import dask.array as da
import matplotlib.pyplot as plt
import numpy as np
from dask.distributed import Client, LocalCluster
from sklearn.datasets import make_blobs

from skdcec import KHarmonicMeans

cluster = LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None)
client = Client(cluster)
print(f"{len(cluster.workers)} workers")

# %%
# Rows in chunks
# --------------
# Half a million rows of four features in ten chunks. The workers make each chunk when it is needed, as if
# they read it from a file. ``persist`` makes all chunks once and keeps them on the workers; without it they
# would be made again in each iteration.

means = np.random.default_rng(0).uniform(-10, 10, size=(6, 4))


def load_chunk(number):
    """Return the rows of one chunk."""
    return make_blobs(50_000, centers=means, cluster_std=1.5, random_state=number)[0]


chunks = [da.from_delayed(dask.delayed(load_chunk)(i), shape=(50_000, 4), dtype=float) for i in range(10)]
X = da.concatenate(chunks).persist()
print(X)

# %%
# The same fit twice
# ------------------
# On the cluster each chunk is a task that returns sums: six weighted sums of rows, their weights, and the
# objective. Only these sums are transferred. They are added in the order of the chunks, so the result does
# not depend on the speed of the workers. For comparison, the second fit gets all rows as one array in memory.

fits, seconds = {}, {}
for name, rows in {"cluster": X, "memory": X.compute()}.items():
    begin = time.perf_counter()
    fits[name] = KHarmonicMeans(6, random_state=0).fit(rows)
    seconds[name] = time.perf_counter() - begin

difference = abs(fits["cluster"].cluster_centers_ - fits["memory"].cluster_centers_).max()
print(f"iterations: {fits['cluster'].n_iter_} on the cluster, {fits['memory'].n_iter_} in memory")
print(f"largest difference of a coordinate of a center: {difference:.0e}")
print(f"rows with another label: {np.sum(fits['cluster'].labels_ != fits['memory'].labels_)}")
print(f"seconds: {seconds['cluster']:.1f} on the cluster, {seconds['memory']:.1f} in memory")

# %%
# The centers of both fits, on two of the four features. Circles (cluster) and crosses (memory) coincide.

sample = X[:50_000].compute()
figure, ax = plt.subplots(figsize=(6.4, 4.6), layout="constrained")
ax.hexbin(sample[:, 0], sample[:, 1], gridsize=70, cmap="Blues", bins="log", mincnt=1, linewidths=0)
on_cluster, in_memory = fits["cluster"].cluster_centers_, fits["memory"].cluster_centers_
ax.scatter(*on_cluster[:, :2].T, s=200, facecolors="none", edgecolors="C1", linewidths=2, label="cluster")
ax.scatter(*in_memory[:, :2].T, s=60, marker="x", color="k", label="memory")
ax.set(title="Centers of both fits", xlabel="feature 1", ylabel="feature 2")
ax.legend(title="centers of the fit", loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
plt.show()

# %%
# Predictions stay where the rows are
# -----------------------------------
# ``labels_`` is a NumPy array. ``predict``, ``transform`` and ``predict_proba`` return dask arrays, so the
# workers do further computations with them, too, and only the final result is transferred.

labels = fits["cluster"].predict(X)
print(labels)
sizes = da.bincount(labels, minlength=6).compute()
print("sizes of the clusters:", sizes)
nearest = fits["cluster"].transform(X).min(axis=1).mean().compute()
print(f"mean distance to the nearest center: {nearest:.2f}")

client.close()
cluster.close()

# %%
# Summary
# -------
# - The same estimator takes a dask array, and finds the same centers up to rounding.
# - On one machine this is no faster: a cluster is for data that one machine cannot hold, or cannot read fast
#   enough.
# - Call ``persist`` if the rows fit into the memory of the workers, and use chunks of tens of thousands of
#   rows or more.
#
# :class:`~skdcec.KernelKHarmonicMeans` and :class:`~skdcec.MahalanobisKMeans` also take dask arrays.
