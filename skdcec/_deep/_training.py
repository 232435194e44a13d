"""The mini-batch loops: pretraining, joint training and inference, on plain arrays.

Compiled Keras models are expensive to make and cheap to refill. They live in a pool of this process; each
loop borrows one of its architecture, fills it with arrays, and gives it back. No state of one fit
reaches another: weights, optimizer and metrics are all overwritten on loan.
"""

import importlib
import threading
from contextlib import contextmanager
from functools import cached_property
from itertools import islice
from typing import NamedTuple

import keras
import numpy as np
from keras import ops
from numpy import ndarray

from skdcec._deep._batches import batches, batches_per_epoch
from skdcec._deep._devices import BACKEND, count_devices, current_devices, share
from skdcec._deep._images import slices
from skdcec._deep._keras_json import load
from skdcec._deep._losses import Targets
from skdcec._deep._networks import build

# Rows go through a network in batches of exactly one of these sizes, the first that suits the network (see
# `Mapper`).
INFERENCE_BATCHES = (64, 16, 1)
# With TensorFlow, so many training steps run in one call, within so many bytes of images.
STEPS_PER_CALL, BYTES_PER_CALL = 16, 2**26
# The pool keeps no more idle models than this.
MOST_IDLE = 16
# XLA trains these networks more slowly on a CPU; JAX needs it, wherever no layer forbids it.
JIT = "auto" if BACKEND == "jax" else False
# Keras' own floor for probabilities in the Kullback-Leibler divergence.
SMALLEST_PROBABILITY = 1e-7


# --------------------------------------------------------------------------- losses


def squared_error(images, reconstructions):
    """Return the squared error of each image, averaged over its pixels and channels."""
    error = ops.square(reconstructions - images)
    return ops.mean(ops.reshape(error, (ops.shape(error)[0], -1)), axis=1)


def divergence(P, Q):
    """Return KL(P || Q) of each row, summed over the clusters (eq 7)."""
    P, Q = (ops.clip(A, SMALLEST_PROBABILITY, 1.0) for A in (P, Q))
    return ops.sum(P * ops.log(P / Q), axis=1)


# --------------------------------------------------------------------------- models


