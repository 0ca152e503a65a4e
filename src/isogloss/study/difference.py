"""What a run in a directory asks otherwise than the one that is wanted there, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from isogloss.study.places import called, placed

MAY_DIFFER = frozenset({"extraction.device", "extraction.device_map"})


def differences(recorded: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """One phrase per difference between two questions (`Question.as_dict`); none if they ask the same.

    The same model reached by another path, and the same corpus in another file, are the same.
    """
    found = _corpus(recorded["corpus"], wanted["corpus"])
    found += _model("base model", recorded["base"], wanted["base"])
    before, now = recorded["tuned"], wanted["tuned"]
    if len(before) != len(now):
        found.append(f"tuned models: {len(before)} then, {len(now)} now")
    for index, (old, new) in enumerate(zip(before, now, strict=False)):
        found += _model("tuned model" if len(now) == 1 else f"tuned model {index}", old, new)
    found += _series(recorded.get("series") or {}, wanted.get("series") or {})
    done = ("corpus", "base", "tuned", "series")
    old, new = (_flat({k: v for k, v in asked.items() if k not in done}) for asked in (recorded, wanted))
    names = [name for name in {**old, **new} if name not in MAY_DIFFER]
    return found + [
        f"{name} was {_short(old.get(name))}, now {_short(new.get(name))}"
        for name in names
        if old.get(name) != new.get(name)
    ]


def _series(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    found = []
    for by, name in (("step", "steps of checkpoints"), ("task", "tunings side by side")):
        before, now = placed(old, by), placed(new, by)
        if before != now:
            found.append(f"{name}: {_listed(before)} then, {_listed(now)} now")
            continue
        ran, asked = ({m[by]: m for m in series.get("members", ()) if by in m} for series in (old, new))
        for place in ran.keys() & asked.keys():
            found += _model(f"model of {called(by, place)}", ran[place], asked[place])
    return found


def _listed(places: Sequence[Any]) -> str:
    return ", ".join(map(str, places)) or "none"


def _corpus(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    if old["content"] == new["content"]:
        return []
    if old["source"] != new["source"]:
        return [f"another corpus: {_sized(old)} then, {_sized(new)} now"]
    sizes = f"{_size(old)} then, {_size(new)} now"
    if _size(old) == _size(new):
        sizes = f"as large as then ({_size(new)}), but with other texts, words or labels"
    return [f"the corpus {new['source']} is not the same: {sizes} (did the file change, or what is read of it?)"]


def _sized(corpus: Mapping[str, Any]) -> str:
    return f"{corpus['source']} ({_size(corpus)})"


def _size(corpus: Mapping[str, Any]) -> str:
    return f"{corpus['sentences']:,} sentences, {corpus['words']:,} words" if "words" in corpus else "of unknown size"


def _model(role: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    if old["weights_sha256"] != new["weights_sha256"]:
        if old["spec"] != new["spec"]:
            return [f"another {role}: {old['spec']} then, {new['spec']} now"]
        weights = f"{_short(old['weights_sha256'])} then, {_short(new['weights_sha256'])} now"
        return [f"the weights of the {role} {new['spec']} changed: {weights}"]
    if old["tokenizer_sha256"] != new["tokenizer_sha256"]:
        tokenizers = f"{_short(old['tokenizer_sha256'])} then, {_short(new['tokenizer_sha256'])} now"
        return [f"the tokenizer of the {role} {new['spec']} changed: {tokenizers}"]
    return []


def _short(value: Any) -> str:
    if isinstance(value, str) and len(value) == 64:
        return value[:12]
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(value, Mapping):
        return {k: v for name, part in value.items() for k, v in _flat(part, f"{prefix}{name}.").items()}
    if isinstance(value, list) and any(isinstance(part, Mapping | list) for part in value):
        return {k: v for i, part in enumerate(value) for k, v in _flat(part, f"{prefix}{i}.").items()}
    return {prefix[:-1]: value}
