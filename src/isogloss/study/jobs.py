"""One task of a study as a worker does it: two stores and a layer in, tables on disk out."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from isogloss.activations import ActivationStore
from isogloss.activations.jobs import SLOTS, own_device
from isogloss.analysis import Analysis, WholeModelAnalysis
from isogloss.engines import Bench
from isogloss.errors import StoreError
from isogloss.memory import give_back_memory
from isogloss.models import ModelReference, found_here
from isogloss.numerics.room import limited
from isogloss.sealed import write_json, write_table
from isogloss.study.head import TunedClassifier
from isogloss.study.layout import RunLayout
from isogloss.study.memory import at_work
from isogloss.study.pairing import PairedStores
from isogloss.study.plan import Task

OPEN_PAIRS = 4
"""Pairs of stores that a worker keeps open; checksums are compared once for each."""

KEPT_ANALYSES = 8


@dataclass(frozen=True)
class PairSource:
    """Where the vectors of a comparison are, and the model behind the tuned ones."""

    base: Path
    tuned: Path
    model: ModelReference
    device: str
    device_map: str | None = None

    def stores(self) -> PairedStores:
        """Both stores side by side, without a classifier."""
        base = ActivationStore(self.base)
        return PairedStores.of(base, base if self.tuned == self.base else ActivationStore(self.tuned))

    def opened(self, bench: Bench) -> PairedStores:
        """Both stores, and the tuned model with its head, from the bench or from disk."""
        key = (str(self.base), str(self.tuned))
        stores = bench.keep("stores", key, self.stores, most=OPEN_PAIRS)
        held = (self.model.spec, self.model.weights_sha256, self.device, self.device_map)

        def made() -> TunedClassifier:
            device = str(own_device(self.device, bench))
            return TunedClassifier(found_here(self.model), device, self.device_map, numbered=_has_numbers(stores))

        classifier = bench.keep("classifier", held, made)
        return replace(stores, classifier=classifier)


def _has_numbers(stores: PairedStores) -> bool:
    """Whether a sentence label's values are whole numbers from 0 on."""
    columns = [stores.base.sentences[name] for name in stores.base.manifest["sentence_labels"]]
    texts = [column.cast(pl.String).drop_nulls() for column in columns if not column.dtype.is_float()]
    return any(len(text) > 0 and bool(text.str.contains(r"^[0-9]+$").all()) for text in texts)


@dataclass(frozen=True)
class TaskJob:
    """Do one task and keep its tables in the run directory.

    Attributes
    ----------
    weights : bytes of the tuned model's weights, which its classifier will take; asked where memory is limited.
    """

    layout: RunLayout
    task: Task
    analysis: Analysis
    options: Any
    seed: int
    source: PairSource
    weights: float = 0.0
    size: float = 1.0

    @property
    def label(self) -> str:
        """For messages."""
        where = "all layers" if self.task.layer is None else f"layer {self.task.layer}"
        return f"{self.analysis.name} of {where}"

    def do(self, bench: Bench) -> float:
        """See `Job`; returns the seconds it took."""
        bench.drop(*SLOTS)
        if not self.layout.manifest.exists():
            raise StoreError(
                f"{self.layout.root} is not to be seen where a worker runs",
                "the run directory must be on a file system that all workers share, under the same path",
            )
        start = time.perf_counter()
        stores, index = self.source.opened(bench), self.task.tuned_index
        # The same object for every job of a worker: what it found of the base once serves all tuned models.
        asked = (self.analysis.name, repr(self.options))
        analysis = bench.keep("analyses", asked, lambda: self.analysis, most=KEPT_ANALYSES)
        beside = 0.0
        if bench.memory is not None:
            give_back_memory()
            self.layout.tasks.mkdir(exist_ok=True)
            beside = self._beside(stores)
        with limited(bench.memory, beside, self.layout.tasks):
            if self.task.layer is None:
                assert isinstance(analysis, WholeModelAnalysis)
                tables = analysis.run_whole(stores.models(self.seed, index, bench.progress), self.options)
            else:
                tables = analysis.run(stores.pair(self.task.layer, self.seed, index, bench.progress), self.options)
        home = self.layout.tasks / self.task.name
        digests = {name: write_table(home / f"{name}.parquet", table) for name, table in tables.items()}
        write_json(home / "done.json", {"tables": digests})
        return time.perf_counter() - start

    def _beside(self, stores: PairedStores) -> float:
        """Bytes that it takes beside its large arrays."""
        manifest = stores.base.manifest
        labels = len(manifest["token_labels"]) + len(manifest["sentence_labels"])
        layers = len(stores.layers) if self.task.layer is None else 1
        asking = "classifier head" in (self.analysis.needs | self.analysis.uses)
        loaded = isinstance(stores.classifier, TunedClassifier) and stores.classifier.loaded
        weights = self.weights if asking and not loaded else 0.0
        return weights + at_work(self.analysis, self.options, stores.words.height, labels, stores.base.hidden, layers)
