"""Do strides change where rows end? Mixtures of two digits, with strides and without.

    python benchmarks/strides.py [--rows 5000] [--ages 12] [--seed 81]

Mixtures begin near the boundaries of basins, where a small error decides. For each age: rows so far, how
many of them end in another point with strides than without, and sweeps a row without and with them.

The data are looked for in CARVING_SHARED, ../shared unless set.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from error_estimates import shared_folder, stored_machines

from carving.data import read_samples
from carving.meanfield import FixedPoints, Plefka, striding
from carving.meanfield.plefka import State
from carving.meanfield.solver import Solver

DIFFERENT_BEYOND = 1e-5


def reached(plefka: Plefka, start: State, fewest: float) -> FixedPoints:
    """The point of each row, if strides stand for at least so many sweeps."""
    with patch.object(striding, "_FEWEST", fewest), patch("carving.meanfield.solver._STRIDES", True):
        return Solver(plefka).run(*start)


def main() -> None:
    """Print a line for each age."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=5000, help="mixtures at each age")
    parser.add_argument("--ages", type=int, default=12, help="youngest machines are left out")
    parser.add_argument("--seed", type=int, default=81)
    options = parser.parse_args()
    if not (shared_folder() / "data").is_dir():
        sys.exit(f"no real data at {shared_folder()}; say where they are with CARVING_SHARED")
    generator = np.random.default_rng(options.seed)
    digits = read_samples(shared_folder() / "data" / "mnist10k.npz").values
    rows = different = 0
    print("    age     rows  elsewhere  sweeps without    with")
    with tempfile.TemporaryDirectory() as folder:
        run = stored_machines(shared_folder(), "mnist", Path(folder))
        for age in run.ages[::-1][: options.ages]:
            rbm = run.at_age(int(age))
            pair = [digits[generator.integers(len(digits), size=options.rows)] for _ in range(2)]
            one, other = (rbm.visible.encode(x, torch.float64) for x in pair)
            weight = torch.from_numpy(generator.random((options.rows, 1)))
            plefka = Plefka(rbm)
            start = plefka.start(torch.lerp(one, other, weight))
            without, strode = (reached(plefka, start, few) for few in (math.inf, striding._FEWEST))
            apart = plefka.size(without.visible - strode.visible, without.hidden - strode.hidden)
            rows, different = rows + len(apart), different + int((apart > DIFFERENT_BEYOND).sum())
            sweeps = [points.sweeps.double().mean() for points in (without, strode)]
            print(f"{age:7d} {rows:8d} {different:10d} {sweeps[0]:15.1f} {sweeps[1]:7.1f}", flush=True)


if __name__ == "__main__":
    main()
