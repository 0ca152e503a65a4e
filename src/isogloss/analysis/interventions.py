"""Changes of one layer's vectors while the fine-tuned classifier runs: neurons or directions taken out, or moved.

What to change and what is concluded from it is in `task_use`; which sentences, the caller decides. The classifier is a
callable: sentences and an edit of one layer in, class probabilities out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from isogloss.analysis.protocol import Classifier
from isogloss.errors import OptionError

Tokens = Literal["all", "text", "special"]
Change = Callable[[np.ndarray, Any], np.ndarray]
"""Vectors (n_tokens, hidden) and what is known of the tokens (`special`, `ids`) in, vectors of the same shape out."""


@dataclass
class TokenMeans:
    """Mean vectors of the tokens at a layer: one for each special token (`[CLS]`, `[SEP]`), one for all others.

    Special tokens hold what no word holds, so a mean over both would be neither.

    Attributes
    ----------
    sums, counts : by id of a special token, None for tokens of text; (hidden,) float64 sums.
    """

    sums: dict[int | None, np.ndarray] = field(default_factory=dict)
    counts: dict[int | None, int] = field(default_factory=dict)

    @staticmethod
    def of(classify: Classifier, texts: Sequence[str], text_b: Sequence[str] | None, layer: int) -> TokenMeans:
        """Read them off while these sentences run through the model."""
        means = TokenMeans()

        def watch(vectors: np.ndarray, info: Any) -> np.ndarray:
            for kind, rows in _kinds(info):
                means.sums[kind] = means.sums.get(kind, 0) + vectors[rows].sum(axis=0, dtype=np.float64)
                means.counts[kind] = means.counts.get(kind, 0) + int(rows.sum())
            return vectors

        classify(texts, text_b, edit=(layer, watch))
        return means

    def rows(self, info: Any, hidden: int) -> np.ndarray:
        """(n_tokens, hidden) float32 the mean of each token's kind."""
        out = np.zeros((len(info.special), hidden), dtype=np.float32)
        for kind, rows in _kinds(info):
            if kind in self.counts:
                out[rows] = self.sums[kind] / self.counts[kind]
        return out


def _kinds(info: Any) -> list[tuple[int | None, np.ndarray]]:
    special = np.asarray(info.special, dtype=bool)
    ids = np.asarray(info.ids)
    found: list[tuple[int | None, np.ndarray]] = [(None, ~special)] if not special.all() else []
    return found + [(int(i), special & (ids == i)) for i in np.unique(ids[special])]


def ablate_neurons(neurons: Sequence[int] | np.ndarray, means: TokenMeans | None = None) -> Change:
    """Set neurons to 0, or to their mean over tokens of the same kind.

    Zero is what the ablation studies of NeuroX do; the mean leaves a layer's large constant components alone, so that
    what is taken out is what tells tokens apart.
    """
    chosen = np.asarray(neurons, dtype=np.int64)

    def change(vectors: np.ndarray, info: Any) -> np.ndarray:
        vectors[:, chosen] = 0.0 if means is None else means.rows(info, vectors.shape[1])[:, chosen]
        return vectors

    return change


def remove_directions(directions: np.ndarray, means: TokenMeans | None = None) -> Change:
    """Project vectors onto the complement of the span of some directions, about 0 or about the tokens' means.

    Parameters
    ----------
    directions : (k, hidden), not necessarily orthogonal; dependent ones count once.
    """
    basis = _orthonormal(directions)

    def change(vectors: np.ndarray, info: Any) -> np.ndarray:
        centre = 0.0 if means is None else means.rows(info, vectors.shape[1])
        deviations = vectors - centre
        return vectors - (deviations @ basis.T) @ basis

    return change


def translate(shift: np.ndarray, alpha: float = 1.0, neurons: Sequence[int] | np.ndarray | None = None) -> Change:
    """Add alpha times a shift, e.g. the difference between the means of two labels, in all or in some neurons."""
    moved = np.zeros_like(np.asarray(shift, dtype=np.float32))
    chosen = slice(None) if neurons is None else np.asarray(neurons, dtype=np.int64)
    moved[chosen] = alpha * np.asarray(shift, dtype=np.float32)[chosen]

    def change(vectors: np.ndarray, info: Any) -> np.ndarray:
        return vectors + moved

    return change


def restricted(change: Change, tokens: Tokens) -> Change:
    """The change at some tokens only: those of the text, or the special ones."""
    if tokens == "all":
        return change
    if tokens not in ("text", "special"):
        raise OptionError(f"tokens should be all, text or special. Got {tokens!r}.")

    def changed(vectors: np.ndarray, info: Any) -> np.ndarray:
        special = np.asarray(info.special, dtype=bool)
        rows = special if tokens == "special" else ~special
        out = vectors.copy()
        out[rows] = change(vectors.copy(), info)[rows]
        return out

    return changed


def matched_neurons(neurons: Sequence[int] | np.ndarray, spread: np.ndarray, seed: int) -> np.ndarray:
    """As many other neurons, drawn at random among those whose spread is nearest to that of the given ones.

    Taking out a neuron that varies much does more harm than one that hardly moves, whatever they mean; so each given
    neuron is matched, in random order, to one of the `NEAREST` free neurons with the nearest standard deviation.

    Parameters
    ----------
    neurons : the neurons to match, at most half of all.
    spread : (hidden,) standard deviation of every neuron.

    Returns
    -------
    (len(neurons),) increasing, none of them given.

    Raises
    ------
    OptionError : more than half of the neurons are given, so that there are too few others.
    """
    given = np.unique(np.asarray(neurons, dtype=np.int64))
    if 2 * len(given) > len(spread):
        raise OptionError(f"{len(given)} of {len(spread)} neurons cannot be matched with as many others")
    rng = np.random.default_rng([seed, len(given)])
    free = np.setdiff1d(np.arange(len(spread)), given)
    chosen = []
    for neuron in rng.permutation(given):
        near = free[np.argsort(np.abs(spread[free] - spread[neuron]), kind="stable")[:NEAREST]]
        chosen.append(rng.choice(near))
        free = free[free != chosen[-1]]
    return np.sort(np.array(chosen, dtype=np.int64))


NEAREST = 12
"""Neurons among which a match is drawn."""


def _orthonormal(directions: np.ndarray) -> np.ndarray:
    directions = np.atleast_2d(np.asarray(directions, dtype=np.float64))
    if not np.isfinite(directions).all():
        raise OptionError("directions should be finite. Got NaN or infinity.")
    _, sizes, basis = np.linalg.svd(directions, full_matrices=False)
    rank = int((sizes > sizes.max(initial=0.0) * max(directions.shape) * np.finfo(np.float64).eps).sum())
    return basis[:rank].astype(np.float32)
