"""Whatever bytes a file of samples is made of: an error of ours, or samples; never another exception."""

import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zarr

from carving.data import read_labels, read_samples
from carving.errors import CarvingError

VALUES = np.random.default_rng(1).integers(0, 2, (40, 9), dtype=np.uint8)
NAMES = np.array([f"name {row}" for row in range(40)])


def damaged(content: bytes, random: np.random.Generator) -> bytes:
    """A few bytes changed, or the end cut off, or a stretch taken out."""
    some = bytearray(content)
    match random.integers(3):
        case 0:
            for _ in range(random.integers(1, 5)):
                some[random.integers(len(some))] = random.integers(256)
        case 1:
            del some[random.integers(len(some)) :]
        case _:
            first = random.integers(len(some))
            del some[first : first + random.integers(1, 30)]
    return bytes(some)


def assert_read_or_refused(read: Callable[..., object], *arguments: object) -> None:
    message = ""
    try:
        read(*arguments)
    except CarvingError as error:
        message = str(error)
    assert "\n" not in message


def write_npz(path: Path) -> None:
    np.savez_compressed(path, samples=VALUES, names=NAMES)


def write_npy(path: Path) -> None:
    np.save(path, VALUES)


def write_text(path: Path) -> None:
    np.savetxt(path, VALUES, fmt="%d", delimiter=",")


def write_fasta(path: Path) -> None:
    records = "".join(f">{row}\n{''.join('AC'[v] for v in values)}\n" for row, values in enumerate(VALUES))
    path.write_bytes(gzip.compress(records.encode()))


FILES = {"a.npz": write_npz, "a.npy": write_npy, "a.csv": write_text, "a.fa.gz": write_fasta}


@pytest.mark.parametrize("name", FILES)
def test_damaged_files_never_raise_anything_else(name, tmp_path):
    random = np.random.default_rng(7)
    path = tmp_path / name
    FILES[name](path)
    content = path.read_bytes()
    for _ in range(400):
        path.write_bytes(damaged(content, random))
        assert_read_or_refused(read_samples, path)


def test_damaged_labels_never_raise_anything_else(tmp_path):
    random = np.random.default_rng(7)
    content = "name,où\n" + "".join(f'{row},"label {row}"\n' for row in range(30))
    for _ in range(400):
        (tmp_path / "labels.csv").write_bytes(damaged(content.encode(), random))
        assert_read_or_refused(read_labels, tmp_path / "labels.csv", [str(row) for row in range(30)])


def test_damaged_zarr_stores_never_raise_anything_else(tmp_path):
    random = np.random.default_rng(7)
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    group.create_array("samples", data=VALUES, chunks=(20, 9))
    group.create_array("names", shape=(40,), dtype="str")[:] = NAMES.astype(object)
    files = [path for path in (tmp_path / "a.zarr").rglob("*") if path.is_file()]
    for _ in range(200):
        path = files[random.integers(len(files))]
        content = path.read_bytes()
        path.write_bytes(damaged(content, random))
        assert_read_or_refused(read_samples, tmp_path / "a.zarr")
        path.write_bytes(content)


# In a process of its own, since the HDF5 library may crash on what it reads. Names have a fixed length:
# on a damaged heap of strings of any length the library itself (2.0 is one) can loop for ever, and
# nothing that runs in the same process can stop it.
_READ_DAMAGED_HDF5 = """
import sys
import h5py, numpy as np
from carving.data import read_samples
from carving.errors import CarvingError
random = np.random.default_rng(int(sys.argv[2]))
path = sys.argv[1]
with h5py.File(path, "w") as file:
    file["samples"] = np.ones((40, 9), np.uint8)
    file["names"] = np.array([f"name {row}" for row in range(40)], dtype="S")
content = open(path, "rb").read()
for _ in range(400):
    some = bytearray(content)
    for place in random.integers(0, len(some), 5):
        some[place] = random.integers(256)
    if random.integers(4) == 0:
        del some[random.integers(len(some)):]
    open(path, "wb").write(some)
    try:
        read_samples(path)
    except CarvingError as error:
        assert "\\n" not in str(error)
"""


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_damaged_hdf5_files_never_raise_anything_else(seed, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", _READ_DAMAGED_HDF5, str(tmp_path / "a.h5"), str(seed)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    # a crash of the library itself is a negative code; an exception of Python's is 1
    assert done.returncode <= 0, done.stderr
