"""What shows the isotropy tables: curves per layer, spectra, what directions carry, treatments, the words on a map."""

from __future__ import annotations

import polars as pl

from isogloss.analysis import (
    BETWEEN_SEEDS,
    Figure,
    LinesFigure,
    TableFigure,
    Tables,
    curve,
    figure_names,
    first_tuned,
    noise_band,
)
from isogloss.analysis.figure_lines import MODELS, line_over
from isogloss.analysis.finding_rows import Row
from isogloss.isotropy.findings import most_stretched
from isogloss.isotropy.findings_carrying import TREATMENT_NAMES, removal_figures
from isogloss.isotropy.options import IsotropyOptions
from isogloss.isotropy.shape_rows import SENTENCES, WORDS
from isogloss.isotropy.word_map import map_figure

FIRST = 2
"""Figures of what directions carry that come before all others."""
SHOWN_RANKS = 400
"""Directions of a spectrum that are drawn, all of the first ones, then fewer and fewer."""
CURVES = (
    (
        ("partition_log10",),
        "Isotropy by the partition function",
        "log10 of min F / max F over both signs of each direction of the words as they are: 0 is the same in all "
        "directions, and the lower, the more some stand out. It depends on how long vectors are.",
        "log10 I",
    ),
    (
        ("mean_cosine",),
        "Mean cosine of two words",
        "Over all pairs of words, exactly: near 0 vectors point in all directions, near 1 all in one.",
        "mean cosine",
    ),
    (
        ("isoscore",),
        "IsoScore",
        "How evenly variance is spread over directions: 1 is alike in all, 0 is all along one. Blind to the mean and "
        "to scale.",
        "IsoScore",
    ),
    (
        ("directions_90",),
        "Directions that hold 90% of the variance",
        "Fewer directions: the space is stretched along some of them.",
        "directions",
    ),
    (
        ("self_similarity_adjusted", "intra_sentence_similarity_adjusted"),
        "How much a word keeps of itself, and a sentence of its words",
        "Mean cosine of a word's occurrences in different sentences, and of a sentence's words with their mean, each "
        "minus the mean cosine of any two words. Lower self-similarity: the vector depends more on the sentence.",
        "cosine beyond any two words",
    ),
    (
        ("intrinsic_dimension",),
        "Intrinsic dimension",
        "Of the manifold that words lie near, by the distances to their nearest neighbours. It is said too low where "
        "dimensions are many and words few.",
        "dimension",
    ),
)
MEASURE_NAMES = {
    "self_similarity_adjusted": "self-similarity",
    "intra_sentence_similarity_adjusted": "within sentences",
}


def figures(tables: Tables, options: IsotropyOptions) -> list[Figure]:
    """All figures of a run; of several tuned models the first, which the captions then say."""
    table = tables["isotropy"]
    if table.is_empty():
        return []
    several = table.filter(pl.col("subset") == BETWEEN_SEEDS).height > 0
    tail = " Of several tuned models, the first." if several else ""
    found: list[Figure] = []
    own = first_tuned(table)
    carried = _removal(tables, options, tail)
    found += carried[:FIRST]
    found += _curves(own, tail)
    found += _treatments(tables, tail)
    found += _clusters(tables, tail)
    if (words := map_figure(tables, tail)) is not None:
        found.append(words)
    found += _elongated(own, options, tail)
    found += _spectra(tables, most_stretched(own.with_row_index("row")), tail)
    found += carried[FIRST:]
    found += _removal(tables, options, tail, rest=True)
    found += _sweep(tables, options, tail)
    return found


def _curves(own: pl.DataFrame, tail: str) -> list[Figure]:
    found: list[Figure] = []
    for measures, title, caption, y_label in CURVES:
        rows = own.filter(pl.col("measure").is_in(measures))
        lines = []
        for measure in measures:
            for model in MODELS:
                part = rows.filter(
                    (pl.col("measure") == measure) & (pl.col("model") == model) & (pl.col("subset") == WORDS)
                )
                if part.height:
                    named = f"{MEASURE_NAMES[measure]}, {model}" if len(measures) > 1 else model
                    lines.append(curve(named, part))
        sentences = rows.filter(pl.col("subset") == SENTENCES)
        if len(measures) == 1:
            lines += [
                curve(f"sentences, {model}", sentences.filter(pl.col("model") == model))
                for model in MODELS
                if model in sentences["model"]
            ]
        if lines:
            about = (
                " Sentences: of their vectors, the means of their words'."
                if len(measures) == 1 and sentences.height
                else ""
            )
            found.append(
                LinesFigure(
                    name=f"isotropy-{measures[0].replace('_', '-')}",
                    title=title,
                    caption=f"{caption}{about} With 95% intervals over sentences.{tail}",
                    y_label=y_label,
                    lines=tuple(lines),
                )
            )
    return found


