"""Samples in the body of a request: JSON, CSV, FASTA or .npz, bounded in size before and after unpacking."""

from __future__ import annotations

import asyncio
import tempfile
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import orjson

from carving.data import PROTEIN_ALPHABET, Samples, read_samples, samples_from_rows
from carving.errors import CarvingError, InvalidInput
from carving.service._problems import Refusal

if TYPE_CHECKING:
    from starlette.requests import Request

    from carving.service._settings import Settings

_IN_MEMORY = 2**20
_MOST_ENTRIES = 16
_SOURCE = "body"


@dataclass(frozen=True)
class Body:
    """A kind of body.

    Attributes
    ----------
    read
        Makes samples of an open file, given the alphabet of the machine.
    suffix
        How a file of this kind ends.
    packed
        Whether it may unpack to more than it is.
    schema, example
        For the OpenAPI document.
    """

    read: Callable[[IO[bytes], str | None, int], Samples]
    suffix: str
    packed: bool
    schema: dict[str, Any]
    example: Any


def _from_json(file: IO[bytes], alphabet: str | None, _limit: int) -> Samples:
    try:
        document = orjson.loads(file.read())
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"{_SOURCE}: is not JSON ({error}); NaN is none either") from None
    if not isinstance(document, dict) or set(document) - {"samples", "names"} or "samples" not in document:
        raise InvalidInput(
            f'{_SOURCE}: give an object {{"samples": […], "names": […]}}; names may be left out'
        )
    return samples_from_rows(document["samples"], document.get("names"), alphabet=alphabet, source=_SOURCE)


def _from_file(suffix: str) -> Callable[[IO[bytes], str | None, int], Samples]:
    def read(file: IO[bytes], alphabet: str | None, _limit: int) -> Samples:
        with tempfile.TemporaryDirectory(prefix="carving-") as folder:
            path = Path(folder) / f"{_SOURCE}{suffix}"
            with open(path, "wb") as copy:
                while block := file.read(_IN_MEMORY):
                    copy.write(block)
            try:
                found = read_samples(path, alphabet=alphabet or PROTEIN_ALPHABET)
            except CarvingError as error:
                # where the file lies for a moment is nobody's business
                raise InvalidInput(str(error).replace(str(path), _SOURCE)) from None
        return Samples(found.values, found.names, found.alphabet, _SOURCE)

    return read


def _from_npz(file: IO[bytes], alphabet: str | None, limit: int) -> Samples:
    check_archive(file, limit)
    file.seek(0)
    return _from_file(".npz")(file, alphabet, limit)


def check_archive(file: IO[bytes], limit: int, *, source: str = _SOURCE) -> None:
    """Refuse a .npz file that is damaged, or that would unpack to more than ``limit`` bytes."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            # what the directory says is also all that is ever unpacked
            size = sum(entry.file_size for entry in entries)
            claimed = sum(_claimed(archive, entry) for entry in entries[:_MOST_ENTRIES])
    except Exception:
        # on damaged files zipfile, zlib and numpy raise more than they document
        raise Refusal(
            400, f"{source}: is no .npz file, or a damaged one; write it with numpy.savez"
        ) from None
    if len(entries) > _MOST_ENTRIES or max(size, claimed) > limit:
        raise Refusal(
            413,
            f"{source}: {len(entries)} arrays that unpack to {max(size, claimed):,} bytes; at most "
            f"{_MOST_ENTRIES} and {limit:,} are taken",
        )


def _claimed(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> int:
    """Bytes of the array that a header announces, whether they are there or not."""
    from numpy.lib import format as npy

    with archive.open(entry) as inside:
        version = npy.read_magic(inside)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(inside, max_header_size=10_000)
    return int(np.prod([float(size) for size in shape])) * dtype.itemsize


_ROWS_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["samples"],
    "properties": {
        "samples": {
            "description": "Samples of the width of the machine: lists of whole numbers, or text.",
            "oneOf": [
                {"type": "array", "minItems": 1, "items": {"type": "array", "items": {"type": "integer"}}},
                {"type": "array", "minItems": 1, "items": {"type": "string"}},
            ],
        },
        "names": {
            "description": "A name for each, no two alike; the numbers of the rows where they are left out.",
            "type": "array",
            "items": {"type": "string", "minLength": 1},
        },
    },
}
_TEXT: dict[str, Any] = {"type": "string"}

BODIES: dict[str, Body] = {
    "application/json": Body(_from_json, ".json", False, _ROWS_SCHEMA, {"samples": [[0, 1]], "names": ["a"]}),
    "text/csv": Body(_from_file(".csv"), ".csv", False, _TEXT, "0,1\n1,0\n"),
    "text/x-fasta": Body(_from_file(".fasta"), ".fasta", False, _TEXT, ">a\nAC-\n"),
    "application/x-npz": Body(_from_npz, ".npz", True, {"type": "string", "format": "binary"}, None),
}
"""Every kind of body that holds samples, by its media type."""


def media_type(request: Request) -> str:
    """The media type of a request, in lower case and without parameters."""
    return request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()


def largest_body(kind: str, settings: Settings) -> int:
    """Most bytes of a body of a media type."""
    body = BODIES.get(kind)
    packed = body is not None and body.packed
    return settings.upload_bytes if packed else settings.document_bytes


def openapi_body() -> dict[str, Any]:
    """The request body, as an OpenAPI document describes it."""
    content = {}
    for kind, body in BODIES.items():
        content[kind] = {"schema": body.schema}
        if body.example is not None:
            content[kind]["example"] = body.example
    return {"requestBody": {"required": True, "content": content}}


class BodyReader:
    """Reads samples, one request at a time, so that memory has a bound whatever many clients send."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._thread: ThreadPoolExecutor | None = None

    def start(self) -> None:
        """Begin to read."""
        # always the same thread: each that reads keeps an arena of memory as large as the largest body took
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="bodies")

    def stop(self) -> None:
        """End; what waits is not read any more."""
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def samples(self, request: Request, alphabet: str | None, *, most: int | None = None) -> Samples:
        """The samples of a request.

        Raises
        ------
        Refusal
            415 for another kind of body, 413 for too many samples, 400 for what is damaged.
        InvalidInput
            For what is no samples.
        """
        kind = media_type(request)
        if kind not in BODIES:
            raise Refusal(415, f"content type {kind[:60]!r}: send one of {', '.join(BODIES)}")
        most = self._settings.rows if most is None else most
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
            async for block in request.stream():
                file.write(block)
            file.seek(0)
            read, limit = BODIES[kind].read, self._settings.upload_bytes
            loop = asyncio.get_running_loop()
            samples = await loop.run_in_executor(self._thread, read, file, alphabet, limit)
        if len(samples) > most:
            raise Refusal(
                413, f"{_SOURCE}: {len(samples):,} samples; at most {most:,} at once, more as a job"
            )
        return samples
