"""Cost of the similarity measures of one layer, streamed from disk, against the matrix products alone.

CKA, debiased CKA, the Procrustes distance and every word's cosine of WORDS x WIDTH vectors in one pass, beside the
three products X'X, Y'Y, X'Y without which none of them can be had (same block size, data in memory), interleaved in
one run. Peak memory is that of a fresh process, for all the words and for a tenth of them.

    python -m benchmarks.similarity [--words 200000] [--width 768] [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import torch

from isogloss.numerics import MomentStream, pair_moments, row_blocks
from isogloss.numerics.blocks import ROWS
from isogloss.similarity import cka_from_moments, procrustes_from_moments, word_cosine
from isogloss.similarity.influence import influences


def write_vectors(path: Path, words: int, width: int, seed: int) -> None:
    """A (words, width) float32 npy file with a common offset, written block by block."""
    rng = np.random.default_rng(seed)
    out = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(words, width))
    shared = np.random.default_rng(0)
    for start in range(0, words, ROWS):
        rows = min(ROWS, words - start)
        out[start : start + rows] = shared.standard_normal((rows, width), dtype=np.float32) + 3
        out[start : start + rows] += 0.5 * rng.standard_normal((rows, width), dtype=np.float32)
    out.flush()


def blocks(folder: Path, words: int):
    x, y = (np.load(folder / name, mmap_mode="r")[:words] for name in ("x.npy", "y.npy"))
    return zip(row_blocks(x), row_blocks(y), strict=True)


def point_measures(folder: Path, words: int) -> dict[str, float]:
    stream, cosine = MomentStream(), 0.0
    for x, y in blocks(folder, words):
        stream.add(x, y)
        cosine += float(np.nansum(word_cosine(x, y)))
    moments = stream.result()
    return {
        "cka": cka_from_moments(moments),
        "cka_debiased": cka_from_moments(moments, debiased=True),
        "procrustes": procrustes_from_moments(moments),
        "cosine": cosine / words,
    }


def three_products(words: int, width: int) -> None:
    x, y = torch.randn(ROWS, width), torch.randn(ROWS, width)
    for start in range(0, words, ROWS):
        rows = min(ROWS, words - start)
        for a, b in ((x, x), (y, y), (x, y)):
            torch.mm(a[:rows].T, b[:rows])


def with_influences(folder: Path, words: int) -> None:
    moments = pair_moments(blocks(folder, words))[0]
    influences(moments, blocks(folder, words))


def peak_memory(folder: Path, words: int) -> dict[str, float]:
    """Peak of a fresh process, MB: its own memory, and with the mapped file pages that the system may drop."""
    command = [sys.executable, "-m", "benchmarks.similarity", "--child", str(folder), "--words", str(words)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).resolve().parents[1])
    return json.loads(done.stdout)


def child(folder: Path, words: int) -> None:
    peak, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.01):
            status = Path("/proc/self/status").read_text()
            peak[0] = max(peak[0], int(status.split("RssAnon:")[1].split()[0]))

    watcher = threading.Thread(target=watch)
    watcher.start()
    point_measures(folder, words)
    done.set()
    watcher.join()
    mapped = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"own_mb": round(peak[0] / 1024, 1), "with_mapped_file_mb": round(mapped / 1024, 1)}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--words", type=int, default=200_000)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.words)
        return
    # Not above: the child that measures memory should hold the measures and nothing else of the project.
    from benchmarks.common import interleaved, ratio, save

    words, width = options.words, options.width
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for seed, file in enumerate(("x.npy", "y.npy"), start=1):
            write_vectors(folder / file, words, width, seed)
        three_products(min(words, 2 * ROWS), width)
        seconds = interleaved(
            {
                "three products alone": lambda: three_products(words, width),
                "all point measures, one pass": lambda: point_measures(folder, words),
                "moments and influences, two passes": lambda: with_influences(folder, words),
            },
            options.rounds,
        )
        values = point_measures(folder, words)
        memory = {str(n): peak_memory(folder, n) for n in (words // 10, words)}
    products, point, both = seconds.values()
    own = [memory[str(n)]["own_mb"] for n in (words // 10, words)]
    save(
        "similarity",
        {
            "words": words,
            "width": width,
            "rounds": options.rounds,
            "seconds": {name: round(statistics.median(times), 3) for name, times in seconds.items()},
            "point_measures_over_products": round(ratio(point, products), 3),
            "moments_and_influences_over_products": round(ratio(both, products), 3),
            "gflops_of_products": round(6 * words * width**2 / statistics.median(products) / 1e9, 1),
            "peak_memory": memory,
            "memory_all_over_tenth": round(own[1] / own[0], 3),
            "values": {name: round(value, 6) for name, value in values.items()},
        },
    )


if __name__ == "__main__":
    main()
