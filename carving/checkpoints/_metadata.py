"""The metadata of a store: root attributes, one document an array, and the digest that covers both.

The root attribute ``contents`` names every array that the store consists of and holds a digest of
its values: one a checkpoint for the parameters, one of the committed rows for the other growing
arrays, one of everything for arrays that do not grow. The root attribute ``digest`` covers all root
attributes (``contents`` among them) and the documents of those arrays. One write of the root
document, by rename, therefore commits a checkpoint; before it the store is the old one, and
whatever differs from what was committed is noticed, be it a chunk that took another's place.

A writer lengthens arrays before it commits. So the digest leaves out the length of arrays that
grow; it may be ``committed`` or one more.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import zarr

from carving import _zarr
from carving._place import ROOT_DOCUMENT, Place, missing_root, one_line
from carving.errors import CorruptStore

FORMAT = "carving-checkpoints"
FORMAT_VERSION = 1
PARAMETERS = ("weights", "visible_bias", "hidden_bias")
_KNOWN = re.compile(
    "updates|weights|visible_bias|hidden_bias|elapsed_seconds|samples|names|metrics/[0-9]+|resume/[ab]/[0-9]+"
)
_RESTORE = "restore the store from a copy, or make it anew"
# a writer commits at most once between two looks at its store, or nearly so
_LOOKS = 20


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and -math.inf < float(value) < math.inf  # type: ignore[arg-type]


# what a valid digest does not promise: that the writer knew the format
_ATTRIBUTES: dict[str, Callable[[Any], bool]] = {
    "visible_unit": lambda value: isinstance(value, str),
    "hidden_unit": lambda value: isinstance(value, str),
    "states": lambda value: value is None or (type(value) is int and value > 1),
    "alphabet": lambda value: value is None or isinstance(value, str),
    "beta": lambda value: _is_number(value) and value >= 0,
    "hidden_precision": lambda value: value is None or (_is_number(value) and value > 0),
    "training": lambda value: isinstance(value, dict),
    "provenance": lambda value: isinstance(value, dict),
    "resume": lambda value: value in (None, "a", "b"),
}


@dataclass
class Metadata:
    """Root attributes (``contents`` and ``digest`` left out), contents, and the arrays' documents."""

    attributes: dict[str, Any]
    contents: dict[str, Any] = field(default_factory=dict)
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    # the arrays of parameters, which are read once for every checkpoint, by path and shape
    opened: dict[tuple[str, tuple[int, ...]], zarr.Array] = field(
        default_factory=dict, repr=False, compare=False
    )

    @property
    def committed(self) -> int:
        """How many checkpoints are valid."""
        return self.attributes["committed"]

    def root_document(self) -> dict[str, Any]:
        """The root's ``zarr.json``, digest included."""
        attributes = {**self.attributes, "contents": self.contents}
        attributes["digest"] = metadata_digest(attributes, self.documents)
        return {"zarr_format": 3, "node_type": "group", "attributes": attributes}

    def fingerprint(self) -> str:
        """A digest of the committed machines: ages, units and parameters, and nothing else."""
        names = ("format_version", "visible_unit", "hidden_unit", "states", "beta", "hidden_precision")
        machines = {key: self.contents.get(key) for key in ("updates", *PARAMETERS)}
        return _zarr.digest(_zarr.canonical([{name: self.attributes.get(name) for name in names}, machines]))


def grows(path: str) -> bool:
    """Whether an array has one row a checkpoint."""
    return path in PARAMETERS or path in ("updates", "elapsed_seconds") or path.startswith("metrics/")


def metadata_digest(attributes: Mapping[str, Any], documents: Mapping[str, dict[str, Any]]) -> str:
    """The digest of root attributes (its own left out) and array documents (growing lengths left out)."""
    fixed = {
        path: {**document, "shape": [None, *document["shape"][1:]]} if grows(path) else document
        for path, document in documents.items()
    }
    return _zarr.metadata_digest(attributes, fixed)


def read_metadata(place: Place) -> Metadata:
    """The committed metadata of a store, checked.

    Raises
    ------
    CorruptStore
        If it is not a checkpoint store, of a newer version, or differs from its digest.
    """
    for look in range(_LOOKS):
        root = _read(place, ROOT_DOCUMENT)
        if root is None:
            raise missing_root(place)
        try:
            return _parse(place, root)
        except CorruptStore:
            # a writer may have committed since the root was read; then it says something else now
            if look == _LOOKS - 1 or _read(place, ROOT_DOCUMENT) == root:
                raise
    raise AssertionError("unreachable")


