import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.analysis import ArrayVectors
from isogloss.errors import OptionError
from isogloss.isotropy.contextuality import contextuality
from isogloss.isotropy.sampling import whole_groups

PLAIN = ("self_similarity", "intra_sentence_similarity", "max_explainable_variance")


def planted(n=400, d=12, n_types=15, n_groups=60, context=1.0, seed=0):
    """Words with a vector of their type plus `context` times noise; sentences in mixed order, types repeat in them."""
    rng = np.random.default_rng(seed)
    types = rng.integers(0, n_types, n)
    groups = np.sort(rng.integers(0, n_groups, n))
    X = rng.standard_normal((n_types, d))[types] + context * rng.standard_normal((n, d)) + 0.3
    return X.astype(np.float32), types, groups, n_groups


def cosines(X):
    U = X.astype(np.float64)
    U = U / np.linalg.norm(U, axis=1, keepdims=True)
    return U @ U.T


def brute_force(X, types, groups, min_count=5):
    C, X = cosines(X), X.astype(np.float64)
    selfs, variances = [], []
    for t in np.unique(types):
        rows = np.flatnonzero(types == t)
        if len(set(groups[rows])) < min_count:
            continue
        selfs.append(np.mean([C[i, j] for i in rows for j in rows if groups[i] != groups[j]]))
        s = np.linalg.svd(X[rows], compute_uv=False) ** 2
        variances.append(s[0] / s.sum())
    intra = []
    for g in np.unique(groups):
        rows = np.flatnonzero(groups == g)
        if len(rows) > 1:
            m = X[rows].mean(axis=0)
            intra.append(np.mean([x @ m / np.linalg.norm(x) / np.linalg.norm(m) for x in X[rows]]))
    s = np.linalg.svd(X, compute_uv=False) ** 2
    return {
        "self_similarity": np.mean(selfs),
        "max_explainable_variance": np.mean(variances),
        "intra_sentence_similarity": np.mean(intra),
        "random_similarity": C[~np.eye(len(C), dtype=bool)].mean(),
        "random_variance": s[0] / s.sum(),
    }


@settings(max_examples=8)
@given(seed=st.integers(0, 99), n_types=st.sampled_from([3, 15, 70]), d=st.sampled_from([2, 12, 60]))
def test_every_measure_equals_the_mean_over_all_pairs(seed, n_types, d):
    X, types, groups, n_groups = planted(d=d, n_types=n_types, seed=seed)
    found = contextuality(ArrayVectors(X), types, groups, n_groups, min_count=3, bootstrap=0).measures
    for name, value in brute_force(X, types, groups, 3).items():
        assert found[name].value == pytest.approx(value, abs=2e-6), name
    for name in PLAIN:
        baseline = "random_variance" if "variance" in name else "random_similarity"
        assert found[f"{name}_adjusted"].value == found[name].value - found[baseline].value


def test_static_vectors_have_self_similarity_one_and_context_takes_it_away():
    values = []
    for context in (0.0, 0.5, 2.0):
        X, types, groups, n_groups = planted(context=context)
        values.append(contextuality(ArrayVectors(X), types, groups, n_groups).measures)
    assert values[0]["self_similarity"].value == pytest.approx(1, abs=1e-6)
    assert values[0]["max_explainable_variance"].value == pytest.approx(1, abs=1e-6)
    for name in ("self_similarity", "max_explainable_variance", "max_explainable_variance_matched"):
        assert values[0][name].value > values[1][name].value > values[2][name].value


def test_words_that_mean_nothing_are_at_their_baselines():
    X, types, groups, n_groups = planted(n=3000, n_groups=200)
    X = np.random.default_rng(1).standard_normal(X.shape).astype(np.float32) + 0.5
    found = contextuality(ArrayVectors(X), types, groups, n_groups).measures
    assert abs(found["self_similarity_adjusted"].value) < 0.005
    assert abs(found["max_explainable_variance_matched"].value) < 0.005


def test_few_occurrences_explain_much_by_themselves_and_the_matched_baseline_knows_it():
    rng = np.random.default_rng(0)
    types = np.repeat(np.arange(100), 5)
    X = rng.standard_normal((500, 50)).astype(np.float32)
    found = contextuality(ArrayVectors(X), types, np.arange(500), 500).measures
    assert found["max_explainable_variance_adjusted"].value > 0.2
    low, high = found["max_explainable_variance_matched"].interval()
    assert low < 0 < high


@settings(max_examples=5)
@given(seed=st.integers(0, 99))
def test_turning_and_scaling_the_space_changes_nothing(seed):
    X, types, groups, n_groups = planted(seed=seed)
    rotation = np.linalg.qr(np.random.default_rng(seed).standard_normal((12, 12)))[0]
    a = contextuality(ArrayVectors(X), types, groups, n_groups, bootstrap=20).measures
    b = contextuality(ArrayVectors(X @ rotation * 1000), types, groups, n_groups, bootstrap=20).measures
    for name, estimate in a.items():
        assert estimate.value == pytest.approx(b[name].value, abs=1e-5)
        assert np.allclose(estimate.replicates, b[name].replicates, atol=1e-5)


