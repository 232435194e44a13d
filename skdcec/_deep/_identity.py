"""Texts that differ if parameters do, to tell whether two fits are equal."""

import inspect
from contextlib import suppress
from functools import partial
from typing import Any

import joblib
import numpy as np


def as_text(value: Any) -> str:
    """Return a text that differs if a parameter does, and is the same in every process.

    An estimator is its type, plus its weights if it is a fitted autoencoder; its parameters are compared
    separately. A function is its name, its source, and the constants that it has captured.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if is_constant(value):
        return repr(value)
    if isinstance(value, tuple | list):
        return repr([as_text(v) for v in value])
    if hasattr(value, "get_params"):
        weights = getattr(value, "weights_", None)
        # a list only for autoencoders; fitted attributes of others do not matter, because they start anew
        fitted = f" with weights {joblib.hash(weights)}" if isinstance(weights, list) else ""
        return type(value).__name__ + fitted
    if isinstance(value, partial):
        return as_text([value.func, value.args, *sorted(value.keywords.items())])
    if inspect.isroutine(value) or inspect.isclass(value):
        return f"{value.__qualname__} {joblib.hash([source(value), *captured(value)])}"
    return f"{type(value).__qualname__} {state_hash(value)}"


def is_constant(value: Any) -> bool:
    """Return whether the repr of a value identifies it."""
    return value is None or isinstance(value, str | bytes | int | float)


def source(function: Any) -> str:
    """Return the source of a function or class, or nothing if it is not known."""
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return ""


def captured(function: Any, outer: tuple[Any, ...] = ()) -> list[str]:
    """Return the texts of defaults and closed-over variables; mutable ones may change, and count by type."""
    values = [*(getattr(function, "__defaults__", None) or ())]
    values += [value for _, value in sorted((getattr(function, "__kwdefaults__", None) or {}).items())]
    for cell in getattr(function, "__closure__", None) or ():
        with suppress(ValueError):  # a cell without a value yet
            values.append(cell.cell_contents)
    outer = (*outer, function)
    return [captured_text(value, outer) for value in values if not any(value is o for o in outer)]


def captured_text(value: Any, outer: tuple[Any, ...]) -> str:
    """Return the text of one captured value."""
    if inspect.isfunction(value):
        return f"{value.__qualname__} {source(value)} {captured(value, outer)}"
    if hasattr(value, "get_params") and not inspect.isclass(value):
        return f"{type(value).__qualname__} {sorted(value.get_params(deep=False).items(), key=str)}"
    if isinstance(value, np.ndarray):
        return str(joblib.hash(value))
    return repr(value) if is_constant(value) else type(value).__qualname__


def state_hash(value: Any) -> str:
    """Return a hash of an object's state, or of the types of its attributes if it cannot be pickled."""
    try:
        return str(joblib.hash(value))
    except Exception:
        attributes = getattr(value, "__dict__", {})
        return str(joblib.hash({name: type(v).__qualname__ for name, v in attributes.items()}))
