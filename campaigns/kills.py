"""The demo's study killed at random moments and given again: the same files each time, and nothing done twice.

Several studies, each killed a few times by SIGKILL. The moments are drawn evenly over the processor time an undisturbed
study takes from the first thing it begins (read from /proc); starting again is not part of it. At each kill the run
directory is copied; the copy is given again and goes to its end, and the run itself is given again until its next kill.
What counts, at each kill: all vectors, tables, figures and findings in the end have the bytes of the undisturbed run,
and no chunk and no task that was finished when the run was killed was begun again.

    python -m campaigns.kills HOME [--studies 10] [--kills 5] [--at-once 1] [--seed 0] [--engine inline|processes]
                                   [--workers N]
"""

from __future__ import annotations

import argparse
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
from pathlib import Path
from typing import Any

from campaigns.results import save
from campaigns.studies import demo, fingerprints, finished, prepare, started


def whole(home: Path, options: list[str]) -> tuple[dict[str, str], float]:
    """What an undisturbed run leaves, and the processor's seconds from the first thing it begins to its end."""
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
    return fingerprints(out), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime - begin


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
    return working, begun_in(log)


def begun_in(log: Path) -> set[str]:
    """What a run said it began; the file is taken away."""
    begun = set(log.read_text().splitlines()) if log.exists() else set()
    log.unlink(missing_ok=True)
    return begun


def ended(home: Path, out: Path, log: Path, options: list[str], expected: dict[str, str]) -> dict[str, Any]:
    """Give a killed run again, to its end, and say what was wrong with it."""
    kept = finished(out)
    process = started(home, out, log, *options)
    _, said = process.communicate()
    begun, found = begun_in(log), fingerprints(out)
    shutil.rmtree(out, ignore_errors=True)
    return {
        "kept": len(kept),
        "begun_after": len(begun),
        "done_twice": sorted(begun & kept),
        "exit": process.returncode,
        "said": said.decode()[-500:] if process.returncode else "",
        "unlike": sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)),
    }


def study(
    home: Path, number: int, moments: list[float], options: list[str], expected: dict[str, str]
) -> Iterator[dict[str, Any]]:
    """One study and its kills; a row for each."""
    out, copy, log = home / f"killed-{number}", home / f"copy-{number}", home / f"log-{number}"
    for left in (out, copy):
        shutil.rmtree(left, ignore_errors=True)
    log.unlink(missing_ok=True)
    since, twice = 0.0, list[str]()
    for moment in moments:
        kept = finished(out)
        working, begun = killed(home, out, log, moment - since, options)
        twice += sorted(begun & kept)
        since = moment
        if moment == moments[-1]:
            copy = out
        else:
            shutil.copytree(out, copy)
        row = {"study": number, "moment": round(moment, 2), "before_the_end": working}
        row |= ended(home, copy, log, options, expected)
        yield row | {"done_twice": sorted({*twice, *row["done_twice"]})}


def campaign(home: Path, studies: int, kills: int, seed: int, options: list[str], at_once: int = 1) -> dict[str, Any]:
    """All studies, so many at a time, and their count."""
    expected, seconds = whole(home, options)
    print(f"undisturbed: {len(expected)} files in {seconds:.1f} s", flush=True)
    draw = random.Random(seed)
    moments = [sorted(draw.uniform(0, seconds) for _ in range(kills)) for _ in range(studies)]
    found: list[dict[str, Any]] = []

    def one(number: int) -> None:
        for row in study(home, number, moments[number], options, expected):
            found.append(row)
            good = not (row["unlike"] or row["done_twice"] or row["exit"])
            print(f"{len(found)}: {'the same' if good else 'NOT THE SAME'} {json.dumps(row)}", flush=True)

    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(one, range(studies)))
    return {
        "studies": studies,
        "kills": len(found),
        "seconds_undisturbed": round(seconds, 1),
        "files": len(expected),
        "same": sum(not row["unlike"] and not row["exit"] for row in found),
        "nothing_done_twice": sum(not row["done_twice"] for row in found),
        "killed_before_the_end": sum(row["before_the_end"] for row in found),
        "kept_at_most": max(row["kept"] for row in found),
        "each": sorted(found, key=lambda row: (row["study"], row["moment"])),
    }


def main() -> None:
    """Run and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("--studies", type=int, default=10)
    parser.add_argument("--kills", type=int, default=5, help="of each study")
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
    result = campaign(home, given.studies, given.kills, given.seed, options, given.at_once)
    save(f"kills_{given.engine}", {"seed": given.seed, "options": options, **result})


if __name__ == "__main__":
    main()
