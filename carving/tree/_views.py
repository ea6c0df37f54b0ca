"""What a ``Tree`` looks like elsewhere: networkx, ete3, scipy, a terminal, a notebook. Made on demand."""

import html
import warnings
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from carving.errors import InvalidInput, MissingDependency
from carving.tree._columns import Leaves, Nodes
from carving.tree.topology import topology, totals

if TYPE_CHECKING:
    import ete3
    import networkx

    from carving.tree.tree import Tree

# what other programs are told of a vertex besides its name and its place in the tree
NODE_ATTRIBUTES = tuple(
    name for name in Nodes.column_types if name not in ("name", "parent", "visible", "hidden")
)
LEAF_ATTRIBUTES = tuple(name for name in Leaves.column_types if name not in ("name", "node"))


def to_networkx(tree: "Tree") -> "networkx.DiGraph":
    """See ``Tree.to_networkx``."""
    import networkx

    graph: networkx.DiGraph = networkx.DiGraph()
    names = tree.nodes.name
    columns = _known_columns(tree)
    for name, *values in zip(names, *columns.values(), strict=True):
        graph.add_node(name, kind="node", **dict(zip(columns, values, strict=True)))
    graph.add_edges_from(zip(names[tree.nodes.parent[:-1]], names[:-1], strict=True))
    for index, name in enumerate(tree.leaves.name):
        graph.add_node(name, kind="leaf", **_leaf_attributes(tree, index))
    graph.add_edges_from(zip(names[tree.leaves.node], tree.leaves.name, strict=True))
    return graph


def _known_columns(tree: "Tree") -> dict[str, list[Any]]:
    """The attributes of nodes, without columns that hold nothing."""
    columns = {name: getattr(tree.nodes, name) for name in NODE_ATTRIBUTES}
    return {name: values.tolist() for name, values in columns.items() if (values == values).any()}


def _leaf_attributes(tree: "Tree", index: int) -> dict[str, Any]:
    return {
        **{name: getattr(tree.leaves, name)[index].item() for name in LEAF_ATTRIBUTES},
        "labels": {name: column[index] for name, column in tree.labels.items()},
    }


def _import_ete() -> ModuleType:
    try:
        with warnings.catch_warnings():
            # ete3 3.1.3 has invalid escapes in its strings, of which newer Pythons warn
            warnings.simplefilter("ignore")
            import ete3
    except ImportError as error:
        raise MissingDependency(f"ete3: cannot be imported ({error}); pip install 'carving[ete]'") from error
    return ete3


def to_ete(tree: "Tree", *, branch_length: str, keep_unary: bool) -> "ete3.TreeNode":
    """See ``Tree.to_ete``."""
    ete = _import_ete()
    shape = topology(tree, branch_length=branch_length, keep_unary=keep_unary)
    columns = _known_columns(tree)
    made: dict[int, Any] = {}
    # parents first; the order is read backwards, so siblings are put right at the end
    for vertex in shape.order[::-1].tolist():
        name = tree.nodes.name[vertex] if vertex < shape.nodes else tree.leaves.name[vertex - shape.nodes]
        new = ete.TreeNode(name=name, dist=float(shape.length[vertex]))
        if vertex < shape.nodes:
            new.add_features(kind="node", **{name: column[vertex] for name, column in columns.items()})
        else:
            new.add_features(kind="leaf", **_leaf_attributes(tree, vertex - shape.nodes))
        if vertex != shape.root:
            # add_child looks through all children first, which would be quadratic in a wide node
            above = made[int(shape.parent[vertex])]
            above.children.append(new)
            new.up = above
        made[vertex] = new
    for vertex in made.values():
        vertex.children.reverse()
    return made[shape.root]


