"""Feeds every reader spoilt inputs: each must give a corpus or an error that names the file, soon, in bounded memory.

python -m campaigns.fuzz_readers --inputs 100000 --seed 0
python -m campaigns.fuzz_readers --replay FILE

The inputs run in a process of their own, which is started anew where one kills it. Prints counts by format, the slowest
input and the peak of memory; leaves them in `results/fuzz_readers.json`. What failed is made smaller and kept in a
directory, from which `--replay` reads it again with its trace.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from campaigns.targets import TARGETS, case_of, from_json, read_case, to_json
from campaigns.verdicts import SECONDS, Verdict, judged, smallest
from isogloss.study.machine import versions

RESULTS = Path(__file__).parent / "results"
PATIENCE = 60.0
"""Seconds without a sign of life after which the process of the inputs is taken for hanging."""
ADDRESS_SPACE = 4 << 30
"""Bytes that inputs may claim beyond what the process holds when it has begun."""


@dataclass
class Tally:
    """Counts of a campaign."""

    by_target: dict[str, Counter[str]] = field(default_factory=lambda: {t.name: Counter() for t in TARGETS})
    faults: list[dict[str, Any]] = field(default_factory=list)
    slowest: tuple[float, int, str] = (0.0, -1, "")

    def add(self, number: int, target: str, verdict: Verdict) -> None:
        """Count one input."""
        counts = self.by_target[target]
        counts[verdict.kind] += 1
        counts["place named"] += verdict.placed
        self.slowest = max(self.slowest, (verdict.seconds, number, target))
        if verdict.kind == "fault":
            self.faults.append({"input": number, "target": target, "what": verdict.message})

    def as_dict(self) -> dict[str, Any]:
        """For the JSON file."""
        total = sum(self.by_target.values(), Counter())
        seconds, number, target = self.slowest
        return {
            "total": dict(sorted(total.items())),
            "by_format": {name: dict(sorted(counts.items())) for name, counts in self.by_target.items()},
            "slowest": {"seconds": round(seconds, 3), "input": number, "format": target},
            "faults": self.faults,
        }


def campaign(seed: int, numbers: range) -> Tally:
    """Read these inputs in this process."""
    tally = Tally()
    for number in numbers:
        case = case_of(seed, number)
        tally.add(number, case.target, judged(case))
    return tally


def _serve(pipe: Any, seed: int) -> None:
    """The process of the inputs: a number in, its verdict and the peak of memory out."""
    judged(case_of(seed, 0))
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + ADDRESS_SPACE,) * 2)
    pipe.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    while (number := pipe.recv()) is not None:
        case = case_of(seed, number)
        pipe.send((case.target, judged(case), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))


class Inputs:
    """The process that reads the inputs; by default one that shares no thread with this one."""

    def __init__(self, seed: int, method: str = "spawn") -> None:
        self._seed, self._context = seed, multiprocessing.get_context(method)
        self.memory: list[tuple[int, int]] = []
        self._start()

    def _start(self) -> None:
        self._pipe, other = self._context.Pipe()
        self._process = self._context.Process(target=_serve, args=(other, self._seed), daemon=True)
        self._process.start()
        other.close()
        held = self._pipe.recv()
        self.memory.append((held, held))

    def judge(self, number: int) -> tuple[str, Verdict]:
        """The target and the verdict of an input; one that kills the process, or halts it, is a fault."""
        try:
            self._pipe.send(number)
            if self._pipe.poll(PATIENCE):
                target, verdict, peak = self._pipe.recv()
                self.memory[-1] = (self.memory[-1][0], peak)
                return target, verdict
            self._process.kill()
            self._process.join()
            what = f"no answer for {PATIENCE:.0f} s"
        except (EOFError, OSError):
            self._process.join()
            what = f"the process died with exit code {self._process.exitcode}"
        self._start()
        return case_of(self._seed, number).target, Verdict("fault", 0.0, message=what)

    def close(self) -> None:
        """End it."""
        self._pipe.send(None)
        self._process.join()


def _keep(folder: Path, seed: int, number: int, verdict: Verdict) -> Path:
    case = case_of(seed, number)
    if "process died" not in verdict.message and "no answer" not in verdict.message:
        case = smallest(case, verdict.cause)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{case.target.replace(' ', '-')}-{number}.json"
    path.write_text(to_json(case), encoding="utf-8")
    return path


def run(inputs: int, seed: int, keep: Path, out: Path) -> int:
    """The whole campaign; returns the number of faults."""
    process, tally, causes = Inputs(seed), Tally(), set()
    for number in range(inputs):
        target, verdict = process.judge(number)
        tally.add(number, target, verdict)
        if verdict.kind == "fault" and (target, verdict.cause) not in causes:
            causes.add((target, verdict.cause))
            print(f"fault: {target}: {verdict.message}\n  kept as {_keep(keep, seed, number, verdict)}", flush=True)
        if number % 5000 == 4999:
            print(f"{number + 1:,} of {inputs:,}", file=sys.stderr, flush=True)
    process.close()
    content = {
        "inputs": inputs,
        "seed": seed,
        "versions": versions(),
        "limits": {"seconds": SECONDS, "bytes": ADDRESS_SPACE},
        "memory_mib": {
            "before": round(max(held for held, _ in process.memory) / 1024),
            "peak": round(max(peak for _, peak in process.memory) / 1024),
        },
        **tally.as_dict(),
    }
    text = json.dumps(content, indent=1)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text + "\n", encoding="utf-8")
    print(text)
    return len(tally.faults)


def replay(path: Path) -> None:
    """Read a kept case and let its trace be seen."""
    case = from_json(path.read_text(encoding="utf-8"))
    print(judged(case))
    with tempfile.TemporaryDirectory() as folder:
        read_case(case, Path(folder))
    print("read")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "fuzz-faults")
    parser.add_argument("--out", type=Path, default=RESULTS / "fuzz_readers.json")
    parser.add_argument("--replay", type=Path)
    given = parser.parse_args()
    if given.replay is not None:
        replay(given.replay)
        return
    sys.exit(1 if run(given.inputs, given.seed, given.keep, given.out) else 0)


if __name__ == "__main__":
    main()
