import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from isogloss.analysis import TIDY, Analysis, figure_from_dict
from isogloss.errors import NotFiniteError
from isogloss.separability.analysis import SeparabilityAnalysis
from isogloss.separability.options import SeparabilityOptions
from isogloss.study.series_findings import half_way
from tests.separability.planted import (
    CENTRES,
    HIDDEN,
    QUICK,
    PlainGeometry,
    cell,
    hull_distance,
    placed,
    planted,
    run,
)

ANALYSIS = SeparabilityAnalysis(PlainGeometry())


@pytest.fixture(scope="module")
def tables():
    words, sentences, base, tuned = planted()
    return run(base, tuned, words, sentences)


def texts(tables):
    return [finding.text for finding in ANALYSIS.findings(tables, QUICK)]


def test_it_follows_the_protocol(tables):
    assert isinstance(ANALYSIS, Analysis)
    assert all(field.metadata["help"] for field in SeparabilityOptions.__dataclass_fields__.values())
    assert dict(tables["separability"].schema) == TIDY
    assert all(name == "separability" or name.startswith("separability_") for name in tables)


def test_values_that_were_moved_are_found_and_the_other_layer_is_what_it_was(tables):
    away, near = (
        cell(tables, "min_distance_change", subset="kind=D"),
        cell(tables, "min_distance_change", subset="kind=A"),
    )
    assert away["value"] > 8 > away["null_high"] > 0
    assert near["value"] < -2.5 < near["null_low"] < 0
    assert (cell(tables, "grew")["value"], cell(tables, "shrank")["value"]) == (2, 2)
    assert cell(tables, "spatial")["value"] < 0.99
    assert cell(tables, "spatial", layer=0)["value"] == 1
    unmoved = tables["separability"].filter(pl.col("measure").str.ends_with("_change") & (pl.col("layer") == 0))
    assert set(unmoved["value"]) == {0.0}
    said = texts(tables)
    assert any("values of kind moved apart at layer 1" in text for text in said)
    assert any("1 lie farther" in text and "2 closer" in text and "most D" in text for text in said)
    assert any("one cluster each, at every layer of both models" in text for text in said)


def test_values_that_changed_places_lie_otherwise_than_before():
    words, sentences, base, _ = planted()
    tables = run(base, [base[0], placed(words, CENTRES[[3, 1, 2, 0]])], words, sentences)
    change = cell(tables, "spatial_change")
    assert change["value"] < -0.5 < change["null_low"]
    assert cell(tables, "spatial_change", layer=0)["value"] == 0
    assert any("they lie otherwise than before" in text for text in texts(tables))


def test_the_same_places_with_other_noise_are_no_change():
    words, sentences, base, _ = planted()
    tables = run(base, [placed(words, CENTRES, seed=i) for i in (8, 9)], words, sentences)
    changes = [cell(tables, f"{name}_change", layer=i) for name in ("min_distance", "spatial") for i in (0, 1)]
    assert all(row["null_low"] <= row["value"] <= row["null_high"] for row in changes)
    said = texts(tables)
    assert not any("moved apart" in text or "moved together" in text or "otherwise" in text for text in said)


def test_numbers_are_those_of_the_vectors(tables):
    words, sentences, base, _ = planted()
    train = words.join(sentences, on="sentence", maintain_order="left")["split"] == "train"
    of = {k: base[1][(train & (words["kind"] == k)).to_numpy()].astype(np.float32) for k in "ABCD"}
    table = tables["separability_distances"].filter(pl.col("layer") == 1)
    for row in table.iter_rows(named=True):
        assert row["base"] == pytest.approx(hull_distance(of[row["first"]], of[row["second"]]), rel=1e-4)
        assert row["change"] == pytest.approx(row["tuned"] - row["base"])
    least = table.filter((pl.col("first") == "D") | (pl.col("second") == "D"))["base"].min()
    assert cell(tables, "min_distance", "base", subset="kind=D")["value"] == least
    labels = tables["separability_labels"].filter((pl.col("layer") == 1) & (pl.col("model") == "base"))
    by_value = {row["value"]: row for row in labels.iter_rows(named=True)}
    assert by_value["A"]["points"] == len(of["A"])
    assert by_value["A"]["nearest"] == "B"
    every = np.concatenate(list(of.values()))
    spread = np.sqrt(np.square(every - every.mean(0)).sum(1).mean())
    assert cell(tables, "spread", "base")["value"] == pytest.approx(spread, rel=1e-5)
    assert by_value["D"]["min_distance_relative"] == pytest.approx(least / spread, rel=1e-5)
    centroid = tables["separability_centroids"].filter(
        (pl.col("layer") == 1) & (pl.col("model") == "base") & (pl.col("value") == "B")
    )["centroid"][0]
    assert centroid.to_list() == pytest.approx(of["B"].mean(axis=0).tolist(), abs=1e-5)
    moves = {r["value"]: r["length"] for r in tables["separability_moves"].filter(pl.col("layer") == 1).to_dicts()}
    assert moves["B"] == 0
    assert moves["D"] == pytest.approx(2 * np.linalg.norm(CENTRES[3]), rel=1e-5)


