"""Which sentence label is the task that the tuned model classifies."""

from __future__ import annotations

import polars as pl

from isogloss.analysis.protocol import ModelPair
from isogloss.errors import IsoglossError


def gold_label(pair: ModelPair) -> tuple[str | None, str | None]:
    """The sentence label whose values are the classifier's classes, or a sentence that says why there is none."""
    if pair.classifier is None:
        return None, "no classifier is at hand"
    try:
        known = set(pair.classifier.classes)
    except IsoglossError as error:
        return None, str(error).rstrip(".")
    for name in pair.sentence_labels:
        column = pair.sentences[name]
        values = set() if column.dtype.is_float() else set(column.cast(pl.String).drop_nulls().unique())
        if len(values) > 1 and values <= known:
            return name, None
    return None, f"no sentence label has the classes of the classifier ({', '.join(sorted(known))})"
