"""One word per line with its labels in further columns, sentences parted by blank lines: CoNLL-2000 and its like.

Columns are parted by white space (tabs only, where a line has one). The text is not in such files: it is rebuilt
with one space between words. `-DOCSTART-` lines are skipped.
"""

from __future__ import annotations

import re
from pathlib import Path

from isogloss.corpus.draft import Draft, refuse_reserved
from isogloss.corpus.labels import suggestion
from isogloss.corpus.readers.files import numbered_lines, read_text
from isogloss.corpus.readers.options import ReadOptions
from isogloss.corpus.readers.tokens import SentenceCollector, Token
from isogloss.errors import CorpusError

_NAMES_BY_WIDTH = {1: (), 2: ("tag",), 3: ("pos", "chunk"), 4: ("pos", "chunk", "ner")}
_SPACES = re.compile("[ \t]+")


def read_columns(path: Path, options: ReadOptions) -> Draft:
    """Words and labels.

    The columns are called `word`, `pos`, `chunk`, `ner` as far as there are up to four (with two: `word`, `tag`),
    unless `columns` names them. The column `word` holds the words; `_` names a column that is not wanted.
    """
    names = options.columns
    wanted: list[tuple[str, int]] = []
    word_at = 0
    collector: SentenceCollector | None = None
    tokens: list[Token] = []
    rows: list[list[str | None]] = []
    for number, line in numbered_lines(read_text(path, options.encoding)):
        if not line.strip(" \t"):
            if collector and tokens:
                collector.add(tokens, rows, None, {})
                tokens, rows = [], []
            continue
        if line.startswith("-DOCSTART-"):
            continue
        row = line.split("\t") if "\t" in line else _SPACES.split(line.strip(" "))
        if collector is None:
            names = names or _default_names(len(row), path, number)
            word_at = _word_column(names, path)
            wanted = [(name, at) for at, name in enumerate(names) if at != word_at and name != "_"]
            for name, _ in wanted:
                refuse_reserved(name, str(path))
            collector = SentenceCollector(str(path), [name for name, _ in wanted])
        if names is None or len(row) != len(names):
            raise CorpusError(f"{path}, line {number}: {len(row)} columns where {len(names or ())} are expected")
        if not row[word_at]:
            raise CorpusError(f"{path}, line {number}: the word is empty")
        tokens.append(Token(row[word_at], (row[word_at],)))
        rows.append([row[at] or None for _, at in wanted])
    if collector is None:
        raise CorpusError(f"{path} has no words")
    if tokens:
        collector.add(tokens, rows, None, {})
    return collector.draft(options.labels)


def _default_names(width: int, path: Path, line: int) -> tuple[str, ...]:
    if width not in _NAMES_BY_WIDTH:
        raise CorpusError(
            f"{path}, line {line}: {width} columns",
            "name them, for example {columns}",
            columns=("word", "pos", "_", "tag"),
        )
    return ("word", *_NAMES_BY_WIDTH[width])


def _word_column(names: tuple[str, ...], path: Path) -> int:
    if names.count("word") != 1:
        raise CorpusError(
            f"{path}: one of the columns must be called 'word', found {', '.join(names)}{suggestion('word', names)}"
        )
    return names.index("word")
