import numpy as np
import pytest

from isogloss.numerics import CrossStream, pair_moments, row_blocks, zip_blocks


def streamed(X, *Ys, rows=50):
    stream = CrossStream()
    for x, *ys in zip_blocks([row_blocks(X, rows), *(row_blocks(Y, 30) for Y in Ys)]):
        stream.add(x, ys)
    return stream.result()


@pytest.fixture
def spaces():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(400, 3))
    drift = np.linspace(0, 5, 400)[:, None]
    return [
        (shared @ rng.normal(size=(3, d)) + rng.normal(size=(400, d)) + 50 + drift).astype(np.float32)
        for d in (4, 5, 7)
    ]


def test_sums_are_those_in_memory_about_the_exact_means(spaces):
    X, *others = spaces
    x = X.astype(np.float64) - X.mean(0, dtype=np.float64)
    for got, Y in zip(streamed(X, *others, X), [*others, X], strict=True):
        y = Y.astype(np.float64) - Y.mean(0, dtype=np.float64)
        a, b = (x**2).sum(1), (y**2).sum(1)
        assert got.n == 400
        np.testing.assert_allclose(got.xy, x.T @ y, rtol=1e-5, atol=1e-2)
        assert (got.trace_x, got.trace_y, got.ab) == pytest.approx((a.sum(), b.sum(), (a * b).sum()), rel=1e-5)


def test_they_are_those_of_the_moments_of_one_pair(spaces):
    X, Y, _ = spaces
    pair = pair_moments(zip(row_blocks(X, 50), row_blocks(Y, 50), strict=True))[0].centred
    got = streamed(X, Y)[0]
    np.testing.assert_allclose(got.xy, pair.xy, rtol=1e-5, atol=1e-2)
    assert got.ab == pytest.approx(pair.ab, rel=1e-5)


def test_bad_values_are_refused_naming_the_stream(spaces):
    X, Y, Z = spaces
    Z[60, 1] = np.inf
    with pytest.raises(ValueError, match="NaN or infinity in stream 2 of the others"):
        streamed(X, Y, Z)
    X[3, 1] = np.nan
    with pytest.raises(ValueError, match="NaN or infinity in X"):
        streamed(X, Y)
    with pytest.raises(ValueError, match="no rows"):
        CrossStream().result()
