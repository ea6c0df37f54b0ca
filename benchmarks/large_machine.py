"""One age of a machine as large as those of images: memory, time, and what a GPU would have to do.

    python benchmarks/large_machine.py [--sites 16384] [--hidden 1000] [--rows 2000] [--threads 2]

The machine is made: patterns of ±1 in both layers, coupled beyond their transition, and noise; the rows are
patterns with a tenth of the sites flipped. Counted flops: 2·2k·N_v·N_h a row-sweep at order k, and
2·N_v·N_h² a linearisation. Bytes: the weights and their powers are read once for each block of rows.
"""

from __future__ import annotations

import argparse
import resource
import time

import torch

from carving import RBM, fixed_points

PATTERNS = 24
FLIPPED = 0.1
ORDER = 2
ROWS_ON_GPU = 8192


def machine(sites: int, hidden: int, generator: torch.Generator) -> tuple[RBM, torch.Tensor]:
    """A {0, 1} machine that remembers patterns, and the patterns. Written for spins, then converted."""
    visible = torch.randint(2, (PATTERNS, sites), generator=generator) * 2.0 - 1
    conjugate = torch.randint(2, (PATTERNS, hidden), generator=generator) * 2.0 - 1
    strength = 1.05 + 0.6 * torch.rand(PATTERNS, generator=generator)
    weights = (visible * strength[:, None]).T @ conjugate / (sites * hidden) ** 0.5
    weights += 0.2 * torch.randn(sites, hidden, generator=generator) / (sites + hidden) ** 0.5
    spins = RBM(weights, torch.zeros(sites), torch.zeros(hidden), "spin", "spin")
    return spins.convert(visible="bernoulli", hidden="bernoulli"), (visible + 1) / 2


def main() -> None:
    """Print what was used and what it comes to elsewhere."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sites", type=int, default=16_384)
    parser.add_argument("--hidden", type=int, default=1_000)
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    generator = torch.Generator().manual_seed(0)
    rbm, patterns = machine(options.sites, options.hidden, generator)
    which = torch.randint(PATTERNS, (options.rows,), generator=generator)
    noise = torch.rand(options.rows, options.sites, generator=generator) < FLIPPED
    samples = torch.where(noise, 1 - patterns[which], patterns[which]).to(torch.uint8)

    begin = time.perf_counter()
    points = fixed_points(rbm, samples, order=ORDER)
    seconds = time.perf_counter() - begin
    spent, weights = points.spent, options.sites * options.hidden
    assert spent is not None
    sweeps, linear = spent.sweeps * 4 * ORDER * weights, spent.linearisations * 2 * weights * options.hidden
    gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{options.rows:,} rows of {options.sites:,} × {options.hidden:,}: {points}")
    print(f"{seconds:.1f} s, peak memory {gib:.2f} GiB in all, {spent.points} points")
    print(
        f"{spent.sweeps:,} row-sweeps, {sweeps / 1e12:.2f} Tflop; {spent.linearisations} linearisations, ",
        end="",
    )
    print(f"{linear / 1e12:.2f} Tflop: {(sweeps + linear) / seconds / 1e9:.0f} Gflop/s")
    rows = 30_000
    flops = sweeps / options.rows * rows + linear
    blocks = spent.sweeps / options.rows * rows / ROWS_ON_GPU
    traffic = blocks * 4 * ORDER * weights + spent.sweeps / options.rows * rows * 4 * 3 * (
        options.sites + options.hidden
    )
    print(f"{rows:,} rows in blocks of {ROWS_ON_GPU:,}: {flops / 1e12:.0f} Tflop, {traffic / 1e12:.2f} TB")


if __name__ == "__main__":
    main()
