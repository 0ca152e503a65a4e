from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from isogloss.analysis import TIDY, WholeModelAnalysis, figure_from_dict
from isogloss.errors import OptionError
from isogloss.probing import ProbingAnalysis, ProbingOptions
from isogloss.probing.reading import Readable, read_all
from isogloss.probing.solving import predicted
from isogloss.probing.targets import targets
from tests.probing.conftest import HIDDEN, HOME, LAYERS, NEW_HOME, OTHER, QUICK, SENTENCES

ANALYSIS = ProbingAnalysis()


def run(planted, options=QUICK, **more):
    parts = [ANALYSIS.run(planted.pair(layer, **more), options) for layer in range(LAYERS)]
    parts.append(ANALYSIS.run_whole(planted.models(), options))
    names = dict.fromkeys(name for part in parts for name in part)
    return ANALYSIS.combine({n: pl.concat([p[n] for p in parts if n in p]) for n in names}, options)


@pytest.fixture(scope="module")
def tables(planted):
    return run(planted)


def cell(tables, measure, subset, model="tuned", layer=None):
    table = tables["probing"].filter(
        (pl.col("measure") == measure) & (pl.col("subset") == subset) & (pl.col("model") == model)
    )
    return table.sort("layer") if layer is None else table.filter(pl.col("layer") == layer).row(0, named=True)


def test_it_follows_the_protocol():
    assert isinstance(ANALYSIS, WholeModelAnalysis)
    assert ProbingAnalysis.Options() == ProbingOptions()
    assert all(field.metadata["help"] for field in ProbingOptions.__dataclass_fields__.values())


def test_planted_labels_are_read_where_they_were_written(tables):
    for model, where in (("base", [1, 2]), ("tuned", [0, 2])):
        for layer in range(LAYERS):
            row = cell(tables, "accuracy", "kind", model, layer)
            assert (row["value"] > 0.95) == (layer in where)
            assert (row["value"] < 0.55) == (layer not in where)
        assert (cell(tables, "accuracy", "other", model)["value"] > 0.95).all()


def test_changes_are_paired_differences_and_sure_of_what_was_planted(tables):
    changes = cell(tables, "accuracy_change", "kind")
    both = [cell(tables, "accuracy", "kind", model)["value"] for model in ("tuned", "base")]
    np.testing.assert_allclose(changes["value"], both[0] - both[1])
    assert changes["ci_low"][0] > 0.3
    assert changes["ci_high"][1] < -0.3
    assert changes.row(2, named=True)["value"] == changes["ci_low"][2] == changes["ci_high"][2] == 0
    values = cell(tables, "f1_change", "kind=A")
    assert values["value"][0] > 0.3
    assert values["value"][1] < -0.3


def test_selectivity_is_near_zero_where_nothing_is_written(tables):
    # Layer 1 of the tuned model holds nothing of `kind`: neither the label nor its control tasks can be read.
    row = cell(tables, "selectivity", "kind", "tuned", 1)
    assert abs(row["value"]) < 0.12
    assert cell(tables, "selectivity", "kind", "base", 1)["value"] > 0.4
    band = cell(tables, "accuracy", "kind", "base", 1)
    assert band["null_low"] <= cell(tables, "control", "kind", "base", 1)["value"] <= band["null_high"] < 0.6


def test_planted_neurons_are_found_by_every_ranking(tables):
    for model, layer, home in (("base", 1, HOME), ("tuned", 0, NEW_HOME)):
        rows = tables["probing_neurons"].filter(
            (pl.col("model") == model) & (pl.col("layer") == layer) & (pl.col("label") == "kind")
        )
        for method in ("lca", "probeless", "weights"):
            assert set(rows.filter(pl.col(method) < 3)["neuron"]) == set(home)
        salient = rows.filter(pl.col("values").list.len() > 0)
        assert set(salient["neuron"]) == set(home)


def test_the_neurons_of_all_layers_are_where_they_were_planted(tables):
    def neurons(model):
        rows = tables["probing_map"].filter(
            (pl.col("model") == model) & (pl.col("label") == "kind") & (pl.col("values").list.len() > 0)
        )
        return set(rows.select("layer", "neuron").iter_rows())

    # What is written twice may be read from either place.
    assert neurons("base") <= {(layer, neuron) for layer in (1, 2) for neuron in HOME}
    assert neurons("tuned") <= {(0, n) for n in NEW_HOME} | {(2, n) for n in HOME}
    assert {neuron for _, neuron in neurons("base")} == set(HOME)
    shares = tables["probing_distribution"].filter((pl.col("label") == "kind") & pl.col("value").is_null())
    none = {"base": 0, "tuned": 1}
    for model, layer in none.items():
        assert shares.filter((pl.col("model") == model) & (pl.col("layer") == layer))["share"][0] == 0
    fewest = tables["probing_minimal"].filter((pl.col("what") == "neurons") & (pl.col("label") == "kind"))
    assert (fewest["n"] <= 10).all()


