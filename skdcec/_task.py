"""How a fit tells of itself: callbacks and lines on the screen, in one place."""

from collections.abc import Callable
from typing import Any, Self

from skdcec._sklearn import report

# Fitted attributes, or a function that makes them only if a callback asks.
Attributes = dict[str, Any] | Callable[[], dict[str, Any]]


class Task:
    """A task of a fit, as callbacks see it, begun when it is made.

    Parameters
    ----------
    context : sklearn.callback.CallbackContext
    estimator : estimator
        The one that is fitted.
    data : dict
        'X', 'y' and perhaps 'metadata', as they are handed to the callbacks.
    """

    def __init__(self, context: Any, estimator: Any, data: dict[str, Any]) -> None:
        self.context, self.estimator, self.data = context, estimator, data
        context.call_on_fit_task_begin(estimator=estimator, **data)

    @classmethod
    def fit(cls, estimator: Any, data: dict[str, Any], max_subtasks: int | None) -> Self:
        """Begin the whole fit of an estimator."""
        return cls(estimator._init_callback_context(max_subtasks=max_subtasks), estimator, data)

    def subtask(self, name: str, max_subtasks: int | None = 0, **data: Any) -> "Task":
        """Begin a part of this task; data replace those of this task."""
        context = self.context.subcontext(name, max_subtasks=max_subtasks)
        return Task(context, self.estimator, self.data | data)

    def end(self, attributes: Attributes | None = None, message: str = "") -> bool:
        """End the task; return whether a callback asks to stop the loop that it is part of.

        Parameters
        ----------
        attributes : dict, callable or None
            The fitted attributes at this moment.
        message : str
            Printed if the estimator is verbose.
        """
        if message:
            report(self.estimator, message)
        return bool(
            self.context.call_on_fit_task_end(
                estimator=self.estimator, **self.data, reconstruction_attributes=attributes
            )
        )


def as_duration(seconds: float) -> str:
    """Return a number of seconds as text, such as '1:05 min'."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d} min" if minutes else f"{rest} s"
