import numpy as np
import pytest
from scipy.special import logsumexp

from isogloss.analysis import ArrayVectors
from isogloss.errors import OptionError
from isogloss.isotropy.cosine import mean_cosine, rogue_dimensions
from isogloss.isotropy.estimate import Estimate
from isogloss.isotropy.informativity import informativity
from isogloss.isotropy.partition import partition_isotropy
from isogloss.isotropy.shape import measure_shape
from isogloss.isotropy.spectrum import (
    directions_for,
    effective_rank,
    elongated_directions,
    isoscore,
    participation_ratio,
    spectrum,
)
from isogloss.numerics import poisson_sums
from tests.vectors import SteppedVectors

SCALES = np.array([3.0, 2.0, 1.0, 0.7, 0.4, 0.2])
OFFSET = np.array([0.0, 0.5, 2.0, 0.0, -1.0, 0.3])


def planted(rng, sentences=60, words=5):
    """Words that share a sentence's effect; the sentence of each."""
    groups = np.repeat(np.arange(sentences), words)
    shared = rng.normal(size=(sentences, 6))[groups]
    X = (shared + rng.normal(size=(sentences * words, 6))) * SCALES / np.sqrt(2) + OFFSET
    return X.astype(np.float32), groups


def shape_of(X, groups=None, n_groups=None, step=77, **options):
    groups = np.arange(len(X)) if groups is None else groups
    return measure_shape(SteppedVectors(X, step), groups, n_groups or int(groups.max()) + 1, **options)


def weights_of(n_groups, n_boot, seed=0):
    """(n_boot, n_groups), as every analysis draws them."""
    return poisson_sums(np.eye(n_groups), n_boot, seed)


def test_values_are_those_of_the_functions_of_arrays():
    X, groups = planted(np.random.default_rng(0))
    shape = shape_of(X, groups, elongated=(1, 2.5), shares=(0.5, 0.95))
    rogue = rogue_dimensions(X, 6)
    wanted = {
        "partition": partition_isotropy(X),
        "partition_log10": partition_isotropy(X, log10=True),
        "partition_reference": partition_isotropy(X, sign="reference"),
        "mean_cosine": mean_cosine(X),
        "isoscore": isoscore(X),
        "participation": participation_ratio(X),
        "effective_rank": effective_rank(X),
        "top_share": spectrum(X)[0] / spectrum(X).sum(),
        "directions_50": directions_for(X, 0.5),
        "directions_95": directions_for(X, 0.95),
        "elongated_1": elongated_directions(X, 1),
        "elongated_2.5": elongated_directions(X, 2.5),
    } | {f"rogue_{k}": rogue.shares[:k].sum() for k in (1, 3, 5)}
    wanted |= {f"informativity_{k}": informativity(X, rogue.dimensions[:k]) for k in (1, 3, 5)}
    assert shape.measures.keys() == wanted.keys()
    for name, value in wanted.items():
        assert shape.measures[name].value == pytest.approx(value, rel=1e-5 if "partition" in name else 1e-9), name
    assert shape.spectrum == pytest.approx(spectrum(X), rel=1e-9)
    assert shape.rogue.dimensions.tolist() == rogue.dimensions.tolist()
    assert (shape.n, shape.zero_vectors, shape.notes) == (300, 0, ())
    for name, estimate in shape.measures.items():
        assert len(estimate.replicates) == 200, name


def test_the_same_vectors_give_the_same_numbers_to_the_last_bit():
    X, groups = planted(np.random.default_rng(1))
    one, two = shape_of(X, groups, seed=5), shape_of(X.copy(), groups, seed=5)
    for name, estimate in one.measures.items():
        gone = estimate.minus(two.measures[name])
        assert gone.value == 0
        assert not gone.replicates.any()
        assert not len(gone.replicates) or gone.interval() == (0, 0)
    assert one.measures["partition"].interval() != shape_of(X, groups, seed=6).measures["partition"].interval()


