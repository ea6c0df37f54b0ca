"""The ``Tree`` value: its views against slow ones written for clarity, and what it refuses."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carving.errors import InvalidInput
from carving.tree import Tree
from tests.reference import trees as slow
from tests.trees import chain_tree, random_tree, small_tree

trees = st.builds(
    lambda leaves, seed, ages, added_root: random_tree(
        leaves, generator=np.random.default_rng(seed), ages=ages, added_root=added_root and leaves > 1
    ),
    leaves=st.integers(1, 25),
    seed=st.integers(0, 10**6),
    ages=st.integers(1, 9),
    added_root=st.booleans(),
)


@given(tree=trees, data=st.data())
def test_partition_at_any_age_is_what_climbing_leaf_by_leaf_finds(tree: Tree, data: st.DataObject):
    age = data.draw(st.integers(int(tree.ages.updates[-1]), int(tree.ages.updates[0])))
    assert tree.partition(age).tolist() == slow.partition(tree, age)


@given(tree=trees)
def test_partition_has_as_many_groups_as_the_age_says(tree: Tree):
    groups = [len(set(tree.partition(int(age)).tolist())) for age in tree.ages.updates]
    assert groups == tree.ages.groups.tolist()


def test_partition_between_two_checkpoints_is_the_older_ones():
    tree = small_tree()
    np.testing.assert_array_equal(tree.partition(11), tree.partition(100))


@pytest.mark.parametrize("age", [0, 101, -1])
def test_partition_outside_the_ages_is_refused_with_the_range(age: int):
    with pytest.raises(InvalidInput, match="from 1 to 100"):
        small_tree().partition(age)


def test_partition_at_a_checkpoint_of_age_zero_stops_below_the_added_root():
    tree = random_tree(6, generator=np.random.default_rng(3), states=4, ages=1, added_root=True)
    untrained = dataclasses.replace(
        tree,
        nodes=dataclasses.replace(tree.nodes, age=np.zeros(len(tree.nodes), dtype=int)),
        ages=dataclasses.replace(tree.ages, updates=np.zeros(1, dtype=int)),
        states=dataclasses.replace(tree.states, age=np.zeros(len(tree.states), dtype=int)),
    )
    np.testing.assert_array_equal(untrained.partition(0), untrained.leaves.node)


@given(tree=trees, data=st.data())
def test_path_leads_from_the_leafs_state_to_the_root(tree: Tree, data: st.DataObject):
    leaf = data.draw(st.integers(0, len(tree.leaves) - 1))
    assert tree.path(leaf).tolist() == slow.path(tree, leaf)


def test_path_takes_a_name():
    tree = small_tree()
    assert tree.nodes.name[tree.path("C")].tolist() == ["t100.1", "t10.0", "t1.0"]


@pytest.mark.parametrize("leaf", ["F", 5, -6])
def test_path_of_no_leaf_is_refused(leaf: int | str):
    with pytest.raises(InvalidInput, match="leaf"):
        small_tree().path(leaf)


@given(tree=trees, data=st.data())
def test_members_of_a_node_are_the_leaves_whose_path_holds_it(tree: Tree, data: st.DataObject):
    node = data.draw(st.integers(0, len(tree.nodes) - 1))
    expected = [leaf for leaf in range(len(tree.leaves)) if node in slow.path(tree, leaf)]
    assert tree.members(node).tolist() == expected


@given(tree=trees)
def test_children_are_the_nodes_with_that_parent(tree: Tree):
    for node in range(len(tree.nodes)):
        assert tree.children.of(node).tolist() == np.flatnonzero(tree.nodes.parent == node).tolist()


@given(tree=trees, data=st.data())
def test_states_of_an_age_are_those_that_say_so(tree: Tree, data: st.DataObject):
    age = data.draw(st.sampled_from([*tree.ages.updates.tolist(), -1, 10**9]))
    assert tree.states.rows_at(age).tolist() == [k for k, at in enumerate(tree.states.age) if at == age]


def test_views_of_a_chain_a_hundred_thousand_deep_need_no_recursion():
    tree = chain_tree(100_000)
    assert len(tree.path(0)) == 100_001
    assert len(set(tree.partition(50_000).tolist())) == 50_000
    assert tree.summary()["depth"] == 100_000


def test_columns_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        small_tree().nodes.age[0] = 3


def test_repr_tells_leaves_states_ages_units_and_labels():
    assert repr(small_tree()) == (
        "Tree(5 leaves; 3 states at age 100; 5 nodes; 3 ages 100 to 1; "
        "bernoulli × bernoulli; labels continent)"
    )


def test_notebook_shows_groups_by_age_and_escapes_what_comes_from_files():
    tree = dataclasses.replace(small_tree(), labels={"<b>": np.array(["x"] * 5, dtype=object)}, colors={})
    shown = tree._repr_html_()
    assert "<tr><td>10</td><td>2</td><td>2</td></tr>" in shown
    assert "<b>" not in shown


def test_summary_names_the_ages_where_another_linkage_would_group_otherwise():
    # at 10 the gap 0.06 would close at twice 0.04, at 1 the step 0.03 would break at half of it
    assert small_tree().summary()["sensitive_ages"] == [10, 1]


def test_summary_counts_groups_and_unconverged_rows_by_age():
    summary = small_tree().summary()
    assert summary["groups"] == {100: 3, 10: 2, 1: 1}
    assert summary["unconverged"] == {100: 0, 10: 2, 1: 0}


def _with(table: str, **columns: object) -> dict[str, object]:
    return {table: dataclasses.replace(getattr(small_tree(), table), **columns)}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda: _with("nodes", parent=[3, 3, 4, 4, 0]), "the last node must be the root"),
        (lambda: _with("nodes", parent=[3, 3, 4, 2, -1]), "entry 3 does not come after its child"),
        (lambda: _with("nodes", parent=[3, 3, 4, 7, -1]), "entry 3 is no node"),
        (lambda: _with("nodes", age=[100, 100, 10, 100, 1]), "younger than the next"),
        (lambda: _with("nodes", age=[100, 100, 100, 9, 1]), "none of the ages"),
        (lambda: _with("nodes", age=[100, 100, 100, 10, 10]), "not older than its parent"),
        (lambda: _with("nodes", size=[2, 1, 2, 4, 5]), "entry 3 is not the number of its samples"),
        (lambda: _with("nodes", name=["a", "b", "c", "A", "x"]), "'A', is there twice"),
        (lambda: _with("nodes", visible=np.full((5, 2), np.inf)), "not finite"),
        (lambda: _with("leaves", node=[0, 0, 1, 2, 3]), "entry 4 is no state of the oldest age"),
        (lambda: _with("leaves", node=[0, 0, 1, 2, 9]), "entry 4 is no node"),
        (lambda: _with("leaves", distance=[0, 0, 0, 0, np.nan]), "entry 4 is no distance"),
        (lambda: _with("leaves", name=["A", "B", "C", "D", ""]), "entry 4 is empty"),
        (lambda: _with("leaves", name=["A", "B", "C", "D", "D"]), "'D', is there twice"),
        (lambda: _with("leaves", name=["A", "B", "C", "D", 5]), "entry 4 is 5; give text"),
        (lambda: _with("leaves", name=["A", "B", "C", "D", "\ud800"]), "decode as UTF-8"),
        (lambda: _with("leaves", name=["A", "B", "C", "D"]), "differ in length"),
        (lambda: _with("leaves", node=[0.0, 0.0, 1.0, 2.0, 2.0]), "float64"),
        (lambda: _with("states", node=[0, 1, 2, 3, 2, 5]), "entry 5 is no node"),
        (lambda: _with("states", age=[100, 100, 100, 10, 10, 2]), "none of the ages"),
        (lambda: _with("states", visible=np.zeros((6, 3), "f4")), "rows of shape"),
        (lambda: _with("ages", updates=[100, 1, 10]), "oldest first"),
        (lambda: _with("ages", updates=[100, 10, -1]), "negative"),
        (lambda: {"labels": {"c": ["x"] * 4}, "colors": {}}, "4 entries for 5 leaves"),
        (lambda: {"colors": {"country": {}}}, "'country' is no label column"),
    ],
)
def test_columns_that_are_no_tree_are_refused(change, complaint: str):
    with pytest.raises(InvalidInput, match=complaint):
        dataclasses.replace(small_tree(), **change())
