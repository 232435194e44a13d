"""Keras objects as JSON: what an estimator keeps of a layer, an optimizer or a pair of networks.

The JSON of equal objects is equal, whenever and wherever it is made: the numbers that Keras puts at the end
of its automatic names are counted anew, and every seed that was left open is given a number, so that
nothing that is built from it draws from a global generator.
"""

import json
import re
from contextlib import contextmanager
from itertools import count

import keras


def optimizer_json(optimizer):
    """Return the JSON of a Keras optimizer, given by name or as an object.

    Raises
    ------
    ValueError
        If it is neither, or trains other weights than those that come out.
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
            f"optimizer={config['class_name']} would leave weights behind that are not those it is after: "
            "only Keras' own fit puts its averages in their place. Use another optimizer, or use_ema with an "
            "ema_overwrite_frequency."
        )
    # Keras numbers the names, which would make each optimizer of a process another one
    config["config"]["name"] = config["class_name"].lower()
    return json.dumps(config)


def augmentation_json(augmentation, image_shape):
    """Return the JSON of a Keras layer that augments images; None and 'affine' as they are.

    Raises
    ------
    ValueError
        If it cannot be rebuilt from its configuration, or changes the shape of the images.
    """
    if augmentation is None or isinstance(augmentation, str):
        return augmentation
    text = canonical_json(keras.saving.serialize_keras_object(augmentation))
    with named("augmentation", augmentation):
        batch = load(text)(keras.ops.zeros((2, *image_shape)), training=True)
    if tuple(batch.shape) != (2, *image_shape):
        raise ValueError(
            f"augmentation={augmentation!r} makes images of shape {tuple(batch.shape)[1:]} from images of "
            f"shape {image_shape}; it should keep the shape."
        )
    return text


def network_json(encoder, decoder, seeds=None):
    """Return the JSON of a pair of functional or sequential Keras models: an architecture."""
    return canonical_json([json.loads(part.to_json()) for part in (encoder, decoder)], seeds)


def load(text):
    """Return the Keras object that JSON of this module describes."""
    return keras.saving.deserialize_keras_object(json.loads(text))


@contextmanager
def named(parameter, value):
    """Turn whatever Keras raises about a parameter into a ValueError that names it."""
    try:
        yield
    except Exception as error:
        raise ValueError(
            f"{parameter}={value!r} cannot be rebuilt from its Keras configuration: {error} (Classes of your "
            "own need @keras.saving.register_keras_serializable().)"
        ) from error


def canonical_json(config, seeds=None):
    """Return the configuration of layers or models as JSON, with their names and seeds made definite.

    Parameters
    ----------
    config : dict or list
    seeds : iterator of int, default=None
        For the seeds that were left open; None counts them from 0.

    Returns
    -------
    text : str
    """
    names = {}
    _collect_names(config, names)
    return json.dumps(_rewrite(config, names, count() if seeds is None else seeds))


def _collect_names(node, names):
    """Map the automatic names of layers to names that are numbered in order of appearance."""
    for value in node.values() if isinstance(node, dict) else node:
        if isinstance(value, dict | list):
            _collect_names(value, names)
    if isinstance(node, dict) and isinstance(node.get("config"), dict):
        name = node["config"].get("name")
        stem = re.sub(r"_\d+$", "", name) if isinstance(name, str) else ""
        if name not in names and stem.replace("_", "") == str(node.get("class_name")).lower():
            names[name] = f"{stem}_{1 + sum(other.startswith(stem) for other in names)}"


def _rewrite(node, names, seeds):
    """Return a copy of a configuration with other names, and with numbers for open seeds."""
    if isinstance(node, dict):
        node = {key: _rewrite(value, names, seeds) for key, value in node.items()}
        if "seed" in node and node["seed"] is None:
            node["seed"] = next(seeds)
        if isinstance(node.get("name"), str):
            node["name"] = names.get(node["name"], node["name"])
    elif isinstance(node, list | tuple):
        # a reference to an output of a layer
        is_reference = len(node) == 3 and isinstance(node[0], str) and isinstance(node[1], int)
        node = [_rewrite(value, names, seeds) for value in node]
        if is_reference:
            node[0] = names.get(node[0], node[0])
    return node
