import base64
import json
import re
import zlib
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.analysis import ExplorerFigure, ExplorerLevel, figure_from_dict
from isogloss.report import export_figures, figure_svg, render
from isogloss.report.draw import explorer
from isogloss.report.draw.packed import same_length
from tests.report import concepts, example
from tests.report.test_page import HOSTILE, outline


def page_of(*figures):
    return render(example.run(figures={"concepts": list(figures)}))


def part(page, name):
    """A part of the page, opened as the page's script opens it."""
    text = re.search(rf'data-part="{name}">([^<]*)<', page)[1]
    return json.loads(zlib.decompress(base64.b64decode(text)))


def hostile():
    level = ExplorerLevel(
        model="tuned",
        layer=0,
        names=(HOSTILE, "x" * 50_000),
        n_tokens=(2, 1),
        n_types=(1, 1),
        cohesion=(float("nan"), None),
        fates=(HOSTILE, "new"),
        labels=((f"{HOSTILE}={HOSTILE}", HOSTILE), ()),
        shares=((float("nan"),), (0.5,)),
        polar=(HOSTILE, ""),
        words=(((0, 2),), ((1, 1),)),
        contexts=(((0, 4, 4 + len(HOSTILE)),), ((1, 0, 50_000),)),
        links=((), ()),
        merges=((0, 1, 1.0),),
    )
    sentences = (f"see {HOSTILE} here", "w" * 50_000)
    return ExplorerFigure(
        "concepts", HOSTILE, HOSTILE, (level,), (HOSTILE,), (HOSTILE, "w" * 50_000), sentences, (1.0,)
    )


def test_an_explorer_survives_json():
    made = concepts.explorer()
    read = figure_from_dict(json.loads(json.dumps(made.as_dict())))
    assert read == made
    assert isinstance(read.levels[0].words[0][0], tuple)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_types": (1,)}, r"layer 0 of the base model of figure 'concepts-explorer': 24 names but 1 n_types"),
        ({"polar": ("odd",) + ("",) * 23}, r"polar for 'odd'; classes: negative, positive"),
        ({"words": (((120, 1),),) + ((),) * 23}, "number 120 where there are 120 words"),
        ({"contexts": (((-1, 0, 1),),) + ((),) * 23}, "number -1 where there are 40 sentences"),
        ({"links": (((24, 0.5),),) + ((),) * 23}, "number 24 where there are 24 concepts of the other model"),
        ({"merges": ((0, 1, 1.0),)}, "24 concepts have 23 merges above them; got 1"),
        ({"merges": ((0, 24, 1.0),) * 23}, "number 24 where there are 24 clusters made so far"),
        ({"shares": ((1.0,),) * 24}, "shares must be one for each of 2 classes"),
    ],
)
def test_a_level_that_contradicts_itself_is_refused(change, message):
    made = concepts.explorer()
    with pytest.raises(ValueError, match=message):
        replace(made, levels=(replace(made.levels[0], **change), *made.levels[1:]))


def test_a_level_that_comes_twice_is_refused():
    made = concepts.explorer()
    with pytest.raises(ValueError, match="has layer 2 of the tuned model twice"):
        replace(made, levels=(*made.levels, made.levels[-1]))


def test_the_page_holds_every_concept_compressed():
    made = concepts.explorer()
    page = page_of(made)
    assert part(page, "words") == list(made.vocabulary)
    assert part(page, "sentences") == list(made.sentences)
    for i, level in enumerate(made.levels):
        head, rest = part(page, f"head-{i}"), part(page, f"rest-{i}")
        assert head["names"] == list(level.names)
        assert head["nWords"] == [len(words) for words in level.words]
        assert list(zip(head["words"], head["counts"], strict=True)) == [pair for row in level.words for pair in row]
        assert head["shares"] == [round(1000 * share) for row in level.shares for share in row]
        assert rest["contexts"] == [n for row in level.contexts for place in row for n in place]
        assert rest["merges"] == [n for merge in level.merges for n in merge[:2]]
        assert all(a <= b for a, b in pairwise(rest["heights"]))


@given(st.text(max_size=40), st.text(max_size=10), st.text(max_size=40))
def test_cleaning_a_sentence_keeps_the_places_of_its_words(before, word, after):
    whole = same_length(before + word + after)
    assert len(whole) == len(before + word + after)
    assert whole[len(before) : len(before) + len(word)] == same_length(word)
    assert not re.search("[\x00-\x1f\u2028\u2029]", whole)


def test_without_a_script_the_largest_concepts_of_the_last_layer_are_a_table():
    made = concepts.explorer(size=40)
    table = explorer.view(made).table
    assert [group.name for group in table.groups] == ["base, layer 2", "tuned, layer 2"]
    shown = [row[1].text for row in table.groups[1].rows]
    assert len(shown) == 12
    assert [int(n.replace(",", "")) for n in shown] == sorted(made.levels[-1].n_tokens, reverse=True)[:12]
    assert "<noscript" not in page_of(made)
    assert outline(page_of(made)).faults == []


def test_hostile_text_stays_text_and_opens_again():
    page = page_of(hostile())
    read = outline(page)
    assert read.faults == []
    assert read.open == []
    tags = [tag for tag, _ in read.tags]
    assert "img" not in tags
    assert "\x00" not in page
    assert "\x1b" not in page
    assert "</script><img src=x" in part(page, "words")[0]
    assert "\x00" not in part(page, "words")[0]
    assert "w" * 30_000 not in "".join(part(page, "sentences"))
    assert all(len(name) <= 120 for name in part(page, "head-0")["names"][1:])


def test_two_explorers_share_no_ids():
    made = concepts.explorer(size=4, layers=1)
    read = outline(page_of(made, replace(made, name="other")))
    ids = [attrs["id"] for _, attrs in read.tags if "id" in attrs]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("models", [("base",), ("tuned",)])
def test_one_model_and_one_concept_are_enough(models):
    lone = concepts.explorer(size=1, layers=1, models=models)
    assert f"{models[0]}, layer 0" in page_of(lone)


def test_an_explorer_without_concepts_says_so():
    empty = ExplorerFigure("concepts", "t", "c", levels=(ExplorerLevel("base", 0),))
    assert "There are no concepts to show." in page_of(empty)
    assert "concept" in figure_svg(empty)


def test_an_exported_explorer_is_the_largest_concepts_of_the_last_tuned_layer(tmp_path):
    made = concepts.explorer(size=60)
    root = ElementTree.fromstring(figure_svg(made))
    shown = [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")]
    last = made.levels[-1]
    largest = max(range(60), key=lambda i: last.n_tokens[i])
    assert f"{last.n_tokens[largest]:,}" in shown[4:8]
    assert any(text.startswith(made.vocabulary[last.words[largest][0][0]]) for text in shown)
    assert sum(text in ("inherited", "new") for text in shown) == 20
    assert [path.name for path in export_figures([made], tmp_path, ["svg"])] == ["concepts-explorer.svg"]


def test_800_concepts_keep_the_page_small():
    page = page_of(concepts.explorer(size=100, layers=4, words=4000, sentences=1000))
    assert len(page.encode()) < 700_000
