"""Scores as labels: which columns are scores, and how well predictions follow them. Trains nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from scipy.stats import pearsonr, spearmanr

from isogloss.corpus import Corpus
from isogloss.errors import CorpusError


def check_scores(label: str, corpora: Sequence[Corpus]) -> None:
    """Refuse a label that is not a number wherever it is present, or always the same one.

    Raises
    ------
    CorpusError : names the corpus and the value.
    """
    for corpus in corpora:
        column = corpus.sentences[label]
        numbers = column.cast(pl.Float64, strict=False)
        if (wrong := column.filter(column.is_not_null() & ~numbers.is_finite().fill_null(False))).len():
            raise CorpusError(
                f"the label {label!r} of {corpus.name} is not a number everywhere: {wrong[0]!r} in "
                f"{wrong.len():,} of {column.len():,} sentences"
            )
        if numbers.drop_nulls().n_unique() < 2:
            raise CorpusError(f"the label {label!r} of {corpus.name} has fewer than two different scores")


def correlations(predicted: np.ndarray, target: np.ndarray) -> dict[str, float | None]:
    """Pearson's and Spearman's correlation; None where a side is constant.

    Parameters
    ----------
    predicted, target : (n,).
    """
    if len(target) < 2 or np.ptp(predicted) == 0 or np.ptp(target) == 0:
        return {"pearson": None, "spearman": None}
    return {
        "pearson": float(pearsonr(predicted, target).statistic),
        "spearman": float(spearmanr(predicted, target).statistic),
    }
