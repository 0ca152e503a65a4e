import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.svm import SVC

from isogloss.errors import NotFiniteError, OptionError
from isogloss.numerics.hulls import hull_distance, hull_gap

SQUARE = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])


def square_at(x, y):
    return SQUARE + np.array([x, y])


def problem(seed):
    """Two sets of any shape: few or many points for their width, duplicates, lattices, apart or mingled."""
    rng = np.random.default_rng(seed)
    d, n, m = (int(x) for x in rng.integers(1, 9, 3))
    A, B = rng.normal(size=(n, d)), rng.normal(size=(m, d))
    B[:, 0] += rng.choice([0, 2, 5])
    if rng.random() < 0.3:
        A, B = np.round(A), np.round(B)
    if rng.random() < 0.3:
        A = np.repeat(A, 2, axis=0)
    return A, B


def slsqp_distance(A, B):
    """Least distance by a general solver of smooth problems with constraints."""
    n, m = len(A), len(B)
    Z = np.vstack([A, -B])
    sums = np.zeros((2, n + m))
    sums[0, :n] = sums[1, n:] = 1
    found = minimize(
        lambda w: 0.5 * np.sum((w @ Z) ** 2),
        np.concatenate([np.full(n, 1 / n), np.full(m, 1 / m)]),
        jac=lambda w: Z @ (w @ Z),
        bounds=[(0, 1)] * (n + m),
        constraints={"type": "eq", "fun": lambda w: sums @ w - 1, "jac": lambda w: sums},
        method="SLSQP",
        options={"ftol": 1e-15, "maxiter": 1000},
    )
    return float(np.linalg.norm(found.x @ Z))


def holds(gap, A, B, rtol=1e-6):
    """Both bounds follow from what was handed out, and they meet."""
    for weights, points in ((gap.weights_a, A), (gap.weights_b, B)):
        assert weights.shape == (len(points),)
        assert weights.min() >= 0
        assert weights.sum() == pytest.approx(1, abs=1e-12)
    size = np.abs(np.vstack([A, B])).max()
    assert np.linalg.norm(gap.weights_a @ A - gap.weights_b @ B) == pytest.approx(gap.upper, abs=1e-13 * size)
    if gap.touching:
        assert gap.lower == gap.distance == 0
        assert gap.upper <= 1e-9 * 2 * size * np.sqrt(A.shape[1])
    else:
        assert np.linalg.norm(gap.normal) == pytest.approx(1)
        along = (A @ gap.normal).min() - (B @ gap.normal).max()
        assert along == pytest.approx(gap.lower, abs=1e-13 * size)
        assert 0 < gap.lower <= gap.upper <= gap.lower * (1 + 2 * rtol)


@pytest.mark.parametrize(
    ("A", "B", "distance"),
    [
        ([[0.0, 0]], [[3.0, 4]], 5),
        ([[0.0, 2]], [[-1.0, 0], [1, 0]], 2),
        ([[3.0, 0]], [[-1.0, 0], [1, 0]], 2),
        ([[0.0, 0, 1], [1, 0, 1]], [[0.5, -1, 0], [0.5, 1, 0]], 1),
        (SQUARE, square_at(3, 0.25), 2),
        (SQUARE, square_at(2, 2), np.sqrt(2)),
        (np.eye(5), np.zeros((1, 5)), 1 / np.sqrt(5)),
        (np.eye(400), np.zeros((1, 400)), 1 / 20),
        ([[0.0], [1]], [[1.5], [9]], 0.5),
        ([[0.0, 0], [4, 0], [0, 4]], [[3.0, 3], [3, 3], [9, 9], [3, 3]], np.sqrt(2)),
    ],
    ids=["points", "foot", "end", "crossed", "squares", "corners", "simplex", "wide", "line", "duplicates"],
)
def test_distances_known_from_geometry(A, B, distance):
    A, B = np.asarray(A), np.asarray(B)
    gap = hull_gap(A, B)
    holds(gap, A, B)
    assert gap.distance == pytest.approx(distance, rel=1e-12)


@pytest.mark.parametrize(
    ("A", "B"),
    [
        (SQUARE, SQUARE),
        (SQUARE, SQUARE + 0.5),
        (SQUARE, square_at(1, 0)),
        (SQUARE, square_at(1, 1)),
        (SQUARE, square_at(1, 0.3)),
        (SQUARE, [[0.1, 0.2]]),
        ([[0.0, 0]], [[0.0, 0]]),
        ([[0.0], [2]], [[1.0]]),
        ([[-1.0, 0], [1, 0]], [[0.0, -1], [0, 1]]),
        (np.eye(6), np.full((1, 6), 1 / 6)),
    ],
    ids=["same", "overlap", "edge", "corner", "part", "inside", "point", "line", "cross", "face"],
)
@pytest.mark.parametrize("scale", [1e-6, 1, 1e6])
def test_overlapping_and_touching_hulls_are_at_distance_0(A, B, scale):
    A, B = scale * np.asarray(A), scale * np.asarray(B)
    gap = hull_gap(A, B)
    assert gap.touching
    holds(gap, A, B)
    assert hull_distance(A, B) == 0


