"""Families of labels that words carry in themselves, without any annotation: casing, endings, frequency.

Every function takes n words and gives n labels, or n tuples of labels, in the same order; `align_labels` takes them
as they are. Other labels of words are the corpus's work.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from isogloss.concepts.inputs import Words, word_strings
from isogloss.corpus.annotators import by_type, casing_of, decade

LENGTHS = (2, 3, 4)
"""Characters of an ending."""
STEM = 2
"""Fewest characters that an ending must leave."""


def suffixes(words: Words) -> list[tuple[str, ...]]:
    """All endings of two to four letters, in lower case, with a hyphen before them: `-ing`.

    None where fewer than two letters would be left, or where a word has anything but letters.
    """
    spelled = word_strings(words).str.to_lowercase()
    known = {word: _endings(word) for word in spelled.unique().to_list()}
    return [known[word] for word in spelled.to_list()]


def _endings(word: str) -> tuple[str, ...]:
    return tuple(sorted(f"-{word[-n:]}" for n in LENGTHS if len(word) >= n + STEM)) if word.isalpha() else ()


def casing(words: Words) -> pl.Series:
    """`lower`, `title` (also a single capital), `upper` or `mixed`; null where a word has no cased letter."""
    return by_type(word_strings(words), casing_of)


def frequency_bands(words: Words, counts: Mapping[str, int]) -> pl.Series:
    """How often the lower-cased word occurs, in powers of ten: `1`, `2-9`, `10-99`, `100-999` ...

    Parameters
    ----------
    words : n words.
    counts : occurrences by lower-cased word, of every word, as of a larger corpus.
    """
    return by_type(word_strings(words).str.to_lowercase(), lambda word: decade(counts[word]))
