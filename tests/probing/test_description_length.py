import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from isogloss.errors import OptionError
from isogloss.probing import OnlineBlocks, codelength, description_length
from isogloss.probing.description_length import PORTIONS
from tests.probing.planted import readable, sentences_of


def logistic(X, codes, n_classes):
    """One call for all stages, as a batched solver would take it."""

    def fit(weights, rows):
        given = []
        for weight, asked in zip(weights, rows, strict=True):
            seen = np.unique(codes[weight > 0])
            probabilities = np.zeros((len(asked), n_classes))
            if len(seen) == 1:
                probabilities[:, seen[0]] = 1.0
            else:
                model = LogisticRegression(C=10).fit(X[weight > 0], codes[weight > 0])
                probabilities[:, model.classes_] = model.predict_proba(X[asked])
            given.append(probabilities)
        return given

    return fit


def test_blocks_hold_whole_sentences_and_their_share_of_the_words():
    lengths = np.random.default_rng(0).integers(1, 30, 3000)
    sentences = np.repeat(np.arange(3000), lengths)
    blocks = OnlineBlocks.of(sentences, seed=1)
    assert blocks.portions == PORTIONS
    sent = np.cumsum(np.bincount(blocks.block)) / len(sentences)
    assert (sent >= np.array(PORTIONS) - 1e-12).all()
    assert (sent - np.array(PORTIONS) <= 29 / len(sentences)).all()
    for sentence in range(0, 3000, 100):
        assert len(set(blocks.block[sentences == sentence])) == 1
    for stage, (weight, rows) in enumerate(zip(blocks.weights, blocks.rows, strict=True)):
        assert not weight[rows].any()
        assert weight.sum() == (blocks.block <= stage).sum()
    order = np.random.default_rng(1).permutation(len(sentences))
    assert (OnlineBlocks.of(sentences[order], seed=1).block == blocks.block[order]).all()
    assert (OnlineBlocks.of(sentences, seed=2).block != blocks.block).any()


def test_few_sentences_make_fewer_blocks():
    blocks = OnlineBlocks.of(sentences_of(100), seed=0)
    assert np.bincount(blocks.block).tolist() == [10, 10, 10, 20, 50]
    assert OnlineBlocks.of(np.zeros(7, int)).n == 1


def test_the_code_is_the_sum_of_its_blocks():
    sentences = np.arange(8)
    blocks = OnlineBlocks.of(sentences, portions=(0.25, 0.5, 1.0))
    codes = np.arange(8) % 4
    rng = np.random.default_rng(0)
    given = [rng.dirichlet(np.ones(4), len(rows)) for rows in blocks.rows]
    code = codelength(codes, blocks, given, 4, uniform_rate=0.1)
    expected = 2 * 2.0
    for rows, p in zip(blocks.rows, given, strict=True):
        expected -= sum(np.log2(0.9 * p[i, codes[row]] + 0.1 / 4) for i, row in enumerate(rows))
    assert code.bits == pytest.approx(expected)
    assert code.uniform_bits == 16.0
    assert code.compression == pytest.approx(16 / expected)
    assert code.bits_per_word == pytest.approx(expected / 8)
    assert code.block_bits.sum() == pytest.approx(expected)
    assert code.block_words.tolist() == [2, 2, 4]


def test_uniform_probes_cost_what_no_probe_costs():
    blocks = OnlineBlocks.of(np.arange(50))
    code = codelength(np.zeros(50, int), blocks, [np.full((len(r), 5), 0.2) for r in blocks.rows], 5)
    assert code.compression == pytest.approx(1.0)


def test_a_class_unseen_so_far_costs_finitely_many_bits():
    codes = np.zeros(40, int)
    codes[17] = 1
    never = [np.eye(2)[np.zeros(len(r), int)] for r in OnlineBlocks.of(np.arange(40)).rows]
    code = codelength(codes, OnlineBlocks.of(np.arange(40)), never, 2)
    assert np.isfinite(code.bits)
    assert code.word_bits.max() <= np.log2(2 / 1e-3) + 1e-9


def test_readable_labels_cost_far_less_than_random_ones():
    X, codes = readable(3000, 5)
    sentences = sentences_of(3000)
    shuffled = np.random.default_rng(1).permutation(codes)
    easy = description_length(codes, sentences, 5, logistic(X, codes, 5))
    hard = description_length(shuffled, sentences, 5, logistic(X, shuffled, 5))
    assert easy.compression > 8
    assert 0.7 < hard.compression < 1.02
    assert easy.bits < hard.bits / 8


def test_the_more_noise_the_more_bits():
    bits = []
    for noise in (0.2, 0.8, 1.6):
        X, codes = readable(1500, 4, noise=noise)
        bits.append(description_length(codes, sentences_of(1500), 4, logistic(X, codes, 4)).bits)
    assert bits[0] < bits[1] < bits[2]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda b, p: OnlineBlocks.of(np.array([], int)), "no words"),
        (lambda b, p: OnlineBlocks.of(np.arange(4), portions=(0.5, 0.2, 1.0)), "increase"),
        (lambda b, p: OnlineBlocks.of(np.arange(4), portions=(0.5,)), "increase"),
        (lambda b, p: codelength(np.zeros(4, int), b, p[:-1], 2), "of 1 stages"),
        (lambda b, p: codelength(np.zeros(4, int), b, p, 3), r"should be \(2, 3\)"),
        (lambda b, p: codelength(np.full(4, 2), b, p, 2), "Got up to 2"),
        (lambda b, p: codelength(np.zeros(4, int), b, [p[0] * np.nan], 2), "in \\[0, 1\\]"),
        (lambda b, p: codelength(np.zeros(4, int), b, p, 2, uniform_rate=0.0), "uniform_rate"),
        (lambda b, p: codelength(np.zeros(5, int), b, p, 2), "Got 5 and 4"),
    ],
)
def test_what_cannot_be_coded_is_said(make, message):
    blocks = OnlineBlocks.of(np.arange(4), portions=(0.5, 1.0))
    with pytest.raises(OptionError, match=message):
        make(blocks, [np.full((2, 2), 0.5)])