class Trainer(keras.Model):
    """An autoencoder, with or without cluster centers, and its loss.

    Parameters
    ----------
    architecture : str
    optimizer : str
        JSON of a Keras optimizer.
    n_clusters : int
        0 for an autoencoder alone.
    augmentation : {None, 'affine'} or str
        Or JSON of a Keras layer. The transforms of 'affine' come with the batches.
    devices : strategy, distribution or None
        Those that are in force.
    """

    def __init__(self, architecture, optimizer, n_clusters, augmentation=None, devices=None):
        super().__init__(dtype="float32")
        self.devices = devices
        self.encoder, self.decoder = build(architecture)
        self.is_affine = augmentation == "affine"
        self.augment = load(augmentation) if augmentation and not self.is_affine else None
        self.encoder_size = len(self.encoder.weights)
        self.centers = None
        if n_clusters:
            shape = (n_clusters, self.encoder.output_shape[1])
            self.centers = self.add_weight(shape, initializer="zeros", name="centers", dtype="float32")
        self.built = True
        self.means = {name: keras.metrics.Mean(name=name) for name in ("reconstruction", "clustering")}
        optimizer = load(optimizer)
        if '"mixed_float16"' in architecture:
            # gradients are too small for float16
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        self.compile(optimizer=optimizer, jit_compile=JIT)
        self.optimizer.build(self.trainable_variables)
        self.fresh_optimizer = [v.numpy() for v in self.optimizer.variables]
        # what dropout and layers of augmentation draw from
        parts = [part for part in (self.encoder, self.decoder, self.augment) if part is not None]
        weights = {id(v) for part in parts for v in part.weights}
        self.generators = [v for part in parts for v in part.variables if id(v) not in weights]

    def call(self, inputs, training=False):
        """Return the images as they were seen, their reconstructions and embeddings."""
        images = inputs["images"]
        if self.is_affine:
            images = ops.image.affine_transform(
                images,
                inputs["transforms"],
                interpolation="bilinear",
                fill_mode="nearest",
                data_format="channels_last",
            )
        if self.augment is not None:
            images = ops.cast(self.augment(images, training=training), "float32")
        Z = self.encoder(images, training=training)
        reconstructions = self.decoder(Z, training=training)
        return images, ops.cast(reconstructions, "float32"), ops.cast(Z, "float32")

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Return reconstruction + gamma KL(P || Q) over the batch (eq 5), each term as weighted in x.

        The losses of layers, of which our own networks have none, are added.
        """
        images, reconstructions, Z = y_pred
        weight = x["weight"]
        error = ops.mean(weight * squared_error(images, reconstructions))
        self.means["reconstruction"].update_state(error)
        loss = x["reconstruction_weight"][0] * error
        if self.centers is not None:
            difference = ops.expand_dims(Z, 1) - self.centers
            Q = 1 / (1 + ops.sum(ops.square(difference), axis=2))
            Q = Q / ops.sum(Q, axis=1, keepdims=True)
            kl = ops.mean(weight * divergence(x["targets"], Q))
            self.means["clustering"].update_state(kl)
            loss = loss + x["gamma"][0] * kl
        # those that layers of the user's own networks add: regularizers, say
        for extra in self.losses:
            loss = loss + ops.sum(ops.cast(extra, "float32"))
        # TensorFlow adds up the gradients of its replicas
        return loss / count_devices(self.devices) if BACKEND == "tensorflow" else loss

    def load(self, weights, centers=None, seed=0, progress=None):
        """Start from these arrays: afresh, with generators of this seed, or from earlier progress."""
        self.encoder.set_weights(weights[: self.encoder_size])
        self.decoder.set_weights(weights[self.encoder_size :])
        if centers is not None:
            self.centers.assign(centers)
        if progress is None:
            # a generator's state is its seed and how often it was asked
            seeds = np.random.default_rng([seed, 0]).integers(2**31, size=len(self.generators))
            progress = self.fresh_optimizer + [np.array([s, 0]) for s in seeds]
        for variable, value in zip([*self.optimizer.variables, *self.generators], progress, strict=True):
            variable.assign(value)

    def arrays(self):
        """Return a copy of the weights of encoder and decoder; raise where they are not finite."""
        arrays = self.encoder.get_weights() + self.decoder.get_weights()
        check_finite(all(np.isfinite(a).all() for a in arrays))
        return arrays

    def progress(self):
        """Return the state of the optimizer and of the generators, from which training can go on."""
        return [v.numpy() for v in [*self.optimizer.variables, *self.generators]]

    def train(self, images, some_batches, targets=None, gamma=0.0, reconstruction_weight=1.0):
        """Train on some batches; return the mean of each part of the loss over them.

        Raises
        ------
        FloatingPointError
            Where the loss is not finite.
        """
        self.reset_metrics()
        constants = {"gamma": gamma, "reconstruction_weight": reconstruction_weight}
        waiting = []
        for batch in some_batches:
            x = {"images": images[batch.rows], "weight": batch.weight}
            # one for each row, as every device gets some rows
            x |= {name: np.full_like(batch.weight, value) for name, value in constants.items()}
            if self.is_affine:
                x["transforms"] = batch.transforms
            if targets is not None:
                x["targets"] = targets[batch.rows].astype(np.float32)
            waiting.append(x)
            if len(waiting) >= min(STEPS_PER_CALL, BYTES_PER_CALL // x["images"].nbytes):
                self._take_steps(waiting)
                waiting = []
        if waiting:
            self._take_steps(waiting)
        losses = {name: float(ops.convert_to_numpy(mean.result())) for name, mean in self.means.items()}
        check_finite(np.isfinite(sum(losses.values())))
        return losses

    def _take_steps(self, inputs):
        """Take a step on each of the inputs."""
        if BACKEND == "tensorflow":
            # in one call, as entering TensorFlow costs milliseconds
            self._loop_of_steps({name: np.stack([x[name] for x in inputs]) for name in inputs[0]})
        else:
            for x in inputs:
                self.train_on_batch({name: ops.convert_to_tensor(values) for name, values in x.items()})

    @cached_property
    def _loop_of_steps(self):
        """A compiled function that takes the steps of inputs that are stacked along a new first axis."""
        import tensorflow as tf

        shapes = {"images": (None, *self.encoder.input_shape[1:])}
        shapes |= dict.fromkeys(("weight", "gamma", "reconstruction_weight"), (None,))
        if self.is_affine:
            shapes["transforms"] = (None, 8)
        if self.centers is not None:
            shapes["targets"] = (None, self.centers.shape[0])

        def step(x):
            self.train_step((x,))

        def step_on_devices(x):
            self.devices.run(lambda x: step(share(x)), args=(x,))

        # a strategy of one device needs its own context, too
        take_step = step if self.devices is None else step_on_devices

        # any number of steps on batches of any size
        @tf.function(input_signature=[{k: tf.TensorSpec((None, *v), tf.float32) for k, v in shapes.items()}])
        def take_steps(stacked):
            for i in tf.range(tf.shape(stacked["weight"])[0]):
                take_step({name: values[i] for name, values in stacked.items()})

        return take_steps


def check_finite(finite):
    """Raise, with the likely cause, where training has met numbers that are not finite."""
    if not finite:
        raise FloatingPointError(
            "The loss of the training is no longer finite. The likely causes are unscaled input (scale X "
            "to [0, 1]) or a learning rate that is too high for these data (pass "
            "optimizer=keras.optimizers.Adam(1e-4), say)."
        )


def have_finite_squares(A: ndarray) -> bool:
    """Return whether squared distances of rows can be told in their type."""
    with np.errstate(over="ignore"):
        return bool(np.isfinite(np.square(A).sum(axis=1)).all())


class Mapper(keras.Model):
    """A network applied to batches of one fixed size, one after the other.

    With a fixed size, what is computed for a row does not depend on how many others there are. For its
    bits not to depend on where it stands among them either, all positions of a batch must be computed
    alike. How threads share a batch of small images can prevent that, and differs by machine and network:
    so it is tried out, and single rows are the last resort.

    Parameters
    ----------
    architecture : str
    part : {0, 1}
        The encoder or the decoder.
    devices : strategy, distribution or None
        Those that are in force.
    """

    def __init__(self, architecture, part, devices=None):
        super().__init__(dtype="float32")
        self.devices = devices
        self.network = build(architecture)[part]
        self.built = True
        self.compile(jit_compile=JIT)
        for size in INFERENCE_BATCHES:
            self.batch_size = size
            if self.is_uniform():
                break

    def is_uniform(self):
        """Whether rows of a batch get the same bits one position further on."""
        rng = np.random.default_rng(0)
        # positive where they are no kernels, as variances must be
        fresh = [rng.uniform(-0.5 if w.ndim > 1 else 0.1, 0.5, w.shape) for w in self.network.get_weights()]
        self.network.set_weights(fresh)
        x = rng.random((self.batch_size, *self.network.input_shape[1:]), dtype=np.float32)
        return np.array_equal(self.map(np.roll(x, 1, axis=0)), np.roll(self.map(x), 1, axis=0))

    def map(self, rows):
        """Return what the network makes of any number of rows."""
        m = -(-len(rows) // self.batch_size)
        # as many batches for each device
        n_devices = count_devices(self.devices)
        m = -(-m // n_devices) * n_devices
        full = np.zeros((m * self.batch_size, *rows.shape[1:]), np.float32)
        full[: len(rows)] = rows
        full = full.reshape(m, self.batch_size, *rows.shape[1:])
        if n_devices > 1 and BACKEND == "tensorflow":
            out = self._map_on_devices(full).numpy()
        else:
            out = self.predict_on_batch(full)
        return out.reshape(-1, *out.shape[2:])[: len(rows)]

    @cached_property
    def _map_on_devices(self):
        """A compiled function that maps a share of the batches on each of TensorFlow's replicas."""
        import tensorflow as tf

        @tf.function(reduce_retracing=True)
        def map_on_devices(batches):
            shares = self.devices.run(lambda x: self(share(x), training=False), args=(batches,))
            return self.devices.gather(shares, axis=0)

        return map_on_devices

    def call(self, inputs, training=False):
        """Map the network over the first axis of inputs (m, batch_size, ...)."""
        return ops.map(lambda batch: ops.cast(self.network(batch, training=False), "float32"), inputs)


