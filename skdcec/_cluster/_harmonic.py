"""K-harmonic means and its kernel version.

Both replace the minimum in the objective of k-means by a harmonic mean, so that every sample pulls at every
center. The estimators choose parameters from the data; the iteration is in `_harmonic_rules`.
"""

from collections.abc import Iterator
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy import ndarray
from numpy.typing import ArrayLike

from skdcec._cluster._base import BaseCenterClusterer
from skdcec._cluster._critical_exponent import (
    LARGEST_CRITICAL,
    SMALLEST_CRITICAL,
    estimate_critical_exponent,
)
from skdcec._cluster._distinct import distance_quantile
from skdcec._cluster._fixed_point import Best, last_state
from skdcec._cluster._harmonic_rules import HarmonicRule, KernelHarmonicRule
from skdcec._cluster._kernels import KERNELS, Kernel, check_kernel
from skdcec._cluster._partition import partition_inertia
from skdcec._cluster._rule import Problem, State
from skdcec._cluster._seeding import few_rows
from skdcec._sklearn import Interval, StrOptions

# The exponents that p='auto' tries. Large ones are k-means; powers of two are cheap.
EXPONENTS = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
# Iterations of a try: the inertia does not change much after these.
MAX_TRY_ITER = 50
# The widths that sigma='auto' tries, in units of the total standard deviation.
WIDTHS_TRIED = (1.0, 2.0, 4.0)
# Largest exponent that a user may pass.
LARGEST_P = 100
# Centers that keep apart need an exponent this many times the critical one.
SAFE_FACTOR = 1.4
# A partition whose inertia exceeds that of the initial centers by this part is doubtful.
DOUBTFUL_INERTIA = 0.05
# Inertias that differ by less than this part of that of a single cluster are equal.
EQUAL_INERTIA = 1e-6
# A narrower kernel may cost this part of the inertia.
SMALL_INERTIA = 0.01
# A kernel is flat if it is below exp(-FLAT_KERNEL) for half of the samples, even at the nearest center.
FLAT_KERNEL = 15.0


def format_critical(p_star: float) -> str:
    """Format p*, which is only searched for in [2, 20]."""
    if p_star == 0:
        return f"p*<{SMALLEST_CRITICAL:.0f}"
    return f"p*={p_star:.2f}" if p_star < LARGEST_CRITICAL else f"p*>={LARGEST_CRITICAL:.0f}"


