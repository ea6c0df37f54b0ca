"""Tables as answers: JSON, CSV, Arrow or .npz, as ``Accept`` asks for, a page at a time."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from fastapi.responses import Response

from carving.export import cells, write_table
from carving.service._problems import Refusal

JSON = "application/json"
CSV = "text/csv"
ARROW = "application/vnd.apache.arrow.stream"
NPZ = "application/x-npz"

Columns = Mapping[str, np.ndarray]
"""Columns of equal length; a row may hold several numbers."""


@dataclass(frozen=True)
class Page:
    """Which rows of a table are asked for."""

    offset: int = 0
    limit: int = 1000

    @property
    def rows(self) -> slice:
        """The rows as a slice."""
        return slice(self.offset, self.offset + self.limit)


def _json(columns: Columns, total: int, page: Page) -> bytes:
    document = {
        "total": total,
        "offset": page.offset,
        "limit": page.limit,
        "columns": {name: _plain(values) for name, values in columns.items()},
    }
    # numbers that JSON lacks, NaN and the infinite ones, become null
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)


def _plain(values: np.ndarray) -> Any:
    if values.dtype.kind == "O":
        return values.tolist()
    return np.ascontiguousarray(values)


def _csv(columns: Columns, _total: int, _page: Page) -> bytes:
    flat: dict[str, Sequence[Any]] = {}
    for name, values in columns.items():
        if values.ndim == 1:
            flat[name] = cells(values)
            continue
        for number, column in enumerate(values.reshape(len(values), -1).T):
            flat[f"{name}.{number}"] = cells(column)
    text = io.StringIO()
    write_table(flat, text)
    return text.getvalue().encode()


def _arrow(columns: Columns, _total: int, _page: Page) -> bytes:
    import pyarrow as arrow

    arrays = {}
    for name, values in columns.items():
        if values.ndim == 1:
            arrays[name] = arrow.array(values.tolist() if values.dtype.kind == "O" else values)
        else:
            wide = values.reshape(len(values), -1)
            flat = arrow.array(np.ascontiguousarray(wide).reshape(-1))
            arrays[name] = arrow.FixedSizeListArray.from_arrays(flat, wide.shape[1])
    table = arrow.table(arrays)
    sink = arrow.BufferOutputStream()
    with arrow.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue().to_pybytes()


def _npz(columns: Columns, _total: int, _page: Page) -> bytes:
    file = io.BytesIO()
    # not by numpy.savez, to which a column called "file" would be its own argument
    with zipfile.ZipFile(file, "w") as archive:
        for name, values in columns.items():
            # text of fixed width: what numpy reads back without pickle
            plain = values.astype(str) if values.dtype.kind == "O" else values
            with archive.open(f"{name}.npy", "w", force_zip64=True) as inside:
                np.lib.format.write_array(inside, plain, allow_pickle=False)
    return file.getvalue()


_WRITERS: dict[str, Callable[[Columns, int, Page], bytes]] = {
    JSON: _json,
    CSV: _csv,
    ARROW: _arrow,
    NPZ: _npz,
}


def chosen(accept: str | None, offered: tuple[str, ...] = tuple(_WRITERS)) -> str:
    """The media type that a client likes best among those offered (RFC 9110, section 12.5.1).

    Raises
    ------
    Refusal
        406 if it accepts none.
    """
    if accept is None or not accept.strip():
        return offered[0]
    wishes = [_wish(part) for part in accept.split(",")]

    def liking(kind: str) -> float:
        fits = [(len(pattern), quality) for pattern, quality in wishes if _matches(pattern, kind)]
        return max(fits)[1] if fits else 0.0

    best = max(offered, key=liking)
    if liking(best) <= 0:
        raise Refusal(406, f"accept {accept[:100]!r}: this is given as {', '.join(offered)}")
    return best


def _wish(text: str) -> tuple[str, float]:
    pattern, *parameters = (part.strip().lower() for part in text.split(";"))
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                quality = float(value)
            except ValueError:
                quality = 0.0
    return pattern, quality


def _matches(pattern: str, kind: str) -> bool:
    return pattern in ("*/*", kind) or (pattern.endswith("/*") and kind.startswith(pattern[:-1]))


def table(
    columns: Columns, accept: str | None, page: Page | None = None, *, total: int | None = None
) -> Response:
    """Columns as an answer: the rows of a page, or all of them.

    Parameters
    ----------
    columns
        All rows of the table; or those of the page alone, where ``total`` says how many there are.
    accept
        The header of the request.
    page
        Which rows; all by default.
    total
        Rows of the whole table.
    """
    kind = chosen(accept)
    rows = len(next(iter(columns.values()))) if columns else 0
    if page is None:
        page = Page(0, rows)
    elif total is None:
        columns = {name: values[page.rows] for name, values in columns.items()}
    total = rows if total is None else total
    content = _WRITERS[kind](columns, total, page)
    headers = {"X-Total-Count": str(total), "Vary": "Accept"}
    return Response(content, media_type=kind, headers=headers)


def openapi_table(description: str) -> dict[int | str, dict[str, Any]]:
    """The answer, as an OpenAPI document describes it."""
    schema = {
        "type": "object",
        "required": ["total", "offset", "limit", "columns"],
        "properties": {
            "total": {"type": "integer", "description": "Rows of the whole table."},
            "offset": {"type": "integer", "description": "Number of the first row that is given."},
            "limit": {"type": "integer", "description": "Most rows that are given."},
            "columns": {
                "type": "object",
                "description": "The values of each column, in the order of the rows; null where unknown.",
                "additionalProperties": {"type": "array", "items": {}},
            },
        },
    }
    binary = {"type": "string", "format": "binary"}
    content = {
        JSON: {"schema": schema},
        CSV: {"schema": {"type": "string"}},
        ARROW: {"schema": binary},
        NPZ: {"schema": binary},
    }
    return {200: {"description": description, "content": content}}
