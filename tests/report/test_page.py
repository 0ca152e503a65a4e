import json
import re
from html.parser import HTMLParser
from itertools import pairwise

import polars as pl
import pytest

from isogloss.analysis import MARK, Figure, Finding, HeatmapFigure, LinesFigure, TableFigure
from isogloss.analysis.kinds import KINDS
from isogloss.errors import StoreError
from isogloss.report import Facts, ReportInput, render, write_report
from isogloss.report.draw import RENDERERS
from isogloss.report.draw.palette import THEMES, contrast
from isogloss.report.glossary import measure_name
from isogloss.report.page import figure_of
from tests.report import example

VOID = {"meta", "link", "br", "hr", "img", "input", "area", "base", "col", "embed", "source", "track", "wbr"}
HOSTILE = "</script><img src=x onerror=window.owned=1>\u2028\u202eevil'\"&amp;\x00\x1b[31m{{7*7}}\ud800😀 שלום"


class Outline(HTMLParser):
    """Checks that tags balance; keeps attributes, texts and headings."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.faults: list[str] = []
        self.texts: list[tuple[str, str]] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))


def outline(page: str) -> Outline:
    read = Outline()
    read.feed(page)
    read.close()
    return read


def hostile_run() -> ReportInput:
    table = TableFigure(
        "words",
        HOSTILE,
        HOSTILE,
        columns=("layer", "word", "examples"),
        rows=(
            (0, HOSTILE, (f"a {MARK}{HOSTILE}{MARK} b", HOSTILE * 700)),
            (1, "x" * 50_000, ("y" * 50_000,)),
        ),
        group_by="layer",
    )
    lines = LinesFigure("curve", HOSTILE, HOSTILE, y_label=HOSTILE, lines=example.figures()[0].lines)
    heat = HeatmapFigure("map", HOSTILE, HOSTILE, HOSTILE, HOSTILE, (HOSTILE,), (HOSTILE,), ((0.5,),))
    return example.run(
        title=HOSTILE,
        facts=Facts(HOSTILE, (HOSTILE, HOSTILE), HOSTILE, 1, 1, (HOSTILE,), (0,), {HOSTILE: 0.5}, {HOSTILE: 3}),
        questions={HOSTILE: HOSTILE},
        findings=[Finding(HOSTILE, HOSTILE, HOSTILE, 0.5, table=HOSTILE)],
        figures={HOSTILE: [table, lines, heat]},
        tables={"words": pl.DataFrame({"word": [HOSTILE.replace("\ud800", "")]})},
        manifest={"command": ["isogloss", HOSTILE], HOSTILE: HOSTILE, "models": {HOSTILE: {HOSTILE: HOSTILE}}},
        notes=[HOSTILE] * 5,
    )


def test_tags_balance_and_ids_are_unique():
    read = outline(render(example.run()))
    assert read.faults == []
    assert read.open == []
    ids = [attrs["id"] for _, attrs in read.tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_nothing_is_loaded_from_elsewhere():
    read = outline(render(example.run()))
    for tag, attrs in read.tags:
        for name in ("src", "href", "action", "data", "srcset", "poster"):
            assert not re.match(r"(?i)\s*([a-z]+:)?//", attrs.get(name) or ""), (tag, attrs)
        assert tag not in {"link", "img", "iframe", "object", "embed", "base"}
    assert "url(http" not in render(example.run())


def test_every_link_inside_the_page_has_its_target():
    read = outline(render(example.run()))
    ids = {attrs["id"] for _, attrs in read.tags if "id" in attrs}
    links = [attrs["href"] for tag, attrs in read.tags if tag == "a"]
    assert any(link.startswith("#figure-") for link in links)
    assert {link[1:] for link in links if link.startswith("#")} <= ids


def test_every_reference_between_elements_has_its_target():
    page = render(example.run())
    read = outline(page)
    ids = {attrs["id"] for _, attrs in read.tags if "id" in attrs}
    for _, attrs in read.tags:
        for name in ("aria-labelledby", "aria-describedby", "for"):
            assert set((attrs.get(name) or "").split()) <= ids
    assert set(re.findall(r"url\(#([^)]+)\)", page)) <= ids


def test_no_inline_style_or_handler_that_the_policy_would_block():
    for _, attrs in outline(render(example.run())).tags:
        assert "style" not in attrs
        assert not any(name.startswith("on") for name in attrs)


def test_headings_go_down_one_level_at_a_time():
    levels = [int(tag[1]) for tag, _ in outline(render(example.run())).tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))


def test_hostile_text_stays_text():
    page = render(hostile_run())
    read = outline(page)
    assert read.faults == []
    assert read.open == []
    tags = [tag for tag, _ in read.tags]
    assert "img" not in tags
    assert tags.count("script") == 2
    assert not any("onerror" in attrs for _, attrs in read.tags)
    assert "\x00" not in page
    assert "\x1b" not in page
    assert "{{7*7}}" in "".join(text for _, text in read.texts)
    page.encode("utf-8")


def test_hostile_text_in_the_data_block_is_valid_json_and_survives():
    page = render(hostile_run())
    block = re.search(r'<script type="application/json" id="summary">(.*?)</script>', page, re.S)
    assert block is not None
    assert not re.search("[<>&\u2028\u2029]", block[1])
    assert "</script><img src=x" in json.loads(block[1])["title"]


def test_very_long_words_and_sentences_are_cut_around_the_mark():
    sentence = "a" * 30_000 + f" {MARK}here{MARK} " + "b" * 30_000
    figure = TableFigure("t", "t", "t", columns=("word", "examples"), rows=(("w" * 50_000, (sentence,)),))
    page = render(example.run(figures={"similarity": [figure]}))
    assert "<mark>here</mark>" in page
    assert "a" * 400 not in page
    assert "w" * 200 not in page


def test_findings_are_shown_most_important_first():
    page = render(example.run())
    assert page.index("Layer 6 was rewritten") < page.index("Layers 0 to 3 kept") < page.index("Adjectives moved")


def test_findings_beyond_the_first_eight_are_in_their_section():
    many = [Finding(f"finding number {i}.", "similarity", "cka", weight=1 - i / 100) for i in range(9)]
    page = render(example.run(findings=many))
    short, section = page.split('id="analysis-1"', 1)
    assert "finding number 7." in short
    assert "finding number 8." not in short
    assert "1 more below" in short
    assert "finding number 8." in section


def test_what_is_said_in_short_is_not_said_again():
    said = [Finding("Concepts moved.", "concepts", "kept"), Finding("Layers moved.", "similarity", "cka")]
    page = render(example.run(findings=said, questions={"similarity": "how far?", "concepts": "which?"}))
    body = page.split('<script type="application/json"')[0]
    assert body.count("Concepts moved.") == body.count("Layers moved.") == 1
    assert "found nothing to report" not in body


def test_a_finding_links_to_the_figure_of_its_measure():
    curve, heat, words, _ = example.figures()
    figures = [heat, words, curve]
    assert figure_of(Finding("", "similarity", "cka", table="similarity"), figures) is curve
    assert figure_of(Finding("", "similarity", "x", table="words_moved"), figures) is words
    assert figure_of(Finding("", "similarity", "cka", table="similarity_words_moved"), figures) is words
    assert figure_of(Finding("", "similarity", "x"), []) is None


def test_warnings_stand_before_the_findings_and_beyond_three_are_folded():
    page = render(example.run(notes=[f"warning {i}" for i in range(5)]))
    assert page.index("warning 0") < page.index('id="in-short"')
    assert "2 more" in page
    assert "Before you rely on this" not in render(example.run(notes=[]))


def test_small_tables_are_shown_and_large_ones_named():
    large = pl.DataFrame({"layer": range(5000), "value": [0.5] * 5000})
    page = render(example.run(tables={"similarity": example.table(), "similarity_words": large}))
    assert 'href="tables/similarity_words.parquet"' in page
    assert "5,000 rows, 2 columns" in page
    assert len(page) < 400_000
    assert "tables/" not in render(example.run(tables={"words": large}, tables_at=None))


def test_only_terms_in_use_are_explained():
    page = render(example.run())
    assert "Kornblith" in page
    assert "Schönemann" not in page


def test_coverage_never_rounds_up_to_all():
    facts = Facts("a", ("b",), "c", 2, 10, layers=(0,), coverage={"a": 0.99999})
    page = render(example.run(facts=facts))
    assert "99.99 %" in page
    assert "100 %" not in page


def test_an_empty_run_is_a_page_that_says_so():
    page = render(ReportInput("", Facts("a", ("b",), "c", 0, 0)))
    assert outline(page).faults == []
    assert "found nothing to report" in page
    assert "What fine-tuning changed" in page


def test_a_typical_page_is_light_and_the_same_each_time():
    page = render(example.run())
    assert len(page.encode()) < 400_000
    assert page == render(example.run())


def test_a_page_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    target = write_report(example.run(), tmp_path / "deep" / "report.html")
    before = target.read_bytes()
    assert before.startswith(b"<!DOCTYPE html>")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreError, match=r"the disk is full while writing .*report.html"):
        write_report(example.run(title="other"), target)
    assert target.read_bytes() == before
    assert [p.name for p in target.parent.iterdir()] == ["report.html"]


def test_every_kind_of_figure_has_its_drawing_and_its_place_on_the_page():
    assert {kind.kind for kind in RENDERERS} == set(KINDS)
    page = render(example.run(figures={"similarity": [kind(f"f-{name}", name, "c") for name, kind in KINDS.items()]}))
    assert outline(page).faults == []
    assert all(f'id="figure-f-{name}"' in page for name in KINDS)


def test_a_figure_that_nothing_draws_is_named():
    with pytest.raises(ValueError, match=r"nothing draws a Figure \(figure 'odd'\)"):
        render(example.run(figures={"similarity": [Figure("odd", "t", "c")]}))


@pytest.mark.parametrize("theme", THEMES)
def test_colours_have_enough_contrast(theme):
    roles = THEMES[theme]
    for text in ("ink", "soft", "accent"):
        for ground in ("paper", "card", "sunk"):
            assert contrast(roles[text], roles[ground]) >= 4.5, (text, ground)
    assert contrast(roles["ink"], roles["warn"]) >= 4.5
    assert contrast(roles["mark-ink"], roles["mark"]) >= 4.5
    for series in ("s1", "s2", "s3", "s4", "s5", "s6"):
        assert contrast(roles[series], roles["card"]) >= 4.5, series
    assert contrast(roles["axis"], roles["card"]) >= 3


@pytest.mark.parametrize(
    ("measure", "said"), [("r2", "R²"), ("r2_change", "R² change"), ("macro_f1_change", "macro f1 change")]
)
def test_a_change_is_called_after_what_changed(measure, said):
    assert measure_name(measure) == said
