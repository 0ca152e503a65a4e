import json

import numpy as np
import polars as pl
import pytest
import torch
import transformers
from transformers import PreTrainedModel

import isogloss as ig
from isogloss.models import load
from isogloss.models.classifier import Classifier
from tests.decoders import DECODERS, LAYERS, QUICK, decoder_corpus, decoder_tokenizer, save_decoder, save_lora

# PEFT still asks transformers for an attribute under its old name when an adapter is made.
pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")

FIVE = {"concepts", "isotropy", "probing", "separability", "similarity"}
SIMILARITY = {"analyses": ["similarity"], "options": {"similarity": QUICK["similarity"]}}


@pytest.fixture(scope="module")
def corpus():
    return decoder_corpus()


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    home = tmp_path_factory.mktemp("decoders")
    return {name: save_decoder(home / name, name) for name in ("llama", "gpt2")}


@pytest.fixture
def loads(monkeypatch):
    """Directories whose weights were read, in order."""
    read = []
    original = PreTrainedModel.from_pretrained.__func__

    def spied(cls, path, *args, **options):
        read.append(str(path))
        return original(cls, path, *args, **options)

    monkeypatch.setattr(PreTrainedModel, "from_pretrained", classmethod(spied))
    return read


def stored(directory):
    return ig.ActivationStore(directory)


def same_vectors(one, other):
    return all(np.array_equal(one.layer(layer), other.layer(layer)) for layer in one.layers) and all(
        np.array_equal(one.sentence_layer(layer, kind), other.sentence_layer(layer, kind))
        for layer in one.layers
        for kind in one.settings.sentence_vectors
    )


def assert_whole(study, corpus):
    """All five analyses measured both models, and the running classifier was asked."""
    assert set(study) == FIVE
    for name in FIVE - {"similarity"}:
        table = study[name].tables[name]
        assert set(table["model"].drop_nulls()) >= {"base", "tuned"}, name
        assert table.filter(pl.col("model") == "tuned")["value"].is_not_null().any(), name
    assert study["similarity"].tables["similarity"]["value"].is_not_null().any()
    assert study.manifest["corpus"]["compared_words"] == len(corpus.words)
    asked = {"concepts_triggers", "isotropy_reliance", "probing_task"}
    assert asked <= {name for name, table in study.tables.items() if not table.is_empty()}


def plain(model, tokenizer, text, blocks):
    """Block outputs of one sentence through transformers, and its last hidden state: (n_layers + 1), n_tokens."""
    seen = []

    def entering(_, args, named):
        seen.append(args[0] if args else named["hidden_states"])

    def leaving(_, __, output):
        seen.append(output if torch.is_tensor(output) else output[0])

    hooks = [blocks[0].register_forward_pre_hook(entering, with_kwargs=True)]
    hooks += [block.register_forward_hook(leaving) for block in blocks]
    given = tokenizer(text, return_tensors="pt", return_offsets_mapping=True)
    with torch.no_grad():
        last = model(input_ids=given["input_ids"], attention_mask=given["attention_mask"]).last_hidden_state[0]
    for hook in hooks:
        hook.remove()
    return [states[0].numpy() for states in seen], last.numpy(), given["offset_mapping"][0].numpy()


def blocks_of(encoder):
    return list(encoder.h if hasattr(encoder, "h") else encoder.layers)


def assert_is_plain(store, corpus, encoder, tokenizer):
    """Every word's vector is that of its last sub-word in a pass over its sentence alone, and so is `last`."""
    worst = 0.0
    for sentence, text in enumerate(corpus.sentences["text"]):
        blocks, last, offsets = plain(encoder, tokenizer, text, blocks_of(encoder))
        if store.settings.site == "normed":
            blocks[-1] = last
        rows = store.words.with_row_index("row").filter(pl.col("sentence") == sentence)
        for row, start, end in rows.select("row", "start", "end").iter_rows():
            token = max(i for i, (low, high) in enumerate(offsets) if low < end and high > start)
            for layer, expected in enumerate(blocks):
                off = np.abs(store.layer(layer)[row] - expected[token]).max()
                worst = max(worst, off / np.abs(expected[token]).max())
        for layer, expected in enumerate(blocks):
            off = np.abs(store.sentence_layer(layer, "last")[sentence] - expected[-1]).max()
            worst = max(worst, off / np.abs(expected[-1]).max())
    assert worst < 1e-5


