import base64
import json
import re
import zlib
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.analysis import NeuronEntry, NeuronsFigure, NeuronsLevel, figure_from_dict
from isogloss.report import export_figures, figure_svg, render
from isogloss.report.draw import neurons as drawn
from isogloss.report.draw.neurons_parts import DIGITS, STEPS, cells
from tests.report import concepts, example, neurons
from tests.report.test_page import HOSTILE, outline

MADE = neurons.neurons()


def page_of(*figures):
    return render(example.run(figures={"probing": list(figures)}))


def part(page, name):
    """A part of the page, opened as the page's script opens it."""
    text = re.search(rf'data-part="{name}">([^<]*)<', page)[1]
    return json.loads(zlib.decompress(base64.b64decode(text)))


def hostile():
    entry = NeuronEntry(
        neuron=1,
        ranks=((0,),),
        salient=((0, 0),),
        fate="new",
        words=((0, 2.5, 3), (1, float("nan"), 1)),
        contexts=((0, 4, 4 + len(HOSTILE), 1e300), (1, 0, 50_000, -1.0)),
    )
    return NeuronsFigure(
        "neurons",
        HOSTILE,
        HOSTILE,
        labels=(HOSTILE,),
        values=((HOSTILE,),),
        methods=(HOSTILE,),
        levels=(NeuronsLevel("tuned", 0, ((0.2, 0.9),), (entry,)),),
        vocabulary=(HOSTILE, "w" * 50_000),
        sentences=(f"see {HOSTILE} here", "w" * 50_000),
    )


def test_neurons_survive_json():
    read = figure_from_dict(json.loads(json.dumps(MADE.as_dict())))
    assert read == MADE
    assert isinstance(read.levels[0].neurons[0], NeuronEntry)
    assert isinstance(read.levels[0].neurons[0].words[0], tuple)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"saliency": ((0.1,),)}, r"layer 0 of the base model of figure 'probing-neurons': saliency for 1 of 3 labels"),
        ({"saliency": ((0.1,) * 96, (0.1,) * 95, (0.1,) * 96)}, "96 neurons for 'upos' but 95 for 'casing'"),
        ({"saliency": ((1.5,) * 96,) * 3}, "a saliency of 1.5 for 'upos'; it is a share, from 0 to 1"),
        ({"saliency": ((float("nan"),) * 96,) * 3}, "a saliency of nan for 'upos'"),
        ({"neurons": (NeuronEntry(96, ((None,) * 3,) * 3),)}, "number 96 where there are 96 neurons"),
        ({"neurons": (NeuronEntry(3, ((None,) * 3,) * 3),) * 2}, "neuron 3 has two pages"),
    ],
)
def test_a_level_that_contradicts_itself_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(MADE, levels=(replace(MADE.levels[0], **change), *MADE.levels[1:]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ranks": ((1, 2, 3),)}, r"neuron \d+: ranks must be one per label and method, 3 x 3"),
        ({"ranks": ((-1, 2, 3),) * 3}, "a rank below 0"),
        ({"fate": "eaten"}, "unknown fate 'eaten'; known: kept, changed, lost, new, or none"),
        ({"salient": ((3, 0),)}, "number 3 where there are 3 labels"),
        ({"salient": ((1, 2),)}, "number 2 where there are 2 values of 'casing'"),
        ({"words": ((160, 1.0, 1),)}, "number 160 where there are 160 words"),
        ({"contexts": ((-1, 0, 1, 1.0),)}, "number -1 where there are 60 sentences"),
    ],
)
def test_a_neuron_that_points_at_nothing_is_refused(change, message):
    level = MADE.levels[0]
    entry = replace(level.neurons[0], **change)
    with pytest.raises(ValueError, match=message):
        replace(MADE, levels=(replace(level, neurons=(entry,)),))


def test_a_level_that_comes_twice_and_labels_without_values_are_refused():
    with pytest.raises(ValueError, match="has layer 3 of the tuned model twice"):
        replace(MADE, levels=(*MADE.levels, MADE.levels[-1]))
    with pytest.raises(ValueError, match="has 3 labels and values of 2"):
        replace(MADE, values=MADE.values[:2])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
@settings(max_examples=50)
def test_a_map_keeps_saliency_and_its_order(saliency):
    text = cells(saliency)
    first, second, third = ([DIGITS.index(c) for c in text[i * len(saliency) :][: len(saliency)]] for i in range(3))
    codes = [(a * 93 + b) * 93 + c for a, b, c in zip(first, second, third, strict=True)]
    for share, code in zip(saliency, codes, strict=True):
        assert (code / STEPS) ** 2 == pytest.approx(share, abs=2e-6)
    by_share = sorted(range(len(saliency)), key=lambda i: saliency[i])
    assert [codes[i] for i in by_share] == sorted(codes)


