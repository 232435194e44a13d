"""K-harmonic means and its kernel version.

Both replace the minimum in k-means' objective by a harmonic mean, so that every sample pulls at every
center and badly served samples pull harder. The formulas are free functions; the classes only
connect them to the loop of the base class.
"""

import warnings
from functools import partial
from numbers import Real

import numpy as np
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning

from skdcec._blocks import Block, Centers, scratch, squared_distances, weighted_statistics
from skdcec._centers import BaseCenterClusterer
from skdcec._collapse import LARGEST_EXPONENT, critical_exponent
from skdcec._sklearn import Interval, StrOptions

# p='auto' exceeds the critical exponent by the first factor, and grows by the second while centers meet.
AUTO_FACTOR, AUTO_GROWTH = 1.4, 1.25
# Over-relaxation stops growing at this multiple of the plain step.
LARGEST_STEP = 8.0
# A kernel is flat where it is below exp(-FLAT_KERNEL) for half of the samples, even at the nearest center;
# no more than FLAT_SAMPLE of them are looked at.
FLAT_KERNEL, FLAT_SAMPLE = 15.0, 2048
# 1 - exp(-t) is evaluated with the care it needs for t below this; above, it loses no more than 3 bits.
NEAR_KERNEL = 1 / 8
# Wider kernels are evaluated as if they had this width, in internal units.
WIDEST_IN_FLOAT32 = 2.0**20
# Below this sum, the weights of a center are recomputed from their logarithms.
UNDERFLOW = {np.dtype(np.float32): 1e-25, np.dtype(np.float64): 1e-200}


def power(r, s, out):
    """Store r**s in out, by products and square roots where s is a small multiple of 1/4."""
    quarters = 4 * s
    if quarters != int(quarters) or s > 16:
        return np.power(r, s, out=out)
    whole, rest = divmod(int(quarters), 4)
    out[:] = r if whole else 1
    for bit in bin(whole)[3:]:
        out *= out
        if bit == "1":
            out *= r
    if rest:
        root = np.sqrt(r, out=scratch("root", r.shape, r.dtype))
        if rest & 2:
            out *= root
        if rest & 1:
            out *= np.sqrt(root, out=root)
    return out


def next_half(p):
    """Return the next multiple of 1/2, whose powers are cheap."""
    return float(np.ceil(2 * p) / 2)


def harmonic_weights(D, nearest, p, sample_weight=1.0):
    """Return what each sample contributes to K-harmonic means with exponent p.

    Zhang (2000): with s = p/2 the objective is Q = sum_i v_i k / sum_j D_ij^-s and the weight of sample
    i in center j is v_i a_ij with a_ij = D_ij^-(s+1) / (sum_l D_il^-s)^2. Both are evaluated from the
    ratios r_ij = min_l D_il / D_ij in [0, 1], which neither overflow nor divide by zero.

    Parameters
    ----------
    D : ndarray of shape (n_clusters, n_samples)
        Squared distances; overwritten.
    nearest : ndarray of shape (n_samples,)
        The smallest of each sample.
    p : float
        Exponent of the distance, at least 2.
    sample_weight : ndarray of shape (n_samples,) or 1.0
        The weights v.

    Returns
    -------
    A : ndarray of shape (n_clusters, n_samples)
    factor : ndarray of shape (n_samples,)
        The weights v a are A times this, times exp(log_scale).
    Q : ndarray of shape (n_samples,), float64
        The terms of the objective, without the weights v.
    log_scale : float
        Logarithm of the common factor of the weights.
    """
    s = p / 2
    r = ratios(D, nearest)
    t = r if s == 1 else power(r, s, out=scratch("power", r.shape, r.dtype))
    S = (np.ones(len(r), r.dtype) @ t).astype(np.float64)
    Q = nearest / S
    factor = sample_weight / (S * S)
    log_scale, largest = 0.0, float(nearest.max())
    if s != 1:
        largest = largest or 1.0
        share = nearest / largest
        share = power(share, s - 1, out=np.empty_like(share))
        factor *= share
        Q *= share
        log_scale = (s - 1) * np.log(largest)
    return np.multiply(t, r, out=r), factor, len(r) * np.exp(log_scale) * Q, log_scale


def ratios(D, nearest):
    """Return nearest / D with 0/0 = 1: a sample on its center belongs to it. D is overwritten."""
    if nearest.all():
        return np.divide(nearest, D, out=D)
    with np.errstate(invalid="ignore"):
        np.divide(nearest, D, out=D)
    D[np.isnan(D)] = 1
    return D


