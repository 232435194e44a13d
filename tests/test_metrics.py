"""Clustering accuracy, against a search of all matchings."""

import tracemalloc
from itertools import permutations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import make_scorer
from sklearn.metrics.cluster import contingency_matrix

from skdcec import KHarmonicMeans
from skdcec.metrics import clustering_accuracy_score, clustering_accuracy_scorer


def test_is_the_best_of_all_matchings():
    rng = np.random.default_rng(0)
    for _ in range(20):
        y, labels = rng.integers(0, 4, (2, 30))
        best = max(np.mean(np.array(p)[labels] == y) for p in permutations(range(4)))
        assert clustering_accuracy_score(y, labels) == pytest.approx(best)


def test_names_do_not_matter():
    assert clustering_accuracy_score(["a", "a", "b"], [7, 7, -3]) == 1
    assert clustering_accuracy_score([0, 0, 1, 1], [0, 1, 2, 3]) == 0.5
    assert clustering_accuracy_score([0, 1, 2, 3], [0, 0, 0, 0]) == 0.25


def test_noise_matches_no_class():
    assert clustering_accuracy_score([0, 0, 1, 1], [-1, -1, 1, 1]) == 0.5
    assert clustering_accuracy_score([0, 1], [-1, -1]) == 0


def test_bad_input_raises():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        clustering_accuracy_score([0, 1], [0])
    with pytest.raises(ValueError, match="empty"):
        clustering_accuracy_score([], [])
    with pytest.raises(ValueError, match="1d"):
        clustering_accuracy_score([[0, 1]], [[0, 1], [1, 0]])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0.0, np.nan], "NaN or infinity"),
        ([0.5, 1.0], "continuous values"),
        (np.ma.masked_array([0, 1], [True, False]), "1 masked values"),
    ],
)
def test_values_that_name_no_class_raise(labels, message):
    for args, name in (((labels, [0, 1]), "y_true"), (([0, 1], labels), "y_pred")):
        with pytest.raises(ValueError, match=f"{name} .*{message}"):
            clustering_accuracy_score(*args)
    assert clustering_accuracy_score([0.0, 1.0], np.ma.masked_array([1, 0])) == 1


def test_parts_of_the_table_are_matched_as_the_whole_is():
    rng = np.random.default_rng(0)
    for _ in range(20):
        # three parts without a class or label in common, mixed
        part = rng.integers(3, size=60)
        y, labels = 10 * part + rng.integers(4, size=60), 10 * part + rng.integers(5, size=60)
        table = contingency_matrix(y, labels)
        best = table[linear_sum_assignment(table, maximize=True)].sum() / 60
        assert clustering_accuracy_score(y, labels) == pytest.approx(best)


def test_many_labels_take_little_memory():
    y, labels = np.arange(4000), np.random.default_rng(0).permutation(4000)
    tracemalloc.start()
    assert clustering_accuracy_score(y, labels) == 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # a table of all pairs has 128 MB
    assert peak < 2e7


def test_scorers():
    X = np.repeat([[0.0], [9.0]], 5, axis=0) + np.random.default_rng(0).normal(size=(10, 1))
    y = np.repeat([1, 0], 5)
    model = KHarmonicMeans(2, random_state=0).fit(X)
    assert clustering_accuracy_scorer(model, X, y) == make_scorer(clustering_accuracy_score)(model, X, y) == 1
