import numpy as np
import pytest

from isogloss.errors import OptionError
from isogloss.probing.agreement import agreement, expected_jaccard, jaccard
from tests.probing.neurons import as_ranking


def of(table, **where):
    for column, value in where.items():
        table = table.filter(table[column] == value)
    return table.row(0, named=True)


RANKINGS = {"x": np.array([0, 1, 2, 3, 4, 5]), "y": as_ranking([1, 0, 3, 2, 4, 5]), "z": [5, 4, 3, 2, 1, 0]}


def test_overlap_of_pairs_is_that_of_their_first_neurons():
    pairs = agreement(RANKINGS, k=[1, 2, 3, 6]).pairs
    assert of(pairs, a="x", b="y", k=1)["jaccard"] == 0
    assert of(pairs, a="x", b="y", k=2)["jaccard"] == 1
    assert of(pairs, a="x", b="y", k=3)["jaccard"] == 2 / 4
    assert of(pairs, a="y", b="z", k=3)["jaccard"] == 1 / 5
    assert set(pairs.filter(pairs["k"] == 6)["jaccard"]) == {1.0}


def test_the_vote_is_a_borda_count_of_the_first_neurons():
    found = agreement(RANKINGS, k=2, depth=3)
    assert found.points.tolist() == [5, 5, 1, 2, 2, 3]  # 3 2 1 points for the first three of each
    assert found.vote.tolist() == [0, 1, 5, 3, 4, 2]


def test_a_method_has_no_vote_about_itself_unless_asked():
    def overlap(**options):
        return of(agreement(RANKINGS, k=2, depth=6, **options).methods, method="z")

    # Without z, x and y put 0 and 1 first.
    assert overlap()["vote_overlap"] == 0
    assert overlap()["average_overlap"] == 0
    assert overlap(leave_out=False)["average_overlap"] == pytest.approx(1 / 3)


def test_a_method_does_not_carry_the_vote_it_is_held_against():
    two = {"x": [0, 3, 1, 2], "z": [3, 1, 2, 0]}
    # Together they put 3 first; x alone puts 0 first.
    assert agreement(two, k=1, leave_out=False).vote[0] == 3
    assert of(agreement(two, k=1).methods, method="z")["vote_overlap"] == 0
    assert of(agreement(two, k=1, leave_out=False).methods, method="z")["vote_overlap"] == 1


def test_those_that_do_not_vote_change_no_vote():
    rng = np.random.default_rng(0)
    more = RANKINGS | {"random": rng.permutation(6)}
    found = agreement(more, k=2, voters=["x", "y", "z"])
    np.testing.assert_array_equal(found.points, agreement(RANKINGS, k=2).points)
    assert set(found.methods["method"]) == {"x", "y", "z", "random"}


def test_chance_is_what_random_orders_give():
    rng = np.random.default_rng(0)
    drawn = [jaccard(rng.permutation(40)[:10], rng.permutation(40)[:10]) for _ in range(3000)]
    assert expected_jaccard(40, 10) == pytest.approx(np.mean(drawn), abs=0.005)
    assert expected_jaccard(8, 8) == 1


@pytest.mark.parametrize(
    ("rankings", "options", "message"),
    [
        ({"x": [0, 1]}, {}, "at least two"),
        ({"x": [0, 1], "y": [0, 1, 2]}, {}, "each of the 2 neurons once"),
        ({"x": [0, 1], "y": [0, 0]}, {}, "once"),
        (RANKINGS, {"k": 7}, "between 1 and"),
        (RANKINGS, {"voters": ["x", "w"]}, "Got w"),
    ],
)
def test_mistakes_are_told(rankings, options, message):
    with pytest.raises(OptionError, match=message):
        agreement(rankings, **options)
