"""Clustering losses: how joint training compares an embedding with cluster centers.

The formulas are written once, for NumPy and for ``keras.ops``: the argument ``xp`` is either of them.
"""

from abc import abstractmethod
from numbers import Real
from typing import Any, Protocol

import numpy as np
from numpy import ndarray
from sklearn.base import BaseEstimator

from skdcec._deep._chunks import slices
from skdcec._sklearn import Interval, StrOptions

# Keras' own floor for probabilities in the Kullback-Leibler divergence.
SMALLEST_PROBABILITY = 1e-7


def soft_assignment(Z: Any, centers: Any, xp: Any = np) -> Any:
    """Return Q, the Student's t similarity of embeddings to centers.

    q_ij is proportional to 1 / (1 + d_ij^2) over the centers j, with the distance d_ij of z_i to mu_j (Xie et
    al. 2016, equation 1; equation 6 of Nogueira and Serapiao). Differences are squared directly, so that
    nothing cancels, and each row is computed alike at every position.

    Parameters
    ----------
    Z : array of shape (n_samples, n_components)
        Embeddings.
    centers : array of shape (n_clusters, n_components)
        Cluster centers.
    xp : module, default=numpy
        ``numpy`` or ``keras.ops``.

    Returns
    -------
    Q : array of shape (n_samples, n_clusters)
        Rows sum to one.

    Examples
    --------
    >>> import numpy as np
    >>> from skdcec.losses import soft_assignment
    >>> soft_assignment(np.array([[0.0]]), np.array([[0.0], [1.0]])).round(3)
    array([[0.667, 0.333]])
    """
    similarity = 1 / (1 + xp.sum(xp.square(xp.expand_dims(Z, 1) - centers), axis=2))
    return similarity / xp.sum(similarity, axis=1, keepdims=True)


def target_distribution(
    Q: ndarray, frequencies: ndarray, target_power: float = 2.0, target_balance: float = 1.0
) -> ndarray:
    """Return P, the sharpened soft assignments.

    p_ij is proportional to q_ij^power / f_j^balance over the clusters j, with f_j = sum_i q_ij on all data.
    Power 2 and balance 1 are equation 3 of Xie et al. (2016), equation 8 of Nogueira and Serapiao.

    Parameters
    ----------
    Q : ndarray of shape (n, n_clusters)
        Soft assignments of some of the data.
    frequencies : ndarray of shape (n_clusters,)
        The sums f_j over all data.
    target_power : float, default=2.0
        The larger, the sharper; infinity puts everything on the largest.
    target_balance : float, default=1.0
        The larger, the more small clusters are favored.

    Returns
    -------
    P : ndarray of shape (n, n_clusters)
        Rows sum to one.

    Examples
    --------
    >>> import numpy as np
    >>> from skdcec.losses import target_distribution
    >>> target_distribution(np.array([[0.8, 0.2]]), np.array([1.0, 1.0])).round(3)
    array([[0.941, 0.059]])
    """
    if target_power > 2:
        # relative to the largest, because large powers underflow
        Q = Q / Q.max(axis=1, keepdims=True)
    P = Q**target_power / frequencies**target_balance
    return P / P.sum(axis=1, keepdims=True)


def nearest_centers(Z: ndarray, centers: ndarray) -> ndarray:
    """Return the label of the nearest center of each embedding, int32."""
    labels = np.empty(len(Z), np.int32)
    for rows in slices(Z.shape):
        labels[rows] = soft_assignment(Z[rows], centers.astype(np.float64)).argmax(axis=1)
    return labels


class Targets(Protocol):
    """One row of numbers for each sample, read by slices or arrays of indices."""

    def __getitem__(self, rows: Any) -> ndarray:
        """Return the targets of some samples (n, n_targets)."""
        ...


