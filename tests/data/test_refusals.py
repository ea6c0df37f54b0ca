"""Bad samples: one line that names the file, the place and the remedy, whatever is wrong."""

import gzip
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest
import zarr

from carving.data import read_samples
from carving.errors import CarvingError, CorruptStore, InvalidInput, MissingFile

GOOD = np.tile(np.array([[0, 1, 1], [1, 0, 1]], dtype=np.uint8), (4, 1))
NAMES = np.array([f"n{row}" for row in range(8)])


@dataclass
class Case:
    """A bad file: what it is called, who writes it, the kind of error and what the message must say."""

    name: str
    file: str
    write: Callable[[Path], object]
    kind: type[CarvingError]
    words: tuple[str, ...]


def changed(value: float, row: int = 3, column: int = 2) -> np.ndarray:
    values = GOOD.astype(np.float64)
    values[row, column] = value
    return values


def saved(values: object) -> Callable[[Path], object]:
    # numpy appends its own ending to a path, but not to an open file
    content = io.BytesIO()
    np.save(content, np.asarray(values))
    return raw(content.getvalue())


def archived(**arrays: object) -> Callable[[Path], object]:
    content = io.BytesIO()
    np.savez(content, allow_pickle=True, **{key: np.asarray(array) for key, array in arrays.items()})
    return raw(content.getvalue())


def pickled(**arrays: list) -> Callable[[Path], object]:
    return archived(**{key: np.array(array, dtype=object) for key, array in arrays.items()})


def text(content: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(content, encoding="utf-8")


def raw(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def hdf5(**arrays: object) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        with h5py.File(path, "w") as file:
            for key, array in arrays.items():
                file[key] = array

    return write


def zarr_group(**arrays: np.ndarray) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        group = zarr.open_group(path, mode="w")
        for key, array in arrays.items():
            group.create_array(key, data=array)

    return write


def cut(write: Callable[[Path], object], share: float) -> Callable[[Path], object]:
    def write_part(path: Path) -> None:
        write(path)
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])

    return write_part


def damaged_zarr(file: str, content: bytes) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        zarr_group(samples=GOOD)(path)
        (path / file).write_bytes(content)

    return write


def nothing(path: Path) -> None:
    """Write no file at all."""


long_text = "\n".join("0 1 1 0" for _ in range(1000))