_idle: list[tuple] = []  # pairs of key and model; the most recently used come last
_idle_lock = threading.Lock()


@contextmanager
def borrowed(kind, *args):
    """Lend a compiled model of this kind, made from these arguments; one borrower at a time."""
    devices = current_devices()
    key, model = (kind, *args, devices), None
    with _idle_lock:
        for i in reversed(range(len(_idle))):
            if _idle[i][0] == key:
                model = _idle.pop(i)[1]
                break
    model = kind(*args, devices) if model is None else model
    intact = False
    try:
        yield model
        intact = True
    except GeneratorExit:
        # a loop that was left early; its model is as good as before
        intact = True
        raise
    finally:
        if intact:
            with _idle_lock:
                _idle.append((key, model))
                del _idle[:-MOST_IDLE]


def software():
    """Return the versions that the bits of a result depend on."""
    from skdcec._version import __version__

    backend = keras.config.backend()
    version = importlib.import_module(backend).__version__
    return f"skdcec {__version__}, keras {keras.__version__} on {backend} {version}, numpy {np.__version__}"


# --------------------------------------------------------------------------- loops


def encode(architecture, weights, images):
    """Return the embeddings (n_samples, n_components) of images (n_samples, h, w, c), float32."""
    return _map_rows(architecture, weights, images, part=0)


def decode(architecture, weights, Z):
    """Return the images (n_samples, h, w, c) of embeddings (n_samples, n_components), float32."""
    return _map_rows(architecture, weights, Z, part=1)


