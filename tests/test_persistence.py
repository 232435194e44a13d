"""Contents of fitted estimators, other formats, backends and processes."""

import importlib.util
import io
import json
import os
import pickle
import subprocess
import sys

import cloudpickle
import joblib
import keras
import numpy as np
import pytest
import skops.io
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import GridSearchCV

from skdcec import DCEC, ConvAutoencoder, DenseAutoencoder, KHarmonicMeans, MahalanobisKMeans

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # hardly trained
OURS = {DCEC, ConvAutoencoder, DenseAutoencoder, KHarmonicMeans, MahalanobisKMeans}


@pytest.fixture(scope="module")
def X(digits):
    return digits.images[:300]


@pytest.fixture(scope="module")
def model(X, autoencoder):
    return DCEC(
        init=KHarmonicMeans(), autoencoder=FrozenEstimator(autoencoder), max_batches=4, random_state=0
    ).fit(X)


def contents(value):
    """Yield a fitted attribute and everything inside it."""
    yield value
    if isinstance(value, dict):
        inner = value.values()
    elif isinstance(value, list | tuple):
        inner = value
    else:
        inner = vars(value).values() if type(value) in OURS else ()
    for item in inner:
        yield from contents(item)


def test_fitted_state_is_arrays_and_json_only(model):
    plain = (np.ndarray, np.generic, int, float, str, dict, list, tuple, type(None), FrozenEstimator)
    fitted = {name: value for name, value in vars(model).items() if name.endswith("_")}
    for item in contents(fitted):
        assert isinstance(item, plain) or type(item) in OURS, type(item)
    json.loads(model.autoencoder_.architecture_)


def test_other_ways_to_save(model, X):
    Z, Q = model.transform(X), model.predict_proba(X)
    data = skops.io.dumps(model)
    untrusted = skops.io.get_untrusted_types(data=data)
    assert {name.rpartition(".")[2] for name in untrusted} <= {kind.__name__ for kind in OURS}
    for other in (
        skops.io.loads(data, trusted=untrusted),
        cloudpickle.loads(cloudpickle.dumps(model)),
    ):
        np.testing.assert_array_equal(other.transform(X), Z)
        np.testing.assert_array_equal(other.predict_proba(X), Q)
        np.testing.assert_array_equal(other.labels_, model.labels_)
    stream = io.BytesIO()
    joblib.dump(model, stream)
    stream.seek(0)
    np.testing.assert_array_equal(joblib.load(stream).transform(X), Z)


def test_the_hash_of_a_fitted_estimator_does_not_change_with_use(model, X):
    before = joblib.hash(model)
    model.predict(X)
    _ = model.to_keras(), model.autoencoder_.to_keras(), model._repr_html_()
    assert joblib.hash(model) == before == joblib.hash(pickle.loads(pickle.dumps(model)))
    assert joblib.hash(clone(model).fit(X)) == before


def test_exported_model_serves(model, X, tmp_path):
    tf = pytest.importorskip("tensorflow")
    model.to_keras().export(tmp_path / "served", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "served"))
    np.testing.assert_allclose(loaded.serve(X[..., None]).numpy(), model.predict_proba(X), atol=1e-5)


class FirstRows:
    """An initializer of the user's, whose text in a checkpoint is hashes."""

    def __init__(self, start):
        self.start = start

    def __call__(self, Z, n_clusters, random_state=None):
        return Z[self.start : self.start + n_clusters]


def resumable(folder, **params):
    autoencoder = DenseAutoencoder((5,), n_components=2, epochs=1)
    short = {"max_batches": 2, "batches_per_update": 2, "random_state": 0}
    return DCEC(3, autoencoder=autoencoder, checkpoint=folder, **short | params)


LABELS = np.arange(40) % 3
ADAM = keras.optimizers.Adam(1e-2)


