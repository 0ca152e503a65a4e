"""Options that several commands take, written once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isogloss.errors import CorpusError, IsoglossError, OptionError

if TYPE_CHECKING:
    from isogloss.corpus import Corpus

Data = Annotated[
    str,
    typer.Option(
        "--data",
        metavar="FILE",
        help=".csv .tsv .jsonl .parquet .conllu .conllulex .conll, others with --format, or hf:NAME[:config][:split].",
    ),
]
Text = Annotated[str, typer.Option("--text", metavar="COLUMN", help="Column with the text.")]
TextB = Annotated[str | None, typer.Option("--text-b", metavar="COLUMN", help="Second text, for pairs.")]
Label = Annotated[
    list[str] | None,
    typer.Option("--label", metavar="COLUMN", help="Column with a sentence label; repeatable."),
]
Format = Annotated[str | None, typer.Option("--format", help="Format of the file, where its name does not say.")]
Encoding = Annotated[str, typer.Option("--encoding", help="Text encoding of the file.")]
Delimiter = Annotated[
    str | None,
    typer.Option(
        "--delimiter", metavar="CHARACTER", help="Between fields, e.g. ';' or tab; comma in .csv if not given."
    ),
]
Quoting = Annotated[
    bool | None,
    typer.Option("--quoting/--no-quoting", help="Whether quotes enclose fields; yes in .csv, no in .tsv if not given."),
]
Columns = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="A,B,...",
        help="Names of the columns of a file without a header; _ skips one, in a table a last * the rest.",
    ),
]
CheckLabels = Annotated[
    bool,
    typer.Option("--check-labels/--no-check-labels", help="Refuse labels with one class or more than 1,000."),
]
SplitColumn = Annotated[
    str | None,
    typer.Option(
        "--split-column",
        metavar="COLUMN",
        help="Column that names each sentence's split (train, dev or validation, test); else the column `split`.",
    ),
]
Split = Annotated[str | None, typer.Option("--split", metavar="NAME", help="Only sentences of this split, e.g. test.")]
Annotate = Annotated[
    str | None,
    typer.Option(
        "--annotate",
        help="Built-in word labels, with commas: casing, prefix, suffix, ngrams, position, frequency, word_class, "
        "tense (of CoNLL-U or Penn tags).",
    ),
]
Lexicons = Annotated[
    list[Path] | None,
    typer.Option("--lexicon", metavar="FILE", help="Word label from a file of categories (Empath, LIWC, JSON)."),
]
LexiconFormat = Annotated[
    str | None, typer.Option("--lexicon-format", help="empath, liwc or json, where the file's name does not say.")
]
LexiconEncoding = Annotated[str, typer.Option("--lexicon-encoding", help="Text encoding of the lexicons.")]
WordNet = Annotated[
    Path | None,
    typer.Option("--wordnet", metavar="DIRECTORY", help="Word label supersense from a WordNet 3.0 dictionary."),
]
WordLabels = Annotated[
    list[Path] | None,
    typer.Option(
        "--word-labels", metavar="FILE", help="Word labels from a .tsv: sent_id, token_ids, a column per label."
    ),
]
SentenceTasks = Annotated[
    str | None,
    typer.Option(
        "--sentence-task",
        metavar="NAME,...",
        help="Sentence labels for probing, with commas: tense, subject_number, object_number, tree_depth (of CoNLL-U); "
        "length, word_content; bigram_shift (which swaps two words in half of the sentences). LABEL=NAME renames.",
    ),
]
Balanced = Annotated[
    bool, typer.Option("--balanced", help="Sentence tasks with equally many sentences of each class, drawn at random.")
]
MinCount = Annotated[int, typer.Option("--min-count", min=0, help="Only words that occur so often.")]
MaxCount = Annotated[
    int | None, typer.Option("--max-count", min=1, help="So many random occurrences of each word at the most.")
]
DropAbove = Annotated[int | None, typer.Option("--drop-above", min=1, help="No words that occur more often.")]
Head = Annotated[int | None, typer.Option("--head", metavar="N", min=1, help="Only the first N sentences.")]
Sample = Annotated[int | None, typer.Option("--sample", metavar="N", min=1, help="Only N random sentences.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of everything random.")]
Layers = Annotated[str, typer.Option("--layers", help="all, last, 0,3,6 or 0-6; 0 = embeddings.")]
Pooling = Annotated[str, typer.Option("--pooling", help="Sub-words that stand for a word: first, last, mean.")]
Site = Annotated[str, typer.Option("--site", help="block: residual stream; normed: last layer after the final norm.")]
Storage = Annotated[str, typer.Option("--dtype", help="Storage of vectors: float32, float16, bfloat16.")]
Compute = Annotated[str, typer.Option("--compute", help="Precision of the models: float32, bfloat16, float16.")]
Device = Annotated[str, typer.Option("--device", help="cpu, cuda, cuda:1, mps, or auto.")]
DeviceMap = Annotated[
    str | None,
    typer.Option(
        "--device-map",
        metavar="MAP",
        help="For a model larger than one device: auto spreads it over accelerators, memory and disk.",
    ),
]
Long = Annotated[str, typer.Option("--long", help="Sentences longer than the model's limit: split or cut.")]
MaxLength = Annotated[int | None, typer.Option("--max-length", help="Longest window in tokens.")]
Pairs = Annotated[
    str, typer.Option("--pairs", help="Texts of a pair: joint (one sequence), separate (two, as a bi-encoder reads).")
]
Pickle = Annotated[bool, typer.Option("--allow-pickle", help="Accept pickle weights (read with weights_only).")]
Engine = Annotated[
    str,
    typer.Option(
        "--engine",
        help="Where the work is done: inline, processes (of this machine), ray (the cluster this is run in, that "
        "RAY_ADDRESS names, or one of this machine), ray://HOST:PORT. The tables are the same.",
    ),
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="How many at a time; as many as there is room for.")
]
CpusPerWorker = Annotated[float | None, typer.Option("--cpus-per-worker", help="Cores of each worker.")]
GpusPerWorker = Annotated[
    float | None, typer.Option("--gpus-per-worker", help="GPUs of each worker of a Ray cluster; .5: two share one.")
]
Memory = Annotated[
    str | None,
    typer.Option(
        "--memory",
        help="What may be taken in all, e.g. 8GiB. What it leaves no room for stands in files of the run directory "
        "while it is needed; the tables are the same.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]


# What a shell makes hard to type.
_CHARACTERS = {"tab": "\t", "\\t": "\t"}


def read_corpus(
    data: str,
    *,
    text: str = "text",
    text_b: str | None = None,
    label: list[str] | None = None,
    format: str | None = None,  # noqa: A002 - the option's name
    encoding: str = "utf-8",
    delimiter: str | None = None,
    quoting: bool | None = None,
    columns: str | None = None,
    check_labels: bool = True,
    split_column: str | None = None,
    split: str | None = None,
    head: int | None = None,
    sample: int | None = None,
    seed: int = 0,
    sentence_task: str | None = None,
    balanced: bool = False,
) -> Corpus:
    """The corpus that the options describe, with the labels of sentence tasks."""
    from isogloss.corpus import Corpus

    tasks = _sentence_tasks(sentence_task)
    if balanced and not tasks:
        raise OptionError("--balanced has no effect without --sentence-task")
    # Where labels are chosen, those that tasks are made from are read too, and go when the tasks are done.
    more = [name for name in _needed(tasks) if label and name not in label]
    labels: Any = label[0] if label and len(label) == 1 and not more else [*label, *more] if label else label
    corpus = Corpus.read(
        data,
        text=text,
        text_b=text_b,
        label=labels,
        split=split_column,
        format=format,
        encoding=encoding,
        delimiter=_CHARACTERS.get(delimiter or "", delimiter),
        quoting=quoting,
        columns=None if columns is None else [name.strip() for name in columns.split(",")],
        check_labels=check_labels,
    )
    if split is not None:
        corpus = corpus.split(split)
    if head is not None:
        corpus = corpus.head(head)
    if sample is not None:
        corpus = corpus.sample(sample, seed=seed)
    if tasks:
        corpus = corpus.sentence_task(balanced=balanced, seed=seed, **tasks)
    return replace(corpus, words=corpus.words.drop(more)) if more else corpus


def _sentence_tasks(given: str | None) -> dict[str, str]:
    """`tense,depth=tree_depth` as names of tasks by what their labels are called.

    Raises
    ------
    OptionError : two labels would have one name.
    """
    tasks: dict[str, str] = {}
    for entry in (entry.strip() for entry in (given or "").split(",")):
        label, equals, name = entry.partition("=")
        label, name = label.strip(), (name if equals else label).strip()
        if label in tasks:
            raise OptionError(f"--sentence-task names {label!r} twice")
        if label or name:
            tasks[label or name] = name
    return tasks


def _needed(tasks: dict[str, str]) -> list[str]:
    """The word labels that these tasks are made from."""
    from isogloss.corpus import SENTENCE_TASKS

    needs = [need for name in tasks.values() if name in SENTENCE_TASKS for need in SENTENCE_TASKS[name]().needs]
    return list(dict.fromkeys(needs))


def labelled_and_filtered(
    corpus: Corpus,
    annotate: str | None,
    lexicons: list[Path] | None,
    lexicon_format: str | None,
    lexicon_encoding: str,
    wordnet: Path | None,
    word_labels: list[Path] | None,
    min_count: int,
    max_count: int | None,
    drop_above: int | None,
    seed: int,
) -> Corpus:
    """The corpus with the word labels and the occurrences that were asked for."""
    from isogloss.corpus import read_lexicon, read_word_labels, read_wordnet_supersenses

    if annotate:
        corpus = corpus.annotate(*(name.strip() for name in annotate.split(",") if name.strip()))
    for path in lexicons or []:
        try:
            corpus = corpus.annotate(read_lexicon(path, format=lexicon_format, encoding=lexicon_encoding))
        except IsoglossError as error:
            raise error.renamed({"format": "lexicon_format", "encoding": "lexicon_encoding"}) from None
    if wordnet is not None:
        if not wordnet.is_dir():
            raise CorpusError(f"--wordnet: there is no directory {wordnet}; one with data.noun and others is expected")
        corpus = corpus.annotate(read_wordnet_supersenses(wordnet))
    for path in word_labels or []:
        corpus = corpus.with_token_labels(read_word_labels(path, corpus))
    if min_count or max_count is not None or drop_above is not None:
        corpus = corpus.occurrences(min=min_count, max=max_count, drop_above=drop_above, seed=seed)
    return corpus


def shown(path: Path) -> str:
    """A path as a user would type it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
