import numpy as np
import pytest
from scipy.stats import t

from isogloss.separability.halves import half_masks, noise, within


def test_halves_are_disjoint_and_hold_whole_sentences():
    sentences = np.repeat([3, 9, 4, 20, 7], [2, 1, 3, 2, 2])
    masks = list(half_masks(sentences, 6, seed=0))
    assert len(masks) == 6
    for first, second in masks:
        assert (first != second).all()
        assert not set(sentences[first]) & set(sentences[second])
        assert len(set(sentences[first])) == 3
    assert len({first.tobytes() for first, _ in masks}) > 1


def test_halves_do_not_depend_on_the_order_of_rows():
    sentences = np.random.default_rng(0).integers(0, 30, 100)
    order = np.random.default_rng(1).permutation(100)
    for (first, _), (moved, _) in zip(half_masks(sentences, 3, 5), half_masks(sentences[order], 3, 5), strict=True):
        assert np.array_equal(first[order], moved)


def test_noise_is_what_one_half_varies_by():
    first, second = np.array([[1.0, 5], [2, np.nan]]), np.array([[2.0, 5], [5, 1]])
    found = noise(first, second)
    assert found[0] == pytest.approx(t.ppf(0.975, 2) * np.sqrt((1 + 9) / 2 / 2))
    assert found[1] == 0
    assert np.isnan(noise(np.zeros((0, 3)), np.zeros((0, 3)))).all()


def test_parts_of_clusters_that_a_half_lacks_are_left_out():
    mask = np.array([True, False, False, True, True])
    rows, there = within([np.array([0, 1]), np.array([2]), np.array([3, 4])], mask)
    assert [r.tolist() for r in rows] == [[0], [3, 4]]
    assert there.tolist() == [0, 2]


def gap(A, B):
    """Distance of two hulls on a line."""
    return B.min() - A.max()


@pytest.mark.parametrize("draw", ["uniform", "normal"])
def test_changes_that_are_only_other_sentences_stay_within_noise(draw):
    """Both models hold the same population: what changed between them is by which points were drawn."""
    rng = np.random.default_rng(0)
    beyond, moved, bootstrapped = 0, 0, 0
    for i in range(200):
        base, tuned = (getattr(rng, draw)(size=(2, 40)) * 0.2 + [[0], [3]] for _ in range(2))
        halves = []
        for first, second in half_masks(np.arange(40), 5, seed=i):
            halves.append([gap(*tuned[:, half]) - gap(*base[:, half]) for half in (first, second)])
        width = noise(*np.array(halves).T)
        change = gap(*tuned) - gap(*base)
        beyond += abs(change) > width
        moved += abs(change + 1) > width
        resampled = [gap(*base[:, rng.integers(0, 40, 40)]) for _ in range(40)]
        bootstrapped += np.quantile(resampled, 0.025) <= gap(*base) - 1e-12
    assert beyond / 200 < 0.05
    assert moved / 200 > 0.9
    # What the room does not do: the hull of a resample is never outside, so no resample comes closer.
    assert bootstrapped == 0
