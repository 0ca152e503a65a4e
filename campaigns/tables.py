"""Parquet files of every kind of column, whole, damaged, and small ones that expand to a lot."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from random import Random
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from campaigns.mutations import NASTY_TEXT, spoiled

COLUMNS = ("text", "text_b", "label", "score", "tags", "id", "split", "more")
_ROWS = 6
_TEXTS = [text for text in NASTY_TEXT if not any("\ud800" <= c <= "\udfff" for c in text)]


def _values(kind: int, rng: Random) -> pl.Series:
    words = ["A", "good", "film", "", None, *rng.sample(_TEXTS, 4)]

    def some(choices: list[Any]) -> list[Any]:
        return [rng.choice(choices) for _ in range(_ROWS)]

    lists = [[rng.choice(words) for _ in range(rng.randint(0, 4))] for _ in range(_ROWS)]
    made = (
        lambda: pl.Series(some(["A good film.", "A bad one.", "Neither."])),
        lambda: pl.Series(some(words), dtype=pl.String),
        lambda: pl.Series(some([1, -1, 2**62, None]), dtype=pl.Int64),
        lambda: pl.Series(some([0.5, float("nan"), float("inf"), -0.0, 1e300, None]), dtype=pl.Float64),
        lambda: pl.Series(some([1.0, 2.0, 1e300]), dtype=pl.Float64),
        lambda: pl.Series(some([0.5, None]), dtype=pl.Float32),
        lambda: pl.Series(some([0, 2**64 - 1]), dtype=pl.UInt64),
        lambda: pl.Series(some([True, False, None]), dtype=pl.Boolean),
        lambda: pl.Series(some([b"a", b"\xff\xfe", None]), dtype=pl.Binary),
        lambda: pl.Series(some(["a", "b", None]), dtype=pl.Categorical),
        lambda: pl.Series([None] * _ROWS),
        lambda: pl.Series(some([date(2020, 1, 1), None])),
        lambda: pl.Series(some([datetime(2020, 1, 1, tzinfo=UTC), None])),
        lambda: pl.Series(some([timedelta(seconds=3), None])),
        lambda: pl.Series(some([Decimal("1.50"), None])),
        lambda: pl.Series(some([{"a": 1, "b": "x"}, {"a": None, "b": None}])),
        lambda: pl.Series(lists, dtype=pl.List(pl.String)),
        lambda: pl.Series([[1, 2, None]] * _ROWS, dtype=pl.List(pl.Int64)),
        lambda: pl.Series([[["a"], []]] * _ROWS, dtype=pl.List(pl.List(pl.String))),
        lambda: pl.Series([[b"a", b"\xff"]] * _ROWS, dtype=pl.List(pl.Binary)),
        lambda: pl.Series([["a", "b"]] * _ROWS, dtype=pl.Array(pl.String, 2)),
        lambda: pl.Series([[{"a": "x"}]] * _ROWS),
        lambda: pl.Series([None] * _ROWS, dtype=pl.List(pl.String)),
    )
    return made[kind % len(made)]()


def parquet(rng: Random) -> bytes:
    """A whole file with columns of random kinds; the text is mostly text."""
    chosen = rng.sample(COLUMNS, rng.randint(1, len(COLUMNS)))
    if "text" not in chosen and rng.random() < 0.9:
        chosen.append("text")
    kinds = {name: rng.choice((0, 0, 1, 16)) if name == "text" else rng.randrange(23) for name in chosen}
    frame = pl.DataFrame([_values(kind, rng).alias(name) for name, kind in kinds.items()])
    if rng.random() < 0.1:
        frame = frame.clear()
    stream = io.BytesIO()
    frame.write_parquet(stream, compression=rng.choice(("uncompressed", "snappy", "zstd", "gzip", "lz4")))
    return stream.getvalue()


@cache
def bombs() -> tuple[bytes, ...]:
    """Small files that expand to gigabytes: many equal rows, one long text in many rows, nulls, lists."""
    many, long = 6_000_000, "word " * 200_000
    return (
        _arrow({"text": pa.DictionaryArray.from_arrays(pa.array([0] * 5_000_000, pa.int32()), ["a b"])}),
        _arrow({"text": pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, pa.int32()), [long])}),
        _arrow({"text": pa.nulls(many, pa.string())}),
        _arrow({"text": pa.array(["a b"] * 3), "label": pa.array(["x" * 25_000_000] * 3)}),
        _arrow({"text": pa.ListArray.from_arrays(pa.array([0, many]), pa.nulls(many, pa.string()))}),
    )


def _arrow(columns: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream, compression="zstd", row_group_size=1 << 30)
    return stream.getvalue()


def damaged(rng: Random) -> bytes:
    """A whole file, cut or with changed bytes; most often in its footer, which says where everything is."""
    content = parquet(rng)
    if rng.random() < 0.5:
        return spoiled(content, (content,), rng)
    footer = int.from_bytes(content[-8:-4], "little")
    changed = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        changed[rng.randrange(len(content) - 8 - footer, len(content))] = rng.randrange(256)
    return bytes(changed)
