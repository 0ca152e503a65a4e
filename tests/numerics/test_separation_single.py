"""Many points, or points of many dimensions: float32 looks for a plane first, and float64 judges it."""

import numpy as np
import pytest

from isogloss.errors import NotFiniteError
from isogloss.numerics.hulls import hull_gap
from isogloss.numerics.separation import separable
from isogloss.numerics.separation.hinge import OFFSET, HingeNewton, hinge_rows, single_rows
from isogloss.numerics.separation.mending import mend

PAIR = "isogloss.numerics.separation.pair"


@pytest.mark.parametrize("scale", [1e-140, 1e-30, 1e-9, 1e9, 1e30, 1e140])
@pytest.mark.parametrize("apart", [0.0, 1.0])
def test_many_points_of_any_scale_are_settled(scale, apart):
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(150, 70)), rng.normal(size=(150, 70))
    A[:, 3], B[:, 3] = np.abs(A[:, 3]) + 0.01, -np.abs(B[:, 3]) - 0.01
    if not apart:
        A[0, 3], B[:70, 3] = -1.0, 0.0
        A[0] = B[:70].mean(axis=0)
    result = separable(scale * A, scale * B)
    assert bool(result) == bool(apart)
    assert result.holds(scale * A, scale * B)


def narrow(seed, d, n, gap):
    """Points on both sides of a plane, with so much between them and it, and less variance in each dimension."""
    rng = np.random.default_rng(seed)
    X, w = rng.normal(size=(n, d)) / np.sqrt(np.arange(1, d + 1)), rng.normal(size=d)
    w /= np.linalg.norm(w)
    above = X @ w > 0
    X += np.outer(np.where(above, gap / 2, -gap / 2), w)
    return X[above], X[~above]


@pytest.mark.parametrize(("d", "n", "gap"), [(96, 600, 3e-3), (128, 1500, 1e-3), (96, 1000, 3e-4)])
@pytest.mark.parametrize("seed", range(3))
def test_the_few_points_on_the_wrong_side_are_mended_in_single_precision(monkeypatch, seed, d, n, gap):
    def refuse(*_):
        raise AssertionError("went on in double precision")

    monkeypatch.setattr(f"{PAIR}.hinge_rows", refuse)
    A, B = narrow(seed, d, n, gap)
    result = separable(A, B)
    assert result.method == "hinge"
    assert result.holds(A, B)


def test_the_scale_of_many_points_is_found_in_the_pass_that_makes_them_single(monkeypatch):
    def refuse(*_):
        raise AssertionError("another pass over all points")

    monkeypatch.setattr(f"{PAIR}.scale_about", refuse)
    A, B = narrow(0, 96, 600, 3e-3)
    result = separable(A, B)
    assert result
    assert result.holds(A, B)


def test_a_plane_that_is_mended_is_left_as_it_was():
    A, B = narrow(0, 64, 400, 0.05)
    rows, _ = single_rows((A, B), np.zeros(64))
    sides = np.repeat([1.0, -1.0], [len(A), len(B)])
    plane = np.linalg.lstsq(rows, sides, rcond=None)[0].astype(np.float32)
    before, told = plane.copy(), []
    slacks = 1 - sides.astype(np.float32) * (rows @ plane)
    assert 0 < np.count_nonzero(slacks >= 1) <= 20
    assert mend(rows, len(A), plane, slacks, lambda found: told.append(found) or True)
    assert (sides * (rows @ told[0]) > 0).all() or (rows[: len(A)] @ told[0]).min() > (rows[len(A) :] @ told[0]).max()
    assert np.array_equal(plane, before)
    # As many points on the wrong side as there are dimensions: nothing to be mended.
    assert not mend(rows, len(A), -plane, 2 - slacks, lambda _: True)


