"""The separability analysis: the measures of this room in the protocol's shape.

How a number is computed is in the other files; what is said about it in `findings` and `figures`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import polars as pl

from isogloss.analysis import By, Figure, Finding, LayerPair, Need, Tables, TextAmount, tidy
from isogloss.analysis.kept import Kept
from isogloss.analysis.notes import notes_table, said_once
from isogloss.analysis.partition import SHARES
from isogloss.analysis.tables import between_seeds_of_labels
from isogloss.separability.centroids import difference_vectors
from isogloss.separability.figures import figures
from isogloss.separability.findings import findings
from isogloss.separability.geometry import Geometry, HullGeometry
from isogloss.separability.layer import separability_layer
from isogloss.separability.measured import Measuring
from isogloss.separability.memorisation_scores import Predictions
from isogloss.separability.options import SeparabilityOptions
from isogloss.separability.series import over_steps, over_tasks
from isogloss.separability.targets import targets, wanted_labels


class SeparabilityAnalysis:
    """How far the values of labels lie apart at each layer of two models, and how they lie to each other.

    After Zhou & Srikumar, ACL 2022 (arXiv 2106.14282) and "DirectProbe", NAACL 2021 (arXiv 2104.05904).

    Parameters
    ----------
    geometry : what finds clusters and distances; `DirectProbe` and hull distances by default.

    Tables
    ------
    separability : tidy, subset = the label, or LABEL=VALUE; the measures of `label_rows`. Several tuned models: subset
        `LABEL between seeds`.
    separability_labels : values of labels: points, clusters, least distance and to which other value.
    separability_distances : pairs of values: distance in base and tuned model, and what of the change is noise.
    separability_centroids : centroids of values in full dimension.
    separability_moves : how each centroid moved from base to tuned model, in two principal components.
    separability_memorisation : learning curves of a classifier on subtrain, subtest and test rows.
    separability_memorisation_parts : what that test rests on, and why it could not be made, if so.
    separability_notes : what could not be done, what was left out, and why.
    """

    name: ClassVar[str] = "separability"
    question: ClassVar[str] = "how far do labels lie apart, and was the training set memorised?"
    needs: ClassVar[frozenset[Need]] = frozenset({"words"})
    uses: ClassVar[frozenset[Need]] = frozenset({"token labels", "sentence labels", "classifier head"})
    Options: ClassVar[type] = SeparabilityOptions
    headline: ClassVar[Mapping[str, str]] = {
        "min_distance_relative": "mean least distance between values, in units of the spread",
        "clusters": "number of clusters",
        "spatial": "spatial similarity to the base model",
        "train_test": "spatial similarity of training and test rows",
        "intra_accuracy": "accuracy of the nearest cluster",
        "memorised_gap": "accuracy on training sentences beyond that on unseen ones",
    }

    def __init__(self, geometry: Geometry | None = None) -> None:
        self._measuring = Measuring(HullGeometry() if geometry is None else geometry)
        self._predicted: Kept[Predictions] = Kept()

    def check(self, token_labels: Sequence[str], sentence_labels: Sequence[str], options: SeparabilityOptions) -> None:
        """Refuse labels that the corpus does not have, before any model runs.

        Raises
        ------
        OptionError : a label is asked for that there is not.
        """
        wanted_labels(token_labels, sentence_labels, options)

    def run(self, pair: LayerPair, options: SeparabilityOptions) -> Tables:
        """Tables of one layer; of one model alone where the other lacks the layer.

        Raises
        ------
        NotFiniteError : vectors hold NaN or infinity.
        OptionError : a label is asked for that there is not.
        """
        found, notes = targets(pair, options)
        if not found:
            said = notes or ["No distances: the corpus was read without labels of its words or sentences."]
            return {"separability": tidy([]), "separability_notes": notes_table((None, text) for text in said)}
        tables = separability_layer(pair, found, options, self._measuring, self._predicted)
        tables["separability_notes"] = pl.concat(
            [notes_table((None, note) for note in notes), tables["separability_notes"]]
        )
        return tables

    def growth(self, amount: TextAmount, options: SeparabilityOptions) -> Sequence[float]:
        """Words, those that are drawn, and their pairs."""
        sampled = min(amount.words, options.max_train / SHARES[0])
        return amount.words, sampled, sampled**2

    def held(self, words: float, hidden: int, layers: int, options: SeparabilityOptions) -> float:
        """Six copies in float64 of the rows that are drawn."""
        return 48.0 * hidden * min(words, options.max_train + options.max_test)

    def combine(self, tables: Tables, options: SeparabilityOptions) -> Tables:
        """Add the spread between several tuned models and how centroids moved; say each note once."""
        combined = {"separability": tidy([])} | dict(tables)
        own = combined["separability"]
        combined["separability"] = pl.concat([own, between_seeds_of_labels(own)])
        if "separability_centroids" in combined:
            combined["separability_moves"] = difference_vectors(combined["separability_centroids"])
        if "separability_notes" in combined:
            absent = options.absent(own["layer"].unique())
            combined["separability_notes"] = said_once(combined["separability_notes"], "separability.memorise", absent)
        return combined

    def findings(self, tables: Tables, options: SeparabilityOptions) -> Sequence[Finding]:
        """Say what the tables hold, the most important first."""
        return findings(tables, options)

    def series(
        self, tables: Tables, by: By, options: SeparabilityOptions
    ) -> tuple[Tables, Sequence[Finding], Sequence[Figure]]:
        """Paths of centroids over steps, or the study's table over tasks, as `separability.series` says.

        Tables
        ------
        separability_paths : centroids at every step in one plane.
        separability_cross_task : the columns of `CROSS_TASK`.
        """
        return over_steps(tables) if by == "step" else over_tasks(tables)

    def figures(self, tables: Tables, options: SeparabilityOptions) -> Sequence[Figure]:
        """Curves per label, least distances of its values, and the study's table."""
        return figures(tables, options)
