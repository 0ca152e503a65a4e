import numpy as np
import pytest
from scipy.stats import spearmanr

from isogloss.analysis import ArrayVectors
from isogloss.errors import OptionError
from isogloss.isotropy.directions import Cut, Directions
from isogloss.isotropy.estimate import Estimate
from isogloss.isotropy.head_score import HeadScore
from isogloss.isotropy.probe_score import ProbeScore
from isogloss.isotropy.removal import NOTHING, SCHEMA, RemovalCurves, removal_curves
from isogloss.isotropy.scores import SimilarityScore
from tests.isotropy.spaces import WIDTH, judged_pairs, labelled_words, turn
from tests.probing.toys import ReadingClassifier

KS = (0, 1, 2, 5)


def probe_curves(where, mode="retrained"):
    X, rows = labelled_words(where, n=1000)
    score, directions = ProbeScore(ArrayVectors(X), rows, mode=mode, n_boot=60), Directions.of(X, rows.train)
    return removal_curves(score, directions, ks=(*KS, 10), draws=8), directions


def similarity_score(where, seed=0, **options):
    pairs = judged_pairs(where, seed=seed)
    return SimilarityScore(ArrayVectors(pairs.X), pairs.pairs, pairs.parts, pairs.labels, **{"n_boot": 60} | options)


def head_curves(where):
    """A classifier that reads the neuron with most, or least, variance."""
    rng = np.random.default_rng(0)
    spread = np.linspace(3, 0.3, WIDTH)
    read = 0 if where == "top" else WIDTH - 1
    words = [f"w{i}" for i in range(400)]
    vectors = dict(zip(words, rng.standard_normal((400, WIDTH)) * spread, strict=True))
    vectors["[CLS]"] = np.full(WIDTH, 50.0)
    vectors["[CLS]"][read] = 0.0
    classify = ReadingClassifier(vectors, [read], sharpness=1.0)
    texts = [" ".join(rng.choice(words, 6)) for _ in range(300)]
    gold = [classify.classes[i] for i in classify(texts).argmax(axis=1)]
    directions = Directions.of(np.array([vectors[word] for word in words]))
    return removal_curves(HeadScore(classify, 1, texts, gold, n_boot=60), directions, ks=KS, draws=3)


@pytest.mark.parametrize("where", ["top", "bottom"])
@pytest.mark.parametrize("mode", ["retrained", "frozen"])
def test_a_probe_loses_its_label_with_the_directions_that_carry_it_and_only_then(where, mode):
    curves, directions = probe_curves(where, mode)
    own, other = {k: e.value for k, e in curves.curve(where).items()}, "bottom" if where == "top" else "top"
    assert own[0] > 0.98
    assert own[2] < own[1] <= own[0]
    for k in (2, 5):
        assert curves.scores[Cut(where, k)].value < curves.floor + 0.12
        assert curves.change(Cut(where, k)).interval()[1] < -0.4
        assert curves.scores[Cut(other, k)].value > 0.97
    keeps = curves.curve("only_top")
    assert (keeps[2].value > 0.97) == (where == "top")
    assert (keeps[5].value < curves.floor + 0.12) == (where == "bottom")
    mine, hit = (range(2) if where == "top" else range(WIDTH - 2, WIDTH)), []
    for cut in curves.scores:
        if cut.kind == "random":
            order = directions.ordered(np.arange(WIDTH)[None], cut)[0]
            hit.append(len(set(mine) & set(order[: cut.k])))
            if hit[-1] == 0:
                assert curves.scores[cut].value > 0.97
            elif hit[-1] == 2:
                assert curves.scores[cut].value < curves.floor + 0.12
    assert {0, 2} <= set(hit)
    assert (curves.area("top").interval()[0] > 0) == (where == "top")
    assert (curves.area("bottom").interval()[0] > 0) == (where == "bottom")


