"""What every measure here is given - clusters, words, thresholds - checked and brought to arrays of numbers.

Knows no measure. Clusters are (n_words,) integers, -1 for a word that takes part in none; ids need not be
consecutive and keep their value in every table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
import polars as pl
from scipy import sparse

from isogloss.errors import OptionError

Words = pl.DataFrame | pl.Series | Sequence[str]
"""The words that vectors stand for: a frame with the column `word` (and `sentence`, where asked for), or strings."""


@dataclass(frozen=True)
class Clusters:
    """The clustered words of one layer.

    Attributes
    ----------
    ids : (n_concepts,) cluster ids, increasing.
    rows : (m,) rows of the words that are in a cluster, increasing.
    codes : (m,) which of `ids` each of them is in.
    n_words : rows in all, clustered or not.
    """

    ids: np.ndarray
    rows: np.ndarray
    codes: np.ndarray
    n_words: int

    @property
    def n(self) -> int:
        """Number of concepts."""
        return len(self.ids)

    @property
    def sizes(self) -> np.ndarray:
        """(n_concepts,) words of each."""
        return np.bincount(self.codes, minlength=self.n)


def as_clusters(clusters: Any, name: str = "clusters") -> Clusters:
    """Clusters as given by a user.

    Raises
    ------
    OptionError : not a line of whole numbers >= -1, or no word is in a cluster.
    """
    array = clusters.to_numpy() if isinstance(clusters, pl.Series) else np.asarray(clusters)
    if array.ndim != 1:
        raise OptionError(f"{name} should be one number per word, (n_words,). Got shape {array.shape} instead.")
    if array.dtype.kind == "f":
        if not np.isfinite(array).all():
            row = int(np.flatnonzero(~np.isfinite(array))[0])
            raise OptionError(f"{name} should be whole numbers, -1 for no cluster. Got {array[row]} in row {row}.")
        if (array != np.floor(array)).any():
            row = int(np.flatnonzero(array != np.floor(array))[0])
            raise OptionError(f"{name} should be whole numbers. Got {array[row]} in row {row}.")
    elif array.dtype.kind not in "iu":
        raise OptionError(f"{name} should be whole numbers. Got {array.dtype} instead.")
    array = array.astype(np.int64)
    if (array < -1).any():
        row = int(np.flatnonzero(array < -1)[0])
        raise OptionError(f"{name} should be >= 0, or -1 for no cluster. Got {array[row]} in row {row}.")
    rows = np.flatnonzero(array >= 0)
    if not len(rows):
        raise OptionError(f"{name} should put at least one word in a cluster. Got {len(array)} words, all of them -1.")
    ids, codes = np.unique(array[rows], return_inverse=True)
    return Clusters(ids, rows, codes, len(array))


def same_length(first: int, second: int, first_name: str, second_name: str) -> None:
    """Refuse two things that should be about the same words and are not equally many.

    Raises
    ------
    OptionError : they differ; both lengths are stated.
    """
    if first != second:
        raise OptionError(f"{first_name} and {second_name} should be of the same words. Got {first} and {second} rows.")


def as_list(values: Any) -> list[Any]:
    """A list, array or series of values as a list; what is missing in a series is None."""
    if isinstance(values, pl.Series):
        return values.to_list()
    return values.tolist() if isinstance(values, np.ndarray) else list(values)


def as_name(value: Any) -> str | None:
    """A label or class as a string: numbers without a fraction as whole ones, so that 1 and 1.0 are "1".

    None where it is no name: nothing, NaN, a number with a fraction, or something else.
    """
    if isinstance(value, str | bool | np.bool_):
        return str(value)
    if isinstance(value, Integral):
        return str(int(value))
    whole = isinstance(value, Real) and float(value).is_integer()
    return str(int(float(value))) if whole else None


def word_strings(words: Words, n_words: int | None = None, name: str = "words") -> pl.Series:
    """(n_words,) String: the spelling of each word, case as it is.

    Raises
    ------
    OptionError : a frame without the column `word`, another number of words than `n_words`, or a missing word.
    """
    if isinstance(words, pl.DataFrame):
        if "word" not in words.columns:
            raise OptionError(f"{name} should have a column 'word'. Got {', '.join(map(repr, words.columns))} instead.")
        words = words["word"]
    series = words if isinstance(words, pl.Series) else pl.Series("word", list(words), dtype=pl.String)
    if n_words is not None:
        same_length(n_words, len(series), "clusters", name)
    if series.null_count():
        raise OptionError(f"{name} should all be strings. Got none in row {series.is_null().arg_max()}.")
    return series.cast(pl.String).alias("word")


def type_codes(words: pl.Series) -> tuple[np.ndarray, list[str]]:
    """(n,) number of each word's type (spelling), and the types in order of the alphabet."""
    types = words.unique().sort()
    joined = words.to_frame().join(
        types.to_frame().with_row_index("code"), on="word", how="left", maintain_order="left"
    )
    return joined["code"].to_numpy().astype(np.int64), types.to_list()


def check_share(value: float, name: str) -> float:
    """A threshold in (0, 1].

    Raises
    ------
    OptionError : it is not; NaN too.
    """
    if not 0 < value <= 1:
        raise OptionError(f"{name} should be above 0 and at most 1. Got {value} instead.")
    return float(value)


def check_count(value: int, name: str, least: int = 0) -> int:
    """A whole number of at least `least`.

    Raises
    ------
    OptionError : it is not.
    """
    if value != value or int(value) != value or value < least:
        raise OptionError(f"{name} should be a whole number of at least {least}. Got {value} instead.")
    return int(value)


def check_choice(value: str, choices: Sequence[str], name: str) -> None:
    """One of the listed values.

    Raises
    ------
    OptionError : it is not.
    """
    if value not in choices:
        raise OptionError(f"{name} should be one of {', '.join(choices)}. Got {value!r} instead.")


def reaches(shares: np.ndarray, threshold: float, strict: bool = False) -> np.ndarray:
    """Where shares of counts are at least (`strict`: above) the threshold; 9 of 10 is 0.9, whatever the rounding."""
    return shares > threshold + 1e-12 if strict else shares >= threshold - 1e-12


def incidence(codes: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> sparse.csr_array:
    """Sparse counts of pairs: how often each code goes with each column, (codes, columns) int64."""
    ones = np.ones(len(codes), dtype=np.int64)
    counts = sparse.coo_array((ones, (codes, columns)), shape=shape).tocsr()
    counts.sum_duplicates()
    return counts
