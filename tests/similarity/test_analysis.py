import json
import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from isogloss.analysis import MARK, TIDY, Analysis, ArrayVectors, TableFigure, figure_from_dict
from isogloss.errors import OptionError
from isogloss.similarity import SimilarityAnalysis, SimilarityOptions, linear_cka, procrustes_distance
from tests.vectors import SteppedVectors

ANALYSIS = SimilarityAnalysis()
OPTIONS = SimilarityOptions(bootstrap=200)


def rows(tables, measure, subset="all", layer=None, seed=0):
    table = tables["similarity"].filter(
        (pl.col("measure") == measure) & (pl.col("subset") == subset) & (pl.col("seed") == seed)
    )
    table = table if layer is None else table.filter(pl.col("layer") == layer)
    return list(table.sort("layer").iter_rows(named=True))


def texts(tables, options=OPTIONS):
    return [finding.text for finding in ANALYSIS.findings(tables, options)]


@pytest.fixture(scope="module")
def grown(planted):
    return planted.tables(planted.moved([0, 0.05, 1, 4]))


def test_it_follows_the_protocol():
    assert isinstance(ANALYSIS, Analysis)
    assert SimilarityAnalysis.Options() == SimilarityOptions()
    assert all(field.metadata["help"] for field in SimilarityOptions.__dataclass_fields__.values())


def test_tables_hold_what_the_measures_give(planted, grown):
    tuned = planted.moved([0, 0.05, 1, 4])
    table = grown["similarity"]
    assert dict(table.schema) == TIDY
    for layer, (X, Y) in enumerate(zip(planted.base, tuned, strict=True)):
        cosine = (X * Y).sum(1) / np.linalg.norm(X, axis=1) / np.linalg.norm(Y, axis=1)
        wanted = {
            "cka": linear_cka(X, Y),
            "cka_debiased": linear_cka(X, Y, debiased=True),
            "procrustes": procrustes_distance(X, Y),
            "cosine": cosine.mean(),
        }
        for measure, value in wanted.items():
            assert rows(grown, measure, layer=layer)[0]["value"] == pytest.approx(value, rel=1e-4, abs=1e-6)
        assert 0 <= rows(grown, "neighbours", layer=layer)[0]["value"] <= 1


def test_a_model_against_itself_shows_exactly_no_change(planted):
    tables = planted.tables([a.copy() for a in planted.base])
    for measure, same in {"cka": 1, "cka_debiased": 1, "procrustes": 0, "cosine": 1, "neighbours": 1}.items():
        for row in rows(tables, measure):
            assert {row[c] for c in ("value", "ci_low", "ci_high", "null_low", "null_high")} == {same}
    assert (tables["similarity"]["value"].unique().sort() == pl.Series([0.0, 1.0])).all()
    diagonal = tables["similarity_map"].filter(pl.col("base_layer") == pl.col("tuned_layer"))
    assert (diagonal["value"] == (diagonal["measure"] != "procrustes")).all()
    assert (tables["similarity_words"]["value"] == 1).all()
    assert (tables["similarity_labels"]["difference"] == 0).all()
    said = texts(tables)
    assert len(said) == 1
    assert said[0].startswith("Nothing changed: layers 0-3 hold exactly the same vectors")


def test_intervals_hold_the_value_and_the_noise_band_reaches_no_change(grown):
    for measure in ("cka", "cka_debiased", "procrustes", "cosine", "neighbours"):
        for row in rows(grown, measure):
            assert row["ci_low"] <= row["value"] <= row["ci_high"]
            assert row["null_low"] <= (0 if measure == "procrustes" else 1) <= row["null_high"]
        assert rows(grown, measure)[3]["ci_low"] < rows(grown, measure)[3]["ci_high"]


