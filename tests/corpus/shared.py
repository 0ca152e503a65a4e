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
