"""
Augmentation on and off
=======================
Does it help to shift and rotate the images during training? This page trains the same network on the digits
of scikit-learn without and with augmentation, and compares clusters and embeddings. On these tiny images it
does not help.
"""

# %%
# Augmented images
# ----------------
# Augmentation is a Keras layer that keeps the shape of the images. Here it is two layers of Keras: shifts of
# up to a tenth of the sides, and rotations of up to ten degrees. ``augmentation="affine"`` is
# :class:`skdcec.layers.RandomAffine`, which has the same limits.

# sphinx_gallery_thumbnail_number = 2
import keras
import matplotlib.pyplot as plt
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import normalized_mutual_info_score

from skdcec import DCEC, ConvAutoencoder, MahalanobisKMeans
from skdcec.datasets import load_digits_images
from skdcec.metrics import clustering_accuracy_score
from skdcec.plotting import EmbeddingDisplay

digits = load_digits_images()
X, y = digits.images, digits.target

layers = keras.Sequential(
    [
        keras.layers.RandomTranslation(0.1, 0.1, fill_mode="constant", seed=0),
        keras.layers.RandomRotation(10 / 360, fill_mode="constant", seed=1),
    ]
)

images = X[:10, :, :, None]
rows = [images] + [keras.ops.convert_to_numpy(layers(images, training=True)) for _ in range(3)]
figure, axes = plt.subplots(4, 10, figsize=(8, 3.4), layout="constrained")
for i, row in enumerate(rows):
    for axis, image in zip(axes[i], row, strict=True):
        axis.imshow(image[:, :, 0], cmap="gray_r", vmin=0, vmax=1)
        axis.set(xticks=[], yticks=[])
    axes[i, 0].set_ylabel(f"draw {i}" if i else "image")
figure.suptitle("Ten images, and three draws of the augmentation")
plt.show()

# %%
# The upper row shows ten images, the others three draws of their augmentation. The layers draw new values for
# each batch. The network reproduces the image before the augmentation. These images have 8 x 8 pixels, so
# a tenth of a side is less than a pixel: the shift blurs the strokes more than it moves them.

# %%
# Two trainings
# -------------
# Only ``augmentation`` differs. By default, joint training uses the augmentation of the autoencoder, too; its
# targets come from the clean images. The initial partition assigns each image to the nearest initial center,
# in the embedding of the pretrained autoencoder.

autoencoders, models = {}, {}
for name, augmentation in {"without augmentation": None, "with augmentation": layers}.items():
    autoencoders[name] = ConvAutoencoder(
        kernel_sizes=(3, 3, 3),
        augmentation=augmentation,
        epochs=80,
        batch_size=32,
        random_state=0,
    ).fit(X)
    models[name] = DCEC(
        init=MahalanobisKMeans(covariance_type="tied"),
        autoencoder=FrozenEstimator(autoencoders[name]),
        batch_size=64,
        max_batches=700,
        batches_per_update=100,
        random_state=0,
        gamma=0.1,
        tol=1e-3,
        keep="last",
    ).fit(X)

print(f"{'':<32}{'accuracy':>10}{'NMI':>8}")
for name, model in models.items():
    for stage, labels in {"initial": model.initial_labels_, "refined": model.labels_}.items():
        accuracy, nmi = clustering_accuracy_score(y, labels), normalized_mutual_info_score(y, labels)
        print(f"{f'{name}, {stage}':<32}{accuracy:>10.3f}{nmi:>8.3f}")
print()
for name, autoencoder in autoencoders.items():
    print(f"mean squared error {name} on clean images: {-autoencoder.score(X):.4f}")

# %%
# The embeddings
# --------------
# The embeddings of the pretrained autoencoders (top) and after joint training (bottom), projected to their
# first two principal components. Colors are the true digits.

figure, axes = plt.subplots(2, 2, figsize=(9.5, 8.4), layout="constrained")
for column, name in zip(axes.T, models, strict=True):
    stages = {"pretrained": autoencoders[name], "refined": models[name]}
    for axis, (stage, estimator) in zip(column, stages.items(), strict=True):
        EmbeddingDisplay.from_estimator(estimator, X, y, ax=axis, random_state=0, size=5)
        axis.set_title(f"{name}, {stage}", fontsize="medium")
for axis in axes[:, 0]:
    axis.get_legend().remove()
figure.suptitle("Embeddings of the digits, before and after joint training")
plt.show()

# %%
# Crosses are the cluster centers. Joint training gathers the digits around them in both columns.

# %%
# Summary
# -------
# Augmentation does not always help. Here the network without it had the smaller error and the higher scores,
# at the start and after joint training. A likely reason is the size of the images: a shift of less than a
# pixel blurs. Eighty epochs may also be too few for images that are never the same twice. This is one seed,
# one network, and a start in the embedding; the default start, communities of the images, needs no network or
# embedding. So inspect the augmented images first, as in the first figure, and compare. See
# :class:`~skdcec.ConvAutoencoder` for the parameter and :class:`~skdcec.plotting.EmbeddingDisplay` for the
# figures.
