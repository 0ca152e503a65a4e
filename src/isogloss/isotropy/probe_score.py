"""Accuracy of a ridge probe for one label, trained again after directions are removed, or frozen.

A ridge does not see rotations, so vectors are turned to their principal directions once, and removing some is dropping
columns. Which rows train and test is decided by `analysis.splits.probe_rows`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from isogloss.analysis import Vectors
from isogloss.analysis.sampling import sampled_rows
from isogloss.analysis.splits import ProbeRows
from isogloss.errors import OptionError
from isogloss.isotropy.directions import Cut, Directions
from isogloss.isotropy.estimate import Estimate
from isogloss.isotropy.score_resamples import ScoreResamples
from isogloss.isotropy.scores import Transform
from isogloss.numerics.elastic_net import Problem, Solution, solve
from isogloss.numerics.room import by_rows
from isogloss.progress import Advance

L2 = (1.0, 1e-1, 1e-2, 1e-3, 1e-4)
"""Penalties that dev chooses from, for vectors scaled to a mean variance of 1."""
TOLERANCE = 1e-4
MAX_TRAIN = 10_000


class ProbeScore:
    """Accuracy on test rows of a multinomial probe, mean cross-entropy + l2 / 2 * sum W^2.

    Vectors are divided by one number, the root of their mean variance in training, which no rotation changes. The
    penalty is chosen on dev with all directions (the strongest of equally good ones; the middle one without dev) and
    stays the same whatever is removed, so that curves show the directions and not the choice.

    Parameters
    ----------
    vectors : (n, d) of the rows: words, or sentences for a sentence label.
    rows : of one label with classes.
    pooled : where rows are means of words' vectors: the means of treated words, given the treatment. None treats the
        rows themselves.
    mode : "retrained" trains a probe after every cut: what could still be read. "frozen" trains one with all directions
        and sets those removed to their mean at test: what this probe reads there.
    max_train : at most so many training rows, a seeded draw; None = all.
    l2 : penalties, any order.
    n_boot, seed : resamples of the test sentences (0 gives no intervals).

    Attributes
    ----------
    floor : share of the commonest training class on test rows.
    n : test rows.
    chosen : the penalty with all directions, once it was asked.

    Raises
    ------
    OptionError : the label is numeric, the mode has no such value, or there is no penalty.
    """

    name = "accuracy"

    def __init__(
        self,
        vectors: Vectors,
        rows: ProbeRows,
        *,
        pooled: Callable[[Transform], Vectors] | None = None,
        mode: Literal["retrained", "frozen"] = "retrained",
        max_train: int | None = MAX_TRAIN,
        l2: Sequence[float] = L2,
        n_boot: int = 200,
        seed: int = 0,
    ) -> None:
        if rows.targets is not None:
            raise OptionError(f"probes here tell classes apart. The label {rows.label!r} is numeric.")
        if mode not in ("retrained", "frozen"):
            raise OptionError(f"mode should be retrained or frozen. Got {mode!r}.")
        if not len(l2):
            raise OptionError("l2 should be one penalty or several. Got none.")
        train = rows.train[sampled_rows(len(rows.train), max_train, seed)]
        # A small draw may miss a class; the probe then never says it.
        self._classes, self._codes = np.unique(rows.codes[train], return_inverse=True)
        if len(self._classes) < 2:
            raise OptionError(f"{rows.label}: {len(train)} training rows are of one class; take more of them")
        self._parts, self._pooled = (train, rows.dev, rows.test), pooled
        self._train, self._dev, self._test = (vectors.take(part) for part in self._parts)
        self._dev_codes, self._test_codes = rows.codes[rows.dev], rows.codes[rows.test]
        self.mode, self.n = mode, len(rows.test)
        self._l2 = sorted((float(one) for one in l2), reverse=True)
        sentences, self._groups = np.unique(rows.sentences[rows.test], return_inverse=True)
        self._resamples = ScoreResamples(len(sentences), n_boot, seed)
        commonest = self._classes[np.bincount(self._codes).argmax()]
        self.floor = float((self._test_codes == commonest).mean())
        self.chosen: float | None = None
        self._untouched: Estimate | None = None

    @property
    def untouched(self) -> Estimate:
        """Accuracy with all directions."""
        if self._untouched is None:
            self._untouched = self.treated(lambda X: X)
        return self._untouched

    def treated(self, transform: Transform) -> Estimate:
        """Accuracy of a probe trained on treated vectors, its penalty chosen on treated dev vectors."""
        if self._pooled is None:
            treated = [by_rows(transform, part) for part in (self._train, self._dev, self._test)]
        else:
            means = self._pooled(transform)
            treated = [means.take(part) for part in self._parts]
        mean = treated[0].mean(axis=0, dtype=np.float64)
        scale = _scale(float(treated[0].var(axis=0, dtype=np.float64).mean()))

        def standardised(block: np.ndarray) -> np.ndarray:
            return ((block.astype(np.float64) - mean) / scale).astype(np.float32)

        train, dev, test = (by_rows(standardised, part) for part in treated)
        probe = self._chosen(train, dev)[1]
        return self._accuracies([_logits(test, probe)])[0]

    def without(
        self, directions: Directions, cuts: Sequence[Cut], seed: int = 0, advance: Advance = lambda _: None
    ) -> list[Estimate]:
        """Accuracy after each cut; replicates belong together with those of `untouched`."""
        scale = _scale(float(self._train.var(axis=0, dtype=np.float64).mean()))
        train, dev, test = (
            by_rows(lambda block: directions.coordinates(block, dtype=np.float32) / np.float32(scale), part)
            for part in (self._train, self._dev, self._test)
        )
        self.chosen, whole = self._chosen(train, dev)
        found = []
        now: tuple[str, int] | None = None
        along, along_test, start = train, test, whole
        for cut in cuts:
            if (cut.kind, cut.draw) != now:
                now = cut.kind, cut.draw
                along_test = by_rows(lambda block, cut=cut: directions.ordered(block, cut, seed), test)  # type: ignore[misc]
                start = replace(whole, coef=directions.ordered(whole.coef, cut, seed))
                if self.mode == "retrained":
                    along = directions.ordered(train, cut, seed)
            kept = cut.kept(directions.d)
            # Always from the probe of all directions, so that no score depends on what else was asked.
            probe = replace(start, coef=start.coef[:, kept])
            if self.mode == "retrained" and probe.coef.shape != start.coef.shape:
                probe = self._solved(np.ascontiguousarray(along[:, kept]), self.chosen, probe)
            found.append(_logits(along_test, replace(probe, coef=probe.coef.astype(np.float32)), kept))
            advance(1)
        return self._accuracies(found)

    def _chosen(self, train: np.ndarray, dev: np.ndarray) -> tuple[float, Solution]:
        """The penalty with the best dev accuracy, from the strongest until dev gets worse, and its probe."""
        if not len(dev):
            l2 = self._l2[len(self._l2) // 2]
            return l2, self._solved(train, l2)
        best: tuple[float, float, Solution] | None = None
        last: Solution | None = None
        for l2 in self._l2:
            last = self._solved(train, l2, last)
            right = float((self._said(_logits(dev, last)) == self._dev_codes).mean())
            if best is not None and right < best[0]:
                break
            if best is None or right > best[0]:
                best = right, l2, last
        assert best is not None
        return best[1], best[2]

    def _solved(self, X: np.ndarray, l2: float, start: Solution | None = None) -> Solution:
        problem = Problem(codes=self._codes, n_classes=len(self._classes), l1=0.0, l2=l2)
        return solve(X, [problem], start=None if start is None else [start], tol=TOLERANCE)[0]

    def _said(self, logits: np.ndarray) -> np.ndarray:
        return self._classes[logits.argmax(axis=1)]

    def _accuracies(self, logits: Sequence[np.ndarray]) -> list[Estimate]:
        right = np.stack([self._said(one) == self._test_codes for one in logits], axis=1)
        return self._resamples.means(right, self._groups)


def _logits(X: np.ndarray, probe: Solution, kept: slice = slice(None)) -> np.ndarray:
    """(n, n_classes) of some columns of X (n, d)."""
    return by_rows(lambda block: block[:, kept] @ probe.coef.T + probe.intercept, X)


def _scale(mean_variance: float) -> float:
    """What vectors are divided by; 1 where nothing varies."""
    return mean_variance**0.5 if mean_variance > 0 else 1.0
