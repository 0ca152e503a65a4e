from types import SimpleNamespace

import pytest
import torch
from torch import nn
from transformers import MambaConfig, MambaModel

from isogloss.errors import ModelError
from isogloss.models.blocks import discover_blocks, inner_encoder, sites
from tests.tiny import ARCHITECTURES, HIDDEN, LAYERS, tiny_model

FINAL_NORM = {"t5", "gpt2", "llama", "qwen2"}


def _ids(n: int = 6) -> torch.Tensor:
    return torch.arange(5, 5 + n)[None]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_finds_every_block_and_the_width(architecture):
    blocks = discover_blocks(tiny_model(architecture))
    assert (blocks.n_layers, blocks.hidden) == (LAYERS, HIDDEN)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_reads_what_transformers_reports_as_hidden_states(architecture):
    model = tiny_model(architecture)
    blocks = discover_blocks(model)
    seen = {}
    ids = _ids()
    with torch.no_grad(), blocks.reading(lambda layer, tokens: seen.__setitem__(layer, tokens.clone())):
        output = blocks.encoder(input_ids=ids, attention_mask=torch.ones_like(ids), output_hidden_states=True)
    assert sorted(seen) == list(range(LAYERS + 1))
    for layer in range(LAYERS + (architecture not in FINAL_NORM)):
        torch.testing.assert_close(seen[layer], output.hidden_states[layer][0])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_sites_say_where_a_final_norm_stands_between(architecture):
    found = sites(discover_blocks(tiny_model(architecture)))
    assert found[:-1] == ["same"] * LAYERS
    assert ("final norm" in found[-1]) == (architecture in FINAL_NORM)


def test_counts_calls_of_the_shared_block_of_albert():
    blocks = discover_blocks(tiny_model("albert"))
    assert len(blocks.modules) == 1
    assert blocks.n_layers == LAYERS


def test_falls_back_to_the_longest_list_where_nothing_is_declared():
    assert discover_blocks(tiny_model("deberta-v2")).found_by == "the longest list of equal modules"
    assert discover_blocks(tiny_model("bert")).found_by == "declared by the architecture"


def test_takes_the_encoder_of_an_encoder_decoder_and_drops_heads():
    model = tiny_model("bart", auto="AutoModelForSequenceClassification")
    assert type(inner_encoder(model)).__name__ == "BartEncoder"
    assert type(inner_encoder(tiny_model("bert", auto="AutoModelForSequenceClassification"))).__name__ == "BertModel"


@pytest.mark.parametrize("architecture", ["bert", "xlnet", "llama", "albert"])
def test_an_edit_at_one_layer_changes_the_later_ones_and_no_earlier_one(architecture):
    blocks = discover_blocks(tiny_model(architecture))

    def run(edit):
        seen = {}

        def on_layer(layer, tokens):
            seen[layer] = tokens.clone()
            return edit(layer, tokens)

        with torch.no_grad(), blocks.reading(on_layer):
            blocks.encoder(input_ids=_ids())
        return seen

    plain = run(lambda layer, tokens: None)
    direction = torch.linspace(-1, 1, HIDDEN)  # not constant: a norm would undo a constant shift
    edited = run(lambda layer, tokens: tokens + direction if layer == 2 else None)
    assert torch.equal(plain[2], edited[2])
    assert not torch.allclose(plain[3], edited[3])
    same = run(lambda layer, tokens: tokens)
    assert all(torch.equal(plain[i], same[i]) for i in plain)


def test_leaves_no_hook_behind_even_after_an_error():
    model = tiny_model("bert")
    blocks = discover_blocks(model)
    with pytest.raises(RuntimeError, match="stop"), blocks.reading(_stop):
        blocks.encoder(input_ids=_ids())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def _stop(layer, tokens):
    raise RuntimeError("stop")


def test_refuses_a_model_without_blocks():
    with pytest.raises(ModelError, match="no transformer blocks found in Linear"):
        discover_blocks(nn.Linear(3, 3))


class Plain(nn.Module):
    """Somebody's own encoder: it declares nothing and reports no hidden states."""

    def __init__(self):
        super().__init__()
        self.config = SimpleNamespace(vocab_size=100)
        self.embeddings = nn.Embedding(100, 8)
        self.blocks = nn.ModuleList(nn.Linear(8, 8) for _ in range(3))

    def forward(self, input_ids, attention_mask=None, return_dict=True):
        states = self.embeddings(input_ids)
        for block in self.blocks:
            states = block(states)
        return SimpleNamespace(last_hidden_state=states)


def test_blocks_are_found_where_hidden_states_cannot_be_asked_for():
    found = discover_blocks(Plain().eval())
    assert found.n_layers == 3
    assert sites(found) == ["not reported by the model"] * 4


class Reporting(Plain):
    """It reports some hidden states, whatever it is asked."""

    def __init__(self, which):
        super().__init__()
        self.which = which

    def forward(self, input_ids, attention_mask=None, return_dict=True, output_hidden_states=False):
        states = [self.embeddings(input_ids)]
        for block in self.blocks:
            states.append(block(states[-1]))
        return SimpleNamespace(last_hidden_state=states[-1], hidden_states=self.which(states))


@pytest.mark.parametrize(
    "which",
    [
        lambda states: (),
        lambda states: (states[-1],),
        lambda states: (states[0], states[-1]),
        lambda states: (None, *states[1:]),
        lambda states: torch.stack(states, 1),
    ],
)
def test_blocks_are_found_where_too_few_hidden_states_are_reported(which):
    assert discover_blocks(Reporting(which).eval()).n_layers == 3


def test_blocks_are_refused_where_other_hidden_states_are_reported():
    with pytest.raises(ModelError, match="holds parts of blocks"):
        discover_blocks(Reporting(lambda states: tuple(2 * s for s in states)).eval())


def test_blocks_are_found_where_hidden_states_are_counted_from_the_first_block():
    config = MambaConfig(vocab_size=100, hidden_size=32, num_hidden_layers=3, state_size=4)
    assert discover_blocks(MambaModel(config).eval()).n_layers == 3
