"""What is asked of the concepts analysis and cannot be had: said in a note or an error, and the rest goes on."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from isogloss.analysis import ArrayVectors, figure_from_dict
from isogloss.concepts import ConceptsAnalysis, ConceptsOptions
from isogloss.errors import ModelError, OptionError
from tests.concepts.conftest import BARE, DISSOLVED, SIDES, WEIGHTS, Weighing, cell, listed

ANALYSIS = ConceptsAnalysis()


def of_layer(planted, layer=SIDES, base=None, tuned=None, **options):
    """Tables of a single layer as a study of that layer alone would have them."""
    asked = replace(planted.options, **(BARE | {"triggers": planted.classifier is not None} | options))
    pair = planted.pair(layer, planted.changed() if tuned is None else tuned, base)
    return ANALYSIS.combine(ANALYSIS.run(pair, asked), asked)


def notes(tables):
    return tables["concepts_notes"]["text"].to_list()


def shown(tables):
    """Sentences and figures; every note is among the sentences, and every figure can be read back."""
    options = ConceptsOptions()
    texts = [finding.text for finding in ANALYSIS.findings(tables, options)]
    assert set(notes(tables)) <= set(texts)
    figures = ANALYSIS.figures(tables, options)
    assert [figure_from_dict(figure.as_dict()) for figure in figures] == figures
    return texts, [figure.name for figure in figures]


@pytest.mark.parametrize(
    ("classifier", "said"),
    [
        (None, "Triggers were not tried: no classifier is at hand."),
        (Weighing({}, broken="tiny has no head."), "Triggers were not tried: tiny has no head."),
        (
            Weighing(WEIGHTS, classes=("LABEL_0", "LABEL_1")),
            "Triggers were not tried: the classes of label (neg, pos) are not those of the classifier "
            "(LABEL_0, LABEL_1).",
        ),
    ],
)
def test_without_a_classifier_that_knows_the_classes_there_are_no_triggers(planted, classifier, said):
    tables = of_layer(replace(planted, classifier=classifier), triggers=True)
    assert notes(tables) == [said]
    assert "concepts_triggers" not in tables
    assert cell(tables, "polar", "tuned", SIDES)["value"] == 2
    assert "concepts-triggers" not in shown(tables)[1]


def test_a_classifier_that_fails_midway_leaves_the_rest_of_the_tables(planted):
    class Failing(Weighing):
        def __call__(self, sentences, text_b=None, edit=None):
            raise ModelError("a sentence has no token")

    tables = of_layer(replace(planted, classifier=Failing(WEIGHTS)))
    assert notes(tables) == ["Triggers: for neg: a sentence has no token; for pos: a sentence has no token."]
    assert cell(tables, "kept", layer=SIDES)["value"] == 6 / 8
    shown(tables)


def test_a_classifier_that_is_always_wrong_has_nothing_to_turn(planted):
    wrong = Weighing({word: -weight for word, weight in WEIGHTS.items()}, classes=("neg", "pos"))
    tables = of_layer(replace(planted, classifier=wrong, sentences=_sure(planted.sentences)))
    (note,) = notes(tables)
    assert note.endswith("so no prediction can be flipped.")
    shown(tables)


def _sure(sentences):
    """Labels as the weights have them, so that turning the weights round is wrong everywhere."""
    right = Weighing(WEIGHTS)(sentences["text"].to_list()).argmax(axis=1)
    return sentences.with_columns(label=pl.Series([("neg", "pos")[i] for i in right]))


@pytest.mark.parametrize(
    ("label", "said"),
    [
        (pl.lit("pos"), "label has only one class."),
        (pl.lit(None, pl.String), "label has no class."),
        (pl.col("sentence") / 7, "label is a score, which has no classes."),
        (pl.col("sentence").cast(pl.String), "label has 90 values, more than the 20 that a task's classes may be."),
    ],
)
def test_labels_that_are_no_classes_are_named_with_the_reason(able, label, said):
    tables = of_layer(replace(able, sentences=able.sentences.with_columns(label=label)))
    assert notes(tables) == [f"No concept can take the side of a class: {said}"]
    assert cell(tables, "kept", layer=SIDES)["value"] == 6 / 8
    assert listed(tables, "tuned", SIDES)["polar"].null_count() == 8
    texts, names = shown(tables)
    assert "concepts-polar" not in names
    assert not any("side of a class;" in text for text in texts)


def test_a_label_without_classes_gives_way_to_the_next(able):
    sentences = able.sentences.with_columns(score=pl.col("sentence") / 7)
    tables = of_layer(replace(able, sentences=sentences, sentence_labels=("score", "label")))
    assert notes(tables) == []
    assert cell(tables, "polar", "tuned", SIDES, "label=pos")["value"] == 1


def test_sentences_without_any_label_are_said_to_have_none(able):
    tables = of_layer(replace(able, sentence_labels=()))
    assert notes(tables) == ["Sentences have no label, so no concept can take the side of a class."]
    shown(tables)


def test_classes_of_sentences_that_have_no_clustered_word_do_not_count(able):
    """Only sentences of one class keep words that are frequent enough."""
    rare = able.words.with_columns(
        word=pl.when(pl.Series(able.praising)).then(pl.concat_str("word", pl.row_index())).otherwise("word")
    ).drop("index", strict=False)
    tables = of_layer(replace(able, words=rare), clusters=4, min_count=5)
    why = "the clustered words are all in sentences of one class of label"
    assert notes(tables) == [f"No concept can take the side of a class: {why}."]
    shown(tables)


def test_some_sentences_may_have_no_class(able):
    some = pl.when(pl.col("sentence") % 3 > 0).then("label")
    tables = of_layer(replace(able, sentences=able.sentences.with_columns(label=some)))
    assert notes(tables) == []
    assert cell(tables, "polar", "tuned", SIDES)["value"] == 2
    assert tables["concepts_triggers"]["n_drawn"].max() <= 40
    shown(tables)


@pytest.mark.parametrize(
    ("classifier", "said"),
    [
        (None, "There are no predicted classes: no classifier is at hand."),
        (Weighing({}, broken="tiny has no head"), "There are no predicted classes: tiny has no head."),
        (
            Weighing({"film": 0.0}),
            "The tuned model predicts neg wherever there are words to cluster, so no side is taken.",
        ),
    ],
)
def test_without_predictions_no_sides_are_taken_and_it_is_said(planted, classifier, said):
    tables = of_layer(replace(planted, classifier=classifier), classes="predicted")
    assert notes(tables) == [said]
    assert tables["concepts"].filter(pl.col("measure") == "polar").is_empty()
    shown(tables)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"min_count": 500}, "0 of 720 words are of a kind that occurs at least 500 times, and 20 are needed; take a "
         "larger corpus or a lower min_count."),
        ({"drop_above": 6}, "0 of 720 words are of a kind that occurs at least 5 and at most 6 times, and 20 are "
         "needed; take a larger corpus or a lower min_count or a higher drop_above."),
    ],
)  # fmt: skip
def test_a_filter_that_leaves_nothing_is_said_and_nothing_else_breaks(able, options, said):
    tables = able.tables(able.changed(), **options)
    assert notes(tables) == [f"No concepts were looked for: {said}"], "once, not once per layer"
    assert tables["concepts"].is_empty()
    assert shown(tables) == ([f"No concepts were looked for: {said}"], [])


def test_too_few_words_for_the_concepts_asked_for_give_fewer(able):
    tables = of_layer(able, clusters=600)
    assert notes(tables) == ["720 words are too few for 600 concepts; there are 24."]
    assert listed(tables, "base", SIDES).height == listed(tables, "tuned", SIDES).height == 24
    shown(tables)


def test_halves_of_too_few_words_give_no_floor(planted):
    few = planted.words["sentence"].to_numpy() < 4
    small = replace(planted, words=planted.words.filter(pl.Series(few)))
    layers = [planted.base[SIDES][few]]
    tables = of_layer(small, 0, layers, [layers[0] + 1], min_count=1, halves=True, bootstrap=20)
    assert listed(tables, "base", 0).height == 2
    row = cell(tables, "kept")
    assert (row["value"], row["null_low"]) == (1, None)
    assert "matched_across_halves" not in set(tables["concepts"]["measure"])
    shown(tables)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"class_label": "stars"}, "no sentence label 'stars'; there are label"),
        ({"labels": "upos, xpos, feats"}, "no word label xpos, feats; there are suffix, upos"),
        ({"labels": " , "}, "labels should name word labels, with commas; there are suffix, upos"),
        ({"drop_above": 3}, "no word can occur at least min=5 times and at most drop_above=3 times"),
    ],
)
def test_what_is_not_there_is_named_beside_what_is(able, options, said):
    with pytest.raises(OptionError, match=said):
        of_layer(able, **options)


def test_only_the_word_labels_that_are_asked_for_are_aligned(able):
    tables = of_layer(able, labels="suffix,upos")
    assert set(tables["concepts"].filter(pl.col("measure") == "alignment")["subset"]) == {"suffix", "upos"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("clusters", 1), ("min_count", 0), ("fate_threshold", 0.5), ("match_threshold", 0), ("polarity_threshold", 1.1),
     ("label_threshold", float("nan")), ("compute", "int8"), ("classes", "silver"), ("trigger_words", 0)],
)  # fmt: skip
def test_options_out_of_range_are_refused_with_both_values(name, value):
    with pytest.raises(OptionError, match=rf"concepts: {name} should be .*Got '?{value}"):
        ConceptsOptions(**{name: value})


@pytest.mark.parametrize(("model", "value"), [("base", np.nan), ("tuned", np.inf)])
def test_bad_vectors_are_refused_naming_layer_model_and_word(able, model, value):
    layers = {"base": [a.copy() for a in able.base], "tuned": able.changed()}
    layers[model][2][[30, 31], 3] = value
    word, sentence = able.words.row(30, named=True)["word"], able.words["sentence"][30]
    said = rf"layer 2 of the {model} model holds NaN or infinity for 2 of 720 words, the first of them '{word}' in "
    with pytest.raises(OptionError, match=said + f"sentence {sentence}"):
        of_layer(able, 2, layers["base"], layers["tuned"])


def test_a_layer_that_only_one_model_has_gets_its_own_concepts_and_no_fates(able):
    tuned = able.changed()
    tables = able.tables(tuned[:2], base=able.base[:3], **(BARE | {"map": True, "triggers": True}))
    assert listed(tables, "base", DISSOLVED)["fate"].null_count() == 8
    assert listed(tables, "tuned", DISSOLVED).is_empty()
    assert cell(tables, "alignment", "base", DISSOLVED, "upos")["value"] == 1
    assert set(tables["concepts_triggers"]["layer"]) == {1}, "the tuned model's own top"
    assert tables["concepts_map"].select("base_layer", "tuned_layer").unique().height == 6
    texts, names = shown(tables)
    assert not any("ayer 2" in text for text in texts)
    assert "concepts" in names
    deeper = able.tables(tuned[:3], base=able.base[:2], **BARE)
    assert listed(deeper, "tuned", DISSOLVED)["fate"].null_count() == 8
    shown(deeper)


def test_models_of_different_widths_are_compared_but_not_clustered_together(able):
    wide = [np.concatenate([a, a], axis=1) for a in able.changed()]
    tables = of_layer(able, SIDES, tuned=wide, joint=True)
    assert cell(tables, "kept", layer=SIDES)["value"] == 6 / 8
    assert "colap" not in set(tables["concepts"]["measure"])
    shown(tables)


def test_words_of_the_second_text_of_a_pair_are_shown_in_it(able):
    asked = []

    class Pairs(Weighing):
        def __call__(self, sentences, text_b=None, edit=None):
            asked.extend(text_b)
            return super().__call__(sentences)

    pairs = replace(
        able,
        words=able.words.with_columns(part=pl.lit(1, pl.UInt8)),
        sentences=able.sentences.with_columns(text_b=pl.col("text").str.to_uppercase()),
        classifier=Pairs(WEIGHTS),
    )
    tables = of_layer(pairs)
    for examples in tables["concepts_list"]["examples"]:
        for example in examples:
            assert example["text"][example["start"] : example["end"]] == example["word"].upper()
    assert asked
    assert all(text.isupper() for text in asked), "words are put into the first text; the second goes with it"
    assert (tables["concepts_trigger_differences"].filter(pl.col("target") == "pos")["separates"]).all()


def test_an_option_without_effect_and_a_measure_that_cannot_be_taken_are_said(planted):
    pair = planted.pair(1, planted.changed())
    narrow = replace(pair, tuned=ArrayVectors(planted.base[1][:, :7].copy()))
    asked = ConceptsOptions(**BARE | {"clusters": 8, "joint": True, "classes": "predicted", "class_label": "label"})
    notes = ConceptsAnalysis().run(replace(narrow, classifier=Weighing(WEIGHTS)), asked)["concepts_notes"]["text"]
    assert any("class_label=label has no effect" in note for note in notes)
    assert "COLAP is left out: vectors of 12 and 7 numbers cannot be clustered together." in notes.to_list()
    fine = ConceptsAnalysis().run(pair, replace(asked, classes="gold"))["concepts_notes"]["text"].to_list()
    assert not [note for note in fine if "COLAP" in note or "class_label" in note]
