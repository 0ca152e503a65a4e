import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp

from isogloss.errors import OptionError
from isogloss.isotropy.partition import partition_isotropy


def rotation(rng, d):
    return np.linalg.qr(rng.normal(size=(d, d)))[0]


def words(seed, n=200, d=6):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) * np.linspace(2, 0.5, d) + rng.normal(size=d)


def by_singular_vectors(X, both=True):
    """I and log10 I from another decomposition, summed by SciPy."""
    V = np.linalg.svd(X, full_matrices=False)[2]
    along = X @ V.T
    logs = logsumexp(np.concatenate([along, -along], axis=1) if both else along, axis=0)
    return np.exp(logs.min() - logs.max()), (logs.min() - logs.max()) / np.log(10)


def test_both_signs_agree_with_singular_vectors_summed_directly():
    X = words(0)
    assert partition_isotropy(X) == pytest.approx(by_singular_vectors(X)[0], rel=1e-9)
    assert partition_isotropy(X, log10=True) == pytest.approx(by_singular_vectors(X)[1], rel=1e-9)


@settings(max_examples=8)
@given(st.integers(0, 10_000))
def test_rotating_the_space_changes_nothing_with_both_signs(seed):
    X = words(seed)
    turned = X @ rotation(np.random.default_rng(seed + 1), 6)
    assert partition_isotropy(turned) == pytest.approx(partition_isotropy(X), rel=1e-8)
    assert partition_isotropy(X[::-1]) == pytest.approx(partition_isotropy(X), rel=1e-8)


def test_the_reference_takes_each_eigenvector_as_eigh_gives_it():
    X = words(1)
    V = np.linalg.eigh(X.T @ X)[1]
    F = np.exp(X @ V).sum(axis=0)
    assert partition_isotropy(X, sign="reference") == pytest.approx(F.min() / F.max(), rel=1e-9)
    assert partition_isotropy(X) < partition_isotropy(X, sign="reference")


def test_directions_are_columns_of_the_eigenvectors_not_rows():
    # Planted: three orthogonal directions that are no symmetric matrix, each with its own length.
    V = rotation(np.random.default_rng(3), 3)
    X = np.concatenate([s * np.array([v, -v]) for s, v in zip((3.0, 2.0, 0.5), V.T, strict=True)])
    F = [4 + np.exp(s) + np.exp(-s) for s in (3.0, 2.0, 0.5)]
    assert partition_isotropy(X) == pytest.approx(min(F) / max(F), rel=1e-9)
    rows = np.exp(X @ np.linalg.eigh(X.T @ X)[1].T).sum(axis=0)
    assert rows.min() / rows.max() != pytest.approx(min(F) / max(F), rel=0.05)


def test_long_vectors_neither_overflow_nor_lose_the_logarithm():
    X = words(2) * 1000
    X = np.concatenate([words(8, n=3000), X])
    log = partition_isotropy(X, log10=True)
    assert log == pytest.approx(by_singular_vectors(X)[1], rel=1e-9)
    assert log < -400
    assert partition_isotropy(X) == 0


def test_scale_matters_and_doubling_the_words_does_not():
    X = words(4)
    assert partition_isotropy(2 * X) < partition_isotropy(X)
    assert partition_isotropy(np.concatenate([X, X])) == pytest.approx(partition_isotropy(X), rel=1e-9)


def test_all_directions_alike_is_one():
    assert partition_isotropy(np.concatenate([np.eye(5), -np.eye(5)])) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_any_float_type_is_read_from_a_memory_map_by_blocks(tmp_path, dtype):
    X = words(5, n=9000).astype(dtype)
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert partition_isotropy(mapped) == pytest.approx(by_singular_vectors(X.astype(np.float64))[0], rel=1e-8)


def test_a_transposed_matrix_is_refused_unless_few_words_are_meant():
    X = words(6, n=4)
    with pytest.raises(OptionError, match=r"4 words of 6 dimensions.*few=True"):
        partition_isotropy(X)
    V = np.linalg.svd(X)[2]
    F = np.exp(np.concatenate([X @ V.T, -X @ V.T], axis=1)).sum(axis=0)
    assert F[4:6] == pytest.approx(4)
    assert partition_isotropy(X, few=True) == pytest.approx(F.min() / F.max(), rel=1e-9)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda X: X.__setitem__((150, 2), np.nan), "NaN or infinity in row 150"),
        (lambda X: X.__setitem__((7, 0), -np.inf), "NaN or infinity in row 7"),
        (lambda X: X.__setitem__((9, 0), 1e200), "row 9 is too long"),
        (lambda X: X.fill(0.0), "every vector is zero"),
    ],
)
def test_what_has_no_isotropy_is_refused_by_name(spoil, message):
    X = words(7)
    spoil(X)
    with pytest.raises(OptionError, match=message):
        partition_isotropy(X)


def test_options_and_shapes_are_checked():
    with pytest.raises(OptionError, match=r"both, reference.*'either'"):
        partition_isotropy(words(0), sign="either")
    with pytest.raises(OptionError, match="matrix"):
        partition_isotropy(np.ones(5))
    with pytest.raises(OptionError, match="at least 1 words"):
        partition_isotropy(np.ones((0, 3)))
