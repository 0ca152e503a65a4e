"""Which analyses there are: those that packages declare under the entry point group `isogloss.analyses`."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from importlib.metadata import entry_points

from isogloss.analysis.protocol import Analysis
from isogloss.errors import OptionError

GROUP = "isogloss.analyses"


def available() -> dict[str, Analysis]:
    """Every installed analysis by name, in alphabetical order.

    Raises
    ------
    OptionError : an entry point does not give an analysis, or two give the same name.
    """
    found: dict[str, Analysis] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
        analysis = point.load()()
        if not isinstance(analysis, Analysis):
            raise OptionError(f"the entry point {point.name!r} ({point.value}) does not follow the analysis protocol")
        if analysis.name in found:
            raise OptionError(f"two installed packages offer an analysis called {analysis.name!r}")
        found[analysis.name] = analysis
    return found


def _near(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name.casefold(), list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def choose(names: str | Iterable[str] | None) -> dict[str, Analysis]:
    """The analyses of the given names, in the given order; all of them for None. A string has names with commas.

    Raises
    ------
    OptionError : a name is not known; the message lists those that are.
    """
    known = available()
    if names is None:
        return known
    wanted = list(
        dict.fromkeys([n.strip() for n in names.split(",") if n.strip()] if isinstance(names, str) else names)
    )
    if unknown := [name for name in wanted if name not in known]:
        raise OptionError(
            f"no analysis called {', '.join(map(repr, unknown))}; there are: {', '.join(known)}"
            f"{_near(unknown[0], known)}"
        )
    return {name: known[name] for name in wanted}