def _map_rows(architecture, weights, rows, part):
    with borrowed(Mapper, architecture, part) as mapper:
        n = len(mapper.network.weights)
        mapper.network.set_weights(weights[len(weights) - n :] if part else weights[:n])
        outputs = []
        for some in slices(len(rows)):
            outputs.append(mapper.map(rows[some]))
        return np.concatenate(outputs)


def pretrain(
    architecture, weights, images, *, epochs, batch_size, optimizer, augmentation, seed, resume=None
):
    """Train an autoencoder alone (eq 4); yield after each epoch.

    Parameters
    ----------
    architecture : str
    weights : list of ndarray
        Where to start from.
    images : Images, or ndarray of shape (n_samples, height, width, channels), float32
    epochs, batch_size : int
    optimizer : str
        JSON of a Keras optimizer.
    augmentation : {None, 'affine'} or str
        Or JSON of a Keras layer.
    seed : int
        Determines the batches, and all that layers draw.
    resume : tuple of int and list of ndarray, or None
        How many epochs have been trained already, and the `Trainer.progress` after them.

    Yields
    ------
    loss : float
        Mean reconstruction loss over the epoch.
    trainer : Trainer
        Whose ``arrays`` are the weights as they are now.
    """
    done, state = resume or (0, None)
    n_batches = batches_per_epoch(len(images), batch_size)
    with borrowed(Trainer, architecture, optimizer, 0, augmentation) as trainer:
        n_devices, first = count_devices(trainer.devices), done * n_batches
        stream = batches(len(images), images.shape[1:], batch_size, augmentation, seed, first, n_devices)
        trainer.load(weights, seed=seed, progress=state)
        for _ in range(done, epochs):
            losses = trainer.train(images, islice(stream, n_batches))
            yield losses["reconstruction"], trainer


class Update(NamedTuple):
    """The state of joint training at one update of the targets."""

    n_iter: int
    losses: dict  # means of the parts of the loss since the last update
    label_change: float  # share of the labels that changed since then
    labels: np.ndarray
    embedding: np.ndarray
    weights: list
    centers: np.ndarray
    trainer: object

    def record(self):
        """Return the numbers to keep in a history."""
        losses = {f"{name}_loss": value for name, value in self.losses.items()}
        return {"n_iter": self.n_iter, **losses, "label_change": self.label_change}


def refine(
    architecture,
    weights,
    centers,
    images,
    *,
    gamma,
    reconstruction_weight,
    update_interval,
    max_iter,
    tol,
    batch_size,
    optimizer,
    augmentation,
    seed,
    targets=None,
    resume=None,
):
    """Train encoder, decoder and centers together (eq 5); yield an `Update` every interval.

    The targets P come from all images, clean; the batches are augmented. It ends when fewer than
    `tol` of the labels change from one update to the next, or after `max_iter` batches.

    Parameters
    ----------
    architecture : str
    weights : list of ndarray
    centers : ndarray of shape (n_clusters, n_components)
    images : Images, or ndarray of shape (n_samples, height, width, channels), float32
    gamma, reconstruction_weight : float
        Weights of the two terms of the loss.
    update_interval, max_iter : int
        Numbers of batches.
    tol : float
    batch_size : int
    optimizer : str
        JSON of a Keras optimizer.
    augmentation : {None, 'affine'} or str
        Or JSON of a Keras layer.
    seed : int
        Determines the batches, and all that layers draw.
    targets : Targets or None
        Those of these weights and centers, where they are known.
    resume : tuple of int and list of ndarray, or None
        How many batches led to these weights and centers, and the `Trainer.progress` after them.

    Yields
    ------
    update : Update
    """
    n_iter, state = resume or (0, None)
    done = False
    with borrowed(Trainer, architecture, optimizer, len(centers), augmentation) as trainer:
        n_devices = count_devices(trainer.devices)
        stream = batches(len(images), images.shape[1:], batch_size, augmentation, seed, n_iter, n_devices)
        trainer.load(weights, centers, seed, state)
        targets = targets or Targets(encode(architecture, weights, images), centers)
        while not done:
            n_batches = min(update_interval, max_iter - n_iter)
            some = islice(stream, n_batches)
            losses = trainer.train(images, some, targets, gamma, reconstruction_weight)
            n_iter += n_batches
            weights, centers, labels = trainer.arrays(), trainer.centers.numpy(), targets.labels
            targets = Targets(encode(architecture, weights, images), centers)
            check_finite(have_finite_squares(targets.Z) and have_finite_squares(centers))
            change = float(np.mean(targets.labels != labels))
            done = change < tol or n_iter >= max_iter
            yield Update(n_iter, losses, change, targets.labels, targets.Z, weights, centers, trainer)
