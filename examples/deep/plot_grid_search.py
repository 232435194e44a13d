"""
A grid search over the initializer
==================================
``init`` is an estimator, so ``GridSearchCV`` can set its parameters by name, even if ``DCEC`` is the last
step of a pipeline. Here the exponent of K-harmonic means and the weight gamma of the clustering loss are
searched on the digits.
"""

# %%
# One pretrained autoencoder for each fold
# ----------------------------------------
# Each fold has its own training images, and so its own autoencoder; ``memory`` is a folder that stores it, so
# that all points of the grid share it. For three folds and the final fit, four autoencoders are trained
# instead of nineteen.

import tempfile

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skdcec import DCEC, ConvAutoencoder, KHarmonicMeans
from skdcec.datasets import load_digits_images
from skdcec.metrics import clustering_accuracy_scorer

X, y = load_digits_images().images, load_digits_images().target


def ink(images):
    """Make the darkest pixel of each image equally dark."""
    return images / images.max(axis=(1, 2), keepdims=True)


folder = tempfile.TemporaryDirectory()
dcec = DCEC(
    init=KHarmonicMeans(),
    autoencoder=ConvAutoencoder(
        filters=(16, 32, 64), kernel_sizes=(3, 3, 3), epochs=15, batch_size=32, augmentation=None
    ),
    batch_size=64,
    batches_per_update=100,
    max_batches=300,
    memory=folder.name,
    random_state=0,
    gamma=0.1,
    tol=1e-3,
    keep="last",
)
pipeline = make_pipeline(FunctionTransformer(ink), dcec)

# %%
# The search
# ----------
# A step of a pipeline has the name of its class in lower case, and two underscores separate nested
# parameters: ``p`` of the initializer of the step ``dcec`` is ``dcec__init__p``. The score is the accuracy on
# held-out images, so the choice depends on the true digits.

grid = {"dcec__init__p": [3.0, 4.0, "auto"], "dcec__gamma": [0.03, 0.1]}
search = GridSearchCV(pipeline, grid, scoring=clustering_accuracy_scorer, cv=3).fit(X, y)
folder.cleanup()
print("best:", search.best_params_)

# %%
# Results
# -------
# Each line is a gamma, each dot the score of a fold.

results = search.cv_results_
scores = np.array([results[f"split{fold}_test_score"] for fold in range(3)])
exponents = [str(p) for p in grid["dcec__init__p"]]
figure, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
for gamma, color in zip(grid["dcec__gamma"], ["C0", "C1"], strict=True):
    chosen = results["param_dcec__gamma"] == gamma
    ax.plot(exponents, scores[:, chosen].mean(axis=0), "-", color=color, label=f"gamma = {gamma}")
    for fold in scores[:, chosen]:
        ax.plot(exponents, fold, "o", color=color, ms=4, alpha=0.6)
ax.set(xlabel="exponent p of K-harmonic means", ylabel="accuracy on held-out images")
ax.set_title("Accuracy at the points of the grid")
ax.legend()
plt.show()

for parameters, mean, spread in zip(results["params"], scores.mean(axis=0), scores.std(axis=0), strict=True):
    print(f"{parameters}: {mean:.3f} ± {spread:.3f}")

# %%
# Summary
# -------
# - Parameters of ``init`` and ``autoencoder`` are searched like parameters of :class:`~skdcec.DCEC`.
# - With ``memory``, points of a grid that only differ in the clustering are cheap.
# - Compare the spread over folds with the differences between points before trusting the best one.