def test_halves_are_disjoint_and_the_floor_is_not_below_what_they_show(grown, planted):
    for measure in ("cka", "cka_debiased", "procrustes", "cosine", "neighbours"):
        for row in rows(grown, measure):
            a, b = (rows(grown, measure, f"half {half}", row["layer"])[0] for half in "AB")
            assert a["n"] + b["n"] == row["n"]
            floor = row["null_high"] if measure == "procrustes" else 1 - row["null_low"]
            assert floor >= abs(a["value"] - b["value"]) / 2 - 1e-12


def test_block_size_changes_nothing_but_rounding(planted):
    tuned = planted.moved([1, 1, 1, 1])
    pair = planted.pair(2, planted.base, tuned)
    cut = replace(pair, base=SteppedVectors(planted.base[2], 50), tuned=SteppedVectors(tuned[2], 31))
    whole, streamed = (ANALYSIS.run(p, OPTIONS)["similarity"] for p in (pair, cut))
    for column in ("value", "ci_low", "ci_high", "null_low", "null_high"):
        np.testing.assert_allclose(whole[column], streamed[column], rtol=1e-4, atol=1e-5)


def test_the_same_seed_gives_the_same_tables(planted):
    pair = planted.pair(3, planted.base, planted.moved([0, 1, 1, 1]), seed=5)
    first, second = (ANALYSIS.run(pair, OPTIONS) for _ in range(2))
    assert all(first[name].equals(second[name]) for name in first)
    other = ANALYSIS.run(replace(pair, seed=6), OPTIONS)["similarity"]
    assert not other.equals(first["similarity"])


@pytest.fixture(scope="module")
def nouns_moved(planted):
    """Only nouns change: their vectors are turned by a fixed rotation."""
    turn = np.linalg.qr(np.random.default_rng(9).normal(size=(12, 12)))[0].astype(np.float32)
    noun = (planted.words["upos"] == "NOUN").to_numpy()[:, None]
    return planted.tables([np.where(noun, a @ turn, a) for a in planted.base])


def test_the_label_whose_words_moved_comes_first(nouns_moved):
    labels = nouns_moved["similarity_labels"].filter((pl.col("layer") == 1) & (pl.col("label") == "upos"))
    assert labels["label_value"][0] == "NOUN"
    assert labels["difference_high"][0] < 0
    assert labels["value"][1:].to_list() == [1.0, 1.0, 1.0]
    assert rows(nouns_moved, "cosine", "upos=NOUN", 1)[0]["value"] == labels["value"][0]
    assert rows(nouns_moved, "cosine", "upos=DET", 1)[0]["value"] == 1
    assert any("labelled NOUN moved most" in text for text in texts(nouns_moved))
    assert set(nouns_moved["similarity_labels"]["label"]) == {"upos", "label"}, "numeric labels are no groups"


def test_the_words_that_moved_come_first_and_are_marked_in_their_sentences(planted, nouns_moved):
    words = nouns_moved["similarity_words"].filter(pl.col("layer") == 2)
    assert set(words["word"][:2]) == {"film", "plot"}
    assert words["moved"].to_list() == ["most"] * 4 + ["least"] * 4
    assert words["rank"].to_list() == list(range(1, 9))
    counts = planted.words["word"].str.to_lowercase().value_counts()
    assert dict(words.select("word", "count").iter_rows()) == dict(counts.iter_rows())
    for word, examples in words.select("word", "examples").iter_rows():
        assert len({example["sentence"] for example in examples}) == 3
        for example in examples:
            assert example["text"][example["start"] : example["end"]].lower() == word
    assert words.filter(pl.col("value") < 1)["ci_high"].max() < 1


def test_long_sentences_are_cut_around_the_word(planted):
    sentences = planted.sentences.with_columns(text=pl.lit("é" * 500 + " ") + pl.col("text") + "z" * 500)
    words = planted.words.with_columns(pl.col("start") + 501, pl.col("end") + 501)
    pair = replace(planted.pair(0, planted.base, planted.moved([1] * 4)), words=words, sentences=sentences)
    table = ANALYSIS.run(pair, OPTIONS)["similarity_words"]
    for word, examples in table.select("word", "examples").iter_rows():
        for example in examples:
            assert len(example["text"]) < 250
            assert example["text"][0] == "…"
            assert example["text"][example["start"] : example["end"]].lower() == word


