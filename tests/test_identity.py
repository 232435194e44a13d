"""One identity of the user's code for the pool of models, the caches of networks, memory and checkpoint."""

import importlib
import subprocess
import sys
import textwrap
from functools import cached_property, lru_cache, partial

import joblib
import keras
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.cluster import KMeans

from skdcec import DCEC, DenseAutoencoder, KerasAutoencoder
from skdcec._deep._identity import as_text

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def X():
    return np.random.default_rng(0).random((40, 4, 4)).astype(np.float32)


def cell(factor):
    """The cell of a notebook, with a layer and an activation, run again after an edit."""

    @keras.saving.register_keras_serializable("tests")
    class Dim(keras.layers.Layer):
        def call(self, images, training=None):
            return factor * images

    @keras.saving.register_keras_serializable("tests")
    def bent(x):
        return keras.ops.tanh(factor * x)

    return Dim, bent


def network(activation):
    def make(shape):
        layers = keras.layers
        encoder = [
            keras.Input(shape),
            layers.Flatten(),
            layers.Dense(6, activation=activation),
            layers.Dense(2),
        ]
        decoder = [keras.Input((2,)), layers.Dense(16), layers.Reshape(shape)]
        return keras.Sequential(encoder), keras.Sequential(decoder)

    return make


def fits(X, factor):
    layer, activation = cell(factor)
    augmented = DenseAutoencoder((5,), 2, epochs=2, augmentation=layer(), random_state=0).fit(X)
    own = KerasAutoencoder(network(activation), epochs=2, random_state=0).fit(X)
    return [joblib.hash([model.weights_, model.transform(X)]) for model in (augmented, own)]


def test_an_edited_layer_or_activation_is_not_the_old_one(X):
    first, edited, again = (fits(X, factor) for factor in (1.0, 0.25, 1.0))
    assert first == again
    assert not set(first) & set(edited)


def test_code_in_classes_and_the_functions_that_they_call_counts():
    texts = set()
    for factor in (1, 2):
        scope = {}
        exec(
            textwrap.dedent(f"""
                UNIT = {factor if factor < 2 else 1}
                def helper(x):
                    return {factor} * x
                class Init:
                    def __init__(self, start): self.start = start
                    def __call__(self, Z, n_clusters, random_state=None): return helper(Z)[:n_clusters]
            """),
            scope | {"__name__": "__main__"},
            scope,
        )
        scope["Init"].__call__.__globals__.update(scope)
        texts.add(as_text(scope["Init"]))
    assert len(texts) == 2


def versions_of_code():
    """Yield the names of kinds of code, and two versions of each."""

    def with_settings(settings):
        return lambda x: settings["factor"] * x

    yield "a dict", with_settings({"factor": 1}), with_settings({"factor": 2})
    yield "a dict in a tuple", with_settings(({"factor": 1},)), with_settings(({"factor": 2},))
    yield "a list of functions", with_settings([max]), with_settings([min])
    add_one, add_two = (lambda x: x + 1), (lambda x: x + 2)
    yield "a cached function", with_settings(lru_cache(add_one)), with_settings(lru_cache(add_two))
    yield (
        "a function in a partial",
        with_settings(partial(map, f=add_one)),
        with_settings(partial(map, f=add_two)),
    )
    arrays = [np.arange(2000), np.arange(2000)]
    arrays[1][1000] = 0
    yield "an array in a partial", *(with_settings(partial(map, weights=array)) for array in arrays)

    class One:
        factors = (1, {"a": 1})

        @cached_property
        def f(self):
            return 1

        @staticmethod
        def g():
            return 1

    class Two:
        factors = (1, {"a": 1})

        @cached_property
        def f(self):
            return 2

        @staticmethod
        def g():
            return 1

    Two.__qualname__ = One.__qualname__
    yield "a cached property", One, Two


def test_all_code_that_a_function_refers_to_counts():
    for name, one, other in versions_of_code():
        assert as_text(one) == as_text(one) != as_text(other), name


