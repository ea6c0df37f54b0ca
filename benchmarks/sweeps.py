"""What a sweep costs beside the matrix products that it cannot do without.

    python benchmarks/sweeps.py [--repeats 5] [--threads 2] [--machines genomes digits kunitz]
                                [--dtype float32]

For each size of machine and number of rows: the products of a second-order sweep
alone, over all the rows at once, as torch makes them (W, Wᵀ, and their squares; for a Potts machine in
the sample-last form, two of them site by site); then carving's sweep, in the blocks that the solver
uses; and the same sweep at first order. The three are timed in turn, `--repeats` times each; what is
printed are the medians and the median of the ratios of those that were timed together.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor

from carving import RBM
from carving.meanfield import Plefka
from carving.meanfield.solver import ROWS_ON_CPU
from carving.meanfield.sweeping import plain_sweeps

# rows, sites, states of a site, hidden units
SIZES = {
    "genomes": [(5008, 805, None, 100), (500, 805, None, 100)],
    "digits": [
        (2000, 784, None, 200),
        (2000, 784, None, 500),
        (24, 784, None, 200),
        (4, 784, None, 200),
        (1, 784, None, 200),
    ],
    "kunitz": [(500, 53, 21, 60), (11_819, 53, 21, 60)],
}
SECONDS = 0.5


def machine(sites: int, states: int | None, units: int) -> RBM:
    """Weights small enough for sweeps to stay where arithmetic has its normal speed."""
    generator = torch.Generator().manual_seed(0)
    site = (states,) if states else ()
    weights = 0.02 * torch.randn(sites, *site, units, generator=generator, dtype=torch.float64)
    return RBM(
        weights,
        torch.zeros(sites, *site, dtype=torch.float64),
        torch.zeros(units, dtype=torch.float64),
        "potts" if states else "bernoulli",
        "bernoulli",
    )


def products(rbm: RBM, v: Tensor, h: Tensor) -> Callable[[], None]:
    """The four products of a second-order sweep of all these rows."""
    weights = rbm.weights.to(v.dtype)
    square = weights.square()
    if v.ndim == 2:
        # what is sent and what arrives has memory of its own in each of them, as it must in a sweep
        sent = [v, v.clone(), h, h.clone()]
        by = [weights, square, weights.T, square.T]
        received = [x @ w for x, w in zip(sent, by, strict=True)]

        def bare() -> None:
            for x, w, out in zip(sent, by, received, strict=True):
                torch.mm(x, w, out=out)

        return bare
    transposed = weights.mT.contiguous()
    squares, squares_transposed = square.flatten(0, 1), square.flatten(0, 1).T.contiguous()
    v_last, h_last = v.permute(1, 2, 0).contiguous(), h.T.contiguous()
    sent_by_site, field = transposed @ v_last, torch.empty_like(v_last)
    to_hidden = torch.empty_like(h_last)

    def bare_by_site() -> None:
        torch.bmm(transposed, v_last, out=sent_by_site)
        torch.mm(squares_transposed, v_last.flatten(0, 1), out=to_hidden)
        torch.mm(squares, h_last, out=field.flatten(0, 1))
        torch.baddbmm(field, weights, sent_by_site, out=field)

    return bare_by_site


def sweeps(rbm: RBM, order: int, v: Tensor, h: Tensor) -> Callable[[], None]:
    """One sweep of all these rows, a block of the solver's at a time."""
    sweep = plain_sweeps(Plefka(rbm, order, dtype=v.dtype), min(ROWS_ON_CPU, len(v))).sweep
    split = zip(v.split(ROWS_ON_CPU), h.split(ROWS_ON_CPU), strict=True)
    # laid out in memory as sweeps leave them
    blocks = [[x.clone() for x in sweep(*block)] for block in split]

    def over_all() -> None:
        for block in blocks:
            sweep(*block)

    return over_all


def seconds_of(function: Callable[[], None], repeats: int) -> float:
    """Mean of so many calls."""
    begin = time.perf_counter()
    for _ in range(repeats):
        function()
    return (time.perf_counter() - begin) / repeats


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--machines", nargs="+", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--dtype", default="float32", choices=("float32", "float64"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    dtype = getattr(torch, options.dtype)
    print("size                      products     sweep  sweep at     sweep /   order 1 /  GF/s of")
    print("                                ms        ms   order 1    products       sweep  products")
    for rows, sites, states, units in (size for name in options.machines for size in SIZES[name]):
        rbm = machine(sites, states, units)
        generator = torch.Generator().manual_seed(1)
        field = torch.zeros(rows, *rbm.visible_bias.shape, dtype=dtype)
        state = Plefka(rbm, 2, dtype=dtype).start(rbm.visible.sample(field, generator))
        functions = [products(rbm, *state), sweeps(rbm, 2, *state), sweeps(rbm, 1, *state)]
        calls = [max(1, int(SECONDS / seconds_of(function, 2))) for function in functions]
        times = [
            [seconds_of(function, count) for function, count in zip(functions, calls, strict=True)]
            for _ in range(options.repeats)
        ]
        bare, second, first = (1e3 * median(column) for column in zip(*times, strict=True))
        flops = 8 * rows * sites * (states or 1) * units
        size = " × ".join(str(n) for n in (rows, sites, states, units) if n)
        print(
            f"{size:22s} {bare:11.2f} {second:9.2f} {first:9.2f} "
            f"{median(t[1] / t[0] for t in times):11.2f} {median(t[2] / t[1] for t in times):11.2f} "
            f"{flops / bare / 1e6:9.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