class ClusteringLoss(BaseEstimator):
    """Base class of the clustering losses of `DCEC`.

    In joint training `DCEC` minimizes the reconstruction loss plus gamma times the mean of a clustering loss.
    At each update it embeds all images, and asks the loss for the targets of the next batches and for new
    centers.

    A subclass implements `targets` and `loss`, and may override `update_centers`. Its constructor only
    assigns its parameters, as in any scikit-learn estimator, so that it can be cloned, compared and searched.

    Attributes
    ----------
    train_centers : bool
        Whether the optimizer moves the centers along with the network.

    See Also
    --------
    KLDivergence : The loss of DEC and DCEC.
    KMeansLoss : The loss of DCN.
    """

    train_centers = True

    @abstractmethod
    def targets(self, Z: ndarray, centers: ndarray) -> Targets:
        """Return the rows with which the embedding is compared until the next update.

        Parameters
        ----------
        Z : ndarray of shape (n_samples, n_components), float32
            The embedding of all images.
        centers : ndarray of shape (n_clusters, n_components), float64
            The centers.

        Returns
        -------
        targets : array-like of shape (n_samples, n_targets)
            An array, or an object that computes the rows of a slice or of an array of indices.
        """

    @abstractmethod
    def loss(self, Z: Any, centers: Any, targets: Any, xp: Any) -> Any:
        """Return the loss of each row of a batch.

        Parameters
        ----------
        Z : array of shape (n, n_components)
            The embedding of the batch.
        centers : array of shape (n_clusters, n_components)
            The centers.
        targets : array of shape (n, n_targets)
            The rows of `targets` that belong to the batch.
        xp : module
            ``keras.ops`` in training, where gradients are taken, and ``numpy`` in ``DCEC.score``.

        Returns
        -------
        loss : array of shape (n,)
        """

    def label_targets(self, labels: ndarray, n_clusters: int) -> Targets | None:
        """Return targets that draw each image to the cluster of its label.

        `DCEC` trains on them first if it starts from labels. By default there are none, and it begins with
        `targets`.

        Parameters
        ----------
        labels : ndarray of shape (n_samples,), int32
            The labels at the start.
        n_clusters : int
            Number of clusters.

        Returns
        -------
        targets : array-like of shape (n_samples, n_targets) or None
            As `targets` returns.
        """
        return None

    def update_centers(self, Z: ndarray, centers: ndarray, labels: ndarray, counts: ndarray) -> ndarray:
        """Return the centers after an update; by default only the optimizer moves them.

        Parameters
        ----------
        Z : ndarray of shape (n_samples, n_components), float32
            The embedding of all images.
        centers : ndarray of shape (n_clusters, n_components), float32
            The centers.
        labels : ndarray of shape (n_samples,), int32
            The nearest center of each image, or its initial label as long as `label_targets` are in use.
        counts : ndarray of shape (n_clusters,), int
            The number of images that each center was given at the start and at all earlier updates.

        Returns
        -------
        centers : ndarray of shape (n_clusters, n_components)
        """
        return centers


class MembershipLoss(ClusteringLoss):
    """A loss whose targets are memberships in the clusters, so that labels are targets, too."""

    def label_targets(self, labels: ndarray, n_clusters: int) -> "OneHot":
        """Return 1 for the cluster of the label, and 0 for the others.

        Parameters
        ----------
        labels : ndarray of shape (n_samples,), int32
            The labels at the start.
        n_clusters : int
            Number of clusters.

        Returns
        -------
        targets : OneHot
            Of shape (n_samples, n_clusters), made when rows are read.
        """
        return OneHot(labels, n_clusters)


