"""Families of labels that words carry in themselves: affixes, character n-grams, casing, frequency, lexicons.

Every function takes n words and gives n tuples of labels, in the same order, empty where a word has none; each
different word is looked at once. `align_labels` takes them as they are. Reading lexicon files is the corpus's work:
what it reads comes in here as words by category, or as a function from a word to its categories.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from isogloss.concepts.inputs import Words, check_count, word_strings
from isogloss.errors import OptionError

Labels = list[tuple[str, ...]]


def suffixes(words: Words, lengths: Sequence[int] = (2, 3, 4), *, stem: int = 2) -> Labels:
    """All endings of the given lengths, in lower case, with a hyphen before them: `-ing`.

    Parameters
    ----------
    words : n words.
    lengths : characters of an ending, each at least 1.
    stem : fewest characters that an ending must leave. Words with anything but letters have no affixes.
    """
    _check_lengths(lengths)
    return _by_type(words, lambda w: [f"-{w[-n:]}" for n in lengths if len(w) >= n + stem] if w.isalpha() else [])


def prefixes(words: Words, lengths: Sequence[int] = (2, 3, 4), *, stem: int = 2) -> Labels:
    """All beginnings of the given lengths, in lower case, with a hyphen behind them: `un-`. See `suffixes`."""
    _check_lengths(lengths)
    return _by_type(words, lambda w: [f"{w[:n]}-" for n in lengths if len(w) >= n + stem] if w.isalpha() else [])


def character_ngrams(words: Words, lengths: Sequence[int] = (2, 3, 4), *, edges: bool = False) -> Labels:
    """All runs of the given lengths in the lower-cased word.

    Parameters
    ----------
    words : n words.
    lengths : characters of a run, each at least 1.
    edges : mark the word's ends by `^` and `$`, so that `^un` is a prefix.
    """
    _check_lengths(lengths)

    def runs(word: str) -> list[str]:
        text = f"^{word}$" if edges else word
        return [text[at : at + n] for n in lengths for at in range(len(text) - n + 1)]

    return _by_type(words, runs)


def casing(words: Words) -> Labels:
    """`lower`, `title` (also a single capital), `upper` or `mixed`; none where a word has no cased letter."""

    def label(word: str) -> list[str]:
        cased = [c for c in word if c.isupper() or c.islower() or c.istitle()]
        if not cased:
            return []
        if all(c.islower() for c in cased):
            return ["lower"]
        if not cased[0].islower() and all(c.islower() for c in cased[1:]):
            return ["title"]
        return ["upper" if all(c.isupper() for c in cased) else "mixed"]

    return _by_type(words, label, fold=False)


def frequency_bands(words: Words, counts: Mapping[str, int] | None = None) -> Labels:
    """How often the lower-cased word occurs, in powers of ten: `1`, `2-9`, `10-99`, `100-999` ...

    Parameters
    ----------
    words : n words.
    counts : occurrences by lower-cased word, as of a larger corpus; words it lacks have no band. None = in `words`.
    """
    known = Counter(word_strings(words).str.to_lowercase().to_list()) if counts is None else counts

    def band(word: str) -> list[str]:
        count = known.get(word, 0)
        if count < 2:
            return ["1"] if count == 1 else []
        low = 10 ** (len(str(count)) - 1)
        return [f"{max(low, 2)}-{low * 10 - 1}"]

    return _by_type(words, band)


def lexicon(words: Words, categories: Mapping[str, Iterable[str]] | Callable[[str], Iterable[str]]) -> Labels:
    """The categories of each word, compared in lower case.

    Parameters
    ----------
    words : n words.
    categories : words by category, where `word*` stands for all that begins with `word`; or a function from a word in
        lower case to its categories.
    """
    if callable(categories):
        return _by_type(words, categories)
    whole: dict[str, list[str]] = {}
    beginning: dict[str, list[str]] = {}
    for category, listed in categories.items():
        for word in listed:
            folded = word.lower()
            index, key = (beginning, folded[:-1]) if folded.endswith("*") else (whole, folded)
            index.setdefault(key, []).append(category)

    def found(word: str) -> list[str]:
        own = whole.get(word, [])
        if not beginning:
            return own
        return own + [c for end in range(len(word) + 1) for c in beginning.get(word[:end], ())]

    return _by_type(words, found)


def _by_type(words: Words, label: Callable[[str], Iterable[str]], fold: bool = True) -> Labels:
    strings = word_strings(words)
    spelled = (strings.str.to_lowercase() if fold else strings).to_list()
    known = {word: tuple(sorted(set(label(word)))) for word in set(spelled)}
    return [known[word] for word in spelled]


def _check_lengths(lengths: Sequence[int]) -> None:
    if not lengths:
        raise OptionError("lengths should hold at least one length. Got none.")
    for length in lengths:
        check_count(length, "lengths", 1)
