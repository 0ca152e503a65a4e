import numpy as np
import pytest

from isogloss.errors import OptionError
from isogloss.isotropy.informativity import informativity, informativity_of
from tests.isotropy.test_cosine import all_pairs, words


def test_informativity_is_the_squared_correlation_over_all_pairs():
    X = words(n=90)
    wanted = np.corrcoef(all_pairs(X), all_pairs(np.delete(X, [0, 4], axis=1)))[0, 1] ** 2
    assert informativity(X, [4, 0, 4]) == pytest.approx(wanted, abs=1e-10)
    assert informativity(X, []) == pytest.approx(1)
    assert informativity(X * 1e-3, [0], words=50, seed=3) == pytest.approx(informativity(X, [0], words=50, seed=3))
    assert informativity(X, [0], words=50, seed=3) != informativity(X, [0], words=50, seed=4)


def test_informativity_refuses_what_it_cannot_know():
    X = words(n=30)
    with pytest.raises(OptionError, match=r"0 \.\. 6.*\[7\]"):
        informativity(X, [7])
    with pytest.warns(UserWarning, match="30 of 30"), pytest.raises(OptionError, match="fewer than three"):
        informativity(X, range(7))
    with pytest.raises(OptionError, match="row 21"):
        informativity(np.where(np.arange(30)[:, None] == 21, np.inf, X), [0], words=29, seed=1)
    X[4] = 0
    with pytest.warns(UserWarning, match="1 of 30"):
        informativity(X, [0])


def test_resamples_count_every_pair_by_the_weights_of_its_words():
    X = words(n=40)
    X[7] = 0
    weights = np.random.default_rng(1).poisson(1.0, (6, 40)).astype(float)
    weights[5] = 0
    weights[5, [3, 9]] = 1
    ((values, left_out),) = informativity_of(X, [np.array([0, 4])], weights)
    assert left_out == 1
    assert values[0] == pytest.approx(informativity(np.delete(X, 7, axis=0), [0, 4]))
    kept = np.delete(np.arange(40), 7)
    i, j = (kept[side] for side in np.triu_indices(39, 1))
    a, b = all_pairs(X[kept]), all_pairs(np.delete(X[kept], [0, 4], axis=1))
    for row, value in zip(weights[:5], values[1:], strict=False):
        moments = np.cov(a, b, aweights=row[i] * row[j])
        assert value == pytest.approx(moments[0, 1] ** 2 / (moments[0, 0] * moments[1, 1]), rel=1e-4)
    # One pair has no spread.
    assert np.isnan(values[6])
