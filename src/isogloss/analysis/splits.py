"""The words a probe is trained, chosen and tested on for one label, and what was left out and why.

Joins a label to the parts of the sentences (`partition`). Trains nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from isogloss.analysis.codes import label_codes
from isogloss.analysis.partition import DEV, NEITHER, SHARES, TEST, TRAIN, partition_sentences
from isogloss.errors import OptionError

MAX_TRAIN = 150_000
"""Training words, as many as the study of Durrani et al. (Findings of ACL 2021) uses."""


@dataclass(frozen=True, eq=False)
class ProbeRows:
    """Rows for one label, each increasing.

    Attributes
    ----------
    label : its name.
    classes : sorted names of the classes; () for a numeric label.
    codes : (n,) class of each row, -1 where it takes no part.
    targets : (n,) float64 of a numeric label, NaN where it takes no part; None for classes.
    sentences : (n,) sentence number of each row.
    train, dev, test : row numbers; dev may be empty.
    notes : what was drawn and left out, with counts.
    """

    label: str
    classes: tuple[str, ...]
    codes: np.ndarray
    targets: np.ndarray | None
    sentences: np.ndarray
    train: np.ndarray
    dev: np.ndarray
    test: np.ndarray
    notes: tuple[str, ...]


def probe_rows(
    rows: pl.DataFrame,
    sentences: pl.DataFrame,
    label: str,
    *,
    of: str = "words",
    min_count: int = 5,
    max_classes: int | None = None,
    max_train: int | None = MAX_TRAIN,
    shares: tuple[float, float, float] = SHARES,
    drop_copies: bool = True,
    seed: int = 0,
) -> tuple[ProbeRows | None, str | None]:
    """Train, dev and test rows of one label, or why there are none.

    Parameters
    ----------
    rows : what is probed: words (`sentence` and the label), or the sentences themselves for a sentence label.
    sentences : `sentence`, `text`, perhaps `text_b` and `split`.
    label : a column of `rows`; one of floats is numeric.
    of : what the rows are, as notes call them: `words`, `pairs` or `sentences`.
    min_count : classes with fewer training rows take no part anywhere.
    max_classes : at most so many classes, the most frequent in training, take part; None = all.
    max_train : at most so many training rows, the first ones; None = all.
    shares, drop_copies, seed : see `partition_sentences`.

    Returns
    -------
    the rows and None, or None and one sentence that says why nothing can be trained.

    Raises
    ------
    OptionError : there is no such column, or a row's sentence is not among the sentences.
    """
    if label not in rows.columns:
        there = ", ".join(c for c in rows.columns if c != "sentence")
        raise OptionError(f"there is no label {label!r}; the columns are {there}")
    column = rows[label]
    numeric = column.dtype.is_float()
    if numeric:
        targets = column.fill_null(float("nan")).to_numpy().astype(np.float64)
        codes = np.where(np.isfinite(targets), 0, NEITHER)
        classes: tuple[str, ...] = ()
    else:
        codes, names = label_codes(column.cast(pl.String))
        classes = tuple(names)
    place = _places(rows, sentences)
    labelled = codes >= 0
    if not labelled.any():
        return None, f"{label}: nothing is labelled."
    has_label = np.zeros(sentences.height, dtype=bool)
    has_label[place[labelled]] = True
    parts, notes = partition_sentences(sentences, has_label, shares=shares, drop_copies=drop_copies, seed=seed)
    said = list(notes)
    if not labelled.all():
        said.insert(0, f"{int((~labelled).sum()):,} of {len(codes):,} without {label} left out")
    part = np.where(labelled, parts[place], NEITHER)
    if max_train is not None:
        beyond = np.flatnonzero(part == TRAIN)[max_train:]
        if len(beyond):
            part[beyond] = NEITHER
            said.append(f"only the first {max_train:,} of {max_train + len(beyond):,} training {of} are used")
    if numeric:
        reason = _numeric_reason(label, targets, part)
        targets = np.where(part == NEITHER, np.nan, targets)
    else:
        kept, reason = _kept_classes(label, of, codes, classes, part, min_count, max_classes, said)
        new = np.full(len(classes) + 1, NEITHER)
        new[np.flatnonzero(kept)] = np.arange(kept.sum())
        classes = tuple(name for name, keep in zip(classes, kept, strict=True) if keep)
        part = np.where(new[codes] >= 0, part, NEITHER)
        codes = np.where(part == NEITHER, NEITHER, new[codes])
    train, dev, test = (np.flatnonzero(part == p) for p in (TRAIN, DEV, TEST))
    if reason is None and not len(test):
        reason = f"{label}: no {of} are left to test on."
    if reason is not None:
        return None, reason
    if not len(dev):
        said.append(f"no {of} are left in dev")
    made = codes if not numeric else np.full(len(codes), NEITHER)
    owner = rows["sentence"].to_numpy().astype(np.int64)
    return ProbeRows(label, classes, made, targets if numeric else None, owner, train, dev, test, tuple(said)), None


def _places(rows: pl.DataFrame, sentences: pl.DataFrame) -> np.ndarray:
    """(n,) row of `sentences` that each row belongs to."""
    joined = rows.select(pl.col("sentence").cast(pl.Int64)).join(
        sentences.select(pl.col("sentence").cast(pl.Int64)).with_row_index("at"),
        on="sentence",
        how="left",
        maintain_order="left",
    )["at"]
    if joined.null_count():
        row = int(joined.is_null().arg_max() or 0)
        raise OptionError(f"row {row} is of sentence {rows['sentence'][row]}, which is not among the sentences")
    return joined.to_numpy().astype(np.int64)


def _numeric_reason(label: str, targets: np.ndarray, part: np.ndarray) -> str | None:
    trained = targets[part == TRAIN]
    if len(trained) < 2:
        return f"{label}: {len(trained)} labelled in train, too few to train on."
    return f"{label}: all training values are {trained[0]:g}." if np.ptp(trained) == 0 else None


def _kept_classes(
    label: str,
    of: str,
    codes: np.ndarray,
    classes: tuple[str, ...],
    part: np.ndarray,
    min_count: int,
    max_classes: int | None,
    said: list[str],
) -> tuple[np.ndarray, str | None]:
    """(K,) whether each class takes part, and why none can be trained, if so; adds to what is said."""
    in_train = np.bincount(codes[part == TRAIN], minlength=len(classes))
    outside = np.bincount(codes[(part == DEV) | (part == TEST)], minlength=len(classes))
    n_train = int(in_train.sum())
    if not n_train:
        return in_train > 0, f"{label}: no training {of} are labelled."
    kept = in_train >= max(min_count, 1)
    unseen, rare = (in_train == 0) & (outside > 0), (in_train > 0) & ~kept
    if max_classes is not None and kept.sum() > max_classes:
        # Of equally frequent ones the first stay.
        order = np.argsort(-np.where(kept, in_train, -1), kind="stable")
        dropped = kept.copy()
        dropped[order[:max_classes]] = False
        kept &= ~dropped
        left = _classes(dropped, in_train, outside, classes, of)
        said.append(f"the {max_classes} most frequent classes take part; {left} left out")
    if rare.any():
        left = _classes(rare, in_train, outside, classes, of)
        said.append(f"{left} with fewer than {min_count} training {of} left out")
    if unseen.any():
        said.append(f"{_classes(unseen, in_train, outside, classes, of)} never seen in training left out")
    if not kept.any():
        return kept, (
            f"{label}: none of {len(classes):,} classes has at least {min_count} of the {n_train:,} training {of}."
        )
    if kept.sum() == 1:
        return kept, f"{label}: only one class, {classes[int(np.argmax(kept))]}, has enough training {of}."
    if kept.sum() >= in_train[kept].sum():
        return kept, f"{label}: as many classes as training {of} ({int(kept.sum()):,})."
    return kept, None


def _classes(mask: np.ndarray, in_train: np.ndarray, outside: np.ndarray, classes: tuple[str, ...], of: str) -> str:
    """Such as `3 classes (12 words: A, B, ...)`."""
    n = int(mask.sum())
    rows = int((in_train + outside)[mask].sum())
    names = [name for name, chosen in zip(classes, mask, strict=True) if chosen]
    shown = ", ".join(names[:3]) + (", ..." if n > 3 else "")
    return f"{n:,} {'class' if n == 1 else 'classes'} ({rows:,} {of[:-1] if rows == 1 else of}: {shown})"
