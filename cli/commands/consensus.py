"""``carve consensus``: what several trees of the same samples agree on."""

import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from carving.errors import InvalidInput
from carving_cli import _loading
from carving_cli._console import Console, jsonable
from carving_cli._errors import interruptible
from carving_cli._options import STORE, common_options, force_option, output_option
from carving_cli._outputs import check_folder

if TYPE_CHECKING:
    from carving.tree import Tree
    from carving.tree.compare import Consensus, Distances

# from which share on a clade counts as well supported
STRONG = 0.9


@click.command(name="consensus")
@click.argument("trees", nargs=-1, required=True, type=STORE)
@output_option("consensus", "The folder to write.")
@click.option(
    "--threshold",
    type=click.FloatRange(0.5, 1),
    default=0.5,
    show_default=True,
    metavar="SHARE",
    help="Share of the trees that must have a clade, which is in more than half of them in any case.",
)
@click.option(
    "--reference",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="The tree, counted from 1, whose nodes get the support of the others.",
)
@click.option(
    "--support",
    "kind",
    type=click.Choice(["exact", "transfer"]),
    default="exact",
    show_default=True,
    help="Of these nodes: the share of the others that have exactly the node, or how nearly they have it, "
    "which a few samples that go elsewhere change little.",
)
@click.option(
    "--common-leaves",
    is_flag=True,
    help="Compare what samples the trees have in common, where they do not all have the same.",
)
@click.option(
    "--quartets", is_flag=True, help="Also take quartet distances, which look at all sets of four samples."
)
@click.option(
    "--age",
    type=click.IntRange(min=0),
    default=None,
    metavar="T",
    help="Also compare the groups at this age: coclustering.npz, and the adjusted Rand index of each pair.",
)
@click.option(
    "--groups",
    type=click.IntRange(min=1),
    default=None,
    metavar="K",
    help="The same at the level of each tree that has nearest to K groups.",
)
@force_option
@common_options
def command(
    trees: tuple[str, ...],
    output: Path,
    threshold: float,
    reference: int,
    kind: str,
    common_leaves: bool,
    quartets: bool,
    age: int | None,
    groups: int | None,
    force: bool,
) -> None:
    """Find what several trees of the same samples agree on.

    Trees of other seeds, orders, settings or subsamples differ; the clades that most of them have are
    what the data say. The output folder holds consensus.nwk, with the support of each clade, from 0 to 1,
    in the place of its name; consensus.nexus, which also says its age and size; distances.csv of all pairs
    of trees; and tree.zarr: one of the trees, with the support of each of its nodes, for `carve export`,
    `carve info` and whatever else takes a tree.

    \b
    Examples:
      carve consensus seed-1/tree seed-2/tree seed-3/tree
      carve consensus order1/ order2/ order3/ --reference 2 --groups 8 -o agreement/
    """  # fmt: skip
    from carving.tree import compare

    if len(trees) < 2:
        raise click.UsageError("one tree has nothing to agree with; name at least two")
    if reference > len(trees):
        raise click.BadOptionUsage(
            "--reference",
            f"--reference: there are {len(trees)} trees, not {reference}; give 1 to {len(trees)}",
        )
    if age is not None and groups is not None:
        raise click.UsageError("--age and --groups both name a level; give one of them")
    console = Console()
    check_folder(output, force=force, mark="consensus.nwk")
    given = [_loading.load_tree(path) for path in trees]
    if not common_leaves:
        _check_leaves(trees, given)
    level = {"age": age, "groups": groups} if age is not None or groups is not None else None
    with interruptible("nothing was written"), console.progress() as progress:
        agreed = compare.consensus(given, threshold=threshold)
        together = None if level is None else compare.coclustering(given, **level)
        apart = compare.distances(given, quartets=quartets, progress=progress)
        others = [tree for number, tree in enumerate(given, start=1) if number != reference]
        mark = compare.support if kind == "exact" else compare.transfer_support
        supported = mark(given[reference - 1], others)
        indices = None
        if level is not None:
            pairs = zip(apart.first.tolist(), apart.second.tolist(), strict=True)
            indices = [compare.adjusted_rand_index(given[i], given[j], **level) for i, j in pairs]
    for path, count in zip(trees, agreed.left_out, strict=True):
        if count:
            console.warn(f"{path}: {count:,} of its samples are not in all other trees and were left out")
    facts = _facts(trees, agreed, apart, supported, reference, indices)
    facts["support"] = kind
    with interruptible("nothing was written"):
        facts["files"] = _write(output, facts, agreed, apart, supported, together, indices, force=force)
    console.summary({"output": str(output), **facts}, _in_words(output, facts))


def _check_leaves(paths: tuple[str, ...], trees: "list[Tree]") -> None:
    """Refuse trees of different samples, unless that is meant."""
    names = set(trees[0].leaves.name)
    for path, tree in zip(paths, trees, strict=True):
        more, fewer = set(tree.leaves.name) - names, names.difference(tree.leaves.name)
        for strangers, owner, other in ((more, path, paths[0]), (fewer, paths[0], path)):
            if strangers:
                raise InvalidInput(
                    f"{owner}: {len(strangers):,} of its samples, such as {min(strangers)!r:.80}, are not in "
                    f"{other}; compare what they have in common with --common-leaves"
                )


