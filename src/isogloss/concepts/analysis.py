"""The concepts analysis: the measures of this room in the protocol's shape.

How a number is computed is in the other files; what is said about it in `findings` and `figures`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import polars as pl

from isogloss.analysis import BETWEEN_SEEDS, TIDY, Figure, Finding, LayerPair, Need, Tables, TextAmount, tidy
from isogloss.concepts.between_layers import layer_map, seed_rows
from isogloss.concepts.clustering import TreesOnce
from isogloss.concepts.figures import figures
from isogloss.concepts.findings import findings
from isogloss.concepts.layer import measure_layer
from isogloss.concepts.options import CLUSTERINGS, FEWEST_WORDS, ConceptsOptions
from isogloss.concepts.selection import choose_words
from isogloss.concepts.task_classes import check_class_label, task_classes
from isogloss.concepts.trying_triggers import try_triggers


class ConceptsAnalysis:
    """Latent concepts of each layer of two models: what they are, what became of them, which side they take.

    After Durrani, Sajjad, Dalvi & Alam, EMNLP 2022 (arXiv 2210.12696). Concepts are flat clusters of a Ward tree over
    one vector per word occurrence.

    Tables
    ------
    concepts : tidy. Base against tuned: `kept`, `split`, `merged`, `dissolved` (shares of base concepts), `inherited`,
        `new` (of tuned ones), `adjusted_rand`, `matched`, `matched_across_halves`, `calign`, `colap`, and
        `kept_by_chance`, `inherited_by_chance` (mean and percentiles over shuffles). Of each model:
        `alignment`, `coverage`, `overall` with labels (subset: the family of labels), and `polar`, the number of
        concepts that take a class's side (subset all: any class; LABEL=VALUE: that one), and `loss`, where clustering
        is not Ward's and up to 20,000 words are: within-cluster sum of squares by that of Ward's clusters.
        Several tuned models: subset `between seeds`.
    concepts_list, concepts_words, concepts_members, concepts_tree, concepts_links, concepts_labels,
    concepts_classes : single concepts.
    concepts_numbers : where there are several numbers of `clusters`, the rows of `concepts` for each of them, with the
        column `clusters`. All other tables are of the first.
    concepts_map : every base layer against every tuned layer.
    concepts_triggers, concepts_trigger_differences, concepts_trigger_words, concepts_trigger_ceiling,
    concepts_trigger_notes : what inserted words did to predictions; see `Triggers`.
    concepts_notes : what could not be done, and why.
    """

    name: ClassVar[str] = "concepts"
    question: ClassVar[str] = "which latent concepts survived, appeared, took on the task's classes?"
    needs: ClassVar[frozenset[Need]] = frozenset({"words"})
    uses: ClassVar[frozenset[Need]] = frozenset({"token labels", "sentence labels", "classifier head"})
    Options: ClassVar[type] = ConceptsOptions
    headline: ClassVar[Mapping[str, str]] = {
        "kept": "share of base concepts kept",
        "polar": "concepts that take a class's side",
        "alignment": "share of concepts that a label explains",
    }

    def __init__(self) -> None:
        self._trees = TreesOnce()

    def check(self, token_labels: Sequence[str], sentence_labels: Sequence[str], options: ConceptsOptions) -> None:
        """Refuse a label of the classes that the corpus does not have, before any model runs.

        Raises
        ------
        OptionError : the label that is asked for is not there.
        """
        check_class_label(sentence_labels, options)

    def run(self, pair: LayerPair, options: ConceptsOptions) -> Tables:
        """Tables of one layer; of one model's concepts alone where the other lacks the layer.

        Raises
        ------
        OptionError : vectors hold NaN or infinity, a label that is asked for is not there, or limits of occurrences
            exclude each other.
        """
        chosen = choose_words(pair, options)
        if not chosen.enough:
            return {"concepts": tidy([]), "concepts_notes": _notes(pair, [_too_few(pair, len(chosen.rows), options)])}
        notes = []
        if (most := max(chosen.n_clusters, *chosen.other_numbers, 0)) < max(options.numbers):
            notes.append(
                f"{len(chosen.rows):,} words are too few for {max(options.numbers)} concepts; there are {most}."
            )
        classes, why = task_classes(pair, chosen.words, options)
        notes += [why] if why else []
        notes += _on_options(pair, options)
        tables, found = measure_layer(pair, chosen, classes, options, self._trees)
        tried, said = try_triggers(pair, chosen, found, classes, options)
        notes += said
        return {**tables, **tried, "concepts_notes": _notes(pair, notes)}

    def growth(self, amount: TextAmount, options: ConceptsOptions) -> Sequence[float]:
        """Words, the words that are clustered, and their pairs."""
        clustered = amount.occurrences(options.min_count, options.max_count or None, options.drop_above)
        return amount.words, clustered, clustered**2

    def asked(self, amount: TextAmount, classes: int, options: ConceptsOptions) -> tuple[float, float]:
        """Every trigger word and its three controls at three places in every sentence, for each class.

        The search for the best word at one place, among as many words, is on half of the sentences. How many trigger
        words there are depends on the concepts: in small corpora there are none.
        """
        most = classes * options.trigger_sentences * 4 * options.trigger_words * (3 + 0.5) * options.triggers
        return most, most

    def combine(self, tables: Tables, options: ConceptsOptions) -> Tables:
        """Add what needs several layers or several tuned models."""
        combined = {"concepts": tidy([])} | dict(tables)
        members = combined.get("concepts_members")
        if members is not None and options.map:
            combined["concepts_map"] = layer_map(members, options)
        own = combined["concepts"].filter(pl.col("subset") != BETWEEN_SEEDS).select(list(TIDY))
        combined["concepts"] = own if members is None else pl.concat([own, seed_rows(own, members, options)])
        if "concepts_notes" in combined:
            combined["concepts_notes"] = combined["concepts_notes"].unique("text", keep="first", maintain_order=True)
        return combined

    def findings(self, tables: Tables, options: ConceptsOptions) -> Sequence[Finding]:
        """Say what the tables hold, the most important first."""
        return findings(tables, options)

    def figures(self, tables: Tables, options: ConceptsOptions) -> Sequence[Figure]:
        """Fates, sides taken, labels, the layer x layer map, triggers, and the concepts themselves."""
        return figures(tables, options)


def _notes(pair: LayerPair, texts: list[str]) -> pl.DataFrame:
    columns = {"text": pl.Series(texts, dtype=pl.String), "layer": pl.Series([pair.layer] * len(texts), dtype=pl.Int32)}
    return pl.DataFrame(columns)


def _on_options(pair: LayerPair, options: ConceptsOptions) -> list[str]:
    """What was asked for and is no exact method, cannot be done, or has no effect."""
    notes = []
    if options.clustering != "ward":
        notes.append(f"Concepts are clusters of {CLUSTERINGS[options.clustering]}, which approximates Ward's method.")
    if options.classes == "predicted" and options.class_label is not None:
        notes.append(
            f"The option class_label={options.class_label} has no effect: the classes are those that the tuned model "
            "predicts."
        )
    if options.joint and pair.base is not None and pair.tuned is not None and pair.base.shape != pair.tuned.shape:
        notes.append(
            f"COLAP is left out: vectors of {pair.base.shape[1]} and {pair.tuned.shape[1]} numbers cannot be clustered "
            "together."
        )
    return notes


def _too_few(pair: LayerPair, n: int, options: ConceptsOptions) -> str:
    most, remedy = "", "a lower min_count"
    if options.drop_above is not None:
        most, remedy = f" and at most {options.drop_above:,}", "a lower min_count or a higher drop_above"
    return (
        f"No concepts were looked for: {n} of {pair.words.height:,} words are of a kind that occurs at least "
        f"{options.min_count}{most} times, and {FEWEST_WORDS} are needed; take a larger corpus or {remedy}."
    )
