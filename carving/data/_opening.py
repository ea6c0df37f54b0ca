"""Opening a file that somebody names: whether it is there, whole, and of the kind that its name says."""

import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from carving.errors import CarvingError, CorruptStore, InvalidInput, MissingFile, OutOfMemory

_FIRST_BYTES = {
    b"\x93NUMPY": "a .npy file",
    b"PK": "a zip file such as .npz",
    b"\x89HDF": "an HDF5 file",
    b"\x1f\x8b": "a gzip file",
    b">": "a FASTA file",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
}
_UNKNOWN = "another kind of file"


def existing(path: str | os.PathLike[str], *, folder: bool = False) -> Path:
    """The path, after checking that a readable file (or folder) with something in it is there."""
    found = Path(path)
    try:
        if not found.exists():
            raise MissingFile(f"{found}: no such file or folder; check the path")
        if not os.access(found, os.R_OK | (os.X_OK if found.is_dir() else 0)):
            raise InvalidInput(f"{found}: may not be read; change its permissions")
        if found.is_dir() and not folder:
            raise InvalidInput(f"{found}: is a folder; name a file")
        if folder and not found.is_dir():
            raise CorruptStore(f"{found}: is {looks_like(found)} and not a folder; check the path")
        if not found.is_dir() and found.stat().st_size == 0:
            raise CorruptStore(f"{found}: the file is empty (0 bytes); write it again")
    except (OSError, ValueError) as error:
        if isinstance(error, CarvingError):
            raise
        # a name that the system cannot even look up: too long, or with a null character
        reason = getattr(error, "strerror", None) or one_line(error)
        raise MissingFile(f"{str(found)!r}: cannot be looked up ({reason}); check the path") from error
    return found


def looks_like(path: Path) -> str:
    """What the first bytes of a file say it is, for a message; ``"another kind of file"`` if nothing."""
    with open(path, "rb") as file:
        beginning = file.read(16)
    for first_bytes, kind in _FIRST_BYTES.items():
        if beginning.startswith(first_bytes):
            return kind
    return _UNKNOWN


def one_line(error: BaseException) -> str:
    """The message of an error as one short line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 160 else text[:157] + "…"


@contextmanager
def damage_reported(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever a library raises on a damaged file into one line that names the file.

    Everything is caught on purpose: on damaged files zipfile, numpy, h5py and zarr raise more kinds of
    errors than they document.
    """
    try:
        yield
    except CarvingError:
        raise
    except MemoryError as error:
        raise OutOfMemory(
            f"{path}: its samples do not fit into memory ({one_line(error)}); read fewer with --rows A:B, "
            "or write the file again if its size should be smaller"
        ) from error
    except Exception as error:
        raise CorruptStore(
            f"{path}: cannot be read as {kind}, it is damaged, cut short or {_other_kind(path, kind)} "
            f"({one_line(error)}); write it again or name it by its kind"
        ) from error


@contextmanager
def objects_refused(path: Path, what: str) -> Iterator[None]:
    """Say what to do about an array of Python objects, which numpy reads only by running pickle."""
    try:
        yield
    except ValueError as error:
        if "allow_pickle" not in str(error) and "Python objects" not in str(error):
            raise
        kind = "str" if what == "names" else "'uint8'"
        raise InvalidInput(
            f"{path}: {what} are Python objects, which are not read because they could run code; save "
            f"{what}.astype({kind})"
        ) from error


def _other_kind(path: Path, kind: str) -> str:
    seen = _UNKNOWN if path.is_dir() else looks_like(path)
    own_kind = kind.split()[1] in seen
    return "of another kind" if seen == _UNKNOWN or own_kind else seen


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a UTF-8 text, also gzipped, with their numbers from 1; any kind of line end.

    Raises
    ------
    CorruptStore
        If a gzip file is damaged or cut short.
    InvalidInput
        If a line is not UTF-8.
    """
    packed = path.suffix.lower() == ".gz"
    _refuse_binary(path, packed=packed)
    opened = gzip.open if packed else open
    number = 0
    # latin-1 never fails; each line is then read again as the UTF-8 that it should be, so that a wrong
    # byte can be told with its line
    with opened(path, "rt", encoding="latin-1") as file:
        lines = iter(file)
        while True:
            try:
                line = next(lines, None)
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise CorruptStore(
                    f"{path}: line {number + 1}: the gzip file is damaged or cut short ({one_line(error)}); "
                    "fetch or write it again"
                ) from error
            if line is None:
                return
            number += 1
            yield number, _decoded(line, path, number)


def _refuse_binary(path: Path, *, packed: bool) -> None:
    seen = looks_like(path)
    if packed and "gzip" not in seen:
        raise CorruptStore(
            f"{path}: is not gzipped but {seen}; name it by its kind, without .gz if it is text"
        )
    if not packed and seen not in (_UNKNOWN, "a FASTA file"):
        raise CorruptStore(
            f"{path}: is {seen} and not text in UTF-8; save it as such, or name it by its kind"
        )


def _decoded(line: str, path: Path, number: int) -> str:
    if line.isascii():
        return line
    try:
        return line.encode("latin-1").decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        byte = line[error.start]
        raise InvalidInput(
            f"{path}: line {number}: byte 0x{ord(byte):02x} is not UTF-8 text; save the file as UTF-8"
        ) from error
