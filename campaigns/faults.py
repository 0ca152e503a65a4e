"""What befalls a run directory - a full disk, a flipped bit, a second run, a vanished model - and what is said of it.

A fault passes if the run ends as it should or with an `IsoglossError` (the command's exit code 2, one message, no
trace), if a run that succeeds shows what an undisturbed one shows, and if after the remedy that the message names
everything is there again.

    python -m campaigns.faults HOME [--tiny]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from campaigns.results import save
from campaigns.studies import BASE, LEAST, fingerprints, prepare, started

QUICK = ("similarity", "separability")


class Faults:
    """The faults, tried one by one on copies of one finished and one unfinished run.

    Parameters
    ----------
    home : holds `corpus`, `tuned`, and `base` where the base is not the demo's.
    base, tuned : the models.
    every : of the files of a run, each so many-th is harmed.
    """

    def __init__(self, home: Path, base: str, tuned: str, every: int = 1) -> None:
        from isogloss.corpus import Corpus

        self.home, self.base, self.tuned, self.every = home, base, tuned, every
        self.corpus = Corpus.load(home / "corpus")
        self.rows: list[dict[str, Any]] = []
        self.finished = home / "finished"
        shutil.rmtree(self.finished, ignore_errors=True)
        self.compare(self.finished)
        self.expected = fingerprints(self.finished)

    def compare(self, out: Path, **changed: Any) -> Any:
        """The study of two analyses, in this process."""
        import isogloss

        options = {name: LEAST[name] for name in QUICK}
        models = changed.pop("base", self.base), changed.pop("tuned", self.tuned)
        return isogloss.compare(*models, self.corpus, analyses=QUICK, out=out, options=options, **changed)

    def tried(self, fault: str, run: Callable[[], Any], out: Path, *, may_pass: bool = True) -> str:
        """Run, and note what came of it; returns the message, empty where it went through."""
        from isogloss.errors import IsoglossError

        try:
            run()
            message, how = "", "went through"
        except IsoglossError as error:
            message, how = str(error), "refused"
        except Exception as error:
            message, how = f"{type(error).__name__}: {error}", "RAISED"
        same = how != "went through" or self.like(out)
        good = how == "refused" or (how == "went through" and same and may_pass)
        shown = message.replace(str(self.home), "HOME")
        self.rows.append({"fault": fault, "how": how, "message": shown, "good": good})
        return message

    def like(self, out: Path) -> bool:
        """Whether the results are those of the undisturbed run, and what there is of vectors is too.

        A finished run needs neither its vectors nor the tables of single tasks.
        """
        found = fingerprints(out)
        results = {name for name in self.expected if name.startswith(("tables/", "figures/"))}
        vectors = {name for name in found if name.startswith("activations/")}
        return all(found.get(name) == self.expected.get(name) for name in results | vectors)

    def healed(self, fault: str, run: Callable[[], Any], out: Path) -> None:
        """After the remedy: the run must go through, to the same results."""
        self.tried(f"{fault}, after the remedy", run, out)
        self.rows[-1]["good"] &= self.rows[-1]["how"] == "went through"

    def files(self, run: Path) -> list[Path]:
        """Which files of a run are harmed."""
        return sorted(p.relative_to(run) for p in run.rglob("*") if p.is_file())[:: self.every]

    @contextmanager
    def copy(self, of: Path) -> Iterator[Path]:
        """A copy of a run to harm."""
        out = self.home / "harmed"
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(of, out)
        try:
            yield out
        finally:
            shutil.rmtree(out, ignore_errors=True)

    def every_file(self) -> None:
        """One flipped bit, and a lost half, in each file of a finished run: opened, and given again."""
        import isogloss

        for name in self.files(self.finished):
            for harm in (flip, halve):
                with self.copy(self.finished) as out:
                    harm(out / name)
                    fault = f"{harm.__name__} {name.as_posix()}"
                    self.tried(f"{fault}, opened", lambda out=out: shown(isogloss.load(out)), self.finished)
                    message = self.tried(f"{fault}, given again", lambda out=out: self.compare(out), out)
                    if message and "activations" in name.parts:
                        shutil.rmtree(out / "activations" / name.parts[1])
                        self.healed(fault, lambda out=out: self.compare(out), out)

    def unfinished(self) -> None:
        """The same for a run that was stopped: in the middle of a store, and after all tasks."""
        from isogloss.activations import writer
        from isogloss.study import tasks

        for where, owner, name in (
            ("before a store is finished", writer.StoreWriter, "finish"),
            ("after the tasks", tasks.StudyTasks, "analyse"),
        ):
            stopped = self.home / "stopped"
            shutil.rmtree(stopped, ignore_errors=True)
            kept = getattr(owner, name)
            setattr(owner, name, stop)
            try:
                self.compare(stopped)
            except KeyboardInterrupt:
                pass
            finally:
                setattr(owner, name, kept)
            for path in self.files(stopped):
                with self.copy(stopped) as out:
                    flip(out / path)
                    fault = f"flip {path.as_posix()} of a run stopped {where}"
                    message = self.tried(fault, lambda out=out: self.compare(out), out)
                    if message and "activations" in path.parts:
                        shutil.rmtree(out / "activations" / path.parts[1])
                        self.healed(fault, lambda out=out: self.compare(out), out)

    def two_at_once(self) -> None:
        """A second run on a directory in which one is at work."""
        from isogloss import locks

        with self.copy(self.finished) as out, locks.held(out):
            self.tried("a second run on the directory", lambda: self.compare(out), out, may_pass=False)

    def lock_of_the_dead(self) -> None:
        """A lock whose holder was killed binds nobody."""
        with self.copy(self.finished) as out:
            (out / "lock").write_text('{"process": 1, "machine": "elsewhere"}')
            self.healed("a lock left behind", lambda: self.compare(out), out)

    def lost_model(self) -> None:
        """A model that is gone, or another one, between extraction and analysis."""
        from isogloss.study import tasks

        with self.copy(self.finished) as out:
            shutil.rmtree(out)
            gone = self.home / "gone"
            shutil.rmtree(gone, ignore_errors=True)
            shutil.copytree(self.tuned, gone)
            kept = tasks.StudyTasks.compute
            tasks.StudyTasks.compute = stop  # type: ignore[method-assign]
            try:
                self.compare(out, tuned=str(gone))
            except KeyboardInterrupt:
                pass
            finally:
                tasks.StudyTasks.compute = kept  # type: ignore[method-assign]
            away = gone.rename(self.home / "away")
            run = lambda: self.compare(out, tuned=str(gone))  # noqa: E731
            self.tried("the model deleted between extraction and analysis", run, out, may_pass=False)
            away.rename(gone)
            weights = next(gone.glob("*.safetensors"))
            flip(weights)
            self.tried("another model in its place", run, out, may_pass=False)
            flip(weights)
            run()
            same = {name: digest for name, digest in fingerprints(out).items() if name.startswith("tables/")}
            expected = {name: digest for name, digest in self.expected.items() if name.startswith("tables/")}
            self.rows.append(
                {
                    "fault": "the model deleted, after the remedy",
                    "how": "went through",
                    "message": "",
                    "good": same == expected,
                }
            )

    def read_only(self) -> None:
        """A directory that cannot be written: by its modes, or for root, who writes in spite of them, by its mount."""
        import isogloss

        with self.copy(self.finished) as out, unwritable(out) as there:
            if not there:
                self.rows.append({"fault": "read-only", "how": "not tried: mounting is not allowed", "good": True})
                return
            self.tried("a finished run that is read-only, opened", lambda: shown(isogloss.load(out)), self.finished)
            self.tried("a finished run that is read-only, given again", lambda: self.compare(out), out)
            new = out / "new"
            self.tried("a new run in a read-only directory", lambda: self.compare(new), new, may_pass=False)

    def full_disk(self) -> None:
        """A file system with too little room; it gets more, and the run goes on."""
        mount = self.home / "small"
        mount.mkdir(exist_ok=True)
        need = sum(p.stat().st_size for p in self.finished.rglob("*") if p.is_file())
        for share in (0.2, 0.6, 0.8, 0.9, 0.95, 0.99):
            size = int(need * share) // 1024
            made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", mount], capture_output=True)
            if made.returncode:
                self.rows.append({"fault": "full disk", "how": "not tried: mounting is not allowed", "good": True})
                return
            try:
                out = mount / "run"
                fault = f"a disk with {share:.0%} of the room"
                if self.tried(fault, lambda out=out: self.compare(out), out):
                    subprocess.run(["mount", "-o", "remount,size=4g", mount], check=True, capture_output=True)
                    self.healed(fault, lambda out=out: self.compare(out), out)
            finally:
                subprocess.run(["umount", mount], check=True)

    def all(self) -> dict[str, Any]:
        """Try all of them."""
        for fault in (
            self.two_at_once, self.lock_of_the_dead, self.lost_model, self.read_only, self.full_disk,
            self.unfinished, self.every_file,
        ):  # fmt: skip
            begin = time.perf_counter()
            before = len(self.rows)
            fault()
            mine = self.rows[before:]
            bad = [row for row in mine if not row["good"]]
            print(
                f"{fault.__name__}: {len(mine)} tried, {len(bad)} bad, {time.perf_counter() - begin:.0f} s", flush=True
            )
            for row in bad:
                print(f"  {row}", flush=True)
        return {
            "tried": len(self.rows),
            "good": sum(row["good"] for row in self.rows),
            "refused": sum(row["how"] == "refused" for row in self.rows),
            "went_through": sum(row["how"] == "went through" for row in self.rows),
            "messages": sorted({row["message"] for row in self.rows if row.get("message")})[:400],
            "bad": [row for row in self.rows if not row["good"]],
        }


def shown(study: Any) -> None:
    """Read all there is of a run."""
    assert study.findings
    assert all(len(table.columns) for table in study.tables.values())


def flip(path: Path) -> None:
    """Turn one bit in the middle; twice is as before."""
    content = bytearray(path.read_bytes())
    if content:
        content[len(content) // 2] ^= 4
        path.write_bytes(content)


def halve(path: Path) -> None:
    """Lose the second half."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@contextmanager
