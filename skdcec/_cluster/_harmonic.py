"""K-harmonic means and its kernel version.

Both replace the minimum in k-means' objective by a harmonic mean, so that every sample pulls at every
center and badly served samples pull harder. The classes connect the formulas, which are in
`_harmonic_weights`, to the loop of the base class.
"""

import warnings
from functools import partial
from numbers import Real

import numpy as np
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning

from skdcec._cluster._base import BaseCenterClusterer
from skdcec._cluster._blocks import Centers, distance_quantile
from skdcec._cluster._critical_exponent import LARGEST_EXPONENT, SMALLEST_EXPONENT, critical_exponent
from skdcec._cluster._harmonic_weights import (
    harmonic_memberships,
    harmonic_statistics,
    kernel_memberships,
    kernel_statistics,
)
from skdcec._sklearn import Interval, StrOptions

# p='auto' exceeds the critical exponent by the first factor, and grows by the second while centers meet.
AUTO_FACTOR, AUTO_GROWTH = 1.4, 1.25
# No exponent that it tries is larger; and none at all may be larger than the other.
LARGEST_AUTO, LARGEST_P = AUTO_FACTOR * LARGEST_EXPONENT, 100
# Over-relaxation stops growing at this multiple of the plain step.
LARGEST_STEP = 8.0
# A kernel is flat where it is below exp(-FLAT_KERNEL) for half of the samples, even at the nearest center.
FLAT_KERNEL = 15.0
# Narrower and wider kernels are evaluated as if they had these widths, in internal units: the narrow ones are
# zero off the centers anyway, and 1 - K of the wide ones is proportional to D, but would underflow.
WIDTHS = {np.dtype(np.float32): (2.0**-45, 2.0**20), np.dtype(np.float64): (2.0**-400, np.inf)}


def next_half(p):
    """Return the next multiple of 1/2, whose powers are cheap."""
    return float(np.ceil(2 * p) / 2)


def in_words(p_star):
    """Say what is known of a critical exponent, which is looked for in a range only."""
    if p_star == 0:
        return f"p*<{SMALLEST_EXPONENT:.0f}"
    return f"p*={p_star:.2f}" if p_star < LARGEST_EXPONENT else f"p*>={LARGEST_EXPONENT:.0f}"


class _BaseHarmonicMeans(BaseCenterClusterer):
    """What the harmonic pair shares: exponent, damped and accelerated steps, memberships."""

    _parameter_constraints: dict = {
        **BaseCenterClusterer._parameter_constraints,
        "p": [StrOptions({"auto"}), Interval(Real, 2, LARGEST_P, closed="both")],
        "accelerate": ["boolean"],
    }
    _accepts_sparse = True

    def _step(self, state):
        # the plain update minimises a majorant for p = 2 only; 2/p makes it safe for larger p
        plain = min(1.0, 2 / state["p_"])
        return plain, LARGEST_STEP if self.accelerate else plain

    def _reconsider(self, prepared):
        # no closed form says when some of the centers meet
        p = next_half(AUTO_GROWTH * prepared["p_"])
        return prepared | {"p_": p} if self.p == "auto" and p <= LARGEST_AUTO else None

    def _max_runs(self, n_init):
        return None if self.p == "auto" else n_init

    def _advice(self, sample, sample_weight, state):
        duplicates = not sp.issparse(sample) and len(np.unique(sample, axis=0)) < self.n_clusters
        if duplicates:
            return super()._advice(sample, sample_weight, state)
        if self.p == "auto":
            return (
                f"{super()._advice(sample, sample_weight, state)} In high dimension they may need a larger "
                f"exponent than p='auto' tries, which ends at {LARGEST_AUTO:.0f}: reduce the number of "
                "features, or set p."
            )
        p, p_star = state["p_"], self._critical_exponent(sample, sample_weight)
        way = "Set p='auto'" if p < LARGEST_AUTO else "Reduce the number of features"
        advice = f"With p={p:.3g} centers attract each other on these data. {way}, or "
        if p_star is None:
            return f"{advice}set a larger p."
        larger = min(AUTO_FACTOR * max(p, p_star), LARGEST_P)
        return (
            f"{advice}set p to {larger:.1f} or more ({in_words(p_star)}; below p*, even all of them on one "
            "point are a local minimum)."
        )

    def _critical_exponent(self, sample, sample_weight):
        """Return p*, or None where there is no formula for it."""
        return None

    def predict_proba(self, X):
        """Return the membership of each row in each cluster.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            New rows.

        Returns
        -------
        memberships : ndarray of shape (n_samples, n_clusters)
            Rows sum to one; the largest membership is that of the closest center.

        Raises
        ------
        TypeError
            For a sparse X, which only the other methods support.
        """
        if sp.issparse(X):
            raise TypeError("predict_proba does not support sparse X; pass dense rows, as X[i:j].toarray().")
        return self._for_each_row(X, self._memberships_function)


