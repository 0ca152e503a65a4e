"""The small study killed at random moments and given again: the same files each time, and nothing done twice.

Each round is a run of its own: SIGKILL at a moment drawn evenly over the time an undisturbed run takes, then the same
command to its end. What counts: all vectors, tables, figures and findings have the bytes of the undisturbed run, and
no chunk and no task that was finished when the run was killed was begun again.

    python -m campaigns.kills HOME [--rounds 50] [--at-once 1] [--seed 0] [--engine inline|processes] [--workers N]
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from campaigns.results import save
from campaigns.small_study import fingerprints, finished, prepare, started


def whole(home: Path, options: list[str]) -> tuple[dict[str, str], float]:
    """What an undisturbed run leaves, and the seconds it takes."""
    out = home / "whole"
    shutil.rmtree(out, ignore_errors=True)
    begin = time.perf_counter()
    process = started(home, out, home / "log", *options)
    _, said = process.communicate()
    if process.returncode:
        raise RuntimeError(said.decode())
    return fingerprints(out), time.perf_counter() - begin


def round_of(home: Path, number: int, moment: float, options: list[str], expected: dict[str, str]) -> dict[str, Any]:
    """Kill a run at a moment, give it again, and say what was wrong with it."""
    out, log = home / f"killed-{number}", home / f"log-{number}"
    shutil.rmtree(out, ignore_errors=True)
    log.unlink(missing_ok=True)
    process = started(home, out, log, *options)
    time.sleep(moment)
    ended = process.poll() is not None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = finished(out)
    log.unlink(missing_ok=True)
    again = started(home, out, log, *options)
    _, said = again.communicate()
    begun = set(log.read_text().splitlines()) if log.exists() else set()
    found = fingerprints(out)
    shutil.rmtree(out, ignore_errors=True)
    return {
        "moment": round(moment, 2),
        "ended_before": ended,
        "kept": len(kept),
        "begun_after": len(begun),
        "done_twice": sorted(begun & kept),
        "exit": again.returncode,
        "said": said.decode()[-500:] if again.returncode else "",
        "unlike": sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)),
    }


def campaign(home: Path, rounds: int, seed: int, options: list[str], at_once: int = 1) -> dict[str, Any]:
    """All rounds, so many at a time, and their count."""
    expected, seconds = whole(home, options)
    print(f"undisturbed: {len(expected)} files in {seconds:.1f} s", flush=True)
    draw = random.Random(seed)
    moments = [draw.uniform(0, seconds) for _ in range(rounds)]
    found = []
    with ThreadPoolExecutor(at_once) as pool:
        for row in pool.map(lambda drawn: round_of(home, *drawn, options, expected), enumerate(moments)):
            found.append(row)
            good = not (row["unlike"] or row["done_twice"] or row["exit"])
            print(f"{len(found)}: {'the same' if good else 'NOT THE SAME'} {json.dumps(row)}", flush=True)
    return {
        "rounds": rounds,
        "seconds_undisturbed": round(seconds, 1),
        "files": len(expected),
        "same": sum(not row["unlike"] and not row["exit"] for row in found),
        "nothing_done_twice": sum(not row["done_twice"] for row in found),
        "killed_before_the_end": sum(not row["ended_before"] for row in found),
        "kept_at_most": max(row["kept"] for row in found),
        "each": found,
    }


def main() -> None:
    """Run and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at-once", type=int, default=1, help="rounds beside each other")
    parser.add_argument("--engine", default="inline")
    parser.add_argument("--workers", type=int)
    given = parser.parse_args()
    given.home.mkdir(parents=True, exist_ok=True)
    prepare(given.home)
    options = ["--chunk-bytes", "2000000", "--engine", given.engine]
    if given.workers:
        options += ["--workers", str(given.workers)]
    result = campaign(given.home, given.rounds, given.seed, options, given.at_once)
    save(f"kills_{given.engine}", {"seed": given.seed, "options": options, **result})


if __name__ == "__main__":
    main()