@pytest.mark.parametrize("shift", [0.0, 0.35])
def test_many_points_are_settled_from_single_precision(shift):
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(2500, 50)), rng.normal(size=(2500, 50)) + shift * 10 / np.sqrt(50)
    kept = np.sign(shift) * 0.02
    if shift:
        w = np.full(50, 1 / np.sqrt(50))
        middle = shift * 5
        A, B = A[A @ w < middle - kept], B[B @ w > middle + kept]
    result = separable(A.astype(np.float32), B.astype(np.float32))
    assert bool(result) == bool(shift)
    assert result.holds(A.astype(np.float32), B.astype(np.float32))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e200, -1e308])
@pytest.mark.parametrize("shared", [False, True])
def test_values_without_a_square_are_refused_wherever_the_first_pass_over_them_is(bad, shared):
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(150, 70)), rng.normal(size=(150, 70)) + 9.0
    if shared:
        B[7] = A[5]
    B[3, 4] = bad
    with pytest.raises(NotFiniteError, match=r"B holds .* in row 3"):
        separable(A, B)
    A[:], B[:] = 1e200, 1e200
    with pytest.raises(NotFiniteError, match=r"A holds .* in row 0"):
        separable(A, B)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 40.0, 1e9])
@pytest.mark.parametrize("far", [0.0, 5.0, 1e3, 1e7])
def test_single_rows_are_the_rows_in_double_times_one_number(scale, far):
    rng = np.random.default_rng(0)
    A, B = (scale * (rng.normal(size=(n, 70)) + far / np.sqrt(70)) for n in (300, 200))
    middle = 0.5 * (A.mean(axis=0) + B.mean(axis=0))
    rows, found = single_rows((A, B), middle)
    exact = max(np.linalg.norm(points - middle, axis=1).max() for points in (A, B))
    assert found == pytest.approx(exact, rel=1e-14)
    assert (rows[:, -1] == rows[0, -1]).all()
    expected = np.concatenate([hinge_rows(points, middle, exact) for points in (A, B)])
    # Digits of float32 of the point, as far as 8 times the scale; of the difference, beyond.
    assert np.abs(rows / (rows[0, -1] / OFFSET) - expected).max() < 1e-6 * (0.5 if far > 100 else 1.0)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 40.0, 1e9])
def test_what_float32_reaches_is_where_float64_goes_on(monkeypatch, scale):
    losses = {}

    def run(self, plane_found, weights_found, steps, start=None):
        single = self._rows.dtype == np.float32
        content = walked(self, plane_found, weights_found, steps, start)
        plane = self.plane if single else start
        losses[single] = float((np.maximum(0.0, 1.0 - self._sides * (self._rows @ plane)) ** 2).sum())
        return content

    walked = HingeNewton.run
    monkeypatch.setattr(HingeNewton, "run", run)
    rng = np.random.default_rng(0)
    A, B = scale * rng.normal(size=(300, 70)), scale * (rng.normal(size=(300, 70)) + 0.05)
    assert not separable(A, B)
    assert losses[False] == pytest.approx(losses[True], rel=1e-4)
    assert losses[False] < 0.9 * 600


def test_torchs_bfloat16_is_a_real_dtype_too():
    torch = pytest.importorskip("torch")
    A, B = narrow(0, 64, 400, 0.5)
    coarse = [torch.from_numpy(points).bfloat16() for points in (A, B)]
    fine = [points.float().numpy() for points in coarse]
    found = separable(*coarse)
    assert found.separable == separable(*fine).separable
    assert found.holds(*fine)


def test_a_verdict_is_shown_in_a_line():
    A, B = narrow(0, 64, 400, 0.5)
    assert repr(separable(A, B)).startswith(
        "Separation(separable=True, method='hinge', normal of 64 dimensions, offset="
    )
    assert repr(separable(A, A)) == "Separation(separable=False, method='common', weights on 1 and 1 points)"
    shown = repr(hull_gap(A, B))
    assert shown.startswith("HullGap(lower=")
    assert len(shown) < 120
