"""Warnings that point at the line of the user who called a method."""

import sys
import warnings

# Packages whose lines are skipped: a public method may be called through those of scikit-learn.
SKIPPED = ("skdcec", "sklearn", "joblib")


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the innermost line outside of the skipped packages."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in SKIPPED:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level + 1)
