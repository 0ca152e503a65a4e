"""Asks another process what a study takes on little text here, and foretells from it what it takes on all of it."""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import isogloss
from isogloss.activations import ExtractOptions
from isogloss.analysis import AskingAnalysis, TextAmount
from isogloss.errors import IsoglossError
from isogloss.models import ModelReference
from isogloss.progress import Progress
from isogloss.study.costs.growing import Growth, memory_parts, size_parts, time_parts
from isogloss.study.costs.request import TaskTrial, TrialRequest, TrialResult
from isogloss.study.costs.shape import ModelShape
from isogloss.study.costs.subjects import Subjects
from isogloss.study.costs.trial import narrower, parts_of

WORDS = 16_000
"""Words that trials are made on, at most."""
LARGEST = 2 * 2**30
"""Bytes of weights in float32 above which a model is not run for a plan."""
BUDGET = 18.0
"""Seconds for the trials of all analyses."""

MIDDLE = 0.5
"""Of the most texts that a classifier may be asked about, where it depends on what is found."""

RUNGS = 3
"""Largest trials at one width that say how seconds and memory grow: small ones say more of overheads."""

_known: dict[bytes, TrialResult] = {}


def measure(subjects: Subjects, progress: Progress, budget: float = BUDGET) -> tuple[TrialRequest, TrialResult]:
    """Try the study in another process; once in this process for the same question.

    Raises
    ------
    IsoglossError : the trial failed; with what it said.
    """
    request = _request(subjects, budget)
    content = pickle.dumps(request)
    key = hashlib.sha256(content).digest()
    if key not in _known:
        with progress.task("trying the study on little text", 1, "trial") as advance:
            _known[key] = _elsewhere(content)
            advance(1)
    return request, _known[key]


def _request(subjects: Subjects, budget: float) -> TrialRequest:
    base, tuned = subjects.base, subjects.others[0]
    corpus = subjects.corpus
    sentences = max(20, int(WORDS * len(corpus) / len(corpus.words)))
    order = _order(len(corpus))[:sentences]
    run = (_runs(base.shape), _runs(tuned.shape))
    both = (run[0], run[1]) if run[0] is not None and run[1] is not None else None
    layers = subjects.compared()[0]
    narrow = both is None and narrower(base.shape.hidden, len(layers))
    return TrialRequest(
        base=replace(base.shape, reference=None),
        tuned=replace(tuned.shape, reference=None),
        run=both,
        corpus=replace(corpus.select(order), notes=(), unread=()),
        options=subjects.options,
        # Of what is made up, neither depends on how a model is read.
        extraction=subjects.extraction if both else ExtractOptions(),
        layers=() if narrow else layers,
        seed=subjects.seed,
        budget=budget,
    )


def _order(n: int) -> list[int]:
    import numpy as np

    return np.random.default_rng(0).permutation(n).tolist()


def _runs(shape: ModelShape) -> ModelReference | None:
    """A reference that another process can load; None where it should not, or cannot."""
    if not shape.has_weights or 4 * shape.parameters > LARGEST:
        return None
    if shape.reference is not None:
        return None if shape.reference.module is not None else shape.reference
    # Without fingerprints: nothing that is kept will bear them.
    return ModelReference(shape.spec, "directory", shape.directory, None, None, None, "", "", allow_pickle=True)


def _elsewhere(content: bytes) -> TrialResult:
    with tempfile.TemporaryDirectory(prefix="isogloss-plan-") as home:
        request, result = Path(home) / "request", Path(home) / "result"
        request.write_bytes(content)
        command = [sys.executable, "-m", "isogloss.study.costs.trial", str(request), str(result)]
        source = str(Path(isogloss.__file__).parents[1])
        paths = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": paths}
        )
        if done.returncode != 0 or not result.exists():
            said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
            raise IsoglossError(f"the study could not be tried on little text, so its time is not known: {said}")
        return pickle.loads(result.read_bytes())


