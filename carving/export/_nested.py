"""The skeleton of Newick and its relatives: brackets around what each vertex has to say."""

from collections.abc import Iterable, Iterator

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
