"""Runs the models of a series, one after the other: their activations, then every task that compares them.

One member at a time, so that its vectors can go before the next one's come.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from isogloss.activations import ExtractOptions, extract_on
from isogloss.analysis import Analysis
from isogloss.corpus import Corpus
from isogloss.engines import Engine
from isogloss.errors import StoreError
from isogloss.models import ModelReference
from isogloss.sealed import read_json, write_json
from isogloss.shapes import shaped
from isogloss.study.jobs import PairSource
from isogloss.study.layout import RunLayout
from isogloss.study.manifest import Facts
from isogloss.study.notes import coverage, kinship_notes, notes_on
from isogloss.study.pairing import PairedStores
from isogloss.study.plan import tasks_of
from isogloss.study.series import Member
from isogloss.study.tasks import Piece, StudyTasks


@dataclass(frozen=True)
class MemberFacts:
    """What a finished run says of a member.

    Attributes
    ----------
    described : what `coverage` says, with its step or task.
    layers : those that were compared.
    notes : what a reader must know.
    """

    described: dict[str, Any]
    layers: tuple[int, ...]
    notes: tuple[str, ...]


def run_members(
    study: StudyTasks,
    engine: Engine,
    base: ModelReference,
    corpus: Corpus,
    analyses: Mapping[str, Analysis],
    settings: Mapping[str, Any],
    extraction: ExtractOptions,
    *,
    keep_activations: bool,
) -> list[MemberFacts]:
    """Do all tasks of all members; what is done already is not done again.

    Parameters
    ----------
    engine : who does it.
    base : the base model; its vectors are there.
    keep_activations : False deletes a member's vectors as soon as its tasks are done.
    """
    found = []
    for index, member in enumerate(study.series.members, start=1):
        facts = _known(study, analyses, index)
        if facts is None:
            source = _source(study, engine, corpus, extraction, index)
            facts = _facts(member, base, source.stores(), corpus)
            write_json(study.layout.member(index), vars(facts))
            pieces = [
                Piece(task, analysis, settings[name], source)
                for name, analysis in analyses.items()
                for task in tasks_of(analysis, facts.layers, index)
            ]
            study.compute(engine, pieces, member.called)
        if not keep_activations:
            study.layout.drop_activations(_store(index))
        found.append(facts)
    return found


def read_facts(layout: RunLayout, index: int) -> MemberFacts | None:
    """What is known of a member that ran; None if it did not, or if that is damaged."""
    try:
        kept = shaped(read_json(layout.member(index)), Facts, str(layout.member(index)))
    except StoreError:
        return None
    return MemberFacts(kept["described"], kept["layers"], kept["notes"])


def _known(study: StudyTasks, analyses: Mapping[str, Analysis], index: int) -> MemberFacts | None:
    """The facts of a member whose tasks are all done and whole."""
    facts = read_facts(study.layout, index)
    if facts is None:
        return None
    todo = (task for analysis in analyses.values() for task in tasks_of(analysis, facts.layers, index))
    return facts if all(study.kept(task) is not None for task in todo) else None


def _store(index: int) -> str:
    return f"member-{index}"


def _source(study: StudyTasks, engine: Engine, corpus: Corpus, options: ExtractOptions, index: int) -> PairSource:
    member = study.series.members[index - 1]
    base = study.layout.store("base")
    if member.value == 0:
        return PairSource(base, base, member.model, options.device, options.device_map)
    own = study.layout.store(_store(index))
    with study.clock.measured(f"extraction of {member.called}"):
        extract_on(engine, member.model, corpus, own, options, study.progress)
    return PairSource(base, own, member.model, options.device, options.device_map)


def _facts(member: Member, base: ModelReference, stores: PairedStores, corpus: Corpus) -> MemberFacts:
    n_words = len(corpus.words)
    described = {member.by: member.value, **coverage(member.model, stores.tuned, n_words)}
    notes: list[str] = []
    if member.by == "task":
        # A checkpoint has the words, the tokenizer and the training sentences of the model that it became.
        name = f"The {member.called}"
        notes = [
            *kinship_notes(base, [member.model], corpus.sentences, [name]),
            *notes_on([stores], n_words, [name]),
        ]
    return MemberFacts(described, stores.layers, tuple(notes))
