"""Newick with NHX annotations, as ete3 reads it: age, size, free energy and labels come as features."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from carving.export._format import ExportOptions, Format, Target, label_names, refuse, text_target
from carving.export._nested import nested
from carving.tree.topology import Topology, topology

if TYPE_CHECKING:
    from carving.tree import Tree

_PLAIN = re.compile(r"(?:[^\W_]|[.+|-])+")
# line ends are translated when ete3 opens the file
_UNREADABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# what ends an annotation, a value or a branch, and both quotes: ete3 unquotes names only
_NO_VALUE = re.compile(r"""[\x00-\x1f\x7f()\[\],:;='"]""")
_NODE_COLUMNS = ("age", "size", "free_energy", "error", "converged", "stable")
_LEAF_COLUMNS = ("distance", "error")
# a feature of one of these names would replace what ete3's own nodes have under it
RESERVED = frozenset(
    re.findall(
        r"\w+",
        """
        _asciiArt _children _diff _dist _get_children _get_dist _get_face_areas
        _get_farthest_and_closest_leaves _get_style _get_support _get_up _img_style
        _iter_descendants_levelorder _iter_descendants_postorder _iter_descendants_preorder _set_children
        _set_dist _set_face_areas _set_style _set_support _set_up _support _up add_child add_face
        add_feature add_features add_sister check_monophyly children compare convert_to_ultrametric
        cophenetic_matrix copy del_feature delete describe detach dist expand_polytomies faces features
        from_parent_child_table from_skbio get_ancestors get_ascii get_cached_content get_children
        get_closest_leaf get_common_ancestor get_descendants get_distance get_edges get_farthest_leaf
        get_farthest_node get_leaf_names get_leaves get_leaves_by_name get_midpoint_outgroup
        get_monophyletic get_sisters get_topology_id get_tree_root img_style is_leaf is_root iter_ancestors
        iter_descendants iter_edges iter_leaf_names iter_leaves iter_prepostorder iter_search_nodes
        ladderize name phonehome populate prune remove_child remove_sister render resolve_polytomy
        robinson_foulds search_nodes set_outgroup set_style show sort_descendants standardize support
        swap_children traverse unroot up write
        """,
    )
)


def write_nhx(
    tree: "Tree",
    target: Target,
    *,
    branch_length: str = "distance",
    keep_unary: bool = False,
    force: bool = False,
) -> None:
    """Write a tree as Newick with NHX annotations, at any depth: ete3's parser is a loop.

    Read it with ``ete3.Tree(path, format=1, quoted_node_names=True)``. Nodes have ``age``, ``size``,
    ``free_energy``, ``error``, ``converged`` and ``stable``, leaves ``distance``, ``error`` and every
    label column under its own name, or with ``_`` added where ete3's nodes have that name already. ete3
    gives all of them as text.

    Names are quoted with ``"`` where they need it, or with ``'`` where they hold a ``"``.

    Parameters
    ----------
    tree, target, branch_length, keep_unary, force
        As for ``write_newick``.

    Raises
    ------
    InvalidInput
        If a name holds both kinds of quotes, a control character, or a backslash that would escape its
        closing quote; or if a label holds one of ``( ) [ ] , : ; = ' "``, for which NHX has no escape.
    """
    shape = topology(tree, branch_length=branch_length, keep_unary=keep_unary)
    with text_target(target, force=force) as file:
        file.writelines(nested(shape, _words(tree, shape, target)))


def _words(tree: "Tree", shape: Topology, target: Target) -> Iterator[str]:
    names = [_quote(name, target) for column in (tree.nodes.name, tree.leaves.name) for name in column]
    notes = [*_node_notes(tree), *_leaf_notes(tree, target)]
    lengths = shape.length.tolist()
    for vertex in shape.order.tolist():
        length = "" if vertex == shape.root else f":{lengths[vertex]!r}"
        yield f"{names[vertex]}{length}[&&NHX:{notes[vertex]}]"


def _quote(name: str, target: Target) -> str:
    if _PLAIN.fullmatch(name):
        return name
    if _UNREADABLE.search(name):
        raise refuse(target, "name", name, "NHX cannot hold control characters", "csv")
    if '"' in name and "'" in name:
        raise refuse(target, "name", name, "NHX cannot hold both kinds of quotes", "newick, graphml or csv")
    if (len(name) - len(name.rstrip("\\"))) % 2:
        raise refuse(target, "name", name, "NHX cannot hold a backslash at the end", "newick, graphml or csv")
    return f"'{name}'" if '"' in name else f'"{name}"'


def _node_notes(tree: "Tree") -> Iterator[str]:
    columns = [getattr(tree.nodes, column).tolist() for column in _NODE_COLUMNS]
    for age, size, free_energy, error, converged, stable in zip(*columns, strict=True):
        yield (
            f"age={age}:size={size}:free_energy={free_energy!r}:error={error!r}"
            f":converged={str(converged).lower()}:stable={str(stable).lower()}"
        )


def _leaf_notes(tree: "Tree", target: Target) -> Iterator[str]:
    names = label_names(tree, RESERVED.union(_LEAF_COLUMNS))
    for name in names.values():
        _check_value(name, "label column", target)
    for column, values in tree.labels.items():
        for value in set(values):
            _check_value(value, f"label of column {column!r}", target)
    numbers = [tree.leaves.distance.tolist(), tree.leaves.error.tolist()]
    for distance, error, *labels in zip(*numbers, *tree.labels.values(), strict=True):
        texts = [f":{name}={label}" for name, label in zip(names.values(), labels, strict=True)]
        yield f"distance={distance!r}:error={error!r}{''.join(texts)}"


def _check_value(value: str, what: str, target: Target) -> None:
    if _NO_VALUE.search(value):
        raise refuse(
            target, what, value, "NHX has no escape for quotes and ( ) [ ] , : ; =", "graphml or csv"
        )


def _write(tree: "Tree", target: Path, options: ExportOptions) -> None:
    write_nhx(
        tree,
        target,
        branch_length=options.branch_length,
        keep_unary=options.keep_unary,
        force=options.force,
    )


FORMAT = Format(
    name="nhx",
    target="tree.nhx",
    description="Newick with age, size, free energy and labels: ete3",
    write=_write,
)
