"""Which concepts are a label that people have a name for, and which labels some concept covers.

Two questions: is this *concept* explained by a label, and is this *label* covered by some concept. Rules of
ConceptX (Sajjad et al., NAACL 2022, arXiv 2206.13289, as in its code) and of Hawasly et al. (EACL 2024, arXiv
2308.10263). Labels come from elsewhere; nothing here annotates words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from scipy import sparse

from isogloss.concepts.inputs import (
    Clusters,
    Words,
    as_clusters,
    check_choice,
    check_count,
    check_share,
    incidence,
    type_codes,
    word_strings,
)
from isogloss.concepts.label_rules import (
    MIN_LABEL_TOKENS,
    MIN_TYPES,
    RULES,
    THRESHOLDS,
    Rule,
    Verdict,
    encode_labels,
    judge,
)
from isogloss.concepts.label_tables import fine_table, label_table
from isogloss.concepts.nulls import SHUFFLES, NullBand, token_shuffle, type_shuffle
from isogloss.errors import OptionError

MEASURES = ("aligned", "alignment", "coverage", "overall")


@dataclass(frozen=True)
class LabelAlignment:
    """Concepts against labels.

    Attributes
    ----------
    table : `direction`, `concept`, `label`, `share`, `n_tokens`, `n_types`, `unknown`, `recall`, `aligned`.
        Rows with direction `concept`: every concept, with the label that stands for it (null where it has none), that
        label's share of its `n_tokens` tokens, and the share of tokens without label. Rows with direction `label`:
        every label, with the eligible concept that it has the largest share of (null where it is in none), its own
        `n_tokens`, `n_types`, and `recall`: the share of its tokens that lie in concepts passing the threshold with it.
        `aligned` is what the rule says: the concept is explained; the label is covered.
    fine : `concept`, `label`, `share`: labels above a tenth of a concept, of concepts with at most six of those.
    n_concepts, n_eligible, n_labels : concepts, concepts the rule does not skip, different labels.
    aligned : concepts that are explained.
    covered : labels that some concept covers (alone, not only as its winning label).
    alignment, coverage, overall : aligned / n_concepts, covered / n_labels, and their mean.
    null : for each of aligned, alignment, coverage, overall its band over shuffled labels; empty without permutations.
    rule, threshold : what was applied.
    """

    table: pl.DataFrame
    fine: pl.DataFrame
    n_concepts: int
    n_eligible: int
    n_labels: int
    aligned: int
    covered: int
    alignment: float
    coverage: float
    overall: float
    rule: str
    threshold: float
    null: Mapping[str, NullBand] = field(default_factory=dict)


def align_labels(
    clusters: np.ndarray,
    labels: Any,
    words: Words | None = None,
    *,
    rule: str = "conceptx",
    threshold: float | None = None,
    max_unknown: float = 0.4,
    drop_unknown: bool = False,
    longest: bool = False,
    min_types: int | None = None,
    min_label_tokens: int | None = None,
    separator: str | None = None,
    permutations: int = 0,
    shuffle: str = "types",
    seed: int = 0,
) -> LabelAlignment:
    """Say which concepts are explained by a label and which labels are covered by a concept.

    `conceptx`: the concept's commonest label makes up strictly more than `threshold` of its tokens (at a threshold of
    1, which no share exceeds, all of them); concepts with more than `max_unknown` tokens without label are skipped.
    `hawasly-tokens` (M1): at least `threshold` of its tokens have the label. `hawasly-types` (M2): at least `threshold`
    of its tokens are of a type that was seen with the label somewhere among the clustered words. Both skip concepts of
    fewer than `min_types` types. Tokens without label count in the share, unless `drop_unknown`. Concepts that are
    skipped stay in the denominator of `alignment`.

    Parameters
    ----------
    clusters : (n_words,) integers, -1 = in no cluster.
    labels : (n_words,) strings or None; or lists, tuples, sets or arrays of strings for several labels per word
        (affixes, lexicons). Whole numbers stand for their digits: 1 and 1.0 are the label "1".
    words : n_words words; needed where types are (`hawasly` rules, `min_types` above 1, shuffling types).
    rule : conceptx, hawasly-tokens or hawasly-types.
    threshold : in (0, 1]; None = 0.90 for conceptx, 0.95 for the others.
    max_unknown : largest share of unlabelled tokens, in [0, 1].
    drop_unknown : leave unlabelled tokens out of the share (ConceptX does so for WordNet and LIWC).
    longest : of the labels with a count above 0.95 times that of the commonest and more than one character the longest
        stands for the concept (ConceptX, for n-grams); it then has to pass the threshold itself.
    min_types : fewest word types of a concept; None = 1 for conceptx, 6 for the others.
    min_label_tokens : rarer labels are taken as absent; None = 6 for hawasly-types, else 1. The source does not say
        whether a label is counted in all or per type; here in all.
    separator : what stands between several labels in one string, such as `|`.
    permutations : shuffles of the labels; 0 = no null.
    shuffle : types (default: repeated words keep sharing their labels, words about as frequent trade them), any-types
        (for labels that are frequency themselves) or tokens, see `isogloss.concepts.nulls`.
    seed : of the shuffles.

    Raises
    ------
    OptionError : lengths differ, a label is NaN or no name (the row is named), no word is in a cluster, no clustered
        word has a label, words are needed and missing, or an option has no such value.
    """
    check_choice(rule, RULES, "rule")
    check_choice(shuffle, SHUFFLES, "shuffle")
    check_count(permutations, "permutations")
    if not 0 <= max_unknown <= 1:
        raise OptionError(f"max_unknown should be at least 0 and at most 1. Got {max_unknown} instead.")
    theta = THRESHOLDS[rule] if threshold is None else check_share(threshold, "threshold")
    fewest = check_count(MIN_TYPES[rule] if min_types is None else min_types, "min_types", 1)
    rarest = check_count(
        MIN_LABEL_TOKENS[rule] if min_label_tokens is None else min_label_tokens, "min_label_tokens", 1
    )
    if words is None and (rule == "hawasly-types" or fewest > 1 or (permutations and shuffle != "tokens")):
        raise OptionError("words should be given: this rule, min_types or shuffle counts word types")
    # No share is above 1: a strict rule would then hold for nothing.
    strict = rule == "conceptx" and theta < 1
    applied = Rule(rule, theta, strict, max_unknown, drop_unknown, fewest, longest)
    found = as_clusters(clusters)
    names, matrix = encode_labels(labels, found.n_words, separator)
    matrix = matrix[found.rows]
    kept = np.flatnonzero(matrix.sum(axis=0) >= rarest)
    if not len(kept):
        raise OptionError(
            f"labels should be given to some clustered word. Got none with at least {rarest} tokens among "
            f"{len(found.rows)} words."
        )
    names, matrix = [names[i] for i in kept], matrix[:, kept]
    types = None if words is None else type_codes(word_strings(words, found.n_words).gather(found.rows))[0]
    counting = _Counting.of(found, types, applied, np.array([len(name) for name in names]))
    own = counting.effective(matrix)
    said, counts = counting.verdict(own)
    null: dict[str, NullBand] = {}
    if permutations:
        if shuffle == "tokens" or types is None:
            draw = token_shuffle(len(found.rows))
        else:
            draw = type_shuffle(types, shuffle == "any-types")
        rng = np.random.default_rng(seed)
        shuffled = [counting.scores_of(matrix[draw(rng)]) for _ in range(permutations)]
        null = {name: NullBand.of(column) for name, column in zip(MEASURES, np.array(shuffled).T, strict=True)}
    aligned, alignment, coverage, overall = _scores(said)
    return LabelAlignment(
        table=label_table(found.ids, names, said, counts, own, types, counting.n_types, applied),
        fine=fine_table(found.ids, names, said, counts),
        n_concepts=found.n,
        n_eligible=int(said.eligible.sum()),
        n_labels=len(names),
        aligned=int(aligned),
        covered=int(said.covered.sum()),
        alignment=alignment,
        coverage=coverage,
        overall=overall,
        rule=rule,
        threshold=theta,
        null=null,
    )


@dataclass(frozen=True)
class _Counting:
    """All that does not change when labels are shuffled; tokens are the m clustered ones."""

    codes: np.ndarray
    sizes: np.ndarray
    members: sparse.csr_array
    types: np.ndarray | None
    by_type: sparse.csr_array | None
    n_types: np.ndarray | None
    rule: Rule
    lengths: np.ndarray

    @classmethod
    def of(cls, found: Clusters, types: np.ndarray | None, rule: Rule, lengths: np.ndarray) -> _Counting:
        tokens = np.arange(len(found.rows))
        members = incidence(found.codes, tokens, (found.n, len(tokens)))
        if types is None:
            return cls(found.codes, found.sizes, members, None, None, None, rule, lengths)
        most = int(types.max()) + 1
        n_types = np.diff(incidence(found.codes, types, (found.n, most)).indptr)
        by_type = incidence(types, tokens, (most, len(tokens)))
        return cls(found.codes, found.sizes, members, types, by_type, n_types, rule, lengths)

    def effective(self, labels: sparse.csr_array) -> sparse.csr_array:
        """The labels each token counts for, (m, n_labels): its own or, for M2, all that its type was seen with."""
        if self.rule.name != "hawasly-types" or self.by_type is None or self.types is None:
            return labels
        seen = (self.by_type @ labels).tocsr()
        seen.data[:] = 1
        return seen[self.types]

    def verdict(self, effective: sparse.csr_array, only_aligned: bool = False) -> tuple[Verdict, sparse.csr_array]:
        """What the rule says, and the (n_concepts, n_labels) counts that it looked at."""
        known = np.bincount(self.codes, np.diff(effective.indptr) > 0, minlength=len(self.sizes))
        counts = (self.members @ effective).tocsr()
        return judge(counts, self.sizes, known, self.n_types, self.rule, self.lengths, only_aligned), counts

    def scores_of(self, labels: sparse.csr_array) -> tuple[float, float, float, float]:
        """`MEASURES` of tokens that have these labels."""
        return _scores(self.verdict(self.effective(labels), only_aligned=True)[0])


def _scores(said: Verdict) -> tuple[float, float, float, float]:
    alignment, coverage = float(said.aligned.mean()), float(said.covered.mean())
    return float(said.aligned.sum()), alignment, coverage, (alignment + coverage) / 2
