import numpy as np
import pytest

from isogloss.separability import DirectProbe
from isogloss.separability.span import in_span


def normalised(n, d, dtype, seed=0, gain=None):
    """What a layer normalisation makes of noise, computed in this precision."""
    z = np.random.default_rng(seed).normal(size=(n, d)).astype(dtype)
    z = (z - z.mean(axis=1, keepdims=True)) / z.std(axis=1, keepdims=True)
    return z if gain is None else (z * gain.astype(dtype)).astype(dtype)


def off_a_plane(*parts):
    """How far points lie off the plane that is nearest to them, root mean square."""
    X = np.concatenate(parts).astype(np.float64)
    return np.linalg.svd(X - X.mean(axis=0), compute_uv=False)[-1] / len(X) ** 0.5


def test_rounding_off_the_plane_of_a_layer_normalisation_is_taken_out():
    X = normalised(300, 16, np.float32)
    (flat,) = in_span(X)
    assert off_a_plane(X) > 1e-8
    assert off_a_plane(flat) < 1e-13
    assert flat == pytest.approx(X, abs=1e-6)


def test_clusters_are_those_of_exact_vectors():
    y = np.random.default_rng(1).integers(0, 3, 300)
    exact, single = (normalised(300, 16, dtype, gain=np.linspace(0.5, 2, 16)) for dtype in (np.float64, np.float32))
    found = DirectProbe().fit(in_span(single)[0], y)
    assert found.n_clusters_ == DirectProbe().fit(exact, y).n_clusters_
    assert found.min_distances_.min() > 1e-5
    assert DirectProbe().fit(single, y).min_distances_.min() < 1e-6, "what rounding alone tells apart"


def test_other_vectors_lose_the_same_directions():
    X, other = normalised(200, 8, np.float32), normalised(50, 8, np.float32, seed=1)
    flat, held = in_span(X, other)
    assert off_a_plane(X, other) > 1e-8
    assert off_a_plane(flat, held) < 1e-13


@pytest.mark.parametrize("X", [
    np.random.default_rng(0).normal(size=(100, 8)).astype(np.float32),
    np.random.default_rng(0).normal(size=(100, 8)).astype(np.float32) * np.float32(1e-15),
    normalised(8, 8, np.float32),
    np.float32(1e-3) * np.random.default_rng(0).normal(size=(100, 8)).astype(np.float32) + np.float32(1.0),
], ids=["no plane", "tiny", "few", "narrow but not flat"])  # fmt: skip
def test_vectors_without_flat_directions_are_left_as_they_are(X):
    assert in_span(X)[0] is X


def test_vectors_that_are_all_the_same_are_one_point():
    X = np.full((20, 3), 7, dtype=np.float32)
    (flat,) = in_span(X)
    assert np.ptp(flat, axis=0) == pytest.approx(0)
