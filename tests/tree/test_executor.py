"""Whoever works on the chunks of the samples, in whatever order and however often: the tree is the same."""

import multiprocessing
import os
import pickle
import random
import signal
import threading
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from itertools import chain

import dask.array
import h5py
import numpy as np
import pytest
import torch
import zarr
from zarr.storage import MemoryStore

from carving._executor import as_finished, in_order
from carving._progress import Progress
from carving.meanfield.solver import Solver
from carving.tree import _reached, _rows, build_tree
from carving.tree._reached import rounds
from carving.tree._rows import Chunk
from carving.units import resolve_unit
from tests.tree.runs import assert_equal, pattern_machine, pattern_samples, store

SITES = (6, 12, 20)
# eight states at the oldest age, and the same states found in several chunks of one round
MACHINES = {"strengths": (1.0, 1.3, 1.7), "sites": SITES, "noise": 0.3, "bias": 0.1}
CHUNK = 6
COUNT = 66


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(_rows, "ROWS", CHUNK)


@pytest.fixture(scope="module")
def run(run_of):
    return run_of(**MACHINES)


@pytest.fixture(scope="module")
def samples():
    return pattern_samples(COUNT, sites=SITES, flips=0.25, seed=3)


@pytest.fixture(scope="module")
def expected(run, samples):
    """The tree that one process builds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_rows, "ROWS", CHUNK)
        return build_tree(run, samples)


@pytest.fixture(scope="module")
def processes():
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=spawn, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        yield pool


@pytest.fixture(scope="module")
def client():
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="") as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def executors(processes, client):
    return {"one process": None, "processes": processes, "dask": client.get_executor()}


class OutOfOrder(Executor):
    """Runs what it was given in an order of its own, once nothing more comes."""

    def __init__(self, seed: int = 0, attempts: int = 1) -> None:
        self._draw, self._attempts = random.Random(seed), attempts
        self._waiting, self._came = [], threading.Event()
        self.order, self._ends = [], False
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        self._waiting.append((len(self.order) + len(self._waiting), future, fn, args))
        self._came.set()
        return future

    def shutdown(self, wait=True, *, cancel_futures=False):
        self._ends = True
        self._came.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._ends:
            self._came.wait()
            while self._came.is_set():
                self._came.clear()
                threading.Event().wait(0.002)
            while self._waiting and not self._came.is_set():
                number, future, function, arguments = self._waiting.pop(
                    self._draw.randrange(len(self._waiting))
                )
                self.order.append(number)
                if not future.set_running_or_notify_cancel():
                    continue
                try:
                    # what was lost is done again
                    results = [function(*arguments) for _ in range(self._attempts)]
                except BaseException as error:
                    future.set_exception(error)
                else:
                    future.set_result(results[-1])


# ---- the same tree


@pytest.mark.parametrize("order", [1, 2, 3])
def test_threads_give_the_tree_of_one_process(run, samples, order):
    with ThreadPoolExecutor(3, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        assert_equal(
            build_tree(run, samples, order=order, executor=pool), build_tree(run, samples, order=order)
        )


@pytest.mark.one_in(2)
@pytest.mark.parametrize("who", ["processes", "dask"])
def test_other_processes_give_the_tree_of_one(run, samples, expected, executors, who):
    assert_equal(build_tree(run, samples, executor=executors[who]), expected)


@pytest.mark.parametrize("seed", range(3))
def test_the_order_in_which_chunks_are_solved_does_not_matter(run, samples, expected, seed):
    with OutOfOrder(seed) as executor:
        tree = build_tree(run, samples, executor=executor)
    assert executor.order != sorted(executor.order)
    assert_equal(tree, expected)


def test_chunks_that_are_solved_twice_do_not_matter(run, samples, expected):
    with OutOfOrder(attempts=2) as executor:
        tree = build_tree(run, samples, executor=executor)
    assert_equal(tree, expected)


def test_the_tree_is_that_of_a_single_chunk(run, samples, expected, monkeypatch):
    monkeypatch.setattr(_rows, "ROWS", 10**6)
    whole = build_tree(run, samples)
    assert np.array_equal(expected.nodes.parent, whole.nodes.parent)
    assert np.array_equal(expected.leaves.node, whole.leaves.node)
    assert np.abs(expected.nodes.visible - whole.nodes.visible).max() < 2e-6


@pytest.mark.slow
def test_rows_that_reach_no_point_are_the_same_too(tmp_path, monkeypatch):
    # a random bulk this strong defeats every kind of sweep for most samples
    run = store(tmp_path, {9: pattern_machine([6.0, 6.0], noise=6.0, seed=1)})
    samples = pattern_samples(3)
    monkeypatch.setattr(_rows, "ROWS", 2)
    with ThreadPoolExecutor(2) as pool:
        tree = build_tree(run, samples, order=3, executor=pool)
    assert tree.ages.unconverged.tolist() == [3]
    assert_equal(tree, build_tree(run, samples, order=3))


def test_a_worker_that_is_killed_in_mid_run_changes_nothing(run, samples, expected, client, tmp_path):
    def read(block: np.ndarray, block_id: tuple[int, int]) -> np.ndarray:
        with open(tmp_path / f"{block_id[0]}", "a+") as reads:
            reads.write("x")
            reads.flush()
            # the first time it was checked, the second it is to be solved
            if block_id[0] == 9 and reads.tell() == 2:
                os.kill(os.getpid(), signal.SIGKILL)
        return block

    array = dask.array.map_blocks(read, in_blocks_of(CHUNK, samples), dtype=samples.dtype)
    tree = build_tree(run, array, executor=client.get_executor())
    assert len((tmp_path / "9").read_text()) == 4
    assert_equal(tree, expected)


# ---- rounds


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 63, 64, 65])
def test_each_round_has_as_many_chunks_as_all_before_it(count):
    found = list(rounds(count))
    assert list(chain.from_iterable(found)) == list(range(count))
    sizes = [len(numbers) for numbers in found]
    assert all(size == (sum(sizes[:i]) or 1) for i, size in enumerate(sizes[:-1]))


# ---- samples that workers read by themselves


def in_blocks_of(rows: int, values: np.ndarray) -> dask.array.Array:
    return dask.array.from_array(values, chunks=(rows, -1))  # pyright: ignore[reportArgumentType]


def in_dask(values, folder):
    return in_blocks_of(7, values)


def in_dask_of_zarr(values, folder):
    return dask.array.from_zarr(in_zarr(values, folder))


def in_zarr(values, folder):
    return zarr.create_array(folder / "samples.zarr", data=values, chunks=(10, values.shape[1]))


def in_zarr_in_memory(values, folder):
    return zarr.create_array(MemoryStore(), data=values, chunks=(10, values.shape[1]))


def in_hdf5(values, folder):
    return h5py.File(folder / "samples.h5", "w").create_dataset("samples", data=values)


def in_torch(values, folder):
    return torch.from_numpy(values)


FORMS = [in_dask, in_dask_of_zarr, in_zarr, in_zarr_in_memory, in_hdf5, in_torch]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "who",
    ["one process", *(pytest.param(who, marks=pytest.mark.slow) for who in ("processes", "dask"))],
)
def test_samples_of_every_form_give_the_same_tree(run, samples, expected, form, executors, who, tmp_path):
    assert_equal(build_tree(run, form(samples, tmp_path), executor=executors[who]), expected)


@pytest.mark.parametrize("form", FORMS)
def test_no_more_than_its_rows_are_sent_with_a_chunk(form, tmp_path):
    values = np.random.default_rng(0).integers(0, 2, (1000, 500), dtype=np.uint8)
    chunk = Chunk(form(values, tmp_path), resolve_unit("bernoulli"), slice(40, 50), "samples")
    sent = pickle.dumps(chunk.portable())
    # of a dask array the three pieces of seven rows that they lie in
    assert len(sent) < 21 * 500 + 6000
    assert torch.equal(pickle.loads(sent).encoded(), torch.from_numpy(values[40:50]).double())


@pytest.mark.parametrize("form", [in_dask_of_zarr, in_zarr])
def test_arrays_that_workers_can_read_are_not_sent(form, tmp_path):
    values = np.random.default_rng(0).integers(0, 2, (2_000, 500), dtype=np.uint8)
    chunk = Chunk(form(values, tmp_path), resolve_unit("bernoulli"), slice(0, 2_000), "samples")
    assert len(pickle.dumps(chunk.portable())) < values.nbytes / 10


def test_a_dask_array_of_unknown_length_is_refused(run, samples):
    array = in_blocks_of(7, samples)
    with pytest.raises(ValueError, match="compute_chunk_sizes"):
        build_tree(run, array[array[:, 0] > 0])


# ---- interrupted walks


class Interrupted(Exception):
    pass


def stop_after(chunks: int):
    def stop(report: Progress) -> None:
        if report.done >= CHUNK * chunks:
            raise Interrupted

    return stop


@pytest.fixture
def solved(monkeypatch):
    """How many rows each call of the solver was given."""
    rows = []

    class Counted(Solver):
        def solve(self, v, h):
            rows.append(len(v))
            super().solve(v, h)

    monkeypatch.setattr(_reached, "Solver", Counted)
    return rows


@pytest.mark.parametrize("threads_first", [True, False])
@pytest.mark.parametrize("done", [1, 7])
def test_one_may_go_on_where_another_stopped(run, samples, expected, tmp_path, solved, threads_first, done):
    with ThreadPoolExecutor(3) as pool:
        first, second = (pool, None) if threads_first else (None, pool)
        with pytest.raises(Interrupted):
            build_tree(run, samples, work_folder=tmp_path, executor=first, progress=stop_after(done))
        kept = len(list(tmp_path.glob("*.age")))
        solved.clear()
        tree = build_tree(run, samples, work_folder=tmp_path, executor=second)
    # one process reports what it has solved just before it is kept
    assert kept >= done - (not threads_first)
    assert solved.count(CHUNK) == COUNT // CHUNK - kept
    assert_equal(tree, expected)


@pytest.mark.parametrize("lost", [[0], [2], [4, 6]])
def test_chunks_that_were_lost_are_solved_again(run, samples, expected, tmp_path, lost):
    with pytest.raises(Interrupted):
        build_tree(run, samples, work_folder=tmp_path, progress=stop_after(9))
    for number in lost:
        (tmp_path / f"1000.{number}.age").unlink()
    with OutOfOrder() as executor:
        tree = build_tree(run, samples, work_folder=tmp_path, executor=executor)
    assert_equal(tree, expected)


# ---- errors


@pytest.mark.parametrize("who", ["processes", "dask"])
def test_an_error_of_a_worker_is_that_of_one_process(run, samples, executors, who):
    samples = samples.copy()
    samples[40, 5] = 2
    errors = []
    for executor in (None, executors[who]):
        with pytest.raises(ValueError) as refusal:
            build_tree(run, samples, executor=executor)
        errors.append((type(refusal.value), str(refusal.value)))
    assert errors[0] == errors[1]
    assert "row 40, column 5" in errors[0][1]


def test_what_has_not_begun_is_taken_back_after_an_error():
    began = []

    def task(number: int) -> None:
        began.append(number)
        raise Interrupted

    with ThreadPoolExecutor(1) as pool, pytest.raises(Interrupted):
        in_order(pool, task, ((number,) for number in range(60)))
    assert len(began) < 60


def test_tasks_are_not_made_long_before_their_turn():
    ahead = []

    def tasks():
        for number in range(500):
            ahead.append(number)
            yield (number,)

    with ThreadPoolExecutor(1) as pool:
        most = max(len(ahead) - done for done, _ in enumerate(as_finished(pool, abs, tasks())))
    assert most <= 65
    assert in_order(None, abs, tasks()) == list(range(500))


def test_results_are_in_the_order_of_their_tasks():
    with OutOfOrder() as executor:
        found = in_order(executor, abs, ((number,) for number in range(20)))
    assert found == list(range(20))


# ---- what is sent


@pytest.mark.one_in(2)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_machine_can_be_sent(dtype):
    rbm = pattern_machine([2.0, 3.0], visible="potts", hidden="gaussian").to(dtype=dtype)
    other = pickle.loads(pickle.dumps(rbm))
    assert repr(other) == repr(rbm)
    assert all(
        torch.equal(getattr(other, name), getattr(rbm, name))
        for name in ("weights", "visible_bias", "hidden_bias")
    )
