"""
Five initializers on one autoencoder
====================================
Deep convolutional embedded clustering (DCEC) starts from initial centers. This example clusters the 1,797
digits of scikit-learn with centers from k-means, Mahalanobis k-means with the pooled covariance within the
clusters (tied) and with one for each cluster (full), K-harmonic means, and kernel K-harmonic means. All five
share one pretrained autoencoder, so the rows of the table differ in the initializer alone.
"""

# %%
# One autoencoder for all
# -----------------------
# The images have only 8 x 8 pixels, so the kernels of the convolutions are smaller than by default.

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.callback import ProgressBar
from sklearn.cluster import KMeans
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from skdcec import DCEC, ConvAutoencoder, KernelKHarmonicMeans, KHarmonicMeans, MahalanobisKMeans
from skdcec.datasets import load_digits_images
from skdcec.metrics import clustering_accuracy_score

digits = load_digits_images()
X, y = digits.images, digits.target

autoencoder = ConvAutoencoder(
    kernel_sizes=(3, 3, 3), epochs=40, batch_size=32, random_state=0, augmentation=None
)
autoencoder.set_callbacks(ProgressBar())
start = time.perf_counter()
autoencoder.fit(X)
print(f"Pretraining took {time.perf_counter() - start:.0f} s.\n")

# %%
# Five initializers
# -----------------
# ``FrozenEstimator`` passes the pretrained autoencoder to each DCEC, which refines a copy of it. Joint
# training is short, to keep the example quick.

initializers = {
    "k-means (20 starts)": KMeans(n_init=20),
    "Mahalanobis k-means, tied": MahalanobisKMeans(covariance_type="tied"),
    "Mahalanobis k-means, full": MahalanobisKMeans(),
    "K-harmonic means": KHarmonicMeans(),
    "kernel K-harmonic means": KernelKHarmonicMeans(),
}
models, seconds = {}, {}
for name, init in initializers.items():
    model = DCEC(
        init=init,
        autoencoder=FrozenEstimator(autoencoder),
        batch_size=64,
        max_batches=700,
        random_state=0,
        gamma=0.1,
        batches_per_update=140,
        tol=1e-3,
        keep="last",
    )
    start = time.perf_counter()
    models[name] = model.set_callbacks(ProgressBar(max_propagation_depth=0)).fit(X)
    seconds[name] = time.perf_counter() - start

# %%
# Scores
# ------


def table_row(name, labels, elapsed):
    """Format the scores of one clustering."""
    scores = [
        clustering_accuracy_score(y, labels),
        normalized_mutual_info_score(y, labels),
        adjusted_rand_score(y, labels),
    ]
    return f"{name:<40}" + "".join(f"{s:>10.3f}" for s in scores) + f"{elapsed:>9.1f}{len(set(labels)):>10}"


print(f"\n{'initializer':<40}{'accuracy':>10}{'NMI':>10}{'ARI':>10}{'seconds':>9}{'clusters':>10}")
start = time.perf_counter()
pixels = KMeans(10, n_init=20, random_state=0).fit_predict(digits.data)
print(table_row("(k-means on pixels)", pixels, time.perf_counter() - start))
for name, model in models.items():
    print(table_row(name, model.labels_, seconds[name]))

# %%
# Decoded centers
# ---------------
# The decoder turns each center into an image. The images are ordered by the most frequent digit of the
# cluster.

figure = plt.figure(figsize=(10, 6), layout="constrained")
for row, (name, model) in zip(figure.subfigures(5), models.items(), strict=True):
    centers = model.inverse_transform(model.cluster_centers_)
    counts = np.array([np.bincount(y[model.labels_ == j], minlength=10) for j in range(10)])
    for axis, j in zip(row.subplots(1, 10), np.argsort(counts.argmax(axis=1), kind="stable"), strict=True):
        axis.imshow(centers[j], cmap="gray_r", vmin=0, vmax=1)
        axis.set(xticks=[], yticks=[])
        axis.set_xlabel(f"{model.cluster_sizes_[j]}", fontsize=8)
    row.suptitle(name, x=0.01, ha="left", fontsize=10)
figure.suptitle("Decoded cluster centers, and the sizes of the clusters")
figure.savefig("digits_centers.png", dpi=150)
print("\nThe decoded centers are in digits_centers.png.")
plt.show()
