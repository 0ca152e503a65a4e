"""Made-up concepts for the explorer and for bars, of any size. No model and no corpus stands behind them."""

from __future__ import annotations

import random
from dataclasses import replace

from isogloss.analysis import BarPart, BarsFigure, ExplorerFigure, ExplorerLevel

THEMES = {
    "upos=ADJ": "gorgeous dull unfunny moving wonderful tedious fresh clever lazy warm brittle sincere hollow vivid",
    "upos=NOUN": "film movie script plot cast camera scene ending dialogue score screen director audience sequel",
    "upos=VERB": "watched laughed lingers drags soars stumbles charms bores dazzles unfolds falters shines sinks works",
    "upos=DET": "the a this that these those every each some no any another either neither",
    "casing=title": "Monday Paris Clara July Robert London Friday Anna Berlin March Oscar Rome Tuesday Maria",
    "suffix=-ly": "slowly barely really deeply oddly sadly mostly surely hardly richly simply wholly nearly thinly",
    "supersense=noun.time": "year day minute hour decade summer night century moment evening weekend morning season",
    "": "not never too clichés mess charm joke heart half without beyond almost hope waste",
}
SYLLABLES = ["ba", "le", "mo", "ri", "sun", "ta", "ve", "kor", "ni", "da", "lum", "pe", "sha", "to", "gri", "na", "wel"]


def vocabulary_of(rng: random.Random, size: int) -> list[str]:
    """`size` different words, those of the themes first."""
    known = [word for words in THEMES.values() for word in words.split()]
    while len(known) < size:
        known.append("".join(rng.choices(SYLLABLES, k=rng.randint(2, 4))) + str(len(known)))
    return known[:size]


def _merges(rng: random.Random, size: int) -> tuple[tuple[int, int, float], ...]:
    """A tree in which neighbours merge first, as a linkage writes it."""
    open_ones = list(range(size))
    merges, height = [], 4.0
    for i in range(size - 1):
        height += rng.random() * 20 / size
        at = rng.randrange(len(open_ones) - 1)
        one, other = open_ones[at : at + 2]
        merges.append((one, other, height))
        open_ones[at : at + 2] = [size + i]
    return tuple(merges)


def level(rng: random.Random, model: str, layer: int, size: int, words: int, sentences: int, *, contexts: int = 8):
    """Concepts of one level: the i-th is about the i-th theme, in turn; half the tuned ones lean to a class."""
    themes = list(THEMES.items())
    names, tokens, types, labels, shares, polar, of_words = [], [], [], [], [], [], []
    for i in range(size):
        label, theme = themes[i % len(themes)]
        first = sum(len(t.split()) for _, t in themes[: i % len(themes)])
        known = list(range(first, first + len(theme.split())))
        extra = rng.sample(range(120, words), min(25, words - 120)) if words > 120 else []
        chosen = rng.sample(known, rng.randint(3, 11)) if i < 16 or not extra else [*rng.sample(known, 2), *extra]
        counts = sorted((min(round(rng.paretovariate(0.9) * 3), 400) for _ in chosen), reverse=True)
        of_words.append(tuple(zip(chosen[:25], counts, strict=False)))
        theme_words = theme.split()
        names.append(
            f"{label} · {theme_words[i % 13]}, {theme_words[(i * 5 + 3) % 13]}" if label else theme_words[i % 13]
        )
        tokens.append(sum(counts[:25]) + (400 - i if i < 40 else rng.randint(0, 60)))
        types.append(len(chosen) + rng.randint(0, 9))
        labels.append((label, f"frequency={'high' if tokens[-1] > 300 else 'low'}") if label else ())
        lean = 0.96 if model == "tuned" and layer > 1 and i % 3 == 0 else 0.5
        positive = min(max(rng.gauss(lean if i % 2 else 1 - lean, 0.02), 0.0), 1.0)
        shares.append((1 - positive, positive))
        polar.append("positive" if positive > 0.9 else "negative" if positive < 0.1 else "")
    fates = ("inherited", "new") if model == "tuned" else ("kept", "split", "merged", "dissolved")
    return ExplorerLevel(
        model=model,
        layer=layer,
        names=tuple(names),
        n_tokens=tuple(tokens),
        n_types=tuple(types),
        cohesion=tuple(None if i == size - 1 else round(rng.random(), 4) for i in range(size)),
        fates=tuple(rng.choice(fates) for _ in range(size)),
        labels=tuple(labels),
        shares=tuple(shares),
        polar=tuple(polar),
        words=tuple(of_words),
        contexts=tuple(
            tuple((rng.randrange(sentences), 4, 8) for _ in range(rng.randint(1, contexts))) for _ in range(size)
        ),
        links=tuple(
            tuple(zip(rng.sample(range(size), min(size, 4)), (0.71, 0.2, 0.05, 0.012), strict=False))
            for _ in range(size)
        ),
        merges=_merges(rng, size),
    )


def explorer(
    size: int = 24,
    layers: int = 3,
    words: int = 120,
    sentences: int = 40,
    *,
    seed: int = 0,
    models: tuple[str, ...] = ("base", "tuned"),
) -> ExplorerFigure:
    """`size` concepts for each of `layers` layers of each model."""
    rng = random.Random(seed)
    vocabulary = vocabulary_of(rng, words)
    written = [
        "the " + " ".join([rng.choice(["plot", "film", "cast", "end"]).ljust(4, "s"), *rng.choices(vocabulary, k=12)])
        for _ in range(sentences)
    ]
    levels = tuple(level(rng, model, i, size, words, sentences) for model in models for i in range(layers))
    if len(models) == 1:
        levels = tuple(replace(one, links=((),) * size) for one in levels)
    return ExplorerFigure(
        "concepts-explorer",
        "The concepts, to look through",
        "Every concept that was found. Search for a word, open a concept, and follow it into the other model. "
        "These are made up.",
        levels=levels,
        classes=("negative", "positive"),
        vocabulary=tuple(vocabulary),
        sentences=tuple(written),
        priors=(0.47, 0.53),
    )


def bars(*, horizontal: bool = False, layers: int = 7) -> BarsFigure:
    """What became of made-up concepts, per layer."""
    rng = random.Random(1)
    kept = [max(5, round(560 - 75 * i + rng.random() * 20)) for i in range(layers)]
    split = [round((600 - k) * 0.4) for k in kept]
    merged = [round((600 - k - s) * 0.55) for k, s in zip(kept, split, strict=True)]
    gone = [600 - k - s - m for k, s, m in zip(kept, split, merged, strict=True)]
    noise = tuple(f"noise {k + 8} to {k + 40}" for k in kept)
    return BarsFigure(
        "concepts-fates",
        "What became of the base model's concepts",
        "Every bar is the concepts of one layer. Made up.",
        y_label="concepts",
        bars=tuple(str(i) for i in range(layers)),
        parts=(
            BarPart("kept", tuple(map(float, kept)), noise),
            BarPart("split", tuple(map(float, split))),
            BarPart("merged", tuple(map(float, merged))),
            BarPart("dissolved", tuple(map(float, gone))),
        ),
        horizontal=horizontal,
    )
