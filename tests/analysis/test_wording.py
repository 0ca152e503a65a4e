import pytest

from isogloss.analysis import from_to, layers, stated, with_interval


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.4321, ".43"), (0.9934, ".993"), (0.99996, ">.999"), (1.0, "1"), (0.0, "0"), (-0.25, "-.25"),
        (0.0001, "<.001"), (0.004, ".004"), (1.25, "1.25"), (10.5, "10.50"), (-0.9996, "<-.999"), (-0.0001, ">-.001"),
    ],
)  # fmt: skip
def test_numbers_read_as_in_a_paper(value, text):
    assert stated(value) == text


def test_intervals_have_one_number_of_digits_and_ends_that_differ():
    assert with_interval(0.43, 0.42, 0.451) == ".43 [.42, .45]"
    assert with_interval(0.993, 0.9912, 0.9945) == ".993 [.991, .995]"
    assert with_interval(0.97213, 0.97201, 0.97234) == ".9721 [.9720, .9723]"
    assert with_interval(1.0, 1.0, 1.0) == "1"
    assert with_interval(0.999961, 0.99996, 0.999962) == ">.999"
    assert with_interval(0.5, None, None) == ".50"


def test_layers_read_as_ranges():
    assert layers([3]) == "Layer 3"
    assert layers([2, 0, 1]) == "Layers 0-2"
    assert layers([0, 1, 4, 6, 7]) == "Layers 0-1, 4, 6-7"


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [(0.93, 0.9, ".93 to .90"), (0.889, 0.8941, ".889 to .894"), (1.0, 0.39, "1 to .39"), (0.5, 0.5, ".5000 to .5000")],
)
def test_two_values_are_written_so_that_they_look_different(before, after, text):
    assert from_to(before, after) == text
