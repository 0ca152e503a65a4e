import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.numerics import pair_moments, row_blocks


def planted(n=257, dx=5, dy=4, offset=0.0, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, dx)) @ rng.normal(size=(dx, dx)) + offset
    Y = X[:, :dy] * 0.5 + rng.normal(size=(n, dy)) - offset
    return X, Y


def streamed(X, Y, rows=64, **options):
    return pair_moments(zip(row_blocks(X, rows), row_blocks(Y, rows), strict=True), **options)


def assert_like_memory(moments, X, Y, rtol):
    X, Y = X.astype(np.float64), Y.astype(np.float64)
    x, y = X - X.mean(0), Y - Y.mean(0)
    a, b = (x**2).sum(1), (y**2).sum(1)
    m = moments.centred
    np.testing.assert_allclose(moments.mean_x, X.mean(0), rtol=rtol, atol=rtol)
    for got, want in [
        (m.xx, x.T @ x), (m.yy, y.T @ y), (m.xy, x.T @ y),
        (m.ax, a @ x), (m.ay, a @ y), (m.bx, b @ x), (m.by, b @ y),
        (m.aa, a @ a), (m.ab, a @ b), (m.bb, b @ b),
    ]:  # fmt: skip
        np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol * np.abs(want).max())
    assert moments.n == len(X)


@settings(deadline=None, max_examples=30)
@given(rows=st.integers(1, 300), seed=st.integers(0, 50))
def test_streamed_equals_in_memory_for_any_block_size(rows, seed):
    X, Y = planted(seed=seed)
    assert_like_memory(streamed(X, Y, rows, dtype=np.float64)[0], X, Y, 1e-9)


def test_float32_survives_a_large_offset():
    X, Y = (a.astype(np.float32) for a in planted(n=3000, offset=1e3))
    assert_like_memory(streamed(X, Y, 500)[0], X, Y, 2e-5)
    naive = X.T @ Y - len(X) * np.outer(X.mean(0), Y.mean(0))
    x, y = X - X.mean(0, dtype=np.float64), Y - Y.mean(0, dtype=np.float64)
    assert np.abs(naive - x.T @ y).max() > 100 * np.abs(streamed(X, Y, 500)[0].cxy - x.T @ y).max()


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 100), offset=st.sampled_from([0.0, 10.0]))
def test_halves_add_up_to_the_whole(seed, offset):
    X, Y = planted(seed=seed, offset=offset)
    groups = np.random.default_rng(seed).integers(0, 3, len(X))
    parts = streamed(X, Y, groups=groups, n_groups=3, dtype=np.float64)
    assert_like_memory(parts[0] + parts[1] + parts[2], X, Y, 1e-8)
    assert_like_memory(parts[2], X[groups == 2], Y[groups == 2], 1e-8)


def test_identical_streams_have_equal_sums_to_the_last_bit():
    X = planted(n=500)[0].astype(np.float32)
    halves = streamed(X, X.copy(), 64, groups=np.arange(500) % 2, n_groups=2)
    whole = halves[0] + halves[1]
    assert whole.identical
    assert np.array_equal(whole.cxx, whole.cyy)
    assert np.array_equal(whole.cxx, whole.cxy)
    assert whole.centred.aa == whole.centred.ab == whole.centred.bb


def test_one_changed_value_is_not_identical():
    X = planted(n=500)[0].astype(np.float32)
    Y = X.copy()
    Y[499, 0] += 1
    moments = streamed(X, Y)[0]
    assert not moments.identical
    assert_like_memory(moments, X, Y, 1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_bad_value_is_refused_naming_its_row(bad):
    X, Y = planted()
    Y[130, 2] = bad
    with pytest.raises(ValueError, match="Y holds NaN or infinity in row 130"):
        streamed(X, Y)


def test_constant_rows_are_recognised_whatever_their_offset():
    X = np.full((1000, 3), 1234.5678)
    moments = streamed(X, planted(n=1000)[1], dtype=np.float64)[0]
    assert moments.is_constant("x")
    assert not moments.is_constant("y")


def test_different_widths_do_not_add():
    X, Y = planted()
    with pytest.raises(ValueError, match=r"\(5, 4\).*\(4, 4\)"):
        streamed(X, Y)[0] + streamed(Y, Y)[0]
