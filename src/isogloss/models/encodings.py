"""One text, or a pair, as a tokenizer writes it: token ids, and which characters of which text each token covers.

Fast tokenizers give exact offsets; for slow ones each token's surface is found in the text. Knows no words and no limit
but the one it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from isogloss.errors import ModelError
from isogloss.models.alignment import surface_offsets


@dataclass(frozen=True)
class Encoding:
    """One token sequence; `part` is -1 for special tokens, else 0 or 1 (the text a token comes from)."""

    ids: list[int]
    types: list[int]
    part: np.ndarray
    start: np.ndarray
    end: np.ndarray

    def offsets_of(self, part: int) -> tuple[np.ndarray, np.ndarray]:
        """Offsets with all tokens of other parts made widthless, so that token numbers stay those of the sequence."""
        mine = self.part == part
        # Widthless tokens are left out by alignment, so their order does not matter.
        return np.where(mine, self.start, 0), np.where(mine, self.end, 0)


def encoder_of(tokenizer: Any) -> FastSource | SlowSource:
    """What encodes texts with a transformers tokenizer, fast or slow.

    Raises
    ------
    ModelError : there is no tokenizer.
    """
    if tokenizer is None:
        raise ModelError("this model has no tokenizer; give one that fits it")
    backend = getattr(tokenizer, "backend_tokenizer", None)
    return FastSource(backend) if isinstance(backend, Tokenizer) else SlowSource(tokenizer)


class FastSource:
    """A private copy of a fast tokenizer: files such as all-MiniLM's tokenizer.json pad everything to 128."""

    def __init__(self, backend: Tokenizer) -> None:
        self._core = Tokenizer.from_str(backend.to_str())
        self._core.no_padding()
        self._core.no_truncation()
        self.n_special = self._core.num_special_tokens_to_add(False)

    def encode(self, texts: Sequence[str], texts_b: Sequence[str] | None, limit: int | None = None) -> list[Encoding]:
        """Each text, or each pair as one sequence, cut to `limit` tokens if given."""
        if limit is not None:
            self._core.enable_truncation(limit)
        given: Any = list(texts) if texts_b is None else list(zip(texts, texts_b, strict=True))
        try:
            raw = self._core.encode_batch(given)
        finally:
            self._core.no_truncation()
        stops = list(accumulate(len(encoding) for encoding in raw))
        total = stops[-1] if stops else 0
        spans = chain.from_iterable(encoding.offsets for encoding in raw)
        offsets = np.fromiter(chain.from_iterable(spans), np.int64, 2 * total).reshape(-1, 2)
        parts = (-1 if number is None else number for encoding in raw for number in encoding.sequence_ids)
        part = np.fromiter(parts, np.int8, total)
        return [
            Encoding(one.ids, one.type_ids, part[low:high], offsets[low:high, 0], offsets[low:high, 1])
            for one, low, high in zip(raw, [0, *stops], stops, strict=False)
        ]


class SlowSource:
    """A tokenizer written in Python: it knows no offsets, so each token's surface is found in the text."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.n_special = tokenizer.num_special_tokens_to_add(pair=False)

    def encode(self, texts: Sequence[str], texts_b: Sequence[str] | None, limit: int | None = None) -> list[Encoding]:
        """As for fast tokenizers, one text after the other."""
        pairs: list[str | None] = [None] * len(texts) if texts_b is None else list(texts_b)
        return [self._encode(text, other, limit) for text, other in zip(texts, pairs, strict=True)]

    def _encode(self, text: str, other: str | None, limit: int | None) -> Encoding:
        options: dict[str, Any] = {"truncation": True, "max_length": limit} if limit else {"truncation": False}
        encoded = self._tokenizer(text, other, padding=False, return_special_tokens_mask=True, **options)
        ids = list(encoded["input_ids"])
        types = list(encoded.get("token_type_ids", [0] * len(ids)))
        special = np.asarray(encoded["special_tokens_mask"], bool)
        plain = np.flatnonzero(~special)
        start, end = np.zeros(len(ids), np.int64), np.zeros(len(ids), np.int64)
        part = np.where(special, -1, 0).astype(np.int8)
        # The second text begins after the first run of special tokens that follows ordinary ones.
        jump = np.flatnonzero(np.diff(plain) > 1)
        second = plain[jump[0] + 1 :] if other is not None and len(jump) else plain[:0]
        part[second] = 1
        for number, piece in ((0, text), (1, other or "")):
            mine = np.flatnonzero(part == number)
            tokens = self._tokenizer.convert_ids_to_tokens([ids[i] for i in mine])
            for i, (low, high) in zip(mine, surface_offsets(piece, tokens), strict=True):
                start[i], end[i] = low, high
        return Encoding(ids, types, part, start, end)
