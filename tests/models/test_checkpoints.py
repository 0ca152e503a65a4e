import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import ModelError
from isogloss.models import resolve
from isogloss.models.checkpoints import architecture, checkpoints_of, evenly
from tests.tiny import save_tiny


@given(st.sets(st.integers(1, 10_000), min_size=1, max_size=30), st.integers(1, 12), st.data())
@settings(max_examples=25)
def test_few_of_many_steps_hold_the_last_and_the_one_that_must_stay(steps, most, data):
    always = data.draw(st.sampled_from(sorted(steps)))
    kept = evenly(steps, most, always)
    assert kept == sorted(set(kept))
    assert set(kept) <= steps
    assert len(kept) == min(most, len(steps))
    assert always in kept
    assert most == 1 or max(steps) in kept


def test_few_of_many_steps_are_evenly_spread():
    assert evenly(range(100, 1001, 100), 5, 1000) == [200, 400, 600, 800, 1000]
    assert evenly([1, 2, 3, 4, 500, 1000], 2, 1000) == [500, 1000]
    assert evenly([10, 20, 30], 3, 30) == [10, 20, 30]


@pytest.fixture
def trained(tmp_path):
    """A directory as transformers' Trainer leaves it: checkpoints with their state, the last model beside them."""
    home = save_tiny(tmp_path / "tuned", "bert", seed=1)
    for step, seed in ((10, 2), (20, 3)):
        save_tiny(home / f"checkpoint-{step}", "bert", seed=seed)
        (home / f"checkpoint-{step}" / "trainer_state.json").write_text(
            json.dumps({"global_step": step, "max_steps": 25})
        )
    return home


def steps_of(home, asked=True):
    own, others = checkpoints_of(resolve(home), asked)
    return own, list(others)


def test_the_step_of_the_last_model_is_where_its_training_ended(trained):
    assert steps_of(trained) == (25, [10, 20])
    (trained / "trainer_state.json").write_text(json.dumps({"global_step": 23}))
    assert steps_of(trained) == (23, [10, 20])
    (trained / "metrics.json").write_text(json.dumps({"steps": 22}))
    assert steps_of(trained) == (22, [10, 20])
    assert steps_of(trained, 2) == (22, [10])


def test_a_model_that_is_one_of_its_checkpoints_stands_at_its_step(trained):
    save_tiny(trained, "bert", seed=2)
    assert steps_of(trained) == (10, [20])


def test_a_step_that_nothing_tells_is_asked_for(trained):
    (trained / "checkpoint-20" / "trainer_state.json").unlink()
    with pytest.raises(ModelError, match="give it among the checkpoints too"):
        steps_of(trained)
    given = {10: trained / "checkpoint-10", 99: trained}
    assert steps_of(trained, given) == (99, [10])


def test_an_architecture_is_said_in_words(trained, tmp_path):
    assert architecture(resolve(trained)) == "bert with 3 layers, 32 wide"
    assert architecture(resolve(save_tiny(tmp_path / "t5", "t5"))).startswith("t5 with 3 layers")
