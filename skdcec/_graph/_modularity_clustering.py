"""`ModularityClustering`, the scikit-learn face of communities in a graph of neighbors."""

from functools import partial
from itertools import product
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy import ndarray
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skdcec._graph._communities import Graph
from skdcec._graph._neighbor_graph import NeighborGraph
from skdcec._graph._neighbors import nearest_neighbors, scales, votes
from skdcec._graph._partition import modularities, partition, regrouped, separate_parts
from skdcec._graph._views import Tolerance
from skdcec._image_shape import flatten, resolve_image_shape, with_channels
from skdcec._sizes import check_sizes
from skdcec._sklearn import (
    DOC_LINK,
    Interval,
    StrOptions,
    _fit_context,
    set_fitted,
    validate_known_data,
    validate_new_data,
)
from skdcec._warn import warn

# Tolerances are compared on no more rows than this.
TOLERANCE_SAMPLE = 4096
ROWS_PER_VOTE = 2**13
LARGEST_SEED = np.iinfo(np.int32).max
# Arguments of scikit-learn's validation of X.
VALIDATION: dict[str, Any] = {"accept_sparse": "csr", "dtype": [np.float64, np.float32]}
# Differences of modularity below this are noise of the search.
NEARLY = 0.002
# With more communities than this for each cluster, they are merged by links between communities, of so many
# neighbors, because those of the graph are mostly inside.
MANY_COMMUNITIES, OUTSIDE_NEIGHBORS = 2, 5
# But clusters stay, whatever their shape, if no more than this fraction of the weight leaves them, and if as
# many parts of the graph hold at least this fraction of the samples; outliers may be parts of their own.
LARGEST_CUT, IN_PARTS = 0.005, 0.98
# A graph needs two nodes.
FEWEST_SAMPLES = 2


def as_tuple(value: Any) -> tuple[Any, ...]:
    """Return a number as a tuple of one, several as a tuple."""
    return tuple(value) if isinstance(value, tuple | list) else (value,)


