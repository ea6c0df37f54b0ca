"""A sequence gives back what was appended, wherever it is stored; and one writer at a time."""

import gc
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from carving import RBM, Gaussian, create_checkpoints, open_checkpoints
from carving.errors import (
    CorruptStore,
    InvalidInput,
)
from tests.checkpoints.machines import machine


@pytest.fixture
def store(tmp_path: Path) -> Path:
    with create_checkpoints(tmp_path / "run") as run:
        for age in (1, 4, 9):
            run.append(machine(age), updates=age)
    return tmp_path / "run"


def assert_same(one: RBM, other: RBM) -> None:
    assert repr(one) == repr(other)
    for name in ("weights", "visible_bias", "hidden_bias"):
        assert torch.equal(getattr(one, name), getattr(other, name))


# ---- what goes in comes out


@pytest.mark.parametrize("visible", ["bernoulli", "spin", "potts"])
@pytest.mark.parametrize("hidden", ["bernoulli", "spin", "gaussian", Gaussian(3.5)])
def test_machines_of_every_pair_of_units_come_back(
    tmp_path: Path, visible: str, hidden: str | Gaussian
) -> None:
    states = 4 if visible == "potts" else None
    machines = [machine(age, states=states, visible=visible, hidden=hidden, beta=0.7) for age in (0, 3)]
    with create_checkpoints(tmp_path / "run", visible=visible, hidden=hidden, beta=0.7) as run:
        for age, rbm in zip((0, 3), machines, strict=True):
            run.append(rbm, updates=age)
    for expected, found in zip(machines, open_checkpoints(tmp_path / "run"), strict=True):
        assert_same(found, expected)


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
kinds = st.sampled_from(["bool", "u1", "i8", ">f4", "f8", "c16", "U3", "S2", "M8[s]"])
resume_arrays = arrays.arrays(kinds, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))


