"""Every kind of file gives back the samples and names that other programs wrote into it."""

import gzip
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from carving.data import Samples, parse_rows, read_samples
from carving.errors import InvalidInput

# every value differs from its neighbours in both directions, so that no mix-up of rows goes unseen
VALUES = (np.arange(7 * 5).reshape(7, 5) * 11 % 7).astype(np.uint8)
NAMES = ["plain", "two words", "it's", 'quo"te', "Ünïcödé 日本", "a,b;c:(d)", " _ "]


def write_npy(folder: Path, values: np.ndarray) -> Path:
    np.save(folder / "samples.npy", values)
    return folder / "samples.npy"


def write_npy_by_columns(folder: Path, values: np.ndarray) -> Path:
    return write_npy(folder, np.asfortranarray(values))


def write_npz(folder: Path, values: np.ndarray) -> Path:
    np.savez(folder / "samples.npz", samples=values)
    return folder / "samples.npz"


def write_npz_compressed(folder: Path, values: np.ndarray) -> Path:
    np.savez_compressed(folder / "samples.npz", samples=values)
    return folder / "samples.npz"


def write_zarr(folder: Path, values: np.ndarray) -> Path:
    group = zarr.open_group(folder / "samples.zarr", mode="w")
    group.create_array("samples", data=values, chunks=(2, 3))
    return folder / "samples.zarr"


def write_zarr_array(folder: Path, values: np.ndarray) -> Path:
    zarr.create_array(folder / "samples.zarr", data=values, chunks=(3, 5))
    return folder / "samples.zarr"


def write_zarr_2(folder: Path, values: np.ndarray) -> Path:
    group = zarr.open_group(folder / "samples.zarr", mode="w", zarr_format=2)
    group.create_array("samples", data=values, chunks=(3, 5))
    return folder / "samples.zarr"


def write_hdf5(folder: Path, values: np.ndarray) -> Path:
    with h5py.File(folder / "samples.h5", "w") as file:
        file.create_dataset("samples", data=values, chunks=(1, 2), compression="gzip")
    return folder / "samples.h5"


def write_blanks(folder: Path, values: np.ndarray) -> Path:
    np.savetxt(folder / "samples.txt", values, fmt="%d", header="made by numpy")
    return folder / "samples.txt"


def write_page_breaks(folder: Path, values: np.ndarray) -> Path:
    lines = [" ".join(map(str, row)) + "\n" for row in values.tolist()]
    (folder / "samples.txt").write_text("\f\n" + "\f\n \v \n".join(lines) + "\f")
    return folder / "samples.txt"


def write_floating_text(folder: Path, values: np.ndarray) -> Path:
    np.savetxt(folder / "samples.dat", values)
    return folder / "samples.dat"


def write_commas(folder: Path, values: np.ndarray) -> Path:
    np.savetxt(folder / "samples.csv", values, fmt="%d", delimiter=",")
    return folder / "samples.csv"


def write_quoted_commas(folder: Path, values: np.ndarray) -> Path:
    np.savetxt(folder / "samples.csv", values, fmt='"%d"', delimiter=",")
    return folder / "samples.csv"


def write_semicolons(folder: Path, values: np.ndarray) -> Path:
    np.savetxt(folder / "samples.csv", values, fmt="%d", delimiter=";", newline="\r\n")
    return folder / "samples.csv"


def write_tabs_packed(folder: Path, values: np.ndarray) -> Path:
    with gzip.open(folder / "samples.tsv.gz", "wt") as file:
        np.savetxt(file, values, fmt="%d", delimiter="\t")
    return folder / "samples.tsv.gz"


KINDS = [
    write_npy,
    write_npy_by_columns,
    write_npz,
    write_npz_compressed,
    write_zarr,
    write_zarr_array,
    write_zarr_2,
    write_hdf5,
    write_blanks,
    write_page_breaks,
    write_floating_text,
    write_commas,
    write_quoted_commas,
    write_semicolons,
    write_tabs_packed,
]
every_kind = pytest.mark.parametrize("write", KINDS, ids=lambda write: write.__name__.removeprefix("write_"))


@every_kind
def test_values_come_back_from_every_kind_of_file(write, tmp_path):
    samples = read_samples(write(tmp_path, VALUES))
    assert samples.values.dtype == np.uint8
    np.testing.assert_array_equal(samples.values, VALUES)


@every_kind
def test_spins_come_back_signed(write, tmp_path):
    spins = np.where(VALUES % 2, 1, -1).astype(np.int8)
    samples = read_samples(write(tmp_path, spins))
    assert samples.values.dtype == np.int8
    np.testing.assert_array_equal(samples.values, spins)


@every_kind
@pytest.mark.parametrize("rows", ["0:1", "2:5", "4:", ":3", "3:100"])
def test_a_slice_of_rows_is_what_numpy_takes(write, rows, tmp_path):
    samples = read_samples(write(tmp_path, VALUES), rows=parse_rows(rows))
    np.testing.assert_array_equal(samples.values, VALUES[parse_rows(rows)])


@every_kind
def test_rows_without_names_are_called_by_their_number_in_the_file(write, tmp_path):
    samples = read_samples(write(tmp_path, VALUES), rows=slice(2, 5))
    assert samples.names.tolist() == ["2", "3", "4"]


@every_kind
def test_a_step_between_rows_is_kept(write, tmp_path):
    samples = read_samples(write(tmp_path, VALUES), rows=slice(1, 7, 2))
    np.testing.assert_array_equal(samples.values, VALUES[1:7:2])
    assert samples.names.tolist() == ["1", "3", "5"]


@every_kind
def test_one_sample_is_enough(write, tmp_path):
    assert len(read_samples(write(tmp_path, VALUES[:1]))) == 1


