import numpy as np
import pytest
from sklearn.metrics import normalized_mutual_info_score

from isogloss.analysis import ArrayVectors
from isogloss.errors import OptionError
from isogloss.isotropy.clusters import cluster_isotropy
from isogloss.isotropy.grouped_isotropy import grouped_isotropy
from isogloss.isotropy.labellings import Labelling, cluster_agreement, frequency_bands, null_interval
from isogloss.isotropy.resamples import Resamples


def partition(X):
    """Both signs of every eigenvector of X'X, plainly."""
    directions = np.linalg.eigh(X.T @ X)[1]
    F = np.exp(np.concatenate([X @ directions, -X @ directions], axis=1)).sum(axis=0)
    return F.min() / F.max()


def mean_cosine(X):
    U = X / np.linalg.norm(X, axis=1, keepdims=True)
    return ((U @ U.T).sum() - len(U)) / (len(U) * (len(U) - 1))


def islands(n=600, d=10, k=4, seed=0):
    """k far apart islands of points, stretched along the first dimension; which island each is on."""
    rng = np.random.default_rng(seed)
    island = rng.integers(0, k, n)
    X = rng.standard_normal((n, d)) * np.r_[3.0, np.ones(d - 1)]
    return (X + 40 * rng.standard_normal((k, d))[island] + 5).astype(np.float32), island


def measured(X, groups, n_boot=0):
    X64 = X.astype(np.float64)
    resamples = Resamples(groups, int(groups.max()) + 1, n_boot, 0)
    return grouped_isotropy(X.astype(np.float32), X64.T @ X64, resamples)


@pytest.mark.parametrize("d", [3, 300])
def test_partition_and_mean_cosine_equal_their_formulas(d):
    X = np.random.default_rng(0).standard_normal((500, d)) * np.linspace(0.2, 0.5, d) + 0.1
    found = measured(X, np.sort(np.arange(500) % 37))
    assert found["partition"].value == pytest.approx(partition(X), rel=1e-4)
    assert found["partition_log10"].value == pytest.approx(np.log10(partition(X)), rel=1e-4)
    assert found["mean_cosine"].value == pytest.approx(mean_cosine(X), abs=1e-7)


def test_large_norms_do_not_underflow_the_logarithm():
    X = np.random.default_rng(0).standard_normal((300, 5)) * 1000
    found = measured(X, np.arange(300) // 3, 50)
    assert found["partition"].value == 0
    assert -5000 < found["partition_log10"].value < -100
    assert np.isfinite(found["partition_log10"].replicates).all()


def test_replicates_of_the_measures_spread_as_recomputed_resamples_do():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(150), 6)
    X = rng.standard_normal((900, 4)) * [1.5, 1, 1, 1] + 0.4 + 0.7 * rng.standard_normal((150, 4))[groups]
    found = measured(X, groups, 300)
    again = []
    for _ in range(150):
        rows = (rng.integers(0, 150, 150)[:, None] * 6 + np.arange(6)).ravel()
        F = np.exp(np.concatenate([X[rows], -X[rows]], axis=1) @ np.eye(8)).sum(axis=0)
        again.append([mean_cosine(X[rows]), np.log10(F.min() / F.max())])
    spread = np.std(again, axis=0)
    assert 0.75 < found["mean_cosine"].replicates.std() / spread[0] < 1.3
    assert found["mean_cosine"].replicates.mean() == pytest.approx(found["mean_cosine"].value, abs=spread[0] / 4)
    assert 0.5 < found["partition_log10"].replicates.std() / spread[1] < 2


def test_a_sentence_drawn_twice_is_not_like_its_copy():
    """Sentences of one direction each: pairs of copies would add 1 / 20 to the mean cosine of a resample."""
    X = np.random.default_rng(0).standard_normal((20, 200)).repeat(5, axis=0)
    found = measured(X, np.repeat(np.arange(20), 5), 500)["mean_cosine"]
    assert found.replicates.mean() == pytest.approx(found.value, abs=0.01)


