import pickle

import numpy as np
import pytest
import torch
from transformers import CanineConfig, CanineModel, LongformerConfig, LongformerModel, XLMConfig, XLMModel

from isogloss.errors import ModelError, OptionError
from isogloss.models import reading
from isogloss.models.frames import framed
from isogloss.models.packing import plan_packing
from isogloss.models.reading import LayerReader
from isogloss.models.tokenization import SentenceTokenizer, token_limit
from tests.models.test_alignment import words_of
from tests.tiny import ARCHITECTURES, HIDDEN, LAYERS, LIMIT, TEXTS, tiny_model, tiny_tokenizer

SENTENCES = (*TEXTS, "Hi", "x", "word word word", "a long sentence, isn't it? " * 20)
PACKED = {"bert", "roberta", "albert", "electra", "distilbert", "gpt2", "llama", "qwen2"}


def read(model, tokenizer, texts=SENTENCES, **options):
    words = words_of(texts)
    sequences = SentenceTokenizer(tokenizer, token_limit(model, tokenizer)).encode(texts, None, words)
    reader = LayerReader(model, tokenizer, **options)
    vectors = {layer: np.full((len(sequences.word_row), HIDDEN), np.nan, np.float32) for layer in reader.layers}
    sentences = {}

    def on_words(layer, values, rows):
        vectors[layer][rows] = values.float().numpy()

    def on_sentences(layer, kind, values, windows):
        store = sentences.setdefault((kind, layer), np.full((len(sequences.window_sentence), HIDDEN), np.nan))
        store[windows] = values.float().numpy()

    tokens = sum(reader.read(sequences, on_words, on_sentences))
    assert tokens == len(sequences.ids)
    return reader, sequences, vectors, sentences


def plain_hidden_states(reader, sequences, window):
    """One window alone through the stock model, as transformers' documentation does it."""
    start, stop = sequences.window_start[window : window + 2]
    ids = torch.tensor(sequences.ids[start:stop].astype(np.int64))[None]
    extra = {}
    if reader._gives_types:
        extra = {"token_type_ids": torch.tensor(sequences.types[start:stop].astype(np.int64))[None]}
    with torch.no_grad():
        output = reader.blocks.encoder(
            input_ids=ids, attention_mask=torch.ones_like(ids), output_hidden_states=True, **extra
        )
    return [h[0].numpy() for h in output.hidden_states]


def worst_of(reader, sequences, vectors, layers=(LAYERS,)):
    """Largest difference from a plain pass, in shares of the largest value of a window's words."""
    worst = 0.0
    for window in range(len(sequences.window_sentence)):
        hidden = plain_hidden_states(reader, sequences, window)
        start, stop = sequences.window_start[window : window + 2]
        rows = np.flatnonzero((sequences.word_first >= start) & (sequences.word_first < stop))
        for layer in layers:
            expected = hidden[layer][sequences.word_last[rows] - start]
            worst = max(worst, np.abs(vectors[layer][rows] - expected).max() / np.abs(expected).max())
    return worst


def pooled(hidden, first, last, pooling):
    return {"first": hidden[first], "last": hidden[last], "mean": hidden[first : last + 1].mean(0)}[pooling]


