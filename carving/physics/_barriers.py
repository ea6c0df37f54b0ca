"""Saddles between minima of Γ: strings relaxed by sweeps say where, Newton's method exactly where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from carving.meanfield.plefka import Plefka, State
from carving.physics._stationary import Stationary, stationary_near
from carving.physics.continuation import fall

SAME = 1e-6
# states along each string, and the sweeps after which its crests are looked at
_IMAGES, _LOOKS = 24, (0, 10, 40, 160, 640)
# sweeps between two times that the states are spread along the string again
_SWEEPS = 2
# from a saddle the way down begins so far along the soft direction, as a part of the way to the nearer end
_ASIDE = 0.02
_PAIRS_AT_ONCE = 64


@dataclass(frozen=True)
class Passes:
    """Saddles and what they lead to.

    Attributes
    ----------
    saddles
        Of index 1, one a row.
    between
        Rows of ``minima`` that the two ways down lead to, the lower number first, (s, 2) int64.
    minima
        Those given, and then those that were found only from saddles.
    unresolved
        Pairs of minima, of those asked for, that no chain of saddles joins which was found on the way
        from one to the other, (u, 2) int64.
    """

    saddles: Stationary
    between: np.ndarray
    minima: Stationary
    unresolved: np.ndarray


def passes_between(plefka: Plefka, minima: Stationary, pairs: np.ndarray) -> Passes:
    """The saddles on the ways between pairs of minima.

    A string of states joins each pair. Layer-exact sweeps, at which Γ falls, carry its states downhill and
    they are spread evenly again, as in the simplified string method (E, Ren & Vanden-Eijnden, J. Chem. Phys.
    126, 164103 (2007)). Newton's method starts from the crests. What it finds counts only if it has index 1
    and sweeps from both its sides lead to two minima.

    2 products of 2 N_v N_h flops a sweep and state; some ten linearisations a crest.

    Parameters
    ----------
    plefka
        The expansion, in float64.
    minima
        States, one a row.
    pairs
        Rows of ``minima``, (p, 2) int64.
    """
    search = _Search(plefka, minima)
    for part in np.array_split(pairs, range(_PAIRS_AT_ONCE, len(pairs), _PAIRS_AT_ONCE)):
        search.run(part)
    return search.passes(pairs)


class _Search:
    def __init__(self, plefka: Plefka, minima: Stationary) -> None:
        self.plefka, self.minima = plefka, minima
        self.saddles = minima[:0]
        self.between = np.zeros((0, 2), dtype=np.int64)
        # which saddles each pair's strings have led to
        self.of_pair: dict[tuple[int, int], set[int]] = {}

    def passes(self, pairs: np.ndarray) -> Passes:
        unresolved = [pair for pair in pairs.tolist() if not self._joined(*pair)]
        return Passes(
            self.saddles, self.between, self.minima, np.array(unresolved, dtype=np.int64).reshape(-1, 2)
        )

    def run(self, pairs: np.ndarray) -> None:
        """Relax the strings of these pairs until saddles join the ends of each, or for the last look."""
        for pair in pairs.tolist():
            self.of_pair[tuple(pair)] = set()
        v, h = _strings(self.minima, pairs)
        swept = 0
        for look in _LOOKS:
            if not len(pairs):
                return
            while swept < look:
                v, h = _relaxed(self.plefka, v, h)
                swept += _SWEEPS
            self._look(pairs, v, h)
            waiting = np.array([not self._joined(*pair) for pair in pairs.tolist()])
            # saddles next to a straight line need not be those of the way of least energy
            waiting |= look == 0
            keep = torch.from_numpy(np.flatnonzero(waiting))
            pairs, v, h = pairs[waiting], v[keep], h[keep]

    def _look(self, pairs: np.ndarray, v: Tensor, h: Tensor) -> None:
        string, crest_v, crest_h = _crests(self.plefka, v, h)
        if not len(string):
            return
        found = stationary_near(self.plefka, crest_v, crest_h, strict=False)
        good = found.found & (found.index == 1)
        string, found = string[good.cpu().numpy()], found[good]
        for pair, saddle in zip(pairs[string].tolist(), self._known(found), strict=True):
            if saddle >= 0:
                self.of_pair[tuple(pair)].add(saddle)

    def _known(self, found: Stationary) -> list[int]:
        """Which saddle each of these is, after the new ones among them are known; −1 for none."""
        plefka, numbers = self.plefka, []
        for row in range(len(found)):
            one = found[row : row + 1]
            near = _nearest(plefka, self.saddles, one.visible, one.hidden)
            if near is None:
                ends = self._ends(one)
                if ends is None:
                    numbers.append(-1)
                    continue
                near = len(self.saddles)
                self.saddles = Stationary.joined([self.saddles, one])
                self.between = np.concatenate([self.between, np.array([sorted(ends)])])
            numbers.append(near)
        return numbers

    def _ends(self, saddle: Stationary) -> tuple[int, int] | None:
        """The two minima that the ways down from a saddle lead to."""
        here = self.plefka.together(saddle.visible, saddle.hidden)
        away = torch.cdist(here, self.plefka.together(self.minima.visible, self.minima.hidden))[0]
        aside = _ASIDE * float(away.min()) * torch.tensor([1.0, -1.0], dtype=here.dtype)
        soft_v = aside.reshape(2, *[1] * (saddle.visible.ndim - 1)) * saddle.soft_visible
        start = saddle.visible + soft_v, saddle.hidden + aside[:, None] * saddle.soft_hidden
        down = fall(self.plefka, *start, iteration="layer-exact")
        if not bool(down.stable.all()):
            return None
        ends = []
        for way in range(2):
            end = down[way : way + 1]
            number = _nearest(self.plefka, self.minima, end.visible, end.hidden)
            if number is None:
                number = len(self.minima)
                self.minima = Stationary.joined([self.minima, end])
            ends.append(number)
        return (ends[0], ends[1]) if ends[0] != ends[1] else None

    def _joined(self, one: int, other: int) -> bool:
        """Whether the saddles that the pair's strings have led to make a chain from one to the other."""
        reached, edges = {one}, [self.between[saddle].tolist() for saddle in self.of_pair[one, other]]
        grown = True
        while grown and other not in reached:
            new = {end for edge in edges if reached.intersection(edge) for end in edge}
            grown = not new <= reached
            reached |= new
        return other in reached


