"""Sites that keep a value while the others are sampled given them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral

import numpy as np
import torch
from torch import Tensor

from carving.errors import InvalidInput
from carving.rbm import RBM
from carving.sampling._codes import decode

_REMEDY = "give {site: value}, or a numpy.ma.MaskedArray whose masked entries are free"


@dataclass(frozen=True, eq=False)
class Clamp:
    """Which sites of which chains are held, and where.

    Attributes
    ----------
    statistics
        (chains, N_v·q), or (1, N_v·q) for all chains; anything where a site is free.
    held
        Like ``statistics``, bool.
    """

    statistics: Tensor
    held: Tensor

    def rows(self, chains: Tensor) -> tuple[Tensor, Tensor]:
        """Statistics and whether they are held, for these of the chains. Two of (chains, N_v·q)"""
        if len(self.held) == 1:
            shape = len(chains), self.held.shape[1]
            return self.statistics.expand(shape), self.held.expand(shape)
        return self.statistics[chains], self.held[chains]


def read_clamp(clamp: Mapping[int, int] | np.ma.MaskedArray, machine: RBM, count: int) -> Clamp:
    """What :func:`carving.sample` is given, checked against the machine and the number of samples.

    Raises
    ------
    InvalidInput
        For a site that there is not, a value that its unit does not take, or another shape.
    """
    if isinstance(clamp, Mapping):
        values, held = _of_sites(clamp, machine.visible_size)
    elif isinstance(clamp, np.ma.MaskedArray):
        values, held = _of_masked(clamp, machine.visible_size, count)
    else:
        raise InvalidInput(f"clamp: {type(clamp).__name__} says nothing about free sites; {_REMEDY}")
    # free entries may hold anything, and the unit shall look at the others only
    some_value = decode(machine.visible, machine.visible.configurations(1, machine.dtype)).flat[0]
    encoded = machine.visible.encode(np.where(held, values, some_value), machine.dtype, source="clamp")
    by_state = torch.from_numpy(held).reshape(*held.shape, *[1] * len(machine.visible.site_shape))
    return Clamp(
        encoded.flatten(1).to(machine.device),
        by_state.expand(encoded.shape).flatten(1).to(machine.device),
    )


def _of_sites(clamp: Mapping[int, int], sites: int) -> tuple[np.ndarray, np.ndarray]:
    values, held = np.zeros((1, sites)), np.zeros((1, sites), dtype=bool)
    for site, value in clamp.items():
        if not isinstance(site, Integral) or not 0 <= site < sites:
            raise InvalidInput(f"clamp: there is no site {site!r}; the machine has the sites 0 … {sites - 1}")
        try:
            values[0, site] = value
        except (TypeError, ValueError):
            raise InvalidInput(
                f"clamp: site {site}: {value!r} is no number; give the value, or a letter's code"
            ) from None
        held[0, site] = True
    return values, held


def _of_masked(clamp: np.ma.MaskedArray, sites: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    if clamp.dtype.kind not in "biuf":
        raise InvalidInput(f"clamp: is of type {clamp.dtype}, not numbers; give values, or codes of letters")
    if clamp.shape not in ((sites,), (count, sites)):
        raise InvalidInput(
            f"clamp: has shape {clamp.shape}; {count} samples of {sites} sites need ({count}, {sites}), "
            f"or ({sites},) for all alike"
        )
    table = np.ma.atleast_2d(clamp)
    # filled, since numpy does not say what is left where the mask is
    return table.filled(0).astype(np.float64), ~np.ma.getmaskarray(table)
