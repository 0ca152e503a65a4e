"""The demo's study on a Ray cluster of two nodes on this machine, one of which is killed in the middle.

Compared with the same study by one process: every vector, table, finding and figure, byte by byte. And one process with
two threads against the same with one: what of the tables depends on the number of threads, and by how much.

    python -m campaigns.cluster HOME
"""

from __future__ import annotations

import argparse
import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from campaigns.results import save
from campaigns.studies import demo, fingerprints, prepare, started, study


def undisturbed(home: Path, name: str, threads: int) -> Path:
    """The study by one process."""
    out = home / name
    shutil.rmtree(out, ignore_errors=True)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    process = started(home, out, home / "log")
    _, said = process.communicate()
    if process.returncode:
        raise RuntimeError(said.decode())
    return out


def on_two_nodes(home: Path, *, kill: bool) -> tuple[Path, int]:
    """The study on the cluster; returns where it is, and the nodes that were alive at its end."""
    import ray
    from ray.cluster_utils import Cluster

    out = home / "cluster"
    shutil.rmtree(out, ignore_errors=True)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        node = cluster.add_node(num_cpus=1)
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")

        def killed() -> None:
            while len(list(out.glob("tasks/*/done.json"))) < 5:
                time.sleep(0.05)
            cluster.remove_node(node, allow_graceful=False)

        killer = threading.Thread(target=killed, daemon=True)
        if kill:
            killer.start()
        study(home, out, engine="ray")
        if kill:
            killer.join(60)
            time.sleep(10)
        return out, sum(one["Alive"] for one in ray.nodes())
    finally:
        ray.shutdown()
        cluster.shutdown()


def unlike(expected: Path, found: Path) -> list[str]:
    """Names of the files that differ."""
    a, b = fingerprints(expected), fingerprints(found)
    return sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name))


def by_how_much(expected: Path, found: Path) -> dict[str, Any]:
    """Of each tidy table that differs, the largest difference of a value, relative to the largest of its measure."""
    differing: dict[str, Any] = {}
    for path in sorted((expected / "tables").glob("*.parquet")):
        a, b = pl.read_parquet(path), pl.read_parquet(found / "tables" / path.name)
        if a.equals(b):
            continue
        if "measure" not in a.columns or a.height != b.height:
            differing[path.stem] = "differs"
            continue
        values = a.select("measure", a=pl.col("value"), b=b["value"])
        scaled = values.with_columns(
            off=(pl.col("a") - pl.col("b")).abs() / pl.col("a").abs().max().over("measure").clip(1e-300)
        )
        differing[path.stem] = float(np.nan_to_num(scaled["off"].max() or 0.0))  # type: ignore[arg-type]
    return differing


def main() -> None:
    """Run and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("home", type=Path)
    given = parser.parse_args()
    home = given.home / "demo"
    prepare(home, demo())
    one = undisturbed(home, "whole", 1)
    found: dict[str, Any] = {}
    for kill in (False, True):
        out, alive = on_two_nodes(home, kill=kill)
        name = "one node killed" if kill else "two nodes"
        found[name] = {"files": len(fingerprints(out)), "unlike": unlike(one, out), "alive_at_the_end": alive}
        print(name, found[name], flush=True)
    two = undisturbed(home, "threads", 2)
    found["two threads against one"] = {"unlike": unlike(one, two), "by": by_how_much(one, two)}
    print(found["two threads against one"], flush=True)
    save("cluster", found)


if __name__ == "__main__":
    main()
