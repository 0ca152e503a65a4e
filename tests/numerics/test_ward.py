import time
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, is_valid_linkage, linkage
from scipy.spatial.distance import pdist
from sklearn.metrics import adjusted_rand_score

from isogloss.errors import OptionError
from isogloss.numerics.ward import cut, ward_linkage
from isogloss.numerics.ward import known as known_module
from isogloss.numerics.ward import linkage as linkage_module
from isogloss.numerics.ward import neighbours as neighbours_module
from isogloss.numerics.ward import search as search_module
from isogloss.numerics.ward.dendrogram import scipy_order
from isogloss.progress import Progress
from tests.numerics.conftest import FEW

RNG = np.random.default_rng(0)


def topics(n, d, groups, spread, seed=0):
    """Like contextual vectors: groups of very different sizes about centres with a decaying spectrum."""
    rng = np.random.default_rng(seed)
    scale = 1 / np.sqrt(1 + np.arange(d))
    centres = rng.standard_normal((groups, d)) * scale
    sizes = rng.zipf(1.5, size=n) % groups
    return (centres[sizes] + spread * scale * rng.standard_normal((n, d))).astype(np.float32)


def assert_same_tree(Z, X, cuts=(2, 5, 20)):
    oracle = linkage(X.astype(np.float64), "ward")
    assert Z.shape == oracle.shape
    assert is_valid_linkage(Z)
    assert np.allclose(Z[:, 2], oracle[:, 2], rtol=1e-5, atol=1e-9 * np.abs(X - X.mean(axis=0)).max())
    for k in cuts:
        if k <= len(X):
            assert adjusted_rand_score(fcluster(oracle, k, "maxclust"), cut(Z, k)) == 1.0


COMPUTE = ["float32", "bfloat16"]
DATA = {
    "random": RNG.standard_normal((900, 24)),
    "random float32": RNG.standard_normal((700, 40)).astype(np.float32),
    "topics": topics(1200, 64, 30, 0.3),
    "a large offset": 1e3 + RNG.standard_normal((500, 16)),
    "a large offset in float32": (1e3 + RNG.standard_normal((500, 16))).astype(np.float32),
    "one dimension": RNG.standard_normal((400, 1)),
    "collinear points": np.outer(RNG.standard_normal(300), RNG.standard_normal(12)),
    "growing gaps": np.cumsum(1.1 ** np.arange(120.0))[:, None],
    "tiny values": 1e-30 * RNG.standard_normal((200, 8)),
    "large values": 1e150 * RNG.standard_normal((200, 8)),
    "an outlier": np.r_[RNG.standard_normal((300, 8)), [[1e4] * 8]],
}


@pytest.mark.parametrize("compute", COMPUTE)
@pytest.mark.parametrize("name", DATA)
def test_tree_is_scipys(name, compute):
    assert_same_tree(ward_linkage(DATA[name], compute=compute), DATA[name])


def test_rows_are_scipys_where_no_heights_are_equal():
    X = DATA["random"]
    Z, oracle = ward_linkage(X), linkage(X, "ward")
    assert np.array_equal(Z[:, [0, 1, 3]], oracle[:, [0, 1, 3]])
    assert np.allclose(Z[:, 2], oracle[:, 2], rtol=1e-12)


@settings(max_examples=40)
@given(st.integers(2, 40), st.integers(1, 5), st.integers(0, 10_000), st.sampled_from(COMPUTE))
def test_small_trees_are_scipys(n, d, seed, compute):
    X = np.random.default_rng(seed).standard_normal((n, d))
    Z, oracle = ward_linkage(X, compute=compute), linkage(pdist(X), "ward")
    assert np.array_equal(Z[:, [0, 1, 3]], oracle[:, [0, 1, 3]])
    assert np.allclose(Z[:, 2], oracle[:, 2], rtol=1e-10)


@pytest.mark.parametrize("compute", COMPUTE)
@pytest.mark.parametrize("copies", [20, 50, 200])
@pytest.mark.parametrize("noise", [0, 1e-6, 1e-3])
def test_more_copies_and_near_copies_than_lists_hold(copies, noise, compute):
    rng = np.random.default_rng(1)
    X = np.repeat(rng.standard_normal((12, 48)), copies, axis=0)[rng.permutation(12 * copies)]
    X = (X + noise * rng.standard_normal(X.shape)).astype(np.float32)
    assert_same_tree(ward_linkage(X, compute=compute), X, cuts=(2, 5, 12))


