import numpy as np
import polars as pl
import pytest
from scipy.stats import binomtest, norm

from isogloss.concepts.insertion import CountedClassifier
from isogloss.concepts.triggers import triggers
from isogloss.errors import OptionError
from tests.concepts.attack import CLASSES, FILLER, PLANTED, Bag, attack, planted_attack


@pytest.fixture
def planted():
    return planted_attack()


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


def test_the_best_word_of_each_group_is_named(planted):
    bag, _, _ = planted
    bag.weights["odd"] = 2.5
    found = attack(planted, controls={"c": [FILLER[0], "odd", FILLER[1], FILLER[2]]}, places=["end"])
    assert found.universal.filter(group="best of c")["words"].to_list() == [["odd"]]
    assert found.universal["place"].unique().to_list() == ["end"]


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
