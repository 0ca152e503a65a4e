import numpy as np
import pytest

from isogloss.errors import OptionError
from isogloss.numerics.separation import Separator, separable


def words(seed: int, n: int = 400, d: int = 12, groups: int = 4, apart: float = 1.5):
    """Points around a centre for each group, so that some pairs of groups overlap and some do not."""
    rng = np.random.default_rng(seed)
    y = rng.integers(groups, size=n)
    return rng.normal(size=(n, d)) + apart * rng.normal(size=(groups, d))[y], y


def subsets(X, y, rng, count):
    """Neighbours of one point, from two groups: what a growing cluster looks like."""
    for _ in range(count):
        g, h = rng.choice(np.unique(y), 2, replace=False)
        centre = X[rng.integers(len(X))]
        pair = []
        for label in (g, h):
            rows = np.flatnonzero(y == label)
            order = np.argsort(np.linalg.norm(X[rows] - centre, axis=1))
            pair.append(rows[order[: rng.integers(1, 40)]])
        yield pair


@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize("apart", [0.3, 1.0, 2.0])
def test_verdicts_on_subsets_are_those_on_their_rows(grouped, apart):
    X, y = words(0, apart=apart)
    separator = Separator(X, y if grouped else None)
    for rows_a, rows_b in subsets(X, y, np.random.default_rng(1), 60):
        result = separator.separable(rows_a, rows_b)
        assert result.holds(X[rows_a], X[rows_b])
        assert bool(result) == bool(separable(X[rows_a], X[rows_b]))


def test_rows_of_several_groups_are_judged_as_any_others():
    X, y = words(0, apart=3.0)
    separator = Separator(X, y)
    rng = np.random.default_rng(2)
    for _ in range(40):
        rows = rng.permutation(len(X))[:24]
        result = separator.separable(rows[:12], rows[12:])
        assert result.holds(X[rows[:12]], X[rows[12:]])


def test_groups_apart_settle_their_subsets_by_one_plane():
    X, y = words(0, apart=30.0)
    separator = Separator(X, y)
    assert separator.groups_separable(0, 1)
    assert separator.groups_separable(1, 0).holds(X[y == 1], X[y == 0])
    result = separator.separable(np.flatnonzero(y == 1)[:5], np.flatnonzero(y == 0)[3:9])
    assert result.method == "groups"
    assert separator.groups_separable(0, 1) is separator.groups_separable(0, 1)


def test_small_pairs_of_overlapping_groups_are_mostly_looked_up():
    X, y = words(0, apart=0.6)
    separator = Separator(X, y)
    methods = [separator.separable(a, b).method for a, b in subsets(X, y, np.random.default_rng(1), 80)]
    assert not separator.groups_separable(0, 1)
    assert methods.count("groups") > 20


@pytest.mark.parametrize("apart", [0.3, 0.8, 1.5])
def test_first_overlap_finds_one_where_there_is_one(apart):
    X, y = words(3, apart=apart)
    rng = np.random.default_rng(0)
    # Clusters of one group each; some rows are left out.
    assignment = y * 100 + rng.integers(8, size=len(X))
    assignment[rng.random(len(X)) < 0.1] = -1
    separator = Separator(X, y)
    found_some = 0
    for rows, _ in subsets(X, y, rng, 25):
        others = {int(c) for c in assignment if c >= 0 and c // 100 != y[rows[0]]}
        overlapping = {c for c in others if not separable(X[rows], X[assignment == c])}
        found = separator.first_overlap(rows, assignment)
        assert (found is None) == (not overlapping)
        if found is not None:
            cluster, verdict = found
            assert cluster in overlapping
            assert verdict.holds(X[rows], X[assignment == cluster])
            found_some += 1
    assert found_some or apart > 1.0


def test_one_vector_under_two_groups_overlaps_with_itself():
    X, y = words(0, apart=30.0)
    a, b = np.flatnonzero(y == 0)[0], np.flatnonzero(y == 1)[0]
    X[b] = X[a]
    separator = Separator(X, y)
    assert not separator.separable([a], [b])
    assert not separator.groups_separable(0, 1)
    assert separator.first_overlap(np.array([a]), np.where(np.arange(len(X)) == b, 7, -1))[0] == 7


def test_many_planes_are_kept_without_spoiling_old_verdicts(monkeypatch):
    monkeypatch.setattr("isogloss.numerics.separation.separator._WORTH_KEEPING", 2)
    X, y = words(5, apart=0.6)
    separator = Separator(X, y)
    pairs = list(subsets(X, y, np.random.default_rng(1), 150))
    results = [separator.separable(a, b) for a, b in pairs]
    assert all(r.holds(X[a], X[b]) for r, (a, b) in zip(results, pairs, strict=True))


def test_heights_beyond_the_memory_allowed_are_done_without(monkeypatch):
    monkeypatch.setattr("isogloss.numerics.separation.separator._VALUES", 0)
    X, y = words(0, apart=1.0)
    separator = Separator(X, y)
    for a, b in subsets(X, y, np.random.default_rng(1), 20):
        result = separator.separable(a, b)
        assert result.method != "groups"
        assert result.holds(X[a], X[b])


def test_what_cannot_be_asked_is_refused():
    X, y = words(0)
    with pytest.raises(OptionError, match="one label for each of the 400 rows"):
        Separator(X, y[:3])
    with pytest.raises(OptionError, match="at least one row"):
        Separator(X, y).separable([], [1])
    with pytest.raises(OptionError, match="at least one row"):
        Separator(X, y).first_overlap(np.array([], dtype=int), y)
