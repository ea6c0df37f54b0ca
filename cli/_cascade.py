"""A cascade of transitions in plain words, and in plain numbers."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from carving.physics import Cascade, Splits, StateSampling
    from carving.tree import Tree

MOST = 12
# a direction has a part in a split when so much of the softest change is along it
_HAS_PART = 0.5


def facts(cascade: "Cascade") -> dict[str, Any]:
    """What summary.json says."""
    spectrum, state = cascade.spectrum, cascade.paramagnetic
    result: dict[str, Any] = {
        "order": cascade.order,
        "ages": len(spectrum.ages),
        "directions": spectrum.values.shape[1],
        "unbiased_threshold": spectrum.threshold,
        "age_at_threshold": spectrum.age_at_threshold,
        "paramagnetic_state_lost_at": state.lost_age,
        "paramagnetic_state_softest_at": int(state.ages[state.softest]),
    }
    if cascade.splits is not None and cascade.tree is not None:
        names = cascade.tree.nodes.name
        result["splits"] = [
            {
                "node": names[node],
                "child": names[child],
                "other": names[other],
                "age": age,
                "uncertainty_of_log_age": uncertainty,
                "kind": kind,
            }
            for node, child, other, age, uncertainty, kind in zip(
                *(getattr(cascade.splits, name).tolist() for name in _SPLIT), strict=True
            )
        ]
    return result


_SPLIT = ("node", "child", "other", "age", "uncertainty", "kind")


def in_words(cascade: "Cascade", checkpoints: str) -> list[str]:
    """When which direction condensed, where the tree splits, and what it means for chains."""
    spectrum, state = cascade.spectrum, cascade.paramagnetic
    ages = spectrum.ages
    lines = [
        f"the transitions of {checkpoints}, {len(ages):,} ages from {ages[0]:,} to {ages[-1]:,}, "
        f"order {cascade.order}",
        f"  singular directions of the weights (threshold without fields: {spectrum.threshold:.3g})",
    ]
    passed = spectrum.age_at_threshold.tolist()
    for number, (age, last) in enumerate(zip(passed, spectrum.values[-1].tolist(), strict=True), start=1):
        when = f"passes the threshold at age {age:,.0f}" if age == age else "never reaches the threshold"
        lines.append(f"    {number}  {when}; {last:.3g} at the oldest age")
    if state.lost_age == state.lost_age:
        fate = f"is no minimum any more from age {state.lost_age:,.1f} on"
    else:
        softest = state.softest
        fate = (
            f"stays a minimum; softest at age {state.ages[softest]:,} (smallest eigenvalue "
            f"{state.curvature[softest]:.2g})"
        )
    lines.append(f"  the state of weak couplings {fate}")
    if cascade.splits is not None and cascade.tree is not None:
        lines += _of_splits(cascade, cascade.splits, cascade.tree)
    if cascade.sampling is not None:
        lines += _of_chains(cascade.sampling)
    elif cascade.tree is not None:
        lines.append(
            "  chains            not run; --sampling says how many Gibbs steps they need at each age"
        )
    return lines


def _of_splits(cascade: "Cascade", splits: "Splits", tree: "Tree") -> list[str]:
    import numpy

    if not len(splits):
        return ["  splits            none: the tree has one state at every age"]
    along = cascade.spectrum.components(splits.direction, splits.age)
    located = numpy.isfinite(splits.age)
    order = numpy.argsort(numpy.where(located, splits.age, numpy.inf), kind="stable")
    lines = [f"  the tree splits at {len(splits):,} places, the youngest first"]
    for row in order[:MOST].tolist():
        sizes = sorted(int(tree.nodes.size[node]) for node in (splits.child[row], splits.other[row]))
        what = f"{sizes[1]:,} | {sizes[0]:,} samples"
        if not located[row]:
            lines.append(f"    before age {cascade.spectrum.ages[0]:,}, or never: {what}, both states last")
            continue
        parts = [f"{number}" for number, part in enumerate(along[row], start=1) if part >= _HAS_PART]
        words = f", along direction{'s' if len(parts) > 1 else ''} {' and '.join(parts)}" if parts else ""
        error = f" ± {100 * splits.uncertainty[row]:.1f} %"
        lines.append(f"    age {splits.age[row]:,.1f}{error}: {what}, {splits.kind[row]}{words}")
    if len(order) > MOST:
        lines.append(f"    … and {len(order) - MOST:,} more in splits.csv")
    return lines


def _of_chains(chains: "StateSampling") -> list[str]:
    """At some ages, how many Gibbs steps chains need."""
    import numpy

    rows = numpy.flatnonzero(chains.node < 0)
    chosen = rows[numpy.unique(numpy.linspace(0, len(rows) - 1, min(MOST, len(rows))).round().astype(int))]
    lines = [
        "  Gibbs steps until chains forget, in their slowest direction (age: within a state, between states)"
    ]
    for row in chosen.tolist():
        inside = numpy.flatnonzero((chains.age == chains.age[row]) & (chains.node >= 0))
        between = _slowest(chains, numpy.array([row]))
        within = _slowest(chains, inside) if len(inside) else "–"
        lines.append(f"    {chains.age[row]:,}: {within}, {between}")
    return lines


def _slowest(chains: "StateSampling", rows: "np.ndarray") -> str:
    import numpy

    times = chains.relaxation[rows]
    if numpy.isnan(times).all():
        return "unknown"
    row, direction = numpy.unravel_index(numpy.nanargmax(times), times.shape)
    bound = "at least " if chains.is_bound[rows][row, direction] else ""
    return f"{bound}{times[row, direction]:,.0f}"