@dataclass(frozen=True)
class TaskCost:
    """What one task takes.

    Attributes
    ----------
    seconds, memory, read, written : as in `TaskTrial`; seconds without the classifier.
    texts : characters that the classifier is given.
    """

    seconds: float
    memory: float
    read: float
    written: float
    texts: float


NOTHING = TaskCost(0.0, 0.0, 0.0, 0.0, 0.0)


def task_costs(subjects: Subjects, request: TrialRequest, result: TrialResult) -> dict[tuple[str, str], TaskCost]:
    """By analysis and kind (`layer`, `last`, `whole`), what a task takes on all words of the study."""
    found = {}
    n_layers, hidden = len(subjects.compared()[0]), subjects.base.shape.hidden
    amount = TextAmount(min(s.text.covered for s in subjects.read), n_layers, subjects.corpus.words)
    for name, analysis in subjects.analyses.items():
        parts = parts_of(analysis, amount, subjects.options[name])
        here = [trial for trial in result.tasks if trial.analysis == name]
        for kind in ("layer", "last", "whole"):
            trials = [trial for trial in here if trial.kind == kind]
            if trials:
                found[name, kind] = _foretold(trials, parts, amount.words, hidden, n_layers)
        if isinstance(analysis, AskingAnalysis):
            for kind in {kind for named, kind in found if named == name}:
                tried = [trial for trial in here if trial.kind == kind]
                texts = _texts(analysis, tried, amount, subjects, len(request.tuned.classes))
                found[name, kind] = replace(found[name, kind], texts=texts)
    return found


def _foretold(trials: list[TaskTrial], parts: tuple[float, ...], words: float, hidden: int, n_layers: int) -> TaskCost:
    wide = len({trial.hidden for trial in trials}) > 1 or trials[0].hidden != hidden
    last = trials if wide else trials[-RUNGS:]

    every = range(len(parts))
    # Pairs of words are compared, not held: no analysis keeps more rows than there are words at all layers.
    held = [i for i in every if parts[i] <= words * n_layers] if wide else every

    def grown(
        name: str,
        made_of: Callable[[Sequence[float], int], list[float]],
        used: Sequence[int] = every,
        shown: Sequence[TaskTrial] = last,
    ) -> float:
        def at(own: tuple[float, ...], width: int) -> list[float]:
            chosen = [own[i] for i in used]
            return made_of(chosen, width) if wide else chosen

        known = Growth([at(trial.parts, trial.hidden) for trial in shown], [getattr(trial, name) for trial in shown])
        return known(at(parts, hidden))

    # Tables do not grow with the width, and what is read does with nothing else.
    return TaskCost(
        seconds=grown("seconds", time_parts),
        # Memory has no overheads that small trials would say too much of, and three numbers leave much open.
        memory=grown("memory", memory_parts, held, trials),
        read=grown("read", size_parts),
        written=Growth([[t.words, t.layers] for t in trials], [t.written for t in trials])([words, n_layers]),
        texts=Growth([t.parts for t in trials], [t.texts for t in trials])(parts),
    )


def _texts(
    analysis: AskingAnalysis, trials: list[TaskTrial], amount: TextAmount, subjects: Subjects, classes: int
) -> float:
    """Characters that the classifier is given.

    Where what is found says how often it is asked, and no trial was on all of the text: half of the most there can be,
    if that is more than the trials show.
    """
    options, sample = subjects.options[analysis.name], subjects.corpus.words
    asked, most = analysis.asked(amount, classes, options)
    there = sum(analysis.asked(TextAmount(t.words, t.layers, sample), classes, options)[0] for t in trials)
    shown = sum(trial.texts for trial in trials) * asked / there if there else 0.0
    largest = max(trials, key=lambda trial: (trial.hidden, trial.words))
    if most and largest.words >= amount.words:
        return largest.texts
    if largest.kind != "last":
        return shown
    length = subjects.corpus.sentences["text"].str.len_chars().mean()
    return max(shown, MIDDLE * most * (float(length) if isinstance(length, float) else 100.0))
