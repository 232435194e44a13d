"""Errors of their own."""

from typing import Any

__all__ = ["InitializationError"]


class InitializationError(ValueError):
    """Raised by ``DCEC.fit`` if `init` fails after pretraining; it keeps the pretrained autoencoder.

    Parameters
    ----------
    message : str
        The message.
    autoencoder : BaseAutoencoder
        The pretrained autoencoder.

    Attributes
    ----------
    autoencoder : BaseAutoencoder
        The pretrained autoencoder; a fit with ``autoencoder=FrozenEstimator(error.autoencoder)`` does not
        train it again.

    Examples
    --------
    >>> from sklearn.frozen import FrozenEstimator
    >>> from skdcec import DCEC, DenseAutoencoder
    >>> from skdcec.datasets import load_digits_images
    >>> from skdcec.exceptions import InitializationError
    >>> X = load_digits_images().images
    >>> def far_out(Z, n_clusters, random_state):
    ...     return Z[abs(Z).max(axis=1) > 10][:n_clusters]  # there are none in a real embedding
    >>> dcec = DCEC(init=far_out, autoencoder=DenseAutoencoder((16,), epochs=1), random_state=0)
    >>> try:
    ...     dcec.fit(X)
    ... except InitializationError as error:
    ...     frozen = FrozenEstimator(error.autoencoder)
    >>> dcec.set_params(autoencoder=frozen, init=None, max_batches=20).fit(X).labels_.shape
    (1797,)
    """

    def __init__(self, message: str, autoencoder: Any = None) -> None:
        super().__init__(message)
        self.autoencoder = autoencoder