class ModularityClustering(ClusterMixin, BaseEstimator):
    """Communities of high modularity in the graph of nearest neighbors.

    Connects each sample to its nearest neighbors, and divides the graph such that the edge weight within
    clusters exceeds its expectation by as much as possible [1]_ [2]_. Clusters may have any shape. Images are
    compared up to small shifts and rotations. On images this often finds the classes much better than k-means
    or spectral clustering, without training.

    Parameters
    ----------
    n_clusters : int or None, default=8
        Number of clusters: communities are merged until this many are left. None keeps all communities of at
        least `min_cluster_size`, of which there are usually more than classes.

    min_cluster_size : int, float or None, default=None
        Pass it if classes differ much in size: about half the size of the smallest, as a number of samples
        or, if below 1, as a fraction of them. Then clusters are merged by how well they are separated,
        whatever their sizes; smaller ones join others. None: the modularity decides, which favors clusters of
        similar size.

    n_neighbors : int, sequence of int or 'auto', default='auto'
        Number of neighbors. If there are several, the partition with the highest modularity in the graph of
        the first is used; with `min_cluster_size`, only the first. 'auto' is (10, 15), but for small clusters
        no more than a third of their mean size, and at least 3.

    n_components : int or None, default=40
        Number of principal components in which distances are computed; None is all.

    image_shape : tuple, default=None
        (height, width) or (height, width, channels) of images given as flat rows. None: rows are not images,
        and the next three parameters have no effect.

    shift : float or sequence of float, default=(0.0, 0.04)
        Shifts that the distance of two images ignores, as a fraction of the height and of the width; rounded
        to pixels, and at least one.

    rotation : float or sequence of float, default=(0.0, 10.0)
        Rotations that it ignores, in degrees.

    blur : float or sequence of float, default=(0.0, 0.04)
        Standard deviation of the Gaussian filter of the images, as a fraction of the height and of the width.
        If there are several values of `shift`, `rotation` or `blur`, all combinations are tried on a sample,
        and the graph whose clusters have the largest modularity is taken: its edges tend to connect images of
        one class.

    max_samples : int, default=100_000
        With more samples than this, the graph is built from a random subset, and the others are labeled by a
        vote of their neighbors in it. Time grows with the square of this number.

    random_state : int, RandomState instance or None, default=None
        Determines the order of moves, and the samples. Pass an int for reproducible results.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,), int32
        Cluster of each sample.

    n_clusters_ : int
        Number of clusters.

    n_communities_ : int
        Number of communities before they were merged.

    modularity_ : float
        Modularity of the clusters in the graph, at most 1.

    confidence_ : ndarray of shape (n_samples,)
        The fraction of the weight of a sample's edges that stays in its cluster; with more than `max_samples`
        samples, NaN for those that are not in the graph.

    affinity_matrix_ : CSR array of shape (n_samples, n_samples)
        Edge weights of the graph of the first of `n_neighbors`; with more than `max_samples` samples, of the
        subset.

    n_neighbors_ : int
        The number of neighbors that was used.

    shift_, rotation_, blur_ : float
        The tolerance that was used; 0 for rows that are not images.

    n_features_in_ : int
        Number of features; for images, of pixels times channels.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X has string column names.

    See Also
    --------
    sklearn.cluster.SpectralClustering : Cuts the same kind of graph into parts of similar size.
    DCEC : Starts from these clusters by default, and refines them.

    Notes
    -----
    Weights are exp(-d_ij^2 / (s_i s_j)) with the distance s_i to the seventh neighbor [3]_, symmetric by the
    larger of both directions. Neighbors are exact. Communities are found by joining clusters and moving nodes
    on several levels [2]_, merged in the order of least loss, and then improved by splits and mergers. With
    more than two communities for each cluster, as for copies of images, hardly any edges lead from one to
    another. Then they are merged by the modularity of a graph between communities, in which each sample is
    linked to the five nearest samples of other communities, unless the clusters are nearly separate parts of
    the graph already.

    If the graph has `n_clusters` parts, none smaller than a tenth of their mean size, with at most a
    thousandth of the weight between them, and the clusters have more than five thousandths, these parts are
    the clusters instead.

    With `min_cluster_size`, communities at resolution 4 are merged in the order of w_rs / sqrt(d_r d_s), the
    weight between two clusters relative to the geometric mean of their degrees, until merging on would leave
    fewer than `n_clusters` of that size, and smaller ones join the most similar. Many communities are treated
    in the same way. For a training sample, `predict` may differ from `labels_`, because
    it is a vote of its neighbors.

    References
    ----------
    .. [1] M. E. J. Newman, M. Girvan (2004). "Finding and evaluating community structure in networks".
       Physical Review E 69, 026113.
    .. [2] R. Rotta, A. Noack (2011). "Multilevel local search algorithms for modularity clustering".
       Journal of Experimental Algorithmics 16, 2.3.
    .. [3] L. Zelnik-Manor, P. Perona (2004). "Self-tuning spectral clustering". NIPS 17.

    Examples
    --------
    >>> from skdcec import ModularityClustering
    >>> from skdcec.datasets import load_digits_images
    >>> from skdcec.metrics import clustering_accuracy_score
    >>> digits = load_digits_images()
    >>> labels = ModularityClustering(10, random_state=0).fit_predict(digits.images)
    >>> round(clustering_accuracy_score(digits.target, labels), 2)
    0.96
    """

    _parameter_constraints: dict = {
        "n_clusters": [Interval(Integral, 1, None, closed="left"), None],
        "min_cluster_size": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="neither"),
            None,
        ],
        "n_neighbors": [Interval(Integral, 1, None, closed="left"), tuple, list, StrOptions({"auto"})],
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "image_shape": [None, tuple, list],
        "shift": [Interval(Real, 0, 1, closed="left"), tuple, list],
        "rotation": [Interval(Real, 0, 180, closed="both"), tuple, list],
        "blur": [Interval(Real, 0, 1, closed="left"), tuple, list],
        "max_samples": [Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state"],
    }
    _doc_link_module, _doc_link_template = DOC_LINK

    def __init__(
        self,
        n_clusters: int | None = 8,
        *,
        min_cluster_size: float | None = None,
        n_neighbors: Any = "auto",
        n_components: int | None = 40,
        image_shape: tuple[int, ...] | None = None,
        shift: Any = (0.0, 0.04),
        rotation: Any = (0.0, 10.0),
        blur: Any = (0.0, 0.04),
        max_samples: int = 100_000,
        random_state: Any = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.min_cluster_size = min_cluster_size
        self.n_neighbors = n_neighbors
        self.n_components = n_components
        self.image_shape = image_shape
        self.shift = shift
        self.rotation = rotation
        self.blur = blur
        self.max_samples = max_samples
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Make the graph, and divide it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n_samples, height, width) or \
                (n_samples, height, width, channels)
            Rows, dense or CSR, or images. float32 and float64 are kept; uint8 becomes float32, other types
            float64.
        y : Ignored
            Not used, present for API consistency.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            For bad parameters or data.
        """
        tolerances = self._check_params()
        X, image_shape, attributes = self._check_data(X)
        n = X.shape[0]
        min_size = self._check_sizes(n)
        random_state = check_random_state(self.random_state)
        chosen = draw(n, self.max_samples, random_state)
        n_neighbors = self._n_neighbors(len(chosen))
        if min_size is not None:
            # modularity, which chooses among several, would prefer clusters of similar size
            n_neighbors = n_neighbors[:1]
        rows = X if len(chosen) == n else X[chosen]
        graph = self._best_graph(rows, image_shape, tolerances, n_neighbors, random_state)
        self._warn_of_duplicates(rows)
        of_chosen = min_size if len(chosen) == n or min_size is None else min_size * len(chosen) / n
        fitted = attributes | self._divide(graph, rows, n_neighbors, random_state, of_chosen)
        if len(chosen) < n:
            labels = np.empty(n, np.int32)
            labels[chosen] = fitted["_point_labels"]
            others = np.setdiff1d(np.arange(n), chosen)
            labels[others] = vote(fitted, X[others])
            confidence = np.full(n, np.nan)
            confidence[chosen] = fitted["confidence_"]
            fitted |= {"labels_": labels, "confidence_": confidence}
        smallest = np.bincount(fitted["labels_"]).min()
        if min_size is not None and smallest < min_size:
            warn(
                f"The smallest cluster has {smallest} samples, fewer than "
                f"min_cluster_size={self.min_cluster_size}. Try a smaller one, or fewer clusters."
            )
        fitted["_nodes"] = chosen
        set_fitted(self, fitted)
        return self

    # ---------------------------------------------------------------- check

    @property
    def _k(self) -> int | None:
        """The number of clusters that is asked for, as an int whatever integer it was given as."""
        return None if self.n_clusters is None else int(self.n_clusters)

    def _check_params(self) -> list[Tolerance]:
        """Return the tolerances to try; raise if a sequence holds values that are wrong."""
        for name in ("n_neighbors", "shift", "rotation", "blur"):
            if isinstance(getattr(self, name), str):
                continue  # 'auto'
            values = as_tuple(getattr(self, name))
            interval = self._parameter_constraints[name][0]
            if not (values and all(map(interval.is_satisfied_by, values))):
                raise ValueError(f"{name}={getattr(self, name)!r} should be {interval}, or several of them.")
        if self.image_shape is not None:
            check_sizes("image_shape", self.image_shape)
        tolerances = product(as_tuple(self.shift), as_tuple(self.rotation), as_tuple(self.blur))
        return [Tolerance(*tolerance) for tolerance in tolerances]

    def _check_sizes(self, n_samples: int) -> float | None:
        """Return the smallest number of samples in a cluster, if it is set; raise if sizes are impossible."""
        k, size = self._k or 1, self.min_cluster_size
        if n_samples < k:
            raise ValueError(f"n_samples={n_samples} should be >= n_clusters={k}.")
        if self.max_samples < k:
            raise ValueError(f"max_samples={self.max_samples} should be >= n_clusters={k}.")
        if size is None:
            return None
        largest = (n_samples // k, "n_samples") if size >= 1 else (1 / k, "1")
        if size > largest[0]:
            each = "" if self._k is None else " / n_clusters"
            raise ValueError(f"min_cluster_size={size} should be at most {largest[1]}{each} = {largest[0]}.")
        return size if size >= 1 else size * n_samples

    def _warn_of_duplicates(self, rows: Any) -> None:
        """Warn if there are fewer different samples than clusters."""
        # mostly, a part of the samples is enough to tell
        for some in (rows[:TOLERANCE_SAMPLE], rows):
            n_distinct = count_distinct_rows(some)
            if n_distinct >= (self._k or 1):
                return
        warn(
            f"Only {n_distinct} samples are distinct, fewer than n_clusters={self._k}, so equal ones are in "
            "different clusters.",
            ConvergenceWarning,
        )

    def _n_neighbors(self, n_samples: int) -> tuple[int, ...]:
        """Return the numbers of neighbors to try."""
        if self.n_neighbors != "auto":
            return as_tuple(self.n_neighbors)
        most = n_samples // (3 * self._k) if self._k else n_samples
        return tuple(max(3, min(m, most)) for m in (10, 15)) if most > 10 else (max(3, most),)

    def _check_data(self, X: Any) -> tuple[Any, tuple[int, ...] | None, dict[str, Any]]:
        """Return flat rows, the shape of an image if they are images, and attributes that describe them."""
        X, sample_shape = flatten(X)
        X, attributes = validate_new_data(self, as_floats(X), ensure_min_samples=FEWEST_SAMPLES, **VALIDATION)
        image_shape = None
        if self.image_shape is not None or sample_shape is not None:
            image_shape = resolve_image_shape(X.shape[1], sample_shape, self.image_shape)
        return X, image_shape, attributes | {"_image_shape": image_shape}

    # ------------------------------------------------------------------ fit

    def _best_graph(
        self,
        X: Any,
        image_shape: tuple[int, ...] | None,
        tolerances: list[Tolerance],
        n_neighbors: tuple[int, ...],
        random_state: np.random.RandomState,
    ) -> NeighborGraph:
        """Return the graph under the tolerance that gives the largest modularity on a sample.

        The modularity of the clusters decides; among graphs with nearly the largest, that of the communities.
        On its own, the latter would prefer graphs with many communities of almost equal images.
        """
        if image_shape is None:
            tolerances = [Tolerance()]
        make = partial(
            NeighborGraph.of,
            n_components=self.n_components,
            image_shape=image_shape,
            n_neighbors=max(n_neighbors),
        )
        if len(tolerances) == 1:
            return make(X, tolerance=tolerances[0])
        chosen = draw(X.shape[0], TOLERANCE_SAMPLE, random_state)
        seed = random_state.randint(LARGEST_SEED)

        graphs = [make(X[chosen], tolerance=tolerance) for tolerance in tolerances]
        scores = [
            modularities(graph.weights(n_neighbors[0]), self._k, np.random.default_rng(seed))
            for graph in graphs
        ]
        least = max(scores)[0] - NEARLY
        near = [i for i, (of_clusters, _) in enumerate(scores) if of_clusters >= least]
        best = graphs[max(near, key=lambda i: scores[i][1])]
        if len(chosen) == X.shape[0]:
            return best
        return make(X, tolerance=best.tolerance)

    def _divide(
        self,
        graph: NeighborGraph,
        X: Any,
        n_neighbors: tuple[int, ...],
        random_state: np.random.RandomState,
        min_size: float | None,
    ) -> dict[str, Any]:
        """Return the fitted attributes of the best partition."""
        affinity_matrix = graph.weights(n_neighbors[0])
        reference = Graph.of(affinity_matrix)
        best: tuple[float, int, ndarray, ndarray] | None = None
        for m in n_neighbors:
            rng = np.random.default_rng(random_state.randint(LARGEST_SEED))
            weights = affinity_matrix if m == n_neighbors[0] else graph.weights(m)
            labels, communities = partition(weights, self._k, rng, min_size)
            modularity = reference.modularity(labels)
            if best is None or modularity > best[0]:
                best = modularity, m, labels, communities
        assert best is not None
        modularity, m, labels, communities = best
        n_communities = int(communities.max()) + 1
        if self._k is not None and min_size is None:
            seed = random_state.randint(LARGEST_SEED)
            is_cut = reference.cut(labels) > LARGEST_CUT
            parts = None
            if is_cut:
                parts = separate_parts(affinity_matrix, self._k, np.random.default_rng(seed))
            if parts is not None:
                labels = parts
            elif n_communities > MANY_COMMUNITIES * self._k:
                if is_cut or reference.in_largest_parts(self._k) < IN_PARTS:
                    between = graph.weights_between(X, communities, OUTSIDE_NEIGHBORS)
                    labels = regrouped(between, communities, self._k, np.random.default_rng(seed))
            modularity = reference.modularity(labels)
        return {
            "labels_": labels.astype(np.int32),
            "n_clusters_": int(labels.max()) + 1,
            "n_communities_": n_communities,
            "modularity_": modularity,
            "confidence_": reference.cohesion(labels),
            "affinity_matrix_": affinity_matrix,
            "n_neighbors_": m,
            "shift_": graph.tolerance.shift,
            "rotation_": graph.tolerance.rotation,
            "blur_": graph.tolerance.blur,
            "_projection": graph.projection,
            "_points": graph.points,
            "_scales": scales(graph.neighbors),
            "_point_labels": labels.astype(np.int32),
        }

    # ------------------------------------------------------- fitted estimator

    def predict(self, X: Any) -> ndarray:
        """Return the cluster of each sample, by a vote of its neighbors among the training samples.

        Parameters
        ----------
        X : array-like
            Samples in any layout that `fit` accepts.

        Returns
        -------
        labels : ndarray of shape (n_samples,), int32
        """
        check_is_fitted(self)
        X, sample_shape = flatten(X)
        if sample_shape is not None and with_channels(sample_shape) != self._image_shape:
            raise ValueError(
                f"X has images of shape {sample_shape}, but {type(self).__name__} was fitted with images of "
                f"shape {self._image_shape}."
            )
        X = validate_known_data(self, as_floats(X), **VALIDATION)
        return vote(vars(self), X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.three_d_array = True
        return tags


def as_floats(X: Any) -> Any:
    """Return bytes as float32, and anything else as it is."""
    return X.astype(np.float32) if getattr(X, "dtype", None) == np.uint8 else X


def count_distinct_rows(X: Any) -> int:
    """Return the number of different rows, dense or CSR."""
    if sp.issparse(X):
        X = X.sorted_indices()
        parts = (slice(*X.indptr[i : i + 2]) for i in range(X.shape[0]))
        return len({(X.indices[part].tobytes(), X.data[part].tobytes()) for part in parts})
    return len(np.unique(X, axis=0))


def draw(n: int, n_most: int, random_state: np.random.RandomState) -> ndarray:
    """Return the indices of all of n samples or, if they are more, of some drawn at random, in order."""
    return np.arange(n) if n <= n_most else np.sort(random_state.choice(n, n_most, replace=False))


def vote(fitted: Any, X: Any) -> ndarray:
    """Return the labels of checked rows by their neighbors among the points of the fitted attributes."""
    n_neighbors = min(fitted["n_neighbors_"], len(fitted["_points"]))
    labels = np.empty(X.shape[0], np.int32)
    for start in range(0, X.shape[0], ROWS_PER_VOTE):
        rows = slice(start, start + ROWS_PER_VOTE)
        views = fitted["_projection"](X[rows])
        neighbors = nearest_neighbors(views, fitted["_points"], n_neighbors, leave_out_self=False)
        labels[rows] = votes(neighbors, fitted["_scales"], fitted["_point_labels"])
    return labels
