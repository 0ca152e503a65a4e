import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import orthogonal_procrustes

from isogloss.similarity import (
    linear_cka,
    procrustes_distance,
    procrustes_rotation,
    spatial_similarity,
    word_cosine,
)

seeds = st.integers(0, 10_000)
quick = settings(deadline=None, max_examples=25)


def spaces(seed, n=60, dx=7, dy=5):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, dx)) @ rng.normal(size=(dx, dx)) + rng.normal(size=dx) * 5
    return X, X[:, :dy] + rng.normal(size=(n, dy)) * rng.uniform(0.1, 3)


def rotation(rng, d):
    return np.linalg.qr(rng.normal(size=(d, d)))[0]


def gram_cka(X, Y):
    n = len(X)
    H = np.eye(n) - 1 / n
    K, L = H @ X @ X.T @ H, H @ Y @ Y.T @ H
    return np.trace(K @ L) / np.sqrt(np.trace(K @ K) * np.trace(L @ L))


def unbiased_hsic(K, L):
    """Song et al. 2007, equation 5, word for word."""
    n = len(K)
    K, L = K - np.diag(np.diag(K)), L - np.diag(np.diag(L))
    one = np.ones(n)
    return (
        np.trace(K @ L) + (one @ K @ one) * (one @ L @ one) / ((n - 1) * (n - 2)) - 2 / (n - 2) * (one @ K @ L @ one)
    ) / (n * (n - 3))


def measures():
    return {
        "cka": linear_cka,
        "debiased": lambda X, Y: linear_cka(X, Y, debiased=True),
        "procrustes": procrustes_distance,
    }


@quick
@given(seed=seeds)
def test_cka_is_that_of_gram_matrices(seed):
    X, Y = spaces(seed)
    assert linear_cka(X, Y) == pytest.approx(gram_cka(X, Y), rel=1e-9)


@quick
@given(seed=seeds, n=st.integers(4, 40))
def test_debiased_cka_is_that_of_unbiased_hsic(seed, n):
    X, Y = spaces(seed, n)
    K, L = X @ X.T, Y @ Y.T
    want = unbiased_hsic(K, L) / np.sqrt(unbiased_hsic(K, K) * unbiased_hsic(L, L))
    assert linear_cka(X, Y, debiased=True) == pytest.approx(want, rel=1e-6, abs=1e-8)


@quick
@given(seed=seeds)
def test_procrustes_distance_is_what_scipys_rotation_leaves(seed):
    X, Y = spaces(seed, dx=5)
    x, y = (a - a.mean(0) for a in (X, Y))
    R, _ = orthogonal_procrustes(x, y)
    np.testing.assert_allclose(procrustes_rotation(X, Y), R, atol=1e-8)
    left = np.linalg.norm(x @ R - y) ** 2
    assert procrustes_distance(X, Y, normalize=False) == pytest.approx(left, rel=1e-8)
    x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
    assert procrustes_distance(X, Y) == pytest.approx(np.linalg.norm(x @ R - y) ** 2, rel=1e-8)


@pytest.mark.parametrize("measure", measures())
@quick
@given(seed=seeds, scale=st.floats(0.01, 100))
def test_measures_do_not_feel_rotation_scale_and_shift_and_are_symmetric(measure, seed, scale):
    f = measures()[measure]
    X, Y = spaces(seed)
    rng = np.random.default_rng(seed + 1)
    moved = scale * X @ rotation(rng, X.shape[1]) + rng.normal(size=X.shape[1]) * 10
    assert f(moved, Y) == pytest.approx(f(X, Y), rel=1e-6, abs=1e-8)
    assert f(Y, X) == pytest.approx(f(X, Y), rel=1e-9, abs=1e-12)
    assert f(moved, X) == pytest.approx(0 if measure == "procrustes" else 1, abs=1e-9)


@pytest.mark.parametrize("measure", measures())
def test_measures_feel_a_general_linear_map(measure):
    X = np.random.default_rng(0).normal(size=(200, 5))
    stretched = X * np.array([10.0, 1, 1, 1, 0.1])
    assert abs(measures()[measure](X, stretched) - measures()[measure](X, X)) > 0.1


@pytest.mark.parametrize("measure", measures())
@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32, np.float64])
def test_equal_spaces_give_exactly_no_change(measure, dtype):
    X = (np.random.default_rng(0).normal(size=(9001, 6)) * [1, 2, 3, 1e-3, 30, 7] + 100).astype(dtype)
    assert measures()[measure](X, X.copy()) == (0.0 if measure == "procrustes" else 1.0)


