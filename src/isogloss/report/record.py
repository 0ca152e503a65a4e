"""How a run was made, as sections of (name, value) lines: knows the manifest's keys, not what made them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from isogloss.analysis import listed
from isogloss.report.text import number, plain, words_of

_LONGEST_VALUE = 400


@dataclass(frozen=True)
class Section:
    """A titled list of lines; `value` is shown as code where `code` is true."""

    title: str
    lines: tuple[tuple[str, str, bool], ...]


def command_of(manifest: Mapping[str, Any]) -> str:
    """The command line that made the run, quoted for a shell; "" where it is not known."""
    command = manifest.get("command")
    if isinstance(command, list | tuple):
        return shlex.join(map(str, command))
    return str(command or "")


def seconds(value: float) -> str:
    """`0.84 s`, `12.3 s`, `4 min 05 s`, `1 h 02 min`."""
    if value < 60:
        return f"{value:.2f} s" if value < 1 else f"{value:.1f} s"
    whole = round(value)
    return (
        f"{whole // 60} min {whole % 60:02d} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    )


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool | int | float):
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else number(value)
    if isinstance(value, list | tuple):
        return listed([_shown(v) for v in value]) if len(value) <= 40 else f"{len(value)} values"
    text = plain(str(value))
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"


def _is_hash(name: str, value: Any) -> bool:
    return isinstance(value, str) and any(
        part in name.lower() for part in ("sha", "hash", "commit", "revision", "fingerprint")
    )


def _lines(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str, bool]]:
    lines: list[tuple[str, str, bool]] = []
    for name, value in values.items():
        label = f"{prefix} · {words_of(str(name))}" if prefix else words_of(str(name))
        if isinstance(value, Mapping):
            lines += _lines(value, label)
        elif isinstance(value, list | tuple) and any(isinstance(v, Mapping) for v in value):
            for i, part in enumerate(value):
                inner = part if isinstance(part, Mapping) else {"value": part}
                lines += _lines(inner, f"{label} {i + 1}" if len(value) > 1 else label)
        elif value not in (None, "", [], (), {}):
            lines.append((label, _shown(value), _is_hash(str(name), value)))
    return lines


def _as_mapping(value: Any, name: str) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    if isinstance(value, list | tuple):
        return {f"{name} {i + 1}": part for i, part in enumerate(value)}
    return {name: value}


def sections(manifest: Mapping[str, Any]) -> list[Section]:
    """The manifest in reading order: models, settings, software, machine, time, then what is left."""
    rest = {key: value for key, value in manifest.items() if key != "command"}
    found: list[Section] = []
    for role, model in _as_mapping(rest.pop("models", {}), "model").items():
        if lines := _lines(_as_mapping(model, "name")):
            name = words_of(str(role))
            title = name if "model" in name else f"{name} model"
            found.append(Section(title[:1].upper() + title[1:], tuple(lines)))
    if lines := _lines(_as_mapping(rest.pop("corpus", {}), "name")):
        found.append(Section("Corpus", tuple(lines)))
    settings: dict[str, Any] = {
        k: rest.pop(k) for k in ("seed", "seeds", "settings", "options", "analyses", "layers") if k in rest
    }
    if lines := _lines(settings):
        found.append(Section("Settings", tuple(lines)))
    for key, title in (("versions", "Software"), ("machine", "Machine")):
        if lines := _lines(_as_mapping(rest.pop(key, {}), key)):
            found.append(Section(title, tuple(lines)))
    timings = rest.pop("timings", {})
    if isinstance(timings, Mapping) and timings:
        times = [
            (words_of(str(k)), seconds(v) if isinstance(v, int | float) else _shown(v), False)
            for k, v in timings.items()
        ]
        found.append(Section("Time", tuple(times)))
    if lines := _lines(rest):
        found.append(Section("Other", tuple(lines)))
    return found
