"""The plain DirectProbe that the benchmarks time against finds what the published implementation found."""

from __future__ import annotations

import re

import numpy as np
import pytest
from benchmarks.peers.directprobe_serial import DirectProbeSerial, OutOfTimeError, hull_to_hull, point_to_hull

from tests.conftest import shared


def same_partition(a: np.ndarray, b: np.ndarray) -> bool:
    return len(set(zip(a.tolist(), b.tolist(), strict=True))) == len(set(a.tolist())) == len(set(b.tolist()))


@pytest.mark.parametrize("name", ["blobs2d", "moons", "iris", "digits600"])
def test_clusters_and_distances_are_those_of_the_published_implementation(name: str) -> None:
    folder = shared("directprobe-oracle") / name
    X = np.loadtxt(folder / "train_emb.txt")
    y = np.array([line.split("\t")[1] for line in (folder / "train.txt").read_text().splitlines()])
    expected = np.loadtxt(folder / "expected_clusters.txt", dtype=int)
    found = DirectProbeSerial().fit(X, y)
    assert same_partition(found.labels_, expected)
    number = dict(zip(expected.tolist(), found.labels_.tolist(), strict=True))
    distances = found.distances()
    lines = re.findall(r"\((\d+)-.*?, (\d+)-.*?\): ([\d.]+)", (folder / "expected_distances.txt").read_text())
    assert len(lines) > 5
    for i, j, value in lines:
        # Four decimals are given.
        assert distances[number[int(i)], number[int(j)]] == pytest.approx(float(value), rel=1e-3, abs=5e-5)


def test_labels_that_cross_are_cut_into_clusters_that_do_not() -> None:
    square = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    found = DirectProbeSerial().fit(square, np.array(["a", "a", "b", "b"]))
    # Merging the first pair is right; the second pair would cross it.
    assert found.n_clusters_ == 3
    assert found.predict(np.array([[0.5, 0.4], [0.1, 1.4]])).tolist() == ["a", "b"]


def test_distances_of_points_and_hulls_are_those_of_the_plane() -> None:
    strip = np.array([[0.0, 0.0], [4.0, 0.0]])
    assert hull_to_hull(strip, strip + np.array([1.0, 3.0])) == pytest.approx(3.0, rel=1e-4)
    assert point_to_hull(np.array([2.0, 0.5]), strip) == pytest.approx(0.5, rel=1e-3)
    assert point_to_hull(np.array([1.0, 0.0]), strip) == 0.0


def test_it_stops_when_its_time_is_spent() -> None:
    random = np.random.default_rng(0)
    with pytest.raises(OutOfTimeError):
        DirectProbeSerial(seconds=0.0).fit(random.standard_normal((40, 2)), random.integers(2, size=40))
