"""Which files of a directory hold its weights, whether they may be read, and whether they are whole.

Safetensors are preferred. Pickles can run code when read, so they are refused unless asked for, and are then
read by PyTorch's `weights_only` loader, which builds tensors and nothing else.
"""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open

from isogloss.errors import ModelError, StoreError
from isogloss.sealed import inside


def find_weights(directory: Path, *, allow_pickle: bool, stem: str = "model") -> tuple[Path, ...]:
    """Find the weight files of a model directory, in order of name.

    Parameters
    ----------
    directory : holds `model.safetensors`, shards with their index, or (pickles) `pytorch_model.bin`.
    allow_pickle : also accept pickles where there are no safetensors.
    stem : `model`, or `adapter_model` for an adapter, whose pickle has the same stem.

    Raises
    ------
    ModelError : no weights, only pickles and they are not allowed, a shard is missing, or a file is damaged.
    """
    safe = _single_or_shards(directory, f"{stem}.safetensors")
    if safe:
        for path in safe:
            check_safetensors(path)
        return safe
    pickle_name = "pytorch_model.bin" if stem == "model" else f"{stem}.bin"
    pickles = _single_or_shards(directory, pickle_name)
    if pickles and allow_pickle:
        return pickles
    if pickles:
        raise ModelError(
            f"{directory} has only pickle weights ({', '.join(p.name for p in pickles)}), which can run code "
            "when read. Convert them to safetensors, or, if you trust them, allow pickles (--allow-pickle); "
            "they are then read with weights_only"
        )
    others = sorted(
        path.name
        for pattern in ("*.h5", "*.msgpack", "*.gguf", "*.onnx", "*.ckpt", "*.bin", "*.pt", "*.safetensors")
        for path in directory.glob(pattern)
        if path.name != "training_args.bin"
    )
    found = f"; it holds {', '.join(others)}, which is not read" if others else ""
    raise ModelError(f"no weights in {directory}: expected {stem}.safetensors{found}")


def check_safetensors(path: Path) -> None:
    """Read a safetensors file's header and compare it with the file's length.

    Raises
    ------
    ModelError : the file is cut short or is not a safetensors file.
    """
    try:
        with safe_open(str(path), "pt") as stream:
            names = list(stream.keys())
    except (SafetensorError, OSError) as error:
        size = path.stat().st_size
        raise ModelError(
            f"{path} ({size:,} bytes) is cut short or damaged: {error}; copy or download it again"
        ) from error
    if not names:
        raise ModelError(f"{path} holds no tensors; copy or download it again")


def _single_or_shards(directory: Path, name: str) -> tuple[Path, ...]:
    index = directory / f"{name}.index.json"
    if (directory / name).is_file():
        return (directory / name,)
    if not index.is_file():
        return ()
    try:
        shards = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
        paths = tuple(inside(directory, shard) for shard in shards)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise ModelError(f"{index} is not an index of weight shards (no readable `weight_map`)") from error
    except StoreError as error:
        raise ModelError(f"{index}: {error.message}") from None
    if missing := [path.name for path in paths if not path.is_file()]:
        raise ModelError(f"{directory} lacks {', '.join(missing)}, named in {index.name}; copy or download it again")
    return paths
