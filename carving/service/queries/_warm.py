"""What is worth keeping from one batch for the next, as long as there is room for it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

MOST = 256
MOST_BYTES = 3 * 2**26
MOST_POINTS = 4096
"""Known points beyond which it is better to start anew: every row is compared with all of them."""


class Keepable(Protocol):
    """Something that has cost work, and takes room."""

    @property
    def bytes(self) -> int:
        """How much room."""
        raise NotImplementedError

    @property
    def points(self) -> int:
        """How many points it knows."""
        raise NotImplementedError


Kept = TypeVar("Kept", bound=Keepable)


@dataclass
class _Entry:
    owners: tuple[Any, ...]
    kept: Any


class Warm:
    """Things that are kept by name, the least used given up first. Of one thread.

    Parameters
    ----------
    most
        How many.
    most_bytes
        How many bytes all together may take.
    most_points
        How many points each may know; with 0 none is taken from one batch to the next.
    """

    def __init__(
        self, *, most: int = MOST, most_bytes: int = MOST_BYTES, most_points: int = MOST_POINTS
    ) -> None:
        self.most = most
        self._most_bytes = most_bytes
        self._most_points = most_points
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Hashable, owners: tuple[Any, ...], make: Callable[[], Kept]) -> Kept:
        """What was kept by that name for the very same owners; else it is made.

        Owners are the store, or the tree and its store: another object stands for other contents.
        """
        entry = self._entries.pop(key, None)
        if entry is not None and not self._is_good(entry, owners):
            entry = None
        # before another takes as much room
        self._make_room(0 if entry is None else entry.kept.bytes)
        if entry is None:
            entry = _Entry(owners, make())
        self._entries[key] = entry
        return entry.kept

    def _is_good(self, entry: _Entry, owners: tuple[Any, ...]) -> bool:
        same = all(one is other for one, other in zip(entry.owners, owners, strict=True))
        return same and entry.kept.points <= self._most_points

    def _make_room(self, needed: int) -> None:
        """Room for one more: things grow after they were handed out, so they are measured again."""
        total = needed + sum(entry.kept.bytes for entry in self._entries.values())
        while self._entries and (len(self._entries) >= self.most or total > self._most_bytes):
            _, entry = self._entries.popitem(last=False)
            total -= entry.kept.bytes

    def clear(self) -> None:
        """Keep nothing of it."""
        self._entries.clear()
