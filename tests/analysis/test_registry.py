import pytest

from isogloss.analysis import choose
from isogloss.errors import OptionError


def test_names_may_be_one_string_with_commas():
    assert list(choose("isotropy, similarity")) == ["isotropy", "similarity"]


def test_a_misspelt_name_is_told_what_is_near():
    with pytest.raises(OptionError, match=r"no analysis called 'isotrpy'.*did you mean 'isotropy'"):
        choose(["isotrpy"])
