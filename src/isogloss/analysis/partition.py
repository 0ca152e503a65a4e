"""Which sentences a probe is trained on, chosen on and tested on.

The corpus's own splits decide where it has them (`split` of its sentences: a name or null); else a seeded draw does.
A text that occurs twice is never on two sides. Knows no labels beyond which sentences have one.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from isogloss.analysis.seeded import text_uniforms
from isogloss.errors import OptionError
from isogloss.split_names import DEV_NAMES, TEST_NAMES, TRAIN_NAMES

TRAIN, DEV, TEST, NEITHER = 0, 1, 2, -1
SHARES = (0.6, 0.2, 0.2)
SPLIT_NAMES = (TRAIN_NAMES, DEV_NAMES, TEST_NAMES)
"""How the three parts are called, whatever the case."""


def partition_sentences(
    sentences: pl.DataFrame,
    labelled: np.ndarray,
    *,
    shares: tuple[float, float, float] = SHARES,
    drop_copies: bool = True,
    seed: int = 0,
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The part of each sentence.

    A corpus has splits of its own where labelled sentences are called train and also dev or test. What is missing
    is drawn: dev from train where there is none, and where only test is missing (its labels are often kept secret)
    dev becomes the test and dev is drawn from train. Otherwise all sentences are drawn. Sentences of dev or test whose
    text is also in a part before take no part; where texts are drawn, copies go together.

    Parameters
    ----------
    sentences : `text`, perhaps `text_b` and `split`.
    labelled : (n_sentences,) whether the sentence has a label or a word with one; the others take no part.
    drop_copies : False leaves sentences of dev and test where a corpus's own splits repeat them, as published numbers
        on these splits do.
    shares : of the sentences, for train, dev and test; drawn over different texts.
    seed : of the draw; a text's part does not depend on the order of the sentences.

    Returns
    -------
    (n_sentences,) 0 = train, 1 = dev, 2 = test, -1 = none; and notes on what was drawn and what was left out.

    Raises
    ------
    OptionError : shares are not three numbers > 0 that sum to 1.
    """
    if len(shares) != 3 or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-9:
        raise OptionError(f"shares should be three numbers > 0 that sum to 1. Got {shares} instead.")
    texts = _texts(sentences)
    given = _given(sentences)
    given[~labelled] = NEITHER
    has_train, has_dev, has_test = (bool((given == part).any()) for part in (TRAIN, DEV, TEST))
    if not (has_train and (has_dev or has_test)):
        drawn = _drawn(texts, labelled, shares, seed)
        said = " / ".join(f"{share:.0%}" for share in shares)
        return drawn, (f"sentences were drawn at random: {said} for train, dev and test{_unread(sentences, given)}",)
    notes = []
    if not has_test:
        given[given == DEV] = TEST
        notes.append("no sentence of a test split is labelled: the dev split is the test")
    if not (has_dev and has_test):
        share = shares[DEV] / (shares[TRAIN] + shares[DEV])
        inside = given == TRAIN
        given[inside & (_drawn(texts, inside, (1 - share, share, 0.0), seed) == DEV)] = DEV
        notes.append(f"dev is a random {share:.0%} of the training sentences")
    stray = int(((given == NEITHER) & labelled).sum())
    if stray:
        notes.append(f"{_many(stray, 'sentence')} in no split called train, dev or test left out")
    if drop_copies:
        notes += _part_copies(given, texts)
    return given, tuple(notes)


def _part_copies(parts: np.ndarray, texts: pl.Series) -> list[str]:
    """Take out of dev what is in train, and out of test what is in train or dev."""
    notes = []
    for part, name, before in ((DEV, "dev", "train"), (TEST, "test", "train or dev")):
        earlier = (parts >= 0) & (parts < part)
        copies = (parts == part) & texts.is_in(texts.filter(pl.Series(earlier)).implode()).to_numpy()
        if copies.any():
            parts[copies] = NEITHER
            notes.append(f"{_many(int(copies.sum()), 'sentence')} of {name} left out: the same text is in {before}")
    return notes


def _given(sentences: pl.DataFrame) -> np.ndarray:
    parts = np.full(sentences.height, NEITHER, dtype=np.int64)
    if "split" in sentences.columns:
        names = sentences["split"].cast(pl.String).str.to_lowercase().fill_null("")
        for part, known in enumerate(SPLIT_NAMES):
            parts[names.is_in(known).to_numpy()] = part
    return parts


def _texts(sentences: pl.DataFrame) -> pl.Series:
    if "text_b" in sentences.columns:
        # A character that no text holds keeps ("a", "bc") and ("ab", "c") apart.
        return sentences.select(pl.concat_str("text", pl.lit("\0"), "text_b").alias("text"))["text"]
    return sentences["text"]


def _unread(sentences: pl.DataFrame, given: np.ndarray) -> str:
    """Names of splits that are no part's, so that a misspelt one is seen."""
    if "split" not in sentences.columns:
        return ""
    names = sentences["split"].filter(pl.Series(given == NEITHER)).drop_nulls().unique(maintain_order=True)
    others = [str(name) for name in names if str(name).strip()]
    if not others:
        return ""
    shown = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
    return f" (splits are called {shown}; understood are train, dev or validation, and test)"


def _drawn(texts: pl.Series, among: np.ndarray, shares: tuple[float, ...], seed: int) -> np.ndarray:
    chosen = texts.filter(pl.Series(among))
    unique = chosen.unique().sort()
    order = np.argsort(text_uniforms(unique, seed), kind="stable")
    bounds = np.round(np.cumsum(shares)[:-1] * len(unique))
    part_of_text = np.empty(len(unique), dtype=np.int64)
    part_of_text[order] = np.searchsorted(bounds, np.arange(len(unique)), side="right")
    parts = np.full(len(texts), NEITHER, dtype=np.int64)
    parts[among] = part_of_text[chosen.rank("dense").to_numpy().astype(np.int64) - 1]
    return parts


def _many(n: int, what: str) -> str:
    return f"1 {what}" if n == 1 else f"{n:,} {what}s"
