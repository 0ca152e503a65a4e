"""Runs transformers' Trainer with isogloss's batches, checkpoints and progress, and a silent terminal."""

from __future__ import annotations

import math
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import torch
import transformers
from torch.utils.data import DataLoader
from transformers.trainer_callback import PrinterCallback

from isogloss.errors import ModelError
from isogloss.models.finetune_data import GroupedByLength, TrainingExample, sorted_batches
from isogloss.models.finetune_protocol import Task
from isogloss.progress import Advance, Progress

_EVALUATION_BATCH = 64


def save_model(model: Any, tokenizer: Any, target: Path) -> None:
    """Write an ordinary model directory, its weights as readable for others as its other files."""
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)
    mode = stat.S_IMODE((target / "config.json").stat().st_mode)
    for weights in target.glob("*.safetensors"):
        weights.chmod(mode)


class LengthTrainer(transformers.Trainer):
    """A Trainer whose batches hold about equally long examples."""

    def get_train_dataloader(self) -> DataLoader:
        """Shuffled batches, grouped by length."""
        data: Any = self.train_dataset
        lengths = [len(example) for example in data]
        batches = GroupedByLength(lengths, self.args.per_device_train_batch_size, self.args.seed)
        return DataLoader(data, batch_sampler=batches, collate_fn=self.data_collator)

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader:
        """Batches from short to long."""
        data: Any = eval_dataset if eval_dataset is not None else self.eval_dataset
        batches = sorted_batches([len(example) for example in data], _EVALUATION_BATCH)
        return DataLoader(data, batch_sampler=batches, collate_fn=self.data_collator)


class Checkpoints(transformers.TrainerCallback):
    """Writes a model directory every N steps; asks for an evaluation there and at each epoch's end.

    Parameters
    ----------
    folder : gets `checkpoint-N`.
    every : steps between checkpoints; None for none.
    tokenizer : saved beside each.
    evaluates : whether there is anything to evaluate on.
    """

    def __init__(self, folder: Path, every: int | None, tokenizer: Any, *, evaluates: bool) -> None:
        self.folder, self.every, self.tokenizer, self.evaluates = folder, every, tokenizer, evaluates

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Save, if it is time."""
        if self.every and state.global_step % self.every == 0:
            target = self.folder / f"checkpoint-{state.global_step}"
            save_model(kwargs["model"], self.tokenizer, target)
            control.should_evaluate = self.evaluates

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Evaluate, unless the checkpoint of this same step already did."""
        done = any(row.get("step") == state.global_step and "eval_loss" in row for row in state.log_history)
        control.should_evaluate = self.evaluates and not done


class Watch(transformers.TrainerCallback):
    """Reports steps and measures, and stops a training that diverged.

    Parameters
    ----------
    task : says which measure to tell.
    advance : called with 1 after each step.
    note : called with a line after each evaluation.
    """

    def __init__(self, task: Task, advance: Advance, note: Callable[[str], None]) -> None:
        self._task, self._advance, self._note = task, advance, note

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Count the step."""
        self._advance(1)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Look at the loss.

        Raises
        ------
        ModelError : it is not a number.
        """
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(float(loss)):
            raise ModelError(
                f"training diverged: the loss is {loss} at step {state.global_step}; use a smaller learning "
                f"rate than {args.learning_rate:g}"
            )

    def on_evaluate(
        self, args: Any, state: Any, control: Any, metrics: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        """Tell the main measure on held-out sentences."""
        value = (metrics or {}).get(f"eval_{self._task.main_measure}")
        if value is not None:
            where = f"step {state.global_step} of {state.max_steps}" if state.max_steps else "before training"
            self._note(f"{where}: held-out {self._task.main_measure} {value:.3f}")


def train(
    model: Any,
    task: Task,
    train_examples: Sequence[TrainingExample],
    dev_examples: Sequence[TrainingExample],
    collate: Callable[[list[Any]], dict[str, torch.Tensor]],
    *,
    folder: Path,
    tokenizer: Any,
    device: torch.device,
    dtype: torch.dtype,
    epochs: float,
    learning_rate: float,
    batch_size: int,
    warmup_fraction: float,
    weight_decay: float,
    checkpoint_every: int | None,
    seed: int,
    title: str,
    progress: Progress,
) -> list[dict[str, Any]]:
    """Train a model in place.

    Parameters
    ----------
    folder : gets the checkpoints.
    dtype : of the forward and backward pass (autocast); weights stay float32.
    title : names the work to `progress`.
    progress : told of every step and evaluation.

    Returns
    -------
    The Trainer's log: rows with `step` and `loss`, or `step` and `eval_...` measures; with step 0 those of the base,
    where it can do the task as it is.

    Raises
    ------
    ModelError : training diverged.
    """
    steps = max(1, math.ceil(epochs * math.ceil(len(train_examples) / batch_size)))
    settings = transformers.TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=epochs,
        max_steps=steps,
        learning_rate=learning_rate,
        per_device_train_batch_size=batch_size,
        per_device_eval_batch_size=_EVALUATION_BATCH,
        warmup_steps=round(warmup_fraction * steps),
        weight_decay=weight_decay,
        lr_scheduler_type="linear",
        seed=seed,
        data_seed=seed,
        use_cpu=device.type == "cpu",
        bf16=dtype == torch.bfloat16,
        fp16=dtype == torch.float16,
        logging_steps=max(1, steps // 100),
        logging_nan_inf_filter=False,
        save_strategy="no",
        eval_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )

    def measure(outcome: Any) -> dict[str, Any]:
        return task.measure(outcome.predictions, outcome.label_ids)

    def reduce(logits: Any, _: torch.Tensor) -> torch.Tensor:
        return task.reduce(logits[0] if isinstance(logits, tuple) else logits)

    with progress.task(title, steps, "steps") as advance:
        trainer = LengthTrainer(
            model=model,
            args=settings,
            data_collator=collate,
            train_dataset=cast("Any", train_examples),
            eval_dataset=cast("Any", dev_examples) or None,
            processing_class=tokenizer,
            compute_metrics=measure,
            preprocess_logits_for_metrics=reduce,
            callbacks=[
                Checkpoints(folder, checkpoint_every, tokenizer, evaluates=bool(dev_examples)),
                Watch(task, advance, progress.note),
            ],
        )
        trainer.remove_callback(PrinterCallback)
        before = []
        if task.measures_base and dev_examples:
            # Training starts a log of its own, and from the same random state as without this.
            with torch.random.fork_rng():
                before = [{"step": 0, "epoch": 0.0, **trainer.evaluate()}]
        trainer.train()
    return before + trainer.state.log_history