@pytest.mark.parametrize("scale", [1, 1000])
def test_blocks_and_the_order_of_words_do_not_matter(scale):
    X, groups = planted(np.random.default_rng(2))
    X *= np.float32(scale)
    order = np.random.default_rng(0).permutation(len(X))
    whole = shape_of(X, groups, step=2048, bootstrap=20)
    for other in (shape_of(X, groups, step=7, bootstrap=20), shape_of(X[order], groups[order], step=64, bootstrap=20)):
        for name, estimate in whole.measures.items():
            if name == "partition_reference" or name.startswith("informativity"):
                continue
            assert other.measures[name].value == pytest.approx(estimate.value, rel=1e-4), name
            assert other.measures[name].replicates == pytest.approx(estimate.replicates, rel=1e-4), name


def test_turning_the_space_changes_only_what_asks_about_its_axes():
    X, groups = planted(np.random.default_rng(3))
    turned = (X @ np.linalg.qr(np.random.default_rng(4).normal(size=(6, 6)))[0]).astype(np.float32)
    before, after = shape_of(X, groups, bootstrap=20), shape_of(turned, groups, bootstrap=20)
    for name, estimate in before.measures.items():
        if not name.startswith(("rogue", "informativity", "partition_reference")):
            assert after.measures[name].value == pytest.approx(estimate.value, rel=1e-4), name
            assert after.measures[name].replicates == pytest.approx(estimate.replicates, rel=1e-3), name
    assert after.measures["rogue_1"].value != pytest.approx(before.measures["rogue_1"].value, rel=0.01)


def test_resampled_cosines_are_those_of_the_pairs_of_every_resample():
    X, groups = planted(np.random.default_rng(5), sentences=12)
    shape = shape_of(X, groups, bootstrap=15, seed=3)
    unit = X / np.linalg.norm(X.astype(float), axis=1, keepdims=True)
    rogue = shape.rogue.dimensions[:3]
    cosines, parts = unit @ unit.T, unit[:, rogue] @ unit[:, rogue].T
    for replicate, drawn in enumerate(weights_of(12, 15, 3)):
        w = drawn[groups]
        pairs = np.where(groups[:, None] == groups, w[:, None], np.outer(w, w))
        np.fill_diagonal(pairs, 0)
        mean = (pairs * cosines).sum() / pairs.sum()
        assert shape.measures["mean_cosine"].replicates[replicate] == pytest.approx(mean, abs=1e-10)
        share = (pairs * parts).sum() / (pairs * cosines).sum()
        assert shape.measures["rogue_3"].replicates[replicate] == pytest.approx(share, abs=1e-10)


@pytest.mark.parametrize(("scale", "outlier"), [(1, 0), (1000, 0), (1, 900), (0.1, 5000)])
def test_resampled_partitions_are_those_of_every_resample_along_the_same_directions(scale, outlier):
    X, groups = planted(np.random.default_rng(6), sentences=40)
    X *= np.float32(scale)
    X[17, 2] += outlier
    shape = shape_of(X, groups, bootstrap=25, seed=1)
    X64 = X.astype(np.float64)
    along = X64 @ np.linalg.eigh(X64.T @ X64)[1]
    along = np.concatenate([along, -along], axis=1)
    for replicate, drawn in enumerate(weights_of(40, 25, 1)):
        logs = logsumexp(along, axis=0, b=drawn[groups][:, None])
        wanted = (logs.min() - logs.max()) / np.log(10)
        assert shape.measures["partition_log10"].replicates[replicate] == pytest.approx(wanted, rel=1e-5, abs=1e-5)
    assert shape.measures["partition_log10"].value == pytest.approx(partition_isotropy(X, log10=True), rel=1e-5)


