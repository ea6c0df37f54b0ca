"""The picture of a tree: what it shows, and that drawing it touches nothing else."""

from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carving.errors import InvalidInput
from carving.report import draw_tree
from carving.report._layout import lay_out
from carving.tree import Tree
from carving.tree.colors import PALETTE, label_colors
from tests.trees import chain_tree, random_tree, small_tree


def grown(leaves: int, seed: int, **options) -> Tree:
    return random_tree(leaves, generator=np.random.default_rng(seed), **options)


def texts(figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


@given(seed=st.integers(0, 10_000), leaves=st.integers(1, 80), most=st.integers(1, 30))
def test_ribbons_of_children_fill_that_of_their_parent(seed: int, leaves: int, most: int):
    tree = grown(leaves, seed)
    layout = lay_out(tree, most_pictures=most)
    for node in range(len(tree.nodes)):
        children = tree.children.of(node)
        if len(children):
            below = layout.joins[children] - layout.width[children] / 2
            above = layout.joins[children] + layout.width[children] / 2
            assert below.min() == pytest.approx(layout.y[node] - layout.width[node] / 2)
            assert above.max() == pytest.approx(layout.y[node] + layout.width[node] / 2)
            assert np.sort(below)[1:] == pytest.approx(np.sort(above)[:-1])


@given(seed=st.integers(0, 10_000), leaves=st.integers(1, 80))
def test_ribbons_of_shown_states_do_not_touch(seed: int, leaves: int):
    tree = grown(leaves, seed)
    layout = lay_out(tree, most_pictures=10)
    shown = layout.shown
    below = layout.y[shown] + layout.width[shown] / 2
    above = layout.y[shown] - layout.width[shown] / 2
    assert (below[:-1] < above[1:]).all()
    assert (above >= 0).all()
    assert (below <= layout.height).all()


def test_the_largest_states_get_rows():
    tree = grown(200, 3)
    layout = lay_out(tree, most_pictures=3)
    sizes = tree.nodes.size[layout.tips]
    assert sorted(tree.nodes.size[layout.shown]) == sorted(sizes)[-3:]


def test_every_row_says_how_many_samples_it_has():
    words = texts(draw_tree(small_tree()))
    assert sorted(word for word in words if word.isdigit()) == ["1", "2", "2"]


def test_states_without_a_majority_are_called_mixed():
    tree = replace(small_tree(), labels={"kind": ["a", "b", "a", "b", "b"]}, colors={})
    words = texts(draw_tree(tree, column="kind"))
    assert words.count("mixed") == 1
    assert "b" in words


def test_colors_of_the_tree_come_before_the_palette():
    colors = label_colors(["a", "b", "a"], {"a": PALETTE[0]})
    assert colors["a"] == PALETTE[0]
    assert colors["b"] != PALETTE[0]


def test_labels_beyond_the_palette_share_a_grey():
    labels = [f"label {number}" for number in range(40)]
    colors = label_colors(labels)
    assert len({colors[label] for label in labels}) == len(PALETTE) + 1


@pytest.mark.parametrize(
    "tree",
    [
        chain_tree(30),
        grown(1, 0),
        grown(1, 0, ages=1),
        grown(500, 1),
        grown(50, 2, added_root=True),
        grown(30, 3, potts_states=4, visible_unit="potts"),
    ],
    ids=["chain", "one sample", "one age", "many samples", "added root", "potts"],
)
def test_any_tree_can_be_drawn(tree):
    draw_tree(tree, title="A tree").canvas.draw()


def test_a_tree_without_labels_can_be_drawn():
    draw_tree(replace(small_tree(), labels={}, colors={})).canvas.draw()


def test_images_of_another_number_of_pixels_are_refused():
    with pytest.raises(InvalidInput, match="image_shape"):
        draw_tree(small_tree(), image_shape=(3, 3))


def test_an_unknown_column_is_refused_with_those_there_are():
    with pytest.raises(InvalidInput, match="label columns"):
        draw_tree(small_tree(), column="nothing")


def test_drawing_leaves_the_settings_of_matplotlib_alone():
    def settings() -> dict:
        # merely looking at this one makes matplotlib choose a backend
        return {name: value for name, value in mpl.rcParams.copy().items() if name != "backend"}

    before = settings()
    draw_tree(small_tree(), image_shape=(1, 2)).canvas.draw()
    assert settings() == before


def test_drawing_opens_no_window():
    import matplotlib.pyplot as plt

    draw_tree(small_tree())
    assert plt.get_fignums() == []