class KHarmonicMeans(_BaseHarmonicMeans):
    """K-harmonic means clustering.

    A k-means that hardly depends on its initial centers: each sample is served by the harmonic mean
    of its distances to all centers, so that centers in a crowd are free to leave it.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters.

    init : {'k-means++', 'random'}, callable or array-like of shape \
            (n_clusters, n_features), default='k-means++'
        Initial centers: drawn by k-means++ (on at most 131,072 samples), drawn at random from the
        samples, returned by ``init(X, n_clusters, random_state=...)``, or given.

    n_init : 'auto' or int, default='auto'
        Number of runs from different initial centers, of which the one with the lowest objective is
        kept. 'auto' is 1 for 'k-means++' and arrays, else 10.

    max_iter : int, default=300
        Largest number of iterations of a run.

    tol : float, default=1e-6
        A run has converged once the squared movement of all centers under the fixed-point map is
        below ``tol`` times the mean variance of the features.

    p : 'auto' or float, default='auto'
        Exponent of the distance, between 2 and 100. Small exponents let centers fall onto one point in high
        dimension. 'auto' starts with 2, or with 1.4 times the exponent below which all of them would
        if that is larger, and grows by a quarter as long as any two centers of the best run coincide, each
        time up to the next multiple of 1/2, and not beyond 28. 2.0 is fuzzy c-means with m = 2.

    accelerate : bool, default=True
        Lengthen the steps while the objective falls. The optimum is the same, in fewer iterations.

    verbose : int, default=0
        If positive, print the objective at each iteration.

    random_state : int, RandomState instance or None, default=None
        Determines the initial centers. Pass an int for reproducible results.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        The centers.

    labels_ : ndarray of shape (n_samples,), int32
        Index of the closest center of each sample. Clusters without samples come last.

    objective_ : float
        Sum over samples of the harmonic mean of ``distance**p`` to the centers.

    objective_history_ : ndarray of shape (`n_iter_` + 1,)
        The objective before the first and after each iteration; it never rises.

    inertia_ : float
        Weighted sum of squared distances to the closest center, as in ``KMeans``.

    p_ : float
        The exponent that was used.

    n_iter_ : int
        Number of iterations of the best run.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has string column names.

    See Also
    --------
    KernelKHarmonicMeans : The same in the feature space of a Gaussian kernel.
    MahalanobisKMeans : The k-means of the Mahalanobis distance.
    sklearn.cluster.KMeans : The hard relative.

    Notes
    -----
    The objective is Q = sum_i v_i k / sum_j d_ij^-p [1]_ [2]_; with p = 2 it is k times that of fuzzy
    c-means with m = 2, and so is every iteration. An iteration costs O(n_samples * n_clusters *
    n_features). For p > 2 the published update can raise Q; here it is damped by 2/p, and by halves as
    long as Q would rise.

    K-harmonic means is not robust to background noise: samples far from all centers weigh more.

    References
    ----------
    .. [1] B. Zhang, M. Hsu, U. Dayal (1999). "K-harmonic means - a data clustering algorithm".
       Technical report HPL-1999-124, Hewlett-Packard Labs.
    .. [2] B. Zhang (2000). "Generalized K-harmonic means - boosting in unsupervised learning".
       Technical report HPL-2000-137, Hewlett-Packard Labs.

    Examples
    --------
    >>> import numpy as np
    >>> from skdcec import KHarmonicMeans
    >>> X = np.array([[1, 2], [1, 4], [1, 0], [10, 2], [10, 4], [10, 0]])
    >>> khm = KHarmonicMeans(n_clusters=2, random_state=0).fit(X)
    >>> khm.predict([[0, 0], [12, 3]]).tolist() == khm.labels_[[2, 4]].tolist()
    True
    >>> np.sort(khm.cluster_centers_[:, 0]).round(2)
    array([1.01, 9.99])
    """

    def __init__(
        self,
        n_clusters=8,
        *,
        init="k-means++",
        n_init="auto",
        max_iter=300,
        tol=1e-6,
        p="auto",
        accelerate=True,
        verbose=0,
        random_state=None,
    ):
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.p = p
        self.accelerate = accelerate
        self.verbose = verbose
        self.random_state = random_state

    def _prepare(self, rows, sample, sample_weight, variance):
        if self.p != "auto":
            return {"p_": float(self.p)}
        return {"p_": max(2.0, next_half(AUTO_FACTOR * critical_exponent(sample, sample_weight)))}

    def _statistics_function(self, state):
        return partial(harmonic_statistics, centers=Centers.of(state["cluster_centers_"]), p=state["p_"])

    def _memberships_function(self, state):
        return partial(harmonic_memberships, centers=Centers.of(state["cluster_centers_"]), p=state["p_"])

    def _critical_exponent(self, sample, sample_weight):
        return critical_exponent(sample, sample_weight)

    def _restore_objective(self, objective, state, rows):
        with np.errstate(divide="ignore", over="ignore"):
            return np.exp(np.log(objective) + state["p_"] * np.log(rows.units.scale))


