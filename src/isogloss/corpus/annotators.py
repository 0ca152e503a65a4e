"""Labels for words that need no model and no download: casing, affixes, n-grams, position, frequency, class, tense.

An annotator is anything that can be called with a corpus and gives one label per word, in order; those here also have
a `name`, which becomes the label's. Labels that may have several values are joined by `|` in order of the alphabet
(`explode_label` takes them apart). Lexicons are in `lexicon`.
"""

from __future__ import annotations

import csv
import math
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import polars as pl

from isogloss.corpus.labels import SEPARATOR, missing_name, suggestion
from isogloss.corpus.readers.files import numbered_lines, read_text
from isogloss.corpus.trees import FEATS, feature
from isogloss.corpus.word_lists import FUNCTION_WORDS, PREFIXES, SUFFIXES
from isogloss.errors import CorpusError, OptionError

if TYPE_CHECKING:
    from isogloss.corpus.corpus import Corpus


@runtime_checkable
class Annotator(Protocol):
    """One label per word of a corpus."""

    @property
    def name(self) -> str:
        """What the label is called."""
        ...

    def __call__(self, corpus: Corpus) -> Sequence[str | None] | pl.Series:
        """(n_words,) labels in order of `corpus.words`; None = unlabelled."""
        ...


def by_type(words: pl.Series, label: Callable[[str], str | None]) -> pl.Series:
    """Label every word, asking once per different word.

    Parameters
    ----------
    words : (n_words,) String.
    label : the label of a word, or None.

    Returns
    -------
    (n_words,) String.
    """
    types = words.unique().to_frame("word")
    values = pl.Series("value", [label(word) for word in types["word"].to_list()], dtype=pl.String)
    joined = words.alias("word").to_frame().join(types.with_columns(values), "word", "left", maintain_order="left")
    return joined["value"]


@dataclass(frozen=True)
class Casing:
    """`lower`, `title` (also a single capital), `upper`, `mixed`; none where a word has no cased letter."""

    name: str = "casing"

    def __call__(self, corpus: Corpus) -> pl.Series:
        """One label per word."""
        return by_type(corpus.words["word"], casing_of)


def casing_of(word: str) -> str | None:
    """`lower`, `title`, `upper`, `mixed`, or None for a word without a cased letter."""
    cased = [c for c in word if c.isupper() or c.islower() or c.istitle()]
    if not cased:
        return None
    if all(c.islower() for c in cased):
        return "lower"
    if not cased[0].islower() and all(c.islower() for c in cased[1:]):
        return "title"
    return "upper" if all(c.isupper() for c in cased) else "mixed"


@dataclass(frozen=True)
class Suffix:
    """The longest of the listed endings that leaves a stem, or the last `length` characters.

    Parameters
    ----------
    suffixes : endings in lower case; `SUFFIXES` is a list for English.
    length : instead of the list, take so many characters.
    stem : shortest stem, in characters.
    """

    suffixes: tuple[str, ...] = SUFFIXES
    length: int | None = None
    stem: int = 3
    name: str = "suffix"

    def __call__(self, corpus: Corpus) -> pl.Series:
        """One label per word of letters; none where no ending fits."""
        longest = sorted(self.suffixes, key=lambda s: (-len(s), s))
        return by_type(corpus.words["word"], lambda word: self._of(word.lower(), longest))

    def _of(self, word: str, longest: list[str]) -> str | None:
        if not word.isalpha():
            return None
        if self.length is not None:
            return word[-self.length :] if len(word) >= self.length + self.stem else None
        return next((s for s in longest if word.endswith(s) and len(word) >= len(s) + self.stem), None)


@dataclass(frozen=True)
class Prefix:
    """The longest of the listed beginnings that leaves a stem, or the first `length` characters.

    Parameters
    ----------
    prefixes : beginnings in lower case; `PREFIXES` is a list for English.
    length : instead of the list, take so many characters.
    stem : shortest stem, in characters.
    """

    prefixes: tuple[str, ...] = PREFIXES
    length: int | None = None
    stem: int = 3
    name: str = "prefix"

    def __call__(self, corpus: Corpus) -> pl.Series:
        """One label per word of letters; none where no beginning fits."""
        longest = sorted(self.prefixes, key=lambda p: (-len(p), p))
        return by_type(corpus.words["word"], lambda word: self._of(word.lower(), longest))

    def _of(self, word: str, longest: list[str]) -> str | None:
        if not word.isalpha():
            return None
        if self.length is not None:
            return word[: self.length] if len(word) >= self.length + self.stem else None
        return next((p for p in longest if word.startswith(p) and len(word) >= len(p) + self.stem), None)


