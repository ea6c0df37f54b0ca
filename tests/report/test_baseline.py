"""Pictures look as they did when someone looked at them; that they show the tree is what test_draw_… says."""

from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.testing.compare import compare_images
from matplotlib.testing.exceptions import ImageComparisonFailure

from carving.tree import Tree
from tests.report.pictures import DPI, OF_LETTERS, PICTURES, draw, pictured_tree

BASELINE = Path(__file__).resolve().parent / "baseline"
# root mean square of the differences, of 255: edges drawn a little differently stay far below it
TOLERANCE = 2.0


def difference(name: str, folder: Path, tree: Tree | None = None) -> str | None:
    path = folder / f"{name}.png"
    draw(name, tree).savefig(path, dpi=DPI)
    # matplotlib writes beside the picture that it compares with
    expected = folder / f"{name}-expected.png"
    expected.write_bytes((BASELINE / f"{name}.png").read_bytes())
    try:
        found = compare_images(str(expected), str(path), TOLERANCE)
    except ImageComparisonFailure as other_size:
        return str(other_size)
    return None if found is None else str(found)


@pytest.mark.parametrize("name", [*PICTURES, *OF_LETTERS])
def test_pictures_look_as_they_did(name: str, tmp_path):
    assert difference(name, tmp_path) is None


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_look_the_same_in_other_letters(name: str, tmp_path):
    with mpl.rc_context({"font.family": "DejaVu Serif", "font.size": 13, "text.hinting": "none"}):
        assert difference(name, tmp_path) is None


@pytest.mark.parametrize("name", ["river", "rectangular", "radial", "icicle", "pca", "states", "free-energy"])
def test_two_colours_that_are_swapped_are_noticed(name: str, tmp_path):
    tree = pictured_tree()
    colors = tree.colors["kind"]
    swapped = {"kind": colors | {"a": colors["b"], "b": colors["a"]}}
    assert difference(name, tmp_path, replace(tree, colors=swapped)) is not None


@pytest.mark.parametrize("name", ["river", "rectangular", "radial", "icicle", "pca", "levels", "free-energy"])
def test_a_branch_that_parts_at_another_age_is_noticed(name: str, tmp_path):
    tree = pictured_tree()
    if name in ("pca", "levels", "free-energy", "rectangular"):
        # what these show of it are states, groups and distances
        states, nodes = tree.states, tree.nodes
        moved = states.visible.copy()
        moved[7] = 1 - moved[7]
        points = nodes.visible.copy()
        points[4] = 1 - points[4]
        other = replace(
            tree,
            states=replace(states, visible=moved, free_energy=states.free_energy - (states.node == 4)),
            nodes=replace(nodes, visible=points),
            ages=replace(tree.ages, groups=np.array([4, 4, 2, 1])),
        )
    else:
        ages = tree.nodes.age.copy()
        ages[5] = 30
        other = replace(tree, nodes=replace(tree.nodes, age=ages))
    assert difference(name, tmp_path, other) is not None


@pytest.mark.parametrize("name", [*OF_LETTERS, "states", "rows", "split", "sites"])
def test_a_site_that_is_turned_is_noticed(name: str, tmp_path):
    tree = pictured_tree(letters=4 if name in OF_LETTERS else None)
    points, visible = tree.nodes.visible.copy(), tree.states.visible.copy()
    for values in (points, visible):
        values[:, 0] = values[:, 0, ::-1] if values.ndim == 3 else 1 - values[:, 0]
    turned = replace(
        tree, nodes=replace(tree.nodes, visible=points), states=replace(tree.states, visible=visible)
    )
    assert difference(name, tmp_path, turned) is not None
