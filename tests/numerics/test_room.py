import errno
import gc
import os

import numpy as np
import pytest
import torch

from isogloss.errors import StoreError
from isogloss.memory import own_memory
from isogloss.numerics import room
from isogloss.numerics.ward.linkage import ward_linkage

LARGE = (3000, 1000)  # 12 MB of float32: above `room.SMALL`


def in_file(array: np.ndarray) -> bool:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array.base is not None


def little(tmp_path):
    return room.limited(1.0, 0.0, tmp_path)


def test_without_a_limit_all_is_in_memory():
    assert not in_file(room.empty(LARGE))
    with room.limited(None, 0.0, "nowhere") as found:
        assert found is None
        assert not in_file(room.empty(LARGE))


def test_what_has_no_room_in_memory_is_in_a_file_without_a_name(tmp_path):
    with little(tmp_path) as found:
        large, small = room.empty(LARGE), room.empty((10, 10))
    assert in_file(large)
    assert not in_file(small)
    assert found.paged == large.nbytes
    assert list(tmp_path.iterdir()) == []
    large[...] = 7
    assert float(large.sum(dtype=np.float64)) == 7 * large.size


def test_what_has_room_is_in_memory_until_it_is_used_up_and_again_when_it_is_given_back(tmp_path):
    one = 4 * np.prod(LARGE)
    with room.limited(own_memory() + 1.5 * one, 0.0, tmp_path) as found:
        first, second = room.empty(LARGE), room.empty(LARGE)
        assert (in_file(first), in_file(second)) == (False, True)
        assert found.held == one
        view = first[:5]
        del first
        gc.collect()
        assert found.held == one, "a view keeps the whole"
        del view
        gc.collect()
        assert found.held == 0
        assert not in_file(room.empty(LARGE))


def test_what_is_left_for_other_things_is_not_given_out(tmp_path):
    one = 4 * np.prod(LARGE)
    with room.limited(own_memory() + 1.5 * one, one, tmp_path):
        assert in_file(room.empty(LARGE))


def test_pages_of_files_are_not_the_process_s_own_memory(tmp_path):
    before = own_memory()
    with little(tmp_path):
        held = room.zeros((80, 1 << 20), np.uint8)
    assert held.nbytes == 80 << 20
    assert own_memory() - before < 40 << 20
    there = np.ones(80 << 20, np.uint8)
    assert own_memory() - before > 60 << 20
    del there


@pytest.mark.parametrize("n", [5, 4096, 9001])
def test_rows_and_functions_of_rows_are_those_of_the_whole(n, tmp_path):
    random = np.random.default_rng(0)
    X = random.standard_normal((n, 300), dtype=np.float32)
    rows = random.permutation(n)
    with little(tmp_path):
        assert np.array_equal(room.rows_of(X, rows), X[rows])
        assert np.array_equal(room.rows_of(X, rows, np.float64), X[rows].astype(np.float64))
        assert np.array_equal(room.by_rows(lambda block: block[:, 5] * 2, X), X[:, 5] * 2)
        assert np.array_equal(room.one_below_the_other([X, X[:3]]), np.concatenate([X, X[:3]]))


def test_small_arrays_count_though_they_are_never_in_files(tmp_path):
    with room.limited(own_memory() + 30e6, 0.0, tmp_path) as found:
        held = [room.empty((1 << 20,), np.uint8) for _ in range(40)]
        assert not any(in_file(one) for one in held)
        assert found.held == 40 * (1 << 20)
        assert in_file(room.empty(LARGE))


def test_what_was_taken_since_by_others_leaves_less(tmp_path):
    with room.limited(own_memory() + 60e6, 0.0, tmp_path):
        model = np.ones(55 << 20, np.uint8)
        assert in_file(room.empty(LARGE))
        del model


def test_rows_may_be_told_by_a_mask_and_a_tensor_may_be_empty(tmp_path):
    X = np.arange(20.0).reshape(10, 2)
    with little(tmp_path):
        assert np.array_equal(room.rows_of(X, X[:, 0] > 5), X[X[:, 0] > 5])
        assert room.empty_tensor((0, 5), torch.bfloat16).shape == (0, 5)


def test_a_tensor_is_there_in_every_type(tmp_path):
    with little(tmp_path):
        for dtype in (torch.float32, torch.float64, torch.bfloat16):
            found = room.empty_tensor((1500, 2000), dtype)
            found[...] = 1.5
            assert found.dtype == dtype
            assert found.shape == (1500, 2000)
            assert bool((found == 1.5).all())


def test_a_tree_is_the_same_wherever_its_vectors_are(tmp_path):
    random = np.random.default_rng(0)
    X = random.standard_normal((3000, 500), dtype=np.float32)
    free = ward_linkage(X)
    with little(tmp_path) as found:
        bound = ward_linkage(room.rows_of(X, np.arange(len(X))))
    assert np.array_equal(free, bound)
    assert found.paged > 2 * X.nbytes


def test_with_too_many_open_files_arrays_are_in_memory(tmp_path, monkeypatch):
    def too_many(*_, **__):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(room.tempfile, "TemporaryFile", too_many)
    with little(tmp_path) as found:
        one = room.empty(LARGE)
        assert not in_file(one)
        assert (found.held, found.paged) == (one.nbytes, 0)


def test_a_full_disk_is_said_before_anything_is_written(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with little(tmp_path), pytest.raises(StoreError, match=r"no room for 0\.01 GiB of vectors in .*; make room there"):
        room.empty(LARGE)
