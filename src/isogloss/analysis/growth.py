"""What an analysis may say of itself so that its time and memory can be foretold from a trial on less text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import polars as pl

from isogloss.analysis.protocol import Analysis


@dataclass(frozen=True)
class TextAmount:
    """So much text of one kind.

    Attributes
    ----------
    words : of which there are vectors.
    layers : that are compared.
    sample : some of the words, with columns `sentence` and `word`, or all of them; says how often words are repeated.
    """

    words: float
    layers: int
    sample: pl.DataFrame

    @property
    def sentences(self) -> float:
        """That the words are of."""
        return self.words * self.sample["sentence"].n_unique() / max(self.sample.height, 1)

    def occurrences(self, minimum: int, maximum: int | None, drop_above: int | None) -> float:
        """Words that are left where rare ones are dropped and frequent ones thinned out (see `filter_occurrences`).

        On more words than the sample, what is left grows as it does from half of the sample to all of it, on a log-log
        scale: by Heaps' law the number of word types is a power of the number of words.
        """
        whole = _left(self.sample, minimum, maximum, drop_above)
        n = self.sample.height
        if n == 0 or whole == 0:
            return 0.0
        if abs(self.words / n - 1) < 1e-9:
            return float(whole)
        half = _left(self.sample.head(n // 2), minimum, maximum, drop_above)
        power = 1.0
        if half:
            # Never more than all words.
            power = min(1.0, max(0.0, float(pl.Series([whole / half]).log(2).item())))
        return min(self.words, whole * (self.words / n) ** power)


@runtime_checkable
class GrowingAnalysis(Analysis, Protocol):
    """An analysis whose cost does not simply grow in proportion to the words: where it samples, or compares pairs."""

    def growth(self, amount: TextAmount, options: Any) -> Sequence[float]:
        """What the work on one layer is made of: numbers to which its parts are proportional, whatever the factors.

        For example the words, for what reads all of them, and the square of the words that are sampled, for what
        compares every two of these.
        """
        ...


@runtime_checkable
class AskingAnalysis(Analysis, Protocol):
    """An analysis that asks the running classifier about so many texts, whatever the words."""

    def asked(self, amount: TextAmount, classes: int, options: Any) -> tuple[float, float]:
        """How often the classifier is asked at a layer.

        Parameters
        ----------
        amount : the words.
        classes : of the task.

        Returns
        -------
        What the number of texts is proportional to; and the most texts there can be where little text shows too few of
        them, because what is found says how often to ask (0 where it does not).
        """
        ...


@runtime_checkable
class HoldingAnalysis(Analysis, Protocol):
    """An analysis that holds more in memory, however little of it there is, than every analysis does."""

    def held(self, words: float, hidden: int, layers: int, options: Any) -> float:
        """Bytes beyond what every task holds.

        Parameters
        ----------
        words : of which there are vectors.
        hidden : width of a layer.
        layers : 1 for the task of a layer, more for that of all layers together.
        """
        ...


def _left(words: pl.DataFrame, minimum: int, maximum: int | None, drop_above: int | None) -> int:
    counts = words.group_by("word").len()["len"]
    kept = counts.filter((counts >= minimum) & (counts <= (drop_above or counts.max() or 0)))
    return int(kept.clip(upper_bound=maximum).sum()) if maximum else int(kept.sum())
