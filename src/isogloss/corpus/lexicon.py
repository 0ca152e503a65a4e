"""User lexicons: a file of categories, each a list of words; every word of a corpus gets the categories it is in.

Formats: Empath's (one category per line: its name, then its words, with tabs between; in a file without any tab, with
spaces), LIWC's `.dic` (numbered
categories between two `%` lines, then words with category numbers), and JSON (`{"category": ["word", ...]}`).
Words are matched in lower case; `word*` matches whatever begins with `word`. Entries of several words match nothing,
and LIWC's conditional categories (`(02 134)125/464`) are not read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from isogloss.corpus.annotators import by_type, join_values
from isogloss.corpus.labels import SEPARATOR, suggestion
from isogloss.corpus.readers.files import numbered_lines, read_text
from isogloss.errors import CorpusError, OptionError

if TYPE_CHECKING:
    from isogloss.corpus.corpus import Corpus

_FORMATS = {"empath": (".tsv", ".txt"), "liwc": (".dic",), "json": (".json",)}
_CONDITION = re.compile(r"\([^()]*\)\S*")


@dataclass(frozen=True)
class Lexicon:
    """Categories of words; an annotator whose labels are the categories, `|` between several.

    Attributes
    ----------
    name : what the label is called.
    categories : words in lower case by category; a word may be in several and may end in `*`.
    """

    name: str
    categories: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        for category in self.categories:
            if SEPARATOR in category or not category:
                raise CorpusError(f"the category {category!r} of {self.name} must have a name without {SEPARATOR!r}")

    @cached_property
    def _index(self) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        """Categories by whole word, and by the beginning before a `*`."""
        whole: dict[str, list[str]] = {}
        beginning: dict[str, list[str]] = {}
        for category, words in self.categories.items():
            for word in words:
                if word.endswith("*"):
                    beginning.setdefault(word[:-1], []).append(category)
                else:
                    whole.setdefault(word, []).append(category)
        return whole, beginning

    def categories_of(self, word: str) -> tuple[str, ...]:
        """The categories of a word, in order of the alphabet."""
        folded = word.lower()
        whole, beginning = self._index
        found = set(whole.get(folded, ()))
        if beginning:
            for end in range(len(folded) + 1):
                found.update(beginning.get(folded[:end], ()))
        return tuple(sorted(found))

    def __call__(self, corpus: Corpus) -> pl.Series:
        """The categories of each word; none where it has none."""
        return by_type(corpus.words["word"], lambda word: join_values(self.categories_of(word)))


def lexicon(categories: Mapping[str, Iterable[str]], name: str = "lexicon") -> Lexicon:
    """A lexicon from words by category."""
    return Lexicon(name, {c: tuple(dict.fromkeys(w.lower() for w in words)) for c, words in categories.items()})


def read_lexicon(
    path: str | Path,
    *,
    name: str | None = None,
    format: str | None = None,  # noqa: A002
    encoding: str = "utf-8",
) -> Lexicon:
    """A lexicon from a file.

    Parameters
    ----------
    path : the file.
    name : what the label is to be called; None = the file's name without its ending.
    format : empath, liwc or json; None = by the ending (.tsv or .txt, .dic, .json).
    encoding : of the file.

    Raises
    ------
    CorpusError : the file cannot be read or is not of that format; names the line.
    OptionError : there is no such format.
    """
    file = Path(path)
    if format is None:
        format = next((f for f, ends in _FORMATS.items() if file.suffix.lower() in ends), None)  # noqa: A001
        if format is None:
            raise CorpusError(
                f"{file}: its ending does not say what lexicon it is",
                f"say it: {{format}} one of {', '.join(_FORMATS)}",
                format=None,
            )
    if format not in _FORMATS:
        raise OptionError(
            f"there is no lexicon format {format!r}; there is {', '.join(_FORMATS)}{suggestion(format, list(_FORMATS))}"
        )
    read = {"empath": _read_empath, "liwc": _read_liwc, "json": _read_json}[format]
    categories = read(read_text(file, encoding), file)
    for category in categories:
        if SEPARATOR in category or not category:
            raise CorpusError(f"{file}: the category {category!r} must have a name without {SEPARATOR!r}")
    if not any(categories.values()):
        raise CorpusError(f"{file} has no category with words")
    return lexicon(categories, name or file.stem)


def _read_empath(text: str, path: Path) -> dict[str, list[str]]:
    categories: dict[str, list[str]] = {}
    delimiter = "\t" if "\t" in text else None
    for number, line in numbered_lines(text):
        if not line.strip():
            continue
        category, *words = (field.strip() for field in line.split(delimiter))
        if not words:
            raise CorpusError(f"{path}, line {number}: a category, a tab and words are expected, found {line[:60]!r}")
        if category in categories:
            raise CorpusError(f"{path}, line {number}: the category {category!r} is there twice")
        categories[category] = [word for word in words if word]
    return categories


def _read_liwc(text: str, path: Path) -> dict[str, list[str]]:
    names: dict[str, str] = {}
    categories: dict[str, list[str]] = {}
    marks = 0
    for number, line in numbered_lines(text):
        line = line.strip()
        if line == "%":
            marks += 1
            continue
        if not line:
            continue
        if marks == 0:
            raise CorpusError(f"{path}, line {number}: the first line must be %, then come the categories")
        if marks == 1:
            key, *rest = line.split(maxsplit=1)
            if not rest or not key.isdecimal():
                raise CorpusError(f"{path}, line {number}: a number and a category are expected, found {line[:60]!r}")
            # LIWC puts a description in parentheses behind the name.
            names[key] = rest[0].split("(")[0].strip() or rest[0]
            categories.setdefault(names[key], [])
            continue
        word, *rest = line.split("\t", 1) if "\t" in line else line.split(None, 1)
        for key in _CONDITION.sub(" ", rest[0] if rest else "").split():
            if "/" in key:
                continue
            if key not in names:
                raise CorpusError(f"{path}, line {number}: there is no category {key!r} above")
            categories[names[key]].append(word.strip())
    if marks < 2:
        raise CorpusError(f"{path}: the categories must stand between two lines of %; found {marks}")
    return categories


def _read_json(text: str, path: Path) -> dict[str, list[str]]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"{path}, line {getattr(error, 'lineno', 1)}: not JSON: {error}") from None
    if not isinstance(content, dict):
        raise CorpusError(f'{path}: an object {{"category": ["word", ...]}} is expected')
    for category, words in content.items():
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise CorpusError(f"{path}: the category {category!r} must hold a list of words")
    return content
