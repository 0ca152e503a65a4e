"""A classifier whose reasons are known: it reads a few neurons of one layer, and nothing else."""

from types import SimpleNamespace

import numpy as np


class ReadingClassifier:
    """Probability of class 1 from the sum, over the tokens of a sentence, of the neurons it reads at layer 1."""

    classes = ("no", "yes")

    def __init__(self, vectors_of, reads, sharpness=4.0):
        self.vectors_of, self.reads, self.sharpness = vectors_of, list(reads), sharpness
        self.asked = 0

    def __call__(self, sentences, text_b=None, edit=None):
        self.asked += 1
        words = [["[CLS]", *text.split()] for text in sentences]
        flat = [word for sentence in words for word in sentence]
        vectors = np.array([self.vectors_of[word] for word in flat], dtype=np.float32)
        if edit is not None:
            assert edit[0] == 1
            info = SimpleNamespace(
                special=np.array([word == "[CLS]" for word in flat]),
                ids=np.array([sorted(self.vectors_of).index(word) for word in flat]),
            )
            vectors = edit[1](vectors.copy(), info)
        sums = np.add.reduceat(vectors[:, self.reads].sum(axis=1), np.cumsum([0, *map(len, words)])[:-1])
        p = 1 / (1 + np.exp(-self.sharpness * sums))
        return np.column_stack([1 - p, p])


def reading_task(reads, hidden=40, n_words=60, n_sentences=200, seed=0):
    """A classifier that reads `reads`, sentences, and the gold classes that it gives them untouched."""
    rng = np.random.default_rng(seed)
    words = [f"w{i}" for i in range(n_words)]
    vectors = dict(zip(words, rng.standard_normal((n_words, hidden)), strict=True))
    vectors["[CLS]"] = np.zeros(hidden)
    texts = [" ".join(rng.choice(words, 6)) for _ in range(n_sentences)]
    classify = ReadingClassifier(vectors, reads)
    return classify, texts, classify(texts).argmax(axis=1)
