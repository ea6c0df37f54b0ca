"""Exponents of the Curie–Weiss machine, measured on the machine and held against what is exact.

γ of χ = 1/(1 − x) by linear response and by sampling, z of τ ~ √N at x = 1, and where the sampled form with
absolute values peaks (mathematics §6).

    python benchmarks/curie_weiss_exponents.py --sites 4096
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from carving.physics._observables import project_chains
from carving.physics.exponents import PowerLaw, fit_power_law
from carving.physics.relaxation import relaxation_time
from carving.physics.susceptibility import linear_response, sampled_susceptibility
from tests.reference.reduced_chain import curie_weiss, direction, exact_relaxation, exact_susceptibility

DISTANCES = (0.1, 0.14, 0.2, 0.28, 0.4, 0.6)
BURN_IN = 10


def main() -> None:
    """Print the tables asked for."""
    parser = argparse.ArgumentParser(description="Exponents of the Curie–Weiss machine, measured and exact.")
    parser.add_argument("parts", nargs="*", default=["susceptibility", "relaxation", "peak"])
    parser.add_argument("--sites", type=int, default=4096, help="the largest machine")
    parser.add_argument("--chains", type=int, default=2400, help="for the largest machine")
    parser.add_argument("--lengths", type=int, default=60, help="length of a run in relaxation times")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for part in options.parts:
        begun = time.perf_counter()
        {"susceptibility": susceptibility, "relaxation": relaxation, "peak": peak}[part](options)
        print(f"  {time.perf_counter() - begun:.0f} s\n", flush=True)


def sampled(
    sites: int, x: float, relaxes: float, options: argparse.Namespace, *, chains: int
) -> torch.Tensor:
    """A series in equilibrium, ``options.lengths`` times ``relaxes`` long."""
    return project_chains(
        curie_weiss(sites, x, dtype=torch.float32),
        direction(sites),
        chains=chains,
        burn_in=int(BURN_IN * relaxes),
        steps=int(options.lengths * relaxes),
        # each machine its own: the same numbers would make all err alike
        generator=torch.Generator().manual_seed(options.seed + sites + round(1e4 * x)),
    )


def told(name: str, law: PowerLaw) -> str:
    """One line on a fit."""
    return f"  {name} = {law.exponent:.4f} ± {law.exponent_error:.4f} (χ²/dof {law.reduced_chi_squared:.2f})"


def susceptibility(options: argparse.Namespace) -> None:
    """χ against 1 − x."""
    sites = options.sites
    print(f"χ before the transition, N = {sites}, {options.chains // 3} chains")
    print(" 1 − x  1/(1 − x)   exact N  linear response (orders 1, 2)   sampled ± error")
    responses, chis, errors = [], [], []
    for distance in DISTANCES:
        rbm = curie_weiss(sites, 1 - distance)
        zero = torch.zeros(sites), torch.zeros(1)
        first, second = (
            float(linear_response(rbm, *zero, direction(sites), order=order).susceptibility[0])
            for order in (1, 2)
        )
        relaxes = -1 / np.log(1 - distance)
        found = sampled_susceptibility(
            sampled(sites, 1 - distance, relaxes + 2, options, chains=options.chains // 3)
        )
        chi, error = float(found.susceptibility[0]), float(found.susceptibility_error[0])
        responses.append(first)
        chis.append(chi)
        errors.append(error)
        exact = exact_susceptibility(sites, 1 - distance)[0]
        print(
            f"{distance:6.2f} {1 / distance:10.4f} {exact:9.4f} {first:21.4f} {second:9.4f} "
            f"{chi:15.4f} ± {error:.4f}",
            flush=True,
        )
    closeness = 1 / np.array(DISTANCES)
    print(told("γ by linear response", fit_power_law(closeness, np.array(responses))))
    print(told("γ by sampling", fit_power_law(closeness, np.array(chis), np.array(errors))))


def relaxation(options: argparse.Namespace) -> None:
    """τ at x = 1 against N."""
    print(f"τ at x = 1, {options.chains} chains of {options.lengths} τ, twice as many of small machines")
    print("    N     exact   sampled ± error  deviation  window")
    sizes = [options.sites // 4**k for k in (3, 2, 1, 0)]
    times, errors, exacts = [], [], []
    for sites in sizes:
        exact = exact_relaxation(sites, 1.0)
        # small machines are cheap
        chains = options.chains * (2 if sites < options.sites else 1)
        found = relaxation_time(sampled(sites, 1.0, exact, options, chains=chains))
        tau, error = float(found.time[0]), float(found.standard_error[0])
        times.append(tau)
        errors.append(error)
        exacts.append(exact)
        print(
            f"{sites:5} {exact:9.3f} {tau:9.3f} ± {error:5.3f} {tau / exact - 1:10.2%}  "
            f"{found.window[0].tolist()}",
            flush=True,
        )
    print(told("z", fit_power_law(np.array(sizes), np.array(times), np.array(errors))))
    print(told("z of the exact times", fit_power_law(np.array(sizes), np.array(exacts))))


def peak(options: argparse.Namespace) -> None:
    """Where ⟨s²⟩ − ⟨|s|⟩² is largest, and how large."""
    print("peak of ⟨s²⟩ − ⟨|s|⟩²: parabola through c = (x − 1)√N from 0.6 to 2")
    print("    N       c  height/√N   exact c  height/√N")
    offsets = np.linspace(0.6, 2.0, 8)
    fine = np.linspace(0.6, 2.0, 141)
    for sites in [n for n in (256, 1024, 4096) if n <= options.sites]:
        chains = max(200, min(4000, 2**20 // sites))
        heights, errors = [], []
        for offset in offsets:
            x = 1 + offset / sites**0.5
            # |s| forgets several times as fast as s
            series = sampled(sites, x, exact_relaxation(sites, 1.0) / 2, options, chains=chains)
            found = sampled_susceptibility(series)
            heights.append(float(found.absolute[0]) / sites**0.5)
            errors.append(float(found.absolute_error[0]) / sites**0.5)
        bend, slope, level = np.polyfit(offsets, heights, 2, w=1 / np.array(errors))
        exact = np.array([exact_susceptibility(sites, 1 + c / sites**0.5)[1] for c in fine]) / sites**0.5
        print(
            f"{sites:5} {-slope / (2 * bend):7.3f} {level - slope**2 / (4 * bend):10.4f} "
            f"{fine[exact.argmax()]:9.2f} {exact.max():10.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
