"""Runs a model over token sequences and hands over, layer by layer, one vector per word and per sentence.

Sub-words are pooled where the model runs, so only word vectors leave it. Sequences are packed where the architecture
allows it, else batched with equally long ones; either way no sentence is padded (a packed pass is rounded up by fewer
than 64 filler tokens).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from isogloss.errors import ModelError, OptionError
from isogloss.models.blocks import Blocks, Stream, discover_blocks, input_device, run_probe
from isogloss.models.frames import framed, gains
from isogloss.models.in_place import activations_in_place
from isogloss.models.linear import faster_linear, fastest
from isogloss.models.packing import PackingPlan, packed_forward, packing, plan_packing, positions_of
from isogloss.models.tokenization import TokenSequences

Pooling = Literal["first", "last", "mean"]
Site = Literal["block", "normed"]
SENTENCE_VECTORS = ("cls", "mean", "last")
BATCH_TOKENS = 2048
ROUND = 64

OnWords = Callable[[int, Tensor, np.ndarray], None]
"""layer, vectors (n, hidden) on the device, (n,) numbers of the words (positions in `TokenSequences.word_row`)."""

OnSentences = Callable[[int, str, Tensor, np.ndarray], None]
"""layer, kind, vectors (n, hidden) on the device, (n,) numbers of the windows they belong to."""


class _Enough(Exception):  # noqa: N818 - a signal, not an error
    """Raised inside a forward pass once the last wanted layer has been read."""


@dataclass(frozen=True)
class Trials:
    """What was found by running a model on a few tokens: plain, so that it travels and nobody need run it again.

    Attributes
    ----------
    stream : of its blocks.
    plan : how sequences are packed; None where they are not.
    """

    stream: Stream
    plan: PackingPlan | None


@dataclass(frozen=True)
class _Batch:
    """Windows that run together, `frames` many at a time. Everything is in batch order: window after window."""

    windows: np.ndarray
    ids: Tensor
    types: Tensor
    lengths: list[int]
    frames: list[int]
    words: np.ndarray
    word_first: Tensor
    word_last: Tensor
    counted: Tensor
    cls: Tensor


class LayerReader:
    """Reads the layers of one model.

    Parameters
    ----------
    module : a transformers model on its device, in its compute precision, in eval mode.
    tokenizer : says whether token types are given and which token is `[CLS]`.
    layers : numbers of the layers to read, increasing; None for all.
    pooling : which sub-words stand for a word: the first, the last or their mean.
    site : `block` reads the residual stream after each block; `normed` takes the last layer after the final norm.
    packed : False never packs.
    batch_tokens : tokens per forward pass.
    linear : what runs the linear maps, `torch`, `onednn` or `mkl`; None takes the fastest one on this machine.
    known : what a reader of a copy of this model found by running it; if None, it is run on a few tokens.

    Attributes
    ----------
    blocks : where the layers are.
    plan : how sequences are packed; None where they are batched by equal length.
    trials : for readers of copies of this model.
    blind_cls : the token of `cls` comes before the text and sees nothing of it, as in a decoder: its vector is the same
        for every text that begins with the same token.
    """

    def __init__(
        self,
        module: nn.Module,
        tokenizer: Any,
        *,
        layers: tuple[int, ...] | None = None,
        pooling: Pooling = "last",
        site: Site = "block",
        sentence_vectors: tuple[str, ...] = SENTENCE_VECTORS,
        packed: bool = True,
        batch_tokens: int = BATCH_TOKENS,
        linear: str | None = None,
        known: Trials | None = None,
    ) -> None:
        for name, value, allowed in (
            ("pooling", pooling, ("first", "last", "mean")),
            ("site", site, ("block", "normed")),
        ):
            if value not in allowed:
                raise OptionError(f"{name} can be {', '.join(allowed)}; got {value!r}")
        if unknown := set(sentence_vectors) - set(SENTENCE_VECTORS):
            raise OptionError(f"no sentence vector called {', '.join(sorted(unknown))}; there are {SENTENCE_VECTORS}")
        self.blocks: Blocks = discover_blocks(module, None if known is None else known.stream)
        self.layers = tuple(range(self.blocks.n_layers + 1)) if layers is None else layers
        self.pooling, self.site, self.sentence_vectors = pooling, site, sentence_vectors
        self.batch_tokens = batch_tokens
        self.plan: PackingPlan | None = None
        if packed:
            self.plan = known.plan if known else plan_packing(self.blocks)
        self.trials = Trials(self.blocks.stream, self.plan)
        self.linear = linear or fastest(self.blocks.encoder)
        self._is_prepared = False
        self.device = input_device(self.blocks.encoder)
        self._gains_by_frames = self.plan is not None and gains(self.blocks, self.plan.longest)
        accepted = inspect.signature(self.blocks.encoder.forward).parameters
        given = getattr(tokenizer, "model_input_names", ())
        self._gives_types = "token_type_ids" in given and "token_type_ids" in accepted
        # A decoder would keep the keys and values of every layer until the pass is over.
        self._options = {"use_cache": False} if "use_cache" in accepted else {}
        self._cls_id = getattr(tokenizer, "cls_token_id", None)
        later = self._cls_id is not None and self._cls_id in tokenizer("a b")["input_ids"][1:]
        self.blind_cls = self.blocks.causal and not later

    @torch.inference_mode()
    def read(
        self, sequences: TokenSequences, on_words: OnWords, on_sentences: OnSentences | None = None
    ) -> Iterator[int]:
        """Run all windows; yields the number of tokens done after each forward pass.

        Batches depend only on `sequences`, so the same sequences give the same bytes.
        """
        with self.prepared():
            for batch in self._batches(sequences):
                self._run(batch, on_words, on_sentences)
                yield len(batch.ids)

    @contextmanager
    def prepared(self) -> Iterator[None]:
        """While open, the model is set up for reading; open it around several calls of `read` to do that once."""
        if self._is_prepared:
            yield
            return
        if self.linear != "torch":
            # Some models change their weights in their first pass.
            run_probe(self.blocks.encoder)
        with (
            packing(self.blocks) if self._always_packs else nullcontext(),
            faster_linear(self.blocks.encoder, self.linear),
            activations_in_place(self.blocks.encoder) if self.plan and self.plan.in_place else nullcontext(),
        ):
            self._is_prepared = True
            try:
                yield
            finally:
                self._is_prepared = False

    @property
    def _always_packs(self) -> bool:
        return self.plan is not None and self.plan.longest is None

    def _packs(self, length: int) -> bool:
        """Whether sequences of so many tokens are packed."""
        return self.plan is not None and (self.plan.longest is None or length <= self.plan.longest)

    def _run(self, batch: _Batch, on_words: OnWords, on_sentences: OnSentences | None) -> None:
        last = max(self.layers)
        normed = self.blocks.n_layers if self.site == "normed" else None

        def on_layer(layer: int, states: Tensor) -> None:
            if layer in self.layers and layer != normed:
                # A model may be spread over devices; vectors are pooled where its token ids went.
                tokens = self._tokens(states, batch).to(self.device)
                self._pool(layer, tokens, batch, on_words, on_sentences)
            if layer == last and layer != normed:
                raise _Enough

        try:
            with self.blocks.reading(on_layer):
                final = self._forward(batch)
        except _Enough:
            return
        # Only reached when the last wanted layer is the one after the final norm.
        self._pool(last, final.to(self.device), batch, on_words, on_sentences)

    def _tokens(self, states: Tensor, batch: _Batch) -> Tensor:
        """(n_tokens, hidden) of a layer, without what a pass fills up at its end and models in every sequence."""
        n = len(batch.ids)
        if self._packs(max(batch.lengths)) or len(states) == n:
            return states[:n]
        by_sequence = states.view(len(batch.lengths), -1, states.shape[-1])
        if by_sequence.shape[1] < batch.lengths[0]:
            raise ModelError(
                f"a block of {type(self.blocks.encoder).__name__} hands on {by_sequence.shape[1]} vectors of "
                f"{batch.lengths[0]} tokens, so its words have none of their own"
            )
        return by_sequence[:, : batch.lengths[0]].flatten(0, 1)

    def _forward(self, batch: _Batch) -> Tensor:
        types = batch.types if self._gives_types else None
        if self.plan and self._packs(max(batch.lengths)):
            if types is None and self.plan.types:
                types = torch.zeros_like(batch.types)
            with nullcontext() if self._always_packs else packing(self.blocks):
                return self._forward_packed(batch, types, self.plan)
        shape = (len(batch.lengths), batch.lengths[0])
        ids = batch.ids.view(shape)
        options = self._options | ({} if types is None else {"token_type_ids": types.view(shape)})
        output = self.blocks.encoder(input_ids=ids, attention_mask=torch.ones_like(ids), return_dict=True, **options)
        hidden = output.last_hidden_state
        return hidden.reshape(-1, hidden.shape[-1])

    def _forward_packed(self, batch: _Batch, types: Tensor | None, plan: PackingPlan) -> Tensor:
        # A few one-token sequences fill up to a round number: matrix kernels are kept per shape, and a long run would
        # otherwise collect one for every number of tokens.
        n = len(batch.ids)
        filler = -n % ROUND
        lengths, frames = batch.lengths + [1] * filler, batch.frames + [1] * filler
        ids = torch.cat([batch.ids, batch.ids[:1].expand(filler)])
        types = None if types is None else torch.cat([types, types[:1].expand(filler)])
        positions = positions_of(ids, lengths, plan.first_position)
        return packed_forward(self.blocks, ids, lengths, positions, types, frames)[:n]

    def _pool(
        self, layer: int, tokens: Tensor, batch: _Batch, on_words: OnWords, on_sentences: OnSentences | None
    ) -> None:
        if len(batch.words):
            on_words(layer, self._word_vectors(tokens, batch), batch.words)
        if on_sentences is None:
            return
        lengths = torch.tensor(batch.lengths, device=self.device)
        ends = lengths.cumsum(0)
        for kind in self.sentence_vectors:
            if kind == "cls":
                vectors = tokens[batch.cls]
            elif kind == "last":
                vectors = tokens[ends - 1]
            else:
                # Sums, not means: a split sentence adds up its windows before it divides.
                kept = tokens.float() * batch.counted[:, None]
                vectors = torch.segment_reduce(kept, "sum", lengths=lengths, axis=0)
            on_sentences(layer, kind, vectors, batch.windows)

    def _word_vectors(self, tokens: Tensor, batch: _Batch) -> Tensor:
        if self.pooling == "first":
            return tokens.index_select(0, batch.word_first)
        if self.pooling == "last":
            return tokens.index_select(0, batch.word_last)
        counts = batch.word_last - batch.word_first + 1
        if bool((counts == 1).all()):
            return tokens.index_select(0, batch.word_first)
        starts = counts.cumsum(0) - counts
        inside = torch.arange(int(counts.sum()), device=self.device) - starts.repeat_interleave(counts)
        pieces = tokens[batch.word_first.repeat_interleave(counts) + inside].float()
        return torch.segment_reduce(pieces, "mean", lengths=counts, axis=0)

    def _batches(self, sequences: TokenSequences) -> Iterator[_Batch]:
        lengths = sequences.window_length
        word_window = np.searchsorted(sequences.window_start, sequences.word_first, side="right") - 1
        by_window = np.argsort(word_window, kind="stable")
        bounds = np.searchsorted(word_window[by_window], np.arange(len(lengths) + 1))
        counted = sequences.counted()
        for frames in self._passes(lengths):
            windows = np.concatenate(frames)
            starts = sequences.window_start[windows]
            sizes = lengths[windows]
            place = np.cumsum(sizes) - sizes
            tokens = np.repeat(starts - place, sizes) + np.arange(sizes.sum())
            words = np.concatenate([by_window[bounds[w] : bounds[w + 1]] for w in windows])
            shift = np.repeat(place - starts, bounds[windows + 1] - bounds[windows])
            yield self._batch(sequences, windows, frames, tokens, sizes, place, words, shift, counted)

    def _batch(
        self,
        sequences: TokenSequences,
        windows: np.ndarray,
        frames: list[list[int]],
        tokens: np.ndarray,
        sizes: np.ndarray,
        place: np.ndarray,
        words: np.ndarray,
        shift: np.ndarray,
        counted: np.ndarray,
    ) -> _Batch:
        def there(values: np.ndarray, dtype: type = np.int64) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(values, dtype=dtype)).to(self.device)

        ids = sequences.ids[tokens]
        cls = place
        if self._cls_id is not None:
            marked = np.flatnonzero(ids == self._cls_id)
            owner = np.searchsorted(place, marked, side="right") - 1
            owner, firsts = np.unique(owner, return_index=True)
            cls = place.copy()
            cls[owner] = marked[firsts]
        return _Batch(
            windows=windows,
            ids=there(ids),
            types=there(sequences.types[tokens]),
            lengths=sizes.tolist(),
            frames=[len(frame) for frame in frames],
            words=words,
            word_first=there(sequences.word_first[words] + shift),
            word_last=there(sequences.word_last[words] + shift),
            counted=there(counted[tokens], np.float32),
            cls=there(cls),
        )

    def _passes(self, lengths: np.ndarray) -> Iterator[list[list[int]]]:
        """Numbers of windows, in frames: passes of about `batch_tokens` tokens, of one length where nothing packs."""
        if self._gains_by_frames:
            frames = framed(lengths.tolist())
        else:
            frames = [[number] for number in np.argsort(lengths, kind="stable").tolist()]
        together: list[list[int]] = []
        total = 0
        for frame in frames:
            tokens = int(lengths[frame].sum())
            full = total + tokens > self.batch_tokens
            if together and (full or not (self._packs(tokens) or tokens == lengths[together[0]].sum())):
                yield together
                together, total = [], 0
            together.append(frame)
            total += tokens
        if together:
            yield together
