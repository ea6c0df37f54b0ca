"""Statistics of visible units as the small integers that samples are kept in."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from carving.units import Unit


def decode(unit: Unit, statistics: Tensor) -> np.ndarray:
    """What :meth:`carving.Unit.encode` makes ``statistics`` (n, N_v) or (n, N_v, q) of. (n, N_v)

    uint8, or int8 where a unit has values below zero.
    """
    codes = statistics.argmax(-1) if unit.site_shape else statistics
    return codes.cpu().numpy().astype(code_dtype(unit))


def code_dtype(unit: Unit) -> np.dtype:
    """The type of what :func:`decode` gives."""
    if unit.site_shape:
        return np.min_scalar_type(unit.site_shape[0] - 1)
    return np.dtype(np.int8 if bool((unit.configurations(1, torch.float32) < 0).any()) else np.uint8)
