"""Labels of rows as classifiers want them: one class per row, none missing, all of one kind."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from isogloss.errors import OptionError


def checked_labels(y: Any) -> np.ndarray:
    """One class per row, (n,).

    Raises
    ------
    OptionError : y is no column, holds None, NaN or infinity (the row is named), text among numbers, or fractions.
    """
    given = y
    try:
        y = column_or_1d(y, warn=True)
    except ValueError as error:
        raise OptionError(f"{error} Of one-hot rows take y.argmax(axis=1)") from error
    if y.dtype.kind in "OU" and not (isinstance(given, np.ndarray) and given.dtype.kind == "U"):
        # NumPy makes text of a list's numbers where some of it is text.
        _refuse_mixed(np.asarray(given, dtype=object).ravel().tolist())
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise OptionError(f"y holds NaN or inf in row {int(np.argmin(np.isfinite(y)))}; leave such rows out")
    try:
        check_classification_targets(y)
    except ValueError as error:
        raise OptionError(str(error)) from error
    return y


def _refuse_mixed(labels: list[Any]) -> None:
    if (missing := next((row for row, label in enumerate(labels) if label is None), None)) is not None:
        raise OptionError(f"y holds None in row {missing}; leave such rows out")
    texts = [isinstance(label, str) for label in labels]
    if any(texts) and not all(texts):
        raise OptionError(
            f"labels should be all text or all numbers. Got text in row {texts.index(True)} and none in row "
            f"{texts.index(False)} instead."
        )
