from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy.special import log_softmax

from isogloss.analysis import TIDY, figure_from_dict
from isogloss.numerics.elastic_net import Problem
from isogloss.probing import ProbingAnalysis
from isogloss.probing.description_length import UNIFORM_RATE, OnlineBlocks
from isogloss.probing.reading import Readable, read_all
from isogloss.probing.solving import predicted, solved
from isogloss.probing.targets import targets
from tests.probing.conftest import LAYERS, QUICK

ANALYSIS = ProbingAnalysis()
# Strong enough that a probe of few words of an unreadable label is not sure of them.
PLAIN = replace(QUICK, labels="kind", ablation=False, task_use=False, pages=0, together=False, strengths="10000")
ASKED = replace(PLAIN, description_length=True, learning_curve=True, mlp=True, scalar_mix=True)
MEASURES = {"bits", "compression", "bits_change", "mlp_accuracy", "mlp_gain", "mlp_accuracy_change"}


def run(planted, options=ASKED, layers=range(LAYERS), **more):
    parts = [ANALYSIS.run(planted.pair(layer, **more), options) for layer in layers]
    parts.append(ANALYSIS.run_whole(planted.models(), options))
    names = dict.fromkeys(name for part in parts for name in part)
    return ANALYSIS.combine({n: pl.concat([p[n] for p in parts if n in p]) for n in names}, options)


@pytest.fixture(scope="module")
def tables(planted):
    return run(planted)


def cell(tables, measure, model, layer):
    table = tables["probing"]
    rows = table.filter((pl.col("measure") == measure) & (pl.col("model") == model) & (pl.col("layer") == layer))
    assert rows.height == 1
    return rows.row(0, named=True)


def test_nothing_is_measured_that_is_not_asked_for(planted):
    plain = run(planted, PLAIN, layers=[1])
    assert not MEASURES & set(plain["probing"]["measure"])
    assert not {"probing_learning_curve", "probing_mix"} & set(plain)
    sentences = ANALYSIS.run(planted.pair(1), replace(ASKED, labels="class,score"))
    assert not MEASURES & set(sentences["probing"]["measure"])
    assert "probing_learning_curve" not in sentences


def test_an_unreadable_label_costs_what_guessing_does_and_a_readable_one_little(tables):
    guessed = np.log2(3)
    for model, layer in (("tuned", 1), ("base", 0)):
        assert cell(tables, "bits", model, layer)["value"] == pytest.approx(guessed, abs=0.15)
        assert cell(tables, "compression", model, layer)["value"] == pytest.approx(1, abs=0.1)
    readable = cell(tables, "bits", "base", 1)
    assert readable["value"] < 0.6 * guessed
    assert readable["null_low"] == readable["null_high"] == pytest.approx(guessed, abs=0.25)
    change = cell(tables, "bits_change", "tuned", 1)
    assert change["value"] == pytest.approx(cell(tables, "bits", "tuned", 1)["value"] - readable["value"])
    assert change["ci_low"] > 0.3
    assert cell(tables, "bits_change", "tuned", 0)["ci_high"] < -0.3


def test_compression_is_of_the_bits(tables):
    bits, compression = (cell(tables, measure, "base", 1) for measure in ("bits", "compression"))
    for one, other in (("value", "value"), ("ci_low", "ci_high"), ("ci_high", "ci_low")):
        assert compression[one] == pytest.approx(np.log2(3) / bits[other], rel=0.02)


def test_bits_are_those_of_stages_trained_one_after_the_other(planted, tables):
    """Each stage's probe from its own words alone, with nothing to mark the others."""
    pair = planted.pair(1)
    found, _ = targets(pair, ASKED)
    readable = Readable(pair.base, found)
    reading = read_all(readable, ASKED, pair.seed)["kind"]
    rows = reading.target.rows
    codes, blocks = rows.codes[rows.train], OnlineBlocks.of(rows.sentences[rows.train], seed=pair.seed)
    X, bits = readable.train_of(reading.target), np.full(len(codes), np.log2(3))
    for stage, after in enumerate(blocks.rows):
        sent = blocks.block <= stage
        l1, l2 = ASKED.l1 * reading.strength, ASKED.l2 * reading.strength
        of_few = Problem(codes=codes[sent], n_classes=3, l1=l1, l2=l2)
        (probe,) = solved(np.ascontiguousarray(X[sent]), [of_few], ASKED)
        p = np.exp(log_softmax(predicted(probe, X[after]), axis=1)[np.arange(len(after)), codes[after]])
        bits[after] = -np.log2((1 - UNIFORM_RATE) * p + UNIFORM_RATE / 3)
    assert cell(tables, "bits", "base", 1)["value"] == pytest.approx(bits.mean(), rel=0.02)
    assert cell(tables, "bits", "base", 1)["n"] == len(codes)


