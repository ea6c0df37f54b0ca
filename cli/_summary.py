"""What a finished tree is, in the few lines that end ``carve build-tree``."""

import shlex
from pathlib import Path
from typing import Any

MOST_AGES = 12


def of_tree(facts: dict[str, Any], checkpoints: str, samples: Path | None, rows: slice | None) -> list[str]:
    """Lines for a person, out of what summary.json holds and what the command was given."""
    groups = {int(age): number for age, number in facts["groups"].items()}
    unconverged = {int(age): number for age, number in facts["unconverged"].items() if number}
    linkage = facts["options"]["linkage_distance"]
    lines = [
        f"{facts['output']}: {facts['samples']:,} samples, {facts['nodes']:,} nodes, "
        f"{len(groups):,} ages from {max(groups):,} down to {min(groups):,}",
        "  states at each age (updates: states)",
        *_columns([f"{age:,}: {number:,}" for age, number in _turning_points(groups)]),
        f"  not converged     {_unconverged(unconverged)}",
        f"  linkage distance  {linkage:g}: {_sensitive(facts['sensitive_ages'])}",
        f"  files             {' '.join(facts['files'])}",
        "What next",
        f"  {_look_at(facts)}",
    ]
    if facts["sensitive_ages"]:
        again = ["carve", "build-tree", checkpoints]
        again += [] if samples is None else ["--samples", str(samples)]
        again += [] if rows is None else ["--rows", f"{rows.start or ''}:{rows.stop or ''}"]
        again += ["--linkage-distance", f"{linkage / 2:g}", "-o", f"{facts['output']}-fine"]
        lines.append(f"  {shlex.join(again)}    finer groups")
    place = shlex.join(["carve", "place", facts["output"], checkpoints, "--samples"])
    lines.append(f"  {place} NEW    where new samples belong")
    return lines


def of_work(facts: dict[str, Any]) -> list[str]:
    """What the fixed points took, for those who want to know."""
    from carving.units import compiled_for

    processor = compiled_for()
    made = f"compiled for {processor}" if processor else "by torch: no compiled ones are installed"
    spent = facts["spent"]
    number = {name: f"{value:,}" for name, value in spent.items() if isinstance(value, int)}
    solving = spent["sweeping"] + spent["testing"] + spent["proposing"]
    return [
        f"  fixed points      {number['rows']} rows, {number['points']} different points",
        f"    row-sweeps      {number['single_precision_sweeps']} in single precision, "
        f"{number['double_precision_sweeps']} in double, {number['layer_exact_sweeps']} layer-exact, "
        f"{number['damped_sweeps']} damped, {number['tests']} to test",
        f"    made            {made}",
        f"    rows            {number['captured']} captured by a known point, "
        f"{number['arrived']} swept to one",
        f"    Newton          {number['proposals']} proposals, {number['linearisations']} linearisations",
        f"    seconds         {spent['sweeping']:.2f} sweeping, {spent['testing']:.2f} testing, "
        f"{spent['proposing']:.2f} in Newton's method; {facts['seconds'] - solving:.2f} all else",
    ]


def _look_at(facts: dict[str, Any]) -> str:
    if "report.html" in facts["files"]:
        return f"open {shlex.quote(facts['output'] + '/report.html')} in a browser"
    if "newick" in facts["left_out"]:
        return f"carve info {shlex.quote(facts['output'])}    its figures; nodes.csv and leaves.csv hold all"
    strips = ", with itol/ for the colours of labels" if facts["labels"] else ""
    return f"open {shlex.quote(facts['output'] + '/tree.nwk')} in FigTree or iTOL{strips}"


def _turning_points(groups: dict[int, int]) -> list[tuple[int, int]]:
    """The ages at which the number of states differs from that before, and the youngest; not too many."""
    pairs = sorted(groups.items(), reverse=True)
    chosen = [
        pair for index, pair in enumerate(pairs)
        if index in (0, len(pairs) - 1) or pair[1] != pairs[index - 1][1]
    ]  # fmt: skip
    if len(chosen) <= MOST_AGES:
        return chosen
    steps = [round(index * (len(chosen) - 1) / (MOST_AGES - 1)) for index in range(MOST_AGES)]
    return [chosen[step] for step in steps]


def _columns(cells: list[str], per_line: int = 4) -> list[str]:
    width = max(map(len, cells)) + 3
    rows = [cells[start : start + per_line] for start in range(0, len(cells), per_line)]
    return [f"    {''.join(cell.ljust(width) for cell in row)}".rstrip() for row in rows]


def _unconverged(unconverged: dict[int, int]) -> str:
    if not unconverged:
        return "none: every fixed point is within the tolerance"
    ages = ", ".join(f"{number:,} at age {age:,}" for age, number in list(unconverged.items())[:MOST_AGES])
    return f"{sum(unconverged.values()):,} fixed points ({ages}); they are marked in the tables"


def _sensitive(ages: list[int]) -> str:
    if not ages:
        return "half or twice of it would have given the same groups"
    shown = ", ".join(f"{age:,}" for age in ages[:MOST_AGES]) + (", …" if len(ages) > MOST_AGES else "")
    return f"one between half and twice of it would have given other groups at {len(ages):,} ages ({shown})"