@pytest.mark.parametrize(
    ("before", "now", "message"),
    [
        ({}, {"init": "auto"}, "init was an array and is 'auto'"),
        ({}, {"init": 2 - LABELS}, "init was different"),
        ({}, {"init": list(LABELS)}, "init was an array and is a list"),
        ({}, {"init": FirstRows(0)}, r"init was an array and is [\w.]+FirstRows"),
        ({"init": FirstRows(0)}, {"init": FirstRows(9)}, "init was different"),
        ({}, {"random_state": 1}, "random_state differs"),
        ({}, {"gamma": 0.25}, "gamma was 1.0 and is 0.25"),
        (
            {},
            {"autoencoder__hidden_layer_sizes": (6,)},
            r"autoencoder__hidden_layer_sizes was \['5'\] and is \['6'\]",
        ),
        ({}, {"optimizer": "sgd"}, "optimizer was that of the autoencoder and is SGD"),
        ({"optimizer": ADAM}, {"optimizer": "adam"}, "optimizer was different"),
    ],
)
def test_messages_on_another_fit_are_for_people(X, tmp_path, before, now, message):
    model = resumable(tmp_path, init=LABELS).set_params(**before).fit(X[:40])
    with pytest.raises(ValueError, match=rf"another fit: {message}\. Use another folder, or delete"):
        clone(model).set_params(**now).fit(X[:40])


def test_other_images_are_counted_if_there_are_more_or_fewer(X, tmp_path):
    model = resumable(tmp_path, init=FirstRows(0)).fit(X[:40])
    for images, counts in ((X[:39], r" \(40 before, 39 now\)"), (1 - X[:40], "")):
        with pytest.raises(
            ValueError, match=rf"another fit: X has other images{counts}\. Use another folder"
        ):
            model.fit(images)


def test_a_checkpoint_that_is_a_file_is_refused(X, tmp_path):
    path = tmp_path / "fit.py"
    path.write_text("mine")
    with pytest.raises(ValueError, match=r"checkpoint='.*fit\.py' is a file; it should be a folder\.$"):
        resumable(path).fit(X)
    assert path.read_text() == "mine"


LOAD = """
import pickle, sys
import numpy as np
model, X, Z, labels = pickle.load(open(sys.argv[1], "rb"))
assert "keras" not in sys.modules
np.testing.assert_allclose(model.transform(X), Z, atol=1e-4)
np.testing.assert_array_equal(model.predict(X), labels)
import keras
print(keras.backend.backend())
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_pickles_load_under_another_backend(model, X, tmp_path, backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    path = tmp_path / "model.pickle"
    path.write_bytes(pickle.dumps((model, X, model.transform(X), model.labels_)))
    done = subprocess.run(
        [sys.executable, "-c", LOAD, path],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"KERAS_BACKEND": backend},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split()[-1] == backend


class CountUpdates:
    """A callback that writes a file for each update, in any process."""

    def __init__(self, folder):
        self.folder = folder

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "update":
            (self.folder / f"{os.getpid()}-{os.urandom(4).hex()}").touch()


@pytest.mark.slow
def test_grid_search_in_processes_agrees_with_one_after_the_other(model, X, digits, tmp_path):
    y = digits.target[:300]
    dcec = clone(model).set_params(batches_per_update=2, keep="last")
    dcec.set_callbacks(CountUpdates(tmp_path))
    grid = {"init": [KHarmonicMeans(), MahalanobisKMeans()], "gamma": [0.1, 0.5]}

    def search(n_jobs):
        # loky is the default of joblib
        return GridSearchCV(dcec, grid, cv=2, n_jobs=n_jobs, scoring="adjusted_rand_score").fit(X, y)

    one, two = search(None), search(2)
    for name in ("split0_test_score", "split1_test_score"):
        np.testing.assert_array_equal(one.cv_results_[name], two.cv_results_[name])
    np.testing.assert_array_equal(one.best_estimator_.labels_, two.best_estimator_.labels_)
    assert adjusted_rand_score(y, two.best_estimator_.labels_) > 0
    # each search has eight fits and a refit, of two updates each
    seen = list(tmp_path.iterdir())
    assert len(seen) == 2 * 9 * 2
    assert len({path.name.split("-")[0] for path in seen}) > 1
