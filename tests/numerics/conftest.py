import pytest

from isogloss.numerics.ward import linkage


@pytest.fixture(autouse=True)
def our_own_ward(monkeypatch, request):
    """Few points go to SciPy; tests of our own rounds must not be tests of SciPy against itself."""
    if "scipys_own" not in request.keywords:
        monkeypatch.setattr(linkage, "SMALL", 1)
