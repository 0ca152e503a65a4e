"""Which labels of words put them into classes."""

from __future__ import annotations

from collections.abc import Iterable

from isogloss.analysis.protocol import ModelPair

_NOT_CLASSES = frozenset({"head", "lemma"})
# Columns of annotated files that number or spell words.


def word_classes(pair: ModelPair) -> tuple[str, ...]:
    """The token labels that class words; those that number or spell them (`head`, `lemma`) are left out."""
    return classing(pair.token_labels)


def classing(token_labels: Iterable[str]) -> tuple[str, ...]:
    """Those of these token labels that class words."""
    return tuple(name for name in token_labels if name not in _NOT_CLASSES)
