"""Carries a study out: models into activations, pairs of layers into tables, tables into findings and figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from isogloss.activations import ActivationStore, ExtractOptions, extract_on, finished_store, refuse_in_memory
from isogloss.corpus import Corpus
from isogloss.engines import ALONE, Engine, Workers
from isogloss.errors import StoreError
from isogloss.models import ModelReference
from isogloss.models.adapters import keeps_base, sharing_base
from isogloss.progress import SILENT, Progress
from isogloss.sealed import read_json, write_json
from isogloss.study.costs.least import refuse_too_little
from isogloss.study.difference import differences
from isogloss.study.jobs import PairSource
from isogloss.study.layout import FORMAT, RunLayout
from isogloss.study.machine import machine, versions
from isogloss.study.members import MemberFacts, read_facts, run_members
from isogloss.study.notes import absent_notes, coverage, kept_tasks, kinship_notes, notes_on
from isogloss.study.plan import Question, tasks
from isogloss.study.prepare import Prepared, prepare
from isogloss.study.results import StudyResults, load_results
from isogloss.study.tasks import Clock, Piece, StudyTasks


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
    keep_activations: bool = True,
    progress: Progress = SILENT,
    command: str | None = None,
    checkpoints: bool | int | Mapping[int, Any] = False,
    also: Sequence[tuple[str, Any]] = (),
    workers: Workers = ALONE,
) -> StudyResults:
    """Compare a base model with one or several tuned ones over a corpus; everything ends up in `out`.

    A finished run of the same question is opened (and what is damaged in it mended), an unfinished one is continued,
    one of another question is refused.

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
    keep_activations : False deletes the vectors when the run is finished; tables, findings and page stay.
    progress : told how far it is.
    command : how a user would run it again, for the manifest.
    checkpoints : of the tuned model's training, to draw everything over steps: True for all in its directory, a number
        for at most so many, or models by step.
    also : other tunings of the same base, (name, model), to stand side by side with the tuned model.
    workers : who does it; the tables are the same.

    Raises
    ------
    EngineError, ModelError, OptionError, StoreError : each says what is wrong and what would be right.
    """
    prepared = prepare(
        base,
        tuned,
        corpus,
        analyses=analyses,
        options=options,
        extraction=extraction,
        seed=seed,
        allow_pickle=allow_pickle,
        checkpoints=checkpoints,
        also=also,
    )
    layout = RunLayout(out)
    engine = workers.opened(progress)
    if engine.remote:
        refuse_in_memory([prepared.base, *prepared.tuned, *(member.model for member in prepared.series.members)])
    with layout.locked():
        recorded = _recorded(layout, prepared.question)
        done = recorded is not None and recorded["finished"]
        found = _finished(layout, recorded, prepared, progress) if recorded is not None and done else None
        if found is None:
            try:
                with engine:
                    found = _carried_out(layout, prepared, engine, command, progress, keep_activations=keep_activations)
            except BaseException:
                layout.forget_empty()
                raise
        if not keep_activations:
            layout.drop_activations()
    return found


def _carried_out(
    layout: RunLayout,
    prepared: Prepared,
    engine: Engine,
    command: str | None,
    progress: Progress,
    *,
    keep_activations: bool,
) -> StudyResults:
    """Do what is not done yet, to the end."""
    base, tuned, series, corpus = prepared.base, prepared.tuned, prepared.series, prepared.corpus
    analyses, settings, extraction = prepared.analyses, prepared.options, prepared.extraction
    members = [member.called for member in series.members]
    weights = refuse_too_little(engine, prepared, layout.root)
    if kept := layout.finished_tasks():
        progress.note(f"{layout.root} holds a part of this run; kept: {kept_tasks(kept, members)}")
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "finished": False,
        "question": prepared.question.as_dict(),
        "command": command,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "machine": machine(),
    }
    write_json(layout.manifest, manifest)
    clock = Clock()
    facts: list[MemberFacts] = []
    # A series asks for the base of its adapters again and again; else it would only be in the way of the analyses.
    with sharing_base() if series.members else nullcontext():
        stores = _extract_all(engine, layout, prepared, progress, clock)
        sources = [
            PairSource(stores[0].directory, store.directory, model, extraction.device, extraction.device_map)
            for model, store in zip(tuned, stores[1:], strict=True)
        ]
        pairs = [source.stores() for source in sources]
        layers = [pair.layers for pair in pairs]
        study = StudyTasks(layout, prepared.seed, layers, progress, clock, series, weights=weights)
        # The base's part of an analysis, done for the tuned model, serves every member.
        study.compute(
            engine,
            [
                Piece(task, analysis, settings[name], sources[task.tuned_index])
                for name, analysis in analyses.items()
                for task in tasks([analysis], study.layers)
            ],
        )
        if series.members:
            facts = run_members(
                study, engine, base, corpus, analyses, settings, extraction, keep_activations=keep_activations
            )
            study = replace(study, member_layers=[fact.layers for fact in facts])
    manifest["machine"] |= {"engine": engine.name, "workers": engine.workers}
    if engine.memory is not None:
        manifest["machine"] |= {"memory_of_a_worker": engine.memory, "most_memory_of_a_worker": engine.peak}
    results = {name: study.analyse(analyses[name], settings[name]) for name in analyses}
    tuned_facts = [coverage(m, store, len(corpus.words)) for m, store in zip(tuned, stores[1:], strict=True)]
    own = {by: place for by, place in (("step", series.step), ("task", series.task)) if place is not None}
    manifest |= {
        "finished": True,
        "models": {
            "base": coverage(base, stores[0], len(corpus.words)),
            "tuned": [own | fact for fact in tuned_facts],
            "series": [fact.described for fact in facts],
        },
        "corpus": {
            "sentences": len(corpus.sentences),
            "words": len(corpus.words),
            "compared_words": len(pairs[0].words),
            "token_labels": list(corpus.token_labels),
            "sentence_labels": list(corpus.sentence_labels),
        },
        "notes": [
            *corpus.notes,
            *kinship_notes(base, list(tuned), corpus.sentences),
            *absent_notes(extraction.layers, pairs),
            *notes_on(pairs, len(corpus.words)),
            *(note for fact in facts for note in fact.notes),
            *prepared.skipped,
        ],
        "seconds": clock.seconds,
        "results": results,
    }
    write_json(layout.manifest, manifest)
    return load_results(layout.root)


def _recorded(layout: RunLayout, question: Question) -> dict[str, Any] | None:
    """The manifest of the run that is there already, if it asks the same question."""
    if not layout.manifest.exists():
        return None
    try:
        manifest = read_json(layout.manifest)
        recorded = manifest["question"]
    except (StoreError, KeyError) as error:
        raise StoreError(
            f"{layout.manifest} is damaged or not that of a run ({error})",
            "choose another directory or delete this one",
        ) from None
    if differing := differences(recorded, question.as_dict()):
        shown = "; ".join(differing[:4]) + (" ..." if len(differing) > 4 else "")
        raise StoreError(f"{layout.root} holds a run of another question ({shown})", "choose another directory")
    return manifest


def _finished(
    layout: RunLayout, manifest: dict[str, Any], prepared: Prepared, progress: Progress
) -> StudyResults | None:
    """Open a finished run; damaged tables are made anew from those of the tasks. None if tasks are damaged too."""
    for directory in sorted(layout.activations.glob("*/")):
        if (store := finished_store(directory)) is not None:
            store.verify()
    try:
        results = load_results(layout.root)
    except StoreError as error:
        progress.note(f"{error.message}; made anew")
        base = set(manifest["models"]["base"]["layers"])
        layers = [tuple(sorted(base | set(model["layers"]))) for model in manifest["models"]["tuned"]]
        series = prepared.series
        facts = [read_facts(layout, index) for index in range(1, len(series.members) + 1)]
        members = [fact.layers for fact in facts if fact is not None]
        if len(members) < len(facts):
            return None
        study = StudyTasks(layout, prepared.seed, layers, progress, Clock(), series, members)
        if not study.has_all(prepared.analyses):
            return None
        entries = {name: study.analyse(one, prepared.options[name]) for name, one in prepared.analyses.items()}
        write_json(layout.manifest, {**manifest, "results": entries})
        return load_results(layout.root)
    progress.note(f"{layout.root} holds this run already; nothing is computed again")
    return results


def _extract_all(
    engine: Engine, layout: RunLayout, prepared: Prepared, progress: Progress, clock: Clock
) -> list[ActivationStore]:
    """The stores of the base model and of each tuned one; a base that adapters sit on is loaded once with them."""
    base, tuned = prepared.base, prepared.tuned
    names = ["tuned"] if len(tuned) == 1 else [f"tuned-{i}" for i in range(len(tuned))]
    carrier = next((model for model in tuned if _carries(model, base)), None)
    todo = [("base", base, carrier), *((name, model, None) for name, model in zip(names, tuned, strict=True))]
    stores: dict[str, ActivationStore] = {}
    # The carrier right after the base: it is in memory still.
    for name, model, lent in sorted(todo, key=lambda entry: 0 if entry[0] == "base" else 1 + (entry[1] is not carrier)):
        with clock.measured(f"extraction of {name}"):
            stores[name] = extract_on(
                engine, model, prepared.corpus, layout.store(name), prepared.extraction, progress, lent
            )
    return [stores["base"], *(stores[name] for name in names)]


def _carries(model: ModelReference, base: ModelReference) -> bool:
    return (
        model.kind == "adapter"
        and model.base is not None
        and model.base.weights_sha256 == base.weights_sha256
        and model.tokenizer_sha256 == base.tokenizer_sha256
        and keeps_base(model)
    )