def test_learning_curves_end_at_the_accuracy_of_all_words(planted, tables):
    curves = tables["probing_learning_curve"]
    assert curves.select("model", "layer", "label").n_unique() == 2 * LAYERS
    whole = curves.filter(pl.col("fraction") == 1)
    assert (whole["n_seeds"] == 2).all()
    assert (whole["std"] == 0).all()
    for row in whole.iter_rows(named=True):
        # The probe of all words is solved more finely.
        assert row["accuracy"] == pytest.approx(cell(tables, "accuracy", row["model"], row["layer"])["value"], abs=0.02)
    for _, of in curves.group_by("model", "layer"):
        assert (of.sort("fraction")["n_words"].diff().drop_nulls() > 0).all()
    area = {key: of["area"][0] for key, of in curves.group_by("model", "layer")}
    assert min(area["base", 1], area["base", 2], area["tuned", 0]) > 0.7
    assert max(area["base", 0], area["tuned", 1]) < 0.5


def test_a_probe_that_may_bend_reads_what_lies_along_no_direction(planted):
    sign = np.random.default_rng(1).integers(0, 2, (2, planted.words.height))
    vectors = [a.copy() for a in planted.base]
    vectors[1][:, :2] += 6 * (sign.T - 0.5)
    names = np.array(["even", "odd"])
    bent = planted.with_words(kind=names[sign.sum(axis=0) % 2])
    tables = ANALYSIS.run(bent.pair(1, base=vectors), replace(PLAIN, mlp=True))
    assert cell(tables, "accuracy", "base", 1)["value"] < 0.7
    assert cell(tables, "mlp_accuracy", "base", 1)["value"] > 0.95
    assert cell(tables, "mlp_gain", "base", 1)["ci_low"] > 0.2
    # The tuned model holds neither of the two.
    assert abs(cell(tables, "mlp_gain", "tuned", 1)["value"]) < 0.2
    assert cell(tables, "mlp_accuracy_change", "tuned", 1)["ci_high"] < -0.2
    texts = [finding.text for finding in ANALYSIS.findings(tables, ASKED)]
    assert any(text.startswith("Not all of kind lies along directions: at layer 1 of the base model") for text in texts)


def test_the_mix_takes_a_label_from_the_layers_that_hold_it(tables):
    mix = tables["probing_mix"]
    np.testing.assert_allclose(mix.group_by("model").agg(pl.col("weight").sum())["weight"], 1)
    weight = {(row["model"], row["layer"]): row["weight"] for row in mix.iter_rows(named=True)}
    assert weight["base", 0] < 0.2
    assert weight["tuned", 1] < 0.2
    assert weight["tuned", 0] > 0.6
    for model, of in mix.group_by("model"):
        assert of["expected_layer"].n_unique() == 1, model
        assert of["expected_layer"][0] == pytest.approx((of["layer"] * of["weight"]).sum())
    assert mix["converged"].all()
    assert (mix["accuracy"] > 0.95).all()


def test_the_mix_lies_on_the_one_layer_that_holds_a_label(planted):
    alone = replace(planted, base=[planted.base[0], planted.base[1], planted.tuned[1]])
    mix = ANALYSIS.run_whole(alone.models(), replace(PLAIN, scalar_mix=True))["probing_mix"]
    weights = mix.filter(pl.col("model") == "base").sort("layer")["weight"]
    assert weights.arg_max() == 1
    assert weights.max() > 0.6


def test_a_model_against_itself_changes_nothing_at_all(planted):
    same = run(replace(planted, tuned=planted.base), layers=[1], tuned=planted.base)
    changes = same["probing"].filter(pl.col("measure").is_in(["bits_change", "mlp_accuracy_change"]))
    assert changes.height == 2
    for column in ("value", "ci_low", "ci_high"):
        assert (changes[column] == 0).all()
    for name in ("probing_learning_curve", "probing_mix"):
        base, tuned = (same[name].filter(pl.col("model") == model).drop("model") for model in ("base", "tuned"))
        assert base.equals(tuned)
    texts = [finding.text for finding in ANALYSIS.findings(same, ASKED)]
    assert "kind takes exactly as many bits per word as before, in layer 1." in texts


def test_asked_for_measures_are_said_and_stand_in_their_rows(tables):
    assert dict(tables["probing"].schema) == TIDY
    found = ANALYSIS.findings(tables, ASKED)
    texts = [finding.text for finding in found]
    for start in (
        "kind takes ",
        "Probes with two hidden layers read kind no better than linear ones",
        "At layer 1, where kind is read best from the base model, ",
        "A probe that mixes all layers reads kind around layer 1.3 of the base model",
    ):
        assert sum(text.startswith(start) for text in texts) == 1, start
    for finding in found:
        if finding.table in ("probing", "probing_learning_curve", "probing_mix"):
            column = "value" if finding.table == "probing" else finding.measure
            assert finding.value in tables[finding.table][list(finding.rows)][column].to_list()


def test_asked_for_figures_show_both_models(tables):
    figures = {figure.name: figure for figure in ANALYSIS.figures(tables, ASKED)}
    bits, learning, mix = (figures[f"probing-{name}-kind"] for name in ("bits", "learning", "mix"))
    assert {line.name for line in bits.lines} == {"base", "tuned", "control task, base", "control task, tuned"}
    for figure in (learning, mix):
        assert [line.name for line in figure.lines] == ["base", "tuned"]
    assert learning.lines[0].x == tuple(sorted(learning.lines[0].x))
    assert sum(mix.lines[0].y) == pytest.approx(1, abs=1e-3)
    for figure in (bits, learning, mix):
        assert figure_from_dict(figure.as_dict()).name == figure.name
