"""Microreact's pair of files: a Newick tree and a table of its leaves, with their colours."""

import os
from typing import TYPE_CHECKING, Any

from carving._files import whole_folder
from carving.errors import InvalidInput
from carving.export._colors import colors_of
from carving.export._columns import free_name, label_columns
from carving.export._format import Format, with_options
from carving.export._table import write_table
from carving.export.newick import write_newick

if TYPE_CHECKING:
    from carving.tree import Tree


def write_microreact(
    tree: "Tree",
    folder: str | os.PathLike[str],
    *,
    branch_length: str = "distance",
    keep_unary: bool = False,
    precision: int | None = None,
    force: bool = False,
) -> None:
    """Write a folder with ``tree.nwk`` and ``metadata.csv``; drop both on https://microreact.org/upload.

    The table has a row a leaf: ``id``, the name in the tree; ``size``, how many samples it stands for, where
    that is not one each; every label column, and after it ``COLUMN__colour`` with its colours. A column
    named like another one gets ``_`` added. An unknown label is an empty cell and has no colour.

    Parameters
    ----------
    tree, branch_length, keep_unary, precision, force
        As for ``write_newick``.
    folder
        Is made.

    Raises
    ------
    InvalidInput
        If a name holds a control character, which Newick cannot hold.
    """
    columns: dict[str, Any] = {"id": tree.leaves.name.tolist()}
    if tree.is_condensed:
        columns["size"] = tree.leaves.size.tolist()
    labels = label_columns(tree, {"id", "size"})
    taken = {*columns, *(column.name for column in labels)}
    for column, name in zip(labels, tree.labels, strict=True):
        columns[column.name] = column.values.tolist()
        colored = free_name(f"{column.name}__colour", taken)
        taken.add(colored)
        known = zip(column.values, colors_of(tree, name).leaves, strict=True)
        columns[colored] = [color if label else "" for label, color in known]
    with whole_folder(folder, force=force) as inside:
        try:
            write_newick(
                tree,
                inside / "tree.nwk",
                branch_length=branch_length,
                keep_unary=keep_unary,
                precision=precision,
            )
        except InvalidInput as error:
            # the folder has another name until it is whole
            raise InvalidInput(str(error).replace(str(inside), os.fspath(folder))) from None
        write_table(columns, inside / "metadata.csv", force=False)


FORMAT = Format(
    name="microreact",
    target="microreact",
    description="a folder of tree.nwk and metadata.csv with colours: Microreact",
    write=with_options(write_microreact),
)
