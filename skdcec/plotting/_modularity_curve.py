"""Display of the modularity of partitions into different numbers of clusters."""

from typing import Any, Self

import numpy as np
from numpy import ndarray
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skdcec._graph._communities import Graph, communities
from skdcec._graph._modularity_clustering import LARGEST_SEED, ModularityClustering
from skdcec._graph._partition import resized
from skdcec.plotting._axes import axes_of, integer_ticks

# No more numbers of clusters than this are tried if none are given.
MOST_NUMBERS = 30


class ModularityCurveDisplay:
    """The modularity of partitions of one graph, against the number of clusters.

    It rises up to the number of communities, which is often larger than that of classes. Numbers beyond which
    it hardly rises are candidates; look at the images of each.

    Use :meth:`from_estimator`; all parameters are kept as attributes.

    Parameters
    ----------
    n_clusters : ndarray of shape (n_partitions,)
        Numbers of clusters.
    modularity : ndarray of shape (n_partitions,)
        Modularity of each partition.
    n_communities : int
        The number of clusters that is found if none is asked for.

    Attributes
    ----------
    line_ : matplotlib Line2D
        The curve.
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.

    See Also
    --------
    skdcec.ModularityClustering : Divides the graph.

    Examples
    --------
    >>> from skdcec import ModularityClustering
    >>> from skdcec.datasets import load_digits_images
    >>> from skdcec.plotting import ModularityCurveDisplay
    >>> model = ModularityClustering(None, random_state=0).fit(load_digits_images().data)
    >>> display = ModularityCurveDisplay.from_estimator(model, n_clusters=[5, 10, 15])
    >>> display.modularity.round(1)
    array([0.8, 0.9, 0.9])
    """

    def __init__(self, *, n_clusters: ndarray, modularity: ndarray, n_communities: int) -> None:
        self.n_clusters = n_clusters
        self.modularity = modularity
        self.n_communities = n_communities

    def plot(self, ax: Any = None) -> Self:
        """Draw the curve.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        Returns
        -------
        display : ModularityCurveDisplay
            The display itself.
        """
        ax = axes_of(ax, figsize=(6.4, 4))
        (self.line_,) = ax.plot(self.n_clusters, self.modularity, marker="o")
        ax.axvline(self.n_communities, color="0.6", linestyle="--", label="communities")
        integer_ticks(ax.xaxis)
        ax.set(xlabel="number of clusters", ylabel="modularity")
        ax.legend(frameon=False)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, n_clusters: Any = None, random_state: Any = 0, ax: Any = None
    ) -> Self:
        """Divide the graph of a fitted estimator again, into different numbers of clusters.

        `min_cluster_size` of the estimator is ignored: these partitions aim only at a large modularity. A fit
        tries other mergers, too, so its modularity may differ slightly, or more with `min_cluster_size`.

        Parameters
        ----------
        estimator : estimator
            A fitted `ModularityClustering`, or a `DCEC` that started from one (the default). The graph is the
            one of the fit; with another number of clusters, another tolerance may be chosen.
        n_clusters : array-like of int, default=None
            Numbers of clusters; None is at most 30, from 2 to one and a half times the number of communities.
        random_state : int, RandomState instance or None, default=0
            Determines the order of moves.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        Returns
        -------
        display : ModularityCurveDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the estimator has no graph.
        ValueError
            If a number of clusters is less than 1 or more than the samples in the graph.
        """
        check_is_fitted(estimator)
        model = getattr(estimator, "init_", estimator)
        if not isinstance(model, ModularityClustering):
            raise TypeError(f"{type(estimator).__name__} has no graph; use a ModularityClustering.")
        rng = np.random.default_rng(check_random_state(random_state).randint(LARGEST_SEED))
        graph = Graph.of(model.affinity_matrix_)
        labels = communities(graph, rng)
        n, n_communities = len(graph), int(labels.max()) + 1
        if n_clusters is None:
            most = min(n, max(3, 3 * n_communities // 2))
            n_clusters = np.unique(np.linspace(min(2, n), most, MOST_NUMBERS).astype(int))
        numbers = np.unique(np.asarray(n_clusters))
        if numbers.dtype.kind not in "iu" or not len(numbers) or numbers[0] < 1 or numbers[-1] > n:
            raise ValueError(
                f"n_clusters={n_clusters!r} should be integers from 1 to the {n} samples in the graph."
            )
        modularity = [graph.modularity(resized(graph, labels, int(k), rng)) for k in numbers]
        display = cls(n_clusters=numbers, modularity=np.array(modularity), n_communities=n_communities)
        return display.plot(ax)
