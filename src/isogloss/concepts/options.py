"""What can be asked of the concepts analysis, and the thresholds its sentences use."""

from __future__ import annotations

from dataclasses import dataclass, field

from isogloss.analysis.limits import refuse_below
from isogloss.concepts.label_rules import RULES
from isogloss.errors import OptionError
from isogloss.numerics.ward import Compute

CLUSTERINGS = {"ward": "Ward's method", "kmeans": "k-means", "leaders": "Ward's method on groups of words"}
"""Ways to cluster, by option, as a sentence calls them."""
WORDS_PER_CONCEPT = 30
"""Fewest clustered words per concept, on average; with fewer words there are fewer concepts."""
FEWEST_WORDS = 20
"""With fewer words there is nothing to cluster."""
WORDS_SHOWN = 200
"""Commonest words of a concept that are kept in the tables."""
TRIED = 9
"""Commonest words of a concept among which examples in different sentences are looked for."""
SPELLING = frozenset({"suffix", "frequency"})
"""Families that say how words look or how frequent they are; names of concepts leave them out."""
EXAMPLES = 3
"""Sentences shown of a concept."""
MOST_CLASSES = 20
"""A sentence label with more values is not a class of a task."""


@dataclass(frozen=True)
class ConceptsOptions:
    """Options of the concepts analysis."""

    clusters: int | str = field(
        default=600,
        metadata={"help": "concepts per layer; fewer where words are few; with commas, further numbers to measure"},
    )
    min_count: int = field(default=5, metadata={"help": "fewest occurrences of a word"})
    max_count: int = field(default=20, metadata={"help": "random occurrences of a word that take part; 0 takes all"})
    drop_above: int | None = field(default=None, metadata={"help": "words that occur more often take no part"})
    clustering: str = field(
        default="ward",
        metadata={"help": "ward (exact), or an approximation: kmeans, leaders (Ward on groups of words)"},
    )
    compute: Compute = field(default="float32", metadata={"help": "precision of the search: float32, bfloat16"})
    fate_threshold: float = field(default=0.7, metadata={"help": "share of a concept's words that decides its fate"})
    match_threshold: float = field(
        default=0.95, metadata={"help": "share of a concept's word types that another must hold to match it"}
    )
    label_rule: str = field(
        default="conceptx", metadata={"help": "when a label explains: conceptx, hawasly-tokens, hawasly-types"}
    )
    label_threshold: float | None = field(
        default=None,
        metadata={"help": "share of one label that explains a concept; none: the rule's own, .9 or .95"},
    )
    lexicons: str | None = field(
        default=None, metadata={"help": "word labels, with commas, whose unlabelled words do not count, as in lexicons"}
    )
    polarity_threshold: float = field(default=0.9, metadata={"help": "share of one class that makes a concept polar"})
    labels: str | None = field(
        default=None, metadata={"help": "word labels to align with, with commas; all there are by default"}
    )
    class_label: str | None = field(
        default=None, metadata={"help": "the sentence label whose classes concepts may take sides of"}
    )
    classes: str = field(default="gold", metadata={"help": "gold, or predicted by the tuned model"})
    permutations: int = field(default=100, metadata={"help": "shuffles of labels for the nulls; 0 gives none"})
    bootstrap: int = field(default=100, metadata={"help": "resamples of the sentences; 0 gives no intervals"})
    halves: bool = field(default=True, metadata={"help": "cluster two halves of the sentences for the noise floor"})
    joint: bool = field(default=False, metadata={"help": "cluster both models' vectors together too (COLAP)"})
    map: bool = field(default=True, metadata={"help": "align every base layer with every tuned layer"})
    triggers: bool = field(default=True, metadata={"help": "try words of polar concepts as triggers"})
    trigger_layers: int = field(default=1, metadata={"help": "top layers whose polar concepts give triggers"})
    trigger_words: int = field(default=10, metadata={"help": "trigger words tried per class"})
    trigger_length: int = field(default=1, metadata={"help": "most words put in at once"})
    trigger_sentences: int = field(default=100, metadata={"help": "sentences that triggers are tried on, per class"})

    @property
    def numbers(self) -> tuple[int, ...]:
        """`clusters` as numbers: the one that concepts are shown for, then the others.

        Raises
        ------
        OptionError : it holds something else, or a number below 2.
        """
        try:
            found = tuple(dict.fromkeys(int(part) for part in str(self.clusters).split(",")))
        except ValueError:
            raise OptionError(f"concepts: clusters are whole numbers with commas. Got {self.clusters!r}.") from None
        if min(found) < 2:
            raise OptionError(f"concepts: clusters should be at least 2. Got {min(found)} instead.")
        return found

    def __post_init__(self) -> None:
        _ = self.numbers
        least = {
            "min_count": 1,
            "max_count": 0,
            "permutations": 0,
            "bootstrap": 0,
            "trigger_layers": 1,
            "trigger_words": 1,
            "trigger_length": 1,
            "trigger_sentences": 1,
        }
        refuse_below("concepts", self, least)
        shares = {"fate_threshold": 0.5, "match_threshold": 0, "polarity_threshold": 0}
        for name, above in shares.items():
            if not above < getattr(self, name) <= 1:
                raise OptionError(f"concepts: {name} should be above {above} and at most 1. Got {getattr(self, name)}.")
        if self.label_threshold is not None and not 0 < self.label_threshold <= 1:
            raise OptionError(f"concepts: label_threshold should be above 0 and at most 1. Got {self.label_threshold}.")
        choices = {
            "clustering": tuple(CLUSTERINGS),
            "compute": ("float32", "bfloat16"),
            "classes": ("gold", "predicted"),
            "label_rule": RULES,
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise OptionError(f"concepts: {name} should be {' or '.join(allowed)}. Got {getattr(self, name)!r}.")
