import re

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, norm

from isogloss.concepts.controls import matched_controls
from isogloss.concepts.insertion import CountedClassifier, boundaries, insert
from isogloss.concepts.triggers import triggers
from isogloss.concepts.universal_trigger import universal_trigger
from isogloss.errors import OptionError
from isogloss.numerics import wilson_interval

CLASSES = ["bad", "good"]
FILLER = [f"word{i}" for i in range(60)]
PLANTED = ["superb", "moving", "joy", "gem"]


class Bag:
    """Logistic in the sum of word weights; remembers every text it was asked."""

    def __init__(self, weights, bias=-1.0):
        self.weights, self.bias, self.asked = weights, bias, []

    def __call__(self, texts, text_b=None):
        seconds = text_b if text_b is not None else [""] * len(texts)
        self.asked += list(zip(texts, seconds, strict=True))
        z = np.array([self.bias + sum(self.weights.get(w, 0.0) for w in t.split()) for t in texts])
        p = 1 / (1 + np.exp(-z))
        return np.column_stack([1 - p, p])


@pytest.fixture
def planted():
    """Fillers push a little either way, planted words hard towards good; gold is what the classifier says mostly."""
    rng = np.random.default_rng(0)
    weights = dict(zip(FILLER, rng.normal(0, 0.3, len(FILLER)), strict=True)) | dict.fromkeys(PLANTED, 2.0)
    texts = [" ".join(rng.choice(FILLER, 8)) for _ in range(120)]
    gold = ["good" if i % 4 == 0 else "bad" for i in range(120)]
    return Bag(weights), texts, gold


def attack(planted, words=PLANTED, **options):
    bag, texts, gold = planted
    options = {"controls": {"random": FILLER[:4], "frequency": FILLER[4:8]}, "resamples": 300} | options
    return triggers(bag, texts, gold, words, classes=CLASSES, target="good", **options)


def test_planted_triggers_flip_more_than_controls_and_separate(planted):
    found = attack(planted)
    rates = found.table.select("group", "flip_rate").group_by("group").min().rows()
    assert dict(rates)["triggers"] > 0.6
    assert max(rate for group, rate in rates if group != "triggers") < 0.15
    assert found.differences.height == 6
    assert found.differences["separates"].all()
    assert (found.differences["ci_low"] > 0.3).all()
    assert set(found.by_word.filter(pl.col("place") == "front").head(4)["word"]) == set(PLANTED)


def test_the_numbers_are_those_of_plain_loops(planted):
    bag, texts, gold = planted
    found = attack(planted, places=["front"])
    drawn = [t for t, g in zip(texts, gold, strict=True) if g == "bad"]

    def good(text):
        return bag([text])[0].argmax() == 1

    right = [t for t in drawn if not good(t)]
    for row in found.table.iter_rows(named=True):
        assert (row["n_drawn"], row["n_sentences"]) == (len(drawn), len(right))
        flipped = {w: sum(good(f"{w} {t}") for t in right) for w in row["words"]}
        assert row["flip_rate"] == pytest.approx(sum(flipped.values()) / len(right) / len(flipped))
        assert row["accuracy_before"] == pytest.approx(len(right) / len(drawn))
        after = np.mean([not good(f"{w} {t}") for w in row["words"] for t in drawn])
        assert row["accuracy_after"] == pytest.approx(after)
        assert row["accuracy_drop"] == pytest.approx(row["accuracy_before"] - after)
        words = found.by_word.filter(pl.col("group") == row["group"])
        assert dict(words.select("word", "flips").iter_rows()) == flipped
    for row in found.by_word.iter_rows(named=True):
        oracle = binomtest(row["flips"], row["n_sentences"]).proportion_ci(method="wilson")
        assert (row["ci_low"], row["ci_high"]) == pytest.approx((oracle.low, oracle.high))


def test_words_the_classifier_does_not_know_flip_nothing_and_do_not_separate(planted):
    blind = ["xx", "yy", "zz"]
    found = attack(planted, blind, controls={"other": ["uu", "vv", "ww"]})
    assert (found.table["flip_rate"] == 0).all()
    assert (found.table["accuracy_drop"] == 0).all()
    assert not found.differences["separates"].any()
    assert (found.table["ci_high"] > 0).all()
    assert any("does not read it there" in note for note in found.notes)


