"""Newick with NHX annotations, as ete3 reads it: age, size, free energy and labels come as features."""

import re
from functools import partial
from typing import TYPE_CHECKING

from carving.export._columns import Column, label_columns, leaf_columns, node_columns, notes
from carving.export._format import Format, Target, number_writer, refuse, text_target, with_options
from carving.export._nested import nested
from carving.export._xml import instead_of
from carving.export.newick import PLAIN, UNREADABLE
from carving.tree.topology import topology

if TYPE_CHECKING:
    from carving.tree import Tree

# what ends an annotation, a value or a branch, and both quotes: ete3 unquotes names only
_NO_VALUE = re.compile(r"""[\x00-\x1f\x7f()\[\],:;='"]""")
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
    precision: int | None = None,
    force: bool = False,
) -> None:
    """Write a tree as Newick with NHX annotations, at any depth: ete3's parser is a loop.

    Read it with ``ete3.Tree(path, format=1, quoted_node_names=True)``. Nodes have ``age``, ``size``,
    ``free_energy``, ``error``, ``converged`` and ``stable`` and, where they are known, ``birth_age``,
    ``birth_uncertainty`` and ``support``; leaves have ``distance``, ``error``, ``size`` and every label
    column under its own name, or with ``_`` added where ete3's nodes have that name already. ete3 gives
    all of them as text, but ``support``, which is its own.

    Names are quoted with ``"`` where they need it, or with ``'`` where they hold a ``"``.

    Parameters
    ----------
    tree, target, branch_length, keep_unary, precision, force
        As for ``write_newick``.

    Raises
    ------
    InvalidInput
        If a name holds both kinds of quotes, a control character, or a backslash that would escape its
        closing quote; or if a label holds one of ``( ) [ ] , : ; = ' "``, for which NHX has no escape.
    """
    number = number_writer(precision)
    shape = topology(tree, branch_length=branch_length, keep_unary=keep_unary)
    names = [_quote(name, target) for column in (tree.nodes.name, tree.leaves.name) for name in column]
    lengths = list(map(number, shape.length.tolist()))
    of_nodes, of_leaves = node_columns(tree), leaf_columns(tree)
    taken = RESERVED.union(column.name for column in of_leaves)
    of_leaves += label_columns(tree, taken, escape=partial(_check_value, target=target))
    features = notes(shape.order, of_nodes, of_leaves, _feature, separator=":", number=number)
    words = (
        f"{names[vertex]}{f':{lengths[vertex]}' if vertex != shape.root else ''}[&&NHX:{note}]"
        for vertex, note in zip(shape.order.tolist(), features, strict=True)
    )
    with text_target(target, force=force) as file:
        file.writelines(nested(shape, words))


def _feature(column: Column, text: str) -> str:
    # a label that is unknown is empty; a number that is unknown is not there
    return f"{column.name}={text}" if text or column.label else ""


def _quote(name: str, target: Target) -> str:
    if PLAIN.fullmatch(name):
        return name
    if UNREADABLE.search(name):
        raise refuse(target, "name", name, "NHX cannot hold control characters", "csv")
    if '"' in name and "'" in name:
        raise refuse(target, "name", name, "NHX cannot hold both kinds of quotes", "newick, graphml or csv")
    if (len(name) - len(name.rstrip("\\"))) % 2:
        raise refuse(target, "name", name, "NHX cannot hold a backslash at the end", "newick, graphml or csv")
    return f"'{name}'" if '"' in name else f'"{name}"'


def _check_value(value: str, what: str, target: Target) -> str:
    if _NO_VALUE.search(value):
        reason = "NHX has no escape for quotes and ( ) [ ] , : ; ="
        raise refuse(target, what, value, reason, instead_of("graphml or csv", value))
    return value


FORMAT = Format(
    name="nhx",
    target="tree.nhx",
    description="Newick with age, size, free energy and labels: ete3",
    write=with_options(write_nhx),
)
