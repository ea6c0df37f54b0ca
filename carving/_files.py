"""Outputs that appear whole or not at all: written beside their target, then renamed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from carving.errors import InvalidInput, MissingFile, OutputExists


def is_url(path: str | os.PathLike[str]) -> bool:
    """Whether this is no path of this machine but an address, such as ``s3://…``."""
    return "://" in os.fspath(path)


def check_output(path: str | os.PathLike[str], *, force: bool = False) -> Path:
    """The path as a ``Path``, after checking that an output can be put there.

    Raises
    ------
    OutputExists
        If something is there already and ``force`` is not given.
    MissingFile
        If the folder that should hold it does not exist.
    InvalidInput
        If that folder cannot be written to.
    """
    target = Path(path)
    if os.path.lexists(target) and not force:
        raise OutputExists(f"{target}: already exists; choose another output or overwrite it with --force")
    folder = target.absolute().parent
    if not folder.is_dir():
        raise MissingFile(f"{target}: its folder {folder} does not exist; create it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InvalidInput(f"{target}: its folder {folder} is not writable; choose another output")
    return target


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _beside(target: Path) -> Path:
    return Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.absolute().parent))


def _replace(written: Path, target: Path) -> None:
    """Put ``written`` in the place of ``target``; the old output is gone only once the new one is there."""
    if target.is_dir() and not target.is_symlink():
        # a folder cannot be renamed over a folder that holds something
        old = _beside(target)
        os.rename(target, old / "old")
        os.rename(written, target)
        _remove(old)
    else:
        os.replace(written, target)


@contextmanager
def whole_file(path: str | os.PathLike[str], *, force: bool = False, mode: str = "wb") -> Iterator[IO[Any]]:
    """An open file whose content becomes ``path`` when the block ends well, and vanishes otherwise.

    Parameters
    ----------
    path
        Where the file shall be.
    force
        Replace what is there.
    mode
        ``"wb"`` or ``"w"`` (UTF-8, ``\\n`` line ends).
    """
    target = check_output(path, force=force)
    folder = _beside(target)
    try:
        encoding, newline = (None, None) if "b" in mode else ("utf-8", "\n")
        with open(folder / target.name, mode, encoding=encoding, newline=newline) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _replace(folder / target.name, target)
    finally:
        _remove(folder)


@contextmanager
def whole_folder(path: str | os.PathLike[str], *, force: bool = False) -> Iterator[Path]:
    """A new folder that becomes ``path`` when the block ends well, and vanishes otherwise."""
    target = check_output(path, force=force)
    folder = _beside(target)
    try:
        inside = folder / target.name
        inside.mkdir()
        yield inside
        _replace(inside, target)
    finally:
        _remove(folder)
