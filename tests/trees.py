"""Trees for tests: one small enough to draw, random ones of any size, and a chain of any depth."""

from collections.abc import Iterable, Sequence

import numpy as np

from carving.tree import Ages, Leaves, Nodes, States, Tree

#  age   1            ┌──────t1.0──────┐
#  age  10       ┌──t10.0──┐           │
#  age 100    t100.0     t100.1     t100.2
#             ├────┐       │        ├────┐
#             A    B       C        D    E
#  visible    (0, 0)     (0, 1)     (1, 1)     t10.0 (0, ½)     t1.0 (½, ½)


def _text(values: Iterable[str]) -> np.ndarray:
    return np.array(list(values), dtype=object)


def small_tree() -> Tree:
    points = np.array([[0, 0], [0, 1], [1, 1], [0, 0.5], [0.5, 0.5]])
    nodes = Nodes(
        name=_text(["t100.0", "t100.1", "t100.2", "t10.0", "t1.0"]),
        parent=np.array([3, 3, 4, 4, -1]),
        age=np.array([100, 100, 100, 10, 1]),
        size=np.array([2, 1, 2, 3, 5]),
        free_energy=np.array([-5.0, -4.0, -4.5, -3.0, -1.5]),
        error=np.array([1e-8] * 5),
        converged=np.array([True] * 5),
        stable=np.array([True, True, True, False, True]),
        visible=points,
        hidden=points[:, :1],
    )
    leaves = Leaves(
        name=_text(["A", "B", "C", "D", "E"]),
        node=np.array([0, 0, 1, 2, 2]),
        distance=np.array([0.0, 0.1, 0.2, 0.3, 0.4]),
        error=np.array([0.0] * 5),
    )
    states = np.array([0, 1, 2, 3, 2, 4])
    return Tree(
        nodes=nodes,
        leaves=leaves,
        states=States(
            node=states,
            age=np.array([100, 100, 100, 10, 10, 1]),
            visible=points[states].astype("f4"),
            hidden=points[states, :1].astype("f4"),
            free_energy=nodes.free_energy[states],
            error=np.array([1e-8] * 6),
            converged=np.array([True] * 6),
        ),
        ages=Ages(
            updates=np.array([100, 10, 1]),
            groups=np.array([3, 2, 1]),
            largest_step=np.array([np.nan, 0.01, 0.03]),
            smallest_gap=np.array([0.7, 0.06, np.nan]),
            unconverged=np.array([0, 2, 0]),
        ),
        labels={"continent": np.array(["EUR", "EUR", "", "AFR", "AFR"], dtype=object)},
        colors={"continent": {"EUR": "#0094ff", "AFR": "#ff8800"}},
        options={"order": 2, "tolerance": 1e-6, "linkage_distance": 0.04},
        provenance={"carving": "0.1.0"},
    )


def random_tree(
    leaves: int,
    *,
    generator: np.random.Generator,
    ages: int = 6,
    states: int | None = None,
    sites: int = 5,
    names: Sequence[str] | None = None,
    labels: dict[str, Sequence[str]] | None = None,
    colors: dict[str, dict[str, str]] | None = None,
    added_root: bool = False,
    visible_unit: str = "bernoulli",
    potts_states: int | None = None,
    trajectories: bool = True,
) -> Tree:
    """A tree whose groups merge at random, as ``build_tree`` would have written it."""
    leaf_names = [f"leaf{index}" for index in range(leaves)] if names is None else list(names)
    updates = np.sort(generator.choice(np.arange(1, 40 * ages), size=ages, replace=False))[::-1]
    count = states or int(generator.integers(1, leaves + 1))
    if added_root:
        count = max(2, count)
    leaf_node, first = _relabel(_onto(leaves, count, generator))
    group_node, parents, births = np.arange(count), [np.full(count, -1)], [np.full(count, updates[0])]
    at_age = [group_node]
    for step, age in enumerate(updates[1:], start=2):
        fewest = 2 if added_root else 1
        last = step == ages and not added_root
        groups = 1 if last else int(generator.integers(min(fewest, len(group_node)), len(group_node) + 1))
        group_node, first = _merge(group_node, first, groups, int(age), parents, births, generator)
        at_age.append(group_node)
    if len(group_node) > 1:
        total = sum(map(len, parents))
        above = np.concatenate([*parents, [-1]])
        above[group_node] = total
        parents, births = [above], [*births, np.array([0])]
        added_root = True
    else:
        added_root = False
    parent, age = np.concatenate(parents), np.concatenate(births)
    shape = (sites,) if potts_states is None else (sites, potts_states)
    return Tree(
        nodes=_nodes(parent, age, leaf_node, shape, added_root, set(leaf_names), generator),
        leaves=Leaves(
            name=_text(leaf_names),
            node=leaf_node,
            distance=generator.random(leaves),
            error=np.zeros(leaves),
        ),
        states=_states(at_age if trajectories else [], updates, shape, generator),
        ages=Ages(
            updates=updates,
            groups=np.array([len(groups) for groups in at_age]),
            largest_step=np.full(ages, np.nan),
            smallest_gap=generator.random(ages),
            unconverged=np.zeros(ages, dtype=int),
        ),
        labels={name: np.array(column, dtype=object) for name, column in (labels or {}).items()},
        colors=colors or {},
        visible_unit=visible_unit,
        options={"order": 2, "tolerance": 1e-6, "linkage_distance": 0.035},
    )


