"""Which reader reads which file: by the format's name, by suffix, for `.conll` by a look inside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from isogloss.corpus.draft import Draft
from isogloss.corpus.labels import suggestion
from isogloss.corpus.readers.columns import read_columns
from isogloss.corpus.readers.conllu import read_conllu, read_conllulex
from isogloss.corpus.readers.delimited import read_csv, read_tsv
from isogloss.corpus.readers.files import existing_file, read_text
from isogloss.corpus.readers.hub import PREFIX, read_hub
from isogloss.corpus.readers.jsonl import read_jsonl
from isogloss.corpus.readers.options import ReadOptions
from isogloss.corpus.readers.parquet import read_parquet
from isogloss.corpus.readers.pmb import read_pmb
from isogloss.corpus.readers.trec import read_trec
from isogloss.errors import CorpusError


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes
    ----------
    read : the reader.
    suffixes : endings of file names that mean this format.
    own_words : whether the file has its own tokens.
    """

    read: Callable[[Path, ReadOptions], Draft]
    suffixes: tuple[str, ...]
    own_words: bool = False


FORMATS: dict[str, Format] = {
    "csv": Format(read_csv, (".csv",)),
    "tsv": Format(read_tsv, (".tsv", ".tab")),
    "jsonl": Format(read_jsonl, (".jsonl", ".ndjson", ".json")),
    "parquet": Format(read_parquet, (".parquet", ".pq")),
    "conllu": Format(read_conllu, (".conllu",), own_words=True),
    "conllulex": Format(read_conllulex, (".conllulex",), own_words=True),
    "columns": Format(read_columns, (".iob", ".bio", ".iob2"), own_words=True),
    "conll2000": Format(read_columns, (), own_words=True),
    "pmb": Format(read_pmb, (), own_words=True),
    "trec": Format(read_trec, (".label",)),
}


def read_draft(path: str | Path, options: ReadOptions, format_name: str | None = None) -> Draft:
    """Read a file (or `hf:` data set) in the format named, or the one that its name means.

    Raises
    ------
    CorpusError : no such file or format, or the reader's own complaint.
    """
    if isinstance(path, str) and path.startswith(PREFIX):
        return read_hub(path, options)
    if format_name is not None and format_name not in FORMATS:
        raise CorpusError(
            f"there is no format {format_name!r}; there is {', '.join(FORMATS)}{suggestion(format_name, list(FORMATS))}"
        )
    file = existing_file(path)
    return FORMATS[format_name or _format_of(file, options.encoding)].read(file, options)


def _format_of(file: Path, encoding: str) -> str:
    suffix = file.suffix.lower()
    for name, known in FORMATS.items():
        if suffix in known.suffixes:
            return name
    if suffix == ".conll":
        return _conll_kind(read_text(file, encoding))
    ending = f"the ending {suffix!r}" if suffix else "no ending"
    raise CorpusError(
        f"{file}: {ending} says nothing about its format",
        f"say which it is: {{format}} one of {', '.join(FORMATS)}",
        format=None,
    )


def _conll_kind(text: str) -> str:
    """Many formats end in .conll: told apart by their comments and the number of columns."""
    head = text[:4096].split("\n")
    if any(line.startswith("# raw sent =") for line in head):
        return "pmb"
    first = next((line for line in head if line.strip() and not line.startswith("#")), "")
    return {10: "conllu", 19: "conllulex"}.get(first.count("\t") + 1, "columns")