@settings(max_examples=25)
@given(
    ages=st.lists(st.integers(0, 2**62), min_size=1, max_size=4, unique=True).map(sorted),
    metrics=st.lists(st.dictionaries(names, st.floats(width=32), max_size=3), min_size=4, max_size=4),
    resume=st.none() | st.dictionaries(names, resume_arrays, max_size=3),
    elapsed=st.none() | st.floats(0, 1e9),
    samples=st.none() | arrays.arrays(np.int8, st.tuples(st.integers(0, 5), st.integers(1, 4))),
)
def test_everything_comes_back(
    ages: list[int],
    metrics: list[dict[str, float]],
    resume: dict[str, np.ndarray] | None,
    elapsed: float | None,
    samples: np.ndarray | None,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        labels = None if samples is None else [f"n{i}" for i in range(len(samples))]
        with create_checkpoints(Path(folder) / "run", samples=samples, names=labels) as run:
            for age, measured in zip(ages, metrics, strict=False):
                rbm = machine(age % 2**32)
                run.append(rbm, updates=age, elapsed_seconds=elapsed, metrics=measured, resume=resume)
        found = open_checkpoints(Path(folder) / "run")
        assert found.ages.dtype == np.int64
        assert found.ages.tolist() == ages
        for age, rbm in zip(ages, found, strict=True):
            assert_same(rbm, machine(age % 2**32))
        expected = np.nan if elapsed is None else elapsed
        np.testing.assert_array_equal(found.elapsed_seconds, np.full(len(ages), expected))
        for name in {name for measured in metrics[: len(ages)] for name in measured}:
            series = [measured.get(name, np.nan) for measured in metrics[: len(ages)]]
            np.testing.assert_array_equal(found.metrics[name], np.array(series, np.float32))
        state = found.resume_state()
        assert (state is None) == (resume is None)
        for name, values in (resume or {}).items():
            assert state is not None
            assert state[name].shape == values.shape
            np.testing.assert_array_equal(state[name], values)
        if samples is None:
            assert found.samples is None
            assert found.names is None
        else:
            np.testing.assert_array_equal(found.samples, samples)
            assert found.names is not None
            assert found.names.tolist() == labels
        found.verify()


def test_indexing_counts_from_both_ends(store: Path) -> None:
    run = open_checkpoints(store)
    assert_same(run[0], machine(1))
    assert_same(run[-1], machine(9))
    assert_same(run.at_age(4), machine(4))
    with pytest.raises(IndexError):
        run[3]


def test_machines_are_read_when_they_are_asked_for(store: Path) -> None:
    run = open_checkpoints(store)
    shutil.rmtree(store / "weights/c/1")
    assert_same(run[2], machine(9))
    with pytest.raises(CorruptStore, match="weights/c/1"):
        run[1]


def test_a_sequence_goes_on_where_it_was_left(store: Path) -> None:
    with open_checkpoints(store, writable=True) as run:
        run.append(machine(16), updates=16)
    assert open_checkpoints(store).ages.tolist() == [1, 4, 9, 16]


def test_a_resume_state_is_that_of_the_last_checkpoint_only(store: Path) -> None:
    with open_checkpoints(store, writable=True) as run:
        run.append(machine(10), updates=10, resume={"x": np.arange(3)})
        run.append(machine(11), updates=11)
    assert open_checkpoints(store).resume_state() is None


def test_more_checkpoints_than_fit_a_chunk_of_their_ages(tmp_path: Path) -> None:
    from carving.checkpoints import _arrays

    with pytest.MonkeyPatch.context() as patch, create_checkpoints(tmp_path / "run") as run:
        for module in (_arrays, __import__("carving.checkpoints._writer", fromlist=["x"])):
            patch.setattr(module, "ROWS_A_CHUNK", 4)
        for age in range(10):
            run.append(machine(age), updates=age, metrics={"age": age})
    found = open_checkpoints(tmp_path / "run")
    found.verify()
    np.testing.assert_array_equal(found.metrics["age"], np.arange(10))


def test_a_zip_reads_like_its_folder(store: Path, tmp_path: Path) -> None:
    shutil.make_archive(str(tmp_path / "run"), "zip", store)
    packed, plain = open_checkpoints(tmp_path / "run.zip"), open_checkpoints(store)
    assert packed.fingerprint == plain.fingerprint
    assert not packed.being_written
    for one, other in zip(packed, plain, strict=True):
        assert_same(one, other)


@pytest.mark.parametrize("protocol", ["file", "memory"])
def test_an_address_reads_like_its_folder(store: Path, protocol: str) -> None:
    address = f"file://{store}"
    if protocol == "memory":
        fsspec.filesystem("memory").put(str(store), "/checkpoints", recursive=True)
        address = "memory://checkpoints"
    remote = open_checkpoints(address)
    remote.verify()
    assert remote.fingerprint == open_checkpoints(store).fingerprint


def test_the_fingerprint_is_of_ages_units_and_parameters_alone(store: Path, tmp_path: Path) -> None:
    fingerprint = open_checkpoints(store).fingerprint
    with create_checkpoints(tmp_path / "same", training={"seed": 5}, samples=np.zeros((2, 6))) as run:
        for age in (1, 4, 9):
            run.append(machine(age), updates=age, elapsed_seconds=1, metrics={"x": 1}, resume={})
    assert run.fingerprint == fingerprint
    with create_checkpoints(tmp_path / "other") as run:
        for age in (1, 4, 9):
            run.append(machine(age), updates=age + 1)
    assert run.fingerprint != fingerprint


def test_the_repr_tells_what_is_inside(tmp_path: Path) -> None:
    with create_checkpoints(
        tmp_path / "run", visible="potts", alphabet="-AC", samples=np.zeros((1500, 6))
    ) as run:
        run.append(machine(1, states=3), updates=1, metrics={"likelihood": 1})
        run.append(machine(8, states=3), updates=8000)
    assert repr(open_checkpoints(tmp_path / "run")) == (
        f"CheckpointSequence({str(tmp_path / 'run')!r}): 2 machines, ages 1 … 8,000\n"
        "  visible potts of 3 states (6), hidden bernoulli (3), beta 1, alphabet -AC\n"
        "  1,500 samples kept\n"
        "  metrics likelihood"
    )


# ---- one writer


def test_a_second_writer_is_refused(store: Path) -> None:
    with open_checkpoints(store, writable=True):
        with pytest.raises(InvalidInput, match="being written by another program"):
            open_checkpoints(store, writable=True)
        with pytest.raises(InvalidInput, match="being written by another program"):
            create_checkpoints(store, force=True)


def test_a_store_says_whether_it_is_being_written(store: Path) -> None:
    reader = open_checkpoints(store)
    writer = open_checkpoints(store, writable=True)
    assert reader.being_written
    assert not writer.being_written
    writer.close()
    assert not reader.being_written


def test_a_writer_that_is_forgotten_gives_up_its_lock(store: Path) -> None:
    open_checkpoints(store, writable=True)
    gc.collect()
    assert not open_checkpoints(store).being_written


def test_a_reader_beside_a_writer_keeps_what_it_opened(store: Path) -> None:
    reader = open_checkpoints(store)
    with open_checkpoints(store, writable=True) as writer:
        for age in range(10, 15):
            writer.append(machine(age), updates=age)
    assert reader.ages.tolist() == [1, 4, 9]
    reader.verify()


def test_a_reader_may_open_the_store_at_any_moment_of_a_writer(store: Path) -> None:
    def write() -> None:
        with open_checkpoints(store, writable=True) as run:
            for age in range(10, 40):
                run.append(machine(age), updates=age, metrics={"x": age}, resume={"y": np.arange(age)})

    opened = 0
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        while not writing.done():
            run = open_checkpoints(store)
            assert_same(run[-1], machine(int(run.ages[-1])))
            opened += 1
        writing.result()
    assert opened > 3
