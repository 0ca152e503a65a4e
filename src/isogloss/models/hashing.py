"""Fingerprints of weights and tokenizers: what a run directory writes down and refuses to mix.

Fingerprints say whether two things are the same bytes (weights) or cut text in the same way (tokenizers).
They say nothing of the configuration beside them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

_CHUNK = 1 << 22
_known: dict[tuple[str, int, int], str] = {}


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, read in pieces.

    Remembered while path, size and modification time stay the same, since one command asks several times.
    """
    status = path.stat()
    key = (str(path.resolve()), status.st_size, status.st_mtime_ns)
    if key not in _known:
        digest = hashlib.sha256()
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
        _known[key] = digest.hexdigest()
    return _known[key]


def files_sha256(paths: Sequence[Path]) -> str:
    """One fingerprint for a model's weight files.

    For a single file it is that file's own SHA-256, so that `sha256sum` and a hub's file page show the same;
    for shards it is the SHA-256 of the lines `name sha256`, in order of name.
    """
    if len(paths) == 1:
        return file_sha256(paths[0])
    lines = [f"{path.name} {file_sha256(path)}\n" for path in sorted(paths)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def module_sha256(module: nn.Module) -> str:
    """SHA-256 of a loaded module's tensors: name, type, shape and bytes, in order of name.

    It does not equal the fingerprint of the file that the module may have been loaded from.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        if not isinstance(tensor, torch.Tensor):
            continue
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def tokenizer_sha256(tokenizer: Any) -> str:
    """SHA-256 of what decides how a tokenizer cuts text: vocabulary, rules, special tokens.

    Padding and truncation are left out: isogloss passes them explicitly, and fine-tuning often rewrites them
    without changing a single token id.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        rules = json.loads(backend.to_str())
        rules["padding"] = rules["truncation"] = None
    else:
        rules = {"class": type(tokenizer).__name__, "vocabulary": tokenizer.get_vocab()}
    rules["special"] = {name: str(token) for name, token in tokenizer.special_tokens_map.items()}
    return hashlib.sha256(json.dumps(rules, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def combined_sha256(*fingerprints: str) -> str:
    """One fingerprint of several, in the given order (an adapter and the base it was trained on)."""
    return hashlib.sha256("\n".join(fingerprints).encode()).hexdigest()
