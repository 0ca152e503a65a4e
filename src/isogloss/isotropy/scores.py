"""What a score is that is asked again after directions are removed or a treatment applied, and similarity as one.

Probes are in `probe_score`, the running classifier in `head_score`; which directions are removed is decided in
`removal`, which treatments are tried in `treatment_scores`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import polars as pl

from isogloss.analysis import ArrayVectors, Vectors
from isogloss.analysis.stacked import sentence_means
from isogloss.errors import OptionError
from isogloss.isotropy.directions import Cut, Directions
from isogloss.isotropy.estimate import Estimate
from isogloss.isotropy.score_resamples import ScoreResamples, spearman
from isogloss.progress import Advance

Transform = Callable[[np.ndarray], np.ndarray]
"""Vectors (n, d) in, vectors (n, d) out, row by row: `transform` of a fitted treatment."""
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Treated:
    """Vectors as they are after a treatment, block by block.

    Attributes
    ----------
    vectors : (n, d).
    transform : of rows.
    """

    vectors: Vectors
    transform: Transform

    @property
    def shape(self) -> tuple[int, int]:
        """(n, d)."""
        return self.vectors.shape

    def blocks(self, rows: int = 4096) -> Iterator[np.ndarray]:
        """Consecutive treated row blocks."""
        for block in self.vectors.blocks(rows):
            yield self.transform(block)

    def take(self, rows: np.ndarray) -> np.ndarray:
        """The given rows, treated."""
        return self.transform(self.vectors.take(rows))


class RemovalScore(Protocol):
    """A score of one layer of one model that can be asked again without some directions.

    Attributes
    ----------
    name : of what is measured, such as "spearman".
    floor : what is to be had without any vectors: 0 of a correlation, the share of the commonest class of an accuracy.
    n : sentences, words or pairs that are judged.
    """

    name: str
    floor: float
    n: int

    def without(
        self, directions: Directions, cuts: Sequence[Cut], seed: int = 0, advance: Advance = lambda _: None
    ) -> list[Estimate]:
        """The score after each cut, with replicates that belong together; a cut may be of no direction."""
        ...


class TreatmentScore(Protocol):
    """A score that can be asked again after a treatment of the vectors."""

    name: str

    @property
    def untouched(self) -> Estimate:
        """The score of the vectors as they are."""
        ...

    def treated(self, transform: Transform) -> Estimate:
        """The score after the treatment; replicates belong together with those of `untouched`."""
        ...


class SimilarityScore:
    """How well the cosine of two texts' mean word vectors follows people's judgement: Spearman over pairs.

    Parameters
    ----------
    vectors : (n_words, d).
    pairs : (n_words,) pair of each word, in [0, n_pairs); -1 for words that take no part.
    parts : (n_words,) 0 for a word of the first text, 1 for one of the second.
    labels : (n_pairs,) judged similarity, the more the closer; NaN takes no part.
    centred : `without` takes the directions' mean from the vectors too, as all-but-the-top does; a cut of no direction
        is then the zero-mean treatment. False projects the vectors as they are.
    n_boot, seed : resamples of the pairs (0 gives no intervals).

    Attributes
    ----------
    n : pairs that take part.
    notes : what was left out, with counts.

    Raises
    ------
    OptionError : lengths differ, fewer than three pairs take part, or all labels are the same.
    """

    name = "spearman"
    floor = 0.0

    def __init__(
        self,
        vectors: Vectors,
        pairs: np.ndarray,
        parts: np.ndarray,
        labels: np.ndarray,
        *,
        centred: bool = True,
        n_boot: int = 200,
        seed: int = 0,
    ) -> None:
        pairs, parts, labels = np.asarray(pairs), np.asarray(parts), np.asarray(labels, dtype=np.float64)
        if not vectors.shape[0] == len(pairs) == len(parts):
            raise OptionError(
                f"vectors, pairs and parts should be one per word. "
                f"Got {vectors.shape[0]}, {len(pairs)} and {len(parts)}."
            )
        if len(pairs) and pairs.max() >= len(labels):
            raise OptionError(f"pairs should be numbers of the {len(labels)} labels. Got {pairs.max()}.")
        labelled = np.isfinite(labels)
        counts = [np.bincount(pairs[(pairs >= 0) & (parts == part)], minlength=len(labels)) for part in (0, 1)]
        whole = (counts[0] > 0) & (counts[1] > 0)
        kept = labelled & whole
        self.notes = tuple(
            f"{int(some.sum()):,} pairs {why} left out"
            for some, why in (
                (~labelled & whole, "without a label"),
                (labelled & ~whole & (counts[0] + counts[1] > 0), "with a text without words"),
            )
            if some.any()
        )
        self.n, self.labels, self.centred = int(kept.sum()), labels[kept], centred
        if self.n < 3:
            raise OptionError(f"similarity needs at least three labelled pairs with words. Got {self.n}.")
        if np.ptp(self.labels) == 0:
            raise OptionError(f"all {self.n:,} pairs have the label {self.labels[0]:g}, so no order can be found")
        number = np.full(len(labels) + 1, -1)
        number[np.flatnonzero(kept)] = np.arange(self.n)
        rows = np.flatnonzero(number[pairs] >= 0)
        self._texts = 2 * number[pairs[rows]] + parts[rows].astype(np.int64)
        self._words = ArrayVectors(vectors.take(rows))
        self._means = self._mean_vectors(self._words)
        self._size = float(np.linalg.norm(self._means, axis=1).max())
        self._resamples = ScoreResamples(self.n, n_boot, seed)
        self._untouched: Estimate | None = None

    @staticmethod
    def of(
        vectors: Vectors,
        words: pl.DataFrame,
        sentences: pl.DataFrame,
        label: str,
        *,
        judged: np.ndarray | None = None,
        centred: bool = True,
        n_boot: int = 200,
        seed: int = 0,
    ) -> SimilarityScore:
        """From a corpus's frames.

        Parameters
        ----------
        vectors : (n_words, d).
        words : n_words rows with `sentence` and `part`.
        sentences : `sentence` and the numeric label.
        label : its column.
        judged : (n_sentences,) which take part, such as those of the test; None for all.
        centred, n_boot, seed : as in the constructor.

        Raises
        ------
        OptionError : there is no such column, it holds no numbers, or as in the constructor.
        """
        for frame, column in ((words, "part"), (sentences, label)):
            if column not in frame.columns:
                raise OptionError(f"similarity needs the column {column!r}; there are {', '.join(frame.columns)}")
        if not sentences[label].dtype.is_numeric():
            raise OptionError(f"similarity needs a numeric label. {label!r} is of {sentences[label].dtype}.")
        labels = sentences[label].cast(pl.Float64).fill_null(float("nan")).to_numpy().copy()
        number = sentences.select(pl.col("sentence").cast(pl.Int64)).with_row_index("at")
        places = words.select(pl.col("sentence").cast(pl.Int64)).join(
            number, on="sentence", how="left", maintain_order="left"
        )["at"]
        pairs = places.cast(pl.Int64).fill_null(-1).to_numpy()
        if judged is not None:
            pairs = np.where(np.append(judged, False)[pairs], pairs, -1)
        return SimilarityScore(
            vectors, pairs, words["part"].to_numpy(), labels, centred=centred, n_boot=n_boot, seed=seed
        )

    @property
    def untouched(self) -> Estimate:
        """Spearman of the vectors as they are: neither centred nor cut."""
        if self._untouched is None:
            self._untouched = self._score(self._means)
        return self._untouched

    def without(
        self, directions: Directions, cuts: Sequence[Cut], seed: int = 0, advance: Advance = lambda _: None
    ) -> list[Estimate]:
        """Spearman after each cut; exact, since a mean of projections is the projection of the mean."""
        own = directions.coordinates(self._means, centred=self.centred)
        now, along, found = None, own, []
        for cut in cuts:
            if (cut.kind, cut.draw) != now:
                now, along = (cut.kind, cut.draw), directions.ordered(own, cut, seed)
            found.append(self._score(along[:, cut.kept(directions.d)]))
            advance(1)
        return found

    def treated(self, transform: Transform) -> Estimate:
        """Spearman after a treatment of every word's vector, before the mean over a text's words is taken."""
        return self._score(self._mean_vectors(Treated(self._words, transform)))

    def _mean_vectors(self, words: Vectors) -> np.ndarray:
        return sentence_means(words, self._texts, 2 * self.n).astype(np.float64)

    def _score(self, means: np.ndarray) -> Estimate:
        first, second = means[0::2], means[1::2]
        sizes = np.stack([np.linalg.norm(first, axis=1), np.linalg.norm(second, axis=1)])
        # Where all that varies was removed, rounding errors of the words' float32 vectors have no direction.
        something = (sizes > _ROUNDING * self._size).all(axis=0)
        cosine = np.divide((first * second).sum(axis=1), sizes.prod(axis=0), out=np.zeros(self.n), where=something)
        # Texts of the same words have cosine 1 up to rounding, which must not break their ties.
        return spearman(np.round(cosine, 10), self.labels, self._resamples)