@pytest.mark.parametrize("site", ["block", "normed"])
@pytest.mark.parametrize("architecture", DECODERS)
def test_vectors_are_those_of_a_plain_pass_over_one_sentence(architecture, site, corpus, tmp_path):
    side = "left" if site == "block" else "right"
    tokenizer = decoder_tokenizer(architecture, side=side, padding=site == "normed")
    path = save_decoder(tmp_path / "model", architecture, tokenizer=tokenizer)
    few = corpus.head(8)
    store = ig.extract(path, few, tmp_path / "store", site=site)
    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    encoder = transformers.AutoModel.from_pretrained(path).eval()
    assert_is_plain(store, few, encoder, tokenizer)


def test_the_last_layer_is_before_the_final_norm_unless_it_is_asked_for_after_it(bases, corpus, tmp_path):
    block, normed = (ig.extract(bases["llama"], corpus, tmp_path / site, site=site) for site in ("block", "normed"))
    for layer in range(LAYERS):
        assert np.array_equal(block.layer(layer), normed.layer(layer))
    size = np.sqrt(np.square(normed.layer(LAYERS)).mean(1))
    np.testing.assert_allclose(size, 1.0, atol=1e-3)
    assert np.ptp(np.sqrt(np.square(block.layer(LAYERS)).mean(1))) > 0.5


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_side_of_the_padding_changes_no_bit(side, bases, corpus, tmp_path):
    tokenizer = decoder_tokenizer("llama", side=side)
    model = transformers.AutoModel.from_pretrained(bases["llama"]).eval()
    given = ig.extract((model, tokenizer), corpus, tmp_path / side)
    assert same_vectors(given, ig.extract(bases["llama"], corpus, tmp_path / "files"))


def test_a_decoders_first_token_is_no_vector_of_a_sentence_unless_asked_for_by_name(bases, models, corpus, tmp_path):
    study = ig.compare(bases["llama"], bases["llama"], corpus, out=tmp_path / "run", **SIMILARITY)
    store = stored(tmp_path / "run" / "activations" / "base")
    assert store.settings.sentence_vectors == ("mean", "last")
    assert sum("first token (cls) sees nothing" in note for note in study.notes) == 1
    asked = ig.extract(bases["llama"], corpus, tmp_path / "cls", sentence_vectors=("cls",))
    assert np.ptp(asked.sentence_layer(LAYERS, "cls"), axis=0).max() < 1e-5
    encoder = ig.compare(models["base"], models["tuned"], corpus, out=tmp_path / "bert", **SIMILARITY)
    assert not any("decoder" in note for note in encoder.notes)


def test_a_tuned_decoder_goes_through_all_five_analyses(bases, corpus, tmp_path):
    tuned = save_decoder(tmp_path / "tuned", "llama", 1, "AutoModelForSequenceClassification", pad_token_id=0)
    study = ig.compare(bases["llama"], tuned, corpus, out=tmp_path / "run", layers="last", options=QUICK)
    assert_whole(study, corpus)


def test_an_adapter_with_a_head_goes_through_all_five_analyses(bases, corpus, tmp_path, loads):
    base = bases["gpt2"]
    theirs = save_lora(tmp_path / "adapter", base)
    loads.clear()
    study = ig.compare(base, tmp_path / "adapter", corpus, out=tmp_path / "run", layers="last", options=QUICK)
    assert_whole(study, corpus)
    # Once for both models' vectors, and once for the classifier, when nothing of them is in memory any more.
    assert loads == [str(base)] * 2
    # The same classifier: PEFT's own answers are those that the study starts from.
    judged = study["isotropy"].tables["isotropy_removal"].filter(pl.col("measure") == "head accuracy")
    assert not judged.is_empty()
    text = corpus.sentences["text"][0]
    ours = Classifier(load(tmp_path / "adapter", head=True))([text])
    with torch.no_grad():
        logits = theirs(input_ids=decoder_tokenizer("gpt2")(text, return_tensors="pt")["input_ids"]).logits
    np.testing.assert_allclose(ours, logits.double().softmax(-1).numpy(), rtol=1e-5)


