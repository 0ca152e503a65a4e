"""The checkpoints that a training left beside the model it ended with: where they are and at which steps.

Reads names and small JSON files; compares weights by their fingerprints. Loads and runs nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from isogloss.errors import ModelError, OptionError
from isogloss.models.finetune_result import METRICS
from isogloss.models.pretrained import configuration
from isogloss.models.reference import ModelReference, resolve

_NAME = re.compile(r"checkpoint-(\d+)")
_STATE = "trainer_state.json"


def checkpoint_directories(tuned: ModelReference) -> dict[int, Path]:
    """The directories `checkpoint-STEP` of a model directory, by step, in order.

    Raises
    ------
    ModelError : there is none, or two have the same step.
    """
    made = "isogloss finetune makes them with --checkpoint-every N; others can be given from Python as {step: model}"
    if tuned.path is None:
        raise ModelError(f"no checkpoints of {tuned.spec}: it is a loaded model, not a directory; {made}")
    found: dict[int, Path] = {}
    for path in sorted(path for path in tuned.path.glob("checkpoint-*") if path.is_dir()):
        if (match := _NAME.fullmatch(path.name)) is None:
            continue
        step = int(match[1])
        if step in found:
            raise ModelError(f"the same step twice: {found[step]} and {path} are both of step {step}; remove one")
        found[step] = path
    if not found:
        raise ModelError(
            f"no checkpoints of {tuned.spec}: {tuned.path} holds no directory checkpoint-STEP (checkpoint-500, say)",
            made,
        )
    return dict(sorted(found.items()))


def evenly(steps: Collection[int], most: int, always: int) -> list[int]:
    """At most so many of the steps, as evenly spread from 0 to the last as they allow, in order.

    Parameters
    ----------
    most : at least 1.
    always : one of them that is kept whatever the others; the last is kept wherever two may stay.

    Raises
    ------
    OptionError : `most` is below 1.
    """
    if most < 1:
        raise OptionError(f"at least 1 checkpoint is needed; got {most}")
    steps = sorted(steps)
    if len(steps) <= most:
        return steps
    targets = [steps[-1] * place / most for place in range(1, most + 1)]
    # The last one stays wherever two may.
    given_up = targets if always == steps[-1] or most == 1 else targets[:-1]
    targets.remove(min(given_up, key=lambda target: abs(target - always)))
    kept = {always}
    for target in reversed(targets):
        kept.add(min((step for step in steps if step not in kept), key=lambda step: abs(step - target)))
    return sorted(kept)


def checkpoints_of(
    tuned: ModelReference, asked: int | Mapping[int, Any], *, allow_pickle: bool = False
) -> tuple[int, dict[int, ModelReference]]:
    """The step of a tuned model, and the checkpoints on the way to it (or beyond it).

    Parameters
    ----------
    tuned : the model that the training ended with, or the one of its checkpoints that was kept.
    asked : True for all checkpoints in its directory; a number for at most so many models, the tuned one among them,
        spread evenly over the steps; or the models by step, each what `resolve` takes.
    allow_pickle : accept pickle weights.

    Returns
    -------
    The tuned model's step, and the other checkpoints by step, in order. The last checkpoint with the tuned model's own
    weights is not among them: the tuned model stands in its place.

    Raises
    ------
    ModelError : there are no checkpoints, one is of another architecture, or the tuned model's step is not known.
    OptionError : a step is no number above 0, or comes twice.
    """
    directories: Mapping[int, Any] = asked if isinstance(asked, Mapping) else checkpoint_directories(tuned)
    given = {_step(step): spec for step, spec in directories.items()}
    if not given:
        raise OptionError("no checkpoint is given; write {step: model, ...}")
    found: dict[int, ModelReference] = {}

    def reference(step: int) -> ModelReference:
        if step not in found:
            found[step] = resolve(given[step], allow_pickle=allow_pickle, lender=tuned)
        return found[step]

    recorded = _number(tuned.path, METRICS, "steps")
    if isinstance(asked, Mapping) or recorded is None:
        same = (step for step in sorted(given, reverse=True) if reference(step).weights_sha256 == tuned.weights_sha256)
        own = next(same, None)
        if own is None:
            own = recorded or _number(tuned.path, _STATE, "global_step") or _planned(found)
        if own is None:
            raise ModelError(
                f"at which step {tuned.spec} was saved is not known: no checkpoint has its weights, and it has no "
                f"{METRICS} of isogloss finetune and no {_STATE}; give it among the checkpoints too: "
                "{step: model, ..., last step: tuned}"
            )
        if isinstance(asked, Mapping) and own in given and reference(own).weights_sha256 != tuned.weights_sha256:
            raise OptionError(
                f"the same step twice: {tuned.spec} was saved at step {own}, and so is {found[own].spec}, which has "
                "other weights; leave it out"
            )
    else:
        own = recorded
    kept = sorted({*given, own})
    if not isinstance(asked, bool | Mapping):
        kept = evenly(kept, asked, own)
    others = {step: reference(step) for step in kept if step != own}
    for step, model in others.items():
        _check_kin(tuned, model, step)
    return own, others


def _step(given: Any) -> int:
    if isinstance(given, bool) or not hasattr(given, "__index__") or given < 1:
        what = "; step 0 is the base model, which is always there" if given == 0 else ""
        raise OptionError(f"a checkpoint's step is a whole number above 0; got {given!r}{what}")
    return int(given)


def _check_kin(tuned: ModelReference, checkpoint: ModelReference, step: int) -> None:
    own, other = architecture(tuned), architecture(checkpoint)
    if own != other:
        raise ModelError(
            f"the checkpoint of step {step} ({checkpoint.spec}) is {other}, but {tuned.spec} is {own}; checkpoints are "
            "of one training"
        )


def architecture(model: ModelReference) -> str:
    """What a model is, in words: `bert with 12 layers, 768 wide`; of an adapter, its base."""
    carrier = model.base or model
    config: Any = carrier.module.config if carrier.module is not None else configuration(carrier)
    config = config.get_text_config() if hasattr(config, "get_text_config") else config
    depth, width = (getattr(config, name, "?") for name in ("num_hidden_layers", "hidden_size"))
    return f"{config.model_type} with {depth} layers, {width} wide"


def _planned(checkpoints: Mapping[int, ModelReference]) -> int | None:
    """The step at which the training was to end, as its last checkpoint says."""
    last = checkpoints[max(checkpoints)]
    planned = _number(last.path, _STATE, "max_steps")
    return planned if planned is not None and planned > max(checkpoints) else None


def _number(folder: Path | None, name: str, key: str) -> int | None:
    try:
        value = json.loads((folder / name).read_text("utf-8"))[key] if folder is not None else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return value if type(value) is int and value > 0 else None
