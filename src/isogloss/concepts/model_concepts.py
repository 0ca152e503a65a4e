"""One model's concepts at one layer, with the labels that explain them and the classes they side with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from isogloss.analysis import LayerPair
from isogloss.concepts.clustering import ConceptTree
from isogloss.concepts.labelling import LONGEST
from isogloss.concepts.labels import LabelAlignment, align_labels
from isogloss.concepts.options import ConceptsOptions
from isogloss.concepts.polarity import Polarity, polarity
from isogloss.concepts.selection import ChosenWords
from isogloss.concepts.task_classes import TaskClasses


@dataclass(frozen=True)
class ModelConcepts:
    """One model's concepts at one layer.

    Attributes
    ----------
    tree : of the chosen words.
    labels : by family, how the concepts align with labels.
    polarity : how they side with the classes of the task; None without classes.
    """

    tree: ConceptTree
    labels: Mapping[str, LabelAlignment]
    polarity: Polarity | None


def concepts_of_model(
    tree: ConceptTree,
    families: Mapping[str, Any],
    pair: LayerPair,
    chosen: ChosenWords,
    classes: TaskClasses | None,
    options: ConceptsOptions,
) -> ModelConcepts:
    """Hold one tree of the chosen words against every family of labels, and against the classes if there are any."""
    lexicons = {name.strip() for name in (options.lexicons or "").split(",")}
    labels = {
        family: align_labels(
            tree.clusters,
            given,
            words=chosen.words,
            rule=options.label_rule,
            threshold=options.label_threshold,
            drop_unknown=family in lexicons,
            longest=family in LONGEST,
            # Labels that are frequency itself must not be shuffled within bands of it.
            shuffle="any-types" if family == "frequency" else "types",
            permutations=options.permutations,
            seed=pair.seed,
        )
        for family, given in families.items()
    }
    sides = None
    if classes is not None:
        sides = polarity(
            tree.clusters,
            classes.of_words(chosen.words),
            chosen.words,
            threshold=options.polarity_threshold,
            permutations=options.permutations,
            seed=pair.seed,
        )
    return ModelConcepts(tree, labels, sides)
