"""What a report is made from: plain values, frames and figure specifications, nothing left to compute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from isogloss.analysis import Figure, Finding


@dataclass(frozen=True)
class Facts:
    """What was compared.

    Attributes
    ----------
    base : name of the base model.
    tuned : names of the tuned models, usually one.
    corpus : name of the corpus.
    sentences, words : how many both models saw.
    labels : names of the token and sentence labels.
    layers : layer numbers; 0 = embeddings.
    coverage : model name -> share of the corpus's words that the model has vectors for, 0 to 1.
    hidden : model name -> width of its hidden states.
    series : sentences on the models beside these: checkpoints of the training, other tunings.
    """

    base: str
    tuned: tuple[str, ...]
    corpus: str
    sentences: int
    words: int
    labels: tuple[str, ...] = ()
    layers: tuple[int, ...] = ()
    coverage: Mapping[str, float] = field(default_factory=dict)
    hidden: Mapping[str, int] = field(default_factory=dict)
    series: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReportInput:
    """Everything a report shows.

    Attributes
    ----------
    title : heading of the page; "What fine-tuning changed" where it is empty.
    facts : what was compared.
    questions : analysis name -> the question it answers, in the order of the page.
    findings : of all analyses; ordered by weight here.
    figures : analysis name -> its figures, in order. Names are unique within the run.
    tables : table name -> frame; small ones are shown, large ones named.
    manifest : how it was made. Read specially: `command` (str or list of str), `seed`, `versions` (name ->
        version), `models` (role -> mapping), `timings` (name -> seconds), `machine` (mapping); the rest is listed as
        it is.
    notes : warnings, one sentence each: dropped words, cut sentences, what could not be compared.
    tables_at : folder of the tables relative to the page, for links; None to name them only.
    """

    title: str
    facts: Facts
    questions: Mapping[str, str] = field(default_factory=dict)
    findings: Sequence[Finding] = ()
    figures: Mapping[str, Sequence[Figure]] = field(default_factory=dict)
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    manifest: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    tables_at: str | None = None

    @property
    def heading(self) -> str:
        """The title, or what stands in its place."""
        return self.title or "What fine-tuning changed"


def ordered(findings: Sequence[Finding]) -> list[Finding]:
    """The findings a reader wants first, first; equal weights keep their order."""
    return sorted(findings, key=lambda finding: -finding.weight)
