"""`isogloss compare` and `isogloss extract`: the main job, and its first half."""

from __future__ import annotations

import re
import shlex
import sys
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from isogloss.cli import options as o
from isogloss.cli.console import out as console
from isogloss.cli.console import print_findings, progress, user_errors
from isogloss.cli.listing import list_options
from isogloss.cli.planning import print_plan
from isogloss.errors import OptionError

EVERY = "all"
"""What `--checkpoints` without a number stands for."""
GOES_ON = "stopped; give the same command again and it goes on where it was"


def compare(
    base: Annotated[str, typer.Argument(help="Pre-trained model: directory, hub id (id@revision), package:NAME.")],
    tuned: Annotated[list[str], typer.Argument(help="Model fine-tuned from it, or several (seeds); adapters too.")],
    data: o.Data,
    out: Annotated[Path, typer.Option("--out", help="Run directory; a run that stopped goes on.")],
    text: o.Text = "text",
    text_b: o.TextB = None,
    label: o.Label = None,
    analyses: Annotated[str | None, typer.Option("--analyses", help="Names, with commas; all if not given.")] = None,
    layers: o.Layers = "all",
    checkpoints: Annotated[
        str | None,
        typer.Option(
            "--checkpoints",
            metavar="[N]",
            help="Draw everything over the steps of TUNED's training, from its directories checkpoint-STEP (finetune "
            "--checkpoint-every makes them); with a number, at most so many models.",
        ),
    ] = None,
    also: Annotated[
        list[str] | None,
        typer.Option(
            "--also",
            metavar="NAME=MODEL",
            help="Another tuning of BASE, to stand side by side with TUNED under this name; repeatable.",
        ),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option",
            metavar="ANALYSIS.NAME=VALUE",
            help="An option of an analysis, e.g. similarity.bootstrap=200; repeatable; --list-options lists them.",
        ),
    ] = None,
    list_options: Annotated[
        bool,
        typer.Option(
            "--list-options",
            callback=list_options,
            is_eager=True,
            help="List what --option takes, and do nothing else.",
        ),
    ] = False,
    annotate: o.Annotate = None,
    lexicon: o.Lexicons = None,
    lexicon_format: o.LexiconFormat = None,
    lexicon_encoding: o.LexiconEncoding = "utf-8",
    wordnet: o.WordNet = None,
    word_labels: o.WordLabels = None,
    sentence_task: o.SentenceTasks = None,
    balanced: o.Balanced = False,
    min_count: o.MinCount = 0,
    max_count: o.MaxCount = None,
    drop_above: o.DropAbove = None,
    format: o.Format = None,  # noqa: A002
    encoding: o.Encoding = "utf-8",
    delimiter: o.Delimiter = None,
    quoting: o.Quoting = None,
    columns: o.Columns = None,
    check_labels: o.CheckLabels = True,
    split_column: o.SplitColumn = None,
    split: o.Split = None,
    head: o.Head = None,
    sample: o.Sample = None,
    seed: o.Seed = 0,
    pooling: o.Pooling = "last",
    site: o.Site = "block",
    dtype: o.Storage = "float32",
    compute: o.Compute = "float32",
    device: o.Device = "auto",
    device_map: o.DeviceMap = None,
    long: o.Long = "split",
    max_length: o.MaxLength = None,
    pairs: o.Pairs = "joint",
    allow_pickle: o.Pickle = False,
    keep_activations: Annotated[
        bool,
        typer.Option(
            "--keep-activations/--no-keep-activations",
            help="Keep the word vectors in the run directory when it is done.",
        ),
    ] = True,
    engine: o.Engine = "inline",
    workers: o.Workers = None,
    cpus_per_worker: o.CpusPerWorker = None,
    gpus_per_worker: o.GpusPerWorker = None,
    memory: o.Memory = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what it would take - operations, bytes, memory, time - and write nothing."),
    ] = False,
    machine: Annotated[
        str | None,
        typer.Option(
            "--machine",
            metavar="FILE.toml|NAME=VALUE,...",
            help="With --dry-run: the machine it would run on, e.g. gpus=8,gpu_memory=80GiB,gpu_tflops=400,cores=64,"
            "memory=512GiB,disk=4TB,disk_bandwidth=2GB/s,nodes=4.",
        ),
    ] = None,
    words: Annotated[
        float | None, typer.Option("--words", help="With --dry-run: for so many words of text like this, e.g. 1e9.")
    ] = None,
    quiet: o.Quiet = False,
) -> None:
    """Say what fine-tuning changed, layer by layer: tables, figures and one page in the run directory."""
    with user_errors(stopped=GOES_ON):
        from isogloss.api import compare as run
        from isogloss.api import plan

        if dry_run and memory is not None:
            raise OptionError("a plan has no limit of memory; it says what --memory must be at the least")
        if not dry_run and (machine is not None or words is not None):
            raise OptionError("--machine and --words are for a plan; give --dry-run with them")
        corpus = o.read_corpus(
            data, text=text, text_b=text_b, label=label, format=format, encoding=encoding, delimiter=delimiter,
            quoting=quoting, columns=columns, check_labels=check_labels, split_column=split_column, split=split,
            head=head, sample=sample, seed=seed, sentence_task=sentence_task, balanced=balanced,
        )  # fmt: skip
        corpus = o.labelled_and_filtered(
            corpus,
            annotate,
            lexicon,
            lexicon_format,
            lexicon_encoding,
            wordnet,
            word_labels,
            min_count,
            max_count,
            drop_above,
            seed,
        )
        asked: dict[str, Any] = {
            "analyses": None if analyses is None else [a.strip() for a in analyses.split(",") if a.strip()],
            "layers": layers,
            "out": out,
            "seed": seed,
            "checkpoints": parse_checkpoints(checkpoints),
            "also": [parse_tuning(entry) for entry in also or []],
            "options": parse_options(option or []),
            "allow_pickle": allow_pickle,
            "keep_activations": keep_activations,
            "progress": progress(quiet),
            "pooling": pooling,
            "site": site,
            "dtype": dtype,
            "compute": compute,
            "device": device,
            "device_map": device_map,
            "long_sentences": long,
            "max_length": max_length,
            "pairs": pairs,
        }
        if dry_run:
            print_plan(plan(base, list(tuned), corpus, machine=machine, words=words, **asked))
            return
        study = run(
            base,
            list(tuned),
            corpus,
            command="isogloss " + shlex.join(sys.argv[1:]),
            engine=engine,
            workers=workers,
            cpus_per_worker=cpus_per_worker,
            gpus_per_worker=gpus_per_worker,
            memory=memory,
            **asked,
        )
        print_findings(study.findings)
        for note in study.notes:
            console.print(f"note: {note}", markup=False, style="yellow")
        console.print(f"page: {o.shown(study.directory / 'report.html')}", markup=False)


