"""What the concepts analysis says and shows: sentences hold what their rows hold, figures what the tables hold."""

import json
import re
from dataclasses import replace
from math import floor

import numpy as np
import polars as pl
import pytest

from isogloss.analysis import ExplorerFigure, figure_from_dict, stated
from isogloss.concepts import ConceptsAnalysis, ConceptsOptions
from isogloss.concepts.options import WORDS_SHOWN
from tests.concepts.conftest import (
    BARE,
    DISSOLVED,
    KINDS,
    LAYERS,
    QUICK,
    SIDES,
    SPLIT_AND_MERGED,
    Weighing,
    cell,
    listed,
)

ANALYSIS = ConceptsAnalysis()
NAMED = re.compile(r"[Ll]ayers (\d+(?:-\d+)?(?:, \d+(?:-\d+)?)*)|[Ll]ayer (\d+)")
NUMBER = re.compile(r"[<>]?\.\d+|\b\d+\b")


def findings(tables, options=QUICK):
    return ANALYSIS.findings(tables, options)


def texts(tables):
    return [finding.text for finding in findings(tables)]


def figures(tables, options=QUICK):
    return {figure.name: figure for figure in ANALYSIS.figures(tables, options)}


def numbers_of(rows):
    """Every way in which a sentence may write a number of these rows."""
    written = set()
    for value in (v for row in rows for v in row if isinstance(v, int | float) and not isinstance(v, bool)):
        written |= {str(floor(value)), *(stated(value, digits) for digits in (None, 2, 3, 4))}
    return written


def layers_of(text):
    """The layers a sentence names, and the sentence without them."""
    found: set[int] = set()
    for several, one in NAMED.findall(text):
        for run in (several or one).split(", "):
            first, _, last = run.partition("-")
            found |= set(range(int(first), int(last or first) + 1))
    return found, NAMED.sub("", text)


def test_the_planted_changes_are_said(changed):
    assert texts(changed) == [
        "At layer 1 the share of 8 base concepts that the tuned model keeps is .62 [.31, .86], the fewest of all "
        "layers (.12 split, .25 merged, 0 dissolved; of the tuned model's concepts there 0 are new); the base model "
        "keeps a share of 1 of its own when it sees only half of the sentences.",
        "At layer 3, 2 of 8 concepts take the side of a class, against 0 in the base model; shuffled classes give at "
        "most 0.",
        "One word of the concepts of layer 3 on the side of class neg, put at the front (where words do most), "
        "turns a share of 0 [0, .09] of other "
        "sentences to it; words as frequent turn 0 [0, .09], so triggers are not shown to do more (difference in the "
        "same sentences 0).",
        "One word of the concepts of layer 3 on the side of class pos, put at the front (where words do most), "
        "turns a share of .83 [.33, 1] of other "
        "sentences to it; words as frequent turn 0 [0, .12].",
        "Layer 0 kept its concepts as far as can be told: no fewer than the base model keeps of its own when it sees "
        "only half of the sentences.",
        "At layer 2, where that changes most, upos explains a share of 1 of the base concepts (shuffled labels 0) and "
        "0 of the tuned ones (shuffled labels 0).",
        "At layer 1, where that changes most, suffix explains a share of .12 of the base concepts (shuffled labels 0) "
        "and 0 of the tuned ones (shuffled labels 0).",
    ]


@pytest.mark.parametrize("which", ["changed", "two"])
def test_every_number_in_a_sentence_is_in_the_rows_it_names(request, which):
    tables = request.getfixturevalue(which)
    found = findings(tables)
    assert len(found) > 3
    for finding in found:
        rows = tables[finding.table][list(finding.rows)]
        named, rest = layers_of(finding.text)
        assert set(NUMBER.findall(rest)) <= numbers_of(rows.iter_rows()), finding.text
        assert named <= set(finding.layers)
        assert set(rows["layer"]) == set(finding.layers)
        kind = "value" if "value" in rows.columns else finding.measure
        assert finding.value in rows[kind].to_list()
        low, high = finding.scale or (0, 1)
        assert low <= finding.value <= high
    assert [f.weight for f in found] == sorted((f.weight for f in found), reverse=True)
    json.dumps([finding.as_dict() for finding in found])


