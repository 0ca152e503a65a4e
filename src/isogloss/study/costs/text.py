"""How much text a model reads: sentences, words, tokens, and how long its windows are. Runs no model.

A large corpus is judged by a sample of its sentences; so is one that is larger than the corpus at hand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from isogloss.activations import ExtractOptions
from isogloss.activations.extraction import tokenise
from isogloss.corpus import Corpus
from isogloss.models import SentenceTokenizer
from isogloss.progress import SILENT, Progress
from isogloss.study.costs.shape import ModelShape

ALL = 20_000
"""With more sentences, so many of them are a sample of all."""
TOKENS_PER_WORD = 1.4
"""Of a model without a tokenizer: assumed."""


@dataclass(frozen=True)
class TextSize:
    """A corpus as one model sees it.

    Attributes
    ----------
    sentences, words : of the corpus.
    covered : words that have tokens, and so vectors.
    tokens : of all windows, special tokens included.
    squares : sum of the squared lengths of the windows, in tokens.
    exact : counted, not judged by a sample.
    assumed : the number of tokens is assumed, for the model has no tokenizer.
    """

    sentences: float
    words: float
    covered: float
    tokens: float
    squares: float
    exact: bool = True
    assumed: bool = False

    def scaled(self, factor: float) -> TextSize:
        """So many times as much of the same text."""
        if factor == 1:
            return self
        return replace(
            self,
            sentences=self.sentences * factor,
            words=self.words * factor,
            covered=self.covered * factor,
            tokens=self.tokens * factor,
            squares=self.squares * factor,
            exact=False,
        )


def text_size(
    shape: ModelShape, corpus: Corpus, options: ExtractOptions, progress: Progress = SILENT, most: int = ALL
) -> TextSize:
    """How a model cuts a corpus into tokens."""
    tokenizer = shape.tokenizer()
    if tokenizer is None:
        tokens = TOKENS_PER_WORD * len(corpus.words)
        length = tokens / len(corpus)
        return TextSize(len(corpus), len(corpus.words), len(corpus.words), tokens, tokens * length, False, True)
    own = getattr(tokenizer, "model_max_length", None)
    limits = [shape.limit, *([int(own)] if own and own < 10**6 else []), *filter(None, [options.max_length])]
    splitter = SentenceTokenizer(tokenizer, min(limits), options.long_sentences, options.pairs)  # type: ignore[arg-type]
    sample = corpus if len(corpus) <= most else corpus.sample(most)
    sequences = tokenise(splitter, sample, progress)
    lengths = sequences.window_length.astype(np.float64)
    found = TextSize(
        len(sample), len(sample.words), len(sequences.word_row), float(lengths.sum()), float((lengths**2).sum())
    )
    if sample is corpus:
        return found
    by_word = len(corpus.words) / max(len(sample.words), 1)
    return replace(found.scaled(by_word), sentences=len(corpus), words=len(corpus.words))