def extract(
    model: Annotated[str, typer.Argument(help="Directory, hub id (id@revision), adapter or package:NAME.")],
    data: o.Data,
    out: Annotated[Path, typer.Option("--out", help="Directory of the store; an extraction that stopped goes on.")],
    text: o.Text = "text",
    text_b: o.TextB = None,
    label: o.Label = None,
    layers: o.Layers = "all",
    annotate: o.Annotate = None,
    lexicon: o.Lexicons = None,
    lexicon_format: o.LexiconFormat = None,
    lexicon_encoding: o.LexiconEncoding = "utf-8",
    wordnet: o.WordNet = None,
    word_labels: o.WordLabels = None,
    sentence_task: o.SentenceTasks = None,
    balanced: o.Balanced = False,
    min_count: o.MinCount = 0,
    max_count: o.MaxCount = None,
    drop_above: o.DropAbove = None,
    format: o.Format = None,  # noqa: A002
    encoding: o.Encoding = "utf-8",
    delimiter: o.Delimiter = None,
    quoting: o.Quoting = None,
    columns: o.Columns = None,
    check_labels: o.CheckLabels = True,
    split_column: o.SplitColumn = None,
    split: o.Split = None,
    head: o.Head = None,
    sample: o.Sample = None,
    seed: o.Seed = 0,
    pooling: o.Pooling = "last",
    site: o.Site = "block",
    dtype: o.Storage = "float32",
    compute: o.Compute = "float32",
    device: o.Device = "auto",
    device_map: o.DeviceMap = None,
    long: o.Long = "split",
    max_length: o.MaxLength = None,
    pairs: o.Pairs = "joint",
    allow_pickle: o.Pickle = False,
    engine: o.Engine = "inline",
    workers: o.Workers = None,
    cpus_per_worker: o.CpusPerWorker = None,
    gpus_per_worker: o.GpusPerWorker = None,
    quiet: o.Quiet = False,
) -> None:
    """Store one vector per word and layer, as npy files that anything can read."""
    with user_errors(stopped=GOES_ON):
        from isogloss.activations import extract as run
        from isogloss.study.notes import store_notes

        corpus = o.read_corpus(
            data, text=text, text_b=text_b, label=label, format=format, encoding=encoding, delimiter=delimiter,
            quoting=quoting, columns=columns, check_labels=check_labels, split_column=split_column, split=split,
            head=head, sample=sample, seed=seed, sentence_task=sentence_task, balanced=balanced,
        )  # fmt: skip
        corpus = o.labelled_and_filtered(
            corpus,
            annotate,
            lexicon,
            lexicon_format,
            lexicon_encoding,
            wordnet,
            word_labels,
            min_count,
            max_count,
            drop_above,
            seed,
        )
        store = run(
            model,
            corpus,
            out,
            layers=layers,
            pooling=pooling,
            site=site,
            dtype=dtype,
            compute=compute,
            device=device,
            device_map=device_map,
            long_sentences=long,
            max_length=max_length,
            pairs=pairs,
            allow_pickle=allow_pickle,
            progress=progress(quiet),
            engine=engine,
            workers=workers,
            cpus_per_worker=cpus_per_worker,
            gpus_per_worker=gpus_per_worker,
        )
        for note in (*corpus.notes, *store_notes("The model", store, len(corpus.words))):
            console.print(f"note: {note}", markup=False, style="yellow")
        size = sum(entry["bytes"] for entry in store.manifest["files"].values())
        console.print(
            f"{store.manifest['n_words']:,} words x {len(store.layers)} layers x {store.hidden} "
            f"({size / 2**20:,.0f} MiB) in {o.shown(store.directory)}",
            markup=False,
        )


