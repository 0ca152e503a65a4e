from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from isogloss.analysis import TIDY, Analysis, figure_from_dict
from isogloss.errors import OptionError
from isogloss.isotropy import IsotropyAnalysis, IsotropyOptions, mean_cosine
from isogloss.isotropy.findings_carrying import carrying
from isogloss.isotropy.judges import Judges
from tests.vectors import layer_pair

ANALYSIS = IsotropyAnalysis()
SENTENCES, LENGTH, HIDDEN = 120, 6, 12
QUICK = IsotropyOptions(
    bootstrap=60, clusters="1,4", permutations=5, dimension_neighbours=10, counts="0,1,3,6", draws=2, map_words=50,
    elongated="2,4", head_sentences=0, treatment_clusters=3, treatment_components=2,
)  # fmt: skip


def corpus(seed=0):
    rng = np.random.default_rng(seed)
    n = SENTENCES * LENGTH
    kinds = rng.choice(["A", "B"], n)
    words = pl.DataFrame(
        {
            "sentence": np.arange(n) // LENGTH,
            "part": np.zeros(n, dtype=np.uint8),
            "position": np.arange(n) % LENGTH,
            "word": [f"{'the' if k == 'A' else 'dog'}{i}" for k, i in zip(kinds, rng.integers(0, 9, n), strict=True)],
            "kind": kinds,
        }
    )
    texts = [" ".join(group) for group in words["word"].to_numpy().reshape(SENTENCES, LENGTH)]
    starts = [sum(len(w) + 1 for w in text.split()[:i]) for text in texts for i in range(LENGTH)]
    words = words.with_columns(pl.Series("start", starts)).with_columns(
        end=pl.col("start") + pl.col("word").str.len_chars()
    )
    return words, pl.DataFrame({"sentence": np.arange(SENTENCES), "text": texts})


def planted(seed=0):
    """Base: the kind lies in a direction of little variance. Tuned, layer 1: it lies in the one that is stretched."""
    words, sentences = corpus()
    rng = np.random.default_rng(seed)
    sign = np.where(words["kind"].to_numpy() == "A", 1.0, -1.0)
    base = [rng.standard_normal((len(words), HIDDEN)) for _ in range(2)]
    for layer in base:
        layer[:, 5] = 0.2 * sign + 0.04 * rng.standard_normal(len(words))
    tuned = [base[0].copy(), base[1].copy()]
    tuned[1][:, 5] = 0.1 * rng.standard_normal(len(words))
    tuned[1][:, 2] = 4 * sign + 0.5 * rng.standard_normal(len(words))
    return words, sentences, base, tuned


def run(base, tuned, words, sentences, options=QUICK, **more):
    given = {"words": words, "sentences": sentences, "token_labels": ("kind",)} | more
    parts = [ANALYSIS.run(layer_pair(i, base, tuned, **given), options) for i in range(max(len(base), len(tuned)))]
    names = dict.fromkeys(name for part in parts for name in part)
    return ANALYSIS.combine({n: pl.concat([p[n] for p in parts if n in p]) for n in names}, options)


@pytest.fixture(scope="module")
def tables():
    words, sentences, base, tuned = planted()
    return run(base, tuned, words, sentences)


def cell(tables, measure, model="tuned", layer=1, subset="all"):
    table = tables["isotropy"].filter(
        (pl.col("measure") == measure)
        & (pl.col("model") == model)
        & (pl.col("layer") == layer)
        & (pl.col("subset") == subset)
    )
    return table.row(0, named=True)


def test_it_follows_the_protocol(tables):
    assert isinstance(ANALYSIS, Analysis)
    assert all(field.metadata["help"] for field in IsotropyOptions.__dataclass_fields__.values())
    assert dict(tables["isotropy"].schema) == TIDY
    assert all(name == "isotropy" or name.startswith("isotropy_") for name in tables)


