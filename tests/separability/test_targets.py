import numpy as np
import polars as pl
import pytest

from isogloss.analysis import ArrayVectors, ModelPair
from isogloss.errors import NotFiniteError, OptionError
from isogloss.separability.layer_rows import LayerRows
from isogloss.separability.options import SeparabilityOptions
from isogloss.separability.targets import head_rows, targets, wanted_labels

NAMES = ("upos", "deprel", "head")


def pair(n_sentences=30, **more):
    n = 4 * n_sentences
    words = pl.DataFrame(
        {
            "sentence": np.arange(n) // 4,
            "part": np.zeros(n, dtype=np.uint8),
            "position": np.arange(n, dtype=np.uint32) % 4,
            "word": [f"w{i}" for i in range(n)],
            "upos": ["N", "V", "N", "X"] * n_sentences,
            "deprel": ["nsubj", "root", "obj", "punct"] * n_sentences,
            "head": ["2", "0", "2", "3"] * n_sentences,
        }
    )
    kinds = ["a", "b", "c"] * (n_sentences // 3)
    sentences = pl.DataFrame(
        {
            "sentence": np.arange(n_sentences),
            "text": [str(i) for i in range(n_sentences)],
            "kind": kinds,
            "score": np.arange(n_sentences) / 7,
        }
    )
    given = {"words": words, "sentences": sentences, "token_labels": NAMES, "sentence_labels": ("kind", "score")}
    return ModelPair(**(given | more))


def named(found):
    return {target.name: target for target in found}


def test_words_pairs_and_sentences_each_have_rows_of_their_own():
    found, notes = targets(pair(), SeparabilityOptions())
    assert {name: target.of for name, target in named(found).items()} == {
        "kind": "sentences",
        "upos": "words",
        "deprel": "pairs",
    }
    assert any("score: a number" in note for note in notes)
    deprel = named(found)["deprel"]
    assert deprel.classes == ("nsubj", "obj", "punct")
    assert (deprel.codes.reshape(-1, 4)[:, 1] == -1).all()
    for target in found:
        assert not set(target.sentences[target.train]) & set(target.sentences[target.test])


def test_only_the_labels_that_are_named_are_looked_at():
    found, _ = targets(pair(), SeparabilityOptions(labels="upos"))
    assert list(named(found)) == ["upos"]
    with pytest.raises(OptionError, match="no label kind"):
        wanted_labels(NAMES, ("kind",), SeparabilityOptions(labels="upos", memorise_labels="kind"))


def test_of_many_labels_the_first_are_looked_at_and_the_others_named():
    more = [f"extra{i}" for i in range(5)]
    given = pair()
    words = given.words.with_columns(pl.col("upos").alias(name) for name in more)
    found, notes = targets(
        pair(words=words, token_labels=(*NAMES, *more)), SeparabilityOptions(memorise_labels="extra4")
    )
    assert set(named(found)) == {"kind", "upos", "deprel", "extra0", "extra4"}
    assert any("not at extra1, extra2 and extra3" in note for note in notes)


def test_vectors_of_pairs_are_head_then_word_and_those_of_sentences_are_means():
    found, _ = targets(pair(), SeparabilityOptions())
    X = np.random.default_rng(0).standard_normal((120, 3)).astype(np.float32)
    rows = LayerRows(ArrayVectors(X), pair(), "layer 0")
    deprel, kind = named(found)["deprel"], named(found)["kind"]
    taken = rows.take(deprel, np.array([4, 6, 7]))
    assert np.array_equal(taken, np.hstack([X[[5, 5, 6]], X[[4, 6, 7]]]))
    blocks = np.concatenate(list(rows.of(deprel).blocks(7)))
    assert np.array_equal(blocks[[4, 6, 7]], taken)
    assert not blocks[5, :3].any()
    assert rows.take(kind, np.array([2])) == pytest.approx(X[8:12].mean(axis=0)[None], abs=1e-6)


def test_heads_are_found_where_words_were_left_out():
    words = pair().words.filter(pl.col("word") != "w1")
    heads = head_rows(words)
    assert heads[:4].tolist() == [-1, -1, 1, 5 - 1]
    strange = words.with_columns(head=pl.when(pl.col("word") == "w2").then(pl.lit("3")).otherwise(pl.lit("x")))
    assert (head_rows(strange) == -1).all()


def test_without_heads_a_label_of_pairs_is_one_of_words():
    found, notes = targets(pair(token_labels=("upos", "deprel")), SeparabilityOptions())
    assert named(found)["deprel"].of == "words"
    assert any("deprel" in note and "no label head" in note for note in notes)
    plain, _ = targets(pair(), SeparabilityOptions(with_head=""))
    assert named(plain)["deprel"].of == "words"


def test_drawn_rows_are_said_and_are_the_same_every_time():
    options = SeparabilityOptions(max_train=50, max_test=6, labels="upos")
    (target,), notes = targets(pair(), options)
    assert (len(target.train), len(target.test)) == (50, 6)
    assert any("50 of 72 training words drawn at random" in note for note in notes)
    assert any("6 of 24 test words drawn at random" in note for note in notes)
    assert np.array_equal(targets(pair(), options)[0][0].train, target.train)
    assert np.bincount(target.y).min() >= options.min_count


def test_values_that_are_rare_among_the_drawn_rows_take_no_part():
    words = pair().words.with_columns(
        upos=pl.when(pl.int_range(pl.len()) % 9 == 0).then(pl.lit("RARE")).otherwise("upos")
    )
    (target,), notes = targets(pair(words=words), SeparabilityOptions(max_train=30, labels="upos", min_count=6))
    assert "RARE" not in target.classes
    assert set(target.y) == set(range(len(target.classes)))
    assert any("RARE" in note for note in notes)


@pytest.mark.parametrize(
    ("values", "options", "reason"),
    [
        (["N"] * 120, {}, "only one class"),
        ([None] * 120, {}, "nothing is labelled"),
        ([f"v{i}" for i in range(120)], {"min_count": 1, "max_classes": 200}, "as many classes as training words"),
        ([f"v{i}" for i in range(120)], {}, "has at least 5"),
        (["N", "V"] * 60, {"max_train": 2, "min_count": 1}, "as many values as training words"),
        (["N", "V"] * 60, {"max_train": 6, "min_count": 5}, "fewer than two values have 5 of the 6 drawn words"),
    ],
)
def test_labels_that_cannot_be_looked_at_are_said_to_be_so(values, options, reason):
    words = pair().words.with_columns(upos=pl.Series(values))
    found, notes = targets(pair(words=words), SeparabilityOptions(labels="upos", **options))
    assert not found
    assert len(notes) == 1
    assert reason in notes[0]


def test_a_label_that_is_not_there_is_refused():
    with pytest.raises(OptionError, match="no label genre; there are kind, score, upos, deprel"):
        wanted_labels(NAMES, ("kind", "score"), SeparabilityOptions(labels="genre"))


def test_vectors_that_are_not_finite_are_refused_with_their_place():
    found, _ = targets(pair(), SeparabilityOptions(labels="upos"))
    X = np.ones((120, 3))
    X[found[0].train[3], 1] = np.nan
    with pytest.raises(
        NotFiniteError, match=rf"layer 2 of the base model .* 1 of 72 words of upos.* row {found[0].train[3]}"
    ):
        LayerRows(ArrayVectors(X), pair(), "layer 2 of the base model").take(found[0], found[0].train)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"clusters": "never"}, "clusters is one of afresh, base, once. Got 'never'"),
        ({"small": "hide"}, "small is one of"),
        ({"max_train": 1}, "max_train should be at least 2. Got 1"),
        ({"permutations": 0}, "permutations should be at least 1"),
    ],
)
def test_options_that_mean_nothing_are_refused(given, message):
    with pytest.raises(OptionError, match=message):
        SeparabilityOptions(**given)
