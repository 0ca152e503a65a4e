import base64
import json
import re
import zlib
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.analysis import WordColouring, WordMapFigure, WordMapLevel, figure_from_dict
from isogloss.report import export_figures, figure_svg, render
from isogloss.report.draw import wordmap as drawn
from isogloss.report.draw.neurons_parts import DIGITS
from isogloss.report.draw.wordmap_parts import STEPS, legend, places
from tests.report import concepts, example, word_maps
from tests.report.test_page import HOSTILE, outline

MADE = word_maps.word_map()
SVG = "{http://www.w3.org/2000/svg}"


def page_of(*figures):
    return render(example.run(figures={"isotropy": list(figures)}))


def part(page, name):
    """A part of the page, opened as the page's script opens it."""
    text = re.search(rf'data-part="{name}">([^<]*)<', page)[1]
    return json.loads(zlib.decompress(base64.b64decode(text)))


def hostile():
    return WordMapFigure(
        "words",
        HOSTILE,
        HOSTILE,
        words=(0, 1, 0),
        contexts=((0, 4, 4 + len(HOSTILE)), (1, 0, 50_000), (0, 0, 3)),
        colourings=(
            WordColouring(HOSTILE, (HOSTILE, "b"), (0, None, 1)),
            WordColouring("n", (), (1e300, -1e300, None)),
        ),
        levels=(
            WordMapLevel("base", 0, (0.0, 1e-300, 1e300), (0.0, 0.0, 0.0)),
            WordMapLevel("tuned", 0, (1.0, 2.0, 3.0), (3.0, 1.0, 2.0)),
        ),
        vocabulary=(HOSTILE, "w" * 50_000),
        sentences=(f"see {HOSTILE} here", "w" * 50_000),
    )


def test_a_map_survives_json():
    read = figure_from_dict(json.loads(json.dumps(MADE.as_dict())))
    assert read == MADE
    assert isinstance(read.levels[0], WordMapLevel)
    assert isinstance(read.colourings[0], WordColouring)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"words": (60,) * 120}, r"figure 'isotropy-words': number 60 where there are 60 words"),
        ({"contexts": MADE.contexts[1:]}, "120 words but 119 contexts"),
        ({"contexts": ((120, 0, 1),) * 120}, "number 120 where there are 120 sentences"),
        ({"colourings": (WordColouring("upos", ("A",), (0,)),)}, "120 words but 1 in the colouring 'upos'"),
        ({"colourings": (WordColouring("upos", ("A",), (1,) * 120),)}, "number 1 where there are 1 values of 'upos'"),
        ({"colourings": (WordColouring("upos", ("A",), (0.5,) * 120),)}, "the place 0.5 in the colouring 'upos'"),
        ({"colourings": (WordColouring("n", (), (float("nan"),) * 120),)}, "a number nan in the colouring 'n'; None"),
        ({"levels": MADE.levels[:1] * 2}, "has layer 0 of the base model twice"),
    ],
)
def test_a_map_that_contradicts_itself_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(MADE, **change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": (0.0,)}, r"layer 0 of the base model of figure 'isotropy-words': 120 words but 1 x coordinates"),
        ({"y": (float("inf"),) * 120}, "the y coordinate inf"),
        ({"shares": (0.5,)}, "shares of variance"),
        ({"shares": (0.5, 1.5)}, "each from 0 to 1"),
    ],
)
def test_a_level_that_contradicts_itself_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(MADE, levels=(replace(MADE.levels[0], **change),))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
@settings(max_examples=50)
def test_coordinates_are_kept_to_a_step(values):
    n = len(values)
    text = places(WordMapLevel("base", 0, tuple(values), (0.0,) * n))
    assert len(text) == 4 * n
    codes = [DIGITS.index(text[i]) * 93 + DIGITS.index(text[n + i]) for i in range(n)]
    low, high = min(values), max(values)
    for code, value in zip(codes, values, strict=True):
        assert low + code / STEPS * (high - low) == pytest.approx(value, abs=(high - low) / STEPS + 1e-9)


def test_classes_are_ordered_by_count_and_words_without_one_are_counted():
    shown = legend(WordColouring("upos", ("A", "B", "C", "D"), (2, 2, 0, None, 3, 2, 0, None)))
    assert shown.values == ("C", "A", "D")
    assert shown.counts == (3, 2, 1)
    assert shown.of == (0, 0, 1, -1, 2, 0, 1, -1)
    assert not shown.ordered


def test_numbers_are_put_into_ranges_with_round_limits():
    shown = legend(WordColouring("frequency", (), (0.0, 0.9, 1.0, 4.2, None, 5.0)))
    assert shown.values == ("below 1", "1 to 2", "2 to 3", "3 to 4", "4 to 5", "5 and above")
    assert shown.of == (0, 0, 1, 4, -1, 5)
    assert shown.counts == (2, 1, 0, 0, 1, 1)
    assert shown.ordered


@pytest.mark.parametrize(("of", "names"), [((2.0, 2.0), ("2",)), ((None, None), ()), ((None, 7.5), ("7.500",))])
def test_one_number_is_one_range_and_none_is_none(of, names):
    shown = legend(WordColouring("n", (), of))
    assert shown.values == names
    assert [value for value in shown.of if value >= 0] == [0] * sum(value is not None for value in of)


