"""Runs a fine-tuned classifier as one callable: sentences, perhaps an edit of a layer, in; probabilities out.

Analyses that ask whether a direction or a neuron causes predictions are handed this and need know nothing
else.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from isogloss.errors import ModelError, OptionError
from isogloss.models.blocks import Blocks, discover_blocks
from isogloss.models.finetune_data import no_words
from isogloss.models.loading import LoadedModel
from isogloss.models.tokenization import SentenceTokenizer, token_limit

BATCH_TOKENS = 4096


@dataclass(frozen=True)
class TokenInfo:
    """Which tokens the vectors of an edit belong to; row i describes vector i.

    Attributes
    ----------
    sentence : (n_tokens,) number of the sentence in the call.
    position : (n_tokens,) of the token in its sentence, special tokens counted.
    special : (n_tokens,) tokens that stand for no text, such as `[CLS]`.
    ids : (n_tokens,) token ids.
    """

    sentence: np.ndarray
    position: np.ndarray
    special: np.ndarray
    ids: np.ndarray


Edit = tuple[int, Callable[[np.ndarray, TokenInfo], np.ndarray]]
"""A layer (0 = embeddings, i = after block i) and a function of its vectors (n_tokens, hidden), float32."""


class Classifier:
    """A running sentence classifier.

    Parameters
    ----------
    loaded : a model with its sequence classification head (`load(..., head=True)`).
    blocks : where its layers are; found if not given.
    max_length : longest input in tokens; by default what the model can take. Longer ones are cut.
    batch_tokens : tokens per forward pass; nothing is padded.

    Attributes
    ----------
    classes : names of the classes, in the order of the columns.

    Raises
    ------
    ModelError : the model has no such head, or gives scores instead of classes.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        blocks: Blocks | None = None,
        *,
        max_length: int | None = None,
        batch_tokens: int = BATCH_TOKENS,
    ) -> None:
        config = loaded.config
        if not type(loaded.module).__name__.endswith("ForSequenceClassification"):
            raise ModelError(
                f"{loaded.reference.spec} is loaded as {type(loaded.module).__name__}, not as a classifier"
            )
        if config.problem_type == "regression" or config.num_labels < 2:
            raise ModelError(f"{loaded.reference.spec} gives scores, not classes, so it has no class probabilities")
        self.classes: tuple[str, ...] = tuple(str(config.id2label[i]) for i in range(config.num_labels))
        self.blocks = blocks or discover_blocks(loaded.module)
        self._loaded = loaded
        self._many_labels = config.problem_type == "multi_label_classification"
        limit = token_limit(loaded.module, loaded.tokenizer, max_length)
        self._tokenizer = SentenceTokenizer(loaded.tokenizer, limit, long="cut")
        self._batch_tokens = batch_tokens
        accepted = inspect.signature(loaded.module.forward).parameters
        self._gives_types = "token_type_ids" in loaded.tokenizer.model_input_names and "token_type_ids" in accepted
        self._options = {"use_cache": False} if "use_cache" in accepted else {}

    @torch.no_grad()
    def __call__(
        self, sentences: Sequence[str], text_b: Sequence[str] | None = None, edit: Edit | None = None
    ) -> np.ndarray:
        """Class probabilities.

        Parameters
        ----------
        sentences : texts.
        text_b : the second texts of pairs.
        edit : changes one layer's vectors during the pass. It may be called several times per layer, each
            time with the tokens of a batch of whole sentences; it must return an array of the same shape.

        Returns
        -------
        (n_sentences, n_classes) float64; rows sum to 1 unless the model gives each class a probability of its
        own. Batches depend on the sentences only, so an edit that changes nothing changes no bit.

        Raises
        ------
        OptionError : no such layer, a wrong shape from the edit, or texts and second texts of different
            number.
        ModelError : a sentence has no token.
        """
        if text_b is not None and len(text_b) != len(sentences):
            raise OptionError(f"{len(sentences)} sentences but {len(text_b)} second sentences")
        if edit is not None and not 0 <= edit[0] <= self.blocks.n_layers:
            raise OptionError(f"no layer {edit[0]}; there are 0 (embeddings) to {self.blocks.n_layers}")
        result = np.empty((len(sentences), len(self.classes)))
        if not len(sentences):
            return result
        sequences = self._tokenizer.encode(sentences, text_b, no_words())
        lengths = sequences.window_length
        if len(lengths) != len(sentences):
            empty = np.setdiff1d(np.arange(len(sentences)), sequences.window_sentence)
            raise ModelError(f"sentence {empty[0]} has no token, so the model cannot classify it")
        order = np.argsort(lengths, kind="stable")
        for rows in _groups(order, lengths, self._batch_tokens):
            tokens = [slice(*sequences.window_start[row : row + 2]) for row in rows]
            info = TokenInfo(
                sentence=np.repeat(rows, lengths[rows]),
                position=np.concatenate([np.arange(n) for n in lengths[rows]]),
                special=np.concatenate([sequences.special[t] for t in tokens]),
                ids=np.concatenate([sequences.ids[t] for t in tokens]),
            )
            types = np.concatenate([sequences.types[t] for t in tokens])
            result[rows] = self._forward(info, types, (len(rows), int(lengths[rows[0]])), edit)
        return result

    def _forward(self, info: TokenInfo, types: np.ndarray, shape: tuple[int, int], edit: Edit | None) -> np.ndarray:
        device = self._loaded.device

        def table(values: np.ndarray) -> Tensor:
            return torch.from_numpy(values.astype(np.int64).reshape(shape)).to(device)

        inputs = {"input_ids": table(info.ids), "attention_mask": table(np.ones(info.ids.shape))}
        if self._gives_types:
            inputs["token_type_ids"] = table(types)
        reading = nullcontext() if edit is None else self.blocks.reading(_editor(edit, info))
        with reading:
            logits = self._loaded.module(**inputs, **self._options).logits.double()
        probabilities = logits.sigmoid() if self._many_labels else logits.softmax(-1)
        return probabilities.cpu().numpy()


def _editor(edit: Edit, info: TokenInfo) -> Callable[[int, Tensor], Tensor | None]:
    wanted, change = edit

    def on_layer(layer: int, tokens: Tensor) -> Tensor | None:
        if layer != wanted:
            return None
        before = tokens.float().cpu().numpy().copy()
        shape = before.shape
        after = np.asarray(change(before, info), dtype=np.float32)
        if after.shape != shape:
            raise OptionError(
                f"the edit of layer {layer} was given vectors of shape {shape} and returned {after.shape}"
            )
        return torch.from_numpy(np.array(after, order="C")).to(tokens)

    return on_layer


def _groups(order: np.ndarray, lengths: np.ndarray, batch_tokens: int) -> list[np.ndarray]:
    """Cut rows in order of length into batches of one length each.

    Padding would change what some heads read: the first token of left-padded BERT, the last of right-padded
    XLNet.
    """
    groups: list[list[int]] = []
    for row in order.tolist():
        last = groups[-1] if groups else []
        if last and lengths[last[0]] == lengths[row] and (len(last) + 1) * int(lengths[row]) <= batch_tokens:
            last.append(row)
        else:
            groups.append([row])
    return [np.asarray(group) for group in groups]
