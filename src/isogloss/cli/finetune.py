"""`isogloss finetune`: a base model and a labelled corpus in, ordinary model directories out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isogloss.cli import options as o
from isogloss.cli.console import out as console
from isogloss.cli.console import progress, user_errors
from isogloss.errors import OptionError

if TYPE_CHECKING:
    from isogloss.corpus import Corpus
    from isogloss.models.finetune import FinetuneResult

STOPPED = (
    "stopped; the model that was being trained is not kept. Give the same command again: with --seeds, models that "
    "were finished are found, the others are trained from the start"
)
# In these the label is a column; the others bring their labels with them.
_TABLES = ("csv", "tsv", "jsonl", "json", "parquet")


def finetune(
    base: Annotated[str, typer.Argument(help="Model to start from: directory, hub id (id@revision), package:NAME.")],
    data: o.Data,
    out: Annotated[Path, typer.Option("--out", help="Directory of the result; with --seeds, of one seed-N each.")],
    more: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    text: o.Text = "text",
    text_b: o.TextB = None,
    label: Annotated[
        str | None,
        typer.Option("--label", metavar="COLUMN", help="Label to learn, of sentences or of words."),
    ] = None,
    task: Annotated[
        str,
        typer.Option(
            "--task", help="classification, regression, similarity (of pairs), tokens, or auto (by the label)."
        ),
    ] = "auto",
    format: o.Format = None,  # noqa: A002
    encoding: o.Encoding = "utf-8",
    delimiter: o.Delimiter = None,
    quoting: o.Quoting = None,
    columns: o.Columns = None,
    check_labels: o.CheckLabels = True,
    split_column: o.SplitColumn = None,
    dev: Annotated[
        str | None,
        typer.Option("--dev", metavar="FILE", help="Held-out data; else the split dev, or a part of it."),
    ] = None,
    dev_fraction: Annotated[
        float, typer.Option("--dev-fraction", help="Part held out where no split names it; 0 for none.")
    ] = 0.1,
    epochs: Annotated[float, typer.Option("--epochs", help="Passes over the training sentences.")] = 3,
    learning_rate: Annotated[float, typer.Option("--learning-rate", help="Highest rate of AdamW.")] = 5e-5,
    batch_size: Annotated[int, typer.Option("--batch-size", help="Sentences per step.")] = 32,
    warmup_fraction: Annotated[float, typer.Option("--warmup-fraction", help="Part of the steps to warm up.")] = 0.1,
    weight_decay: Annotated[float, typer.Option("--weight-decay", help="Of AdamW.")] = 0.01,
    seeds: Annotated[
        list[str] | None,
        typer.Option("--seeds", metavar="N ...", help="One model for each seed, e.g. 0 1 2; instead of --seed."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Seed of everything random, 0 if not given; for several: --seeds.")
    ] = None,
    train_fraction: Annotated[
        float, typer.Option("--train-fraction", help="Part of the training sentences to use.")
    ] = 1.0,
    freeze_layers: Annotated[
        int | None,
        typer.Option("--freeze-layers", metavar="N", help="Freeze embeddings and the first N layers."),
    ] = None,
    keep_layers: Annotated[
        int | None,
        typer.Option("--keep-layers", metavar="N", help="Keep only the first N layers of the base."),
    ] = None,
    checkpoint_every: Annotated[
        int | None, typer.Option("--checkpoint-every", metavar="N", help="A model directory every N steps.")
    ] = None,
    all_subwords: Annotated[
        bool,
        typer.Option("--all-subwords", help="For words: label all their sub-words, not the first alone."),
    ] = False,
    score_range: Annotated[
        tuple[float, float] | None,
        typer.Option(
            "--score-range", metavar="LOW HIGH", help="For similarity: scores that stand for 0 and 1, else those found."
        ),
    ] = None,
    max_length: o.MaxLength = None,
    compute: o.Compute = "float32",
    device: o.Device = "auto",
    allow_pickle: o.Pickle = False,
    quiet: o.Quiet = False,
) -> None:
    """Fine-tune a model on labelled sentences, pairs or words; the result is an ordinary model directory."""
    with user_errors(stopped=STOPPED):
        from isogloss.models.finetune import finetune as run

        base, numbers = base_and_seeds(base, more or [], seeds)
        if numbers is not None and seed is not None:
            raise OptionError(
                f"--seed {seed} and --seeds {' '.join(map(str, numbers))} contradict each other; give --seeds for one "
                "model per seed, or --seed for one model"
            )
        chosen: Any = task

        def read(file: str) -> Corpus:
            is_table = file.startswith("hf:") or (format or Path(file).suffix.lstrip(".")).lower() in _TABLES
            return o.read_corpus(
                file, text=text, text_b=text_b, label=[label] if label is not None and is_table else None,
                format=format, encoding=encoding, delimiter=delimiter, quoting=quoting, columns=columns,
                check_labels=check_labels, split_column=split_column,
            )  # fmt: skip

        results = run(
            base,
            read(data),
            out,
            label=label,
            task=chosen,
            epochs=epochs,
            learning_rate=learning_rate,
            batch_size=batch_size,
            max_length=max_length,
            seed=seed or 0,
            seeds=numbers,
            train_fraction=train_fraction,
            freeze_layers=freeze_layers,
            keep_layers=keep_layers,
            eval_corpus=None if dev is None else read(dev),
            dev_fraction=dev_fraction,
            checkpoint_every=checkpoint_every,
            warmup_fraction=warmup_fraction,
            weight_decay=weight_decay,
            all_subwords=all_subwords,
            score_range=score_range,
            device=device,
            dtype=compute,
            allow_pickle=allow_pickle,
            progress=progress(quiet),
        )
        for result in results:
            console.print(summary(result), markup=False)
        for note in results[0].notes:
            console.print(f"note: {note}", markup=False, style="yellow")


def base_and_seeds(base: str, more: Sequence[str], seeds: Sequence[str] | None) -> tuple[str, list[int] | None]:
    """Sort out `BASE --seeds 0 1 2`, where all numbers but the first arrive as further arguments.

    Parameters
    ----------
    base, more : the arguments in order.
    seeds : values of the option, each one number or several with spaces or commas between.

    Raises
    ------
    OptionError : an argument is neither the base nor a seed, or a seed is not a number.
    """
    arguments = [base, *more]
    if seeds is None:
        if more:
            raise OptionError(f"one base model is wanted; got {' and '.join(map(repr, arguments))}")
        return base, None
    models = [argument for argument in arguments if not argument.isdecimal()] or [base]
    if len(models) != 1:
        raise OptionError(f"one base model is wanted; got {' and '.join(map(repr, models))}")
    written = [part for value in seeds for part in value.replace(",", " ").split()]
    arguments.remove(models[0])
    written += arguments
    if wrong := [value for value in written if not value.isdecimal()]:
        raise OptionError(f"--seeds takes whole numbers; got {wrong[0]!r}")
    return models[0], [int(value) for value in written]


def summary(result: FinetuneResult) -> str:
    """One line: where the model is and how good it is on held-out sentences."""
    measures = [
        f"{name.replace('_', ' ')} {value:.3f}"
        + (_interval(result) if name == "accuracy" else "")
        + (f" (base {before:.3f})" if (before := result.dev_base.get(name)) is not None else "")
        for name, value in result.dev.items()
        if name not in ("step", "epoch", "loss") and value is not None
    ]
    held_out = f"held-out {', '.join(measures)} on {_held_out(result)}" if measures else "nothing held out"
    how = "was there already" if result.found else f"{result.metrics['seconds']:.0f} s"
    return f"{o.shown(result.path)}: {held_out} ({result.metrics['steps']} steps, {how})"


def _interval(result: FinetuneResult) -> str:
    if (interval := result.accuracy_interval) is None:
        return ""
    low, high = interval
    return f" (95% interval {low:.3f} to {high:.3f})"


def _held_out(result: FinetuneResult) -> str:
    sentences, measured = result.metrics["dev_sentences"], result.metrics.get("dev_measured")
    if result.metrics["task"] != "tokens" or measured is None:
        return f"{sentences:,} sentences"
    return f"{measured:,} words of {sentences:,} sentences"
