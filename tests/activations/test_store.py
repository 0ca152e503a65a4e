import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from isogloss.activations import ActivationStore, ExtractOptions, extract, extract_on
from isogloss.activations import extract as extract_function
from isogloss.activations import extraction as extract_module
from isogloss.activations import rows as rows_module
from isogloss.activations import writer as writer_module
from isogloss.activations.buffers import ChunkBuffers
from isogloss.analysis import Vectors
from isogloss.engines import Inline
from isogloss.errors import OptionError, StoreError
from isogloss.models import resolve
from isogloss.study.notes import store_notes
from tests.tiny import HIDDEN, LAYERS


def fingerprint(directory: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(directory.iterdir())}


def small_chunks(monkeypatch, budget=20_000):
    monkeypatch.setattr(extract_module.plan_chunks, "__defaults__", (budget,))


def test_holds_one_vector_per_word_and_layer(models, corpus, tmp_path):
    store = extract(models["base"], corpus, tmp_path / "s")
    assert store.layers == tuple(range(LAYERS + 1))
    assert store.n_layers == LAYERS
    for layer in store.layers:
        matrix = store.layer(layer)
        assert isinstance(matrix, np.memmap)
        assert matrix.shape == (len(store.words), HIDDEN)
        assert matrix.dtype == np.float32
        assert np.isfinite(matrix).all()
    assert not np.allclose(store.layer(1), store.layer(2))
    assert store.words["word"].to_list()[:3] == corpus.words["word"].to_list()[:3]
    assert store.words["n_subwords"].min() >= 1
    assert store.sentences["text"].to_list() == corpus.sentences["text"].to_list()
    assert store.sentence_layer(1, "cls").shape == (len(corpus.sentences), HIDDEN)


def test_uncovered_words_are_left_out_and_counted(models, corpus, tmp_path):
    store = extract(models["base"], corpus, tmp_path / "s")
    lost = store.manifest["uncovered_words"]
    assert lost > 0
    assert len(store.words) == len(corpus.words) - lost


def test_a_pair_beyond_the_limit_is_cut_and_counted(models, tmp_path):
    from isogloss.corpus import Corpus

    (tmp_path / "pairs.csv").write_text(f"text,other\n{'quiet film ' * 40},{'quiet film ' * 40}\na film,a movie\n")
    corpus = Corpus.read(tmp_path / "pairs.csv", text_b="other")
    store = extract(models["base"], corpus, tmp_path / "s")
    assert store.manifest["split_sentences"] == 1
    assert store.manifest["cut_words"] == len(corpus.words) - len(store.words) > 50
    assert store_notes("The model", store, 160)[0] == (
        "1 sentence is longer than the 64 tokens the model can take; it was cut."
    )


