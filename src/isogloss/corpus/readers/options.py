"""How a file is to be read: the options that every reader is handed, and uses as far as they concern it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReadOptions:
    """The same for all formats; a format ignores what it has no use for.

    Attributes
    ----------
    text, text_b : columns of the sentence and, for pairs, of the second one.
    labels : label columns asked for; None = all token labels of an annotated file, no column of a table.
    split, id : columns of the split's name (None = the one called `split`, if any) and of the sentence's id.
    encoding : of text files.
    delimiter : between the fields of a delimited file; None = comma for csv, tab for tsv.
    quoting : whether quotes enclose fields; None = yes for csv, no for tsv.
    columns : names of the columns where the file does not name them.
    """

    text: str = "text"
    text_b: str | None = None
    labels: tuple[str, ...] | None = None
    split: str | None = None
    id: str | None = None
    encoding: str = "utf-8"
    delimiter: str | None = None
    quoting: bool | None = None
    columns: tuple[str, ...] | None = None
