"""Runs a model over a corpus and leaves its vectors in an activation store."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from isogloss.activations.jobs import Describe, ReadChunk, ReaderFacts, Source
from isogloss.activations.layers import Layers
from isogloss.activations.layout import JOURNAL, Settings, storage
from isogloss.activations.rows import Chunk
from isogloss.activations.store import ActivationStore
from isogloss.activations.writer import StoreWriter, finished_store
from isogloss.bars import on_terminal
from isogloss.corpus import Corpus
from isogloss.corpus.labels import suggestion
from isogloss.engines import Engine, Inline, Workers
from isogloss.errors import OptionError, StoreError
from isogloss.memory import size_in_words
from isogloss.models.loading import LoadedModel, tokenizer_of
from isogloss.models.reading import BATCH_TOKENS, SENTENCE_VECTORS
from isogloss.models.reference import ModelReference, resolve
from isogloss.models.tokenization import SentenceTokenizer, TokenSequences, Words, concatenate
from isogloss.progress import SILENT, Progress

PLACES = ("device", "device_map", "present_only")
"""Options that do not decide the bytes of a store."""
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
    device_map: str | None = field(default=None, metadata={"help": "auto spreads a model over devices and disk"})
    long_sentences: str = field(default="split", metadata={"help": "longer than the model's limit: split or cut"})
    max_length: int | None = field(default=None, metadata={"help": "longest window in tokens"})
    pairs: str = field(default="joint", metadata={"help": "texts of a pair: joint (one sequence) or separate (two)"})
    sentence_vectors: tuple[str, ...] = field(default=SENTENCE_VECTORS, metadata={"help": "cls, mean, last"})
    """All three leave out `cls` of a decoder, whose first token sees nothing of the sentence."""
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
    engine: str = "inline",
    workers: int | None = None,
    cpus_per_worker: float | None = None,
    gpus_per_worker: float | None = None,
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
    engine, workers, cpus_per_worker, gpus_per_worker : who does it, see `isogloss.engines.Workers`; the bytes are the
        same.
    **options : further fields of `ExtractOptions`.

    Raises
    ------
    ModelError : the model cannot be loaded.
    OptionError : an option has no such value.
    StoreError : `out` holds something else (it says which settings differ), or cannot be written.
    """
    chosen = extract_options(layers=layers, pooling=pooling, **options)
    reference = resolve(model, tokenizer=tokenizer, allow_pickle=allow_pickle)
    told = on_terminal() if progress is None else progress
    with Workers(engine, workers, cpus_per_worker, gpus_per_worker).opened(told) as opened:
        return extract_on(opened, reference, corpus, Path(out), chosen, told)


def extract_loaded(
    loaded: LoadedModel,
    reference: ModelReference,
    corpus: Corpus,
    out: Path,
    options: ExtractOptions,
    progress: Progress = SILENT,
) -> ActivationStore:
    """`extract` with a model in memory."""
    with Inline(progress) as engine:
        engine.bench.keep("model", _source(reference, options).key, lambda: loaded)
        return extract_on(engine, reference, corpus, out, options, progress)


