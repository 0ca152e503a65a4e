import dataclasses
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import NotFiniteError, OptionError
from isogloss.numerics.separation import Separation, separable
from isogloss.numerics.separation.programme import nearest_by_programme
from tests.numerics.separation_problems import near_duplicates, problem, separable_by_highs

PROBLEMS = int(os.environ.get("ISOGLOSS_SEPARATION_PROBLEMS", "200"))

EDGE = np.array([[-1.0, 0.0], [1.0, 0.0]])
SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


def test_verdicts_are_those_of_highs_and_every_certificate_holds():
    rng = np.random.default_rng(0)
    verdicts = []
    for _ in range(PROBLEMS):
        A, B = problem(rng)
        result = separable(A, B)
        assert result.holds(A, B)
        assert bool(result) == separable_by_highs(A, B)
        verdicts.append(bool(result))
    assert 0.3 < np.mean(verdicts) < 0.7


def test_verdicts_in_many_dimensions_are_those_of_highs():
    rng = np.random.default_rng(1)
    verdicts = []
    for _ in range(PROBLEMS // 4):
        A, B = problem(rng, dimensions=(64, 100), points=(40, 200))
        result = separable(A, B)
        assert result.holds(A, B)
        assert bool(result) == separable_by_highs(A, B)
        verdicts.append(bool(result))
    assert 0.3 < np.mean(verdicts) < 0.9


@pytest.mark.parametrize(
    ("A", "B"),
    [
        pytest.param(SQUARE, SQUARE + 1.0, id="shared vertex"),
        pytest.param(EDGE, [[0.5, 0.0], [0.0, 3.0]], id="vertex on an edge"),
        pytest.param(EDGE, [[0.3, -1.0], [0.3, 2.0]], id="edge crossing an edge"),
        pytest.param(SQUARE, [[0.4, 0.3]], id="point inside"),
        pytest.param(SQUARE * 9.0 - 4.0, SQUARE, id="set inside set"),
        pytest.param(SQUARE, SQUARE, id="the same set"),
        pytest.param(SQUARE, SQUARE + np.array([1.0, 0.25]), id="part of an edge"),
        pytest.param([[1.0]], [[1.0]], id="one point twice"),
        pytest.param([[0.0], [1.0]], [[1.0], [2.0]], id="touching intervals"),
        pytest.param([[0.0], [2.0]], [[1.0]], id="point in an interval"),
        pytest.param(EDGE.repeat(50, 0), [[0.0, 0.0]] * 7, id="duplicates"),
        pytest.param(np.eye(40)[:3], [np.eye(40)[:3].mean(axis=0)], id="few points in many dimensions"),
    ],
)
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_hulls_that_meet_overlap(A, B, scale):
    A, B = np.asarray(A) * scale, np.asarray(B) * scale
    result = separable(A, B)
    assert not result
    assert result.holds(A, B)
    np.testing.assert_allclose(result.weights_a @ A, result.weights_b @ B, atol=1e-8 * scale)


@pytest.mark.parametrize(
    ("A", "B"),
    [
        pytest.param(SQUARE, SQUARE + np.array([1.001, 0.0]), id="squares apart by a thousandth"),
        pytest.param(EDGE, [[0.3, 1e-6], [0.3, 2.0]], id="a vertex just above an edge"),
        pytest.param([[0.0]], [[1.0]], id="one point a side"),
        pytest.param([[-3.0], [-1.0]], [[0.0], [2.0]], id="intervals"),
        pytest.param([[5.0, 1.0]] * 9, [[5.0, 0.0]] * 4, id="duplicates and a constant column"),
        pytest.param(np.eye(50)[:20], np.eye(50)[20:40], id="general position"),
        pytest.param(np.eye(50)[:2].repeat(9, 0), np.eye(50)[2:4].repeat(9, 0), id="duplicates in many dimensions"),
    ],
)
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_hulls_apart_have_a_plane(A, B, scale):
    A, B = np.asarray(A) * scale, np.asarray(B) * scale
    result = separable(A, B)
    assert result
    assert result.holds(A, B)
    assert (A @ result.normal).min() > result.offset > (B @ result.normal).max()
    assert np.linalg.norm(result.normal) == pytest.approx(1.0)


@pytest.mark.parametrize("gap", [1e-3, 1e-6, 1e-7, 3e-8])
def test_a_small_gap_between_faces_is_found(gap):
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(60, 5)), rng.normal(size=(60, 5))
    A[:, 0], B[:, 0] = np.where(np.arange(60) < 20, gap, np.abs(A[:, 0]) + gap), -np.abs(B[:, 0])
    B[:20, 0] = 0.0
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    result = separable(A @ turn, B @ turn)
    assert result
    assert result.holds(A @ turn, B @ turn)


