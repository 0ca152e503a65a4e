"""Families of word labels that concepts are held against: the corpus's own, and those words carry in themselves."""

from __future__ import annotations

from typing import Any

from isogloss.analysis import LayerPair, word_classes
from isogloss.concepts.families import casing, frequency_bands, suffixes
from isogloss.concepts.options import ConceptsOptions
from isogloss.concepts.selection import ChosenWords
from isogloss.corpus.labels import SEPARATOR
from isogloss.errors import OptionError

LONGEST = frozenset({"suffix", "prefix", "ngrams"})
"""Families of which the longest of nearly equally common labels stands for a concept, as in ConceptX."""


def label_families(pair: LayerPair, chosen: ChosenWords, options: ConceptsOptions) -> dict[str, Any]:
    """Labels of the chosen words by family, as `align_labels` takes them; families without any label are left out.

    Raises
    ------
    OptionError : a family is asked for that there is not, or none is named.
    """
    families: dict[str, Any] = {}
    for name in word_classes(pair):
        if chosen.words[name].null_count() < chosen.words.height:
            families[name] = _split(chosen.words[name].cast(str).to_list())
    words = chosen.words["word"]
    counts = dict(pair.words["word"].str.to_lowercase().value_counts().iter_rows())
    bands = frequency_bands(words, counts)
    own: dict[str, Any] = {"casing": casing(words).to_list(), "suffix": suffixes(words), "frequency": bands.to_list()}
    families = {name: labels for name, labels in own.items() if any(labels)} | families
    # One value explains everything and says nothing.
    families = {name: labels for name, labels in families.items() if len(set(map(_key, labels)) - {None, ()}) > 1}
    if options.labels is None:
        return families
    wanted = [name.strip() for name in options.labels.split(",") if name.strip()]
    if not wanted:
        raise OptionError(
            f"concepts: labels should name word labels, with commas; there are {', '.join(families)}. "
            f"Got {options.labels!r}."
        )
    if unknown := [name for name in wanted if name not in families]:
        raise OptionError(f"concepts: no word label {', '.join(unknown)}; there are {', '.join(families)}")
    return {name: families[name] for name in wanted}


def _key(label: Any) -> Any:
    return tuple(label) if isinstance(label, list) else label


def _split(values: list[str | None]) -> list[Any]:
    """Several labels in one string taken apart."""
    if not any(value is not None and SEPARATOR in value for value in values):
        return values
    return [() if value is None else tuple(value.split(SEPARATOR)) for value in values]
