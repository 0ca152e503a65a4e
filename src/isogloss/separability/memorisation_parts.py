"""The parts of the memorisation test: training sentences split for the classifier alone, and unseen ones.

Draws whole sentences, never words, and says where the test cannot be decided. Reads no vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from isogloss.analysis.partition import SPLIT_NAMES, TRAIN
from isogloss.analysis.seeded import nested_portions, seeded_uniforms, string_keys
from isogloss.analysis.splits import ProbeRows
from isogloss.errors import OptionError

FOLDS = 5
"""A subtest is one of so many parts of the training sentences: 80:20, as the study has it."""
FRACTIONS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Of a subtrain's rows: the sizes of a learning curve."""
FEWEST = 30
"""Sentences, of the subtests together and of the test, below which nothing is decided."""
_STOPPING = 0.1


@dataclass(frozen=True, eq=False)
class Parts:
    """What the classifiers are trained and scored on; n training rows, of which m are drawn.

    Attributes
    ----------
    train : (m,) row numbers, increasing.
    test : (t,) row numbers of the unseen sentences, increasing.
    train_owner, test_owner : (m,) and (t,) numbers from 0 of the sentences; copies of a text are one sentence.
    stage : (splits, m) the first size of the learning curve that holds each row; `n_stages` where the row is in the
        subtest of this split.
    stopping : (m,) rows that decide when training stops, where they are in the subtrain.
    n_stages : sizes of the learning curve; the last is the whole subtrain.
    """

    train: np.ndarray
    test: np.ndarray
    train_owner: np.ndarray
    test_owner: np.ndarray
    stage: np.ndarray
    stopping: np.ndarray
    n_stages: int

    @property
    def subtest(self) -> np.ndarray:
        """(splits, m) whether a row is in the subtest of each split."""
        tested: np.ndarray = self.stage == self.n_stages
        return tested

    def subtrain(self, stage: int) -> np.ndarray:
        """(splits, m) whether a row is in the subtrain of each split, at one size of the learning curve."""
        inside: np.ndarray = self.stage <= stage
        return inside

    @property
    def tested(self) -> np.ndarray:
        """(m,) whether a row is in the subtest of any split."""
        return np.asarray(self.subtest.any(axis=0))


def draw_parts(
    rows: ProbeRows,
    sentences: pl.DataFrame | None = None,
    *,
    splits: int = 3,
    fractions: Sequence[float] = FRACTIONS,
    max_train: int | None = None,
    seed: int = 0,
) -> tuple[Parts | None, str | None]:
    """Split the training rows, or say why nothing could be decided.

    The subtests of five splits are the five parts of one random order, so they share no sentence; further splits go by
    further orders.

    Parameters
    ----------
    rows : of a label with classes.
    sentences : `sentence`, `text`, perhaps `text_b` and `split`: copies of a text are then kept together, and a test
        that the corpus does not call so is refused. Without it each sentence number is a text of its own, and the parts
        are taken as they are.
    splits : how many.
    fractions : sizes of the learning curve, parts of the subtrain's rows, increasing to 1.
    max_train : at most about so many training rows, of whole sentences drawn by the seed; None = all.
    seed : of all draws; a sentence's place does not depend on the order of rows.

    Returns
    -------
    the parts and None, or None and the reason, the end of a sentence.

    Raises
    ------
    OptionError : options are not as above, or a row's sentence is not among the sentences.
    """
    if splits < 1 or (max_train is not None and max_train < 1):
        raise OptionError(f"splits and max_train should be at least 1. Got {splits} and {max_train}.")
    if not fractions or min(fractions) <= 0 or fractions[-1] != 1 or any(np.diff(fractions) <= 0):
        raise OptionError(f"fractions should increase within (0, 1] and end at 1. Got {tuple(fractions)} instead.")
    if rows.targets is not None:
        return None, "it is a number, and what is counted is how often a class is right"
    if not len(rows.test):
        return None, "no test part of the corpus has it"
    if sentences is not None and not _own_parts(rows, sentences):
        return None, "the corpus has no train and test parts of its own, so which sentences the model saw is not known"
    texts = _texts(rows, sentences)
    train = rows.train
    if max_train is not None and len(train) > max_train:
        drawn, _ = nested_portions(texts[train], (max_train / len(train),), _stream("rows", seed))
        train = train[drawn == 0]
    names, train_owner = np.unique(texts[train], return_inverse=True)
    test_owner = np.unique(texts[rows.test], return_inverse=True)[1]
    stage, kept = _stages(texts[train], splits, fractions, seed)
    n_tested = len(np.unique(train_owner[(stage == kept).any(axis=0)]))
    for n, where in ((n_tested, "trained on and kept from the classifier"), (int(test_owner.max()) + 1, "unseen")):
        if n < FEWEST:
            return None, f"{n} {'sentence is' if n == 1 else 'sentences are'} {where}, and {FEWEST} would be needed"
    if any(len(np.unique(rows.codes[train[inside]])) < 2 for inside in stage < kept):
        return None, "one class is all that the classifier would be trained on"
    stopping = seeded_uniforms(names, [_stream("stopping", seed)])[0][train_owner] < _STOPPING
    return Parts(train, rows.test, train_owner, test_owner, stage, stopping, kept), None