@pytest.mark.parametrize("padding_side", ["left", "right"])
@pytest.mark.parametrize("pooling", ["first", "last", "mean"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_vectors_equal_a_plain_single_sentence_forward(architecture, pooling, padding_side):
    model = tiny_model(architecture)
    tokenizer = tiny_tokenizer(ARCHITECTURES[architecture]["tokenizer"], padding_side)
    reader, sequences, vectors, _ = read(model, tokenizer, pooling=pooling, site="normed", batch_tokens=100)
    assert sequences.window_length.min() <= 4  # one word and the special tokens
    assert sequences.window_length.max() <= LIMIT
    assert sequences.split_sentences == 1
    worst = 0.0
    for window in range(len(sequences.window_sentence)):
        hidden = plain_hidden_states(reader, sequences, window)
        start, stop = sequences.window_start[window : window + 2]
        for k in np.flatnonzero((sequences.word_first >= start) & (sequences.word_first < stop)):
            first, last = sequences.word_first[k] - start, sequences.word_last[k] - start
            for layer in range(LAYERS + 1):
                expected = pooled(hidden[layer], first, last, pooling)
                worst = max(worst, np.abs(vectors[layer][k] - expected).max() / np.abs(expected).max())
    assert worst < 1e-5


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_sentence_vectors_are_those_of_the_window(architecture):
    model = tiny_model(architecture)
    tokenizer = tiny_tokenizer(ARCHITECTURES[architecture]["tokenizer"])
    reader, sequences, _, sentences = read(model, tokenizer, site="normed")
    for window in range(len(sequences.window_sentence)):
        hidden = plain_hidden_states(reader, sequences, window)[LAYERS]
        start, stop = sequences.window_start[window : window + 2]
        counted = sequences.counted()[start:stop]
        np.testing.assert_allclose(sentences["last", LAYERS][window], hidden[-1], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(sentences["mean", LAYERS][window], hidden[counted].sum(0), rtol=1e-4, atol=1e-4)
        marked = np.flatnonzero(sequences.ids[start:stop] == tokenizer.cls_token_id)
        place = marked[0] if len(marked) else 0
        np.testing.assert_allclose(sentences["cls", LAYERS][window], hidden[place], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_packs_where_attention_allows_it(architecture):
    reader = LayerReader(tiny_model(architecture), tiny_tokenizer("wordpiece"))
    assert (reader.plan is not None) == (architecture in PACKED)


@pytest.mark.parametrize("architecture", sorted(set(ARCHITECTURES) - PACKED))
def test_coarse_numbers_do_not_pack_what_mixes_sentences(architecture):
    assert LayerReader(tiny_model(architecture).bfloat16(), tiny_tokenizer("wordpiece")).plan is None


@pytest.mark.parametrize("architecture", sorted(PACKED))
def test_coarse_numbers_pack_what_can_be(architecture):
    assert LayerReader(tiny_model(architecture).bfloat16(), tiny_tokenizer("wordpiece")).plan is not None


@pytest.mark.parametrize("architecture", ["bert", "roberta"])
def test_the_token_of_padding_in_a_text_has_the_position_that_the_model_gives_it(architecture):
    model, tokenizer = tiny_model(architecture), tiny_tokenizer("wordpiece")
    texts = ("a film", f"the film {tokenizer.pad_token} was a delight", "the film was a delight")
    reader, sequences, vectors, _ = read(model, tokenizer, texts, site="normed")
    assert reader.plan is not None
    assert (sequences.ids == tokenizer.pad_token_id).any()
    assert worst_of(reader, sequences, vectors) < 1e-5


def test_models_that_pad_inside_hand_over_their_tokens():
    config = LongformerConfig(
        vocab_size=tiny_model("bert").config.vocab_size,
        hidden_size=HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=2,
        intermediate_size=2 * HIDDEN,
        max_position_embeddings=LIMIT + 2,
        attention_window=[16] * LAYERS,
    )
    torch.manual_seed(0)
    tokenizer = tiny_tokenizer("wordpiece")
    texts = ("a film", "the film was a delight", "a delight", "the delight was a film")
    reader, sequences, vectors, _ = read(LongformerModel(config).eval(), tokenizer, texts)
    assert worst_of(reader, sequences, vectors, range(LAYERS + 1)) < 1e-5


def test_blocks_with_fewer_vectors_than_tokens_are_refused():
    config = CanineConfig(
        hidden_size=HIDDEN, num_hidden_layers=LAYERS, num_attention_heads=2, intermediate_size=2 * HIDDEN
    )
    with pytest.raises(ModelError, match="hands on 2 vectors of 10 tokens"):
        read(CanineModel(config).eval(), tiny_tokenizer("wordpiece"), ("the film was a delight",) * 2)


def test_parts_of_blocks_are_not_taken_for_blocks():
    config = XLMConfig(vocab_size=100, emb_dim=HIDDEN, n_layers=LAYERS, n_heads=2, max_position_embeddings=LIMIT)
    with pytest.raises(ModelError, match=r"attentions\.0 \.\.\.\) holds parts of blocks"):
        LayerReader(XLMModel(config).eval(), tiny_tokenizer("wordpiece"))


@pytest.mark.parametrize(
    ("change", "longest"),
    [({}, None), ({"rope_type": "longrope", "short_factor": [1.0] * 4, "long_factor": [4.0] * 4}, 32)],
)
def test_rotary_positions_that_stretch_are_packed_up_to_where_they_do(change, longest):
    original = {} if longest is None else {"original_max_position_embeddings": longest}
    rope = {"rope_theta": 10000.0, "rope_type": "default"} | change | original
    model = tiny_model("llama", rope_parameters=rope)
    assert LayerReader(model, tiny_tokenizer("wordpiece")).plan.longest == longest


def test_roberta_counts_positions_from_after_the_padding_id():
    assert plan_packing(LayerReader(tiny_model("roberta"), tiny_tokenizer("wordpiece")).blocks).first_position == 1
    moved = tiny_model("roberta", pad_token_id=3, max_position_embeddings=LIMIT + 4)
    assert plan_packing(LayerReader(moved, tiny_tokenizer("wordpiece")).blocks).first_position == 4
    assert token_limit(moved, tiny_tokenizer("wordpiece")) == LIMIT


def test_packed_and_bucketed_agree_and_leave_the_model_as_it_was():
    model, tokenizer = tiny_model("bert"), tiny_tokenizer("wordpiece")
    before = model.config._attn_implementation
    _, _, packed, _ = read(model, tokenizer)
    _, _, bucketed, _ = read(model, tokenizer, packed=False)
    assert model.config._attn_implementation == before
    for layer in packed:
        np.testing.assert_allclose(packed[layer], bucketed[layer], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("architecture", ["bert", "gpt2"])
def test_packed_sequences_of_every_length_up_to_the_limit_equal_plain_ones(architecture):
    model, tokenizer = tiny_model(architecture), tiny_tokenizer("wordpiece")
    texts = tuple("x " * n for n in range(1, LIMIT + 1))
    reader, sequences, vectors, _ = read(model, tokenizer, texts, site="normed")
    assert reader.plan is not None
    lengths = set(sequences.window_length.tolist())
    assert set(range(min(lengths), LIMIT + 1)) == lengths
    assert worst_of(reader, sequences, vectors) < 1e-5


@pytest.mark.parametrize("architecture", ["albert", "bert", "gpt2", "llama", "roberta"])
def test_short_sequences_that_share_a_frame_do_not_see_each_other(architecture, monkeypatch):
    model, tokenizer = tiny_model(architecture).double(), tiny_tokenizer("wordpiece")
    texts = tuple("x y " * n for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15) for _ in range(3))
    together = []
    monkeypatch.setattr(reading, "framed", lambda lengths: together.extend(framed(lengths)) or framed(lengths))
    reader, sequences, vectors, _ = read(model, tokenizer, texts, site="normed")
    assert sum(len(frame) for frame in together if len(frame) > 1) > 25
    assert worst_of(reader, sequences, vectors) < 1e-6


def test_a_sliding_window_shorter_than_a_sentence_is_not_packed_away():
    model = tiny_model("llama").__class__(tiny_model("llama").config)
    for block in model.layers:
        block.self_attn.sliding_window = 2
    reader = LayerReader(model.eval(), tiny_tokenizer("wordpiece"))
    texts = ["one two three four five six seven eight"]
    words = words_of(texts)
    sequences = SentenceTokenizer(tiny_tokenizer("wordpiece"), 64).encode(texts, None, words)
    vectors = {}
    list(reader.read(sequences, lambda layer, values, rows: vectors.__setitem__(layer, values.numpy().copy())))
    hidden = plain_hidden_states(reader, sequences, 0)
    np.testing.assert_allclose(vectors[2], hidden[2][sequences.word_last], rtol=1e-4, atol=1e-5)


def test_only_wanted_layers_are_read_and_later_blocks_are_not_run():
    model, tokenizer = tiny_model("bert"), tiny_tokenizer("wordpiece")
    ran = []
    handle = model.encoder.layer[2].register_forward_hook(lambda *_: ran.append(1))
    words = words_of(TEXTS)
    sequences = SentenceTokenizer(tokenizer, 64).encode(TEXTS, None, words)
    reader = LayerReader(model, tokenizer, layers=(0, 1))
    seen = set()
    with reader.prepared():
        ran.clear()
        list(reader.read(sequences, lambda layer, *_: seen.add(layer)))
    handle.remove()
    assert seen == {0, 1}
    assert not ran


def test_bfloat16_is_close_and_says_so_in_its_own_precision():
    tokenizer = tiny_tokenizer("wordpiece")
    _, _, exact, _ = read(tiny_model("bert"), tokenizer)
    reader, _, coarse, _ = read(tiny_model("bert").bfloat16(), tokenizer)
    assert reader.plan is not None
    error = np.linalg.norm(coarse[LAYERS] - exact[LAYERS]) / np.linalg.norm(exact[LAYERS])
    assert 1e-4 < error < 3e-2
    # A word's last sub-word is in bfloat16 already: stored in it, nothing more is lost.
    vectors = torch.from_numpy(coarse[LAYERS])
    assert torch.equal(vectors, vectors.bfloat16().float())


@pytest.mark.parametrize("architecture", ["albert", "bert", "gpt2", "llama", "roberta"])
def test_what_was_found_by_trial_serves_a_copy_of_the_model_which_is_not_run(architecture):
    tokenizer = tiny_tokenizer("wordpiece")
    first = LayerReader(tiny_model(architecture), tokenizer)
    copy, ran = tiny_model(architecture), []
    copy.register_forward_hook(lambda *_: ran.append(1))
    known = pickle.loads(pickle.dumps(first.trials))
    second = LayerReader(copy, tokenizer, known=known)
    assert not ran
    assert (second.plan, second.blocks.stream, second.linear) == (first.plan, first.blocks.stream, first.linear)
    assert LayerReader(copy, tokenizer, known=known, packed=False).plan is None


def test_a_limit_beyond_the_model_is_refused_and_less_is_allowed():
    model, tokenizer = tiny_model("bert"), tiny_tokenizer("wordpiece")
    assert token_limit(model, tokenizer) == LIMIT
    assert token_limit(model, tokenizer, 20) == 20
    with pytest.raises(OptionError, match="max_length 65 is more than this model can take: 64"):
        token_limit(model, tokenizer, 65)


@pytest.mark.parametrize(("name", "value"), [("pooling", "max"), ("site", "attention")])
def test_unknown_choices_name_the_known_ones(name, value):
    with pytest.raises(OptionError, match=name):
        LayerReader(tiny_model("bert"), tiny_tokenizer("wordpiece"), **{name: value})
