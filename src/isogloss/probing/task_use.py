"""Whether the task still uses what a label's neurons hold: they are taken out while the classifier runs.

The loss is judged against as many random neurons that vary as much: taking out anything does harm. How vectors are
changed is in `interventions`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from isogloss.analysis import Classifier
from isogloss.analysis.interventions import Change, TokenMeans, Tokens, ablate_neurons, matched_neurons, restricted
from isogloss.analysis.tables import FEWEST_SENTENCES
from isogloss.numerics.bootstrap import percentile_interval, poisson_sums
from isogloss.progress import Advance


@dataclass(frozen=True)
class TaskUse:
    """What taking a label's neurons out of one layer does to the task.

    Attributes
    ----------
    accuracy : of the untouched classifier on these sentences.
    loss : accuracy lost without the neurons, with its 95% interval over sentences.
    random : (n_random,) accuracy lost without matched random neurons, one number per draw.
    difference : loss minus the mean of `random`, with its interval over the same sentences; above 0: the task uses
        these neurons more than neurons as lively.
    shift : mean over sentences of the probability of the gold class that is lost; `random_shift` without random ones.
    n : sentences.
    n_neurons : how many were taken out.
    spread, random_spread : mean standard deviation of these neurons, and of the random ones; the liveliest neurons of a
        layer have no others that are as lively.
    """

    accuracy: float
    loss: float
    loss_interval: tuple[float, float]
    random: np.ndarray
    difference: float
    difference_interval: tuple[float, float]
    shift: float
    random_shift: float
    n: int
    n_neurons: int
    spread: float
    random_spread: float


@dataclass(frozen=True)
class TaskSentences:
    """Sentences with a gold class that the classifier knows, and what it says of them untouched.

    Attributes
    ----------
    texts, text_b : n sentences, and the second texts of pairs or None.
    gold : (n,) columns of the classes.
    probabilities : (n, n_classes).
    """

    texts: Sequence[str]
    text_b: Sequence[str] | None
    gold: np.ndarray
    probabilities: np.ndarray

    @staticmethod
    def of(
        classify: Classifier, texts: Sequence[str], gold: np.ndarray, text_b: Sequence[str] | None = None
    ) -> TaskSentences:
        """Ask the classifier once."""
        return TaskSentences(texts, text_b, np.asarray(gold), classify(texts, text_b))

    def right(self, probabilities: np.ndarray | None = None) -> np.ndarray:
        """(n,) whether the gold class is the most probable one."""
        given = self.probabilities if probabilities is None else probabilities
        return given.argmax(axis=1) == self.gold

    def sure(self, probabilities: np.ndarray | None = None) -> np.ndarray:
        """(n,) probability of the gold class."""
        given = self.probabilities if probabilities is None else probabilities
        return given[np.arange(len(self.gold)), self.gold]


def task_use(
    classify: Classifier,
    sentences: TaskSentences,
    layer: int,
    sets: Mapping[str, np.ndarray],
    spread: np.ndarray,
    *,
    replacement: str = "mean",
    tokens: Tokens = "all",
    n_random: int = 5,
    n_boot: int = 200,
    seed: int = 0,
    advance: Advance = lambda _: None,
) -> dict[str, TaskUse]:
    """Take each set of neurons out of a layer, and matched random ones beside it.

    Parameters
    ----------
    classify : the fine-tuned classifier.
    layer : 0 = embeddings, i = after block i.
    sets : neurons by name, e.g. the salient ones of each label; an empty set loses nothing.
    spread : (hidden,) standard deviation of every neuron at this layer, by which random ones are matched.
    replacement : "zero", or "mean": each neuron's mean over tokens of the same kind.
    tokens : where neurons are taken out.
    n_random : draws of random neurons, at least 1. Sets share no draws: each is matched to its own spread.
    n_boot, seed : resamples of the sentences (0 gives no intervals, nor do fewer than `FEWEST_SENTENCES`), and the seed
        of everything random.
    advance : told after each pass of the classifier.
    """
    means = None
    if replacement == "mean":
        means = TokenMeans.of(classify, sentences.texts, sentences.text_b, layer)

    def without(neurons: np.ndarray) -> np.ndarray:
        change: Change = restricted(ablate_neurons(neurons, means), tokens)
        found = classify(sentences.texts, sentences.text_b, edit=(layer, change))
        advance(1)
        return found

    found = {}
    for name, neurons in sets.items():
        others = [matched_neurons(neurons, spread, seed + draw) for draw in range(n_random)]
        found[name] = _judged(
            sentences,
            without(neurons),
            [without(matched) for matched in others],
            (len(neurons), _mean(spread[neurons]), _mean(spread[np.concatenate(others)])),
            n_boot,
            seed,
        )
    return found


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else 0.0


def _judged(
    sentences: TaskSentences,
    without: np.ndarray,
    random: list[np.ndarray],
    taken: tuple[int, float, float],
    n_boot: int,
    seed: int,
) -> TaskUse:
    before = sentences.right().astype(np.float64)
    lost = before - sentences.right(without)
    controls = np.array([before - sentences.right(one) for one in random])
    paired = lost - controls.mean(axis=0)
    n = len(before)
    low, high = np.full(2, np.nan), np.full(2, np.nan)
    if n_boot and n >= FEWEST_SENTENCES:
        totals = poisson_sums(np.stack([lost, paired, np.ones(n)], axis=1), n_boot, seed)
        low, high = percentile_interval(totals[:, :2] / np.where(totals[:, 2:] > 0, totals[:, 2:], np.nan))
    return TaskUse(
        accuracy=float(before.mean()),
        loss=float(lost.mean()),
        loss_interval=(float(low[0]), float(high[0])),
        random=controls.mean(axis=1),
        difference=float(paired.mean()),
        difference_interval=(float(low[1]), float(high[1])),
        shift=float((sentences.sure() - sentences.sure(without)).mean()),
        random_shift=float(np.mean([(sentences.sure() - sentences.sure(one)).mean() for one in random])),
        n=n,
        n_neurons=taken[0],
        spread=taken[1],
        random_spread=taken[2],
    )
