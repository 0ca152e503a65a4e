"""Words and labels as whole numbers: the type of each word, the class of each label, what is missing.

Knows no probe and no split.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from isogloss.errors import OptionError

Values = pl.Series | np.ndarray | Sequence[Any]
"""One value per word: a series, an array or a list."""


def word_types(words: Values) -> tuple[np.ndarray, pl.Series]:
    """The type of each word: its spelling, case as given.

    Parameters
    ----------
    words : (n,) strings; sentences' texts where sentences are probed.

    Returns
    -------
    (n,) int64 numbers of the types, and the types, sorted.

    Raises
    ------
    OptionError : a word is missing.
    """
    series = _series(words).cast(pl.String)
    if series.null_count():
        raise OptionError(f"words should all be strings. Got none in row {series.is_null().arg_max()}.")
    return _numbered(series)


def label_codes(y: Values) -> tuple[np.ndarray, np.ndarray]:
    """The class of each label.

    Parameters
    ----------
    y : (n,) labels, all strings or all numbers; None, NaN and "" are no label.

    Returns
    -------
    (n,) int64 numbers of the classes, -1 where there is no label, and the (K,) classes, sorted.

    Raises
    ------
    OptionError : strings and numbers are mixed.
    """
    series = _series(y)
    if series.dtype == pl.String:
        series = series.set(series == "", None)
    elif series.dtype.is_float():
        series = series.fill_nan(None)
    labelled = series.is_not_null().to_numpy()
    codes = np.full(len(series), -1, dtype=np.int64)
    codes[labelled], classes = _numbered(series.drop_nulls())
    return codes, classes.to_numpy()


def _numbered(series: pl.Series) -> tuple[np.ndarray, pl.Series]:
    codes = series.rank("dense").to_numpy().astype(np.int64) - 1
    return codes, series.unique().sort()


def _series(values: Values) -> pl.Series:
    if isinstance(values, pl.Series):
        return values
    if np.ndim(values) != 1:
        raise OptionError(f"there should be one value per word, (n,). Got shape {np.shape(values)} instead.")
    try:
        return pl.Series(values.tolist() if isinstance(values, np.ndarray) else list(values), strict=True)
    except (TypeError, pl.exceptions.PolarsError):
        raise OptionError("values should be all strings or all numbers. Got both, or something else.") from None
