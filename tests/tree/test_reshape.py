"""Collapsed and pruned trees, judged by sets of leaves counted one by one; and what all reshaping keeps."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from carving import build_tree
from carving.checkpoints import CheckpointSequence
from carving.errors import InvalidInput
from carving.tree import Tree, load_tree
from carving.tree.reshape import prune_small
from tests.reference import trees as slow
from tests.tree.comparison import assert_same_tree
from tests.tree.reshaping import an_age, clades, groups, some_leaves, splits, trees
from tests.tree.runs import pattern_samples
from tests.trees import chain_tree, small_tree

# ---- collapse


@given(tree=trees, data=st.data())
def test_a_collapsed_tree_has_the_partitions_of_the_whole_one(tree: Tree, data: st.DataObject):
    age = an_age(tree, data)
    younger = data.draw(st.integers(int(tree.ages.updates[-1]), age))
    assert groups(tree.collapse(age), younger) == groups(tree, younger)


@given(tree=trees, data=st.data())
def test_a_collapsed_tree_begins_at_the_older_checkpoint(tree: Tree, data: st.DataObject):
    age = an_age(tree, data)
    collapsed = tree.collapse(age)
    older = min(int(update) for update in tree.ages.updates if update >= age)
    assert collapsed.ages.updates.tolist() == [update for update in tree.ages.updates if update <= older]
    assert collapsed.ages.groups[0] == len(set(tree.partition(age)))
    assert set(collapsed.nodes.age[collapsed.leaves.node]) == {older}


@given(tree=trees, data=st.data())
def test_tips_of_a_collapsed_tree_are_the_states_of_that_age(tree: Tree, data: st.DataObject):
    collapsed = tree.collapse(an_age(tree, data))
    oldest = int(collapsed.ages.updates[0])
    index = {name: node for node, name in enumerate(tree.nodes.name)}
    for node, name in enumerate(collapsed.nodes.name):
        former = index[name]
        expected = tree.nodes.visible[former]
        if collapsed.nodes.age[node] != tree.nodes.age[former] and len(tree.states):
            expected = tree.states.visible[tree.states.row(former, oldest)]
        np.testing.assert_array_equal(collapsed.nodes.visible[node], expected)
        assert collapsed.nodes.size[node] == tree.nodes.size[former]


@given(tree=trees, data=st.data())
def test_distances_of_a_collapsed_tree_are_the_ways_to_its_tips(tree: Tree, data: st.DataObject):
    age = an_age(tree, data)
    for leaf, tip in enumerate(slow.partition(tree, age)):
        way, node = float(tree.leaves.distance[leaf]), int(tree.leaves.node[leaf])
        while node != tip:
            way, node = way + slow.length_above(tree, node, "distance"), int(tree.nodes.parent[node])
        assert tree.collapse(age).leaves.distance[leaf] == pytest.approx(way)


@given(tree=trees, data=st.data())
def test_states_of_a_collapsed_tree_are_those_of_its_ages(tree: Tree, data: st.DataObject):
    collapsed = tree.collapse(an_age(tree, data))

    def rows(of: Tree) -> list[tuple]:
        states = of.states
        return [
            (of.nodes.name[node], age, point.tolist())
            for node, age, point in zip(states.node, states.age, states.visible, strict=True)
            if age <= collapsed.ages.updates[0]
        ]

    assert rows(collapsed) == rows(tree)


@pytest.mark.parametrize("age", [10, 1])
def test_collapsing_is_having_walked_from_that_age(run: CheckpointSequence, age: int):
    samples = pattern_samples(60)
    whole = build_tree(run, samples)
    younger = build_tree(run, samples, ages=[update for update in run.ages.tolist() if update <= age])
    assert_same_tree(whole.collapse(age), younger)


def test_collapsing_at_the_oldest_age_changes_nothing():
    tree = small_tree()
    assert tree.collapse(100) is tree


@pytest.mark.parametrize("age", [0, 101])
def test_collapsing_outside_of_the_ages_is_refused(age: int):
    with pytest.raises(InvalidInput, match="choose one from 1 to 100"):
        small_tree().collapse(age)


# ---- prune


@given(tree=trees, data=st.data())
def test_clades_of_a_pruned_tree_are_those_of_the_whole_one_restricted(tree: Tree, data: st.DataObject):
    kept = some_leaves(tree, data)
    names = frozenset(tree.leaves.name[kept].tolist())
    restricted = {node: clade & names for node, clade in clades(tree).items() if clade & names}
    if tree.has_added_root and len(set(tree.partition(int(tree.ages.updates[-1]))[kept])) == 1:
        del restricted[tree.nodes.name[tree.root]]
    pruned = tree.prune(kept)
    assert clades(pruned) == restricted
    assert pruned.leaves.name.tolist() == [name for name in tree.leaves.name if name in names]
    assert pruned.labels["kind"].tolist() == tree.labels["kind"][sorted(kept)].tolist()


@given(tree=trees, data=st.data())
def test_groups_of_a_pruned_tree_are_counted_at_every_age(tree: Tree, data: st.DataObject):
    kept = some_leaves(tree, data)
    pruned = tree.prune(kept)
    for age, count in zip(pruned.ages.updates.tolist(), pruned.ages.groups, strict=True):
        assert groups(pruned, age) == {
            name: node for name, node in groups(tree, age).items() if name in pruned.leaves.name
        }
        assert count == len(set(pruned.partition(age)))


@given(tree=trees, data=st.data())
def test_states_of_a_pruned_tree_are_those_of_its_nodes(tree: Tree, data: st.DataObject):
    pruned = tree.prune(some_leaves(tree, data))
    left = set(pruned.nodes.name)

    def rows(of: Tree) -> list[tuple]:
        names = of.nodes.name[of.states.node]
        return [
            row for row in zip(names, of.states.age, of.states.free_energy, strict=True) if row[0] in left
        ]

    assert rows(pruned) == rows(tree)


@given(tree=trees, data=st.data())
def test_leaves_to_keep_are_marks_indices_or_names(tree: Tree, data: st.DataObject):
    kept = some_leaves(tree, data)
    marks = np.isin(np.arange(len(tree.leaves)), kept)
    expected = tree.leaves.name[marks].tolist()
    ways: list = [
        marks,
        marks.tolist(),
        kept,
        np.array(kept) - len(tree.leaves),
        tree.leaves.name[kept],
        set(tree.leaves.name[kept]),
        np.array(expected, dtype=str),
    ]
    for keep in ways:
        assert tree.prune(keep).leaves.name.tolist() == expected


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        ([], "no leaf is kept"),
        (np.zeros(5, dtype=bool), "no leaf is kept"),
        ([True, False], "2 marks for 5 leaves"),
        ([5], "leaf 5: this tree has the leaves 0 to 4"),
        ([0.5], "give marks, indices or names"),
        ([[0]], "shape"),
        ("F", "no leaf of this tree has that name"),
    ],
)
def test_leaves_that_are_not_there_are_refused(keep: object, message: str):
    with pytest.raises(InvalidInput, match=message):
        small_tree().prune(keep)  # pyright: ignore[reportArgumentType]


@given(tree=trees, smallest=st.integers(1, 4))
def test_small_states_are_pruned(tree: Tree, smallest: int):
    counted = Counter(tree.leaves.node.tolist())
    expected = [counted[node] >= smallest for node in tree.leaves.node.tolist()]
    if not any(expected):
        with pytest.raises(InvalidInput, match=f"the largest state has {max(counted.values())} samples"):
            prune_small(tree, smallest)
    else:
        assert prune_small(tree, smallest).leaves.name.tolist() == tree.leaves.name[expected].tolist()


def test_small_states_are_counted_in_samples_when_a_tree_is_condensed():
    pruned = prune_small(small_tree().condense(), 2)
    assert pruned.leaves.name.tolist() == ["t100.0", "t100.2"]
    assert pruned.nodes.size.tolist() == [2, 2, 2, 4]


@given(tree=trees, data=st.data())
def test_dendropy_finds_the_restricted_clades_after_pruning(tree: Tree, data: st.DataObject):
    kept = some_leaves(tree, data)
    assume(len(kept) > 1)
    names = frozenset(tree.leaves.name[kept])
    assert splits(tree.prune(kept)) | {names} == {
        clade & names for clade in splits(tree) if len(clade & names) > 1
    }


# ---- all of them

RESHAPED: dict[str, Callable[[Tree], Tree]] = {
    "collapsed": lambda tree: tree.collapse(10),
    "condensed": lambda tree: tree.condense(),
    "representatives": lambda tree: tree.condense("representatives", 10),
    "pruned": lambda tree: tree.prune(["A", "D"]),
    "rotated": lambda tree: tree.rotate("label:continent"),
}


@pytest.mark.parametrize("how", RESHAPED)
def test_a_reshaped_tree_is_saved_and_loaded(how: str, tmp_path: Path):
    tree = RESHAPED[how](small_tree())
    tree.save(tmp_path / "tree.zarr")
    again = load_tree(tmp_path / "tree.zarr")
    for table in ("nodes", "leaves", "states", "ages"):
        for column in getattr(tree, table).column_types:
            np.testing.assert_array_equal(
                getattr(getattr(again, table), column), getattr(getattr(tree, table), column), err_msg=column
            )
    assert {name: column.tolist() for name, column in again.labels.items()} == {
        name: column.tolist() for name, column in tree.labels.items()
    }


@pytest.mark.parametrize("how", RESHAPED)
def test_the_tree_that_is_given_stays_as_it_is(how: str):
    tree, untouched = small_tree(), small_tree()
    RESHAPED[how](tree)
    np.testing.assert_array_equal(tree.nodes.visible, untouched.nodes.visible)
    np.testing.assert_array_equal(tree.nodes.age, untouched.nodes.age)
    assert tree.leaves.name.tolist() == untouched.leaves.name.tolist()


def test_deep_trees_need_no_recursion():
    tree = chain_tree(20_000)
    assert len(tree.collapse(10_000).leaves) == 20_001
    assert len(tree.condense(age=10_000).leaves) == 10_000
    assert len(tree.prune(np.arange(20_001) % 2 == 0).leaves) == 10_001
    assert len(tree.rotate("size").leaves) == 20_001
