"""Text to words with character offsets, where a file brings no tokens of its own.

The rule, in order; at each point of the text the first that matches makes one word:

1. A flag, or an emoji with its modifiers and everything joined to it (`👩‍👩‍👧`, `👍🏽`, `❤️`).
2. An initialism: single letters each with a period (`U.S.`, `e.g.`).
3. An English clitic that stands after its apostrophe (`'s`, `'re`, `'ve`, `'ll`, `'d`, `'m`), as in text that was
   tokenised before (`it 's`).
4. A Chinese character; a run of hiragana; a run of katakana. There are no spaces to go by, and no dictionary here.
5. A run of letters, digits and combining marks; inside it also apostrophes, hyphens, underscores, Hebrew geresh and
   gershayim, soft hyphens and zero-width (non-)joiners (`don't`, `so-so`), and periods, commas and colons between
   digits (`3.14`, `1,000`, `10:30`).
6. Any other visible character alone, with the combining marks that follow it (`!`, `…`, `#️⃣`).

White space, control characters (NUL too) and invisible format characters part words and belong to none. Every other
character belongs to exactly one word, so nothing visible is lost. Nothing is lower-cased or normalised. It does not
segment scripts that write no spaces (Thai, Khmer), does not know URLs, and does not detach clitics (`don't` is one
word).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

_INVISIBLE = r"[\s\p{Cc}\p{Cf}\p{Z}]"
_EMOJI_TAIL = r"[\x{FE0F}\x{1F3FB}-\x{1F3FF}\x{20E3}\x{E0020}-\x{E007F}]*"
_EMOJI = rf"\p{{Extended_Pictographic}}{_EMOJI_TAIL}"
_LETTER = r"[[\p{L}\p{M}\p{N}]--[\p{Nd}\p{Han}\p{Hiragana}\p{Katakana}]]"
_NUMBER = r"\p{Nd}+(?:[.,:]\p{Nd}+)*"
_RUN = rf"(?:{_NUMBER}|{_LETTER})+"
_JOINER = r"['’ʼ_\-‐‑׳״\x{AD}\x{200C}\x{200D}]"
_PIECE = "|".join(
    (
        r"\p{Regional_Indicator}{2}",
        rf"{_EMOJI}(?:\x{{200D}}{_EMOJI})*",
        r"\p{L}\.(?:\p{L}\.)+",
        r"['’](?i:s|re|ve|ll|d|m)\b",
        r"\p{Han}\p{M}*",
        r"\p{Hiragana}[\p{Hiragana}ー\p{M}]*",
        r"\p{Katakana}[\p{Katakana}ー\p{M}]*",
        rf"{_RUN}(?:{_JOINER}{_RUN})*",
        rf"{_INVISIBLE}+",
        r"(?s:.)\p{M}*",
    )
)
_BLOCK = 4096


@dataclass(frozen=True)
class SplitTexts:
    """The words of many texts, flat, in order.

    Attributes
    ----------
    text : (n_words,) uint32 number of the text that each word is in.
    word : (n_words,) String.
    start, end : (n_words,) uint32 character offsets; `text[start:end] == word`.
    """

    text: np.ndarray
    word: pl.Series
    start: np.ndarray
    end: np.ndarray


def split_words(text: str) -> list[tuple[str, int, int]]:
    """The words of one text by the rule at the head of this file.

    Returns
    -------
    (word, start, end) in order, with `text[start:end] == word`.

    Examples
    --------
    >>> split_words("It's 3.5, isn't it?")
    [("It's", 0, 4), ('3.5', 5, 8), (',', 8, 9), ("isn't", 10, 15), ('it', 16, 18), ('?', 18, 19)]
    """
    split = split_texts(pl.Series([text], dtype=pl.String))
    return list(zip(split.word.to_list(), split.start.tolist(), split.end.tolist(), strict=True))


def split_texts(texts: pl.Series) -> SplitTexts:
    """The words of many texts at once, without a Python object per word.

    Each text is cut into words and the gaps between them, which together are the whole text: the sums of the
    pieces' lengths are the offsets.

    Parameters
    ----------
    texts : String, no nulls.
    """
    parts = [_split_block(texts.slice(at, _BLOCK), at) for at in range(0, len(texts), _BLOCK)]
    if not parts:
        nothing = np.empty(0, np.uint32)
        return SplitTexts(nothing, pl.Series("word", [], dtype=pl.String), nothing, nothing)
    return SplitTexts(
        np.concatenate([part.text for part in parts]),
        pl.concat([part.word for part in parts], rechunk=True),
        np.concatenate([part.start for part in parts]),
        np.concatenate([part.end for part in parts]),
    )


def _split_block(texts: pl.Series, first: int) -> SplitTexts:
    pieces = texts.alias("word").str.extract_all(_PIECE)
    counts = pieces.list.len().to_numpy()
    flat = pieces.filter(pl.Series(counts > 0)).explode()
    lengths = flat.str.len_chars().to_numpy().astype(np.int64)
    ends = np.cumsum(lengths)
    owner = np.repeat(np.arange(len(texts)), counts)
    before = np.concatenate(([0], np.cumsum(texts.str.len_chars().to_numpy().astype(np.int64))))[:-1]
    ends -= before[owner]
    visible = ~flat.str.contains(rf"^{_INVISIBLE}")
    keep = visible.to_numpy()
    return SplitTexts(
        (owner[keep] + first).astype(np.uint32),
        flat.filter(visible),
        (ends - lengths)[keep].astype(np.uint32),
        ends[keep].astype(np.uint32),
    )