def test_taking_away_the_means_of_islands_makes_them_isotropic():
    X, _ = islands()
    found = cluster_isotropy(ArrayVectors(X), np.arange(600) // 5, (1, 4), bootstrap=20)
    one, four = (c.measures for c in found.clusterings)
    centred = X.astype(np.float64) - X.mean(axis=0)
    assert one["partition_log10"].value == pytest.approx(np.log10(partition(centred)), rel=1e-4)
    assert one["mean_cosine"].value == pytest.approx(mean_cosine(centred), abs=1e-5)
    assert four["partition_log10"].value > 0.3 * one["partition_log10"].value
    labels = found.clusterings[1].labels
    within = np.concatenate([X[labels == c] - X[labels == c].mean(axis=0) for c in range(4)]).astype(np.float64)
    assert four["partition"].value == pytest.approx(partition(within), rel=1e-3)
    assert four["mean_cosine"].value == pytest.approx(mean_cosine(within), abs=1e-5)


def test_clusters_find_the_islands_and_chance_does_not():
    X, island = islands()
    types = np.arange(600) // 2
    labelling = Labelling.of("island", island, types)
    assert labelling.shuffle == "words"
    (only,) = cluster_isotropy(ArrayVectors(X), np.arange(600), (4,), labellings=[labelling]).clusterings
    (found,) = only.agreements
    assert found.purity.value == found.nmi.value == 1
    assert null_interval(found.purity_null)[1] < 0.4
    assert null_interval(found.nmi_null)[1] < 0.05
    assert found.nmi.interval() == pytest.approx((1, 1))


@pytest.mark.parametrize("n_labels", [2, 7, 150])
def test_purity_and_nmi_equal_scikit_learns(n_labels):
    rng = np.random.default_rng(0)
    clusters = rng.integers(0, 6, 400)
    labels = np.where(rng.random(400) < 0.4, clusters % n_labels, rng.integers(0, n_labels, 400))
    found = cluster_agreement(clusters, Labelling.of("x", labels, np.arange(400)), np.arange(400), 400)
    assert found.nmi.value == pytest.approx(normalized_mutual_info_score(labels, clusters), abs=1e-12)
    purity = sum(np.bincount(labels[clusters == c]).max() for c in range(6)) / 400
    assert found.purity.value == pytest.approx(purity)


def test_intervals_of_agreement_spread_as_recomputed_resamples_do():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(200), 5)
    clusters = rng.integers(0, 4, 1000)
    labels = np.where(rng.random(200)[groups] < 0.6, clusters, rng.integers(0, 4, 1000))
    found = cluster_agreement(clusters, Labelling.of("x", labels, np.arange(1000)), groups, 200, bootstrap=500)
    again = []
    for _ in range(200):
        rows = (rng.integers(0, 200, 200)[:, None] * 5 + np.arange(5)).ravel()
        redone = Labelling.of("x", labels[rows], np.arange(1000))
        once = cluster_agreement(clusters[rows], redone, groups, 200, bootstrap=0, permutations=0)
        again.append([once.purity.value, once.nmi.value])
    spread = np.std(again, axis=0)
    assert 0.8 < found.purity.replicates.std() / spread[0] < 1.25
    assert 0.8 < found.nmi.replicates.std() / spread[1] < 1.25


def test_clusters_that_only_keep_words_together_do_not_beat_the_null_of_types():
    """Each word type is one cluster, and the label of types is arbitrary: only a shuffle of words calls that a find."""
    rng = np.random.default_rng(0)
    types = rng.integers(0, 60, 1200)
    clusters = rng.permutation(60)[types] // 3
    label = rng.integers(0, 3, 60)[types]
    by_types = Labelling.of("class", label, types)
    by_words = Labelling.of("class", label, types, shuffle="words")
    assert by_types.shuffle == "types"
    hard, easy = (cluster_agreement(clusters, a, np.arange(1200), 1200) for a in (by_types, by_words))
    low, high = null_interval(hard.nmi_null)
    assert low < hard.nmi.value < high
    low, high = null_interval(hard.purity_null)
    assert low < hard.purity.value < high
    assert easy.nmi.value > 5 * null_interval(easy.nmi_null)[1]


def test_a_class_of_types_that_clusters_follow_beats_the_null_of_types():
    rng = np.random.default_rng(0)
    types = rng.integers(0, 60, 1200)
    labelling = Labelling.of("class", types % 3, types)
    found = cluster_agreement(types % 3, labelling, np.arange(1200), 1200)
    assert found.shuffle == "types"
    assert found.nmi.value == 1 > null_interval(found.nmi_null)[1]
    assert found.purity.value == 1 > null_interval(found.purity_null)[1]