def chain_tree(depth: int, *, sites: int = 2) -> Tree:
    """A chain: at every age one more state, of one leaf, joins the only group; as deep as it has ages."""
    leaves = depth + 1
    updates = np.arange(depth + 1, 0, -1)
    # states 0 … depth, then the groups: state 0 with state 1, that with state 2, …
    group = np.arange(leaves, leaves + depth)
    parent = np.concatenate([group[:1], group, group[1:], [-1]])
    age = np.concatenate([np.full(leaves, updates[0]), updates[1:]])
    return Tree(
        nodes=_nodes(parent, age, np.arange(leaves), (sites,), False, set(), np.random.default_rng(0)),
        leaves=Leaves(
            name=_text(f"leaf{index}" for index in range(leaves)),
            node=np.arange(leaves),
            distance=np.full(leaves, 0.25),
            error=np.zeros(leaves),
        ),
        states=_states([], updates, (sites,), np.random.default_rng(0)),
        ages=Ages(
            updates=updates,
            groups=updates,
            largest_step=np.full(len(updates), np.nan),
            smallest_gap=np.full(len(updates), np.nan),
            unconverged=np.zeros(len(updates), dtype=int),
        ),
        options={"linkage_distance": 0.035},
    )


def _onto(members: int, groups: int, generator: np.random.Generator) -> np.ndarray:
    """A random map of members onto groups, each of which gets at least one."""
    chosen = np.concatenate([np.arange(groups), generator.integers(groups, size=members - groups)])
    return generator.permutation(chosen)


def _relabel(groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Groups renumbered by their first member, and that member."""
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=int)
    rank[order] = np.arange(len(order))
    return rank[inverse], first[order]


def _merge(
    group_node: np.ndarray,
    first: np.ndarray,
    groups: int,
    age: int,
    parents: list[np.ndarray],
    births: list[np.ndarray],
    generator: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """The groups of the next younger age; new nodes are appended to ``parents`` and ``births``."""
    into = _onto(len(group_node), groups, generator)
    counts = np.bincount(into, minlength=groups)
    next_first = np.full(groups, np.iinfo(int).max)
    np.minimum.at(next_first, into, first)
    merged = np.flatnonzero(counts > 1)
    merged = merged[np.argsort(next_first[merged])]
    nodes = sum(map(len, parents))
    next_node = np.empty(groups, dtype=int)
    next_node[into] = group_node
    next_node[merged] = nodes + np.arange(len(merged))
    above = np.concatenate([*parents, np.full(len(merged), -1)])
    moved = counts[into] > 1
    above[group_node[moved]] = next_node[into[moved]]
    parents[:] = [above]
    births.append(np.full(len(merged), age))
    return next_node, next_first


def _nodes(
    parent: np.ndarray,
    age: np.ndarray,
    leaf_node: np.ndarray,
    shape: tuple[int, ...],
    added_root: bool,
    taken: set[str],
    generator: np.random.Generator,
) -> Nodes:
    count = len(parent)
    size = np.bincount(leaf_node, minlength=count).tolist()
    for child, above in enumerate(parent[:-1].tolist()):
        size[above] += size[child]
    k = np.arange(count) - np.searchsorted(-age, -age)
    names = []
    for born, index in zip(age.tolist(), k.tolist(), strict=True):
        name = f"t{born}.{index}"
        while name in taken:
            name += "_"
        names.append(name)
    visible, hidden = generator.random((count, *shape)), generator.random((count, 3))
    free_energy, error = -10 * generator.random(count), 1e-7 * generator.random(count)
    if added_root:
        visible[-1] = hidden[-1] = free_energy[-1] = error[-1] = np.nan
    return Nodes(
        name=_text(names),
        parent=parent,
        age=age,
        size=size,
        free_energy=free_energy,
        error=error,
        converged=generator.random(count) < 0.9,
        stable=generator.random(count) < 0.9,
        visible=visible,
        hidden=hidden,
        birth_age=np.where(generator.random(count) < 0.5, age * (1 + generator.random(count)), np.nan),
        birth_uncertainty=generator.random(count),
    )


def _states(
    at_age: list[np.ndarray], updates: np.ndarray, shape: tuple[int, ...], generator: np.random.Generator
) -> States:
    node = np.concatenate([*at_age, np.empty(0, dtype=int)])
    age = np.repeat(updates[: len(at_age)], [len(groups) for groups in at_age])
    return States(
        node=node,
        age=age,
        visible=generator.random((len(node), *shape)).astype("f4"),
        hidden=generator.random((len(node), 3)).astype("f4"),
        free_energy=-10 * generator.random(len(node)),
        error=np.zeros(len(node)),
        converged=np.ones(len(node), dtype=bool),
    )
