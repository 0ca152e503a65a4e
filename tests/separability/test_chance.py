from types import SimpleNamespace

import numpy as np
import pytest

from isogloss.separability import SeparabilityAnalysis, separable
from isogloss.separability.rows import _by_chance
from tests.separability.planted import QUICK, planted, run

ANALYSIS = SeparabilityAnalysis()


def null(sizes, d):
    row = _by_chance(SimpleNamespace(centroids=np.zeros((len(sizes), d)), sizes=np.array(sizes)))
    return row["null_low"], row["null_high"]


@pytest.mark.parametrize(("n", "expected"), [(18, (1.0, 1.0)), (42, (0.0, 1.0)), (120, (0.0, 0.0))])
def test_chance_is_what_random_values_give(n, expected):
    d, rng = 20, np.random.default_rng(n)
    told = []
    for _ in range(40):
        X = rng.normal(size=(n, d))
        told.append(bool(separable(X[: n // 2], X[n // 2 :])))
    low, high = null([n // 2, n - n // 2], d)
    assert (low, high) == expected
    assert low - 0.05 <= np.mean(told) <= high + 0.05


def test_pairs_of_values_are_all_told_apart_less_often_than_one():
    assert null([25, 25], 27) == (0.0, 1.0)
    assert null([25] * 20, 27) == (0.0, 0.0)


def test_planes_that_chance_would_find_are_no_finding():
    words, sentences, base, tuned = planted()
    rng = np.random.default_rng(0)
    wide = [np.hstack([X, rng.normal(size=(len(X), 300))]) for X in (base[0], tuned[0])]
    few = run([wide[0]], [wide[1]], words, sentences, analysis=ANALYSIS)
    (text,) = (f.text for f in ANALYSIS.findings(few, QUICK) if "told apart by planes" in f.text)
    assert "no finding" in text
    (text,) = (
        f.text
        for f in ANALYSIS.findings(run(base, tuned, words, sentences, analysis=ANALYSIS), QUICK)
        if "told apart by planes" in f.text
    )
    assert "no finding" not in text
