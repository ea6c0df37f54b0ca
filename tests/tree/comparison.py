"""When two trees are the same: the same groups at every age, with the same points."""

import numpy as np

from carving.tree import Tree
from tests.reference.descent import as_sets


def assert_same_tree(
    first: Tree, second: Tree, *, leaves: np.ndarray | None = None, tolerance: float = 2e-6
) -> None:
    """Fail unless the trees are the same; leaf i of the second is leaf ``leaves[i]`` of the first.

    Points may differ by ``tolerance``, twice that of the solver. A tree of ±1 units may
    be compared with one of {0, 1} units.
    """
    leaves = np.arange(len(first.leaves)) if leaves is None else leaves
    assert first.ages.updates.tolist() == second.ages.updates.tolist()
    for age in first.ages.updates.tolist():
        assert as_sets(first.partition(age)[leaves]) == as_sets(second.partition(age)), f"age {age}"
    counterpart = {
        frozenset(leaves[second.members(node)].tolist()): node for node in range(len(second.nodes))
    }
    assert len(counterpart) == len(second.nodes) == len(first.nodes)
    for node in range(len(first.nodes)):
        other = counterpart[frozenset(first.members(node).tolist())]
        assert first.nodes.age[node] == second.nodes.age[other]
        points = _per_unit(first, node), _per_unit(second, other)
        if not (node == first.root and first.has_added_root):
            assert np.abs(points[0] - points[1]).max() < tolerance


def _per_unit(tree: Tree, node: int) -> np.ndarray:
    """Visible magnetisations of a node, a spin counted as (1 + m)/2."""
    visible = tree.nodes.visible[node]
    return (1 + visible) / 2 if tree.visible_unit == "spin" else visible