def test_a_space_that_only_grew_is_told_from_values_that_moved_apart():
    words, sentences, base, _ = planted()
    tables = run(base, [3 * layer for layer in base], words, sentences)
    assert cell(tables, "min_distance_change")["value"] > 5
    assert cell(tables, "min_distance_relative_change")["value"] == pytest.approx(0, abs=1e-6)
    assert cell(tables, "spatial")["value"] == pytest.approx(1)
    (text,) = [text for text in texts(tables) if "moved apart" in text]
    assert "in units of the spread of all vectors the change is within noise" in text


def test_a_training_set_that_lies_otherwise_than_the_test_is_found():
    words, sentences, base, _ = planted()
    test = (words.join(sentences, on="sentence", maintain_order="left")["split"] == "test").to_numpy()
    centres = CENTRES.copy()
    centres[[0, 3]] = centres[[3, 0]] * 1.5
    centres[1] = centres[0] + [0, 1.5, 0, 0, 0]
    memorised = np.where(test[:, None], base[1], placed(words, centres))
    tables = run(base, [base[0], memorised], words, sentences)
    change = cell(tables, "train_test_change")
    assert change["value"] < -0.3
    assert change["value"] < change["null_low"]
    assert cell(tables, "intra_accuracy_change")["ci_high"] < -0.2
    said = texts(tables)
    assert any("Training and test rows of kind lie less alike than before" in text for text in said)
    assert any("The nearest cluster says less of kind than before at layer 1" in text for text in said)


def test_a_model_against_itself_has_not_changed_in_anything():
    words, sentences, base, _ = planted()
    tables = run(base, [layer.copy() for layer in base], words, sentences)
    changes = tables["separability"].filter(pl.col("measure").str.ends_with("_change"))
    assert changes.height > 20
    for column in ("value", "null_low", "null_high"):
        assert set(changes[column].drop_nulls()) == {0.0}
    assert set(tables["separability_distances"]["change"]) == {0.0}
    assert set(tables["separability_moves"]["length"]) == {0.0}
    assert cell(tables, "spatial")["value"] == 1
    assert cell(tables, "spatial_change")["value"] == 0
    said = texts(tables)
    assert any("lie exactly as far apart as before" in text for text in said)
    assert any("lie to each other exactly as before" in text for text in said)


def test_the_base_is_measured_once_for_all_tuned_models():
    words, sentences, base, tuned = planted()
    geometry = PlainGeometry()
    analysis = SeparabilityAnalysis(geometry)
    first = run(base, tuned, words, sentences, analysis=analysis)
    assert geometry.fits == 2 * (1 + 1)
    other = [layer + 0.1 for layer in tuned]
    second = run(base, other, words, sentences, analysis=analysis, tuned_index=1)
    assert geometry.fits == 2 * (1 + 1) + 2 * 2
    assert cell(second, "min_distance", "base")["value"] == cell(first, "min_distance", "base")["value"]


def test_several_tuned_models_are_summed_up():
    words, sentences, base, tuned = planted()
    other = [tuned[0], tuned[1] + 0.01 * base[1]]
    parts = [run(base, t, words, sentences, tuned_index=i) for i, t in enumerate((tuned, other))]
    tables = ANALYSIS.combine({name: pl.concat([part[name] for part in parts]) for name in parts[0]}, QUICK)
    assert cell(tables, "min_distance_change", subset="kind between seeds")["n"] == 2
    assert any("Over 2 tuned models" in text for text in texts(tables))