def test_the_controls_beating_the_triggers_is_no_separation(planted):
    found = attack(planted, FILLER[:4], controls={"better": PLANTED})
    assert (found.differences["ci_high"] < 0).all()
    assert not found.differences["separates"].any()


def test_one_sentence_never_separates():
    bag = Bag(dict.fromkeys(PLANTED, 9.0))
    found = triggers(
        bag, ["so so"], ["bad"], PLANTED, classes=CLASSES, target="good", controls={"c": FILLER[:4]}, places=["end"]
    )
    assert found.differences["difference"].to_list() == [1.0]
    assert found.differences["separates"].to_list() == [False]
    assert found.differences["ci_low"].to_list() == [None]
    assert found.universal.height == 0


def test_no_resamples_no_intervals(planted):
    found = attack(planted, resamples=0)
    assert found.table["ci_low"].null_count() == found.table.height
    assert found.differences["separates"].null_count() == found.differences.height


@pytest.mark.parametrize(
    ("text", "boundary", "expected"),
    [
        ("a fine film", 0, "X a fine film"),
        ("a fine film", 1, "a X fine film"),
        ("a fine film", 3, "a fine film X"),
        ("  a\tfine\n\nfilm ", 0, "  X a\tfine\n\nfilm "),
        ("  a\tfine\n\nfilm ", 2, "  a\tfine\n\nX film "),
        ("  a\tfine\n\nfilm ", 3, "  a\tfine\n\nfilm X "),
        ("naïve — 映画\u3000は👍🏽", 2, "naïve — X 映画\u3000は👍🏽"),
        ("", 0, "X"),
    ],
)
def test_words_go_in_at_boundaries_and_nothing_else_changes(text, boundary, expected):
    assert insert(text, ["X"], boundary) == expected


@settings(max_examples=60)
@given(st.text(max_size=40), st.sampled_from(["front", "end", "random"]), st.integers(0, 9))
def test_taking_the_words_out_gives_the_text_back(text, place, seed):
    text = text.replace("¤", "")
    (at,) = boundaries([text], place, seed)
    put = insert(text, ["¤1", "¤2"], int(at))
    assert put.count("¤1 ¤2") == 1
    assert re.findall(r"\S+", put.replace("¤1 ¤2", " ")) == re.findall(r"\S+", text)
    words = re.findall(r"\S+", put)
    assert words.index("¤1") == at
    assert {put.replace("¤1 ¤2 ", ""), put.replace(" ¤1 ¤2", ""), put.replace("¤1 ¤2", "")} & {text}


def test_random_boundaries_are_inside_and_reach_all_of_the_inside():
    at = boundaries(["a b c d"] * 300 + ["one"] * 50, "random", 0)
    assert set(at[:300]) == {1, 2, 3}
    assert set(at[300:]) == {0, 1}
    assert (boundaries(["a b c d"] * 300, "random", 1) != at[:300]).any()


def test_all_groups_meet_a_sentence_at_the_same_boundary(planted):
    bag, texts, gold = planted
    attack(planted, places=["random"], universal_length=0)
    all_words = {*PLANTED, *FILLER[:8]}
    by_text = {}
    for asked, _ in bag.asked:
        words = asked.split()
        for i, word in enumerate(words):
            if len(words) == 9 and word in all_words and " ".join(words[:i] + words[i + 1 :]) in set(texts):
                by_text.setdefault(" ".join(words[:i] + words[i + 1 :]), {}).setdefault(word, set()).add(i)
    bad = [t for t, g in zip(texts, gold, strict=True) if g == "bad"]
    assert set(by_text) >= set(bad)
    for text in bad:
        # A filler beside the same filler can be taken out at two places; the boundary is among both.
        assert set.intersection(*by_text[text].values())


def test_words_go_into_the_first_text_of_a_pair_and_the_second_goes_along(planted):
    bag, texts, _ = planted
    second = [f"because {i}" for i in range(len(texts))]
    attack(planted, text_b=second, places=["front"])
    partner = dict(zip(texts, second, strict=True))
    for text, other in bag.asked:
        words = text.split()
        assert partner.get(text) == other or partner[" ".join(words[1:])] == other


