import numpy as np
import polars as pl
import pytest

from isogloss.analysis import figure_from_dict
from isogloss.errors import OptionError
from isogloss.isotropy import IsotropyOptions
from isogloss.isotropy.findings_carrying import carrying
from isogloss.isotropy.judges import Judges
from tests.isotropy.planted import ANALYSIS, HIDDEN, LENGTH, QUICK, SENTENCES, cell, planted, run
from tests.vectors import layer_pair


@pytest.fixture(scope="module")
def tables():
    words, sentences, base, tuned = planted()
    return run(base, tuned, words, sentences)


def test_a_layer_that_one_model_lacks_is_measured_alone():
    words, sentences, base, tuned = planted()
    tables = run(base, tuned[:1], words, sentences)
    last = tables["isotropy"].filter(pl.col("layer") == 1)
    assert set(last["model"]) == {"base"}
    assert not last["measure"].str.ends_with("_change").any()
    assert ANALYSIS.figures(tables, QUICK)


def test_models_of_other_widths_are_compared():
    words, sentences, base, tuned = planted()
    tables = run(base[1:], [tuned[1][:, :7]], words, sentences)
    assert cell(tables, "mean_cosine_change", layer=0)["value"] is not None
    assert set(tables["isotropy_map"]["model"]) == {"base", "tuned"}


def test_too_few_words_leave_out_measures_and_say_so():
    words, sentences, base, tuned = planted()
    few = 8
    tables = run(
        [base[0][:few]], [tuned[0][:few]], words[:few], sentences, IsotropyOptions(**{**vars(QUICK), "carries": "none"})
    )
    assert "isoscore" not in set(tables["isotropy"]["measure"])
    assert "mean_cosine" in set(tables["isotropy"]["measure"])
    said = " ".join(tables["isotropy_notes"]["text"])
    assert "8 words of 12 dimensions" in said
    assert "intrinsic dimension" in said


def test_one_word_is_said_to_be_too_few():
    words, sentences, base, _ = planted()
    tables = run([base[0][:1]], [base[0][:1]], words[:1], sentences)
    assert not tables["isotropy"]["value"].is_nan().any()
    assert "cosines need two words" in " ".join(tables["isotropy_notes"]["text"])
    assert ANALYSIS.findings(tables, QUICK)


def test_nan_is_refused_with_its_layer():
    words, sentences, base, tuned = planted()
    tuned[1][3, 2] = np.nan
    with pytest.raises(OptionError, match=r"layer 1.*NaN.*row 3"):
        run(base, tuned, words, sentences)


def test_a_label_that_is_not_there_is_refused_before_any_model_runs_and_later():
    words, sentences, base, tuned = planted()
    with pytest.raises(OptionError, match="isotropy: no label nothing; there are kind"):
        ANALYSIS.check(("kind", "head"), (), IsotropyOptions(labels="nothing"))
    with pytest.raises(OptionError, match="isotropy: no label nothing; there are kind"):
        run(base, tuned, words, sentences, IsotropyOptions(**{**vars(QUICK), "labels": "nothing"}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"elongated": "0"}, {"elongated": "many"}, {"clusters": "0,2"}, {"counts": "-1"}, {"carries": "first"},
        {"probes": "loose"}, {"draws": 0}, {"bootstrap": -1}, {"min_count": 1},
    ],
)  # fmt: skip
def test_options_that_mean_nothing_are_refused(wrong):
    with pytest.raises(OptionError, match=f"isotropy: {next(iter(wrong))}"):
        IsotropyOptions(**wrong)


def test_figures_survive_a_trip_through_json(tables):
    import json

    for figure in ANALYSIS.figures(tables, QUICK):
        assert figure_from_dict(json.loads(json.dumps(figure.as_dict()))) == figure


def test_the_tuned_map_is_turned_to_the_side_of_the_base(tables):
    words, sentences, base, _ = planted()
    turned = run(base[1:], [-base[1]], words, sentences)["isotropy_map"].sort("point")
    one, other = (turned.filter(pl.col("model") == model) for model in ("base", "tuned"))
    np.testing.assert_allclose(one["x"], other["x"], atol=1e-5)
    np.testing.assert_allclose(one["y"], other["y"], atol=1e-5)


def test_several_tuned_models_have_their_spread():
    words, sentences, base, tuned = planted()
    given = {"words": words, "sentences": sentences, "token_labels": ("kind",)}
    parts = [
        ANALYSIS.run(layer_pair(1, base, other, tuned_index=i, **given), QUICK) for i, other in enumerate((tuned, base))
    ]
    tables = ANALYSIS.combine({n: pl.concat([p[n] for p in parts if n in p]) for n in parts[0]}, QUICK)
    spread = cell(tables, "isoscore_change", subset="between seeds")
    assert spread["n"] == 2
    assert spread["ci_high"] == 0
    assert any("The 2 tuned models differ most" in f.text for f in ANALYSIS.findings(tables, QUICK))


