"""Names that stand in files lead nowhere but into their own directory, and forged content is refused in words."""

import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import isogloss as ig
from isogloss.corpus import Corpus
from isogloss.errors import ModelError, StoreError
from isogloss.models import resolve
from isogloss.sealed import inside, read_json, read_table, write_bytes, write_json, write_table
from isogloss.study.layout import RunLayout
from tests.study.test_run import QUICK
from tests.tiny import save_tiny

ELSEWHERE = (
    "../outside",
    "/etc/passwd",
    "..",
    ".",
    "",
    "a/../../x",
    "a\\..\\x",
    "C:x",
    "x\0y",
    "n" * 300,
    "a/b",
    "\ud800",
)


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path, name):
    with pytest.raises(StoreError, match="no name of a file in this directory"):
        inside(tmp_path, name)


@settings(max_examples=300)
@given(st.text(max_size=20))
def test_a_name_is_a_file_of_the_directory_or_refused(tmp_path_factory, name):
    root = tmp_path_factory.getbasetemp()
    try:
        found = inside(root, name)
    except StoreError:
        return
    assert found.parent == root
    assert found.resolve().parent == root.resolve()


def test_ordinary_names_are_files_of_the_directory(tmp_path):
    for name in ("layer-00.npy", "similarity_words.parquet", "naïve words.json"):
        assert inside(tmp_path, name) == tmp_path / name


def rewritten(path, change):
    content = read_json(path)
    change(content)
    write_json(path, content)


@pytest.fixture
def run(models, corpus, tmp_path):
    ig.compare(models["base"], models["tuned"], corpus, out=tmp_path / "run", **QUICK)
    write_table(tmp_path / "outside.parquet", pl.DataFrame({"secret": [1]}))
    write_json(tmp_path / "outside.json", {"findings": [], "figures": []})
    return tmp_path / "run"


def outside_digest(run):
    import hashlib

    return hashlib.sha256((run.parent / "outside.parquet").read_bytes()).hexdigest()


@pytest.mark.parametrize("absolute", [False, True])
def test_tables_of_a_run_stay_inside(run, absolute):
    name = str(run.parent / "outside") if absolute else "../../outside"
    digest = outside_digest(run)
    rewritten(run / "manifest.json", lambda m: m["results"]["similarity"]["tables"].update({name: digest}))
    with pytest.raises(StoreError, match="no name of a file"):
        ig.load(run)


def test_an_analysis_of_a_run_is_no_path(run):
    def moved(manifest):
        manifest["results"]["../../outside"] = manifest["results"].pop("similarity")

    rewritten(run / "manifest.json", moved)
    with pytest.raises(StoreError, match="no name of a file"):
        ig.load(run)


def test_files_of_a_store_stay_inside(run):
    store = run / "activations" / "base"
    size = (run.parent / "outside.parquet").stat().st_size
    entry = {"bytes": size, "sha256": outside_digest(run)}
    rewritten(store / "manifest.json", lambda m: m["files"].update({"../../../outside.parquet": entry}))
    with pytest.raises(StoreError, match="no name of a file"):
        ig.ActivationStore(store)


def test_a_store_of_an_unknown_kind_of_number_is_refused(run):
    store = run / "activations" / "base"
    rewritten(store / "manifest.json", lambda m: m["settings"].update(dtype="float8"))
    with pytest.raises(StoreError, match=r"manifest\.json: vectors are stored as 'float8'"):
        ig.ActivationStore(store)


def test_the_seal_of_a_task_names_no_file_elsewhere(run, models, corpus):
    seal = next(RunLayout(run).tasks.glob("*/done.json"))
    rewritten(seal, lambda done: done["tables"].update({"../../../outside": outside_digest(run)}))
    rewritten(run / "manifest.json", lambda m: m.update(finished=False))
    again = ig.compare(models["base"], models["tuned"], corpus, out=run, **QUICK)
    assert not any("secret" in table.columns for table in again.tables.values())
    assert "../../../outside" not in read_json(seal)["tables"]


def test_a_saved_corpus_names_its_own_files_only(corpus, tmp_path):
    corpus.save(tmp_path / "saved")
    rewritten(
        tmp_path / "saved" / "corpus.json", lambda c: c["files"].update({"../x": c["files"].pop("words.parquet")})
    )
    with pytest.raises(StoreError, match=r"names no words\.parquet"):
        Corpus.read(tmp_path / "saved")


def test_shards_of_weights_stay_inside(tmp_path):
    home = save_tiny(tmp_path / "model", "bert")
    (home / "model.safetensors").rename(tmp_path / "stolen.safetensors")
    index = {"metadata": {}, "weight_map": {"embeddings.word_embeddings.weight": "../stolen.safetensors"}}
    (home / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match=r"\.\./stolen\.safetensors.*no name of a file"):
        resolve(home)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("question", "seed"), "x", r"'seed': a whole number is expected, found a text: 'x'"),
        (("models", "base"), None, r"'models', 'base': an object is expected, found nothing"),
        (("models", "base", "layers"), [0, -1], "a layer is a number from 0"),
        (("notes",), "none", r"'notes': a list is expected, found a text"),
        (("corpus",), {}, r"'corpus': there is no 'sentences'"),
        (("results", "similarity", "tables"), [], r"'tables': an object is expected"),
        (("seconds", "similarity"), float("nan"), "took nan s"),
    ],
)
def test_a_forged_manifest_is_refused_where_it_is_wrong(run, place, value, message):
    def forged(manifest):
        for key in place[:-1]:
            manifest = manifest[key]
        manifest[place[-1]] = value

    rewritten(run / "manifest.json", forged)
    with pytest.raises(StoreError, match=rf"manifest\.json.*{message}"):
        ig.load(run)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["findings"][0].update(text=3), r"'findings'\[0\], 'text': a text is expected"),
        (lambda c: c["findings"][0].update(evil=1), r"there is 'evil', which has no place here"),
        (lambda c: c["figures"][0].update(kind="pie"), "figure 0: unknown kind of figure 'pie'"),
        (lambda c: c["figures"][0].pop("title"), "figure 0: .*there is no 'title'"),
        (lambda c: c["figures"][0].update(lines=[{"name": "x", "x": [1, 2], "y": [1]}], kind="lines"), "figure 0: "),
    ],
)
def test_forged_findings_and_figures_are_refused_where_they_are_wrong(run, change, message):
    rewritten(run / "figures" / "similarity.json", change)
    with pytest.raises(StoreError, match=rf"similarity\.json.*{message}"):
        ig.load(run)


def test_damage_of_every_kind_is_told(tmp_path):
    path = tmp_path / "deep.json"
    path.write_text("[" * 100_000)
    with pytest.raises(StoreError, match=r"deep\.json is damaged"):
        read_json(path)
    digest = write_bytes(tmp_path / "t.parquet", b"PAR1 no table PAR1")
    with pytest.raises(StoreError, match=r"t\.parquet is not a readable Parquet file"):
        read_table(tmp_path / "t.parquet", digest)
    write_json(tmp_path / "half.json", {"text": "\ud800"})
    assert read_json(tmp_path / "half.json") == {"text": "\ud800"}