def feature_distances(D, nearest, sigma):
    """Return half the squared distances in the feature space of a Gaussian kernel.

    Parameters
    ----------
    D : ndarray of shape (n_clusters, n_samples)
        Squared distances in the input space; overwritten.
    nearest : ndarray of shape (n_samples,)
        The smallest of each sample.
    sigma : float
        Width of the kernel K = exp(-D / sigma^2) (eq 15), in the same units.

    Returns
    -------
    G : ndarray of shape (n_clusters, n_samples)
        1 - K.
    nearest : ndarray of shape (n_samples,)
        The smallest of each sample.
    log_kernel : ndarray of shape (n_clusters, n_samples)
        log K.
    K : ndarray of shape (n_clusters, n_samples)
    """
    inverse = D.dtype.type(1 / sigma)
    log_kernel = np.multiply(D, inverse, out=D)
    log_kernel *= -inverse
    K = np.exp(log_kernel, out=scratch("kernel", D.shape, D.dtype))
    G = np.subtract(1, K, out=scratch("feature", D.shape, D.dtype))
    log_nearest = nearest * inverse * -inverse
    if log_nearest.max() > -NEAR_KERNEL:
        # 1 - K has lost digits there; the function that keeps them is slow
        near = log_kernel > -NEAR_KERNEL
        G[near] = -np.expm1(log_kernel[near])
    return G, -np.expm1(log_nearest), log_kernel, K


def kernel_weights(D, nearest, sigma, p, sample_weight=1.0):
    """Return what each sample contributes to kernel K-harmonic means.

    With the Gaussian kernel K = exp(-D / sigma^2), the squared distance in its feature space is
    2 (1 - K). The weights are those of K-harmonic means on that distance, times K, the derivative
    of the distance (Li et al. 2007; eqs 15-18 of Nogueira and Serapiao, where the square in eq 18
    belongs outside the sum).

    Parameters
    ----------
    D : ndarray of shape (n_clusters, n_samples)
        Squared distances in the input space; overwritten.
    nearest : ndarray of shape (n_samples,)
        The smallest of each sample.
    sigma : float
        Width of the kernel, in the units of the data.
    p : float
        Exponent of the distance in feature space, at least 2.
    sample_weight : ndarray of shape (n_samples,) or 1.0
        The weights of the samples.

    Returns
    -------
    A, factor, Q, log_scale
        As for `harmonic_weights`, for twice the feature distances of `feature_distances`; A leaves out
        the factor that all its entries share.
    """
    G, nearest, _, K = feature_distances(D, nearest, sigma)
    A, factor, Q, log_scale = harmonic_weights(G, nearest, p, sample_weight)
    A *= K
    return A, factor, 2 ** (p / 2) * Q, log_scale


def log_pulls(D, nearest, p):
    """Return the logarithms of r**(s + 1), what the weights of a sample in the centers differ by."""
    with np.errstate(divide="ignore"):
        return (p / 2 + 1) * np.log(ratios(D, nearest), dtype=np.float64)


def log_weights(pulls, nearest, p, sample_weight):
    """Return the logarithms of the weights A, which underflow where a center is far from all samples.

    Parameters
    ----------
    pulls : ndarray of shape (n_clusters, n_samples)
        What `log_pulls` returns.
    nearest : ndarray of shape (n_samples,)
        The smallest squared distances.
    p : float
        Exponent of the distance.
    sample_weight : ndarray of shape (n_samples,)
        The weights of the samples.

    Returns
    -------
    logs : ndarray of shape (n_clusters, n_samples), float64
    """
    s = p / 2
    S = np.exp(pulls * s / (s + 1)).sum(axis=0)
    with np.errstate(divide="ignore"):
        rows = np.log(sample_weight) - 2 * np.log(S)
        if s != 1:
            rows += (s - 1) * np.log(nearest.astype(np.float64))
    return pulls + rows


def without_underflow(statistics, block, get_logs):
    """Return the statistics with those of the far centers, whose weights underflow, computed from logs."""
    lost = np.flatnonzero(statistics.weights < UNDERFLOW[block.augmented.dtype])
    if not len(lost):
        return statistics
    logs = get_logs()[lost]
    shift = logs.max(axis=1)
    known = np.isfinite(shift)
    lost, shift = lost[known], shift[known]
    A = np.exp(logs[known] - shift[:, None]).astype(block.augmented.dtype)
    rescued = weighted_statistics(block, A, np.ones(A.shape[1]), 0.0)
    log_scale = np.full(len(statistics.weights), statistics.log_scale)
    statistics.sums[lost], statistics.weights[lost] = rescued.sums, rescued.weights
    log_scale[lost] = shift
    return statistics._replace(log_scale=log_scale)


def normalised(logs):
    """Return exp(logs) (k, b) with columns that sum to one."""
    U = np.exp(logs - logs.max(axis=0))
    return U / U.sum(axis=0)


def harmonic_statistics(block, centers, p):
    """Return the Statistics of a block for K-harmonic means."""
    A, factor, Q, log_scale = harmonic_weights(*squared_distances(block, centers), p, block.weight)

    def get_logs():
        D, nearest = squared_distances(block, centers)
        return log_weights(log_pulls(D, nearest, p), nearest, p, block.weight)

    statistics = weighted_statistics(block, A, factor, Q @ block.weight, log_scale)
    return without_underflow(statistics, block, get_logs)