def _strings(minima: Stationary, pairs: np.ndarray) -> State:
    """Straight lines from each pair's one minimum to the other, (p, images, …), closer at the ends: a saddle
    may be near one."""
    # half a cosine; ends included
    part = torch.sin(torch.linspace(0, torch.pi / 2, _IMAGES, dtype=torch.float64)).square()
    one, other = (torch.from_numpy(pairs[:, side].copy()) for side in range(2))

    def between(values: Tensor) -> Tensor:
        weight = part.to(values).reshape(1, -1, *[1] * (values.ndim - 1))
        return values[one][:, None] + weight * (values[other] - values[one])[:, None]

    return between(minima.visible), between(minima.hidden)


def _relaxed(plefka: Plefka, v: Tensor, h: Tensor) -> State:
    """A few sweeps of all but the ends, then the same distances along the string as before."""
    inner_v, inner_h = v[:, 1:-1].flatten(0, 1), h[:, 1:-1].flatten(0, 1)
    for _ in range(_SWEEPS):
        inner_v, inner_h = plefka.layer_exact_sweep(inner_v, inner_h)
    v, h = v.clone(), h.clone()
    v[:, 1:-1], h[:, 1:-1] = inner_v.reshape(v[:, 1:-1].shape), inner_h.reshape(h[:, 1:-1].shape)
    return _spread(plefka, v, h)


def _spread(plefka: Plefka, v: Tensor, h: Tensor) -> State:
    """States at half-cosine distances along each string, by linear interpolation."""
    p, images = v.shape[:2]
    along = plefka.together(v.flatten(0, 1), h.flatten(0, 1)).reshape(p, images, -1)
    length = torch.linalg.vector_norm(along.diff(dim=1), dim=2).cumsum(1)
    length = torch.cat([torch.zeros_like(length[:, :1]), length], 1)
    part = torch.sin(torch.linspace(0, torch.pi / 2, images, dtype=v.dtype, device=v.device)).square()
    wanted = length[:, -1:] * part
    right = torch.searchsorted(length, wanted.contiguous()).clamp(1, images - 1)
    before, after = length.gather(1, right - 1), length.gather(1, right)
    weight = ((wanted - before) / (after - before).clamp(min=torch.finfo(v.dtype).tiny)).clamp(0, 1)
    rows = torch.arange(p, device=v.device)[:, None]

    def moved(values: Tensor) -> Tensor:
        share = weight.reshape(p, images, *[1] * (values.ndim - 2))
        return torch.lerp(values[rows, right - 1], values[rows, right], share)

    return moved(v), moved(h)


def _crests(plefka: Plefka, v: Tensor, h: Tensor) -> tuple[np.ndarray, Tensor, Tensor]:
    """The states of highest Γ between two lower ones: which string, m_v, m_h."""
    p, images = v.shape[:2]
    energy = plefka.free_energy(v.flatten(0, 1), h.flatten(0, 1)).reshape(p, images)
    top = (energy[:, 1:-1] > energy[:, :-2]) & (energy[:, 1:-1] >= energy[:, 2:])
    string, image = torch.nonzero(top, as_tuple=True)
    return string.cpu().numpy(), v[string, image + 1], h[string, image + 1]


def _nearest(plefka: Plefka, states: Stationary, v: Tensor, h: Tensor) -> int | None:
    """Which of the states this one is."""
    if not len(states):
        return None
    away = plefka.together(states.visible, states.hidden) - plefka.together(v, h)
    distance, number = away.abs().amax(1).min(0)
    return int(number) if float(distance) <= 10 * SAME else None
