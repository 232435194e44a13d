"""Displays of samples as points in a plane."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy import ndarray
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.utils import check_array, check_consistent_length, check_random_state, column_or_1d
from sklearn.utils.validation import check_is_fitted

from skdcec._cluster._covariances import COVARIANCES
from skdcec.plotting._axes import add_legend, axes_of, scatter_centers, scatter_labels


class EmbeddingDisplay:
    """An embedding in the plane, colored by cluster or class, with the cluster centers.

    Use :meth:`from_estimator` or :meth:`from_predictions`; all parameters are kept as attributes.

    Parameters
    ----------
    points : ndarray of shape (n_samples, 2)
        The samples.
    labels : ndarray of shape (n_samples,)
        Cluster or class of each; -1 is noise.
    centers : ndarray of shape (n_clusters, 2), default=None
        Cluster centers in the same plane.
    axis_names : tuple of two str, default=('', '')
        Names of the axes.
    label_name : str, default='cluster'
        Title of the legend.

    Attributes
    ----------
    scatters_ : dict
        A matplotlib PathCollection for each label.
    centers_ : matplotlib PathCollection or None
        The centers.
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.

    See Also
    --------
    CenterImagesDisplay : Decoded cluster centers.
    CovarianceEllipsesDisplay : Clusters as ellipses.

    Examples
    --------
    >>> from skdcec import KHarmonicMeans
    >>> from skdcec.plotting import EmbeddingDisplay
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> khm = KHarmonicMeans(3, random_state=0).fit(X)
    >>> display = EmbeddingDisplay.from_estimator(khm, X)
    >>> display.points.shape, display.centers.shape
    ((150, 2), (3, 2))
    """

    def __init__(
        self,
        *,
        points: ndarray,
        labels: ndarray,
        centers: ndarray | None = None,
        axis_names: tuple[str, str] = ("", ""),
        label_name: str = "cluster",
    ) -> None:
        self.points = points
        self.labels = labels
        self.centers = centers
        self.axis_names = axis_names
        self.label_name = label_name

    def plot(self, ax: Any = None, *, size: float = 6) -> Self:
        """Draw the plane.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        size : float, default=6
            Area of a dot in square points.

        Returns
        -------
        display : EmbeddingDisplay
            The display itself.
        """
        ax = axes_of(ax, figsize=(6.4, 4.8))
        self.scatters_ = scatter_labels(ax, self.points, self.labels, size)
        self.centers_ = None if self.centers is None else scatter_centers(ax, self.centers)
        ax.set(xlabel=self.axis_names[0], ylabel=self.axis_names[1])
        add_legend(ax, self.scatters_, self.label_name, self.centers_)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        method: Any = "pca",
        subsample: int | None = 5000,
        random_state: Any = None,
        ax: Any = None,
        size: float = 6,
    ) -> Self:
        """Draw the embedding of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator. The embedding is the result of ``transform`` if there is an
            ``inverse_transform``, as in `DCEC`, autoencoders and PCA; else, as for KMeans, it is X.
        X : array-like
            Samples in any dense layout that the estimator accepts.
        y : array-like of shape (n_samples,), default=None
            Classes, which give the colors; None uses the predicted clusters.
        method : {'pca', 'tsne', 'umap'} or transformer, default='pca'
            Projection of more than two dimensions to two. 'umap' needs the package umap-learn; a transformer
            is cloned.
        subsample : int or None, default=5000
            Largest number of samples to draw, chosen at random; None draws all.
        random_state : int, RandomState instance or None, default=None
            For the choice of samples and for `method`.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        size : float, default=6
            Area of a dot in square points.

        Returns
        -------
        display : EmbeddingDisplay
            The display, drawn.
        """
        check_is_fitted(estimator)
        random_state = check_random_state(random_state)
        X = X if hasattr(X, "shape") else np.asarray(X)
        check_consistent_length(X, y)
        chosen = choose(len(X), subsample, random_state)
        X = X.iloc[chosen] if hasattr(X, "iloc") else X[chosen]
        if hasattr(estimator, "inverse_transform"):
            Z = estimator.transform(X)
        else:
            Z = np.asarray(X).reshape(len(X), -1)
        if y is not None:
            labels, label_name = column_or_1d(y)[chosen], "class"
        else:
            labels = estimator.predict(X) if hasattr(estimator, "predict") else np.zeros(len(X), int)
            label_name = "cluster"
        return cls.from_predictions(
            Z,
            labels,
            centers=getattr(estimator, "cluster_centers_", None),
            label_name=label_name,
            method=method,
            subsample=None,
            random_state=random_state,
            ax=ax,
            size=size,
        )

    @classmethod
    def from_predictions(
        cls,
        embedding: Any,
        labels: Any,
        *,
        centers: Any = None,
        label_name: str = "cluster",
        method: Any = "pca",
        subsample: int | None = 5000,
        random_state: Any = None,
        ax: Any = None,
        size: float = 6,
    ) -> Self:
        """Draw an embedding, colored by labels.

        Parameters
        ----------
        embedding : array-like of shape (n_samples, n_components)
            The samples.
        labels : array-like of shape (n_samples,)
            Cluster or class of each; -1 is noise.
        centers : array-like of shape (n_clusters, n_components), default=None
            Cluster centers.
        label_name : str, default='cluster'
            Title of the legend.
        method : {'pca', 'tsne', 'umap'} or transformer, default='pca'
            Projection of more than two dimensions to two. 'umap' needs the package umap-learn; a transformer
            is cloned.
        subsample : int or None, default=5000
            Largest number of samples to draw, chosen at random; None draws all.
        random_state : int, RandomState instance or None, default=None
            For the choice of samples and for `method`.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        size : float, default=6
            Area of a dot in square points.

        Returns
        -------
        display : EmbeddingDisplay
            The display, drawn.
        """
        embedding, labels = check_array(embedding), column_or_1d(labels)
        check_consistent_length(embedding, labels)
        random_state = check_random_state(random_state)
        chosen = choose(len(embedding), subsample, random_state)
        points, centers, axis_names = project(embedding[chosen], centers, method, random_state)
        display = cls(
            points=points,
            labels=labels[chosen],
            centers=centers,
            axis_names=axis_names,
            label_name=label_name,
        )
        return display.plot(ax, size=size)


def choose(n_samples: int, max_samples: int | None, random_state: np.random.RandomState) -> ndarray:
    """Return the sorted indices of at most `max_samples` samples, chosen at random."""
    if max_samples is None or n_samples <= max_samples:
        return np.arange(n_samples)
    return np.sort(random_state.choice(n_samples, max_samples, replace=False))


def project(
    embedding: ndarray, centers: Any, method: Any, random_state: np.random.RandomState
) -> tuple[ndarray, ndarray | None, tuple[str, str]]:
    """Return samples and centers in two dimensions, and the names of the dimensions."""
    if centers is not None:
        centers = check_array(centers)
        if centers.shape[1] != embedding.shape[1]:
            raise ValueError(
                f"centers have {centers.shape[1]} columns, but the embedding has {embedding.shape[1]}."
            )
    if embedding.shape[1] <= 2:
        pad = ((0, 0), (0, 2 - embedding.shape[1]))
        points = np.pad(embedding, pad)
        return points, None if centers is None else np.pad(centers, pad), ("dimension 1", "dimension 2")
    projection, name = projection_of(method, random_state)
    names = (f"{name} 1", f"{name} 2")
    if centers is None:
        return projection.fit_transform(embedding)[:, :2], None, names
    if hasattr(projection, "transform"):
        points = projection.fit_transform(embedding)
        return points[:, :2], projection.transform(centers)[:, :2], names
    # t-SNE cannot transform new rows, so the centers take part in its fit
    both = projection.fit_transform(np.concatenate([embedding, centers]))[:, :2]
    return both[: len(embedding)], both[len(embedding) :], names


def projection_of(method: Any, random_state: np.random.RandomState) -> tuple[Any, str]:
    """Return the transformer of `method`, and the name of its axes."""
    seed = random_state.randint(np.iinfo(np.int32).max)
    if hasattr(method, "fit_transform"):
        return clone(method), type(method).__name__
    if method == "pca":
        return PCA(2, random_state=seed), "principal component"
    if method == "tsne":
        return TSNE(2, random_state=seed), "t-SNE"
    if method == "umap":
        try:
            from umap import UMAP
        except ImportError as error:
            raise ImportError("method='umap' needs the package umap-learn.") from error
        return UMAP(n_components=2, random_state=seed), "UMAP"
    raise ValueError(f"method={method!r} should be 'pca', 'tsne', 'umap' or a transformer.")


class CovarianceEllipsesDisplay:
    """Two features of the samples, with ellipses of equal Mahalanobis distance around the centers.

    If there are more features, the others are not shown, so clusters that overlap here may be separate.

    Use :meth:`from_estimator` or :meth:`from_predictions`; all parameters are kept as attributes.

    Parameters
    ----------
    points : ndarray of shape (n_samples, 2)
        The samples.
    labels : ndarray of shape (n_samples,)
        Cluster of each.
    centers : ndarray of shape (n_clusters, 2)
        Cluster centers.
    covariances : ndarray of shape (n_clusters, 2, 2)
        Covariance of each cluster.
    n_std : float, default=2
        Mahalanobis distance of each ellipse from its center.
    axis_names : tuple of two str, default=('', '')
        Names of the axes.

    Attributes
    ----------
    scatters_ : dict
        A matplotlib PathCollection for each label.
    ellipses_ : list of matplotlib Ellipse
        One for each center.
    centers_ : matplotlib PathCollection
        The crosses of the centers.
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.

    See Also
    --------
    skdcec.MahalanobisKMeans : K-means with this distance.

    Examples
    --------
    >>> from skdcec import MahalanobisKMeans
    >>> from skdcec.plotting import CovarianceEllipsesDisplay
    >>> from sklearn.datasets import load_iris
    >>> X = load_iris().data
    >>> tied = MahalanobisKMeans(3, covariance_type="tied", n_init=10, random_state=0).fit(X)
    >>> display = CovarianceEllipsesDisplay.from_estimator(tied, X, features=(0, 1))
    >>> len(display.ellipses_)
    3
    """

    def __init__(
        self,
        *,
        points: ndarray,
        labels: ndarray,
        centers: ndarray,
        covariances: ndarray,
        n_std: float = 2,
        axis_names: tuple[str, str] = ("", ""),
    ) -> None:
        self.points = points
        self.labels = labels
        self.centers = centers
        self.covariances = covariances
        self.n_std = n_std
        self.axis_names = axis_names

    def plot(self, ax: Any = None, *, size: float = 6) -> Self:
        """Draw samples and ellipses.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        size : float, default=6
            Area of a dot in square points.

        Returns
        -------
        display : CovarianceEllipsesDisplay
            The display itself.
        """
        ax = axes_of(ax, figsize=(6.4, 4.8))
        from matplotlib.patches import Ellipse

        self.scatters_ = scatter_labels(ax, self.points, self.labels, size)
        self.ellipses_ = []
        for center, covariance in zip(self.centers, self.covariances, strict=True):
            variances, axes = np.linalg.eigh(covariance)
            width, height = 2 * self.n_std * np.sqrt(np.maximum(variances, 0))
            angle = np.degrees(np.arctan2(axes[1, 0], axes[0, 0]))
            ellipse = Ellipse(center, width, height, angle=angle, fill=False, ec="k", lw=1.5)
            self.ellipses_.append(ax.add_patch(ellipse))
        self.centers_ = scatter_centers(ax, self.centers)
        ax.set(xlabel=self.axis_names[0], ylabel=self.axis_names[1])
        add_legend(ax, self.scatters_, "cluster", self.centers_)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        features: Sequence[int] = (0, 1),
        n_std: float = 2,
        ax: Any = None,
        size: float = 6,
    ) -> Self:
        """Draw the clusters of a fitted estimator with covariances.

        Parameters
        ----------
        estimator : estimator
            A fitted `MahalanobisKMeans` or Gaussian mixture.
        X : array-like of shape (n_samples, n_features)
            Samples.
        features : tuple of two int, default=(0, 1)
            The columns of X to draw, counted from 0.
        n_std : float, default=2
            Mahalanobis distance of the ellipses from their centers.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        size : float, default=6
            Area of a dot in square points.

        Returns
        -------
        display : CovarianceEllipsesDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the estimator has no ``covariances_``; use :meth:`from_predictions`.
        """
        check_is_fitted(estimator)
        if not hasattr(estimator, "covariances_"):
            raise TypeError(
                f"{type(estimator).__name__} has no covariances_; use from_predictions with its labels."
            )
        centers = estimator.cluster_centers_ if hasattr(estimator, "cluster_centers_") else estimator.means_
        columns = check_features(features, centers.shape[1])
        covariance_type = estimator.covariance_type
        if hasattr(estimator, "_covariance"):
            # of the fit, even if the parameter is set afterwards
            matches = (name for name, kind in COVARIANCES.items() if isinstance(estimator._covariance, kind))
            covariance_type = next(matches)
        covariances = pairwise_covariances(estimator.covariances_, covariance_type, len(centers), columns)
        display = cls(
            points=np.asarray(X)[:, columns],
            labels=estimator.predict(X),
            centers=centers[:, columns],
            covariances=covariances,
            n_std=n_std,
            axis_names=names_of(columns, centers.shape[1], getattr(estimator, "feature_names_in_", None)),
        )
        return display.plot(ax, size=size)

    @classmethod
    def from_predictions(
        cls,
        X: Any,
        labels: Any,
        *,
        features: Sequence[int] = (0, 1),
        n_std: float = 2,
        ax: Any = None,
        size: float = 6,
    ) -> Self:
        """Draw clusters with the means and covariances of their samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.
        labels : array-like of shape (n_samples,)
            Cluster of each; -1 (noise) has no ellipse.
        features : tuple of two int, default=(0, 1)
            The columns of X to draw, counted from 0.
        n_std : float, default=2
            Mahalanobis distance of the ellipses from their centers.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        size : float, default=6
            Area of a dot in square points.

        Returns
        -------
        display : CovarianceEllipsesDisplay
            The display, drawn.
        """
        X, labels = check_array(X), column_or_1d(labels)
        check_consistent_length(X, labels)
        columns = check_features(features, X.shape[1])
        points = X[:, columns]
        groups = [points[labels == name] for name in np.unique(labels[labels != -1])]
        display = cls(
            points=points,
            labels=labels,
            centers=np.stack([group.mean(axis=0) for group in groups]),
            covariances=np.stack([np.cov(group.T, bias=True) for group in groups]),
            n_std=n_std,
            axis_names=names_of(columns, X.shape[1]),
        )
        return display.plot(ax, size=size)


def check_features(features: Sequence[int], n_features: int) -> list[int]:
    """Return the two columns as a list."""
    columns = list(features)
    if len(columns) != 2 or not all(isinstance(j, Integral) and 0 <= j < n_features for j in columns):
        raise ValueError(f"features={features!r} should be two columns of X, from 0 to {n_features - 1}.")
    return columns


def names_of(columns: list[int], n_features: int, names: Any = None) -> tuple[str, str]:
    """Return the names of two features, or their places among all."""
    of_all = f" of {n_features}" if n_features > 2 else ""
    first, second = (f"feature {j + 1}{of_all}" if names is None else names[j] for j in columns)
    return first, second


def pairwise_covariances(
    covariances: ndarray, covariance_type: str, n_clusters: int, columns: list[int]
) -> ndarray:
    """Return the covariance of two features in each cluster, from any type of covariance.

    Returns
    -------
    covariances : ndarray of shape (n_clusters, 2, 2)
    """
    if covariance_type in ("global", "tied"):
        return np.broadcast_to(covariances[np.ix_(columns, columns)], (n_clusters, 2, 2))
    if covariance_type == "full":
        return covariances[:, columns][:, :, columns]
    variances = covariances.reshape(n_clusters, -1)
    variances = variances[:, columns] if covariance_type == "diag" else np.repeat(variances, 2, axis=1)
    return variances[:, :, None] * np.eye(2)
