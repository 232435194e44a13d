"""Texts that differ if parameters or the code of the user do, to tell whether two fits are equal.

One identity for all that is kept and used again: the pool of models, the caches of networks, ``memory`` and
``checkpoint``. Code is compared as Python has compiled it, because its source may be edited after that. The
code of installed packages counts as their version.
"""

import hashlib
import importlib.metadata
import inspect
import json
import os
import sys
import sysconfig
import uuid
from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from types import CodeType
from typing import Any

import joblib
import numpy as np

# Containers whose contents count.
CONTAINERS = (tuple, list, dict, set, frozenset)
# Values that cannot be compared are told apart by their address, which means nothing in another process.
PROCESS = uuid.uuid4().hex
# Attributes that hold the function behind another object, and how many of them are followed.
WRAPPED, MOST_WRAPPERS = ("__func__", "__wrapped__", "python_function", "func"), 9
INSTALLED = tuple(
    sysconfig.get_paths()[name] + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib")
)


def as_text(value: Any) -> str:
    """Return a text that differs if a parameter does, and is the same in every process.

    An estimator is its type, plus its weights if it is a fitted autoencoder; its parameters are compared
    separately. A function is its name, its code, and the values that it has captured; so is a class.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if is_constant(value):
        return repr(value)
    if isinstance(value, tuple | list):
        return repr([as_text(v) for v in value])
    if hasattr(value, "get_params") and not inspect.isclass(value):
        weights = getattr(value, "weights_", None)
        # a list only for autoencoders; fitted attributes of others do not matter, because they start afresh
        fitted = f" with weights {joblib.hash(weights)}" if isinstance(weights, list) else ""
        return code_text(type(value)) + fitted
    return captured_text(value, {})


def is_constant(value: Any) -> bool:
    """Return whether the repr of a value identifies it."""
    return value is None or isinstance(value, str | bytes | int | float | complex)


def code_text(value: Any, seen: dict[int, Any] | None = None) -> str:
    """Return a text that differs if the code of a function or class does, or any code that it refers to.

    Parameters
    ----------
    value : function, method or class
    seen : dict or None
        The functions and classes that are part of the text already, by address; they may refer to each other.
    """
    seen, value = {} if seen is None else seen, unwrapped(value)
    name = f"{getattr(value, '__module__', None)}.{getattr(value, '__qualname__', type(value).__qualname__)}"
    if is_installed(value) or id(value) in seen:
        return f"{name} {version_of(value)}".rstrip()
    seen[id(value)] = value
    if inspect.isclass(value):
        parts = [code_text(base, seen) for base in value.__bases__]
        parts += [f"{key} {captured_text(member, seen)}" for key, member in members(value)]
    else:
        parts = [compiled_text(value.__code__)] if hasattr(value, "__code__") else []
        parts += [captured_text(captured, seen) for captured in captured_values(value)]
    # not joblib.hash, which tells equal strings apart from the same string twice
    return f"{name} {hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"


def unwrapped(value: Any) -> Any:
    """Return the Python function behind a method, a cached function or a ``tf.function``."""
    for _ in range(MOST_WRAPPERS):
        if hasattr(value, "__code__") or inspect.isclass(value):
            break
        inner = next((getattr(value, name) for name in WRAPPED if callable(getattr(value, name, None))), None)
        if inner is None:
            break
        value = inner
    return value


def is_installed(value: Any) -> bool:
    """Return whether a function, class or module comes from this package, or an installed one."""
    name = value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", None)
    root = str(name or "builtins").partition(".")[0]
    if root in ("builtins", "skdcec"):
        return True
    module = sys.modules.get(str(name))
    # the main module is the user's even if an installed program runs it, as in a notebook
    if root == "__main__" or (module is not None and getattr(module, "__spec__", None) is None):
        return False
    file = getattr(module, "__file__", None)
    is_compiled = file is None and module is not None and module.__name__ in sys.builtin_module_names
    return is_compiled or (file is not None and file.startswith(INSTALLED))


@lru_cache(256)
def version(root: str) -> str:
    """Return the version of an installed package, or nothing."""
    try:
        return importlib.metadata.version(root)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return ""


def version_of(value: Any) -> str:
    """Return the version of the package of an installed function or class."""
    root = str(getattr(value, "__module__", None) or "builtins").partition(".")[0]
    # those of skdcec, Keras and NumPy are compared by `software`
    return "" if root in ("builtins", "skdcec", "keras", "numpy") else version(root)


def members(cls: type) -> Iterator[tuple[str, Any]]:
    """Yield the names and values of the attributes that a class defines itself, not those of Python."""
    for name, value in sorted(vars(cls).items()):
        of_python = name.startswith("__") and not inspect.isroutine(value)
        if not of_python and name != "_abc_impl":
            yield name, value


def compiled_text(code: CodeType) -> str:
    """Return the text of compiled code: instructions, names and constants, without line numbers."""
    constants = []
    for value in code.co_consts:
        if isinstance(value, CodeType):
            constants.append(compiled_text(value))
        elif isinstance(value, frozenset):  # whose order differs between processes
            constants.append(repr(sorted(map(repr, value))))
        else:
            constants.append(repr(value))
    return repr([code.co_code.hex(), code.co_names, code.co_varnames, constants])


def captured_values(function: Any) -> Iterator[Any]:
    """Yield the values that a function refers to: defaults, closed-over and global variables."""
    code = getattr(function, "__code__", None)
    names = global_names(code) if code else set()
    yield from getattr(function, "__defaults__", None) or ()
    for _, value in sorted((getattr(function, "__kwdefaults__", None) or {}).items()):
        yield value
    for cell in getattr(function, "__closure__", None) or ():
        try:
            value = cell.cell_contents
        except ValueError:  # a cell without a value yet
            continue
        yield from with_used_parts(value, names)
    yield from used_values(getattr(function, "__globals__", {}), names)


def used_values(variables: Mapping[str, Any], names: set[str]) -> Iterator[Any]:
    """Yield the variables of these names."""
    for name in sorted(names & variables.keys()):
        yield from with_used_parts(variables[name], names - {name})


def with_used_parts(value: Any, names: set[str]) -> Iterator[Any]:
    """Yield a value, and the variables of these names in it if it is a module of the user."""
    yield value
    if inspect.ismodule(value) and not is_installed(value):
        yield from used_values(vars(value), names)


def global_names(code: CodeType) -> set[str]:
    """Return the names of global variables and attributes in compiled code."""
    inner = [value for value in code.co_consts if isinstance(value, CodeType)]
    return set(code.co_names).union(*map(global_names, inner))


def captured_text(value: Any, seen: dict[int, Any]) -> str:
    """Return the text of a value that a function or class refers to."""
    if is_constant(value):
        return repr(value)
    if isinstance(value, CONTAINERS):
        return container_text(value, seen)
    if inspect.ismodule(value):
        return value.__name__
    if isinstance(value, property):
        return container_text((value.fget, value.fset, value.fdel), seen)
    if isinstance(value, partial):
        return container_text((value.func, value.args, value.keywords), seen)
    if hasattr(unwrapped(value), "__code__") or inspect.isbuiltin(value) or inspect.isclass(value):
        return code_text(value, seen)
    if hasattr(value, "get_params"):
        return code_text(type(value), seen) + container_text(value.get_params(deep=False), seen)
    return f"{code_text(type(value), seen)} {state_hash(value)}"


def container_text(value: Any, seen: dict[int, Any]) -> str:
    """Return the text of the contents of a container, which may contain itself."""
    name = type(value).__name__
    if id(value) in seen:
        return name
    if not isinstance(value, tuple):
        seen[id(value)] = value
    if isinstance(value, Mapping):
        texts = sorted(f"{captured_text(k, seen)}: {captured_text(v, seen)}" for k, v in value.items())
    else:
        texts = [captured_text(part, seen) for part in value]
    seen.pop(id(value), None)  # only circles are cut: equal contents have equal texts
    return f"{name} {texts if isinstance(value, tuple | list) else sorted(texts)}"


def state_hash(value: Any) -> str:
    """Return a hash of an object's state; one that nothing else has if it cannot be pickled."""
    try:
        return str(joblib.hash(value))
    except Exception:
        return f"{PROCESS} {id(value)}"


def json_identity(text: str | None) -> str:
    """Return a text of the user's classes and functions in the JSON of a Keras object; empty without any."""
    from skdcec._deep._keras import keras

    found = {}
    for name in names_in_json(text or "null"):
        value = keras.saving.get_registered_object(name)
        if value is not None and not is_installed(value):
            found[name] = code_text(value)
    return json.dumps(found, sort_keys=True) if found else ""


@lru_cache(64)
def names_in_json(text: str) -> tuple[str, ...]:
    """Return all strings in a JSON that may be names of registered objects."""
    found: set[str] = set()
    nodes = [json.loads(text)]
    while nodes:
        node = nodes.pop()
        if isinstance(node, str):
            found.add(node)
        elif isinstance(node, dict | list):
            nodes += node.values() if isinstance(node, dict) else node
    return tuple(sorted(found))