@dataclass(frozen=True)
class CharacterNgrams:
    """Every run of `n` characters of the lower-cased word, `|` between them; those that hold a `|` are left out.

    Parameters
    ----------
    n : length.
    edges : mark the word's ends by `^` and `$`, so that `^un` is a prefix and `ed$` a suffix.
    """

    n: int = 3
    edges: bool = False
    name: str = "ngrams"

    def __post_init__(self) -> None:
        if self.n < 1:
            raise OptionError(f"CharacterNgrams: n should be >= 1. Got {self.n} instead.")

    def __call__(self, corpus: Corpus) -> pl.Series:
        """Several values per word; none for words shorter than `n`."""
        return by_type(corpus.words["word"], self._of)

    def _of(self, word: str) -> str | None:
        text = f"^{word.lower()}$" if self.edges else word.lower()
        return join_values(text[at : at + self.n] for at in range(len(text) - self.n + 1))


@dataclass(frozen=True)
class Position:
    """`first`, `early`, `middle`, `late` or `last` word of its sentence; the three between are thirds.

    A sentence is as long as its last word here says: annotate before words are left out.
    """

    name: str = "position_band"

    def __call__(self, corpus: Corpus) -> pl.Series:
        """One label per word."""
        position, last = pl.col("position"), pl.col("position").max().over("sentence", "part")
        label = (
            pl.when(position == 0)
            .then(pl.lit("first"))
            .when(position == last)
            .then(pl.lit("last"))
            .when(position * 3 < last)
            .then(pl.lit("early"))
            .when(position * 3 <= last * 2)
            .then(pl.lit("middle"))
            .otherwise(pl.lit("late"))
        )
        return corpus.words.select(label.alias(self.name)).to_series()


@dataclass(frozen=True)
class FrequencyBand:
    """How frequent the lower-cased word is.

    Without a file, by its count in the corpus itself, in powers of ten: `1`, `2-9`, `10-99`, `100-999` ... With one,
    by the number that the file gives it, in bands of `width`: `3-4` holds 3 and more, less than 4; none for
    words that are not in the file.

    Parameters
    ----------
    path : comma- or tab-separated (by ending; tabs unless it is .csv), with a header.
    word, column : the file's columns; the number may be a Zipf frequency or any other.
    width : of a band, in the file's unit.
    encoding : of the file.
    """

    path: str | Path | None = None
    column: str = "zipf"
    word: str = "word"
    width: float = 1.0
    encoding: str = "utf-8"
    name: str = "frequency"

    def __call__(self, corpus: Corpus) -> pl.Series:
        """One label per word."""
        if not self.width > 0:
            raise OptionError(f"FrequencyBand: width should be > 0. Got {self.width} instead.")
        words = corpus.words["word"].str.to_lowercase()
        if self.path is not None:
            table = _read_frequencies(Path(self.path), self.word, self.column, self.encoding)
            return by_type(words, lambda word: self._band(table.get(word)))
        counts = dict(words.value_counts().iter_rows())
        return by_type(words, lambda word: decade(counts[word]))

    def _band(self, value: float | None) -> str | None:
        if value is None:
            return None
        low = math.floor(value / self.width) * self.width
        return f"{low:g}-{low + self.width:g}"


def decade(count: int) -> str:
    """The band of a count, in powers of ten: `1`, `2-9`, `10-99` ..."""
    if count == 1:
        return "1"
    low = 10 ** (len(str(count)) - 1)
    return f"{max(low, 2)}-{low * 10 - 1}"


def _read_frequencies(path: Path, word: str, column: str, encoding: str) -> dict[str, float]:
    delimiter = "," if path.suffix.lower() == ".csv" else "\t"
    table: dict[str, float] = {}
    header: list[str] | None = None
    for number, line in numbered_lines(read_text(path, encoding)):
        try:
            row = next(csv.reader([line])) if delimiter == "," else line.split(delimiter)
        except csv.Error as error:
            raise CorpusError(f"{path}, line {number}: {error}") from None
        if header is None:
            header = row
            for name in (word, column):
                if name not in header:
                    raise missing_name(name, header, str(path), "column")
            continue
        try:
            value = float(row[header.index(column)])
            if not math.isfinite(value):
                raise ValueError
            # Spellings that differ in case only: the first, which in ranked lists is the more frequent.
            table.setdefault(row[header.index(word)].lower(), value)
        except (ValueError, IndexError):
            raise CorpusError(f"{path}, line {number}: a word and a number in {column!r} are expected") from None
    return table


