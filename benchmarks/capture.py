"""Does a row get the fixed point that plain sweeps reach from it? Rows and machines that chose no threshold.

    python benchmarks/capture.py [--machines random trained genomes kunitz digits] [--rows N] [--seed 1000]

A row leaves its sweeps as soon as a known point captures it; here it is compared with the point that
plain float64 sweeps reach from the same start when they are continued to a step of 1e-13; where they do
not stop, with that of layer-exact sweeps, and last of damped ones. Rows whose point is further from
that than 1e-5 are wrong. Each of them is printed, with every row whose estimated error is below the
true one, and with how many of `PERTURBED` starts that differ by `PERTURBATION` end in the reference's
point: where some do not, the row says nothing about the rule, since no two computers would agree on it.

digits, genomes and kunitz
    The real data, at ages and from rows that were not looked at when thresholds were chosen. They are
    looked for in CARVING_SHARED, ../shared unless set.
trained
    Machines of other units than those, trained here on a generated tree of states; half of the rows
    are samples, half are mixtures of two samples, which begin near the boundaries of basins.
random
    Random machines of every pair of units and order, each scaled until the sweep's Jacobian at the
    point of one sample has a leading eigenvalue of 0.98 to 0.999.
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from error_estimates import shared_folder, stored_machines
from torch import Tensor

import carving
from carving import RBM
from carving.data import random_tree, read_samples
from carving.meanfield import Plefka, fixed_points, stability
from carving.meanfield.solver import Solver

REFERENCE_STEP = 1e-13
REFERENCE_SWEEPS = 20_000
LOOK_EVERY = 8
# back within this after `LOOK_EVERY` sweeps, but moving: a cycle, which need not be swept to the end
CLOSED, MOVING = 1e-12, 1e-6
DAMPING = 0.25
# a machine is dear to sweep in float64 beyond what fits into the cache
ROWS_AT_ONCE = 2048
WRONG_BEYOND = 1e-5
PERTURBED, PERTURBATION = 16, 1e-7
# rows printed for each of the wrong and of the underestimated ones of a machine
PRINTED = 12

PLAIN, LAYER_EXACT, DAMPED, NOWHERE = 0, 1, 2, 3
METHODS = ("plain", "layer-exact", "damped", "nowhere")

# file of the samples, the rows that chose no threshold, default rows at an age, and ages
REAL = {
    "digits": ("mnist", "mnist10k.npz", (2000, 10_000), 900, (6887, 5104, 3256, 2077, 1540, 1143)),
    "genomes": ("hgd", "hgd.npz", (0, 5008), 2500, (6887, 4394, 2803, 1788, 982, 464)),
    "kunitz": ("kunitz", "kunitz.fasta.gz", (500, 11_819), 1200, (4000, 3250, 2147, 1745, 1418, 761)),
}
TRAINED = (("spin", "spin"), ("bernoulli", "gaussian"), ("potts", "spin"))
TRAINED_ROWS, TRAINED_AGES, TRAINED_SEEDS = 4000, 6, 2
RANDOM_MACHINES, RANDOM_ROWS = 200, 20
LEADING = (0.98, 0.999)
# how that point is followed: the weights that are tried, as the leading singular value between spins
FOLLOWED_SWEEPS, HALVINGS, WEAKEST, WIDEN, STRONGEST = 2000, 60, 0.4, 1.15, 5.0
PAIRS = list(itertools.product(("bernoulli", "spin", "potts"), ("bernoulli", "spin", "gaussian")))

State = tuple[Tensor, Tensor]


@dataclass
class Reference:
    """Where sweeps lead when nothing ends them early; one entry a row."""

    visible: Tensor
    hidden: Tensor
    method: Tensor
    sweeps: Tensor
    travelled: Tensor


@dataclass(frozen=True)
class Compared:
    """One entry a row: what the solver said, and how far its point is from the reference."""

    converged: np.ndarray
    captured: np.ndarray
    estimate: np.ndarray
    true_error: np.ndarray
    sweeps: np.ndarray
    without_reference: np.ndarray

    @classmethod
    def joined(cls, parts: list[Compared]) -> Compared:
        """Several machines as one."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    @property
    def wrong(self) -> np.ndarray:
        """Rows that have another point than their reference."""
        return self.converged & ~self.without_reference & (self.true_error > WRONG_BEYOND)

    @property
    def right(self) -> np.ndarray:
        """Rows that have the same point."""
        return self.converged & ~self.without_reference & ~self.wrong

    @property
    def underestimated(self) -> np.ndarray:
        """Those of them that are further from it than they say."""
        return self.right & (self.estimate < self.true_error)


