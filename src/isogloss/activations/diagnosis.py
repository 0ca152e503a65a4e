"""What a model will do with a corpus, found out on a small sample: blocks, sites, coverage, bytes, time."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import polars as pl

from isogloss.activations.extraction import tokenise
from isogloss.activations.layout import storage
from isogloss.corpus import Corpus
from isogloss.models.blocks import sites
from isogloss.models.loading import LoadedModel
from isogloss.models.reading import SENTENCE_VECTORS, LayerReader
from isogloss.models.tokenization import SentenceTokenizer, TokenSequences, token_limit

SAMPLE = (
    "The quick brown fox didn't jump over the lazy dog.",
    "A well-known naïve café re-opened in 2019, didn't it?",
    "Prices rose by 3.5% (from $1,200 to $1,242).",
    "Она сказала: всё хорошо! 你好，世界。 שלום עולם",
    "Email me at someone@example.org or don't; it's fine :-)",
    "Emoji 👩‍👩‍👧 and accents: São Tomé, Zürich, Ærø.",
)
"""Sentences that trip tokenizers, for when there is no corpus."""


@dataclass(frozen=True)
class Diagnosis:
    """What was found out about one model.

    Attributes
    ----------
    architecture, parameters : class name and number of weights.
    blocks : first and last block, how many outputs, how they were recognised.
    n_layers, hidden : layers run from 0 to n_layers; width of a vector.
    sites : per layer, how the block output relates to transformers' `hidden_states`.
    causal : a token sees only what stands before it.
    packed : sentences can be packed into one sequence.
    max_length : longest window in tokens.
    sample_words, covered_words : words of the sample, and those with sub-words.
    uncovered : some of the words without.
    subwords_per_word, tokens_per_word : on the sample; the second counts special tokens.
    words_per_sentence : on the sample.
    tokens_per_second : measured on the sample, on this machine, with vectors of words and sentences.
    bytes_per_vector : of all layers, float32.
    """

    architecture: str
    parameters: int
    blocks: str
    n_layers: int
    hidden: int
    sites: tuple[str, ...]
    causal: bool
    packed: bool
    max_length: int
    sample_words: int
    covered_words: int
    uncovered: tuple[str, ...]
    subwords_per_word: float
    tokens_per_word: float
    words_per_sentence: float
    tokens_per_second: float
    bytes_per_vector: int

    def seconds_for(self, words: int) -> float:
        """Estimated time to read a corpus of so many words: vectors of words and sentences, loading not included."""
        return words * self.tokens_per_word / self.tokens_per_second

    def bytes_for(self, words: int, dtype: str = "float32") -> int:
        """Estimated size of the vectors of so many words and of their sentences."""
        sentences = math.ceil(words / self.words_per_sentence)
        kinds = len(SENTENCE_VECTORS) - (1 if self.causal else 0)
        vectors = words + kinds * sentences
        return vectors * self.bytes_per_vector * storage(dtype)[0].itemsize // 4


def diagnose(loaded: LoadedModel, corpus: Corpus | None = None, max_length: int | None = None) -> Diagnosis:
    """Look at a model and run it on a small sample.

    Parameters
    ----------
    loaded : the model.
    corpus : up to 200 of its sentences are the sample; difficult built-in ones if None.
    max_length : see `ExtractOptions`.

    Raises
    ------
    ModelError : no blocks are found.
    """
    reader = LayerReader(loaded.module, loaded.tokenizer)
    limit = token_limit(loaded.module, loaded.tokenizer, max_length)
    sample = Corpus.from_texts(list(SAMPLE)) if corpus is None else corpus.sample(min(200, len(corpus)))
    sequences = tokenise(SentenceTokenizer(loaded.tokenizer, limit), sample)
    covered = pl.Series(sequences.word_row)
    missing = sample.words.with_row_index("row").filter(~pl.col("row").is_in(covered.implode()))
    seconds, tokens = _timed(reader, sequences)
    names = reader.blocks.names
    calls = "" if reader.blocks.n_layers == len(names) else f", run {reader.blocks.n_layers} times"
    n_covered = max(len(covered), 1)
    return Diagnosis(
        architecture=type(loaded.module).__name__,
        parameters=sum(p.numel() for p in loaded.module.parameters()),
        blocks=f"{names[0]} ... {names[-1]}{calls} ({reader.blocks.found_by})"
        if len(names) > 1
        else f"{names[0]}{calls} ({reader.blocks.found_by})",
        n_layers=reader.blocks.n_layers,
        hidden=reader.blocks.hidden,
        sites=tuple(sites(reader.blocks)),
        causal=reader.blocks.causal,
        packed=reader.plan is not None,
        max_length=limit,
        sample_words=len(sample.words),
        covered_words=len(covered),
        uncovered=tuple(missing["word"].unique(maintain_order=True).head(8).to_list()),
        subwords_per_word=float((sequences.word_last - sequences.word_first + 1).sum()) / n_covered,
        tokens_per_word=len(sequences.ids) / n_covered,
        words_per_sentence=max(len(sample.words), 1) / len(sample),
        tokens_per_second=tokens / seconds,
        bytes_per_vector=(reader.blocks.n_layers + 1) * reader.blocks.hidden * 4,
    )


def _timed(reader: LayerReader, sequences: TokenSequences) -> tuple[float, int]:
    """Seconds and tokens of the second of two runs: the first one warms up."""
    seconds, tokens = 1.0, 1
    for _ in range(2):
        start = time.perf_counter()
        tokens = sum(reader.read(sequences, lambda *_: None, lambda *_: None))
        seconds = time.perf_counter() - start
    return max(seconds, 1e-9), max(tokens, 1)
