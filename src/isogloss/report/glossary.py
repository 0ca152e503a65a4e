"""Terms of the page in plain words. Only those that a page uses are shown on it."""

from __future__ import annotations

from collections.abc import Iterable

GENERAL: tuple[tuple[str, str], ...] = (
    (
        "Layer",
        "A model reads a sentence in steps. Layer 0 is its dictionary of word pieces; each further "
        "layer mixes in more of the sentence; the last one feeds the task. At every layer each word is "
        "a point in space: a list of numbers, its vector.",
    ),
    (
        "Interval [low, high]",
        "When the sentences are drawn again and again at random from those at hand (a bootstrap), the "
        "number falls within these limits 95 times in 100. The narrower they are, the less it depends "
        "on which sentences were chosen.",
    ),
    (
        "Noise floor",
        "What the number would be if fine-tuning had changed nothing, or if labels meant nothing. A "
        "value inside this hatched band is no evidence of change; outside it, there is something to "
        "explain.",
    ),
)

MEASURES: dict[str, tuple[str, str]] = {
    "cka": (
        "CKA",
        "How similar the arrangement of the same words is in the two models, whatever the axes: 1 is "
        "the same arrangement up to rotation and scale, 0 is no relation (linear centred kernel "
        "alignment, Kornblith et al. 2019).",
    ),
    "cka_debiased": (
        "Debiased CKA",
        "CKA corrected for its tendency to look high when words are few and vectors are long; it can "
        "fall slightly below 0.",
    ),
    "procrustes": (
        "Procrustes distance",
        "What remains different after one cloud of words has been rotated onto the other as well as "
        "possible: 0 is nothing (orthogonal Procrustes, Schönemann 1966).",
    ),
    "cosine": (
        "Cosine",
        "How far each word's own vector turned, without any rotation allowed: 1 is not at all, 0 is a right angle.",
    ),
    "neighbours": (
        "Neighbour overlap",
        "Of the ten words nearest to a word in one model, the share that is also among its ten nearest in the other.",
    ),
    "mean_cosine": (
        "Mean cosine",
        "How alike the directions are in which any two words' vectors point, over all pairs: near 0 they point "
        "everywhere, near 1 all the same way (the space is narrow).",
    ),
    "isoscore": (
        "IsoScore",
        "How evenly the variance of words is spread over directions: 1 is alike in all, 0 is all along one. Blind to "
        "rotation, scale and the mean (Rudman et al. 2022).",
    ),
    "partition_log10": (
        "Isotropy of the partition function",
        "How alike sums of exp(u.w) are over the main directions u, as a power of ten: 0 is the same in all; the "
        "lower, the more some directions stand out (Mu & Viswanath 2018).",
    ),
    "top_share": (
        "Share of the first direction",
        "The part of all variance between words that lies along the one direction in which they differ most.",
    ),
    "r2": (
        "R²",
        "Of a label that is a number: the share of its variance, in sentences held out, that a linear probe explains. "
        "1 is all of it; 0 is no better than always saying the mean, below 0 worse.",
    ),
}

