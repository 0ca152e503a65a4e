"""Words, labels and vectors whose right answers are known by construction."""

import numpy as np


def zipfian_words(n: int, n_types: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shares = 1 / np.arange(1, n_types + 1)
    return np.array([f"w{i}" for i in range(n_types)])[rng.choice(n_types, size=n, p=shares / shares.sum())]


def readable(n: int, n_classes: int, d: int = 20, seed: int = 0, noise: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Vectors (n, d) whose class is a direction, and the classes (n,)."""
    rng = np.random.default_rng(seed)
    centres = 2 * np.linalg.qr(rng.standard_normal((d, d)))[0][:n_classes]
    codes = rng.integers(0, n_classes, n)
    return centres[codes] + noise * rng.standard_normal((n, d)), codes


def sentences_of(n: int, length: int = 10) -> np.ndarray:
    return np.arange(n) // length
