"""Spaces in which it is known which directions carry what."""

from types import SimpleNamespace

import numpy as np

from isogloss.analysis.splits import ProbeRows

WIDTH = 16


def turn(seed=0, d=WIDTH):
    return np.linalg.qr(np.random.default_rng([seed, 9]).standard_normal((d, d)))[0]


def labelled_words(where, n=1500, seed=0):
    """Words of three classes that are told apart along two directions: the top two of the space, or the bottom two.

    Elsewhere there is noise; variance falls by a factor of 400 from the first direction to the last.
    """
    rng = np.random.default_rng(seed)
    spread = np.linspace(10, 0.5, WIDTH)
    codes = rng.integers(0, 3, n)
    Z = rng.standard_normal((n, WIDTH))
    corners = np.array([[0, 1], [np.sqrt(3) / 2, -0.5], [-np.sqrt(3) / 2, -0.5]])
    own = slice(0, 2) if where == "top" else slice(WIDTH - 2, WIDTH)
    Z[:, own] = 0.15 * Z[:, own] + np.sqrt(2) * corners[codes]
    X = ((Z * spread) @ turn(seed) + 4).astype(np.float32)
    sentences = np.arange(n) // 5
    part = np.digitize(sentences, [n // 5 * 0.5, n // 5 * 0.7])
    rows = ProbeRows(
        "kind", ("a", "b", "c"), codes, None, sentences, *(np.flatnonzero(part == p) for p in range(3)), ()
    )
    return X, rows


def judged_pairs(where, n_pairs=250, seed=0):
    """Words of pairs of texts, in any order, whose judged similarity is their cosine along three directions.

    Elsewhere there is noise: along the other directions it is small where the three are at the top, large where they
    are at the bottom. A twentieth of the words are of no pair.
    """
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, np.pi, n_pairs)
    first = rng.standard_normal((n_pairs, 3))
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    side = np.cross(first, rng.standard_normal((n_pairs, 3)))
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    second = np.cos(angle)[:, None] * first + np.sin(angle)[:, None] * side
    texts = np.stack([first, second], axis=1).reshape(2 * n_pairs, 3)
    text = np.sort(np.concatenate([np.arange(2 * n_pairs), rng.integers(0, 2 * n_pairs, 4 * n_pairs)]))
    Z = rng.standard_normal((len(text), WIDTH))
    Z *= 0.05 if where == "top" else 3.0
    own = slice(0, 3) if where == "top" else slice(WIDTH - 3, WIDTH)
    Z[:, own] = texts[text] + 0.02 * rng.standard_normal((len(text), 3))
    stray = rng.random(len(text)) < 0.05
    stray &= np.append(text[1:] == text[:-1], False)
    order = rng.permutation(len(text))
    pairs = np.where(stray, -1, text // 2)
    X = (Z @ turn()).astype(np.float32)
    return SimpleNamespace(X=X[order], pairs=pairs[order], parts=(text % 2)[order], labels=5 * np.cos(angle))
