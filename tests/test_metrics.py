"""Clustering accuracy, against a search of all matchings."""

import tracemalloc
from itertools import permutations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, make_scorer
from sklearn.metrics.cluster import contingency_matrix

from skdcec import KHarmonicMeans
from skdcec.metrics import align_labels, clustering_accuracy_score, clustering_accuracy_scorer


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


def test_aligned_labels_agree_as_far_as_possible():
    rng = np.random.default_rng(0)
    for n_clusters, n_others in ((3, 3), (2, 5), (5, 2), (1, 1)):
        labels = rng.integers(n_clusters, size=40) * 7
        reference = rng.integers(n_others, size=40)
        aligned = align_labels(labels, reference)
        assert adjusted_rand_score(aligned, labels) == 1
        # every way to give different numbers to the clusters
        names, numbers = np.unique(labels), range(n_others + n_clusters)
        agreements = [
            np.sum(np.array(chosen)[np.searchsorted(names, labels)] == reference)
            for chosen in permutations(numbers, len(names))
        ]
        assert np.sum(aligned == reference) == max(agreements)
        np.testing.assert_array_equal(align_labels(aligned, reference), aligned)


def test_a_renamed_partition_is_aligned_to_itself_and_noise_stays():
    reference = np.array([4, 4, 9, -1, 9, 2, 2])
    np.testing.assert_array_equal(align_labels([0, 0, 1, -1, 1, 5, 5], reference), reference)
    # noise has no partner, and clusters beyond those of the reference get new numbers
    np.testing.assert_array_equal(align_labels([0, 1, 1, 0], [-1, 3, 3, -1]), [0, 3, 3, 0])
    # without an image in common, a cluster is no partner
    np.testing.assert_array_equal(align_labels([0, 0, 0, 0, 1], [0, 0, 0, 5, 0]), [0, 0, 0, 0, 1])
    with pytest.raises(ValueError, match="inconsistent"):
        align_labels([0, 1], [0])
    with pytest.raises(ValueError, match="labels has type <U1; it should hold integers"):
        align_labels(["a", "b"], [0, 1])


@pytest.mark.parametrize("labels", [[None, 1, 2], ["a", None, "b"], [None, None, None]])
def test_missing_classes_are_refused_by_name(labels):
    with pytest.raises(ValueError, match="y_true mixes types, or has None"):
        clustering_accuracy_score(labels, [0, 1, 1])
    objects = np.array(["a", "b", "b"], dtype=object)
    assert clustering_accuracy_score(objects, [0, 1, 1]) == 1