class WatchedSolver(Solver):
    """A solver that remembers how rows were when they were captured."""

    def watched_run(self, start: State) -> carving.FixedPoints:
        """As :meth:`Solver.run`, and the attributes below are told of each row."""
        number = torch.full((len(start[0]),), torch.nan, dtype=torch.float64)
        self.distance, self.ratio, self.bits = number.clone(), number.clone(), number.clone()
        self.captured_at = number.clone()
        return self.run(*start)

    def _capture(self, stage, active) -> None:
        before = self.point[active.rows] >= 0
        super()._capture(stage, active)
        new = torch.nonzero(~before & (self.point[active.rows] >= 0))[:, 0]
        if not len(new):
            return
        # the buffers of stage.sweeps are the solver's own: another call of it would overwrite them
        sweep = stage.plefka.sweep if stage.kind == PLAIN else stage.sweeps.sweep
        state, swept = (active.middle_v[new], active.middle_h[new]), (active.v[new], active.h[new])
        chosen = active.rows[new]
        which = self.point[chosen]
        assert self.known is not None
        ratio = self.known.nonlinearity(stage.plefka, sweep, stage.kind, state, swept, which)
        self.ratio[chosen] = ratio.double()
        self.distance[chosen] = (active.h[new].double() - self.known.hidden[which]).norm(dim=1)
        self.bits[chosen] = torch.finfo(stage.plefka.dtype).bits
        self.captured_at[chosen] = active.count[new].double()


def reference_points(plefka: Plefka, start: State) -> Reference:
    """Every row to a step of `REFERENCE_STEP`, each by the first kind of sweep that gets there."""
    parts = [
        _reference_of_some(plefka, (v, h))
        for v, h in zip(start[0].split(ROWS_AT_ONCE), start[1].split(ROWS_AT_ONCE), strict=True)
    ]
    return Reference(
        *(torch.cat([getattr(part, field.name) for part in parts]) for field in fields(Reference))
    )


def _reference_of_some(plefka: Plefka, start: State) -> Reference:
    def damped(v: Tensor, h: Tensor) -> State:
        swept = plefka.sweep(v, h)
        return torch.lerp(v, swept[0], DAMPING), torch.lerp(h, swept[1], DAMPING)

    n = len(start[0])
    number = torch.zeros(n, dtype=torch.int64)
    found = Reference(start[0].clone(), start[1].clone(), number + NOWHERE, number, number.double())
    rows = torch.arange(n)
    for method, sweep in ((PLAIN, plefka.sweep), (LAYER_EXACT, plefka.layer_exact_sweep), (DAMPED, damped)):
        if len(rows):
            rows = _sweep_to_the_end(plefka, sweep, method, start, rows, found)
    return found


def _sweep_to_the_end(
    plefka: Plefka,
    sweep: Callable[[Tensor, Tensor], State],
    method: int,
    start: State,
    rows: Tensor,
    found: Reference,
) -> Tensor:
    """Write the points of those ``rows`` that stop into ``found``; the others."""
    v, h = start[0][rows], start[1][rows]
    travelled, left = torch.zeros(len(rows), dtype=torch.float64), []
    for count in range(LOOK_EVERY, REFERENCE_SWEEPS + 1, LOOK_EVERY):
        first = v, h
        for _ in range(LOOK_EVERY):
            before = v, h
            v, h = sweep(v, h)
        step = plefka.size(v - before[0], h - before[1])
        travelled += LOOK_EVERY * step
        stopped = step < REFERENCE_STEP
        closed = (plefka.size(v - first[0], h - first[1]) < CLOSED) & (step > MOVING)
        last = count + LOOK_EVERY > REFERENCE_SWEEPS
        gone = stopped | closed | last
        if bool(gone.any()):
            ended = rows[stopped]
            found.visible[ended], found.hidden[ended] = v[stopped], h[stopped]
            found.method[ended], found.sweeps[ended] = method, count
            found.travelled[ended] = travelled[stopped]
            left.append(rows[gone & ~stopped])
            rows, v, h, travelled = rows[~gone], v[~gone], h[~gone], travelled[~gone]
            if not len(rows):
                break
    return torch.cat(left)


