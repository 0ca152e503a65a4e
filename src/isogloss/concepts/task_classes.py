"""The classes of the task: which sentence label they are, and which class each word's sentence has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from isogloss.analysis import LayerPair
from isogloss.concepts.options import MOST_CLASSES, ConceptsOptions
from isogloss.errors import IsoglossError, OptionError


@dataclass(frozen=True)
class TaskClasses:
    """Classes of sentences.

    Attributes
    ----------
    name : of the sentence label; `predicted` where the classes are the tuned model's answers.
    sentences : `sentence`, `class`.
    """

    name: str
    sentences: pl.DataFrame

    def of_words(self, words: pl.DataFrame) -> pl.Series:
        """(n_words,) class of the sentence that each word is in."""
        joined = words.select("sentence").join(self.sentences, on="sentence", how="left", maintain_order="left")
        return joined["class"]

    @property
    def names(self) -> list[str]:
        """The classes, in order of the alphabet."""
        return self.sentences["class"].drop_nulls().unique().sort().to_list()


def task_classes(
    pair: LayerPair, words: pl.DataFrame, options: ConceptsOptions
) -> tuple[TaskClasses | None, str | None]:
    """The classes of the sentences that these words are in, or a sentence that says why there are none.

    Raises
    ------
    OptionError : the label that is asked for is not there.
    """
    if options.classes == "predicted":
        return _predicted(pair, words)
    wanted = pair.sentence_labels
    if options.class_label is not None:
        check_class_label(wanted, options)
        wanted = (options.class_label,)
    if not wanted:
        return None, "Sentences have no label, so no concept can take the side of a class."
    reasons = []
    for name in wanted:
        column = pair.sentences[name]
        if column.dtype.is_float():
            reasons.append(f"{name} is a score, which has no classes")
            continue
        classes = TaskClasses(name, _classed(pair, column.cast(pl.String)))
        n = len(classes.names)
        if n > MOST_CLASSES:
            reasons.append(f"{name} has {n:,} values, more than the {MOST_CLASSES} that a task's classes may be")
        elif n < 2:
            reasons.append(f"{name} has {'only one class' if n else 'no class'}")
        elif classes.of_words(words).drop_nulls().n_unique() < 2:
            reasons.append(f"the clustered words are all in sentences of one class of {name}")
        else:
            return classes, None
    return None, f"No concept can take the side of a class: {'; '.join(reasons)}."


def check_class_label(sentence_labels: Sequence[str], options: ConceptsOptions) -> None:
    """Refuse a label of the classes that is not there.

    Raises
    ------
    OptionError : the label that is asked for is not among these.
    """
    asked = options.classes != "predicted" and options.class_label is not None
    if asked and options.class_label not in sentence_labels:
        there = ", ".join(sentence_labels) or "none"
        raise OptionError(f"concepts: no sentence label {options.class_label!r}; there are {there}")


def _classed(pair: LayerPair, classes: pl.Series) -> pl.DataFrame:
    return pair.sentences.select("sentence").with_columns(classes.alias("class"))


def _predicted(pair: LayerPair, words: pl.DataFrame) -> tuple[TaskClasses | None, str | None]:
    if pair.classifier is None:
        return None, "There are no predicted classes: no classifier is at hand."
    seconds = pair.sentences["text_b"].to_list() if "text_b" in pair.sentences.columns else None
    try:
        best = pair.classifier(pair.sentences["text"].to_list(), seconds).argmax(axis=1)
    except IsoglossError as error:
        return None, f"There are no predicted classes: {str(error).rstrip('.')}."
    names = pair.classifier.classes
    classes = TaskClasses("predicted", _classed(pair, pl.Series([names[i] for i in best], dtype=pl.String)))
    of_words = classes.of_words(words).unique().to_list()
    if len(of_words) < 2:
        return None, f"The tuned model predicts {of_words[0]} wherever there are words to cluster, so no side is taken."
    return classes, None
