import pytest

from isogloss.activations import choose_layers
from isogloss.errors import OptionError


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("all", (0, 1, 2, 3)),
        ("last", (3,)),
        ("0,2", (0, 2)),
        ("1-3", (1, 2, 3)),
        ("-1", (3,)),
        ("2 0", (0, 2)),
        (2, (2,)),
        ([3, 0, 3], (0, 3)),
        (-2, (2,)),
    ],
)
def test_layers_are_written_in_many_ways(wanted, expected):
    assert choose_layers(wanted, 3) == expected


@pytest.mark.parametrize("wanted", ["4", "0-4", -5, [1, 9]])
def test_a_layer_that_does_not_exist_is_named(wanted):
    with pytest.raises(OptionError, match=r"no layer -?\d+: this model has layers 0 \(embeddings\) to 3"):
        choose_layers(wanted, 3)


@pytest.mark.parametrize("wanted", ["some", "1-", "1..3", ""])
def test_nonsense_is_refused(wanted):
    with pytest.raises(OptionError):
        choose_layers(wanted, 3)


def test_missing_layers_are_left_out_on_request_as_long_as_one_remains():
    assert choose_layers("2-6", 3, present_only=True) == (2, 3)
    with pytest.raises(OptionError):
        choose_layers("5-6", 3, present_only=True)
