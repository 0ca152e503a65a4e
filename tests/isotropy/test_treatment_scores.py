import numpy as np
import pytest

from isogloss.analysis import ArrayVectors
from isogloss.errors import OptionError
from isogloss.isotropy import treatment_scores
from isogloss.isotropy.scores import SimilarityScore
from isogloss.isotropy.treatment_scores import SCHEMA, compare_treatments, sweep, treatments
from isogloss.isotropy.treatments import AllButTheTop, ClusterEnhancement, ZeroMean
from tests.isotropy.spaces import WIDTH, judged_pairs


def score(**options):
    pairs = judged_pairs("bottom")
    return SimilarityScore(
        ArrayVectors(pairs.X), pairs.pairs, pairs.parts, pairs.labels, **{"n_boot": 40, "seed": 1} | options
    )


TRAIN = judged_pairs("bottom", seed=4).X


def test_the_grid_finds_how_many_directions_hide_the_similarity():
    found = sweep(TRAIN, score(), n_clusters=[1, 2], n_components=[0, 4, 13])
    assert set(found.scores) == {(k, c) for k in (1, 2) for c in (0, 4, 13)}
    # The similarity is along 3 of 16 directions, below 13 large ones.
    assert found.best == (1, 13)
    assert found.scores[1, 13].value > 0.9
    assert abs(found.untouched.value) < 0.3
    assert found.gain((1, 13)).interval()[0] > 0.5
    assert found.untouched.value == score().untouched.value
    table = found.table()
    assert dict(table.schema) == SCHEMA
    best = table.filter((table["n_clusters"] == 1) & (table["n_components"] == 13)).row(0, named=True)
    assert best["value"] == found.scores[1, 13].value == table["value"].max()
    assert (best["gain_low"], best["gain_high"]) == found.gain((1, 13)).interval()


def test_one_cluster_is_all_but_the_top_and_without_directions_zero_mean():
    found = sweep(TRAIN, score(), n_clusters=[1, 3], n_components=[0, 2])
    for options, treatment in [
        ((1, 0), ZeroMean()),
        ((1, 2), AllButTheTop(2)),
        ((3, 2), ClusterEnhancement(3, 2)),
    ]:
        expected = score().treated(treatment.fit(TRAIN).transform)
        assert found.scores[options].value == pytest.approx(expected.value, abs=1e-6)


def test_clusters_are_found_once_for_each_number_of_them(monkeypatch):
    fits = []

    class Counted(ClusterEnhancement):
        def fit(self, X, y=None):
            fits.append(self.n_clusters)
            return super().fit(X, y)

    monkeypatch.setattr(treatment_scores, "ClusterEnhancement", Counted)
    sweep(TRAIN, score(n_boot=0), n_clusters=[2, 3], n_components=[0, 1, 2, 5])
    assert fits == [2, 3]


def test_what_does_not_fit_the_space_is_passed_over_and_told():
    found = sweep(TRAIN[:9], score(n_boot=0), n_clusters=[1, 10], n_components=[1, WIDTH])
    assert set(found.scores) == {(1, 1)}
    assert found.passed_over == (
        "10 clusters: there are 9 different training vectors",
        "16 components: there are 16 dimensions",
    )
    assert sweep(TRAIN[:9], score(n_boot=0), n_clusters=[3], n_components=[8]).notes[3, 8]
    for options in ({"n_clusters": []}, {"n_components": [-1]}, {"n_components": [16]}):
        with pytest.raises(OptionError, match="grid"):
            sweep(TRAIN, score(n_boot=0), **{"n_clusters": [1], "n_components": [0]} | options)


def test_the_table_sets_each_treatment_beside_none():
    judged = judged_pairs("bottom", seed=8).X

    def offset(X):
        return float(np.linalg.norm(X.mean(axis=0)))

    def largest(X):
        return float(np.linalg.eigvalsh(np.cov(X.T))[-1])

    chosen = treatments(n_clusters=2, n_components=13)
    table = compare_treatments(
        TRAIN + 3, judged + 5, {"spearman": score()}, {"offset": offset, "largest": largest}, chosen
    )
    rows = {row.treatment: row for row in table}
    assert list(rows) == ["none", "zero_mean", "cluster_zero_mean", "all_but_the_top", "cluster_enhancement"]
    assert rows["none"].scores["spearman"].value == score().untouched.value
    assert rows["none"].gains["spearman"].interval() == (0, 0)
    assert rows["none"].measures["offset"] == pytest.approx(20, rel=0.1)
    # What is subtracted is the mean of the training vectors.
    assert rows["zero_mean"].measures["offset"] == pytest.approx(8, rel=0.1)
    assert rows["zero_mean"].measures["largest"] == pytest.approx(rows["none"].measures["largest"], rel=1e-4)
    assert rows["all_but_the_top"].measures["largest"] < rows["zero_mean"].measures["largest"]
    for row in table:
        gain = row.scores["spearman"].value - rows["none"].scores["spearman"].value
        assert row.gains["spearman"].value == pytest.approx(gain)
