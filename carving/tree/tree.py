"""The ``Tree``: the merges of the fixed points of samples, from old machines to young, as columns."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from carving.errors import InvalidInput
from carving.tree import _checks, _views
from carving.tree._columns import Ages, Leaves, Nodes, States, string_column

if TYPE_CHECKING:
    from concurrent.futures import Executor

    import ete3
    import networkx

    from carving._progress import ProgressCallback
    from carving.checkpoints import CheckpointSequence
    from carving.tree.placement import Placement


@dataclass(frozen=True, eq=False)
class Children:
    """The nodes that merge into each node, in compressed rows.

    Attributes
    ----------
    offsets : numpy.ndarray of int64, shape (nodes + 1,)
    node : numpy.ndarray of int64
        The children of node i, in index order, are ``node[offsets[i]:offsets[i + 1]]``.
    """

    offsets: np.ndarray
    node: np.ndarray

    def of(self, node: int) -> np.ndarray:
        """The children of one node."""
        return self.node[self.offsets[node] : self.offsets[node + 1]]


@dataclass(frozen=True, eq=False, repr=False)
class Tree:
    """The family tree of samples: rooted, immutable, held as columns.

    ``carving.build_tree`` makes one and ``carving.load_tree`` reads one. Leaves are the samples and are
    not nodes; each hangs on its node at the oldest age.

    Parameters
    ----------
    nodes, leaves, states, ages
        The columns.
    labels : dict of str to array of str
        Any number of label columns, each aligned with the leaves; "" is an unknown label.
    colors : dict of str to dict of str to str
        For some of these columns the colour of each label, ``#rrggbb``.
    visible_unit, hidden_unit : str
        Names of the unit types of the machine.
    options : dict
        The settings of ``build_tree``.
    provenance : dict
        Versions, and the fingerprints of what the tree was made from.
    spent : dict
        What the fixed points took at all ages together, :class:`carving.meanfield.Spent`.

    Raises
    ------
    InvalidInput
        If the columns do not describe a tree.

    Examples
    --------
    >>> tree = carving.load_tree("tree/")           # doctest: +SKIP
    >>> tree.partition(8000)                        # doctest: +SKIP
    array([0, 0, 1, ..., 6, 6, 6])
    >>> tree.nodes.name[tree.path("HG01565_A")]     # doctest: +SKIP
    array(['t8000.0', 't5210.1', 't12.0'], dtype=object)
    """

    nodes: Nodes
    leaves: Leaves
    states: States
    ages: Ages
    labels: dict[str, np.ndarray] = field(default_factory=dict)
    colors: dict[str, dict[str, str]] = field(default_factory=dict)
    visible_unit: str = "bernoulli"
    hidden_unit: str = "bernoulli"
    options: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    spent: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        labels: Mapping[str, Any] = self.labels
        columns = {
            name: string_column(values, f"labels: {name}", allow_empty=True)
            for name, values in labels.items()
        }
        object.__setattr__(self, "labels", columns)
        object.__setattr__(self, "colors", {name: dict(of) for name, of in self.colors.items()})
        object.__setattr__(self, "options", dict(self.options))
        object.__setattr__(self, "provenance", dict(self.provenance))
        object.__setattr__(self, "spent", dict(self.spent))
        _checks.check_tree(self)

    # ---- structure

    @property
    def root(self) -> int:
        """The node that holds every leaf."""
        return len(self.nodes) - 1

    @property
    def has_added_root(self) -> bool:
        """Whether the root was put above several groups that were left at the youngest age."""
        return bool(np.isnan(self.nodes.visible[-1]).all())

    @property
    def is_condensed(self) -> bool:
        """Whether leaves stand for several samples each."""
        return bool((self.leaves.size > 1).any())

    @cached_property
    def children(self) -> Children:
        """The nodes that merge into each node; leaves are in ``leaves.node``."""
        parent = self.nodes.parent[:-1]
        counts = np.bincount(parent, minlength=len(self.nodes))
        offsets = np.concatenate([[0], np.cumsum(counts)])
        return Children(offsets=offsets, node=np.argsort(parent, kind="stable"))

    def partition(self, age: int) -> np.ndarray:
        """The node of every leaf at an age.

        Parameters
        ----------
        age
            Gradient updates. Between two checkpoints it is the older one's partition.

        Returns
        -------
        numpy.ndarray of int64, shape (leaves,)
            Two leaves are one group where their nodes are equal.

        Raises
        ------
        InvalidInput
            If the age is outside the range of the checkpoints.
        """
        updates = self.ages.updates
        if not updates[-1] <= age <= updates[0]:
            raise InvalidInput(
                f"age {age}: outside the ages of this tree; choose one from {updates[-1]} to {updates[0]}"
            )
        older = updates[updates >= age][-1]
        # nodes are sorted from old to young: those born by then are the first ones
        born = len(self.nodes) - np.searchsorted(self.nodes.age[::-1], older, side="left")
        if self.has_added_root:
            born = min(born, self.root)
        return self._climb(np.arange(len(self.nodes)) < born)[self.leaves.node]

    def _climb(self, allowed: np.ndarray) -> np.ndarray:
        """For each node the last of its ancestors, itself first, before one that is not allowed.

        Pointer jumping: every round doubles the steps taken, so that depth d costs log₂ d rounds.
        """
        itself = np.arange(len(self.nodes))
        parent = np.where(self.nodes.parent < 0, itself, self.nodes.parent)
        target = np.where(allowed[parent], parent, itself)
        while True:
            further = target[target]
            if np.array_equal(further, target):
                return target
            target = further

    def path(self, leaf: int | str) -> np.ndarray:
        """The nodes from a leaf's state to the root.

        Parameters
        ----------
        leaf
            Index or name.

        Returns
        -------
        numpy.ndarray of int64
            Node indices, the oldest first.
        """
        node, path = int(self.leaves.node[self._leaf_index(leaf)]), []
        parent = self.nodes.parent
        while node >= 0:
            path.append(node)
            node = int(parent[node])
        return np.array(path, dtype=np.int64)

    def members(self, node: int) -> np.ndarray:
        """The leaves that a node holds, as indices in order."""
        if not 0 <= node < len(self.nodes):
            raise InvalidInput(f"node {node}: this tree has the nodes 0 to {self.root}")
        allowed = np.ones(len(self.nodes), dtype=bool)
        allowed[self.nodes.parent[node]] = node == self.root
        return np.flatnonzero(self._climb(allowed)[self.leaves.node] == node)

    @cached_property
    def _index_of_leaf(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.leaves.name)}

    def _leaf_index(self, leaf: int | str) -> int:
        if isinstance(leaf, str):
            if leaf not in self._index_of_leaf:
                raise InvalidInput(f"leaf {leaf!r}: no leaf of this tree has that name; see tree.leaves.name")
            return self._index_of_leaf[leaf]
        if not -len(self.leaves) <= leaf < len(self.leaves):
            raise InvalidInput(f"leaf {leaf}: this tree has the leaves 0 to {len(self.leaves) - 1}")
        return int(leaf)

    # ---- other shapes

    def to_networkx(self) -> "networkx.DiGraph":
        """The tree as a directed graph from the root to the leaves, vertices named by their names.

        Every vertex has ``kind`` ("node" or "leaf"); nodes have their columns as typed attributes
        (``age``, ``size``, ``free_energy``, ``error``, ``converged``, ``stable``, and ``birth_age``,
        ``birth_uncertainty`` and ``support`` where any is known), leaves ``distance``, ``error``, ``size``
        and a ``labels`` dict. Magnetisations stay in ``tree.nodes``. Nodes with one child are kept.
        """
        return _views.to_networkx(self)

    def to_ete(self, *, branch_length: str = "distance", keep_unary: bool = False) -> "ete3.TreeNode":
        """The tree as ete3 objects, with node columns and labels as features.

        Parameters
        ----------
        branch_length
            One of ``carving.tree.topology.BRANCH_LENGTHS``.
        keep_unary
            Keep nodes that have one child instead of joining the two.

        Raises
        ------
        MissingDependency
            If ete3, which is in the extra ``carving[ete]``, is not installed.
        """
        return _views.to_ete(self, branch_length=branch_length, keep_unary=keep_unary)

    def to_linkage(self) -> np.ndarray:
        """The tree as a linkage matrix of ``scipy.cluster.hierarchy``, over all leaves in their order.

        The height of a merge is log(T_oldest / age) of its node: leaves of one state of the oldest age
        merge at 0, and a node with several children becomes several merges of one height. An age of 0,
        be it a checkpoint's or an added root's, counts as half the youngest age above 0, so that every
        height is finite: log 2 above the youngest.

        Returns
        -------
        numpy.ndarray of float64, shape (leaves - 1, 4)

        Raises
        ------
        InvalidInput
            If the tree has only one leaf: scipy knows no linkage of one observation.
        """
        return _views.to_linkage(self)

    def place(
        self,
        samples: Any,
        run: "CheckpointSequence",
        *,
        batch_size: int | None = None,
        device: str = "cpu",
        executor: "Executor | None" = None,
        progress: "ProgressCallback | None" = None,
    ) -> "Placement":
        """Where new samples fall in this tree; see ``carving.tree.placement.place``."""
        from carving.tree.placement import place

        return place(
            self, samples, run, batch_size=batch_size, device=device, executor=executor, progress=progress
        )

    # ---- other trees

    def collapse(self, age: int) -> "Tree":
        """The tree as it was at an age, everything older cut away; see ``carving.tree.reshape.collapse``."""
        from carving.tree.reshape import collapse

        return collapse(self, age)

    def condense(self, leaves: str = "states", age: int | None = None) -> "Tree":
        """The tree with one leaf for each state of an age; see ``carving.tree.reshape.condense``."""
        from carving.tree.reshape import condense

        return condense(self, leaves, age)

    def prune(self, keep: "np.ndarray | Iterable[int] | Iterable[str]") -> "Tree":
        """The tree of some of the leaves; see ``carving.tree.reshape.prune``."""
        from carving.tree.reshape import prune

        return prune(self, keep)

    def rotate(self, by: str = "size") -> "Tree":
        """The same tree, siblings in another order; see ``carving.tree.reshape.rotate``."""
        from carving.tree.reshape import rotate

        return rotate(self, by)

    def with_births(self, age: np.ndarray, uncertainty: np.ndarray) -> "Tree":
        """The same tree with ``nodes.birth_age`` and ``nodes.birth_uncertainty``, (nodes,) each."""
        nodes = replace(self.nodes, birth_age=age, birth_uncertainty=uncertainty)
        return replace(self, nodes=nodes)

    def with_support(self, support: np.ndarray) -> "Tree":
        """The same tree with ``nodes.support``, (nodes,): the share of other trees that have each node."""
        return replace(self, nodes=replace(self.nodes, support=support))

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write the tree as a zarr store, whole or not at all; ``carving.load_tree`` reads it.

        Parameters
        ----------
        path
            A folder, by custom ``tree.zarr``.
        force
            Replace what is there.
        """
        from carving.tree._store import save_tree

        save_tree(self, path, force=force)

    # ---- what it holds

    def summary(self) -> dict[str, Any]:
        """What the tree holds, in plain numbers that JSON can carry.

        ``groups`` and ``unconverged`` count by age, the oldest first. ``sensitive_ages`` are those at
        which a linkage distance between half and twice the chosen one would have given other groups.
        """
        ages = self.ages
        updates = [int(age) for age in ages.updates]
        return {
            "samples": int(self.nodes.size[-1]),
            "nodes": len(self.nodes),
            "depth": _views.depth(self),
            "ages": len(updates),
            "oldest_age": updates[0],
            "youngest_age": updates[-1],
            "states_at_oldest": int(ages.groups[0]),
            "groups": dict(zip(updates, ages.groups.tolist(), strict=True)),
            "unconverged": dict(zip(updates, ages.unconverged.tolist(), strict=True)),
            "unconverged_nodes": int((~self.nodes.converged[: self.root + (not self.has_added_root)]).sum()),
            "sensitive_ages": _views.sensitive_ages(self),
            "labels": list(self.labels),
        }

    def __repr__(self) -> str:
        return _views.describe(self)

    def _repr_html_(self) -> str:
        return _views.describe_in_html(self)