class KLDivergence(MembershipLoss):
    """Kullback-Leibler divergence between targets and soft assignments, the loss of DEC and DCEC.

    The loss of DEC [1]_ and DCEC [2]_. The targets are P_ij proportional to q_ij^power / f_j^balance, with
    the soft assignments q of all images and f_j = sum_i q_ij. The loss of an image is the sum over clusters
    of p log(p / q).

    Parameters
    ----------
    target_power : float, default=2.0
        Power of the soft assignments, at least 1: the larger, the sharper the targets. 2 is DEC and DCEC, 3
        is DBC [3]_, infinity gives hard labels.

    target_balance : float, default=1.0
        Power of the cluster frequencies, between 0 and 1. 1 is DEC and DCEC, which assume clusters of similar
        size; with 0 large and small clusters count alike.

    See Also
    --------
    KMeansLoss : The loss of DCN.
    ClusteringLoss : The base class, to write another loss.

    References
    ----------
    .. [1] J. Xie, R. Girshick, A. Farhadi (2016). "Unsupervised deep embedding for clustering analysis",
       equations 1 to 3. ICML 2016.
    .. [2] X. Guo, X. Liu, E. Zhu, J. Yin (2017). "Deep clustering with convolutional autoencoders".
       ICONIP 2017.
    .. [3] F. Li, H. Qiao, B. Zhang (2018). "Discriminatively boosted image clustering with fully
       convolutional auto-encoders". Pattern Recognition 83, 161-173.

    Examples
    --------
    >>> import numpy as np
    >>> from skdcec.losses import KLDivergence
    >>> loss = KLDivergence(target_balance=0.5)
    >>> Z, centers = np.array([[0.0], [0.4], [3.0]]), np.array([[0.0], [3.0]])
    >>> targets = loss.targets(Z, centers)
    >>> loss.loss(Z, centers, targets[:], np).round(3)
    array([0.056, 0.065, 0.068])
    """

    _parameter_constraints: dict = {
        "target_power": [Interval(Real, 1, None, closed="left")],
        "target_balance": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(self, target_power: float = 2.0, target_balance: float = 1.0) -> None:
        self.target_power = target_power
        self.target_balance = target_balance

    def targets(self, Z: ndarray, centers: ndarray) -> "SharpenedAssignments":
        """Return the target distribution.

        Parameters
        ----------
        Z : ndarray of shape (n_samples, n_components), float32
            The embedding of all images.
        centers : ndarray of shape (n_clusters, n_components), float64
            The centers.

        Returns
        -------
        targets : SharpenedAssignments
            P, of shape (n_samples, n_clusters), computed when rows are read.
        """
        return SharpenedAssignments(Z, centers, self.target_power, self.target_balance)

    def loss(self, Z: Any, centers: Any, targets: Any, xp: Any) -> Any:
        """Return KL(P || Q) of each row (equation 7 of Nogueira and Serapiao).

        Parameters
        ----------
        Z : array of shape (n, n_components)
            The embedding of the batch.
        centers : array of shape (n_clusters, n_components)
            The centers.
        targets : array of shape (n, n_clusters)
            P of the batch.
        xp : module
            ``numpy`` or ``keras.ops``.

        Returns
        -------
        loss : array of shape (n,)
        """
        Q = soft_assignment(Z, centers, xp)
        P, Q = (xp.clip(A, SMALLEST_PROBABILITY, 1.0) for A in (targets, Q))
        return xp.sum(P * xp.log(P / Q), axis=1)


class KMeansLoss(MembershipLoss):
    """Half the squared distance of each embedding to its center, the loss of DCN.

    The deep clustering network of Yang et al. [1]_ alternates between the network, the labels and the
    centers. Between two updates the labels and centers are fixed, and the loss of an image is half the
    squared distance of its embedding to the center of its label. At an update, each image gets the label of
    its nearest center, and the centers move.

    Parameters
    ----------
    center_update : {'count', 'lloyd', 'fixed'}, default='count'
        How the centers move at an update. 'count' is the rule of [1]_: each image in turn pulls its center
        by (z_i - mu) / c, with the number c of images that the center has been given so far. 'lloyd' puts
        each center on the mean of its images; it needs ``augmentation=None``. 'fixed' leaves the centers
        where they started, as the first published code of [1]_ did, where 1 / c was an integer division.

    See Also
    --------
    KLDivergence : The loss of DEC and DCEC.
    ClusteringLoss : The base class, to write another loss.

    Notes
    -----
    The weight lambda of [1]_ is ``gamma`` of `DCEC`, relative to a reconstruction loss that is the mean over
    pixels, not the sum. On the digits, values from 0.03 to 1 made little difference.

    The steps of the rule of [1]_ do not depend on the order of the images, so one update takes them together:
    the new center is the mean of all images that it was ever given, including those of the start.

    Lloyd's centers are means of images without augmentation. If the batches are augmented, the network draws
    the augmented images to them, the original images move on, and the centers follow them, ever faster.

    References
    ----------
    .. [1] B. Yang, X. Fu, N. D. Sidiropoulos, M. Hong (2017). "Towards k-means-friendly spaces: simultaneous
       deep learning and clustering", sections 3 and 4. ICML 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from skdcec.losses import KMeansLoss
    >>> loss = KMeansLoss()
    >>> Z, centers = np.array([[0.0], [1.0], [3.0]]), np.array([[0.0], [3.0]])
    >>> loss.loss(Z, centers, loss.targets(Z, centers)[:], np)
    array([0. , 0.5, 0. ])
    >>> loss.update_centers(Z, centers, np.array([0, 0, 1]), np.array([2, 1]))
    array([[0.25],
           [3.  ]])
    """

    _parameter_constraints: dict = {"center_update": [StrOptions({"count", "lloyd", "fixed"})]}
    train_centers = False

    def __init__(self, center_update: str = "count") -> None:
        self.center_update = center_update

    def targets(self, Z: ndarray, centers: ndarray) -> "OneHot":
        """Return 1 for the nearest center, and 0 for the others.

        Parameters
        ----------
        Z : ndarray of shape (n_samples, n_components), float32
            The embedding of all images.
        centers : ndarray of shape (n_clusters, n_components), float64
            The centers.

        Returns
        -------
        targets : OneHot
            Of shape (n_samples, n_clusters), made when rows are read.
        """
        return self.label_targets(nearest_centers(Z, centers), len(centers))

    def loss(self, Z: Any, centers: Any, targets: Any, xp: Any) -> Any:
        """Return half the squared distance of each row to its center (Yang et al., section 3).

        Parameters
        ----------
        Z : array of shape (n, n_components)
            The embedding of the batch.
        centers : array of shape (n_clusters, n_components)
            The centers.
        targets : array of shape (n, n_clusters)
            A one for the center of each row.
        xp : module
            ``numpy`` or ``keras.ops``.

        Returns
        -------
        loss : array of shape (n,)
        """
        return xp.sum(xp.square(Z - xp.matmul(targets, centers)), axis=1) / 2

    def update_centers(self, Z: ndarray, centers: ndarray, labels: ndarray, counts: ndarray) -> ndarray:
        """Return the centers after an update (Yang et al., section 4).

        Parameters
        ----------
        Z : ndarray of shape (n_samples, n_components), float32
            The embedding of all images.
        centers : ndarray of shape (n_clusters, n_components), float32
            The centers.
        labels : ndarray of shape (n_samples,), int32
            The nearest center of each image, or its initial label as long as `label_targets` are in use.
        counts : ndarray of shape (n_clusters,), int
            The number of images that each center was given at the start and at all earlier updates.

        Returns
        -------
        centers : ndarray of shape (n_clusters, n_components)
        """
        if self.center_update == "fixed":
            return centers
        if self.center_update == "lloyd":
            counts = np.zeros_like(counts)
        sums = np.zeros(centers.shape)
        np.add.at(sums, labels, Z)
        sizes = np.bincount(labels, minlength=len(centers))
        total = (counts + sizes)[:, np.newaxis]
        moved: ndarray = np.where(
            total > 0, (counts[:, np.newaxis] * centers + sums) / np.maximum(total, 1), centers
        )
        return moved


class OneHot:
    """Labels as rows with a single one.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,), int
    n_clusters : int
    """

    def __init__(self, labels: ndarray, n_clusters: int) -> None:
        self.labels, self.rows = labels, np.eye(n_clusters)

    def __getitem__(self, rows: Any) -> ndarray:
        """Return the rows of a slice or an array of indices, float64."""
        targets: ndarray = self.rows[self.labels[rows]]
        return targets


class SharpenedAssignments:
    """The target distribution of all images, computed when rows are read.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_components)
    centers : ndarray of shape (n_clusters, n_components), float64
    target_power, target_balance : float
        As in `KLDivergence`.
    """

    def __init__(self, Z: ndarray, centers: ndarray, target_power: float, target_balance: float) -> None:
        self.Z, self.centers = Z, centers
        self.target_power, self.target_balance = target_power, target_balance
        self.frequencies = np.zeros(len(centers))
        for rows in slices(Z.shape):
            self.frequencies += soft_assignment(Z[rows], centers).sum(axis=0)

    def __getitem__(self, rows: Any) -> ndarray:
        """Return P of a slice or an array of indices, float64."""
        Q = soft_assignment(self.Z[rows], self.centers)
        return target_distribution(Q, self.frequencies, self.target_power, self.target_balance)


def mean_loss(loss: ClusteringLoss, Z: ndarray, centers: ndarray) -> float:
    """Return the mean clustering loss of an embedding, with targets of its own."""
    centers = centers.astype(np.float64)
    targets, total = loss.targets(Z, centers), 0.0
    for rows in slices(Z.shape):
        total += float(np.sum(loss.loss(Z[rows], centers, targets[rows], np)))
    return total / len(Z)