def extract_on(
    engine: Engine,
    reference: ModelReference,
    corpus: Corpus,
    out: Path,
    options: ExtractOptions,
    progress: Progress = SILENT,
    carrier: ModelReference | None = None,
) -> ActivationStore:
    """`extract` by the workers of an engine; what is stored does not depend on which or how many.

    Parameters
    ----------
    carrier : an adapter on this model: it is loaded in its place, and switched off.
    """
    storage(options.dtype)
    if options.pairs == "separate" and not corpus.is_pairs:
        raise OptionError(
            f"the texts of pairs cannot be run by themselves: {corpus.name} has no second texts",
            "{text_b} names their column",
            text_b=None,
        )
    asked = _asked(reference, corpus, options)
    if (there := finished_store(out)) is not None and there.manifest.get("asked") == asked:
        (out / JOURNAL).unlink(missing_ok=True)
        there.verify()
        return there
    if engine.remote:
        refuse_in_memory([model for model in (reference, carrier) if model is not None])
    source = _source(carrier or reference, options, bare=carrier is not None)
    facts: ReaderFacts = next(engine.run([Describe(source)]))[1]
    settings = Settings(
        model=reference.spec,
        weights_sha256=reference.weights_sha256,
        tokenizer_sha256=reference.tokenizer_sha256,
        corpus=corpus.name,
        corpus_sha256=corpus.sha256,
        layers=facts.layers,
        pooling=options.pooling,
        site=options.site,
        long_sentences=options.long_sentences,
        max_length=facts.max_length,
        sentence_vectors=facts.sentence_vectors,
        compute=options.compute,
        dtype=options.dtype,
        packed=facts.packed,
        linear=facts.linear,
        batch_tokens=options.batch_tokens,
        pairs=options.pairs,
    )
    if there is not None:
        if differences := settings.differences(there.settings):
            raise StoreError(
                f"{out} holds activations with other settings ({'; '.join(differences)}); "
                "choose another directory or delete it"
            )
        (out / JOURNAL).unlink(missing_ok=True)
        there.verify()
        return there
    splitter = SentenceTokenizer(
        tokenizer_of(carrier or reference),
        facts.max_length,
        options.long_sentences,  # type: ignore[arg-type]
        options.pairs,  # type: ignore[arg-type]
    )
    sequences = tokenise(splitter, corpus, progress)
    bytes_per_word = len(facts.layers) * facts.hidden * storage(options.dtype)[0].itemsize
    chunks = plan_chunks(sequences, len(corpus.sentences), bytes_per_word)
    writer = StoreWriter(out, settings, chunks, facts.hidden)
    progress.note(f"{size_in_words(writer.bytes_needed)} of vectors of {reference.spec} go to {out}")
    with writer:
        _read(engine, source, facts, sequences, writer, progress, reference.spec)
        covered = corpus.words[sequences.word_row]
        covered = covered.with_columns(
            pl.Series("n_subwords", sequences.word_last - sequences.word_first + 1, dtype=pl.UInt16)
        )
        windows = np.bincount(sequences.window_sentence, minlength=len(corpus.sentences))
        sentences = corpus.sentences.with_columns(pl.Series("n_windows", windows, dtype=pl.UInt32))
        about = {
            "asked": asked,
            "n_layers": facts.n_layers,
            "n_words": len(covered),
            "n_sentences": len(sentences),
            "n_tokens": len(sequences.ids),
            "uncovered_words": len(corpus.words) - len(covered),
            "split_sentences": sequences.split_sentences,
            "cut_words": sequences.cut_words,
            "token_labels": list(corpus.token_labels),
            "sentence_labels": list(corpus.sentence_labels),
            "blocks": list(facts.blocks),
            "blind_cls": facts.blind_cls,
        }
        writer.finish(covered, sentences, about)
    return ActivationStore(out)


def refuse_in_memory(models: Iterable[ModelReference]) -> None:
    """Refuse models that cannot be sent to other processes.

    Raises
    ------
    OptionError : one is a module, not files.
    """
    if held := next((model for model in models if model.in_memory), None):
        raise OptionError(
            f"{held.spec} is a model in memory, which cannot be sent to other processes",
            "save it (`save_pretrained`, and its tokenizer's) and give the directory, or use {engine}",
            engine="inline",
        )


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


def _read(
    engine: Engine,
    source: Source,
    facts: ReaderFacts,
    sequences: TokenSequences,
    writer: StoreWriter,
    progress: Progress,
    name: str,
) -> None:
    """Have all chunks read that are not there yet."""
    sizes = [(c.rows[1] - c.rows[0], c.sentences[1] - c.sentences[0]) for c in writer.chunks]
    largest = max(words for words, _ in sizes), max(sentences for _, sentences in sizes)
    todo = [chunk for chunk in writer.chunks if chunk.number not in writer.done]
    jobs = (
        ReadChunk(source, facts, writer.files, largest, chunk, sequences.sentences(*chunk.sentences)) for chunk in todo
    )
    with progress.task(f"reading {name}", len(sequences.ids), "tokens") as advance:
        advance(sum(len(sequences.sentences(*c.sentences).ids) for c in writer.chunks if c.number in writer.done))
        for index, digests in engine.run(jobs, advance):
            writer.record(todo[index], digests)


def _source(reference: ModelReference, options: ExtractOptions, *, bare: bool = False) -> Source:
    return Source(
        reference=reference,
        bare=bare,
        layers=options.layers,
        present_only=options.present_only,
        pooling=options.pooling,
        site=options.site,
        sentence_vectors=tuple(options.sentence_vectors),
        packed=options.packed,
        batch_tokens=options.batch_tokens,
        compute=options.compute,
        device=options.device,
        device_map=options.device_map,
        max_length=options.max_length,
    )


def _asked(reference: ModelReference, corpus: Corpus, options: ExtractOptions) -> dict[str, Any]:
    """What a store was asked for, in the plain types of its manifest: known before the model is loaded."""
    decides = {name: value for name, value in asdict(options).items() if name not in PLACES}
    content = (reference.weights_sha256, reference.tokenizer_sha256, corpus.sha256)
    asked: dict[str, Any] = json.loads(json.dumps({**decides, "content": content}))
    return asked
