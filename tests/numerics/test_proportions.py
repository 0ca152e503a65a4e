import pytest

from isogloss.numerics import wilson_interval


@pytest.mark.parametrize(
    ("share", "n", "low", "high"),
    # Newcombe 1998, doi 10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E, Table I, method 3.
    [
        (81 / 263, 263, 0.2553, 0.3662),
        (15 / 148, 148, 0.0624, 0.1605),
        (0.0, 20, 0.0, 0.1611),
        (1 / 29, 29, 0.0061, 0.1718),
    ],
)
def test_wilsons_interval_is_the_published_one(share, n, low, high):
    assert wilson_interval(share * n, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_ends_are_exact_at_none_and_all():
    assert float(wilson_interval(0, 7)[0]) == 0.0
    assert float(wilson_interval(7, 7)[1]) == 1.0
