"""Random shifts and rotations of images, as a Keras layer that draws the same under every backend."""

from typing import Any

import numpy as np

from skdcec._deep._keras import keras, ops

# Multipliers of a 32-bit integer hash, as signed integers.
FIRST_MULTIPLIER, SECOND_MULTIPLIER = 0x21F0AAAD, 0x735A2D97


@keras.saving.register_keras_serializable(package="skdcec")
class RandomAffine(keras.layers.Layer):
    """Random shifts and rotations of images, each drawn uniformly for every image of every batch.

    The augmentation of Guo et al. (2018). Unlike those of Keras' own layers, the random numbers are the same
    under TensorFlow, JAX and PyTorch.

    Parameters
    ----------
    shift : float, default=0.1
        Largest shift, as a fraction of the height and of the width.

    rotation : float, default=10.0
        Largest rotation, in degrees.

    seed : int, default=None
        Seed of the random numbers. An estimator replaces None by its own.

    **kwargs : dict
        Parameters of `keras.layers.Layer`, such as ``name``.

    References
    ----------
    .. [1] X. Guo, E. Zhu, X. Liu, J. Yin (2018). "Deep embedded clustering with data augmentation".
       ACML 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from skdcec.layers import RandomAffine
    >>> images = np.zeros((5, 8, 8, 1), dtype="float32")
    >>> tuple(RandomAffine(rotation=20)(images, training=True).shape)
    (5, 8, 8, 1)
    """

    def __init__(
        self, shift: float = 0.1, rotation: float = 10.0, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.shift, self.rotation, self.seed = shift, rotation, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, images: Any, training: bool = False) -> Any:
        """Return the images, shifted and rotated in training.

        Parameters
        ----------
        images : tensor of shape (n, height, width, channels)
            Images.
        training : bool, default=False
            Whether to change them.

        Returns
        -------
        images : tensor of the same shape
        """
        if not training:
            return images
        height, width = images.shape[1:3]
        u = uniform(self.seed_generator.next(), ops.shape(images)[0], 3)
        angle = u[:, 0] * float(np.deg2rad(self.rotation))
        dx, dy = u[:, 1] * self.shift * width, u[:, 2] * self.shift * height
        cos, sin, zero = ops.cos(angle), ops.sin(angle), ops.zeros_like(angle)
        # about the middle of the image
        cx, cy = (width - 1) / 2, (height - 1) / 2
        first = [cos, -sin, cx + dx - cos * cx + sin * cy]
        second = [sin, cos, cy + dy - sin * cx - cos * cy]
        if keras.backend.backend() == "torch":
            return transformed(images, first, second)
        return ops.image.affine_transform(
            images,
            ops.stack([*first, *second, zero, zero], axis=1),
            interpolation="bilinear",
            fill_mode="nearest",
            data_format="channels_last",
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the images.

        Parameters
        ----------
        input_shape : tuple
            Shape of the input.

        Returns
        -------
        output_shape : tuple
        """
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the parameters, from which Keras makes an equal layer.

        Returns
        -------
        config : dict
        """
        own = {"shift": self.shift, "rotation": self.rotation, "seed": self.seed}
        return super().get_config() | own


def transformed(images: Any, first: list[Any], second: list[Any]) -> Any:
    """Transform images like ``ops.image.affine_transform``, which loops over them under PyTorch.

    Parameters
    ----------
    images : tensor of shape (n, height, width, channels)
    first, second : list of three tensors of shape (n,)
        The rows of the matrices that map a point (x, y, 1) of the result to x and y in the image.
    """
    n, height, width, channels = images.shape
    y, x = ops.meshgrid(ops.arange(height), ops.arange(width), indexing="ij")
    x, y = (ops.cast(ops.reshape(axis, (1, -1)), "float32") for axis in (x, y))
    at_x, at_y = (
        ops.expand_dims(a, 1) * x + ops.expand_dims(b, 1) * y + ops.expand_dims(c, 1)
        for a, b, c in (first, second)
    )
    left, top = ops.floor(at_x), ops.floor(at_y)
    pixels = ops.reshape(images, (n, height * width, channels))
    result = 0.0
    for column, x_weight in ((left, left + 1 - at_x), (left + 1, at_x - left)):
        for row, y_weight in ((top, top + 1 - at_y), (top + 1, at_y - top)):
            pixel = ops.clip(row, 0, height - 1) * width + ops.clip(column, 0, width - 1)
            index = ops.broadcast_to(ops.expand_dims(ops.cast(pixel, "int64"), 2), pixels.shape)
            weight = ops.expand_dims(x_weight * y_weight, 2)
            result = result + weight * ops.take_along_axis(pixels, index, axis=1)
    return ops.cast(ops.reshape(result, images.shape), images.dtype)


def scramble(x: Any) -> Any:
    """Return a 32-bit hash of integers; multiplication wraps around."""
    for bits, multiplier in ((16, FIRST_MULTIPLIER), (15, SECOND_MULTIPLIER), (15, None)):
        # a logical shift: the sign must not be repeated
        shifted = ops.bitwise_and(ops.right_shift(x, bits), 2 ** (32 - bits) - 1)
        x = ops.bitwise_xor(x, shifted)
        if multiplier is not None:
            x = x * ops.cast(multiplier, "int32")
    return x


def uniform(seed: Any, n_rows: Any, n_columns: int) -> Any:
    """Return random numbers in [-1, 1), (n_rows, n_columns), of a seed and a counter.

    A hash of seed, counter and position instead of a backend's own generator.
    """
    seed = ops.cast(seed, "int32")
    key = scramble(ops.bitwise_xor(scramble(seed[0]), seed[1]))
    position = ops.arange(n_rows * n_columns, dtype="int32")
    bits = scramble(ops.bitwise_xor(scramble(position), key))
    top = ops.cast(ops.bitwise_and(ops.right_shift(bits, 8), 2**24 - 1), "float32")
    return ops.reshape(top / 2**23 - 1, (n_rows, n_columns))
