import polars as pl
import pytest

from isogloss.errors import CorpusError, ModelError, OptionError
from isogloss.models.finetune import finetune
from isogloss.models.finetune_tasks import choose_task
from tests.models.labelled import labelled, reviews
from tests.tiny import save_tiny

QUICK = {"epochs": 1, "batch_size": 8, "device": "cpu"}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("base"), "bert")


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["a"] * 24, "only 'a' in 24 sentences"),
        ([str(i) for i in range(24)], "24 different values in 24 sentences"),
        ([str(i // 2) for i in range(2400)], "1,200 different values"),
        ([None] * 24, "no value"),
    ],
)
def test_labels_that_cannot_be_learnt_are_refused(base, tmp_path, labels, said):
    corpus = labelled(["the film"] * len(labels), pl.Series(labels, dtype=pl.String))
    with pytest.raises(CorpusError, match=said):
        finetune(base, corpus, tmp_path / "out", **QUICK)
    assert not (tmp_path / "out").exists()


def test_label_must_be_there_and_fit_the_task():
    corpus = reviews(24, word_label=len)
    with pytest.raises(CorpusError, match="no label 'stars'; it has label, tag"):
        choose_task("auto", "stars", [corpus])
    with pytest.raises(OptionError, match="the task tokens does not fit the label 'label' of sentences"):
        choose_task("tokens", "label", [corpus])
    with pytest.raises(OptionError, match="no task called 'ner'"):
        choose_task("ner", None, [corpus])
    assert choose_task("auto", None, [corpus]).label == "label"
    assert choose_task("tokens", None, [corpus]).label == "tag"


def test_scores_that_are_words_are_named():
    corpus = labelled(["the film"] * 3, ["1.5", "two", "3"])
    with pytest.raises(CorpusError, match="'two' in 1 of 3 sentences"):
        choose_task("regression", "label", [corpus])


@pytest.mark.parametrize(
    "options",
    [
        {"epochs": 0},
        {"learning_rate": 0},
        {"batch_size": 0},
        {"checkpoint_every": 0},
        {"train_fraction": 0},
        {"train_fraction": 1.1},
        {"dev_fraction": 1},
        {"seeds": []},
        {"keep_layers": 4},
        {"keep_layers": 0},
        {"keep_layers": 9, "seeds": [0, 1]},
        {"freeze_layers": 4},
        {"dtype": "float16"},
    ],
)
def test_impossible_options_are_refused_and_leave_nothing(base, tmp_path, options):
    with pytest.raises(OptionError):
        finetune(base, reviews(24), tmp_path / "out", **{**QUICK, **options})
    assert list(tmp_path.iterdir()) == []


def test_albert_cannot_freeze_a_part_of_its_one_block(tmp_path):
    path = save_tiny(tmp_path / "base", "albert")
    with pytest.raises(OptionError, match="one block for all its layers"):
        finetune(path, reviews(24), tmp_path / "out", freeze_layers=1, **QUICK)


def test_model_that_cannot_run_on_the_corpus_is_refused(tmp_path):
    path = save_tiny(tmp_path / "base", "bart", eos_token_id=419)
    with pytest.raises(ModelError, match=r"BartForSequenceClassification cannot run on this corpus: "):
        finetune(path, reviews(24), tmp_path / "out", **QUICK)