def test_the_order_of_the_rows_changes_nothing():
    X, types, groups, n_groups = planted()
    order = np.random.default_rng(1).permutation(len(X))
    a = contextuality(ArrayVectors(X), types, groups, n_groups).measures
    b = contextuality(ArrayVectors(X[order]), types[order], groups[order], n_groups).measures
    for name in (*PLAIN, "random_similarity", "random_variance"):
        assert a[name].value == pytest.approx(b[name].value, abs=1e-6)
        assert np.allclose(a[name].replicates, b[name].replicates, atol=1e-6)


@pytest.mark.parametrize(("n_types", "d"), [(6, 12), (15, 150)])
def test_influences_are_what_dropping_or_doubling_a_sentence_does(n_types, d):
    """The spread of the replicates is that of the measures recomputed on resampled sentences."""
    X, types, groups, n_groups = planted(n=1500, n_types=n_types, d=d, n_groups=150)
    found = contextuality(ArrayVectors(X), types, groups, n_groups, bootstrap=400).measures
    rng = np.random.default_rng(1)
    again = []
    for _ in range(60):
        drawn = rng.integers(0, n_groups, n_groups)
        rows = [np.flatnonzero(groups == g) for g in drawn]
        # A copy of a sentence is a sentence of its own here.
        new = np.repeat(np.arange(n_groups), [len(r) for r in rows])
        rows = np.concatenate(rows)
        redone = contextuality(ArrayVectors(X[rows]), types[rows], new, n_groups, bootstrap=0).measures
        again.append([redone[name].value for name in (*PLAIN, "random_similarity", "random_variance")])
    for name, spread in zip((*PLAIN, "random_similarity", "random_variance"), np.std(again, axis=0), strict=True):
        assert 0.7 < found[name].replicates.std() / spread < 1.4, name


def test_types_have_rows_of_their_own():
    X, types, groups, n_groups = planted(n_types=40)
    frame = contextuality(ArrayVectors(X), types, groups, n_groups, min_count=8).types
    enough = [t for t in range(40) if len(set(groups[types == t])) >= 8]
    assert 0 < len(enough) < 40
    assert frame["type"].to_list() == enough
    assert frame["count"].to_list() == [int((types == t).sum()) for t in enough]
    assert frame["sentences"].to_list() == [len(set(groups[types == t])) for t in enough]


def test_zero_vectors_are_counted_and_left_out():
    X, types, groups, n_groups = planted()
    zero = np.zeros_like(X[:30])
    with_zeros = contextuality(
        ArrayVectors(np.concatenate([X, zero])),
        np.concatenate([types, types[:30]]),
        np.concatenate([groups, groups[-30:]]),
        n_groups,
    )
    plain = contextuality(ArrayVectors(X), types, groups, n_groups)
    assert with_zeros.zero_vectors == 30
    assert any("30 words left out" in note for note in with_zeros.notes)
    for name in PLAIN:
        assert with_zeros.measures[name].value == pytest.approx(plain.measures[name].value, abs=1e-6)


def test_what_cannot_be_had_is_absent_with_a_note():
    X = np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32)
    found = contextuality(ArrayVectors(X), np.arange(6), np.arange(6), 6)
    assert set(found.measures) == {"random_similarity", "random_variance"}
    assert len(found.notes) == 2
    assert found.types.height == 0
    one = contextuality(ArrayVectors(X[:1]), np.zeros(1, dtype=int), np.zeros(1, dtype=int), 1)
    assert one.measures == {}


def test_bad_input_is_refused():
    X, types, groups, n_groups = planted()
    X[7, 3] = np.nan
    with pytest.raises(OptionError, match="row 7"):
        contextuality(ArrayVectors(X), types, groups, n_groups)
    with pytest.raises(OptionError, match="at least 2"):
        contextuality(ArrayVectors(X), types, groups, n_groups, min_count=1)
    with pytest.raises(OptionError, match=r"types should be one per word, \(400,\)"):
        contextuality(ArrayVectors(X), types[:5], groups, n_groups)


def test_equal_layers_differ_by_exactly_nothing():
    X, types, groups, n_groups = planted()
    a, b = (contextuality(ArrayVectors(X.copy()), types, groups, n_groups).measures for _ in range(2))
    for name, estimate in a.items():
        change = estimate.minus(b[name])
        assert change.value == 0
        assert not change.replicates.any()


def test_blocks_never_cut_a_group():
    of_row = np.repeat([3, 5, 6, 9], [2, 7, 1, 3])
    parts = list(whole_groups(of_row, 4))
    assert np.concatenate([of_row[part] for part in parts]).tolist() == of_row.tolist()
    assert [(part.start, part.stop) for part in parts] == [(0, 2), (2, 9), (9, 13)]
    assert list(whole_groups(np.empty(0, dtype=int))) == []
