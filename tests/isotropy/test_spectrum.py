import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import OptionError
from isogloss.isotropy.spectrum import (
    directions_for,
    effective_rank,
    elongated_directions,
    isoscore,
    participation_ratio,
    spectrum,
)


def published_isoscore(points):
    """The published steps of IsoScore (Rudman et al. 2022), with distances to (1, ..., 1), in float64."""
    d = points.shape[1]
    variances = np.linalg.svd(np.cov(points.T), compute_uv=False)
    normalised = variances * np.sqrt(d) / np.linalg.norm(variances)
    defect = np.linalg.norm(normalised - 1) / np.sqrt(2 * (d - np.sqrt(d)))
    return ((d - defect**2 * (d - np.sqrt(d))) ** 2 - d) / (d * (d - 1))


def planted(values, n=400, seed=0):
    """Words whose covariance has exactly these eigenvalues, in a turned basis, far from the origin."""
    rng = np.random.default_rng(seed)
    d = len(values)
    X = rng.normal(size=(n, d))
    X -= X.mean(axis=0)
    X = np.linalg.qr(X)[0] * np.sqrt(np.array(values) * (n - 1))
    return X @ np.linalg.qr(rng.normal(size=(d, d)))[0] + 50 * rng.normal(size=d)


def test_isoscore_of_the_fixtures():
    rng = np.random.default_rng(0)
    data = [
        rng.standard_normal((100, 3)),
        rng.standard_normal((2000, 10)),
        rng.standard_normal((5000, 50)),
        rng.standard_normal((500, 8)) * np.arange(1, 9),
        np.concatenate([rng.standard_normal((1000, 5)), np.zeros((1000, 5))], axis=1),
    ]
    wanted = [0.9778039600, 0.9942037109, 0.9900905099, 0.5447926958, 0.4417035603]
    assert [isoscore(X) for X in data] == pytest.approx(wanted, abs=1e-9)
    assert [isoscore(X) for X in data] == pytest.approx([published_isoscore(X) for X in data], abs=1e-12)


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.floats(1e-3, 1e3))
def test_turning_shifting_and_scaling_change_no_share_of_variance(seed, scale):
    X = planted([9.0, 3.0, 1.0, 0.2, 0.01], n=60, seed=seed)
    rng = np.random.default_rng(seed + 1)
    moved = scale * (X @ np.linalg.qr(rng.normal(size=(5, 5)))[0]) + rng.normal(size=5)
    for measure in (isoscore, participation_ratio, effective_rank):
        assert measure(moved) == pytest.approx(measure(X), rel=1e-7)
    assert spectrum(moved) == pytest.approx(scale**2 * spectrum(X), rel=1e-6, abs=1e-9 * scale**2)
    assert [directions_for(moved, s) for s in (0.5, 0.9)] == [directions_for(X, s) for s in (0.5, 0.9)]
    assert elongated_directions(moved, 1) == elongated_directions(X, 1)


def test_the_spectrum_is_that_of_the_covariance_in_descending_order():
    X = planted([5.0, 4.0, 0.5, 0.0])
    assert spectrum(X) == pytest.approx([5, 4, 0.5, 0], abs=1e-9)
    assert (spectrum(X) >= 0).all()


def test_counts_and_ranks_of_a_planted_spectrum():
    X = planted([50.0, 25.0, 15.0, 6.0, 4.0])
    assert [directions_for(X, s) for s in (0.49, 0.51, 0.9, 0.91, 1.0)] == [1, 2, 3, 4, 5]
    assert [elongated_directions(X, c) for c in (0.5, 1, 2, 3)] == [3, 2, 1, 0]
    assert participation_ratio(X) == pytest.approx(100**2 / (2500 + 625 + 225 + 36 + 16), rel=1e-9)
    shares = np.array([0.5, 0.25, 0.15, 0.06, 0.04])
    assert effective_rank(X) == pytest.approx(np.prod(shares**-shares), rel=1e-9)
    assert effective_rank(planted([2.0] * 7)) == pytest.approx(7, rel=1e-9)


def test_an_offset_a_million_times_the_spread_costs_no_precision():
    X = planted([3.0, 1.0, 0.5], n=20_000)
    assert spectrum(X + 1e6) == pytest.approx([3, 1, 0.5], rel=1e-6)


def test_many_blocks_of_a_half_precision_memory_map(tmp_path):
    X = planted([3.0, 1.0, 0.5], n=20_000).astype(np.float16)
    np.save(tmp_path / "x.npy", X)
    wanted = np.linalg.eigvalsh(np.cov(X.astype(np.float64).T))[::-1]
    assert spectrum(np.load(tmp_path / "x.npy", mmap_mode="r")) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize(
    "measure",
    [
        spectrum,
        isoscore,
        participation_ratio,
        effective_rank,
        lambda X, **few: directions_for(X, 0.9, **few),
        lambda X, **few: elongated_directions(X, 2, **few),
    ],
)
def test_a_transposed_matrix_is_refused_unless_few_words_are_meant(measure):
    X = np.random.default_rng(0).standard_normal((100, 3)).T
    with pytest.raises(OptionError, match="3 words of 100 dimensions"):
        measure(X)
    measure(X, few=True)
    with pytest.raises(OptionError, match="at least 2 words"):
        measure(X[:1], few=True)
    with pytest.raises(OptionError, match="row 1"):
        measure(np.where(np.arange(3)[:, None] == 1, np.nan, X), few=True)


@pytest.mark.parametrize("measure", [isoscore, participation_ratio, effective_rank, lambda X: directions_for(X, 0.9)])
@pytest.mark.parametrize("value", [0.0, 0.1, 12345.678])
def test_words_that_are_all_the_same_have_no_shape(measure, value):
    with pytest.raises(OptionError, match="same vector"):
        measure(np.full((9, 4), value))


def test_options_out_of_range_are_refused():
    X = planted([2.0, 1.0])
    with pytest.raises(OptionError, match=r"share.*1\.5"):
        directions_for(X, 1.5)
    with pytest.raises(OptionError, match="share"):
        directions_for(X, 0)
    with pytest.raises(OptionError, match=r"c should.*-1"):
        elongated_directions(X, -1)
    with pytest.raises(OptionError, match="one dimension"):
        isoscore(X[:, :1])
