"""What is fuzzed: for each kind of input how cases are made, and how the package reads them.

A case that is read must keep the promises of what was made of it; see `kept_promises`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import isogloss
from campaigns import runs, seeds, tables
from campaigns.mutations import ENCODINGS, NASTY_BYTES, encoded, spoiled
from isogloss.corpus import Corpus, read_lexicon, read_word_labels, read_wordnet_supersenses
from isogloss.corpus.annotators import FrequencyBand

_TEXTS = tuple(encoded(value) for name, value in sorted(vars(seeds).items()) if name.isupper())


@dataclass(frozen=True)
class Case:
    """One input.

    Attributes
    ----------
    target : the name of what reads it.
    files : content by path.
    options : of the reader.
    """

    target: str
    files: Mapping[str, bytes]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    """A kind of input.

    Attributes
    ----------
    name : what the counts call it.
    make : a random case.
    read : from the directory of its files.
    share : how often, relative to others.
    """

    name: str
    make: Callable[[Random], Case]
    read: Callable[[Path, Mapping[str, Any]], None]
    share: int = 1


def kept_promises(corpus: Corpus, *, spelled: bool = True) -> None:
    """Words stand in order and where they are said to stand, and the corpus has a fingerprint.

    Raises
    ------
    AssertionError : they do not.
    """
    words, sentences = corpus.words, corpus.sentences
    assert sentences.height > 0
    assert words.height > 0
    assert words["sentence"].is_sorted()
    assert words["sentence"].max() < sentences.height
    assert words.select("sentence", "part", "position").is_duplicated().sum() == 0
    texts = [sentences[name].to_list() for name in ("text", "text_b") if name in sentences.columns]
    for sentence, part, word, start, end in words.select("sentence", "part", "word", "start", "end").head(500).rows():
        text = texts[part][sentence]
        assert 0 <= start < end <= len(text)
        assert not spelled or text[start:end] == word
    assert len(corpus.sha256) == 64
    assert len(repr(corpus)) < 100_000
    for name in corpus.sentence_labels:
        corpus.label_counts(name)


def _read_corpus(folder: Path, options: Mapping[str, Any]) -> None:
    given = dict(options)
    spelled = given.pop("spelled", True)
    tasks = given.pop("tasks", ())
    paths = sorted(folder.iterdir())
    source = paths[0] if len(paths) == 1 else {path.stem: path for path in paths}
    corpus = Corpus.read(source, **given)
    kept_promises(corpus, spelled=spelled)
    for task in tasks:
        corpus.sentence_task(task)


def _text(name: str, seed: str, ending: str, *choices: dict[str, Any], files: int = 1, share: int = 2) -> Target:
    def make(rng: Random) -> Case:
        options = {**rng.choice(choices or ({},))}
        if rng.random() < 0.1:
            options["encoding"] = rng.choice((*ENCODINGS, "ascii", "no-such", "hex", "idna", "punycode", "undefined"))
        content = {
            f"part-{i}{ending}" if files > 1 else f"case{ending}": spoiled(encoded(seed), _TEXTS, rng)
            for i in range(files)
        }
        return Case(name, content, options)

    return Target(name, make, _read_corpus, share)


_TABLE = (
    {},
    {"label": "label"},
    {"label": ["label", "score"], "split": "split", "id": "id"},
    {"label": "label", "check_labels": False},
    {"text_b": "text_b", "label": "label"},
    {"label": "label", "quoting": True},
    {"label": "label", "quoting": False},
    {"delimiter": ";", "label": "label"},
    {"delimiter": "ab"},
    {"delimiter": "\n"},
    {"delimiter": '"'},
    {"delimiter": "\0"},
    {"columns": ["id", "split", "text", "text_b", "label", "score"], "label": "label"},
    {"columns": ["id", "split", "text", "*"]},
    {"columns": ["text", "text"]},
    {"columns": ["_", "_", "text", "*"]},
    {"columns": []},
    {"label": "text"},
    {"label": "id", "text": "id"},
    {"label": ["label", "label"]},
)
_JSON = ({}, {"label": ["label"]}, {"label": ["label", "score"], "id": "id"}, {"text_b": "text_b"}, {"label": "split"})
_LISTS = ({}, {"label": ["tags"]}, {"label": ["tags", "label"]}, {"text": "tags", "label": "text"})
_TREES = (
    {"spelled": False},
    {"spelled": False, "label": ["upos", "sent_id"], "check_labels": False},
    {"spelled": False, "label": "Number"},
    {"spelled": False, "tasks": ["tree_depth", "tense", "subject_number", "object_number"]},
)
_COLUMNS = (
    {},
    {"label": "ner"},
    {"columns": ["word", "pos", "_", "ner"]},
    {"columns": ["pos", "chunk"]},
    {"columns": ["word", "word", "a", "b"]},
    {"columns": ["word", "sentence", "a", "b"]},
)


def _parquet(rng: Random) -> Case:
    kind = rng.random()
    content = tables.parquet(rng) if kind < 0.5 else tables.damaged(rng) if kind < 0.98 else rng.choice(tables.bombs())
    options = dict(rng.choice((*_JSON, *_LISTS, {"text": "text", "label": ["more", "score", "label"]})))
    return Case("parquet", {"case.parquet": content}, options)


def _lexicon(folder: Path, options: Mapping[str, Any]) -> None:
    read = read_lexicon(next(folder.iterdir()), **options)
    for word in ("dog", "", "horses", "\u0130"):
        read.categories_of(word)


def _lexicons(name: str, seed: str, ending: str) -> Target:
    def make(rng: Random) -> Case:
        return Case(name, {f"case{ending}": spoiled(encoded(seed), _TEXTS, rng)})

    return Target(name, make, _lexicon)


def _word_labels(folder: Path, options: Mapping[str, Any]) -> None:
    corpus = runs.small_corpus()
    corpus.with_token_labels(read_word_labels(next(folder.iterdir()), corpus, **options))


def _frequencies(folder: Path, options: Mapping[str, Any]) -> None:
    runs.small_corpus().annotate(
        FrequencyBand(path=str(next(folder.iterdir())), word="Word", column="Lg10WF", **options)
    )


def _wordnet(folder: Path, options: Mapping[str, Any]) -> None:
    runs.small_corpus().annotate(read_wordnet_supersenses(folder))


def _one_spoiled(name: str, files: Callable[[], runs.Files], read: Callable[..., None], share: int = 2) -> Target:
    """A directory of which one file is changed: sealed JSON falsified or damaged, anything else damaged or lost."""

    def make(rng: Random) -> Case:
        content = dict(files())
        described = [path for path in content if path.endswith((".json", ".jsonl"))]
        chosen = rng.choice(described if rng.random() < 0.7 else [*content])
        kind = rng.random()
        if chosen in described and kind < 0.75:
            content[chosen] = runs.falsified(content[chosen], rng)
        elif kind < 0.9:
            content[chosen] = spoiled(content[chosen], _TEXTS, rng)
        elif kind < 0.95:
            del content[chosen]
        else:
            content[chosen] = rng.choice(NASTY_BYTES)
        return Case(name, content)

    return Target(name, make, read, share)


def _load_corpus(folder: Path, options: Mapping[str, Any]) -> None:
    kept_promises(Corpus.read(folder))


def _load_store(folder: Path, options: Mapping[str, Any]) -> None:
    store = isogloss.ActivationStore(folder)
    store.verify()
    assert store.words.height > 0
    assert store.sentences.height > 0
    for layer in store.layers:
        assert store.layer(layer).shape[1] == store.hidden
        for block in store.vectors(layer).blocks():
            assert block.shape[1] == store.hidden


def _resume_store(folder: Path, options: Mapping[str, Any]) -> None:
    with runs.writer(folder) as opened:
        assert opened.done <= {0, 1}


def _load_run(folder: Path, options: Mapping[str, Any]) -> None:
    study = isogloss.load(folder)
    assert all(table.width for table in study.tables.values())
    assert study.findings is not None
    assert isinstance(study.notes, list)
    assert repr(study)
    study.as_report_input()
    study.report(folder / "again.html")


TARGETS = (
    _text("csv", seeds.CSV, ".csv", *_TABLE, share=4),
    _text("tsv", seeds.TSV, ".tsv", *_TABLE, share=3),
    _text("csv by split", seeds.CSV, ".csv", {}, {"label": "label"}, files=2, share=1),
    _text("jsonl", seeds.JSONL, ".jsonl", *_JSON, share=3),
    _text("jsonl of words", seeds.WORDS_JSONL, ".jsonl", *_LISTS),
    _text("json", seeds.JSON, ".json", *_JSON),
    Target("parquet", _parquet, _read_corpus, 3),
    _text("conllu", seeds.CONLLU, ".conllu", *_TREES, share=4),
    _text("conllulex", seeds.CONLLULEX, ".conllulex", *_TREES),
    _text("columns", seeds.COLUMNS, ".iob", *_COLUMNS),
    _text("conll2000", seeds.COLUMNS, ".txt", *({**one, "format": "conll2000"} for one in _COLUMNS), share=1),
    _text("conll", seeds.CONLLU, ".conll", {"spelled": False}, share=1),
    _text("pmb", seeds.PMB, ".dat", {"format": "pmb"}, {"format": "pmb", "label": "semtag"}),
    _text("trec", seeds.TREC, ".label", {}, {"label": "coarse"}),
    _lexicons("lexicon empath", seeds.EMPATH, ".tsv"),
    _lexicons("lexicon liwc", seeds.LIWC, ".dic"),
    _lexicons("lexicon json", seeds.LEXICON, ".json"),
    Target("word labels", lambda rng: Case("word labels", _single("case.tsv", seeds.WORD_LABELS, rng)), _word_labels),
    Target("frequencies", lambda rng: Case("frequencies", _frequency_file(rng)), _frequencies),
    Target("wordnet", lambda rng: Case("wordnet", _wordnet_files(rng)), _wordnet),
    _one_spoiled("saved corpus", runs.saved_corpus, _load_corpus),
    _one_spoiled("store", runs.store, _load_store, share=3),
    _one_spoiled("unfinished store", runs.unfinished_store, _resume_store),
    _one_spoiled("run", runs.run, _load_run, share=4),
)


def _single(name: str, seed: str, rng: Random) -> dict[str, bytes]:
    return {name: spoiled(encoded(seed), _TEXTS, rng)}


def _frequency_file(rng: Random) -> dict[str, bytes]:
    if rng.random() < 0.5:
        return _single("case.csv", seeds.FREQUENCIES_CSV, rng)
    return _single("case.tsv", seeds.FREQUENCIES, rng)


def _wordnet_files(rng: Random) -> dict[str, bytes]:
    files = {"data.noun": encoded(seeds.WORDNET), "noun.exc": encoded(seeds.EXCEPTIONS)}
    chosen = rng.choice(list(files))
    return files | _single(chosen, files[chosen].decode(), rng)


_BY_NAME = {target.name: target for target in TARGETS}
_DRAWN = [target for target in TARGETS for _ in range(target.share)]


def case_of(seed: int, number: int) -> Case:
    """Input `number` of a campaign; the same whatever was run before it."""
    rng = Random(f"{seed}:{number}")
    return rng.choice(_DRAWN).make(rng)


def read_case(case: Case, folder: Path) -> None:
    """Write the files of a case into an empty directory and read them."""
    for name, content in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    _BY_NAME[case.target].read(folder, case.options)


def to_json(case: Case) -> str:
    """A case as text that `from_json` reads: bytes as latin-1."""
    files = {name: content.decode("latin-1") for name, content in case.files.items()}
    return json.dumps({"target": case.target, "files": files, "options": case.options}, indent=1)


def from_json(text: str) -> Case:
    """What `to_json` wrote."""
    values = json.loads(text)
    files = {name: content.encode("latin-1") for name, content in values["files"].items()}
    return Case(values["target"], files, values["options"])
