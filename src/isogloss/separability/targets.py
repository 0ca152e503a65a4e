"""Whose distances are looked at: every label of words, of words with their heads, of sentences, and its rows.

Chooses rows; their vectors are taken in `layer_rows`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from isogloss.analysis import ModelPair, classing, listed
from isogloss.analysis.limits import named
from isogloss.analysis.sampling import sampled_rows
from isogloss.analysis.splits import ProbeRows, probe_rows
from isogloss.analysis.stacked import sentences_with_words
from isogloss.analysis.tables import FEWEST_SENTENCES
from isogloss.separability.options import SeparabilityOptions

HEAD = "head"
LABELS = 4
"""Labels that are looked at where none are named, those of sentences first: each takes its time at every layer."""


@dataclass(frozen=True, eq=False)
class Target:
    """One label, and the rows of which it is.

    Attributes
    ----------
    name : the label.
    of : "words"; "pairs" of a head and its word, side by side; or "sentences", the means of their words.
    classes : (c,) sorted names of its values that take part.
    codes : (n,) value of each row, -1 where it takes no part.
    sentences : (n,) sentence number of each row.
    train, test : row numbers, increasing.
    rows : all its rows, before any were drawn.
    heads : (n,) of pairs: row of each word's head, -1 without one; else None.
    """

    name: str
    of: str
    classes: tuple[str, ...]
    codes: np.ndarray
    sentences: np.ndarray
    train: np.ndarray
    test: np.ndarray
    rows: ProbeRows
    heads: np.ndarray | None = None

    @property
    def y(self) -> np.ndarray:
        """(n_train,) values of the training rows."""
        return self.codes[self.train]

    @property
    def truth(self) -> np.ndarray:
        """(n_test,) values of the test rows."""
        return self.codes[self.test]


def targets(pair: ModelPair, options: SeparabilityOptions) -> tuple[list[Target], list[str]]:
    """The labels that can be looked at, and a sentence on each that is left out, in whole or in part.

    Raises
    ------
    OptionError : a label is asked for that there is not.
    """
    wanted = wanted_labels(pair.token_labels, pair.sentence_labels, options)
    sentences = sentences_with_words(pair)
    found, notes = [], []
    tables = {name: sentences if of == "sentences" else pair.words for name, of in wanted.items()}
    classes = [name for name in wanted if not tables[name][name].dtype.is_float()]
    if options.label_names is None and len(classes) > LABELS:
        asked = dict.fromkeys([*classes[:LABELS], *(options.memorise_names or ())])
        left = [name for name in classes if name not in asked]
        notes.append(f"Looked at {', '.join(asked)}; not at {listed(left, most=3)}, which the option labels can name.")
        wanted = {name: of for name, of in wanted.items() if name not in left}
    heads = head_rows(pair.words) if "pairs" in wanted.values() else None
    said: dict[str, list[str]] = {}
    for name, of in wanted.items():
        units = tables[name]
        if units[name].dtype.is_float():
            notes.append(f"{name}: a number, and only classes lie apart.")
            continue
        if of == "pairs" and heads is not None:
            units = units.with_columns(pl.when(pl.Series(heads >= 0)).then(pl.col(name)).alias(name))
        rows, reason = probe_rows(
            units,
            pair.sentences,
            name,
            of=of,
            min_count=options.min_count,
            max_classes=options.max_classes,
            max_train=None,
            seed=pair.seed,
        )
        target: Target | None = None
        about: list[str] = []
        if rows is not None:
            target, reason, about = _sampled(rows, of, heads if of == "pairs" else None, options, pair.seed)
        if rows is None or target is None:
            notes.append(f"Not looked at: {reason}")
            continue
        found.append(target)
        # Nothing is chosen by dev sentences here.
        for note in (*(note for note in rows.notes if "in dev" not in note), *about):
            said.setdefault(note, []).append(name)
    without = [n for n in options.pair_names if wanted.get(n) == "words"]
    if without:
        said.setdefault("of the word alone, for words have no label head that says which word is theirs", []).extend(
            without
        )
    return found, notes + [f"{', '.join(names)}: {note}." for note, names in said.items()]


def wanted_labels(
    token_labels: Sequence[str], sentence_labels: Sequence[str], options: SeparabilityOptions
) -> dict[str, str]:
    """The labels asked for, each with what it is of: "words", "pairs" or "sentences".

    Raises
    ------
    OptionError : a label is asked for that there is not.
    """
    known = dict.fromkeys(sentence_labels, "sentences")
    for name in classing(token_labels):
        known[name] = "pairs" if name in options.pair_names and HEAD in token_labels else "words"
    wanted = named("separability", options.label_names, known)
    named("separability", options.memorise_names, wanted)
    return {name: known[name] for name in wanted}


def head_rows(words: pl.DataFrame) -> np.ndarray:
    """(n_words,) row of each word's head, by its number `head` in the sentence.

    -1 for the root (0), for what is no number, for a word that is its own head, and where the head's vectors are not
    there.
    """
    keys = ["sentence", "part", "position"] if "part" in words.columns else ["sentence", "position"]
    place = {key: pl.col(key).cast(pl.Int64) for key in keys}
    rows = words.select(**place).with_row_index("at")
    number = pl.col(HEAD).cast(pl.String).cast(pl.Int64, strict=False)
    above = words.select(**{**place, "position": number - 1})
    found = above.join(rows, on=keys, how="left", maintain_order="left")["at"].cast(pl.Int64).fill_null(-1)
    at = found.to_numpy().copy()
    at[at == np.arange(len(at))] = -1
    return at


def _sampled(
    rows: ProbeRows, of: str, heads: np.ndarray | None, options: SeparabilityOptions, seed: int
) -> tuple[Target | None, str | None, list[str]]:
    """Draw rows; values with too few of the drawn ones take no part."""
    notes = []
    train = rows.train[sampled_rows(len(rows.train), options.max_train, seed)]
    counts = np.bincount(rows.codes[train], minlength=len(rows.classes))
    kept = counts >= max(1, options.min_count)
    if len(train) < len(rows.train):
        notes.append(f"{len(train):,} of {len(rows.train):,} training {of} drawn at random")
        if not kept.all():
            lost = [name for name, there in zip(rows.classes, kept, strict=True) if not there]
            shown = ", ".join(lost[:3]) + (", ..." if len(lost) > 3 else "")
            notes.append(
                f"{len(lost)} value{'s' * (len(lost) > 1)} ({shown}) with fewer than {options.min_count} of them left "
                "out"
            )
    new = np.where(kept, np.cumsum(kept) - 1, -1)
    codes = np.where(rows.codes >= 0, new[rows.codes], -1)
    train, test = train[codes[train] >= 0], rows.test[codes[rows.test] >= 0]
    if kept.sum() < 2:
        few = f"fewer than two values have {options.min_count} of the {int(counts.sum()):,} drawn {of}"
        return None, f"{rows.label}: {few}.", notes
    if kept.sum() >= len(train):
        return None, f"{rows.label}: as many values as training {of} ({len(train):,}).", notes
    if not len(test):
        return None, f"{rows.label}: no {of} are left to test on.", notes
    drawn = test[sampled_rows(len(test), options.max_test, seed)]
    if len(drawn) < len(test):
        notes.append(f"{len(drawn):,} of {len(test):,} test {of} drawn at random")
    held = len(np.unique(rows.sentences[drawn]))
    if held < FEWEST_SENTENCES:
        notes.append(f"{held} test sentences, and without {FEWEST_SENTENCES} accuracy has no interval")
    classes = tuple(name for name, there in zip(rows.classes, kept, strict=True) if there)
    return Target(rows.label, of, classes, codes, rows.sentences, train, drawn, rows, heads), None, notes
