"""What is probed: every label of words, every label of sentences, each with its own training and test rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from isogloss.analysis import ModelPair, classing
from isogloss.analysis.limits import comma_names, named
from isogloss.analysis.splits import ProbeRows, probe_rows
from isogloss.analysis.stacked import sentences_with_words
from isogloss.analysis.tables import FEWEST_SENTENCES
from isogloss.probing.control import control_codes
from isogloss.probing.options import ProbingOptions


@dataclass(frozen=True, eq=False)
class Target:
    """One label to read from vectors.

    Attributes
    ----------
    rows : its classes and its training, dev and test rows.
    of : "words", or "sentences": then a row is a sentence, and its vector the mean of its words'.
    spelled : (n,) what stands in each row: the word or the sentence. Control tasks give each spelling a random class.
    """

    rows: ProbeRows
    of: str
    spelled: pl.Series

    @property
    def name(self) -> str:
        """The label."""
        return self.rows.label

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; () for a numeric label."""
        return self.rows.classes

    @property
    def numeric(self) -> bool:
        """Whether it is a score and not a class."""
        return self.rows.targets is not None

    @property
    def has_controls(self) -> bool:
        """Whether control tasks mean anything: types of words recur in the test, sentences do not."""
        return self.of == "words" and not self.numeric

    def controls(self, seeds: range) -> np.ndarray:
        """(n_seeds, n) classes of control tasks, drawn as often as in training; -1 where a row takes no part."""
        weights = np.bincount(self.rows.codes[self.rows.train], minlength=len(self.classes))
        return np.where(self.rows.codes >= 0, control_codes(self.spelled, weights.astype(float), seeds), -1)


def targets(pair: ModelPair, options: ProbingOptions) -> tuple[list[Target], list[str]]:
    """The labels that can be probed, and a sentence on each that is left out, in whole or in part.

    Raises
    ------
    OptionError : a label is asked for that there is not.
    """
    wanted = wanted_labels(pair.token_labels, pair.sentence_labels, options)
    sentences = sentences_with_words(pair)
    found, notes = [], []
    said: dict[str, list[str]] = {}
    for name, of in wanted.items():
        units = pair.words if of == "words" else sentences
        rows, reason = probe_rows(
            units,
            pair.sentences,
            name,
            of=of,
            min_count=options.min_count,
            max_classes=options.max_classes,
            max_train=options.max_train,
            seed=pair.seed,
        )
        if rows is None:
            notes.append(f"No probe for {reason}")
            continue
        held = len(np.unique(rows.sentences[rows.test]))
        few = f"{held} test sentences, and without {FEWEST_SENTENCES} no change is called one"
        for note in (*rows.notes, *([few] if held < FEWEST_SENTENCES else [])):
            said.setdefault(note, []).append(name)
        found.append(Target(rows, of, _spelled(units, of)))
    return found, notes + [f"{', '.join(names)}: {note}." for note, names in said.items()]


def wanted_labels(
    token_labels: Sequence[str], sentence_labels: Sequence[str], options: ProbingOptions
) -> dict[str, str]:
    """The labels asked for, each with what it is of: "words" or "sentences".

    Raises
    ------
    OptionError : a label is asked for that there is not.
    """
    known = dict.fromkeys(sentence_labels, "sentences") | dict.fromkeys(classing(token_labels), "words")
    return {name: known[name] for name in named("probing", comma_names(options.labels), known)}


def _spelled(units: pl.DataFrame, of: str) -> pl.Series:
    if of == "words":
        return units["word"]
    if "text_b" in units.columns:
        return units.select(pl.concat_str("text", pl.lit("\0"), "text_b").alias("text"))["text"]
    return units["text"]