def test_resampled_variances_follow_those_of_every_resample():
    X, groups = planted(np.random.default_rng(7), sentences=800)
    shape = shape_of(X, groups, bootstrap=60)
    exact = {"participation": [], "isoscore": [], "effective_rank": []}
    for drawn in weights_of(800, 60):
        again = np.repeat(X, drawn[groups].astype(int), axis=0)
        for name, measure in zip(exact, (participation_ratio, isoscore, effective_rank), strict=True):
            exact[name].append(measure(again))
    for name, wanted in exact.items():
        found = shape.measures[name].replicates
        assert np.corrcoef(found, wanted)[0, 1] > 0.99, name
        assert np.polyfit(found, wanted, 1)[0] == pytest.approx(1, abs=0.06), name


def test_intervals_over_sentences_cover_the_population_and_over_words_do_not():
    population = SCALES**2
    truth = {
        "participation": population.sum() ** 2 / (population @ population),
        "effective_rank": np.prod((population / population.sum()) ** -(population / population.sum())),
        "mean_cosine": mean_cosine(planted(np.random.default_rng(99), 100_000, 1)[0]),
    }
    rng, repeats = np.random.default_rng(8), 60
    covered, by_word = dict.fromkeys(truth, 0), dict.fromkeys(truth, 0)
    for repeat in range(repeats):
        X, groups = planted(rng, sentences=100, words=12)
        for counts, of in ((covered, groups), (by_word, np.arange(len(X)))):
            shape = shape_of(X, of, step=2048, seed=repeat, bootstrap=100)
            for name, value in truth.items():
                low, high = shape.measures[name].interval()
                counts[name] += low <= value <= high
    assert min(covered.values()) >= 0.86 * repeats, covered
    assert max(by_word.values()) < 0.85 * repeats, by_word


def test_counts_of_directions_waver_where_the_spectrum_is_near_the_threshold():
    rng = np.random.default_rng(9)
    X = rng.normal(size=(400, 4)) * np.array([3.0, 1.02, 1.0, 0.98])
    clear = shape_of(X, elongated=(2.0,), shares=(0.5,)).measures
    assert clear["elongated_2"].interval() == (1, 1)
    assert clear["directions_50"].interval() == (1, 1)
    near = shape_of(X, elongated=(float(spectrum(X)[1] / spectrum(X).mean()) * 0.999,)).measures
    name = next(name for name in near if name.startswith("elongated"))
    assert near[name].interval()[0] < near[name].interval()[1]


def test_zero_vectors_are_counted_and_have_no_cosine():
    X, groups = planted(np.random.default_rng(10))
    mean = mean_cosine(np.delete(X, [4, 9], axis=0))
    X[[4, 9]] = 0
    shape = shape_of(X, groups)
    assert shape.zero_vectors == 2
    assert shape.measures["mean_cosine"].value == pytest.approx(mean, abs=1e-12)
    assert shape.measures["isoscore"].value == pytest.approx(isoscore(X))
    assert "2 zero vectors" in shape.notes[0]


def test_constant_dimensions_are_dimensions_without_variance():
    X, groups = planted(np.random.default_rng(11))
    wide = np.concatenate([X, np.full((300, 2), 0.7, dtype=np.float32)], axis=1)
    narrow, shape = shape_of(X, groups), shape_of(wide, groups)
    assert shape.spectrum[-2:] == pytest.approx(0, abs=1e-12)
    assert shape.measures["participation"].value == pytest.approx(narrow.measures["participation"].value)
    assert shape.measures["effective_rank"].replicates == pytest.approx(narrow.measures["effective_rank"].replicates)


DIRECTIONS = {"partition", "partition_log10", "partition_reference", "participation", "isoscore", "effective_rank"}