def test_the_page_holds_every_neuron_compressed():
    page = page_of(MADE)
    assert part(page, "words") == list(MADE.vocabulary)
    assert part(page, "sentences") == list(MADE.sentences)
    assert part(page, "map-1") == [cells(level.saliency[1]) for level in MADE.levels]
    heads = part(page, "heads")
    for i, level in enumerate(MADE.levels):
        rest = part(page, f"rest-{i}")
        assert heads[i]["neurons"] == [entry.neuron for entry in level.neurons]
        assert heads[i]["salient"] == [n for entry in level.neurons for pair in entry.salient for n in pair]
        ranks = [rank for entry in level.neurons for row in entry.ranks for rank in row]
        assert rest["ranks"] == [-1 if rank is None else rank for rank in ranks]
        assert rest["words"][1::3] == [round(100 * mean) for entry in level.neurons for _, mean, _ in entry.words]
        assert rest["contexts"][::4] == [place for entry in level.neurons for place, *_ in entry.contexts]


def test_without_a_script_the_most_salient_neurons_of_the_last_layer_are_a_table():
    table = drawn.view(MADE).table
    assert [group.name for group in table.groups] == ["base, layer 3, for upos", "tuned, layer 3, for upos"]
    shown = [row[0].text for row in table.groups[1].rows]
    saliency = MADE.levels[-1].saliency[0]
    assert shown == [f"3:{i}" for i in sorted(range(96), key=lambda i: -saliency[i])[:12]]
    assert outline(page_of(MADE)).faults == []


def test_neurons_without_saliency_are_not_called_salient():
    flat = replace(MADE.levels[-1], saliency=((0.0,) * 95 + (0.5,),) * 3, neurons=())
    table = drawn.view(replace(MADE, levels=(flat,))).table
    assert [row[0].text for row in table.groups[0].rows] == ["3:95"]


def test_the_glossary_explains_neurons_and_their_rankings_only_where_they_are():
    read = page_of(MADE)
    assert "<dt>Neuron, salient</dt>" in read
    assert "<dt>Probeless ranking</dt>" in read
    assert "Weight ranking" not in read
    assert "Neuron, salient" not in page_of(concepts.explorer(size=2, layers=1))


def test_hostile_text_stays_text_and_opens_again():
    page = page_of(hostile())
    read = outline(page)
    assert read.faults == []
    assert read.open == []
    assert "img" not in [tag for tag, _ in read.tags]
    assert "\x00" not in page
    assert "</script><img src=x" in part(page, "words")[0]
    assert "w" * 30_000 not in "".join(part(page, "sentences"))
    assert part(page, "rest-0")["words"] == [0, 250, 3, 1, 0, 1]
    ElementTree.fromstring(figure_svg(hostile()))


def test_two_maps_share_no_ids():
    ids = [attrs["id"] for _, attrs in outline(page_of(MADE, replace(MADE, name="other"))).tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_one_model_one_neuron_and_no_method_are_enough():
    lone = neurons.neurons(hidden=2, layers=1, pages=1, models=("base",))
    bare = replace(lone.levels[0], neurons=(NeuronEntry(1, ((), (), ())),))
    assert "base, layer 0" in page_of(replace(lone, methods=(), levels=(bare,)))


@pytest.mark.parametrize("levels", [(), (NeuronsLevel("base", 0),)])
def test_a_figure_without_neurons_says_so(levels):
    empty = NeuronsFigure("neurons", "t", "c", levels=levels)
    assert "There are no neurons to show." in page_of(empty)
    assert "no neurons" in figure_svg(empty)


def test_the_drawing_has_a_row_per_layer_and_loses_no_salient_neuron(tmp_path):
    saliency = tuple(1.0 if i == 1001 else 0.0 for i in range(4096))
    wide = replace(MADE, levels=(NeuronsLevel("base", 0, (saliency,) * 3), NeuronsLevel("tuned", 0, (saliency,) * 3)))
    root = ElementTree.fromstring(figure_svg(wide))
    svg = "{http://www.w3.org/2000/svg}"
    rows = [group for group in root.iter(f"{svg}g") if group.get("class") == "cells"][:2]
    column = 1001 * 320 // 4096
    assert [[path.get("d") for path in row] for row in rows] == [[f"M{column} 0h1v1H{column}z"] * 2] * 2
    texts = [text.text for text in root.iter(f"{svg}text")]
    assert texts[:4] == ["base, upos", "0", "tuned, upos", "0"]
    assert [path.name for path in export_figures([MADE], tmp_path, ["svg"])] == ["probing-neurons.svg"]


def test_full_size_stays_small():
    made = neurons.neurons(hidden=768, layers=13, pages=58, words=10_000, sentences=6_000, labels=6)
    assert len(page_of(made).encode()) < 3_000_000
    assert len(figure_svg(made)) < 300_000