def test_a_gap_below_the_tolerance_is_touching():
    A = SQUARE + np.array([1.0 + 1e-12, 0.0])
    result = separable(A, SQUARE)
    assert not result
    assert result.holds(A, SQUARE)


@pytest.mark.parametrize(("d", "seed"), [(2, 205), (3, 512)])
def test_a_gap_as_wide_as_rounding_far_from_the_origin_is_certified_as_it_was_found(d, seed):
    rng = np.random.default_rng(seed)
    A, B = rng.normal(size=(4, d)), rng.normal(size=(1, d))
    A[:, 0], B[:, 0] = 0, -rng.uniform(0.9, 1.1) * (1e-9 * 2 + 4 * (d + 2) * 2.2e-16 * 1e8 * d**0.5)
    A, B = A + 1e8, B + 1e8
    assert separable(A, B).holds(A, B)


@pytest.mark.filterwarnings("error")
def test_rows_next_to_the_middle_of_mirrored_sets_are_settled_without_a_warning():
    for seed in range(40):
        rng = np.random.default_rng(seed)
        A = rng.integers(-2, 3, (90, 64)).astype(float)
        A[:, 0] = np.abs(A[:, 0]) + 1
        A[:3] *= 1e-40
        result = separable(A, -A)
        assert not result
        assert result.holds(A, -A)


@pytest.mark.filterwarnings("error")
def test_values_whose_differences_are_too_large_to_be_squared_are_refused():
    with pytest.raises(NotFiniteError, match="row 0"):
        separable([[-9.4e153]] + [[0.0]] * 9, [[9.4e153]])


def test_far_from_the_origin_digits_that_are_not_there_prove_nothing():
    far = 1e9
    assert separable(SQUARE + far, SQUARE + far + [1.5, 0.0])
    assert not separable(SQUARE + far, SQUARE + far + [1.0, 0.0])
    near = separable(SQUARE + far, SQUARE + far + [1.0 + 2.0**-22, 0.0])
    assert near.holds(SQUARE + far, SQUARE + far + [1.0 + 2.0**-22, 0.0])


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_verdict_does_not_depend_on_sides_rotation_place_or_scale(seed):
    rng = np.random.default_rng(seed)
    A, B = problem(rng)
    size = np.abs(np.vstack([A, B])).max()
    verdict = bool(separable(A, B))
    turn = np.linalg.qr(rng.normal(size=(A.shape[1], A.shape[1])))[0]
    for change in (lambda X: X @ turn, lambda X: X + 3.0 * size, lambda X: X * 1e-5, lambda X: X[::-1].copy()):
        changed = separable(change(A), change(B))
        assert bool(changed) == verdict
        assert changed.holds(change(A), change(B))


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_exchanged_sides_exchange_the_certificate(seed):
    A, B = problem(np.random.default_rng(seed))
    result, turned = separable(A, B), separable(B, A)
    assert bool(result) == bool(turned)
    back = Separation(
        result.separable,
        normal=-result.normal if result else None,
        offset=-result.offset,
        weights_a=result.weights_b,
        weights_b=result.weights_a,
    )
    assert back.holds(B, A)


