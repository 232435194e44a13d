"""Displays of images side by side: cluster centers, and reconstructions."""

from typing import Any, Self

import numpy as np
from numpy import ndarray
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils.validation import check_is_fitted

from skdcec._image_shape import resolve_image_shape
from skdcec.plotting._axes import axes_of

# Pixels are empty if they exceed the smallest value by no more than this fraction of the range; the ground is
# empty if more than this fraction of the pixels are.
ALMOST_EMPTY, EMPTY_GROUND = 0.01, 1 / 3
# More centers than this are drawn in several bands.
WIDEST_BAND = 12


class CenterImagesDisplay:
    """Cluster centers as images, above the images nearest to them and, if wanted, the farthest.

    Use :meth:`from_estimator` or :meth:`from_predictions`; all parameters are kept as attributes.

    Parameters
    ----------
    centers : ndarray of shape (n_clusters, height, width, channels)
        An image for each center.
    members : ndarray of shape (n_clusters, n_members, height, width, channels)
        The images nearest to each center, the nearest first; NaN if a cluster has fewer.
    sizes : ndarray of shape (n_clusters,)
        Number of images in each cluster.
    farthest : ndarray of shape (n_clusters, n_farthest, height, width, channels) or None, default=None
        The images of each cluster that are farthest from its center, the farthest last.

    Attributes
    ----------
    im_ : matplotlib AxesImage
        All images, one cluster in each column; more than 12 clusters are in several bands, one above another.
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.

    See Also
    --------
    ReconstructionDisplay : Images and their reconstructions.
    EmbeddingDisplay : The embedding as a plane.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from skdcec.datasets import load_digits_images
    >>> from skdcec.plotting import CenterImagesDisplay
    >>> X = load_digits_images().data
    >>> kmeans = KMeans(10, random_state=0).fit(X)
    >>> display = CenterImagesDisplay.from_estimator(kmeans, X, n_members=3)
    >>> display.members.shape
    (10, 3, 8, 8, 1)
    """

    def __init__(
        self, *, centers: ndarray, members: ndarray, sizes: ndarray, farthest: ndarray | None = None
    ) -> None:
        self.centers = centers
        self.members = members
        self.sizes = sizes
        self.farthest = farthest

    def plot(self, ax: Any = None, *, cmap: Any = None) -> Self:
        """Draw the images.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        cmap : str or matplotlib Colormap, default=None
            Colors of single-channel images. None is 'gray', or 'gray_r' for drawings on an empty ground, such
            as digits: if a third of the pixels have the smallest value.

        Returns
        -------
        display : CenterImagesDisplay
            The display itself.
        """
        parts = {"center": self.centers[:, None], "nearest": self.members}
        if self.farthest is not None:
            parts["farthest"] = self.farthest
        parts = {name: part for name, part in parts.items() if part.shape[1]}
        tiles = np.concatenate(list(parts.values()), axis=1).swapaxes(0, 1)
        bands = banded(tiles)
        n_bands, n_rows, n_columns = bands.shape[:3]
        # without the blank row below the last band
        joined = bands.reshape(-1, *bands.shape[2:])[:-1]
        ax = axes_of(ax, figsize=(0.8 * n_columns + 1, 0.8 * len(joined) + 0.6))
        self.im_, rows, columns = show_mosaic(joined, ax, cmap, tiles[1:])
        *above, last = (self.sizes[i : i + n_columns] for i in range(0, len(self.sizes), n_columns))
        for band, sizes in enumerate(above, start=1):
            for column, size in zip(columns, sizes, strict=True):
                ax.text(column, rows[band * n_rows - 1] - rows[0], size, ha="center", va="top")
        ax.set_xticks(columns[: len(last)], last)
        starts = np.cumsum([0, *(part.shape[1] for part in parts.values())])[:-1]
        starts = np.add.outer(n_rows * np.arange(n_bands), starts).ravel()
        ax.set_yticks(rows[starts], list(parts) * n_bands)
        ax.set_xlabel("images in the cluster")
        self.ax_, self.figure_ = ax, ax.figure
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        n_members: int = 5,
        n_farthest: int = 0,
        image_shape: Any = None,
        ax: Any = None,
        cmap: Any = None,
    ) -> Self:
        """Draw the centers of a fitted clusterer.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator with ``cluster_centers_`` and ``predict``. With ``inverse_transform``, as in
            `DCEC`, centers are decoded and members are nearest in the embedding; else centers are images.
        X : array-like
            Images in any layout that the estimator accepts.
        n_members : int, default=5
            Number of the nearest images below each center.
        n_farthest : int, default=0
            Number of the farthest images below them.
        image_shape : tuple of int, default=None
            (height, width) or (height, width, channels) of flat rows; None guesses like `DCEC`.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        cmap : str or matplotlib Colormap, default=None
            Colors of single-channel images. None is 'gray', or 'gray_r' for drawings on an empty ground, such
            as digits: if a third of the pixels have the smallest value.

        Returns
        -------
        display : CenterImagesDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the estimator has no ``cluster_centers_``; use :meth:`from_predictions`.
        """
        check_is_fitted(estimator)
        if not hasattr(estimator, "cluster_centers_"):
            raise TypeError(
                f"{type(estimator).__name__} has no cluster_centers_; use from_predictions with its labels."
            )
        labels = estimator.predict(X)
        centers = estimator.cluster_centers_
        image_shape = getattr(estimator, "image_shape_", image_shape)
        if hasattr(estimator, "inverse_transform"):
            Z, images = estimator.transform(X), estimator.inverse_transform(centers)
        else:
            Z, images = np.asarray(X).reshape(len(X), -1), centers
        images = on_scale_of_images(images, estimator, X)
        originals = as_images(X, image_shape)
        display = cls(
            centers=as_images(images, image_shape),
            members=members_of(originals, labels, Z, centers, slice(n_members)),
            sizes=np.bincount(labels[labels >= 0], minlength=len(centers)),
            farthest=members_of(originals, labels, Z, centers, slice(-n_farthest, None))
            if n_farthest
            else None,
        )
        return display.plot(ax, cmap=cmap)

    @classmethod
    def from_predictions(
        cls,
        X: Any,
        labels: Any,
        *,
        embedding: Any = None,
        n_members: int = 5,
        n_farthest: int = 0,
        image_shape: Any = None,
        ax: Any = None,
        cmap: Any = None,
    ) -> Self:
        """Draw the mean image of each cluster, and the images nearest to its mean.

        Parameters
        ----------
        X : array-like
            Images in any layout that `DCEC` accepts.
        labels : array-like of shape (n_samples,)
            Cluster of each image; -1 (noise) is left out.
        embedding : array-like of shape (n_samples, n_components), default=None
            The space of the distances; None is the pixels.
        n_members : int, default=5
            Number of the nearest images below each mean.
        n_farthest : int, default=0
            Number of the farthest images below them.
        image_shape : tuple of int, default=None
            (height, width) or (height, width, channels) of flat rows; None guesses like `DCEC`.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        cmap : str or matplotlib Colormap, default=None
            Colors of single-channel images. None is 'gray', or 'gray_r' for drawings on an empty ground, such
            as digits: if a third of the pixels have the smallest value.

        Returns
        -------
        display : CenterImagesDisplay
            The display, drawn.
        """
        labels, images = column_or_1d(labels), as_images(X, image_shape)
        Z = images.reshape(len(images), -1) if embedding is None else check_array(embedding)
        check_consistent_length(images, labels, Z)
        names = np.unique(labels[labels != -1])
        if not len(names):
            raise ValueError("labels are all -1 (noise), so there is no cluster to draw.")
        codes = np.where(labels == -1, -1, np.searchsorted(names, labels))
        means = np.stack([Z[codes == j].mean(axis=0) for j in range(len(names))])
        display = cls(
            centers=np.stack([images[codes == j].mean(axis=0) for j in range(len(names))]),
            members=members_of(images, codes, Z, means, slice(n_members)),
            sizes=np.bincount(codes[codes >= 0]),
            farthest=members_of(images, codes, Z, means, slice(-n_farthest, None)) if n_farthest else None,
        )
        return display.plot(ax, cmap=cmap)


