"""Local structure: clusters of words, isotropy when each has its mean taken away, and which labels they go with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from isogloss.analysis import Vectors
from isogloss.analysis.sampling import sampled_rows
from isogloss.errors import OptionError
from isogloss.isotropy.estimate import Estimate, pooled
from isogloss.isotropy.grouped_isotropy import grouped_isotropy
from isogloss.isotropy.labellings import Agreement, Labelling, cluster_agreement
from isogloss.isotropy.resamples import Resamples
from isogloss.isotropy.sampling import check_rows, taken
from isogloss.numerics import kmeans_clusters
from isogloss.numerics.copies import distinct_rows

KS = (1, 5, 10, 20, 50)
MAX_WORDS = 20_000


@dataclass(frozen=True, eq=False)
class Clustering:
    """One clustering of the sampled words.

    Attributes
    ----------
    k : number of clusters.
    labels : (m,) cluster of each sampled word, numbered by first appearance; of the first start.
    measures : `partition`, `partition_log10` and `mean_cosine` of the words when each cluster's mean is taken away.
    agreements : with each labelling; empty for k = 1.
    """

    k: int
    labels: np.ndarray
    measures: dict[str, Estimate]
    agreements: tuple[Agreement, ...]


@dataclass(frozen=True, eq=False)
class LocalStructure:
    """Clusterings of one layer of one model.

    Attributes
    ----------
    rows : (m,) the sampled words, increasing.
    clusterings : by k, increasing.
    notes : the sample, and what was left out.
    """

    rows: np.ndarray
    clusterings: tuple[Clustering, ...]
    notes: tuple[str, ...]


def cluster_isotropy(
    vectors: Vectors,
    groups: np.ndarray,
    ks: Sequence[int] = KS,
    *,
    labellings: Sequence[Labelling] = (),
    max_words: int | None = MAX_WORDS,
    starts: int = 1,
    permutations: int = 100,
    bootstrap: int = 200,
    seed: int = 0,
) -> LocalStructure:
    """K-means with several k on a sample of words: isotropy of zero-mean clusters, and agreement with labels.

    After Rajaee & Pilehvar, Findings of EMNLP 2021 (arXiv 2109.04740) and ACL 2021: clusters of token vectors, each
    with its mean taken away, then isotropy of all of them together. k = 1 takes away the mean of all words. K-means is
    Lloyd's from seeded k-means++ starts. Replicates are over sentences and starts; means and eigenvectors stay.

    Parameters
    ----------
    vectors : (n_words, d).
    groups : (n_words,) integers >= 0: the sentence of each word.
    ks : numbers of clusters; those above the number of different vectors of the sample are left out, with a note.
    labellings : of all words.
    max_words : words in the sample, the same for every layer and model of as many words; None takes all.
    starts : of k-means, at least 1; measures are means over them, and how they differ is in the intervals.
    permutations, bootstrap, seed : deals of the labels by chance; resamples, 0 for none; seed of these, of the sample
        and of k-means.

    Raises
    ------
    OptionError : no k or one below 1, lengths differ, fewer than two words, or NaN (the row is named).
    """
    check_rows(vectors, groups=groups, **{f"the labelling {known.name}": known.codes for known in labellings})
    if not ks or min(ks) < 1:
        raise OptionError(f"ks should be numbers of clusters, at least 1 each. Got {tuple(ks)} instead.")
    n = vectors.shape[0]
    if n < 2:
        raise OptionError(f"clusters need at least two words. Got {n}.")
    rows = sampled_rows(n, max_words, seed)
    notes = [f"a sample of {len(rows):,} of {n:,} words"] if len(rows) < n else []
    X = taken(vectors, rows)
    X -= X.mean(axis=0, dtype=np.float64).astype(np.float32)
    different = len(distinct_rows(X).first)
    refused = sorted({k for k in ks if k > different})
    if refused:
        notes.append(f"{', '.join(map(str, refused))} clusters left out: {different:,} different vectors")
    _, sentence = np.unique(groups[rows], return_inverse=True)
    n_groups = int(sentence.max()) + 1
    n_boot = bootstrap if n_groups > 1 else 0
    resamples = Resamples(sentence, n_groups, n_boot, seed)
    chosen = [Labelling(a.name, a.codes[rows], a.classes, a.types[rows], a.shuffle) for a in labellings]
    labelled = [known for known in chosen if (known.codes >= 0).any()]
    notes += [f"{known.name}: no sampled word is labelled" for known in chosen if known not in labelled]
    total = _second(X)
    found = []
    for k in sorted(set(ks) - set(refused)):
        settings = {"permutations": permutations, "bootstrap": n_boot, "seed": seed}
        each = []
        for start in range(starts if k > 1 else 1):
            clusters = kmeans_clusters(X, k, seed + start) if k > 1 else np.zeros(len(X), dtype=np.int64)
            measures = grouped_isotropy(*_zero_mean(X, clusters, total), resamples)
            agreements = [cluster_agreement(clusters, a, sentence, n_groups, **settings) for a in labelled if k > 1]
            each.append(Clustering(k, clusters, measures, tuple(agreements)))
        found.append(_over_starts(each))
    return LocalStructure(rows, tuple(found), tuple(notes))


def _over_starts(each: Sequence[Clustering]) -> Clustering:
    """One clustering for several starts: the labels of the first, the means of all measures."""
    if len(each) == 1:
        return each[0]
    measures = {name: pooled([one.measures[name] for one in each]) for name in each[0].measures}
    agreements = tuple(
        replace(
            of_starts[0],
            purity=pooled([one.purity for one in of_starts]),
            nmi=pooled([one.nmi for one in of_starts]),
            purity_null=np.concatenate([one.purity_null for one in of_starts]),
            nmi_null=np.concatenate([one.nmi_null for one in of_starts]),
        )
        for of_starts in zip(*(one.agreements for one in each), strict=True)
    )
    return Clustering(each[0].k, each[0].labels, measures, agreements)


def _second(X: np.ndarray) -> np.ndarray:
    second = np.zeros((X.shape[1], X.shape[1]))
    for start in range(0, len(X), 4096):
        block = X[start : start + 4096].astype(np.float64)
        second += block.T @ block
    return second


def _zero_mean(X: np.ndarray, clusters: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """X with the mean of each row's cluster taken away, and X'X of that."""
    order = np.argsort(clusters, kind="stable")
    counts = np.bincount(clusters)
    starts = np.r_[0, np.cumsum(counts)[:-1]]
    # Sums of equal float32 vectors are exact in float64: a cluster of copies becomes zero, not a direction of rounding.
    means = np.add.reduceat(X[order], starts, dtype=np.float64) / counts[:, None]
    return X - means.astype(np.float32)[clusters], second - (means * counts[:, None]).T @ means