TERMS: dict[str, tuple[str, str]] = {
    "kept": (
        "Concept; kept, split, merged, dissolved",
        "A concept is a cluster of words whose vectors lie together in one layer of one model (at most 20 random "
        "occurrences of each frequent enough word take part). A base concept is kept when one concept of the "
        "tuned model holds most of its words and little else, split when several that come mostly from it do, "
        "merged when its words stay together in a larger one, and dissolved when they go apart.",
    ),
    "inherited": (
        "Inherited, new",
        "A concept of the tuned model is inherited when most of its words come from base concepts that went into "
        "it, and new when it is gathered from pieces of many.",
    ),
    "adjusted_rand": (
        "Adjusted Rand index",
        "How far two groupings of the same words agree: 1 is the same groups, 0 what chance gives (Hubert & "
        "Arabie 1985).",
    ),
    "matched": (
        "Matched",
        "Share of concepts whose different words are found, nearly all of them, in one concept of the other model. "
        "Chance is what is found when words trade concepts at random, each with a word about as frequent.",
    ),
    "loss": (
        "Loss against Ward's method",
        "Within-cluster sum of squared distances divided by that of as many clusters of Ward's method: 1 is as "
        "compact, above 1 looser, below 1 tighter.",
    ),
    "alignment": (
        "Explained by",
        "A label explains a concept when nearly all its words have it. Concepts of one or two different words are "
        "easily explained by anything, which is why shuffled labels are shown beside it.",
    ),
    "reliance": (
        "Reliance on the top directions",
        "A score is asked again without the directions in which words differ most, and without as many random ones. "
        "Reliance is how much more is lost without the top ones, on average over how many are taken out.",
    ),
    "nmi": (
        "Normalised mutual information",
        "How far groups and labels tell each other: 0 is not at all, 1 is the same groups. Chance is above 0, and "
        "shown.",
    ),
    "polar": (
        "On the side of a class, polar",
        "A concept takes the side of a class when nearly all its words come from sentences of that class. Chance "
        "is what shuffling the classes of the sentences gives.",
    ),
    "flip_rate": (
        "Trigger, share turned (flip rate)",
        "A word of a concept on one class's side is put into sentences of the other classes that the model "
        "classifies correctly; the share whose prediction turns to that class. Controls are put in at the same "
        "places: random words, words as frequent, and words of concepts on no side.",
    ),
    "accuracy": (
        "Probe, accuracy",
        "A probe is a small classifier trained to read a label from the vectors of one layer; the models stay as they "
        "are. Its accuracy is the share right in sentences it was not trained on. What a probe reads is there to be "
        "read; whether the model uses it is another question.",
    ),
    "control": (
        "Control task",
        "A made-up label: each different word gets a random value, the same wherever it stands. A probe can only learn "
        "it by heart, so what it reaches there shows how much learning by heart alone can do.",
    ),
    "selectivity": (
        "Selectivity",
        "Accuracy on the label minus accuracy on control tasks: what the probe reads beyond what it can learn by heart "
        "(Hewitt & Liang 2019).",
    ),
    "macro_f1": (
        "F1, macro F1",
        "How well one value of a label is found: high only where most words with the value are found and most words "
        "said to have it do. Macro F1 is the mean over the values, rare ones counting as much as common ones.",
    ),
    "per_type": (
        "Each word's commonest value (per-type baseline)",
        "What is right without any vectors: for each word always the value it most often had in training, for words "
        "not seen there the commonest of all.",
    ),
    "shift": (
        "Relabelled neurons",
        "Chance for where neurons sit: those salient in one model only are dealt out anew to the two models, as many "
        "to each as before. A move that lies within what this gives says nothing of fine-tuning.",
    ),
    "difference": (
        "Neurons taken out",
        "While the tuned model classifies, some neurons of one layer are held at their mean. What it loses is held "
        "against taking out as many random neurons that vary as much, because taking out anything does harm.",
    ),
    "bits": (
        "Bits per word (description length)",
        "How many yes-or-no answers a word's label still costs one who has the vectors and learns as labels come in: "
        "fewer where the label is easy to read, and soon (Voita & Titov 2020).",
    ),
    "neurons": (
        "Neuron, salient",
        "A neuron is one of the numbers of a word's vector. It is salient for a label when a probe that reads the "
        "label from the vectors leans on it. On the map, saliency is a share of the largest in that model. "
        "Activations are in standard deviations from the neuron's mean (z-scores).",
    ),
    "wordmap": (
        "Map of words",
        "Each word is a point: its vector seen along the two directions in which the vectors of that layer of that "
        "model vary most. What is near on the map can be far apart in the other directions; the share of the variance "
        "says how much is seen. Which end of a direction is left and which right means nothing.",
    ),
    "paths": (
        "Paths of labels",
        "Each label is a point: the middle of its words' vectors in one layer, seen along two directions that stay the "
        "same from step to step, so that what moves on the page has moved in the model. Movement in other directions "
        "is not seen; the share of the variance says how much is.",
    ),
    "clusters": (
        "Clusters, told apart by planes",
        "The vectors of a label's values are gathered into as few clusters as can be whose hulls - the shapes that "
        "just hold their points - do not run into those of other values. One cluster per value: flat cuts through the "
        "space tell all values apart. More: values are tangled (DirectProbe, Zhou & Srikumar 2021).",
    ),
    "min_distance": (
        "Least distance",
        "How near the hull of a value comes to that of the nearest other value; a mean over the values. Where it grows "
        "there is more room for a classifier to tell them apart. In units of the spread, so that a space that only "
        "grew has not moved anything apart.",
    ),
    "spatial": (
        "Spatial similarity",
        "Whether values that lie far apart in one space do so in the other: the correlation of the distances of all "
        "pairs of values. Chance is what shuffling the names of the values gives (Mantel's test).",
    ),
    "intra_accuracy": (
        "Nearest cluster (intra-accuracy)",
        "The share of test rows that lie nearest to a cluster of their own value. Nothing is trained.",
    ),
    "memorised_gap": (
        "Memorised; subtrain, subtest, test",
        "The model was tuned on all training sentences; a classifier of its vectors is trained on four fifths of them "
        "(subtrain) and tried on the rest (subtest) and on sentences that neither saw (test). If the subtest is "
        "easier than the test after tuning, and was not before, the model has encoded its training sentences.",
    ),
    "lca": (
        "LCA ranking",
        "Linguistic correlation analysis: neurons in the order in which they come to carry a share of the weights of a "
        "sparse linear probe, label by label (Dalvi et al. 2019).",
    ),
    "probeless": (
        "Probeless ranking",
        "Neurons by how far apart their means lie between the words of any two values of the label; nothing is trained "
        "(Antverg & Belinkov 2022).",
    ),
    "gaussian": (
        "Gaussian ranking",
        "Neurons chosen one after another, each the one with which a Gaussian classifier tells most about the label "
        "(Torroba Hennigen et al. 2020).",
    ),
    "weights": (
        "Weight ranking",
        "Neurons by the mean absolute weight that a linear probe gives them.",
    ),
}
"""Words that a measure, a kind of figure or a ranking brings with it, where its own name says enough in a table."""

RANKINGS = {"lca": "LCA", "probeless": "Probeless", "gaussian": "Gaussian", "weights": "mean weight"}
"""Rankings of neurons as readers know them."""


def terms(measures: Iterable[str]) -> list[tuple[str, str]]:
    """(term, meaning) pairs: the general ones, then those of the given measures, in a fixed order."""
    used = set(measures)
    return [*GENERAL, *(entry for measure, entry in (MEASURES | TERMS).items() if measure in used)]


def measure_name(measure: str) -> str:
    """A measure as readers know it."""
    name = measure.removesuffix("_change")
    known = MEASURES[name][0] if name in MEASURES else name.replace("_", " ")
    return f"{known} change" if name != measure else known


def ranking_name(method: str) -> str:
    """A ranking of neurons as readers know it."""
    return RANKINGS.get(method.casefold(), method.replace("_", " "))
