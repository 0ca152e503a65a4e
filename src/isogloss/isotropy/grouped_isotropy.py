"""Partition isotropy and mean cosine of a matrix in memory, with replicates over sentences.

For the sample of words that clusters are looked for in; all measures of a whole layer are in `shape`.
"""

from __future__ import annotations

import numpy as np

from isogloss.isotropy.cosine_resamples import CosineStream
from isogloss.isotropy.estimate import Estimate
from isogloss.isotropy.partition import log_isotropy
from isogloss.isotropy.partition_resamples import PartitionStream
from isogloss.isotropy.resamples import Resamples
from isogloss.isotropy.rows import ROWS


def grouped_isotropy(X: np.ndarray, second: np.ndarray, resamples: Resamples) -> dict[str, Estimate]:
    """`partition` and `partition_log10` over both signs of every eigenvector of X'X, and `mean_cosine`.

    Replicates keep the eigenvectors. Zero rows have no cosine; fewer than two others give NaN.

    Parameters
    ----------
    X : (n, d) float32; so are the products with the eigenvectors, sums are float64.
    second : (d, d) float64 X'X.
    resamples : of the sentences of the rows.
    """
    d = X.shape[1]
    partition = PartitionStream(resamples, np.linalg.eigh(second)[1], np.zeros(d))
    cosine = CosineStream(resamples, d)
    for start in range(0, len(X), ROWS):
        block = X[start : start + ROWS]
        groups, adder = resamples.adder(start, len(block))
        partition.add(block, groups, adder, resamples.of(groups))
        cosine.add(block.astype(np.float64))
    logs = log_isotropy(*partition.logs(), "both")
    found = {
        "partition": np.exp(logs),
        "partition_log10": logs / np.log(10),
        "mean_cosine": cosine.contributions().sum(axis=1),
    }
    return {name: Estimate(float(values[0]), values[1:]) for name, values in found.items()}
