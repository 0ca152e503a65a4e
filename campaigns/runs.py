"""A saved corpus, an activation store and a finished run as their own writers leave them, and ways to falsify them.

A falsified manifest is sealed again, as a careless tool or an attacker would: its checksum is right, its content wrong.
"""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from isogloss.activations.layout import Settings
from isogloss.activations.writer import Chunk, StoreWriter
from isogloss.analysis import Finding, HeatmapFigure, Line, LinesFigure, TableFigure, tidy
from isogloss.corpus import Corpus
from isogloss.sealed import write_json, write_table
from isogloss.study.layout import FORMAT, RunLayout

Files = dict[str, bytes]
"""Content by path inside a directory."""

NASTY_VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**70,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "x",
    "\0",
    "\x1b[2J",
    "../../outside",
    "/etc/passwd",
    "..\\x",
    "a" * 5000,
    [],
    {},
    [[]],
    [None],
    {"a": {}},
    ["../x", 1],
    "0" * 64,
)


def _written(write: Callable[[Path], None]) -> Files:
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "made"
        write(folder)
        return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def small_corpus() -> Corpus:
    """Three sentences with a label of words and one of sentences; ids as in the seeds."""
    words = [["The", "dog", "didn't", "bark"], ["Cats", "sleep"], ["Film"]]
    corpus = Corpus.from_words(words, {"upos": [["D", "N", "V", "V"], ["N", "V"], [None]]}, ["a", "b", "a"])
    sentences = corpus.sentences.with_columns(id=np.array(["a", "b", "c"]))
    return Corpus("small", "memory", sentences, corpus.words)


@cache
def saved_corpus() -> Files:
    """What `Corpus.save` writes."""
    return _written(small_corpus().save)


@cache
def store() -> Files:
    """A finished activation store of two layers, 4 numbers per vector."""
    return _written(lambda folder: _store(folder, finished=True))


@cache
def unfinished_store() -> Files:
    """The same, killed after its first chunk."""
    return _written(lambda folder: _store(folder, finished=False))


def writer(folder: Path) -> StoreWriter:
    """The writer of that store."""
    corpus = small_corpus()
    settings = Settings(
        model="m",
        weights_sha256="0" * 64,
        tokenizer_sha256="1" * 64,
        corpus="small",
        corpus_sha256=corpus.sha256,
        layers=(0, 1),
        pooling="last",
        site="block",
        long_sentences="split",
        max_length=64,
        sentence_vectors=("mean",),
        compute="float32",
        dtype="float32",
        packed=True,
        linear="torch",
        batch_tokens=1024,
    )
    return StoreWriter(folder, settings, [Chunk(0, (0, 2), (0, 6)), Chunk(1, (2, 3), (6, 7))], 4)


def _store(folder: Path, *, finished: bool) -> None:
    corpus = small_corpus()
    with writer(folder) as opened:
        for chunk in opened.chunks if finished else opened.chunks[:1]:
            rows, sentences = (stop - start for start, stop in (chunk.rows, chunk.sentences))
            vectors = {f"layer-{i:02d}.npy": np.full((rows, 4), i, np.float32) for i in (0, 1)} | {
                f"sentence-mean-{i:02d}.npy": np.full((sentences, 4), i, np.float32) for i in (0, 1)
            }
            with opened.files.writing(chunk) as rows:
                for name, array in vectors.items():
                    rows.put(name, array)
                opened.record(chunk, rows.digests())
        if finished:
            facts = {"n_layers": 1, "n_words": 7, "n_sentences": 3, "n_tokens": 9, "uncovered_words": 0}
            opened.finish(corpus.words, corpus.sentences, facts)


@cache
def run() -> Files:
    """A finished run of one analysis."""
    return _written(_run)


def _run(folder: Path) -> None:
    layout = RunLayout(folder)
    name = "similarity"
    table = tidy([{"analysis": name, "measure": "cka", "model": "tuned", "layer": i, "value": 0.5} for i in (0, 1)])
    digest = write_table(layout.tables / f"{name}.parquet", table)
    finding = Finding("Layer 1 moved.", name, "cka", 0.5, layers=(1,), table=name, rows=(1,))
    figures = (
        LinesFigure("similarity-cka", "CKA", "How near.", lines=(Line("cka", (0.0, 1.0), (1.0, 0.5)),), y_max=1.0),
        HeatmapFigure("similarity-map", "Map", "Which.", rows=("0",), columns=("0", "1"), values=((1.0, None),)),
        TableFigure("similarity-words", "Words", "Which.", columns=("word", "value"), rows=(("dog", 0.5),)),
    )
    shown = {"findings": [finding.as_dict()], "figures": [figure.as_dict() for figure in figures]}
    write_json(layout.figures / f"{name}.json", shown, compact=True)
    model = {"spec": "m", "kind": "directory", "layers": [0, 1], "n_layers": 1, "hidden": 4, "coverage": 1.0}
    manifest = {
        "format": FORMAT,
        "finished": True,
        "question": {
            "base": {"spec": "m"},
            "tuned": [{"spec": "n"}],
            "corpus": {"name": "small", "source": "memory", "content": "0" * 64, "sentences": 3, "words": 7},
            "analyses": [name],
            "options": {name: {"neighbours": 10, "map": True}},
            "extraction": {"layers": "all", "pooling": "last"},
            "seed": 0,
            "series": {},
        },
        "command": None,
        "started": "2024-01-01T00:00:00+00:00",
        "versions": {"isogloss": "0"},
        "machine": {"cores": 1},
        "models": {"base": model, "tuned": [{**model, "spec": "n"}], "series": []},
        "corpus": {"sentences": 3, "words": 7, "compared_words": 7, "token_labels": ["upos"], "sentence_labels": []},
        "notes": ["Nothing."],
        "seconds": {"similarity": 0.1},
        "results": {name: {"question": "how far?", "tables": {name: digest}}},
    }
    write_json(layout.manifest, manifest)
    write_json(layout.summary_json, {"findings": [finding.as_dict()]})


def falsified(content: bytes, rng: Random) -> bytes:
    """A sealed JSON file with one to three changes inside, sealed again; or a journal, whose lines have no seal."""
    lines = [json.loads(line) for line in content.splitlines()] if content.startswith(b'{"') else []
    values = lines or json.loads(content)
    if len(lines) == 1:
        values = lines[0]
    if isinstance(values, dict):
        values.pop("sha256", None)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        _changed(values, rng)
    if isinstance(values, list):
        return b"".join(json.dumps(line).encode() + b"\n" for line in values)
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "sealed.json"
        write_json(path, values)
        return path.read_bytes()


def _changed(values: Any, rng: Random) -> None:
    places = list(_places(values))
    if not places:
        return
    holder, key = rng.choice(places)
    kind = rng.randrange(6)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[rng.choice(("../../outside", "/etc/passwd", "", "x", "\0", "a" * 300, "kind"))] = holder.pop(key)
    elif kind == 2:
        other, there = rng.choice(places)
        holder[key] = copy.deepcopy(other[there])
    else:
        holder[key] = copy.deepcopy(rng.choice(NASTY_VALUES))


def _places(values: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    keys = list(values) if isinstance(values, dict) else range(len(values)) if isinstance(values, list) else ()
    for key in keys:
        found.append((values, key))
        found += _places(values[key])
    return found
