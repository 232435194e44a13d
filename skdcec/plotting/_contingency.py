"""Display of clusters against true classes."""

from typing import Any, Self

import numpy as np
from numpy import ndarray
from scipy.optimize import linear_sum_assignment
from sklearn.metrics.cluster import contingency_matrix
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.validation import check_is_fitted

from skdcec.plotting._axes import axes_of, is_noise

# With more classes or clusters than this, numbers and names would be too small to read.
MOST_NUMBERED = 20


class ContingencyDisplay:
    """True classes against clusters, in the order of the best matching.

    Use :meth:`from_estimator` or :meth:`from_predictions`; all parameters are kept as attributes.

    Parameters
    ----------
    matrix : ndarray of shape (n_classes, n_clusters)
        Number or fraction of the samples of each class in each cluster.
    classes : ndarray of shape (n_classes,)
        Names of the rows.
    clusters : ndarray of shape (n_clusters,)
        Names of the columns, in the order of the classes that the clusters are matched to; then clusters
        without a class, and noise last.

    Attributes
    ----------
    im_ : matplotlib AxesImage
        The matrix as colors.
    text_ : ndarray of shape (n_classes, n_clusters)
        The numbers as text; None for zeros, and for all if there are more than 20 classes or clusters; then a
        color bar replaces them.
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.

    See Also
    --------
    skdcec.metrics.clustering_accuracy_score : The fraction on the diagonal.
    sklearn.metrics.ConfusionMatrixDisplay : For classifiers.

    Notes
    -----
    The matching maximizes the number of samples that agree (the Hungarian method), as in the accuracy of
    clusterings.

    Examples
    --------
    >>> from skdcec.plotting import ContingencyDisplay
    >>> display = ContingencyDisplay.from_predictions([0, 0, 1, 1, 1], [7, 7, 3, 3, 7])
    >>> display.clusters
    array([7, 3])
    >>> display.matrix
    array([[2, 0],
           [1, 2]])
    """

    def __init__(self, *, matrix: ndarray, classes: ndarray, clusters: ndarray) -> None:
        self.matrix = matrix
        self.classes = classes
        self.clusters = clusters

    def plot(self, ax: Any = None, *, cmap: Any = "Blues") -> Self:
        """Draw the matrix.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        cmap : str or matplotlib Colormap, default='Blues'
            Colors from zero to the largest number.

        Returns
        -------
        display : ContingencyDisplay
            The display itself.
        """
        n_classes, n_clusters = self.matrix.shape
        width, height = np.minimum([n_clusters, n_classes], MOST_NUMBERED)
        ax = axes_of(ax, figsize=(0.55 * width + 1.5, 0.45 * height + 1))
        self.im_ = ax.imshow(self.matrix, cmap=cmap, vmin=0, aspect="auto")
        self.text_ = np.full(self.matrix.shape, None)
        pattern, unit = ("{:d}", "samples") if self.matrix.dtype.kind in "iu" else ("{:.2f}", "fraction")
        if max(self.matrix.shape) > MOST_NUMBERED:
            ax.figure.colorbar(self.im_, ax=ax, label=unit)
        else:
            for i, j in np.argwhere(self.matrix):
                value = self.matrix[i, j]
                # white on the darker half of the colors
                color = "w" if value > self.matrix.max() / 2 else "k"
                self.text_[i, j] = ax.text(
                    j, i, pattern.format(value), ha="center", va="center", color=color, fontsize="small"
                )
        columns, rows = named(n_clusters), named(n_classes)
        ax.set_xticks(
            columns, ["noise" if is_noise(name) else name for name in np.asarray(self.clusters)[columns]]
        )
        ax.set_yticks(rows, np.asarray(self.classes)[rows])
        ax.set(xlabel="cluster", ylabel="class")
        self.ax_, self.figure_ = ax, ax.figure
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        normalize: str | None = None,
        ax: Any = None,
        cmap: Any = "Blues",
    ) -> Self:
        """Draw the classes against the clusters that a fitted estimator predicts.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator with ``predict``.
        X : array-like
            Samples in any layout that the estimator accepts.
        y : array-like of shape (n_samples,)
            Their classes.
        normalize : {'true', 'pred', 'all'} or None, default=None
            Whether to show fractions of each class, of each cluster, or of all samples, instead of counts.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        cmap : str or matplotlib Colormap, default='Blues'
            Colors from zero to the largest number.

        Returns
        -------
        display : ContingencyDisplay
            The display, drawn.
        """
        check_is_fitted(estimator)
        return cls.from_predictions(y, estimator.predict(X), normalize=normalize, ax=ax, cmap=cmap)

    @classmethod
    def from_predictions(
        cls, y_true: Any, y_pred: Any, *, normalize: str | None = None, ax: Any = None, cmap: Any = "Blues"
    ) -> Self:
        """Draw classes against clusters.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Classes.
        y_pred : array-like of shape (n_samples,)
            Clusters; -1 is noise.
        normalize : {'true', 'pred', 'all'} or None, default=None
            Whether to show fractions of each class, of each cluster, or of all samples, instead of counts.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        cmap : str or matplotlib Colormap, default='Blues'
            Colors from zero to the largest number.

        Returns
        -------
        display : ContingencyDisplay
            The display, drawn.
        """
        y_true, y_pred = column_or_1d(y_true), column_or_1d(y_pred)
        check_consistent_length(y_true, y_pred)
        axes_of_totals: dict[str | None, Any] = {None: None, "true": 1, "pred": 0, "all": (0, 1)}
        if normalize not in axes_of_totals:
            raise ValueError(f"normalize={normalize!r} should be 'true', 'pred', 'all' or None.")
        matrix, clusters = contingency_matrix(y_true, y_pred), np.unique(y_pred)
        order = matched_order(matrix, np.array([is_noise(name) for name in clusters]))
        matrix, clusters = matrix[:, order], clusters[order]
        if normalize:
            matrix = matrix / matrix.sum(axis=axes_of_totals[normalize], keepdims=True)
        return cls(matrix=matrix, classes=np.unique(y_true), clusters=clusters).plot(ax, cmap=cmap)


def named(n: int) -> ndarray:
    """Return the places that are named, evenly spaced; the last one, perhaps noise, is among them."""
    step = -(-n // MOST_NUMBERED)
    return np.arange((n - 1) % step, n, step)


def matched_order(matrix: ndarray, noise: ndarray) -> ndarray:
    """Return the columns in the order of their matched classes; then those without a class, then noise."""
    columns = np.flatnonzero(~noise)
    _, matched = linear_sum_assignment(matrix[:, columns], maximize=True)
    # linear_sum_assignment returns its pairs in the order of the rows
    return np.concatenate([columns[matched], np.setdiff1d(columns, columns[matched]), np.flatnonzero(noise)])
