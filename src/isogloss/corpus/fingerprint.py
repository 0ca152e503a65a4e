"""One SHA-256 for the content of a corpus, whatever it is called; one number per sentence, to find it elsewhere."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl

from isogloss.corpus.labels import label_columns

_ROWS = 1 << 16


def corpus_sha256(sentences: pl.DataFrame, words: pl.DataFrame) -> str:
    """Fingerprint of the two frames of a corpus; label columns count by name, in whatever order they are."""
    digest = hashlib.sha256(b"isogloss corpus 1\n")
    for frame in (sentences, words):
        labels = label_columns(frame)
        columns = [name for name in frame.columns if name not in labels] + sorted(labels)
        for name in columns:
            _add_column(digest, frame[name])
    return digest.hexdigest()


def sentence_fingerprints(sentences: pl.DataFrame) -> np.ndarray:
    """(n_sentences,) uint64: the first 8 bytes of each text's SHA-256 (of a pair's both texts), whatever its labels."""
    texts = sentences["text"].to_list()
    others = sentences["text_b"].to_list() if "text_b" in sentences.columns else [""] * len(texts)
    digests = (hashlib.sha256(f"{a}\0{b}".encode()).digest()[:8] for a, b in zip(texts, others, strict=True))
    return np.frombuffer(b"".join(digests), "<u8")


def _add_column(digest: hashlib._Hash, values: pl.Series) -> None:
    digest.update(f"{len(values.name)} {values.name} {values.dtype} {len(values)}\n".encode())
    for at in range(0, len(values), _ROWS):
        block = values.slice(at, _ROWS)
        digest.update(np.packbits(block.is_null().to_numpy()).data)
        if block.dtype == pl.String:
            filled = block.fill_null("")
            digest.update(filled.str.len_bytes().to_numpy().astype("<u4").data)
            digest.update(filled.str.join("").item().encode())
        else:
            numbers = block.fill_null(0).to_numpy()
            digest.update(np.ascontiguousarray(numbers, numbers.dtype.newbyteorder("<")).data)
