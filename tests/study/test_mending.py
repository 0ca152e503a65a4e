"""A run whose files were damaged or lost says so, and the same command mends it; vectors can be dropped."""

import json

import pytest
from typer.testing import CliRunner

import isogloss as ig
from isogloss.cli.app import app
from isogloss.errors import StoreError
from isogloss.similarity import SimilarityAnalysis
from isogloss.study.difference import differences
from tests.study.test_run import QUICK
from tests.tiny import save_tiny


def compare(models, corpus, out, **options):
    return ig.compare(models["base"], models["tuned"], corpus, out=out, **{**QUICK, **options})


def spoil(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def lose(path):
    path.unlink()


@pytest.fixture
def computed(monkeypatch):
    """Layers that the analysis is run on."""
    layers = []
    run = SimilarityAnalysis.run
    monkeypatch.setattr(
        SimilarityAnalysis, "run", lambda self, pair, o: (layers.append(pair.layer), run(self, pair, o))[1]
    )
    return layers


FILES = ["tables/similarity.parquet", "figures/similarity.json", "summary.json"]


@pytest.mark.parametrize("damage", [spoil, lose])
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_named_with_the_way_out_which_works(models, corpus, tmp_path, computed, name, damage):
    before = compare(models, corpus, tmp_path / "run", keep_activations=False)
    computed.clear()
    damage(tmp_path / "run" / name)
    with pytest.raises(StoreError, match=rf"{name} is (damaged|missing).*; ask for the same comparison again"):
        ig.load(tmp_path / "run")
    for command in ("show", "report"):
        told = CliRunner().invoke(app, [command, str(tmp_path / "run")])
        assert told.exit_code == 2
        assert name in told.output
    compare(models, corpus, tmp_path / "run", keep_activations=False)
    assert computed == []
    mended = ig.load(tmp_path / "run")
    assert mended.findings == before.findings
    assert all(table.equals(mended.tables[name]) for name, table in before.tables.items())


def test_a_damaged_task_is_computed_again_and_no_other(models, corpus, tmp_path, computed):
    before = compare(models, corpus, tmp_path / "run")
    computed.clear()
    spoil(tmp_path / "run" / "tasks" / "similarity-0-02" / "similarity.parquet")
    assert compare(models, corpus, tmp_path / "run").findings == before.findings
    assert computed == []
    lose(tmp_path / "run" / "tables" / "similarity.parquet")
    mended = compare(models, corpus, tmp_path / "run")
    assert computed == [2]
    assert mended.tables["similarity"].equals(before.tables["similarity"])


def test_a_directory_around_a_run_is_not_taken_for_a_damaged_one(models, corpus, tmp_path):
    compare(models, corpus, tmp_path / "study" / "run")
    with pytest.raises(StoreError, match=r"study is not a run directory: .*; did you mean .*run\?"):
        ig.load(tmp_path / "study")


def test_a_damaged_manifest_leaves_nothing_to_mend_and_says_so(models, corpus, tmp_path):
    compare(models, corpus, tmp_path / "run")
    spoil(tmp_path / "run" / "manifest.json")
    with pytest.raises(StoreError, match=r"manifest\.json .*delete the directory and run again"):
        ig.load(tmp_path / "run")
    with pytest.raises(StoreError, match=r"manifest\.json .*choose another directory or delete this one"):
        compare(models, corpus, tmp_path / "run")


def test_dropped_vectors_leave_a_run_that_reads_and_is_recognised(models, corpus, tmp_path, computed):
    kept = compare(models, corpus, tmp_path / "kept")
    dropped = compare(models, corpus, tmp_path / "run", keep_activations=False)
    assert not (tmp_path / "run" / "activations").exists()
    assert dropped.findings == kept.findings
    computed.clear()
    assert compare(models, corpus, tmp_path / "run").findings == kept.findings
    assert computed == []
    for command in ("show", "report"):
        assert CliRunner().invoke(app, [command, str(tmp_path / "run")]).exit_code == 0
    compare(models, corpus, tmp_path / "kept", keep_activations=False)
    assert not (tmp_path / "kept" / "activations").exists()


def test_the_size_of_the_vectors_is_said_before_they_are_made(models, corpus, tmp_path):
    from isogloss.progress import Progress

    class Told(Progress):
        notes: list[str] = []  # noqa: RUF012

        def note(self, text):
            self.notes.append(text)

    compare(models, corpus, tmp_path / "run", progress=Told())
    size = sum(path.stat().st_size for path in (tmp_path / "run" / "activations" / "base").glob("*.npy"))
    assert f"{size / 2**20:.1f} MiB of vectors of {models['base']}" in Told.notes[0]


def test_another_question_is_told_in_words(models, corpus, tmp_path):
    compare(models, corpus, tmp_path / "run")
    with pytest.raises(StoreError, match=r"the corpus memory is not the same: 40 sentences, \d+ words then, 10 sent"):
        compare(models, corpus.head(10), tmp_path / "run")
    other = save_tiny(tmp_path / "third", "bert", seed=2)
    with pytest.raises(StoreError, match=rf"another tuned model: {models['tuned']} then, {other} now\); choose"):
        ig.compare(models["base"], other, corpus, out=tmp_path / "run", **QUICK)
    with pytest.raises(StoreError, match="tuned models: 1 then, 2 now"):
        ig.compare(models["base"], [models["tuned"], other], corpus, out=tmp_path / "run", **QUICK)


def test_differences_cut_hashes_and_forgive_paths(models, corpus, tmp_path):
    compare(models, corpus, tmp_path / "run")
    asked = json.loads((tmp_path / "run" / "manifest.json").read_text(encoding="utf-8"))["question"]
    moved = {**asked, "base": {**asked["base"], "spec": "elsewhere"}, "corpus": {**asked["corpus"], "source": "x.csv"}}
    assert differences(asked, moved) == []
    changed = {**asked, "base": {**asked["base"], "weights_sha256": "f" * 64}}
    assert differences(asked, changed) == [
        f"the weights of the base model {models['base']} changed: "
        f"{asked['base']['weights_sha256'][:12]} then, {'f' * 12} now"
    ]
    relabelled = {**asked, "corpus": {**asked["corpus"], "content": "0" * 64}}
    assert "as large as then (40 sentences" in differences(asked, relabelled)[0]
    other = {**asked, "corpus": {**asked["corpus"], "content": "0" * 64, "source": "b.csv", "words": 7}}
    assert differences(asked, other)[0].endswith("then, b.csv (40 sentences, 7 words) now")