def compare(name: str, rbm: RBM, visible: Tensor, order: int) -> Compared:
    """Solve the rows that start from these visible statistics, and print whatever is wrong with them."""
    plefka = Plefka(rbm, order)
    start = plefka.start(visible)
    solver = WatchedSolver(plefka)
    points = solver.watched_run(start)
    reference = reference_points(plefka, start)
    distance = plefka.size(points.visible - reference.visible, points.hidden - reference.hidden)
    compared = Compared(
        converged=points.converged.numpy(),
        captured=torch.isfinite(solver.distance).numpy(),
        estimate=points.error.numpy(),
        true_error=distance.numpy(),
        sweeps=points.sweeps.numpy(),
        without_reference=(reference.method == NOWHERE).numpy(),
    )
    assert int(compared.captured.sum()) == solver.spent.captured
    for what, rows in (("WRONG", compared.wrong), ("estimate below true error", compared.underestimated)):
        for row in np.flatnonzero(rows)[:PRINTED].tolist():
            print(f"  {what}: {name} order {order} row {row}: {_told(solver, points, reference, row)}")
        if rows.sum() > PRINTED:
            print(f"  … and {rows.sum() - PRINTED} more of {name}")
    return compared


def _told(solver: WatchedSolver, points: carving.FixedPoints, reference: Reference, row: int) -> str:
    """All that is known of one row."""
    plefka, known, index = solver.plefka, solver.known, int(solver.point[row])
    assert known is not None
    point = points[row : row + 1]
    true_error = plefka.size(
        point.visible - reference.visible[row : row + 1], point.hidden - reference.hidden[row : row + 1]
    )
    how = "arrived"
    if math.isfinite(solver.distance[row]):
        how = (
            f"captured in float{solver.bits[row]:.0f} after {solver.captured_at[row]:.0f} sweeps "
            f"at {solver.distance[row]:.3g}, ratio {solver.ratio[row]:.3g}"
        )
    visible = solver._start[0][row : row + 1].repeat(PERTURBED, *[1] * (solver._start[0].ndim - 1))
    generator = torch.Generator().manual_seed(row)
    noise = torch.randn(visible.shape, generator=generator, dtype=visible.dtype)
    again = reference_points(plefka, plefka.start(visible + PERTURBATION * noise))
    agree = (
        plefka.size(again.visible - reference.visible[row], again.hidden - reference.hidden[row])
        <= WRONG_BEYOND
    )
    linear = stability(_machine_of(solver), known.visible[index], known.hidden[index], order=plefka.order)
    return (
        f"{METHODS[int(point.method[0])]}, {how}; estimate {float(point.error[0]):.2e}, true error "
        f"{float(true_error):.2e}; point's gap {[f'{x:.3g}' for x in known.gap[index, :, 0].tolist()]}, "
        f"exactly {1 - linear.spectral_radius:.3g}, {'stable' if linear.stable else 'saddle'}; reference "
        f"{METHODS[int(reference.method[row])]} in {int(reference.sweeps[row])} sweeps, way "
        f"{float(reference.travelled[row]):.1f}, {int(agree.sum())} of {PERTURBED} perturbed starts agree"
    )


def _machine_of(solver: Solver) -> RBM:
    plefka = solver.plefka
    return RBM(
        plefka.powers[0], plefka.visible_bias, plefka.hidden_bias, plefka.visible, plefka.hidden, beta=1.0
    )


def real_machines(name: str, rows: int | None, folder: Path) -> Iterator[tuple[str, RBM, Tensor, int]]:
    """Every age of one of the real machines, with rows spread over those that chose no threshold."""
    stored, file, (first, end), default, ages = REAL[name]
    shared = shared_folder()
    run = stored_machines(shared, stored, folder)
    samples = read_samples(shared / "data" / file, rows=slice(first, end)).values
    chosen = np.unique(np.linspace(0, len(samples) - 1, rows or default).round().astype(int))
    for age in ages:
        nearest = int(run.ages[np.abs(run.ages - age).argmin()])
        rbm = run.at_age(nearest)
        yield f"age {nearest}", rbm, rbm.visible.encode(samples[chosen], torch.float64), 2