def test_the_page_holds_every_word_compressed():
    page = page_of(MADE)
    assert part(page, "words") == list(MADE.vocabulary)
    assert part(page, "sentences") == list(MADE.sentences)
    points = part(page, "points")
    assert points["words"] == list(MADE.words)
    assert points["contexts"] == [n for context in MADE.contexts for n in context]
    assert part(page, "map-4") == places(MADE.levels[4])
    assert part(page, "colour-1")["numbers"] == pytest.approx(MADE.colourings[1].of, rel=1e-3)
    about = drawn.view(MADE).about
    assert [(model, layer) for model, layer, *_ in about["levels"]] == [(one.model, one.layer) for one in MADE.levels]
    assert about["levels"][0][2] == pytest.approx(
        [min(MADE.levels[0].x), max(MADE.levels[0].x), min(MADE.levels[0].y), max(MADE.levels[0].y)]
    )


def test_without_a_script_the_words_at_the_ends_of_the_last_layer_are_a_table():
    table = drawn.view(MADE).table
    assert [group.name for group in table.groups] == ["base, layer 2", "tuned, layer 2"]
    level = MADE.levels[-1]
    order = sorted(range(120), key=lambda i: level.x[i])
    wanted = [*order[:4], *order[::-1][:4]]
    rows = table.groups[1].rows[:8]
    assert [row[0].text for row in rows] == [MADE.vocabulary[MADE.words[i]] for i in wanted]
    assert [row[1].text for row in rows] == ["1, low end"] * 4 + ["1, high end"] * 4
    assert [float(row[2].key) for row in rows] == pytest.approx([level.x[i] for i in wanted], rel=1e-3)
    upos = MADE.colourings[0]
    assert [row[3].text for row in rows] == [upos.values[upos.of[i]] for i in wanted]
    marked = [text for text, mark in rows[0][4].shown[0] if mark]
    assert marked == [MADE.vocabulary[MADE.words[wanted[0]]]]
    assert outline(page_of(MADE)).faults == []


def test_the_glossary_explains_the_map_only_where_there_is_one():
    assert "<dt>Map of words</dt>" in page_of(MADE)
    assert "Map of words" not in page_of(concepts.explorer(size=2, layers=1))


def test_hostile_text_stays_text_and_opens_again():
    page = page_of(hostile())
    read = outline(page)
    assert read.faults == []
    assert read.open == []
    assert "img" not in [tag for tag, _ in read.tags]
    assert "</script><img src=x" in part(page, "words")[0]
    assert "w" * 30_000 not in "".join(part(page, "sentences"))
    ElementTree.fromstring(figure_svg(hostile()))


def test_two_maps_share_no_ids():
    ids = [attrs["id"] for _, attrs in outline(page_of(MADE, replace(MADE, name="other"))).tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_one_model_one_word_no_colour_and_no_context_are_enough():
    bare = WordMapFigure(
        "words", "t", "c", words=(0,), levels=(WordMapLevel("base", 3, (1.0,), (2.0,)),), vocabulary=("a",)
    )
    assert "base, layer 3" in page_of(bare)
    assert "base, layer 3" in figure_svg(bare)


@pytest.mark.parametrize(
    "change", [{"levels": ()}, {"words": (), "contexts": (), "colourings": (), "levels": (WordMapLevel("base", 0),)}]
)
def test_a_map_without_words_says_so(change):
    empty = replace(MADE, **change)
    assert "There are no words to show." in page_of(empty)
    assert "no words" in figure_svg(empty)


def dots(root):
    """Points of each class of each panel, as (x, y), by the element that holds them."""
    found = [
        (path, [tuple(map(float, p.split())) for p in re.findall(r"M([\d.]+ [\d.]+)h", path.get("d"))])
        for path in root.iter(f"{SVG}path")
        if "h.01" in path.get("d")
    ]
    return [(path, places) for path, places in found if len(places) > 1]


def test_the_drawing_shows_every_word_of_both_models_where_it_lies(tmp_path):
    root = ElementTree.fromstring(figure_svg(MADE))
    panels = [[], []]
    for _, found in dots(root):
        panels[found[0][0] > 360] += found
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {"base, layer 2", "tuned, layer 2", "upos"} <= set(texts)
    assert f"NOUN ({sum(of == 0 for of in MADE.colourings[0].of)})" in texts
    assert f"→ direction 1, {100 * MADE.levels[-1].shares[0]:.3g}% of variance" in texts
    level = MADE.levels[-1]
    single = [v for v in range(8) if sum(of == v for of in MADE.colourings[0].of) == 1]
    kept = [i for i in range(120) if MADE.colourings[0].of[i] not in single and legend(MADE.colourings[0]).of[i] < 12]
    assert len(panels[1]) == len(kept)
    shown = sorted(x for x, _ in panels[1])
    wanted = sorted(level.x[i] for i in kept)
    scale = (shown[-1] - shown[0]) / (wanted[-1] - wanted[0])
    assert shown == pytest.approx([shown[0] + (x - wanted[0]) * scale for x in wanted], abs=0.15)
    assert [path.name for path in export_figures([MADE], tmp_path, ["svg"])] == ["isotropy-words.svg"]


def test_ranges_of_numbers_go_from_one_colour_to_another_in_the_drawing():
    root = ElementTree.fromstring(figure_svg(replace(MADE, colourings=MADE.colourings[1:])))
    assert {path.get("class") for path, _ in dots(root)} == {"s1", "s4", "s2"}
    keys = [path for path in root.iter(f"{SVG}path") if path.get("d").count("h.01") == 1]
    classes = [path.get("class") for path in keys if float(path.get("d").split()[1].split("h")[0]) < 60]
    assert classes[0] == "s1"
    assert classes[-1] == "s2"


def test_full_size_stays_small():
    made = word_maps.word_map(2000, 13, 700, classes=14)
    without = len(page_of(replace(made, levels=())).encode())
    assert len(page_of(made).encode()) - without < 600_000
    assert len(figure_svg(made)) < 150_000
