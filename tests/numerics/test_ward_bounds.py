"""Every bound that nearest neighbours are certified with, against all distances computed one by one."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.numerics.copies import distinct_rows
from isogloss.numerics.ward.candidates import Lists, inherit, lance_williams, settle
from isogloss.numerics.ward.clusters import Clusters, frame, row_sums
from isogloss.numerics.ward.linkage import Agglomeration
from isogloss.numerics.ward.search import SearchMatrix


def clusters_of(X, weights=None):
    mean, scale = frame(X)
    n = len(X)
    return Clusters(
        torch.from_numpy(X),
        torch.arange(n),
        torch.ones(n) if weights is None else torch.as_tensor(weights),
        torch.from_numpy(mean),
        scale,
    )


def all_distances(clusters, slots):
    """In extended precision, from the stored means."""
    means = clusters.means(slots).numpy().astype(np.longdouble)
    w = clusters.weight[slots].numpy().astype(np.longdouble)
    squares = np.square(means[:, None] - means[None]).sum(axis=2)
    distances = 2 * w[:, None] * w / (w[:, None] + w) * squares
    np.fill_diagonal(distances, np.inf)
    return distances


def spread(kind, n, d, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    if kind == "near-copies":
        X = np.repeat(X[: n // 8 + 1], 8, axis=0)[:n] + 1e-5 * rng.standard_normal((n, d))
    if kind == "lengths":
        X *= 10.0 ** rng.uniform(-6, 3, size=(n, 1))
    return X


@settings(max_examples=25)
@given(
    st.sampled_from(["plain", "near-copies", "lengths"]),
    st.sampled_from([torch.float32, torch.bfloat16]),
    st.integers(1, 200),
    st.booleans(),
    st.integers(0, 10_000),
)
def test_search_never_promises_too_much(kind, dtype, d, local, seed):
    X = spread(kind, 90, d, seed)
    weights = np.random.default_rng(seed + 1).integers(1, 2 if seed % 2 else 50, size=90)
    clusters = clusters_of(X, weights)
    live = clusters.live()
    origin = clusters.means(live[:1])[0] if local else None
    matrix = SearchMatrix(clusters, live, dtype, origin)
    slots, low, rest = (a.numpy() for a in matrix.nearest(live, 5))
    truth = all_distances(clusters, live)
    assert (low <= np.take_along_axis(truth, slots, axis=1)).all()
    unlisted = truth.copy()
    np.put_along_axis(unlisted, slots, np.inf, axis=1)
    assert (rest <= unlisted.min(axis=1)).all()
    assert (np.diff(low, axis=1) >= 0).all()
    assert not (slots == np.arange(90)[:, None]).any()
    squares = matrix.squares(live).numpy()[:, :90]
    means = clusters.means(live).numpy()
    assert (squares <= np.square(means[:, None] - means).sum(axis=2)).all()


def test_search_bounds_are_close_enough_to_be_of_use():
    X = np.random.default_rng(0).standard_normal((200, 384))
    clusters = clusters_of(X)
    truth = all_distances(clusters, clusters.live())
    for dtype, share in ((torch.float32, 2e-4), (torch.bfloat16, 2e-2)):
        slots, low, _ = SearchMatrix(clusters, clusters.live(), dtype).nearest(clusters.live(), 8)
        near = np.take_along_axis(truth, slots.numpy(), axis=1)
        assert (low.numpy() > (1 - share) * near).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_columns_that_changed_left_or_moved_are_found_as_they_are(dtype):
    X = np.random.default_rng(1).standard_normal((120, 16))
    clusters = clusters_of(X)
    matrix = SearchMatrix(clusters, clusters.live(), dtype)
    a, b = torch.arange(0, 60, 2), torch.arange(1, 60, 2)
    clusters.merge(a, b)
    matrix.remove(b)
    matrix.update(a)
    before = matrix.nearest(clusters.live(), 4)
    matrix.compact(clusters.live())
    after = matrix.nearest(clusters.live(), 4)
    fresh = SearchMatrix(clusters, clusters.live(), dtype).nearest(clusters.live(), 4)
    truth = all_distances(clusters, clusters.live())
    live = clusters.live().numpy()
    for slots, low, _rest in (before, after, fresh):
        assert not torch.isin(slots, b).any()
        column = np.searchsorted(live, slots.numpy())
        assert (low.numpy() <= np.take_along_axis(truth, column, axis=1)).all()
    if dtype == torch.float32:
        assert torch.equal(before[0], fresh[0])
        assert torch.equal(after[0], fresh[0])


@settings(max_examples=200)
@given(
    st.floats(1, 1e4), st.floats(1, 1e4), st.floats(1, 1e4), st.floats(1, 1e4), st.floats(0, 1), st.floats(0, 3),
    st.floats(0, 3),
)  # fmt: skip
def test_bound_for_the_unlisted_holds_for_every_weight_between_the_extremes(wa, wb, w1, w2, share, tau_a, tau_b):
    def bound(w):
        return lance_williams(*(torch.tensor(v, dtype=torch.float64) for v in (tau_a, tau_b, 1.0, wa, wb, w)))

    between = share * w1 + (1 - share) * w2
    assert min(bound(w1), bound(w2)) <= bound(between) * (1 + 1e-12) + 1e-14


@settings(max_examples=15)
@given(
    st.integers(0, 10_000),
    st.sampled_from(["plain", "near-copies", "lengths"]),
    st.sampled_from([torch.float32, torch.bfloat16]),
    st.integers(2, 6),
)
def test_lists_and_their_bounds_stay_true_to_the_last_merge(seed, kind, dtype, room):
    X = spread(kind, 70, 5, seed)
    clusters = clusters_of(X, np.random.default_rng(seed).integers(1, 30, size=70))
    agglomeration = Agglomeration(clusters, dtype, room, few=0)
    while clusters.count > 2:
        live = clusters.live()
        truth = all_distances(clusters, live)
        lists = agglomeration.known.lists.of(live)
        weight = clusters.weight[live]
        column = {int(slot): i for i, slot in enumerate(live)}
        low = clusters.below(lists.low, weight[:, None]).numpy()
        tau = clusters.below(lists.tau, weight).numpy()
        for k in range(len(live)):
            listed = {}
            for slot, bound in zip(lists.slots[k].tolist(), low[k].tolist(), strict=True):
                if slot >= 0 and (x := column[int(clusters.root[slot])]) != k:
                    listed[x] = min(listed.get(x, np.inf), bound, tau[k])
            for x in range(len(live)):
                if x != k:
                    assert truth[k, x] >= listed.get(x, tau[k])
        nearest = np.array([column[int(s)] for s in agglomeration.slot[live]])
        assert np.allclose(truth[np.arange(len(live)), nearest].astype(float), truth.min(axis=1).astype(float))
        agglomeration.round()


def test_merged_lists_serve_without_a_new_search():
    """What lists are for: after a merge most clusters know their nearest neighbour from the lists of the parts."""
    X = np.random.default_rng(3).standard_normal((400, 8))
    agglomeration = Agglomeration(clusters_of(X), torch.float32, 32, few=0)
    agglomeration.known.settled = 0
    while agglomeration.clusters.count > 1:
        agglomeration.round()
    assert agglomeration.known.search.searched < 400 + 0.5 * agglomeration.known.settled


def test_equal_distances_do_not_end_in_computing_them_all():
    """On a lattice four neighbours are at the same distance, and more clusters later on."""
    X = np.stack(np.meshgrid(np.arange(30.0), np.arange(30.0)), axis=-1).reshape(-1, 2)
    agglomeration = Agglomeration(clusters_of(X), torch.float32, few=len(X))
    while agglomeration.clusters.count > 1:
        agglomeration.round()
    assert agglomeration.known.search.computed < 50


def test_settling_computes_few_distances(monkeypatch):
    X = np.random.default_rng(4).standard_normal((300, 16))
    clusters = clusters_of(X)
    live = clusters.live()
    lists = Lists(*SearchMatrix(clusters, live, torch.float32).nearest(live, 32))
    computed = []
    distance = clusters.distance
    monkeypatch.setattr(clusters, "distance", lambda a, b: computed.append(len(a)) or distance(a, b))
    nearest = settle(clusters, live, lists)
    assert nearest.certain.all()
    assert np.array_equal(nearest.slot, all_distances(clusters, live).argmin(axis=1))
    assert sum(computed) < 2 * 300


def test_inherited_bounds_hold_also_for_what_the_list_has_no_room_for():
    evicted = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        clusters = clusters_of(rng.standard_normal((40, 3)), rng.integers(1, 6, size=40))
        live, room = clusters.live(), 4 + seed % 3
        truth = all_distances(clusters, live)
        # Exact lists: what is tested is the inheritance alone.
        order = np.argsort(truth, axis=1)
        low = np.take_along_axis(truth, order, axis=1).astype(float) * (1 - 1e-12)
        lists = Lists(*map(torch.from_numpy, (order[:, :room], low[:, :room].copy(), low[:, room].copy())))
        # The farthest of the pairs that are each other's nearest: their lists have least in common.
        mutual = np.flatnonzero(order[order[:, 0], 0] == live.numpy())
        far = mutual[truth[mutual, order[mutual, 0]].argmax()]
        a, b = (torch.tensor([i]) for i in sorted((far, order[far, 0])))
        distance, weights = clusters.distance(a, b), (clusters.weight[a], clusters.weight[b])
        clusters.merge(a, b)
        merged = inherit(clusters, a, lists.of(a), lists.of(b), weights, distance)
        live = clusters.live().tolist()
        row = all_distances(clusters, clusters.live())[live.index(int(a))]
        bounds = dict(zip(merged.slots[0].tolist(), merged.low[0].tolist(), strict=True))
        for slot, value in zip(live, row, strict=True):
            assert value >= bounds.get(slot, float(merged.tau[0]))
        known = set(lists.slots[a].view(-1).tolist()) | set(lists.slots[b].view(-1).tolist())
        evicted += len(known - set(bounds) - {int(a), int(b)})
    assert evicted > 50


def test_inherited_lists_leave_out_the_cluster_itself_and_doubles():
    X = np.random.default_rng(5).standard_normal((30, 3))
    clusters = clusters_of(X)
    live = clusters.live()
    lists = Lists(*SearchMatrix(clusters, live, torch.float32).nearest(live, 10))
    a, b = torch.tensor([0, 2]), torch.tensor([1, 3])
    distance = clusters.distance(a, b)
    weights = clusters.weight[a], clusters.weight[b]
    clusters.merge(a, b)
    merged = inherit(clusters, a, lists.of(a), lists.of(b), weights, distance)
    for k, slots in zip(a.tolist(), merged.slots.tolist(), strict=True):
        kept = [slot for slot in slots if slot >= 0]
        assert kept
        assert k not in kept
        assert len(set(kept)) == len(kept)
        assert clusters.alive[kept].all()


def test_row_sums_do_not_depend_on_company():
    values = torch.from_numpy(np.random.default_rng(6).standard_normal((40, 77)))
    alone = torch.cat([row_sums(values[i : i + 1].clone()) for i in range(40)])
    together = row_sums(values.clone())
    assert torch.equal(alone, together)
    assert torch.allclose(together, values.sum(dim=1))


def test_means_never_need_more_places_than_half_the_points():
    X = np.random.default_rng(7).standard_normal((101, 2))
    clusters = clusters_of(X)
    members = {i: [i] for i in range(101)}
    rng = np.random.default_rng(8)
    while clusters.count > 1:
        live = rng.permutation(clusters.live().numpy())
        pairs = np.sort(live[: len(live) // 2 * 2].reshape(-1, 2)[: 1 + len(live) // 3], axis=1)
        clusters.merge(*(torch.from_numpy(side.copy()) for side in pairs.T))
        for a, b in pairs:
            members[a] += members.pop(b)
        live = clusters.live()
        expected = [(X[members[int(s)]].mean(axis=0) - clusters.mean.numpy()) / clusters.scale for s in live]
        assert np.allclose(clusters.means(live), expected)
        assert clusters.weight[live].tolist() == [len(members[int(s)]) for s in live]


def test_copies_are_found_whatever_the_hash(monkeypatch):
    X = np.random.default_rng(9).integers(0, 2, size=(300, 4)).astype(np.float32)
    X[::3] *= -0.0
    expected = np.unique(X + 0, axis=0, return_inverse=True)[1].reshape(-1)
    for broken in (False, True):
        if broken:
            monkeypatch.setattr("isogloss.numerics.copies._hash", lambda X: np.zeros(len(X), dtype=np.uint64))
        found = distinct_rows(X)
        assert len(found.first) == expected.max() + 1
        assert np.array_equal(X[found.first[found.of_row]], X)
        assert np.array_equal(found.counts, np.bincount(found.of_row))
        assert (np.diff(found.first) > 0).all()
