"""A readable name for every concept: its labels, or the words that set it apart, or what an annotator says.

Names are for people; nothing is computed from them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
import polars as pl

from isogloss.concepts.inputs import Words, as_clusters, check_count, incidence, type_codes, word_strings
from isogloss.concepts.labels import LabelAlignment
from isogloss.errors import OptionError

Annotator = Callable[[Sequence[str]], str]
"""Given a concept's words, the most characteristic first, its name: a person or a language model, asked for "a short
and concise label that best describes the following list of words" (after Mousi et al., EMNLP 2023, arXiv 2305.13386;
the wording is not verified to be theirs). None is built in."""

PRIOR_TOKENS = 500.0
COMMON = 0.5
"""A label that a larger share of the clustered words has takes no part in names."""
BESIDE_LABELS = 3
"""Words in a name that has labels."""


def characteristic_words(
    clusters: np.ndarray, words: Words, *, n_words: int = 10, prior_tokens: float = PRIOR_TOKENS
) -> pl.DataFrame:
    """The words of each concept that set it apart from the rest of the layer.

    The log-odds ratio with an informative Dirichlet prior of Monroe, Colaresi & Quinn (2008, "Fightin' Words",
    doi:10.1093/pan/mpn018, equations 16, 20, 22): with y the counts of a word w in the concept (i) and in all other
    clustered words (j), n their sums, and alpha_w = `prior_tokens` times the word's share of the layer, a_0 their sum,
    delta = log((y_i + alpha_w) / (n_i + a_0 - y_i - alpha_w)) - log((y_j + alpha_w) / (n_j + a_0 - y_j - alpha_w)),
    variance = 1 / (y_i + alpha_w) + 1 / (y_j + alpha_w), z = delta / sqrt(variance).

    Parameters
    ----------
    clusters : (n_words,) integers, -1 = in no cluster.
    words : n_words words.
    n_words : most words per concept.
    prior_tokens : weight of the prior, in tokens; larger favours frequent words.

    Returns
    -------
    `concept`, `word`, `count`, `log_odds`, `z`: the largest z first, equal ones by count and alphabet. Only words of
    the concept; all with z 0 where the layer has one word only.

    Raises
    ------
    OptionError : lengths differ, no word is in a cluster, or an option has no such value.
    """
    if not 0 < prior_tokens < np.inf:
        raise OptionError(f"prior_tokens should be above 0 and finite. Got {prior_tokens} instead.")
    check_count(n_words, "n_words", 1)
    found = as_clusters(clusters)
    codes, types = type_codes(word_strings(words, found.n_words).gather(found.rows))
    counts = incidence(found.codes, codes, (found.n, len(types))).tocoo()
    concept, word, inside = counts.row, counts.col, counts.data.astype(np.float64)
    total = len(codes)
    outside = np.bincount(codes, minlength=len(types))[word] - inside
    alpha = prior_tokens * (inside + outside) / total
    n_i = found.sizes[concept].astype(np.float64)
    n_j = total - n_i
    if len(types) == 1:
        delta = np.zeros(len(word))
    else:
        odds_i = (inside + alpha) / (n_i + prior_tokens - inside - alpha)
        odds_j = (outside + alpha) / (n_j + prior_tokens - outside - alpha)
        delta = np.log(odds_i) - np.log(odds_j)
    z = delta / np.sqrt(1 / (inside + alpha) + 1 / (outside + alpha))
    frame = pl.DataFrame(
        {
            "concept": found.ids[concept],
            "word": pl.Series(types, dtype=pl.String).gather(word),
            "count": counts.data,
            "log_odds": delta,
            "z": z,
        }
    )
    ranked = frame.sort(["concept", "z", "count", "word"], descending=[False, True, True, False])
    return ranked.group_by("concept", maintain_order=True).head(n_words)


def name_concepts(
    clusters: np.ndarray,
    words: Words,
    alignments: Mapping[str, LabelAlignment] | None = None,
    *,
    n_words: int = 5,
    annotator: Annotator | None = None,
    unsaid: Collection[str] = (),
) -> pl.DataFrame:
    """A name for every concept.

    The annotator's answer if there is one; else the labels it is aligned to and a few words, as `upos=NOUN,
    casing=title: Paris, Rome`; else its `n_words` most characteristic words, joined by a comma. A label that most
    words of the layer have does not tell concepts apart, and takes no part in names.

    Parameters
    ----------
    clusters, words : as for `characteristic_words`.
    alignments : by name of label (`upos`); of the same clusters.
    n_words : words in a name; the annotator is given ten times as many.
    unsaid : families that take no part in names, though their labels are listed.
    annotator : asked once per concept; an empty answer counts as none.

    Returns
    -------
    `concept`, `name`, `source` (annotator, labels or words), `labels`, `words` (lists), in order of id.

    Raises
    ------
    OptionError : as for `characteristic_words`, or an alignment is of other concepts.
    """
    check_count(n_words, "n_words", 1)
    ranked = characteristic_words(clusters, words, n_words=n_words if annotator is None else 10 * n_words)
    table = ranked.group_by("concept", maintain_order=True).agg(pl.col("word").alias("words"))
    labels: dict[int, list[str]] = {concept: [] for concept in table["concept"].to_list()}
    codes, common = as_clusters(clusters).codes, set[str]()
    for family, alignment in (alignments or {}).items():
        rows = alignment.table.filter(pl.col("direction") == "concept")
        if set(rows["concept"].to_list()) != set(labels):
            raise OptionError(
                f"the alignment {family!r} should be of the same {len(labels)} concepts. Got {rows.height} others."
            )
        for concept, label in rows.filter("aligned").select("concept", "label").iter_rows():
            labels[concept].append(f"{family}={label}")
        of_labels = alignment.table.filter(pl.col("direction") == "label").select("label", "n_tokens").iter_rows()
        common |= {f"{family}={label}" for label, n_tokens in of_labels if n_tokens > COMMON * len(codes)}
    names, sources = [], []
    for concept, own in table.iter_rows():
        answer = annotator(own).strip() if annotator is not None else ""
        telling = [label for label in labels[concept] if label not in common and label.split("=")[0] not in unsaid]
        source = "annotator" if answer else "labels" if telling else "words"
        sources.append(source)
        labelled = f"{', '.join(telling)}: {', '.join(own[:BESIDE_LABELS])}"
        names.append({"annotator": answer, "labels": labelled, "words": ", ".join(own[:n_words])}[source])
    return table.select(
        "concept",
        pl.Series("name", names, dtype=pl.String),
        pl.Series("source", sources, dtype=pl.String),
        pl.Series("labels", [labels[c] for c in table["concept"].to_list()], dtype=pl.List(pl.String)),
        pl.col("words").list.head(n_words),
    )
