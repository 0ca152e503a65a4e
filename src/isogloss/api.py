"""The public face: joins the study with the report, which know nothing of each other."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isogloss.bars import on_terminal
from isogloss.engines import Workers
from isogloss.errors import StoreError
from isogloss.progress import Progress
from isogloss.report import Facts, ReportInput, summary_json, summary_markdown, write_report
from isogloss.sealed import read_json, write_bytes
from isogloss.sealed import write_json as write_sealed_json
from isogloss.study import StudyResults, load_results, way_out
from isogloss.study.layout import RunLayout

if TYPE_CHECKING:
    from isogloss.activations.layers import Layers
    from isogloss.corpus import Corpus
    from isogloss.study.costs import Machine, Plan


class Study(StudyResults):
    """A finished comparison: findings, tables, figures, and the page that shows them.

    `study["similarity"].tables["similarity"]` is a polars frame; `study.findings` are sentences with their numbers.
    """

    def report(self, path: Path | str | None = None) -> Path:
        """Write the page: one self-contained HTML file that opens from disk.

        Parameters
        ----------
        path : where; `report.html` in the run directory if None.
        """
        target = Path(path) if path is not None else RunLayout(self.directory).report
        write_report(self.as_report_input(), target)
        return target

    def as_report_input(self) -> ReportInput:
        """What the report needs to know of this study."""
        asked, found = self.manifest["question"], self.manifest["models"]
        tuned = found["tuned"]
        names = _names([found["base"], *tuned])
        described = dict(zip(names, [found["base"], *tuned], strict=True))
        # The base stands at step 0; it is listed once.
        members = {member_name(model): model for model in found.get("series", []) if model.get("step") != 0}
        described |= members
        facts = Facts(
            base=names[0],
            tuned=tuple(names[1:]),
            corpus=asked["corpus"]["name"],
            sentences=self.manifest["corpus"]["sentences"],
            words=self.manifest["corpus"]["compared_words"],
            labels=tuple(self.manifest["corpus"]["token_labels"] + self.manifest["corpus"]["sentence_labels"]),
            layers=tuple(sorted({layer for name in names for layer in described[name]["layers"]})),
            coverage={name: model["coverage"] for name, model in described.items()},
            hidden={name: model["hidden"] for name, model in described.items()},
            series=self.series,
        )
        return ReportInput(
            title="",
            facts=facts,
            questions={name: result.question for name, result in self.analyses.items()},
            findings=self.findings,
            figures={name: result.figures for name, result in self.analyses.items()},
            tables=self.tables,
            manifest={
                "command": self.manifest["command"],
                "seed": asked["seed"],
                "versions": self.manifest["versions"],
                "models": described,
                "timings": self.manifest["seconds"],
                "machine": self.manifest["machine"],
                "corpus": {**asked["corpus"], **self.manifest["corpus"]},
                "options": asked["options"],
                "started": self.manifest["started"],
            },
            notes=self.notes,
            tables_at="tables",
        )

    def __repr__(self) -> str:
        said = "".join(f" {sentence}" for sentence in self.series)
        return f"Study({str(self.directory)!r}: {', '.join(self)}; {len(self.findings)} findings){said}"


def compare(
    base: Any,
    tuned: Any,
    corpus: Corpus,
    analyses: Iterable[str] | None = None,
    layers: Layers = "all",
    out: Path | str | None = None,
    seed: int = 0,
    *,
    checkpoints: bool | int | Mapping[int, Any] = False,
    also: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    tokenizer: Any = None,
    allow_pickle: bool = False,
    keep_activations: bool = True,
    progress: Progress | None = None,
    command: str | None = None,
    engine: str = "inline",
    workers: int | None = None,
    cpus_per_worker: float | None = None,
    gpus_per_worker: float | None = None,
    memory: str | float | None = None,
    **extraction: Any,
) -> Study:
    """Say what fine-tuning did: run both models over the same words and compare them layer by layer.

    Parameters
    ----------
    base, tuned : a model directory, hub id (`id@revision`), PEFT adapter directory, `package:NAME`, or
        `(module, tokenizer)`; a loaded module alone where `tokenizer` is given. `tuned` may be a list: the same
        fine-tuning with several seeds.
    corpus : the words both models see.
    analyses : names; None for all that are installed.
    layers : `"all"`, `"last"`, `"0,3,6"`, `"0-6"` or numbers; 0 = embeddings.
    out : run directory; a temporary one if None. A finished run of the same question is opened, not repeated.
    seed : of everything random.
    checkpoints : draw every analysis over the steps of the tuned model's training, in tables `NAME_steps`. True: all
        directories `checkpoint-STEP` in its own (`isogloss.finetune(..., checkpoint_every=N)` makes them); a number: at
        most so many models, the tuned one among them, evenly over the steps; or the models by step.
    also : other tunings of the same base by name, `{"POS": model}`: every analysis of all of them on the same words, in
        tables `NAME_tasks`. Everything else is of `tuned` alone.
    options : per analysis, e.g. `{"similarity": {"neighbours": 5}}`.
    tokenizer : of modules that come alone.
    allow_pickle : accept pickle weights (read with `weights_only`).
    keep_activations : False deletes the word vectors when the run is finished; tables, findings and page stay.
    progress : told how far it is; if None, bars where standard error is a terminal, else nothing is shown.
    command : how a user would run it again; printed on the page.
    engine : where the work is done: `"inline"`, in this process; `"processes"` of this machine; `"ray"`, the cluster
        that this process is in, that RAY_ADDRESS names, or a new one of this machine; `"ray://HOST:PORT"`. The tables
        are the same.
    workers, cpus_per_worker : how many at a time, and cores of each; as many as there is room for if None.
    gpus_per_worker : GPUs of each worker of a Ray cluster; .5 lets two share one.
    memory : what may be taken in all, such as `"8GiB"`; None for no limit. See `isogloss.engines.Workers`.
    **extraction : fields of `ExtractOptions`: `pooling`, `dtype`, `compute`, `device`, ...

    Raises
    ------
    IsoglossError : with what is wrong, where, and what would be right.
    """
    from isogloss.activations import extract_options
    from isogloss.study.run import run_study

    directory = Path(out) if out is not None else Path(tempfile.mkdtemp(prefix="isogloss-")) / "run"
    results = run_study(
        **_models(base, tuned, checkpoints, also, tokenizer),
        corpus=corpus,
        out=directory,
        analyses=analyses,
        options=options,
        extraction=extract_options(tuple(signature(compare).parameters), layers=layers, **extraction),
        seed=seed,
        allow_pickle=allow_pickle,
        keep_activations=keep_activations,
        progress=on_terminal() if progress is None else progress,
        command=command,
        workers=Workers(engine, workers, cpus_per_worker, gpus_per_worker, memory),
    )
    study = Study(results.directory, results.manifest, results.analyses)
    write_summaries(study)
    return study


def plan(
    base: Any,
    tuned: Any,
    corpus: Corpus,
    analyses: Iterable[str] | None = None,
    layers: Layers = "all",
    out: Path | str | None = None,
    seed: int = 0,
    *,
    machine: Machine | Mapping[str, Any] | Path | str | None = None,
    words: float | None = None,
    checkpoints: bool | int | Mapping[int, Any] = False,
    also: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    tokenizer: Any = None,
    allow_pickle: bool = False,
    keep_activations: bool = True,
    progress: Progress | None = None,
    **extraction: Any,
) -> Plan:
    """Say what `compare` with the same arguments takes: operations, bytes on disk, memory, seconds. Writes nothing.

    A model may be a directory with no more than a config.json. Small models whose weights are there are run on some of
    the sentences, and analyses on their vectors (on made-up ones otherwise); what they take there is extrapolated.

    Parameters
    ----------
    base, tuned, corpus, analyses, layers, out, seed, checkpoints, also, options, tokenizer, allow_pickle,
    keep_activations, progress, **extraction : as for `compare`; nothing is written to `out`.
    machine : that it would run on, in place of this one: a `Machine`, a line such as
        `gpus=8,gpu_memory=80GiB,gpu_tflops=400,cores=64,memory=512GiB,disk=4TB,disk_bandwidth=2GB/s,nodes=4`, a
        mapping, or a TOML file of these names.
    words : plan for so many words of text like that of the corpus.

    Raises
    ------
    IsoglossError : with what is wrong, where, and what would be right.
    """
    from isogloss.activations import extract_options
    from isogloss.study.costs import Machine, plan_study

    return plan_study(
        **_models(base, tuned, checkpoints, also, tokenizer),
        corpus=corpus,
        analyses=analyses,
        options=options,
        extraction=extract_options(tuple(signature(plan).parameters), layers=layers, **extraction),
        seed=seed,
        allow_pickle=allow_pickle,
        keep_activations=keep_activations,
        progress=on_terminal() if progress is None else progress,
        machine=None if machine is None else Machine.parse(machine),
        words=words,
        out=None if out is None else Path(out),
    )


def load(directory: Path | str) -> Study:
    """Open a finished run.

    Raises
    ------
    StoreError : it is not a finished run, or one of its files was changed or lost (named).
    """
    results = load_results(directory)
    try:
        read_json(RunLayout(results.directory).summary_json)
    except StoreError as error:
        raise StoreError(error.message, way_out(results.manifest)) from None
    return Study(results.directory, results.manifest, results.analyses)


def _names(models: list[dict[str, Any]]) -> list[str]:
    """Short names that tell the models apart: the last parts of their references."""
    specs = [str(model["spec"]).removeprefix("package:").rstrip("/\\") for model in models]
    for parts in range(1, 5):
        short = ["/".join(spec.replace("\\", "/").split("/")[-parts:]) for spec in specs]
        if len(set(short)) == len(short):
            return short
    roles = ["base", *("tuned" if len(specs) == 2 else f"tuned {i}" for i in range(len(specs) - 1))]
    return [f"{spec} ({role})" for spec, role in zip(specs, roles, strict=True)]


def _pairs(also: Mapping[str, Any] | Iterable[tuple[str, Any]] | None) -> list[tuple[str, Any]]:
    """Other tunings as (name, model) pairs: a name may come twice, which is refused in one place for all."""
    return list(also.items() if isinstance(also, Mapping) else also or ())


def member_name(model: Mapping[str, Any]) -> str:
    """What a member of a series is called on the page."""
    return f"step {model['step']}" if "step" in model else f"tuning {model['task']}"


def _models(base: Any, tuned: Any, checkpoints: Any, also: Any, tokenizer: Any) -> dict[str, Any]:
    """All models that were given, those that are modules with the tokenizer."""

    def whole(model: Any) -> Any:
        return with_tokenizer(model, tokenizer)

    if isinstance(checkpoints, Mapping):
        checkpoints = {step: whole(model) for step, model in checkpoints.items()}
    return {
        "base": whole(base),
        "tuned": [whole(one) for one in tuned] if isinstance(tuned, list) else whole(tuned),
        "checkpoints": checkpoints,
        "also": [(name, whole(model)) for name, model in _pairs(also)],
    }


def with_tokenizer(model: Any, tokenizer: Any) -> Any:
    """A module and the tokenizer given for it as one reference; anything else unchanged."""
    import torch

    return (model, tokenizer) if isinstance(model, torch.nn.Module) and tokenizer is not None else model


def write_summaries(study: Study) -> None:
    """`summary.md`, `summary.json` and the page, beside the tables."""
    layout = RunLayout(study.directory)
    given = study.as_report_input()
    write_bytes(layout.summary_md, summary_markdown(given).encode())
    write_sealed_json(layout.summary_json, summary_json(given))
    study.report()
