import numpy as np
import polars as pl
import pytest

from isogloss.analysis import ArrayVectors
from isogloss.analysis.kept import Kept
from isogloss.errors import OptionError
from isogloss.separability.memorisation import CURVES, PARTS, measure_memorisation
from tests.separability.memorised import CLASSES, QUICK, measured, rows_of, sentences_of, vectors_of

ROWS = rows_of()
NOISY = vectors_of(ROWS, 1.5)
MEMORISED = vectors_of(ROWS, 1.5, 0.1)


@pytest.fixture(scope="module", params=["mlp", "linear"])
def found(request):
    of_both = {"sentences": sentences_of(300, 150), "classifier": request.param}
    return measured(NOISY, MEMORISED, ROWS, **of_both, splits=2)


def test_a_training_set_known_by_heart_is_a_gap_of_the_tuned_model_alone(found):
    rows, _ = found
    assert rows["subtest", "tuned"]["value"] > 0.99
    assert rows["subtrain", "tuned"]["value"] > 0.99
    assert rows["test", "tuned"]["value"] < 0.85
    assert rows["gap", "tuned"]["ci_low"] > 0.1
    assert rows["gap", "base"]["ci_low"] < 0 < rows["gap", "base"]["ci_high"]
    change = rows["gap_change", "tuned"]
    assert change["value"] == pytest.approx(rows["gap", "tuned"]["value"] - rows["gap", "base"]["value"])
    assert 0.1 < change["ci_low"] < change["value"] < change["ci_high"]


def test_a_gap_is_subtest_minus_test(found):
    rows, _ = found
    for model in ("base", "tuned"):
        gap = rows["subtest", model]["value"] - rows["test", model]["value"]
        assert rows["gap", model]["value"] == pytest.approx(gap)


def test_the_roles_turned_round_turn_the_change_round():
    there, _ = measured(NOISY, MEMORISED, ROWS)
    back, _ = measured(MEMORISED, NOISY, ROWS)
    change, other = there["gap_change", "tuned"], back["gap_change", "tuned"]
    assert other["value"] == -change["value"]
    assert (other["ci_low"], other["ci_high"]) == pytest.approx((-change["ci_high"], -change["ci_low"]))


def test_a_training_part_that_is_easier_for_both_models_is_no_memory_of_the_tuned_one():
    easier = measured(vectors_of(ROWS, 1.5, 0.8, seed=2), vectors_of(ROWS, 1.5, 0.8, seed=3), ROWS)[0]
    assert easier["gap", "base"]["ci_low"] > 0.05
    assert easier["gap", "tuned"]["ci_low"] > 0.05
    change = easier["gap_change", "tuned"]
    assert change["ci_low"] < 0 < change["ci_high"]


@pytest.mark.parametrize("classifier", ["mlp", "linear"])
def test_a_model_against_itself_shows_exactly_no_change(classifier):
    options = {"classifier": classifier, "fractions": (1.0,), "splits": 1}
    rows, _ = measured(NOISY, ArrayVectors(NOISY.array.copy()), ROWS, **options)
    change = rows["gap_change", "tuned"]
    assert (change["value"], change["ci_low"], change["ci_high"]) == (0.0, 0.0, 0.0)


def test_the_same_seed_gives_the_same_tables_and_another_one_others():
    runs = [measure_memorisation(NOISY, MEMORISED, ROWS, **QUICK, seed=seed) for seed in (4, 4, 5)]
    assert runs[0][0] == runs[1][0]
    assert runs[0][1][CURVES].equals(runs[1][1][CURVES])
    assert runs[0][0] != runs[2][0]


def test_curves_grow_to_the_scores_with_all_rows(found):
    rows, tables = found
    curves = tables[CURVES]
    assert curves.columns == ["model", "layer", "label", "part", "n_train", "accuracy", "low", "high", "seed"]
    for model in ("base", "tuned"):
        for part in ("subtrain", "subtest", "test"):
            own = curves.filter((pl.col("model") == model) & (pl.col("part") == part))
            assert own["n_train"].is_sorted()
            assert own["n_train"][-1] == pytest.approx(0.8 * len(ROWS.train), rel=0.02)
            last = own.row(-1, named=True)
            assert last["accuracy"] == rows[part, model]["value"]
            assert last["low"] <= last["accuracy"] <= last["high"]
    base = curves.filter((pl.col("model") == "base") & (pl.col("part") == "test"))["accuracy"]
    assert base[-1] > base[0] + 0.05


