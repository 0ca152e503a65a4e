"""The tables of an alignment of concepts with labels: both directions, and the fine-grained list."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from scipy import sparse

from isogloss.concepts.inputs import incidence, reaches
from isogloss.concepts.label_rules import Rule, Verdict

FINE_SHARE, FINE_MOST = 0.1, 6
"""Labels above this share of a concept are listed where they are at most so many (ConceptX's code)."""

SCHEMA: dict[str, pl.DataType] = {
    "direction": pl.String(),
    "concept": pl.Int64(),
    "label": pl.String(),
    "share": pl.Float64(),
    "n_tokens": pl.Int64(),
    "n_types": pl.Int64(),
    "unknown": pl.Float64(),
    "recall": pl.Float64(),
    "aligned": pl.Boolean(),
}


def label_table(
    ids: np.ndarray,
    names: Sequence[str],
    said: Verdict,
    counts: sparse.csr_array,
    tokens: sparse.csr_array,
    types: np.ndarray | None,
    n_types: np.ndarray | None,
    rule: Rule,
) -> pl.DataFrame:
    """Rows of direction `concept`, in order of id, then of direction `label`, in order of the alphabet.

    Parameters
    ----------
    ids, names : the concepts' ids and the labels.
    said, counts : the verdict and the (n_concepts, n_labels) counts behind it.
    tokens : (m, n_labels) the labels of each token.
    types : (m,) its word type, or None.
    n_types : (n_concepts,) types of each concept, or None.
    rule : what was applied.
    """
    chosen = np.where(said.label >= 0, said.label, 0)
    concept = pl.DataFrame(
        {
            "direction": ["concept"] * len(ids),
            "concept": ids,
            "label": [names[c] if at >= 0 else None for c, at in zip(chosen, said.label, strict=True)],
            "share": said.share,
            "n_tokens": said.n_tokens.astype(np.int64),
            "n_types": [None] * len(ids) if n_types is None else n_types.astype(np.int64),
            "unknown": said.unknown,
            "recall": [None] * len(ids),
            "aligned": said.aligned,
        },
        schema=SCHEMA,
    )
    row = np.repeat(np.arange(len(ids)), np.diff(counts.indptr))
    keep = said.eligible[row]
    row, label, count = row[keep], counts.indices[keep], counts.data[keep]
    share = count / np.maximum(said.n_tokens, 1)[row]
    # The purest concept; of equally pure ones the larger, then the lower id.
    order = np.lexsort((row, -count, -share, label))
    _, at = np.unique(label[order], return_index=True)
    best_row, best_share = np.full(len(names), -1), np.zeros(len(names))
    best_row[label[order[at]]], best_share[label[order[at]]] = row[order[at]], share[order[at]]
    passing = reaches(share, rule.threshold, rule.strict)
    total = np.asarray(tokens.sum(axis=0)).ravel()
    inside = np.bincount(label[passing], count[passing], minlength=len(names))
    by_label = pl.DataFrame(
        {
            "direction": ["label"] * len(names),
            "concept": [int(ids[r]) if r >= 0 else None for r in best_row],
            "label": list(names),
            "share": best_share,
            "n_tokens": total.astype(np.int64),
            "n_types": [None] * len(names) if types is None else _types_of(tokens, types),
            "unknown": [None] * len(names),
            "recall": inside / np.maximum(total, 1),
            "aligned": said.covered,
        },
        schema=SCHEMA,
    )
    return pl.concat([concept, by_label])


def fine_table(ids: np.ndarray, names: Sequence[str], said: Verdict, counts: sparse.csr_array) -> pl.DataFrame:
    """Labels above a tenth of a concept that the rule does not skip, where they are at most six.

    Returns
    -------
    `concept`, `label`, `share`, the largest share first.
    """
    row = np.repeat(np.arange(len(ids)), np.diff(counts.indptr))
    share = counts.data / np.maximum(said.n_tokens, 1)[row]
    keep = reaches(share, FINE_SHARE, strict=True) & said.eligible[row]
    keep &= np.bincount(row[keep], minlength=len(ids))[row] <= FINE_MOST
    labels = [names[c] for c in counts.indices[keep]]
    schema = {"concept": pl.Int64(), "label": pl.String(), "share": pl.Float64()}
    frame = pl.DataFrame({"concept": ids[row[keep]], "label": labels, "share": share[keep]}, schema=schema)
    return frame.sort(["concept", "share", "label"], descending=[False, True, False])


def _types_of(tokens: sparse.csr_array, types: np.ndarray) -> np.ndarray:
    """(n_labels,) different word types that have each label."""
    row = np.repeat(np.arange(len(types)), np.diff(tokens.indptr))
    pairs = incidence(tokens.indices, types[row], (tokens.shape[1], int(types.max()) + 1))
    return np.diff(pairs.indptr).astype(np.int64)
