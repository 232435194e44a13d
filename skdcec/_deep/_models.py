"""The Keras models that train and map: `Trainer` takes steps of mini-batches, `Mapper` applies a network."""

import math
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from skdcec._deep._batches import Batch
from skdcec._deep._devices import BACKEND, count_devices, has_accelerator, part_of_replica
from skdcec._deep._keras import keras, ops
from skdcec._deep._keras_json import from_json
from skdcec._deep._losses import ClusteringLoss, Targets
from skdcec._deep._networks import build
from skdcec._deep._storage import Weights

# Rows go through a network in batches of exactly one of these sizes, the first that suits it (see `Mapper`).
INFERENCE_BATCHES = (64, 16, 1)
# The same with an accelerator, which small batches leave idle.
ACCELERATOR_BATCHES = (1024, 256, *INFERENCE_BATCHES)
# Larger batches than this are split, because the feature maps of a network are larger still.
INFERENCE_BYTES = 2**23
# So many training steps run in one call of a compiled loop, within so many bytes of images.
STEPS_PER_CALL, BYTES_PER_CALL = 16, 2**26
# The same if all images are on the device, which they are unless they have more bytes than this.
STEPS_PER_RESIDENT_CALL, RESIDENT_BYTES = 128, 2**32
# XLA trains these networks more slowly on a CPU; JAX needs it, unless a layer forbids it.
JIT = "auto" if BACKEND == "jax" else False

# The state of the optimizer and of the random generators.
Progress = list[ndarray]


class Recipe(NamedTuple):
    """The Keras objects of a training, all as JSON."""

    architecture: str
    optimizer: str
    augmentation: str | None


def squared_error(images: Any, reconstructions: Any, xp: Any) -> Any:
    """Return the squared error of each image, averaged over its pixels and channels (Guo et al. 2017)."""
    error = xp.square(reconstructions - images)
    return xp.mean(xp.reshape(error, (error.shape[0] or xp.shape(error)[0], -1)), axis=1)


def check_finite(finite: Any) -> None:
    """Raise a FloatingPointError that names the likely causes unless finite is true."""
    if not finite:
        raise FloatingPointError(
            "The loss of the training is no longer finite. The likely causes are unscaled input (scale X "
            "to [0, 1]) or a learning rate that is too high for these data (pass "
            "optimizer=keras.optimizers.Adam(1e-4), say)."
        )


