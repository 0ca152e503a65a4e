"""Code that comes with a model is never run: neither that of its pickles nor that of its own modelling files."""

import json
import pickle
import shutil

import pytest
import torch
from typer.testing import CliRunner

from isogloss.cli.app import app
from isogloss.errors import ModelError
from isogloss.models import load, resolve
from isogloss.models.tokenizers import load_tokenizer
from tests.tiny import save_tiny


@pytest.fixture
def model(tmp_path):
    return save_tiny(tmp_path / "model", "bert")


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def edited(path, **changes):
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | changes), encoding="utf-8")


def with_code(model, marker):
    """The directory with modelling code of its own that leaves a mark when it is imported."""
    code = f"open({str(marker)!r}, 'w').close()\nfrom transformers import BertConfig, BertModel, BertTokenizerFast\n"
    code += "class OwnConfig(BertConfig):\n    model_type = 'own'\nclass OwnModel(BertModel): pass\n"
    code += "class OwnTokenizer(BertTokenizerFast): pass\n"
    (model / "own.py").write_text(code, encoding="utf-8")
    return {"AutoConfig": "own.OwnConfig", "AutoModel": "own.OwnModel", "AutoTokenizer": ["own.OwnTokenizer", None]}


@pytest.mark.parametrize("known", [True, False])
def test_modelling_code_of_a_model_is_not_run(model, tmp_path, known, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *given: "y")
    marker = tmp_path / "ran"
    auto = with_code(model, marker)
    edited(model / "config.json", auto_map=auto, model_type="bert" if known else "own")
    if known:
        # The architecture that transformers itself has is what is loaded.
        assert type(load(model).module).__module__.startswith("transformers.")
    else:
        with pytest.raises(ModelError, match="own"):
            load(resolve(model))
    assert not marker.exists()


def test_code_of_a_tokenizer_is_not_run(model, tmp_path, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *given: "y")
    marker = tmp_path / "ran"
    auto = with_code(model, marker)
    edited(model / "tokenizer_config.json", auto_map=auto, tokenizer_class="OwnTokenizer")
    try:
        found = load_tokenizer(model)
    except ModelError:
        pass
    else:
        assert type(found).__module__.startswith("transformers.")
    assert not marker.exists()


@pytest.mark.parametrize("allowed", [False, True])
def test_a_trapped_pickle_is_refused_and_with_leave_read_as_weights_only(model, tmp_path, allowed):
    marker = tmp_path / "ran"
    (model / "model.safetensors").unlink()
    (model / "pytorch_model.bin").write_bytes(pickle.dumps({"weight": Trap(marker)}))
    with pytest.raises(ModelError):
        load(resolve(model, allow_pickle=allowed))
    torch.save({"weight": Trap(marker)}, model / "pytorch_model.bin")
    with pytest.raises(ModelError):
        load(resolve(model, allow_pickle=allowed))
    assert not marker.exists()


def test_the_command_line_refuses_pickles_unless_told(model, tmp_path):
    tuned = tmp_path / "tuned"
    shutil.copytree(model, tuned)
    (tuned / "model.safetensors").unlink()
    (tuned / "pytorch_model.bin").write_bytes(pickle.dumps({"weight": Trap(tmp_path / "ran")}))
    data = tmp_path / "d.csv"
    data.write_text("text\nA film.\n", encoding="utf-8")
    asked = ["compare", str(model), str(tuned), "--data", str(data), "--out", str(tmp_path / "run"), "-q"]
    told = CliRunner().invoke(app, asked)
    assert told.exit_code == 2
    assert "only pickle weights" in told.output
    assert not (tmp_path / "ran").exists()


def test_training_arguments_beside_a_model_are_never_unpickled(model, tmp_path):
    (model / "training_args.bin").write_bytes(pickle.dumps(Trap(tmp_path / "ran")))
    (model / "optimizer.pt").write_bytes(pickle.dumps(Trap(tmp_path / "ran")))
    load(model)
    assert not (tmp_path / "ran").exists()