def test_the_same_words_before_another_second_text_are_another_question():
    bag = Bag({})
    counted = CountedClassifier(bag, 2)
    counted(["a", "a", "a"], ["b", "c", "b"])
    assert counted.n_forward == 2
    counted(["a"], None)
    assert counted.n_forward == 3


def test_every_text_is_classified_once_and_counted(planted):
    bag, texts, gold = planted
    found = attack(planted, n_words=(1, 2))
    assert found.n_forward == len(bag.asked) == len(set(bag.asked))
    n_bad = gold.count("bad")
    # Once as it is, and 3 places x 3 groups x (4 single words + 2 pairs); few texts agree by chance.
    bag.asked.clear()
    without = attack(planted, n_words=(1, 2), universal_length=0)
    assert without.n_forward <= n_bad * (1 + 3 * 3 * 6)
    assert without.n_forward > n_bad * (3 * 3 * 6 - 9)
    assert not any(g == "good" and (t, "") in bag.asked for t, g in zip(texts, gold, strict=True))


def test_the_search_of_single_words_costs_nothing_beyond_the_table(planted):
    assert attack(planted).n_forward == attack(planted, universal_length=0).n_forward


def test_the_same_seed_gives_the_same_tables_and_another_seed_other_sentences(planted):
    first, again, other = (attack(planted, n_words=(1, 2), max_sentences=30, seed=seed) for seed in (3, 3, 4))
    for name in ("table", "differences", "by_word", "universal"):
        assert getattr(first, name).equals(getattr(again, name))
    assert first.notes == again.notes
    assert not first.table.equals(other.table)


def test_controls_do_not_change_what_is_said_of_the_triggers(planted):
    alone, beside = attack(planted, controls={}), attack(planted)
    assert alone.table.equals(beside.table.filter(pl.col("group") == "triggers"))


def test_several_words_are_distinct_and_each_is_used_once(planted):
    bag, texts, _ = planted
    found = attack(
        planted, n_words=np.int64(3), places=["front"], controls={}, words=[*PLANTED, "a", "b"], universal_length=0
    )
    assert found.table["n_insertions"].to_list() == [2]
    prefixes = {tuple(t.split()[:3]) for t, _ in bag.asked if t not in texts}
    assert sorted(w for prefix in prefixes for w in prefix) == sorted([*PLANTED, "a", "b"])
    assert found.by_word.height == 0


def test_more_triggers_at_once_flip_more(planted):
    found = attack(planted, n_words=(1, 2))
    rate = {(r["k"], r["place"]): r["flip_rate"] for r in found.table.filter(group="triggers").iter_rows(named=True)}
    assert all(rate[2, place] > rate[1, place] for place in ("front", "end", "random"))


def test_unlabelled_and_empty_sentences_are_dropped_and_counted(planted):
    bag, texts, gold = planted
    more = ([*texts, None, "   ", "fine"], [*gold, "bad", "bad", None])
    found = attack((bag, *more))
    assert found.table.equals(attack(planted).table)
    assert "3 sentences without a text or a class were left out." in found.notes


def test_at_most_so_many_sentences_and_words(planted):
    found = attack(planted, max_sentences=20, max_words=3)
    assert (found.table["n_drawn"] == 20).all()
    assert found.table["words"].list.len().to_list() == [3] * 9
    assert found.table["words"][0].to_list() == PLANTED[:3]
    assert any(note.startswith("20 of 90 sentences") for note in found.notes)
    bag, texts, gold = planted
    bad = [t for t, g in zip(texts, gold, strict=True) if g == "bad"]
    drawn = [t for t, _ in bag.asked[:20]]
    assert set(drawn) < set(bad)
    assert drawn != bad[:20]