def test_an_adapter_that_adds_nothing_changes_nothing_in_any_analysis(bases, corpus, tmp_path):
    save_lora(tmp_path / "zero", bases["llama"], "AutoModelForCausalLM", "CAUSAL_LM", b_scale=0.0)
    study = ig.compare(bases["llama"], tmp_path / "zero", corpus, out=tmp_path / "run", layers="last", options=QUICK)
    stores = [stored(tmp_path / "run" / "activations" / name) for name in ("base", "tuned")]
    assert same_vectors(*stores)
    assert set(study) == FIVE
    similarity = study["similarity"].tables["similarity"].filter(pl.col("subset") == "all")
    assert set(similarity.filter(pl.col("measure").is_in(["cka", "cosine", "neighbours"]))["value"]) == {1.0}
    assert set(similarity.filter(pl.col("measure") == "procrustes")["value"]) == {0.0}
    for name in FIVE - {"similarity"}:
        table = study[name].tables[name]
        key = ["measure", "layer", "subset"]
        base, tuned = (table.filter(pl.col("model") == model).select(*key, "value") for model in ("base", "tuned"))
        both = base.join(tuned, on=key, nulls_equal=True)
        assert both.height > 5
        assert both["value"].equals(both["value_right"]), name
        changes = table.filter(pl.col("measure").str.contains("change"))["value"].drop_nulls()
        assert (changes == 0).all(), name


@pytest.mark.parametrize(
    ("auto", "task"),
    [("AutoModelForCausalLM", "CAUSAL_LM"), ("AutoModel", "FEATURE_EXTRACTION"), ("AutoModel", None)],
)
def test_an_adapter_on_and_off_is_what_peft_and_the_base_alone_compute(auto, task, bases, corpus, tmp_path, loads):
    theirs = save_lora(tmp_path / "adapter", bases["llama"], auto, task)
    loads.clear()
    few = corpus.head(8)
    study = ig.compare(bases["llama"], tmp_path / "adapter", few, out=tmp_path / "run", **SIMILARITY)
    assert loads == [str(bases["llama"])]
    base, tuned = (stored(tmp_path / "run" / "activations" / name) for name in ("base", "tuned"))
    assert same_vectors(base, ig.extract(bases["llama"], few, tmp_path / "alone"))
    assert_is_plain(tuned, few, theirs.get_base_model().base_model, decoder_tokenizer("llama"))
    assert not np.allclose(base.layer(1), tuned.layer(1), atol=1e-2)
    assert not any("another model" in note for note in study.notes)


@pytest.mark.parametrize("beginning", [{"init_lora_weights": "pissa"}, {"bias": "all"}], ids=str)
def test_an_adapter_that_changes_its_bases_weights_is_not_taken_for_the_base_when_off(beginning, corpus, tmp_path):
    base = save_decoder(tmp_path / "base", "qwen2")
    theirs = save_lora(tmp_path / "adapter", base, "AutoModel", None, **beginning)
    few = corpus.head(8)
    ig.compare(base, tmp_path / "adapter", few, out=tmp_path / "run", **SIMILARITY)
    kept, tuned = (stored(tmp_path / "run" / "activations" / name) for name in ("base", "tuned"))
    assert same_vectors(kept, ig.extract(base, few, tmp_path / "alone"))
    assert_is_plain(tuned, few, theirs.get_base_model(), transformers.AutoTokenizer.from_pretrained(base))


