"""What a fine-tuning leaves: a directory with its metrics, found again by the same request.

Trains nothing (`finetune`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.errors import OptionError
from isogloss.numerics import wilson_interval

METRICS = "metrics.json"
TRAINED_ON = "train_sentences.npy"
"""Fingerprints of the sentences that were trained on (`isogloss.corpus.sentence_fingerprints`)."""

FEW_TRAINED = 100
FEW_HELD_OUT = 30
"""Sentences; with fewer, a result says so."""


@dataclass(frozen=True)
class FinetuneResult:
    """A finished fine-tuned model.

    Attributes
    ----------
    path : its directory, which `isogloss.compare` and transformers take as it is.
    seed : of this run.
    metrics : what `metrics.json` holds.
    found : it was there already, from the same request.
    """

    path: Path
    seed: int
    metrics: dict[str, Any]
    found: bool = False

    @property
    def dev(self) -> dict[str, Any]:
        """Measures of the last evaluation; empty where nothing was held out."""
        evaluations = self.metrics["evaluations"]
        return evaluations[-1] if evaluations else {}

    @property
    def dev_base(self) -> dict[str, Any]:
        """The same measures before training; empty where the base cannot do the task, or nothing was held out."""
        first: dict[str, Any] = next(iter(self.metrics["evaluations"]), {})
        return first if first.get("step") == 0 else {}

    @property
    def accuracy_interval(self) -> tuple[float, float] | None:
        """95% interval of the held-out accuracy of sentences; None for scores, and for words.

        The words of a sentence are not independent of each other, as the interval asks.
        """
        accuracy, n = self.dev.get("accuracy"), self.metrics["dev_sentences"]
        if accuracy is None or not n or self.metrics["task"] != "classification":
            return None
        low, high = wilson_interval(accuracy * n, n)
        return float(low), float(high)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know: sentences without a label, and too few to learn or to measure anything from."""
        m = self.metrics
        found = []
        if missing := m.get("unlabelled_sentences"):
            found.append(f"{missing:,} of {m['sentences']:,} sentences have no label {m['label']!r} and were left out")
        if m["train_sentences"] < FEW_TRAINED:
            found.append(
                f"{m['train_sentences']:,} sentences are few to learn from: what changes in the model may be chance; "
                "several seeds tell"
            )
        if 0 < m["dev_sentences"] < FEW_HELD_OUT:
            found.append(f"{m['dev_sentences']:,} held-out sentences are too few to say how good the model is")
        return tuple(found)

    @property
    def checkpoints(self) -> tuple[Path, ...]:
        """The model directories saved on the way, in order of steps."""
        return tuple(self.path / name for name in self.metrics["checkpoints"])


def finished_metrics(folder: Path, request: dict[str, Any]) -> dict[str, Any] | None:
    """The metrics of a finished fine-tuning of the same request; None where there is nothing.

    Raises
    ------
    OptionError : the directory holds something else.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    try:
        metrics = json.loads((folder / METRICS).read_text("utf-8"))
        before = metrics["request"]
    except (OSError, json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise OptionError(
            f"{folder} is not empty and is not a model fine-tuned by isogloss; choose another directory"
        ) from error
    differing = [name for name in request if before.get(name) != request[name]]
    if differing:
        shown = "; ".join(
            f"{name}: {_short(before.get(name))} there, {_short(request[name])} asked" for name in differing
        )
        raise OptionError(f"{folder} holds another fine-tuned model ({shown}); choose another directory or delete it")
    return metrics


def evaluations(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The evaluations in a Trainer's log, without its timings."""
    skipped = (
        "eval_runtime", "eval_samples_per_second", "eval_steps_per_second", "eval_model_preparation_time",
    )  # fmt: skip
    return [
        {"step": row["step"], "epoch": row.get("epoch")}
        | {
            name.removeprefix("eval_"): _plain(v)
            for name, v in row.items()
            if name.startswith("eval_") and name not in skipped
        }
        for row in log
        if "eval_loss" in row
    ]


def _plain(value: Any) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)


def _short(value: Any) -> str:
    return value[:12] if isinstance(value, str) and len(value) == 64 else str(value)
