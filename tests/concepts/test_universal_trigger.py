import numpy as np
import pytest

from isogloss.concepts.universal_trigger import universal_trigger
from tests.concepts.attack import CLASSES, FILLER, PLANTED, Bag, attack, planted_attack


@pytest.fixture
def planted():
    return planted_attack()


def test_the_universal_trigger_is_at_least_the_best_single_trigger_where_both_were_chosen(planted):
    found = attack(planted, n_words=(1, 2))
    rows = {(r["group"], r["k"]): r for r in found.universal.iter_rows(named=True)}
    best = [r["search_flip_rate"] for (group, _), r in rows.items() if group.startswith("best of ")]
    assert len(best) == 3
    assert rows["universal", 1]["search_flip_rate"] >= max(best)
    assert rows["universal", 2]["search_flip_rate"] >= rows["universal", 1]["search_flip_rate"]
    assert rows["universal", 1]["words"][0] in PLANTED


def test_where_one_word_flips_nothing_the_search_goes_where_the_probability_rises():
    bag = Bag({"weak": 1.0, "strong": 3.0}, bias=-5.0)
    found = universal_trigger(
        bag, ["so so"] * 10, ["bad"] * 10, ["weak", "strong"], classes=CLASSES, target="good", length=2
    )
    assert found.words == ("strong", "strong")
    assert found.steps["flip_rate"].to_list() == [0.0, 1.0]


@pytest.mark.parametrize("beam", [1, 3])
def test_the_search_finds_the_planted_word_and_judges_it_on_sentences_it_did_not_see(planted, beam):
    bag, texts, gold = planted
    bag.weights["magic"] = 2.5
    words = [*FILLER[:20], "magic", *PLANTED]
    found = universal_trigger(bag, texts, gold, words, classes=CLASSES, target="good", length=1, beam=beam)
    assert found.words == ("magic",)
    assert found.n_candidates == 25
    right = found.n_search + found.n_sentences
    assert abs(found.n_search - found.n_sentences) <= 1
    rates = found.search_flip_rate * found.n_search + found.flip_rate * found.n_sentences
    drawn = [t for t, g in zip(texts, gold, strict=True) if g == "bad"]
    attacked = [t for t in drawn if bag([t])[0].argmax() == 0]
    assert right == len(attacked)
    assert rates == pytest.approx(sum(bag([f"magic {t}"])[0].argmax() == 1 for t in attacked))
    # As they are, every candidate on one half, the best on the other.
    assert found.n_forward == len(drawn) + 25 * found.n_search + found.n_sentences


def test_a_word_that_only_one_half_shows_is_not_believed():
    """Random flips: the best of 60 looks better on the half it was chosen on than on the other."""

    def coin(texts, text_b=None):
        p = np.array([0.0 if "+" not in t else np.random.default_rng([*t.encode()]).random() for t in texts])
        return np.column_stack([1 - p, p])

    texts = [f"text {i}" for i in range(60)]
    found = universal_trigger(
        coin, texts, ["bad"] * 60, [f"+{i}" for i in range(60)], classes=CLASSES, target="good", length=1
    )
    assert found.search_flip_rate > 0.65
    assert found.ci_low < 0.5 < found.ci_high


def test_a_wider_beam_finds_what_greed_misses():
    def pair_only(texts, text_b=None):
        p = np.array([0.9 if "left right" in t else 0.4 if "bait" in t else 0.2 + 0.1 * ("left" in t) for t in texts])
        return np.column_stack([1 - p, p])

    given = (pair_only, [f"t{i}" for i in range(10)], ["bad"] * 10, ["bait", "left", "right"])
    greedy, wide = (universal_trigger(*given, classes=CLASSES, target="good", length=2, beam=beam) for beam in (1, 2))
    assert (greedy.flip_rate, wide.flip_rate) == (0, 1)
    assert wide.words == ("left", "right")
