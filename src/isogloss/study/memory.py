"""What a task takes beside its large arrays: so much of a limit of memory is left free for it."""

from __future__ import annotations

from typing import Any

from isogloss.activations import ActivationStore
from isogloss.analysis import Analysis, RowsAtWork

BLOCKS = 320 << 20
"""Bytes for what is computed block by block."""
PER_WORD, PER_LABEL = 512, 64
"""Bytes that tables of the words take, for each word, and for each word and label."""
SQUARES, COPIES = 6, 6
"""Covariances, and copies of the rows that an analysis draws, that are held at once in float64."""


def at_work(analysis: Analysis, options: Any, words: float, labels: int, hidden: int) -> float:
    """Bytes that a task takes beside its large arrays.

    Parameters
    ----------
    words, labels : of the corpus; the tables of the words grow with both.
    hidden : width of a vector.
    """
    rows = analysis.rows_at_work(options) if isinstance(analysis, RowsAtWork) else 0
    wide = 8.0 * hidden * (SQUARES * hidden + COPIES * min(rows, words))
    return BLOCKS + words * (PER_WORD + PER_LABEL * labels) + wide


def at_work_on(analysis: Analysis, options: Any, store: ActivationStore) -> float:
    """`at_work` on the vectors of a store."""
    labels = len(store.manifest["token_labels"]) + len(store.manifest["sentence_labels"])
    return at_work(analysis, options, store.manifest["n_words"], labels, store.hidden)