def test_clusters_of_the_base_may_be_those_of_both_models():
    words, sentences, base, tuned = planted()
    tuned[1] = placed(words, np.zeros((4, HIDDEN)))
    rows = words["sentence"].to_numpy() < 12
    words, base, tuned = words.filter(pl.Series(rows)), [b[rows] for b in base], [t[rows] for t in tuned]
    once = run(base, tuned, words, sentences, replace(QUICK, clusters="base", min_count=1))
    measures = once["separability"].filter((pl.col("layer") == 1) & pl.col("measure").is_in(["clusters", "linear"]))
    assert measures["model"].unique().to_list() == ["base"]
    assert cell(once, "min_distance")["value"] == pytest.approx(0, abs=1e-3)
    afresh = run(base, tuned, words, sentences, replace(QUICK, min_count=1))
    assert cell(afresh, "clusters")["value"] > 4
    assert cell(afresh, "linear")["value"] == 0
    assert cell(afresh, "train_test")["value"] is None
    assert cell(afresh, "min_distance")["value"] > 0
    assert any("at layer 0 of the tuned model (elsewhere they take up to" in text for text in texts(afresh))
    moved = [text for text in texts(afresh) if "moved together" in text]
    assert moved
    assert all("so between parts of values" in text for text in moved)


def test_clusters_of_the_last_base_layer_may_be_those_of_every_layer():
    words, sentences, base, tuned = planted()
    mixed = [placed(words, np.zeros((4, HIDDEN))), base[1]]
    once = run(mixed, tuned, words, sentences, replace(QUICK, clusters="once"))
    measures = once["separability"].filter(pl.col("measure").is_in(["clusters", "linear"]))
    assert set(measures.select("model", "layer").iter_rows()) == {("base", 1)}, "found in one place"
    assert cell(once, "clusters", "base")["value"] == 4
    assert cell(once, "min_distance", "base", layer=0)["value"] == pytest.approx(0, abs=1e-3), "not apart there"
    afresh = run(mixed, tuned, words, sentences, QUICK)
    for model in ("base", "tuned"):
        assert cell(once, "min_distance", model)["value"] == cell(afresh, "min_distance", model)["value"]
    assert cell(afresh, "clusters", "base", layer=0)["value"] > 4


def test_where_values_lie_in_other_clusters_every_layer_that_is_told_says_so():
    words, sentences, base, _ = planted()
    rng = np.random.default_rng(3)
    # Each value in two places on one line, those of different values in turn.
    codes = np.searchsorted(["A", "B", "C", "D"], words["kind"].to_numpy())
    mixed = placed(words, np.zeros((4, HIDDEN)))
    mixed[:, 0] += 60 * (codes + 4 * rng.integers(2, size=len(words)))
    for farther, caveat in (
        (3, "between 4 clusters of the base model and 8 of the tuned one, so between parts of values"),
        (30, "At layer 0 values lie in other numbers of clusters than before, so there it is parts of values that"),
    ):
        tables = run(base, [mixed, placed(words, farther * CENTRES)], words, sentences, analysis=SeparabilityAnalysis())
        (moved,) = [text for text in texts(tables) if "moved apart at layers 0-1" in text]
        assert caveat in moved


def test_sentences_and_pairs_of_words_are_compared_as_words_are():
    words, sentences, base, tuned = planted()
    heads = pl.Series(["0", "1", "1", "2", "2"] * sentences.height)
    words = words.with_columns(head=heads, deprel=pl.col("kind"))
    mood = pl.Series(np.array(["dull", "fair", "fine"])[np.arange(sentences.height) % 7 % 3])
    sentences = sentences.with_columns(mood=mood)
    of = words.join(sentences, on="sentence", maintain_order="left")["mood"].to_numpy()
    shift = np.select([of == "dull", of == "fine"], [-20.0, 30.0])[:, None] * np.eye(HIDDEN)[0]
    given = {"token_labels": ("deprel", "head"), "sentence_labels": ("mood",)}
    tables = run([base[0], base[1] + shift], [tuned[0], base[1] + 2 * shift], words, sentences, **given)
    assert cell(tables, "min_distance", "base", subset="mood=dull")["value"] == pytest.approx(20, rel=0.35)
    assert cell(tables, "min_distance_change", subset="mood=dull")["value"] == pytest.approx(20, rel=0.1)
    pairs = tables["separability_centroids"].filter(pl.col("label") == "deprel")
    assert set(pairs["centroid"].list.len()) == {2 * HIDDEN}
    assert cell(tables, "spread", "base", subset="deprel")["n"] == 39 * 4


