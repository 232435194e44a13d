"""Display of the course of training."""

from typing import Any, Self

import numpy as np
from numpy import ndarray
from sklearn.utils.validation import check_is_fitted

from skdcec.plotting._axes import axes_of, integer_ticks


class HistoryDisplay:
    """The course of training: losses, modularity, the fraction of labels that changed, and scores.

    Use :meth:`from_estimator` or :meth:`from_history`; all parameters are kept as attributes.

    Parameters
    ----------
    steps : ndarray of shape (n_points,)
        Batches, epochs or iterations before each point.
    losses : dict of ndarray of shape (n_points,)
        Curves of the left axis, which is logarithmic if they are positive and span a factor of 10 or more.
    fractions : dict of ndarray of shape (n_points,)
        Curves of values up to 1, such as scores; dashed, on the right axis.
    step_name : str, default='iteration'
        Name of the unit of `steps`.

    Attributes
    ----------
    lines_ : dict
        A matplotlib Line2D for each name.
    ax_ : matplotlib Axes
        The axes of the losses.
    right_ax_ : matplotlib Axes or None
        The axes of the fractions.
    figure_ : matplotlib Figure
        The figure.

    See Also
    --------
    sklearn.callback.ScoringMonitor : Scores of each iteration.

    Examples
    --------
    >>> from skdcec import KHarmonicMeans
    >>> from skdcec.plotting import HistoryDisplay
    >>> from sklearn.datasets import load_iris
    >>> khm = KHarmonicMeans(3, random_state=0).fit(load_iris().data)
    >>> display = HistoryDisplay.from_estimator(khm)
    >>> list(display.lines_)
    ['objective']
    """

    def __init__(
        self,
        *,
        steps: ndarray,
        losses: dict[str, ndarray],
        fractions: dict[str, ndarray],
        step_name: str = "iteration",
    ) -> None:
        self.steps = steps
        self.losses = losses
        self.fractions = fractions
        self.step_name = step_name

    def plot(self, ax: Any = None) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        Returns
        -------
        display : HistoryDisplay
            The display itself.
        """
        from matplotlib.ticker import ScalarFormatter

        ax = axes_of(ax, figsize=(6.4, 4))
        self.lines_ = {
            name: ax.plot(self.steps, values, color=f"C{i}", label=name)[0]
            for i, (name, values) in enumerate(self.losses.items())
        }
        if self.losses:
            values = np.concatenate(list(self.losses.values()))
            values = values[np.isfinite(values)]
            if values.size and 0 < 10 * values.min() <= values.max():
                ax.set_yscale("log")
            elif isinstance(ax.yaxis.get_major_formatter(), ScalarFormatter):
                # not if axes that are given, or shared, are logarithmic or have their own format
                ax.ticklabel_format(axis="y", useOffset=False)
            ax.set_ylabel("objective" if "objective" in self.losses else "loss")
        ax.set_xlabel(self.step_name)
        integer_ticks(ax.xaxis)
        self.right_ax_ = None
        if self.fractions:
            self.right_ax_ = ax.twinx()
            self.right_ax_.set_ylabel(", ".join(self.fractions))
            for i, (name, values) in enumerate(self.fractions.items(), start=len(self.losses)):
                (self.lines_[name],) = self.right_ax_.plot(
                    self.steps, values, "--", color=f"C{i}", label=f"{name} (right)"
                )
        ax.legend(
            handles=list(self.lines_.values()),
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=2,
            frameon=False,
            fontsize="small",
        )
        self.ax_, self.figure_ = ax, ax.figure
        return self

    @classmethod
    def from_estimator(cls, estimator: Any, *, scores: dict[str, Any] | None = None, ax: Any = None) -> Self:
        """Draw the training history of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted `DCEC`, autoencoder or center-based clusterer.
        scores : dict of array-like, default=None
            Scores to add by name, such as the scores of a monitor: one value for each update, epoch or
            iteration. The history of a center-based clusterer also has a point before the first iteration.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        Returns
        -------
        display : HistoryDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the estimator keeps no history.
        ValueError
            If the lengths of scores and history differ.
        """
        check_is_fitted(estimator)
        if not hasattr(estimator, "history_"):
            raise TypeError(f"{type(estimator).__name__} keeps no history of its training.")
        history, name = dict(estimator.history_), "batch"
        if "objective" in history:
            name = "iteration"
            # there is no score before the first iteration
            scores = {
                key: [np.nan, *values] if len(values) == estimator.n_iter_ else values
                for key, values in (scores or {}).items()
            }
        elif "n_batches" not in history:  # the mean loss of an epoch belongs to its end
            history["n_batches"] = np.arange(1, len(history["reconstruction_loss"]) + 1)
            name = "epoch"
        return cls.from_history(history, scores=scores, step_name=name, ax=ax)

    @classmethod
    def from_history(
        cls,
        history: dict[str, Any],
        *,
        scores: dict[str, Any] | None = None,
        step_name: str = "iteration",
        ax: Any = None,
    ) -> Self:
        """Draw a history.

        Parameters
        ----------
        history : dict of array-like
            Curves by name. 'n_batches', if present, is the horizontal axis; 'modularity' and 'label_change'
            are fractions, all others losses.
        scores : dict of array-like, default=None
            Scores to add by name, one value for each point of the history.
        step_name : str, default='iteration'
            Name of the horizontal axis.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        Returns
        -------
        display : HistoryDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If there are no curves, or their lengths differ.
        """
        if not history and not scores:
            raise ValueError(f"history={history} should have a curve, such as 'reconstruction_loss'.")
        curves = {name: np.asarray(values, dtype=float) for name, values in history.items()}
        scored = {name: np.asarray(values, dtype=float) for name, values in (scores or {}).items()}
        steps = curves.pop("n_batches", np.arange(len(next(iter((curves | scored).values())))))
        losses = {name.replace("_", " "): values for name, values in curves.items()}
        names = [name for name in ("modularity", "label change") if name in losses]
        fractions = {name: losses.pop(name) for name in names} | scored
        for name, values in (losses | fractions).items():
            if values.shape != steps.shape:
                raise ValueError(f"{name!r} has shape {values.shape}; the history has shape {steps.shape}.")
        return cls(steps=steps, losses=losses, fractions=fractions, step_name=step_name).plot(ax)
