"""Newick and NEXUS as FigTree draws them: its picture has every name, colour, branch and length.

FigTree has no other interface, but draws without a window: ``figtree -graphic SVG``.
"""

import dataclasses
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from carving.errors import InvalidInput
from carving.export import ExportOptions, formats
from carving.tree import Tree
from tests.export.test_names import NAMES, named
from tests.export.viewers.reading import expected, need
from tests.trees import random_tree

_SVG = "{http://www.w3.org/2000/svg}"
_NUMBER = r"-?[\d.]+(?:E-?\d+)?"
# the size of the letters tells names of tips from the scale; in NEXUS we choose that of the node labels
_TIPS, _NODES = "8px", "7px"
_GREY = "#9a9a9a"


@dataclass(frozen=True)
class Picture:
    """What is drawn, from the top down.

    Attributes
    ----------
    tips
        Name and colour.
    nodes
        What stands at the inner nodes.
    branches
        For every branch the tips above it, its share of the longest way from the root, and its colour.
    """

    tips: list[tuple[str, str]]
    nodes: list[str]
    branches: dict[frozenset[str], tuple[float, str]]


def draw(tree: Tree, format: str, folder: Path, **options) -> Picture:
    program = need(shutil.which("figtree"), "FigTree", "apt-get install figtree")
    path, picture = folder / formats()[format].target, folder / "picture.svg"
    formats()[format].write(tree, path, ExportOptions(**options))
    picture.unlink(missing_ok=True)
    subprocess.run(
        [program, "-graphic", "SVG", "-width", "2000", "-height", "1000", path, picture],
        check=True,
        capture_output=True,
        timeout=120,
    )
    return _picture(picture)


def _styled(element: ElementTree.Element, above: dict[str, str]) -> Iterator[tuple]:
    """Every element with the style that holds for it and the place of the group that it is in."""
    style = dict(above)
    for part in element.get("style", "").split(";"):
        if ":" in part:
            key, value = part.split(":", 1)
            style[key.strip()] = value.strip()
    style["transform"] = above.get("transform", "") + element.get("transform", "")
    yield element, style
    for child in element:
        yield from _styled(child, style)


def _color(style: dict[str, str], of: str) -> str:
    found = re.fullmatch(r"rgb\((\d+),(\d+),(\d+)\)", style.get(of, ""))
    return "#" + "".join(f"{int(value):02x}" for value in found.groups()) if found else style.get(of, "")


def _picture(path: Path) -> Picture:
    tips: list[tuple[float, str, str]] = []
    nodes: list[tuple[float, str]] = []
    above: dict[tuple[float, ...], tuple[tuple[float, ...], str]] = {}
    for element, style in _styled(ElementTree.parse(path).getroot(), {}):
        if element.tag == f"{_SVG}text" and "matrix" in style["transform"]:
            down = _down(style["transform"])
            if style.get("font-size") == _TIPS:
                tips.append((down, element.text or "", _color(style, "fill")))
            elif style.get("font-size") == _NODES:
                nodes.append((down, element.text or ""))
        if element.tag == f"{_SVG}path":
            numbers = [float(number) for number in re.findall(_NUMBER, element.get("d", ""))]
            if len(numbers) == 6:
                # right to left to the parent's place, then up or down to the parent
                above[tuple(numbers[:2])] = (tuple(numbers[4:]), _color(style, "stroke"))
    names = [name for _, name, _ in sorted(tips)]
    return Picture(
        tips=[(name, color) for _, name, color in sorted(tips)],
        nodes=[text for _, text in sorted(nodes)],
        branches=_branches(names, above),
    )


def _down(transform: str) -> float:
    """How far down a group is moved: 'translate(x,y) matrix(1,0,0,1,x,y)', the first of them maybe."""
    moves = re.findall(r"(translate|matrix)\(([^)]*)\)", transform)
    return sum(float(numbers.split(",")[-1]) for _, numbers in moves)


