import dataclasses

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isogloss.models.finetune_data import IGNORED, Collator, Example, GroupedByLength, split_rows
from isogloss.models.finetune_tasks import TokenClassification, ordered
from tests.models.labelled import labelled
from tests.tiny import ARCHITECTURES, tiny_model, tiny_tokenizer


@given(
    n=st.integers(4, 200),
    fraction=st.floats(0.05, 0.9),
    small=st.floats(0.01, 0.5),
    large=st.floats(0.5, 1.0),
)
def test_parts_are_disjoint_and_smaller_fractions_are_contained_in_larger(n, fraction, small, large):
    sentences = pl.DataFrame({"sentence": pl.Series(range(n), dtype=pl.UInt32)})
    little, dev = split_rows(sentences, dev_fraction=fraction, train_fraction=small, own_dev=True)
    more, same_dev = split_rows(sentences, dev_fraction=fraction, train_fraction=large, own_dev=True)
    assert len(dev)
    assert len(little)
    assert (dev == same_dev).all()
    assert set(little) <= set(more)
    assert not set(more) & set(dev)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=300), st.integers(1, 20), st.integers(0, 5))
def test_length_groups_hold_every_example_once_and_waste_little(lengths, batch_size, seed):
    sampler = GroupedByLength(lengths, batch_size, seed)
    batches = list(sampler)
    assert len(batches) == len(sampler)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    spread = sum(max(lengths[i] for i in b) - min(lengths[i] for i in b) for b in batches)
    stretches = -(-len(lengths) // (50 * batch_size))
    assert spread <= 59 * stretches


def test_every_epoch_has_another_order():
    sampler = GroupedByLength(list(range(100)), 10, 0)
    assert list(sampler) != list(sampler)


@pytest.mark.parametrize("kind", ["wordpiece", "bytelevel", "bytelevel-prefix", "metaspace", "unigram"])
@pytest.mark.parametrize("all_subwords", [False, True])
def test_word_labels_land_on_subwords_inside_their_words(kind, all_subwords):
    texts = ["Its naïve hero re-enters the café; nobody notices.", "Wonderful performances"]
    corpus = labelled(texts, word_label=str.lower)
    task = TokenClassification.of("tag", [corpus, *[corpus] * 3], all_subwords=all_subwords)
    tokenizer = tiny_tokenizer(kind)
    encoded = task.encode(corpus, np.arange(2), tiny_model("bert"), tokenizer, None)
    core = tokenizer.backend_tokenizer
    for number, (text, example) in enumerate(zip(texts, encoded.examples, strict=True)):
        words = corpus.words.filter(pl.col("sentence") == number)
        for (start, end), target in zip(core.encode(text).offsets, example.target, strict=True):
            under = words.filter((pl.col("start") < end) & (pl.col("end") > start))["tag"].to_list()
            assert target == IGNORED or task.classes[target] in under
        carried = [task.classes[t] for t in example.target if t != IGNORED]
        if kind != "metaspace":
            assert set(carried) == set(words["tag"])
            assert encoded.lost == 0
            assert all_subwords or len(carried) == len(words)


def test_word_that_shares_its_first_subword_is_counted_as_lost():
    corpus = labelled(["the film the film"], word_label=str.lower)
    halves = corpus.words.with_columns(start=pl.Series([0, 1, 9, 13]), end=pl.Series([1, 3, 12, 17]))
    corpus = dataclasses.replace(corpus, words=halves)
    task = TokenClassification.of("tag", [corpus] * 2, all_subwords=False)
    encoded = task.encode(corpus, np.arange(1), tiny_model("bert"), tiny_tokenizer("wordpiece"), None)
    assert encoded.lost == 1


def test_class_names_that_are_numbers_are_ordered_by_size():
    assert ordered({"10", "9", "-1"}) == ["-1", "9", "10"]
    assert ordered({"10", "9", "b"}) == ["10", "9", "b"]


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("architecture", ["bert", "roberta", "xlnet", "gpt2", "llama"])
def test_padding_never_changes_what_the_head_reads(architecture, side):
    model = tiny_model(architecture, auto="AutoModelForSequenceClassification")
    tokenizer = tiny_tokenizer(ARCHITECTURES[architecture]["tokenizer"], side)
    texts = ["the film", "nobody notices the wonderful performances throughout the movie"]
    rows = [np.asarray(tokenizer(text)["input_ids"]) for text in texts]
    made = [Example(row, np.zeros(len(row), np.int64), 0) for row in rows]
    collate = Collator(model, tokenizer, torch.int64, made)
    with torch.no_grad():
        together = model(**collate(made)).logits
        alone = torch.cat([model(**collate([example])).logits for example in made])
    assert torch.allclose(together, alone, atol=1e-5)