def test_functions_of_modules_that_are_not_installed_count(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    texts = []
    for factor in (1, 2, 1):
        (tmp_path / "my_helpers.py").write_text(f"def f(x):\n    return {factor} * x\n")
        importlib.invalidate_caches()
        sys.modules.pop("my_helpers", None)
        import my_helpers

        texts.append(as_text(lambda x: my_helpers.f(x)))
    monkeypatch.delitem(sys.modules, "my_helpers")
    assert texts[0] == texts[2] != texts[1]


class FirstRows:
    def __init__(self, start):
        self.start = start

    def __call__(self, Z, n_clusters, random_state=None):
        return Z[self.start : self.start + n_clusters]


def resumable(init, folder, **params):
    network = DenseAutoencoder((5,), n_components=2, epochs=2, batch_size=16)
    defaults = {"max_batches": 4, "batches_per_update": 2, "tol": 0, "random_state": 0, "keep": "last"}
    return DCEC(3, init=init, autoencoder=network, checkpoint=folder, **defaults | params)


def test_a_callable_object_is_more_than_its_class(X, tmp_path):
    resumable(FirstRows(0), tmp_path).fit(X)
    with pytest.raises(ValueError, match="another fit: init was"):
        resumable(FirstRows(20), tmp_path).fit(X)
    resumable(FirstRows(0), tmp_path).fit(X)


def test_what_cannot_be_compared_is_not_taken_for_equal():
    class Opaque:
        def __reduce__(self):
            raise TypeError("no pickle")

    one, other = Opaque(), Opaque()
    assert as_text(one) == as_text(one) != as_text(other)


PROCESS = """
import sys
import joblib, keras, numpy as np
from sklearn.cluster import KMeans
from skdcec import DCEC, DenseAutoencoder

@keras.saving.register_keras_serializable("tests")
class Dim(keras.layers.Layer):
    def call(self, images, training=None):
        return FACTOR * images

X = np.random.default_rng(0).random((40, 4, 4)).astype("f4")
network = DenseAutoencoder((5,), n_components=2, epochs=2, augmentation=Dim())
model = DCEC(2, init=KMeans(n_init=1), autoencoder=network, max_batches=1, random_state=0)
model.set_params(memory=sys.argv[1] if len(sys.argv) > 1 else None).fit(X)
print(joblib.hash(model.initial_centers_))
"""


@pytest.mark.slow
def test_memory_tells_edited_code_apart(tmp_path):
    def run(factor, *args):
        command = [sys.executable, "-W", "ignore", "-c", PROCESS.replace("FACTOR", factor), *args]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    first, edited, again = (run(factor, str(tmp_path)) for factor in ("1.0", "0.25", "1.0"))
    assert first == again != edited == run("0.25")
    assert len(list(tmp_path.iterdir())) == 2


def test_layers_that_encoder_and_decoder_share_are_refused(X):
    tied = keras.layers.Dense(16, name="tied")
    images, embedding = keras.Input((4, 4, 1)), keras.Input((16,))
    encoder = keras.Model(images, tied(keras.layers.Flatten()(images)))
    decoder = keras.Model(embedding, keras.layers.Reshape((4, 4, 1))(tied(embedding)))
    with pytest.raises(ValueError, match=r"network=.* share the weights \['tied/kernel', 'tied/bias'\]"):
        KerasAutoencoder((encoder, decoder)).fit(X)


@pytest.mark.parametrize(("before", "after"), [({"max_batches": 4}, {"max_batches": 8})])
def test_a_finished_fit_goes_on_with_more_batches(X, tmp_path, before, after):
    init = KMeans(n_init=1)
    resumable(init, tmp_path, **before).fit(X)
    longer, expected = resumable(init, tmp_path, **after).fit(X), resumable(init, None, **after).fit(X)
    assert longer.n_batches_ == 8
    assert_array_equal(longer.cluster_centers_, expected.cluster_centers_)
    assert_array_equal(longer.history_["modularity"], expected.history_["modularity"])
    with pytest.raises(ValueError, match="progress of a longer fit: max_batches was 8 and is 4"):
        resumable(init, tmp_path, **before).fit(X)


def test_a_finished_fit_goes_on_with_more_epochs(X, tmp_path):
    def model(epochs, folder):
        return resumable(KMeans(n_init=1), folder).set_params(autoencoder__epochs=epochs)

    model(2, tmp_path).fit(X)
    longer, expected = model(5, tmp_path).fit(X), model(5, None).fit(X)
    losses = [fit.autoencoder_.history_["reconstruction_loss"] for fit in (longer, expected)]
    assert_array_equal(*losses)
    assert_array_equal(longer.cluster_centers_, expected.cluster_centers_)
    assert_array_equal(longer.labels_, expected.labels_)


def test_the_lengths_of_the_first_labels_are_not_changed_in_silence(X, tmp_path):
    labels = np.arange(40) % 3
    resumable(labels, tmp_path).fit(X)
    with pytest.raises(ValueError, match=r"label_batches was 2 and is 4\. Set label_batches=2, use another"):
        resumable(labels, tmp_path, max_batches=8).fit(X)
    assert resumable(labels, tmp_path, max_batches=8, label_batches=2).fit(X).n_batches_ == 8
