"""Orders, lengths and majorities against trees walked by recursion and leaves counted one by one."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carving.export._colors import branch_colors, coloring, majority_labels
from carving.export._walk import from_root, parents_first, walk
from carving.tree import Tree
from carving.tree.colors import OTHER
from carving.tree.topology import topology
from tests.reference import trees as slow
from tests.trees import chain_tree, random_tree, small_tree


@st.composite
def labelled_trees(draw: st.DrawFn) -> Tree:
    leaves = draw(st.integers(1, 20))
    labels = draw(st.lists(st.sampled_from(["a", "b", "c", ""]), min_size=leaves, max_size=leaves))
    seed, added = draw(st.integers(0, 10**6)), leaves > 1 and draw(st.booleans())
    return random_tree(leaves, generator=np.random.default_rng(seed), labels={"x": labels}, added_root=added)


def names_of(tree: Tree, vertices: np.ndarray) -> list[str]:
    return np.concatenate([tree.nodes.name, tree.leaves.name])[vertices].tolist()


def down(vertex: slow.Vertex, depth: int = 0, length: float = 0.0) -> list[tuple[str, int, float]]:
    """Parents before their children: name, depth, length from the root."""
    below = [down(child, depth + 1, length + child.length) for child in vertex.children]
    return [(vertex.name, depth, length), *(one for some in below for one in some)]


@given(tree=labelled_trees(), keep=st.booleans())
def test_parents_come_first_and_siblings_in_order(tree: Tree, keep: bool):
    vertices, depths = parents_first(walk(topology(tree, keep_unary=keep)))
    whole = slow.whole(tree)
    expected = down(whole if keep else slow.joined(whole))
    found = zip(names_of(tree, vertices), depths.tolist(), strict=True)
    assert list(found) == [(name, depth) for name, depth, _ in expected]


@given(tree=labelled_trees(), keep=st.booleans())
def test_lengths_from_the_root_are_sums_of_branches(tree: Tree, keep: bool):
    shape = topology(tree, keep_unary=keep)
    found = dict(zip(names_of(tree, shape.order), from_root(walk(shape)).tolist(), strict=True))
    whole = slow.whole(tree)
    expected = {name: length for name, _, length in down(whole if keep else slow.joined(whole))}
    assert found == pytest.approx(expected, abs=1e-12)


def members(vertex: slow.Vertex) -> list[str]:
    return [leaf for child in vertex.children for leaf in members(child)] or [vertex.name]


def vertices_of(vertex: slow.Vertex) -> list[slow.Vertex]:
    return [vertex, *(one for child in vertex.children for one in vertices_of(child))]


@given(tree=labelled_trees())
def test_the_majority_is_more_than_half_of_the_known_labels(tree: Tree):
    label = dict(zip(tree.leaves.name, tree.labels["x"], strict=True))
    expected = {}
    for vertex in vertices_of(slow.joined(slow.whole(tree))):
        counts = Counter(label[leaf] for leaf in members(vertex) if label[leaf])
        most, count = counts.most_common(1)[0] if counts else ("", 0)
        expected[vertex.name] = most if 2 * count > sum(counts.values()) else ""
    shape = topology(tree)
    found = majority_labels(tree, "x", walk(shape))
    assert dict(zip(names_of(tree, shape.order), found.tolist(), strict=True)) == expected


@given(
    sizes=st.lists(st.integers(1, 9), min_size=5, max_size=5),
    labels=st.lists(st.sampled_from("ab"), min_size=5, max_size=5),
)
def test_a_leaf_counts_as_many_times_as_it_stands_for_samples(sizes: list[int], labels: list[str]):
    from dataclasses import replace

    tree = small_tree()
    a, b, c, d, e = sizes
    tree = replace(
        tree,
        leaves=replace(tree.leaves, size=np.array(sizes)),
        nodes=replace(tree.nodes, size=np.array([a + b, c, d + e, a + b + c, a + b + c + d + e])),
        labels={"x": np.array(labels, dtype=object)},
        colors={},
    )
    # the root, which comes last, has what more than half of all samples have
    counts = Counter[str]()
    for label, size in zip(labels, sizes, strict=True):
        counts[label] += size
    (most, count), *_ = counts.most_common(1)
    expected = most if 2 * count > sum(sizes) else ""
    assert majority_labels(tree, "x", walk(topology(tree)))[-1] == expected


def test_branches_have_the_colour_of_the_majority_and_are_grey_without_one():
    tree = small_tree()
    shape = topology(tree)
    colors = branch_colors(coloring(tree, None), tree, walk(shape))
    found = dict(zip(names_of(tree, shape.order), colors[shape.order].tolist(), strict=True))
    # two of each continent at the root
    assert found == {
        "A": "#0094ff",
        "B": "#0094ff",
        "C": OTHER,
        "D": "#ff8800",
        "E": "#ff8800",
        "t100.0": "#0094ff",
        "t100.2": "#ff8800",
        "t10.0": "#0094ff",
        "t1.0": OTHER,
    }


def test_a_deep_chain_is_walked_without_recursion():
    vertices, depths = parents_first(walk(topology(chain_tree(20_000))))
    assert depths.max() == 20_000
    assert len(vertices) == 40_001
