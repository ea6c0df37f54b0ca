"""What holds of every kind of picture of a tree: words that can be read, odd names, odd trees."""

import xml.etree.ElementTree as ElementTree
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from carving.errors import InvalidInput, OutputExists
from carving.report import plots, save_figure
from carving.tree import Tree
from tests.report.pictures import pictured_tree, samples_of
from tests.report.texts import overlapping_texts, texts_outside
from tests.trees import chain_tree, random_tree

KINDS = sorted(plots())
# mathematics, tags, entities, right-to-left, no glyph, two lines, underscore first, very long
ODD = ["$x^2$", "<b>&amp;</b>", "שלום עולם", "名前", "two\nlines", "_hidden", "\\frac", "n" * 300]


def grown(leaves: int, seed: int, **options) -> Tree:
    return random_tree(leaves, generator=np.random.default_rng(seed), **options)


def labelled(count: int, leaves: int) -> list[str]:
    return [f"label {number % count}" for number in range(leaves)]


def drawn(kind: str, tree: Tree, **options) -> Figure:
    """The picture with its letters laid out, which is when matplotlib warns."""
    figure = plots()[kind].draw(tree, **options)
    figure.canvas.draw()
    return figure


def drawn_by_lot() -> list[int]:
    """The state of numpy's global generator, which nothing of ours touches."""
    state: Any = np.random.get_state()  # noqa: NPY002
    return state[1].tolist()


def words_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if isinstance(text, Text)]


def test_every_kind_is_found_by_its_name_and_says_what_it_shows():
    assert {
        "river",
        "rectangular",
        "radial",
        "icicle",
        "pca",
        "states",
        "free-energy",
        "split",
        "levels",
    } <= set(KINDS)
    for name, plot in plots().items():
        assert plot.name == name
        assert plot.description
        assert {"width", "title"} <= set(plot.options)


@pytest.mark.parametrize("width", [3.4, 7.0])
@pytest.mark.parametrize("kind", KINDS)
def test_words_do_not_overlap_nor_leave_the_picture(kind: str, width: float):
    figure = drawn(kind, pictured_tree(), width=width, title="Fifteen leaves")
    assert figure.get_figwidth() == width
    turned = {text.get_text() for text in figure.findobj(Text) if text.get_rotation() % 90}
    # boxes of words that are not upright overlap where the words do not
    assert [pair for pair in overlapping_texts(figure) if not turned & set(pair)] == []
    assert texts_outside(figure) == []


@pytest.mark.parametrize("kind", ["states", "split"])
def test_words_of_logos_and_images_do_not_overlap(kind: str):
    for figure in (
        drawn(kind, pictured_tree(letters=21), width=3.4),
        drawn(kind, pictured_tree(), image_shape=(2, 3), width=3.4),
    ):
        assert overlapping_texts(figure) == []
        assert texts_outside(figure) == []


@pytest.mark.parametrize("kind", KINDS)
def test_odd_names_and_labels_are_shown_as_they_are(kind: str, tmp_path):
    tree = pictured_tree()
    names = [*ODD, *tree.leaves.name[len(ODD) :]]
    kinds = np.array([*ODD[:4], *ODD[:4], *ODD[:4], *ODD[:3]], dtype=object)
    odd = replace(
        tree,
        leaves=replace(tree.leaves, name=np.array(names, dtype=object)),
        labels={"_$a^b$": kinds},
        colors={},
    )
    figure = drawn(kind, odd, title="$x^2$ <b>")
    assert "$x^2$ <b>" in words_of(figure)
    save_figure(figure, tmp_path / "odd.svg")
    shown = [
        element.text for element in ElementTree.parse(tmp_path / "odd.svg").iter() if "text" in element.tag
    ]
    assert "$x^2$ <b>" in shown
    if kind in ("rectangular", "radial"):
        # a box stands for what no font here has, a blank for the end of a line
        assert {"$x^2$", "<b>&amp;</b>", "שלום עולם", "□□", "two lines", "_hidden", "\\frac"} <= set(shown)


def test_words_are_text_in_vector_files_and_the_file_is_the_same_every_time(tmp_path):
    before = dict(mpl.rcParams)
    for suffix, mark in (("svg", b"<text"), ("pdf", b"/FontFile2")):
        for number in (1, 2):
            save_figure(drawn("rectangular", pictured_tree()), tmp_path / f"{number}.{suffix}")
        content = (tmp_path / f"1.{suffix}").read_bytes()
        assert mark in content
        assert content == (tmp_path / f"2.{suffix}").read_bytes()
    assert dict(mpl.rcParams) == before