def _elongated(own: pl.DataFrame, options: IsotropyOptions, tail: str) -> list[Figure]:
    lines = []
    for times in options.multiples:
        rows = own.filter((pl.col("measure") == f"elongated_{times:g}") & (pl.col("subset") == WORDS))
        lines += [
            curve(f"over {times:g} times, {model}", rows.filter(pl.col("model") == model))
            for model in MODELS
            if model in rows["model"]
        ]
    if not lines:
        return []
    return [
        LinesFigure(
            name="isotropy-elongated",
            title="Elongated directions",
            caption="Directions with more than so many times the mean variance of all directions, with 95% intervals "
            f"over sentences.{tail}",
            y_label="directions",
            lines=tuple(lines),
            y_min=0.0,
        )
    ]


def _spectra(tables: Tables, stretched: Row | None, tail: str) -> list[Figure]:
    table = first_tuned(tables.get("isotropy_spectrum", pl.DataFrame(schema={"seed": pl.Int32()})))
    if table.is_empty():
        return []
    table = table.filter((pl.col("subset") == WORDS) & (pl.col("share") > 0))
    layers = sorted(table["layer"].unique())
    found: list[Figure] = []
    shown = {layers[0], layers[len(layers) // 2], layers[-1]} | ({stretched["layer"]} if stretched else set())
    for layer in sorted(shown):
        rows = table.filter((pl.col("layer") == layer) & _drawn(table["rank"].max()))
        lines = [line_over(m, rows.filter(pl.col("model") == m), "rank", "share") for m in MODELS if m in rows["model"]]
        found.append(
            LinesFigure(
                name=f"isotropy-spectrum-{layer}",
                title=f"Spectrum of layer {layer}",
                caption="Share of the variance of words along every direction, the largest first. Steep at the left: "
                f"few directions hold most.{tail}",
                x_label="direction",
                y_label="share of variance",
                lines=tuple(lines),
                log_x=True,
                log_y=True,
            )
        )
    return found


def _drawn(most: object) -> pl.Expr:
    """Ranks evenly apart on a logarithmic axis."""
    top = int(str(most))
    ranks = {round(top ** (i / SHOWN_RANKS)) for i in range(SHOWN_RANKS + 1)}
    return pl.col("rank").is_in(sorted(ranks))


def _removal(tables: Tables, options: IsotropyOptions, tail: str, rest: bool = False) -> list[Figure]:
    """Curves without top and random directions; those of the rest are figures of their own."""
    kinds = ("bottom", "only_top") if rest else ("top", "random")
    if "isotropy_removal" not in tables:
        return []
    table = first_tuned(tables["isotropy_removal"])
    keys = list(table.select("score", "measure", "layer").unique(maintain_order=True).iter_rows())
    found: list[Figure] = []
    for (score, measure, layer), name in removal_figures(keys).items():
        part = table.filter((pl.col("score") == score) & (pl.col("measure") == measure) & (pl.col("layer") == layer))
        lines = []
        for model in MODELS:
            own = part.filter(pl.col("model") == model)
            whole = own.filter((pl.col("which") == "top") & (pl.col("k") == 0))
            for which in kinds:
                rows = own.filter((pl.col("which") == which) & (pl.col("k") > 0))
                if not rows.height:
                    continue
                if which != "only_top":
                    rows = pl.concat([whole, rows])
                mean = rows.group_by("k", maintain_order=True).agg(
                    pl.col("value").mean(),
                    low=pl.col("value").min() if which == "random" else pl.col("ci_low").first(),
                    high=pl.col("value").max() if which == "random" else pl.col("ci_high").first(),
                )
                shown = "only the top" if which == "only_top" else f"without {which}"
                lines.append(line_over(f"{shown}, {model}", mean, "k", "value", "low", "high"))
        what = {
            "spearman": f"Spearman's correlation of {score} with the cosine of two texts, about the mean of the "
            "training words",
            "probe accuracy": f"Accuracy of a linear probe of {score} that is trained "
            + ("with all directions" if options.probes == "frozen" else "again"),
            "head accuracy": f"Accuracy of the tuned classifier on {score}, with the directions held at their mean in "
            "all tokens",
        }[measure]
        if not lines:
            continue
        cut = (
            "the k directions of least variance (bottom) are taken out, or only the k of most variance (top) are left. "
            "Directions are those of training words. Bands: 95% intervals over what is judged."
            if rest
            else "the k directions of most variance (top), or k random ones, are taken out. Directions are those of "
            "training words. Bands: 95% intervals over what is judged; of random directions, least and most of several "
            "draws."
        )
        whose = "the rest of the directions" if rest else "directions"
        found.append(
            LinesFigure(
                name=f"{name}-rest" if rest else name,
                title=f"{_said(measure)} of {score} without {whose} of layer {layer}",
                caption=f"{what}, on test sentences, when {cut}{tail}",
                x_label="directions k",
                y_label=_said(measure).lower(),
                lines=tuple(lines),
                log_x=True,
            )
        )
    return found


def _said(measure: str) -> str:
    return {"spearman": "Correlation", "probe accuracy": "Probe accuracy", "head accuracy": "The task's accuracy"}[
        measure
    ]


def _treatments(tables: Tables, tail: str) -> list[Figure]:
    if "isotropy_treatments" not in tables:
        return []
    table = first_tuned(tables["isotropy_treatments"])
    rows = []
    for (score, layer), part in table.group_by("score", "layer", maintain_order=True):
        for treatment in part["treatment"].unique(maintain_order=True):
            of = {row["model"]: row for row in part.filter(pl.col("treatment") == treatment).iter_rows(named=True)}
            cells: list[float | None] = []
            for model in MODELS:
                one = of.get(model)
                cells += [one["value"], one["gain"], one["partition"], one["mean_cosine"]] if one else [None] * 4
            rows.append((f"{score}, layer {layer}", TREATMENT_NAMES[treatment], *cells))
    columns = [f"{model} {what}" for model in MODELS for what in ("score", "gain", "isotropy", "mean cosine")]
    return [
        TableFigure(
            name="isotropy-treatments",
            title="Making the space more isotropic, before and after fine-tuning",
            caption="The score on test sentences, its gain over the space as it is, and the isotropy of the test "
            "words (I of the partition function, mean cosine), after each treatment, which is found on training words."
            + tail,
            columns=("judged by", "treatment", *columns),
            rows=tuple(rows),
            group_by="judged by",
        )
    ]


def _sweep(tables: Tables, options: IsotropyOptions, tail: str) -> list[Figure]:
    if "isotropy_sweep" not in tables:
        return []
    table = first_tuned(tables["isotropy_sweep"])
    rows = table.select(
        pl.concat_str("score", pl.lit(", "), "model", pl.lit(" model, layer "), pl.col("layer").cast(pl.String)),
        "n_clusters",
        "n_components",
        "value",
        "gain",
    )
    return [
        TableFigure(
            name="isotropy-sweep",
            title="Other numbers of clusters and directions",
            caption="The score of the cluster-based treatment for each number of clusters and of directions taken out "
            "of each, on dev sentences"
            + (". The best is judged on test sentences, among the treatments." if options.treatments else ".")
            + tail,
            columns=("judged by", "clusters", "directions", "score", "gain"),
            rows=tuple(rows.iter_rows()),
            group_by="judged by",
        )
    ]


def _clusters(tables: Tables, tail: str) -> list[Figure]:
    if "isotropy_clusters" not in tables:
        return []
    table = first_tuned(tables["isotropy_clusters"]).with_columns(subset=pl.lit("all"))
    most = max(table["clusters"].to_list(), default=0)
    found: list[Figure] = []
    part = table.filter((pl.col("clusters") == most) & (pl.col("measure") == "nmi"))
    labels = part["label"].unique(maintain_order=True).to_list()
    for name, label in zip(figure_names("isotropy-clusters", labels), labels, strict=True):
        rows = part.filter(pl.col("label") == label)
        by_model = [(model, rows.filter(pl.col("model") == model)) for model in MODELS if model in rows["model"]]
        found.append(
            LinesFigure(
                name=name,
                title=f"How far clusters go with {label.replace('_', ' ')}",
                caption=f"Normalised mutual information of {most} k-means clusters of words with {label}, with 95% "
                f"intervals over sentences; the bands: what chance gives.{tail}",
                y_label="NMI",
                lines=tuple(curve(model, of) for model, of in by_model),
                bands=tuple(band for model, of in by_model for band in noise_band(f"chance, {model}", of)),
                y_min=0.0,
            )
        )
    means = table.filter((pl.col("measure") == "partition_log10") & pl.col("model").is_in(MODELS))
    lines = [
        curve(f"{k} clusters, {model}", means.filter((pl.col("clusters") == k) & (pl.col("model") == model)))
        for k in sorted(means["clusters"].unique())
        for model in MODELS
        if means.filter((pl.col("clusters") == k) & (pl.col("model") == model)).height
    ]
    if lines:
        found.append(
            LinesFigure(
                name="isotropy-zero-mean-clusters",
                title="Isotropy when every cluster has its mean taken away",
                caption="log10 of the partition function's isotropy of a sample of words, with 95% intervals over "
                f"sentences. 1 cluster: the mean of all words is taken away.{tail}",
                y_label="log10 I",
                lines=tuple(lines),
            )
        )
    return found
