from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from isogloss.analysis import TIDY, Analysis
from isogloss.concepts import ConceptsAnalysis, ConceptsOptions
from tests.concepts.conftest import (
    BARE,
    BLAME,
    DISSOLVED,
    KINDS,
    LAYERS,
    PRAISE,
    SIDES,
    SPLIT_AND_MERGED,
    UNCHANGED,
    VOCABULARY,
    Weighing,
    cell,
    listed,
)

ANALYSIS = ConceptsAnalysis()
WORD_CLASS = pl.col("labels").list.eval(pl.element().filter(pl.element().str.starts_with("upos="))).list.first()


def fates_of(tables, layer):
    """Word class -> fate of its base concept."""
    rows = listed(tables, "base", layer).select(WORD_CLASS.str.strip_prefix("upos="), "fate")
    return dict(rows.iter_rows())


def members(tables, model, layer, concept):
    table = tables["concepts_members"].filter((pl.col("model") == model) & (pl.col("layer") == layer))
    return table.filter(pl.col("concept") == concept)


def test_it_follows_the_protocol():
    assert isinstance(ANALYSIS, Analysis)
    assert ConceptsAnalysis.Options() == ConceptsOptions()
    assert all(field.metadata["help"] for field in ConceptsOptions.__dataclass_fields__.values())


@pytest.mark.parametrize(
    ("layer", "fates", "n_new"),
    [
        (UNCHANGED, {}, 0),
        (SPLIT_AND_MERGED, {"ADJ": "split", "ADV": "merged", "NOUN": "merged"}, 0),
        (DISSOLVED, {"VERB": "dissolved"}, 1),
        (SIDES, {"ADJ": "dissolved", "ADV": "dissolved"}, 2),
    ],
)
def test_planted_fates_are_found_concept_by_concept(changed, layer, fates, n_new):
    wanted = dict.fromkeys(KINDS, "kept") | fates
    assert fates_of(changed, layer) == wanted
    for fate in ("kept", "split", "merged", "dissolved"):
        assert cell(changed, fate, layer=layer)["value"] == list(wanted.values()).count(fate) / 8
    assert list(listed(changed, "tuned", layer)["fate"]).count("new") == n_new
    assert cell(changed, "new", "tuned", layer)["value"] == n_new / 8
    assert cell(changed, "inherited", "tuned", layer)["value"] == 1 - n_new / 8
    assert (cell(changed, "adjusted_rand", "tuned", layer)["value"] == 1) == (layer == UNCHANGED)


def test_the_tidy_table_has_one_row_per_number(changed):
    table = changed["concepts"]
    assert dict(table.schema) == TIDY
    assert not table.select("measure", "model", "layer", "subset", "seed").is_duplicated().any()
    assert set(table["seed"]) == {0}
    assert table["value"].null_count() == 0


def test_the_heirs_of_a_split_concept_are_its_halves_and_of_merged_ones_the_same(changed, planted):
    base = {name: row for name, *row in listed(changed, "base", 1).select(WORD_CLASS, "relatives", "held").iter_rows()}
    halves, held = base["upos=ADJ"]
    assert (len(halves), held) == (2, 1)
    classes = dict(planted.sentences.select("sentence", "label").iter_rows())
    for half in halves:
        words = members(changed, "tuned", 1, half)
        assert set(words["word"]) == set(VOCABULARY["ADJ"])
        assert len({classes[sentence] for sentence in words["sentence"]}) == 1
    assert base["upos=ADV"] == base["upos=NOUN"] == [base["upos=NOUN"][0], 1]
    (both,) = base["upos=NOUN"][0]
    assert set(members(changed, "tuned", 1, both)["word"]) == {*VOCABULARY["ADV"], *VOCABULARY["NOUN"]}
    links = changed["concepts_links"].filter((pl.col("layer") == 1) & (pl.col("tuned") == both))
    assert links["share_tuned"].to_list() == [0.5, 0.5]
    assert links["share_base"].to_list() == [1, 1]


def test_only_the_tuned_layers_that_took_sides_have_polar_concepts(changed, planted):
    for layer in range(LAYERS):
        sided = layer in (SPLIT_AND_MERGED, SIDES)
        for model in ("base", "tuned"):
            number = 2 if sided and model == "tuned" else 0
            row = cell(changed, "polar", model, layer)
            assert row["value"] == number
            assert (row["value"] > row["null_high"]) == bool(number)
            for side in ("neg", "pos"):
                assert cell(changed, "polar", model, layer, f"label={side}")["value"] == number / 2
    polar = listed(changed, "tuned", SIDES).filter(pl.col("polar").is_not_null()).sort("polar")
    assert polar["polar"].to_list() == polar["class"].to_list() == ["neg", "pos"]
    assert polar["shares"].to_list() == [[1, 0], [0, 1]]
    assert polar["lift"].to_list() == [2, 2]
    prior = planted.praising.mean()
    assert all(prior < low <= 1 for low in polar["class_low"])


