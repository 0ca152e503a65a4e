"""Activation functions that write over what they are given, where nothing else needs it."""

import numpy as np
import pytest
import torch
from torch import nn
from transformers.activations import ACT2FN, GELUActivation

from isogloss.models.in_place import activations_in_place
from isogloss.models.packing import plan_packing
from isogloss.models.reading import LayerReader
from tests.models.test_reading import read
from tests.tiny import tiny_model, tiny_tokenizer


class Louder(nn.ReLU):
    def forward(self, vectors):
        return 2 * super().forward(vectors)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", ["gelu", "gelu_pytorch_tanh", "silu", "swish", "relu"])
def test_the_bits_are_the_same_and_stand_where_the_input_stood(name, dtype):
    function = ACT2FN[name]
    vectors = (4 * torch.randn(37, 19)).to(dtype)
    with torch.inference_mode():
        given, expected = vectors.clone(), function(vectors)
        with activations_in_place(nn.Sequential(function)):
            result = function(given)
        assert torch.equal(result, expected)
        assert result.data_ptr() == given.data_ptr()
        assert torch.equal(function(vectors), expected)
        assert not torch.equal(vectors, expected), "it is itself again"


@pytest.mark.parametrize("function", [nn.GELU(), nn.GELU("tanh")])
def test_torchs_own_are_known_too(function):
    vectors = torch.randn(7, 5)
    with torch.inference_mode(), activations_in_place(function):
        assert torch.equal(function(vectors.clone()), nn.functional.gelu(vectors, approximate=function.approximate))


@pytest.mark.parametrize("function", [Louder(), nn.Tanh(), GELUActivation(use_gelu_python=True), ACT2FN["gelu_new"]])
def test_what_is_not_known_is_left_alone(function):
    given = torch.randn(7, 5)
    vectors = given.clone()
    with torch.inference_mode(), activations_in_place(function):
        assert torch.equal(function(given), function(vectors))
    assert torch.equal(given, vectors)
    assert "forward" not in vars(function)


def test_weights_are_never_written_over():
    weights = nn.Parameter(torch.randn(7, 5))
    before = weights.detach().clone()
    function = ACT2FN["gelu"]
    with torch.inference_mode(), activations_in_place(nn.Sequential(function)):
        assert torch.equal(function(weights), function(before.clone()))
    assert torch.equal(weights, before)


def test_a_forward_that_somebody_else_put_there_stays():
    function = nn.ReLU()
    function.forward = other = torch.sigmoid
    with activations_in_place(function):
        assert function.forward is other
    assert function.forward is other


@pytest.mark.parametrize("architecture", ["bert", "llama"])
def test_vectors_have_the_same_bits(monkeypatch, architecture):
    tokenizer = tiny_tokenizer("wordpiece")
    torch.manual_seed(0)
    model = tiny_model(architecture)
    reader, _, vectors, _ = read(model, tokenizer)
    assert reader.plan.in_place
    monkeypatch.setattr("isogloss.models.in_place._forward", lambda part: None)
    _, _, plain, _ = read(model, tokenizer)
    for layer, expected in plain.items():
        assert np.array_equal(vectors[layer], expected)


def test_a_model_that_needs_what_would_be_written_over_is_packed_without():
    class Twice(nn.Module):
        """Adds what its function was given to what came of it."""

        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, vectors):
            return self.inner(vectors) + vectors

    model = tiny_model("bert")
    for block in model.encoder.layer:
        block.intermediate.intermediate_act_fn = Twice(block.intermediate.intermediate_act_fn)
    plan = plan_packing(LayerReader(model, tiny_tokenizer("wordpiece")).blocks)
    assert plan is not None
    assert not plan.in_place
