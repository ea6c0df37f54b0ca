"""The load at which a Hopfield machine loses recall as T → 0, without self-coupling, extrapolated in size.

    python benchmarks/hopfield_recall.py [--sizes 1000 2000 4000 8000] [--sets 48 32 16 4] [--method signs]

A pattern is recalled if what starts there ends with an overlap above 0.9. For each set of random patterns, of
which a load α takes the first αN, the load is bisected at which half of ``rows`` patterns are recalled; the
mean over sets, and its standard error, is fitted with α(∞) + c N^(−2/3), as at the end of a metastable state
of a mean-field model (a saddle-node under noise of size N^(−½)), and with α(∞) + c/N beside it.

fixed-points: the machine with Gaussian hidden units at order 2, which removes the self-coupling J_ii = α, by
layer-exact sweeps at the temperature given. signs: their limit T → 0, single flips of spins that oppose their
field, J_ii = 0, in order, until there are none. The theory, replica-symmetric, says 0.138; with replica
symmetry broken, and in simulations, 0.144 (Amit, Gutfreund & Sompolinsky 1987; Kohring 1990).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch

from carving import fixed_points
from carving.physics.models import Hopfield

RECALLED = 0.9
LOADS = (0.11, 0.19)
STEPS = 7
# (patterns, rows, temperature) to the overlaps of the first rows with what they lead to
Recall = Callable[[np.ndarray, int, float], np.ndarray]


def by_fixed_points(patterns: np.ndarray, rows: int, temperature: float) -> np.ndarray:
    """Overlaps of patterns with their fixed points at order 2; 0 for rows that did not converge. (rows,)"""
    count, sites = patterns.shape
    machine = Hopfield(sites=sites, patterns=count, beta=1 / temperature).machine(patterns)
    points = fixed_points(machine, patterns[:rows], order=2, iteration="layer-exact", max_sweeps=2000)
    overlaps = (points.visible.numpy() * patterns[:rows]).mean(1)
    return np.where(points.converged.numpy(), overlaps, 0.0)


def by_signs(patterns: np.ndarray, rows: int, temperature: float) -> np.ndarray:
    """Overlaps of patterns with the states that single flips lead to, at T = 0 whatever is given. (rows,)"""
    sites = patterns.shape[1]
    signs = patterns.astype(np.float32)
    couplings = signs.T @ signs / sites
    np.fill_diagonal(couplings, 0)
    overlaps = np.empty(rows)
    for row, pattern in enumerate(signs[:rows]):
        state, field = pattern.copy(), couplings @ pattern
        while len(opposed := np.flatnonzero(field * state < 0)):
            for site in opposed:
                if field[site] * state[site] < 0:
                    state[site] *= -1
                    field += 2 * state[site] * couplings[site]
        overlaps[row] = (state * pattern).mean()
    return overlaps


METHODS: dict[str, Recall] = {"fixed-points": by_fixed_points, "signs": by_signs}


def half_recalled_load(sites: int, rows: int, seed: int, recall: Recall, temperature: float) -> float:
    """The load at which half of the first patterns of one random set are recalled, to (0.19 − 0.11)/2⁷.

    Raises
    ------
    ValueError
        If it is not within the loads that are searched.
    """
    low, high = LOADS
    model = Hopfield(sites=sites, patterns=round(high * sites), beta=1 / temperature)
    patterns = model.draw_patterns(torch.Generator().manual_seed(seed))

    def share(load: float) -> float:
        overlaps = recall(patterns[: round(load * sites)], rows, temperature)
        return float((overlaps > RECALLED).mean())

    if not share(low) > 0.5 > share(high):
        raise ValueError(f"no crossing between loads {low} and {high} at {sites} sites, seed {seed}")
    for _ in range(STEPS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if share(middle) > 0.5 else (low, middle)
    return 0.5 * (low + high)


def extrapolated(
    sizes: Sequence[int], loads: np.ndarray, errors: np.ndarray, power: float
) -> tuple[float, float, float]:
    """α(∞) of the weighted fit of α(∞) + c N^(−power), its standard error, and χ² of the fit."""
    design = np.stack([np.ones(len(sizes)), np.array(sizes, dtype=np.float64) ** -power], 1) / errors[:, None]
    covariance = np.linalg.inv(design.T @ design)
    fitted = covariance @ design.T @ (loads / errors)
    misfit = float(((design @ fitted - loads / errors) ** 2).sum())
    return float(fitted[0]), float(np.sqrt(covariance[0, 0])), misfit


def main() -> None:
    """Print a line for each size, and the load for many sites."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 2000, 4000, 8000])
    parser.add_argument(
        "--sets", type=int, nargs="+", default=[48, 32, 16, 4], help="one number, or one a size"
    )
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--method", choices=METHODS, default="signs")
    parser.add_argument("--temperature", type=float, default=0.02)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    sets = options.sets * len(options.sizes) if len(options.sets) == 1 else options.sets
    means, errors = [], []
    for sites, count in zip(options.sizes, sets, strict=True):
        began = time.perf_counter()
        recall = METHODS[options.method]
        loads = [
            half_recalled_load(sites, options.rows, seed, recall, options.temperature)
            for seed in range(count)
        ]
        means.append(np.mean(loads))
        errors.append(np.std(loads, ddof=1) / np.sqrt(count))
        seconds = time.perf_counter() - began
        print(
            f"N = {sites:6}  {means[-1]:.4f} ± {errors[-1]:.4f}  ({count} sets, {seconds:.0f} s)", flush=True
        )
    if len(means) > 1:
        for power, name in ((2 / 3, "N^(-2/3)"), (1.0, "1/N")):
            load, error, misfit = extrapolated(options.sizes, np.array(means), np.array(errors), power)
            print(f"many sites  {load:.4f} ± {error:.4f}  in {name}, chi² {misfit:.1f} of {len(means) - 2}")


if __name__ == "__main__":
    main()