@pytest.mark.parametrize("measure", measures())
@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32])
def test_low_precision_input_is_measured_in_float32(measure, dtype):
    X, Y = (a.astype(dtype) for a in spaces(3, n=500))
    want = measures()[measure](X.astype(np.float64), Y.astype(np.float64))
    assert measures()[measure](X, Y) == pytest.approx(want, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("measure", measures())
def test_a_large_offset_costs_no_precision(measure):
    X, Y = spaces(4, n=2000)
    X32, Y32 = (X + 1e3).astype(np.float32), (Y - 1e3).astype(np.float32)
    want = measures()[measure](X32.astype(np.float64), Y32.astype(np.float64))
    assert measures()[measure](X32, Y32) == pytest.approx(want, rel=1e-5)


def test_debiased_cka_of_unrelated_spaces_is_near_zero_where_the_biased_is_not():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(100, 60)), rng.normal(size=(100, 60))
    assert linear_cka(X, Y) > 0.3
    assert abs(linear_cka(X, Y, debiased=True)) < 0.05


def test_memory_maps_are_read(tmp_path):
    X, Y = spaces(0, n=300)
    np.save(tmp_path / "x.npy", X.astype(np.float32))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert linear_cka(mapped, Y) == pytest.approx(gram_cka(X, Y), rel=1e-5)


@pytest.mark.parametrize("measure", measures())
@pytest.mark.parametrize(
    ("X", "Y", "message"),
    [
        (np.ones((5, 2)), np.ones((6, 2)), "X has 5 rows, Y has 6 rows"),
        (np.ones((1, 2)), np.ones((1, 2)), "at least [24] rows are needed; got 1"),
        (np.ones(5), np.ones((5, 2)), r"\(5,\)"),
        (np.array([[1.0, np.nan]] * 9), np.eye(9), "X holds NaN or infinity in row 0"),
        (np.eye(9), np.full((9, 3), 0.1), "9 rows of Y are the same vector"),
    ],
)
def test_impossible_input_is_refused(measure, X, Y, message):
    with pytest.raises(ValueError, match=message):
        measures()[measure](X, Y)


def test_debiased_cka_needs_four_rows():
    X, Y = spaces(0, n=3)
    assert 0 <= linear_cka(X, Y) <= 1
    with pytest.raises(ValueError, match="at least 4 rows are needed; got 3"):
        linear_cka(X, Y, debiased=True)


def test_cosine_of_each_word():
    X = np.array([[1.0, 0], [1, 1], [0, 0], [2, 0]])
    Y = np.array([[0.0, 3], [2, 2], [1, 0], [-1, 0]])
    assert word_cosine(X, Y)[[0, 1, 3]].tolist() == pytest.approx([0, 1, -1])
    assert np.isnan(word_cosine(X, Y)[2])
    Z = np.random.default_rng(0).normal(size=(2000, 33)).astype(np.float32) * 1e3
    assert (word_cosine(Z, Z.copy()) == 1.0).all()
    with pytest.raises(ValueError, match=r"\(4, 2\) and \(4, 3\)"):
        word_cosine(X, np.ones((4, 3)))


def test_spatial_similarity_is_pearson_of_label_distances():
    a, b = np.array([1.0, 2, 3, 5]), np.array([2.0, 1, 4, 9])
    assert spatial_similarity(a, b) == pytest.approx(np.corrcoef(a, b)[0, 1])
    assert spatial_similarity(a, a.copy()) == 1.0
    assert spatial_similarity(a, 10 - a) == pytest.approx(-1)


def test_spatial_similarity_of_labelled_vectors_uses_the_label_means():
    rng = np.random.default_rng(0)
    labels = np.array(list("abcd"))[rng.integers(0, 4, 200)]
    X, Y = rng.normal(size=(200, 3)) + (labels == "a")[:, None] * 4, rng.normal(size=(200, 5))
    means = [[Z[labels == v].mean(0) for v in "abcd"] for Z in (X, Y)]
    distances = [[np.linalg.norm(m[i] - m[j]) for i in range(4) for j in range(i + 1, 4)] for m in means]
    assert spatial_similarity(X, Y, labels) == pytest.approx(np.corrcoef(*distances)[0, 1])
    assert spatial_similarity(X, 3 * X @ rotation(rng, 3) + 7, labels) == pytest.approx(1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, 2], [1.0, 2, 3]), r"\(2,\) and \(3,\)"),
        (([1.0], [1.0]), "at least 2 label pairs"),
        (([1.0, 1, 1], [1.0, 2, 3]), "all 3 distances of the first space are equal"),
        (([1.0, np.nan, 1], [1.0, 2, 3]), "NaN"),
        ((np.eye(4), np.eye(4), ["a", "a", "b", "b"]), "at least 3 labels .* got 2"),
        ((np.eye(4), np.eye(4), ["a", "b", "c"]), "3 labels"),
    ],
)
def test_impossible_distances_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        spatial_similarity(*arguments)
