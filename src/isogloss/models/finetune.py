"""Fine-tunes a base model on a corpus, for one seed or several, into ordinary Hugging Face directories.

A directory appears under its name only when it is finished; asking for the same thing again finds it.
"""

from __future__ import annotations

import json
import platform
import random
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from isogloss.bars import on_terminal
from isogloss.corpus import Corpus, sentence_fingerprints
from isogloss.errors import CorpusError, OptionError
from isogloss.models.finetune_data import check_fraction, split_rows
from isogloss.models.finetune_model import trainable_model
from isogloss.models.finetune_protocol import Task
from isogloss.models.finetune_result import METRICS, TRAINED_ON, FinetuneResult, evaluations, finished_metrics
from isogloss.models.finetune_tasks import TaskName, choose_task
from isogloss.models.finetune_training import save_model, train
from isogloss.models.loading import choose_dtype
from isogloss.models.reference import ModelReference, resolve
from isogloss.models.tokenizers import load_tokenizer, quiet
from isogloss.numerics.devices import choose_device
from isogloss.progress import Progress


@dataclass(frozen=True)
class _Recipe:
    label: str
    task: str
    epochs: float
    learning_rate: float
    batch_size: int
    max_length: int | None
    train_fraction: float
    dev_fraction: float
    freeze_layers: int | None
    keep_layers: int | None
    checkpoint_every: int | None
    warmup_fraction: float
    weight_decay: float
    all_subwords: bool
    score_range: list[float] | None
    dtype: str


def finetune(
    base: Any,
    corpus: Corpus,
    out: str | Path,
    *,
    label: str | None = None,
    task: TaskName = "auto",
    epochs: float = 3,
    learning_rate: float = 5e-5,
    batch_size: int = 32,
    max_length: int | None = None,
    seed: int = 0,
    seeds: Sequence[int] | None = None,
    train_fraction: float = 1.0,
    freeze_layers: int | None = None,
    keep_layers: int | None = None,
    eval_corpus: Corpus | None = None,
    dev_fraction: float = 0.1,
    checkpoint_every: int | None = None,
    warmup_fraction: float = 0.1,
    weight_decay: float = 0.01,
    all_subwords: bool = False,
    score_range: tuple[float, float] | None = None,
    device: str | torch.device = "auto",
    dtype: torch.dtype | str = "float32",
    tokenizer: Any = None,
    allow_pickle: bool = False,
    progress: Progress | None = None,
) -> list[FinetuneResult]:
    """Fine-tune a model with transformers' Trainer.

    Parameters
    ----------
    base : a model reference (see `resolve`), not an adapter; `tokenizer` and `allow_pickle` are passed on to
        it.
    corpus : sentences or pairs with a label. If it has splits `train` and `dev`, they are used.
    out : directory of the result. With `seeds`, it gets one directory `seed-N` for each.
    label : column to learn; may be left out where there is only one.
    task : `classification` or `regression` of sentences or pairs, classes of `tokens`, `similarity` of the two texts
        of pairs, or `auto` (one of the first three) by the label. For `similarity` each text is encoded by itself, its
        vector is the mean of the last hidden states over the tokens that are not special, and the cosine of the two
        learns the label, scaled to [0, 1], by its squared error. The result has no head; the base is measured first.
    epochs : passes over the training sentences; fractions are allowed.
    learning_rate, warmup_fraction, weight_decay : of AdamW; the rate falls linearly to zero after the
        warm-up.
    batch_size : sentences per step.
    max_length : longest input in tokens (for `similarity`, of each text); by default what the model can take. Longer
        ones are cut and counted.
    seed, seeds : decide the new head, the order of sentences and dropout.
    train_fraction : part of the training sentences to use; the same for all seeds.
    freeze_layers : keep the embeddings and this many blocks as they are (0: embeddings alone).
    keep_layers : keep only the first so many blocks of the base.
    eval_corpus : what to evaluate on, instead of a part of `corpus`.
    dev_fraction : part to hold out where no split names it; 0 for none.
    checkpoint_every : steps between the model directories `checkpoint-N`.
    all_subwords : for tokens, label all sub-words of a word instead of its first.
    score_range : for similarity, the scores that stand for 0 and 1, such as (0, 5); by default the smallest and the
        largest in `corpus` and `eval_corpus`.
    device : `cpu`, `cuda`, `mps`, or `auto`.
    dtype : of the computation; weights stay float32.
    progress : told of every step and evaluation; if None, bars where standard error is a terminal, else nothing is
        shown.

    Returns
    -------
    One result per seed, in the order given.

    Raises
    ------
    ModelError, CorpusError, OptionError : nothing is written then.
    """
    _check_numbers(epochs, learning_rate, batch_size, checkpoint_every, warmup_fraction, weight_decay)
    check_fraction("train_fraction", train_fraction, low_open=True)
    check_fraction("dev_fraction", dev_fraction, low_open=False)
    where, kind = choose_device(device), choose_dtype(dtype)
    if kind == torch.float16 and where.type == "cpu":
        raise OptionError("float16 training needs a GPU; use bfloat16 or float32 on the CPU")
    wanted = [seed] if seeds is None else list(dict.fromkeys(seeds))
    if not wanted:
        raise OptionError("no seeds given")
    target = Path(out)
    if target.is_file():
        raise OptionError(f"{target} is a file; the result is a directory")
    reference = resolve(base, tokenizer=tokenizer, allow_pickle=allow_pickle)
    corpora = [corpus] if eval_corpus is None else [corpus, eval_corpus]
    goal = choose_task(task, label, corpora, all_subwords=all_subwords, score_range=score_range)
    recipe = _Recipe(
        label=goal.label,
        task=goal.name,
        epochs=epochs,
        learning_rate=learning_rate,
        batch_size=batch_size,
        max_length=max_length,
        train_fraction=train_fraction,
        dev_fraction=dev_fraction,
        freeze_layers=freeze_layers,
        keep_layers=keep_layers,
        checkpoint_every=checkpoint_every,
        warmup_fraction=warmup_fraction,
        weight_decay=weight_decay,
        all_subwords=all_subwords,
        score_range=None if score_range is None else [float(score) for score in score_range],
        dtype=str(kind).removeprefix("torch."),
    )
    folders = [target if seeds is None else target / f"seed-{number}" for number in wanted]
    progress = on_terminal() if progress is None else progress
    requests = [_request(reference, corpus, eval_corpus, recipe, number) for number in wanted]
    # All directories are looked at before anything is trained.
    found = [finished_metrics(folder, request) for folder, request in zip(folders, requests, strict=True)]
    return [
        FinetuneResult(folder, number, metrics, found=True)
        if metrics is not None
        else _run(reference, corpus, eval_corpus, goal, recipe, folder, request, number, where, kind, progress)
        for folder, request, number, metrics in zip(folders, requests, wanted, found, strict=True)
    ]