def trained_machines(
    rows: int | None, seed: int, folder: Path, pairs: Sequence[tuple[str, str]] = TRAINED
) -> Iterator[tuple[str, RBM, Tensor, int]]:
    """Machines of three pairs of units, trained on trees of states that nothing else has seen."""
    count = rows or TRAINED_ROWS
    for visible, hidden in pairs:
        for repeat in range(TRAINED_SEEDS):
            generator = torch.Generator().manual_seed(seed + repeat)
            # sites of a Potts machine are pairs of sites of the tree
            sites = 120 if visible == "potts" else 80
            data = random_tree(
                sites=sites, samples=count, noise=0.06, generator=generator, unit="bernoulli"
            ).samples.astype(np.int64)
            values = {"potts": 2 * data[:, 0::2] + data[:, 1::2], "spin": 2 * data - 1}.get(visible, data)
            path = folder / f"{visible}-{hidden}-{repeat}"
            run = carving.train(
                values.astype(np.int8),
                path,
                visible=visible,
                hidden=30,
                hidden_unit=hidden,
                updates=2500,
                chains=200,
                batch_size=250,
                save="exponential:40",
                seed=seed + repeat,
            )
            # from the first splits on: there are some 2,500 ** (1/40) between ages
            for age in run.ages[::-1][: 4 * TRAINED_AGES : 4].tolist():
                rbm = run.at_age(age)
                encoded = rbm.visible.encode(values, torch.float64)
                half = count // 2
                other = encoded[torch.randperm(count, generator=generator)]
                mask = torch.rand(count, encoded.shape[1], generator=generator, dtype=torch.float64) < 0.5
                mask[:half] = False
                mixed = torch.where(mask.reshape(*mask.shape, *[1] * (encoded.ndim - 2)), other, encoded)
                yield f"{visible}-{hidden} seed {seed + repeat} age {age}", rbm, mixed, 2