def members_of(images: ndarray, labels: ndarray, Z: ndarray, centers: ndarray, which: slice) -> ndarray:
    """Return images of each cluster, in the order of their distance to its center.

    Parameters
    ----------
    images : ndarray of shape (n, height, width, channels)
    labels : ndarray of shape (n,), int
    Z : ndarray of shape (n, d)
        Their places in the space of the centers.
    centers : ndarray of shape (k, d)
    which : slice
        The first or last ones, so many.

    Returns
    -------
    members : ndarray of shape (k, n_members, height, width, channels)
        NaN if a cluster has fewer.
    """
    n_members = which.stop if which.start is None else -which.start
    members = np.full((len(centers), n_members, *images.shape[1:]), np.nan)
    for j, center in enumerate(centers):
        candidates = np.flatnonzero(labels == j)
        order = np.square(Z[candidates] - center).sum(axis=1).argsort(kind="stable")[which]
        rows = slice(len(order)) if which.start is None else slice(n_members - len(order), None)
        members[j, rows] = images[candidates[order]]
    return members


class ReconstructionDisplay:
    """Images and their reconstructions by an autoencoder.

    Use :meth:`from_estimator` or :meth:`from_predictions`; all parameters are kept as attributes.

    Parameters
    ----------
    images : ndarray of shape (n_images, height, width, channels)
        The images.
    reconstructions : ndarray of shape (n_images, height, width, channels)
        Their reconstructions.

    Attributes
    ----------
    errors_ : ndarray of shape (n_images,)
        Mean squared error of each image over its pixels.
    im_ : matplotlib AxesImage
        All images.
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.

    See Also
    --------
    CenterImagesDisplay : Decoded cluster centers.

    Examples
    --------
    >>> from sklearn.decomposition import PCA
    >>> from skdcec.datasets import load_digits_images
    >>> from skdcec.plotting import ReconstructionDisplay
    >>> X = load_digits_images().data
    >>> display = ReconstructionDisplay.from_estimator(PCA(5).fit(X), X, n_images=4)
    >>> display.reconstructions.shape
    (4, 8, 8, 1)
    """

    def __init__(self, *, images: ndarray, reconstructions: ndarray) -> None:
        self.images = images
        self.reconstructions = reconstructions

    def plot(self, ax: Any = None, *, cmap: Any = None) -> Self:
        """Draw the images above their reconstructions, with the mean squared error of each.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        cmap : str or matplotlib Colormap, default=None
            Colors of single-channel images. None is 'gray', or 'gray_r' for drawings on an empty ground, such
            as digits: if a third of the pixels have the smallest value.

        Returns
        -------
        display : ReconstructionDisplay
            The display itself.
        """
        ax = axes_of(ax, figsize=(0.8 * len(self.images) + 1, 2.4))
        self.errors_ = np.square(self.images - self.reconstructions).mean(axis=(1, 2, 3))
        tiles = np.stack([self.images, self.reconstructions])
        self.im_, rows, columns = show_mosaic(tiles, ax, cmap, self.images)
        ax.set_xticks(columns, [f"{error:.3f}" for error in self.errors_])
        ax.set_yticks(rows, ["image", "decoded"])
        ax.set_xlabel("mean squared error")
        self.ax_, self.figure_ = ax, ax.figure
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        n_images: int = 10,
        image_shape: Any = None,
        ax: Any = None,
        cmap: Any = None,
    ) -> Self:
        """Draw the first images of X above their reconstructions by a fitted transformer.

        Parameters
        ----------
        estimator : estimator
            A fitted autoencoder, `DCEC`, PCA or other estimator with ``transform`` and ``inverse_transform``.
        X : array-like
            Images in any layout that the estimator accepts.
        n_images : int, default=10
            Number of images.
        image_shape : tuple of int, default=None
            (height, width) or (height, width, channels) of flat rows; None guesses like `DCEC`.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        cmap : str or matplotlib Colormap, default=None
            Colors of single-channel images. None is 'gray', or 'gray_r' for drawings on an empty ground, such
            as digits: if a third of the pixels have the smallest value.

        Returns
        -------
        display : ReconstructionDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the estimator has no ``inverse_transform``; use :meth:`from_predictions`.
        """
        check_is_fitted(estimator)
        if not hasattr(estimator, "inverse_transform"):
            raise TypeError(
                f"{type(estimator).__name__} has no inverse_transform; use from_predictions with "
                "reconstructions."
            )
        X = X[:n_images]
        decoded = estimator.inverse_transform(estimator.transform(X))
        decoded = on_scale_of_images(decoded, estimator, X)
        image_shape = getattr(estimator, "image_shape_", image_shape)
        return cls.from_predictions(X, decoded, image_shape=image_shape, ax=ax, cmap=cmap)

    @classmethod
    def from_predictions(
        cls,
        X: Any,
        X_reconstructed: Any,
        *,
        image_shape: Any = None,
        ax: Any = None,
        cmap: Any = None,
    ) -> Self:
        """Draw images above their reconstructions.

        Parameters
        ----------
        X : array-like
            Images in any layout that `DCEC` accepts.
        X_reconstructed : array-like
            Their reconstructions, in the same layout.
        image_shape : tuple of int, default=None
            (height, width) or (height, width, channels) of flat rows; None guesses like `DCEC`.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        cmap : str or matplotlib Colormap, default=None
            Colors of single-channel images. None is 'gray', or 'gray_r' for drawings on an empty ground, such
            as digits: if a third of the pixels have the smallest value.

        Returns
        -------
        display : ReconstructionDisplay
            The display, drawn.
        """
        images, decoded = as_images(X, image_shape), as_images(X_reconstructed, image_shape)
        if images.shape != decoded.shape:
            raise ValueError(
                f"X_reconstructed has shape {decoded.shape}; it should have the shape of X, {images.shape}."
            )
        return cls(images=images, reconstructions=decoded).plot(ax, cmap=cmap)


