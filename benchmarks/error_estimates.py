"""Are the solver's error estimates true? Every machine of the real data, at every age, from samples.

    python benchmarks/error_estimates.py [--rows 30] [--machines hgd mnist kunitz planted] [--order 2]

The truth is the point that plain float64 sweeps reach from the same start when they are continued to a
step of 1e-14; where they do not stop, the one that layer-exact sweeps reach. For {0, 1} machines at
second order both kinds of sweep are those of published_method.py, beside the data; for Potts machines
and other orders they are carving's own, whose equations the tests hold against automatic differentiation.
A row that ends in another point than its reference counts with its distance from there.

The data are looked for in CARVING_SHARED, ../shared unless set.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from carving import RBM
from carving.checkpoints import CheckpointSequence, import_checkpoints
from carving.data import read_samples
from carving.meanfield import FixedPoints, Plefka, fixed_points

REFERENCE_STEP = 1e-14
REFERENCE_SWEEPS = 100_000
# file of the samples, and how many of its first rows the machine was judged on
MACHINES = {
    "hgd": ("hgd.npz", 5008),
    "mnist": ("mnist10k.npz", 2000),
    "kunitz": ("kunitz.fasta.gz", 500),
    "planted": ("planted.npz", 2000),
}
State = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Measured:
    """One entry a row: what the solver said, and how far its point is from the reference."""

    age: np.ndarray
    converged: np.ndarray
    estimate: np.ndarray
    true_error: np.ndarray
    method: np.ndarray

    @classmethod
    def joined(cls, parts: list[Measured]) -> Measured:
        """Several ages as one."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    @property
    def share_covered(self) -> float:
        """Share of the converged rows whose estimate is no smaller than the true error."""
        return float((self.estimate >= self.true_error)[self.converged].mean())

    def called_converged_beyond(self, error: float) -> int:
        """Rows called converged that are further than ``error`` from the reference."""
        return int((self.converged & (self.true_error > error)).sum())


def shared_folder() -> Path:
    """Where the real data are."""
    return Path(os.environ.get("CARVING_SHARED", Path(__file__).resolve().parents[2] / "shared"))


def stored_machines(shared: Path, name: str, folder: Path) -> CheckpointSequence:
    """The checkpoints of one of the `MACHINES`, as a store in ``folder``."""
    return import_checkpoints(shared / "data" / f"{name}_rbms.h5", folder / f"{name}.carving")


def samples_of(shared: Path, name: str) -> np.ndarray:
    """Their samples."""
    file, rows = MACHINES[name]
    return read_samples(shared / "data" / file, rows=slice(0, rows)).values


def measure(
    run: CheckpointSequence,
    samples: np.ndarray,
    published: object,
    *,
    rows: int,
    order: int = 2,
    tolerance: float = 1e-6,
) -> Iterator[Measured]:
    """Every age, the oldest first, each from the same ``rows`` samples, spread over all of them."""
    chosen = samples[np.unique(np.linspace(0, len(samples) - 1, rows).round().astype(int))]
    for age in run.ages[::-1].tolist():
        rbm = run.at_age(age)
        found = fixed_points(rbm, chosen, order=order, tolerance=tolerance)
        yield _compared(rbm, chosen, found, published, order, age)


def _compared(
    rbm: RBM, samples: np.ndarray, found: FixedPoints, published: object, order: int, age: int
) -> Measured:
    plefka = Plefka(rbm, order)
    start = plefka.start(rbm.visible.encode(samples, torch.float64))
    if order == 2 and rbm.visible.name == rbm.hidden.name == "bernoulli":
        parameters = (plefka.powers[0], plefka.visible_bias, plefka.hidden_bias)
        v, h, *_ = published.iterate_exactly(  # pyright: ignore[reportAttributeAccessIssue]
            *start, *parameters, step=REFERENCE_STEP, max_iter=REFERENCE_SWEEPS
        )
    else:
        v, h = _swept_to_the_end(plefka, start)
    return Measured(
        age=np.full(len(samples), age),
        converged=found.converged.numpy(),
        estimate=found.error.numpy(),
        true_error=plefka.size(found.visible - v, found.hidden - h).numpy(),
        method=found.method.numpy(),
    )


