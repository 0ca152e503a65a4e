"""What a worker does while activations are read: say what a model is like, and read chunks of sentences with it.

The model stays on the worker's bench between chunks.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch

from isogloss.activations.buffers import ChunkBuffers
from isogloss.activations.layers import Layers, choose_layers
from isogloss.activations.rows import Chunk, RowFiles
from isogloss.engines import Bench
from isogloss.memory import give_back_memory
from isogloss.models.adapters import Shelf, sharing_base
from isogloss.models.loading import LoadedModel, load
from isogloss.models.reading import SENTENCE_VECTORS, LayerReader, Trials
from isogloss.models.reference import ModelReference, found_here
from isogloss.models.tokenization import TokenSequences, token_limit
from isogloss.numerics.devices import choose_device

SLOTS = ("reader", "model", "base", "buffers")
"""What these jobs leave on the bench; who needs the memory for something else drops them."""


@dataclass(frozen=True)
class Source:
    """Which model is run, and how it is read.

    Attributes
    ----------
    reference : what is loaded.
    bare : an adapter is loaded but switched off, so that the model is its base.
    """

    reference: ModelReference
    bare: bool
    layers: Layers
    present_only: bool
    pooling: str
    site: str
    sentence_vectors: tuple[str, ...]
    packed: bool
    batch_tokens: int
    compute: str
    device: str
    device_map: str | None
    max_length: int | None

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells one model in memory from another."""
        model = self.reference
        where = self.device, self.device_map
        return model.spec, model.kind, model.weights_sha256, model.tokenizer_sha256, self.compute, *where

    @property
    def way(self) -> tuple[Any, ...]:
        """What tells one way of reading a model from another."""
        how = self.pooling, self.site, self.sentence_vectors, self.packed, self.batch_tokens
        return self.key, self.bare, *how

    def loaded(self, bench: Bench) -> LoadedModel:
        """The model, from the bench or from its files."""

        def made() -> LoadedModel:
            # Adapters that follow one another on one base read its weights once.
            with sharing_base(bench.keep("base", "of adapters", Shelf)):
                return load(
                    found_here(self.reference),
                    device=own_device(self.device, bench),
                    dtype=self.compute,
                    device_map=self.device_map,
                )

        return bench.keep("model", self.key, made)

    def reader(self, loaded: LoadedModel, facts: ReaderFacts | None = None) -> LayerReader:
        """A reader of it, like the one that the facts are of; nothing about the model is changed yet."""
        reader = LayerReader(
            loaded.module,
            loaded.tokenizer,
            layers=None if facts is None else facts.layers,
            pooling=self.pooling,  # type: ignore[arg-type]
            site=self.site,  # type: ignore[arg-type]
            sentence_vectors=self.sentence_vectors,
            packed=self.packed,
            batch_tokens=self.batch_tokens,
            linear=None if facts is None else facts.linear,
            known=None if facts is None else facts.trials,
        )
        if reader.blind_cls and self.sentence_vectors == SENTENCE_VECTORS:
            # Nobody asked for it by name, and it says nothing of the sentence.
            reader.sentence_vectors = tuple(kind for kind in SENTENCE_VECTORS if kind != "cls")
        return reader


@dataclass(frozen=True)
class ReaderFacts:
    """What must be known of a model before its store can be planned.

    Attributes
    ----------
    trials : what running it told: layers, width of a vector, how it is packed.
    layers : those that are read.
    max_length : longest window in tokens.
    linear : what runs its linear maps; this and packing decide the last bits of a vector.
    sentence_vectors : the kinds that are stored.
    blind_cls : see `LayerReader`.
    blocks : first and last block, and how they were recognised.
    """

    trials: Trials
    layers: tuple[int, ...]
    max_length: int
    linear: str
    sentence_vectors: tuple[str, ...]
    blind_cls: bool
    blocks: tuple[str, str, str]

    @property
    def n_layers(self) -> int:
        """Layers run from 0 to this one."""
        return self.trials.stream.n_layers

    @property
    def hidden(self) -> int:
        """Width of a vector."""
        return self.trials.stream.hidden

    @property
    def packed(self) -> bool:
        """Whether sequences are packed."""
        return self.trials.plan is not None


