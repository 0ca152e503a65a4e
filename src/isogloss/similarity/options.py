"""What can be asked of the similarity analysis, and the thresholds its sentences use."""

from __future__ import annotations

from dataclasses import dataclass, field

from isogloss.analysis.limits import refuse_below
from isogloss.errors import OptionError

KEPT = 0.99
"""A layer kept its geometry when the lower end of its CKA interval is at least this."""
REWRITTEN = 0.8
"""Below this CKA the sentence says "rewritten", above it "changed"."""
STEADY = 0.8
"""Change is said to grow (shrink) with depth from this absolute Spearman correlation on."""
DEPTH_LAYERS = 5
"""Fewest layers over which to speak of depth."""
BETTER_MATCH = 0.02
"""A tuned layer is said to match another base layer when its CKA is higher by at least this."""
INFLATED = 0.02
"""CKA above debiased CKA by this much means too few words for the width."""
AGREE = 0.05
"""Tuned models agree when CKA at every layer stays within a range of this size."""
LABEL_VALUES = 50
"""Most frequent values of each label that get a row of their own."""


@dataclass(frozen=True)
class SimilarityOptions:
    """Options of the similarity analysis."""

    neighbours: int = field(default=10, metadata={"help": "nearest neighbours per word"})
    neighbour_words: int = field(
        default=4000, metadata={"help": "words sampled for the neighbours (the same at every layer)"}
    )
    map: bool = field(default=True, metadata={"help": "compare every base layer with every tuned layer"})
    map_words: int | None = field(
        default=None, metadata={"help": "words sampled for the layer x layer map; all of them by default"}
    )
    bootstrap: int = field(default=1000, metadata={"help": "resamples of the sentences; 0 gives no intervals"})
    min_count: int = field(default=5, metadata={"help": "fewest occurrences of a word or label to be listed"})
    top_words: int = field(default=30, metadata={"help": "words listed as most and as least moved, per layer"})
    examples: int = field(default=3, metadata={"help": "example sentences per listed word"})

    def __post_init__(self) -> None:
        least = {
            "neighbours": 1,
            "neighbour_words": 2,
            "bootstrap": 0,
            "min_count": 1,
            "top_words": 0,
            "examples": 0,
        }
        refuse_below("similarity", self, least)
        if self.map_words is not None and self.map_words < 2:
            raise OptionError(f"similarity: map_words should be at least 2. Got {self.map_words} instead.")
