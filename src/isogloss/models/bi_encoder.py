"""Two texts through one encoder, compared by the cosine of their vectors.

A text's vector is the mean of the encoder's last hidden states over the tokens that are not special, as a stored
sentence vector is; nothing is learnt beside the encoder. Makes no batches (`finetune_similarity`).
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import SequenceClassifierOutput

from isogloss.models.blocks import inner_encoder


class BiEncoder(nn.Module):
    """An encoder that answers pairs of texts with cosines.

    Reimers and Gurevych 2019 (Sentence-BERT, arXiv:1908.10084), section 3, regression objective function: the mean
    squared error of the cosine. Unlike theirs, the mean leaves out special tokens such as `[CLS]`.

    Parameters
    ----------
    model : a transformers model without a head; of an encoder-decoder the encoder is run.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self._takes_types = "token_type_ids" in inspect.signature(self.encoder.forward).parameters

    @property
    def config(self) -> Any:
        """The model's configuration."""
        return self.model.config

    @property
    def encoder(self) -> Any:
        """What is run."""
        return inner_encoder(self.model)

    def save_pretrained(self, folder: str | Path) -> None:
        """Save the model itself, as it was loaded; what is around it has no weights."""
        self.model.save_pretrained(folder)

    def embed(
        self, input_ids: Tensor, attention_mask: Tensor, counted: Tensor, token_type_ids: Tensor | None = None
    ) -> Tensor:
        """Vectors of texts, float32.

        Parameters
        ----------
        input_ids, attention_mask, token_type_ids : (n_texts, longest).
        counted : (n_texts, longest) 1 for the tokens the mean runs over, at least one in each text.

        Returns
        -------
        (n_texts, hidden).
        """
        types = {"token_type_ids": token_type_ids} if self._takes_types and token_type_ids is not None else {}
        output = self.encoder(input_ids=input_ids, attention_mask=attention_mask, return_dict=True, **types)
        hidden = output.last_hidden_state.float()
        kept = counted.unsqueeze(-1).bool()
        # Whatever a model computes at padding, a number or not, stays out of the sum.
        return hidden.masked_fill(~kept, 0.0).sum(1) / kept.sum(1)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        counted: Tensor,
        token_type_ids: Tensor | None = None,
        labels: Tensor | None = None,
    ) -> SequenceClassifierOutput:
        """Cosines of pairs, and the mean squared error against the labels.

        Parameters
        ----------
        input_ids, attention_mask, counted, token_type_ids : (n_pairs, 2, longest).
        labels : (n_pairs,) scores from 0 to 1.

        Returns
        -------
        `logits` (n_pairs,) in [-1, 1]; `loss` where there are labels.
        """
        vectors = self.embed(
            input_ids.flatten(0, 1),
            attention_mask.flatten(0, 1),
            counted.flatten(0, 1),
            None if token_type_ids is None else token_type_ids.flatten(0, 1),
        )
        cosines = nn.functional.cosine_similarity(vectors[::2], vectors[1::2])
        loss = None if labels is None else nn.functional.mse_loss(cosines, labels.float())
        return SequenceClassifierOutput(loss=loss, logits=cosines)

    def learns(self) -> bool:
        """Whether any weight that the answer depends on may change."""
        was_training = self.training
        self.eval()
        ids = torch.ones((1, 2), dtype=torch.long, device=next(self.parameters()).device)
        with torch.enable_grad():
            vectors = self.embed(ids, torch.ones_like(ids), torch.ones_like(ids))
        self.train(was_training)
        return vectors.requires_grad
