"""The kernels of kernel K-harmonic means, and how to write another one."""

from abc import abstractmethod

import numpy as np
from numpy import ndarray
from sklearn.base import BaseEstimator


class Kernel(BaseEstimator):
    """Base class of the kernels of `KernelKHarmonicMeans`.

    A kernel is a function K of the scaled squared distance t = d^2 / sigma^2. It falls from K(0) = 1 to 0. A
    subclass implements `log` and `decay`. Both get arrays of any shape and must work elementwise, in the type
    of the array.

    The squared distance in the feature space of the kernel is 2 (1 - K(t)).

    Attributes
    ----------
    order : float
        1 - K(t) is proportional to ``t**order`` near 0.

    See Also
    --------
    KernelKHarmonicMeans : The clusterer.
    """

    order = 1.0

    @abstractmethod
    def log(self, t: ndarray) -> ndarray:
        """Return log K(t).

        Parameters
        ----------
        t : ndarray
            Squared distances divided by sigma^2; may be overwritten.

        Returns
        -------
        log_K : ndarray
            At most 0.
        """

    @abstractmethod
    def decay(self, t: ndarray) -> ndarray | float:
        """Return the rate of decay, -d log K / dt, which is not negative.

        Parameters
        ----------
        t : ndarray
            Squared distances divided by sigma^2.

        Returns
        -------
        rate : ndarray or float
            A float if it does not depend on t.
        """


class RBF(Kernel):
    """Gaussian kernel K = exp(-t), equation 15 of Nogueira and Serapiao.

    Examples
    --------
    >>> import numpy as np
    >>> from skdcec.kernels import RBF
    >>> np.exp(RBF().log(np.array([0.0, 1.0]))).round(3)
    array([1.   , 0.368])
    """

    def log(self, t: ndarray) -> ndarray:
        """Return log K(t) = -t.

        Parameters
        ----------
        t : ndarray
            Squared distances divided by sigma^2; overwritten.

        Returns
        -------
        log_K : ndarray
            At most 0.
        """
        return np.negative(t, out=t)

    def decay(self, t: ndarray) -> float:
        """Return the rate of decay, 1.

        Parameters
        ----------
        t : ndarray
            Squared distances divided by sigma^2.

        Returns
        -------
        rate : float
            The number 1.
        """
        return 1.0


# The kernels that have a name.
KERNELS: dict[str, type[Kernel]] = {"rbf": RBF}


def check_kernel(kernel: str | Kernel) -> Kernel:
    """Return the kernel of a name; raise unless a kernel object is one.

    Raises
    ------
    ValueError
        If K(0) is not 1, or K rises.
    """
    if isinstance(kernel, str):
        return KERNELS[kernel]()
    t = np.array([0.0, 0.5, 1.0, 2.0])
    log_K = np.asarray(kernel.log(t.copy()))
    if log_K.shape != t.shape or log_K[0] != 0 or not (np.diff(log_K) < 0).all():
        raise ValueError(
            f"kernel={kernel!r} should fall from K(0) = 1, but its log is {log_K.tolist()} at t={t.tolist()}."
        )
    return kernel