def as_images(X: Any, image_shape: Any = None) -> ndarray:
    """Return images of shape (n, height, width, channels), float, from any layout that `DCEC` accepts."""
    X = np.asarray(X)
    if X.ndim < 2:
        raise ValueError(f"X has shape {X.shape}; it should hold images, or flat rows.")
    scale = 255 if X.dtype == np.uint8 else 1
    sample_shape = X.shape[1:] if X.ndim > 2 else None
    shape = resolve_image_shape(int(np.prod(X.shape[1:])), sample_shape, image_shape)
    return X.reshape(len(X), *shape) / scale


def on_scale_of_images(values: ndarray, estimator: Any, X: Any) -> ndarray:
    """Return images that an estimator made from X, on the scale that `as_images` gives X."""
    step = getattr(estimator, "best_estimator_", estimator)
    while hasattr(step, "steps"):
        step = next(inner for _, inner in step.steps if inner not in ("passthrough", None))
    # only our networks divide bytes by 255
    return values / 255 if np.asarray(X).dtype == np.uint8 and not hasattr(step, "image_shape_") else values


def mosaic(tiles: ndarray, gap: int = 1) -> ndarray:
    """Join images into one.

    Parameters
    ----------
    tiles : ndarray of shape (n_rows, n_columns, height, width, channels)
        Images; NaN stays blank.
    gap : int, default=1
        Blank pixels between images.

    Returns
    -------
    image : ndarray of shape (`n_rows` * (height + `gap`) - `gap`, ...)
        Without the last axis if its length is 1.
    """
    n_rows, n_columns, height, width, channels = tiles.shape
    padded = np.full((n_rows, n_columns, height + gap, width + gap, channels), np.nan)
    padded[:, :, :height, :width] = tiles
    image = padded.swapaxes(1, 2).reshape(n_rows * (height + gap), n_columns * (width + gap), channels)
    image = image[: image.shape[0] - gap, : image.shape[1] - gap]
    return image[..., 0] if channels == 1 else image