def _swept_to_the_end(plefka: Plefka, start: State) -> State:
    """Every row to a step of 1e-14: by plain sweeps, or from the same start by layer-exact ones."""
    v, h = (x.clone() for x in start)
    rows = torch.arange(len(v))
    for sweep in (plefka.sweep, plefka.layer_exact_sweep):
        v[rows], h[rows] = start[0][rows], start[1][rows]
        rows = _stop(sweep, v, h, rows, plefka.size)
        if not len(rows):
            return v, h
    raise RuntimeError(f"{len(rows)} rows did not stop in {REFERENCE_SWEEPS} sweeps")


def _stop(
    sweep: Callable[[Tensor, Tensor], State],
    v: Tensor,
    h: Tensor,
    rows: Tensor,
    size: Callable[[Tensor, Tensor], Tensor],
) -> Tensor:
    """Sweep these rows of v and h in place; the rows that did not stop."""
    for _ in range(REFERENCE_SWEEPS):
        before = v[rows], h[rows]
        v[rows], h[rows] = sweep(*before)
        rows = rows[size(v[rows] - before[0], h[rows] - before[1]) >= REFERENCE_STEP]
        if not len(rows):
            break
    return rows


def published_method(shared: Path) -> object:
    """The yardstick program that lies beside the data, as a module."""
    spec = importlib.util.spec_from_file_location(
        "published_method", shared / "baseline" / "published_method.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _report(name: str, measured: Measured, tolerance: float, seconds: float) -> str:
    converged = measured.converged
    return (
        f"{name:8s} {len(np.unique(measured.age)):4d} {len(converged):8d} {100 * converged.mean():10.3f} "
        f"{100 * measured.share_covered:10.3f} {np.median(measured.estimate[converged]):10.1e} "
        f"{np.median(measured.true_error[converged]):10.1e} {measured.true_error[converged].max():10.1e} "
        f"{measured.called_converged_beyond(10 * tolerance):6d} {int((measured.method > 0).sum()):6d} "
        f"{seconds:7.0f}"
    )


_HEADING = (
    "machine  ages     rows   % conv.  % covered   estimate true error  worst true  wrong   not  seconds\n"
    "                                              (median)   (median)              >10τ  plain"
)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=30, help="samples at each age (default: 30)")
    parser.add_argument("--machines", nargs="+", default=list(MACHINES), choices=list(MACHINES))
    parser.add_argument("--order", type=int, default=2)
    parser.add_argument("--tolerance", type=float, default=1e-6)
    parser.add_argument("--worst", type=int, default=0, help="also print so many of the worst covered rows")
    options = parser.parse_args()
    shared = shared_folder()
    if not (shared / "data").is_dir():
        sys.exit(f"no real data at {shared}; say where they are with CARVING_SHARED")
    published = published_method(shared)
    print(_HEADING)
    for name in options.machines:
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            run = stored_machines(shared, name, Path(folder))
            parts = measure(
                run,
                samples_of(shared, name),
                published,
                rows=options.rows,
                order=options.order,
                tolerance=options.tolerance,
            )
            measured = Measured.joined(list(parts))
        print(_report(name, measured, options.tolerance, time.perf_counter() - start), flush=True)
        excess = measured.true_error / measured.estimate
        for row in np.argsort(-excess)[: options.worst].tolist():
            print(
                f"    age {measured.age[row]}: estimate {measured.estimate[row]:.1e}, "
                f"true error {measured.true_error[row]:.1e}, method {measured.method[row]}"
            )


if __name__ == "__main__":
    main()
