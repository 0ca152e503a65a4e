import copy

import numpy as np
import pytest
import torch
from torch import nn
from transformers import RwkvConfig, RwkvModel
from transformers.pytorch_utils import Conv1D

from isogloss.models import linear
from isogloss.models.linear import LIBRARIES, faster_linear, fastest
from isogloss.models.reading import LayerReader
from isogloss.numerics import mkl, onednn
from tests.models.test_reading import read, worst_of
from tests.tiny import HIDDEN, tiny_model, tiny_tokenizer

libraries = pytest.mark.parametrize(
    "library",
    [
        pytest.param(
            name, marks=pytest.mark.skipif(not module.available(), reason=f"this build of torch has no {name}")
        )
        for name, module in LIBRARIES.items()
    ],
)


class Doubled(nn.Linear):
    def forward(self, vectors):
        return 2 * super().forward(vectors)


@libraries
def test_linear_maps_give_the_same_numbers_and_are_themselves_again_afterwards(library):
    model = nn.Sequential(nn.Linear(7, 12), Doubled(12, 5), nn.Linear(5, 3, bias=False), Conv1D(4, 3)).eval()
    vectors = torch.randn(11, 7)
    with torch.inference_mode():
        expected = model(vectors)
        with faster_linear(model, library):
            assert "forward" in vars(model[0])
            assert "forward" not in vars(model[1]), "a subclass does more than multiply"
            torch.testing.assert_close(model(vectors), expected, rtol=1e-5, atol=1e-6)
        assert not any("forward" in vars(part) for part in model.modules())
        assert torch.equal(model(vectors), expected)


@libraries
@pytest.mark.parametrize("shape", [(0, 40), (40,), (1, 40), (3, 0, 40), (2, 3, 40), (130, 40), (4096, 40), (40, 70)])
def test_any_number_of_rows_can_be_multiplied(library, shape):
    weight, bias = torch.randn(9, 40), torch.randn(9)
    vectors = torch.randn(shape)
    vectors = vectors.T if shape[-1] != 40 else vectors
    with torch.inference_mode():
        product = LIBRARIES[library].LaidOut(weight)(vectors, bias)
        torch.testing.assert_close(product, nn.functional.linear(vectors, weight, bias), rtol=1e-5, atol=1e-5)


@libraries
def test_maps_that_disagree_keep_torchs_product(monkeypatch, library):
    monkeypatch.setattr(linear, "AGREE", -1.0)
    model = nn.Sequential(nn.Linear(4, 4))
    with faster_linear(model, library):
        assert "forward" not in vars(model[0])


def test_torch_changes_nothing():
    model = nn.Sequential(nn.Linear(4, 4))
    with faster_linear(model, "torch"):
        assert "forward" not in vars(model[0])


@pytest.mark.skipif(not mkl.available(), reason="this build of torch has no MKL")
def test_mkl_takes_only_the_float32_maps_of_a_model():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4).bfloat16())
    with torch.inference_mode(), faster_linear(model, "mkl"):
        assert "forward" in vars(model[0])
        assert "forward" not in vars(model[1])


class Quantised(torch.Tensor):
    """Stands for weights of another library's own kind."""


@libraries
def test_weights_that_are_not_plain_keep_their_product(library):
    model = nn.Sequential(*(nn.Linear(4, 4) for _ in range(4)))
    model[0].weight = nn.Parameter(model[0].weight.data.as_subclass(Quantised), requires_grad=False)
    model[1].weight = nn.Parameter(model[1].weight.data.to_sparse(), requires_grad=False)
    model[2].weight = nn.Parameter(torch.zeros(0, 4), requires_grad=False)
    with torch.inference_mode(), faster_linear(model, library):
        assert ["forward" in vars(part) for part in model] == [False, False, False, True]


@libraries
def test_weights_that_change_in_the_first_pass_are_laid_out_after_it(library):
    config = RwkvConfig(vocab_size=1000, hidden_size=HIDDEN, num_hidden_layers=4, rescale_every=2)
    torch.manual_seed(0)
    model = RwkvModel(config).eval()
    trials = LayerReader(copy.deepcopy(model), tiny_tokenizer("wordpiece")).trials
    reader, _, vectors, _ = read(model, tiny_tokenizer("wordpiece"), known=trials, linear=library)
    again, _, expected, _ = read(model, tiny_tokenizer("wordpiece"), known=trials, linear="torch")
    assert reader.linear != again.linear
    for layer in range(5):
        np.testing.assert_allclose(vectors[layer], expected[layer], rtol=1e-4, atol=1e-5)


@libraries
def test_maps_of_other_precisions_keep_their_product(library):
    model = nn.Sequential(nn.Linear(4, 4).double(), nn.Linear(4, 4), nn.Linear(4, 4))
    model[1].bias = nn.Parameter(torch.zeros(4, dtype=torch.float64))
    with torch.inference_mode(), faster_linear(model, library):
        assert ["forward" in vars(part) for part in model] == [False, False, True]
        assert model[2](input=torch.ones(2, 4)).shape == (2, 4)


def test_a_model_with_a_sparse_parameter_can_be_asked():
    model = nn.Linear(4, 4)
    model.weight = nn.Parameter(model.weight.data.to_sparse(), requires_grad=False)
    assert fastest(model) in ("torch", *LIBRARIES)


@libraries
@pytest.mark.parametrize("architecture", ["bert", "gpt2", "llama", "xlnet"])
def test_vectors_equal_a_plain_forward_in_any_product(architecture, library):
    tokenizer = tiny_tokenizer("wordpiece")
    for product in ("torch", library):
        reader, sequences, vectors, _ = read(tiny_model(architecture), tokenizer, linear=product, site="normed")
        assert reader.linear == product
        assert worst_of(reader, sequences, vectors) <= 1e-5


@pytest.mark.parametrize("slow", [False, True])
def test_only_products_that_gain_are_replaced(monkeypatch, slow):
    monkeypatch.setattr(onednn, "slow_mkl", lambda: slow)
    monkeypatch.setattr(mkl, "of_intel", lambda: not slow)
    library = onednn if slow else mkl
    assert fastest(nn.Linear(2, 2)) == (library.__name__.rpartition(".")[2] if library.available() else "torch")
    assert fastest(nn.Linear(2, 2).double()) == "torch"
    monkeypatch.setattr(linear, "LARGEST_FOR_MKL", 4 * 2 * 2)  # weights, but no bias
    assert fastest(nn.Linear(2, 2)) == ("onednn" if slow and onednn.available() else "torch")
    assert fastest(nn.Linear(2, 2).bfloat16()) == ("onednn" if onednn.available() else "torch")