def test_copies_merge_first_and_at_height_zero():
    X = np.array([[1.0, 2], [5, 5], [1, 2], [-0.0, 9], [5, 5], [0.0, 9], [1, 2]])
    Z = ward_linkage(X)
    assert Z[:4, 2].tolist() == [0, 0, 0, 0]
    assert np.allclose(Z[:, 2], linkage(X, "ward")[:, 2])
    assert cut(Z, 3).tolist() == [0, 1, 0, 2, 1, 2, 0]


def test_all_rows_equal():
    assert ward_linkage(np.ones((5, 3)))[:, 2].tolist() == [0] * 4


@pytest.mark.parametrize("kind", ["grid", "large grid", "topics", "near-copies"])
def test_nothing_but_the_data_decides_the_tree(kind, monkeypatch):
    if kind == "large grid":
        monkeypatch.setattr(linkage_module, "TIED", 0)
    if kind.endswith("grid"):
        X = np.random.default_rng(2).integers(0, 4, size=(160, 4)).astype(np.float32)
    elif kind == "topics":
        X = topics(160, 24, 10, 0.2)
    else:
        rng = np.random.default_rng(3)
        X = np.repeat(rng.standard_normal((4, 16)), 25, axis=0).astype(np.float32)
        X += 1e-6 * rng.standard_normal(X.shape).astype(np.float32)
    expected = ward_linkage(X)
    assert np.array_equal(ward_linkage(X, compute="bfloat16"), expected)
    monkeypatch.setattr(search_module, "_TILE_BYTES", 64 * 18 * 4)
    monkeypatch.setattr(known_module, "TOGETHER", 50)
    monkeypatch.setattr(search_module, "_CELLS", {"cpu": 700})
    monkeypatch.setattr(search_module, "_WORTH_LAYING_OUT", 10**9)
    monkeypatch.setattr("isogloss.numerics.ward.clusters._NUMBERS", 100)
    monkeypatch.setattr(neighbours_module, "_MANY", 3)
    monkeypatch.setattr(neighbours_module, "_SPREAD", 1.5)
    monkeypatch.setattr(linkage_module, "_ROOM", 3)
    assert np.array_equal(ward_linkage(X), expected)
    assert np.array_equal(ward_linkage(X, compute="bfloat16"), expected)
    torch.set_num_threads(2)
    try:
        assert np.array_equal(ward_linkage(X), expected)
    finally:
        torch.set_num_threads(1)


@settings(max_examples=10)
@given(st.integers(0, 1000), st.floats(-50, 50), st.floats(1e-3, 1e3))
def test_moving_turning_and_scaling_change_heights_only_by_the_scale(seed, shift, scale):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((60, 6))
    rotation = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    Z, moved = ward_linkage(X), ward_linkage(scale * (X @ rotation) + shift)
    assert np.allclose(moved[:, 2], scale * Z[:, 2], rtol=1e-7)
    assert np.array_equal(cut(Z, 7), cut(moved, 7))


def test_coarse_settings_of_torch_do_not_change_the_tree():
    X = topics(800, 64, 10, 0.05)
    expected = ward_linkage(X)
    torch.set_float32_matmul_precision("medium")
    try:
        assert np.array_equal(ward_linkage(X), expected)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


@pytest.mark.parametrize("few", [0, FEW])
def test_near_copies_take_no_more_work_than_others(few, monkeypatch):
    """Distances computed one by one, and numbers multiplied: what the time is made of, whatever the machine does."""
    work = []
    init = linkage_module.Agglomeration.__init__

    def kept(self, *args, **kwargs):
        work.append(self)
        init(self, *args, **kwargs)

    monkeypatch.setattr(linkage_module.Agglomeration, "__init__", kept)
    monkeypatch.setattr(linkage_module, "FEW", few)
    rng = np.random.default_rng(5)
    usual = topics(3000, 32, 40, 0.5)
    near = np.repeat(rng.standard_normal((5, 32)), 600, axis=0) + 1e-6 * rng.standard_normal((3000, 32))
    ward_linkage(usual)
    ward_linkage(near.astype(np.float32))
    common, copies = (a.known.search for a in work)
    assert copies.nearby > 1000
    assert copies.computed < 100
    assert copies.products < 2 * common.products


def test_input_is_left_alone_and_may_be_read_only_and_in_any_layout(tmp_path):
    X = topics(200, 8, 5, 0.3)
    expected = ward_linkage(X)
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert np.array_equal(ward_linkage(mapped), expected)
    assert np.array_equal(ward_linkage(np.asfortranarray(X)), expected)
    half = X.astype(np.float16)
    assert np.array_equal(ward_linkage(half), ward_linkage(half.astype(np.float32)))


