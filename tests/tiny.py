"""Tiny random models of many architectures, and tokenizers trained in memory: no test downloads anything."""

from __future__ import annotations

import functools
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedModel, PreTrainedTokenizerFast

TEXTS = (
    "The film was a quiet, unhurried delight from start to finish.",
    "I didn't believe a word of it, and neither will you!",
    "A so-so thriller: 3.5 stars, maybe less (if you're strict).",
    "Its naïve hero re-enters the café; nobody notices.",
    "Bad acting, worse dialogue, and the worst ending of 2019.",
    "She sings beautifully, he doesn't, they don't care.",
    "Не всё так просто, 你好 world, שלום עולם and 👩‍👩‍👧 too.",
    "Wonderful wonderful wonderful performances throughout the movie.",
)

TOKENIZERS = ("wordpiece", "bytelevel", "bytelevel-prefix", "metaspace", "unigram")

ARCHITECTURES: dict[str, dict] = {
    "bert": {"config": "BertConfig", "tokenizer": "wordpiece"},
    "roberta": {"config": "RobertaConfig", "tokenizer": "bytelevel"},
    "xlnet": {"config": "XLNetConfig", "tokenizer": "unigram"},
    "albert": {"config": "AlbertConfig", "tokenizer": "unigram"},
    "deberta-v2": {"config": "DebertaV2Config", "tokenizer": "unigram"},
    "electra": {"config": "ElectraConfig", "tokenizer": "wordpiece"},
    "distilbert": {"config": "DistilBertConfig", "tokenizer": "wordpiece"},
    "mpnet": {"config": "MPNetConfig", "tokenizer": "wordpiece"},
    "t5": {"config": "T5Config", "tokenizer": "unigram"},
    "bart": {"config": "BartConfig", "tokenizer": "bytelevel"},
    "gpt2": {"config": "GPT2Config", "tokenizer": "bytelevel-prefix"},
    "llama": {"config": "LlamaConfig", "tokenizer": "metaspace"},
    "qwen2": {"config": "Qwen2Config", "tokenizer": "bytelevel"},
}

HIDDEN, LAYERS, HEADS, LIMIT = 32, 3, 4, 64

_SIZES: dict[str, dict] = {
    "xlnet": {"d_model": HIDDEN, "n_layer": LAYERS, "n_head": HEADS, "d_inner": 48},
    "albert": {"embedding_size": 16},
    "deberta-v2": {
        "relative_attention": True,
        "pos_att_type": ["p2c", "c2p"],
        "position_buckets": 16,
        "position_biased_input": False,
        "norm_rel_ebd": "layer_norm",
        "type_vocab_size": 0,
    },
    "electra": {"embedding_size": 16},
    "distilbert": {"dim": HIDDEN, "n_layers": LAYERS, "n_heads": HEADS, "hidden_dim": 48},
    "roberta": {"max_position_embeddings": LIMIT + 2, "type_vocab_size": 1},
    "mpnet": {"max_position_embeddings": LIMIT + 2, "pad_token_id": 1},
    "t5": {"d_model": HIDDEN, "num_layers": LAYERS, "num_heads": HEADS, "d_ff": 48, "d_kv": 8},
    "bart": {
        "d_model": HIDDEN,
        "encoder_layers": LAYERS,
        "decoder_layers": LAYERS,
        "encoder_attention_heads": HEADS,
        "decoder_attention_heads": HEADS,
        "encoder_ffn_dim": 48,
        "decoder_ffn_dim": 48,
    },
    "gpt2": {
        "n_embd": HIDDEN,
        "n_layer": LAYERS,
        "n_head": HEADS,
        "n_positions": LIMIT,
        "bos_token_id": None,
        "eos_token_id": None,
    },
    "llama": {"num_key_value_heads": 2},
    "qwen2": {"num_key_value_heads": 2},
}


