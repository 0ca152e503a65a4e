"""Resolves what a user calls a model: a directory, a hub id, a PEFT adapter, a package, or a loaded module.

A resolved reference points at files (or a module) that are known to be there, readable and whole, with the
fingerprints of weights and tokenizer. Nothing is put into memory here: `loading` does that.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from torch import nn
from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

from isogloss.errors import ModelError
from isogloss.models.hashing import combined_sha256, files_sha256, module_sha256, tokenizer_sha256
from isogloss.models.tokenizers import has_tokenizer, load_tokenizer
from isogloss.models.weight_files import find_weights

Kind = Literal["directory", "hub", "adapter", "module"]

_PACKAGE = "package:"
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_HUB_FILES = [
    "*.json",
    "*.txt",
    "*.model",
    "model.safetensors",
    "model-*.safetensors",
    "adapter_model.safetensors",
]
_HUB_PICKLES = ["pytorch_model*.bin", "adapter_model.bin"]


@dataclass(frozen=True)
class ModelReference:
    """A model that is there and whole.

    Attributes
    ----------
    spec : what the user wrote; the class name for a module.
    kind : `directory`, `hub`, `adapter` or `module`.
    path : directory with the files; None for a module.
    revision : branch, tag or commit asked for, of a hub id.
    commit : the commit that it stands for.
    base : the model an adapter sits on.
    weights_sha256 : of the weight files (adapter: of base and adapter), or of a module's tensors.
    tokenizer_sha256 : of what decides how text is cut; equal for two models with the same tokenizer.
    module, tokenizer : what was handed over, for a module.
    allow_pickle : pickle weights may be read.
    lender : the model whose tokenizer this one takes, having none of its own.
    """

    spec: str
    kind: Kind
    path: Path | None
    revision: str | None
    commit: str | None
    base: ModelReference | None
    weights_sha256: str
    tokenizer_sha256: str
    module: nn.Module | None = field(default=None, repr=False, compare=False)
    tokenizer: Any = field(default=None, repr=False, compare=False)
    allow_pickle: bool = False
    lender: ModelReference | None = field(default=None, repr=False, compare=False)

    @property
    def in_memory(self) -> bool:
        """Whether it, its base or what lends it a tokenizer is a module, and not files."""
        return any(m is not None and m.kind == "module" for m in (self, self.base, self.lender))

    @property
    def tokenizer_path(self) -> Path | None:
        """Directory with the tokenizer: an adapter's own if it has one, else its base's; a lender's if there is one."""
        if self.lender is not None:
            return self.lender.tokenizer_path
        if self.path is None or has_tokenizer(self.path) or self.base is None:
            return self.path
        return self.base.tokenizer_path

    def as_dict(self) -> dict[str, Any]:
        """Plain types for a manifest."""
        return {
            "spec": self.spec,
            "kind": self.kind,
            "revision": self.revision,
            "commit": self.commit,
            "base": self.base.as_dict() if self.base else None,
            "weights_sha256": self.weights_sha256,
            "tokenizer_sha256": self.tokenizer_sha256,
        }


def resolve(
    spec: Any, *, tokenizer: Any = None, allow_pickle: bool = False, lender: ModelReference | None = None
) -> ModelReference:
    """Find a model and fingerprint it.

    Parameters
    ----------
    spec : a directory; a hub id `org/name` or `org/name@revision`; `package:NAME` for an installed package
        that carries a model in Hugging Face layout (`package:NAME/sub/directory` where it carries several); a
        pair (module, tokenizer); or a module, with `tokenizer`. A directory with `adapter_config.json` is a
        PEFT adapter.
    tokenizer : for a module that comes alone.
    allow_pickle : accept pickle weights where there are no safetensors.
    lender : lends its tokenizer to a directory that has none, as a training's checkpoints often have.

    Raises
    ------
    ModelError : there is no such model, or it lacks a known configuration, whole weights or a tokenizer.
    """
    if isinstance(spec, ModelReference):
        return spec
    if isinstance(spec, tuple) and len(spec) == 2:
        spec, tokenizer = spec
    if isinstance(spec, nn.Module):
        return _module(spec, tokenizer)
    if not isinstance(spec, str | Path):
        raise ModelError(f"a model is a directory, a hub id, or a (module, tokenizer) pair; got {type(spec).__name__}")
    text = str(spec)
    if text.startswith(_PACKAGE):
        return _directory(text, _in_package(text), allow_pickle=allow_pickle, lender=lender)
    path = Path(text).expanduser()
    if path.is_dir():
        return _directory(text, path, allow_pickle=allow_pickle, lender=lender)
    if path.exists():
        raise ModelError(f"{text} is a file; a model is a directory with config.json, weights and a tokenizer")
    return _hub(text, allow_pickle=allow_pickle, lender=lender)


