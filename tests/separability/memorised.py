"""Planted models: one that knows the labels of its training sentences by heart, one that knows all sentences alike."""

import numpy as np
import polars as pl

from isogloss.analysis import ArrayVectors
from isogloss.analysis.splits import ProbeRows
from isogloss.separability.memorisation import measure_memorisation

WIDTH, CLASSES = 8, ("a", "b", "c")
QUICK = {"layer": 3, "bootstrap": 200, "classifier": "linear", "fractions": (0.1, 1.0)}


def sentences_of(n_train, n_test, split=True):
    names = ["train"] * n_train + ["test"] * n_test
    frame = pl.DataFrame({"sentence": range(n_train + n_test), "text": [f"sentence {i}" for i in range(len(names))]})
    return frame.with_columns(split=pl.Series(names)) if split else frame


def rows_of(n_train=300, n_test=150, words=2, seed=0, classes=CLASSES):
    """Words in sentences, all of which have a class; the training sentences come first."""
    n = (n_train + n_test) * words
    codes = np.random.default_rng(seed).integers(0, len(classes), n)
    owner = np.repeat(np.arange(n_train + n_test), words)
    train, test = np.flatnonzero(owner < n_train), np.flatnonzero(owner >= n_train)
    return ProbeRows("tag", classes, codes, None, owner, train, np.arange(0), test, ())


def vectors_of(rows, noise, noise_of_train=None, seed=1):
    """The class as one direction, under noise; less of it in the training sentences of a model that memorised them."""
    random = np.random.default_rng(seed)
    levels = np.full(len(rows.codes), noise)
    levels[rows.train] = noise if noise_of_train is None else noise_of_train
    X = random.normal(size=(len(levels), WIDTH)) * levels[:, None]
    X[np.arange(len(levels)), rows.codes] += 2.0
    return ArrayVectors(X.astype(np.float32))


def measured(base, tuned, rows, **options):
    """Rows of the tidy table by measure and model, and the tables; quickly made."""
    found, tables = measure_memorisation(base, tuned, rows, **(QUICK | options))
    return {(row["measure"].removeprefix("memorised_"), row["model"]): row for row in found}, tables
