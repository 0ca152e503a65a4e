"""Runs the models of a trial over its text, and times what that takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from isogloss.activations import ActivationStore, extract_loaded
from isogloss.activations.layout import layer_file
from isogloss.corpus import Corpus
from isogloss.errors import ModelError
from isogloss.models import LoadedModel, load
from isogloss.models.classifier import Classifier
from isogloss.study.costs.request import ReadingTrial, TrialRequest
from isogloss.study.costs.watch import watched

FEW = 100
"""Sentences of the first reading, which also warms up."""
CLASSIFIED = 60
"""Sentences that the running classifier is timed on."""
SECONDS = 3.0
"""That reading the text with one model may take, about."""


def read_models(request: TrialRequest, home: Path) -> tuple[tuple[ActivationStore, ActivationStore], ReadingTrial]:
    """The vectors of both models over as much of the text as there is time for, and what one of them took."""
    assert request.run is not None
    base, tuned = request.run
    options = request.extraction
    with watched() as loading:
        loaded = load(base, device=options.device, dtype=options.compute)
    few = request.corpus.head(FEW)
    with watched() as first:
        small = extract_loaded(loaded, base, few, home / "few", options)
    rate = small.manifest["n_tokens"] / max(first.seconds, 1e-6)
    by_sentence = small.manifest["n_tokens"] / len(few)
    corpus = request.corpus.head(max(len(few), int(SECONDS * rate / by_sentence)))
    with watched() as seen:
        store = extract_loaded(loaded, base, corpus, home / "base", options)
    del loaded
    again = load(tuned, device=options.device, dtype=options.compute)
    second = extract_loaded(again, tuned, corpus, home / "tuned", options)
    del again
    stops = [stop for stop, _ in store.manifest["files"][layer_file(store.layers[0])]["chunks"]]
    rows = float(np.diff([0, *stops]).max(initial=0))
    return (store, second), ReadingTrial(
        loading=loading.seconds,
        loading_memory=loading.memory,
        tokens=float(store.manifest["n_tokens"]),
        seconds=seen.seconds,
        memory=seen.memory,
        buffers=rows * len(store.layers) * store.hidden * 4,
        classifying=_classifying(request, corpus),
    )


def _classifying(request: TrialRequest, corpus: Corpus) -> float:
    """Seconds per token of the tuned model with its head, with an edit that changes nothing; 0 without a head."""
    assert request.run is not None
    tuned = request.run[1]
    if not request.tuned.classes:
        return 0.0
    try:
        loaded: LoadedModel = load(tuned, head=True, device=request.extraction.device)
        classifier = Classifier(loaded)
    except ModelError:
        return 0.0
    some = corpus.head(CLASSIFIED).sentences
    texts = some["text"].to_list()
    others = some["text_b"].to_list() if corpus.is_pairs else None
    tokens = 0

    def count(vectors: np.ndarray, _: object) -> np.ndarray:
        nonlocal tokens
        tokens += len(vectors)
        return vectors

    classifier(texts[:8], None if others is None else others[:8])
    with watched() as seen:
        classifier(texts, others, edit=(0, count))
    return seen.seconds / max(tokens, 1)
