"""What directions carry: a score after removing the top k, beside removing as many random or bottom ones.

One layer of one model at a time; two models under one seed have replicates that belong together. Scores are in
`scores`, `probe_score` and `head_score`. After Rajaee & Pilehvar (Findings of EMNLP 2021, arXiv 2109.04740); the
controls - random and bottom directions, the top ones alone - are added here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from isogloss.errors import OptionError
from isogloss.isotropy.directions import DRAWN, KINDS, Cut, Directions, Which, cuts_of
from isogloss.isotropy.estimate import Estimate
from isogloss.isotropy.scores import RemovalScore
from isogloss.progress import SILENT, Progress

COMPARED: tuple[Which, ...] = ("top", "bottom", "random", "only_top")
KS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500)
NOTHING = Cut("top", 0)
SCHEMA: dict[str, Any] = {
    "which": pl.String(),
    "k": pl.Int64(),
    "draw": pl.Int64(),
    "variance": pl.Float64(),
    "value": pl.Float64(),
    "ci_low": pl.Float64(),
    "ci_high": pl.Float64(),
    "change": pl.Float64(),
    "change_low": pl.Float64(),
    "change_high": pl.Float64(),
}


@dataclass(frozen=True, eq=False)
class RemovalCurves:
    """A score after every cut.

    Attributes
    ----------
    name : of the score.
    floor : what the score is without any vectors.
    scores : by cut; `NOTHING` is the score with all directions.
    variance : by cut, the share of the training vectors' variance that is gone.
    """

    name: str
    floor: float
    scores: dict[Cut, Estimate]
    variance: dict[Cut, float]

    def change(self, cut: Cut) -> Estimate:
        """The score after a cut less that with all directions."""
        return self.scores[cut].minus(self.scores[NOTHING])

    def curve(self, which: Which) -> dict[int, Estimate]:
        """The score for each k, increasing, the mean over draws; k = 0 with all directions but for "only_top"."""
        found: dict[int, list[Estimate]] = {} if which == "only_top" else {0: [self.scores[NOTHING]]}
        for cut, score in self.scores.items():
            if cut.kind == which and cut != NOTHING:
                found.setdefault(cut.k, []).append(score)
        return {k: _mean(found[k]) for k in sorted(found)}

    def area(self, which: Which = "top", against: Which = "random") -> Estimate:
        """How much more is lost with these directions than with as many of the others, on average over log(1 + k).

        By the trapezoid rule between the ks of both curves, in units of the score; above 0 these directions carry more.

        Raises
        ------
        OptionError : the curves have fewer than two ks in common.
        """
        these, others = self.curve(which), self.curve(against)
        ks = [k for k in these if k in others]
        if len(ks) < 2:
            raise OptionError(f"an area needs two numbers of directions removed both ways. Got {len(ks)}.")
        x = np.log1p(np.array(ks, dtype=np.float64))
        share = np.zeros(len(x))
        share[1:] += np.diff(x) / 2
        share[:-1] += np.diff(x) / 2
        gaps = [others[k].minus(these[k]) for k in ks]
        share /= x[-1] - x[0]
        return Estimate(float(share @ [gap.value for gap in gaps]), share @ np.stack([gap.replicates for gap in gaps]))

    def table(self) -> pl.DataFrame:
        """A row for each cut: the columns of `SCHEMA`, with 95% intervals over sentences or pairs."""
        rows = []
        for cut, score in self.scores.items():
            change = self.change(cut)
            rows.append((*cut, self.variance[cut], score.value, *score.interval(), change.value, *change.interval()))
        return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def removal_curves(
    score: RemovalScore,
    directions: Directions,
    *,
    ks: Sequence[int] = KS,
    kinds: Sequence[Which] = COMPARED,
    draws: int = 5,
    seed: int = 0,
    progress: Progress = SILENT,
) -> RemovalCurves:
    """A score after removing k directions, for several k, kinds of directions and random draws.

    Parameters
    ----------
    score : of vectors of the same layer and model as the directions.
    directions : of training words (`Directions.of(vectors, rows)`), not of those that are judged.
    ks : numbers of directions; those that leave nothing of this width are passed over, 0 is always among them.
    kinds : of `directions.KINDS`. "random" takes principal directions at random, the same kind of directions as the top
        ones. "random_any" takes any directions of the space: as it mixes large directions into small ones, it costs a
        probe what stands along small ones too.
    draws : of random directions, nested in k: each draw removes more and more in one random order.
    seed : of the random directions.

    Raises
    ------
    OptionError : a kind has no such name, a number is negative or no whole number, or no draw is asked for.
    """
    for kind in kinds:
        if kind not in KINDS:
            raise OptionError(f"kinds should be among {', '.join(KINDS)}. Got {kind!r}.")
    if any(k != int(k) or k < 0 for k in ks):
        raise OptionError(f"ks should be whole numbers of directions, at least 0. Got {list(ks)}.")
    if set(kinds) & set(DRAWN) and draws < 1:
        raise OptionError(f"draws should be at least 1. Got {draws}.")
    cuts = [NOTHING, *cuts_of(ks, kinds, draws, directions.d)]
    with progress.task("removal", len(cuts), "cuts") as advance:
        scores = score.without(directions, cuts, seed, advance)
    return RemovalCurves(
        score.name,
        score.floor,
        dict(zip(cuts, scores, strict=True)),
        {cut: directions.variance_removed(cut, seed) for cut in cuts},
    )


def _mean(scores: Sequence[Estimate]) -> Estimate:
    return Estimate(
        float(np.mean([score.value for score in scores])), np.mean([score.replicates for score in scores], axis=0)
    )
