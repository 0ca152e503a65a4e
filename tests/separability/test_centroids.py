import numpy as np
import polars as pl
import pytest

from isogloss.errors import OptionError
from isogloss.separability.centroids import CENTROIDS, centroid_paths, difference_vectors, principal_plane


def frame(places, **columns):
    """`places` by (model, value)."""
    rows = [
        {"model": m, "layer": 1, "label": "kind", "value": v, "n": 3, "centroid": list(c), "seed": 0}
        for (m, v), c in places.items()
    ]
    return pl.DataFrame(rows, schema=CENTROIDS).with_columns(**{k: pl.lit(v) for k, v in columns.items()})


def test_a_plane_keeps_what_lies_in_it():
    rng = np.random.default_rng(0)
    flat = rng.standard_normal((9, 2)) * [5, 1]
    basis = np.linalg.qr(rng.standard_normal((7, 2)))[0]
    places, shares = principal_plane(flat @ basis.T + 3)
    assert sum(shares) == pytest.approx(1)
    distance = np.linalg.norm(flat[:, None] - flat[None], axis=2)
    assert np.linalg.norm(places[:, None] - places[None], axis=2) == pytest.approx(distance)
    assert places.max(axis=0) == pytest.approx(np.abs(places).max(axis=0))


@pytest.mark.parametrize(("X", "shares"), [(np.zeros((3, 4)), (0, 0)), (np.arange(3.0)[:, None], (1, 0))])
def test_a_plane_of_less_than_two_directions_is_flat(X, shares):
    places, found = principal_plane(X)
    assert places.shape == (3, 2)
    assert found == pytest.approx(shares)
    assert not places[:, 1].any()


def test_paths_of_all_steps_lie_in_one_plane():
    steps = []
    for step in (0, 5, 10):
        moved = {
            ("base", "A"): [0.0, 0, 0, 1],
            ("base", "B"): [4.0, 0, 0, 1],
            ("tuned", "A"): [0.0, step, 0, 1],
            ("tuned", "B"): [4.0, -step, 0, 1],
        }
        steps.append(frame(moved, step=step))
    paths = centroid_paths(pl.concat(steps))
    assert paths.height == 6
    assert (paths["share_x"] + paths["share_y"]).to_list() == pytest.approx([1] * 6)
    place = {(r["value"], r["step"]): np.array([r["x"], r["y"]]) for r in paths.iter_rows(named=True)}
    assert np.linalg.norm(place["A", 10] - place["A", 0]) == pytest.approx(10)
    assert np.linalg.norm(place["A", 5] - place["B", 5]) == pytest.approx(np.hypot(4, 10))
    assert place["A", 0] + place["B", 0] == pytest.approx(place["A", 10] + place["B", 10])


def test_without_a_step_0_the_base_of_the_first_step_begins_the_path():
    base = {("base", "A"): [1.0, 2], ("base", "B"): [0.0, 0]}
    parts = [frame(base | {("tuned", "A"): [s, 2], ("tuned", "B"): [0.0, s]}, step=s) for s in (3, 6)]
    paths = centroid_paths(pl.concat(parts))
    assert paths.filter(pl.col("value") == "A")["step"].to_list() == [0, 3, 6]


def test_each_steps_first_tuned_model_is_taken_whatever_its_number():
    places = {("base", "A"): [1.0, 2], ("base", "B"): [0.0, 0], ("tuned", "A"): [5.0, 2], ("tuned", "B"): [0.0, 4]}
    parts = [frame(places, step=s).with_columns(seed=pl.lit(i, pl.Int32)) for i, s in enumerate((0, 7))]
    assert set(centroid_paths(pl.concat(parts))["step"]) == {0, 7}


def test_difference_vectors_begin_at_the_origin():
    moves = difference_vectors(
        frame(
            {
                ("base", "A"): [1.0, 2, 3],
                ("base", "B"): [4.0, 4, 4],
                ("base", "C"): [0.0, 0, 0],
                ("tuned", "A"): [1.0, 2, 3],
                ("tuned", "B"): [4.0, 7, 8],
                ("tuned", "C"): [2.0, 0, 0],
            }
        )
    )
    found = {row["value"]: row for row in moves.iter_rows(named=True)}
    assert (found["A"]["x"], found["A"]["y"], found["A"]["length"]) == (0, 0, 0)
    assert found["B"]["length"] == pytest.approx(5)
    assert np.hypot(found["B"]["x"], found["B"]["y"]) == pytest.approx(5)
    assert found["A"]["share_x"] == pytest.approx(25 / 29)


def test_models_of_other_widths_have_no_difference():
    wider = frame({("base", "A"): [1.0, 2], ("tuned", "A"): [1.0, 2, 3]})
    assert difference_vectors(wider).is_empty()
    assert centroid_paths(wider.with_columns(step=pl.when(pl.col("model") == "base").then(0).otherwise(1))).is_empty()


def test_paths_need_steps():
    with pytest.raises(OptionError, match="column 'step'"):
        centroid_paths(frame({}))
