"""Clustering accuracy, against a search of all matchings."""

from itertools import permutations

import numpy as np
import pytest
from sklearn.metrics import make_scorer

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


def test_scorers():
    X = np.repeat([[0.0], [9.0]], 5, axis=0) + np.random.default_rng(0).normal(size=(10, 1))
    y = np.repeat([1, 0], 5)
    model = KHarmonicMeans(2, random_state=0).fit(X)
    assert clustering_accuracy_scorer(model, X, y) == make_scorer(clustering_accuracy_score)(model, X, y) == 1