CASES = [
    # not there, or not what its name says
    Case("missing", "none.npz", nothing, MissingFile, ("no such file", "check the path")),
    Case("missing text", "none.txt.gz", nothing, MissingFile, ("no such file",)),
    Case("missing zarr", "none.zarr", nothing, MissingFile, ("no such file",)),
    Case("missing hdf5", "none.h5", nothing, MissingFile, ("no such file",)),
    Case("missing of unknown kind", "none", nothing, MissingFile, ("no such file",)),
    Case("name too long", "x" * 300 + ".npy", nothing, MissingFile, ("cannot be looked up",)),
    Case("a folder", "some.npy", Path.mkdir, InvalidInput, ("is a folder",)),
    Case("a folder of unknown kind", "some", Path.mkdir, InvalidInput, ("must end in one of", ".npz")),
    Case("unknown kind", "some.xlsx", text("x"), InvalidInput, ("must end in one of", ".fasta", ".npz")),
    Case("a file as zarr", "some.zarr", saved(GOOD), CorruptStore, ("not a folder",)),
    Case(
        "an empty folder as zarr", "some.zarr", Path.mkdir, CorruptStore, ("cannot be read as a zarr store",)
    ),
    Case("text as npy", "some.npy", text("0 1\n1 0\n"), CorruptStore, ("cannot be read as a .npy file",)),
    Case(
        "text as npz",
        "some.npz",
        text("0 1\n1 0\n"),
        CorruptStore,
        ("is not a .npz file", "name it by its kind"),
    ),
    Case(
        "hdf5 as npz", "some.npz", hdf5(samples=GOOD), CorruptStore, ("an HDF5 file", "name it by its kind")
    ),
    Case("text as hdf5", "some.h5", text("0 1\n1 0\n"), CorruptStore, ("cannot be read as an HDF5 file",)),
    Case("npz as text", "some.txt", archived(samples=GOOD), CorruptStore, ("a zip file",)),
    Case("npy as fasta", "some.fa", saved(GOOD), CorruptStore, ("a .npy file",)),
    Case("plain as gzip", "some.txt.gz", text("0 1\n"), CorruptStore, ("is not gzipped", "without .gz")),
    Case("utf-16", "some.txt", raw("0 1\n".encode("utf-16")), CorruptStore, ("UTF-16", "save it")),
    # empty
    *[
        Case(f"empty {end}", f"some{end}", raw(b""), CorruptStore, ("the file is empty",))
        for end in (".npy", ".npz", ".h5", ".txt", ".csv", ".fasta", ".fasta.gz")
    ],
    Case("empty inside gzip", "some.txt.gz", raw(gzip.compress(b"")), InvalidInput, ("holds no samples",)),
    Case("comments only", "some.txt", text("# a\n\n# b\n"), InvalidInput, ("holds no samples",)),
    Case("no rows npy", "some.npy", saved(GOOD[:0]), InvalidInput, ("holds no samples",)),
    Case("no columns npy", "some.npy", saved(GOOD[:, :0]), InvalidInput, ("no columns",)),
    # cut short or damaged
    Case("cut npy", "some.npy", cut(saved(GOOD), 0.9), CorruptStore, ("cut short",)),
    Case("cut npy header", "some.npy", cut(saved(GOOD), 0.3), CorruptStore, ("cut short",)),
    Case("cut npz", "some.npz", cut(archived(samples=GOOD), 0.8), CorruptStore, ("cut short",)),
    Case("cut hdf5", "some.h5", cut(hdf5(samples=GOOD), 0.7), CorruptStore, ("cut short",)),
    Case(
        "cut gzip",
        "some.txt.gz",
        cut(raw(gzip.compress(long_text.encode())), 0.8),
        CorruptStore,
        ("cut short",),
    ),
    Case("zarr metadata", "some.zarr", damaged_zarr("zarr.json", b"{"), CorruptStore, ("zarr store",)),
    Case("zarr array", "some.zarr", damaged_zarr("samples/zarr.json", b""), CorruptStore, ("zarr store",)),
    Case("zarr chunk", "some.zarr", damaged_zarr("samples/c/0/0", b"\1\2"), CorruptStore, ("zarr store",)),
    # other keys and shapes
    Case("npz key", "some.npz", archived(data=GOOD), InvalidInput, ("no array 'samples' but data",)),
    Case("npz of nothing", "some.npz", archived(), InvalidInput, ("no array 'samples' but nothing",)),
    Case("hdf5 key", "some.h5", hdf5(x=GOOD), InvalidInput, ("no dataset 'samples' but x",)),
    Case("zarr key", "some.zarr", zarr_group(x=GOOD), InvalidInput, ("no array 'samples'",)),
    Case("npy as npz", "some.npz", saved(GOOD), CorruptStore, ("a .npy file", "name it by its kind")),
    Case("one dimension", "some.npy", saved(GOOD[0]), InvalidInput, ("1 dimensions", "a row a sample")),
    Case("four dimensions", "some.npy", saved(np.zeros((1, 1, 1, 1))), InvalidInput, ("4 dimensions",)),
    Case("not one-hot", "some.npy", saved(np.ones((2, 3, 4))), InvalidInput, ("row 0, column 0", "one-hot")),
    # values
    Case("fraction", "some.npy", saved(changed(0.53)), InvalidInput, ("row 3, column 2", "0.53", "binarise")),
    Case(
        "NaN", "some.npz", archived(samples=changed(np.nan)), InvalidInput, ("row 3, column 2", "nan found")
    ),
    Case("infinity", "some.h5", hdf5(samples=changed(-np.inf)), InvalidInput, ("row 3, column 2", "-inf")),
    Case(
        "fraction zarr",
        "some.zarr",
        zarr_group(samples=changed(0.5)),
        InvalidInput,
        ("row 3, column 2", "0.5"),
    ),
    Case("too large", "some.npy", saved(changed(256)), InvalidInput, ("row 3, column 2", "256 found")),
    Case("too small", "some.npy", saved(changed(-129)), InvalidInput, ("row 3, column 2", "-129 found")),
    Case(
        "large unsigned", "some.npy", saved(np.full((1, 1), 2**64 - 1, np.uint64)), InvalidInput, ("row 0",)
    ),
    Case(
        "mixed range",
        "some.npy",
        saved([[0, -1], [200, 0]]),
        InvalidInput,
        ("row 1, column 0: 200", "-1 at row 0"),
    ),
    Case("complex", "some.npy", saved(GOOD * 1j), InvalidInput, ("complex128", "not numbers")),
    Case("letters", "some.npy", saved(GOOD.astype(str)), InvalidInput, ("<U", "not numbers")),
    Case(
        "objects npy",
        "some.npy",
        saved(GOOD.astype(object)),
        InvalidInput,
        ("Python objects", "astype('uint8')"),
    ),
    Case(
        "objects npz", "some.npz", pickled(samples=[[1, None]]), InvalidInput, ("samples are Python objects",)
    ),
    # text
    Case(
        "fraction in text",
        "some.txt",
        text("# x\n0 1\n\n1 0.25\n"),
        InvalidInput,
        ("line 4, field 2", "0.25"),
    ),
    Case("NaN in text", "some.csv", text("0,1\nnan,1\n"), InvalidInput, ("line 2, field 1", "nan found")),
    Case(
        "header",
        "some.csv",
        text("a,b\n0,1\n"),
        InvalidInput,
        ("line 1, field 1", "'a' is not a number", "header"),
    ),
    Case(
        "letter deep in",
        "some.csv",
        text("0,1\n" * 600 + "0,x\n"),
        InvalidInput,
        ("line 601, field 2", "'x'"),
    ),
    Case(
        "empty cell", "some.csv", text("0,1\n,1\n"), InvalidInput, ("line 2, field 1", "'' is not a number")
    ),
    Case("empty cell by tabs", "some.tsv", text("0\t1\n\t1\n"), InvalidInput, ("line 2, field 1", "''")),
    Case("ragged", "some.txt", text("0 1 1\n0 1\n"), InvalidInput, ("line 2", "2 numbers", "line 1 has 3")),
    Case(
        "ragged deep in",
        "some.txt",
        text("0 1\n" * 512 + "0 1 1\n" * 512),
        InvalidInput,
        ("line 513", "3 numbers"),
    ),
    Case("wrong byte", "some.txt", raw(b"0 1\n0 \xe9\n"), InvalidInput, ("line 2", "0xe9", "UTF-8")),
    Case("null character", "some.txt", raw(b"0 1\n0 \0\n"), CorruptStore, ("line 2", "null characters")),
    Case("endless cell", "some.csv", text("0," + "1" * 200_000 + "\n"), InvalidInput, ("line 1", "field 2")),
    # names
    Case(
        "repeated name",
        "some.npz",
        archived(samples=GOOD, names=[*NAMES[:7], "n2"]),
        InvalidInput,
        ("row 7", "'n2' is already at row 2", "must differ"),
    ),
    Case(
        "empty name",
        "some.npz",
        archived(samples=GOOD, names=["", *NAMES[1:]]),
        InvalidInput,
        ("row 0", "is empty"),
    ),
    Case(
        "too few names",
        "some.npz",
        archived(samples=GOOD, names=NAMES[1:]),
        InvalidInput,
        ("8 samples", "(7,)"),
    ),
    Case("a table of names", "some.npz", archived(samples=GOOD, names=[NAMES]), InvalidInput, ("(1, 8)",)),
    Case(
        "numbers for names",
        "some.npz",
        archived(samples=GOOD, names=GOOD[:, 0] / 2),
        InvalidInput,
        ("not text",),
    ),
    Case(
        "objects for names",
        "some.npz",
        archived(samples=GOOD, names=NAMES.astype(object)),
        InvalidInput,
        ("Python objects",),
    ),
    Case(
        "names of bytes",
        "some.h5",
        hdf5(samples=GOOD, names=[b"\xff"] * 8),
        InvalidInput,
        ("row 0", "not UTF-8"),
    ),
    Case(
        "half a surrogate",
        "some.npz",
        archived(samples=GOOD[:1], names=["\ud800"]),
        InvalidInput,
        ("Unicode",),
    ),
    Case(
        "repeated name hdf5", "some.h5", hdf5(samples=GOOD, names=["a"] * 8), InvalidInput, ("row 1", "'a'")
    ),
    Case(
        "too many names zarr",
        "some.zarr",
        zarr_group(samples=GOOD[:4], names=GOOD[:, 0]),
        InvalidInput,
        ("(8,)",),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_bad_samples_are_refused_with_place_and_remedy(case, tmp_path):
    path = tmp_path / case.file
    case.write(path)
    with pytest.raises(case.kind) as raised:
        read_samples(path)
    message = str(raised.value)
    assert str(path) in message
    assert [word for word in case.words if word not in message] == []
    assert ";" in message, "no remedy"
    assert "\n" not in message


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read every file")
def test_a_file_that_may_not_be_read_is_refused(tmp_path):
    np.save(tmp_path / "some.npy", GOOD)
    (tmp_path / "some.npy").chmod(0)
    with pytest.raises(InvalidInput, match="may not be read"):
        read_samples(tmp_path / "some.npy")


@pytest.mark.parametrize("end", [".npy", ".zarr", ".h5", ".txt", ".fa"])
def test_rows_beyond_the_last_are_refused_with_their_number(end, tmp_path):
    path = tmp_path / f"some{end}"
    write = {
        ".npy": saved(GOOD),
        ".zarr": zarr_group(samples=GOOD),
        ".h5": hdf5(samples=GOOD),
        ".txt": text("0 1\n" * 8),
        ".fa": text("".join(f">n{row}\nAC\n" for row in range(8))),
    }
    write[end](path)
    with pytest.raises(InvalidInput, match="rows 8:20: the file has 8 rows"):
        read_samples(path, rows=slice(8, 20))


@pytest.mark.parametrize(
    "rows", [slice(-3, None), slice(0, -1), slice(5, 5), slice(None, None, -1), slice(0, 5, 0)]
)
def test_rows_are_not_counted_from_the_end(rows, tmp_path):
    np.save(tmp_path / "some.npy", GOOD)
    with pytest.raises(InvalidInput, match="write for example 0:500"):
        read_samples(tmp_path / "some.npy", rows=rows)


def test_other_treatments_of_unknown_letters_are_refused(tmp_path):
    with pytest.raises(InvalidInput, match="use 'error' or 'gap'"):
        read_samples(tmp_path / "some.fa", unknown_letters="skip")


def test_the_first_bad_row_of_a_slice_is_named_by_its_number_in_the_file(tmp_path):
    np.save(tmp_path / "some.npy", changed(0.5, row=6, column=1))
    with pytest.raises(InvalidInput, match="row 6, column 1"):
        read_samples(tmp_path / "some.npy", rows=slice(2, 8, 2))