def test_too_many_clusters_have_no_distances_and_say_so():
    words, sentences, base, tuned = planted()
    tables = run(base, tuned, words, sentences, replace(QUICK, most_clusters=3))
    assert cell(tables, "min_distance")["value"] is None
    assert cell(tables, "spatial")["value"] is None
    assert cell(tables, "intra_accuracy")["value"] == 1
    assert tables["separability_distances"].is_empty()
    assert any("4 clusters are more than 3" in text for text in texts(tables))
    assert ANALYSIS.figures(tables, QUICK)


def test_no_noise_is_made_up_where_there_are_no_halves():
    words, sentences, base, tuned = planted()
    tables = run(base, tuned, words, sentences, replace(QUICK, halves=0))
    assert cell(tables, "min_distance_change")["null_high"] is None
    assert not any("moved apart" in text for text in texts(tables))
    assert any("have no noise to judge changes by" in text for text in texts(tables))


def test_distances_never_have_an_interval(tables):
    of_distances = tables["separability"].filter(~pl.col("measure").str.starts_with("intra_accuracy"))
    assert of_distances["ci_low"].null_count() == of_distances.height


def test_one_vector_under_two_values_is_at_distance_0_and_said():
    words, sentences, base, _ = planted()
    rows = words["sentence"].to_numpy() < 9
    words, layer = words.filter(pl.Series(rows)), base[1][rows]
    train = words.join(sentences, on="sentence", maintain_order="left")["split"].to_numpy() == "train"
    a, b = (np.flatnonzero(train & (words["kind"] == k).to_numpy())[0] for k in "AB")
    layer[a] = layer[b]
    tables = run([layer], [layer], words, sentences, replace(QUICK, min_count=1))
    assert cell(tables, "linear", layer=0)["value"] == 0
    assert cell(tables, "min_distance", layer=0, subset="kind=A")["value"] == pytest.approx(0, abs=1e-6)
    assert any("2 of" in text and "very vector" in text for text in texts(tables))


def test_a_value_of_one_point_takes_part_where_it_may():
    words, sentences, base, tuned = planted()
    names = words["kind"].to_list()
    names[10] = "ONLY"
    words = words.with_columns(kind=pl.Series(names))
    assert not any("ONLY" in row for row in run(base, tuned, words, sentences)["separability_labels"]["value"])
    tables = run(base, tuned, words, sentences, replace(QUICK, min_count=1))
    assert cell(tables, "min_distance", subset="kind=ONLY")["n"] == 1
    assert any("one training point only of 1 value (ONLY)" in text for text in texts(tables))


def test_words_without_labels_give_a_note():
    words, sentences, base, tuned = planted()
    tables = run(base, tuned, words, sentences, token_labels=())
    assert tables["separability"].is_empty()
    assert texts(tables) == ["No distances: the corpus was read without labels of its words or sentences."]
    assert ANALYSIS.figures(tables, QUICK) == []


def test_vectors_that_are_not_finite_are_refused():
    words, sentences, base, tuned = planted()
    tuned[1][17, 2] = np.inf
    with pytest.raises(NotFiniteError, match="layer 1 of the tuned model holds NaN or infinity"):
        run(base, tuned, words, sentences)


def test_a_layer_that_one_model_lacks_is_of_the_other_alone():
    words, sentences, base, tuned = planted()
    tables = run(base, tuned[:1], words, sentences)
    assert set(tables["separability"].filter(pl.col("layer") == 1)["model"]) == {"base"}
    assert ANALYSIS.findings(tables, QUICK)
    assert ANALYSIS.figures(tables, QUICK)


