"""What a study takes with and without a limit of memory: MiniLM and a tuning of it over EWT text, each in a process.

The limit is the least that the command says it can keep. In a control group of that size, where the system has them and
lets one be made, the limited run must end too: what it takes beyond the limit would end it.

    python -m benchmarks.bounded_memory HOME [--sentences N] [--analyses NAME,NAME] [--layers last] [--defaults]

With --defaults the analyses have their default options and fewer words; else the least options and more words. What was
measured is added to what other calls left.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from campaigns.studies import BASE, LEAST, prepare

from benchmarks.common import RESULTS, SHARED, save

GROUP = Path("/sys/fs/cgroup/memory/isogloss-bench")


def worker(home: Path, out: Path, given: argparse.Namespace) -> None:
    """Run the study, and print what it took."""
    import isogloss
    from isogloss.corpus import Corpus
    from isogloss.errors import OptionError
    from isogloss.memory import peak_of_memory

    corpus = Corpus.read(next((SHARED / "ud-ewt").glob("*-train.conllu"))).head(given.sentences)
    names = given.analyses.split(",")
    try:
        with peak_of_memory() as peak:
            study = isogloss.compare(
                BASE, str(home / "tuned"), corpus, analyses=names, layers=given.layers, out=out,
                options=None if given.defaults else {name: LEAST[name] for name in names}, memory=given.memory,
            )  # fmt: skip
    except OptionError as error:
        print(json.dumps({"refused": str(error), "least": error.options["memory"]}))
        return
    tables = sorted((out / "tables").glob("*.parquet"))
    sums = hashlib.sha256(b"".join(path.read_bytes() for path in tables)).hexdigest()
    found = {"peak": peak.memory, "tables": sums, "words": len(corpus.words), "seconds": study.manifest["seconds"]}
    print(json.dumps(found | {"peak_of_tasks": study.manifest["machine"].get("most_memory_of_a_worker")}))


def run(home: Path, name: str, given: argparse.Namespace, memory: str | None, group: Path | None = None) -> Any:
    """What the study took in a process of its own."""
    out = home / name
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "benchmarks.bounded_memory", str(home), "--worker", str(out)]
    command += ["--sentences", str(given.sentences), "--analyses", given.analyses, "--layers", given.layers]
    command += ["--defaults"] if given.defaults else []
    command += [] if memory is None else ["--memory", memory]
    enter = None if group is None else lambda: (group / "cgroup.procs").write_text(str(os.getpid()))
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=enter)
    shutil.rmtree(out, ignore_errors=True)
    if done.returncode:
        return {"failed": done.returncode, "said": done.stderr[-300:]}
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def control_group(limit: int) -> Iterator[Path | None]:
    """A group of processes that the system holds to the limit; None where it cannot be made."""
    try:
        GROUP.mkdir(exist_ok=True)
        (GROUP / "memory.limit_in_bytes").write_text(str(limit))
    except OSError:
        yield None
        return
    try:
        yield GROUP
    finally:
        GROUP.rmdir()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("--sentences", type=int, default=6000)
    parser.add_argument("--analyses", default=",".join(LEAST))
    parser.add_argument("--layers", default="last")
    parser.add_argument("--defaults", action="store_true")
    parser.add_argument("--memory")
    parser.add_argument("--worker", type=Path)
    given = parser.parse_args()
    if given.worker is not None:
        worker(given.home, given.worker, given)
        return
    prepare(given.home)
    kept = RESULTS / "bounded_memory.json"
    results: dict[str, Any] = json.loads(kept.read_text())["studies"] if kept.exists() else {}
    for name in given.analyses.split(","):
        some = argparse.Namespace(**{**vars(given), "analyses": name})
        free = run(given.home, "free", some, None)
        least = run(given.home, "refused", some, "1MiB")["least"]
        limit = int(re.sub(r"\D", "", least)) << 20
        with control_group(limit) as group:
            bound = run(given.home, "bound", some, least, group)
        if "peak" not in bound:
            raise RuntimeError(f"{name} with {least}: {bound}")
        results[f"{name}{', default options' if given.defaults else ''}"] = {
            "words": free["words"],
            "threads": torch.get_num_threads(),
            "limit_mib": limit >> 20,
            "free_mib": round(free["peak"] / 2**20),
            "bound_mib": round(bound["peak"] / 2**20),
            "kept": bound["peak"] <= limit,
            "same_tables": free["tables"] == bound["tables"],
            "in_a_group_of_the_limit": group is not None,
            "seconds": [round(sum(one["seconds"].values()), 1) for one in (free, bound)],
        }
        save("bounded_memory", {"studies": results})


if __name__ == "__main__":
    main()
