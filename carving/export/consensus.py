"""A consensus of trees as Newick with its support, and as NEXUS with all that is known of its clades."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from carving.export._format import Target, text_target
from carving.export._nested import nested
from carving.export.newick import quoted

if TYPE_CHECKING:
    from carving.tree.compare import Consensus

_SETTINGS = """begin figtree;
	set nodeLabels.displayAttribute="support";
	set nodeLabels.isShown=true;
	set trees.order=false;
	set trees.rooting=false;
end;
"""


def write_consensus_newick(consensus: "Consensus", target: Target, *, force: bool = False) -> None:
    """Write a consensus as Newick: the support of each clade, from 0 to 1, stands where its name would.

    Branches are as long as :meth:`carving.tree.compare.Consensus.topology` says. Names are written as
    ``write_newick`` does.

    Parameters
    ----------
    consensus
        What to write.
    target
        A path or an open text file.
    force
        Replace what is there.

    Raises
    ------
    InvalidInput
        If a name holds a control character.
    """
    words = _words(consensus, [repr(share) for share in consensus.support.tolist()], target, always=False)
    with text_target(target, force=force) as file:
        file.writelines(words)


def write_consensus_nexus(consensus: "Consensus", target: Target, *, force: bool = False) -> None:
    """Write a consensus as NEXUS, with ``support``, ``age`` and ``size`` of each clade as annotations.

    FigTree opens it with the support at the nodes.

    Parameters
    ----------
    consensus, target, force
        As for ``write_consensus_newick``.

    Raises
    ------
    InvalidInput
        If a name holds a control character.
    """
    columns = (consensus.support.tolist(), consensus.age.tolist(), consensus.size.tolist())
    notes = [
        f"[&support={share!r},age={age!r},size={size}]" for share, age, size in zip(*columns, strict=True)
    ]
    words = _words(consensus, notes, target, always=True)
    with text_target(target, force=force) as file:
        file.write(f"#NEXUS\n\nbegin taxa;\n\tdimensions ntax={len(consensus.leaves)};\n\ttaxlabels\n")
        file.writelines(f"\t{name}\n" for name in quoted(consensus.leaves, target, always=True))
        file.write(";\nend;\n\nbegin trees;\n\ttree consensus = [&R] ")
        file.writelines(words)
        file.write(f"end;\n\n{_SETTINGS}")


def _words(consensus: "Consensus", clades: list[str], target: Target, *, always: bool) -> Iterator[str]:
    shape = consensus.topology()
    names = [*clades, *quoted(consensus.leaves, target, always=always)]
    lengths = shape.length.tolist()
    words = (
        f"{names[vertex]}{f':{lengths[vertex]!r}' if vertex != shape.root else ''}"
        for vertex in shape.order.tolist()
    )
    return nested(shape, words)
