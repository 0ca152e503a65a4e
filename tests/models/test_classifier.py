import numpy as np
import pytest
import torch

from isogloss.errors import ModelError, OptionError
from isogloss.models.classifier import Classifier
from isogloss.models.loading import load
from tests.tiny import ARCHITECTURES, TEXTS, save_tiny, tiny_tokenizer

SENTENCES = [*TEXTS, "the", "film " * 30]
# Encoder-decoder classifiers of transformers want end-of-text tokens that these tokenizers do not write.
CLASSIFIERS = [name for name in ARCHITECTURES if name not in ("t5", "bart")]


def classifier(path, architecture="bert", **options) -> Classifier:
    save_tiny(path, architecture, auto="AutoModelForSequenceClassification", num_labels=3)
    return Classifier(load(path, head=True), **options)


def one_by_one(running: Classifier, sentences, text_b=None) -> np.ndarray:
    """transformers' own way, a sentence at a time, nothing padded."""
    loaded = running._loaded
    rows = []
    for i, sentence in enumerate(sentences):
        other = None if text_b is None else text_b[i]
        inputs = loaded.tokenizer(sentence, other, return_tensors="pt", truncation=True, max_length=64)
        inputs = {k: v for k, v in inputs.items() if k != "token_type_ids" or running._gives_types}
        with torch.no_grad():
            rows.append(loaded.module(**inputs).logits.double().softmax(-1)[0].numpy())
    return np.stack(rows)


@pytest.mark.parametrize("architecture", CLASSIFIERS)
def test_probabilities_equal_one_sentence_at_a_time(architecture, tmp_path):
    running = classifier(tmp_path, architecture, batch_tokens=100)
    found = running(SENTENCES)
    assert found.dtype == np.float64
    assert np.allclose(found.sum(1), 1)
    assert np.allclose(found, one_by_one(running, SENTENCES), atol=1e-5)
    assert len(np.unique(found.round(4), axis=0)) > 5


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("architecture", ["bert", "roberta", "llama"])
def test_padding_side_does_not_matter(architecture, side, tmp_path):
    save_tiny(tmp_path, architecture, auto="AutoModelForSequenceClassification", num_labels=3)
    tiny_tokenizer(ARCHITECTURES[architecture]["tokenizer"], side).save_pretrained(tmp_path)
    running = Classifier(load(tmp_path, head=True))
    assert np.allclose(running(SENTENCES), one_by_one(running, SENTENCES), atol=1e-5)


def test_pairs_equal_one_pair_at_a_time(tmp_path):
    running = classifier(tmp_path)
    other = SENTENCES[::-1]
    found = running(SENTENCES[:8], other[:8])
    assert np.allclose(found, one_by_one(running, SENTENCES[:8], other[:8]), atol=1e-5)
    assert not np.allclose(found, running(SENTENCES[:8]), atol=1e-3)


def test_padding_in_the_tokenizers_file_is_overridden(tmp_path):
    save_tiny(tmp_path, "bert", auto="AutoModelForSequenceClassification", num_labels=3)
    plain = Classifier(load(tmp_path, head=True))(SENTENCES)
    loaded = load(tmp_path, head=True)
    loaded.tokenizer.backend_tokenizer.enable_padding(length=60)
    loaded.tokenizer.backend_tokenizer.enable_truncation(4)
    assert np.array_equal(Classifier(loaded)(SENTENCES), plain)


@pytest.mark.parametrize("architecture", CLASSIFIERS)
@pytest.mark.parametrize("layer", [0, 1, 3])
def test_edit_that_changes_nothing_changes_no_bit(architecture, layer, tmp_path):
    running = classifier(tmp_path, architecture)
    assert np.array_equal(running(SENTENCES, edit=(layer, lambda v, _: v)), running(SENTENCES))


@pytest.mark.parametrize("architecture", CLASSIFIERS)
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_edit_of_one_sentence_reaches_that_sentence_alone(architecture, layer, tmp_path):
    running = classifier(tmp_path, architecture)
    before = running(SENTENCES)

    def shift(vectors, info):
        changed = vectors.copy()
        changed[info.sentence == 4] += np.linspace(-3, 3, vectors.shape[1], dtype=np.float32)
        return changed

    after = running(SENTENCES, edit=(layer, shift))
    differs = np.abs(after - before).max(1) > 1e-6
    assert differs[4]
    assert differs.sum() == 1


