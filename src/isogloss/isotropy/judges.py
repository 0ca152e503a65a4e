"""What judges a layer without some of its directions: probes of labels, similarity of pairs, the running classifier.

Chosen from what the corpus has; how each is computed is in `scores`, `probe_score` and `head_score`. A score that
cannot be had is left out, with a note; it never ends a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np
import polars as pl

from isogloss.analysis import LayerPair, Vectors, classing, word_classes
from isogloss.analysis.limits import named
from isogloss.analysis.partition import DEV, TEST, TRAIN, partition_sentences
from isogloss.analysis.seeded import text_uniforms
from isogloss.analysis.splits import ProbeRows, probe_rows
from isogloss.analysis.stacked import sentence_vectors, sentences_with_words
from isogloss.analysis.task_label import gold_label
from isogloss.errors import IsoglossError, NotFiniteError, OptionError
from isogloss.isotropy.head_score import HeadScore
from isogloss.isotropy.options import IsotropyOptions
from isogloss.isotropy.probe_score import ProbeScore
from isogloss.isotropy.scores import SimilarityScore, Treated

FEW = 4
"""Labels that judge where the analysis chooses: sentences' labels first, then words'."""
MOST_CLASSES = 50
FEWEST = 10
"""Training rows that a label's value needs."""

Part = Literal["test", "dev"]
_PARTS = {"test": TEST, "dev": DEV}
Score = TypeVar("Score")


@dataclass(frozen=True, eq=False, kw_only=True)
class Judges:
    """What is judged by, the same for both models.

    Attributes
    ----------
    pair, options : of this layer.
    train, test : (n_words,) whether a word is in a training or test sentence: directions and treatments are found on
        the former, which no label's dev or test has; the isotropy of a treated space is that of the latter.
    probes : by label, the rows of words or sentences.
    pairs : by numeric sentence label that says how alike two texts are, the part of every sentence.
    gold : the sentence label that the running classifier answers, and the sentences it is asked.
    notes : what is left out and why; grows as scores are made.
    """

    pair: LayerPair
    options: IsotropyOptions
    train: np.ndarray
    test: np.ndarray
    probes: Mapping[str, ProbeRows]
    pairs: Mapping[str, np.ndarray]
    gold: tuple[str, pl.DataFrame] | None
    notes: list[str]

    @staticmethod
    def of(pair: LayerPair, options: IsotropyOptions) -> Judges:
        """Choose the labels.

        Raises
        ------
        OptionError : a label is asked for that there is not.
        """
        everything = np.ones(pair.sentences.height, dtype=bool)
        parts, _ = partition_sentences(pair.sentences, everything, seed=pair.seed)
        place = np.searchsorted(pair.sentences["sentence"].to_numpy(), pair.words["sentence"].to_numpy())
        names, left_out = wanted_labels(pair.token_labels, pair.sentence_labels, options)
        notes = []
        if left_out:
            notes.append(
                f"Directions are judged by {', '.join(names)}, the first of {len(names) + len(left_out)} labels; "
                "isotropy.labels names others."
            )
        probes, pairs = _rows(pair, names, notes)
        # What judges anything is fitted on by nothing, whichever sentences each label has.
        free = ~_judged(pair, probes, pairs)
        return Judges(
            pair=pair,
            options=options,
            train=(parts[place] == TRAIN) & free[place],
            test=parts[place] == TEST,
            probes=probes,
            pairs=pairs,
            gold=_gold(pair, options, parts, notes),
            notes=notes,
        )

    def probe_scores(self, vectors: Vectors, of: Part = "test") -> dict[str, ProbeScore]:
        """Probes of each label on one model's layer, judged on test or on dev sentences."""
        means: Vectors | None = None
        found: dict[str, ProbeScore] = {}
        for name, given in self.probes.items():
            rows = given if of == "test" else replace(given, test=given.dev)
            if not len(rows.test):
                continue
            of_sentences = name in self.pair.sentence_labels
            means = (means or sentence_vectors(self.pair, vectors)) if of_sentences else means
            source = means if of_sentences and means is not None else vectors

            def probe(source: Vectors = source, rows: ProbeRows = rows, pool: bool = of_sentences) -> ProbeScore:
                return ProbeScore(
                    source,
                    rows,
                    pooled=(lambda how: sentence_vectors(self.pair, Treated(vectors, how))) if pool else None,
                    mode="frozen" if self.options.probes == "frozen" else "retrained",
                    max_train=self.options.probe_train,
                    n_boot=self.options.bootstrap,
                    seed=self.pair.seed,
                )

            if (score := self._tried(name, probe)) is not None:
                found[name] = score
        return found

    def similarity_scores(self, vectors: Vectors, of: Part = "test") -> dict[str, SimilarityScore]:
        """How well cosines of pairs follow each numeric label, on one model's layer, of test or of dev pairs."""
        found: dict[str, SimilarityScore] = {}
        for name, parts in self.pairs.items():

            def similarity(name: str = name, parts: np.ndarray = parts) -> SimilarityScore:
                return SimilarityScore.of(
                    vectors,
                    self.pair.words,
                    self.pair.sentences,
                    name,
                    judged=parts == _PARTS[of],
                    n_boot=self.options.bootstrap,
                    seed=self.pair.seed,
                )

            if (score := self._tried(name, similarity)) is not None:
                found[name] = score
        return found

    def head_score(self) -> HeadScore | None:
        """The running classifier without directions at this layer; None where there is none."""
        if self.gold is None or self.pair.classifier is None:
            return None
        name, chosen = self.gold
        return HeadScore(
            self.pair.classifier,
            self.pair.layer,
            chosen["text"].to_list(),
            chosen[name].cast(pl.String).to_list(),
            chosen["text_b"].to_list() if "text_b" in chosen.columns else None,
            n_boot=self.options.bootstrap,
            seed=self.pair.seed,
        )

    def _tried(self, name: str, make: Callable[[], Score]) -> Score | None:
        try:
            return make()
        except NotFiniteError:
            raise
        except OptionError as error:
            self.notes.append(f"{name} does not judge directions: {str(error).rstrip('.')}.")
            return None


