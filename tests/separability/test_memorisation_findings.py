import polars as pl
import pytest

from isogloss.analysis import figure_from_dict, stated, tidy
from isogloss.separability.figures_memorisation import memorisation_figures
from isogloss.separability.findings_memorisation import memorised
from isogloss.separability.memorisation import CURVES, PARTS, measure_memorisation, undecided
from tests.separability.memorised import QUICK, rows_of, vectors_of

ROWS = rows_of()
NOISY = vectors_of(ROWS, 1.5)
MEMORISED = vectors_of(ROWS, 1.5, 0.1)


def tables_of(*runs):
    """Tables of several runs, put together as those of several layers or tuned models are."""
    rows, parts = [], []
    for base, tuned, options in runs:
        found, tables = measure_memorisation(base, tuned, ROWS, **(QUICK | options))
        rows += found
        parts.append(tables)
    return {"separability": tidy(rows)} | {name: pl.concat([t[name] for t in parts]) for name in (CURVES, PARTS)}


@pytest.fixture(scope="module")
def tables():
    """Layer 3 memorised nothing, layer 4 did."""
    return tables_of((NOISY, vectors_of(ROWS, 1.5, seed=9), {}), (NOISY, MEMORISED, {"layer": 4}))


def test_a_memorised_training_set_is_said_with_both_models_scores_and_the_gaps(tables):
    (finding,) = memorised(tables)
    assert finding.text.startswith("This model has encoded its training set: at layer 4, of 2 the one where")
    value = {(r["measure"], r["model"]): r["value"] for r in tables["separability"].to_dicts() if r["layer"] == 4}
    for part in ("subtest", "test"):
        for model in ("base", "tuned"):
            assert stated(value[f"memorised_{part}", model]) in finding.text
    assert "presumes" in finding.text
    assert finding.value == value["memorised_gap_change", "tuned"]
    assert 0 < finding.ci_low < finding.value < finding.ci_high
    assert tables["separability"]["value"][finding.rows[0]] == finding.value


def test_nothing_memorised_is_no_sign(tables):
    alone = {name: table.filter(pl.col("layer") == 3) for name, table in tables.items()}
    (finding,) = memorised(alone)
    assert finding.text.startswith(
        "No sign that this model has encoded its training set: at layer 3, a classifier of the vectors"
    )
    assert finding.ci_low < 0 < finding.ci_high


def test_a_gap_that_was_there_before_tuning_is_no_sign():
    easier = [vectors_of(ROWS, 1.5, 0.8, seed=seed) for seed in (2, 3)]
    (finding,) = memorised(tables_of((*easier, {})))
    assert finding.text.startswith("No sign")


def test_a_gap_that_shrank_is_said_to_have_shrunk():
    (finding,) = memorised(tables_of((MEMORISED, NOISY, {})))
    assert "lost ground" in finding.text


def test_a_gap_that_grew_to_nothing_is_no_sign():
    """The base model finds the training part harder than the test, the tuned one does not."""
    harder = vectors_of(ROWS, 0.5, 2.5)
    (finding,) = memorised(tables_of((harder, vectors_of(ROWS, 1.5, seed=5), {})))
    assert finding.value > 0.1
    assert finding.text.startswith("No sign")


def test_a_model_against_itself_has_exactly_the_same_gap():
    (finding,) = memorised(tables_of((NOISY, NOISY, {})))
    assert "exactly the same" in finding.text
    assert finding.value == 0


@pytest.mark.parametrize(
    ("change", "gap", "said"),
    [
        ((0.012, 0.008, 0.016), (0.013, 0.008, 0.018), "This model has slightly encoded"),
        ((0.12, 0.08, 0.16), (0.13, 0.08, 0.18), "This model has encoded"),
        ((0.12, -0.01, 0.25), (0.13, 0.08, 0.18), "No sign"),
        ((0.12, 0.08, 0.16), (0.05, -0.01, 0.11), "No sign"),
    ],
)
def test_a_verdict_needs_a_gap_that_grew_and_is_there(tables, change, gap, said):
    alone = {name: table.filter(pl.col("layer") == 4) for name, table in tables.items()}
    rows = alone["separability"].to_dicts()
    for row in rows:
        planted = {"memorised_gap_change": change, "memorised_gap": gap if row["model"] == "tuned" else (0, -0.1, 0.1)}
        if row["measure"] in planted:
            row["value"], row["ci_low"], row["ci_high"] = planted[row["measure"]]
    (finding,) = memorised(alone | {"separability": tidy(rows)})
    assert finding.text.startswith(said)


def test_what_is_not_decided_is_said_once_for_all_labels():
    parts = [undecided(label, "no test part of the corpus has it", layer=6)[PARTS] for label in ("pos", "dep")]
    tables = {"separability": tidy([]), PARTS: pl.concat(parts)}
    (finding,) = memorised(tables)
    assert finding.text == (
        "Whether the model has encoded its training set is not decided for pos and dep: "
        "no test part of the corpus has it."
    )
    assert not memorisation_figures(tables)


def test_a_layer_of_one_model_and_a_run_without_intervals_are_not_decided():
    assert "not decided at layer 3" in next(memorised(tables_of((NOISY, None, {})))).text
    assert "has no interval" in next(memorised(tables_of((NOISY, MEMORISED, {"bootstrap": 0})))).text


def test_several_tuned_models_are_said_together():
    tables = tables_of((NOISY, MEMORISED, {}), (NOISY, vectors_of(ROWS, 1.5, 0.5, seed=4), {"tuned_index": 1}))
    assert "over 2 tuned models" in next(memorised(tables)).text
    assert "the first" in memorisation_figures(tables)[0].caption


def test_nothing_is_said_of_what_was_not_asked_for():
    assert not list(memorised({}))
    assert not list(memorised({"separability": tidy([])}))
    assert not memorisation_figures({"separability": tidy([])})


def test_curves_before_and_after_share_their_axes(tables):
    before, after, gaps = memorisation_figures(tables)
    assert next(memorised(tables)).figure == after.name
    assert (before.name, after.name) == ("separability-memorisation-before-tag", "separability-memorisation-after-tag")
    assert before.log_x
    assert (before.y_min, before.y_max) == (after.y_min, after.y_max)
    assert [line.name.partition(":")[0] for line in after.lines] == ["subtrain", "subtest", "test"]
    own = tables[CURVES].filter((pl.col("layer") == 4) & (pl.col("model") == "tuned") & (pl.col("part") == "test"))
    assert after.lines[2].y == pytest.approx(own["accuracy"].to_list(), rel=1e-5)
    assert len(after.lines[2].low) == own.height
    assert [line.name for line in gaps.lines] == ["base", "tuned"]
    assert gaps.lines[0].x == (3.0, 4.0)
    for figure in (before, after, gaps):
        assert figure_from_dict(figure.as_dict()) == figure


def test_one_layer_alone_has_no_curve_over_layers(tables):
    alone = {name: table.filter(pl.col("layer") == 4) for name, table in tables.items()}
    assert len(memorisation_figures(alone)) == 2