def test_the_stretched_layer_is_found_and_the_other_is_what_it_was(tables):
    change = cell(tables, "isoscore_change")
    assert change["ci_high"] < -0.3
    assert change["value"] == pytest.approx(
        cell(tables, "isoscore")["value"] - cell(tables, "isoscore", "base")["value"]
    )
    changes = tables["isotropy"].filter(pl.col("measure").str.ends_with("_change") & (pl.col("layer") == 0))
    assert set(changes["value"]) == {0.0}
    assert set(changes["ci_low"].drop_nulls()) == set(changes["ci_high"].drop_nulls()) == {0.0}
    said = [finding.text for finding in ANALYSIS.findings(tables, QUICK)]
    assert any(text.startswith("Layer 1 became stretched along fewer directions") for text in said)
    assert any("At layer 1 one direction now holds" in text for text in said)


def test_numbers_are_those_of_the_functions(tables):
    base = planted()[2]
    assert cell(tables, "mean_cosine", "base")["value"] == pytest.approx(mean_cosine(base[1]), abs=1e-6)
    means = base[1].reshape(SENTENCES, LENGTH, HIDDEN).mean(axis=1)
    assert cell(tables, "mean_cosine", "base", subset="sentences")["value"] == pytest.approx(
        mean_cosine(means), abs=1e-6
    )


def test_what_came_to_lie_in_the_top_direction_rests_more_on_it(tables):
    reliance = {row["model"]: row for row in tables["isotropy_reliance"].iter_rows(named=True)}
    assert abs(reliance["base"]["loss"]) < 0.1
    assert reliance["tuned"]["loss"] > 0.15
    assert reliance["change"]["ci_low"] > 0.1
    assert set(tables["isotropy_removal"]["layer"]) == {1}
    without = tables["isotropy_removal"].filter((pl.col("which") == "top") & (pl.col("k") == 1))
    kept = dict(zip(without["model"], without["value"], strict=True))
    assert kept["base"] > 0.95
    assert kept["tuned"] < 0.65
    (finding,) = [f for f in ANALYSIS.findings(tables, QUICK) if f.measure == "reliance"]
    assert "rests more on the top directions than before" in finding.text
    assert finding.figure in {figure.name for figure in ANALYSIS.figures(tables, QUICK)}


def test_every_figure_a_finding_names_is_there(tables):
    names = {figure.name for figure in ANALYSIS.figures(tables, QUICK)}
    assert {finding.figure for finding in ANALYSIS.findings(tables, QUICK) if finding.figure} <= names


def test_findings_state_rows_that_hold_their_numbers(tables):
    for finding in ANALYSIS.findings(tables, QUICK):
        if finding.value is None:
            continue
        numbers = [v for row in finding.rows for v in tables[finding.table].row(row) if isinstance(v, float)]
        assert any(v == pytest.approx(finding.value) for v in numbers), finding.text


def test_a_model_against_itself_has_not_changed_in_anything():
    words, sentences, base, _ = planted()
    tables = run(base, base, words, sentences)
    changes = tables["isotropy"].filter(pl.col("measure").str.ends_with("_change"))
    assert changes.height > 20
    assert set(changes["value"].drop_nulls()) == {0.0}
    for name in ("isotropy_clusters", "isotropy_reliance"):
        part = tables[name].filter(pl.col("model") == "change")
        column = "value" if "value" in part.columns else "loss"
        assert set(part[column].drop_nulls()) == {0.0}
    removal = tables["isotropy_removal"].drop("seed")
    base_rows, tuned_rows = (removal.filter(pl.col("model") == m).drop("model") for m in ("base", "tuned"))
    assert base_rows.equals(tuned_rows)
    assert any("is exactly what it was" in f.text for f in ANALYSIS.findings(tables, QUICK))


def test_runs_of_one_seed_are_equal():
    words, sentences, base, tuned = planted()
    one, other = (run(base, tuned, words, sentences) for _ in range(2))
    assert all(one[name].equals(other[name]) for name in one)


