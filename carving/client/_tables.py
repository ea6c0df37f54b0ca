"""Tables as a service gives them: .npz, which holds the very bits."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from carving.client._http import own_errors
from carving.errors import ServiceFailure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from carving.client._http import Session

KIND = "application/x-npz"

Columns = dict[str, np.ndarray]

_ROWS_A_PAGE = 100_000
# tables with points, whose rows may be wide
_POINTS_A_PAGE = 2_000


def read_columns(content: bytes, source: str) -> Columns:
    """The columns of an .npz answer; text as Python strings.

    Raises
    ------
    ServiceFailure
        If it is none.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            columns = dict(file)
    except (ValueError, OSError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ServiceFailure(f"{source}: the answer is damaged ({type(error).__name__}); ask again") from None
    return {
        name: values.astype(object) if values.dtype.kind == "U" else values
        for name, values in columns.items()
    }


def table(
    session: Session, path: str, wanted: Sequence[str] = (), *, parameters: Mapping[str, Any] | None = None
) -> Columns:
    """All rows of a table, a page at a time.

    Parameters
    ----------
    session
        Who is asked.
    path
        Where the table is.
    wanted
        Columns that must be there.
    parameters
        What else is asked.
    """
    given = dict(parameters or {})
    limit = _POINTS_A_PAGE if given.get("points") else _ROWS_A_PAGE
    pages: list[Columns] = []
    while not pages or len(_first(pages[-1])) == limit:
        given |= {"offset": limit * len(pages), "limit": limit}
        with own_errors():
            content = session.content("GET", path, accept=KIND, parameters=given)
        pages.append(read_columns(content, session.url))
    return joined(pages, wanted, session.url)


def joined(parts: Sequence[Columns], wanted: Sequence[str], source: str) -> Columns:
    """Parts of a table as one, after checking that it has these columns."""
    for name in wanted:
        if any(name not in part for part in parts):
            raise ServiceFailure(
                f"{source}: the answer lacks {name!r}, so the service is of another version; install "
                "the same here"
            )
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _first(columns: Columns) -> np.ndarray:
    return next(iter(columns.values()), np.empty(0))
