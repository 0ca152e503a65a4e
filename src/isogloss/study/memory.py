"""What a task takes beside its large arrays: so much of a limit of memory is left free for it."""

from __future__ import annotations

from typing import Any

from isogloss.analysis import Analysis, HoldingAnalysis

BLOCKS, PER_NUMBER = 256 << 20, 0.4 * 2**20
"""Bytes for what is computed block by block: always, and for each number of a vector."""
PER_WORD, PER_LABEL = 1024, 64
"""Bytes that tables of the words take, for each word, and for each word and label."""
SQUARES = 6
"""Covariances that are held at once in float64."""


def at_work(analysis: Analysis, options: Any, words: float, labels: int, hidden: int, layers: int = 1) -> float:
    """Bytes that a task takes beside its large arrays.

    Parameters
    ----------
    words, labels : of the corpus; the tables of the words grow with both.
    hidden : width of a vector.
    layers : 1 for the task of a layer, more for that of all layers together.
    """
    own = analysis.held(words, hidden, layers, options) if isinstance(analysis, HoldingAnalysis) else 0.0
    wide = hidden * (PER_NUMBER + 8.0 * SQUARES * hidden)
    return BLOCKS + words * (PER_WORD + PER_LABEL * labels) + wide + own