def test_without_its_neurons_a_label_is_lost_and_the_other_is_not(planted):
    pair = planted.pair(1)
    found, _ = targets(pair, QUICK)
    of_words = [target for target in found if target.of == "words"]
    readable = Readable(pair.base, of_words)
    readings = read_all(readable, QUICK, 0)
    for name, taken, lost in (("kind", HOME, True), ("kind", OTHER, False), ("other", HOME, False)):
        reading = readings[name]
        rows = reading.target.rows
        X = readable.held_out(rows.test).copy()
        X[:, list(taken)] = X[:, list(taken)].mean(axis=0)
        right = (predicted(reading.solution, X).argmax(axis=1) == rows.codes[rows.test]).mean()
        assert (right < 0.6) == lost
        assert (right > 0.95) == (not lost)


def test_ablation_curves_fall_with_the_planted_neurons(tables):
    curves = tables["probing_ablation"].filter(
        (pl.col("label") == "kind") & (pl.col("model") == "base") & (pl.col("layer") == 1)
    )

    def accuracy(keep, which, n):
        rows = curves.filter((pl.col("keep") == keep) & (pl.col("which") == which) & (pl.col("n") == n))
        return rows["accuracy"].mean()

    assert accuracy(True, "top", 3) > 0.95
    assert accuracy(False, "top", 3) < 0.6
    assert accuracy(True, "bottom", 3) < 0.6
    assert accuracy(False, "top", 0) == accuracy(True, "top", HIDDEN) > 0.95


def test_the_task_loses_what_it_reads_and_nothing_else(tables):
    use = {row["label"]: row for row in tables["probing_task"].filter(pl.col("layer") == 1).iter_rows(named=True)}
    assert use["other"]["n_neurons"] == 2
    assert use["other"]["accuracy"] == 1
    assert use["other"]["loss"] > 0.2
    assert use["other"]["difference_low"] > 0
    elsewhere = tables["probing_task"].filter(pl.col("layer") != 1)
    assert (elsewhere["loss"] == 0).all()


def test_a_numeric_label_of_sentences_is_read_by_regression(tables):
    assert cell(tables, "r2", "score", "base", 1)["value"] > 0.9
    assert cell(tables, "r2", "score", "base", 0)["value"] < 0.2
    assert cell(tables, "r2_change", "score", "tuned", 1)["ci_high"] < 0


def test_a_model_against_itself_changes_nothing_at_all(planted):
    same = run(replace(planted, tuned=planted.base), tuned=planted.base)
    changes = same["probing"].filter(pl.col("measure").str.ends_with("_change"))
    assert changes.height > 20
    for column in ("value", "ci_low", "ci_high"):
        assert (changes[column].drop_nulls() == 0).all()
    assert (same["probing_shift"]["shift"] == 0).all()
    kept = same["probing_fates_together"].group_by("fate").agg(pl.col("count").sum())
    assert dict(kept.iter_rows()).get("other", 0) == dict(kept.iter_rows()).get("none", 0) == 0
    assert any("exactly as well as before" in finding.text for finding in ANALYSIS.findings(same, QUICK))


def test_the_tidy_table_has_one_row_per_number(tables):
    table = tables["probing"]
    assert dict(table.schema) == TIDY
    assert not table.select("measure", "model", "layer", "subset", "seed").is_duplicated().any()


def test_findings_say_what_was_planted_and_stand_in_their_rows(tables):
    found = ANALYSIS.findings(tables, QUICK)
    texts = [finding.text for finding in found]
    assert any(t.startswith("kind is read less well after fine-tuning at layer 1:") for t in texts)
    assert any(t.startswith("kind is read better after fine-tuning at layer 0:") for t in texts)
    assert any(t.startswith("The task uses what class and other are read from") for t in texts)
    for finding in found:
        if finding.value is not None and finding.table == "probing":
            assert finding.value in tables["probing"][list(finding.rows)]["value"].to_list()
    assert all(np.diff([-finding.weight for finding in found]) >= 0)


def test_without_intervals_no_change_is_judged(tables):
    bare = {
        name: table.with_columns(pl.lit(None, dtype=pl.Float64).alias(end) for end in ("ci_low", "ci_high"))
        if name == "probing"
        else table
        for name, table in tables.items()
    }
    texts = [finding.text for finding in ANALYSIS.findings(bare, QUICK)]
    assert any(text.startswith("kind has no intervals to judge changes by") for text in texts)
    assert not any("less well" in text for text in texts)


def test_random_neurons_that_vary_less_are_said_to(tables):
    task = tables["probing_task"]
    assert (task["random_spread"] > 0).all()
    unlike = tables | {"probing_task": task.with_columns(spread=2 * pl.col("random_spread"))}
    alike = tables | {"probing_task": task.with_columns(spread=pl.col("random_spread"))}
    for given, words in ((unlike, "no others vary as much"), (alike, "random ones that vary as much")):
        assert any(words in finding.text for finding in ANALYSIS.findings(given, QUICK))


