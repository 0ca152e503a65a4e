import pytest

from isogloss.numerics.ward import linkage

SMALL = linkage.SMALL


@pytest.fixture(autouse=True)
def our_own_ward(monkeypatch):
    """Few points go to SciPy; tests of our own rounds must not be tests of SciPy against itself."""
    monkeypatch.setattr(linkage, "SMALL", 1)
