import builtins
import io
import json
import struct
import sys
from xml.etree import ElementTree

import polars as pl
import pytest
from rich.console import Console

from isogloss.analysis import Finding, LinesFigure
from isogloss.errors import OptionError
from isogloss.report import (
    export_figures,
    figure_svg,
    findings_panel,
    summary_json,
    summary_markdown,
    table_view,
)
from isogloss.report.record import command_of, seconds, sections
from tests.report import example


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_exported_svg_stands_alone(theme):
    for figure in example.figures():
        text = figure_svg(figure, theme)
        root = ElementTree.fromstring(text)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "var(--" not in text
        assert "href" not in text
        assert figure.title in text


def test_themes_differ_and_an_unknown_one_is_refused():
    figure = example.figures()[0]
    assert figure_svg(figure, "light") != figure_svg(figure, "dark")
    with pytest.raises(OptionError, match=r"no theme called 'sepia'; there are: light, dark"):
        figure_svg(figure, "sepia")


def test_figures_are_exported_as_svg_and_png(tmp_path):
    pytest.importorskip("resvg_py")
    written = export_figures(example.figures(), tmp_path / "figures")
    assert [p.name for p in written[:2]] == ["similarity-curve.svg", "similarity-curve.png"]
    for path in written:
        content = path.read_bytes()
        if path.suffix == ".png":
            assert content.startswith(b"\x89PNG\r\n\x1a\n")
            width, height = struct.unpack(">II", content[16:24])
            assert width == 1440
            assert height > 400
            assert len(content) > 10_000


def test_png_without_its_package_says_what_to_install_and_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "resvg_py", raising=False)
    found = builtins.__import__
    monkeypatch.setattr("importlib.import_module", lambda name: found("no_such_package_" + name))
    with pytest.raises(OptionError, match=r"pip install 'isogloss\[png\]'"):
        export_figures(example.figures(), tmp_path / "figures")
    assert not (tmp_path / "figures").exists()


def test_unknown_formats_and_names_that_are_no_file_names_are_refused(tmp_path):
    with pytest.raises(OptionError, match="'pdf'; formats: svg, png"):
        export_figures(example.figures(), tmp_path, ["pdf"])
    with pytest.raises(OptionError, match="no file name"):
        export_figures([LinesFigure("../up", "t", "c")], tmp_path, ["svg"])
    assert list(tmp_path.iterdir()) == []


def test_summary_json_has_its_documented_keys_and_every_layer():
    summary = json.loads(json.dumps(summary_json(example.run()), allow_nan=False))
    assert list(summary) == [
        "schema", "title", "compared", "findings", "measures", "notes", "command", "seed", "versions", "models",
    ]  # fmt: skip
    rows = summary["measures"]["similarity"]["cka"]["tuned"]
    assert [row["layer"] for row in rows] == list(range(7))
    assert [row["value"] for row in rows] == list(example.CKA)
    assert list(rows[0]) == ["layer", "seed", "value", "ci_low", "ci_high", "null_low", "null_high", "n"]
    assert summary["findings"][0]["text"].startswith("Layer 6 was rewritten")
    assert summary["compared"]["tuned"] == ["tiny-encoder-sentiment"]
    assert summary["versions"]["torch"] == "2.13.0"


def test_summary_json_has_null_for_nan_and_leaves_subsets_to_the_tables():
    frame = example.table()
    odd = frame.with_columns(value=pl.lit(float("nan")))
    part = frame.with_columns(subset=pl.lit("upos=NOUN"))
    summary = summary_json(example.run(tables={"similarity": pl.concat([odd, part])}))
    rows = summary["measures"]["similarity"]["cka"]["tuned"]
    assert len(rows) == 7
    assert all(row["value"] is None for row in rows)


def test_summary_markdown_says_findings_layers_and_how():
    text = summary_markdown(example.run())
    assert text.index("Layer 6 was rewritten") < text.index("Layers 0 to 3")
    assert "| 6 | 0.431 [0.421, 0.441] |" in text
    assert "| layer | CKA |" in text
    assert "isogloss compare tiny-encoder out/tuned --data 'held out.csv'" in text
    assert "2 sentences longer" in text


def test_summary_markdown_keeps_hostile_text_from_becoming_markup():
    bad = "<b>x</b> | `code` [link](y)\n# heading \x1b[2J"
    text = summary_markdown(example.run(findings=[Finding(bad, "a", "m")], notes=[bad], title=bad))
    assert "<b>" not in text
    assert "\x1b" not in text
    assert "\n# heading" not in text
    assert "\\[link\\]" in text


def test_the_record_reads_models_commands_and_times():
    named = {section.title: section for section in sections(example.run().manifest)}
    assert list(named)[:3] == ["Base model", "Tuned model", "Corpus"]
    assert ("sha256", "9f2c" * 16, True) in named["Base model"].lines
    assert ("extract", "1 min 14 s", False) in named["Time"].lines
    assert command_of({"command": ["a", "b c"]}) == "a 'b c'"
    assert command_of({}) == ""
    assert [seconds(v) for v in (0.5, 12.34, 3723)] == ["0.50 s", "12.3 s", "1 h 02 min"]


def shown(renderable) -> str:
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    console.print(renderable)
    return console.file.getvalue()


def test_terminal_findings_are_ordered_and_never_markup_or_control_codes():
    bad = Finding("[red]alert[/red] \x1b[2J\x07 end", "a", "m", weight=1.0)
    text = shown(findings_panel([*example.findings(), bad]))
    assert text.index("[red]alert[/red]") < text.index("Layer 6 was rewritten")
    assert "\x1b[2J" not in text
    assert "\x07" not in text
    assert "nothing to report" in shown(findings_panel([]))


def test_terminal_tables_show_numbers_counts_and_escape_cells():
    frame = pl.DataFrame({"word": ["[bold]x\x1b[2J"] * 50, "value": [0.12345] * 50, "empty": [None] * 50})
    text = shown(table_view(frame, limit=3))
    assert "[bold]x" in text
    assert "\x1b[2J" not in text
    assert "0.123" in text
    assert "and 47 more rows" in text
    assert "empty" not in text