def kernel_statistics(block, centers, sigma, p):
    """Return the Statistics of a block for kernel K-harmonic means."""
    A, factor, Q, log_scale = kernel_weights(*squared_distances(block, centers), sigma, p, block.weight)

    def get_logs():
        G, nearest, log_kernel, _ = feature_distances(*squared_distances(block, centers), sigma)
        return log_weights(log_pulls(G, nearest, p), nearest, p, block.weight) + log_kernel

    statistics = weighted_statistics(block, A, factor, Q @ block.weight, log_scale)
    return without_underflow(statistics, block, get_logs)


def harmonic_memberships(block, centers, p):
    """Return u_ij (b, k), proportional to a_ij over the centers j (Zhang 2000; eq 12)."""
    return normalised(log_pulls(*squared_distances(block, centers), p)).T


def kernel_memberships(block, centers, sigma, p):
    """Return u_ij (b, k), proportional to a_ij over the centers j (eq 17)."""
    G, nearest, log_kernel, _ = feature_distances(*squared_distances(block, centers), sigma)
    return normalised(log_pulls(G, nearest, p) + log_kernel).T


class _BaseHarmonicMeans(BaseCenterClusterer):
    """What the harmonic pair shares: exponent, damped and accelerated steps, memberships."""

    _parameter_constraints: dict = {
        **BaseCenterClusterer._parameter_constraints,
        "p": [StrOptions({"auto"}), Interval(Real, 2, 100, closed="both")],
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
        return prepared | {"p_": p} if self.p == "auto" and p <= LARGEST_EXPONENT else None

    def _max_runs(self, n_init):
        return None if self.p == "auto" else n_init

    def _advice(self, sample, sample_weight, state):
        duplicates = not sp.issparse(sample) and len(np.unique(sample, axis=0)) < self.n_clusters
        if self.p == "auto" or duplicates:
            return super()._advice(sample, sample_weight, state)
        return (
            f"With p={state['p_']:.3g} centers attract each other on these data. Set p='auto', or p to "
            f"{AUTO_FACTOR * state['p_']:.1f} or more."
        )

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
        time up to the next multiple of 1/2. 2.0 is fuzzy c-means with m = 2.

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

    def _advice(self, sample, sample_weight, state):
        advice = super()._advice(sample, sample_weight, state)
        p_star = critical_exponent(sample, sample_weight)
        if state["p_"] < p_star:
            advice += f" (Below p*={p_star:.2f}, even all of them on one point are a local minimum.)"
        return advice

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
        Width of the kernel exp(-d^2 / sigma^2), in the units of the data. 'scale' is half the total
        standard deviation (the root of the summed variances of the features).

    p : 'auto' or float, default='auto'
        Exponent of the distance in feature space, between 2 and 100. 'auto' starts with 2, and grows by a
        quarter, up to the next multiple of 1/2, as long as any two centers of the best run coincide.

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
    for p = 2 equation 16 of [2]_, after [1]_. The update never raises it, for any sigma. (In equation
    18 of [2]_ the square belongs outside the sum; as printed the update can raise Q.)

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
        scale = 0.5 * spread if spread > 0 else 1.0
        return {
            "p_": 2.0 if self.p == "auto" else float(self.p),
            "sigma_": scale if self.sigma == "scale" else self.sigma / rows.units.scale,
        }

    def _statistics_function(self, state):
        return self._function(kernel_statistics, state)

    def _memberships_function(self, state):
        return self._function(kernel_memberships, state)

    def _width(self, state):
        # beyond that, 1 - K is proportional to D, but would underflow in single precision
        single = state["cluster_centers_"].dtype == np.float32
        return min(state["sigma_"], WIDEST_IN_FLOAT32) if single else state["sigma_"]

    def _function(self, formula, state):
        return partial(
            formula, centers=Centers.of(state["cluster_centers_"]), sigma=self._width(state), p=state["p_"]
        )

    def _to_attributes(self, state, units):
        return super()._to_attributes(state, units) | {"sigma_": float(state["sigma_"] * units.scale)}

    def _to_state(self, attributes, units):
        return super()._to_state(attributes, units) | {"sigma_": attributes["sigma_"] / units.scale}

    def _restore_objective(self, objective, state, rows):
        return objective * (self._width(state) / state["sigma_"]) ** state["p_"]

    def _check_fit(self, sample, sample_weight, state):
        every = -(-sample.shape[0] // FLAT_SAMPLE)
        _, nearest = self._distance_function(state)(Block.of(sample[::every], None))
        exponent = float(np.median(nearest)) / state["sigma_"] ** 2
        if exponent > FLAT_KERNEL:
            warnings.warn(
                f"The kernel is flat: for half of the samples it is below exp(-{exponent:.0f}) even at "
                f"the closest center, so that centers hardly move. Increase sigma, or set 'scale'.",
                ConvergenceWarning,
                stacklevel=4,
            )