def test_similarity_at_the_top_goes_with_the_top_directions_only():
    score = similarity_score("top")
    others = judged_pairs("top", seed=5)
    directions = Directions.of(others.X)
    curves = removal_curves(score, directions, ks=(0, 1, 3, 6), draws=8)
    assert curves.scores[NOTHING].value > 0.95
    assert abs(curves.scores[Cut("top", 3)].value) < 0.2
    assert curves.change(Cut("top", 3)).interval()[1] < -0.7
    assert curves.scores[Cut("bottom", 6)].value > 0.95
    assert curves.scores[Cut("only_top", 3)].value > 0.95
    for cut, found in curves.scores.items():
        if cut.kind == "random":
            order = directions.ordered(np.arange(WIDTH)[None], cut)[0]
            assert (found.value > 0.95) == (order[: cut.k].min() > 2)
    assert curves.area().interval()[0] > 0.2


def test_similarity_below_large_directions_is_seen_once_these_are_removed():
    score = similarity_score("bottom")
    others = judged_pairs("bottom", seed=5)
    curves = removal_curves(score, Directions.of(others.X), ks=(0, 3, 13), draws=3)
    assert abs(curves.scores[NOTHING].value) < 0.3
    assert curves.scores[Cut("top", 13)].value > 0.9
    assert curves.scores[Cut("bottom", 3)].value < 0.3
    assert curves.change(Cut("top", 13)).interval()[0] > 0.5
    assert curves.area().interval()[1] < 0


@pytest.mark.parametrize("where", ["top", "bottom"])
def test_the_running_classifier_fails_without_the_direction_it_reads(where):
    curves = head_curves(where)
    other = "bottom" if where == "top" else "top"
    assert curves.scores[NOTHING].value == 1
    assert curves.scores[Cut(where, 1)].value < 0.8
    assert curves.scores[Cut(other, 5)].value > 0.95
    assert curves.scores[Cut("random", 1)].value > curves.scores[Cut(where, 1)].value
    assert curves.floor < 0.7


def test_similarity_after_a_cut_is_that_of_words_whose_vectors_were_cut():
    score, plain = similarity_score("top"), similarity_score("top", centred=False)
    X = judged_pairs("top").X
    directions = Directions.of(X)
    for cut in (Cut("top", 2), Cut("bottom", 3), Cut("random", 4, 1), Cut("random_any", 4, 1), Cut("only_top", 2)):
        gone = directions.removed(cut, seed=7)
        for one, mean in ((score, directions.mean), (plain, 0.0)):
            by_hand = one.treated(lambda words, m=mean, g=gone: (words - m) - (words - m) @ g.T @ g)
            (found,) = one.without(directions, [cut], seed=7)
            assert found.value == pytest.approx(by_hand.value, abs=1e-6)
            np.testing.assert_allclose(found.replicates, by_hand.replicates, atol=1e-4)
    (same,) = plain.without(directions, [NOTHING])
    assert same.value == pytest.approx(plain.untouched.value)


def test_along_one_direction_texts_are_alike_or_opposite_and_nothing_between():
    pairs = judged_pairs("top")
    score, directions = similarity_score("top", centred=False), Directions.of(pairs.X)
    along = pairs.X @ directions.basis[0]
    sums = [[along[(pairs.pairs == i) & (pairs.parts == part)].sum() for part in (0, 1)] for i in range(250)]
    (found,) = score.without(directions, [Cut("only_top", 1)])
    assert found.value == pytest.approx(spearmanr(np.sign(np.prod(sums, axis=1)), pairs.labels).statistic)


def test_texts_of_the_same_words_are_equally_alike():
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((2, 30, 1, 9)).astype(np.float32)
    second[:15] = first[:15]
    labels = rng.random(30)
    X = np.concatenate([first, second], axis=1).reshape(60, 9)
    score = SimilarityScore(ArrayVectors(X), np.repeat(np.arange(30), 2), np.tile([0, 1], 30), labels, n_boot=0)
    cosine = (
        (first * second).sum(axis=(1, 2)) / np.linalg.norm(first, axis=(1, 2)) / np.linalg.norm(second, axis=(1, 2))
    )
    cosine[:15] = 1
    assert score.untouched.value == pytest.approx(spearmanr(cosine, labels).statistic)


