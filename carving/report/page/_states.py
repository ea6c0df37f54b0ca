"""What the page tells of single nodes: a typical sample, the sites that tell branches apart, the image."""

import base64
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from carving.report._states import as_images, probabilities
from carving.report.page._columns import measured, whole
from carving.statistics import distinguishing_sites, splits
from carving.tree.reshape import nearest_leaves
from carving.tree.topology import branch_lengths

if TYPE_CHECKING:
    from carving.tree import Tree

MOST_SPLITS = 400
"""Splits of which the page holds the sites: those that part most samples from others."""

SITES = 10
"""How many sites of each."""

# pixels of all images together, a byte each before they are compressed
_MOST_PIXELS = 1_000_000


def typical_leaves(tree: "Tree") -> np.ndarray:
    """For every node a leaf that is like it, by way of the child whose state is nearest, again and again.

    In a state of the oldest age it is the leaf at the smallest distance. One pass over the nodes, whatever
    their depth.
    """
    nodes = len(tree.nodes)
    typical = np.full(nodes, -1)
    leaf, state = nearest_leaves(tree)
    typical[state] = leaf
    distance = branch_lengths(tree, "distance")
    nearest = np.full(nodes, np.inf)
    own = typical >= 0
    for child, parent in enumerate(tree.nodes.parent[:-1].tolist()):
        if not own[parent] and (typical[parent] < 0 or distance[child] < nearest[parent]):
            typical[parent], nearest[parent] = typical[child], distance[child]
    return typical


def sites_data(tree: "Tree", site_names: Sequence[str] | None, alphabet: str | None) -> dict[str, Any] | None:
    """The most distinguishing sites of the splits that part most samples; None where nothing parts."""
    nodes = _largest_splits(tree)
    if not len(nodes):
        return None
    found = [
        distinguishing_sites(tree, node, count=SITES, site_names=site_names, alphabet=alphabet)
        for node in nodes.tolist()
    ]
    number: dict[str, int] = {}
    rows = max(len(each.name) for each in found)
    site = np.full((len(found), rows), -1)
    values = np.zeros((len(found), rows, 2))
    for row, each in enumerate(found):
        site[row, : len(each.name)] = [number.setdefault(name, len(number)) for name in each.name]
        values[row, : len(each.name)] = each.magnetisation.T
    return {
        "rows": rows,
        "node": whole(nodes),
        "children": whole(np.array([each.children for each in found])),
        "site": whole(site),
        "names": list(number) if site_names is not None else [f"site {name}" for name in number],
        "magnetisation": measured(values, "f4"),
    }


def _largest_splits(tree: "Tree") -> np.ndarray:
    """Nodes that split, those first whose second branch is largest."""
    found = splits(tree)
    second = np.array([tree.nodes.size[children[1]] for children in found.children], dtype=np.int64)
    return found.node[np.argsort(-second, kind="stable")[:MOST_SPLITS]]


def images_data(tree: "Tree", image_shape: tuple[int, int] | None) -> dict[str, Any] | None:
    """The states of the largest nodes as one picture, side by side and row by row; dark is 1."""
    if image_shape is None:
        return None
    as_images(tree.nodes.visible[:1], image_shape)
    pixels = image_shape[0] * image_shape[1]
    nodes = np.argsort(-tree.nodes.size[: len(tree.nodes) - tree.has_added_root], kind="stable")
    nodes = np.sort(nodes[: max(1, _MOST_PIXELS // pixels)])
    images = as_images(probabilities(tree, tree.nodes.visible[nodes]), image_shape)
    shades = np.rint(255 * (1 - np.clip(images, 0, 1))).astype(np.uint8)
    across = int(np.ceil(np.sqrt(len(nodes))))
    down = -(-len(nodes) // across)
    sheet = np.full((down * across, *image_shape), 255, dtype=np.uint8)
    sheet[: len(nodes)] = shades
    sheet = sheet.reshape(down, across, *image_shape).swapaxes(1, 2)
    file = BytesIO()
    Image.fromarray(sheet.reshape(down * image_shape[0], -1)).save(file, format="PNG", optimize=True)
    source = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
    return {"shape": list(image_shape), "node": whole(nodes), "across": across, "source": source}
