"""Real corpora beside the checkout, where there are any."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from isogloss.corpus import Corpus

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def shared(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"the shared corpus {name} is not here")
    return path


def misplaced(corpus: Corpus) -> pl.DataFrame:
    """Words that are not what their offsets cut out of the text."""
    texts = [corpus.sentences["text"].to_list()]
    if corpus.is_pairs:
        texts.append(corpus.sentences["text_b"].to_list())
    rows = corpus.words.select("sentence", "part", "word", "start", "end").iter_rows()
    wrong = [texts[part][sentence][start:end] != word for sentence, part, word, start, end in rows]
    return corpus.words.filter(pl.Series(wrong, dtype=pl.Boolean))


def write(folder: Path, name: str, content: str | bytes, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


NOUN = (
    "  1 This software and database is being provided to you\n"
    "00001740 05 n 03 dog 0 domestic_dog 0 Canis_familiaris 0 001 @ 02083346 n 0000 | a member of the genus Canis\n"
    "00001930 18 n 01 dog 0 000 | a dull | unattractive girl\n"
    "00001999 18 n 01 woman 0 000 | an adult female\n"
)
VERB = "00000001 38 v 02 chase 0 dog 1 000 00 | go after\n00000002 30 v 01 tie 0 000 00 | x\n"
ADJ = "00000003 00 a 01 galore(ip) 0 000 | abundant\n00000004 00 a 01 large 0 000 | big\n"


def write_dictionary(folder):
    """A small WordNet dictionary in the folder, which is returned."""
    for name, content in (("data.noun", NOUN), ("data.verb", VERB), ("data.adj", ADJ)):
        write(folder, name, content)
    write(folder, "noun.exc", "geese goose\nhounds dog\n")
    return folder
