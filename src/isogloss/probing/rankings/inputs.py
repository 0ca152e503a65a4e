"""What every ranking is given - vectors, labels, orders of neurons - checked and brought to arrays of numbers.

Knows no ranking and copies no matrix that need not be copied.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from isogloss.analysis.codes import label_codes
from isogloss.errors import OptionError


@dataclass(frozen=True)
class Labels:
    """The words that take part and their classes.

    Attributes
    ----------
    classes : labels in sorted order, as they were given.
    codes : (n,) which of them each word has, -1 = takes no part.
    """

    classes: tuple[Any, ...]
    codes: np.ndarray

    @property
    def rows(self) -> np.ndarray:
        """Rows of the words that take part, increasing."""
        return np.flatnonzero(self.codes >= 0)

    @property
    def counts(self) -> np.ndarray:
        """(n_classes,) words of each class."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.classes))


def as_labels(y: Any, name: str = "y", classes: Sequence[Any] | None = None) -> Labels:
    """Labels of words; None, NaN and "" take no part.

    Parameters
    ----------
    y : (n,) strings or whole numbers.
    classes : the classes there are; None takes those of y. A label that is not among them takes no part.

    Raises
    ------
    OptionError : not one label per word, labels that cannot be sorted together, or no label at all.
    """
    try:
        codes, found = label_codes(y)
    except OptionError as error:
        raise OptionError(f"{name}: {error}") from None
    if not len(found):
        raise OptionError(f"{name} should label at least one word. Got {len(codes)} words, none of them with a label.")
    names = tuple(found.tolist())
    if classes is None:
        return Labels(names, codes)
    number = {c: i for i, c in enumerate(classes)}
    # The last place is that of words without a label.
    known = np.array([*(number.get(c, -1) for c in names), -1])[codes]
    if not (known >= 0).any():
        raise OptionError(f"{name} should label at least one word. Got {len(codes)} words, none of a known class.")
    return Labels(tuple(classes), known)


def at_least_two(labels: Labels, name: str = "y") -> Labels:
    """The same labels, of which there must be two to tell apart.

    Raises
    ------
    OptionError : there is one class only.
    """
    if len(labels.classes) < 2:
        raise OptionError(f"{name} should have at least two classes. Got only {labels.classes[0]!r}.")
    return labels


def width(X: Any, labels: Labels, name: str = "X") -> int:
    """Neurons of a matrix whose rows must be the labelled words.

    Raises
    ------
    OptionError : X is not a matrix, or has another number of rows.
    """
    shape = tuple(getattr(X, "shape", ()))
    if len(shape) != 2:
        raise OptionError(f"{name} should be a matrix (n_words, n_neurons). Got shape {shape} instead.")
    if shape[0] != len(labels.codes):
        raise OptionError(f"{name} and its labels should be of the same words. Got {shape[0]} and {len(labels.codes)}.")
    return int(shape[1])


def row_blocks_of(X: Any, rows: int) -> Iterator[np.ndarray]:
    """Consecutive row blocks of an array or of anything with `.blocks(rows)`."""
    if hasattr(X, "blocks"):
        yield from X.blocks(rows)
        return
    for start in range(0, len(X), rows):
        yield X[start : start + rows]


def matrix(X: Any, name: str = "X") -> np.ndarray:
    """An array in memory.

    Raises
    ------
    OptionError : X is streamed.
    """
    if hasattr(X, "blocks"):
        raise OptionError(f"{name} should be an array in memory here. Got vectors that are read in blocks.")
    return np.asarray(X)


def as_order(ranking: Any, d: int | None = None) -> np.ndarray:
    """(d,) neurons, the most salient first, of a ranking or of an array.

    Raises
    ------
    OptionError : it is not a permutation of the neurons.
    """
    order = np.asarray(getattr(ranking, "order", ranking))
    size = len(order) if d is None else d
    if order.shape != (size,) or order.dtype.kind not in "iu" or (np.sort(order) != np.arange(size)).any():
        raise OptionError(f"ranking should hold each of the {size} neurons once. Got {order.dtype} of {order.shape}.")
    return order


def rows_per_block(d: int, values: int = 1 << 20) -> int:
    """Rows of a block of about `values` numbers, d in each row."""
    return max(64, min(8192, values // max(d, 1)))