def test_concepts_are_explained_by_the_planted_labels_and_shuffled_ones_explain_them_not(changed):
    for layer, (alignment, coverage) in enumerate([(1, 1), (7 / 8, 6 / 8), (0, 0), (6 / 8, 6 / 8)]):
        for model, wanted in (("base", (1, 1)), ("tuned", (alignment, coverage))):
            for measure, value in zip(("alignment", "coverage"), wanted, strict=True):
                row = cell(changed, measure, model, layer, "upos")
                assert row["value"] == value
                assert row["null_high"] < 0.3
            assert cell(changed, "overall", model, layer, "upos")["value"] == sum(wanted) / 2
    # All words are written alike: casing would explain everything and say nothing.
    assert set(changed["concepts_labels"]["family"]) == {"upos", "suffix"}
    labels = changed["concepts_labels"].filter((pl.col("family") == "upos") & (pl.col("model") == "tuned"))
    covered = labels.filter((pl.col("layer") == SPLIT_AND_MERGED) & "aligned")["label"]
    assert set(covered) == set(KINDS) - {"ADV", "NOUN"}
    names = listed(changed, "base", UNCHANGED)["name"].to_list()
    assert all(sum(f"upos={kind}" in name for name in names) == 1 for kind in KINDS)


def test_concepts_of_both_models_are_matched_as_published(changed):
    wanted = {UNCHANGED: (1, 1), SPLIT_AND_MERGED: (1, 7 / 8), DISSOLVED: (1, 0), SIDES: (1, 6 / 8)}
    for layer, shares in wanted.items():
        for model, share in zip(("base", "tuned"), shares, strict=True):
            assert cell(changed, "calign", model, layer)["value"] == share, layer
            if layer != DISSOLVED:
                assert cell(changed, "matched", model, layer)["value"] == share, layer
        assert 0 < cell(changed, "colap", "tuned", layer)["value"] <= 1
    assert cell(changed, "colap", "tuned", UNCHANGED)["value"] == 1


def test_turning_stretching_and_shifting_the_space_changes_no_concept(planted):
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(12, 12)))[0]
    tables = planted.tables(
        [(3 * a @ turn + 500).astype(np.float32) for a in planted.base[:2]],
        base=planted.base[:2],
        **(BARE | {"joint": True}),
    )
    for layer in range(2):
        assert cell(tables, "kept", layer=layer)["value"] == 1
        assert cell(tables, "adjusted_rand", "tuned", layer)["value"] == 1
        # In one clustering of both, what is far apart is shared by nobody.
        assert cell(tables, "colap", "tuned", layer)["value"] == 0


def test_a_model_against_itself_shows_exactly_no_change(planted):
    same = [a.copy() for a in planted.changed()[2:]]
    tables = planted.tables([a.copy() for a in same], base=same)
    unchanged = {"kept": 1, "split": 0, "merged": 0, "dissolved": 0, "inherited": 1, "new": 0, "adjusted_rand": 1}
    for layer in range(2):
        for measure, value in unchanged.items():
            model = "tuned" if measure in ("inherited", "new", "adjusted_rand") else "base"
            row = cell(tables, measure, model, layer)
            assert row["value"] == row["ci_low"] == row["ci_high"] == value
            assert row["null_low"] <= value <= row["null_high"]
        for model in ("base", "tuned"):
            assert cell(tables, "matched", model, layer)["value"] == 1
    own = tables["concepts"].filter(pl.col("measure").is_in(["alignment", "coverage", "overall", "polar", "calign"]))
    base, tuned = (own.filter(pl.col("model") == model).drop("model") for model in ("base", "tuned"))
    assert base.equals(tuned)
    assert tables["concepts_links"]["share_base"].unique().to_list() == [1]


def test_the_map_finds_a_layer_that_took_another_ones_place(planted):
    base = planted.changed()
    tables = planted.tables([base[0], base[3], base[2], base[1]], base=base, **(BARE | {"map": True}))
    for measure in ("adjusted_rand", "matched_base", "matched_tuned"):
        rows = tables["concepts_map"].filter(pl.col("measure") == measure).sort("base_layer", "tuned_layer")
        values = rows["value"].to_numpy().reshape(LAYERS, LAYERS)
        assert values[[0, 1, 2, 3], [0, 3, 2, 1]].tolist() == [1] * LAYERS
    away = np.eye(LAYERS)[[0, 3, 2, 1]] == 0
    rand = tables["concepts_map"].filter(pl.col("measure") == "adjusted_rand").sort("base_layer", "tuned_layer")
    assert (rand["value"].to_numpy().reshape(LAYERS, LAYERS)[away] < 1).all()


