"""Runs every measurement, one after the other, and renews the README's table.

python -m benchmarks.run
"""

from __future__ import annotations

import subprocess
import sys

SCRIPTS = (
    "benchmarks.extraction",
    "benchmarks.memory",
    "benchmarks.engines",
    "benchmarks.similarity",
    "benchmarks.ward",
    "benchmarks.probing",
    "benchmarks.neurons",
    "benchmarks.isotropy",
    "benchmarks.separability",
    "benchmarks.cost",
    "docs.generate",
)


def main() -> None:
    """Each in a process of its own: the threads and the memory of one do not disturb the next."""
    for script in SCRIPTS:
        print(script, flush=True)
        subprocess.run([sys.executable, "-m", script], check=True)


if __name__ == "__main__":
    main()
