"""Which sub-words make up a word: by character overlap, never by counting or by the pre-tokenizer's words.

Knows offsets only. A sub-word that covers characters of two words belongs to both; a word that no sub-word covers
has no vector and is reported as uncovered.
"""

from __future__ import annotations

import numpy as np


def align_words(
    token_start: np.ndarray, token_end: np.ndarray, word_start: np.ndarray, word_end: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The first and the last token that overlap each word.

    Parameters
    ----------
    token_start, token_end : (n_tokens,) character offsets, both non-decreasing. Tokens of no width overlap nothing.
    word_start, word_end : (n_words,) character offsets.

    Returns
    -------
    first, last : (n_words,) int64 token numbers, both inclusive; -1 where no token overlaps the word.
    """
    wide = np.flatnonzero(token_end > token_start)
    starts, ends = token_start[wide], token_end[wide]
    first = np.searchsorted(ends, word_start, side="right")
    last = np.searchsorted(starts, word_end, side="left") - 1
    covered = (first <= last) & (word_end > word_start)
    found_first = np.full(len(word_start), -1, np.int64)
    found_last = np.full(len(word_start), -1, np.int64)
    found_first[covered] = wide[first[covered]]
    found_last[covered] = wide[last[covered]]
    return found_first, found_last


def surface_offsets(text: str, tokens: list[str]) -> list[tuple[int, int]]:
    """Offsets for tokenizers that give none: each token's surface is looked up in the text, left to right.

    Continuation marks (`##`, `▁`, `Ġ`, `@@`, `</w>`) are taken off and case is ignored. Tokens that are not found (an
    unknown-word token, a normalised character) stand for what lies between their neighbours, if that is no more words
    than there are such tokens.
    """
    folded = [c.lower() if len(c.lower()) == 1 else c for c in text]
    haystack = "".join(folded)
    offsets: list[tuple[int, int]] = []
    at = lost = 0

    def recover(until: int) -> None:
        skipped = haystack[at:until]
        start = at + len(skipped) - len(skipped.lstrip())
        stop = at + len(skipped.rstrip())
        if lost and start < stop:
            offsets[len(offsets) - lost :] = [(start, stop)] * lost

    for token in tokens:
        surface = token.removeprefix("##").lstrip("▁Ġ").removesuffix("@@").removesuffix("</w>").lower()
        found = haystack.find(surface, at) if surface else -1
        # A match beyond more words than there are lost tokens is a coincidence.
        if found < 0 or len(haystack[at:found].split()) > lost:
            offsets.append((at, at))
            lost += 1 if surface else 0
            continue
        recover(found)
        lost = 0
        at = found + len(surface)
        offsets.append((found, at))
    if len(haystack[at:].split()) <= lost:
        recover(len(haystack))
    return offsets
