"""What a study is about, settled before any of it runs: its models, analyses, options and question.

Resolves and checks everything that can be checked without running a model. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from isogloss.activations import ExtractOptions
from isogloss.analysis import Analysis, CheckingAnalysis, choose
from isogloss.corpus import Corpus
from isogloss.errors import OptionError
from isogloss.models import ModelReference, resolve
from isogloss.study.plan import Question, build_options
from isogloss.study.series import Series, series_of


@dataclass(frozen=True)
class Prepared:
    """A study that can begin.

    Attributes
    ----------
    base, tuned : the models that are compared; several tuned ones are the seeds of one tuning.
    corpus : the words that all models see.
    analyses : those that this corpus can be asked, by name.
    options : theirs, by name.
    extraction : how activations are read and stored.
    seed : of everything random.
    series : the models beside the one tuned model.
    skipped : a line for each analysis that is left out.
    """

    base: ModelReference
    tuned: tuple[ModelReference, ...]
    corpus: Corpus
    analyses: Mapping[str, Analysis]
    options: Mapping[str, Any]
    extraction: ExtractOptions
    seed: int
    series: Series
    skipped: tuple[str, ...]

    @property
    def question(self) -> Question:
        """What decides the tables."""
        corpus = self.corpus
        return Question(
            base=self.base.as_dict(),
            tuned=tuple(model.as_dict() for model in self.tuned),
            corpus={
                "name": corpus.name,
                "source": corpus.source,
                "content": corpus.sha256,
                "sentences": len(corpus),
                "words": len(corpus.words),
            },
            analyses=tuple(self.analyses),
            options={name: asdict(self.options[name]) for name in self.analyses},
            extraction=asdict(self.extraction),
            seed=self.seed,
            series=self.series.as_dict(),
        )


def prepare(
    base: Any,
    tuned: Any,
    corpus: Corpus,
    *,
    analyses: Iterable[str] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    extraction: ExtractOptions | None = None,
    seed: int = 0,
    allow_pickle: bool = False,
    checkpoints: bool | int | Mapping[int, Any] = False,
    also: Sequence[tuple[str, Any]] = (),
) -> Prepared:
    """Settle what a study is about; the arguments are those of `run_study`.

    Raises
    ------
    ModelError, OptionError : each says what is wrong and what would be right.
    """
    check_corpus(corpus, seed)
    runnable, settings, skipped = settle(corpus, analyses, options)
    base_model = resolve(base, allow_pickle=allow_pickle)
    tuned_models = [resolve(one, allow_pickle=allow_pickle) for one in as_list(tuned)]
    series = series_of(base_model, tuned_models, checkpoints, also, allow_pickle=allow_pickle)
    return Prepared(
        base=base_model,
        tuned=tuple(tuned_models),
        corpus=corpus,
        analyses=runnable,
        options=settings,
        extraction=replace(extraction or ExtractOptions(), present_only=True),
        seed=seed,
        series=series,
        skipped=tuple(skipped),
    )


def check_corpus(corpus: Any, seed: int) -> None:
    """Refuse what no study can be about.

    Raises
    ------
    OptionError : it is no corpus, has no words, or the seed is negative.
    """
    if not isinstance(corpus, Corpus):
        raise OptionError(f"the corpus is a {type(corpus).__name__}; read it first: Corpus.read({corpus!r}, ...)")
    if seed < 0:
        raise OptionError(f"a seed is 0 or more; got {seed}")
    if corpus.words.is_empty():
        raise OptionError(f"{corpus.name} has no words left to compare; ask for fewer occurrences or another split")


def settle(
    corpus: Corpus, analyses: Iterable[str] | None, options: Mapping[str, Mapping[str, Any]] | None
) -> tuple[dict[str, Analysis], dict[str, Any], list[str]]:
    """The analyses that are asked for and can run over this corpus, their options, and a line for each left out.

    Raises
    ------
    OptionError : there is no such analysis or option, a value is refused, or no analysis can run.
    """
    chosen = choose(analyses)
    settings = {name: build_options(analysis, (options or {}).get(name)) for name, analysis in chosen.items()}
    if unknown := sorted(set(options or {}) - set(chosen)):
        raise OptionError(f"options are given for {', '.join(unknown)}, which this run does not do")
    runnable, skipped = _runnable(chosen, corpus)
    for name, analysis in runnable.items():
        if isinstance(analysis, CheckingAnalysis):
            analysis.check(corpus.token_labels, corpus.sentence_labels, settings[name])
    return runnable, {name: settings[name] for name in runnable}, skipped


def as_list(tuned: Any) -> list[Any]:
    """One tuned model or several, as a list.

    Raises
    ------
    OptionError : there is none.
    """
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
