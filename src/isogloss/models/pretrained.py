"""Puts the files of one model into memory through transformers: which class, with which weights, none of them random.

Adapters are put around what comes out of here in `adapters`.
"""

from __future__ import annotations

import re
import warnings
from typing import Any

import transformers
from torch import nn

from isogloss.errors import ModelError
from isogloss.models.reference import ModelReference
from isogloss.models.tokenizers import quiet
from isogloss.sealed import first_line

HEADS = {
    "ForSequenceClassification": transformers.AutoModelForSequenceClassification,
    "ForTokenClassification": transformers.AutoModelForTokenClassification,
}


def pretrained(
    auto: Any,
    reference: ModelReference,
    *,
    may_lack: re.Pattern[str] | None,
    may_lack_head: bool,
    **options: Any,
) -> Any:
    """`auto.from_pretrained` on a reference's files, silent, with missing weights as errors.

    Parameters
    ----------
    auto : a transformers model class.
    may_lack : names of weights that the checkpoint may lack.
    may_lack_head : anything outside the encoder may be missing or have other shapes.
    **options : for `from_pretrained`.

    Raises
    ------
    ModelError : the files cannot be loaded, or would leave random weights.
    """
    try:
        with quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module, report = auto.from_pretrained(
                reference.path,
                output_loading_info=True,
                local_files_only=True,
                trust_remote_code=False,
                weights_only=True,
                use_safetensors=None if reference.allow_pickle else True,
                ignore_mismatched_sizes=may_lack_head,
                **options,
            )
    except Exception as error:
        quantised = getattr(configuration(reference), "quantization_config", None)
        method = quantised.get("quant_method") if isinstance(quantised, dict) else None
        way_out = f" (its weights are quantised: {method}; give the model that it was made from)" if method else ""
        raise ModelError(f"{reference.spec} cannot be loaded: {first_line(error)}{way_out}") from error
    mismatched = {entry[0] for entry in report["mismatched_keys"]}
    missing = sorted(set(report["missing_keys"]) | mismatched)
    if may_lack is not None:
        missing = [name for name in missing if not may_lack.search(name)]
    if may_lack_head:
        missing = [name for name in missing if _in_encoder(name, module)]
    if missing:
        _refuse(reference, module, missing)
    return module


def has_head(architecture: str) -> bool:
    """Whether a class name is that of a sequence or token classifier."""
    return architecture.endswith(tuple(HEADS))


def bare_class(config: Any) -> Any:
    """Choose transformers' class without a head: `AutoModel`, or that of an encoder that was saved alone.

    To such an encoder `AutoModel` would add a random decoder.
    """
    names = list(config.architectures or [])
    if names and names[0].endswith("EncoderModel"):
        return getattr(transformers, names[0], transformers.AutoModel)
    return transformers.AutoModel


POOLER = re.compile(r"(^|\.)pooler\.")


def configuration(reference: ModelReference) -> Any:
    """Read the transformers configuration of a reference with files.

    Raises
    ------
    ModelError : config.json has values that its architecture does not take.
    """
    assert reference.path is not None
    try:
        with quiet():
            return transformers.AutoConfig.from_pretrained(
                reference.path, local_files_only=True, trust_remote_code=False
            )
    except Exception as error:
        raise ModelError(f"{reference.path}/config.json cannot be used: {first_line(error)}") from error


def _in_encoder(name: str, module: nn.Module) -> bool:
    prefix = getattr(module, "base_model_prefix", "")
    return not prefix or not hasattr(module, prefix) or name.startswith(f"{prefix}.")


def _refuse(reference: ModelReference, module: nn.Module, missing: list[str]) -> None:
    shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
    where = "weights" if any(_in_encoder(name, module) for name in missing) else "weights of the classification head"
    raise ModelError(
        f"{reference.spec} lacks {where} that its architecture {type(module).__name__} needs, or has them in "
        f"another shape: {shown}. They would be random numbers"
    )
