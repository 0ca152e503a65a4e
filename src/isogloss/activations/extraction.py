"""Runs a model over a corpus and leaves its vectors in an activation store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from isogloss.activations.buffers import ChunkBuffers, give_back_memory
from isogloss.activations.layers import Layers, choose_layers
from isogloss.activations.layout import JOURNAL, Settings, size_in_words, storage
from isogloss.activations.store import ActivationStore
from isogloss.activations.writer import Chunk, StoreWriter, finished_store_settings
from isogloss.bars import on_terminal
from isogloss.corpus import Corpus
from isogloss.corpus.labels import suggestion
from isogloss.errors import OptionError, StoreError
from isogloss.models.loading import LoadedModel, load
from isogloss.models.reading import BATCH_TOKENS, SENTENCE_VECTORS, LayerReader
from isogloss.models.reference import ModelReference, resolve
from isogloss.models.tokenization import SentenceTokenizer, TokenSequences, Words, concatenate, token_limit
from isogloss.numerics.devices import choose_device
from isogloss.progress import SILENT, Progress

CHUNK_BYTES = 64 << 20
TOKENISED_AT_ONCE = 1024


@dataclass(frozen=True)
class ExtractOptions:
    """How activations are read and stored."""

    layers: Layers = field(default="all", metadata={"help": "all, last, 0,3,6 or 0-6; 0 = embeddings"})
    pooling: str = field(default="last", metadata={"help": "sub-words that stand for a word: first, last, mean"})
    site: str = field(default="block", metadata={"help": "block: residual stream; normed: last layer after final norm"})
    dtype: str = field(default="float32", metadata={"help": "storage: float32, float16, bfloat16"})
    compute: str = field(default="float32", metadata={"help": "precision of the model: float32, bfloat16, float16"})
    device: str = field(default="auto", metadata={"help": "cpu, cuda, cuda:1, mps; auto takes an accelerator if any"})
    long_sentences: str = field(default="split", metadata={"help": "longer than the model's limit: split or cut"})
    max_length: int | None = field(default=None, metadata={"help": "longest window in tokens"})
    pairs: str = field(default="joint", metadata={"help": "texts of a pair: joint (one sequence) or separate (two)"})
    sentence_vectors: tuple[str, ...] = field(default=SENTENCE_VECTORS, metadata={"help": "cls, mean, last"})
    present_only: bool = field(default=False, metadata={"help": "leave out layers that the model does not have"})
    packed: bool = field(default=True, metadata={"help": "pack sentences where the architecture allows it"})
    batch_tokens: int = field(default=BATCH_TOKENS, metadata={"help": "tokens per forward pass"})


def extract_options(also: Sequence[str] = (), **given: Any) -> ExtractOptions:
    """The options that a caller named.

    Parameters
    ----------
    also : further arguments of the caller, for which an unknown name may be meant.

    Raises
    ------
    OptionError : there is no option of that name.
    """
    known = [f.name for f in fields(ExtractOptions) if f.name != "present_only"]
    if unknown := sorted(set(given) - set(known)):
        raise OptionError(
            f"there is no option {', '.join(unknown)}; activations are read with {', '.join(known)}"
            f"{suggestion(unknown[0], [*known, *also])}"
        )
    return ExtractOptions(**given)


def extract(
    model: Any,
    corpus: Corpus,
    out: Path | str,
    layers: Layers = "all",
    pooling: str = "last",
    *,
    tokenizer: Any = None,
    allow_pickle: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> ActivationStore:
    """Run a model over a corpus and store one vector per word and layer, and three per sentence.

    Killed and called again with the same arguments it goes on, and leaves the same bytes as an undisturbed run.

    Parameters
    ----------
    model : anything `isogloss.models.resolve` takes: a directory, a hub id, an adapter, a module.
    corpus : sentences and words.
    out : directory of the store.
    layers : `"all"`, `"last"`, `"0,3,6"`, `"0-6"` or numbers; 0 = embeddings.
    pooling : sub-words that stand for a word: `first`, `last` or `mean`.
    tokenizer, allow_pickle : see `resolve`.
    progress : told how far it is; if None, bars where standard error is a terminal, else nothing is shown.
    **options : further fields of `ExtractOptions`.

    Raises
    ------
    ModelError : the model cannot be loaded.
    OptionError : an option has no such value.
    StoreError : `out` holds something else (it says which settings differ), or cannot be written.
    """
    chosen = extract_options(layers=layers, pooling=pooling, **options)
    reference = resolve(model, tokenizer=tokenizer, allow_pickle=allow_pickle)
    loaded = load(reference, device=choose_device(chosen.device), dtype=chosen.compute)
    return extract_loaded(loaded, reference, corpus, Path(out), chosen, on_terminal() if progress is None else progress)


def extract_loaded(
    loaded: LoadedModel,
    reference: ModelReference,
    corpus: Corpus,
    out: Path,
    options: ExtractOptions,
    progress: Progress = SILENT,
) -> ActivationStore:
    """`extract` with a model in memory; `reference` says which model it plays (an adapter's base, for one)."""
    stored, _ = storage(options.dtype)
    reader = LayerReader(
        loaded.module,
        loaded.tokenizer,
        pooling=options.pooling,  # type: ignore[arg-type]
        site=options.site,  # type: ignore[arg-type]
        sentence_vectors=options.sentence_vectors,
        packed=options.packed,
        batch_tokens=options.batch_tokens,
    )
    reader.layers = choose_layers(options.layers, reader.blocks.n_layers, present_only=options.present_only)
    if options.pairs == "separate" and not corpus.is_pairs:
        raise OptionError(
            f"the texts of pairs cannot be run by themselves: {corpus.name} has no second texts",
            "{text_b} names their column",
            text_b=None,
        )
    limit = token_limit(loaded.module, loaded.tokenizer, options.max_length)
    splitter = SentenceTokenizer(loaded.tokenizer, limit, options.long_sentences, options.pairs)  # type: ignore[arg-type]
    settings = Settings(
        model=reference.spec,
        weights_sha256=reference.weights_sha256,
        tokenizer_sha256=reference.tokenizer_sha256,
        corpus=corpus.name,
        corpus_sha256=corpus.sha256,
        layers=reader.layers,
        pooling=options.pooling,
        site=options.site,
        long_sentences=options.long_sentences,
        max_length=limit,
        sentence_vectors=tuple(options.sentence_vectors),
        compute=options.compute,
        dtype=options.dtype,
        packed=reader.plan is not None,
        linear=reader.linear,
        batch_tokens=options.batch_tokens,
        pairs=options.pairs,
    )
    if (finished := finished_store_settings(out)) is not None:
        if differences := settings.differences(finished):
            raise StoreError(
                f"{out} holds activations with other settings ({'; '.join(differences)}); "
                "choose another directory or delete it"
            )
        (out / JOURNAL).unlink(missing_ok=True)
        store = ActivationStore(out)
        store.verify()
        return store
    sequences = tokenise(splitter, corpus, progress)
    chunks = plan_chunks(sequences, len(corpus.sentences), len(reader.layers) * reader.blocks.hidden * stored.itemsize)
    writer = StoreWriter(out, settings, chunks, reader.blocks.hidden)
    progress.note(f"{size_in_words(writer.bytes_needed)} of vectors of {reference.spec} go to {out}")
    with writer:
        _run(reader, sequences, chunks, writer, options.dtype, progress, reference.spec)
        covered = corpus.words[sequences.word_row]
        covered = covered.with_columns(
            pl.Series("n_subwords", sequences.word_last - sequences.word_first + 1, dtype=pl.UInt16)
        )
        windows = np.bincount(sequences.window_sentence, minlength=len(corpus.sentences))
        sentences = corpus.sentences.with_columns(pl.Series("n_windows", windows, dtype=pl.UInt32))
        facts = {
            "n_layers": reader.blocks.n_layers,
            "n_words": len(covered),
            "n_sentences": len(sentences),
            "n_tokens": len(sequences.ids),
            "uncovered_words": len(corpus.words) - len(covered),
            "split_sentences": sequences.split_sentences,
            "cut_words": sequences.cut_words,
            "token_labels": list(corpus.token_labels),
            "sentence_labels": list(corpus.sentence_labels),
            "blocks": [reader.blocks.names[0], reader.blocks.names[-1], reader.blocks.found_by],
        }
        writer.finish(covered, sentences, facts)
    return ActivationStore(out)


def tokenise(splitter: SentenceTokenizer, corpus: Corpus, progress: Progress = SILENT) -> TokenSequences:
    """All sentences of a corpus as token sequences, with the tokens of every word."""
    n = len(corpus.sentences)
    texts = corpus.sentences["text"]
    others = corpus.sentences["text_b"] if corpus.is_pairs else None
    columns = {name: corpus.words[name].to_numpy() for name in ("sentence", "part", "start", "end")}
    bounds = np.searchsorted(columns["sentence"], np.arange(0, n + TOKENISED_AT_ONCE, TOKENISED_AT_ONCE))

    def parts() -> Iterator[tuple[TokenSequences, int, int]]:
        with progress.task("tokenising", n, "sentences") as advance:
            for block, start in enumerate(range(0, n, TOKENISED_AT_ONCE)):
                rows = slice(bounds[block], bounds[block + 1])
                words = Words(
                    columns["sentence"][rows].astype(np.int64) - start,
                    columns["part"][rows],
                    columns["start"][rows],
                    columns["end"][rows],
                )
                some = texts[start : start + TOKENISED_AT_ONCE].to_list()
                other = None if others is None else others[start : start + TOKENISED_AT_ONCE].to_list()
                yield splitter.encode(some, other, words), len(some), len(words)
                advance(len(some))

    return concatenate(parts())


def plan_chunks(
    sequences: TokenSequences, n_sentences: int, bytes_per_word: int, budget: int = CHUNK_BYTES
) -> list[Chunk]:
    """Cut the corpus into ranges of whole sentences whose vectors take about `budget` bytes."""
    sentence_of_word = sequences.window_sentence[
        np.searchsorted(sequences.window_start, sequences.word_first, side="right") - 1
    ]
    words_until = np.searchsorted(sentence_of_word, np.arange(n_sentences + 1))
    # A sentence costs about three vectors of its own besides those of its words.
    cost = (words_until + 3 * np.arange(n_sentences + 1)) * bytes_per_word
    chunks: list[Chunk] = []
    start = 0
    while start < n_sentences:
        stop = int(np.searchsorted(cost, cost[start] + budget, side="right")) - 1
        stop = min(max(stop, start + 1), n_sentences)
        chunks.append(Chunk(len(chunks), (start, stop), (int(words_until[start]), int(words_until[stop]))))
        start = stop
    return chunks


def _run(
    reader: LayerReader,
    sequences: TokenSequences,
    chunks: list[Chunk],
    writer: StoreWriter,
    dtype: str,
    progress: Progress,
    name: str,
) -> None:
    buffers = ChunkBuffers(reader.layers, reader.sentence_vectors, reader.blocks.hidden, dtype, chunks)
    on_sentences = buffers.on_sentences if reader.sentence_vectors else None
    with reader.prepared(), progress.task(f"reading {name}", len(sequences.ids), "tokens") as advance:
        for chunk in chunks:
            part = sequences.sentences(*chunk.sentences)
            if chunk.number in writer.done:
                advance(len(part.ids))
                continue
            buffers.begin(part, chunk)
            for tokens in reader.read(part, buffers.on_words, on_sentences):
                advance(tokens)
            writer.write(chunk, buffers.arrays())
            give_back_memory()
