"""What a plan foretells against what the study then takes: words, bytes on disk, peak memory, seconds.

Each plan and each study runs in a process of its own. With one thread seconds are those of the processor on both sides,
so that other programs' work does not count; ratios are predicted / real.

    OMP_NUM_THREADS=1 python -m benchmarks.cost [--case NAME] [--sentences 200 1000]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.common import RESULTS, save
from isogloss.cli.demo import LEARNING_RATE, MODEL, QUICK, rotten_tomatoes
from isogloss.progress import Progress

WITHIN = 1.5
CASES: dict[str, dict[str, Any]] = {
    "shape": {"analyses": ["similarity", "isotropy"], "sentences": 0},
    "no intervals": {
        "analyses": ["similarity", "separability"],
        "sentences": 1,
        "options": {"similarity": {"bootstrap": 0}, "separability": {"bootstrap": 0}},
    },
    "every analysis": {"analyses": ["similarity", "concepts", "probing", "isotropy", "separability"], "sentences": 0},
}
"""Analyses, which of the numbers of sentences, and options beyond those of the demo."""


def arguments(name: str, home: Path, sizes: list[int]) -> dict[str, Any]:
    """What a case asks `plan` and `compare`."""
    case = CASES[name]
    reviews = rotten_tomatoes()
    order = np.random.default_rng(0).permutation(len(reviews))
    corpus = reviews.select(np.sort(order[: sizes[case["sentences"]]])).annotate("casing", "word_class")
    options = {n: {**QUICK.get(n, {}), **case.get("options", {}).get(n, {})} for n in case["analyses"]}
    return {
        "base": MODEL,
        "tuned": str(home / "tuned"),
        "corpus": corpus,
        "analyses": case["analyses"],
        "options": options,
        "out": home / name.replace(" ", "-"),
        "progress": Progress(),
    }


def worker(kind: str, name: str, home: Path, sizes: list[int]) -> dict[str, Any]:
    """Plan a case, or run it."""
    import isogloss as ig

    if kind == "tune":
        reviews = rotten_tomatoes()
        learn = reviews.select(np.random.default_rng(0).permutation(len(reviews))[-400:])
        ig.finetune(
            MODEL, learn, home / "tuned", label="sentiment", epochs=1, max_length=64, learning_rate=LEARNING_RATE
        )
        return {}
    given = arguments(name, home, sizes)
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    start = clock()
    if kind == "plan":
        plan = ig.plan(**given)
        return {**plan.as_dict(), "planning": clock() - start}
    study = ig.compare(**given)
    return {
        "words": study.manifest["corpus"]["compared_words"],
        "seconds": clock() - start,
        "stages": study.manifest["seconds"],
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "bytes": sum(path.stat().st_size for path in study.directory.rglob("*") if path.is_file()),
    }


def elsewhere(kind: str, name: str, home: Path, sizes: list[int]) -> dict[str, Any]:
    """`worker` in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.cost", "--worker", kind, "--case", name, "--home", str(home)]
    command += ["--sentences", *map(str, sizes)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(said.strip().splitlines()[-1])


def compared(name: str, home: Path, sizes: list[int]) -> dict[str, Any]:
    """One case: predicted, real, and their ratios."""
    start = time.perf_counter()
    plan = elsewhere("plan", name, home, sizes)
    planning = time.perf_counter() - start
    real = elsewhere("run", name, home, sizes)
    total = plan["total"]
    predicted = {
        "words": plan["words"],
        "bytes": total["bytes_on_disk"],
        "memory": total["memory"],
        "seconds": total["seconds"],
    }
    ratios = {key: predicted[key] / real[key] for key in predicted}
    stages = {row["stage"]: row["seconds"] for row in plan["stages"]}
    return {
        "analyses": CASES[name]["analyses"],
        "predicted": predicted,
        "real": {key: real[key] for key in predicted},
        "ratio": ratios,
        "within": all(1 / WITHIN <= ratio <= WITHIN for ratio in ratios.values()),
        "seconds_by_stage": {"predicted": stages, "real": real["stages"]},
        "planning_seconds": planning,
    }


def main() -> None:
    """Compare every case, or one of them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", choices=CASES)
    parser.add_argument("--sentences", type=int, nargs=2, default=[200, 1000])
    parser.add_argument("--worker", choices=("tune", "plan", "run"))
    parser.add_argument("--home", type=Path)
    given = parser.parse_args()
    if given.worker:
        sys.stdout.write(json.dumps(worker(given.worker, given.case, given.home, given.sentences)) + "\n")
        return
    with tempfile.TemporaryDirectory(prefix="isogloss-bench-") as folder:
        home = Path(folder)
        elsewhere("tune", next(iter(CASES)), home, given.sentences)
        for name in [given.case] if given.case else list(CASES):
            found = compared(name, home, given.sentences)
            # After each: a case takes its time, and one may be measured anew alone.
            cases = {**_earlier(), name: found}
            save("cost", {"model": "MiniLM (6 x 384)", "within": WITHIN, "cases": cases})


def _earlier() -> dict[str, Any]:
    path = RESULTS / "cost.json"
    return json.loads(path.read_text(encoding="utf-8"))["cases"] if path.exists() else {}


if __name__ == "__main__":
    main()
