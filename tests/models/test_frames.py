from itertools import combinations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isogloss.models.blocks import discover_blocks
from isogloss.models.frames import framed, gains
from tests.tiny import tiny_model

LENGTHS = st.lists(st.integers(1, 80), max_size=150)


@given(LENGTHS)
def test_every_sequence_is_in_one_frame_and_frames_are_full(lengths):
    frames = framed(lengths)
    assert sorted(number for frame in frames for number in frame) == list(range(len(lengths)))
    totals = [sum(lengths[number] for number in frame) for frame in frames]
    several = [total for frame, total in zip(frames, totals, strict=True) if len(frame) > 1]
    alone = [total for frame, total in zip(frames, totals, strict=True) if len(frame) == 1]
    assert set(several) <= {32, 64}
    # Equally long ones stand together, so that each kind is one call.
    assert totals == sorted(several, reverse=True) + sorted(alone)
    assert all(len(frame) == 1 for frame in frames[len(several) :])


@given(LENGTHS)
def test_what_stays_alone_fits_into_no_frame_of_32(lengths):
    alone = sorted(lengths[frame[0]] for frame in framed(lengths) if len(frame) == 1)
    short = [length for length in sorted(set(alone)) if length < 32 for _ in range(min(alone.count(length), 3))]
    assert 32 not in {sum(some) for n in (2, 3) for some in combinations(short, n)}


def test_frames_depend_on_the_lengths_alone_and_first_come_first():
    assert framed([20, 12, 20, 12]) == [[0, 1], [2, 3]]
    assert framed([40, 12, 12, 3]) == [[0, 1, 2], [3]]
    assert framed([4] * 9) == [list(range(8)), [8]]
    assert framed([]) == []


def test_most_words_of_a_real_mix_of_lengths_find_a_frame():
    lengths = torch.randint(3, 45, (300,), generator=torch.Generator().manual_seed(0)).tolist()
    assert sum(sum(lengths[i] for i in frame) for frame in framed(lengths) if len(frame) > 1) > 0.8 * sum(lengths)


@pytest.mark.parametrize(
    ("architecture", "dtype", "longest", "expected"),
    [
        ("bert", torch.float32, None, True),
        ("bert", torch.bfloat16, 64, True),
        ("bert", torch.bfloat16, 63, False),
        ("gpt2", torch.float32, None, False),
        ("gpt2", torch.bfloat16, None, True),
    ],
)
def test_frames_are_used_where_they_are_faster(architecture, dtype, longest, expected):
    assert gains(discover_blocks(tiny_model(architecture).to(dtype)), longest) is expected
