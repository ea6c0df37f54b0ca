"""How far each order of Plefka's expansion is from enumeration: medians over 100 random machines.

Entries of W are uniform up to 0.25 between spins (twice that for one {0, 1} layer, four times for two),
then up to twice and four times as much.

    python benchmarks/plefka_accuracy.py
"""

import sys
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.machines import ORDERS, PAIRS
from tests.reference.enumeration import mean_field_errors

MACHINES = 100


def main() -> None:
    """Print the table."""
    print("free energy |min Γ + log Z| and means, medians by order; wins: machines on which TAP is nearer")
    print(f"{'pair':22} {'W':>3}  {'free energy 1, 2, 3':>30}  {'means 1, 2, 3':>30}  wins of 100")
    for visible, hidden in PAIRS:
        for strength in (1, 2, 4):
            errors = {
                order: [
                    mean_field_errors(visible, hidden, strength=strength, order=order, seed=seed)
                    for seed in range(MACHINES)
                ]
                for order in ORDERS
            }
            energies = "  ".join(f"{median(e.free_energy for e in errors[k]):8.1e}" for k in ORDERS)
            means = "  ".join(f"{median(e.means for e in errors[k]):8.1e}" for k in ORDERS)
            pairs = list(zip(errors[1], errors[2], strict=True))
            lower = sum(tap.free_energy < naive.free_energy for naive, tap in pairs)
            nearer = sum(tap.means < naive.means for naive, tap in pairs)
            name = f"{visible} × {hidden}"
            print(f"{name:22} {strength:>2}×  {energies:>30}  {means:>30}  {lower}, {nearer}")


if __name__ == "__main__":
    main()