def test_a_merged_adapter_is_the_adapter(bases, corpus, tmp_path):
    theirs = save_lora(tmp_path / "adapter", bases["llama"], "AutoModelForCausalLM", "CAUSAL_LM", use_rslora=True)
    theirs.merge_and_unload().save_pretrained(tmp_path / "merged")
    decoder_tokenizer("llama").save_pretrained(tmp_path / "merged")
    one, other = (ig.extract(tmp_path / name, corpus, tmp_path / f"{name} store") for name in ("adapter", "merged"))
    for layer in one.layers:
        np.testing.assert_allclose(one.layer(layer), other.layer(layer), rtol=1e-4, atol=1e-4)


def test_several_seeds_of_an_adapter_load_their_base_once(bases, corpus, tmp_path, loads):
    for seed in (1, 2, 3):
        save_lora(tmp_path / f"seed-{seed}", bases["llama"], seed=seed)
    loads.clear()
    seeds = [tmp_path / f"seed-{seed}" for seed in (1, 2, 3)]
    ig.compare(bases["llama"], seeds, corpus, out=tmp_path / "run", **SIMILARITY)
    assert loads == [str(bases["llama"])]
    for index, seed in enumerate(seeds):
        own = ig.extract(seed, corpus, tmp_path / f"alone-{index}")
        assert same_vectors(own, stored(tmp_path / "run" / "activations" / f"tuned-{index}"))


def test_checkpoints_and_other_tunings_of_one_base_load_it_once(bases, corpus, tmp_path, loads):
    tuned = tmp_path / "tuned"
    for step in (1, 2, 3):
        place = tuned if step == 3 else tuned / f"checkpoint-{step}"
        save_lora(place, bases["llama"], scale=0.1 * step)
        (place / "trainer_state.json").write_text(json.dumps({"global_step": step, "max_steps": 3}))
    save_lora(tmp_path / "other", bases["llama"], seed=7)
    loads.clear()
    series = {"checkpoints": True, "also": {"B": tmp_path / "other"}}
    study = ig.compare(bases["llama"], tuned, corpus, out=tmp_path / "run", **series, **SIMILARITY)
    assert study.steps == (0, 1, 2, 3)
    # The base, the tuned model, two of its checkpoints and another tuning.
    assert loads == [str(bases["llama"])]
    for index, path in ((2, tuned / "checkpoint-1"), (4, tmp_path / "other")):
        own = ig.extract(path, corpus, tmp_path / f"alone-{index}")
        assert same_vectors(own, stored(tmp_path / "run" / "activations" / f"member-{index}"))


def test_a_finetuned_decoder_without_a_padding_token_can_be_compared(corpus, tmp_path):
    base = save_decoder(tmp_path / "base", "llama", tokenizer=decoder_tokenizer("llama", padding=False))
    few = corpus.head(16)
    ig.finetune(base, few, tmp_path / "tuned", label="label", epochs=1, batch_size=8, dev_fraction=0.25)
    asking = {"analyses": ["isotropy"], "options": {"isotropy": QUICK["isotropy"]}}
    study = ig.compare(base, tmp_path / "tuned", corpus, out=tmp_path / "run", layers="last", **asking)
    assert study["isotropy"].tables["isotropy_reliance"]["measure"].to_list() == ["head accuracy"]
    ig.finetune(base, few, tmp_path / "tags", label="casing", task="tokens", epochs=1, batch_size=8, dev_fraction=0.25)
    tagged = ig.compare(base, tmp_path / "tags", few, out=tmp_path / "tagged", layers="last", **SIMILARITY)
    assert tagged["similarity"].tables["similarity"]["value"].is_not_null().any()


def test_half_precision_weights_are_computed_with_in_full_precision(bases, corpus, tmp_path):
    model = transformers.AutoModel.from_pretrained(bases["llama"]).bfloat16()
    model.save_pretrained(tmp_path / "half")
    decoder_tokenizer("llama").save_pretrained(tmp_path / "half")
    few = corpus.head(8)
    store = ig.extract(tmp_path / "half", few, tmp_path / "store")
    full = transformers.AutoModel.from_pretrained(tmp_path / "half", dtype=torch.float32).eval()
    assert_is_plain(store, few, full, decoder_tokenizer("llama"))
