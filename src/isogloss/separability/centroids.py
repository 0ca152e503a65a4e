"""Where the centroids of labels are and how they move: over the steps of fine-tuning, and from base to tuned model.

Zhou & Srikumar, "A closer look at how fine-tuning changes BERT", ACL 2022, arXiv 2106.14282: paths of centroids over
updates, and difference vectors per layer, both in two principal components. A plane shows only the share of the
movement that lies in it; every table says how large that is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from isogloss.errors import OptionError

CENTROIDS: dict[str, Any] = {
    "model": pl.String(),
    "layer": pl.Int32(),
    "label": pl.String(),
    "value": pl.String(),
    "n": pl.Int64(),
    "centroid": pl.List(pl.Float32()),
    "seed": pl.Int32(),
}
"""`centroid` the mean of the training vectors of a value, in full dimension; `n` how many there are."""
PATHS: dict[str, Any] = {
    "layer": pl.Int32(),
    "label": pl.String(),
    "value": pl.String(),
    "step": pl.Int64(),
    "n": pl.Int64(),
    "x": pl.Float64(),
    "y": pl.Float64(),
    "share_x": pl.Float64(),
    "share_y": pl.Float64(),
}
"""`share_x`, `share_y` of the variance of all centroids of a label at a layer, over values and steps."""
DIFFERENCES: dict[str, Any] = {
    "layer": pl.Int32(),
    "label": pl.String(),
    "value": pl.String(),
    "x": pl.Float64(),
    "y": pl.Float64(),
    "length": pl.Float64(),
    "share_x": pl.Float64(),
    "share_y": pl.Float64(),
    "seed": pl.Int32(),
}
"""`length` in full dimension; `share_x`, `share_y` of the squared lengths of all difference vectors of a label."""


def principal_plane(X: np.ndarray, *, centre: bool = True) -> tuple[np.ndarray, tuple[float, float]]:
    """Rows along their two main directions.

    Parameters
    ----------
    X : (n, d).
    centre : about their mean; False about 0, so that a row of zeros stays at the origin.

    Returns
    -------
    (n, 2) float64, and the shares of the (squared) variance along both; 0 where there is none. The sign of an axis is
    that which makes the largest coordinate positive, the first of equal ones.
    """
    X = np.asarray(X, dtype=np.float64)
    if not X.size:
        return np.zeros((len(X), 2)), (0.0, 0.0)
    centred = X - X.mean(axis=0) if centre else X
    U, S, _ = np.linalg.svd(centred, full_matrices=False)
    places = np.zeros((len(X), 2))
    width = min(2, len(S))
    places[:, :width] = U[:, :width] * S[:width]
    largest = np.argmax(np.abs(places), axis=0)
    places *= np.where(places[largest, [0, 1]] < 0, -1.0, 1.0)
    total = float(S @ S)
    shares = [float(s * s) / total if total > 0 else 0.0 for s in S[:width]] + [0.0] * (2 - width)
    return places, (shares[0], shares[1])


def centroid_paths(centroids: pl.DataFrame) -> pl.DataFrame:
    """Paths of centroids over the steps of fine-tuning, all steps of a label at a layer in one common plane.

    Parameters
    ----------
    centroids : `separability_centroids` of every step's comparison with the base, with a column `step` (0 = base). Of
        step 0 the base model's rows are taken where there are any, of other steps the tuned model's; without rows of
        step 0 the base model's of the first step stand for it. Of several tuned models of a step, the first.

    Returns
    -------
    the columns of `PATHS`, by layer, label, value and step. A value takes part with the steps it is there at; a layer
    whose width differs between steps does not.

    Raises
    ------
    OptionError : there is no column `step`.
    """
    if "step" not in centroids.columns:
        raise OptionError(f"centroid paths need a column 'step'. Got {', '.join(centroids.columns)}.")
    table = centroids.filter(pl.col("seed") == pl.col("seed").min().over("step"))
    if table.is_empty():
        return pl.DataFrame(schema=PATHS)
    later = table.filter((pl.col("step") > 0) & (pl.col("model") == "tuned"))
    start = table.filter((pl.col("step") == 0) & (pl.col("model") == "base"))
    if start.is_empty():
        start = table.filter(pl.col("step") == 0)
    if start.is_empty():
        start = table.filter((pl.col("model") == "base") & (pl.col("step") == pl.col("step").min()))
    start = start.with_columns(step=pl.lit(0, table.schema["step"]))
    parts = []
    for _, own in pl.concat([start, later]).group_by("layer", "label", maintain_order=True):
        rows = own.unique(["value", "step"], keep="first", maintain_order=True).sort("value", "step")
        centres = _stacked(rows, "centroid")
        if centres is None:
            continue
        places, shares = principal_plane(centres)
        parts.append(
            rows.select("layer", "label", "value", pl.col("step").cast(pl.Int64), "n").with_columns(
                x=pl.Series(places[:, 0]),
                y=pl.Series(places[:, 1]),
                share_x=pl.lit(shares[0]),
                share_y=pl.lit(shares[1]),
            )
        )
    return (
        pl.concat(parts).cast(pl.Schema(PATHS)).sort("layer", "label", "value", "step")
        if parts
        else pl.DataFrame(schema=PATHS)
    )


def difference_vectors(centroids: pl.DataFrame) -> pl.DataFrame:
    """How the centroid of every value moved from base to tuned model, in the plane in which most of it lies.

    Parameters
    ----------
    centroids : `separability_centroids` of one comparison.

    Returns
    -------
    the columns of `DIFFERENCES`. The origin is no movement; a plane is of one label at one layer of one tuned model,
    so directions may be compared within it only. Layers that are wider in one model have none.
    """
    keys = ["layer", "label", "value", "seed"]
    base, tuned = (
        centroids.filter(pl.col("model") == model).select(*keys, pl.col("centroid").alias(model))
        for model in ("base", "tuned")
    )
    both = base.join(tuned, on=keys, how="inner", maintain_order="left")
    parts = []
    for _, own in both.group_by("layer", "label", "seed", maintain_order=True):
        before, after = _stacked(own, "base"), _stacked(own, "tuned")
        if before is None or after is None or before.shape != after.shape:
            continue
        moved = after - before
        places, shares = principal_plane(moved, centre=False)
        parts.append(
            own.select(*keys)
            .with_columns(
                x=pl.Series(places[:, 0]),
                y=pl.Series(places[:, 1]),
                length=pl.Series(np.linalg.norm(moved, axis=1)),
                share_x=pl.lit(shares[0]),
                share_y=pl.lit(shares[1]),
            )
            .select(list(DIFFERENCES))
        )
    return pl.concat(parts).cast(pl.Schema(DIFFERENCES)) if parts else pl.DataFrame(schema=DIFFERENCES)


def _stacked(rows: pl.DataFrame, column: str) -> np.ndarray | None:
    """(n, d) float64 centroids; None where they are of different dimensions."""
    if rows[column].list.len().n_unique() > 1:
        return None
    return np.array(rows[column].to_list(), dtype=np.float64)