def test_examples_of_the_second_text_of_a_pair_come_from_it(planted):
    sentences = planted.sentences.with_columns(text_b=pl.col("text").str.to_uppercase(), text=pl.lit("no such"))
    pair = replace(
        planted.pair(0, planted.base, planted.moved([1] * 4)),
        words=planted.words.with_columns(part=pl.lit(1, pl.UInt8)),
        sentences=sentences,
    )
    table = ANALYSIS.run(pair, OPTIONS)["similarity_words"]
    example = table["examples"][0][0]
    assert example["text"][example["start"] : example["end"]] == table["word"][0].upper()


def test_a_layer_that_took_another_ones_place_is_found(planted):
    tables = planted.tables([planted.base[0], planted.base[1], planted.base[3], planted.base[2]])
    text = next(text for text in texts(tables) if "resembles" in text)
    for tuned, base in ((2, 3), (3, 2)):
        said = rf"uned layer {tuned} resembles base layer {base} \(CKA (1|>\.999)\) more than base layer {tuned} "
        assert re.search(said, text)


def test_different_widths_are_compared_by_what_does_not_need_axes(planted):
    narrow = [a[:, :7] + 0.1 for a in planted.base]
    tables = planted.tables(narrow)
    row = rows(tables, "cka", layer=1)[0]
    assert row["value"] == pytest.approx(linear_cka(planted.base[1], narrow[1]), rel=1e-4)
    assert row["ci_low"] < row["value"] < row["ci_high"]
    assert rows(tables, "procrustes", layer=1)[0]["value"] > 0
    assert rows(tables, "cosine", layer=1)[0]["value"] is None
    assert set(tables["similarity_words"]["measure"]) == {"neighbours"}
    assert rows(tables, "neighbours", "upos=NOUN", 1)[0]["value"] > 0
    assert any("no cosine" in text for text in texts(tables))
    ANALYSIS.figures(tables, OPTIONS)


def test_zero_vectors_are_left_out_of_the_cosine_and_counted(planted):
    tuned = planted.moved([1] * 4)
    tuned[1][:30] = 0
    tables = planted.tables(tuned)
    assert rows(tables, "cosine", layer=1)[0]["n"] == planted.words.height - 30
    assert rows(tables, "cka", layer=1)[0]["n"] == planted.words.height
    assert any(f"over {planted.words.height - 30} of {planted.words.height} words" in t for t in texts(tables))


def test_a_layer_without_variance_has_no_value(planted):
    tuned = [np.ones_like(planted.base[0]), *planted.moved([1] * 4)[1:]]
    tables = planted.tables(tuned)
    assert [row["value"] is None for row in rows(tables, "cka")] == [True, False, False, False]
    assert rows(tables, "procrustes", layer=0)[0]["value"] is None
    assert rows(tables, "cosine", layer=0)[0]["value"] is not None
    assert texts(tables)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 12])
def test_a_handful_of_words_gives_what_is_defined(planted, n):
    small = replace(planted, words=planted.words.head(n), base=[a[:n] for a in planted.base])
    tables = small.tables([a + 0.01 for a in small.moved([1] * 4)])
    assert (rows(tables, "cka")[0]["value"] is None) == (n < 2)
    assert (rows(tables, "cka_debiased")[0]["value"] is None) == (n < 4)
    assert (rows(tables, "neighbours")[0]["value"] is None) == (n < 12)
    assert texts(tables)
    assert n > 1 or "cannot be said" in texts(tables)[0]
    ANALYSIS.figures(tables, OPTIONS)


