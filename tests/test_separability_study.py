"""The parts of the study's script that need no model."""

import numpy as np
from benchmarks.separability_published import Cell
from benchmarks.separability_study import hulls, without_conflicts
from benchmarks.separability_tables import conflicts, rises


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
    cell = found | {"labels": 4, "state": "before"}
    said = conflicts([cell | {"task": "POS"}, cell | {"task": "DEP", "conflicts": 0}])
    assert said.startswith("Labels of the training rows: POS 4; DEP 4. Rows of one input under two labels")
    assert "POS 2 training rows, without which 1 of 1 cells are linear." in said
    assert said.endswith("2 of 2 cells are linear before, 0 of 0 cells are linear after.")


def test_where_similarity_did_not_fall_is_named():
    before, after = Cell(90.0, 0.1, 4, True, 0.5), Cell(91.0, 0.1, 4, True, 0.625)
    said = rises(
        {("small", "POS"): (before, after), ("small", "DEP"): (after, before), ("large", "POS"): (before, None)}
    )
    assert said.endswith("other than in the paper: POS, small (0.500 -> 0.625).")
    assert rises({}).endswith("nowhere.")
