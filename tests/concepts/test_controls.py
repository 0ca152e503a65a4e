import numpy as np
import pytest

from isogloss.concepts.controls import matched_controls
from isogloss.errors import OptionError


def test_frequency_controls_have_the_nearest_count_that_is_left():
    rng = np.random.default_rng(0)
    counts = {f"t{i}": int(2 ** rng.uniform(0, 12)) for i in range(15)}
    counts |= {f"p{i}": c for i, c in enumerate(counts.values())}
    counts |= {f"n{i}": int(2 ** rng.uniform(0, 12)) for i in range(400)} | {"T1": counts["t1"]}
    own = [f"t{i}" for i in range(15)]
    members = [f"n{i}" for i in range(0, 400, 2)] + ["p1", "elsewhere"]
    found = matched_controls(counts, own, members, 10, 0, polar_words=[f"p{i}" for i in range(15)])
    assert {name: len(words) for name, words in found.items()} == {"random": 10, "frequency": 10, "non-polar": 10}
    assert all(len(set(words)) == 10 and not {*words} & {*own, "T1"} for words in found.values())
    assert {*found["frequency"], *found["non-polar"]} <= {f"n{i}" for i in range(400)}
    assert set(found["non-polar"]) <= set(members)
    assert not {*found["frequency"]} & {*found["non-polar"]}
    unsided = {*members} - {"p1", "elsewhere", *found["frequency"]}
    for name, pool in (("frequency", {f"n{i}" for i in range(400)}), ("non-polar", unsided)):
        left = set(pool)
        for trigger, word in zip(own, found[name], strict=False):
            off = {w: abs(np.log(counts[w] / counts[trigger])) for w in left}
            assert off[word] == pytest.approx(min(off.values()))
            left.remove(word)
    assert found == matched_controls(counts, own, members, 10, 0, polar_words=[f"p{i}" for i in range(15)])
    assert found["random"] != matched_controls(counts, own, members, 10, 1)["random"]


def test_control_words_of_one_count_are_drawn_by_lot_and_a_small_corpus_gives_fewer():
    counts = {"t": 3, "u": 3} | {f"n{i}": 3 for i in range(50)}
    assert len({matched_controls(counts, ["t"], [], seed=s)["frequency"][0] for s in range(10)}) > 5
    assert "non-polar" not in matched_controls(counts, ["t"], [])
    assert matched_controls({"t": 3, "T": 3, "x": 9}, ["t"], [])["random"] == ["x"]
    few = matched_controls({"t": 1, "a": 2, "b": 9}, ["t"], ["a", "b"])
    assert (few["frequency"], few["non-polar"]) == (["a"], ["b"])
    with pytest.raises(OptionError, match="'ghost'"):
        matched_controls(counts, ["ghost"], [])