def test_models_of_other_widths_are_compared():
    words, sentences, base, tuned = planted()
    tables = run(base, [np.hstack([layer, layer]) for layer in tuned], words, sentences)
    assert cell(tables, "min_distance_change")["value"] is not None
    assert tables["separability_moves"].is_empty()
    assert ANALYSIS.figures(tables, QUICK)


def test_findings_state_rows_that_hold_their_numbers(tables):
    for finding in ANALYSIS.findings(tables, QUICK):
        assert finding.rows
        held = [tables[finding.table].row(row, named=True) for row in finding.rows]
        assert held[0]["value"] == finding.value or any(row["value"] == finding.value for row in held)
        assert {row["layer"] for row in held} == set(finding.layers)


def test_figures_come_back_from_json_and_hold_what_findings_name(tables):
    figures = ANALYSIS.figures(tables, QUICK)
    for figure in figures:
        assert figure_from_dict(json.loads(json.dumps(figure.as_dict()))) == figure
    names = [figure.name for figure in figures]
    assert len(set(names)) == len(names)
    assert {finding.figure for finding in ANALYSIS.findings(tables, QUICK) if finding.figure} <= set(names)
    (study,) = [figure for figure in figures if figure.name == "separability-table"]
    rows = [dict(zip(study.columns, row, strict=True)) for row in study.rows]
    assert [(row["layer"], row["model"]) for row in rows] == [(0, "base"), (0, "tuned"), (1, "base"), (1, "tuned")]
    assert {row["linear"] for row in rows} == {"yes"}
    assert rows[3]["least distance"] == cell(tables, "min_distance")["value"]


def test_runs_of_one_seed_are_equal():
    words, sentences, base, tuned = planted()
    one, other = (run(base, tuned, words, sentences) for _ in range(2))
    assert all(one[name].equals(other[name]) for name in one)


def of_series(by, parts):
    names = dict.fromkeys(name for _, part in parts for name in part)
    kind = pl.Int64() if by == "step" else pl.String()
    return {
        name: pl.concat([part[name].select(pl.lit(place, kind).alias(by), pl.all()) for place, part in parts])
        for name in names
    }


def test_steps_give_paths_of_centroids():
    words, sentences, base, tuned = planted()
    half = [(b + t) / 2 for b, t in zip(base, tuned, strict=True)]
    parts = [(step, run(base, model, words, sentences)) for step, model in ((0, base), (5, half), (10, tuned))]
    found, said, _ = ANALYSIS.series(of_series("step", parts), "step", QUICK)
    paths = found["separability_paths"].filter((pl.col("layer") == 1) & (pl.col("value") == "D")).sort("step")
    assert paths["step"].to_list() == [0, 5, 10]
    places = paths.select("x", "y").to_numpy()
    assert places[1] == pytest.approx(places[[0, 2]].mean(axis=0), abs=1e-3)
    assert np.linalg.norm(places[2] - places[0]) == pytest.approx(2 * np.linalg.norm(CENTRES[3]), rel=0.05)
    assert said == []
    steps = of_series("step", parts)["separability"]
    moved, *_ = half_way("separability", steps, ANALYSIS.headline)
    assert moved.text.startswith("Over 10 steps of training, mean least distance between values")
    assert "half of that was there by step 5" in moved.text
    assert steps.row(moved.rows[-1], named=True)["value"] == moved.value == cell(parts[2][1], moved.measure)["value"]


def test_tasks_give_the_studys_table():
    words, sentences, base, tuned = planted()
    parts = [("own", run(base, tuned, words, sentences)), ("other", run(base, base, words, sentences))]
    found, said, shown = ANALYSIS.series(of_series("task", parts), "task", QUICK)
    table = found["separability_cross_task"]
    assert table["task"].to_list() == ["none", "own", "other"]
    assert table["grew"].to_list() == [None, 2, 0]
    assert table["mean_change"][1] == cell(parts[0][1], "min_distance_change")["value"]
    assert "on own 2 lie farther and 2 closer" in said[0].text
    assert table["noise"][1] == cell(parts[0][1], "min_distance_change")["null_high"] > 0
    assert "on other 0 lie farther and 0 closer (mean change 0, noise" in said[0].text
    assert table["mean_change"][said[0].rows[0]] == said[0].value
    assert [figure.name for figure in shown] == ["separability-cross-task"]
