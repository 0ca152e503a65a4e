import numpy as np
import pytest

from isogloss.isotropy.estimate import Estimate


def test_the_interval_holds_the_middle_95_percent_of_the_replicates():
    assert Estimate(50.0, np.arange(101.0)).interval() == pytest.approx((2.5, 97.5))


def test_without_replicates_there_is_no_interval():
    assert np.isnan(Estimate(1.0, np.empty(0)).interval()).all()


def test_a_difference_is_paired_and_exactly_zero_from_itself():
    noise = np.random.default_rng(0).standard_normal(200)
    a, b = Estimate(1.0, 1 + noise), Estimate(0.5, 0.5 + noise)
    assert a.minus(a).interval() == (0.0, 0.0)
    low, high = a.minus(b).interval()
    assert np.allclose([low, high], 0.5)
    assert not len(a.minus(Estimate(0.0, np.empty(0))).replicates)
