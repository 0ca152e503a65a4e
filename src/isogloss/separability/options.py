"""Options of the separability analysis."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from isogloss.analysis.layer_choice import absent_layers, is_chosen
from isogloss.analysis.limits import comma_names, refuse_below
from isogloss.errors import OptionError
from isogloss.separability.memorisation_classifiers import CLASSIFIERS
from isogloss.separability.spatial import SMALL

CLUSTERS = ("afresh", "base", "once")


@dataclass(frozen=True)
class SeparabilityOptions:
    """Options of the separability analysis."""

    labels: str | None = field(
        default=None, metadata={"help": "word or sentence labels to look at, with commas; the first four by default"}
    )
    with_head: str = field(
        default="deprel",
        metadata={"help": "word labels, with commas, that are of a word and its head: both vectors side by side"},
    )
    max_train: int = field(default=5000, metadata={"help": "training rows of each label, drawn at random"})
    max_test: int = field(default=2000, metadata={"help": "test rows of each label, drawn at random"})
    min_count: int = field(default=5, metadata={"help": "training rows that a label's value needs to take part"})
    max_classes: int = field(default=100, metadata={"help": "values of a label that take part, the commonest"})
    clusters: str = field(
        default="afresh",
        metadata={
            "help": "where clusters are found: at each layer of each model (afresh), at each layer of the base for "
            "both (base), or at the base model's last layer for all layers of both (once)"
        },
    )
    small: str = field(
        default="keep",
        metadata={"help": "small clusters in spatial similarity: keep them, drop them, or count their distances as 0"},
    )
    small_size: int = field(default=5, metadata={"help": "points of a small cluster, at most"})
    most_clusters: int = field(
        default=100, metadata={"help": "clusters between which distances are found; with more there are none"}
    )
    bootstrap: int = field(default=200, metadata={"help": "resamples of the test sentences; 0 gives no intervals"})
    halves: int = field(
        default=5, metadata={"help": "splits of the training sentences in two that say how far distances are noise"}
    )
    permutations: int = field(default=999, metadata={"help": "arrangements of the labels in Mantel's test"})
    memorise: str = field(
        default="last",
        metadata={"help": "layers at which the test of memorisation is made: last, all, none, or as 0,3,6"},
    )
    memorise_labels: str | None = field(
        default=None, metadata={"help": "labels of that test, with commas; by default that of the tuned model's task"}
    )
    memorise_splits: int = field(
        default=3, metadata={"help": "splits of the training sentences in subtrain and subtest"}
    )
    classifier: str = field(default="mlp", metadata={"help": "what tells memorisation: mlp (as the study) or linear"})

    def __post_init__(self) -> None:
        least = {
            "max_train": 2,
            "max_test": 1,
            "min_count": 1,
            "max_classes": 2,
            "small_size": 0,
            "most_clusters": 0,
            "bootstrap": 0,
            "halves": 0,
            "permutations": 1,
            "memorise_splits": 1,
        }
        refuse_below("separability", self, least)
        for name, known in (("clusters", CLUSTERS), ("small", SMALL), ("classifier", CLASSIFIERS)):
            if getattr(self, name) not in known:
                raise OptionError(f"separability: {name} is one of {', '.join(known)}. Got {getattr(self, name)!r}.")
        self.memorised_at(0, 1)

    def memorised_at(self, layer: int, last: int) -> bool:
        """Whether the test of memorisation is made at this layer."""
        return is_chosen("separability: memorise", self.memorise, layer, last)

    def absent(self, layers: Iterable[int]) -> list[int]:
        """Layers at which the test of memorisation is to be made and that a run of these layers does not have."""
        return absent_layers("separability: memorise", self.memorise, layers)

    @property
    def memorise_names(self) -> tuple[str, ...] | None:
        """The labels of the test of memorisation; None where the analysis may choose."""
        return comma_names(self.memorise_labels)

    @property
    def label_names(self) -> tuple[str, ...] | None:
        """The labels asked for; None where all are."""
        return comma_names(self.labels)

    @property
    def pair_names(self) -> tuple[str, ...]:
        """The word labels that are of a word and its head."""
        return comma_names(self.with_head) or ()