def test_bad_vectors_are_refused_naming_layer_and_model(planted):
    tuned = planted.moved([1] * 4)
    tuned[2][17, 3] = np.inf
    with pytest.raises(OptionError, match=r"layer 2 \(X = base, Y = tuned\): Y holds NaN or infinity"):
        ANALYSIS.run(planted.pair(2, planted.base, tuned), OPTIONS)
    short = replace(planted.pair(1, planted.base, tuned), tuned=ArrayVectors(tuned[1][:-1]))
    with pytest.raises(OptionError, match=r"layer 1: base has .* vectors, tuned"):
        ANALYSIS.run(short, OPTIONS)


@pytest.mark.parametrize("bad", [{"neighbours": 0}, {"bootstrap": -1}, {"map_words": 1}, {"min_count": 0}])
def test_impossible_options_are_refused(bad):
    with pytest.raises(OptionError, match=f"{next(iter(bad))} should be at least"):
        SimilarityOptions(**bad)


def test_without_a_bootstrap_there_are_values_and_no_intervals(planted, grown):
    tables = planted.tables(planted.moved([0, 0.05, 1, 4]), options=SimilarityOptions(bootstrap=0))
    of_all = tables["similarity"].filter(pl.col("subset") == "all")
    assert of_all["value"].to_list() == grown["similarity"].filter(pl.col("subset") == "all")["value"].to_list()
    assert (
        tables["similarity"].select("ci_low", "ci_high", "null_low").null_count().row(0)
        == (tables["similarity"].height,) * 3
    )
    assert "CKA ." in texts(tables)[0]
    assert "[" not in texts(tables)[0]


def test_findings_say_what_stayed_and_what_was_rewritten(grown):
    findings = ANALYSIS.findings(grown, OPTIONS)
    said = [finding.text for finding in findings]
    row = rows(grown, "cka", layer=3)[0]
    assert said[0].startswith(f"Layer 3 was rewritten most: CKA {row['value']:.2f}".replace("0.", "."))
    assert "sampling noise alone would stay above ." in said[0]
    kept = next(text for text in said if "kept" in text)
    assert kept.startswith("Layers 0-1 nearly kept their geometry: CKA is at least .99 (lowest >.999 at layer 1)")
    assert kept.endswith("; layer 0 moved no more than sampling noise, the others did.")
    assert [f.weight for f in findings] == sorted((f.weight for f in findings), reverse=True)
    for finding in findings:
        table = grown[finding.table]
        assert finding.rows
        assert finding.value in table[list(finding.rows)]["value"].to_list()
        assert set(table[list(finding.rows)].get_column("layer" if "layer" in table.columns else "tuned_layer")) == (
            set(finding.layers)
        )
    json.dumps([finding.as_dict() for finding in findings])


def test_growth_with_depth_is_said(planted):
    base = [*planted.base, planted.base[1] * 2, planted.base[2] * 3]
    deep = replace(planted, base=base)
    said = texts(deep.tables(deep.moved([0, 0.2, 0.5, 1, 3, 6])))
    assert any(
        text.startswith("Change grows with depth: the Procrustes distance goes from 0 at layer 0") for text in said
    )


def test_few_words_for_the_width_are_called_that(planted):
    rng = np.random.default_rng(0)
    n = 60
    small = replace(planted, words=planted.words.head(n), base=[rng.normal(size=(n, 50)) for _ in range(2)])
    said = texts(small.tables([rng.normal(size=(n, 50)) for _ in range(2)]))
    assert any("60 words are few for vectors this wide" in text for text in said)