class KernelKHarmonicMeans(_BaseHarmonicMeans):
    """K-harmonic means in the feature space of a Gaussian kernel.

    Distances saturate beyond the width of the kernel, so that far samples lose their pull.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters.

    init : {'k-means++', 'random'}, callable or array-like of shape \
            (n_clusters, n_features), default='k-means++'
        Initial centers: drawn by k-means++ (on at most 131,072 samples), drawn at random from the
        samples, returned by ``init(X, n_clusters, random_state=...)``, or given.

    n_init : 'auto' or int, default='auto'
        Number of runs from different initial centers, of which the one with the lowest objective is
        kept. 'auto' is 1 for 'k-means++' and arrays, else 10.

    max_iter : int, default=300
        Largest number of iterations of a run.

    tol : float, default=1e-6
        A run has converged once the squared movement of all centers under the fixed-point map is
        below ``tol`` times the mean variance of the features.

    sigma : 'scale' or float, default='scale'
        Width of the kernel exp(-d^2 / sigma^2), in the units of the data. 'scale' is the total standard
        deviation (the root of the summed variances of the features).

    p : 'auto' or float, default='auto'
        Exponent of the distance in feature space, between 2 and 100. 'auto' starts with 2, and grows by a
        quarter, up to the next multiple of 1/2 and not beyond 28, as long as any two centers of the best
        run coincide.

    accelerate : bool, default=True
        Lengthen the steps while the objective falls. The optimum is the same, in fewer iterations.

    verbose : int, default=0
        If positive, print the objective at each iteration.

    random_state : int, RandomState instance or None, default=None
        Determines the initial centers. Pass an int for reproducible results.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        The centers, in the space of the data.

    labels_ : ndarray of shape (n_samples,), int32
        Index of the closest center of each sample. Clusters without samples come last.

    objective_ : float
        Sum over samples of the harmonic mean of ``distance**p`` in feature space to the centers.

    objective_history_ : ndarray of shape (`n_iter_` + 1,)
        The objective before the first and after each iteration; it never rises.

    inertia_ : float
        Weighted sum of squared distances to the closest center, as in ``KMeans``.

    sigma_ : float
        The width of the kernel that was used.

    p_ : float
        The exponent that was used.

    n_iter_ : int
        Number of iterations of the best run.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has string column names.

    See Also
    --------
    KHarmonicMeans : The limit for a wide kernel.

    Notes
    -----
    With G_ij = 1 - exp(-d_ij^2 / sigma^2) the objective is Q = sum_i v_i k / sum_j (2 G_ij)^(-p/2),
    for p = 2 equation 16 of [2]_, after [1]_, where the update never raises it, for any sigma; for larger p
    the step is shortened until it does not. (In equation 18 of [2]_ the square belongs outside the sum;
    as printed the update can raise Q.)

    A kernel much narrower than the distances between samples is flat where it matters: each center
    stays where it starts. This raises a warning.

    References
    ----------
    .. [1] Q. Li, N. Mitianoudis, T. Stathaki (2007). "Spatial kernel K-harmonic means clustering for
       multi-spectral image segmentation". IET Image Processing 1(2), 156-167.
    .. [2] L. G. Nogueira, A. B. S. Serapiao. "Exploring centroids initialization within Deep
       Convolutional Embedded Clustering".

    Examples
    --------
    >>> import numpy as np
    >>> from skdcec import KernelKHarmonicMeans
    >>> X = np.array([[1, 2], [1, 4], [1, 0], [10, 2], [10, 4], [10, 0]])
    >>> kernel_khm = KernelKHarmonicMeans(n_clusters=2, random_state=0).fit(X)
    >>> np.sort(kernel_khm.cluster_centers_[:, 0]).round(2)
    array([ 1., 10.])
    """

    _parameter_constraints: dict = {
        **_BaseHarmonicMeans._parameter_constraints,
        "sigma": [StrOptions({"scale"}), Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        n_clusters=8,
        *,
        init="k-means++",
        n_init="auto",
        max_iter=300,
        tol=1e-6,
        sigma="scale",
        p="auto",
        accelerate=True,
        verbose=0,
        random_state=None,
    ):
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.sigma = sigma
        self.p = p
        self.accelerate = accelerate
        self.verbose = verbose
        self.random_state = random_state

    def _prepare(self, rows, sample, sample_weight, variance):
        spread = np.sqrt(variance.sum())
        # half of it leans on the start: centers hardly feel what lies between them
        scale = spread if spread > 0 else 1.0
        return {
            "p_": 2.0 if self.p == "auto" else float(self.p),
            "sigma_": scale if self.sigma == "scale" else self.sigma / rows.units.scale,
        }

    def _statistics_function(self, state):
        return self._function(kernel_statistics, state)

    def _memberships_function(self, state):
        return self._function(kernel_memberships, state)

    def _width(self, state):
        return float(np.clip(state["sigma_"], *WIDTHS[state["cluster_centers_"].dtype]))

    def _function(self, formula, state):
        return partial(
            formula, centers=Centers.of(state["cluster_centers_"]), sigma=self._width(state), p=state["p_"]
        )

    def _to_attributes(self, state, units):
        return super()._to_attributes(state, units) | {"sigma_": float(state["sigma_"] * units.scale)}

    def _to_state(self, attributes, units):
        return super()._to_state(attributes, units) | {"sigma_": attributes["sigma_"] / units.scale}

    def _restore_objective(self, objective, state, rows):
        return objective * min(self._width(state) / state["sigma_"], 1.0) ** state["p_"]

    def _check_fit(self, sample, weight, state):
        half = distance_quantile(sample, weight, state["cluster_centers_"], 0.5)
        exponent = (half / state["sigma_"]) ** 2
        if exponent > FLAT_KERNEL:
            warnings.warn(
                f"The kernel is flat: for half of the samples it is below exp(-{exponent:.0f}) even at "
                f"the closest center, so that centers hardly move. Increase sigma, or set 'scale'.",
                ConvergenceWarning,
                stacklevel=4,
            )
