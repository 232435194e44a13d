"""The warnings at the end of a fit of `DCEC`."""

import time
from typing import Any

import numpy as np
from numpy import ndarray
from sklearn.exceptions import ConvergenceWarning

from skdcec._deep._fit import Fit
from skdcec._deep._refinement import LARGEST_LOSS, Beginning
from skdcec._warn import warn

# A fit that ends while more of the labels change is told to be too short.
UNSETTLED = 0.05


def warn_of_bad_health(dcec: Any) -> None:
    """Warn of clusters that are empty, starved or merged."""
    if any(dcec.cluster_health_.values()):
        counts = dcec.cluster_health_.items()
        found = ", ".join(f"{number} {name}" for name, number in counts if number)
        warn(
            f"Of {len(dcec.cluster_centers_)} clusters, {found}; see cluster_health_ and cluster_sizes_. "
            "Try another init, a smaller gamma or longer pretraining.",
            ConvergenceWarning,
        )


def labels_of_the_network(dcec: Any, fit: Fit) -> ndarray:
    """Return the labels that predict gives to the images of the fit."""
    from skdcec._deep._losses import nearest_centers
    from skdcec._deep._training import encode

    autoencoder = dcec.autoencoder_
    Z = encode(autoencoder.architecture_, autoencoder.weights_, fit.images)
    return nearest_centers(Z, dcec.cluster_centers_)


def warn_of_the_end(dcec: Any, fit: Fit, beginning: Beginning) -> None:
    """Warn if joint training ended too early, or did more harm than good."""
    history, found = dcec.history_, []
    n_last, change = history["n_batches"][-1], history["label_change"][-1]
    if n_last >= fit.schedule.max_batches and change > UNSETTLED:
        found.append(
            f"{change:.1%} of the labels still changed at the last update; increase max_batches={n_last}"
        )
    settled = change < dcec.tol and n_last >= fit.schedule.label_batches
    if fit.deadline is not None and n_last < fit.schedule.max_batches and not settled:
        if time.monotonic() >= fit.deadline:
            found.append(f"max_minutes={dcec.max_minutes:.3g} ended the fit after {n_last} batches")
    modularity = history["modularity"][np.searchsorted(history["n_batches"], dcec.n_batches_)]
    if dcec.n_batches_ and dcec.keep == "best" and beginning.has_better_labels(modularity):
        agreement = np.mean(labels_of_the_network(dcec, fit) == dcec.labels_)
        found.append(
            "The network has not learned the initial labels, which are labels_; predict agrees with "
            f"{np.floor(1000 * agreement) / 10:.1f}% of them. Try another network, or more max_batches"
        )
    elif dcec.modularity_ < beginning.modularity - LARGEST_LOSS:
        found.append(
            f"Joint training lowered the modularity from {beginning.modularity:.3f} to "
            f"{dcec.modularity_:.3f}; initial_labels_ may be better than labels_"
        )
    for problem in found:
        warn(f"{problem}.", ConvergenceWarning)