@pytest.mark.parametrize("dtype", ["bool", "int64", "uint16", "float16", "float32", "float64", ">i4"])
def test_whole_numbers_of_any_type_are_accepted(dtype, tmp_path):
    values = VALUES % 2
    np.testing.assert_array_equal(read_samples(write_npy(tmp_path, values.astype(dtype))).values, values)


def names_in_npz(folder: Path) -> Path:
    np.savez(folder / "named.npz", samples=VALUES, names=np.array(NAMES))
    return folder / "named.npz"


def names_as_bytes_in_npz(folder: Path) -> Path:
    np.savez(folder / "named.npz", samples=VALUES, names=np.array([name.encode() for name in NAMES]))
    return folder / "named.npz"


def names_in_zarr(folder: Path) -> Path:
    group = zarr.open_group(folder / "named.zarr", mode="w")
    group.create_array("samples", data=VALUES)
    group.create_array("names", shape=(len(NAMES),), dtype="str")[:] = np.array(NAMES, dtype=object)
    return folder / "named.zarr"


@pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")
def names_of_fixed_length_in_zarr(folder: Path) -> Path:
    group = zarr.open_group(folder / "named.zarr", mode="w", zarr_format=2)
    group.create_array("samples", data=VALUES)
    group.create_array("names", data=np.array(NAMES))
    return folder / "named.zarr"


def names_in_a_store_not_called_zarr(folder: Path) -> Path:
    return names_in_zarr(folder).rename(folder / "checkpoints")


def names_in_hdf5(folder: Path) -> Path:
    with h5py.File(folder / "named.h5", "w") as file:
        file["samples"] = VALUES
        file["names"] = NAMES
    return folder / "named.h5"


NAMED = [
    names_in_npz,
    names_as_bytes_in_npz,
    names_in_zarr,
    names_of_fixed_length_in_zarr,
    names_in_a_store_not_called_zarr,
    names_in_hdf5,
]


@pytest.mark.parametrize("write", NAMED, ids=lambda write: write.__name__)
def test_names_come_back_unaltered(write, tmp_path):
    assert read_samples(write(tmp_path)).names.tolist() == NAMES


@pytest.mark.parametrize("write", NAMED, ids=lambda write: write.__name__)
def test_names_follow_their_rows(write, tmp_path):
    assert read_samples(write(tmp_path), rows=slice(1, 6, 2)).names.tolist() == NAMES[1:6:2]


def test_whole_numbers_serve_as_names(tmp_path):
    np.savez(tmp_path / "named.npz", samples=VALUES, names=np.arange(10, 17))
    assert read_samples(tmp_path / "named.npz").names.tolist() == [str(n) for n in range(10, 17)]


def test_one_hot_samples_become_codes(tmp_path):
    np.save(tmp_path / "one_hot.npy", np.eye(7)[VALUES])
    np.testing.assert_array_equal(read_samples(tmp_path / "one_hot.npy").values, VALUES)


def test_chunks_outside_the_rows_asked_for_are_not_read(tmp_path):
    path = write_zarr(tmp_path, VALUES)
    (path / "samples" / "c" / "3" / "0").write_bytes(b"damaged")
    np.testing.assert_array_equal(read_samples(path, rows=slice(0, 6)).values, VALUES[:6])


def test_blocks_of_rows_join_without_gap_or_overlap(tmp_path, monkeypatch):
    monkeypatch.setattr("carving.data._values.BLOCK_BYTES", 4096)
    values = np.random.default_rng(0).integers(0, 256, (1000, 37), dtype=np.uint8)
    paths = [write_npy(tmp_path, values), tmp_path / "chunked.zarr", tmp_path / "chunked.h5"]
    zarr.create_array(paths[1], data=values, chunks=(17, 37))
    with h5py.File(paths[2], "w") as file:
        file.create_dataset("samples", data=values, chunks=(300, 20))
    for path in paths:
        for rows in (slice(None), slice(3, 997), slice(5, 990, 7), slice(0, 1000, 333)):
            np.testing.assert_array_equal(read_samples(path, rows=rows).values, values[rows])


def test_text_longer_than_a_block_comes_back(tmp_path):
    values = np.random.default_rng(0).integers(0, 2, (1300, 3), dtype=np.uint8)
    np.testing.assert_array_equal(read_samples(write_commas(tmp_path, values)).values, values)


def test_the_end_of_the_name_may_be_in_capitals(tmp_path):
    path = write_npy(tmp_path, VALUES).rename(tmp_path / "SAMPLES.NPY")
    np.testing.assert_array_equal(read_samples(path).values, VALUES)


def test_samples_say_what_they_are():
    samples = Samples(VALUES, np.array(NAMES, dtype=object), source="somewhere.npz")
    assert repr(samples) == "Samples(7 × 5 uint8, names 'plain' … ' _ ', from somewhere.npz)"


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_rows_are_read_as_python_counts_them(start, count):
    assert parse_rows(f"{start}:{start + count}") == slice(start, start + count)


@pytest.mark.parametrize(
    "text", ["", "5", "a:b", "-3:5", "3:-1", "1:2:3", "5:5", "7:3", ":0", "1.5:2", "٣:٤"]
)
def test_other_texts_are_no_rows(text):
    with pytest.raises(InvalidInput, match=r"rows .* write for example 0:500"):
        parse_rows(text)


def test_reading_numpy_files_imports_no_heavy_library(tmp_path):
    path = write_npz(tmp_path, VALUES)
    code = (
        f"import sys, carving.data as data; data.read_samples({str(path)!r}); "
        "print([name for name in ('torch', 'zarr', 'h5py') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