@dataclass(frozen=True)
class WordClass:
    """`punctuation`, `number`, `function` (of the closed list of English) or `content`.

    Parameters
    ----------
    function_words : in lower case.
    """

    function_words: frozenset[str] = FUNCTION_WORDS
    name: str = "word_class"

    def __call__(self, corpus: Corpus) -> pl.Series:
        """One label per word."""
        return by_type(corpus.words["word"], lambda word: word_class_of(word, self.function_words))


def word_class_of(word: str, function_words: frozenset[str] = FUNCTION_WORDS) -> str:
    """`punctuation`, `number`, `function` or `content`."""
    if not any(c.isalnum() for c in word):
        # Symbols and emoji stand with punctuation: they are not words of the language. Marks alone too.
        return "punctuation" if word.lower() not in function_words else "function"
    if any(c.isnumeric() for c in word) and not any(unicodedata.category(c)[0] == "L" for c in word):
        return "number"
    return "function" if word.lower().replace("’", "'") in function_words else "content"


@dataclass(frozen=True)
class Tense:
    """`past` or `present`, of finite verbs and auxiliaries; none for every other word.

    From the word label `feats` of CoNLL-U (`Tense=Past`), else from Penn Treebank tags in `xpos` or `pos` (VBD, VBP,
    VBZ).

    Parameters
    ----------
    finite : False labels participles and others as well, where `feats` gives them a tense.
    """

    finite: bool = True
    name: str = "tense"

    def __call__(self, corpus: Corpus) -> pl.Series:
        """One label per word.

        Raises
        ------
        CorpusError : the words have neither `feats`, `xpos` nor `pos`.
        """
        if FEATS in corpus.token_labels:
            counted = feature("VerbForm") == "Fin" if self.finite else pl.lit(value=True)
            names = {"Past": "past", "Pres": "present"}
            values = corpus.words.select(pl.when(counted).then(feature("Tense"))).to_series()
            return values.replace_strict(names, default=None, return_dtype=pl.String)
        for tags in ("xpos", "pos"):
            if tags in corpus.token_labels:
                names = {"VBD": "past", "VBP": "present", "VBZ": "present"}
                return corpus.words[tags].replace_strict(names, default=None, return_dtype=pl.String)
        there = ", ".join(corpus.token_labels) or "none"
        raise CorpusError(f"the annotator tense needs the word label feats, xpos or pos; {corpus.name} has {there}")


ANNOTATORS: dict[str, Callable[[], Annotator]] = {
    "casing": Casing,
    "suffix": Suffix,
    "prefix": Prefix,
    "ngrams": CharacterNgrams,
    "position": Position,
    "frequency": FrequencyBand,
    "word_class": WordClass,
    "tense": Tense,
}
"""Built-in annotators by the name that `Corpus.annotate` knows them by."""


def join_values(values: Iterable[str]) -> str | None:
    """Different values in order of the alphabet with `|` between; None if there is none. Values with a `|` go."""
    return SEPARATOR.join(sorted({value for value in values if value and SEPARATOR not in value})) or None


def resolve(given: Any, name: str | None) -> tuple[str, Callable[[Corpus], Sequence[str | None] | pl.Series]]:
    """An annotator by name, or as given, and what its label is called.

    Raises
    ------
    OptionError : there is no such annotator, or what is given cannot be called or has no name.
    """
    if isinstance(given, str):
        if given not in ANNOTATORS:
            raise OptionError(
                f"there is no annotator {given!r}; there is {', '.join(ANNOTATORS)}"
                f"{suggestion(given, list(ANNOTATORS))}"
            )
        given = ANNOTATORS[given]()
    if isinstance(given, type) or not callable(given):
        raise OptionError(f"an annotator is a name or can be called with a corpus; got {given!r}")
    label = name or getattr(given, "name", None) or getattr(given, "__name__", None)
    if not label or label == "<lambda>":
        raise OptionError("an annotator without a name needs one: annotate(my_label=...)")
    return str(label), given