def test_a_picture_that_is_there_is_replaced_only_when_asked(tmp_path):
    figure = Figure((1, 1))
    save_figure(figure, tmp_path / "a.png")
    with pytest.raises(OutputExists, match="--force"):
        save_figure(figure, tmp_path / "a.png")
    save_figure(figure, tmp_path / "a.png", force=True)
    with pytest.raises(InvalidInput, match="kind of picture"):
        save_figure(figure, tmp_path / "a.bmp")
    with pytest.raises(InvalidInput, match="pixels long"):
        save_figure(Figure((1, 700)), tmp_path / "b.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("kind", KINDS)
def test_trees_without_labels_and_with_unknown_ones_can_be_drawn(kind: str):
    tree = pictured_tree()
    drawn(kind, replace(tree, labels={}, colors={}))
    if kind != "levels":
        drawn(kind, replace(tree, labels={"none": [""] * 15}, colors={}))


@pytest.mark.parametrize("kind", KINDS)
def test_two_hundred_categories_are_counted_in_the_legend(kind: str):
    tree = grown(400, 5, ages=3, states=4, labels={"many": labelled(200, 400)})
    figure = drawn(kind, tree)
    legend = [word for word in words_of(figure) if word.endswith("other labels")]
    assert legend == [] if kind in ("levels", "split") else legend == ["190 other labels"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "tree",
    [grown(1, 0), grown(1, 0, ages=1), grown(40, 2, added_root=True), chain_tree(300)],
    ids=["one leaf", "one age", "added root", "chain"],
)
def test_odd_trees_are_drawn_or_refused_in_a_line(kind: str, tree: Tree):
    refused = nullcontext()
    if (kind == "split" and len(tree.nodes) == 1) or (
        kind in ("pca", "free-energy") and not len(tree.states)
    ):
        refused = pytest.raises(InvalidInput, match=r"^tree: [^\n]+$")
    with refused:
        drawn(kind, tree, width=3.4)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_chain_of_a_hundred_thousand_is_drawn_or_refused(kind: str):
    refused = (
        pytest.raises(InvalidInput, match="holds no states")
        if kind in ("pca", "free-energy")
        else nullcontext()
    )
    with refused:
        drawn(kind, chain_tree(100_000))


@pytest.mark.parametrize("kind", KINDS)
def test_drawing_opens_no_window_and_leaves_settings_alone(kind: str):
    import matplotlib.pyplot as plt

    def settings() -> dict:
        return {name: value for name, value in mpl.rcParams.copy().items() if name != "backend"}

    before = settings()
    state = drawn_by_lot()
    drawn(kind, pictured_tree())
    assert settings() == before
    assert plt.get_fignums() == []
    assert drawn_by_lot() == state


@pytest.mark.parametrize("kind", ["pca", "levels"])
def test_what_is_drawn_by_lot_is_the_same_every_time(kind: str, tmp_path):
    for name in ("one.png", "other.png"):
        save_figure(drawn(kind, pictured_tree()), tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "other.png").read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_without_room_for_letters_is_refused(kind: str):
    for width in (0.5, float("nan"), 1e6):
        with pytest.raises(InvalidInput, match="inches"):
            plots()[kind].draw(pictured_tree(), width=width)


@pytest.mark.parametrize(
    "kind", [name for name in KINDS if {"column", "columns"} & set(plots()[name].options)]
)
def test_an_unknown_column_is_refused_with_those_there_are(kind: str):
    given = {"columns": ["age"]} if "columns" in plots()[kind].options else {"column": "age"}
    with pytest.raises(InvalidInput, match="kind, group"):
        plots()[kind].draw(pictured_tree(), **given)


@pytest.mark.parametrize("kind", ["rectangular", "radial"])
def test_label_columns_that_leave_no_room_are_refused(kind: str):
    tree = replace(
        pictured_tree(), labels={f"column {number}": ["a"] * 15 for number in range(30)}, colors={}
    )
    with pytest.raises(InvalidInput, match="fewer columns"):
        plots()[kind].draw(tree, width=3.4)


@pytest.mark.parametrize("kind", ["river", "states", "split"])
def test_images_of_another_number_of_pixels_are_refused(kind: str):
    with pytest.raises(InvalidInput, match="image_shape"):
        plots()[kind].draw(pictured_tree(), image_shape=(3, 3))


def test_samples_that_are_not_the_trees_are_refused():
    tree = pictured_tree()
    rows = samples_of(tree)
    for wrong, words in ((rows[:3], "3 rows"), (rows[:, :4], "4 columns"), (rows[0], "row for each")):
        with pytest.raises(InvalidInput, match=words):
            plots()["pca"].draw(tree, samples=wrong)


def test_nodes_ages_and_letters_that_do_not_exist_are_refused():
    tree, letters = pictured_tree(), pictured_tree(letters=21)
    for kind, options, words in (
        ("split", {"node": "t7.7"}, "no node"),
        ("split", {"node": "t100.0"}, "nothing parts"),
        ("states", {"node": "t7.7"}, "no node"),
        ("states", {"age": 5000}, "outside the ages"),
        ("states", {"age": 1, "node": "t100.0"}, "no group"),
    ):
        with pytest.raises(InvalidInput, match=words):
            plots()[kind].draw(tree, **options)
    for kind in ("states", "split"):
        with pytest.raises(InvalidInput, match="2 letters for 21"):
            plots()[kind].draw(letters, alphabet="AB")
