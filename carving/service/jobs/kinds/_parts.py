"""Tables of very many rows: computed in parts that are kept, so that the work can be gone on from."""

from __future__ import annotations

import csv
import hashlib
import io
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from carving._files import whole_file
from carving._progress import Progress, ProgressCallback
from carving.export import cells

ROWS = 16_384

Columns = dict[str, np.ndarray]
Column = Callable[[], Iterator[np.ndarray]]
"""The values of a column, part by part, as often as they are asked for."""


class Parts:
    """Columns of numbers, a file for each part of the rows.

    Parameters
    ----------
    folder
        Where they are kept.
    count
        How many rows there are.
    inputs
        What the numbers depend on; parts of other inputs are taken away.
    rows
        Rows of a part.
    """

    def __init__(self, folder: Path, count: int, inputs: str, *, rows: int = ROWS) -> None:
        self._folder = folder / hashlib.sha256(f"{inputs} {count} {rows}".encode()).hexdigest()[:32]
        self._bounds = [slice(low, min(low + rows, count)) for low in range(0, count, rows)]
        self._count = count
        for other in folder.iterdir() if folder.is_dir() else ():
            if other != self._folder:
                shutil.rmtree(other)
        self._folder.mkdir(parents=True, exist_ok=True)

    def compute(self, stage: str, solve: Callable[[slice], Columns], progress: ProgressCallback) -> None:
        """Compute all parts that are not there yet."""
        for number, rows in enumerate(self._bounds):
            if not self._path(number).exists():
                columns = solve(rows)
                with whole_file(self._path(number)) as file:
                    np.savez(file, allow_pickle=False, **columns)
            progress(Progress(stage, rows.stop, self._count))

    def names(self) -> list[str]:
        """Names of the columns that were computed."""
        with np.load(self._path(0), allow_pickle=False) as file:
            return file.files

    def column(self, name: str) -> Column:
        """A column that was computed."""

        def parts() -> Iterator[np.ndarray]:
            for number in range(len(self._bounds)):
                with np.load(self._path(number), allow_pickle=False) as file:
                    yield file[name]

        return parts

    def split(self, values: np.ndarray) -> Column:
        """A column that is in memory."""
        return lambda: (values[rows] for rows in self._bounds)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.npz"


def fingerprint(values: np.ndarray) -> str:
    """A digest of samples."""
    return hashlib.sha256(np.ascontiguousarray(values).data).hexdigest()


def text(values: np.ndarray) -> np.ndarray:
    """Text of fixed width: what numpy reads back without pickle."""
    return values.astype(str)


def write(table: dict[str, Column], count: int, path: Path) -> None:
    """Write columns as .npz or CSV, as the name of the file says."""
    (_write_csv if path.suffix == ".csv" else _write_npz)(table, count, path)


def _write_npz(table: dict[str, Column], count: int, path: Path) -> None:
    with whole_file(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, column in table.items():
            parts = column()
            first = next(parts)
            header = {
                "descr": np.lib.format.dtype_to_descr(first.dtype),
                "fortran_order": False,
                "shape": (count, *first.shape[1:]),
            }
            with archive.open(f"{name}.npy", "w", force_zip64=True) as inside:
                np.lib.format.write_array_header_2_0(inside, header)
                while first is not None:
                    inside.write(np.ascontiguousarray(first).tobytes())
                    first = next(parts, None)


def _write_csv(table: dict[str, Column], _count: int, path: Path) -> None:
    columns = {name: column() for name, column in table.items()}
    with whole_file(path) as file:
        lines = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        writer = csv.writer(lines, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        titled = False
        for parts in zip(*columns.values(), strict=True):
            flat = dict(_flat(dict(zip(columns, parts, strict=True))))
            if not titled:
                writer.writerow(flat)
                titled = True
            writer.writerows(zip(*map(cells, flat.values()), strict=True))
        lines.detach()


def _flat(columns: Columns) -> Iterator[tuple[str, np.ndarray]]:
    """A column of numbers each, as the tables of the service name them."""
    for name, values in columns.items():
        if values.ndim == 1:
            yield name, values
            continue
        for number, column in enumerate(values.reshape(len(values), -1).T):
            yield f"{name}.{number}", column
