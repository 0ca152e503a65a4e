"""How many bits the labels cost a reader who has the vectors: the online code of Voita & Titov.

A label that is easy to read from the vectors costs few bits, and soon; accuracy does not see how much training it
took. Chooses the blocks and adds up the bits; the probes are trained by whoever calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from isogloss.analysis.seeded import nested_portions
from isogloss.errors import OptionError

PORTIONS = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.0625, 0.125, 0.25, 0.5, 1.0)
"""Shares of the words after which the probe is trained anew (Voita & Titov 2020)."""

UNIFORM_RATE = 1e-3
"""Share of the uniform distribution mixed into every probability: no word costs more than log2(K / 1e-3) bits, not
even one of a class that no block before held, and a certain prediction costs 0.0014 bits."""

FitPredict = Callable[[list[np.ndarray], list[np.ndarray]], Sequence[np.ndarray]]
"""Training weights (n,) and rows to predict, per stage, to probabilities (len(rows), K), per stage."""


@dataclass(frozen=True, eq=False)
class OnlineBlocks:
    """Training words in the blocks in which they are sent.

    Attributes
    ----------
    block : (n,) int64 number of each word's block; sentences are whole.
    portions : the share of the words that are sent when each block is.
    """

    block: np.ndarray
    portions: tuple[float, ...]

    @classmethod
    def of(cls, sentences: np.ndarray, *, portions: Sequence[float] = PORTIONS, seed: int = 0) -> OnlineBlocks:
        """Blocks of the training words, sentences in an order drawn by the seed.

        Parameters
        ----------
        sentences : (n,) integers >= 0: the sentence of each word.
        portions : increasing, ending at 1; those that add no sentence are left out.

        Raises
        ------
        OptionError : there are no words, or the portions are not as above.
        """
        if not len(sentences):
            raise OptionError("there are no words to send")
        if not portions or min(portions) <= 0 or portions[-1] != 1 or any(np.diff(portions) <= 0):
            raise OptionError(f"portions should increase from above 0 to 1. Got {tuple(portions)} instead.")
        return cls(*nested_portions(sentences, portions, seed))

    @property
    def n(self) -> int:
        """Number of blocks."""
        return len(self.portions)

    @cached_property
    def weights(self) -> list[np.ndarray]:
        """For each but the last block (n_words,) float64: 1 for the words sent so far, to train on."""
        return [(self.block <= stage).astype(np.float64) for stage in range(self.n - 1)]

    @cached_property
    def rows(self) -> list[np.ndarray]:
        """For each but the last block the rows of the next one, which the stage's probe predicts."""
        return [np.flatnonzero(self.block == stage + 1) for stage in range(self.n - 1)]


@dataclass(frozen=True, eq=False)
class OnlineCode:
    """The length of the code of the labels.

    Attributes
    ----------
    bits : of all labels, the first block's coded uniformly; the probe is not sent.
    uniform_bits : n log2 K: of all labels without a probe.
    compression : uniform_bits / bits.
    word_bits : (n,) of each word; their mean over words is `bits_per_word`, and their sums per sentence give it an
        interval (`resampled_mean`).
    block_bits, block_words : (n_blocks,) bits and words of each block.
    """

    bits: float
    uniform_bits: float
    compression: float
    word_bits: np.ndarray
    block_bits: np.ndarray
    block_words: np.ndarray

    @property
    def bits_per_word(self) -> float:
        """Bits / n."""
        return self.bits / len(self.word_bits)


def codelength(
    codes: np.ndarray,
    blocks: OnlineBlocks,
    probabilities: Sequence[np.ndarray],
    n_classes: int,
    *,
    uniform_rate: float = UNIFORM_RATE,
) -> OnlineCode:
    """Add up the online code of Voita & Titov (2020).

    L = t_1 log2 K - sum over stages i of log2 p_i(labels of block i + 1), with p_i the probe trained on blocks 1..i.
    Their p_i are the softmax alone; here (1 - r) p_i + r / K, so that a class unseen so far costs finitely many bits.

    Parameters
    ----------
    codes : (n,) classes in [0, n_classes).
    blocks : of these words.
    probabilities : per stage (len(blocks.rows[stage]), n_classes).
    n_classes : K, at least 2.
    uniform_rate : r, in (0, 1).

    Raises
    ------
    OptionError : shapes do not fit, a class is outside the range, or a probability is not in [0, 1].

    References
    ----------
    Voita & Titov, "Information-Theoretic Probing with Minimum Description Length", EMNLP 2020, arXiv 2003.12298.
    """
    codes = np.asarray(codes)
    if len(codes) != len(blocks.block):
        raise OptionError(f"codes and blocks should be of the same words. Got {len(codes)} and {len(blocks.block)}.")
    if n_classes < 2 or codes.min() < 0 or codes.max() >= n_classes:
        raise OptionError(f"codes should be in [0, n_classes={n_classes}), at least 2. Got up to {codes.max()}.")
    if not 0 < uniform_rate < 1:
        raise OptionError(f"uniform_rate should be above 0 and below 1. Got {uniform_rate} instead.")
    if len(probabilities) != blocks.n - 1:
        raise OptionError(f"there should be probabilities of {blocks.n - 1} stages. Got {len(probabilities)}.")
    word_bits = np.full(len(codes), np.log2(n_classes))
    for stage, (rows, given) in enumerate(zip(blocks.rows, probabilities, strict=True)):
        given = np.asarray(given)
        if given.shape != (len(rows), n_classes):
            raise OptionError(
                f"probabilities of stage {stage} should be ({len(rows)}, {n_classes}). Got {given.shape}."
            )
        true = given[np.arange(len(rows)), codes[rows]].astype(np.float64)
        # Written so that NaN is refused too; float32 softmax may exceed 1 by rounding.
        if not ((true >= 0) & (true <= 1 + 1e-5)).all():
            raise OptionError(f"probabilities of stage {stage} should be in [0, 1]")
        word_bits[rows] = -np.log2((1 - uniform_rate) * np.minimum(true, 1.0) + uniform_rate / n_classes)
    block_bits = np.bincount(blocks.block, weights=word_bits, minlength=blocks.n)
    bits, uniform = float(word_bits.sum()), float(len(codes) * np.log2(n_classes))
    return OnlineCode(bits, uniform, uniform / bits, word_bits, block_bits, np.bincount(blocks.block))


def description_length(
    codes: np.ndarray,
    sentences: np.ndarray,
    n_classes: int,
    fit: FitPredict,
    *,
    portions: Sequence[float] = PORTIONS,
    uniform_rate: float = UNIFORM_RATE,
    seed: int = 0,
) -> OnlineCode:
    """The online code of labels whose probes one callable trains, all stages in one call.

    Parameters
    ----------
    codes, sentences : (n,) class and sentence of each training word.
    n_classes : K.
    fit : is given the stages' training weights and the rows that each predicts; see `FitPredict`.
    portions, seed : see `OnlineBlocks.of`.
    uniform_rate : see `codelength`.

    Raises
    ------
    OptionError : as `OnlineBlocks.of` and `codelength`.
    """
    blocks = OnlineBlocks.of(sentences, portions=portions, seed=seed)
    given = fit(blocks.weights, blocks.rows) if blocks.n > 1 else []
    return codelength(codes, blocks, given, n_classes, uniform_rate=uniform_rate)
