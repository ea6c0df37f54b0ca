"""Block Gibbs steps in small integers, several times as fast as in floating point.

Configurations of {0, 1}, ±1 and one-hot units are exact in eight bits; only the weights are rounded, each
to two such numbers of its own output unit's scale: W ≈ s (q₁ + q₂/254), |q₁|, |q₂| ≤ 127. One product of
integers then gives a field with an error of √N · 10⁻⁵ of the largest weight that enters it (standard
deviation, N units that are not 0). Units of two values are drawn by comparing sixteen random bits with a
threshold, which is off by 2·10⁻⁵ at most; states of Potts units by thirty-two. All in all no probability is
off by more than `LARGEST_ERROR`, most by a hundredth of that.

The random bits come from one xorshift generator (Marsaglia 2003) for every four units of every chain, all
seeded from the generator that is passed in: torch's own makes them one after the other, in one thread.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from carving.sampling._flat import FlatMachine
from carving.sampling.steps._steps import Steps
from carving.units import Potts, Unit

# of a conditional probability, for weights of up to 1 and a thousand units: five standard deviations of the
# field, half of which reach the probability of a ±1 unit
LARGEST_ERROR = 1e-3
# both parts of a weight: one less than the smallest number of eight bits, so that signs are alike
_LARGEST = 127
_FINER = 2 * _LARGEST
# so that no sum of as many of both parts exceeds 32 bits
_MOST_UNITS = (2**31 - 1) // (_LARGEST * _FINER + _LARGEST)


class IntegerSteps(Steps):
    """Products of eight-bit integers, and thresholds: discrete units, on a CPU."""

    def __init__(self, machine: FlatMachine, chains: int, generator: torch.Generator) -> None:
        self._order = _order(machine)
        self._to_hidden = _Field(len(machine.visible_bias), len(machine.hidden_bias), chains)
        self._to_visible = _Field(len(machine.hidden_bias), len(machine.visible_bias), chains)
        self._hidden = _drawn(machine.hidden, chains, len(machine.hidden_bias), generator)
        self._visible = _drawn(machine.visible, chains, machine.sites, generator)
        self.refresh(machine)

    @classmethod
    def serves(cls, machine: FlatMachine) -> bool:
        units = machine.visible, machine.hidden
        fits = max(machine.sites, len(machine.hidden_bias)) <= _MOST_UNITS
        on_cpu = machine.weights.device.type == "cpu"
        return on_cpu and fits and all(map(_is_small, units)) and _multiplies()

    def refresh(self, machine: FlatMachine) -> None:
        weights, bias = machine.weights, machine.visible_bias
        if self._order is not None:
            weights, bias = weights[self._order], bias[self._order]
        self._to_hidden.load(weights, machine.hidden_bias)
        self._to_visible.load(weights.T, bias)

    def draw_hidden(self, v: Tensor, generator: torch.Generator) -> Tensor:
        return self._hidden.draw(self._to_hidden(v))

    def draw_visible(self, h: Tensor, generator: torch.Generator) -> Tensor:
        return self._visible.draw(self._to_visible(h))

    def encode(self, statistics: Tensor) -> Tensor:
        ordered = statistics if self._order is None else statistics[:, self._order]
        return ordered.to(torch.int8, copy=True, memory_format=torch.contiguous_format)

    def decode(self, v: Tensor, out: Tensor) -> Tensor:
        if self._order is None:
            return out.copy_(v)
        states = v.shape[1] // self._visible.sites
        by_site = out.view(len(out), self._visible.sites, states)
        by_site.copy_(v.view(len(v), states, self._visible.sites).transpose(1, 2))
        return out

    def state(self) -> dict[str, Tensor]:
        return {
            "visible_bits": self._visible.bits.lanes.clone(),
            "hidden_bits": self._hidden.bits.lanes.clone(),
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        self._visible.bits.lanes.copy_(state["visible_bits"])
        self._hidden.bits.lanes.copy_(state["hidden_bits"])


class _Field:
    """x @ matrix + bias for rows of small integers. 4 · rows · inputs · outputs integer operations."""

    def __init__(self, inputs: int, outputs: int, rows: int) -> None:
        self._parts = torch.empty(inputs, 2 * outputs, dtype=torch.int8)
        self._sums = torch.empty(rows, 2 * outputs, dtype=torch.int32)
        self._field = torch.empty(rows, outputs)
        self._outputs = outputs

    def load(self, matrix: Tensor, bias: Tensor) -> None:
        """Round another matrix."""
        scale = (matrix.abs().amax(0) / _LARGEST).clamp_(min=torch.finfo(torch.float32).tiny)
        coarse = torch.round(matrix / scale)
        fine = torch.round((matrix - coarse * scale) / scale * _FINER).clamp_(-_LARGEST, _LARGEST)
        self._parts[:, : self._outputs].copy_(coarse)
        self._parts[:, self._outputs :].copy_(fine)
        self._scale, self._bias = (scale / _FINER).float(), bias.float()

    def __call__(self, x: Tensor) -> Tensor:
        torch._int_mm(x, self._parts, out=self._sums)  # pyright: ignore[reportPrivateImportUsage]
        coarse, fine = self._sums[:, : self._outputs], self._sums[:, self._outputs :]
        return torch.mul(coarse.mul_(_FINER).add_(fine), self._scale, out=self._field).add_(self._bias)


class _RandomBits:
    """Random bits, some for every number that is to be drawn, by generators side by side."""

    def __init__(self, numbers: int, dtype: torch.dtype, generator: torch.Generator) -> None:
        self._numbers, self._dtype = numbers, dtype
        in_a_lane = 64 // torch.iinfo(dtype).bits
        self.lanes = torch.empty(-(-numbers // in_a_lane), dtype=torch.int64)
        # a generator that holds zero gives nothing else
        self.lanes.random_(1, None, generator=generator)
        self._room = torch.empty_like(self.lanes)

    def next(self) -> Tensor:
        """The next bits, as integers over their whole range. (numbers,)"""
        lanes, room = self.lanes, self._room
        lanes.bitwise_xor_(torch.bitwise_left_shift(lanes, 13, out=room))
        # the shift to the right brings in zeros, whatever the sign
        torch.bitwise_right_shift(lanes, 7, out=room).bitwise_and_((1 << 57) - 1)
        lanes.bitwise_xor_(room)
        lanes.bitwise_xor_(torch.bitwise_left_shift(lanes, 17, out=room))
        return lanes.view(self._dtype)[: self._numbers]


class _TwoValues:
    """Units that take a lower or a higher value."""

    def __init__(self, values: tuple[int, int], chains: int, units: int, generator: torch.Generator) -> None:
        self._low, self._step = values[0], values[1] - values[0]
        self.sites = units
        self.bits = _RandomBits(chains * units, torch.int16, generator)
        self._threshold = torch.empty(chains, units, dtype=torch.int16)
        self._high = torch.empty(chains, units, dtype=torch.bool)

    def draw(self, field: Tensor) -> Tensor:
        """Uses up the field. P(higher) = sigm((higher − lower) θ)."""
        if self._step != 1:
            field.mul_(self._step)
        # from −32768, never, to 32767, all but one in 65536
        self._threshold.copy_(field.sigmoid_().mul_(65535).sub_(32768).round_())
        torch.lt(self.bits.next().view(self._threshold.shape), self._threshold, out=self._high)
        state = self._high.view(torch.int8)
        return state if (self._low, self._step) == (0, 1) else state.mul_(self._step).add_(self._low)


class _OneHot:
    """Units of several states, the sites of a state side by side: (chains, q·N)."""

    def __init__(self, states: int, chains: int, sites: int, generator: torch.Generator) -> None:
        self._states, self.sites = states, sites
        self.bits = _RandomBits(chains * sites, torch.int32, generator)
        self._below = torch.empty(chains, sites)
        self._reached = torch.empty(2, chains, sites, dtype=torch.bool)
        self._state = torch.empty(chains, states, sites, dtype=torch.bool)

    def draw(self, field: Tensor) -> Tensor:
        """Uses up the field. The state is the first whose cumulative probability exceeds a random number."""
        weight = field.view(len(field), self._states, self.sites)
        weight.sub_(weight.amax(1, keepdim=True)).exp_()
        sums = weight
        for state in range(1, self._states):
            sums[:, state].add_(sums[:, state - 1])
        random = self.bits.next().view(self._below.shape)
        below = torch.mul(random, 2.0**-32, out=self._below).add_(0.5).mul_(sums[:, -1])
        before, after = self._reached
        before.zero_()
        for state in range(self._states - 1):
            torch.lt(below, sums[:, state], out=after)
            torch.logical_xor(after, before, out=self._state[:, state])
            before, after = after, before
        torch.logical_not(before, out=self._state[:, -1])
        return self._state.view(torch.int8).view(len(field), -1)


def _drawn(unit: Unit, chains: int, sites: int, generator: torch.Generator) -> _TwoValues | _OneHot:
    if isinstance(unit, Potts):
        return _OneHot(unit.states, chains, sites, generator)
    low, high = unit.configurations(1, torch.float32).flatten().int().tolist()
    return _TwoValues((low, high), chains, sites, generator)


def _is_small(unit: Unit) -> bool:
    """Whether its statistics are a few integers of eight bits."""
    return isinstance(unit, Potts) or (unit.in_visible and unit.configurations(1, torch.float32).numel() == 2)


def _order(machine: FlatMachine) -> Tensor | None:
    """Columns of (N_v, q) in the order (q, N_v)."""
    if not machine.visible.site_shape:
        return None
    columns = torch.arange(len(machine.visible_bias))
    return columns.view(machine.sites, -1).T.flatten()


@cache
def _multiplies() -> bool:
    """Whether this torch has its product of integers, which is not a public one."""
    x = torch.tensor([[1, -1, 0], [127, 1, 1]], dtype=torch.int8)
    matrix = torch.arange(-6, 6, dtype=torch.int8).reshape(3, 4)
    room = torch.empty(2, 4, dtype=torch.int32)
    try:
        torch._int_mm(x, matrix, out=room)  # pyright: ignore[reportPrivateImportUsage]
    except (AttributeError, RuntimeError):
        return False
    return bool(torch.equal(room, x.int() @ matrix.int()))


STEPS = IntegerSteps
