"""Splits and the sites that tell their branches apart: by the drawing, and by changing what is drawn."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carving.errors import InvalidInput, MissingFile
from carving.statistics import distinguishing_sites, read_site_names, splits
from carving.tree import Tree
from tests.trees import chain_tree, random_tree, small_tree


def test_splits_of_the_small_tree_are_those_drawn():
    found = splits(small_tree())
    assert found.node.tolist() == [4, 3]
    assert found.age.tolist() == [1, 10]
    assert [children.tolist() for children in found.children] == [[3, 2], [0, 1]]


@given(seed=st.integers(0, 2**32 - 1), leaves=st.integers(1, 30), added=st.booleans())
def test_every_node_of_several_children_is_a_split(seed, leaves, added):
    tree = random_tree(leaves, generator=np.random.default_rng(seed), added_root=added and leaves > 1)
    found = splits(tree)
    parent = tree.nodes.parent.tolist()
    assert {*found.node.tolist()} == {node for node in parent if parent.count(node) > 1}
    assert (np.diff(found.age) >= 0).all()
    for node, children in zip(found.node, found.children, strict=True):
        assert all(parent[child] == node for child in children)
        assert (np.diff(tree.nodes.size[children]) <= 0).all()


def test_states_are_compared_at_the_first_age_at_which_they_are_apart():
    tree = small_tree()
    # between ages 10 and 100 the state of D and E moves: at age 10, where it is first apart, it is (1, 0.2)
    visible = tree.states.visible.copy()
    visible[4] = (1, 0.2)
    tree = replace(tree, states=replace(tree.states, visible=visible))
    found = distinguishing_sites(tree, 4)
    assert found.children.tolist() == [3, 2]
    assert found.ages.tolist() == [10, 10]
    assert found.site.tolist() == [0, 1]
    assert found.state.tolist() == [1, 1]
    assert found.magnetisation == pytest.approx(np.array([[0, 0.5], [1, 0.2]]))
    assert found.difference == pytest.approx([-1, 0.3])
    assert found.name == ["0", "1"]


def test_without_states_their_own_points_are_compared():
    tree = small_tree()
    kept = np.array([0, 1, 2, 3, 5])
    states = replace(
        tree.states,
        **{name: getattr(tree.states, name)[kept] for name in type(tree.states).column_types},
    )
    found = distinguishing_sites(replace(tree, states=states), 4)
    assert found.ages.tolist() == [10, 100]
    assert found.magnetisation == pytest.approx(np.array([[0, 0.5], [1, 1]]))


@given(seed=st.integers(0, 2**32 - 1), added=st.booleans())
def test_a_machine_and_its_spin_twin_differ_at_the_same_sites(seed, added):
    tree = random_tree(12, generator=np.random.default_rng(seed), added_root=added, states=6, sites=7)
    twin = replace(
        tree,
        visible_unit="spin",
        nodes=replace(tree.nodes, visible=2 * tree.nodes.visible - 1),
        states=replace(tree.states, visible=2 * tree.states.visible - 1),
    )
    for node in splits(tree).node.tolist():
        one, other = distinguishing_sites(tree, node, count=3), distinguishing_sites(twin, node, count=3)
        assert one.site.tolist() == other.site.tolist()
        assert other.difference == pytest.approx(one.difference, abs=1e-6)
        assert (np.diff(np.abs(one.difference)) <= 0).all()
        everything = distinguishing_sites(tree, node, count=None)
        assert sorted(everything.site.tolist()) == [*range(7)]
        # nothing that is left out differs more
        assert np.abs(everything.difference[3:]).max() <= np.abs(one.difference).min()


def test_children_of_an_added_root_are_compared_at_the_youngest_age():
    tree = random_tree(12, generator=np.random.default_rng(2), added_root=True, states=6)
    assert tree.has_added_root
    found = distinguishing_sites(tree, tree.root)
    youngest = int(tree.ages.updates[-1])
    assert found.ages.tolist() == [youngest, youngest]
    rows = [tree.states.row(int(child), youngest) for child in found.children]
    assert found.magnetisation == pytest.approx(tree.states.visible[rows][:, found.site])


def potts_tree() -> Tree:
    return random_tree(12, generator=np.random.default_rng(3), states=5, sites=4, potts_states=3)


def test_potts_sites_are_told_with_their_states():
    tree = potts_tree()
    node = int(splits(tree).node[0])
    found = distinguishing_sites(tree, node, count=None, alphabet="-AC", site_names=list("wxyz"))
    assert sorted(zip(found.site.tolist(), found.state.tolist(), strict=True)) == [
        (site, state) for site in range(4) for state in range(3)
    ]
    age = int(found.ages[0])
    first, second = (tree.states.visible[tree.states.row(int(child), age)] for child in found.children)
    for row, (site, state) in enumerate(zip(found.site, found.state, strict=True)):
        assert found.difference[row] == pytest.approx(first[site, state] - second[site, state], abs=1e-6)
        assert found.name[row] == f"{'wxyz'[site]} {'-AC'[state]}"
    numbers = distinguishing_sites(tree, node, count=1)
    assert numbers.name == [f"{numbers.site[0]} {numbers.state[0]}"]


@pytest.mark.parametrize(
    ("tree", "node", "options", "words"),
    [
        (small_tree(), 0, {}, "t100.0: has 0 children"),
        (small_tree(), 5, {}, "nodes 0 to 4"),
        (small_tree(), -1, {}, "nodes 0 to 4"),
        (small_tree(), 4, {"count": 0}, "count: 0"),
        (small_tree(), 4, {"site_names": ["a"]}, "1 for 2 sites"),
        (small_tree(), 4, {"alphabet": "ab"}, "have two states"),
        (potts_tree(), -1, {"alphabet": "ab"}, "2 letters for 3 states"),
    ],
)
def test_what_does_not_fit_is_refused(tree, node, options, words):
    if words.startswith("2 letters"):
        node = tree.root
    with pytest.raises(InvalidInput, match=words):
        distinguishing_sites(tree, node, **options)


def test_a_deep_chain_splits_at_every_age():
    assert len(splits(chain_tree(3000))) == 3000


def test_names_of_sites_are_lines(tmp_path):
    path = tmp_path / "sites.txt"
    path.write_bytes("\ufeffrs1\r\nrs 2\r\nδ\r\n".encode())
    assert read_site_names(path) == ["rs1", "rs 2", "δ"]
    path.write_text("rs1\n\nrs2\n")
    with pytest.raises(InvalidInput, match="line 2 is empty"):
        read_site_names(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInput, match="no UTF-8"):
        read_site_names(path)
    with pytest.raises(MissingFile, match="no such file"):
        read_site_names(tmp_path / "none.txt")
