"""Cost of the isotropy measures of one layer against the float64 covariance product of the same words.

WORDS x WIDTH float32 vectors in memory, SENTENCE words to a sentence. The covariance product is NumPy's X'X in
float64, which computes half of the symmetric product: the fastest there is; beside it the same as a general product.
Every measure alone, then all of them in their two passes with and without intervals, all interleaved. The mean cosine
is compared with that of all pairs by matrix product. Peak memory is that of a fresh process over a mapped file.

    python -m benchmarks.isotropy [--words 100000] [--width 768] [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np

from isogloss.analysis import ArrayVectors
from isogloss.isotropy.cosine import mean_cosine, rogue_dimensions
from isogloss.isotropy.informativity import informativity
from isogloss.isotropy.partition import partition_isotropy
from isogloss.isotropy.shape import measure_shape
from isogloss.isotropy.spectrum import effective_rank, isoscore, spectrum

STEP = 2048


def write_vectors(path: Path, words: int, width: int, scale: float) -> np.ndarray:
    """A (words, width) float32 npy file, mapped: a common offset, a falling spectrum, one rogue dimension."""
    rng = np.random.default_rng(0)
    fall = np.arange(1, width + 1, dtype=np.float32) ** -0.5
    offset = 0.1 * rng.standard_normal(width, dtype=np.float32)
    offset[width // 2] = 3
    out = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(words, width))
    for start in range(0, words, STEP):
        rows = min(STEP, words - start)
        out[start : start + rows] = scale * (rng.standard_normal((rows, width), dtype=np.float32) * fall + offset)
    out.flush()
    return np.load(path, mmap_mode="r")


def cosine_of_all_pairs(X: np.ndarray) -> float:
    """The mean over all ordered pairs of different words, block by block of the float32 product of unit vectors."""
    units = X / np.linalg.norm(X, axis=1, keepdims=True)
    total = sum(
        float((units[start : start + STEP] @ units.T).sum(dtype=np.float64)) for start in range(0, len(X), STEP)
    )
    return (total - len(X)) / (len(X) * (len(X) - 1))


def child(path: Path, words: int, sentence: int) -> None:
    """All measures of the first words of a mapped file; the peak of this process's own memory, MB."""
    peak, done = [0], threading.Event()

    def own() -> int:
        return int(Path("/proc/self/status").read_text().split("RssAnon:")[1].split()[0])

    def watch() -> None:
        while not done.wait(0.01):
            peak[0] = max(peak[0], own())

    before = own()
    watcher = threading.Thread(target=watch)
    watcher.start()
    groups = np.arange(words) // sentence
    measure_shape(ArrayVectors(np.load(path, mmap_mode="r")[:words]), groups, int(groups[-1]) + 1)
    done.set()
    watcher.join()
    print(json.dumps({"own_mb": round(peak[0] / 1024, 1), "before_mb": round(before / 1024, 1)}))


def peak_memory(path: Path, words: int, sentence: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.isotropy", "--child", str(path)]
    command += ["--words", str(words), "--sentence", str(sentence)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).resolve().parents[1])
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--words", type=int, default=100_000)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--sentence", type=int, default=20, help="words of a sentence")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.words, options.sentence)
        return
    # Not above: the child that measures memory should hold the measures and nothing else of the project.
    from benchmarks.common import interleaved, ratio, save

    words, groups = options.words, np.arange(options.words) // options.sentence
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "x.npy"
        X = np.array(write_vectors(path, words, options.width, 1.0))
        long = ArrayVectors(1000 * X)
        double = X.astype(np.float64)
        general = double.T.copy()
        vectors, n_groups = ArrayVectors(X), int(groups[-1]) + 1
        contenders = {
            "covariance product": lambda: double.T @ double,
            "covariance product, general": lambda: general @ double,
            "partition_isotropy": lambda: partition_isotropy(X),
            "mean_cosine": lambda: mean_cosine(X),
            "isoscore": lambda: isoscore(X),
            "spectrum": lambda: spectrum(X),
            "effective_rank": lambda: effective_rank(X),
            "rogue_dimensions": lambda: rogue_dimensions(X, 5),
            "informativity": lambda: informativity(X, [0, 1, 2]),
            "all, no intervals": lambda: measure_shape(vectors, groups, n_groups, bootstrap=0),
            "all, 200 resamples": lambda: measure_shape(vectors, groups, n_groups),
            "all, 200 resamples, lengths x 1000": lambda: measure_shape(long, groups, n_groups),
        }
        seconds = interleaved(contenders, options.rounds)
        # The pairs of all words take minutes: once, with the exact mean beside it again.
        found: dict[str, float] = {}
        pairs = interleaved(
            {
                "mean_cosine": lambda: found.update(exact=mean_cosine(X)),
                "all pairs by matrix product": lambda: found.update(pairs=cosine_of_all_pairs(X)),
            },
            1,
        )
        memory = {str(n): peak_memory(path, n, options.sentence) for n in (words // 4, words)}
    shape = measure_shape(vectors, groups, n_groups)
    product, general_product = seconds["covariance product"], seconds["covariance product, general"]
    save(
        "isotropy",
        {
            "words": words,
            "width": options.width,
            "words_of_a_sentence": options.sentence,
            "rounds": options.rounds,
            "seconds": {name: round(statistics.median(times), 3) for name, times in (seconds | pairs).items()},
            "over_covariance_product": {name: round(ratio(times, product), 3) for name, times in seconds.items()},
            "over_general_product": {name: round(ratio(times, general_product), 3) for name, times in seconds.items()},
            "all_pairs_over_mean_cosine": round(ratio(pairs["all pairs by matrix product"], pairs["mean_cosine"]), 1),
            "mean_cosine_exact": round(found["exact"], 9),
            "mean_cosine_of_all_pairs": round(found["pairs"], 9),
            "peak_memory_of_all": memory,
            "values": {name: round(estimate.value, 9) for name, estimate in shape.measures.items()},
        },
    )


if __name__ == "__main__":
    main()
