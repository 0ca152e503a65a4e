"""How far each label lies from the nearest other one, before and after, and the study's table over tasks.

Distances come from others; what of a change is noise, from `halves`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from isogloss.analysis import TableFigure
from isogloss.analysis.tables import of_whole_labels
from isogloss.errors import OptionError


def least_distances(
    distances: np.ndarray, cluster_classes: np.ndarray, n_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Least distance of each label's clusters from those of another label.

    Parameters
    ----------
    distances : (k, k) between clusters; NaN is unknown.
    cluster_classes : (k,) label of each cluster, in [0, n_classes).
    n_classes : c labels.

    Returns
    -------
    (c,) distances, NaN where none is known; (c,) the label at that distance, the first of equal ones, -1 for none.
    """
    least, nearest = np.full(n_classes, np.nan), np.full(n_classes, -1, dtype=np.int64)
    classes = np.asarray(cluster_classes)
    between = np.where((classes[:, None] == classes) | ~np.isfinite(distances), np.inf, distances)
    for label in range(n_classes):
        own = between[classes == label]
        if own.size and np.isfinite(own).any():
            to_each = own.min(axis=0)
            least[label] = to_each.min()
            nearest[label] = classes[to_each == least[label]].min()
    return least, nearest


@dataclass(frozen=True)
class Grown:
    """What became of the least distances of labels: the study's row.

    Attributes
    ----------
    grew, shrank, same : labels whose least distance is larger, smaller, what it was.
    mean_change : mean of after minus before over all of them; NaN without labels.
    """

    grew: int
    shrank: int
    same: int
    mean_change: float

    @property
    def n(self) -> int:
        """Labels whose distance is known before and after."""
        return self.grew + self.shrank + self.same


def grown(before: np.ndarray, after: np.ndarray, precision: float = 0.0) -> Grown:
    """Compare least distances of the same labels, (c,) each; labels with NaN are left out.

    Changes of at most `precision`, what distances are known to, are none.

    Zhou & Srikumar, ACL 2022, arXiv 2106.14282: labels whose minimum distance grew and shrank, and the mean change.
    """
    change = np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64)
    change = change[np.isfinite(change)]
    mean = float(change.mean()) if len(change) else float("nan")
    grew, shrank = int((change > precision).sum()), int((change < -precision).sum())
    return Grown(grew, shrank, len(change) - grew - shrank, mean)


CROSS_TASK: dict[str, Any] = {
    "label": pl.String(),
    "layer": pl.Int32(),
    "task": pl.String(),
    "grew": pl.Int64(),
    "shrank": pl.Int64(),
    "mean_change": pl.Float64(),
    "noise": pl.Float64(),
    "relative_change": pl.Float64(),
    "intra_accuracy": pl.Float64(),
    "clusters": pl.Float64(),
    "linear": pl.Boolean(),
    "train_test": pl.Float64(),
}
"""One row per label that is looked at, layer and task that the model was tuned on; task `none` is the base model.

`grew` and `shrank` count values of the label whose least distance did, `mean_change` is in the units of the vectors and
`noise` what of it may be noise (as `halves` finds it), `relative_change` the mean change of the distance over the
spread of the vectors."""
NO_TASK = "none"


def cross_task(table: pl.DataFrame, layer: int | None = None) -> pl.DataFrame:
    """The study's cross-task table: what tuning on one task does to the labels of another.

    Parameters
    ----------
    table : the tidy table `separability` of runs over one base model, with a column `task`: what each was tuned on.
    layer : one layer; None takes every label's last layer that base and tuned models share.

    Returns
    -------
    the columns of `CROSS_TASK`, labels and tasks in the order of the table; the base model of the first run of each
    label comes before the tuned ones, as task `none`.

    Raises
    ------
    OptionError : there is no column `task`.
    """
    if "task" not in table.columns:
        raise OptionError(f"a cross-task table needs a column 'task'. Got {', '.join(table.columns)}.")
    shared = table.filter(
        (pl.col("measure") == "min_distance_change") & of_whole_labels() & pl.col("value").is_not_null()
    )
    rows: list[dict[str, Any]] = []
    for label in shared["subset"].unique(maintain_order=True):
        own = table.filter(pl.col("subset") == label)
        at = layer if layer is not None else shared.filter(pl.col("subset") == label)["layer"].max()
        own = own.filter(pl.col("layer") == at)
        for i, task in enumerate(own["task"].unique(maintain_order=True)):
            of_task = own.filter(pl.col("task") == task)
            if i == 0:
                rows.append({"label": label, "layer": at, "task": NO_TASK} | _scores(of_task, "base"))
            changes = {
                column: _value(of_task, measure, "tuned")
                for column, measure in (
                    ("grew", "grew"),
                    ("shrank", "shrank"),
                    ("mean_change", "min_distance_change"),
                    ("relative_change", "min_distance_relative_change"),
                )
            }
            noise = {"noise": _value(of_task, "min_distance_change", "tuned", "null_high")}
            rows.append({"label": label, "layer": at, "task": task} | changes | noise | _scores(of_task, "tuned"))
    complete = [{column: row.get(column) for column in CROSS_TASK} for row in rows]
    return pl.DataFrame(complete, schema=CROSS_TASK, strict=False)


def cross_task_figure(table: pl.DataFrame, tail: str = "") -> TableFigure:
    """What `cross_task` gives, as the page shows it: one label at a time."""
    rows = [
        (
            f"{row['label']}, layer {row['layer']}",
            row["task"],
            *(row[c] for c in ("grew", "shrank", "mean_change", "noise", "relative_change")),
            *(row[c] for c in ("intra_accuracy", "clusters")),
            None if row["linear"] is None else ("yes" if row["linear"] else "no"),
            row["train_test"],
        )
        for row in table.iter_rows(named=True)
    ]
    return TableFigure(
        name="separability-cross-task",
        title="What tuning on one task does to the labels of another",
        caption="Values of a label whose least distance to another value grew or shrank, the mean change of that "
        "distance in the units of the vectors, what of it may be noise, the change in units of their spread, and what "
        f"the nearest cluster says of test rows.{tail}",
        columns=(
            "label",
            "tuned on",
            "grew",
            "shrank",
            "mean change",
            "noise",
            "relative change",
            "accuracy",
            "clusters",
            "linear",
            "train-test similarity",
        ),
        rows=tuple(rows),
        group_by="label",
    )


def _scores(rows: pl.DataFrame, model: str) -> dict[str, Any]:
    linear = _value(rows, "linear", model)
    return {
        "intra_accuracy": _value(rows, "intra_accuracy", model),
        "clusters": _value(rows, "clusters", model),
        "linear": None if linear is None else bool(linear),
        "train_test": _value(rows, "train_test", model),
    }


def _value(rows: pl.DataFrame, measure: str, model: str, column: str = "value") -> float | None:
    found = rows.filter((pl.col("measure") == measure) & (pl.col("model") == model))[column]
    return float(found[0]) if len(found) and found[0] is not None else None
