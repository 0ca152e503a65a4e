import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.analysis import ArrayVectors
from isogloss.analysis.stacked import SideBySide, sentence_means


def test_layers_side_by_side_are_their_columns_in_order():
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((50, width)).astype(np.float32) for width in (3, 5)]
    stacked = SideBySide(tuple(ArrayVectors(a) for a in arrays))
    whole = np.concatenate(arrays, axis=1)
    assert stacked.shape == whole.shape
    np.testing.assert_array_equal(np.concatenate(list(stacked.blocks(7))), whole)
    rows = np.array([4, 0, 49])
    np.testing.assert_array_equal(stacked.take(rows), whole[rows])


@given(seed=st.integers(0, 999), n=st.integers(1, 60), n_sentences=st.integers(1, 8))
@settings(max_examples=20, deadline=None)
def test_sentence_means_are_means_whatever_the_order_of_words(seed, n, n_sentences):
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((n, 3)).astype(np.float32)
    owner = rng.integers(0, n_sentences, n)
    means = sentence_means(ArrayVectors(vectors), owner, n_sentences)
    for sentence in range(n_sentences):
        inside = vectors[owner == sentence]
        np.testing.assert_allclose(means[sentence], inside.mean(axis=0) if len(inside) else 0, atol=1e-6)
