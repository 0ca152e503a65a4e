"""The names of the files of a run directory."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from isogloss import locks
from isogloss.errors import OptionError
from isogloss.sealed import sweep

FORMAT = 1


@dataclass(frozen=True)
class RunLayout:
    """Where everything of one run is."""

    root: Path

    @property
    def manifest(self) -> Path:
        """What was asked, what was found, how long it took."""
        return self.root / "manifest.json"

    @property
    def activations(self) -> Path:
        """One activation store per model: `base`, `tuned` or `tuned-0`, `tuned-1` ..., `member-1` ... of a series."""
        return self.root / "activations"

    @property
    def tasks(self) -> Path:
        """Tables of single layers, kept so that an interrupted run goes on."""
        return self.root / "tasks"

    def member(self, index: int) -> Path:
        """What was found of one model of a series: its coverage, its layers, its notes."""
        return self.tasks / f"member-{index}.json"

    def finished_tasks(self) -> list[str]:
        """Names of the tasks that are done (see `Task.name`)."""
        return sorted(seal.parent.name for seal in self.tasks.glob("*/done.json"))

    @property
    def tables(self) -> Path:
        """Tidy tables of the whole run, `NAME.parquet`."""
        return self.root / "tables"

    @property
    def figures(self) -> Path:
        """Figures as data, `NAME.json`."""
        return self.root / "figures"

    @property
    def report(self) -> Path:
        """The page."""
        return self.root / "report.html"

    @property
    def summary_md(self) -> Path:
        """The findings for people."""
        return self.root / "summary.md"

    @property
    def summary_json(self) -> Path:
        """The findings for programs."""
        return self.root / "summary.json"

    def store(self, model: str) -> Path:
        """The activation store of `base`, `tuned`, `tuned-0` ..."""
        return self.activations / model

    def forget_empty(self) -> None:
        """Leave nothing of a run that could not begin: its manifest goes if there is nothing else yet."""
        if any(path.is_file() for part in (self.activations, self.tasks, self.tables) for path in part.rglob("*")):
            return
        self.manifest.unlink(missing_ok=True)
        for folder in (*self.activations.glob("*/"), self.activations):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def drop_activations(self, model: str | None = None) -> None:
        """Delete the vectors, or those of one model; nothing else of a finished run needs them."""
        stores = self.activations.glob("*/") if model is None else [self.store(model)]
        for store in stores:
            # Without it there is no store: a deletion that is interrupted leaves nothing that looks like one.
            (store / "manifest.json").unlink(missing_ok=True)
            shutil.rmtree(store, ignore_errors=True)
        if model is None:
            shutil.rmtree(self.activations, ignore_errors=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the directory, or accept one that holds a run, and keep all others from writing in it meanwhile.

        Raises
        ------
        OptionError : it is a file, holds something else, or cannot be written.
        StoreError : somebody else is at work in it.
        """
        made = self._claim()
        try:
            with ExitStack() as opened:
                try:
                    opened.enter_context(locks.held(self.root))
                    # Not beside them: a summary or a page may be written there by somebody who only reads the run.
                    for part in (self.activations, self.tasks, self.tables, self.figures):
                        sweep(part)
                except OSError as error:
                    raise OptionError(f"{self.root} cannot be written: {error.strerror}") from None
                yield
        finally:
            if made and not any(self.root.iterdir()):
                self.root.rmdir()

    def _claim(self) -> bool:
        """Whether the directory was made."""
        if self.root.exists() and not self.root.is_dir():
            raise OptionError(f"{self.root} is a file; the run needs a directory")
        there = sorted(p.name for p in self.root.iterdir() if p.name != locks.LOCK) if self.root.is_dir() else []
        if there and not self.manifest.exists():
            raise OptionError(
                f"{self.root} is not empty and holds no run ({', '.join(there[:3])} ...); choose another directory"
            )
        try:
            made = not self.root.exists()
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OptionError(f"{self.root} cannot be made: {error.strerror}") from None
        return made
