"""What judges a layer without some of its directions: the task, probes of labels, similarity of pairs, the classifier.

Chosen from what the corpus has; how each is computed is in `scores`, `probe_score` and `head_score`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import polars as pl

from isogloss.analysis import ArrayVectors, LayerPair, Vectors, classing, word_classes
from isogloss.analysis.partition import DEV, TEST, TRAIN, partition_sentences
from isogloss.analysis.seeded import text_uniforms
from isogloss.analysis.splits import ProbeRows, probe_rows
from isogloss.analysis.stacked import sentence_means
from isogloss.analysis.task_label import gold_label
from isogloss.errors import IsoglossError, OptionError
from isogloss.isotropy.head_score import HeadScore
from isogloss.isotropy.options import IsotropyOptions
from isogloss.isotropy.probe_score import ProbeScore
from isogloss.isotropy.scores import SimilarityScore

FEW = 4
"""Labels that judge where the analysis chooses: the task's, then sentences', then words'."""
MOST_CLASSES = 50
FEWEST = 10
"""Training rows that a label's value needs."""


Part = Literal["test", "dev"]


@dataclass(frozen=True, eq=False)
class Judges:
    """What is judged by, the same for both models.

    Attributes
    ----------
    train : (n_words,) whether a word is in a training sentence: directions and treatments are found on those.
    test : (n_words,) whether it is in a test sentence.
    probes : by label, the rows of words or sentences.
    of_words : labels of words; the others are of sentences.
    pairs : numeric sentence labels that say how alike the two texts of a pair are.
    parts : (n_sentences,) TRAIN, DEV or TEST.
    gold : the sentence label that the running classifier answers, and the sentences it is asked.
    sentences : numbers of the sentences with words, in order: the rows of the sentence vectors.
    notes : what is left out and why.
    """

    train: np.ndarray
    test: np.ndarray
    probes: Mapping[str, ProbeRows]
    of_words: frozenset[str]
    pairs: tuple[str, ...]
    parts: np.ndarray
    gold: tuple[str, pl.DataFrame] | None
    sentences: np.ndarray
    notes: tuple[str, ...]

    @staticmethod
    def of(pair: LayerPair, options: IsotropyOptions) -> Judges:
        """Choose the labels.

        Raises
        ------
        OptionError : a label is asked for that there is not.
        """
        parts, notes = partition_sentences(pair.sentences, np.ones(pair.sentences.height, dtype=bool), seed=pair.seed)
        said = [f"What directions carry: {note}." for note in notes]
        place = np.searchsorted(pair.sentences["sentence"].to_numpy(), pair.words["sentence"].to_numpy())
        sentences = pair.sentences.filter(pl.col("sentence").is_in(pair.words["sentence"].unique().implode()))
        is_pairs = "text_b" in pair.sentences.columns and set(pair.words["part"].unique()) == {0, 1}
        names, left_out = wanted_labels(pair.token_labels, pair.sentence_labels, options)
        of_words = set(word_classes(pair))
        if left_out:
            said.append(
                f"Directions are judged by {', '.join(names)}, the first of {len(names) + len(left_out)} labels; "
                "isotropy.labels names others."
            )
        probes, pairs = {}, []
        for name in names:
            units = pair.words if name in of_words else sentences
            if units[name].dtype.is_float():
                if is_pairs and name not in of_words:
                    pairs.append(name)
                else:
                    said.append(f"{name} is a score and not of pairs, so it does not judge directions.")
                continue
            rows, reason = probe_rows(
                units, pair.sentences, name, min_count=FEWEST, max_classes=MOST_CLASSES, seed=pair.seed
            )
            if rows is None:
                said.append(f"Directions are not judged by {reason}")
            else:
                probes[name] = rows
        gold = _gold(pair, options, parts, said)
        return Judges(
            parts[place] == TRAIN,
            parts[place] == TEST,
            probes,
            frozenset(of_words),
            tuple(pairs),
            parts,
            gold,
            sentences["sentence"].to_numpy(),
            tuple(said),
        )

    def probe_scores(
        self, vectors: Vectors, pair: LayerPair, options: IsotropyOptions, of: Part = "test"
    ) -> dict[str, ProbeScore]:
        """Probes of each label on one model's layer, judged on test or on dev sentences."""
        means: Vectors | None = None
        found = {}
        for name, given in self.probes.items():
            rows = given if of == "test" else replace(given, test=given.dev)
            if not len(rows.test):
                continue
            source = vectors
            if name not in self.of_words:
                if means is None:
                    owner = np.searchsorted(self.sentences, pair.words["sentence"].to_numpy())
                    means = ArrayVectors(sentence_means(vectors, owner, len(self.sentences)))
                source = means
            found[name] = ProbeScore(
                source,
                rows,
                mode="frozen" if options.probes == "frozen" else "retrained",
                max_train=options.probe_train,
                n_boot=options.bootstrap,
                seed=pair.seed,
            )
        return found

    def similarity_scores(
        self, vectors: Vectors, pair: LayerPair, options: IsotropyOptions, of: Part = "test"
    ) -> dict[str, SimilarityScore]:
        """How well cosines of pairs follow each numeric label, on one model's layer, of test or of dev pairs."""
        judged = self.parts == (TEST if of == "test" else DEV)
        return {
            name: SimilarityScore.of(
                vectors,
                pair.words,
                pair.sentences,
                name,
                judged=judged,
                n_boot=options.bootstrap,
                seed=pair.seed,
            )
            for name in self.pairs
        }

    def head_score(self, pair: LayerPair, options: IsotropyOptions) -> HeadScore | None:
        """The running classifier without directions at this layer; None where there is none."""
        if self.gold is None or pair.classifier is None:
            return None
        name, chosen = self.gold
        seconds = chosen["text_b"].to_list() if "text_b" in chosen.columns else None
        return HeadScore(
            pair.classifier,
            pair.layer,
            chosen["text"].to_list(),
            chosen[name].cast(pl.String).to_list(),
            seconds,
            n_boot=options.bootstrap,
            seed=pair.seed,
        )


def wanted_labels(
    token_labels: Iterable[str], sentence_labels: Iterable[str], options: IsotropyOptions
) -> tuple[list[str], list[str]]:
    """The labels that judge, and those left out where the analysis chooses: sentences' labels first, then words'.

    Raises
    ------
    OptionError : a label is asked for that there is not.
    """
    known = [*sentence_labels, *classing(token_labels)]
    if options.label_names is None:
        return known[:FEW], known[FEW:]
    if unknown := [name for name in options.label_names if name not in known]:
        raise OptionError(f"isotropy: no label {', '.join(unknown)}; there are {', '.join(known) or 'none'}")
    return list(options.label_names), []


def _gold(
    pair: LayerPair, options: IsotropyOptions, parts: np.ndarray, said: list[str]
) -> tuple[str, pl.DataFrame] | None:
    if not options.head_sentences:
        return None
    try:
        name, reason = gold_label(pair)
    except IsoglossError as error:
        name, reason = None, str(error).rstrip(".")
    if name is None:
        said.append(f"The running classifier is not asked without directions: {reason}.")
        return None
    labelled = pair.sentences[name].is_not_null().to_numpy() & (pair.sentences["text"] != "").to_numpy()
    free = pair.sentences.filter(pl.Series(labelled & np.isin(parts, (DEV, TEST))))
    if not free.height:
        said.append(f"The running classifier is not asked without directions: no sentence outside training has {name}.")
        return None
    order = np.argsort(text_uniforms(free["text"], pair.seed), kind="stable")[: options.head_sentences]
    return name, free[np.sort(order)]