def test_a_spoilt_plane_does_not_hold():
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(30, 4)) + 4.0, rng.normal(size=(30, 4))
    result = separable(A, B)
    assert result.holds(A, B)
    spoilt = [
        {"normal": -result.normal},
        {"normal": np.eye(4)[0] * 0.0},
        {"normal": result.normal * np.nan},
        {"normal": result.normal[:3]},
        {"normal": None},
        {"offset": result.offset + 100.0},
        {"offset": float("nan")},
        {"separable": False},
    ]
    for change in spoilt:
        assert not dataclasses.replace(result, **change).holds(A, B)
    assert not result.holds(B, A)
    assert not result.holds(np.vstack([A, B[:1]]), B)
    # A plane that touches a point proves nothing.
    assert not dataclasses.replace(result, offset=float((A @ result.normal).min())).holds(A, B)


def test_spoilt_weights_do_not_hold():
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(30, 4)), rng.normal(size=(30, 4))
    result = separable(A, B)
    assert not result
    assert result.holds(A, B)
    negative = result.weights_a.copy()
    negative[:2] += [1.0, -1.0]
    spoilt = [
        {"weights_a": negative},
        {"weights_a": result.weights_a * 1.001},
        {"weights_a": np.full(30, 1 / 30)},
        {"weights_a": result.weights_a[:29]},
        {"weights_a": result.weights_a * np.nan},
        {"weights_b": None},
        {"weights_a": result.weights_a * 0.0, "weights_b": result.weights_b * 0.0},
        {"separable": True},
    ]
    for change in spoilt:
        assert not dataclasses.replace(result, **change).holds(A, B)
    assert not result.holds(A, B + 1e-3)


def test_one_vector_on_both_sides_is_the_certificate():
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(300, 20)), rng.normal(size=(200, 20)) + 5.0
    B[17] = A[250]
    result = separable(A, B)
    assert not result
    assert result.method == "common"
    assert (result.weights_a.argmax(), result.weights_b.argmax()) == (250, 17)
    assert result.weights_a.max() == result.weights_b.max() == 1.0


def test_equal_points_are_found_behind_dimensions_that_all_points_share():
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(300, 80)), rng.normal(size=(200, 80)) + 5.0
    A[:, :40] = B[:, :40] = 0.0
    B[17] = A[250]
    A[250, :40] = -0.0
    result = separable(A, B)
    assert result.method == "common"
    assert (result.weights_a.argmax(), result.weights_b.argmax()) == (250, 17)
    assert result.holds(A, B)


PAIR = "isogloss.numerics.separation.pair"


@pytest.mark.parametrize("method", ["interior", "nearest", "programme"])
def test_slower_solvers_settle_what_newton_leaves(monkeypatch, method):
    monkeypatch.setattr(f"{PAIR}.Pair._hinge", lambda *_: False)
    if method != "interior":
        # Rows that matter are told wrongly, so that others have to join the linear programme.
        monkeypatch.setattr(f"{PAIR}.walk_inside", lambda Z, *_: np.zeros(len(Z)))
    if method == "programme":
        monkeypatch.setattr(f"{PAIR}.meet_or_part", lambda Z, *_: np.ones(len(Z)))
    rng = np.random.default_rng(3)
    methods = set()
    for _ in range(30):
        A, B = problem(rng)
        result = separable(A, B)
        assert result.holds(A, B)
        assert bool(result) == separable_by_highs(A, B)
        methods.add((result.method, result.separable))
    assert {(method, True), (method, False)} <= methods


def test_where_no_solver_proves_anything_overlap_is_presumed_with_a_warning(monkeypatch):
    monkeypatch.setattr(f"{PAIR}.Pair._hinge", lambda *_: False)
    monkeypatch.setattr(f"{PAIR}.meet_or_part", lambda Z, *_: np.ones(len(Z)))
    monkeypatch.setattr(f"{PAIR}.walk_inside", lambda Z, *_: np.zeros(len(Z)))
    monkeypatch.setattr(f"{PAIR}.nearest_by_programme", lambda *_: None)
    rng = np.random.default_rng(0)
    A, B = near_duplicates(rng, 300, 200, 1e-3)
    A = A[:290]
    with pytest.warns(RuntimeWarning, match="290 against 300 points"):
        result = separable(A, B)
    assert not result
    assert result.method == "presumed"
    assert not result.holds(A, B)


