"""Several states followed together through one stretch of a path until they are one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from carving.meanfield.linkage import link, per_site_coordinates, spanning_tree
from carving.physics._stationary import Stationary, field_direction, stationary_near
from carving.physics.continuation import PRECISION, fall, follow, same_state
from carving.physics.paths import Path

# a state falls that many precisions below where it disappears: next to that, sweeps pass all too slowly
_BELOW = 10
SADDLE_NODE, PITCHFORK, LINKAGE, UNRESOLVED = "saddle-node", "pitchfork", "linkage", "unresolved"


@dataclass(frozen=True)
class Meeting:
    """Two lines that become one.

    Attributes
    ----------
    place
        Where on the path.
    lost, into
        The line that ends, and the one that goes on; numbers of lines as they began.
    kind
        ``"saddle-node"``: the state meets a saddle and both are no more. ``"pitchfork"``: both states become
        one at the same place. ``"linkage"``: both are still there, nearer than the linkage distance.
    direction
        In which the lost state was softest there, as a field on the visible units, of unit length.
    curvature
        Its smallest eigenvalue there.
    distance
        Per-site distance between the two states there.
    """

    place: float
    lost: int
    into: int
    kind: str
    direction: Tensor
    curvature: float
    distance: float


@dataclass(frozen=True)
class Lines:
    """States under way, one a line.

    Attributes
    ----------
    states
        Where they are.
    number
        What each line is called, (n,) int64.
    """

    states: Stationary
    number: np.ndarray

    def __len__(self) -> int:
        return len(self.number)

    def only(self, numbers: list[int]) -> Lines:
        """Those of these numbers, in this order."""
        rows = [int(np.flatnonzero(self.number == number)[0]) for number in numbers]
        return Lines(self.states[torch.tensor(rows)], self.number[rows])

    def without(self, rows: list[int]) -> Lines:
        """The others."""
        keep = np.setdiff1d(np.arange(len(self)), rows)
        return Lines(self.states[torch.from_numpy(keep)], self.number[keep])


class Descent:
    """Follows lines from place 1 of a path to place 0.

    Parameters
    ----------
    path
        The machines, the older one at 1.
    distance_scale
        Of the visible units, for per-site distances.
    linkage_distance
        Per-site distance at which lines count as one at place 0.
    precision
        How closely meetings are located.
    """

    def __init__(
        self, path: Path, distance_scale: float, linkage_distance: float, precision: float = PRECISION
    ) -> None:
        self.path, self.scale = path, distance_scale
        self.linkage_distance, self.precision = linkage_distance, precision
        self.meetings: list[Meeting] = []

    def settle(self, lines: Lines, place: float = 1.0) -> Lines:
        """The states of the machine there that the lines' states lead to."""
        plefka, states = self.path.at(place), lines.states
        near = stationary_near(plefka, states.visible, states.hidden)
        if bool(near.stable.all()):
            return Lines(near, lines.number)
        return Lines(fall(plefka, states.visible, states.hidden), lines.number)

    def run(self, lines: Lines, begin: float = 1.0) -> Lines:
        """The lines at place 0; :attr:`meetings` has where they met."""
        lines, place = self._joined(lines, begin, lines, begin), begin
        while place > 0:
            ahead = follow(self.path, lines.states, place, 0.0, precision=self.precision)
            if bool(ahead.reached.all()):
                lines = self._joined(Lines(ahead.states, lines.number), 0.0, lines, place)
                break
            first = float(ahead.place[~ahead.reached].max())
            others = torch.nonzero(ahead.place != first)[:, 0]
            there = follow(self.path, lines.states[others], place, first, precision=self.precision)
            before, lines = lines, Lines(ahead.states.with_rows(others, there.states), lines.number)
            lines = self._joined(lines, first, before, place)
            below = max(first - _BELOW * self.precision, 0.0)
            if len(lines) > 1 or below > 0:
                lines = self._past(lines, first, below)
            place = below
        return self._linked(lines)

    def where_met(self, pair: Lines, kind: str) -> float:
        """Where the first of two lines meets the second, if it is in that way; 0 where it does not."""
        if kind == SADDLE_NODE:
            return float(follow(self.path, pair.states[:1], 1.0, 0.0, precision=self.precision).place[0])
        self.meetings.clear()
        self.run(pair)
        return self.meetings[0].place if self.meetings else 0.0

    def _past(self, lines: Lines, first: float, below: float) -> Lines:
        """Beyond the place where some states are no more: those fall to others.

        To the state of another line, mostly. It may also be one that no line has; then what has disappeared
        is one with the nearest line all the same, as the tree has it.
        """
        after = follow(self.path, lines.states, first, below, precision=self.precision)
        gone = torch.nonzero(~after.reached)[:, 0].tolist()
        if not gone:
            # next to a pitchfork a short step leads through it
            return self._joined(Lines(after.states, lines.number), below, lines, first)
        ended, places = after.states[torch.tensor(gone)], after.place[gone].tolist()
        plefka = self.path.at(below)
        fallen = fall(plefka, ended.visible, ended.hidden)
        goes_on = stationary_near(plefka, ended.visible, ended.hidden)
        kinds = [PITCHFORK if found else SADDLE_NODE for found in goes_on.found.tolist()]
        states = Stationary.joined([after.states, fallen])
        same = same_state(plefka, states).numpy()
        # lines that go on, and which of the states they have
        alive, lost = {row: row for row in range(len(lines)) if row not in gone}, []
        for at, row in enumerate(gone):
            mine = len(lines) + at
            fallen_to = [other for other, state in alive.items() if same[mine, state]]
            # a state goes on whose mirror image no line has; and one of them has to
            if not fallen_to and (not alive or kinds[at] == PITCHFORK):
                alive[row] = mine
            else:
                lost.append((at, row, fallen_to))
        rows = sorted(alive)
        moved = states[torch.tensor([alive[row] for row in rows])]
        apart = torch.cdist(self._coordinates(fallen), self._coordinates(moved))
        for at, row, fallen_to in lost:
            partner = fallen_to[0] if fallen_to else rows[int(apart[at].argmin())]
            self._meet(lines, row, partner, places[at], kinds[at], ended[at : at + 1])
        before = lines.without([row for _, row, _ in lost])
        return self._joined(Lines(moved, before.number), below, before, first)

    def _joined(self, lines: Lines, place: float, before: Lines, earlier: float) -> Lines:
        """Lines that have become one state without any of them disappearing."""
        if len(lines) < 2:
            return lines
        same = same_state(self.path.at(place), lines.states).numpy()
        lost = []
        for row in range(1, len(lines)):
            partner = [other for other in range(row) if same[row, other] and other not in lost]
            if partner:
                self._meet_on_the_way(before, row, partner[0], earlier, place)
                lost.append(row)
        return lines.without(lost)

    def _meet_on_the_way(self, before: Lines, row: int, other: int, upper: float, lower: float) -> None:
        def apart(pair: Stationary, place: float) -> bool:
            return not bool(same_state(self.path.at(place), pair)[0, 1])

        place, pair = self._as_long_as(apart, before.states[torch.tensor([row, other])], upper, lower)
        self._meet(Lines(pair, before.number[[row, other]]), 0, 1, place, PITCHFORK, pair[:1])

    def _as_long_as(
        self, holds: Callable[[Stationary, float], bool], pair: Stationary, begin: float, end: float
    ) -> tuple[float, Stationary]:
        """The last place on the way, by bisection, up to which both are there and something is so of them."""
        while abs(end - begin) > self.precision:
            middle = (begin + end) / 2
            there = follow(self.path, pair, begin, middle, precision=self.precision)
            if bool(there.reached.all()) and holds(there.states, middle):
                begin, pair = middle, there.states
            else:
                end = middle
        return begin, pair

    def _linked(self, lines: Lines) -> Lines:
        """Lines within the linkage distance at place 0, and where they came so near."""
        while len(lines) > 1:
            edges, lengths = spanning_tree(self._coordinates(lines.states))
            shortest = int(np.argmin(lengths))
            if lengths[shortest] > self.linkage_distance:
                break
            row, other = sorted(edges[shortest].tolist(), reverse=True)
            # on the way back to older machines
            pair = lines.states[torch.tensor([row, other])]
            place, there = self._as_long_as(self._are_linked, pair, 0.0, 1.0)
            self._meet(Lines(there, lines.number[[row, other]]), 0, 1, place, LINKAGE, there[:1])
            lines = lines.without([row])
        return lines

    def _are_linked(self, pair: Stationary, place: float) -> bool:
        return len(set(link(self._coordinates(pair), self.linkage_distance).group)) == 1

    def _coordinates(self, states: Stationary) -> Tensor:
        return per_site_coordinates(states.visible, self.scale)

    def _meet(self, lines: Lines, row: int, other: int, place: float, kind: str, ended: Stationary) -> None:
        coordinates = self._coordinates(lines.states)
        self.meetings.append(
            Meeting(
                place=place,
                lost=int(lines.number[row]),
                into=int(lines.number[other]),
                kind=kind,
                direction=field_direction(self.path.at(place), ended.soft_hidden)[0],
                curvature=float(ended.curvature[0]),
                distance=float(torch.linalg.vector_norm(coordinates[row] - coordinates[other])),
            )
        )
