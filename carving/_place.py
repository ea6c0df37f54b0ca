"""Where a store lies: a folder, a ``.zip`` or a URL; its raw files, and the zarr store of its arrays.

What has been written in a folder can be put at a URL, and be fetched from there. There is no renaming at most
of them: the root document is put last, and taken away first, so that a store is there whole or not at all.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import zarr
from zarr.storage import FsspecStore, LocalStore, ZipStore

from carving._files import is_url
from carving._zarr import one_line
from carving.errors import CorruptStore, InvalidInput, MissingDependency, MissingFile, OutputExists

if TYPE_CHECKING:
    from zarr.abc.store import Store

ROOT_DOCUMENT = "zarr.json"
_NOT_A_STORE = (
    "is not a checkpoint store (a folder, .zip or URL that holds zarr.json); "
    "files of other programs are converted by `carve import`"
)


@dataclass(frozen=True)
class Place:
    """A place that can be read.

    Attributes
    ----------
    name
        The path or URL as it was given, for messages.
    folder
        The folder, where the store is one: only then can it be written to.
    arrays
        zarr's view of it.
    """

    name: str
    folder: Path | None
    arrays: Store

    def read(self, key: str) -> bytes | None:
        """The raw content of one of the store's files, None where there is none."""
        raise NotImplementedError

    def has(self, key: str) -> bool:
        """Whether the store holds that file."""
        return self.read(key) is not None


@dataclass(frozen=True)
class _Folder(Place):
    def read(self, key: str) -> bytes | None:
        assert self.folder is not None
        try:
            return (self.folder / key).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def has(self, key: str) -> bool:
        assert self.folder is not None
        return (self.folder / key).is_file()


@dataclass(frozen=True)
class _Zip(Place):
    def read(self, key: str) -> bytes | None:
        with zipfile.ZipFile(self.name) as archive:
            try:
                return archive.read(key)
            except KeyError:
                return None


@dataclass(frozen=True)
class _Remote(Place):
    files: Any = None
    root: str = ""

    def read(self, key: str) -> bytes | None:
        try:
            return self.files.cat_file(f"{self.root.rstrip('/')}/{key}")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None


def find_place(path: str | os.PathLike[str], what: str = "checkpoint store") -> Place:
    """The place that a path or URL names, after checking that something is there.

    Raises
    ------
    MissingFile
        If there is nothing.
    CorruptStore
        If it is a file, but no zip archive.
    MissingDependency
        If the URL needs a package that is not installed.
    """
    name = os.fspath(path)
    if is_url(name):
        return _remote(name)
    folder = Path(name)
    if folder.is_dir():
        return _Folder(name, folder, LocalStore(folder))
    if not folder.exists():
        raise MissingFile(f"{name}: no such file or folder; check the path of the {what}")
    if not zipfile.is_zipfile(folder):
        raise CorruptStore(f"{name}: {_NOT_A_STORE}")
    store = ZipStore(folder, mode="r")
    try:
        zarr.open_group(store, mode="r", zarr_format=3, use_consolidated=False)
    except Exception as error:  # zipfile raises many kinds for a damaged archive
        raise CorruptStore(
            f"{name}: no store at the top of this zip archive ({one_line(error)}); "
            "pack the files inside the store's folder, not the folder"
        ) from None
    return _Zip(name, None, store)


def _remote(url: str) -> _Remote:
    files, root = _file_system(url)
    try:
        return _Remote(url, None, FsspecStore.from_url(url, read_only=True), files, root)
    except Exception as error:  # what a file system raises for an address that it cannot use is its own
        raise _unusable(url, error) from None


def _file_system(url: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    try:
        return url_to_fs(url)
    except ImportError as error:
        raise MissingDependency(f"{url}: {one_line(error)}; install it to use such addresses") from None
    except Exception as error:
        raise _unusable(url, error) from None


def _unusable(url: str, error: BaseException) -> MissingFile:
    return MissingFile(f"{url}: cannot be opened ({one_line(error)}); check the address")


@contextmanager
def fetched(url: str) -> Iterator[Path]:
    """A folder with the files of the store at a URL, for as long as the block lasts.

    Raises
    ------
    MissingFile
        If there is no store.
    CorruptStore
        If it has files that would lie outside of the folder.
    """
    files, root = _file_system(url)
    with tempfile.TemporaryDirectory(prefix="carving-") as name:
        folder = Path(name)
        try:
            for path in files.find(root):
                key = PurePosixPath(path.removeprefix(root).strip("/"))
                if ".." in key.parts:
                    raise CorruptStore(f"{url}: holds a file called {str(key)!r}; make the store anew")
                (folder / key).parent.mkdir(parents=True, exist_ok=True)
                (folder / key).write_bytes(files.cat_file(path))
        except CorruptStore:
            raise
        except Exception as error:
            raise _unusable(url, error) from None
        if not any(folder.iterdir()):
            raise MissingFile(f"{url}: holds no files; check the address")
        yield folder


def put(folder: Path, url: str, *, force: bool) -> None:
    """Put the store in a folder at a URL, in the place of what is there if ``force``.

    Raises
    ------
    OutputExists
        If something is there, and ``force`` is not given.
    """
    files, root = _file_system(url)
    root = root.rstrip("/")
    try:
        if files.exists(root) and files.find(root):
            if not force:
                raise OutputExists(
                    f"{url}: already exists; choose another output or overwrite it with --force"
                )
            if files.exists(f"{root}/{ROOT_DOCUMENT}"):
                files.rm_file(f"{root}/{ROOT_DOCUMENT}")
            files.rm(root, recursive=True)
        inside = sorted(path for path in folder.rglob("*") if path.is_file())
        for path in sorted(inside, key=(folder / ROOT_DOCUMENT).__eq__):
            key = path.relative_to(folder).as_posix()
            files.makedirs(f"{root}/{key}".rpartition("/")[0], exist_ok=True)
            files.pipe_file(f"{root}/{key}", path.read_bytes())
    except OutputExists:
        raise
    except Exception as error:  # likewise
        raise InvalidInput(f"{url}: cannot be written to ({one_line(error)}); check the address") from None


def missing_root(place: Place) -> CorruptStore:
    """The error for a place that holds no store at all."""
    return CorruptStore(f"{place.name}: {_NOT_A_STORE}")