def test_several_tuned_models_get_their_spread(planted):
    tuned = [planted.moved([0, 0.1, 1, size], seed=seed) for seed, size in ((1, 1.0), (2, 1.2), (3, 6.0))]
    tables = planted.tables(*tuned)
    spread = (
        tables["similarity"]
        .filter((pl.col("subset") == "between seeds") & (pl.col("measure") == "cka") & (pl.col("layer") == 3))
        .row(0, named=True)
    )
    values = [rows(tables, "cka", layer=3, seed=seed)[0]["value"] for seed in range(3)]
    assert (spread["value"], spread["ci_low"], spread["ci_high"], spread["n"]) == (
        pytest.approx(np.mean(values)), min(values), max(values), 3
    )  # fmt: skip
    assert ANALYSIS.combine(tables, OPTIONS)["similarity"].equals(tables["similarity"])
    assert any(text.startswith("The 3 tuned models differ: ") and "layer 3" in text for text in texts(tables))
    assert tables["similarity_map"].height == 3 * 5 * 16
    names = [figure.name for figure in ANALYSIS.figures(tables, OPTIONS)]
    assert len(set(names)) == len(names)


def test_with_several_tuned_models_the_sentences_speak_of_all_of_them(planted):
    tables = planted.tables(*(planted.moved([0, 0.05, 1, size], seed) for seed, size in enumerate((4, 5, 6))))
    most = texts(tables)[0]
    low, high = (
        f"{f([rows(tables, 'cka', layer=3, seed=i)[0]['value'] for i in range(3)]):.2f}"[1:] for f in (min, max)
    )
    assert most.startswith("Layer 3 was rewritten most")
    assert f"(from {low} to {high} over 3 tuned models)" in most
    assert all("first tuned model" in text for text in texts(tables) if text.startswith(("The words", "By ")))


def test_unequal_seeds_are_not_called_unchanged_because_the_first_is(planted):
    tables = planted.tables([a.copy() for a in planted.base], planted.moved([0, 0, 0, 4]))
    assert not any(text.startswith("Nothing changed") for text in texts(tables))


def test_among_many_labels_chance_is_not_news(planted):
    rng = np.random.default_rng(0)
    false_alarms = 0
    for seed in range(12):
        words = planted.words.with_columns(
            upos=pl.Series(rng.choice([f"L{i}" for i in range(40)], planted.words.height))
        )
        shuffled = replace(planted, words=words)
        tables = shuffled.tables(
            planted.moved([0, 0.05, 1, 4], seed), options=SimilarityOptions(map=False, bootstrap=200)
        )
        false_alarms += any(text.startswith("By upos") for text in texts(tables))
    assert false_alarms <= 2


def test_a_rare_word_does_not_outrank_a_frequent_one_by_chance(planted):
    tuned = [a.copy() for a in planted.base]
    is_film = (planted.words["word"].str.to_lowercase() == "film").to_numpy()
    rare = np.flatnonzero((planted.words["word"].str.to_lowercase() == "quiet").to_numpy())[:5]
    rng = np.random.default_rng(3)
    tuned[2][is_film] = rng.normal(size=(is_film.sum(), tuned[2].shape[1]))
    tuned[2][rare[0]] *= -1
    words = planted.words.with_columns(
        pl.Series("word", ["rare" if i in rare else w for i, w in enumerate(planted.words["word"])])
    )
    words = replace(planted, words=words).tables(tuned)["similarity_words"].filter(pl.col("layer") == 2)
    assert words["word"][0] == "film"
    assert words.filter(pl.col("word") == "rare")["rank"][0] > 1


def test_figures_survive_json_and_mark_the_words(grown):
    figures = ANALYSIS.figures(grown, OPTIONS)
    assert [figure.name for figure in figures] == [
        "similarity",
        "similarity-procrustes",
        "similarity-map",
        "similarity-map-neighbours",
        "similarity-words",
        "similarity-label-upos",
        "similarity-label-label",
        "similarity-labels",
    ]
    for figure in figures:
        assert figure_from_dict(json.loads(json.dumps(figure.as_dict()))) == figure
    words = next(figure for figure in figures if figure.name == "similarity-words")
    assert isinstance(words, TableFigure)
    for row in words.rows:
        for example in row[words.columns.index("examples")]:
            assert example.split(MARK)[1].lower() == row[words.columns.index("word")]
