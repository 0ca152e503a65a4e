"""Which occurrences of each word take part: at least so many, at most so many, not the commonest words.

This is the filter of ConceptX (Sajjad et al., NAACL 2022, arXiv 2206.13289): its code keeps the first occurrences,
its papers say random ones; both are here. A word type is a spelling as it is, case included.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from isogloss.errors import OptionError


def filter_occurrences(
    words: pl.DataFrame, minimum: int, maximum: int | None, drop_above: int | None, seed: int | None
) -> pl.DataFrame:
    """Rows of `words` that stay, in their order.

    Parameters
    ----------
    words : one row per occurrence, with the column `word`.
    minimum : word types that occur less often are dropped.
    maximum : at most so many occurrences of a type are kept; None = all.
    drop_above : word types that occur more often are dropped; None = none.
    seed : None keeps the first occurrences, a number keeps random ones.

    Raises
    ------
    OptionError : the limits exclude each other.
    """
    _check(minimum, maximum, drop_above)
    count = pl.len().over("word")
    keep = count >= minimum
    if drop_above is not None:
        keep &= count <= drop_above
    if maximum is not None:
        keep &= _rank(words, seed) <= maximum
    return words.filter(keep)


def drop_long_sentences(words: pl.DataFrame, most: int) -> tuple[pl.DataFrame, int]:
    """The words of sentences (or pairs) of at most `most` words, and how many sentences were longer."""
    length = pl.len().over("sentence")
    n_long = words.filter(length > most)["sentence"].n_unique()
    return (words.filter(length <= most), n_long) if n_long else (words, 0)


def _rank(words: pl.DataFrame, seed: int | None) -> pl.Series:
    """(n_words,) 1 for the occurrence of its type that is kept first, 2 for the next."""
    if seed is None:
        return words.select(pl.int_range(1, pl.len() + 1).over("word")).to_series()
    order = pl.Series("order", np.random.default_rng(seed).permutation(words.height))
    return words.select("word", order).select(pl.col("order").rank("ordinal").over("word")).to_series()


def _check(minimum: int, maximum: int | None, drop_above: int | None) -> None:
    if minimum < 0 or (maximum is not None and maximum < 1):
        raise OptionError(f"occurrences: min must be >= 0 and max >= 1. Got min={minimum}, max={maximum} instead.")
    if drop_above is not None and drop_above < 1:
        raise OptionError(f"occurrences: drop_above must be >= 1. Got {drop_above} instead.")
    if drop_above is not None and drop_above < minimum:
        raise OptionError(
            f"occurrences: no word can occur at least min={minimum} times and at most drop_above={drop_above} times"
        )