def found_here(reference: ModelReference) -> ModelReference:
    """The same model on this machine, where a hub's cache or an installed package may stand elsewhere.

    Raises
    ------
    ModelError : there is none, or it has other weights.
    """
    parts = [m for m in (reference, reference.base, reference.lender) if m is not None]
    if all(m.path is None or m.path.is_dir() for m in parts):
        return reference
    lender = None if reference.lender is None else found_here(reference.lender)
    name = reference.spec.partition("@")[0]
    spec = f"{name}@{reference.commit}" if reference.commit else reference.spec
    found = resolve(spec, allow_pickle=reference.allow_pickle, lender=lender)
    for fact in ("weights_sha256", "tokenizer_sha256"):
        if getattr(found, fact) != getattr(reference, fact):
            raise ModelError(f"{spec} is another model here than where the run was started (its {fact} differs)")
    return found


def locate(spec: Any) -> Path | None:
    """The directory that a spec names on this machine, whole or not; None for a hub id or a module.

    Raises
    ------
    ModelError : the package it names is not installed, or carries no model or several.
    """
    if not isinstance(spec, str | Path):
        return None
    if str(spec).startswith(_PACKAGE):
        return _in_package(str(spec))
    path = Path(spec).expanduser()
    return path if path.is_dir() else None


def _module(module: nn.Module, tokenizer: Any) -> ModelReference:
    name = type(module).__name__
    if tokenizer is None:
        raise ModelError(f"a loaded {name} needs its tokenizer: give (module, tokenizer), or tokenizer=...")
    if not callable(tokenizer) or not hasattr(tokenizer, "get_vocab"):
        raise ModelError(f"{type(tokenizer).__name__} is not a tokenizer of transformers")
    if getattr(module, "config", None) is None:
        raise ModelError(f"a loaded {name} is not a model of transformers: it has no `config`")
    return ModelReference(
        spec=name,
        kind="module",
        path=None,
        revision=None,
        commit=None,
        base=None,
        weights_sha256=module_sha256(module),
        tokenizer_sha256=tokenizer_sha256(tokenizer),
        module=module,
        tokenizer=tokenizer,
    )


def _directory(
    spec: str,
    path: Path,
    *,
    allow_pickle: bool,
    kind: Kind = "directory",
    revision: str | None = None,
    commit: str | None = None,
    lender: ModelReference | None = None,
) -> ModelReference:
    lender = None if has_tokenizer(path) else lender
    if (path / "adapter_config.json").is_file():
        return _adapter(spec, path, allow_pickle=allow_pickle, revision=revision, commit=commit, lender=lender)
    if not (path / "config.json").is_file() and (inside := _models_in(path)):
        raise ModelError(f"{path} holds no model of its own, but {', '.join(inside)}; give one of these")
    config = _read_json(path / "config.json", "a model directory has config.json, weights and a tokenizer")
    _check_architecture(config, path)
    weights = find_weights(path, allow_pickle=allow_pickle)
    return ModelReference(
        spec=spec,
        kind=kind,
        path=path,
        revision=revision,
        commit=commit,
        base=None,
        weights_sha256=files_sha256(weights),
        tokenizer_sha256=lender.tokenizer_sha256 if lender else tokenizer_sha256(load_tokenizer(path)),
        allow_pickle=allow_pickle,
        lender=lender,
    )


def _adapter(
    spec: str,
    path: Path,
    *,
    allow_pickle: bool,
    revision: str | None,
    commit: str | None,
    lender: ModelReference | None,
) -> ModelReference:
    settings = _read_json(path / "adapter_config.json", "")
    named = settings.get("base_model_name_or_path")
    if not named:
        raise ModelError(f"{path / 'adapter_config.json'} does not name its base (base_model_name_or_path)")
    weights = find_weights(path, allow_pickle=allow_pickle, stem="adapter_model")
    beside = path / named
    base_revision = settings.get("revision")
    if beside.is_dir():
        named = str(beside)
    elif base_revision and not Path(named).is_dir():
        named = f"{named}@{base_revision}"
    try:
        base = resolve(named, allow_pickle=allow_pickle)
    except ModelError as error:
        raise ModelError(
            f"the base of the adapter {spec}: {error}. If it lies elsewhere, write where into "
            f"base_model_name_or_path of {path / 'adapter_config.json'}"
        ) from error
    if base.kind == "adapter":
        raise ModelError(
            f"the base of the adapter {spec}, {named}, is an adapter too; merge that one into its base first "
            "(merge_and_unload)"
        )
    own = load_tokenizer(path) if has_tokenizer(path) else None
    return ModelReference(
        spec=spec,
        kind="adapter",
        path=path,
        revision=revision,
        commit=commit,
        base=base,
        weights_sha256=combined_sha256(base.weights_sha256, files_sha256(weights)),
        tokenizer_sha256=tokenizer_sha256(own) if own is not None else (lender or base).tokenizer_sha256,
        allow_pickle=allow_pickle,
        lender=lender,
    )