def _read(place: Place, key: str) -> bytes | None:
    try:
        return place.read(key)
    except Exception as error:  # zipfile and the file systems of fsspec raise many kinds
        raise CorruptStore(f"{place.name}: {key}: cannot be read ({one_line(error)}); {_RESTORE}") from None


def _load_document(place: Place, key: str, content: bytes, node_type: str) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    if (
        not isinstance(document, dict)
        or document.get("node_type") != node_type
        or not isinstance(document.get("attributes", {}), dict)
    ):
        raise CorruptStore(f"{place.name}: {key}: is not the metadata of a zarr {node_type}; {_RESTORE}")
    return document


def _parse(place: Place, root: bytes) -> Metadata:
    attributes = dict(_load_document(place, ROOT_DOCUMENT, root, "group").get("attributes", {}))
    _check_format(place, attributes)
    committed, contents = attributes.get("committed"), attributes.get("contents")
    if (
        type(committed) is not int
        or committed < 0
        or not isinstance(contents, dict)
        or not _are_contents(contents, committed)
    ):
        raise CorruptStore(f"{place.name}: {ROOT_DOCUMENT}: committed or contents are damaged; {_RESTORE}")
    documents = {}
    for path in contents:
        key = f"{path}/{ROOT_DOCUMENT}"
        content = _read(place, key)
        if content is None:
            raise CorruptStore(f"{place.name}: {key}: is missing; {_RESTORE}")
        documents[path] = _load_document(place, key, content, "array")
        _check_shape(place, path, documents[path].get("shape"), committed)
    if attributes.pop("digest", None) != metadata_digest(attributes, documents):
        raise CorruptStore(
            f"{place.name}: {ROOT_DOCUMENT}: metadata differ from their digest: damaged or edited; {_RESTORE}"
        )
    contents = attributes.pop("contents")
    for name, is_right in _ATTRIBUTES.items():
        if not is_right(attributes.get(name)):
            raise CorruptStore(
                f"{place.name}: {ROOT_DOCUMENT}: {name} is {attributes.get(name)!r:.60}; {_RESTORE}"
            )
    for path, document in documents.items():
        name = document.get("attributes", {}).get("name")
        if "/" in path and not (isinstance(name, str) and name):
            raise CorruptStore(f"{place.name}: {path}: has no name; {_RESTORE}")
    return Metadata(attributes, contents, documents)


def _check_format(place: Place, attributes: dict[str, Any]) -> None:
    if attributes.get("format") != FORMAT:
        other = attributes.get("format")
        found = f"holds {other!r}" if isinstance(other, str) else "is a zarr group of another format"
        raise CorruptStore(f"{place.name}: {found[:80]}, not {FORMAT!r}; give a checkpoint store")
    version = attributes.get("format_version")
    if type(version) is not int or version < 1:
        raise CorruptStore(f"{place.name}: {ROOT_DOCUMENT}: format_version {version!r:.40}; {_RESTORE}")
    if version > FORMAT_VERSION:
        raise CorruptStore(
            f"{place.name}: is of format version {version}; "
            f"this carving reads up to {FORMAT_VERSION}, upgrade it"
        )


def _are_contents(contents: dict[str, Any], committed: int) -> bool:
    """Whether every array is one that a store may have, with as many digests as it needs."""
    if not all(_KNOWN.fullmatch(path) for path in contents):
        return False
    if any(path not in contents for path in (("updates", *PARAMETERS) if committed else ("updates",))):
        return False
    return all(
        isinstance(digests, list) and len(digests) == committed
        if path in PARAMETERS
        else isinstance(digests, str)
        for path, digests in contents.items()
    )


def _check_shape(place: Place, path: str, shape: object, committed: int) -> None:
    """Lengths are all that the digest leaves out."""
    if not isinstance(shape, list) or not all(type(size) is int and 0 <= size < 2**60 for size in shape):
        raise CorruptStore(f"{place.name}: {path}: its shape is not a list of sizes; {_RESTORE}")
    if grows(path) and (not shape or shape[0] not in (committed, committed + 1)):
        raise CorruptStore(
            f"{place.name}: {path}: has {shape[0] if shape else 'no'} rows, "
            f"but {committed} checkpoints are committed; {_RESTORE}"
        )