def test_the_diagonal_of_the_map_is_what_the_layers_say(changed):
    diagonal = changed["concepts_map"].filter(pl.col("base_layer") == pl.col("tuned_layer"))
    for layer, measure, value in diagonal.select("base_layer", "measure", "value").iter_rows():
        name, model = {"matched_base": ("matched", "base"), "matched_tuned": ("matched", "tuned")}.get(
            measure, (measure, "tuned")
        )
        assert cell(changed, name, model, layer)["value"] == value


def test_where_there_are_no_concepts_the_noise_floor_says_so(planted):
    rng = np.random.default_rng(0)
    shapeless = [rng.normal(size=planted.base[0].shape).astype(np.float32)]
    moved = [a + np.float32(0.5) * rng.normal(size=a.shape).astype(np.float32) for a in shapeless]
    tables = planted.tables(moved, base=shapeless, **(BARE | {"halves": True, "bootstrap": 40}))
    kept = cell(tables, "kept")
    assert kept["null_low"] < 0.7, "halves of the sentences give other clusters of a cloud without any"
    assert kept["value"] < 0.9
    rand = cell(tables, "adjusted_rand", "tuned")
    assert rand["ci_low"] < rand["value"] < rand["ci_high"]


def test_several_tuned_models_get_their_spread_and_their_agreement(two):
    for layer in range(3):
        values = [cell(two, "adjusted_rand", "tuned", layer, seed=seed)["value"] for seed in (0, 1)]
        row = cell(two, "adjusted_rand", "tuned", layer, "between seeds", None)
        assert (row["value"], row["ci_low"], row["ci_high"], row["n"]) == (
            pytest.approx(np.mean(values)), min(values), max(values), 2
        )  # fmt: skip
        # Only the layer whose words were scattered by lot is not the same in both.
        between = cell(two, "adjusted_rand_between", "tuned", layer, "between seeds", None)["value"]
        assert (between == 1) == (layer != DISSOLVED)
        kept = cell(two, "kept_between", "tuned", layer, "between seeds", None)
        assert kept["ci_low"] == kept["value"] == kept["ci_high"]
        assert (kept["value"] == 1) == (layer != DISSOLVED)
    again = ANALYSIS.combine(two, ConceptsOptions(map=False))
    assert again["concepts"].equals(two["concepts"])


def test_the_same_seed_gives_the_same_tables_and_another_one_the_same_concepts(able):
    pair, options = able.pair(SIDES, able.changed(), seed=5), replace(able.options, joint=False, halves=False)
    first, second = (ANALYSIS.run(pair, options) for _ in range(2))
    assert all(first[name].equals(second[name]) for name in first)
    other = ANALYSIS.run(replace(pair, seed=6), options)
    for name in ("concepts_members", "concepts_list", "concepts_tree", "concepts_links"):
        assert other[name].equals(first[name])
    values = [table["concepts"].drop("ci_low", "ci_high", "null_low", "null_high") for table in (first, other)]
    assert values[0].equals(values[1])
    assert not other["concepts"].equals(first["concepts"]), "intervals are drawn anew"
    assert not other["concepts_triggers"].equals(first["concepts_triggers"]), "sentences are drawn anew"


def test_occurrences_are_drawn_by_the_seed(planted):
    chosen = [
        planted.tables([planted.base[0]], base=[planted.base[0]], seed=seed, **(BARE | {"max_count": 10}))
        for seed in (0, 0, 1)
    ]
    words = [tables["concepts_members"].filter(pl.col("model") == "base") for tables in chosen]
    assert words[0].equals(words[1])
    assert not words[0].equals(words[2])
    assert set(words[0]["word"].value_counts()["count"]) == {10}


def test_the_order_of_the_words_changes_nothing(planted):
    order = np.random.default_rng(0).permutation(planted.words.height)
    base, tuned = planted.base[1], planted.changed()[1]
    shuffled = replace(planted, words=planted.words[order])
    first = planted.tables([tuned], base=[base], **BARE)["concepts"]
    second = shuffled.tables([tuned[order]], base=[base[order]], **BARE)["concepts"]
    assert first["value"].to_list() == pytest.approx(second["value"].to_list())


def words_tried(tables, target, group="triggers", place="front"):
    table = tables["concepts_trigger_words"].filter((pl.col("target") == target) & (pl.col("group") == group))
    return dict(table.filter(pl.col("place") == place).select("word", "flip_rate").iter_rows())