def test_frequency_controls_have_the_nearest_count_that_is_left():
    rng = np.random.default_rng(0)
    counts = {f"t{i}": int(2 ** rng.uniform(0, 12)) for i in range(15)}
    counts |= {f"p{i}": c for i, c in enumerate(counts.values())}
    counts |= {f"n{i}": int(2 ** rng.uniform(0, 12)) for i in range(400)} | {"T1": counts["t1"]}
    own = [f"t{i}" for i in range(15)]
    members = [f"n{i}" for i in range(0, 400, 2)] + ["p1", "elsewhere"]
    found = matched_controls(counts, own, members, 10, 0, polar_words=[f"p{i}" for i in range(15)])
    assert {name: len(words) for name, words in found.items()} == {"random": 10, "frequency": 10, "non-polar": 10}
    assert all(len(set(words)) == 10 and not {*words} & {*own, "T1"} for words in found.values())
    assert {*found["frequency"], *found["non-polar"]} <= {f"n{i}" for i in range(400)}
    assert set(found["non-polar"]) <= set(members)
    assert not {*found["frequency"]} & {*found["non-polar"]}
    unsided = {*members} - {"p1", "elsewhere", *found["frequency"]}
    for name, pool in (("frequency", {f"n{i}" for i in range(400)}), ("non-polar", unsided)):
        left = set(pool)
        for trigger, word in zip(own, found[name], strict=False):
            off = {w: abs(np.log(counts[w] / counts[trigger])) for w in left}
            assert off[word] == pytest.approx(min(off.values()))
            left.remove(word)
    assert found == matched_controls(counts, own, members, 10, 0, polar_words=[f"p{i}" for i in range(15)])
    assert found["random"] != matched_controls(counts, own, members, 10, 1)["random"]


def test_control_words_of_one_count_are_drawn_by_lot_and_a_small_corpus_gives_fewer():
    counts = {"t": 3, "u": 3} | {f"n{i}": 3 for i in range(50)}
    assert len({matched_controls(counts, ["t"], [], seed=s)["frequency"][0] for s in range(10)}) > 5
    assert "non-polar" not in matched_controls(counts, ["t"], [])
    assert matched_controls({"t": 3, "T": 3, "x": 9}, ["t"], [])["random"] == ["x"]
    few = matched_controls({"t": 1, "a": 2, "b": 9}, ["t"], ["a", "b"])
    assert (few["frequency"], few["non-polar"]) == (["a"], ["b"])
    with pytest.raises(OptionError, match="'ghost'"):
        matched_controls(counts, ["ghost"], [])


def test_the_universal_trigger_is_at_least_the_best_single_trigger_where_both_were_chosen(planted):
    found = attack(planted, n_words=(1, 2))
    rows = {(r["group"], r["k"]): r for r in found.universal.iter_rows(named=True)}
    best = [r["search_flip_rate"] for (group, _), r in rows.items() if group.startswith("best of ")]
    assert len(best) == 3
    assert rows["universal", 1]["search_flip_rate"] >= max(best)
    assert rows["universal", 2]["search_flip_rate"] >= rows["universal", 1]["search_flip_rate"]
    assert rows["universal", 1]["words"][0] in PLANTED


def test_the_best_word_of_each_group_is_named(planted):
    bag, _, _ = planted
    bag.weights["odd"] = 2.5
    found = attack(planted, controls={"c": [FILLER[0], "odd", FILLER[1], FILLER[2]]}, places=["end"])
    assert found.universal.filter(group="best of c")["words"].to_list() == [["odd"]]
    assert found.universal["place"].unique().to_list() == ["end"]


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