def test_mean_sentence_vector_of_a_split_sentence_runs_over_all_its_windows(models, tmp_path):
    from isogloss.corpus import Corpus

    corpus = Corpus.from_texts(["quiet film " * 60, "a film"])
    store = extract(models["base"], corpus, tmp_path / "s", pooling="mean")
    assert store.manifest["split_sentences"] == 1
    assert store.sentences["n_windows"].to_list()[0] > 1
    words = store.words.with_row_index("row").filter(store.words["sentence"] == 0)
    weights = words["n_subwords"].to_numpy()[:, None]
    expected = (store.layer(2)[words["row"].to_numpy()] * weights).sum(0) / weights.sum()
    np.testing.assert_allclose(store.sentence_layer(2, "mean")[0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float16", 1e-3), ("bfloat16", 1e-2)])
def test_half_precision_storage_is_close_and_half_the_size(models, corpus, tmp_path, dtype, tolerance):
    exact = extract(models["base"], corpus, tmp_path / "exact")
    small = extract(models["base"], corpus, tmp_path / "small", dtype=dtype)
    assert small.layer(2).dtype == (np.float16 if dtype == "float16" else ml_dtypes.bfloat16)
    error = np.abs(small.layer(2).astype(np.float32) - exact.layer(2)).max() / np.abs(exact.layer(2)).max()
    assert 0 < error < tolerance
    assert small.layer(2).nbytes * 2 == exact.layer(2).nbytes
    blocks = np.concatenate(list(small.vectors(2).blocks(7)))
    np.testing.assert_array_equal(blocks, small.layer(2).astype(np.float32))


def test_vectors_are_read_in_blocks_and_by_row(models, corpus, tmp_path):
    vectors = extract(models["base"], corpus, tmp_path / "s").vectors(1)
    assert isinstance(vectors, Vectors)
    whole = np.asarray(vectors.matrix)
    for rows in (1, 7, 10_000):
        np.testing.assert_array_equal(np.concatenate(list(vectors.blocks(rows))), whole)
    some = np.array([0, 3, 4, 11, len(whole) - 1])
    np.testing.assert_array_equal(vectors.take(some[::-1]), whole[some[::-1]])
    part = vectors.restricted(some)
    assert part.shape == (5, HIDDEN)
    np.testing.assert_array_equal(np.concatenate(list(part.blocks(2))), whole[some])
    np.testing.assert_array_equal(part.restricted(np.array([1, 3])).take(np.array([1])), whole[[11]])


def test_the_same_request_gives_the_same_bytes_whatever_the_chunks(models, corpus, tmp_path, monkeypatch):
    extract(models["base"], corpus, tmp_path / "a")
    extract(models["base"], corpus, tmp_path / "b")
    assert fingerprint(tmp_path / "a") == fingerprint(tmp_path / "b")


def test_a_layer_that_is_whole_goes_to_the_disk_while_the_model_runs_on(models, corpus, tmp_path, monkeypatch):
    seen = []
    on_words, put = ChunkBuffers.on_words, rows_module.ChunkRows.put

    def watched_words(self, layer, vectors, words):
        seen.append(("read", f"layer-{layer:02d}.npy"))
        on_words(self, layer, vectors, words)

    def watched_put(self, name, array):
        seen.append(("put", name))
        put(self, name, array)

    monkeypatch.setattr(ChunkBuffers, "on_words", watched_words)
    monkeypatch.setattr(rows_module.ChunkRows, "put", watched_put)
    store = extract(models["base"], corpus, tmp_path / "s", batch_tokens=64)
    files = [name for kind, name in seen if kind == "put"]
    assert sorted(files) == sorted(name for name in store.manifest["files"] if name.endswith(".npy"))
    layers = [f"layer-{layer:02d}.npy" for layer in range(LAYERS + 1)]
    assert seen.count(("read", layers[0])) > 1, "several passes, of which the last one makes layers whole"
    for layer, above in pairwise(layers):
        last_read = len(seen) - 1 - seen[::-1].index(("read", layer))
        last_above = len(seen) - 1 - seen[::-1].index(("read", above))
        assert last_read < seen.index(("put", layer)) < last_above


def test_a_finished_store_is_opened_and_not_computed_again(models, corpus, tmp_path, monkeypatch):
    extract(models["base"], corpus, tmp_path / "s")

    def fail(*_):
        raise AssertionError("computed again")

    monkeypatch.setattr(extract_module, "_read", fail)
    extract(models["base"], corpus, tmp_path / "s")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"pooling": "first"}, "pooling is last, not first"),
        ({"layers": "0-1"}, "layers is 0, 1, 2, 3, not 0, 1"),
        ({"dtype": "float16"}, "dtype is float32, not float16"),
        ({"max_length": 20}, "max_length is 64, not 20"),
    ],
)
def test_a_store_with_other_settings_is_refused_saying_which(models, corpus, tmp_path, change, named):
    extract(models["base"], corpus, tmp_path / "s")
    with pytest.raises(StoreError, match=named):
        extract(models["base"], corpus, tmp_path / "s", **change)


def test_another_model_or_corpus_is_refused(models, corpus, tmp_path):
    extract(models["base"], corpus, tmp_path / "s")
    with pytest.raises(StoreError, match="weights_sha256"):
        extract(models["tuned"], corpus, tmp_path / "s")
    with pytest.raises(StoreError, match="corpus_sha256"):
        extract(models["base"], corpus.head(10), tmp_path / "s")


