import pytest

import isogloss as ig
from isogloss.errors import OptionError, StoreError
from tests.study.test_run import QUICK
from tests.tiny import save_tiny


def compare(models, corpus, out, **options):
    return ig.compare(models["base"], models["tuned"], corpus, out=out, **{**QUICK, **options})


@pytest.mark.parametrize(
    ("option", "value"),
    [("bootstrap", "abc"), ("neighbours", 2.5), ("neighbours", None), ("map", "maybe"), ("examples", True)],
)
def test_an_option_of_the_wrong_type_is_named_before_anything_is_written(models, corpus, tmp_path, option, value):
    with pytest.raises(OptionError, match=rf"similarity\.{option} takes .*; got "):
        compare(models, corpus, tmp_path / "run", options={"similarity": {option: value}})
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "options",
    [{"layers": 9}, {"layers": "foo"}, {"pooling": "sum"}, {"dtype": "int8"}, {"max_length": 5000}, {"seed": -1},
     {"device": "zzz"}],
    ids=str,
)  # fmt: skip
def test_a_mistake_leaves_nothing_so_that_the_corrected_command_runs(models, corpus, tmp_path, options):
    with pytest.raises(OptionError):
        compare(models, corpus, tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()
    assert compare(models, corpus, tmp_path / "run").findings


def test_no_words_left_is_said_before_the_models_run(models, corpus, tmp_path):
    with pytest.raises(OptionError, match="no words left"):
        compare(models, corpus.occurrences(min=10**6), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_changed_activation_file_is_named_when_the_run_is_asked_for_again(models, corpus, tmp_path):
    compare(models, corpus, tmp_path / "run")
    path = tmp_path / "run" / "activations" / "tuned" / "layer-01.npy"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"tuned/layer-01\.npy"):
        compare(models, corpus, tmp_path / "run")
    with pytest.raises(StoreError, match=r"layer-01\.npy"):
        ig.extract(models["tuned"], corpus, tmp_path / "run" / "activations" / "tuned")


def test_models_without_a_common_layer_number_are_said_to_have_none(models, corpus, tmp_path):
    deeper = save_tiny(tmp_path / "deep", "bert", num_hidden_layers=5)
    study = ig.compare(models["base"], deeper, corpus, layers="last", out=tmp_path / "run", **QUICK)
    assert study["similarity"].tables["similarity"].is_empty()
    assert study["similarity"].tables["similarity_map"].height
    assert any("no layer number in common" in note for note in study.notes)


def test_a_path_is_not_a_corpus_and_a_store_is_not_a_run(models, corpus, tmp_path):
    with pytest.raises(OptionError, match="the corpus is a str; read it first"):
        compare(models, "reviews.csv", tmp_path / "run")
    ig.extract(models["base"], corpus, tmp_path / "store", layers="last")
    with pytest.raises(StoreError, match="is not a run directory"):
        ig.load(tmp_path / "store")


def test_an_option_that_there_is_not_is_named_with_the_nearest(models, corpus, tmp_path):
    with pytest.raises(OptionError, match=r"no option poolling; .*; did you mean 'pooling'\?"):
        compare(models, corpus, tmp_path / "run", poolling="mean")
    with pytest.raises(OptionError, match=r"no option analysis; .*; did you mean 'analyses'\?"):
        compare(models, corpus, tmp_path / "run", analysis=["similarity"])
    with pytest.raises(OptionError, match="did you mean 'batch_tokens'"):
        ig.extract(models["base"], corpus, tmp_path / "store", batch_token=100)
    assert not (tmp_path / "run").exists()
