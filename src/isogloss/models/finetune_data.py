"""Which sentences are trained on and which are held out, and how they become batches.

Tokenisation is the one that extraction uses, so a fine-tuned model is later read exactly as it was trained.
What the labels mean is the task's business (`finetune_tasks`).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn
from torch.utils.data import Sampler

from isogloss.corpus import Corpus
from isogloss.errors import CorpusError, ModelError, OptionError
from isogloss.models.tokenization import SentenceTokenizer, TokenSequences, Words, token_limit
from isogloss.split_names import DEV_NAMES, TRAIN_NAMES

IGNORED = -100
"""Label of tokens that the loss and the measures leave out."""

_SPLIT_SEED = 0


class TrainingExample(Protocol):
    """Something to learn from: a target, and a length in tokens by which batches are made."""

    @property
    def target(self) -> Any:
        """What is to be predicted."""
        ...

    def __len__(self) -> int: ...


@dataclass(frozen=True, eq=False)
class Tokens:
    """One sequence as the model sees it.

    Attributes
    ----------
    ids, types : token ids and token types, (n_tokens,).
    """

    ids: np.ndarray
    types: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, eq=False)
class Example(Tokens):
    """One sentence, or pair as one sequence, with its target.

    Attributes
    ----------
    target : a class number, a score, or one class number per token (`IGNORED` where there is none).
    """

    target: Any


def split_rows(
    sentences: pl.DataFrame, *, dev_fraction: float, train_fraction: float, own_dev: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Sentence numbers to train on and to hold out.

    A `split` column that names a training part decides; else a random `dev_fraction` is held out. Neither
    depends on the training seed, so several seeds share one held-out part, and a smaller `train_fraction` is
    contained in a larger one.

    Parameters
    ----------
    sentences : the corpus' frame, restricted to sentences with a label.
    dev_fraction : part to hold out where no split names it.
    train_fraction : part of the training sentences to use, in (0, 1].
    own_dev : False where a separate corpus is held out instead.

    Returns
    -------
    train, dev : increasing sentence numbers; `dev` may be empty.
    """
    numbers = sentences["sentence"].to_numpy().astype(np.int64)
    names = sentences["split"].fill_null("") if "split" in sentences.columns else pl.Series([""] * len(numbers))
    lowered = names.str.to_lowercase()
    train, dev = (
        numbers[lowered.is_in(TRAIN_NAMES).to_numpy()],
        numbers[lowered.is_in(DEV_NAMES).to_numpy()],
    )
    if not len(train):
        train, dev = numbers, numbers[:0]
    random = np.random.default_rng(_SPLIT_SEED)
    order = random.permutation(train)
    if not own_dev:
        dev = dev[:0]
    elif not len(dev) and dev_fraction > 0:
        held = min(max(1, round(dev_fraction * len(order))), len(order) - 1)
        order, dev = order[held:], order[:held]
    kept = order[: max(1, round(train_fraction * len(order)))]
    return np.sort(kept), np.sort(dev)


def select_words(corpus: Corpus, rows: np.ndarray) -> pl.DataFrame:
    """Give the words of some sentences, renumbered 0, 1, ... in the order of `rows` (increasing)."""
    renumbered = pl.DataFrame({"sentence": rows, "row": np.arange(len(rows))})
    words = corpus.words.with_columns(pl.col("sentence").cast(pl.Int64))
    joined = words.join(renumbered, on="sentence", how="inner").sort("row", "part", "start")
    return joined.with_columns(pl.col("row").alias("sentence")).drop("row")


def tokenise(
    corpus: Corpus,
    rows: np.ndarray,
    module: nn.Module,
    tokenizer: Any,
    max_length: int | None,
    words: Words,
) -> TokenSequences:
    """Token sequences of some sentences, at most one per sentence; longer ones are cut and counted.

    Raises
    ------
    OptionError : `max_length` is more than the model can take.
    """
    chosen = corpus.sentences[rows]
    encoder = SentenceTokenizer(tokenizer, token_limit(module, tokenizer, max_length), long="cut")
    other = chosen["text_b"].to_list() if corpus.is_pairs else None
    return encoder.encode(chosen["text"].to_list(), other, words)


def no_words() -> Words:
    """No words at all, for tasks that label whole sentences."""
    nothing = np.zeros(0, np.int64)
    return Words(nothing, nothing, nothing, nothing)


def examples(sequences: TokenSequences, targets: Sequence[Any]) -> list[Example]:
    """Pair every sequence with the target of its sentence."""
    bounds = sequences.window_start
    return [
        Example(sequences.ids[low:high], sequences.types[low:high], targets[sentence])
        for low, high, sentence in zip(bounds[:-1], bounds[1:], sequences.window_sentence, strict=True)
    ]