def to_linkage(tree: "Tree") -> np.ndarray:
    """See ``Tree.to_linkage``."""
    leaves, nodes = len(tree.leaves), len(tree.nodes)
    if leaves < 2:
        raise InvalidInput("tree: one leaf alone has no linkage; scipy asks for two observations")
    below = np.concatenate([tree.leaves.node, tree.nodes.parent[:-1]])
    items = np.argsort(below, kind="stable")
    counts = np.bincount(below, minlength=nodes)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    # items 0 … leaves-1 are leaves and clusters by themselves, the rest are nodes
    first_row = np.concatenate([[0], np.cumsum(counts - 1)])
    cluster = np.concatenate([np.arange(leaves), leaves + first_row[1:] - 1])
    # a node with one child adds no row: it is the cluster that its child is
    for node in np.flatnonzero(counts == 1).tolist():
        cluster[leaves + node] = cluster[items[offsets[node]]]
    # scipy counts observations: leaves, whatever they stand for
    sizes = np.concatenate([np.ones(leaves, dtype=np.int64), totals(tree.nodes.parent, tree.leaves.node)])

    # the k-th item of a node, k > 0, is merged with the cluster of those before it
    owner = np.repeat(np.arange(nodes), counts)
    place = np.arange(len(items)) - offsets[owner]
    later = np.flatnonzero(place > 0)
    row = first_row[owner[later]] + place[later] - 1
    before = np.where(place[later] == 1, cluster[items[later - 1]], leaves + row - 1)
    so_far = np.cumsum(sizes[items])
    held = so_far[later] - (so_far - sizes[items])[offsets[owner[later]]]

    result = np.empty((leaves - 1, 4))
    pair = np.sort(np.stack([before, cluster[items[later]]], axis=1), axis=1)
    result[row] = np.column_stack([pair, _heights(tree)[owner[later]], held])
    return result


def _heights(tree: "Tree") -> np.ndarray:
    """log(T_oldest / age) of each node, an age of 0 counted as half the youngest age above 0."""
    age = tree.nodes.age.astype(np.float64)
    positive = tree.ages.updates[tree.ages.updates > 0]
    oldest, youngest = (positive[0], positive[-1]) if len(positive) else (1, 1)
    age[age == 0] = 0.5 * youngest
    # a single checkpoint of age 0: its states are the oldest there are
    return (
        np.log(oldest / age)
        if len(positive)
        else np.where(np.isnan(tree.nodes.free_energy), np.log(2.0), 0.0)
    )


def depth(tree: "Tree") -> int:
    """Nodes on the longest way from a state of the oldest age to the root, the root not counted."""
    deepest = [0] * len(tree.nodes)
    for child, parent in enumerate(tree.nodes.parent[:-1].tolist()):
        deepest[parent] = max(deepest[parent], deepest[child] + 1)
    return deepest[-1]


def sensitive_ages(tree: "Tree") -> list[int]:
    """Ages at which half to twice the linkage distance would have given other groups."""
    linkage = tree.options.get("linkage_distance")
    if linkage is None:
        return []
    # linked when ≤: a step breaks above the smaller distance, a gap closes at the larger one; NaN: none
    sensitive = (tree.ages.largest_step > linkage / 2) | (tree.ages.smallest_gap <= 2 * linkage)
    return tree.ages.updates[sensitive].tolist()


def describe(tree: "Tree") -> str:
    """One line that tells at a glance what a tree holds."""
    oldest, youngest = tree.ages.updates[0], tree.ages.updates[-1]
    leaves, samples = len(tree.leaves), int(tree.nodes.size[-1])
    words = [
        f"{leaves} leaves" if leaves == samples else f"{leaves} leaves for {samples} samples",
        f"{int(tree.ages.groups[0])} states at age {oldest}",
        f"{len(tree.nodes)} nodes",
        f"{len(tree.ages)} ages {oldest} to {youngest}",
        f"{tree.visible_unit} × {tree.hidden_unit}",
    ]
    if tree.labels:
        words.append(f"labels {', '.join(tree.labels)}")
    return f"Tree({'; '.join(words)})"


def describe_in_html(tree: "Tree") -> str:
    """A small table for notebooks: the groups at up to twelve ages, spread over the walk."""
    shown = np.unique(np.linspace(0, len(tree.ages) - 1, min(12, len(tree.ages))).round().astype(int))
    rows = "".join(
        f"<tr><td>{tree.ages.updates[i]}</td><td>{tree.ages.groups[i]}</td><td>{tree.ages.unconverged[i]}</td></tr>"
        for i in shown.tolist()
    )
    return (
        f"<div><code>{html.escape(describe(tree))}</code><table><thead><tr><th>age</th><th>groups</th>"
        f"<th>unconverged</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )
