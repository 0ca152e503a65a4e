"""Has the model encoded its training set? The memorisation test of Zhou & Srikumar (ACL 2022, arXiv 2106.14282).

The model was tuned on all training sentences; a classifier of its vectors is trained on four fifths of them (subtrain)
and scored on the fifth (subtest) and on sentences that neither has seen (test). Both parts are new to the classifier,
so whatever the subtest has over the test comes from the model. Draws parts and trains classifiers by others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from isogloss.analysis import Tables, Vectors
from isogloss.analysis.kept import Kept, digest
from isogloss.analysis.splits import ProbeRows
from isogloss.analysis.tables import known
from isogloss.errors import OptionError
from isogloss.progress import SILENT, Progress
from isogloss.separability.memorisation_classifiers import CLASSIFIERS, Classifier, trained
from isogloss.separability.memorisation_parts import FRACTIONS, Parts, draw_parts
from isogloss.separability.memorisation_scores import Predictions, Scores, interval, scored

Row = dict[str, Any]
CURVES, PARTS = "separability_memorisation", "separability_memorisation_parts"
SUBTRAIN, SUBTEST, TEST = "subtrain", "subtest", "test"

CURVE_COLUMNS: dict[str, Any] = {
    "model": pl.String(),
    "layer": pl.Int32(),
    "label": pl.String(),
    "part": pl.String(),
    "n_train": pl.Int64(),
    "accuracy": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
    "seed": pl.Int32(),
}
"""One row per size of the subtrain and part; means over the splits, 95% intervals over sentences."""

PARTS_COLUMNS: dict[str, Any] = {
    "layer": pl.Int32(),
    "label": pl.String(),
    "classifier": pl.String(),
    "splits": pl.Int32(),
    "train_sentences": pl.Int64(),
    "subtest_sentences": pl.Int64(),
    "test_sentences": pl.Int64(),
    "undecided": pl.String(),
    "seed": pl.Int32(),
}
"""One row per label: what the test rests on, and why it could not be made, if so."""

_BLOCK = 8192


def measure_memorisation(
    base: Vectors | None,
    tuned: Vectors | None,
    rows: ProbeRows,
    sentences: pl.DataFrame | None = None,
    *,
    layer: int,
    seed: int = 0,
    tuned_index: int = 0,
    classifier: Classifier = "mlp",
    splits: int = 3,
    fractions: Sequence[float] = FRACTIONS,
    max_train: int | None = 5000,
    bootstrap: int = 1000,
    device: str = "cpu",
    kept: Kept[Predictions] | None = None,
    progress: Progress = SILENT,
) -> tuple[list[Row], Tables]:
    """Learning curves on subtrain, subtest and test, and the gaps between the last two, at one layer.

    Measures: `memorised_subtrain`, `memorised_subtest`, `memorised_test` (accuracies of classifiers trained on the
    whole subtrain; of the mlp the subtrain holds the tenth that decides when it stops), `memorised_gap` (subtest minus
    test), each per model, and `memorised_gap_change` (tuned minus base). All are over `splits` splits together. A base
    model has a gap too where the training part is easier than the test, which is why the change is what counts.

    Intervals are of the sentences: those of the training part and those of the test are resampled, each on their own,
    with the same draws for both models. How far a classifier depends on what it was trained on is not in them; since
    subtest and test are judged by the same classifiers, it has no part in a gap that is none.

    Parameters
    ----------
    base, tuned : (n, hidden) vectors of the rows; None where a model has no such layer.
    rows : of one label with classes; n rows. Its dev part is not used.
    sentences, splits, fractions, max_train : see `draw_parts`.
    layer, tuned_index : what the rows of the tables say.
    seed : of the draws and the classifiers.
    classifier : "mlp" or "linear", see `trained`.
    bootstrap : resamples; 0 gives no intervals.
    kept : predictions by digest of all they depend on, for a base model that comes again with another tuned one.

    Returns
    -------
    rows of the tidy table `separability` (subset = the label), and the tables `separability_memorisation` and
    `separability_memorisation_parts`. Where nothing can be decided: no rows, and the reason in the last table.

    Raises
    ------
    OptionError : an option has no such value; vectors are of another number of rows, or not finite.
    """
    if classifier not in CLASSIFIERS:
        raise OptionError(f"classifier should be one of {', '.join(CLASSIFIERS)}. Got {classifier!r} instead.")
    if bootstrap < 0:
        raise OptionError(f"bootstrap should be at least 0. Got {bootstrap} instead.")
    parts, reason = draw_parts(rows, sentences, splits=splits, fractions=fractions, max_train=max_train, seed=seed)
    said = {"layer": layer, "label": rows.label, "classifier": classifier, "splits": splits, "seed": tuned_index}
    if parts is None:
        return [], undecided(rows.label, reason or "", layer=layer, tuned_index=tuned_index)
    there = {name: vectors for name, vectors in (("base", base), ("tuned", tuned)) if vectors is not None}
    store: Kept[Predictions] = Kept() if kept is None else kept
    found = {}
    for name, vectors in there.items():
        X = _checked(vectors, rows, parts, f"layer {layer} of the {name} model")
        found[name] = _predictions(X, rows, parts, classifier, seed, device, store, progress)
    sizes = {PARTS: _frame([said | _sizes(parts)], PARTS_COLUMNS)}
    if not found:
        return [], {CURVES: _frame([], CURVE_COLUMNS)} | sizes
    scores = scored(list(found.values()), parts, bootstrap, seed)
    place = {"analysis": "separability", "layer": layer, "subset": rows.label, "seed": tuned_index}
    tables = {CURVES: _curves(list(there), scores, parts, said)} | sizes
    return [place | row for row in _rows(list(there), scores, parts)], tables


def undecided(label: str, reason: str, *, layer: int, tuned_index: int = 0) -> Tables:
    """The tables of a label that the test cannot be made for; `reason` reads as the end of a sentence."""
    row = {"layer": layer, "label": label, "undecided": reason, "seed": tuned_index}
    return {CURVES: _frame([], CURVE_COLUMNS), PARTS: _frame([row], PARTS_COLUMNS)}


def _checked(vectors: Vectors, rows: ProbeRows, parts: Parts, where: str) -> tuple[np.ndarray, np.ndarray]:
    """(m, d) and (t, d) float32 vectors of the training and the test rows."""
    if vectors.shape[0] != len(rows.codes):
        raise OptionError(f"{where} has {vectors.shape[0]:,} vectors; {rows.label} has {len(rows.codes):,} rows")
    taken = vectors.take(parts.train), vectors.take(parts.test)
    for X, numbers in zip(taken, (parts.train, parts.test), strict=True):
        bad = ~np.isfinite(X).all(axis=1)
        if bad.any():
            raise OptionError(f"{where} has NaN or infinity in row {numbers[int(np.argmax(bad))]}")
    return taken


def _predictions(
    taken: tuple[np.ndarray, np.ndarray],
    rows: ProbeRows,
    parts: Parts,
    classifier: Classifier,
    seed: int,
    device: str,
    store: Kept[Predictions],
    progress: Progress,
) -> Predictions:
    y_train, y_test = rows.codes[parts.train], rows.codes[parts.test]
    # A test row is right or wrong by itself; the test's owners are not asked here.
    key = digest(classifier, seed, *taken, y_train, y_test, parts.stage, parts.stopping)
    if (already := store.get(key)) is not None:
        return already
    n_splits = len(parts.stage)
    uses = [parts.subtrain(stage)[k] for stage in range(parts.n_stages) for k in range(n_splits)]
    seeds = [seed + k for _ in range(parts.n_stages) for k in range(n_splits)]
    found = trained(classifier, taken[0], y_train, uses, parts.stopping, seeds, device=device, progress=progress)
    right = [np.empty((len(found), len(y)), dtype=bool) for y in (y_train, y_test)]
    for X, y, out in zip(taken, (y_train, y_test), right, strict=True):
        for start in range(0, len(X), _BLOCK):
            span = slice(start, start + _BLOCK)
            for i, predict in enumerate(found):
                out[i, span] = predict(X[span]) == y[span]
    train, test = (out.reshape(parts.n_stages, n_splits, -1) for out in right)
    predictions = Predictions(train, test)
    store.put(key, predictions)
    return predictions


def _rows(models: Sequence[str], scores: Scores, parts: Parts) -> list[Row]:
    n_subtest, n_test = int(parts.tested.sum()), len(parts.test)
    made = []

    def row(measure: str, model: str, values: np.ndarray, n: int) -> None:
        value, low, high = interval(values)
        made.append(
            {"measure": f"memorised_{measure}", "model": model, "value": known(value), "ci_low": low, "ci_high": high}
            | {"n": n}
        )

    for i, model in enumerate(models):
        row(SUBTRAIN, model, scores.subtrain[:, i, -1], len(parts.train))
        row(SUBTEST, model, scores.subtest[:, i, -1], n_subtest)
        row(TEST, model, scores.test[:, i, -1], n_test)
        row("gap", model, scores.gap[:, i], n_subtest + n_test)
    if len(models) == 2:
        row("gap_change", "tuned", scores.gap[:, 1] - scores.gap[:, 0], n_subtest + n_test)
    return made


def _curves(models: Sequence[str], scores: Scores, parts: Parts, said: Row) -> pl.DataFrame:
    sizes = [round(float(parts.subtrain(stage).sum(axis=1).mean())) for stage in range(parts.n_stages)]
    made = []
    for i, model in enumerate(models):
        for part, values in ((SUBTRAIN, scores.subtrain), (SUBTEST, scores.subtest), (TEST, scores.test)):
            for stage, n_train in enumerate(sizes):
                accuracy, low, high = interval(values[:, i, stage])
                made.append(
                    {"model": model, "part": part, "n_train": n_train, "accuracy": accuracy, "low": low, "high": high}
                    | said
                )
    return _frame(made, CURVE_COLUMNS)


def _sizes(parts: Parts) -> Row:
    return {
        "train_sentences": int(parts.train_owner.max()) + 1,
        "subtest_sentences": len(np.unique(parts.train_owner[parts.tested])),
        "test_sentences": int(parts.test_owner.max()) + 1,
    }


def _frame(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([{name: row.get(name) for name in columns} for row in rows], schema=dict(columns))
