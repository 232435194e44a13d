"""The one door to scikit-learn's private names, and the steps of a fit that all estimators share."""

import copy
from typing import Any

import numpy as np
from sklearn.base import _fit_context
from sklearn.callback import ProgressBar
from sklearn.utils._openmp_helpers import _openmp_effective_n_threads
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils._param_validation import validate_parameter_constraints as _validate
from sklearn.utils.validation import _check_sample_weight, validate_data

# Where the HTML of an estimator links to: the package, and the page of a class.
DOC_LINK = (
    "skdcec",
    "https://skdcec.readthedocs.io/en/stable/generated/{estimator_module}.{estimator_name}.html",
)

__all__ = [
    "DOC_LINK",
    "Interval",
    "StrOptions",
    "_check_sample_weight",
    "_fit_context",
    "_openmp_effective_n_threads",
    "may_be_stopped",
    "refuse_images",
    "refuse_masked",
    "report",
    "set_fitted",
    "validate_known_data",
    "validate_new_data",
    "validate_parameter_constraints",
]


def refuse_masked(X: Any, name: str = "X") -> None:
    """Raise a ValueError for an array with masked values, because the values under the mask mean nothing."""
    n_masked = np.ma.getmaskarray(X).sum() if isinstance(X, np.ma.MaskedArray) else 0
    if n_masked:
        raise ValueError(
            f"{name} is a masked array with {n_masked} masked values. Leave these samples out, or fill in "
            "values with filled()."
        )


def refuse_images(X: Any) -> None:
    """Raise a ValueError for an array of images, unless they are flat rows."""
    shape = getattr(X, "shape", ())
    if len(shape) > 2:
        raise ValueError(
            f"Found array with dim {len(shape)} and shape {tuple(shape)}; samples should be rows of numbers. "
            "Pass X.reshape(len(X), -1), or cluster images with DCEC."
        )


def validate_known_data(estimator: Any, X: Any, **check_params: Any) -> Any:
    """Validate data for a fitted estimator."""
    refuse_masked(X)
    refuse_images(X)
    return validate_data(estimator, X, reset=False, **check_params)


def validate_new_data(estimator: Any, X: Any, **check_params: Any) -> tuple[Any, dict[str, Any]]:
    """Validate the data of a fit without touching the estimator.

    Returns
    -------
    X : ndarray or CSR matrix
        The validated data.
    attributes : dict
        ``n_features_in_``, and ``feature_names_in_``, which is None without named columns, so that callbacks
        do not see the names of an earlier fit.
    """
    refuse_masked(X)
    refuse_images(X)
    probe = copy.copy(estimator)
    X = validate_data(probe, X, reset=True, **check_params)
    names = ("n_features_in_", "feature_names_in_")
    return X, {name: vars(probe).get(name) for name in names}


def validate_parameter_constraints(estimator: Any) -> None:
    """Raise a ValueError unless the parameters of an object meet its ``_parameter_constraints``, if any."""
    constraints = getattr(estimator, "_parameter_constraints", None)
    if constraints is not None:
        _validate(constraints, estimator.get_params(deep=False), caller_name=type(estimator).__name__)


def set_fitted(estimator: Any, attributes: dict[str, Any]) -> None:
    """Replace all fitted attributes at once, so that an interrupted fit leaves the earlier one.

    ``feature_names_in_=None`` is not set.
    """
    for name in [name for name in vars(estimator) if name.endswith("_") and name[0] != "_"]:
        delattr(estimator, name)
    for name, value in attributes.items():
        if name == "feature_names_in_" and value is None:
            continue
        setattr(estimator, name, value)


def may_be_stopped(estimator: Any) -> bool:
    """Return whether an estimator has callbacks that may end a loop of its fit."""
    callbacks = getattr(estimator, "_skl_callbacks", [])
    return any(not isinstance(callback, ProgressBar) for callback in callbacks)


def report(estimator: Any, message: str) -> None:
    """Print a message if the estimator is verbose."""
    if estimator.verbose:
        print(message)  # noqa: T201