class _BaseHarmonicMeans(BaseCenterClusterer):
    """Base class of the harmonic pair."""

    _parameter_constraints: dict = {
        **BaseCenterClusterer._parameter_constraints,
        "p": [StrOptions({"auto"}), Interval(Real, 2, LARGEST_P, closed="both")],
        "degree": [StrOptions({"auto"}), Interval(Real, 2, LARGEST_P, closed="both")],
    }
    _accepts_sparse = True

    def _exponents(self) -> tuple[list[float], float]:
        """Return the exponents that come into question, and the degree of the objective."""
        if self.p == "auto":
            degree = 2.0 if self.degree == "auto" else float(self.degree)
            return sorted({max(p, degree) for p in EXPONENTS}), degree
        p = float(self.p)
        degree = p if self.degree == "auto" else float(self.degree)
        if degree > p:
            raise ValueError(f"degree={self.degree} should not be larger than p={self.p}.")
        return [p], degree

    def _complete(self, rule: HarmonicRule, problem: Problem, centers: ndarray) -> HarmonicRule:
        """Choose the candidate whose clusters have the lowest inertia on some of the rows.

        Only those count that keep the most centers apart.
        """
        variants, exponents = self._variants(rule), self._exponents()[0]
        if len(variants) * len(exponents) == 1:
            return rule
        few, max_iter = self._few(problem), self._max_try_iter()

        def outcome(candidate: HarmonicRule) -> tuple[int, float]:
            try:
                state = last_state(candidate, candidate.start(centers), few, self.tol, max_iter)
            except FloatingPointError:
                return 0, np.inf
            return candidate.count_distinct(state, few), partition_inertia(candidate, state, few)

        outcomes = [[outcome(replace(variant, p=p)) for p in exponents] for variant in variants]
        distinct, inertias = np.moveaxis(np.array(outcomes), -1, 0)
        inertias[distinct < distinct.max()] = np.inf
        # of equally good ones the first, with some patience for the first variants
        margin = EQUAL_INERTIA * few.weight.sum() * few.variance.sum()
        lowest = inertias.min(axis=1)
        i = int(np.argmax(lowest <= (1 + SMALL_INERTIA) * lowest.min() + margin))
        j = int(np.argmax(inertias[i] <= lowest[i] + margin))
        return replace(variants[i], p=exponents[j])

    def _max_try_iter(self) -> int:
        """Return the number of iterations in which candidates are tried."""
        return min(self.max_iter, MAX_TRY_ITER)

    def _variants(self, rule: HarmonicRule) -> list[HarmonicRule]:
        """Return the rules that come into question besides their exponents, the most wanted ones first."""
        return [rule]

    def _few(self, problem: Problem) -> Problem:
        """Return the problem of the rows on which candidates are tried."""
        return problem.thinned(few_rows(self._k))

    def _doubts(self, problem: Problem, best: Best, rule: HarmonicRule, state: State) -> Iterator[str]:
        if best.n_distinct < self._k:
            return
        few = self._few(problem)
        first, last = (partition_inertia(best.rule, s, few) for s in (best.run.start, best.run.state))
        rounding = EQUAL_INERTIA * few.weight.sum() * few.variance.sum()
        if last > (1 + DOUBTFUL_INERTIA) * first + rounding:
            excess = last / max(first, rounding) - 1
            remedy = "" if self.p == "auto" else "Set p='auto', or "
            use = "use" if remedy else "Use"
            yield (
                f"the inertia of the clusters, measured from their means, is {excess:.0%} above "
                "that of the initial centers: some clusters are probably merged, or made of a few outlying "
                f"samples. {remedy}{use} sklearn.cluster.KMeans."
            )

    def _advice(self, problem: Problem, rule: HarmonicRule) -> str:
        duplicates = not sp.issparse(problem.sample) and (len(np.unique(problem.sample, axis=0)) < self._k)
        if duplicates:
            return super()._advice(problem, rule)
        if self.p == "auto":
            return (
                f"{super()._advice(problem, rule)} In high dimension they may need a larger exponent than "
                f"p='auto' tries, which ends at {EXPONENTS[-1]:.0f}: reduce the number of features, set p, "
                "or use sklearn.cluster.KMeans."
            )
        p, p_star = rule.p, self._critical_exponent(problem)
        remedy = "Set p='auto'" if p < EXPONENTS[-1] else "Reduce the number of features"
        advice = f"With p={p:.3g} centers attract each other on these data. {remedy}, or "
        if p_star is None:
            return f"{advice}set a larger p."
        larger = min(SAFE_FACTOR * max(p, p_star), LARGEST_P)
        return (
            f"{advice}set p to {larger:.1f} or more ({format_critical(p_star)}; below p*, even all of them "
            "on one point are a local minimum)."
        )

    def _critical_exponent(self, problem: Problem) -> float | None:
        """Return p*, or None if there is no formula for it."""
        return None

    def predict_proba(self, X: ArrayLike) -> ndarray:
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
        return self._apply(X, lambda rule, state, units: rule.memberships(state))


