"""Minibatches of both kinds: each row once an epoch, and the same batches again after any stop."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import carving
from carving.errors import InvalidInput
from carving.training._data import read_training_data
from carving.training._machine import LearningMachine
from carving.training._minibatches import (
    MinibatchesFromBlocks,
    MinibatchesFromMemory,
    minibatches,
    write_statistics,
)
from carving.training.estimators import read_method
from tests.training.machines import settings, small_machine
from tests.training.test_data import Lazy
from tests.training.test_resume import OPTIONS, content, train_until

BITS = 7


def numbered(count):
    """Rows that say their own number, in binary."""
    return ((np.arange(count)[:, None] >> np.arange(BITS)) & 1).astype(np.uint8)


def numbers(rows):
    return (rows.numpy().astype(int) @ (1 << np.arange(BITS))).tolist()


def cut(count, lengths):
    """Chunks of these lengths, again and again, as far as they go."""
    chunks, left = [], count
    while left:
        chunks.append(min(left, lengths[len(chunks) % len(lengths)]))
        left -= chunks[-1]
    return tuple(chunks)


def read(count, lengths, blocks_at_once, weights=None):
    """Data in memory if no lengths are given; else in blocks, so many of which fit."""
    if lengths is None:
        samples, memory = numbered(count), 2**20
    else:
        chunks = cut(count, lengths)
        samples, memory = Lazy(numbered(count), chunks), blocks_at_once * max(chunks) * BITS
    return read_training_data(
        samples, visible="bernoulli", names=None, alphabet=None, weights=weights, memory=memory
    )


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


SIZES = st.integers(2, 60).flatmap(lambda count: st.tuples(st.just(count), st.integers(1, count + 3)))
LENGTHS = st.none() | st.lists(st.integers(1, 25), min_size=1, max_size=4)


@given(SIZES, LENGTHS, st.integers(1, 5))
def test_an_epoch_has_each_row_once_except_for_less_than_a_batch(sizes, lengths, blocks_at_once):
    count, size = sizes
    batches = minibatches(read(count, lengths, blocks_at_once), size, generator())
    size = min(size, count)
    for _ in range(3):
        seen = Counter()
        for _ in range(count // size):
            seen.update(numbers(batches.next().rows))
        assert set(seen.values()) == {1}
        assert seen.total() == count // size * size
        assert set(seen) <= set(range(count))


@given(SIZES, LENGTHS, st.integers(1, 5), st.integers(0, 12))
def test_restored_at_any_point_the_same_batches_follow(sizes, lengths, blocks_at_once, before):
    count, size = sizes
    weights = np.arange(1.0, count + 1)
    random = generator()
    batches = minibatches(read(count, lengths, blocks_at_once, weights), size, random)
    for _ in range(before):
        batches.next()
    state = {name: value.clone() for name, value in batches.state().items()}
    random_state = random.get_state()
    expected = []
    for _ in range(12):
        batch = batches.next()
        assert batch.weights is not None
        expected.append((batch.rows.clone(), batch.weights.clone()))

    random = generator(1)
    again = minibatches(read(count, lengths, blocks_at_once, weights), size, random)
    again.next()
    random.set_state(random_state)
    again.restore(state)
    for rows, shares in expected:
        batch = again.next()
        assert batch.rows.equal(rows)
        assert batch.weights is not None
        assert batch.weights.equal(shares)


@given(SIZES, LENGTHS, st.integers(1, 5))
def test_each_row_keeps_its_weight(sizes, lengths, blocks_at_once):
    count, size = sizes
    weights = np.random.default_rng(count).uniform(0.5, 2, count)
    batches = minibatches(read(count, lengths, blocks_at_once, weights), size, generator())
    for _ in range(6):
        batch = batches.next()
        expected = weights[numbers(batch.rows)]
        assert batch.weights is not None
        assert np.allclose(batch.weights, expected / expected.sum(), rtol=1e-6)


@pytest.mark.parametrize("lengths", [None, [5]])
def test_the_order_is_another_in_every_epoch_and_for_every_seed(lengths):
    epochs = []
    for seed in (0, 1):
        batches = minibatches(read(60, lengths, 3), 20, generator(seed))
        for _ in range(2):
            epochs.append(tuple(number for _ in range(3) for number in numbers(batches.next().rows)))
    assert len(set(epochs)) == 4
    assert tuple(range(60)) not in epochs


def test_a_pool_mixes_rows_of_its_blocks():
    # twelve blocks of five rows, of which four are in memory together
    batches = minibatches(read(60, [5], 4), 10, generator())
    for _ in range(12):
        assert len({number // 5 for number in numbers(batches.next().rows)}) >= 3


def test_over_many_epochs_each_row_is_as_often_first_as_any_other():
    batches = minibatches(read(30, [7, 2, 4], 2), 30, generator())
    first = Counter(numbers(batches.next().rows)[0] for _ in range(600))
    # 20 each, give or take four and a half standard deviations
    assert all(1 <= first[row] < 40 for row in range(30))


@pytest.mark.parametrize("kind", [MinibatchesFromMemory, MinibatchesFromBlocks])
def test_never_more_rows_are_held_than_memory_has_room_for(kind):
    if kind is MinibatchesFromMemory:
        assert minibatches(read(60, None, 0), 10, generator())._codes.shape == (60, BITS)  # type: ignore
        return
    for lengths, at_once in (([5], 4), ([1, 9, 3], 2), ([20], 1)):
        data = read(60, lengths, at_once)
        batches = MinibatchesFromBlocks(data, 10, generator())
        for _ in range(20):
            batches.next()
            assert batches._room.numel() <= data.memory


@pytest.mark.parametrize(
    ("unit", "codes"),
    [
        (carving.Bernoulli(), torch.tensor([[0, 1, 1]], dtype=torch.uint8)),
        (carving.Spin(), torch.tensor([[-1, 1, 1]], dtype=torch.int8)),
        (carving.Potts(4), torch.tensor([[3, 0, 2], [1, 1, 1]], dtype=torch.uint8)),
    ],
)
def test_statistics_are_those_of_the_unit(unit, codes):
    expected = unit.encode(codes, torch.float32).flatten(1)
    out = torch.full_like(expected, 9.0)
    write_statistics(codes, unit, out)
    assert out.equal(expected)


@pytest.mark.parametrize("lengths", [None, [5]])
def test_the_state_of_the_other_kind_is_refused(lengths):
    batches = minibatches(read(60, lengths, 3), 10, generator())
    other = minibatches(read(60, [5] if lengths is None else None, 3), 10, generator())
    began = "in memory" if lengths else "read in blocks"
    with pytest.raises(InvalidInput, match=f"samples: the training began with samples {began}; resume with"):
        batches.restore(other.state())


# ---- whole trainings of samples that are larger than the memory they are given


def blocks():
    generator = np.random.default_rng(0)
    return Lazy(generator.integers(0, 2, (50, 7)).astype(np.uint8), cut(50, [7, 3]))


IN_BLOCKS = {**OPTIONS, "memory": 100, "keep_samples": False}


@pytest.mark.slow
def test_a_training_in_blocks_that_is_interrupted_and_resumed_ends_in_the_same_bits(tmp_path):
    whole = carving.train(blocks(), tmp_path / "whole", **IN_BLOCKS)
    for age in whole.ages[[0, 4]].tolist():
        train_until(blocks(), tmp_path / f"run {age}", age, **IN_BLOCKS)
        resumed = carving.train(blocks(), tmp_path / f"run {age}", resume=True, **IN_BLOCKS)
        assert content(resumed) == content(whole)


def test_it_ends_in_the_same_bits_if_the_array_is_cut_into_other_chunks_when_it_is_resumed(tmp_path):
    whole = carving.train(blocks(), tmp_path / "whole", **IN_BLOCKS)
    train_until(blocks(), tmp_path / "run", 12, **IN_BLOCKS)
    other = Lazy(blocks()[:].compute(), cut(50, [4, 11]))
    resumed = carving.train(other, tmp_path / "run", resume=True, **IN_BLOCKS)
    assert content(resumed) == content(whole)


@pytest.mark.parametrize("began_in_memory", [True, False])
def test_a_training_cannot_be_resumed_with_another_kind_of_array(tmp_path, began_in_memory):
    plenty, little = {**IN_BLOCKS, "memory": 2**20}, IN_BLOCKS
    first, second = (plenty, little) if began_in_memory else (little, plenty)
    train_until(blocks(), tmp_path / "run", 12, **first)
    before = content(carving.open_checkpoints(tmp_path / "run"))
    with pytest.raises(InvalidInput, match="resume with the same kind of array and as much memory"):
        carving.train(blocks(), tmp_path / "run", resume=True, **second)
    assert content(carving.open_checkpoints(tmp_path / "run")) == before
    assert carving.train(blocks(), tmp_path / "run", resume=True, **first).ages[-1] == 60


def test_full_batches_of_memory_are_not_changed_by_a_training():
    # the same tensor is handed out again and again; chains that begin from it must not run on in it
    data = read(60, None, 0)
    batches = minibatches(data, 60, generator())
    expected = batches.next().rows.clone()
    rbm = small_machine(carving.Bernoulli(), carving.Bernoulli(), 0, sites=BITS).to(dtype=torch.float32)
    machine = LearningMachine(rbm)
    for method in ("cd", "emf:persistent=no"):
        estimator, options = read_method(method)
        made = estimator(machine, settings(method=method), options, 60, generator())
        made.moments(machine, batches.next(), generator())
        assert batches.next().rows.equal(expected)