def _run(
    reference: ModelReference,
    corpus: Corpus,
    eval_corpus: Corpus | None,
    task: Task,
    recipe: _Recipe,
    folder: Path,
    request: dict[str, Any],
    seed: int,
    device: torch.device,
    dtype: torch.dtype,
    progress: Progress,
) -> FinetuneResult:
    with _own_randomness(), quiet(), _staged(folder) as staging:
        transformers.set_seed(seed)
        own = reference.tokenizer
        tokenizer = load_tokenizer(reference.path) if reference.path is not None else own
        model = trainable_model(
            reference, task, tokenizer, keep_layers=recipe.keep_layers, freeze_layers=recipe.freeze_layers
        )
        labelled = task.labelled(corpus)
        train_rows, dev_rows = split_rows(
            labelled,
            dev_fraction=recipe.dev_fraction,
            train_fraction=recipe.train_fraction,
            own_dev=eval_corpus is None,
        )
        dev_corpus = corpus
        if eval_corpus is not None:
            dev_corpus = eval_corpus
            dev_rows = task.labelled(eval_corpus)["sentence"].to_numpy().astype(np.int64)
        training = task.encode(corpus, train_rows, model, tokenizer, recipe.max_length)
        held_out = task.encode(dev_corpus, dev_rows, model, tokenizer, recipe.max_length)
        if not training.examples:
            raise CorpusError(f"{corpus.name} has no sentence to train on that carries {recipe.label!r}")
        started = time.perf_counter()
        log = train(
            model,
            task,
            training.examples,
            held_out.examples,
            task.collator(model, tokenizer, training.examples),
            folder=staging,
            tokenizer=tokenizer,
            device=device,
            dtype=dtype,
            epochs=recipe.epochs,
            learning_rate=recipe.learning_rate,
            batch_size=recipe.batch_size,
            warmup_fraction=recipe.warmup_fraction,
            weight_decay=recipe.weight_decay,
            checkpoint_every=recipe.checkpoint_every,
            seed=seed,
            title=f"fine-tuning, seed {seed}",
            progress=progress,
        )
        seconds = time.perf_counter() - started
        save_model(model, tokenizer, staging)
        metrics = {
            "request": request,
            "task": task.name,
            "label": task.label,
            "labels": list(task.classes),
            **task.facts,
            "seed": seed,
            "base": reference.as_dict(),
            "corpus": corpus.name,
            "steps": max(row["step"] for row in log),
            "train_sentences": len(training.examples),
            "train_cut": training.cut_sentences,
            "train_lost": training.lost,
            "sentences": len(corpus),
            "unlabelled_sentences": len(corpus) - len(labelled),
            "dev_sentences": len(held_out.examples),
            "dev_measured": held_out.measured,
            "dev_cut": held_out.cut_sentences,
            "dev_lost": held_out.lost,
            "train_loss": [{"step": row["step"], "loss": row["loss"]} for row in log if "loss" in row],
            "evaluations": evaluations(log),
            "checkpoints": _checkpoints(staging),
            "seconds": round(seconds, 2),
            "device": str(device),
            "threads": torch.get_num_threads(),
            "versions": _versions(),
        }
        np.save(staging / TRAINED_ON, sentence_fingerprints(corpus.sentences[train_rows]))
        (staging / METRICS).write_text(json.dumps(metrics, indent=1) + "\n", "utf-8")
    return FinetuneResult(folder, seed, metrics)