def test_treatments_stand_beside_the_space_as_it_is(tables):
    table = tables["isotropy_treatments"]
    assert table["treatment"].unique(maintain_order=True).to_list() == [
        "none", "zero_mean", "cluster_zero_mean", "all_but_the_top", "cluster_enhancement",
    ]  # fmt: skip
    top = table.filter((pl.col("treatment") == "all_but_the_top") & (pl.col("model") == "tuned")).row(0, named=True)
    assert top["gain"] < -0.3
    assert top["gain_high"] < 0
    assert set(table.filter(pl.col("treatment") == "none")["gain"]) == {0.0}


def test_a_sweep_is_chosen_on_dev_and_judged_on_test():
    words, sentences, base, tuned = planted()
    options = IsotropyOptions(**{**vars(QUICK), "sweep": True, "local": False, "dimension_words": 0})
    tables = run(base[1:], tuned[1:], words, sentences, options)
    assert {"n_clusters", "n_components", "gain"} <= set(tables["isotropy_sweep"].columns)
    assert tables["isotropy_treatments"].filter(pl.col("treatment") == "swept")["model"].to_list() == ["base", "tuned"]


def test_pairs_are_judged_by_the_cosine_of_their_texts():
    words, sentences, base, _ = planted()
    words = words.with_columns(part=(pl.col("position") >= LENGTH // 2).cast(pl.UInt8))
    shared = np.random.default_rng(1).uniform(0, 1, SENTENCES)
    X = base[1].reshape(SENTENCES, 2, LENGTH // 2, HIDDEN)
    X[:, 1] = shared[:, None, None] * X[:, 0] + (1 - shared)[:, None, None] * X[:, 1]
    sentences = sentences.with_columns(text_b=pl.col("text"), score=pl.Series(5 * shared))
    tables = run([base[1]], [base[1]], words, sentences, token_labels=(), sentence_labels=("score",))
    whole = tables["isotropy_removal"].filter((pl.col("measure") == "spearman") & (pl.col("k") == 0))
    assert (whole["value"] > 0.6).all()
    assert set(tables["isotropy_treatments"]["measure"]) == {"spearman"}


def test_the_running_classifier_is_asked_without_the_directions():
    words, sentences, base, tuned = planted()
    vector_of = dict(zip(words["word"], tuned[1], strict=True))

    def classify(texts, text_b=None, edit=None):
        tokens = [(i, word) for i, text in enumerate(texts) for word in text.split()]
        vectors = np.array([vector_of[word] for _, word in tokens], dtype=np.float32)
        if edit is not None:
            assert edit[0] == 1
            info = SimpleNamespace(special=np.zeros(len(tokens), dtype=bool), ids=np.arange(len(tokens)))
            vectors = edit[1](vectors.copy(), info)
        sums = np.bincount([i for i, _ in tokens], vectors[:, 2], len(texts))
        p = 1 / (1 + np.exp(-sums))
        return np.column_stack([1 - p, p])

    classify.classes = ("no", "yes")
    answers = np.array(classify.classes)[classify(sentences["text"].to_list()).argmax(axis=1)]
    sentences = sentences.with_columns(answer=pl.Series(answers))
    options = IsotropyOptions(**{**vars(QUICK), "head_sentences": 60, "labels": "answer"})
    tables = run(base, tuned, words, sentences, options, sentence_labels=("answer",), classifier=classify)
    head = tables["isotropy_removal"].filter(pl.col("measure") == "head accuracy")
    assert set(head["model"]) == {"tuned"}
    value = {(row["which"], row["k"]): row["value"] for row in head.iter_rows(named=True)}
    assert value["top", 0] == 1
    assert value["top", 1] < 0.7
    assert any("the running classifier's accuracy on answer rests on the top" in f.text for f in carrying(tables))


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
