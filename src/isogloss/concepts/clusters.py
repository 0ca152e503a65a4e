"""What the concepts of one layer are: how large, how tight, of which words.

Describes clusters that are given; does not find them, name them or compare them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import sparse

from isogloss.analysis import ArrayVectors, Vectors
from isogloss.concepts.inputs import Clusters, Words, as_clusters, check_count, same_length, word_strings
from isogloss.errors import OptionError


@dataclass(frozen=True)
class ClusterDescription:
    """The concepts of one layer.

    Attributes
    ----------
    concepts : one row per concept, in order of id: `concept`, `n_tokens`, `n_types`, `n_sentences` (null where
        the words have no `sentence`), and, where vectors are given, `cosine`, `rms`, `spread`.
    words : one row per concept and word type, commonest first: `concept`, `word`, `count`, `n_sentences`, `rows`
        (the first rows it is in, as examples).
    centroids : (n_concepts, hidden) float32 mean vectors in the order of `concepts`; None without vectors.
    """

    concepts: pl.DataFrame
    words: pl.DataFrame
    centroids: np.ndarray | None = None


def describe_clusters(
    clusters: np.ndarray, words: Words, vectors: Vectors | np.ndarray | None = None, *, examples: int = 3
) -> ClusterDescription:
    """Size, words and cohesion of every concept.

    With x the vectors of a concept's words and c their mean: `cosine` is the mean of cos(x, c) over its words
    (about the origin, without centring; vectors of zeros are left out, null where that leaves none), `rms` the
    root of the mean of |x - c|^2, in the vectors' own units, and `spread` rms divided by the same over all
    clustered words about their common mean: 0 = all its vectors equal, 1 = as wide as the layer; null where the
    layer is one point. `rms` squared times the number of words is what Ward's criterion adds up
    (Ward 1963, doi:10.1080/01621459.1963.10500845).

    Parameters
    ----------
    clusters : (n_words,) integers, -1 = in no cluster.
    words : n_words rows with `word`, and `sentence` if sentences are to be counted; or strings.
    vectors : (n_words, hidden), a matrix or what is read in blocks; read twice, as float32.
    examples : rows kept per concept and word.

    Raises
    ------
    OptionError : clusters, words and vectors differ in length, vectors are no matrix, or no word is in a cluster.
    """
    found = as_clusters(clusters)
    check_count(examples, "examples")
    strings = word_strings(words, found.n_words)
    sentence = words["sentence"] if isinstance(words, pl.DataFrame) and "sentence" in words.columns else None
    tokens = pl.DataFrame(
        {
            "concept": found.ids[found.codes],
            "word": strings.gather(found.rows),
            "sentence": None if sentence is None else sentence.gather(found.rows),
            "row": found.rows,
        }
    )
    n_sentences = pl.col("sentence").n_unique().cast(pl.Int64) if sentence is not None else pl.lit(None, pl.Int64)
    by_word = (
        tokens.group_by("concept", "word")
        .agg(count=pl.len().cast(pl.Int64), n_sentences=n_sentences, rows=pl.col("row").sort().head(examples))
        .sort(["concept", "count", "word"], descending=[False, True, False])
    )
    concepts = (
        tokens.group_by("concept")
        .agg(
            n_tokens=pl.len().cast(pl.Int64),
            n_types=pl.col("word").n_unique().cast(pl.Int64),
            n_sentences=n_sentences,
        )
        .sort("concept")
    )
    if vectors is None:
        return ClusterDescription(concepts, by_word)
    if not isinstance(vectors, Vectors):
        matrix = np.asarray(vectors)
        if matrix.ndim != 2:
            raise OptionError(f"vectors should be a matrix, (n_words, hidden). Got shape {matrix.shape} instead.")
        vectors = ArrayVectors(matrix)
    same_length(found.n_words, vectors.shape[0], "clusters", "vectors")
    centroids, cohesion = _cohesion(found, vectors)
    return ClusterDescription(concepts.hstack(cohesion), by_word, centroids.astype(np.float32))


def _cohesion(found: Clusters, vectors: Vectors) -> tuple[np.ndarray, pl.DataFrame]:
    """(n_concepts, hidden) float64 centroids, and the columns cosine, rms, spread."""
    sizes = found.sizes.astype(np.float64)
    sums = np.zeros((found.n, vectors.shape[1]))
    for codes, block in _clustered(found, vectors):
        members = sparse.csr_array((np.ones(len(codes)), (codes, np.arange(len(codes)))), shape=(found.n, len(codes)))
        sums += members @ block
    centroids = sums / sizes[:, None]
    # Squared distances and cosines are taken from centred rows in a second pass: sums of squares would cancel.
    squares, cosines, directed = np.zeros(found.n), np.zeros(found.n), np.zeros(found.n)
    lengths = np.linalg.norm(centroids, axis=1)
    for codes, block in _clustered(found, vectors):
        own = centroids[codes]
        squares += np.bincount(codes, ((block - own) ** 2).sum(axis=1), minlength=found.n)
        products = np.linalg.norm(block, axis=1) * lengths[codes]
        defined = products > 0
        cosine = np.divide((block * own).sum(axis=1), products, out=np.zeros(len(codes)), where=defined)
        cosines += np.bincount(codes, cosine.clip(-1, 1), minlength=found.n)
        directed += np.bincount(codes, defined, minlength=found.n)
    middle = sums.sum(axis=0) / sizes.sum()
    between = float(sizes @ ((centroids - middle) ** 2).sum(axis=1))
    whole = np.sqrt((squares.sum() + between) / sizes.sum())
    rms = np.sqrt(squares / sizes)
    mean_cosine = np.divide(cosines, directed, out=np.full(found.n, np.nan), where=directed > 0)
    one_point = whole <= 1e-12 * np.linalg.norm(middle)
    spread = rms / whole if whole > 0 and not one_point else np.full(found.n, np.nan)
    frame = pl.DataFrame({"cosine": mean_cosine, "rms": rms, "spread": spread})
    return centroids, frame.with_columns(pl.col(pl.Float64).fill_nan(None))


def _clustered(found: Clusters, vectors: Vectors) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Concept codes and float64 vectors of the clustered words, block by block."""
    start = 0
    for block in vectors.blocks():
        low, high = np.searchsorted(found.rows, [start, start + len(block)])
        if high > low:
            yield found.codes[low:high], block[found.rows[low:high] - start].astype(np.float64)
        start += len(block)
