"""Keras objects as JSON: layers, optimizers and networks, as estimators keep them.

Equal objects have equal JSON, in any process: the numbers that Keras appends to its automatic names are
counted from zero, and seeds that were left open are numbered, so that nothing built from the JSON draws from
a global generator.
"""

import json
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from skdcec._deep._augmentation import RandomAffine
from skdcec._deep._keras import keras


@contextmanager
def undisturbed_random() -> Iterator[None]:
    """Restore Python's global generator: Keras draws a default seed from it whenever it makes a layer."""
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)


def optimizer_json(optimizer: Any) -> str:
    """Return the JSON of a Keras optimizer, given by name or as an object.

    Raises
    ------
    ValueError
        If it is neither, or keeps the trained weights elsewhere than in the model.
    """
    try:
        if optimizer is None:
            raise TypeError("no optimizer")
        config = keras.saving.serialize_keras_object(keras.optimizers.get(optimizer))
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"optimizer={optimizer!r} should be the name of a Keras optimizer, such as 'adam', or a "
            "keras.optimizers.Optimizer."
        ) from error
    averages = config["config"].get("use_ema") and not config["config"].get("ema_overwrite_frequency")
    if averages or config["class_name"] == "ScheduleFreeAdamW":
        raise ValueError(
            f"optimizer={config['class_name']} keeps averaged weights that only keras.Model.fit copies into "
            "the model, which is not used here. Use another optimizer, or use_ema with an "
            "ema_overwrite_frequency."
        )
    # Keras appends a counter to the name; drop it, so that equal optimizers have equal JSON
    config["config"]["name"] = config["class_name"].lower()
    return json.dumps(config)


def augmentation_json(augmentation: Any, image_shape: tuple[int, ...]) -> str | None:
    """Return the JSON of a Keras layer that augments images; None for none, 'affine' is `RandomAffine`.

    Raises
    ------
    ValueError
        If it cannot be rebuilt from its configuration, or changes the shape of the images.
    """
    if augmentation is None:
        return None
    with undisturbed_random():
        # images are float32, whatever the global policy of Keras is
        layer = RandomAffine(dtype="float32") if isinstance(augmentation, str) else augmentation
        text = canonical_json(keras.saving.serialize_keras_object(layer))
        with named("augmentation", augmentation):
            batch = from_json(text)(keras.ops.zeros((2, *image_shape)), training=True)
    if tuple(batch.shape) != (2, *image_shape):
        raise ValueError(
            f"augmentation={augmentation!r} makes images of shape {tuple(batch.shape)[1:]} from images of "
            f"shape {image_shape}; it should keep the shape."
        )
    return text


def network_json(encoder: keras.Model, decoder: keras.Model, seeds: Iterator[int] | None = None) -> str:
    """Return the JSON of a pair of functional or sequential Keras models: an architecture."""
    return canonical_json([json.loads(part.to_json()) for part in (encoder, decoder)], seeds)


def from_json(text: str) -> Any:
    """Return the Keras object of a JSON of this module."""
    return keras.saving.deserialize_keras_object(json.loads(text))


@contextmanager
def named(parameter: str, value: Any) -> Iterator[None]:
    """Turn any error of Keras about a parameter into a ValueError that names it."""
    try:
        yield
    except Exception as error:
        raise ValueError(
            f"{parameter}={value!r} cannot be rebuilt from its Keras configuration: {error} (Classes of your "
            "own need @keras.saving.register_keras_serializable().)"
        ) from error


def canonical_json(config: Any, seeds: Iterator[int] | None = None) -> str:
    """Return the configuration of layers or models as JSON, with definite names and seeds.

    Parameters
    ----------
    config : dict or list
    seeds : iterator of int, default=None
        For the seeds that were left open; None counts them from 0.

    Returns
    -------
    text : str
    """
    names: dict[str, str] = {}
    _collect_names(config, names)
    return json.dumps(_rewrite(config, names, count() if seeds is None else seeds))


def is_automatic(name: Any, class_name: Any) -> bool:
    """Return whether Keras made a name, as ``max_pooling2d_3`` for the class ``MaxPooling2D``."""
    return isinstance(name, str) and _stem(name).replace("_", "") == str(class_name).lower()


def is_layer_reference(node: list[Any] | tuple[Any, ...]) -> bool:
    """Return whether a list refers to an output of a layer, as ``["dense_3", 0, 0]``: name, node, tensor."""
    return len(node) == 3 and isinstance(node[0], str) and isinstance(node[1], int)


def _stem(name: str) -> str:
    """Return a name without its number."""
    return re.sub(r"_\d+$", "", name)


def _collect_names(node: Any, names: dict[str, str]) -> None:
    """Map the automatic names of layers to names that are numbered in order of appearance.

    A layer is a node such as ``{"class_name": "Dense", "config": {"name": "dense_3", ...}, ...}``.
    """
    for value in node.values() if isinstance(node, dict) else node:
        if isinstance(value, dict | list):
            _collect_names(value, names)
    if isinstance(node, dict) and isinstance(node.get("config"), dict):
        name = node["config"].get("name")
        if name not in names and is_automatic(name, node.get("class_name")):
            stem = _stem(name)
            names[name] = f"{stem}_{1 + sum(other.startswith(stem) for other in names)}"


def _rewrite(node: Any, names: dict[str, str], seeds: Iterator[int]) -> Any:
    """Return a copy of a configuration with other names, and with numbers for open seeds."""
    if isinstance(node, dict):
        node = {key: _rewrite(value, names, seeds) for key, value in node.items()}
        if "seed" in node and node["seed"] is None:
            node["seed"] = next(seeds)
        if isinstance(node.get("name"), str):
            node["name"] = names.get(node["name"], node["name"])
    elif isinstance(node, list | tuple):
        refers = is_layer_reference(node)
        node = [_rewrite(value, names, seeds) for value in node]
        if refers:
            node[0] = names.get(node[0], node[0])
    return node
