"""A made-up run, complete enough to fill a page. None of its numbers was measured."""

from __future__ import annotations

from math import exp, sin

from isogloss.analysis import (
    MARK,
    Band,
    Finding,
    HeatmapFigure,
    Line,
    LinesFigure,
    TableFigure,
    tidy,
)
from isogloss.report import Facts, ReportInput

LAYERS = tuple(range(7))
CKA = (1.0, 0.998, 0.996, 0.991, 0.962, 0.811, 0.431)
DEBIASED = (1.0, 0.997, 0.995, 0.989, 0.955, 0.792, 0.402)
NEIGHBOURS = (1.0, 0.93, 0.87, 0.79, 0.62, 0.38, 0.17)
COSINE = (1.0, 0.985, 0.968, 0.935, 0.86, 0.66, 0.29)
SENTENCES = (
    f"the performances are {MARK}gorgeous{MARK} , and the script never once talks down to its audience",
    f"a {MARK}gorgeous{MARK} , witty , seductive movie",
    f"visually {MARK}gorgeous{MARK} but emotionally thin , it lingers no longer than the closing credits",
)
WORDS = (
    "gorgeous",
    "dull",
    "unfunny",
    "moving",
    "mess",
    "wonderful",
    "tedious",
    "charm",
    "too",
    "clichés",
    "not",
    "fresh",
)


def moved_rows() -> tuple[tuple[object, ...], ...]:
    rows: list[tuple[object, ...]] = []
    for layer in LAYERS:
        for i, word in enumerate(WORDS):
            cosine = 1 - (1 - COSINE[layer]) * (1.15 - 0.04 * i)
            texts = tuple(s.replace("gorgeous", word) for s in SENTENCES[: 1 + (i + layer) % 3])
            rows.append((layer, word, 4 + 3 * ((i * 7) % 11), round(max(cosine, 0.0), 4), texts))
    return tuple(rows)


def line(name: str, values: tuple[float, ...], width: float) -> Line:
    x = tuple(map(float, LAYERS))
    spread = [width * (1 - v) ** 0.5 for v in values]
    low = tuple(v - s for v, s in zip(values, spread, strict=True))
    return Line(name, x, values, low, tuple(min(v + s, 1.0) for v, s in zip(values, spread, strict=True)))


def figures() -> list[LinesFigure | HeatmapFigure | TableFigure]:
    x = tuple(map(float, LAYERS))
    floor = Band("noise floor of CKA", x, (0.985,) * 7, (1.0,) * 7)
    curve = LinesFigure(
        "similarity-curve",
        "How far each layer moved",
        "Each curve compares the same words in both models; 1 means nothing changed. Shaded: 95% "
        "interval over sentences. Hatched: what two halves of the sentences give for one and the same "
        "model, that is, noise.",
        y_label="similarity",
        lines=(
            line("CKA", CKA, 0.035),
            line("debiased CKA", DEBIASED, 0.04),
            line("cosine", COSINE, 0.03),
            line("neighbours", NEIGHBOURS, 0.02),
        ),
        bands=(floor,),
        y_min=0.0,
        y_max=1.0,
    )
    values = tuple(
        tuple(exp(-(((i - j) / (1.6 + 0.35 * (6 - max(i, j)))) ** 2)) * CKA[j] ** 0.8 for j in LAYERS) for i in LAYERS
    )
    names = tuple(map(str, LAYERS))
    heat = HeatmapFigure(
        "similarity-map",
        "Every layer against every other",
        "CKA of each base layer (rows) with each tuned layer (columns). Where the brightest cell of a "
        "column is off the diagonal, that tuned layer does what another base layer did.",
        row_label="base layer",
        column_label="tuned layer",
        rows=names,
        columns=names,
        values=values,
    )
    words = TableFigure(
        "similarity-words-moved",
        "The words that moved most",
        "Words by the mean cosine between their vectors in the two models; low means moved far. Words "
        "that occur fewer than four times are left out.",
        columns=("layer", "word", "occurrences", "cosine", "examples"),
        rows=moved_rows(),
        group_by="layer",
    )
    labels = LinesFigure(
        "similarity-labels",
        "Which labels moved most",
        "Mean cosine between each word's two vectors, by part of speech.",
        y_label="cosine",
        lines=tuple(
            line(name, tuple(1 - (1 - c) * (0.7 + 0.12 * k + 0.03 * sin(k)) for c in COSINE), 0.03)
            for k, name in enumerate(("ADJ", "ADV", "NOUN", "VERB", "PRON", "DET", "PUNCT", "ADP", "AUX"))
        ),
    )
    return [curve, heat, words, labels]


