"""The isotropy analysis: the measures of this room in the protocol's shape.

How a number is computed is in the other files; what is said about it in `findings` and `figures`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import polars as pl

from isogloss.analysis import Figure, Finding, LayerPair, Need, Tables, TextAmount, between_seeds, tidy
from isogloss.analysis.notes import said_once
from isogloss.analysis.partition import SHARES
from isogloss.isotropy.figures import figures
from isogloss.isotropy.findings import findings
from isogloss.isotropy.judges import wanted_labels
from isogloss.isotropy.layer import isotropy_layer
from isogloss.isotropy.options import IsotropyOptions
from isogloss.isotropy.shape_rows import SENTENCES


class IsotropyAnalysis:
    """The shape of each layer's space, and what its directions carry, before and after.

    After Rajaee & Pilehvar, Findings of EMNLP 2021 (arXiv 2109.04740).

    Tables
    ------
    isotropy : tidy. Of each model, on words (subset `all`) and on sentence vectors, which are the means of their words'
        (subset `sentences`): the measures of `measure_shape` and `intrinsic_dimension`; on words those of
        `contextuality` and `frequency_neighbours` (share of nearest neighbours that are about as frequent; null by
        shuffling). Tuned minus base, paired over the sentences: `..._change`. Several tuned models: subset
        `between seeds`.
    isotropy_spectrum : variance along every direction.
    isotropy_rogue : the dimensions that add most to the mean cosine.
    isotropy_clusters : k-means clusters: isotropy when each has its mean taken away, and what they are clusters of.
    isotropy_removal, isotropy_reliance : what is lost without directions, and how much more with the top ones than
        with random ones.
    isotropy_treatments, isotropy_sweep : scores and isotropy after the study's treatments.
    isotropy_map, isotropy_points, isotropy_point_labels : words along the two main directions.
    isotropy_notes : what could not be done, what was left out, and why.
    """

    name: ClassVar[str] = "isotropy"
    question: ClassVar[str] = "how did the shape of the space change, and which directions carry what?"
    needs: ClassVar[frozenset[Need]] = frozenset({"words"})
    uses: ClassVar[frozenset[Need]] = frozenset({"token labels", "sentence labels", "classifier head"})
    Options: ClassVar[type] = IsotropyOptions
    headline: ClassVar[Mapping[str, str]] = {
        "partition_log10": "partition isotropy (log10)",
        "mean_cosine": "mean cosine",
        "isoscore": "IsoScore",
    }

    def check(self, token_labels: Sequence[str], sentence_labels: Sequence[str], options: IsotropyOptions) -> None:
        """Refuse labels that the corpus does not have, before any model runs.

        Raises
        ------
        OptionError : a label is asked for that there is not.
        """
        wanted_labels(token_labels, sentence_labels, options)

    def run(self, pair: LayerPair, options: IsotropyOptions) -> Tables:
        """Tables of one layer; of one model alone where the other lacks the layer.

        Raises
        ------
        OptionError : vectors hold NaN or infinity, or a label is asked for that there is not.
        """
        return isotropy_layer(pair, options)

    def growth(self, amount: TextAmount, options: IsotropyOptions) -> Sequence[float]:
        """Words, those that are sampled for clusters or to train probes, and pairs of these."""
        sampled = min(amount.words, max(options.local_words, options.probe_train / SHARES[0]))
        return amount.words, sampled, min(amount.words, options.local_words) ** 2

    def asked(self, amount: TextAmount, classes: int, options: IsotropyOptions) -> tuple[float, float]:
        """The sentences outside train, at most so many as the options allow."""
        return min((SHARES[1] + SHARES[2]) * amount.sentences, options.head_sentences), 0.0

    def combine(self, tables: Tables, options: IsotropyOptions) -> Tables:
        """Add the spread between several tuned models; say each note once."""
        combined = {"isotropy": tidy([])} | dict(tables)
        own = combined["isotropy"]
        parts = [own, *(between_seeds(own, subset) for subset in ("all", SENTENCES))]
        combined["isotropy"] = pl.concat(parts)
        if "isotropy_notes" in combined:
            absent = options.absent(own["layer"].unique())
            combined["isotropy_notes"] = said_once(combined["isotropy_notes"], "isotropy.carries", absent)
        return combined

    def findings(self, tables: Tables, options: IsotropyOptions) -> Sequence[Finding]:
        """Say what the tables hold, the most important first."""
        return findings(tables, options)

    def figures(self, tables: Tables, options: IsotropyOptions) -> Sequence[Figure]:
        """Curves per layer, spectra, removal curves, treatments, and the words along the two main directions."""
        return figures(tables, options)
