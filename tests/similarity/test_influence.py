import numpy as np
import pytest

from isogloss.numerics import group_sums, linearised_interval, pair_moments, row_blocks
from isogloss.similarity import cka_from_moments, linear_cka, procrustes_distance, procrustes_from_moments
from isogloss.similarity.influence import influences


def blocks(X, Y):
    return zip(row_blocks(X, 64), row_blocks(Y, 64), strict=True)


def planted(rng, sentences, words=5, dx=4, dy=3):
    """Words that share a sentence's effect, from a population whose covariance is known."""
    n = sentences * words
    groups = np.repeat(np.arange(sentences), words)
    shared = rng.normal(size=(sentences, dx))[groups]
    X = (shared + rng.normal(size=(n, dx))) * SCALES[:dx]
    Y = X[:, :dy] @ MAP + 0.8 * (rng.normal(size=(sentences, dy))[groups] + rng.normal(size=(n, dy)))
    return X.astype(np.float32), Y.astype(np.float32), groups


SCALES = np.array([2.0, 1.0, 0.7, 0.4])
MAP = np.array([[0.6, 0.2, 0.0], [0.1, 0.9, 0.0], [0.0, -0.5, 0.3]])


def population(dx=4, dy=3):
    """CKA and the Procrustes distance of the covariance of `planted`."""
    xx = 2 * np.diag(SCALES**2)
    xy = xx[:, :dy] @ MAP
    yy = MAP.T @ xx[:dy, :dy] @ MAP + 2 * 0.64 * np.eye(dy)
    cka = (xy**2).sum() / np.sqrt((xx**2).sum() * (yy**2).sum())
    nuclear = np.linalg.svd(xy, compute_uv=False).sum()
    return cka, 2 - 2 * nuclear / np.sqrt(np.trace(xx) * np.trace(yy))


def test_influences_are_those_of_a_jackknife():
    X, Y, groups = planted(np.random.default_rng(0), 60)
    derived = influences(pair_moments(blocks(X, Y))[0], blocks(X, Y))
    wanted = {
        "cka": (derived.cka, linear_cka),
        "debiased": (derived.debiased, lambda a, b: linear_cka(a, b, debiased=True)),
        "procrustes": (derived.procrustes, lambda a, b: 1 - procrustes_distance(a, b) / 2),
    }
    X64, Y64 = X.astype(np.float64), Y.astype(np.float64)
    for by_word, measure in wanted.values():
        by_sentence = group_sums(by_word, groups, 60)
        left_out = [measure(X64, Y64) - measure(X64[groups != g], Y64[groups != g]) for g in range(60)]
        assert by_sentence.sum() == pytest.approx(0, abs=1e-4)
        assert np.corrcoef(by_sentence, left_out)[0, 1] > 0.995
        assert np.polyfit(by_sentence, left_out, 1)[0] == pytest.approx(1, abs=0.06)


def test_equal_spaces_have_no_influence():
    X = planted(np.random.default_rng(0), 20)[0]
    derived = influences(pair_moments(blocks(X, X))[0], blocks(X, X))
    assert not derived.cka.any()
    assert not derived.debiased.any()
    assert not derived.procrustes.any()


def test_intervals_over_sentences_cover_the_population():
    truth = population()
    repeats, covered, too_narrow = 120, np.zeros(3), 0
    rng = np.random.default_rng(7)
    for repeat in range(repeats):
        X, Y, groups = planted(rng, 150)
        moments = pair_moments(blocks(X, Y))[0]
        derived = influences(moments, blocks(X, Y))

        def interval(by_word, estimate, groups=groups, repeat=repeat):
            sums = group_sums(by_word, groups, int(groups.max()) + 1)
            return linearised_interval(estimate, sums, 400, repeat, fisher=True)

        cka = cka_from_moments(moments)
        for i, (by_word, estimate, target) in enumerate(
            [
                (derived.cka, cka, truth[0]),
                (derived.debiased, cka_from_moments(moments, debiased=True), truth[0]),
                (derived.procrustes, 1 - procrustes_from_moments(moments) / 2, 1 - truth[1] / 2),
            ]
        ):
            low, high = interval(by_word, estimate)
            covered[i] += low <= target <= high
        low, high = interval(derived.cka, cka, groups=np.arange(len(X)))
        too_narrow += not low <= truth[0] <= high
    assert (covered / repeats >= 0.9).all(), covered / repeats
    assert too_narrow / repeats > 0.12, "treating words as independent should miss the truth too often"