def findings() -> list[Finding]:
    def about(text: str, measure: str, layer: int, value: float, half: float, weight: float) -> Finding:
        return Finding(
            text,
            "similarity",
            measure,
            value,
            value - half,
            min(value + half, 1.0),
            0.985,
            1.0,
            (layer,),
            "similarity",
            (layer,),
            weight,
        )

    return [
        about(
            "Layers 0 to 3 kept their geometry: CKA stays above .99 (lowest .991 [.989, .993], at layer 3).",
            "cka",
            3,
            0.991,
            0.002,
            0.8,
        ),
        about(
            "Layer 6 was rewritten: CKA .43 [.42, .45], where sampling noise alone would stay above .98.",
            "cka",
            6,
            0.431,
            0.016,
            0.95,
        ),
        about(
            "At layer 6 only 17% [16%, 18%] of a word's ten nearest neighbours are still the same.",
            "neighbours",
            6,
            0.17,
            0.011,
            0.7,
        ),
        about(
            "Change grows with depth: each layer moved further than the one below it.",
            "cka",
            6,
            0.431,
            0.016,
            0.5,
        ),
        Finding(
            "Adjectives moved most of all parts of speech at layer 6 (mean cosine .19), punctuation least.",
            "similarity",
            "cosine",
            weight=0.4,
        ),
    ]


def table() -> object:
    measures = {"cka": CKA, "cka_debiased": DEBIASED, "cosine": COSINE, "neighbours": NEIGHBOURS}
    return tidy(
        {
            "analysis": "similarity",
            "measure": measure,
            "model": "tuned",
            "layer": layer,
            "value": value,
            "ci_low": value - 0.01,
            "ci_high": min(value + 0.01, 1.0),
            "null_low": 0.985 if measure == "cka" else None,
            "null_high": 1.0 if measure == "cka" else None,
            "n": 21231,
            "seed": 0,
        }
        for measure, values in measures.items()
        for layer, value in zip(LAYERS, values, strict=True)
    )


def run(**changes: object) -> ReportInput:
    made = {
        "title": "What sentiment training changed",
        "facts": Facts(
            base="tiny-encoder",
            tuned=("tiny-encoder-sentiment",),
            corpus="held-out reviews",
            sentences=1066,
            words=21231,
            labels=("upos", "sentiment"),
            layers=LAYERS,
            coverage={"tiny-encoder": 0.9996, "tiny-encoder-sentiment": 0.9996},
            hidden={"tiny-encoder": 384, "tiny-encoder-sentiment": 384},
        ),
        "questions": {"similarity": "How far did each layer move?"},
        "findings": findings(),
        "figures": {"similarity": figures()},
        "tables": {"similarity": table()},
        "manifest": {
            "command": [
                "isogloss",
                "compare",
                "tiny-encoder",
                "out/tuned",
                "--data",
                "held out.csv",
                "--out",
                "runs/a",
            ],
            "seed": 0,
            "versions": {
                "isogloss": "0.1.0",
                "torch": "2.13.0",
                "transformers": "5.23.0",
                "python": "3.11.2",
            },
            "models": {
                "base": {"name": "tiny-encoder", "sha256": "9f2c" * 16, "parameters": 22713216},
                "tuned": {"name": "tiny-encoder-sentiment", "sha256": "41ab" * 16, "parameters": 22713216},
            },
            "corpus": {"name": "held-out reviews", "sha256": "77d0" * 16},
            "timings": {"extract": 74.2, "similarity": 11.9, "report": 0.31},
            "machine": {"processor": "x86-64, 2 threads", "memory_gb": 8},
        },
        "notes": [
            "9 words of 21,240 were left out: no sub-word of tiny-encoder overlaps them.",
            "2 sentences longer than 256 sub-words were cut.",
        ],
        "tables_at": "tables",
    }
    return ReportInput(**(made | changes))
