"""Trees done slowly and plainly: one leaf, one pair, one recursive call at a time."""

import math
from dataclasses import dataclass, field

import numpy as np

from carving.tree import Tree


@dataclass
class Vertex:
    """A node or a leaf with the branch above it."""

    name: str
    length: float
    first_leaf: int
    children: list["Vertex"] = field(default_factory=list)


def length_above(tree: Tree, node: int, kind: str) -> float:
    """Length of the branch above a node."""
    parent = int(tree.nodes.parent[node])
    if parent == -1:
        return 0.0
    if kind == "log-age":
        return math.log(1 + tree.nodes.age[node]) - math.log(1 + tree.nodes.age[parent])
    if kind == "birth-age":
        return math.log(1 + born(tree, node)) - math.log(1 + born(tree, parent))
    if kind == "free-energy":
        length = abs(float(tree.nodes.free_energy[node] - tree.nodes.free_energy[parent]))
    else:
        m, other = tree.nodes.visible[node], tree.nodes.visible[parent]
        if tree.visible_unit == "spin":
            m, other = (1 + m) / 2, (1 + other) / 2
        length = math.sqrt(float(np.sum((m - other) ** 2)) / len(m))
    return 0.0 if math.isnan(length) else length


def born(tree: Tree, node: int) -> float:
    """When a node is born: the youngest of its own age and those of all nodes below it."""
    own = float(tree.nodes.birth_age[node])
    below = [born(tree, i) for i in range(len(tree.nodes)) if tree.nodes.parent[i] == node]
    return min([float(tree.nodes.age[node]) if math.isnan(own) else own, *below])


def whole(tree: Tree, kind: str = "distance") -> Vertex:
    """The tree as linked vertices, nothing joined."""
    return _vertex(tree, len(tree.nodes) - 1, kind)


def _vertex(tree: Tree, node: int, kind: str) -> Vertex:
    children = [_vertex(tree, i, kind) for i in range(len(tree.nodes)) if tree.nodes.parent[i] == node]
    for leaf in range(len(tree.leaves)):
        if tree.leaves.node[leaf] == node:
            length = float(tree.leaves.distance[leaf]) if kind == "distance" else 0.0
            children.append(Vertex(tree.leaves.name[leaf], length, leaf))
    children.sort(key=lambda child: child.first_leaf)
    return Vertex(tree.nodes.name[node], length_above(tree, node, kind), children[0].first_leaf, children)


def joined(vertex: Vertex, *, is_root: bool = True) -> Vertex:
    """The same without vertices that have one child, the lengths added."""
    children = [joined(child, is_root=False) for child in vertex.children]
    if len(children) == 1 and not is_root:
        child = children[0]
        return Vertex(child.name, child.length + vertex.length, child.first_leaf, child.children)
    return Vertex(vertex.name, vertex.length, vertex.first_leaf, children)


def newick(vertex: Vertex, *, is_root: bool = True) -> str:
    """Newick with every name quoted."""
    quoted = "'" + vertex.name.replace("'", "''") + "'"
    inside = "(" + ",".join(newick(child, is_root=False) for child in vertex.children) + ")"
    text = (inside if vertex.children else "") + quoted
    return f"{text};" if is_root else f"{text}:{vertex.length!r}"


def partition(tree: Tree, age: int) -> list[int]:
    """The node of every leaf: climb as long as the parent is born by the older checkpoint's age."""
    older = min(int(a) for a in tree.ages.updates if a >= age)
    result = []
    for node in tree.leaves.node:
        parent = tree.nodes.parent[node]
        while (
            parent != -1
            and tree.nodes.age[parent] >= older
            and not np.isnan(tree.nodes.visible[parent]).all()
        ):
            node, parent = parent, tree.nodes.parent[parent]
        result.append(int(node))
    return result


def path(tree: Tree, leaf: int) -> list[int]:
    """The nodes from a leaf's state to the root."""
    nodes = [int(tree.leaves.node[leaf])]
    while tree.nodes.parent[nodes[-1]] != -1:
        nodes.append(int(tree.nodes.parent[nodes[-1]]))
    return nodes


def merge_height(tree: Tree, first: int, second: int) -> float:
    """log(T_oldest / age) of the youngest node that holds two leaves and no smaller one does."""
    above = path(tree, second)
    common = next(node for node in path(tree, first) if node in above)
    updates = [int(age) for age in tree.ages.updates if age > 0]
    age = float(tree.nodes.age[common]) or min(updates) / 2
    return math.log(max(updates) / age)
