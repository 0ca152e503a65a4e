import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.linear_model import ElasticNet, LogisticRegression

from isogloss.errors import OptionError
from isogloss.numerics.elastic_net import Problem, solve

TIGHT = {"tol": 1e-10, "max_iter": 1000}


def planted(seed: int = 0, n: int = 240, d: int = 8, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Correlated features off the origin, and classes of which each is told by half of them."""
    random = np.random.default_rng(seed)
    X = random.standard_normal((n, d)) @ random.standard_normal((d, d)) + 3
    W = random.standard_normal((classes, d)) * (random.random((classes, d)) < 0.5)
    codes = (X @ W.T + 2 * random.gumbel(size=(n, classes))).argmax(1)
    return X, np.unique(codes, return_inverse=True)[1]


def objective(X, codes, W, b, l1, l2, weights=None) -> float:
    Z = X @ W.T + b
    top = Z.max(1)
    losses = np.log(np.exp(Z - top[:, None]).sum(1)) + top - Z[np.arange(len(X)), codes]
    return np.average(losses, weights=weights) + l1 * np.abs(W).sum() + l2 / 2 * np.square(W).sum()


class Blocks:
    def __init__(self, X: np.ndarray, rows: int) -> None:
        self._X, self._rows, self.shape, self.dtype = X, rows, X.shape, X.dtype

    def blocks(self, rows: int):
        for start in range(0, len(self._X), self._rows):
            yield self._X[start : start + self._rows].copy()


@pytest.mark.parametrize(("l1", "l2"), [(1e-3, 1e-3), (1e-2, 0.0), (0.0, 1e-2)])
@pytest.mark.filterwarnings("ignore")
def test_optimum_is_scikit_learns(l1, l2):
    X, codes = planted()
    (found,) = solve(X, [Problem(codes=codes, l1=l1, l2=l2)], **TIGHT)
    # scikit-learn's C is for the sum over rows.
    strength = {"C": 1 / (len(X) * (l1 + l2)), "l1_ratio": l1 / (l1 + l2)}
    theirs = LogisticRegression(**strength, solver="saga" if l1 else "lbfgs", tol=1e-7, max_iter=30_000).fit(X, codes)
    best = objective(X, codes, theirs.coef_, theirs.intercept_, l1, l2)
    assert found.objective == pytest.approx(objective(X, codes, found.coef, found.intercept, l1, l2), rel=1e-12)
    assert found.objective <= best * (1 + 1e-9)
    assert found.objective == pytest.approx(best, rel=1e-6)
    assert found.converged


def uneven(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """As `planted`, with one class of which few rows are left."""
    X, codes = planted(seed, n=600)
    kept = (codes != 0) | (np.cumsum(codes == 0) <= 9)
    return X[kept], codes[kept]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("share_power", [0.5, 1.0])
def test_classes_penalised_by_their_share_have_scipys_optimum(share_power, weighted):
    X, codes = uneven()
    a = np.random.default_rng(2).uniform(0.2, 2, len(X)) if weighted else np.ones(len(X))
    shares = np.bincount(codes, a) / a.sum()
    l2 = 0.01 * (len(shares) * shares) ** share_power

    def written(v):
        W, b = v[:-4].reshape(4, -1), v[-4:]
        p = np.exp(X @ W.T + b - (X @ W.T + b).max(1)[:, None])
        errors = (p / p.sum(1)[:, None] - np.eye(4)[codes]) * (a / a.sum())[:, None]
        value = objective(X, codes, W, b, 0, 0, a) + (l2[:, None] / 2 * W**2).sum()
        return value, np.concatenate([(errors.T @ X + l2[:, None] * W).ravel(), errors.sum(0)])

    theirs = minimize(written, np.zeros(4 * X.shape[1] + 4), jac=True, options={"gtol": 1e-9, "maxiter": 5000})
    problem = Problem(codes=codes, weights=a, l1=0.0, l2=0.01, share_power=share_power)
    (found,) = solve(X, [problem], **TIGHT)
    assert found.objective == pytest.approx(theirs.fun, rel=1e-8)
    assert found.objective - found.gap <= theirs.fun * (1 + 1e-9)
    assert np.allclose(found.coef, theirs.x[:-4].reshape(4, -1), atol=1e-3)


def test_penalised_by_its_share_a_rare_class_gets_more_weight_and_is_found_more_often():
    X, codes = uneven()
    given = [Problem(codes=codes, l1=0.0, l2=0.03, share_power=power) for power in (0.0, 0.5, 1.0)]
    found = solve(X, given, **TIGHT)
    sizes = [np.linalg.norm(one.coef[0]) for one in found]
    assert sizes[0] < sizes[1] < sizes[2]
    right = [((X @ one.coef.T + one.intercept).argmax(1) == codes)[codes == 0].sum() for one in found]
    assert right[0] < right[2]


def test_of_classes_of_equal_size_the_share_says_nothing():
    X, _ = planted()
    codes = np.arange(len(X)) % 4
    given = [Problem(codes=codes, l1=1e-3, l2=1e-2, share_power=power) for power in (0.0, 1.0)]
    plain, shared = solve(X, given, **TIGHT)
    assert np.allclose(plain.coef, shared.coef, atol=1e-9)


@pytest.mark.parametrize("l1", [0.1, 0.5])
def test_squared_loss_is_scikit_learns_elastic_net(l1):
    X, _ = planted()
    t = X @ np.arange(8.0) + np.random.default_rng(1).standard_normal(len(X))
    (found,) = solve(X, [Problem(targets=t, l1=l1, l2=0.1)], loss="squared", **TIGHT)
    theirs = ElasticNet(alpha=l1 + 0.1, l1_ratio=l1 / (l1 + 0.1), tol=1e-12, max_iter=100_000).fit(X, t)
    assert np.allclose(found.coef[0], theirs.coef_, atol=1e-6)
    assert found.intercept[0] == pytest.approx(theirs.intercept_)
    assert found.gap < 1e-6


def test_neurox_penalty_is_scipys_optimum():
    X, codes = planted(n=80, d=3, classes=3)
    l1, l2 = 0.02, 0.05
    (found,) = solve(X, [Problem(codes=codes, l1=l1, l2=l2)], penalty="neurox", **TIGHT)

    def written(v):  # W = positive - negative part makes sum |W| smooth
        W = (v[:9] - v[9:18]).reshape(3, 3)
        return objective(X, codes, W, v[18:], 0, 0) + l1 * v[:18].sum() + l2 * np.sqrt(np.square(W).sum() + 1e-16)

    bounds = [(0, None)] * 18 + [(None, None)] * 3
    theirs = minimize(written, np.full(21, 0.01), bounds=bounds, options={"maxiter": 5000, "ftol": 1e-14, "gtol": 1e-9})
    assert found.objective == pytest.approx(theirs.fun, rel=1e-6)
    assert found.objective - found.gap <= theirs.fun + 1e-12


def test_strong_neurox_penalty_leaves_no_weights():
    X, codes = planted()
    (found,) = solve(X, [Problem(codes=codes, l1=0.0, l2=100.0)], penalty="neurox", **TIGHT)
    assert not found.coef.any()
    assert found.gap < 1e-9


@settings(max_examples=8)
@given(
    seed=st.integers(0, 50),
    l1=st.sampled_from([0.0, 1e-2, 5e-2]),
    l2=st.sampled_from([0.0, 1e-2, 1e-1]),
    penalty=st.sampled_from(["elastic", "neurox"]),
    weighted=st.booleans(),
    standardize=st.booleans(),
)
def test_gap_bounds_the_distance_to_the_optimum(seed, l1, l2, penalty, weighted, standardize):
    X, codes = planted(seed, n=60, d=4)
    weights = np.random.default_rng(seed).random(len(X)) if weighted else None
    problem = [Problem(codes=codes, l1=max(l1, 0 if l2 else 3e-3), l2=l2, weights=weights)]
    options = {"penalty": penalty, "standardize": standardize}
    (best,) = solve(X, problem, **options, tol=1e-7, max_iter=100)
    for passes in (1, 4, 16):
        (early,) = solve(X, problem, **options, tol=1e-12, max_iter=passes)
        assert early.objective - early.gap <= best.objective + 1e-10
        assert early.gap < 2 * early.null_objective
    assert best.gap < 0.05 * best.null_objective


def test_problems_solved_together_are_solved_alone():
    X, codes = planted()
    random = np.random.default_rng(2)
    problems = [
        Problem(codes=codes, l1=1e-3, l2=1e-3),
        Problem(codes=random.integers(0, 2, len(X)), l1=1e-2, l2=0.0),
        Problem(codes=np.where(random.random(len(X)) < 0.3, -1, codes), n_classes=4, l1=1e-3, l2=1e-2),
        Problem(codes=codes, l1=1e-3, l2=1e-3, weights=random.random(len(X))),
    ]
    for problem, together in zip(problems, solve(X, problems, **TIGHT), strict=True):
        (alone,) = solve(X, [problem], **TIGHT)
        assert together.objective == pytest.approx(alone.objective, rel=1e-9)
        assert np.allclose(together.coef, alone.coef, atol=1e-4)


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("penalty", ["elastic", "neurox"])
def test_weight_0_is_no_row_and_weight_2_two_rows(standardize, penalty):
    X, codes = planted()
    weights = np.random.default_rng(3).integers(0, 3, len(X))
    options = {"standardize": standardize, "penalty": penalty, **TIGHT}
    (weighted,) = solve(X, [Problem(codes=codes, weights=weights, l1=1e-3, l2=1e-2)], **options)
    rows = np.repeat(np.arange(len(X)), weights)
    (repeated,) = solve(X[rows], [Problem(codes=codes[rows], l1=1e-3, l2=1e-2)], **options)
    assert weighted.objective == pytest.approx(repeated.objective, rel=1e-9)
    assert np.allclose(weighted.coef, repeated.coef, atol=1e-4)
    assert np.allclose(weighted.scale, repeated.scale)
    assert np.allclose(weighted.mean, repeated.mean)


@pytest.mark.parametrize("penalty", ["elastic", "neurox"])
def test_standardized_is_solved_as_standardized_features(penalty):
    X, codes = planted()
    X = X * np.geomspace(0.01, 100, 8)
    Z = (X - X.mean(0)) / X.std(0)
    problem = [Problem(codes=codes, l1=1e-3, l2=1e-2)]
    (folded,) = solve(X, problem, standardize=True, penalty=penalty, **TIGHT)
    (copied,) = solve(Z, problem, penalty=penalty, **TIGHT)
    assert folded.objective == pytest.approx(copied.objective, rel=1e-9)
    assert np.allclose(folded.coef * folded.scale, copied.coef, atol=1e-4)
    # A shift common to all classes changes no probability.
    one, other = X @ folded.coef.T + folded.intercept, Z @ copied.coef.T + copied.intercept
    assert np.allclose(one - one.mean(1)[:, None], other - other.mean(1)[:, None], atol=1e-3)


@pytest.mark.parametrize("kind", ["blocks", "memory map", "read-only", "columns", "tensor", "float16"])
def test_wherever_x_lies_the_optimum_is_the_same(kind, tmp_path):
    import torch

    X, codes = planted()
    X = X.astype(np.float16).astype(np.float32)
    (near,) = solve(X, [Problem(codes=codes, l1=1e-3, l2=1e-2)], tol=1e-6)
    np.save(tmp_path / "X.npy", X)
    frozen = X.copy()
    frozen.flags.writeable = False
    given = {
        "blocks": Blocks(X, 37),
        "memory map": np.load(tmp_path / "X.npy", mmap_mode="r"),
        "read-only": frozen,
        "columns": np.asfortranarray(X),
        "tensor": torch.from_numpy(X),
        "float16": X.astype(np.float16),
    }[kind]
    (far,) = solve(given, [Problem(codes=codes, l1=1e-3, l2=1e-2)], tol=1e-6)
    assert far.objective == pytest.approx(near.objective, rel=1e-5)
    assert np.allclose(far.coef, near.coef, atol=5e-3)


def test_moving_all_vectors_moves_only_the_intercept():
    X, codes = planted()
    problem = [Problem(codes=codes, l1=1e-3, l2=1e-2)]
    (here,) = solve(X, problem, **TIGHT)
    (there,) = solve(X + 50, problem, **TIGHT)
    assert np.allclose(here.coef, there.coef, atol=1e-4)
    moved = there.intercept + 50 * there.coef.sum(1)
    assert np.allclose(here.intercept, moved - moved.mean(), atol=1e-2)


def test_renaming_classes_renames_the_weights():
    X, codes = planted()
    (one,) = solve(X, [Problem(codes=codes, l1=1e-3, l2=1e-2)], **TIGHT)
    (other,) = solve(X, [Problem(codes=3 - codes, l1=1e-3, l2=1e-2)], **TIGHT)
    assert np.allclose(one.coef, other.coef[::-1], atol=1e-4)


def test_same_input_same_bits():
    X, codes = planted()
    problem = [Problem(codes=codes)]
    assert np.array_equal(solve(X, problem)[0].coef, solve(X, problem)[0].coef)


def test_float32_comes_near_float64():
    X, codes = planted()
    problem = [Problem(codes=codes, l1=1e-3, l2=1e-2)]
    (wide,), (narrow,) = solve(X, problem, **TIGHT), solve(X.astype(np.float32), problem, tol=1e-7, max_iter=300)
    assert narrow.objective == pytest.approx(wide.objective, rel=1e-5)


def test_coarse_model_of_wide_vectors_finds_the_same_optimum(monkeypatch):
    from isogloss.numerics.elastic_net import metric

    X, codes = planted(n=400, d=30)
    problem = [Problem(codes=codes, l1=1e-3, l2=1e-2)]
    (wide,) = solve(X, problem, **TIGHT)
    multiplied = []

    class Half:
        def __init__(self, matrix):
            assert matrix.element_size() == 2
            self._matrix = matrix

        def __call__(self, weights):
            multiplied.append(len(weights))
            return (weights.float() @ self._matrix.float()).to(weights.dtype)

    monkeypatch.setattr(metric, "HALF_FROM", 30)
    monkeypatch.setattr(metric, "LaidOut", Half)
    monkeypatch.setattr(metric, "_multiplies_halves", lambda device: True)
    (coarse,) = solve(X.astype(np.float32), problem, tol=1e-7, max_iter=300)
    assert multiplied
    assert coarse.objective == pytest.approx(wide.objective, rel=1e-5)


def test_separable_classes_have_a_finite_optimum():
    X = np.array([[0.0], [1.0], [2.0], [3.0]])
    (found,) = solve(X, [Problem(codes=np.array([0, 0, 1, 1]), l1=0.0, l2=1e-4)], **TIGHT)
    assert found.converged
    assert np.isfinite(found.coef).all()
    assert found.objective < 0.05


@pytest.mark.parametrize("standardize", [False, True])
def test_constant_features_get_no_weight(standardize):
    X, codes = planted()
    X[:, 2], X[:, 5] = 0.1, 0.0
    (found,) = solve(X, [Problem(codes=codes, l1=0.0, l2=1e-2)], standardize=standardize)
    assert not found.coef[:, [2, 5]].any()
    assert (found.scale[[2, 5]] == 1).all()
    assert np.isfinite(found.coef).all()


def test_copied_features_do_no_harm():
    X, codes = planted()
    (found,) = solve(np.hstack([X, X]), [Problem(codes=codes, l1=0.0, l2=2e-2)], **TIGHT)
    (single,) = solve(X, [Problem(codes=codes, l1=0.0, l2=1e-2)], **TIGHT)
    assert found.objective == pytest.approx(single.objective, rel=1e-8)


def test_planted_sparse_truth_is_found():
    random = np.random.default_rng(4)
    X = random.standard_normal((2000, 60)).astype(np.float32)
    W = np.zeros((3, 60))
    W[0, 3], W[1, 17], W[2, 40] = 3.0, 3.0, 3.0
    codes = (X @ W.T + random.gumbel(size=(2000, 3))).argmax(1)
    (found,) = solve(X, [Problem(codes=codes, l1=0.03, l2=0.0)], tol=1e-5)
    assert np.flatnonzero(found.coef.any(0)).tolist() == [3, 17, 40]
    (dense,) = solve(X, [Problem(codes=codes, l1=0.0, l2=0.03)], tol=1e-5)
    assert (dense.coef != 0).all()


def test_from_where_it_ended_it_is_done_at_once():
    X, codes = planted()
    problem = [Problem(codes=codes, l1=1e-3, l2=1e-2)]
    cold = solve(X, problem, tol=1e-3)
    warm = solve(X, problem, tol=1e-3, start=cold)
    assert warm[0].n_iter <= 5 < cold[0].n_iter
    assert warm[0].objective <= cold[0].objective + 1e-12
    far = [Problem(codes=codes, l1=2e-3, l2=1e-2)]
    assert solve(X, far, start=cold, **TIGHT)[0].objective == pytest.approx(solve(X, far, **TIGHT)[0].objective)


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (Problem(codes=np.zeros(240, int)), "one class"),
        (Problem(codes=np.full(240, -1)), "all codes -1"),
        (Problem(codes=np.arange(240) % 3, n_classes=4), "class 3 has no row"),
        (Problem(codes=np.arange(240) % 3, n_classes=2), "row 2 is of class 2; there are 2"),
        (Problem(codes=np.arange(100) % 3), "240 integers"),
        (Problem(codes=np.arange(240) % 3, weights=-np.ones(240)), "weight of row 0 is -1"),
        (Problem(codes=np.arange(240) % 3, l1=-1), "l1 is -1"),
        (Problem(codes=np.arange(240) % 3, share_power=1.5), "share_power is 1.5; it must be from 0 to 1"),
        (Problem(targets=np.zeros(240)), "needs codes"),
    ],
)
def test_problems_that_cannot_be_solved_are_refused(problem, message):
    with pytest.raises(OptionError, match=message):
        solve(planted()[0], [problem])


@pytest.mark.parametrize(
    ("asked", "message"), [({"loss": "squared"}, "squared loss"), ({"penalty": "neurox"}, "neurox")]
)
def test_shares_of_classes_are_refused_where_they_mean_nothing(asked, message):
    problem = Problem(codes=np.arange(240) % 3, targets=np.zeros(240), share_power=0.5)
    with pytest.raises(OptionError, match=f"{message}.* must be 0"):
        solve(planted()[0], [problem], **asked)


@pytest.mark.parametrize(("value", "name"), [(np.nan, "NaN"), (np.inf, "inf")])
@pytest.mark.parametrize("row", [0, 200])
def test_what_is_not_finite_is_told_with_its_place(value, name, row):
    X, codes = planted()
    X[row, 3] = value
    with pytest.raises(OptionError, match=f"{name} in row {row}, column 3"):
        solve(Blocks(X, 64), [Problem(codes=codes)])
