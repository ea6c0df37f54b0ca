"""Uploads: whole or not at all, of bounded size, for a day or as long as a job needs them."""

import asyncio
import io
import os
import time
import zipfile

import numpy as np
import pytest

from carving.errors import InvalidInput, MissingFile
from carving.service import Settings, Workspace
from carving.service._problems import Refusal
from carving.service.jobs import Uploads
from tests.service.job_runs import pretended, started


def npz(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, samples=values)
    return file.getvalue()


async def blocks(content: bytes, size: int = 1000):
    for low in range(0, len(content), size):
        yield content[low : low + size]


def kept(folder, content, suffix, **settings) -> str:
    return asyncio.run(Uploads(Workspace(folder), Settings(**settings)).keep(blocks(content), suffix))


def left(folder) -> list[str]:
    return [path.name for path in (folder / ".carving/uploads").glob("*")]


def test_an_upload_is_what_was_sent(tmp_path):
    content = os.urandom(3 * 2**20 + 17)
    id = kept(tmp_path, content, ".fasta")
    path = Uploads(Workspace(tmp_path), Settings()).path(id)
    assert path.read_bytes() == content
    assert path.name == f"{id}.fasta"
    assert not Workspace(tmp_path).contents().files


@pytest.mark.parametrize(
    ("content", "suffix", "status"),
    [
        (bytes(10_001), ".csv", 413),
        (b"", ".csv", 400),
        (b"PK no archive", ".npz", 400),
        (npz(np.zeros((1000, 1000), np.uint8)), ".npz", 413),
    ],
)
def test_what_cannot_be_taken_leaves_nothing(tmp_path, content, suffix, status):
    with pytest.raises(Refusal) as error:
        kept(tmp_path, content, suffix, upload_bytes=10_000)
    assert error.value.status == status
    assert left(tmp_path) == []


def test_an_archive_that_claims_more_than_it_holds(tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            header, {"descr": "|u1", "fortran_order": False, "shape": (10**6, 10**6)}
        )
        archive.writestr("samples.npy", header.getvalue())
    with pytest.raises(Refusal) as error:
        kept(tmp_path, file.getvalue(), ".npz")
    assert error.value.status == 413


def test_other_kinds_of_files_are_refused(tmp_path):
    for suffix in (".exe", "", "/../../x.csv", ".partial"):
        with pytest.raises(InvalidInput):
            kept(tmp_path, b"0", suffix)


def test_one_that_is_broken_off_leaves_nothing(tmp_path):
    async def broken():
        yield bytes(2**21)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        asyncio.run(Uploads(Workspace(tmp_path), Settings()).keep(broken(), ".csv"))
    assert left(tmp_path) == []


def test_names_that_are_none_are_not_there(tmp_path):
    uploads = Uploads(Workspace(tmp_path), Settings())
    id = kept(tmp_path, b"0,1\n", ".csv")
    (tmp_path / "secret.csv").write_text("secret")
    for name in ("0" * 32, id.upper(), id[:-1], "../../secret", "*", "", f"../uploads/{id}"):
        with pytest.raises(MissingFile):
            uploads.path(name)


def test_they_are_kept_for_a_day_or_while_a_job_needs_them(tmp_path):
    ids = [kept(tmp_path, b"0,1\n", ".csv") for _ in range(3)]
    uploads = Uploads(Workspace(tmp_path), Settings())
    partial = tmp_path / ".carving/uploads" / f"{'a' * 32}.partial"
    partial.write_bytes(b"")
    yesterday = time.time() - 25 * 3600

    async def main():
        with pretended():
            async with started(tmp_path) as jobs:
                await jobs.submit("note", {"output": "a", "samples": {"upload": ids[0]}})
                for path in (*(uploads.path(id) for id in ids[:2]), partial):
                    os.utime(path, (yesterday, yesterday))
                jobs._forget()
                assert sorted(left(tmp_path)) == sorted(f"{id}.csv" for id in (ids[0], ids[2]))
                # one that was almost forgotten is held from submission on
                os.utime(uploads.path(ids[2]), (yesterday, yesterday))
                await jobs.submit("note", {"output": "b", "samples": {"upload": ids[2]}})
                assert time.time() - uploads.path(ids[2]).stat().st_mtime < 60

    asyncio.run(main())
