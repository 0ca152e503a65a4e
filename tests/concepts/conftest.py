"""A planted comparison: eight concepts of known words, and tuned layers in which known things became of them.

Every sentence has one word of each word class, and every word class has a place of its own in each base layer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
import pytest

from isogloss.concepts import ConceptsAnalysis, ConceptsOptions
from isogloss.errors import ModelError
from tests.vectors import layer_pair

VOCABULARY = {
    "ADJ": ("superb", "lovely", "tender", "awful", "dreary", "stale"),
    "ADV": ("finely", "deftly", "warmly", "badly", "clumsily", "dully"),
    "NOUN": ("film", "plot", "cast", "score", "scene", "hero"),
    "VERB": ("sings", "runs", "waits", "turns", "comes", "went"),
    "PRON": ("she", "they", "we", "you", "it", "he"),
    "DET": ("this", "that", "each", "every", "some", "no"),
    "ADP": ("under", "over", "near", "beyond", "with", "about"),
    "NUM": ("one", "two", "ten", "fifty", "six", "nine"),
}
"""Word classes; the first three words of the first two are in "pos" sentences mostly, the last three in "neg" ones."""
KINDS = tuple(VOCABULARY)
PRAISE = (*VOCABULARY["ADJ"][:3], *VOCABULARY["ADV"][:3])
BLAME = (*VOCABULARY["ADJ"][3:], *VOCABULARY["ADV"][3:])
SENTENCES, WIDTH, LAYERS = 90, 12, 4
UNCHANGED, SPLIT_AND_MERGED, DISSOLVED, SIDES = range(LAYERS)
"""What happens at each layer of the tuned model; see `Planted.changed`."""
QUICK = ConceptsOptions(
    clusters=len(KINDS), max_count=0, permutations=25, bootstrap=25, trigger_words=6, trigger_sentences=40, joint=True
)


BARE = {"permutations": 0, "bootstrap": 0, "halves": False, "joint": False, "triggers": False, "map": False}
"""Options that leave out all that takes time."""


class Weighing:
    """A classifier that adds up the weights of words: below 0 "neg", above 0 "pos"."""

    def __init__(self, weights: Mapping[str, float], classes=("neg", "pos"), broken=""):
        self.weights, self._classes, self._broken, self.asked = weights, classes, broken, 0

    @property
    def classes(self):
        if self._broken:
            raise ModelError(self._broken)
        return self._classes

    def __call__(self, sentences, text_b=None, edit=None):
        if self._broken:
            raise ModelError(self._broken)
        self.asked += len(sentences)
        z = np.array([sum(self.weights.get(word, 0.0) for word in text.split()) for text in sentences])
        p = 1 / (1 + np.exp(-z))
        return np.column_stack([1 - p, p])


WEIGHTS = dict.fromkeys(PRAISE, 3.0) | dict.fromkeys(BLAME, -1.0) | {"deftly": 0.0}
"""A word of praise turns two words of blame, all but "deftly"; no word of blame turns anything."""


@dataclass(frozen=True)
class Planted:
    """What is compared; `praising` says of each word whether it is in a sentence of the class "pos"."""

    words: pl.DataFrame
    sentences: pl.DataFrame
    base: list[np.ndarray]
    centres: np.ndarray
    praising: np.ndarray
    token_labels: tuple[str, ...] = ("upos",)
    sentence_labels: tuple[str, ...] = ("label",)
    classifier: object = None
    options: ConceptsOptions = field(default=QUICK)

    def kind(self, *names):
        """(n_words,) whether a word is of one of these word classes."""
        return self.words["upos"].is_in(names).to_numpy()

    def moved(self, layer, rows, to):
        """Vectors of a base layer with some rows carried to another place, their own spread kept."""
        home = self.centres[layer, [KINDS.index(k) for k in self.words["upos"].to_list()]]
        there = np.broadcast_to(self.centres[layer, to], home.shape)
        return np.where(rows[:, None], self.base[layer] - home + there, self.base[layer]).astype(np.float32)

    def changed(self, seed=1):
        """Tuned layers.

        0. As they were.
        1. Adjectives in two by the class of their sentence, adverbs and nouns in one place.
        2. Verbs scattered over the other seven; one in five words of each of those gathered in a new place.
        3. Adjectives and adverbs in two places, one for each class of sentence.
        """
        rng = np.random.default_rng(seed)
        split = self.moved(1, self.kind("ADJ") & self.praising, 8)
        split = np.where(self.kind("ADV")[:, None], self.moved(1, self.kind("ADV"), 2), split)
        others = np.array([i for i, kind in enumerate(KINDS) if kind != "VERB"])
        to = np.zeros(self.words.height, dtype=np.int64)
        to[self.kind("VERB")] = rng.permutation(np.resize(others, SENTENCES))
        scattered = self.moved(2, self.kind("VERB"), to)
        gathered = ~self.kind("VERB") & (self.words["sentence"].to_numpy() % 5 == seed % 5)
        scattered = np.where(gathered[:, None], self.moved(2, gathered, 8), scattered)
        sided = self.moved(3, self.kind("ADJ", "ADV"), np.where(self.praising, 8, 9))
        return [self.base[0].copy(), split, scattered, sided]

    def pair(self, layer, tuned, base=None, seed=0, tuned_index=0):
        """One layer of two lists of arrays."""
        return layer_pair(
            layer,
            self.base if base is None else base,
            tuned,
            words=self.words,
            sentences=self.sentences,
            token_labels=self.token_labels,
            sentence_labels=self.sentence_labels,
            seed=seed,
            tuned_index=tuned_index,
            classifier=self.classifier,
        )

    def tables(self, *tuned, base=None, seed=0, **options):
        """What a study would do: every layer of every tuned model, concatenated, combined."""
        analysis, asked = ConceptsAnalysis(), replace(self.options, **options)
        parts: dict[str, list[pl.DataFrame]] = {}
        for index, arrays in enumerate(tuned):
            for layer in range(max(len(base or self.base), len(arrays))):
                pair = self.pair(layer, arrays, base, seed, index)
                for name, table in analysis.run(pair, asked).items():
                    parts.setdefault(name, []).append(table)
        return analysis.combine({name: pl.concat(tables) for name, tables in parts.items()}, asked)


def _words(rng, classes):
    """One row per word: in every sentence one of each word class, every word equally often, sides kept nine in ten."""
    drawn = {kind: np.tile(np.arange(6), SENTENCES // 6) for kind in KINDS}
    for kind, of_sentence in drawn.items():
        rng.shuffle(of_sentence)
        if kind in KINDS[:2]:
            side = np.where(rng.random(SENTENCES) < 0.9, classes, 1 - classes)
            of_sentence[:] = 3 * (1 - side) + rng.integers(0, 3, SENTENCES)
    rows, texts = [], []
    for s in range(SENTENCES):
        words = [(VOCABULARY[kind][drawn[kind][s]], kind) for kind in rng.permutation(KINDS)]
        start = 0
        for position, (word, kind) in enumerate(words):
            rows.append((s, 0, position, word, start, start + len(word), str(kind)))
            start += len(word) + 1
        texts.append(" ".join(word for word, _ in words))
    return rows, texts


@pytest.fixture(scope="session")
def planted():
    rng = np.random.default_rng(0)
    classes = rng.permutation(np.arange(SENTENCES) % 2)
    rows, texts = _words(rng, classes)
    kinds = {"sentence": pl.UInt32, "part": pl.UInt8, "position": pl.UInt32, "word": pl.String}
    words = pl.DataFrame(rows, schema=kinds | {"start": pl.UInt32, "end": pl.UInt32, "upos": pl.String}, orient="row")
    sentences = pl.DataFrame(
        {"sentence": range(SENTENCES), "text": texts, "label": [("neg", "pos")[c] for c in classes]},
        schema_overrides={"sentence": pl.UInt32},
    )
    # Ten places as far from each other as can be, two of them free; each word stands a little off the place of its
    # class.
    turns = [np.linalg.qr(rng.normal(size=(WIDTH, WIDTH)))[0][:10] for _ in range(LAYERS)]
    centres = 10 * np.array(turns) + 2
    types, of_type = np.unique(words["word"].to_numpy(), return_inverse=True)
    base = []
    for layer in range(LAYERS):
        own = centres[layer, [KINDS.index(k) for k in words["upos"].to_list()]]
        off = 0.4 * rng.normal(size=(len(types), WIDTH))[of_type]
        base.append((own + off + 0.4 * rng.normal(size=(words.height, WIDTH))).astype(np.float32))
    return Planted(words, sentences, base, centres, classes[words["sentence"].to_numpy()] == 1)


@pytest.fixture(scope="session")
def able(planted):
    """The same with a classifier."""
    return replace(planted, classifier=Weighing(WEIGHTS))


@pytest.fixture(scope="session")
def changed(able):
    """Tables of the planted comparison."""
    return able.tables(able.changed())


@pytest.fixture(scope="session")
def two(planted):
    """Tables of two tuned models that differ in which verbs went where."""
    return planted.tables(*(planted.changed(seed)[:3] for seed in (1, 2)), base=planted.base[:3], **BARE)


def cell(tables, measure, model="base", layer=0, subset="all", seed=0):
    """The one row of the tidy table that these name."""
    table = tables["concepts"].filter(
        (pl.col("measure") == measure) & (pl.col("model") == model) & (pl.col("layer") == layer)
    )
    return table.filter((pl.col("subset") == subset) & pl.col("seed").eq_missing(seed)).row(0, named=True)


def listed(tables, model, layer, seed=0):
    """The single concepts of one layer of one model."""
    table = tables["concepts_list"].filter((pl.col("model") == model) & (pl.col("layer") == layer))
    return table.filter(pl.col("seed") == seed)
