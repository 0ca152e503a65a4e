from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from isogloss.probing import ProbingAnalysis
from isogloss.probing.resampling import Resampled
from isogloss.probing.scores import accuracy
from isogloss.probing.trying_task import _drawn
from tests.probing.conftest import LENGTH, QUICK, SENTENCES

ANALYSIS = ProbingAnalysis()
CHEAP = replace(QUICK, controls=0, ablation=False, task_use=False, together=False)


def halves(planted):
    """The sentences as pairs: the first half of the words is in `text`, the rest in `text_b`."""
    part = np.tile(np.arange(LENGTH) >= LENGTH // 2, SENTENCES).astype(int)
    words = planted.words.with_columns(part=pl.Series(part))
    texts = words.group_by("sentence", "part", maintain_order=True).agg(pl.col("word").str.join(" "))
    first, second = (texts.filter(pl.col("part") == p)["word"] for p in (0, 1))
    length = words["word"].str.len_chars().to_numpy().reshape(-1, LENGTH // 2) + 1
    start = (np.cumsum(length, axis=1) - length).ravel()
    words = words.with_columns(start=pl.Series(start), end=pl.Series(start + length.ravel() - 1))
    sentences = planted.sentences.with_columns(text=first, text_b=second)
    return replace(planted, words=words, sentences=sentences)


def test_words_of_a_second_text_are_shown_in_it(planted):
    tables = ANALYSIS.run(halves(planted).pair(1), CHEAP)
    shown = [(row["word"], e) for row in tables["probing_words"].iter_rows(named=True) for e in row["examples"]]
    assert len(shown) > 20
    assert all(e["text"][e["start"] : e["end"]] == word for word, e in shown)


def test_one_sentence_has_no_interval():
    y, owners = np.zeros(4, dtype=int), np.zeros(4, dtype=int)
    found: Resampled = accuracy(y, np.array([0, 0, 0, 1]), owners, n_boot=20)
    assert found.value == 0.75
    assert np.isnan(found.low)
    assert np.isnan(found.high)


@pytest.mark.parametrize(("tested", "sure"), [(1, False), (3, False), (9, False), (20, True)])
def test_a_few_test_sentences_make_no_change_sure_and_it_is_said(planted, tested, sure):
    split = ["train"] * 100 + ["dev"] * (SENTENCES - 100 - tested) + ["test"] * tested
    of = replace(planted, sentences=planted.sentences.with_columns(split=pl.Series(split)))
    options = replace(CHEAP, task_use=True)
    tables = ANALYSIS.combine(ANALYSIS.run(of.pair(1), options), options)
    changes = tables["probing"].filter(pl.col("measure").str.ends_with("_change") & pl.col("value").is_not_null())
    assert changes["ci_low"].is_null().all() != sure
    texts = [finding.text for finding in ANALYSIS.findings(tables, options)]
    assert any("read less well" in text or "changed most: F1" in text for text in texts) == sure
    assert any(f"{tested} test sentences, and without 10 no change is called one" in text for text in texts) != sure


def test_models_that_differ_on_held_out_words_only_are_both_read_together(planted):
    split = ["train"] * 90 + ["dev"] * 30 + ["test"] * 30
    of = replace(planted, sentences=planted.sentences.with_columns(split=pl.Series(split)))
    tuned = [a.copy() for a in planted.base]
    for layer in tuned:
        layer[120 * LENGTH :] = layer[120 * LENGTH :][::-1]
    of = replace(of, tuned=tuned)
    table = ANALYSIS.run_whole(of.models(), replace(CHEAP, together=True))["probing_together"]
    change = table.filter((pl.col("label") == "kind") & (pl.col("measure") == "accuracy_change"))
    assert change["value"][0] < -0.3


def test_gaussians_need_no_word_of_each_value_where_all_layers_are_read(planted):
    options = replace(CHEAP, together=True, rankings="lca,gaussian", together_train=4)
    assert "probing_map" in ANALYSIS.run_whole(planted.models(), options)


def test_the_classifier_is_tried_on_no_text_of_training(planted):
    split = ["train"] * 90 + ["dev"] * 30 + ["test"] * 30
    texts = planted.sentences["text"].to_list()
    sentences = planted.sentences.with_columns(split=pl.Series(split), text=pl.Series(texts[:-5] + texts[:5]))
    drawn = _drawn(replace(planted, sentences=sentences).pair(1), "class", QUICK)
    assert drawn.height == 55
    assert not set(drawn["text"]) & set(texts[:90])


def test_without_dev_sentences_there_is_no_fewest_and_no_warning(planted):
    kept = planted.sentences["sentence"] < 3
    of = replace(
        planted,
        sentences=planted.sentences.filter(kept),
        words=planted.words.head(3 * LENGTH),
        base=[a[: 3 * LENGTH] for a in planted.base],
        tuned=[a[: 3 * LENGTH] for a in planted.tuned],
    )
    options = replace(CHEAP, together=True, min_count=1)
    tables = ANALYSIS.run(of.pair(1), options) | ANALYSIS.run_whole(of.models(), options)
    assert tables["probing_minimal"].is_empty()
    assert ANALYSIS.findings(tables, options)
    assert ANALYSIS.figures(tables, options)