class Collator:
    """Pads some examples to the longest of them, on the side that does not change what the head reads.

    Parameters
    ----------
    module, tokenizer : say which inputs are given and what to pad with.
    dtype : of the targets.
    trial : sequences to find the side with.

    Raises
    ------
    ModelError : the model cannot run on the examples, or padding changes its answers on either side.
    """

    def __init__(self, module: nn.Module, tokenizer: Any, dtype: torch.dtype, trial: Sequence[Tokens]) -> None:
        accepted = inspect.signature(module.forward).parameters
        self._with_types = "token_type_ids" in tokenizer.model_input_names and "token_type_ids" in accepted
        self._pad = pad_id(tokenizer)
        self._dtype = dtype
        self._left = tokenizer.padding_side == "left"
        self._choose_side(module, trial)

    def __call__(self, batch: list[Any]) -> dict[str, Tensor]:
        """Inputs and labels, (n_examples, longest)."""
        return self.inputs(batch) | {"labels": self.labels(batch)}

    def inputs(self, batch: Sequence[Any]) -> dict[str, Tensor]:
        """Ids, attention mask and, where the model takes them, types of some sequences, (n_sequences, longest)."""
        inputs = {
            "input_ids": self._table([e.ids for e in batch], self._pad),
            "attention_mask": self._table([np.ones(len(e.ids), np.int64) for e in batch], 0),
        }
        if self._with_types:
            inputs["token_type_ids"] = self._table([e.types for e in batch], 0)
        return inputs

    def labels(self, batch: Sequence[TrainingExample]) -> Tensor:
        """Targets of some examples, (n_examples,) or (n_examples, longest)."""
        if isinstance(batch[0].target, np.ndarray):
            return self._table([e.target for e in batch], IGNORED)
        return torch.tensor([e.target for e in batch], dtype=self._dtype)

    def _table(self, rows: list[np.ndarray], filler: int) -> Tensor:
        width = max(map(len, rows))
        table = np.full((len(rows), width), filler, np.int64)
        for line, row in zip(table, rows, strict=True):
            line[width - len(row) if self._left else 0 : width if self._left else len(row)] = row
        return torch.from_numpy(table)

    def _choose_side(self, module: nn.Module, trial: Sequence[Tokens]) -> None:
        """Compare the shortest sequence alone with the same one beside the longest, on either side.

        BERT's head reads the first token and counts positions from there, XLNet's reads the last; not every
        tokenizer's `padding_side` knows.
        """
        by_length = sorted(trial, key=len)
        short, long = by_length[0], by_length[-1]
        alone = self._answers(module, [short])
        for left in (self._left, not self._left):
            self._left = left
            beside = self._answers(module, [short, long])
            if beside.ndim == 3:
                beside = beside[:, -len(short.ids) :] if left else beside[:, : len(short.ids)]
            if torch.allclose(beside[0], alone[0], rtol=1e-3, atol=1e-4, equal_nan=True):
                return
        raise ModelError(
            f"{type(module).__name__} answers differently when a sentence is padded, on either side, so it cannot "
            "be trained in batches"
        )

    @torch.no_grad()
    def _answers(self, module: nn.Module, batch: Sequence[Tokens]) -> Tensor:
        was_training = module.training
        try:
            return self.answer(module.eval(), self.inputs(batch))
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"{type(module).__name__} cannot run on this corpus: {error}") from error
        finally:
            module.train(was_training)

    def answer(self, module: nn.Module, inputs: dict[str, Tensor]) -> Tensor:
        """What padding must not change: logits, one row per sequence."""
        return module(**inputs).logits


def pad_id(tokenizer: Any) -> int:
    """Choose what to pad with: the padding token, else the end of text (it is masked either way)."""
    for candidate in (tokenizer.pad_token_id, tokenizer.eos_token_id):
        if candidate is not None:
            return int(candidate)
    return 0


class GroupedByLength(Sampler[list[int]]):
    """Batches of about equally long examples, in random order, anew in each epoch.

    transformers' own sampler goes from long to short within a stretch of 50 batches; here the batches are
    shuffled.

    Parameters
    ----------
    lengths : tokens of each example.
    batch_size : examples per batch; the last batch of an epoch may be smaller.
    seed : decides grouping and order.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self._lengths = np.asarray(lengths)
        self._batch_size = batch_size
        self._random = np.random.default_rng(seed)

    def __len__(self) -> int:
        return -(-len(self._lengths) // self._batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        order = self._random.permutation(len(self._lengths))
        stretch = 50 * self._batch_size
        batches = []
        for start in range(0, len(order), stretch):
            group = order[start : start + stretch]
            group = group[np.argsort(self._lengths[group], kind="stable")]
            batches += [group[i : i + self._batch_size].tolist() for i in range(0, len(group), self._batch_size)]
        for number in self._random.permutation(len(batches)):
            yield batches[number]


def sorted_batches(lengths: Sequence[int], batch_size: int) -> list[list[int]]:
    """Batches in order of length, for evaluation."""
    order = np.argsort(np.asarray(lengths), kind="stable").tolist()
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]


def check_fraction(name: str, value: float, *, low_open: bool) -> None:
    """Refuse a fraction outside [0, 1), or (0, 1] where zero makes no sense.

    Raises
    ------
    OptionError : it is outside.
    """
    inside = 0 < value <= 1 if low_open else 0 <= value < 1
    if not inside:
        wanted = "above 0 and at most 1" if low_open else "at least 0 and below 1"
        raise OptionError(f"{name} should be {wanted}. Got {value} instead.")


def check_classes(label: str, values: Sequence[str], n: int, unit: str) -> None:
    """Refuse a label that no classifier can learn.

    Parameters
    ----------
    label : name of the column.
    values : its distinct values.
    n : how many sentences or words carry it.
    unit : `sentences` or `words`.

    Raises
    ------
    CorpusError : one class, or so many that it must be another kind of column.
    """
    if len(values) < 2:
        only = f"only {values[0][:40]!r}" if values else "no value"
        raise CorpusError(f"the label {label!r} has {only} in {n:,} {unit}; a classifier needs at least two classes")
    if len(values) > MAX_CLASSES or (len(values) > 20 and 2 * len(values) > n):
        raise CorpusError(
            f"the label {label!r} has {len(values):,} different values in {n:,} {unit} (such as "
            f"{values[0][:40]!r}); that is not a class label. At most {MAX_CLASSES:,} classes, each about "
            "twice, can be learnt"
        )


MAX_CLASSES = 1000