@settings(max_examples=60)
@given(st.integers(0, 10**6))
def test_distances_are_those_of_a_general_solver(seed):
    A, B = problem(seed)
    gap = hull_gap(A, B)
    holds(gap, A, B)
    assert gap.distance == pytest.approx(slsqp_distance(A, B), abs=2e-6)


def test_distance_is_twice_the_hard_margin():
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(80, 20)), rng.normal(size=(60, 20)) + 1.5
    model = SVC(kernel="linear", C=1e6, tol=1e-8).fit(np.vstack([A, B]), [0] * 80 + [1] * 60)
    assert hull_distance(A, B) == pytest.approx(2 / np.linalg.norm(model.coef_), rel=1e-6)


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.sampled_from([1e-6, 1e-3, 1, 1e3, 1e6]), st.sampled_from([0, 1, 1e3]))
def test_distance_turns_moves_and_scales_with_the_points(seed, scale, offset):
    A, B = problem(seed)
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(A.shape[1], A.shape[1])))[0]
    shift = offset * rng.normal(size=A.shape[1])
    moved = [scale * (points @ rotation + shift) for points in (A, B)]
    plain = hull_distance(A, B)
    assert hull_distance(*moved) == pytest.approx(scale * plain, rel=1e-6)
    assert hull_distance(moved[1], moved[0]) == pytest.approx(scale * plain, rel=1e-6)
    assert hull_distance(A[::-1], np.repeat(B, 3, axis=0)) == pytest.approx(plain, rel=1e-6)


@pytest.mark.parametrize("exponent", [1, 3, 5, 7])
@pytest.mark.parametrize("scale", [1e-200, 1e-6, 1, 1e6, 1e200])
def test_narrow_gaps_keep_their_precision(exponent, scale):
    # Two plates that face one another: the gap is the distance, and the plates are degenerate for the solver.
    rng = np.random.default_rng(exponent)
    width = 10.0**-exponent
    A, B = rng.normal(size=(60, 5)), rng.normal(size=(50, 5))
    A[:, 0], B[:, 0] = -np.abs(A[:, 0]), np.abs(B[:, 0]) + width
    A[:20, 0], B[:20, 0] = 0, width
    rotation = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    A, B = scale * (A @ rotation), scale * (B @ rotation)
    gap = hull_gap(A, B)
    assert gap.distance == pytest.approx(scale * width, rel=1e-6)
    assert 0 < gap.lower <= gap.upper <= gap.lower * (1 + 2e-6)
    if 1e-6 <= scale <= 1e6:
        holds(gap, A, B)


def test_a_looser_precision_still_gives_true_bounds():
    rng = np.random.default_rng(4)
    A, B = rng.normal(size=(300, 40)), rng.normal(size=(300, 40)) + 1
    tight, loose = hull_gap(A, B, rtol=1e-10), hull_gap(A, B, rtol=0.3)
    assert loose.lower <= tight.upper
    assert tight.lower <= loose.upper
    assert tight.upper - tight.lower <= 1e-10 * tight.upper < loose.upper - loose.lower <= 0.3 * loose.upper


@pytest.mark.parametrize(
    ("A", "B", "message"),
    [
        (np.zeros((0, 2)), SQUARE, "A should hold at least one point"),
        (SQUARE, np.zeros((3, 0)), "B should hold at least one point"),
        (np.zeros(2), SQUARE, "1 dimension"),
        (SQUARE, np.zeros((2, 3)), "Got 2 and 3"),
        (SQUARE, [["a", "b"]], "B should hold real numbers"),
        (SQUARE, np.array([["a", 1.0]], dtype=object), "B should be a table of numbers"),
        (SQUARE * 1j, SQUARE, "complex128"),
    ],
)
def test_what_is_no_table_of_points_is_refused(A, B, message):
    with pytest.raises(OptionError, match=message):
        hull_distance(A, B)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite_points_are_refused_with_their_row(value):
    B = SQUARE.copy()
    B[2, 1] = value
    with pytest.raises(NotFiniteError, match="B holds NaN or infinity in row 2"):
        hull_distance(SQUARE, B)


def test_points_beyond_the_reach_of_float64_are_refused():
    with pytest.raises(NotFiniteError, match="too far apart"):
        hull_distance([[-1.5e308]], [[1.5e308]])


@pytest.mark.parametrize("rtol", [0, 1, 1e-13, -1, np.nan])
def test_an_impossible_precision_is_refused(rtol):
    with pytest.raises(OptionError, match="rtol should be"):
        hull_distance(SQUARE, SQUARE, rtol)
