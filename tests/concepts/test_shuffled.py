import numpy as np
import pytest

from isogloss.concepts import align_clusters, calign, colap, fates
from isogloss.concepts.inputs import type_codes, word_strings
from isogloss.concepts.nulls import type_shuffle
from isogloss.concepts.shuffled import shuffled_colap, shuffled_shares
from isogloss.errors import OptionError
from tests.concepts.conftest import BARE, DISSOLVED, UNCHANGED, cell

RNG = np.random.default_rng(0)
WORDS = [f"w{i}" for i in np.repeat(np.arange(80), 10)]
BASE = np.repeat(np.arange(80) // 8, 10)
"""Ten concepts of eight words each, every word ten times."""


def test_what_is_found_again_is_beyond_chance_where_concepts_are_the_same():
    bands = shuffled_shares(BASE, BASE, WORDS, permutations=50)
    assert set(bands) == {
        ("kept", "base"), ("inherited", "tuned"), ("matched", "base"), ("matched", "tuned"), ("calign", "base"),
        ("calign", "tuned"),
    }  # fmt: skip
    assert all(band.high < 0.1 for band in bands.values())
    assert all(len(band.values) == 50 for band in bands.values())


def test_two_concepts_of_few_words_are_found_again_by_chance():
    """Where one concept holds nearly all, most concepts lie within it whatever the words."""
    large = np.where(np.arange(80) < 77, 0, 1).repeat(10)
    bands = shuffled_shares(BASE, large, WORDS, match_threshold=0.95, permutations=50)
    assert bands["matched", "base"].low >= 0.7
    assert align_clusters(BASE, large, WORDS).share_a == 0.9
    assert bands["matched", "tuned"].high == 0


def test_chance_is_the_shares_of_shuffled_concepts():
    tuned = np.where(RNG.random(800) < 0.3, RNG.integers(0, 3, 800), BASE // 3)
    bands = shuffled_shares(BASE, tuned, WORDS, fate_threshold=0.6, match_threshold=0.5, permutations=4, seed=7)
    codes, _ = type_codes(word_strings(WORDS))
    draw, rng = type_shuffle(codes), np.random.default_rng([7, 2])
    for i in range(4):
        other = tuned[draw(rng)]
        assert np.array_equal(np.bincount(other), np.bincount(tuned))
        counts = fates(BASE, other, threshold=0.6).counts
        wanted = {("kept", "base"): counts["share"][0], ("inherited", "tuned"): counts["share"][4]}
        matched = align_clusters(BASE, other, WORDS, threshold=0.5)
        wanted |= {("matched", "base"): matched.share_a, ("matched", "tuned"): matched.share_b}
        wanted |= {
            ("calign", "base"): calign(BASE, other, WORDS).share,
            ("calign", "tuned"): calign(other, BASE, WORDS).share,
        }
        assert {key: band.values[i] for key, band in bands.items()} == wanted
    assert max(band.high for band in bands.values()) > 0


def test_without_shuffles_or_with_other_words_there_are_no_bands():
    assert shuffled_shares(BASE, BASE, WORDS, permutations=0) == {}
    with pytest.raises(OptionError, match="of the same words"):
        shuffled_shares(BASE, BASE[1:], WORDS)


def test_models_that_lie_apart_overlap_less_than_by_chance():
    apart, together = np.r_[BASE, BASE + 10], np.r_[BASE, BASE]
    for clusters, share in ((apart, 0), (together, 1)):
        band = shuffled_colap(clusters, len(BASE), permutations=20)
        assert colap(clusters, len(BASE)).share == share
        assert band.low == band.high == 1


def test_the_table_has_chance_beside_every_share(changed):
    for model in ("base", "tuned"):
        for measure in ("matched", "calign"):
            row = cell(changed, measure, model, UNCHANGED)
            assert 0 <= row["null_low"] <= row["null_high"] < 0.2 < row["value"] == 1
    # A new concept there holds words of all the others, and so what any concept is made of.
    assert cell(changed, "matched", "base", DISSOLVED)["null_high"] > 0.2
    for layer in (UNCHANGED, DISSOLVED):
        assert cell(changed, "colap", "tuned", layer)["null_low"] == 1
        assert cell(changed, "kept_by_chance", "base", layer)["null_high"] < 0.2
        inherited = cell(changed, "inherited_by_chance", "tuned", layer)
        assert inherited["null_low"] <= inherited["value"] <= inherited["null_high"]


def test_no_shuffles_leave_no_chance(two):
    assert BARE["permutations"] == 0
    assert not two["concepts"]["measure"].str.ends_with("_by_chance").any()
    assert cell(two, "matched")["null_high"] is None
