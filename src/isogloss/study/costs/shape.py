"""What a model is, from its configuration alone: layers, widths, weights, operations per token. Loads no weights.

The architecture is built without memory for its weights (on PyTorch's meta device), so a model of any size can be
planned on a laptop from its config.json. What its blocks multiply is read off the modules, not off a list of
architectures.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn
from transformers.pytorch_utils import Conv1D

from isogloss.errors import ModelError
from isogloss.models import ModelReference, resolve, token_limit
from isogloss.models.blocks import blocks_of, inner_encoder
from isogloss.models.loading import bare_class
from isogloss.models.reference import locate
from isogloss.models.tokenizers import has_tokenizer, load_tokenizer, quiet


@dataclass(frozen=True)
class ModelShape:
    """One model, as far as its costs go.

    Attributes
    ----------
    spec : what the user wrote.
    architecture : class name.
    n_layers, hidden, attention, intermediate, vocabulary : blocks, width of the residual stream, width of all heads
        together, widest inner layer of a block, size of the vocabulary.
    parameters : of the bare encoder.
    linear : weights of the linear maps of all blocks that act on one token.
    bytes_on_disk : of the weight files; of `parameters` in the configuration's type where there are none.
    has_weights : the weights are there.
    classes : names of the classes; empty where the model is no sentence classifier.
    limit : longest window in tokens that its positions allow.
    directory : with config.json and perhaps a tokenizer; None for a loaded module.
    reference : the resolved model, where it had to be resolved (an adapter, a hub id, a module).
    """

    spec: str
    architecture: str
    n_layers: int
    hidden: int
    attention: int
    intermediate: int
    vocabulary: int
    parameters: int
    linear: int
    bytes_on_disk: int
    has_weights: bool
    classes: tuple[str, ...] = ()
    limit: int = 4096
    directory: Path | None = None
    reference: ModelReference | None = None

    def flops(self, tokens: float, squares: float, deepest: int | None = None) -> float:
        """Floating-point operations that reading needs, a multiplication and an addition being two.

        2 * linear * tokens + 4 * attention * sum of squared window lengths, of the blocks up to the deepest layer that
        is read: every weight of a linear map once per token, and for each pair of tokens of a window a product of a
        query with a key and of a weight with a value. A causal mask halves the second in principle, not in what is
        computed; norms, activations and embeddings are left out.

        Parameters
        ----------
        tokens, squares : sum of the windows' lengths, and of their squares.
        deepest : last layer that is read; None for all. Nothing after it runs.
        """
        share = 1.0 if deepest is None else deepest / max(self.n_layers, 1)
        return share * (2.0 * self.linear * tokens + 4.0 * self.attention * self.n_layers * squares)

    def tokenizer(self) -> Any | None:
        """Its tokenizer; None where it has none."""
        if self.reference is not None and self.reference.tokenizer is not None:
            return self.reference.tokenizer
        place = self.directory if self.reference is None else self.reference.tokenizer_path
        return load_tokenizer(place) if place is not None and has_tokenizer(place) else None


def model_shape(spec: Any, *, allow_pickle: bool = False) -> ModelShape:
    """The shape of a model: of a directory from its config.json, whether or not its weights are there.

    Parameters
    ----------
    spec : what `resolve` takes, or a directory with no more than a config.json.
    allow_pickle : pickle weights count as weights.

    Raises
    ------
    ModelError : there is no such model, or its configuration cannot be used.
    """
    if isinstance(spec, ModelReference) and spec.path is not None and spec.kind != "adapter":
        return _of_directory(spec.spec, spec.path, allow_pickle=allow_pickle)
    place = locate(spec)
    if place is not None and not (place / "adapter_config.json").is_file():
        return _of_directory(str(spec), place, allow_pickle=allow_pickle)
    reference = resolve(spec, allow_pickle=allow_pickle)
    if reference.module is not None:
        module = reference.module
        found = _of_module(reference.spec, inner_encoder(module), module.config, type(module).__name__)
        return replace(found, bytes_on_disk=0, has_weights=True, reference=reference)
    carrier = reference
    while carrier.base is not None:
        carrier = carrier.base
    assert carrier.path is not None
    found = _of_directory(reference.spec, carrier.path, allow_pickle=allow_pickle)
    return replace(found, has_weights=True, reference=reference)


def _of_directory(spec: str, path: Path, *, allow_pickle: bool) -> ModelShape:
    if not (path / "config.json").is_file():
        raise ModelError(f"no config.json in {path}: a model is planned from its configuration")
    try:
        with quiet():
            config = transformers.AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)
            with torch.device("meta"):
                module = bare_class(config).from_config(config)
    except Exception as error:
        raise ModelError(f"{path}/config.json cannot be used: {str(error).strip().splitlines()[0]}") from error
    named = (config.architectures or [type(module).__name__])[0]
    found = _of_module(spec, inner_encoder(module), config, named)
    size, there = _weight_bytes(path, allow_pickle=allow_pickle)
    kind = getattr(config, "dtype", None)
    item = kind.itemsize if isinstance(kind, torch.dtype) else 4
    return replace(found, bytes_on_disk=size or found.parameters * item, has_weights=there, directory=path)


def _of_module(spec: str, encoder: nn.Module, config: Any, architecture: str) -> ModelShape:
    inner = getattr(config, "get_text_config", lambda: config)()
    modules, repeats = blocks_of(encoder), 1
    n_layers = int(getattr(inner, "num_hidden_layers", len(modules)))
    if len(modules) < n_layers:
        # One block that is run many times (ALBERT).
        repeats = n_layers // len(modules)
    n_layers = len(modules) * repeats
    hidden = int(inner.hidden_size)
    heads = int(getattr(inner, "num_attention_heads", 1))
    width = int(getattr(inner, "head_dim", None) or hidden // heads) * heads
    outputs = [w.shape[0] for block in modules for w in _maps(block)]
    classes: tuple[str, ...] = ()
    if architecture.endswith("ForSequenceClassification"):
        classes = tuple(str(config.id2label[i]) for i in range(config.num_labels))
    return ModelShape(
        spec=spec,
        architecture=architecture,
        n_layers=n_layers,
        hidden=hidden,
        attention=width,
        intermediate=max(int(getattr(inner, "intermediate_size", 0) or 0), max(outputs, default=hidden)),
        vocabulary=int(getattr(inner, "vocab_size", 0)),
        parameters=sum(p.numel() for p in encoder.parameters()),
        linear=repeats * sum(_active(block, inner) for block in modules),
        bytes_on_disk=0,
        has_weights=False,
        classes=classes if len(classes) > 1 else (),
        limit=token_limit(encoder, None),
    )


def _maps(block: nn.Module) -> list[torch.Tensor]:
    return [m.weight for m in block.modules() if isinstance(m, nn.Linear | Conv1D)]


def _active(block: nn.Module, config: Any) -> int:
    """Weights of a block that act on a token: of experts stored as one tensor, the share that is chosen."""
    plain = sum(weight.numel() for weight in _maps(block))
    chosen = int(getattr(config, "num_experts_per_tok", 0) or 1)
    # Maps that are no modules: heads side by side (XLNet), or experts.
    stacked = [(name, p) for name, p in block.named_parameters() if p.dim() == 3]
    shares = [min(1.0, chosen / p.shape[0]) if "expert" in name else 1.0 for name, p in stacked]
    return plain + sum(math.ceil(share * p.numel()) for share, (_, p) in zip(shares, stacked, strict=True))


def _weight_bytes(path: Path, *, allow_pickle: bool) -> tuple[int, bool]:
    """Bytes of the weight files, and whether all are there; an index without shards says their size too."""
    single = path / "model.safetensors"
    if single.is_file():
        return single.stat().st_size, True
    index = path / "model.safetensors.index.json"
    if index.is_file():
        try:
            content = json.loads(index.read_text("utf-8"))
            shards = {path / name for name in content["weight_map"].values()}
            stated = int(content.get("metadata", {}).get("total_size", 0))
        except (ValueError, KeyError, AttributeError, TypeError):
            raise ModelError(f"{index} is not an index of weight shards (no readable `weight_map`)") from None
        there = all(shard.is_file() for shard in shards)
        return (sum(shard.stat().st_size for shard in shards) if there else stated), there
    pickle = path / "pytorch_model.bin"
    return (pickle.stat().st_size, allow_pickle) if pickle.is_file() else (0, False)