@dataclass(frozen=True)
class Describe:
    """Load a model and say what it is like."""

    source: Source
    size: float = 0.0

    @property
    def label(self) -> str:
        """For messages."""
        return f"the loading of {self.source.reference.spec}"

    def do(self, bench: Bench) -> ReaderFacts:
        """See `Job`."""
        # The same model may be set up for reading still, as the base of a comparison with itself; and one model at a
        # time is enough.
        bench.drop("reader", "classifier")
        loaded = self.source.loaded(bench)
        reader = self.source.reader(loaded)
        blocks = reader.blocks
        return ReaderFacts(
            trials=reader.trials,
            layers=choose_layers(self.source.layers, blocks.n_layers, present_only=self.source.present_only),
            max_length=token_limit(loaded.module, loaded.tokenizer, self.source.max_length),
            linear=reader.linear,
            sentence_vectors=tuple(reader.sentence_vectors),
            blind_cls=reader.blind_cls,
            blocks=(blocks.names[0], blocks.names[-1], blocks.found_by),
        )


@dataclass(frozen=True)
class ReadChunk:
    """Run a model over one chunk and put the vectors in their place.

    Attributes
    ----------
    facts : of the model.
    files : of the store.
    largest : most words and most sentences of a chunk: memory for them is taken once.
    chunk, part : the one to read, and its token sequences.
    """

    source: Source
    facts: ReaderFacts
    files: RowFiles
    largest: tuple[int, int]
    chunk: Chunk
    part: TokenSequences

    @property
    def label(self) -> str:
        """For messages."""
        first, stop = self.chunk.sentences
        return f"sentences {first} to {stop - 1} of {self.source.reference.spec}"

    @property
    def size(self) -> float:
        """Tokens."""
        return float(len(self.part.ids))

    def do(self, bench: Bench) -> dict[str, str]:
        """See `Job`; returns the checksums of its rows by file name."""
        facts = self.facts
        way = (*self.source.way, facts.layers, facts.linear)
        reader = bench.keep("reader", way, lambda: _OpenReader(self.source, facts, bench)).reader
        kinds = reader.sentence_vectors
        buffers = bench.keep(
            "buffers",
            (*way, self.files.dtype, self.largest),
            lambda: ChunkBuffers(facts.layers, kinds, facts.hidden, self.files.dtype, self.largest),
        )
        with self.files.writing(self.chunk) as rows:
            # What is whole goes to the disk while the model is in the layers above.
            buffers.begin(self.part, self.chunk, rows.put)
            for tokens in reader.read(self.part, buffers.on_words, buffers.on_sentences if kinds else None):
                bench.tick(tokens)
            digests = rows.digests()
        give_back_memory()
        return digests


class _OpenReader:
    """A reader with its model set up for reading; closing it leaves the model as it was."""

    def __init__(self, source: Source, facts: ReaderFacts, bench: Bench) -> None:
        loaded = source.loaded(bench)
        with ExitStack() as opened:
            if source.bare:
                opened.enter_context(loaded.adapter_disabled())
            self.reader = source.reader(loaded, facts)
            opened.enter_context(self.reader.prepared())
            self._opened = opened.pop_all()

    def close(self) -> None:
        self._opened.close()


def own_device(device: str, bench: Bench) -> torch.device:
    """The device that is meant; workers of one machine share its GPUs evenly."""
    chosen = choose_device(device)
    if chosen.type == "cuda" and chosen.index is None and (count := torch.cuda.device_count()) > 1:
        return torch.device("cuda", bench.number % count)
    return chosen