def test_every_figure_can_be_written_and_read(tables):
    figures = ANALYSIS.figures(tables, QUICK)
    names = [figure.name for figure in figures]
    assert len(set(names)) == len(names)
    wanted = {"probing-kind", "probing-accuracy-change", "probing-neurons-of-kind", "probing-task", "probing-fewest"}
    assert wanted | {"probing-neurons", "probing-keeps-kind"} <= set(names)
    for figure in figures:
        assert figure_from_dict(figure.as_dict()).name == figure.name
    neurons = next(figure for figure in figures if figure.name == "probing-neurons")
    level = next(level for level in neurons.levels if (level.model, level.layer) == ("tuned", 0))
    label = neurons.labels.index("kind")
    assert {i for i, share in enumerate(level.saliency[label]) if share > 0.5} <= set(NEW_HOME)
    entry = next(entry for entry in level.neurons if entry.neuron == NEW_HOME[0])
    assert entry.fate == "new"
    assert {neurons.values[label][value] for family, value in entry.salient if family == label}


def test_several_tuned_models_are_summed_up_label_by_label(planted):
    options = replace(QUICK, task_use=False, ablation=False, pages=0)
    parts = [ANALYSIS.run(planted.pair(1, tuned=t, tuned_index=i), options)
             for i, t in enumerate((planted.tuned, planted.base))]  # fmt: skip
    table = ANALYSIS.combine({"probing": pl.concat([p["probing"] for p in parts])}, options)["probing"]
    row = table.filter((pl.col("subset") == "kind between seeds") & (pl.col("measure") == "accuracy_change"))
    each = [cell(part, "accuracy_change", "kind", layer=1)["value"] for part in parts]
    assert row.select("value", "ci_low", "ci_high", "n").row(0) == pytest.approx(
        (np.mean(each), min(each), max(each), 2)
    )


def test_a_layer_of_one_model_alone_is_probed_alone(planted):
    shallow = planted.tuned[:2]
    tables = ANALYSIS.run(planted.pair(2, tuned=shallow), QUICK)
    assert set(tables["probing"]["model"]) == {"base"}


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_vectors_that_are_no_numbers_are_refused_by_layer_and_model(planted, value):
    broken = [a.copy() for a in planted.tuned]
    broken[1][5, 2] = value
    with pytest.raises(OptionError, match="layer 1 of the tuned model holds NaN or infinity for 1 of"):
        ANALYSIS.run(planted.pair(1, tuned=broken), QUICK)


def test_labels_that_cannot_be_probed_are_left_out_and_said(planted):
    n = SENTENCES * 6
    rare = planted.with_words(
        kind=pl.Series(["one"] * n), other=pl.Series([f"v{i}" for i in range(n)], dtype=pl.String)
    )
    tables = ANALYSIS.run(rare.pair(1), QUICK)
    notes = tables["probing_notes"]["text"].to_list()
    assert "No probe for kind: only one class, one, has enough training words." in notes
    assert any(note.startswith("No probe for other: none of") for note in notes)
    assert set(tables["probing"]["subset"].str.split("=").list.first()) == {"class", "score"}


def test_constant_neurons_take_no_part(planted):
    flat = [a.copy() for a in planted.base]
    flat[1][:, 0] = 7
    tables = ANALYSIS.run(planted.pair(1, base=flat), QUICK)
    row = tables["probing_neurons"].filter(
        (pl.col("model") == "base") & (pl.col("label") == "kind") & (pl.col("neuron") == 0)
    )
    assert row["share"][0] == 0


def test_no_label_at_all_is_said(planted):
    tables = ANALYSIS.run(planted.pair(1, token_labels=(), sentence_labels=()), QUICK)
    assert tables["probing"].is_empty()
    assert tables["probing_notes"]["text"].to_list() == ["No probe: there is no label to read."]
    assert ANALYSIS.run_whole(planted.models(token_labels=(), sentence_labels=()), QUICK) == {}
    assert ANALYSIS.figures(tables, QUICK) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": "pos"}, "no label pos; there are class, score, kind, other"),
        ({"strengths": ""}, "strengths should hold at least one number"),
        ({"strengths": "1,x"}, "numbers with commas"),
        ({"strengths": "0"}, "above 0"),
        ({"rankings": "lca,best"}, "Got 'best'"),
        ({"penalty": "lasso"}, "elastic or neurox"),
        ({"rankings": "gaussian", "min_count": 1}, "needs 2 training words"),
        ({"salient_share": 0.0}, "salient_share should be above 0"),
        ({"controls": -1}, "controls should be at least 0"),
    ],
)
def test_options_without_such_a_value_are_refused(planted, options, message):
    with pytest.raises(OptionError, match=message):
        ANALYSIS.run(planted.pair(1), replace(QUICK, **options))