def _branches(
    names: list[str], above: dict[tuple[float, ...], tuple[tuple[float, ...], str]]
) -> dict[frozenset[str], tuple[float, str]]:
    parents = {parent for parent, _ in above.values()}
    ends = sorted((point for point in above if point not in parents), key=lambda point: point[1])
    assert len(ends) == len(names)
    members: dict[tuple[float, ...], set[str]] = {}
    for name, point in zip(names, ends, strict=True):
        while point in above:
            members.setdefault(point, set()).add(name)
            point, _ = above[point]
    (root,) = parents - set(above)
    width = max(point[0] for point in above) - root[0]
    return {
        frozenset(members[point]): ((point[0] - parent[0]) / width, color)
        for point, (parent, color) in above.items()
    }


def branches_of(tree: Tree, kind: str = "distance") -> dict[frozenset[str], float]:
    """The same of the slow tree."""
    reading = expected(tree, kind)
    members: dict[str, set[str]] = {}
    total = dict.fromkeys(tree.leaves.name, 0.0)
    for leaf in tree.leaves.name:
        vertex: str | None = leaf
        while vertex is not None:
            members.setdefault(vertex, set()).add(leaf)
            total[leaf] += reading.length.get(vertex, 0.0)
            vertex = reading.parent[vertex]
    longest = max(total.values())
    return {frozenset(members[name]): length / longest for name, length in reading.length.items()}


def planted() -> Tree:
    """A random tree with the labels of three continents, one of them without a given colour."""
    generator = np.random.default_rng(3)
    tree = random_tree(24, generator=generator, ages=6, states=10)
    # one label a state, so that most nodes have a majority
    labels = np.array(["AFR", "EUR", "SAS", ""], dtype=object)[tree.leaves.node % 4]
    return dataclasses.replace(
        tree, labels={"continent": labels}, colors={"continent": {"AFR": "#ff8800", "EUR": "#0094ff"}}
    )


def test_figtree_draws_the_names_branches_and_lengths_of_newick(tmp_path: Path):
    tree = planted()
    picture = draw(tree, "newick", tmp_path)
    assert sorted(name for name, _ in picture.tips) == sorted(tree.leaves.name)
    assert {tips: length for tips, (length, _) in picture.branches.items()} == pytest.approx(
        branches_of(tree), abs=1e-4
    )


def test_figtree_draws_the_names_branches_lengths_colours_and_ages_of_nexus(tmp_path: Path):
    tree = planted()
    picture = draw(tree, "nexus", tmp_path)
    given = {"AFR": "#ff8800", "EUR": "#0094ff", "": _GREY}
    label = dict(zip(tree.leaves.name, tree.labels["continent"], strict=True))
    colors = dict(picture.tips)
    third = {colors[name] for name in label if label[name] == "SAS"}
    assert len(third) == 1
    assert not third & {*given.values()}
    given["SAS"] = third.pop()
    assert colors == {name: given[label[name]] for name in tree.leaves.name}
    assert {tips: length for tips, (length, _) in picture.branches.items()} == pytest.approx(
        branches_of(tree), abs=1e-4
    )
    for tips, (_, color) in picture.branches.items():
        known = [label[name] for name in tips if label[name]]
        most = [kind for kind in set(known) if 2 * known.count(kind) > len(known)]
        assert color == given[most[0] if most else ""]
    inner = {name for name in expected(tree).parent if name not in label}
    ages = [str(age) for name, age in zip(tree.nodes.name, tree.nodes.age, strict=True) if name in inner]
    assert sorted(picture.nodes) == sorted(ages)


# what FigTree makes something else of, against the rule of the format: its own loss
LOST: dict[str, set[str]] = {"newick": set(), "nexus": set()}


@pytest.mark.slow
@pytest.mark.parametrize("format", LOST)
def test_names_are_drawn_identical_but_for_the_losses_in_the_table(format: str, tmp_path: Path):
    found = {}
    for kind, name in NAMES.items():
        tree = named(name, leaf=True)
        try:
            picture = draw(tree, format, tmp_path, force=True)
        except InvalidInput:
            found[kind] = "refused"
            continue
        except (subprocess.CalledProcessError, FileNotFoundError, AssertionError):
            found[kind] = "lost"
            continue
        same = sorted(name for name, _ in picture.tips) == sorted(tree.leaves.name)
        found[kind] = "read" if same else "lost"
    control = {"line feed", "carriage return", "control character"}
    assert found == {
        kind: "refused" if kind in control else "lost" if kind in LOST[format] else "read" for kind in NAMES
    }