def test_without_shuffles_nothing_is_said_of_chance(able):
    said = texts(able.tables(able.changed(), **BARE))
    assert "At layer 3, 2 of 8 concepts take the side of a class, against 0 in the base model." in said
    assert not any("shuffled" in text or "chance" in text for text in said)


def test_one_concept_takes_and_several_take(planted):
    """Praise alone moves, so one concept is on a side; the words left behind are on none."""
    moved = planted.moved(SIDES, planted.kind("ADJ") & planted.praising, 8)
    also = planted.moved(SIDES, planted.kind("ADJ") & ~planted.praising, KINDS.index("NUM"))
    one = np.where(((moved != planted.base[SIDES]).any(axis=1))[:, None], moved, also)
    said = texts(planted.tables([one], base=[planted.base[SIDES]], **(BARE | {"permutations": 20})))
    assert any(
        text == "At layer 0, 1 of 8 concepts takes the side of a class, against 0 in the base model; shuffled classes "
        "give at most 0."
        for text in said
    )


def test_where_no_side_is_taken_it_is_said(planted):
    tables = planted.tables(planted.base[:2], base=planted.base[:2], **(BARE | {"permutations": 20}))
    assert texts(tables) == [
        "Every concept was kept as it was, in layers 0-1.",
        "No layer has more concepts that take a class's side than shuffled classes give (at most 0 of 8, at layer 1, "
        "against 0 in the base model).",
    ]


def test_concepts_that_lost_some_words_are_not_said_to_be_as_they_were(planted):
    some = planted.kind("VERB") & (planted.words["sentence"].to_numpy() % 10 == 0)
    tuned = planted.moved(0, some, KINDS.index("DET"))
    said = texts(planted.tables([tuned, planted.base[1]], base=planted.base[:2], **BARE))
    rand = stated(cell(planted.tables([tuned], base=planted.base[:1], **BARE), "adjusted_rand", "tuned")["value"])
    assert (
        f"Every concept was kept, in layers 0-1, if not with all of its words: the adjusted Rand index of both models' "
        f"concepts is {rand} at layer 0, the least."
    ) in said
    assert not any("as it was" in text for text in said)


def test_tuned_models_are_held_against_each_other(two):
    (text,) = [text for text in texts(two) if text.startswith("Between the 2 tuned models")]
    worst = cell(two, "kept", "base", SPLIT_AND_MERGED, "between seeds", None)
    between = cell(two, "kept_between", "tuned", SPLIT_AND_MERGED, "between seeds", None)
    assert (worst["value"], between["value"]) == (0.625, 1)
    assert text == (
        "Between the 2 tuned models the share of concepts kept at layer 1 is 1 (from 1 to 1); from the base model to "
        "them it is .62 (from .62 to .62)."
    )


def test_a_trigger_is_held_against_the_control_of_its_own_layer_and_place(able):
    """The classifier reads only what stands inside the sentence, and only the lower layer's adjectives flip it."""

    class Inside(Weighing):
        def __call__(self, sentences, text_b=None, edit=None):
            return super().__call__([" ".join(text.split()[1:-1]) for text in sentences])

    weights = dict.fromkeys(("superb", "lovely", "tender"), 3.0) | dict.fromkeys(("awful", "dreary", "stale"), -1.0)
    pairs = replace(able, classifier=Inside(weights | {"film": -0.1}))
    tables = pairs.tables(pairs.changed(), **(BARE | {"triggers": True, "trigger_layers": 4}))
    found = next(f for f in findings(tables) if "on the side of class pos" in f.text)
    assert "of layer 1 on the side of class pos, put at a random place (where words do most), turns" in found.text
    assert found.layers == (SPLIT_AND_MERGED,)
    rows = tables["concepts_triggers"][list(found.rows)]
    assert rows["group"].to_list() == ["triggers", "frequency"]
    assert rows.select("layer", "place", "k", "target").n_unique() == 1
    assert found.value == rows["flip_rate"][0] == tables["concepts_triggers"]["flip_rate"].max()
    assert (found.null_low, found.null_high) == (rows["ci_low"][1], rows["ci_high"][1])


