import numpy as np
import pytest

from isogloss.numerics import row_blocks, zip_blocks


def test_streams_cut_at_different_places_are_walked_row_by_row():
    X, Y = np.arange(20.0).reshape(10, 2), np.arange(10.0).reshape(10, 1)
    steps = list(zip_blocks([row_blocks(X, 3), row_blocks(Y, 4)]))
    assert [len(x) for x, _ in steps] == [3, 1, 2, 2, 1, 1]
    assert np.array_equal(np.concatenate([x for x, _ in steps]), X)
    assert np.array_equal(np.concatenate([y for _, y in steps]), Y)


def test_empty_blocks_are_passed_over():
    X = np.ones((4, 2))
    steps = list(zip_blocks([[X[:0], X[:2], X[:0], X[2:]], [X]]))
    assert sum(len(x) for x, _ in steps) == 4


@pytest.mark.parametrize(("rows_x", "rows_y"), [(10, 12), (12, 10), (0, 3)])
def test_different_numbers_of_rows_are_refused_stating_both(rows_x, rows_y):
    streams = [row_blocks(np.ones((rows_x, 2)), 4), row_blocks(np.ones((rows_y, 2)), 5)]
    with pytest.raises(ValueError, match=f"X has {rows_x} rows, Y has {rows_y} rows"):
        list(zip_blocks(streams))
