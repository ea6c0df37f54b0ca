"""Plain sweeps of layers whose states are single numbers, by the compiled code of ``_sweep.cpp``.

It is compiled when carving is installed where there is a compiler, once for each kind of processor;
where it is not, :class:`carving.units._scalar_sweep.ScalarSweep` does the same, with few rows a few
times slower.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from itertools import cycle
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import pad

from carving.units._sweeps import State, Sweeps
from carving.units._unit import FACTORIAL, RESULTS_KEPT

# what torch calls this processor, and the libraries that it can run, best first
_LIBRARIES = {"AVX512": ("avx512", "avx2"), "AVX2": ("avx2",)}
# a machine of more weights does not stay in the caches between one few rows and the next
_MOST_WEIGHTS = 1 << 21


@dataclass(frozen=True)
class ClosedForm:
    """A unit in numbers, for code that cannot call it.

    Attributes
    ----------
    gain, scale, shift
        m = scale / (1 + exp(−gain θ)) + shift; where ``scale`` is None, m = gain θ.
    second, third
        κ₂ and κ₃ as polynomials in m: coefficients of 1, m, m², m³.
    """

    gain: float
    scale: float | None = None
    shift: float = 0.0
    second: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    third: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)


class _Layer(ctypes.Structure):
    _fields_ = (
        ("size", ctypes.c_int64),
        ("bias", ctypes.c_void_p),
        ("panels", ctypes.c_void_p),
        ("order", ctypes.c_int32),
        ("logistic", ctypes.c_int32),
        ("gain", ctypes.c_float),
        ("scale", ctypes.c_float),
        ("shift", ctypes.c_float),
        ("cumulant", ctypes.c_float * 4 * 2),
        ("reaction", ctypes.c_float * 3 * 2),
    )


class _Rows(ctypes.Structure):
    _fields_ = (
        ("visible", ctypes.c_void_p),
        ("hidden", ctypes.c_void_p),
        ("of_visible", ctypes.c_void_p * 3),
        ("of_hidden", ctypes.c_void_p * 3),
    )


def library_names() -> tuple[str, ...]:
    """The libraries that this processor can run, best first."""
    return _LIBRARIES.get(torch.backends.cpu.get_cpu_capability(), ())


@cache
def load(name: str) -> ctypes.CDLL | None:
    """A compiled library, None where it was not built."""
    for suffix in EXTENSION_SUFFIXES:
        file = Path(__file__).with_name(f"_sweep_{name}{suffix}")
        if file.exists():
            break
    else:
        return None
    try:
        # torch is loaded by now: the library finds torch's threads rather than some of its own, which would
        # compete with those for the same processors
        library = ctypes.CDLL(str(file))
    except OSError:
        return None
    library.panel_width.restype = library.room_of_a_thread.restype = ctypes.c_int64
    library.room_of_a_thread.argtypes = (ctypes.c_int64,)
    library.sweep_rows.restype = None
    pointers, numbers = (ctypes.c_void_p,), (ctypes.c_int64,)
    library.sweep_rows.argtypes = 3 * pointers + 3 * numbers + pointers
    return library


def compiled_for() -> str | None:
    """The kind of processor, the best that this one is, for which there are compiled sweeps; None where torch
    makes them all, because none were compiled or this processor is another."""
    return next((name for name in library_names() if load(name) is not None), None)


def compiled_sweep(
    visible: ClosedForm | None,
    visible_bias: Tensor,
    powers: Sequence[Tensor],
    hidden: ClosedForm | None,
    hidden_bias: Tensor,
    rows: int,
) -> CompiledSweep | None:
    """The sweep of these layers; None where another serves."""
    fits = visible_bias.dtype == torch.float32 and visible_bias.device.type == "cpu"
    fits &= 0 < powers[0].numel() <= _MOST_WEIGHTS
    processor = compiled_for() if fits else None
    library = None if processor is None else load(processor)
    if library is None or visible is None or hidden is None:
        return None
    return CompiledSweep(library, visible, visible_bias, powers, hidden, hidden_bias, rows)


class CompiledSweep(Sweeps):
    """At most ``rows`` rows, in float32; a few of them go through all their sweeps, then the next few.

    Results are views of buffers. Those of :meth:`sweep` are good until the third call of it after, those of
    :meth:`last_three` until the second.
    """

    def __init__(
        self,
        library: ctypes.CDLL,
        visible: ClosedForm,
        visible_bias: Tensor,
        powers: Sequence[Tensor],
        hidden: ClosedForm,
        hidden_bias: Tensor,
        rows: int,
    ) -> None:
        self._library = library
        weights = powers[0]
        width, order = library.panel_width(), len(powers)
        visible_bias, hidden_bias = visible_bias.contiguous(), hidden_bias.contiguous()
        panels = _panels(weights.mT, width), _panels(weights, width)
        # what the layers point to
        self._kept = visible_bias, hidden_bias, panels
        self._visible = _layer(visible, visible_bias, panels[0], hidden, order)
        self._hidden = _layer(hidden, hidden_bias, panels[1], visible, order)
        self._room_of_a_thread = library.room_of_a_thread(max(weights.shape))
        self._room = weights.new_empty(0)
        self._rows, self._sizes = rows, weights.shape

        def buffers(count: int) -> list[State]:
            return [
                (weights.new_empty(rows, len(visible_bias)), weights.new_empty(rows, len(hidden_bias)))
                for _ in range(count)
            ]

        self._singles = cycle(buffers(RESULTS_KEPT))
        self._triples = cycle([buffers(3), buffers(3)])

    def sweep(self, m_v: Tensor, m_h: Tensor) -> State:
        return self._sweep(m_v, m_h, 1, [next(self._singles)] * 3)[0]

    def last_three(self, m_v: Tensor, m_h: Tensor, sweeps: int) -> tuple[State, State, State]:
        if sweeps < 3:
            return super().last_three(m_v, m_h, sweeps)
        states = self._sweep(m_v, m_h, sweeps, next(self._triples))
        before, middle, last = (states[(sweeps - back) % 3] for back in (3, 2, 1))
        return before, middle, last

    def _sweep(self, m_v: Tensor, m_h: Tensor, sweeps: int, into: Sequence[State]) -> list[State]:
        """The states after sweeps 1, 4, 7 …, after 2, 5, 8 … and after 3, 6, 9 …, in ``into``."""
        n, threads = len(m_v), torch.get_num_threads()
        shapes = m_v.shape, m_h.shape
        if n > self._rows or shapes != tuple((n, size) for size in self._sizes):
            raise ValueError(f"states of shapes {shapes} do not fit {self._rows} rows of {self._sizes} units")
        if len(self._room) < threads * self._room_of_a_thread:
            self._room = m_v.new_empty(threads * self._room_of_a_thread)
        m_v, m_h = (x.to(self._room.dtype).contiguous() for x in (m_v, m_h))
        results = [(v[:n], h[:n]) for v, h in into]
        rows = _Rows(m_v.data_ptr(), m_h.data_ptr())
        rows.of_visible[:] = [v.data_ptr() for v, _ in results]
        rows.of_hidden[:] = [h.data_ptr() for _, h in results]
        self._library.sweep_rows(
            ctypes.byref(self._visible),
            ctypes.byref(self._hidden),
            ctypes.byref(rows),
            n,
            sweeps,
            threads,
            self._room.data_ptr(),
        )
        return results


def _panels(weights: Tensor, width: int) -> Tensor:
    """(from, N) as the compiled code takes it: panels of so many columns, one after the other."""
    padded = pad(weights, (0, -weights.shape[1] % width))
    return padded.reshape(len(weights), -1, width).transpose(0, 1).contiguous()


def _layer(unit: ClosedForm, bias: Tensor, panels: Tensor, sender: ClosedForm, order: int) -> _Layer:
    """A layer of units to which ``panels`` lead from those of a sender."""
    layer = _Layer(
        size=len(bias),
        bias=bias.data_ptr(),
        panels=panels.data_ptr(),
        order=1,
        logistic=unit.scale is not None,
        gain=unit.gain,
        scale=unit.scale or 0.0,
        shift=unit.shift,
    )
    for r, cumulant in enumerate((unit.second, unit.third), start=2):
        reaction = [k * c / FACTORIAL[r - 1] for k, c in enumerate(cumulant) if k > 0]
        layer.cumulant[r - 2][:] = cumulant
        layer.reaction[r - 2][:] = reaction
        if r <= order and any(reaction) and any((sender.second, sender.third)[r - 2]):
            layer.order = r
    return layer
