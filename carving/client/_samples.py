"""Samples as they are sent: whatever the library takes, in pieces that a service takes."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from carving._progress import Progress, ProgressCallback
from carving.client._http import Refused, own_errors
from carving.data import Labels, Samples, samples_from_rows
from carving.data._names import checked_names, numbered_names
from carving.data._values import read_array
from carving.errors import InvalidInput
from carving.export import write_table

KIND = "application/x-npz"
LABELS_KIND = "text/csv"

# at first; a service that takes less says so
_BYTES_AT_ONCE = 2**22
_SMALLER = (413, 504)

Part = TypeVar("Part")


class Rows:
    """The rows of samples, read and checked as they are sent.

    Parameters
    ----------
    samples
        :class:`carving.Samples`; an array of numpy, torch, zarr or dask, (n, N_v) or one-hot (n, N_v, q); or
        lists, of numbers or of text.
    alphabet
        Says which letters the states of the machine are, where text is given.
    """

    def __init__(self, samples: Any, alphabet: Callable[[], str | None]) -> None:
        self._source = "samples"
        if isinstance(samples, Samples):
            samples, self._source = samples.values, samples.source
        elif isinstance(samples, list | tuple):
            rows = [list(row) if isinstance(row, tuple | np.ndarray) else row for row in samples]
            is_text = bool(rows) and isinstance(rows[0], str)
            samples = samples_from_rows(rows, alphabet=alphabet() if is_text else None).values
        elif hasattr(samples, "detach"):
            samples = samples.detach().cpu().numpy()
        # what is like no array is refused by who reads it
        self._array = samples if hasattr(samples, "shape") else np.asarray(samples)

    def __len__(self) -> int:
        return int(self._array.shape[0]) if self._array.ndim else 0

    def body(self, rows: slice | None = None, names: np.ndarray | None = None) -> bytes:
        """The rows, or some of them, as an .npz file, with their names where they are given.

        Raises
        ------
        InvalidInput
            If they are no samples.
        """
        values, _, _ = read_array(self._array, rows, self._source)
        file = io.BytesIO()
        if names is None:
            np.savez_compressed(file, samples=values)
        else:
            # text of fixed width: what numpy reads without pickle
            np.savez_compressed(file, samples=values, names=names.astype(str))
        return file.getvalue()

    def in_parts(
        self,
        ask: Callable[[bytes], Part],
        *,
        most: int,
        stage: str,
        progress: ProgressCallback | None,
    ) -> list[Part]:
        """What is answered to the rows, asked in parts of at most so many rows, or fewer where need be.

        A part that is too large for the service, or takes it too long, is halved.
        """
        sites = max(1, int(np.prod(self._array.shape[1:2])))
        size = max(1, min(most, _BYTES_AT_ONCE // sites))
        total, done = len(self), 0
        parts: list[Part] = []
        with own_errors():
            # without rows the reader is asked all the same, and says what is wrong
            while done < max(total, 1):
                rows = slice(done, min(done + size, max(total, 1)))
                try:
                    parts.append(ask(self.body(rows)))
                except Refused as refused:
                    if refused.status not in _SMALLER or rows.stop - rows.start == 1:
                        raise
                    size = max(1, (rows.stop - rows.start) // 2)
                    continue
                done = rows.stop
                if progress is not None:
                    progress(Progress(stage, done, total))
        return parts


def names_of(samples: Any, names: Sequence[str] | np.ndarray | None, count: int) -> np.ndarray:
    """The names that are given, or those of the samples, or the numbers of their rows."""
    if names is not None:
        return checked_names(list(names), count, "names")
    return samples.names if isinstance(samples, Samples) else numbered_names(range(count))


def labels_body(labels: Labels | Mapping[str, Sequence[str] | np.ndarray], names: np.ndarray) -> bytes:
    """Label columns, aligned with the names, as a CSV file.

    Raises
    ------
    InvalidInput
        If a column is not one label a sample, or has a name that the file needs.
    """
    columns = {
        name: list(of) for name, of in (labels.columns if isinstance(labels, Labels) else labels).items()
    }
    for name, column in columns.items():
        if name == "name":
            raise InvalidInput("labels: a column is called 'name', as that of the names is; rename it")
        if len(column) != len(names):
            raise InvalidInput(
                f"labels: column {name!r} has {len(column)} labels for {len(names)} samples; give one each"
            )
    file = io.StringIO()
    write_table({"name": names.tolist(), **columns}, file)
    return file.getvalue().encode()
