"""Word labels that come in a table of their own, such as STREUSLE's preposition supersenses for words of EWT.

Does not read the sentences: those are a corpus already, with ids.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from isogloss.corpus.draft import refuse_reserved
from isogloss.corpus.labels import missing_name
from isogloss.corpus.readers.files import numbered_lines, read_text
from isogloss.errors import CorpusError

if TYPE_CHECKING:
    from isogloss.corpus.corpus import Corpus

SENTENCE, WORDS, SPELLED = "sent_id", "token_ids", "tokens"
"""Columns: the sentence's id, the numbers of its words from 1 with commas, and, if there is one, their spelling."""


def read_word_labels(path: str | Path, corpus: Corpus, *, encoding: str = "utf-8") -> dict[str, pl.Series]:
    """Labels for the words of a corpus from a tab-separated table with a header.

    Every column besides `sent_id`, `token_ids` and `tokens` is a label. Of several words the first carries it, as in
    CoNLL-U-Lex. Sentences and words that the corpus does not have (a part of it was chosen) are passed over.

    Parameters
    ----------
    path : the table.
    corpus : its sentences have ids.
    encoding : of the table.

    Returns
    -------
    By name of label, (n_words,) String, in the order of `corpus.words`; what `Corpus.with_token_labels` takes.

    Raises
    ------
    CorpusError : a column is missing, a row is broken or spells other words than the corpus has (with its line), or
        no row is of this corpus.
    """
    where = str(path)
    sentence_of = dict(zip(corpus.sentences["id"].to_list(), corpus.sentences["sentence"].to_list(), strict=True))
    words = corpus.words.select("sentence", "position", "word").iter_rows()
    row_of = {(sentence, position): (row, word) for row, (sentence, position, word) in enumerate(words)}
    header: list[str] = []
    labels: dict[str, list[str | None]] = {}
    found = 0
    for line, text in numbered_lines(read_text(Path(path), encoding)):
        if not text:
            continue
        fields = text.split("\t")
        if not header:
            header, labels = fields, _labels(fields, where, corpus)
            continue
        if len(fields) != len(header):
            raise CorpusError(f"{where}, line {line}: {len(fields)} fields where the header has {len(header)}")
        row = dict(zip(header, fields, strict=True))
        numbers = [number.strip() for number in row[WORDS].split(",")]
        if not all(number.isdecimal() and int(number) for number in numbers):
            raise CorpusError(
                f"{where}, line {line}: {WORDS} is {row[WORDS]!r}; numbers from 1, with commas, are expected"
            )
        known = [row_of.get((sentence_of.get(row[SENTENCE]), int(number) - 1)) for number in numbers]
        spelled = row.get(SPELLED, "").split(" ") if SPELLED in row else []
        for place, expected in zip(known, spelled, strict=False):
            if place is not None and place[1] != expected:
                raise CorpusError(
                    f"{where}, line {line}: the word is {expected!r}, but {place[1]!r} in {corpus.name}, sentence "
                    f"{row[SENTENCE]}; the table is of other sentences"
                )
        if known[0] is not None:
            found += 1
            for name, values in labels.items():
                values[known[0][0]] = row[name]
    if not found:
        raise CorpusError(f"{where} labels no word of {corpus.name}; the {SENTENCE} must be ids of its sentences")
    return {name: pl.Series(name, values, dtype=pl.String) for name, values in labels.items()}


def _labels(header: list[str], where: str, corpus: Corpus) -> dict[str, list[str | None]]:
    for name in (SENTENCE, WORDS):
        if name not in header:
            raise missing_name(name, header, where, "column")
    names = [name for name in header if name not in (SENTENCE, WORDS, SPELLED)]
    if not names:
        raise CorpusError(f"{where} has no column besides {', '.join(header)}: there is no label")
    for name in names:
        refuse_reserved(name, where)
    return {name: [None] * corpus.words.height for name in names}