def paired(shared, **more):
    words, sentences, base, _ = planted()
    words = words.with_columns(part=(pl.col("position") >= LENGTH // 2).cast(pl.UInt8))
    sentences = sentences.with_columns(text_b=pl.col("text"), score=pl.Series(shared, dtype=pl.Float64), **more)
    return run([base[1]], [base[1]], words, sentences, token_labels=(), sentence_labels=("score",))


def test_pairs_whose_test_scores_are_secret_are_judged_on_dev():
    split = ["train"] * 60 + ["dev"] * 30 + ["test"] * 30
    scores = [*np.linspace(0, 5, 90), *[None] * 30]
    tables = paired(scores, split=pl.Series(split))
    assert (tables["isotropy_removal"]["n"] == 30).all()
    assert "the dev split is the test" in " ".join(tables["isotropy_notes"]["text"])


def test_pairs_with_too_few_scores_are_left_out_with_a_note():
    tables = paired([1.0, 2.0, *[None] * (SENTENCES - 2)])
    assert "isotropy_removal" not in tables
    assert "score does not judge directions" in " ".join(tables["isotropy_notes"]["text"])


def test_a_layer_of_few_different_vectors_is_treated_all_the_same():
    words, sentences, base, _ = planted()
    flat = [np.repeat(base[1][:2], len(words) // 2, axis=0)]
    tables = run([base[1]], flat, words, sentences)
    assert set(tables["isotropy_treatments"]["model"]) == {"base", "tuned"}
    assert "tuned model have 2 clusters" in " ".join(tables["isotropy_notes"]["text"])


def test_training_rows_of_one_class_leave_the_label_out():
    words, sentences, base, tuned = planted()
    rare = np.where(np.arange(len(words)) % 40 == 0, "rare", "usual")
    options = IsotropyOptions(**{**vars(QUICK), "labels": "kind", "probe_train": 10})
    tables = run(base[1:], tuned[1:], words.with_columns(kind=pl.Series(rare)), sentences, options)
    said = " ".join(tables["isotropy_notes"]["text"])
    assert "isotropy_removal" in tables or "kind does not judge directions" in said


def test_noise_in_a_count_is_no_change():
    words, sentences, _, _ = planted()
    for seed in range(3):
        rng = np.random.default_rng(seed)
        one, other = (rng.standard_normal((len(words), HIDDEN)) for _ in range(2))
        options = IsotropyOptions(**{**vars(QUICK), "carries": "none", "local": False})
        tables = run([one], [other], words, sentences, options)
        for finding in ANALYSIS.findings(tables, options):
            if finding.measure.startswith(("directions", "elongated")):
                assert "is what it was" in finding.text


def test_below_ten_sentences_no_change_is_called_one():
    words, sentences, base, tuned = planted()
    few = 5 * LENGTH
    tables = run([base[1][:few]], [tuned[1][:few]], words[:few], sentences, IsotropyOptions(**{**vars(QUICK)}))
    assert tables["isotropy"]["ci_low"].null_count() == tables["isotropy"].height
    assert "5 sentences: without 10 there are no intervals" in " ".join(tables["isotropy_notes"]["text"])
    said = [f.text for f in ANALYSIS.findings(tables, QUICK) if f.value is not None]
    assert said
    assert not any("became" in text or "rests more" in text or "go more" in text for text in said)


def test_figures_that_findings_name_are_there_at_any_layer():
    words, sentences, base, tuned = planted()
    layers = [base[0], base[0], base[0], base[0], base[0], base[0], base[0]]
    moved = [*layers[:4], tuned[1], *layers[:2]]
    options = IsotropyOptions(**{**vars(QUICK), "carries": "none", "clusters": "1,4,5000"})
    tables = run(layers, moved, words, sentences, options)
    findings = ANALYSIS.findings(tables, options)
    assert any(finding.figure == "isotropy-spectrum-4" for finding in findings)
    assert any(finding.figure.startswith("isotropy-clusters") for finding in findings)
    assert {f.figure for f in findings if f.figure} <= {f.name for f in ANALYSIS.figures(tables, options)}


def test_a_note_of_every_layer_is_said_once():
    words, sentences, base, tuned = planted()
    base[0][3], base[1][3] = 0, 0
    notes = run(base, tuned, words, sentences)["isotropy_notes"]["text"].to_list()
    (zero,) = [note for note in notes if "zero vector" in note]
    assert zero.startswith("Layers 0-1, base model: 1 zero vector")


def test_the_number_behind_a_measure_is_that_of_its_sample():
    words, sentences, base, tuned = planted()
    options = IsotropyOptions(**{**vars(QUICK), "dimension_words": 100, "carries": "none"})
    tables = run(base, tuned, words, sentences, options)
    assert cell(tables, "intrinsic_dimension")["n"] <= 100
    assert cell(tables, "mean_cosine")["n"] == len(words)


def test_a_probe_has_one_accuracy_with_all_directions(tables):
    whole = tables["isotropy_removal"].filter((pl.col("k") == 0) & (pl.col("which") == "top"))
    none = tables["isotropy_treatments"].filter(pl.col("treatment") == "none")
    both = whole.join(none, on=["model", "score", "layer"])
    assert both.height == 2
    np.testing.assert_allclose(both["value"], both["value_right"], atol=0.02)


def test_another_start_of_k_means_is_no_change():
    """The same vectors but for noise that moves no word: clusters differ by their starts, not by fine-tuning."""
    words, sentences, base, _ = planted()
    rng = np.random.default_rng(0)
    same = [base[0] + 1e-3 * rng.standard_normal(base[0].shape)]
    options = IsotropyOptions(**{**vars(QUICK), "clusters": "3,9", "carries": "none", "bootstrap": 200})
    tables = run(base[:1], same, words, sentences, options)
    assert not any(f.measure == "nmi" for f in ANALYSIS.findings(tables, options))
    held = tables["isotropy_clusters"].filter(
        pl.col("measure").is_in(["nmi", "purity"]) & (pl.col("model") != "change")
    )
    assert held["ci_low"].min() >= 0
    assert held["ci_high"].max() <= 1


def test_labels_of_few_different_words_are_not_looked_for_in_clusters():
    words, sentences, base, tuned = planted()
    words = words.with_columns(article=pl.when(pl.col("word") == "the0").then(pl.lit("a")).when(
        pl.col("word") == "the1").then(pl.lit("b")))  # fmt: skip
    tables = run(base, tuned, words, sentences, token_labels=("kind", "article"))
    assert set(tables["isotropy_clusters"]["label"].drop_nulls()) == {"word_class", "frequency", "word", "kind"}


def test_what_judges_is_never_fitted_on():
    words, sentences, base, tuned = planted()
    labelled = np.arange(SENTENCES) < 60
    split = np.where(labelled, "train", np.where(np.arange(SENTENCES) < 90, "dev", "test"))
    answer = pl.Series(np.where(np.arange(SENTENCES) % 2, "yes", "no")).zip_with(
        pl.Series(labelled), pl.Series([None] * SENTENCES, dtype=pl.String)
    )
    sentences = sentences.with_columns(split=pl.Series(split), answer=answer)
    pair = layer_pair(1, base, tuned, words=words, sentences=sentences, token_labels=(), sentence_labels=("answer",))
    judges = Judges.of(pair, QUICK)
    rows = judges.probes["answer"]
    held = set(rows.sentences[np.concatenate([rows.dev, rows.test])].tolist())
    fitted = set(words["sentence"].to_numpy()[judges.train].tolist())
    assert held
    assert fitted
    assert not held & fitted


def test_doing_nothing_does_not_hide_that_treatments_harm(tables):
    harmed = tables["isotropy_treatments"].filter(pl.col("model") == "tuned")
    nothing = harmed.filter(pl.col("treatment") == "none").with_columns(treatment=pl.lit("swept"))
    both = {"isotropy_treatments": pl.concat([tables["isotropy_treatments"], nothing])}
    text, with_swept = (next(f.text for f in carrying(t) if f.measure == "gain") for t in (tables, both))
    assert "harms the tuned model" in text
    assert with_swept == text


def test_words_of_a_sentence_are_treated_before_their_mean_is_taken():
    words, sentences, base, _ = planted()
    sentences = sentences.with_columns(answer=pl.Series(np.where(np.arange(SENTENCES) % 2, "yes", "no")))
    pair = layer_pair(1, base, base, words=words, sentences=sentences, sentence_labels=("answer",))
    (score,) = Judges.of(pair, IsotropyOptions(**{**vars(QUICK), "labels": "answer"})).probe_scores(pair.base).values()
    seen = []

    def transform(X):
        seen.append(len(X))
        return X

    assert score.treated(transform).value == score.untouched.value
    assert max(seen) >= len(words)


def test_layers_that_are_not_there_are_named():
    words, sentences, base, tuned = planted()
    tables = run(base, tuned, words, sentences, IsotropyOptions(**{**vars(QUICK), "carries": "1,9"}))
    assert "the run has no layer 9" in tables["isotropy_notes"]["text"][0]
    with pytest.raises(OptionError, match="last, all, none"):
        IsotropyOptions(carries="lst")