@dataclass(frozen=True)
class Drawn:
    """A random machine before it is scaled; in ±1, or in Potts states and ±1."""

    visible: str
    hidden: str
    weights: Tensor
    fields: Tensor

    @classmethod
    def with_patterns(cls, visible: str, hidden: str, generator: torch.Generator) -> Drawn:
        """A few patterns of random strength, noise from very little to as much as they, and little fields."""

        def draw(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        def uniform(low: float, high: float) -> float:
            return low + (high - low) * float(torch.rand(1, generator=generator, dtype=torch.float64))

        sites, units, states = (
            int(torch.randint(*ends, (1,), generator=generator)) for ends in ((6, 40), (4, 20), (3, 6))
        )
        shape = (sites, states) if visible == "potts" else (sites,)
        weights = (
            10 ** uniform(-2, 0) * draw(*shape, units) / (math.sqrt(math.prod(shape)) + math.sqrt(units))
        )
        for number in range(int(torch.randint(1, 5, (1,), generator=generator))):
            pattern, towards = draw(*shape), draw(units)
            if visible == "potts":
                pattern -= pattern.mean(1, keepdim=True)
                pattern *= math.sqrt(states)
            strength = uniform(0.6, 1.0) if number else 1.0
            weights += strength * (pattern / pattern.norm())[..., None] * (towards / towards.norm())
        return cls(visible, hidden, weights, 10 ** uniform(-5, -2) * draw(*shape))

    def scaled(self, scale: float) -> RBM:
        """The machine of so strong weights, in the units that were asked for."""
        spin = "potts" if self.visible == "potts" else "spin"
        hidden = "gaussian" if self.hidden == "gaussian" else "spin"
        weights = scale * self.weights
        bias = torch.zeros(weights.shape[-1], dtype=torch.float64)
        if spin == "potts" and hidden == "spin":
            bias = -weights.mean(1).sum(0)
        return RBM(weights, self.fields, bias, spin, hidden).convert(
            visible="bernoulli" if self.visible == "bernoulli" else None,
            hidden="bernoulli" if self.hidden == "bernoulli" else None,
        )

    def near_transition(self, order: int, generator: torch.Generator) -> tuple[RBM, Tensor] | None:
        """Scaled by bisection so that the point of one sample hardly attracts; and that point's m_h.

        None where no scale does that.
        """
        shape = self.fields.shape
        start = self.scaled(1.0).visible.sample(torch.zeros(1, *shape, dtype=torch.float64), generator)

        def leading(scale: float) -> tuple[float, RBM, Tensor]:
            rbm = self.scaled(scale)
            point = fixed_points(rbm, start, order=order, max_sweeps=FOLLOWED_SWEEPS)
            if not bool(point.converged[0]):
                return 1.0, rbm, point.hidden
            at = stability(rbm, point.visible[0], point.hidden[0], order=order)
            return at.spectral_radius, rbm, point.hidden

        # the eigenvalue grows with the weights up to the transition and falls beyond it: three scales of
        # which the middle one has the largest are narrowed until that is in the range, or beyond it, and
        # then the transition is approached from below
        low, middle, high, largest = WEAKEST, WEAKEST, 0.0, 0.0
        for _ in range(HALVINGS):
            if not high:
                scale = WIDEN * middle
            elif largest > LEADING[1]:
                scale = (low * middle) ** 0.5
            else:
                upper = math.log(high / middle) > math.log(middle / low)
                scale = (middle * (high if upper else low)) ** 0.5
            if scale > STRONGEST:
                return None
            eigenvalue, rbm, hidden = leading(scale)
            if LEADING[0] <= eigenvalue <= LEADING[1]:
                return rbm, hidden
            if largest > LEADING[1]:
                low, middle = (scale, middle) if eigenvalue < LEADING[0] else (low, scale)
            elif eigenvalue > largest:
                if high:
                    low, high = (middle, high) if scale > middle else (low, middle)
                else:
                    low = middle
                middle, largest = scale, eigenvalue
            elif scale > middle:
                high = scale
            else:
                low = scale
            if largest > LEADING[1] and not high:
                high = middle
        return None


def random_machines(rows: int | None, seed: int) -> Iterator[tuple[str, RBM, Tensor, int]]:
    """Machines near a transition, with rows from everywhere and from around the point that loses its hold."""
    count = rows or RANDOM_ROWS
    for index in range(RANDOM_MACHINES):
        generator = torch.Generator().manual_seed(seed + index)
        visible, hidden = PAIRS[index % len(PAIRS)]
        order = 1 + index // len(PAIRS) % 3
        scaled = None
        while scaled is None:
            scaled = Drawn.with_patterns(visible, hidden, generator).near_transition(order, generator)
        rbm, point = scaled
        field = torch.zeros(count - count // 2, *rbm.visible_bias.shape, dtype=torch.float64)
        anywhere = rbm.visible.sample(field, generator)
        around = rbm.sample_visible(point.expand(count // 2, -1), generator)
        yield f"{visible}-{hidden} seed {seed + index}", rbm, torch.cat([anywhere, around]), order


HEADING = (
    f"{'machine':40s} {'rows':>7s} {'% conv.':>8s} {'captured':>8s} {'wrong':>6s} {'estimate':>8s} "
    f"{'estimate':>9s} {'true':>9s} {'worst':>9s} {'no refer-':>9s} {'sweeps':>7s} {'seconds':>7s}\n"
    f"{'':40s} {'':7s} {'':8s} {'':8s} {'':6s} {'too low':>8s} {'(median)':>9s} {'(median)':>9s} "
    f"{'true':>9s} {'ence':>9s} {'(mean)':>7s}"
)


def line_of(name: str, compared: Compared, seconds: float) -> str:
    """One line of the table."""
    right = compared.right
    some = bool(right.any())
    estimate, true_error = compared.estimate[right], compared.true_error[right]
    return (
        f"{name:40s} {len(right):7d} {100 * compared.converged.mean():8.3f} "
        f"{int(compared.captured.sum()):8d} "
        f"{int(compared.wrong.sum()):6d} {int(compared.underestimated.sum()):8d} "
        f"{np.median(estimate) if some else np.nan:9.1e} {np.median(true_error) if some else np.nan:9.1e} "
        f"{true_error.max() if some else np.nan:9.1e} {int(compared.without_reference.sum()):9d} "
        f"{compared.sweeps.mean():7.1f} {seconds:7.0f}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = ("random", "trained", *REAL)
    parser.add_argument("--rows", type=int, help="rows of each machine (default: what 20 minutes allow)")
    parser.add_argument("--machines", nargs="+", default=list(names), choices=names)
    parser.add_argument("--seed", type=int, default=1000, help="of random and trained machines")
    options = parser.parse_args()
    if set(options.machines) & set(REAL) and not (shared_folder() / "data").is_dir():
        sys.exit(f"no real data at {shared_folder()}; say where they are with CARVING_SHARED")
    print(HEADING)
    everything = []
    for name in options.machines:
        parts: dict[str, list[Compared]] = {}
        begin = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            if name == "random":
                machines = random_machines(options.rows, options.seed)
            elif name == "trained":
                machines = trained_machines(options.rows, options.seed, Path(folder))
            else:
                machines = real_machines(name, options.rows, Path(folder))
            last = begin
            for label, rbm, visible, order in machines:
                compared = compare(f"{name} {label}", rbm, visible, order)
                # there are too many random machines for a line each
                group = f"order {order}" if name == "random" else label
                parts.setdefault(group, []).append(compared)
                if name != "random":
                    print(line_of(f"{name} {label}", compared, time.perf_counter() - last), flush=True)
                last = time.perf_counter()
        for group, some in parts.items():
            if name == "random":
                print(line_of(f"{name} {group}", Compared.joined(some), math.nan))
        joined = Compared.joined([part for some in parts.values() for part in some])
        print(line_of(f"{name}, all", joined, time.perf_counter() - begin), flush=True)
        everything.append(joined)
    print(line_of("all", Compared.joined(everything), math.nan))


if __name__ == "__main__":
    main()
