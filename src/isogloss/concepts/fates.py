"""What became of every base concept in the tuned model, and where every tuned concept came from.

Both clusterings are of the same words, one vector per word each; only words that are in a cluster of both count.
Definitions and thresholds are this project's own: the literature names no fates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from isogloss.concepts.alignment import Overlap, overlaps
from isogloss.concepts.inputs import as_clusters, reaches, same_length
from isogloss.errors import OptionError

BASE_FATES = ("kept", "split", "merged", "dissolved")
TUNED_FATES = ("inherited", "new")


@dataclass(frozen=True)
class Fates:
    """Base concepts followed into the tuned model.

    Attributes
    ----------
    base : one row per base concept: `concept`, `n_tokens`, `fate`, `heirs` (tuned concepts it is kept as, split into
        or merged into, the largest part first; empty where dissolved), `held` (share of its tokens in them), `best`
        (the tuned concept with most of its tokens) and `best_share`.
    tuned : one row per tuned concept: `concept`, `n_tokens`, `fate`, `parents` (base concepts), `held` (share of its
        tokens from them), `best`, `best_share`.
    transitions : `base`, `tuned`, `shared`, `share_base`, `share_tuned`, one row per pair that shares a token.
    counts : `model` (base, tuned), `fate`, `n_concepts`, `share`, `n_tokens`; every fate has a row.
    threshold : theta.
    """

    base: pl.DataFrame
    tuned: pl.DataFrame
    transitions: pl.DataFrame
    counts: pl.DataFrame
    threshold: float


def fates(base: np.ndarray, tuned: np.ndarray, *, threshold: float = 0.7) -> Fates:
    """Fate of every base concept and origin of every tuned one.

    Let p(i, j) be the share of base concept i's tokens that lie in tuned concept j, and q(i, j) the share of j's
    tokens that come from i. With theta the threshold, the first that holds:

    * kept: some j has p(i, j) >= theta and q(i, j) >= theta (with theta above a half there is at most one).
    * split: two or more j that come mostly from i, q(i, j) >= theta, hold together sum p(i, j) >= theta of it.
    * merged: some j has p(i, j) >= theta (so its tokens stayed together, but make up less than theta of j).
    * dissolved: none of these; no tuned concept holds theta of it, nor do those that come mostly from it.

    A tuned concept j is *inherited* when its parents - base concepts that lie mostly in j, p(i, j) >= theta, or that j
    comes mostly from, q(i, j) >= theta - give together at least theta of its tokens; otherwise it is *new*: gathered
    from pieces of concepts that are elsewhere or nowhere.

    Parameters
    ----------
    base, tuned : (n_words,) integers, -1 = in no cluster.
    threshold : theta, in (0.5, 1].

    Raises
    ------
    OptionError : lengths differ, no word is in a cluster of both, or the threshold is not in (0.5, 1].
    """
    if not 0.5 < threshold <= 1:
        raise OptionError(f"threshold should be above 0.5 and at most 1. Got {threshold} instead.")
    first, second = as_clusters(base, "base"), as_clusters(tuned, "tuned")
    same_length(first.n_words, second.n_words, "base", "tuned")
    both = np.intersect1d(first.rows, second.rows)
    if not len(both):
        raise OptionError(
            f"base and tuned should cluster some words in common. Got {len(first.rows)} and {len(second.rows)} "
            "clustered words, none of them the same."
        )
    o = overlaps(np.asarray(base)[both], np.asarray(tuned)[both], on="tokens")
    p, q = o.shared / o.size_a[o.a], o.shared / o.size_b[o.b]
    mostly_in, mostly_from = reaches(p, threshold), reaches(q, threshold)
    fate, origin = fate_numbers(o, threshold)
    # An heir is the concept it is kept as or merged into, or each of those it is split into.
    heir = np.select([fate[o.a] == 0, fate[o.a] == 1, fate[o.a] == 2], [mostly_in, mostly_from, mostly_in], False)
    parent = mostly_in | mostly_from
    base_rows = _rows(o.a, o.b, p, heir, fate, BASE_FATES, o.ids_a, o.ids_b, o.size_a, "heirs")
    tuned_rows = _rows(o.b, o.a, q, parent, origin, TUNED_FATES, o.ids_b, o.ids_a, o.size_b, "parents")
    transitions = pl.DataFrame(
        {"base": o.ids_a[o.a], "tuned": o.ids_b[o.b], "shared": o.shared, "share_base": p, "share_tuned": q}
    )
    counts = pl.concat([_counts(base_rows, BASE_FATES, "base"), _counts(tuned_rows, TUNED_FATES, "tuned")])
    return Fates(base_rows, tuned_rows, transitions, counts, float(threshold))


def fate_numbers(o: Overlap, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """(n_base,) which of `BASE_FATES` each base concept has and (n_tuned,) which of `TUNED_FATES`; see `fates`."""
    p, q = o.shared / o.size_a[o.a], o.shared / o.size_b[o.b]
    mostly_in, mostly_from = reaches(p, threshold), reaches(q, threshold)
    n = len(o.ids_a)
    children = np.bincount(o.a[mostly_from], minlength=n)
    held_by_children = np.bincount(o.a[mostly_from], p[mostly_from], minlength=n)
    is_kept, is_merged = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    is_kept[o.a[mostly_in & mostly_from]] = True
    is_merged[o.a[mostly_in]] = True
    is_split = (children >= 2) & reaches(held_by_children, threshold)
    parent = mostly_in | mostly_from
    inherited = reaches(np.bincount(o.b[parent], q[parent], minlength=len(o.ids_b)), threshold)
    return np.select([is_kept, is_split, is_merged], [0, 1, 2], 3), np.where(inherited, 0, 1)


def _rows(
    own: np.ndarray,
    other: np.ndarray,
    share: np.ndarray,
    related: np.ndarray,
    fate: np.ndarray,
    names: tuple[str, ...],
    ids: np.ndarray,
    other_ids: np.ndarray,
    sizes: np.ndarray,
    relatives: str,
) -> pl.DataFrame:
    order = np.lexsort((other, -share, own))
    pairs = pl.DataFrame(
        {"own": own[order], "other": other_ids[other[order]], "share": share[order], "related": related[order]}
    )
    best = pairs.group_by("own", maintain_order=True).agg(
        pl.col("other").filter("related").alias(relatives),
        pl.col("share").filter("related").sum().alias("held"),
        pl.col("other").first().alias("best"),
        pl.col("share").first().alias("best_share"),
    )
    table = pl.DataFrame({"concept": ids, "n_tokens": sizes, "fate": [names[f] for f in fate]})
    return table.hstack(best.sort("own").drop("own"))


def _counts(rows: pl.DataFrame, names: tuple[str, ...], model: str) -> pl.DataFrame:
    number = [rows.filter(pl.col("fate") == name) for name in names]
    return pl.DataFrame(
        {
            "model": [model] * len(names),
            "fate": list(names),
            "n_concepts": [r.height for r in number],
            "share": [r.height / rows.height for r in number],
            "n_tokens": [int(r["n_tokens"].sum()) for r in number],
        }
    )
