import numpy as np
import pytest
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from isogloss.models import linear
from isogloss.models.linear import faster_linear, helps
from isogloss.numerics import onednn
from tests.models.test_reading import plain_hidden_states, read
from tests.tiny import LAYERS, tiny_model, tiny_tokenizer

needs_onednn = pytest.mark.skipif(not onednn.available(), reason="this build of torch has no oneDNN linear")


class Doubled(nn.Linear):
    def forward(self, vectors):
        return 2 * super().forward(vectors)


@needs_onednn
def test_linear_maps_give_the_same_numbers_and_are_themselves_again_afterwards():
    model = nn.Sequential(nn.Linear(7, 12), Doubled(12, 5), nn.Linear(5, 3, bias=False), Conv1D(4, 3)).eval()
    vectors = torch.randn(11, 7)
    with torch.inference_mode():
        expected = model(vectors)
        with faster_linear(model):
            assert "forward" in vars(model[0])
            assert "forward" not in vars(model[1]), "a subclass does more than multiply"
            torch.testing.assert_close(model(vectors), expected, rtol=1e-5, atol=1e-6)
        assert not any("forward" in vars(part) for part in model.modules())
        assert torch.equal(model(vectors), expected)


@needs_onednn
def test_maps_that_disagree_keep_torchs_product(monkeypatch):
    monkeypatch.setattr(linear, "AGREE", -1.0)
    model = nn.Sequential(nn.Linear(4, 4))
    with faster_linear(model):
        assert "forward" not in vars(model[0])


@needs_onednn
@pytest.mark.parametrize("architecture", ["bert", "gpt2", "llama"])
def test_vectors_equal_a_plain_forward_in_either_product(architecture):
    tokenizer = tiny_tokenizer("wordpiece")
    for product in ("torch", "onednn"):
        reader, sequences, vectors, _ = read(tiny_model(architecture), tokenizer, linear=product, site="normed")
        assert reader.linear == product
        for window in range(len(sequences.window_sentence)):
            hidden = plain_hidden_states(reader, sequences, window)
            start, stop = sequences.window_start[window : window + 2]
            rows = np.flatnonzero((sequences.word_first >= start) & (sequences.word_first < stop))
            expected = hidden[LAYERS][sequences.word_last[rows] - start]
            assert np.abs(vectors[LAYERS][rows] - expected).max() <= 1e-5 * np.abs(expected).max()


def test_only_products_that_gain_are_replaced(monkeypatch):
    monkeypatch.setattr(onednn, "slow_mkl", lambda: True)
    assert helps(nn.Linear(2, 2)) == onednn.available()
    assert not helps(nn.Linear(2, 2).double())
    monkeypatch.setattr(onednn, "slow_mkl", lambda: False)
    assert not helps(nn.Linear(2, 2))
    assert helps(nn.Linear(2, 2).bfloat16()) == onednn.available()
