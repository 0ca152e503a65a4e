"""Tries a study on little text, in a process of its own: what models and analyses take there, in seconds and bytes.

python -m isogloss.study.costs.trial REQUEST RESULT

Reads a request (see `request`), writes a result. Vectors are those of the models where their weights are there; else
they are made up (see `made_up`). The classifier is a stand-in that counts what it is asked; it is timed by itself.
"""

from __future__ import annotations

import json
import pickle
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from isogloss.activations import ActivationStore
from isogloss.analysis import (
    Analysis,
    GrowingAnalysis,
    LayerPair,
    ModelPair,
    Tables,
    TextAmount,
    WholeModelAnalysis,
    choose,
)
from isogloss.memory import give_back_memory, peak_resident, resident
from isogloss.numerics.onednn import LaidOut, gains
from isogloss.sealed import parquet_bytes
from isogloss.study.costs.counting import CountedClassifier, CountedVectors, Counts
from isogloss.study.costs.made_up import made_up_models
from isogloss.study.costs.reading import read_models
from isogloss.study.costs.request import TaskTrial, TrialRequest, TrialResult, ladder
from isogloss.study.costs.watch import clock, watched
from isogloss.study.pairing import PairedStores

WIDEST = 1024
"""Wider vectors are not made up: what they take follows from two narrower widths."""
MOST_LAYERS = 16
NARROW = ((192, 4), (768, 4), (192, 8))
"""Widths and numbers of layers that stand for wider and deeper models."""
STEP = 2.0
"""A rung of twice the words is tried if it may take so many times as long and yet fit the time."""


def try_study(request: TrialRequest, home: Path) -> TrialResult:
    """Run all trials; `home` holds vectors meanwhile."""
    baseline = peak_resident()
    product = product_rate(request.base.hidden, request.base.intermediate)
    reading = None
    if request.run is not None:
        stores, reading = read_models(request, home)
        models = [_of_stores(*stores, request)]
    else:
        wide, deep = request.base.hidden, len(request.layers)
        like = NARROW if narrower(wide, deep) or not deep else ((wide, deep),)
        models = [made_up_models(request, home / f"{h}-{n}", h, n) for h, n in like]
    tasks: list[TaskTrial] = []
    combining: dict[str, tuple[float, float]] = {}
    deadline = clock() + request.budget
    names = list(request.options)
    for at, name in enumerate(names):
        for nth, model in enumerate(models):
            left = (len(names) - at) * len(models) - nth
            share = max(0.0, deadline - clock()) / left
            found, tables = _climb(name, model, request, share, rungs=(None, 2, 1)[nth])
            tasks += found
            if nth == 0:
                combining[name] = _combined(choose([name])[name], _stacked(tables), request.options[name])
    # What the first use of models and analyses loaded stays, in a run as here.
    del models, model, tables
    give_back_memory()
    baseline = max(baseline, resident())
    return TrialResult(baseline, product, torch.get_num_threads(), reading, tuple(tasks), combining)


def narrower(hidden: int, layers: int) -> bool:
    """Whether models of this size are too large for made-up vectors, and narrower ones stand for them."""
    return hidden > WIDEST or layers > MOST_LAYERS


def product_rate(hidden: int, inner: int, seconds: float = 0.5) -> float:
    """Operations per second of a float32 product of 1,024 vectors with a matrix (hidden, inner), at most 4,096 wide."""
    a = torch.randn(1024, min(hidden, 4096))
    b = torch.randn(min(inner, 4096), min(hidden, 4096))
    multiply = LaidOut(b) if gains(torch.float32, torch.device("cpu")) else partial(torch.mm, mat2=b.T)
    multiply(a)
    rounds, start = 0, clock()
    while rounds < 3 or clock() - start < seconds:
        multiply(a)
        rounds += 1
    return 2.0 * a.shape[0] * b.numel() * rounds / max(clock() - start, 1e-9)


def _climb(
    name: str, models: ModelPair, request: TrialRequest, budget: float, *, rungs: int | None
) -> tuple[list[TaskTrial], list[Tables]]:
    """Try each kind of task of an analysis on more and more words while there is time; also its last tables.

    At most on the `rungs` lowest numbers of words; None for as many as there is time for. A second width takes two of
    them to tell what grows with the words from what does not, other numbers of layers one.
    """
    layers, numbers = sorted(models.base_layers), ladder(models.words)[:rungs]
    # Whatever an analysis loads and compiles when it first runs is no part of what a layer takes.
    if rungs is None:
        _tried(name, "last", layers[-1], _prefix(models, *numbers[0]), request)
    trials: list[TaskTrial] = []
    tables: list[Tables] = []
    kinds = list(_kinds(choose([name])[name], layers))
    deadline = clock() + budget
    for at, (kind, layer) in enumerate(kinds):
        until = clock() + max(0.0, deadline - clock()) / (len(kinds) - at)
        made: Tables = {}
        for tried, (sentences, n) in enumerate(numbers):
            began = clock()
            trial, made = _tried(name, kind, layer, _prefix(models, sentences, n), request)
            trials.append(trial)
            # Two rungs at least: one says nothing about growth.
            if tried and clock() + STEP * (clock() - began) > until:
                break
        tables.append(made)
    return trials, tables


