"""
A folder of pictures
====================
From picture files to clusters. The pictures are scikit-learn's digits as files, so that nothing is
downloaded; with pictures of your own, begin at the second step.
"""

# %%
# Make some pictures
# ------------------
# A thousand files, whose names begin with the digit.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image
from sklearn.cluster import KMeans

from skdcec import DCEC, ModularityClustering
from skdcec.datasets import load_digits_images, load_image_folder
from skdcec.metrics import align_labels, clustering_accuracy_score
from skdcec.plotting import CenterImagesDisplay, ModularityCurveDisplay

temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name)
digits = load_digits_images()
for i, (image, digit) in enumerate(zip(digits.images[:1000], digits.target, strict=False)):
    picture = Image.fromarray(np.uint8(255 * image)).resize((64, 64))
    picture.save(folder / f"{digit}_{i}.png")
print(len(list(folder.iterdir())), "pictures")

# %%
# Read the folder
# ---------------
# Pictures of any size and format become images of one size. What cannot be read is in ``notes``.

data = load_image_folder(folder, image_size=16)
images = data.images
print(images.shape, images.dtype, len(data.notes))

# %%
# How many clusters?
# ------------------
# The modularity curve rises until clusters with many neighbors in common are divided.

model = ModularityClustering(None, random_state=0).fit(images)
ModularityCurveDisplay.from_estimator(model)
plt.show()

# %%
# Cluster
# -------
# The classes of these pictures are known, so the accuracy is.

classes = np.array([Path(name).name[0] for name in data.filenames])
dcec = DCEC(10, random_state=0, max_minutes=3).fit(images)
kmeans = KMeans(10, n_init=10, random_state=0).fit(images.reshape(len(images), -1))
for name, labels in (("k-means", kmeans.labels_), ("DCEC", dcec.labels_)):
    print(f"{name:8} accuracy {clustering_accuracy_score(classes, labels):.2f}")

# %%
# Look at them
# ------------
# The decoded center of each cluster, its nearest images, and its farthest, among which errors are likely.

CenterImagesDisplay.from_estimator(dcec, images, n_members=3, n_farthest=3)
plt.show()

# %%
# Two runs
# --------
# Another seed may number the clusters differently. ``align_labels`` makes the numbers agree, to show which
# pictures changed clusters.

other = ModularityClustering(10, random_state=1).fit_predict(images)
aligned = align_labels(other, dcec.labels_)
print(f"{np.mean(aligned != dcec.labels_):.1%} of the pictures are in another cluster")

# %%
# ``python -m skdcec PICTURES -k 10 -o report`` does all of this, and writes a report.

temporary.cleanup()
