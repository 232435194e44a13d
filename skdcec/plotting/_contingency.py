"""Display of clusters against true classes."""

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics.cluster import contingency_matrix
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.validation import check_is_fitted

from skdcec.plotting._axes import axes_of, is_noise


class ContingencyDisplay:
    """True classes against clusters, in the order of the best matching.

    Use :meth:`from_estimator` or :meth:`from_predictions`; all parameters are kept as attributes.

    Parameters
    ----------
    matrix : ndarray of shape (n_classes, n_clusters)
        How many samples of each class each cluster has, or shares of them.
    classes : ndarray of shape (n_classes,)
        Names of the rows.
    clusters : ndarray of shape (n_clusters,)
        Names of the columns: the cluster matched to the first class comes first, and so on; clusters
        without a class follow, and noise is last.

    Attributes
    ----------
    im_ : matplotlib AxesImage
        The matrix as colours.
    text_ : ndarray of shape (n_classes, n_clusters)
        Its numbers; None where there is nothing.
    ax_ : matplotlib Axes
        The axes drawn on.
    figure_ : matplotlib Figure
        Its figure.

    See Also
    --------
    skdcec.metrics.clustering_accuracy_score : The share on the diagonal.
    sklearn.metrics.ConfusionMatrixDisplay : For classifiers.

    Notes
    -----
    The matching is the one that makes most samples agree (the Hungarian method), as in the accuracy of
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

    def __init__(self, *, matrix, classes, clusters):
        self.matrix = matrix
        self.classes = classes
        self.clusters = clusters

    def plot(self, ax=None, *, cmap="Blues"):
        """Draw the matrix.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        cmap : str or matplotlib Colormap, default='Blues'
            Colours from nothing to the largest number.

        Returns
        -------
        display : ContingencyDisplay
            The display itself.
        """
        n_classes, n_clusters = self.matrix.shape
        ax = axes_of(ax, figsize=(0.55 * n_clusters + 1.5, 0.45 * n_classes + 1))
        self.im_ = ax.imshow(self.matrix, cmap=cmap, vmin=0, aspect="auto")
        self.text_ = np.full(self.matrix.shape, None)
        pattern = "{:d}" if self.matrix.dtype.kind in "iu" else "{:.2f}"
        for (i, j), value in np.ndenumerate(self.matrix):
            if value:
                # white on the darker half of the colours
                color = "w" if value > self.matrix.max() / 2 else "k"
                self.text_[i, j] = ax.text(
                    j, i, pattern.format(value), ha="center", va="center", color=color, fontsize="small"
                )
        ax.set_xticks(range(n_clusters), ["noise" if is_noise(name) else name for name in self.clusters])
        ax.set_yticks(range(n_classes), self.classes)
        ax.set(xlabel="cluster", ylabel="class")
        self.ax_, self.figure_ = ax, ax.figure
        return self

    @classmethod
    def from_estimator(cls, estimator, X, y, *, normalize=None, ax=None, cmap="Blues"):
        """Draw the classes against the clusters that a fitted estimator predicts.

        Parameters
        ----------
        estimator : estimator
            Fitted, with ``predict``.
        X : array-like
            Samples in any layout that the estimator accepts.
        y : array-like of shape (n_samples,)
            Their classes.
        normalize : {'true', 'pred', 'all'} or None, default=None
            Whether to show shares of each class, of each cluster, or of all samples, instead of counts.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        cmap : str or matplotlib Colormap, default='Blues'
            Colours from nothing to the largest number.

        Returns
        -------
        display : ContingencyDisplay
            The display, drawn.
        """
        check_is_fitted(estimator)
        return cls.from_predictions(y, estimator.predict(X), normalize=normalize, ax=ax, cmap=cmap)

    @classmethod
    def from_predictions(cls, y_true, y_pred, *, normalize=None, ax=None, cmap="Blues"):
        """Draw classes against clusters.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Classes.
        y_pred : array-like of shape (n_samples,)
            Clusters; -1 is noise.
        normalize : {'true', 'pred', 'all'} or None, default=None
            Whether to show shares of each class, of each cluster, or of all samples, instead of counts.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        cmap : str or matplotlib Colormap, default='Blues'
            Colours from nothing to the largest number.

        Returns
        -------
        display : ContingencyDisplay
            The display, drawn.
        """
        y_true, y_pred = column_or_1d(y_true), column_or_1d(y_pred)
        check_consistent_length(y_true, y_pred)
        totals = {None: None, "true": 1, "pred": 0, "all": (0, 1)}
        if normalize not in totals:
            raise ValueError(f"normalize={normalize!r} should be 'true', 'pred', 'all' or None.")
        matrix, clusters = contingency_matrix(y_true, y_pred), np.unique(y_pred)
        order = matched_order(matrix, np.array([is_noise(name) for name in clusters]))
        matrix, clusters = matrix[:, order], clusters[order]
        if normalize:
            matrix = matrix / matrix.sum(axis=totals[normalize], keepdims=True)
        return cls(matrix=matrix, classes=np.unique(y_true), clusters=clusters).plot(ax, cmap=cmap)


def matched_order(matrix, noise):
    """Return the columns in the order of the classes that they are matched to; others, then noise, last."""
    columns = np.flatnonzero(~noise)
    _, matched = linear_sum_assignment(matrix[:, columns], maximize=True)
    # linear_sum_assignment returns its pairs in the order of the rows
    return np.concatenate([columns[matched], np.setdiff1d(columns, columns[matched]), np.flatnonzero(noise)])
