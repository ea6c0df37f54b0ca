"""The skeletons of nested formats: brackets around what each vertex has to say."""

from collections.abc import Iterable, Iterator

import numpy as np

from carving.errors import InvalidInput
from carving.export._format import Target, target_name
from carving.tree.topology import Topology


def nested(shape: Topology, words: Iterable[str]) -> Iterator[str]:
    """Newick text in pieces, up to the semicolon.

    With children before parents no stack is needed: a vertex that is no deeper than the one before it
    by one less closes a bracket, any other one is the end of a branch and opens as many brackets as it
    is deeper.

    Parameters
    ----------
    shape
        Which vertices, in which order and depth.
    words
        What to write for each vertex of ``shape.order``.
    """
    before, separator = 0, ""
    for depth, word in zip(shape.depth.tolist(), words, strict=True):
        if depth < before:
            yield f"){word}"
        else:
            yield f"{separator}{'(' * (depth - before)}{word}"
        before, separator = depth, ","
    yield ";\n"


def nested_from_root(
    depths: np.ndarray, words: Iterable[str], *, opening: str, between: str, closing: str, end: str
) -> Iterator[str]:
    """Text in which each vertex holds its children after what it has to say itself.

    Parameters
    ----------
    depths
        Of the vertices, parents before children and siblings in order.
    words
        What to write for each of them.
    opening, between, closing
        What comes before the first child, between two children and after the last one.
    end
        What comes after every vertex and its children.
    """
    before = -1
    for depth, word in zip(depths.tolist(), words, strict=True):
        if depth > before:
            yield opening if depth else ""
        else:
            yield f"{end}{f'{closing}{end}' * (before - depth)}{between}"
        yield word
        before = depth
    yield f"{end}{f'{closing}{end}' * before}\n"


def check_depth(shape: Topology, limit: int, target: Target, what: str, instead: str) -> None:
    """Refuse a tree that is too deep for the programs which read a format by recursion."""
    deepest = int(shape.depth.max())
    if deepest > limit:
        raise InvalidInput(
            f"{target_name(target)}: tree of depth {deepest}: what reads {what} ends near depth {limit}; "
            f"export as {instead} instead"
        )
