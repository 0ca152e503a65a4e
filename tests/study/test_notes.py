"""What a run says of models that are not what they are called, and of sentences that were learnt."""

import pytest

import isogloss as ig
from isogloss.models import resolve
from isogloss.models.finetune import finetune
from isogloss.models.kinship import parent_weights, shared_shapes, task_head
from isogloss.study.notes import kept_tasks, kinship_notes
from tests.models.labelled import reviews
from tests.study.test_run import QUICK
from tests.tiny import save_tiny


@pytest.fixture(scope="module")
def family(tmp_path_factory):
    home = tmp_path_factory.mktemp("family")
    base = save_tiny(home / "base", "bert")
    corpus = reviews(40)
    tuned = finetune(base, corpus, home / "tuned", epochs=1, batch_size=8, device="cpu", dev_fraction=0.25)[0].path
    return {"base": resolve(base), "tuned": resolve(tuned), "corpus": corpus, "home": home}


def notes(base, tuned, corpus):
    return kinship_notes(base, [tuned], corpus.sentences)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["probing-0-00", "probing-0-01", "probing-0-all"], "probing layers 0-1, all layers together"),
        (["similarity-0-02", "probing-1-all"], "similarity layer 2; probing (tuned model 1) all layers together"),
    ],
)
def test_what_was_kept_of_a_run_is_named(names, said):
    assert kept_tasks(names) == said


def test_sentences_that_were_trained_on_are_counted(family):
    unseen = reviews(0 + 30, seed=7)
    assert notes(family["base"], family["tuned"], family["corpus"])[0].startswith("The tuned model was fine-tuned on 3")
    alone = [t for t in unseen.sentences["text"] if t not in set(family["corpus"].sentences["text"])]
    assert notes(family["base"], family["tuned"], ig.Corpus.from_texts(alone)) == []


def test_swapped_models_are_known_by_what_the_tuned_one_recorded(family):
    assert notes(family["tuned"], family["base"], family["corpus"]) == [
        "The base model was fine-tuned from the tuned model: the two are swapped."
    ]


def test_a_head_on_the_base_alone_is_asked_about(family, tmp_path):
    headed = resolve(save_tiny(tmp_path / "headed", "bert", seed=3, auto="AutoModelForSequenceClassification"))
    assert task_head(headed) == "BertForSequenceClassification"
    assert parent_weights(headed) is None
    assert "are they swapped?" in notes(headed, family["base"], family["corpus"])[0]
    assert notes(family["base"], headed, family["corpus"]) == []


def test_a_tuned_model_of_another_parent_says_so(family, tmp_path):
    stranger = resolve(save_tiny(tmp_path / "other", "bert", seed=5))
    said = notes(stranger, family["tuned"], ig.Corpus.from_texts(["unheard"]))
    assert said == [
        f"The tuned model says it was fine-tuned from another model ({family['base'].weights_sha256[:12]}) than the "
        "base model."
    ]


def test_weights_of_other_shapes_are_asked_about(family, tmp_path):
    wide = resolve(save_tiny(tmp_path / "wide", "bert", hidden_size=48))
    assert shared_shapes(family["base"], wide) < 0.5
    assert "have the same shapes" in notes(family["base"], wide, family["corpus"])[0]
    shallow = resolve(save_tiny(tmp_path / "shallow", "bert", num_hidden_layers=1))
    assert shared_shapes(family["base"], shallow) == 1.0


def test_the_notes_are_on_the_run(family, tmp_path):
    study = ig.compare(
        str(family["base"].path), str(family["tuned"].path), family["corpus"], out=tmp_path / "run", **QUICK
    )
    assert any("partly memory" in note for note in study.notes)


def test_layers_that_a_model_does_not_have_are_named(family, tmp_path):
    deep = str(save_tiny(tmp_path / "deep", "bert", num_hidden_layers=4))
    base = str(family["base"].path)
    both = ig.compare(base, base, family["corpus"], layers="2-9", out=tmp_path / "a", **QUICK)
    assert "Each model has layers 0 to 3: layers 4-9, asked for, are left out." in both.notes
    one = ig.compare(base, deep, family["corpus"], layers="2-4", out=tmp_path / "b", **QUICK)
    assert "The base model has layers 0 to 3: layer 4, asked for, is left out." in one.notes
    assert not [note for note in one.notes if note.startswith("The tuned model has layers")]


def test_findings_from_few_sentences_say_so_themselves(family, tmp_path):
    models = str(family["base"].path), str(family["tuned"].path)
    few = ig.compare(*models, family["corpus"].head(12), out=tmp_path / "few", **QUICK)
    numbered = [finding for finding in few.findings if finding.value is not None]
    assert numbered
    assert all(finding.text.endswith("From 12 sentences only, too few to be sure.") for finding in numbered)
    assert "From 12 sentences only" in (few.directory / "summary.md").read_text("utf-8")
    enough = ig.compare(*models, family["corpus"].head(30), out=tmp_path / "enough", **QUICK)
    assert not [finding for finding in enough.findings if "too few to be sure" in finding.text]
