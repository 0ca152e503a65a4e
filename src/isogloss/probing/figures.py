"""What the probing tables show."""

from __future__ import annotations

from collections.abc import Sequence

from isogloss.analysis import Figure, Tables
from isogloss.probing.options import ProbingOptions


def figures(tables: Tables, options: ProbingOptions) -> Sequence[Figure]:
    """Show it."""
    return []
