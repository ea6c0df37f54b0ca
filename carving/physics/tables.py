"""The tables of a cascade, as CSV files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from carving.export._table import cells, write_table
from carving.physics.cascade import Cascade
from carving.physics.state_sampling import BETWEEN


def write_cascade(cascade: Cascade, folder: Path) -> list[str]:
    """Write what is known, a table each; the names of the files come back.

    ``spectrum.csv``: a row for each age and singular direction. ``paramagnetic.csv``: a row an age.
    ``states.csv``: a row for each state at each age, ``along_1`` … how much each direction has to do with its
    softest one. ``splits.csv``: a row for each split. ``chains.csv``: a row for each age, state and direction
    that were sampled; state ``all``: chains of all states together.
    """
    tables = {
        "spectrum.csv": _spectrum(cascade),
        "paramagnetic.csv": _paramagnetic(cascade),
        "states.csv": _states(cascade),
        "splits.csv": _splits(cascade),
        "chains.csv": _chains(cascade),
    }
    written = [name for name, columns in tables.items() if columns]
    for name in written:
        write_table(tables[name], folder / name, force=False)
    return written


Columns = dict[str, Sequence[Any]]


def _spectrum(cascade: Cascade) -> Columns:
    spectrum = cascade.spectrum
    count = spectrum.values.shape[1]
    columns = {
        name: cells(getattr(spectrum, attribute).reshape(-1))
        for name, attribute in (
            ("singular_value", "values"),
            ("overlap_with_next_age", "overlap"),
            ("data_variance", "data_variance"),
            ("growth", "growth"),
            ("predicted_growth", "predicted_growth"),
        )
    }
    return {
        "age": np.repeat(spectrum.ages, count).tolist(),
        "direction": np.tile(np.arange(1, count + 1), len(spectrum.ages)).tolist(),
        **columns,
        "unbiased_threshold": [spectrum.threshold] * (count * len(spectrum.ages)),
    }


def _paramagnetic(cascade: Cascade) -> Columns:
    state = cascade.paramagnetic
    return {"age": state.ages.tolist(), "smallest_eigenvalue": cells(state.curvature)}


def _along(cascade: Cascade, fields: np.ndarray, ages: np.ndarray) -> Columns:
    """Components along the singular directions, a column each."""
    parts = cascade.spectrum.components(fields, ages)
    return {f"along_{index + 1}": cells(parts[:, index]) for index in range(parts.shape[1])}


def _states(cascade: Cascade) -> Columns:
    modes, tree = cascade.soft_modes, cascade.tree
    if modes is None or tree is None:
        return {}
    return {
        "age": modes.age.tolist(),
        "state": tree.nodes.name[modes.node].tolist(),
        "samples": tree.nodes.size[modes.node].tolist(),
        "smallest_eigenvalue": cells(modes.curvature),
        **_along(cascade, modes.direction, modes.age.astype(float)),
    }


def _splits(cascade: Cascade) -> Columns:
    splits, tree = cascade.splits, cascade.tree
    if splits is None or tree is None:
        return {}
    names, sizes = tree.nodes.name, tree.nodes.size
    return {
        "node": names[splits.node].tolist(),
        "child": names[splits.child].tolist(),
        "other": names[splits.other].tolist(),
        "child_samples": sizes[splits.child].tolist(),
        "other_samples": sizes[splits.other].tolist(),
        "age": cells(splits.age),
        "uncertainty_of_log_age": cells(
            np.where(np.isfinite(splits.uncertainty), splits.uncertainty, np.nan)
        ),
        "kind": splits.kind.tolist(),
        "distance": cells(splits.distance),
        "smallest_eigenvalue": cells(splits.curvature),
        **_along(cascade, splits.direction, splits.age),
    }


def _chains(cascade: Cascade) -> Columns:
    chains, tree = cascade.sampling, cascade.tree
    if chains is None or tree is None:
        return {}
    count = chains.susceptibility.shape[1]
    names = ["all" if node == BETWEEN else tree.nodes.name[node] for node in chains.node.tolist()]
    values = {
        name: cells(getattr(chains, attribute).reshape(-1))
        for name, attribute in (
            ("susceptibility", "susceptibility"),
            ("susceptibility_error", "susceptibility_error"),
            ("absolute_susceptibility", "absolute"),
            ("absolute_susceptibility_error", "absolute_error"),
            ("relaxation_steps", "relaxation"),
            ("relaxation_steps_error", "relaxation_error"),
            ("relaxation_is_bound", "is_bound"),
        )
    }
    return {
        "age": np.repeat(chains.age, count).tolist(),
        "state": [name for name in names for _ in range(count)],
        "direction": np.tile(np.arange(1, count + 1), len(chains)).tolist(),
        **values,
    }
