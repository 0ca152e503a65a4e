import pytest

from isogloss.numerics.ward import linkage

SMALL, FEW = linkage.SMALL, linkage.FEW


@pytest.fixture(autouse=True)
def our_own_ward(monkeypatch):
    """Few points go to SciPy; tests of our own rounds must not be tests of SciPy against itself."""
    monkeypatch.setattr(linkage, "SMALL", 1)
    # Lists of candidates first, then searches without any: a few hundred points go through both.
    monkeypatch.setattr(linkage, "FEW", 60)
