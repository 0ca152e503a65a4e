"""Accuracy of the running classifier with directions taken out of all its tokens at one layer.

How vectors are changed on their way is in `analysis.interventions`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from isogloss.analysis import Classifier
from isogloss.analysis.interventions import TokenMeans, Tokens, remove_directions, restricted
from isogloss.errors import OptionError
from isogloss.isotropy.directions import Cut, Directions
from isogloss.isotropy.estimate import Estimate
from isogloss.isotropy.score_resamples import ScoreResamples
from isogloss.progress import Advance


class HeadScore:
    """Accuracy of the fine-tuned classifier when its tokens lose directions at a layer.

    What tokens lose is how they differ along the directions from the mean of tokens of the same kind (each special
    token, the text): the mean itself stays, since later layers count on it.

    Parameters
    ----------
    classify : the classifier; one pass over the sentences for each cut.
    layer : 0 = embeddings, i = after block i.
    texts, text_b : n sentences, and the second texts of pairs or None.
    gold : (n,) names of the sentences' classes.
    means : of the tokens at this layer, best those of training sentences; None takes those of these sentences.
    tokens : which tokens lose the directions: "all", "text" or "special".
    n_boot, seed : resamples of the sentences (0 gives no intervals).

    Attributes
    ----------
    floor : share of the commonest class.
    n : sentences.

    Raises
    ------
    OptionError : no sentence, lengths differ, or a class that the classifier does not know.
    ModelError : the model has no classifier's head.
    """

    name = "accuracy"

    def __init__(
        self,
        classify: Classifier,
        layer: int,
        texts: Sequence[str],
        gold: Sequence[str],
        text_b: Sequence[str] | None = None,
        *,
        means: TokenMeans | None = None,
        tokens: Tokens = "all",
        n_boot: int = 200,
        seed: int = 0,
    ) -> None:
        if not len(texts) or len(texts) != len(gold):
            raise OptionError(f"there should be one class per sentence, at least one. Got {len(gold)} of {len(texts)}.")
        number = {name: i for i, name in enumerate(classify.classes)}
        unknown = sorted({str(name) for name in gold} - set(number))
        if unknown:
            raise OptionError(f"the classifier knows {', '.join(number)}. It does not know the class {unknown[0]!r}.")
        self._classify, self._layer, self._texts, self._text_b = classify, layer, texts, text_b
        self._gold = np.array([number[str(name)] for name in gold])
        self._tokens, self._means = tokens, means
        self.n = len(texts)
        self.floor = float(np.bincount(self._gold).max() / self.n)
        self._resamples = ScoreResamples(self.n, n_boot, seed)

    def without(
        self, directions: Directions, cuts: Sequence[Cut], seed: int = 0, advance: Advance = lambda _: None
    ) -> list[Estimate]:
        """Accuracy after each cut; without one the classifier runs untouched."""
        if self._means is None:
            self._means = TokenMeans.of(self._classify, self._texts, self._text_b, self._layer)
        right = []
        for cut in cuts:
            gone = directions.removed(cut, seed)
            edit = None
            if len(gone):
                edit = self._layer, restricted(remove_directions(gone, self._means), self._tokens)
            right.append(self._classify(self._texts, self._text_b, edit=edit).argmax(axis=1) == self._gold)
            advance(1)
        return self._resamples.means(np.stack(right, axis=1), np.arange(self.n))
