from dataclasses import replace

import numpy as np
import pytest

from isogloss.concepts import ConceptsAnalysis, ConceptsOptions
from isogloss.concepts import clustering as clustering_module
from isogloss.concepts.clustering import TreesOnce, concepts_of
from isogloss.concepts.options import WORDS_PER_CONCEPT
from isogloss.errors import OptionError
from tests.concepts.conftest import BARE, cell, listed

OPTIONS = ConceptsOptions()
X = np.random.default_rng(0).standard_normal((60, 4)).astype(np.float32)


@pytest.fixture
def asked(monkeypatch):
    """Every clustering that is carried out."""
    found = []
    linkage = clustering_module.ward_linkage
    monkeypatch.setattr(
        clustering_module,
        "ward_linkage",
        lambda vectors, **more: found.append(len(vectors)) or linkage(vectors, **more),
    )
    return found


def same(one, other):
    return np.array_equal(one.clusters, other.clusters) and np.array_equal(one.merges, other.merges)


def test_what_is_kept_is_what_would_be_found(asked):
    trees = TreesOnce()
    first = trees.of(X, [5], OPTIONS, 0, keep=True)[5]
    assert same(first, concepts_of(X, 5, OPTIONS))
    asked.clear()
    assert trees.of(X.copy(), [5], OPTIONS, 0)[5] is first
    assert asked == []


def test_other_vectors_numbers_seeds_and_ways_are_clustered_anew(asked):
    trees = TreesOnce()
    kmeans = replace(OPTIONS, clustering="kmeans")
    trees.of(X, [5], OPTIONS, 0, keep=True)
    other = X.copy()
    other[7, 2] = np.nextafter(other[7, 2], np.float32(9))
    asked.clear()
    for vectors in (other, X[::-1], X.reshape(30, 8)):
        assert same(trees.of(vectors, [5], OPTIONS, 0)[5], concepts_of(vectors, 5, OPTIONS))
    assert same(trees.of(X, [6], OPTIONS, 0)[6], concepts_of(X, 6, OPTIONS))
    assert len(asked) == 8
    assert same(trees.of(X, [5], kmeans, 1)[5], concepts_of(X, 5, kmeans, 1))
    assert same(trees.of(X, [5], kmeans, 2, keep=True)[5], concepts_of(X, 5, kmeans, 2))


def test_only_the_latest_are_kept(asked):
    trees = TreesOnce(most=2)
    for k in (3, 4, 5):
        trees.of(X, [k], OPTIONS, 0, keep=True)
    trees.of(X, [6], OPTIONS, 0)
    asked.clear()
    for k in (4, 5):
        trees.of(X, [k], OPTIONS, 0)
    assert asked == []
    trees.of(X, [6], OPTIONS, 0)
    trees.of(X, [3], OPTIONS, 0)
    assert len(asked) == 2


@pytest.mark.parametrize("halves", [False, True])
def test_the_base_model_is_clustered_once_whatever_the_tuned_models(planted, halves, asked):
    """Each layer of each tuned model, and each layer of the base model; thrice where there are halves."""
    analysis, options = ConceptsAnalysis(), replace(planted.options, **(BARE | {"halves": halves}))
    tuned = [planted.changed(seed)[1:3] for seed in (1, 2, 3)]
    base = planted.base[1:3]
    found = [
        analysis.run(planted.pair(i, layers, base, 0, index), options)
        for index, layers in enumerate(tuned)
        for i in (0, 1)
    ]
    assert len(asked) == (2 * 3 + 2) * (3 if halves else 1)
    alone = ConceptsAnalysis().run(planted.pair(1, tuned[2], base, 0, 2), options)
    assert set(alone) == set(found[-1])
    assert all(alone[name].equals(found[-1][name]) for name in alone)


def test_the_same_vectors_in_both_models_are_clustered_once(planted, asked):
    options = replace(planted.options, **(BARE | {"halves": True}))
    ConceptsAnalysis().run(planted.pair(0, planted.base), options)
    assert len(asked) == 3


SEVERAL = {"clusters": "4,8", "permutations": 10, "bootstrap": 10}


def test_one_tree_serves_every_number_of_concepts(planted, asked):
    """In each model, and in each model's halves; the first number has all tables, each one has its rows."""
    several = planted.tables(planted.changed()[1:3], base=planted.base[1:3], **(BARE | SEVERAL | {"halves": True}))
    assert len(asked) == 2 * 2 * 3
    table = several.pop("concepts_numbers")
    assert table["clusters"].unique().sort().to_list() == [4, 8]
    for number in (4, 8):
        one = planted.tables(
            planted.changed()[1:3],
            base=planted.base[1:3],
            **(BARE | SEVERAL | {"halves": True, "clusters": number}),
        )
        assert "concepts_numbers" not in one
        assert table.filter(clusters=number).drop("clusters").equals(one["concepts"])
        if number == 4:
            assert set(one) == set(several)
            assert all(one[name].equals(several[name]) for name in one if name != "concepts_notes")


def test_the_figure_has_a_curve_for_each_number(planted):
    tables = planted.tables(planted.changed()[:2], base=planted.base[:2], **(BARE | {"clusters": "8,3,5"}))
    (figure,) = [f for f in ConceptsAnalysis().figures(tables, planted.options) if f.name == "concepts-numbers"]
    assert [line.name for line in figure.lines] == ["3 concepts", "5 concepts", "8 concepts"]
    assert figure.lines[2].y == tuple(cell(tables, "kept", layer=i)["value"] for i in (0, 1))
    assert {row["concept"] for row in listed(tables, "base", 0).iter_rows(named=True)} == set(range(8))


def test_too_many_concepts_are_as_many_as_words_allow_once(planted):
    words = planted.words.height
    most = words // WORDS_PER_CONCEPT
    tables = planted.tables(planted.changed()[:1], base=planted.base[:1], **(BARE | {"clusters": "8,500,600"}))
    assert tables["concepts_numbers"]["clusters"].unique().sort().to_list() == [8, most]
    assert f"{words} words are too few for 600 concepts; there are {most}." in tables["concepts_notes"]["text"]


@pytest.mark.parametrize(("given", "numbers"), [(600, (600,)), ("600", (600,)), ("100, 600,100", (100, 600))])
def test_numbers_are_read(given, numbers):
    assert ConceptsOptions(clusters=given).numbers == numbers


@pytest.mark.parametrize(
    ("given", "message"),
    [(1, "at least 2. Got 1"), ("8,1", "at least 2. Got 1"), ("8,", "'8,'"), ("many", "'many'"), ("8.5", "'8.5'")],
)
def test_numbers_that_are_none_are_refused(given, message):
    with pytest.raises(OptionError, match=message):
        ConceptsOptions(clusters=given)
