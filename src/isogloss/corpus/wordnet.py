"""WordNet's supersenses of words, from a WordNet 3.0 dictionary on this machine (Debian: `/usr/share/wordnet`).

A supersense is the lexicographer file that a sense is filed under (`noun.animal`, `verb.motion`): the second field of
a line of `data.noun`, `data.verb`, `data.adj`, `data.adv` (wndb(5WN), lexnames(5WN)). A word gets those of all its
senses in all parts of speech; nothing here decides which sense is meant. Inflected forms are brought to their lemmas as
WordNet does it: by the exception lists `*.exc`, then by the endings of morphy(7WN). Collocations are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from isogloss.corpus.annotators import by_type, join_values
from isogloss.corpus.readers.files import numbered_lines, read_text
from isogloss.errors import CorpusError

if TYPE_CHECKING:
    from isogloss.corpus.corpus import Corpus

_FILES = """
    adj.all adj.pert adv.all noun.Tops noun.act noun.animal noun.artifact noun.attribute noun.body noun.cognition
    noun.communication noun.event noun.feeling noun.food noun.group noun.location noun.motive noun.object noun.person
    noun.phenomenon noun.plant noun.possession noun.process noun.quantity noun.relation noun.shape noun.state
    noun.substance noun.time verb.body verb.change verb.cognition verb.communication verb.competition verb.consumption
    verb.contact verb.creation verb.emotion verb.motion verb.perception verb.possession verb.social verb.stative
    verb.weather adj.ppl
"""
LEXICOGRAPHER_FILES = tuple(_FILES.split())
"""The 45 supersenses by number."""

_PARTS = ("noun", "verb", "adj", "adv")
_SUFFIXES = ("(a)", "(p)", "(ip)")
_ENDINGS: dict[str, tuple[tuple[str, str], ...]] = {
    "noun": (
        ("s", ""),
        ("ses", "s"),
        ("xes", "x"),
        ("zes", "z"),
        ("ches", "ch"),
        ("shes", "sh"),
        ("men", "man"),
        ("ies", "y"),
    ),
    "verb": (("s", ""), ("ies", "y"), ("es", "e"), ("es", ""), ("ed", "e"), ("ed", ""), ("ing", "e"), ("ing", "")),
    "adj": (("er", ""), ("est", ""), ("er", "e"), ("est", "e")),
    "adv": (),
}


@dataclass(frozen=True)
class Supersenses:
    """WordNet's supersenses; an annotator whose labels they are, `|` between several.

    Attributes
    ----------
    senses : by part of speech (noun, verb, adj, adv), the supersenses of each lemma in lower case.
    exceptions : by part of speech, the lemmas of irregular forms.
    name : what the label is called.
    """

    senses: Mapping[str, Mapping[str, tuple[str, ...]]]
    exceptions: Mapping[str, Mapping[str, tuple[str, ...]]]
    name: str = "supersense"

    def categories_of(self, word: str) -> tuple[str, ...]:
        """The supersenses of a word or an inflected form of one, in order of the alphabet."""
        folded = word.lower()
        found: set[str] = set()
        for part, senses in self.senses.items():
            lemmas = [folded, *self.exceptions.get(part, {}).get(folded, ())]
            if len(lemmas) == 1:
                lemmas += [folded.removesuffix(e) + to for e, to in _ENDINGS[part] if folded.endswith(e)]
            for lemma in lemmas:
                found.update(senses.get(lemma, ()))
        return tuple(sorted(found))

    def __call__(self, corpus: Corpus) -> pl.Series:
        """The supersenses of each word; none where it has none."""
        return by_type(corpus.words["word"], lambda word: join_values(self.categories_of(word)))


def read_wordnet_supersenses(directory: str | Path, *, name: str = "supersense") -> Supersenses:
    """Supersenses from a WordNet 3.0 dictionary.

    Parameters
    ----------
    directory : where `data.noun`, `data.verb`, `data.adj` and `data.adv` are, or some of them; `*.exc` beside them.
    name : what the label is to be called.

    Raises
    ------
    CorpusError : there is no such file there, or a line is broken; names file and line.
    """
    home = Path(directory)
    parts = [part for part in _PARTS if (home / f"data.{part}").is_file()]
    if not parts:
        raise CorpusError(f"{home} has no data.noun, data.verb, data.adj or data.adv; a WordNet dictionary is expected")
    senses = {part: _read_data(home / f"data.{part}") for part in parts}
    if not any(senses.values()):
        raise CorpusError(f"{home} has no word in its data files")
    exceptions = {part: _read_exceptions(home / f"{part}.exc") for part in parts if (home / f"{part}.exc").is_file()}
    return Supersenses(senses, exceptions, name)


def _read_data(path: Path) -> dict[str, tuple[str, ...]]:
    senses: dict[str, set[str]] = {}
    for number, line in numbered_lines(read_text(path, "utf-8")):
        # The licence at the head of each file is set in by two spaces.
        if line.startswith("  ") or not line.strip():
            continue
        fields = line.split("|", 1)[0].split()
        try:
            supersense = LEXICOGRAPHER_FILES[_number(fields[1])]
            words = [fields[4 + 2 * i] for i in range(int(fields[3], 16))]
        except (ValueError, IndexError):
            raise CorpusError(
                f"{path}, line {number}: an offset, a file number below {len(LEXICOGRAPHER_FILES)}, a type, a count "
                f"and that many words are expected, found {line[:60]!r}"
            ) from None
        for word in words:
            lemma = next((word.removesuffix(s) for s in _SUFFIXES if word.endswith(s)), word).lower()
            if "_" not in lemma:
                senses.setdefault(lemma, set()).add(supersense)
    return {lemma: tuple(sorted(found)) for lemma, found in senses.items()}


def _number(text: str) -> int:
    if not text.isdecimal():
        raise ValueError
    return int(text)


def _read_exceptions(path: Path) -> dict[str, tuple[str, ...]]:
    lemmas: dict[str, tuple[str, ...]] = {}
    for number, line in numbered_lines(read_text(path, "utf-8")):
        form, *rest = line.split() or [""]
        if form and not rest:
            raise CorpusError(f"{path}, line {number}: a form and its lemma are expected, found {line[:60]!r}")
        lemmas[form] = lemmas.get(form, ()) + tuple(rest)
    return lemmas
