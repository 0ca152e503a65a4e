"""A table as CSV that is safe to open in a spreadsheet: no text of a corpus becomes a formula. Does not write files."""

from __future__ import annotations

import polars as pl

_FORMULA = r"^('*[\s\x00\x{FEFF}]*[=+\-@\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]|'*[\t\r\n])"


def spreadsheet_csv(frame: pl.DataFrame) -> str:
    """The table as CSV, in which a text that a spreadsheet would take for a formula has an apostrophe before it.

    That is text which begins with `=`, `+`, `-`, `@` (also full-width, also after blanks), a tab or a line break.
    Numbers stay numbers. Columns of lists are left out. A text that begins with apostrophes and then one of these gets
    one more, so that taking one apostrophe away from every text that begins so gives back the table as it was.
    """
    flat = frame.select(name for name, kind in frame.schema.items() if not kind.is_nested())
    texts = [name for name, kind in flat.schema.items() if kind in (pl.String, pl.Categorical, pl.Enum)]
    safe = flat.with_columns(pl.col(name).cast(pl.String).str.replace(_FORMULA, "'${1}") for name in texts)
    header = pl.Series(safe.columns, dtype=pl.String).str.replace(_FORMULA, "'${1}")
    return safe.rename(dict(zip(safe.columns, header, strict=True))).write_csv()
