from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from isogloss.analysis import ArrayVectors
from isogloss.errors import OptionError
from isogloss.numerics import neighbour_overlap
from isogloss.similarity import (
    SimilarityAnalysis,
    SimilarityOptions,
    linear_cka,
    procrustes_distance,
    word_cosine,
)

ANALYSIS = SimilarityAnalysis()
OPTIONS = SimilarityOptions(bootstrap=0, neighbour_words=200)
MEASURES = ("cka", "cka_debiased", "cosine", "neighbours", "procrustes")


def sample(n, wanted, seed=0):
    """The sample a seed stands for, drawn here independently of the code under test."""
    if wanted is None or wanted >= n:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, wanted, replace=False))


def by_hand(X, Y, measure, options=OPTIONS):
    near, rows = sample(len(X), options.neighbour_words), sample(len(X), options.map_words)
    if measure == "neighbours":
        return neighbour_overlap(X[near], Y[near], options.neighbours).mean()
    X, Y = X[rows].astype(np.float64), Y[rows].astype(np.float64)
    if measure == "cosine":
        return None if X.shape != Y.shape else np.nanmean(word_cosine(X, Y))
    if measure == "procrustes":
        return procrustes_distance(X, Y)
    return linear_cka(X, Y, debiased=measure == "cka_debiased")


def cells(tables, measure, seed=0):
    table = tables["similarity_map"].filter((pl.col("measure") == measure) & (pl.col("seed") == seed))
    return {(i, j): value for i, j, value in table.select("base_layer", "tuned_layer", "value").iter_rows()}


def of_all(tables, measure, seed=0):
    table = tables["similarity"].filter(
        (pl.col("measure") == measure) & (pl.col("subset") == "all") & (pl.col("seed") == seed)
    )
    return dict(table.select("layer", "value").iter_rows())


def assert_by_hand(tables, base, tuned, options=OPTIONS, seed=0):
    for measure in MEASURES:
        got = cells(tables, measure, seed)
        assert set(got) == {(i, j) for i in range(len(base)) for j in range(len(tuned))}
        for (i, j), value in got.items():
            wanted = by_hand(base[i], tuned[j], measure, options)
            if wanted is None:
                assert value is None
            else:
                assert value == pytest.approx(wanted, rel=1e-4, abs=2e-6), (measure, i, j)


@pytest.fixture(scope="module")
def related(planted):
    """Layers that share a part, so that no cell is near zero, and that drift, so that block means differ."""
    shared = np.random.default_rng(3).normal(size=planted.base[0].shape)
    drift = np.linspace(-2, 2, len(shared))[:, None]
    return replace(planted, base=[(a + 2 * shared + drift).astype(np.float32) for a in planted.base])


@pytest.mark.parametrize("map_words", [None, 300])
def test_every_cell_is_the_measure_of_its_two_layers(related, map_words):
    options = replace(OPTIONS, map_words=map_words)
    tuned = related.moved([0, 0.5, 1, 2])
    tables = related.tables(tuned, options=options)
    assert tables["similarity_map"].columns == ["base_layer", "tuned_layer", "measure", "value", "seed"]
    assert_by_hand(tables, related.base, tuned, options)


def test_the_diagonal_is_the_value_of_the_layer_itself(related):
    tables = related.tables(related.moved([0.1, 0.5, 1, 2]), options=OPTIONS)
    for measure in MEASURES:
        own, got = of_all(tables, measure), cells(tables, measure)
        assert [got[i, i] for i in range(4)] == [own[i] for i in range(4)]
        assert None not in own.values()


def test_a_sampled_map_keeps_the_neighbours_of_the_layers(related):
    tables = related.tables(related.moved([0.1, 0.5, 1, 2]), options=replace(OPTIONS, map_words=300))
    own, got = of_all(tables, "neighbours"), cells(tables, "neighbours")
    assert [got[i, i] for i in range(4)] == [own[i] for i in range(4)]


@pytest.mark.parametrize("map_words", [None, 300])
def test_identical_models_have_exactly_no_change_on_the_diagonal(related, map_words):
    options = replace(OPTIONS, map_words=map_words)
    tables = related.tables([a.copy() for a in related.base], options=options)
    for measure in MEASURES:
        got = cells(tables, measure)
        assert {got[i, i] for i in range(4)} == {0.0 if measure == "procrustes" else 1.0}
        for i, j in ((0, 1), (2, 3)):
            assert got[i, j] == pytest.approx(got[j, i], rel=0.2 if measure == "neighbours" else 1e-5)


def test_layers_of_other_widths_have_everything_but_the_cosine(related):
    tuned = [a if i % 2 else a[:, :7] + np.float32(0.5) for i, a in enumerate(related.moved([1] * 4))]
    tables = related.tables(tuned, options=OPTIONS)
    assert_by_hand(tables, related.base, tuned)
    assert sum(value is None for value in cells(tables, "cosine").values()) == 8