def wanted_labels(
    token_labels: Iterable[str], sentence_labels: Iterable[str], options: IsotropyOptions
) -> tuple[list[str], list[str]]:
    """The labels that judge, and those left out where the analysis chooses: sentences' labels first, then words'.

    Raises
    ------
    OptionError : a label is asked for that there is not.
    """
    names = list(named("isotropy", options.label_names, [*sentence_labels, *classing(token_labels)]))
    return (names[:FEW], names[FEW:]) if options.label_names is None else (names, [])


def _rows(pair: LayerPair, names: list[str], notes: list[str]) -> tuple[dict[str, ProbeRows], dict[str, np.ndarray]]:
    """Rows of probes, and the parts of pairs' scores; what is said of several labels is said once."""
    sentences = sentences_with_words(pair)
    is_pairs = "text_b" in pair.sentences.columns and set(pair.words["part"].unique()) == {0, 1}
    of_words = set(word_classes(pair))
    probes: dict[str, ProbeRows] = {}
    pairs: dict[str, np.ndarray] = {}
    said: dict[str, list[str]] = {}
    for name in names:
        units = pair.words if name in of_words else sentences
        if units[name].dtype.is_float():
            if not is_pairs or name in of_words:
                notes.append(f"{name} is a score and not of pairs, so it does not judge directions.")
                continue
            scored = pair.sentences[name].is_finite().fill_null(False).to_numpy()
            pairs[name], of_parts = partition_sentences(pair.sentences, scored, seed=pair.seed)
        else:
            rows, reason = probe_rows(
                units,
                pair.sentences,
                name,
                of="words" if name in of_words else "sentences",
                min_count=FEWEST,
                max_classes=MOST_CLASSES,
                seed=pair.seed,
            )
            if rows is None:
                notes.append(f"Directions are not judged by {reason}")
                continue
            probes[name], of_parts = rows, rows.notes
        for note in of_parts:
            said.setdefault(note, []).append(name)
    notes += [f"What directions carry of {', '.join(labels)}: {note}." for note, labels in said.items()]
    return probes, pairs


def _judged(pair: LayerPair, probes: Mapping[str, ProbeRows], pairs: Mapping[str, np.ndarray]) -> np.ndarray:
    """(n_sentences,) whether any score chooses or is judged on the sentence."""
    numbers = pair.sentences["sentence"].to_numpy()
    judged = np.zeros(len(numbers), dtype=bool)
    for rows in probes.values():
        judged |= np.isin(numbers, rows.sentences[np.concatenate([rows.dev, rows.test])])
    for parts in pairs.values():
        judged |= np.isin(parts, (DEV, TEST))
    return judged


def _gold(
    pair: LayerPair, options: IsotropyOptions, parts: np.ndarray, notes: list[str]
) -> tuple[str, pl.DataFrame] | None:
    if not options.head_sentences:
        return None
    try:
        name, reason = gold_label(pair)
    except IsoglossError as error:
        name, reason = None, str(error).rstrip(".")
    if name is None:
        notes.append(f"The running classifier is not asked without directions: {reason}.")
        return None
    labelled = pair.sentences[name].is_not_null().to_numpy() & (pair.sentences["text"] != "").to_numpy()
    free = pair.sentences.filter(pl.Series(labelled & np.isin(parts, (DEV, TEST))))
    if not free.height:
        notes.append(
            f"The running classifier is not asked without directions: no sentence outside training has {name}."
        )
        return None
    order = np.argsort(text_uniforms(free["text"], pair.seed), kind="stable")[: options.head_sentences]
    return name, free[np.sort(order)]
