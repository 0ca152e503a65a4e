"""The machine that a plan is for: described by the user in a line or a file. Measures nothing.

Such as `gpus=8,gpu_memory=80GiB,gpu_tflops=400,cores=64,memory=512GiB,disk=4TB,disk_bandwidth=2GB/s,nodes=4`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from isogloss.corpus.labels import suggestion
from isogloss.errors import OptionError
from isogloss.memory import as_bytes


@dataclass(frozen=True)
class Machine:
    """What one node of a machine has, and how many nodes there are. All numbers but `nodes` are of one node.

    Attributes
    ----------
    nodes : how many are used.
    gpus : accelerators; 0 reads models on the processor.
    gpu_memory : bytes of each.
    gpu_tflops : what each states for dense products in the compute precision, 1e12 operations per second.
    utilisation : share of `gpu_tflops` that reading reaches.
    cores : of the processor.
    core_speed : speed of one of them, in units of one thread of the machine that plans.
    memory : bytes.
    disk : bytes that are free, of all nodes together: they share a file system.
    disk_bandwidth : bytes per second of one node.
    """

    nodes: int = field(default=1, metadata={"kind": "count", "least": 1})
    gpus: int = field(default=0, metadata={"kind": "count", "least": 0})
    gpu_memory: float = field(default=80 * 2.0**30, metadata={"kind": "bytes"})
    gpu_tflops: float = field(default=100.0, metadata={"kind": "number"})
    utilisation: float = field(default=0.35, metadata={"kind": "share"})
    cores: int = field(default=1, metadata={"kind": "count", "least": 1})
    core_speed: float = field(default=1.0, metadata={"kind": "number"})
    memory: float = field(default=16 * 2.0**30, metadata={"kind": "bytes"})
    disk: float = field(default=1e12, metadata={"kind": "bytes"})
    disk_bandwidth: float = field(default=1e9, metadata={"kind": "rate"})

    def __post_init__(self) -> None:
        for known in fields(self):
            value, kind = getattr(self, known.name), known.metadata["kind"]
            if kind == "count":
                least = known.metadata["least"]
                if not isinstance(value, int) or isinstance(value, bool) or value < least:
                    raise OptionError(f"machine: {known.name} is a whole number of at least {least}. Got {value!r}.")
            elif not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < float("inf"):
                raise OptionError(f"machine: {known.name} is a number above 0. Got {value!r}.")
        if self.utilisation > 1:
            raise OptionError(f"machine: utilisation is a share, at most 1. Got {self.utilisation}.")

    @staticmethod
    def parse(given: str | Path | Mapping[str, Any] | Machine) -> Machine:
        """A machine from `NAME=VALUE,...`, from a TOML file of the same names, or from a mapping.

        Sizes are written `80GiB`, `4TB` (powers of 1,000 without the i) or as numbers of bytes, rates `2GB/s`.

        Raises
        ------
        OptionError : there is no such name, a value is not of its kind, or the file cannot be read.
        """
        if isinstance(given, Machine):
            return given
        if isinstance(given, Mapping):
            return _built(given)
        text = str(given).strip()
        if "=" not in text or text.endswith(".toml"):
            return _built(_read(Path(text)))
        values: dict[str, Any] = {}
        for part in text.split(","):
            name, equals, value = (piece.strip() for piece in part.partition("="))
            if not (name and equals and value):
                raise OptionError(f"a machine is written NAME=VALUE,..., e.g. cores=64,memory=512GiB; got {part!r}")
            if name in values:
                raise OptionError(f"machine: {name} is given twice")
            values[name] = value
        return _built(values)

    def as_dict(self) -> dict[str, Any]:
        """Plain types."""
        return asdict(self)


def _built(values: Mapping[str, Any]) -> Machine:
    known = {f.name: f.metadata["kind"] for f in fields(Machine)}
    if unknown := sorted(set(values) - set(known)):
        raise OptionError(
            f"machine: there is no {', '.join(unknown)}; there are {', '.join(known)}"
            f"{suggestion(unknown[0], list(known))}"
        )
    return Machine(**{name: _value(name, value, known[name]) for name, value in values.items()})


def _value(name: str, value: Any, kind: str) -> Any:
    if not isinstance(value, str):
        return value
    if kind == "count":
        try:
            return int(value)
        except ValueError:
            raise OptionError(f"machine: {name} is a whole number. Got {value!r}.") from None
    try:
        if kind == "rate":
            return as_bytes(value.strip().removesuffix("/s"))
        return as_bytes(value) if kind == "bytes" else float(value)
    except ValueError:
        like = {"bytes": "a size, e.g. 512GiB or 4TB", "rate": "a rate, e.g. 2GB/s"}.get(kind, "a number")
        raise OptionError(f"machine: {name} is {like}. Got {value!r}.") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise OptionError(
            f"no file {path} that describes a machine, and it is not written NAME=VALUE,... (cores=64,memory=512GiB)"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise OptionError(f"{path} does not describe a machine: {error}") from None