def test_one_point_and_two():
    assert ward_linkage(np.ones((1, 3))).shape == (0, 4)
    assert np.allclose(ward_linkage(np.array([[0.0, 0], [3, 4]])), [[0, 1, 5, 2]])


@pytest.mark.parametrize(
    ("X", "options", "message"),
    [
        (np.ones(3), {}, r"X should be a matrix, .*shape \(3,\)"),
        (np.ones((0, 3)), {}, r"at least one row.*\(0, 3\)"),
        (np.ones((3, 0)), {}, "one column"),
        (np.where(np.eye(5)[:, :3] > 0, np.nan, 0)[::-1], {}, "NaN or infinity in row 2"),
        (np.r_[np.ones((6000, 2)), [[1, np.inf]]], {}, "row 6000"),
        (np.ones((3, 2)), {"compute": "int8"}, "'float32' or 'bfloat16'. Got 'int8'"),
    ],
)
def test_what_cannot_be_clustered_is_refused(X, options, message):
    with pytest.raises(OptionError, match=message):
        ward_linkage(X, **options)


def test_progress_counts_the_first_search_and_every_merge():
    told = []

    class Counting(Progress):
        @contextmanager
        def task(self, name, total, unit):
            told.append((total, unit))
            yield lambda amount: told.append(amount)

    ward_linkage(np.r_[topics(100, 8, 5, 0.3), np.ones((7, 8))], progress=Counting())
    # 107 points, 101 of them different: first neighbours are found, then all clusters merge.
    at = told.index((100, "clusters merged"))
    assert told[0] == (101, "points")
    assert sum(told[1:at]) == 101
    assert sum(told[at + 1 :]) == 100
    assert len(told) > at + 3


def test_cuts_are_scipys_and_numbered_by_first_appearance():
    X = DATA["random"]
    Z = ward_linkage(X)
    cuts = cut(Z, [1, 2, 17, 900])
    for k, labels in cuts.items():
        assert adjusted_rand_score(fcluster(Z, k, "maxclust"), labels) == 1.0
        assert np.array_equal(labels[np.sort(np.unique(labels, return_index=True)[1])], np.arange(k))
        assert labels.dtype == np.int64
        assert np.array_equal(labels, cut(Z, k))
    assert cut(np.empty((0, 4)), 1).tolist() == [0]


@pytest.mark.parametrize(("k", "message"), [(0, ">= 1. Got 0"), (6, r"<= n_samples=5. Got 6"), ([2, 9], "Got 9")])
def test_impossible_cuts_are_refused(k, message):
    with pytest.raises(OptionError, match=message):
        cut(ward_linkage(np.arange(5.0)[:, None] ** 2), k)


@pytest.mark.parametrize("copies", [1, 150])
def test_the_tree_is_the_same_whenever_lists_give_way_to_searches(copies, monkeypatch):
    rng = np.random.default_rng(copies)
    X = np.repeat(topics(900 // copies, 24, 6, 0.6), copies, axis=0)
    X = (X + (copies > 1) * 1e-6 * rng.standard_normal(X.shape)).astype(np.float32)
    trees = []
    for few in (0, 5, 400, FEW):
        monkeypatch.setattr(linkage_module, "FEW", few)
        trees.append(ward_linkage(X))
    for tree in trees[1:]:
        assert np.array_equal(tree, trees[0])


def test_a_linkage_is_put_in_order():
    # Points 3, 4 merge first but are reported last but one.
    Z = scipy_order(np.array([[0, 1], [3, 4], [0, 2], [4, 1]]), np.array([2.0, 1, 3, 4]), 5)
    assert Z.tolist() == [[3, 4, 1, 2], [0, 1, 2, 2], [2, 6, 3, 3], [5, 7, 4, 5]]


@pytest.mark.slow
def test_thousands_of_near_copies_take_a_few_times_the_time_of_others_at_most(monkeypatch):
    """They are looked for twice, among all and then around a place."""
    monkeypatch.setattr(linkage_module, "FEW", FEW)
    rng = np.random.default_rng(5)
    usual = topics(6000, 64, 200, 0.8)
    copies = np.repeat(rng.standard_normal((3, 64)), 2000, axis=0)
    near = (copies + 1e-6 * rng.standard_normal((6000, 64))).astype(np.float32)
    seconds = []
    for X in (usual, near):
        start = time.process_time()
        ward_linkage(X)
        seconds.append(time.process_time() - start)
    assert seconds[1] < 6 * seconds[0] + 0.5
