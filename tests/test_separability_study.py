"""The parts of the study's script that need no model."""

import numpy as np
from benchmarks.separability_study import hulls, without_conflicts
from benchmarks.separability_tables import conflicts


def test_rows_of_a_vector_under_two_labels_are_left_out():
    X = np.array([[0.0, 1], [0, 1], [2, 3], [2, 3], [4, 5]], dtype=np.float32)
    kept, labels = without_conflicts(X, np.array(["a", "b", "a", "a", "b"]))
    assert kept.tolist() == [[2, 3], [2, 3], [4, 5]]
    assert labels.tolist() == ["a", "a", "b"]


def test_labels_that_share_a_vector_are_compared_without_it():
    rng = np.random.default_rng(0)
    y = np.repeat(["a", "b", "c", "d"], 12)
    centres = 9 * np.array([[0, 0, 0], [1, 0, 0], [0, 1.5, 0], [0, 0, 2.0]])
    X, test = (centres[np.repeat(range(4), 12)] + rng.normal(size=(48, 3)) for _ in range(2))
    X[0] = X[20]
    found = hulls((X.astype(np.float32), y), (test.astype(np.float32), y))
    assert (found["conflicts"], found["linear"], found["linear_without_conflicts"]) == (2, False, True)
    assert found["clusters"] > found["clusters_without_conflicts"] == 4
    assert found["similarity_without_few"] > 0.9
    rows = [found | {"task": "POS"}, found | {"task": "DEP", "conflicts": 0}]
    assert conflicts(rows).endswith("POS 2 training rows, without which 1 of 1 cells are linear.")