class WithOptionalNumber(TyperCommand):
    """A command whose `--checkpoints` may stand alone: what follows is its value only if it is a number."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Say what `--checkpoints` alone means."""
        given: list[str] = []
        for here, after in zip_longest(args, args[1:], fillvalue=""):
            given.append(here)
            if here == "--checkpoints" and re.fullmatch(r"[+-]?[0-9]+", after) is None:
                given.append(EVERY)
        return super().parse_args(ctx, given)


def parse_checkpoints(given: str | None) -> bool | int:
    """`--checkpoints` alone as True, with a number as that.

    Raises
    ------
    OptionError : it is neither.
    """
    if given is None or given == EVERY:
        return given is not None
    try:
        return int(given)
    except ValueError:
        raise OptionError(f"--checkpoints stands alone or takes a number; got {given!r}") from None


def parse_tuning(given: str) -> tuple[str, str]:
    """`POS=path/to/model` as name and model.

    Raises
    ------
    OptionError : it is not written so.
    """
    name, equals, model = given.partition("=")
    if not (name.strip() and equals and model):
        raise OptionError(f"another tuning is written NAME=MODEL, e.g. POS=models/pos; got {given!r}")
    return name.strip(), model


def parse_options(given: list[str]) -> dict[str, dict[str, Any]]:
    """`similarity.bootstrap=200` as `{"similarity": {"bootstrap": 200}}`; numbers, true, false and none are read.

    Raises
    ------
    OptionError : it is not written so.
    """
    parsed: dict[str, dict[str, Any]] = {}
    for entry in given:
        name, equals, value = entry.partition("=")
        analysis, dot, option = name.partition(".")
        if not (equals and dot and analysis and option):
            raise OptionError(f"an option is written ANALYSIS.NAME=VALUE, e.g. similarity.bootstrap=200; got {entry!r}")
        parsed.setdefault(analysis, {})[option] = _value(value)
    return parsed


def _value(text: str) -> Any:
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
