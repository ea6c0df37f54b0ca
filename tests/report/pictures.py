"""The pictures that are compared with those in ``baseline/``: of one tree, written down, words left out.

What fonts decide is taken out: words are not drawn, and the width of a word is a number of letters.
"""

from collections.abc import Callable
from contextlib import contextmanager
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text

from carving import report
from carving.tree import Ages, Leaves, Nodes, States, Tree

DPI = 60
WIDTH = 3.4

#  age   1          ┌────────t1.0────────┐
#  age  10          │                 t10.0
#  age  30        t30.0              ┌──┴───┐
#  age 100   t100.0   t100.1      t100.2  t100.3
#  leaves       6        3           4       2
#  images    ▉▉      ▉             ▉▉▉       ▉▉▉
#            ▉▉      ▉                       ▉▉▉
KINDS = ["a", "a", "a", "a", "b", "", "b", "b", "b", "c", "c", "c", "a", "d", "d"]
GROUPS = ["x"] * 9 + ["y"] * 4 + ["z"] * 2
STATE = np.repeat([0, 1, 2, 3], [6, 3, 4, 2])
POINTS = (
    np.array([[1, 1, 0, 1, 1, 0], [1, 0, 0, 1, 0, 0], [1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1]]) * 0.9 + 0.05
)


def pictured_tree(*, letters: int | None = None) -> Tree:
    """The tree above; with a number of letters of Potts sites, whose first letter has the magnetisation."""
    points = np.stack([*POINTS, POINTS[:2].mean(0), POINTS[2:].mean(0), POINTS.mean(0)])
    if letters:
        rest = (1 - points)[..., None] * np.arange(1, letters) / np.arange(1, letters).sum()
        points = np.concatenate([points[..., None], rest], axis=-1)
    energy = np.array([-9.0, -8.5, -7.5, -8.0, -6.0, -5.0, -3.0])
    nodes = Nodes(
        name=text(["t100.0", "t100.1", "t100.2", "t100.3", "t30.0", "t10.0", "t1.0"]),
        parent=np.array([4, 4, 5, 5, 6, 6, -1]),
        age=np.array([100, 100, 100, 100, 30, 10, 1]),
        size=np.array([6, 3, 4, 2, 9, 6, 15]),
        free_energy=energy,
        error=np.zeros(7),
        converged=np.array([True, True, False, True, True, True, True]),
        stable=np.array([True, True, True, True, False, True, True]),
        visible=points,
        hidden=np.zeros((7, 1)),
        support=np.array([1, 1, 1, 1, 0.9, 0.55, np.nan]),
    )
    node = np.array([0, 1, 2, 3, 4, 2, 3, 4, 5, 6])
    age = np.array([100, 100, 100, 100, 30, 30, 30, 10, 10, 1])
    # younger states are less sure
    faded = 1 / points.shape[-1] if letters else 0.5
    sure = np.log1p(age) / np.log1p(100)
    visible = faded + (points[node] - faded) * sure.reshape(-1, *[1] * (points.ndim - 1))
    return Tree(
        nodes=nodes,
        leaves=Leaves(
            name=text(f"leaf {number}" for number in range(15)),
            node=STATE,
            distance=0.1 + 0.02 * np.arange(15) % 0.1,
            error=np.zeros(15),
        ),
        states=States(
            node=node,
            age=age,
            visible=visible.astype("f4"),
            hidden=np.zeros((10, 1), dtype="f4"),
            free_energy=energy[node] + 0.2 * np.arange(10),
            error=np.zeros(10),
            converged=np.ones(10, dtype=bool),
        ),
        ages=Ages(
            updates=np.array([100, 30, 10, 1]),
            groups=np.array([4, 3, 2, 1]),
            largest_step=np.full(4, np.nan),
            smallest_gap=np.full(4, np.nan),
            unconverged=np.array([1, 0, 0, 0]),
        ),
        labels={"kind": text(KINDS), "group": text(GROUPS)},
        colors={"kind": {"a": "#332288", "b": "#ee7733", "c": "#117733"}},
        visible_unit="potts" if letters else "bernoulli",
        hidden_unit="bernoulli",
        options={"linkage_distance": 0.05},
    )


def text(values) -> np.ndarray:
    return np.array(list(values), dtype=object)


def samples_of(tree: Tree) -> np.ndarray:
    """A row for each leaf: its state, one site turned in some."""
    rows = (POINTS[tree.leaves.node] > 0.5).astype(np.uint8)
    for leaf in range(0, len(rows), 2):
        rows[leaf, leaf % 6] ^= 1
    return rows


@contextmanager
def without_fonts():
    """Inside, every letter is as wide as any other."""

    def measure(words: str, properties, ismath):
        size = properties.get_size_in_points()
        return 0.55 * size * len(words), size, 0.2 * size

    fixed = SimpleNamespace(get_text_width_height_descent=measure)
    with patch("carving.report._words.text_to_path", fixed):
        yield


def wordless(figure: Figure) -> Figure:
    for words in figure.findobj(Text):
        words.set_visible(False)
    return figure


SHAPE = (2, 3)
PICTURES: dict[str, Callable[[Tree], Figure]] = {
    "river": lambda tree: report.draw_tree(tree, image_shape=SHAPE, width=WIDTH),
    "rectangular": lambda tree: report.draw_rectangular(tree, width=WIDTH),
    "radial": lambda tree: report.draw_radial(tree, branch_length="log-age", width=WIDTH),
    "icicle": lambda tree: report.draw_icicle(tree, width=WIDTH),
    "pca": lambda tree: report.draw_pca(tree, samples=samples_of(tree), width=WIDTH),
    "states": lambda tree: report.draw_states(tree, image_shape=SHAPE, width=WIDTH),
    "rows": lambda tree: report.draw_states(tree, width=WIDTH),
    "free-energy": lambda tree: report.draw_free_energy(tree, width=WIDTH),
    "split": lambda tree: report.draw_split(tree, image_shape=SHAPE, width=WIDTH),
    "sites": lambda tree: report.draw_split(tree, width=WIDTH),
    "levels": lambda tree: report.draw_levels(tree, permutations=9, width=WIDTH),
}
"""Of the tree above; and those of the tree with letters:"""
OF_LETTERS: dict[str, Callable[[Tree], Figure]] = {
    "logos": lambda tree: report.draw_states(tree, width=WIDTH),
    "split-logos": lambda tree: report.draw_split(tree, width=WIDTH),
}


def draw(name: str, tree: Tree | None = None) -> Figure:
    """One of the pictures, of its own tree unless another one is given."""
    with without_fonts():
        if name in PICTURES:
            return wordless(PICTURES[name](pictured_tree() if tree is None else tree))
        return wordless(OF_LETTERS[name](pictured_tree(letters=4) if tree is None else tree))
