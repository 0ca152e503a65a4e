"""The probing analysis: the measures of this room in the protocol's shape.

How a number is computed is in the other files; what is said about it in `findings` and `figures`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import polars as pl

from isogloss.analysis import Figure, Finding, LayerPair, ModelPair, Need, Tables, TextAmount, tidy
from isogloss.analysis.partition import SHARES
from isogloss.analysis.tables import between_seeds_of_labels
from isogloss.probing.figures import figures
from isogloss.probing.findings import findings
from isogloss.probing.layer import probe_layer
from isogloss.probing.options import ProbingOptions
from isogloss.probing.read_once import ReadOnce
from isogloss.probing.targets import targets, wanted_labels
from isogloss.probing.trying_task import try_task
from isogloss.probing.whole import probe_together


class ProbingAnalysis:
    """What linear probes read of labels at each layer of two models, and in which neurons they find it.

    After Durrani, Sajjad & Dalvi, Findings of ACL 2021 (arXiv 2105.15179).

    Tables
    ------
    probing : tidy, subset = the label. Of each model: `accuracy` (null: the control tasks' least and greatest),
        `control`, `selectivity`, `macro_f1`, `f1` (subset LABEL=VALUE), for numeric labels `r2`, `pearson`, `spearman`;
        `majority` and `per_type` need no vectors (model base). Tuned minus base, paired over the test sentences:
        `..._change`. Where asked for, of words: `bits` per training word by the online code (null: of the first control
        task) and `compression` (log2 of the number of classes over `bits`); `mlp_accuracy` of a probe with two hidden
        layers and `mlp_gain`, that minus the linear probe's. Several tuned models: subset `between seeds`.
    probing_probes : how each probe was trained, and how near its optimum it is.
    probing_neurons, probing_agreement, probing_ablation, probing_fates, probing_words : of each layer's neurons.
    probing_together, probing_distribution, probing_map, probing_minimal, probing_shift, probing_shift_layers,
    probing_fates_together : of probes of all layers side by side.
    probing_task : what taking neurons out of the running classifier did to the task.
    probing_learning_curve : where asked for, accuracy by number of training words, mean over two orders of them.
    probing_mix : where asked for, the weight of each layer in a probe that mixes them, and the mean layer by weight.
    probing_notes : what could not be done, what was left out, and why.
    """

    name: ClassVar[str] = "probing"
    question: ClassVar[str] = "where, and in which neurons, can labels be read before and after?"
    needs: ClassVar[frozenset[Need]] = frozenset({"words"})
    uses: ClassVar[frozenset[Need]] = frozenset({"token labels", "sentence labels", "classifier head"})
    Options: ClassVar[type] = ProbingOptions
    headline: ClassVar[Mapping[str, str]] = {"accuracy": "accuracy", "selectivity": "selectivity", "r2": "R²"}

    def __init__(self) -> None:
        self._base = ReadOnce()

    def check(self, token_labels: Sequence[str], sentence_labels: Sequence[str], options: ProbingOptions) -> None:
        """Refuse labels that the corpus does not have, before any model runs.

        Raises
        ------
        OptionError : a label is asked for that there is not.
        """
        wanted_labels(token_labels, sentence_labels, options)

    def run(self, pair: LayerPair, options: ProbingOptions) -> Tables:
        """Tables of one layer; of one model alone where the other lacks the layer.

        Raises
        ------
        OptionError : vectors hold NaN or infinity, or a label is asked for that there is not.
        """
        found, notes = targets(pair, options)
        if not found:
            return {"probing": tidy([]), "probing_notes": _notes(notes or ["No probe: there is no label to read."])}
        tables, ranked = probe_layer(pair, found, options, self._base)
        tried, reason = try_task(pair, ranked.get("tuned", {}), options)
        if tried is not None:
            tables["probing_task"] = tried
        return tables | {"probing_notes": _notes(notes + ([reason] if reason else []))}

    def growth(self, amount: TextAmount, options: ProbingOptions) -> Sequence[float]:
        """Words, those of them that probes are trained on, and those of the probes of all layers, at each layer."""
        train = min(amount.words, options.max_train / SHARES[0])
        together = min(amount.words, options.together_train / SHARES[0]) * amount.layers
        return amount.words, train, together

    def asked(self, amount: TextAmount, classes: int, options: ProbingOptions) -> tuple[float, float]:
        """The sentences outside train, at most so many as the options allow."""
        return min((SHARES[1] + SHARES[2]) * amount.sentences, options.task_sentences) * options.task_use, 0.0

    def run_whole(self, pair: ModelPair, options: ProbingOptions) -> Tables:
        """Tables of the probes that read all layers, side by side or mixed."""
        found, _ = targets(pair, options)
        if not found or not (options.together or options.scalar_mix):
            return {}
        return probe_together(pair, found, options, self._base)

    def held(self, words: float, hidden: int, layers: int, options: ProbingOptions) -> float:
        """Of all layers side by side four covariances in float32."""
        return 16.0 * (hidden * layers) ** 2 if layers > 1 and options.together else 0.0

    def combine(self, tables: Tables, options: ProbingOptions) -> Tables:
        """Add the spread between several tuned models; say each note once."""
        combined = {"probing": tidy([])} | dict(tables)
        combined["probing"] = pl.concat([combined["probing"], between_seeds_of_labels(combined["probing"])])
        if "probing_notes" in combined:
            combined["probing_notes"] = combined["probing_notes"].unique("text", keep="first", maintain_order=True)
        return combined

    def findings(self, tables: Tables, options: ProbingOptions) -> Sequence[Finding]:
        """Say what the tables hold, the most important first."""
        return findings(tables, options)

    def figures(self, tables: Tables, options: ProbingOptions) -> Sequence[Figure]:
        """Curves per label, values, where neurons sit, ablation, task use, and the neurons themselves."""
        return figures(tables, options)


def _notes(texts: list[str]) -> pl.DataFrame:
    return pl.DataFrame({"text": texts}, schema={"text": pl.String()})