def _request(
    reference: ModelReference,
    corpus: Corpus,
    eval_corpus: Corpus | None,
    recipe: _Recipe,
    seed: int,
) -> dict[str, Any]:
    return {
        "base weights": reference.weights_sha256,
        "base tokenizer": reference.tokenizer_sha256,
        "corpus": corpus.sha256,
        "eval corpus": eval_corpus.sha256 if eval_corpus is not None else None,
        "seed": seed,
        **asdict(recipe),
    }


@contextmanager
def _staged(folder: Path) -> Iterator[Path]:
    """Give a directory beside the wanted one that takes its name if all goes well and vanishes if not."""
    staging = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(staging, ignore_errors=True)
    absent = [parent for parent in folder.parents if not parent.exists()]
    try:
        staging.mkdir(parents=True)
        yield staging
        if folder.is_dir():
            folder.rmdir()
        staging.rename(folder)
    except OSError as error:
        raise OptionError(f"{folder} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        # Only those still empty go.
        with suppress(OSError):
            for parent in absent:
                parent.rmdir()


@contextmanager
def _own_randomness() -> Iterator[None]:
    """Give the caller's random states back afterwards."""
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002 - the Trainer seeds it
    with torch.random.fork_rng():
        try:
            yield
        finally:
            np.random.set_state(numpy_state)  # noqa: NPY002
            random.setstate(python_state)


def _checkpoints(folder: Path) -> list[str]:
    return sorted((path.name for path in folder.glob("checkpoint-*")), key=lambda name: int(name.split("-")[1]))


def _versions() -> dict[str, str]:
    names = ("isogloss", "torch", "transformers", "tokenizers", "numpy")
    return {"python": platform.python_version()} | {name: version(name) for name in names}


def _check_numbers(
    epochs: float,
    learning_rate: float,
    batch_size: int,
    checkpoint_every: int | None,
    warmup_fraction: float,
    weight_decay: float,
) -> None:
    for name, value, right, wanted in (
        ("epochs", epochs, epochs > 0, "above 0"),
        ("learning_rate", learning_rate, 0 < learning_rate < 1, "above 0 and below 1, as a rule 1e-6 to 1e-3"),
        ("batch_size", batch_size, batch_size >= 1, "at least 1"),
        ("checkpoint_every", checkpoint_every, checkpoint_every is None or checkpoint_every >= 1, "at least 1"),
        ("warmup_fraction", warmup_fraction, 0 <= warmup_fraction <= 1, "from 0 to 1"),
        ("weight_decay", weight_decay, weight_decay >= 0, "at least 0"),
    ):
        if not right:
            raise OptionError(f"{name} should be {wanted}. Got {value} instead.")
