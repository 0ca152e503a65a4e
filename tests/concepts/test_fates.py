import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.concepts import fates
from isogloss.errors import OptionError

quick = settings(deadline=None, max_examples=25)
seeds = st.integers(0, 10_000)


def of(flows):
    """Clusters from {(base, tuned): tokens}."""
    pairs = np.array([pair for pair, n in flows.items() for _ in range(n)])
    return pairs[:, 0], pairs[:, 1]


def fate(table):
    return dict(table.select("concept", "fate").iter_rows())


PLANTED = {
    (0, 10): 9,  # kept, with one token lost
    (1, 20): 5,  # split into 20 and 21
    (1, 21): 5,
    (2, 30): 10,  # merged with 3
    (3, 30): 10,
    (4, 40): 4,  # dissolved over 40 (new), 41 (new), 10
    (4, 41): 5,
    (4, 10): 1,
    (5, 40): 4,
    (5, 41): 3,
    (0, 21): 1,
    (5, 42): 3,
}


def test_planted_fates_are_recovered():
    found = fates(*of(PLANTED))
    assert fate(found.base) == {0: "kept", 1: "split", 2: "merged", 3: "merged", 4: "dissolved", 5: "dissolved"}
    assert fate(found.tuned) == {
        10: "inherited", 20: "inherited", 21: "inherited", 30: "inherited", 40: "new", 41: "new", 42: "inherited",
    }  # fmt: skip
    base = {row["concept"]: row for row in found.base.iter_rows(named=True)}
    assert (base[0]["heirs"], base[0]["held"], base[0]["best"], base[0]["best_share"]) == ([10], 0.9, 10, 0.9)
    assert (base[1]["heirs"], base[1]["held"]) == ([20, 21], 1.0)
    assert base[2]["heirs"] == base[3]["heirs"] == [30]
    assert (base[4]["heirs"], base[4]["held"], base[4]["best_share"]) == ([], 0.0, 0.5)
    tuned = {row["concept"]: row for row in found.tuned.iter_rows(named=True)}
    assert sorted(tuned[30]["parents"]) == [2, 3]
    assert tuned[40]["parents"] == []
    assert found.transitions["shared"].sum() == 60
    counts = {(m, f): n for m, f, n in found.counts.select("model", "fate", "n_concepts").iter_rows()}
    assert counts == {
        ("base", "kept"): 1, ("base", "split"): 1, ("base", "merged"): 2, ("base", "dissolved"): 2,
        ("tuned", "inherited"): 5, ("tuned", "new"): 2,
    }  # fmt: skip


def test_the_threshold_decides():
    base, tuned = of({(0, 0): 8, (0, 1): 2, (1, 1): 8})
    assert fate(fates(base, tuned, threshold=0.8).base) == {0: "kept", 1: "kept"}
    assert fate(fates(base, tuned, threshold=0.85).base) == {0: "dissolved", 1: "merged"}


def test_a_concept_absorbed_by_one_that_is_kept_is_merged():
    found = fates(*of({(0, 0): 18, (1, 0): 2}))
    assert fate(found.base) == {0: "kept", 1: "merged"}
    assert found.tuned["parents"].to_list() == [[0, 1]]


@quick
@given(seed=seeds)
def test_nothing_happens_where_the_clusters_are_the_same(seed):
    rng = np.random.default_rng(seed)
    base = rng.integers(-1, 8, 100)
    found = fates(base, np.append(rng.permutation(8) + 3, -1)[base], threshold=1.0)
    assert set(found.base["fate"]) == {"kept"}
    assert set(found.tuned["fate"]) == {"inherited"}


def loops(base, tuned, theta):
    """The definitions, word for word."""
    both = (base >= 0) & (tuned >= 0)
    base, tuned = base[both], tuned[both]
    B, T = sorted(set(base.tolist())), sorted(set(tuned.tolist()))
    p = {(i, j): ((base == i) & (tuned == j)).sum() / (base == i).sum() + 1e-12 for i in B for j in T}
    q = {(i, j): ((base == i) & (tuned == j)).sum() / (tuned == j).sum() + 1e-12 for i in B for j in T}
    of_base, of_tuned = {}, {}
    for i in B:
        children = [j for j in T if q[i, j] >= theta]
        if any(p[i, j] >= theta and q[i, j] >= theta for j in T):
            of_base[i] = "kept"
        elif len(children) >= 2 and sum(p[i, j] for j in children) >= theta:
            of_base[i] = "split"
        else:
            of_base[i] = "merged" if any(p[i, j] >= theta for j in T) else "dissolved"
    for j in T:
        given_by_parents = sum(q[i, j] for i in B if p[i, j] >= theta or q[i, j] >= theta)
        of_tuned[j] = "inherited" if given_by_parents >= theta else "new"
    return of_base, of_tuned


@quick
@given(seed=seeds, theta=st.sampled_from([0.51, 0.6, 0.75, 0.9]))
def test_fates_are_those_of_the_definitions(seed, theta):
    rng = np.random.default_rng(seed)
    base = rng.integers(-1, 6, 60)
    tuned = np.where(rng.random(60) < 0.7, base // rng.integers(1, 3), rng.integers(-1, 9, 60))
    found = fates(base, tuned, threshold=theta)
    assert (fate(found.base), fate(found.tuned)) == loops(base, tuned, theta)
    assert found.base.select(pl.col("n_tokens").sum()).item() == found.tuned["n_tokens"].sum()
    shares = found.counts.group_by("model").agg(pl.col("share").sum())["share"].to_list()
    assert shares == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize(
    ("base", "tuned", "threshold", "message"),
    [
        ([0, 1], [0], 0.7, "Got 2 and 1 rows"),
        ([0, -1], [-1, 0], 0.7, "Got 1 and 1 clustered words, none of them the same"),
        ([0, 1], [0, 1], 0.5, "above 0.5 and at most 1. Got 0.5"),
        ([0, 1], [0, 1], float("nan"), "Got nan"),
    ],
)
def test_what_cannot_be_meant_is_refused(base, tuned, threshold, message):
    with pytest.raises(OptionError, match=message):
        fates(np.array(base), np.array(tuned), threshold=threshold)
