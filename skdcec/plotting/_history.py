"""Display of the course of training."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdcec.plotting._axes import axes_of


class HistoryDisplay:
    """What happened in training: losses, the share of labels that changed, and scores.

    Use :meth:`from_estimator` or :meth:`from_history`; all parameters are kept as attributes.

    Parameters
    ----------
    n_iter : ndarray of shape (n_points,)
        Batches, epochs or iterations before each point.
    losses : dict of ndarray of shape (n_points,)
        Drawn against the left axis, which is logarithmic where all are positive.
    shares : dict of ndarray of shape (n_points,)
        What lies between 0 and 1; drawn against the right axis, dashed.
    iter_name : str, default='iteration'
        What `n_iter` counts.

    Attributes
    ----------
    lines_ : dict
        A matplotlib Line2D for each name.
    ax_ : matplotlib Axes
        The axes of the losses.
    right_ax_ : matplotlib Axes or None
        Those of the shares.
    figure_ : matplotlib Figure
        Their figure.

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

    def __init__(self, *, n_iter, losses, shares, iter_name="iteration"):
        self.n_iter = n_iter
        self.losses = losses
        self.shares = shares
        self.iter_name = iter_name

    def plot(self, ax=None):
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
        ax = axes_of(ax, figsize=(6.4, 4))
        self.lines_ = {
            name: ax.plot(self.n_iter, values, color=f"C{i}", label=name)[0]
            for i, (name, values) in enumerate(self.losses.items())
        }
        if all(np.nanmin(values) > 0 for values in self.losses.values()):
            ax.set_yscale("log")
        ax.set(xlabel=self.iter_name, ylabel="loss" if self.losses else "")
        self.right_ax_ = None
        if self.shares:
            self.right_ax_ = ax.twinx()
            self.right_ax_.set_ylabel("share, score")
            for i, (name, values) in enumerate(self.shares.items(), start=len(self.losses)):
                self.lines_[name] = self.right_ax_.plot(self.n_iter, values, "--", color=f"C{i}", label=name)[
                    0
                ]
        ax.legend(
            handles=list(self.lines_.values()),
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=3,
            frameon=False,
            fontsize="small",
        )
        self.ax_, self.figure_ = ax, ax.figure
        return self

    @classmethod
    def from_estimator(cls, estimator, *, scores=None, ax=None):
        """Draw what a fitted estimator kept of its training.

        Parameters
        ----------
        estimator : estimator
            `DCEC`, an autoencoder, or one of the centre-based clusterers, fitted.
        scores : dict of array-like, default=None
            Scores to add by name, such as those that a monitor noted: one value for each update, epoch or
            iteration. The centre-based clusterers have an objective before the first one, too.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        Returns
        -------
        display : HistoryDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            For an estimator that keeps no history.
        ValueError
            If scores have another length than the history.
        """
        check_is_fitted(estimator)
        if not hasattr(estimator, "history_"):
            raise TypeError(f"{type(estimator).__name__} keeps no history of its training.")
        history, name = dict(estimator.history_), "batch"
        if "objective" in history:
            name = "iteration"
            # nobody could note a score before the first iteration
            scores = {
                key: [np.nan, *values] if len(values) == estimator.n_iter_ else values
                for key, values in (scores or {}).items()
            }
        elif "n_iter" not in history:  # the mean loss of each epoch is known at its end
            history["n_iter"] = np.arange(1, len(history["reconstruction_loss"]) + 1)
            name = "epoch"
        return cls.from_history(history, scores=scores, iter_name=name, ax=ax)

    @classmethod
    def from_history(cls, history, *, scores=None, iter_name="iteration", ax=None):
        """Draw a history.

        Parameters
        ----------
        history : dict of array-like
            Curves by name: 'n_iter', where it is there, is the horizontal axis, 'label_change' a share, and
            all others are losses.
        scores : dict of array-like, default=None
            Scores to add by name, one value for each point of the history.
        iter_name : str, default='iteration'
            What the horizontal axis counts.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        Returns
        -------
        display : HistoryDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If there are no curves, or of different lengths.
        """
        if not history and not scores:
            raise ValueError(f"history={history} should have a curve, such as 'reconstruction_loss'.")
        curves = {name: np.asarray(values, dtype=float) for name, values in history.items()}
        shares = {"label change": curves.pop("label_change")} if "label_change" in curves else {}
        shares |= {name: np.asarray(values, dtype=float) for name, values in (scores or {}).items()}
        n_points = len(next(iter((curves | shares).values())))
        n_iter = curves.pop("n_iter", np.arange(n_points))
        losses = {name.replace("_", " "): values for name, values in curves.items()}
        for name, values in (losses | shares).items():
            if values.shape != n_iter.shape:
                raise ValueError(
                    f"{name!r} has shape {values.shape}; it should have that of the history, {n_iter.shape}."
                )
        return cls(n_iter=n_iter, losses=losses, shares=shares, iter_name=iter_name).plot(ax)
