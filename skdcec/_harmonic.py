"""K-harmonic means and its kernel version.

Both replace the minimum in k-means' objective by a harmonic mean, so that every sample pulls at every
center and badly served samples pull harder. The formulas are free functions; the classes only
connect them to the loop of the base class.
"""

import warnings
from numbers import Real

import numpy as np
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning

from skdcec._blocks import Statistics
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
# Below this sum, a center's kernel weights are recomputed from their logarithms.
UNDERFLOW = {np.dtype(np.float32): 1e-25, np.dtype(np.float64): 1e-200}


def power(r, s):
    """Return r**s, without the slow general power for the exponents that are used most."""
    if s == 1:
        return r
    if s == 2:
        return r * r
    return r * np.sqrt(r) if s == 1.5 else r**s


def harmonic_weights(D, p):
    """Return what each sample contributes to K-harmonic means with exponent p.

    Zhang (2000): with s = p/2 the objective is Q = sum_i k / sum_j D_ij^-s and the weight of sample
    i in center j is a_ij = D_ij^-(s+1) / (sum_l D_il^-s)^2. Both are evaluated from the ratios
    r_ij = min_l D_il / D_ij in [0, 1], which neither overflow nor divide by zero.

    Parameters
    ----------
    D : ndarray of shape (n_clusters, n_samples)
        Squared distances.
    p : float
        Exponent of the distance, at least 2.

    Returns
    -------
    A : ndarray of shape (n_clusters, n_samples)
        The weights, divided by exp(log_scale).
    Q : ndarray of shape (n_samples,), float64
        The terms of the objective.
    log_scale : float
        Logarithm of the common factor of the weights.
    """
    s = p / 2
    m = D.min(axis=0)
    r = ratios(D, m)
    t = power(r, s)
    S = t.sum(axis=0)
    A = t * r
    largest = float(m.max())
    log_scale = 0.0
    if s == 1 or largest == 0:
        A /= S * S
    else:
        A *= power(m / m.dtype.type(largest), s - 1) / (S * S)
        log_scale = (s - 1) * np.log(largest)
    return A, len(D) * power(m.astype(np.float64), s) / S, log_scale


def ratios(D, m):
    """Return m / D with 0/0 = 1: a sample on its center belongs to it."""
    if m.all():
        return m / D
    with np.errstate(invalid="ignore"):
        r = m / D
    r[np.isnan(r)] = 1
    return r


def feature_distances(D, sigma):
    """Return the squared distances 2 (1 - K) in the feature space of a kernel, and log K.

    Parameters
    ----------
    D : ndarray of shape (n_clusters, n_samples)
        Squared distances in the input space.
    sigma : float
        Width of the Gaussian kernel K = exp(-D / sigma^2) (eq 15), in the same units.

    Returns
    -------
    distances : ndarray of shape (n_clusters, n_samples)
    log_kernel : ndarray of shape (n_clusters, n_samples)
    """
    sigma = D.dtype.type(sigma)
    log_kernel = -(D / sigma / sigma)
    return -2 * np.expm1(log_kernel), log_kernel


def kernel_weights(D, sigma, p):
    """Return what each sample contributes to kernel K-harmonic means.

    With the Gaussian kernel K = exp(-D / sigma^2), the squared distance in its feature space is
    2 (1 - K). The weights are those of K-harmonic means on that distance, times K, the derivative
    of the distance (Li et al. 2007; eqs 15-18 of Nogueira and Serapiao, where the square in eq 18
    belongs outside the sum).

    Parameters
    ----------
    D : ndarray of shape (n_clusters, n_samples)
        Squared distances in the input space.
    sigma : float
        Width of the kernel, in the units of the data.
    p : float
        Exponent of the distance in feature space, at least 2.

    Returns
    -------
    A, Q, log_scale
        As for `harmonic_weights`; log_scale has shape (n_clusters,).
    """
    distances, log_kernel = feature_distances(D, sigma)
    harmonic, Q, log_scale = harmonic_weights(distances, p)
    log_scale = np.full(len(D), log_scale)
    A = harmonic * np.exp(log_kernel)
    for j in np.flatnonzero(A.sum(axis=1) < UNDERFLOW[D.dtype]):
        # a center so far from this block that its weights underflow: shift their logarithms
        with np.errstate(divide="ignore"):
            log_a = np.log(harmonic[j].astype(np.float64)) + log_kernel[j].astype(np.float64)
        shift = log_a.max()
        if np.isfinite(shift):
            A[j] = np.exp(log_a - shift)
            log_scale[j] += shift
    return A, Q, log_scale


