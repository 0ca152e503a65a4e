"""What there is here to multiply with."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path
from typing import Any

import torch


@cache
def of_intel() -> bool:
    """Whether this processor is one of Intel's."""
    info = Path("/proc/cpuinfo")
    return "GenuineIntel" in (info.read_text() if info.exists() else platform.processor())


@cache
def has_operators(library: str, *names: str) -> bool:
    """Whether this torch has all of a library's operators."""
    operators: Any = getattr(torch.ops, library, None)
    return operators is not None and all(hasattr(operators, name) for name in names)