def test_similarity_is_spearman_of_the_cosines_of_mean_vectors():
    pairs, score = judged_pairs("bottom"), similarity_score("bottom")
    cosines = []
    for pair in range(len(pairs.labels)):
        a, b = (pairs.X[(pairs.pairs == pair) & (pairs.parts == part)].mean(axis=0) for part in (0, 1))
        cosines.append(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    assert score.untouched.value == pytest.approx(spearmanr(cosines, pairs.labels).statistic, abs=1e-4)


def test_a_probe_after_a_cut_is_one_trained_on_vectors_that_were_cut():
    X, rows = labelled_words("top", seed=2)
    # Overlapping classes, so that the accuracy tells probes apart.
    X = X + np.random.default_rng(0).standard_normal(X.shape).astype(np.float32) * 6
    directions = Directions.of(X, rows.train)
    retrained = ProbeScore(ArrayVectors(X), rows, n_boot=0, l2=[1e-6])
    for cut in (Cut("top", 1), Cut("bottom", 6), Cut("random", 5, 1), Cut("random_any", 5, 1), Cut("only_top", 4)):
        gone = directions.removed(cut, seed=3)
        (found,) = retrained.without(directions, [cut], seed=3)
        by_hand = retrained.treated(lambda words, g=gone: words - words @ g.T @ g)
        assert found.value == pytest.approx(by_hand.value, abs=0.011)


@pytest.mark.parametrize("mode", ["retrained", "frozen"])
def test_probes_and_their_cuts_do_not_see_rotation_scale_or_shift(mode):
    X, rows = labelled_words("top", n=1000)
    X = X + np.random.default_rng(0).standard_normal(X.shape).astype(np.float32) * 5
    moved = (30 * X @ turn(3) - 7).astype(np.float32)
    cuts = [NOTHING, Cut("top", 2), Cut("bottom", 9), Cut("random", 6)]
    one, other = (
        ProbeScore(ArrayVectors(words), rows, mode=mode, n_boot=0).without(Directions.of(words, rows.train), cuts)
        for words in (X, moved)
    )
    for straight, turned in zip(one, other, strict=True):
        assert turned.value == pytest.approx(straight.value, abs=0.0101)


def test_a_frozen_probe_sees_the_mean_where_directions_are_removed():
    X, rows = labelled_words("bottom")
    directions = Directions.of(X, rows.train)
    frozen = ProbeScore(ArrayVectors(X), rows, mode="frozen", n_boot=0)
    trained = X.copy()
    gone = directions.removed(Cut("random_any", 6))
    trained[rows.test] = directions.mean + (X[rows.test] - directions.mean) @ (np.eye(WIDTH) - gone.T @ gone)
    cut = ProbeScore(ArrayVectors(trained), rows, mode="frozen", n_boot=0)
    found = frozen.without(directions, [Cut("random_any", 6)])[0].value
    assert found == pytest.approx(cut.without(directions, [NOTHING])[0].value, abs=1e-9)
    assert found != frozen.without(directions, [NOTHING])[0].value


def test_a_cut_does_not_depend_on_the_others_that_are_asked():
    X, rows = labelled_words("bottom", n=400)
    directions = Directions.of(X, rows.train)
    score = ProbeScore(ArrayVectors(X), rows, n_boot=5)
    cuts = [Cut("random", 5, 1), NOTHING, Cut("top", 5), Cut("random", 2, 0), Cut("top", 1), Cut("random", 1, 1)]
    order = [3, 0, 5, 1, 4, 2]
    there = score.without(directions, cuts)
    back = score.without(directions, [cuts[i] for i in order])
    alone = score.without(directions, [cuts[4]])
    for i, found in zip([*order, 4], [*back, *alone], strict=True):
        assert found.value == there[i].value
        np.testing.assert_array_equal(found.replicates, there[i].replicates)


def test_equal_spaces_have_exactly_equal_curves():
    (one, _), (other, _) = (probe_curves("top", "frozen") for _ in range(2))
    for cut in one.scores:
        difference = one.scores[cut].minus(other.scores[cut])
        assert difference.value == 0
        assert not difference.replicates.any()
    assert one.area().minus(other.area()).interval() == (0, 0)


def test_a_label_in_no_direction_is_lost_with_none():
    X, rows = labelled_words("top")
    words = np.random.default_rng(5).standard_normal(X.shape).astype(np.float32)
    score = ProbeScore(ArrayVectors(words), rows, n_boot=60)
    curves = removal_curves(score, Directions.of(words, rows.train), ks=KS, draws=3)
    low, high = curves.area().interval()
    assert low < 0 < high


def test_where_all_that_varies_is_gone_nothing_is_left_to_score():
    pairs, (X, rows) = judged_pairs("top", n_pairs=60), labelled_words("top", n=400)
    flat = np.zeros((len(pairs.X), 5), dtype=np.float32)
    flat[:, [1, 3]] = pairs.X[:, :2]
    score = SimilarityScore(ArrayVectors(flat), pairs.pairs, pairs.parts, pairs.labels, n_boot=5)
    curves = removal_curves(score, Directions.of(flat), ks=(0, 2), kinds=("top", "bottom"))
    assert np.isnan(curves.scores[Cut("top", 2)].value)
    assert curves.scores[Cut("bottom", 2)].value == curves.scores[NOTHING].value
    wide = np.concatenate([X[:, :3], np.full((400, 4), 2.0, dtype=np.float32)], axis=1)
    probe = ProbeScore(ArrayVectors(wide), rows, n_boot=5)
    curves = removal_curves(probe, Directions.of(wide, rows.train), ks=(0, 3), kinds=("top", "bottom"))
    assert curves.scores[Cut("top", 3)].value == curves.floor
    assert curves.scores[Cut("bottom", 3)].value == curves.scores[NOTHING].value


def made_curves():
    scores = {
        NOTHING: Estimate(0.9, np.array([0.9, 0.8])),
        Cut("top", 1): Estimate(0.5, np.array([0.4, 0.6])),
        Cut("top", 3): Estimate(0.1, np.array([0.1, 0.2])),
        Cut("random", 1, 0): Estimate(0.9, np.array([0.9, 0.8])),
        Cut("random", 1, 1): Estimate(0.7, np.array([0.7, 0.6])),
        Cut("random", 3, 0): Estimate(0.8, np.array([0.8, 0.8])),
        Cut("random", 3, 1): Estimate(0.6, np.array([0.6, 0.4])),
    }
    return RemovalCurves("accuracy", 0.3, scores, dict.fromkeys(scores, 0.25))


def test_area_is_the_mean_gap_over_the_logarithm_of_k():
    # The gaps are 0, 0.3 and 0.6 at log 1, log 2 and log 4.
    area = made_curves().area()
    assert area.value == pytest.approx((0.15 + 0.45) / 2)
    np.testing.assert_allclose(area.replicates, [((0 + 0.4) / 2 + (0.4 + 0.6) / 2) / 2, (0.1 / 2 + 0.5 / 2) / 2])
    with pytest.raises(OptionError, match="Got 0"):
        made_curves().area("top", "only_top")


def test_the_table_has_a_row_for_each_cut_with_its_change():
    table = made_curves().table()
    assert dict(table.schema) == SCHEMA
    assert table.height == 7
    row = table.row(1, named=True)
    assert (row["which"], row["k"], row["variance"]) == ("top", 1, 0.25)
    assert row["change"] == pytest.approx(-0.4)
    assert (row["change_low"], row["change_high"]) == pytest.approx((-0.4925, -0.2075))
    assert table.row(0, named=True)["change_high"] == 0


def test_mistakes_are_told():
    X, rows = labelled_words("top", n=300)
    score, directions = ProbeScore(ArrayVectors(X), rows), Directions.of(X)
    for options, message in [
        ({"kinds": ["left"]}, "'left'"),
        ({"ks": [0.5]}, "whole numbers"),
        ({"ks": [-1]}, "at least 0"),
        ({"draws": 0}, "draws"),
    ]:
        with pytest.raises(OptionError, match=message):
            removal_curves(score, directions, **options)