def _stages(texts: np.ndarray, splits: int, fractions: Sequence[float], seed: int) -> tuple[np.ndarray, int]:
    """(splits, m) size of the learning curve that first holds each row, and the number of sizes."""
    orders = []
    for k in range(splits):
        parts = [(i + 1) / FOLDS for i in range(FOLDS)]
        fold = nested_portions(texts, parts, _stream(f"fold {k // FOLDS}", seed))[0]
        inside = fold != k % FOLDS
        kept = nested_portions(texts[inside], fractions, _stream(f"order {k}", seed))[1] if inside.any() else ()
        orders.append((inside, kept))
    # Sizes that no split can tell apart are no sizes.
    common = [fraction for fraction in fractions if all(fraction in kept for _, kept in orders)]
    common = common if common and common[-1] == 1 else [*common, 1.0]
    stage = np.full((splits, len(texts)), len(common))
    for k, (inside, _) in enumerate(orders):
        if inside.any():
            found, kept = nested_portions(texts[inside], common, _stream(f"order {k}", seed))
            stage[k, inside] = np.searchsorted(common, np.array(kept))[found]
    return stage, len(common)


def _texts(rows: ProbeRows, sentences: pl.DataFrame | None) -> np.ndarray:
    """(n,) uint64 fingerprint of the text of each row's sentence."""
    numbers, at = np.unique(rows.sentences, return_inverse=True)
    if sentences is None:
        return numbers.astype(np.uint64)[at]
    columns = [column for column in ("text", "text_b") if column in sentences.columns]
    there = _of_numbers(sentences, numbers)
    # A character that no text holds keeps ("a", "bc") and ("ab", "c") apart.
    written = there.select(pl.concat_str([pl.col(c).fill_null("") for c in columns], separator="\0").alias("text"))
    return string_keys(written["text"].to_list())[at]


def _own_parts(rows: ProbeRows, sentences: pl.DataFrame) -> bool:
    """Whether the corpus itself calls the training rows train and the test rows dev or test."""
    if "split" not in sentences.columns:
        return False
    names: list[set[str]] = [set(), set()]
    for found, part in zip(names, (rows.train, rows.test), strict=True):
        said = _of_numbers(sentences, np.unique(rows.sentences[part]))["split"]
        found |= set(said.cast(pl.String).str.to_lowercase().fill_null(""))
    elsewhere = {name for part, known in enumerate(SPLIT_NAMES) if part != TRAIN for name in known}
    return names[0] <= set(SPLIT_NAMES[TRAIN]) and names[1] <= elsewhere


def _of_numbers(sentences: pl.DataFrame, numbers: np.ndarray) -> pl.DataFrame:
    """The rows of these sentence numbers, in their order."""
    asked = pl.DataFrame({"sentence": numbers.astype(np.int64)})
    known = sentences.with_columns(pl.col("sentence").cast(pl.Int64)).with_columns(known=True)
    found = asked.join(known, on="sentence", how="left", maintain_order="left")
    if found["known"].null_count():
        missing = found.filter(pl.col("known").is_null())["sentence"][0]
        raise OptionError(f"a row is of sentence {missing}, which is not among the sentences")
    return found


def _stream(what: str, seed: int) -> int:
    """A seed of its own for each draw."""
    return int(string_keys([f"memorisation {what} {seed}"])[0])