def test_figures_survive_json_under_names_of_their_own(changed, two):
    shown = ANALYSIS.figures(changed, QUICK)
    assert [figure.name for figure in shown] == [
        "concepts-fates",
        "concepts-origins",
        "concepts-kept",
        "concepts-matched",
        "concepts-polar",
        "concepts-label-upos",
        "concepts-label-suffix",
        "concepts-map",
        "concepts-triggers",
        "concepts-trigger-words",
        "concepts",
    ]
    for figure in [*shown, *ANALYSIS.figures(two, QUICK)]:
        assert figure_from_dict(json.loads(json.dumps(figure.as_dict()))) == figure
    assert all(figure.caption.endswith(" First tuned model.") for figure in ANALYSIS.figures(two, QUICK))


def test_bars_and_lines_and_cells_are_those_of_the_tables(changed):
    shown = figures(changed)
    for name, model in (("concepts-fates", "base"), ("concepts-origins", "tuned")):
        bars = shown[name]
        assert bars.bars == ("0", "1", "2", "3")
        for part in bars.parts:
            assert part.values == tuple(cell(changed, part.name, model, i)["value"] for i in range(LAYERS))
        assert [sum(part.values[i] for part in bars.parts) for i in range(LAYERS)] == [1] * LAYERS
    polar = {line.name: line for line in shown["concepts-polar"].lines}
    assert polar["label=pos, tuned"].y == (0, 1, 0, 1)
    assert polar["label=pos, base"].y == (0, 0, 0, 0)
    assert [line.name for line in shown["concepts-label-upos"].lines] == ["base", "tuned"]
    assert shown["concepts-label-upos"].lines[1].y == (1, 7 / 8, 0, 6 / 8)
    cells = shown["concepts-map"].values
    assert [cells[i][i] for i in range(LAYERS)] == pytest.approx(
        [cell(changed, "adjusted_rand", "tuned", i)["value"] for i in range(LAYERS)], abs=1e-6
    )


def test_every_row_of_the_trigger_tables_says_where_its_words_were_put(changed):
    words = figures(changed)["concepts-trigger-words"]
    where = [words.columns.index(c) for c in ("target", "layer", "word", "place")]
    keys = [tuple(row[i] for i in where) for row in words.rows]
    assert len(keys) == len(set(keys)) == 2 * 6
    table = figures(changed)["concepts-triggers"]
    keys = [row[: table.columns.index("sentences")] for row in table.rows]
    assert len(keys) == len(set(keys)) == changed["concepts_triggers"].height