def test_rows_say_their_place_and_what_they_rest_on():
    found, tables = measure_memorisation(NOISY, MEMORISED, ROWS, **QUICK, tuned_index=2)
    assert {(row["analysis"], row["layer"], row["subset"], row["seed"]) for row in found} == {
        ("separability", 3, "tag", 2)
    }
    parts = tables[PARTS].row(0, named=True)
    assert (parts["train_sentences"], parts["subtest_sentences"], parts["test_sentences"]) == (300, 180, 150)
    assert parts["undecided"] is None
    by_measure = {row["measure"]: row["n"] for row in found}
    assert by_measure["memorised_gap"] == 2 * (180 + 150)


def test_a_base_model_that_comes_again_is_not_trained_for_again(monkeypatch):
    kept = Kept()
    first, _ = measure_memorisation(NOISY, MEMORISED, ROWS, **QUICK, kept=kept)
    monkeypatch.setattr("isogloss.separability.memorisation.trained", None)
    again, _ = measure_memorisation(NOISY, MEMORISED, ROWS, **QUICK, kept=kept)
    assert again == first


def test_the_interval_of_no_gap_holds_zero_about_as_often_as_it_says():
    runs, holds = 30, 0
    for seed in range(runs):
        rows = rows_of(160, 100, words=1, seed=seed)
        options = {"seed": seed, "splits": 1, "fractions": (1.0,)}
        gap = measured(None, vectors_of(rows, 1.5, seed=seed + 1000), rows, **options)[0]["gap", "tuned"]
        holds += gap["ci_low"] <= 0 <= gap["ci_high"]
    assert holds / runs >= 0.85


def test_words_of_a_sentence_widen_the_interval_as_one():
    """Ten copies of each word are no more sentences than one."""
    rows = rows_of(200, 100, words=1)
    X = vectors_of(rows, 1.5).array
    many = np.repeat(np.arange(300), 10)
    of_many = type(rows)(
        "tag",
        CLASSES,
        rows.codes[many],
        None,
        many,
        np.flatnonzero(many < 200),
        rows.dev,
        np.flatnonzero(many >= 200),
        (),
    )
    options = {"fractions": (1.0,), "bootstrap": 500}
    widths = [
        row["ci_high"] - row["ci_low"]
        for row in (
            measured(None, ArrayVectors(X), rows, **options)[0]["gap", "tuned"],
            measured(None, ArrayVectors(X[many]), of_many, **options)[0]["gap", "tuned"],
        )
    ]
    assert widths[1] == pytest.approx(widths[0], rel=0.25)


def test_a_layer_that_one_model_lacks_is_measured_alone():
    rows, tables = measured(NOISY, None, ROWS)
    assert {model for _, model in rows} == {"base"}
    assert set(tables[CURVES]["model"]) == {"base"}
    assert not measured(None, None, ROWS)[0]


def test_without_resamples_there_are_no_intervals():
    rows, tables = measured(NOISY, MEMORISED, ROWS, bootstrap=0)
    assert rows["gap_change", "tuned"]["value"] > 0.1
    assert {(row["ci_low"], row["ci_high"]) for row in rows.values()} == {(None, None)}
    assert tables[CURVES]["low"].null_count() == tables[CURVES].height


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"classifier": "tree"}, "mlp, linear"),
        ({"splits": 0}, "splits"),
        ({"max_train": 0}, "max_train"),
        ({"fractions": (0.5,)}, "end at 1"),
        ({"bootstrap": -1}, "bootstrap"),
    ],
)
def test_options_without_meaning_are_refused(options, said):
    with pytest.raises(OptionError, match=said):
        measured(NOISY, MEMORISED, ROWS, **options)


def test_vectors_that_do_not_fit_are_refused_with_their_place():
    with pytest.raises(OptionError, match=r"layer 3 of the tuned model has 7 vectors"):
        measured(NOISY, ArrayVectors(MEMORISED.array[:7]), ROWS)
    X = NOISY.array.copy()
    X[650, 2] = np.nan
    with pytest.raises(OptionError, match=r"layer 3 of the base model has NaN or infinity in row 650"):
        measured(ArrayVectors(X), MEMORISED, ROWS)