class KHarmonicMeans(_BaseHarmonicMeans):
    """K-harmonic means clustering.

    A variant of k-means that hardly depends on its initial centers: each sample contributes the harmonic mean
    of its distances to all centers, so that crowded centers are free to move apart.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters.

    init : {'kmeans', 'k-means++', 'random'}, callable or array-like of shape \
            (n_clusters, n_features), default='kmeans'
        Initial centers: those of scikit-learn's ``KMeans`` (on at most 8,192 samples, or 64 for each
        cluster if that is more), drawn by k-means++ (on at most 131,072 samples), drawn at random from the
        samples, returned by ``init(X, n_clusters, random_state=...)``, or given.

    n_init : 'auto' or int, default='auto'
        For 'kmeans' the number of runs of k-means. Otherwise the number of runs from different initial
        centers, of which the one with the lowest objective is kept. 'auto' is 20 for 'kmeans', and fewer
        beyond 50 clusters; 1 for 'k-means++' and arrays; else 10.

    max_iter : int, default=300
        Largest number of iterations of a run.

    tol : float, default=1e-6
        A run has converged once the squared movement of all centers under the fixed-point map is
        below ``tol`` times the mean variance of the features.

    p : 'auto' or float, default='auto'
        Exponent of the distance, between 2 and 100. Small exponents make soft clusters, and let centers
        collapse onto one point in high dimensions; large ones come close to k-means. 'auto' tries 2, 4, 8 and
        so on up to 64 on a subset of the samples. Of those that keep the most centers apart, it takes the one
        whose clusters have the lowest inertia.

    degree : 'auto' or float, default='auto'
        Degree of the objective in the distance, from 2 to ``p``. With 2, samples far from all centers gain no
        extra weight: this is fuzzy c-means with m = 1 + 2 / p, and the objective of power k-means. With ``p``
        it is Zhang's K-harmonic means, in which the weights of such samples grow as ``distance**(p - 2)``:
        this draws centers to clusters that have none, but also to outliers. 'auto' is 2 with ``p='auto'``,
        and ``p`` if that is a number.

    accelerate : bool, default=True
        Whether to lengthen the steps while the objective falls, which reaches the same optimum in fewer
        iterations.

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
        Sum over samples of the harmonic mean of ``distance**p`` to the centers, to the power
        ``degree / p``.

    history_ : dict of ndarray
        'objective', of shape (`n_iter_` + 1,): the objective before the first and after each iteration; it
        never rises.

    inertia_ : float
        Weighted sum of squared distances to the closest center, as in ``KMeans``.

    p_ : float
        The exponent that was used.

    degree_ : float
        The degree that was used.

    n_iter_ : int
        Number of iterations of the best run.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X has string column names.

    See Also
    --------
    KernelKHarmonicMeans : The same in the feature space of a Gaussian kernel.
    MahalanobisKMeans : The k-means of the Mahalanobis distance.
    sklearn.cluster.KMeans : The hard relative.

    Notes
    -----
    The objective is Q = sum_i v_i (k / sum_j d_ij^-p)^(degree/p). With degree = p it is that of Zhang [1]_
    [2]_; with degree = 2 that of fuzzy c-means with m = 1 + 2/p [3]_, apart from a constant factor, and that
    of power k-means [4]_. For degree > 2 the published update can raise Q; here it is damped by 2/degree, and
    by halves as long as Q would rise. An iteration costs O(n_samples * n_clusters * n_features).

    In high dimensions all distances are similar, and only large exponents keep centers apart: the result is
    close to that of k-means. No center-based method finds classes that overlap in space.

    References
    ----------
    .. [1] B. Zhang, M. Hsu, U. Dayal (1999). "K-harmonic means - a data clustering algorithm".
       Technical report HPL-1999-124, Hewlett-Packard Labs.
    .. [2] B. Zhang (2000). "Generalized K-harmonic means - boosting in unsupervised learning".
       Technical report HPL-2000-137, Hewlett-Packard Labs.
    .. [3] J. C. Bezdek (1981). "Pattern Recognition with Fuzzy Objective Function Algorithms". Plenum.
    .. [4] J. Xu, K. Lange (2019). "Power k-means clustering". ICML, PMLR 97, 6921-6931.

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

    _rule_type = HarmonicRule

    _parameter_constraints: dict = {
        **_BaseHarmonicMeans._parameter_constraints,
        "accelerate": ["boolean"],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Any = "kmeans",
        n_init: int | str = "auto",
        max_iter: int = 300,
        tol: float = 1e-6,
        p: float | str = "auto",
        degree: float | str = "auto",
        accelerate: bool = True,
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.p = p
        self.degree = degree
        self.accelerate = accelerate
        self.verbose = verbose
        self.random_state = random_state

    def _rule(self, problem: Problem) -> HarmonicRule:
        exponents, degree = self._exponents()
        return HarmonicRule(exponents[0], degree, self.accelerate)

    def _critical_exponent(self, problem: Problem) -> float:
        degree = None if self.degree == "auto" else float(self.degree)
        return estimate_critical_exponent(problem.sample, problem.weight, degree)


class KernelKHarmonicMeans(_BaseHarmonicMeans):
    """K-harmonic means in the feature space of a kernel, by default a Gaussian one.

    Distances saturate beyond the width of the kernel, so that far samples lose their pull.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters.

    init : {'kmeans', 'k-means++', 'random'}, callable or array-like of shape \
            (n_clusters, n_features), default='kmeans'
        Initial centers: those of scikit-learn's ``KMeans`` (on at most 8,192 samples, or 64 for each
        cluster if that is more), drawn by k-means++ (on at most 131,072 samples), drawn at random from the
        samples, returned by ``init(X, n_clusters, random_state=...)``, or given.

    n_init : 'auto' or int, default='auto'
        For 'kmeans' the number of runs of k-means. Otherwise the number of runs from different initial
        centers, of which the one with the lowest objective is kept. 'auto' is 20 for 'kmeans', and fewer
        beyond 50 clusters; 1 for 'k-means++' and arrays; else 10.

    max_iter : int, default=300
        Largest number of iterations of a run.

    tol : float, default=1e-6
        A run has converged once the squared movement of all centers under the fixed-point map is
        below ``tol`` times the mean variance of the features.

    kernel : 'rbf' or Kernel, default='rbf'
        The kernel, a function of d^2 / sigma^2: the Gaussian one by name, or an object such as those of
        `skdcec.kernels`.

    sigma : {'auto', 'scale'} or float, default='auto'
        Width of the kernel, exp(-d^2 / sigma^2) for 'rbf', in the units of the data. 'scale' is the total
        standard deviation (the root of the summed variances of the features). 'auto' tries 1, 2 and 4 times
        that, and takes the narrowest whose clusters have an inertia within 1 % of the lowest. The Gaussian
        kernel is that of scikit-learn with ``gamma = 1 / sigma**2``; scikit-learn's ``gamma="scale"`` gives
        the same width if all features have the same mean, and a wider kernel otherwise.

    p : 'auto' or float, default='auto'
        Exponent of the distance in feature space, between 2 and 100. 'auto' tries 2, 4, 8 and so on to 64
        on some of the samples. Of those that keep the most centers apart, it takes the one whose clusters
        have the lowest inertia.

    degree : 'auto' or float, default='auto'
        Degree of the objective in that distance, from 2 to ``p``, as in `KHarmonicMeans`. 'auto' is 2 with
        ``p='auto'``, and ``p`` if that is a number, as in the paper [2]_.

    accelerate : bool, default=True
        Whether to lengthen the steps while the objective falls, which reaches the same optimum in fewer
        iterations.

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
        Sum over samples of the harmonic mean of ``distance**p`` in feature space to the centers, to the power
        ``degree / p``.

    history_ : dict of ndarray
        'objective', of shape (`n_iter_` + 1,): the objective before the first and after each iteration; it
        never rises.

    inertia_ : float
        Weighted sum of squared distances to the closest center, as in ``KMeans``.

    sigma_ : float
        The width of the kernel that was used.

    p_ : float
        The exponent that was used.

    degree_ : float
        The degree that was used.

    n_iter_ : int
        Number of iterations of the best run.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X has string column names.

    See Also
    --------
    KHarmonicMeans : The limit for a wide kernel.

    Notes
    -----
    With G_ij = 1 - exp(-d_ij^2 / sigma^2) the objective is Q = sum_i v_i (k / sum_j (2
    G_ij)^(-p/2))^(degree/p). For p = 2 it is equation 16 of [2]_, after [1]_. For degree = 2 the update never
    raises it, for any sigma; for a larger degree the step is shortened until it does not. (In equation 18 of
    [2]_ the square belongs outside the sum; as printed the update can raise Q.)

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

    _rule_type = KernelHarmonicRule

    _parameter_constraints: dict = {
        **_BaseHarmonicMeans._parameter_constraints,
        "kernel": [StrOptions(set(KERNELS)), Kernel],
        "sigma": [StrOptions({"auto", "scale"}), Interval(Real, 0, None, closed="neither")],
        "accelerate": ["boolean"],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Any = "kmeans",
        n_init: int | str = "auto",
        max_iter: int = 300,
        tol: float = 1e-6,
        kernel: str | Kernel = "rbf",
        sigma: float | str = "auto",
        p: float | str = "auto",
        degree: float | str = "auto",
        accelerate: bool = True,
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.kernel = kernel
        self.sigma = sigma
        self.p = p
        self.degree = degree
        self.accelerate = accelerate
        self.verbose = verbose
        self.random_state = random_state

    def _rule(self, problem: Problem) -> KernelHarmonicRule:
        # a narrower kernel leans on the start: centers hardly feel the rows between them
        spread = float(np.sqrt(problem.variance.sum())) or 1.0
        sigma = spread if isinstance(self.sigma, str) else self.sigma / problem.rows.units.scale
        exponents, degree = self._exponents()
        return KernelHarmonicRule(
            exponents[0], degree, self.accelerate, sigma=float(sigma), kernel=check_kernel(self.kernel)
        )

    def _variants(self, rule: HarmonicRule) -> list[HarmonicRule]:
        assert isinstance(rule, KernelHarmonicRule)
        factors = WIDTHS_TRIED if self.sigma == "auto" else (1.0,)
        return [replace(rule, sigma=factor * rule.sigma) for factor in factors]

    def _doubts(self, problem: Problem, best: Best, rule: HarmonicRule, state: State) -> Iterator[str]:
        yield from super()._doubts(problem, best, rule, state)
        assert isinstance(rule, KernelHarmonicRule)
        half = distance_quantile(*problem.distinct_sample(), state.centers, 0.5)
        with np.errstate(over="ignore"):
            t = np.square(np.array([half / rule.sigma]))
        log_K = float(rule.kernel.log(t)[0])
        if log_K < -FLAT_KERNEL:
            yield (
                f"the kernel is flat: for half of the samples it is below exp({log_K:.3g}) even at the "
                "closest center, so that centers hardly move. Increase sigma, or set 'scale'."
            )
