"""What all benchmarks share: interleaved repetition, medians, the machine's facts, the JSON they leave."""

from __future__ import annotations

import json
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from isogloss.study.machine import versions

RESULTS = Path(__file__).parent / "results"
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def interleaved(
    contenders: Mapping[str, Callable[[], Any]], rounds: int, between: Callable[[], Any] = lambda: None
) -> dict[str, list[float]]:
    """Seconds of each contender, A B C A B C ...: a machine that slows down slows all of them.

    What is done between two of them, such as deleting what one wrote, is not timed.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
            between()
    return seconds


def ratio(above: list[float], below: list[float]) -> float:
    """Median of the ratios round by round."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def processor() -> str:
    """The processor's name, as far as the system tells."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def features() -> list[str]:
    """Matrix extensions of the processor that decide how fast coarse precisions are."""
    info = Path("/proc/cpuinfo")
    flags = info.read_text().split() if info.exists() else []
    return [f for f in ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile") if f in flags]


def save(name: str, results: Mapping[str, Any]) -> None:
    """Print the results and leave them as `results/NAME.json`."""
    content = {
        "machine": {"processor": processor(), "features": features(), "threads": torch.get_num_threads()},
        "versions": versions(),
        **results,
    }
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(content, indent=1)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print(text)
