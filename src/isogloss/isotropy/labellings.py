"""How well clusters of words go with labels of words: purity and mutual information, beside what chance gives.

Knows no vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import polars as pl

from isogloss.analysis.codes import Values, label_codes
from isogloss.corpus.annotators import decade
from isogloss.errors import OptionError
from isogloss.isotropy.estimate import Estimate
from isogloss.numerics import percentile_interval, poisson_sums

Shuffle = Literal["types", "words"]


@dataclass(frozen=True, eq=False)
class Labelling:
    """One label per word, and how chance deals it out.

    Attributes
    ----------
    name : what the label is called.
    codes : (n_words,) int64 class of each word, -1 where it has none.
    classes : the classes, by code.
    types : (n_words,) the type of each word.
    shuffle : "types": whole types are dealt to the classes; "words": labels are shuffled over words. The latter is
        easily beaten by any clustering that keeps the occurrences of a word together.
    """

    name: str
    codes: np.ndarray
    classes: tuple[str, ...]
    types: np.ndarray
    shuffle: Shuffle

    @classmethod
    def of(cls, name: str, values: Values, types: np.ndarray, shuffle: Shuffle | None = None) -> Self:
        """A labelling from values; chance deals types where the type decides the label and labels hold several types.

        Parameters
        ----------
        name : of the label.
        values : (n_words,) strings or numbers; None, NaN and "" are no label.
        types : (n_words,) integers: the type of each word.
        shuffle : set it by hand; None decides.

        Raises
        ------
        OptionError : the lengths differ, no word is labelled, or `shuffle` is "types" where a type has two labels.
        """
        codes, classes = label_codes(values)
        if len(codes) != len(types):
            raise OptionError(f"{name}: {len(codes):,} labels do not match {len(types):,} words.")
        held = codes >= 0
        if not held.any():
            raise OptionError(f"{name}: no word is labelled.")
        pairs = np.unique(np.stack([types[held], codes[held]]), axis=1)
        n_types = len(np.unique(pairs[0]))
        decided = pairs.shape[1] == n_types
        if shuffle == "types" and not decided:
            raise OptionError(f"{name}: shuffle='types' needs one label per type of word; some have several.")
        whole = decided and len(np.unique(pairs[1])) < n_types
        return cls(name, codes, tuple(map(str, classes)), types, shuffle or ("types" if whole else "words"))


def frequency_bands(types: np.ndarray) -> pl.Series:
    """The band of how often the type of each word occurs, in powers of ten: `1`, `2-9`, `10-99` ...

    Parameters
    ----------
    types : (n_words,) integers >= 0: the type of each word.
    """
    names = [decade(count) if count else None for count in np.bincount(types).tolist()]
    return pl.Series("frequency", names, dtype=pl.String).gather(types)


@dataclass(frozen=True, eq=False)
class Agreement:
    """Clusters against one labelling.

    Attributes
    ----------
    label : its name.
    n, n_classes : labelled words, and their classes.
    purity : share of the words that have the most frequent label of their cluster.
    nmi : mutual information over the mean of the two entropies.
    purity_null, nmi_null : (permutations,) the same where chance deals the labels.
    shuffle : how it does.
    """

    label: str
    n: int
    n_classes: int
    purity: Estimate
    nmi: Estimate
    purity_null: np.ndarray
    nmi_null: np.ndarray
    shuffle: Shuffle


def cluster_agreement(
    clusters: np.ndarray,
    labelling: Labelling,
    groups: np.ndarray,
    n_groups: int,
    *,
    permutations: int = 100,
    bootstrap: int = 200,
    seed: int = 0,
) -> Agreement:
    """Purity and normalised mutual information of clusters and labels, intervals and null.

    NMI is 2 I(U, V) / (H(U) + H(V)), 1 where both have one class only. Purity grows with the number of clusters and
    with the share of the most frequent label; it says something only beside its null. The null "types" deals whole
    types in random order to the classes until each has as many words as it has, as nearly as types allow.
    Intervals are first-order, over sentences: clusters and their most frequent labels stay.

    Parameters
    ----------
    clusters : (n,) integers >= 0.
    labelling : of the same words; the unlabelled take no part.
    groups, n_groups : (n,) integers in [0, n_groups): the sentence of each word, and their number.
    permutations, bootstrap, seed : deals, resamples (0 for none), seed of both.
    """
    held = labelling.codes >= 0
    _, types = np.unique(labelling.types[held], return_inverse=True)
    _, labels = np.unique(labelling.codes[held], return_inverse=True)
    _, cluster = np.unique(clusters[held], return_inverse=True)
    table = _Table(cluster, labels)
    purity, nmi = table.numbers(labels)
    sums = [np.bincount(groups[held], slopes, n_groups) for slopes in table.slopes(labels)]
    changes = poisson_sums(np.stack(sums, axis=1), bootstrap if n_groups > 1 else 0, seed, centre=True)
    rng = np.random.default_rng(seed)
    null = np.empty((permutations, 2))
    for i in range(permutations):
        dealt = _dealt_types(types, labels, rng) if labelling.shuffle == "types" else rng.permutation(labels)
        null[i] = table.numbers(dealt)
    return Agreement(
        labelling.name,
        len(labels),
        table.n_labels,
        Estimate(purity, purity + changes[:, 0]),
        Estimate(nmi, nmi + changes[:, 1]),
        null[:, 0],
        null[:, 1],
        labelling.shuffle,
    )


def null_interval(values: np.ndarray) -> tuple[float, float]:
    """Percentiles of 95% of the numbers that chance gave; (nan, nan) of none."""
    if not len(values):
        return float("nan"), float("nan")
    low, high = percentile_interval(values[:, None])
    return float(low[0]), float(high[0])


class _Table:
    """Clusters against labels, counted; labels may change, clusters stay."""

    def __init__(self, cluster: np.ndarray, labels: np.ndarray) -> None:
        self.cluster, self.n = cluster, len(cluster)
        self.n_clusters, self.n_labels = int(cluster.max()) + 1, int(labels.max()) + 1
        self.sizes = np.bincount(cluster)

    def _counts(self, labels: np.ndarray) -> np.ndarray:
        cells = self.cluster * self.n_labels + labels
        return np.bincount(cells, minlength=self.n_clusters * self.n_labels).reshape(self.n_clusters, self.n_labels)

    def numbers(self, labels: np.ndarray) -> tuple[float, float]:
        """Purity and NMI."""
        counts = self._counts(labels)
        own, theirs, both = (_entropy(c, self.n) for c in (self.sizes, counts.sum(axis=0), counts))
        middle = (own + theirs) / 2
        # Rounding may leave the information a trace below 0 or above the entropies.
        nmi = min(max((own + theirs - both) / middle, 0.0), 1.0) if middle > 0 else 1.0
        return float(counts.max(axis=1).sum() / self.n), nmi

    def slopes(self, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Influence of each word on purity and on NMI, (n,) each; both sum to 0."""
        counts = self._counts(labels)
        purity, nmi = self.numbers(labels)
        of_purity = ((counts.argmax(axis=1)[self.cluster] == labels) - purity) / self.n
        shares = self.sizes[self.cluster], counts.sum(axis=0)[labels], counts[self.cluster, labels]
        # d H / d weight of a word = (-log of its share - H) / n.
        steps = [-np.log(share / self.n) for share in shares]
        own, theirs, both = ((step - step.mean()) / self.n for step in steps)
        middle = (steps[0].mean() + steps[1].mean()) / 2
        if middle == 0:
            return of_purity, np.zeros(self.n)
        return of_purity, (own + theirs - both - nmi * (own + theirs) / 2) / middle


def _entropy(counts: np.ndarray, n: int) -> float:
    shares = counts[counts > 0] / n
    return float(-(shares * np.log(shares)).sum())


def _dealt_types(types: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Labels by types in random order, cut where the labels' numbers of words say."""
    counts = np.bincount(types)
    order = rng.permutation(len(counts))
    middles = np.cumsum(counts[order]) - counts[order] / 2
    by_type = np.empty(len(counts), dtype=np.int64)
    by_type[order] = np.searchsorted(np.cumsum(np.bincount(labels)), middles, side="right")
    return by_type[types]
