"""CoNLL-U, and the CoNLL-U-Lex of STREUSLE with its supersenses and multiword expressions.

Token labels: `lemma`, `upos`, `xpos`, `feats`, `head`, `deprel`, and every feature by its own name (`Number`,
`Tense` ...). CoNLL-U-Lex adds `lexcat`, `lexlemma`, `supersense` (for prepositions: the scene role), `function`
(their second supersense), `smwe`, `wmwe`, `wcat`, `wlemma` and `lextag`, on the word that carries them in the file.
`_` is no label. The words are the syntactic words; those of a multiword token (`don't` = `do` + `n't`) have their own
part of it if they spell it, else the place of the whole token. Empty nodes (`8.1`) have no place in the text and are
left out. Dependencies beyond the basic tree are not read.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from isogloss.corpus.draft import RESERVED, Draft
from isogloss.corpus.readers.files import numbered_lines, read_text
from isogloss.corpus.readers.options import ReadOptions
from isogloss.corpus.readers.tokens import SentenceCollector, Token
from isogloss.errors import CorpusError

_LABELS = {"lemma": 2, "upos": 3, "xpos": 4, "feats": 5, "head": 6, "deprel": 7}
_LEX_LABELS = {
    "smwe": 10,
    "lexcat": 11,
    "lexlemma": 12,
    "supersense": 13,
    "function": 14,
    "wmwe": 15,
    "wcat": 16,
    "wlemma": 17,
    "lextag": 18,
}
_FORM, _MISC = 1, 9


def read_conllu(path: Path, options: ReadOptions) -> Draft:
    """Ten columns, tab-separated."""
    return _read(path, options, _LABELS, 10)


def read_conllulex(path: Path, options: ReadOptions) -> Draft:
    """CoNLL-U with nine columns more."""
    return _read(path, options, _LABELS | _LEX_LABELS, 19)


def _read(path: Path, options: ReadOptions, labels: dict[str, int], n_columns: int) -> Draft:
    collector = SentenceCollector(str(path), list(labels))
    comments: dict[str, str] = {}
    rows: list[list[str]] = []
    first = 1
    for number, line in numbered_lines(read_text(path, options.encoding)):
        if not line.strip():
            _add(collector, comments, rows, labels, path, first)
            comments, rows = {}, []
        elif line.startswith("#") and not rows:
            key, equals, value = line[1:].partition("=")
            comments[key.strip()] = value.strip() if equals else ""
        else:
            row = line.split("\t")
            if len(row) != n_columns:
                raise CorpusError(
                    f"{path}, line {number}: {len(row)} tab-separated columns where {n_columns} are expected"
                )
            if not rows:
                first = number
            rows.append(row)
    _add(collector, comments, rows, labels, path, first)
    names = list(labels)
    feats = pl.Series("feats", collector.labels[names.index("feats")], dtype=pl.String)
    return collector.draft(options.labels, _features(feats, RESERVED | labels.keys()))


def _add(
    collector: SentenceCollector,
    comments: dict[str, str],
    rows: list[list[str]],
    labels: dict[str, int],
    path: Path,
    first: int,
) -> None:
    if not rows:
        return
    tokens: list[Token] = []
    values: list[list[str | None]] = []
    open_surface: tuple[str, int, bool] | None = None
    inside: list[str] = []
    expected = 1
    for offset, row in enumerate(rows):
        number = row[0]
        if "." in number:
            continue
        if "-" in number:
            open_surface = (row[_FORM], _range_end(number, expected, path, first + offset), _space_after(row))
            inside = []
            continue
        if number != str(expected):
            raise CorpusError(f"{path}, line {first + offset}: the word's number is {number!r}, expected {expected}")
        if not row[_FORM]:
            raise CorpusError(f"{path}, line {first + offset}: the word is empty")
        expected += 1
        values.append([_label(row, name, at) for name, at in labels.items()])
        if open_surface is None:
            tokens.append(Token(row[_FORM], (row[_FORM],), _space_after(row)))
            continue
        inside.append(row[_FORM])
        surface, last, space = open_surface
        if expected > last:
            tokens.append(Token(surface, tuple(inside), space))
            open_surface = None
    if open_surface is not None:
        raise CorpusError(
            f"{path}, line {first + len(rows) - 1}: the sentence ends inside the multiword token {open_surface[0]!r}"
        )
    collector.add(tokens, values, comments.get("text") or None, comments, comments.get("sent_id"))


def _range_end(number: str, expected: int, path: Path, line: int) -> int:
    start, _, end = number.partition("-")
    if start != str(expected) or not end.isdecimal() or int(end) < expected:
        raise CorpusError(f"{path}, line {line}: the multiword token {number!r} does not begin at word {expected}")
    return int(end)


def _label(row: list[str], name: str, at: int) -> str | None:
    value = row[at]
    # The lemma of the word "_" is "_".
    if value == "_" and not (name == "lemma" and row[_FORM] == "_"):
        return None
    return value or None


def _space_after(row: list[str]) -> bool:
    return "SpaceAfter=No" not in row[_MISC].split("|")


def _features(feats: pl.Series, taken: frozenset[str] | set[str]) -> dict[str, pl.Series]:
    """One column per feature, from the few different combinations that occur."""
    combinations = feats.unique().drop_nulls().sort()
    by_name: dict[str, dict[str, str]] = {}
    for combination in combinations.to_list():
        for pair in combination.split("|"):
            name, equals, value = pair.partition("=")
            if equals and name not in taken:
                by_name.setdefault(name, {})[combination] = value
    return {
        name: feats.replace_strict(values, default=None, return_dtype=pl.String).alias(name)
        for name, values in sorted(by_name.items())
    }
