"""Takes each label's salient neurons out of one layer of the running classifier, to see whether it still uses them.

How neurons are taken out and what is counted is in `interventions` and `task_use`; here the sentences and the neurons
are chosen, and the numbers put into a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from isogloss.analysis import LayerPair
from isogloss.analysis.partition import DEV, TEST, partition_sentences
from isogloss.analysis.sampling import sampled_rows
from isogloss.analysis.seeded import text_uniforms
from isogloss.analysis.tables import known
from isogloss.analysis.task_label import gold_label
from isogloss.probing.layer_neurons import Ranked
from isogloss.probing.options import ProbingOptions
from isogloss.probing.task_use import TaskSentences, TaskUse, task_use

TASK_USE: dict[str, Any] = {
    "layer": pl.Int32(),
    "label": pl.String(),
    "n_neurons": pl.Int32(),
    "spread": pl.Float64(),
    "random_spread": pl.Float64(),
    "accuracy": pl.Float64(),
    "loss": pl.Float64(),
    "ci_low": pl.Float64(),
    "ci_high": pl.Float64(),
    "random": pl.Float64(),
    "random_low": pl.Float64(),
    "random_high": pl.Float64(),
    "difference": pl.Float64(),
    "difference_low": pl.Float64(),
    "difference_high": pl.Float64(),
    "shift": pl.Float64(),
    "random_shift": pl.Float64(),
    "n": pl.Int64(),
    "seed": pl.Int32(),
}
"""`loss` of the task's accuracy without a label's neurons, `random` mean, least and greatest loss without as many
matched random ones, `difference` of the two; `spread`, `random_spread` mean standard deviations of both; `shift` the
probability of the gold class that is lost on average."""


def try_task(
    pair: LayerPair, ranked: Mapping[str, Ranked], options: ProbingOptions
) -> tuple[pl.DataFrame | None, str | None]:
    """Take the neurons of each label out of this layer of the tuned model; or why that is not done.

    Sentences are drawn from those outside training for the task's own label; other labels, where they are on other
    sentences, may be split otherwise.
    """
    if not options.task_use or not ranked or pair.tuned is None:
        return None, None
    name, reason = gold_label(pair)
    if name is None or pair.classifier is None:
        return None, f"Neurons were not taken out of the running classifier: {reason}."
    chosen = _drawn(pair, name, options)
    if not chosen.height:
        return None, f"Neurons were not taken out of the running classifier: no sentence outside training has {name}."
    classes = list(pair.classifier.classes)
    gold = np.array([classes.index(value) for value in chosen[name].cast(pl.String)])
    seconds = chosen["text_b"].to_list() if "text_b" in chosen.columns else None
    sentences = TaskSentences.of(pair.classifier, chosen["text"].to_list(), gold, seconds)
    vectors = pair.tuned.take(sampled_rows(pair.words.height, _SPREAD_WORDS, pair.seed))
    count = max(1, round(options.task_neurons * pair.tuned.shape[1]))
    sets = {label: found.rankings["lca"].order[:count] for label, found in ranked.items()}
    with pair.progress.task("neurons taken out", len(sets) * (1 + options.task_random), "passes") as advance:
        found = task_use(
            pair.classifier,
            sentences,
            pair.layer,
            sets,
            vectors.std(axis=0, dtype=np.float64),
            n_random=options.task_random,
            n_boot=options.bootstrap,
            seed=pair.seed,
            advance=advance,
        )
    rows = [_row(label, one, pair) for label, one in found.items()]
    return pl.DataFrame(rows, schema=TASK_USE, orient="row"), None


def _drawn(pair: LayerPair, name: str, options: ProbingOptions) -> pl.DataFrame:
    labelled = pair.sentences[name].is_not_null().to_numpy()
    parts, _ = partition_sentences(pair.sentences, labelled, seed=pair.seed)
    free = pair.sentences.filter(pl.Series(labelled & np.isin(parts, (DEV, TEST))) & (pl.col("text") != ""))
    order = np.argsort(text_uniforms(free["text"], pair.seed), kind="stable")[: options.task_sentences]
    return free[np.sort(order)]


_SPREAD_WORDS = 20_000


def _row(label: str, use: TaskUse, pair: LayerPair) -> dict[str, Any]:
    return {
        "layer": pair.layer,
        "label": label,
        "n_neurons": use.n_neurons,
        "spread": use.spread,
        "random_spread": use.random_spread,
        "accuracy": use.accuracy,
        "loss": use.loss,
        "ci_low": known(use.loss_interval[0]),
        "ci_high": known(use.loss_interval[1]),
        "random": float(use.random.mean()),
        "random_low": float(use.random.min()),
        "random_high": float(use.random.max()),
        "difference": use.difference,
        "difference_low": known(use.difference_interval[0]),
        "difference_high": known(use.difference_interval[1]),
        "shift": use.shift,
        "random_shift": use.random_shift,
        "n": use.n,
        "seed": pair.tuned_index,
    }