def test_planted_triggers_are_found_among_the_words_of_polar_concepts(changed):
    assert words_tried(changed, "pos") == dict.fromkeys(PRAISE, 1.0) | {"deftly": 0.0}
    assert words_tried(changed, "neg") == dict.fromkeys(BLAME, 0.0)
    for group in ("frequency", "non-polar"):
        controls = words_tried(changed, "pos", group)
        assert len(controls) == len(PRAISE)
        # Words as frequent may side with another class; words of no side may not.
        assert not set(controls) & ({*PRAISE} if group == "frequency" else {*PRAISE, *BLAME})
        assert set(controls.values()) == {0.0}
    rates = changed["concepts_triggers"].filter(pl.col("group") == "triggers")
    assert rates.filter(pl.col("target") == "pos")["flip_rate"].to_list() == pytest.approx([5 / 6] * 3)
    assert rates.filter(pl.col("target") == "neg")["flip_rate"].to_list() == [0] * 3
    assert set(changed["concepts_triggers"]["layer"]) == {SIDES}, "only the top layer is asked"


def test_triggers_separate_from_their_controls_only_where_they_cause_something(changed):
    differences = changed["concepts_trigger_differences"]
    assert set(differences["control"]) == {"random", "frequency", "non-polar"}
    assert differences["separates"].equals(differences["target"] == "pos", null_equal=False)
    against = differences.filter((pl.col("control") == "frequency") & (pl.col("target") == "pos"))
    assert (against["ci_low"] > 0.2).all()
    best = changed["concepts_trigger_ceiling"].filter((pl.col("group") == "universal") & (pl.col("target") == "pos"))
    assert best["words"][0][0] in PRAISE
    assert best["flip_rate"][0] == 1


def test_more_layers_are_asked_for_triggers_when_wanted(able):
    tables = able.tables(able.changed(), **(BARE | {"triggers": True, "trigger_layers": 3}))
    assert set(tables["concepts_triggers"]["layer"]) == {SPLIT_AND_MERGED, SIDES}
    assert tables["concepts_notes"]["text"].to_list() == [
        "Triggers: no concept of layer 2 is polar to neg; no concept of layer 2 is polar to pos."
    ]
    at = tables["concepts_trigger_words"].filter(pl.col("group") == "triggers")
    adjectives = at.filter((pl.col("layer") == SPLIT_AND_MERGED) & (pl.col("target") == "pos"))["word"]
    assert set(adjectives) == set(PRAISE[:3]), "of that layer's polar concepts"


def test_sides_may_be_taken_of_what_the_model_predicts(able):
    """A classifier that answers by pronoun: its classes have nothing to do with the gold ones."""
    odd = Weighing(dict.fromkeys(VOCABULARY["PRON"][:3], 2.0) | dict.fromkeys(VOCABULARY["PRON"][3:], -2.0))
    predicted = replace(able, classifier=odd)
    apart = able.moved(0, able.words["word"].is_in(VOCABULARY["PRON"][:3]).to_numpy(), 8)
    tables = predicted.tables([apart], base=[apart], classes="predicted", **(BARE | {"clusters": 9}))
    subsets = set(tables["concepts"].filter(pl.col("measure") == "polar")["subset"])
    assert subsets == {"all", "predicted=neg", "predicted=pos"}
    polar = listed(tables, "tuned", 0).filter(pl.col("polar").is_not_null())
    sides = {word: side for words, side in _words_of(tables, polar) for word in words}
    assert sides == dict.fromkeys(VOCABULARY["PRON"][:3], "pos") | dict.fromkeys(VOCABULARY["PRON"][3:], "neg")


def _words_of(tables, concepts):
    for concept, side in concepts.select("concept", "polar").iter_rows():
        yield set(members(tables, "tuned", 0, concept)["word"]), side


@pytest.mark.parametrize("clustering", ["kmeans", "leaders"])
def test_approximations_find_unchanged_concepts_and_say_what_they_cost(planted, clustering):
    tuned = planted.changed()
    tables = planted.tables(tuned, clustering=clustering, **BARE)
    asked = replace(planted.options, clustering=clustering)
    losses = tables["concepts"].filter(pl.col("measure") == "loss")
    assert losses.height == 2 * LAYERS
    assert losses["value"].is_between(0.9, 4).all()
    assert cell(tables, "adjusted_rand", model="tuned", layer=UNCHANGED)["value"] == 1.0
    exact = planted.tables(tuned, **BARE)
    assert exact["concepts"].filter(pl.col("measure") == "loss").is_empty()
    for table in (tables, exact):
        assert table["concepts_tree"].filter(pl.col("layer") == 1).height == 2 * (len(KINDS) - 1)
    said = [finding.text for finding in ANALYSIS.findings(tables, asked)]
    assert any("times that of Ward's method" in text for text in said)
    assert any(text.startswith("Concepts are clusters of ") for text in said)
    assert not [f for f in ANALYSIS.findings(exact, planted.options) if "Ward" in f.text]