def test_edit_sees_the_tokens_of_every_sentence_once(tmp_path):
    running = classifier(tmp_path, batch_tokens=60)
    seen = []

    def look(vectors, info):
        assert len(vectors) == len(info.sentence) == len(info.ids)
        seen.extend(zip(info.sentence, info.position, info.ids, info.special, strict=True))
        return vectors

    running(SENTENCES, edit=(2, look))
    for number, sentence in enumerate(SENTENCES):
        mine = sorted(entry for entry in seen if entry[0] == number)
        expected = running._loaded.tokenizer(sentence, truncation=True, max_length=64)["input_ids"]
        assert [token for _, _, token, _ in mine] == expected
        assert [special for *_, special in mine] == [token in (2, 3) for token in expected]


def test_edit_at_the_last_layer_is_what_the_head_reads(tmp_path):
    running = classifier(tmp_path)
    constant = np.linspace(-1, 1, 32, dtype=np.float32)
    found = running(SENTENCES, edit=(3, lambda v, _: np.broadcast_to(constant, v.shape)))
    module = running._loaded.module
    with torch.no_grad():
        pooled = module.bert.pooler(torch.from_numpy(constant)[None, None])
        expected = module.classifier(pooled).double().softmax(-1).numpy()
    assert np.allclose(found, np.repeat(expected, len(SENTENCES), 0), atol=1e-6)


@pytest.mark.parametrize("turned", [lambda v, _: v[:, ::-1], lambda v, _: v[::-1], lambda v, _: v.T.copy().T])
def test_an_edit_may_return_a_view_in_any_order(turned, tmp_path):
    running = classifier(tmp_path)
    copied = running(SENTENCES, edit=(2, lambda v, i: np.ascontiguousarray(turned(v, i))))
    assert np.array_equal(running(SENTENCES, edit=(2, turned)), copied)


def test_hooks_are_gone_after_a_call_and_after_a_failed_edit(tmp_path):
    running = classifier(tmp_path)
    before = running(SENTENCES)
    running(SENTENCES, edit=(1, lambda v, _: v * 0))
    with pytest.raises(OptionError, match=r"returned \(1, 32\)"):
        running(SENTENCES, edit=(1, lambda v, _: v[:1]))
    assert np.array_equal(running(SENTENCES), before)


def test_layer_out_of_range_and_unequal_pairs_are_refused(tmp_path):
    running = classifier(tmp_path)
    with pytest.raises(OptionError, match="no layer 4"):
        running(SENTENCES, edit=(4, lambda v, _: v))
    with pytest.raises(OptionError, match="10 sentences but 1 second"):
        running(SENTENCES, ["the"])


def test_no_sentences_give_no_rows(tmp_path):
    assert classifier(tmp_path)([]).shape == (0, 3)


def test_sentence_without_tokens_is_named(tmp_path):
    with pytest.raises(ModelError, match="sentence 1 has no token"):
        classifier(tmp_path, "gpt2")(["the", ""])


def test_class_names_follow_the_columns(tmp_path):
    path = tmp_path / "model"
    save_tiny(
        path,
        "bert",
        auto="AutoModelForSequenceClassification",
        id2label={0: "neg", 1: "pos"},
        label2id={"neg": 0, "pos": 1},
    )
    assert Classifier(load(path, head=True)).classes == ("neg", "pos")


def test_several_labels_at_once_have_independent_probabilities(tmp_path):
    save_tiny(
        tmp_path,
        "bert",
        auto="AutoModelForSequenceClassification",
        num_labels=3,
        problem_type="multi_label_classification",
    )
    found = Classifier(load(tmp_path, head=True))(SENTENCES)
    assert ((found > 0) & (found < 1)).all()
    assert not np.allclose(found.sum(1), 1, atol=0.05)


def test_models_that_do_not_classify_sentences_are_refused(tmp_path):
    save_tiny(tmp_path / "score", "bert", auto="AutoModelForSequenceClassification", num_labels=1)
    with pytest.raises(ModelError, match="gives scores, not classes"):
        Classifier(load(tmp_path / "score", head=True))
    save_tiny(tmp_path / "words", "bert", auto="AutoModelForTokenClassification")
    with pytest.raises(ModelError, match="not as a classifier"):
        Classifier(load(tmp_path / "words", head=True))
