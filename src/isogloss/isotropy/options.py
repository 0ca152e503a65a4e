"""Options of the isotropy analysis."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from isogloss.analysis.layer_choice import absent_layers, is_chosen
from isogloss.analysis.limits import comma_names, refuse_below
from isogloss.errors import OptionError


@dataclass(frozen=True)
class IsotropyOptions:
    """Options of the isotropy analysis."""

    bootstrap: int = field(default=200, metadata={"help": "resamples of the sentences; 0 gives no intervals"})
    elongated: str = field(
        default="3,5,10",
        metadata={"help": "a direction is elongated with more than so many times the mean variance; with commas"},
    )
    sentence_vectors: bool = field(
        default=True, metadata={"help": "measure the sentences' vectors (means of their words') too"}
    )
    contextuality: bool = field(default=True, metadata={"help": "how much a word's vectors depend on its sentences"})
    min_count: int = field(default=5, metadata={"help": "fewest sentences of a word that contextuality counts"})
    local: bool = field(default=True, metadata={"help": "clusters, and what they are clusters of"})
    local_words: int = field(default=5000, metadata={"help": "words sampled for clusters, the same at every layer"})
    clusters: str = field(default="1,10,30", metadata={"help": "numbers of k-means clusters, with commas"})
    permutations: int = field(default=100, metadata={"help": "shuffles of labels that clusters are held against"})
    dimension_words: int = field(default=2000, metadata={"help": "words sampled for the intrinsic dimension; 0: none"})
    dimension_neighbours: int = field(default=100, metadata={"help": "neighbours by which the dimension is judged"})
    carries: str = field(
        default="last", metadata={"help": "layers at which directions are taken out: last, all, none, or as 0,3,6"}
    )
    labels: str | None = field(
        default=None,
        metadata={"help": "labels that say what directions carry, with commas; the first few by default"},
    )
    counts: str = field(
        default="0,1,2,5,10,20,50,100,200",
        metadata={"help": "numbers of directions that are taken out, with commas"},
    )
    draws: int = field(default=5, metadata={"help": "draws of random directions they are compared with"})
    probes: str = field(
        default="retrained", metadata={"help": "probes are trained again without the directions, or stay: frozen"}
    )
    probe_train: int = field(default=4000, metadata={"help": "training rows of a probe that judges directions"})
    head_sentences: int = field(
        default=200, metadata={"help": "test sentences the running classifier is judged on; 0: it is not run"}
    )
    treatments: bool = field(default=True, metadata={"help": "scores and isotropy after the study's treatments"})
    treatment_clusters: int = field(default=27, metadata={"help": "clusters of the cluster-based treatments"})
    treatment_components: int = field(default=12, metadata={"help": "directions taken out of each cluster"})
    sweep: bool = field(
        default=False, metadata={"help": "try other numbers of clusters and directions on the dev sentences"}
    )
    map_words: int = field(default=800, metadata={"help": "words on the map of each layer; 0: no map"})

    def __post_init__(self) -> None:
        least = {
            "bootstrap": 0,
            "min_count": 2,
            "local_words": 10,
            "permutations": 0,
            "dimension_words": 0,
            "dimension_neighbours": 2,
            "draws": 1,
            "probe_train": 10,
            "head_sentences": 0,
            "treatment_clusters": 1,
            "treatment_components": 0,
            "map_words": 0,
        }
        refuse_below("isotropy", self, least)
        if self.probes not in ("retrained", "frozen"):
            raise OptionError(f"isotropy: probes should be retrained or frozen. Got {self.probes!r}.")
        if min(self.multiples, default=0) <= 0:
            raise OptionError(f"isotropy: elongated should be numbers above 0. Got {self.elongated!r}.")
        if min(self.cluster_counts, default=0) < 1:
            raise OptionError(f"isotropy: clusters should be numbers of at least 1. Got {self.clusters!r}.")
        if min(self.removed, default=-1) < 0:
            raise OptionError(f"isotropy: counts should be numbers of at least 0. Got {self.counts!r}.")
        self.carried_at(0, 1)

    @property
    def multiples(self) -> tuple[float, ...]:
        """Of the mean variance, above which a direction is elongated."""
        return tuple(_numbers("elongated", self.elongated, float))

    @property
    def cluster_counts(self) -> tuple[int, ...]:
        """Numbers of clusters."""
        return tuple(_numbers("clusters", self.clusters, int))

    @property
    def removed(self) -> tuple[int, ...]:
        """Numbers of directions that are taken out."""
        return tuple(_numbers("counts", self.counts, int))

    @property
    def label_names(self) -> tuple[str, ...] | None:
        """The labels asked for; None where the analysis may choose."""
        return comma_names(self.labels)

    def carried_at(self, layer: int, last: int) -> bool:
        """Whether directions are taken out at this layer.

        Raises
        ------
        OptionError : `carries` is not written as it should be.
        """
        return is_chosen("isotropy: carries", self.carries, layer, last)

    def absent(self, layers: Iterable[int]) -> list[int]:
        """Layers at which directions are to be taken out and that a run of these layers does not have."""
        return absent_layers("isotropy: carries", self.carries, layers)


def _numbers(name: str, text: str, kind: type) -> list:
    try:
        return sorted({kind(part) for part in str(text).split(",") if part.strip()})
    except ValueError:
        raise OptionError(f"isotropy: {name} are numbers with commas. Got {text!r}.") from None
