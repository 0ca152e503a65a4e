"""What the probing tables say, in plain sentences."""

from __future__ import annotations

from collections.abc import Sequence

from isogloss.analysis import Finding, Tables
from isogloss.probing.options import ProbingOptions


def findings(tables: Tables, options: ProbingOptions) -> Sequence[Finding]:
    """Say it."""
    return []
