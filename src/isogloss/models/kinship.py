"""What two model directories say of how they are related: who was fine-tuned from whom, heads, shapes, sentences seen.

Reads metrics, configurations and headers; no weights are loaded, and no model is run.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from isogloss.models.finetune_result import METRICS, TRAINED_ON
from isogloss.models.reference import ModelReference

_HEAD = re.compile(r"For(Sequence|Token|MultipleChoice|QuestionAnswering)\w*$")


def parent_weights(model: ModelReference) -> str | None:
    """`weights_sha256` of the model this one was fine-tuned from; None where it does not say.

    An adapter names its base; a directory made by `isogloss.finetune` has it in its metrics.
    """
    if model.kind == "adapter" and model.base is not None:
        return model.base.weights_sha256
    request = _json(model.path, METRICS).get("request")
    parent = request.get("base weights") if isinstance(request, dict) else None
    return parent if isinstance(parent, str) else None


def task_head(model: ModelReference) -> str | None:
    """The class of a model with a classifier or a like head (`BertForSequenceClassification`), else None."""
    if model.kind == "adapter":
        return None
    names = (
        [type(model.module).__name__]
        if model.module is not None
        else _json(model.path, "config.json").get("architectures")
    )
    name = names[0] if isinstance(names, list) and names else None
    return name if isinstance(name, str) and _HEAD.search(name) else None


def shared_shapes(one: ModelReference, other: ModelReference) -> float | None:
    """Part of the weights of the smaller model whose shapes the other has too, in [0, 1].

    By shape alone: a checkpoint's names depend on the head it was saved with. None where the weights are not in
    safetensors files.
    """
    shapes = _shapes(one), _shapes(other)
    if not all(shapes):
        return None
    return (shapes[0] & shapes[1]).total() / min(shapes[0].total(), shapes[1].total())


def trained_on(model: ModelReference) -> np.ndarray | None:
    """Fingerprints of the sentences the model was fine-tuned on, where `isogloss.finetune` left them."""
    path = None if model.path is None else model.path / TRAINED_ON
    if path is None or not path.is_file():
        return None
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, OSError):
        return None


def _shapes(model: ModelReference) -> Counter[tuple[int, ...]]:
    found: Counter[tuple[int, ...]] = Counter()
    for path in sorted(model.path.glob("model*.safetensors")) if model.path is not None else []:
        with safe_open(str(path), "np") as stream:
            found.update(tuple(stream.get_slice(name).get_shape()) for name in stream.keys())  # noqa: SIM118
    return found


def _json(folder: Path | None, name: str) -> dict[str, Any]:
    try:
        content = json.loads((folder / name).read_text("utf-8")) if folder is not None else {}
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
