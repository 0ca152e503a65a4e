"""Carries a study out: models into activations, pairs of layers into tables, tables into findings and figures."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from isogloss.activations import ActivationStore, ExtractOptions, extract_loaded
from isogloss.analysis import Analysis, Tables, choose
from isogloss.corpus import Corpus
from isogloss.errors import IsoglossError, OptionError, StoreError
from isogloss.models import LoadedModel, ModelReference, load, resolve
from isogloss.progress import SILENT, Progress
from isogloss.sealed import read_json, read_table, write_json, write_table
from isogloss.study.head import TunedClassifier
from isogloss.study.layout import FORMAT, RunLayout
from isogloss.study.machine import machine, versions
from isogloss.study.notes import coverage, notes_on
from isogloss.study.pairing import PairedStores
from isogloss.study.plan import Question, Task, build_options, tasks
from isogloss.study.results import StudyResults, load_results


def run_study(
    base: Any,
    tuned: Any,
    corpus: Corpus,
    out: Path,
    *,
    analyses: Iterable[str] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    extraction: ExtractOptions | None = None,
    seed: int = 0,
    allow_pickle: bool = False,
    progress: Progress = SILENT,
    command: str | None = None,
) -> StudyResults:
    """Compare a base model with one or several tuned ones over a corpus; everything ends up in `out`.

    A finished run of the same question is opened, an unfinished one is continued, one of another question is refused.

    Parameters
    ----------
    base, tuned : what `resolve` takes; `tuned` may be a list (the same fine-tuning with several seeds).
    corpus : the words that both models see.
    out : the run directory.
    analyses : names, or None for all that are installed.
    options : per analysis, values by name.
    extraction : how activations are read and stored.
    seed : of everything random.
    allow_pickle : accept pickle weights.
    progress : told how far it is.
    command : how a user would run it again, for the manifest.

    Raises
    ------
    ModelError, OptionError, StoreError : each says what is wrong and what would be right.
    """
    if not isinstance(corpus, Corpus):
        raise OptionError(f"the corpus is a {type(corpus).__name__}; read it first: Corpus.read({corpus!r}, ...)")
    if seed < 0:
        raise OptionError(f"a seed is 0 or more; got {seed}")
    if corpus.words.is_empty():
        raise OptionError(f"{corpus.name} has no words left to compare; ask for fewer occurrences or another split")
    layout = RunLayout(out)
    chosen = choose(analyses)
    settings = {name: build_options(analysis, (options or {}).get(name)) for name, analysis in chosen.items()}
    if unknown := sorted(set(options or {}) - set(chosen)):
        raise OptionError(f"options are given for {', '.join(unknown)}, which this run does not do")
    extraction = replace(extraction or ExtractOptions(), present_only=True)
    base_model = resolve(base, allow_pickle=allow_pickle)
    tuned_models = [resolve(one, allow_pickle=allow_pickle) for one in _as_list(tuned)]
    runnable, skipped = _runnable(chosen, corpus)
    question = Question(
        base=base_model.as_dict(),
        tuned=tuple(model.as_dict() for model in tuned_models),
        corpus={"name": corpus.name, "source": corpus.source, "content": corpus.sha256},
        analyses=tuple(runnable),
        options={name: asdict(settings[name]) for name in runnable},
        extraction=asdict(extraction),
        seed=seed,
    )
    if (finished := _existing(layout, question)) is not None:
        progress.note(f"{layout.root} holds this run already; nothing is computed again")
        return finished
    layout.claim()
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "finished": False,
        "question": question.as_dict(),
        "command": command,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "machine": machine(),
    }
    write_json(layout.manifest, manifest)
    clock = _Clock()
    try:
        stores = _extract_all(layout, base_model, tuned_models, corpus, extraction, progress, clock)
    except IsoglossError:
        layout.forget_empty()
        raise
    pairs = [PairedStores.of(stores[0], store) for store in stores[1:]]
    heads = [TunedClassifier(model, extraction.device) for model in tuned_models]
    study = _Run(layout, question, pairs, heads, progress, clock)
    results = {name: study.analyse(runnable[name], settings[name]) for name in runnable}
    manifest |= {
        "finished": True,
        "models": {
            "base": coverage(base_model, stores[0], len(corpus.words)),
            "tuned": [
                coverage(model, store, len(corpus.words)) for model, store in zip(tuned_models, stores[1:], strict=True)
            ],
        },
        "corpus": {
            "sentences": len(corpus.sentences),
            "words": len(corpus.words),
            "compared_words": len(pairs[0].words),
            "token_labels": list(corpus.token_labels),
            "sentence_labels": list(corpus.sentence_labels),
        },
        "notes": [*corpus.notes, *notes_on(pairs, len(corpus.words)), *skipped],
        "seconds": clock.seconds,
        "results": results,
    }
    write_json(layout.manifest, manifest)
    return load_results(layout.root)


def _as_list(tuned: Any) -> list[Any]:
    # A (module, tokenizer) pair is one model, not two.
    paths = isinstance(tuned, tuple) and all(isinstance(one, str | Path) for one in tuned)
    several = list(tuned) if isinstance(tuned, list) or paths else [tuned]
    if not several:
        raise OptionError("no tuned model is given")
    return several


def _runnable(chosen: Mapping[str, Analysis], corpus: Corpus) -> tuple[dict[str, Analysis], list[str]]:
    """The analyses whose needs this corpus meets, and a line for each that is left out."""
    held = {"words"} | ({"token labels"} if corpus.token_labels else set())
    held |= {"sentence labels", "classifier head"} if corpus.sentence_labels else set()
    runnable, skipped = {}, []
    for name, analysis in chosen.items():
        if missing := sorted(set(analysis.needs) - held):
            skipped.append(f"The analysis {name} was left out: it needs {' and '.join(missing)}.")
        else:
            runnable[name] = analysis
    if not runnable:
        raise OptionError(" ".join(skipped))
    return runnable, skipped


def _existing(layout: RunLayout, question: Question) -> StudyResults | None:
    if not layout.manifest.exists():
        return None
    manifest = read_json(layout.manifest)
    if differences := question.differences(manifest["question"]):
        shown = "; ".join(differences[:4]) + (" ..." if len(differences) > 4 else "")
        raise StoreError(f"{layout.root} holds a run of another question ({shown}); choose another directory")
    if not manifest["finished"]:
        return None
    for store in sorted(layout.activations.glob("*/")):
        ActivationStore(store).verify()
    return load_results(layout.root)


def _extract_all(
    layout: RunLayout,
    base: ModelReference,
    tuned: Sequence[ModelReference],
    corpus: Corpus,
    options: ExtractOptions,
    progress: Progress,
    clock: _Clock,
) -> list[ActivationStore]:
    """The stores of the base model and of each tuned one; a base that adapters sit on is loaded once with them."""
    names = ["tuned"] if len(tuned) == 1 else [f"tuned-{i}" for i in range(len(tuned))]
    carrier = next((model for model in tuned if _carries(model, base)), None)
    stores: dict[str, ActivationStore] = {}

    def run(loaded: LoadedModel, reference: ModelReference, name: str) -> None:
        with clock.measured(f"extraction of {name}"):
            stores[name] = extract_loaded(loaded, reference, corpus, layout.store(name), options, progress)

    def loaded(reference: ModelReference) -> LoadedModel:
        with clock.measured("loading models"):
            return load(reference, device=options.device, dtype=options.compute)

    if carrier is None:
        run(loaded(base), base, "base")
    for name, model in zip(names, tuned, strict=True):
        here = loaded(model)
        if model is carrier:
            with here.adapter_disabled():
                run(here, base, "base")
        run(here, model, name)
        del here
    return [stores["base"], *(stores[name] for name in names)]


def _carries(model: ModelReference, base: ModelReference) -> bool:
    return (
        model.kind == "adapter"
        and model.base is not None
        and model.base.weights_sha256 == base.weights_sha256
        and model.tokenizer_sha256 == base.tokenizer_sha256
    )


class _Clock:
    """Seconds spent per stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def measured(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[stage] = round(self.seconds.get(stage, 0.0) + time.perf_counter() - start, 3)


@dataclass(frozen=True)
class _Run:
    """Analyses over paired stores, task by task, each kept on disk when it is done."""

    layout: RunLayout
    question: Question
    pairs: list[PairedStores]
    heads: list[TunedClassifier]
    progress: Progress
    clock: _Clock

    def analyse(self, analysis: Analysis, options: Any) -> dict[str, Any]:
        """Run one analysis to its end; returns its entry in the manifest."""
        todo = tasks([analysis.name], [pair.layers for pair in self.pairs])
        with (
            self.clock.measured(analysis.name),
            self.progress.task(analysis.name, len(todo), "layers") as advance,
        ):
            parts = []
            for task in todo:
                parts.append(self._task(analysis, options, task))
                advance(1)
            combined = analysis.combine(_concatenated(parts), options)
            findings = analysis.findings(combined, options)
            figures = analysis.figures(combined, options)
        digests = {name: write_table(self.layout.tables / f"{name}.parquet", t) for name, t in combined.items()}
        shown = {"findings": [f.as_dict() for f in findings], "figures": [f.as_dict() for f in figures]}
        write_json(self.layout.figures / f"{analysis.name}.json", shown)
        return {"question": analysis.question, "tables": digests}

    def _task(self, analysis: Analysis, options: Any, task: Task) -> Tables:
        home = self.layout.tasks / task.name
        seal = home / "done.json"
        if seal.exists():
            done = read_json(seal)["tables"]
            return {name: read_table(home / f"{name}.parquet", digest) for name, digest in done.items()}
        head = self.heads[task.tuned_index] if "classifier head" in {*analysis.needs, *analysis.uses} else None
        pair = self.pairs[task.tuned_index].pair(task.layer, self.question.seed, task.tuned_index, head)
        tables = analysis.run(pair, options)
        digests = {name: write_table(home / f"{name}.parquet", table) for name, table in tables.items()}
        write_json(seal, {"tables": digests})
        return tables


def _concatenated(parts: Sequence[Tables]) -> Tables:
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: pl.concat([part[name] for part in parts if name in part]) for name in names}