def test_a_directory_with_other_things_is_not_touched(models, corpus, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(StoreError, match=r"not an activation store \(it has thesis.tex\)"):
        extract(models["base"], corpus, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_an_error_in_the_middle_is_continued_and_leaves_the_same_bytes(models, corpus, tmp_path, monkeypatch):
    small_chunks(monkeypatch)
    extract(models["base"], corpus, tmp_path / "whole")
    written = []
    record = writer_module.StoreWriter.record

    def fail_at_third(self, chunk, digests):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(chunk.number)
        record(self, chunk, digests)

    monkeypatch.setattr(writer_module.StoreWriter, "record", fail_at_third)
    with pytest.raises(KeyboardInterrupt):
        extract(models["base"], corpus, tmp_path / "broken")
    with pytest.raises(StoreError, match="is not finished"):
        ActivationStore(tmp_path / "broken")
    again = []
    monkeypatch.setattr(
        writer_module.StoreWriter, "record", lambda self, chunk, d: (again.append(chunk.number), record(self, chunk, d))
    )
    extract(models["base"], corpus, tmp_path / "broken")
    assert not set(written) & set(again)
    assert fingerprint(tmp_path / "whole") == fingerprint(tmp_path / "broken")


def test_a_continued_extraction_with_other_settings_is_refused(models, corpus, tmp_path, monkeypatch):
    small_chunks(monkeypatch)
    monkeypatch.setattr(writer_module.StoreWriter, "finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        extract(models["base"], corpus, tmp_path / "s")
    with pytest.raises(StoreError, match=r"unfinished extraction with other settings \(pooling is last, not mean"):
        extract(models["base"], corpus, tmp_path / "s", pooling="mean")


def test_a_damaged_chunk_of_an_unfinished_store_is_computed_again(models, corpus, tmp_path, monkeypatch):
    small_chunks(monkeypatch)
    extract(models["base"], corpus, tmp_path / "whole")
    with monkeypatch.context() as m:
        m.setattr(writer_module.StoreWriter, "finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            extract(models["base"], corpus, tmp_path / "s")
    flip_bit(tmp_path / "s" / "layer-02.npy.part", 400)
    extract(models["base"], corpus, tmp_path / "s")
    assert fingerprint(tmp_path / "whole") == fingerprint(tmp_path / "s")


def flip_bit(path: Path, offset: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 4
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["layer-02.npy", "sentence-cls-01.npy", "words.parquet", "manifest.json"])
def test_one_flipped_bit_is_noticed_and_the_file_named(models, corpus, tmp_path, name):
    extract(models["base"], corpus, tmp_path / "s")
    flip_bit(tmp_path / "s" / name, (tmp_path / "s" / name).stat().st_size // 2)
    with pytest.raises(StoreError, match=name):
        ActivationStore(tmp_path / "s").verify()
    with pytest.raises(StoreError, match=name):
        _use(tmp_path / "s")


def _use(directory: Path) -> None:
    store = ActivationStore(directory)
    _ = store.words
    store.layer(2)
    store.sentence_layer(1, "cls")


def test_a_truncated_or_lost_file_is_named_on_opening(models, corpus, tmp_path):
    extract(models["base"], corpus, tmp_path / "s")
    path = tmp_path / "s" / "layer-01.npy"
    content = path.read_bytes()
    path.write_bytes(content[:-10])
    with pytest.raises(StoreError, match=r"layer-01.npy is damaged: it has .* bytes, .* were written"):
        ActivationStore(tmp_path / "s")
    path.unlink()
    with pytest.raises(StoreError, match=r"layer-01.npy is missing"):
        ActivationStore(tmp_path / "s")


def test_a_full_disk_is_said_and_the_run_goes_on_later(models, corpus, tmp_path, monkeypatch):
    small_chunks(monkeypatch)
    extract(models["base"], corpus, tmp_path / "whole")
    calls = []
    write_all = rows_module.write_all

    def full(handle, payload, offset):
        calls.append(1)
        if len(calls) > 30:
            raise OSError(errno.ENOSPC, "No space left on device")
        write_all(handle, payload, offset)

    with monkeypatch.context() as m:
        m.setattr(rows_module, "write_all", full)
        with pytest.raises(StoreError, match=r"the disk is full .* make room and run the same command again"):
            extract(models["base"], corpus, tmp_path / "s")
    extract(models["base"], corpus, tmp_path / "s")
    assert fingerprint(tmp_path / "whole") == fingerprint(tmp_path / "s")


def test_too_little_space_is_met_before_the_work(models, corpus, tmp_path, monkeypatch):
    usage = type("usage", (), {"free": 1000})
    monkeypatch.setattr(writer_module.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(StoreError, match="MiB are needed"):
        extract(models["base"], corpus, tmp_path / "s")
    assert not list((tmp_path / "s").iterdir())


def test_unknown_layers_and_kinds_name_what_is_there(models, corpus, tmp_path):
    store = extract(models["base"], corpus, tmp_path / "s", layers="1,3", sentence_vectors=("cls",))
    with pytest.raises(OptionError, match="has no layer 2; it has 1, 3"):
        store.layer(2)
    with pytest.raises(OptionError, match="no sentence vectors called 'mean'; it has cls"):
        store.sentence_layer(1, "mean")
    assert store.layer(-1).shape == store.layer(3).shape


@pytest.mark.slow
def test_sigkill_at_any_moment_then_the_same_bytes(models, tmp_path):
    script = tmp_path / "run.py"
    script.write_text(
        "import sys\n"
        "from isogloss.activations import extract\n"
        "module = sys.modules['isogloss.activations.extraction']\n"
        "module.plan_chunks.__defaults__ = (60_000,)\n"
        "from isogloss.corpus import Corpus\n"
        "from isogloss.progress import Progress\n"
        "from contextlib import contextmanager\n"
        "class Told(Progress):\n"
        "    @contextmanager\n"
        "    def task(self, name, total, unit):\n"
        "        yield lambda _: print('.', flush=True)\n"
        "texts = [f'A quiet film number {i}, it was not bad at all.' for i in range(1500)]\n"
        "extract(sys.argv[1], Corpus.from_texts(texts), sys.argv[2], progress=Told())\n"
    )

    def start(out):
        return subprocess.Popen(
            [sys.executable, str(script), str(models["base"]), str(out)],
            stdout=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    whole = start(tmp_path / "whole")
    assert whole.communicate()[0]
    assert whole.returncode == 0
    killed = 0
    for wait in (3, 9, 20, 40):
        process = start(tmp_path / "killed")
        for _ in range(wait):
            process.stdout.readline()
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            killed += 1
        process.wait()
        process.stdout.close()
        time.sleep(0.05)
    assert killed >= 3
    journal = (tmp_path / "killed" / "journal.jsonl").read_text().splitlines()
    assert json.loads(journal[0])["settings"]["pooling"] == "last"
    last = start(tmp_path / "killed")
    assert last.communicate()[0]
    assert last.returncode == 0
    assert fingerprint(tmp_path / "whole") == fingerprint(tmp_path / "killed")


def test_extract_is_the_public_function():
    import isogloss

    assert isogloss.extract is extract_function


def test_one_engine_reads_one_text_after_another_to_the_same_place(models, corpus, tmp_path):
    """What a worker keeps is of a model and a way of reading, not of a place."""
    model, few, place = resolve(models["base"]), corpus.head(1), tmp_path / "s"
    asked = [(few, {}), (corpus, {}), (corpus, {"pooling": "last"}), (corpus, {"dtype": "float16"})]
    with Inline() as engine:
        for some, options in asked:
            shutil.rmtree(place, ignore_errors=True)
            store = extract_on(engine, model, some, place, ExtractOptions(**options))
            alone = extract(models["base"], some, tmp_path / f"{len(some)}{options}", **options)
            assert np.array_equal(store.layer(LAYERS), alone.layer(LAYERS))