@functools.cache
def tiny_tokenizer(kind: str, padding_side: str = "right") -> PreTrainedTokenizerFast:
    """A tokenizer of one of the five families for `TEXTS`, the same in every process."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    if kind == "wordpiece":
        normalizer, splitter = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
        # Words of up to four letters are whole, longer ones are not.
        pieces = [piece for piece in _pieces(normalizer, splitter, 260) if len(piece) <= 4]
        vocab = [*special, *pieces, *(f"##{piece}" for piece in pieces if len(piece) <= 3)]
        core = Tokenizer(models.WordPiece({token: i for i, token in enumerate(vocab)}, unk_token="[UNK]"))
        core.normalizer, core.pre_tokenizer = normalizer, splitter
        core.decoder = decoders.WordPiece()
        core.add_special_tokens(special)
    elif kind in ("bytelevel", "bytelevel-prefix"):
        core = Tokenizer(models.BPE())
        core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=kind == "bytelevel-prefix")
        core.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=special,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        core.train_from_iterator(TEXTS, trainer)
    elif kind == "metaspace":
        core = Tokenizer(models.BPE(unk_token="[UNK]", byte_fallback=False))
        core.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        core.decoder = decoders.Metaspace()
        trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=special, show_progress=False)
        core.train_from_iterator(TEXTS, trainer)
    elif kind == "unigram":
        normalizer, splitter = normalizers.NFKC(), pre_tokenizers.Metaspace()
        # A piece that is part of a word and part of its punctuation would belong to neither.
        pieces = [p for p in _pieces(normalizer, splitter, 260) if p.strip("▁").isalnum() or len(p) == 1][:195]
        scored = [(token, 0.0) for token in special] + [(p, -8.0 - rank / 100) for rank, p in enumerate(pieces)]
        core = Tokenizer(models.Unigram(scored, unk_id=1))
        core.normalizer, core.pre_tokenizer = normalizer, splitter
        core.decoder = decoders.Metaspace()
        core.add_special_tokens(special)
    else:
        raise ValueError(kind)
    cls, sep = core.token_to_id("[CLS]"), core.token_to_id("[SEP]")
    if kind != "bytelevel-prefix":
        core.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]" if kind != "metaspace" else "[CLS] $A",
            pair="[CLS] $A [SEP] $B:1 [SEP]:1" if kind != "metaspace" else "[CLS] $A [CLS] $B:1",
            special_tokens=[("[CLS]", cls), ("[SEP]", sep)],
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        padding_side=padding_side,
        model_max_length=LIMIT,
    )


def _pieces(normalizer: normalizers.Normalizer, splitter: pre_tokenizers.PreTokenizer, size: int) -> list[str]:
    """Characters and merged pieces of `TEXTS`.

    Byte-pair merges give the same in every process. The trainers of WordPiece and Unigram do not: they break ties in
    the order of a hash map, and a random model on other token numbers is another model.
    """
    core = Tokenizer(models.BPE())
    core.normalizer, core.pre_tokenizer = normalizer, splitter
    core.train_from_iterator(TEXTS, trainers.BpeTrainer(vocab_size=size, show_progress=False))
    return sorted(core.get_vocab(), key=core.get_vocab().__getitem__)


def tiny_config(architecture: str, **changes: object) -> transformers.PreTrainedConfig:
    entry = ARCHITECTURES[architecture]
    sizes = {
        "vocab_size": 420,
        "hidden_size": HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "intermediate_size": 48,
        "max_position_embeddings": LIMIT,
        "pad_token_id": 0,
        **_SIZES.get(architecture, {}),
        **changes,
    }
    if architecture in ("xlnet", "t5", "distilbert", "bart", "gpt2"):
        for generic in ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"):
            if generic not in changes:
                sizes.pop(generic)
    if architecture in ("gpt2", "xlnet", "t5"):
        sizes.pop("max_position_embeddings")
    return getattr(transformers, entry["config"])(**sizes)


def tiny_model(architecture: str, seed: int = 0, auto: str = "AutoModel", **changes: object) -> PreTrainedModel:
    """`random_model` of a small configuration."""
    return random_model(tiny_config(architecture, **changes), seed, auto)


def random_model(config: transformers.PretrainedConfig, seed: int = 0, auto: str = "AutoModel") -> PreTrainedModel:
    """A random model in eval mode; weights are scaled up so that layers differ visibly from one another."""
    torch.manual_seed(seed)
    model = getattr(transformers, auto).from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0.0, 0.15)
    return model.eval()


def save_tiny(
    path: Path, architecture: str = "bert", seed: int = 0, auto: str = "AutoModel", **changes: object
) -> Path:
    """A model directory in Hugging Face layout: config, safetensors, tokenizer."""
    tiny_model(architecture, seed, auto, **changes).save_pretrained(path)
    tiny_tokenizer(ARCHITECTURES[architecture]["tokenizer"]).save_pretrained(path)
    return path
