"""What the probes of a layer read of each label, in base and tuned model side by side: rows of the tidy table.

Both models' predictions of the same test words are resampled together, so their difference is paired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from isogloss.analysis.tables import known
from isogloss.probing.baselines import majority_predictions, per_type_predictions
from isogloss.probing.options import ProbingOptions
from isogloss.probing.reading import Reading
from isogloss.probing.regression_scores import regression_scores
from isogloss.probing.resampling import Resampled
from isogloss.probing.scores import accuracy, label_scores, selectivity
from isogloss.probing.targets import Target

Row = dict[str, Any]


def score_rows(
    target: Target, readings: Mapping[str, Reading], options: ProbingOptions, seed: int, control_seeds: range
) -> list[Row]:
    """Rows of one label at one layer.

    Measures of classes, per model: `accuracy` (its null: the lowest and highest accuracy of the control tasks),
    `selectivity`, `control` (mean control accuracy), `macro_f1`, and `f1` for every value (subset LABEL=VALUE). Of
    numbers: `r2`, `pearson`, `spearman`. Where there are both models: `accuracy_change`, `selectivity_change`,
    `macro_f1_change`, `f1_change` or `r2_change`, tuned minus base.
    """
    if target.numeric:
        return _numeric_rows(target, readings, options, seed)
    models = list(readings)
    test = target.rows.test
    owners, truth = target.rows.sentences[test], target.rows.codes[test]
    predictions = np.stack([readings[model].predictions for model in models])
    resampling = {"n_boot": options.bootstrap, "seed": seed}
    right = accuracy(truth, predictions, owners, **resampling)
    scores = label_scores(truth, predictions, owners, len(target.classes), **resampling)
    n = len(test)
    measured: dict[str, Resampled] = {"accuracy": right, "macro_f1": scores.macro_f1}
    control = None
    if options.controls and target.has_controls:
        tasks = target.controls(control_seeds)[:, None, test]
        wrongly = np.stack([readings[model].controls for model in models], axis=1)
        control = accuracy(np.broadcast_to(tasks, wrongly.shape), wrongly, owners, **resampling)
        measured |= {"control": control.mean(0), "selectivity": selectivity(right, control)}
    rows = []
    for measure, found in measured.items():
        for i, model in enumerate(models):
            row = row_of(measure, model, target.name, found[i], n)
            if measure == "accuracy" and control is not None:
                each = control.value[:, i]
                row |= {"null_low": float(each.min()), "null_high": float(each.max())}
            rows.append(row)
        if len(models) == 2 and measure != "control":
            rows.append(row_of(f"{measure}_change", "tuned", target.name, found[1] - found[0], n))
    for k, value in enumerate(target.classes):
        if not scores.support[k]:
            continue
        subset, support = f"{target.name}={value}", int(scores.support[k])
        rows += [row_of("f1", model, subset, scores.f1[i, k], support) for i, model in enumerate(models)]
        if len(models) == 2:
            rows.append(row_of("f1_change", "tuned", subset, scores.f1[1, k] - scores.f1[0, k], support))
    return rows


def baseline_rows(target: Target, options: ProbingOptions, seed: int) -> list[Row]:
    """What is right without any vectors: `majority`, the commonest value, and for words `per_type`, each type's."""
    if target.numeric:
        return []
    rows, test = target.rows, target.rows.test
    guesses = {"majority": majority_predictions(rows.codes[rows.train], len(test))}
    if target.of == "words":
        guesses["per_type"] = per_type_predictions(target.spelled, rows.codes, rows.train, test).predictions
    found = accuracy(
        rows.codes[test], np.stack(list(guesses.values())), rows.sentences[test], n_boot=options.bootstrap, seed=seed
    )
    return [row_of(name, "base", target.name, found[i], len(test)) for i, name in enumerate(guesses)]


def _numeric_rows(target: Target, readings: Mapping[str, Reading], options: ProbingOptions, seed: int) -> list[Row]:
    models, test = list(readings), target.rows.test
    assert target.rows.targets is not None
    scores = regression_scores(
        target.rows.targets[test],
        np.stack([readings[model].predictions for model in models]),
        target.rows.sentences[test],
        n_boot=options.bootstrap,
        seed=seed,
    )
    rows = []
    for measure in ("r2", "pearson", "spearman"):
        found: Resampled = getattr(scores, measure)
        rows += [row_of(measure, model, target.name, found[i], len(test)) for i, model in enumerate(models)]
        if len(models) == 2:
            rows.append(row_of(f"{measure}_change", "tuned", target.name, found[1] - found[0], len(test)))
    return rows


def row_of(measure: str, model: str, subset: str, found: Resampled, n: int) -> Row:
    """A row of the tidy table for one number with its interval; null where it is not defined."""
    one = found.estimate()
    return {
        "measure": measure,
        "model": model,
        "subset": subset,
        "value": known(one.value),
        "ci_low": known(one.low),
        "ci_high": known(one.high),
        "n": n,
    }


def models_of(readings: Mapping[str, Mapping[str, Reading]], name: str) -> dict[str, Reading]:
    """The readings of one label, by model."""
    return {model: of_labels[name] for model, of_labels in readings.items() if name in of_labels}


def names_of(readings: Mapping[str, Mapping[str, Reading]]) -> Sequence[str]:
    """The labels, in order."""
    return list(dict.fromkeys(name for of_labels in readings.values() for name in of_labels))