def test_types_dealt_by_chance_keep_the_sizes_of_the_classes():
    """With all words in one cluster, purity is the share of the largest class: so it is in the null."""
    types = np.repeat(np.arange(1000), np.arange(1000) % 3 + 1)
    labelling = Labelling.of("class", types < 900, types)
    found = cluster_agreement(np.zeros(len(types), dtype=int), labelling, np.arange(len(types)), len(types))
    assert found.shuffle == "types"
    assert found.purity.value == pytest.approx(0.9, abs=0.01)
    assert np.allclose(found.purity_null, found.purity.value, atol=0.01)
    assert found.nmi.value == 0


def test_the_word_itself_is_shuffled_over_words():
    assert Labelling.of("word", ["a", "b", "a"], np.array([0, 1, 0])).shuffle == "words"
    with pytest.raises(OptionError, match="needs one label per type"):
        Labelling.of("tense", ["past", "present"], np.array([0, 0]), shuffle="types")


def test_the_unlabelled_take_no_part():
    rng = np.random.default_rng(0)
    clusters, labels = rng.integers(0, 3, 200), rng.integers(0, 3, 200)
    values = [None if i % 4 == 0 else f"c{c}" for i, c in enumerate(labels)]
    held = np.arange(200) % 4 > 0
    found = cluster_agreement(clusters, Labelling.of("x", values, np.arange(200)), np.arange(200), 200)
    assert found.n == 150
    assert found.nmi.value == pytest.approx(normalized_mutual_info_score(labels[held], clusters[held]))
    with pytest.raises(OptionError, match="no word is labelled"):
        Labelling.of("x", [None, None], np.arange(2))
    with pytest.raises(OptionError, match="3 labels do not match 2 words"):
        Labelling.of("x", ["a", "b", "a"], np.arange(2))


def test_frequency_bands_are_decades():
    types = np.repeat(np.arange(4), [1, 9, 10, 100])
    assert frequency_bands(types).unique(maintain_order=True).to_list() == ["1", "2-9", "10-99", "100-999"]


def test_the_same_words_are_sampled_whatever_the_vectors_and_equal_layers_give_equal_numbers():
    X, island = islands()
    labelling = Labelling.of("island", island, np.arange(600))
    runs = [
        cluster_isotropy(ArrayVectors(Y), np.arange(600) // 4, (1, 5), labellings=[labelling], max_words=300, seed=3)
        for Y in (X, X.copy(), X[:, ::-1] ** 2)
    ]
    assert len(runs[0].rows) == 300
    assert (runs[0].rows == runs[2].rows).all()
    assert any("300 of 600" in note for note in runs[0].notes)
    for a, b in zip(runs[0].clusterings, runs[1].clusterings, strict=True):
        assert (a.labels == b.labels).all()
        for name, estimate in a.measures.items():
            assert not estimate.minus(b.measures[name]).replicates.any()
        for one, two in zip(a.agreements, b.agreements, strict=True):
            assert (one.nmi_null == two.nmi_null).all()
            assert one.purity.minus(two.purity).value == 0


def test_more_clusters_than_vectors_are_left_out_with_a_note():
    X = np.repeat(islands(30)[0], 2, axis=0)
    found = cluster_isotropy(ArrayVectors(X), np.arange(60), (2, 30, 50))
    assert [c.k for c in found.clusterings] == [2, 30]
    assert any("50 clusters left out: 30 different vectors" in note for note in found.notes)
    alone = found.clusterings[1].measures
    assert np.isnan(alone["mean_cosine"].value)
    assert alone["partition"].value == pytest.approx(1)


def test_one_sentence_has_no_interval():
    X, island = islands(60)
    labelling = Labelling.of("island", island, np.arange(60))
    (found,) = cluster_isotropy(ArrayVectors(X), np.full(60, 7), (2,), labellings=[labelling]).clusterings
    for estimate in (*found.measures.values(), found.agreements[0].nmi):
        assert np.isfinite(estimate.value)
        assert np.isnan(estimate.interval()).all()


def test_bad_input_is_refused():
    X, _ = islands()
    groups = np.arange(600)
    with pytest.raises(OptionError, match="at least 1 each"):
        cluster_isotropy(ArrayVectors(X), groups, (0, 5))
    with pytest.raises(OptionError, match="at least two words"):
        cluster_isotropy(ArrayVectors(X[:1]), groups[:1])
    with pytest.raises(OptionError, match="groups should be one per word"):
        cluster_isotropy(ArrayVectors(X), groups[:9])
    X[9] = np.nan
    with pytest.raises(OptionError, match="row 9"):
        cluster_isotropy(ArrayVectors(X), groups, (2,))