def banded(tiles: ndarray) -> ndarray:
    """Divide many columns into bands.

    Parameters
    ----------
    tiles : ndarray of shape (n_rows, n_columns, ...)

    Returns
    -------
    bands : ndarray of shape (n_bands, n_rows + 1, n_columns of a band, ...)
        NaN in the last row of each band and at the end of the last band.
    """
    n_rows, n_columns, *image_shape = tiles.shape
    n_bands = -(-n_columns // WIDEST_BAND)
    width = -(-n_columns // n_bands)
    padded = np.full((n_rows + 1, n_bands * width, *image_shape), np.nan)
    padded[:n_rows, :n_columns] = tiles
    return padded.reshape(n_rows + 1, n_bands, width, *image_shape).swapaxes(0, 1)


def are_drawings(images: ndarray) -> bool:
    """Return whether the ground of the images is empty: a third of the pixels have the smallest value."""
    values = images[np.isfinite(images)]
    if not len(values):
        return True
    low, high = values.min(), values.max()
    return bool(np.mean(values <= low + ALMOST_EMPTY * (high - low)) > EMPTY_GROUND)


def show_mosaic(tiles: ndarray, ax: Any, cmap: Any, originals: ndarray) -> tuple[Any, ndarray, ndarray]:
    """Draw a mosaic without axes; return the artist and the middles of rows and columns.

    The gray scale spans the values of the originals, not values that only a decoder adds. So does the color
    scale if the originals leave [0, 1].
    """
    _, _, height, width, channels = tiles.shape
    image = mosaic(tiles)
    low, high = (np.nanmin(originals), np.nanmax(originals)) if originals.size else (None, None)
    if channels == 1:
        cmap = cmap or ("gray_r" if are_drawings(originals) else "gray")
        artist = ax.imshow(image, cmap=cmap, interpolation="nearest", vmin=low, vmax=high)
    else:
        blank = np.isnan(image).any(axis=-1, keepdims=True)
        low, high = min(0, low or 0), max(1, high or 1)
        colors = np.clip((np.nan_to_num(image) - low) / (high - low), 0, 1)
        # four channels have their own opacity
        alpha = colors[..., 3:] if channels == 4 else 1.0
        rgb = colors[..., :3] if channels in (3, 4) else np.repeat(colors[..., :1], 3, axis=-1)
        artist = ax.imshow(np.concatenate([rgb, np.where(blank, 0, alpha)], axis=-1), interpolation="nearest")
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    rows = (height - 1) / 2 + (height + 1) * np.arange(tiles.shape[0])
    columns = (width - 1) / 2 + (width + 1) * np.arange(tiles.shape[1])
    return artist, rows, columns