@pytest.mark.parametrize(("n_sentences", "n_words", "spread"), [(40, 12, 0.7), (15, 30, 0.1), (40, 4, 0.7)])
def test_intervals_cover_the_truth_over_new_sentences_and_words(n_sentences, n_words, spread):
    """Sentences and words are numbers; a sentence flips where their sum is positive, so the true rates are known."""

    def add(texts, text_b=None):
        p = 1 / (1 + np.exp(-np.array([sum(map(float, t.split())) for t in texts])))
        return np.column_stack([1 - p, p])

    sentences = -np.abs(np.random.default_rng(9).normal(1, 1, 400_000))
    truth = {mean: norm.sf((-sentences - mean) / spread).mean() for mean in (0.8, 0.3)}
    hits, widths, n = np.zeros(4), np.zeros(4), 120
    for run in range(n):
        rng = np.random.default_rng(run)
        texts, own, other = (
            [repr(float(x)) for x in values]
            for values in (
                -np.abs(rng.normal(1, 1, n_sentences)),
                *(rng.normal(mean, spread, n_words) for mean in truth),
            )
        )
        found = triggers(
            add, texts, ["bad"] * n_sentences, own, classes=CLASSES, target="good", controls={"c": other},
            places=["end"], universal_length=0, resamples=400, seed=run,
        )  # fmt: skip
        rows = found.table.rows(named=True)
        ends = [(row["ci_low"], row["ci_high"], truth[mean]) for row, mean in zip(rows, truth, strict=True)]
        ends.append((*found.differences.select("ci_low", "ci_high").row(0), truth[0.8] - truth[0.3]))
        ends.append((rows[0]["drop_low"], rows[0]["drop_high"], truth[0.8]))
        hits += [low <= true <= high for low, high, true in ends]
        widths += [high - low for low, high, _ in ends]
    # 120 runs of a 95% interval miss more than 14 times in less than 1 of 1000 cases.
    assert (hits / n > 0.88).all()
    assert (widths / n < 1).all(), "the whole range would cover everything"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": ["good"]}, "at least two"),
        ({"target": "fine"}, "'fine'"),
        ({"gold": ["good"] * 120}, "another class than the target 'good'. Got only 'good' in 120"),
        ({"gold": [None] * 120}, "Got no class at all in 0"),
        ({"gold": ["bad"] * 7}, "120 and 7"),
        ({"gold": ["odd"] * 120}, "Got 'odd' in row 0"),
        ({"text_b": ["b"]}, "120 and 1"),
        ({"trigger_words": []}, "trigger_words should have at least one word"),
        ({"trigger_words": "superb"}, "the string 'superb'"),
        ({"trigger_words": ["superb", " "]}, "' '"),
        ({"controls": {"c": ["gem", "x"]}}, "'gem' in both"),
        ({"controls": {"c": []}}, r"controls\['c'\] should have at least one word"),
        ({"controls": {"triggers": ["x"]}}, "names of their own"),
        ({"places": ["middle"]}, "'middle'"),
        ({"places": "front"}, "list"),
        ({"n_words": 5}, "Got 5, but 'triggers' has 4"),
        ({"n_words": 0}, "Got 0"),
        ({"n_words": ()}, "n_words"),
        ({"max_sentences": 0}, "max_sentences"),
        ({"vocabulary": []}, "vocabulary"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_values(planted, change, message):
    bag, texts, gold = planted
    given = {
        "texts": texts, "gold": gold, "trigger_words": PLANTED, "classes": CLASSES, "target": "good",
        "controls": {}, "resamples": 0,
    } | change  # fmt: skip
    with pytest.raises(OptionError, match=message):
        triggers(bag, **given)


def test_a_classifier_that_is_never_right_or_returns_something_else_is_refused(planted):
    _, texts, gold = planted
    with pytest.raises(OptionError, match="Got 0 right of 90"):
        attack((Bag({}, bias=5.0), texts, gold))
    with pytest.raises(OptionError, match=r"\(90, 2\). Got shape \(90, 3\)"):
        attack((lambda t, text_b=None: np.ones((len(t), 3)) / 3, texts, gold))
    with pytest.raises(OptionError, match="NaN"):
        attack((lambda t, text_b=None: np.full((len(t), 2), np.nan), texts, gold))


def test_three_classes_flip_to_the_target_only(planted):
    """A word that turns bad into so-so costs accuracy and flips nothing to good."""

    def three(texts, text_b=None):
        kind = np.array([2 if "superb" in t else 1 if "dull" in t else 0 for t in texts])
        return np.eye(3)[kind] * 0.8 + 0.1

    _, texts, _ = planted
    found = triggers(
        three, texts, ["bad"] * 120, ["superb"], classes=["bad", "so-so", "good"], target="good",
        controls={"c": ["dull"]}, places=["end"], resamples=50,
    )  # fmt: skip
    assert found.table["flip_rate"].to_list() == [1.0, 0.0]
    assert found.table["accuracy_drop"].to_list() == [1.0, 1.0]


def test_wilson_ends_are_exact_at_none_and_all():
    assert float(wilson_interval(0, 7)[0]) == 0.0
    assert float(wilson_interval(7, 7)[1]) == 1.0