def test_a_linear_programme_out_of_time_gives_nothing():
    Z = np.random.default_rng(0).normal(size=(1500, 60))
    assert nearest_by_programme(Z, 700, seconds=0.0) is None


@pytest.mark.parametrize(("n", "d"), [(60, 20), (250, 100), (300, 384)])
@pytest.mark.parametrize("apart", [1e-3, 1e-5, 1e-7, 3e-9, 1e-10])
def test_near_duplicates_in_many_dimensions_are_settled_with_a_certificate(n, d, apart):
    A, B = near_duplicates(np.random.default_rng(d), n, d, apart)
    result = separable(A, B)
    assert result.holds(A, B)
    assert result.method != "presumed"
    # The planted plane leaves a gap of at least 0.09 of the distance, and no gap is wider than it.
    if apart >= 1e-7:
        assert result
    if apart <= 1e-10:
        assert not result


@pytest.mark.parametrize("seed", range(3))
def test_sums_of_a_word_and_a_place_that_only_rounding_parts(seed):
    # Words at places, as float32: word 1 at place 2 is all but word 1 at place 1 less word 2 at 1 and with word 2 at 2.
    rng = np.random.default_rng(seed)
    words, places = rng.normal(size=(60, 384)), 0.3 * rng.normal(size=(12, 384))
    word, place = rng.integers(0, 60, 500), rng.integers(0, 12, 500)
    X = words[word] + places[place]
    X = ((X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)).astype(np.float32)
    _, first = np.unique(60 * place + word, return_index=True)
    side = rng.random(len(first)) < 0.5
    A, B = X[first[side]], X[first[~side]]
    result = separable(A, B)
    assert result.holds(A, B)
    assert result.method != "presumed"


@pytest.mark.parametrize("apart", [1e-3, 1e-5, 0.0])
def test_near_duplicates_on_both_sides_are_told_apart(apart):
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(300, 60)), rng.normal(size=(300, 60))
    A[:, 0], B[:, 0] = np.abs(A[:, 0]) + 0.2, -np.abs(B[:, 0]) - 0.2
    B[:5] = A[:5]
    B[:5, 1] += apart
    result = separable(A, B)
    assert bool(result) == bool(apart)
    assert result.holds(A, B)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int8])
def test_other_dtypes_are_taken_as_the_numbers_they_are(dtype):
    A, B = np.array([[0, 1], [2, 3]], dtype=dtype), np.array([[5, 5]], dtype=dtype)
    result = separable(A, B)
    assert result
    assert result.normal.dtype == np.float64
    assert result.holds(A, B)


@pytest.mark.parametrize(
    ("A", "message"),
    [
        (np.zeros((0, 2)), "A should hold at least one point"),
        (np.zeros((2, 0)), "A should hold at least one point"),
        (np.zeros(3), r"A should be \(points, dimensions\). Got 1 dimension"),
        (np.zeros((2, 3)), "Got 3 and 2 instead"),
        ([["x", "y"]], "A should hold real numbers"),
        (np.zeros((2, 2), dtype=complex), "A should hold real numbers"),
    ],
)
def test_what_is_no_set_of_points_is_refused(A, message):
    with pytest.raises(OptionError, match=message):
        separable(A, np.ones((3, 2)))


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e200])
def test_values_that_cannot_be_measured_are_refused_by_row(bad):
    B = np.ones((3, 2))
    B[1, 0] = bad
    with pytest.raises(NotFiniteError, match=r"B holds .* in row 1"):
        separable(np.zeros((2, 2)), B)
