"""Options of the probing analysis."""

from __future__ import annotations

from dataclasses import dataclass, field

from isogloss.analysis.limits import refuse_below
from isogloss.errors import OptionError

RANKINGS = ("lca", "probeless", "weights", "gaussian")


@dataclass(frozen=True)
class ProbingOptions:
    """Options of the probing analysis.

    `l1` and `l2` weigh the penalties of mean cross-entropy + l1 sum|W| + l2/2 sum W^2. Durrani et al. (Findings of ACL
    2021) use 1e-5 for both.
    """

    labels: str | None = field(
        default=None, metadata={"help": "word or sentence labels to probe, with commas; all there are by default"}
    )
    l1: float = field(default=1e-5, metadata={"help": "weight of the L1 penalty"})
    l2: float = field(default=1e-5, metadata={"help": "weight of the L2 penalty"})
    strengths: str = field(
        default="1,10,100,1000",
        metadata={"help": "multiples of both penalties, with commas, among which the dev sentences choose"},
    )
    penalty: str = field(default="elastic", metadata={"help": "elastic, or neurox: the L2 norm not squared"})
    share_power: float = field(
        default=0.0,
        metadata={"help": "1 penalises a label's rare values less, in proportion to their words; 0 all alike"},
    )
    standardize: bool = field(default=True, metadata={"help": "scale every neuron to unit variance for the probe"})
    controls: int = field(default=3, metadata={"help": "control tasks (random label per word type) for selectivity"})
    min_count: int = field(default=10, metadata={"help": "training words that a label's value needs to take part"})
    max_classes: int = field(default=100, metadata={"help": "values of a label that take part, the commonest"})
    max_train: int = field(default=150_000, metadata={"help": "training words, the first ones"})
    bootstrap: int = field(default=200, metadata={"help": "resamples of the test sentences; 0 gives no intervals"})
    description_length: bool = field(default=False, metadata={"help": "measure bits too, by the online code"})
    learning_curve: bool = field(default=False, metadata={"help": "accuracy over the number of training words too"})
    mlp: bool = field(default=False, metadata={"help": "probes with two hidden layers beside the linear ones"})
    rankings: str = field(
        default="lca,probeless,weights",
        metadata={"help": "how neurons are ranked, with commas: lca, probeless, weights, gaussian"},
    )
    salient_share: float = field(
        default=0.25, metadata={"help": "share of a label value's weight that its salient neurons hold"}
    )
    ablation: bool = field(default=True, metadata={"help": "keep or take out the top neurons of each layer's probes"})
    together: bool = field(default=True, metadata={"help": "probe all layers side by side: where neurons sit"})
    together_train: int = field(default=20_000, metadata={"help": "training words of the probes of all layers"})
    minimal_neurons: bool = field(default=True, metadata={"help": "find the fewest neurons of all layers that suffice"})
    minimal_layers: bool = field(default=True, metadata={"help": "find the lowest layers that suffice together"})
    scalar_mix: bool = field(default=False, metadata={"help": "weights of the layers in a mix of them too"})
    task_use: bool = field(
        default=True, metadata={"help": "take a label's neurons out of the running classifier, if there is one"}
    )
    task_sentences: int = field(default=300, metadata={"help": "test sentences that the classifier is run on"})
    task_neurons: float = field(default=0.1, metadata={"help": "share of a layer's neurons that are taken out"})
    task_random: int = field(default=5, metadata={"help": "draws of random neurons they are compared with"})
    pages: int = field(default=40, metadata={"help": "neurons per layer and model that have a page of their own"})
    device: str = field(default="cpu", metadata={"help": "where probes are trained, e.g. cuda"})

    def __post_init__(self) -> None:
        least = {
            "controls": 0,
            "min_count": 1,
            "max_classes": 2,
            "max_train": 2,
            "together_train": 2,
            "bootstrap": 0,
            "pages": 0,
        }
        least |= {"task_sentences": 1, "task_random": 1, "l1": 0, "l2": 0}
        refuse_below("probing", self, least)
        if not 0 <= self.share_power <= 1:
            raise OptionError(f"probing: share_power should be from 0 to 1. Got {self.share_power}.")
        if self.share_power and self.penalty == "neurox":
            raise OptionError(f"probing: the neurox penalty takes no share_power. Got {self.share_power}.")
        for name, top in (("salient_share", 1), ("task_neurons", 0.5)):
            if not 0 < getattr(self, name) <= top:
                raise OptionError(f"probing: {name} should be above 0 and at most {top}. Got {getattr(self, name)}.")
        if self.penalty not in ("elastic", "neurox"):
            raise OptionError(f"probing: penalty should be elastic or neurox. Got {self.penalty!r}.")
        if unknown := [name for name in self.ranking_names if name not in RANKINGS]:
            raise OptionError(f"probing: rankings are {', '.join(RANKINGS)}. Got {unknown[0]!r}.")
        if "gaussian" in self.ranking_names and self.min_count < 2:
            raise OptionError("probing: the Gaussian ranking needs 2 training words of a value; min_count should be 2.")
        if not self.factors:
            raise OptionError("probing: strengths should hold at least one number.")

    @property
    def ranking_names(self) -> tuple[str, ...]:
        """The rankings asked for."""
        return tuple(name.strip() for name in self.rankings.split(",") if name.strip())

    @property
    def factors(self) -> tuple[float, ...]:
        """Multiples of the penalties, increasing."""
        try:
            factors = sorted({float(part) for part in self.strengths.split(",") if part.strip()})
        except ValueError:
            raise OptionError(f"probing: strengths are numbers with commas. Got {self.strengths!r}.") from None
        if factors and not (factors[0] > 0 and factors[-1] < float("inf")):
            raise OptionError(f"probing: strengths should be above 0. Got {self.strengths!r}.")
        return tuple(factors)
