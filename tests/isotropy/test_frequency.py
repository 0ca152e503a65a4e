import numpy as np
import pytest

from isogloss.analysis import ArrayVectors
from isogloss.errors import OptionError
from isogloss.isotropy.frequency import frequency_agreement

COUNTS = np.repeat([1, 5, 20, 200], [60, 60, 30, 5])


def spoken(strength, seed=0):
    """Types of four frequency bands; a dimension that holds the band, `strength` times the noise."""
    rng = np.random.default_rng(seed)
    types = rng.permutation(np.repeat(np.arange(len(COUNTS)), COUNTS))
    band = np.digitize(COUNTS, [2, 10, 100])
    X = rng.standard_normal((len(COUNTS), 6))[types] + strength * np.eye(6)[band][types]
    return (X + 0.01 * rng.standard_normal(X.shape)).astype(np.float32), types


def run(X, types, **options):
    return frequency_agreement(ArrayVectors(X), types, np.arange(len(X)) // 3, -(-len(X) // 3), neighbours=3, **options)


def test_a_space_ordered_by_frequency_beats_chance_and_one_that_is_not_does_not():
    ordered, types = spoken(30.0)
    found = run(ordered, types)
    assert found.agreement.value > 0.95 > found.null.max()
    mixed, types = spoken(0.0)
    found = run(mixed, types)
    low, high = np.quantile(found.null, [0.005, 0.995])
    assert low < found.agreement.value < high


def test_occurrences_of_the_same_word_are_no_neighbours():
    """They lie on top of each other, in bands of their own: counted, the agreement would be 1."""
    mixed, types = spoken(0.0)
    assert run(mixed, types).agreement.value < 0.6
    assert len(run(mixed, types).rows) == len(COUNTS) == len(set(types[run(mixed, types).rows]))


def test_bands_come_by_frequency_with_their_chance():
    X, types = spoken(30.0)
    found = run(X, types)
    assert found.bands == ("1", "2-9", "10-99", "100-999")
    assert found.counts.tolist() == [60, 60, 30, 5]
    assert np.allclose(found.chance, (found.counts - 1) / 154)
    assert (found.by_band @ found.counts) / 155 == pytest.approx(found.agreement.value)
    assert (found.chance @ found.counts) / 155 == pytest.approx(found.null.mean(), abs=0.01)


def test_the_interval_holds_the_agreement_and_equal_layers_differ_by_nothing():
    X, types = spoken(1.0)
    a, b = run(X, types, max_words=100), run(X.copy(), types, max_words=100)
    assert len(a.rows) == 100
    low, high = a.agreement.interval()
    assert low < a.agreement.value < high
    assert not a.agreement.minus(b.agreement).replicates.any()
    assert (a.null == b.null).all()


def test_bad_input_is_refused():
    X, types = spoken(0.0)
    with pytest.raises(OptionError, match=r"fewer than the 155 sampled types\. Got 155"):
        frequency_agreement(ArrayVectors(X), types, np.zeros(len(X), dtype=int), 1, neighbours=155)
    with pytest.raises(OptionError, match="Got none in row 1"):
        run(X, types, bands=["a", None, *["a"] * (len(X) - 2)])
    X[types == 3] = np.nan
    with pytest.raises(OptionError, match="NaN or infinity in row"):
        run(X, types)