def unwritable(root: Path) -> Iterator[bool]:
    """Take the right to write; says whether that was possible."""
    if os.geteuid() == 0:
        bound = subprocess.run(["mount", "--bind", root, root], capture_output=True).returncode == 0
        try:
            shut = ["mount", "-o", "remount,ro,bind", root]
            yield bound and subprocess.run(shut, capture_output=True).returncode == 0
        finally:
            if bound:
                subprocess.run(["umount", root], check=True)
        return
    places = [root, *root.rglob("*")]
    for path in places:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        yield True
    finally:
        for path in places:
            path.chmod(0o755 if path.is_dir() else 0o644)


def stop(*_: Any, **__: Any) -> None:
    """In the place of a step: the user presses Ctrl-C."""
    raise KeyboardInterrupt


def interrupted(home: Path) -> dict[str, Any]:
    """Ctrl-C in the middle of the study, as a terminal sends it: exit code 130, and a run that goes on."""
    import signal

    rows = []
    for engine in ("inline", "processes"):
        out, log = home / "interrupted", home / "log"
        shutil.rmtree(out, ignore_errors=True)
        log.unlink(missing_ok=True)
        options = ["--engine", engine, *(["--workers", "2"] if engine == "processes" else [])]
        process = started(home, out, log, *options)
        while process.poll() is None and not list(out.glob("tasks/*/done.json")):
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        again = started(home, out, log, *options)
        again.communicate()
        rows.append({"engine": engine, "exit": process.returncode, "exit_of_the_next": again.returncode})
    return {"interrupted": rows}


def main() -> None:
    """Run and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("home", type=Path)
    given = parser.parse_args()
    home = given.home / "small"
    prepare(home)
    found = Faults(home, BASE, str(home / "tuned")).all()
    found |= interrupted(home)
    print({name: value for name, value in found.items() if name != "messages"})
    save("faults", found)
    sys.exit(0 if found["good"] == found["tried"] else 1)


if __name__ == "__main__":
    main()