def test_the_explorer_shows_the_concepts_of_the_tables(changed, planted):
    explorer = figures(changed)["concepts"]
    assert isinstance(explorer, ExplorerFigure)
    assert [(level.model, level.layer) for level in explorer.levels] == [
        (model, layer) for model in ("base", "tuned") for layer in range(LAYERS)
    ]
    assert (explorer.classes, explorer.priors) == (("neg", "pos"), (0.5, 0.5))
    for level in explorer.levels:
        rows = listed(changed, level.model, level.layer).sort("concept")
        assert rows["concept"].to_list() == list(range(8))
        assert level.names == tuple(rows["name"])
        assert level.fates == tuple(rows["fate"])
        assert level.n_tokens == tuple(rows["n_tokens"])
        assert sum(level.n_tokens) == planted.words.height
        assert level.polar == tuple(side or "" for side in rows["polar"])
        of_level = changed["concepts_members"].filter(
            (pl.col("model") == level.model) & (pl.col("layer") == level.layer)
        )
        for concept, words in enumerate(level.words):
            counts = of_level.filter(pl.col("concept") == concept)["word"].value_counts()
            assert len(words) == min(counts.height, WORDS_SHOWN)
            assert {explorer.vocabulary[word]: n for word, n in words}.items() <= dict(counts.iter_rows()).items()
            assert [n for _, n in words] == sorted(counts["count"], reverse=True)[:WORDS_SHOWN]
            for sentence, first, last in level.contexts[concept]:
                assert explorer.sentences[sentence][first:last] in counts["word"]
        links = changed["concepts_links"].filter(pl.col("layer") == level.layer)
        own, other = ("base", "tuned") if level.model == "base" else ("tuned", "base")
        for concept, pointed in enumerate(level.links):
            shares = links.filter(pl.col(own) == concept).select(other, pl.col(f"share_{own}").round(4))
            assert set(pointed) <= set(shares.iter_rows())
            assert len(pointed) == min(shares.height, 6)
    tuned = next(level for level in explorer.levels if (level.model, level.layer) == ("tuned", SIDES))
    assert sorted(tuned.polar) == [""] * 6 + ["neg", "pos"]
    assert sorted(len(links) for links in tuned.links) == [1] * 6 + [2, 2]
    base = explorer.levels[DISSOLVED]
    verbs = next(i for i, name in enumerate(base.names) if "upos=VERB" in name)
    assert len(base.links[verbs]) == 6
    assert [share for _, share in base.links[verbs]] == sorted((s for _, s in base.links[verbs]), reverse=True)


def test_what_is_kept_no_more_than_by_chance_is_said_to_be(planted):
    """Every word in a place of its own draw: nothing is left of the base model's concepts."""
    scattered = planted.moved(0, planted.kind(*KINDS), np.random.default_rng(0).integers(0, 8, planted.words.height))
    tables = planted.tables([scattered], base=planted.base[:1], **(BARE | {"permutations": 20}))
    text = next(text for text in texts(tables) if "the tuned model keeps" in text)
    assert text.endswith("; no more than where words trade concepts at random (0).")


def test_bands_of_shuffled_words_are_those_of_the_table(changed):
    kept, matched = figures(changed)["concepts-kept"], figures(changed)["concepts-matched"]
    assert [band.name for band in kept.bands] == ["same model, half of the sentences", "shuffled words"]
    chance = [cell(changed, "kept_by_chance", "base", i)["null_high"] for i in range(LAYERS)]
    assert kept.bands[1].high == pytest.approx(chance)
    assert [line.name for line in matched.lines] == ["matched, base", "matched, tuned", "CALIGN, base", "CALIGN, tuned"]
    for band, model in zip(matched.bands, ("base", "tuned"), strict=True):
        assert band.high == pytest.approx([cell(changed, "matched", model, i)["null_high"] for i in range(LAYERS)])


def test_thresholds_are_said_in_captions(changed):
    options = ConceptsOptions(fate_threshold=0.8)
    assert "a share of 0.8 of the words" in figures(changed, options)["concepts-fates"].caption


def test_of_several_tuned_models_a_sentence_says_that_it_speaks_of_the_first(planted):
    one, two = (planted.tables(*(planted.changed(seed) for seed in range(n)), **BARE) for n in (1, 2))
    several = [f.text for f in ANALYSIS.findings(two, planted.options) if f.value is not None]
    assert sum(text.startswith("First tuned model: at layer ") for text in several) >= 2
    assert all(text.startswith(("First tuned model: ", "Between the 2 tuned models ")) for text in several)
    assert not [f for f in ANALYSIS.findings(one, planted.options) if "First tuned" in f.text]