def memberships(D, p, log_kernel=0.0):
    """Return u_ij, proportional to a_ij over the centers j (Zhang 2000; eqs 12 and 17).

    Parameters
    ----------
    D : ndarray of shape (n_clusters, n_samples)
        Squared distances.
    p : float
        Exponent of the distance.
    log_kernel : ndarray of shape (n_clusters, n_samples) or 0
        Logarithm of the kernel, for the kernel version.

    Returns
    -------
    U : ndarray of shape (n_clusters, n_samples)
        Memberships; each column sums to one.
    """
    with np.errstate(divide="ignore"):
        logs = (p / 2 + 1) * np.log(ratios(D, D.min(axis=0))) + log_kernel
    U = np.exp(logs - logs.max(axis=0))
    return U / U.sum(axis=0)


def weighted_statistics(x, sample_weight, A, Q, log_scale):
    """Turn the contributions of a block of samples into sums over it."""
    A = A * sample_weight.astype(A.dtype)
    sums = (x.T @ A.T).T if sp.issparse(x) else A @ x
    return Statistics(
        sums.astype(np.float64),
        A.sum(axis=1, dtype=np.float64),
        float(Q @ sample_weight),
        log_scale,
    )


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
        p = AUTO_GROWTH * prepared["p_"]
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
        rows, state = self._fitted_rows(X)
        blocks = [self._memberships(self._distances(x, state), state).T for x, _ in rows]
        return np.concatenate(blocks).astype(rows.X.dtype, copy=False)


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
        if that is larger, and grows by a quarter as long as any two centers of the best run coincide.
        2.0 is fuzzy c-means with m = 2.

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
        return {"p_": max(2.0, AUTO_FACTOR * critical_exponent(sample, sample_weight))}

    def _block_statistics(self, x, sample_weight, state):
        contributions = harmonic_weights(self._distances(x, state), state["p_"])
        return weighted_statistics(x, sample_weight, *contributions)

    def _memberships(self, D, state):
        return memberships(D, state["p_"])

    def _advice(self, sample, sample_weight, state):
        advice = super()._advice(sample, sample_weight, state)
        p_star = critical_exponent(sample, sample_weight)
        if state["p_"] < p_star:
            advice += f" (Below p*={p_star:.2f}, even all of them on one point are a local minimum.)"
        return advice

    def _restore_objective(self, objective, state, rows):
        with np.errstate(divide="ignore", over="ignore"):
            return np.exp(np.log(objective) + state["p_"] * np.log(rows.unit))


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
        quarter as long as any two centers of the best run coincide.

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
            "sigma_": scale if self.sigma == "scale" else self.sigma / rows.unit,
        }

    def _block_statistics(self, x, sample_weight, state):
        contributions = kernel_weights(self._distances(x, state), state["sigma_"], state["p_"])
        return weighted_statistics(x, sample_weight, *contributions)

    def _memberships(self, D, state):
        distances, log_kernel = feature_distances(D, state["sigma_"])
        return memberships(distances, state["p_"], log_kernel)

    def _to_attributes(self, state, rows):
        return super()._to_attributes(state, rows) | {"sigma_": float(state["sigma_"] * rows.unit)}

    def _to_state(self, attributes, rows):
        return super()._to_state(attributes, rows) | {"sigma_": attributes["sigma_"] / rows.unit}

    def _restore_objective(self, objective, state, rows):
        return objective

    def _check_fit(self, sample, sample_weight, state):
        every = -(-sample.shape[0] // FLAT_SAMPLE)
        nearest = self._distances(sample[::every], state).min(axis=0)
        exponent = float(np.median(nearest)) / state["sigma_"] ** 2
        if exponent > FLAT_KERNEL:
            warnings.warn(
                f"The kernel is flat: for half of the samples it is below exp(-{exponent:.0f}) even at "
                f"the closest center, so that centers hardly move. Increase sigma, or set 'scale'.",
                ConvergenceWarning,
                stacklevel=4,
            )
