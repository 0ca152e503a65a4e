import csv
import io
import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.report import spreadsheet_csv

FORMULAS = (
    "=1+1",
    "+1",
    "-1+cmd|' /C calc'!A0",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    " =1",
    "\ufeff=1",
    "＝1",
    '=HYPERLINK("http://x","y")',
)


def rows(text):
    return list(csv.reader(io.StringIO(text)))


@pytest.mark.parametrize("formula", FORMULAS)
def test_text_that_a_spreadsheet_would_run_has_an_apostrophe_before_it(formula):
    table = pl.DataFrame({"word": [formula, "film"], formula: ["a", None]})
    assert rows(spreadsheet_csv(table)) == [["word", "'" + formula], ["'" + formula, "a"], ["film", ""]]


def test_categories_are_text_too_and_lists_are_left_out():
    table = pl.DataFrame({"label": pl.Series(["=1", "b"], dtype=pl.Categorical), "words": [["=1"], []]})
    assert rows(spreadsheet_csv(table)) == [["label"], ["'=1"], ["b"]]


def test_numbers_stay_numbers():
    table = pl.DataFrame({"value": [-0.5, 1e-9, None], "layer": [-1, 0, 3], "kept": [True, False, None]})
    assert spreadsheet_csv(table) == table.write_csv()


@settings(max_examples=200)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=6), max_size=4))
def test_taking_one_apostrophe_away_gives_the_table_back(texts):
    table = pl.DataFrame({"word": ["x", *texts]}, schema={"word": pl.String})
    found = [row[0] for row in rows(spreadsheet_csv(table))[1:] if row] if all(texts) else None
    if found is None:
        return
    guarded = re.compile(r"'+(?=[\s\x00\ufeff]*[=+\-@＝＋－＠])|'+(?=[\t\n])")
    assert [text[1:] if guarded.match(text) else text for text in found] == table["word"].to_list()
    assert not any(re.match(r"[\s\x00\ufeff]*[=+\-@＝＋－＠]|[\t\n]", text) for text in found)
