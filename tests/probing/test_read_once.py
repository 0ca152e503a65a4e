from dataclasses import replace

import numpy as np
import pytest

from isogloss.probing import ProbingAnalysis, layer, read_once, whole
from isogloss.probing.read_once import ReadOnce
from isogloss.probing.reading import Readable, read_all
from isogloss.probing.targets import targets
from tests.probing.conftest import QUICK

CHEAP = replace(QUICK, ablation=False, task_use=False, minimal_neurons=False, minimal_layers=False)


@pytest.fixture
def trained(monkeypatch):
    """The vectors that probes were trained on, in order."""
    seen = []

    def counted(readable, *rest):
        seen.append(readable.train)
        return read_all(readable, *rest)

    for module in (layer, whole, read_once):
        monkeypatch.setattr(module, "read_all", counted)
    return seen


def all_tables(analysis, planted, index, **more):
    of_layer = analysis.run(planted.pair(1, tuned_index=index, **more), CHEAP)
    return of_layer | analysis.run_whole(planted.models(tuned_index=index), CHEAP)


def test_the_base_of_several_tuned_models_is_probed_once_and_read_as_if_each_time(planted, trained):
    analysis = ProbingAnalysis()
    all_tables(analysis, planted, 0)
    first = len(trained)
    tuned = [np.roll(vectors, 1, axis=0) for vectors in planted.tuned]
    other = replace(planted, tuned=tuned)
    again = all_tables(analysis, other, 1)
    assert first == 6  # words and sentences of either model, and words of either through all layers
    assert len(trained) - first == 3
    anew = all_tables(ProbingAnalysis(), other, 1)
    assert len(trained) == 2 * first + 3
    assert again.keys() == anew.keys()
    assert all(again[name].equals(anew[name]) for name in anew)


@pytest.mark.parametrize("what", ["vectors", "labels", "words", "seed", "options"])
def test_of_anything_else_it_is_probed_again(planted, trained, what):
    read, options, pair = ReadOnce(), replace(CHEAP, labels="kind"), planted.pair(1, tuned_index=1)

    def probe(pair, options=options):
        found, _ = targets(pair, options)
        return read(Readable(pair.base, found), options, pair)["kind"]

    probe(pair)
    assert len(trained) == 1
    if what == "vectors":
        base = [vectors + np.float32(1e-3) for vectors in planted.base]
        probe(planted.pair(1, base=base, tuned_index=1))
    elif what == "labels":
        probe(planted.with_words(kind=planted.words["kind"].reverse()).pair(1, tuned_index=1))
    elif what == "words":
        probe(planted.with_words(word=planted.words["word"].reverse()).pair(1, tuned_index=1))
    elif what == "seed":
        probe(planted.pair(1, tuned_index=1, seed=1))
    else:
        probe(pair, replace(options, controls=1))
    assert len(trained) == 2
    probe(pair)
    assert len(trained) == 2


def test_no_more_is_kept_than_is_said(planted, trained):
    read, options = ReadOnce(most=1), replace(CHEAP, labels="kind")
    for number in (1, 2, 1):
        pair = planted.pair(number, tuned_index=1)
        read(Readable(pair.base, targets(pair, options)[0]), options, pair)
    assert len(trained) == 3
