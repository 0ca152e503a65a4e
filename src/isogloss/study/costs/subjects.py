"""What a plan is about: the shapes of all models, the analyses with their options, the text, and which layers are read.

Follows `prepare`, with two differences: weights need not be there, and none are fingerprinted, which for a large model
would take longer than the plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from isogloss.activations import ExtractOptions
from isogloss.activations.layers import choose_layers
from isogloss.analysis import Analysis
from isogloss.corpus import Corpus
from isogloss.errors import OptionError
from isogloss.models import ModelReference, resolve
from isogloss.progress import SILENT, Progress
from isogloss.study.costs.shape import ModelShape, model_shape
from isogloss.study.costs.text import TextSize, text_size
from isogloss.study.prepare import as_list, check_corpus, settle
from isogloss.study.series import series_of


@dataclass(frozen=True)
class Subject:
    """One model that is read.

    Attributes
    ----------
    name : of its store: `base`, `tuned`, `tuned-0`, `member-1` ...
    shape, text : the model, and the corpus as it sees it.
    layers : that are kept.
    """

    name: str
    shape: ModelShape
    text: TextSize
    layers: tuple[int, ...]


@dataclass(frozen=True)
class Subjects:
    """All that a plan is about.

    Attributes
    ----------
    base, others : the base model; the tuned ones and those of a series.
    again : comparisons of the base with itself (step 0 of a series): tasks, but nothing to read.
    corpus : at hand; `words` says how much text is planned for.
    words : of the study.
    analyses, options : by name.
    extraction : how activations are read.
    seed : of everything random.
    skipped : a line for each analysis that is left out.
    """

    base: Subject
    others: tuple[Subject, ...]
    again: int
    corpus: Corpus
    words: float
    analyses: Mapping[str, Analysis]
    options: Mapping[str, Any]
    extraction: ExtractOptions
    seed: int
    skipped: tuple[str, ...]

    @property
    def read(self) -> tuple[Subject, ...]:
        """Every model whose vectors are kept."""
        return (self.base, *self.others)

    @property
    def factor(self) -> float:
        """How many times the corpus at hand is planned for."""
        return self.words / len(self.corpus.words)

    def compared(self) -> list[tuple[int, ...]]:
        """Of each comparison, the layers that one of its two models has."""
        found = [tuple(sorted({*self.base.layers, *other.layers})) for other in self.others]
        return found + [self.base.layers] * self.again


def subjects_of(
    base: Any,
    tuned: Any,
    corpus: Corpus,
    *,
    analyses: Iterable[str] | None,
    options: Mapping[str, Mapping[str, Any]] | None,
    extraction: ExtractOptions | None,
    seed: int,
    allow_pickle: bool,
    checkpoints: bool | int | Mapping[int, Any],
    also: Sequence[tuple[str, Any]],
    words: float | None,
    progress: Progress = SILENT,
) -> Subjects:
    """Settle what a plan is about; the arguments are those of `plan_study`."""
    check_corpus(corpus, seed)
    if words is not None and not 1 <= words < float("inf"):
        raise OptionError(f"a study has at least one word; got words={words}")
    runnable, settings, skipped = settle(corpus, analyses, options)
    extraction = replace(extraction or ExtractOptions(), present_only=True)
    given = as_list(tuned)
    models, again = [("base", base)], 0
    models += [("tuned" if len(given) == 1 else f"tuned-{i}", one) for i, one in enumerate(given)]
    if checkpoints is not False or also:
        # Which checkpoints there are, and which of them is the tuned model, its fingerprints say.
        resolved = [resolve(one, allow_pickle=allow_pickle) for _, one in models]
        series = series_of(resolved[0], resolved[1:], checkpoints, also, allow_pickle=allow_pickle)
        again = sum(member.value == 0 for member in series.members)
        models += [(f"member-{i}", m.model) for i, m in enumerate(series.members, start=1) if m.value != 0]
    factor = 1.0 if words is None else words / len(corpus.words)
    known: dict[str, TextSize] = {}
    subjects = []
    for name, model in models:
        shape = model_shape(model, allow_pickle=allow_pickle)
        cut = _cut(shape, model)
        if cut not in known:
            known[cut] = text_size(shape, corpus, extraction, progress)
        layers = choose_layers(extraction.layers, shape.n_layers, present_only=True)
        subjects.append(Subject(name, shape, known[cut].scaled(factor), layers))
    return Subjects(
        base=subjects[0],
        others=tuple(subjects[1:]),
        again=again,
        corpus=corpus,
        words=len(corpus.words) * factor,
        analyses=runnable,
        options=settings,
        extraction=extraction,
        seed=seed,
        skipped=tuple(skipped),
    )


def _cut(shape: ModelShape, model: Any) -> str:
    """What is the same for two models that cut text in the same way."""
    from isogloss.models.hashing import tokenizer_sha256

    if isinstance(model, ModelReference):
        return f"{model.tokenizer_sha256} {shape.limit}"
    tokenizer = shape.tokenizer()
    return "none" if tokenizer is None else f"{tokenizer_sha256(tokenizer)} {shape.limit}"
