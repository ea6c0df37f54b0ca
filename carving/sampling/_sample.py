"""``sample``: configurations of the visible layer from a machine's own distribution."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from numbers import Integral

import numpy as np
import torch
from torch import Tensor

from carving._device import resolve_device
from carving._progress import Progress, ProgressCallback
from carving.checkpoints import CheckpointSequence
from carving.data import Samples
from carving.errors import InvalidInput
from carving.rbm import RBM
from carving.sampling._clamp import Clamp, read_clamp
from carving.sampling._codes import decode
from carving.sampling._flat import FlatMachine
from carving.sampling._ladder import Ladder
from carving.sampling._rungs import choose_rungs, numbers_a_chain, temperatures, trajectory
from carving.sampling._starting_rows import StartingRows
from carving.sampling.steps import choose_steps, steps_names

STARTS = ("data", "random", "tempering", "trajectory")

# Gibbs steps between two rounds of swaps; a round costs about as much as two steps
_BETWEEN_SWAPS = 5
# Gibbs steps for which chains stay on a rung when they first climb the ladder
_CLIMBING = 20
# numbers in one buffer of all rungs, 128 MiB in single precision; a ladder has some six such buffers
_NUMBERS_AT_ONCE = 2**25
_LARGEST_SEED = 2**32 - 1


def sample(
    machine: RBM | CheckpointSequence,
    count: int,
    *,
    age: int | None = None,
    start: str | None = None,
    samples: Samples | np.ndarray | Tensor | None = None,
    steps: int = 1000,
    clamp: Mapping[int, int] | np.ma.MaskedArray | None = None,
    swaps: float = 0.4,
    arithmetic: str = "fastest",
    seed: int | torch.Generator = 0,
    device: str | None = None,
    progress: ProgressCallback | None = None,
) -> Samples:
    """Samples v from p(v) ∝ e^{−F(v)}, F of (2), by block Gibbs steps; one chain for each.

    Chains that are started from data or at random stay in the state that they fall into where the machine
    is strongly ordered. Tempering carries them over the barriers: each chain has companions at inverse
    temperatures from 0 up to the machine's own, or at younger ages of its training, and neighbours swap
    their configurations with the probability that leaves the distribution of each as it is.

    Parameters
    ----------
    machine
        A machine, or the checkpoints of one.
    count
        How many samples.
    age
        Which of the checkpoints, in gradient updates; by default the oldest.
    start
        ``"data"``: from rows of ``samples``, in random order, each once before any comes again;
        ``"random"``: from independent sites; ``"tempering"``: along inverse temperatures;
        ``"trajectory"``: along the checkpoints, whose first must be so young that it mixes by itself. By
        default from data where there are samples, else at random.
    samples
        For ``start="data"``: (n, N_v), or one-hot (n, N_v, q) for Potts. By default those that the
        checkpoints hold.
    steps
        Gibbs steps of every chain.
    clamp
        What is known: ``{site: value}`` for all samples alike, or a :class:`numpy.ma.MaskedArray` of shape
        (count, N_v) or (N_v,) whose masked entries are free. Values as samples have them; codes for Potts.
        These sites keep them, and the others are drawn from p(v_free | v_clamped).
    swaps
        For tempering: the probability that neighbours swap, which decides how many companions there are.
    arithmetic
        How Gibbs steps are made: ``"plain"``, in the machine's precision; ``"integer"``, several times as
        fast on a CPU, with probabilities that are off by some 10⁻⁵; ``"fastest"``, whichever is.
    seed
        Of everything random, or a generator to go on with. The same seed gives the same samples on the
        same machine with as many threads.
    device
        ``"cpu"``, ``"cuda:N"`` or ``"auto"``; by default where the machine is.
    progress
        Called with the Gibbs steps done; says how many companions there are and how often they swap.

    Returns
    -------
    Samples
        ``values`` (count, N_v), uint8 or int8, codes for Potts; names ``"0"`` … ``"count−1"``.

    Raises
    ------
    InvalidInput
        For a setting out of range, an age that there is not, or samples or clamped values that do not fit
        the machine.

    Examples
    --------
    >>> samples = carving.sample(run, 1000, start="trajectory")  # doctest: +SKIP
    >>> carving.sample(run, 10, clamp={0: 1, 7: 0}).values[:, [0, 7]]  # doctest: +SKIP
    """
    _check("count", count, 1)
    _check("steps", steps, 0)
    if isinstance(swaps, bool) or not 0 < swaps < 1:
        raise InvalidInput(f"swaps: {swaps!r} is no probability; give a number between 0 and 1, such as 0.4")
    run = machine if isinstance(machine, CheckpointSequence) else None
    age = _age(run, age)
    wanted = machine if run is None else run.at_age(age)
    if not isinstance(wanted, RBM):
        raise InvalidInput(
            f"machine: is a {type(machine).__name__}; give an RBM, or what carving.open_checkpoints gives"
        )
    if device is not None:
        wanted = wanted.to(device=resolve_device(device))
    rows = StartingRows.find(start, samples, run, wanted)
    start = _start(start, rows, run, age)
    known = None if clamp is None else read_clamp(clamp, wanted, count)
    words = f"one of fastest, {', '.join(steps_names())}"
    how = choose_steps(arithmetic, FlatMachine(wanted), fastest="fastest", known=words)
    generator = _generator(seed, wanted.device)
    report = progress or _silent

    rungs = [wanted]
    if rows is None and start != "random":
        report(Progress("choosing rungs", 0, 1))
        candidates = temperatures(wanted) if start == "tempering" else trajectory(run, wanted, age)
        rungs = choose_rungs(candidates, swaps, generator, steps=how, clamp=known)
        report(Progress("choosing rungs", 1, 1, f"{len(rungs)} kept"))
    if rows is not None:
        rows.shuffle(count, generator)

    at_once = max(1, _NUMBERS_AT_ONCE // numbers_a_chain(rungs))
    parts = torch.arange(count, device=wanted.device).split(at_once)
    codes = []
    for number, chains in enumerate(parts):
        ladder = Ladder(rungs, len(chains), generator, steps=how)
        if rows is not None:
            ladder.top.set(rows.statistics(chains, wanted))
        if known is not None:
            _hold(ladder, known, chains)
        _climb(ladder, generator)
        _advance(ladder, steps, generator, report, done=number * steps, total=len(parts) * steps)
        codes.append(decode(wanted.visible, ladder.top.statistics()))
    values = np.concatenate(codes)
    where = "samples of a machine" if run is None else f"{run.path}: samples at age {age}"
    names = np.array([str(number) for number in range(count)], dtype=object)
    return Samples(values, names, None if run is None else run.alphabet, where)


def _hold(ladder: Ladder, clamp: Clamp, chains: Tensor) -> None:
    for rung in ladder.rungs:
        rung.hold(*clamp.rows(chains))


def _climb(ladder: Ladder, generator: torch.Generator) -> None:
    """Let every rung begin where the one below has come to, which is nearer than independent sites."""
    for lower, upper in pairwise(ladder.rungs):
        lower.advance(_CLIMBING, generator)
        upper.set(lower.visible)


def _advance(
    ladder: Ladder, steps: int, generator: torch.Generator, report: ProgressCallback, *, done: int, total: int
) -> None:
    for begun in range(0, steps, _BETWEEN_SWAPS):
        now = min(_BETWEEN_SWAPS, steps - begun)
        ladder.advance(now, generator)
        report(Progress("sampling", done + begun + now, total, _told(ladder)))


def _told(ladder: Ladder) -> str:
    if len(ladder.rungs) == 1:
        return ""
    return f"{len(ladder.rungs)} rungs, at least {float(ladder.accepted.min()):.0%} of swaps accepted"


def _silent(_: Progress) -> None:
    pass


def _check(name: str, value: object, least: int) -> None:
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise InvalidInput(f"{name}: {value!r} is not a whole number from {least} up; give one")


def _age(run: CheckpointSequence | None, age: int | None) -> int:
    if run is None:
        if age is not None:
            raise InvalidInput("age: a machine has one age only; leave it out, or give its checkpoints")
        return 0
    if len(run) == 0:
        raise InvalidInput(f"{run.path}: holds no checkpoint yet; train or import at least one first")
    return int(run.ages[-1]) if age is None else int(run.select([age])[0])


def _start(start: str | None, rows: StartingRows | None, run: CheckpointSequence | None, age: int) -> str:
    if start is None:
        return "random" if rows is None else "data"
    if start not in STARTS:
        raise InvalidInput(f"start: {start!r} is not known; give one of {', '.join(STARTS)}")
    if start == "trajectory" and (run is None or age == run.ages[0]):
        raise InvalidInput(
            "start: trajectory needs checkpoints younger than the machine; give them, or start with tempering"
        )
    return start


def _generator(seed: int | torch.Generator, device: torch.device) -> torch.Generator:
    if isinstance(seed, torch.Generator):
        if seed.device != device:
            raise InvalidInput(
                f"seed: the generator is on {seed.device}, the machine on {device}; make it there"
            )
        return seed
    if not isinstance(seed, Integral) or isinstance(seed, bool) or not 0 <= seed <= _LARGEST_SEED:
        raise InvalidInput(
            f"seed: {seed!r} is not a seed; give a whole number from 0 to {_LARGEST_SEED}, or a generator"
        )
    return torch.Generator(device).manual_seed(int(seed))