class Trainer(keras.Model):
    """An autoencoder, with or without cluster centers, and its loss.

    Takes its own steps because ``keras.Model.fit`` with ``steps_per_execution=16`` was slower (a step took
    .84 times as long here at 16 x 16 pixels, .57 times at 28 x 28, one thread), and cannot go on bit by bit
    within an epoch.

    Parameters
    ----------
    recipe : Recipe
    clustering_loss : ClusteringLoss or None
        None for an autoencoder alone.
    n_clusters : int
    devices : strategy, distribution or None
        Those in force.
    """

    def __init__(
        self,
        recipe: Recipe,
        clustering_loss: ClusteringLoss | None = None,
        n_clusters: int = 0,
        devices: Any = None,
    ) -> None:
        super().__init__(dtype="float32")
        self.devices, self.clustering_loss = devices, clustering_loss
        self.encoder, self.decoder = build(recipe.architecture)
        self.augment = from_json(recipe.augmentation) if recipe.augmentation else None
        self.encoder_size = len(self.encoder.weights)
        self.centers: Any = None
        if clustering_loss is not None:
            self.centers = self.add_weight(
                (n_clusters, self.encoder.output_shape[1]),
                initializer="zeros",
                trainable=clustering_loss.train_centers,
                name="centers",
                dtype="float32",
            )
        self.built = True
        self.means = {name: keras.metrics.Mean(name=name) for name in ("reconstruction", "clustering")}
        optimizer = from_json(recipe.optimizer)
        if uses_float16(self.encoder) or uses_float16(self.decoder):
            # gradients are too small for float16
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        self.compile(optimizer=optimizer, jit_compile=JIT)
        self.optimizer.build(self.trainable_variables)
        parts = [part for part in (self.encoder, self.decoder, self.augment) if part is not None]
        self.generators = [state for part in parts for state in seed_states(part)]
        self.fresh_optimizer = [ops.convert_to_numpy(v).copy() for v in self.optimizer.variables]

    @property
    def state(self) -> list[Any]:
        """The variables of optimizer and generators, in order, because names differ between processes.

        As an attribute, they would become variables of the model, too, which JAX refuses.
        """
        return [*self.optimizer.variables, *self.generators]

    def augmented(self, images: Any) -> Any:
        """Return the images after augmentation."""
        if self.augment is None:
            return images
        return ops.cast(self.augment(images, training=True), "float32")

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return the reconstructions and embeddings of the images after augmentation."""
        images = inputs["images"]
        if "augmented" in inputs:
            images = inputs["augmented"]
        elif training:
            images = self.augmented(images)
        Z = self.encoder(images, training=training)
        reconstructions = self.decoder(Z, training=training)
        return ops.cast(reconstructions, "float32"), ops.cast(Z, "float32")

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return reconstruction + gamma * clustering loss over the batch, each term as weighted in x.

        Equation 5 of Nogueira and Serapiao. Reconstructions are compared with the images before augmentation,
        which makes better embeddings than those after it. The losses of layers, such as regularizers, are
        added.
        """
        reconstructions, Z = y_pred
        weight = x["weight"]
        error = ops.mean(weight * squared_error(x["images"], reconstructions, ops))
        self.means["reconstruction"].update_state(error)
        loss = x["reconstruction_weight"][0] * error
        if self.clustering_loss is not None:
            of_rows = self.clustering_loss.loss(Z, self.centers, x["targets"], ops)
            clustering = ops.mean(weight * of_rows)
            self.means["clustering"].update_state(clustering)
            loss = loss + x["gamma"][0] * clustering
        for extra in self.losses:
            loss = loss + ops.sum(ops.cast(extra, "float32"))
        # TensorFlow adds up the gradients of its replicas
        return loss / count_devices(self.devices) if BACKEND == "tensorflow" else loss

    def start(
        self,
        weights: Weights,
        centers: ndarray | None = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> None:
        """Start from these arrays: afresh, with generators of this seed, or from earlier progress."""
        self.encoder.set_weights(weights[: self.encoder_size])
        self.decoder.set_weights(weights[self.encoder_size :])
        if centers is not None:
            self.centers.assign(centers)
        if progress is None:
            # the state of a generator is its seed and the number of its calls
            seeds = np.random.default_rng([seed, 0]).integers(2**31, size=len(self.generators))
            states = [np.array([seed, 0]) for seed in seeds]
            progress = [*self.fresh_optimizer, *states]
        for variable, value in zip(self.state, progress, strict=True):
            variable.assign(value)

    def arrays(self) -> Weights:
        """Return a copy of the weights of encoder and decoder; raise unless they are finite."""
        arrays: Weights = self.encoder.get_weights() + self.decoder.get_weights()
        check_finite(all(np.isfinite(a).all() for a in arrays))
        return arrays

    def progress(self) -> Progress:
        """Return the state of optimizer and generators, from which training can go on."""
        return [ops.convert_to_numpy(v).copy() for v in self.state]

    def train(
        self,
        images: Any,
        batches: Iterable[Batch],
        targets: Targets | None = None,
        gamma: float = 0.0,
        reconstruction_weight: float = 1.0,
    ) -> dict[str, float]:
        """Train on some batches; return the mean of each part of the loss over them.

        If the images are `Resident`, only the numbers of rows travel to the device.

        Raises
        ------
        FloatingPointError
            If the loss is not finite.
        """
        for mean in self.means.values():
            mean.reset_state()
        constants = {"gamma": gamma, "reconstruction_weight": reconstruction_weight}
        is_resident = isinstance(images, Resident)
        waiting: list[dict[str, ndarray]] = []
        for batch in batches:
            x = {"weight": batch.weight}
            if is_resident:
                x["rows"] = batch.rows.astype(np.int32)
                most = STEPS_PER_RESIDENT_CALL
            else:
                x["images"] = images[batch.rows]
                most = max(1, min(STEPS_PER_CALL, BYTES_PER_CALL // x["images"].nbytes))
            # one for each row, because every device gets some rows
            x |= {name: np.full_like(batch.weight, value) for name, value in constants.items()}
            if targets is not None:
                x["targets"] = np.asarray(targets[batch.rows], dtype=np.float32)
            waiting.append(x)
            if len(waiting) >= most:
                self._take_steps(waiting, images)
                waiting = []
        if waiting:
            self._take_steps(waiting, images)
        losses = {name: float(ops.convert_to_numpy(mean.result())) for name, mean in self.means.items()}
        check_finite(np.isfinite(sum(losses.values())))
        return losses

    def reset_metrics(self) -> None:
        """Keep the means: `train_on_batch` would forget all batches before the last one."""

    def _take_steps(self, inputs: list[dict[str, ndarray]], images: Any) -> None:
        """Take a step on each of the inputs."""
        # on a CPU, XLA runs convolutions more slowly within a loop
        if BACKEND == "torch" or (BACKEND == "jax" and (self.devices is not None or not has_accelerator())):
            for x in inputs:
                self.train_on_batch({name: ops.convert_to_tensor(values) for name, values in x.items()})
            return
        # in one call, because each costs milliseconds
        stacked = {name: np.stack([x[name] for x in inputs]) for name in inputs[0]}
        resident = images.tensor if isinstance(images, Resident) else None
        if BACKEND == "tensorflow":
            if resident is None:
                self._loop_of_steps(stacked)
            else:
                self._loop_of_resident_steps(stacked, resident)
        else:
            self._loop_of_jax(stacked, resident)

    @cached_property
    def _loop_of_steps(self) -> Callable[[Any], None]:
        """A compiled function that takes the steps of inputs that are stacked along a new first axis."""
        return self._loop_of_tensorflow(resident=False)

    @cached_property
    def _loop_of_resident_steps(self) -> Callable[[Any, Any], None]:
        """The same for images that are on the device."""
        return self._loop_of_tensorflow(resident=True)

    def _loop_of_tensorflow(self, *, resident: bool) -> Callable[..., None]:
        import tensorflow as tf

        def spec(*shape: int | None, dtype: Any = tf.float32) -> Any:
            return tf.TensorSpec(shape, dtype)

        images = spec(None, *self.encoder.input_shape[1:])
        shapes = dict.fromkeys(("weight", "gamma", "reconstruction_weight"), spec(None, None))
        if resident:
            shapes["rows"] = spec(None, None, dtype=tf.int32)
        else:
            shapes["images"] = spec(None, *images.shape)
        if self.centers is not None:
            shapes["targets"] = spec(None, None, None)

        def step(x: Any) -> None:
            self.train_step((x,))

        def step_on_devices(x: Any) -> None:
            # as a whole, so that the random numbers do not depend on the number of devices
            x = x | {"augmented": self.augmented(x["images"])}
            self.devices.run(lambda x: step(part_of_replica(x)), args=(x,))

        # a strategy of one device needs its own context, too
        take_step = step if self.devices is None else step_on_devices

        def take_steps(stacked: Any, *images: Any) -> None:
            for i in tf.range(tf.shape(stacked["weight"])[0]):
                x = {name: values[i] for name, values in stacked.items()}
                if resident:
                    x["images"] = tf.gather(images[0], x.pop("rows"))
                take_step(x)

        # traced here and once, for any number of steps on batches of any size: TensorFlow warns of functions
        # that trace themselves for one model after the other
        arguments = [shapes, images] if resident else [shapes]
        traced: Callable[..., None] = tf.function(take_steps).get_concrete_function(*arguments)
        return traced

    def _loop_of_jax(self, stacked: dict[str, ndarray], images: Any) -> None:
        """Take the steps of inputs that are stacked along a new first axis."""
        variables = (
            self.trainable_variables,
            self.non_trainable_variables,
            self.optimizer.variables,
            self.metrics_variables,
        )
        state = tuple([v.value for v in part] for part in variables)
        for part, values in zip(variables, self._compiled_for_jax(state, stacked, images), strict=True):
            for variable, value in zip(part, values, strict=True):
                variable.assign(value)

    @cached_property
    def _compiled_for_jax(self) -> Callable[..., Any]:
        """A function that JAX compiles for each number of steps.

        With a number that it knows, a step takes .89 of the time on a GPU, which need not ask after each
        whether there is another.
        """
        import jax

        def take_steps(state: Any, stacked: Any, images: Any) -> Any:
            def step(state: Any, x: Any) -> Any:
                if images is not None:
                    x = {"images": images[x["rows"]]} | {name: x[name] for name in x if name != "rows"}
                return self.train_step(state, (x,))[1], None

            return jax.lax.scan(step, state, stacked)[0]

        return jax.jit(take_steps, donate_argnums=0)


class Resident:
    """All images on the device, so that they do not travel in every epoch.

    Parameters
    ----------
    images : Images, or ndarray of shape (n_samples, height, width, channels), float32
    """

    def __init__(self, images: Any) -> None:
        self.tensor = ops.convert_to_tensor(images[:])

    def __len__(self) -> int:
        return int(self.tensor.shape[0])

    @classmethod
    def of(cls, images: Any, trainer: Trainer) -> Any:
        """Return images for the steps of a trainer: on the device, if it has a memory of its own for them.

        With PyTorch, they are copied batch by batch.
        """
        n_bytes = 4 * len(images) * int(np.prod(images.shape[1:]))
        one_device = BACKEND != "torch" and trainer.devices is None
        if n_bytes > RESIDENT_BYTES or not one_device or not has_accelerator():
            return images
        return cls(images)


def uses_float16(model: keras.Model) -> bool:
    """Return whether some layer of a model computes in float16."""
    return any(
        uses_float16(layer) if hasattr(layer, "layers") else layer.compute_dtype == "float16"
        for layer in model.layers
    )


def seed_states(layer: Any) -> list[Any]:
    """Return the states of the random generators in a layer: its variables that are not weights."""
    weights = {id(v) for v in layer.weights}
    return [v for v in layer.variables if id(v) not in weights]


class Mapper(keras.Model):
    """A network applied to batches of one fixed size, one after the other.

    With a fixed size, the result of a row does not depend on the number of rows. If its bits should not
    depend on its position either, all positions of a batch must be computed alike. Threads that share a batch
    of small images can prevent that, depending on the machine and the network: so it is tested, and single
    rows are the last resort.

    Parameters
    ----------
    architecture : str
    part : {0, 1}
        The encoder or the decoder.
    devices : strategy, distribution or None
        Those in force.
    """

    def __init__(self, architecture: str, part: int, devices: Any = None) -> None:
        super().__init__(dtype="float32")
        self.devices = devices
        self.network = build(architecture)[part]
        self.built = True
        self.compile(jit_compile=JIT)
        row_bytes = 4 * max(
            math.prod(shape[1:]) for shape in (self.network.input_shape, self.network.output_shape)
        )
        for size in ACCELERATOR_BATCHES if has_accelerator() else INFERENCE_BATCHES:
            self.batch_size = size
            if size * row_bytes <= INFERENCE_BYTES and self.positions_agree():
                break

    def positions_agree(self) -> bool:
        """Return whether rows of a batch get the same bits one position further on."""
        rng = np.random.default_rng(0)
        # vectors are positive, because variances must be
        fresh = [rng.uniform(-0.5 if w.ndim > 1 else 0.1, 0.5, w.shape) for w in self.network.get_weights()]
        self.network.set_weights(fresh)
        x = rng.random((self.batch_size, *self.network.input_shape[1:]), dtype=np.float32)
        return np.array_equal(self.map(np.roll(x, 1, axis=0)), np.roll(self.map(x), 1, axis=0))

    def map(self, rows: ndarray) -> ndarray:
        """Return the output of the network for any number of rows."""
        m = -(-len(rows) // self.batch_size)
        # as many batches for each device
        n_devices = count_devices(self.devices)
        m = -(-m // n_devices) * n_devices
        full = np.zeros((m * self.batch_size, *rows.shape[1:]), np.float32)
        full[: len(rows)] = rows
        full = full.reshape(m, self.batch_size, *rows.shape[1:])
        if BACKEND == "tensorflow":
            out = self._map_by_tensorflow(ops.convert_to_tensor(full)).numpy()
        else:
            out = self.predict_on_batch(full)
        mapped: ndarray = out.reshape(-1, *out.shape[2:])[: len(rows)]
        return mapped

    @cached_property
    def _map_by_tensorflow(self) -> Callable[[Any], Any]:
        """A compiled function that maps any number of batches, a part of them on each replica.

        ``predict_on_batch`` would trace it again for other numbers.
        """
        import tensorflow as tf

        @tf.function(input_signature=[tf.TensorSpec((None, None, *self.network.input_shape[1:]))])
        def map_batches(batches: Any) -> Any:
            if count_devices(self.devices) == 1:
                return self(batches, training=False)
            parts = self.devices.run(lambda x: self(part_of_replica(x), training=False), args=(batches,))
            return self.devices.gather(parts, axis=0)

        traced: Callable[[Any], Any] = map_batches.get_concrete_function()
        return traced

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Map the network over the first axis of inputs (m, batch_size, ...)."""
        return ops.map(lambda batch: ops.cast(self.network(batch, training=False), "float32"), inputs)
