"""The demo's study killed at random moments and given again: the same files each time, and nothing done twice.

Several studies, each killed a few times by SIGKILL: the first time at a moment drawn evenly over the processor time an
undisturbed study takes from the first thing it begins, then over what is left of it (read from /proc; starting again is
not part of it). At each kill the run directory is copied; the copy is given again and goes to its end, and the run
itself is given again until its next kill. What counts, at each kill: all vectors, tables, figures and findings in the
end have the bytes of the undisturbed run, and no chunk and no task that was finished when the run was killed was begun
again. A study that ends before it is killed is not counted, and another is begun. What was found is kept in HOME: the
campaign may be stopped, and goes on.

    python -m campaigns.kills HOME [--kills 50] [--of-each 4] [--at-once 1] [--seed 0] [--engine inline|processes]
                                   [--workers N]
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaigns.results import save
from campaigns.studies import begun_in, demo, fingerprints, finished, prepare, started


@dataclass(frozen=True)
class Whole:
    """An undisturbed run.

    Attributes
    ----------
    files : checksums of what it left.
    takes : seconds of the processor from each thing it begins to the next, by name.
    """

    files: dict[str, str]
    takes: dict[str, float]

    @property
    def name(self) -> str:
        """What tells it from a run of other code, which left other bytes."""
        return hashlib.sha256(json.dumps(self.files, sort_keys=True).encode()).hexdigest()[:16]

    def left(self, done: set[str]) -> float:
        """Seconds that a run needs that has finished these."""
        return sum(seconds for name, seconds in self.takes.items() if name not in done)


def whole(home: Path, options: list[str]) -> Whole:
    """Run the study without disturbing it."""
    out, log = home / "whole", home / "log"
    shutil.rmtree(out, ignore_errors=True)
    log.unlink(missing_ok=True)
    process = started(home, out, log, *options)
    began(process, log)
    begin, before = used(process.pid), resource.getrusage(resource.RUSAGE_CHILDREN)
    _, said = process.communicate()
    if process.returncode:
        raise RuntimeError(said.decode())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime - begin
    names, moments = zip(*begun_in(log), strict=True)
    # Of several workers the clocks are not one: what is begun takes the same share of the time each.
    share = seconds / len(names)
    one = "inline" in options
    ends = [*moments[1:], moments[0] + seconds]
    takes = [max(0.0, end - start) if one else share for start, end in zip(moments, ends, strict=True)]
    return Whole(fingerprints(out), dict(zip(names, takes, strict=True)))


def used(pid: int) -> float:
    """Seconds that a process and its children, and theirs, have had of the processor; 0 once it is gone."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        children = [one for path in Path(f"/proc/{pid}/task").glob("*/children") for one in path.read_text().split()]
    except OSError:
        return 0.0
    mine = sum(map(int, after_name[11:15])) / os.sysconf("SC_CLK_TCK")
    return mine + sum(used(int(child)) for child in children)


def began(process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a run begins to do something, or ends."""
    while not log.exists() and process.poll() is None:
        time.sleep(0.05)


def killed(home: Path, out: Path, log: Path, seconds: float, options: list[str]) -> tuple[bool, set[str]]:
    """Let a run have so much of the processor's time, and kill it: whether it was still at work, and what it began."""
    process = started(home, out, log, *options)
    began(process, log)
    begin = used(process.pid)
    while process.poll() is None and used(process.pid) - begin < seconds:
        time.sleep(0.02)
    working = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return working, {name for name, _ in begun_in(log)}


def ended(home: Path, out: Path, log: Path, options: list[str], expected: Whole) -> dict[str, Any]:
    """Give a killed run again, to its end, and say what was wrong with it."""
    kept = finished(out, expected.takes)
    process = started(home, out, log, *options)
    _, said = process.communicate()
    begun, found = {name for name, _ in begun_in(log)}, fingerprints(out)
    shutil.rmtree(out, ignore_errors=True)
    return {
        "kept": len(kept),
        "begun_after": len(begun),
        "done_twice": sorted(begun & kept),
        "exit": process.returncode,
        "said": said.decode()[-500:] if process.returncode else "",
        "unlike": sorted(
            name for name in expected.files.keys() | found.keys() if expected.files.get(name) != found.get(name)
        ),
    }


def study(
    home: Path, number: int, kills: int, draw: random.Random, options: list[str], expected: Whole
) -> Iterator[dict[str, Any]]:
    """One study and its kills; a row for each."""
    out, copy, log = home / f"killed-{number}", home / f"copy-{number}", home / f"log-{number}"
    shutil.rmtree(out, ignore_errors=True)
    log.unlink(missing_ok=True)
    twice: set[str] = set()
    for _ in range(kills):
        kept = finished(out, expected.takes)
        left = expected.left(kept)
        moment = draw.uniform(0, left)
        working, begun = killed(home, out, log, moment, options)
        if not working:
            break
        twice |= begun & kept
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(out, copy)
        row = {"study": number, "left": round(left, 1), "moment": round(moment, 1)}
        row |= ended(home, copy, log, options, expected)
        yield row | {"done_twice": sorted({*twice, *row["done_twice"]})}
    shutil.rmtree(out, ignore_errors=True)


def campaign(home: Path, kills: int, of_each: int, seed: int, options: list[str], at_once: int = 1) -> dict[str, Any]:
    """As many studies as it takes, so many at a time, and their count."""
    expected = whole(home, options)
    seconds = expected.left(set())
    print(f"undisturbed: {len(expected.files)} files in {seconds:.1f} s", flush=True)
    kept = home / f"kills{'_'.join(options)}.jsonl"
    rows = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    found = [row for row in rows if row["of"] == expected.name]
    numbers = itertools.count(max((row["study"] for row in found), default=-1) + 1)

    def some() -> None:
        while len(found) < kills:
            number = next(numbers)
            for row in study(home, number, of_each, random.Random(f"{seed} {number}"), options, expected):
                row |= {"of": expected.name}
                found.append(row)
                with kept.open("a") as stream:
                    stream.write(json.dumps(row) + "\n")
                good = not (row["unlike"] or row["done_twice"] or row["exit"])
                print(f"{len(found)}: {'the same' if good else 'NOT THE SAME'} {json.dumps(row)}", flush=True)
                if len(found) >= kills:
                    break

    with ThreadPoolExecutor(at_once) as pool:
        for working in [pool.submit(some) for _ in range(at_once)]:
            working.result()
    return {
        "studies": len({row["study"] for row in found}),
        "kills": len(found),
        "seconds_undisturbed": round(seconds, 1),
        "files": len(expected.files),
        "same": sum(not row["unlike"] and not row["exit"] for row in found),
        "nothing_done_twice": sum(not row["done_twice"] for row in found),
        "kept": [min(row["kept"] for row in found), max(row["kept"] for row in found)],
        "each": sorted(found, key=lambda row: row["study"]),
    }


def main() -> None:
    """Run and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--of-each", type=int, default=4, help="kills of one study")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at-once", type=int, default=1, help="studies beside each other")
    parser.add_argument("--engine", default="inline")
    parser.add_argument("--workers", type=int)
    given = parser.parse_args()
    home = given.home / "demo"
    prepare(home, demo())
    options = ["--chunk-bytes", "2000000", "--engine", given.engine]
    if given.workers:
        options += ["--workers", str(given.workers)]
    result = campaign(home, given.kills, given.of_each, given.seed, options, given.at_once)
    save(f"kills_{given.engine}", {"seed": given.seed, "options": options, **result})


if __name__ == "__main__":
    main()
