"""
Segment a photograph
====================
Each pixel is a row of color and position, and a cluster is a region. The units differ: color in [0, 1],
position in pixels. K-means needs weights for them; the Mahalanobis distance finds its own.
"""

# %%
# The rows
# --------
# A small copy of a photograph that comes with scikit-learn, five numbers for each pixel.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_sample_image

from skdcec import KHarmonicMeans, MahalanobisKMeans

photograph = load_sample_image("flower.jpg")[::4, ::4] / 255.0
height, width, _ = photograph.shape
places = np.indices((height, width)).reshape(2, -1).T
rows = np.hstack([photograph.reshape(-1, 3), places])
print(rows.shape)

# %%
# Five regions
# ------------
# Each region has its mean color. On the rows as they are, k-means and K-harmonic means see only the position,
# and cut the photograph into tiles. ``MahalanobisKMeans`` has a covariance for each region.

clusterers = {
    "k-means": KMeans(5, n_init=10, random_state=0),
    "K-harmonic means": KHarmonicMeans(5, random_state=0),
    "Mahalanobis k-means": MahalanobisKMeans(5, random_state=0),
}


def painted(labels):
    """Return the photograph in the mean color of each region."""
    colors = np.stack([photograph.reshape(-1, 3)[labels == j].mean(axis=0) for j in range(labels.max() + 1)])
    return colors[labels].reshape(photograph.shape)


figure, axes = plt.subplots(2, 2, figsize=(9, 6), layout="constrained")
axes[0, 0].imshow(photograph)
axes[0, 0].set_title("photograph")
for ax, (name, clusterer) in zip(axes.flat[1:], clusterers.items(), strict=True):
    ax.imshow(painted(clusterer.fit_predict(rows)))
    ax.set_title(name)
for ax in axes.flat:
    ax.axis("off")
plt.show()

# %%
# Other units
# -----------
# Colors in bytes and positions in thousands of pixels change the regions of k-means, but not those of
# ``MahalanobisKMeans``.

scaled = rows * [255, 255, 255, 0.001, 0.001]
for name, clusterer in clusterers.items():
    before, after = clusterer.fit_predict(rows), clusterer.fit_predict(scaled)
    print(f"{name:20} the same regions: {np.array_equal(before, after)}")