def _hub(spec: str, *, allow_pickle: bool, lender: ModelReference | None) -> ModelReference:
    name, _, revision = spec.partition("@")
    if not _HUB_ID.fullmatch(name):
        raise ModelError(f"no directory {spec}, and it is not a hub id (org/name or org/name@revision)")
    try:
        path = _snapshot(name, revision or None, _HUB_FILES)
        if allow_pickle and not list(path.glob("*.safetensors")):
            path = _snapshot(name, revision or None, _HUB_FILES + _HUB_PICKLES)
        elif not list(path.glob("*.safetensors")):
            raise ModelError(
                f"the hub model {spec} has no safetensors weights here; if it has pickle weights and you "
                "trust them, allow pickles (--allow-pickle)"
            )
    except HFValidationError as error:
        raise ModelError(f"no directory {spec}, and it is not a hub id: {error}") from error
    except LocalEntryNotFoundError as error:
        offline = "HF_HUB_OFFLINE is set" if constants.is_offline_mode() else "the hub cannot be reached"
        raise ModelError(
            f"no directory {spec}, and no copy of the hub model {name}"
            f"{f' at revision {revision}' if revision else ''} in the local cache ({offline})"
        ) from error
    except HfHubHTTPError as error:
        said = str(error).strip().splitlines()[0]
        raise ModelError(f"no directory {spec}, and the hub gives no model {name}: {said}") from error
    return _directory(
        spec,
        path,
        allow_pickle=allow_pickle,
        kind="hub",
        revision=revision or None,
        commit=path.name,
        lender=lender,
    )


def _snapshot(name: str, revision: str | None, patterns: list[str]) -> Path:
    folder = snapshot_download(
        name,
        revision=revision,
        allow_patterns=patterns,
        ignore_patterns=["*/*"],
        local_files_only=constants.is_offline_mode(),
    )
    return Path(folder)


def _in_package(spec: str) -> Path:
    name, _, inside = spec.removeprefix(_PACKAGE).partition("/")
    root = _package_directory(name)
    if root is None:
        raise ModelError(f"{spec}: no package called {name!r} is installed")
    start = root / inside if inside else root
    if not start.is_dir():
        raise ModelError(f"{spec}: the package {name} has no directory {inside}")
    found = [c.parent for c in sorted(start.rglob("config.json")) if _names_model_type(c)]
    found += [c.parent for c in sorted(start.rglob("adapter_config.json"))]
    if not found:
        raise ModelError(f"{spec}: the package carries no model (no config.json with a model_type)")
    if start in found:
        return start
    if len(found) > 1:
        choices = ", ".join(f"{_PACKAGE}{name}/{path.relative_to(root).as_posix()}" for path in found)
        raise ModelError(f"{spec}: the package carries several models; choose one of {choices}")
    return found[0]


def _package_directory(name: str) -> Path | None:
    wanted = [name.replace("-", "_").replace(".", "_")]
    # A distribution's import name may be spelt otherwise than the distribution.
    for module, distributions in importlib.metadata.packages_distributions().items():
        if any(re.sub(r"[-_.]+", "-", d).lower() == re.sub(r"[-_.]+", "-", name).lower() for d in distributions):
            wanted.append(module)
    for module in wanted:
        if not module.isidentifier():
            continue
        found = importlib.util.find_spec(module)
        if found is not None and found.submodule_search_locations:
            return Path(next(iter(found.submodule_search_locations)))
    return None


def _names_model_type(path: Path) -> bool:
    try:
        return "model_type" in json.loads(path.read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError):
        return False


def _check_architecture(config: dict[str, Any], path: Path) -> None:
    model_type = config.get("model_type")
    where = path / "config.json"
    if not model_type:
        raise ModelError(
            f"{where} has no model_type, so its architecture is not known; if it is a BERT, say, "
            'add the line "model_type": "bert", to it'
        )
    if model_type not in CONFIG_MAPPING_NAMES:
        named = ", ".join(config.get("architectures") or []) or "none named"
        code = "; it brings its own code, which isogloss never runs" if "auto_map" in config else ""
        raise ModelError(
            f"{where}: model_type {model_type!r} (architectures: {named}) is not one that the installed "
            f"transformers knows{code}"
        )


def _models_in(path: Path) -> list[str]:
    """Models and adapters in the directories of a directory that is none, at most five: a training leaves such."""
    names = ("config.json", "adapter_config.json")
    found = sorted(inner for inner in path.iterdir() if any((inner / name).is_file() for name in names))
    return [str(inner) for inner in found[:5]] + ["..."] * (len(found) > 5)


def _read_json(path: Path, otherwise: str) -> dict[str, Any]:
    if not path.is_file():
        raise ModelError(f"no {path.name} in {path.parent}: {otherwise}")
    try:
        content = json.loads(path.read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path} is not a JSON object")
    return content
