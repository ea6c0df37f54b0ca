"""``--dask``: the same files, and errors of one line."""

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import zarr

import carving
from carving import _dask
from carving._dask import dask_executor
from carving.errors import CarvingError, InvalidInput, MissingDependency
from tests.cli.workspace import run, succeed


@pytest.fixture
def in_threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Threads in the place of Dask's workers, and what they were asked for as."""
    asked = []

    @contextmanager
    def executor(where: str):
        asked.append(where)
        with ThreadPoolExecutor(2) as pool:
            yield pool

    monkeypatch.setattr(carving, "dask_executor", executor, raising=False)
    return asked


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.*") if path.suffix in (".nwk", ".csv")}


@pytest.mark.parametrize("where", ["local:2", "tcp://elsewhere:8786"])
def test_build_tree_writes_the_same_files(here: Path, in_threads: list[str], where: str):
    succeed("build-tree", "ck", "-o", "one")
    succeed("build-tree", "ck", "-o", "many", "--dask", where)
    assert files_of(here / "one") == files_of(here / "many")
    assert in_threads == [where]


def test_place_writes_the_same_file(here: Path, in_threads: list[str]):
    succeed("build-tree", "ck", "-o", "out")
    samples = carving.open_checkpoints("ck").samples
    assert samples is not None
    zarr.create_array("new.zarr", data=samples)
    succeed("place", "out", "ck", "--samples", "new.zarr", "-o", "one.csv")
    succeed("place", "out", "ck", "--samples", "new.zarr", "-o", "many.csv", "--dask", "local")
    assert (here / "one.csv").read_bytes() == (here / "many.csv").read_bytes()
    assert in_threads == ["local"]


def test_samples_of_a_zarr_store_are_refused_by_their_place(here: Path, in_threads: list[str]):
    samples = carving.open_checkpoints("ck").samples
    assert samples is not None
    values = samples.copy()
    values[3, 2] = 7
    zarr.create_array("wrong.zarr", data=values)
    result = run("build-tree", "ck", "--samples", "wrong.zarr", "-o", "out", "--dask", "local")
    assert result.exit_code == 1
    assert "row 3, column 2" in result.stderr
    zarr.create_array("narrow.zarr", data=np.ascontiguousarray(samples[:, :-1]))
    result = run("build-tree", "ck", "--samples", "narrow.zarr", "-o", "out", "--dask", "local")
    assert (result.exit_code, "columns" in result.stderr) == (1, True)


@pytest.mark.parametrize("where", ["everywhere", "local:0", "local:", "tcp://host", "host:8786", ""])
def test_other_places_are_refused(here: Path, where: str):
    result = run("build-tree", "ck", "-o", "out", "--dask", where)
    assert (result.exit_code, "tcp://host:8786" in result.stderr) == (2, True)


def test_without_dask_the_message_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingDependency, match=r"carving\[dask\]"), dask_executor("local"):
        pass


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_dask, "_SECONDS_TO_CONNECT", "200ms")
    with (
        pytest.raises(InvalidInput, match="tcp://127.0.0.1:9: no scheduler"),
        dask_executor("tcp://127.0.0.1:9"),
    ):
        pass


@pytest.mark.slow
def test_dask_s_own_workers_write_the_same_files(here: Path):
    succeed("build-tree", "ck", "-o", "one")
    succeed("build-tree", "ck", "-o", "many", "--dask", "local:2")
    assert files_of(here / "one") == files_of(here / "many")


@pytest.mark.slow
@pytest.mark.parametrize("ends_badly", [False, True])
def test_a_task_that_kills_its_workers_is_an_error_of_one_line(monkeypatch, ends_badly: bool):
    import os

    from distributed import LocalCluster

    end = LocalCluster.close

    def close(cluster: LocalCluster) -> None:
        end(cluster)
        # as Dask does now and then, where a worker is just being started anew
        assert not ends_badly

    monkeypatch.setattr(LocalCluster, "close", close)
    with pytest.raises(CarvingError, match="has killed 4 workers"), dask_executor("local:1") as executor:
        executor.submit(os._exit, 1).result()
