"""A sample of words along the two directions of most variance of each layer: the tables and their figure."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from isogloss.analysis import (
    LayerPair,
    Tables,
    Vectors,
    WordColouring,
    WordMapFigure,
    WordMapLevel,
    contexts,
    first_tuned,
)
from isogloss.analysis.places import Numbers
from isogloss.analysis.sampling import sampled_rows
from isogloss.isotropy.directions import Directions
from isogloss.isotropy.local_rows import Words
from isogloss.isotropy.options import IsotropyOptions

MOST_WORDS = 20_000
"""Words by which the two directions are found."""
DIGITS = 5

MAP: dict[str, Any] = {
    "model": pl.String(),
    "layer": pl.Int32(),
    "point": pl.Int32(),
    "x": pl.Float64(),
    "y": pl.Float64(),
    "share_x": pl.Float64(),
    "share_y": pl.Float64(),
    "seed": pl.Int32(),
}
"""`x`, `y` along the two directions of most variance, whose shares of it are beside them; the sign of the tuned model's
is that by which the points follow the base model's."""
POINTS: dict[str, Any] = {
    "point": pl.Int32(),
    "word": pl.String(),
    "text": pl.String(),
    "start": pl.Int64(),
    "end": pl.Int64(),
    "count": pl.Int64(),
    "seed": pl.Int32(),
}
"""`text` is the sentence around the word, `start` and `end` its place there, `count` how often the word occurs."""
POINT_LABELS: dict[str, Any] = {
    "point": pl.Int32(),
    "label": pl.String(),
    "value": pl.String(),
    "seed": pl.Int32(),
}


def map_tables(pair: LayerPair, words: Words, options: IsotropyOptions) -> Tables:
    """Tables `isotropy_map`, and of the lowest layer `isotropy_points` and `isotropy_point_labels`."""
    rows = sampled_rows(pair.words.height, options.map_words, pair.seed)
    fitted = sampled_rows(pair.words.height, MOST_WORDS, pair.seed)
    parts, before = [], None
    for model, vectors in (("base", pair.base), ("tuned", pair.tuned)):
        if vectors is None or vectors.shape[1] < 2:
            continue
        place, shares = _places(vectors, rows, fitted)
        if before is not None and len(before) == len(place):
            turned = np.einsum("ij,ij->j", before - before.mean(0), place - place.mean(0)) < 0
            place = place * np.where(turned, -1.0, 1.0)
        before = place
        parts.append(
            pl.DataFrame(
                {
                    "model": model,
                    "layer": pair.layer,
                    "point": np.arange(len(rows)),
                    "x": place[:, 0],
                    "y": place[:, 1],
                    "share_x": shares[0],
                    "share_y": shares[1],
                    "seed": pair.tuned_index,
                },
                schema_overrides=MAP,
            ).select(list(MAP))
        )
    tables: Tables = {"isotropy_map": pl.concat(parts)} if parts else {}
    if pair.layer == min((*pair.base_layers, *pair.tuned_layers), default=pair.layer):
        tables |= _points(pair, words, rows)
    return tables


def _places(vectors: Vectors, rows: np.ndarray, fitted: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    directions = Directions.of(vectors, fitted)
    place = directions.coordinates(vectors.take(rows))[:, :2]
    return place, (float(directions.shares[0]), float(directions.shares[1]))


def _points(pair: LayerPair, words: Words, rows: np.ndarray) -> Tables:
    shown = pair.words[rows]
    counts = np.bincount(words.types)[words.types[rows]]
    around = contexts(pair.sentences, shown)
    points = pl.DataFrame(
        {
            "point": np.arange(len(rows)),
            "word": shown["word"],
            "text": [one["text"] for one in around],
            "start": [one["start"] for one in around],
            "end": [one["end"] for one in around],
            "count": counts,
            "seed": pair.tuned_index,
        },
        schema_overrides=POINTS,
    ).select(list(POINTS))
    labels = [
        pl.DataFrame(
            {
                "point": np.flatnonzero(codes >= 0),
                "label": labelling.name,
                "value": [labelling.classes[code] for code in codes[codes >= 0]],
                "seed": pair.tuned_index,
            },
            schema_overrides=POINT_LABELS,
        ).select(list(POINT_LABELS))
        for labelling in words.labellings
        if labelling.name not in ("word", "frequency")
        for codes in (labelling.codes[rows],)
        if (codes >= 0).any()
    ]
    return {
        "isotropy_points": points,
        "isotropy_point_labels": pl.concat(labels) if labels else pl.DataFrame(schema=POINT_LABELS),
    }


def map_figure(tables: Tables, tail: str = "") -> WordMapFigure | None:
    """The words of the first tuned model's tables; None where there is no map."""
    if "isotropy_map" not in tables or "isotropy_points" not in tables:
        return None
    points = first_tuned(tables["isotropy_points"]).sort("point")
    labels = first_tuned(tables["isotropy_point_labels"])
    vocabulary, sentences = Numbers(), Numbers()
    levels = []
    for (model, layer), own in first_tuned(tables["isotropy_map"]).group_by("model", "layer", maintain_order=True):
        own = own.sort("point")
        x, y = ([float(f"{value:.{DIGITS}g}") for value in own[axis]] for axis in ("x", "y"))
        levels.append(
            WordMapLevel(str(model), int(str(layer)), tuple(x), tuple(y), (own["share_x"][0], own["share_y"][0]))
        )
    of_counts = tuple(round(float(v), 3) for v in points["count"].cast(pl.Float64).log10())
    colourings = []
    for name in labels["label"].unique(maintain_order=True):
        given = labels.filter(pl.col("label") == name)
        values = given["value"].unique().sort().to_list()
        of = dict(zip(given["point"].to_list(), given["value"].to_list(), strict=True))
        places = {value: i for i, value in enumerate(values)}
        colourings.append(
            WordColouring(name, tuple(values), tuple(places[of[p]] if p in of else None for p in points["point"]))
        )
    colourings.append(WordColouring("log10 frequency", (), of_counts))
    return WordMapFigure(
        name="isotropy-map",
        title="The words along the two main directions",
        caption="A sample of words along the two directions in which the words of a layer differ most, base beside "
        "tuned: the same words in both, each model in its own directions. A word chosen in one is marked in the "
        f"other.{tail}",
        words=tuple(vocabulary(word) for word in points["word"]),
        contexts=tuple(
            (sentences(text), start, end) for text, start, end in points.select("text", "start", "end").iter_rows()
        ),
        colourings=tuple(colourings),
        levels=tuple(levels),
        vocabulary=tuple(vocabulary.known),
        sentences=tuple(sentences.known),
    )
