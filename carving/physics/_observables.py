"""Series of observables of several chains: projections, and errors from parts that are independent."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from carving._progress import Progress, ProgressCallback
from carving.errors import InvalidInput
from carving.rbm import RBM
from carving.sampling._chains import GibbsChains
from carving.sampling._flat import FlatMachine
from carving.sampling.steps import choose_steps, steps_names
from carving.training.quality.autocorrelation import FEWEST_TIMES

# fewer parts than this say too little of their own scatter
_PARTS = 20


def flat_directions(rbm: RBM, directions: Tensor) -> Tensor:
    """Directions as columns (N_v·q, k), float64, on the machine's device.

    Raises
    ------
    InvalidInput
        If they are not (N_v, k), or (N_v, q, k) for Potts, or are not finite.
    """
    shape = tuple(rbm.visible_bias.shape)
    if directions.ndim != len(shape) + 1 or tuple(directions.shape[:-1]) != shape or not directions.shape[-1]:
        raise InvalidInput(
            f"directions: have shape {tuple(directions.shape)}; give ({', '.join(map(str, shape))}, k)"
        )
    if not bool(torch.isfinite(directions).all()):
        raise InvalidInput("directions: hold NaN or an infinite value; give finite ones")
    return directions.detach().to(rbm.device, torch.float64).reshape(-1, directions.shape[-1])


def project_chains(
    rbm: RBM,
    directions: Tensor,
    *,
    chains: int,
    steps: int,
    burn_in: int,
    generator: torch.Generator,
    centre: Tensor | None = None,
    starts: Tensor | None = None,
    thin: int = 1,
    arithmetic: str = "fastest",
    progress: ProgressCallback | None = None,
) -> Tensor:
    """s_α = u^α·(v − m_v) along block Gibbs chains (mathematics §6), for susceptibility and relaxation.

    4 · chains · N_v·q · N_h flops a step, and no memory that grows beyond the series.

    Parameters
    ----------
    rbm
        The machine.
    directions
        u, one a column: (N_v, k), or (N_v, q, k) for Potts.
    chains
        How many.
    steps
        Gibbs steps that are recorded, every ``thin`` of them once.
    burn_in
        Gibbs steps before; several relaxation times.
    generator
        For the draws, on the machine's device.
    centre
        m_v, (N_v,) or (N_v, q); by default zero.
    starts
        Where chains begin: (chains, N_v) or one-hot (chains, N_v, q), statistics of the visible unit; or one
        such row for all. By default independent sites, as without weights.
    thin
        Gibbs steps between two times of the series.
    arithmetic
        ``"plain"``, ``"integer"`` or ``"fastest"``, as :func:`carving.sampling.sample` takes it.
    progress
        Called with the Gibbs steps done.

    Returns
    -------
    Tensor
        (steps // thin, chains, k), float64, on the machine's device.

    Raises
    ------
    InvalidInput
        If shapes are not of this machine, or a setting is out of range.
    """
    for name, value, least in (("chains", chains, 1), ("thin", thin, 1), ("burn_in", burn_in, 0)):
        if value < least:
            raise InvalidInput(f"{name}: {value} is too few; give at least {least}")
    if steps < thin:
        raise InvalidInput(f"steps: {steps} are too few to record; give at least thin = {thin}")
    columns = flat_directions(rbm, directions)
    machine = FlatMachine(rbm)
    how = choose_steps(arithmetic, machine, fastest="fastest", known=f"fastest, {', '.join(steps_names())}")
    run = GibbsChains(machine, chains, generator, steps=how)
    if starts is None:
        hidden = machine.hidden.mean(machine.rows(chains)[1].zero_())
        run.draw_from(machine, hidden, generator)
    else:
        run.set(_starts(rbm, starts, chains))

    report = progress or _silent
    projection = columns.to(rbm.dtype)
    series = columns.new_empty(steps // thin, chains, columns.shape[1])
    total = burn_in + len(series) * thin
    for done in range(0, burn_in, thin):
        run.advance(min(thin, burn_in - done), generator)
        report(Progress("Gibbs chains", min(done + thin, burn_in), total, "burn-in"))
    for time in range(len(series)):
        run.advance(thin, generator)
        series[time] = run.visible @ projection
        report(Progress("Gibbs chains", burn_in + (time + 1) * thin, total))
    return series if centre is None else series.sub_(_centre(rbm, centre) @ columns)


def _starts(rbm: RBM, starts: Tensor, chains: int) -> Tensor:
    shape = tuple(rbm.visible_bias.shape)
    rows = starts[None] if tuple(starts.shape) == shape else starts
    if tuple(rows.shape[1:]) != shape or len(rows) not in (1, chains):
        raise InvalidInput(
            f"starts: have shape {tuple(starts.shape)}; give ({chains}, {', '.join(map(str, shape))})"
        )
    return rows.to(rbm.weights).flatten(1).expand(chains, -1)


def _centre(rbm: RBM, centre: Tensor) -> Tensor:
    if centre.shape != rbm.visible_bias.shape:
        raise InvalidInput(
            f"centre: has shape {tuple(centre.shape)}; the machine needs {tuple(rbm.visible_bias.shape)}"
        )
    return centre.detach().to(rbm.device, torch.float64).flatten()


def _silent(_: Progress) -> None:
    pass


def independent_parts(values: np.ndarray) -> np.ndarray:
    """(chains, times) as parts whose scatter gives errors, (parts, length): the chains themselves, cut where
    they are fewer than twenty. Times at the end that fill no part are left out."""
    chains, times = values.shape
    cuts = max(1, min(math.ceil(_PARTS / chains), times // FEWEST_TIMES))
    length = times // cuts
    return values[:, : cuts * length].reshape(chains * cuts, length)


def leave_one_out(parts: np.ndarray) -> np.ndarray:
    """Means over all rows but one, for each; of a single row, itself."""
    count = len(parts)
    return parts if count == 1 else (parts.sum(0) - parts) / (count - 1)


def jackknife_error(estimates: np.ndarray) -> np.ndarray:
    """Standard error from the estimates without each part, along the first axis; NaN of a single one."""
    count = len(estimates)
    if count == 1:
        return np.full(estimates.shape[1:], np.nan)
    return np.sqrt((count - 1) * estimates.var(0))
