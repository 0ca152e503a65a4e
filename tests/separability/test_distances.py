import numpy as np
import polars as pl
import pytest

from isogloss.analysis import figure_from_dict, tidy
from isogloss.errors import OptionError
from isogloss.separability.distances import NO_TASK, cross_task, cross_task_figure, grown, least_distances

NAN = np.nan


def test_the_least_distance_is_to_another_label_only():
    D = np.array([[0, 1, 5, 7], [1, 0, 4, 6], [5, 4, 0, 2], [7, 6, 2, 0.0]])
    least, nearest = least_distances(D, np.array([0, 0, 1, 2]), 4)
    assert least[:3].tolist() == [4, 2, 2]
    assert np.isnan(least[3])
    assert nearest.tolist() == [1, 2, 1, -1]


def test_unknown_distances_do_not_count():
    D = np.array([[0, NAN, 5], [NAN, 0, NAN], [5, NAN, 0]])
    least, nearest = least_distances(D, np.arange(3), 3)
    assert least[[0, 2]].tolist() == [5, 5]
    assert np.isnan(least[1])
    assert nearest.tolist() == [2, -1, 0]


def test_labels_that_grew_and_shrank_are_counted():
    found = grown(np.array([1, 2, 3, 4, NAN]), np.array([2, 2, 1, 7, 1]))
    assert (found.grew, found.shrank, found.same, found.n) == (2, 1, 1, 4)
    assert found.mean_change == pytest.approx(0.5)
    near = grown(np.array([1e-8, 5e-9, 1.0]), np.array([2e-8, 4e-9, 2.0]), precision=1e-6)
    assert (near.grew, near.shrank, near.same) == (1, 0, 2), "what is less than the precision is no change"
    assert np.isnan(grown(np.array([NAN]), np.array([1.0])).mean_change)


def runs():
    rows = []
    for task, change, grew in (("POS", -1.68, 0), ("PS-fxn", 5.29, 40)):
        common = {"task": task, "analysis": "separability", "subset": "fxn", "seed": 0}
        for layer in (1, 2):
            rows += [
                common | {"measure": "intra_accuracy", "model": "base", "value": 0.8775, "layer": layer},
                common | {"measure": "linear", "model": "base", "value": 1, "layer": layer},
                common | {"measure": "clusters", "model": "tuned", "value": 40, "layer": layer},
                common | {"measure": "intra_accuracy", "model": "tuned", "value": 0.8 + layer / 100, "layer": layer},
                common | {"measure": "min_distance_change", "model": "tuned", "value": change * layer, "layer": layer},
                common | {"measure": "grew", "model": "tuned", "value": grew, "layer": layer},
                common | {"measure": "shrank", "model": "tuned", "value": 40 - grew, "layer": layer},
            ]
    tasks = pl.Series("task", [row["task"] for row in rows])
    return tidy(rows).insert_column(0, tasks)


def test_the_studys_table_has_a_row_of_the_base_model_and_one_per_task():
    table = cross_task(runs())
    assert table["task"].to_list() == [NO_TASK, "POS", "PS-fxn"]
    assert table["layer"].to_list() == [2, 2, 2]
    base, pos, fxn = table.iter_rows(named=True)
    assert (base["intra_accuracy"], base["linear"], base["grew"], base["mean_change"]) == (0.8775, True, None, None)
    assert (pos["grew"], pos["shrank"], pos["mean_change"]) == (0, 40, -3.36)
    assert (fxn["grew"], fxn["shrank"], fxn["clusters"]) == (40, 0, 40)
    assert fxn["intra_accuracy"] == pytest.approx(0.82)
    assert cross_task(runs(), layer=1)["mean_change"].to_list() == [None, -1.68, 5.29]
    figure = cross_task_figure(table)
    assert figure_from_dict(figure.as_dict()) == figure
    assert [row[1] for row in figure.rows] == [NO_TASK, "POS", "PS-fxn"]


def test_a_table_without_tasks_is_refused():
    with pytest.raises(OptionError, match="column 'task'"):
        cross_task(tidy([]))
