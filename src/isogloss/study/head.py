"""The tuned model with its classification head, for analyses that ask what causes its predictions.

Loaded when it is first asked something: a run that has nothing to ask any more needs no second copy of the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from isogloss.analysis import Edit
from isogloss.models import ModelReference, load
from isogloss.models.classifier import Classifier


class TunedClassifier:
    """A `Classifier` that loads its model on first use.

    Parameters
    ----------
    reference : the tuned model.
    device, device_map : where it runs, see `load`.
    numbered : the corpus has a label of numbers: classes that the model has no names for (LABEL_0 ..., as those of an
        adapter, which keeps none) are called by theirs.
    """

    def __init__(
        self, reference: ModelReference, device: str, device_map: str | None = None, *, numbered: bool = False
    ) -> None:
        self._reference, self._device, self._device_map = reference, device, device_map
        self._numbered = numbered
        self._last: tuple[Any, np.ndarray] | None = None

    @cached_property
    def _running(self) -> Classifier:
        return Classifier(load(self._reference, head=True, device=self._device, device_map=self._device_map))

    @property
    def loaded(self) -> bool:
        """Whether the model is in memory."""
        return "_running" in vars(self)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the columns.

        Raises
        ------
        ModelError : the model has no head, or one that does not classify sentences.
        """
        names = self._running.classes
        unnamed = names == tuple(f"LABEL_{i}" for i in range(len(names)))
        return tuple(str(i) for i in range(len(names))) if self._numbered and unnamed else names

    def __call__(
        self, sentences: Sequence[str], text_b: Sequence[str] | None = None, edit: Edit | None = None
    ) -> np.ndarray:
        """(n_sentences, n_classes) probabilities; see `isogloss.models.classifier.Classifier`.

        Asked the same again, as layer after layer asks for the whole corpus, it gives the same answer at once.
        """
        asked = (tuple(sentences), None if text_b is None else tuple(text_b))
        if edit is None and self._last is not None and self._last[0] == asked:
            return self._last[1].copy()
        answer = self._running(sentences, text_b, edit)
        if edit is None:
            self._last = asked, answer.copy()
        return answer