def _facts(
    paths: tuple[str, ...],
    agreed: "Consensus",
    apart: "Distances",
    supported: "Tree",
    reference: int,
    indices: list[float] | None,
) -> dict[str, Any]:
    import numpy as np

    # the clade of all samples is no finding
    clades = agreed.support[:-1]
    marks = supported.nodes.support[:-1]
    known = marks[~np.isnan(marks)]
    triplets = apart.triplets[~np.isnan(apart.triplets)]
    facts: dict[str, Any] = {
        "trees": list(paths),
        "samples": len(agreed.leaves),
        "left_out": list(agreed.left_out),
        "threshold": agreed.threshold,
        "clades": len(clades),
        "clades_of_0.9": int((clades >= STRONG).sum()),
        "mean_support": float(clades.mean()) if len(clades) else None,
        "mean_robinson_foulds": float(apart.robinson_foulds.mean()),
        "mean_robinson_foulds_normalised": float(apart.robinson_foulds_normalised.mean()),
        "mean_triplet_distance": float(triplets.mean()) if len(triplets) else None,
        # NaN where it was not asked for becomes null
        "mean_quartet_distance": float(apart.quartets.mean()),
        "reference": paths[reference - 1],
        "reference_nodes": len(known),
        "reference_nodes_of_0.9": int((known >= STRONG).sum()),
    }
    if indices is not None:
        facts["mean_adjusted_rand_index"] = float(np.mean(indices))
    return facts


def _write(
    output: Path,
    facts: dict[str, Any],
    agreed: "Consensus",
    apart: "Distances",
    supported: "Tree",
    together: Any,
    indices: list[float] | None,
    *,
    force: bool,
) -> list[str]:
    """Everything or nothing."""
    import json

    import numpy as np

    from carving._files import whole_folder
    from carving.export.consensus import write_consensus_newick, write_consensus_nexus

    files = ["consensus.nwk", "consensus.nexus", "distances.csv", "tree.zarr", "summary.json"]
    with whole_folder(output, force=force) as folder:
        try:
            write_consensus_newick(agreed, folder / "consensus.nwk")
            write_consensus_nexus(agreed, folder / "consensus.nexus")
        except InvalidInput as error:
            raise InvalidInput(str(error).replace(str(folder), str(output))) from error
        _write_distances(folder / "distances.csv", facts["trees"], apart, indices)
        supported.save(folder / "tree.zarr")
        if together is not None:
            names, share = together
            np.savez_compressed(folder / "coclustering.npz", names=names.astype(str), share=share)
            files.insert(3, "coclustering.npz")
        text = json.dumps(jsonable({**facts, "files": files}), ensure_ascii=False, indent=2, allow_nan=False)
        (folder / "summary.json").write_text(f"{text}\n", encoding="utf-8")
    return files


def _write_distances(path: Path, trees: list[str], apart: "Distances", indices: list[float] | None) -> None:
    from carving.export._table import cells, write_table

    columns = {
        "first": [trees[number] for number in apart.first],
        "second": [trees[number] for number in apart.second],
        "samples": cells(apart.leaves),
        "robinson_foulds": cells(apart.robinson_foulds),
        "robinson_foulds_normalised": cells(apart.robinson_foulds_normalised),
        "triplet_distance": cells(apart.triplets),
        "quartet_distance": cells(apart.quartets),
    }
    if indices is not None:
        columns["adjusted_rand_index"] = indices
    write_table(columns, path, force=False)


def _in_words(output: Path, facts: dict[str, Any]) -> list[str]:
    triplets, rand = facts["mean_triplet_distance"], facts.get("mean_adjusted_rand_index")
    lines = [
        f"{output}: {len(facts['trees'])} trees, {facts['samples']:,} samples in all of them",
        f"  consensus         {facts['clades']:,} clades in more than half of the trees, "
        f"{facts['clades_of_0.9']:,} of them with a support of 0.9 or more",
        f"  Robinson-Foulds   {facts['mean_robinson_foulds']:.4g} on average, "
        f"{facts['mean_robinson_foulds_normalised']:.3f} of the clades of two trees",
    ]
    if triplets is not None:
        lines.append(f"  triplets          {triplets:.3f} of them differ on average")
    if not math.isnan(facts["mean_quartet_distance"]):
        lines.append(f"  quartets          {facts['mean_quartet_distance']:.3f} of them differ on average")
    if rand is not None:
        lines.append(f"  groups            adjusted Rand index {rand:.3f} on average")
    lines += [
        f"  reference         {facts['reference']}: {facts['reference_nodes_of_0.9']:,} of its "
        f"{facts['reference_nodes']:,} nodes have a support of 0.9 or more by the others",
        f"  files             {' '.join(facts['files'])}",
        "What next",
        f"  open {shlex.quote(str(output / 'consensus.nexus'))} in FigTree, with the support at its nodes",
    ]
    return lines