def _kinds(analysis: Analysis, layers: list[int]) -> Iterator[tuple[str, int | None]]:
    if len(layers) > 1:
        yield "layer", layers[(len(layers) - 1) // 2]
    yield "last", layers[-1]
    if isinstance(analysis, WholeModelAnalysis):
        yield "whole", None


def _tried(
    name: str, kind: str, layer: int | None, models: ModelPair, request: TrialRequest
) -> tuple[TaskTrial, Tables]:
    # Anew for every task: what an analysis keeps from one layer to the next is not what is asked.
    analysis, options, counts = choose([name])[name], request.options[name], Counts()
    given = {
        **vars(models),
        "base_layers": {i: CountedVectors(v, counts) for i, v in models.base_layers.items()},
        "tuned_layers": {i: CountedVectors(v, counts) for i, v in models.tuned_layers.items()},
        "classifier": CountedClassifier(request.tuned.classes, counts),
    }
    with watched() as seen:
        if layer is None:
            assert isinstance(analysis, WholeModelAnalysis)
            tables = analysis.run_whole(ModelPair(**given), options)
        else:
            base, tuned = given["base_layers"].get(layer), given["tuned_layers"].get(layer)
            tables = analysis.run(LayerPair(**given, layer=layer, base=base, tuned=tuned), options)
    width = models.base_layers[max(models.base_layers)].shape[1]
    trial = TaskTrial(
        analysis=name,
        kind=kind,
        words=models.words.height,
        layers=len(models.base_layers),
        hidden=width,
        parts=parts_of(analysis, TextAmount(models.words.height, len(models.base_layers), models.words), options),
        seconds=seen.seconds,
        memory=seen.memory,
        read=counts.read,
        texts=counts.texts,
        written=float(sum(parquet_bytes(table) for table in tables.values())),
    )
    return trial, tables


def parts_of(analysis: Analysis, amount: TextAmount, options: Any) -> tuple[float, ...]:
    """What an analysis says the work on a layer is made of; the words where it says nothing."""
    if isinstance(analysis, GrowingAnalysis):
        return tuple(float(part) for part in analysis.growth(amount, options))
    return (float(amount.words),)


def _combined(analysis: Analysis, tables: Tables, options: Any) -> tuple[float, float]:
    """Seconds and bytes of what follows the layers, as far as the layers that were tried show it."""
    start = clock()
    try:
        combined = analysis.combine(tables, options)
        analysis.findings(combined, options)
        figures = analysis.figures(combined, options)
    except Exception:
        # Some layers alone may not be what it expects of a whole run; that costs the plan no more than this line.
        return 0.0, 0.0
    written = sum(parquet_bytes(table) for table in combined.values())
    written += sum(len(json.dumps(figure.as_dict())) for figure in figures)
    return clock() - start, float(written)


def _stacked(parts: list[Tables]) -> Tables:
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: pl.concat([part[name] for part in parts if name in part]) for name in names}


def _of_stores(base: ActivationStore, tuned: ActivationStore, request: TrialRequest) -> ModelPair:
    return PairedStores.of(base, tuned).models(request.seed, 0)


def _prefix(models: ModelPair, sentences: int, n: int) -> ModelPair:
    """The first sentences of a pair of models, with their words."""
    rows = np.arange(n)
    given = vars(models) | {"words": models.words.head(n), "sentences": models.sentences.head(sentences)}
    for side in ("base_layers", "tuned_layers"):
        given[side] = {i: vectors.restricted(rows) for i, vectors in given[side].items()}
    return ModelPair(**given)


def main() -> None:
    """Read the request, write the result."""
    torch.set_grad_enabled(True)
    source, target = map(Path, sys.argv[1:3])
    request = pickle.loads(source.read_bytes())
    with tempfile.TemporaryDirectory(prefix="isogloss-plan-") as home:
        target.write_bytes(pickle.dumps(try_study(request, Path(home))))


if __name__ == "__main__":
    main()
