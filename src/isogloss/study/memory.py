"""What a task takes beside its large arrays: so much of a limit of memory is left free, and less is refused at once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from isogloss.activations import ActivationStore
from isogloss.analysis import Analysis, RowsAtWork
from isogloss.engines import Engine
from isogloss.errors import OptionError
from isogloss.memory import own_memory, size_in_words
from isogloss.numerics.devices import choose_device
from isogloss.study.costs.shape import model_shape
from isogloss.study.prepare import Prepared

BLOCKS = 320 << 20
"""Bytes for what is computed block by block."""
PER_WORD, PER_LABEL = 512, 64
"""Bytes that tables of the words take, for each word, and for each word and label."""
SQUARES, COPIES = 6, 6
"""Covariances, and copies of the rows that an analysis draws, that are held at once in float64."""


def at_work(analysis: Analysis, options: Any, words: int, labels: int, hidden: int) -> float:
    """Bytes that a task takes beside its large arrays.

    Parameters
    ----------
    words, labels : of the corpus; the tables of the words grow with both.
    hidden : width of a vector.
    """
    rows = analysis.rows_at_work(options) if isinstance(analysis, RowsAtWork) else 0
    wide = 8.0 * hidden * (SQUARES * hidden + COPIES * min(rows, words))
    return BLOCKS + words * (PER_WORD + PER_LABEL * labels) + wide


def at_work_on(analysis: Analysis, options: Any, store: ActivationStore) -> float:
    """`at_work` on the vectors of a store."""
    labels = len(store.manifest["token_labels"]) + len(store.manifest["sentence_labels"])
    return at_work(analysis, options, store.manifest["n_words"], labels, store.hidden)


def refuse_too_little(engine: Engine, prepared: Prepared) -> None:
    """Refuse a limit of memory that a study cannot keep, whatever is put into files.

    Raises
    ------
    OptionError : how much is needed, for what.
    """
    if engine.memory is None:
        return
    program = own_memory()
    models = _largest_model(prepared)
    corpus = prepared.corpus
    labels = len(corpus.token_labels) + len(corpus.sentence_labels)
    hidden = model_shape(prepared.base).hidden
    tasks: Mapping[str, float] = {
        name: at_work(analysis, prepared.options[name], len(corpus.words), labels, hidden)
        for name, analysis in prepared.analyses.items()
    }
    worst = max(tasks, key=lambda name: tasks[name])
    # An analysis may ask the running classifier.
    needed = program + models + tasks[worst]
    if engine.memory >= needed:
        return
    shares = engine.workers + 1 if engine.remote else 1
    # The next run's program may take a little more: what is advised must do.
    rounded = math.ceil(1.05 * needed * shares / 2**20 / 64) * 64
    raise OptionError(
        f"{size_in_words(engine.memory)} of memory{' for each worker' if engine.remote else ''} are too little: this "
        f"study takes about {size_in_words(needed)}, of which {size_in_words(program)} are the program and the corpus, "
        f"{size_in_words(models)} a model's weights and {size_in_words(tasks[worst])} what {worst} works on, whatever "
        "stands in files",
        "{memory} at least",
        memory=f"{rounded}MiB",
    )


def _largest_model(prepared: Prepared) -> float:
    """Bytes of its weights in memory."""
    if choose_device(prepared.extraction.device).type != "cpu":
        return 0.0
    width = 4 if prepared.extraction.compute == "float32" else 2
    files = [m for m in (prepared.base, *prepared.tuned) if not m.in_memory]
    return max((float(width * model_shape(model).parameters) for model in files), default=0.0)
