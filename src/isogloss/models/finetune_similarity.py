"""The task of pairs whose texts are encoded one by one: how alike they are, as the cosine of their vectors.

The model around the encoder is in `bi_encoder`. A score of a pair read as one sequence is `SentenceRegression`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import torch
import transformers
from torch import Tensor, nn

from isogloss.corpus import Corpus
from isogloss.errors import CorpusError, OptionError
from isogloss.models.bi_encoder import BiEncoder
from isogloss.models.finetune_data import Collator, Tokens, no_words
from isogloss.models.finetune_protocol import Encoded, Task
from isogloss.models.finetune_scores import check_scores, correlations
from isogloss.models.pretrained import bare_class
from isogloss.models.tokenization import SentenceTokenizer, TokenSequences, token_limit


@dataclass(frozen=True, eq=False)
class CountedTokens(Tokens):
    """One text as a sequence.

    Attributes
    ----------
    counted : (n_tokens,) 1 for the tokens its mean runs over.
    """

    counted: np.ndarray


@dataclass(frozen=True, eq=False)
class PairExample:
    """Two texts and how alike they are, from 0 to 1."""

    first: CountedTokens
    second: CountedTokens
    target: float

    def __len__(self) -> int:
        return max(len(self.first), len(self.second))


class PairCollator(Collator):
    """Pads both texts of all pairs to one length; all tables are (n_pairs, 2, longest)."""

    def __call__(self, batch: list[PairExample]) -> dict[str, Tensor]:
        """Inputs (n_pairs, 2, longest), and labels (n_pairs,)."""
        tables = self.inputs([text for example in batch for text in (example.first, example.second)])
        paired = {name: table.unflatten(0, (len(batch), 2)) for name, table in tables.items()}
        return paired | {"labels": self.labels(batch)}

    def inputs(self, batch: Sequence[CountedTokens]) -> dict[str, Tensor]:
        """Tables of some texts, (n_texts, longest)."""
        return super().inputs(batch) | {"counted": self._table([text.counted for text in batch], 0)}

    def answer(self, module: nn.Module, inputs: dict[str, Tensor]) -> Tensor:
        """What padding must not change: a text's vector."""
        assert isinstance(module, BiEncoder)
        return module.embed(**inputs)


class PairSimilarity(Task):
    """One score per pair, predicted by the cosine of the two texts' vectors; mean squared error."""

    name = "similarity"
    auto = transformers.AutoModel
    target_dtype = torch.float32
    main_measure = "spearman"
    measures_base = True
    score_range = (0.0, 1.0)

    @classmethod
    def of(cls, label: str, corpora: Sequence[Corpus], *, score_range: tuple[float, float] | None) -> PairSimilarity:
        """Check that there are pairs with scores, and take the scale.

        Parameters
        ----------
        score_range : what becomes 0 and 1; None for the smallest and the largest score in all corpora.

        Raises
        ------
        CorpusError : there are no pairs, or the label is not a number everywhere, or constant.
        OptionError : the range is none, or a score lies outside.
        """
        if single := [corpus for corpus in corpora if not corpus.is_pairs]:
            raise CorpusError(
                f"the task similarity compares the two texts of pairs, and {single[0].name} has single texts",
                "name the column of the second one with {text_b}",
                text_b=None,
            )
        check_scores(label, corpora)
        scores = pl.concat([corpus.sentences[label].cast(pl.Float64).drop_nulls() for corpus in corpora]).to_numpy()
        low, high = score_range if score_range is not None else (float(scores.min()), float(scores.max()))
        if not (np.isfinite([low, high]).all() and low < high):
            raise OptionError(
                f"score_range should be two numbers, the smaller first. Got {low:g} and {high:g} instead."
            )
        if len(outside := scores[(scores < low) | (scores > high)]):
            raise OptionError(
                f"the label {label!r} has scores outside score_range {low:g} to {high:g}: {outside[0]:g} and "
                f"{len(outside) - 1:,} more of {len(scores):,}"
            )
        task = cls(label, (label,))
        task.score_range = (float(low), float(high))
        return task

    @property
    def facts(self) -> dict[str, Any]:
        """The scale, and what a text's vector is."""
        return {"score_range": list(self.score_range), "pooling": "mean of the tokens that are not special"}

    def configure(self, config: Any) -> None:
        """Leave the configuration as the base has it: there is no head that labels could belong to."""

    def model_class(self, config: Any) -> Any:
        """The class without a head."""
        return bare_class(config)

    def around(self, model: Any) -> Any:
        """The model as a bi-encoder.

        Raises
        ------
        OptionError : all its weights are frozen.
        """
        module = BiEncoder(model).train()
        if not module.learns():
            raise OptionError(
                "with these layers frozen nothing is left to train: the task similarity adds no head",
                "use a smaller {freeze_layers}",
                freeze_layers=None,
            )
        return module

    def collator(self, module: Any, tokenizer: Any, trial: Sequence[Any]) -> Collator:
        """Batches of pairs."""
        texts = [text for example in trial for text in (example.first, example.second)]
        return PairCollator(module, tokenizer, self.target_dtype, texts)

    def encode(
        self,
        corpus: Corpus,
        rows: np.ndarray,
        module: nn.Module,
        tokenizer: Any,
        max_length: int | None,
    ) -> Encoded:
        """Examples of some pairs, each text a sequence of its own."""
        chosen = corpus.sentences[rows]
        encoder = SentenceTokenizer(tokenizer, token_limit(module, tokenizer, max_length), long="cut")
        sides = [encoder.encode(chosen[name].to_list(), None, no_words()) for name in ("text", "text_b")]
        first, second = map(_by_text, sides)
        low, high = self.score_range
        scores = (chosen[self.label].cast(pl.Float64).to_numpy() - low) / (high - low)
        made = [
            PairExample(first[row], second[row], float(scores[row])) for row in sorted(first.keys() & second.keys())
        ]
        return Encoded(made, sum(side.split_sentences for side in sides), len(rows) - len(made))

    def reduce(self, logits: torch.Tensor) -> torch.Tensor:
        """(n,) cosines."""
        return logits

    def measure(self, predicted: np.ndarray, target: np.ndarray) -> dict[str, float | None]:
        """Spearman's and Pearson's correlation of cosines and scores (None where a side is constant), and the error.

        The mean squared error is against the scores scaled to [0, 1]. The Trainer's own loss weighs a last, smaller
        batch as if it were whole.
        """
        predicted, target = predicted.astype(np.float64), target.astype(np.float64)
        found = correlations(predicted, target)
        error = float(np.mean((predicted - target) ** 2))
        return {"spearman": found["spearman"], "pearson": found["pearson"], "mse": error}


def _by_text(sequences: TokenSequences) -> dict[int, CountedTokens]:
    """The sequence of each text that has any token, by the text's number."""
    bounds, counted = sequences.window_start, sequences.counted().astype(np.int64)
    return {
        int(text): CountedTokens(sequences.ids[low:high], sequences.types[low:high], counted[low:high])
        for low, high, text in zip(bounds[:-1], bounds[1:], sequences.window_sentence, strict=True)
    }