@pytest.mark.parametrize(
    ("X", "absent", "note"),
    [
        (np.random.default_rng(0).normal(size=(5, 6)), DIRECTIONS, "5 words of 6 dimensions"),
        (np.ones((1, 3)), DIRECTIONS | {"mean_cosine", "rogue_1"}, "1 words of 3 dimensions"),
        (np.full((9, 3), 0.1), DIRECTIONS - {"partition", "partition_log10", "partition_reference"}, "same vector"),
        (np.zeros((9, 3)), DIRECTIONS | {"mean_cosine", "rogue_1"}, "no directions"),
        (np.concatenate([np.eye(3), -np.eye(3)]), {"rogue_1"}, "not above 0"),
        (np.arange(9.0)[:, None], {"isoscore"}, "one dimension"),
    ],
)
def test_what_is_not_defined_is_absent_with_a_note(X, absent, note):
    shape = shape_of(X.astype(np.float32), bootstrap=10)
    assert not absent & shape.measures.keys()
    assert any(note in said for said in shape.notes), shape.notes
    assert all(np.isfinite(estimate.value) for estimate in shape.measures.values())
    if note == "5 words of 6 dimensions":
        assert shape.measures["mean_cosine"].value == pytest.approx(mean_cosine(X), abs=1e-6)
        assert not len(shape.spectrum)


def test_no_interval_without_resamples_or_of_a_single_sentence():
    X, groups = planted(np.random.default_rng(12))
    for shape in (shape_of(X, groups, bootstrap=0), shape_of(X, np.zeros(300, dtype=int), 4)):
        assert all(np.isnan(estimate.interval()).all() for estimate in shape.measures.values())
    assert "one sentence" in shape.notes[0]


def test_a_handful_of_sentences_still_gives_numbers_without_a_warning():
    X, _ = planted(np.random.default_rng(13))
    for estimate in shape_of(X, np.arange(300) // 150, bootstrap=50).measures.values():
        assert np.isfinite(estimate.value)


def test_sentences_without_words_change_nothing_but_the_draw():
    X, groups = planted(np.random.default_rng(14))
    assert shape_of(X, groups, 90).measures["isoscore"].value == shape_of(X, groups).measures["isoscore"].value


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"groups": np.arange(4)}, "4 for 300 words"),
        ({"groups": np.full(300, 9), "n_groups": 9}, r"0 \.\. 8.*9"),
        ({"groups": np.zeros(300)}, "integers"),
        ({"bootstrap": -1}, "bootstrap"),
        ({"elongated": (0,)}, "c should"),
        ({"shares": (1.1,)}, "share"),
    ],
)
def test_options_that_do_not_fit_are_refused(change, message):
    X, groups = planted(np.random.default_rng(15))
    options = {"groups": groups, "n_groups": 60} | change
    with pytest.raises(OptionError, match=message):
        measure_shape(ArrayVectors(X), options.pop("groups"), options.pop("n_groups"), **options)


def test_bad_numbers_are_named_by_their_row():
    X, groups = planted(np.random.default_rng(16))
    X[207, 3] = np.nan
    with pytest.raises(OptionError, match="row 207"):
        shape_of(X, groups)


def test_an_estimate_pairs_its_replicates_and_refuses_those_of_another_draw():
    one, two = Estimate(3.0, np.array([1.0, 2.0, np.nan])), Estimate(1.0, np.array([0.5, 1.0, 1.0]))
    assert one.minus(two).value == 2
    assert one.minus(two).replicates[:2].tolist() == [0.5, 1.0]
    assert one.interval() == pytest.approx((1.025, 1.975))
    assert np.isnan(one.minus(Estimate(1.0, np.empty(0))).interval()).all()
    with pytest.raises(OptionError, match="3 and 2"):
        one.minus(Estimate(1.0, np.zeros(2)))


def test_constant_dimensions_are_counted_in_the_notes():
    X, groups = planted(np.random.default_rng(0))
    X[:, 2] = 7.0
    shape = shape_of(X, groups)
    assert any(f"1 of {X.shape[1]} dimensions are constant" in note for note in shape.notes)


def test_isoscore_is_that_of_its_authors_package():
    package = pytest.importorskip("IsoScore.IsoScore")
    rng = np.random.default_rng(3)
    for n, d in ((50, 3), (400, 20), (900, 64)):
        X = rng.standard_normal((n, d)) @ rng.standard_normal((d, d))
        assert isoscore(X) == pytest.approx(package.IsoScore(X.T), abs=1e-9)