def test_layers_that_one_model_lacks_appear_in_the_map_only(related):
    moved = related.moved([0.5] * 4)
    for base, tuned in ((related.base, moved[:2]), (related.base[:2], moved)):
        for map_words in (None, 300):
            options = replace(OPTIONS, map_words=map_words)
            tables = related.tables(tuned, base=base, options=options)
            assert set(tables["similarity"]["layer"]) == {0, 1}
            assert_by_hand(tables, base, tuned, options)
            assert tables["similarity_map"]["value"].null_count() == 0


def test_each_tuned_model_has_its_own_map(related):
    tuned = [related.moved([size] * 4, seed=seed) for seed, size in enumerate((0.3, 1.0, 3.0))]
    tables = related.tables(*tuned, options=OPTIONS)
    for seed, arrays in enumerate(tuned):
        assert_by_hand(tables, related.base, arrays, seed=seed)
    names = [figure.name for figure in ANALYSIS.figures(tables, OPTIONS) if "map" in figure.name]
    assert names == ["similarity-map", "similarity-map-1", "similarity-map-2", "similarity-map-neighbours"]


def test_no_neighbours_are_searched_twice(related, monkeypatch):
    from isogloss.similarity import neighbour_lists

    searched = []

    def counted(X, k):
        searched.append(X.tobytes())
        return search(X, k)

    search = neighbour_lists.nearest_neighbours
    monkeypatch.setattr(neighbour_lists, "nearest_neighbours", counted)
    related.tables(related.moved([0.5] * 4)[:3], options=OPTIONS)
    assert len(searched) == len(set(searched)) == 4 + 3


def test_combining_again_changes_nothing_and_the_lists_are_gone(related):
    tables = related.tables(related.moved([0, 0.5, 1, 2]), options=OPTIONS)
    assert set(tables) == {"similarity", "similarity_map", "similarity_words", "similarity_labels"}
    again = ANALYSIS.combine(tables, OPTIONS)
    assert all(again[name].equals(tables[name]) for name in tables)
    assert set(again) == set(tables)


def test_without_a_map_there_is_none_of_it(related):
    options = replace(OPTIONS, map=False)
    pair = related.pair(1, related.base, related.moved([1] * 4))
    assert set(ANALYSIS.run(pair, options)) == {"similarity", "similarity_words", "similarity_labels"}
    assert ANALYSIS.run(replace(pair, tuned=None), options) == {}


def test_a_layer_without_variance_leaves_its_cells_empty(related):
    tuned = [np.full_like(related.base[0], 0.1), *related.moved([1] * 4)[1:]]
    for base, others in (
        (related.base, tuned),
        (tuned, related.base),
        ([related.base[1]], [related.base[1], tuned[0]]),
    ):
        tables = related.tables(others, base=base, options=OPTIONS)
        flat = [(i, j) for i, j in cells(tables, "cka") if base[i] is tuned[0] or others[j] is tuned[0]]
        assert flat
        for measure in ("cka", "cka_debiased", "procrustes"):
            assert {cell for cell, value in cells(tables, measure).items() if value is None} == set(flat)
        assert None not in cells(tables, "cosine").values()


def test_zero_vectors_are_left_out_of_the_cosine(related):
    tuned = related.moved([1] * 4)
    tuned[1][:30] = 0
    assert_by_hand(related.tables(tuned, options=OPTIONS), related.base, tuned)


@pytest.mark.parametrize("n", [1, 3, 5, 12])
def test_a_handful_of_words_fills_what_is_defined(related, n):
    small = replace(related, words=related.words.head(n), base=[a[:n] for a in related.base])
    tables = small.tables([a[:n] + 0.1 for a in related.moved([1] * 4)], options=OPTIONS)
    for measure, least in {"cka": 2, "cka_debiased": 4, "cosine": 1, "neighbours": 12, "procrustes": 2}.items():
        values = cells(tables, measure).values()
        assert {value is None for value in values} == {n < least}
    names = {figure.name for figure in ANALYSIS.figures(tables, OPTIONS)}
    assert ("similarity-map-neighbours" in names) == (n >= 12)


def test_a_bad_layer_elsewhere_is_refused_naming_the_layer(related):
    tuned = related.moved([1] * 4)
    tuned[2][17, 3] = np.inf
    with pytest.raises(OptionError, match=r"layer 1 of the layer x layer map: NaN or infinity in stream 2"):
        ANALYSIS.run(related.pair(1, related.base, tuned), OPTIONS)
    short = replace(related.pair(1, related.base, related.base), tuned_layers={0: ArrayVectors(related.base[0][:-1])})
    with pytest.raises(OptionError, match="layer 1 of the layer x layer map: the rows must be the same words"):
        ANALYSIS.run(short, OPTIONS)
